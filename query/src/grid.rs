//! Grid cells of positions: geohash, web-mercator tiles, H3. A cell is packed into a u64 and written as its usual text.

use std::f64::consts::PI;

use nilometer_indexer::geometry::{Axis, BoxGrid};
use nilometer_schemas::GridKind;

const BASE32: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The cells of positions at a precision, packed.
pub(crate) struct Cells {
    grid: GridKind,
    precision: u8,
    boxes: Option<BoxGrid>,
}

impl Cells {
    pub(crate) fn new(grid: GridKind, precision: u8) -> Self {
        Self { grid, precision, boxes: boxes(grid, precision) }
    }

    /// The cell of a position. Of several that touch it the one to the east, and to the north; of tiles, whose rows count
    /// southwards, to the south. What is beyond the globe is put on its edge.
    pub(crate) fn at(&self, lon: f64, lat: f64) -> u64 {
        let Some(boxes) = &self.boxes else { return geohex(self.precision, lon, lat) };
        let touching = boxes.touching(lon.clamp(-180.0, 180.0), lat.clamp(-90.0, 90.0));
        touching.map_or(0, |[(_, column), (south, north)]| {
            let row = if self.grid == GridKind::Geotile { south } else { north };
            pack(self.grid, self.precision, column, row)
        })
    }
}

/// The text of a packed cell.
pub(crate) fn text_of(grid: GridKind, precision: u8, cell: u64) -> String {
    match grid {
        GridKind::Geohash => {
            let chars = (0..u32::from(precision)).rev().map(|at| BASE32[(cell >> (5 * at)) as usize & 31] as char);
            chars.collect()
        }
        GridKind::Geotile => format!("{precision}/{}/{}", cell >> 32, cell & 0xffff_ffff),
        GridKind::Geohex => format!("{cell:x}"),
    }
}

/// Interleaved bits, longitude first (geohash.org).
fn interleaved(bits: u32, x: u64, y: u64) -> u64 {
    let (lon_bits, lat_bits) = (bits.div_ceil(2), bits / 2);
    let mut hash = 0;
    for at in 0..bits {
        let bit = if at % 2 == 0 { x >> (lon_bits - 1 - at / 2) } else { y >> (lat_bits - 1 - at / 2) };
        hash = hash << 1 | (bit & 1);
    }
    hash
}

/// The grid whose cells are boxes in longitude and latitude; `None` for H3.
pub(crate) fn boxes(grid: GridKind, precision: u8) -> Option<BoxGrid> {
    match grid {
        GridKind::Geohash => {
            let bits = u32::from(precision) * 5;
            Some(BoxGrid::new(even(bits.div_ceil(2), -180.0, 360.0), even(bits / 2, -90.0, 180.0)))
        }
        GridKind::Geotile => {
            let zoom = u32::from(precision);
            Some(BoxGrid::new(even(zoom, -180.0, 360.0), mercator(zoom)))
        }
        GridKind::Geohex => None,
    }
}

/// Packs the cell of a column from the west and a row from the south.
pub(crate) fn pack(grid: GridKind, precision: u8, column: u32, row: u32) -> u64 {
    match grid {
        GridKind::Geohash => interleaved(u32::from(precision) * 5, column.into(), row.into()),
        // Rows of tiles count from the north.
        _ => u64::from(column) << 32 | ((1u64 << precision) - 1 - u64::from(row)),
    }
}

/// Cells of equal degrees, as many as so many bits tell apart. Their edges are exact.
fn even(bits: u32, low: f64, span: f64) -> Axis {
    let cells = 1u32 << bits;
    let degrees = span / f64::from(cells);
    Axis::new(cells, move |edge| low + f64::from(edge) * degrees, move |value| ((value - low) / degrees) as u32)
}

/// Rows of web-mercator tiles from the south; the first and the last reach to the poles.
fn mercator(zoom: u32) -> Axis {
    let cells = 1u32 << zoom;
    let size = f64::from(cells);
    let edge = move |edge: u32| match edge {
        0 => -90.0,
        edge if edge == cells => 90.0,
        edge => (PI * (2.0 * f64::from(edge) / size - 1.0)).sinh().atan().to_degrees(),
    };
    let near = move |lat: f64| {
        let y = lat.clamp(-89.9, 89.9).to_radians().tan().asinh() / PI;
        ((1.0 + y) / 2.0 * size) as u32
    };
    Axis::new(cells, edge, near)
}

fn geohex(resolution: u8, lon: f64, lat: f64) -> u64 {
    let position = h3o::LatLng::new(lat, lon).ok();
    let resolution = h3o::Resolution::try_from(resolution).ok();
    position.zip(resolution).map_or(0, |(position, resolution)| u64::from(position.to_cell(resolution)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_published_names() {
        for (grid, precision, lon, lat, expected) in [
            // The example of geohash.org, and the tile and H3 cell of the same place.
            (GridKind::Geohash, 11, 10.407_44, 57.649_11, "u4pruydqqvj"),
            (GridKind::Geohash, 5, -5.603, 42.605, "ezs42"),
            (GridKind::Geohash, 1, 180.0, 90.0, "z"),
            (GridKind::Geotile, 0, 10.0, 50.0, "0/0/0"),
            (GridKind::Geotile, 1, 10.0, 50.0, "1/1/0"),
            (GridKind::Geotile, 3, 180.0, -90.0, "3/7/7"),
            // H3's documentation: latLngToCell(37.3615593, -122.0553238, 5).
            (GridKind::Geohex, 5, -122.055_323_8, 37.361_559_3, "85283473fffffff"),
        ] {
            let cell = Cells::new(grid, precision).at(lon, lat);
            assert_eq!(text_of(grid, precision, cell), expected);
        }
    }

    #[test]
    fn a_position_beside_an_edge_is_in_the_cell_that_holds_it() {
        let before = 45.0_f64.next_down();
        let of = |grid, precision, lon, lat| text_of(grid, precision, Cells::new(grid, precision).at(lon, lat));
        assert_eq!([before, 45.0].map(|lon| of(GridKind::Geohash, 1, lon, 50.0)), ["u", "v"]);
        assert_eq!([before, 45.0].map(|lon| of(GridKind::Geotile, 3, lon, 0.0)), ["3/4/4", "3/5/4"]);
        assert_eq!([-1e-300, 0.0, 1e-300].map(|lat| of(GridKind::Geotile, 1, 1.0, lat)), ["1/1/1", "1/1/1", "1/1/0"]);
    }
}
