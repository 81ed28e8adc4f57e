//! Snapshots that are kept for the pages of searches by relevance, whose order another snapshot would change.

use std::collections::VecDeque;
use std::sync::Arc;

use nilometer_indexer::Snapshot;
use nilometer_schemas::{Instant, Scope};
use parking_lot::Mutex;

/// How long a snapshot is kept after it was last asked for, µs.
const KEPT_US: i64 = 10 * 60 * 1_000_000;
/// Snapshots that are kept at once: each holds on to the files of its segments.
const KEPT_MAX: usize = 16;

/// See the module.
#[derive(Default)]
pub struct HeldSnapshots {
    /// Least recently asked for first.
    kept: Mutex<VecDeque<(Instant, Arc<Snapshot>)>>,
}

impl HeldSnapshots {
    /// Keeps a snapshot for further pages.
    pub(crate) fn keep(&self, snapshot: &Arc<Snapshot>, now: Instant) {
        let mut kept = self.kept.lock();
        kept.retain(|(since, held)| now.0 - since.0 <= KEPT_US && held.number() != snapshot.number());
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((now, Arc::clone(snapshot)));
    }

    /// The snapshot of a number, if it is still kept and shows a scope nothing that `current` hides from it.
    pub(crate) fn get(&self, number: u64, current: &Snapshot, scope: Scope, now: Instant) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept.lock();
        kept.retain(|(since, _)| now.0 - since.0 <= KEPT_US);
        let held = kept.iter().find(|(_, held)| held.number() == number).map(|(_, held)| Arc::clone(held))?;
        let seen = held.collections(scope).into_iter().all(|stored| {
            let id = stored.collection.id.as_str();
            current.collection(id, scope).is_some()
        });
        seen.then_some(held)
    }
}
