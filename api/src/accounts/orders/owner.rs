//! Orders as people see them: placed, listed, taken back, deleted, and held back by operators.

use nilometer_schemas::{Instant, Kind, Problem};

use super::super::audit::Actor;
use super::super::error::failed;
use super::super::rows::Sealed;
use super::super::{Accounts, Error, Principal, Transaction};
use super::{Order, OrderState};
use crate::limits::orders_exceeded;

/// Orders of one answer, and of one user's history: the oldest that have ended are forgotten first.
pub(crate) const ORDERS_MAX: i64 = 1_000;

/// An order to be placed.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    /// What the user calls it.
    pub(crate) name: String,
    /// What is ordered, as JSON.
    pub(crate) request: String,
    /// Why it cannot be prepared, where that is known already.
    pub(crate) refused: Option<String>,
    /// Whether somebody is to be told of its end.
    pub(crate) untold: bool,
}

/// Which orders are listed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListOrders {
    /// Of whom; `None` for everybody's.
    pub(crate) user: Option<i64>,
    /// Only those changed since.
    pub(crate) since: Option<Instant>,
    /// Newest change first, or last.
    pub(crate) descending: bool,
    /// How many before the first.
    pub(crate) skip: i64,
    /// How many at most.
    pub(crate) limit: i64,
}

/// What is done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderChange {
    /// Takes it back.
    Cancel,
    /// Holds it back.
    Pause,
    /// Lets it go on.
    Resume,
    /// Prepares it once more.
    Rerun,
}

impl OrderChange {
    /// Its name in addresses and in the audit log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Rerun => "rerun",
        }
    }

    /// The state that an order in `state` has afterwards; `None` where it cannot be done.
    fn applied(self, state: OrderState) -> Option<OrderState> {
        match self {
            Self::Cancel => state.is_open().then_some(OrderState::Cancelled),
            Self::Pause => matches!(state, OrderState::Created | OrderState::Running).then_some(OrderState::Paused),
            Self::Resume => (state == OrderState::Paused).then_some(OrderState::Created),
            Self::Rerun => (!state.is_open()).then_some(OrderState::Created),
        }
    }
}

fn absent(id: &str) -> Error {
    Problem::not_found("order-not-found", format!("there is no order {id:?}")).into()
}

/// Whether somebody wants to be told of the end of an order.
fn wants_telling(request: &str) -> bool {
    let request: serde_json::Value = serde_json::from_str(request).unwrap_or_default();
    request["notify"]["mail"] == true || request["notify"]["webhook"].is_string()
}

impl Accounts {
    /// Places an order, unless `open_max` of the account are not ready yet (`None` is as many as they like).
    ///
    /// # Errors
    /// A limit for one too many, and when the database fails.
    pub(crate) async fn place_order(
        &self,
        actor: &Actor,
        principal: &Principal,
        new: NewOrder,
        open_max: Option<u64>,
    ) -> Result<Order, Error> {
        let user = principal.id.ok_or_else(|| absent(""))?;
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).map_err(Error::Random)?;
        let now = (self.clock)();
        let order = Order {
            id: uuid::Builder::from_random_bytes(bytes).into_uuid().to_string(),
            user,
            name: new.name,
            request: new.request,
            role: principal.role,
            powers: principal.powers.names(),
            state: if new.refused.is_some() { OrderState::Failed } else { OrderState::Created },
            message: new.refused,
            progress: None,
            files: 0,
            bytes: 0,
            contents: None,
            created: now,
            updated: now,
            started: None,
            expires: None,
            retry: None,
            attempts: 0,
            lease: None,
            fence: 0,
            untold: new.untold,
        };
        let mut transaction = self.begin().await?;
        let open = self.open_orders(&mut transaction, user).await?;
        if let Some(limit) = open_max.filter(|limit| open >= *limit) {
            return Err(Error::Limited(Box::new(orders_exceeded(limit, open))));
        }
        let query = sqlx::query(
            "DELETE FROM orders WHERE account = ? AND state IN ('FAILED', 'CANCELLED', 'EXPIRED') AND id NOT IN \
             (SELECT id FROM orders WHERE account = ? AND state IN ('FAILED', 'CANCELLED', 'EXPIRED') \
             ORDER BY updated DESC LIMIT ?)",
        );
        let query = query
            .bind(user)
            .bind(user)
            .bind(ORDERS_MAX - ORDERS_MAX.min(i64::try_from(open).unwrap_or(i64::MAX)))
            .execute(&mut *transaction);
        query.await.map_err(failed("forget old orders"))?;
        self.insert_order(&mut transaction, &order).await?;
        self.note(&mut transaction, actor, "order.submit", &order.id, "done").await?;
        transaction.commit().await.map_err(failed("commit an order"))?;
        Ok(order)
    }

    /// Orders of an account that are not ready yet.
    async fn open_orders(&self, transaction: &mut Transaction, user: i64) -> Result<u64, Error> {
        let query = "SELECT count(*) FROM orders WHERE account = ? AND state IN ('CREATED', 'RUNNING', 'PAUSED')";
        let open = sqlx::query_scalar::<_, i64>(query).bind(user).fetch_one(&mut **transaction).await;
        Ok(u64::try_from(open.map_err(failed("count orders"))?).unwrap_or_default())
    }

    /// An order of a user, or anybody's for `None`.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's.
    pub(crate) async fn order(&self, id: &str, user: Option<i64>) -> Result<Order, Error> {
        let mut reading = self.begin_reading().await?;
        let order = self.find_order(&mut reading, id).await?;
        order.filter(|order| user.is_none_or(|user| user == order.user)).ok_or_else(|| absent(id))
    }

    /// Orders with the names of their accounts, and how many there are in all.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn orders(&self, list: &ListOrders) -> Result<(Vec<(Order, String)>, i64), Error> {
        let condition = if list.user.is_some() { "o.account = ? AND o.updated >= ?" } else { "o.updated >= ?" };
        let since = list.since.map_or(i64::MIN, |at| at.0);
        let mut reading = self.begin_reading().await?;
        let count = format!("SELECT count(*) FROM orders o WHERE {condition}");
        let mut of = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(count));
        if let Some(user) = list.user {
            of = of.bind(user);
        }
        let count = of.bind(since);
        let count = count.fetch_one(&mut *reading).await.map_err(failed("count orders"))?;
        let direction = if list.descending { "DESC" } else { "ASC" };
        let query = format!(
            "SELECT o.*, u.name AS account_name FROM orders o JOIN users u ON u.id = o.account WHERE {condition} \
             ORDER BY o.updated {direction}, o.created {direction}, o.id LIMIT ? OFFSET ?"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(query));
        if let Some(user) = list.user {
            query = query.bind(user);
        }
        let query = query.bind(since).bind(list.limit.min(ORDERS_MAX));
        let rows = query.bind(list.skip).fetch_all(&mut *reading).await.map_err(failed("list orders"))?;
        let order = |row: &sqlx::sqlite::SqliteRow| {
            use sqlx::Row;
            // `name` is the order's: the account's has another one.
            Some((Order::read(row, &self.secret)?, row.try_get("account_name").ok()?))
        };
        Ok((rows.iter().filter_map(order).collect(), count))
    }

    /// Changes an order of a user, or anybody's for `None`. Whoever works on it finds that it is not theirs any more.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` where the order's state does not allow it, and a limit for one too many that would be under way.
    pub(crate) async fn change_order(
        &self,
        actor: &Actor,
        id: &str,
        user: Option<i64>,
        change: OrderChange,
        open_max: Option<u64>,
    ) -> Result<Order, Error> {
        let mut transaction = self.begin().await?;
        let found = self.find_order(&mut transaction, id).await?;
        let mut order = found.filter(|o| user.is_none_or(|user| user == o.user)).ok_or_else(|| absent(id))?;
        let Some(state) = change.applied(order.state) else {
            let detail = format!("an order that is {} cannot be asked to {}", order.state.word(), change.name());
            return Err(Problem::new(Kind::Conflict, "order-state", detail).into());
        };
        order.state = state;
        order.updated = (self.clock)();
        order.fence += 1;
        (order.lease, order.retry, order.progress) = (None, None, None);
        match change {
            OrderChange::Cancel => {
                order.message = None;
                order.untold = false;
            }
            OrderChange::Pause => order.message = Some("PAUSED: held back by those who run the service".into()),
            OrderChange::Resume => order.message = None,
            OrderChange::Rerun => {
                let open = self.open_orders(&mut transaction, order.user).await?;
                if let Some(limit) = open_max.filter(|limit| open >= *limit) {
                    return Err(Error::Limited(Box::new(orders_exceeded(limit, open))));
                }
                order.untold = wants_telling(&order.request);
                (order.message, order.contents, order.expires) = (None, None, None);
                (order.files, order.bytes, order.attempts) = (0, 0, 0);
            }
        }
        self.save_order(&mut transaction, &order).await?;
        self.note(&mut transaction, actor, &format!("order.{}", change.name()), id, "done").await?;
        transaction.commit().await.map_err(failed("commit a change of an order"))?;
        Ok(order)
    }

    /// Deletes an order of a user, or anybody's for `None`.
    ///
    /// # Errors
    /// `NotFound`, and `Conflict` for one that is still open.
    pub(crate) async fn delete_order(&self, actor: &Actor, id: &str, user: Option<i64>) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let found = self.find_order(&mut transaction, id).await?;
        let order = found.filter(|o| user.is_none_or(|user| user == o.user)).ok_or_else(|| absent(id))?;
        if order.state.is_open() {
            let detail = format!("an order that is {} is cancelled before it is deleted", order.state.word());
            return Err(Problem::new(Kind::Conflict, "order-state", detail).into());
        }
        let query = sqlx::query("DELETE FROM orders WHERE id = ?").bind(id).execute(&mut *transaction);
        query.await.map_err(failed("delete an order"))?;
        self.note(&mut transaction, actor, "order.delete", id, "done").await?;
        transaction.commit().await.map_err(failed("commit the end of an order"))
    }
}
