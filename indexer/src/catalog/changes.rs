//! The change feed: the log read from a sequence number on, as far as a scope may see.

use nilometer_schemas::{Access, Instant, Kind, Level, Problem, Scope};

use super::log::{self, FLAG_HIDDEN, FLAG_WITHDRAWN, Log, LogRecord, RecordKind};
use super::snapshot::Snapshot;
use super::types::{Change, ChangeKind, Changes};
use super::view::View;
use crate::Error;

/// Records read for one page at most, so that a page of hidden changes ends too.
const SCAN_MAX: usize = 100_000;

/// What a scope is told of a record; `None` is nothing.
///
/// A limited scope hears of a put only while it is the newest write of something it may read now: no body of what is
/// hidden, deleted or replaced is told, and what came of it follows in the feed. It hears of deletions that were made in
/// public. When a collection is withdrawn, that is a deletion; when it is shown again, its items are written anew.
fn told(snapshot: &Snapshot, record: &LogRecord, scope: Scope) -> Option<ChangeKind> {
    let kind = match record.kind {
        RecordKind::PutCollection => ChangeKind::PutCollection,
        RecordKind::PutItem => ChangeKind::PutItem,
        RecordKind::DeleteItem => ChangeKind::DeleteItem,
        RecordKind::DeleteCollection => ChangeKind::DeleteCollection,
        // Observations change no item.
        RecordKind::PutObservations => return None,
    };
    if !snapshot.serves(scope) {
        return None;
    }
    if let Some(view) = &snapshot.view {
        return told_of_view(snapshot, view, record, kind);
    }
    if scope.sees(Access::Hidden) {
        return Some(kind);
    }
    if record.flags & FLAG_WITHDRAWN != 0 {
        return Some(ChangeKind::DeleteCollection);
    }
    let stored = snapshot.all_collections().get(&record.collection);
    let hidden_now = stored.is_some_and(|stored| !scope.sees(stored.collection.access));
    let was_public = record.flags & FLAG_HIDDEN == 0;
    let told = match kind {
        ChangeKind::PutCollection => !hidden_now && stored.is_some_and(|stored| stored.seq == record.seq),
        ChangeKind::PutItem => !hidden_now && is_newest(snapshot, record),
        ChangeKind::DeleteItem => !hidden_now && was_public,
        // Also when a hidden collection has taken the id since: the public one is gone.
        ChangeKind::DeleteCollection => was_public,
    };
    told.then_some(kind)
}

/// What is told where rights of groups count: by the rights of today, as if they had always been so.
///
/// A put is told as to other limited scopes, so only of items that the view shows as they are now. Of items of a
/// collection that is seen in part, a deletion is told only if what was deleted would be shown, which is known while segments
/// hold it; where it is not, nothing is told.
fn told_of_view(snapshot: &Snapshot, view: &View, record: &LogRecord, kind: ChangeKind) -> Option<ChangeKind> {
    let access = |hidden: bool| if hidden { Access::Hidden } else { Access::Public };
    let by_rights = |access| view.rights.level(&record.collection, access);
    // Whether the collection was hidden when this was written.
    let then = by_rights(access(record.flags & FLAG_HIDDEN != 0));
    if record.flags & FLAG_WITHDRAWN != 0 && by_rights(Access::Hidden) == Level::Hidden {
        return (by_rights(Access::Public) > Level::Hidden).then_some(ChangeKind::DeleteCollection);
    }
    let told = match kind {
        ChangeKind::PutCollection => {
            snapshot.all_collections().get(&record.collection).is_some_and(|stored| stored.seq == record.seq)
        }
        ChangeKind::PutItem => is_newest(snapshot, record),
        ChangeKind::DeleteItem => match view.level(&record.collection) {
            Level::Full | Level::Metadata => then > Level::Hidden,
            Level::Partial => then > Level::Hidden && view.was_shown(&record.collection, &record.id, record.seq),
            // Of a collection that is gone as a whole, its own deletion is enough.
            Level::Hidden => false,
        },
        ChangeKind::DeleteCollection => then > Level::Hidden,
    };
    told.then_some(kind)
}

/// Whether a record is its item's newest write, and the item is there.
fn is_newest(snapshot: &Snapshot, record: &LogRecord) -> bool {
    let found = snapshot.find(&record.collection, &record.id);
    found.is_some_and(|(segment, doc)| segment.data().seqs()[doc as usize] == record.seq)
}

fn change(record: LogRecord, kind: ChangeKind) -> Change {
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
    let newest = snapshot.seq_for(scope);
    if since > newest {
        let detail = format!(
            "there is no sequence {since} yet, the newest is {newest}: after a restore, take a snapshot and go on from its sequence"
        );
        return Err(Problem::invalid("changes-ahead", detail).at("since").allowed(format!("since <= {newest}")).into());
    }
    let seqs: Vec<u64> =
        log::seqs_after(snapshot.log(), since, SCAN_MAX).into_iter().filter(|seq| *seq <= newest).collect();
    let mut page = Changes { changes: Vec::new(), until: since, more: false };
    for seq in seqs {
        if page.changes.len() == limit {
            page.more = true;
            return Ok(page);
        }
        let record = snapshot.record(seq)?;
        page.until = seq;
        if let Some(kind) = told(snapshot, &record, scope) {
            page.changes.push(change(record, kind));
        }
    }
    page.more = page.until < newest;
    Ok(page)
}
