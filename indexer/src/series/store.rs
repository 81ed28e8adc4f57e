//! The tables of a catalogue for its one writer: committing what was prepared, bringing commits forward that no record
//! vouches for, merging small files, and clearing away what no version needs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nilometer_schemas::{Instant, ObservationModel};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::delta::{self, Delta};
use super::file::{MetadataCache, SeriesFile};
use super::prepare::Prepared;
use super::summary::{self, Summaries};
use super::table::SeriesTable;
use super::{layout, merge};
use crate::Error;

/// Memory for the metadata of opened files.
const METADATA_BYTES_MAX: u64 = 256 << 20;
/// Commits after which opening is helped by a checkpoint.
const COMMITS_PER_CHECKPOINT: u64 = 100;
/// How long a file that no version needs is kept for those who still read it.
const KEPT_US: i64 = 3_600 * 1_000_000;
/// Folder of tables whose collections are gone.
const TRASH: &str = "%trash";

/// What a record of the log says of a table: its body, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SeriesRecord {
    /// Version of the Delta table that holds everything up to this record.
    pub(crate) version: u64,
    /// Whether some observation may have several versions.
    pub(crate) several_versions: bool,
    /// Sequence number of the table's record before this one; 0 for the first.
    pub(crate) previous: u64,
    /// CRC-32 of the files that came with it, by name within the table's folder.
    pub(crate) sums: BTreeMap<String, u32>,
}

/// The tables that a snapshot sees, by collection.
pub(crate) type SeriesTables = BTreeMap<String, Arc<SeriesTable>>;

/// The circumstances of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Sequence number of the record that will vouch for it.
    pub(crate) seq: u64,
    /// Sequence number of the table's record before; 0 for none.
    pub(crate) previous: u64,
    /// When.
    pub(crate) now: Instant,
    /// Whether rows come or go; `false` for the same rows in other files.
    pub(crate) data_change: bool,
}

/// See the module.
pub(crate) struct SeriesStore {
    root: PathBuf,
    cache: MetadataCache,
    /// Tables opened for writing, at their newest version.
    deltas: HashMap<String, Delta>,
    /// Version of the last checkpoint of each.
    checkpoints: HashMap<String, u64>,
}

impl SeriesStore {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            root: layout::root(data_dir),
            cache: MetadataCache::new(METADATA_BYTES_MAX),
            deltas: HashMap::new(),
            checkpoints: HashMap::new(),
        }
    }

    /// A collection's folder.
    pub(crate) fn dir(&self, collection: &str) -> PathBuf {
        self.root.join(layout::folder(collection))
    }

    /// Opens the version of a table that a record vouches for.
    pub(crate) fn open(
        &mut self,
        collection: &str,
        model: Arc<ObservationModel>,
        record: &SeriesRecord,
        write: bool,
    ) -> Result<Arc<SeriesTable>, Error> {
        let dir = self.dir(collection);
        let version = Some(record.version);
        let delta = if write { Delta::open_for_writing(&dir, version)? } else { Delta::open(&dir, version)? };
        let table = self.table(collection, &delta, model, record.several_versions)?;
        if write {
            self.deltas.insert(collection.to_owned(), delta);
        }
        Ok(table)
    }

    fn table(
        &self,
        collection: &str,
        delta: &Delta,
        model: Arc<ObservationModel>,
        several_versions: bool,
    ) -> Result<Arc<SeriesTable>, Error> {
        Ok(Arc::new(SeriesTable {
            dir: self.dir(collection),
            collection: collection.to_owned(),
            version: delta.version()?,
            schema: delta.schema()?,
            files: delta.files()?,
            model,
            several_versions,
            cache: self.cache.clone(),
            summaries: OnceLock::new(),
            only: None,
            making: Mutex::new(()),
        }))
    }

    /// Commits what was prepared against a table's current version, under a sequence number of the log. Durable when it
    /// returns; visible to our readers when the record is in the log.
    pub(crate) fn commit(
        &mut self,
        collection: &str,
        table: Option<&SeriesTable>,
        model: Arc<ObservationModel>,
        prepared: &Prepared,
        Turn { seq, previous, now, data_change }: Turn,
    ) -> Result<(Arc<SeriesTable>, SeriesRecord), Error> {
        let dir = self.dir(collection);
        let before = table.map_or(0, |t| t.version);
        let mut names: Vec<String> = prepared.added.iter().map(|f| f.name.clone()).collect();
        if !self.deltas.contains_key(collection) {
            let created = !Delta::exists(&dir);
            let delta = if created {
                Delta::create(&dir, collection, &prepared.schema)?
            } else {
                Delta::open_for_writing(&dir, None)?
            };
            self.deltas.insert(collection.to_owned(), delta);
        }
        if table.is_none() {
            names.push(format!("{}/{}", delta::LOG, delta::commit_name(0)));
        }
        let delta = self.deltas.get_mut(collection).expect("it was opened above");
        let schema = (prepared.wider && table.is_some()).then_some(&*prepared.schema);
        let committed = delta.commit(&prepared.added, &prepared.removed, schema, seq, now.0 / 1_000, data_change);
        if committed.is_err() {
            // What is in memory may not be what is on disk.
            self.deltas.remove(collection);
        }
        let version = committed?;
        names.extend((before + 1..=version).map(|v| format!("{}/{}", delta::LOG, delta::commit_name(v))));
        let record = SeriesRecord {
            version,
            several_versions: prepared.several_versions,
            previous,
            sums: delta::sums(&dir, names)?,
        };
        let mut files: Vec<Arc<SeriesFile>> = table.map_or(Vec::new(), |t| t.files.clone());
        files.retain(|f| !prepared.removed.iter().any(|r| r.name == f.name));
        files.extend(prepared.added.iter().cloned().map(Arc::new));
        files.sort_by(|a, b| (&a.features.0, a.times.0, &a.name).cmp(&(&b.features.0, b.times.0, &b.name)));
        let after = Arc::new(SeriesTable {
            dir,
            collection: collection.to_owned(),
            version,
            schema: prepared.schema.clone(),
            files,
            model,
            several_versions: prepared.several_versions,
            cache: self.cache.clone(),
            summaries: OnceLock::new(),
            only: None,
            making: Mutex::new(()),
        });
        let known = match table {
            None => Some(Arc::new(Summaries::empty(after.latest_parameters()))),
            Some(table) => table.summaries.get().cloned(),
        };
        if let Some(known) = known {
            let summaries =
                if data_change { Arc::new(known.after(&after, &prepared.rows, prepared.whole)?) } else { known };
            let _ = after.summaries.set(summaries);
        }
        Ok((after, record))
    }

    /// Versions that were committed and that no record vouches for, as one further record: after a crash between the
    /// two, or a log that took no more. `None` where there are none. Nothing says whether they brought further versions
    /// of observations: that is assumed.
    pub(crate) fn unrecorded(
        &mut self,
        collection: &str,
        model: &Arc<ObservationModel>,
        recorded: Option<&SeriesTable>,
        previous: u64,
    ) -> Result<Option<(Arc<SeriesTable>, SeriesRecord)>, Error> {
        let dir = self.dir(collection);
        if !Delta::exists(&dir) {
            return Ok(None);
        }
        let known = recorded.map_or(0, |t| t.version);
        drop_torn(&dir, recorded.map(|t| t.version))?;
        let newest = delta::commits(&dir)?.last().copied().unwrap_or(0);
        if newest <= known {
            return Ok(None);
        }
        let delta = Delta::open_for_writing(&dir, None)?;
        let table = self.table(collection, &delta, model.clone(), true)?;
        let first = if recorded.is_some() { known + 1 } else { 0 };
        let mut names: Vec<String> =
            (first..=table.version).map(|v| format!("{}/{}", delta::LOG, delta::commit_name(v))).collect();
        let new = |file: &&Arc<SeriesFile>| recorded.is_none_or(|t| !t.files.iter().any(|f| f.name == file.name));
        names.extend(table.files.iter().filter(new).map(|f| f.name.clone()));
        let sums = delta::sums(&dir, names)?;
        self.deltas.insert(collection.to_owned(), delta);
        let record = SeriesRecord { version: table.version, several_versions: true, previous, sums };
        Ok(Some((table, record)))
    }

    /// Moves the table of a collection that is gone out of the way and removes it.
    pub(crate) fn drop_table(&mut self, collection: &str) -> Result<(), Error> {
        self.deltas.remove(collection);
        self.checkpoints.remove(collection);
        let dir = self.dir(collection);
        if !dir.exists() {
            return Ok(());
        }
        self.discard(&dir)
    }

    /// Drops the tables of all but these collections, and removes what was dropped before. For opening, when nobody
    /// reads.
    pub(crate) fn clear<'a>(&mut self, collections: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let trash = self.root.join(TRASH);
        if trash.exists() {
            std::fs::remove_dir_all(&trash).map_err(Error::io("remove", &trash))?;
        }
        let folders: HashSet<String> = collections.map(layout::folder).collect();
        for entry in std::fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !folders.contains(&name) && name != TRASH {
                self.discard(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Moves a folder to where the next opening removes it.
    fn discard(&self, dir: &Path) -> Result<(), Error> {
        let trash = self.root.join(TRASH);
        std::fs::create_dir_all(&trash).map_err(Error::io("create", &trash))?;
        let mut to = trash.join(dir.file_name().unwrap_or_default());
        while to.exists() {
            to.as_mut_os_string().push("~");
        }
        std::fs::rename(dir, &to).map_err(Error::io("rename", dir))?;
        crate::catalog::sync_dir(&self.root)
    }

    /// The files of a table that are worth merging into one, if there are such.
    pub(crate) fn due(table: &SeriesTable) -> Option<Vec<Arc<SeriesFile>>> {
        merge::due(&table.files)
    }

    /// Removes data files that no version needs and nobody reads any more.
    pub(crate) fn vacuum(table: &SeriesTable, now: Instant) -> Result<u64, Error> {
        let mut removed = 0;
        for entry in std::fs::read_dir(&table.dir).map_err(Error::io("list", &table.dir))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with("_part-") || (name.starts_with("part-") && name.ends_with(".parquet"));
            if !ours || table.files.iter().any(|f| f.name == name) {
                continue;
            }
            let age = entry.metadata().ok().and_then(|m| m.modified().ok()).and_then(|at| {
                let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
                Some(now.0 - since.as_micros() as i64)
            });
            if age.is_some_and(|age| age > KEPT_US) {
                std::fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Writes a checkpoint if enough was committed since the last; the record vouches for its files.
    pub(crate) fn checkpoint_if_due(
        &mut self,
        table: &SeriesTable,
        previous: u64,
    ) -> Result<Option<SeriesRecord>, Error> {
        let Some(delta) = self.deltas.get(&table.collection) else { return Ok(None) };
        let last = *self.checkpoints.entry(table.collection.clone()).or_insert_with(|| last_checkpoint(&table.dir));
        if table.version < last + COMMITS_PER_CHECKPOINT {
            return Ok(None);
        }
        let names = delta.checkpoint()?;
        let sums = delta::sums(&table.dir, names)?;
        self.checkpoints.insert(table.collection.clone(), table.version);
        let (version, several_versions) = (table.version, table.several_versions);
        Ok(Some(SeriesRecord { version, several_versions, previous, sums }))
    }
}

fn last_checkpoint(dir: &Path) -> u64 {
    let text = std::fs::read(dir.join(delta::LOG).join("_last_checkpoint")).unwrap_or_default();
    let value: Value = serde_json::from_slice(&text).unwrap_or_default();
    value["version"].as_u64().unwrap_or(0)
}

/// Removes commits that were never whole: those after the recorded version from the first one on that cannot be read,
/// or whose files are not there. Nobody was told of them.
fn drop_torn(dir: &Path, recorded: Option<u64>) -> Result<(), Error> {
    let mut torn = false;
    for version in delta::commits(dir)?.into_iter().filter(|v| recorded.is_none_or(|recorded| *v > recorded)) {
        let path = dir.join(delta::LOG).join(delta::commit_name(version));
        torn = torn || !is_whole(dir, &path);
        if torn {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    if torn { crate::catalog::sync_dir(&dir.join(delta::LOG)) } else { Ok(()) }
}

fn is_whole(dir: &Path, commit: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(commit) else { return false };
    let mut lines = text.lines().peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            let Ok(action) = serde_json::from_str::<Value>(line) else { return false };
            let Some(add) = action.get("add") else { return true };
            let path = add["path"].as_str().unwrap_or_default();
            dir.join(path).metadata().is_ok_and(|m| Some(m.len()) == add["size"].as_u64())
        })
}

/// Verifies the files of a table against the sums that the log's records vouch for; one line a finding.
pub(crate) fn verify(table: &SeriesTable, sums: &BTreeMap<String, u32>) -> Vec<String> {
    let mut findings: Vec<String> = summary::damaged_files(&table.dir)
        .into_iter()
        .map(|path| format!("{} is damaged: its checksum is wrong", path.display()))
        .collect();
    let log = table.dir.join(delta::LOG);
    let mut needed: Vec<String> = table.files.iter().map(|f| f.name.clone()).collect();
    for entry in std::fs::read_dir(&log).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A commit under way has a name of its own, and one after the table's version no record yet.
        let later = match name.as_str() {
            "_last_checkpoint" => last_checkpoint(&table.dir) > table.version,
            _ => name.get(..20).and_then(|n| n.parse::<u64>().ok()).is_some_and(|v| v > table.version),
        };
        if !later && !name.contains('#') {
            needed.push(format!("{}/{name}", delta::LOG));
        }
    }
    for name in needed {
        let path = table.dir.join(&name);
        match (sums.get(&name), delta::sum(&path)) {
            (Some(expected), Ok(found)) if *expected == found => {}
            (Some(_), Ok(_)) => findings.push(format!("{} is damaged: its checksum is wrong", path.display())),
            (None, Ok(_)) => findings.push(format!("{}: no record of the log vouches for it", path.display())),
            (_, Err(error)) => findings.push(error.to_string()),
        }
    }
    findings
}
