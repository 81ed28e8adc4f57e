//! The paths of OGC API EDR in the OpenAPI document.

use serde_json::{Map, Value, json};

use super::{Words, parameter_ref, schema_ref};
use crate::links::GEOJSON;
use crate::routes::edr::Format;

/// Parameters that say which values.
const WHICH: [&str; 8] =
    ["edrDatetime", "parameterName", "crs", "edrLimit", "version", "resample", "method", "edrFormat"];
/// Parameters of the question that say at which features.
const CONDITIONS: [&str; 9] =
    ["bbox", "intersects", "intersectsRefs", "ids", "filter", "filter-lang", "filter-crs", "query", "q"];

/// Adds the queries of one collection; `own` are the parameters of its path, `name` makes an operation's id.
pub(super) fn add_paths(paths: &mut Map<String, Value>, id: &str, own: &[Value], name: &dyn Fn(&str) -> String) {
    let path = format!("/collections/{id}");
    let mut add = |tail: &str, parameters: &[Value], operation: Value| {
        let mut operations = json!({"get": operation});
        if !parameters.is_empty() {
            operations["parameters"] = parameters.into();
        }
        paths.insert(format!("{path}/{tail}"), operations);
    };
    let list = ["edrDatetime", "parameterName", "crs", "limit", "token", "sortby"];
    add(
        "locations",
        own,
        json!({
            "tags": ["Values"], "operationId": name("getLocations"), "summary": "Features that have observations",
                "x-summary-fr": "Objets qui ont des observations",
            "parameters": references(&[&list, &CONDITIONS]),
            "responses": {
                "200": {"description": "A page of locations",
                    "x-description-fr": "Une page de lieux de mesure",
                    "content": {GEOJSON: {"schema": schema_ref("Locations")}}},
                "304": {"description": "Unchanged since the entity tag that the caller holds",
                    "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
                "default": {"$ref": "#/components/responses/Problem"},
            },
        }),
    );
    let with_location: Vec<Value> = own.iter().cloned().chain([parameter_ref("locationId")]).collect();
    add(
        "locations/{locationId}",
        &with_location,
        values(
            &name("getLocationValues"),
            ("Values at features named with commas between", "Valeurs aux objets nommés, séparés par des virgules"),
            &[&WHICH],
        ),
    );
    for (tail, operation, summary, place) in [
        (
            "position",
            "getPositionValues",
            ("Values at the feature nearest to a position", "Valeurs à l'objet le plus proche d'une position"),
            &["coords", "tolerance", "toleranceUnits"][..],
        ),
        (
            "radius",
            "getRadiusValues",
            (
                "Values at all features within a distance of a position",
                "Valeurs à tous les objets à moins d'une distance d'une position",
            ),
            &["coords", "within", "withinUnits"],
        ),
        (
            "area",
            "getAreaValues",
            ("Values at all features that meet an area", "Valeurs à tous les objets qui touchent une aire"),
            &["areaCoords"],
        ),
        (
            "cube",
            "getCubeValues",
            ("Values at all features that meet a box", "Valeurs à tous les objets qui touchent un cadre"),
            &["cubeBbox"],
        ),
    ] {
        let conditions: Vec<&str> =
            CONDITIONS.into_iter().filter(|name| *name != if tail == "cube" { "bbox" } else { "" }).collect();
        add(tail, own, values(&name(operation), summary, &[place, &WHICH, &conditions]));
    }
}

fn references(names: &[&[&str]]) -> Vec<Value> {
    names.iter().flat_map(|names| names.iter()).map(|name| parameter_ref(name)).collect()
}

/// A query with all formats.
fn values(id: &str, summary: Words<'_>, parameters: &[&[&str]]) -> Value {
    let mut content = Map::new();
    for format in Format::ALL {
        let schema = match format {
            Format::CoverageJson => schema_ref("Coverage"),
            Format::GeoJson => schema_ref("ObservationCollection"),
            Format::Csv => schema_ref("Text"),
            Format::Parquet | Format::Arrow => json!({"type": "string", "contentMediaType": format.media_type()}),
        };
        content.insert(format.media_type().into(), json!({"schema": schema}));
    }
    json!({
        "tags": ["Values"], "operationId": id, "summary": summary.0,
            "x-summary-fr": summary.1, "parameters": references(parameters),
        "responses": {
            "200": {"description": "The values, by feature and time",
                "x-description-fr": "Les valeurs, par objet et par date", "content": content},
            "204": {"description": "There are no such values", "x-description-fr": "Il n'y a pas de telles valeurs"},
            "304": {"description": "Unchanged since the entity tag that the caller holds",
                "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
            "413": {"$ref": "#/components/responses/Problem"},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}
