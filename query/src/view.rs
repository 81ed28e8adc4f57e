//! What rights of groups show: the parts that grants name, looked up in every segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use nilometer_indexer::segment::{Bits, ColumnKind, LATEST_PREFIX, OBSERVATIONS_PREFIX, SegmentData};
use nilometer_indexer::{SegmentView, Snapshot};
use nilometer_schemas::{Part, Problem, Right, Rights};

use crate::filter::{Condition, compile_grant};
use crate::plan::internal;

/// A part, compiled once for all segments.
struct Shown {
    filter: Option<Condition>,
    /// Items whose time ends before this, µs.
    before: Option<i64>,
}

/// The view that rights show of a whole snapshot. `last` is an earlier one of the same rights, from which is taken what did
/// not change.
///
/// # Errors
/// `Internal` when files cannot be read, and for a filter that takes more work than the limits allow: rather nothing is
/// shown then than too much.
pub fn view(snapshot: &Snapshot, rights: &Arc<Rights>, last: Option<&Snapshot>) -> Result<Snapshot, Problem> {
    let mut parts: BTreeMap<&str, Vec<Shown>> = BTreeMap::new();
    let mut by_latest = false;
    let levels = snapshot.levels(rights);
    for id in levels.keys() {
        let right = snapshot.access(id).map(|access| rights.of(id, access));
        let Some(Right::Partial(all)) = right else { continue };
        by_latest |= all.iter().any(reads_latest);
        parts.insert(id.as_str(), all.iter().map(shown).collect());
    }
    let view = snapshot.view::<Failure>(rights, by_latest, last, |segment| {
        of_segment(segment, &parts, |id| levels.contains_key(id)).map_err(Failure)
    });
    view.map_err(|failure| failure.0)
}

/// A problem, as the making of a view hands it on.
struct Failure(Problem);

impl From<nilometer_indexer::Error> for Failure {
    fn from(error: nilometer_indexer::Error) -> Self {
        Self(error.problem())
    }
}

fn shown(part: &Part) -> Shown {
    Shown { filter: part.filter.as_ref().map(|(_, filter)| compile_grant(filter)), before: part.before.map(|at| at.0) }
}

fn reads_latest(part: &Part) -> bool {
    let mut found = false;
    if let Some((_, filter)) = &part.filter {
        filter.each_property(&mut |name| {
            found |= name.starts_with(LATEST_PREFIX) || name.starts_with(OBSERVATIONS_PREFIX);
        });
    }
    found
}

/// The documents of a segment that are shown, dead ones too.
fn of_segment(
    segment: &SegmentView,
    parts: &BTreeMap<&str, Vec<Shown>>,
    is_seen: impl Fn(&str) -> bool,
) -> Result<Bits, Problem> {
    let data = segment.data();
    let Some(column) = data.column("collection", ColumnKind::Text) else { return Ok(Bits::none(data.docs())) };
    let mut whole = Bits::none(data.docs());
    let mut in_part: BTreeMap<u32, Bits> = BTreeMap::new();
    let names: Vec<&str> = (0..column.dictionary.len() as u32).map(|code| column.dictionary.text(code)).collect();
    for (code, name) in names.iter().enumerate().filter(|(_, name)| parts.contains_key(*name)) {
        debug_assert!(is_seen(name), "what is seen in part is seen");
        in_part.insert(code as u32, Bits::none(data.docs()));
    }
    let seen: Vec<bool> = names.iter().map(|name| is_seen(name)).collect();
    data.for_each_pair(&column, |doc, code| match in_part.get_mut(&code) {
        Some(bits) => bits.insert(doc),
        None if seen[code as usize] => whole.insert(doc),
        None => {}
    });
    for (code, of_collection) in in_part {
        for part in parts.get(names[code as usize]).into_iter().flatten() {
            whole.or(&of_part(data, part, of_collection.clone())?);
        }
    }
    Ok(whole)
}

/// The documents among some that belong to a part.
fn of_part(data: &SegmentData, part: &Shown, mut bits: Bits) -> Result<Bits, Problem> {
    if let Some(before) = part.before {
        let end = data.end();
        bits.retain(|doc| end[doc as usize] < before);
    }
    if let Some(filter) = &part.filter {
        filter.bind(data, false).narrow(data, &mut bits);
        filter.check().map_err(|problem| internal(format!("a grant's filter: {problem}")))?;
    }
    Ok(bits)
}
