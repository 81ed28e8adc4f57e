//! From a query of a series to a response: features are looked up, rows are streamed in the format asked for.
//!
//! The first piece is made before the answer begins, so that what fails or is empty from the start has its own status.
//! What fails later ends the connection without the final chunk: a part can never be taken for the whole. A client that
//! goes away drops the stream, and with it the work.

use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use nilometer_query::series::{BatchStream, SeriesQuery, series, with_values};
use nilometer_schemas::limits::SERIES_FEATURES_MAX;
use nilometer_schemas::{Kind, Problem};

use super::ask::EdrAsk;
use super::columnar::{Arrow, Parquet};
use super::coverage::CoverageJson;
use super::csv::Csv;
use super::feature::stored;
use super::format::Format;
use super::geojson::GeoJson;
use super::query::Query;
use super::request::Values;
use super::table::Table;
use crate::exports::attachment;
use crate::links::{HTML, JSON, collection_path};
use crate::problem::ApiError;
use crate::routes::ask::no_collection;
use crate::state::{App, run_blocking};

/// Writes the rows of an answer in one format: [`Writer::begin`] once, if there are any, then the rows, then
/// [`Writer::finish`]. What is ready for the caller is put at the end of `out`.
pub(super) trait Writer: Send {
    /// What stands before the first row.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError>;
    /// Rows, by feature and time.
    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ApiError>;
    /// What stands after the last row.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError>;
}

/// What came of a request before the first row.
enum Prepared {
    /// The caller holds the answer already.
    Unchanged(Response),
    /// There are no features with observations.
    Nothing,
    /// The rows, to be answered with under this tag.
    Series(Box<Pieces>, Format, String),
}

/// Answers a query of a collection's values.
pub(super) async fn answer(app: App, edr: EdrAsk, id: String, query: Query) -> Result<Response, ApiError> {
    let ask = edr.ask.clone();
    let prepared = run_blocking({
        let id = id.clone();
        move || prepare(&app, &edr, &id, &query)
    });
    let (mut pieces, format, etag) = match prepared.await? {
        Prepared::Unchanged(response) => return Ok(response),
        Prepared::Nothing => return Ok(no_data()),
        Prepared::Series(pieces, format, etag) => (pieces, format, etag),
    };
    let Some(first) = pieces.next().await? else { return Ok(no_data()) };
    let rest = stream::unfold(Some(pieces), |pieces| async move {
        let mut pieces = pieces?;
        match pieces.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(pieces))),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(problem = %error.problem(), cause = error.cause(), "a series broke off");
                Some((Err(std::io::Error::other("the series broke off")), None))
            }
        }
    });
    // Compression asks once more after the end, which an unfused stream answers with a panic.
    let body = Body::from_stream(stream::once(async move { Ok(first) }).chain(rest).fuse());
    let mut response = ask.respond_with(format.content_type(), &etag, body);
    if let Some(disposition) = disposition(format, &id) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// A name for what browsers keep as a file.
fn disposition(format: Format, collection: &str) -> Option<HeaderValue> {
    if matches!(format, Format::CoverageJson | Format::GeoJson) {
        return None;
    }
    attachment(collection, format.extension())
}

/// The answer where no observation is asked for that there is (OGC 19-086r9, `/req/edr/query_type/no-data`).
fn no_data() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads the request, finds the features and begins the series, all of one snapshot.
fn prepare(app: &App, edr: &EdrAsk, id: &str, query: &Query) -> Result<Prepared, ApiError> {
    let (ask, snapshot) = (&edr.ask, Arc::clone(&edr.ask.snapshot));
    let collection = snapshot.collection(id, ask.scope).ok_or_else(|| no_collection(id))?.collection.id.clone();
    let mut values = Values::read(app, &snapshot, edr, &collection, query.parameters())?;
    let place = query.place(ask, &snapshot, &collection, &mut values.search)?;
    let Values { format, query, times, search, is_empty } = values;
    let etag = ask.etag(snapshot.seq_for(ask.scope), format.media_type(), b"");
    if let Some(response) = ask.not_modified(&etag) {
        return Ok(Prepared::Unchanged(response));
    }
    if is_empty {
        return Ok(Prepared::Nothing);
    }
    let found = place.find(&snapshot, &search, ask.scope)?;
    let ids = with_values(&snapshot, collection.as_str(), found.ids, &query.parameters, ask.scope);
    if ids.is_empty() {
        return Ok(Prepared::Nothing);
    }
    check_count(format, ids.len())?;
    let query = SeriesQuery { features: Some(ids), ..query };
    let series = series(&snapshot, &query, ask.scope)?;
    let table = Table::new(&series.schema, &series.columns, found.distances, times)?;
    let (schema, columns) = (Arc::clone(table.schema()), series.columns);
    let lookup = || stored(Arc::clone(&snapshot), collection.clone(), ask.scope);
    let writer: Box<dyn Writer> = match format {
        Format::Csv => Box::new(Csv::new(schema, columns.len())),
        Format::Parquet => Box::new(Parquet::new(schema)),
        Format::Arrow => Box::new(Arrow::new(schema)),
        Format::CoverageJson => Box::new(CoverageJson::new(columns, collection.as_str().to_owned(), lookup())),
        Format::GeoJson => {
            let path = collection_path(collection.as_str());
            let links = vec![
                ask.links.link("self", format.media_type(), &ask.path_and_query),
                ask.links.link("root", JSON, "/"),
                ask.links.link("collection", JSON, &path),
                ask.links.link("alternate", HTML, &format!("{path}?f=html")),
            ];
            let language = ask.language().tag();
            Box::new(GeoJson::new(
                columns,
                lookup(),
                ask.links.clone(),
                collection.as_str().to_owned(),
                language,
                links,
            ))
        }
    };
    let pieces = Pieces::new(series.batches, Output::new(table, writer));
    Ok(Prepared::Series(Box::new(pieces), format, etag))
}

/// A JSON document is of use only when it is whole, so its reader holds all of it.
fn check_count(format: Format, count: usize) -> Result<(), Problem> {
    if count <= SERIES_FEATURES_MAX || !matches!(format, Format::CoverageJson | Format::GeoJson) {
        return Ok(());
    }
    let label = format.label();
    let detail = format!("{count} features have observations here, the limit of {label} is {SERIES_FEATURES_MAX}");
    Err(Problem::new(Kind::TooLarge, "series-features", detail)
        .at("f")
        .allowed("a smaller place, more conditions, or f=CSV, Parquet or Arrow, which have no limit"))
}

/// What the rows of an answer go through.
pub(super) struct Output {
    table: Table,
    writer: Box<dyn Writer>,
    /// Rows so far.
    rows: usize,
}

impl Output {
    pub(super) fn new(table: Table, writer: Box<dyn Writer>) -> Self {
        Self { table, writer, rows: 0 }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ApiError> {
        let mut out = Vec::new();
        let rows = self.table.rows(batch)?;
        if rows.num_rows() == 0 {
            return Ok(out);
        }
        if self.rows == 0 {
            self.writer.begin(&mut out)?;
        }
        self.rows += rows.num_rows();
        self.writer.write(&rows, &mut out)?;
        Ok(out)
    }

    fn finish(&mut self) -> Result<Vec<u8>, ApiError> {
        let mut out = Vec::new();
        if self.rows > 0 {
            self.writer.finish(&mut out)?;
        }
        Ok(out)
    }
}

/// The pieces of an answer's body.
pub(crate) struct Pieces {
    batches: BatchStream,
    /// `None` after the end, and after a failure.
    output: Option<Output>,
}

impl Pieces {
    pub(super) fn new(batches: BatchStream, output: Output) -> Self {
        Self { batches, output: Some(output) }
    }

    /// The next piece, never empty; `None` at the end, at once if there is not a single row.
    ///
    /// # Errors
    /// What the series or the writer says; nothing comes after it.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        while let Some(mut output) = self.output.take() {
            let Some(batch) = self.batches.next().await.transpose()? else {
                let last = run_blocking(move || output.finish()).await?;
                return Ok((!last.is_empty()).then(|| Bytes::from(last)));
            };
            let (output, piece) = run_blocking(move || {
                let piece = output.write(&batch)?;
                Ok((output, piece))
            })
            .await?;
            self.output = Some(output);
            if !piece.is_empty() {
                return Ok(Some(Bytes::from(piece)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Distances, samples};
    use super::*;

    fn pieces(batches: Vec<Result<RecordBatch, Problem>>) -> Pieces {
        let empty = samples::batch(&[]);
        let table = Table::new(empty.schema_ref(), &samples::columns(), Distances::new(), None).expect("a table");
        let writer = Box::new(Csv::new(Arc::clone(table.schema()), 3));
        Pieces::new(Box::pin(stream::iter(batches)), Output::new(table, writer))
    }

    #[tokio::test]
    async fn pieces_come_batch_by_batch_and_an_empty_series_has_none() {
        let batch = || Ok(samples::batch(&[("a", 1, "", Some(1.0), None, None)]));
        let mut some = pieces(vec![Ok(samples::batch(&[])), batch(), batch()]);
        let first = some.next().await.expect("rows").expect("a piece");
        assert!(first.starts_with(b"feature_id,"));
        assert!(some.next().await.expect("rows").expect("a piece").starts_with(b"a,2024"));
        assert_eq!(some.next().await.expect("the end"), None);
        assert_eq!(some.next().await.expect("the end"), None);
        assert_eq!(pieces(vec![Ok(samples::batch(&[]))]).next().await.expect("the end"), None);
    }

    #[tokio::test]
    async fn a_failure_ends_the_pieces_and_never_looks_like_the_end() {
        let failure = Problem::new(Kind::Internal, "internal", "a file is damaged");
        let mut broken = pieces(vec![Ok(samples::batch(&[("a", 1, "", None, None, None)])), Err(failure)]);
        assert!(broken.next().await.expect("rows").is_some());
        assert!(broken.next().await.is_err());
    }
}
