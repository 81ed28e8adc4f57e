//! Baskets that were shared by a link: whoever has it reads one, until it ends or its owner takes it back.

use nilometer_schemas::{Instant, Kind, Problem};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::key::to_hex;
use super::rows::{Column, Sealed};
use super::{Accounts, Error, MICROS_PER_DAY};

/// How much is shared, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharingTerms {
    /// Baskets of one account.
    pub(crate) per_user: u32,
    /// Bytes of all together.
    pub(crate) bytes_in_all: u64,
    /// Days until a link ends.
    pub(crate) days: u32,
}

/// A row of `shared_baskets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedBasket {
    /// What its link holds.
    pub(crate) id: String,
    /// Number of the account.
    pub(crate) owner: i64,
    /// What it holds, as JSON.
    pub(crate) body: String,
    created: Instant,
    /// When it ends.
    pub(crate) expires: Instant,
}

impl SharedBasket {
    /// The basket for its owner.
    pub(crate) fn to_json(&self) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json!({
            "id": self.id, "created": self.created.to_string(), "expires": self.expires.to_string(),
            "selections": body["selections"],
        })
    }
}

impl Sealed for SharedBasket {
    const TABLE: &'static str = "shared_baskets";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        Some(Self {
            id: row.try_get("id").ok()?,
            owner: row.try_get("owner").ok()?,
            body: row.try_get("body").ok()?,
            created: Instant(row.try_get("created").ok()?),
            expires: Instant(row.try_get("expires").ok()?),
        })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![
            Column::Text(&self.id),
            Column::Integer(self.owner),
            Column::Text(&self.body),
            Column::Integer(self.created.0),
            Column::Integer(self.expires.0),
        ]
    }
}

fn absent(id: &str) -> Error {
    Problem::not_found("basket-not-found", format!("no basket is shared as {id:?}")).into()
}

impl Accounts {
    /// Shares a basket. The same one that is shared already keeps its link, and the time begins anew.
    ///
    /// # Errors
    /// `Conflict` where the account shares as many as it may, `StorageFull` where there is no room for more in all.
    pub(crate) async fn share_basket(
        &self,
        actor: &Actor,
        owner: i64,
        body: &str,
        terms: &SharingTerms,
    ) -> Result<SharedBasket, Error> {
        let now = (self.clock)();
        let expires = Instant(now.0 + i64::from(terms.days) * MICROS_PER_DAY);
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).map_err(Error::Random)?;
        let fresh = SharedBasket { id: to_hex(&bytes), owner, body: body.to_owned(), created: now, expires };
        let mut transaction = self.begin().await?;
        let query = sqlx::query("DELETE FROM shared_baskets WHERE expires <= ?").bind(now.0);
        query.execute(&mut *transaction).await.map_err(failed("drop ended baskets"))?;
        let known = sqlx::query("SELECT * FROM shared_baskets WHERE owner = ? AND body = ?").bind(owner).bind(body);
        let known = known.fetch_optional(&mut *transaction).await.map_err(failed("look up a shared basket"))?;
        let shared = match known.and_then(|row| SharedBasket::read(&row, &self.secret)) {
            Some(known) => SharedBasket { expires, ..known },
            None => {
                let sums = "SELECT COALESCE(SUM(CASE WHEN owner = ? THEN 1 ELSE 0 END), 0), \
                            COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM shared_baskets";
                let sums = sqlx::query_as::<_, (i64, i64)>(sums).bind(owner).fetch_one(&mut *transaction).await;
                let (own, bytes) = sums.map_err(failed("count shared baskets"))?;
                check_room(terms, own, bytes.unsigned_abs() + body.len() as u64)?;
                fresh
            }
        };
        let query = sqlx::query(
            "INSERT INTO shared_baskets (id, owner, body, created, expires, mac) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, mac = excluded.mac",
        );
        let query = query.bind(&shared.id).bind(owner).bind(&shared.body).bind(shared.created.0).bind(shared.expires.0);
        let query = query.bind(shared.mac(&self.secret)).execute(&mut *transaction);
        query.await.map_err(failed("share a basket"))?;
        self.note(&mut transaction, actor, "basket.share", &shared.id, "done").await?;
        transaction.commit().await.map_err(failed("commit a shared basket"))?;
        Ok(shared)
    }

    /// A basket that is shared.
    ///
    /// # Errors
    /// `NotFound`, also for one that has ended, and what the database says.
    pub(crate) async fn shared_basket(&self, id: &str) -> Result<SharedBasket, Error> {
        let row = sqlx::query("SELECT * FROM shared_baskets WHERE id = ?").bind(id).fetch_optional(&self.pool).await;
        let row = row.map_err(failed("look up a shared basket"))?.ok_or_else(|| absent(id))?;
        let shared = SharedBasket::read(&row, &self.secret)
            .ok_or_else(|| Error::Damaged(format!("the shared basket {id:?}")))?;
        if shared.expires <= (self.clock)() { Err(absent(id)) } else { Ok(shared) }
    }

    /// What an account shares, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn shared_baskets_of(&self, owner: i64) -> Result<Vec<SharedBasket>, Error> {
        let query = "SELECT * FROM shared_baskets WHERE owner = ? AND expires > ? ORDER BY created DESC, id";
        let query = sqlx::query(query).bind(owner).bind((self.clock)().0).fetch_all(&self.pool);
        let rows = query.await.map_err(failed("list shared baskets"))?;
        Ok(rows.iter().filter_map(|row| SharedBasket::read(row, &self.secret)).collect())
    }

    /// Takes a shared basket of an account back.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's.
    pub(crate) async fn unshare_basket(&self, actor: &Actor, owner: i64, id: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query("DELETE FROM shared_baskets WHERE id = ? AND owner = ?").bind(id).bind(owner);
        let done = query.execute(&mut *transaction).await.map_err(failed("take a shared basket back"))?;
        if done.rows_affected() == 0 {
            return Err(absent(id));
        }
        self.note(&mut transaction, actor, "basket.unshare", id, "done").await?;
        transaction.commit().await.map_err(failed("commit the end of a shared basket"))
    }

    pub(super) async fn drop_ended_baskets(&self) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM shared_baskets WHERE expires <= ?").bind((self.clock)().0);
        query.execute(&self.pool).await.map_err(failed("drop ended baskets"))?;
        Ok(())
    }
}

/// Refuses one more basket of somebody who shares `own` already, which would make `bytes` in all.
fn check_room(terms: &SharingTerms, own: i64, bytes: u64) -> Result<(), Problem> {
    if own >= i64::from(terms.per_user) {
        let detail = format!("an account shares at most {} baskets; take one back first", terms.per_user);
        return Err(Problem::new(Kind::Conflict, "baskets-full", detail));
    }
    if bytes > terms.bytes_in_all {
        let detail = "the service has no room for more shared baskets; some end every day";
        return Err(Problem::new(Kind::StorageFull, "baskets-full", detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use nilometer_schemas::Role;

    use super::*;
    use crate::state::Random;

    #[tokio::test]
    async fn shared_baskets_end_by_themselves_and_have_bounds() {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || Instant(clock.load(Ordering::Relaxed)));
        let accounts = Accounts::open(dir.path(), clock, Random::system()).await.expect("accounts");
        for user in ["ana", "bob"] {
            accounts.create_key(user, Role::User, None).await.expect("a key");
        }
        let (ana, bob) = (accounts.user_id("ana").await.expect("ana"), accounts.user_id("bob").await.expect("bob"));
        let actor = Actor::default();
        let terms = SharingTerms { per_user: 2, bytes_in_all: 10, days: 1 };
        let share = async |owner, body| accounts.share_basket(&actor, owner, body, &terms).await;
        let first = share(ana, "[1]").await.expect("shared");
        now.fetch_add(MICROS_PER_DAY / 2, Ordering::Relaxed);
        let again = share(ana, "[1]").await.expect("shared");
        assert!(again.id == first.id && again.expires > first.expires, "the same basket keeps its link");
        share(ana, "[2]").await.expect("shared");
        let kind = |outcome: Result<SharedBasket, Error>| match outcome {
            Err(Error::Problem(problem)) => Some((problem.code, problem.kind)),
            _ => None,
        };
        assert_eq!(kind(share(ana, "[3]").await), Some(("baskets-full", Kind::Conflict)));
        assert_eq!(kind(share(bob, "[12345]").await), Some(("baskets-full", Kind::StorageFull)));
        let of_bob = share(bob, "[3]").await.expect("shared");
        assert!(of_bob.id != first.id && accounts.unshare_basket(&actor, ana, &of_bob.id).await.is_err());
        accounts.unshare_basket(&actor, bob, &of_bob.id).await.expect("taken back");
        assert!(accounts.shared_basket(&of_bob.id).await.is_err());
        now.fetch_add(MICROS_PER_DAY, Ordering::Relaxed);
        assert!(accounts.shared_basket(&first.id).await.is_err(), "it has ended");
        assert!(accounts.shared_baskets_of(ana).await.expect("a list").is_empty());
        share(bob, "[12345]").await.expect("there is room again");
    }
}
