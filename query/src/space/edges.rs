//! A caller's geometry as a list of edges.

use nilometer_indexer::geometry::planar::Position;
use nilometer_indexer::geometry::{FlatGeometry, PartKind};

/// One edge; a point is an edge of length zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) a: Position,
    pub(super) b: Position,
    /// Index of the polygon that the edge bounds.
    pub(super) polygon: Option<u32>,
}

/// All edges of a geometry, those of one polygon in one run.
#[derive(Debug)]
pub(super) struct Edges {
    pub(super) list: Vec<Edge>,
    /// One position of every simple part: where two shapes meet with no edge, one lies within the other.
    pub(super) anchors: Vec<Position>,
    /// Bounds of every simple part; of every point for points.
    pub(super) part_bounds: Vec<[f64; 4]>,
}

impl Edges {
    pub(super) fn new(geometry: &FlatGeometry<'_>) -> Self {
        let mut edges = Self { list: Vec::new(), anchors: Vec::new(), part_bounds: Vec::new() };
        for (i, part) in geometry.parts().enumerate() {
            match part.kind() {
                PartKind::Points => part.rings().flatten().for_each(|&p| edges.push_run(&[p], None)),
                PartKind::Line => part.rings().for_each(|line| edges.push_run(line, None)),
                PartKind::Polygon => {
                    let mut rings = part.rings();
                    rings.next().into_iter().for_each(|exterior| edges.push_run(exterior, Some(i as u32)));
                    rings.for_each(|hole| edges.push_edges(hole, Some(i as u32)));
                }
            }
        }
        edges
    }

    /// A point, a line, or the exterior of a polygon.
    fn push_run(&mut self, run: &[Position], polygon: Option<u32>) {
        let Some(&[x, y]) = run.first() else { return };
        let bounds = run
            .iter()
            .fold([x, y, x, y], |all, p| [all[0].min(p[0]), all[1].min(p[1]), all[2].max(p[0]), all[3].max(p[1])]);
        self.anchors.push([x, y]);
        self.part_bounds.push(bounds);
        self.push_edges(run, polygon);
    }

    fn push_edges(&mut self, run: &[Position], polygon: Option<u32>) {
        if let [only] = run[..] {
            self.list.push(Edge { a: only, b: only, polygon: None });
        }
        self.list.extend(run.windows(2).map(|edge| Edge { a: edge[0], b: edge[1], polygon }));
    }
}
