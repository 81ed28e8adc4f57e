//! GeoJSON geometries as well-known binary and text (OGC 06-103r4, ISO SQL/MM for heights), and their bounds.
//!
//! They are written from the JSON as it stands, so that every digit and height that came in goes out.

use nilometer_indexer::geometry::normalise;
use nilometer_schemas::geojson;
use serde_json::Value;

/// What ISO adds to the number of a type with heights.
const ISO_Z: u32 = 1_000;

/// The types by their numbers in well-known binary, from 1.
const TYPES: [&str; 7] =
    ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];

/// The number of a geometry's type; `None` for what is no geometry.
fn number_of(geometry: &Value) -> Option<u32> {
    let name = geometry.get("type")?.as_str()?;
    (1..).zip(TYPES).find(|(_, known)| *known == name).map(|(number, _)| number)
}

/// The geometry's type as GeoParquet names it: `Polygon`, `Polygon Z`.
pub(super) fn type_of(geometry: &Value) -> Option<String> {
    let name = TYPES[number_of(geometry)? as usize - 1];
    Some(if has_heights(geometry) { format!("{name} Z") } else { name.to_owned() })
}

fn members(geometry: &Value) -> &[Value] {
    geometry.get("geometries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn coordinates(geometry: &Value) -> &Value {
    geometry.get("coordinates").unwrap_or(&Value::Null)
}

/// Calls `each` with every position.
fn for_each_position(geometry: &Value, each: &mut dyn FnMut(&[Value])) {
    fn within(coordinates: &Value, each: &mut dyn FnMut(&[Value])) {
        match list(coordinates) {
            [] => {}
            position @ [Value::Number(_), ..] => each(position),
            inner => inner.iter().for_each(|inner| within(inner, each)),
        }
    }
    members(geometry).iter().for_each(|member| for_each_position(member, each));
    within(coordinates(geometry), each);
}

/// Whether there are positions and all have heights; where some lack them, none is written.
fn has_heights(geometry: &Value) -> bool {
    let (mut any, mut all) = (false, true);
    for_each_position(geometry, &mut |position| {
        any = true;
        all &= position.len() > 2;
    });
    any && all
}

/// A geometry as tables hold it: none without positions, and within ±180°, where one that reaches beyond is cut and has no
/// heights.
pub(super) fn tabled(geometry: Value) -> Value {
    match bounds(&geometry) {
        None => Value::Null,
        Some([west, _, east, _]) if west >= -180.0 && east <= 180.0 => geometry,
        Some(_) => match geojson::from_value(&geometry) {
            Ok(read) => geojson::to_value(&normalise(&read, None)),
            Err(_) => Value::Null,
        },
    }
}

/// West, south, east, north of all positions as they stand; `None` without any.
pub(super) fn bounds(geometry: &Value) -> Option<[f64; 4]> {
    let mut bounds: Option<[f64; 4]> = None;
    for_each_position(geometry, &mut |position| {
        if let [Some(x), Some(y)] = [0, 1].map(|at| position.get(at).and_then(Value::as_f64)) {
            let [w, s, e, n] = bounds.unwrap_or([x, y, x, y]);
            bounds = Some([w.min(x), s.min(y), e.max(x), n.max(y)]);
        }
    });
    bounds
}

/// Well-known binary, little endian; `None` for what is no geometry.
pub(super) fn to_wkb(geometry: &Value) -> Option<Vec<u8>> {
    let mut wkb = Wkb { out: Vec::new(), heights: has_heights(geometry) };
    wkb.geometry(geometry)?;
    Some(wkb.out)
}

struct Wkb {
    out: Vec<u8>,
    heights: bool,
}

impl Wkb {
    fn geometry(&mut self, geometry: &Value) -> Option<()> {
        let number = number_of(geometry)?;
        if number == 7 {
            self.header(7);
            self.count(members(geometry).len());
            for member in members(geometry) {
                self.geometry(member)?;
            }
            return Some(());
        }
        self.shape(number, coordinates(geometry));
        Some(())
    }

    /// A geometry of a type with coordinates; one of several parts is made of geometries of the type of its parts.
    fn shape(&mut self, number: u32, coordinates: &Value) {
        self.header(number);
        match number {
            1 => self.position(list(coordinates)),
            2 => self.positions(coordinates),
            3 => {
                self.count(list(coordinates).len());
                list(coordinates).iter().for_each(|ring| self.positions(ring));
            }
            several => {
                self.count(list(coordinates).len());
                list(coordinates).iter().for_each(|part| self.shape(several - 3, part));
            }
        }
    }

    fn header(&mut self, number: u32) {
        self.out.push(1);
        self.out.extend_from_slice(&(number + if self.heights { ISO_Z } else { 0 }).to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn positions(&mut self, positions: &Value) {
        self.count(list(positions).len());
        list(positions).iter().for_each(|position| self.position(list(position)));
    }

    /// A position; an empty point is one of no numbers.
    fn position(&mut self, position: &[Value]) {
        for at in 0..if self.heights { 3 } else { 2 } {
            let number = position.get(at).and_then(Value::as_f64).unwrap_or(f64::NAN);
            self.out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// Well-known text; `None` for what is no geometry.
pub(super) fn to_wkt(geometry: &Value) -> Option<String> {
    let mut wkt = Wkt { out: String::new(), heights: has_heights(geometry) };
    wkt.geometry(geometry)?;
    Some(wkt.out)
}

struct Wkt {
    out: String,
    heights: bool,
}

impl Wkt {
    fn geometry(&mut self, geometry: &Value) -> Option<()> {
        let number = number_of(geometry)?;
        self.out.push_str(&TYPES[number as usize - 1].to_ascii_uppercase());
        self.out.push_str(if self.heights { " Z " } else { " " });
        if number == 7 {
            return self.several(members(geometry), |wkt, member| wkt.geometry(member));
        }
        self.shape(number, coordinates(geometry))
    }

    fn shape(&mut self, number: u32, coordinates: &Value) -> Option<()> {
        let parts = list(coordinates);
        match number {
            1 if parts.is_empty() => self.out.push_str("EMPTY"),
            1 => {
                self.out.push('(');
                self.position(coordinates);
                self.out.push(')');
            }
            2 => self.several(parts, |wkt, part| {
                wkt.position(part);
                Some(())
            })?,
            3 => self.several(parts, |wkt, part| wkt.shape(2, part))?,
            several => self.several(parts, |wkt, part| wkt.shape(several - 3, part))?,
        }
        Some(())
    }

    fn several(&mut self, parts: &[Value], mut write: impl FnMut(&mut Self, &Value) -> Option<()>) -> Option<()> {
        if parts.is_empty() {
            self.out.push_str("EMPTY");
            return Some(());
        }
        for (at, part) in parts.iter().enumerate() {
            self.out.push(if at == 0 { '(' } else { ',' });
            write(self, part)?;
        }
        self.out.push(')');
        Some(())
    }

    fn position(&mut self, position: &Value) {
        let numbers = list(position).iter().take(if self.heights { 3 } else { 2 });
        let numbers: Vec<String> = numbers.map(ToString::to_string).collect();
        self.out.push_str(&numbers.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn points_are_written_as_the_standard_shows() {
        let point = json!({"type": "Point", "coordinates": [1, 2.5]});
        assert_eq!(hex(&to_wkb(&point).expect("WKB")), "0101000000000000000000f03f0000000000000440");
        let high = json!({"type": "Point", "coordinates": [1, 2.5, -3]});
        assert_eq!(hex(&to_wkb(&high).expect("WKB")), "01e9030000000000000000f03f000000000000044000000000000008c0");
        assert_eq!(type_of(&high).as_deref(), Some("Point Z"));
        assert_eq!(to_wkb(&Value::Null), None);
        assert_eq!(to_wkb(&json!({"type": "Circle", "coordinates": [1, 2]})), None);
    }

    #[test]
    fn every_type_has_its_text() {
        for (geometry, text) in [
            (json!({"type": "Point", "coordinates": [1, 2.5]}), "POINT (1 2.5)"),
            (json!({"type": "Point", "coordinates": []}), "POINT EMPTY"),
            (json!({"type": "LineString", "coordinates": [[1, 2, 9], [3, 4, 9]]}), "LINESTRING Z (1 2 9,3 4 9)"),
            (json!({"type": "LineString", "coordinates": [[1, 2, 9], [3, 4]]}), "LINESTRING (1 2,3 4)"),
            (
                json!({"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [0, 4], [0, 0]], [[1, 1], [2, 1], [1, 2], [1, 1]]]}),
                "POLYGON ((0 0,4 0,0 4,0 0),(1 1,2 1,1 2,1 1))",
            ),
            (json!({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}), "MULTIPOINT ((1 2),(3 4))"),
            (json!({"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]]]}), "MULTILINESTRING ((1 2,3 4))"),
            (
                json!({"type": "MultiPolygon", "coordinates": [[[[0, 0], [4, 0], [0, 4], [0, 0]]]]}),
                "MULTIPOLYGON (((0 0,4 0,0 4,0 0)))",
            ),
            (
                json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}),
                "GEOMETRYCOLLECTION (POINT (1 2))",
            ),
            (json!({"type": "GeometryCollection", "geometries": []}), "GEOMETRYCOLLECTION EMPTY"),
        ] {
            assert_eq!(to_wkt(&geometry).as_deref(), Some(text));
        }
    }

    #[test]
    fn bounds_go_around_all_positions() {
        let parts = json!({"type": "GeometryCollection", "geometries": [
            {"type": "Point", "coordinates": [170, 1]}, {"type": "MultiPoint", "coordinates": [[-170, 2], [0, -3]]}]});
        assert_eq!(bounds(&parts), Some([-170.0, -3.0, 170.0, 2.0]));
        assert_eq!(bounds(&json!({"type": "GeometryCollection", "geometries": []})), None);
    }
}
