//! `/hydrocron/v1/timeseries`: series of SWOT reaches, nodes and prior lakes in the dialect of PO.DAAC's Hydrocron.
//!
//! Requests, answers and refusals are as its clients expect them. On purpose ours differ in this: offsets are turned
//! into UTC, `start_time` after `end_time` is a refusal, `text/csv` is plain text, no geometry is made up, no
//! `User-Agent` is needed, nothing is too large to be answered but a compact answer, which is put together in memory.
//! Beyond it `ids`, `bbox` or `intersects` ask for many features at once, `crid` asks for a version of processing other than the newest, and a refusal for want of results tells
//! the reason. Our own failures are problems as everywhere else.

mod accept;
mod columns;
mod fields;
mod refusal;
mod render;
mod request;
mod rows;
mod shapes;
#[cfg(test)]
mod tests;

use axum::body::Body;
use axum::extract::{MatchedPath, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_query::series::{self, SeriesQuery, Versions};
use nilometer_schemas::{CollectionId, Kind, Parameter, Problem, Scope, Search};
use serde_json::Value;

use crate::accounts::Principal;
use crate::links::JSON;
use crate::problem::ApiError;
use crate::state::{App, run_blocking};
use accept::{Shape, shape};
use columns::{columns, wanted};
use fields::Feature;
use refusal::{Failure, Reason, Refusal};
use render::Writer;
use request::{Request, Which};
use rows::{CRID, RANGE_START, Rows, widened};
use shapes::{Shapes, position_columns};

/// The address.
pub(super) const PATH: &str = "/hydrocron/v1/timeseries";
/// Bytes of one piece of a streamed answer.
const PIECE_BYTES: usize = 64 << 10;
/// Headers that scripts of other sites may send.
const ALLOWED_HEADERS: &str = "Content-Type,X-Amz-Date,Authorization,X-Api-Key,x-hydrocron-key";
/// What an answer depends on besides its address.
const VARY: &str = "accept, authorization, x-api-key, cookie";
/// Sign of a monitor that asks without parameters whether somebody answers.
const HEARTBEAT: &str = "Elastic-Heartbeat";

/// `GET /hydrocron/v1/timeseries`.
pub(super) async fn get(State(app): State<App>, principal: Principal, uri: Uri, headers: HeaderMap) -> Response {
    let answer = timeseries(&app, &principal, &uri, &headers).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn timeseries(app: &App, principal: &Principal, uri: &Uri, headers: &HeaderMap) -> Result<Response, Failure> {
    let scope = principal.scope();
    let begin = (app.clock)();
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(Refusal::invalid("the query string is not name=value pairs joined by &").into());
    };
    if pairs.is_empty() && text_of(headers, &header::USER_AGENT).contains(HEARTBEAT) {
        return Ok(([(header::CONTENT_TYPE, JSON)], "{}").into_response());
    }
    let request = Request::read(&pairs)?;
    let shape = shape(&text_of(headers, &header::ACCEPT), &request)?;
    let Some(collection) = request.stored_collection()? else {
        return Err(Refusal::not_found(&request.which, Reason::UnknownFeature).into());
    };
    let snapshot = app.view(principal).await?;
    let (view, asked) = (snapshot.clone(), request.clone());
    let mut found = run_blocking(move || find(&view, collection, &asked, shape, scope)).await?;
    let empty = match &mut found {
        Some(found) => found.rows.is_empty().await?,
        None => true,
    };
    let Some(Found { rows, counted, writer }) = found.filter(|_| !empty) else {
        let which = request.which.clone();
        let reason = run_blocking(move || absence(&snapshot, collection, &which, scope)).await?;
        return Err(Refusal::not_found(&request.which, reason).into());
    };
    let hits = match counted {
        Some(rows) => rows.count().await?,
        None => 0,
    };
    let took_ms = ((app.clock)().0 - begin.0) as f64 / 1e3;
    let mut head = Vec::new();
    writer.head(hits, took_ms, &mut head);
    let body = if writer.is_compact() { whole(rows, writer, head).await? } else { streamed(rows, writer, head) };
    Ok(answer(body, shape, &request, scope))
}

/// A header as it came, its lines joined; empty if there is none.
fn text_of(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    lines.join(", ")
}

/// The answer to `OPTIONS`, and the header on all others that lets scripts of any site read them: clients of this
/// dialect run in pages everywhere, whichever sites the rest of the service allows. Stands outside all that may refuse
/// a request.
pub(crate) async fn cross_origin(request: axum::extract::Request, next: Next) -> Response {
    let ours = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == PATH);
    if !ours {
        return next.run(request).await;
    }
    let mut response = if request.method() == Method::OPTIONS {
        let any = HeaderValue::from_static("*");
        let allowed = HeaderValue::from_static(ALLOWED_HEADERS);
        let headers = [(header::ACCESS_CONTROL_ALLOW_METHODS, any), (header::ACCESS_CONTROL_ALLOW_HEADERS, allowed)];
        (StatusCode::OK, headers).into_response()
    } else {
        next.run(request).await
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// What answers a request.
struct Found {
    rows: Rows,
    /// The same rows again, where their number stands before them.
    counted: Option<Rows>,
    writer: Writer,
}

/// Opens the series behind a request; `None` if there is no such collection for whoever asks, or nothing observed.
fn find(
    snapshot: &Snapshot,
    collection: &str,
    request: &Request,
    shape: Shape,
    scope: Scope,
) -> Result<Option<Found>, ApiError> {
    if snapshot.collection(collection, scope).is_none() {
        return Ok(None);
    }
    let known = series::parameters(snapshot, collection, scope);
    let (ids, geometries) = features(snapshot, collection, request, scope)?;
    if known.is_empty() || ids.is_empty() {
        return Ok(None);
    }
    let open = |parameters: Vec<String>| {
        let query = SeriesQuery {
            collection: CollectionId::new(collection)?,
            features: Some(ids.clone()),
            period: Some(widened(request.period)),
            parameters,
            versions: if request.crid.is_some() { Versions::All } else { Versions::Latest },
            resample: None,
        };
        series::series(snapshot, &query, scope)
    };
    let deciding = [RANGE_START, CRID].into_iter();
    let mut names = wanted(&request.fields, request.feature, &known);
    let positions = position_columns(request.feature).iter().flatten().copied();
    add_known(&mut names, positions.chain(deciding.clone()), &known);
    let series = match open(names) {
        Err(problem) if problem.kind == Kind::NotFound => return Ok(None),
        other => other?,
    };
    let shapes = Shapes::of(request.feature, &series.schema, geometries);
    // Units and fill values are those of the product, whether a column has values yet or not.
    let declared = series::declared(snapshot, collection, scope);
    let columns = columns(&request.fields, request.feature, &series.schema, &declared);
    let writer = Writer::new(shape.form, shape.wrapped, columns, shapes);
    let rows = Rows::of(series, request.period, request.crid.clone())?;
    let mut counted = None;
    if shape.wrapped {
        let mut names = Vec::new();
        add_known(&mut names, deciding, &known);
        counted = Some(Rows::of(open(names)?, request.period, request.crid.clone())?);
    }
    Ok(Some(Found { rows, counted, writer }))
}

/// Adds those of `more` that the collection has; of none at all the first one, since no name would mean every column.
fn add_known<'a>(names: &mut Vec<String>, more: impl Iterator<Item = &'a str>, known: &[Parameter]) {
    for name in more {
        if known.iter().any(|p| p.name == name) && !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        names.extend(known.first().map(|p| p.name.clone()));
    }
}

/// Geometries by the id of their feature.
type Geometries = Vec<(String, Value)>;

/// Ids of the features asked for, and the stored geometries of those that have one.
fn features(
    snapshot: &Snapshot,
    collection: &str,
    request: &Request,
    scope: Scope,
) -> Result<(Vec<String>, Geometries), ApiError> {
    let (ids, items) = match &request.which {
        Which::One(id) => (vec![id.clone()], snapshot.item(collection, id, scope)?.into_iter().collect()),
        Which::Many(search) => {
            let items = found_items(snapshot, collection, search, scope)?;
            (items.iter().map(|item| item.id.as_str().to_owned()).collect(), items)
        }
    };
    let mut geometries = Vec::new();
    if request.feature != Feature::PriorLake {
        for item in items {
            let mut value: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
            geometries.push((item.id.as_str().to_owned(), value["geometry"].take()));
        }
    }
    Ok((ids, geometries))
}

/// The stored features of a search.
fn found_items(
    snapshot: &Snapshot,
    collection: &str,
    search: &Search,
    scope: Scope,
) -> Result<Vec<StoredItem>, ApiError> {
    let search = Search { collections: vec![CollectionId::new(collection)?], ..search.clone() };
    let page = nilometer_query::search(snapshot, &search, scope)?;
    if page.number_matched > search.limit as u64 {
        let detail = format!("Query exceeds {} features with {}", search.limit, page.number_matched);
        return Err(Problem::new(Kind::TooLarge, "features", detail).into());
    }
    Ok(page.items)
}

/// Why there is nothing to answer with.
fn absence(snapshot: &Snapshot, collection: &str, which: &Which, scope: Scope) -> Result<Reason, ApiError> {
    let known = match which {
        Which::One(id) => {
            snapshot.item(collection, id, scope)?.is_some()
                || series::summary(snapshot, collection, id, scope).is_some()
        }
        Which::Many(search) => {
            snapshot.collection(collection, scope).is_some()
                && !found_items(snapshot, collection, search, scope)?.is_empty()
        }
    };
    Ok(if known { Reason::NoDataInPeriod } else { Reason::UnknownFeature })
}

/// A body that is put together before it is sent.
async fn whole(mut rows: Rows, mut writer: Writer, mut body: Vec<u8>) -> Result<Body, Problem> {
    while let Some(row) = rows.next().await? {
        writer.row(&row, &mut body)?;
    }
    writer.tail(&mut body);
    Ok(Body::from(body))
}

/// A body that is written while it is sent, a piece in memory at a time. Whoever goes away drops the stream, and with
/// it the query.
fn streamed(rows: Rows, writer: Writer, head: Vec<u8>) -> Body {
    let pieces = stream::unfold(Some((rows, writer, head)), |state| async {
        let (mut rows, mut writer, mut piece) = state?;
        match fill(&mut rows, &mut writer, &mut piece).await {
            Ok(true) => Some((Ok(Bytes::from(piece)), Some((rows, writer, Vec::new())))),
            Ok(false) => Some((Ok(Bytes::from(piece)), None)),
            Err(problem) => {
                tracing::warn!(%problem, "a time series broke off");
                // An error ends the connection without the final chunk, so the reader cannot take the part for the whole.
                Some((Err(std::io::Error::other(problem)), None))
            }
        }
    });
    // Compression asks once more after the end, which an unfused stream answers with a panic.
    Body::from_stream(pieces.fuse())
}

/// Fills a piece; `false` if it is the last one.
async fn fill(rows: &mut Rows, writer: &mut Writer, piece: &mut Vec<u8>) -> Result<bool, Problem> {
    while piece.len() < PIECE_BYTES {
        let Some(row) = rows.next().await? else {
            writer.tail(piece);
            return Ok(false);
        };
        writer.row(&row, piece)?;
    }
    Ok(true)
}

fn answer(body: Body, shape: Shape, request: &Request, scope: Scope) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(shape.media_type));
    let cache = if scope.is_public() { "no-cache" } else { "private, no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    let disposition = request.filename.as_ref().map(|name| format!("attachment; filename=\"{name}\""));
    if let Some(Ok(value)) = disposition.map(|text| HeaderValue::from_str(&text)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
