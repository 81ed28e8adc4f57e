//! The words of the catalogue's interface: how it is opened, what is written, what came of it, what it holds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nilometer_schemas::{Collection, CollectionId, Instant, Item, ItemId, ItemText, Problem};

use crate::source::Observations;

/// The time of a write; passed in so that tests replay.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Is told how long the catalogue's writes take; called on the writer's thread, so it must not block.
pub trait Observer: fmt::Debug + Send + Sync {
    /// The log was made durable once.
    fn fsync(&self, took: Duration);
    /// A group of this many records became durable and visible.
    fn commit(&self, took: Duration, records: usize);
}

/// How a catalogue is opened.
#[derive(Clone, Debug)]
pub struct CatalogOptions {
    /// Memory of the index writer before it flushes a segment, bytes.
    pub writer_memory_bytes: usize,
    /// Most items in one group commit.
    pub group_items_max: usize,
    /// Bytes of one log file before the next is begun.
    pub log_file_bytes: u64,
    /// Who is told how long writes take, if anybody.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for CatalogOptions {
    fn default() -> Self {
        Self { writer_memory_bytes: 32 << 20, group_items_max: 50_000, log_file_bytes: 256 << 20, observer: None }
    }
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: create or replace.
    None,
    /// There is no such record.
    Absent,
    /// There is such a record.
    Present,
    /// The record is the one written with this sequence number (`If-Match`).
    Sequence(u64),
}

/// One write.
#[derive(Clone, Debug)]
pub enum Write {
    /// Creates or replaces a collection.
    PutCollection(Box<Collection>, Precondition),
    /// Creates or replaces an item.
    PutItem(Box<Item>, Precondition),
    /// Deletes an item.
    DeleteItem(CollectionId, ItemId, Precondition),
    /// Deletes a collection, its items and its observations.
    DeleteCollection(CollectionId, Precondition),
    /// Adds observations to a collection that exists.
    PutObservations(Box<Observations>),
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A new record, with its sequence number.
    Created(u64),
    /// A record replaced an older one.
    Replaced(u64),
    /// The same content was there already, under this sequence number.
    Unchanged(u64),
    /// A record was deleted.
    Deleted(u64),
    /// There was nothing to delete.
    Absent,
    /// Observations are in: how many were new, took the place of others of the same key and version, or were there.
    Observed {
        /// Rows whose key and version were not there.
        added: u64,
        /// Rows that took the place of one with the same key and version and other values.
        replaced: u64,
        /// Rows that were there already.
        unchanged: u64,
    },
    /// Not done, for this reason.
    Rejected(Problem),
    /// Not done, since another write of the same whole was rejected.
    Withheld,
}

/// A collection and the sequence number of its newest write.
#[derive(Clone, Debug)]
pub struct StoredCollection {
    /// The record.
    pub collection: Collection,
    /// Its sequence number.
    pub seq: u64,
}

/// An item as stored.
#[derive(Clone, Debug)]
pub struct StoredItem {
    /// Sequence number of the write: the item's version.
    pub seq: u64,
    /// When it was written.
    pub ingested: Instant,
    /// Its collection.
    pub collection: CollectionId,
    /// Its id.
    pub id: ItemId,
    /// Its JSON.
    pub text: ItemText,
}

/// What a collection holds, from the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CollectionStats {
    /// Number of items.
    pub items: u64,
    /// West, south, east, north of all geometries, degrees.
    pub bbox: Option<[f64; 4]>,
    /// First and last moment of dated items.
    pub interval: Option<(Instant, Instant)>,
}

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A collection was written.
    PutCollection,
    /// An item was written.
    PutItem,
    /// A collection was deleted with its items.
    DeleteCollection,
    /// An item was deleted.
    DeleteItem,
}

/// One entry of the change feed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Sequence number.
    pub seq: u64,
    /// When.
    pub time: Instant,
    /// What.
    pub kind: ChangeKind,
    /// Collection.
    pub collection: String,
    /// Item id, for item changes.
    pub id: Option<String>,
    /// The JSON as stored, for puts.
    pub body: Option<String>,
}

/// A page of the change feed, oldest first.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The changes this scope may see.
    pub changes: Vec<Change>,
    /// Sequence up to which the page is complete: the next page's `since`.
    pub until: u64,
    /// Whether more follows at once.
    pub more: bool,
}

/// Sizes and counts of a catalogue.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Stats {
    /// Newest sequence number.
    pub sequence: u64,
    /// First sequence number that `/changes` can answer after.
    pub retained_from: u64,
    /// Number of collections.
    pub collections: usize,
    /// Live items.
    pub items: u64,
    /// Items deleted or replaced that still take room in segments.
    pub deleted: u64,
    /// Number of segments.
    pub segments: usize,
    /// Observations, all versions.
    pub observations: u64,
    /// Collections that have observations.
    pub series: usize,
    /// Files of observations.
    pub series_files: usize,
    /// Bytes of these files.
    pub series_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the index by component (file extension).
    pub index_bytes: std::collections::BTreeMap<String, u64>,
}
