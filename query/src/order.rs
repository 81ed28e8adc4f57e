//! The order of a page: sort keys read from codes within a segment, values compared between segments, and the
//! token that says where a page ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nilometer_indexer::Snapshot;
use nilometer_indexer::segment::{Bits, Column, ColumnKind, NO_TIME, SegmentData};
use nilometer_schemas::{Direction, IN_PERIOD, Kind, Problem, RELEVANCE, Scope, Search, SortKey, TimeInterval};
use serde::{Deserialize, Serialize};

use crate::filter::Datum;
use crate::in_period::InPeriod;
use crate::plan;
use crate::words::Widened;

/// Rank of an absent value, in either direction.
const ABSENT: u64 = u64::MAX;

/// A sort value that compares between segments.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SortValue {
    /// False before true.
    Bool(bool),
    /// µs of a moment.
    Time {
        t: i64,
    },
    Number(f64),
    Text(String),
    Absent(Option<()>),
}

impl SortValue {
    /// The first of a property's values.
    pub(crate) fn first_of(values: &[Datum<'_>]) -> Self {
        match values.first() {
            None => Self::Absent(None),
            Some(Datum::Text(text)) => Self::Text(text.to_string()),
            Some(Datum::Number(number)) => Self::Number(*number),
            Some(Datum::Bool(truth)) => Self::Bool(*truth),
            Some(Datum::Time(t)) => Self::Time { t: *t },
        }
    }

    /// Order of the values of two things under the keys.
    pub(crate) fn compare_all(a: &[Self], b: &[Self], keys: &[SortKey]) -> std::cmp::Ordering {
        let orders = keys.iter().zip(a.iter().zip(b)).map(|(key, (x, y))| x.compare(y, key.direction));
        orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    }

    /// Order of two values under a direction; an absent one is last.
    fn compare(&self, other: &Self, direction: Direction) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        match (self, other) {
            (Self::Absent(_), Self::Absent(_)) => Ordering::Equal,
            (Self::Absent(_), _) => Ordering::Greater,
            (_, Self::Absent(_)) => Ordering::Less,
            (a, b) => {
                let ordering = a.partial_cmp(b).unwrap_or(Ordering::Equal);
                if direction == Direction::Ascending { ordering } else { ordering.reverse() }
            }
        }
    }
}

/// Where a page ended, and as of when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The sequence number as of which the run of pages answers.
    #[serde(rename = "a")]
    pub(crate) as_of: u64,
    /// Sort values of the item that the page stands beside.
    #[serde(rename = "v")]
    pub(crate) values: Vec<SortValue>,
    /// Its sequence number, unique.
    #[serde(rename = "s")]
    pub(crate) seq: u64,
    /// The order that the values belong to.
    #[serde(rename = "o")]
    pub(crate) order: String,
    /// Number of the snapshot that the scores of this order belong to.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<u64>,
    /// Whether the page ends before the item; else it begins after it.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) backward: bool,
    /// Words that were taken for others on the first page.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) widened: Vec<Widened>,
}

fn name_of(keys: &[SortKey]) -> String {
    let names =
        keys.iter().map(|k| format!("{}{}", if k.direction == Direction::Ascending { '+' } else { '-' }, k.field));
    names.collect::<Vec<_>>().join(",")
}

impl Token {
    /// A token of what has no sequence number and is told apart by its last key.
    pub(crate) fn of_values(values: Vec<SortValue>, keys: &[SortKey], backward: bool) -> Self {
        Self { as_of: 0, values, seq: 0, order: name_of(keys), held: None, backward, widened: Vec::new() }
    }

    /// A token within one answer, which nobody is given.
    pub(crate) fn at(candidate: &Candidate, keys: &[SortKey]) -> Self {
        Self { seq: candidate.seq, ..Self::of_values(candidate.values.clone(), keys, false) }
    }

    pub(crate) fn write(&self) -> Result<String, Problem> {
        let json = serde_json::to_vec(self).map_err(crate::plan::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads a token given for an order.
    ///
    /// # Errors
    /// `Invalid` for a text that no page gave out, or that belongs to another order.
    pub(crate) fn read(text: &str, keys: &[SortKey]) -> Result<Self, Problem> {
        let bad = |detail: &str| {
            Problem::invalid("token", detail).at("token").allowed("the token of a page's next link, unchanged")
        };
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad("the token cannot be read"))?;
        let token: Self = serde_json::from_slice(&json).map_err(|_| bad("the token cannot be read"))?;
        if token.order != name_of(keys) || token.values.len() != keys.len() {
            return Err(bad("the token belongs to a search with another order"));
        }
        Ok(token)
    }
}

/// The keys of a page: those asked for; else the best match of the words first, or without words the newest.
pub(crate) fn keys_of(search: &Search) -> Vec<SortKey> {
    if !search.sortby.is_empty() {
        return search.sortby.clone();
    }
    let field = if search.words.is_some() { RELEVANCE } else { "datetime" };
    vec![SortKey { field: field.into(), direction: Direction::Descending }]
}

/// Refuses to go on with an order by relevance in another snapshot than it began in.
///
/// # Errors
/// `Gone`.
pub(crate) fn check_held(token: Option<&Token>, keys: &[SortKey], snapshot: &Snapshot) -> Result<(), Problem> {
    let Some(token) = token.filter(|_| is_scored(keys)) else { return Ok(()) };
    if token.held == Some(snapshot.number()) {
        return Ok(());
    }
    Err(Problem::new(Kind::Gone, "page-expired", "the pages of this search by relevance are no longer kept")
        .at("token")
        .allowed("the search from its first page on, or an order by a property, whose pages do not expire"))
}

pub(crate) fn is_scored(keys: &[SortKey]) -> bool {
    keys.iter().any(|key| key.field == RELEVANCE)
}

/// Whether pages can be ordered by a field: an item's own, or a property that some visible item has.
pub fn is_sortable(snapshot: &Snapshot, field: &str, scope: Scope) -> bool {
    const OWN: [&str; 7] = ["datetime", "start_datetime", "end_datetime", "ingested", "id", "collection", IN_PERIOD];
    // Clients of hydroweb.next sort by these whether items have them or not.
    const COMMON: [&str; 2] = ["version", "processing:level"];
    let mut segments = snapshot.segments().iter();
    OWN.contains(&field)
        || COMMON.contains(&field)
        || snapshot.collections(scope).iter().all(|c| snapshot.collection_stats(c.collection.id.as_str()).items == 0)
        || segments.any(|segment| plan::has_property(snapshot, segment, field, scope))
}

/// Refuses a key that names nothing any visible item has: a typing error would sort nothing. An empty collection, or
/// an empty catalogue, is no error.
///
/// # Errors
/// `Invalid`, naming the field.
pub(crate) fn check_keys(search: &Search, snapshot: &Snapshot, scope: Scope) -> Result<(), Problem> {
    for key in &search.sortby {
        if key.field == RELEVANCE {
            if search.words.is_some() {
                continue;
            }
            let detail = "an order by relevance needs words to be relevant to";
            return Err(Problem::invalid("relevance-without-words", detail).at("sortby").allowed("q beside it"));
        }
        check_named(&key.field, is_sortable(snapshot, &key.field, scope))?;
    }
    Ok(())
}

/// Refuses a key that nobody has.
///
/// # Errors
/// `Invalid`, naming the field.
pub(crate) fn check_named(field: &str, is_known: bool) -> Result<(), Problem> {
    if is_known {
        return Ok(());
    }
    let detail = format!("nothing has a property {field:?} to sort by");
    Err(Problem::invalid("unknown-sort-field", detail).at("sortby").allowed("a property listed in the sortables"))
}

/// One key bound to a segment.
enum Source<'a> {
    Times(&'a [i64]),
    /// Scores of the matching documents, by document.
    Scores(&'a [(u32, f32)]),
    /// Whether documents have values in the search's period.
    InPeriod(Box<InPeriod<'a>>),
    /// Columns by type, ranks of one type before those of the next.
    Columns(Vec<(Column<'a>, u64)>),
}

fn kind_order(kind: ColumnKind) -> u8 {
    match kind {
        ColumnKind::Bool => 0,
        ColumnKind::Number => 1,
        ColumnKind::Text => 2,
    }
}

impl<'a> Source<'a> {
    fn new(field: &str, data: &'a SegmentData, found: &Found<'a>) -> Self {
        match field {
            RELEVANCE => Self::Scores(found.scores),
            IN_PERIOD => Self::InPeriod(Box::new(InPeriod::new(data, found.period))),
            "datetime" => Self::Times(data.datetime()),
            "start_datetime" => Self::Times(data.start()),
            "end_datetime" => Self::Times(data.end()),
            "ingested" => Self::Times(data.ingested()),
            field => {
                let mut columns: Vec<_> = data.columns_of(field).collect();
                columns.sort_by_key(|c| kind_order(c.kind));
                let mut base = 0;
                let with_base = columns.into_iter().map(|column| {
                    let begin = base;
                    base += column.dictionary.len() as u64 * 2 + 2;
                    (column, begin)
                });
                Self::Columns(with_base.collect())
            }
        }
    }

    /// A document's place among the segment's values, ascending and odd; [`ABSENT`] without one.
    fn rank(&self, doc: u32) -> u64 {
        match self {
            Self::Times(times) => time_rank(times[doc as usize]),
            Self::Scores(scores) => score_rank(score_of(scores, doc)),
            Self::InPeriod(key) => u64::from(key.rank(doc)),
            Self::Columns(columns) => {
                let first =
                    columns.iter().find_map(|(column, base)| Some(base + u64::from(column.first_code(doc)?) * 2 + 1));
                first.unwrap_or(ABSENT)
            }
        }
    }

    /// The place of a value that need not be in the segment: its own rank if it is, else the even one before the next.
    fn rank_of(&self, value: &SortValue) -> u64 {
        match (self, value) {
            (_, SortValue::Absent(_)) => ABSENT,
            (Self::Times(_), SortValue::Time { t }) => time_rank(*t),
            (Self::Times(_), _) => 0,
            (Self::Scores(_), SortValue::Number(score)) => score_rank(*score as f32),
            (Self::InPeriod(_), SortValue::Number(rank)) => *rank as u64,
            (Self::Scores(_) | Self::InPeriod(_), _) => 0,
            (Self::Columns(columns), value) => {
                let kind = match value {
                    SortValue::Bool(_) => ColumnKind::Bool,
                    SortValue::Number(_) | SortValue::Time { .. } => ColumnKind::Number,
                    SortValue::Text(_) | SortValue::Absent(_) => ColumnKind::Text,
                };
                let mut after = 0;
                for (column, base) in columns {
                    if column.kind == kind {
                        return base + dictionary_rank(column, value);
                    }
                    if kind_order(column.kind) < kind_order(kind) {
                        after = base + column.dictionary.len() as u64 * 2 + 1;
                    }
                }
                // An even place after the last value of the types before.
                (after + 1) & !1
            }
        }
    }

    fn value(&self, doc: u32) -> SortValue {
        match self {
            Self::Times(times) => match times[doc as usize] {
                NO_TIME => SortValue::Absent(None),
                t => SortValue::Time { t },
            },
            Self::Scores(scores) => SortValue::Number(score_of(scores, doc).into()),
            Self::InPeriod(key) => SortValue::Number(key.rank(doc).into()),
            Self::Columns(columns) => {
                for (column, _) in columns {
                    if let Some(code) = column.first_code(doc) {
                        return match column.kind {
                            ColumnKind::Bool => SortValue::Bool(column.dictionary.number(code) == 1.0),
                            ColumnKind::Number => SortValue::Number(column.dictionary.number(code)),
                            ColumnKind::Text => SortValue::Text(column.dictionary.text(code).to_owned()),
                        };
                    }
                }
                SortValue::Absent(None)
            }
        }
    }
}

fn score_of(scores: &[(u32, f32)], doc: u32) -> f32 {
    scores.binary_search_by_key(&doc, |(doc, _)| *doc).map_or(0.0, |at| scores[at].1)
}

/// Scores are not negative, and such floats have the order of their bits.
fn score_rank(score: f32) -> u64 {
    u64::from(score.max(0.0).to_bits())
}

fn time_rank(t: i64) -> u64 {
    // The smallest time is the absent one; all others keep their order as unsigned numbers.
    if t == NO_TIME { ABSENT } else { (t as u64) ^ (1 << 63) }
}

fn dictionary_rank(column: &Column<'_>, value: &SortValue) -> u64 {
    let (at, exact) = match value {
        SortValue::Text(text) => {
            let at = column.dictionary.lower_bound_text(text);
            (at, column.dictionary.find_text(text).is_some())
        }
        SortValue::Number(number) => number_place(column, *number),
        SortValue::Bool(truth) => number_place(column, f64::from(u8::from(*truth))),
        SortValue::Time { .. } | SortValue::Absent(_) => (0, false),
    };
    u64::from(at) * 2 + u64::from(exact)
}

fn number_place(column: &Column<'_>, number: f64) -> (u32, bool) {
    let at = column.dictionary.lower_bound_number(number);
    let exact = (at as usize) < column.dictionary.len() && column.dictionary.number(at) == number;
    (at, exact)
}

/// A candidate for the page, comparable between segments.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) values: Vec<SortValue>,
    pub(crate) seq: u64,
}

/// A stretch of the order: so many items from a place on, one way or the other.
pub(crate) struct Reach<'a> {
    /// Where it begins; `None` for the very beginning of its way.
    pub(crate) from: Option<&'a Token>,
    /// Whether it leads to the items before.
    pub(crate) backward: bool,
    /// Whether the item at its beginning belongs to it.
    pub(crate) inclusive: bool,
    pub(crate) count: usize,
}

impl Reach<'_> {
    /// Order of two candidates under the keys, in the way of the reach; forward the newest write comes first among equals.
    pub(crate) fn compare(&self, keys: &[SortKey], a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
        let forward = compare(keys, a, b);
        if self.backward { forward.reverse() } else { forward }
    }
}

/// Order of two candidates under the keys; the newest write comes first among equals.
pub(crate) fn compare(keys: &[SortKey], a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    SortValue::compare_all(&a.values, &b.values, keys).then(b.seq.cmp(&a.seq))
}

/// Sort position within a segment, by keys and then by write: smaller comes first.
type Place = (Vec<u64>, u64);

struct SegmentOrder<'a> {
    sources: Vec<(Source<'a>, Direction)>,
    seqs: &'a [u64],
    backward: bool,
}

fn directed(rank: u64, direction: Direction) -> u64 {
    match direction {
        _ if rank == ABSENT => ABSENT,
        Direction::Ascending => rank,
        Direction::Descending => ABSENT - 1 - rank,
    }
}

impl SegmentOrder<'_> {
    /// A place among those of the way back, if that is the way.
    fn turned(&self, place: u64) -> u64 {
        if self.backward { !place } else { place }
    }

    fn first(&self, doc: u32) -> u64 {
        let (source, direction) = &self.sources[0];
        self.turned(directed(source.rank(doc), *direction))
    }

    fn place(&self, doc: u32) -> Place {
        let ranks = self.sources.iter().map(|(source, direction)| directed(source.rank(doc), *direction));
        // The newest write comes first.
        (ranks.map(|rank| self.turned(rank)).collect(), self.turned(!self.seqs[doc as usize]))
    }

    /// The last place that does not belong to a reach.
    fn place_before(&self, token: &Token, inclusive: bool) -> Place {
        let sources = self.sources.iter().zip(&token.values);
        let ranks = sources.map(|((source, direction), value)| directed(source.rank_of(value), *direction));
        let write = self.turned(!token.seq);
        // No two items are of the same write: before its place there is none with the same keys.
        (ranks.map(|rank| self.turned(rank)).collect(), if inclusive { write.saturating_sub(1) } else { write })
    }
}

/// What matches in a segment.
pub(crate) struct Found<'a> {
    /// The documents.
    pub(crate) matches: &'a Bits,
    /// How many they are.
    pub(crate) count: u64,
    /// How well they match, by document; empty where no key asks for it.
    pub(crate) scores: &'a [(u32, f32)],
    /// The period that the search names.
    pub(crate) period: Option<TimeInterval>,
}

/// The documents of a match set that a reach takes, with what compares them to other segments'.
pub(crate) fn first_of<'a>(
    data: &'a SegmentData,
    found: &Found<'a>,
    keys: &[SortKey],
    reach: &Reach<'_>,
) -> Vec<Candidate> {
    let (matches, matched) = (found.matches, found.count);
    let count = reach.count.min(usize::try_from(matched).unwrap_or(reach.count));
    if count == 0 {
        return Vec::new();
    }
    let sources = keys.iter().map(|key| (Source::new(&key.field, data, found), key.direction)).collect();
    let order = SegmentOrder { sources, seqs: data.seqs(), backward: reach.backward };
    let after = reach.from.map(|token| order.place_before(token, reach.inclusive));
    let newest = matches!(keys, [key] if key.field == "datetime" && key.direction == Direction::Descending);
    let dense = matched.saturating_mul(matched) > (count as u64).saturating_mul(u64::from(data.docs()));
    let docs = if newest && dense && !reach.backward {
        walk(data, matches, &order, after.as_ref(), count)
    } else {
        select(matches, &order, after.as_ref(), count)
    };
    let candidate = |doc: u32| Candidate {
        values: order.sources.iter().map(|(source, _)| source.value(doc)).collect(),
        seq: data.seqs()[doc as usize],
    };
    docs.into_iter().map(candidate).collect()
}

/// Follows the newest-first permutation until enough members are met: cheap when the set is dense.
fn walk(data: &SegmentData, matches: &Bits, order: &SegmentOrder<'_>, after: Option<&Place>, count: usize) -> Vec<u32> {
    let newest = data.newest_first();
    let begin = after.map_or(0, |after| newest.partition_point(|doc| order.place(*doc) <= *after));
    newest[begin..].iter().copied().filter(|doc| matches.contains(*doc)).take(count).collect()
}

/// Keeps the best `count` while looking at every member once.
fn select(matches: &Bits, order: &SegmentOrder<'_>, after: Option<&Place>, count: usize) -> Vec<u32> {
    let mut best: Vec<(Place, u32)> = Vec::with_capacity(count * 2);
    let mut limit: Option<u64> = None;
    matches.for_each(|doc| {
        let first = order.first(doc);
        if limit.is_some_and(|limit| first > limit) || after.is_some_and(|after| first < after.0[0]) {
            return;
        }
        let place = order.place(doc);
        if after.is_some_and(|after| place <= *after) {
            return;
        }
        best.push((place, doc));
        if best.len() >= count.saturating_mul(2).max(64) {
            best.select_nth_unstable(count - 1);
            best.truncate(count);
            limit = best.last().map(|(place, _)| place.0[0]);
        }
    });
    best.sort_unstable();
    best.truncate(count);
    best.into_iter().map(|(_, doc)| doc).collect()
}

/// What the pages of one run have in common.
pub(crate) struct Run {
    as_of: u64,
    order: String,
    held: Option<u64>,
    widened: Vec<Widened>,
    /// The token that led here.
    token: Option<Token>,
}

impl Run {
    /// The run of a page: that of the token which led to it, or a new one.
    pub(crate) fn of(
        keys: &[SortKey],
        token: Option<Token>,
        snapshot: &Snapshot,
        scope: Scope,
        widened: &[Widened],
    ) -> Self {
        let as_of = token.as_ref().map_or(snapshot.seq_for(scope), |token| token.as_of);
        let held = is_scored(keys).then(|| snapshot.number());
        Self { as_of, order: name_of(keys), held, widened: widened.to_vec(), token }
    }

    fn beside(&self, values: &[SortValue], seq: u64, backward: bool) -> Token {
        let (order, widened) = (self.order.clone(), self.widened.clone());
        Token { as_of: self.as_of, values: values.to_vec(), seq, order, held: self.held, backward, widened }
    }

    /// The page that begins after a candidate.
    pub(crate) fn after(&self, last: &Candidate) -> Token {
        self.beside(&last.values, last.seq, false)
    }

    /// The page that ends before a candidate.
    pub(crate) fn before(&self, first: &Candidate) -> Token {
        self.beside(&first.values, first.seq, true)
    }

    /// The page that ends with where this one, which is empty, was to begin.
    pub(crate) fn back_from_end(&self) -> Option<Token> {
        let token = self.token.as_ref().filter(|token| !token.backward)?;
        Some(self.beside(&token.values, token.seq.saturating_sub(1), true))
    }
}
