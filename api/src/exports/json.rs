//! Items as JSON: one a line, or all in a FeatureCollection.
//!
//! Lines are NDJSON and no GeoJSON text sequence (RFC 8142): they need no separator that line-based tools do not know,
//! and go back in as they came out, through `POST …/items` and `nilometer ingest`.

use nilometer_indexer::StoredItem;
use serde_json::Value;

use super::{Shape, Writer};
use crate::problem::ApiError;

/// Writes one item a line.
pub(super) struct Ndjson(Shape);

impl Ndjson {
    pub(super) fn new(shape: Shape) -> Self {
        Self(shape)
    }
}

impl Writer for Ndjson {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        Ok(())
    }

    fn item(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let begin = out.len();
        self.0.json(item, out)?;
        // Outside texts, where it would be escaped, a line's end is only room between members as they were sent.
        out[begin..].iter_mut().filter(|b| matches!(**b, b'\n' | b'\r')).for_each(|b| *b = b' ');
        out.push(b'\n');
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Writes a FeatureCollection.
pub(super) struct GeoJson {
    shape: Shape,
    count: u64,
    links: Vec<Value>,
    is_first: bool,
}

impl GeoJson {
    /// Of `count` items.
    pub(super) fn new(shape: Shape, count: u64, links: Vec<Value>) -> Self {
        Self { shape, count, links, is_first: true }
    }
}

impl Writer for GeoJson {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Self { count, .. } = self;
        let counts =
            format!(r#"{{"type":"FeatureCollection","numberMatched":{count},"numberReturned":{count},"links":"#);
        out.extend_from_slice(counts.as_bytes());
        serde_json::to_writer(&mut *out, &self.links).map_err(ApiError::internal)?;
        out.extend_from_slice(b",\"features\":[");
        Ok(())
    }

    fn item(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError> {
        out.extend_from_slice(if self.is_first { b"\n" } else { b",\n" });
        self.is_first = false;
        self.shape.json(item, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        out.extend_from_slice(b"\n]}\n");
        Ok(())
    }
}
