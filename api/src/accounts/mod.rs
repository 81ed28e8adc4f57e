//! Who calls: users, how they sign in, API keys, groups, the audit log, saved questions, and orders, in `state.sqlite`.

mod audit;
mod baskets;
mod check;
mod error;
mod export;
mod extract;
mod grants;
mod groups;
mod identities;
mod key;
mod keys;
mod licences;
mod link;
mod links;
mod logins;
mod orders;
mod overview;
mod page_token;
mod principal;
mod quotas;
mod rights;
mod rows;
mod searches;
mod secret;
mod sessions;
mod shared_baskets;
mod throttle;
mod users;
mod wal;

pub(crate) mod password;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nilometer_indexer::{Clock, create_data_dir};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

pub(crate) use audit::ROWS_MAX as AUDIT_ROWS_MAX;
pub use audit::{Actor, AuditRow};
pub use check::check;
pub(crate) use check::{KeptOrders, kept_orders};
pub use error::Error;
pub(crate) use extract::{Credential, credential};
pub use grants::{BuiltIn, Grant, Terms};
pub use groups::Group;
pub(crate) use identities::Vouched;
pub use key::KeyText;
pub use keys::{KeyInfo, NewKey, Refusal};
pub(crate) use licences::Acceptance;
pub(crate) use link::LinkTerms;
pub(crate) use logins::{Posted, email_of};
pub(crate) use orders::{Ended, Lease, ListOrders, NewOrder, Order, OrderChange, OrderFiles, OrderState, QueueFigures};
pub(crate) use overview::Overview;
pub use principal::{Power, Powers, Principal, Via};
pub(crate) use quotas::Taken;
pub use quotas::{Quota, QuotaChange};
pub use searches::SEARCHES_BYTES_MAX;
pub use sessions::{Session, SessionTimes};
pub(crate) use shared_baskets::{SharedBasket, SharingTerms};
pub(crate) use users::USERS_MAX;
pub use users::{NewUser, User};

use self::error::failed;
use self::keys::Cache;
use self::password::Passwords;
use self::rights::RightsCache;
use self::throttle::Throttle;
use crate::state::Random;

/// File of the accounts in the data directory.
pub const FILE_NAME: &str = "state.sqlite";
/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Bytes of a page of the database.
const PAGE_BYTES: u16 = 4096;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

type Transaction = sqlx::Transaction<'static, sqlx::Sqlite>;

/// Makes an empty file that its owner alone reads, unless there is one: it will hold addresses of people. What SQLite puts
/// beside it has the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The accounts. Clones share one pool.
#[derive(Clone)]
pub struct Accounts {
    pool: SqlitePool,
    secret: Arc<secret::Secret>,
    cache: Cache,
    rights: RightsCache,
    passwords: Passwords,
    throttle: Throttle,
    /// Refused answers of issuers, which are nobody's attempts to sign in with a password.
    answers: Throttle,
    clock: Clock,
    random: Random,
}

impl Accounts {
    /// Opens or creates the accounts in a data directory; several processes may do so at once.
    ///
    /// # Errors
    /// What the file system or the database says.
    pub async fn open(dir: &Path, clock: Clock, random: Random) -> Result<Self, Error> {
        let io = |source| Error::Io { action: "create", path: dir.to_owned(), source };
        create_data_dir(dir).map_err(io)?;
        let secret = secret::Secret::open(dir, &random)?;
        let path = dir.join(FILE_NAME);
        make_private(&path).map_err(io)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .page_size(u32::from(PAGE_BYTES))
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(failed("open a connection"))?;
        MIGRATIONS.run(&pool).await.map_err(|source| Error::Migrate { path, source })?;
        let (cache, throttle, passwords) = (Cache::default(), Throttle::default(), Passwords::new(&secret));
        let rights = RightsCache::default();
        Ok(Self {
            pool,
            secret: Arc::new(secret),
            cache,
            rights,
            passwords,
            throttle,
            answers: Throttle::default(),
            clock,
            random,
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT count(*) FROM users").fetch_one(&self.pool).await.map_err(failed("read"))?;
        Ok(())
    }

    /// A transaction that may write, so that what it reads first stays so.
    async fn begin(&self) -> Result<Transaction, Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin"))
    }

    /// A transaction that reads, so that all it reads is of one moment.
    async fn begin_reading(&self) -> Result<Transaction, Error> {
        self.pool.begin().await.map_err(failed("begin"))
    }

    /// Random text of 256 bits, and the keyed hash under which it is kept; `kind` tells what it is for.
    fn fresh_token(&self, kind: &str) -> Result<(String, String), Error> {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes).map_err(Error::Random)?;
        let token = key::to_hex(&bytes);
        let hash = self.token_hash(kind, &token);
        Ok((token, hash))
    }

    fn token_hash(&self, kind: &str, token: &str) -> String {
        key::to_hex(&self.secret.seal(format!("token\0{kind}\0{token}").as_bytes()))
    }

    /// The seal of a text of ours that goes through the caller's hands; `kind` tells what it is for.
    pub(crate) fn seal_text(&self, kind: &str, text: &str) -> String {
        self.token_hash(kind, text)
    }

    /// Whether this is the seal that [`Accounts::seal_text`] gave.
    pub(crate) fn is_text_seal(&self, kind: &str, text: &str, seal: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.token_hash(kind, text).as_bytes().ct_eq(seal.as_bytes()).into()
    }

    /// Removes what has ended: links, sessions, addresses that nobody confirmed, volumes of days gone by, shared
    /// baskets, and the log's old end.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn clean_up(&self, times: &SessionTimes, audit_days: u32) -> Result<(), Error> {
        self.drop_ended_sessions(times).await?;
        self.drop_ended_links().await?;
        self.drop_unconfirmed().await?;
        self.drop_old_volumes().await?;
        self.drop_ended_baskets().await?;
        let cut = self.cut_audit(audit_days).await?;
        if cut > 0 {
            tracing::info!(rows = cut, "the audit log was cut at its old end");
        }
        Ok(())
    }

    /// Writes out what is pending and closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod flips;
#[cfg(test)]
mod lifetimes;
#[cfg(test)]
mod tests;
