//! A tile's frame: its box with the buffer around it, and the way from degrees to tile units.

use std::f64::consts::PI;

use nilometer_schemas::Bbox;

use crate::address::TileAddress;
use crate::mvt::EXTENT;

/// Tile units around a tile in which features are drawn too, so that outlines and symbols join at the edges.
pub const BUFFER: u32 = 64;

/// Half a pixel where a tile is 512 pixels wide.
const TOLERANCE: f64 = 4.0;

/// Where a tile lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// West, south, east, north of the tile with its buffer, degrees; the longitudes may go beyond ±180.
    pub(crate) bounds: [f64; 4],
    /// How far a drawn line may lie from the true one, tile units.
    pub(crate) tolerance: f64,
    size: f64,
    left: f64,
    top: f64,
}

/// Share of the map's height from the north (EPSG:3857 on the sphere).
fn mercator(lat: f64) -> f64 {
    0.5 - lat.to_radians().sin().atanh() / (2.0 * PI)
}

fn latitude(share: f64) -> f64 {
    (PI * (1.0 - 2.0 * share)).sinh().atan().to_degrees()
}

impl Frame {
    pub(crate) fn of(address: TileAddress) -> Self {
        let size = f64::from(address.zoom()).exp2();
        let (left, top) = (f64::from(address.col()), f64::from(address.row()));
        let buffer = f64::from(BUFFER) / f64::from(EXTENT);
        let lon = |column: f64| column / size * 360.0 - 180.0;
        let lat = |row: f64| latitude(row / size);
        let bounds = [lon(left - buffer), lat(top + 1.0 + buffer), lon(left + 1.0 + buffer), lat(top - buffer)];
        Self { bounds, tolerance: TOLERANCE, size, left, top }
    }

    /// The same frame for lines that may lie so far from the true ones, tile units.
    pub(crate) fn with_tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// A position in tile units, y downward.
    pub(crate) fn project(&self, [lon, lat]: [f64; 2]) -> [f64; 2] {
        let extent = f64::from(EXTENT);
        [((lon + 180.0) / 360.0 * self.size - self.left) * extent, (mercator(lat) * self.size - self.top) * extent]
    }

    /// The box in which the tile's features are looked for: all around the globe for the tile that is all of it, else
    /// across the antimeridian where the buffer reaches beyond.
    pub(crate) fn bbox(&self) -> Bbox {
        let [west, south, east, north] = self.bounds;
        if east - west >= 360.0 {
            return Bbox { west: -180.0, south, east: 180.0, north };
        }
        let west = if west < -180.0 { west + 360.0 } else { west };
        let east = if east > 180.0 { east - 360.0 } else { east };
        Bbox { west, south, east, north }
    }

    /// By how many degrees stored longitudes are moved to be seen in this tile.
    pub(crate) fn shifts(&self) -> impl Iterator<Item = f64> + use<> {
        let [west, _, east, _] = self.bounds;
        [Some(0.0), (west < -180.0).then_some(-360.0), (east > 180.0).then_some(360.0)].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_tile_s_corners_are_its_units_corners() {
        for (zoom, row, col) in [(0, 0, 0), (3, 2, 5), (14, 5_000, 9_000), (24, 1 << 23, 12_345)] {
            let address = TileAddress::new(zoom, row, col).unwrap();
            let (frame, bbox) = (Frame::of(address), address.bbox());
            for (lon, lat, expected) in [(bbox.west, bbox.north, [0.0, 0.0]), (bbox.east, bbox.south, [4096.0, 4096.0])]
            {
                let got = frame.project([lon, lat]);
                assert!((got[0] - expected[0]).abs() < 1e-3 && (got[1] - expected[1]).abs() < 1e-3, "{got:?}");
            }
            let [x, y] = frame.project([frame.bounds[0], frame.bounds[3]]);
            assert!((x + 64.0).abs() < 1e-3 && (y + 64.0).abs() < 1e-3);
        }
    }

    #[test]
    fn the_buffer_reaches_across_the_antimeridian() {
        let west = Frame::of(TileAddress::new(3, 4, 0).unwrap());
        assert!(west.bbox().west > 179.0 && west.bbox().east > -136.0 && west.bbox().east < -134.0);
        assert_eq!(west.shifts().collect::<Vec<_>>(), [0.0, -360.0]);
        let middle = Frame::of(TileAddress::new(3, 4, 3).unwrap());
        assert_eq!(middle.shifts().collect::<Vec<_>>(), [0.0]);
        let world = Frame::of(TileAddress::new(0, 0, 0).unwrap());
        assert_eq!((world.bbox().west, world.bbox().east), (-180.0, 180.0));
    }
}
