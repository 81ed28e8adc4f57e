//! What a prepared order holds, as it is taken down: enough to lay the archive out again, byte for byte, and to read each file.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::zip;

/// Where the bytes of a file come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// A stored asset, read where it lies.
    Asset {
        /// Where that is, as the item says.
        href: String,
        /// Entity tag of the file that was ordered: another file is not delivered in its place.
        etag: String,
        /// Its checksum, if the item tells one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checksum: Option<String>,
    },
    /// What was written for the order, from this byte of its spool on.
    Spool {
        /// First byte.
        offset: u64,
    },
}

/// What a file is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Id of the collection.
    pub(crate) collection: String,
    /// Id of the item.
    pub(crate) item: String,
    /// Key of the asset.
    pub(crate) asset: String,
    /// What was done to it: `original`, `series` or `converted`.
    pub(crate) processing: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its path in the archive.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// Its CRC-32, if it was known when the order was prepared: the layout depends on whether it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crc: Option<u32>,
    /// When it was changed last, seconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<i64>,
    /// Where it is read.
    pub(crate) source: Source,
    /// What it is of; documents are of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
}

/// A file that was ordered and is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missing {
    /// What it would be of.
    pub(crate) origin: Origin,
    /// Why it is not there.
    pub(crate) reason: String,
}

/// All files, in the order of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// Ids of the collections that the files are of.
    pub(crate) collections: Vec<String>,
    /// The files.
    pub(crate) entries: Vec<Entry>,
    /// What is not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) missing: Vec<Missing>,
}

impl Contents {
    /// Where every byte of the archive lies.
    pub(crate) fn layout(&self) -> zip::Layout {
        let entry = |entry: &Entry| zip::Entry {
            name: entry.path.clone(),
            size: entry.size,
            crc: entry.crc,
            modified: entry.modified.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        };
        zip::Layout::new(self.entries.iter().map(entry).collect())
    }
}
