//! Delta Lake, as far as a table needs it: creating, opening at a version, committing. Files of the log are fsynced
//! here, since the library leaves that to the store.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, MetadataExt, Remove, StructType, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use nilometer_schemas::ParameterType;
use nilometer_schemas::observation::{INGESTED_COLUMN, OWN_COLUMNS, TIME_COLUMN, time_type};
use serde_json::json;
use tokio::runtime::Runtime;
use url::Url;

use super::file::SeriesFile;
use crate::Error;
use crate::catalog::sync_dir;

/// Our name in Delta's application transactions; the version beside it is a sequence number of the log.
const APPLICATION: &str = "nilometer";
/// Folder of the Delta log within a table.
pub(crate) const LOG: &str = "_delta_log";

/// Delta's functions are asynchronous: they run here, whoever calls.
static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("delta").enable_all().build()
});

/// Runs to the end on a thread of its own, so that callers may stand in a runtime themselves.
fn wait<T: Send>(dir: &Path, future: impl Future<Output = Result<T, DeltaTableError>> + Send) -> Result<T, Error> {
    let runtime = RUNTIME.as_ref().map_err(|e| Error::io("start a runtime for", dir)(std::io::Error::other(e)))?;
    let done = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join());
    match done {
        Ok(result) => result.map_err(|error| failed(dir, error)),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A failure of the library: a full disk stays one.
fn failed(dir: &Path, error: DeltaTableError) -> Error {
    let text = error.to_string();
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let io = io.raw_os_error().map_or_else(|| std::io::Error::other(text), std::io::Error::from_raw_os_error);
            return Error::io("write", dir)(io);
        }
        source = cause.source();
    }
    Error::Damaged { path: dir.to_owned(), detail: text }
}

fn url_of(dir: &Path) -> Result<Url, Error> {
    let whole = std::path::absolute(dir).map_err(Error::io("find", dir))?;
    Url::from_directory_path(&whole)
        .map_err(|()| Error::Damaged { path: dir.to_owned(), detail: "the path is no address".into() })
}

/// A table's columns as Delta's schema.
fn delta_schema(schema: &Schema) -> Result<StructType, serde_json::Error> {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| {
            let kind = match field.data_type() {
                DataType::Utf8 => "string",
                DataType::Float64 => "double",
                DataType::Int64 => "long",
                DataType::Int32 => "integer",
                _ => "timestamp",
            };
            json!({"name": field.name(), "type": kind, "nullable": field.is_nullable(), "metadata": {}})
        })
        .collect();
    serde_json::from_value(json!({"type": "struct", "fields": fields}))
}

/// The columns of a Delta table as ours; `None` for one that is not of our making.
fn arrow_schema(delta: &Schema) -> Option<SchemaRef> {
    let mut fields = Vec::new();
    for field in delta.fields() {
        let kind = match field.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, _)
                if [TIME_COLUMN, INGESTED_COLUMN].contains(&field.name().as_str()) =>
            {
                time_type()
            }
            DataType::Int32 => DataType::Int32,
            other => ParameterType::of(other)?.data_type(),
        };
        fields.push(Field::new(field.name(), kind, field.is_nullable()));
    }
    OWN_COLUMNS.iter().all(|own| fields.iter().any(|f| f.name() == own)).then(|| Arc::new(Schema::new(fields)))
}

/// An opened Delta table, at the version that was asked for or its newest.
#[derive(Clone)]
pub(crate) struct Delta {
    dir: PathBuf,
    table: DeltaTable,
}

impl Delta {
    /// Whether there is a table in a folder.
    pub(crate) fn exists(dir: &Path) -> bool {
        dir.join(LOG).join(commit_name(0)).exists()
    }

    /// Creates an empty table.
    pub(crate) fn create(dir: &Path, name: &str, schema: &Schema) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let damaged = |e: serde_json::Error| Error::Damaged { path: dir.to_owned(), detail: e.to_string() };
        let fields: Vec<_> = delta_schema(schema).map_err(damaged)?.fields().cloned().collect();
        let url = url_of(dir)?;
        let properties =
            CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false));
        let table = wait(dir, async {
            let log_store = DeltaTableBuilder::from_url(url)?.build_storage()?;
            CreateBuilder::new()
                .with_log_store(log_store)
                .with_table_name(name)
                .with_columns(fields)
                .with_commit_properties(properties)
                .await
        })?;
        let delta = Self { dir: dir.to_owned(), table };
        delta.sync_commit(0)?;
        if let Some(parent) = dir.parent() {
            sync_dir(parent)?;
        }
        Ok(delta)
    }

    /// Opens a table for writing. A checkpoint that a power cut left torn is derived: it is dropped, and the log read
    /// instead.
    pub(crate) fn open_for_writing(dir: &Path, version: Option<u64>) -> Result<Self, Error> {
        let opened = Self::open(dir, version);
        if opened.is_ok() {
            return opened;
        }
        let log = dir.join(LOG);
        let mut dropped = false;
        for entry in std::fs::read_dir(&log).map_err(Error::io("list", &log))?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name == "_last_checkpoint" || name.contains(".checkpoint") {
                std::fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
                dropped = true;
            }
        }
        if dropped { Self::open(dir, version) } else { opened }
    }

    /// Opens a table at a version, or its newest.
    pub(crate) fn open(dir: &Path, version: Option<u64>) -> Result<Self, Error> {
        let url = url_of(dir)?;
        let load = || {
            let url = url.clone();
            wait(dir, async move {
                let builder = DeltaTableBuilder::from_url(url)?;
                let builder = match version {
                    Some(version) => builder.with_version(version),
                    None => builder,
                };
                builder.load().await
            })
        };
        load().map(|table| Self { dir: dir.to_owned(), table })
    }

    fn state(&self) -> Result<&DeltaTableState, Error> {
        self.table.snapshot().map_err(|e| failed(&self.dir, e))
    }

    /// The version that is open.
    pub(crate) fn version(&self) -> Result<u64, Error> {
        Ok(self.state()?.version())
    }

    /// The columns.
    pub(crate) fn schema(&self) -> Result<SchemaRef, Error> {
        let schema = self.state()?.snapshot().arrow_schema();
        arrow_schema(&schema).ok_or_else(|| Error::Damaged {
            path: self.dir.clone(),
            detail: "the Delta table has columns that this program does not write".into(),
        })
    }

    /// The files.
    pub(crate) fn files(&self) -> Result<Vec<Arc<SeriesFile>>, Error> {
        let mut files = Vec::new();
        for view in self.state()?.log_data().iter() {
            let (name, bytes) = (view.path().into_owned(), view.size() as u64);
            let file = view.stats().and_then(|stats| SeriesFile::from_stats(&name, bytes, &stats));
            let file = file.ok_or_else(|| Error::Damaged {
                path: self.dir.join(&name),
                detail: "the Delta log tells no statistics of it".into(),
            })?;
            files.push(Arc::new(file));
        }
        files.sort_by(|a, b| (&a.features.0, a.times.0, &a.name).cmp(&(&b.features.0, b.times.0, &b.name)));
        Ok(files)
    }

    /// Commits files in and out, and columns that are new; durable when it returns. Gives the version.
    pub(crate) fn commit(
        &mut self,
        added: &[SeriesFile],
        removed: &[Arc<SeriesFile>],
        schema: Option<&Schema>,
        seq: u64,
        now_ms: i64,
        data_change: bool,
    ) -> Result<u64, Error> {
        let damaged = |e: &dyn std::fmt::Display| Error::Damaged { path: self.dir.clone(), detail: e.to_string() };
        let mut actions = Vec::new();
        if let Some(schema) = schema {
            let schema = delta_schema(schema).map_err(|e| damaged(&e))?;
            let metadata = self.state()?.metadata().clone().with_schema(&schema).map_err(|e| damaged(&e))?;
            actions.push(Action::Metadata(metadata));
        }
        actions.extend(removed.iter().map(|file| {
            Action::Remove(Remove {
                path: file.name.clone(),
                data_change,
                deletion_timestamp: Some(now_ms),
                extended_file_metadata: Some(true),
                partition_values: Some(HashMap::new()),
                size: Some(file.bytes as i64),
                ..Remove::default()
            })
        }));
        actions.extend(added.iter().map(|file| {
            Action::Add(Add {
                path: file.name.clone(),
                size: file.bytes as i64,
                modification_time: now_ms,
                data_change,
                stats: Some(file.stats().to_string()),
                ..Add::default()
            })
        }));
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let properties = CommitProperties::default()
            .with_application_transaction(Transaction::new_with_last_update(APPLICATION, seq as i64, Some(now_ms)))
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            // Nobody else writes: another commit at our version is a mistake to be told, not to be worked around.
            .with_max_retries(0);
        let (state, log_store) = (self.state()?, self.table.log_store());
        let snapshot = state.snapshot();
        let done = wait(&self.dir, async move {
            CommitBuilder::from(properties).with_actions(actions).build(Some(snapshot), log_store, operation).await
        })?;
        self.sync_commit(done.version())?;
        self.table.state = Some(done.snapshot());
        Ok(done.version())
    }

    fn sync_commit(&self, version: u64) -> Result<(), Error> {
        let log = self.dir.join(LOG);
        let path = log.join(commit_name(version));
        File::open(&path).and_then(|f| f.sync_all()).map_err(Error::io("sync", &path))?;
        sync_dir(&log)?;
        sync_dir(&self.dir)
    }

    /// Writes a checkpoint of the open version, so that opening need not read every commit before it. Gives the
    /// files, by their names within the table's folder.
    pub(crate) fn checkpoint(&self) -> Result<Vec<String>, Error> {
        let table = &self.table;
        wait(&self.dir, async move { deltalake::checkpoints::create_checkpoint(table, None).await })?;
        let log = self.dir.join(LOG);
        let version = self.version()?;
        let begin = format!("{version:020}.checkpoint");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&log).map_err(Error::io("list", &log))? {
            let entry = entry.map_err(Error::io("list", &log))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&begin) || name == "_last_checkpoint" {
                File::open(entry.path()).and_then(|f| f.sync_all()).map_err(Error::io("sync", entry.path()))?;
                names.push(format!("{LOG}/{name}"));
            }
        }
        sync_dir(&log)?;
        Ok(names)
    }
}

/// Name of a commit's file in the Delta log.
pub(crate) fn commit_name(version: u64) -> String {
    format!("{version:020}.json")
}

/// Versions of the commits in a table's log, ascending.
pub(crate) fn commits(dir: &Path) -> Result<Vec<u64>, Error> {
    let log = dir.join(LOG);
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(&log).map_err(Error::io("list", &log))? {
        let name = entry.map_err(Error::io("list", &log))?.file_name();
        let name = name.to_string_lossy();
        if let Some(version) = name.strip_suffix(".json").filter(|n| n.len() == 20).and_then(|n| n.parse().ok()) {
            versions.push(version);
        }
    }
    versions.sort_unstable();
    Ok(versions)
}

/// CRC-32 of files, by name within a folder.
pub(crate) fn sums(dir: &Path, names: impl IntoIterator<Item = String>) -> Result<BTreeMap<String, u32>, Error> {
    let mut sums = BTreeMap::new();
    for name in names {
        sums.insert(name.clone(), sum(&dir.join(&name))?);
    }
    Ok(sums)
}

/// CRC-32 of a file.
pub(crate) fn sum(path: &Path) -> Result<u32, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(hasher.finalize()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
