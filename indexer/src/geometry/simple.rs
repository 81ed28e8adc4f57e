//! The simple members of a geometry: runs of points, lines, polygons.

use std::borrow::Cow;

use geo::{Coord, Geometry, Point, Polygon};

/// One simple member, with at least one position.
pub(super) enum Simple<'g> {
    /// The points of a Point or MultiPoint.
    Points(&'g [Point<f64>]),
    /// One line.
    Line(Cow<'g, [Coord<f64>]>),
    /// One polygon, its exterior not empty.
    Polygon(Cow<'g, Polygon<f64>>),
}

/// The simple members in order; empty ones are left out, collections are flattened.
pub(super) fn simple_members(geometry: &Geometry<f64>) -> Vec<Simple<'_>> {
    let mut members = Vec::new();
    collect(geometry, &mut members);
    members
}

fn collect<'g>(geometry: &'g Geometry<f64>, members: &mut Vec<Simple<'g>>) {
    match geometry {
        Geometry::Point(point) => members.push(Simple::Points(std::slice::from_ref(point))),
        Geometry::MultiPoint(points) if points.0.is_empty() => {}
        Geometry::MultiPoint(points) => members.push(Simple::Points(&points.0)),
        Geometry::Line(line) => members.push(Simple::Line(Cow::Owned(vec![line.start, line.end]))),
        Geometry::LineString(line) => push_line(&line.0, members),
        Geometry::MultiLineString(lines) => lines.0.iter().for_each(|line| push_line(&line.0, members)),
        Geometry::Polygon(polygon) => push_polygon(Cow::Borrowed(polygon), members),
        Geometry::MultiPolygon(polygons) => polygons.0.iter().for_each(|p| push_polygon(Cow::Borrowed(p), members)),
        Geometry::Rect(rect) => push_polygon(Cow::Owned(rect.to_polygon()), members),
        Geometry::Triangle(triangle) => push_polygon(Cow::Owned(triangle.to_polygon()), members),
        Geometry::GeometryCollection(collection) => collection.0.iter().for_each(|g| collect(g, members)),
    }
}

fn push_line<'g>(line: &'g [Coord<f64>], members: &mut Vec<Simple<'g>>) {
    if !line.is_empty() {
        members.push(Simple::Line(Cow::Borrowed(line)));
    }
}

fn push_polygon<'g>(polygon: Cow<'g, Polygon<f64>>, members: &mut Vec<Simple<'g>>) {
    if !polygon.exterior().0.is_empty() {
        members.push(Simple::Polygon(polygon));
    }
}
