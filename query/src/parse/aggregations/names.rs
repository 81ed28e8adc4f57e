//! What the name of an aggregation says, and the options that belong to it.

use nilometer_schemas::{AggregationKind, GridKind};

/// What becomes of `PROPERTY_frequency`: a calendar step, or with an interval one for any property.
pub(super) const INTERVAL: &str = "interval";
/// At most so many buckets.
pub(super) const LIMIT: &str = "limit";
/// The fineness of a grid.
pub(super) const PRECISION: &str = "precision";
/// At most so many steps of a histogram.
pub(super) const BUCKETS: &str = "buckets";
/// Ranges of numbers.
pub(super) const BOUNDS: &str = "bounds";

/// Members of an item that are times.
pub(super) const TIMES: [&str; 4] = ["datetime", "start_datetime", "end_datetime", "ingested"];

/// A count of items by cell of a grid.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) name: &'static str,
    pub(super) default: u8,
    pub(super) least: u8,
    pub(super) most: u8,
    grid: GridKind,
    /// Whether the geometry is looked at rather than its centroid.
    touched: bool,
}

const fn centroid(name: &'static str, grid: GridKind, default: u8, least: u8, most: u8) -> Grid {
    Grid { name, default, least, most, grid, touched: false }
}

const fn geometry(name: &'static str, grid: GridKind, default: u8, least: u8, most: u8) -> Grid {
    Grid { name, default, least, most, grid, touched: true }
}

pub(super) const GRIDS: [Grid; 6] = [
    centroid("centroid_geohash_grid_frequency", GridKind::Geohash, 3, 1, 12),
    centroid("centroid_geotile_grid_frequency", GridKind::Geotile, 5, 0, 29),
    centroid("centroid_geohex_grid_frequency", GridKind::Geohex, 3, 0, 15),
    geometry("geometry_geohash_grid_frequency", GridKind::Geohash, 3, 1, 12),
    geometry("geometry_geotile_grid_frequency", GridKind::Geotile, 5, 0, 29),
    geometry("geometry_geohex_grid_frequency", GridKind::Geohex, 3, 0, 8),
];

impl Grid {
    pub(super) fn kind(&self, precision: u8) -> AggregationKind {
        let grid = self.grid;
        if self.touched {
            AggregationKind::GeometryGrid { grid, precision }
        } else {
            AggregationKind::CentroidGrid { grid, precision }
        }
    }
}

/// What a name asks for.
#[derive(Debug)]
pub(super) enum Asked<'a> {
    TotalCount,
    DatetimeMin,
    DatetimeMax,
    Grid(&'static Grid),
    /// By value, or by calendar step.
    Frequency(&'a str),
    Histogram(&'a str),
    Ranges(&'a str),
    Statistics(&'a str),
    Distinct(&'a str),
}

impl<'a> Asked<'a> {
    /// Reads a name; `None` if there is no such aggregation.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        match name {
            "total_count" => return Some(Self::TotalCount),
            "datetime_min" => return Some(Self::DatetimeMin),
            "datetime_max" => return Some(Self::DatetimeMax),
            _ => {}
        }
        if let Some(grid) = GRIDS.iter().find(|grid| grid.name == name) {
            return Some(Self::Grid(grid));
        }
        let property = |end: &str| {
            let property = name.strip_suffix(end)?;
            let property = property.strip_prefix("properties.").unwrap_or(property);
            (!property.is_empty() && property != "geometry").then_some(property)
        };
        let number = |end: &str| property(end).filter(|property| !TIMES.contains(property));
        if let Some(property) = property("_frequency").filter(|property| !is_foreign_grid(property)) {
            return Some(Self::Frequency(property));
        }
        None.or_else(|| number("_histogram").map(Self::Histogram))
            .or_else(|| number("_ranges").map(Self::Ranges))
            .or_else(|| number("_stats").map(Self::Statistics))
            .or_else(|| property("_distinct").map(Self::Distinct))
    }

    /// The options that it takes; their parameters begin with its name: `NAME_limit`.
    pub(super) fn options(&self) -> &'static [&'static str] {
        match self {
            Self::TotalCount | Self::DatetimeMin | Self::DatetimeMax | Self::Statistics(_) | Self::Distinct(_) => &[],
            Self::Grid(_) => &[PRECISION, LIMIT],
            Self::Frequency(_) => &[INTERVAL, LIMIT],
            Self::Histogram(_) => &[INTERVAL, BUCKETS, LIMIT],
            Self::Ranges(_) => &[BOUNDS],
        }
    }
}

/// The parameter of an option.
pub(super) fn parameter(aggregation: &str, option: &str) -> String {
    format!("{aggregation}_{option}")
}

/// Grids that other servers offer: read as property names they would silently count nothing.
fn is_foreign_grid(property: &str) -> bool {
    ["geohash", "geotile", "geohex"]
        .iter()
        .any(|cells| property.strip_prefix("grid_") == Some(cells) || property.ends_with(&format!("{cells}_grid")))
}

/// All names, for whoever asks for one that does not exist.
pub(super) fn allowed() -> String {
    let grids: Vec<&str> = GRIDS.iter().map(|grid| grid.name).collect();
    let plain = "total_count, datetime_min, datetime_max, datetime_frequency, collection_frequency, PROPERTY_frequency, \
                 PROPERTY_histogram, PROPERTY_ranges, PROPERTY_stats, PROPERTY_distinct";
    format!("{plain}, {}", grids.join(", "))
}
