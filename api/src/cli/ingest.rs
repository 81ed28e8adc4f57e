//! `nilometer ingest`: from files to the catalogue, reading and writing at the same time, with a report.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nilometer_indexer::source::{Mapping, Record, Rejection, Sink, SourceOptions, read, size_bytes};
use nilometer_indexer::{Catalog, Error, Outcome as Written, Precondition, Write};
use nilometer_schemas::{CollectionId, Kind, Problem, Role, Scope};
use parking_lot::Mutex;
use serde_json::json;

use super::Outcome;
use super::out::say;
use crate::config::Config;

/// Records of one group commit: what an opening after `kill -9` may have to do again, within a second or two.
const BATCH_RECORDS: usize = 6_000;
/// Bytes of item texts in one group commit; large geometries fill a batch sooner.
const BATCH_BYTES: usize = 64 << 20;
/// Batches that wait for the writer: one being filled, one waiting, one being written.
const BATCHES_WAITING: usize = 1;
/// Rejections that are printed; `--report` keeps all.
const SHOWN_MAX: usize = 20;

/// Reads files and directories into the catalogue and reports what became of each record
#[derive(Args)]
#[command(after_help = "\
The source is recognised by its content: STAC items, item collections, collections, static catalogues (directory,
NDJSON, tar.gz), SWOT L2 HR RiverSP and LakeSP granules (zip), answers of Hydrocron, stations and levels of Hydroweb,
levels of G-REALM and DAHITI, USGS NWIS (RDB, JSON), Water Quality Portal results, HYDAT (SQLite), DINOloket exports,
station inventories and tables of values (CSV or Parquet with a mapping file). Collections are created as needed. The same content again changes nothing.
The server must be stopped; a running one takes items over HTTP.

Examples:
  nilometer ingest --data water catalogue/ more-items.ndjson
  nilometer ingest --data water --mapping stations.toml stations.csv
  nilometer ingest --data water --collection lakes items.geojson --report rejected.ndjson")]
pub(super) struct Arguments {
    /// Files and directories
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Mapping file (TOML) that says how a station inventory is read
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Collection of items that name none
    #[arg(long, value_name = "ID")]
    collection: Option<String>,
    /// What stands before a product's file name in its asset's address
    #[arg(long, value_name = "URL", default_value = "")]
    asset_base: String,
    /// Write all rejections to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Exit with code 1 if a single record was rejected
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: Arguments, config: &Config) -> Outcome {
    let mapping = arguments.mapping.as_deref().map(load_mapping).transpose()?;
    let collection = arguments.collection.as_deref().map(CollectionId::new).transpose()?;
    let mut sizes = Vec::with_capacity(arguments.paths.len());
    for path in &arguments.paths {
        sizes.push(size_bytes(path)?);
    }
    let mut ingest = Ingest::open(config, arguments.report.as_deref())?;
    ingest.expect_bytes(sizes.iter().sum());
    for path in &arguments.paths {
        let options = SourceOptions {
            collection: collection.clone(),
            existing_collections: ingest.existing_collections(),
            asset_base: arguments.asset_base.clone(),
            mapping: mapping.clone(),
        };
        ingest.source(&path.display().to_string(), |sink| read(path, &options, sink))?;
    }
    let report = ingest.finish()?;
    report.print();
    let failed = report.accepted() == 0 || (arguments.strict && report.rejected > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn load_mapping(path: &Path) -> Result<Mapping, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    Ok(Mapping::parse(&text)?)
}

/// What became of the items of one collection, or of the collections themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    created: u64,
    replaced: u64,
    unchanged: u64,
    rejected: u64,
}

/// What became of all records.
#[derive(Default)]
pub(super) struct Report {
    /// Items by collection.
    items: BTreeMap<String, Counts>,
    collections: Counts,
    /// Observations by collection.
    observations: BTreeMap<String, Counts>,
    /// Records that did not get in, whether the source or the catalogue refused them.
    pub(super) rejected: u64,
    shown: Vec<Rejection>,
    file: Option<BufWriter<File>>,
}

impl Report {
    fn new(path: Option<&Path>) -> Result<Self, Error> {
        let file = match path {
            Some(path) => Some(BufWriter::new(File::create(path).map_err(Error::io("create", path))?)),
            None => None,
        };
        Ok(Self { file, ..Self::default() })
    }

    /// Records that are in the catalogue now, whether new or not.
    pub(super) fn accepted(&self) -> u64 {
        self.items
            .values()
            .chain([&self.collections])
            .chain(self.observations.values())
            .map(|c| c.created + c.replaced + c.unchanged)
            .sum()
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejected += 1;
        if let Some(file) = &mut self.file {
            let Rejection { file: name, record, reason } = &rejection;
            let line = json!({"file": name, "record": record, "reason": reason});
            if let Err(error) = writeln!(file, "{line}") {
                tracing::warn!(%error, "a rejection was not written to the report");
            }
        }
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(rejection);
        }
    }

    fn written(&mut self, source: &str, subject: &Subject, outcome: Written) {
        let counts = match &subject {
            Subject::Item(collection, _) | Subject::ItemIfAbsent(collection, _) => {
                self.items.entry(collection.clone()).or_default()
            }
            Subject::Collection(_) => &mut self.collections,
            Subject::Observations(collection) => self.observations.entry(collection.clone()).or_default(),
        };
        match outcome {
            Written::Created(_) => counts.created += 1,
            Written::Replaced(_) => counts.replaced += 1,
            Written::Unchanged(_) => counts.unchanged += 1,
            // Sources delete nothing, and write nothing whole.
            Written::Deleted(_) | Written::Absent | Written::Withheld => {}
            // That there is one already is what it allows for.
            Written::Rejected(problem)
                if matches!(subject, Subject::ItemIfAbsent(..)) && problem.kind == Kind::Conflict =>
            {
                counts.unchanged += 1;
            }
            Written::Rejected(problem) => {
                counts.rejected += 1;
                let record = match subject {
                    Subject::Item(_, id) | Subject::ItemIfAbsent(_, id) => id.clone(),
                    Subject::Collection(id) => id.clone(),
                    Subject::Observations(collection) => format!("observations of {collection}"),
                };
                self.reject(Rejection { file: source.to_owned(), record, reason: problem.to_string() });
            }
            Written::Observed { added, replaced, unchanged } => {
                counts.created += added;
                counts.replaced += replaced;
                counts.unchanged += unchanged;
            }
        }
    }

    /// Collections that items came for, with the number of those that are in the catalogue now.
    pub(super) fn accepted_by_collection(&self) -> BTreeMap<&str, u64> {
        self.items.iter().map(|(id, c)| (id.as_str(), c.created + c.replaced + c.unchanged)).collect()
    }

    /// The report for people, on standard output.
    pub(super) fn print(&self) {
        let width =
            self.items.keys().chain(self.observations.keys()).map(|id| id.chars().count()).max().unwrap_or(0).max(13);
        let row = |name: &str, c: &Counts| {
            say!("{name:width$}  {:>9}  {:>9}  {:>9}  {:>9}", c.created, c.replaced, c.unchanged, c.rejected);
        };
        say!("{:width$}  {:>9}  {:>9}  {:>9}  {:>9}", "items of", "created", "replaced", "unchanged", "rejected");
        for (id, counts) in &self.items {
            row(id, counts);
        }
        row("(collections)", &self.collections);
        if !self.observations.is_empty() {
            say!("observations of");
            for (id, counts) in &self.observations {
                row(id, counts);
            }
        }
        say!("accepted {}, rejected {}", self.accepted(), self.rejected);
        for r in &self.shown {
            let record = if r.record.is_empty() { String::new() } else { format!(", {}", r.record) };
            say!("rejected: {}{record}: {}", r.file, r.reason);
        }
        let more = self.rejected - self.shown.len() as u64;
        if more > 0 {
            say!("{more} more rejections; --report FILE keeps all");
        }
    }
}

/// What a write was about, for the report.
enum Subject {
    /// A collection itself.
    Collection(String),
    /// An item, by collection and id.
    Item(String, String),
    /// An item that takes no other's place.
    ItemIfAbsent(String, String),
    /// Observations of a collection.
    Observations(String),
}

struct Batch {
    source: Arc<str>,
    subjects: Vec<Subject>,
    writes: Vec<Write>,
    bytes: usize,
}

/// An ingest under way: records go in through [`Sink`], a thread of its own writes them.
pub(super) struct Ingest {
    catalog: Arc<Catalog>,
    sender: SyncSender<Batch>,
    writer: JoinHandle<Result<(), Error>>,
    report: Arc<Mutex<Report>>,
    batch: Batch,
    /// Collections passed on in this run; they may still be on their way to the catalogue.
    collections: HashSet<String>,
    records: u64,
    bar: ProgressBar,
    plain: bool,
}

impl Ingest {
    /// Opens the catalogue for writing and starts the writer.
    pub(super) fn open(config: &Config, report: Option<&Path>) -> Result<Self, Error> {
        let catalog = super::maintain::open_for_writing(config)?;
        let report = Arc::new(Mutex::new(Report::new(report)?));
        let (sender, receiver) = sync_channel(BATCHES_WAITING);
        let (target, shared) = (Arc::clone(&catalog), Arc::clone(&report));
        let writer = std::thread::spawn(move || write_all(&target, &receiver, &shared));
        let plain = !std::io::stderr().is_terminal();
        let batch = Batch::new("");
        let (bar, collections) = (ProgressBar::hidden(), HashSet::new());
        Ok(Self { catalog, sender, writer, report, batch, collections, records: 0, bar, plain })
    }

    /// Shows progress on a terminal, towards this many bytes.
    pub(super) fn expect_bytes(&mut self, total: u64) {
        if self.plain {
            return;
        }
        let style = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(style).expect("a constant template");
        self.bar = ProgressBar::new(total).with_style(style);
    }

    /// Collections that are in the catalogue or on their way there.
    pub(super) fn existing_collections(&self) -> HashSet<String> {
        let snapshot = self.catalog.snapshot();
        let all = snapshot.collections(Scope::of(Role::Operator));
        let stored = all.into_iter().map(|c| c.collection.id.as_str().to_owned());
        stored.chain(self.collections.iter().cloned()).collect()
    }

    /// Reads one source. What cannot be read is reported and the next source goes on; an error means that the
    /// catalogue failed.
    pub(super) fn source<K: std::fmt::Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Sink) -> Result<K, Error>,
    ) -> Result<(), Error> {
        let base = name.rsplit('/').find(|part| !part.is_empty()).unwrap_or(name).to_owned();
        self.bar.set_message(base);
        self.batch.source = name.into();
        let records = self.records;
        match read(self) {
            Ok(kind) if self.plain => eprintln!("read {name}: {kind}: {} records", self.records - records),
            Ok(_) => {}
            Err(_) if self.writer.is_finished() => return Ok(()),
            Err(error) => {
                let reason = crate::problem::chain(&error);
                self.rejected(Rejection { file: name.to_owned(), record: String::new(), reason });
            }
        }
        self.send();
        Ok(())
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// Why the catalogue could not be written.
    pub(super) fn finish(mut self) -> Result<Report, Error> {
        self.send();
        drop(self.sender);
        let written = self.writer.join();
        self.bar.finish_and_clear();
        written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let mut report = std::mem::take(&mut *self.report.lock());
        if let Some(file) = &mut report.file {
            file.flush().map_err(Error::io("write", "the report"))?;
        }
        Ok(report)
    }

    /// Hands the batch to the writer; `false` if the writer has ended, whose error [`Ingest::finish`] gives.
    fn send(&mut self) -> bool {
        if self.batch.writes.is_empty() {
            return true;
        }
        let next = Batch::new(&self.batch.source);
        self.sender.send(std::mem::replace(&mut self.batch, next)).is_ok()
    }
}

impl Batch {
    fn new(source: &str) -> Self {
        Self { source: source.into(), subjects: Vec::new(), writes: Vec::new(), bytes: 0 }
    }
}

impl Sink for Ingest {
    fn record(&mut self, record: Record) -> Result<(), Error> {
        self.records += match &record {
            Record::Observations(o) => o.rows.num_rows() as u64,
            _ => 1,
        };
        let (subject, bytes, write) = match record {
            Record::Collection(c) => {
                let collection = c.id.as_str().to_owned();
                self.collections.insert(collection.clone());
                (Subject::Collection(collection), 0, Write::PutCollection(c, Precondition::None))
            }
            Record::Item(item) => {
                let (collection, id) = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
                let bytes = item.text.as_str().len();
                (Subject::Item(collection, id), bytes, Write::PutItem(item, Precondition::None))
            }
            Record::ItemIfAbsent(item) => {
                let (collection, id) = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
                let bytes = item.text.as_str().len();
                (Subject::ItemIfAbsent(collection, id), bytes, Write::PutItem(item, Precondition::Absent))
            }
            Record::Observations(o) => {
                let collection = o.collection.as_str().to_owned();
                let bytes = o.rows.get_array_memory_size();
                (Subject::Observations(collection), bytes, Write::PutObservations(o))
            }
        };
        self.batch.subjects.push(subject);
        self.batch.writes.push(write);
        self.batch.bytes += bytes;
        let full = self.batch.writes.len() >= BATCH_RECORDS || self.batch.bytes >= BATCH_BYTES;
        if full && !self.send() {
            return Err(Problem::new(Kind::Unavailable, "writer-ended", "the catalogue takes no more records").into());
        }
        Ok(())
    }

    fn rejected(&mut self, rejection: Rejection) {
        self.report.lock().reject(rejection);
    }

    fn progress(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

fn write_all(catalog: &Catalog, batches: &Receiver<Batch>, report: &Mutex<Report>) -> Result<(), Error> {
    for batch in batches {
        let outcomes = catalog.write(batch.writes)?;
        let mut report = report.lock();
        for (subject, outcome) in batch.subjects.iter().zip(outcomes) {
            report.written(&batch.source, subject, outcome);
        }
    }
    Ok(())
}
