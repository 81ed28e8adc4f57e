//! Local accounts: an address, a password, and the way from signing up to signing in.
//!
//! No answer tells whether an address has an account: refusals are the same and cost the same work.

use std::net::IpAddr;

use nilometer_schemas::{Instant, Kind, Problem, Role};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::links::Purpose;
use super::rows::{Column, Sealed, UserRow, moment};
use super::{Accounts, Error, MICROS_PER_DAY, Transaction, password};

/// Bytes of the longest address (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;
/// Days after which an account is removed whose address nobody confirmed.
const UNCONFIRMED_DAYS: i64 = 7;

/// A row of `logins`.
#[derive(Clone, Debug)]
pub(super) struct LoginRow {
    pub(super) user: i64,
    pub(super) email: String,
    /// Empty until one is set.
    pub(super) password: String,
    pub(super) confirmed: Option<Instant>,
    pub(super) changed: Instant,
}

impl Sealed for LoginRow {
    const TABLE: &'static str = "logins";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            user: row.try_get("account").ok()?,
            email: row.try_get("email").ok()?,
            password: row.try_get("password").ok()?,
            confirmed: moment(row, "confirmed")?,
            changed: Instant(row.try_get("changed").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Integer(self.user),
            Column::Text(&self.email),
            Column::Text(&self.password),
            self.confirmed.into(),
            Column::Integer(self.changed.0),
        ]
    }
}

/// What is to be mailed after somebody signed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// A link that confirms the address.
    Confirm(String),
    /// That there is an account already.
    Exists,
    /// That an account without an address has it as its name.
    Taken,
}

/// An address in the form in which it is kept: lower case, one `@`, nothing that could break out of a mail's header.
///
/// # Errors
/// `Invalid` for what is no address.
pub(crate) fn email_of(text: &str) -> Result<String, Problem> {
    let email = text.trim().to_lowercase();
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
    };
    let fits = email.split_once('@').is_some_and(|(local, domain)| {
        plain(local)
            && local.len() <= 64
            && domain
                .split('.')
                .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
            && (domain.contains('.') || domain == "localhost")
    });
    if fits && email.len() <= EMAIL_BYTES_MAX {
        return Ok(email);
    }
    Err(Problem::invalid("email", "this is no mail address").at("email").allowed("name@domain.example"))
}

fn wrong() -> Error {
    let detail = "address or password are wrong, or the address is not confirmed yet";
    Problem::new(Kind::Unauthorized, "sign-in-refused", detail).at("password").into()
}

impl Accounts {
    pub(super) async fn login_of_email(
        &self,
        transaction: &mut Transaction,
        email: &str,
    ) -> Result<Option<LoginRow>, Error> {
        let found = sqlx::query("SELECT * FROM logins WHERE email = ?").bind(email).fetch_optional(&mut **transaction);
        let found = found.await.map_err(failed("look up an address"))?;
        Ok(found.and_then(|row| LoginRow::read(&row, &self.secret)))
    }

    pub(super) async fn login_of(&self, transaction: &mut Transaction, user: i64) -> Result<Option<LoginRow>, Error> {
        let found = sqlx::query("SELECT * FROM logins WHERE account = ?").bind(user).fetch_optional(&mut **transaction);
        let found = found.await.map_err(failed("look up a login"))?;
        Ok(found.and_then(|row| LoginRow::read(&row, &self.secret)))
    }

    pub(super) async fn save_login(&self, transaction: &mut Transaction, row: &LoginRow) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO logins (account, email, password, confirmed, changed, mac) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (account) DO UPDATE SET email = excluded.email, password = excluded.password, \
             confirmed = excluded.confirmed, changed = excluded.changed, mac = excluded.mac",
        );
        let query = query.bind(row.user).bind(&row.email).bind(&row.password).bind(row.confirmed.map(|at| at.0));
        let query = query.bind(row.changed.0).bind(row.mac(&self.secret)).execute(&mut **transaction);
        query.await.map_err(failed("write a login"))?;
        Ok(())
    }

    /// Somebody signs up. The account exists from now on and does nothing until its address is confirmed.
    ///
    /// # Errors
    /// `Invalid` for an address or password that is none, `TooManyRequests`.
    pub(crate) async fn sign_up(
        &self,
        actor: &Actor,
        email: &str,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<Posted, Error> {
        password::check(&password, email)?;
        self.attempt_link(actor, "account.sign-up", email, from).await?;
        let hash = self.passwords.hash(password, &self.random).await?;
        let now = (self.clock)();
        let mut transaction = self.begin().await?;
        let known = self.login_of_email(&mut transaction, email).await?;
        if known.as_ref().is_some_and(|login| login.confirmed.is_some()) {
            self.note(&mut transaction, actor, "account.sign-up", email, "exists").await?;
            transaction.commit().await.map_err(failed("commit a sign-up"))?;
            return Ok(Posted::Exists);
        }
        // A name that belongs to an account without this address, made by an administrator, is not given away.
        let taken = sqlx::query("SELECT id FROM users WHERE name = ?").bind(email).fetch_optional(&mut *transaction);
        let taken = taken.await.map_err(failed("look up a name"))?.is_some();
        if taken && known.is_none() {
            self.note(&mut transaction, actor, "account.sign-up", email, "taken").await?;
            transaction.commit().await.map_err(failed("commit a sign-up"))?;
            return Ok(Posted::Taken);
        }
        let user = match known {
            Some(login) => login.user,
            None => self.seal_user(&mut transaction, email, Role::User, now).await?,
        };
        let login = LoginRow { user, email: email.to_owned(), password: hash, confirmed: None, changed: now };
        self.save_login(&mut transaction, &login).await?;
        let token = self.make_link(&mut transaction, user, Purpose::Confirm).await?;
        self.note(&mut transaction, actor, "account.sign-up", email, "done").await?;
        transaction.commit().await.map_err(failed("commit a sign-up"))?;
        Ok(Posted::Confirm(token))
    }

    /// Confirms an address; whose account it is. The password must be given again: who signed up with somebody else's
    /// address must not get the account when its owner follows the link.
    ///
    /// # Errors
    /// `Invalid` for a link that is not good, `Unauthorized` for another password, `TooManyRequests`.
    pub(crate) async fn confirm(
        &self,
        actor: &Actor,
        token: &str,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<i64, Error> {
        let mut reading = self.begin_reading().await?;
        let user = self.link_row(&mut reading, token, Purpose::Confirm).await?.user;
        let login = self.login_of(&mut reading, user).await?.ok_or_else(wrong)?;
        drop(reading);
        self.attempt(actor, "account.confirm", (&login.email, &login.email), from).await?;
        if !self.passwords.matches(password, Some(&login.password)).await? {
            self.audit(actor, "account.confirm", &login.email, "refused").await?;
            return Err(wrong());
        }
        self.throttle.succeeded(&login.email, from);
        let mut transaction = self.begin().await?;
        // Read again: another sign-up with this address may have replaced link and password meanwhile.
        self.link_row(&mut transaction, token, Purpose::Confirm).await?;
        let confirmed = Some((self.clock)());
        self.save_login(&mut transaction, &LoginRow { confirmed, ..login.clone() }).await?;
        self.end_links(&mut transaction, user).await?;
        self.note(&mut transaction, &actor.clone().named(&login.email), "account.confirm", &login.email, "done")
            .await?;
        transaction.commit().await.map_err(failed("commit a confirmation"))?;
        Ok(user)
    }

    /// The account of an address and a password.
    ///
    /// # Errors
    /// `Unauthorized` for all that is wrong, `TooManyRequests`.
    pub(crate) async fn sign_in(
        &self,
        actor: &Actor,
        email: &str,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<i64, Error> {
        self.attempt(actor, "session.sign-in", (email, email), from).await?;
        let mut reading = self.begin_reading().await?;
        let login = self.login_of_email(&mut reading, email).await?;
        let user = match &login {
            Some(login) => self.find_user_row(&mut reading, login.user).await?,
            None => None,
        };
        drop(reading);
        let phc = login.as_ref().map(|login| login.password.as_str());
        let matches = self.passwords.matches(password, phc).await?;
        let usable = |user: &UserRow| user.disabled.is_none();
        let login = login.filter(|login| matches && login.confirmed.is_some());
        match login.zip(user.filter(usable)) {
            Some((login, user)) => {
                self.throttle.succeeded(email, from);
                self.audit(&actor.clone().named(&user.name), "session.sign-in", email, "done").await?;
                Ok(login.user)
            }
            None => {
                self.audit(actor, "session.sign-in", email, "refused").await?;
                Err(wrong())
            }
        }
    }

    /// What a link for a new password holds, where the address has an account.
    ///
    /// # Errors
    /// If the database fails, and `TooManyRequests`.
    pub(crate) async fn forgot(&self, actor: &Actor, email: &str) -> Result<Option<String>, Error> {
        let mut transaction = self.begin().await?;
        let Some(login) = self.login_of_email(&mut transaction, email).await? else {
            self.note(&mut transaction, actor, "password.forgot", email, "unknown").await?;
            transaction.commit().await.map_err(failed("commit a link"))?;
            return Ok(None);
        };
        let token = self.make_link(&mut transaction, login.user, Purpose::Reset).await?;
        self.note(&mut transaction, actor, "password.forgot", email, "done").await?;
        transaction.commit().await.map_err(failed("commit a link"))?;
        Ok(Some(token))
    }

    /// Counts a request for a link, which costs a letter: nobody's mail is filled with them.
    ///
    /// # Errors
    /// `TooManyRequests`.
    pub(crate) async fn attempt_link(
        &self,
        actor: &Actor,
        action: &str,
        email: &str,
        from: Option<IpAddr>,
    ) -> Result<(), Error> {
        self.attempt(actor, action, (&format!("link {email}"), email), from).await
    }

    /// Counts an attempt against a name, which the audit log knows as `object`. The first that is one too many is noted there,
    /// and the others are not: nobody fills the log.
    async fn attempt(
        &self,
        actor: &Actor,
        action: &str,
        (name, object): (&str, &str),
        from: Option<IpAddr>,
    ) -> Result<(), Error> {
        let Err(refused) = self.throttle.attempt(name, from, (self.clock)()) else { return Ok(()) };
        if refused.is_first {
            self.audit(actor, action, object, "throttled").await?;
        }
        Err(refused.error)
    }

    /// Notes that an issuer's answer was refused, unless many came from there just now.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn note_refused_answer(
        &self,
        actor: &Actor,
        issuer: &str,
        from: Option<IpAddr>,
    ) -> Result<(), Error> {
        match self.answers.attempt("", from, (self.clock)()) {
            Ok(()) => self.audit(actor, "session.sign-in", issuer, "refused").await,
            Err(refused) if refused.is_first => self.audit(actor, "session.sign-in", issuer, "throttled").await,
            Err(_) => Ok(()),
        }
    }

    /// Sets a new password by a mailed link, which confirms the address too. All sessions end.
    ///
    /// # Errors
    /// `Invalid` for a link or a password that is not good.
    pub(crate) async fn reset_password(&self, actor: &Actor, token: &str, password: String) -> Result<i64, Error> {
        let mut reading = self.begin_reading().await?;
        let user = self.link_row(&mut reading, token, Purpose::Reset).await?.user;
        let login = self.login_of(&mut reading, user).await?.ok_or_else(wrong)?;
        drop(reading);
        password::check(&password, &login.email)?;
        let hash = self.passwords.hash(password, &self.random).await?;
        let now = (self.clock)();
        let mut transaction = self.begin().await?;
        self.link_row(&mut transaction, token, Purpose::Reset).await?;
        let login = LoginRow { password: hash, confirmed: login.confirmed.or(Some(now)), changed: now, ..login };
        self.save_login(&mut transaction, &login).await?;
        self.end_links(&mut transaction, user).await?;
        self.end_sessions(&mut transaction, user, None).await?;
        self.note(&mut transaction, &actor.clone().named(&login.email), "password.reset", &login.email, "done").await?;
        transaction.commit().await.map_err(failed("commit a password"))?;
        Ok(user)
    }

    /// Whether this is the account's password. Accounts without one have none that fits.
    ///
    /// # Errors
    /// If the database fails, and `TooManyRequests`.
    pub(crate) async fn is_password(
        &self,
        actor: &Actor,
        user: i64,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<bool, Error> {
        let mut reading = self.begin_reading().await?;
        let login = self.login_of(&mut reading, user).await?;
        drop(reading);
        let email = login.as_ref().map_or("", |login| login.email.as_str());
        self.attempt(actor, "password.check", (email, email), from).await?;
        let phc = login.as_ref().map(|login| login.password.as_str());
        let matches = self.passwords.matches(password, phc).await?;
        if matches {
            self.throttle.succeeded(email, from);
        } else {
            self.audit(actor, "password.check", email, "refused").await?;
        }
        Ok(matches)
    }

    /// Sets another password; all other sessions end.
    ///
    /// # Errors
    /// `Unauthorized` for a wrong current password, `Invalid` for a weak new one.
    pub(crate) async fn change_password(
        &self,
        actor: &Actor,
        user: i64,
        (current, new): (String, String),
        (from, session): (Option<IpAddr>, Option<&str>),
    ) -> Result<(), Error> {
        if !self.is_password(actor, user, current, from).await? {
            return Err(wrong());
        }
        let mut reading = self.begin_reading().await?;
        let login = self.login_of(&mut reading, user).await?.ok_or_else(wrong)?;
        drop(reading);
        password::check(&new, &login.email)?;
        let hash = self.passwords.hash(new, &self.random).await?;
        let mut transaction = self.begin().await?;
        self.save_login(&mut transaction, &LoginRow { password: hash, changed: (self.clock)(), ..login }).await?;
        self.end_links(&mut transaction, user).await?;
        self.end_sessions(&mut transaction, user, session).await?;
        self.note(&mut transaction, actor, "password.change", "", "done").await?;
        transaction.commit().await.map_err(failed("commit a password"))
    }

    /// Removes accounts that signed up long ago and never confirmed their address.
    pub(super) async fn drop_unconfirmed(&self) -> Result<(), Error> {
        let before = (self.clock)().0 - UNCONFIRMED_DAYS * MICROS_PER_DAY;
        let query = "SELECT account FROM logins WHERE confirmed IS NULL AND password <> '' AND changed < ? \
                     AND account NOT IN (SELECT account FROM keys) AND account NOT IN (SELECT account FROM identities)";
        let found = sqlx::query_scalar::<_, i64>(query).bind(before).fetch_all(&self.pool).await;
        for user in found.map_err(failed("look for unconfirmed addresses"))? {
            let mut transaction = self.begin().await?;
            self.erase(&mut transaction, user).await?;
            transaction.commit().await.map_err(failed("remove an unconfirmed address"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_one_form_and_nothing_breaks_out_of_a_header() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(email_of(text).ok().as_deref(), expected, "{text:?}");
        check(" Ana@Water.Example ", Some("ana@water.example"));
        check("a.b+c@sub.water.example", Some("a.b+c@sub.water.example"));
        check("root@localhost", Some("root@localhost"));
        for bad in [
            "",
            "ana",
            "@b.example",
            "a@",
            "a@b",
            "a@b..example",
            "a b@c.example",
            "a@b.example\r\nBcc: c@d.example",
            "a@b@c.example",
            "<a@b.example>",
            "a,b@c.example",
            "é@b.example",
            &format!("{}@b.example", "x".repeat(65)),
        ] {
            check(bad, None);
        }
    }
}
