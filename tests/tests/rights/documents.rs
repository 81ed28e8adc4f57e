//! What is asked by address: fixed documents, collections and items with all that belongs to them, of ids that are seen, of ids
//! that are not, and of ids that nobody has.

use nilometer_tests::http::encode;
use serde_json::json;

use crate::model::{Catalogue, FIRST, Level, Principal, REACHES, Seen};
use crate::orders::{self, Accepted};
use crate::target::{Target, get, page, post};
use crate::turn::Turn;

/// Moments of all observations, for Hydrocron.
const PERIOD: &str = "start_time=2021-01-01T00:00:00Z&end_time=2022-01-01T00:00:00Z";
/// Features whose observations are seen, and others, of a collection.
const FEATURES: usize = 3;
/// Items that are there, seen or not.
const ITEMS: usize = 8;

/// All that is asked of both servers.
pub(crate) fn ask(random: &mut fastrand::Rng, turn: Turn<'_>, accepted: &Accepted, all: &mut Vec<Target>) {
    let Turn { catalogue, seen, principal, .. } = turn;
    let reader = &Reader { seen, principal, waiting: orders::waiting(turn, accepted) };
    fixed(catalogue, seen, principal, all);
    words(all);
    for own in &catalogue.collections {
        of_collection(&own.id, seen, all);
        series(&own.id, own.observed, seen, all);
    }
    let mut nowhere = Vec::new();
    of_collection("nowhere", seen, &mut nowhere);
    series("nowhere", false, seen, &mut nowhere);
    // What is certainly refused proves no more by being asked in every form.
    all.extend(nowhere.into_iter().step_by(4));
    let items: Vec<(String, String)> = catalogue.items().into_keys().collect();
    // Of those that are there, seen or not.
    for (collection, id) in items.iter().filter(|_| random.bool()).take(ITEMS) {
        of_item(collection, id, reader, all);
    }
    for (collection, id) in seen.catalogue.items().keys().take(2) {
        of_item(collection, id, reader, all);
    }
    of_item(REACHES, FIRST, reader, all);
    of_item("nowhere", "nothing", reader, all);
    for (collection, id) in items.iter().take(2) {
        let file = format!("/collections/{collection}/items/{id}/assets/data");
        all.push(get("file elsewhere", file).with(404));
    }
    for own in catalogue.collections.iter().filter(|own| own.observed) {
        features(catalogue, &own.id, reader, all);
    }
    for (collection, id) in [(REACHES, "74200000999"), ("nowhere", "1")] {
        of_feature(collection, id, reader, all);
    }
}

fn fixed(catalogue: &Catalogue, seen: &Seen, principal: Principal, all: &mut Vec<Target>) {
    // These tell everybody what visitors see.
    if principal == Principal::Visitor {
        all.extend(["/api", "/sitemap.xml", "/sitemap/pages.xml"].map(|path| get("document", path).with(200)));
        all.push(page("/api.html").with(200));
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
        "/functions",
        "/tiles",
        "/tiles/WebMercatorQuad",
        "/robots.txt",
        "/places?q=am",
        "/places?q=delta",
        "/changes/snapshot",
        "/collections?filter=id%20LIKE%20%27%251%27",
        "/collections?bbox=-3,-3,3,3",
        "/collections?limit=2",
    ] {
        all.push(get("document", path).with(200));
    }
    all.push(get("document", "/collections").with(200).counting(seen.collections.len()));
    all.push(get("document", "/swot/passes?point=0,0").with(404));
    for path in ["/", "/collections", "/search", "/aggregations", "/search?q=amber"] {
        all.push(page(path).with(200));
    }
    // These lead on to an address with what was read of them; a place of this name there may be or not.
    all.push(page("/search?q=amber&interpret=true").with(303));
    all.push(page("/search?place=delta"));
}

fn words(all: &mut Vec<Target>) {
    for text in ["a", "amber", "birch i", "heron lagoon", "i1", "swot", "title"] {
        all.push(get("suggestions", format!("/suggest?q={}", encode(text))).with(200));
        all.push(get("sentence", format!("/search?interpret=true&limit=3&q={}", encode(text))).with(200));
    }
}

fn of_collection(id: &str, seen: &Seen, all: &mut Vec<Target>) {
    let path = format!("/collections/{id}");
    let of = |target: Target| target.of(id, seen);
    all.push(of(get("collection", path.clone())));
    for below in
        ["/queryables", "/sortables", "/schema", "/aggregations", "/catalog", "/tiles", "/tiles/WebMercatorQuad"]
    {
        all.push(of(get("document of a collection", format!("{path}{below}"))));
    }
    all.push(of(get("map document", format!("{path}/tiles/WebMercatorQuad/tilejson.json"))));
    let items = of(get("items", format!("{path}/items?limit=100&sortby=id")));
    let shown = seen.catalogue.items().keys().filter(|(collection, _)| collection == id).count();
    all.push(if items.status == Some(200) { items.counting(shown) } else { items });
    all.push(get("items", format!("{path}/items?kind=rare")));
    all.push(of(page(path.clone())));
    all.push(of(page(format!("{path}/items"))));
    all.push(of(page(format!("{path}/queryables"))));
    all.push(of(get("terms", format!("/licences/{id}"))));
    all.push(of(page(format!("/licences/{id}"))));
}

/// Values of many features at once.
fn series(id: &str, observed: bool, seen: &Seen, all: &mut Vec<Target>) {
    let path = format!("/collections/{id}");
    all.push(get("features with observations", format!("{path}/locations?limit=100")).of(id, seen));
    // Rows of the features that are shown.
    let shown = seen.catalogue.items();
    let rows: usize = shown.keys().filter(|(of, _)| of == id).map(|(of, id)| seen.days(of, id).len()).sum();
    let status = match (seen.level(id), rows) {
        (Level::Hidden, _) => 404,
        (_, 0) => 204,
        _ => 200,
    };
    let whole = get("series", format!("{path}/cube?bbox=-180,-90,180,90&f=CSV")).with(status);
    all.push(if status == 200 { whole.counting(rows) } else { whole });
    all.push(get("series", format!("{path}/radius?coords={}&within=900&within-units=km&f=CSV", encode("POINT(0 0)"))));
    // What nobody ever observed is asked no more than that.
    if !observed {
        return;
    }
    for f in ["CSV", "CoverageJSON", "GeoJSON"] {
        let area = encode("POLYGON((-6 -6, 6 -6, 6 6, -6 6, -6 -6))");
        all.push(get("series", format!("{path}/area?coords={area}&f={f}")));
        all.push(get("series", format!("{path}/cube?bbox=-9,-9,9,9&f={f}")));
    }
    all.push(get("series", format!("{path}/cube?bbox=-180,-90,180,90&f=CSV&parameter-name=salt")));
    all.push(get("series", format!("{path}/cube?bbox=-180,-90,180,90&f=CSV&resample=P1M&method=mean")));
    all.push(get("series", format!("{path}/position?coords={}&f=CSV", encode("POINT(1 1)"))));
}

/// Who reads files.
struct Reader<'a> {
    seen: &'a Seen,
    principal: Principal,
    /// Collections whose terms are not accepted yet.
    waiting: Vec<&'a str>,
}

impl Reader<'_> {
    /// With what a file of a collection is refused, if it is.
    fn refusal(&self, collection: &str, is_there: bool) -> Option<u16> {
        match self.principal {
            _ if !is_there => Some(404),
            Principal::Visitor => Some(401),
            _ => (self.seen.level(collection) < Level::Partial || self.waiting.contains(&collection)).then_some(403),
        }
    }
}

fn of_item(collection: &str, id: &str, reader: &Reader<'_>, all: &mut Vec<Target>) {
    let path = format!("/collections/{collection}/items/{id}");
    let shown = reader.seen.catalogue.items().remove(&(collection.to_owned(), id.to_owned()));
    all.push(get("item", path.clone()).there(shown.is_some()));
    all.push(page(path.clone()).there(shown.is_some()));
    let file = format!("{path}/assets/own");
    let refused = reader.refusal(collection, shown.is_some_and(|version| version.stored));
    all.push(get("file", file.clone()).with(refused.unwrap_or(200)));
    all.push(post("signed link", format!("{file}/link"), json!({})).with(refused.unwrap_or(201)));
}

/// Features of a collection, some of those whose observations are seen and some of the others.
fn features(catalogue: &Catalogue, collection: &str, reader: &Reader<'_>, all: &mut Vec<Target>) {
    let known = catalogue.observations.iter().filter(|(own, ..)| own == collection).map(|(_, id, ..)| id.as_str());
    let known: std::collections::BTreeSet<&str> = known.collect();
    let (seen_ones, others): (Vec<&str>, Vec<&str>) =
        known.into_iter().partition(|id| !reader.seen.days(collection, id).is_empty());
    for id in seen_ones.iter().take(FEATURES).chain(others.iter().take(FEATURES)) {
        of_feature(collection, id, reader, all);
    }
}

fn of_feature(collection: &str, id: &str, reader: &Reader<'_>, all: &mut Vec<Target>) {
    let seen = reader.seen;
    let days = seen.days(collection, id);
    let shown = seen.catalogue.items().contains_key(&(collection.to_owned(), id.to_owned()));
    let path = format!("/collections/{collection}/locations/{id}");
    let values = |target: Target, rows: usize| if rows > 0 { target.with(200).counting(rows) } else { target };
    // Of what was deleted only Hydrocron, which knows no items, has the observations still.
    all.push(values(get("series", format!("{path}?f=CSV")), if shown { days.len() } else { 0 }));
    if !days.is_empty() {
        all.push(get("series", format!("{path}?f=CoverageJSON&parameter-name=wse")));
    }
    let file = get("file of a series", format!("/collections/{collection}/items/{id}/assets/{id}.csv"));
    all.push(match reader.refusal(collection, shown && !days.is_empty()) {
        Some(status) => file.with(status),
        None => values(file, days.len()),
    });
    if collection == REACHES {
        // Rows without the field have its fill value.
        let rows = if days.iter().any(|(_, second)| !second) { days.len() } else { 0 };
        let address = format!("/hydrocron/v1/timeseries?feature=Reach&feature_id={id}&{PERIOD}&fields=reach_id,wse");
        for form in ["", "&output=csv"] {
            all.push(values(get("Hydrocron", format!("{address}{form}")), rows));
        }
    }
}
