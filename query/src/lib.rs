//! Parsing, planning and execution of a search over one snapshot.
//!
//! A [`Search`] becomes a plan bound to a snapshot and a scope; the plan gives one exact set of documents for each
//! segment; pages, counts, aggregations and queryables are all read from these sets.

pub mod cql2;
pub mod parse;
pub mod series;
pub mod space;
pub mod tile;

mod aggregate;
mod collections;
mod filter;
mod grid;
mod near;
mod order;
mod passes;
mod plan;
mod queryables;
mod space_match;
mod unknown;
mod words;

pub use aggregate::{TOUCHED_CELLS_MAX, TOUCHED_SHAPES_MAX};
pub use collections::{CollectionsFound, collections};
pub use near::{Near, feature_ids, features, features_within, haversine_m, nearest};
pub use order::is_sortable;
pub use passes::{Sight, sights};
pub use plan::place;
pub use queryables::Queryable;
pub use unknown::{UnknownProperties, UnknownProperty, unknown_properties};
pub use words::{Widened, called, is_named, words_begun};

use nilometer_indexer::segment::{Bits, SegmentData};
use nilometer_indexer::{SegmentView, Snapshot, StoredItem};
use nilometer_schemas::limits::PAGE_SKIP_MAX;
use nilometer_schemas::{Aggregation, AggregationResult, CollectionId, Problem, RELEVANCE, Scope, Search, SortKey};

use order::{Candidate, Token};
use plan::Plan;

/// One page of items.
#[derive(Clone, Debug)]
pub struct Page {
    /// All matching items, exact.
    pub number_matched: u64,
    /// The page's items, in order.
    pub items: Vec<StoredItem>,
    /// Token of the next page; `None` on the last.
    pub next: Option<String>,
    /// Words that no item has, where others were taken besides.
    pub widened: Vec<Widened>,
}

/// The match set of every segment.
fn matched<'a>(plan: &'a Plan<'_>) -> impl Iterator<Item = Result<(&'a SegmentView, Bits), Problem>> {
    plan.snapshot.segments().iter().map(|segment| Ok((&**segment, plan.matches(segment)?)))
}

/// Answers a search with one page.
///
/// A run of pages answers as of its first page: what is written later is left out, and an item that does not
/// change during the run stands on exactly one of its pages.
///
/// # Errors
/// `Invalid` for a token of another search's order or a reference to no item; `Internal` when files cannot be read.
pub fn search(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Page, Problem> {
    page_of(snapshot, search, scope, None)
}

/// Whether a document of a segment belongs to the answer.
type Keep<'a> = &'a dyn Fn(&SegmentData, u32) -> bool;

/// One page of the matching items that `keep` keeps.
fn page_of(snapshot: &Snapshot, search: &Search, scope: Scope, keep: Option<Keep<'_>>) -> Result<Page, Problem> {
    let keys = order::keys_of(search);
    let token = search.token.as_deref().map(|text| Token::read(text, &keys)).transpose()?;
    order::check_held(token.as_ref(), &keys, snapshot)?;
    let as_of = token.as_ref().map_or(snapshot.seq_for(scope), |token| token.as_of);
    let plan = Plan::new(snapshot, search, scope, token.is_some().then_some(as_of))?;
    order::check_keys(search, snapshot, scope)?;
    let skip = items_before(search)?;
    // One more than the page holds tells whether there is a next one.
    let (number_matched, mut candidates) = pick(&plan, &keys, token.as_ref(), keep, skip + search.limit + 1)?;
    candidates.drain(..skip.min(candidates.len()));
    let more = candidates.len() > search.limit;
    candidates.truncate(search.limit);
    let next = match candidates.last().filter(|_| more) {
        Some(last) => Some(order::token_after(&keys, last, as_of, snapshot).write()?),
        None => None,
    };
    let widened = plan.words.as_ref().map_or_else(Vec::new, |words| words.widened().to_vec());
    Ok(Page { number_matched, items: items_of(snapshot, &candidates)?, next, widened })
}

/// Number of the snapshot that a search's next page must be answered from, if it is ordered by relevance: how well an item
/// matches depends on all others.
///
/// # Errors
/// `Invalid` for a token that no page gave out.
pub fn held_snapshot(search: &Search) -> Result<Option<u64>, Problem> {
    let keys = order::keys_of(search);
    Ok(search.token.as_deref().map(|text| Token::read(text, &keys)).transpose()?.and_then(|token| token.held))
}

/// Whether a search's pages are ordered by how well its words match.
pub fn is_by_relevance(search: &Search) -> bool {
    order::is_scored(&order::keys_of(search))
}

/// Words of a search that no item has, where others were taken besides.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub fn widened(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Vec<Widened>, Problem> {
    let Some(words) = &search.words else { return Ok(Vec::new()) };
    Ok(words::WordsMatch::new(snapshot, words, scope)?.widened().to_vec())
}

/// Items that a page's number leaves out.
///
/// # Errors
/// `Invalid` beyond [`PAGE_SKIP_MAX`].
fn items_before(search: &Search) -> Result<usize, Problem> {
    let skip = (search.page.get() - 1).saturating_mul(search.limit);
    if skip > PAGE_SKIP_MAX {
        let detail = format!("{skip} items stand before this page, the limit is {PAGE_SKIP_MAX}");
        let allowed = "next links, which lead on without a limit, or a narrower search";
        return Err(Problem::invalid("page-too-far", detail).at("page").allowed(allowed));
    }
    Ok(skip)
}

/// How many documents match, and the first of them in order.
fn pick(
    plan: &Plan<'_>,
    keys: &[SortKey],
    token: Option<&Token>,
    keep: Option<Keep<'_>>,
    wanted: usize,
) -> Result<(u64, Vec<Candidate>), Problem> {
    let mut number_matched = 0;
    let mut candidates = Vec::new();
    for segment in matched(plan) {
        let (segment, mut matches) = segment?;
        if let Some(keep) = keep {
            matches.retain(|doc| keep(segment.data(), doc));
        }
        let count = matches.count();
        number_matched += count;
        if count > 0 {
            let scores = match &plan.words {
                Some(words) if keys.iter().any(|key| key.field == RELEVANCE) => {
                    words.scores(plan.snapshot, segment, &matches)?
                }
                _ => Vec::new(),
            };
            let found = order::Found { matches: &matches, count, scores: &scores };
            candidates.extend(order::first_of(segment.data(), &found, keys, token, wanted));
        }
    }
    candidates.sort_by(|a, b| order::compare(keys, a, b));
    candidates.truncate(wanted);
    Ok((number_matched, candidates))
}

fn items_of(snapshot: &Snapshot, candidates: &[Candidate]) -> Result<Vec<StoredItem>, Problem> {
    let mut items = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        items.push(snapshot.item_by_seq(candidate.seq).map_err(|e| e.problem())?);
    }
    Ok(items)
}

/// Number of matching items, exact.
///
/// # Errors
/// As [`search`].
pub fn count(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<u64, Problem> {
    let plan = Plan::new(snapshot, search, scope, None)?;
    let mut count = 0;
    for segment in matched(&plan) {
        count += segment?.1.count();
    }
    Ok(count)
}

/// Answers aggregations over a search, in the order asked for.
///
/// # Errors
/// As [`search`], and `Invalid` when an answer would pass a named limit: nothing is cut silently.
pub fn aggregate(
    snapshot: &Snapshot,
    search: &Search,
    aggregations: &[Aggregation],
    scope: Scope,
) -> Result<Vec<AggregationResult>, Problem> {
    let plan = Plan::new(snapshot, search, scope, None)?;
    aggregate::aggregate(aggregations, matched(&plan))
}

/// Properties of one collection, or of all that the scope may see, from the data.
///
/// # Errors
/// `Internal` when files cannot be read.
pub fn queryables(
    snapshot: &Snapshot,
    collection: Option<&CollectionId>,
    scope: Scope,
) -> Result<Vec<Queryable>, Problem> {
    let search = Search { collections: collection.into_iter().cloned().collect(), ..Search::default() };
    let plan = Plan::new(snapshot, &search, scope, None)?;
    queryables::collect(matched(&plan))
}
