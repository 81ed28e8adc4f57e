//! Observations on disk: one Delta table for each collection that has some, in `series/`.
//!
//! A batch becomes Parquet files ([`prepare`]), a commit of the Delta table that names them ([`delta`]), and a record
//! of the catalogue's log that vouches for the commit's version ([`store`]). Readers see the version that the record
//! names ([`table`]), read a feature's rows from the pages that hold them ([`file`]), and know of every feature's latest
//! values at once ([`summary`]). Small files are merged in the background ([`merge`]).

mod delta;
mod file;
mod layout;
mod merge;
mod prepare;
mod store;
mod summary;
mod table;

pub use file::{RowFilter, SeriesFile};
pub use layout::{PAGE_ROWS, ROW_GROUP_ROWS};
pub use summary::{FeatureSummary, LatestValue, Summaries};
pub use table::{FileSelection, SeriesTable};

pub(crate) use file::align;
pub(crate) use layout::dir_of;
pub(crate) use merge::merge;
pub(crate) use prepare::{Prepared, prepare};
pub(crate) use store::{SeriesRecord, SeriesStore, SeriesTables, Turn, verify};
pub(crate) use table::{ORDER, order_of};
