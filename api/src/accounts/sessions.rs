//! Sessions of browsers: a random cookie, kept as a keyed hash, that ends after a while.

use nilometer_schemas::Instant;
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::keys::LAST_USED_STEP_US;
use super::rows::{Column, Sealed, UserRow};
use super::{Accounts, Error, Powers, Principal, Transaction, Via};

/// Sessions of one account; a further one ends the oldest.
const PER_USER_MAX: usize = 20;
/// Bytes kept of a browser's name.
const BROWSER_BYTES_MAX: usize = 120;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// When sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SessionTimes {
    /// Hours without a request.
    pub idle_h: u32,
    /// Hours since the sign-in.
    pub absolute_h: u32,
}

/// A row of `sessions`.
#[derive(Clone, Debug)]
pub(super) struct SessionRow {
    id: String,
    user: i64,
    created: Instant,
    seen: Instant,
    browser: String,
}

impl Sealed for SessionRow {
    const TABLE: &'static str = "sessions";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            id: row.try_get("id").ok()?,
            user: row.try_get("account").ok()?,
            created: Instant(row.try_get("created").ok()?),
            seen: Instant(row.try_get("seen").ok()?),
            browser: row.try_get("browser").ok()?,
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Text(&self.id),
            Column::Integer(self.user),
            Column::Integer(self.created.0),
            Column::Integer(self.seen.0),
            Column::Text(&self.browser),
        ]
    }
}

impl SessionRow {
    fn is_over(&self, times: &SessionTimes, now: Instant) -> bool {
        let over = |since: Instant, hours: u32| !(0..i64::from(hours) * MICROS_PER_HOUR).contains(&(now.0 - since.0));
        over(self.seen, times.idle_h) || over(self.created, times.absolute_h)
    }
}

/// A session as its account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// A public name for it.
    pub id: String,
    /// When it began.
    pub created: Instant,
    /// Last request, to about five minutes.
    pub seen: Instant,
    /// What the browser calls itself.
    pub browser: String,
}

impl Session {
    /// The session for programs.
    pub fn to_json(&self) -> Value {
        json!({"id": self.id, "created": self.created.to_string(), "seen": self.seen.to_string(), "browser": self.browser})
    }
}

fn short(browser: &str) -> String {
    let mut end = browser.len().min(BROWSER_BYTES_MAX);
    while !browser.is_char_boundary(end) {
        end -= 1;
    }
    browser[..end].chars().filter(|c| !c.is_control()).collect()
}

impl Accounts {
    /// Begins a session of an account; what its cookie holds. The session of `old`, a cookie that the browser had, ends:
    /// nobody goes on with a cookie that was there before the sign-in.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begin_session(&self, user: i64, browser: &str, old: Option<&str>) -> Result<String, Error> {
        let (token, id) = self.fresh_token("session")?;
        let now = (self.clock)();
        let row = SessionRow { id, user, created: now, seen: now, browser: short(browser) };
        let mut transaction = self.begin().await?;
        if let Some(old) = old {
            let query = sqlx::query("DELETE FROM sessions WHERE id = ?").bind(self.token_hash("session", old));
            query.execute(&mut *transaction).await.map_err(failed("end a session"))?;
        }
        let query = sqlx::query("SELECT id FROM sessions WHERE account = ? ORDER BY seen DESC").bind(user);
        let held = query.fetch_all(&mut *transaction).await.map_err(failed("list sessions"))?;
        for oldest in held.iter().skip(PER_USER_MAX - 1) {
            let id: String = oldest.try_get("id").map_err(failed("list sessions"))?;
            let query = sqlx::query("DELETE FROM sessions WHERE id = ?").bind(id).execute(&mut *transaction);
            query.await.map_err(failed("end a session"))?;
        }
        let query =
            sqlx::query("INSERT INTO sessions (id, account, created, seen, browser, mac) VALUES (?, ?, ?, ?, ?, ?)");
        let query = query.bind(&row.id).bind(user).bind(now.0).bind(now.0).bind(&row.browser);
        let query = query.bind(row.mac(&self.secret)).execute(&mut *transaction);
        query.await.map_err(failed("begin a session"))?;
        transaction.commit().await.map_err(failed("commit a session"))?;
        Ok(token)
    }

    /// Who a session's cookie belongs to; `None` for one that is over or never was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn session(&self, token: &str, times: &SessionTimes) -> Result<Option<Principal>, Error> {
        let id = self.token_hash("session", token);
        let found = sqlx::query("SELECT * FROM sessions WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let found = found.map_err(failed("look up a session"))?;
        let now = (self.clock)();
        let row = found.and_then(|row| SessionRow::read(&row, &self.secret));
        let Some(row) = row.filter(|row| !row.is_over(times, now)) else { return Ok(None) };
        let user = sqlx::query("SELECT * FROM users WHERE id = ?").bind(row.user).fetch_optional(&self.pool).await;
        let user = user.map_err(failed("look up a user"))?.and_then(|user| UserRow::read(&user, &self.secret));
        let Some(user) = user.filter(|user| user.disabled.is_none()) else { return Ok(None) };
        let via = Via::Session(row.id.clone());
        self.note_seen(row, now);
        let principal = Principal::new(user.role, Some(user.name), Some(user.id), via, Powers::ALL);
        Ok(Some(self.with_rights(principal).await?))
    }

    /// As with keys: beside the request, and not over another process's change.
    fn note_seen(&self, mut row: SessionRow, now: Instant) {
        if (0..=LAST_USED_STEP_US).contains(&(now.0 - row.seen.0)) {
            return;
        }
        let before = row.mac(&self.secret);
        row.seen = now;
        let (pool, mac) = (self.pool.clone(), row.mac(&self.secret));
        tokio::spawn(async move {
            let query = sqlx::query("UPDATE sessions SET seen = ?, mac = ? WHERE id = ? AND mac = ?");
            if let Err(error) = query.bind(now.0).bind(mac).bind(&row.id).bind(before).execute(&pool).await {
                tracing::warn!(%error, "the last use of a session was not noted");
            }
        });
    }

    /// What forms of a session's pages hold, and no other site can know.
    pub fn csrf_token(&self, session: &str) -> String {
        self.seal_text("csrf", session)
    }

    /// Whether this is the text of [`Accounts::csrf_token`].
    pub fn is_csrf_token(&self, session: &str, token: &str) -> bool {
        self.is_text_seal("csrf", session, token)
    }

    /// Sessions of an account, those used last first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sessions_of(&self, user: i64, times: &SessionTimes) -> Result<Vec<Session>, Error> {
        let rows = sqlx::query("SELECT * FROM sessions WHERE account = ? ORDER BY seen DESC").bind(user);
        let rows = rows.fetch_all(&self.pool).await.map_err(failed("list sessions"))?;
        let now = (self.clock)();
        let rows = rows.iter().filter_map(|row| SessionRow::read(row, &self.secret));
        let open = rows.filter(|row| !row.is_over(times, now));
        Ok(open.map(|r| Session { id: r.id, created: r.created, seen: r.seen, browser: r.browser }).collect())
    }

    /// Ends a session of an account; whether there was one of this name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_session(&self, actor: &Actor, user: i64, id: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query("DELETE FROM sessions WHERE id = ? AND account = ?").bind(id).bind(user);
        let done = query.execute(&mut *transaction).await.map_err(failed("end a session"))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        // The name of a session is a hash, of which a part tells two apart.
        self.note(&mut transaction, actor, "session.end", id.get(..12).unwrap_or_default(), "done").await?;
        transaction.commit().await.map_err(failed("commit the end of a session"))?;
        Ok(true)
    }

    /// Ends all sessions of an account but one.
    pub(super) async fn end_sessions(
        &self,
        transaction: &mut Transaction,
        user: i64,
        but: Option<&str>,
    ) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM sessions WHERE account = ? AND id <> ?").bind(user);
        let done = query.bind(but.unwrap_or_default()).execute(&mut **transaction).await;
        done.map_err(failed("end sessions"))?;
        Ok(())
    }

    pub(super) async fn drop_ended_sessions(&self, times: &SessionTimes) -> Result<(), Error> {
        let now = (self.clock)().0;
        let query = sqlx::query("DELETE FROM sessions WHERE seen < ? OR created < ?");
        let query = query.bind(now - i64::from(times.idle_h) * MICROS_PER_HOUR);
        let query = query.bind(now - i64::from(times.absolute_h) * MICROS_PER_HOUR).execute(&self.pool);
        query.await.map_err(failed("drop ended sessions"))?;
        Ok(())
    }
}
