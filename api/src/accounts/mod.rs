//! Who calls: users, API keys and saved questions in `state.sqlite`.

mod extract;
mod key;
mod secret;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use nilometer_indexer::Clock;
use nilometer_schemas::{Instant, Kind, Problem, Role, Scope};
use parking_lot::Mutex;
use sqlx::Row;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};

pub(crate) use extract::{Credential, credential};
pub use key::KeyText;

use crate::problem::ApiError;
use crate::state::Random;

/// File of the accounts in the data directory.
pub const FILE_NAME: &str = "state.sqlite";
/// How long a key's row is believed before it is read again, microseconds; bounds how long a revoked key still works.
const CACHE_TTL_US: i64 = 2_000_000;
/// Keys remembered at once.
const CACHE_ENTRIES_MAX: usize = 10_000;
/// A key's last use is noted at most this often, microseconds.
const LAST_USED_STEP_US: i64 = 300_000_000;
/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const MICROS_PER_DAY: i64 = 86_400_000_000;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Who a request comes from. An extractor for routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What they may do.
    pub role: Role,
    /// Name of the account, if any.
    pub user: Option<String>,
    /// Id of the key used, if any.
    pub key_id: Option<String>,
}

impl Principal {
    /// Anybody without credentials.
    pub fn visitor() -> Self {
        Self { role: Role::Visitor, user: None, key_id: None }
    }

    /// What they may see.
    pub fn scope(&self) -> Scope {
        Scope::of(self.role)
    }

    /// Whether they came without credentials.
    pub fn is_anonymous(&self) -> bool {
        self.key_id.is_none()
    }

    /// Passes operators.
    ///
    /// # Errors
    /// `Unauthorized` for those without key, `Forbidden` for known callers of another role.
    pub fn require_operator(&self) -> Result<(), Problem> {
        match (self.role, &self.key_id) {
            (Role::Operator, _) => Ok(()),
            (_, None) => Err(Problem::new(Kind::Unauthorized, "key-required", "this needs an operator's API key")
                .at("Authorization")
                .allowed("Bearer KEY")),
            (_, Some(_)) => {
                Err(Problem::new(Kind::Forbidden, "operator-required", "this key's role does not allow that"))
            }
        }
    }
}

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
    #[error("{0} does not hold a server secret of 64 hexadecimal digits")]
    Secret(PathBuf),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// The caller's fault.
    #[error("{0}")]
    Problem(#[from] Problem),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => problem.into(),
            other => Self::internal(crate::problem::chain(&other)),
        }
    }
}

fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Database { action, source }
}

/// Why a credential is refused; the caller hears the same of all, metrics tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Not of a key's form.
    Malformed,
    /// No such key, or a wrong secret.
    Wrong,
    /// Past its end.
    Expired,
    /// Taken back.
    Revoked,
}

impl Refusal {
    /// Label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Wrong => "wrong",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Public part of the key.
    pub id: String,
    /// Name of the account.
    pub user: String,
    /// Role in force.
    pub role: Role,
    /// When it was made.
    pub created: Instant,
    /// When it ends, if it does.
    pub expires: Option<Instant>,
    /// When it was taken back, if it was.
    pub revoked: Option<Instant>,
    /// Last use, to about five minutes.
    pub last_used: Option<Instant>,
}

#[derive(Clone)]
struct StoredKey {
    hash: Vec<u8>,
    info: KeyInfo,
}

struct Cached {
    stored: StoredKey,
    read: Instant,
}

/// The accounts. Clones share one pool.
#[derive(Clone)]
pub struct Accounts {
    pool: SqlitePool,
    secret: Arc<secret::Secret>,
    cache: Arc<Mutex<HashMap<String, Cached>>>,
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
        std::fs::create_dir_all(dir).map_err(io)?;
        let secret = secret::Secret::open(dir, &random)?;
        let path = dir.join(FILE_NAME);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(failed("open a connection"))?;
        MIGRATIONS.run(&pool).await.map_err(|source| Error::Migrate { path, source })?;
        Ok(Self { pool, secret: Arc::new(secret), cache: Arc::default(), clock, random })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT count(*) FROM users").fetch_one(&self.pool).await.map_err(failed("read"))?;
        Ok(())
    }

    /// Makes a key, and the account if there is none. The text is shown once and kept nowhere.
    ///
    /// # Errors
    /// `Invalid` for a name that is none.
    pub async fn create_key(&self, user: &str, role: Role, expires_days: Option<u32>) -> Result<KeyText, Error> {
        if user.is_empty() || user.len() > 128 || user.chars().any(char::is_control) {
            return Err(Problem::invalid("user-name", "a user's name has 1 to 128 bytes and no control characters")
                .at("user")
                .into());
        }
        let key = KeyText::generate(&self.random)?;
        let now = (self.clock)();
        let expires = expires_days.map(|days| now.0.saturating_add(i64::from(days) * MICROS_PER_DAY));
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin"))?;
        sqlx::query("INSERT INTO users (name, role, created) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING")
            .bind(user)
            .bind(role_name(role))
            .bind(now.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed("create a user"))?;
        sqlx::query(
            "INSERT INTO keys (id, user, hash, role, created, expires) \
             SELECT ?, id, ?, ?, ?, ? FROM users WHERE name = ?",
        )
        .bind(key.id())
        .bind(self.secret.hash(&key))
        .bind(role_name(role))
        .bind(now.0)
        .bind(expires)
        .bind(user)
        .execute(&mut *transaction)
        .await
        .map_err(failed("create a key"))?;
        transaction.commit().await.map_err(failed("commit a key"))?;
        Ok(key)
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let rows = sqlx::query(
            "SELECT k.id, u.name, coalesce(k.role, u.role) AS role, k.hash, k.created, k.expires, k.revoked, k.last_used \
             FROM keys k JOIN users u ON u.id = k.user ORDER BY k.created, k.id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list keys"))?;
        rows.iter().map(|row| stored_key(row).map(|stored| stored.info)).collect()
    }

    /// Takes a key back; `false` if there is none of this id. In this process it ends at once, in others within
    /// two seconds.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        let done = sqlx::query("UPDATE keys SET revoked = coalesce(revoked, ?) WHERE id = ?")
            .bind((self.clock)().0)
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(failed("revoke a key"))?;
        self.cache.lock().remove(id);
        Ok(done.rows_affected() > 0)
    }

    /// Who holds this key.
    ///
    /// # Errors
    /// Outer: the database failed. Inner: the key is refused.
    pub async fn authenticate(&self, text: &str) -> Result<Result<Principal, Refusal>, Error> {
        let Ok(key) = text.parse::<KeyText>() else { return Ok(Err(Refusal::Malformed)) };
        let now = (self.clock)();
        let Some(stored) = self.stored(key.id(), now).await? else { return Ok(Err(Refusal::Wrong)) };
        if !self.secret.matches(&key, &stored.hash) {
            return Ok(Err(Refusal::Wrong));
        }
        if stored.info.revoked.is_some() {
            return Ok(Err(Refusal::Revoked));
        }
        if stored.info.expires.is_some_and(|end| end <= now) {
            return Ok(Err(Refusal::Expired));
        }
        let KeyInfo { id, user, role, .. } = stored.info;
        Ok(Ok(Principal { role, user: Some(user), key_id: Some(id) }))
    }

    async fn stored(&self, id: &str, now: Instant) -> Result<Option<StoredKey>, Error> {
        if let Some(cached) = self.cache.lock().get(id) {
            // A clock set back makes the age negative: then the row is read again.
            if (0..CACHE_TTL_US).contains(&(now.0 - cached.read.0)) {
                return Ok(Some(cached.stored.clone()));
            }
        }
        let row = sqlx::query(
            "SELECT k.id, u.name, coalesce(k.role, u.role) AS role, k.hash, k.created, k.expires, k.revoked, k.last_used \
             FROM keys k JOIN users u ON u.id = k.user WHERE k.id = ?",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look up a key"))?;
        let Some(stored) = row.as_ref().map(stored_key).transpose()? else { return Ok(None) };
        if stored.info.last_used.is_none_or(|used| now.0 - used.0 > LAST_USED_STEP_US) {
            self.note_use(stored.info.id.clone(), now);
        }
        let mut cache = self.cache.lock();
        if cache.len() >= CACHE_ENTRIES_MAX {
            cache.clear();
        }
        cache.insert(id.to_owned(), Cached { stored: stored.clone(), read: now });
        Ok(Some(stored))
    }

    /// Beside the request: it must not wait for a writer, nor fail when the disk is full.
    fn note_use(&self, id: String, now: Instant) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            let query = sqlx::query("UPDATE keys SET last_used = ? WHERE id = ?").bind(now.0).bind(&id);
            if let Err(error) = query.execute(&pool).await {
                tracing::warn!(key.id = %id, %error, "the last use of a key was not noted");
            }
        });
    }

    /// Keeps a question under its id; the same id again changes nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn save_search(&self, id: &str, body: &str) -> Result<(), Error> {
        sqlx::query("INSERT INTO searches (id, body, created) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(body)
            .bind((self.clock)().0)
            .execute(&self.pool)
            .await
            .map_err(failed("save a search"))?;
        Ok(())
    }

    /// The question of an id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn load_search(&self, id: &str) -> Result<Option<String>, Error> {
        let row = sqlx::query("SELECT body FROM searches WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let row = row.map_err(failed("load a search"))?;
        row.map(|r| r.try_get("body").map_err(failed("read a search"))).transpose()
    }

    /// Writes out what is pending and closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// What is wrong with the accounts of a data directory, one line a finding; a directory without accounts is right.
pub async fn check(dir: &Path) -> Vec<String> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Vec::new();
    }
    let said = |detail: String| vec![format!("{}: {detail}", path.display())];
    let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY_TIMEOUT);
    let pool = match SqlitePoolOptions::new().max_connections(1).connect_with(options).await {
        Ok(pool) => pool,
        Err(error) => return said(error.to_string()),
    };
    let rows = sqlx::query("PRAGMA integrity_check").fetch_all(&pool).await;
    pool.close().await;
    let mut findings = match rows {
        Ok(rows) => {
            let lines = rows.iter().map(|row| row.try_get(0).unwrap_or_else(|e: sqlx::Error| e.to_string()));
            lines.filter(|line: &String| line != "ok").flat_map(said).collect()
        }
        Err(error) => said(error.to_string()),
    };
    findings.extend(secret::Secret::check(dir).err().map(|error| error.to_string()));
    findings
}

/// Name of a role on the command line and in the database.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Visitor => "visitor",
        Role::Operator => "operator",
    }
}

fn stored_key(row: &SqliteRow) -> Result<StoredKey, Error> {
    let read = || -> Result<StoredKey, sqlx::Error> {
        let moment = |name: &str| row.try_get::<Option<i64>, _>(name).map(|m| m.map(Instant));
        let role = match row.try_get::<String, _>("role")?.as_str() {
            "operator" => Role::Operator,
            _ => Role::Visitor,
        };
        let info = KeyInfo {
            id: row.try_get("id")?,
            user: row.try_get("name")?,
            role,
            created: Instant(row.try_get("created")?),
            expires: moment("expires")?,
            revoked: moment("revoked")?,
            last_used: moment("last_used")?,
        };
        Ok(StoredKey { hash: row.try_get("hash")?, info })
    };
    read().map_err(failed("read a key"))
}

/// Reads a role's name.
///
/// # Errors
/// Names the roles there are.
pub fn parse_role(text: &str) -> Result<Role, String> {
    match text {
        "visitor" => Ok(Role::Visitor),
        "operator" => Ok(Role::Operator),
        other => Err(format!("{other:?} is no role: visitor or operator")),
    }
}

impl FromStr for KeyText {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).ok_or(Refusal::Malformed)
    }
}

#[cfg(test)]
mod tests;
