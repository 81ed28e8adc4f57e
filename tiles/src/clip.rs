//! Cutting rings and lines to a box, in degrees, where the box is a rectangle in web mercator too.

use nilometer_indexer::geometry::planar::Position;

/// One side of a box: the axis, its value, and whether the inside lies above it.
type Side = (usize, f64, bool);

fn sides([west, south, east, north]: [f64; 4]) -> [Side; 4] {
    [(0, west, true), (0, east, false), (1, south, true), (1, north, false)]
}

/// Where the edge meets a side's line; does not depend on the edge's direction, so that neighbours cut alike.
fn crossing(a: Position, b: Position, (axis, at, _): Side) -> Position {
    let (a, b) = if a[axis] < b[axis] { (a, b) } else { (b, a) };
    let share = (at - a[axis]) / (b[axis] - a[axis]);
    let other = 1 - axis;
    let mut point = [at; 2];
    point[other] = a[other] + share * (b[other] - a[other]);
    point
}

/// The part of a closed ring in a box (Sutherland and Hodgman, CACM 17, 1974).
///
/// What falls into several pieces comes as one ring whose pieces hang together along the box's edges by paths that go
/// to and fro: its winding numbers are right everywhere, and who needs pieces resolves it.
pub(crate) fn clip_ring(ring: &[Position], bounds: [f64; 4]) -> Vec<Position> {
    let mut points = ring.to_vec();
    for side in sides(bounds) {
        let (axis, at, above) = side;
        let inside = |p: Position| if above { p[axis] >= at } else { p[axis] <= at };
        if points.iter().all(|p| inside(*p)) {
            continue;
        }
        let mut kept = Vec::with_capacity(points.len() + 4);
        let mut last = points.last().copied().unwrap_or_default();
        for point in points {
            if inside(point) != inside(last) {
                kept.push(crossing(last, point, side));
            }
            if inside(point) {
                kept.push(point);
            }
            last = point;
        }
        points = kept;
    }
    points
}

/// Whether a closed ring itself reaches into a box: one that lies around it, or beside it, does not.
pub(crate) fn ring_reaches(ring: &[Position], bounds: [f64; 4]) -> bool {
    ring.windows(2).any(|edge| clip_edge(edge[0], edge[1], bounds).is_some())
}

/// The pieces of a line in a box; one that only touches the box leaves a piece of one point.
pub(crate) fn clip_line(line: &[Position], bounds: [f64; 4]) -> Vec<Vec<Position>> {
    let mut pieces: Vec<Vec<Position>> = Vec::new();
    let mut open = false;
    for edge in line.windows(2) {
        let Some((from, to)) = clip_edge(edge[0], edge[1], bounds) else {
            open = false;
            continue;
        };
        match pieces.last_mut().filter(|piece| open && piece.last() == Some(&from)) {
            Some(piece) => piece.push(to),
            None => pieces.push(vec![from, to]),
        }
        open = to == edge[1];
    }
    pieces
}

fn clip_edge(from: Position, to: Position, bounds: [f64; 4]) -> Option<(Position, Position)> {
    let (mut from, mut to) = (from, to);
    for side in sides(bounds) {
        let (axis, at, above) = side;
        let inside = |p: Position| if above { p[axis] >= at } else { p[axis] <= at };
        match (inside(from), inside(to)) {
            (true, true) => {}
            (false, false) => return None,
            (true, false) => to = crossing(from, to, side),
            (false, true) => from = crossing(from, to, side),
        }
    }
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: [f64; 4] = [0.0, 0.0, 10.0, 10.0];

    fn area(ring: &[Position]) -> f64 {
        let next = ring.iter().cycle().skip(1);
        ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0
    }

    #[test]
    fn a_ring_keeps_the_area_that_it_has_in_the_box() {
        let square = [[-5.0, -5.0], [5.0, -5.0], [5.0, 5.0], [-5.0, 5.0], [-5.0, -5.0]];
        assert_eq!(area(&clip_ring(&square, BOX)), 25.0);
        let around = [[-5.0, -5.0], [15.0, -5.0], [15.0, 15.0], [-5.0, 15.0], [-5.0, -5.0]];
        assert_eq!(area(&clip_ring(&around, BOX)), 100.0);
        let comb = [
            [-1.0, 1.0],
            [5.0, 1.0],
            [5.0, 2.0],
            [-1.0, 2.0],
            [-1.0, 3.0],
            [5.0, 3.0],
            [5.0, 4.0],
            [-2.0, 4.0],
            [-2.0, 1.0],
            [-1.0, 1.0],
        ];
        assert_eq!(area(&clip_ring(&comb, BOX)), 10.0);
        assert!(clip_ring(&[[20.0, 20.0], [30.0, 20.0], [30.0, 30.0], [20.0, 20.0]], BOX).is_empty());
    }

    #[test]
    fn a_line_falls_into_its_pieces() {
        let line = [[-5.0, 5.0], [5.0, 5.0], [5.0, 15.0], [7.0, 15.0], [7.0, 5.0], [15.0, 5.0]];
        assert_eq!(
            clip_line(&line, BOX),
            [vec![[0.0, 5.0], [5.0, 5.0], [5.0, 10.0]], vec![[7.0, 10.0], [7.0, 5.0], [10.0, 5.0]]]
        );
        assert_eq!(clip_line(&[[1.0, 1.0], [2.0, 2.0], [3.0, 1.0]], BOX), [vec![[1.0, 1.0], [2.0, 2.0], [3.0, 1.0]]]);
        assert_eq!(clip_line(&[[-1.0, 1.0], [1.0, -1.0]], BOX), [vec![[0.0, 0.0], [0.0, 0.0]]]);
        assert!(clip_line(&[[-1.0, 0.5], [0.5, -1.0]], BOX).is_empty());
    }
}
