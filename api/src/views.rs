//! The catalogue as principals see it: where rights of groups count, views of the newest snapshot, kept for those who ask
//! next.

use std::collections::VecDeque;
use std::sync::Arc;

use nilometer_indexer::Snapshot;
use nilometer_schemas::{Instant, Rights, RightsId};
use parking_lot::Mutex;

use crate::accounts::Principal;
use crate::problem::ApiError;
use crate::state::{AppState, run_blocking};

/// How long a view is kept after it was last asked for, µs: it holds on to files of segments.
const KEPT_US: i64 = 60 * 60 * 1_000_000;
/// Views that are kept at once, of different rights.
const KEPT_MAX: usize = 256;

/// The newest view of each rights that were asked for lately.
#[derive(Default)]
pub(crate) struct Views {
    /// Least recently asked for first.
    slots: Mutex<VecDeque<Slot>>,
}

struct Slot {
    rights: RightsId,
    asked: Instant,
    made: Arc<Mutex<Option<Made>>>,
}

#[derive(Clone)]
struct Made {
    /// Number of the snapshot that it is a view of.
    of: u64,
    view: Arc<Snapshot>,
}

impl Views {
    /// Where the view of these rights is, or will be.
    fn slot(&self, rights: RightsId, now: Instant) -> Arc<Mutex<Option<Made>>> {
        let mut slots = self.slots.lock();
        slots.retain(|slot| now.0 - slot.asked.0 <= KEPT_US);
        let known = slots.iter().position(|slot| slot.rights == rights).and_then(|at| slots.remove(at));
        let made = known.map_or_else(Arc::default, |slot| slot.made);
        if slots.len() == KEPT_MAX {
            slots.pop_front();
        }
        slots.push_back(Slot { rights, asked: now, made: made.clone() });
        made
    }
}

impl AppState {
    /// The newest snapshot as a principal sees it. Made once after a write for all whose groups have the same rights.
    ///
    /// # Errors
    /// `Internal` when the index cannot be read.
    pub(crate) async fn view(&self, principal: &Principal) -> Result<Arc<Snapshot>, ApiError> {
        let Some(id) = principal.scope().rights() else { return Ok(self.catalog.snapshot()) };
        let whole = self.catalog.snapshot();
        let slot = self.views.slot(id, (self.clock)());
        if let Some(made) = slot.try_lock().and_then(|made| made.clone()).filter(|made| made.of == whole.number()) {
            return Ok(made.view);
        }
        let rights = Arc::clone(principal.rights());
        run_blocking(move || newest(&whole, &rights, &slot)).await
    }
}

/// The view of a snapshot; one that was made of it meanwhile, if there is.
fn newest(whole: &Snapshot, rights: &Arc<Rights>, slot: &Mutex<Option<Made>>) -> Result<Arc<Snapshot>, ApiError> {
    let mut made = slot.lock();
    if let Some(made) = made.as_ref().filter(|made| made.of == whole.number()) {
        return Ok(made.view.clone());
    }
    let last = made.as_ref().map(|made| made.view.as_ref());
    let view = Arc::new(nilometer_query::view(whole, rights, last)?);
    // One that waited here with an older snapshot must not take the place of a newer one's view.
    if last.is_none_or(|last| last.seq() <= whole.seq()) {
        *made = Some(Made { of: whole.number(), view: view.clone() });
    }
    Ok(view)
}
