//! The container of our segment file: named sections of plain arrays, each 8-byte aligned, and a JSON directory.
//!
//! ```text
//! sections … | directory (JSON) | u64 length of the directory | u32 format version | magic "NILS"
//! ```
//!
//! tantivy appends a footer with a CRC-32 of the whole, which `check` verifies.

use std::collections::BTreeMap;
use std::ops::Range;

use bytemuck::Pod;
use nilometer_schemas::FORMAT_VERSION;
use serde::{Deserialize, Serialize};
use tantivy::directory::OwnedBytes;

const MAGIC: &[u8; 4] = b"NILS";
const TAIL_BYTES: usize = 16;

/// Collects sections and writes them out.
#[derive(Default)]
pub(crate) struct SectionWriter {
    bytes: Vec<u8>,
    sections: BTreeMap<String, (u64, u64)>,
}

impl SectionWriter {
    /// Adds an array under a name.
    pub(crate) fn add<T: Pod>(&mut self, name: impl Into<String>, values: &[T]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(bytemuck::cast_slice(values));
        self.sections.insert(name.into(), (begin as u64, (self.bytes.len() - begin) as u64));
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// The whole file, with `meta` in its directory.
    pub(crate) fn finish<M: Serialize>(mut self, meta: &M) -> Result<Vec<u8>, serde_json::Error> {
        let directory = serde_json::to_vec(&Directory { sections: self.sections, meta })?;
        self.bytes.extend_from_slice(&directory);
        self.bytes.extend_from_slice(&(directory.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        self.bytes.extend_from_slice(MAGIC);
        Ok(self.bytes)
    }
}

#[derive(Serialize, Deserialize)]
struct Directory<M> {
    sections: BTreeMap<String, (u64, u64)>,
    meta: M,
}

enum Backing {
    Mapped(OwnedBytes),
    /// A copy, where the bytes did not come aligned (only in directories held in memory).
    Copied(Vec<u64>),
}

/// An opened file: arrays by section without copying.
pub(crate) struct Sections {
    backing: Backing,
    ranges: BTreeMap<String, Range<usize>>,
}

impl Sections {
    /// Checks the frame and opens it; `None` when it is not whole or of another version.
    pub(crate) fn open<M: for<'de> Deserialize<'de>>(bytes: OwnedBytes) -> Option<(Self, M)> {
        let tail = bytes.len().checked_sub(TAIL_BYTES)?;
        let directory_len = u64::from_le_bytes(bytes[tail..tail + 8].try_into().ok()?) as usize;
        let version = u32::from_le_bytes(bytes[tail + 8..tail + 12].try_into().ok()?);
        if &bytes[tail + 12..] != MAGIC || version != FORMAT_VERSION {
            return None;
        }
        let end = tail.checked_sub(directory_len)?;
        let directory: Directory<M> = serde_json::from_slice(&bytes[end..tail]).ok()?;
        let mut ranges = BTreeMap::new();
        for (name, (begin, len)) in directory.sections {
            let (begin, len) = (begin as usize, len as usize);
            if begin % 8 != 0 || begin.checked_add(len)? > end {
                return None;
            }
            ranges.insert(name, begin..begin + len);
        }
        let aligned = bytes.as_ptr().align_offset(8) == 0;
        let backing = if aligned {
            Backing::Mapped(bytes)
        } else {
            Backing::Copied(bytemuck::allocation::pod_collect_to_vec(&pad(&bytes)))
        };
        Some((Self { backing, ranges }, directory.meta))
    }

    fn bytes(&self) -> &[u8] {
        match &self.backing {
            Backing::Mapped(bytes) => bytes,
            Backing::Copied(words) => bytemuck::cast_slice(words),
        }
    }

    /// Where a section lies, for [`Sections::at`].
    pub(crate) fn range(&self, name: &str) -> Option<Range<usize>> {
        self.ranges.get(name).cloned()
    }

    /// The array in a range got from [`Sections::range`]; a trailing part of an element is cut.
    pub(crate) fn at<T: Pod>(&self, range: &Range<usize>) -> &[T] {
        let bytes = &self.bytes()[range.clone()];
        let whole = bytes.len() - bytes.len() % size_of::<T>();
        bytemuck::cast_slice(&bytes[..whole])
    }
}

fn pad(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(8), 0);
    padded
}
