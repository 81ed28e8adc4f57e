//! Links that are mailed: each proves once, within its time, that its holder reads the mail of an account.

use nilometer_schemas::{Instant, Problem};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::failed;
use super::rows::{Column, Sealed};
use super::{Accounts, Error, Transaction};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The address is right.
    Confirm,
    /// A new password.
    Reset,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Reset => "reset",
        }
    }

    /// Time in which it may be used, microseconds.
    fn lasts_us(self) -> i64 {
        match self {
            Self::Confirm => 24 * 3_600_000_000,
            Self::Reset => 3_600_000_000,
        }
    }
}

/// A row of `links`.
pub(super) struct LinkRow {
    id: String,
    pub(super) user: i64,
    purpose: String,
    expires: Instant,
}

impl Sealed for LinkRow {
    const TABLE: &'static str = "links";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            id: row.try_get("id").ok()?,
            user: row.try_get("account").ok()?,
            purpose: row.try_get("purpose").ok()?,
            expires: Instant(row.try_get("expires").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Text(&self.id),
            Column::Integer(self.user),
            Column::Text(&self.purpose),
            Column::Integer(self.expires.0),
        ]
    }
}

fn unknown() -> Error {
    Problem::invalid("link-ended", "this link was used, has ended, or never was one").at("token").into()
}

impl Accounts {
    /// A new link in place of the older ones for the same purpose; what it holds.
    pub(super) async fn make_link(
        &self,
        transaction: &mut Transaction,
        user: i64,
        purpose: Purpose,
    ) -> Result<String, Error> {
        let older = sqlx::query("DELETE FROM links WHERE account = ? AND purpose = ?").bind(user).bind(purpose.name());
        older.execute(&mut **transaction).await.map_err(failed("replace a link"))?;
        let (token, id) = self.fresh_token(purpose.name())?;
        let expires = Instant((self.clock)().0 + purpose.lasts_us());
        let row = LinkRow { id, user, purpose: purpose.name().to_owned(), expires };
        let query = sqlx::query("INSERT INTO links (id, account, purpose, expires, mac) VALUES (?, ?, ?, ?, ?)");
        let query = query.bind(&row.id).bind(user).bind(&row.purpose).bind(expires.0).bind(row.mac(&self.secret));
        query.execute(&mut **transaction).await.map_err(failed("make a link"))?;
        Ok(token)
    }

    /// Whose link this is; it stays good.
    ///
    /// # Errors
    /// `Invalid` for one that is not good.
    pub(super) async fn link_row(
        &self,
        transaction: &mut Transaction,
        token: &str,
        purpose: Purpose,
    ) -> Result<LinkRow, Error> {
        let id = self.token_hash(purpose.name(), token);
        let found = sqlx::query("SELECT * FROM links WHERE id = ?").bind(id).fetch_optional(&mut **transaction).await;
        let found = found.map_err(failed("look up a link"))?.ok_or_else(unknown)?;
        let row = LinkRow::read(&found, &self.secret).ok_or_else(unknown)?;
        if row.purpose != purpose.name() || row.expires.0 <= (self.clock)().0 {
            return Err(unknown());
        }
        Ok(row)
    }

    /// Ends all links of an account.
    pub(super) async fn end_links(&self, transaction: &mut Transaction, user: i64) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM links WHERE account = ?").bind(user).execute(&mut **transaction);
        query.await.map_err(failed("end links"))?;
        Ok(())
    }

    pub(super) async fn drop_ended_links(&self) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM links WHERE expires <= ?").bind((self.clock)().0).execute(&self.pool);
        query.await.map_err(failed("drop ended links"))?;
        Ok(())
    }
}
