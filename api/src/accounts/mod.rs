//! Who calls: users, API keys and saved questions in `state.sqlite`.

mod check;
mod extract;
mod key;
mod link;
mod page_token;
mod rows;
mod secret;
mod wal;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use nilometer_indexer::Clock;
use nilometer_schemas::{Instant, Kind, Problem, Role, Scope};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use tokio::task::JoinHandle;

pub use check::check;
pub(crate) use extract::{Credential, credential};
pub use key::KeyText;
pub(crate) use link::LinkTerms;

use self::rows::{KeyRow, UserRow};
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
/// Bytes of a page of the database.
const PAGE_BYTES: u16 = 4096;
/// Hexadecimal digits of a question's id: 80 bits, so that two questions never meet by chance.
const SEARCH_ID_DIGITS: usize = 20;
/// Bytes of all kept questions together: anybody may keep some, and nobody fills the disk with them.
pub const SEARCHES_BYTES_MAX: i64 = 1 << 30;

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
    #[error("{0} holds no server secret, or was changed: restore it; without it, all keys must be made anew")]
    Secret(PathBuf),
    /// A row is not as it was written.
    #[error("{0} is damaged in the accounts database")]
    Damaged(String),
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

type Transaction = sqlx::Transaction<'static, sqlx::Sqlite>;

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
    /// Its row, or its user's, is not as this server wrote it.
    Damaged,
}

impl Refusal {
    /// Label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Wrong => "wrong",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Damaged => "damaged",
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

/// A key as the database holds it.
#[derive(Clone)]
enum Stored {
    Whole { row: KeyRow, user: UserRow },
    Damaged,
}

struct Cached {
    stored: Stored,
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
        let mut transaction = self.begin().await?;
        let user = self.seal_user(&mut transaction, user, role, now).await?;
        let row = KeyRow {
            id: key.id().to_owned(),
            user,
            hash: self.secret.hash(&key),
            role: Some(role),
            created: now,
            expires: expires.map(Instant),
            revoked: None,
            last_used: None,
        };
        sqlx::query("INSERT INTO keys (id, user, hash, role, created, expires, mac) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(&row.id)
            .bind(row.user)
            .bind(&row.hash)
            .bind(role_name(role))
            .bind(now.0)
            .bind(expires)
            .bind(row.mac(&self.secret))
            .execute(&mut *transaction)
            .await
            .map_err(failed("create a key"))?;
        transaction.commit().await.map_err(failed("commit a key"))?;
        Ok(key)
    }

    /// A transaction that may write, so that what it reads first stays so.
    async fn begin(&self) -> Result<Transaction, Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin"))
    }

    /// The id of the user of this name, who is made if there is none. A damaged row is written anew: the operator
    /// has just said who this is.
    async fn seal_user(
        &self,
        transaction: &mut Transaction,
        name: &str,
        role: Role,
        created: Instant,
    ) -> Result<i64, Error> {
        let found = sqlx::query("SELECT * FROM users WHERE name = ?").bind(name).fetch_optional(&mut **transaction);
        let found = found.await.map_err(failed("look up a user"))?;
        if let Some(user) = found.as_ref().and_then(|row| UserRow::read(row, &self.secret)) {
            return Ok(user.id);
        }
        let id = match &found {
            Some(row) => row.try_get("id"),
            None => {
                let next = sqlx::query_scalar("SELECT coalesce(max(id), 0) + 1 FROM users");
                next.fetch_one(&mut **transaction).await
            }
        };
        let user = UserRow { id: id.map_err(failed("number a user"))?, name: name.to_owned(), role, created };
        sqlx::query(
            "INSERT INTO users (id, name, role, created, mac) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET role = excluded.role, created = excluded.created, mac = excluded.mac",
        )
        .bind(user.id)
        .bind(name)
        .bind(role_name(role))
        .bind(created.0)
        .bind(user.mac(&self.secret))
        .execute(&mut **transaction)
        .await
        .map_err(failed("create a user"))?;
        Ok(user.id)
    }

    /// All keys, oldest first. Damaged ones are left out and logged.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let users = sqlx::query("SELECT * FROM users").fetch_all(&self.pool).await.map_err(failed("list users"))?;
        let users = users.iter().filter_map(|row| UserRow::read(row, &self.secret));
        let users: HashMap<i64, UserRow> = users.map(|user| (user.id, user)).collect();
        let rows = sqlx::query("SELECT * FROM keys ORDER BY created, id").fetch_all(&self.pool).await;
        let mut keys = Vec::new();
        for row in &rows.map_err(failed("list keys"))? {
            let key = KeyRow::read(row, &self.secret);
            match key.and_then(|key| users.get(&key.user).map(|user| key.info(user))) {
                Some(info) => keys.push(info),
                None => warn_of_damage(&row.try_get::<String, _>("id").unwrap_or_default()),
            }
        }
        Ok(keys)
    }

    /// Takes a key back; `false` if there is none of this id. In this process it ends at once, in others within
    /// two seconds. A damaged row, which no key fits any more, is removed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let found = sqlx::query("SELECT * FROM keys WHERE id = ?").bind(id).fetch_optional(&mut *transaction).await;
        let Some(found) = found.map_err(failed("look up a key"))? else { return Ok(false) };
        let query = match KeyRow::read(&found, &self.secret) {
            Some(mut row) => {
                row.revoked = row.revoked.or(Some((self.clock)()));
                sqlx::query("UPDATE keys SET revoked = ?, mac = ? WHERE id = ?")
                    .bind(row.revoked.map(|at| at.0))
                    .bind(row.mac(&self.secret))
            }
            None => sqlx::query("DELETE FROM keys WHERE id = ?"),
        };
        query.bind(id).execute(&mut *transaction).await.map_err(failed("revoke a key"))?;
        transaction.commit().await.map_err(failed("commit a revocation"))?;
        self.cache.lock().remove(id);
        Ok(true)
    }

    /// Who holds this key.
    ///
    /// # Errors
    /// Outer: the database failed. Inner: the key is refused.
    pub async fn authenticate(&self, text: &str) -> Result<Result<Principal, Refusal>, Error> {
        let Ok(key) = text.parse::<KeyText>() else { return Ok(Err(Refusal::Malformed)) };
        let now = (self.clock)();
        let (row, user) = match self.stored(key.id(), now).await? {
            Some(Stored::Whole { row, user }) => (row, user),
            Some(Stored::Damaged) => return Ok(Err(Refusal::Damaged)),
            None => return Ok(Err(Refusal::Wrong)),
        };
        if !self.secret.matches(&key, &row.hash) {
            return Ok(Err(Refusal::Wrong));
        }
        if row.revoked.is_some() {
            return Ok(Err(Refusal::Revoked));
        }
        if row.expires.is_some_and(|end| end <= now) {
            return Ok(Err(Refusal::Expired));
        }
        let KeyInfo { id, user, role, .. } = row.info(&user);
        self.note_use(row, now);
        Ok(Ok(Principal { role, user: Some(user), key_id: Some(id) }))
    }

    async fn stored(&self, id: &str, now: Instant) -> Result<Option<Stored>, Error> {
        if let Some(cached) = self.cache.lock().get(id) {
            // A clock set back makes the age negative: then the row is read again.
            if (0..CACHE_TTL_US).contains(&(now.0 - cached.read.0)) {
                return Ok(Some(cached.stored.clone()));
            }
        }
        let Some(stored) = self.read_key(id).await? else { return Ok(None) };
        if matches!(stored, Stored::Damaged) {
            warn_of_damage(id);
        }
        let mut cache = self.cache.lock();
        if cache.len() >= CACHE_ENTRIES_MAX {
            cache.clear();
        }
        cache.insert(id.to_owned(), Cached { stored: stored.clone(), read: now });
        Ok(Some(stored))
    }

    async fn read_key(&self, id: &str) -> Result<Option<Stored>, Error> {
        let found = sqlx::query("SELECT * FROM keys WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let Some(found) = found.map_err(failed("look up a key"))? else { return Ok(None) };
        let Some(row) = KeyRow::read(&found, &self.secret) else { return Ok(Some(Stored::Damaged)) };
        let found = sqlx::query("SELECT * FROM users WHERE id = ?").bind(row.user).fetch_optional(&self.pool).await;
        let user = found.map_err(failed("look up a user"))?.and_then(|found| UserRow::read(&found, &self.secret));
        Ok(Some(user.map_or(Stored::Damaged, |user| Stored::Whole { row, user })))
    }

    /// Notes the use of a key at times. Beside the request: it must not wait for a writer, nor fail when the disk is
    /// full. Where another process has changed the row in between, that change stands and the use goes unnoted.
    fn note_use(&self, mut row: KeyRow, now: Instant) -> Option<JoinHandle<()>> {
        if row.last_used.is_some_and(|used| (0..=LAST_USED_STEP_US).contains(&(now.0 - used.0))) {
            return None;
        }
        let before = row.mac(&self.secret);
        row.last_used = Some(now);
        if let Some(Cached { stored: Stored::Whole { row: cached, .. }, .. }) = self.cache.lock().get_mut(&row.id) {
            cached.last_used = row.last_used;
        }
        let (pool, mac) = (self.pool.clone(), row.mac(&self.secret));
        Some(tokio::spawn(async move {
            let query = sqlx::query("UPDATE keys SET last_used = ?, mac = ? WHERE id = ? AND mac = ?");
            let query = query.bind(now.0).bind(mac).bind(&row.id).bind(before);
            if let Err(error) = query.execute(&pool).await {
                tracing::warn!(key.id = %row.id, %error, "the last use of a key was not noted");
            }
        }))
    }

    /// Keeps a question and gives its id, which is made from its text: the same text has the same id.
    ///
    /// # Errors
    /// If the database fails, or holds [`SEARCHES_BYTES_MAX`] of questions already and not this one.
    pub async fn save_search(&self, body: &str) -> Result<String, Error> {
        let id = search_id(body);
        let sum = "SELECT COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0), COALESCE(SUM(id = ?), 0) FROM searches";
        let sum = sqlx::query_as::<_, (i64, i64)>(sum).bind(&id).fetch_one(&self.pool).await;
        let (bytes, known) = sum.map_err(failed("save a search"))?;
        if known == 0 && bytes + body.len() as i64 > SEARCHES_BYTES_MAX {
            let detail =
                format!("the service keeps {SEARCHES_BYTES_MAX} bytes of questions, and has no room for this one");
            return Err(Error::Problem(Problem::new(Kind::StorageFull, "searches-full", detail)));
        }
        let query = sqlx::query(
            "INSERT INTO searches (id, body) VALUES (?, ?) \
             ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
        );
        query.bind(&id).bind(body).execute(&self.pool).await.map_err(failed("save a search"))?;
        Ok(id)
    }

    /// The question of an id.
    ///
    /// # Errors
    /// If the database fails, or the question is not the one that was kept.
    pub async fn load_search(&self, id: &str) -> Result<Option<String>, Error> {
        let row = sqlx::query("SELECT body FROM searches WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let Some(row) = row.map_err(failed("load a search"))? else { return Ok(None) };
        let body = row.try_get::<String, _>("body").ok().filter(|body| search_id(body) == id);
        body.map(Some).ok_or_else(|| Error::Damaged(format!("search {id:?}")))
    }

    /// Writes out what is pending and closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The id of a question: the beginning of the SHA-256 of its text.
fn search_id(body: &str) -> String {
    let mut id = key::to_hex(&Sha256::digest(body.as_bytes()));
    id.truncate(SEARCH_ID_DIGITS);
    id
}

fn warn_of_damage(id: &str) {
    tracing::warn!(key.id = %id, "the row of a key or of its user is damaged, or was sealed under another secret");
}

/// Name of a role on the command line and in the database.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Visitor => "visitor",
        Role::Operator => "operator",
    }
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
mod flips;
#[cfg(test)]
mod tests;
