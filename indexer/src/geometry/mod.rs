//! Geometries as the index keeps them: within ±180 degrees, in small boxes, on a curve, as flat bytes, on the H3 grid and
//! on grids of boxes.
//!
//! Everything is planar in CRS84 degrees (longitude, latitude), as `ST_Intersects` is; a shape is a closed set.

mod bands;
mod box_grid;
mod boxes;
mod cut;
mod flat;
mod h3;
mod hilbert;
mod normalise;
mod parts;
pub mod planar;
mod simple;

use geo::{Centroid, CoordsIter, Geometry};

pub use box_grid::{Axis, BoxGrid};
pub use boxes::{UNITS_PER_DEGREE, degrees_of_box, merge_boxes, outward};
pub use flat::{FlatGeometry, FlatPart, PartKind, encode};
pub use h3::{CellFinder, CellGrid, h3_boundary, h3_cells};
pub use hilbert::{hilbert, hilbert_of_box};
pub use normalise::normalise;
pub use parts::{PART_BOXES_MAX, PART_DEGREES_MAX, part_boxes};

/// West, south, east, north of all positions, degrees, exactly as given; `None` for an empty geometry.
pub fn bounds(geometry: &Geometry<f64>) -> Option<[f64; 4]> {
    let mut positions = geometry.coords_iter();
    let first = positions.next()?;
    let mut bounds = [first.x, first.y, first.x, first.y];
    for c in positions {
        boxes::grow(&mut bounds, [c.x, c.y]);
    }
    Some(bounds)
}

/// Planar centroid (longitude, latitude) of the parts of highest dimension; `None` for an empty geometry.
pub fn centroid(geometry: &Geometry<f64>) -> Option<(f64, f64)> {
    geometry.centroid().map(|point| (point.x(), point.y()))
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use geo::{point, polygon};

    use super::*;

    #[test]
    fn bounds_are_the_exact_extremes_and_none_for_nothing() {
        let shape = Geometry::Polygon(polygon![(x: 0.1, y: 0.2), (x: -3.3, y: 7.7), (x: 5.5, y: -1.1)]);
        assert_eq!(bounds(&shape), Some([-3.3, -1.1, 5.5, 7.7]));
        assert_eq!(bounds(&Geometry::MultiPoint(geo::MultiPoint(Vec::new()))), None);
    }

    #[test]
    fn the_centroid_of_a_collection_is_that_of_its_areas() {
        let square = polygon![(x: 0., y: 0.), (x: 2., y: 0.), (x: 2., y: 2.), (x: 0., y: 2.)];
        let mixed = geo::GeometryCollection(vec![square.into(), point!(x: 50., y: 50.).into()]);
        assert_eq!(centroid(&Geometry::GeometryCollection(mixed)), Some((1.0, 1.0)));
    }
}
