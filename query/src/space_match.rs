//! Which documents of a segment share a point with a geometry: the tree gives candidates, whole boxes decide most,
//! and each distinct footprint left over is tested once, exactly.

use nilometer_indexer::geometry::degrees_of_box;
use nilometer_indexer::segment::{Bits, SegmentData};

use crate::space::PreparedGeometry;

/// The documents whose geometry shares a point with `geometry`.
pub(crate) fn docs(data: &SegmentData, geometry: &PreparedGeometry) -> Bits {
    // A place that covers all there is needs no look at the tree.
    if data.tree().bounds().is_some_and(|all| geometry.covers_box(degrees_of_box(all))) {
        return Bits::from_fn(data.docs(), |doc| data.geometry_of(doc).is_some());
    }
    let shapes = shapes(data, geometry);
    let mut bits = Bits::none(data.docs());
    shapes.for_each(|shape| {
        let docs = data.docs_of_geometry(shape);
        match docs {
            [first, .., last] if (last - first) as usize + 1 == docs.len() => bits.insert_range(*first, last + 1),
            _ => docs.iter().for_each(|doc| bits.insert(*doc)),
        }
    });
    bits
}

/// The distinct geometries that share a point with `geometry`.
pub(crate) fn shapes(data: &SegmentData, geometry: &PreparedGeometry) -> Bits {
    let count = data.geometry_count();
    let mut found = Bits::none(count);
    let mut open = Bits::none(count);
    for query in geometry.bounds_units() {
        data.tree().search(query, |part, shape, _| {
            if found.contains(shape) {
                return;
            }
            let part = degrees_of_box(*part);
            // Only of a shape in one part does a covered box decide: the parts of others may be wider than they are.
            if data.is_single_part(shape) && geometry.covers_box(part) {
                found.insert(shape);
            } else if !geometry.misses_box(part) {
                open.insert(shape);
            }
        });
    }
    open.and_not(&found);
    open.for_each(|shape| {
        if data.geometry(shape).is_some_and(|flat| geometry.intersects(&flat)) {
            found.insert(shape);
        }
    });
    found
}

/// Whether one document's geometry shares a point with `geometry`; `None` without a geometry.
pub(crate) fn doc(data: &SegmentData, geometry: &PreparedGeometry, doc: u32) -> Option<bool> {
    let flat = data.geometry(data.geometry_of(doc)?)?;
    Some(geometry.intersects(&flat))
}

/// At most how many parts of a segment's geometries lie where `geometry` is.
pub(crate) fn count_at_most(data: &SegmentData, geometry: &PreparedGeometry) -> u64 {
    geometry.bounds_units().iter().map(|query| data.tree().count_at_most(query)).sum()
}
