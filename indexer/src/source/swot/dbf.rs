//! dBase tables, as far as shapefiles use them: fixed columns of text.
//!
//! The reader of the `dbase` crate is not used because it leaves out deleted rows, after which shapes and rows no
//! longer belong together, and because one unreadable number costs the rest of the table.
//! Source: "Esri Shapefile Technical Description" (1998) and the dBase III file header.

use nilometer_schemas::ParameterType;

use super::features::is_fill;

const HEADER_BYTES: usize = 32;
const HEADER_END: u8 = 0x0d;
const DELETED: u8 = b'*';

struct Column {
    name: String,
    from: usize,
    to: usize,
    is_number: bool,
    decimals: u8,
}

/// A table in memory.
pub(crate) struct Table<'a> {
    columns: Vec<Column>,
    rows: &'a [u8],
    row_bytes: usize,
    count: usize,
}

impl<'a> Table<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// A reason, if the header is damaged or announces more rows than there are.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let short = || "the .dbf ends in its header".to_owned();
        let u16_at = |at: usize| bytes.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])));
        let count = bytes.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).ok_or_else(short)?;
        let (header_bytes, row_bytes) = (u16_at(8).ok_or_else(short)?, u16_at(10).ok_or_else(short)?);
        let mut columns = Vec::new();
        // The first byte of a row is its deletion flag.
        let mut from = 1;
        let mut at = HEADER_BYTES;
        while *bytes.get(at).ok_or_else(short)? != HEADER_END {
            let field = bytes.get(at..at + 32).ok_or_else(short)?;
            let name = field[..11].split(|b| *b == 0).next().unwrap_or_default();
            let to = from + usize::from(field[16]);
            columns.push(Column {
                name: String::from_utf8_lossy(name).into_owned(),
                from,
                to,
                is_number: matches!(field[11], b'N' | b'F'),
                decimals: field[17],
            });
            from = to;
            at += 32;
        }
        if from > row_bytes || row_bytes == 0 {
            return Err(format!("the columns of the .dbf take {from} bytes, its rows {row_bytes}"));
        }
        let rows = bytes.get(header_bytes..).ok_or_else(short)?;
        let held = rows.len() / row_bytes;
        if held < count {
            return Err(format!("the .dbf announces {count} rows and holds {held}"));
        }
        Ok(Self { columns, rows, row_bytes, count })
    }

    /// Name and type of each column, as the header tells it: numbers without decimals are whole.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, ParameterType)> {
        self.columns.iter().map(|column| {
            let kind = match (column.is_number, column.decimals) {
                (false, _) => ParameterType::Text,
                (true, 0) => ParameterType::Integer,
                (true, _) => ParameterType::Number,
            };
            (column.name.as_str(), kind)
        })
    }

    /// Number of rows, deleted ones included.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// A row that exists; `None` where it is marked as deleted.
    pub(crate) fn row(&self, index: usize) -> Option<Row<'_>> {
        let bytes = &self.rows[index * self.row_bytes..(index + 1) * self.row_bytes];
        (bytes[0] != DELETED).then_some(Row { columns: &self.columns, bytes })
    }
}

/// One row.
pub(crate) struct Row<'a> {
    columns: &'a [Column],
    bytes: &'a [u8],
}

impl Row<'_> {
    fn raw(&self, column: &Column) -> String {
        let text = String::from_utf8_lossy(&self.bytes[column.from..column.to]);
        // A text cut in the middle of a character ends in a replacement character.
        text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{fffd}').to_owned()
    }

    fn column(&self, name: &str) -> Option<(&Column, String)> {
        let column = self.columns.iter().find(|c| c.name == name)?;
        let text = self.raw(column);
        (!text.is_empty() && !is_fill(&text)).then_some((column, text))
    }

    /// The text of a column by position, trimmed, fill values as they are.
    pub(crate) fn at(&self, column: usize) -> String {
        self.raw(&self.columns[column])
    }

    /// A text, trimmed; `None` if empty, a fill value, or there is no such column.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.column(name).map(|(_, text)| text)
    }

    /// A number: whole where the column has no decimals.
    pub(crate) fn number(&self, name: &str) -> Option<serde_json::Value> {
        let (column, text) = self.column(name)?;
        if column.is_number
            && column.decimals == 0
            && let Ok(whole) = text.parse::<i64>()
        {
            return Some(whole.into());
        }
        let number = text.parse::<f64>().ok()?;
        number.is_finite().then(|| number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with the columns `id` (text of 6), `n` (whole) and `x` (two decimals).
    fn table(rows: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0u8; HEADER_BYTES];
        for (name, kind, length, decimals) in [("id", b'C', 6, 0), ("n", b'N', 4, 0), ("x", b'N', 14, 2)] {
            let mut field = [0u8; 32];
            field[..name.len()].copy_from_slice(name.as_bytes());
            (field[11], field[16], field[17]) = (kind, length, decimals);
            bytes.extend(field);
        }
        bytes.push(HEADER_END);
        let header_bytes = bytes.len() as u16;
        bytes[4..8].copy_from_slice(&(rows.len() as u32).to_le_bytes());
        bytes[8..10].copy_from_slice(&header_bytes.to_le_bytes());
        bytes[10..12].copy_from_slice(&25u16.to_le_bytes());
        for row in rows {
            bytes.extend(row.as_bytes());
        }
        bytes
    }

    fn row(flag: char, id: &str, n: &str, x: &str) -> String {
        format!("{flag}{id:<6}{n:>4}{x:>14}")
    }

    #[test]
    fn fill_values_are_absent_and_deleted_rows_keep_their_place() {
        let rows = [
            row(' ', "abc", "7", "1.50"),
            row('*', "gone", "1", "1.00"),
            row(' ', "def", "-999", "2.00"),
            row(' ', "", "-998", "-999.00"),
        ];
        let bytes = table(&rows.each_ref().map(String::as_str));
        let table = Table::parse(&bytes).unwrap();
        let first = table.row(0).unwrap();
        assert_eq!((first.text("id"), first.number("n")), (Some("abc".into()), Some(7.into())));
        assert_eq!((first.number("x"), first.text("none")), (Some(1.5.into()), None));
        assert!(table.row(1).is_none());
        assert_eq!(table.row(2).unwrap().number("n"), None);
        let last = table.row(3).unwrap();
        assert_eq!((last.text("id"), last.number("n"), last.number("x")), (None, Some((-998).into()), None));
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn a_table_that_announces_more_than_it_holds_is_refused() {
        let mut bytes = table(&[&row(' ', "abc", "7", "1.50")]);
        bytes[4] = 9;
        assert!(Table::parse(&bytes).err().unwrap().contains("announces 9"));
        for cut in 0..40 {
            assert!(Table::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
