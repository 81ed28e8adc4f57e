//! The change feed: the log read from a sequence number on, as far as a scope may see.

use nilometer_schemas::{Access, Instant, Kind, Problem, Scope};

use super::log::{self, FLAG_HIDDEN, Log, LogRecord, RecordKind};
use super::snapshot::Snapshot;
use super::types::{Change, ChangeKind, Changes};
use crate::Error;

/// Records read for one page at most, so that a page of hidden changes ends too.
const SCAN_MAX: usize = 100_000;

/// Whether a record exists for a scope. Its collection's policy of now decides; of what was written while the
/// collection was hidden, or before it was deleted, a limited scope is shown no body that it could not read now.
fn visible(snapshot: &Snapshot, record: &LogRecord, scope: Scope) -> bool {
    if scope.sees(Access::Hidden) {
        return true;
    }
    let was_hidden = record.flags & FLAG_HIDDEN != 0;
    match snapshot.all_collections().get(&record.collection) {
        Some(stored) if !scope.sees(stored.collection.access) => false,
        Some(_) => !was_hidden || is_live(snapshot, record),
        None => !was_hidden && matches!(record.kind, RecordKind::DeleteItem | RecordKind::DeleteCollection),
    }
}

/// Whether a record is an item's newest write.
fn is_live(snapshot: &Snapshot, record: &LogRecord) -> bool {
    record.kind == RecordKind::PutItem
        && snapshot
            .find(&record.collection, &record.id)
            .is_some_and(|(segment, doc)| segment.data().seqs()[doc as usize] == record.seq)
}

fn change(record: LogRecord) -> Change {
    let kind = match record.kind {
        RecordKind::PutCollection => ChangeKind::PutCollection,
        RecordKind::PutItem => ChangeKind::PutItem,
        RecordKind::DeleteItem => ChangeKind::DeleteItem,
        RecordKind::DeleteCollection => ChangeKind::DeleteCollection,
    };
    let put = matches!(kind, ChangeKind::PutCollection | ChangeKind::PutItem);
    Change {
        seq: record.seq,
        time: Instant(record.time.0),
        kind,
        collection: record.collection,
        id: (!record.id.is_empty()).then_some(record.id),
        body: put.then_some(record.body),
    }
}

/// A page of changes after `since`, oldest first.
pub(super) fn read(snapshot: &Snapshot, since: u64, limit: usize, scope: Scope) -> Result<Changes, Error> {
    let horizon = Log::horizon(snapshot.log());
    if since < horizon {
        let detail = format!(
            "changes up to sequence {horizon} are no longer kept one by one: take a snapshot and go on from its sequence"
        );
        return Err(Problem::new(Kind::Gone, "changes-gone", detail)
            .at("since")
            .allowed(format!("since >= {horizon}"))
            .into());
    }
    let seqs: Vec<u64> =
        log::seqs_after(snapshot.log(), since, SCAN_MAX).into_iter().filter(|seq| *seq <= snapshot.seq()).collect();
    let mut page = Changes { changes: Vec::new(), until: since, more: false };
    for seq in seqs {
        if page.changes.len() == limit {
            page.more = true;
            return Ok(page);
        }
        let record = snapshot.record(seq)?;
        page.until = seq;
        if visible(snapshot, &record, scope) {
            page.changes.push(change(record));
        }
    }
    page.more = page.until < snapshot.seq();
    Ok(page)
}
