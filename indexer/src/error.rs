//! What can fail while writing, opening or reading a catalogue.

use std::path::PathBuf;

use nilometer_schemas::{Kind, Problem};

/// A failure of the catalogue. [`Error::problem`] tells whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's record or request is at fault.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// A file operation failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The index failed.
    #[error("the index failed: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// A file is damaged.
    #[error("{path} is damaged: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Another process writes this catalogue.
    #[error("{0} is in use by another process: stop it, or write through its HTTP interface")]
    Locked(PathBuf),
    /// The directory was written by another version.
    #[error("{path} has format {found}, this program reads {expected}: run `nilometer reindex`")]
    Format {
        /// The catalogue's directory.
        path: PathBuf,
        /// The version found.
        found: String,
        /// The version this program reads.
        expected: u32,
    },
    /// An earlier failure made the catalogue read-only until it is opened again.
    #[error("the catalogue is read-only since a write failed: {0}")]
    ReadOnly(String),
}

impl Error {
    /// Wraps a file error with what was attempted.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// Whether the store has no room left.
    pub fn is_storage_full(&self) -> bool {
        let full = |e: &std::io::Error| {
            matches!(e.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        };
        match self {
            Self::Io { source, .. } => full(source),
            Self::Index(tantivy::TantivyError::IoError(source)) => full(source),
            Self::Index(other) => other.to_string().contains("No space left"),
            _ => false,
        }
    }

    /// The failure in the caller's words; nothing internal in it.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => problem.clone(),
            _ if self.is_storage_full() => {
                Problem::new(Kind::StorageFull, "storage-full", "the store has no room; nothing was written")
            }
            Self::ReadOnly(_) => Problem::new(
                Kind::Unavailable,
                "read-only",
                "the catalogue takes no writes since one failed; an operator must look",
            ),
            Self::Locked(_) => Problem::new(Kind::Unavailable, "locked", "another process writes this catalogue"),
            Self::Io { .. } | Self::Index(_) | Self::Damaged { .. } | Self::Format { .. } => {
                Problem::new(Kind::Internal, "internal", "the catalogue could not be read or written")
            }
        }
    }
}
