//! Geometry literals of CQL2 text (well-known text and `BBOX`), read and written.
//!
//! They are read into GeoJSON, so that positions and rings are checked in one place.

use std::fmt::Write;

use geo::{Coord, Geometry, LineString, Polygon};
use nilometer_schemas::{Bbox, Problem};
use serde_json::{Value, json};

use super::QueryGeometry;
use super::build;
use super::lex::Token;
use super::text::Parser;
use super::write::number_text;

/// Well-known names and their GeoJSON types.
const TYPES: [(&str, &str); 7] = [
    ("POINT", "Point"),
    ("LINESTRING", "LineString"),
    ("POLYGON", "Polygon"),
    ("MULTIPOINT", "MultiPoint"),
    ("MULTILINESTRING", "MultiLineString"),
    ("MULTIPOLYGON", "MultiPolygon"),
    ("GEOMETRYCOLLECTION", "GeometryCollection"),
];

fn geojson_type(word: &str) -> Option<&'static str> {
    TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, kind)| *kind)
}

/// Whether a word begins a geometry literal.
pub(super) fn is_geometry_type(word: &str) -> bool {
    word.eq_ignore_ascii_case("BBOX") || geojson_type(word).is_some()
}

impl Parser<'_> {
    /// A geometry in well-known text, or a box.
    pub(super) fn geometry_literal(&mut self) -> Result<QueryGeometry, Problem> {
        if self.take_word("BBOX") {
            let numbers = self.bbox_numbers()?;
            let bbox = self.crs.bbox_to_crs84(&numbers).and_then(|numbers| Bbox::from_numbers(&numbers));
            return Ok(QueryGeometry::from_bbox(bbox.map_err(|problem| problem.at("filter"))?));
        }
        let value = self.tagged(false)?;
        QueryGeometry::from_geojson_in(&value, self.crs).map_err(|problem| problem.at("filter"))
    }

    fn bbox_numbers(&mut self) -> Result<Vec<f64>, Problem> {
        self.expect_symbol("(")?;
        let mut numbers = vec![self.signed_number()?];
        while numbers.len() < 6 && self.take_symbol(",") {
            numbers.push(self.signed_number()?);
        }
        self.expect_symbol(")")?;
        Ok(numbers)
    }

    /// A name and its coordinates, as a GeoJSON object.
    fn tagged(&mut self, nested: bool) -> Result<Value, Problem> {
        let kind = match self.peek() {
            Token::Word(word) => geojson_type(word),
            _ => None,
        };
        let Some(kind) = kind else {
            return Err(self.expected("a geometry: POINT, LINESTRING, POLYGON, MULTI…, GEOMETRYCOLLECTION or BBOX"));
        };
        if nested && kind == "GeometryCollection" {
            return Err(build::bad_value("a GEOMETRYCOLLECTION holds no other GEOMETRYCOLLECTION"));
        }
        if let Token::Word(word) = self.peek() {
            let word = word.clone();
            self.take_word(&word);
        }
        self.take_word("Z");
        if self.take_word("M") || self.take_word("ZM") {
            return Err(build::unsupported("a geometry with measures (M)"));
        }
        if self.take_word("EMPTY") {
            return Err(build::bad_value("the geometry is empty").allowed("a geometry with positions"));
        }
        if kind == "GeometryCollection" {
            let members = self.list(|parser| parser.tagged(true))?;
            return Ok(json!({"type": kind, "geometries": members}));
        }
        let coordinates = match kind {
            "Point" => self.point()?,
            "LineString" => self.line()?,
            "Polygon" => self.polygon()?,
            "MultiPoint" => self.list(Self::bare_or_wrapped_point)?,
            "MultiLineString" => self.list(Self::line)?,
            _ => self.list(Self::polygon)?,
        };
        Ok(json!({"type": kind, "coordinates": coordinates}))
    }

    /// `(a, b, …)`.
    fn list(&mut self, mut member: impl FnMut(&mut Self) -> Result<Value, Problem>) -> Result<Value, Problem> {
        self.expect_symbol("(")?;
        let mut members = vec![member(self)?];
        while self.take_symbol(",") {
            members.push(member(self)?);
        }
        if !self.take_symbol(")") {
            return Err(self.expected("',' or ')' in the geometry"));
        }
        Ok(Value::Array(members))
    }

    fn line(&mut self) -> Result<Value, Problem> {
        self.list(Self::position)
    }

    fn polygon(&mut self) -> Result<Value, Problem> {
        self.list(Self::line)
    }

    fn point(&mut self) -> Result<Value, Problem> {
        self.expect_symbol("(")?;
        let position = self.position()?;
        self.expect_symbol(")")?;
        Ok(position)
    }

    /// Both `(1 2)` and `1 2` are in use for the members of a MULTIPOINT.
    fn bare_or_wrapped_point(&mut self) -> Result<Value, Problem> {
        if *self.peek() == Token::Symbol("(") { self.point() } else { self.position() }
    }

    /// Longitude, latitude and perhaps a height, which is dropped.
    fn position(&mut self) -> Result<Value, Problem> {
        let (x, y) = (self.signed_number()?, self.signed_number()?);
        if matches!(self.peek(), Token::Number(_) | Token::Symbol("-" | "+")) {
            self.signed_number()?;
        }
        Ok(json!([x, y]))
    }
}

/// Well-known text of a geometry.
pub(super) fn to_wkt(geometry: &Geometry<f64>, out: &mut String) {
    match geometry {
        Geometry::Point(p) => {
            out.push_str("POINT(");
            write_position(&p.0, out);
            out.push(')');
        }
        Geometry::MultiPoint(m) => {
            out.push_str("MULTIPOINT");
            write_list(&m.0, out, |p, out| {
                out.push('(');
                write_position(&p.0, out);
                out.push(')');
            });
        }
        Geometry::LineString(l) => {
            out.push_str("LINESTRING");
            write_line(l, out);
        }
        Geometry::MultiLineString(m) => {
            out.push_str("MULTILINESTRING");
            write_list(&m.0, out, write_line);
        }
        Geometry::Polygon(p) => {
            out.push_str("POLYGON");
            write_polygon(p, out);
        }
        Geometry::MultiPolygon(m) => {
            out.push_str("MULTIPOLYGON");
            write_list(&m.0, out, write_polygon);
        }
        Geometry::GeometryCollection(c) => {
            out.push_str("GEOMETRYCOLLECTION");
            write_list(&c.0, out, to_wkt);
        }
        Geometry::Line(l) => to_wkt(&Geometry::LineString(LineString(vec![l.start, l.end])), out),
        Geometry::Rect(r) => to_wkt(&Geometry::Polygon(r.to_polygon()), out),
        Geometry::Triangle(t) => to_wkt(&Geometry::Polygon(t.to_polygon()), out),
    }
}

fn write_position(c: &Coord<f64>, out: &mut String) {
    let _ = write!(out, "{} {}", number_text(c.x), number_text(c.y));
}

fn write_line(line: &LineString<f64>, out: &mut String) {
    write_list(&line.0, out, write_position);
}

fn write_polygon(polygon: &Polygon<f64>, out: &mut String) {
    let rings: Vec<&LineString<f64>> = std::iter::once(polygon.exterior()).chain(polygon.interiors()).collect();
    write_list(&rings, out, |ring, out| write_line(ring, out));
}

fn write_list<T>(members: &[T], out: &mut String, member: impl Fn(&T, &mut String)) {
    out.push('(');
    for (index, value) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        member(value, out);
    }
    out.push(')');
}
