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
