//! The parameters of the OpenAPI document, each once.

use nilometer_query::series::Method;
use nilometer_schemas::limits::{CHANGES_LIMIT_MAX, COLLECTIONS_MAX, IDS_MAX, Q_CHARS_MAX, REFS_MAX};
use serde_json::{Map, Value, json};

use crate::links::CRS84;

use crate::routes::edr::{Format, TOLERANCE_M, steps, units};
use crate::routes::tiles::PROPERTIES_MAX;

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema})
}

/// A list written with commas.
fn list(name: &str, description: &str, items: Value, items_max: usize) -> Value {
    let schema = json!({"type": "array", "items": items, "minItems": 1, "maxItems": items_max});
    let mut parameter = query(name, description, schema);
    parameter["style"] = "form".into();
    parameter["explode"] = false.into();
    parameter
}

fn path(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": {"type": "string"}})
}

fn whole(minimum: u64, maximum: usize, default: usize) -> Value {
    json!({"type": "integer", "minimum": minimum, "maximum": maximum, "default": default})
}

/// All parameters by the names under which operations refer to them.
pub(super) fn all(limit_default: usize, limit_max: usize) -> Map<String, Value> {
    let text = || json!({"type": "string"});
    let mut out = Map::new();
    let mut add = |key: &str, parameter: Value| {
        out.insert(key.into(), parameter);
    };
    add("collectionId", path("collectionId", "Identifier of a collection"));
    add("itemId", path("itemId", "Identifier of an item"));
    add("searchId", path("searchId", "Identifier of a kept question"));
    add(
        "properties",
        list(
            "properties",
            "Properties of items that tiles carry beside id, collection and title; latest values (latest:wse) are properties too",
            text(),
            PROPERTIES_MAX,
        ),
    );
    let place = |name: &str, description: &str| {
        let mut parameter = path(name, description);
        parameter["schema"] = json!({"type": "integer", "minimum": 0});
        parameter
    };
    add("tileMatrix", place("tileMatrix", "Zoom level, 0 to 24"));
    add("tileRow", place("tileRow", "Row of the tile, from the north"));
    add("tileCol", place("tileCol", "Column of the tile, from the west"));
    add(
        "f",
        query("f", "Form of the answer, over the Accept header", json!({"type": "string", "enum": ["json", "html"]})),
    );
    add(
        "lang",
        query(
            "lang",
            "Language of texts, over the Accept-Language header",
            json!({"type": "string", "examples": ["fr"]}),
        ),
    );
    let mut bbox = list(
        "bbox",
        "West, south, east, north in degrees (CRS84), or six numbers with heights, which are ignored. \
         West greater than east crosses the antimeridian",
        json!({"type": "number"}),
        6,
    );
    bbox["schema"]["minItems"] = 4.into();
    add("bbox", bbox);
    let mut point = list("point", "Longitude, latitude in degrees (CRS84)", json!({"type": "number"}), 2);
    point["schema"]["minItems"] = 2.into();
    add("point", point);
    add("place", query("place", "A stored item, COLLECTION.ID, whose geometry is the place", text()));
    add("datetime", query("datetime", "An RFC 3339 moment, or START/END with .. or nothing for an open end", text()));
    add(
        "limit",
        query("limit", "Items on a page; more than the maximum is clamped", whole(1, limit_max, limit_default)),
    );
    add("token", query("token", "Where the page begins: from a next link", text()));
    add("ids", list("ids", "Identifiers of items", text(), IDS_MAX));
    add("collections", list("collections", "Identifiers of collections", text(), COLLECTIONS_MAX));
    add("intersects", query("intersects", "A GeoJSON geometry that the item's shares a point with", text()));
    add(
        "intersectsRefs",
        list(
            "intersectsRefs",
            "Stored items, each COLLECTION.ID, whose geometry the item's shares a point with",
            text(),
            REFS_MAX,
        ),
    );
    let words = json!({"type": "string", "maxLength": Q_CHARS_MAX});
    add("q", list("q", "Words or phrases, of which one is in the item's texts", words, 32));
    add("filter", query("filter", "A CQL2 filter", text()));
    let languages = json!({"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"});
    add("filter-lang", query("filter-lang", "Language of the filter", languages));
    add(
        "filter-crs",
        query("filter-crs", "Reference system of the filter's geometries", json!({"type": "string", "enum": [CRS84]})),
    );
    add("sortby", list("sortby", "Properties to sort by, each with + (default) or - before it", text(), 8));
    add("fields", list("fields", "Members to answer with, each with - before it to leave it out", text(), 100));
    add("collectionsLimit", query("limit", "Collections on a page", whole(1, 10_000, 1_000)));
    add("collectionsToken", query("token", "Where the page begins: from a next link", text()));
    add("collectionsQ", query("q", "Beginnings of words in titles, descriptions and keywords", text()));
    add(
        "since",
        query(
            "since",
            "Sequence number after which changes are wanted",
            json!({"type": "integer", "minimum": 0, "default": 0}),
        ),
    );
    add("changesLimit", query("limit", "Changes on a page", whole(1, CHANGES_LIMIT_MAX, 1_000)));
    add("aggregations", list("aggregations", "Names of aggregations", text(), 16));
    for (name, most) in [
        ("centroid_geohash_grid_frequency_precision", 12),
        ("centroid_geotile_grid_frequency_precision", 29),
        ("centroid_geohex_grid_frequency_precision", 15),
        ("geometry_geohex_grid_frequency_precision", 8),
    ] {
        add(name, query(name, "Precision of the grid", json!({"type": "integer", "minimum": 0, "maximum": most})));
    }
    add_values(&mut add);
    let steps = json!({"type": "string", "enum": ["hour", "day", "month", "year"], "default": "month"});
    add("datetime_frequency_interval", query("datetime_frequency_interval", "Calendar step", steps));
    out
}

/// The parameters of OGC API EDR, our own among them.
fn add_values(add: &mut impl FnMut(&str, Value)) {
    let text = || json!({"type": "string"});
    let one_of = |values: Vec<&str>| json!({"type": "string", "enum": values});
    add("locationId", path("locationId", "Identifier of a feature, or several with commas between"));
    add(
        "edrDatetime",
        query(
            "datetime",
            "When the observations are: an RFC 3339 moment, a date, month or year, START/END with .. or nothing for an \
             open end, a list of these, or Rn/START/DURATION",
            text(),
        ),
    );
    add("parameterName", list("parameter-name", "Names of parameters; all if absent", text(), 1_000));
    add("crs", query("crs", "Reference system of positions", one_of(vec![CRS84, "CRS84"])));
    let limit = json!({"type": "integer", "minimum": 1});
    add("edrLimit", query("limit", "Taken and without effect: an answer is streamed whole", limit));
    let formats = json!({"type": "string", "enum": Format::labels(), "default": Format::CoverageJson.label()});
    add("edrFormat", query("f", "Format of the values, over the Accept header", formats));
    let versions = json!({"type": "string", "default": "latest", "examples": ["latest", "all", "PIC0_01"]});
    add(
        "version",
        query("version", "Versions of observations: the latest of each, all, or those of one name", versions),
    );
    let steps = steps();
    add(
        "resample",
        query("resample", "Calendar step, in UTC, of which statistics are wanted", one_of(steps.split(", ").collect())),
    );
    let methods = one_of(Method::ALL.iter().map(|method| method.as_str()).collect());
    let mut method = list(
        "method",
        "Statistics of each step, mean if absent; each comes with the number of values it rests on",
        methods,
        Method::ALL.len(),
    );
    method["schema"]["default"] = json!([Method::Mean.as_str()]);
    add("method", method);
    let required = |mut parameter: Value| {
        parameter["required"] = true.into();
        parameter
    };
    add("coords", required(query("coords", "POINT(LONGITUDE LATITUDE) or MULTIPOINT, well-known text", text())));
    add(
        "areaCoords",
        required(query("coords", "POLYGON or MULTIPOLYGON, well-known text, rings turning either way", text())),
    );
    let distance = || json!({"type": "number", "minimum": 0});
    add("within", required(query("within", "The distance", distance())));
    add("withinUnits", required(query("within-units", "Unit of the distance", one_of(units()))));
    let tolerance = format!("How far the feature may lie; {TOLERANCE_M} metres if absent");
    add("tolerance", query("within", &tolerance, distance()));
    add("toleranceUnits", query("within-units", "Unit of the distance", one_of(units())));
    let mut bbox = list(
        "bbox",
        "West, south, east, north in degrees (CRS84), or six numbers with heights",
        json!({"type": "number"}),
        6,
    );
    bbox["schema"]["minItems"] = 4.into();
    add("cubeBbox", required(bbox));
}
