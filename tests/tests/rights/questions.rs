//! Random questions, asked in every form that there is, with ids that are seen, that are not, and that nobody has.

use nilometer_tests::http::encode;
use serde_json::{Value, json};

use crate::model::{Catalogue, RARE, REACHES, Seen};
use crate::target::{Target, get, page, post};

/// Questions of each principal; the first one asks for everything.
const QUESTIONS: usize = 4;
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

/// Names and values of a random question.
pub(crate) fn question(
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
pub(crate) fn body(asked: &[(&'static str, String)]) -> Value {
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

pub(crate) fn ask(random: &mut fastrand::Rng, catalogue: &Catalogue, seen: &Seen, all: &mut Vec<Target>) {
    let items: Vec<(String, String)> = catalogue.items().into_keys().collect();
    for at in 0..QUESTIONS {
        let asked = if at == 0 { Vec::new() } else { question(random, catalogue, &items) };
        // What asks for everything is answered, with all that is seen.
        let due = |target: Target| if at == 0 { target.with(200) } else { target };
        let counted =
            |target: Target| if at == 0 { target.with(200).counting(seen.catalogue.items().len()) } else { target };
        // What is counted by a property that no item has is refused.
        let shown = seen.catalogue.items();
        let countable = |target: Target, is_had: bool| if is_had { due(target) } else { target };
        let is_any_rare = shown.values().any(|version| version.kind == RARE);
        let text = query(&asked);
        // Nobody need have the properties of the other orders.
        let order = if at == 0 { ORDERS[0] } else { ORDERS[random.usize(0..ORDERS.len())] };
        all.push(counted(get("search", format!("/search?limit={}{text}", random.usize(3..8)))));
        all.push(counted(get("search, ordered", format!("/search?limit=6&sortby={}{text}", encode(order)))));
        let mut posted = body(&asked);
        posted["limit"] = json!(50);
        all.push(counted(post("search by POST", "/search", posted.clone())));
        all.push(counted(get("search, fields", format!("/search?limit=50&fields=id,properties.kind{text}"))));
        for more in ["", "&multiselect=true"] {
            let counts = get("counts", format!("/aggregate?aggregations={AGGREGATIONS}{more}{text}"));
            all.push(countable(counts, is_any_rare));
        }
        posted["aggregations"] = json!(["total_count", "kind_frequency", "level_stats"]);
        posted.as_object_mut().expect("an object").remove("limit");
        all.push(countable(post("counts by POST", "/aggregate", posted.clone()), !shown.is_empty()));
        for format in ["csv", "geojson"] {
            all.push(due(get("download", format!("/search/export?f={format}{text}"))));
        }
        all.push(due(post("download by POST", "/search/export?f=csv", body(&asked))));
        let (z, row, col) = if at == 0 { (0, 0, 0) } else { [(3, 3, 4), (6, 31, 31), (6, 32, 31)][random.usize(0..3)] };
        let tile = format!("/tiles/WebMercatorQuad/{z}/{row}/{col}?properties=kind,level,latest:wse{text}");
        let tile = get("map tile", tile);
        all.push(if at == 0 { tile.with(if shown.is_empty() { 204 } else { 200 }) } else { tile });
        let document = format!("/tiles/WebMercatorQuad/tilejson.json?{}", text.trim_start_matches('&'));
        all.push(due(get("map document", document)));
        all.push(due(page(format!("/search?limit=5{text}"))));
        within(random, catalogue, seen, &asked, all);
    }
}

/// The same within a collection.
fn within(
    random: &mut fastrand::Rng,
    catalogue: &Catalogue,
    seen: &Seen,
    asked: &[(&'static str, String)],
    all: &mut Vec<Target>,
) {
    // Everything is asked of the reaches, which somebody always sees.
    let at = if asked.is_empty() { 0 } else { random.usize(0..catalogue.collections.len()) };
    let within = &catalogue.collections[at].id;
    let inside: Vec<_> = asked.iter().filter(|(name, _)| *name != "collections").cloned().collect();
    let text = query(&inside);
    let due = |target: Target| if inside.is_empty() { target.of(within, seen) } else { target };
    all.push(due(get("items", format!("/collections/{within}/items?limit=3{text}"))));
    let counts = format!("/collections/{within}/aggregate?aggregations=total_count,kind_frequency{text}");
    let is_any = seen.catalogue.items().keys().any(|(collection, _)| collection == within);
    let counts = get("counts of a collection", counts);
    all.push(if is_any { due(counts) } else { counts });
    let mut posted = body(&inside);
    posted["aggregations"] = json!(["total_count"]);
    all.push(due(post("counts of a collection", format!("/collections/{within}/aggregate"), posted)));
    all.push(due(get("download", format!("/collections/{within}/export?f=csv{text}"))));
    all.push(get("map tile", format!("/collections/{within}/tiles/WebMercatorQuad/2/1/2?properties=kind{text}")));
}
