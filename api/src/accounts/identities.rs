//! Accounts for whom an outside issuer vouches. They are known by issuer and subject alone: an address that an issuer names
//! never opens an account that signs in here.

use nilometer_schemas::{Instant, Role};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::rows::{Column, Sealed, UserRow};
use super::{Accounts, Error, Transaction};

/// A row of `identities`.
pub(super) struct IdentityRow {
    issuer: String,
    subject: String,
    user: i64,
    created: Instant,
}

impl Sealed for IdentityRow {
    const TABLE: &'static str = "identities";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            issuer: row.try_get("issuer").ok()?,
            subject: row.try_get("subject").ok()?,
            user: row.try_get("account").ok()?,
            created: Instant(row.try_get("created").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Text(&self.issuer),
            Column::Text(&self.subject),
            Column::Integer(self.user),
            Column::Integer(self.created.0),
        ]
    }
}

/// What a verified token says of whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// The issuer.
    pub(crate) issuer: String,
    /// Its name for the account, which never changes.
    pub(crate) subject: String,
    /// A name for people.
    pub(crate) name: String,
    /// The role that the issuer's roles mean here.
    pub(crate) role: Role,
}

/// The account of a token: number, name, whether it is closed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouchee {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) closed: bool,
}

impl Vouchee {
    fn of(user: &UserRow) -> Self {
        Self { id: user.id, name: user.name.clone(), closed: user.disabled.is_some() }
    }
}

impl Accounts {
    /// The account of an issuer's subject, made at first sight. With `signs_in` its role becomes the one that the issuer says now;
    /// a token of a program may have been made for less, and says nothing of the account.
    ///
    /// # Errors
    /// If the database fails or holds a damaged row.
    pub(crate) async fn vouched(&self, actor: &Actor, who: &Vouched, signs_in: bool) -> Result<Vouchee, Error> {
        let mut reading = self.begin_reading().await?;
        let known = self.identity(&mut reading, who).await?;
        drop(reading);
        if let Some(user) = known.as_ref().filter(|user| !signs_in || user.role == who.role || user.disabled.is_some())
        {
            return Ok(Vouchee::of(user));
        }
        let mut transaction = self.begin().await?;
        let user = match self.identity(&mut transaction, who).await? {
            Some(mut user) => {
                let object = format!("{}: {} to {} by {}", user.name, user.role.name(), who.role.name(), who.issuer);
                user.role = who.role;
                self.save_user(&mut transaction, &user).await?;
                self.note(&mut transaction, actor, "user.role", &object, "done").await?;
                user
            }
            None => self.first_seen(&mut transaction, actor, who).await?,
        };
        transaction.commit().await.map_err(failed("commit an identity"))?;
        self.cache.clear();
        Ok(Vouchee::of(&user))
    }

    async fn identity(&self, transaction: &mut Transaction, who: &Vouched) -> Result<Option<UserRow>, Error> {
        let query = sqlx::query("SELECT * FROM identities WHERE issuer = ? AND subject = ?");
        let found = query.bind(&who.issuer).bind(&who.subject).fetch_optional(&mut **transaction).await;
        let Some(found) = found.map_err(failed("look up an identity"))? else { return Ok(None) };
        let damaged = || Error::Damaged(format!("the identity {:?}", who.subject));
        let row = IdentityRow::read(&found, &self.secret).ok_or_else(damaged)?;
        self.find_user_row(transaction, row.user).await?.map(Some).ok_or_else(damaged)
    }

    async fn first_seen(&self, transaction: &mut Transaction, actor: &Actor, who: &Vouched) -> Result<UserRow, Error> {
        let now = (self.clock)();
        let plain: String = who.name.chars().filter(|c| !c.is_control()).take(60).collect();
        let plain = if plain.trim().is_empty() { "user".to_owned() } else { plain };
        let mut name = plain.clone();
        let mut number = 1;
        // A name that somebody has already is told apart by a number; it gives no right to anything.
        loop {
            let taken = sqlx::query("SELECT id FROM users WHERE name = ?").bind(&name);
            if taken.fetch_optional(&mut **transaction).await.map_err(failed("look up a name"))?.is_none() {
                break;
            }
            number += 1;
            name = format!("{plain} ({number})");
        }
        let id = self.seal_user(transaction, &name, who.role, now).await?;
        let row = IdentityRow { issuer: who.issuer.clone(), subject: who.subject.clone(), user: id, created: now };
        let query =
            sqlx::query("INSERT INTO identities (issuer, subject, account, created, mac) VALUES (?, ?, ?, ?, ?)");
        let query = query.bind(&row.issuer).bind(&row.subject).bind(id).bind(now.0).bind(row.mac(&self.secret));
        query.execute(&mut **transaction).await.map_err(failed("keep an identity"))?;
        let object = format!("{name} as {} by {}", who.role.name(), who.issuer);
        self.note(transaction, &actor.clone().named(&name), "user.create", &object, "done").await?;
        self.user_row(transaction, id).await
    }

    /// Issuers that vouch for an account.
    pub(super) async fn issuers_of(&self, transaction: &mut Transaction, user: i64) -> Result<Vec<String>, Error> {
        let rows = sqlx::query("SELECT * FROM identities WHERE account = ? ORDER BY issuer").bind(user);
        let rows = rows.fetch_all(&mut **transaction).await.map_err(failed("list identities"))?;
        Ok(rows.iter().filter_map(|row| IdentityRow::read(row, &self.secret)).map(|row| row.issuer).collect())
    }
}
