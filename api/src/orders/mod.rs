//! Orders of files: a basket of selections becomes one archive, prepared beside the requests and fetched when it is ready.
//!
//! An order is a row of the accounts database. A worker ([`worker`]) takes it, runs its selections ([`request`]) against one
//! snapshot and takes down which files they are ([`gather`], [`prepare`]); from then on the order is fixed. The archive itself is
//! never stored: it is laid out from what was taken down ([`contents`]) and streamed from where the files lie ([`archive`]).
//! Only what is written for the order, series, conversions and documents, is kept with it until it ends ([`spool`]).

pub(crate) mod request;
pub(crate) mod script;

mod archive;
mod check;
mod code;
mod contents;
mod convert;
mod crcs;
mod documents;
mod gather;
mod left_out;
mod licence;
mod notify;
mod open;
mod prepare;
mod room;
mod spool;
mod subset;
mod worker;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nilometer_schemas::Problem;
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use archive::Archive;
pub(crate) use check::check;
pub(crate) use contents::Entry;
pub(crate) use gather::{Asking, Gathered, gather};
pub(crate) use left_out::LeftOut;
pub(crate) use licence::{
    Accepted, Terms, needed as needed_licences, not_accepted, require as require_licence, terms_of,
};
pub(crate) use notify::webhook_key;
pub(crate) use prepare::small;
pub(crate) use worker::{begin, run as run_workers};

use self::crcs::Crcs;
use self::open::Open;
use self::room::Room;
use crate::accounts::{Order, OrderFiles};
use crate::config::Config;
use crate::files::Webhooks;
use crate::problem::ApiError;
use crate::state::{App, Random, run_blocking};

/// Folder of orders in the data directory.
pub(crate) const FOLDER: &str = "orders";

/// What the service keeps of orders beside their rows.
pub(crate) struct Orders {
    folder: PathBuf,
    /// Woken when there is an order to be taken.
    wake: Notify,
    /// Told of the end of an order.
    ended: Notify,
    webhooks: Webhooks,
    /// Held by whoever tells of orders that ended.
    telling: tokio::sync::Mutex<()>,
    open: Mutex<Open>,
    crcs: Arc<Crcs>,
    room: Arc<Room>,
    /// Whether something was deleted whose files are still there.
    is_untidy: AtomicBool,
}

impl Orders {
    pub(crate) fn new(config: &Config, random: Random) -> Self {
        Self {
            folder: config.data.join(FOLDER),
            wake: Notify::new(),
            ended: Notify::new(),
            webhooks: Webhooks::new(&config.webhooks, random),
            telling: tokio::sync::Mutex::default(),
            open: Mutex::default(),
            crcs: Arc::default(),
            room: Arc::new(Room::new(&config.orders)),
            is_untidy: AtomicBool::new(false),
        }
    }

    /// Lets a worker look for an order at once.
    pub(crate) fn wake(&self) {
        self.wake.notify_waiters();
    }

    /// Lets the files of what was deleted go within a second or so.
    pub(crate) fn tidy(&self) {
        self.is_untidy.store(true, Ordering::Relaxed);
    }

    /// Refuses a further order of an account where there is no room for what would be written for it.
    ///
    /// # Errors
    /// `Conflict` where the account has used up its own, `StorageFull` where all have.
    pub(crate) fn check_room(&self, user: i64) -> Result<(), Problem> {
        self.room.check(user)
    }

    /// Refuses an address to which no message is sent.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn check_webhook(&self, address: &str) -> Result<(), Problem> {
        self.webhooks.check(address).map(drop)
    }

    /// Where the files of an order lie, as the holder of a fence wrote them.
    fn folder_of(&self, id: &str, fence: i64) -> PathBuf {
        self.folder.join(id).join(fence.to_string())
    }

    /// The archive of an order that can be fetched.
    ///
    /// # Errors
    /// `Internal` where what was taken down is not there any more, or is not what was taken down.
    pub(crate) async fn archive(app: &App, order: &Order) -> Result<Arc<Archive>, ApiError> {
        let orders = &app.orders;
        let key = (order.id.clone(), order.fence);
        if let Some(archive) = orders.open.lock().get(&key) {
            return Ok(archive);
        }
        let (folder, expected) = (orders.folder_of(&order.id, order.fence), order.contents.clone().unwrap_or_default());
        let (files, crcs) = (Arc::clone(&app.files), Arc::clone(&orders.crcs));
        let archive = run_blocking(move || Archive::open((files, crcs), &folder, &expected)).await?;
        let archive = Arc::new(archive.noting(app, &order.id));
        orders.open.lock().insert(key, Arc::clone(&archive), archive.entries().len());
        Ok(archive)
    }

    /// Removes of these folders those of orders that are not known any more, and of the others what nobody needs: what earlier
    /// holders of an order left, and what the last one wrote where the order has ended since.
    ///
    /// Each state goes by its own number, and the folder of an order that is known stays: what is `known` may be old by now, and
    /// an order that was asked for again may have been taken by a worker, which writes under a greater number.
    fn sweep(folder: &Path, room: &Room, ids: &[String], known: &HashMap<String, OrderFiles>) -> std::io::Result<()> {
        for id in ids {
            let own = folder.join(id);
            let last = match known.get(id) {
                Some(order) if order.are_needed => order.fence - 1,
                Some(order) => order.fence,
                None => i64::MAX,
            };
            for state in std::fs::read_dir(&own)? {
                let state = state?;
                let number = state.file_name().to_string_lossy().parse::<i64>();
                if let Some(fence) = number.ok().filter(|fence| *fence <= last) {
                    std::fs::remove_dir_all(state.path())?;
                    room.leave(id, fence);
                }
            }
            if !known.contains_key(id) {
                std::fs::remove_dir_all(own)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_swept_goes_by_its_number_and_what_a_worker_began_since_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        for path in ["ready/1", "ready/2", "ready/3", "expired/1", "expired/2", "expired/3", "gone/1"] {
            std::fs::create_dir_all(dir.path().join(path)).expect("a folder");
        }
        let order = |fence, are_needed| OrderFiles { user: 1, fence, are_needed };
        let room = Room::new(&crate::config::OrderSettings::default());
        let known = [("ready".to_owned(), order(2, true)), ("expired".to_owned(), order(2, false))].into();
        let ids = ["ready", "expired", "gone"].map(str::to_owned);
        Orders::sweep(dir.path(), &room, &ids, &known).expect("swept");
        let left = |id: &str| {
            let states = std::fs::read_dir(dir.path().join(id)).into_iter().flatten().flatten();
            let mut states: Vec<_> = states.map(|state| state.file_name().to_string_lossy().into_owned()).collect();
            states.sort();
            states
        };
        assert_eq!((left("ready"), left("expired")), (vec!["2".to_owned(), "3".into()], vec!["3".into()]));
        assert!(!dir.path().join("gone").exists());
    }
}
