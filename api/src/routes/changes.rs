//! `/changes`: what was written and deleted, in order, and a whole copy to begin with.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use nilometer_indexer::{Change, ChangeKind, Snapshot};
use nilometer_schemas::limits::{CHANGES_LIMIT_MAX, PAGE_LIMIT_MAX};
use nilometer_schemas::{Kind, Problem, Scope, Search};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::ask::{Ask, to_bytes, whole_number};
use super::search::with_parameter;
use crate::html;
use crate::links::{HTML, JSON, NDJSON};
use crate::problem::ApiError;
use crate::state::run_blocking;

/// Entries of a page where the caller names no limit.
const LIMIT_DEFAULT: usize = 1_000;
/// Header that says which sequence number a whole copy holds: the `since` to go on with.
const SEQUENCE_HEADER: &str = "nilometer-sequence";
/// Bytes of one piece of a streamed copy.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces made ahead of a slow reader.
const PIECES_AHEAD: usize = 4;

#[derive(Serialize)]
struct Entry<'a> {
    sequence: u64,
    time: String,
    operation: &'static str,
    kind: &'static str,
    collection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Feed<'a> {
    changes: Vec<Entry<'a>>,
    until: u64,
    more: bool,
    links: Vec<Value>,
}

fn entry(change: &Change) -> Result<Entry<'_>, serde_json::Error> {
    let body: Option<&RawValue> = change.body.as_deref().map(serde_json::from_str).transpose()?;
    let (operation, kind) = match change.kind {
        ChangeKind::PutCollection => ("put", "collection"),
        ChangeKind::PutItem => ("put", "item"),
        ChangeKind::DeleteCollection => ("delete", "collection"),
        ChangeKind::DeleteItem => ("delete", "item"),
    };
    Ok(Entry {
        sequence: change.seq,
        time: change.time.to_string(),
        operation,
        kind,
        collection: &change.collection,
        id: change.id.as_deref(),
        item: body.filter(|_| kind == "item"),
        definition: body.filter(|_| kind == "collection"),
    })
}

/// `GET /changes?since=&limit=`.
pub(super) async fn get(ask: Ask) -> Result<Response, ApiError> {
    ask.only(&["since", "limit"])?;
    let since = ask.parameter("since").map(|text| whole_number("since", text)).transpose()?.unwrap_or(0);
    let limit = match ask.parameter("limit").map(|text| whole_number("limit", text)).transpose()? {
        Some(0) => return Err(Problem::invalid("limit", "a page holds at least 1 change").at("limit").into()),
        Some(limit) => usize::try_from(limit).unwrap_or(CHANGES_LIMIT_MAX).min(CHANGES_LIMIT_MAX),
        None => LIMIT_DEFAULT,
    };
    let (snapshot, scope) = (Arc::clone(&ask.snapshot), ask.scope);
    let changes = run_blocking(move || Ok(snapshot.changes(since, limit, scope)?))
        .await
        .map_err(|error| pointing_to_snapshot(error, &ask))?;
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { JSON };
    ask.answer(changes.until, media_type, &[u8::from(changes.more)], move || {
        let next = format!("/changes?since={}&limit={limit}", changes.until);
        if view.html {
            return Ok(html::changes(&view, &changes, &next).into_bytes());
        }
        let links = vec![
            view.links.link("self", JSON, &view.path_and_query),
            view.links.link("root", JSON, "/"),
            view.links.link("alternate", HTML, &with_parameter(&view, "f", "html")),
            view.links.link("next", JSON, &next),
            view.links.link("changes-snapshot", NDJSON, "/changes/snapshot"),
        ];
        let entries: Vec<Entry<'_>> =
            changes.changes.iter().map(entry).collect::<Result<_, _>>().map_err(ApiError::internal)?;
        to_bytes(&Feed { changes: entries, until: changes.until, more: changes.more, links })
    })
    .await
}

fn pointing_to_snapshot(error: ApiError, ask: &Ask) -> ApiError {
    if error.problem().kind != Kind::Gone {
        return error;
    }
    let copy = ask.links.absolute("/changes/snapshot");
    error.problem().clone().allowed(format!("a whole copy from {copy}, then its sequence as since")).into()
}

/// `GET /changes/snapshot`: every collection, then every item, one JSON document a line, as stored.
pub(super) async fn snapshot(ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = Arc::clone(&ask.snapshot);
    let sequence = snapshot.seq_for(ask.scope);
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(PIECES_AHEAD);
    let scope = ask.scope;
    tokio::task::spawn_blocking(move || {
        let mut copy = Copy { sender: sender.clone(), piece: Vec::with_capacity(PIECE_BYTES * 2) };
        if let Err(problem) = copy.write(&snapshot, scope) {
            tracing::warn!(%problem, "a copy of the catalogue broke off");
            // An error ends the connection without the final chunk, so the reader cannot take the part for the whole.
            let _ = sender.blocking_send(Err(std::io::Error::other(problem)));
        }
    });
    // Compression asks once more after the end, which an unfused stream answers with a panic.
    let pieces =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) }).fuse();
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(SEQUENCE_HEADER, HeaderValue::from(sequence));
    Ok(response)
}

struct Copy {
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    piece: Vec<u8>,
}

impl Copy {
    /// Writes everything the scope may see of one view; ends early without error when the reader has gone.
    fn write(&mut self, snapshot: &Arc<Snapshot>, scope: Scope) -> Result<(), Problem> {
        for stored in snapshot.collections(scope) {
            let line = serde_json::to_vec(&stored.collection.body)
                .map_err(|e| Problem::new(Kind::Internal, "collection", e.to_string()))?;
            if !self.line(&line) {
                return Ok(());
            }
        }
        let mut search = Search { limit: PAGE_LIMIT_MAX, ..Search::default() };
        loop {
            let page = nilometer_query::search(snapshot, &search, scope)?;
            for item in &page.items {
                if !self.line(item.text.as_str().as_bytes()) {
                    return Ok(());
                }
            }
            match page.next {
                Some(token) => search.token = Some(token),
                None => break,
            }
        }
        self.send();
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> bool {
        // Items stand as they were sent, over several lines perhaps; within texts a line's end would be escaped.
        self.piece.extend(line.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
        self.piece.push(b'\n');
        self.piece.len() < PIECE_BYTES || self.send()
    }

    fn send(&mut self) -> bool {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES * 2));
        self.sender.blocking_send(Ok(Bytes::from(piece))).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::Instant;
    use serde_json::json;

    #[test]
    fn a_change_says_what_happened_to_which_record() {
        let change = |kind, id: Option<&str>, body: Option<&str>| Change {
            seq: 7,
            time: Instant(0),
            kind,
            collection: "c".into(),
            id: id.map(str::to_owned),
            body: body.map(str::to_owned),
        };
        let check = |change: Change, expected: Value| {
            let got = serde_json::to_value(entry(&change).expect("JSON")).expect("JSON");
            assert_eq!(got, expected);
        };
        let when = "1970-01-01T00:00:00Z";
        check(
            change(ChangeKind::PutItem, Some("a"), Some(r#"{"id":"a"}"#)),
            json!({"sequence": 7, "time": when, "operation": "put", "kind": "item", "collection": "c", "id": "a",
                   "item": {"id": "a"}}),
        );
        check(
            change(ChangeKind::DeleteItem, Some("a"), None),
            json!({"sequence": 7, "time": when, "operation": "delete", "kind": "item", "collection": "c", "id": "a"}),
        );
        check(
            change(ChangeKind::PutCollection, None, Some(r#"{"id":"c"}"#)),
            json!({"sequence": 7, "time": when, "operation": "put", "kind": "collection", "collection": "c",
                   "definition": {"id": "c"}}),
        );
    }
}
