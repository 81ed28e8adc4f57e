//! The `datetime` of OGC API EDR: a moment, an interval, a list of either, or a repetition.

use nilometer_schemas::limits::MOMENTS_MAX;
use nilometer_schemas::{Dialect, Instant, Kind, Problem, TimeInterval};

const MICROS_PER_SECOND: i64 = 1_000_000;
const ALLOWED: &str = "2023-07-21T00:00:00Z, 2023-07-21, 2023-07, 2023, START/END, START/.., ../END, a list of these \
                       with commas, or Rn/START/DURATION with a duration of weeks, days, hours, minutes and seconds";

/// The times asked for: periods of which an observation must meet one, at least one period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Times {
    periods: Vec<TimeInterval>,
}

impl Times {
    /// Reads the parameter.
    ///
    /// # Errors
    /// `Invalid` with what is allowed, `TooLarge` for more moments than the limit.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        check_count(parts.len())?;
        let mut periods = Vec::with_capacity(parts.len());
        for part in parts {
            match part.strip_prefix('R') {
                Some(repetition) => periods.extend(repeated(repetition)?),
                // What a collection without a period advertises, so clients send it back.
                None if part == "../.." => periods.push(TimeInterval { start: None, end: None }),
                None => {
                    periods.push(TimeInterval::parse(part, Dialect::Edr).map_err(|problem| problem.allowed(ALLOWED))?)
                }
            }
            check_count(periods.len())?;
        }
        Ok(Self { periods })
    }

    /// The smallest period that holds all.
    pub(super) fn hull(&self) -> TimeInterval {
        let starts = self.periods.iter().map(|period| period.start);
        let ends = self.periods.iter().map(|period| period.end);
        // An open start is `None`, which is less than any moment; an open end must win over all.
        let start = starts.min().flatten();
        let open = self.periods.iter().any(|period| period.end.is_none());
        TimeInterval { start, end: if open { None } else { ends.max().flatten() } }
    }

    /// Whether the times are one period, so that [`Times::hull`] says all.
    pub(super) fn is_one_period(&self) -> bool {
        self.periods.len() == 1
    }

    /// Whether a moment is asked for.
    pub(super) fn contains(&self, moment: Instant) -> bool {
        self.periods.iter().any(|period| period.overlaps(moment, moment))
    }
}

fn check_count(count: usize) -> Result<(), Problem> {
    if count <= MOMENTS_MAX {
        return Ok(());
    }
    let detail = format!("datetime lists more than {MOMENTS_MAX} moments");
    Err(Problem::new(Kind::TooLarge, "too-many-values", detail)
        .at("datetime")
        .allowed(format!("at most {MOMENTS_MAX}")))
}

/// The moments of `n/START/DURATION`.
fn repeated(text: &str) -> Result<Vec<TimeInterval>, Problem> {
    let bad =
        || Problem::invalid("datetime", format!("\"R{text}\" is not a repetition")).at("datetime").allowed(ALLOWED);
    let parts: Vec<&str> = text.split('/').collect();
    let [count, start, duration] = parts[..] else { return Err(bad()) };
    let count = count.parse::<usize>().ok().filter(|count| *count > 0).ok_or_else(bad)?;
    check_count(count)?;
    let start = TimeInterval::parse(start, Dialect::Edr).ok().and_then(|day| day.start).ok_or_else(bad)?;
    let step = duration_us(duration).ok_or_else(bad)?;
    let mut moments = Vec::with_capacity(count);
    for at in 0..count as i64 {
        let moment = step.checked_mul(at).and_then(|after| start.0.checked_add(after)).ok_or_else(bad)?;
        moments.push(TimeInterval { start: Some(Instant(moment)), end: Some(Instant(moment)) });
    }
    Ok(moments)
}

/// The length of an ISO 8601 duration without years and months, whose lengths differ; µs, more than 0.
fn duration_us(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('P')?;
    let (mut in_time, mut seconds) = (false, 0i64);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            in_time = true;
            rest = time;
            continue;
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = match (rest.as_bytes()[digits], in_time) {
            (b'W', false) => 7 * 86_400,
            (b'D', false) => 86_400,
            (b'H', true) => 3_600,
            (b'M', true) => 60,
            (b'S', true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    seconds.checked_mul(MICROS_PER_SECOND).filter(|us| *us > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(text: &str) -> Instant {
        Instant::parse(text).expect("a moment")
    }

    #[test]
    fn a_list_holds_its_members_and_its_hull_all_of_them() {
        let times = Times::parse("2024-01-03, 2024-01-01T06:00:00Z,2023-12/2023-12-15").expect("a list");
        for (text, held) in [
            ("2024-01-03T23:59:59Z", true),
            ("2024-01-01T06:00:00Z", true),
            ("2024-01-01T06:00:01Z", false),
            ("2023-12-10T00:00:00Z", true),
            ("2023-12-20T00:00:00Z", false),
        ] {
            assert_eq!(times.contains(moment(text)), held, "{text}");
        }
        assert_eq!(times.hull().start, Some(moment("2023-12-01T00:00:00Z")));
        assert!(times.hull().end > Some(moment("2024-01-03T23:59:59Z")) && !times.is_one_period());
        let open = Times::parse("../2020,2024-01-01/..").expect("open ends").hull();
        assert_eq!(open, TimeInterval { start: None, end: None });
    }

    #[test]
    fn a_repetition_is_its_moments() {
        let times = Times::parse("R3/2024-01-01T00:00:00Z/P1DT12H").expect("a repetition");
        for (text, held) in [
            ("2024-01-01T00:00:00Z", true),
            ("2024-01-02T12:00:00Z", true),
            ("2024-01-04T00:00:00Z", true),
            ("2024-01-05T12:00:00Z", false),
            ("2024-01-02T00:00:00Z", false),
        ] {
            assert_eq!(times.contains(moment(text)), held, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "yesterday",
            "null/null",
            "2024-01-01,",
            "R",
            "R0/2024/P1D",
            "R2/2024/P1M",
            "R2/2024",
            "R2/2024/PT",
            "2024-01-02/2024-01-01",
        ] {
            let problem = Times::parse(text).expect_err(text);
            assert_eq!((problem.kind, problem.parameter.as_deref()), (Kind::Invalid, Some("datetime")), "{text}");
            assert!(problem.allowed.is_some());
        }
        assert_eq!(Times::parse("../..").map(|t| t.hull()), Ok(TimeInterval { start: None, end: None }));
        for text in ["R999999999/2024/PT1S".to_owned(), "2024,".repeat(2_000)] {
            assert_eq!(Times::parse(&text).map_err(|p| p.kind), Err(Kind::TooLarge));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[RPTDHMWSZ0-9/,.:-]{0,40}") {
            let _ = Times::parse(&text);
        }
    }
}
