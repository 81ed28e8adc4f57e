//! The edges of one simple shape sorted into latitude bands: finds what lies near a small ring without looking at all edges.

use super::boxes::grow;
use super::planar::{Position, Ray, boxes_touch, in_box, in_rings, ray, segments_touch};
use super::simple::Simple;

/// Edges for each band, on average.
const EDGES_PER_BAND: usize = 4;
/// Most bands.
const BANDS_MAX: usize = 4096;

/// A line or polygon prepared for many tests against small closed rings.
pub(super) struct Bands {
    bounds: [f64; 4],
    bands_per_degree: f64,
    bands: Vec<Vec<[Position; 2]>>,
    is_area: bool,
    first: Position,
}

impl Bands {
    /// Prepares one member; points come one by one.
    pub(super) fn new(rings: &[Vec<Position>], is_area: bool) -> Option<Self> {
        let first = *rings.first()?.first()?;
        let mut bounds = [first[0], first[1], first[0], first[1]];
        rings.iter().flatten().for_each(|&p| grow(&mut bounds, p));
        let edges = rings.iter().map(Vec::len).sum::<usize>();
        let count = (edges / EDGES_PER_BAND).clamp(1, BANDS_MAX);
        let bands_per_degree = count as f64 / (bounds[3] - bounds[1]);
        let bands_per_degree = if bands_per_degree.is_finite() { bands_per_degree } else { 0.0 };
        let mut all = Self { bounds, bands_per_degree, bands: vec![Vec::new(); count], is_area, first };
        for ring in rings {
            if let [only] = ring[..] {
                all.insert([only, only]);
            }
            ring.windows(2).for_each(|edge| all.insert([edge[0], edge[1]]));
        }
        Some(all)
    }

    fn insert(&mut self, edge: [Position; 2]) {
        let (a, b) = (self.band(edge[0][1]), self.band(edge[1][1]));
        self.bands[a.min(b)..=a.max(b)].iter_mut().for_each(|band| band.push(edge));
    }

    /// Monotone in the latitude, so an edge is in the band of each of its latitudes.
    fn band(&self, y: f64) -> usize {
        (((y - self.bounds[1]) * self.bands_per_degree) as usize).min(self.bands.len() - 1)
    }

    pub(super) fn bounds(&self) -> [f64; 4] {
        self.bounds
    }

    /// Whether a position lies in the closed area; always false for lines.
    pub(super) fn contains(&self, p: Position) -> bool {
        if !self.is_area || !in_box(p, self.bounds) {
            return false;
        }
        let mut inside = false;
        for &[a, b] in &self.bands[self.band(p[1])] {
            match ray(p, a, b) {
                Ray::Miss => {}
                Ray::Cross => inside = !inside,
                Ray::On => return true,
            }
        }
        inside
    }

    /// Whether the shape shares a point with the closed area of a ring that has these bounds.
    pub(super) fn touches(&self, ring: &[Position], ring_bounds: [f64; 4]) -> bool {
        if !boxes_touch(self.bounds, ring_bounds) {
            return false;
        }
        let near = |[a, b]: &[Position; 2]| {
            boxes_touch([a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1])], ring_bounds)
        };
        for band in &self.bands[self.band(ring_bounds[1])..=self.band(ring_bounds[3])] {
            for edge in band.iter().filter(|edge| near(edge)) {
                if ring.windows(2).any(|side| segments_touch(edge[0], edge[1], side[0], side[1])) {
                    return true;
                }
            }
        }
        // No edges meet: one lies within the other, or they are apart.
        self.contains(ring[0]) || in_rings(self.first, std::iter::once(ring))
    }
}

/// The rings of a line or polygon as positions, and whether they enclose an area.
pub(super) fn rings_of(member: &Simple<'_>) -> Vec<(Vec<Vec<Position>>, bool)> {
    let positions = |coords: &[geo::Coord<f64>]| coords.iter().map(|c| [c.x, c.y]).collect::<Vec<_>>();
    match member {
        Simple::Points(points) => points.iter().map(|p| (vec![vec![[p.x(), p.y()]]], false)).collect(),
        Simple::Line(line) => vec![(vec![positions(line)], false)],
        Simple::Polygon(polygon) => {
            let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
            vec![(rings.map(|ring| positions(&ring.0)).collect(), true)]
        }
    }
}
