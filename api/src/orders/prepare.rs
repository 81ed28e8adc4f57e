//! Preparing an order: its files are looked up, its series and conversions written, and all of it taken down.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use futures_util::future::join_all;
use nilometer_indexer::Snapshot;
use nilometer_schemas::{CollectionId, Kind, Problem, Scope};
use serde_json::{Value, json};

use super::archive::Archive;
use super::code::{self, Failure};
use super::contents::{Contents, Entry, Missing, Source};
use super::gather::{Asking, Candidate, Gathered, Wanted, gather};
use super::left_out;
use super::licence::{self, Accepted};
use super::request::{OutputFormat, Request};
use super::room::Share;
use super::spool::{Spool, Written};
use super::subset::Part;
use crate::accounts::{Order, Principal};
use crate::files::{File, Multihash, write_failure};
use crate::problem::ApiError;
use crate::routes::edr::{Cut, Format, file_of};
use crate::state::{App, run_blocking};

/// Files that are looked up at a time: on other servers each takes a while.
const LOOKED_UP_AT_ONCE: usize = 8;
/// Bytes of a zipped shapefile that is converted; its inflated size has a limit of its own.
const CONVERTED_BYTES_MAX: u64 = 1 << 30;
/// Names of missing files that a message tells.
const TOLD_MAX: usize = 3;

/// How far the work is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// In percent.
    pub(super) fn percent(&self) -> i64 {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        i64::try_from((done * 100).checked_div(total).unwrap_or(0)).unwrap_or(0)
    }

    fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// A prepared order.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) files: i64,
    pub(super) bytes: i64,
    pub(super) contents: String,
    pub(super) message: Option<String>,
}

/// What the parts of the work share.
struct Work {
    app: App,
    snapshot: Arc<Snapshot>,
    scope: Scope,
    parts: Vec<Part>,
    progress: Arc<Progress>,
    /// Where temporary files lie.
    folder: PathBuf,
    /// Whether what does not answer now is left out.
    is_last: bool,
}

/// Prepares an order in a folder of its own. `is_last` where no other attempt follows: files that do not answer are left out
/// then, and told.
///
/// # Errors
/// Why it cannot be prepared.
pub(super) async fn prepare(
    app: App,
    order: Order,
    folder: PathBuf,
    progress: Arc<Progress>,
    is_last: bool,
) -> Result<Prepared, Failure> {
    let request = Request::kept(&order.request).map_err(ApiError::from)?;
    let Some(principal) = app.accounts.orderer(&order).await.map_err(ApiError::from)? else {
        return Err(Failure::last(code::NOT_ALLOWED, "the account that ordered is closed"));
    };
    let (work, gathered) = Work::begin(&app, &request, &principal, progress, &folder, is_last).await?;
    let needed =
        licence::needed(&app.accounts, principal.id, &work.snapshot, &work.scope, &gathered.collections).await?;
    if let Some(terms) = needed.first() {
        let page = format!("{}{}", request.base, terms.path());
        let text = format!("accept the terms of {:?} at {page} and order again", terms.collection);
        return Err(Failure::last(code::LICENCE_NOT_ACCEPTED, text));
    }
    let left_out = left_out::told(&gathered.left_out, &request.base);
    if gathered.candidates.is_empty() {
        let mut text = match gathered.elsewhere {
            0 => "the selections match nothing that has files".to_owned(),
            count => {
                let files = counted(count);
                format!("the selections match {files} on other servers, at the addresses that their items name")
            }
        };
        if let Some(left_out) = left_out {
            text.push_str(&format!("; {left_out}"));
        }
        return Err(Failure::last(code::EMPTY_SELECTION, text));
    }
    let bytes_max = app.config.orders.spool_bytes;
    let spool = {
        let folder = folder.clone();
        let share = app.orders.room.share(&order.id, order.fence, order.user);
        run_blocking(move || Spool::create(&folder, bytes_max, share)).await?
    };
    let told = json!({"order": order.id, "name": order.name, "ordered": order.created.to_string(), "request": request.selections, "left_out": left_out_json(&gathered, &request), "elsewhere": gathered.elsewhere});
    let elsewhere = gathered.elsewhere;
    let (contents, spool, share) = work.fill(gathered, spool, &told).await?;
    let files = contents.entries.iter().filter(|entry| entry.origin.is_some()).count();
    if files == 0 {
        let reason = contents.missing.first().map(|missing| missing.reason.as_str()).unwrap_or_default();
        return Err(Failure::last(code::FILE_UNAVAILABLE, format!("none of the files is to be had: {reason}")));
    }
    let message = remark(&contents.missing, elsewhere, left_out);
    let bytes = contents.layout().length();
    let hash = run_blocking(move || {
        drop(spool);
        Archive::keep(&contents, &folder, share.as_ref())
    })
    .await?;
    Ok(Prepared {
        files: i64::try_from(files).unwrap_or(i64::MAX),
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        contents: hash,
        message,
    })
}

/// The archive of a small selection, which is kept nowhere.
///
/// # Errors
/// `NotFound` where nothing that matches has files; `TooLarge` above the limits of small selections; those of a download.
pub(crate) async fn small(app: &App, principal: &Principal, request: &Request) -> Result<Archive, ApiError> {
    let limits = &app.config.orders;
    let folder = app.config.data.join("cache");
    let progress = Arc::new(Progress::default());
    let begun = Work::begin_within(app, request, principal, progress, &folder, true, limits.zip_files_max).await;
    let (work, gathered) = begun?;
    let needed =
        licence::needed(&app.accounts, principal.id, &work.snapshot, &work.scope, &gathered.collections).await?;
    if let Some(terms) = needed.first() {
        return Err(licence::not_accepted(terms).into());
    }
    if gathered.candidates.is_empty() {
        let mut detail = "nothing that matches has files here".to_owned();
        if let Some(left_out) = left_out::told(&gathered.left_out, &request.base) {
            detail.push_str(&format!("; {left_out}"));
        }
        return Err(Problem::not_found("order-empty", detail).into());
    }
    let bytes_max = limits.zip_bytes_max;
    let file = run_blocking(move || {
        std::fs::create_dir_all(&folder).map_err(|error| write_failure(&error))?;
        tempfile::tempfile_in(&folder).map_err(|error| write_failure(&error))
    });
    let spool = Spool::of(file.await?, bytes_max);
    let told = json!({"request": request.selections, "left_out": left_out_json(&gathered, request), "elsewhere": gathered.elsewhere});
    let (contents, spool, _) = work.fill(gathered, spool, &told).await?;
    let bytes = contents.layout().length();
    if bytes > bytes_max {
        let detail = format!("the files have {bytes} bytes, the limit without an order is {bytes_max}; order them");
        return Err(Problem::new(Kind::TooLarge, "order-size", detail).into());
    }
    Archive::new((Arc::clone(&app.files), Arc::clone(&app.orders.crcs)), contents, spool)
}

fn left_out_json(gathered: &Gathered, request: &Request) -> Vec<Value> {
    gathered.left_out.iter().map(|left| left.to_json(&request.base)).collect()
}

/// What a message tells of files that are not there, and of what was left out.
fn remark(missing: &[Missing], elsewhere: u64, left_out: Option<String>) -> Option<String> {
    let mut all = Vec::new();
    if !missing.is_empty() {
        let mut names: Vec<&str> = missing.iter().map(|missing| missing.origin.item.as_str()).collect();
        names.dedup();
        let more = if names.len() > TOLD_MAX { ", …" } else { "" };
        names.truncate(TOLD_MAX);
        all.push(format!("not to be had: {} ({}{more})", counted(missing.len() as u64), names.join(", ")));
    }
    if elsewhere > 0 {
        all.push(format!("on other servers, at the addresses that their items name: {}", counted(elsewhere)));
    }
    all.extend(left_out);
    (!all.is_empty()).then(|| format!("INCOMPLETE: {}; manifest.json tells more", all.join("; ")))
}

fn counted(files: u64) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

impl Work {
    async fn begin(
        app: &App,
        request: &Request,
        principal: &Principal,
        progress: Arc<Progress>,
        folder: &Path,
        is_last: bool,
    ) -> Result<(Self, Gathered), Failure> {
        let files_max = app.config.orders.files_max;
        Ok(Self::begin_within(app, request, principal, progress, folder, is_last, files_max).await?)
    }

    /// Finds the files of the selections, all in one snapshot.
    async fn begin_within(
        app: &App,
        request: &Request,
        principal: &Principal,
        progress: Arc<Progress>,
        folder: &Path,
        is_last: bool,
        files_max: usize,
    ) -> Result<(Self, Gathered), ApiError> {
        let mut parts = Vec::with_capacity(request.selections.len());
        for selection in &request.selections {
            parts.push(selection.subset.as_ref().map(|subset| subset.read()).transpose()?.unwrap_or_default());
        }
        let work = Self {
            app: Arc::clone(app),
            snapshot: app.view(principal).await?,
            scope: principal.scope(),
            parts,
            progress,
            folder: folder.to_owned(),
            is_last,
        };
        let (files, snapshot, scope) = (Arc::clone(&app.files), Arc::clone(&work.snapshot), work.scope);
        let request = request.clone();
        let accepted = Accepted::of(&app.accounts, principal.id).await?;
        let gathered = run_blocking(move || {
            let (files, snapshot, request, accepted) = (&*files, &snapshot, &request, &accepted);
            gather(&Asking { files, snapshot, request, scope, accepted, files_max })
        })
        .await?;
        Ok((work, gathered))
    }

    /// Looks all files up and writes what is written.
    async fn fill(
        &self,
        gathered: Gathered,
        mut spool: Spool,
        told: &Value,
    ) -> Result<(Contents, std::fs::File, Option<Share>), ApiError> {
        let Gathered { candidates, collections, folders, .. } = gathered;
        self.progress.total.store(candidates.len() as u64, Ordering::Relaxed);
        let mut contents = Contents { collections, ..Contents::default() };
        let mut bytes: u64 = 0;
        let bytes_max = self.app.config.orders.bytes_max;
        for some in candidates.chunks(LOOKED_UP_AT_ONCE) {
            let mut waiting = Vec::with_capacity(some.len());
            for candidate in some {
                waiting.push(self.look_up(candidate));
            }
            let found = join_all(waiting).await;
            for (candidate, found) in some.iter().zip(found) {
                let outcome = match found {
                    Ok(file) => self.entry(candidate, file, spool).await,
                    Err(error) => Err((error, Some(spool))),
                };
                match outcome {
                    Ok((entry, back)) => {
                        spool = back;
                        bytes = bytes.saturating_add(entry.size);
                        if bytes > bytes_max {
                            let detail = format!("the files have more than {bytes_max} bytes, the most of one order");
                            return Err(Problem::new(Kind::TooLarge, "order-size", detail).into());
                        }
                        contents.entries.push(entry);
                    }
                    Err((error, Some(back))) if self.is_missing(&error) => {
                        spool = back;
                        let (origin, reason) = (candidate.origin.clone(), error.problem().detail.clone());
                        contents.missing.push(Missing { origin, reason });
                    }
                    Err((error, _)) => return Err(error),
                }
                self.progress.step();
            }
        }
        for folder in &folders {
            let told = folder.documents(&self.snapshot, &self.scope, told, &contents.entries, &contents.missing);
            for (path, text) in told {
                let written = spool.piece(text.as_bytes())?;
                contents.entries.push(piece(path, written, None));
            }
        }
        let (file, share) = run_blocking(move || spool.finish()).await?;
        Ok((contents, file, share))
    }

    /// Whether a file is left out that fails like this, and not the whole order.
    fn is_missing(&self, error: &ApiError) -> bool {
        match error.problem().kind {
            Kind::NotFound | Kind::Invalid => true,
            Kind::TooLarge => error.problem().code != "order-size",
            Kind::Unavailable | Kind::Timeout => self.is_last || error.problem().code == "file-differs",
            _ => false,
        }
    }

    /// The file of a candidate that has one already.
    async fn look_up(&self, candidate: &Candidate) -> Result<Option<File>, ApiError> {
        if matches!(candidate.wanted, Wanted::Series(_)) {
            return Ok(None);
        }
        let checksum = candidate.checksum.as_deref().and_then(Multihash::parse);
        self.app.files.open_href(&candidate.href, candidate.size, checksum).await.map(Some)
    }

    /// The entry of a candidate. The spool comes back with it, and with what is the candidate's own fault.
    async fn entry(
        &self,
        candidate: &Candidate,
        file: Option<File>,
        spool: Spool,
    ) -> Result<(Entry, Spool), (ApiError, Option<Spool>)> {
        match (&candidate.wanted, file) {
            (Wanted::Original, Some(file)) => {
                let entry = Entry {
                    path: candidate.path.clone(),
                    size: file.facts.size,
                    crc: None,
                    modified: file.facts.modified.map(|at| at.unix_timestamp()),
                    source: Source::Asset {
                        href: candidate.href.clone(),
                        etag: file.facts.etag,
                        checksum: candidate.checksum.clone(),
                    },
                    origin: Some(candidate.origin.clone()),
                };
                Ok((entry, spool))
            }
            (Wanted::Converted(format), Some(file)) => {
                let temporary = match self.fetched(&file).await {
                    Ok(temporary) => temporary,
                    Err(error) => return Err((error, Some(spool))),
                };
                let modified = file.facts.modified.map(|at| at.unix_timestamp());
                let (written, spool) = self.converted(candidate, *format, temporary, spool).await?;
                Ok((
                    Entry { origin: Some(candidate.origin.clone()), ..piece(&candidate.path, written, modified) },
                    spool,
                ))
            }
            (Wanted::Series(format), _) => {
                let (written, spool) = self.series(candidate, *format, spool).await?;
                Ok((Entry { origin: Some(candidate.origin.clone()), ..piece(&candidate.path, written, None) }, spool))
            }
            (_, None) => Err((ApiError::internal("a file was not looked up"), None)),
        }
    }

    /// A file in a temporary place of this machine.
    async fn fetched(&self, file: &File) -> Result<tempfile::NamedTempFile, ApiError> {
        if file.facts.size > CONVERTED_BYTES_MAX {
            let detail = format!("a zipped shapefile that is converted has at most {CONVERTED_BYTES_MAX} bytes");
            return Err(Problem::new(Kind::TooLarge, "order-files", detail).into());
        }
        let folder = self.folder.clone();
        let made = move || tempfile::NamedTempFile::new_in(&folder).map_err(|error| write_failure(&error));
        let mut temporary = run_blocking(made).await?;
        let mut bytes = file.read_verified();
        while let Some(piece) = bytes.next().await {
            let broken =
                |_| Problem::new(Kind::Unavailable, "remote-unavailable", "a file broke off while it was read");
            let piece = piece.map_err(broken)?;
            temporary = run_blocking(move || {
                std::io::Write::write_all(&mut temporary, &piece).map_err(|error| write_failure(&error))?;
                Ok(temporary)
            })
            .await?;
        }
        Ok(temporary)
    }

    async fn converted(
        &self,
        candidate: &Candidate,
        format: OutputFormat,
        temporary: tempfile::NamedTempFile,
        mut spool: Spool,
    ) -> Result<(Written, Spool), (ApiError, Option<Spool>)> {
        let part = self.parts.get(candidate.selection).cloned().unwrap_or_default();
        let outcome = run_blocking(move || {
            spool.begin();
            let outcome = super::convert::convert(temporary.path(), format, &part, &mut spool);
            Ok((outcome, spool.end(), spool))
        });
        let (outcome, written, spool) = outcome.await.map_err(|error| (error, None))?;
        match (outcome, spool.refused().cloned()) {
            (Ok(()), _) => Ok((written, spool)),
            // What a writer in between made of it is not what it is.
            (Err(_), Some(problem)) => Err((problem.into(), None)),
            (Err(error), None) => Err((error, Some(spool))),
        }
    }

    async fn series(
        &self,
        candidate: &Candidate,
        format: Format,
        mut spool: Spool,
    ) -> Result<(Written, Spool), (ApiError, Option<Spool>)> {
        let part = self.parts.get(candidate.selection).cloned().unwrap_or_default();
        let cut = Cut { period: part.period, parameters: part.parameters };
        let origin = &candidate.origin;
        let pieces = CollectionId::new(origin.collection.clone())
            .map_err(ApiError::from)
            .and_then(|id| file_of(&self.snapshot, &id, &origin.item, format, self.scope, cut));
        let mut pieces = match pieces {
            Ok(pieces) => pieces,
            Err(error) => return Err((error, Some(spool))),
        };
        spool.begin();
        let mut is_empty = true;
        loop {
            match pieces.next().await {
                Ok(None) => break,
                Ok(Some(piece)) => {
                    is_empty = false;
                    let added = run_blocking(move || {
                        spool.add(&piece)?;
                        Ok(spool)
                    });
                    spool = added.await.map_err(|error| (error, None))?;
                }
                Err(error) => return Err((error, None)),
            }
        }
        if is_empty {
            let detail = "there are no observations of this period and these parameters";
            return Err((Problem::not_found("order-empty", detail).into(), Some(spool)));
        }
        Ok((spool.end(), spool))
    }
}

fn piece(path: &str, written: Written, modified: Option<i64>) -> Entry {
    Entry {
        path: path.to_owned(),
        size: written.size,
        crc: Some(written.crc),
        modified,
        source: Source::Spool { offset: written.offset },
        origin: None,
    }
}
