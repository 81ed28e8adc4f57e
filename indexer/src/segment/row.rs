//! What the segment plug-in is told of one document: the payload of the index's custom field.

use nilometer_schemas::{Instant, Item};

use super::column::Value;
use super::rtree::PartBox;
use super::shape::{Shape, Shapes};
use crate::geometry;

/// `datetime` of an item that has none.
pub const NO_TIME: i64 = i64::MIN;
/// Values of one property that are indexed; an item with more has none of them indexed.
const VALUES_MAX: usize = 1_000;
/// Nesting of property objects that is indexed, as dotted names.
const NESTING_MAX: usize = 3;

/// One document for the segment file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Sequence number of the write.
    pub(crate) seq: u64,
    /// Time of the write, µs.
    pub(crate) ingested: i64,
    /// µs, or [`NO_TIME`].
    pub(crate) datetime: i64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) collection: String,
    pub(crate) id: String,
    /// Flat exact geometry; empty without geometry or where that has no position.
    pub(crate) geometry: Vec<u8>,
    /// Planar centroid; NaN without geometry.
    pub(crate) centroid: [f64; 2],
    pub(crate) parts: Vec<PartBox>,
    pub(crate) values: Vec<(String, Value)>,
}

fn collect(name: &str, value: &serde_json::Value, depth: usize, out: &mut Vec<(String, Value)>) {
    use serde_json::Value as Json;
    let scalar = |value: &Json| match value {
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Number(number) => number.as_f64().filter(|n| n.is_finite()).map(Value::Number),
        Json::Bool(truth) => Some(Value::Bool(*truth)),
        _ => None,
    };
    match value {
        Json::Array(values) if values.len() <= VALUES_MAX => {
            out.extend(values.iter().filter_map(scalar).map(|v| (name.to_owned(), v)));
        }
        Json::Object(members) if depth < NESTING_MAX => {
            for (member, value) in members {
                collect(&format!("{name}.{member}"), value, depth + 1, out);
            }
        }
        other => out.extend(scalar(other).map(|v| (name.to_owned(), v))),
    }
}

impl Row {
    /// The row of an item written with this sequence number at this time.
    pub(crate) fn of(item: &Item, seq: u64, time: Instant) -> Self {
        Self::with(item, seq, time, &mut Shapes::default())
    }

    /// As [`Row::of`], with shapes that repeat taken from those computed before.
    pub(crate) fn with(item: &Item, seq: u64, time: Instant, shapes: &mut Shapes) -> Self {
        let Shape { geometry, centroid, parts } = shapes.get(item.geometry.as_ref(), item.bbox);
        let mut values = Vec::with_capacity(item.properties.len());
        for (name, value) in &item.properties {
            // The times have arrays of their own.
            if !matches!(name.as_str(), "datetime" | "start_datetime" | "end_datetime" | "ingested") {
                collect(name, value, 0, &mut values);
            }
        }
        Self {
            seq,
            ingested: time.0,
            datetime: item.datetime.map_or(NO_TIME, |t| t.0),
            start: item.start.0,
            end: item.end.0,
            collection: item.collection.as_str().to_owned(),
            id: item.id.as_str().to_owned(),
            geometry,
            centroid,
            parts,
            values,
        }
    }

    /// Order of documents in a segment: Hilbert key of the centroid, then a hash of the geometry, so that equal
    /// footprints stand together. Items without geometry come last.
    pub(crate) fn hilbert(&self) -> u64 {
        if self.geometry.is_empty() || self.centroid[0].is_nan() {
            return u64::MAX;
        }
        let key = geometry::hilbert(self.centroid[0], self.centroid[1]);
        u64::from(key) << 32 | u64::from(crc32fast::hash(&self.geometry))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.geometry.len());
        for number in [self.seq, self.ingested as u64, self.datetime as u64, self.start as u64, self.end as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in self.centroid {
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        let bytes = |value: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(value);
        };
        bytes(self.collection.as_bytes(), &mut out);
        bytes(self.id.as_bytes(), &mut out);
        bytes(&self.geometry, &mut out);
        bytes(bytemuck::cast_slice(&self.parts), &mut out);
        for (name, value) in &self.values {
            bytes(name.as_bytes(), &mut out);
            match value {
                Value::Text(text) => {
                    out.push(0);
                    bytes(text.as_bytes(), &mut out);
                }
                Value::Number(number) => {
                    out.push(1);
                    out.extend_from_slice(&number.to_bits().to_le_bytes());
                }
                Value::Bool(truth) => out.extend_from_slice(&[2, u8::from(*truth)]),
            }
        }
        out
    }

    /// Inverse of [`Row::encode`].
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let [seq, ingested, datetime, start, end] =
            [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
        let centroid = [f64::from_bits(reader.u64()?), f64::from_bits(reader.u64()?)];
        let (collection, id) = (reader.text()?, reader.text()?);
        let geometry = reader.bytes()?.to_vec();
        let parts = bytemuck::allocation::pod_collect_to_vec(reader.bytes()?);
        let mut values = Vec::new();
        while !reader.0.is_empty() {
            let name = reader.text()?;
            let value = match reader.take(1)?[0] {
                0 => Value::Text(reader.text()?),
                1 => Value::Number(f64::from_bits(reader.u64()?)),
                _ => Value::Bool(reader.take(1)?[0] == 1),
            };
            values.push((name, value));
        }
        let [ingested, datetime, start, end] = [ingested, datetime, start, end].map(|n| n as i64);
        Some(Self { seq, ingested, datetime, start, end, collection, id, geometry, centroid, parts, values })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        self.take(len as usize)
    }

    fn text(&mut self) -> Option<String> {
        Some(std::str::from_utf8(self.bytes()?).ok()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometry_without_positions_is_indexed_as_none() {
        for geometry in
            [r#"{"type":"MultiPoint","coordinates":[]}"#, r#"{"type":"GeometryCollection","geometries":[]}"#]
        {
            let text = format!(
                r#"{{"type":"Feature","id":"a","collection":"c","geometry":{geometry},"properties":{{"datetime":"2020-01-01T00:00:00Z"}}}}"#
            );
            let row = Row::of(&Item::parse(&text, None).expect("valid"), 1, Instant(0));
            assert!(row.geometry.is_empty() && row.parts.is_empty() && row.centroid[0].is_nan(), "{geometry}");
        }
    }

    #[test]
    fn a_row_survives_encoding() {
        let text = r#"{"type":"Feature","id":"a","collection":"c","geometry":{"type":"Point","coordinates":[1,2]},
            "properties":{"datetime":null,"start_datetime":"2020-01-01T00:00:00Z","end_datetime":"2021-01-01T00:00:00Z","n":1.5,"t":["x","y"],"b":true,"o":{"p":{"q":2}}}}"#;
        let item = Item::parse(text, None).expect("valid");
        let row = Row::of(&item, 7, Instant(9));
        assert_eq!(Row::decode(&row.encode()), Some(row.clone()));
        let names: Vec<&str> = row.values.iter().map(|v| v.0.as_str()).collect();
        assert_eq!(names, ["n", "t", "t", "b", "o.p.q"]);
        assert_eq!((row.datetime, row.parts.len()), (NO_TIME, 1));
    }
}
