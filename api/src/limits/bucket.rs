//! Token buckets, as the generic cell rate algorithm keeps them: of each bucket only the moment when it will be full
//! again (ITU-T I.371, "virtual scheduling"). A bucket that is full is not kept at all.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

/// Buckets kept at once. When more are not full, the fullest half is forgotten, which gives them the little they lack.
pub(super) const BUCKETS_MAX: usize = 100_000;
/// Buckets from which on full ones are looked for.
const SWEEP_LEAST: usize = 1_024;

/// How a bucket fills: one token every `interval_ns`, up to `burst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Nanoseconds until a token is back.
    pub(super) interval_ns: u64,
    /// Tokens of a full bucket; at least one.
    pub(super) burst: u64,
}

impl Terms {
    /// Of a rate a second.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive and within bounds")]
    pub(super) fn new(per_second: f64, burst: u32) -> Self {
        Self { interval_ns: ((1e9 / per_second).round() as u64).max(1), burst: u64::from(burst.max(1)) }
    }

    /// Nanoseconds in which an empty bucket fills.
    pub(super) fn whole_ns(self) -> u64 {
        self.interval_ns.saturating_mul(self.burst)
    }
}

/// What is in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Whole tokens left.
    pub(super) remaining: u64,
    /// Nanoseconds until it is full.
    pub(super) full_in_ns: u64,
    /// Nanoseconds until there are as many tokens as were wanted; none where they were taken.
    pub(super) next_in_ns: u64,
}

/// The buckets.
pub(super) struct Buckets<K>(Mutex<State<K>>);

struct State<K> {
    /// When each will be full, nanoseconds of the clock that callers read.
    full_at: HashMap<K, u64>,
    sweep_at: usize,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(Mutex::new(State { full_at: HashMap::new(), sweep_at: SWEEP_LEAST }))
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// Takes so many tokens of each of these different buckets, or none of any; what is in each then. More than a bucket
    /// holds count as all of them. `now_ns` is of a clock that never goes back.
    ///
    /// # Errors
    /// The number of the first bucket with too few tokens, and what is in it.
    pub(super) fn take(&self, wanted: &[(K, Terms)], tokens: u64, now_ns: u64) -> Result<Vec<Level>, (usize, Level)> {
        let mut state = self.0.lock();
        let mut levels = Vec::with_capacity(wanted.len());
        let mut after = Vec::with_capacity(wanted.len());
        for (number, (key, terms)) in wanted.iter().enumerate() {
            let full_at = state.full_at.get(key).copied().unwrap_or(now_ns).max(now_ns);
            let then = full_at.saturating_add(terms.interval_ns.saturating_mul(tokens.min(terms.burst)));
            let too_far = (then - now_ns).saturating_sub(terms.whole_ns());
            if too_far > 0 {
                let full_in_ns = full_at - now_ns;
                let remaining = terms.whole_ns().saturating_sub(full_in_ns) / terms.interval_ns;
                return Err((number, Level { remaining, full_in_ns, next_in_ns: too_far }));
            }
            let remaining = (terms.whole_ns() - (then - now_ns)) / terms.interval_ns;
            levels.push(Level { remaining, full_in_ns: then - now_ns, next_in_ns: 0 });
            after.push(then);
        }
        for ((key, _), then) in wanted.iter().zip(after) {
            state.full_at.insert(key.clone(), then);
        }
        if state.full_at.len() >= state.sweep_at {
            state.sweep(now_ns);
        }
        Ok(levels)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().full_at.len()
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    /// Forgets full buckets, and where that is not enough the fullest half of the others. What is left may double before
    /// the next time, so that the work is in proportion to what was taken.
    fn sweep(&mut self, now_ns: u64) {
        self.full_at.retain(|_, full_at| *full_at > now_ns);
        // Already somewhat before the end, so that a sweep always makes room for many.
        if self.full_at.len() >= BUCKETS_MAX / 4 * 3 {
            let mut moments: Vec<u64> = self.full_at.values().copied().collect();
            let (_, middle, _) = moments.select_nth_unstable(self.full_at.len() / 2);
            let middle = *middle;
            self.full_at.retain(|_, full_at| *full_at > middle);
        }
        self.full_at.shrink_to(BUCKETS_MAX);
        self.sweep_at = (self.full_at.len() * 2).clamp(SWEEP_LEAST, BUCKETS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    /// A bucket as anybody would write it: tokens that grow with time, counted in the time they take to come.
    struct Plain {
        terms: Terms,
        tokens_ns: u64,
        seen_ns: u64,
    }

    impl Plain {
        fn take(&mut self, now_ns: u64) -> Option<u64> {
            self.tokens_ns = (self.tokens_ns + (now_ns - self.seen_ns)).min(self.terms.whole_ns());
            self.seen_ns = now_ns;
            let left = self.tokens_ns.checked_sub(self.terms.interval_ns)?;
            self.tokens_ns = left;
            Some(left / self.terms.interval_ns)
        }
    }

    proptest! {
        #[test]
        fn buckets_behave_as_plain_ones_do(
            per_second in 0.01_f64..1_000.0,
            burst in 1_u32..20,
            steps in proptest::collection::vec((0_u8..3, 0_u64..2_000_000_000), 1..200),
        ) {
            let terms = Terms::new(per_second, burst);
            let buckets = Buckets::default();
            let plain = || Plain { terms, tokens_ns: terms.whole_ns(), seen_ns: 0 };
            let mut twins = [plain(), plain(), plain()];
            let mut now_ns = 0;
            for (key, pause_ns) in steps {
                now_ns += pause_ns;
                let got = buckets.take(&[(key, terms)], 1, now_ns);
                let expected = twins[usize::from(key)].take(now_ns);
                prop_assert_eq!(got.as_ref().ok().map(|levels| levels[0].remaining), expected);
                if let Err((_, level)) = got {
                    // It is as it says: a moment before there is none, then there is one.
                    prop_assert!(level.next_in_ns > 0 && level.next_in_ns <= terms.interval_ns);
                    let early = now_ns + level.next_in_ns - 1;
                    prop_assert!(buckets.take(&[(key, terms)], 1, early).is_err());
                    now_ns += level.next_in_ns;
                    prop_assert!(buckets.take(&[(key, terms)], 1, now_ns).is_ok());
                    prop_assert!(twins[usize::from(key)].take(now_ns).is_some());
                }
            }
        }
    }

    #[test]
    fn of_two_buckets_both_give_or_neither() {
        let buckets = Buckets::default();
        let (wide, narrow) = (Terms::new(1.0, 10), Terms::new(1.0, 2));
        for _ in 0..2 {
            assert!(buckets.take(&[("wide", wide), ("narrow", narrow)], 1, 0).is_ok());
        }
        let (number, level) = buckets.take(&[("wide", wide), ("narrow", narrow)], 1, 0).expect_err("one is empty");
        assert_eq!((number, level.remaining, level.full_in_ns, level.next_in_ns), (1, 0, 2 * SECOND, SECOND));
        assert_eq!(buckets.take(&[("wide", wide)], 1, 0).expect("eight are left")[0].remaining, 7);
    }

    #[test]
    fn many_tokens_at_once_are_as_many_one_by_one() {
        let (buckets, terms) = (Buckets::default(), Terms::new(1.0, 10));
        assert_eq!(buckets.take(&[("a", terms)], 7, 0).expect("ten are there")[0].remaining, 3);
        let (_, level) = buckets.take(&[("a", terms)], 5, 0).expect_err("three are left");
        assert_eq!((level.remaining, level.full_in_ns, level.next_in_ns), (3, 7 * SECOND, 2 * SECOND));
        assert!(buckets.take(&[("a", terms)], 5, 2 * SECOND).is_ok());
        assert_eq!(buckets.take(&[("b", terms)], 1_000, 0).expect("all")[0].remaining, 0);
        assert!(buckets.take(&[("b", terms)], 0, 0).is_ok(), "nothing is always there");
    }

    #[test]
    fn a_flood_of_names_takes_bounded_memory_and_empty_buckets_stay_empty() {
        let buckets = Buckets::default();
        let terms = Terms::new(0.001, 3);
        for _ in 0..3 {
            assert!(buckets.take(&[(u64::MAX, terms)], 1, 0).is_ok());
        }
        for name in 0..3 * BUCKETS_MAX as u64 {
            assert!(buckets.take(&[(name, terms)], 1, 0).is_ok());
            assert!(buckets.len() <= BUCKETS_MAX);
        }
        assert!(buckets.take(&[(u64::MAX, terms)], 1, 0).is_err(), "the empty one was kept");
    }

    #[test]
    fn full_buckets_are_not_kept() {
        let buckets = Buckets::default();
        let terms = Terms::new(1.0, 3);
        for name in 0..20 * SWEEP_LEAST as u64 {
            assert!(buckets.take(&[(name, terms)], 1, name * 10 * SECOND).is_ok());
            assert!(buckets.len() <= SWEEP_LEAST);
        }
    }
}
