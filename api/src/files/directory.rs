//! Files below a folder. Every path is resolved by the system with the folder as its root (`openat2`, `RESOLVE_BENEATH`),
//! so that nothing outside is reached, by links neither.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use nilometer_schemas::{Kind, Problem};
use time::OffsetDateTime;

use super::file::{Facts, File, Place, tag_of};
use super::key::{Key, UPLOAD_MARK};
use super::{Error, no_file};
use crate::problem::ApiError;

/// Opening must not wait for the other end of a pipe that somebody put there (`O_NONBLOCK`).
const NONBLOCKING: i32 = 0o4000;
/// What an interrupted upload left is removed after this time: another process may still be writing it before.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(24 * 3600);

/// See the module.
pub(super) struct Directory {
    root: Arc<Dir>,
}

impl Directory {
    /// Opens the folder, which must be there. Of one that takes uploads, what interrupted ones left is removed.
    pub(super) fn open(root: &Path, writable: bool) -> Result<Self, Error> {
        let failed = |source| Error::Directory { root: root.to_owned(), source };
        let dir = Dir::open_ambient_dir(root, ambient_authority()).map_err(failed)?;
        if writable {
            remove_left_over(&dir).map_err(failed)?;
        }
        Ok(Self { root: Arc::new(dir) })
    }

    /// Opens a file; called where blocking is allowed.
    ///
    /// # Errors
    /// `NotFound` for what is no file, or lies outside.
    pub(super) fn open_file(&self, key: &Key) -> Result<File, ApiError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NONBLOCKING);
        let file = self.root.open_with(key.as_str(), &options).map_err(|e| failure(&e))?;
        let metadata = file.metadata().map_err(|e| failure(&e))?;
        if !metadata.is_file() {
            return Err(no_file().into());
        }
        let changed = [metadata.mtime(), metadata.mtime_nsec()].map(i64::to_le_bytes);
        let parts: [&[u8]; 4] =
            [&metadata.ino().to_le_bytes(), &metadata.size().to_le_bytes(), &changed[0], &changed[1]];
        let facts = Facts {
            size: metadata.size(),
            etag: tag_of(&parts, false),
            modified: OffsetDateTime::from_unix_timestamp(metadata.mtime()).ok(),
            checksum: None,
        };
        Ok(File { facts, place: Place::Local(Arc::new(file.into_std())) })
    }

    /// A file for an upload: it has no name that a key could be until [`Part::place`] gives it one.
    pub(super) fn create_part(&self, random: &str) -> Result<Part, ApiError> {
        let name = format!("{UPLOAD_MARK}{random}");
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = self.root.open_with(&name, &options).map_err(|e| write_failure(&e))?;
        Ok(Part { root: Arc::clone(&self.root), name, file: Arc::new(file.into_std()), placed: false })
    }

    /// Removes a file that an upload replaced.
    pub(super) fn remove(&self, key: &Key) -> io::Result<()> {
        self.root.remove_file(key.as_str())
    }
}

/// A file that is still being written; removed when dropped before it has its place.
pub(super) struct Part {
    root: Arc<Dir>,
    name: String,
    pub(super) file: Arc<std::fs::File>,
    placed: bool,
}

impl Part {
    /// Makes the file durable and gives it its name, which is durable too when this returns.
    pub(super) fn place(mut self, key: &Key) -> Result<(), ApiError> {
        let placed = self.file.sync_all().and_then(|()| {
            let folders: Vec<&str> = key.as_str().match_indices('/').map(|(at, _)| &key.as_str()[..at]).collect();
            if let Some(folder) = folders.last() {
                self.root.create_dir_all(folder)?;
            }
            self.root.rename(&self.name, &self.root, key.as_str())?;
            // From the file's folder up to the root: each may hold a new name.
            for folder in folders.iter().rev().chain(&["."]) {
                // Opened for reading: a handle for paths alone cannot be synced.
                self.root.open(folder)?.sync_all()?;
            }
            Ok(())
        });
        self.placed = placed.is_ok();
        placed.map_err(|e| write_failure(&e))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = self.root.remove_file(&self.name)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an abandoned upload could not be removed");
        }
    }
}

fn remove_left_over(dir: &Dir) -> io::Result<()> {
    for entry in dir.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(UPLOAD_MARK) {
            continue;
        }
        let changed = entry.metadata()?.modified()?.into_std();
        if SystemTime::now().duration_since(changed).is_ok_and(|age| age > LEFT_OVER_AFTER) {
            dir.remove_file(&name)?;
        }
    }
    Ok(())
}

/// What a caller hears of a failed opening. Whatever the system refuses on the way is no file of the store: a link that
/// leads out, a folder in the place of a file, a name that is too long.
fn failure(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::OutOfMemory => {
            ApiError::internal(format!("cannot open a file: {error}"))
        }
        // Too many open files, and a disk that fails.
        _ if matches!(error.raw_os_error(), Some(23 | 24 | 5)) => {
            ApiError::internal(format!("cannot open a file: {error}"))
        }
        _ => no_file().into(),
    }
}

/// What a caller hears of a failed write.
pub(crate) fn write_failure(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::new(Kind::StorageFull, "store-full", "the store has no room for this file").into()
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::InvalidFilename => {
            Problem::new(Kind::Conflict, "file-name", "the store cannot hold a file of this name").into()
        }
        _ => ApiError::internal(format!("cannot write a file: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn opened(root: &Path, key: &str) -> Result<u64, Kind> {
        let store = Directory::open(root, false).expect("a store");
        let key = Key::new(key.to_owned()).expect("a key");
        store.open_file(&key).map(|file| file.facts.size).map_err(|e| e.problem().kind)
    }

    #[test]
    fn links_are_followed_within_the_folder_and_never_out_of_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("in")).expect("folders");
        std::fs::write(dir.path().join("secret"), "outside").expect("written");
        std::fs::write(root.join("in/file"), "abc").expect("written");
        for (link, target) in [
            ("fine", "in/file"),
            ("up", ".."),
            ("out", "../secret"),
            ("absolute", "/etc/passwd"),
            ("in/loop", "loop"),
            ("in/far", "../../secret"),
        ] {
            symlink(target, root.join(link)).expect("a link");
        }
        assert_eq!(opened(&root, "in/file"), Ok(3));
        assert_eq!(opened(&root, "fine"), Ok(3));
        for key in ["out", "up/secret", "absolute", "in/loop", "in/far", "in", "nothing", "in/file/x", &"x".repeat(300)]
        {
            assert_eq!(opened(&root, key), Err(Kind::NotFound), "{key}");
        }
    }

    #[test]
    fn a_pipe_is_no_file_and_opening_one_does_not_wait() {
        let dir = tempfile::tempdir().expect("a folder");
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status();
        if made.is_ok_and(|status| status.success()) {
            assert_eq!(opened(dir.path(), "pipe"), Err(Kind::NotFound));
        }
    }

    #[test]
    fn an_upload_is_there_whole_or_not_at_all() {
        use std::io::Write;
        let dir = tempfile::tempdir().expect("a folder");
        let store = Directory::open(dir.path(), true).expect("a store");
        let names = || -> Vec<String> {
            let entries = std::fs::read_dir(dir.path()).expect("a folder");
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
        };
        let part = store.create_part("1").expect("a part");
        (&*part.file).write_all(b"half").expect("written");
        assert_eq!(names().len(), 1);
        drop(part);
        assert!(names().is_empty());
        let part = store.create_part("2").expect("a part");
        (&*part.file).write_all(b"whole").expect("written");
        part.place(&Key::new("c/i/x.nc".into()).expect("a key")).expect("placed");
        assert_eq!(std::fs::read(dir.path().join("c/i/x.nc")).expect("a file"), b"whole");
        assert_eq!(names(), ["c"]);
    }
}
