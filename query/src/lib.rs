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
mod facets;
mod filter;
mod grid;
mod headed;
mod in_period;
mod matching;
mod near;
mod order;
mod passes;
mod plan;
mod queryables;
mod space_match;
mod unknown;
mod view;
mod whole;
mod words;

pub use aggregate::{TOUCHED_CELLS_MAX, TOUCHED_SHAPES_MAX};
pub use collections::{CollectionsFound, collection_queryables, collections};
pub use filter::expects_panic;
pub use near::{Near, feature_ids, features, features_within, haversine_m, nearest};
pub use order::is_sortable;
pub use passes::{Sight, sights};
pub use plan::place;
pub use queryables::{PropertyFacts, Queryable, summaries};
pub use unknown::{UnknownProperties, UnknownProperty, check_aggregations, unknown_properties};
pub use view::view;
pub use whole::Whole;
pub use words::{Widened, called, count_named, is_called, is_named, is_of_places, words_begun};

use nilometer_indexer::segment::{Bits, SegmentData};
use nilometer_indexer::{SegmentView, Snapshot, StoredItem};
use nilometer_schemas::limits::{PAGE_BYTES_MAX, PAGE_SKIP_MAX};
use nilometer_schemas::{Aggregation, AggregationResult, CollectionId, Problem, Scope, Search, SortKey};

use aggregate::{Choices, Found};
use order::{Candidate, Reach, Run, Token};
use parse::AvailableAggregation;
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
    /// Token of the page before; `None` on the first.
    pub prev: Option<String>,
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
    let plan = Plan::of_page(snapshot, search, scope, token.as_ref())?;
    order::check_keys(search, snapshot, scope)?;
    let skip = items_before(search)?;
    let backward = token.as_ref().is_some_and(|token| token.backward);
    // One more than the page holds tells whether there is another one behind it, and one item on the other side of where
    // it begins whether there is one there.
    let ahead = Reach { from: token.as_ref(), backward, inclusive: false, count: skip + search.limit + 1 };
    let behind =
        Reach { from: token.as_ref(), backward: !backward, inclusive: true, count: usize::from(token.is_some()) };
    let (number_matched, [mut candidates, behind]) = pick(&plan, &keys, [ahead, behind], keep)?;
    candidates.drain(..skip.min(candidates.len()));
    let more = candidates.len() > search.limit;
    candidates.truncate(search.limit);
    let is_begun = !behind.is_empty() || skip > 0;
    let (has_prev, has_next) = if backward { (more, is_begun) } else { (is_begun, more) };
    if backward {
        candidates.reverse();
    }
    let widened = plan.words.as_ref().map_or_else(Vec::new, |words| words.widened().to_vec());
    let run = Run::of(&keys, token, snapshot, scope, &widened);
    let write = |is_there: bool, token: Option<Token>| token.filter(|_| is_there).map(|t| t.write()).transpose();
    let next = write(has_next, candidates.last().map(|last| run.after(last)))?;
    let prev = write(has_prev, candidates.first().map(|first| run.before(first)).or_else(|| run.back_from_end()))?;
    Ok(Page { number_matched, items: items_of(snapshot, &candidates)?, next, prev, widened })
}

/// Number of the snapshot that a search's next page must be answered from, if it is ordered by relevance: how well an item
/// matches depends on all others.
///
/// # Errors
/// `Invalid` for a token that no page gave out.
pub fn held_snapshot(search: &Search) -> Result<Option<u64>, Problem> {
    let keys = order::keys_of(search);
    let token = search.token.as_deref().map(|text| Token::read(text, &keys)).transpose()?;
    Ok(token.filter(|_| order::is_scored(&keys)).and_then(|token| token.held))
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
    let Some(words) = search.words.as_ref().filter(|_| !search.as_written) else { return Ok(Vec::new()) };
    Ok(words::WordsMatch::new(snapshot, words, scope, words::Forgive::Slips)?.widened().to_vec())
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

/// How many documents match, and what each reach takes of them, in the order of the reach.
fn pick<const N: usize>(
    plan: &Plan<'_>,
    keys: &[SortKey],
    reaches: [Reach<'_>; N],
    keep: Option<Keep<'_>>,
) -> Result<(u64, [Vec<Candidate>; N]), Problem> {
    let mut number_matched = 0;
    let mut taken = [const { Vec::new() }; N];
    let words = plan.words.as_ref().filter(|_| order::is_scored(keys));
    let scorer = words.map(|words| words.scorer(plan.snapshot, plan.scope)).transpose()?;
    for segment in matched(plan) {
        let (segment, mut matches) = segment?;
        if let Some(keep) = keep {
            matches.retain(|doc| keep(segment.data(), doc));
        }
        let count = matches.count();
        number_matched += count;
        if count > 0 {
            let scores =
                scorer.as_ref().map(|scorer| scorer.scores(segment, &matches)).transpose()?.unwrap_or_default();
            let found = order::Found { matches: &matches, count, scores: &scores, period: plan.datetime };
            for (reach, taken) in reaches.iter().zip(&mut taken) {
                taken.extend(order::first_of(segment.data(), &found, keys, reach));
            }
        }
    }
    for (reach, taken) in reaches.iter().zip(&mut taken) {
        taken.sort_by(|a, b| reach.compare(keys, a, b));
        taken.truncate(reach.count);
    }
    Ok((number_matched, taken))
}

/// # Errors
/// `Invalid` above [`PAGE_BYTES_MAX`]: a shorter page would make those who count pages miss items.
fn items_of(snapshot: &Snapshot, candidates: &[Candidate]) -> Result<Vec<StoredItem>, Problem> {
    let mut items = Vec::with_capacity(candidates.len());
    let mut bytes = 0;
    for candidate in candidates {
        let item = snapshot.item_by_seq(candidate.seq).map_err(|e| e.problem())?;
        bytes += item.text.as_str().len();
        if bytes > PAGE_BYTES_MAX {
            let detail = format!("the items of this page have more than {PAGE_BYTES_MAX} bytes together");
            return Err(Problem::invalid("page-too-large", detail).at("limit").allowed(items.len().to_string()));
        }
        items.push(item);
    }
    Ok(items)
}

/// Number of matching items, exact.
///
/// # Errors
/// As [`search`].
pub fn count(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<u64, Problem> {
    let plan = Plan::new(snapshot, search, scope)?;
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
    let plan = Plan::new(snapshot, search, scope)?;
    let found = found(&plan)?;
    aggregations.iter().map(|aggregation| aggregate::answer(aggregation, &found)).collect()
}

/// As [`aggregate`], but each aggregation is counted without the search's own choice of what it counts by, so that the other
/// values to choose from keep their counts.
///
/// The choice of a property are the conditions that the filter joins with AND and that name this property alone; of
/// `collection` also `collections`, of `datetime` and the item's other times also `datetime`, of grids the place. Below the
/// address of the collection `within` that collection is no choice.
///
/// # Errors
/// As [`aggregate`].
pub fn aggregate_multiselect(
    snapshot: &Snapshot,
    search: &Search,
    aggregations: &[Aggregation],
    scope: Scope,
    within: Option<&CollectionId>,
) -> Result<Vec<AggregationResult>, Problem> {
    let kinds = aggregations.iter().map(|aggregation| &aggregation.kind);
    let choices = Choices::new(snapshot, search, kinds, scope, within)?;
    aggregations.iter().map(|aggregation| aggregate::answer(aggregation, choices.of(&aggregation.kind))).collect()
}

/// The match set of every segment, for counting.
fn found<'a>(plan: &Plan<'a>) -> Result<Vec<Found<'a>>, Problem> {
    let segments = plan.snapshot.segments().iter();
    segments.map(|segment| Ok(Found { data: segment.data(), matches: plan.matches(segment)? })).collect()
}

/// Properties of one collection, or of all that the scope may see, from the data. They are kept with the snapshot.
pub fn queryables(snapshot: &Snapshot, collection: Option<&CollectionId>, scope: Scope) -> Vec<Queryable> {
    queryables::queryables(&queryables::properties(snapshot, collection, scope))
}

/// What can be counted over the items of one collection, or over all that the scope may see, with options and defaults that
/// fit the data.
pub fn aggregations(snapshot: &Snapshot, collection: Option<&CollectionId>, scope: Scope) -> Vec<AvailableAggregation> {
    let seen = snapshot.collections(scope).into_iter().map(|stored| &stored.collection.id);
    let stats =
        seen.filter(|id| collection.is_none_or(|asked| asked == *id)).map(|id| snapshot.collection_stats(id.as_str()));
    let mut extent = parse::Extent { items: 0, period: None, across_collections: collection.is_none() };
    for stats in stats {
        extent.items += stats.items;
        if let Some((first, last)) = stats.interval {
            extent.period = Some(extent.period.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        }
    }
    parse::available(&queryables(snapshot, collection, scope), &extent)
}

/// Properties of a collection whose texts are facets of it: few, and shared by its items. What most items have comes first.
pub fn facet_properties(snapshot: &Snapshot, collection: &CollectionId, scope: Scope) -> Vec<String> {
    let properties = queryables(snapshot, Some(collection), scope);
    let texts: Vec<Queryable> = properties.into_iter().filter(|q| q.values.is_some()).collect();
    let fitting = facets::fitting(&texts, snapshot.collection_stats(collection.as_str()).items);
    fitting.into_iter().filter(|facet| facet.by_value).map(|facet| facet.property).collect()
}
