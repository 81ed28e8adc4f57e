//! Counts over match sets: by value, calendar step, range, grid cell; statistics; distinct values. All exact.
//!
//! Each kind says which documents of a segment are in which bucket ([`buckets`]); counting, merging over segments and
//! saying what a limit leaves out is written once.

mod buckets;
mod choice;
mod dates;
mod distinct;
mod grids;
mod numbers;
mod statistics;
mod step;
mod sum;
mod terms;

use nilometer_indexer::segment::{Bits, NO_TIME, SegmentData};
use nilometer_schemas::{Aggregation, AggregationKind, AggregationResult, Instant, Kind, Problem};
use serde_json::Value;

pub(crate) use choice::Choices;
pub(crate) use distinct::distinct;
pub use grids::{TOUCHED_CELLS_MAX, TOUCHED_SHAPES_MAX};
pub(crate) use step::Step;

/// The matching documents of a segment.
pub(crate) struct Found<'a> {
    pub(crate) data: &'a SegmentData,
    pub(crate) matches: Bits,
}

fn too_many(what: &str, limit: usize) -> Problem {
    Problem::new(Kind::Invalid, "too-many-buckets", format!("the answer would have more than {limit} {what}"))
        .at("aggregations")
        .allowed("a narrower search, or a coarser interval or precision")
}

/// Whole numbers are written without a fraction.
pub(crate) fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { (number as i64).into() } else { number.into() }
}

/// The moments of an item that every segment has an array of.
pub(crate) fn times_of<'a>(data: &'a SegmentData, property: &str) -> Option<&'a [i64]> {
    match property {
        "datetime" => Some(data.datetime()),
        "start_datetime" => Some(data.start()),
        "end_datetime" => Some(data.end()),
        "ingested" => Some(data.ingested()),
        _ => None,
    }
}

fn moments<'a>(found: &'a [Found<'_>]) -> impl Iterator<Item = i64> + 'a {
    found.iter().flat_map(|found| {
        let times = found.data.datetime();
        found.matches.iter().map(|doc| times[doc as usize]).filter(|time| *time != NO_TIME)
    })
}

/// Answers one aggregation over the match sets of the segments.
///
/// # Errors
/// `Invalid` when the answer would pass a named limit: nothing is cut silently.
pub(crate) fn answer(aggregation: &Aggregation, found: &[Found<'_>]) -> Result<AggregationResult, Problem> {
    let limit = aggregation.limit;
    let moment = |time: Option<i64>| AggregationResult::Moment(time.map(|t| Instant(t).to_string()));
    Ok(match &aggregation.kind {
        AggregationKind::TotalCount => AggregationResult::Count(found.iter().map(|f| f.matches.count()).sum()),
        AggregationKind::DatetimeMin => moment(moments(found).min()),
        AggregationKind::DatetimeMax => moment(moments(found).max()),
        AggregationKind::Dates { property, interval } => dates::histogram(found, property, *interval, limit)?,
        AggregationKind::Terms { property } => terms::terms(found, property, limit)?,
        AggregationKind::Histogram { property, step } => numbers::histogram(found, property, *step, limit)?,
        AggregationKind::Ranges { property, ranges } => numbers::ranges(found, property, ranges.as_deref())?,
        AggregationKind::Statistics { property } => {
            AggregationResult::Statistics(statistics::statistics(found, property))
        }
        AggregationKind::Distinct { property } => AggregationResult::Count(distinct(found, property)),
        AggregationKind::CentroidGrid { grid, precision } => grids::centroids(found, *grid, *precision, limit)?,
        AggregationKind::GeometryGrid { grid, precision } => grids::touched(found, *grid, *precision, limit)?,
    })
}
