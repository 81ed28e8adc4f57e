//! How often callers may ask, and how much they may take.

use std::fmt;
use std::str::FromStr;

use super::network::Cidr;

/// Least and most requests a second of a [`Rate`].
const PER_SECOND: std::ops::RangeInclusive<f64> = 0.001..=1e6;
const SECONDS_PER_DAY: f64 = 86_400.0;
/// Most requests at once.
const BURST_MAX: u32 = 1_000_000;

/// So many requests at once and so many a second after that, written `RATE:BURST`; `0` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Rate {
    /// As often as they like.
    #[default]
    Unlimited,
    /// A bucket of tokens.
    Limited {
        /// Tokens that come back in a second.
        per_second: f64,
        /// Tokens that the bucket holds.
        burst: u32,
    },
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "0" {
            return Ok(Self::Unlimited);
        }
        let wrong = || format!("{text:?} is neither 0 nor RATE:BURST, such as 50:1000 (a second, at once)");
        let (rate, burst) = text.split_once(':').ok_or_else(wrong)?;
        let per_second: f64 = rate.trim().parse().map_err(|_| wrong())?;
        let burst: u32 = burst.trim().parse().map_err(|_| wrong())?;
        if !PER_SECOND.contains(&per_second) || !(1..=BURST_MAX).contains(&burst) {
            let (least, most) = (PER_SECOND.start(), PER_SECOND.end());
            return Err(format!("{text:?} is outside {least} to {most} a second and 1 to {BURST_MAX} at once"));
        }
        Ok(Self::Limited { per_second, burst })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("0"),
            Self::Limited { per_second, burst } => write!(f, "{per_second}:{burst}"),
        }
    }
}

/// The rates of one kind of request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Of one network address without credentials.
    pub address: Rate,
    /// Of one key, or of all browsers, or of all tokens of an account.
    pub user: Rate,
}

/// How often callers may ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateSettings {
    /// Pages of items, counts, suggestions.
    pub search: Rates,
    /// Map tiles.
    pub tiles: Rates,
    /// Observations.
    pub series: Rates,
    /// Files and whole results.
    pub download: Rates,
    /// Whatever changes something.
    pub write: Rates,
    /// Everything else.
    pub other: Rates,
    /// Whether operators and administrators are limited as users are.
    pub operators: bool,
    /// Network addresses that are not limited.
    pub exempt: Vec<Cidr>,
}

/// What an account may take, unless it was given more or less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaSettings {
    /// Bytes of files from midnight to midnight, UTC; 0 is no limit.
    pub download_bytes_per_day: u64,
    /// Orders under way at a time; 0 is no limit.
    pub running_orders: u32,
    /// Bytes of questions that one caller may have kept a day; 0 is no limit.
    pub kept_bytes_per_day: u32,
}

impl QuotaSettings {
    /// The rate of kept questions, in KiB.
    pub fn kept(&self) -> Rates {
        let burst = self.kept_bytes_per_day.div_ceil(1024);
        let rate = match burst {
            0 => Rate::Unlimited,
            burst => Rate::Limited { per_second: f64::from(burst) / SECONDS_PER_DAY, burst },
        };
        Rates { address: rate, user: rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_shown() {
        for text in ["0", "50:1000", "0.5:30", "1000000:1000000"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
        }
        for wrong in ["", "50", "50:", ":50", "0:10", "10:0", "-1:5", "NaN:5", "inf:5", "1:2:3", "1:-2", "1:1000001"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
