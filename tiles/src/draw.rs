//! A stored shape as a tile shows it: cut to the tile with its buffer, straight in degrees, simplified to half a pixel, in
//! whole tile units, valid.

use geo::{Coord, Geometry, LineString, Polygon};
use i_overlay::i_float::int::point::IntPoint;
use nilometer_indexer::geometry::planar::{Position, boxes_touch, in_box};
use nilometer_indexer::geometry::{FlatGeometry, PartKind, encode};

use crate::address::TileAddress;
use crate::clip::{clip_line, clip_ring, ring_reaches};
use crate::frame::Frame;
use crate::mvt::{self, Point};
use crate::rings::{Ring, polygons, twice_area};

/// How far the straight line of a chart may lie from the straight line in degrees before a point is put in, tile units.
const BEND_MAX: f64 = 1.0;
/// Halvings of an edge for [`BEND_MAX`].
const HALVINGS_MAX: u32 = 16;

/// What a shape is in a tile: areas, lines and points, of which each may be absent.
pub(crate) struct Drawn {
    pub(crate) geometries: Vec<mvt::Geometry>,
}

/// Collects the members of one shape.
#[derive(Default)]
struct Pieces {
    contours: Vec<Ring>,
    lines: Vec<Vec<Point>>,
    points: Vec<Point>,
    /// A position that is drawn where nothing else is left.
    spot: Option<Point>,
    /// Areas below this many square tile units, one pixel, are drawn as a point.
    area_min: f64,
}

/// Draws a shape. What is smaller than a pixel becomes a point, so that every shape that reaches into the frame is seen;
/// `None` if it does not reach into it.
pub(crate) fn draw(shape: &FlatGeometry<'_>, frame: &Frame) -> Option<Drawn> {
    let mut pieces = Pieces { area_min: (2.0 * frame.tolerance).powi(2), ..Pieces::default() };
    for shift in frame.shifts() {
        let [west, south, east, north] = frame.bounds;
        let window = [west - shift, south, east - shift, north];
        if boxes_touch(shape.bounds(), window) {
            shape.parts().for_each(|part| {
                let mut rings = part.rings();
                match part.kind() {
                    PartKind::Points => pieces.add_points(rings.flatten(), window, shift, frame),
                    PartKind::Line => rings.for_each(|line| pieces.add_line(line, window, shift, frame)),
                    PartKind::Polygon => {
                        if let Some(exterior) = rings.next() {
                            pieces.add_ring(exterior, true, window, shift, frame);
                            rings.for_each(|hole| pieces.add_ring(hole, false, window, shift, frame));
                        }
                    }
                }
            });
        }
    }
    pieces.finish()
}

/// A geometry as a tile shows it, for maps that are made from files and not from a search. `tolerance` is how far a drawn
/// line may lie from the true one, in tile units; areas less than twice that wide and high are drawn as a point. Nothing for
/// a geometry that does not reach into the tile with its buffer.
pub fn shape_in_tile(shape: &Geometry<f64>, address: TileAddress, tolerance: f64) -> Vec<mvt::Geometry> {
    let bytes = encode(shape);
    let frame = Frame::of(address).with_tolerance(tolerance);
    let drawn = FlatGeometry::decode(&bytes).and_then(|shape| draw(&shape, &frame));
    drawn.map_or_else(Vec::new, |drawn| drawn.geometries)
}

/// What of a geometry can be seen in a tile and the tiles below it: drawing those from it gives the same as drawing them
/// from the whole. Cut polygons hang together along the tile's edges, and are not for measuring. `None` for nothing.
pub fn part_for_tile(shape: &Geometry<f64>, address: TileAddress) -> Option<Geometry<f64>> {
    let frame = Frame::of(address);
    let bytes = encode(shape);
    let flat = FlatGeometry::decode(&bytes)?;
    let line = |ring: &[Position]| ring.iter().map(|p| Coord { x: p[0], y: p[1] }).collect::<LineString<f64>>();
    let mut members: Vec<Geometry<f64>> = Vec::new();
    for shift in frame.shifts() {
        let [west, south, east, north] = frame.bounds;
        let window = [west - shift, south, east - shift, north];
        for part in flat.parts() {
            let mut rings = part.rings();
            match part.kind() {
                PartKind::Points => {
                    let inside = rings.flatten().filter(|p| in_box(**p, window));
                    members.extend(inside.map(|p| geo::Point::new(p[0], p[1]).into()));
                }
                PartKind::Line => {
                    members.extend(rings.flat_map(|ring| clip_line(ring, window)).map(|piece| line(&piece).into()));
                }
                PartKind::Polygon => {
                    let exterior = rings.next().map(|ring| line(&clip_ring(ring, window)));
                    let Some(exterior) = exterior.filter(|ring| !ring.0.is_empty()) else { continue };
                    let holes = rings.map(|ring| line(&clip_ring(ring, window))).filter(|ring| !ring.0.is_empty());
                    members.push(Polygon::new(exterior, holes.collect()).into());
                }
            }
        }
    }
    (!members.is_empty()).then_some(Geometry::GeometryCollection(geo::GeometryCollection(members)))
}

/// The nearest point in whole tile units.
fn whole(point: [f64; 2]) -> Point {
    // Far beyond any frame: what is drawn is cut to the frame before.
    point.map(|v| v.round() as i32)
}

impl Pieces {
    fn add_points<'p>(
        &mut self,
        points: impl Iterator<Item = &'p Position>,
        window: [f64; 4],
        shift: f64,
        frame: &Frame,
    ) {
        let inside = points.filter(|p| in_box(**p, window));
        self.points.extend(inside.map(|p| whole(frame.project([p[0] + shift, p[1]]))));
    }

    fn add_line(&mut self, line: &[Position], window: [f64; 4], shift: f64, frame: &Frame) {
        for piece in clip_line(line, window) {
            let points = rounded(&simplified(&projected(&piece, shift, frame), frame.tolerance));
            self.spot = self.spot.or(points.first().copied());
            if points.len() > 1 {
                self.lines.push(points);
            }
        }
    }

    fn add_ring(&mut self, ring: &[Position], exterior: bool, window: [f64; 4], shift: f64, frame: &Frame) {
        let reaches = ring_reaches(ring, window);
        let mut ring = clip_ring(ring, window);
        let Some(first) = ring.first().copied() else { return };
        if ring.last() != Some(&first) {
            ring.push(first);
        }
        let points = projected(&ring, shift, frame);
        // Of a ring beside the frame a path along its edges may be left, where nothing is to be seen.
        if reaches && self.spot.is_none() {
            self.spot = middle(&points);
        }
        let mut contour: Ring =
            rounded(&simplified(&points, frame.tolerance)).into_iter().map(|[x, y]| IntPoint { x, y }).collect();
        if contour.len() > 1 && contour.first() == contour.last() {
            contour.pop();
        }
        if contour.len() < 3 {
            return;
        }
        // Exteriors turn one way and holes the other, so that winding numbers tell inside from outside.
        if (twice_area(&contour) > 0) != exterior {
            contour.reverse();
        }
        self.contours.push(contour);
    }

    fn finish(mut self) -> Option<Drawn> {
        let mut geometries = Vec::new();
        let polygons = valid_polygons(&self.contours, self.area_min);
        if !polygons.is_empty() {
            geometries.push(mvt::Geometry::Polygons(polygons));
        }
        if !self.lines.is_empty() {
            geometries.push(mvt::Geometry::Lines(self.lines));
        }
        if geometries.is_empty() && self.points.is_empty() {
            self.points.extend(self.spot);
        }
        self.points.sort_unstable();
        self.points.dedup();
        if !self.points.is_empty() {
            geometries.push(mvt::Geometry::Points(self.points));
        }
        (!geometries.is_empty()).then_some(Drawn { geometries })
    }
}

/// The middle of the box around points.
fn middle(points: &[[f64; 2]]) -> Option<Point> {
    let first = *points.first()?;
    let mut bounds = [first, first];
    for p in points {
        for axis in 0..2 {
            bounds[0][axis] = bounds[0][axis].min(p[axis]);
            bounds[1][axis] = bounds[1][axis].max(p[axis]);
        }
    }
    Some(whole([(bounds[0][0] + bounds[1][0]) / 2.0, (bounds[0][1] + bounds[1][1]) / 2.0]))
}

/// A line in tile units; where the straight line in degrees bends on the chart, with further points.
fn projected(line: &[Position], shift: f64, frame: &Frame) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = Vec::with_capacity(line.len());
    let mut last: Option<(Position, [f64; 2])> = None;
    for p in line {
        let position = [p[0] + shift, p[1]];
        let point = frame.project(position);
        if let Some(last) = last {
            bend(last, (position, point), frame, HALVINGS_MAX, &mut points);
        }
        points.push(point);
        last = Some((position, point));
    }
    points
}

/// Puts the points between two ends that keep the chart's line at the true one.
fn bend(
    from: (Position, [f64; 2]),
    to: (Position, [f64; 2]),
    frame: &Frame,
    halvings: u32,
    points: &mut Vec<[f64; 2]>,
) {
    // Along meridians and parallels the chart's lines are straight.
    if halvings == 0 || from.0[0] == to.0[0] || from.0[1] == to.0[1] || (from.1[0] - to.1[0]).abs() < BEND_MAX {
        return;
    }
    let position = [(from.0[0] + to.0[0]) / 2.0, (from.0[1] + to.0[1]) / 2.0];
    let point = frame.project(position);
    // A line through the equator bends both ways, so that its middle alone does not tell.
    let crosses = (from.0[1] > 0.0) != (to.0[1] > 0.0) && (from.1[1] - to.1[1]).abs() > f64::from(crate::EXTENT);
    if (point[1] - (from.1[1] + to.1[1]) / 2.0).abs() <= BEND_MAX && !crosses {
        return;
    }
    let middle = (position, point);
    bend(from, middle, frame, halvings - 1, points);
    points.push(point);
    bend(middle, to, frame, halvings - 1, points);
}

/// The line without the points that lie within the tolerance of what is left (Douglas and Peucker, 1973). The ends stay.
fn simplified(line: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
    if line.len() <= 2 {
        return line.to_vec();
    }
    let mut keep = vec![false; line.len()];
    let last = line.len() - 1;
    (keep[0], keep[last]) = (true, true);
    let mut spans = vec![(0, last)];
    while let Some((from, to)) = spans.pop() {
        let far = (from + 1..to).map(|at| (distance2(line[at], line[from], line[to]), at));
        if let Some((distance, at)) = far.max_by(|a, b| a.0.total_cmp(&b.0))
            && distance > tolerance * tolerance
        {
            keep[at] = true;
            spans.extend([(from, at), (at, to)]);
        }
    }
    line.iter().zip(keep).filter(|(_, keep)| *keep).map(|(point, _)| *point).collect()
}

/// Square of the distance from a point to a segment.
fn distance2(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length2 = dx * dx + dy * dy;
    let share = if length2 > 0.0 { (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (p[0] - a[0] - share * dx, p[1] - a[1] - share * dy);
    x * x + y * y
}

/// Whole units, each point once in a row.
fn rounded(line: &[[f64; 2]]) -> Vec<Point> {
    let mut points: Vec<Point> = line.iter().copied().map(whole).collect();
    points.dedup();
    points
}

/// The polygons that contours enclose: whole units may make edges meet, and cutting leaves paths along the frame.
fn valid_polygons(contours: &[Ring], area_min: f64) -> Vec<Vec<Vec<Point>>> {
    let points = |ring: &[IntPoint]| ring.iter().map(|p| [p.x, p.y]).collect::<Vec<Point>>();
    let seen = |ring: &[IntPoint]| twice_area(ring).abs() as f64 / 2.0 >= area_min;
    match contours {
        [] => Vec::new(),
        // Most of what there is: swath tiles and boxes of granules.
        [only] if only.len() <= 4 && is_convex(only) => {
            if seen(only) {
                vec![vec![points(only)]]
            } else {
                Vec::new()
            }
        }
        contours => {
            let as_points = |rings: Vec<Ring>| rings.iter().map(|ring| points(ring)).collect();
            polygons(contours, seen).into_iter().map(as_points).collect()
        }
    }
}

/// Whether all corners of a triangle or quadrangle turn the positive way.
fn is_convex(ring: &[IntPoint]) -> bool {
    let n = ring.len();
    (0..n).all(|i| {
        let [a, b, c] = [ring[i], ring[(i + 1) % n], ring[(i + 2) % n]].map(|p| (i64::from(p.x), i64::from(p.y)));
        (b.0 - a.0) * (c.1 - b.1) - (b.1 - a.1) * (c.0 - b.0) > 0
    })
}

#[cfg(test)]
mod tests;
