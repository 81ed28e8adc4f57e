//! The log: append-only, checksummed, fsynced once a group. It is the durability of every write, the source of
//! `/changes`, and the store of the items' texts: the index refers to a record by its sequence number.
//!
//! `log/` holds files named by the first sequence number they may hold. A file is a 32-byte header and records:
//!
//! ```text
//! header  magic "NILOLOG1" | u64 first sequence | u64 horizon | u32 crc of those | u32 0
//! record  u32 length of payload | u32 crc of payload | payload
//! payload u64 sequence | i64 time (µs) | u8 kind | u8 version | u8 flags | u8 0 | u16 collection length | u16 id length
//!         | u32 end of properties in the body | [u8; 16] content hash | collection | id | body
//! ```
//!
//! A body is stored as it is or, where that is smaller, as its length (u32) and its zstd frame; a flag tells which.
//! All numbers are little-endian. A sealed file has an `.idx` beside it (sequence and offset of each record), which is
//! derived and rebuilt when absent. `horizon` is the last sequence up to which dead records were dropped.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nilometer_schemas::{Instant, Kind, Problem};
use parking_lot::RwLock;
use zstd::bulk::{Compressor, Decompressor};

use crate::Error;

const MAGIC: &[u8; 8] = b"NILOLOG1";
const HEADER_BYTES: usize = 32;
const PREFIX_BYTES: usize = 8;
const FIXED_BYTES: usize = 44;
/// Where the flags stand in a payload.
const FLAGS_AT: usize = 18;
const RECORD_VERSION: u8 = 1;
/// A record's body is at most a request's; anything larger is damage.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// How far the next sequence number can lie ahead when records are looked for behind a bad byte.
const SEQ_JUMP_MAX: u64 = 1 << 24;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    PutCollection = 1,
    PutItem = 2,
    DeleteItem = 3,
    DeleteCollection = 4,
    /// Observations of a collection: the version of its table that holds them.
    PutObservations = 5,
}

impl RecordKind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::PutCollection,
            2 => Self::PutItem,
            3 => Self::DeleteItem,
            4 => Self::DeleteCollection,
            5 => Self::PutObservations,
            _ => return None,
        })
    }
}

/// The record's collection was hidden when it was written; decides who may read it once the collection is gone.
pub(crate) const FLAG_HIDDEN: u8 = 1;
/// The record hides a collection that was public until then.
pub(crate) const FLAG_WITHDRAWN: u8 = 2;

/// The record is there together with the one after it, or not at all.
pub(crate) const FLAG_CONTINUED: u8 = 4;

/// The newest of some records of which everybody may know.
pub(crate) fn newest_public(records: &[LogRecord]) -> Option<u64> {
    let public = |r: &&LogRecord| r.flags & FLAG_HIDDEN == 0 || r.flags & FLAG_WITHDRAWN != 0;
    records.iter().rfind(public).map(|r| r.seq)
}

/// The stored body is compressed. A matter of the file alone: no record that was read carries it.
const FLAG_PACKED: u8 = 0x80;
/// Bodies below this are stored as they are.
const PACK_BYTES_MIN: usize = 256;
/// Level at which a body of a kilobyte takes some microseconds.
const PACK_LEVEL: i32 = 1;

thread_local! {
    /// Contexts are large; each thread keeps one of each.
    static PACKER: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(PACK_LEVEL).ok());
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
}

/// The packed form of a body, if it is worth it.
fn pack(body: &str) -> Option<Vec<u8>> {
    if body.len() < PACK_BYTES_MIN {
        return None;
    }
    let frame = PACKER.with_borrow_mut(|packer| packer.as_mut()?.compress(body.as_bytes()).ok())?;
    let mut packed = (body.len() as u32).to_le_bytes().to_vec();
    packed.extend_from_slice(&frame);
    (packed.len() < body.len()).then_some(packed)
}

/// Inverse of [`pack`]; never makes more than the stored length says, nor more than a record may hold.
fn unpack(packed: &[u8]) -> Option<String> {
    let len = u32_at(packed, 0)? as usize;
    if len > PAYLOAD_BYTES_MAX {
        return None;
    }
    let body = UNPACKER.with_borrow_mut(|unpacker| unpacker.as_mut()?.decompress(&packed[4..], len).ok())?;
    String::from_utf8(body).ok()
}

/// One record, as written and read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogRecord {
    pub(crate) seq: u64,
    pub(crate) time: Instant,
    pub(crate) kind: RecordKind,
    pub(crate) flags: u8,
    pub(crate) collection: String,
    /// Empty for collections.
    pub(crate) id: String,
    /// Byte offset of the brace that closes `properties` in an item's body.
    pub(crate) properties_end: u32,
    /// Hash of the content, by which an unchanged write is known.
    pub(crate) hash: [u8; 16],
    pub(crate) body: String,
}

impl LogRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        let packed = pack(&self.body);
        let flags = self.flags | if packed.is_some() { FLAG_PACKED } else { 0 };
        let begin = out.len();
        out.extend_from_slice(&[0; PREFIX_BYTES]);
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&[self.kind as u8, RECORD_VERSION, flags, 0]);
        out.extend_from_slice(&(self.collection.len() as u16).to_le_bytes());
        out.extend_from_slice(&(self.id.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.properties_end.to_le_bytes());
        out.extend_from_slice(&self.hash);
        out.extend_from_slice(self.collection.as_bytes());
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(packed.as_deref().unwrap_or(self.body.as_bytes()));
        let payload = &out[begin + PREFIX_BYTES..];
        let (len, crc) = (payload.len() as u32, crc32fast::hash(payload));
        out[begin..begin + 4].copy_from_slice(&len.to_le_bytes());
        out[begin + 4..begin + 8].copy_from_slice(&crc.to_le_bytes());
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let fixed = payload.get(..FIXED_BYTES)?;
        let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]) as usize;
        let (collection_len, id_len) = (u16_at(20), u16_at(22));
        if fixed[17] != RECORD_VERSION {
            return None;
        }
        let text = |range: std::ops::Range<usize>| Some(std::str::from_utf8(payload.get(range)?).ok()?.to_owned());
        let id_at = FIXED_BYTES + collection_len;
        Some(Self {
            seq: u64_at(fixed, 0)?,
            time: Instant(u64_at(fixed, 8)? as i64),
            kind: RecordKind::from_byte(fixed[16])?,
            flags: fixed[FLAGS_AT] & !FLAG_PACKED,
            collection: text(FIXED_BYTES..id_at)?,
            id: text(id_at..id_at + id_len)?,
            properties_end: u32_at(fixed, 24)?,
            hash: fixed[28..44].try_into().ok()?,
            body: if fixed[FLAGS_AT] & FLAG_PACKED != 0 {
                unpack(payload.get(id_at + id_len..)?)?
            } else {
                text(id_at + id_len..payload.len())?
            },
        })
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn header(first_seq: u64, horizon: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&first_seq.to_le_bytes());
    bytes[16..24].copy_from_slice(&horizon.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Makes a rename or a new file in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(Error::io("sync the folder", dir))
}

/// One file of the log, open for reading.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    first_seq: u64,
    horizon: u64,
    index: RwLock<FileIndex>,
}

#[derive(Debug, Default)]
struct FileIndex {
    /// Sequence number and offset of each record, ascending.
    entries: Vec<(u64, u32)>,
    /// Bytes of the file that hold whole records.
    len: u64,
}

/// How a scan of a file ended.
struct Scan {
    entries: Vec<(u64, u32)>,
    /// End of the last whole record.
    len: u64,
    /// Bytes after it.
    rest: u64,
    /// Whether a whole, valid record stands somewhere after the first bad byte: damage, not a torn tail.
    valid_after: bool,
}

impl LogFile {
    fn damaged(path: &Path, detail: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_owned(), detail: detail.into() }
    }

    fn read_header(file: &File, path: &Path) -> Result<(u64, u64), Error> {
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(|_| Self::damaged(path, "the header is cut off"))?;
        let (first, horizon) = (u64_at(&bytes, 8).unwrap_or(0), u64_at(&bytes, 16).unwrap_or(0));
        if bytes != header(first, horizon) {
            return Err(Self::damaged(path, "the header's checksum is wrong"));
        }
        Ok((first, horizon))
    }

    fn open(path: &Path, sealed: bool) -> Result<(Self, Option<Scan>), Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let (first_seq, horizon) = Self::read_header(&file, path)?;
        let len = file.metadata().map_err(Error::io("measure", path))?.len();
        if sealed && let Some(entries) = read_idx(&path.with_extension("idx"), len) {
            let index = RwLock::new(FileIndex { entries, len });
            return Ok((Self { path: path.to_owned(), file, first_seq, horizon, index }, None));
        }
        let scan = scan(&file, path)?;
        let index = RwLock::new(FileIndex { entries: scan.entries.clone(), len: scan.len });
        Ok((Self { path: path.to_owned(), file, first_seq, horizon, index }, Some(scan)))
    }

    /// Reads the record with this sequence number; `None` if the file does not hold it.
    fn read(&self, seq: u64) -> Result<Option<LogRecord>, Error> {
        let (offset, end) = {
            let index = self.index.read();
            let Ok(at) = index.entries.binary_search_by_key(&seq, |e| e.0) else { return Ok(None) };
            let end = index.entries.get(at + 1).map_or(index.len, |e| u64::from(e.1));
            (u64::from(index.entries[at].1), end)
        };
        let mut bytes = vec![0; (end - offset) as usize];
        self.file.read_exact_at(&mut bytes, offset).map_err(Error::io("read", &self.path))?;
        let payload = bytes.get(PREFIX_BYTES..).unwrap_or_default();
        if u32_at(&bytes, 4) != Some(crc32fast::hash(payload)) {
            return Err(Self::damaged(&self.path, format!("the checksum of record {seq} is wrong")));
        }
        let record = LogRecord::decode(payload).filter(|r| r.seq == seq);
        record.map(Some).ok_or_else(|| Self::damaged(&self.path, format!("record {seq} cannot be read")))
    }

    /// Leaves out records at the end that continue in one that did not reach the disk: what is done whole was not done,
    /// and nobody was told that it was.
    fn leave_unfinished(&self, scan: &mut Scan, acknowledged: u64) -> Result<(), Error> {
        let mut flags = [0];
        while let Some((_, offset)) = scan.entries.last().copied().filter(|(seq, _)| *seq > acknowledged) {
            let at = u64::from(offset) + (PREFIX_BYTES + FLAGS_AT) as u64;
            self.file.read_exact_at(&mut flags, at).map_err(Error::io("read", &self.path))?;
            if flags[0] & FLAG_CONTINUED == 0 {
                break;
            }
            scan.entries.pop();
            scan.rest += scan.len - u64::from(offset);
            scan.len = u64::from(offset);
        }
        *self.index.write() = FileIndex { entries: scan.entries.clone(), len: scan.len };
        Ok(())
    }

    fn seqs_after(&self, since: u64) -> Vec<u64> {
        let index = self.index.read();
        let from = index.entries.partition_point(|e| e.0 <= since);
        index.entries[from..].iter().map(|e| e.0).collect()
    }
}

/// Sequence number and end of the record that begins at `at`, if a whole one does: its checksum vouches for the rest.
fn record_at(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let len = u32_at(bytes, at)? as usize;
    if !(FIXED_BYTES..=PAYLOAD_BYTES_MAX).contains(&len) {
        return None;
    }
    let end = at + PREFIX_BYTES + len;
    let payload = bytes.get(at + PREFIX_BYTES..end)?;
    (u32_at(bytes, at + 4)? == crc32fast::hash(payload)).then_some((u64_at(payload, 0)?, end))
}

fn scan(file: &File, path: &Path) -> Result<Scan, Error> {
    let mut bytes = Vec::new();
    let mut reader = file;
    reader.seek(SeekFrom::Start(0)).and_then(|_| reader.read_to_end(&mut bytes)).map_err(Error::io("read", path))?;
    let mut entries = Vec::new();
    let mut at = HEADER_BYTES;
    let mut last = 0;
    while let Some((seq, end)) = record_at(&bytes, at) {
        if seq <= last {
            return Err(LogFile::damaged(path, format!("sequence {seq} stands after {last}")));
        }
        last = seq;
        entries.push((seq, at as u32));
        at = end;
    }
    let rest = bytes.len() - at;
    let plausible =
        |later: usize| u64_at(&bytes, later + PREFIX_BYTES).is_some_and(|seq| seq > last && seq - last < SEQ_JUMP_MAX);
    let valid_after = (at + 1..bytes.len()).any(|later| plausible(later) && record_at(&bytes, later).is_some());
    Ok(Scan { entries, len: at as u64, rest: rest as u64, valid_after })
}

fn read_idx(path: &Path, log_len: u64) -> Option<Vec<(u64, u32)>> {
    let bytes = std::fs::read(path).ok()?;
    let (body, crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    if u32_at(crc, 0)? != crc32fast::hash(body) || u64_at(body, 0)? != log_len {
        return None;
    }
    body[8..].chunks_exact(12).map(|e| Some((u64_at(e, 0)?, u32_at(e, 8)?))).collect()
}

fn write_idx(path: &Path, entries: &[(u64, u32)], log_len: u64) -> Result<(), Error> {
    let mut bytes = Vec::with_capacity(12 + entries.len() * 12);
    bytes.extend_from_slice(&log_len.to_le_bytes());
    for (seq, offset) in entries {
        bytes.extend_from_slice(&seq.to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    let part = path.with_extension("idx.part");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    write().map_err(Error::io("write", path))
}

/// The files of the log at one moment; kept by a snapshot, so that what it refers to stays readable.
pub(crate) type LogFiles = Arc<Vec<Arc<LogFile>>>;

/// Reads the record with this sequence number.
pub(crate) fn read_record(files: &LogFiles, seq: u64) -> Result<Option<LogRecord>, Error> {
    let at = files.partition_point(|f| f.first_seq <= seq);
    match at.checked_sub(1) {
        Some(at) => files[at].read(seq),
        None => Ok(None),
    }
}

/// Sequence numbers in the log after `since`, at most `limit`.
pub(crate) fn seqs_after(files: &LogFiles, since: u64, limit: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    let begin = files.partition_point(|f| f.first_seq <= since).saturating_sub(1);
    for file in &files[begin..] {
        seqs.extend(file.seqs_after(since));
        if seqs.len() >= limit {
            break;
        }
    }
    seqs.truncate(limit);
    seqs
}

/// The writing end of the log.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    files: LogFiles,
    /// The last file, open for appending.
    active: File,
    next_seq: u64,
    file_bytes: u64,
}

/// Names of the log files in a folder, in order.
fn log_paths(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let path = entry.map_err(Error::io("list", dir))?.path();
        if path.extension().is_some_and(|e| e == "log") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Opens the files for reading, and says how many bytes stand after the last whole record of the last file.
///
/// `acknowledged` is the sequence up to which somebody was told that the writes are durable. A power cut may leave an
/// unfinished group at the end, with holes, since its sectors reach the disk in any order: nobody was told of it, so it
/// is no damage. Without that knowledge a whole record behind a bad byte counts as damage.
///
/// # Errors
/// `Damaged` when an acknowledged record cannot be read.
pub(crate) fn open_files(dir: &Path, acknowledged: Option<u64>) -> Result<(LogFiles, u64), Error> {
    let paths = log_paths(dir)?;
    let mut files = Vec::with_capacity(paths.len());
    let mut torn = 0;
    for (i, path) in paths.iter().enumerate() {
        let last = i + 1 == paths.len();
        let (file, scan) = LogFile::open(path, !last)?;
        if let Some(mut scan) = scan {
            if last {
                file.leave_unfinished(&mut scan, acknowledged.unwrap_or(0))?;
            }
            let newest = scan.entries.last().map_or(file.first_seq.saturating_sub(1), |e| e.0);
            let lost = acknowledged.map_or(scan.valid_after, |seq| newest < seq);
            if scan.rest > 0 && (!last || lost) {
                return Err(LogFile::damaged(
                    path,
                    format!("{} bytes after offset {} are no record", scan.rest, scan.len),
                ));
            }
            torn = scan.rest;
        }
        files.push(Arc::new(file));
    }
    Ok((Arc::new(files), torn))
}

fn create_file(dir: &Path, first_seq: u64) -> Result<PathBuf, Error> {
    let path = dir.join(format!("{first_seq:020}.log"));
    let create = || -> std::io::Result<()> {
        let part = path.with_extension("log.part");
        let mut file = File::create(&part)?;
        file.write_all(&header(first_seq, 0))?;
        file.sync_all()?;
        std::fs::rename(&part, &path)
    };
    create().map_err(Error::io("create", &path))?;
    sync_dir(dir)?;
    Ok(path)
}

impl Log {
    /// Opens or creates the log in `dir`. A torn record at the very end, which a power cut leaves and nobody was
    /// told of, is cut off and kept beside as `torn-*.bin`.
    ///
    /// # Errors
    /// As [`open_files`].
    pub(crate) fn open(dir: &Path, file_bytes: u64, acknowledged: Option<u64>) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        if log_paths(dir)?.is_empty() {
            create_file(dir, 1)?;
        }
        let (files, torn) = open_files(dir, acknowledged)?;
        let last = files.last().expect("a log has a file").clone();
        let len = last.index.read().len;
        let active = OpenOptions::new().write(true).open(&last.path).map_err(Error::io("open", &last.path))?;
        if torn > 0 {
            keep_torn(&last, len, torn)?;
            active.set_len(len).and_then(|()| active.sync_all()).map_err(Error::io("cut", &last.path))?;
        }
        let next_seq = files
            .iter()
            .rev()
            .find_map(|f| f.index.read().entries.last().map(|e| e.0 + 1))
            .unwrap_or(1)
            .max(last.first_seq);
        Ok(Self { dir: dir.to_owned(), files, active, next_seq, file_bytes })
    }

    /// The files, for a snapshot.
    pub(crate) fn files(&self) -> LogFiles {
        self.files.clone()
    }

    /// The next sequence number.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    fn last(&self) -> &Arc<LogFile> {
        self.files.last().expect("a log has a file")
    }

    /// Appends records and makes them durable; gives how long the fsync took. On an error nothing is appended, unless it is [`Error::ReadOnly`].
    ///
    /// # Errors
    /// `Io` when the file cannot be written; `ReadOnly` when it is not known what the disk holds now (a failed
    /// fsync, a failed cut), after which nothing may be appended until the log is opened again.
    pub(crate) fn append(&mut self, records: &[LogRecord]) -> Result<Duration, Error> {
        let mut bytes = Vec::with_capacity(records.iter().map(|r| r.body.len() + 128).sum());
        let mut starts = Vec::with_capacity(records.len());
        for record in records {
            starts.push(bytes.len() as u64);
            record.encode(&mut bytes);
        }
        self.rotate_if_full(bytes.len() as u64)?;
        let last = self.last().clone();
        let begin = last.index.read().len;
        if u32::try_from(begin + bytes.len() as u64).is_err() {
            let detail = format!("{} bytes written at once are more than a log file can hold", bytes.len());
            return Err(Problem::new(Kind::TooLarge, "group-size", detail).into());
        }
        if let Err(error) = self.active.write_all_at(&bytes, begin) {
            self.active.set_len(begin).map_err(|e| Error::ReadOnly(format!("cutting the log back failed: {e}")))?;
            return Err(Error::io("write", &last.path)(error));
        }
        let sync = std::time::Instant::now();
        self.active.sync_data().map_err(|e| Error::ReadOnly(format!("fsync of the log failed: {e}")))?;
        let took = sync.elapsed();
        let mut index = last.index.write();
        for (record, start) in records.iter().zip(starts) {
            index.entries.push((record.seq, (begin + start) as u32));
            self.next_seq = record.seq + 1;
        }
        index.len = begin + bytes.len() as u64;
        Ok(took)
    }

    /// Takes the records from `seq` on back: used when they could not be made visible and nobody was told of them.
    ///
    /// # Errors
    /// `ReadOnly` when that fails.
    pub(crate) fn take_back(&mut self, seq: u64) -> Result<(), Error> {
        let last = self.last().clone();
        let mut index = last.index.write();
        let at = index.entries.partition_point(|e| e.0 < seq);
        if let Some((_, offset)) = index.entries.get(at) {
            let len = u64::from(*offset);
            let cut = self.active.set_len(len).and_then(|()| self.active.sync_data());
            cut.map_err(|e| Error::ReadOnly(format!("cutting the log back failed: {e}")))?;
            index.entries.truncate(at);
            index.len = len;
        }
        self.next_seq = seq;
        Ok(())
    }

    fn rotate_if_full(&mut self, more: u64) -> Result<(), Error> {
        let (len, empty) = {
            let index = self.last().index.read();
            (index.len, index.entries.is_empty())
        };
        if empty || len + more <= self.file_bytes { Ok(()) } else { self.rotate() }
    }

    /// Seals the file being written and begins a new one.
    fn rotate(&mut self) -> Result<(), Error> {
        let last = self.last().clone();
        let len = last.index.read().len;
        write_idx(&last.path.with_extension("idx"), &last.index.read().entries, len)?;
        let path = create_file(&self.dir, self.next_seq)?;
        let (file, _) = LogFile::open(&path, false)?;
        self.active = OpenOptions::new().write(true).open(&path).map_err(Error::io("open", &path))?;
        let mut files: Vec<_> = self.files.iter().cloned().collect();
        files.push(Arc::new(file));
        self.files = Arc::new(files);
        Ok(())
    }

    /// First sequence number after which changes are complete.
    pub(crate) fn horizon(files: &LogFiles) -> u64 {
        files.iter().map(|f| f.horizon).max().unwrap_or(0)
    }

    /// Bytes of all files.
    pub(crate) fn bytes(files: &LogFiles) -> u64 {
        files.iter().map(|f| f.index.read().len).sum()
    }

    /// Drops all but the `live` records; the file being written is sealed for that if it holds others. The sequence
    /// numbers stay.
    ///
    /// # Errors
    /// `Io`; a file is either the old or the new one, whatever happens.
    pub(crate) fn compact(&mut self, live: &HashSet<u64>) -> Result<(), Error> {
        let all_live = self.last().index.read().entries.iter().all(|e| live.contains(&e.0));
        if !all_live {
            self.rotate()?;
        }
        let mut files: Vec<_> = self.files.iter().cloned().collect();
        let sealed = files.len() - 1;
        for slot in &mut files[..sealed] {
            let entries = slot.index.read().entries.clone();
            if entries.iter().all(|e| live.contains(&e.0)) {
                continue;
            }
            let path = slot.path.clone();
            rewrite(slot, &entries, live)?;
            sync_dir(&self.dir)?;
            *slot = Arc::new(LogFile::open(&path, true)?.0);
        }
        self.files = Arc::new(files);
        Ok(())
    }
}

fn rewrite(file: &LogFile, entries: &[(u64, u32)], live: &HashSet<u64>) -> Result<(), Error> {
    let horizon = entries.last().map_or(file.horizon, |e| e.0.max(file.horizon));
    let mut bytes = header(file.first_seq, horizon).to_vec();
    let mut kept = Vec::new();
    for (seq, _) in entries.iter().filter(|e| live.contains(&e.0)) {
        kept.push((*seq, bytes.len() as u32));
        let record = file.read(*seq)?.ok_or_else(|| LogFile::damaged(&file.path, format!("record {seq} is gone")))?;
        record.encode(&mut bytes);
    }
    let part = file.path.with_extension("log.part");
    // The old index goes first: it does not fit the new file, and is rebuilt if we stop in between.
    let idx = file.path.with_extension("idx");
    let replace = || -> std::io::Result<()> {
        let mut out = File::create(&part)?;
        out.write_all(&bytes)?;
        out.sync_all()?;
        if idx.exists() {
            std::fs::remove_file(&idx)?;
        }
        std::fs::rename(&part, &file.path)
    };
    replace().map_err(Error::io("compact", &file.path))?;
    write_idx(&idx, &kept, bytes.len() as u64)
}

fn keep_torn(file: &LogFile, len: u64, torn: u64) -> Result<(), Error> {
    let mut bytes = vec![0; torn as usize];
    file.file.read_exact_at(&mut bytes, len).map_err(Error::io("read", &file.path))?;
    let path = file.path.with_file_name(format!("torn-{}-{len}.bin", file.first_seq));
    std::fs::write(&path, bytes).map_err(Error::io("write", &path))?;
    tracing::warn!(file = %file.path.display(), bytes = torn, "an unfinished record was cut off the log; nobody was told that it was written");
    Ok(())
}

/// Reads every byte of every file and its index; one line a finding.
pub(crate) fn verify(dir: &Path) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let paths = log_paths(dir)?;
    for (i, path) in paths.iter().enumerate() {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let name = path.display();
        let scanned = LogFile::read_header(&file, path).and_then(|_| scan(&file, path));
        let scan = match scanned {
            Ok(scan) => scan,
            Err(error) => {
                findings.push(error.to_string());
                continue;
            }
        };
        if scan.rest > 0 {
            findings.push(format!("{name}: {} bytes after offset {} are no record", scan.rest, scan.len));
        }
        let idx = path.with_extension("idx");
        if i + 1 < paths.len() && idx.exists() && read_idx(&idx, scan.len).as_ref() != Some(&scan.entries) {
            findings.push(format!("{}: does not fit its log file", idx.display()));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(seq: u64, id: &str) -> LogRecord {
        LogRecord {
            seq,
            time: Instant(seq as i64),
            kind: RecordKind::PutItem,
            flags: 0,
            collection: "c".into(),
            id: id.into(),
            properties_end: 7,
            hash: [seq as u8; 16],
            // Every other body is long enough to be packed.
            body: format!("body of {id} ").repeat(if seq.is_multiple_of(2) { 40 } else { 1 }),
        }
    }

    #[test]
    fn records_are_read_back_after_reopening_and_across_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 300, None).unwrap();
        for seq in 1..=20 {
            log.append(&[record(seq, &format!("i{seq}"))]).unwrap();
        }
        assert!(log.files.len() > 3);
        let log = Log::open(dir.path(), 300, None).unwrap();
        assert_eq!(log.next_seq(), 21);
        for seq in 1..=20 {
            assert_eq!(read_record(&log.files(), seq).unwrap(), Some(record(seq, &format!("i{seq}"))));
        }
        assert_eq!(read_record(&log.files(), 21).unwrap(), None);
        assert_eq!(seqs_after(&log.files(), 17, 10), [18, 19, 20]);
        assert_eq!(seqs_after(&log.files(), 0, 2), [1, 2]);
    }

    #[test]
    fn a_torn_tail_is_cut_off_wherever_it_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 1 << 20, None).unwrap();
        log.append(&[record(1, "a")]).unwrap();
        let whole = Log::bytes(&log.files()) as usize;
        log.append(&[record(2, "b")]).unwrap();
        let path = log.last().path.clone();
        drop(log);
        let bytes = std::fs::read(&path).unwrap();
        for cut in whole..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let mut log = Log::open(dir.path(), 1 << 20, None).unwrap();
            assert_eq!(log.next_seq(), 2, "cut at {cut}");
            log.append(&[record(2, "again")]).unwrap();
            assert_eq!(read_record(&log.files(), 2).unwrap().map(|r| r.id).as_deref(), Some("again"));
        }
    }

    #[test]
    fn records_that_are_there_together_or_not_at_all_are_cut_off_together() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 1 << 20, None).unwrap();
        let continued = |seq: u64, id: &str| LogRecord { flags: FLAG_CONTINUED, ..record(seq, id) };
        log.append(&[continued(1, "a"), record(2, "b")]).unwrap();
        let first = Log::bytes(&log.files()) as usize;
        log.append(&[continued(3, "c"), continued(4, "d"), record(5, "e")]).unwrap();
        let path = log.last().path.clone();
        drop(log);
        let bytes = std::fs::read(&path).unwrap();
        for cut in first..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let next = if cut == bytes.len() { 6 } else { 3 };
            assert_eq!(Log::open(dir.path(), 1 << 20, Some(2)).unwrap().next_seq(), next, "cut at {cut}");
            assert_eq!(Log::open(dir.path(), 1 << 20, None).unwrap().next_seq(), next, "opened again, cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_before_a_whole_record_is_damage_and_every_flip_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 1 << 20, None).unwrap();
        log.append(&[record(1, "a"), record(2, "b")]).unwrap();
        let path = log.last().path.clone();
        drop(log);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(verify(dir.path()).unwrap(), Vec::<String>::new());
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            // The last four bytes of the header are padding that its comparison covers as well.
            assert!(!verify(dir.path()).unwrap().is_empty(), "byte {at}");
        }
        let mut flipped = bytes.clone();
        flipped[HEADER_BYTES + 20] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        assert!(matches!(Log::open(dir.path(), 1 << 20, None), Err(Error::Damaged { .. })));
    }

    #[test]
    fn what_nobody_was_told_of_is_cut_off_even_with_holes_but_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 1 << 20, None).unwrap();
        log.append(&[record(1, "a"), record(2, "b"), record(3, "c")]).unwrap();
        let path = log.last().path.clone();
        let at = log.last().index.read().entries[1].1 as usize;
        drop(log);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at + 12] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(Log::open(dir.path(), 1 << 20, Some(2)), Err(Error::Damaged { .. })));
        assert_eq!(Log::open(dir.path(), 1 << 20, Some(1)).unwrap().next_seq(), 2);
    }

    #[test]
    fn compaction_keeps_live_records_and_moves_the_horizon() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 300, None).unwrap();
        for seq in 1..=20 {
            log.append(&[record(seq, &format!("i{seq}"))]).unwrap();
        }
        let before = log.files();
        log.compact(&HashSet::from([3, 20])).unwrap();
        let log = Log::open(dir.path(), 300, None).unwrap();
        assert_eq!(read_record(&log.files(), 3).unwrap(), Some(record(3, "i3")));
        assert_eq!(read_record(&log.files(), 4).unwrap(), None);
        assert_eq!(read_record(&before, 4).unwrap(), Some(record(4, "i4")), "an older view still reads its records");
        assert!(Log::horizon(&log.files()) >= 4);
        assert_eq!(log.next_seq(), 21);
        assert_eq!(verify(dir.path()).unwrap(), Vec::<String>::new());
    }
    #[test]
    fn compaction_also_reaches_the_file_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), 1 << 20, None).unwrap();
        log.append(&[record(1, "a"), record(2, "b"), record(3, "c")]).unwrap();
        let before = Log::bytes(&log.files());
        log.compact(&HashSet::from([2])).unwrap();
        assert!(Log::bytes(&log.files()) < before);
        log.append(&[record(4, "d")]).unwrap();
        log.compact(&HashSet::from([2, 4])).unwrap();
        assert_eq!(log.files.len(), 2, "nothing dead, nothing sealed");
        let log = Log::open(dir.path(), 1 << 20, Some(4)).unwrap();
        let kept: Vec<bool> = (1..=4).map(|seq| read_record(&log.files(), seq).unwrap().is_some()).collect();
        assert_eq!((kept, log.next_seq(), Log::horizon(&log.files())), (vec![false, true, false, true], 5, 3));
        assert_eq!(verify(dir.path()).unwrap(), Vec::<String>::new());
    }
}
