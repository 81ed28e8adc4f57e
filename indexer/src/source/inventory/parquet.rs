//! Parquet files as tables: named columns of plain types, row by row.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::rc::Rc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use nilometer_schemas::Instant;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::column::page::Page;
use parquet::file::reader::ChunkReader;

use super::table::Cell;
use crate::source::input::Input;

/// The first and last bytes of every file of this kind.
pub(crate) const MARK: &[u8] = b"PAR1";
/// Bytes of a file that is not read from disk as it is (compressed once more, or in memory).
const HELD_BYTES_MAX: u64 = 1 << 30;
/// Rows decoded at once.
const BATCH_ROWS: usize = 4096;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Rows of a Parquet file.
pub(super) struct ParquetRows {
    /// Position of each column that is read.
    pub(super) columns: HashMap<String, usize>,
    /// Number of the last row, from 1.
    pub(super) row: u64,
    reader: ParquetRecordBatchReader,
    batch: Option<Decoded>,
}

/// A batch whose columns have one of the few types that cells come from.
struct Decoded {
    columns: Vec<ArrayRef>,
    rows: usize,
    next: usize,
}

/// Bytes in the form the reader takes them; its type is told by a function that returns it, since the crate that
/// defines it is not a dependency of ours.
fn held<B: From<Vec<u8>>>(_like: fn(&Page) -> &B, bytes: Vec<u8>) -> B {
    B::from(bytes)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Names of the columns.
///
/// # Errors
/// Why the file cannot be read.
pub(super) fn column_names(input: &Input<'_>) -> Result<Vec<String>, String> {
    let schema = match input.plain_path() {
        Some(path) => builder(File::open(path).map_err(text)?)?.schema().clone(),
        None => builder(held(Page::buffer, whole(input)?))?.schema().clone(),
    };
    Ok(schema.fields().iter().map(|f| f.name().clone()).collect())
}

fn builder<R: ChunkReader + 'static>(reader: R) -> Result<ParquetRecordBatchReaderBuilder<R>, String> {
    ParquetRecordBatchReaderBuilder::try_new(reader).map_err(text)
}

fn whole(input: &Input<'_>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let content = input.content(&Rc::default()).map_err(text)?;
    content.take(HELD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(text)?;
    if bytes.len() as u64 > HELD_BYTES_MAX {
        return Err(format!("it is larger than {HELD_BYTES_MAX} bytes and not a plain file"));
    }
    Ok(bytes)
}

impl ParquetRows {
    /// Opens a file to read the named columns of it; others are not decoded.
    pub(super) fn open(input: &Input<'_>, names: &[&str]) -> Result<Self, String> {
        match input.plain_path() {
            Some(path) => Self::build(builder(File::open(path).map_err(text)?)?, names),
            None => Self::build(builder(held(Page::buffer, whole(input)?))?, names),
        }
    }

    fn build<R: ChunkReader + 'static>(
        builder: ParquetRecordBatchReaderBuilder<R>,
        names: &[&str],
    ) -> Result<Self, String> {
        let roots = wanted(builder.schema(), names)?;
        let columns =
            roots.iter().enumerate().map(|(at, root)| (builder.schema().field(*root).name().clone(), at)).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(text)?;
        Ok(Self { columns, row: 0, reader, batch: None })
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Vec<Cell>>, String> {
        loop {
            if let Some(batch) = &mut self.batch
                && batch.next < batch.rows
            {
                let row = batch.next;
                batch.next += 1;
                self.row += 1;
                return Ok(Some(batch.columns.iter().map(|column| cell(column, row)).collect()));
            }
            match self.reader.next() {
                None => return Ok(None),
                Some(batch) => self.batch = Some(Decoded::of(&batch.map_err(text)?)?),
            }
        }
    }
}

/// Positions of the columns to read, in the file's order, which is that of the batches.
fn wanted(schema: &Schema, names: &[&str]) -> Result<Vec<usize>, String> {
    let mut roots = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        if names.contains(&field.name().as_str()) {
            if decoded_type(field.data_type()).is_none() {
                return Err(format!("the column {:?} is of the type {}", field.name(), field.data_type()));
            }
            roots.push(at);
        }
    }
    Ok(roots)
}

/// The type that a column is brought to; `None` for types that no cell can hold.
fn decoded_type(data_type: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match data_type {
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Boolean => T::Utf8,
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => T::Int64,
        // Larger numbers than a signed one holds are known as floats only.
        T::UInt64 | T::Float16 | T::Float32 | T::Float64 => T::Float64,
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => T::Utf8,
        T::Date32 | T::Date64 => T::Date32,
        T::Timestamp(_, zone) => T::Timestamp(TimeUnit::Microsecond, zone.clone()),
        T::Dictionary(_, values) => decoded_type(values)?,
        T::Null => T::Utf8,
        _ => return None,
    })
}

impl Decoded {
    fn of(batch: &RecordBatch) -> Result<Self, String> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for column in batch.columns() {
            // `wanted` let no other type through.
            let to = decoded_type(column.data_type()).ok_or("a column changed its type")?;
            columns.push(cast(column, &to).map_err(text)?);
        }
        Ok(Self { columns, rows: batch.num_rows(), next: 0 })
    }
}

fn cell(column: &ArrayRef, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Missing;
    }
    match column.data_type() {
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Int64 => Cell::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Number(column.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Cell::Clock(i64::from(column.as_primitive::<Date32Type>().value(row)) * MICROS_PER_DAY),
        DataType::Timestamp(_, zone) => {
            let us = column.as_primitive::<TimestampMicrosecondType>().value(row);
            // Where a zone is named the stored numbers are UTC, whichever it is.
            if zone.is_some() { Cell::Moment(Instant(us)) } else { Cell::Clock(us) }
        }
        _ => Cell::Missing,
    }
}
