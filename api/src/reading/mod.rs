//! A plain sentence read as a question: `Garonne SWOT 2024` is a place, collections and a period; what is left are words.
//!
//! Only what says something besides a name is read: `Lake Victoria` alone, or words that stand together in a title, stay
//! words, so that whoever types a name finds the thing itself first; other names of a place are joined to the one typed.
//! Each part that the question has already is left alone.

mod names;
mod orbit;
mod period;
mod vocabulary;

use std::collections::BTreeSet;
use std::ops::Range;

use nilometer_indexer::Snapshot;
use nilometer_schemas::text::{fold, is_in_word};
use nilometer_schemas::{CollectionId, Dialect, Problem, Scope, Search, TimeInterval};
use serde_json::{Value, json};

use crate::html::Language;
use crate::places::{self, Place};
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;
pub(crate) use vocabulary::Vocabularies;
use vocabulary::Vocabulary;

/// Words that with an accent are other words.
const PLAIN: [&str; 1] = ["cote"];
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
    /// Cycle and pass of a satellite as conditions (CQL2), with how they were written.
    pub(crate) orbit: Option<(String, String)>,
    /// Whether a quantity was named.
    pub(crate) measured: bool,
    /// What was left.
    pub(crate) words: String,
    /// Other names of the place that the words name, any of which will do.
    pub(crate) names: Vec<String>,
}

/// What of a question may be set by reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) place: bool,
    pub(crate) collections: bool,
    pub(crate) period: bool,
    pub(crate) filter: bool,
}

impl Open {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { place: true, collections: true, period: true, filter: true };
}

/// Where sentences are read.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) scope: Scope,
    pub(crate) language: Language,
    pub(crate) vocabularies: &'a Vocabularies,
}

impl Context<'_> {
    pub(crate) fn finds(&self, search: &Search) -> Result<bool, Problem> {
        Ok(nilometer_query::count(self.snapshot, search, self.scope)? > 0)
    }
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
pub(crate) fn read(context: Context<'_>, text: &str, open: Open) -> Result<Option<Reading>, Problem> {
    let tokens = tokens(text);
    if has_signs(text) || tokens.is_empty() || tokens.len() > WORDS_MAX {
        return Ok(None);
    }
    match sentence(context, text, &tokens, open)? {
        None => by_all_names(context, text, &tokens),
        reading => Ok(reading),
    }
}

/// The name of a place that has others too.
fn by_all_names(context: Context<'_>, text: &str, tokens: &[Token<'_>]) -> Result<Option<Reading>, Problem> {
    if tokens.len() > RUN_MAX {
        return Ok(None);
    }
    let run = tokens.iter().map(|token| token.word.as_str()).collect::<Vec<_>>().join(" ");
    let names = names::others(context.snapshot, context.scope, &run)?;
    let reading =
        || Reading { words: plain(text), names: names.iter().map(|name| plain(name)).collect(), ..Reading::default() };
    Ok((!names.is_empty()).then(reading))
}

/// A name without what `q` takes for signs.
fn plain(name: &str) -> String {
    let blank = |c: char| if matches!(c, '"' | '(' | ')' | '|' | '&' | '*' | '+' | ',') { ' ' } else { c };
    let name: String = name.chars().map(blank).collect();
    let words = name.split_whitespace().map(|word| word.trim_start_matches('-'));
    words.filter(|word| !matches!(*word, "" | "OR" | "AND" | "NOT")).collect::<Vec<_>>().join(" ")
}

fn sentence(context: Context<'_>, text: &str, tokens: &[Token<'_>], open: Open) -> Result<Option<Reading>, Problem> {
    let Context { snapshot, scope, .. } = context;
    let all: Vec<String> = tokens.iter().map(|token| token.word.clone()).collect();
    let vocabulary = context.vocabularies.of(snapshot, scope);
    let reader = || Reader { context, vocabulary: &vocabulary, text, tokens, free: vec![true; tokens.len()] };
    if open.collections && !nilometer_query::is_called(snapshot, &all.join(" "), scope)? {
        // Words that name products or quantities and nothing else are no names, though a brook may be called so. One word for
        // a kind of thing is one that stands in many names.
        let mut reader = reader();
        let orbit = if open.filter { reader.orbit() } else { None };
        let named = reader.collections(open.place)?;
        if (named.measured || tokens.len() > 1) && reader.rest(true).is_empty() {
            let reading = Reading { orbit, ..Reading::default() };
            if let Some(reading) = named.first_that(|collections| settled(context, collections.onto(&reading)))? {
                return Ok(Some(reading));
            }
        }
    }
    if nilometer_query::is_named(snapshot, &all, scope)? {
        return Ok(None);
    }
    let parts = |open: Open| {
        let mut reader = reader();
        let period = if open.period { reader.period() } else { None };
        let orbit = if open.filter { reader.orbit() } else { None };
        let place = if open.place { reader.place()? } else { None };
        let named = if open.collections { reader.collections(open.place)? } else { Named::default() };
        Ok::<_, Problem>((Reading { period, orbit, place, words: reader.rest(true), ..Reading::default() }, named))
    };
    let (reading, named) = parts(open)?;
    let told = [reading.period.is_some(), reading.orbit.is_some(), named.is_told(), reading.place.is_some()];
    let told = told.into_iter().filter(|t| *t).count();
    if told == 0 {
        return Ok(None);
    }
    // One name with nothing beside it is first of all a word to look for, unless it is a quantity, which nothing is called.
    let is_weak = told == 1 && reading.period.is_none() && reading.orbit.is_none() && !named.measured;
    if is_weak {
        let words = [("q", text), ("interpret", "words")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let words = nilometer_query::parse::from_query(&words, Dialect::Stac, &[])?.search;
        // What is found by forgiving a slip was not what the words say.
        if context.finds(&Search { as_written: true, ..words })? {
            return Ok(None);
        }
    }
    if let Some(found) = named.first_that(|collections| settled(context, collections.onto(&reading)))? {
        return Ok(Some(found));
    }
    // What a department or a country is called may be what collections are about.
    if let Some((_, written)) = &reading.place {
        let (beside, named) = parts(Open { place: false, ..open })?;
        if named.told.contains(written)
            && let Some(found) = named.first_that(|collections| settled(context, collections.onto(&beside)))?
        {
            return Ok(Some(found));
        }
    }
    Ok((!is_weak).then(|| named.widest().onto(&reading)))
}

/// A reading as it finds most of what is asked for: things lie on a place, or bear its name; `None` where it finds nothing.
fn settled(context: Context<'_>, reading: Reading) -> Result<Option<Reading>, Problem> {
    let Some((_, written)) = &reading.place else {
        return Ok(context.finds(&reading.search()?)?.then_some(reading));
    };
    let lying = nilometer_query::count(context.snapshot, &reading.search()?, context.scope)?;
    // Gauges stand beside a river or a lake and bear its name. Where no kind of thing was asked for, what lies there is.
    if lying > 0 && reading.collections.0.is_empty() {
        return Ok(Some(reading));
    }
    let run = nilometer_schemas::text::words(written).collect::<Vec<_>>().join(" ");
    let ways: Vec<Vec<String>> =
        names::called(&run).iter().map(|name| nilometer_schemas::text::words(name).collect()).collect();
    let bearing =
        nilometer_query::count_named(context.snapshot, &ways, &reading.collections.0, lying + 1, context.scope)?;
    if bearing > lying {
        let words = format!("{written} {}", reading.words);
        let named = Reading { place: None, words: words.trim().to_owned(), ..reading.clone() };
        if context.finds(&named.search()?)? {
            return Ok(Some(named));
        }
    }
    Ok((lying > 0).then_some(reading))
}

/// What the names of collections in a sentence mean.
#[derive(Clone, Debug, Default)]
struct Named {
    /// The collections, those that are meant most likely first: fewer, then more.
    choices: Vec<BTreeSet<CollectionId>>,
    /// The words that named them.
    told: Vec<String>,
    /// Whether one of these is a quantity.
    measured: bool,
}

/// Collections with the words that named them.
struct Chosen<'a> {
    collections: Vec<CollectionId>,
    named: &'a Named,
}

impl Named {
    fn is_told(&self) -> bool {
        !self.told.is_empty()
    }

    fn chosen(&self, collections: &BTreeSet<CollectionId>) -> Chosen<'_> {
        Chosen { collections: collections.iter().cloned().collect(), named: self }
    }

    /// All collections that have what was named.
    fn widest(&self) -> Chosen<'_> {
        self.choices.last().map_or_else(|| self.chosen(&BTreeSet::new()), |all| self.chosen(all))
    }

    /// The first answer that a choice leads to.
    fn first_that<T>(&self, lead: impl Fn(Chosen<'_>) -> Result<Option<T>, Problem>) -> Result<Option<T>, Problem> {
        if self.choices.is_empty() {
            return lead(self.widest());
        }
        for collections in &self.choices {
            if let Some(answer) = lead(self.chosen(collections))? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }
}

impl Chosen<'_> {
    fn onto(self, reading: &Reading) -> Reading {
        let Named { told, measured, .. } = self.named;
        Reading { collections: (self.collections, told.clone()), measured: *measured, ..reading.clone() }
    }
}

/// Whether words are one that means the same whether a person or a program says it; names of products may be cut short.
pub(crate) fn is_one_plain_word(text: &str) -> bool {
    let mut words = nilometer_schemas::text::words(text);
    words.next().is_none_or(|word| !word.contains('_')) && words.next().is_none()
}

struct Reader<'a> {
    context: Context<'a>,
    vocabulary: &'a Vocabulary,
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

    /// Whether a place in the sentence is between two parts of one name: `Côte-d'Or`, `Ille-et-Vilaine`.
    fn is_within_name(&self, at: usize) -> bool {
        at > 0 && at < self.tokens.len() && matches!(self.tokens[at - 1].gap, "-" | "‐")
    }

    /// Runs of free words, longest first, that are more than words without meaning.
    fn runs(&self) -> Vec<Range<usize>> {
        let longest = RUN_MAX.min(self.tokens.len());
        let all = (1..=longest).rev().flat_map(|n| (0..=self.tokens.len() - n).map(move |at| at..at + n));
        all.filter(|range| {
            let holds_names = range.clone().skip(1).any(|at| self.is_within_name(at));
            let means = |at: usize| holds_names || !STOP.contains(&self.tokens[at].word.as_str());
            self.free[range.clone()].iter().all(|free| *free)
                && means(range.start) | (range.len() > 1)
                && means(range.end - 1)
                && !self.is_within_name(range.start)
                && !self.is_within_name(range.end)
        })
        .collect()
    }

    fn period(&mut self) -> Option<(TimeInterval, String)> {
        let (interval, at) = period::find(self.tokens)?;
        Some((interval, self.take(at)))
    }

    /// Cycle and pass: the conditions, and the words that told them.
    fn orbit(&mut self) -> Option<(String, String)> {
        let found = orbit::find(self.tokens);
        let conditions = found.iter().map(|(condition, _)| condition.as_str()).collect::<Vec<_>>().join(" AND ");
        let told: Vec<String> = found.into_iter().map(|(_, at)| self.take(at)).collect();
        (!told.is_empty()).then(|| (conditions, told.join(" ")))
    }

    fn places(&self, name: &str) -> Result<Vec<Place>, Problem> {
        let Context { snapshot, scope, language, .. } = self.context;
        places::called(snapshot, scope, language, name, &places::collections(snapshot, scope))
    }

    fn place(&mut self) -> Result<Option<(Place, String)>, Problem> {
        for range in self.runs() {
            for name in names::called(&self.run(range.clone())) {
                if let Some(place) = self.places(&name)?.into_iter().next() {
                    return Ok(Some((place, self.take(range))));
                }
            }
        }
        Ok(None)
    }

    /// Where some words stand in the text.
    fn span(&self, range: &Range<usize>) -> Range<usize> {
        self.tokens[range.start].begin..self.tokens[range.end - 1].end
    }

    /// The collections that all names in the sentence have in common. A place is one, and no keyword, where a place may be read.
    fn collections(&mut self, reads_places: bool) -> Result<Named, Problem> {
        let vocabulary = self.vocabulary;
        let mut common: Option<BTreeSet<CollectionId>> = None;
        let (mut told, mut titled, mut measured) = (Vec::new(), Vec::new(), false);
        for range in self.runs() {
            if !self.free[range.clone()].iter().all(|free| *free) {
                continue;
            }
            let run = self.run(range.clone());
            // The coast (côte) is no level (cote).
            let is_other = PLAIN.contains(&run.as_str()) && !self.text[self.span(&range)].is_ascii();
            if is_other {
                continue;
            }
            let (named, measuring) = (vocabulary.collections(&run), vocabulary.measuring(&run));
            let called = vocabulary.titled(&run);
            let of: BTreeSet<CollectionId> = [measuring, named].into_iter().flatten().flatten().cloned().collect();
            let both: BTreeSet<CollectionId> = match &common {
                Some(common) => common.intersection(&of).cloned().collect(),
                None => of,
            };
            if both.is_empty() || measuring.is_none() && self.is_of_name(&range)? {
                continue;
            }
            if reads_places && measuring.is_none() && called.is_none() && !self.places(&run)?.is_empty() {
                continue;
            }
            measured |= measuring.is_some();
            titled.extend(called);
            told.push(self.take(range));
            common = Some(both);
        }
        let Some(common) = common else { return Ok(Named::default()) };
        // What is called so is meant before what is about it, unless other names say otherwise.
        let mut called_so = common.clone();
        for called in titled {
            let among: BTreeSet<CollectionId> = called_so.intersection(called).cloned().collect();
            if !among.is_empty() {
                called_so = among;
            }
        }
        let mut choices = vec![called_so, common];
        choices.dedup();
        Ok(Named { choices, told, measured })
    }

    /// Whether a word for a kind of thing is part of a name here: `Okanagan Lake` is a lake, `lake temperature` is none.
    fn is_of_name(&self, range: &Range<usize>) -> Result<bool, Problem> {
        if range.len() > 1 {
            return Ok(false);
        }
        let is_name = |at: usize| {
            let word = self.tokens[at].word.as_str();
            let is_known = self.vocabulary.collections(word).is_some() || self.vocabulary.measuring(word).is_some();
            self.free[at] && !is_known && !STOP.contains(&word)
        };
        let small = |at: &usize| STOP.contains(&self.tokens[*at].word.as_str());
        let next = (range.end..self.tokens.len()).find(|at| !small(at)).filter(|at| is_name(*at));
        let before = range.start.checked_sub(1).filter(|at| is_name(*at));
        for run in [before.map(|at| at..range.end), next.map(|at| range.start..at + 1)].into_iter().flatten() {
            let Context { snapshot, scope, .. } = self.context;
            if run.len() <= RUN_MAX && names::is_borne(snapshot, scope, &self.run(run))? {
                return Ok(true);
            }
        }
        Ok(false)
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
    pub(crate) fn search(&self) -> Result<Search, Problem> {
        let pairs: Vec<(String, String)> =
            self.parameters().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(nilometer_query::parse::from_query(&pairs, Dialect::Stac, &[])?.search)
    }

    /// Whether only other names of what the words name were found.
    pub(crate) fn is_of_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// What is left of the words; names that stand for one thing are alternatives.
    fn q(&self) -> String {
        [&self.words].into_iter().chain(&self.names).cloned().collect::<Vec<_>>().join(" OR ")
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
        if let Some((conditions, _)) = &self.orbit {
            all.push(("filter", conditions.clone()));
            all.push(("filter-lang", "cql2-text".to_owned()));
        }
        if !self.words.is_empty() {
            let q = self.q();
            let is_plain = is_one_plain_word(&q);
            all.push(("q", q));
            if !is_plain {
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
            parts.push(language.of("“#”", "« # »").replace('#', &self.q()));
        }
        match self.collections.0.as_slice() {
            [] => {}
            [one] => parts.push(collection_title(ask, snapshot, one.as_str())),
            several => {
                let (count, told) = (several.len(), self.collections.1.join(" "));
                parts.push(format!("{told} ({count} collections)"));
            }
        }
        parts.extend(self.orbit.iter().map(|(_, written)| written.clone()));
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
        let orbit = self.orbit.as_ref().map(|(conditions, written)| json!({ "text": written, "filter": conditions }));
        let mut all = json!({ "place": place, "collections": collections, "period": period, "words": self.words });
        // Members that few readings have.
        for (name, value) in [("orbit", orbit), ("names", self.is_of_names().then(|| json!(self.names)))] {
            if let Some(value) = value {
                all[name] = value;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_nothing_that_q_takes_for_a_sign() {
        for (name, expected) in [
            ("Pays-Bas", "Pays-Bas"),
            ("Lac Léman (Genfersee)", "Lac Léman Genfersee"),
            ("\"Ijssel\" -meer, NOT", "Ijssel meer"),
            ("L'Isle", "L'Isle"),
        ] {
            assert_eq!(plain(name), expected);
            assert!(!has_signs(&plain(name)));
        }
    }
}
