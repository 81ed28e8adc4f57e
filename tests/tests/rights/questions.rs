//! What is asked: every address that reads, with random questions, of ids that are seen, of ids that are not, and of ids that
//! nobody has.

use nilometer_tests::http::encode;
use serde_json::{Value, json};

use crate::model::{Catalogue, Principal, REACHES, Seen};
use crate::twin::Target;

const QUESTIONS: usize = 8;
const AGGREGATIONS: &str = "total_count,collection_frequency,datetime_frequency,datetime_min,datetime_max,level_frequency,\
    level_histogram,level_stats,level_distinct,kind_frequency,of_rare_frequency,geometry_geotile_grid_frequency,\
    geometry_geohex_grid_frequency,geometry_geohash_grid_frequency";
const FILTERS: [&str; 12] = [
    "level >= 7",
    "kind = 'rare'",
    "kind <> 'rare' AND level < 12",
    "of_rare > 3",
    "of_rare IS NULL",
    "rare_note = 'seldom'",
    "rare_note = 'seldom'",
    "\"latest:wse\" > 20",
    "\"latest:salt\" > 20",
    "\"observations:count\" >= 2",
    "T_AFTER(datetime, TIMESTAMP('2050-01-01T00:00:00Z'))",
    "S_INTERSECTS(geometry, BBOX(-5, -5, 5, 5))",
];

fn get(kind: &'static str, path: impl Into<String>) -> Target {
    Target { kind, path: path.into(), body: None, html: false }
}

fn page(path: impl Into<String>) -> Target {
    Target { html: true, ..get("web page", path) }
}

/// Names and values of a random question.
fn question(
    random: &mut fastrand::Rng,
    catalogue: &Catalogue,
    items: &[(String, String)],
) -> Vec<(&'static str, String)> {
    let mut asked: Vec<(&'static str, String)> = Vec::new();
    let any = |random: &mut fastrand::Rng| {
        let nothing = || (REACHES.to_owned(), "nothing".to_owned());
        random.choice(items).cloned().unwrap_or_else(nothing)
    };
    if random.u8(0..3) == 0 {
        let (w, s) = (f64::from(random.i32(-12..8)) + 0.5, f64::from(random.i32(-12..8)) + 0.5);
        asked.push(("bbox", format!("{w},{s},{},{}", w + 9.0, s + 9.0)));
    }
    if random.u8(0..4) == 0 {
        asked.push((
            "datetime",
            ["2020-03-01T00:00:00Z/2020-10-01T00:00:00Z", "2050-01-01T00:00:00Z/.."][random.usize(0..2)].into(),
        ));
    }
    if random.u8(0..2) == 0 {
        asked.push(("filter", FILTERS[random.usize(0..FILTERS.len())].into()));
        if random.u8(0..4) == 0 {
            asked.push(("strict", "true".into()));
        }
    }
    if random.u8(0..3) == 0 {
        let word =
            ["amber", "birch", "ambre", "delta", "grov", "heron OR inlet", "i3", "jetty -kelpie"][random.usize(0..8)];
        asked.push(("q", word.into()));
    }
    if random.u8(0..6) == 0 {
        let ids: Vec<String> = (0..3).map(|_| any(random).1).collect();
        asked.push(("ids", ids.join(",")));
    }
    if random.u8(0..5) == 0 {
        let (collection, id) = any(random);
        asked.push(("intersectsRefs", format!("{collection}.{id}")));
    }
    if random.u8(0..4) == 0 {
        let mut all: Vec<&str> = catalogue.collections.iter().map(|own| own.id.as_str()).collect();
        all.push("nowhere");
        asked.push(("collections", format!("{},{}", all[random.usize(0..all.len())], all[random.usize(0..all.len())])));
    }
    asked
}

/// Orders of pages.
const ORDERS: [&str; 9] =
    ["datetime", "-datetime", "level", "-level", "title", "id", "-of_rare", "latest:wse", "-observations:count"];

fn query(asked: &[(&'static str, String)]) -> String {
    asked.iter().map(|(name, value)| format!("&{name}={}", encode(value))).collect()
}

/// The same as a body.
fn body(asked: &[(&'static str, String)]) -> Value {
    let mut body = json!({});
    for (name, value) in asked {
        body[*name] = match *name {
            "bbox" => value.split(',').filter_map(|n| n.parse::<f64>().ok()).collect(),
            "ids" | "collections" | "intersectsRefs" => value.split(',').collect(),
            "q" => json!([value]),
            "strict" => json!(true),
            "filter" => {
                body["filter-lang"] = json!("cql2-text");
                json!(value)
            }
            _ => json!(value),
        };
    }
    body
}

fn random_questions(
    random: &mut fastrand::Rng,
    catalogue: &Catalogue,
    items: &[(String, String)],
    all: &mut Vec<Target>,
) {
    for _ in 0..QUESTIONS {
        let asked = question(random, catalogue, items);
        let text = query(&asked);
        let order = ORDERS[random.usize(0..ORDERS.len())];
        all.push(get("search", format!("/search?limit={}{text}", random.usize(1..6))));
        all.push(get("search, ordered", format!("/search?limit=4&sortby={}{text}", encode(order))));
        let mut posted = body(&asked);
        posted["limit"] = json!(50);
        all.push(Target { body: Some(posted.clone()), ..get("search by POST", "/search") });
        all.push(get("search, fields", format!("/search?limit=50&fields=id,properties.kind{text}")));
        for more in ["", "&multiselect=true"] {
            all.push(get("counts", format!("/aggregate?aggregations={AGGREGATIONS}{more}{text}")));
        }
        posted["aggregations"] = json!(["total_count", "kind_frequency", "level_stats"]);
        posted.as_object_mut().expect("an object").remove("limit");
        all.push(Target { body: Some(posted), ..get("counts by POST", "/aggregate") });
        for format in ["csv", "geojson"] {
            all.push(get("download", format!("/search/export?f={format}{text}")));
        }
        let (z, row, col) = [(0, 0, 0), (3, 3, 4), (6, 31, 31), (6, 32, 31)][random.usize(0..4)];
        all.push(get(
            "map tile",
            format!("/tiles/WebMercatorQuad/{z}/{row}/{col}?properties=kind,level,latest:wse{text}"),
        ));
        all.push(get("map document", format!("/tiles/WebMercatorQuad/tilejson.json?{}", text.trim_start_matches('&'))));
        all.push(page(format!("/search?limit=5{text}")));
        let within = &catalogue.collections[random.usize(0..catalogue.collections.len())].id;
        let inside: Vec<_> = asked.iter().filter(|(name, _)| *name != "collections").cloned().collect();
        let text = query(&inside);
        all.push(get("items", format!("/collections/{within}/items?limit=3{text}")));
        all.push(get(
            "counts of a collection",
            format!("/collections/{within}/aggregate?aggregations=total_count,kind_frequency{text}"),
        ));
        all.push(get("download", format!("/collections/{within}/export?f=csv{text}")));
        all.push(get("map tile", format!("/collections/{within}/tiles/WebMercatorQuad/2/1/2?properties=kind{text}")));
    }
}

fn of_collection(id: &str, all: &mut Vec<Target>) {
    let path = format!("/collections/{id}");
    all.push(get("collection", path.clone()));
    for below in
        ["/queryables", "/sortables", "/schema", "/aggregations", "/catalog", "/tiles", "/tiles/WebMercatorQuad"]
    {
        all.push(get("document of a collection", format!("{path}{below}")));
    }
    all.push(get("map document", format!("{path}/tiles/WebMercatorQuad/tilejson.json")));
    all.push(get("items", format!("{path}/items?limit=100&sortby=id")));
    all.push(get("items", format!("{path}/items?kind=rare")));
    all.push(get("features with observations", format!("{path}/locations?limit=100")));
    for f in ["CSV", "CoverageJSON", "GeoJSON"] {
        let area = encode("POLYGON((-6 -6, 6 -6, 6 6, -6 6, -6 -6))");
        all.push(get("series", format!("{path}/area?coords={area}&f={f}")));
        all.push(get("series", format!("{path}/cube?bbox=-9,-9,9,9&f={f}")));
    }
    all.push(get("series", format!("{path}/cube?bbox=-180,-90,180,90&f=CSV&parameter-name=salt")));
    all.push(get("series", format!("{path}/cube?bbox=-180,-90,180,90&f=CSV&resample=P1M&method=mean")));
    all.push(get("series", format!("{path}/position?coords={}&f=CSV", encode("POINT(1 1)"))));
    all.push(get("series", format!("{path}/radius?coords={}&within=900&within-units=km&f=CSV", encode("POINT(0 0)"))));
    all.push(page(path.clone()));
    all.push(page(format!("{path}/items")));
    all.push(page(format!("{path}/queryables")));
}

fn of_item(collection: &str, id: &str, all: &mut Vec<Target>) {
    let path = format!("/collections/{collection}/items/{id}");
    all.push(get("item", path.clone()));
    all.push(page(path.clone()));
    all.push(get("file", format!("{path}/assets/data")));
    all.push(get("file", format!("{path}/assets/{id}.csv")));
    all.push(get("file", format!("{path}/assets/none")));
    all.push(get("series", format!("/collections/{collection}/locations/{id}?f=CSV")));
    all.push(get("series", format!("/collections/{collection}/locations/{id}?f=CoverageJSON&parameter-name=wse")));
    if collection == REACHES {
        let period = "start_time=2021-01-01T00:00:00Z&end_time=2022-01-01T00:00:00Z";
        for form in ["", "&output=csv"] {
            let fields = "reach_id,wse";
            all.push(get(
                "Hydrocron",
                format!("/hydrocron/v1/timeseries?feature=Reach&feature_id={id}&{period}&fields={fields}{form}"),
            ));
        }
    }
}

/// All that is asked of both servers.
pub(crate) fn targets(
    random: &mut fastrand::Rng,
    catalogue: &Catalogue,
    seen: &Seen,
    principal: Principal,
) -> Vec<Target> {
    let mut all = Vec::new();
    // These tell everybody what visitors see.
    if principal == Principal::Visitor {
        all.extend(["/api", "/sitemap.xml", "/sitemap/pages.xml"].map(|path| get("document", path)));
        all.push(page("/api.html"));
        let ids = catalogue.collections.iter().map(|own| own.id.as_str()).chain(["nowhere"]);
        all.extend(ids.map(|id| get("document", format!("/sitemap/{id}/0.xml"))));
    }
    for path in [
        "/",
        "/conformance",
        "/collections",
        "/children",
        "/collections-queryables",
        "/queryables",
        "/sortables",
        "/aggregations",
        "/robots.txt",
        "/places?q=am",
        "/places?q=delta",
        "/changes/snapshot",
        "/collections?filter=id%20LIKE%20%27%251%27",
        "/collections?bbox=-3,-3,3,3",
        "/collections?limit=2",
    ] {
        all.push(get("document", path));
    }
    for text in ["a", "de", "amber", "birch i", "r", "heron lagoon", "i1", "swot", "title"] {
        all.push(get("suggestions", format!("/suggest?q={}", encode(text))));
        all.push(get("sentence", format!("/search?interpret=true&limit=3&q={}", encode(text))));
    }
    for path in
        ["/", "/collections", "/search", "/aggregations", "/search?q=amber&interpret=true", "/search?place=delta"]
    {
        all.push(page(path));
    }
    let items: Vec<(String, String)> = catalogue.items().into_keys().collect();
    random_questions(random, catalogue, &items, &mut all);
    for own in &catalogue.collections {
        of_collection(&own.id, &mut all);
    }
    of_collection("nowhere", &mut all);
    // Half of those that are there, seen or not; and what was there.
    for (collection, id) in items.iter().filter(|_| random.bool()).take(12) {
        of_item(collection, id, &mut all);
    }
    let shown = seen.catalogue.items();
    for (collection, id) in shown.keys().take(3) {
        of_item(collection, id, &mut all);
    }
    of_item(REACHES, "74200000009", &mut all);
    of_item("nowhere", "nothing", &mut all);
    all
}
