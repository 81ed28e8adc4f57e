//! `…/tiles/WebMercatorQuad/{zoom}/{row}/{col}`: one tile.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::Problem;
use nilometer_tiles::{Asked, Found, TileAddress};

use super::question::TilesAsk;
use crate::links::MVT;
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// Number of items that had no room in a tile.
const LEFT_OUT: HeaderName = HeaderName::from_static("x-nilometer-left-out");
/// Endings of a column that clients add, some of which look for them.
const SUFFIXES: [&str; 3] = [".mvt", ".pbf", ".vector.pbf"];

/// The tile's place, in the order of OGC API Tiles.
///
/// # Errors
/// `Invalid` for what are no numbers, `NotFound` for a tile outside the matrix.
pub(crate) fn address(zoom: &str, row: &str, column: &str) -> Result<TileAddress, Problem> {
    let column = SUFFIXES.iter().find_map(|suffix| column.strip_suffix(suffix)).unwrap_or(column);
    let [zoom, row, col] = [zoom, row, column].map(|text| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    });
    match (zoom, row, col) {
        (Some(zoom), Some(row), Some(col)) => TileAddress::new(u8::try_from(zoom).unwrap_or(u8::MAX), row, col),
        _ => {
            let detail = "a tile's zoom, row and column are whole numbers from 0 on";
            Err(Problem::invalid("tile", detail).allowed("tiles/WebMercatorQuad/{zoom}/{row}/{column}"))
        }
    }
}

/// `GET …/tiles/WebMercatorQuad/{zoom}/{row}/{col}`.
pub(super) async fn get(State(app): State<App>, ask: TilesAsk) -> Result<Response, ApiError> {
    let address = address(ask.name("zoom"), ask.name("row"), ask.name("col"))?;
    let question = ask.question(&app).await?;
    let ask = ask.ask;
    let snapshot = Arc::clone(&ask.snapshot);
    let etag = ask.etag(snapshot.seq_for(ask.scope), MVT, b"");
    if let Some(response) = ask.not_modified(&etag) {
        return Ok(response);
    }
    let (key, scope) = (question.key(&ask, snapshot.seq_for(ask.scope)), ask.scope);
    let of = Arc::clone(&app);
    let tile = run_blocking(move || {
        let begin = Instant::now();
        let asked = Asked { snapshot: &snapshot, search: &question.search, scope };
        let (tile, found) = of.tiles.tile(&key, &asked, address, &question.properties)?;
        of.metrics.tile(address.zoom(), found == Found::Hit, of.tiles.bytes(), begin.elapsed());
        Ok(tile)
    })
    .await?;
    let mut response = ask.respond_with(MVT, &etag, Body::from(tile.bytes.clone()));
    if tile.left_out > 0 {
        response.headers_mut().insert(LEFT_OUT, HeaderValue::from(tile.left_out));
    }
    if tile.bytes.is_empty() {
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    Ok(response)
}
