//! Bringing geometries within ±180 degrees of longitude.

use std::borrow::Cow;

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

use super::bounds;
use super::cut::{HalfPlane, cut_line, cut_polygon};

/// Widest longitude that is brought back: one turn beyond the map on either side.
const LON_MAX: f64 = 540.0;

/// The geometry within ±180 degrees of longitude; borrowed when there is nothing to change.
///
/// - Parts beyond ±180 are cut at the meridian and shifted by 360: polygons to polygons with their holes, lines to
///   pieces; points are shifted. A part that only touches a meridian from beyond leaves nothing on this side of it.
///   Positions between cuts keep their place exactly (the shift of a longitude between 180 and 360 is exact in `f64`).
/// - `bbox` is the record's own bounding box (west, south, east, north). If it says west > east, rings and lines with an
///   edge over more than 180 degrees of longitude are taken to cross the antimeridian the short way: they are unwrapped,
///   then cut. Without such a box they stay planar as given: nothing is guessed.
/// - What cannot be decided stays as given: a ring that does not close when unwrapped (it goes around a pole), and
///   longitudes beyond ±540.
pub fn normalise(geometry: &Geometry<f64>, bbox: Option<[f64; 4]>) -> Cow<'_, Geometry<f64>> {
    let crosses = bbox.is_some_and(|[west, _, east, _]| west > east);
    let Some([west, _, east, _]) = bounds(geometry) else { return Cow::Borrowed(geometry) };
    let within = west >= -180.0 && east <= 180.0;
    let unwraps = crosses && east - west > 180.0;
    if within && !unwraps || !(west >= -LON_MAX && east <= LON_MAX) {
        return Cow::Borrowed(geometry);
    }
    match rewrite(geometry, unwraps) {
        Some(cut) => Cow::Owned(cut),
        None => Cow::Borrowed(geometry),
    }
}

/// The geometry cut, or `None` if some part cannot be decided.
fn rewrite(geometry: &Geometry<f64>, unwraps: bool) -> Option<Geometry<f64>> {
    Some(match geometry {
        Geometry::Point(point) => Geometry::Point(shifted(*point)),
        Geometry::MultiPoint(points) => {
            Geometry::MultiPoint(MultiPoint(points.0.iter().copied().map(shifted).collect()))
        }
        Geometry::Line(line) => lines(cut_lines(&[line.start, line.end], unwraps)?),
        Geometry::LineString(line) => lines(cut_lines(&line.0, unwraps)?),
        Geometry::MultiLineString(members) => {
            let mut pieces = Vec::with_capacity(members.0.len());
            for line in &members.0 {
                pieces.extend(cut_lines(&line.0, unwraps)?);
            }
            Geometry::MultiLineString(MultiLineString(pieces))
        }
        Geometry::Polygon(polygon) => polygons(cut_polygons(polygon, unwraps)?),
        Geometry::Rect(rect) => polygons(cut_polygons(&rect.to_polygon(), unwraps)?),
        Geometry::Triangle(triangle) => polygons(cut_polygons(&triangle.to_polygon(), unwraps)?),
        Geometry::MultiPolygon(members) => {
            let mut pieces = Vec::with_capacity(members.0.len());
            for polygon in &members.0 {
                pieces.extend(cut_polygons(polygon, unwraps)?);
            }
            Geometry::MultiPolygon(MultiPolygon(pieces))
        }
        Geometry::GeometryCollection(collection) => {
            let members = collection.0.iter().map(|g| rewrite(g, unwraps)).collect::<Option<Vec<_>>>()?;
            Geometry::GeometryCollection(GeometryCollection(members))
        }
    })
}

fn lines(mut pieces: Vec<LineString<f64>>) -> Geometry<f64> {
    match pieces.pop() {
        Some(only) if pieces.is_empty() => Geometry::LineString(only),
        last => Geometry::MultiLineString(MultiLineString(pieces.into_iter().chain(last).collect())),
    }
}

fn polygons(mut pieces: Vec<Polygon<f64>>) -> Geometry<f64> {
    match pieces.pop() {
        Some(only) if pieces.is_empty() => Geometry::Polygon(only),
        last => Geometry::MultiPolygon(MultiPolygon(pieces.into_iter().chain(last).collect())),
    }
}

fn shifted(point: Point<f64>) -> Point<f64> {
    let mut x = point.x();
    // At most one step from within ±540.
    if x > 180.0 {
        x -= 360.0;
    } else if x < -180.0 {
        x += 360.0;
    }
    Point::new(x, point.y())
}

/// First and last copy of the map (0 is ±180) that longitudes reach into; touching its edge is not reaching.
fn copies(coords: &[Coord<f64>]) -> Option<std::ops::RangeInclusive<i32>> {
    let (mut west, mut east) = (f64::INFINITY, f64::NEG_INFINITY);
    for c in coords {
        west = west.min(c.x);
        east = east.max(c.x);
    }
    if !(west >= -LON_MAX && east <= LON_MAX) {
        return None;
    }
    Some(-i32::from(west < -180.0)..=i32::from(east > 180.0))
}

fn cut_lines(line: &[Coord<f64>], unwraps: bool) -> Option<Vec<LineString<f64>>> {
    let line = if unwraps { Cow::Owned(unwrap(line)) } else { Cow::Borrowed(line) };
    if line.is_empty() {
        return Some(vec![LineString(Vec::new())]);
    }
    let mut pieces = Vec::new();
    for copy in copies(&line)? {
        let shift = 360.0 * f64::from(copy);
        for piece in cut_line(&line, HalfPlane::East(shift - 180.0)) {
            for mut piece in cut_line(&piece, HalfPlane::West(shift + 180.0)) {
                // What lies wholly on the edge of another copy is there in copy 0.
                if copy == 0 || piece.iter().any(|c| (c.x - shift).abs() < 180.0) {
                    piece.iter_mut().for_each(|c| c.x -= shift);
                    pieces.push(LineString(piece));
                }
            }
        }
    }
    Some(pieces)
}

fn cut_polygons(polygon: &Polygon<f64>, unwraps: bool) -> Option<Vec<Polygon<f64>>> {
    let polygon = if unwraps { Cow::Owned(unwrap_polygon(polygon)?) } else { Cow::Borrowed(polygon) };
    if polygon.exterior().0.is_empty() {
        return Some(vec![polygon.into_owned()]);
    }
    let copies = copies(&polygon.exterior().0)?;
    if copies == (0..=0) {
        return Some(vec![polygon.into_owned()]);
    }
    let mut pieces = Vec::new();
    for copy in copies {
        let shift = 360.0 * f64::from(copy);
        for piece in cut_polygon(&polygon, HalfPlane::East(shift - 180.0)) {
            for piece in cut_polygon(&piece, HalfPlane::West(shift + 180.0)) {
                pieces.push(moved(&piece, -shift));
            }
        }
    }
    Some(pieces)
}

fn moved(polygon: &Polygon<f64>, dx: f64) -> Polygon<f64> {
    let ring = |ring: &LineString<f64>| LineString(ring.coords().map(|c| Coord { x: c.x + dx, y: c.y }).collect());
    Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect())
}

/// The line with every edge taken the short way around; lines without an edge over 180 degrees come back unchanged.
fn unwrap(line: &[Coord<f64>]) -> Vec<Coord<f64>> {
    let mut turns = 0.0;
    let mut unwrapped: Vec<Coord<f64>> = Vec::with_capacity(line.len());
    for (i, c) in line.iter().enumerate() {
        if i > 0 {
            let step = c.x - line[i - 1].x;
            if step > 180.0 {
                turns -= 360.0;
            } else if step < -180.0 {
                turns += 360.0;
            }
        }
        unwrapped.push(Coord { x: c.x + turns, y: c.y });
    }
    unwrapped
}

/// The polygon with its exterior unwrapped and its holes placed within; `None` if a ring goes around a pole.
fn unwrap_polygon(polygon: &Polygon<f64>) -> Option<Polygon<f64>> {
    let ring = |ring: &LineString<f64>| {
        let unwrapped = unwrap(&ring.0);
        (unwrapped.first() == unwrapped.last()).then_some(LineString(unwrapped))
    };
    let exterior = ring(polygon.exterior())?;
    let (west, east) = span(&exterior);
    let mut holes = Vec::with_capacity(polygon.interiors().len());
    for hole in polygon.interiors() {
        let mut hole = ring(hole)?;
        let (hole_west, hole_east) = span(&hole);
        let shift = [0.0, 360.0, -360.0].into_iter().find(|s| hole_west + s >= west && hole_east + s <= east)?;
        hole.0.iter_mut().for_each(|c| c.x += shift);
        holes.push(hole);
    }
    Some(Polygon::new(exterior, holes))
}

fn span(ring: &LineString<f64>) -> (f64, f64) {
    ring.coords().fold((f64::INFINITY, f64::NEG_INFINITY), |(w, e), c| (w.min(c.x), e.max(c.x)))
}

#[cfg(test)]
mod tests {
    use geo::{Intersects, MapCoords, Rect, line_string, polygon};
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    fn east(geometry: &Geometry<f64>, dx: f64) -> Geometry<f64> {
        geometry.map_coords(|c| Coord { x: c.x + dx, y: c.y })
    }

    fn rect(west: f64, south: f64, width: f64, height: f64) -> Rect<f64> {
        Rect::new(Coord { x: west, y: south }, Coord { x: west + width, y: south + height })
    }

    #[test]
    fn what_lies_within_the_map_is_borrowed() {
        let world: Geometry<f64> = rect(-180.0, -90.0, 360.0, 180.0).to_polygon().into();
        for bbox in [None, Some([-180.0, -90.0, 180.0, 90.0])] {
            assert!(matches!(normalise(&world, bbox), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_square_over_the_antimeridian_becomes_two() {
        let square: Geometry<f64> = rect(175.0, 0.0, 10.0, 4.0).to_polygon().into();
        let expected = |g: &Geometry<f64>| match g {
            Geometry::MultiPolygon(parts) => parts.0.iter().map(|p| bounds(&p.clone().into())).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let halves = [Some([175.0, 0.0, 180.0, 4.0]), Some([-180.0, 0.0, -175.0, 4.0])];
        assert_eq!(expected(&normalise(&square, None)), halves);
        let mirrored = expected(&normalise(&east(&square, -360.0), None));
        assert_eq!(mirrored, [halves[0], halves[1]]);
    }

    #[test]
    fn a_line_along_the_meridian_stays_and_one_beyond_moves() {
        let check = |given: LineString<f64>, expected: LineString<f64>| {
            assert_eq!(*normalise(&Geometry::LineString(given), None), Geometry::LineString(expected));
        };
        check(line_string![(x: 180., y: 0.), (x: 180., y: 5.)], line_string![(x: 180., y: 0.), (x: 180., y: 5.)]);
        check(line_string![(x: 180., y: 0.), (x: 190., y: 5.)], line_string![(x: -180., y: 0.), (x: -170., y: 5.)]);
        check(line_string![(x: -190., y: 0.), (x: -185., y: 5.)], line_string![(x: 170., y: 0.), (x: 175., y: 5.)]);
    }

    #[test]
    fn only_a_record_whose_bbox_crosses_is_unwrapped() {
        let wrapped = Geometry::Polygon(polygon![
            (x: 170., y: 0.), (x: -170., y: 0.), (x: -170., y: 10.), (x: 170., y: 10.)
        ]);
        let inside = Point::new(175.0, 5.0);
        let outside = Point::new(0.0, 5.0);
        let cut = normalise(&wrapped, Some([170.0, 0.0, -170.0, 10.0]));
        assert!(cut.intersects(&inside) && !cut.intersects(&outside));
        let planar = normalise(&wrapped, Some([-170.0, 0.0, 170.0, 10.0]));
        assert!(!planar.intersects(&inside) && planar.intersects(&outside));
    }

    #[test]
    fn a_hole_on_the_other_side_of_the_meridian_is_found_again() {
        let wrapped = Geometry::Polygon(polygon!(
            exterior: [(x: 170., y: 0.), (x: -170., y: 0.), (x: -170., y: 10.), (x: 170., y: 10.)],
            interiors: [[(x: -178., y: 4.), (x: -176., y: 4.), (x: -176., y: 6.), (x: -178., y: 6.)]],
        ));
        let cut = normalise(&wrapped, Some([170.0, 0.0, -170.0, 10.0]));
        assert!(!cut.intersects(&Point::new(-177.0, 5.0)) && cut.intersects(&Point::new(-179.0, 5.0)));
    }

    #[test]
    fn a_ring_around_the_pole_stays_as_given() {
        let cap = Geometry::Polygon(polygon![
            (x: -120., y: 80.), (x: 0., y: 80.), (x: 120., y: 80.), (x: -120., y: 80.)
        ]);
        assert!(matches!(normalise(&cap, Some([170.0, 80.0, -170.0, 90.0])), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn cutting_keeps_every_answer(
            shape in samples::geometry(), copy in prop::sample::select(vec![-360.0, 0.0, 360.0]), dx in -10.0..10.0f64,
            (x, y, width, height) in (-30.0..30.0f64, -30.0..30.0f64, 0.0..20.0f64, 0.0..20.0f64)
        ) {
            // Shapes around 180 or -180; the box, near them, is asked on both sides of the antimeridian.
            let shape = east(&shape, copy / 2.0 + dx);
            let cut = normalise(&shape, None);
            if let Some([west, _, east, _]) = bounds(&cut) {
                prop_assert!(west >= -180.0 && east <= 180.0);
            }
            let asked = rect(copy / 2.0 + dx + x, y, width, height);
            let answer = |g: &Geometry<f64>| [-360.0, 0.0, 360.0].into_iter().any(|shift| {
                let moved = Rect::new(asked.min() + Coord { x: shift, y: 0.0 }, asked.max() + Coord { x: shift, y: 0.0 });
                g.intersects(&moved.to_polygon())
            });
            prop_assert_eq!(answer(&cut), answer(&shape));
        }

        #[test]
        fn a_wrapped_polygon_answers_as_the_unwrapped_one(
            star in samples::star_with_hole(), (x, y) in (-10.0..10.0f64, -10.0..10.0f64)
        ) {
            let plain = Geometry::Polygon(samples::moved(&star, 180.0, 0.0));
            let wrapped = plain.map_coords(|c| Coord { x: if c.x > 180.0 { c.x - 360.0 } else { c.x }, y: c.y });
            let cut = normalise(&wrapped, Some([172.0, -8.0, -172.0, 8.0]));
            let asked = Point::new(180.0 + x, y);
            let folded = Point::new(if x > 0.0 { x - 180.0 } else { 180.0 + x }, y);
            prop_assert_eq!(cut.intersects(&folded), plain.intersects(&asked));
        }
    }
}
