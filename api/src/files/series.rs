//! The series of a feature as files, written when they are asked for.
//!
//! A file is written to the end before its first byte is sent, into a nameless file of the data directory: only so its
//! length, checksum and entity tag are known, and any range of it can be sent. The same observations give the same bytes,
//! so the tag, a hash of them, changes with them alone.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::Scope;
use tokio::sync::Semaphore;

use super::checksum::{Algorithm, Multihash};
use super::directory::write_failure;
use super::file::{Facts, File, Place, tag_of};
use super::no_file;
use crate::problem::ApiError;
use crate::routes::edr::{Cut, Format, file_of};
use crate::state::run_blocking;

/// Folder in the data directory; safe to delete while nothing runs.
const FOLDER: &str = "cache";
/// Files that are written at a time; more wait.
const WRITTEN_AT_ONCE: usize = 4;
/// How long a file is kept after it was asked for last.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Bytes that a kept file counts at least, so that small ones do not take all file handles.
const BYTES_MIN: u64 = 1 << 18;

/// What tells one written file from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Written {
    collection: String,
    /// Sequence number of the collection's record, which says what the columns mean.
    record: u64,
    /// Version of the observations.
    version: u64,
    /// The parameters that are seen of the collection: others see other columns.
    parameters: Vec<String>,
    feature: String,
    format: &'static str,
}

/// A file that was written.
#[derive(Clone)]
struct Kept {
    file: Arc<std::fs::File>,
    size: u64,
    hash: Multihash,
}

/// Writes series as files and keeps some of them. Kept files have no names: they go when they are dropped.
pub(super) struct SeriesFiles {
    folder: PathBuf,
    kept: Cache<Written, Kept>,
    room: Semaphore,
}

impl SeriesFiles {
    /// Keeps at most so many bytes in a data directory.
    pub(super) fn new(data: &Path, bytes_max: u64) -> Self {
        let weight = |_: &Written, kept: &Kept| u32::try_from(kept.size.max(BYTES_MIN) >> 10).unwrap_or(u32::MAX);
        let kept = Cache::builder().max_capacity(bytes_max >> 10).weigher(weight).time_to_idle(KEPT_FOR).build();
        Self { folder: data.join(FOLDER), kept, room: Semaphore::new(WRITTEN_AT_ONCE) }
    }

    /// The series of a feature in a format.
    ///
    /// # Errors
    /// `NotFound` if it has no observations that the scope sees; `StorageFull` where there is no room to write it.
    pub(super) async fn open_file(
        &self,
        snapshot: &Arc<Snapshot>,
        item: &StoredItem,
        format: Format,
        scope: Scope,
    ) -> Result<File, ApiError> {
        let id = item.collection.as_str();
        let (Some(table), Some(record)) = (snapshot.series(id, scope), snapshot.collection(id, scope)) else {
            return Err(no_file().into());
        };
        let written = Written {
            collection: id.to_owned(),
            record: record.seq,
            version: table.version(),
            parameters: table.parameters().map(|(name, _)| name.to_owned()).collect(),
            feature: item.id.as_str().to_owned(),
            format: format.label(),
        };
        let kept = match self.kept.get(&written) {
            Some(kept) => kept,
            None => {
                let _room = self.room.acquire().await.map_err(ApiError::internal)?;
                let kept = self.write(snapshot, item, format, scope).await?;
                self.kept.insert(written, kept.clone());
                kept
            }
        };
        let facts = Facts {
            size: kept.size,
            etag: tag_of(&[&kept.hash.digest], false),
            modified: None,
            checksum: Some(kept.hash),
        };
        Ok(File { facts, place: Place::Local(kept.file) })
    }

    async fn write(
        &self,
        snapshot: &Arc<Snapshot>,
        item: &StoredItem,
        format: Format,
        scope: Scope,
    ) -> Result<Kept, ApiError> {
        let mut pieces = file_of(snapshot, &item.collection, item.id.as_str(), format, scope, Cut::default())?;
        let Some(mut piece) = pieces.next().await? else { return Err(no_file().into()) };
        let folder = self.folder.clone();
        let created = move || {
            std::fs::create_dir_all(&folder).map_err(|e| write_failure(&e))?;
            tempfile::tempfile_in(&folder).map(BufWriter::new).map_err(|e| write_failure(&e))
        };
        let mut file = run_blocking(created).await?;
        let (mut hasher, mut size) = (Algorithm::Sha256.hasher(), 0);
        loop {
            size += piece.len() as u64;
            (file, hasher) = run_blocking(move || {
                hasher.update(&piece);
                file.write_all(&piece).map_err(|e| write_failure(&e))?;
                Ok((file, hasher))
            })
            .await?;
            match pieces.next().await? {
                Some(next) => piece = next,
                None => break,
            }
        }
        let file = run_blocking(move || file.into_inner().map_err(|e| write_failure(e.error()))).await?;
        Ok(Kept { file: Arc::new(file), size, hash: hasher.finish() })
    }
}
