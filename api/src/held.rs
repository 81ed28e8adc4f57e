//! Snapshots that are kept for the pages of searches by relevance, whose order another snapshot would change.

use std::collections::VecDeque;
use std::sync::Arc;

use nilometer_indexer::Snapshot;
use nilometer_schemas::{Instant, Scope};
use parking_lot::Mutex;

/// How long a snapshot is kept after it was last asked for, and however often it is, µs.
const KEPT_US: i64 = 10 * 60 * 1_000_000;
const KEPT_IN_ALL_US: i64 = 60 * 60 * 1_000_000;
/// Snapshots that are kept at once: each holds on to the files of its segments.
const KEPT_MAX: usize = 1_000;

/// See the module.
#[derive(Default)]
pub struct HeldSnapshots {
    /// Least recently asked for first.
    kept: Mutex<VecDeque<Held>>,
}

struct Held {
    since: Instant,
    asked: Instant,
    snapshot: Arc<Snapshot>,
}

impl Held {
    fn is_over(&self, now: Instant) -> bool {
        now.0 - self.asked.0 > KEPT_US || now.0 - self.since.0 > KEPT_IN_ALL_US
    }
}

impl HeldSnapshots {
    /// Keeps a snapshot for further pages.
    pub(crate) fn keep(&self, snapshot: &Arc<Snapshot>, now: Instant) {
        let mut kept = self.kept.lock();
        kept.retain(|held| !held.is_over(now));
        let known = kept.iter().position(|held| held.snapshot.number() == snapshot.number());
        let known = known.and_then(|at| kept.remove(at));
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        let since = known.map_or(now, |held| held.since);
        kept.push_back(Held { since, asked: now, snapshot: Arc::clone(snapshot) });
    }

    /// The snapshot of a number, if it is still kept and shows a scope nothing that `current` hides from it.
    pub(crate) fn get(&self, number: u64, current: &Snapshot, scope: Scope, now: Instant) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept.lock();
        kept.retain(|held| !held.is_over(now));
        let held = kept.iter().find(|held| held.snapshot.number() == number).map(|held| Arc::clone(&held.snapshot))?;
        if !held.serves(scope) {
            return None;
        }
        let seen = held.collections(scope).into_iter().all(|stored| {
            let id = stored.collection.id.as_str();
            current.collection(id, scope).is_some()
        });
        seen.then_some(held)
    }
}
