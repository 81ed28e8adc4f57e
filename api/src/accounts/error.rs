//! What can fail with the accounts.

use std::path::PathBuf;

use nilometer_schemas::Problem;

use crate::limits::Exceeded;
use crate::problem::ApiError;

/// What can fail here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("cannot {action} in the accounts database")]
    Database {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be brought up to date.
    #[error("cannot bring {path} up to date")]
    Migrate {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A file failed.
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
    /// The file holds something else.
    #[error("{0} holds no server secret, or was changed: restore it; without it, all keys must be made anew")]
    Secret(PathBuf),
    /// A row is not as it was written.
    #[error("{0} is damaged in the accounts database")]
    Damaged(String),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// A password could not be hashed.
    #[error("a password could not be hashed: {0}")]
    Password(String),
    /// The caller's fault.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// A limit that comes back by itself.
    #[error("{}", .0.0)]
    Limited(Box<(Problem, Exceeded)>),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => problem.into(),
            Error::Limited(limit) => Self::limited(limit.0, limit.1),
            other => Self::internal(crate::problem::chain(&other)),
        }
    }
}

pub(super) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Database { action, source }
}
