//! Sets of documents that words match in one segment, kept as long as there is room: one question asks for the same words
//! for its page, its counts and its map, and somebody who types asks for most of them again with every letter.

use std::sync::Arc;

use moka::sync::Cache;

use super::Bits;

/// Room for the sets of one segment.
const BYTES_MAX: u64 = 4 << 20;

/// The sets by what they are of. A segment's words never change, deleted documents are left out later: a set stays true.
pub(crate) struct WordSets(Cache<String, Arc<Bits>>);

impl Default for WordSets {
    fn default() -> Self {
        let weigh = |name: &String, bits: &Arc<Bits>| {
            u32::try_from(name.len() + bits.len().div_ceil(8) as usize + 64).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build())
    }
}

impl WordSets {
    /// The set of that name, made if it is not kept.
    ///
    /// # Errors
    /// Those of `make`; then nothing is kept.
    pub(crate) fn get<E>(&self, name: &str, make: impl FnOnce() -> Result<Bits, E>) -> Result<Arc<Bits>, E> {
        if let Some(bits) = self.0.get(name) {
            return Ok(bits);
        }
        let bits = Arc::new(make()?);
        self.0.insert(name.to_owned(), bits.clone());
        Ok(bits)
    }
}
