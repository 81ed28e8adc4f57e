//! What a batch of observations does to a table: which rows are new, which were there, which take the place of
//! others; and the files that hold the outcome. Needs no order among writers: what it decided against is named, and
//! the store does it again if the table has moved on.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use nilometer_schemas::observation::{
    DISCRIMINATOR_COLUMN, FEATURE_COLUMN, INGESTED_COLUMN, SOURCE_COLUMN, TIME_COLUMN, VERSION_COLUMN,
    observation_schema,
};
use nilometer_schemas::{Instant, ObservationKey, ObservationModel, ParameterType, Problem};
use parquet::arrow::ArrowWriter;

use super::file::{RowFilter, SeriesFile, align};
use super::layout::writer_properties;
use super::table::{SeriesTable, order_of, sorted};
use crate::Error;
use crate::catalog::sync_dir;

/// How far the times of two versions of a pass may lie apart, µs.
const PASS_SLACK_US: i64 = 2 * 3_600 * 1_000_000;

/// What became of a batch's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) added: u64,
    pub(crate) replaced: u64,
    pub(crate) unchanged: u64,
}

/// Files that are written and not yet part of the table.
pub(crate) struct Prepared {
    /// Version of the table that this was decided against; `None` for a table that did not exist.
    pub(crate) base: Option<u64>,
    /// Columns of the table, the new ones included.
    pub(crate) schema: SchemaRef,
    /// Whether there are columns that the table has not.
    pub(crate) wider: bool,
    pub(crate) added: Vec<SeriesFile>,
    pub(crate) removed: Vec<Arc<SeriesFile>>,
    pub(crate) counts: Counts,
    /// The rows that are new, or took the place of others, ordered.
    pub(crate) rows: RecordBatch,
    /// Whether they are neither versions of observations that are there, nor replacements.
    pub(crate) whole: bool,
    /// Whether the table has observations with several versions afterwards.
    pub(crate) several_versions: bool,
}

impl Prepared {
    /// Removes the files again, which nothing refers to.
    pub(crate) fn discard(&self, dir: &Path) {
        for file in &self.added {
            // What stays is found and removed as belonging to no version.
            let _ = std::fs::remove_file(dir.join(&file.name));
        }
    }
}

/// The key of a row: with its version, or without.
type Key<'a> = (&'a str, i64, &'a str, &'a str);

struct Keys<'a> {
    features: &'a arrow::array::StringArray,
    times: &'a [i64],
    discriminators: &'a arrow::array::StringArray,
    versions: &'a arrow::array::StringArray,
    by: ObservationKey,
}

impl<'a> Keys<'a> {
    fn of(rows: &'a RecordBatch, by: ObservationKey) -> Self {
        Self {
            features: rows[FEATURE_COLUMN].as_string(),
            times: rows[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>().values(),
            discriminators: rows[DISCRIMINATOR_COLUMN].as_string(),
            versions: rows[VERSION_COLUMN].as_string(),
            by,
        }
    }

    fn observation(&self, row: usize) -> Key<'a> {
        let time = if self.by == ObservationKey::Pass { 0 } else { self.times[row] };
        (self.features.value(row), time, self.discriminators.value(row), "")
    }

    fn row(&self, row: usize) -> Key<'a> {
        let (feature, time, discriminator, _) = self.observation(row);
        (feature, time, discriminator, self.versions.value(row))
    }
}

/// Decides a batch against a table and writes the files. `table` is `None` where there is none yet.
///
/// # Errors
/// `Invalid` for a column whose values are of another type than the table's; I/O errors.
pub(crate) fn prepare(
    dir: &Path,
    table: Option<&SeriesTable>,
    model: &ObservationModel,
    rows: &RecordBatch,
    now: Instant,
) -> Result<Prepared, Error> {
    let arrow = |e: arrow::error::ArrowError| Error::Damaged { path: dir.to_owned(), detail: e.to_string() };
    let (schema, wider) = widened(table.map(|t| &t.schema), &rows.schema(), model, rows)?;
    let given: Vec<Arc<Field>> =
        schema.fields().iter().filter(|f| rows.schema().index_of(f.name()).is_ok()).cloned().collect();
    let incoming = align(rows, &Arc::new(Schema::new(given))).map_err(arrow)?;
    let mut counts = Counts::default();
    let incoming = distinct(&incoming, model.key, &mut counts).map_err(arrow)?;
    let incoming = stamped(&incoming, now).map_err(arrow)?;
    let several = has_several_versions(&incoming, model.key);
    let mut prepared = Prepared {
        base: table.map(|t| t.version),
        schema: schema.clone(),
        wider,
        added: Vec::new(),
        removed: Vec::new(),
        counts,
        rows: RecordBatch::new_empty(schema.clone()),
        whole: !several,
        several_versions: several || table.is_some_and(|t| t.several_versions),
    };
    let known = match table {
        Some(table) => Known::find(table, &incoming, model.key)?,
        None => Known::default(),
    };
    if known.other_versions {
        (prepared.whole, prepared.several_versions) = (false, true);
    }
    prepared.counts.unchanged += known.same.len() as u64;
    prepared.counts.replaced += known.replaced.len() as u64;
    let keep: Vec<bool> =
        (0..incoming.num_rows()).map(|row| !known.same.contains(&row) && !known.replaced.contains_key(&row)).collect();
    let fresh = filter_record_batch(&incoming, &BooleanArray::from(keep)).map_err(arrow)?;
    prepared.counts.added += fresh.num_rows() as u64;
    let mut new = align(&fresh, &schema).map_err(arrow)?;
    if let (Some(table), false) = (table, known.replaced.is_empty()) {
        prepared.whole = false;
        let merged = known.merged(&incoming, &schema).map_err(arrow)?;
        new = sorted(&concat_batches(&schema, [&new, &merged]).map_err(arrow)?).map_err(arrow)?;
        known.rewrite(table, model.key, &schema, &mut prepared)?;
    }
    if new.num_rows() > 0 {
        prepared.added.push(write_file(dir, &schema, [Ok(new.clone())])?);
    }
    prepared.rows = new;
    Ok(prepared)
}

/// The table's columns with those of a batch that it has not, and whether there are such.
fn widened(
    table: Option<&SchemaRef>,
    rows: &Schema,
    model: &ObservationModel,
    batch: &RecordBatch,
) -> Result<(SchemaRef, bool), Problem> {
    let own = observation_schema([]);
    let mut fields: Vec<Arc<Field>> = table.unwrap_or(&own).fields().iter().cloned().collect();
    let before = fields.len();
    for field in rows.fields() {
        let name = field.name();
        let declared = model.parameter(name).map(|p| p.kind.data_type());
        match fields.iter().find(|f| f.name() == name) {
            Some(known) if fits(batch.column_by_name(name), field.data_type(), known.data_type()) => {}
            Some(known) => return Err(misfit(name, field.data_type(), known.data_type())),
            None => {
                let kind = match declared {
                    Some(declared) if fits(batch.column_by_name(name), field.data_type(), &declared) => declared,
                    Some(declared) => return Err(misfit(name, field.data_type(), &declared)),
                    None => field.data_type().clone(),
                };
                fields.push(Arc::new(Field::new(name, kind, true)));
            }
        }
    }
    let wider = fields.len() > before;
    Ok((Arc::new(Schema::new(fields)), wider))
}

/// Whether a column's values can stand in a column of another type without loss.
fn fits(column: Option<&ArrayRef>, from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        _ if from == to => true,
        (DataType::Int64, DataType::Float64) => true,
        (DataType::Float64, DataType::Int64) => column.is_some_and(|c| {
            let whole = |v: f64| v.fract() == 0.0 && v.abs() < 9e15;
            c.as_primitive::<arrow::datatypes::Float64Type>().iter().flatten().all(whole)
        }),
        _ => false,
    }
}

fn misfit(name: &str, from: &DataType, to: &DataType) -> Problem {
    let word = |kind: &DataType| match ParameterType::of(kind) {
        Some(ParameterType::Number) => "numbers",
        Some(ParameterType::Integer) => "whole numbers",
        _ => "texts",
    };
    let detail = format!("the values of {name:?} are {}, the collection holds {}", word(from), word(to));
    Problem::invalid("parameter-type", detail).at(name).allowed(word(to))
}

/// Ordered rows of which each has a key of its own: of equal keys the last one counts.
fn distinct(
    rows: &RecordBatch,
    by: ObservationKey,
    counts: &mut Counts,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let keys = Keys::of(rows, by);
    let mut last: HashMap<Key<'_>, usize> = HashMap::with_capacity(rows.num_rows());
    let mut doubled: Vec<(usize, usize)> = Vec::new();
    for row in 0..rows.num_rows() {
        if let Some(before) = last.insert(keys.row(row), row) {
            doubled.push((before, row));
        }
    }
    if doubled.is_empty() {
        return sorted(rows);
    }
    let same = values(rows)?;
    for (before, row) in &doubled {
        let count = if same.row(*before) == same.row(*row) { &mut counts.unchanged } else { &mut counts.replaced };
        *count += 1;
    }
    let dropped: HashSet<usize> = doubled.iter().map(|(before, _)| *before).collect();
    let ordinals: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows.num_rows() as i64));
    let order = order_of(rows, &[ordinals])?;
    let order =
        UInt32Array::from_iter_values(order.values().iter().copied().filter(|row| !dropped.contains(&(*row as usize))));
    take_record_batch(rows, &order)
}

/// What two rows of one key are compared by: all but where and when they came from.
fn values(rows: &RecordBatch) -> Result<arrow::row::Rows, arrow::error::ArrowError> {
    let schema = rows.schema();
    let compared: Vec<usize> = (0..schema.fields().len())
        .filter(|at| ![SOURCE_COLUMN, INGESTED_COLUMN].contains(&schema.field(*at).name().as_str()))
        .collect();
    let fields = compared.iter().map(|at| SortField::new(schema.field(*at).data_type().clone())).collect();
    let columns: Vec<ArrayRef> = compared.iter().map(|at| rows.column(*at).clone()).collect();
    RowConverter::new(fields)?.convert_columns(&columns)
}

fn stamped(rows: &RecordBatch, now: Instant) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut columns = rows.columns().to_vec();
    let at = rows.schema().index_of(INGESTED_COLUMN)?;
    columns[at] = Arc::new(TimestampMicrosecondArray::from(vec![now.0; rows.num_rows()]).with_timezone("UTC"));
    RecordBatch::try_new(rows.schema(), columns)
}

/// Whether two of the ordered, distinct rows are versions of one observation.
fn has_several_versions(rows: &RecordBatch, by: ObservationKey) -> bool {
    let keys = Keys::of(rows, by);
    let versions = keys.versions;
    if rows.num_rows() == 0 || (1..rows.num_rows()).all(|row| versions.value(row) == versions.value(0)) {
        return false;
    }
    let mut seen = HashSet::with_capacity(rows.num_rows());
    (0..rows.num_rows()).any(|row| !seen.insert(keys.observation(row)))
}

/// What a table holds already of the keys of a batch.
#[derive(Default)]
struct Known {
    /// Incoming rows that are there with the same values.
    same: HashSet<usize>,
    /// Incoming rows whose key is there with other values: the place of the stored row in `stored`.
    replaced: HashMap<usize, usize>,
    /// The stored rows that are replaced, with all columns of the table.
    stored: Vec<RecordBatch>,
    /// The files they are in.
    files: Vec<Arc<SeriesFile>>,
    /// Whether some incoming observation is there in another version.
    other_versions: bool,
}

impl Known {
    fn find(table: &SeriesTable, incoming: &RecordBatch, by: ObservationKey) -> Result<Self, Error> {
        let mut known = Self::default();
        if incoming.num_rows() == 0 {
            return Ok(known);
        }
        let keys = Keys::of(incoming, by);
        let by_key: HashMap<Key<'_>, usize> = (0..incoming.num_rows()).map(|row| (keys.row(row), row)).collect();
        let observations: HashSet<Key<'_>> = (0..incoming.num_rows()).map(|row| keys.observation(row)).collect();
        let mut features: Vec<String> = keys.features.iter().flatten().map(str::to_owned).collect();
        features.dedup();
        let slack = if by == ObservationKey::Pass { PASS_SLACK_US } else { 0 };
        let filter = RowFilter {
            features: Some(Arc::new(features)),
            from: keys.times.iter().min().map(|t| Instant(t - slack)),
            to: keys.times.iter().max().map(|t| Instant(t + slack)),
        };
        let all: Vec<&str> = table.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let given = incoming.schema();
        let given_values = values(incoming).map_err(|e| table.damaged(&e))?;
        let mut places = 0;
        for file in table.files.iter().filter(|file| file.may_hold(&filter)) {
            for batch in file.read(&table.dir, &table.cache, &filter, &all)? {
                let batch = align(&batch?, &table.schema).map_err(|e| table.damaged(&e))?;
                let stored = align(&batch, &given).map_err(|e| table.damaged(&e))?;
                let stored_values = values(&stored).map_err(|e| table.damaged(&e))?;
                let stored_keys = Keys::of(&batch, by);
                let mut taken = Vec::new();
                for row in 0..batch.num_rows() {
                    let Some(incoming) = by_key.get(&stored_keys.row(row)).copied() else {
                        known.other_versions |= observations.contains(&stored_keys.observation(row));
                        continue;
                    };
                    if given_values.row(incoming) == stored_values.row(row) {
                        known.same.insert(incoming);
                    } else {
                        known.replaced.insert(incoming, places);
                        places += 1;
                        taken.push(row as u64);
                    }
                }
                if !taken.is_empty() {
                    let taken = take_record_batch(&batch, &UInt64Array::from(taken)).map_err(|e| table.damaged(&e))?;
                    known.stored.push(taken);
                    if !known.files.iter().any(|f| f.name == file.name) {
                        known.files.push(file.clone());
                    }
                }
            }
        }
        Ok(known)
    }

    /// The replacing rows: the columns that came, and the stored values of those that did not.
    fn merged(&self, incoming: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut pairs: Vec<(usize, usize)> = self.replaced.iter().map(|(row, place)| (*row, *place)).collect();
        pairs.sort_unstable();
        let rows = UInt64Array::from_iter_values(pairs.iter().map(|(row, _)| *row as u64));
        let places = UInt64Array::from_iter_values(pairs.iter().map(|(_, place)| *place as u64));
        let came = take_record_batch(incoming, &rows)?;
        let stored = concat_batches(&self.stored[0].schema(), &self.stored)?;
        let stored = align(&take_record_batch(&stored, &places)?, schema)?;
        let columns = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| came.column_by_name(field.name()).unwrap_or_else(|| stored.column(at)).clone());
        RecordBatch::try_new(schema.clone(), columns.collect())
    }

    /// Writes the files that hold replaced rows again, without them.
    fn rewrite(
        &self,
        table: &SeriesTable,
        by: ObservationKey,
        schema: &SchemaRef,
        prepared: &mut Prepared,
    ) -> Result<(), Error> {
        let mut gone: HashSet<Key<'_>> = HashSet::new();
        for batch in &self.stored {
            let keys = Keys::of(batch, by);
            gone.extend((0..batch.num_rows()).map(|row| keys.row(row)));
        }
        let all: Vec<&str> = table.schema.fields().iter().map(|f| f.name().as_str()).collect();
        for file in &self.files {
            let rows = file.read(&table.dir, &table.cache, &RowFilter::default(), &all)?;
            let kept = rows.map(|batch| {
                let batch = batch?;
                let keys = Keys::of(&batch, by);
                let keep: Vec<bool> = (0..batch.num_rows()).map(|row| !gone.contains(&keys.row(row))).collect();
                let kept = filter_record_batch(&batch, &BooleanArray::from(keep));
                kept.and_then(|kept| align(&kept, schema)).map_err(|e| table.damaged(&e))
            });
            let written = write_file(&table.dir, schema, kept)?;
            if written.rows > 0 {
                prepared.added.push(written);
            } else {
                let _ = std::fs::remove_file(table.dir.join(&written.name));
            }
            prepared.removed.push(file.clone());
        }
        Ok(())
    }
}

/// Writes ordered rows as one file of a table, durable when it returns. A file without rows has no place in feature
/// and time.
pub(crate) fn write_file(
    dir: &Path,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, Error>>,
) -> Result<SeriesFile, Error> {
    std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let part = dir.join(format!("_part-{}-{}", std::process::id(), PARTS.fetch_add(1, Ordering::Relaxed)));
    let written = write_rows(&part, schema, batches).and_then(|file| {
        // Named by its content: a name never stands for other rows than it did.
        let name = format!("part-{}.parquet", hash_of(&part)?);
        std::fs::rename(&part, dir.join(&name)).map_err(Error::io("rename", &part))?;
        sync_dir(dir)?;
        Ok(SeriesFile { name, ..file })
    });
    if written.is_err() {
        // The error counts, not the leftover.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Number of files begun by this process.
static PARTS: AtomicU64 = AtomicU64::new(0);

fn hash_of(path: &Path) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(Error::io("open", path))?;
    hasher.update_reader(file).map_err(Error::io("read", path))?;
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

fn write_rows(
    path: &Path,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, Error>>,
) -> Result<SeriesFile, Error> {
    let failed = |error: parquet::errors::ParquetError| Error::io("write", path)(io_of(error));
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(writer_properties(schema))).map_err(failed)?;
    let mut described: Option<SeriesFile> = None;
    for batch in batches {
        let batch = batch?;
        writer.write(&batch).map_err(failed)?;
        let Some(part) = SeriesFile::describe("", 0, std::slice::from_ref(&batch)) else { continue };
        described = Some(match described {
            None => part,
            Some(so_far) => SeriesFile {
                rows: so_far.rows + part.rows,
                features: (so_far.features.0, part.features.1),
                times: (so_far.times.0.min(part.times.0), so_far.times.1.max(part.times.1)),
                ..so_far
            },
        });
    }
    writer.finish().map_err(failed)?;
    writer.inner().sync_all().map_err(Error::io("sync", path))?;
    let bytes = path.metadata().map_err(Error::io("read", path))?.len();
    let nothing =
        SeriesFile { name: String::new(), bytes, rows: 0, features: (String::new(), String::new()), times: (0, 0) };
    Ok(SeriesFile { bytes, ..described.unwrap_or(nothing) })
}

/// The file error behind a failure of the library, so that a full disk is known as one.
fn io_of(error: parquet::errors::ParquetError) -> std::io::Error {
    match error {
        parquet::errors::ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(io) => *io,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other),
    }
}
