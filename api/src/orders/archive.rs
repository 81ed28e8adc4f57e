//! The archive of an order: laid out from what was taken down, read from where the files lie.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nilometer_schemas::{Kind, Problem};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::code::FILE_UNAVAILABLE;
use super::contents::{Contents, Entry, Source};
use super::crcs::{self, Crcs};
use super::room::Share;
use super::spool;
use crate::files::{ByteStream, Facts, Files, Multihash, Readable, local_bytes, write_failure};
use crate::problem::ApiError;
use crate::routes::ask::hex;
use crate::state::App;
use crate::zip;

/// Name of the file that lists what an order holds.
pub(super) const CONTENTS_FILE: &str = "contents.json";
/// Name of the file with checksums of files that were read since, for whom they were not known before.
const LEARNED_FILE: &str = "learned";
/// Bytes of one of them: place, CRC-32 and a check of both.
const LEARNED_BYTES: usize = 16;
/// Hexadecimal digits of a hash in an entity tag.
const TAG_DIGITS: usize = 24;

/// Says to the order that one of its files is not to be had.
type Note = Box<dyn Fn(&str) + Send + Sync>;

/// Where files are read, and what is known of their checksums.
type Sources = (Arc<Files>, Arc<Crcs>);

/// See the module.
pub(crate) struct Archive {
    layout: Arc<zip::Layout>,
    facts: Facts,
    read: Arc<Reading>,
    collections: Vec<String>,
}

struct Reading {
    files: Arc<Files>,
    entries: Vec<Entry>,
    spool: Arc<File>,
    learned: Mutex<Learned>,
    crcs: Arc<Crcs>,
    note: Option<Note>,
}

#[derive(Default)]
struct Learned {
    crcs: std::collections::HashMap<usize, u32>,
    file: Option<File>,
}

impl Archive {
    /// An archive that lies nowhere else.
    pub(super) fn new(sources: Sources, contents: Contents, spool: File) -> Result<Self, ApiError> {
        let text = serde_json::to_vec(&contents).map_err(ApiError::internal)?;
        Ok(Self::of(sources, contents, spool, &hash(&text), None, Learned::default()))
    }

    fn of(
        (files, crcs): Sources,
        contents: Contents,
        spool: File,
        hash: &str,
        modified: Option<OffsetDateTime>,
        learned: Learned,
    ) -> Self {
        let layout = contents.layout();
        let etag = format!("\"{}\"", hash.get(..TAG_DIGITS).unwrap_or(hash));
        let facts = Facts { size: layout.length(), etag, modified, checksum: None };
        let Contents { collections, entries, .. } = contents;
        let spool = Arc::new(spool);
        let read = Reading { files, entries, spool, learned: Mutex::new(learned), crcs, note: None };
        Self { layout: Arc::new(layout), facts, read: Arc::new(read), collections }
    }

    /// Keeps what an order holds in its folder, durably; the SHA-256 of it. Its bytes are taken out of the share too.
    pub(super) fn keep(contents: &Contents, folder: &Path, share: Option<&Share>) -> Result<String, ApiError> {
        let text = serde_json::to_vec(contents).map_err(ApiError::internal)?;
        if let Some(share) = share {
            share.take(text.len() as u64)?;
        }
        let written = File::create(folder.join(CONTENTS_FILE)).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()?;
            // The names in the folder, and the folder's own and its parent's, must last as well.
            for folder in folder.ancestors().take(3) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        });
        written.map_err(|error| write_failure(&error))?;
        Ok(hash(&text))
    }

    /// Opens the archive of a folder; blocks.
    ///
    /// # Errors
    /// `Internal` where the folder is gone, or holds something else than `expected`.
    pub(super) fn open(sources: Sources, folder: &Path, expected: &str) -> Result<Self, ApiError> {
        let text = std::fs::read(folder.join(CONTENTS_FILE)).map_err(ApiError::internal)?;
        if hash(&text) != expected {
            return Err(ApiError::internal(format!("{} was changed", folder.display())));
        }
        let contents: Contents = serde_json::from_slice(&text).map_err(ApiError::internal)?;
        let spool = File::open(folder.join(spool::FILE)).map_err(ApiError::internal)?;
        let modified = spool.metadata().and_then(|m| m.modified()).ok().map(OffsetDateTime::from);
        let learned = Learned::open(&folder.join(LEARNED_FILE), contents.entries.len());
        Ok(Self::of(sources, contents, spool, expected, modified, learned))
    }

    /// The same archive, which tells its order of files that are not to be had.
    pub(super) fn noting(self, app: &App, id: &str) -> Self {
        let (accounts, id) = (app.accounts.clone(), id.to_owned());
        let note = move |path: &str| {
            let (accounts, id) = (accounts.clone(), id.clone());
            let message =
                format!("{FILE_UNAVAILABLE}: {path} is gone, or another file than was ordered; order it anew");
            tokio::spawn(async move {
                if let Err(error) = accounts.remark_order(&id, &message).await {
                    tracing::warn!(error = crate::problem::chain(&error), "an order was not told of a missing file");
                }
            });
        };
        // Nobody else has it yet.
        match Arc::try_unwrap(self.read) {
            Ok(read) => Self { read: Arc::new(Reading { note: Some(Box::new(note)), ..read }), ..self },
            Err(read) => Self { read, ..self },
        }
    }

    /// Ids of the collections that its files are of.
    pub(crate) fn collections(&self) -> &[String] {
        &self.collections
    }

    /// Looks whether the first file that a download from this byte on needs is still the one that was ordered.
    ///
    /// # Errors
    /// `Gone` where it is not, and what its store or server says.
    pub(crate) async fn check_first(&self, byte: u64) -> Result<(), ApiError> {
        let Some(index) = self.layout.first_data(byte..self.facts.size) else { return Ok(()) };
        let Err(error) = self.read.bytes(index, 0..0).await else { return Ok(()) };
        self.read.tell(index, &error);
        if error.problem().kind != Kind::NotFound && error.problem().code != "file-differs" {
            return Err(error);
        }
        let path = self.read.path(index);
        let detail = format!("{path} is gone, or another file than was ordered; order it anew");
        Err(Problem::new(Kind::Gone, "order-file-gone", detail).into())
    }

    /// What was taken down of its files.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.read.entries
    }
}

fn hash(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

impl Readable for Archive {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&self, range: Range<u64>) -> ByteStream {
        let contents: Arc<dyn zip::Contents> = self.read.clone();
        zip::stream(Arc::clone(&self.layout), contents, range)
    }

    fn read_whole(&self) -> ByteStream {
        self.read(0..self.facts.size)
    }
}

impl Learned {
    /// Reads what was learned earlier; what is torn or damaged is learned again.
    fn open(path: &Path, entries: usize) -> Self {
        let mut crcs = std::collections::HashMap::new();
        for record in std::fs::read(path).unwrap_or_default().chunks_exact(LEARNED_BYTES) {
            let (told, check) = record.split_at(LEARNED_BYTES - 4);
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            let index = usize::try_from(number(&told[..8])).ok().filter(|index| *index < entries);
            if let (Some(index), true) = (index, number(check) == u64::from(crc32fast::hash(told))) {
                crcs.insert(index, number(&told[8..]) as u32);
            }
        }
        let file = File::options().append(true).create(true).open(path);
        if let Err(error) = &file {
            tracing::warn!(%error, "checksums of an order's files are not kept");
        }
        Self { crcs, file: file.ok() }
    }

    fn add(&mut self, index: usize, crc: u32) {
        if self.crcs.insert(index, crc).is_some() {
            return;
        }
        let mut record = (index as u64).to_le_bytes().to_vec();
        record.extend_from_slice(&crc.to_le_bytes());
        record.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.write_all(&record)) {
            tracing::warn!(%error, "a checksum of an order's file was not kept");
        }
    }
}

impl Reading {
    async fn bytes(&self, index: usize, range: Range<u64>) -> Result<ByteStream, ApiError> {
        let entry = self.entries.get(index).ok_or_else(|| ApiError::internal("an archive has no such file"))?;
        match &entry.source {
            Source::Spool { offset } => {
                Ok(local_bytes(Arc::clone(&self.spool), offset + range.start..offset + range.end))
            }
            Source::Asset { href, etag, checksum } => {
                let checksum = checksum.as_deref().and_then(Multihash::parse);
                let file = self.files.open_href(href, Some(entry.size), checksum).await?;
                if file.facts.etag != *etag {
                    let detail = format!("{} is another file than was ordered", entry.path);
                    return Err(Problem::not_found("file-not-found", detail).into());
                }
                Ok(if range == (0..entry.size) { file.read_verified() } else { file.read(range) })
            }
        }
    }

    fn path(&self, index: usize) -> &str {
        self.entries.get(index).map(|entry| entry.path.as_str()).unwrap_or_default()
    }

    /// Tells the log, and the order, of a file that is not to be had.
    fn tell(&self, index: usize, error: &ApiError) {
        let path = self.path(index);
        tracing::warn!(problem = %error.problem(), cause = error.cause(), path, "a download broke off");
        if let Some(note) = &self.note {
            note(path);
        }
    }

    /// What tells the state of a file of elsewhere.
    fn state(&self, index: usize) -> Option<[u8; 16]> {
        let entry = self.entries.get(index)?;
        match &entry.source {
            Source::Asset { href, etag, .. } => crcs::key_of(href, etag, entry.size),
            Source::Spool { .. } => None,
        }
    }
}

impl zip::Contents for Reading {
    fn read(&self, index: usize, range: Range<u64>) -> BoxFuture<'_, io::Result<zip::ReadBytes>> {
        async move {
            match self.bytes(index, range).await {
                Ok(bytes) => Ok(bytes),
                Err(error) => {
                    self.tell(index, &error);
                    Err(io::Error::other("a file of the order is not to be had"))
                }
            }
        }
        .boxed()
    }

    fn crc(&self, index: usize) -> Option<u32> {
        let learned = self.learned.lock().crcs.get(&index).copied();
        learned.or_else(|| self.crcs.get(&self.state(index)?))
    }

    fn learned(&self, index: usize, crc: u32) {
        self.learned.lock().add(index, crc);
        if let Some(state) = self.state(index) {
            self.crcs.add(state, crc);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_outlive_the_process_and_torn_ones_are_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(LEARNED_FILE);
        let mut learned = Learned::open(&path, 10);
        learned.add(3, 7);
        learned.add(9, u32::MAX);
        drop(learned);
        let mut bytes = std::fs::read(&path).expect("a file");
        bytes.extend_from_slice(&[1; 5]);
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(Learned::open(&path, 10).crcs, [(3, 7), (9, u32::MAX)].into());
        assert_eq!(Learned::open(&path, 9).crcs, [(3, 7)].into(), "places beyond the archive are none");
        bytes[9] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(Learned::open(&path, 10).crcs, [(9, u32::MAX)].into());
    }
}
