//! Exact planar predicates on positions and segments; orientation is decided with adaptive precision.

use geo::{Coord, GeoNum, Kernel, Orientation};

/// Longitude, latitude in degrees.
pub type Position = [f64; 2];

/// Side of `c` seen along `a` → `b`: 1 left, -1 right, 0 on the line, without rounding errors.
#[inline]
pub fn side(a: Position, b: Position, c: Position) -> i8 {
    let coord = |p: Position| Coord { x: p[0], y: p[1] };
    match <f64 as GeoNum>::Ker::orient2d(coord(a), coord(b), coord(c)) {
        Orientation::CounterClockwise => 1,
        Orientation::Clockwise => -1,
        Orientation::Collinear => 0,
    }
}

/// Whether the boxes spanned by two segments share a point.
#[inline]
fn spans_touch(a: Position, b: Position, c: Position, d: Position) -> bool {
    a[0].min(b[0]) <= c[0].max(d[0])
        && c[0].min(d[0]) <= a[0].max(b[0])
        && a[1].min(b[1]) <= c[1].max(d[1])
        && c[1].min(d[1]) <= a[1].max(b[1])
}

/// Whether the closed segments `ab` and `cd` share a point. A segment of length zero is a point.
#[inline]
pub fn segments_touch(a: Position, b: Position, c: Position, d: Position) -> bool {
    if !spans_touch(a, b, c, d) {
        return false;
    }
    // Both ends strictly on one side of the other's line separate the two. If neither line separates them, they meet,
    // and collinear segments meet because their spans do.
    side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0
}

/// Whether the closed segment `ab` and the closed box (west, south, east, north) share a point.
#[inline]
pub fn segment_touches_box(a: Position, b: Position, [w, s, e, n]: [f64; 4]) -> bool {
    if a[0].min(b[0]) > e || a[0].max(b[0]) < w || a[1].min(b[1]) > n || a[1].max(b[1]) < s {
        return false;
    }
    if in_box(a, [w, s, e, n]) || in_box(b, [w, s, e, n]) {
        return true;
    }
    // The spans overlap: the only line that can still separate them is the segment's own.
    let first = side(a, b, [w, s]);
    first == 0 || side(a, b, [e, s]) != first || side(a, b, [e, n]) != first || side(a, b, [w, n]) != first
}

/// Whether a position lies in a closed box (west, south, east, north).
#[inline]
pub fn in_box(p: Position, [w, s, e, n]: [f64; 4]) -> bool {
    p[0] >= w && p[0] <= e && p[1] >= s && p[1] <= n
}

/// Whether two closed boxes (west, south, east, north) share a point.
#[inline]
pub fn boxes_touch(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// What an edge does to the eastward ray from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ray {
    /// Neither crossed nor touched.
    Miss,
    /// Crossed: the parity changes.
    Cross,
    /// The position itself lies on the edge.
    On,
}

/// Tests the eastward ray from `p` against the edge `ab`. Edges are half-open in latitude, so that a vertex counts once.
#[inline]
pub fn ray(p: Position, a: Position, b: Position) -> Ray {
    let [x, y] = p;
    if y < a[1].min(b[1]) || y > a[1].max(b[1]) || x > a[0].max(b[0]) {
        return Ray::Miss;
    }
    let crosses = (a[1] > y) != (b[1] > y);
    if x < a[0].min(b[0]) {
        return if crosses { Ray::Cross } else { Ray::Miss };
    }
    let side = side(a, b, p);
    if side == 0 {
        return Ray::On;
    }
    // The ray meets an upward edge that has the position on its left, or a downward one that has it on its right.
    if crosses && (side > 0) == (b[1] > a[1]) { Ray::Cross } else { Ray::Miss }
}

/// Whether a position lies in the closed area of a polygon's rings, holes respected (even-odd rule).
pub fn in_rings<'r>(p: Position, rings: impl Iterator<Item = &'r [Position]>) -> bool {
    let mut inside = false;
    for ring in rings {
        for edge in ring.windows(2) {
            match ray(p, edge[0], edge[1]) {
                Ray::Miss => {}
                Ray::Cross => inside = !inside,
                Ray::On => return true,
            }
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use geo::{Coord, Intersects, Line, LineString, Polygon, Rect};
    use proptest::prelude::*;

    use super::*;

    fn lattice() -> impl Strategy<Value = Position> {
        (0..6i32, 0..6i32).prop_map(|(x, y)| [f64::from(x), f64::from(y)])
    }

    fn line(a: Position, b: Position) -> Line<f64> {
        Line::new(Coord::from(a), Coord::from(b))
    }

    proptest! {
        #[test]
        fn segments_touch_exactly_when_geo_says_so(a in lattice(), b in lattice(), c in lattice(), d in lattice()) {
            prop_assert_eq!(segments_touch(a, b, c, d), line(a, b).intersects(&line(c, d)));
        }

        #[test]
        fn a_segment_touches_a_box_exactly_when_geo_says_so(a in lattice(), b in lattice(), c in lattice(), d in lattice()) {
            let rect = Rect::new(Coord::from(c), Coord::from(d)).to_polygon();
            let bounds = [c[0].min(d[0]), c[1].min(d[1]), c[0].max(d[0]), c[1].max(d[1])];
            prop_assert_eq!(segment_touches_box(a, b, bounds), rect.intersects(&line(a, b)));
        }

        #[test]
        fn a_position_is_in_a_triangle_exactly_when_geo_says_so(a in lattice(), b in lattice(), c in lattice(), p in lattice()) {
            if side(a, b, c) == 0 {
                return Ok(());
            }
            let triangle = Polygon::new(LineString(vec![Coord::from(a), b.into(), c.into(), a.into()]), Vec::new());
            prop_assert_eq!(in_rings(p, std::iter::once(&[a, b, c, a][..])), triangle.intersects(&Coord::from(p)));
        }
    }
}
