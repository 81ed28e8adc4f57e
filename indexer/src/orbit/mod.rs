//! The science orbit of SWOT: its passes, when and where they are, and the swath that is planned for each.
//!
//! A cycle of 20.86 days has 584 passes, each from one extreme latitude to the other; odd ones ascend, even ones descend.
//! Everything is computed from one revolution of the published ephemeris and the published starts of the cycles.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cycles;
mod pass;
mod planned;
mod revolution;
mod swath;

pub use cycles::{CYCLES, CYCLES_FLOWN, Cycle};
pub use pass::{Approach, Pass, Side};
pub use planned::{COLLECTION, collection, fingerprint, item_id, planned_passes, planned_passes_of};
pub use revolution::Revolution;
pub use swath::{SWATH_FAR_KM, SWATH_NEAR_KM};

/// Passes of one cycle.
pub const PASSES: u32 = 584;
/// Revolutions of one cycle: two passes each.
pub const REVOLUTIONS: u32 = PASSES / 2;
