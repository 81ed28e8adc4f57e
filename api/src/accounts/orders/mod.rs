//! Orders as rows: who ordered what, how far it is, and who works on it.
//!
//! [`queue`] is what workers do with them, [`owner`] what people do.

mod owner;
mod queue;

pub(crate) use owner::{ListOrders, NewOrder, OrderChange};
pub(crate) use queue::{Ended, Lease, OrderFiles, QueueFigures};

use nilometer_schemas::{Instant, Role};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::failed;
use super::rows::{Column, Sealed, moment};
use super::{Accounts, Error, Powers, Principal, Transaction, Via};

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OrderState {
    /// Waits for its turn.
    Created,
    /// Is being prepared.
    Running,
    /// Held back by an operator.
    Paused,
    /// Can be fetched.
    Completed,
    /// Cannot be prepared; its message says why.
    Failed,
    /// Was taken back.
    Cancelled,
    /// Could be fetched until it ended.
    Expired,
}

impl OrderState {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Created, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled, Self::Expired];

    /// Its name in the database, in metrics and for operators.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
        }
    }

    /// In a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Created => "waiting",
            Self::Running => "being prepared",
            Self::Paused => "held back",
            Self::Completed => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state as clients of hydroweb.next know it: whatever an order waits for, it was created, since they take every
    /// other word for an end.
    pub(crate) fn status(self) -> &'static str {
        if self == Self::Paused { Self::Created.name() } else { self.name() }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the order is still to be prepared, or being prepared.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Running | Self::Paused)
    }
}

/// A row of `orders`; see the migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) user: i64,
    pub(crate) name: String,
    pub(crate) request: String,
    role: Role,
    powers: Option<String>,
    pub(crate) state: OrderState,
    /// `CODE: text`.
    pub(crate) message: Option<String>,
    /// Percent.
    pub(crate) progress: Option<i64>,
    pub(crate) files: i64,
    /// Of the archive.
    pub(crate) bytes: i64,
    pub(crate) contents: Option<String>,
    pub(crate) created: Instant,
    pub(crate) updated: Instant,
    pub(crate) started: Option<Instant>,
    pub(crate) expires: Option<Instant>,
    retry: Option<Instant>,
    pub(crate) attempts: i64,
    lease: Option<Instant>,
    pub(crate) fence: i64,
    pub(super) untold: bool,
}

impl Sealed for Order {
    const TABLE: &'static str = "orders";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            id: row.try_get("id").ok()?,
            user: row.try_get("account").ok()?,
            name: row.try_get("name").ok()?,
            request: row.try_get("request").ok()?,
            role: Role::of_name(&row.try_get::<String, _>("role").ok()?)?,
            powers: row.try_get("powers").ok()?,
            state: OrderState::of_name(&row.try_get::<String, _>("state").ok()?)?,
            message: row.try_get("message").ok()?,
            progress: row.try_get("progress").ok()?,
            files: row.try_get("files").ok()?,
            bytes: row.try_get("bytes").ok()?,
            contents: row.try_get("contents").ok()?,
            created: Instant(row.try_get("created").ok()?),
            updated: Instant(row.try_get("updated").ok()?),
            started: moment(row, "started")?,
            expires: moment(row, "expires")?,
            retry: moment(row, "retry")?,
            attempts: row.try_get("attempts").ok()?,
            lease: moment(row, "lease")?,
            fence: row.try_get("fence").ok()?,
            untold: row.try_get::<i64, _>("untold").ok()? != 0,
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Text(&self.id),
            Column::Integer(self.user),
            Column::Text(&self.name),
            Column::Text(&self.request),
            Column::Text(self.role.name()),
            self.powers.as_deref().into(),
            Column::Text(self.state.name()),
            self.message.as_deref().into(),
            self.progress.into(),
            Column::Integer(self.files),
            Column::Integer(self.bytes),
            self.contents.as_deref().into(),
            Column::Integer(self.created.0),
            Column::Integer(self.updated.0),
            self.started.into(),
            self.expires.into(),
            self.retry.into(),
            Column::Integer(self.attempts),
            self.lease.into(),
            Column::Integer(self.fence),
            Column::Integer(i64::from(self.untold)),
        ]
    }
}

impl Order {
    /// The order for programs: what clients of hydroweb.next read, and more.
    pub(crate) fn to_row(&self) -> Value {
        json!({
            "workflowId": self.id, "workflowName": self.name, "status": self.state.status(), "progress": self.progress,
            "message": self.message, "created": self.created.to_string(), "lastUpdate": self.updated.to_string(),
            "expires": self.expires.map(|at| at.to_string()), "files": self.files, "bytes": self.bytes,
            "attempts": self.attempts,
        })
    }

    /// The same with what was asked for, which may be long.
    pub(crate) fn to_json(&self) -> Value {
        let mut value = self.to_row();
        value["request"] = serde_json::from_str(&self.request).unwrap_or_default();
        value
    }
}

impl Accounts {
    async fn insert_order(&self, transaction: &mut Transaction, order: &Order) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO orders (id, account, name, request, role, powers, state, message, progress, files, bytes, contents, \
             created, updated, started, expires, retry, attempts, lease, fence, untold, mac) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let query = query.bind(&order.id).bind(order.user).bind(&order.name).bind(&order.request);
        let query = query.bind(order.role.name()).bind(&order.powers).bind(order.state.name()).bind(&order.message);
        let query = query.bind(order.progress).bind(order.files).bind(order.bytes).bind(&order.contents);
        let query = query.bind(order.created.0).bind(order.updated.0).bind(order.started.map(|at| at.0));
        let query = query.bind(order.expires.map(|at| at.0)).bind(order.retry.map(|at| at.0)).bind(order.attempts);
        let query = query.bind(order.lease.map(|at| at.0)).bind(order.fence).bind(i64::from(order.untold));
        let query = query.bind(order.mac(&self.secret)).execute(&mut **transaction);
        query.await.map_err(failed("keep an order"))?;
        Ok(())
    }

    /// Writes what changes of an order.
    async fn save_order(&self, transaction: &mut Transaction, order: &Order) -> Result<(), Error> {
        let query = sqlx::query(
            "UPDATE orders SET state = ?, message = ?, progress = ?, files = ?, bytes = ?, contents = ?, updated = ?, \
             started = ?, expires = ?, retry = ?, attempts = ?, lease = ?, fence = ?, untold = ?, mac = ? WHERE id = ?",
        );
        let query = query.bind(order.state.name()).bind(&order.message).bind(order.progress).bind(order.files);
        let query = query.bind(order.bytes).bind(&order.contents).bind(order.updated.0);
        let query = query.bind(order.started.map(|at| at.0)).bind(order.expires.map(|at| at.0));
        let query = query.bind(order.retry.map(|at| at.0)).bind(order.attempts).bind(order.lease.map(|at| at.0));
        let query = query.bind(order.fence).bind(i64::from(order.untold)).bind(order.mac(&self.secret)).bind(&order.id);
        query.execute(&mut **transaction).await.map_err(failed("change an order"))?;
        Ok(())
    }

    async fn find_order(&self, transaction: &mut Transaction, id: &str) -> Result<Option<Order>, Error> {
        let found = sqlx::query("SELECT * FROM orders WHERE id = ?").bind(id).fetch_optional(&mut **transaction).await;
        let Some(row) = found.map_err(failed("look up an order"))? else { return Ok(None) };
        Order::read(&row, &self.secret).map(Some).ok_or_else(|| Error::Damaged(format!("order {id:?}")))
    }

    /// On whose behalf an order is prepared: its owner, with no more than the credential had that ordered, and no more than
    /// the account has now. `None` for a closed account.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn orderer(&self, order: &Order) -> Result<Option<Principal>, Error> {
        let mut reading = self.begin_reading().await?;
        let user = self.find_user_row(&mut reading, order.user).await?;
        let Some(user) = user.filter(|user| user.disabled.is_none()) else { return Ok(None) };
        drop(reading);
        // The names were checked when they were kept, and the row is sealed.
        let powers = Powers::parse(order.powers.as_deref().unwrap_or_default())?;
        let (role, via) = (user.role.min(order.role), Via::Order(order.id.clone()));
        Ok(Some(self.with_rights(Principal::new(role, Some(user.name), Some(user.id), via, powers)).await?))
    }
}

#[cfg(test)]
mod tests;
