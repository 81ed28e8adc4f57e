//! Sums without rounding errors, so that an answer depends neither on the order of the numbers nor on how segments hold them.

/// The exact sum of what was added, as numbers that do not overlap, smallest first (J. R. Shewchuk, "Adaptive precision
/// floating-point arithmetic", 1997).
#[derive(Debug, Default)]
pub(super) struct ExactSum {
    partials: Vec<f64>,
}

impl ExactSum {
    /// Adds a number.
    pub(super) fn add(&mut self, mut number: f64) {
        let mut kept = 0;
        for at in 0..self.partials.len() {
            let other = self.partials[at];
            let (large, small) = if number.abs() < other.abs() { (other, number) } else { (number, other) };
            let sum = large + small;
            let error = small - (sum - large);
            if error != 0.0 {
                self.partials[kept] = error;
                kept += 1;
            }
            number = sum;
        }
        self.partials.truncate(kept);
        self.partials.push(number);
    }

    /// Adds a number so many times.
    pub(super) fn add_times(&mut self, number: f64, times: u64) {
        let times = times as f64;
        let product = number * times;
        self.add(product);
        // What the product rounded away.
        self.add(number.mul_add(times, -product));
    }

    /// The sum, rounded once; `None` beyond the range of numbers.
    pub(super) fn value(&self) -> Option<f64> {
        let mut rest = self.partials.iter().rev().copied();
        let mut sum = rest.next().unwrap_or(0.0);
        let mut error = 0.0;
        for number in rest.by_ref() {
            let before = sum;
            sum += number;
            error = number - (sum - before);
            if error != 0.0 {
                break;
            }
        }
        // Half way between two numbers, what lies below decides.
        if let Some(next) = rest.next()
            && (error < 0.0) == (next < 0.0)
            && error != 0.0
        {
            let twice = error * 2.0;
            let rounded = sum + twice;
            if rounded - sum == twice {
                sum = rounded;
            }
        }
        sum.is_finite().then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(numbers: &[f64]) -> Option<f64> {
        let mut sum = ExactSum::default();
        numbers.iter().for_each(|n| sum.add(*n));
        sum.value()
    }

    #[test]
    fn small_numbers_survive_beside_large_ones() {
        assert_eq!(sum(&[]), Some(0.0));
        assert_eq!(sum(&[0.1; 10]), Some(1.0));
        assert_eq!(sum(&[1e100, 1.0, -1e100]), Some(1.0));
        assert_eq!(sum(&[1e16, 1.0, 1e-16]), Some(10_000_000_000_000_002.0));
        assert_eq!(sum(&[f64::MAX, f64::MAX]), None);
    }

    proptest! {
        #[test]
        fn the_order_and_the_grouping_of_numbers_do_not_matter(numbers in prop::collection::vec(-1e12..1e12f64, 0..40), times in 1u64..1_000_000_007) {
            let mut reversed = numbers.clone();
            reversed.reverse();
            prop_assert_eq!(sum(&numbers), sum(&reversed));
            let (mut once, mut twice) = (ExactSum::default(), ExactSum::default());
            for number in &numbers {
                once.add_times(*number, times);
                twice.add_times(*number, times / 2);
                twice.add_times(*number, times - times / 2);
            }
            prop_assert_eq!(once.value(), twice.value());
        }

        #[test]
        fn sums_of_whole_numbers_are_exact(numbers in prop::collection::vec((-1i64 << 40)..(1i64 << 40), 0..40)) {
            let floats: Vec<f64> = numbers.iter().map(|n| *n as f64).collect();
            prop_assert_eq!(sum(&floats), Some(numbers.iter().sum::<i64>() as f64));
        }
    }
}
