//! Exact spatial predicates of a caller's geometry against stored ones: planar, closed sets, as `ST_Intersects`.

mod boxes;
mod edges;
mod grid;

use nilometer_indexer::geometry::{FlatGeometry, encode, merge_boxes, normalise, outward, planar};
use nilometer_schemas::Bbox;

use edges::Edges;
use grid::Grid;

/// Most boxes that [`PreparedGeometry::bounds`] gives.
const BOUNDS_MAX: usize = 16;

/// A caller's geometry prepared for many tests against stored geometries.
#[derive(Debug)]
pub struct PreparedGeometry {
    shape: Shape,
    /// Around everything.
    overall: [f64; 4],
    bounds: Vec<[f64; 4]>,
    bounds_units: Vec<[i32; 4]>,
    vertices: usize,
}

#[derive(Debug)]
enum Shape {
    /// Rectangles, at most [`BOUNDS_MAX`].
    Boxes(Vec<[f64; 4]>),
    Grid(Box<Grid>),
}

impl PreparedGeometry {
    /// Prepares a geometry; longitudes beyond ±180 are brought back first.
    pub fn new(geometry: &geo::Geometry<f64>) -> Self {
        let bytes = encode(&normalise(geometry, None));
        // Own encoding: decoding it cannot fail, and nothing would be an empty geometry.
        let Some(flat) = FlatGeometry::decode(&bytes) else { return Self::of_boxes(Vec::new(), 0) };
        let vertices = flat.positions().len();
        if let Some(boxes) = boxes::rectangles(&flat, BOUNDS_MAX) {
            return Self::of_boxes(boxes, vertices);
        }
        let edges = Edges::new(&flat);
        let bounds = merge_boxes(edges.part_bounds.clone(), BOUNDS_MAX);
        let shape = Shape::Grid(Box::new(Grid::new(edges, flat.bounds())));
        Self { shape, overall: flat.bounds(), bounds_units: units(&bounds), bounds, vertices }
    }

    /// Prepares a box; one that crosses the antimeridian becomes two.
    pub fn from_bbox(bbox: Bbox) -> Self {
        let boxes: Vec<[f64; 4]> = bbox.split().into_iter().map(Bbox::numbers).collect();
        let vertices = 4 * boxes.len();
        Self::of_boxes(boxes, vertices)
    }

    fn of_boxes(boxes: Vec<[f64; 4]>, vertices: usize) -> Self {
        let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let overall = boxes
            .iter()
            .fold(nothing, |all, b| [all[0].min(b[0]), all[1].min(b[1]), all[2].max(b[2]), all[3].max(b[3])]);
        Self { overall, bounds_units: units(&boxes), bounds: boxes.clone(), shape: Shape::Boxes(boxes), vertices }
    }

    /// At most 16 boxes (west, south, east, north; degrees) that together contain the geometry: one a part while parts are
    /// few, else joined. None for an empty geometry. They may overlap.
    pub fn bounds(&self) -> &[[f64; 4]] {
        &self.bounds
    }

    /// [`Self::bounds`] in 1e-7 degrees, rounded outward.
    pub fn bounds_units(&self) -> &[[i32; 4]] {
        &self.bounds_units
    }

    /// Positions of the geometry within ±180, four for a box.
    pub fn vertex_count(&self) -> usize {
        self.vertices
    }

    /// True only if a box (west, south, east, north; degrees) certainly lies in an area of the geometry.
    pub fn covers_box(&self, asked: [f64; 4]) -> bool {
        match &self.shape {
            Shape::Boxes(boxes) => boxes.iter().any(|b| boxes::contains(*b, asked)),
            Shape::Grid(grid) => grid.covers_box(asked),
        }
    }

    /// True only if a box (west, south, east, north; degrees) certainly lies in an area of the geometry without touching
    /// its boundary.
    pub fn encloses_box(&self, asked: [f64; 4]) -> bool {
        let inside = |b: &[f64; 4]| b[0] < asked[0] && b[1] < asked[1] && b[2] > asked[2] && b[3] > asked[3];
        match &self.shape {
            Shape::Boxes(boxes) => boxes.iter().any(inside),
            // Cells within have no edge near them.
            Shape::Grid(grid) => grid.covers_box(asked),
        }
    }

    /// Whether a position lies on an edge, which of an area is its boundary.
    pub fn has_on_edge(&self, [x, y]: [f64; 2]) -> bool {
        match &self.shape {
            Shape::Boxes(boxes) => boxes
                .iter()
                .any(|&[w, s, e, n]| planar::in_box([x, y], [w, s, e, n]) && (x == w || x == e || y == s || y == n)),
            Shape::Grid(grid) => grid.has_on_edge([x, y]),
        }
    }

    /// West, south, east, north of all of it; of an empty geometry west > east.
    pub fn overall(&self) -> [f64; 4] {
        self.overall
    }

    /// True only if a box (west, south, east, north; degrees) certainly shares no point with the geometry.
    pub fn misses_box(&self, asked: [f64; 4]) -> bool {
        match &self.shape {
            Shape::Boxes(boxes) => !boxes.iter().any(|b| planar::boxes_touch(*b, asked)),
            Shape::Grid(grid) => grid.misses_box(asked),
        }
    }

    /// Whether the two share a point. Exact on the coordinates of both, without allocation.
    ///
    /// Areas follow the even-odd rule polygon by polygon; members of multi-polygons and collections may overlap.
    pub fn intersects(&self, stored: &FlatGeometry<'_>) -> bool {
        if !planar::boxes_touch(self.overall, stored.bounds()) {
            return false;
        }
        match &self.shape {
            Shape::Boxes(boxes) => boxes.iter().any(|b| boxes::touches(*b, stored)),
            Shape::Grid(grid) => grid.intersects(stored),
        }
    }
}

fn units(bounds: &[[f64; 4]]) -> Vec<[i32; 4]> {
    bounds.iter().copied().map(outward).collect()
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
