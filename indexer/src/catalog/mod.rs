//! The catalogue: one directory with the log, the index derived from it, one writer and snapshot readers.

mod changes;
mod check;
mod directory;
mod index;
mod log;
mod observations;
mod open;
mod snapshot;
mod stats;
mod stems;
mod tokens;
mod types;
mod view;
mod writer;

pub(crate) use log::sync_dir;
pub use open::{Catalog, create_data_dir};
pub use snapshot::{SegmentView, Snapshot};
pub use stems::stems;
pub use tokens::{name_token, parts};
pub use types::{
    CatalogOptions, Change, ChangeKind, Changes, Clock, CollectionStats, Observer, Outcome, Precondition, Stats,
    StoredCollection, StoredItem, Write,
};
pub use view::Levels;
