//! Items as CSV (RFC 4180): a header, then a row for each item; nested values are JSON, the geometry is WKT.
//!
//! A missing value is an empty field, an empty text a quoted one. A text that a spreadsheet would take for a formula has
//! an apostrophe before it, which spreadsheets hide: what stands in a catalogue comes from many sources, and CSV is
//! what people open by a double click. Numbers are never touched, and the other formats have every text as it is.

use nilometer_indexer::StoredItem;
use serde_json::Value;

use super::columns::GEOMETRY;
use super::geometry::to_wkt;
use super::schema::Table;
use super::{Shape, Writer};
use crate::problem::ApiError;
use crate::routes::edr::csv_text;

/// Members that say nothing in a table of whole items, unless they are asked for.
const LEFT_OUT: [&str; 3] = ["stac_version", "stac_extensions", "links"];
/// Column after which the geometry stands.
const BEFORE_GEOMETRY: &str = "collection";

/// Writes CSV.
pub(super) struct Csv {
    shape: Shape,
    table: Table,
}

impl Csv {
    pub(super) fn new(shape: Shape, mut table: Table) -> Self {
        if shape.is_whole() {
            table.columns.retain(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        }
        Self { shape, table }
    }

    /// How many columns stand before the geometry.
    fn before_geometry(&self) -> usize {
        self.table.columns.iter().position(|(name, _)| name == BEFORE_GEOMETRY).map_or(0, |at| at + 1)
    }

    fn line(&self, fields: &[String], geometry: Option<String>, out: &mut Vec<u8>) {
        let (before, after) = fields.split_at(self.before_geometry().min(fields.len()));
        let geometry = geometry.filter(|_| self.table.has_geometry);
        for (at, field) in before.iter().chain(&geometry).chain(after).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(field.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl Writer for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let names: Vec<String> = self.table.columns.iter().map(|(name, _)| field(name)).collect();
        self.line(&names, Some(GEOMETRY.to_owned()), out);
        Ok(())
    }

    fn item(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let mut row = self.shape.row(item)?;
        let geometry = row.geometry.take().and_then(|geometry| to_wkt(&geometry)).map(|text| field(&text));
        if self.shape.is_whole() {
            LEFT_OUT.iter().for_each(|name| drop(row.cells.remove(*name)));
        }
        let cells: Vec<String> =
            self.table.cells(row).iter().map(|value| value.as_ref().map(cell).unwrap_or_default()).collect();
        self.line(&cells, Some(geometry.unwrap_or_default()), out);
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        Ok(())
    }
}

pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => field(text),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
        plain => plain.to_string(),
    }
}

/// A text, harmless in spreadsheets.
pub(super) fn field(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { quoted(&format!("'{text}")) } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    csv_text(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_quoted_where_they_must_be_and_harmless_in_spreadsheets() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(""), "\"\""),
            (json!("a"), "a"),
            (json!("say \"x\", twice\n"), "\"say \"\"x\"\", twice\n\""),
            (json!("=1+1"), "'=1+1"),
            (json!("@x"), "'@x"),
            (json!("-5 m"), "'-5 m"),
            (json!(-5.5), "-5.5"),
            (json!(true), "true"),
            (json!(["a", 1]), "\"[\"\"a\"\",1]\""),
            (json!({"a": "=x"}), "\"{\"\"a\"\":\"\"=x\"\"}\""),
        ] {
            assert_eq!(cell(&value), expected, "{value}");
        }
    }
}
