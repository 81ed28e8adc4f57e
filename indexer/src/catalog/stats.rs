//! What each collection holds in a segment: number, extent in space and time, properties.

use std::collections::BTreeMap;

use nilometer_schemas::Instant;

use super::types::CollectionStats;
use crate::segment::{self, Column, ColumnKind, Properties, SegmentData};

/// By collection id.
pub(crate) type StatsByCollection = BTreeMap<String, CollectionStats>;

/// By collection id.
pub(crate) type PropertiesByCollection = BTreeMap<String, Properties>;

fn add_box(all: &mut Option<[f64; 4]>, b: [f64; 4]) {
    *all = Some(match *all {
        None => b,
        Some(a) => [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])],
    });
}

fn add_interval(all: &mut Option<(Instant, Instant)>, (start, end): (Instant, Instant)) {
    *all = Some(match *all {
        None => (start, end),
        Some((a, b)) => (a.min(start), b.max(end)),
    });
}

/// Adds the second to the first.
pub(crate) fn add(all: &mut CollectionStats, part: &CollectionStats) {
    all.items += part.items;
    if let Some(b) = part.bbox {
        add_box(&mut all.bbox, b);
    }
    if let Some(interval) = part.interval {
        add_interval(&mut all.interval, interval);
    }
}

/// Looks at every live document.
pub(crate) fn collect(data: &SegmentData, alive: impl Fn(u32) -> bool) -> StatsByCollection {
    let Some(collections) = data.column("collection", ColumnKind::Text) else { return BTreeMap::new() };
    let mut by_code = vec![CollectionStats::default(); collections.dictionary.len()];
    data.for_each_pair(&collections, |doc, code| {
        if !alive(doc) {
            return;
        }
        let stats = &mut by_code[code as usize];
        stats.items += 1;
        if let Some(shape) = data.geometry_of(doc).and_then(|g| data.geometry(g)) {
            add_box(&mut stats.bbox, shape.bounds());
        }
        let at = doc as usize;
        let period = (Instant(data.start()[at]), Instant(data.end()[at]));
        if period != (Instant::UNDATED_START, Instant::UNDATED_END) {
            add_interval(&mut stats.interval, period);
        }
    });
    let named = by_code
        .into_iter()
        .enumerate()
        .map(|(code, stats)| (collections.dictionary.text(code as u32).to_owned(), stats));
    named.filter(|(_, stats)| stats.items > 0).collect()
}

/// What the live documents of each collection have in these columns.
pub(crate) fn properties<'a>(
    data: &'a SegmentData,
    columns: impl Iterator<Item = Column<'a>>,
    alive: impl Fn(u32) -> bool,
) -> PropertiesByCollection {
    let Some(collections) = data.column("collection", ColumnKind::Text) else { return BTreeMap::new() };
    let mut of_doc = vec![0; data.docs() as usize];
    data.for_each_pair(&collections, |doc, code| of_doc[doc as usize] = code);
    let of_doc = |doc: u32| alive(doc).then(|| of_doc[doc as usize]);
    let by_code = segment::properties(data, columns, collections.dictionary.len(), of_doc);
    let named = by_code.into_iter().enumerate();
    let named = named.map(|(code, properties)| (collections.dictionary.text(code as u32).to_owned(), properties));
    named.filter(|(_, properties)| !properties.is_empty()).collect()
}
