//! The one question that every capability answers.

use std::num::NonZeroUsize;

use crate::{Bbox, CollectionId, Filter, ItemId, TimeInterval, Words};

/// Order of a sort key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The sort key by which the best match of a search's words comes first.
pub const RELEVANCE: &str = "relevance";

/// The sort key that tells which items have values in a search's period: 2 for those with a date, which the period has
/// chosen already, and those whose series meets it; 1 for undated ones without a series; 0 for those whose series lies outside.
/// Without a period any series will do.
pub const IN_PERIOD: &str = "observations:in_period";

/// One key of the order of a page. Items without the property come last in either direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// Property name without `properties.`, or `id`, `collection`, `datetime`, `ingested`, [`RELEVANCE`], [`IN_PERIOD`].
    pub field: String,
    /// Direction.
    pub direction: Direction,
}

/// Which members of an item to answer with (STAC fields extension). Paths are dotted. Both lists empty mean the
/// default set; only `exclude` means everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fields {
    /// Members to include.
    pub include: Vec<String>,
    /// Members to leave out.
    pub exclude: Vec<String>,
}

/// These collections, this place, this period, these conditions, these words.
///
/// The parts are ANDed; an empty list or `None` sets no condition. Positions are CRS84, times UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Any of these collections.
    pub collections: Vec<CollectionId>,
    /// Any of these item ids.
    pub ids: Vec<ItemId>,
    /// The geometry shares a point with the box.
    pub bbox: Option<Bbox>,
    /// The geometry shares a point with this one (planar).
    pub intersects: Option<geo::Geometry<f64>>,
    /// The geometry shares a point with one of these stored items, each named `COLLECTION.ID`
    /// (the longest matching collection id wins).
    pub intersects_refs: Vec<String>,
    /// The item's closed period overlaps this one.
    pub datetime: Option<TimeInterval>,
    /// The condition is true.
    pub filter: Option<Filter>,
    /// A property of the filter that no item in question has makes the question invalid.
    pub strict: bool,
    /// The item's texts have these words.
    pub words: Option<Words>,
    /// Typing errors in them are not forgiven where nothing has them.
    pub as_written: bool,
    /// Order; empty means the best match of the words first, or without words the newest. Ties are broken by the newest write.
    pub sortby: Vec<SortKey>,
    /// Most items on the page, already clamped.
    pub limit: usize,
    /// Where the page begins: a token of the page before.
    pub token: Option<String>,
    /// Number of the page where no token says where it begins. Unlike a token it keeps no place while others write.
    pub page: NonZeroUsize,
    /// Members to answer with; `None` for whole items.
    pub fields: Option<Fields>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            collections: Vec::new(),
            ids: Vec::new(),
            bbox: None,
            intersects: None,
            intersects_refs: Vec::new(),
            datetime: None,
            filter: None,
            strict: false,
            words: None,
            as_written: false,
            sortby: Vec::new(),
            limit: crate::limits::PAGE_LIMIT_DEFAULT,
            token: None,
            page: NonZeroUsize::MIN,
            fields: None,
        }
    }
}
