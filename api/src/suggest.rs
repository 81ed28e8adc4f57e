//! What somebody may mean who has typed the beginning of something: collections, places, stations, reaches, words, each
//! with what it would do to the search.

use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_indexer::{Snapshot, StoredCollection};
use nilometer_schemas::text::{is_in_word, words};
use nilometer_schemas::{CollectionId, Dialect, Problem, Search};
use serde_json::{Map, Value};

use crate::places::{self, Place};
use crate::reading::{self, Context, Open, Reading, Vocabularies};
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;

/// Suggestions of one kind at most, so that none crowds out the others.
const OF_KIND_MAX: usize = 4;
/// Named things of all kinds, and ends of a word, that are looked at for these.
const NAMED_MAX: usize = 40;
/// Places that a sentence is read with.
const CONTINUED_MAX: usize = 3;
const WORDS_MAX: usize = 12;
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

/// Suggestions for a text, likeliest kinds first. Where there are too many, every kind gives some up.
///
/// # Errors
/// The query's.
pub(crate) fn suggest(
    snapshot: &Snapshot,
    vocabularies: &Vocabularies,
    ask: &Ask,
    text: &str,
    limit: usize,
) -> Result<Vec<Suggestion>, Problem> {
    let typed: Vec<String> = words(text).collect();
    let Some(last) = typed.last() else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let context = Context { snapshot, scope: ask.scope, language: ask.language(), vocabularies };
    // A place is suggested by itself, whatever else it is called.
    let of_places = places::collections(snapshot, ask.scope);
    let mut late = None;
    if let Some(reading) = reading::read(context, text, Open::WHOLE)?.filter(|reading| !reading.is_of_names()) {
        // While a word is being typed a reading without answer is none, and one that takes what there is of the word for a
        // word comes last.
        if !is_open(text) || context.finds(&reading.search()?)? {
            let is_cut = is_open(text) && words(&reading.words).last().is_some_and(|word| word == *last);
            let reading = of_reading(snapshot, ask, reading);
            if is_cut { late = Some(reading) } else { all.push(reading) }
        }
    }
    all.extend(continued(context, ask, text, &typed, &of_places)?);
    all.extend(collections(snapshot, ask, &typed));
    for place in places::suggest(snapshot, ask, text, &of_places, OF_KIND_MAX)? {
        all.push(of_place(Kind::Place, place));
    }
    let is_long = last.chars().count() >= LETTERS_MIN || typed.len() > 1;
    if is_long {
        all.extend(named(snapshot, ask, text, &of_places)?);
        all.extend(completed(snapshot, ask, text, &typed)?);
    }
    all.extend(late);
    Ok(shared_out(all, limit))
}

/// Whether the last word may go on.
fn is_open(text: &str) -> bool {
    text.ends_with(is_in_word)
}

fn of_reading(snapshot: &Snapshot, ask: &Ask, reading: Reading) -> Suggestion {
    let sets = reading.parameters();
    let (title, reading) = (reading.sentence(snapshot, ask), Some(reading));
    Suggestion { kind: Kind::Reading, title, collection: None, count: None, sets, reading }
}

/// Sentences that end in a place of which the last word is the beginning, where they have an answer.
fn continued(
    context: Context<'_>,
    ask: &Ask,
    text: &str,
    typed: &[String],
    of_places: &[CollectionId],
) -> Result<Vec<Suggestion>, Problem> {
    let Some((last, before)) = typed.split_last().filter(|_| is_open(text)) else { return Ok(Vec::new()) };
    if before.is_empty() || last.chars().count() < LETTERS_MIN {
        return Ok(Vec::new());
    }
    let kept = &text[..text.trim_end_matches(is_in_word).len()];
    let mut found = Vec::new();
    for place in places::suggest(context.snapshot, ask, last, of_places, CONTINUED_MAX)? {
        let sentence = format!("{kept}{}", place.title);
        if let Some(reading) = reading::read(context, &sentence, Open::WHOLE)?
            && reading.place.is_some()
            && context.finds(&reading.search()?)?
        {
            found.push(of_reading(context.snapshot, ask, reading));
        }
    }
    Ok(found)
}

/// Things that have a name and are no places.
fn named(snapshot: &Snapshot, ask: &Ask, text: &str, of_places: &[CollectionId]) -> Result<Vec<Suggestion>, Problem> {
    let others = places::named_collections(snapshot, ask.scope);
    let others: Vec<CollectionId> = others.into_iter().filter(|id| !of_places.contains(id)).collect();
    let mut found: Vec<Suggestion> = Vec::new();
    for place in places::suggest(snapshot, ask, text, &others, NAMED_MAX)? {
        let kind = snapshot.collection(place.collection.as_str(), ask.scope).map_or(Kind::Item, |s| kind_of(s));
        if found.iter().filter(|other| other.kind == kind).count() < OF_KIND_MAX {
            found.push(of_item(kind, place));
        }
    }
    Ok(found)
}

/// The text with its last word ended, where its end is still open; each leads somewhere.
fn completed(snapshot: &Snapshot, ask: &Ask, text: &str, typed: &[String]) -> Result<Vec<Suggestion>, Problem> {
    let Some((last, before)) = typed.split_last().filter(|_| is_open(text)) else { return Ok(Vec::new()) };
    let kept = &text[..text.trim_end_matches(is_in_word).len()];
    let mut found = Vec::new();
    for word in nilometer_query::words_begun(snapshot, last, ask.scope, WORDS_MAX)? {
        if word == *last || found.len() == OF_KIND_MAX {
            continue;
        }
        let title = format!("{kept}{word}");
        let mut sets = vec![("q", title.clone())];
        sets.extend((!before.is_empty()).then(|| ("interpret", "words".to_owned())));
        let asked: Vec<(String, String)> =
            sets.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let Ok(request) = nilometer_query::parse::from_query(&asked, Dialect::Stac, &[]) else { continue };
        let search = Search { as_written: true, ..request.search };
        let count = nilometer_query::count(snapshot, &search, ask.scope)?;
        if count > 0 {
            let count = Some(count);
            found.push(Suggestion { kind: Kind::Word, title, collection: None, count, sets, reading: None });
        }
    }
    Ok(found)
}

/// The first of each kind, then the second, as long as there is room; in the order that they came in.
fn shared_out(all: Vec<Suggestion>, limit: usize) -> Vec<Suggestion> {
    let mut earlier = Vec::new();
    let mut turns: Vec<(usize, usize)> = Vec::new();
    for (at, suggestion) in all.iter().enumerate() {
        turns.push((earlier.iter().filter(|kind| **kind == suggestion.kind).count(), at));
        earlier.push(suggestion.kind);
    }
    turns.sort_unstable();
    turns.truncate(limit);
    let taken = |at: usize| turns.iter().any(|(_, taken)| *taken == at);
    all.into_iter().enumerate().filter(|(at, _)| taken(*at)).map(|(_, suggestion)| suggestion).collect()
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
        let title = collection_title(ask, snapshot, collection.id.as_str());
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
