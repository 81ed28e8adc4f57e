//! Room on the disk for what is written for orders: bounded for each account and in all.
//!
//! A data directory has one service, so what is written is counted in memory: what lies there when the service begins, and every
//! byte from then on, before it is written. It is given back when the files of a run are removed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use nilometer_schemas::{Kind, Problem};
use parking_lot::Mutex;

use crate::accounts::OrderFiles;
use crate::config::OrderSettings;

/// Bytes that even the smallest order needs: one is not taken where there is less.
const LEAST_BYTES: u64 = 64 << 10;

/// A run of an order: its id and fence.
type Run = (String, i64);

/// See the module.
pub(super) struct Room {
    per_user: u64,
    in_all: u64,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    in_all: u64,
    of_users: HashMap<i64, u64>,
    /// Account and bytes of each run.
    of_runs: HashMap<Run, (i64, u64)>,
}

impl Room {
    pub(super) fn new(settings: &OrderSettings) -> Self {
        let (per_user, in_all) = (settings.spool_bytes_per_user, settings.spool_bytes_in_all);
        Self { per_user, in_all, held: Mutex::default() }
    }

    /// Counts what lies in the folder of orders already, of those that are known; blocks.
    pub(super) fn restore(&self, folder: &Path, known: &HashMap<String, OrderFiles>) {
        for (id, order) in known {
            let states = std::fs::read_dir(folder.join(id)).into_iter().flatten().flatten();
            for state in states {
                let Ok(fence) = state.file_name().to_string_lossy().parse::<i64>() else { continue };
                let files = std::fs::read_dir(state.path()).into_iter().flatten().flatten();
                let bytes = files.filter_map(|file| Some(file.metadata().ok()?.len())).sum();
                self.enter((id.clone(), fence), order.user);
                // What lies there lies there, also where the bounds have become narrower.
                self.held.lock().add(&(id.clone(), fence), bytes);
            }
        }
    }

    fn enter(&self, run: Run, user: i64) {
        self.held.lock().of_runs.entry(run).or_insert((user, 0));
    }

    /// The share of a run that begins.
    pub(super) fn share(self: &Arc<Self>, id: &str, fence: i64, user: i64) -> Share {
        let run = (id.to_owned(), fence);
        self.enter(run.clone(), user);
        Share { room: Arc::clone(self), run }
    }

    /// Gives back what a run had.
    pub(super) fn leave(&self, id: &str, fence: i64) {
        let mut held = self.held.lock();
        let Some((user, bytes)) = held.of_runs.remove(&(id.to_owned(), fence)) else { return };
        held.in_all -= bytes;
        let of_user = held.of_users.entry(user).or_default();
        *of_user -= bytes;
        if *of_user == 0 {
            held.of_users.remove(&user);
        }
    }

    /// Refuses a further order of an account where there is no room for even a small one.
    ///
    /// # Errors
    /// `Conflict` where the account has used up its own, `StorageFull` where all have.
    pub(super) fn check(&self, user: i64) -> Result<(), Problem> {
        self.fits(&self.held.lock(), user, LEAST_BYTES)
    }

    fn fits(&self, held: &Held, user: i64, bytes: u64) -> Result<(), Problem> {
        let of_user = held.of_users.get(&user).copied().unwrap_or_default();
        if of_user + bytes > self.per_user {
            let detail = format!(
                "what is written for the orders of this account has {of_user} bytes, of {} that it may have; delete orders \
                 that are not needed any more",
                self.per_user
            );
            return Err(Problem::new(Kind::Conflict, "orders-room", detail));
        }
        if held.in_all + bytes > self.in_all {
            let detail = "the service has no room for what would be written for this order; try again later";
            return Err(Problem::new(Kind::StorageFull, "orders-room", detail));
        }
        Ok(())
    }
}

impl Held {
    fn add(&mut self, run: &Run, bytes: u64) {
        let Some((user, own)) = self.of_runs.get_mut(run) else { return };
        *own += bytes;
        *self.of_users.entry(*user).or_default() += bytes;
        self.in_all += bytes;
    }
}

/// What one run may write.
pub(super) struct Share {
    room: Arc<Room>,
    run: Run,
}

impl Share {
    /// Takes so many bytes, before they are written.
    ///
    /// # Errors
    /// As [`Room::check`]; and `Conflict` for a run whose files were removed meanwhile.
    pub(super) fn take(&self, bytes: u64) -> Result<(), Problem> {
        let mut held = self.room.held.lock();
        let Some((user, _)) = held.of_runs.get(&self.run).copied() else {
            return Err(Problem::new(Kind::Conflict, "order-state", "the order was taken back while it was prepared"));
        };
        self.room.fits(&held, user, bytes)?;
        held.add(&self.run, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_bounded_by_account_and_in_all_and_come_back() {
        let settings =
            OrderSettings { spool_bytes_per_user: 200_000, spool_bytes_in_all: 250_000, ..Default::default() };
        let room = Arc::new(Room::new(&settings));
        let kind = |outcome: Result<(), Problem>| outcome.map_err(|problem| problem.kind);
        let (a, b, other) = (room.share("a", 1, 7), room.share("b", 1, 7), room.share("c", 1, 8));
        assert_eq!((kind(a.take(150_000)), kind(b.take(50_000))), (Ok(()), Ok(())));
        assert_eq!((kind(b.take(1)), kind(room.check(7))), (Err(Kind::Conflict), Err(Kind::Conflict)));
        assert_eq!((kind(other.take(50_001)), kind(other.take(50_000))), (Err(Kind::StorageFull), Ok(())));
        assert_eq!(kind(room.check(9)), Err(Kind::StorageFull));
        room.leave("a", 1);
        room.leave("a", 1);
        assert_eq!(kind(a.take(1)), Err(Kind::Conflict), "what was removed writes nothing more");
        assert_eq!((kind(room.check(7)), kind(b.take(150_000))), (Ok(()), Ok(())));
        room.leave("b", 1);
        room.leave("c", 1);
        assert!(room.held.lock().in_all == 0 && room.held.lock().of_users.is_empty());
    }

    #[test]
    fn what_lies_there_is_counted() {
        let dir = tempfile::tempdir().expect("a folder");
        for path in ["a/1", "a/2", "gone/1"] {
            std::fs::create_dir_all(dir.path().join(path)).expect("a folder");
            std::fs::write(dir.path().join(path).join("spool"), [0; 1_000]).expect("written");
        }
        let room = Room::new(&OrderSettings { spool_bytes_per_user: 1, spool_bytes_in_all: 1, ..Default::default() });
        room.restore(dir.path(), &[("a".to_owned(), OrderFiles { user: 7, fence: 2, are_needed: true })].into());
        assert_eq!(room.held.lock().of_users, HashMap::from([(7, 2_000)]));
        room.leave("a", 1);
        assert_eq!(room.held.lock().in_all, 1_000);
    }
}
