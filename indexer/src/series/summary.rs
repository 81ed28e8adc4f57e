//! What is known at once of every feature: how many observations it has, of which period, and the latest value of the
//! parameters that matter. A side table: it changes neither items nor `/changes`, and follows each batch of rows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimestampMicrosecondType};
use bytes::Bytes;
use nilometer_schemas::Instant;
use nilometer_schemas::observation::{FEATURE_COLUMN, TIME_COLUMN};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::file::RowFilter;
use super::table::SeriesTable;
use crate::Error;

/// Features of one reading of the whole table.
const FEATURES_AT_ONCE: usize = 4_096;
/// Features that changed since the sorted list was made, beyond which it is made anew.
const CHANGED_MAX: usize = 16_384;
/// Folder of the kept summaries, in the table's; Delta readers pass over names that begin so.
pub(crate) const FOLDER: &str = "_summaries";

/// The latest value of one parameter of one feature.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatestValue {
    /// Number of values that are not null.
    pub count: u64,
    /// Time of the first of them, µs.
    pub first: i64,
    /// Time of the last of them, µs.
    pub last: i64,
    /// The last of them.
    pub value: f64,
}

/// What is known of one feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureSummary {
    /// Number of observations, the newest version of each.
    pub count: u64,
    /// Time of the first, µs.
    pub first: i64,
    /// Time of the last, µs.
    pub last: i64,
    /// By parameter, in the order of [`Summaries::parameters`]; a count of 0 stands for none.
    pub latest: Box<[LatestValue]>,
}

type Sorted = Vec<(Box<str>, FeatureSummary)>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Summaries {
    parameters: Arc<Vec<String>>,
    sorted: Arc<Sorted>,
    /// Features that changed since `sorted` was made; they count in its place.
    changed: BTreeMap<Box<str>, FeatureSummary>,
}

impl Summaries {
    /// Names of the parameters whose latest values are kept.
    pub fn parameters(&self) -> &[String] {
        &self.parameters
    }

    /// What is known of a feature.
    pub fn get(&self, feature: &str) -> Option<&FeatureSummary> {
        self.changed.get(feature).or_else(|| {
            let at = self.sorted.binary_search_by(|(id, _)| (**id).cmp(feature)).ok()?;
            Some(&self.sorted[at].1)
        })
    }

    /// All features with what is known of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FeatureSummary)> {
        let mut changed = self.changed.iter().peekable();
        let mut sorted = self.sorted.iter().peekable();
        std::iter::from_fn(move || {
            let (id, summary) = match (sorted.peek(), changed.peek()) {
                (Some((old, _)), Some((new, _))) if old < *new => sorted.next().map(|(id, s)| (id, s))?,
                (Some((old, _)), Some((new, _))) => {
                    if old == *new {
                        sorted.next();
                    }
                    changed.next()?
                }
                (Some(_), None) => sorted.next().map(|(id, s)| (id, s))?,
                (None, _) => changed.next()?,
            };
            Some((&**id, summary))
        })
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        let is_new = |id: &str| self.sorted.binary_search_by(|(old, _)| (**old).cmp(id)).is_err();
        self.sorted.len() + self.changed.keys().filter(|id| is_new(id)).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.changed.is_empty()
    }

    /// Times of the first and the last observation, to the millisecond, as files have them.
    pub(crate) fn span(&self) -> Option<(Instant, Instant)> {
        let first = self.iter().map(|(_, summary)| summary.first).min()?;
        let last = self.iter().map(|(_, summary)| summary.last).max()?;
        let milliseconds = |time: i64| Instant(time * 1_000);
        Some((milliseconds(first.div_euclid(1_000)), milliseconds((last + 999).div_euclid(1_000))))
    }

    /// Those of some features, by id, with these of the parameters alone.
    pub(crate) fn part<'a>(&self, features: impl Iterator<Item = &'a str>, parameters: Vec<String>) -> Self {
        let at = |name: &String| self.parameters.iter().position(|known| known == name);
        let places: Vec<Option<usize>> = parameters.iter().map(at).collect();
        let part = |known: &FeatureSummary| {
            let latest = places.iter().map(|at| at.map(|at| known.latest[at]).unwrap_or_default());
            FeatureSummary { latest: latest.collect(), ..known.clone() }
        };
        let sorted = features.filter_map(|id| Some((id.into(), part(self.get(id)?)))).collect();
        Self { parameters: Arc::new(parameters), sorted: Arc::new(sorted), changed: BTreeMap::new() }
    }

    /// Those of a table without rows.
    pub(crate) fn empty(parameters: Vec<String>) -> Self {
        Self { parameters: Arc::new(parameters), ..Self::default() }
    }

    /// Reads the whole table.
    pub(crate) fn make(table: &SeriesTable) -> Result<Self, Error> {
        let parameters = Arc::new(table.latest_parameters());
        let mut made = Self { parameters, ..Self::default() };
        let features = features_of(table)?;
        let mut sorted = Sorted::with_capacity(features.len());
        for some in features.chunks(FEATURES_AT_ONCE) {
            sorted.extend(made.of_features(table, some)?);
        }
        made.sorted = Arc::new(sorted);
        Ok(made)
    }

    /// What is known of some features of a table, by id; those without observations are left out.
    fn of_features(&self, table: &SeriesTable, features: &[String]) -> Result<Sorted, Error> {
        let filter = RowFilter { features: Some(Arc::new(features.to_vec())), ..RowFilter::default() };
        let columns: Vec<&str> = self.parameters.iter().map(String::as_str).chain([TIME_COLUMN]).collect();
        let rows = table.newest(&table.read(&filter, &columns)?)?;
        Ok(summarise(&rows, &self.parameters))
    }

    /// The summaries after rows were added to a table. `new` are these rows, ordered; `whole` tells that they are no
    /// version and no replacement of what was there, so that they add to what is known.
    pub(crate) fn after(&self, table: &SeriesTable, new: &RecordBatch, whole: bool) -> Result<Self, Error> {
        let mut next = self.clone();
        if *next.parameters != table.latest_parameters() {
            return Self::make(table);
        }
        // Whose summary cannot be told from what is known and what is new alone.
        let mut anew = Vec::new();
        for (id, more) in summarise(new, &next.parameters) {
            match next.get(&id).cloned() {
                None if whole => {
                    next.changed.insert(id, more);
                }
                Some(known) if whole && !ends_together(&known, &more) => {
                    next.changed.insert(id, add(known, &more));
                }
                _ => anew.push(String::from(id)),
            }
        }
        for some in anew.chunks(FEATURES_AT_ONCE) {
            next.changed.extend(next.of_features(table, some)?);
        }
        if next.changed.len() > CHANGED_MAX.max(next.sorted.len() / 8) {
            next.settle();
        }
        Ok(next)
    }

    /// Brings all into the sorted list.
    fn settle(&mut self) {
        let all: Sorted = self.iter().map(|(id, summary)| (id.into(), summary.clone())).collect();
        self.sorted = Arc::new(all);
        self.changed.clear();
    }

    fn path(table: &SeriesTable) -> PathBuf {
        table.dir.join(FOLDER).join(format!("{:020}", table.version))
    }

    /// Reads what [`Summaries::keep`] wrote for this version of a table; `None` where there is none, or it is of other
    /// parameters, or damaged: it is derived.
    pub(crate) fn load(table: &SeriesTable) -> Option<Self> {
        let parameters = table.latest_parameters();
        let bytes = whole(&Self::path(table))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).ok()?.build().ok()?;
        let mut sorted = Sorted::new();
        for batch in reader {
            read_rows(&batch.ok()?, &parameters, &mut sorted)?;
        }
        Some(Self { parameters: Arc::new(parameters), sorted: Arc::new(sorted), changed: BTreeMap::new() })
    }

    /// Writes them beside the table, so that opening it need not read all of it, and removes those of other versions.
    pub(crate) fn keep(&self, table: &SeriesTable) -> Result<(), Error> {
        let path = Self::path(table);
        if path.exists() {
            return Ok(());
        }
        let dir = table.dir.join(FOLDER);
        std::fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        let part = path.with_extension("part");
        let batch = self.to_rows().map_err(|e| table.damaged(&e))?;
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).map_err(|e| table.damaged(&e))?;
        writer.write(&batch).map_err(|e| table.damaged(&e))?;
        let mut bytes = writer.into_inner().map_err(|e| table.damaged(&e))?;
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        let mut file = File::create(&part).map_err(Error::io("create", &part))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", &part))?;
        std::fs::rename(&part, &path).map_err(Error::io("rename", &path))?;
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            if entry.path() != path {
                // A leftover costs room and nothing else.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    fn to_rows(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut fields = vec![Field::new("feature_id", DataType::Utf8, false)];
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(self.iter().map(|(id, _)| id).collect::<Vec<_>>()))];
        let mut whole = |name: String, values: Vec<i64>, columns: &mut Vec<ArrayRef>| {
            fields.push(Field::new(name, DataType::Int64, false));
            columns.push(Arc::new(Int64Array::from(values)));
        };
        let all: Vec<&FeatureSummary> = self.iter().map(|(_, s)| s).collect();
        whole("count".into(), all.iter().map(|s| s.count as i64).collect(), &mut columns);
        whole("first".into(), all.iter().map(|s| s.first).collect(), &mut columns);
        whole("last".into(), all.iter().map(|s| s.last).collect(), &mut columns);
        for (at, name) in self.parameters.iter().enumerate() {
            whole(format!("{name}/count"), all.iter().map(|s| s.latest[at].count as i64).collect(), &mut columns);
            whole(format!("{name}/first"), all.iter().map(|s| s.latest[at].first).collect(), &mut columns);
            whole(format!("{name}/last"), all.iter().map(|s| s.latest[at].last).collect(), &mut columns);
        }
        for (at, name) in self.parameters.iter().enumerate() {
            fields.push(Field::new(format!("{name}/value"), DataType::Float64, false));
            columns.push(Arc::new(Float64Array::from_iter_values(all.iter().map(|s| s.latest[at].value))));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// The content of a kept file without the checksum at its end; `None` where it is not what was written.
fn whole(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = std::fs::read(path).ok()?;
    let at = bytes.len().checked_sub(4)?;
    let sum = u32::from_le_bytes(bytes[at..].try_into().ok()?);
    bytes.truncate(at);
    (crc32fast::hash(&bytes) == sum).then_some(bytes)
}

/// The kept files of a table that are damaged; those of other versions of it too.
pub(crate) fn damaged_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join(FOLDER)).into_iter().flatten().flatten();
    let kept = entries.map(|entry| entry.path()).filter(|path| path.extension().is_none());
    kept.filter(|path| whole(path).is_none()).collect()
}

fn read_rows(batch: &RecordBatch, parameters: &[String], sorted: &mut Sorted) -> Option<()> {
    let whole = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
    let ids = batch.column_by_name("feature_id")?.as_string_opt::<i32>()?;
    let (count, first, last) = (whole("count")?, whole("first")?, whole("last")?);
    let mut latest = Vec::new();
    for name in parameters {
        let value = batch.column_by_name(&format!("{name}/value"))?.as_primitive_opt::<Float64Type>()?;
        let part = |part: &str| whole(&format!("{name}/{part}"));
        latest.push((part("count")?, part("first")?, part("last")?, value));
    }
    for row in 0..batch.num_rows() {
        let latest = latest.iter().map(|(count, first, last, value)| LatestValue {
            count: count.value(row) as u64,
            first: first.value(row),
            last: last.value(row),
            value: value.value(row),
        });
        let summary = FeatureSummary {
            count: count.value(row) as u64,
            first: first.value(row),
            last: last.value(row),
            latest: latest.collect(),
        };
        sorted.push((ids.value(row).into(), summary));
    }
    Some(())
}

/// Ids of all features of a table, ascending.
pub(crate) fn features_of(table: &SeriesTable) -> Result<Vec<String>, Error> {
    let mut features: BTreeMap<String, ()> = BTreeMap::new();
    for file in &table.files {
        for batch in file.read(&table.dir, &table.cache, &RowFilter::default(), &[FEATURE_COLUMN])? {
            let batch = batch?;
            let ids = batch[FEATURE_COLUMN].as_string::<i32>();
            let mut last = "";
            for id in ids.iter().flatten() {
                if id != last && !features.contains_key(id) {
                    features.insert(id.to_owned(), ());
                }
                last = id;
            }
        }
    }
    Ok(features.into_keys().collect())
}

/// What ordered rows say of their features.
fn summarise(rows: &RecordBatch, parameters: &[String]) -> Sorted {
    let features = rows[FEATURE_COLUMN].as_string::<i32>();
    let times = rows[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>().values();
    let columns: Vec<Option<&ArrayRef>> = parameters.iter().map(|name| rows.column_by_name(name)).collect();
    let mut sorted = Sorted::new();
    let mut begin = 0;
    while begin < rows.num_rows() {
        let feature = features.value(begin);
        let end = (begin..rows.num_rows()).find(|row| features.value(*row) != feature).unwrap_or(rows.num_rows());
        let latest =
            columns.iter().map(|column| column.map_or(LatestValue::default(), |c| latest_of(c, times, begin..end)));
        let summary = FeatureSummary {
            count: (end - begin) as u64,
            first: times[begin],
            last: times[end - 1],
            latest: latest.collect(),
        };
        sorted.push((feature.into(), summary));
        begin = end;
    }
    sorted
}

/// The latest value among rows that are ordered by time.
fn latest_of(column: &ArrayRef, times: &[i64], rows: std::ops::Range<usize>) -> LatestValue {
    let mut latest = LatestValue::default();
    for row in rows.filter(|row| column.is_valid(*row)) {
        if latest.count == 0 {
            latest.first = times[row];
        }
        latest.count += 1;
        latest.last = times[row];
        latest.value = match column.data_type() {
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row),
            _ => column.as_primitive::<Int64Type>().value(row) as f64,
        };
    }
    latest
}

/// Whether two latest values have the same time: which of them counts depends on their discriminators.
fn ends_together(a: &FeatureSummary, b: &FeatureSummary) -> bool {
    a.latest.iter().zip(&b.latest).any(|(a, b)| a.count > 0 && b.count > 0 && a.last == b.last)
}

/// What is known of a feature when further observations come to those known.
fn add(known: FeatureSummary, more: &FeatureSummary) -> FeatureSummary {
    let latest = known.latest.iter().zip(&more.latest).map(|(a, b)| match (a.count, b.count) {
        (_, 0) => *a,
        (0, _) => *b,
        _ => LatestValue {
            count: a.count + b.count,
            first: a.first.min(b.first),
            last: a.last.max(b.last),
            value: if b.last > a.last { b.value } else { a.value },
        },
    });
    FeatureSummary {
        count: known.count + more.count,
        first: known.first.min(more.first),
        last: known.last.max(more.last),
        latest: latest.collect(),
    }
}
