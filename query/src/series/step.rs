//! Calendar steps and the statistics of what falls into one.

use nilometer_schemas::{Instant, Problem};

/// Unit of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepUnit {
    /// Hours from the hour 0 of the day.
    Hour,
    /// Days.
    Day,
    /// Weeks, from Monday.
    Week,
    /// Months from January.
    Month,
    /// Years.
    Year,
}

/// A calendar step in UTC: some hours that divide a day, a day, a week, some months that divide a year, some years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    count: u32,
    unit: StepUnit,
}

/// What [`Step::parse`] understands.
const ALLOWED: &str = "PT1H, PT2H, PT3H, PT4H, PT6H, PT8H, PT12H, P1D, P1W, P1M, P2M, P3M, P4M, P6M, P1Y, P5Y, P10Y";

impl Step {
    /// Reads an ISO 8601 duration that is a step of the calendar.
    ///
    /// # Errors
    /// `Invalid` with what is allowed.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let step = |count, unit| Ok(Self { count, unit });
        if ALLOWED.split(", ").any(|allowed| allowed == text) {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let count = digits.parse().unwrap_or(1);
            return match (text.starts_with("PT"), text.as_bytes()[text.len() - 1]) {
                (true, _) => step(count, StepUnit::Hour),
                (false, b'D') => step(count, StepUnit::Day),
                (false, b'W') => step(count, StepUnit::Week),
                (false, b'M') => step(count, StepUnit::Month),
                (false, _) => step(count, StepUnit::Year),
            };
        }
        Err(Problem::invalid("step", format!("{text:?} is not a step of the calendar")).allowed(ALLOWED))
    }

    /// Number of units.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Unit.
    pub fn unit(self) -> StepUnit {
        self.unit
    }
}

const DAY_US: i64 = 86_400_000_000;

/// Finds the steps of many moments; neighbouring ones mostly fall into the same step.
pub(super) struct StepCursor {
    step: Step,
    /// Begin of the last step found, and of the one after it.
    last: (i64, i64),
}

impl StepCursor {
    pub(super) fn new(step: Step) -> Self {
        Self { step, last: (0, 0) }
    }

    /// The begin of the step that holds a moment.
    pub(super) fn begin(&mut self, time: Instant) -> Instant {
        if time.0 < self.last.0 || time.0 >= self.last.1 {
            self.last = self.step.around(time.0);
        }
        Instant(self.last.0)
    }
}

impl Step {
    /// Begin of the step that holds a moment, and of the next one, µs.
    fn around(self, time: i64) -> (i64, i64) {
        let fixed = |width: i64, offset: i64| {
            let begin = (time - offset).div_euclid(width) * width + offset;
            (begin, begin + width)
        };
        match self.unit {
            StepUnit::Hour => fixed(i64::from(self.count) * 3_600_000_000, 0),
            StepUnit::Day => fixed(DAY_US, 0),
            // 1970-01-05 was a Monday.
            StepUnit::Week => fixed(7 * DAY_US, 4 * DAY_US),
            StepUnit::Month => self.months(time, i64::from(self.count)),
            StepUnit::Year => self.months(time, 12 * i64::from(self.count)),
        }
    }

    /// Steps of some months, counted from January of the year 0.
    fn months(self, time: i64, months: i64) -> (i64, i64) {
        let (year, month, ..) = Instant(time).civil();
        let month = year * 12 + month - 1;
        let first = month.div_euclid(months) * months;
        let begin = |month: i64| Instant::from_date(month.div_euclid(12), month.rem_euclid(12) + 1, 1);
        // Beyond the year 9999 there are no moments.
        (begin(first).map_or(i64::MIN, |t| t.0), begin(first + months).map_or(i64::MAX, |t| t.0))
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.count;
        match self.unit {
            StepUnit::Hour => write!(f, "PT{count}H"),
            StepUnit::Day => write!(f, "P{count}D"),
            StepUnit::Week => write!(f, "P{count}W"),
            StepUnit::Month => write!(f, "P{count}M"),
            StepUnit::Year => write!(f, "P{count}Y"),
        }
    }
}

/// A statistic of the values of a step; missing values are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Arithmetic mean.
    Mean,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Median; the mean of the two in the middle of an even number.
    Median,
    /// Sum.
    Sum,
    /// Number of values.
    Count,
    /// Earliest value.
    First,
    /// Latest value.
    Last,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Mean, Self::Min, Self::Max, Self::Median, Self::Sum, Self::Count, Self::First, Self::Last];

    /// The name in requests and columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Median => "median",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// `Invalid` with what is allowed.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|m| m.as_str()).collect();
            Problem::invalid("method", format!("{text:?} is not a statistic")).allowed(all.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_written_alike_and_others_refused() {
        for text in ALLOWED.split(", ") {
            assert_eq!(Step::parse(text).expect(text).to_string(), text);
        }
        for text in ["", "P", "P5D", "PT5H", "P1D ", "1D", "P-1D", "P1DT1H", "p1d"] {
            assert!(Step::parse(text).is_err(), "{text}");
        }
    }
}
