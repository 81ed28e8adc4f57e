//! One version of one table, as readers see it: its columns, its files, and what is known of each feature.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Int32Type, Schema, SchemaRef, TimestampMicrosecondType};
use nilometer_schemas::observation::{
    DISCRIMINATOR_COLUMN, FEATURE_COLUMN, OWN_COLUMNS, TIME_COLUMN, VERSION_COLUMN, VERSION_ORDER_COLUMN,
};
use nilometer_schemas::{Instant, ObservationKey, ObservationModel, ParameterType};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::RowSelection;

use super::file::{MetadataCache, RowFilter, SeriesFile, align};
use super::summary::Summaries;
use crate::Error;

/// Columns by which rows are ordered.
pub(crate) const ORDER: [&str; 4] = [FEATURE_COLUMN, TIME_COLUMN, DISCRIMINATOR_COLUMN, VERSION_COLUMN];

/// See the module.
pub struct SeriesTable {
    pub(crate) dir: PathBuf,
    pub(crate) collection: String,
    /// Version of the Delta table.
    pub(crate) version: u64,
    pub(crate) schema: SchemaRef,
    pub(crate) files: Vec<Arc<SeriesFile>>,
    pub(crate) model: Arc<ObservationModel>,
    /// Whether some observation may have several versions.
    pub(crate) several_versions: bool,
    pub(crate) cache: MetadataCache,
    /// Ids of the features whose rows are shown, ascending, where that is a part.
    pub(crate) only: Option<Arc<Vec<String>>>,
    pub(crate) summaries: OnceLock<Arc<Summaries>>,
    /// Held while the summaries are made, so that they are made once.
    pub(crate) making: Mutex<()>,
}

/// The pages of one file that may hold what is asked for.
pub struct FileSelection {
    /// Where the file is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Number of its row groups.
    pub groups: usize,
    /// The row groups to read.
    pub wanted: Vec<usize>,
    /// The rows of those groups to read; `None` for all.
    pub rows: Option<RowSelection>,
}

impl SeriesTable {
    /// Those of some features that have observations, in the same order.
    pub(crate) fn observed(&self, features: Vec<String>) -> Result<Vec<String>, Error> {
        let all = self.summaries()?;
        Ok(features.into_iter().filter(|id| all.get(id).is_some()).collect())
    }

    /// The same version as if it had the rows of some features alone, which have observations and whose ids are ascending and
    /// distinct; `None` for no features.
    ///
    /// # Errors
    /// As [`SeriesTable::read`].
    pub(crate) fn of_features(&self, features: Vec<String>) -> Result<Option<Self>, Error> {
        if features.is_empty() {
            return Ok(None);
        }
        let all = self.summaries()?;
        let filter = RowFilter { features: Some(Arc::new(features)), ..RowFilter::default() };
        let files: Vec<Arc<SeriesFile>> = self.files.iter().filter(|file| file.may_hold(&filter)).cloned().collect();
        let filled = self.filled(&files, &filter)?;
        let is_there = |name: &str| OWN_COLUMNS.contains(&name) || filled.contains(name);
        let fields = self.schema.fields().iter().filter(|field| is_there(field.name()));
        let table = Self {
            dir: self.dir.clone(),
            collection: self.collection.clone(),
            version: self.version,
            schema: Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>())),
            files,
            model: self.model.clone(),
            several_versions: self.several_versions,
            cache: self.cache.clone(),
            only: filter.features.clone(),
            summaries: OnceLock::new(),
            making: Mutex::new(()),
        };
        let ids = filter.features.iter().flat_map(|ids| ids.iter());
        let part = all.part(ids.map(String::as_str), table.latest_parameters());
        Ok(Some(Self { summaries: OnceLock::from(Arc::new(part)), ..table }))
    }

    /// Whether it is what [`SeriesTable::of_features`] makes of these features.
    pub(crate) fn is_of(&self, features: &[String]) -> bool {
        self.only.as_ref().is_some_and(|only| only.as_slice() == features)
    }

    /// The parameters that some row has a value of. Reads no further than it takes to find one of each.
    fn filled(&self, files: &[Arc<SeriesFile>], filter: &RowFilter) -> Result<BTreeSet<String>, Error> {
        let mut missing: Vec<&str> = self.parameters().map(|(name, _)| name).collect();
        let mut filled = BTreeSet::new();
        for file in files {
            if missing.is_empty() {
                break;
            }
            let columns: Vec<&str> = [FEATURE_COLUMN, TIME_COLUMN].into_iter().chain(missing.iter().copied()).collect();
            for batch in file.read(&self.dir, &self.cache, filter, &columns)? {
                let batch = batch?;
                let has = |name: &str| batch.column_by_name(name).is_some_and(|c| c.null_count() < c.len());
                filled.extend(missing.iter().filter(|name| has(name)).map(|name| (*name).to_owned()));
                missing.retain(|name| !filled.contains(*name));
                if missing.is_empty() {
                    break;
                }
            }
        }
        Ok(filled)
    }

    /// What is asked for, of the features that are shown.
    fn within(&self, filter: &RowFilter) -> RowFilter {
        let mut within = filter.clone();
        if let Some(only) = &self.only {
            within.features = Some(match &filter.features {
                None => only.clone(),
                Some(asked) => {
                    let is_shown = |id: &&String| only.binary_search(id).is_ok();
                    Arc::new(asked.iter().filter(is_shown).cloned().collect())
                }
            });
        }
        within
    }

    /// Names of the files, which tell their content.
    pub(crate) fn file_names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Id of the collection.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// Version of the Delta table.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The folder of the Delta table.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the collection declares of its observations.
    pub fn model(&self) -> &ObservationModel {
        &self.model
    }

    /// Names and types of the parameters that have a column.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, ParameterType)> {
        self.schema
            .fields()
            .iter()
            .filter(|f| !OWN_COLUMNS.contains(&f.name().as_str()))
            .filter_map(|f| Some((f.name().as_str(), ParameterType::of(f.data_type())?)))
    }

    /// Number of rows, all versions.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    /// Times of the first and the last row, to the millisecond; `None` without rows.
    pub fn span(&self) -> Option<(Instant, Instant)> {
        if self.only.is_some() {
            return self.summaries.get()?.span();
        }
        let first = self.files.iter().map(|f| f.times.0).min()?;
        let last = self.files.iter().map(|f| f.times.1).max()?;
        Some((Instant(first), Instant(last)))
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Bytes of the files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    /// Whether some observation may have several versions, of which answers show the newest.
    pub fn has_several_versions(&self) -> bool {
        self.several_versions
    }

    /// The columns of these names, in this order, after those that rows are ordered by; all columns for an empty list.
    pub fn projection(&self, columns: &[&str]) -> SchemaRef {
        if columns.is_empty() {
            return self.schema.clone();
        }
        let mut wanted: Vec<&str> = ORDER.to_vec();
        if self.several_versions {
            wanted.push(VERSION_ORDER_COLUMN);
        }
        for column in columns {
            if !wanted.contains(column) {
                wanted.push(column);
            }
        }
        let fields = wanted.iter().filter_map(|name| self.schema.field_with_name(name).ok().cloned());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The rows asked for, all versions, by feature, time, discriminator and version, in one batch with the columns of
    /// [`SeriesTable::projection`]. All of them are in memory: ask for some features at a time.
    ///
    /// # Errors
    /// `Io` or `Damaged` when a file cannot be read.
    pub fn read(&self, filter: &RowFilter, columns: &[&str]) -> Result<RecordBatch, Error> {
        let filter = &self.within(filter);
        let schema = self.projection(columns);
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let mut batches = Vec::new();
        let mut sources = 0;
        for file in self.files.iter().filter(|file| file.may_hold(filter)) {
            let before = batches.len();
            for batch in file.read(&self.dir, &self.cache, filter, &names)? {
                batches.push(align(&batch?, &schema).map_err(|e| self.damaged(&e))?);
            }
            sources += usize::from(batches.len() > before);
        }
        let rows = match batches.as_slice() {
            [one] => one.clone(),
            _ => concat_batches(&schema, &batches).map_err(|e| self.damaged(&e))?,
        };
        if sources > 1 { sorted(&rows).map_err(|e| self.damaged(&e)) } else { Ok(rows) }
    }

    /// The newest version of each observation among ordered rows that hold all versions of theirs.
    ///
    /// # Errors
    /// `Damaged` when the rows lack a column of ours.
    pub fn newest(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        if !self.several_versions || rows.num_rows() < 2 {
            return Ok(rows.clone());
        }
        filter_record_batch(rows, &newest_rows(rows, self.model.key)).map_err(|e| self.damaged(&e))
    }

    /// The pages of each file that may hold what is asked for.
    ///
    /// # Errors
    /// As [`SeriesTable::read`].
    pub fn selections(&self, filter: &RowFilter) -> Result<Vec<FileSelection>, Error> {
        let filter = &self.within(filter);
        let mut selections = Vec::new();
        for file in self.files.iter().filter(|file| file.may_hold(filter)) {
            let (groups, wanted, rows) = file.selection(&self.dir, &self.cache, filter)?;
            if !wanted.is_empty() {
                selections.push(FileSelection {
                    path: self.dir.join(&file.name),
                    bytes: file.bytes,
                    groups,
                    wanted,
                    rows,
                });
            }
        }
        Ok(selections)
    }

    /// What is known of every feature. Made from the whole table when first asked for, where no file keeps it.
    ///
    /// # Errors
    /// As [`SeriesTable::read`].
    pub fn summaries(&self) -> Result<Arc<Summaries>, Error> {
        if let Some(summaries) = self.summaries.get() {
            return Ok(summaries.clone());
        }
        let _making = self.making.lock();
        if let Some(summaries) = self.summaries.get() {
            return Ok(summaries.clone());
        }
        let made = Arc::new(match Summaries::load(self) {
            Some(summaries) => summaries,
            None => Summaries::make(self)?,
        });
        Ok(self.summaries.get_or_init(|| made).clone())
    }

    /// Whether a file is part of this version.
    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.files.iter().any(|f| f.name == name)
    }

    /// The same version under another declaration.
    pub(crate) fn with_model(&self, model: Arc<ObservationModel>) -> Self {
        let table = Self {
            dir: self.dir.clone(),
            collection: self.collection.clone(),
            version: self.version,
            schema: self.schema.clone(),
            files: self.files.clone(),
            model,
            several_versions: self.several_versions,
            cache: self.cache.clone(),
            only: self.only.clone(),
            summaries: OnceLock::new(),
            making: Mutex::new(()),
        };
        if table.model.key == self.model.key && table.latest_parameters() == self.latest_parameters() {
            self.summaries.get().map(|summaries| table.summaries.set(summaries.clone()));
        }
        table
    }

    /// Writes the summaries, if they are in memory, beside the table.
    pub(crate) fn keep_summaries(&self) -> Result<(), Error> {
        if self.only.is_some() {
            return Ok(());
        }
        self.summaries.get().map_or(Ok(()), |summaries| summaries.keep(self))
    }

    pub(crate) fn damaged(&self, error: &dyn std::fmt::Display) -> Error {
        Error::Damaged { path: self.dir.clone(), detail: error.to_string() }
    }

    /// The parameters whose latest values are kept: those that the collection declares so, and numbers of a table of
    /// which nothing is declared.
    pub(crate) fn latest_parameters(&self) -> Vec<String> {
        self.parameters()
            .filter(|(_, kind)| matches!(kind, ParameterType::Number | ParameterType::Integer))
            .filter(|(name, _)| match self.model.parameter(name) {
                Some(parameter) => parameter.keeps_latest(),
                None => self.model.parameters.is_empty(),
            })
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}

/// Rows in the order of [`ORDER`].
pub(crate) fn sorted(rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    take_record_batch(rows, &order_of(rows, &[])?)
}

/// The order of rows by [`ORDER`], then by further columns.
pub(crate) fn order_of(
    rows: &RecordBatch,
    further: &[arrow::array::ArrayRef],
) -> Result<UInt32Array, arrow::error::ArrowError> {
    let own = ORDER.iter().map(|name| rows[*name].clone());
    let columns: Vec<SortColumn> =
        own.chain(further.iter().cloned()).map(|values| SortColumn { values, options: None }).collect();
    lexsort_to_indices(&columns, None)
}

/// Which of the ordered rows are the newest version of their observation.
pub(crate) fn newest_rows(rows: &RecordBatch, key: ObservationKey) -> BooleanArray {
    let features = rows[FEATURE_COLUMN].as_string::<i32>();
    let times = rows[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>().values();
    let discriminators = rows[DISCRIMINATOR_COLUMN].as_string::<i32>();
    let versions = rows[VERSION_COLUMN].as_string::<i32>();
    let orders = rows[VERSION_ORDER_COLUMN].as_primitive::<Int32Type>().values();
    let mut keep = vec![true; rows.num_rows()];
    let newer = |a: usize, b: usize| (orders[a], versions.value(a)) > (orders[b], versions.value(b));
    let mut begin = 0;
    while begin < rows.num_rows() {
        let feature = features.value(begin);
        let end = (begin..rows.num_rows()).find(|row| features.value(*row) != feature).unwrap_or(rows.num_rows());
        let mut best: HashMap<(i64, &str), usize> = HashMap::with_capacity(end - begin);
        for row in begin..end {
            let time = if key == ObservationKey::Pass { 0 } else { times[row] };
            match best.entry((time, discriminators.value(row))) {
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(row);
                }
                std::collections::hash_map::Entry::Occupied(mut held) => {
                    let held = held.get_mut();
                    let loser = if newer(row, *held) { std::mem::replace(held, row) } else { row };
                    keep[loser] = false;
                }
            }
        }
        begin = end;
    }
    BooleanArray::from(keep)
}
