//! Tables, row by row: delimited text and Parquet, with what each cell holds.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use nilometer_schemas::Instant;

use super::mapping::Delimiter;
use super::parquet::ParquetRows;
use crate::source::moment;

/// Longest line of blank-separated text.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What a cell of a table holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing.
    Missing,
    /// A text; all that delimited text has.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A moment in UTC.
    Moment(Instant),
    /// A date or time on a clock whose zone the file does not tell, in microseconds since 1970-01-01 00:00 on it.
    Clock(i64),
}

impl Cell {
    /// What the cell says as text: numbers in their shortest form, times as RFC 3339, the latter without an offset
    /// where the file has none; `None` if nothing.
    pub(crate) fn text(&self) -> Option<String> {
        Some(match self {
            Self::Missing => return None,
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Moment(moment) => moment.to_string(),
            Self::Clock(clock_us) => moment::clock_text(*clock_us),
        })
    }
}

/// Rows of delimited text, one at a time.
pub(super) struct Table<'a> {
    pub(super) columns: HashMap<String, usize>,
    /// Fields of the heading.
    width: usize,
    rows: Rows<'a>,
    pub(super) line: u64,
}

enum Rows<'a> {
    Csv(Box<csv::Reader<Box<dyn BufRead + 'a>>>),
    /// Blank-separated with quotes, which the csv crate does not know.
    Blanks(Box<dyn BufRead + 'a>),
}

impl<'a> Table<'a> {
    pub(super) fn open(content: Box<dyn BufRead + 'a>, delimiter: Delimiter) -> Result<Self, String> {
        let rows = match delimiter.byte() {
            Some(byte) => Rows::Csv(Box::new(
                csv::ReaderBuilder::new().delimiter(byte).has_headers(false).flexible(true).from_reader(content),
            )),
            None => Rows::Blanks(content),
        };
        let mut table = Self { columns: HashMap::new(), width: 0, rows, line: 0 };
        let heading = table.next_fields()?.ok_or("the file has no heading")?;
        table.width = heading.len();
        for (index, name) in heading.into_iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}').trim().to_owned();
            table.columns.entry(name).or_insert(index);
        }
        Ok(table)
    }

    pub(super) fn next_fields(&mut self) -> Result<Option<Vec<String>>, String> {
        match &mut self.rows {
            Rows::Csv(reader) => {
                let mut record = csv::ByteRecord::new();
                let more = reader.read_byte_record(&mut record).map_err(|e| e.to_string())?;
                self.line = record.position().map_or(self.line + 1, csv::Position::line);
                let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
                Ok(more.then(|| record.iter().map(text).collect()))
            }
            Rows::Blanks(reader) => loop {
                let mut line = Vec::new();
                let read = reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
                self.line += 1;
                if read == 0 {
                    return Ok(None);
                }
                let fields = split_blanks(&String::from_utf8_lossy(&line));
                if !fields.is_empty() {
                    return Ok(Some(fields));
                }
            },
        }
    }
}

/// Fields between blanks; a field in double quotes may hold blanks, a doubled quote stands for itself.
fn split_blanks(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut field = String::new();
        if first == '"' {
            while let Some(c) = chars.next() {
                if c != '"' {
                    field.push(c);
                } else if chars.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    break;
                }
            }
        } else {
            field.push(first);
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                field.push(c);
            }
        }
        fields.push(field);
    }
    fields
}

/// A table of either kind.
pub(super) enum AnyTable<'a> {
    Text(Table<'a>),
    Parquet(Box<ParquetRows>),
}

impl AnyTable<'_> {
    pub(super) fn columns(&self) -> &HashMap<String, usize> {
        match self {
            Self::Text(table) => &table.columns,
            Self::Parquet(rows) => &rows.columns,
        }
    }

    /// The next row, as long as it is.
    pub(super) fn next_row(&mut self) -> Result<Option<Vec<Cell>>, String> {
        match self {
            Self::Text(table) => {
                let fields = table.next_fields()?;
                Ok(fields.map(|fields| fields.into_iter().map(Cell::Text).collect()))
            }
            Self::Parquet(rows) => rows.next_row(),
        }
    }

    /// Why a row cannot be read by the heading: a line cut off, or a delimiter within an unquoted field, puts values into
    /// columns that are not theirs. Empty fields beyond the heading are let pass.
    pub(super) fn misfit(&self, row: &[Cell]) -> Option<String> {
        let Self::Text(table) = self else { return None };
        let beyond =
            row.iter().skip(table.width).any(|cell| !matches!(cell, Cell::Text(text) if text.trim().is_empty()));
        (row.len() < table.width || beyond)
            .then(|| format!("the line has {} fields, the heading {}", row.len(), table.width))
    }

    /// Where the last row stands in the file.
    pub(super) fn record(&self) -> String {
        match self {
            Self::Text(table) => format!("line {}", table.line),
            Self::Parquet(rows) => format!("row {}", rows.row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_separated_fields_may_be_quoted() {
        let check = |line: &str, expected: &[&str]| assert_eq!(split_blanks(line), expected, "{line}");
        check("a b  c\n", &["a", "b", "c"]);
        check(r#""02293694" "PEACE CREEK" 28.5 NA"#, &["02293694", "PEACE CREEK", "28.5", "NA"]);
        check(r#""say ""x""" """#, &[r#"say "x""#, ""]);
        check("", &[]);
    }
}
