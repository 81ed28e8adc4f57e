//! Accounts as those see them who look after them.

use nilometer_schemas::{Instant, Kind, Problem, Role};
use serde_json::{Value, json};
use sqlx::Row;

use super::audit::Actor;
use super::error::failed;
use super::links::Purpose;
use super::logins::LoginRow;
use super::quotas::Quota;
use super::rows::{KeyRow, Sealed, UserRow};
use super::{Accounts, Error, Transaction, password};

/// Most accounts of one answer.
pub(crate) const USERS_MAX: usize = 500;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// When it was made.
    pub created: Instant,
    /// When it was closed, if it was.
    pub disabled: Option<Instant>,
    /// Its address, if it signs in here.
    pub email: Option<String>,
    /// Whether the address is confirmed.
    pub confirmed: bool,
    /// Outside issuers that vouch for it.
    pub issuers: Vec<String>,
    /// Groups that it belongs to.
    pub groups: Vec<String>,
    /// What it may take otherwise than all do.
    pub quota: Quota,
}

impl User {
    /// The account for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "role": self.role.name(), "created": self.created.to_string(),
            "disabled": self.disabled.map(|at| at.to_string()), "email": self.email, "confirmed": self.confirmed,
            "issuers": self.issuers, "groups": self.groups,
            "download_bytes_per_day": self.quota.download_bytes, "running_orders": self.quota.running_orders,
        })
    }
}

/// What a new account shall be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its address, taken as confirmed.
    pub email: Option<String>,
    /// Its password, if it shall have one from the beginning.
    pub password: Option<String>,
}

/// Refuses names that are none.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    if name.trim().is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        let detail = "a user's name has 1 to 128 bytes and no control characters";
        return Err(Problem::invalid("user-name", detail).at("user"));
    }
    Ok(())
}

fn absent() -> Error {
    Problem::not_found("user-not-found", "there is no such account").into()
}

impl Accounts {
    /// Makes an account. With an address and no password, what a link to set one holds.
    ///
    /// # Errors
    /// `Conflict` for a name or address that is taken, `Invalid` for a name or password that is none.
    pub async fn add_user(&self, actor: &Actor, new: NewUser) -> Result<(i64, Option<String>), Error> {
        check_name(&new.name)?;
        let email = new.email.as_deref().map(super::email_of).transpose()?;
        let password = match (&email, new.password) {
            (Some(email), Some(text)) => {
                password::check(&text, email)?;
                Some(self.passwords.hash(text, &self.random).await?)
            }
            (None, Some(_)) => {
                return Err(Problem::invalid("email", "a password needs a mail address to sign in with")
                    .at("email")
                    .into());
            }
            (_, None) => None,
        };
        let now = (self.clock)();
        let mut transaction = self.begin().await?;
        let named = sqlx::query("SELECT id FROM users WHERE name = ?").bind(&new.name);
        let named = named.fetch_optional(&mut *transaction).await.map_err(failed("look up a name"))?;
        let addressed = match &email {
            Some(email) => self.login_of_email(&mut transaction, email).await?,
            None => None,
        };
        if named.is_some() || addressed.is_some() {
            let what = if named.is_some() { "name" } else { "address" };
            let detail = format!("there is an account with this {what} already");
            return Err(Problem::new(Kind::Conflict, "user-exists", detail).into());
        }
        let id = self.seal_user(&mut transaction, &new.name, new.role, now).await?;
        let mut link = None;
        if let Some(email) = email {
            let without = password.is_none();
            let login = LoginRow {
                user: id,
                email,
                password: password.unwrap_or_default(),
                confirmed: Some(now),
                changed: now,
            };
            self.save_login(&mut transaction, &login).await?;
            if without {
                link = Some(self.make_link(&mut transaction, id, Purpose::Reset).await?);
            }
        }
        self.note(&mut transaction, actor, "user.create", &format!("{} as {}", new.name, new.role.name()), "done")
            .await?;
        transaction.commit().await.map_err(failed("commit an account"))?;
        Ok((id, link))
    }

    pub(super) async fn find_user_row(&self, transaction: &mut Transaction, id: i64) -> Result<Option<UserRow>, Error> {
        let found = sqlx::query("SELECT * FROM users WHERE id = ?").bind(id).fetch_optional(&mut **transaction).await;
        Ok(found.map_err(failed("look up a user"))?.and_then(|row| UserRow::read(&row, &self.secret)))
    }

    pub(super) async fn user_row(&self, transaction: &mut Transaction, id: i64) -> Result<UserRow, Error> {
        self.find_user_row(transaction, id).await?.ok_or_else(absent)
    }

    /// An account.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub async fn user(&self, id: i64) -> Result<User, Error> {
        let mut reading = self.begin_reading().await?;
        let row = self.user_row(&mut reading, id).await?;
        self.with_details(&mut reading, row).await
    }

    async fn with_details(&self, reading: &mut Transaction, row: UserRow) -> Result<User, Error> {
        let login = self.login_of(reading, row.id).await?;
        let issuers = self.issuers_of(reading, row.id).await?;
        let groups = self.groups_of(reading, row.id).await?;
        let quota = self.quota_in(reading, row.id).await?;
        let confirmed = login.as_ref().is_some_and(|login| login.confirmed.is_some());
        let email = login.map(|login| login.email);
        let UserRow { id, name, role, created, disabled } = row;
        Ok(User { id, name, role, created, disabled, email, confirmed, issuers, groups, quota })
    }

    /// Accounts with numbers after this one, by number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn users(&self, after: i64) -> Result<Vec<User>, Error> {
        let mut reading = self.begin_reading().await?;
        let query = sqlx::query("SELECT * FROM users WHERE id > ? ORDER BY id LIMIT ?").bind(after);
        let rows = query.bind(USERS_MAX as i64).fetch_all(&mut *reading).await.map_err(failed("list users"))?;
        let mut users = Vec::new();
        for row in rows.iter().filter_map(|row| UserRow::read(row, &self.secret)) {
            users.push(self.with_details(&mut reading, row).await?);
        }
        Ok(users)
    }

    /// The number of the account of this name.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub async fn user_id(&self, name: &str) -> Result<i64, Error> {
        let found = sqlx::query("SELECT * FROM users WHERE name = ?").bind(name).fetch_optional(&self.pool).await;
        let found = found.map_err(failed("look up a user"))?.and_then(|row| UserRow::read(&row, &self.secret));
        found.map(|user| user.id).ok_or_else(absent)
    }

    /// Gives an account another role, closes it or opens it again. With a lesser role, keys above it end; a closed account's
    /// sessions end, and its keys rest.
    ///
    /// # Errors
    /// `NotFound`, and `Conflict` where no administrator would be left.
    pub async fn change_user(
        &self,
        actor: &Actor,
        id: i64,
        role: Option<Role>,
        disabled: Option<bool>,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let mut user = self.user_row(&mut transaction, id).await?;
        let (was, now) = (user.clone(), (self.clock)());
        user.role = role.unwrap_or(user.role);
        user.disabled = match disabled {
            Some(true) => user.disabled.or(Some(now)),
            Some(false) => None,
            None => user.disabled,
        };
        if user == was {
            return Ok(());
        }
        if user.role != Role::Administrator || user.disabled.is_some() {
            self.keep_an_administrator(&mut transaction, &was).await?;
        }
        self.save_user(&mut transaction, &user).await?;
        if user.role < was.role {
            self.end_keys_above(&mut transaction, &user).await?;
        }
        if user.disabled.is_some() {
            self.end_sessions(&mut transaction, id, None).await?;
            self.end_links(&mut transaction, id).await?;
        }
        if user.role != was.role {
            let object = format!("{}: {} to {}", user.name, was.role.name(), user.role.name());
            self.note(&mut transaction, actor, "user.role", &object, "done").await?;
        }
        if user.disabled.is_some() != was.disabled.is_some() {
            let action = if user.disabled.is_some() { "user.close" } else { "user.open" };
            self.note(&mut transaction, actor, action, &user.name, "done").await?;
        }
        transaction.commit().await.map_err(failed("commit a change of an account"))?;
        self.cache.clear();
        Ok(())
    }

    pub(super) async fn save_user(&self, transaction: &mut Transaction, user: &UserRow) -> Result<(), Error> {
        let query = sqlx::query("UPDATE users SET role = ?, disabled = ?, mac = ? WHERE id = ?");
        let query = query.bind(user.role.name()).bind(user.disabled.map(|at| at.0)).bind(user.mac(&self.secret));
        query.bind(user.id).execute(&mut **transaction).await.map_err(failed("change a user"))?;
        Ok(())
    }

    /// Takes back keys whose own role is above the account's.
    async fn end_keys_above(&self, transaction: &mut Transaction, user: &UserRow) -> Result<(), Error> {
        let rows = sqlx::query("SELECT * FROM keys WHERE account = ? AND revoked IS NULL").bind(user.id);
        let rows = rows.fetch_all(&mut **transaction).await.map_err(failed("list keys"))?;
        let keys = rows.iter().filter_map(|row| KeyRow::read(row, &self.secret));
        for mut key in keys.filter(|key| key.role.is_some_and(|role| role > user.role)) {
            key.revoked = Some((self.clock)());
            let query = sqlx::query("UPDATE keys SET revoked = ?, mac = ? WHERE id = ?");
            let query = query.bind(key.revoked.map(|at| at.0)).bind(key.mac(&self.secret)).bind(&key.id);
            query.execute(&mut **transaction).await.map_err(failed("revoke a key"))?;
        }
        Ok(())
    }

    /// Refuses to go on where this account is the last administrator who can act.
    async fn keep_an_administrator(&self, transaction: &mut Transaction, user: &UserRow) -> Result<(), Error> {
        if user.role != Role::Administrator || user.disabled.is_some() {
            return Ok(());
        }
        let query = "SELECT count(*) FROM users WHERE role = ? AND disabled IS NULL AND id <> ?";
        let query = sqlx::query_scalar::<_, i64>(query).bind(Role::Administrator.name()).bind(user.id);
        let others = query.fetch_one(&mut **transaction).await.map_err(failed("count administrators"))?;
        if others == 0 {
            let detail = "this is the last administrator; make another one first";
            return Err(Problem::new(Kind::Conflict, "last-administrator", detail).into());
        }
        Ok(())
    }

    /// Removes an account with its keys, sessions, links, memberships, orders, baskets and ways to sign in. What the audit log holds stays until
    /// its time is over.
    ///
    /// # Errors
    /// `NotFound`, and `Conflict` where no administrator would be left.
    pub async fn delete_user(&self, actor: &Actor, id: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let user = self.user_row(&mut transaction, id).await?;
        self.keep_an_administrator(&mut transaction, &user).await?;
        self.note(&mut transaction, actor, "user.delete", &user.name, "done").await?;
        self.erase(&mut transaction, id).await?;
        transaction.commit().await.map_err(failed("commit the end of an account"))?;
        self.cache.clear();
        self.rights.forget();
        Ok(())
    }

    /// Removes all rows of an account.
    pub(super) async fn erase(&self, transaction: &mut Transaction, id: i64) -> Result<(), Error> {
        for query in [
            "DELETE FROM orders WHERE account = ?",
            "DELETE FROM baskets WHERE account = ?",
            "DELETE FROM shared_baskets WHERE owner = ?",
            "DELETE FROM licence_acceptances WHERE account = ?",
            "DELETE FROM keys WHERE account = ?",
            "DELETE FROM sessions WHERE account = ?",
            "DELETE FROM links WHERE account = ?",
            "DELETE FROM memberships WHERE account = ?",
            "DELETE FROM identities WHERE account = ?",
            "DELETE FROM logins WHERE account = ?",
            "DELETE FROM quotas WHERE account = ?",
            "DELETE FROM volumes WHERE account = ?",
            "DELETE FROM users WHERE id = ?",
        ] {
            let query = sqlx::query(query).bind(id).execute(&mut **transaction);
            query.await.map_err(failed("remove an account"))?;
        }
        Ok(())
    }

    /// How many administrators can act; a service without one says how to make the first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrators(&self) -> Result<i64, Error> {
        let query = sqlx::query("SELECT count(*) AS n FROM users WHERE role = ? AND disabled IS NULL");
        let row = query.bind(Role::Administrator.name()).fetch_one(&self.pool).await;
        row.and_then(|row| row.try_get("n")).map_err(failed("count administrators"))
    }
}
