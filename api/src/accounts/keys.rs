//! API keys: made, listed, taken back, and recognised in requests.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use nilometer_schemas::{Instant, Kind, Problem, Role};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sqlx::Row;
use tokio::task::JoinHandle;

use super::audit::Actor;
use super::error::failed;
use super::principal::{Powers, Via};
use super::rows::{KeyRow, Sealed, UserRow};
use super::{Accounts, Error, KeyText, MICROS_PER_DAY, Principal, Transaction};

/// How long a key's row is believed before it is read again, microseconds; bounds how long a revoked key still works.
pub(super) const CACHE_TTL_US: i64 = 2_000_000;
/// Keys remembered at once.
const CACHE_ENTRIES_MAX: usize = 10_000;
/// A key's last use is noted at most this often, microseconds.
pub(super) const LAST_USED_STEP_US: i64 = 300_000_000;
/// Keys that still work of one account.
const KEYS_PER_USER_MAX: usize = 50;
/// Bytes of a key's name.
const NAME_BYTES_MAX: usize = 80;

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
    /// Its account was closed by those who look after accounts.
    Disabled,
    /// A token that its issuer did not make for this service, or not for now.
    Token,
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
            Self::Disabled => "disabled",
            Self::Token => "token",
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
    /// What its holder calls it.
    pub name: Option<String>,
    /// What it was narrowed to, with commas; `None` for all that the role allows.
    pub scopes: Option<String>,
    /// When it was made.
    pub created: Instant,
    /// When it ends, if it does.
    pub expires: Option<Instant>,
    /// When it was taken back, if it was.
    pub revoked: Option<Instant>,
    /// Last use, to about five minutes.
    pub last_used: Option<Instant>,
}

impl KeyInfo {
    /// The key for programs.
    pub fn to_json(&self) -> Value {
        let moment = |at: Option<Instant>| at.map(|at| at.to_string());
        json!({
            "id": self.id, "name": self.name, "role": self.role.name(), "scopes": self.scopes,
            "created": self.created.to_string(), "expires": moment(self.expires), "revoked": moment(self.revoked),
            "last_used": moment(self.last_used),
        })
    }
}

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its role in place of the account's.
    pub role: Option<Role>,
    /// Days until it ends.
    pub expires_days: Option<u32>,
    /// What its holder calls it.
    pub name: Option<String>,
    /// What it may do of what the role allows.
    pub powers: Powers,
}

impl Default for NewKey {
    fn default() -> Self {
        Self { role: None, expires_days: None, name: None, powers: Powers::ALL }
    }
}

/// A key as the database holds it.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "damaged rows are rare, and few are held at a time")]
pub(super) enum Stored {
    Whole { row: KeyRow, user: UserRow },
    Damaged,
}

struct Cached {
    stored: Stored,
    read: Instant,
}

/// Keys that were looked up lately.
#[derive(Clone, Default)]
pub(super) struct Cache(Arc<Mutex<HashMap<String, Cached>>>);

impl Cache {
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }
}

impl Accounts {
    /// Makes a key of a role, and the account if there is none. The text is shown once and kept nowhere.
    ///
    /// # Errors
    /// `Invalid` for a name that is none.
    pub async fn create_key(&self, user: &str, role: Role, expires_days: Option<u32>) -> Result<KeyText, Error> {
        let new = NewKey { role: Some(role), expires_days, ..NewKey::default() };
        self.create_key_for(&Actor::command(), user, &new).await
    }

    /// Makes a key for an account by its name; the account too, as a user's or the key's role, if there is none.
    ///
    /// # Errors
    /// `Invalid` for a name that is none.
    pub async fn create_key_for(&self, actor: &Actor, user: &str, new: &NewKey) -> Result<KeyText, Error> {
        super::users::check_name(user)?;
        let mut transaction = self.begin().await?;
        let id = self.seal_user(&mut transaction, user, new.role.unwrap_or(Role::User), (self.clock)()).await?;
        let key = self.insert_key(&mut transaction, actor, (id, user), new, None).await?;
        transaction.commit().await.map_err(failed("commit a key"))?;
        Ok(key)
    }

    /// Makes a key for an account, asked by somebody who showed to be its holder. It follows the account's role, or is of the
    /// role of the credential that makes it where that was made for less; and it ends no later than that one.
    ///
    /// # Errors
    /// `Invalid` for a name that is none, `Conflict` for too many keys.
    pub async fn create_own_key(
        &self,
        actor: &Actor,
        id: i64,
        maker: &Principal,
        new: &NewKey,
    ) -> Result<KeyText, Error> {
        if new.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control)) {
            let detail = format!("the name of a key has at most {NAME_BYTES_MAX} bytes and no control characters");
            return Err(Problem::invalid("key-name", detail).at("name").into());
        }
        let mut transaction = self.begin().await?;
        let user = self.user_row(&mut transaction, id).await?;
        let working =
            "SELECT count(*) FROM keys WHERE account = ? AND revoked IS NULL AND (expires IS NULL OR expires > ?)";
        let working = sqlx::query_scalar::<_, i64>(working).bind(id).bind((self.clock)().0);
        let working = working.fetch_one(&mut *transaction).await.map_err(failed("count keys"))?;
        if working >= KEYS_PER_USER_MAX as i64 {
            let detail = format!("an account has at most {KEYS_PER_USER_MAX} keys; take one back first");
            return Err(Problem::new(Kind::Conflict, "keys-full", detail).into());
        }
        let ends = match maker.key_id() {
            Some(key) => {
                let query = sqlx::query_scalar::<_, Option<i64>>("SELECT expires FROM keys WHERE id = ?").bind(key);
                query.fetch_optional(&mut *transaction).await.map_err(failed("look up a key"))?.flatten()
            }
            None => None,
        };
        let new = NewKey { role: (maker.role < user.role).then_some(maker.role), ..new.clone() };
        let key = self.insert_key(&mut transaction, actor, (id, &user.name), &new, ends).await?;
        transaction.commit().await.map_err(failed("commit a key"))?;
        Ok(key)
    }

    /// Writes a key of a user, by number and name; it ends at `ends` at the latest.
    async fn insert_key(
        &self,
        transaction: &mut Transaction,
        actor: &Actor,
        (user, user_name): (i64, &str),
        new: &NewKey,
        ends: Option<i64>,
    ) -> Result<KeyText, Error> {
        let key = KeyText::generate(&self.random)?;
        let now = (self.clock)();
        let asked = new.expires_days.map(|days| now.0.saturating_add(i64::from(days) * MICROS_PER_DAY));
        let expires = asked.into_iter().chain(ends).min();
        let row = KeyRow {
            id: key.id().to_owned(),
            user,
            hash: self.secret.hash(&key),
            role: new.role,
            created: now,
            expires: expires.map(Instant),
            revoked: None,
            last_used: None,
            name: new.name.clone().filter(|name| !name.is_empty()),
            scopes: new.powers.names(),
        };
        let query = sqlx::query(
            "INSERT INTO keys (id, account, hash, role, created, expires, name, scopes, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let query = query.bind(&row.id).bind(row.user).bind(&row.hash).bind(row.role.map(Role::name)).bind(now.0);
        let query = query.bind(expires).bind(&row.name).bind(&row.scopes).bind(row.mac(&self.secret));
        query.execute(&mut **transaction).await.map_err(failed("create a key"))?;
        self.note(transaction, actor, "key.create", &format!("{} of {user_name}", row.id), "done").await?;
        Ok(key)
    }

    /// The id of the user of this name, who is made if there is none. A damaged row is written anew: the operator
    /// has just said who this is.
    pub(super) async fn seal_user(
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
        let id = id.map_err(failed("number a user"))?;
        let user = UserRow { id, name: name.to_owned(), role, created, disabled: None };
        sqlx::query(
            "INSERT INTO users (id, name, role, created, mac) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET role = excluded.role, created = excluded.created, disabled = NULL, \
             mac = excluded.mac",
        )
        .bind(user.id)
        .bind(name)
        .bind(role.name())
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

    /// The keys of one account, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keys_of(&self, id: i64) -> Result<Vec<KeyInfo>, Error> {
        let mut transaction = self.begin_reading().await?;
        let user = self.user_row(&mut transaction, id).await?;
        let rows = sqlx::query("SELECT * FROM keys WHERE account = ? ORDER BY created DESC, id").bind(id);
        let rows = rows.fetch_all(&mut *transaction).await.map_err(failed("list keys"))?;
        Ok(rows.iter().filter_map(|row| KeyRow::read(row, &self.secret)).map(|key| key.info(&user)).collect())
    }

    /// Takes a key back; `false` if there is none of this id. In this process it ends at once, in others within
    /// two seconds. A damaged row, which no key fits any more, is removed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        self.revoke_as(&Actor::command(), id, None).await
    }

    /// As [`Accounts::revoke`]; with `owner`, a key of that account alone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke_as(&self, actor: &Actor, id: &str, owner: Option<i64>) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let found = sqlx::query("SELECT * FROM keys WHERE id = ?").bind(id).fetch_optional(&mut *transaction).await;
        let Some(found) = found.map_err(failed("look up a key"))? else { return Ok(false) };
        if owner.is_some() && found.try_get::<i64, _>("account").ok() != owner {
            return Ok(false);
        }
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
        self.note(&mut transaction, actor, "key.revoke", id, "done").await?;
        transaction.commit().await.map_err(failed("commit a revocation"))?;
        self.cache.0.lock().remove(id);
        Ok(true)
    }

    /// Who holds this key.
    ///
    /// # Errors
    /// Outer: the database failed. Inner: the key is refused.
    pub async fn authenticate(&self, text: &str) -> Result<Result<Principal, Refusal>, Error> {
        let Ok(key) = text.parse::<KeyText>() else { return Ok(Err(Refusal::Malformed)) };
        let now = (self.clock)();
        let found = self.recognised(key.id(), now, |row| self.secret.matches(&key, &row.hash)).await?;
        Ok(found.map(|(principal, row)| {
            self.note_use(row, now);
            principal
        }))
    }

    /// Who holds the key of this id, while it is valid.
    ///
    /// # Errors
    /// As [`Accounts::authenticate`].
    pub(crate) async fn holder(&self, id: &str) -> Result<Result<Principal, Refusal>, Error> {
        let found = self.recognised(id, (self.clock)(), |_| true).await?;
        Ok(found.map(|(principal, _)| principal))
    }

    async fn recognised(
        &self,
        id: &str,
        now: Instant,
        is_right: impl FnOnce(&KeyRow) -> bool,
    ) -> Result<Result<(Principal, KeyRow), Refusal>, Error> {
        let (row, user) = match self.stored(id, now).await? {
            Some(Stored::Whole { row, user }) => (row, user),
            Some(Stored::Damaged) => return Ok(Err(Refusal::Damaged)),
            None => return Ok(Err(Refusal::Wrong)),
        };
        if !is_right(&row) {
            return Ok(Err(Refusal::Wrong));
        }
        if row.revoked.is_some() {
            return Ok(Err(Refusal::Revoked));
        }
        if row.expires.is_some_and(|end| end <= now) {
            return Ok(Err(Refusal::Expired));
        }
        if user.disabled.is_some() {
            return Ok(Err(Refusal::Disabled));
        }
        // The names were checked when the key was made, and the row is sealed.
        let powers = Powers::parse(row.scopes.as_deref().unwrap_or_default())?;
        let role = row.role.unwrap_or(user.role);
        let via = Via::Key(row.id.clone());
        let principal = Principal::new(role, Some(user.name), Some(user.id), via, powers);
        Ok(Ok((self.with_rights(principal).await?, row)))
    }

    async fn stored(&self, id: &str, now: Instant) -> Result<Option<Stored>, Error> {
        if let Some(cached) = self.cache.0.lock().get(id) {
            // A clock set back makes the age negative: then the row is read again.
            if (0..CACHE_TTL_US).contains(&(now.0 - cached.read.0)) {
                return Ok(Some(cached.stored.clone()));
            }
        }
        let Some(stored) = self.read_key(id).await? else { return Ok(None) };
        if matches!(stored, Stored::Damaged) {
            warn_of_damage(id);
        }
        let mut cache = self.cache.0.lock();
        if cache.len() >= CACHE_ENTRIES_MAX {
            cache.clear();
        }
        cache.insert(id.to_owned(), Cached { stored: stored.clone(), read: now });
        Ok(Some(stored))
    }

    pub(super) async fn read_key(&self, id: &str) -> Result<Option<Stored>, Error> {
        let found = sqlx::query("SELECT * FROM keys WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let Some(found) = found.map_err(failed("look up a key"))? else { return Ok(None) };
        let Some(row) = KeyRow::read(&found, &self.secret) else { return Ok(Some(Stored::Damaged)) };
        let found = sqlx::query("SELECT * FROM users WHERE id = ?").bind(row.user).fetch_optional(&self.pool).await;
        let user = found.map_err(failed("look up a user"))?.and_then(|found| UserRow::read(&found, &self.secret));
        Ok(Some(user.map_or(Stored::Damaged, |user| Stored::Whole { row, user })))
    }

    /// Notes the use of a key at times. Beside the request: it must not wait for a writer, nor fail when the disk is
    /// full. Where another process has changed the row in between, that change stands and the use goes unnoted.
    pub(super) fn note_use(&self, mut row: KeyRow, now: Instant) -> Option<JoinHandle<()>> {
        if row.last_used.is_some_and(|used| (0..=LAST_USED_STEP_US).contains(&(now.0 - used.0))) {
            return None;
        }
        let before = row.mac(&self.secret);
        row.last_used = Some(now);
        if let Some(Cached { stored: Stored::Whole { row: cached, .. }, .. }) = self.cache.0.lock().get_mut(&row.id) {
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
}

fn warn_of_damage(id: &str) {
    tracing::warn!(key.id = %id, "the row of a key or of its user is damaged, or was sealed under another secret");
}

impl FromStr for KeyText {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).ok_or(Refusal::Malformed)
    }
}
