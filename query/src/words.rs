//! Words against the texts of items: which items have them and how well they fit; and, where none has them, which words
//! may have been meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use nilometer_indexer::segment::{Bits, ColumnKind};
use nilometer_indexer::{SegmentView, Snapshot, StoredItem, name_token, parts, stems};
use nilometer_schemas::{Collection, CollectionId, IndexFields, Problem, Scope, Words, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tantivy::query::{
    AllQuery, Bm25StatisticsProvider, BooleanQuery, BoostQuery, DisjunctionMaxQuery, EmptyQuery, EnableScoring,
    FuzzyTermQuery, InvertedIndexRangeQuery, Occur, PhraseQuery, Query, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, TERMINATED, Term};

use crate::headed::Headed;
use crate::matching::matching;
use crate::parse::is_beside_the_name;
use crate::plan::internal;

/// How much a match counts by where it stands: in a name that is nothing else, among the words of names and ids, anywhere, and
/// in another form of the word.
const NAME: f32 = 3.0;
const TITLE: f32 = 2.0;
/// The whole name of what is asked for with its kind: Fraser for Fraser River. Its gauges have both words together.
const BARE_NAME: f32 = 6.0;
const ANYWHERE: f32 = 1.0;
const STEM: f32 = 0.5;
/// How much more a place counts than what lies at it and bears its name.
const PLACE: f32 = 1.5;
/// How much more an item counts whose name begins with the words than one that mentions them: gauges are named by what they
/// stand at, and then by what is near.
const HEAD: f32 = 2.0;
/// Items whose names' beginnings are looked at: what more of them have tells little of which one is meant.
const HEADED_MAX: u64 = 20_000;
/// Collections whose keywords hold this word are of places.
const PLACE_KEYWORD: &str = "place";
/// What further matches of one word count beside its best.
const TIE: f32 = 0.1;
/// Words taken in place of one that no item has.
const TAKEN_MAX: usize = 5;
/// Words of a segment that are looked at for one that is being typed: visible ones, and all.
const BEGUN_MAX: usize = 200;
const BEGUN_LOOKED_AT_MAX: usize = 5_000;
/// How many times as many words as wanted are counted in all segments.
const LIKELY: usize = 4;
/// Items of one name that are looked at.
const CALLED_MAX: usize = 1_000;
/// Ways to read a phrase with words in place of others; of more, none is tried.
const PHRASES_MAX: usize = 64;

/// A word that no item has as it is written, with the words that were taken besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widened {
    /// The word, folded.
    pub word: String,
    /// The nearest words that some visible item has, most frequent first.
    pub taken: Vec<String>,
}

/// What is done about words that nothing has.
#[derive(Clone, Copy)]
pub(crate) enum Forgive<'a> {
    /// Nothing: words are taken as they are written.
    Nothing,
    /// The nearest words are taken besides.
    Slips,
    /// What an earlier page took is taken again, whatever was written since.
    As(&'a [Widened]),
}

/// The items that a question's words match, in every segment of a snapshot.
pub(crate) struct WordsMatch {
    query: Box<dyn Query>,
    /// What names begin with that are those of the things themselves.
    headed: Headed,
    /// By position of the segment; among the documents that the scope sees.
    sets: Vec<Bits>,
    widened: Vec<Widened>,
    visible: Visible,
}

/// Scores of documents, by document.
pub(crate) type Scores = Vec<(u32, f32)>;

impl WordsMatch {
    /// Looks words up among all that a scope may see.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub(crate) fn new(snapshot: &Snapshot, words: &Words, scope: Scope, forgive: Forgive<'_>) -> Result<Self, Problem> {
        let visible = Visible::of(snapshot, scope);
        let found = |words: &Words| {
            let sets = sets(snapshot, words, &visible)?;
            Ok::<_, Problem>((query_of(words, snapshot.fields()), sets))
        };
        let mut widener = Widener { snapshot, visible: &visible, widened: BTreeMap::new(), is_fixed: false };
        if let Forgive::As(earlier) = forgive {
            widener.widened = earlier.iter().map(|w| (w.word.clone(), w.taken.clone())).collect();
            widener.is_fixed = true;
            let wider = widener.wider(words)?;
            let (query, sets) = found(&wider)?;
            return Ok(Self { query, headed: Headed::by(&wider), sets, widened: earlier.to_vec(), visible });
        }
        let (query, sets) = found(words)?;
        let is_found = |sets: &[Bits]| sets.iter().any(|set| set.count() > 0);
        if is_found(&sets) || matches!(forgive, Forgive::Nothing) {
            return Ok(Self { query, headed: Headed::by(words), sets, widened: Vec::new(), visible });
        }
        let wider = widener.wider(words)?;
        let widened = widener.widened.into_iter().filter(|(_, taken)| !taken.is_empty());
        let widened: Vec<Widened> = widened.map(|(word, taken)| Widened { word, taken }).collect();
        if widened.is_empty() {
            return Ok(Self { query, headed: Headed::by(words), sets, widened, visible });
        }
        let (query, sets) = found(&wider)?;
        // Words that lead nowhere are not worth telling.
        let widened = if is_found(&sets) { widened } else { Vec::new() };
        Ok(Self { query, headed: Headed::by(&wider), sets, widened, visible })
    }

    /// The documents of a segment that match.
    pub(crate) fn set(&self, segment: &SegmentView) -> &Bits {
        &self.sets[segment.ord() as usize]
    }

    /// The words that were taken for others.
    pub(crate) fn widened(&self) -> &[Widened] {
        &self.widened
    }

    /// What tells how well documents match (BM25 over all segments). Where the scope does not see all, what it does not see
    /// counts nowhere: an order must not tell of it either.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub(crate) fn scorer(&self, snapshot: &Snapshot, scope: Scope) -> Result<Scorer, Problem> {
        let statistics = VisibleStatistics { snapshot, visible: &self.visible };
        let scoring = if self.visible.hides {
            EnableScoring::enabled_from_statistics_provider(&statistics, snapshot.searcher())
        } else {
            EnableScoring::enabled_from_searcher(snapshot.searcher())
        };
        let weight = self.query.weight(scoring).map_err(internal)?;
        let places =
            snapshot.collections(scope).into_iter().map(|stored| &stored.collection).filter(|c| is_of_places(c));
        let places = places.map(|c| c.id.as_str().to_owned()).collect();
        let is_few = self.sets.iter().map(Bits::count).sum::<u64>() <= HEADED_MAX;
        Ok(Scorer { weight, places, headed: is_few.then(|| self.headed.clone()) })
    }
}

/// Whether a collection holds places: its keywords say so.
pub fn is_of_places(collection: &Collection) -> bool {
    let keywords = collection.body.get("keywords").and_then(Value::as_array);
    keywords.is_some_and(|words| words.iter().any(|word| word == PLACE_KEYWORD))
}

/// See [`WordsMatch::scorer`].
pub(crate) struct Scorer {
    weight: Box<dyn Weight>,
    /// Collections of places.
    places: BTreeSet<String>,
    /// What names begin with, where that is looked at.
    headed: Option<Headed>,
}

impl Scorer {
    /// How well some documents of a segment match.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub(crate) fn scores(&self, segment: &SegmentView, of: &Bits) -> Result<Scores, Problem> {
        let mut scores = Vec::new();
        let column = segment.data().column("collection", ColumnKind::Text);
        let places: Vec<bool> = column.as_ref().map_or_else(Vec::new, |column| {
            let names = (0..column.dictionary.len() as u32).map(|code| column.dictionary.text(code));
            names.map(|name| self.places.contains(name)).collect()
        });
        let is_place =
            |doc: u32| column.as_ref().and_then(|c| c.first_code(doc)).is_some_and(|code| places[code as usize]);
        let titles = segment.data().column("title", ColumnKind::Text);
        let is_headed = |doc: u32| {
            let Some((headed, titles)) = self.headed.as_ref().zip(titles.as_ref()) else { return false };
            titles.first_code(doc).is_some_and(|code| headed.is_true_of(titles.dictionary.text(code)))
        };
        let keep = &mut |doc: u32, score: f32| {
            if of.contains(doc) {
                let place = if is_place(doc) { PLACE } else { 1.0 };
                let head = if is_headed(doc) { HEAD } else { 1.0 };
                scores.push((doc, score * place * head));
            }
        };
        self.weight.for_each(segment.reader(), keep).map_err(internal)?;
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
    let mut found = false;
    each_seen(snapshot, &BooleanQuery::intersection(all.collect()), scope, |_, _| {
        found = true;
        Ok(false)
    })?;
    Ok(found)
}

/// How many items of some collections that the scope sees have one of these runs of folded words in their names; no more than
/// `most` are counted. Of no collections it is all of them.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub fn count_named(
    snapshot: &Snapshot,
    runs: &[Vec<String>],
    collections: &[CollectionId],
    most: u64,
    scope: Scope,
) -> Result<u64, Problem> {
    let title = snapshot.fields().title;
    let any = runs.iter().map(|words| run(title, words)).collect();
    let mut count = 0;
    each_seen(snapshot, &BooleanQuery::union(any), scope, |segment, doc| {
        let collection = segment.data().collection_of(doc);
        count += u64::from(collections.is_empty() || collections.iter().any(|id| id.as_str() == collection));
        Ok(count < most)
    })?;
    Ok(count)
}

/// Whether some item that the scope sees has this very name or id.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub fn is_called(snapshot: &Snapshot, name: &str, scope: Scope) -> Result<bool, Problem> {
    let query = term(snapshot.fields().names, &name_token(name), IndexRecordOption::Basic);
    let mut found = false;
    each_seen(snapshot, &query, scope, |_, _| {
        found = true;
        Ok(false)
    })?;
    Ok(found)
}

/// The live items of some collections that have this very name (or id), whatever its case, accents and signs; of more than
/// a thousand, the first thousand.
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
    let mut items = Vec::new();
    each_seen(snapshot, &query, scope, |segment, doc| {
        let data = segment.data();
        if collections.iter().any(|id| id.as_str() == data.collection_of(doc)) {
            items.push(snapshot.item_by_seq(data.seqs()[doc as usize]).map_err(|e| e.problem())?);
        }
        Ok(items.len() < CALLED_MAX)
    })?;
    Ok(items)
}

/// Words of visible items that begin with a folded text, those of most items first.
/// Of many words only the first two hundred in alphabetical order are looked at in each segment.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub fn words_begun(snapshot: &Snapshot, begin: &str, scope: Scope, limit: usize) -> Result<Vec<String>, Problem> {
    let visible = Visible::of(snapshot, scope);
    let field = snapshot.fields().words;
    // By word, how many items of the segments looked at have it.
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for segment in snapshot.segments() {
        let inverted = segment.reader().inverted_index(field).map_err(internal)?;
        let is_whole = visible.whole[segment.ord() as usize];
        let mut terms = inverted.terms().range().ge(begin.as_bytes()).into_stream().map_err(internal)?;
        let (mut taken, mut looked_at) = (0, 0);
        while taken < BEGUN_MAX && looked_at < BEGUN_LOOKED_AT_MAX && terms.advance() {
            let Some(word) = std::str::from_utf8(terms.key()).ok().filter(|word| word.starts_with(begin)) else {
                break;
            };
            looked_at += 1;
            let frequency = match is_whole {
                true => u64::from(terms.value().doc_freq),
                false => visible.frequency(segment, &Term::from_field_text(field, word), u64::MAX)?,
            };
            if frequency > 0 {
                *words.entry(word.to_owned()).or_default() += frequency;
                taken += 1;
            }
        }
    }
    let mut likely: Vec<(std::cmp::Reverse<u64>, String)> =
        words.into_iter().map(|(word, frequency)| (std::cmp::Reverse(frequency), word)).collect();
    likely.sort_unstable();
    // A segment may have a word behind those that were looked at there.
    likely.truncate(limit * LIKELY);
    for (frequency, word) in &mut likely {
        frequency.0 = visible.frequency_in_all(snapshot, word)?;
    }
    likely.sort_unstable();
    Ok(likely.into_iter().take(limit).map(|(_, word)| word).collect())
}

/// Visits the live documents that a scope sees among those that match, while `visit` wants more.
fn each_seen(
    snapshot: &Snapshot,
    query: &dyn Query,
    scope: Scope,
    mut visit: impl FnMut(&SegmentView, u32) -> Result<bool, Problem>,
) -> Result<(), Problem> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(snapshot.searcher())).map_err(internal)?;
    for segment in snapshot.segments() {
        let mut docs = weight.scorer(segment.reader(), 1.0).map_err(internal)?;
        let mut doc = docs.doc();
        while doc != TERMINATED {
            let is_seen =
                segment.is_alive(doc) && snapshot.collection(segment.data().collection_of(doc), scope).is_some();
            if is_seen && !visit(segment, doc)? {
                return Ok(());
            }
            doc = docs.advance();
        }
    }
    Ok(())
}

/// The live documents that a scope sees, in every segment.
struct Visible {
    sets: Vec<Bits>,
    /// Whether these are all documents of a segment.
    whole: Vec<bool>,
    /// Whether there are collections that the scope does not see.
    hides: bool,
}

impl Visible {
    fn of(snapshot: &Snapshot, scope: Scope) -> Self {
        let sets: Vec<Bits> = snapshot.segments().iter().map(|segment| visible(snapshot, segment, scope)).collect();
        let whole = sets.iter().map(|set| set.count() == u64::from(set.len())).collect();
        Self { sets, whole, hides: snapshot.hides(scope) }
    }

    /// In how many visible items of a segment a word stands; no more than `most` are counted.
    fn frequency(&self, segment: &SegmentView, term: &Term, most: u64) -> Result<u64, Problem> {
        let inverted = segment.reader().inverted_index(term.field()).map_err(internal)?;
        if self.whole[segment.ord() as usize] {
            return inverted.doc_freq(term).map(u64::from).map_err(internal);
        }
        let visible = &self.sets[segment.ord() as usize];
        let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic).map_err(internal)? else {
            return Ok(0);
        };
        let (mut count, mut doc) = (0, postings.doc());
        while doc != TERMINATED && count < most {
            count += u64::from(visible.contains(doc));
            doc = postings.advance();
        }
        Ok(count)
    }

    /// In how many visible items a word stands.
    fn frequency_in_all(&self, snapshot: &Snapshot, word: &str) -> Result<u64, Problem> {
        let term = Term::from_field_text(snapshot.fields().words, word);
        snapshot.segments().iter().map(|segment| self.frequency(segment, &term, u64::MAX)).sum()
    }
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

/// What BM25 counts, of visible items alone.
struct VisibleStatistics<'a> {
    snapshot: &'a Snapshot,
    visible: &'a Visible,
}

impl Bm25StatisticsProvider for VisibleStatistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let mut total = 0;
        for (segment, visible) in self.snapshot.segments().iter().zip(&self.visible.sets) {
            match segment.reader().fieldnorms_readers().get_field(field)? {
                Some(norms) => visible.for_each(|doc| total += u64::from(norms.fieldnorm(doc))),
                None => total += visible.count(),
            }
        }
        Ok(total)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.visible.sets.iter().map(Bits::count).sum())
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let failed = |problem: Problem| tantivy::TantivyError::InternalError(problem.to_string());
        let segments = self.snapshot.segments().iter();
        segments.map(|segment| self.visible.frequency(segment, term, u64::MAX).map_err(failed)).sum()
    }
}

/// The visible documents that words match, in every segment.
fn sets(snapshot: &Snapshot, words: &Words, visible: &Visible) -> Result<Vec<Bits>, Problem> {
    let of = |(segment, visible): (&std::sync::Arc<SegmentView>, &Bits)| {
        let mut bits = matching(snapshot, segment, words)?;
        bits.and(visible);
        Ok(bits)
    };
    snapshot.segments().iter().zip(&visible.sets).map(of).collect()
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

/// A run of words in a field. The parts of names of products follow each other in texts, so that a piece of such a name is
/// found as the whole is.
pub(crate) fn run(field: Field, words: &[String]) -> Box<dyn Query> {
    let run: Vec<&str> = words.iter().flat_map(|word| parts(word)).collect();
    match run[..] {
        [] => Box::new(EmptyQuery),
        [one] => Box::new(counted(field, one)),
        _ => Box::new(PhraseQuery::new(run.into_iter().map(|word| Term::from_field_text(field, word)).collect())),
    }
}

/// A run of the forms of words, in each field of stems; nothing where one of the words has no forms.
pub(crate) fn runs_of_forms(words: &[String], fields: &IndexFields) -> Option<[Box<dyn Query>; 2]> {
    let stems: Vec<[String; 2]> = words.iter().map(|word| stems(word)).collect::<Option<_>>()?;
    let run = |at: usize| {
        let stems: Vec<String> = stems.iter().map(|stems| stems[at].clone()).collect();
        run(fields.stems[at], &stems)
    };
    Some(std::array::from_fn(run))
}

/// Words that begin so.
fn begun(field: Field, begin: &str) -> Box<dyn Query> {
    // No word has the last of all characters.
    let end = format!("{begin}{}", char::MAX);
    let bound = |text: &str| Bound::Included(Term::from_field_text(field, text));
    Box::new(InvertedIndexRangeQuery::new(bound(begin), bound(&end)))
}

/// The condition as tantivy's query, scores included; [`matching`] is the one without.
fn query_of(words: &Words, fields: &IndexFields) -> Box<dyn Query> {
    match words {
        Words::Word(word) => run_of(std::slice::from_ref(word), false, fields),
        Words::Phrase { words, exact } => run_of(words, *exact, fields),
        Words::Prefix(begin) => begun(fields.words, begin),
        Words::Any(any) => best_of(any.iter().map(|words| query_of(words, fields)).collect()),
        Words::Group { required, optional, excluded } => group(required, optional, excluded, fields),
    }
}

fn run_of(words: &[String], exact: bool, fields: &IndexFields) -> Box<dyn Query> {
    let name = name_token(&words.join(" "));
    let mut any = vec![
        boosted(term(fields.names, &name, IndexRecordOption::Basic), NAME),
        Box::new(BoostQuery::new(run(fields.title, words), TITLE)),
        Box::new(BoostQuery::new(run(fields.words, words), ANYWHERE)),
    ];
    if let Some(forms) = runs_of_forms(words, fields).filter(|_| !exact) {
        any.extend(forms.into_iter().map(|query| Box::new(BoostQuery::new(query, STEM)) as Box<dyn Query>));
    }
    best_of(any)
}

fn group(required: &[Words], optional: &[Words], excluded: &[Words], fields: &IndexFields) -> Box<dyn Query> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (occur, part) in [(Occur::Must, required), (Occur::Should, optional), (Occur::MustNot, excluded)] {
        clauses.extend(part.iter().map(|words| (occur, query_of(words, fields))));
    }
    if required.is_empty() {
        clauses.push((Occur::Must, boosted(AllQuery, 0.0)));
    }
    // Words that stand together, or are the whole name, are more than words that stand somewhere.
    let plain: Option<Vec<String>> = required.iter().map(typed).collect();
    if let Some(plain) = plain.filter(|plain| !plain.is_empty()) {
        let name = |words: &[String], boost| {
            (Occur::Should, boosted(term(fields.names, &words.join(" "), IndexRecordOption::Basic), boost))
        };
        clauses.push(name(&plain, NAME));
        // Rivers and lakes may be called without saying what they are.
        let bare: Vec<String> = plain.iter().filter(|word| !is_beside_the_name(word)).cloned().collect();
        if !bare.is_empty() && bare.len() < plain.len() {
            clauses.push(name(&bare, BARE_NAME));
        }
        if plain.len() > 1 {
            clauses.push((Occur::Should, Box::new(BoostQuery::new(run(fields.title, &plain), TITLE))));
        }
    }
    Box::new(BooleanQuery::new(clauses))
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
fn slips(word: &str) -> u8 {
    match word.chars().count() {
        _ if word.bytes().all(|b| b.is_ascii_digit()) => 0,
        0..4 => 0,
        4..7 => 1,
        _ => 2,
    }
}

struct Widener<'a> {
    snapshot: &'a Snapshot,
    visible: &'a Visible,
    /// By word; nothing where the word stays as it is.
    widened: BTreeMap<String, Vec<String>>,
    /// Whether no further words are looked for.
    is_fixed: bool,
}

impl Widener<'_> {
    /// The condition with each word that may be mistyped joined by those that may be meant.
    fn wider(&mut self, words: &Words) -> Result<Words, Problem> {
        Ok(match words {
            Words::Word(word) => any_of(self.taken(word)?.into_iter().map(Words::Word)),
            Words::Phrase { words, exact: false } => self.wider_phrase(words)?,
            Words::Phrase { exact: true, .. } | Words::Prefix(_) => words.clone(),
            Words::Any(any) => Words::Any(any.iter().map(|words| self.wider(words)).collect::<Result<_, _>>()?),
            Words::Group { required, optional, excluded } => {
                let required = required.iter().map(|words| self.wider(words)).collect::<Result<_, _>>()?;
                Words::Group { required, optional: optional.clone(), excluded: excluded.clone() }
            }
        })
    }

    /// A phrase in all ways to read its words.
    fn wider_phrase(&mut self, words: &[String]) -> Result<Words, Problem> {
        let mut ways: Vec<Vec<String>> = vec![Vec::new()];
        for word in words {
            let taken = self.taken(word)?;
            let on = |way: &Vec<String>| {
                let with = |word: &String| [way.clone(), vec![word.clone()]].concat();
                taken.iter().map(with).collect::<Vec<_>>()
            };
            ways = ways.iter().flat_map(on).collect();
            if ways.len() > PHRASES_MAX {
                return Ok(Words::Phrase { words: words.to_vec(), exact: false });
            }
        }
        Ok(any_of(ways.into_iter().map(|words| Words::Phrase { words, exact: false })))
    }

    /// A word and those that may be meant by it.
    fn taken(&mut self, word: &str) -> Result<Vec<String>, Problem> {
        let taken = match self.widened.get(word) {
            Some(taken) => taken.clone(),
            None if self.is_fixed => Vec::new(),
            None => {
                let taken = self.nearest(word)?;
                self.widened.insert(word.to_owned(), taken.clone());
                taken
            }
        };
        Ok([word.to_owned()].into_iter().chain(taken).collect())
    }

    /// The words nearest to another that stand in visible items; none where the word itself stands in one.
    fn nearest(&self, word: &str) -> Result<Vec<String>, Problem> {
        let most = slips(word);
        if most == 0 || self.visible.frequency_in_all(self.snapshot, word)? > 0 {
            return Ok(Vec::new());
        }
        let field = self.snapshot.fields().words;
        let fuzzy = FuzzyTermQuery::new(Term::from_field_text(field, word), most, true);
        let mut near: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for segment in self.snapshot.segments() {
            let inverted = segment.reader().inverted_index(field).map_err(internal)?;
            let automaton = fuzzy.automaton().map_err(internal)?;
            let mut terms = inverted.terms().search(automaton).into_stream().map_err(internal)?;
            while terms.advance() {
                let Ok(other) = std::str::from_utf8(terms.key()) else { continue };
                near.entry(text::edit_distance(word, other)).or_default().insert(other.to_owned());
            }
        }
        for words in near.into_values() {
            let mut frequent = Vec::new();
            for word in words {
                let frequency = self.visible.frequency_in_all(self.snapshot, &word)?;
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
}

/// One of several conditions, of which there is at least one.
fn any_of(all: impl Iterator<Item = Words>) -> Words {
    let mut all: Vec<Words> = all.collect();
    if all.len() == 1 { all.remove(0) } else { Words::Any(all) }
}
