//! Archives that were fetched of late, so that ranges of one share what was learned. Bounded in archives and in their entries.

use std::collections::HashMap;
use std::sync::Arc;

use super::archive::Archive;

/// Archives that are remembered at once.
const ARCHIVES_MAX: usize = 256;
/// Entries of all of them together; each takes some hundred bytes.
const ENTRIES_MAX: usize = 1_000_000;

/// An order and its fence.
type Key = (String, i64);

/// See the module.
pub(super) struct Open<T = Arc<Archive>> {
    kept: HashMap<Key, Kept<T>>,
    /// Entries of all.
    entries: usize,
    /// Uses so far.
    uses: u64,
    bounds: (usize, usize),
}

struct Kept<T> {
    archive: T,
    entries: usize,
    used: u64,
}

impl<T: Clone> Default for Open<T> {
    fn default() -> Self {
        Self { kept: HashMap::new(), entries: 0, uses: 0, bounds: (ARCHIVES_MAX, ENTRIES_MAX) }
    }
}

impl<T: Clone> Open<T> {
    /// The archive of a key.
    pub(super) fn get(&mut self, key: &Key) -> Option<T> {
        self.uses += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.uses;
        Some(kept.archive.clone())
    }

    /// Keeps an archive; those that were not used for longest make room. One that is too large by itself is not kept.
    pub(super) fn insert(&mut self, key: Key, archive: T, entries: usize) {
        self.remove(&key);
        if entries > self.bounds.1 {
            return;
        }
        while self.kept.len() >= self.bounds.0 || self.entries + entries > self.bounds.1 {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.entries += entries;
        self.kept.insert(key, Kept { archive, entries, used: self.uses });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(kept) = self.kept.remove(key) {
            self.entries -= kept.entries;
        }
    }

    /// Forgets those that are not needed any more.
    pub(super) fn retain(&mut self, is_needed: impl Fn(&Key) -> bool) {
        self.kept.retain(|key, _| is_needed(key));
        self.entries = self.kept.values().map(|kept| kept.entries).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room_in_both_bounds() {
        let key = |name: &str| (name.to_owned(), 1);
        let mut open = Open::<u8> { bounds: (3, 10), ..Open::default() };
        for (name, entries) in [("a", 3), ("b", 3), ("c", 3)] {
            open.insert(key(name), 0, entries);
        }
        assert!(open.get(&key("a")).is_some());
        open.insert(key("d"), 0, 1);
        assert!(open.get(&key("b")).is_none(), "three archives");
        open.insert(key("e"), 0, 9);
        assert_eq!((open.kept.len(), open.entries), (2, 10), "ten entries");
        assert!(open.get(&key("d")).is_some() && open.get(&key("e")).is_some());
        open.insert(key("f"), 0, 11);
        assert!(open.get(&key("f")).is_none() && open.entries == 10, "larger than all together");
        open.retain(|(name, _)| name == "d");
        assert_eq!((open.kept.len(), open.entries), (1, 1));
    }
}
