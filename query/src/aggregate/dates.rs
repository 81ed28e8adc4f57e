//! Items along time, by calendar step in UTC.

use std::collections::HashMap;

use nilometer_indexer::segment::{Column, ColumnKind, NO_TIME};
use nilometer_schemas::{AggregationResult, Bucket, CalendarInterval, Instant, Problem};

use super::buckets::{Members, NO_BUCKET, Part, Steps, tally};
use super::{Found, times_of};

/// Steps that are counted in an array; over a wider span only those that occur are.
const DENSE_STEPS_MAX: i64 = 1 << 20;
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 1_440 * MINUTE_US;
/// Days from a Monday to 1970-01-01, a Thursday.
const DAYS_AFTER_MONDAY: i64 = 3;

/// Items by calendar step of a time or of a text that is a moment or a date.
pub(super) fn histogram(
    found: &[Found<'_>],
    property: &str,
    interval: CalendarInterval,
    limit: Option<usize>,
) -> Result<AggregationResult, Problem> {
    let tally = tally(found, limit, "steps of time", |found| {
        Ok(match times_of(found.data, property) {
            Some(times) => of_times(found, times, interval).into_iter().collect(),
            None => {
                let texts = found.data.columns_of(property).filter(|column| column.kind == ColumnKind::Text);
                texts.map(|column| of_texts(column, interval)).collect()
            }
        })
    })?;
    let bucket = |(start, count): (i64, u64)| Bucket::new(Instant(start).to_string(), count);
    Ok(AggregationResult::Buckets {
        data_type: "datetime",
        buckets: tally.counts.into_iter().map(bucket).collect(),
        left: tally.left,
        interval: Some(interval.name().into()),
    })
}

/// When the calendar step begins in which a moment lies, µs.
fn begin_of(interval: CalendarInterval, time: i64) -> i64 {
    let day = time.div_euclid(DAY_US);
    let (year, month, ..) = Instant(time).civil();
    let date = |month| Instant::from_date(year, month, 1).map_or(day * DAY_US, |begin| begin.0);
    match interval {
        CalendarInterval::Minute => time.div_euclid(MINUTE_US) * MINUTE_US,
        CalendarInterval::Hour => time.div_euclid(60 * MINUTE_US) * 60 * MINUTE_US,
        CalendarInterval::Day => day * DAY_US,
        CalendarInterval::Week => ((day + DAYS_AFTER_MONDAY).div_euclid(7) * 7 - DAYS_AFTER_MONDAY) * DAY_US,
        CalendarInterval::Month => date(month),
        CalendarInterval::Quarter => date((month - 1) / 3 * 3 + 1),
        CalendarInterval::Year => date(1),
    }
}

/// Counted by the longest step of equal length that no calendar step cuts.
fn of_times<'a>(found: &Found<'_>, times: &'a [i64], interval: CalendarInterval) -> Option<Part<'a, i64>> {
    let step_us = match interval {
        CalendarInterval::Minute => MINUTE_US,
        CalendarInterval::Hour => 60 * MINUTE_US,
        _ => DAY_US,
    };
    let dated = || found.matches.iter().map(|doc| times[doc as usize]).filter(|time| *time != NO_TIME);
    let (first, last) = (dated().min()?.div_euclid(step_us), dated().max()?.div_euclid(step_us));
    let key = |step: i64| begin_of(interval, step * step_us);
    let (steps, keys) = if last - first < DENSE_STEPS_MAX {
        (Steps::Dense { step_us, first }, (first..=last).map(key).collect())
    } else {
        let mut steps: Vec<i64> = dated().map(|time| time.div_euclid(step_us)).collect();
        steps.sort_unstable();
        steps.dedup();
        let keys = steps.iter().map(|step| key(*step)).collect();
        (Steps::Sorted { step_us, steps }, keys)
    };
    Some(Part { members: Members::Times(times, steps), keys })
}

fn of_texts(column: Column<'_>, interval: CalendarInterval) -> Part<'_, i64> {
    let mut keys = Vec::new();
    let mut numbers: HashMap<i64, u32> = HashMap::new();
    let bucket = |code: u32| {
        let Some(moment) = Instant::of_text(column.dictionary.text(code)) else { return NO_BUCKET };
        let begin = begin_of(interval, moment.0);
        *numbers.entry(begin).or_insert_with(|| {
            keys.push(begin);
            keys.len() as u32 - 1
        })
    };
    let buckets = (0..column.dictionary.len() as u32).map(bucket).collect();
    Part { members: Members::Codes(column, buckets), keys }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_steps_begin_where_calendars_say() {
        let check = |interval, time: &str, begin: &str| {
            let time = Instant::parse(time).expect("a moment");
            assert_eq!(Instant(begin_of(interval, time.0)).to_string(), begin, "{interval:?} of {time}");
        };
        check(CalendarInterval::Minute, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:00Z");
        check(CalendarInterval::Hour, "2024-02-29T23:59:59Z", "2024-02-29T23:00:00Z");
        check(CalendarInterval::Day, "1969-12-31T00:00:00Z", "1969-12-31T00:00:00Z");
        check(CalendarInterval::Week, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z");
        check(CalendarInterval::Week, "2024-12-29T23:59:59Z", "2024-12-23T00:00:00Z");
        check(CalendarInterval::Week, "2024-12-30T00:00:00Z", "2024-12-30T00:00:00Z");
        check(CalendarInterval::Month, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z");
        check(CalendarInterval::Quarter, "2024-12-31T12:00:00Z", "2024-10-01T00:00:00Z");
        check(CalendarInterval::Quarter, "2024-03-31T12:00:00Z", "2024-01-01T00:00:00Z");
        check(CalendarInterval::Year, "0004-12-31T12:00:00Z", "0004-01-01T00:00:00Z");
    }
}
