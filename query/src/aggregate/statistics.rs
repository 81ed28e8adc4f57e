//! Statistics of the numbers of a property.

use nilometer_indexer::segment::{Column, ColumnKind};
use nilometer_schemas::Statistics;

use super::Found;
use super::sum::ExactSum;

/// The numbers of a property in a segment with how often they occur in matching documents, ascending.
pub(super) fn numbers(found: &Found<'_>, property: &str) -> Vec<(f64, u64)> {
    let Some(column) = found.data.column(property, ColumnKind::Number) else { return Vec::new() };
    let counts = uses(found, &column);
    let used = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
    used.map(|(code, count)| (column.dictionary.number(code as u32) + 0.0, count)).collect()
}

/// Matching documents by code.
pub(super) fn uses(found: &Found<'_>, column: &Column<'_>) -> Vec<u64> {
    let mut counts = vec![0u64; column.dictionary.len()];
    found.data.for_each_pair(column, |doc, code| counts[code as usize] += u64::from(found.matches.contains(doc)));
    counts
}

/// Count, extremes, sum, mean and standard deviation over all segments.
pub(super) fn statistics(found: &[Found<'_>], property: &str) -> Statistics {
    let all: Vec<Vec<(f64, u64)>> = found.iter().map(|found| numbers(found, property)).collect();
    let each = || all.iter().flatten().copied();
    let count: u64 = each().map(|(_, count)| count).sum();
    if count == 0 {
        return Statistics::default();
    }
    let mut sum = ExactSum::default();
    each().for_each(|(number, count)| sum.add_times(number, count));
    let sum = sum.value();
    let avg = sum.map(|sum| sum / count as f64);
    let stddev = avg.and_then(|avg| {
        let mut squares = ExactSum::default();
        each().for_each(|(number, count)| squares.add_times((number - avg) * (number - avg), count));
        Some((squares.value()? / count as f64).sqrt())
    });
    Statistics {
        count,
        min: each().map(|(number, _)| number).min_by(f64::total_cmp),
        max: each().map(|(number, _)| number).max_by(f64::total_cmp),
        sum,
        avg,
        stddev,
    }
}
