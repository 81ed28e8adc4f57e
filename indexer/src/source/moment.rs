//! Moments as sources write them: formats, offsets from UTC and abbreviations of time zones.

use nilometer_schemas::Instant;
use serde::Deserialize;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Furthest moments that are taken, the years 0 to 9999 (seconds since 1970).
const SECONDS_MIN: i64 = -62_167_219_200;
const SECONDS_MAX: i64 = 253_402_300_799;

/// Offsets in seconds of the zone abbreviations of the United States' services. Source: the table of time zone codes
/// of the National Water Information System (`tz_cd`).
const ZONES: [(&str, i64); 18] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("AKST", -9),
    ("AKDT", -8),
    ("HST", -10),
    ("AST", -4),
    ("ADT", -3),
    ("SST", -11),
    ("GST", 10),
];

/// Seconds to add to UTC in the zone of an abbreviation.
pub(crate) fn zone_offset_s(abbreviation: &str) -> Option<i64> {
    let known = ZONES.iter().find(|(name, _)| *name == abbreviation.trim());
    known.map(|(_, hours)| hours * 3600)
}

/// `UTC`, `Z`, `+hh:mm` or `+hhmm`: seconds to add to UTC.
pub(crate) fn parse_offset_s(text: &str) -> Option<i64> {
    if matches!(text, "UTC" | "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        5 if rest.as_bytes()[2] == b':' => (rest.get(..2)?, rest.get(3..)?),
        4 => (rest.get(..2)?, rest.get(2..)?),
        _ => return None,
    };
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A time as it was written: on the clock of its place, with the offset from UTC where that was written too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Microseconds since 1970-01-01 00:00 on that clock.
    pub(crate) clock_us: i64,
    /// Seconds to add to UTC.
    pub(crate) offset_s: Option<i64>,
}

impl Written {
    /// The moment, by its own offset or else by the one given.
    pub(crate) fn moment(self, offset_s: Option<i64>) -> Option<Instant> {
        let offset_s = self.offset_s.or(offset_s)?;
        Some(Instant(self.clock_us - offset_s * MICROS_PER_SECOND))
    }
}

/// How the times of a file are written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum TimeFormat {
    /// RFC 3339; a blank may stand for the `T`, and the offset may be absent where a time zone is declared.
    #[default]
    Rfc3339,
    /// Seconds since 1970, with or without a fraction.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Parts in a fixed order.
    Pattern(Vec<Part>),
}

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `%Y`: four digits.
    Year,
    /// `%m`: one or two digits, as all below.
    Month,
    /// `%d`
    Day,
    /// `%H`
    Hour,
    /// `%M`
    Minute,
    /// `%S`
    Second,
    /// `%f`: digits of a fraction of a second.
    Fraction,
    /// `%z`: an offset, see [`parse_offset_s`].
    Offset,
    /// Any other character, itself.
    Literal(char),
}

impl TryFrom<String> for TimeFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "rfc3339" => return Ok(Self::Rfc3339),
            "epoch_s" => return Ok(Self::EpochSeconds),
            "epoch_ms" => return Ok(Self::EpochMillis),
            _ => {}
        }
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' => match chars.next() {
                    Some('Y') => Part::Year,
                    Some('m') => Part::Month,
                    Some('d') => Part::Day,
                    Some('H') => Part::Hour,
                    Some('M') => Part::Minute,
                    Some('S') => Part::Second,
                    Some('f') => Part::Fraction,
                    Some('z') => Part::Offset,
                    Some('%') => Part::Literal('%'),
                    other => {
                        let other = other.map_or_else(String::new, String::from);
                        return Err(format!("%{other} is no part of a time: use %Y %m %d %H %M %S %f %z"));
                    }
                },
                c => Part::Literal(c),
            });
        }
        if !parts.contains(&Part::Year) {
            return Err(format!("{text:?} is no time format: use rfc3339, epoch_s, epoch_ms or a pattern with %Y"));
        }
        Ok(Self::Pattern(parts))
    }
}

impl TimeFormat {
    /// Whether its texts always tell their moment without a declared time zone; RFC 3339 may or may not.
    pub(crate) fn lacks_offset(&self) -> bool {
        matches!(self, Self::Pattern(parts) if !parts.contains(&Part::Offset))
    }

    /// Reads a time.
    pub(crate) fn read(&self, text: &str) -> Option<Written> {
        match self {
            Self::Rfc3339 => read_rfc3339(text),
            Self::EpochSeconds => epoch(text, MICROS_PER_SECOND),
            Self::EpochMillis => epoch(text, 1000),
            Self::Pattern(parts) => read_pattern(parts, text),
        }
    }
}

fn read_rfc3339(text: &str) -> Option<Written> {
    if text.len() < 19 || !text.is_ascii() {
        return None;
    }
    let mut full = text.to_owned();
    if full.as_bytes()[10] == b' ' {
        full.replace_range(10..11, "T");
    }
    if let Some(moment) = Instant::parse(&full) {
        return Some(Written { clock_us: moment.0, offset_s: Some(0) });
    }
    full.push('Z');
    Instant::parse(&full).map(|clock| Written { clock_us: clock.0, offset_s: None })
}

fn epoch(text: &str, unit_us: i64) -> Option<Written> {
    let us = match text.parse::<i64>() {
        Ok(count) => count.checked_mul(unit_us)?,
        Err(_) => {
            let us = text.parse::<f64>().ok()? * unit_us as f64;
            // Cast after the check of its range below would be too late for infinities.
            (us.abs() < 1e18).then_some(us.round() as i64)?
        }
    };
    let seconds = us.div_euclid(MICROS_PER_SECOND);
    (SECONDS_MIN..=SECONDS_MAX).contains(&seconds).then_some(Written { clock_us: us, offset_s: Some(0) })
}

fn read_pattern(parts: &[Part], text: &str) -> Option<Written> {
    let mut rest = text;
    let (mut year, mut month, mut day, mut hour, mut minute, mut second, mut micros) = (0, 1, 1, 0, 0, 0, 0);
    let mut offset_s = None;
    let number = |rest: &mut &str, least: usize, most: usize| {
        let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let value = (length >= least).then(|| rest[..length].parse::<i64>().ok()).flatten()?;
        *rest = &rest[length..];
        Some((value, length))
    };
    for part in parts {
        match part {
            Part::Year => year = number(&mut rest, 4, 4)?.0,
            Part::Month => month = number(&mut rest, 1, 2)?.0,
            Part::Day => day = number(&mut rest, 1, 2)?.0,
            Part::Hour => hour = number(&mut rest, 1, 2)?.0,
            Part::Minute => minute = number(&mut rest, 1, 2)?.0,
            Part::Second => second = number(&mut rest, 1, 2)?.0,
            Part::Fraction => {
                let (value, length) = number(&mut rest, 1, 9)?;
                micros = if length > 6 {
                    value / 10i64.pow(length as u32 - 6)
                } else {
                    value * 10i64.pow(6 - length as u32)
                };
            }
            Part::Offset => {
                let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | ':')));
                let (offset, after) = rest.split_at(length.unwrap_or(rest.len()));
                offset_s = Some(parse_offset_s(offset)?);
                rest = after;
            }
            Part::Literal(c) => rest = rest.strip_prefix(*c)?,
        }
    }
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let midnight = Instant::from_date(year, month, day)?;
    let clock_us = midnight.0 + (hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros;
    Some(Written { clock_us, offset_s })
}

/// A time without a zone as text: a date, or date and time where it is not midnight.
pub(crate) fn clock_text(clock_us: i64) -> String {
    let text = Instant(clock_us).to_string();
    let text = text.trim_end_matches('Z');
    if clock_us.rem_euclid(MICROS_PER_DAY) == 0 { text[..10].to_owned() } else { text.to_owned() }
}

/// Midnight UTC of `yyyy-mm-dd` at the begin of a text.
pub(crate) fn day(text: &str) -> Option<Instant> {
    let date = text.get(..10)?;
    read_rfc3339(&format!("{date}T00:00:00Z")).map(|written| Instant(written.clock_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_by_their_format_and_zone() {
        let check = |format: &str, zone: Option<i64>, text: &str, expected: Option<&str>| {
            let format = TimeFormat::try_from(format.to_owned()).unwrap();
            let moment = format.read(text).and_then(|written| written.moment(zone));
            assert_eq!(moment.map(|m| m.to_string()).as_deref(), expected, "{text}");
        };
        check("rfc3339", None, "2024-01-25 09:32:17.380000+00:00", Some("2024-01-25T09:32:17.380Z"));
        check("rfc3339", None, "2024-01-25T09:32:17-05:00", Some("2024-01-25T14:32:17Z"));
        check("rfc3339", None, "2024-01-25T09:32:17", None);
        check("rfc3339", Some(3600), "2024-01-25T09:32:17", Some("2024-01-25T08:32:17Z"));
        check("%Y-%m-%d", Some(0), "2024-02-29", Some("2024-02-29T00:00:00Z"));
        check("%Y-%m-%d", Some(0), "2023-02-29", None);
        check("%d/%m/%Y %H:%M", Some(3600), "01/03/2024 00:30", Some("2024-02-29T23:30:00Z"));
        check("%d/%m/%Y %H:%M", Some(0), "01/03/2024 00:30:00", None);
        check("%Y%m%d%H%M%S.%f%z", None, "20240301000000.25+0100", Some("2024-02-29T23:00:00.250Z"));
        check("%Y", Some(0), "1985", Some("1985-01-01T00:00:00Z"));
        check("epoch_s", None, "1.5", Some("1970-01-01T00:00:01.500Z"));
        check("epoch_ms", None, "1500", Some("1970-01-01T00:00:01.500Z"));
        check("epoch_s", None, "1e300", None);
        check("epoch_s", None, "NaN", None);
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for text in ["%q", "%", "iso", "%H:%M"] {
            assert!(TimeFormat::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(TimeFormat::try_from("%d.%m.%Y".to_owned()).unwrap().lacks_offset());
        assert!(!TimeFormat::try_from("%Y%z".to_owned()).unwrap().lacks_offset());
    }

    #[test]
    fn a_zone_without_a_known_offset_is_none() {
        assert_eq!(zone_offset_s("CDT"), Some(-18_000));
        assert_eq!(zone_offset_s("XYZ"), None);
        for text in ["+1", "01:00", "+25:00", "+0a:00", "+é1", "+€:00"] {
            assert_eq!(parse_offset_s(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_format_panic(pattern in "(%[YmdHMSfz]|.){0,8}%Y", text in ".{0,30}") {
            if let Ok(format) = TimeFormat::try_from(pattern) {
                let _ = format.read(&text);
            }
            let _ = (TimeFormat::Rfc3339.read(&text), TimeFormat::EpochSeconds.read(&text), parse_offset_s(&text), day(&text));
        }
    }
}
