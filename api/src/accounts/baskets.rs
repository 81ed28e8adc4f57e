//! What users have put together to order.

use nilometer_schemas::Instant;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::failed;
use super::rows::{Column, Sealed};
use super::{Accounts, Error, Transaction};

/// A row of `baskets`.
pub(super) struct BasketRow {
    user: i64,
    body: String,
    updated: Instant,
}

impl Sealed for BasketRow {
    const TABLE: &'static str = "baskets";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            user: row.try_get("account").ok()?,
            body: row.try_get("body").ok()?,
            updated: Instant(row.try_get("updated").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![Column::Integer(self.user), Column::Text(&self.body), Column::Integer(self.updated.0)]
    }
}

impl Accounts {
    /// The basket of an account as JSON text, if it has one.
    ///
    /// # Errors
    /// If the database fails, or the row is damaged.
    pub(crate) async fn basket(&self, user: i64) -> Result<Option<String>, Error> {
        let mut reading = self.begin_reading().await?;
        self.basket_in(&mut reading, user).await
    }

    async fn basket_in(&self, transaction: &mut Transaction, user: i64) -> Result<Option<String>, Error> {
        let found = sqlx::query("SELECT * FROM baskets WHERE account = ?").bind(user);
        let found = found.fetch_optional(&mut **transaction).await;
        let Some(row) = found.map_err(failed("look up a basket"))? else { return Ok(None) };
        let row = BasketRow::read(&row, &self.secret).ok_or_else(|| Error::Damaged("a basket".into()))?;
        Ok(Some(row.body))
    }

    /// Keeps what `change` makes of the basket of an account; without text it is emptied. Nobody else changes it meanwhile.
    ///
    /// # Errors
    /// Those of `change`, and if the database fails.
    pub(crate) async fn change_basket(
        &self,
        user: i64,
        change: impl FnOnce(Option<String>) -> Result<Option<String>, Error> + Send,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let changed = change(self.basket_in(&mut transaction, user).await?)?;
        let done = match changed {
            None => sqlx::query("DELETE FROM baskets WHERE account = ?").bind(user).execute(&mut *transaction).await,
            Some(body) => {
                let row = BasketRow { user, body, updated: (self.clock)() };
                let query = sqlx::query(
                    "INSERT INTO baskets (account, body, updated, mac) VALUES (?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET \
                     body = excluded.body, updated = excluded.updated, mac = excluded.mac",
                );
                let query = query.bind(user).bind(&row.body).bind(row.updated.0).bind(row.mac(&self.secret));
                query.execute(&mut *transaction).await
            }
        };
        done.map_err(failed("keep a basket"))?;
        transaction.commit().await.map_err(failed("commit a basket"))
    }
}
