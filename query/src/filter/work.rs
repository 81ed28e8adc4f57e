//! What the parts of one filter cost together.

use std::sync::atomic::{AtomicU64, Ordering};

use nilometer_schemas::Problem;
use nilometer_schemas::limits::{FILTER_STEPS_MAX, FILTER_STEPS_PER_ITEM, RELATED_VERTICES_MAX};

/// What a filter has done beyond what trees and columns tell, in all segments and all its conditions.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Vertices looked at.
    vertices: AtomicU64,
    /// Steps of conditions on values, each about what comparing two numbers takes.
    steps: AtomicU64,
    /// Items of the segments that were searched: what one condition takes on very many items is no abuse.
    items: AtomicU64,
    /// Whether it may take whatever it takes.
    is_free: bool,
}

impl Work {
    /// Of a filter by somebody who may ask for any work.
    pub(super) fn free() -> Self {
        Self { is_free: true, ..Self::default() }
    }

    /// Takes down vertices that are about to be looked at; `None` when they are more than the limit allows, and must be left.
    pub(super) fn look_at(&self, vertices: u64) -> Option<()> {
        let before = self.vertices.fetch_add(vertices, Ordering::Relaxed);
        (self.is_free || before.saturating_add(vertices) <= RELATED_VERTICES_MAX).then_some(())
    }

    /// Takes down steps that are about to be taken; `None` when they are too many, and must be left.
    pub(super) fn step(&self, steps: u64) -> Option<()> {
        let before = self.steps.fetch_add(steps, Ordering::Relaxed);
        (self.is_free || before.saturating_add(steps) <= self.steps_max()).then_some(())
    }

    /// Says that a segment of so many items is about to be searched.
    pub(super) fn search(&self, items: u32) {
        self.items.fetch_add(items.into(), Ordering::Relaxed);
    }

    fn steps_max(&self) -> u64 {
        FILTER_STEPS_MAX + FILTER_STEPS_PER_ITEM * self.items.load(Ordering::Relaxed)
    }

    /// Refuses what took more work than the limits allow.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.is_free {
            return Ok(());
        }
        if self.vertices.load(Ordering::Relaxed) > RELATED_VERTICES_MAX {
            let detail = format!(
                "the filter's relations and distances would look at more than {RELATED_VERTICES_MAX} vertices altogether"
            );
            return Err(Problem::invalid("filter-too-large", detail).at("filter").allowed(
                "geometries of fewer vertices, fewer conditions, or fewer items, as by collections, bbox or datetime",
            ));
        }
        if self.steps.load(Ordering::Relaxed) > self.steps_max() {
            let detail = format!(
                "the filter's conditions would take more than {} steps on the values there are: a comparison is one, LIKE and \
                 functions of texts are many, and more on long texts",
                self.steps_max()
            );
            return Err(Problem::invalid("filter-too-large", detail)
                .at("filter")
                .allowed("fewer conditions, IN for many values, q for words, or fewer items, as by collections, bbox or datetime"));
        }
        Ok(())
    }
}

/// What one evaluation of a condition takes, in steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Whatever the values are.
    pub(super) fixed: u64,
    /// For each eight bytes of the texts that are read.
    pub(super) per_8_bytes: u64,
}

impl Cost {
    /// Of a condition that reads texts of so many bytes.
    pub(super) fn of_bytes(self, bytes: usize) -> u64 {
        self.fixed + self.per_8_bytes * (bytes as u64 / 8)
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { fixed: self.fixed + other.fixed, per_8_bytes: self.per_8_bytes + other.per_8_bytes }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), |sum, cost| sum + cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_limit_is_left_and_told_and_items_give_room() {
        let work = Work::default();
        assert!(work.step(FILTER_STEPS_MAX).is_some() && work.check().is_ok());
        assert!(work.step(1).is_none());
        assert_eq!(work.check().map_err(|problem| problem.code), Err("filter-too-large"));
        work.search(1);
        assert!(work.check().is_ok() && work.step(FILTER_STEPS_PER_ITEM - 1).is_some() && work.step(1).is_none());
        let free = Work::free();
        assert!(free.step(u64::MAX / 2).is_some() && free.look_at(u64::MAX / 2).is_some() && free.check().is_ok());
        let work = Work::default();
        assert!(work.look_at(RELATED_VERTICES_MAX).is_some() && work.look_at(1).is_none() && work.check().is_err());
    }
}
