//! Equal steps of numbers whose edges are the numbers that people write: three steps of 0.1 end at 0.3, not at
//! 0.30000000000000004.

/// Steps between zero and a number up to which all edges differ.
const STEPS_MAX: f64 = (1u64 << 50) as f64;
/// Up to it every whole number is one of 64 bits.
const EXACT_MAX: u128 = 1 << 53;
/// Power of ten up to which each is one of 64 bits.
const EXACT_POWER_MAX: i32 = 22;
/// First digits of round widths.
const ROUND: [i64; 3] = [1, 2, 5];
/// Powers of ten of round widths.
const EXPONENTS: std::ops::RangeInclusive<i32> = -15..=308;

/// A width, as `digits` × 10^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    digits: i64,
    exponent: i32,
}

impl Step {
    /// The step of a positive finite width, exactly as it is written with the fewest digits.
    pub(crate) fn of(width: f64) -> Option<Self> {
        let written = format!("{width:e}");
        let (mantissa, exponent) = written.split_once('e')?;
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
        let digits = mantissa.replace('.', "").parse().ok().filter(|digits| *digits > 0)?;
        Some(Self { digits, exponent: exponent.parse::<i32>().ok()? - fraction })
    }

    /// The narrowest round width with at most so many steps from `min` to `max`, and no part of one where numbers are whole.
    pub(crate) fn round(min: f64, max: f64, most: usize, whole: bool) -> Self {
        let narrowest = ((max - min) / most as f64).log10().floor();
        // Of a single number there is no width to divide.
        let narrowest = if narrowest.is_finite() { narrowest as i32 } else { 0 };
        let least = if whole { 0 } else { *EXPONENTS.start() };
        for exponent in narrowest.clamp(least, *EXPONENTS.end())..=*EXPONENTS.end() {
            for digits in ROUND {
                let step = Self { digits, exponent };
                let ends = step.index(min).zip(step.index(max));
                if ends.is_some_and(|(first, last)| ((last - first) as u64) < most as u64) {
                    return step;
                }
            }
        }
        Self { digits: 5, exponent: *EXPONENTS.end() }
    }

    /// The width.
    pub(crate) fn width(self) -> f64 {
        self.edge(1)
    }

    /// Where the step of an index begins.
    pub(crate) fn edge(self, index: i64) -> f64 {
        let whole = i128::from(index) * i128::from(self.digits);
        if whole.unsigned_abs() > EXACT_MAX || self.exponent.abs() > EXACT_POWER_MAX {
            // The reader of numbers rounds once, whatever the size; a number is always read.
            return format!("{whole}e{}", self.exponent).parse().unwrap_or(f64::NAN);
        }
        // Both sides are exact, so a product or quotient rounds once.
        let (whole, power) = (whole as f64, 10f64.powi(self.exponent.abs()));
        if self.exponent < 0 { whole / power } else { whole * power }
    }

    /// The step in which a number lies: the last whose edge is not above it. `None` if it is too many steps from zero.
    pub(crate) fn index(self, number: f64) -> Option<i64> {
        let near = (number / self.width()).floor();
        if near.is_nan() || near.abs() >= STEPS_MAX {
            return None;
        }
        let mut index = near as i64;
        while self.edge(index) > number {
            index -= 1;
        }
        while self.edge(index + 1) <= number {
            index += 1;
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges_are_written_as_people_write_them() {
        let step = Step::of(0.1).expect("a step");
        assert_eq!((step.edge(3), step.index(0.3), step.index(0.299_999)), (0.3, Some(3), Some(2)));
        assert_eq!((step.edge(-7), step.index(-0.7), step.index(-0.700_001)), (-0.7, Some(-7), Some(-8)));
        assert_eq!(Step::of(250.0), Some(Step { digits: 25, exponent: 1 }));
        assert_eq!(Step::of(2.5e-7), Some(Step { digits: 25, exponent: -8 }));
        assert_eq!(Step::of(1.0).and_then(|step| step.index(1e300)), None);
    }

    #[test]
    fn round_steps_fit_the_numbers() {
        let check = |min: f64, max: f64, most, whole, width: f64| {
            assert_eq!(Step::round(min, max, most, whole).width(), width, "{min} to {max}");
        };
        check(0.0, 100.0, 20, false, 10.0);
        check(0.0, 99.9, 20, false, 5.0);
        check(1.0, 3.0, 20, true, 1.0);
        check(1.0, 3.0, 20, false, 0.2);
        check(-0.4, 0.4, 2, false, 0.5);
        check(7.0, 7.0, 20, false, 1.0);
        check(0.0, 1.7e308, 20, false, 1e307);
    }

    proptest! {
        #[test]
        fn a_number_lies_between_the_edges_of_its_step(number in -1e9..1e9f64, width in prop_oneof![1e-4..1e4f64, prop::sample::select(vec![0.1, 0.2, 0.5, 0.25, 1.0, 7.0])]) {
            let step = Step::of(width).expect("a step");
            prop_assert_eq!(step.width(), width);
            let index = step.index(number).expect("near zero");
            prop_assert!(step.edge(index) <= number && number < step.edge(index + 1));
        }

        #[test]
        fn round_steps_are_at_most_so_many(a in -1e6..1e6f64, b in -1e6..1e6f64, most in 2usize..50) {
            let (min, max) = (a.min(b), a.max(b));
            let step = Step::round(min, max, most, false);
            let count = step.index(max).expect("near zero") - step.index(min).expect("near zero") + 1;
            prop_assert!(count as usize <= most);
        }
    }
}
