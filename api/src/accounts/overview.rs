//! How much there is to look after.

use super::error::failed;
use super::orders::OrderState;
use super::{Accounts, Error};

/// Counts, all of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    /// All accounts.
    pub(crate) accounts: i64,
    /// Those that were closed.
    pub(crate) closed: i64,
    /// Those whose address nobody confirmed yet.
    pub(crate) unconfirmed: i64,
    /// Groups, beside those that nobody is taken into.
    pub(crate) groups: i64,
    /// Grants of collections to groups.
    pub(crate) grants: i64,
    /// Orders by state; of a state without any nothing.
    pub(crate) orders: Vec<(OrderState, i64)>,
    /// Entries of the audit log.
    pub(crate) audit: i64,
}

impl Accounts {
    /// Counts what there is to look after.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn overview(&self) -> Result<Overview, Error> {
        let mut reading = self.begin_reading().await?;
        let counts = sqlx::query_as::<_, (i64, i64, i64, i64, i64, i64)>(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM users WHERE disabled IS NOT NULL), \
             (SELECT count(*) FROM logins WHERE confirmed IS NULL), (SELECT count(*) FROM groups), \
             (SELECT count(*) FROM grants), (SELECT count(*) FROM audit)",
        );
        let counts = counts.fetch_one(&mut *reading).await.map_err(failed("count what there is"))?;
        let (accounts, closed, unconfirmed, groups, grants, audit) = counts;
        let states = sqlx::query_as::<_, (String, i64)>("SELECT state, count(*) FROM orders GROUP BY state");
        let states = states.fetch_all(&mut *reading).await.map_err(failed("count orders"))?;
        let count = |state: OrderState| states.iter().find(|(name, _)| name == state.name()).map(|(_, count)| *count);
        let orders = OrderState::ALL.into_iter().filter_map(|state| Some((state, count(state)?))).collect();
        Ok(Overview { accounts, closed, unconfirmed, groups, grants, orders, audit })
    }
}
