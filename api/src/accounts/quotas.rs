//! What accounts may take otherwise than all do, and the bytes of files that they took each day.

use nilometer_schemas::Instant;
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::Actor;
use super::error::failed;
use super::rows::{Column, Sealed};
use super::{Accounts, Error, MICROS_PER_DAY, Transaction};

/// Days that volumes are kept; a download may begin before midnight and end after it.
const VOLUME_DAYS: i64 = 7;

/// What one account may take otherwise than all do: `None` is as all, 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of files a day.
    pub download_bytes: Option<u64>,
    /// Orders under way.
    pub running_orders: Option<u32>,
}

/// A change of a [`Quota`]: what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaChange {
    /// Bytes of files a day.
    pub download_bytes: Option<Option<u64>>,
    /// Orders under way.
    pub running_orders: Option<Option<u32>>,
}

/// A row of `quotas`.
pub(super) struct QuotaRow {
    account: i64,
    quota: Quota,
}

fn whole(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Sealed for QuotaRow {
    const TABLE: &'static str = "quotas";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        let bytes = row.try_get::<Option<i64>, _>("download_bytes").ok()?;
        let orders = row.try_get::<Option<i64>, _>("running_orders").ok()?;
        let quota = Quota {
            download_bytes: bytes.map(u64::try_from).transpose().ok()?,
            running_orders: orders.map(u32::try_from).transpose().ok()?,
        };
        Some(Self { account: row.try_get("account").ok()?, quota })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        let Quota { download_bytes, running_orders } = self.quota;
        vec![Column::Integer(self.account), download_bytes.map(whole).into(), running_orders.map(i64::from).into()]
    }
}

/// A row of `volumes`.
pub(super) struct VolumeRow {
    account: i64,
    day: i64,
    bytes: u64,
}

impl Sealed for VolumeRow {
    const TABLE: &'static str = "volumes";

    fn columns_of(row: &SqliteRow) -> Option<Self> {
        let bytes = u64::try_from(row.try_get::<i64, _>("bytes").ok()?).ok()?;
        Some(Self { account: row.try_get("account").ok()?, day: row.try_get("day").ok()?, bytes })
    }

    fn sealed(&self) -> Vec<Column<'_>> {
        vec![Column::Integer(self.account), Column::Integer(self.day), Column::Integer(whole(self.bytes))]
    }
}

/// The day of a moment, counted from 1970-01-01 in UTC.
fn day_of(moment: Instant) -> i64 {
    moment.0.div_euclid(MICROS_PER_DAY)
}

/// What became of bytes that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// They count for this day.
    On(i64),
    /// They are more than what is left.
    TooMuch {
        /// Bytes that count already.
        used: u64,
    },
}

impl Accounts {
    /// The moment at which the present day ends.
    pub(crate) fn day_ends(&self) -> Instant {
        Instant((day_of((self.clock)()) + 1).saturating_mul(MICROS_PER_DAY))
    }

    /// Gives an account more or less than all have.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub async fn set_quota(&self, actor: &Actor, id: i64, change: QuotaChange) -> Result<Quota, Error> {
        let mut transaction = self.begin().await?;
        let user = self.user_row(&mut transaction, id).await?;
        let was = self.quota_in(&mut transaction, id).await?;
        let quota = Quota {
            download_bytes: change.download_bytes.unwrap_or(was.download_bytes),
            running_orders: change.running_orders.unwrap_or(was.running_orders),
        };
        if quota == was {
            return Ok(quota);
        }
        let row = QuotaRow { account: id, quota };
        let query = sqlx::query(
            "INSERT INTO quotas (account, download_bytes, running_orders, mac) VALUES (?, ?, ?, ?) \
             ON CONFLICT (account) DO UPDATE SET download_bytes = excluded.download_bytes, \
             running_orders = excluded.running_orders, mac = excluded.mac",
        );
        let query = query.bind(id).bind(quota.download_bytes.map(whole)).bind(quota.running_orders.map(i64::from));
        let query = query.bind(row.mac(&self.secret)).execute(&mut *transaction);
        query.await.map_err(failed("write a quota"))?;
        let told = |value: Option<u64>| value.map_or_else(|| "default".to_owned(), |value| value.to_string());
        let (bytes, orders) = (told(quota.download_bytes), told(quota.running_orders.map(u64::from)));
        let object = format!("{}: {bytes} bytes a day, {orders} orders", user.name);
        self.note(&mut transaction, actor, "user.quota", &object, "done").await?;
        transaction.commit().await.map_err(failed("commit a quota"))?;
        Ok(quota)
    }

    /// What an account may take otherwise than all do. A damaged row counts for nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn quota(&self, id: i64) -> Result<Quota, Error> {
        let mut reading = self.begin_reading().await?;
        self.quota_in(&mut reading, id).await
    }

    pub(super) async fn quota_in(&self, transaction: &mut Transaction, id: i64) -> Result<Quota, Error> {
        let found = sqlx::query("SELECT * FROM quotas WHERE account = ?").bind(id).fetch_optional(&mut **transaction);
        let found = found.await.map_err(failed("read a quota"))?;
        Ok(found.and_then(|row| QuotaRow::read(&row, &self.secret)).map_or_else(Quota::default, |row| row.quota))
    }

    async fn volume_in(&self, transaction: &mut Transaction, id: i64, day: i64) -> Result<u64, Error> {
        let query = sqlx::query("SELECT * FROM volumes WHERE account = ? AND day = ?").bind(id).bind(day);
        let found = query.fetch_optional(&mut **transaction).await.map_err(failed("read a volume"))?;
        Ok(found.and_then(|row| VolumeRow::read(&row, &self.secret)).map_or(0, |row| row.bytes))
    }

    async fn save_volume(&self, transaction: &mut Transaction, row: &VolumeRow) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO volumes (account, day, bytes, mac) VALUES (?, ?, ?, ?) \
             ON CONFLICT (account, day) DO UPDATE SET bytes = excluded.bytes, mac = excluded.mac",
        );
        let query = query.bind(row.account).bind(row.day).bind(whole(row.bytes)).bind(row.mac(&self.secret));
        query.execute(&mut **transaction).await.map_err(failed("write a volume"))?;
        Ok(())
    }

    /// Bytes that count for an account today.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn volume_today(&self, id: i64) -> Result<u64, Error> {
        let mut reading = self.begin_reading().await?;
        self.volume_in(&mut reading, id, day_of((self.clock)())).await
    }

    /// Notes that an account fetches a file, and with `limit` counts its bytes for today, all of them or none. Transactions
    /// that write come one after the other, so that requests at the same time cannot go beyond the limit together.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_download(
        &self,
        id: i64,
        bytes: u64,
        limit: Option<u64>,
        note: Option<(&Actor, &str)>,
    ) -> Result<Option<Taken>, Error> {
        if limit.is_none() && note.is_none() {
            return Ok(None);
        }
        let mut transaction = self.begin().await?;
        let mut taken = None;
        if let Some(limit) = limit {
            let day = day_of((self.clock)());
            let used = self.volume_in(&mut transaction, id, day).await?;
            if used.saturating_add(bytes) > limit {
                return Ok(Some(Taken::TooMuch { used }));
            }
            self.save_volume(&mut transaction, &VolumeRow { account: id, day, bytes: used + bytes }).await?;
            taken = Some(Taken::On(day));
        }
        if let Some((actor, object)) = note {
            self.note(&mut transaction, actor, "file.download", object, "begun").await?;
        }
        transaction.commit().await.map_err(failed("commit a download"))?;
        Ok(taken)
    }

    /// Takes back bytes that were counted and not sent. An account that is gone has no volume.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn give_back(&self, id: i64, day: i64, bytes: u64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let counted = self.volume_in(&mut transaction, id, day).await?;
        if counted == 0 {
            return Ok(());
        }
        let row = VolumeRow { account: id, day, bytes: counted.saturating_sub(bytes) };
        self.save_volume(&mut transaction, &row).await?;
        transaction.commit().await.map_err(failed("commit a correction of a volume"))
    }

    /// What was counted for an account, by day.
    pub(super) async fn volumes_of(&self, id: i64) -> Result<Vec<Value>, Error> {
        let query = sqlx::query("SELECT * FROM volumes WHERE account = ? ORDER BY day").bind(id);
        let rows = query.fetch_all(&self.pool).await.map_err(failed("read volumes"))?;
        let rows = rows.iter().filter_map(|row| VolumeRow::read(row, &self.secret));
        let day = |day: i64| Instant(day.saturating_mul(MICROS_PER_DAY)).to_string();
        Ok(rows.map(|row| json!({"day": day(row.day)[..10], "bytes": row.bytes})).collect())
    }

    /// Removes the volumes of days that are long over.
    pub(super) async fn drop_old_volumes(&self) -> Result<(), Error> {
        let oldest = day_of((self.clock)()) - VOLUME_DAYS;
        let query = sqlx::query("DELETE FROM volumes WHERE day < ?").bind(oldest).execute(&self.pool);
        query.await.map_err(failed("remove volumes"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use nilometer_indexer::Clock;
    use nilometer_schemas::Role;

    use super::*;
    use crate::accounts::{NewUser, SessionTimes, check};
    use crate::state::Random;

    struct World {
        accounts: Accounts,
        id: i64,
        now: Arc<AtomicI64>,
        dir: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            // Three hours before midnight.
            let now = Arc::new(AtomicI64::new(20_000 * MICROS_PER_DAY - 3 * 3_600_000_000));
            let clock: Clock = {
                let now = Arc::clone(&now);
                Arc::new(move || Instant(now.load(Ordering::SeqCst)))
            };
            let accounts = Accounts::open(dir.path(), clock, Random::system()).await.expect("accounts");
            let new = NewUser { name: "ana".into(), role: Role::User, email: None, password: None };
            let (id, _) = accounts.add_user(&Actor::command(), new).await.expect("an account");
            Self { accounts, id, now, dir }
        }

        async fn take(&self, bytes: u64) -> Option<Taken> {
            self.accounts.begin_download(self.id, bytes, Some(100), None).await.expect("the database")
        }

        async fn used(&self) -> u64 {
            self.accounts.volume_today(self.id).await.expect("the database")
        }
    }

    #[tokio::test]
    async fn a_day_has_its_volume_and_the_next_one_again() {
        let world = World::new().await;
        let today = day_of(Instant(world.now.load(Ordering::SeqCst)));
        assert_eq!(world.accounts.day_ends().to_string(), "2024-10-04T00:00:00Z");
        assert_eq!(world.take(80).await, Some(Taken::On(today)));
        assert_eq!(world.take(21).await, Some(Taken::TooMuch { used: 80 }));
        assert_eq!(world.take(20).await, Some(Taken::On(today)));
        assert_eq!(world.take(u64::MAX).await, Some(Taken::TooMuch { used: 100 }));
        world.now.fetch_add(3 * 3_600_000_000 - 1, Ordering::SeqCst);
        assert_eq!(world.take(1).await, Some(Taken::TooMuch { used: 100 }), "a microsecond before midnight");
        world.now.fetch_add(1, Ordering::SeqCst);
        assert_eq!((world.used().await, world.take(30).await), (0, Some(Taken::On(today + 1))));
        // What was counted yesterday is given back to yesterday.
        world.accounts.give_back(world.id, today, 60).await.expect("the database");
        assert_eq!(world.used().await, 30);
        world.accounts.give_back(world.id, today + 1, 40).await.expect("the database");
        assert_eq!(world.used().await, 0, "never below nothing");
        assert_eq!(check(world.dir.path()).await, Vec::<String>::new());
        world.now.fetch_add(9 * MICROS_PER_DAY, Ordering::SeqCst);
        world.accounts.clean_up(&SessionTimes::default(), 365).await.expect("cleaned up");
        assert!(world.accounts.volumes_of(world.id).await.expect("rows").is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn those_who_come_together_cannot_take_more_than_there_is() {
        let world = World::new().await;
        let all = (0..40).map(|_| {
            let (accounts, id) = (world.accounts.clone(), world.id);
            tokio::spawn(async move { accounts.begin_download(id, 7, Some(100), None).await.expect("the database") })
        });
        let mut let_in = 0;
        for one in all.collect::<Vec<_>>() {
            let_in += u64::from(matches!(one.await.expect("no panic"), Some(Taken::On(_))));
        }
        assert_eq!((let_in, world.used().await), (14, 98));
    }

    #[tokio::test]
    async fn an_account_s_own_quota_is_kept_sealed_noted_and_goes_with_it() {
        let world = World::new().await;
        let (accounts, id) = (&world.accounts, world.id);
        let change = QuotaChange { download_bytes: Some(Some(5)), running_orders: Some(Some(0)) };
        accounts.set_quota(&Actor::command(), id, change).await.expect("set");
        let back = QuotaChange { running_orders: Some(None), ..QuotaChange::default() };
        let quota = accounts.set_quota(&Actor::command(), id, back).await.expect("set");
        assert_eq!(quota, Quota { download_bytes: Some(5), running_orders: None });
        assert_eq!(accounts.quota(id).await.expect("read"), quota);
        let log = accounts.audit_rows(None, 10).await.expect("rows");
        assert_eq!(
            (log[0].action.as_str(), log[0].object.as_str()),
            ("user.quota", "ana: 5 bytes a day, default orders")
        );
        accounts.set_quota(&Actor::command(), id, back).await.expect("the same");
        assert_eq!(accounts.audit_rows(None, 10).await.expect("rows").len(), log.len(), "nothing changed");
        world.take(1).await;
        sqlx::query("UPDATE quotas SET download_bytes = 500").execute(&accounts.pool).await.expect("changed");
        assert_eq!(accounts.quota(id).await.expect("read"), Quota::default(), "not what we wrote");
        let found = check(world.dir.path()).await;
        assert!(found.len() == 1 && found[0].contains("of quotas is damaged"), "{found:?}");
        accounts.delete_user(&Actor::command(), id).await.expect("deleted");
        assert_eq!(check(world.dir.path()).await, Vec::<String>::new());
    }
}
