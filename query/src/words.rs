//! Words against the texts of items: which items have them and how well they fit; and, where none has them, which words
//! may have been meant.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_indexer::segment::{Bits, ColumnKind};
use nilometer_indexer::{SegmentView, Snapshot, StoredItem, name_token, stems};
use nilometer_schemas::{CollectionId, IndexFields, Problem, Scope, Words, text};
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, DisjunctionMaxQuery, EmptyQuery, EnableScoring, Occur, PhraseQuery, Query,
    RegexQuery, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, TERMINATED, Term};

use crate::plan::internal;

/// How much a match counts by where it stands: in a name that is nothing else, among the words of names and ids, anywhere, and
/// in another form of the word.
const NAME: f32 = 3.0;
const TITLE: f32 = 2.0;
const ANYWHERE: f32 = 1.0;
const STEM: f32 = 0.5;
/// What further matches of one word count beside its best.
const TIE: f32 = 0.1;
/// Words taken in place of one that no item has.
const TAKEN_MAX: usize = 5;
/// Words of a segment that are looked at for one that is being typed.
const BEGUN_MAX: usize = 200;

/// A word that no item has as it is written, with the words that were taken besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widened {
    /// The word, folded.
    pub word: String,
    /// The nearest words that some visible item has, most frequent first.
    pub taken: Vec<String>,
}

/// The items that a question's words match, in every segment of a snapshot.
pub(crate) struct WordsMatch {
    query: Box<dyn Query>,
    /// By position of the segment; among the documents that the scope sees.
    sets: Vec<Bits>,
    widened: Vec<Widened>,
}

/// Scores of documents, by document.
pub(crate) type Scores = Vec<(u32, f32)>;

impl WordsMatch {
    /// Looks words up among all that a scope may see. Where nothing has them, typing errors are forgiven.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub(crate) fn new(snapshot: &Snapshot, words: &Words, scope: Scope) -> Result<Self, Problem> {
        let visible: Vec<Bits> = snapshot.segments().iter().map(|segment| visible(snapshot, segment, scope)).collect();
        let query = query_of(words, snapshot.fields())?;
        let sets = sets(snapshot, query.as_ref(), &visible)?;
        if sets.iter().any(|set| set.count() > 0) {
            return Ok(Self { query, sets, widened: Vec::new() });
        }
        let mut widener = Widener { snapshot, visible: &visible, widened: BTreeMap::new() };
        let wider = widener.wider(words)?;
        let widened: Vec<Widened> = widener.widened.into_iter().map(|(word, taken)| Widened { word, taken }).collect();
        if widened.is_empty() {
            return Ok(Self { query, sets, widened });
        }
        let query = query_of(&wider, snapshot.fields())?;
        let sets = self::sets(snapshot, query.as_ref(), &visible)?;
        // Words that lead nowhere are not worth telling.
        let found = sets.iter().any(|set| set.count() > 0);
        Ok(Self { query, sets, widened: if found { widened } else { Vec::new() } })
    }

    /// The documents of a segment that match.
    pub(crate) fn set(&self, segment: &SegmentView) -> &Bits {
        &self.sets[segment.ord() as usize]
    }

    /// The words that were taken for others.
    pub(crate) fn widened(&self) -> &[Widened] {
        &self.widened
    }

    /// How well documents of a segment match (BM25 over all segments).
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub(crate) fn scores(&self, snapshot: &Snapshot, segment: &SegmentView, of: &Bits) -> Result<Scores, Problem> {
        let scoring = EnableScoring::enabled_from_searcher(snapshot.searcher());
        let weight = self.query.weight(scoring).map_err(internal)?;
        let mut scores = Vec::new();
        let keep = &mut |doc: u32, score: f32| {
            if of.contains(doc) {
                scores.push((doc, score));
            }
        };
        weight.for_each(segment.reader(), keep).map_err(internal)?;
        Ok(scores)
    }
}

/// Whether some item that the scope sees has all of these folded words in its names or its id.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub fn is_named(snapshot: &Snapshot, words: &[String], scope: Scope) -> Result<bool, Problem> {
    let title = snapshot.fields().title;
    let all = words.iter().map(|word| Box::new(term(title, word, IndexRecordOption::Basic)) as Box<dyn Query>);
    any_visible(snapshot, &BooleanQuery::intersection(all.collect()), scope)
}

/// The live items of some collections that have this very name (or id), whatever its case, accents and signs.
///
/// # Errors
/// `Internal` when the index cannot be read, or a record of the log.
pub fn called(
    snapshot: &Snapshot,
    name: &str,
    collections: &[CollectionId],
    scope: Scope,
) -> Result<Vec<StoredItem>, Problem> {
    let query = term(snapshot.fields().names, &name_token(name), IndexRecordOption::Basic);
    let weight = query.weight(EnableScoring::disabled_from_searcher(snapshot.searcher())).map_err(internal)?;
    let mut items = Vec::new();
    for segment in snapshot.segments() {
        let found = set(weight.as_ref(), segment, &visible(snapshot, segment, scope))?;
        for doc in found.iter() {
            let data = segment.data();
            if collections.iter().any(|id| id.as_str() == data.collection_of(doc)) {
                items.push(snapshot.item_by_seq(data.seqs()[doc as usize]).map_err(|e| e.problem())?);
            }
        }
    }
    Ok(items)
}

/// Words of visible items that begin with a folded text, most frequent first, each with the number of items it stands in.
/// Of many words only the first two hundred in alphabetical order are looked at in each segment.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub fn words_begun(
    snapshot: &Snapshot,
    begin: &str,
    scope: Scope,
    limit: usize,
) -> Result<Vec<(String, u64)>, Problem> {
    let visible: Vec<Bits> = snapshot.segments().iter().map(|segment| visible(snapshot, segment, scope)).collect();
    let widener = Widener { snapshot, visible: &visible, widened: BTreeMap::new() };
    let mut words = BTreeSet::new();
    for segment in snapshot.segments() {
        let inverted = segment.reader().inverted_index(snapshot.fields().words).map_err(internal)?;
        let mut terms = inverted.terms().range().ge(begin.as_bytes()).into_stream().map_err(internal)?;
        let mut looked_at = 0;
        while looked_at < BEGUN_MAX && terms.advance() && terms.key().starts_with(begin.as_bytes()) {
            words.extend(std::str::from_utf8(terms.key()).map(str::to_owned));
            looked_at += 1;
        }
    }
    let mut counted = Vec::new();
    for word in words {
        let frequency = widener.frequency(&word)?;
        if frequency > 0 {
            counted.push((word, frequency));
        }
    }
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counted.truncate(limit);
    Ok(counted)
}

fn any_visible(snapshot: &Snapshot, query: &dyn Query, scope: Scope) -> Result<bool, Problem> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(snapshot.searcher())).map_err(internal)?;
    for segment in snapshot.segments() {
        if set(weight.as_ref(), segment, &visible(snapshot, segment, scope))?.count() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn visible(snapshot: &Snapshot, segment: &SegmentView, scope: Scope) -> Bits {
    let data = segment.data();
    let mut bits = segment.alive().cloned().unwrap_or_else(|| Bits::all(data.docs()));
    if let Some(column) = data.column("collection", ColumnKind::Text) {
        let seen = |code: u32| snapshot.collection(column.dictionary.text(code), scope).is_some();
        let seen: Vec<bool> = (0..column.dictionary.len() as u32).map(seen).collect();
        if !seen.iter().all(|seen| *seen) {
            bits.retain(|doc| column.first_code(doc).is_some_and(|code| seen[code as usize]));
        }
    }
    bits
}

fn sets(snapshot: &Snapshot, query: &dyn Query, visible: &[Bits]) -> Result<Vec<Bits>, Problem> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(snapshot.searcher())).map_err(internal)?;
    let of = |(segment, visible): (&std::sync::Arc<SegmentView>, &Bits)| set(weight.as_ref(), segment, visible);
    snapshot.segments().iter().zip(visible).map(of).collect()
}

fn set(weight: &dyn Weight, segment: &SegmentView, visible: &Bits) -> Result<Bits, Problem> {
    let mut bits = Bits::none(segment.data().docs());
    weight
        .for_each_no_score(segment.reader(), &mut |docs| docs.iter().for_each(|doc| bits.insert(*doc)))
        .map_err(internal)?;
    bits.and(visible);
    Ok(bits)
}

fn boosted(query: impl Query, boost: f32) -> Box<dyn Query> {
    Box::new(BoostQuery::new(Box::new(query), boost))
}

fn best_of(queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, TIE))
}

fn term(field: Field, word: &str, option: IndexRecordOption) -> TermQuery {
    TermQuery::new(Term::from_field_text(field, word), option)
}

fn counted(field: Field, word: &str) -> TermQuery {
    term(field, word, IndexRecordOption::WithFreqs)
}

/// A run of words in a field.
fn run(field: Field, words: &[String]) -> Box<dyn Query> {
    match words {
        [] => Box::new(EmptyQuery),
        [one] => Box::new(counted(field, one)),
        several => Box::new(PhraseQuery::new(several.iter().map(|word| Term::from_field_text(field, word)).collect())),
    }
}

/// The condition as tantivy's query, scores included.
fn query_of(words: &Words, fields: &IndexFields) -> Result<Box<dyn Query>, Problem> {
    Ok(match words {
        Words::Word(word) => run_of(std::slice::from_ref(word), false, fields),
        Words::Phrase { words, exact } => run_of(words, *exact, fields),
        // Words are letters, digits and underscores, of which every pattern is valid.
        Words::Prefix(begin) => {
            Box::new(RegexQuery::from_pattern(&format!("{begin}.*"), fields.words).map_err(internal)?)
        }
        Words::Any(any) => {
            let any = any.iter().map(|words| query_of(words, fields)).collect::<Result<_, _>>()?;
            best_of(any)
        }
        Words::Group { required, optional, excluded } => group(required, optional, excluded, fields)?,
    })
}

fn run_of(words: &[String], exact: bool, fields: &IndexFields) -> Box<dyn Query> {
    let name = name_token(&words.join(" "));
    let mut any = vec![
        boosted(term(fields.names, &name, IndexRecordOption::Basic), NAME),
        Box::new(BoostQuery::new(run(fields.title, words), TITLE)),
        Box::new(BoostQuery::new(run(fields.words, words), ANYWHERE)),
    ];
    if !exact {
        let stems: Vec<[String; 2]> = words.iter().map(|word| stems(word)).collect();
        for (at, field) in fields.stems.into_iter().enumerate() {
            let stems: Vec<String> = stems.iter().map(|stems| stems[at].clone()).collect();
            any.push(Box::new(BoostQuery::new(run(field, &stems), STEM)));
        }
    }
    best_of(any)
}

fn group(
    required: &[Words],
    optional: &[Words],
    excluded: &[Words],
    fields: &IndexFields,
) -> Result<Box<dyn Query>, Problem> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (occur, part) in [(Occur::Must, required), (Occur::Should, optional), (Occur::MustNot, excluded)] {
        for words in part {
            clauses.push((occur, query_of(words, fields)?));
        }
    }
    if required.is_empty() {
        clauses.push((Occur::Must, boosted(AllQuery, 0.0)));
    }
    // Words that stand together, or are the whole name, are more than words that stand somewhere.
    let plain: Option<Vec<String>> = required.iter().map(typed).collect();
    if let Some(plain) = plain.filter(|plain| plain.len() > 1) {
        clauses.push((Occur::Should, boosted(term(fields.names, &plain.join(" "), IndexRecordOption::Basic), NAME)));
        clauses.push((Occur::Should, Box::new(BoostQuery::new(run(fields.title, &plain), TITLE))));
    }
    Ok(Box::new(BooleanQuery::new(clauses)))
}

/// A single word, or the first of several that mean the same: the one that was typed.
fn typed(words: &Words) -> Option<String> {
    match words {
        Words::Word(word) => Some(word.clone()),
        Words::Any(any) => any.first().and_then(typed),
        _ => None,
    }
}

/// Slips of the hand that are forgiven in a word.
fn slips(word: &str) -> usize {
    match word.chars().count() {
        _ if word.bytes().all(|b| b.is_ascii_digit()) => 0,
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

struct Widener<'a> {
    snapshot: &'a Snapshot,
    visible: &'a [Bits],
    widened: BTreeMap<String, Vec<String>>,
}

impl Widener<'_> {
    /// The condition with each word that may be mistyped joined by those that may be meant.
    fn wider(&mut self, words: &Words) -> Result<Words, Problem> {
        Ok(match words {
            Words::Word(word) => self.wider_word(word)?,
            Words::Phrase { words, exact: false } => {
                let required = words.iter().map(|word| self.wider_word(word)).collect::<Result<_, _>>()?;
                Words::Group { required, optional: Vec::new(), excluded: Vec::new() }
            }
            Words::Phrase { exact: true, .. } | Words::Prefix(_) => words.clone(),
            Words::Any(any) => Words::Any(any.iter().map(|words| self.wider(words)).collect::<Result<_, _>>()?),
            Words::Group { required, optional, excluded } => {
                let required = required.iter().map(|words| self.wider(words)).collect::<Result<_, _>>()?;
                Words::Group { required, optional: optional.clone(), excluded: excluded.clone() }
            }
        })
    }

    fn wider_word(&mut self, word: &str) -> Result<Words, Problem> {
        let taken = match self.widened.get(word) {
            Some(taken) => taken.clone(),
            None => self.nearest(word)?,
        };
        if taken.is_empty() {
            return Ok(Words::Word(word.to_owned()));
        }
        self.widened.insert(word.to_owned(), taken.clone());
        Ok(Words::Any([word.to_owned()].into_iter().chain(taken).map(Words::Word).collect()))
    }

    /// The words nearest to another that stand in visible items; none where the word itself stands in one.
    fn nearest(&self, word: &str) -> Result<Vec<String>, Problem> {
        let most = slips(word);
        if most == 0 || self.frequency(word)? > 0 {
            return Ok(Vec::new());
        }
        let (field, length) = (self.snapshot.fields().words, word.chars().count());
        let mut near: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for segment in self.snapshot.segments() {
            let inverted = segment.reader().inverted_index(field).map_err(internal)?;
            let mut terms = inverted.terms().stream().map_err(internal)?;
            while terms.advance() {
                let Ok(other) = std::str::from_utf8(terms.key()) else { continue };
                if other.chars().count().abs_diff(length) > most {
                    continue;
                }
                let distance = text::edit_distance(word, other);
                if (1..=most).contains(&distance) {
                    near.entry(distance).or_default().push(other.to_owned());
                }
            }
        }
        for mut words in near.into_values() {
            words.sort_unstable();
            words.dedup();
            let mut frequent = Vec::new();
            for word in words {
                let frequency = self.frequency(&word)?;
                if frequency > 0 {
                    frequent.push((std::cmp::Reverse(frequency), word));
                }
            }
            if !frequent.is_empty() {
                frequent.sort_unstable();
                return Ok(frequent.into_iter().take(TAKEN_MAX).map(|(_, word)| word).collect());
            }
        }
        Ok(Vec::new())
    }

    /// In how many visible items a word stands.
    fn frequency(&self, word: &str) -> Result<u64, Problem> {
        let term = Term::from_field_text(self.snapshot.fields().words, word);
        let mut count = 0;
        for (segment, visible) in self.snapshot.segments().iter().zip(self.visible) {
            let inverted = segment.reader().inverted_index(term.field()).map_err(internal)?;
            let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic).map_err(internal)? else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                count += u64::from(visible.contains(doc));
                doc = postings.advance();
            }
        }
        Ok(count)
    }
}
