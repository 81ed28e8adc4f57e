//! One Parquet file of a table: its place in feature and time, its cached metadata, and reading the pages that may
//! hold what is asked for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use nilometer_schemas::Instant;
use nilometer_schemas::observation::{FEATURE_COLUMN, TIME_COLUMN};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use serde_json::{Value, json};

use crate::Error;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8_192;

/// Metadata of opened files, shared by all views of all tables and bounded in memory.
#[derive(Clone)]
pub(crate) struct MetadataCache(moka::sync::Cache<PathBuf, ArrowReaderMetadata>);

impl MetadataCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let weigh = |_: &PathBuf, metadata: &ArrowReaderMetadata| {
            u32::try_from(metadata.metadata().memory_size()).unwrap_or(u32::MAX)
        };
        Self(moka::sync::Cache::builder().weigher(weigh).max_capacity(bytes_max).build())
    }

    fn get(&self, path: &Path, file: &File) -> Result<ArrowReaderMetadata, Error> {
        if let Some(metadata) = self.0.get(path) {
            return Ok(metadata);
        }
        // Only features and times have a column index; every column has the places of its pages.
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(file, options).map_err(damaged(path))?;
        self.0.insert(path.to_owned(), metadata.clone());
        Ok(metadata)
    }
}

fn damaged<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Error {
    let path = path.to_owned();
    move |error| Error::Damaged { path, detail: error.to_string() }
}

/// What the rows asked for have in common. Both conditions are exact.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// Ids of features, ascending and distinct; `None` for all.
    pub features: Option<Arc<Vec<String>>>,
    /// First and last moment, both included.
    pub from: Option<Instant>,
    /// Last moment, included.
    pub to: Option<Instant>,
}

impl RowFilter {
    fn may_hold_feature(&self, min: &str, max: &str) -> bool {
        self.features.as_ref().is_none_or(|features| {
            let at = features.partition_point(|f| f.as_str() < min);
            features.get(at).is_some_and(|f| f.as_str() <= max)
        })
    }

    fn may_hold_time(&self, min: i64, max: i64) -> bool {
        self.from.is_none_or(|from| max >= from.0) && self.to.is_none_or(|to| min <= to.0)
    }

    /// Keeps the rows that meet both conditions; `batch` has the columns of features and times.
    fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        if self.features.is_none() && self.from.is_none() && self.to.is_none() {
            return Ok(batch.clone());
        }
        let features = batch[FEATURE_COLUMN].as_string::<i32>();
        let times = batch[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>().values();
        let mut keep = Vec::with_capacity(batch.num_rows());
        // Rows of one feature follow each other: it is looked up once.
        let mut last: Option<(&str, bool)> = None;
        for row in 0..batch.num_rows() {
            let feature = features.value(row);
            let wanted = match last {
                Some((same, wanted)) if same == feature => wanted,
                _ => self
                    .features
                    .as_ref()
                    .is_none_or(|wanted| wanted.binary_search_by(|f| f.as_str().cmp(feature)).is_ok()),
            };
            last = Some((feature, wanted));
            keep.push(wanted && self.may_hold_time(times[row], times[row]));
        }
        filter_record_batch(batch, &BooleanArray::from(keep))
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesFile {
    /// Name within the table's folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of rows.
    pub rows: u64,
    /// Smallest and largest feature id.
    pub features: (String, String),
    /// First and last time, µs; at most a millisecond wider than what is in the file.
    pub times: (i64, i64),
}

impl SeriesFile {
    /// What is to be said of a file with these rows, which are in order.
    pub(crate) fn describe(name: &str, bytes: u64, batches: &[RecordBatch]) -> Option<Self> {
        let first = batches.iter().find(|b| b.num_rows() > 0)?;
        let last = batches.iter().rev().find(|b| b.num_rows() > 0)?;
        let feature = |batch: &RecordBatch, row: usize| batch[FEATURE_COLUMN].as_string::<i32>().value(row).to_owned();
        let mut times = (i64::MAX, i64::MIN);
        for batch in batches {
            for time in batch[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>().values() {
                times = (times.0.min(*time), times.1.max(*time));
            }
        }
        Some(Self {
            name: name.to_owned(),
            bytes,
            rows: batches.iter().map(|b| b.num_rows() as u64).sum(),
            features: (feature(first, 0), feature(last, last.num_rows() - 1)),
            times,
        })
    }

    /// The statistics of the file as Delta has them.
    pub(crate) fn stats(&self) -> Value {
        let millis = |time: i64| Instant(time * 1_000).to_string();
        let (first, last) = (self.times.0.div_euclid(1_000), (self.times.1 + 999).div_euclid(1_000));
        json!({
            "numRecords": self.rows,
            "minValues": {FEATURE_COLUMN: self.features.0, TIME_COLUMN: millis(first)},
            "maxValues": {FEATURE_COLUMN: self.features.1, TIME_COLUMN: millis(last)},
            "nullCount": {FEATURE_COLUMN: 0, TIME_COLUMN: 0},
        })
    }

    /// Reads what [`SeriesFile::stats`] wrote; `None` for a file that another program added without them.
    pub(crate) fn from_stats(name: &str, bytes: u64, stats: &str) -> Option<Self> {
        let stats: Value = serde_json::from_str(stats).ok()?;
        let text = |side: &str, column: &str| stats[side][column].as_str().map(str::to_owned);
        let time = |side: &str| Instant::parse(&text(side, TIME_COLUMN)?).map(|t| t.0);
        Some(Self {
            name: name.to_owned(),
            bytes,
            rows: stats["numRecords"].as_u64()?,
            features: (text("minValues", FEATURE_COLUMN)?, text("maxValues", FEATURE_COLUMN)?),
            times: (time("minValues")?, time("maxValues")?),
        })
    }

    /// Whether a row that is asked for can be in the file.
    pub fn may_hold(&self, filter: &RowFilter) -> bool {
        filter.may_hold_feature(&self.features.0, &self.features.1) && filter.may_hold_time(self.times.0, self.times.1)
    }

    /// Reads the rows asked for, in order, with these columns (those of features and times among them; columns that
    /// the file has not are left out).
    pub(crate) fn read(
        &self,
        dir: &Path,
        cache: &MetadataCache,
        filter: &RowFilter,
        columns: &[&str],
    ) -> Result<FileRows, Error> {
        let path = dir.join(&self.name);
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let metadata = cache.get(&path, &file)?;
        let (groups, selection) = select(&metadata, filter);
        let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_batch_size(BATCH_ROWS)
            .with_row_groups(groups)
            .with_projection(mask);
        if let Some(selection) = selection {
            reader = reader.with_row_selection(selection);
        }
        let reader = reader.build().map_err(damaged(&path))?;
        Ok(FileRows { path, reader, filter: filter.clone() })
    }

    /// The pages that may hold what is asked for, as [`SeriesFile::read`] reads them: row groups, and rows of them.
    pub(crate) fn selection(
        &self,
        dir: &Path,
        cache: &MetadataCache,
        filter: &RowFilter,
    ) -> Result<(usize, Vec<usize>, Option<RowSelection>), Error> {
        let path = dir.join(&self.name);
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let metadata = cache.get(&path, &file)?;
        let (groups, selection) = select(&metadata, filter);
        Ok((metadata.metadata().num_row_groups(), groups, selection))
    }
}

/// The rows of one file, as they are read.
pub(crate) struct FileRows {
    path: PathBuf,
    reader: parquet::arrow::arrow_reader::ParquetRecordBatchReader,
    filter: RowFilter,
}

impl Iterator for FileRows {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let batch = match self.reader.next()? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(damaged(&self.path)(error))),
            };
            match self.filter.apply(&batch) {
                Ok(rows) if rows.num_rows() == 0 => {}
                Ok(rows) => return Some(Ok(rows)),
                Err(error) => return Some(Err(damaged(&self.path)(error))),
            }
        }
    }
}

/// The row groups and pages that may hold what is asked for, by the column index of features and times.
fn select(metadata: &ArrowReaderMetadata, filter: &RowFilter) -> (Vec<usize>, Option<RowSelection>) {
    let parquet = metadata.metadata();
    let all: Vec<usize> = (0..parquet.num_row_groups()).collect();
    if filter.features.is_none() && filter.from.is_none() && filter.to.is_none() {
        return (all, None);
    }
    let schema = metadata.parquet_schema();
    let place = |name: &str| schema.columns().iter().position(|c| c.name() == name);
    let (Some(feature), Some(time)) = (place(FEATURE_COLUMN), place(TIME_COLUMN)) else { return (all, None) };
    let (Some(columns), Some(offsets)) = (parquet.column_index(), parquet.offset_index()) else { return (all, None) };
    let mut groups = Vec::new();
    let mut selectors = Vec::new();
    for group in all {
        let rows = parquet.row_group(group).num_rows() as usize;
        let feature_pages = pages(rows, offsets[group][feature].page_locations());
        let time_pages = pages(rows, offsets[group][time].page_locations());
        let by_feature = keep(&feature_pages, |page| match &columns[group][feature] {
            ColumnIndexMetaData::BYTE_ARRAY(index) => {
                let text = |bytes: Option<&[u8]>| bytes.and_then(|b| std::str::from_utf8(b).ok().map(str::to_owned));
                match (text(index.min_value(page)), text(index.max_value(page))) {
                    (Some(min), Some(max)) => filter.may_hold_feature(&min, &max),
                    _ => true,
                }
            }
            _ => true,
        });
        let by_time = keep(&time_pages, |page| match &columns[group][time] {
            ColumnIndexMetaData::INT64(index) => match (index.min_value(page), index.max_value(page)) {
                (Some(min), Some(max)) => filter.may_hold_time(*min, *max),
                _ => true,
            },
            _ => true,
        });
        let both = RowSelection::from(by_feature).intersection(&RowSelection::from(by_time));
        if both.selects_any() {
            groups.push(group);
            selectors.extend(Vec::<RowSelector>::from(both));
        }
    }
    (groups, Some(RowSelection::from(selectors)))
}

/// Number of rows of each page.
fn pages(rows: usize, locations: &[parquet::file::page_index::offset_index::PageLocation]) -> Vec<usize> {
    let begins = locations.iter().map(|l| l.first_row_index as usize);
    let ends = locations.iter().skip(1).map(|l| l.first_row_index as usize).chain([rows]);
    begins.zip(ends).map(|(begin, end)| end - begin).collect()
}

fn keep(pages: &[usize], wanted: impl Fn(usize) -> bool) -> Vec<RowSelector> {
    let select = |(page, rows): (usize, &usize)| {
        if wanted(page) { RowSelector::select(*rows) } else { RowSelector::skip(*rows) }
    };
    pages.iter().enumerate().map(select).collect()
}

/// Nulls that a column of an older file stands for in a table that has it now: the batch with exactly the columns of
/// `schema`, in its order.
pub(crate) fn align(
    batch: &RecordBatch,
    schema: &arrow::datatypes::SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => arrow::compute::cast(column, field.data_type()),
            None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}
