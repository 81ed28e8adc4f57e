//! Which items have values in a period: the sort key [`nilometer_schemas::IN_PERIOD`].
//!
//! Undated items meet every period, so a period alone does not part gauges with values of it from those that closed before.

use nilometer_indexer::segment::{Column, ColumnKind, NO_TIME, SegmentData};
use nilometer_schemas::{Instant, TimeInterval};

/// Ranks of an item, best last.
const OUTSIDE: u8 = 0;
const UNKNOWN: u8 = 1;
const WITHIN: u8 = 2;

/// The series' ends in a segment: a column and the moment that each of its codes is.
struct Ends<'a> {
    column: Column<'a>,
    moments: Vec<i64>,
}

impl<'a> Ends<'a> {
    /// `None` where no item of the segment has a series.
    fn of(data: &'a SegmentData, name: &str) -> Option<Self> {
        let column = data.columns_of(name).find(|column| column.kind == ColumnKind::Text)?;
        let codes = 0..column.dictionary.len() as u32;
        let moment = |code| Instant::parse(column.dictionary.text(code)).map_or(NO_TIME, |moment| moment.0);
        let moments = codes.map(moment).collect();
        Some(Self { column, moments })
    }

    fn at(&self, doc: u32) -> Option<i64> {
        self.column.first_code(doc).map(|code| self.moments[code as usize])
    }
}

/// The key bound to a segment.
pub(crate) struct InPeriod<'a> {
    period: Option<TimeInterval>,
    dates: &'a [i64],
    series: Option<(Ends<'a>, Ends<'a>)>,
}

impl<'a> InPeriod<'a> {
    pub(crate) fn new(data: &'a SegmentData, period: Option<TimeInterval>) -> Self {
        let series = Ends::of(data, "observations:first").zip(Ends::of(data, "observations:last"));
        Self { period, dates: data.datetime(), series }
    }

    /// The rank of a document among those that the period does not exclude.
    pub(crate) fn rank(&self, doc: u32) -> u8 {
        let series = self.series.as_ref().and_then(|(first, last)| first.at(doc).zip(last.at(doc)));
        rank(self.period, self.dates[doc as usize] != NO_TIME, series)
    }
}

fn rank(period: Option<TimeInterval>, is_dated: bool, series: Option<(i64, i64)>) -> u8 {
    match (period, series) {
        (None, Some(_)) => WITHIN,
        (Some(_), _) if is_dated => WITHIN,
        (Some(period), Some((first, last))) => {
            let is_late = period.start.is_some_and(|start| last < start.0);
            let is_early = period.end.is_some_and(|end| first > end.0);
            if is_late || is_early { OUTSIDE } else { WITHIN }
        }
        (_, None) => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_in_the_period_rank_before_what_has_none_and_that_before_series_outside() {
        let period = |start: Option<i64>, end: Option<i64>| {
            Some(TimeInterval { start: start.map(Instant), end: end.map(Instant) })
        };
        let series = Some((10, 20));
        for (asked, expected) in [
            (period(Some(15), Some(30)), WITHIN),
            (period(Some(20), None), WITHIN),
            (period(None, Some(10)), WITHIN),
            (period(Some(21), None), OUTSIDE),
            (period(None, Some(9)), OUTSIDE),
            (None, WITHIN),
        ] {
            assert_eq!(rank(asked, false, series), expected, "{asked:?}");
            assert_eq!(rank(asked, false, None), UNKNOWN);
        }
        // The period has chosen dated items already.
        assert_eq!(rank(period(Some(21), None), true, None), WITHIN);
    }
}
