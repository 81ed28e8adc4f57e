//! A tile of a search: what its zoom shows, in one vector tile.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use geo::{Coord, MultiPolygon, Rect};
use nilometer_indexer::Snapshot;
use nilometer_indexer::geometry::CellGrid;
use nilometer_indexer::segment::TOUCHED_RESOLUTION_MAX;
use nilometer_query::tile::{CellCounts, Density, counts, counts_in, density, items_in};
use nilometer_schemas::{Kind, Problem, Scope, Search};

use crate::address::TileAddress;
use crate::frame::Frame;
use crate::grid::grid_layer;
use crate::items::{Items, items_layer};
use crate::mvt::{EXTENT, Geometry, Layer, Value};
use crate::zoom::Zooms;

/// Most bytes of a tile, uncompressed.
pub const TILE_BYTES_MAX: usize = 500_000;
/// Name of the layer that tells what was left out.
pub const NOTICE_LAYER: &str = "notice";
/// Room kept for the notice, bytes.
const NOTICE_BYTES: usize = 200;
/// Most cells that reach into a tile: some five times what there are.
const CELLS_MAX: usize = 10_000;

/// A drawn tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The vector tile; empty where there is nothing to show.
    pub bytes: Bytes,
    /// Items that reach into the tile and are not in it, for want of room.
    pub left_out: u64,
}

/// A search bound to what it is asked of.
pub struct Asked<'a> {
    /// The view.
    pub snapshot: &'a Snapshot,
    /// The question.
    pub search: &'a Search,
    /// Who asks.
    pub scope: Scope,
}

/// Counts that all tiles of a zoom share.
pub(crate) type SharedCounts = Arc<CellCounts>;

impl Asked<'_> {
    /// How dense the matches lie.
    ///
    /// # Errors
    /// As [`nilometer_query::search`].
    pub(crate) fn density(&self) -> Result<Density, Problem> {
        density(self.snapshot, self.search, self.scope)
    }

    /// Counts by cell over the whole search, for resolutions up to [`TOUCHED_RESOLUTION_MAX`].
    ///
    /// # Errors
    /// As [`nilometer_query::search`].
    pub(crate) fn counts(&self, resolution: u8) -> Result<SharedCounts, Problem> {
        counts(self.snapshot, self.search, self.scope, resolution).map(Arc::new)
    }

    /// Draws a tile. `counts_of` gives [`Asked::counts`], perhaps computed before.
    ///
    /// # Errors
    /// As [`nilometer_query::search`].
    pub(crate) fn draw(
        &self,
        address: TileAddress,
        zooms: Zooms,
        properties: &[String],
        counts_of: impl FnOnce(u8) -> Result<SharedCounts, Problem>,
    ) -> Result<Tile, Problem> {
        let frame = Frame::of(address);
        let mut bytes = Vec::new();
        if let Some(resolution) = zooms.grid_resolution(address.zoom()) {
            self.grid(&frame, resolution, counts_of)?.write(&mut bytes);
        }
        let mut left_out = 0;
        if zooms.has_shapes(address.zoom()) {
            let room = TILE_BYTES_MAX.saturating_sub(bytes.len() + NOTICE_BYTES);
            let items = items_in(self.snapshot, self.search, self.scope, frame.bbox(), |items| {
                items_layer(items, &frame, properties, room)
            })?;
            items.layer.write(&mut bytes);
            notice(&items).write(&mut bytes);
            left_out = items.left_out;
        }
        Ok(Tile { bytes: bytes.into(), left_out })
    }

    fn grid(
        &self,
        frame: &Frame,
        resolution: u8,
        counts_of: impl FnOnce(u8) -> Result<SharedCounts, Problem>,
    ) -> Result<Layer, Problem> {
        let shared = if resolution <= TOUCHED_RESOLUTION_MAX { Some(counts_of(resolution)?) } else { None };
        if let Some(shared) = shared.as_ref().filter(|shared| !shared.has_wide) {
            return Ok(grid_layer(&shared.counts, frame));
        }
        let [west, south, east, north] = frame.bounds;
        let corner = |x: f64, y: f64| Coord { x: x.clamp(-180.0, 180.0), y };
        let rect = |shift: f64| Rect::new(corner(west - shift, south), corner(east - shift, north)).to_polygon();
        let region = MultiPolygon(frame.shifts().map(rect).collect());
        let too_many = || Problem::new(Kind::Internal, "internal", "a tile has more cells than there can be");
        let grid = CellGrid::over(&region.into(), resolution, CELLS_MAX).ok_or_else(too_many)?;
        let mut counts = counts_in(self.snapshot, self.search, self.scope, &grid, shared.is_some())?;
        if let Some(shared) = shared {
            let mut sum: BTreeMap<u64, u64> = shared.counts.iter().copied().collect();
            counts.iter().for_each(|(cell, count)| *sum.entry(*cell).or_default() += count);
            counts = sum.into_iter().collect();
        }
        Ok(grid_layer(&counts, frame))
    }
}

fn notice(items: &Items) -> Layer {
    let mut layer = Layer::new(NOTICE_LAYER);
    if items.left_out > 0 || items.bare {
        let centre = (EXTENT / 2) as i32;
        layer.add(
            None,
            &Geometry::Points(vec![[centre, centre]]),
            &[
                ("items", Value::Count(items.found)),
                ("left_out", Value::Count(items.left_out)),
                ("attributes_left_out", Value::Bool(items.bare)),
            ],
        );
    }
    layer
}
