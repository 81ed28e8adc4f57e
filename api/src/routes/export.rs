//! `…/export`: the question answered with all items that match, streamed from one snapshot.
//!
//! The work has a thread of its own, which waits when the reader is slow and ends when the reader goes away. Before the
//! answer begins the matches are found, so that what is refused has its status. What fails later breaks the connection
//! off: a part can never be taken for the whole.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use nilometer_indexer::Snapshot;
use nilometer_query::parse;
use nilometer_schemas::{Kind, Problem, Search};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::ask::Ask;
use super::body::JsonBody;
use super::collection_view::collection_json;
use super::property_parameters::read_properties;
use super::question::{from_address, from_body, interpret, interpret_body, visible, within};
use super::search::warnings;
use super::searches::load;
use crate::exports::{self, End, Format, Order, Sink, attachment};
use crate::files::AssetLinks;
use crate::links::{JSON, with_query};
use crate::metrics::Shape;
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// Parameters and members that choose a part of a result.
const PAGING: [&str; 3] = ["limit", "page", "token"];
/// Parameters of search answers that say nothing here.
const NOT_ASKED: [&str; 5] = ["crs", "limit", "page", "read", "token"];
/// Pieces made ahead of a slow reader.
const PIECES_AHEAD: usize = 4;
/// Name of a file whose question is no kept one and names no single collection.
const FILE: &str = "items";

/// A request for a download.
#[derive(Clone, Debug)]
pub(super) struct ExportAsk {
    ask: Ask,
    format: Format,
    is_head: bool,
}

impl FromRequestParts<App> for ExportAsk {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (ask, f) = Ask::with_format(parts, app).await?;
        let format = Format::wanted(f.as_deref(), &parts.headers)?;
        Ok(Self { ask, format, is_head: parts.method == Method::HEAD })
    }
}

/// `GET /search/export`.
pub(super) async fn get(State(app): State<App>, mut export: ExportAsk) -> Result<Response, ApiError> {
    let ask = &mut export.ask;
    check_whole(ask.query.iter().map(|(name, _)| name.as_str()))?;
    interpret(&app, ask).await?;
    let search = from_address(&app, ask, &[])?.search;
    let file = file_of(&search);
    answer(app, export, search, &file, b"").await
}

/// `POST /search/export`.
pub(super) async fn post(
    State(app): State<App>,
    export: ExportAsk,
    JsonBody(mut body): JsonBody,
) -> Result<Response, ApiError> {
    export.ask.only(&[])?;
    check_whole(body.as_object().into_iter().flat_map(|members| members.keys()).map(String::as_str))?;
    interpret_body(&app, &export.ask, &mut body).await?;
    let request = from_body(&app, body, &[])?;
    let (file, canonical) = (file_of(&request.search), request.canonical.to_string());
    answer(app, export, request.search, &file, canonical.as_bytes()).await
}

/// `GET /collections/{id}/export`.
pub(super) async fn get_in(
    State(app): State<App>,
    Path(id): Path<String>,
    mut export: ExportAsk,
) -> Result<Response, ApiError> {
    let ask = &mut export.ask;
    let collection = visible(&id, ask)?;
    check_whole(ask.query.iter().map(|(name, _)| name.as_str()))?;
    read_properties(ask, &collection)?;
    interpret(&app, ask).await?;
    let search = within(from_address(&app, ask, &[])?.search, &collection)?;
    answer(app, export, search, collection.as_str(), b"").await
}

/// `GET /searches/{id}/export`; `fields` may be named anew.
pub(super) async fn get_saved(
    State(app): State<App>,
    Path(id): Path<String>,
    export: ExportAsk,
) -> Result<Response, ApiError> {
    check_whole(export.ask.query.iter().map(|(name, _)| name.as_str()))?;
    export.ask.only(&["fields"])?;
    let mut search = parse::from_json(&load(&app, &id).await?, &[])?.search;
    if let Some(fields) = from_address(&app, &export.ask, &[])?.search.fields {
        search.fields = Some(fields);
    }
    answer(app, export, search, &format!("search-{id}"), b"").await
}

/// Refuses what would choose a part of the result.
///
/// # Errors
/// `Invalid`, naming the parameter.
fn check_whole<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    match names.find(|name| PAGING.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Problem::invalid("export-is-whole", "a download holds all items that match")
            .at(name)
            .allowed("no limit, page or token here; /search and …/items answer page by page")),
    }
}

fn file_of(search: &Search) -> String {
    match search.collections.as_slice() {
        [one] => one.as_str().to_owned(),
        _ => FILE.to_owned(),
    }
}

/// Links to the whole result of a search, in each format; empty where the address is none that has one.
pub(super) fn links(ask: &Ask) -> Vec<Value> {
    let Some(path) = path_of(&ask.path) else { return Vec::new() };
    let pairs = || {
        let pairs = ask.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(name, _)| !NOT_ASKED.contains(name))
    };
    let link = |format: Format| {
        let address = with_query(&path, pairs().chain([("f", format.label())]));
        let title = format!("All items that match, as {}", format.name());
        ask.links.titled("enclosure", format.media_type(), &address, &title)
    };
    Format::ALL.map(link).into()
}

/// Where the whole result of a search's address is.
pub(crate) fn path_of(path: &str) -> Option<String> {
    match path.strip_suffix("/items") {
        Some(base) => Some(format!("{base}/export")),
        None if path == "/search" => Some("/search/export".to_owned()),
        None => None,
    }
}

async fn answer(app: App, export: ExportAsk, search: Search, file: &str, body: &[u8]) -> Result<Response, ApiError> {
    let ExportAsk { ask, format, is_head } = export;
    let snapshot = Arc::clone(&ask.snapshot);
    let etag = ask.etag(snapshot.seq_for(ask.scope), format.media_type(), body);
    if let Some(response) = ask.not_modified(&etag) {
        return Ok(response);
    }
    let body = if is_head {
        let scope = ask.scope;
        run_blocking(move || exports::find(&snapshot, &search, scope).map(drop)).await?;
        Body::empty()
    } else {
        let room = Arc::clone(&app.exports).try_acquire_owned().map_err(|_| busy(&app))?;
        Body::from_stream(begin(Job { app, ask: ask.clone(), snapshot, search, format, room }).await?)
    };
    let mut response = ask.respond_with(format.content_type(), &etag, body);
    if let Some(disposition) = attachment(file, format.extension()) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

pub(super) fn busy(app: &App) -> Problem {
    app.metrics.rejected("exports");
    let most = app.config.limits.exports_max;
    Problem::new(
        Kind::Unavailable,
        "exports-busy",
        format!("{most} downloads are under way, which is the most at a time"),
    )
    .allowed("another try a little later")
}

/// One download.
struct Job {
    app: App,
    ask: Ask,
    snapshot: Arc<Snapshot>,
    search: Search,
    format: Format,
    /// Held to the end.
    room: OwnedSemaphorePermit,
}

/// What comes out of a download: pieces, and in the end a word that these were all.
enum Piece {
    Bytes(Bytes),
    End,
}

/// Starts the work and waits until the matches are found.
async fn begin(job: Job) -> Result<impl Stream<Item = Result<Bytes, io::Error>> + Send, ApiError> {
    let (started, found) = oneshot::channel();
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(|| job.run(started, Sender(sender))));
    found.await.unwrap_or_else(|_| Err(ApiError::internal("a download ended before it began")))?;
    Ok(pieces(receiver))
}

/// The body of an answer. Without the word of the end it ends in an error: the work failed, or its thread did.
fn pieces(receiver: mpsc::Receiver<Piece>) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    // Compression asks once more after the end, which an unfused stream answers with a panic.
    stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the download broke off")), None)),
        }
    })
    .fuse()
}

/// The way of pieces to the reader.
struct Sender(mpsc::Sender<Piece>);

impl Sink for Sender {
    fn send(&mut self, piece: Vec<u8>) -> bool {
        self.0.blocking_send(Piece::Bytes(piece.into())).is_ok()
    }

    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}

impl Job {
    fn run(self, started: oneshot::Sender<Result<(), ApiError>>, mut sender: Sender) {
        let Self { app, ask, snapshot, search, format, room } = self;
        let begin = Instant::now();
        let whole = match exports::find(&snapshot, &search, ask.scope) {
            Ok(whole) => whole,
            Err(error) => {
                // A caller that has gone hears nothing.
                let _ = started.send(Err(error));
                return;
            }
        };
        let count = whole.number_matched();
        app.metrics.searched(Shape::of(&search), Some(count), begin.elapsed());
        if started.send(Ok(())).is_err() {
            return;
        }
        let running = app.metrics.export_begins();
        let mut links =
            vec![ask.links.link("self", format.media_type(), &ask.path_and_query), ask.links.link("root", JSON, "/")];
        links.extend(warnings(&ask, &snapshot, &search));
        let describe =
            |id: &str| snapshot.collection(id, ask.scope).map(|stored| collection_json(&ask, &snapshot, stored));
        let shape = exports::Shape::new(Some(AssetLinks::new(&app, &ask, &snapshot)), search.fields.clone());
        let outcome = exports::write(whole, Order { format, shape, links, describe: &describe }, &mut sender);
        let result = match &outcome {
            Ok(End::Complete) => "complete",
            Ok(End::Abandoned) => "abandoned",
            Err(_) => "failed",
        };
        app.metrics.exported(format.label(), result, count, begin.elapsed());
        match outcome {
            Ok(End::Complete) => drop(sender.0.blocking_send(Piece::End)),
            Ok(End::Abandoned) => tracing::debug!("a download was abandoned"),
            Err(error) => tracing::error!(problem = %error.problem(), cause = error.cause(), "a download broke off"),
        }
        drop((running, room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_a_search_has_one_of_its_whole_result() {
        for (path, expected) in [
            ("/search", Some("/search/export")),
            ("/collections/a%2Fb/items", Some("/collections/a%2Fb/export")),
            ("/searches/x/items", Some("/searches/x/export")),
            ("/swot/passes", None),
        ] {
            assert_eq!(path_of(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn parts_of_a_result_are_not_downloaded() {
        assert_eq!(check_whole(["q", "sortby"].into_iter()), Ok(()));
        for name in PAGING {
            let refused = check_whole(["q", name].into_iter()).map_err(|problem| (problem.code, problem.parameter));
            assert_eq!(refused, Err(("export-is-whole", Some(name.to_owned()))));
        }
    }

    #[tokio::test]
    async fn a_download_without_the_word_of_its_end_is_an_error() {
        for is_whole in [true, false] {
            let (sender, receiver) = mpsc::channel(2);
            assert!(sender.send(Piece::Bytes(Bytes::from_static(b"a"))).await.is_ok());
            if is_whole {
                assert!(sender.send(Piece::End).await.is_ok());
            }
            drop(sender);
            let got: Vec<Result<Bytes, io::Error>> = pieces(receiver).collect().await;
            assert_eq!(got.len(), if is_whole { 1 } else { 2 });
            assert_eq!(got.last().map(Result::is_ok), Some(is_whole));
        }
    }
}
