//! A collection as it is answered: with links, an extent from the data and texts in the reader's language.

use nilometer_indexer::{CollectionStats, Snapshot, StoredCollection};
use nilometer_query::series::parameters;
use nilometer_query::summaries;
use nilometer_schemas::{Collection, Scope, TRANSLATIONS_MEMBER};
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::browse::catalog_path;
use super::edr;
use super::tiles::{REL_TILESETS, tileset_link};
use crate::exports::Format;
use crate::links::{
    GEOJSON, HTML, JSON, Links, REL_QUERYABLES, REL_SCHEMA, REL_SORTABLES, SCHEMA_JSON, collection_path, with_query,
};

/// Language of a collection's untranslated texts where it names none.
const LANGUAGE_DEFAULT: &str = "en";
/// Texts that a translation may replace.
const TRANSLATED_MEMBERS: [&str; 3] = ["title", "description", "keywords"];

/// The best language that a collection's texts have.
pub(crate) fn language_of(collection: &Collection, wanted: &[String]) -> String {
    let own =
        collection.body.get("language").and_then(|l| l.get("code").or(Some(l))?.as_str()).unwrap_or(LANGUAGE_DEFAULT);
    let translations = collection.body.get(TRANSLATIONS_MEMBER).and_then(Value::as_object);
    for language in wanted {
        if language == own || translations.is_some_and(|t| t.contains_key(language)) {
            return language.clone();
        }
    }
    own.to_owned()
}

/// The title of a collection in the reader's language, or its id where the reader sees no such collection.
pub(crate) fn collection_title(ask: &Ask, snapshot: &Snapshot, id: &str) -> String {
    match snapshot.collection(id, ask.scope) {
        Some(stored) => stored.collection.title(&language_of(&stored.collection, &ask.languages)).to_owned(),
        None => id.to_owned(),
    }
}

/// The collection's JSON answer.
pub(crate) fn collection_json(ask: &Ask, snapshot: &Snapshot, stored: &StoredCollection) -> Value {
    let collection = &stored.collection;
    let id = collection.id.as_str();
    let mut body = collection.body.clone();
    let language = language_of(collection, &ask.languages);
    translate(&mut body, &language);
    learn(&mut body, snapshot, stored, ask.scope);
    body.insert("itemType".into(), "feature".into());
    let parameters = parameters(snapshot, id, ask.scope);
    edr::describe(&mut body, &ask.links, id, &parameters, &language);
    let mut links = collection_links(&ask.links, id);
    links.extend(edr::data_links(&ask.links, id, &parameters));
    if let Some(Value::Array(own)) = body.get("links") {
        links.extend(own.iter().filter(|link| !is_service_link(link)).cloned());
    }
    body.insert("links".into(), Value::Array(links));
    Value::Object(body)
}

/// What a search for collections looks at: the texts as they were written, extent and summaries of the answer.
pub(super) fn searched_body(snapshot: &Snapshot, stored: &StoredCollection, scope: Scope) -> Map<String, Value> {
    let mut body = stored.collection.body.clone();
    learn(&mut body, snapshot, stored, scope);
    body
}

/// Puts what the items tell in place of what was declared: the extent, and summaries. What is declared of properties that
/// no item has stays.
fn learn(body: &mut Map<String, Value>, snapshot: &Snapshot, stored: &StoredCollection, scope: Scope) {
    let id = stored.collection.id.as_str();
    body.insert("extent".into(), extent(body.get("extent"), &stats_of(snapshot, id, scope)));
    let mut all = match body.shift_remove("summaries") {
        Some(Value::Object(declared)) => declared,
        _ => Map::new(),
    };
    // What is too various to be listed is told by no stale list either.
    all.retain(|name, _| snapshot.properties(id).is_none_or(|known| !known.contains_key(name)));
    all.extend(summaries(snapshot, id));
    body.insert("summaries".into(), Value::Object(all));
}

fn translate(body: &mut Map<String, Value>, language: &str) {
    let translation = body.get(TRANSLATIONS_MEMBER).and_then(|t| t.get(language)).cloned();
    let languages: Vec<Value> = body
        .get(TRANSLATIONS_MEMBER)
        .and_then(Value::as_object)
        .map(|t| t.keys().filter(|code| *code != language).map(|code| json!({"code": code})).collect())
        .unwrap_or_default();
    if let Some(translation) = translation {
        for member in TRANSLATED_MEMBERS {
            if let Some(text) = translation.get(member) {
                body.insert(member.into(), text.clone());
            }
        }
    }
    if body.contains_key(TRANSLATIONS_MEMBER) {
        body.insert("language".into(), json!({"code": language}));
        if !languages.is_empty() {
            body.entry("languages").or_insert(Value::Array(languages));
        }
    }
}

/// What a collection holds, the period of its observations included.
fn stats_of(snapshot: &Snapshot, id: &str, scope: Scope) -> CollectionStats {
    let mut stats = snapshot.collection_stats(id);
    if let Some((first, last)) = snapshot.series(id, scope).and_then(|table| table.span()) {
        stats.interval = Some(stats.interval.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }
    stats
}

/// The extent: from the data where there are any, else as declared, else the whole world at any time.
pub(crate) fn extent(declared: Option<&Value>, stats: &CollectionStats) -> Value {
    let declared_array = |pointer: &str| {
        declared.and_then(|d| d.pointer(pointer)).filter(|v| v.as_array().is_some_and(|a| !a.is_empty())).cloned()
    };
    let mut extent = declared.and_then(Value::as_object).cloned().unwrap_or_default();
    let bbox = match stats.bbox {
        Some(bbox) => json!([bbox]),
        None => declared_array("/spatial/bbox").unwrap_or_else(|| json!([[-180.0, -90.0, 180.0, 90.0]])),
    };
    let interval = match stats.interval {
        Some((start, end)) => json!([[start.to_string(), end.to_string()]]),
        None => declared_array("/temporal/interval").unwrap_or_else(|| json!([[null, null]])),
    };
    extent.insert("spatial".into(), json!({"bbox": bbox}));
    extent.insert("temporal".into(), json!({"interval": interval}));
    Value::Object(extent)
}

/// Whether a stored link is one that this service wrote into an earlier answer, which then was sent back.
fn is_service_link(link: &Value) -> bool {
    let text = |member: &str| link.get(member).and_then(Value::as_str).unwrap_or_default();
    match text("rel") {
        REL_QUERYABLES | REL_SORTABLES | REL_SCHEMA | REL_TILESETS | "aggregate" | "aggregations" => true,
        "enclosure" => text("href").contains("/collections/") && text("href").contains("/export?f="),
        "data" => text("href").contains("/collections/") && edr::QUERIES.contains(&text("title")),
        "alternate" => text("href").contains("/collections/") && text("href").ends_with("?f=html"),
        _ => false,
    }
}

fn collection_links(links: &Links, id: &str) -> Vec<Value> {
    let path = collection_path(id);
    let under = |tail: &str| format!("{path}/{tail}");
    vec![
        links.link("self", JSON, &path),
        links.link("root", JSON, "/"),
        links.link("parent", JSON, "/"),
        links.link("items", GEOJSON, &under("items")),
        links.link("items", HTML, &format!("{}?f=html", under("items"))),
        links.titled("child", JSON, &catalog_path(id), "Items, as links"),
        links.link("alternate", HTML, &format!("{path}?f=html")),
        links.link(REL_QUERYABLES, SCHEMA_JSON, &under("queryables")),
        links.link(REL_SORTABLES, SCHEMA_JSON, &under("sortables")),
        links.link(REL_SCHEMA, SCHEMA_JSON, &under("schema")),
        links.with_method("aggregate", JSON, &under("aggregate"), "GET"),
        links.with_method("aggregate", JSON, &under("aggregate"), "POST"),
        links.link("aggregations", JSON, &under("aggregations")),
        tileset_link(links, &path, &[]),
    ]
    .into_iter()
    .chain(Format::ALL.map(|format| {
        let address = with_query(&under("export"), [("f", format.label())]);
        links.titled("enclosure", format.media_type(), &address, &format!("All items, as {}", format.name()))
    }))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::Instant;

    fn collection(value: Value) -> Collection {
        Collection::from_value(value).expect("a valid collection")
    }

    #[test]
    fn the_extent_comes_from_the_data_then_the_declaration_then_the_whole_world() {
        let declared =
            json!({"spatial": {"bbox": [[1, 2, 3, 4]]}, "temporal": {"interval": [["2000-01-01T00:00:00Z", null]]}});
        let stats = CollectionStats {
            items: 1,
            bbox: Some([170.0, -1.0, -170.0, 1.0]),
            interval: Some((Instant(0), Instant(1_000_000))),
        };
        let check = |declared: Option<&Value>, stats: &CollectionStats, bbox: Value, interval: Value| {
            let got = extent(declared, stats);
            assert_eq!((&got["spatial"]["bbox"], &got["temporal"]["interval"]), (&bbox, &interval));
        };
        check(
            Some(&declared),
            &stats,
            json!([[170.0, -1.0, -170.0, 1.0]]),
            json!([["1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"]]),
        );
        let empty = CollectionStats::default();
        check(Some(&declared), &empty, json!([[1, 2, 3, 4]]), json!([["2000-01-01T00:00:00Z", null]]));
        check(None, &empty, json!([[-180.0, -90.0, 180.0, 90.0]]), json!([[null, null]]));
        check(
            Some(&json!({"spatial": {"bbox": []}})),
            &empty,
            json!([[-180.0, -90.0, 180.0, 90.0]]),
            json!([[null, null]]),
        );
    }

    #[test]
    fn the_first_wanted_language_that_the_texts_have_is_chosen() {
        let lakes =
            collection(json!({"id": "a", "title": "Lakes", "nilometer:translations": {"fr": {"title": "Lacs"}}}));
        let check = |wanted: &[&str], expected: &str| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            assert_eq!(language_of(&lakes, &wanted), expected, "{wanted:?}");
        };
        check(&["fr", "en"], "fr");
        check(&["de", "en", "fr"], "en");
        check(&["de"], "en");
        check(&[], "en");
    }

    #[test]
    fn a_translation_replaces_the_texts_and_names_the_other_languages() {
        let mut body = collection(json!({"id": "a", "title": "Lakes", "description": "All",
            "nilometer:translations": {"fr": {"title": "Lacs"}, "es": {"title": "Lagos"}}}))
        .body;
        translate(&mut body, "fr");
        assert_eq!((&body["title"], &body["description"]), (&json!("Lacs"), &json!("All")));
        assert_eq!(body["language"], json!({"code": "fr"}));
        assert_eq!(body["languages"], json!([{"code": "es"}]));
    }
}
