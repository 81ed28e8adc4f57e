//! Moments and periods in UTC, and the two dialects in which callers write them.

use std::fmt;

use crate::{Kind, Problem};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A moment: microseconds since 1970-01-01T00:00:00Z, proleptic Gregorian, without leap seconds
/// (second 60 is read as the second after 59). Finer fractions are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

/// How strictly a caller's times are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// STAC and OGC API Features: full RFC 3339 moments only.
    Stac,
    /// OGC API EDR: dates, months and years stand for their whole span as well.
    Edr,
}

/// A closed period; an open end is `None`. Both open is legal only when no caller wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeInterval {
    /// First moment, included.
    pub start: Option<Instant>,
    /// Last moment, included.
    pub end: Option<Instant>,
}

/// Days since 1970-01-01 of a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Civil date (year, month, day) of days since 1970-01-01; inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn digits(bytes: &[u8], range: std::ops::Range<usize>) -> Option<i64> {
    let part = bytes.get(range)?;
    let mut value = 0;
    for b in part {
        if !b.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(b - b'0');
    }
    Some(value)
}

impl Instant {
    /// Begin of the period that stands for "undated": 1900-01-01T00:00:00Z.
    pub const UNDATED_START: Self = Self(-2_208_988_800 * MICROS_PER_SECOND);
    /// End of the period that stands for "undated": 2100-01-01T00:00:00Z.
    pub const UNDATED_END: Self = Self(4_102_444_800 * MICROS_PER_SECOND);

    /// Midnight UTC of a civil date, or `None` if there is no such day.
    pub fn from_date(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day)
        {
            return None;
        }
        Some(Self(days_from_civil(year, month, day) * SECONDS_PER_DAY * MICROS_PER_SECOND))
    }

    /// Reads a full RFC 3339 moment: 4-digit year, `T`/`t`, seconds, 0 to 9 fractional digits, `Z`/`z` or `±hh:mm`. Leap seconds
    /// are none: most clients cannot read them back.
    pub fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() < 20
            || b[4] != b'-'
            || b[7] != b'-'
            || !matches!(b[10], b'T' | b't')
            || b[13] != b':'
            || b[16] != b':'
        {
            return None;
        }
        let day = Self::from_date(digits(b, 0..4)?, digits(b, 5..7)?, digits(b, 8..10)?)?;
        let (hour, minute, second) = (digits(b, 11..13)?, digits(b, 14..16)?, digits(b, 17..19)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut at = 19;
        let mut micros = 0;
        if b[at] == b'.' {
            let begin = at + 1;
            at = begin;
            while at < b.len() && b[at].is_ascii_digit() {
                if at - begin < 6 {
                    micros = micros * 10 + i64::from(b[at] - b'0');
                }
                at += 1;
            }
            let count = at - begin;
            if count == 0 || count > 9 {
                return None;
            }
            for _ in count..6 {
                micros *= 10;
            }
        }
        let offset_minutes = match b.get(at)? {
            b'Z' | b'z' if at + 1 == b.len() => 0,
            sign @ (b'+' | b'-') if at + 6 == b.len() && b[at + 3] == b':' => {
                let (h, m) = (digits(b, at + 1..at + 3)?, digits(b, at + 4..at + 6)?);
                if h > 23 || m > 59 {
                    return None;
                }
                if *sign == b'-' { -(h * 60 + m) } else { h * 60 + m }
            }
            _ => return None,
        };
        let seconds = hour * 3600 + minute * 60 + second - offset_minutes * 60;
        Some(Self(day.0 + seconds * MICROS_PER_SECOND + micros))
    }

    /// First and last moment of a day, written as `1985-04-12`.
    pub fn parse_day(text: &str) -> Option<(Self, Self)> {
        if text.len() == 10 { parse_date_span(text) } else { None }
    }

    /// The moment that a text tells: a full one, or the first of a day.
    pub fn of_text(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| Self::parse_day(text).map(|(first, _)| first))
    }

    /// Year, month, day, hour of the moment in UTC.
    pub fn civil(self) -> (i64, i64, i64, i64) {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let (y, m, d) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        (y, m, d, seconds.rem_euclid(SECONDS_PER_DAY) / 3600)
    }
}

impl fmt::Display for TimeInterval {
    /// As STAC writes it: a moment, or begin and end with `..` for an open one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: Option<Instant>| end.map_or_else(|| "..".to_owned(), |t| t.to_string());
        match (self.start, self.end) {
            (Some(start), Some(last)) if start == last => start.fmt(f),
            (start, last) => write!(f, "{}/{}", end(start), end(last)),
        }
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC with `Z`; a fraction of 3 or 6 digits only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d, h) = self.civil();
        let seconds = self.0.div_euclid(MICROS_PER_SECOND).rem_euclid(3600);
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        write!(f, "{y:04}-{m:02}-{d:02}T{h:02}:{:02}:{:02}", seconds / 60, seconds % 60)?;
        match micros {
            0 => {}
            us if us % 1000 == 0 => write!(f, ".{:03}", us / 1000)?,
            us => write!(f, ".{us:06}")?,
        }
        f.write_str("Z")
    }
}

/// The span of a reduced-precision date: `1985`, `1985-04`, `1985-04-12`.
fn parse_date_span(text: &str) -> Option<(Instant, Instant)> {
    let b = text.as_bytes();
    let year = digits(b, 0..4)?;
    let (start, next) = match b.len() {
        4 => (Instant::from_date(year, 1, 1)?, days_from_civil(year + 1, 1, 1)),
        7 if b[4] == b'-' => {
            let month = digits(b, 5..7)?;
            let next = if month == 12 { days_from_civil(year + 1, 1, 1) } else { days_from_civil(year, month + 1, 1) };
            (Instant::from_date(year, month, 1)?, next)
        }
        10 if b[4] == b'-' && b[7] == b'-' => {
            let (month, day) = (digits(b, 5..7)?, digits(b, 8..10)?);
            let start = Instant::from_date(year, month, day)?;
            (start, days_from_civil(year, month, day) + 1)
        }
        _ => return None,
    };
    Some((start, Instant(next * SECONDS_PER_DAY * MICROS_PER_SECOND - 1)))
}

impl TimeInterval {
    /// Reads a caller's `datetime`: a moment, or two ends around `/`, where an empty end or `..` is open.
    ///
    /// # Errors
    /// `Invalid` for anything the dialect does not know, for two open ends, and for an end before its start.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, Problem> {
        let bad = |detail: String| {
            let allowed = match dialect {
                Dialect::Stac => "2023-07-21T00:00:00Z, START/END, START/.. or ../END, each end a full RFC 3339 moment",
                Dialect::Edr => "2023-07-21T00:00:00Z, 2023-07-21, 2023-07, 2023, START/END, START/.. or ../END",
            };
            Problem::new(Kind::Invalid, "datetime", detail).at("datetime").allowed(allowed)
        };
        let read = |part: &str| -> Result<(Instant, Instant), Problem> {
            if let Some(moment) = Instant::parse(part) {
                return Ok((moment, moment));
            }
            if dialect == Dialect::Edr
                && let Some(span) = parse_date_span(part)
            {
                return Ok(span);
            }
            Err(bad(format!("{part:?} is not a moment")))
        };
        let mut ends = text.split('/');
        let (Some(first), second, None) = (ends.next(), ends.next(), ends.next()) else {
            return Err(bad(format!("{text:?} has more than one '/'")));
        };
        let Some(second) = second else {
            let (start, end) = read(first)?;
            return Ok(Self { start: Some(start), end: Some(end) });
        };
        let open = |part: &str| part.is_empty() || part == "..";
        if open(first) && open(second) {
            return Err(bad("both ends are open".into()));
        }
        let start = if open(first) { None } else { Some(read(first)?.0) };
        let end = if open(second) { None } else { Some(read(second)?.1) };
        if let (Some(a), Some(b)) = (start, end)
            && b < a
        {
            return Err(bad(format!("the end {b} is before the start {a}")));
        }
        Ok(Self { start, end })
    }

    /// Whether a closed period overlaps this one.
    pub fn overlaps(self, start: Instant, end: Instant) -> bool {
        self.start.is_none_or(|a| end >= a) && self.end.is_none_or(|b| start <= b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_stac_dialect_takes_what_validators_send_and_refuses_what_they_expect_refused() {
        let good = [
            "1985-04-12T23:20:50.52Z",
            "1996-12-19T16:39:57-00:00",
            "1996-12-19T16:39:57+08:00",
            "../1985-04-12T23:20:50.52Z",
            "1985-04-12T23:20:50.52Z/..",
            "/1985-04-12T23:20:50Z",
            "1985-04-12T23:20:50Z/",
            "1985-04-12t23:20:50z",
            "1985-04-12T23:20:50.123456789Z",
            "1985-04-12T23:20:50.52+01:00/1986-04-12T23:20:50.52+01:00",
            "1937-01-01T12:00:27.87+01:00",
        ];
        for text in good {
            assert!(TimeInterval::parse(text, Dialect::Stac).is_ok(), "{text}");
        }
        let bad = [
            "/",
            "../..",
            "/..",
            "../",
            "",
            "1984-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z/..",
            "1985-04-12",
            "1985-04-12T23:20:50.52",
            "1985-04-12T23:20:50+0100",
            "85-04-12T23:20:50Z",
            "1985-13-12T23:20:50Z",
            "1985-12-32T23:20:50Z",
            "1985-12-01T25:20:50Z",
            "1985-12-01T00:60:50Z",
            "1985-12-01T00:06:61Z",
            "1990-12-31T23:59:50.Z",
            "1990-12-31T23:59:50,5Z",
            "37-01-01T12:00:27.87Z",
            "1986-04-12T23:20:50Z/1985-04-12T23:20:50Z",
            "1985-02-29T00:00:00Z",
            "1985-04-12T23:20:50.1234567890Z",
        ];
        for text in bad {
            assert!(TimeInterval::parse(text, Dialect::Stac).is_err(), "{text}");
        }
    }

    #[test]
    fn the_edr_dialect_reads_a_date_as_its_whole_day() {
        let day = TimeInterval::parse("2024-02-29", Dialect::Edr).expect("a date");
        assert_eq!(day.start.map(|t| t.to_string()).as_deref(), Some("2024-02-29T00:00:00Z"));
        assert_eq!(day.end.map(|t| t.to_string()).as_deref(), Some("2024-02-29T23:59:59.999999Z"));
        let months = TimeInterval::parse("2023-12/2024", Dialect::Edr).expect("months");
        assert_eq!(months.start.map(|t| t.to_string()).as_deref(), Some("2023-12-01T00:00:00Z"));
        assert_eq!(months.end.map(|t| t.to_string()).as_deref(), Some("2024-12-31T23:59:59.999999Z"));
        assert!(TimeInterval::parse("2023-02-30", Dialect::Edr).is_err());
    }

    #[test]
    fn the_undated_period_is_the_documented_one() {
        assert_eq!(Instant::UNDATED_START.to_string(), "1900-01-01T00:00:00Z");
        assert_eq!(Instant::UNDATED_END.to_string(), "2100-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn every_moment_is_read_back_as_written(us in -62_167_219_200_000_000i64..253_402_300_799_999_999) {
            let moment = Instant(us);
            prop_assert_eq!(Instant::parse(&moment.to_string()), Some(moment));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = TimeInterval::parse(&text, Dialect::Edr);
        }
    }
}
