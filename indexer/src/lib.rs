//! Sources, the log, the on-disk layout, its writer and its opening. The only crate that writes the catalogue.

pub mod geometry;
pub mod orbit;
pub mod segment;
pub mod series;
pub mod source;

mod catalog;
mod error;

pub use catalog::{
    Catalog, CatalogOptions, Change, ChangeKind, Changes, Clock, CollectionStats, Levels, Observer, Outcome,
    Precondition, SegmentView, Snapshot, Stats, StoredCollection, StoredItem, Write, create_data_dir, name_token,
    parts, stems,
};
pub use error::Error;
