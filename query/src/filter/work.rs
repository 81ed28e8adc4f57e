//! What the parts of one filter cost together.

use std::sync::atomic::{AtomicU64, Ordering};

use nilometer_schemas::Problem;
use nilometer_schemas::limits::RELATED_VERTICES_MAX;

/// Vertices that a filter has looked at beyond what trees and columns tell, in all segments and all its conditions.
#[derive(Debug, Default)]
pub(crate) struct Work(AtomicU64);

impl Work {
    /// Takes down work that is about to be done; `None` when it is more than the limit allows, and must be left.
    pub(super) fn spend(&self, vertices: u64) -> Option<()> {
        let before = self.0.fetch_add(vertices, Ordering::Relaxed);
        (before.saturating_add(vertices) <= RELATED_VERTICES_MAX).then_some(())
    }

    /// Refuses what took more work than the limit allows.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.0.load(Ordering::Relaxed) <= RELATED_VERTICES_MAX {
            return Ok(());
        }
        let detail = format!(
            "the filter's relations and distances would look at more than {RELATED_VERTICES_MAX} vertices altogether"
        );
        Err(Problem::invalid("filter-too-large", detail).at("filter").allowed(
            "geometries of fewer vertices, fewer conditions, or fewer items, as by collections, bbox or datetime",
        ))
    }
}
