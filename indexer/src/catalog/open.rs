//! The catalogue's door: opening, the writer's thread, and the newest snapshot for readers.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use fs4::fs_std::FileExt;
use nilometer_schemas::{Instant, Item, Kind, Problem, Scope};
use parking_lot::{Mutex, RwLock};
use tantivy::ReloadPolicy;

use super::index::{self, Layout, OpenIndex};
use super::log::{self, Log};
use super::snapshot::{Newest, SegmentCache, Snapshot};
use super::types::{CatalogOptions, Changes, Clock, Outcome, Precondition, Stats, Write};
use super::writer::{self, Batch, Writer};
use super::{check, observations};
use crate::Error;
use crate::segment::Shapes;

/// How long the writer waits for work before it looks whether merges have finished.
const IDLE: Duration = Duration::from_millis(500);
/// How often new snapshots are looked for, to have ready what their collections hold.
const PREPARE_EVERY: Duration = Duration::from_millis(100);
/// After preparing one there is a rest of so many times as long.
const PREPARE_REST: u32 = 4;
/// How often opening beside a writer is tried again.
const READ_RETRIES: usize = 4;

type Reply<T> = SyncSender<Result<T, Error>>;

enum Job {
    Write(Batch, Reply<Vec<Outcome>>),
    Compact(Reply<()>),
    Optimize(Reply<()>),
}

/// What the writer's thread and the readers share.
struct Shared {
    snapshot: RwLock<Arc<Snapshot>>,
    read_only: Mutex<Option<String>>,
}

/// A catalogue: one writer, any number of readers. Dropping it waits for the writer's thread.
pub struct Catalog {
    data_dir: PathBuf,
    clock: Clock,
    shared: Arc<Shared>,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Dropped, it ends the thread that looks up what collections hold.
    _preparing: Option<Sender<()>>,
    _lock: Option<File>,
}

/// Makes a data directory, unless there is one. Its owner alone may look into a new one: it holds what is hidden from others.
///
/// # Errors
/// What the file system says.
pub fn create_data_dir(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn lock(layout: &Layout) -> Result<File, Error> {
    create_data_dir(&layout.root).map_err(Error::io("create", &layout.root))?;
    let path = layout.lock();
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::io("open", &path))?;
    match FileExt::try_lock_exclusive(&file) {
        Ok(true) => Ok(file),
        Ok(false) => Err(Error::Locked(layout.root.clone())),
        Err(e) => Err(Error::io("lock", &path)(e)),
    }
}

/// The catalogue as the last checkpoint left it on disk.
fn open_snapshot(layout: &Layout) -> Result<Snapshot, Error> {
    let OpenIndex { index, fields, .. } = index::open_index(&layout.index(), false)?;
    let payload = index::load_payload(&index, &layout.index())?;
    let (files, _) = log::open_files(&layout.log(), (payload.seq > 0).then_some(payload.seq))?;
    let reader: tantivy::IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let collections = Arc::new(writer::load_collections(&payload, &files)?);
    let tables = observations::load(layout.data(), &payload, &collections, &files)?;
    Snapshot::new(
        Newest::at(payload.seq),
        reader.searcher(),
        fields,
        collections,
        tables,
        files,
        // What is only read does not change: its sequence number tells it from others.
        &mut SegmentCache::numbered_from(payload.seq),
    )
}

impl Catalog {
    /// Opens or creates the catalogue below a data folder. What the log holds and the index does not is indexed first.
    ///
    /// # Errors
    /// `Locked` when another process writes it, `Format` for another version, `Damaged` when files cannot be read.
    pub fn open(data_dir: &Path, options: CatalogOptions, clock: Clock) -> Result<Arc<Self>, Error> {
        let layout = Layout::of(data_dir);
        let lock = lock(&layout)?;
        layout.check_version(true)?;
        let writer = Writer::open(layout, options.clone(), clock.clone(), &mut |_| ())?;
        let shared = Arc::new(Shared { snapshot: RwLock::new(writer.snapshot()), read_only: Mutex::new(None) });
        let (jobs, receiver) = channel();
        let thread_shared = shared.clone();
        let thread = std::thread::Builder::new()
            .name("catalog-writer".into())
            .spawn(move || run(writer, &receiver, &thread_shared, options.group_items_max))
            .map_err(Error::io("start a thread for", data_dir))?;
        let (preparing, end) = channel();
        let thread_shared = shared.clone();
        std::thread::Builder::new()
            .name("catalog-summaries".into())
            .spawn(move || prepare_snapshots(&thread_shared, &end))
            .map_err(Error::io("start a thread for", data_dir))?;
        Ok(Arc::new(Self {
            data_dir: data_dir.to_owned(),
            clock,
            shared,
            jobs: Some(jobs),
            thread: Some(thread),
            _preparing: Some(preparing),
            _lock: Some(lock),
        }))
    }

    /// Opens without a writer, beside a process that may write: the state of that process's last checkpoint, some
    /// seconds ago at most.
    ///
    /// # Errors
    /// As [`Catalog::open`], without `Locked`.
    pub fn open_read_only(data_dir: &Path) -> Result<Arc<Self>, Error> {
        let layout = Layout::of(data_dir);
        layout.check_version(false)?;
        let mut opened = open_snapshot(&layout);
        // A writer's checkpoint may remove files between our reading of their list and of them.
        for _ in 0..READ_RETRIES {
            if opened.is_ok() {
                break;
            }
            opened = open_snapshot(&layout);
        }
        let snapshot = opened?;
        let shared = Arc::new(Shared {
            snapshot: RwLock::new(Arc::new(snapshot)),
            read_only: Mutex::new(Some("it was opened for reading".into())),
        });
        // Nothing is written, so no time is asked for.
        let clock: Clock = Arc::new(Instant::default);
        Ok(Arc::new(Self {
            data_dir: data_dir.to_owned(),
            clock,
            shared,
            jobs: None,
            thread: None,
            _preparing: None,
            _lock: None,
        }))
    }

    /// The newest view. Cheap.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.read().clone()
    }

    fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Error> {
        if let Some(reason) = self.read_only_reason() {
            return Err(Error::ReadOnly(reason));
        }
        let gone = || Error::ReadOnly("the writer has stopped".into());
        let (reply, answer) = sync_channel(1);
        self.jobs.as_ref().ok_or_else(gone)?.send(job(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// Does the writes in order, together with what other callers write at the time. Blocks until they are durable
    /// and visible to [`Catalog::snapshot`]; the outcomes stand in the order of the writes.
    ///
    /// # Errors
    /// When none of the writes was done: no room, or the catalogue is read-only.
    pub fn write(&self, writes: Vec<Write>) -> Result<Vec<Outcome>, Error> {
        self.write_batch(writes, false)
    }

    /// Creates all of these items, or none if one of them is rejected; the others are then [`Outcome::Withheld`]. Whatever
    /// happens, also a power cut, no reader ever sees a part of them.
    ///
    /// # Errors
    /// As [`Catalog::write`].
    pub fn create_whole(&self, items: Vec<Item>) -> Result<Vec<Outcome>, Error> {
        let create = |item| Write::PutItem(Box::new(item), Precondition::Absent);
        self.write_batch(items.into_iter().map(create).collect(), true)
    }

    fn write_batch(&self, writes: Vec<Write>, whole: bool) -> Result<Vec<Outcome>, Error> {
        let mut shapes = Shapes::default();
        let (snapshot, now) = (self.snapshot(), (self.clock)());
        let prepare = |write| writer::prepare(write, &mut shapes, &snapshot, &self.data_dir, now);
        let writes = writes.into_iter().map(prepare).collect();
        drop(snapshot);
        self.ask(|reply| Job::Write(Batch { writes, whole }, reply))
    }

    /// Changes after `since`, oldest first, as far as the scope may see.
    ///
    /// # Errors
    /// A `Gone` problem before the retained part.
    pub fn changes(&self, since: u64, limit: usize, scope: Scope) -> Result<Changes, Error> {
        self.snapshot().changes(since, limit, scope)
    }

    /// Counts and sizes.
    pub fn stats(&self) -> Stats {
        let snapshot = self.snapshot();
        let mut stats = Stats {
            sequence: snapshot.seq(),
            retained_from: Log::horizon(snapshot.log()),
            collections: snapshot.all_collections().len(),
            segments: snapshot.segments().len(),
            log_bytes: Log::bytes(snapshot.log()),
            ..Stats::default()
        };
        for table in snapshot.all_series().values() {
            stats.observations += table.rows();
            stats.series_files += table.files();
            stats.series_bytes += table.bytes();
        }
        stats.series = snapshot.all_series().len();
        for segment in snapshot.segments() {
            stats.items += u64::from(segment.live());
            stats.deleted += u64::from(segment.data().docs() - segment.live());
        }
        stats.index_bytes = index_bytes(&Layout::of(&self.data_dir).index());
        stats
    }

    /// Why the catalogue takes no writes, if it does not.
    pub fn read_only_reason(&self) -> Option<String> {
        self.shared.read_only.lock().clone()
    }

    /// Merges the files of observations, and drops dead records from the log; `/changes` before them is gone afterwards.
    ///
    /// # Errors
    /// When files cannot be written; the log stays whole.
    pub fn compact(&self) -> Result<(), Error> {
        self.ask(Job::Compact)
    }

    /// Merges the segments into one and waits.
    ///
    /// # Errors
    /// When the index fails.
    pub fn optimize(&self) -> Result<(), Error> {
        self.ask(Job::Optimize)
    }

    /// Verifies every checksum and the agreement of log and index, also beside a running writer; one line a finding.
    ///
    /// # Errors
    /// When the folder cannot be read at all.
    pub fn check(data_dir: &Path) -> Result<Vec<String>, Error> {
        check::run(&Layout::of(data_dir))
    }

    /// Throws the index away and builds it anew from the log. `progress` is told how many records were done since last.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub fn reindex(
        data_dir: &Path,
        options: CatalogOptions,
        clock: Clock,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let layout = Layout::of(data_dir);
        let _lock = lock(&layout)?;
        let index = layout.index();
        if index.exists() {
            std::fs::remove_dir_all(&index).map_err(Error::io("remove", &index))?;
        }
        layout.reset_version()?;
        Writer::open(layout, options, clock, progress)?.close()
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The writer's thread catches its own failures; a panic was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

fn index_bytes(dir: &Path) -> std::collections::BTreeMap<String, u64> {
    let mut bytes = std::collections::BTreeMap::new();
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let extension = path.extension().map_or_else(|| "other".into(), |e| e.to_string_lossy().into_owned());
        // A file may go while we look, when a merge ends.
        *bytes.entry(extension).or_default() += entry.metadata().map_or(0, |m| m.len());
    }
    bytes
}

/// Looks up what the collections of new snapshots hold before readers ask, with a fifth of one core at most.
fn prepare_snapshots(shared: &Shared, end: &Receiver<()>) {
    let mut rest = PREPARE_EVERY;
    while matches!(end.recv_timeout(rest), Err(std::sync::mpsc::RecvTimeoutError::Timeout)) {
        let snapshot = shared.snapshot.read().clone();
        let begin = std::time::Instant::now();
        snapshot.prepare();
        rest = PREPARE_EVERY.max(begin.elapsed() * PREPARE_REST);
    }
}

/// The writer's thread: takes jobs until the catalogue is dropped.
fn run(mut writer: Writer, jobs: &Receiver<Job>, shared: &Shared, group_items_max: usize) {
    let mut next = None;
    loop {
        let job = match next.take() {
            Some(job) => job,
            None => match jobs.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    let _ = note_failure(writer.rest(), shared);
                    *shared.snapshot.write() = writer.snapshot();
                    continue;
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            },
        };
        match job {
            Job::Write(batch, reply) => {
                next = write_group(&mut writer, (batch, reply), jobs, shared, group_items_max);
                let _ = note_failure(writer.checkpoint_if_due(), shared);
            }
            Job::Compact(reply) => {
                let result = writer.merge_series().and_then(|()| writer.compact());
                *shared.snapshot.write() = writer.snapshot();
                let _ = reply.send(note_failure(result, shared));
            }
            Job::Optimize(reply) => {
                let result = writer.optimize();
                *shared.snapshot.write() = writer.snapshot();
                let _ = reply.send(note_failure(result, shared));
            }
        }
    }
    if let Err(error) = writer.close() {
        tracing::warn!(error = %error, "the index was not closed cleanly; it is rebuilt from the log where needed");
    }
}

/// Collects what is waiting into one group, does it, and answers everybody. Gives back a job of another kind.
fn write_group(
    writer: &mut Writer,
    first: (Batch, Reply<Vec<Outcome>>),
    jobs: &Receiver<Job>,
    shared: &Shared,
    group_items_max: usize,
) -> Option<Job> {
    let (batch, reply) = first;
    let mut count = batch.writes.len();
    let (mut replies, mut batches) = (vec![(count, reply)], vec![batch]);
    let mut other = None;
    while count < group_items_max {
        match jobs.try_recv() {
            Ok(Job::Write(batch, reply)) => {
                count += batch.writes.len();
                replies.push((batch.writes.len(), reply));
                batches.push(batch);
            }
            Ok(job) => {
                other = Some(job);
                break;
            }
            Err(_) => break,
        }
    }
    if let Some(reason) = shared.read_only.lock().clone() {
        for (_, reply) in replies {
            let _ = reply.send(Err(Error::ReadOnly(reason.clone())));
        }
        return other;
    }
    let result = note_failure(writer.write(batches), shared);
    *shared.snapshot.write() = writer.snapshot();
    match result {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            for (count, reply) in replies {
                // A caller that went away is told nothing; its writes stand.
                let _ = reply.send(Ok(outcomes.by_ref().take(count).collect()));
            }
        }
        Err(error) => {
            for (_, reply) in replies {
                let _ = reply.send(Err(copy(&error)));
            }
        }
    }
    other
}

/// Errors hold what cannot be cloned; every waiting caller gets the same words.
fn copy(error: &Error) -> Error {
    match error {
        Error::ReadOnly(reason) => Error::ReadOnly(reason.clone()),
        other if other.is_storage_full() => other.problem().into(),
        Error::Problem(problem) => problem.clone().into(),
        other => {
            Problem::new(Kind::Unavailable, "write-failed", format!("nothing was written: {}", other.problem().detail))
                .into()
        }
    }
}

fn note_failure<T>(result: Result<T, Error>, shared: &Shared) -> Result<T, Error> {
    if let Err(error) = &result {
        tracing::error!(error = %error, "the catalogue could not be written");
        if let Error::ReadOnly(reason) = error {
            *shared.read_only.lock() = Some(reason.clone());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use nilometer_schemas::Collection;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn opened(dir: &Path) -> Arc<Catalog> {
        Catalog::open(dir, CatalogOptions::default(), Arc::new(|| Instant(0))).unwrap()
    }

    fn item(id: u8) -> Item {
        let value = json!({"type": "Feature", "id": id.to_string(), "collection": "c", "geometry": null,
            "properties": {"datetime": "2024-01-01T00:00:00Z"}});
        Item::from_value(&value, None).unwrap()
    }

    fn stored(catalog: &Catalog) -> BTreeSet<u8> {
        let snapshot = catalog.snapshot();
        (0..=u8::MAX).filter(|id| snapshot.find("c", &id.to_string()).is_some()).collect()
    }

    /// What came of a whole: its ids if it was done.
    fn done(ids: &[u8], outcomes: &[Outcome]) -> Option<BTreeSet<u8>> {
        assert_eq!(outcomes.len(), ids.len());
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Created(_))) {
            return Some(ids.iter().copied().collect());
        }
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Rejected(_) | Outcome::Withheld)), "{outcomes:?}");
        assert!(outcomes.iter().any(|o| matches!(o, Outcome::Rejected(_))), "{outcomes:?}");
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn of_wholes_written_at_once_each_is_done_or_not_and_none_shares_an_item(
            wholes in prop::collection::vec(prop::collection::vec(0u8..60, 1..8), 2..24),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let catalog = opened(dir.path());
            let collection = Box::new(Collection::from_value(json!({"id": "c"})).unwrap());
            catalog.write(vec![Write::PutCollection(collection, Precondition::None)]).unwrap();
            let mut kept = BTreeSet::new();
            std::thread::scope(|scope| {
                let write = |ids: &Vec<u8>| catalog.create_whole(ids.iter().copied().map(item).collect()).unwrap();
                let threads: Vec<_> = wholes.iter().map(|ids| (ids, scope.spawn(move || write(ids)))).collect();
                for (ids, thread) in threads {
                    for id in done(ids, &thread.join().unwrap()).into_iter().flatten() {
                        assert!(kept.insert(id), "{id} was created twice");
                    }
                }
            });
            prop_assert_eq!(&stored(&catalog), &kept);
            // Whoever was refused was refused for what is there, or for what stands twice.
            for ids in &wholes {
                let distinct: BTreeSet<u8> = ids.iter().copied().collect();
                prop_assert!(distinct.len() < ids.len() || !distinct.is_disjoint(&kept), "{:?}", ids);
            }
            drop(catalog);
            prop_assert_eq!(&stored(&opened(dir.path())), &kept);
        }
    }
}
