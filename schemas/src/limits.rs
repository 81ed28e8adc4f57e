//! Every number a caller can grow has a name and a default here.

/// Items on one page when the caller names no `limit`.
pub const PAGE_LIMIT_DEFAULT: usize = 100;
/// Most items on one page; a larger `limit` is clamped to it, as STAC asks.
pub const PAGE_LIMIT_MAX: usize = 10_000;
/// Items before a page that is asked for by its number; tokens lead on without a limit.
pub const PAGE_SKIP_MAX: usize = 250_000;
/// Bytes of the items of a page together; a hundred items of the largest size fit.
pub const PAGE_BYTES_MAX: usize = 128 << 20;
/// Nested operators in a filter.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Operators, properties and literals in a filter.
pub const FILTER_NODES_MAX: usize = 1_500;
/// Values of one `IN` list, and of one array.
pub const IN_LIST_MAX: usize = 1_000;
/// Bytes of a filter's text form.
pub const FILTER_BYTES_MAX: usize = 64 * 1024;
/// Characters of a `LIKE` pattern.
pub const LIKE_CHARS_MAX: usize = 256;
/// Wildcards of a `LIKE` pattern.
pub const LIKE_WILDCARDS_MAX: usize = 8;
/// Vertices that a spatial relation other than intersecting may look at, of both geometries of every pair that it relates:
/// some seconds' work.
pub const RELATED_VERTICES_MAX: u64 = 20_000_000;
/// Steps that the conditions of a filter on values may take, a step being about what comparing two numbers takes: a second's work.
pub const FILTER_STEPS_MAX: u64 = 200_000_000;
/// Steps besides for each item that is searched.
pub const FILTER_STEPS_PER_ITEM: u64 = 100;
/// Vertices of a caller's geometry (stored places may be larger).
pub const QUERY_VERTICES_MAX: usize = 10_000;
/// Properties that nobody has and of which an answer tells; it says how many more there are.
pub const UNKNOWN_PROPERTIES_MAX: usize = 8;
/// Bytes of a property's name for which the nearest known one is looked for.
pub const NEAREST_NAME_BYTES_MAX: usize = 128;
/// Ids in one search.
pub const IDS_MAX: usize = 1_000;
/// Collections in one search.
pub const COLLECTIONS_MAX: usize = 1_000;
/// Sort keys of one search.
pub const SORT_KEYS_MAX: usize = 8;
/// Words in `q`.
pub const Q_TERMS_MAX: usize = 64;
/// Parentheses within each other in `q`.
pub const Q_DEPTH_MAX: usize = 8;
/// Characters of `q`.
pub const Q_CHARS_MAX: usize = 1_024;
/// References in `intersectsRefs`.
pub const REFS_MAX: usize = 16;
/// Aggregations asked for at once.
pub const AGGREGATIONS_MAX: usize = 16;
/// Buckets of one aggregation; more is a 4xx that says so, never a silent cut.
pub const BUCKETS_MAX: usize = 100_000;
/// Buckets that are counted to find the fullest of them.
pub const BUCKETS_COUNTED_MAX: usize = 2_000_000;
/// Ranges of one aggregation.
pub const RANGES_MAX: usize = 100;
/// Buckets into which a histogram that chooses its own interval cuts its values.
pub const HISTOGRAM_BUCKETS_MAX: usize = 1_000;
/// Widest interval of a histogram; the narrowest is its inverse.
pub const HISTOGRAM_INTERVAL_MAX: f64 = 1e15;
/// Bytes of one JSON request body, and of one line of a bulk stream.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one item from any source. Real lakes outlined by SWOT take 2 MiB, which is more than a request may have.
pub const ITEM_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Nesting of a JSON document: room for a filter of [`FILTER_DEPTH_MAX`] operators, each of which takes two levels.
pub const JSON_DEPTH_MAX: usize = 96;
/// Bytes of an identifier.
pub const ID_BYTES_MAX: usize = 512;
/// Entries of one page of `/changes`.
pub const CHANGES_LIMIT_MAX: usize = 10_000;
/// Features whose series one answer holds in a format of one JSON document; CSV, Arrow and Parquet have no limit.
pub const SERIES_FEATURES_MAX: usize = 10_000;
/// Observations of one coverage, which is held in memory until it is whole.
pub const COVERAGE_ROWS_MAX: usize = 5_000_000;
/// Positions of a `MULTIPOINT` around which features are looked for.
pub const POSITIONS_MAX: usize = 100;
/// Moments in the list of an EDR `datetime`.
pub const MOMENTS_MAX: usize = 1_000;
