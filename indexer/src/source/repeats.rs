//! Which observations of a file share a key, so that none takes the place of another.

use std::collections::HashMap;

use nilometer_schemas::Instant;

/// Counts keys by a 128-bit hash: some 50 bytes each.
#[derive(Default)]
pub(crate) struct Repeats {
    seen: HashMap<[u8; 16], u32>,
}

impl Repeats {
    /// How often the key was there, this time included.
    pub(crate) fn count(&mut self, feature: &str, time: Instant, discriminator: &str, version: &str) -> u32 {
        let mut hasher = blake3::Hasher::new();
        // Lengths tell the texts apart from their neighbours.
        for text in [feature, discriminator, version] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&time.0.to_le_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let count = self.seen.entry(short).or_insert(0);
        *count += 1;
        *count
    }

    /// The discriminator, with `#2`, `#3`, … where the key was there before.
    pub(crate) fn told_apart(&mut self, feature: &str, time: Instant, discriminator: String, version: &str) -> String {
        match self.count(feature, time, &discriminator, version) {
            1 => discriminator,
            count => format!("{discriminator}#{count}"),
        }
    }

    /// Distinct keys so far.
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_numbered() {
        let mut repeats = Repeats::default();
        let mut told = |feature: &str, what: &str| repeats.told_apart(feature, Instant(1), what.to_owned(), "");
        assert_eq!(told("a", "raw"), "raw");
        assert_eq!(told("a", "raw"), "raw#2");
        assert_eq!(told("ar", "aw"), "aw");
        assert_eq!(told("a", ""), "");
        assert_eq!(told("a", ""), "#2");
    }
}
