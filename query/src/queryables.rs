//! What can be filtered and sorted by, learned from the live items that a scope may see.

use nilometer_indexer::Snapshot;
use nilometer_indexer::segment::{LATEST_PREFIX, OBSERVATIONS_PREFIX, Properties, PropertyUse, add_properties};
use nilometer_schemas::{CollectionId, Instant, Scope};
use serde_json::{Map, Value, json};

use crate::aggregate::number_value;
use crate::filter::{Datum, Document};

/// What says of one item alone what it is.
const NAMING: [&str; 2] = ["title", "description"];
/// The number of items among the summaries, by the name that hydroweb.next gives it.
const TOTAL_ITEMS: &str = "total_items";

/// A property that can be filtered by.
#[derive(Clone, Debug, PartialEq)]
pub struct Queryable {
    /// Name without `properties.`.
    pub name: String,
    /// JSON types seen in the data: `string`, `number`, `integer`, `boolean`.
    pub types: Vec<&'static str>,
    /// All values of a text property, when there are few.
    pub values: Option<Vec<String>>,
    /// Smallest and largest value of a numeric property.
    pub range: Option<(f64, f64)>,
    /// How it is used.
    pub facts: PropertyFacts,
}

/// How a property is used by the items at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyFacts {
    /// Items that have it; one with values of several types counts once for each.
    pub items: u64,
    /// All values of all items.
    pub values: u64,
    /// Different values; where they are many and in several segments, at most so many.
    pub distinct: u64,
    /// First and last moment, if it has texts and all are moments or dates.
    pub times: Option<(Instant, Instant)>,
}

/// What the items of one collection, or of all that the scope may see, have of each property.
pub(crate) fn properties(snapshot: &Snapshot, collection: Option<&CollectionId>, scope: Scope) -> Properties {
    let mut all = Properties::new();
    for stored in snapshot.collections(scope) {
        let id = &stored.collection.id;
        if collection.is_none_or(|asked| asked == id)
            && let Some(part) = snapshot.properties(id.as_str())
        {
            add_properties(&mut all, part);
        }
    }
    all
}

/// As they are told.
pub(crate) fn queryables(properties: &Properties) -> Vec<Queryable> {
    // A filter cannot name the empty name.
    properties.iter().filter(|(name, _)| !name.is_empty()).map(|(name, property)| queryable(name, property)).collect()
}

fn queryable(name: &str, property: &PropertyUse) -> Queryable {
    let mut types = Vec::new();
    if property.truths.count > 0 {
        types.push("boolean");
    }
    // Every integer is a number: a property seen as both is a number.
    if property.numbers.count > 0 {
        types.push(if property.has_fractions { "number" } else { "integer" });
    }
    if property.texts.count > 0 {
        types.push("string");
    }
    let texts = property.texts.listed.as_ref().filter(|_| types == ["string"]);
    Queryable {
        name: name.to_owned(),
        types,
        values: texts.map(|texts| texts.iter().cloned().collect()),
        range: property.range,
        facts: PropertyFacts {
            items: property.items,
            values: property.values,
            distinct: property.distinct(),
            times: property.times,
        },
    }
}

/// What a collection's items have, as STAC's `summaries`: values where they are few and shared by items, else ranges, and the
/// number of items as `total_items`. What changes with every observation is left out.
pub fn summaries(snapshot: &Snapshot, collection: &str) -> Map<String, Value> {
    let lasting = |name: &str| {
        !NAMING.contains(&name) && !name.starts_with(LATEST_PREFIX) && !name.starts_with(OBSERVATIONS_PREFIX)
    };
    let properties = snapshot.properties(collection).into_iter().flatten();
    let mut all: Map<String, Value> = properties
        .filter(|(name, _)| lasting(name))
        .filter_map(|(name, property)| Some((name.clone(), summary(property)?)))
        .collect();
    all.insert(TOTAL_ITEMS.into(), json!([snapshot.collection_stats(collection).items]));
    all
}

/// `None` where a list would name item after item.
fn summary(property: &PropertyUse) -> Option<Value> {
    let range = |low: Value, high: Value| Some(json!({"minimum": low, "maximum": high}));
    let is_shared = property.values > property.distinct() || property.distinct() == 1;
    if property.texts.count == 0 && property.truths.count == 0 {
        let (low, high) = property.range?;
        return range(number_value(low), number_value(high));
    }
    if let (Some(texts), true, 0) = (&property.texts.listed, is_shared, property.numbers.count) {
        let truths = property.truths.listed.iter().flatten().map(|truth| Value::from(*truth));
        return Some(truths.chain(texts.iter().map(|text| Value::from(text.as_str()))).collect());
    }
    let (first, last) = property.times.filter(|_| property.texts.count == property.distinct())?;
    range(first.to_string().into(), last.to_string().into())
}

/// The properties of documents, but for moments and what every document has (`id`).
pub(crate) fn of_documents(documents: &[Document]) -> Vec<Queryable> {
    let mut seen = Properties::new();
    for (name, values) in documents.iter().flat_map(Document::all).filter(|(name, _)| *name != "id") {
        for value in values {
            if matches!(value, Datum::Time(_)) {
                continue;
            }
            let property = seen.entry(name.to_owned()).or_default();
            match value {
                Datum::Bool(truth) => property.truths.insert(*truth),
                Datum::Number(number) => property.insert_number(*number),
                Datum::Text(text) => property.texts.insert(text.to_string()),
                Datum::Time(_) => {}
            }
        }
    }
    queryables(&seen)
}
