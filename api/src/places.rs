//! Stored places by their names: what somebody means who types one, and what to suggest meanwhile. Case and accents do
//! not matter, and a name may be typed to its middle.

use std::collections::BTreeSet;

use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::limits::REFS_MAX;
use nilometer_schemas::text::{fold, words};
use nilometer_schemas::{CollectionId, Direction, Problem, Scope, Search, SortKey, Words};
use serde_json::Value;

use crate::html::{Language, item_title_in};
use crate::routes::ask::Ask;

/// Parameters that say where: a newly named place replaces them.
pub(crate) const PARAMETERS: [&str; 4] = ["bbox", "intersects", "intersectsRefs", "search"];
/// Items of a collection of places, and of all others together, that are looked at for a name.
const CANDIDATES_MAX: usize = 100;
/// Where fewer items have all words, those that fit best are looked at; else those that are called so.
const SCORED_MAX: u64 = 20_000;
/// Digits from which on a number may be the beginning of a longer one.
const DIGITS_MIN: usize = 5;
/// Pieces of one name that stand for it together, as those of a long river do.
const PIECES_MAX: usize = REFS_MAX;
/// Places named to somebody whose own name fits none, or several.
const NEAR_MAX: usize = 8;
/// How great a place of Natural Earth is, 0 for the greatest.
const RANK: &str = "scalerank";
/// Members of an item's properties that name it.
const NAMES: [&str; 6] = ["title", "name", "name_en", "name_fr", "name_alt", "code"];

/// A place: one stored item, or the pieces of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `COLLECTION.ID`, several with commas between.
    pub(crate) references: String,
    /// Its name in the reader's language.
    pub(crate) title: String,
    /// Where it is kept.
    pub(crate) collection: CollectionId,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This place.
    One(Place),
    /// One of these, which are called the same.
    Several(Vec<Place>),
    /// None; these are called alike.
    Unknown(Vec<Place>),
}

/// How well a name fits what is typed, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Begins,
    Within,
}

/// A place that a text may mean, and how likely.
struct Candidate {
    fit: Fit,
    /// Places come before what else has a name.
    is_other: bool,
    /// Greater places come first.
    rank: i64,
    place: Place,
}

/// The collections of places that a scope may see.
pub(crate) fn collections(snapshot: &Snapshot, scope: Scope) -> Vec<CollectionId> {
    let stored = snapshot.collections(scope).into_iter().map(|stored| &stored.collection);
    stored.filter(|c| nilometer_query::is_of_places(c)).map(|c| c.id.clone()).collect()
}

/// All collections that a scope may see of what has a name and a place: reaches, lakes, countries, gauges; not the
/// planned passes.
pub(crate) fn named_collections(snapshot: &Snapshot, scope: Scope) -> Vec<CollectionId> {
    let all = snapshot.collections(scope).into_iter().map(|stored| stored.collection.id.clone());
    all.filter(|id| id.as_str() != PLANNED).collect()
}

/// What somebody means by a name among the items of these collections: the place that is called so, or the only one
/// whose name begins so.
///
/// # Errors
/// The query's.
pub(crate) fn meaning(
    snapshot: &Snapshot,
    ask: &Ask,
    name: &str,
    collections: &[CollectionId],
) -> Result<Meaning, Problem> {
    if let Some(place) = referenced(snapshot, ask, name) {
        return Ok(Meaning::One(place));
    }
    let found = candidates(snapshot, ask, name, collections)?;
    let of = |fit: Fit| found.iter().filter(move |c| c.fit == fit && !c.is_other);
    let others = |fit: Fit| found.iter().filter(move |c| c.fit == fit && c.is_other);
    // A place that is called so is meant before a gauge that is.
    for fit in [Fit::Exact, Fit::Begins] {
        for mut fitting in [of(fit).collect::<Vec<_>>(), others(fit).collect()] {
            match fitting.len() {
                0 => {}
                1 => return Ok(Meaning::One(fitting.remove(0).place.clone())),
                _ if fit == Fit::Exact => return Ok(Meaning::Several(first(&fitting))),
                _ => return Ok(Meaning::Unknown(first(&found.iter().collect::<Vec<_>>()))),
            }
        }
    }
    Ok(Meaning::Unknown(first(&found.iter().collect::<Vec<_>>())))
}

/// The places of these collections that are called so, greatest first; pieces of one are one place.
///
/// # Errors
/// The query's.
pub(crate) fn called(
    snapshot: &Snapshot,
    scope: Scope,
    language: Language,
    name: &str,
    collections: &[CollectionId],
) -> Result<Vec<Place>, Problem> {
    let mut found = Vec::new();
    for item in nilometer_query::called(snapshot, name, collections, scope)? {
        let value: Value = serde_json::from_str(item.text.as_str()).unwrap_or_default();
        if is_place(&item, &value) {
            add(&mut found, candidate(&value, item, language, Fit::Exact, false));
        }
    }
    found.sort_by(|a, b| {
        (a.rank, &a.place.collection, &a.place.title).cmp(&(b.rank, &b.place.collection, &b.place.title))
    });
    Ok(found.into_iter().map(|candidate| candidate.place).collect())
}

/// All names of the places of these collections that are called so.
///
/// # Errors
/// The query's.
pub(crate) fn names(
    snapshot: &Snapshot,
    scope: Scope,
    name: &str,
    collections: &[CollectionId],
) -> Result<Vec<String>, Problem> {
    let mut all = Vec::new();
    for item in nilometer_query::called(snapshot, name, collections, scope)? {
        let value: Value = serde_json::from_str(item.text.as_str()).unwrap_or_default();
        let own = NAMES.iter().filter(|key| **key != "code").filter_map(|key| value["properties"][*key].as_str());
        all.extend(own.map(str::to_owned));
    }
    Ok(all)
}

/// The different titles of the places of these collections that are called so.
///
/// # Errors
/// The query's.
pub(crate) fn titles(
    snapshot: &Snapshot,
    scope: Scope,
    name: &str,
    collections: &[CollectionId],
) -> Result<BTreeSet<String>, Problem> {
    let items = nilometer_query::called(snapshot, name, collections, scope)?;
    let title = |item: StoredItem| {
        let value: Value = serde_json::from_str(item.text.as_str()).unwrap_or_default();
        item_title_in(&value, Language::English)
    };
    Ok(items.into_iter().map(title).collect())
}

/// Whether an item lies somewhere, and a list of references can name it.
fn is_place(item: &StoredItem, value: &Value) -> bool {
    !value["geometry"].is_null() && !item.id.as_str().contains(',')
}

fn candidate(value: &Value, item: StoredItem, language: Language, fit: Fit, is_other: bool) -> Candidate {
    let title = item_title_in(value, language);
    let rank = value["properties"][RANK].as_f64().unwrap_or(0.0) as i64;
    let references = format!("{}.{}", item.collection.as_str(), item.id.as_str());
    Candidate { fit, is_other, rank, place: Place { references, title, collection: item.collection } }
}

/// The place of references, as questions write them.
fn referenced(snapshot: &Snapshot, ask: &Ask, references: &str) -> Option<Place> {
    let mut first = None;
    for reference in references.split(',') {
        let (collection, title) = known(snapshot, ask.scope, ask.language(), reference)?;
        first.get_or_insert(Place { references: references.to_owned(), title, collection });
    }
    first
}

fn first(candidates: &[&Candidate]) -> Vec<Place> {
    candidates.iter().take(NEAR_MAX).map(|c| c.place.clone()).collect()
}

/// Places whose names begin with a text, or have words that do, likeliest first.
///
/// # Errors
/// The query's.
pub(crate) fn suggest(
    snapshot: &Snapshot,
    ask: &Ask,
    text: &str,
    collections: &[CollectionId],
    limit: usize,
) -> Result<Vec<Place>, Problem> {
    let found = candidates(snapshot, ask, text, collections)?;
    Ok(found.into_iter().take(limit).map(|c| c.place).collect())
}

fn candidates(
    snapshot: &Snapshot,
    ask: &Ask,
    text: &str,
    collections: &[CollectionId],
) -> Result<Vec<Candidate>, Problem> {
    let wanted = fold(text.trim());
    // A comma would separate alternatives.
    let plain = wanted.replace([',', '"'], " ");
    if words(&plain).next().is_none() {
        return Ok(Vec::new());
    }
    let of_places = self::collections(snapshot, ask.scope);
    let (places, others): (Vec<_>, Vec<_>) = collections.iter().cloned().partition(|id| of_places.contains(id));
    let mut groups: Vec<(bool, Vec<CollectionId>)> = places.into_iter().map(|id| (false, vec![id])).collect();
    groups.extend((!others.is_empty()).then_some((true, others)));
    let mut found: Vec<Candidate> = Vec::new();
    for (is_other, group) in groups {
        for item in of_group(snapshot, ask.scope, &plain, group)? {
            let value: Value = serde_json::from_str(item.text.as_str()).unwrap_or_default();
            let Some(fit) = fit(&value, &wanted).filter(|_| is_place(&item, &value)) else { continue };
            add(&mut found, candidate(&value, item, ask.language(), fit, is_other));
        }
    }
    found.sort_by(|a, b| (a.fit, a.is_other, a.rank, &a.place.title).cmp(&(b.fit, b.is_other, b.rank, &b.place.title)));
    Ok(found)
}

/// Items in whose texts the words stand, and those in whose texts the last word begins so, greatest places first.
fn of_group(
    snapshot: &Snapshot,
    scope: Scope,
    text: &str,
    collections: Vec<CollectionId>,
) -> Result<Vec<StoredItem>, Problem> {
    let by_rank = SortKey { field: RANK.into(), direction: Direction::Ascending };
    // Of things without rank, many may begin so: the newest are found without looking at all of them.
    let newest = SortKey { field: "datetime".into(), direction: Direction::Descending };
    let sortby = vec![if nilometer_query::is_sortable(snapshot, RANK, scope) { by_rank } else { newest }];
    let search = Search { collections, sortby, limit: CANDIDATES_MAX, as_written: true, ..Search::default() };
    let all: Vec<String> = words(text).collect();
    let Some((last, before)) = all.split_last() else { return Ok(Vec::new()) };
    let mut items = Vec::new();
    if !is_short_number(last) {
        let before = before.iter().cloned().map(Words::Word);
        let required = before.chain([Words::Prefix(last.clone())]).collect();
        let begun = Words::Group { required, optional: Vec::new(), excluded: Vec::new() };
        items = nilometer_query::search(snapshot, &Search { words: Some(begun), ..search.clone() }, scope)?.items;
    }
    let whole = Search { words: Some(Words::all(all)), sortby: Vec::new(), ..search };
    let fitting = match nilometer_query::count(snapshot, &whole, scope)? {
        0..SCORED_MAX => nilometer_query::search(snapshot, &whole, scope)?.items,
        _ => nilometer_query::called(snapshot, text, &whole.collections, scope)?,
    };
    for item in fitting {
        if items.iter().all(|known| known.seq != item.seq) {
            items.push(item);
        }
    }
    Ok(items)
}

/// Whether a word is the beginning of too many numbers: of years, days, cycles, ids.
fn is_short_number(word: &str) -> bool {
    word.len() < DIGITS_MIN && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Adds a candidate, as a further piece of one that is called the same in its collection.
fn add(found: &mut Vec<Candidate>, new: Candidate) {
    let same =
        |old: &&mut Candidate| old.place.collection == new.place.collection && old.place.title == new.place.title;
    let Some(old) = found.iter_mut().find(same) else { return found.push(new) };
    old.fit = old.fit.min(new.fit);
    old.rank = old.rank.min(new.rank);
    if old.place.references.split(',').count() < PIECES_MAX {
        old.place.references = format!("{},{}", old.place.references, new.place.references);
    }
}

/// How well the best of an item's names fits a folded text.
fn fit(item: &Value, wanted: &str) -> Option<Fit> {
    let of_name = |name: &str| {
        let name = fold(name.trim());
        if name == wanted {
            return Some(Fit::Exact);
        }
        if name.starts_with(wanted) {
            return Some(Fit::Begins);
        }
        let own: Vec<String> = words(&name).collect();
        let mut asked: Vec<String> = words(wanted).collect();
        let last = asked.pop()?;
        let holds = asked.iter().all(|word| own.contains(word)) && own.iter().any(|word| word.starts_with(&last));
        holds.then_some(Fit::Within)
    };
    let names = NAMES.iter().filter_map(|key| item["properties"][*key].as_str());
    names.chain(item["id"].as_str()).filter_map(of_name).min()
}

/// The title of the place that a reference names, or the reference where it names none.
pub(crate) fn title(snapshot: &Snapshot, scope: Scope, language: Language, reference: &str) -> String {
    known(snapshot, scope, language, reference).map_or_else(|| reference.to_owned(), |(_, title)| title)
}

/// Collection and title of the item that a reference names.
fn known(snapshot: &Snapshot, scope: Scope, language: Language, reference: &str) -> Option<(CollectionId, String)> {
    // The longest collection id wins, as in the question itself.
    for (at, _) in reference.match_indices('.').collect::<Vec<_>>().into_iter().rev() {
        let (collection, id) = (&reference[..at], &reference[at + 1..]);
        if let Ok(Some(item)) = snapshot.item(collection, id, scope) {
            let title = item_title_in(&serde_json::from_str(item.text.as_str()).unwrap_or_default(), language);
            return Some((item.collection, title));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_fit_whatever_their_case_and_accents() {
        let item = json!({"id": "leman", "properties": {"title": "Lake Geneva", "name_fr": "Lac Léman"}});
        for (text, expected) in [
            ("lac leman", Some(Fit::Exact)),
            ("leman", Some(Fit::Exact)),
            ("lake gen", Some(Fit::Begins)),
            ("lema", Some(Fit::Begins)),
            ("gene", Some(Fit::Within)),
            ("leman lac", Some(Fit::Within)),
            ("geneva x", None),
            ("ake", None),
        ] {
            assert_eq!(fit(&item, text), expected, "{text}");
        }
    }
}
