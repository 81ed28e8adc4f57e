//! The valid polygons that contours in whole units enclose.
//!
//! The engine finds where edges meet and on which side of each the inside lies. The rings are made here of those edges: its own
//! put a hole whose corner is met by several exteriors now and then into the wrong one.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{Overlay, ShapeType};
use i_overlay::i_float::int::point::IntPoint;
use i_overlay::vector::edge::{SUBJ_LEFT, SUBJ_RIGHT};

pub(crate) type Ring = Vec<IntPoint>;

/// What the contours wind around, as polygons: an exterior with a positive area, then holes with negative ones. Rings do not
/// cross, meet in points only, and no polygon's inside falls into pieces. Rings that are not `seen` are left out.
pub(crate) fn polygons(contours: &[Ring], seen: impl Fn(&[IntPoint]) -> bool) -> Vec<Vec<Ring>> {
    let mut polygons = Vec::new();
    let mut holes = Vec::new();
    for rings in boundaries(&edges(contours)) {
        let (mut exterior, inner): (Vec<Ring>, Vec<Ring>) = rings.into_iter().partition(|ring| twice_area(ring) > 0);
        let inner = inner.into_iter().filter(|ring| seen(ring));
        match exterior.pop() {
            Some(exterior) if seen(&exterior) => polygons.push(std::iter::once(exterior).chain(inner).collect()),
            // The holes that touch an exterior vanish with it.
            Some(_) => {}
            None => holes.extend(inner),
        }
    }
    // Innermost first.
    polygons.sort_by_cached_key(|rings: &Vec<Ring>| twice_area(&rings[0]));
    let bounds: Vec<Bounds> = polygons.iter().map(|rings| Bounds::of(&rings[0])).collect();
    for hole in holes {
        let inside = Bounds::of(&hole);
        let around = |at: &usize| bounds[*at].contain(inside) && is_around(&polygons[*at][0], &hole);
        if let Some(at) = (0..polygons.len()).find(around) {
            polygons[at].push(hole);
        }
    }
    polygons
}

/// Twice the area by the surveyor's formula, positive where the inside lies to the left (x to the right, y up).
pub(crate) fn twice_area(ring: &[IntPoint]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| cross(wide(*a), wide(*b))).sum()
}

/// An edge with the inside to its left.
type Edge = [IntPoint; 2];

/// The edges between inside and outside, which meet at their ends only.
fn edges(contours: &[Ring]) -> Vec<Edge> {
    let mut overlay = Overlay::new(contours.iter().map(Vec::len).sum());
    overlay.add_contours(contours, ShapeType::Subject);
    let edges = overlay.build_separate_vectors(FillRule::NonZero).into_iter();
    let directed = edges.filter_map(|edge| match edge.fill & (SUBJ_LEFT | SUBJ_RIGHT) {
        SUBJ_LEFT => Some([edge.a, edge.b]),
        SUBJ_RIGHT => Some([edge.b, edge.a]),
        _ => None,
    });
    directed.collect()
}

/// Walks along each boundary of each connected piece of the inside, cut into rings that meet no point twice: of the outer
/// boundary the exterior and the holes that touch it, of an inner one holes.
fn boundaries(edges: &[Edge]) -> Vec<Vec<Ring>> {
    let mut starting: HashMap<IntPoint, Vec<usize>> = HashMap::with_capacity(edges.len());
    for (at, [from, _]) in edges.iter().enumerate() {
        starting.entry(*from).or_default().push(at);
    }
    // The next edge around the same piece is the first one clockwise.
    let next = |[from, to]: Edge| {
        let back = difference(from, to);
        let clockwise = |a: &&usize, b: &&usize| turn(back, edges[**a], edges[**b]);
        starting.get(&to).and_then(|candidates| candidates.iter().min_by(clockwise)).copied()
    };
    let mut walked = vec![false; edges.len()];
    let mut boundaries = Vec::new();
    for start in 0..edges.len() {
        let mut rings = Vec::new();
        let mut path: Ring = Vec::new();
        let mut on_path: HashSet<IntPoint> = HashSet::new();
        let mut current = Some(start);
        while let Some(at) = current.filter(|at| !walked[*at]) {
            walked[at] = true;
            let [from, to] = edges[at];
            path.push(from);
            on_path.insert(from);
            if on_path.contains(&to) {
                let first = path.iter().rposition(|p| *p == to).unwrap_or(0);
                let ring = path.split_off(first);
                ring.iter().for_each(|p| {
                    on_path.remove(p);
                });
                rings.push(without_straight_corners(&ring));
            }
            current = next(edges[at]);
        }
        if !rings.is_empty() {
            boundaries.push(rings);
        }
    }
    boundaries
}

/// Which of two edges from one point comes first, clockwise from the direction `back`.
fn turn(back: [i64; 2], a: Edge, b: Edge) -> Ordering {
    let [a, b] = [a, b].map(|[from, to]| difference(to, from));
    let half = |direction| cross(back, direction).signum();
    half(a).cmp(&half(b)).then_with(|| cross(a, b).cmp(&0))
}

/// The ring without the corners at which it goes straight on.
fn without_straight_corners(ring: &[IntPoint]) -> Ring {
    let n = ring.len();
    let bends = |at: &usize| {
        let [before, here, after] = [ring[(at + n - 1) % n], ring[*at], ring[(at + 1) % n]];
        cross(difference(here, before), difference(after, here)) != 0
    };
    (0..n).filter(bends).map(|at| ring[at]).collect()
}

#[derive(Clone, Copy)]
struct Bounds([i32; 4]);

impl Bounds {
    fn of(ring: &[IntPoint]) -> Self {
        let empty = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];
        let grown = |[w, s, e, n]: [i32; 4], p: &IntPoint| [w.min(p.x), s.min(p.y), e.max(p.x), n.max(p.y)];
        Self(ring.iter().fold(empty, grown))
    }

    fn contain(self, other: Self) -> bool {
        self.0[0] <= other.0[0] && self.0[1] <= other.0[1] && self.0[2] >= other.0[2] && self.0[3] >= other.0[3]
    }
}

/// Whether a ring lies around another one. The two may meet in points, and do not cross.
fn is_around(outer: &[IntPoint], inner: &[IntPoint]) -> bool {
    // No corner of a ring lies half a unit above another one, and rings that meet in corners do not meet there.
    let Some(lowest) = inner.iter().map(|p| p.y).min() else { return false };
    let height = f64::from(lowest) + 0.5;
    let Some(x) = crossings(inner, height).min_by(f64::total_cmp) else { return false };
    crossings(outer, height).filter(|crossing| *crossing < x).count() % 2 == 1
}

/// Where a ring crosses a height on which none of its corners lies.
fn crossings(ring: &[IntPoint], height: f64) -> impl Iterator<Item = f64> {
    let next = ring.iter().cycle().skip(1);
    let edges = ring.iter().zip(next).map(|(a, b)| [a, b].map(|p| [f64::from(p.x), f64::from(p.y)]));
    let crossing = edges.filter(move |[a, b]| (a[1] < height) != (b[1] < height));
    crossing.map(move |[a, b]| a[0] + (height - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
}

fn wide(p: IntPoint) -> [i64; 2] {
    [i64::from(p.x), i64::from(p.y)]
}

fn difference(a: IntPoint, b: IntPoint) -> [i64; 2] {
    let (a, b) = (wide(a), wide(b));
    [a[0] - b[0], a[1] - b[1]]
}

fn cross(a: [i64; 2], b: [i64; 2]) -> i64 {
    a[0] * b[1] - a[1] * b[0]
}

#[cfg(test)]
mod tests;
