//! Items by equal steps and by ranges of a number.

use nilometer_indexer::segment::{Column, ColumnKind};
use nilometer_schemas::{AggregationResult, Bucket, HistogramStep, Kind, NumberRange, Problem};

use super::buckets::{Members, NO_BUCKET, Part, tally};
use super::{Found, Step, number_value, statistics};

/// Ranges that are made where the caller names none.
const RANGES_MADE: usize = 5;

/// Items by equal steps of a number, each with its edges; steps without items are left out.
pub(super) fn histogram(
    found: &[Found<'_>],
    property: &str,
    step: HistogramStep,
    limit: Option<usize>,
) -> Result<AggregationResult, Problem> {
    let step = match step {
        HistogramStep::Interval(width) => Step::of(width),
        HistogramStep::Buckets(most) => round_step(found, property, most),
    };
    let tally = tally(found, limit, "steps", |found| {
        let (Some(step), Some(column)) = (step, found.data.column(property, ColumnKind::Number)) else {
            return Ok(Vec::new());
        };
        Ok(vec![steps_of(column, step, &statistics::uses(found, &column))?])
    })?;
    let bucket = |(index, count): (i64, u64)| {
        let edge = |index| step.map(|step| number_value(step.edge(index)));
        Bucket { from: edge(index), to: edge(index + 1), ..Bucket::new(edge(index), count) }
    };
    Ok(AggregationResult::Buckets {
        data_type: "numeric",
        buckets: tally.counts.into_iter().map(bucket).collect(),
        left: tally.left,
        interval: step.map(|step| number_value(step.width())),
    })
}

/// The round step for the numbers that match; `None` without any.
fn round_step(found: &[Found<'_>], property: &str, most: usize) -> Option<Step> {
    let (mut min, mut max, mut whole) = (f64::INFINITY, f64::NEG_INFINITY, true);
    for (number, _) in found.iter().flat_map(|found| statistics::numbers(found, property)) {
        (min, max, whole) = (min.min(number), max.max(number), whole && number.fract() == 0.0);
    }
    (min <= max).then(|| Step::round(min, max, most, whole))
}

fn steps_of<'a>(column: Column<'a>, step: Step, uses: &[u64]) -> Result<Part<'a, i64>, Problem> {
    let mut keys: Vec<i64> = Vec::new();
    let mut buckets = Vec::with_capacity(uses.len());
    for (code, uses) in uses.iter().enumerate() {
        let number = column.dictionary.number(code as u32);
        let Some(index) = step.index(number) else {
            if *uses > 0 {
                return Err(too_fine(step, number));
            }
            buckets.push(NO_BUCKET);
            continue;
        };
        // The dictionary is sorted: equal steps follow each other.
        if keys.last() != Some(&index) {
            keys.push(index);
        }
        buckets.push(keys.len() as u32 - 1);
    }
    Ok(Part { members: Members::Codes(column, buckets), keys })
}

fn too_fine(step: Step, number: f64) -> Problem {
    let detail = format!("steps of {:e} cannot be told apart near {number:e}", step.width());
    Problem::new(Kind::Invalid, "too-many-buckets", detail).at("aggregations").allowed("a coarser interval")
}

/// Items by ranges of a number, in the order asked for, those without items too.
pub(super) fn ranges(
    found: &[Found<'_>],
    property: &str,
    ranges: Option<&[NumberRange]>,
) -> Result<AggregationResult, Problem> {
    let made;
    let ranges = match ranges {
        Some(ranges) => ranges,
        None => {
            made = round_ranges(found, property);
            &made
        }
    };
    let tally = tally(found, None, "ranges", |found| {
        let column = found.data.column(property, ColumnKind::Number);
        Ok(column.map(|column| ranges_of(column, ranges)).into_iter().collect())
    })?;
    let bucket = |(at, range): (usize, &NumberRange)| {
        let place = tally.counts.binary_search_by_key(&at, |(at, _)| *at);
        let count = place.map_or(0, |place| tally.counts[place].1);
        Bucket {
            from: range.from.map(number_value),
            to: range.to.map(number_value),
            ..Bucket::new(key_of(range), count)
        }
    };
    let buckets = ranges.iter().enumerate().map(bucket).collect();
    Ok(AggregationResult::Buckets { data_type: "numeric", buckets, left: tally.left, interval: None })
}

/// A few ranges between round numbers that hold all numbers.
fn round_ranges(found: &[Found<'_>], property: &str) -> Vec<NumberRange> {
    let Some(step) = round_step(found, property, RANGES_MADE) else { return Vec::new() };
    let numbers = || found.iter().flat_map(|found| statistics::numbers(found, property)).map(|(number, _)| number);
    let indices = || numbers().filter_map(|number| step.index(number));
    let (Some(first), Some(last)) = (indices().min(), indices().max()) else { return Vec::new() };
    // The first and the last are open: whoever asks again with these ranges loses nothing to a new extreme.
    let range = |index: i64| NumberRange {
        from: (index > first).then(|| step.edge(index)),
        to: (index < last).then(|| step.edge(index + 1)),
    };
    (first..=last).map(range).collect()
}

fn ranges_of<'a>(column: Column<'a>, ranges: &[NumberRange]) -> Part<'a, usize> {
    let bucket = |code: u32| {
        let number = column.dictionary.number(code);
        let holds =
            |range: &NumberRange| range.from.is_none_or(|from| from <= number) && range.to.is_none_or(|to| number < to);
        ranges.iter().position(holds).map_or(NO_BUCKET, |at| at as u32)
    };
    let buckets = (0..column.dictionary.len() as u32).map(bucket).collect();
    Part { members: Members::Codes(column, buckets), keys: (0..ranges.len()).collect() }
}

/// As the aggregation extension writes ranges: `*-5`, `5-10`, `10-*`.
fn key_of(range: &NumberRange) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "*".to_owned(), |number| number_value(number).to_string());
    format!("{}-{}", end(range.from), end(range.to))
}
