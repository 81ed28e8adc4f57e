//! What somebody may mean who has typed the beginning of something: collections, places, stations, reaches, words, each
//! with what it would do to the search.

use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_indexer::{Snapshot, StoredCollection};
use nilometer_schemas::text::{is_word_char, words};
use nilometer_schemas::{CollectionId, Problem};
use serde_json::{Map, Value};

use crate::places::{self, Place};
use crate::reading::{self, Open, Reading};
use crate::routes::ask::Ask;
use crate::routes::collection_view::language_of;

/// Suggestions of one kind at most, so that none crowds out the others.
const OF_KIND_MAX: usize = 4;
/// Letters from which on words and things that are no places are suggested: with fewer, everything begins so.
const LETTERS_MIN: usize = 2;

/// What a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The whole sentence, read.
    Reading,
    Collection,
    Place,
    Station,
    Reach,
    Lake,
    /// Anything else that has a name.
    Item,
    Word,
}

impl Kind {
    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Collection => "collection",
            Self::Place => "place",
            Self::Station => "station",
            Self::Reach => "reach",
            Self::Lake => "lake",
            Self::Item => "item",
            Self::Word => "word",
        }
    }
}

/// One suggestion.
pub(crate) struct Suggestion {
    pub(crate) kind: Kind,
    /// What is called so, in the reader's language.
    pub(crate) title: String,
    /// The collection that it is of.
    pub(crate) collection: Option<CollectionId>,
    /// Items that it leads to, where that is known.
    pub(crate) count: Option<u64>,
    /// Parameters of the search that it sets; those of `q` and its reading are replaced.
    pub(crate) sets: Vec<(&'static str, String)>,
    /// How the sentence was read.
    pub(crate) reading: Option<Reading>,
}

/// Suggestions for a text, likeliest kinds first.
///
/// # Errors
/// The query's.
pub(crate) fn suggest(snapshot: &Snapshot, ask: &Ask, text: &str, limit: usize) -> Result<Vec<Suggestion>, Problem> {
    let typed: Vec<String> = words(text).collect();
    let Some(last) = typed.last() else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let open = Open { place: true, collections: true, period: true };
    if let Some(reading) = reading::read(snapshot, ask.scope, ask.language(), text, open)? {
        let sets = reading.parameters();
        let (title, reading) = (reading.sentence(snapshot, ask), Some(reading));
        all.push(Suggestion { kind: Kind::Reading, title, collection: None, count: None, sets, reading });
    }
    all.extend(collections(snapshot, ask, &typed));
    let of_places = places::collections(snapshot, ask.scope);
    for place in places::suggest(snapshot, ask, text, &of_places, OF_KIND_MAX)? {
        all.push(of_place(Kind::Place, place));
    }
    let is_long = last.chars().count() >= LETTERS_MIN || typed.len() > 1;
    if is_long {
        let others = places::named_collections(snapshot, ask.scope);
        let others: Vec<CollectionId> = others.into_iter().filter(|id| !of_places.contains(id)).collect();
        for place in places::suggest(snapshot, ask, text, &others, OF_KIND_MAX)? {
            let kind = snapshot.collection(place.collection.as_str(), ask.scope).map_or(Kind::Item, |s| kind_of(s));
            all.push(of_item(kind, place));
        }
        // A word is ended where its end is still open.
        if text.ends_with(is_word_char) {
            let before = &text[..text.rfind(|c: char| !is_word_char(c)).map_or(0, |at| at + 1)];
            // The end of a text may be a character of several bytes, which the slice above would cut.
            let before = if text.is_char_boundary(before.len()) { before } else { "" };
            for (word, count) in nilometer_query::words_begun(snapshot, last, ask.scope, OF_KIND_MAX)? {
                if word != *last {
                    let whole = format!("{before}{word}");
                    let count = (typed.len() == 1).then_some(count);
                    let mut sets = vec![("q", whole.clone())];
                    sets.extend((typed.len() > 1).then(|| ("interpret", "words".to_owned())));
                    all.push(Suggestion {
                        kind: Kind::Word,
                        title: whole,
                        collection: None,
                        count,
                        sets,
                        reading: None,
                    });
                }
            }
        }
    }
    all.truncate(limit);
    Ok(all)
}

fn of_place(kind: Kind, place: Place) -> Suggestion {
    let sets = vec![("intersectsRefs", place.references)];
    Suggestion { kind, title: place.title, collection: Some(place.collection), count: None, sets, reading: None }
}

/// The things themselves: pieces of one name are several items.
fn of_item(kind: Kind, place: Place) -> Suggestion {
    let own = format!("{}.", place.collection.as_str());
    let ids: Vec<&str> = place.references.split(',').map(|r| r.strip_prefix(&own).unwrap_or(r)).collect();
    let sets = vec![("collections", place.collection.as_str().to_owned()), ("ids", ids.join(","))];
    let count = Some(ids.len() as u64);
    Suggestion { kind, title: place.title, collection: Some(place.collection), count, sets, reading: None }
}

/// Collections in whose titles and keywords all words stand, the last of them perhaps only begun.
fn collections(snapshot: &Snapshot, ask: &Ask, typed: &[String]) -> Vec<Suggestion> {
    let Some((last, before)) = typed.split_last() else { return Vec::new() };
    let mut found = Vec::new();
    for stored in snapshot.collections(ask.scope) {
        let collection = &stored.collection;
        let title = collection.title(&language_of(collection, &ask.languages)).to_owned();
        let of_title: Vec<String> = words(&title).chain(words(collection.id.as_str())).collect();
        let all: Vec<String> = of_title.iter().cloned().chain(keywords(&collection.body)).collect();
        let fits = |own: &[String]| before.iter().all(|w| own.contains(w)) && own.iter().any(|w| w.starts_with(last));
        if !fits(&all) {
            continue;
        }
        let count = snapshot.collection_stats(collection.id.as_str()).items;
        // Planned passes are many, and seldom what somebody looks for first.
        let place = (!fits(&of_title), collection.id.as_str() == PLANNED, std::cmp::Reverse(count));
        let sets = vec![("collections", collection.id.as_str().to_owned())];
        let (kind, collection) = (Kind::Collection, Some(collection.id.clone()));
        found.push((place, Suggestion { kind, title, collection, count: Some(count), sets, reading: None }));
    }
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().take(OF_KIND_MAX).map(|(_, suggestion)| suggestion).collect()
}

fn keywords(body: &Map<String, Value>) -> impl Iterator<Item = String> + '_ {
    let keywords = body.get("keywords").and_then(Value::as_array).into_iter().flatten();
    keywords.filter_map(Value::as_str).flat_map(words)
}

/// What the items of a collection are, by its keywords.
fn kind_of(stored: &StoredCollection) -> Kind {
    let keywords: Vec<String> = keywords(&stored.collection.body).collect();
    let has = |names: &[&str]| keywords.iter().any(|word| names.contains(&word.as_str()));
    if has(&["gauge", "station", "piezometer", "well", "observation"]) {
        Kind::Station
    } else if has(&["reach", "node"]) {
        Kind::Reach
    } else if has(&["lake", "reservoir"]) {
        Kind::Lake
    } else {
        Kind::Item
    }
}
