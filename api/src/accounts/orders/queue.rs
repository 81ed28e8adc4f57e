//! The queue of orders as workers see it.
//!
//! A worker takes an order for a while (a lease) under a number that grows with every taking (a fence). Whatever it writes
//! afterwards names its number, so that a worker that was thought dead and is not changes nothing any more. Who has the fewest
//! orders under way comes first, then who has waited longest, then the oldest order: nobody waits for somebody else's hundred
//! orders.

use std::collections::HashMap;

use nilometer_schemas::Instant;
use sqlx::Row;

use super::super::error::failed;
use super::super::rows::Sealed;
use super::super::{Accounts, Error};
use super::{Order, OrderState};

/// Times that an order is taken up at most. Taking it up again after a crash is no failed attempt of its own, but an order that
/// takes the process down with it must not do so for ever.
const TAKEN_MAX: i64 = 100;
const MICROS_PER_S: i64 = 1_000_000;

/// How an order is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    /// Seconds until it ends unless it is renewed.
    pub(crate) seconds: i64,
    /// Orders of one user under way at a time.
    pub(crate) per_user_max: i64,
}

/// How the work on an order ended.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// It can be fetched: files, bytes of the archive, the checksum of its contents, until when, and what there is to say.
    Completed { files: i64, bytes: i64, contents: String, expires: Instant, message: Option<String> },
    /// It cannot be prepared, and trying again does not help.
    Failed(String),
    /// It is tried again from this moment on, unless that was the last attempt.
    Again { retry: Instant, attempts_max: i64, message: String },
}

/// What of an order's files is still needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderFiles {
    /// Number of the account.
    pub(crate) user: i64,
    /// Number of the last taking, or of the last change.
    pub(crate) fence: i64,
    /// Whether what was written under this number is needed. What was written under lesser ones never is.
    pub(crate) are_needed: bool,
}

/// What metrics tell of the queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueFigures {
    /// Orders by state.
    pub(crate) states: Vec<(OrderState, i64)>,
    /// Age of the oldest order that waits, seconds.
    pub(crate) oldest_s: i64,
}

impl Accounts {
    /// Takes the next order, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn take_order(&self, lease: Lease) -> Result<Option<Order>, Error> {
        let now = (self.clock)();
        let mut transaction = self.begin().await?;
        loop {
            let query = sqlx::query(
                "SELECT * FROM (SELECT o.*, \
                   (SELECT count(*) FROM orders r WHERE r.account = o.account AND r.state = 'RUNNING' AND r.lease > ?) AS busy, \
                   (SELECT coalesce(max(s.started), 0) FROM orders s WHERE s.account = o.account) AS last \
                 FROM orders o WHERE (o.state = 'CREATED' AND coalesce(o.retry, 0) <= ?) \
                   OR (o.state = 'RUNNING' AND coalesce(o.lease, 0) <= ?)) AS waiting \
                 WHERE busy < ? ORDER BY busy, last, created, id LIMIT 1",
            );
            let found = query
                .bind(now.0)
                .bind(now.0)
                .bind(now.0)
                .bind(lease.per_user_max)
                .fetch_optional(&mut *transaction)
                .await;
            let Some(row) = found.map_err(failed("look for an order"))? else {
                // What was set aside on the way stays so.
                transaction.commit().await.map_err(failed("commit the taking of an order"))?;
                return Ok(None);
            };
            let Some(mut order) = Order::read(&row, &self.secret) else {
                // A damaged row is nobody's order any more; `check` goes on telling, since its seal stays broken.
                let id: String = row.try_get("id").map_err(failed("look for an order"))?;
                tracing::error!(order.id = %id, "an order is damaged and is set aside");
                let query = sqlx::query("UPDATE orders SET state = 'FAILED' WHERE id = ?").bind(id);
                query.execute(&mut *transaction).await.map_err(failed("set a damaged order aside"))?;
                continue;
            };
            order.updated = now;
            order.fence += 1;
            if order.fence > TAKEN_MAX {
                order.state = OrderState::Failed;
                order.lease = None;
                order.message = Some("UNEXPECTED_ERROR: the work on this order broke off too often".into());
                self.save_order(&mut transaction, &order).await?;
                continue;
            }
            order.state = OrderState::Running;
            order.started = Some(now);
            order.progress = Some(0);
            order.lease = Some(Instant(now.0 + lease.seconds * MICROS_PER_S));
            self.save_order(&mut transaction, &order).await?;
            transaction.commit().await.map_err(failed("commit the taking of an order"))?;
            return Ok(Some(order));
        }
    }

    /// Renews a lease and tells the progress, percent; `false` where the order is not the caller's any more.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn renew_order(&self, id: &str, fence: i64, lease: Lease, progress: i64) -> Result<bool, Error> {
        let now = (self.clock)();
        let mut transaction = self.begin().await?;
        let Some(mut order) = self.held_order(&mut transaction, id, fence).await? else { return Ok(false) };
        order.lease = Some(Instant(now.0 + lease.seconds * MICROS_PER_S));
        order.progress = Some(progress.clamp(0, 99));
        order.updated = now;
        self.save_order(&mut transaction, &order).await?;
        transaction.commit().await.map_err(failed("commit a lease"))?;
        Ok(true)
    }

    /// Ends the work on an order; the order as it is now, or `None` where it is not the caller's any more.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_order(&self, id: &str, fence: i64, ended: Ended) -> Result<Option<Order>, Error> {
        let mut transaction = self.begin().await?;
        let Some(mut order) = self.held_order(&mut transaction, id, fence).await? else { return Ok(None) };
        order.updated = (self.clock)();
        order.lease = None;
        match ended {
            Ended::Completed { files, bytes, contents, expires, message } => {
                order.state = OrderState::Completed;
                (order.files, order.bytes, order.contents) = (files, bytes, Some(contents));
                (order.expires, order.message, order.progress) = (Some(expires), message, Some(100));
            }
            Ended::Failed(message) => {
                order.state = OrderState::Failed;
                order.message = Some(message);
            }
            Ended::Again { retry, attempts_max, message } => {
                order.attempts += 1;
                order.message = Some(message);
                if order.attempts < attempts_max {
                    (order.state, order.retry, order.progress) = (OrderState::Created, Some(retry), None);
                } else {
                    order.state = OrderState::Failed;
                }
            }
        }
        self.save_order(&mut transaction, &order).await?;
        transaction.commit().await.map_err(failed("commit the end of an order"))?;
        Ok(Some(order))
    }

    /// The order, if the holder of this fence still works on it.
    async fn held_order(
        &self,
        transaction: &mut super::super::Transaction,
        id: &str,
        fence: i64,
    ) -> Result<Option<Order>, Error> {
        let order = self.find_order(transaction, id).await?;
        Ok(order.filter(|order| order.fence == fence && order.state == OrderState::Running))
    }

    /// Ends all leases: a data directory has one service, so whoever held them before this one began is gone.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn release_orders(&self) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let rows = sqlx::query("SELECT * FROM orders WHERE state = 'RUNNING'").fetch_all(&mut *transaction).await;
        let rows = rows.map_err(failed("list orders under way"))?;
        for mut order in rows.iter().filter_map(|row| Order::read(row, &self.secret)) {
            order.lease = None;
            self.save_order(&mut transaction, &order).await?;
        }
        transaction.commit().await.map_err(failed("commit the end of leases"))?;
        Ok(())
    }

    /// Lets orders expire that have ended, and forgets those that did so many days ago.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn expire_orders(&self, history_days: u32) -> Result<(), Error> {
        let now = (self.clock)();
        let mut transaction = self.begin().await?;
        let due = sqlx::query("SELECT * FROM orders WHERE state = 'COMPLETED' AND expires <= ?").bind(now.0);
        let due = due.fetch_all(&mut *transaction).await.map_err(failed("list ended orders"))?;
        for mut order in due.iter().filter_map(|row| Order::read(row, &self.secret)) {
            (order.state, order.updated) = (OrderState::Expired, now);
            self.save_order(&mut transaction, &order).await?;
        }
        let before = now.0 - i64::from(history_days) * super::super::MICROS_PER_DAY;
        let query = sqlx::query(
            "DELETE FROM orders WHERE state IN ('FAILED', 'CANCELLED', 'EXPIRED') AND updated < ? AND untold = 0",
        );
        query.bind(before).execute(&mut *transaction).await.map_err(failed("forget old orders"))?;
        transaction.commit().await.map_err(failed("commit the end of orders"))?;
        Ok(())
    }

    /// All orders by id: whose they are, their fence, and whether what its holder wrote is still needed.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn order_files(&self) -> Result<HashMap<String, OrderFiles>, Error> {
        let query = "SELECT id, account, fence, state FROM orders";
        let rows = sqlx::query_as::<_, (String, i64, i64, String)>(query).fetch_all(&self.pool).await;
        let needs = |state: &str| [OrderState::Running, OrderState::Completed].iter().any(|own| own.name() == state);
        let rows = rows.map_err(failed("list orders"))?.into_iter();
        let files = |user, fence, state: String| OrderFiles { user, fence, are_needed: needs(&state) };
        Ok(rows.map(|(id, user, fence, state)| (id, files(user, fence, state))).collect())
    }

    /// Orders whose end somebody is still to be told of, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn untold_orders(&self) -> Result<Vec<Order>, Error> {
        let query = sqlx::query(
            "SELECT * FROM orders WHERE untold = 1 AND state IN ('COMPLETED', 'FAILED', 'EXPIRED') ORDER BY updated LIMIT 100",
        );
        let rows = query.fetch_all(&self.pool).await.map_err(failed("list orders to tell of"))?;
        Ok(rows.iter().filter_map(|row| Order::read(row, &self.secret)).collect())
    }

    /// Notes that the end of an order was told, or that nobody can be told.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn told_order(&self, id: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let Some(mut order) = self.find_order(&mut transaction, id).await? else { return Ok(()) };
        order.untold = false;
        self.save_order(&mut transaction, &order).await?;
        transaction.commit().await.map_err(failed("commit a message"))
    }

    /// Says something of an order that can be fetched, such as that one of its files is gone.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn remark_order(&self, id: &str, message: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let order = self.find_order(&mut transaction, id).await?;
        let Some(mut order) = order.filter(|order| order.state == OrderState::Completed) else { return Ok(()) };
        order.message = Some(message.to_owned());
        order.updated = (self.clock)();
        self.save_order(&mut transaction, &order).await?;
        transaction.commit().await.map_err(failed("commit a remark"))
    }

    /// What metrics tell of the queue.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn queue_figures(&self) -> Result<QueueFigures, Error> {
        let rows =
            sqlx::query_as::<_, (String, i64, i64)>("SELECT state, count(*), min(created) FROM orders GROUP BY state")
                .fetch_all(&self.pool)
                .await
                .map_err(failed("count orders"))?;
        let now = (self.clock)().0;
        let mut figures = QueueFigures::default();
        for (name, count, oldest) in rows {
            let Some(state) = OrderState::of_name(&name) else { continue };
            figures.states.push((state, count));
            if state == OrderState::Created {
                figures.oldest_s = ((now - oldest) / MICROS_PER_S).max(0);
            }
        }
        Ok(figures)
    }
}
