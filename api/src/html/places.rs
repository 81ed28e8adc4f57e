//! Stored places as parts of a question: which collections hold them, what they are called.

use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::text::fold;
use nilometer_schemas::{CollectionId, Problem, Scope, Search};
use serde_json::Value;

use super::Language;
use super::values::item_title_in;
use crate::routes::ask::Ask;

/// Collections whose keywords hold this word are offered as places.
const KEYWORD: &str = "place";
/// Parameters that say where: a newly named place replaces them.
pub(super) const PARAMETERS: [&str; 4] = ["bbox", "intersects", "intersectsRefs", "search"];
/// Candidates looked at for the best match of a name.
const CANDIDATES_MAX: usize = 100;
/// Pieces of one name that stand for it together, as those of a long river do.
const PIECES_MAX: usize = 20;
/// Places named to somebody whose own name fits none.
const NEAR_MAX: usize = 5;

/// The collections of places that a scope may see.
pub(super) fn collections(snapshot: &Snapshot, scope: Scope) -> Vec<CollectionId> {
    let of_places = |body: &serde_json::Map<String, Value>| {
        body.get("keywords").and_then(Value::as_array).is_some_and(|words| words.iter().any(|w| w == KEYWORD))
    };
    let stored = snapshot.collections(scope).into_iter().map(|stored| &stored.collection);
    stored.filter(|c| of_places(&c.body)).map(|c| c.id.clone()).collect()
}

/// The references (`COLLECTION.ID`, separated by commas) of the place that is called like this, whatever the case and
/// accents: all pieces of that name in the collection of the first. Without one, the place whose name alone begins so.
///
/// # Errors
/// `Invalid` where no stored place has this name; the query's.
pub(super) fn resolve(snapshot: &Snapshot, ask: &Ask, name: &str) -> Result<String, Problem> {
    let unknown = || Problem::invalid("place-unknown", format!("no stored place is called {name:?}")).at("place");
    let collections = collections(snapshot, ask.scope);
    // A comma would separate alternatives.
    let words = name.replace([',', '"'], " ");
    if collections.is_empty() || words.trim().is_empty() {
        return Err(unknown());
    }
    let search = Search { collections, q: vec![words], limit: CANDIDATES_MAX, ..Search::default() };
    let found = nilometer_query::search(snapshot, &search, ask.scope)?.items;
    let wanted = fold(name.trim());
    let named = |item: &StoredItem, fits: &dyn Fn(&str) -> bool| {
        let item: Value = serde_json::from_str(item.text.as_str()).unwrap_or_default();
        let names = ["title", "name", "name_en", "name_fr"].map(|key| item["properties"][key].as_str().map(fold));
        names.iter().flatten().any(|name| fits(name.trim()))
    };
    let mut fitting: Vec<&StoredItem> = found.iter().filter(|item| named(item, &|name| name == wanted)).collect();
    if fitting.is_empty() {
        fitting = found.iter().filter(|item| named(item, &|name| name.starts_with(&wanted))).collect();
        if fitting.len() != 1 {
            return Err(near(unknown(), &found, ask.language()));
        }
    }
    let collection = &fitting[0].collection;
    let pieces = fitting.iter().filter(|item| item.collection == *collection).take(PIECES_MAX);
    let references: Vec<String> =
        pieces.map(|item| format!("{}.{}", item.collection.as_str(), item.id.as_str())).collect();
    Ok(references.join(","))
}

/// The problem, with the names of some places that hold the words.
fn near(problem: Problem, found: &[StoredItem], language: Language) -> Problem {
    let mut names = Vec::new();
    for item in found {
        let name = item_title_in(&serde_json::from_str(item.text.as_str()).unwrap_or_default(), language);
        if names.len() < NEAR_MAX && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { problem } else { problem.allowed(names.join(", ")) }
}

/// The title of the place that a reference names, or the reference where it names none.
pub(super) fn title(snapshot: &Snapshot, scope: Scope, language: Language, reference: &str) -> String {
    // The longest collection id wins, as in the question itself.
    for (at, _) in reference.match_indices('.').collect::<Vec<_>>().into_iter().rev() {
        let (collection, id) = (&reference[..at], &reference[at + 1..]);
        if let Ok(Some(item)) = snapshot.item(collection, id, scope) {
            return item_title_in(&serde_json::from_str(item.text.as_str()).unwrap_or_default(), language);
        }
    }
    reference.to_owned()
}
