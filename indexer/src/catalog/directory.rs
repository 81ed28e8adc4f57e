//! tantivy's directory, made durable and checksummed: the small files that are replaced atomically (`meta.json`,
//! `.managed.json`) carry a CRC-32, and their renames are fsynced, which tantivy leaves out.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr};

/// Marks the checksum line at the end of a file.
const MARK: &[u8] = b"\n#crc32 ";

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct DurableDirectory(MmapDirectory);

impl DurableDirectory {
    /// Opens a folder that exists.
    pub(crate) fn open(path: &Path) -> tantivy::Result<Self> {
        Ok(Self(MmapDirectory::open(path)?))
    }
}

fn with_checksum(data: &[u8]) -> Vec<u8> {
    let mut out = data.to_vec();
    out.extend_from_slice(MARK);
    out.extend_from_slice(format!("{:08x}\n", crc32fast::hash(data)).as_bytes());
    out
}

/// The data of a checksummed file, or `None` if the checksum is absent or wrong.
pub(crate) fn without_checksum(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.len().checked_sub(MARK.len() + 9)?;
    if with_checksum(&bytes[..end]) != bytes {
        return None;
    }
    bytes.truncate(end);
    Some(bytes)
}

impl Directory for DurableDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.0.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let bytes = self.0.atomic_read(path)?;
        without_checksum(bytes).ok_or_else(|| {
            OpenReadError::wrap_io_error(
                io::Error::new(io::ErrorKind::InvalidData, "the file's checksum is wrong"),
                path.to_owned(),
            )
        })
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.0.atomic_write(path, &with_checksum(data))?;
        self.0.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.0.acquire_lock(lock)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.watch(callback)
    }
}

#[cfg(test)]
mod tests {
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
}
