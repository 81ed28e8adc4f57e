//! The one writer: takes groups of writes, decides each against what is stored, appends the group to the log,
//! indexes it, and publishes a new snapshot. A write is answered when all of that is done.

mod tables;
mod upkeep;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use nilometer_schemas::{Access, Collection, CollectionId, IndexFields, Instant, Item, ItemId, Kind, Problem};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Term};

use super::directory::CheckpointDirectory;
use super::index::{self, CommitPayload, Layout, OpenIndex};
use super::log::{self, FLAG_CONTINUED, FLAG_HIDDEN, FLAG_WITHDRAWN, Log, LogRecord, RecordKind};
use super::observations::{Series, prepare_observations};
use super::snapshot::{Collections, Newest, SegmentCache, Snapshot};
use super::types::{CatalogOptions, Clock, Outcome, Precondition, StoredCollection, Write};
use crate::Error;
use crate::segment::{Row, Shapes};
use crate::series;

/// A write with what can be computed of it before its turn comes.
pub(super) struct Prepared {
    write: Write,
    hash: [u8; 16],
    /// The item's row, its sequence number and time still open.
    row: Option<Row>,
    /// The files of observations, as they were decided against the caller's view; `None` where that could not be done.
    observations: Option<series::Prepared>,
}

/// Writes of one caller.
pub(super) struct Batch {
    pub(super) writes: Vec<Prepared>,
    /// Whether all of them are done or none; then they are puts of items.
    pub(super) whole: bool,
}

fn hash_of(text: &str) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    hash
}

fn collection_text(collection: &Collection) -> String {
    serde_json::Value::Object(collection.body.clone()).to_string()
}

/// Does the work that needs no order: hashes, geometry, the files of observations. Runs on the caller's thread.
pub(super) fn prepare(
    write: Write,
    shapes: &mut Shapes,
    snapshot: &Snapshot,
    data_dir: &Path,
    now: Instant,
) -> Prepared {
    let (hash, row) = match &write {
        Write::PutItem(item, _) => (hash_of(item.text.as_str()), Some(Row::with(item, 0, Instant(0), shapes))),
        Write::PutCollection(collection, _) => (hash_of(&collection_text(collection)), None),
        Write::DeleteItem(..) | Write::DeleteCollection(..) | Write::PutObservations(_) => ([0; 16], None),
    };
    let observations = match &write {
        Write::PutObservations(o) => prepare_observations(o, snapshot, data_dir, now),
        _ => None,
    };
    Prepared { write, hash, row, observations }
}

/// A change of the index that a log record stands for.
enum IndexChange {
    Add(Box<Item>, Box<Row>),
    /// The document written with this sequence number goes.
    Remove(u64),
}

/// Sequence number and content hash of an item's newest write.
type Stored = (u64, [u8; 16]);

/// What a group does: decided first, then done in one go.
#[derive(Default)]
pub(super) struct Group {
    pub(super) records: Vec<LogRecord>,
    changes: Vec<IndexChange>,
    /// Items that the group has touched: sequence and hash of the newest write, `None` when deleted.
    items: HashMap<(String, String), Option<Stored>>,
    /// Collections that the group has deleted: what the snapshot holds of them is gone, also if they come back.
    pub(super) forgotten: HashSet<String>,
    outcomes: Vec<Outcome>,
}

impl Group {
    fn forget_collection(&mut self, id: &str) {
        self.items.retain(|(collection, _), _| collection != id);
        self.forgotten.insert(id.to_owned());
    }
}

/// What the log holds beyond the index on disk.
#[derive(Default)]
struct Since {
    groups: usize,
    records: usize,
}

/// See the module.
pub(super) struct Writer {
    index: Index,
    fields: IndexFields,
    directory: CheckpointDirectory,
    reader: IndexReader,
    /// `None` after a failure; opened again by the next group.
    writer: Option<IndexWriter>,
    log: Log,
    collections: Arc<Collections>,
    pub(super) series: Series,
    cache: SegmentCache,
    snapshot: Arc<Snapshot>,
    since_checkpoint: Since,
    options: CatalogOptions,
    clock: Clock,
    layout: Layout,
}

pub(super) fn rejected(kind: Kind, code: &'static str, detail: String) -> Outcome {
    Outcome::Rejected(Problem::new(kind, code, detail))
}

/// Why a precondition fails against the stored record's sequence number, if it does.
fn refuse(precondition: Precondition, stored: Option<u64>, what: &str) -> Option<Outcome> {
    match (precondition, stored) {
        (Precondition::Absent, Some(_)) => Some(rejected(Kind::Conflict, "exists", format!("{what} exists already"))),
        (Precondition::Present, None) => Some(rejected(Kind::NotFound, "not-found", format!("there is no {what}"))),
        (Precondition::Sequence(wanted), stored) if stored != Some(wanted) => {
            Some(rejected(Kind::PreconditionFailed, "changed", format!("{what} was changed in the meantime")))
        }
        _ => None,
    }
}

impl Writer {
    /// Opens log and index, and brings the index up to the log.
    pub(super) fn open(
        layout: Layout,
        options: CatalogOptions,
        clock: Clock,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Error> {
        let index_dir = layout.index();
        std::fs::create_dir_all(&index_dir).map_err(Error::io("create", &index_dir))?;
        let OpenIndex { index, fields, directory } = index::open_index(&index_dir, true)?;
        let payload = index::load_payload(&index, &index_dir)?;
        let acknowledged = (payload.seq > 0).then_some(payload.seq);
        let log = Log::open(&layout.log(), options.log_file_bytes, acknowledged)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let collections = Arc::new(load_collections(&payload, &log.files())?);
        let mut cache = SegmentCache::opened_at(clock());
        let series = Series::new(layout.data(), &payload);
        // The tables are opened when the log has told their newest versions.
        let (tables, files) = (Arc::default(), log.files());
        let searcher = reader.searcher();
        let snapshot =
            Snapshot::new(Newest::at(payload.seq), searcher, fields, collections.clone(), tables, files, &mut cache)?;
        let snapshot = Arc::new(snapshot);
        let mut writer = Self {
            index,
            fields,
            directory,
            reader,
            writer: None,
            log,
            collections,
            series,
            cache,
            snapshot,
            since_checkpoint: Since::default(),
            options,
            clock,
            layout,
        };
        writer.replay(payload.seq, progress)?;
        writer.open_series()?;
        writer.checkpoint()?;
        Ok(writer)
    }

    /// The view after the last group.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.clone()
    }

    /// Indexes what the log holds after `seq`.
    fn replay(&mut self, mut seq: u64, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        loop {
            let seqs = log::seqs_after(&self.log.files(), seq, self.options.group_items_max);
            let Some(last) = seqs.last().copied() else { return Ok(()) };
            let mut group = Group::default();
            for next in &seqs {
                let record = log::read_record(&self.log.files(), *next)?.ok_or_else(|| Error::Damaged {
                    path: self.layout.log(),
                    detail: format!("the record of sequence {next} is missing"),
                })?;
                self.replay_record(record, &mut group)?;
            }
            self.index_changes(group.changes, last)?;
            self.publish(Newest::at(last))?;
            progress(seqs.len() as u64);
            seq = last;
        }
    }

    fn replay_record(&mut self, record: LogRecord, group: &mut Group) -> Result<(), Error> {
        let key = (record.collection.clone(), record.id.clone());
        match record.kind {
            RecordKind::PutCollection => {
                let value =
                    serde_json::from_str(&record.body).map_err(|e| self.bad_record(record.seq, &e.to_string()))?;
                self.set_collection(Collection::from_stored(value)?, record.seq);
            }
            RecordKind::DeleteCollection => {
                for seq in self.items_of(&record.collection, group) {
                    group.changes.push(IndexChange::Remove(seq));
                }
                group.forget_collection(&record.collection);
                self.remove_collection(&record.collection);
                self.series.forget(&record.collection);
            }
            RecordKind::PutObservations => self.series.recorded(&record.collection, record.seq),
            RecordKind::PutItem => {
                if let Some((old, _)) = self.stored_item(&key, group)? {
                    group.changes.push(IndexChange::Remove(old));
                }
                let item = Item::parse(&record.body, None)?;
                let row = Row::of(&item, record.seq, record.time);
                group.changes.push(IndexChange::Add(Box::new(item), Box::new(row)));
                group.items.insert(key, Some((record.seq, record.hash)));
            }
            RecordKind::DeleteItem => {
                if let Some((old, _)) = self.stored_item(&key, group)? {
                    group.changes.push(IndexChange::Remove(old));
                }
                group.items.insert(key, None);
            }
        }
        Ok(())
    }

    fn bad_record(&self, seq: u64, detail: &str) -> Error {
        Error::Damaged { path: self.layout.log(), detail: format!("the record of sequence {seq}: {detail}") }
    }

    fn set_collection(&mut self, collection: Collection, seq: u64) {
        let id = collection.id.as_str().to_owned();
        self.series.declared(&collection);
        Arc::make_mut(&mut self.collections).insert(id, Arc::new(StoredCollection { collection, seq }));
    }

    fn remove_collection(&mut self, id: &str) {
        Arc::make_mut(&mut self.collections).remove(id);
    }

    /// Sequence number and content hash of an item's newest write, the group's own included.
    fn stored_item(&self, key: &(String, String), group: &Group) -> Result<Option<Stored>, Error> {
        if let Some(touched) = group.items.get(key) {
            return Ok(*touched);
        }
        if group.forgotten.contains(&key.0) || !self.collections.contains_key(&key.0) {
            return Ok(None);
        }
        let Some((segment, doc)) = self.snapshot.find(&key.0, &key.1) else { return Ok(None) };
        let seq = segment.data().seqs()[doc as usize];
        let record = log::read_record(&self.log.files(), seq)?;
        let record = record.ok_or_else(|| self.bad_record(seq, "it is missing"))?;
        Ok(Some((seq, record.hash)))
    }

    /// Sequence numbers of a collection's live items, the group's own included.
    fn items_of(&self, collection: &str, group: &Group) -> Vec<u64> {
        let mut seqs: Vec<u64> = group
            .items
            .iter()
            .filter(|((c, _), _)| c == collection)
            .filter_map(|(_, touched)| touched.map(|t| t.0))
            .collect();
        if group.forgotten.contains(collection) {
            return seqs;
        }
        for segment in self.snapshot.segments() {
            let data = segment.data();
            let Some(column) = data.column("collection", crate::segment::ColumnKind::Text) else { continue };
            let Some(code) = column.dictionary.find_text(collection) else { continue };
            data.for_each_pair(&column, |doc, c| {
                if c == code && segment.is_alive(doc) {
                    seqs.push(data.seqs()[doc as usize]);
                }
            });
        }
        seqs
    }

    /// Does a group of writes. The outcomes stand in the order of the writes.
    ///
    /// # Errors
    /// When nothing of the group was done. [`Error::ReadOnly`] means that no further write may be tried.
    pub(super) fn write(&mut self, batches: Vec<Batch>) -> Result<Vec<Outcome>, Error> {
        let (collections, series) = (self.collections.clone(), self.series.state());
        let result = self.write_group(batches);
        if result.is_err() {
            self.collections = collections;
            self.series.return_to(series);
        }
        result
    }

    fn write_group(&mut self, batches: Vec<Batch>) -> Result<Vec<Outcome>, Error> {
        let begin = std::time::Instant::now();
        let mut group = Group::default();
        let time = (self.clock)();
        self.roll_forward(time, &mut group)?;
        for Batch { writes, whole } in batches {
            if whole {
                self.decide_whole(writes, time, &mut group)?;
                continue;
            }
            for prepared in writes {
                let outcome = self.decide(prepared, time, &mut group)?;
                group.outcomes.push(outcome);
            }
        }
        let Group { records, changes, outcomes, forgotten, .. } = group;
        let (Some(first), Some(last)) = (records.first().map(|r| r.seq), records.last().map(|r| r.seq)) else {
            return Ok(outcomes);
        };
        let (fsync, count) = (self.log.append(&records)?, records.len());
        let public = log::newest_public(&records);
        drop(records);
        if let Some(observer) = &self.options.observer {
            observer.fsync(fsync);
        }
        if let Err(error) = self.index_changes(changes, last) {
            self.recover(first, last, &error)?;
            return Err(error);
        }
        self.publish(self.newest(last, public)).map_err(|e| {
            Error::ReadOnly(format!("a write is done but cannot be shown: {e}; open the catalogue again"))
        })?;
        if let Some(observer) = &self.options.observer {
            observer.commit(begin.elapsed(), count);
        }
        for collection in &forgotten {
            // Opening does it again if it fails: the collection is gone, and its table is nobody's.
            if let Err(error) = self.series.drop_table(collection) {
                tracing::warn!(%error, collection, "the observations of a deleted collection stay on disk for now");
            }
        }
        self.since_checkpoint.groups += 1;
        self.since_checkpoint.records += count;
        Ok(outcomes)
    }

    /// Decides puts of items of which all are done or none: whether one is refused is known before the first is done,
    /// since nothing comes in between.
    fn decide_whole(&mut self, writes: Vec<Prepared>, time: Instant, group: &mut Group) -> Result<(), Error> {
        let (mut refusals, mut keys) = (Vec::with_capacity(writes.len()), HashSet::new());
        for prepared in &writes {
            let Write::PutItem(item, when) = &prepared.write else {
                refusals.push(Some(rejected(Kind::Internal, "internal", "only items are written whole".into())));
                continue;
            };
            let key = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
            let refusal = self.item_refusal(&key, *when, self.stored_item(&key, group)?);
            let what = format!("item {:?} of collection {:?} stands twice", key.1, key.0);
            let twice = !keys.insert(key);
            refusals.push(refusal.or_else(|| twice.then(|| rejected(Kind::Conflict, "exists", what))));
        }
        if refusals.iter().any(Option::is_some) {
            group.outcomes.extend(refusals.into_iter().map(|refusal| refusal.unwrap_or(Outcome::Withheld)));
            return Ok(());
        }
        let first = group.records.len();
        for prepared in writes {
            let outcome = self.decide(prepared, time, group)?;
            group.outcomes.push(outcome);
        }
        // After a power cut, too, all of them are there or none.
        if let Some((_, all_but_last)) = group.records[first..].split_last_mut() {
            all_but_last.iter_mut().for_each(|record| record.flags |= FLAG_CONTINUED);
        }
        Ok(())
    }

    /// Why an item is not put over what is stored, if it is not.
    fn item_refusal(&self, key: &(String, String), when: Precondition, stored: Option<Stored>) -> Option<Outcome> {
        if !self.collections.contains_key(&key.0) {
            let detail = format!("there is no collection {:?}", key.0);
            return Some(rejected(Kind::NotFound, "collection-not-found", detail));
        }
        refuse(when, stored.map(|s| s.0), &format!("item {:?} of collection {:?}", key.1, key.0))
    }

    fn decide(&mut self, prepared: Prepared, time: Instant, group: &mut Group) -> Result<Outcome, Error> {
        let Prepared { write, hash, row, observations } = prepared;
        let seq = self.log.next_seq() + group.records.len() as u64;
        match write {
            Write::PutCollection(collection, when) => self.put_collection(*collection, when, hash, (seq, time), group),
            Write::DeleteCollection(id, when) => Ok(self.delete_collection(&id, when, (seq, time), group)),
            Write::PutItem(item, when) => {
                let row = row.expect("an item is prepared with its row");
                self.put_item(item, when, hash, Row { seq, ingested: time.0, ..row }, group)
            }
            Write::PutObservations(o) => self.put_observations(*o, observations, (seq, time), group),
            Write::DeleteItem(collection, id, when) => self.delete_item(&collection, &id, when, (seq, time), group),
        }
    }

    fn flags_of(&self, collection: &str) -> u8 {
        let hidden = self.collections.get(collection).is_some_and(|c| c.collection.access == Access::Hidden);
        if hidden { FLAG_HIDDEN } else { 0 }
    }

    fn put_collection(
        &mut self,
        collection: Collection,
        when: Precondition,
        hash: [u8; 16],
        (seq, time): (u64, Instant),
        group: &mut Group,
    ) -> Result<Outcome, Error> {
        let id = collection.id.as_str().to_owned();
        let stored = self.collections.get(&id).cloned();
        if let Some(refusal) = refuse(when, stored.as_ref().map(|s| s.seq), &format!("collection {id:?}")) {
            return Ok(refusal);
        }
        if let Some(stored) = stored.as_ref().filter(|s| hash_of(&collection_text(&s.collection)) == hash) {
            return Ok(Outcome::Unchanged(stored.seq));
        }
        let body = collection_text(&collection);
        let before = stored.as_ref().map(|s| s.collection.access);
        let now = collection.access;
        self.set_collection(collection, seq);
        let mut flags = self.flags_of(&id);
        if before == Some(Access::Public) && now == Access::Hidden {
            flags |= FLAG_WITHDRAWN;
        }
        group.records.push(LogRecord {
            seq,
            time,
            kind: RecordKind::PutCollection,
            flags,
            collection: id.clone(),
            id: String::new(),
            properties_end: 0,
            hash,
            body,
        });
        if before == Some(Access::Hidden) && now == Access::Public {
            self.write_anew(&id, time, group)?;
        }
        Ok(if stored.is_some() { Outcome::Replaced(seq) } else { Outcome::Created(seq) })
    }

    /// Writes the items of a collection again, for those who read changes and could not see them so far.
    fn write_anew(&mut self, collection: &str, time: Instant, group: &mut Group) -> Result<(), Error> {
        for old in self.items_of(collection, group) {
            let record = match group.records.iter().find(|r| r.seq == old) {
                Some(record) => record.clone(),
                None => {
                    log::read_record(&self.log.files(), old)?.ok_or_else(|| self.bad_record(old, "it is missing"))?
                }
            };
            let seq = self.log.next_seq() + group.records.len() as u64;
            let item = Item::parse(&record.body, None)?;
            let row = Row::of(&item, seq, time);
            group.changes.push(IndexChange::Remove(old));
            group.changes.push(IndexChange::Add(Box::new(item), Box::new(row)));
            group.items.insert((record.collection.clone(), record.id.clone()), Some((seq, record.hash)));
            group.records.push(LogRecord { seq, time, flags: 0, ..record });
        }
        Ok(())
    }

    fn delete_collection(
        &mut self,
        id: &CollectionId,
        when: Precondition,
        (seq, time): (u64, Instant),
        group: &mut Group,
    ) -> Outcome {
        let stored = self.collections.get(id.as_str()).map(|s| s.seq);
        if let Some(refusal) = refuse(when, stored, &format!("collection {id:?}")) {
            return refusal;
        }
        if stored.is_none() {
            return Outcome::Absent;
        }
        let flags = self.flags_of(id.as_str());
        for item in self.items_of(id.as_str(), group) {
            group.changes.push(IndexChange::Remove(item));
        }
        group.forget_collection(id.as_str());
        self.remove_collection(id.as_str());
        self.series.forget(id.as_str());
        group.records.push(delete_record(RecordKind::DeleteCollection, (seq, time), flags, id.as_str(), ""));
        Outcome::Deleted(seq)
    }

    fn put_item(
        &mut self,
        item: Box<Item>,
        when: Precondition,
        hash: [u8; 16],
        row: Row,
        group: &mut Group,
    ) -> Result<Outcome, Error> {
        let key = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
        let stored = self.stored_item(&key, group)?;
        if let Some(refusal) = self.item_refusal(&key, when, stored) {
            return Ok(refusal);
        }
        let seq = row.seq;
        let outcome = match stored {
            Some((old, old_hash)) if old_hash == hash => return Ok(Outcome::Unchanged(old)),
            Some((old, _)) => {
                group.changes.push(IndexChange::Remove(old));
                Outcome::Replaced(seq)
            }
            None => Outcome::Created(seq),
        };
        let (text, properties_end) = item.text.parts();
        group.records.push(LogRecord {
            seq,
            time: Instant(row.ingested),
            kind: RecordKind::PutItem,
            flags: self.flags_of(&key.0),
            collection: key.0.clone(),
            id: key.1.clone(),
            properties_end: properties_end as u32,
            hash,
            body: text.to_owned(),
        });
        group.items.insert(key, Some((seq, hash)));
        group.changes.push(IndexChange::Add(item, Box::new(row)));
        Ok(outcome)
    }

    fn delete_item(
        &mut self,
        collection: &CollectionId,
        id: &ItemId,
        when: Precondition,
        (seq, time): (u64, Instant),
        group: &mut Group,
    ) -> Result<Outcome, Error> {
        let key = (collection.as_str().to_owned(), id.as_str().to_owned());
        let stored = self.stored_item(&key, group)?;
        if let Some(refusal) = refuse(when, stored.map(|s| s.0), &format!("item {id:?} of collection {collection:?}")) {
            return Ok(refusal);
        }
        let Some((old, _)) = stored else { return Ok(Outcome::Absent) };
        group.changes.push(IndexChange::Remove(old));
        let flags = self.flags_of(&key.0);
        group.records.push(delete_record(RecordKind::DeleteItem, (seq, time), flags, &key.0, &key.1));
        group.items.insert(key, None);
        Ok(Outcome::Deleted(seq))
    }

    /// Applies changes to the index and commits them as everything up to `last`.
    fn index_changes(&mut self, changes: Vec<IndexChange>, last: u64) -> Result<(), Error> {
        if self.writer.is_none() {
            self.writer = Some(index::open_writer(&self.index, self.options.writer_memory_bytes)?);
        }
        let writer = self.writer.as_mut().expect("it was opened above");
        for change in changes {
            match change {
                IndexChange::Add(item, row) => {
                    writer.add_document(index::document(&item, &row, &self.fields))?;
                }
                IndexChange::Remove(seq) => {
                    writer.delete_term(Term::from_field_u64(self.fields.row, seq));
                }
            }
        }
        let collections =
            self.collections.iter().map(|(id, stored)| (id.clone(), stored.seq)).collect::<BTreeMap<_, _>>();
        let series = self.series.recorded_seqs().clone();
        let payload = CommitPayload { seq: last, collections, series, ..CommitPayload::empty() };
        let payload = serde_json::to_string(&payload)
            .map_err(|e| Error::Damaged { path: self.layout.index(), detail: e.to_string() })?;
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        Ok(())
    }

    /// After an index failure: decides whether the group happened. If its commit reached the disk it did, and the
    /// log stays; else its records are taken back, since nobody was told of them.
    fn recover(&mut self, first: u64, last: u64, error: &Error) -> Result<(), Error> {
        tracing::error!(error = %error, "the index took no group of writes");
        // A writer whose thread failed takes nothing more: the next group opens a new one.
        self.writer = None;
        let committed = index::load_payload(&self.index, &self.layout.index())
            .map_err(|e| Error::ReadOnly(format!("the index cannot be read after a failed write: {e}")))?;
        if committed.seq >= last {
            return Err(Error::ReadOnly(
                "a write is in the index that could not be confirmed: open the catalogue again".into(),
            ));
        }
        self.log.take_back(first)
    }
}

fn delete_record(kind: RecordKind, (seq, time): (u64, Instant), flags: u8, collection: &str, id: &str) -> LogRecord {
    LogRecord {
        seq,
        time,
        kind,
        flags,
        collection: collection.to_owned(),
        id: id.to_owned(),
        properties_end: 0,
        hash: [0; 16],
        body: String::new(),
    }
}

/// Reads the collections that a commit names from the log.
pub(super) fn load_collections(payload: &CommitPayload, files: &log::LogFiles) -> Result<Collections, Error> {
    let mut collections = Collections::new();
    for (id, seq) in &payload.collections {
        let damaged =
            |detail: String| Error::Damaged { path: "log".into(), detail: format!("collection {id:?}: {detail}") };
        let record = log::read_record(files, *seq)?.ok_or_else(|| damaged(format!("its record {seq} is missing")))?;
        let value = serde_json::from_str(&record.body).map_err(|e| damaged(e.to_string()))?;
        collections
            .insert(id.clone(), Arc::new(StoredCollection { collection: Collection::from_stored(value)?, seq: *seq }));
    }
    Ok(collections)
}
