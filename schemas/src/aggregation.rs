//! What can be counted over a match set, with the names of STAC's aggregation extension v0.3.

/// A calendar step, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalendarInterval {
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// A family of grid cells on the item's centroid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GridKind {
    /// Geohash, precision 1..=12 characters.
    Geohash,
    /// Web-mercator tile `z/x/y`, zoom 0..=29.
    Geotile,
    /// H3 cell, resolution 0..=15.
    Geohex,
}

/// What an aggregation computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AggregationKind {
    /// Number of items.
    TotalCount,
    /// Earliest `datetime`.
    DatetimeMin,
    /// Latest `datetime`.
    DatetimeMax,
    /// Items by calendar step of `datetime`; undated items are left out.
    DatetimeFrequency(CalendarInterval),
    /// Items by value of a property (or `collection`); an item with several values counts once in each.
    Terms {
        /// Property name without `properties.`.
        property: String,
    },
    /// Items by cell of the planar centroid of their geometry.
    CentroidGrid {
        /// Family of cells.
        grid: GridKind,
        /// Precision, resolution or zoom.
        precision: u8,
    },
    /// Items by H3 cell that their geometry touches: an item counts once in each cell.
    GeometryGeohex {
        /// H3 resolution 0..=8.
        resolution: u8,
    },
}

/// A named aggregation, as asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Aggregation {
    /// The name in the request and in the answer.
    pub name: String,
    /// What to compute.
    pub kind: AggregationKind,
}

/// One counted value.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Bucket {
    /// The value: text, number, month start, cell id.
    pub key: serde_json::Value,
    /// Number of items, exact.
    pub frequency: u64,
}

/// The answer to one aggregation.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregationResult {
    /// A number (`total_count`).
    Count(u64),
    /// A moment as RFC 3339 text, null when nothing matches.
    Moment(Option<String>),
    /// Counts by value: terms by falling count then key, times and cells by key.
    Buckets {
        /// `string`, `numeric`, `boolean` or `datetime`.
        data_type: &'static str,
        /// The counted values.
        buckets: Vec<Bucket>,
    },
}
