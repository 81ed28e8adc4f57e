//! GeoJSON geometries to `geo` types and back (RFC 7946, CRS84 degrees).
//!
//! Heights are dropped from the parsed form; the item's own text keeps them.

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::Problem;

/// Nested geometry collections a caller may send.
const COLLECTION_DEPTH_MAX: usize = 4;

struct Position(Coord<f64>);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Position;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a position of 2 or more numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Position, A::Error> {
                let (Some(x), Some(y)) = (seq.next_element::<f64>()?, seq.next_element::<f64>()?) else {
                    return Err(A::Error::custom("a position has at least 2 numbers"));
                };
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Position(Coord { x, y }))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

#[derive(Deserialize)]
struct Raw<'a> {
    r#type: String,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(borrow)]
    geometries: Option<Vec<&'a RawValue>>,
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::invalid("geometry", detail).allowed("a GeoJSON geometry with positions in degrees, longitude first")
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, kind: &str) -> Result<T, Problem> {
    serde_json::from_str(raw.get()).map_err(|e| bad(format!("the coordinates are not those of a {kind}: {e}")))
}

fn check(c: Coord<f64>) -> Result<Coord<f64>, Problem> {
    if !(-90.0..=90.0).contains(&c.y) {
        return Err(bad(format!("latitude {} is outside -90..90", c.y)));
    }
    // Footprints that cross the antimeridian are often written past 180; they are split when indexed.
    if !(-360.0..=360.0).contains(&c.x) {
        return Err(bad(format!("longitude {} is outside -360..360", c.x)));
    }
    Ok(c)
}

fn line(positions: Vec<Position>, least: usize, what: &str) -> Result<LineString<f64>, Problem> {
    if positions.len() < least {
        return Err(bad(format!("a {what} has at least {least} positions, not {}", positions.len())));
    }
    let mut coords = Vec::with_capacity(positions.len());
    for p in positions {
        coords.push(check(p.0)?);
    }
    Ok(LineString(coords))
}

fn polygon(rings: Vec<Vec<Position>>) -> Result<Polygon<f64>, Problem> {
    let mut lines = Vec::with_capacity(rings.len());
    for ring in rings {
        let ring = line(ring, 4, "polygon ring")?;
        if ring.0.first() != ring.0.last() {
            return Err(bad("a polygon ring is not closed: its first and last positions differ"));
        }
        lines.push(ring);
    }
    if lines.is_empty() {
        return Err(bad("a polygon has at least one ring"));
    }
    let exterior = lines.remove(0);
    Ok(Polygon::new(exterior, lines))
}

fn parse_nested(text: &str, depth: usize) -> Result<Geometry<f64>, Problem> {
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|e| bad(format!("not a GeoJSON geometry: {e}")))?;
    if raw.r#type == "GeometryCollection" {
        if depth >= COLLECTION_DEPTH_MAX {
            return Err(bad(format!("geometry collections are nested deeper than {COLLECTION_DEPTH_MAX}")));
        }
        let mut members = Vec::new();
        for member in raw.geometries.ok_or_else(|| bad("a GeometryCollection has geometries"))? {
            members.push(parse_nested(member.get(), depth + 1)?);
        }
        return Ok(Geometry::GeometryCollection(GeometryCollection(members)));
    }
    let coordinates = raw.coordinates.ok_or_else(|| bad(format!("a {} has coordinates", raw.r#type)))?;
    Ok(match raw.r#type.as_str() {
        "Point" => Geometry::Point(Point(check(read::<Position>(coordinates, "Point")?.0)?)),
        "MultiPoint" => {
            let positions: Vec<Position> = read(coordinates, "MultiPoint")?;
            Geometry::MultiPoint(MultiPoint(
                positions.into_iter().map(|p| check(p.0).map(Point)).collect::<Result<_, _>>()?,
            ))
        }
        "LineString" => Geometry::LineString(line(read(coordinates, "LineString")?, 2, "LineString")?),
        "MultiLineString" => {
            let lines: Vec<Vec<Position>> = read(coordinates, "MultiLineString")?;
            Geometry::MultiLineString(MultiLineString(
                lines.into_iter().map(|l| line(l, 2, "line")).collect::<Result<_, _>>()?,
            ))
        }
        "Polygon" => Geometry::Polygon(polygon(read(coordinates, "Polygon")?)?),
        "MultiPolygon" => {
            let polygons: Vec<Vec<Vec<Position>>> = read(coordinates, "MultiPolygon")?;
            Geometry::MultiPolygon(MultiPolygon(polygons.into_iter().map(polygon).collect::<Result<_, _>>()?))
        }
        other => return Err(bad(format!("there is no geometry type {other:?}"))),
    })
}

/// Reads a geometry from JSON text.
///
/// # Errors
/// `Invalid` with the reason: unknown type, wrong nesting, ring not closed, position off the globe.
pub fn parse(text: &str) -> Result<Geometry<f64>, Problem> {
    parse_nested(text, 0)
}

/// Reads a geometry from a JSON value.
///
/// # Errors
/// As [`parse`].
pub fn from_value(value: &Value) -> Result<Geometry<f64>, Problem> {
    parse(&value.to_string())
}

/// Number of positions in a geometry.
pub fn vertex_count(geometry: &Geometry<f64>) -> usize {
    use geo::CoordsIter;
    geometry.coords_count()
}

/// West, south, east, north of a geometry, within ±180 degrees where it can be said: the shortest stretch of longitudes
/// that holds all of it, with `west > east` where that leads over the antimeridian (RFC 7946, 5.2). `None` for an empty
/// geometry.
///
/// A shape with an edge over more than 180 degrees may be meant either way around the globe: nothing is guessed of it, and
/// its box is that of its positions as they are.
pub fn bbox(geometry: &Geometry<f64>) -> Option<[f64; 4]> {
    use geo::BoundingRect;
    let rect = geometry.bounding_rect()?;
    let planar = [rect.min().x, rect.min().y, rect.max().x, rect.max().y];
    let mut stretches = Vec::new();
    if collect_stretches(geometry, &mut stretches).is_none() {
        return Some(planar);
    }
    stretches.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, mut reach) = *stretches.first()?;
    // The gap that holds the antimeridian, then those between the stretches; of equal ones the first counts.
    let last = stretches.iter().fold(reach, |reach, s| reach.max(s.1));
    let (mut widest, mut west, mut east) = (first + 360.0 - last, first, last);
    for &(begin, end) in &stretches[1..] {
        if begin - reach > widest {
            (widest, west, east) = (begin - reach, begin, reach);
        }
        reach = reach.max(end);
    }
    Some([west, planar[1], east, planar[3]])
}

/// Collects the longitudes that the parts of a geometry reach over, each within ±180; `None` if an edge is too long to
/// tell which way it goes.
fn collect_stretches(geometry: &Geometry<f64>, out: &mut Vec<(f64, f64)>) -> Option<()> {
    let mut line = |line: &LineString<f64>| {
        let long = line.lines().any(|edge| (edge.end.x - edge.start.x).abs() > 180.0);
        let (west, east) = line.coords().fold((f64::INFINITY, f64::NEG_INFINITY), |(w, e), c| (w.min(c.x), e.max(c.x)));
        if west <= east {
            push_stretch(west, east, out);
        }
        (!long).then_some(())
    };
    match geometry {
        Geometry::Point(p) => push_stretch(p.x(), p.x(), out),
        Geometry::MultiPoint(points) => points.iter().for_each(|p| push_stretch(p.x(), p.x(), out)),
        Geometry::LineString(l) => line(l)?,
        Geometry::MultiLineString(lines) => lines.iter().try_for_each(line)?,
        Geometry::Polygon(p) => std::iter::once(p.exterior()).chain(p.interiors()).try_for_each(line)?,
        Geometry::MultiPolygon(polygons) => {
            polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())).try_for_each(line)?;
        }
        Geometry::GeometryCollection(members) => {
            for member in members {
                collect_stretches(member, out)?;
            }
        }
        Geometry::Line(_) | Geometry::Rect(_) | Geometry::Triangle(_) => return None,
    }
    Some(())
}

/// Notes longitudes `west` to `east`, brought within ±180 and in two where they reach beyond.
fn push_stretch(west: f64, east: f64, out: &mut Vec<(f64, f64)>) {
    if east - west >= 360.0 {
        out.push((-180.0, 180.0));
        return;
    }
    // What ends at the antimeridian stays on its side of it.
    let turns = if west < -180.0 || east > 180.0 { ((west + 180.0) / 360.0).floor() * 360.0 } else { 0.0 };
    let (west, east) = (west - turns, east - turns);
    if east <= 180.0 {
        out.push((west, east));
    } else {
        out.extend([(west, 180.0), (-180.0, east - 360.0)]);
    }
}

/// The GeoJSON form of a geometry.
pub fn to_value(geometry: &Geometry<f64>) -> Value {
    let position = |c: &Coord<f64>| json!([c.x, c.y]);
    let line = |l: &LineString<f64>| Value::Array(l.0.iter().map(position).collect());
    let rings = |p: &Polygon<f64>| -> Value { std::iter::once(p.exterior()).chain(p.interiors()).map(line).collect() };
    let simple = |kind: &str, coordinates: Value| json!({"type": kind, "coordinates": coordinates});
    match geometry {
        Geometry::Point(p) => simple("Point", position(&p.0)),
        Geometry::MultiPoint(m) => simple("MultiPoint", m.0.iter().map(|p| position(&p.0)).collect()),
        Geometry::LineString(l) => simple("LineString", line(l)),
        Geometry::MultiLineString(m) => simple("MultiLineString", m.0.iter().map(line).collect()),
        Geometry::Polygon(p) => simple("Polygon", rings(p)),
        Geometry::MultiPolygon(m) => simple("MultiPolygon", m.0.iter().map(rings).collect()),
        Geometry::GeometryCollection(c) => {
            json!({"type": "GeometryCollection", "geometries": c.0.iter().map(to_value).collect::<Vec<_>>()})
        }
        Geometry::Line(l) => simple("LineString", json!([[l.start.x, l.start.y], [l.end.x, l.end.y]])),
        Geometry::Rect(r) => simple("Polygon", rings(&r.to_polygon())),
        Geometry::Triangle(t) => simple("Polygon", rings(&t.to_polygon())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seven_types_survive_a_round_trip() {
        for text in [
            r#"{"type":"Point","coordinates":[1.5,2.0]}"#,
            r#"{"type":"MultiPoint","coordinates":[[1.5,2.0],[3.0,4.0]]}"#,
            r#"{"type":"LineString","coordinates":[[1.5,2.0],[3.0,4.0]]}"#,
            r#"{"type":"MultiLineString","coordinates":[[[1.5,2.0],[3.0,4.0]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[1.0,0.0],[1.0,1.0],[0.0,0.0]]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[0.0,0.0],[1.0,0.0],[1.0,1.0],[0.0,0.0]]]]}"#,
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1.5,2.0]}]}"#,
        ] {
            let geometry = parse(text).expect("valid");
            assert_eq!(to_value(&geometry).to_string(), text);
        }
    }

    #[test]
    fn a_box_leads_over_the_antimeridian_where_that_is_shorter() {
        let square = |west: f64, east: f64| json!([[[west, -5], [east, -5], [east, 5], [west, 5], [west, -5]]]);
        let polygon = |west, east| json!({"type": "Polygon", "coordinates": square(west, east)});
        let polygons = |spans: &[(f64, f64)]| {
            let all: Vec<Value> = spans.iter().map(|(west, east)| square(*west, *east)).collect();
            json!({"type": "MultiPolygon", "coordinates": all})
        };
        let check = |geometry: Value, west: f64, east: f64| {
            let found = bbox(&from_value(&geometry).expect("valid")).expect("not empty");
            assert_eq!([found[0], found[2]], [west, east], "{geometry}");
        };
        check(polygon(-3.0, 4.0), -3.0, 4.0);
        check(polygon(170.0, 180.0), 170.0, 180.0);
        check(polygon(-180.0, -170.0), -180.0, -170.0);
        check(polygons(&[(175.0, 180.0), (-180.0, -175.0)]), 175.0, -175.0);
        check(polygon(175.0, 185.0), 175.0, -175.0);
        check(polygon(-185.0, -175.0), 175.0, -175.0);
        check(polygon(180.0, 190.0), -180.0, -170.0);
        check(polygon(350.0, 355.0), -10.0, -5.0);
        check(polygons(&[(-170.0, -130.0), (0.0, 30.0)]), -170.0, 30.0);
        check(polygons(&[(-170.0, -130.0), (100.0, 130.0)]), 100.0, -130.0);
        check(json!({"type": "Point", "coordinates": [180, 1]}), 180.0, 180.0);
        check(json!({"type": "Point", "coordinates": [-190, 1]}), 170.0, 170.0);
        check(
            json!({"type": "GeometryCollection", "geometries": [polygon(179.0, 180.0), polygon(-180.0, -179.0)]}),
            179.0,
            -179.0,
        );
        // Which way such an edge goes is not told.
        check(polygon(-179.0, 179.0), -179.0, 179.0);
        check(polygon(-180.0, 180.0), -180.0, 180.0);
        check(json!({"type": "LineString", "coordinates": [[100, 0], [310, 0]]}), 100.0, 310.0);
        assert_eq!(bbox(&Geometry::MultiPoint(MultiPoint(Vec::new()))), None);
    }

    proptest::proptest! {
        #[test]
        fn a_box_of_points_is_the_shortest_that_holds_them(lons in proptest::collection::vec(-180i32..180, 1..8)) {
            let points = lons.iter().map(|lon| Point::new(f64::from(*lon), 0.0)).collect();
            let [west, _, east, _] = bbox(&Geometry::MultiPoint(MultiPoint(points))).expect("not empty");
            let width = |west: i32, east: i32| (east - west).rem_euclid(360);
            let holds = |west: i32, east: i32| lons.iter().all(|lon| width(west, *lon) <= width(west, east));
            let pairs = lons.iter().flat_map(|west| lons.iter().map(move |east| (*west, *east)));
            let shortest = pairs.filter(|(west, east)| holds(*west, *east)).map(|(west, east)| width(west, east)).min();
            let (west, east) = (west as i32, east as i32);
            proptest::prop_assert!(holds(west, east), "{west} {east}");
            proptest::prop_assert_eq!(Some(width(west, east)), shortest);
        }
    }

    #[test]
    fn broken_geometries_are_refused_with_a_reason() {
        for (text, reason) in [
            (r#"{"type":"Point","coordinates":[1]}"#, "at least 2 numbers"),
            (r#"{"type":"Point","coordinates":[1,91]}"#, "latitude"),
            (r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#, "not closed"),
            (r#"{"type":"Circle","coordinates":[1,2]}"#, "no geometry type"),
            (r#"{"type":"LineString","coordinates":[[1,2]]}"#, "at least 2 positions"),
        ] {
            let problem = parse(text).expect_err(text);
            assert!(problem.detail.contains(reason), "{problem}");
        }
    }
}
