//! What a row holds of a geometry alone, computed once for the geometries that repeat within a group of writes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use geo::{CoordsIter, Geometry};

use super::rtree::PartBox;
use crate::geometry;

/// Positions from which remembering a geometry costs less than computing it again.
const POSITIONS_MIN: usize = 16;
/// Positions that are remembered in all, about 100 MB with what is made of them.
const POSITIONS_MAX: usize = 1_000_000;

/// A geometry as rows hold it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Flat exact geometry; empty without geometry.
    pub(crate) geometry: Vec<u8>,
    /// Planar centroid; NaN without geometry.
    pub(crate) centroid: [f64; 2],
    pub(crate) parts: Vec<PartBox>,
}

impl Shape {
    /// The shape of an item's geometry and box.
    pub(crate) fn of(geometry: Option<&Geometry<f64>>, bbox: Option<[f64; 4]>) -> Self {
        let normal = geometry.map(|g| geometry::normalise(g, bbox));
        // Without a position there is nothing to find or to place on a grid: the same as no geometry.
        let normal = normal.filter(|g| geometry::bounds(g).is_some());
        let centroid = normal.as_ref().and_then(|g| geometry::centroid(g)).map_or([f64::NAN; 2], |(x, y)| [x, y]);
        Self {
            geometry: normal.as_ref().map(|g| geometry::encode(g)).unwrap_or_default(),
            centroid,
            parts: normal.as_ref().map(|g| geometry::part_boxes(g)).unwrap_or_default(),
        }
    }
}

/// A geometry with the box of its item, on which its shape depends.
type Given = (Geometry<f64>, Option<[f64; 4]>);

/// Shapes computed so far.
#[derive(Default)]
pub(crate) struct Shapes {
    known: HashMap<u64, Vec<(Given, Shape)>>,
    positions: usize,
}

impl Shapes {
    /// As [`Shape::of`].
    pub(crate) fn get(&mut self, geometry: Option<&Geometry<f64>>, bbox: Option<[f64; 4]>) -> Shape {
        let Some(given) = geometry else { return Shape::of(None, bbox) };
        let positions = given.coords_count();
        if positions < POSITIONS_MIN {
            return Shape::of(geometry, bbox);
        }
        let mut hasher = DefaultHasher::new();
        given.coords_iter().for_each(|c| [c.x.to_bits(), c.y.to_bits()].hash(&mut hasher));
        let same = self.known.entry(hasher.finish()).or_default();
        if let Some((_, shape)) = same.iter().find(|((g, b), _)| g == given && *b == bbox) {
            return shape.clone();
        }
        let shape = Shape::of(geometry, bbox);
        if self.positions + positions <= POSITIONS_MAX {
            self.positions += positions;
            same.push(((given.clone(), bbox), shape.clone()));
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::samples;

    proptest! {
        #[test]
        fn a_remembered_shape_is_the_one_that_would_be_computed(
            shapes in prop::collection::vec(samples::geometry(), 1..8), order in prop::collection::vec(0..8usize, 1..30)
        ) {
            let mut known = Shapes::default();
            let bbox = [None, Some([170.0, -10.0, -170.0, 10.0])];
            for (turn, at) in order.into_iter().enumerate() {
                let geometry = &shapes[at % shapes.len()];
                let (got, bare) = (known.get(Some(geometry), bbox[turn % 2]), Shape::of(Some(geometry), bbox[turn % 2]));
                prop_assert_eq!((got.geometry, got.parts), (bare.geometry, bare.parts));
                prop_assert_eq!(got.centroid.map(f64::to_bits), bare.centroid.map(f64::to_bits));
            }
        }
    }
}
