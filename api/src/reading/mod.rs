//! A plain sentence read as a question: `Garonne SWOT 2024` is a place, collections and a period; what is left are words.
//!
//! Only what says something besides a name is read: `Lake Victoria` alone, or words that stand together in a title, stay
//! words, so that whoever types a name finds the thing itself first. Each part that the question has already is left alone.

mod period;
mod vocabulary;

use std::collections::BTreeSet;
use std::ops::Range;

use nilometer_indexer::Snapshot;
use nilometer_schemas::text::{fold, is_in_word};
use nilometer_schemas::{CollectionId, Dialect, Problem, Scope, Search, TimeInterval, Words};
use serde_json::{Value, json};

use crate::html::Language;
use crate::places::{self, Place};
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;
use vocabulary::Vocabulary;

/// Words that one name of a place, collection or parameter may have.
const RUN_MAX: usize = 5;
/// Words of a sentence that are read; longer ones stay words.
const WORDS_MAX: usize = 24;
/// Words without which a sentence says the same.
const STOP: [&str; 43] = [
    "a", "along", "and", "at", "au", "aux", "avec", "by", "d", "dans", "data", "de", "des", "dessus", "donnees", "du",
    "en", "et", "for", "from", "in", "l", "la", "le", "les", "near", "observed", "of", "on", "or", "ou", "over", "par",
    "pour", "pres", "sous", "sur", "the", "to", "under", "un", "une", "with",
];

/// A word of a sentence.
pub(super) struct Token<'a> {
    /// Folded.
    word: String,
    /// Where it stands, bytes.
    begin: usize,
    end: usize,
    /// What stands between it and the next word.
    gap: &'a str,
}

/// What a sentence was read as.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The place, with how it was written.
    pub(crate) place: Option<(Place, String)>,
    /// The collections; empty where none were named. With the words that named them.
    pub(crate) collections: (Vec<CollectionId>, Vec<String>),
    /// The period, with how it was written.
    pub(crate) period: Option<(TimeInterval, String)>,
    /// What was left.
    pub(crate) words: String,
}

/// What of a question may be set by reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) place: bool,
    pub(crate) collections: bool,
    pub(crate) period: bool,
}

/// The words of a sentence, with where they stand.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut begin = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (begin, is_in_word(c)) {
            (None, true) => begin = Some(at),
            (Some(from), false) => {
                tokens.push(Token { word: fold(&text[from..at]), begin: from, end: at, gap: "" });
                begin = None;
            }
            _ => {}
        }
    }
    for at in 1..tokens.len() {
        tokens[at - 1].gap = &text[tokens[at - 1].end..tokens[at].begin];
    }
    tokens
}

/// Whether a text says with signs what it means.
fn has_signs(text: &str) -> bool {
    let signed = |word: &str| {
        matches!(word, "AND" | "OR" | "NOT")
            || word.starts_with(['+', '-']) && word.len() > 1
            || word.ends_with('*') && word.len() > 1
    };
    text.contains(['"', '|', '(', '&']) || text.split_whitespace().any(signed)
}

/// What a sentence asks for; `None` where it is words and nothing else.
///
/// # Errors
/// The query's.
pub(crate) fn read(
    snapshot: &Snapshot,
    scope: Scope,
    language: Language,
    text: &str,
    open: Open,
) -> Result<Option<Reading>, Problem> {
    let tokens = tokens(text);
    if has_signs(text) || tokens.is_empty() || tokens.len() > WORDS_MAX {
        return Ok(None);
    }
    let all: Vec<String> = tokens.iter().map(|token| token.word.clone()).collect();
    let reader = || Reader { snapshot, scope, text, tokens: &tokens, free: vec![true; tokens.len()] };
    if open.collections && !nilometer_query::is_called(snapshot, &all.join(" "), scope)? {
        // Words that name products or quantities and nothing else are no names, though a brook may be called so. One word for
        // a kind of thing is one that stands in many names.
        let mut reader = reader();
        let (collections, measured) = reader.collections();
        let reading = Reading { collections, ..Reading::default() };
        if (measured || tokens.len() > 1)
            && reader.rest(true).is_empty()
            && nilometer_query::count(snapshot, &reading.search(), scope)? > 0
        {
            return Ok(Some(reading));
        }
    }
    if nilometer_query::is_named(snapshot, &all, scope)? {
        return Ok(None);
    }
    let mut reader = reader();
    let period = if open.period { reader.period() } else { None };
    let place = if open.place { reader.place(language)? } else { None };
    let (collections, measured) = if open.collections { reader.collections() } else { Default::default() };
    let rest = reader.rest(true);
    let told = [period.is_some(), !collections.0.is_empty(), place.is_some()].into_iter().filter(|t| *t).count();
    if told == 0 {
        return Ok(None);
    }
    let reading = Reading { period, collections, words: rest, place };
    let finds = |search: &Search| nilometer_query::count(snapshot, search, scope).map(|count| count > 0);
    // One name with nothing beside it is first of all a word to look for, unless it is a quantity, which nothing is called.
    let is_weak = told == 1 && reading.period.is_none() && !measured;
    if is_weak {
        let plain = [("q", text), ("interpret", "words")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        if finds(&nilometer_query::parse::from_query(&plain, Dialect::Stac, &[])?.search)? {
            return Ok(None);
        }
    }
    if finds(&reading.search())? {
        return Ok(Some(reading));
    }
    // Gauges stand beside the line of a river and bear its name: where nothing lies on a place, its name is a word.
    if let Some((_, written)) = &reading.place {
        let words = format!("{written} {}", reading.words);
        let named = Reading { place: None, words: words.trim().to_owned(), ..reading.clone() };
        if finds(&named.search())? {
            return Ok(Some(named));
        }
    }
    Ok((!is_weak).then_some(reading))
}

/// What a place may be called in the data that somebody calls so: a lake is one in either language, before or behind its name.
fn called(run: &str) -> Vec<String> {
    const LAKES: [&str; 4] = ["lac", "lake", "lago", "laguna"];
    const RIVERS: [&str; 4] = ["riviere", "fleuve", "river", "rio"];
    const SMALL: [&str; 7] = ["d", "de", "du", "des", "la", "le", "l"];
    let mut names = vec![run.to_owned()];
    for kinds in [LAKES, RIVERS] {
        let words: Vec<&str> = run.split(' ').collect();
        let bare: Vec<&str> = match words.as_slice() {
            [kind, rest @ ..] if kinds.contains(kind) => {
                rest.iter().copied().skip_while(|w| SMALL.contains(w)).collect()
            }
            [rest @ .., kind] if kinds.contains(kind) => rest.to_vec(),
            _ => continue,
        };
        if bare.is_empty() {
            continue;
        }
        let bare = bare.join(" ");
        names.extend(kinds.iter().flat_map(|kind| [format!("{kind} {bare}"), format!("{bare} {kind}")]));
        // Lakes are seldom called without saying so, and rivers mostly are.
        names.extend((kinds == RIVERS).then_some(bare));
    }
    names
}

struct Reader<'a> {
    snapshot: &'a Snapshot,
    scope: Scope,
    text: &'a str,
    tokens: &'a [Token<'a>],
    /// Tokens that nothing was read from yet.
    free: Vec<bool>,
}

impl Reader<'_> {
    fn take(&mut self, range: Range<usize>) -> String {
        self.free[range.clone()].fill(false);
        self.text[self.tokens[range.start].begin..self.tokens[range.end - 1].end].to_owned()
    }

    fn run(&self, range: Range<usize>) -> String {
        self.tokens[range].iter().map(|token| token.word.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Runs of free words, longest first, that are more than words without meaning.
    fn runs(&self) -> Vec<Range<usize>> {
        let longest = RUN_MAX.min(self.tokens.len());
        let all = (1..=longest).rev().flat_map(|n| (0..=self.tokens.len() - n).map(move |at| at..at + n));
        all.filter(|range| {
            let means = |at: usize| !STOP.contains(&self.tokens[at].word.as_str());
            self.free[range.clone()].iter().all(|free| *free)
                && means(range.start) | (range.len() > 1)
                && means(range.end - 1)
        })
        .collect()
    }

    fn period(&mut self) -> Option<(TimeInterval, String)> {
        let (interval, at) = period::find(self.tokens)?;
        Some((interval, self.take(at)))
    }

    fn place(&mut self, language: Language) -> Result<Option<(Place, String)>, Problem> {
        let collections = places::collections(self.snapshot, self.scope);
        for range in self.runs() {
            for name in called(&self.run(range.clone())) {
                let found = places::called(self.snapshot, self.scope, language, &name, &collections)?;
                if let Some(place) = found.into_iter().next() {
                    return Ok(Some((place, self.take(range))));
                }
            }
        }
        Ok(None)
    }

    /// The collections that all names in the sentence have in common, and whether one of them is a quantity.
    fn collections(&mut self) -> ((Vec<CollectionId>, Vec<String>), bool) {
        let vocabulary = Vocabulary::of(self.snapshot, self.scope);
        let mut common: Option<BTreeSet<CollectionId>> = None;
        let (mut told, mut titled, mut measured) = (Vec::new(), Vec::new(), false);
        for range in self.runs() {
            if !self.free[range.clone()].iter().all(|free| *free) {
                continue;
            }
            let run = self.run(range.clone());
            let (named, measuring) = (vocabulary.collections(&run), vocabulary.measuring(&run));
            let of: BTreeSet<CollectionId> = [measuring, named].into_iter().flatten().flatten().cloned().collect();
            let both: BTreeSet<CollectionId> = match &common {
                Some(common) => common.intersection(&of).cloned().collect(),
                None => of,
            };
            if !both.is_empty() {
                measured |= measuring.is_some();
                titled.extend(vocabulary.titled(&run));
                told.push(self.take(range));
                common = Some(both);
            }
        }
        let mut common = common.unwrap_or_default();
        // What is called so is meant before what is about it, unless other names say otherwise.
        for called in titled {
            let among: BTreeSet<CollectionId> = common.intersection(called).cloned().collect();
            if !among.is_empty() {
                common = among;
            }
        }
        ((common.into_iter().collect(), told), measured)
    }

    fn rest(&self, without_stops: bool) -> String {
        let kept = self
            .tokens
            .iter()
            .zip(&self.free)
            .filter(|(token, free)| **free && !(without_stops && STOP.contains(&token.word.as_str())));
        kept.map(|(token, _)| &self.text[token.begin..token.end]).collect::<Vec<_>>().join(" ")
    }
}

impl Reading {
    /// The question that was read.
    fn search(&self) -> Search {
        let words: Vec<String> = nilometer_schemas::text::words(&self.words).collect();
        let references = self.place.iter().flat_map(|(place, _)| place.references.split(','));
        Search {
            collections: self.collections.0.clone(),
            intersects_refs: references.map(str::to_owned).collect(),
            datetime: self.period.as_ref().map(|(interval, _)| *interval),
            words: (!words.is_empty()).then(|| Words::all(words)),
            ..Search::default()
        }
    }

    /// The members of a question that the reading sets: name and value of a parameter. What is left of the words is `q`.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        if let Some((place, _)) = &self.place {
            all.push(("intersectsRefs", place.references.clone()));
        }
        if !self.collections.0.is_empty() {
            let ids: Vec<&str> = self.collections.0.iter().map(CollectionId::as_str).collect();
            all.push(("collections", ids.join(",")));
        }
        if let Some((interval, _)) = &self.period {
            all.push(("datetime", interval.to_string()));
        }
        if !self.words.is_empty() {
            all.push(("q", self.words.clone()));
            if nilometer_schemas::text::words(&self.words).nth(1).is_some() {
                all.push(("interpret", "words".to_owned()));
            }
        }
        all
    }

    /// The reading in a few words, for people.
    pub(crate) fn sentence(&self, snapshot: &Snapshot, ask: &Ask) -> String {
        let language = ask.language();
        let mut parts = Vec::new();
        if !self.words.is_empty() {
            parts.push(language.of("“#”", "« # »").replace('#', &self.words));
        }
        match self.collections.0.as_slice() {
            [] => {}
            [one] => parts.push(collection_title(ask, snapshot, one.as_str())),
            several => {
                let (count, told) = (several.len(), self.collections.1.join(" "));
                parts.push(format!("{told} ({count} collections)"));
            }
        }
        if let Some((place, _)) = &self.place {
            parts.push(format!("{} {}", language.of("in", "dans :"), place.title));
        }
        if let Some((_, written)) = &self.period {
            parts.push(written.clone());
        }
        parts.join(" · ")
    }

    /// For programs: each part with how it was written and what it sets.
    pub(crate) fn to_json(&self) -> Value {
        let place = self.place.as_ref().map(|(place, written)| {
            json!({ "text": written, "title": place.title, "intersectsRefs": place.references.split(',').collect::<Vec<_>>() })
        });
        let (ids, told) = &self.collections;
        let collections = (!ids.is_empty())
            .then(|| json!({ "text": told, "collections": ids.iter().map(CollectionId::as_str).collect::<Vec<_>>() }));
        let period = self
            .period
            .as_ref()
            .map(|(interval, written)| json!({ "text": written, "datetime": interval.to_string() }));
        json!({ "place": place, "collections": collections, "period": period, "words": self.words })
    }
}
