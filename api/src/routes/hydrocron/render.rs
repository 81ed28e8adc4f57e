//! Rows as text: delimited lines, GeoJSON features, or one compact feature; bare or within the answer's frame.

use nilometer_schemas::{Kind, Problem};
use serde_json::Value;

use super::accept::Form;
use super::columns::{Column, Row};
use super::shapes::Shapes;

/// Bytes of a compact answer, which is put together column by column in memory.
pub(super) const COMPACT_BYTES_MAX: usize = 64 << 20;

/// Writes an answer piece by piece: [`Writer::head`], [`Writer::row`] for each row, [`Writer::tail`].
pub(super) struct Writer {
    form: Form,
    wrapped: bool,
    columns: Vec<Column>,
    shapes: Shapes,
    rows: u64,
    compact: Compact,
}

/// A compact answer while it grows.
#[derive(Default)]
struct Compact {
    /// The values of each column, as JSON texts with commas between.
    columns: Vec<Vec<u8>>,
    /// Shape of the first row.
    shape: String,
    bytes: usize,
}

impl Writer {
    /// A writer of rows of these columns.
    pub(super) fn new(form: Form, wrapped: bool, columns: Vec<Column>, shapes: Shapes) -> Self {
        let compact = Compact { columns: vec![Vec::new(); columns.len()], ..Compact::default() };
        Self { form, wrapped, columns, shapes, rows: 0, compact }
    }

    /// Whether all rows are held until the tail.
    pub(super) fn is_compact(&self) -> bool {
        self.form == Form::Compact
    }

    /// What stands before the rows. A frame tells their number, and the milliseconds that it took to find them.
    pub(super) fn head(&self, hits: u64, took_ms: f64, out: &mut Vec<u8>) {
        if self.wrapped {
            let took = super::columns::float(took_ms);
            let head = format!("{{\"status\":\"200 OK\",\"time\":{took},\"hits\":{hits},\"results\":{{\"csv\":\"");
            out.extend_from_slice(head.as_bytes());
        }
        match self.form {
            Form::Csv => self.csv_line(out, |line| self.csv_header(line)),
            Form::Features | Form::Compact => {
                if self.wrapped {
                    out.extend_from_slice(b"\",\"geojson\":");
                }
                out.extend_from_slice(b"{\"type\":\"FeatureCollection\",\"features\":[");
            }
        }
    }

    /// One row.
    ///
    /// # Errors
    /// `TooLarge` for a compact answer that outgrows its limit.
    pub(super) fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), Problem> {
        match self.form {
            Form::Csv => self.csv_line(out, |line| self.csv_row(row, line)),
            Form::Features => self.feature(row, out),
            Form::Compact => self.gather(row)?,
        }
        self.rows += 1;
        Ok(())
    }

    /// What stands after the rows.
    pub(super) fn tail(&mut self, out: &mut Vec<u8>) {
        if self.is_compact() && self.rows > 0 {
            self.compact_feature(out);
        }
        match self.form {
            Form::Csv if self.wrapped => out.extend_from_slice(b"\",\"geojson\":{}}}"),
            Form::Csv => {}
            Form::Features | Form::Compact => out.extend_from_slice(if self.wrapped { b"]}}}" } else { b"]}" }),
        }
    }

    /// Columns with a unit.
    fn units(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().filter_map(|c| Some((c.name.as_str(), c.unit.as_deref()?)))
    }

    /// A line that `write` writes; within a frame it is part of a JSON text.
    fn csv_line(&self, out: &mut Vec<u8>, write: impl Fn(&mut String)) {
        let mut line = String::new();
        write(&mut line);
        line.push('\n');
        if self.wrapped {
            let quoted = Value::from(line).to_string();
            out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
        } else {
            out.extend_from_slice(line.as_bytes());
        }
    }

    fn csv_header(&self, line: &mut String) {
        for column in &self.columns {
            csv_cell(&column.name, line);
        }
        for (name, _) in self.units() {
            csv_cell(&format!("{name}_units"), line);
        }
        line.pop();
    }

    fn csv_row(&self, row: &Row, line: &mut String) {
        for column in &self.columns {
            let text = if column.is_geometry() { self.shapes.wkt(row) } else { column.text(row) };
            csv_cell(&text, line);
        }
        for (_, unit) in self.units() {
            csv_cell(unit, line);
        }
        line.pop();
    }

    fn feature(&self, row: &Row, out: &mut Vec<u8>) {
        if self.rows > 0 {
            out.push(b',');
        }
        let head = format!("{{\"id\":\"{}\",\"type\":\"Feature\",\"properties\":{{", self.rows);
        out.extend_from_slice(head.as_bytes());
        let begin = out.len();
        for column in self.columns.iter().filter(|c| !c.is_geometry()) {
            member(&column.name, &column.text(row), out);
        }
        for (name, unit) in self.units() {
            member(&format!("{name}_units"), unit, out);
        }
        if out.len() > begin {
            out.pop();
        }
        out.extend_from_slice(b"},\"geometry\":");
        out.extend_from_slice(self.shapes.geojson(row).as_bytes());
        out.push(b'}');
    }

    fn gather(&mut self, row: &Row) -> Result<(), Problem> {
        if self.rows == 0 {
            self.compact.shape = self.shapes.geojson(row).into_owned();
        }
        for (column, values) in self.columns.iter().zip(&mut self.compact.columns) {
            if column.is_geometry() {
                continue;
            }
            let before = values.len();
            values.extend_from_slice(Value::from(column.text(row)).to_string().as_bytes());
            values.push(b',');
            self.compact.bytes += values.len() - before;
            self.compact.bytes += column.unit.as_ref().map_or(0, |unit| unit.len() + 3);
        }
        if self.compact.bytes > COMPACT_BYTES_MAX {
            let detail = format!(
                "Query exceeds {}MB with compact=true; shorten the period, or ask with compact=false, which has no limit",
                COMPACT_BYTES_MAX >> 20
            );
            return Err(Problem::new(Kind::TooLarge, "compact-size", detail));
        }
        Ok(())
    }

    /// The one feature of a compact answer.
    fn compact_feature(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":\"0\",\"type\":\"Feature\",\"properties\":{");
        let begin = out.len();
        let mut array = |name: &str, values: &[u8]| {
            out.extend_from_slice(Value::from(name).to_string().as_bytes());
            out.extend_from_slice(b":[");
            out.extend_from_slice(values.strip_suffix(b",").unwrap_or(values));
            out.extend_from_slice(b"],");
        };
        let columns = self.columns.iter().zip(&self.compact.columns);
        for (column, values) in columns.filter(|(column, _)| !column.is_geometry()) {
            array(&column.name, values);
        }
        for (name, unit) in self.units() {
            let one = format!("{},", Value::from(unit));
            array(&format!("{name}_units"), one.repeat(self.rows as usize).as_bytes());
        }
        if out.len() > begin {
            out.pop();
        }
        out.extend_from_slice(b"},\"geometry\":");
        out.extend_from_slice(self.compact.shape.as_bytes());
        out.push(b'}');
    }
}

/// A cell and the comma after it, quoted only where it must be.
fn csv_cell(text: &str, line: &mut String) {
    if text.contains([',', '"', '\n', '\r']) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
    line.push(',');
}

/// A member and the comma after it.
fn member(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(Value::from(name).to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(Value::from(value).to_string().as_bytes());
    out.push(b',');
}
