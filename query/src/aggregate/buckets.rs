//! Documents in buckets, whatever these are: how many there are in each, and what a limit leaves out.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use nilometer_indexer::segment::{Bits, Codes, Column, NO_TIME, SegmentData};
use nilometer_schemas::limits::{BUCKETS_COUNTED_MAX, BUCKETS_MAX};
use nilometer_schemas::{Left, Problem};

use super::{Found, too_many};
use crate::tile::for_each_shape;

/// In place of a bucket's number: in no bucket.
pub(super) const NO_BUCKET: u32 = u32::MAX;

/// Which documents of a segment are in which of its numbered buckets.
pub(super) enum Members<'a> {
    /// By value of a column: the bucket of each code.
    Codes(Column<'a>, Vec<u32>),
    /// By time.
    Times(&'a [i64], Steps),
    /// By shape: where its buckets begin and end in a list.
    Shapes { ranges: Vec<(u32, u32)>, buckets: Vec<u32> },
}

/// The buckets of equal steps of time.
pub(super) enum Steps {
    /// One for each step from a first one on.
    Dense { step_us: i64, first: i64 },
    /// Those that occur, ascending.
    Sorted { step_us: i64, steps: Vec<i64> },
}

impl Steps {
    fn bucket(&self, time: i64) -> usize {
        match self {
            Self::Dense { step_us, first } => (time.div_euclid(*step_us) - first) as usize,
            Self::Sorted { step_us, steps } => steps.partition_point(|step| *step < time.div_euclid(*step_us)),
        }
    }
}

/// Some buckets of a segment. A document is in buckets of one part only, or in those of several whose keys differ.
pub(super) struct Part<'a, K> {
    pub(super) members: Members<'a>,
    /// The buckets' keys, by number. Different numbers may have one key if no document is in two of them.
    pub(super) keys: Vec<K>,
}

impl<K> Part<'_, K> {
    /// Documents by bucket.
    fn counts(&self, data: &SegmentData, matches: &Bits) -> Vec<u64> {
        let mut counts = vec![0u64; self.keys.len() + 1];
        match &self.members {
            Members::Codes(column, buckets) => count_codes(data, column, buckets, matches, &mut counts),
            Members::Times(times, steps) => matches.for_each(|doc| {
                let time = times[doc as usize];
                if time != NO_TIME {
                    counts[steps.bucket(time)] += 1;
                }
            }),
            Members::Shapes { ranges, buckets } => for_each_shape(data, matches, |shape, items| {
                let (begin, end) = ranges[shape as usize];
                buckets[begin as usize..end as usize].iter().for_each(|b| counts[*b as usize] += items);
            }),
        }
        counts.truncate(self.keys.len());
        counts
    }

    /// Whether something may have a value and be in no bucket.
    fn has_outsiders(&self) -> bool {
        match &self.members {
            Members::Codes(_, buckets) => buckets.contains(&NO_BUCKET),
            Members::Times(..) => false,
            Members::Shapes { ranges, .. } => ranges.iter().any(|(begin, end)| begin == end),
        }
    }

    /// Adds the documents that have a value, and those of them that are in a listed bucket.
    fn split(&self, found: &Found<'_>, listed: &[bool], valued: &mut Bits, placed: &mut Bits) {
        let is_listed = |bucket: u32| listed.get(bucket as usize).copied().unwrap_or(false);
        match &self.members {
            Members::Codes(column, buckets) => found.data.for_each_pair(column, |doc, code| {
                valued.insert(doc);
                if is_listed(buckets[code as usize]) {
                    placed.insert(doc);
                }
            }),
            Members::Times(times, steps) => found.matches.for_each(|doc| {
                let time = times[doc as usize];
                if time != NO_TIME {
                    valued.insert(doc);
                    if is_listed(steps.bucket(time) as u32) {
                        placed.insert(doc);
                    }
                }
            }),
            Members::Shapes { ranges, buckets } => found.matches.for_each(|doc| {
                let Some(shape) = found.data.geometry_of(doc) else { return };
                valued.insert(doc);
                let (begin, end) = ranges[shape as usize];
                if buckets[begin as usize..end as usize].iter().any(|bucket| is_listed(*bucket)) {
                    placed.insert(doc);
                }
            }),
        }
    }
}

/// Adds the documents by bucket of their codes; the last count takes what is in no bucket.
fn count_codes(data: &SegmentData, column: &Column<'_>, buckets: &[u32], matches: &Bits, counts: &mut [u64]) {
    let outside = counts.len() as u32 - 1;
    let place = |bucket: u32| bucket.min(outside);
    match column.codes {
        Codes::Dense(codes) => {
            // Dense codes are one higher; 0 is a document without a value.
            let table: Vec<u32> = std::iter::once(outside).chain(buckets.iter().map(|b| place(*b))).collect();
            matches.for_each(|doc| counts[table[codes.get(doc as usize) as usize] as usize] += 1);
        }
        Codes::Pairs(..) => {
            // Two values of a document may share a bucket: it counts once. 0 is nobody.
            let mut last = vec![0u32; counts.len()];
            data.for_each_pair(column, |doc, code| {
                let bucket = place(buckets[code as usize]) as usize;
                if matches.contains(doc) && std::mem::replace(&mut last[bucket], doc + 1) != doc + 1 {
                    counts[bucket] += 1;
                }
            });
        }
    }
}

/// The buckets over all segments.
pub(super) struct Tally<K> {
    /// Buckets with items, by key.
    pub(super) counts: Vec<(K, u64)>,
    pub(super) left: Left,
}

/// Counts buckets over all segments; `parts` says those of one. With a limit only the fullest are kept.
///
/// # Errors
/// `too-many-buckets`, in which `what` names the buckets.
pub(super) fn tally<'a, K: Copy + Ord + Hash>(
    found: &'a [Found<'a>],
    limit: Option<usize>,
    what: &str,
    mut parts: impl FnMut(&'a Found<'a>) -> Result<Vec<Part<'a, K>>, Problem>,
) -> Result<Tally<K>, Problem> {
    let most = if limit.is_some() { BUCKETS_COUNTED_MAX } else { BUCKETS_MAX };
    let mut totals: HashMap<K, u64> = HashMap::new();
    let mut all = Vec::with_capacity(found.len());
    for segment in found {
        let parts = parts(segment)?;
        for part in &parts {
            let counts = part.counts(segment.data, &segment.matches);
            for (key, count) in part.keys.iter().zip(counts).filter(|(_, count)| *count > 0) {
                *totals.entry(*key).or_default() += count;
                if totals.len() > most {
                    return Err(too_many(what, most));
                }
            }
        }
        all.push((segment, parts));
    }
    let mut counts: Vec<(K, u64)> = totals.into_iter().collect();
    let mut left = Left::default();
    if let Some(limit) = limit.filter(|limit| *limit < counts.len()) {
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        left.buckets = counts.len() - limit;
        counts.truncate(limit);
    }
    counts.sort_by_key(|(key, _)| *key);
    if left.buckets > 0 || all.iter().flat_map(|(_, parts)| parts).any(Part::has_outsiders) {
        left.items = items_left(&all, &counts.iter().map(|(key, _)| *key).collect());
    }
    Ok(Tally { counts, left })
}

/// Items that have a value and are in no listed bucket. An item with several values may be in listed and other buckets: the
/// counts of the others would be too many.
fn items_left<K: Copy + Eq + Hash>(all: &[(&Found<'_>, Vec<Part<'_, K>>)], listed: &HashSet<K>) -> u64 {
    let mut items = 0;
    for (found, parts) in all {
        let mut left = Bits::none(found.data.docs());
        let mut placed = Bits::none(found.data.docs());
        for part in parts {
            let listed: Vec<bool> = part.keys.iter().map(|key| listed.contains(key)).collect();
            part.split(found, &listed, &mut left, &mut placed);
        }
        left.and(&found.matches);
        left.and_not(&placed);
        items += left.count();
    }
    items
}
