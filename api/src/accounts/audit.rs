//! The audit log: who did what to accounts and rights, from where, and with what outcome.
//!
//! Each row's seal covers the seal of the row before it, and one sealed row knows both ends of the log: a row that was
//! changed, taken out or cut off shows in `nilometer check`. Only whoever holds the server's secret can write a log that
//! passes.

use nilometer_schemas::{Instant, Kind, Problem};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::failed;
use super::rows::{Column, Sealed, bytes, sealed_bytes};
use super::secret::Secret;
use super::{Accounts, Error, MICROS_PER_DAY, Principal, Transaction};
use crate::context::RequestContext;

/// Most rows of one answer.
pub(crate) const ROWS_MAX: usize = 1_000;
/// Bytes of a text in a row: what callers send is cut.
const TEXT_BYTES_MAX: usize = 256;

/// Who acts, and from where.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    name: String,
    key: Option<String>,
    address: Option<String>,
    request: String,
}

impl Actor {
    /// The command line.
    pub fn command() -> Self {
        Self { name: "command line".into(), ..Self::default() }
    }

    /// Whoever sent a request.
    pub fn of(principal: &Principal, context: &RequestContext) -> Self {
        Self {
            name: principal.user.clone().unwrap_or_default(),
            key: principal.key_id().map(str::to_owned),
            address: context.client.map(|address| address.to_string()),
            request: context.request_id.clone(),
        }
    }

    /// The same request, once it is known whose it is.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }
}

/// A row of `audit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Number, from 1 on without gaps.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// Name of the account; empty for somebody unknown.
    pub actor: String,
    /// Key that was used.
    pub key_id: Option<String>,
    /// What was done, such as `key.create`.
    pub action: String,
    /// To what.
    pub object: String,
    /// `done`, or why not.
    pub outcome: String,
    /// Network address.
    pub address: Option<String>,
    /// Id of the request.
    pub request: String,
}

impl AuditRow {
    fn read(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            seq: row.try_get("seq").ok()?,
            at: Instant(row.try_get("at").ok()?),
            actor: row.try_get("actor").ok()?,
            key_id: row.try_get("key_id").ok()?,
            action: row.try_get("action").ok()?,
            object: row.try_get("object").ok()?,
            outcome: row.try_get("outcome").ok()?,
            address: row.try_get("address").ok()?,
            request: row.try_get("request").ok()?,
        })
    }

    fn message(&self, previous: &[u8]) -> Vec<u8> {
        let columns = [
            Column::Bytes(previous),
            Column::Integer(self.seq),
            Column::Integer(self.at.0),
            Column::Text(&self.actor),
            self.key_id.as_deref().into(),
            Column::Text(&self.action),
            Column::Text(&self.object),
            Column::Text(&self.outcome),
            self.address.as_deref().into(),
            Column::Text(&self.request),
        ];
        sealed_bytes("audit", &columns)
    }

    /// The row for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "seq": self.seq, "at": self.at.to_string(), "actor": self.actor, "key": self.key_id, "action": self.action,
            "object": self.object, "outcome": self.outcome, "address": self.address, "request": self.request,
        })
    }
}

/// The row of `audit_ends`.
#[derive(Debug, Default)]
struct Ends {
    cut: i64,
    cut_mac: Vec<u8>,
    newest: i64,
    newest_mac: Vec<u8>,
}

impl Sealed for Ends {
    const TABLE: &'static str = "audit_ends";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            cut: row.try_get("cut").ok()?,
            cut_mac: bytes(row, "cut_mac")?,
            newest: row.try_get("newest").ok()?,
            newest_mac: bytes(row, "newest_mac")?,
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Integer(self.cut),
            Column::Bytes(&self.cut_mac),
            Column::Integer(self.newest),
            Column::Bytes(&self.newest_mac),
        ]
    }
}

impl Ends {
    /// The ends, and whether they may be sealed again: of damaged ones the seal stays broken, so that the service goes on
    /// and `check` goes on telling.
    async fn load(transaction: &mut Transaction, secret: &Secret) -> Result<(Self, bool), Error> {
        let found = sqlx::query("SELECT * FROM audit_ends WHERE id = 1").fetch_optional(&mut **transaction).await;
        let found = found.map_err(failed("read the ends of the audit log"))?;
        if let Some(ends) = found.as_ref().and_then(|row| Self::read(row, secret)) {
            return Ok((ends, true));
        }
        let last =
            sqlx::query("SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(&mut **transaction);
        let last = last.await.map_err(failed("read the audit log"))?;
        if found.is_none() && last.is_none() {
            return Ok((Self::default(), true));
        }
        tracing::warn!("the ends of the audit log are damaged");
        let damaged = found.as_ref().and_then(Self::columns_of).unwrap_or_default();
        let (newest, newest_mac) = match &last {
            Some(last) => (last.try_get("seq").unwrap_or_default(), bytes(last, "mac").unwrap_or_default()),
            None => (damaged.newest, damaged.newest_mac),
        };
        Ok((Self { newest, newest_mac, ..damaged }, false))
    }

    async fn save(&self, transaction: &mut Transaction, secret: &Secret, seals: bool) -> Result<(), Error> {
        let mac = if seals { self.mac(secret) } else { Vec::new() };
        let query = sqlx::query(
            "INSERT INTO audit_ends (id, cut, cut_mac, newest, newest_mac, mac) VALUES (1, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET cut = excluded.cut, cut_mac = excluded.cut_mac, newest = excluded.newest, \
             newest_mac = excluded.newest_mac, mac = excluded.mac",
        );
        let query = query.bind(self.cut).bind(&self.cut_mac).bind(self.newest).bind(&self.newest_mac).bind(mac);
        query.execute(&mut **transaction).await.map_err(failed("write the ends of the audit log"))?;
        Ok(())
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Accounts {
    /// Notes an act in the transaction that does it: both are kept, or neither.
    pub(super) async fn note(
        &self,
        transaction: &mut Transaction,
        actor: &Actor,
        action: &str,
        object: &str,
        outcome: &str,
    ) -> Result<(), Error> {
        let (mut ends, seals) = Ends::load(transaction, &self.secret).await?;
        let row = AuditRow {
            seq: ends.newest + 1,
            at: (self.clock)(),
            actor: cut(&actor.name),
            key_id: actor.key.clone(),
            action: action.to_owned(),
            object: cut(object),
            outcome: outcome.to_owned(),
            address: actor.address.clone(),
            request: cut(&actor.request),
        };
        let mac = self.secret.seal(&row.message(&ends.newest_mac));
        let query = sqlx::query(
            "INSERT INTO audit (seq, at, actor, key_id, action, object, outcome, address, request, mac) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let query = query.bind(row.seq).bind(row.at.0).bind(&row.actor).bind(&row.key_id).bind(&row.action);
        let query = query.bind(&row.object).bind(&row.outcome).bind(&row.address).bind(&row.request).bind(&mac);
        query.execute(&mut **transaction).await.map_err(failed("write the audit log"))?;
        (ends.newest, ends.newest_mac) = (row.seq, mac);
        ends.save(transaction, &self.secret, seals).await
    }

    /// Notes an act that changes nothing else in the accounts.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit(&self, actor: &Actor, action: &str, object: &str, outcome: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        self.note(&mut transaction, actor, action, object, outcome).await?;
        transaction.commit().await.map_err(failed("commit to the audit log"))
    }

    /// The newest rows before a number, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_rows(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRow>, Error> {
        let query = sqlx::query("SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
        let query = query.bind(before.unwrap_or(i64::MAX)).bind(limit.min(ROWS_MAX) as i64);
        let rows = query.fetch_all(&self.pool).await.map_err(failed("read the audit log"))?;
        Ok(rows.iter().filter_map(AuditRow::read).collect())
    }

    /// What one account did, newest first.
    pub(super) async fn audit_of(&self, name: &str) -> Result<Vec<AuditRow>, Error> {
        let query = sqlx::query("SELECT * FROM audit WHERE actor = ? ORDER BY seq DESC LIMIT ?");
        let rows = query.bind(name).bind(ROWS_MAX as i64).fetch_all(&self.pool).await;
        Ok(rows.map_err(failed("read the audit log"))?.iter().filter_map(AuditRow::read).collect())
    }

    /// Cuts off what is older than so many days; how many rows.
    ///
    /// # Errors
    /// If the database fails, and `Conflict` for a log whose ends are damaged: cutting would hide it.
    pub async fn cut_audit(&self, days: u32) -> Result<u64, Error> {
        let oldest = (self.clock)().0.saturating_sub(i64::from(days) * MICROS_PER_DAY);
        let mut transaction = self.begin().await?;
        let last = sqlx::query("SELECT seq, mac FROM audit WHERE at < ? ORDER BY seq DESC LIMIT 1").bind(oldest);
        let last = last.fetch_optional(&mut *transaction).await.map_err(failed("read the audit log"))?;
        let Some(last) = last else { return Ok(0) };
        let (mut ends, seals) = Ends::load(&mut transaction, &self.secret).await?;
        if !seals {
            let detail = "the audit log is damaged, and is not cut until it was looked at";
            return Err(Problem::new(Kind::Conflict, "audit-damaged", detail).into());
        }
        ends.cut = last.try_get("seq").map_err(failed("read the audit log"))?;
        ends.cut_mac = bytes(&last, "mac").unwrap_or_default();
        let query = sqlx::query("DELETE FROM audit WHERE seq <= ?").bind(ends.cut);
        let done = query.execute(&mut *transaction).await.map_err(failed("cut the audit log"))?;
        ends.save(&mut transaction, &self.secret, seals).await?;
        transaction.commit().await.map_err(failed("commit a cut of the audit log"))?;
        Ok(done.rows_affected())
    }
}

/// What is wrong with the log, if anything is; `rows` by number.
pub(super) fn verify(rows: &[SqliteRow], ends: Option<&SqliteRow>, secret: &Secret) -> Vec<String> {
    let Some(row) = ends else {
        return if rows.is_empty() { Vec::new() } else { vec!["the ends of the audit log are missing".into()] };
    };
    let Some(ends) = Ends::read(row, secret) else { return vec!["the ends of the audit log are damaged".into()] };
    let (mut seq, mut previous) = (ends.cut, ends.cut_mac.clone());
    for row in rows {
        seq += 1;
        let mac = bytes(row, "mac").unwrap_or_default();
        let whole = AuditRow::read(row)
            .is_some_and(|found| found.seq == seq && secret.is_seal(&found.message(&previous), &mac));
        if !whole {
            return vec![format!("row {seq} of audit is damaged or missing; nothing after it is vouched for")];
        }
        previous = mac;
    }
    let whole = seq == ends.newest && previous == ends.newest_mac;
    if whole { Vec::new() } else { vec![format!("rows of audit are missing after number {seq}")] }
}
