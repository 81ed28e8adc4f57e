//! What users have put together to order, and baskets that were shared.

use nilometer_schemas::{Instant, Kind, Problem};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::failed;
use super::rows::{Column, Sealed};
use super::searches::search_id;
use super::{Accounts, Error};

/// Bytes of all shared baskets together.
const SHARED_BYTES_MAX: i64 = 1 << 28;

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
            user: row.try_get("user").ok()?,
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
        let found = sqlx::query("SELECT * FROM baskets WHERE user = ?").bind(user).fetch_optional(&self.pool).await;
        let Some(row) = found.map_err(failed("look up a basket"))? else { return Ok(None) };
        let row = BasketRow::read(&row, &self.secret).ok_or_else(|| Error::Damaged("a basket".into()))?;
        Ok(Some(row.body))
    }

    /// Keeps the basket of an account in place of the one before; `None` empties it.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn keep_basket(&self, user: i64, body: Option<&str>) -> Result<(), Error> {
        let Some(body) = body else {
            let query = sqlx::query("DELETE FROM baskets WHERE user = ?").bind(user).execute(&self.pool);
            query.await.map_err(failed("empty a basket"))?;
            return Ok(());
        };
        let row = BasketRow { user, body: body.to_owned(), updated: (self.clock)() };
        let query = sqlx::query(
            "INSERT INTO baskets (user, body, updated, mac) VALUES (?, ?, ?, ?) ON CONFLICT (user) DO UPDATE SET \
             body = excluded.body, updated = excluded.updated, mac = excluded.mac",
        );
        let query = query.bind(user).bind(body).bind(row.updated.0).bind(row.mac(&self.secret));
        query.execute(&self.pool).await.map_err(failed("keep a basket"))?;
        Ok(())
    }

    /// Keeps a basket for everybody who has its id, which is made from its text.
    ///
    /// # Errors
    /// If the database fails, or there is no room for more.
    pub(crate) async fn share_basket(&self, body: &str) -> Result<String, Error> {
        let id = search_id(body);
        let sum = "SELECT COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0), COALESCE(SUM(id = ?), 0) FROM shared_baskets";
        let sum = sqlx::query_as::<_, (i64, i64)>(sum).bind(&id).fetch_one(&self.pool).await;
        let (bytes, known) = sum.map_err(failed("share a basket"))?;
        if known == 0 && bytes + body.len() as i64 > SHARED_BYTES_MAX {
            let detail =
                format!("the service keeps {SHARED_BYTES_MAX} bytes of shared baskets, and has no room for this one");
            return Err(Problem::new(Kind::StorageFull, "searches-full", detail).into());
        }
        let query = sqlx::query("INSERT INTO shared_baskets (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING");
        query.bind(&id).bind(body).execute(&self.pool).await.map_err(failed("share a basket"))?;
        Ok(id)
    }

    /// A basket that was shared.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub(crate) async fn shared_basket(&self, id: &str) -> Result<String, Error> {
        let row = sqlx::query("SELECT body FROM shared_baskets WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let row = row.map_err(failed("look up a shared basket"))?;
        let absent = || Problem::not_found("basket-not-found", format!("no basket is shared as {id:?}"));
        let body: String = row.ok_or_else(absent)?.try_get("body").map_err(failed("look up a shared basket"))?;
        if search_id(&body) != id {
            return Err(Error::Damaged(format!("the shared basket {id:?}")));
        }
        Ok(body)
    }
}
