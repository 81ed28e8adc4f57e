//! Starts of the cycles: those flown as published, those to come by the mean repeat.

use std::sync::LazyLock;

use nilometer_schemas::Instant;

use super::{PASSES, Pass, Revolution};

/// Starts of the cycles flown (`cycles.csv`, made by `examples/build_orbit.rs`).
pub(super) const TABLE: &str = include_str!("cycles.csv");
/// Cycles whose start is published.
pub const CYCLES_FLOWN: u32 = 52;
/// All cycles: those flown and 18 more, about one year.
pub const CYCLES: u32 = CYCLES_FLOWN + 18;
/// How far the begin of a pass of a flown cycle may be off, seconds. The middles of the 27 products known by name that
/// cover a whole pass lie at most 2.6 s from the middles of their passes.
const FLOWN_ERROR_S: f64 = 3.0;
/// Cycles that must lie before one from which the prediction is tried out.
const HISTORY_MIN: usize = 10;

static STARTS: LazyLock<Vec<Instant>> =
    LazyLock::new(|| parse(TABLE).expect("the table is part of the program and tested"));

fn parse(text: &str) -> Option<Vec<Instant>> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| Instant::parse(line.split_once(',')?.1)).collect()
}

/// One repetition of the orbit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cycle {
    /// From 1 on.
    pub number: u32,
    /// Start of pass 1.
    pub start: Instant,
    /// Whether the start is computed from earlier ones.
    pub extrapolated: bool,
    /// How far the times of its passes may be off, whole seconds; see [`Cycle::of`].
    pub time_error_s: f64,
    /// Its length by the length of the reference orbit: the flown cycles last some 8 seconds longer.
    stretch: f64,
}

impl Cycle {
    /// A cycle by its number, from 1 to [`CYCLES`].
    ///
    /// Cycles after the last one flown follow at the mean length of all flown. Their time error is that of flown ones
    /// plus the largest miss that the same prediction, made up to so many cycles ahead, would have had from any cycle
    /// flown after the tenth. It holds as long as the orbit is kept as it was until then.
    pub fn of(number: u32) -> Option<Self> {
        if !(1..=CYCLES).contains(&number) {
            return None;
        }
        let index = number as usize - 1;
        let ahead = index.saturating_sub(STARTS.len() - 1);
        let start = start(&STARTS, index);
        let length_us = start_us(&STARTS, index + 1) - start.0 as f64;
        Some(Self {
            number,
            start,
            extrapolated: ahead > 0,
            time_error_s: (FLOWN_ERROR_S + (1..=ahead).map(|n| largest_miss_s(&STARTS, n)).fold(0.0, f64::max)).ceil(),
            stretch: length_us / 1e6 / Revolution::science().cycle_s(),
        })
    }

    /// All cycles, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=CYCLES).filter_map(Self::of)
    }

    /// The moment `t_s` seconds of the reference orbit after the start, rounded to milliseconds.
    pub fn at(&self, t_s: f64) -> Instant {
        Instant(self.start.0 + (t_s * self.stretch * 1e3).round() as i64 * 1000)
    }

    /// Begin and end of a pass.
    pub fn period(&self, pass: Pass) -> (Instant, Instant) {
        let pass_s = Revolution::science().pass_s();
        let begin = f64::from(pass.number() - 1) * pass_s;
        debug_assert!(pass.number() <= PASSES);
        (self.at(begin), self.at(begin + pass_s))
    }
}

/// Start of the cycle with this index, extrapolated where it is not among the starts.
fn start_us(starts: &[Instant], index: usize) -> f64 {
    let last = starts.len() - 1;
    if index <= last {
        return starts[index].0 as f64;
    }
    let mean = (starts[last].0 - starts[0].0) as f64 / last as f64;
    starts[last].0 as f64 + mean * (index - last) as f64
}

fn start(starts: &[Instant], index: usize) -> Instant {
    Instant((start_us(starts, index) / 1e3).round() as i64 * 1000)
}

/// The largest miss of predictions made `ahead` cycles ahead from the history of each time, seconds.
fn largest_miss_s(starts: &[Instant], ahead: usize) -> f64 {
    (HISTORY_MIN..starts.len().saturating_sub(ahead))
        .map(|last| (start_us(&starts[..=last], last + ahead) - starts[last + ahead].0 as f64).abs() / 1e6)
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flown_cycles_start_as_published_and_the_next_ones_follow_at_the_mean_repeat() {
        let text = |number| Cycle::of(number).map(|c| (c.start.to_string(), c.extrapolated));
        assert_eq!(text(1), Some(("2023-07-21T05:33:45.768Z".into(), false)));
        assert_eq!(text(52), Some(("2026-06-19T07:52:50.179Z".into(), false)));
        assert_eq!(text(53), Some(("2026-07-10T04:37:54.971Z".into(), true)));
        assert_eq!((text(0), text(71)), (None, None));
        assert_eq!(Cycle::all().count(), 70);
    }

    #[test]
    fn the_time_error_never_shrinks_and_stays_below_a_quarter_of_a_minute() {
        let errors: Vec<f64> = Cycle::all().map(|c| c.time_error_s).collect();
        assert!(errors[..52].iter().all(|e| *e == FLOWN_ERROR_S));
        assert!(errors[52..].iter().all(|e| (6.0..15.0).contains(e)), "{errors:?}");
        assert!(errors.is_sorted());
    }

    #[test]
    fn passes_follow_each_other_without_gap_and_fill_the_cycle() {
        let pass = |number| Pass::new(number).unwrap();
        for number in [1, 7, 51, 52, 60, 69] {
            let (cycle, next) = (Cycle::of(number).unwrap(), Cycle::of(number + 1).unwrap());
            assert_eq!(cycle.period(pass(1)).0, cycle.start);
            assert!((cycle.period(pass(PASSES)).1.0 - next.start.0).abs() <= 1000);
            for number in 1..PASSES {
                assert_eq!(cycle.period(pass(number)).1, cycle.period(pass(number + 1)).0);
            }
        }
    }
}
