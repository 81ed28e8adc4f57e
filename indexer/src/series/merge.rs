//! Merging small files of a table into larger ones, so that a feature's rows lie in few places.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{AsArray, RecordBatch};
use nilometer_schemas::observation::FEATURE_COLUMN;
use parking_lot::Mutex;

use super::file::{RowFilter, SeriesFile};
use super::layout::ROW_GROUP_ROWS;
use super::prepare::{Counts, Prepared, write_file};
use super::table::SeriesTable;
use crate::Error;

/// Files of about one size that are merged together.
const FAN_IN: usize = 8;
/// Rows of the smallest size.
const SMALLEST_ROWS: u64 = 16 << 10;
/// Rows after which a merged file ends; files above half of it are left alone.
const FILE_ROWS_MAX: u64 = 8 << 20;

/// The size class of a file: each holds [`FAN_IN`] times the rows of the one before.
fn class(rows: u64) -> u32 {
    let mut class = 0;
    let mut bound = SMALLEST_ROWS;
    while rows > bound {
        class += 1;
        bound *= FAN_IN as u64;
    }
    class
}

/// The files that are worth merging: all of the smallest class that has [`FAN_IN`] of them.
pub(super) fn due(files: &[Arc<SeriesFile>]) -> Option<Vec<Arc<SeriesFile>>> {
    let mut classes: BTreeMap<u32, Vec<Arc<SeriesFile>>> = BTreeMap::new();
    for file in files.iter().filter(|f| f.rows <= FILE_ROWS_MAX / 2) {
        classes.entry(class(file.rows)).or_default().push(file.clone());
    }
    classes.into_values().find(|files| files.len() >= FAN_IN)
}

/// Writes the rows of some files of a table anew, in order. `stop` is looked at from time to time.
///
/// # Errors
/// I/O errors; `ReadOnly` when it was stopped.
pub(crate) fn merge(
    table: &SeriesTable,
    files: Vec<Arc<SeriesFile>>,
    stop: &dyn Fn() -> bool,
) -> Result<Prepared, Error> {
    let part = SeriesTable {
        dir: table.dir.clone(),
        collection: table.collection.clone(),
        version: table.version,
        schema: table.schema.clone(),
        files,
        model: table.model.clone(),
        several_versions: table.several_versions,
        cache: table.cache.clone(),
        summaries: OnceLock::new(),
        only: None,
        making: Mutex::new(()),
    };
    let mut prepared = Prepared {
        base: Some(table.version),
        schema: table.schema.clone(),
        wider: false,
        added: Vec::new(),
        removed: part.files.clone(),
        counts: Counts::default(),
        rows: RecordBatch::new_empty(table.schema.clone()),
        whole: true,
        several_versions: table.several_versions,
    };
    let merged = write_merged(&part, stop, &mut prepared.added);
    match merged {
        Ok(()) => Ok(prepared),
        Err(error) => {
            prepared.discard(&table.dir);
            Err(error)
        }
    }
}

fn write_merged(part: &SeriesTable, stop: &dyn Fn() -> bool, added: &mut Vec<SeriesFile>) -> Result<(), Error> {
    let mut chunks = chunks(part)?.into_iter().peekable();
    while chunks.peek().is_some() {
        let mut rows = 0;
        let file = write_file(
            &part.dir,
            &part.schema,
            std::iter::from_fn(|| {
                if rows >= FILE_ROWS_MAX {
                    return None;
                }
                let features = chunks.next()?;
                if stop() {
                    return Some(Err(Error::ReadOnly("the catalogue is being closed".into())));
                }
                let filter = RowFilter { features: Some(Arc::new(features)), ..RowFilter::default() };
                let batch = part.read(&filter, &[]);
                rows += batch.as_ref().map_or(0, |b| b.num_rows() as u64);
                Some(batch)
            }),
        )?;
        added.push(file);
    }
    Ok(())
}

/// The features of a table, ascending, in runs that have about the rows of a row group together.
fn chunks(part: &SeriesTable) -> Result<Vec<Vec<String>>, Error> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for file in &part.files {
        for batch in file.read(&part.dir, &part.cache, &RowFilter::default(), &[FEATURE_COLUMN])? {
            let batch = batch?;
            let ids = batch[FEATURE_COLUMN].as_string::<i32>();
            let mut begin = 0;
            for row in 1..=batch.num_rows() {
                if row == batch.num_rows() || ids.value(row) != ids.value(begin) {
                    let (id, rows) = (ids.value(begin), (row - begin) as u64);
                    match counts.get_mut(id) {
                        Some(count) => *count += rows,
                        None => drop(counts.insert(id.to_owned(), rows)),
                    }
                    begin = row;
                }
            }
        }
    }
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let mut rows = 0;
    for (id, count) in counts {
        if chunks.is_empty() || rows + count > ROW_GROUP_ROWS as u64 {
            chunks.push(Vec::new());
            rows = 0;
        }
        rows += count;
        if let Some(last) = chunks.last_mut() {
            last.push(id);
        }
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rows: u64) -> Arc<SeriesFile> {
        let features = (String::new(), String::new());
        Arc::new(SeriesFile { name: String::new(), bytes: 0, rows, features, times: (0, 0) })
    }

    #[test]
    fn files_of_one_size_are_merged_when_there_are_enough_and_large_ones_never() {
        let check = |rows: &[u64], expected: Option<usize>| {
            let files: Vec<_> = rows.iter().map(|rows| file(*rows)).collect();
            assert_eq!(due(&files).map(|f| f.len()), expected, "{rows:?}");
        };
        check(&[100; 7], None);
        check(&[100; 9], Some(9));
        check(&[100, 100, 100, 100, 100, 100, 100, 200_000], None);
        check(&[200_000; 8], Some(8));
        check(&[FILE_ROWS_MAX; 20], None);
    }
}
