//! Our part of a segment: one file beside tantivy's, with a packed R-tree, exact geometries, times, and property columns.

mod bits;
mod build;
mod column;
mod data;
mod file;
mod latest;
mod plugin;
mod properties;
mod row;
mod rtree;
mod shape;
mod touched;
mod word_sets;

pub use bits::Bits;
pub use column::{Codes, Column, ColumnKind, Dictionary, Narrow};
pub(crate) use data::SegmentCore;
pub use data::{Cells, SegmentData};
pub(crate) use latest::LatestColumns;
pub use latest::{LATEST_PREFIX, OBSERVATIONS_PREFIX};
pub use plugin::EXTENSION;
pub(crate) use plugin::{open_data, plugin};
pub(crate) use properties::properties;
pub use properties::{Distinct, Properties, PropertyUse, VALUES_MAX, add_properties};
pub use row::NO_TIME;
pub(crate) use row::Row;
pub use rtree::{PartBox, Tree};
pub(crate) use shape::Shapes;
pub use touched::{CENTROID_ZOOM, TOUCHED_RESOLUTION_MAX, TouchedCells, packed_cell, packed_cells};
