//! Tile addresses: which part of the globe a tile of WebMercatorQuad shows.

use std::f64::consts::PI;

use nilometer_schemas::{Bbox, Problem};

/// Deepest zoom level that is served.
pub const ZOOM_MAX: u8 = 24;

/// A tile of the OGC tile matrix set WebMercatorQuad: rows count from the north, columns from the west.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileAddress {
    zoom: u8,
    row: u32,
    col: u32,
}

/// Latitude of the upper edge of a row, degrees (EPSG:3857's inverse on the sphere).
fn north_of(zoom: u8, row: u32) -> f64 {
    let share = f64::from(row) / f64::from(zoom).exp2();
    (PI * (1.0 - 2.0 * share)).sinh().atan().to_degrees()
}

impl TileAddress {
    /// Checks and takes an address in the order of OGC API Tiles.
    ///
    /// # Errors
    /// `NotFound` for a tile outside the matrix.
    pub fn new(zoom: u8, row: u32, col: u32) -> Result<Self, Problem> {
        let size = 1u64.checked_shl(u32::from(zoom)).filter(|_| zoom <= ZOOM_MAX);
        match size {
            Some(size) if u64::from(row) < size && u64::from(col) < size => Ok(Self { zoom, row, col }),
            Some(size) => {
                let detail = format!("zoom {zoom} has no tile in row {row} and column {col}");
                Err(Problem::not_found("tile", detail).allowed(format!("rows and columns 0 to {}", size - 1)))
            }
            None => {
                Err(Problem::not_found("tile", format!("there is no zoom {zoom}"))
                    .allowed(format!("zoom 0 to {ZOOM_MAX}")))
            }
        }
    }

    /// Zoom level.
    pub fn zoom(self) -> u8 {
        self.zoom
    }

    /// Row, from the north.
    pub fn row(self) -> u32 {
        self.row
    }

    /// Column, from the west.
    pub fn col(self) -> u32 {
        self.col
    }

    /// The tile's edges in CRS84.
    pub fn bbox(self) -> Bbox {
        let width = 360.0 / f64::from(self.zoom).exp2();
        let west = f64::from(self.col) * width - 180.0;
        Bbox {
            west,
            south: north_of(self.zoom, self.row + 1),
            east: west + width,
            north: north_of(self.zoom, self.row),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_whole_world_is_tile_zero_and_its_quarters_meet() {
        let world = TileAddress::new(0, 0, 0).unwrap().bbox();
        assert_eq!((world.west, world.east), (-180.0, 180.0));
        assert!((world.north - 85.051_128_779_806_59).abs() < 1e-9 && (world.south + world.north).abs() < 1e-9);
        let [nw, se] = [(0, 0), (1, 1)].map(|(row, col)| TileAddress::new(1, row, col).unwrap().bbox());
        assert_eq!((nw.east, nw.north), (se.west, world.north));
        assert!((nw.south - se.north).abs() < 1e-12 && nw.south.abs() < 1e-9);
    }

    #[test]
    fn tiles_outside_the_matrix_do_not_exist() {
        for (zoom, row, col) in [(0, 1, 0), (3, 0, 8), (25, 0, 0), (255, 0, 0)] {
            assert!(TileAddress::new(zoom, row, col).is_err());
        }
    }
}
