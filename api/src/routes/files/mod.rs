//! The files of items: `/collections/{id}/items/{item}/assets/{key}`, and signed links to them.

mod link;
mod range;
mod respond;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get as getting, post};
use futures_util::StreamExt;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::Scope;

pub(in crate::routes) use self::respond::{Shown, respond};
use super::ask::{Ask, no_collection, no_item};
use crate::files::{Asset, may_download};
use crate::links::item_asset_path;
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// The routes.
pub(super) fn router() -> Router<App> {
    const ASSET: &str = "/collections/{collection}/items/{item}/assets/{key}";
    Router::new().route(ASSET, getting(get).put(upload::put)).route(&format!("{ASSET}/link"), post(link::post))
}

/// `GET` and `HEAD` of a file.
async fn get(
    State(app): State<App>,
    Path((collection, item, key)): Path<(String, String, String)>,
    method: Method,
    ask: Ask,
) -> Result<Response, ApiError> {
    ask.only(&link::PARAMETERS)?;
    let principal = link::principal(&app, &ask, &item_asset_path(&collection, &item, &key)).await?;
    let scope = principal.scope();
    let (snapshot, stored, asset) = found_asset(&app, &collection, &item, &key, scope).await?;
    may_download(&principal, &stored.collection)?;
    let head = method == Method::HEAD;
    // An address signed for GET is of no use to HEAD, which tells the same of either way.
    if !head && let Some(address) = app.files.presigned(&asset.location).await? {
        return Ok(sent_on(&address));
    }
    let file = app.files.open_file(&snapshot, &stored, &asset, scope).await?;
    let shown = Shown {
        name: &asset.location.file_name(stored.id.as_str()),
        media_type: asset.media_type.as_deref().unwrap_or("application/octet-stream"),
        head,
    };
    let response = respond(&file, &ask.headers, &shown)?;
    Ok(if head || !response.status().is_success() { response } else { counted(&app, response) })
}

/// Counts the bytes that go out, and the file as under way until they are out or nobody takes them any more.
pub(in crate::routes) fn counted(app: &App, response: Response) -> Response {
    let (running, metrics) = (app.metrics.download_begins(), Arc::clone(&app.metrics));
    response.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |piece| {
            let _ = &running;
            metrics.downloaded(piece.as_ref().map_or(0, |bytes| bytes.len() as u64));
        }))
    })
}

/// The newest snapshot, an item in it, and one of its assets that the service delivers.
///
/// # Errors
/// `NotFound` if there is none that the scope sees.
async fn found_asset(
    app: &App,
    collection: &str,
    item: &str,
    key: &str,
    scope: Scope,
) -> Result<(Arc<Snapshot>, StoredItem, Asset), ApiError> {
    let (snapshot, stored) = found(app, collection, item, scope).await?;
    let (files, key) = (Arc::clone(&app.files), key.to_owned());
    // An item may be large: it is read where that may take its time.
    run_blocking(move || {
        let asset = files.asset(&snapshot, &stored, &key, scope)?;
        Ok((snapshot, stored, asset))
    })
    .await
}

/// The way to where the file lies. Kept by nobody: it ends soon.
fn sent_on(address: &str) -> Response {
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response
}

/// The newest snapshot and an item in it.
///
/// # Errors
/// `NotFound` if the scope does not see such a collection or item.
async fn found(app: &App, collection: &str, item: &str, scope: Scope) -> Result<(Arc<Snapshot>, StoredItem), ApiError> {
    let (snapshot, collection, item) = (app.catalog.snapshot(), collection.to_owned(), item.to_owned());
    run_blocking(move || {
        if snapshot.collection(&collection, scope).is_none() {
            return Err(no_collection(&collection).into());
        }
        let stored = snapshot.item(&collection, &item, scope)?.ok_or_else(|| no_item(&collection, &item))?;
        Ok((snapshot, stored))
    })
    .await
}
