//! A fixed-size set of small numbers: documents or geometries of one segment.

/// A set over `0..len`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    /// The empty set.
    pub fn none(len: u32) -> Self {
        Self { words: vec![0; len.div_ceil(64) as usize], len }
    }

    /// The full set.
    pub fn all(len: u32) -> Self {
        let mut bits = Self { words: vec![!0; len.div_ceil(64) as usize], len };
        bits.trim();
        bits
    }

    /// Makes a set by asking `f` for each number; `f` is called in order, so that it can be a scan over arrays.
    pub fn from_fn(len: u32, mut f: impl FnMut(u32) -> bool) -> Self {
        let mut bits = Self::none(len);
        for (i, word) in bits.words.iter_mut().enumerate() {
            let base = (i * 64) as u32;
            let mut value = 0;
            for bit in 0..64.min(len - base) {
                value |= u64::from(f(base + bit)) << bit;
            }
            *word = value;
        }
        bits
    }

    fn trim(&mut self) {
        if !self.len.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.len % 64)) - 1;
        }
    }

    /// Size of the universe.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether no number is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    /// Adds a number below `len`.
    pub fn insert(&mut self, at: u32) {
        self.words[at as usize / 64] |= 1 << (at % 64);
    }

    /// Adds `begin..end`.
    pub fn insert_range(&mut self, begin: u32, end: u32) {
        let mut at = begin;
        while at < end {
            let (word, bit) = (at as usize / 64, at % 64);
            let count = (64 - bit).min(end - at);
            let mask = if count == 64 { !0 } else { ((1 << count) - 1) << bit };
            self.words[word] |= mask;
            at += count;
        }
    }

    /// Whether a number is in the set.
    pub fn contains(&self, at: u32) -> bool {
        self.words[at as usize / 64] >> (at % 64) & 1 == 1
    }

    /// Keeps what is in both.
    pub fn and(&mut self, other: &Self) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a &= b;
        }
    }

    /// Adds what is in the other.
    pub fn or(&mut self, other: &Self) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a |= b;
        }
    }

    /// Takes away what is in the other.
    pub fn and_not(&mut self, other: &Self) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a &= !b;
        }
    }

    /// The complement.
    pub fn invert(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.trim();
    }

    /// Number of members.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|w| u64::from(w.count_ones())).sum()
    }

    /// Keeps the members for which `f` says so.
    pub fn retain(&mut self, mut f: impl FnMut(u32) -> bool) {
        for (i, word) in self.words.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                if !f(i as u32 * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(i, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                Some(i as u32 * 64 + bit)
            })
        })
    }

    /// Calls `f` for each member, ascending; faster than [`Bits::iter`] over dense sets.
    pub fn for_each(&self, mut f: impl FnMut(u32)) {
        for (i, word) in self.words.iter().enumerate() {
            let base = i as u32 * 64;
            if *word == !0 {
                for bit in 0..64 {
                    f(base + bit);
                }
                continue;
            }
            let mut rest = *word;
            while rest != 0 {
                f(base + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn the_algebra_is_that_of_sets(len in 1u32..300, a in prop::collection::vec(0u32..300, 0..40), b in prop::collection::vec(0u32..300, 0..40), range in (0u32..300, 0u32..300)) {
            let set = |v: &[u32]| v.iter().copied().filter(|x| *x < len).collect::<BTreeSet<_>>();
            let (sa, mut sb) = (set(&a), set(&b));
            let mut bb = Bits::none(len);
            sb.iter().for_each(|x| bb.insert(*x));
            let (lo, hi) = (range.0.min(range.1).min(len), range.0.max(range.1).min(len));
            bb.insert_range(lo, hi);
            sb.extend(lo..hi);
            let ba = Bits::from_fn(len, |x| sa.contains(&x));
            let check = |bits: &Bits, expected: BTreeSet<u32>| {
                assert_eq!(bits.iter().collect::<BTreeSet<_>>(), expected);
                assert_eq!(bits.count(), expected.len() as u64);
                let mut seen = Vec::new();
                bits.for_each(|x| seen.push(x));
                assert_eq!(seen, expected.into_iter().collect::<Vec<_>>());
            };
            let with = |f: fn(&mut Bits, &Bits)| { let mut x = ba.clone(); f(&mut x, &bb); x };
            check(&with(Bits::and), &sa & &sb);
            check(&with(Bits::or), &sa | &sb);
            check(&with(Bits::and_not), &sa - &sb);
            let mut not = ba.clone();
            not.invert();
            check(&not, (0..len).filter(|x| !sa.contains(x)).collect());
            let mut odd = bb.clone();
            odd.retain(|x| x % 2 == 1);
            check(&odd, sb.iter().copied().filter(|x| x % 2 == 1).collect());
        }
    }
}
