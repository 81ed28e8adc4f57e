//! Terms that users have accepted, by collection: kept with the moment and a hash of what was accepted.

use nilometer_schemas::Instant;
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::rows::{Column, Sealed};
use super::{Accounts, Error};

/// A row of `licence_acceptances`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acceptance {
    user: i64,
    /// Id of the collection.
    pub(crate) collection: String,
    /// SHA-256 of what was accepted.
    pub(crate) terms: String,
    /// Name of the licence.
    pub(crate) licence: String,
    /// When.
    pub(crate) accepted: Instant,
}

impl Acceptance {
    /// The acceptance for programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({"collection": self.collection, "licence": self.licence, "terms": self.terms, "accepted": self.accepted.to_string()})
    }
}

impl Sealed for Acceptance {
    const TABLE: &'static str = "licence_acceptances";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            user: row.try_get("account").ok()?,
            collection: row.try_get("collection").ok()?,
            terms: row.try_get("terms").ok()?,
            licence: row.try_get("licence").ok()?,
            accepted: Instant(row.try_get("accepted").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Integer(self.user),
            Column::Text(&self.collection),
            Column::Text(&self.terms),
            Column::Text(&self.licence),
            Column::Integer(self.accepted.0),
        ]
    }
}

impl Accounts {
    /// What an account has accepted, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn acceptances(&self, user: i64) -> Result<Vec<Acceptance>, Error> {
        let query =
            sqlx::query("SELECT * FROM licence_acceptances WHERE account = ? ORDER BY accepted DESC, collection");
        let rows = query.bind(user).fetch_all(&self.pool).await.map_err(failed("list accepted licences"))?;
        Ok(rows.iter().filter_map(|row| Acceptance::read(row, &self.secret)).collect())
    }

    /// Keeps that an account accepts the terms of a collection; once accepted, the first moment stays.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn accept_licence(
        &self,
        actor: &Actor,
        user: i64,
        collection: &str,
        (terms, licence): (&str, &str),
    ) -> Result<(), Error> {
        let row = Acceptance {
            user,
            collection: collection.to_owned(),
            terms: terms.to_owned(),
            licence: licence.to_owned(),
            accepted: (self.clock)(),
        };
        let mut transaction = self.begin().await?;
        let query = sqlx::query(
            "INSERT INTO licence_acceptances (account, collection, terms, licence, accepted, mac) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (account, collection, terms) DO NOTHING",
        );
        let query = query.bind(user).bind(collection).bind(terms).bind(licence).bind(row.accepted.0);
        let done = query.bind(row.mac(&self.secret)).execute(&mut *transaction).await;
        if done.map_err(failed("keep an accepted licence"))?.rows_affected() > 0 {
            self.note(&mut transaction, actor, "licence.accept", collection, "done").await?;
        }
        transaction.commit().await.map_err(failed("commit an accepted licence"))
    }
}
