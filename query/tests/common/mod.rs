//! What several tests need of the file system.

/// A folder in memory where there is one: these tests are about answers, not about disks.
pub(crate) fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
