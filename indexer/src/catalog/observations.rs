//! The observations' side of the writer: which version of which table the log vouches for, and what is done to tables
//! between two records.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use arrow::array::AsArray;
use nilometer_schemas::observation::FEATURE_COLUMN;
use nilometer_schemas::{Collection, Instant, ItemId, ObservationModel, Parameter, Problem};

use super::index::CommitPayload;
use super::log::{self, LogFiles};
use super::snapshot::{Collections, Snapshot};
use super::types::Outcome;
use crate::Error;
use crate::series::{self, Prepared, SeriesRecord, SeriesStore, SeriesTable, SeriesTables, Turn};
use crate::source::Observations;

/// Decides observations against the caller's view, as far as that can be done: `None` for a collection that the view
/// has not (it may come in the same group), or where it failed, which will show again in its turn.
pub(super) fn prepare_observations(
    observations: &Observations,
    snapshot: &Snapshot,
    data_dir: &Path,
    now: Instant,
) -> Option<Prepared> {
    let id = observations.collection.as_str();
    let stored = snapshot.all_collections().get(id)?;
    check_features(observations).ok()?;
    let model = ObservationModel::of_collection(&stored.collection);
    if !undeclared(observations, &model).ok()?.is_empty() {
        return None;
    }
    let table = snapshot.all_series().get(id).map(|t| &**t);
    let dir = series::dir_of(data_dir, id);
    series::prepare(&dir, table, &model, &observations.rows, now).ok()
}

/// Every feature's id must be able to be an item's.
fn check_features(observations: &Observations) -> Result<(), Problem> {
    let features = observations.rows[FEATURE_COLUMN].as_string::<i32>();
    let mut last = None;
    for (row, feature) in features.iter().enumerate() {
        if feature != last {
            ItemId::new(feature.unwrap_or_default()).map_err(|p| p.at(format!("row {row}")))?;
            last = feature;
        }
    }
    Ok(())
}

/// The parameters that a source declares and the collection does not.
///
/// # Errors
/// `Invalid` where both declare one, in different units, against different datums, or for different periods: values
/// that cannot stand in one column.
pub(super) fn undeclared(observations: &Observations, model: &ObservationModel) -> Result<Vec<Parameter>, Problem> {
    let mut missing = Vec::new();
    for theirs in &observations.declared {
        let Some(ours) = model.parameter(&theirs.name) else {
            missing.push(theirs.clone());
            continue;
        };
        let pairs = [
            ("unit", &ours.unit, &theirs.unit),
            ("datum", &ours.datum, &theirs.datum),
            ("method", &ours.method, &theirs.method),
            ("period", &ours.period, &theirs.period),
        ];
        if let Some((what, ours, theirs_value)) = pairs.into_iter().find(|(_, ours, theirs)| ours != theirs) {
            let word = |value: &Option<String>| value.as_ref().map_or("none".to_owned(), |v| format!("{v:?}"));
            let (ours, source) = (word(ours), word(theirs_value));
            let detail = format!(
                "{:?} has the {what} {source} in the source and {ours} in the collection {:?}",
                theirs.name,
                observations.collection.as_str()
            );
            return Err(Problem::invalid("parameter-declaration", detail)
                .at(theirs.name.clone())
                .allowed(format!("{what} {ours}, or another name for the parameter")));
        }
    }
    Ok(missing)
}

fn read_record(files: &LogFiles, collection: &str, seq: u64) -> Result<SeriesRecord, Error> {
    let damaged = |detail: String| Error::Damaged {
        path: "log".into(),
        detail: format!("the record {seq} of the observations of {collection:?}: {detail}"),
    };
    let record = log::read_record(files, seq)?.ok_or_else(|| damaged("it is missing".into()))?;
    serde_json::from_str(&record.body).map_err(|e| damaged(e.to_string()))
}

/// Opens the tables that a checkpoint of the index names, for reading only.
pub(super) fn load(
    data_dir: &Path,
    payload: &CommitPayload,
    collections: &Collections,
    files: &LogFiles,
) -> Result<Arc<SeriesTables>, Error> {
    let mut store = SeriesStore::new(data_dir);
    let mut tables = SeriesTables::new();
    for (collection, seq) in &payload.series {
        let Some(stored) = collections.get(collection) else { continue };
        let model = Arc::new(ObservationModel::of_collection(&stored.collection));
        let record = read_record(files, collection, *seq)?;
        tables.insert(collection.clone(), store.open(collection, model, &record, false)?);
    }
    Ok(Arc::new(tables))
}

/// Sums of all files of a collection's table that the log vouches for, the newest of each name.
pub(super) fn sums(files: &LogFiles, collection: &str, newest: u64) -> Result<BTreeMap<String, u32>, Error> {
    let mut sums = BTreeMap::new();
    let mut seq = newest;
    while seq > 0 {
        let record = read_record(files, collection, seq)?;
        for (name, sum) in record.sums {
            sums.entry(name).or_insert(sum);
        }
        seq = record.previous;
    }
    Ok(sums)
}

/// What a group can be taken back to.
pub(super) struct State {
    tables: Arc<SeriesTables>,
    recorded: BTreeMap<String, u64>,
}

/// A merge under way on a thread of its own.
struct Merging {
    collection: String,
    thread: JoinHandle<Result<Prepared, Error>>,
    stop: Arc<AtomicBool>,
}

/// What became of a batch.
pub(super) struct Put {
    pub(super) outcome: Outcome,
    /// Body of the record that vouches for it; `None` where nothing changed.
    pub(super) record: Option<String>,
    /// Features that the new rows belong to.
    pub(super) features: Vec<String>,
}

/// See the module.
pub(super) struct Series {
    store: SeriesStore,
    tables: Arc<SeriesTables>,
    /// Sequence number of the newest record of each table.
    recorded: BTreeMap<String, u64>,
    /// Collections whose tables may hold commits without a record.
    ahead: HashSet<String>,
    merging: Option<Merging>,
}

impl Series {
    pub(super) fn new(data_dir: &Path, payload: &CommitPayload) -> Self {
        Self {
            store: SeriesStore::new(data_dir),
            tables: Arc::default(),
            recorded: payload.series.clone(),
            ahead: HashSet::new(),
            merging: None,
        }
    }

    pub(super) fn tables(&self) -> &Arc<SeriesTables> {
        &self.tables
    }

    pub(super) fn recorded_seqs(&self) -> &BTreeMap<String, u64> {
        &self.recorded
    }

    /// Takes down that a record of a table has this sequence number.
    pub(super) fn recorded(&mut self, collection: &str, seq: u64) {
        self.recorded.insert(collection.to_owned(), seq);
    }

    /// Takes a collection out, when it is deleted.
    pub(super) fn forget(&mut self, collection: &str) {
        self.recorded.remove(collection);
        if self.tables.contains_key(collection) {
            Arc::make_mut(&mut self.tables).remove(collection);
        }
    }

    /// A table follows what its collection declares.
    pub(super) fn declared(&mut self, collection: &Collection) {
        let id = collection.id.as_str();
        if let Some(table) = self.tables.get(id).cloned() {
            let model = ObservationModel::of_collection(collection);
            if *table.model() != model {
                let table = Arc::new(table.with_model(Arc::new(model)));
                Arc::make_mut(&mut self.tables).insert(id.to_owned(), table);
            }
        }
    }

    pub(super) fn state(&self) -> State {
        State { tables: self.tables.clone(), recorded: self.recorded.clone() }
    }

    /// After a group that failed: its commits stay in their tables and wait for a record.
    pub(super) fn return_to(&mut self, state: State) {
        for (id, table) in self.tables.iter() {
            if state.tables.get(id).is_none_or(|before| before.version() != table.version()) {
                self.ahead.insert(id.clone());
            }
        }
        self.tables = state.tables;
        self.recorded = state.recorded;
    }

    /// Opens the recorded versions of all tables.
    pub(super) fn open(&mut self, collections: &Collections, files: &LogFiles, now: Instant) -> Result<(), Error> {
        self.store.clear(collections.keys().map(String::as_str))?;
        let mut tables = SeriesTables::new();
        self.recorded.retain(|collection, _| collections.contains_key(collection));
        for (collection, seq) in &self.recorded {
            let model = Arc::new(ObservationModel::of_collection(&collections[collection].collection));
            let record = read_record(files, collection, *seq)?;
            let table = self.store.open(collection, model, &record, true)?;
            SeriesStore::vacuum(&table, now)?;
            tables.insert(collection.clone(), table);
        }
        self.tables = Arc::new(tables);
        self.ahead = collections.keys().cloned().collect();
        Ok(())
    }

    pub(super) fn is_ahead(&self, collection: &str) -> bool {
        self.ahead.contains(collection)
    }

    /// The record for commits that have none, and the features of the table; `None` where all have one.
    pub(super) fn bring_forward(
        &mut self,
        id: &str,
        collection: &Collection,
    ) -> Result<Option<(String, Vec<String>)>, Error> {
        let model = Arc::new(ObservationModel::of_collection(collection));
        let recorded = self.tables.get(id).cloned();
        let previous = self.recorded.get(id).copied().unwrap_or(0);
        let found = self.store.unrecorded(id, &model, recorded.as_deref(), previous)?;
        self.ahead.remove(id);
        let Some((table, record)) = found else { return Ok(None) };
        tracing::info!(
            collection = id,
            version = record.version,
            "observations of an unfinished write are brought forward"
        );
        let features = table.summaries()?.iter().map(|(feature, _)| feature.to_owned()).collect();
        let body = body_of(&table, &record)?;
        Arc::make_mut(&mut self.tables).insert(id.to_owned(), table);
        Ok(Some((body, features)))
    }

    /// Commits observations. What was prepared counts if the table is still the one it was decided against.
    pub(super) fn put(
        &mut self,
        observations: &Observations,
        collection: &Collection,
        prepared: Option<Prepared>,
        (seq, time): (u64, Instant),
    ) -> Result<Put, Error> {
        let id = observations.collection.as_str();
        check_features(observations)?;
        let table = self.tables.get(id).cloned();
        let model = Arc::new(ObservationModel::of_collection(collection));
        let current = |p: &Prepared| p.base == table.as_ref().map(|t| t.version());
        let prepared = match prepared {
            Some(prepared) if current(&prepared) => prepared,
            stale => {
                self.discard(id, stale);
                series::prepare(&self.store.dir(id), table.as_deref(), &model, &observations.rows, time)?
            }
        };
        let counts = prepared.counts;
        let outcome = Outcome::Observed { added: counts.added, replaced: counts.replaced, unchanged: counts.unchanged };
        if prepared.added.is_empty() && prepared.removed.is_empty() {
            return Ok(Put { outcome, record: None, features: Vec::new() });
        }
        if let Some(table) = &table {
            // They are made once, here if nowhere else, and then follow each batch.
            table.summaries()?;
        }
        let previous = self.recorded.get(id).copied().unwrap_or(0);
        let turn = Turn { seq, previous, now: time, data_change: true };
        let committed = self.store.commit(id, table.as_deref(), model, &prepared, turn);
        if committed.is_err() {
            self.ahead.insert(id.to_owned());
        }
        let (table, record) = committed?;
        let mut features: Vec<String> =
            prepared.rows[FEATURE_COLUMN].as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        features.dedup();
        let body = body_of(&table, &record)?;
        Arc::make_mut(&mut self.tables).insert(id.to_owned(), table);
        self.recorded(id, seq);
        Ok(Put { outcome, record: Some(body), features })
    }

    /// Removes the files of what will not be committed.
    pub(super) fn discard(&self, collection: &str, prepared: Option<Prepared>) {
        if let Some(prepared) = prepared {
            prepared.discard(&self.store.dir(collection));
        }
    }

    /// Takes the table of a deleted collection out of the way.
    pub(super) fn drop_table(&mut self, collection: &str) -> Result<(), Error> {
        self.store.drop_table(collection)
    }

    /// Takes in a merge that has ended, begins one that is worth it, writes checkpoints that are due. Gives the bodies
    /// of the records to write, the first of which gets the sequence number `seq`.
    pub(super) fn tend(&mut self, seq: u64, time: Instant) -> Result<Vec<(String, String)>, Error> {
        let mut bodies = Vec::new();
        if let Some(merging) = self.merging.take_if(|m| m.thread.is_finished()) {
            let merged = merging.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match merged {
                Ok(prepared) => bodies.extend(self.commit_merged(&merging.collection, prepared, seq, time)?),
                // The table is as good as before; it is tried again later.
                Err(error) => tracing::warn!(%error, collection = merging.collection, "files were not merged"),
            }
        }
        if self.merging.is_none() {
            self.begin_merge()?;
        }
        let tables = self.tables.clone();
        for (id, table) in tables.iter().filter(|(id, _)| !self.ahead.contains(*id)) {
            let previous = self.recorded.get(id).copied().unwrap_or(0);
            // A record of this very turn comes first; the checkpoint can wait for the next.
            if bodies.iter().any(|(collection, _)| collection == id) {
                continue;
            }
            if let Some(record) = self.store.checkpoint_if_due(table, previous)? {
                bodies.push((id.clone(), body_of(table, &record)?));
            }
        }
        Ok(bodies)
    }

    fn begin_merge(&mut self) -> Result<(), Error> {
        let due = self.tables.values().find_map(|table| Some((table.clone(), SeriesStore::due(table)?)));
        let Some((table, files)) = due else { return Ok(()) };
        let stop = Arc::new(AtomicBool::new(false));
        let (collection, stopped) = (table.collection().to_owned(), stop.clone());
        let thread = std::thread::Builder::new()
            .name("series-merge".into())
            .spawn(move || series::merge(&table, files, &|| stopped.load(Ordering::Relaxed)))
            .map_err(Error::io("start a thread for", "series"))?;
        self.merging = Some(Merging { collection, thread, stop });
        Ok(())
    }

    fn commit_merged(
        &mut self,
        id: &str,
        mut prepared: Prepared,
        seq: u64,
        time: Instant,
    ) -> Result<Option<(String, String)>, Error> {
        let table = self.tables.get(id).cloned();
        let has = |table: &SeriesTable, name: &str| table.has_file(name);
        let Some(table) = table.filter(|t| prepared.removed.iter().all(|f| has(t, &f.name))) else {
            self.discard(id, Some(prepared));
            return Ok(None);
        };
        prepared.schema = table.schema().clone();
        prepared.several_versions = table.has_several_versions();
        let previous = self.recorded.get(id).copied().unwrap_or(0);
        let model = Arc::new(table.model().clone());
        let turn = Turn { seq, previous, now: time, data_change: false };
        let committed = self.store.commit(id, Some(&table), model, &prepared, turn);
        if committed.is_err() {
            self.ahead.insert(id.to_owned());
        }
        let (table, record) = committed?;
        SeriesStore::vacuum(&table, time)?;
        let body = body_of(&table, &record)?;
        Arc::make_mut(&mut self.tables).insert(id.to_owned(), table);
        Ok(Some((id.to_owned(), body)))
    }

    /// One round of merging every table whose files are worth it.
    pub(super) fn merge_all(&mut self, seq: u64, time: Instant) -> Result<Vec<(String, String)>, Error> {
        self.stop();
        let mut bodies = Vec::new();
        for (id, table) in self.tables.clone().iter() {
            let Some(files) = SeriesStore::due(table) else { continue };
            let prepared = series::merge(table, files, &|| false)?;
            bodies.extend(self.commit_merged(id, prepared, seq + bodies.len() as u64, time)?);
        }
        Ok(bodies)
    }

    /// Ends a merge under way; its files are nobody's.
    pub(super) fn stop(&mut self) {
        if let Some(merging) = self.merging.take() {
            merging.stop.store(true, Ordering::Relaxed);
            match merging.thread.join() {
                Ok(Ok(prepared)) => self.discard(&merging.collection, Some(prepared)),
                Ok(Err(_)) => {}
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    }

    /// Sequence numbers of all records that vouch for files of the tables.
    pub(super) fn live_records(&self, files: &LogFiles) -> Result<Vec<u64>, Error> {
        let mut live = Vec::new();
        for (collection, newest) in &self.recorded {
            let mut seq = *newest;
            while seq > 0 {
                live.push(seq);
                seq = read_record(files, collection, seq)?.previous;
            }
        }
        Ok(live)
    }

    /// Writes the summaries that are in memory beside their tables.
    pub(super) fn keep_summaries(&self) -> Result<(), Error> {
        self.tables.values().try_for_each(|table| table.keep_summaries())
    }
}

fn body_of(table: &SeriesTable, record: &SeriesRecord) -> Result<String, Error> {
    serde_json::to_string(record).map_err(|e| Error::Damaged { path: table.dir().to_owned(), detail: e.to_string() })
}
