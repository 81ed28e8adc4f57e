//! CRC-32 of files that were read, so that other ranges and other archives with the same files need not read them again. Bounded in
//! entries, and since each has the same size, in bytes.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

/// Files that are remembered, some megabytes.
const FILES_MAX: usize = 1 << 17;
/// Bytes of what tells one state of a file from another.
const KEY_BYTES: usize = 16;

type Key = [u8; KEY_BYTES];

/// See the module.
#[derive(Default)]
pub(super) struct Crcs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    crcs: HashMap<Key, u32>,
    /// Oldest first.
    order: VecDeque<Key>,
}

/// What tells a state of a file: where it lies, its entity tag and its size. `None` where a change might go unnoticed.
pub(super) fn key_of(href: &str, etag: &str, size: u64) -> Option<Key> {
    if etag.starts_with("W/") {
        return None;
    }
    let mut hash = blake3::Hasher::new();
    for part in [href, etag] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(&size.to_le_bytes());
    hash.finalize().as_bytes()[..KEY_BYTES].try_into().ok()
}

impl Crcs {
    /// The checksum of a file, if it is remembered.
    pub(super) fn get(&self, key: &Key) -> Option<u32> {
        self.0.lock().crcs.get(key).copied()
    }

    /// Remembers one; the oldest is forgotten for it.
    pub(super) fn add(&self, key: Key, crc: u32) {
        let mut kept = self.0.lock();
        if kept.crcs.insert(key, crc).is_some() {
            return;
        }
        kept.order.push_back(key);
        if kept.order.len() > FILES_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.crcs.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_state_has_another_checksum_and_the_oldest_is_forgotten() {
        let crcs = Crcs::default();
        let key = |etag: &str, size| key_of("a.nc", etag, size).expect("a strong tag");
        crcs.add(key("\"a\"", 1), 7);
        assert_eq!(crcs.get(&key("\"a\"", 1)), Some(7));
        assert_eq!((crcs.get(&key("\"b\"", 1)), crcs.get(&key("\"a\"", 2))), (None, None));
        assert_eq!(key_of("a.nc", "W/\"a\"", 1), None);
        for size in 2..=FILES_MAX as u64 + 1 {
            crcs.add(key("\"a\"", size), 0);
        }
        let kept = crcs.0.lock();
        assert_eq!((kept.crcs.len(), kept.order.len()), (FILES_MAX, FILES_MAX));
        assert!(!kept.crcs.contains_key(&key("\"a\"", 1)));
    }
}
