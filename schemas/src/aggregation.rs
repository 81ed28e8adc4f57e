//! What can be counted over a match set, with the names of STAC's aggregation extension v0.3 and more of their kind.

use serde_json::Value;

/// A calendar step, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalendarInterval {
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Weeks, which begin on Monday (ISO 8601).
    Week,
    /// Months.
    Month,
    /// Quarters of a year.
    Quarter,
    /// Years.
    Year,
}

impl CalendarInterval {
    /// All of them, the shortest first.
    pub const ALL: [Self; 7] =
        [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// What callers write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The step of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.name() == name)
    }
}

/// A family of grid cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GridKind {
    /// Geohash, precision 1..=12 characters.
    Geohash,
    /// Web-mercator tile `z/x/y`, zoom 0..=29.
    Geotile,
    /// H3 cell, resolution 0..=15.
    Geohex,
}

/// How wide the buckets of a histogram are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HistogramStep {
    /// This wide; positive and finite.
    Interval(f64),
    /// As narrow as a round number allows with at most so many buckets between the smallest and the largest value.
    Buckets(usize),
}

/// Numbers from one on (included) to another (excluded); `None` is an open end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberRange {
    /// Included.
    pub from: Option<f64>,
    /// Excluded.
    pub to: Option<f64>,
}

/// What an aggregation computes. An item with several values counts once in each bucket in which it has one.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregationKind {
    /// Number of items.
    TotalCount,
    /// Earliest `datetime`.
    DatetimeMin,
    /// Latest `datetime`.
    DatetimeMax,
    /// Items by calendar step of a time (`datetime`, `start_datetime`, `end_datetime`, `ingested`) or of a text that is an
    /// RFC 3339 moment or date; undated items are left out.
    Dates {
        /// Property name without `properties.`.
        property: String,
        /// Step.
        interval: CalendarInterval,
    },
    /// Items by value of a property (or `collection`).
    Terms {
        /// Property name without `properties.`.
        property: String,
    },
    /// Items by equal steps of a number.
    Histogram {
        /// Property name without `properties.`.
        property: String,
        /// Width of a step.
        step: HistogramStep,
    },
    /// Items by ranges of a number.
    Ranges {
        /// Property name without `properties.`.
        property: String,
        /// Ranges that do not overlap; `None` for a few round ones that fit the values.
        ranges: Option<Vec<NumberRange>>,
    },
    /// Statistics of the numbers of a property.
    Statistics {
        /// Property name without `properties.`.
        property: String,
    },
    /// How many different values a property (or `collection`, or a time) has.
    Distinct {
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
    /// Items by cell that their geometry touches: an item counts once in each cell. Cells are closed: what lies on an edge
    /// touches both sides.
    GeometryGrid {
        /// Family of cells.
        grid: GridKind,
        /// Precision, resolution or zoom.
        precision: u8,
    },
}

impl AggregationKind {
    /// The property that it counts by; `None` for what every item has.
    pub fn property(&self) -> Option<&str> {
        match self {
            Self::TotalCount
            | Self::DatetimeMin
            | Self::DatetimeMax
            | Self::CentroidGrid { .. }
            | Self::GeometryGrid { .. } => None,
            Self::Dates { property, .. }
            | Self::Terms { property }
            | Self::Histogram { property, .. }
            | Self::Ranges { property, .. }
            | Self::Statistics { property }
            | Self::Distinct { property } => Some(property),
        }
    }
}

/// A named aggregation, as asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    /// The name in the request and in the answer.
    pub name: String,
    /// What to compute.
    pub kind: AggregationKind,
    /// At most so many buckets: the fullest, and among equals those with the smallest keys. `None` for all.
    pub limit: Option<usize>,
}

/// One counted value.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Bucket {
    /// The value: text, number, begin of a calendar step, cell id, range.
    pub key: Value,
    /// Number of items, exact.
    pub frequency: u64,
    /// Of a range of numbers: where it begins, included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// Of a range of numbers: where it ends, excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

impl Bucket {
    /// The items of one value.
    pub fn new(key: impl Into<Value>, frequency: u64) -> Self {
        Self { key: key.into(), frequency, from: None, to: None }
    }
}

/// What a list of buckets leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Items that have a value and are in no listed bucket, exact.
    pub items: u64,
    /// Buckets that a limit leaves out.
    pub buckets: usize,
}

/// Statistics of numbers; without numbers, and beyond the range of numbers, there is no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Statistics {
    /// How many numbers; an item may have several, of which equal ones count once.
    pub count: u64,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The exact sum, rounded once.
    pub sum: Option<f64>,
    /// The sum by the count.
    pub avg: Option<f64>,
    /// Standard deviation of the numbers as a whole population.
    pub stddev: Option<f64>,
}

/// The answer to one aggregation.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregationResult {
    /// A number (`total_count`, distinct values).
    Count(u64),
    /// A moment as RFC 3339 text, null when nothing matches.
    Moment(Option<String>),
    /// Statistics.
    Statistics(Statistics),
    /// Counts by value: terms by falling count then key, all else by key.
    Buckets {
        /// `string`, `numeric`, `boolean` or `datetime`.
        data_type: &'static str,
        /// The counted values.
        buckets: Vec<Bucket>,
        /// What is not among them.
        left: Left,
        /// Of histograms the width of a bucket: a calendar step, a number.
        interval: Option<Value>,
    },
}
