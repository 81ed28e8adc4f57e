//! Cutting geometries into small boxes for the tree: a satellite's pass fills a hundredth of its own bounding box.

use geo::{Coord, Geometry};

use super::boxes::{grow, merge_boxes, outward};
use super::simple::{Simple, simple_members};

/// Widest and highest part, degrees.
pub const PART_DEGREES_MAX: f64 = 5.0;
/// Most boxes of one geometry; above it neighbouring boxes are joined.
pub const PART_BOXES_MAX: usize = 4096;
/// Points of a MultiPoint that get a box each; more are divided like lines.
const SINGLE_POINTS_MAX: usize = 64;
/// Beyond this longitude or latitude a shape is no place on the globe and gets one box.
const DEGREES_SANE: f64 = 1080.0;
/// Widens what was cut, degrees: more than the rounding of all cuts together.
const CUT_ERROR_DEGREES: f64 = 1e-10;

/// Boxes (west, south, east, north) in 1e-7 degrees that together contain the geometry, rounded outward, clamped to the globe.
///
/// A simple member of at most 5 degrees gives one box, a larger one is halved until each part is that small; points of
/// a MultiPoint give one each up to 64. Holes are ignored. An empty geometry gives none, any other at least one and at
/// most [`PART_BOXES_MAX`]: beyond that, runs of boxes that are neighbours on the Hilbert curve are joined to coarser ones.
pub fn part_boxes(geometry: &Geometry<f64>) -> Vec<[i32; 4]> {
    let mut boxes = Vec::new();
    for member in simple_members(geometry) {
        match member {
            Simple::Points(points) if points.len() <= SINGLE_POINTS_MAX => {
                boxes.extend(points.iter().map(|p| [p.x(), p.y(), p.x(), p.y()]));
            }
            Simple::Points(points) => divide(Part::Points(points.iter().map(|p| p.0).collect()), &mut boxes),
            Simple::Line(line) if line.len() < 2 => boxes.extend(line.iter().map(|c| [c.x, c.y, c.x, c.y])),
            Simple::Line(line) => divide(Part::Edges(line.windows(2).map(|e| [e[0], e[1]]).collect()), &mut boxes),
            Simple::Polygon(polygon) => divide(Part::Ring(polygon.exterior().0.clone()), &mut boxes),
        }
    }
    merge_boxes(boxes, PART_BOXES_MAX).into_iter().map(outward).collect()
}

/// A part still to be divided, not empty.
enum Part {
    Points(Vec<Coord<f64>>),
    Edges(Vec<[Coord<f64>; 2]>),
    Ring(Vec<Coord<f64>>),
}

/// Longitude or latitude.
#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

impl Axis {
    fn of(self, c: Coord<f64>) -> f64 {
        match self {
            Self::X => c.x,
            Self::Y => c.y,
        }
    }
}

impl Part {
    fn bounds(&self) -> Option<[f64; 4]> {
        let mut bounds: Option<[f64; 4]> = None;
        let mut add = |c: Coord<f64>| match &mut bounds {
            Some(bounds) => grow(bounds, [c.x, c.y]),
            none => *none = Some([c.x, c.y, c.x, c.y]),
        };
        match self {
            Self::Points(coords) | Self::Ring(coords) => coords.iter().copied().for_each(&mut add),
            Self::Edges(edges) => edges.iter().flatten().copied().for_each(&mut add),
        }
        bounds
    }

    /// The closed lower (`sign` 1) or upper (-1) side of a cut.
    fn side(&self, axis: Axis, at: f64, sign: f64) -> Self {
        let keeps = |c: Coord<f64>| (axis.of(c) - at) * sign <= 0.0;
        match self {
            Self::Points(points) => Self::Points(points.iter().copied().filter(|&c| keeps(c)).collect()),
            Self::Edges(edges) => Self::Edges(
                edges
                    .iter()
                    .filter_map(|&[a, b]| match (keeps(a), keeps(b)) {
                        (true, true) => Some([a, b]),
                        (true, false) => Some([a, meet(a, b, axis, at)]),
                        (false, true) => Some([meet(a, b, axis, at), b]),
                        (false, false) => None,
                    })
                    .collect(),
            ),
            // Ring by half-plane (Sutherland and Hodgman, CACM 17 (1974), 32–42): may leave false edges along the cut, which
            // only widen a box within its cell.
            Self::Ring(ring) => {
                let mut kept = Vec::with_capacity(ring.len() + 2);
                for (i, &b) in ring.iter().enumerate() {
                    let a = ring[if i == 0 { ring.len() - 1 } else { i - 1 }];
                    if keeps(a) != keeps(b) {
                        kept.push(meet(a, b, axis, at));
                    }
                    if keeps(b) {
                        kept.push(b);
                    }
                }
                Self::Ring(kept)
            }
        }
    }
}

/// Where an edge meets a cut.
fn meet(a: Coord<f64>, b: Coord<f64>, axis: Axis, at: f64) -> Coord<f64> {
    let share = (at - axis.of(a)) / (axis.of(b) - axis.of(a));
    match axis {
        Axis::X => Coord { x: at, y: a.y + share * (b.y - a.y) },
        Axis::Y => Coord { x: a.x + share * (b.x - a.x), y: at },
    }
}

/// Halves a part until it is small, and adds the boxes of the pieces.
fn divide(part: Part, boxes: &mut Vec<[f64; 4]>) {
    let Some(bounds) = part.bounds() else { return };
    let sane = bounds.iter().all(|v| v.abs() <= DEGREES_SANE);
    if !sane || !is_large(bounds) {
        boxes.push(bounds);
        return;
    }
    let mut rest = vec![(part, bounds, bounds)];
    while let Some((part, bounds, cell)) = rest.pop() {
        if !is_large(bounds) {
            boxes.push(widen(bounds, cell));
            continue;
        }
        let axis = if bounds[2] - bounds[0] >= bounds[3] - bounds[1] { Axis::X } else { Axis::Y };
        let low = axis as usize;
        let at = middle(bounds[low], bounds[low + 2]);
        for sign in [1.0, -1.0] {
            let side = part.side(axis, at, sign);
            let Some(side_bounds) = side.bounds() else { continue };
            // What lies only on the cut belongs to the other side too.
            if sign < 0.0 && side_bounds[low + 2] == at {
                continue;
            }
            let mut side_cell = cell;
            side_cell[if sign > 0.0 { low + 2 } else { low }] = at;
            rest.push((side, side_bounds, side_cell));
        }
    }
}

fn is_large(bounds: [f64; 4]) -> bool {
    bounds[2] - bounds[0] > PART_DEGREES_MAX || bounds[3] - bounds[1] > PART_DEGREES_MAX
}

/// The cut nearest the middle that leaves whole multiples of the part size on one side.
fn middle(low: f64, high: f64) -> f64 {
    let parts = ((high - low) / PART_DEGREES_MAX).ceil();
    low + (high - low) * (parts / 2.0).floor() / parts
}

/// Makes up for the rounding of cuts, within the cell whose edges are exact.
fn widen(bounds: [f64; 4], cell: [f64; 4]) -> [f64; 4] {
    [
        (bounds[0] - CUT_ERROR_DEGREES).max(cell[0]),
        (bounds[1] - CUT_ERROR_DEGREES).max(cell[1]),
        (bounds[2] + CUT_ERROR_DEGREES).min(cell[2]),
        (bounds[3] + CUT_ERROR_DEGREES).min(cell[3]),
    ]
}

#[cfg(test)]
mod tests {
    use geo::{CoordsIter, Intersects, LineString, LinesIter, MapCoords, MultiPoint, Point, Polygon, Rect, polygon};
    use proptest::prelude::*;

    use super::super::{degrees_of_box, planar, samples};
    use super::*;

    fn covered(boxes: &[[i32; 4]], c: Coord<f64>) -> bool {
        boxes.iter().any(|b| planar::in_box([c.x, c.y], degrees_of_box(*b)))
    }

    #[test]
    fn a_small_shape_has_one_box_and_nothing_has_none() {
        let quad = Geometry::Polygon(polygon![(x: 0.5, y: 0.), (x: 1., y: 0.5), (x: 0.5, y: 1.), (x: 0., y: 0.5)]);
        let boxes = part_boxes(&quad);
        assert_eq!(boxes.len(), 1);
        assert_eq!(degrees_of_box(boxes[0]), [0.0, 0.0, 1.0, 1.0]);
        assert!(part_boxes(&Geometry::LineString(LineString(Vec::new()))).is_empty());
    }

    #[test]
    fn a_long_oblique_strip_has_boxes_that_fill_a_small_part_of_its_bounds() {
        let strip = polygon![(x: -60., y: -60.), (x: -59., y: -60.), (x: 61., y: 60.), (x: 60., y: 60.)];
        let boxes = part_boxes(&Geometry::Polygon(strip));
        let area: f64 = boxes.iter().map(|b| degrees_of_box(*b)).map(|b| (b[2] - b[0]) * (b[3] - b[1])).sum();
        assert!(area < 0.1 * 121.0 * 120.0, "{area} in {} boxes", boxes.len());
    }

    #[test]
    fn the_whole_globe_and_shapes_off_it_stay_within_the_limit() {
        let check = |west: f64, south: f64, east: f64, north: f64, most: usize| {
            let rect = Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north });
            let boxes = part_boxes(&Geometry::Polygon(rect.to_polygon()));
            assert!((1..=most).contains(&boxes.len()), "{}", boxes.len());
        };
        check(-180.0, -90.0, 180.0, 90.0, 72 * 36);
        check(-1e300, -1e300, 1e300, 1e300, 1);
        check(200.0, 95.0, 201.0, 96.0, 1);
        check(f64::INFINITY, 0.0, f64::INFINITY, 0.0, 1);
    }

    #[test]
    fn many_points_are_joined_to_at_most_the_limit() {
        let few = MultiPoint((0..64).map(|i| Point::new(f64::from(i), 0.0)).collect());
        assert_eq!(part_boxes(&few.into()).len(), 64);
        let many: Vec<Geometry<f64>> =
            (0..10_000).map(|i| Point::new(f64::from(i % 360) - 180.0, f64::from(i % 179) - 89.0).into()).collect();
        let boxes = part_boxes(&Geometry::GeometryCollection(geo::GeometryCollection(many.clone())));
        assert!(boxes.len() <= PART_BOXES_MAX);
        assert!(many.iter().all(|p| p.coords_iter().all(|c| covered(&boxes, c))));
    }

    /// Positions on the edges and, for polygons, inside.
    fn sample(geometry: &Geometry<f64>, shares: &[(f64, f64)]) -> Vec<Coord<f64>> {
        let edges: Vec<_> = match geometry {
            Geometry::Polygon(p) => p.lines_iter().collect(),
            Geometry::LineString(l) => l.lines().collect(),
            Geometry::MultiPolygon(m) => m.lines_iter().collect(),
            Geometry::MultiLineString(m) => m.lines_iter().collect(),
            _ => Vec::new(),
        };
        let bounds = super::super::bounds(geometry).unwrap_or_default();
        let on_edges = edges.iter().flat_map(|e| shares.iter().map(move |&(a, _)| e.start + (e.end - e.start) * a));
        let inside = shares.iter().map(|&(a, b)| Coord {
            x: bounds[0] + a * (bounds[2] - bounds[0]),
            y: bounds[1] + b * (bounds[3] - bounds[1]),
        });
        let inside = inside.filter(|c| geometry.intersects(c));
        geometry.coords_iter().chain(on_edges).chain(inside).collect()
    }

    proptest! {
        #[test]
        fn every_position_of_a_shape_is_in_a_box_and_every_box_is_small(
            shape in samples::geometry(), stretch in 0.1..8.0f64,
            shares in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64), 40)
        ) {
            let shape = shape.map_coords(|c| Coord { x: c.x * stretch, y: c.y * stretch / 2.0 });
            let boxes = part_boxes(&shape);
            for c in sample(&shape, &shares) {
                // The sample itself lies beside the edge by a rounding error.
                let near = |d: f64| covered(&boxes, Coord { x: c.x + d, y: c.y }) || covered(&boxes, Coord { x: c.x, y: c.y + d });
                prop_assert!(covered(&boxes, c) || near(1e-13) || near(-1e-13), "{c:?} in {boxes:?}");
            }
            for b in boxes {
                let [w, s, e, n] = degrees_of_box(b);
                prop_assert!(e - w < PART_DEGREES_MAX + 5e-7 && n - s < PART_DEGREES_MAX + 5e-7);
            }
        }

        #[test]
        fn a_shape_and_a_box_that_touch_do_so_in_integers_too(
            star in samples::star_with_hole(), (x, y, width, height) in (-9..9i32, -9..9i32, 0..6i32, 0..6i32)
        ) {
            let (west, south) = (f64::from(x), f64::from(y));
            let asked = [west, south, west + f64::from(width), south + f64::from(height)];
            let rect = Rect::new(Coord { x: asked[0], y: asked[1] }, Coord { x: asked[2], y: asked[3] });
            let hit = part_boxes(&Geometry::Polygon(star.clone())).iter().any(|part| {
                let asked = outward(asked);
                part[0] <= asked[2] && asked[0] <= part[2] && part[1] <= asked[3] && asked[1] <= part[3]
            });
            prop_assert!(hit || !star.intersects(&Polygon::from(rect)));
        }
    }
}
