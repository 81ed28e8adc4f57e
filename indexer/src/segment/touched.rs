//! What maps need of every geometry of a segment, computed once: the coarse H3 cells it touches, and the web-mercator
//! tile its centroid lies in.

use std::f64::consts::PI;
use std::sync::OnceLock;

use super::data::SegmentCore;
use crate::geometry::{FlatGeometry, h3_cells};

/// Finest H3 resolution whose touched cells are kept for all geometries of a segment.
pub const TOUCHED_RESOLUTION_MAX: u8 = 4;
/// Zoom of the tiles that centroids are sorted into.
pub const CENTROID_ZOOM: u8 = 10;

/// The H3 cells that every geometry of a segment touches at one resolution.
pub struct TouchedCells {
    /// The distinct cells, ascending.
    pub cells: Vec<u64>,
    /// Begin of each geometry's cells in `ordinals`, and the end of the last.
    offsets: Vec<u32>,
    /// Positions in `cells`.
    ordinals: Vec<u32>,
}

impl TouchedCells {
    /// Positions in `cells` of those that a geometry touches.
    pub fn of(&self, geometry: u32) -> &[u32] {
        let at = geometry as usize;
        &self.ordinals[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    fn make(core: &SegmentCore, resolution: u8) -> Self {
        let count = core.geometry_count();
        let mut offsets = Vec::with_capacity(count as usize + 1);
        let mut touched: Vec<u64> = Vec::new();
        offsets.push(0);
        for geometry in 0..count {
            let shape = FlatGeometry::decode(core.geometry_bytes(geometry));
            let cells = shape.and_then(|shape| h3_cells(&shape.to_geometry(), resolution, usize::MAX));
            touched.extend(cells.unwrap_or_default());
            offsets.push(touched.len() as u32);
        }
        let mut cells = touched.clone();
        cells.sort_unstable();
        cells.dedup();
        let ordinals = touched.iter().map(|cell| cells.partition_point(|c| c < cell) as u32).collect();
        Self { cells, offsets, ordinals }
    }
}

/// Computed when first asked for.
#[derive(Default)]
pub(super) struct MapCache {
    touched: [OnceLock<TouchedCells>; TOUCHED_RESOLUTION_MAX as usize + 1],
    centroid_tiles: OnceLock<Vec<u32>>,
}

impl MapCache {
    /// `None` above [`TOUCHED_RESOLUTION_MAX`].
    pub(super) fn touched(&self, core: &SegmentCore, resolution: u8) -> Option<&TouchedCells> {
        let slot = self.touched.get(usize::from(resolution))?;
        Some(slot.get_or_init(|| TouchedCells::make(core, resolution)))
    }

    pub(super) fn centroid_tiles(&self, core: &SegmentCore) -> &[u32] {
        self.centroid_tiles.get_or_init(|| core.centroids().iter().map(|c| tile_key(*c)).collect())
    }
}

/// The tile of a position at [`CENTROID_ZOOM`], its column's and row's bits interleaved: shifted right by two it is the
/// tile's parent. Latitudes beyond the square are put into its first and last row.
fn tile_key([lon, lat]: [f64; 2]) -> u32 {
    let size = f64::from(1u32 << CENTROID_ZOOM);
    let sin = lat.to_radians().sin().clamp(-0.999_999_999_9, 0.999_999_999_9);
    let y = 0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * PI);
    let place = |share: f64| (share * size).floor().clamp(0.0, size - 1.0) as u32;
    spread_bits(place((lon + 180.0) / 360.0)) | spread_bits(place(y)) << 1
}

/// The lowest 16 bits at the even places.
fn spread_bits(value: u32) -> u32 {
    let mut v = value & 0xffff;
    v = (v | v << 8) & 0x00ff_00ff;
    v = (v | v << 4) & 0x0f0f_0f0f;
    v = (v | v << 2) & 0x3333_3333;
    (v | v << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tile_of_a_position_holds_the_bits_of_its_column_and_row() {
        assert_eq!(tile_key([-180.0, 89.0]), 0);
        assert_eq!(tile_key([180.0, -90.0]), (1 << 20) - 1);
        // Just east and south of the middle: column 512, row 512.
        assert_eq!(tile_key([0.001, -0.001]), 0b11 << 18);
        assert_eq!(tile_key([0.001, 0.001]) >> 18, 0b01);
    }
}
