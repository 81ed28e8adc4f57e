//! Series as CSV (RFC 4180): a header, then one row for each observation; lines end with `\n`.
//!
//! A missing value is an empty field, and an empty text is a quoted one, so that the two stay apart.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::answer::Writer;
use super::table::{Cell, DISTANCE_COLUMN, Rows};
use crate::problem::ApiError;

/// Numbers from here on are written with an exponent.
const PLAIN_MAX: f64 = 1e16;
/// Numbers smaller than this are written with an exponent.
const PLAIN_MIN: f64 = 1e-5;

/// Writes CSV.
pub(super) struct Csv {
    schema: SchemaRef,
    /// Number of columns of values.
    values: usize,
}

impl Csv {
    /// For an answer with these columns, the last `values` of which are values.
    pub(super) fn new(schema: SchemaRef, values: usize) -> Self {
        Self { schema, values }
    }
}

impl Writer for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        for (at, field) in self.schema.fields().iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            text(field.name(), out);
        }
        out.push(b'\n');
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let rows = Rows::of(batch, self.values);
        let keys = self.schema.fields().len() - self.values;
        let with_distance = keys > 0 && self.schema.field(keys - 1).name() == DISTANCE_COLUMN;
        for row in 0..rows.count {
            text(rows.features.value(row), out);
            out.push(b',');
            out.extend_from_slice(rows.time(row).to_string().as_bytes());
            for key in [rows.discriminator(row), rows.version(row)].into_iter().flatten() {
                out.push(b',');
                // What is empty here is absent.
                if !key.is_empty() {
                    text(key, out);
                }
            }
            if with_distance {
                out.push(b',');
                cell(rows.distance_m(row).map_or(Cell::Missing, Cell::Number), out);
            }
            for values in &rows.values {
                out.push(b',');
                cell(values.at(row), out);
            }
            out.push(b'\n');
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        Ok(())
    }
}

fn cell(cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Missing => {}
        Cell::Number(number) => out.extend_from_slice(shortest(number).as_bytes()),
        Cell::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Text(value) => text(value, out),
    }
}

/// The shortest digits that are read back as the same number.
fn shortest(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || (PLAIN_MIN..PLAIN_MAX).contains(&size) { format!("{number}") } else { format!("{number:e}") }
}

/// A field, quoted where it must be.
pub(crate) fn text(value: &str, out: &mut Vec<u8>) {
    if !value.is_empty() && !value.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::table::samples;
    use super::*;
    use proptest::prelude::*;

    fn written(batch: &RecordBatch) -> String {
        let (mut csv, mut out) = (Csv::new(batch.schema(), 3), Vec::new());
        csv.begin(&mut out).expect("in memory");
        csv.write(batch, &mut out).expect("in memory");
        csv.finish(&mut out).expect("in memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn rows_are_written_with_missing_values_empty_and_texts_quoted() {
        let rows = [
            ("a,1", 1, "", Some(0.1), Some(0), Some("say \"x\"\nand go")),
            ("b", 2, "total", Some(f64::NAN), None, Some("")),
            ("b", 3, "", Some(1e300), Some(-7), None),
        ];
        assert_eq!(
            written(&samples::rows(&rows, &[])),
            "feature_id,phenomenon_time,discriminator,version,wse,quality,note\n\
             \"a,1\",2024-01-01T06:00:00Z,,v1,0.1,0,\"say \"\"x\"\"\nand go\"\n\
             b,2024-01-02T06:00:00Z,total,v1,,,\"\"\n\
             b,2024-01-03T06:00:00Z,,v1,1e300,-7,\n"
        );
        let near = written(&samples::rows(&rows[..1], &[("a,1", 1234.5)]));
        assert!(near.starts_with("feature_id,phenomenon_time,discriminator,version,distance_m,wse"), "{near}");
        assert!(near.contains(",v1,1234.5,0.1,0,"), "{near}");
    }

    proptest! {
        #[test]
        fn every_number_is_read_back_as_it_was(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            let text = shortest(number);
            prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), number.to_bits());
            prop_assert!(text.len() <= 25, "{}", text);
        }
    }
}
