//! A packed, static R-tree over the part boxes of a segment's geometries.
//!
//! Leaves stand in Hilbert order, 16 to a node; each level is one flat array of boxes, so a node's children are
//! found by arithmetic and a node that the query covers is one contiguous range of leaves.

use super::file::{SectionWriter, Sections};
use std::ops::Range;

/// West, south, east, north in 1e-7 degrees, rounded outward.
pub type PartBox = [i32; 4];

const FANOUT: usize = 16;

fn union(boxes: &[PartBox]) -> PartBox {
    let mut all = boxes[0];
    for b in &boxes[1..] {
        all = [all[0].min(b[0]), all[1].min(b[1]), all[2].max(b[2]), all[3].max(b[3])];
    }
    all
}

fn intersects(a: &PartBox, b: &PartBox) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

fn within(inner: &PartBox, outer: &PartBox) -> bool {
    inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3]
}

/// Writes a tree over `leaves` (box and geometry ordinal), which need no order.
pub(crate) fn write(mut leaves: Vec<(PartBox, u32)>, out: &mut SectionWriter) {
    leaves.sort_by_cached_key(|(b, geometry)| (crate::geometry::hilbert_of_box(*b), *geometry));
    let boxes: Vec<PartBox> = leaves.iter().map(|l| l.0).collect();
    let mut levels: Vec<Vec<PartBox>> = vec![boxes];
    while levels.last().is_some_and(|l| l.len() > 1) {
        let below = &levels[levels.len() - 1];
        levels.push(below.chunks(FANOUT).map(union).collect());
    }
    out.add("tree/geometries", &leaves.iter().map(|l| l.1).collect::<Vec<u32>>());
    out.add("tree/levels", &levels.iter().map(|l| l.len() as u32).collect::<Vec<u32>>());
    out.add("tree/boxes", &levels.concat());
}

/// Where the tree's sections lie.
pub(crate) struct TreePlace {
    geometries: Range<usize>,
    levels: Range<usize>,
    boxes: Range<usize>,
}

impl TreePlace {
    pub(crate) fn find(sections: &Sections) -> Option<Self> {
        Some(Self {
            geometries: sections.range("tree/geometries")?,
            levels: sections.range("tree/levels")?,
            boxes: sections.range("tree/boxes")?,
        })
    }

    pub(crate) fn tree<'a>(&self, sections: &'a Sections) -> Tree<'a> {
        Tree {
            geometries: sections.at(&self.geometries),
            levels: sections.at(&self.levels),
            boxes: sections.at(&self.boxes),
        }
    }
}

/// An opened tree.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    /// Geometry ordinal of each leaf.
    geometries: &'a [u32],
    /// Number of boxes on each level, leaves first.
    levels: &'a [u32],
    /// All boxes, leaves first.
    boxes: &'a [PartBox],
}

impl<'a> Tree<'a> {
    /// Calls `f` with each leaf whose box shares a point with `query`: its box, its geometry, and whether the box lies within `query`.
    pub fn search(&self, query: &PartBox, mut f: impl FnMut(&PartBox, u32, bool)) {
        let mut starts = Vec::with_capacity(self.levels.len());
        let mut start = 0;
        for len in self.levels {
            starts.push(start);
            start += *len as usize;
        }
        let Some(top) = self.levels.len().checked_sub(1) else { return };
        let mut stack: Vec<(usize, usize)> = (0..self.levels[top] as usize).map(|i| (top, i)).collect();
        while let Some((level, at)) = stack.pop() {
            let node = &self.boxes[starts[level] + at];
            if !intersects(node, query) {
                continue;
            }
            if level == 0 {
                f(node, self.geometries[at], within(node, query));
                continue;
            }
            if within(node, query) {
                self.leaves_below(level, at).for_each(|leaf| f(&self.boxes[leaf], self.geometries[leaf], true));
                continue;
            }
            let end = ((at + 1) * FANOUT).min(self.levels[level - 1] as usize);
            stack.extend((at * FANOUT..end).map(|child| (level - 1, child)));
        }
    }

    /// The box around all leaves; `None` when there are none.
    pub fn bounds(&self) -> Option<PartBox> {
        self.boxes.last().copied()
    }

    fn leaves_below(&self, level: usize, at: usize) -> Range<usize> {
        let width = FANOUT.pow(level as u32);
        at * width..((at + 1) * width).min(self.geometries.len())
    }

    /// How many leaves share a point with `query`, at most: whole nodes are counted without looking into those
    /// deeper than the level above the leaves, so it is an upper bound and cheap.
    pub fn count_at_most(&self, query: &PartBox) -> u64 {
        let mut starts = Vec::with_capacity(self.levels.len());
        let mut start = 0;
        for len in self.levels {
            starts.push(start);
            start += *len as usize;
        }
        let Some(top) = self.levels.len().checked_sub(1) else { return 0 };
        let mut count = 0;
        let mut stack: Vec<(usize, usize)> = (0..self.levels[top] as usize).map(|i| (top, i)).collect();
        while let Some((level, at)) = stack.pop() {
            let node = &self.boxes[starts[level] + at];
            if !intersects(node, query) {
                continue;
            }
            if level <= 1 || within(node, query) {
                count += self.leaves_below(level, at).len() as u64;
                continue;
            }
            let end = ((at + 1) * FANOUT).min(self.levels[level - 1] as usize);
            stack.extend((at * FANOUT..end).map(|child| (level - 1, child)));
        }
        count
    }

    /// All leaves: box and geometry.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (PartBox, u32)> + 'a {
        self.boxes.iter().copied().zip(self.geometries.iter().copied())
    }
}
