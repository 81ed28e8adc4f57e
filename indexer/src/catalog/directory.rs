//! tantivy's directory with durability at checkpoints instead of at every file.
//!
//! The log makes writes durable; the index only has to be found in one piece after a crash, somewhat behind the log.
//! So a commit costs no fsync here: new files are written without one, and the small files that are replaced
//! atomically (`meta.json`, `.managed.json`) stay in memory. A checkpoint fsyncs the files, then writes the small ones
//! (checksummed, fsynced, renamed, and the folder fsynced after the rename, which tantivy leaves out). Files that the
//! last checkpoint names are kept until the next one, whatever merges do: on disk there is always one whole index.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite, WatchCallback, WatchHandle,
    WritePtr,
};

use crate::Error;

/// Marks the checksum line at the end of a small file.
const MARK: &[u8] = b"\n#crc32 ";
pub(super) const META: &str = "meta.json";

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointDirectory {
    inner: MmapDirectory,
    root: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Small files as of now, where they are newer than on disk.
    small: BTreeMap<PathBuf, Vec<u8>>,
    /// Finished files that no checkpoint has fsynced.
    unsynced: BTreeSet<PathBuf>,
    /// Finished files that are in use.
    files: HashSet<PathBuf>,
    /// Files that must stay for the index on disk: those of the last checkpoint, and of one under way.
    kept: HashSet<PathBuf>,
    /// Files given up while they had to stay.
    doomed: Vec<PathBuf>,
}

fn with_checksum(data: &[u8]) -> Vec<u8> {
    let mut out = data.to_vec();
    out.extend_from_slice(MARK);
    out.extend_from_slice(format!("{:08x}\n", crc32fast::hash(data)).as_bytes());
    out
}

/// The data of a checksummed file, or `None` if the checksum is absent or wrong.
fn without_checksum(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.len().checked_sub(MARK.len() + 9)?;
    if with_checksum(&bytes[..end]) != bytes {
        return None;
    }
    bytes.truncate(end);
    Some(bytes)
}

/// Segments that a `meta.json` names, as file names begin with them, and the middle part of the name of the file that
/// tells their deleted documents, if there is one.
type Named = HashMap<String, Option<String>>;

fn segments_of(meta: &[u8]) -> Option<Named> {
    let meta: serde_json::Value = serde_json::from_slice(meta).ok()?;
    let segment = |segment: &serde_json::Value| {
        let id = segment.get("segment_id")?.as_str()?.replace('-', "");
        let deletes = segment.get("deletes").and_then(|d| d.get("opstamp")).map(ToString::to_string);
        Some((id, deletes))
    };
    meta.get("segments")?.as_array()?.iter().map(segment).collect()
}

/// Whether a file belongs to a segment at all, and if so, whether the list names it.
fn is_named(file: &str, named: &Named) -> Option<bool> {
    let mut parts = file.split('.');
    let segment = parts.next().filter(|s| s.len() == 32 && s.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let deletes = if file.ends_with(".del") { parts.next() } else { None };
    Some(named.get(segment).is_some_and(|known| deletes.is_none() || known.as_deref() == deletes))
}

impl CheckpointDirectory {
    /// Opens a folder for reading only: nothing in it is touched.
    pub(crate) fn open(root: &Path) -> tantivy::Result<Self> {
        let state = Arc::default();
        Ok(Self { inner: MmapDirectory::open(root)?, root: root.to_owned(), state })
    }

    /// Opens a folder for writing, and removes what a crash left that the index on disk does not name.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub(crate) fn open_for_writing(root: &Path) -> tantivy::Result<Self> {
        let directory = Self::open(root)?;
        directory.sweep()?;
        Ok(directory)
    }

    /// Removes the files that the index on disk does not name: those of a crash, and those of merged segments that somebody
    /// still read when they were given up.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a file not be removed.
    pub(crate) fn sweep(&self) -> tantivy::Result<()> {
        let meta = self.inner.atomic_read(Path::new(META)).ok().and_then(without_checksum);
        let named = match meta.as_deref().map(segments_of) {
            None if self.root.join(META).exists() => return Ok(()),
            None => Named::new(),
            Some(Some(named)) => named,
            // An unreadable list is for the opening to complain about, not a reason to delete.
            Some(None) => return Ok(()),
        };
        let mut files = HashSet::new();
        for entry in std::fs::read_dir(&self.root)? {
            let name = PathBuf::from(entry?.file_name());
            match is_named(&name.to_string_lossy(), &named) {
                Some(true) => {
                    files.insert(name);
                }
                Some(false) => std::fs::remove_file(self.root.join(&name))?,
                None => {}
            }
        }
        let mut state = self.state.lock();
        state.files.clone_from(&files);
        state.kept = files;
        Ok(())
    }

    /// Makes the index of now the index on disk.
    ///
    /// # Errors
    /// `Io` when there is no room or the like: what is on disk stays whole, and a later checkpoint may do.
    /// `ReadOnly` when an fsync of a segment's file failed: it is not known what the disk holds of it.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        let (small, unsynced, files) = {
            let mut state = self.state.lock();
            // From here on merges may not remove what the small files name.
            let files = state.files.clone();
            state.kept.extend(files.iter().cloned());
            (state.small.clone(), std::mem::take(&mut state.unsynced), files)
        };
        if small.is_empty() {
            return Ok(());
        }
        for path in &unsynced {
            let synced = File::open(self.root.join(path)).and_then(|file| file.sync_all());
            synced.map_err(|e| Error::ReadOnly(format!("fsync of {} failed: {e}", path.display())))?;
        }
        let write_small = || -> io::Result<()> {
            self.inner.sync_directory()?;
            for (path, data) in &small {
                self.inner.atomic_write(path, &with_checksum(data))?;
            }
            self.inner.sync_directory()
        };
        write_small().map_err(Error::io("write the list of segments in", &self.root))?;
        let mut state = self.state.lock();
        state.small.retain(|path, data| small.get(path) != Some(data));
        state.kept = files;
        let (stay, go): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.doomed).into_iter().partition(|path| state.kept.contains(path));
        state.doomed = stay;
        drop(state);
        for path in go {
            // A file that is gone already is what was wanted; any other failure leaves a file too many.
            if let Err(error) = self.inner.delete(&path) {
                tracing::debug!(file = %path.display(), error = %error, "an unused file was not removed");
            }
        }
        Ok(())
    }
}

/// A file that is finished without an fsync.
struct Unsynced {
    file: BufWriter<File>,
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Write for Unsynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl TerminatingWrite for Unsynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.file.flush()?;
        let mut state = self.state.lock();
        state.files.insert(self.path.clone());
        state.unsynced.insert(self.path.clone());
        Ok(())
    }
}

impl Directory for CheckpointDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let mut state = self.state.lock();
        state.files.remove(path);
        state.unsynced.remove(path);
        if state.kept.contains(path) {
            state.doomed.push(path.to_owned());
            return Ok(());
        }
        drop(state);
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if self.state.lock().small.contains_key(path) {
            return Ok(true);
        }
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let full = self.root.join(path);
        let file = File::options().write(true).create_new(true).open(full).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        let writer = Unsynced { file: BufWriter::new(file), path: path.to_owned(), state: self.state.clone() };
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if let Some(data) = self.state.lock().small.get(path) {
            return Ok(data.clone());
        }
        let bytes = self.inner.atomic_read(path)?;
        without_checksum(bytes).ok_or_else(|| {
            let wrong = io::Error::new(io::ErrorKind::InvalidData, "the file's checksum is wrong");
            OpenReadError::wrap_io_error(wrong, path.to_owned())
        })
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.state.lock().small.insert(path.to_owned(), data.to_vec());
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.inner.acquire_lock(lock)
    }

    /// Nothing: checkpoints do it.
    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = with_checksum(b"{\"a\":1}");
        assert_eq!(without_checksum(good.clone()).as_deref(), Some(&b"{\"a\":1}"[..]));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(without_checksum(bad), None, "bit {bit}");
        }
        assert_eq!(without_checksum(b"short".to_vec()), None);
    }

    fn meta(segment: &str) -> String {
        format!("{{\"segments\":[{{\"segment_id\":\"{segment}\"}}]}}")
    }

    fn write(directory: &CheckpointDirectory, name: &str) {
        let mut file = directory.open_write(Path::new(name)).unwrap();
        file.write_all(b"data").unwrap();
        file.terminate().unwrap();
    }

    #[test]
    fn the_index_on_disk_is_that_of_the_last_checkpoint_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = ("a".repeat(32), "b".repeat(32));
        let (file_a, file_b) = (format!("{a}.nil"), format!("{b}.nil"));
        let directory = CheckpointDirectory::open_for_writing(dir.path()).unwrap();
        write(&directory, &file_a);
        directory.atomic_write(Path::new(META), meta(&a).as_bytes()).unwrap();
        assert!(!dir.path().join(META).exists());
        directory.checkpoint().unwrap();
        // A merge: the new file replaces the old one, in memory only.
        write(&directory, &file_b);
        directory.atomic_write(Path::new(META), meta(&b).as_bytes()).unwrap();
        directory.delete(Path::new(&file_a)).unwrap();
        assert_eq!(directory.atomic_read(Path::new(META)).unwrap(), meta(&b).as_bytes());
        let other = CheckpointDirectory::open(dir.path()).unwrap();
        assert_eq!(other.atomic_read(Path::new(META)).unwrap(), meta(&a).as_bytes());
        assert!(dir.path().join(&file_a).exists(), "the index on disk still names it");
        // A crash now leaves a file that nobody names: opening removes it.
        let copy = tempfile::tempdir().unwrap();
        for name in [META, &file_a, &file_b] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        CheckpointDirectory::open_for_writing(copy.path()).unwrap();
        assert_eq!((copy.path().join(&file_a).exists(), copy.path().join(&file_b).exists()), (true, false));
        // A file that was given up while somebody still read it.
        std::fs::write(dir.path().join(format!("{}.nil", "c".repeat(32))), b"left").unwrap();
        // Without a crash the next checkpoint moves on.
        directory.checkpoint().unwrap();
        assert_eq!((dir.path().join(&file_a).exists(), dir.path().join(&file_b).exists()), (false, true));
        assert_eq!(other.atomic_read(Path::new(META)).unwrap(), meta(&b).as_bytes());
        directory.sweep().unwrap();
        let mut left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.retain(|name| name.to_string_lossy().ends_with(".nil"));
        assert_eq!(left, [file_b.as_str()]);
    }
}
