//! Bulk ingest: newline-delimited items streamed in, written in batches, each acknowledged before the next is read.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use nilometer_indexer::{Outcome, Precondition, Write};
use nilometer_schemas::{CollectionId, Finding, Item, Kind, Problem, validate_item};
use serde_json::{Value, json};

use super::ask::Ask;
use super::body::body_failure;
use crate::config::Config;
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// Items of one batch.
const BATCH_ITEMS_MAX: usize = 5_000;
/// Bytes of one batch.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Rejected lines that a report names; the others are counted.
const REJECTIONS_NAMED_MAX: usize = 1_000;
/// Warnings that a report names; the lines that have others are counted.
const WARNINGS_NAMED_MAX: usize = 1_000;

/// What became of a bulk write, line by line where something went wrong.
#[derive(Debug, Default)]
pub(super) struct Report {
    received: u64,
    created: u64,
    replaced: u64,
    unchanged: u64,
    rejected_count: u64,
    rejected: Vec<Value>,
    warned_count: u64,
    warned: Vec<Value>,
}

/// What becomes of an item whose id is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// It replaces the stored one.
    Upsert,
    /// It is rejected.
    Insert,
}

impl Method {
    /// The method that an address asks for.
    ///
    /// # Errors
    /// `Invalid` for another one, and for other parameters.
    pub(super) fn of(ask: &Ask) -> Result<Self, Problem> {
        ask.only(&["method"])?;
        match ask.parameter("method") {
            None | Some("upsert") => Ok(Self::Upsert),
            Some("insert") => Ok(Self::Insert),
            Some(other) => Err(Problem::invalid("invalid-parameter", format!("there is no method {other:?}"))
                .at("method")
                .allowed("upsert, insert")),
        }
    }

    fn precondition(self) -> Precondition {
        match self {
            Self::Upsert => Precondition::None,
            Self::Insert => Precondition::Absent,
        }
    }
}

impl Report {
    /// Counts one line's outcome.
    pub(super) fn count(&mut self, line: usize, id: Option<&str>, outcome: Outcome) {
        self.received += 1;
        match outcome {
            Outcome::Created(_) => self.created += 1,
            Outcome::Replaced(_) => self.replaced += 1,
            Outcome::Unchanged(_) => self.unchanged += 1,
            Outcome::Rejected(problem) => self.reject(line, id, &problem),
            // Bulk lines only put items; nothing is deleted or observed here.
            Outcome::Deleted(_) | Outcome::Absent | Outcome::Observed { .. } | Outcome::Withheld => {}
        }
    }

    fn reject(&mut self, line: usize, id: Option<&str>, problem: &Problem) {
        self.rejected_count += 1;
        if self.rejected.len() < REJECTIONS_NAMED_MAX {
            self.rejected.push(json!({"line": line, "id": id, "code": problem.code, "reason": problem.to_string()}));
        }
    }

    /// Notes what was found odd in one line.
    pub(super) fn warn(&mut self, line: usize, id: &str, findings: &[Finding]) {
        self.warned_count += u64::from(!findings.is_empty());
        for finding in findings {
            if self.warned.len() < WARNINGS_NAMED_MAX {
                self.warned.push(json!({"line": line, "id": id, "pointer": finding.pointer, "reason": finding.text}));
            }
        }
    }

    /// The report's JSON.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "received": self.received,
            "created": self.created,
            "replaced": self.replaced,
            "unchanged": self.unchanged,
            "rejectedCount": self.rejected_count,
            "rejected": self.rejected,
            "warnedCount": self.warned_count,
            "warned": self.warned,
        })
    }
}

/// A line that was read: its item, with what is odd in it, or why it is none.
type ReadLine = (usize, Option<String>, Result<(Box<Item>, Vec<Finding>), Problem>);

/// Splits a stream of chunks into lines of bounded length.
struct Lines {
    pending: BytesMut,
    number: usize,
    /// Bytes of the longest line.
    line_bytes_max: usize,
    /// Whether the rest of an overlong line is being skipped.
    skipping: bool,
}

enum RawLine {
    Text(usize, Bytes),
    TooLong(usize),
}

impl Lines {
    fn new(line_bytes_max: usize) -> Self {
        Self { pending: BytesMut::new(), number: 0, line_bytes_max, skipping: false }
    }

    /// Takes a chunk and gives the lines that it completes; `last` ends the final line.
    fn push(&mut self, chunk: &[u8], last: bool, out: &mut Vec<RawLine>) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.extend(&rest[..end], out);
            self.finish(out);
            rest = &rest[end + 1..];
        }
        self.extend(rest, out);
        if last && (!self.pending.is_empty() || self.skipping) {
            self.finish(out);
        }
    }

    fn extend(&mut self, part: &[u8], out: &mut Vec<RawLine>) {
        if self.skipping {
            return;
        }
        if self.pending.len() + part.len() > self.line_bytes_max {
            self.pending.clear();
            self.skipping = true;
            out.push(RawLine::TooLong(self.number + 1));
            return;
        }
        self.pending.extend_from_slice(part);
    }

    fn finish(&mut self, out: &mut Vec<RawLine>) {
        self.number += 1;
        let line = self.pending.split().freeze();
        if !std::mem::take(&mut self.skipping) && !line.iter().all(u8::is_ascii_whitespace) {
            out.push(RawLine::Text(self.number, line));
        }
    }
}

struct Ingest<'a> {
    app: &'a App,
    collection: CollectionId,
    method: Method,
    report: Report,
    batch: Vec<RawLine>,
    batch_bytes: usize,
}

/// Reads and checks one line.
fn read_line(line: &RawLine, collection: &CollectionId, config: &Config) -> ReadLine {
    let (number, text) = match line {
        RawLine::TooLong(number) => {
            let detail = format!("the line is longer than {} bytes", config.limits.bulk_line_bytes);
            return (*number, None, Err(Problem::new(Kind::TooLarge, "line-size", detail)));
        }
        RawLine::Text(number, text) => (*number, text),
    };
    let read = std::str::from_utf8(text)
        .map_err(|_| Problem::invalid("utf-8", "the line is not UTF-8"))
        .and_then(|text| Item::parse(text, Some(collection)))
        .and_then(|item| Ok((validate_item(&item, config.extensions)?, item)));
    match read {
        Ok((warnings, item)) => (number, Some(item.id.as_str().to_owned()), Ok((Box::new(item), warnings))),
        Err(problem) => (number, id_of(text), Err(problem)),
    }
}

impl Ingest<'_> {
    fn take(&mut self, line: RawLine) -> ControlFlow<()> {
        if let RawLine::Text(_, text) = &line {
            self.batch_bytes += text.len();
        }
        self.batch.push(line);
        if self.batch.len() >= BATCH_ITEMS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Reads the lines of a batch on threads made for work, writes their items, and reports all in the order of lines.
    async fn flush(&mut self) -> Result<(), ApiError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        let (collection, config) = (self.collection.clone(), Arc::clone(&self.app.config));
        let read = run_blocking(move || {
            Ok(batch.iter().map(|line| read_line(line, &collection, &config)).collect::<Vec<ReadLine>>())
        })
        .await?;
        let mut lines = Vec::with_capacity(read.len());
        let mut writes = Vec::with_capacity(read.len());
        for (number, id, item) in read {
            let warnings = item.map(|(item, warnings)| {
                writes.push(Write::PutItem(item, self.method.precondition()));
                warnings
            });
            lines.push((number, id, warnings));
        }
        let mut outcomes = if writes.is_empty() { Vec::new() } else { self.app.write(writes).await? }.into_iter();
        for (number, id, warnings) in lines {
            let outcome = match warnings {
                Ok(warnings) => {
                    self.report.warn(number, id.as_deref().unwrap_or_default(), &warnings);
                    outcomes.next().ok_or_else(|| ApiError::internal("a write had no outcome"))?
                }
                Err(problem) => Outcome::Rejected(problem),
            };
            self.report.count(number, id.as_deref(), outcome);
        }
        Ok(())
    }

    async fn run(&mut self, body: Body) -> Result<(), ApiError> {
        let mut chunks = body.into_data_stream();
        let mut lines = Lines::new(self.app.config.limits.bulk_line_bytes);
        let mut complete = Vec::new();
        loop {
            let chunk = chunks.next().await.transpose().map_err(body_failure)?;
            let last = chunk.is_none();
            lines.push(&chunk.unwrap_or_default(), last, &mut complete);
            for line in complete.drain(..) {
                if self.take(line).is_break() {
                    self.flush().await?;
                }
            }
            if last {
                return self.flush().await;
            }
        }
    }
}

/// The id in a line that is no valid item, to name it in the report.
fn id_of(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    nilometer_schemas::check_depth(text).ok()?;
    Some(serde_json::from_str::<Value>(text).ok()?.get("id")?.as_str()?.to_owned())
}

/// Reads items from a stream, one a line, and creates them, or replaces those that are there if the method says so.
///
/// A line that is no valid item is rejected and reported; the others are written. What the report counts as
/// created, replaced or unchanged is durable and visible.
///
/// # Errors
/// When the catalogue fails or the stream breaks: the batches before that stay written, and the problem says how many items they held.
pub(super) async fn ingest(
    app: &App,
    collection: CollectionId,
    method: Method,
    body: Body,
) -> Result<Response, ApiError> {
    let mut ingest = Ingest { app, collection, method, report: Report::default(), batch: Vec::new(), batch_bytes: 0 };
    match ingest.run(body).await {
        Ok(()) => Ok(axum::Json(ingest.report.to_json()).into_response()),
        Err(error) if error.problem().kind == Kind::Internal => Err(error),
        Err(error) => {
            let r = &ingest.report;
            let stored = r.created + r.replaced + r.unchanged;
            let mut problem = error.problem().clone();
            problem.detail = format!("{}; {stored} items before that are stored", problem.detail);
            Err(problem.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE_BYTES: usize = 100;

    fn split(chunks: &[&str]) -> Vec<(usize, Option<String>)> {
        let mut lines = Lines::new(LINE_BYTES);
        let mut out = Vec::new();
        for chunk in chunks {
            lines.push(chunk.as_bytes(), false, &mut out);
        }
        lines.push(b"", true, &mut out);
        let readable = |line| match line {
            RawLine::Text(number, text) => (number, Some(String::from_utf8(text.to_vec()).expect("UTF-8"))),
            RawLine::TooLong(number) => (number, None),
        };
        out.into_iter().map(readable).collect()
    }

    fn line(number: usize, text: &str) -> (usize, Option<String>) {
        (number, Some(text.to_owned()))
    }

    #[test]
    fn lines_are_found_across_chunks_and_blank_ones_only_counted() {
        assert_eq!(split(&["a\nb", "c\n\n", " \nd"]), [line(1, "a"), line(2, "bc"), line(5, "d")]);
        assert_eq!(split(&["a\r\n"]), [line(1, "a\r")]);
        assert_eq!(split(&[]), []);
    }

    #[test]
    fn an_overlong_line_is_skipped_and_the_next_one_read() {
        let half = "x".repeat(LINE_BYTES / 2 + 1);
        assert_eq!(split(&[&half, &half, &half, "\nb\n"]), [(1, None), line(2, "b")]);
        assert_eq!(split(&[&half, &half]), [(1, None)]);
    }

    #[test]
    fn a_report_names_a_bounded_number_of_rejections_and_counts_all() {
        let mut report = Report::default();
        for line in 0..REJECTIONS_NAMED_MAX + 5 {
            report.count(line, Some("a"), Outcome::Rejected(Problem::invalid("item", "bad")));
        }
        report.count(0, Some("b"), Outcome::Created(1));
        let json = report.to_json();
        assert_eq!(json["rejected"].as_array().map(Vec::len), Some(REJECTIONS_NAMED_MAX));
        assert_eq!(json["rejectedCount"], REJECTIONS_NAMED_MAX + 5);
        assert_eq!((&json["received"], &json["created"]), (&json!(REJECTIONS_NAMED_MAX + 6), &json!(1)));
    }
}
