//! Shapes of a shapefile as GeoJSON geometries.

use geo::{Contains, Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use shapefile::Shape;
use shapefile::record::PolygonRing;

/// The geometry of a shape; `None` for the null shape. Heights and measures are dropped.
///
/// Rings are turned the way RFC 7946 wants (outer counter-clockwise), holes go to the outer ring that contains them.
///
/// # Errors
/// A reason, for multipatches.
pub(crate) fn geometry(shape: &Shape) -> Result<Option<Geometry<f64>>, String> {
    macro_rules! coords {
        ($points:expr) => {
            $points.iter().map(|p| Coord { x: p.x, y: p.y }).collect::<Vec<_>>()
        };
    }
    macro_rules! rings {
        ($polygon:expr) => {
            $polygon
                .rings()
                .iter()
                .map(|ring| (matches!(ring, PolygonRing::Outer(_)), coords!(ring.points())))
                .collect::<Vec<_>>()
        };
    }
    Ok(Some(match shape {
        Shape::NullShape => return Ok(None),
        Shape::Point(p) => Geometry::Point(Point::new(p.x, p.y)),
        Shape::PointM(p) => Geometry::Point(Point::new(p.x, p.y)),
        Shape::PointZ(p) => Geometry::Point(Point::new(p.x, p.y)),
        Shape::Multipoint(m) => points(coords!(m.points())),
        Shape::MultipointM(m) => points(coords!(m.points())),
        Shape::MultipointZ(m) => points(coords!(m.points())),
        Shape::Polyline(l) => lines(l.parts().iter().map(|part| coords!(part)).collect()),
        Shape::PolylineM(l) => lines(l.parts().iter().map(|part| coords!(part)).collect()),
        Shape::PolylineZ(l) => lines(l.parts().iter().map(|part| coords!(part)).collect()),
        Shape::Polygon(p) => polygons(rings!(p)),
        Shape::PolygonM(p) => polygons(rings!(p)),
        Shape::PolygonZ(p) => polygons(rings!(p)),
        Shape::Multipatch(_) => return Err("multipatch shapes are not understood".into()),
    }))
}

fn points(coords: Vec<Coord<f64>>) -> Geometry<f64> {
    Geometry::MultiPoint(MultiPoint(coords.into_iter().map(Point).collect()))
}

fn lines(parts: Vec<Vec<Coord<f64>>>) -> Geometry<f64> {
    let mut parts: Vec<LineString<f64>> = parts.into_iter().map(LineString).collect();
    match parts.len() {
        1 => Geometry::LineString(parts.remove(0)),
        _ => Geometry::MultiLineString(MultiLineString(parts)),
    }
}

fn polygons(rings: Vec<(bool, Vec<Coord<f64>>)>) -> Geometry<f64> {
    let turned = |mut coords: Vec<Coord<f64>>| {
        coords.reverse();
        if coords.first() != coords.last() {
            coords.extend(coords.first().copied());
        }
        LineString(coords)
    };
    let (outer, inner): (Vec<_>, Vec<_>) = rings.into_iter().partition(|(is_outer, _)| *is_outer);
    let mut polygons: Vec<Polygon<f64>> =
        outer.into_iter().map(|(_, ring)| Polygon::new(turned(ring), Vec::new())).collect();
    for (_, ring) in inner {
        let ring = turned(ring);
        let holder = match ring.0.first() {
            Some(first) if polygons.len() > 1 => polygons.iter().position(|p| p.contains(first)).unwrap_or(0),
            _ => 0,
        };
        match polygons.get_mut(holder) {
            Some(polygon) => polygon.interiors_push(ring),
            // A hole without anything around it can only be a ring drawn the wrong way round.
            None => polygons.push(Polygon::new(LineString(ring.0.into_iter().rev().collect()), Vec::new())),
        }
    }
    match polygons.len() {
        1 => Geometry::Polygon(polygons.remove(0)),
        _ => Geometry::MultiPolygon(MultiPolygon(polygons)),
    }
}
