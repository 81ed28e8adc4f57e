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

pub(in crate::routes) use self::respond::{Shown, first_byte, respond};
use super::ask::{Ask, no_collection, no_item};
use crate::accounts::{Actor, Principal};
use crate::context::RequestContext;
use crate::files::{Asset, may_download};
use crate::limits::{Fetched, Reserved, reserve};
use crate::links::item_asset_path;
use crate::orders::require_licence;
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
    context: RequestContext,
    ask: Ask,
) -> Result<Response, ApiError> {
    ask.only(&link::PARAMETERS)?;
    let path = item_asset_path(&collection, &item, &key);
    let principal = link::principal(&app, &ask, &path).await?;
    let scope = principal.scope();
    let snapshot = app.view(&principal).await?;
    let (stored, asset) = found_asset(&app, &snapshot, &collection, &item, &key, scope).await?;
    if let Err(problem) = may_download(&principal, snapshot.level(&collection, scope), &stored.collection) {
        return ask.to_sign_in().ok_or_else(|| problem.into());
    }
    // Of a signed link, what its maker accepted.
    require_licence(&app.accounts, principal.id, (&snapshot, scope), &stored.collection, &ask.links).await?;
    let head = method == Method::HEAD;
    // An address signed for GET is of no use to HEAD, which tells the same of either way.
    if !head && let Some(address) = app.files.presigned(&asset.location).await? {
        // The bucket sends it, and tells nobody how much of it.
        let bytes = match asset.size {
            Some(bytes) => bytes,
            None => app.files.open_file(&snapshot, &stored, &asset, scope).await?.facts.size,
        };
        begin(&app, &principal, &context, &path, bytes).await?.all_sent();
        return Ok(sent_on(&address));
    }
    let file = app.files.open_file(&snapshot, &stored, &asset, scope).await?;
    let shown = Shown {
        name: &asset.location.file_name(stored.id.as_str()),
        media_type: asset.media_type.as_deref().unwrap_or("application/octet-stream"),
        head,
    };
    let response = respond(&file, &ask.headers, &shown)?;
    if head || !response.status().is_success() {
        return Ok(response);
    }
    let reserved = begin(&app, &principal, &context, &path, length(&response)).await?;
    Ok(counted(&app, response, reserved))
}

/// Bytes that an answer says it has.
pub(in crate::routes) fn length(response: &Response) -> u64 {
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

/// Takes the bytes of a file out of the daily volume of whoever fetches it, and notes that they do.
pub(in crate::routes) async fn begin(
    app: &App,
    principal: &Principal,
    context: &RequestContext,
    path: &str,
    bytes: u64,
) -> Result<Reserved, ApiError> {
    let now = (app.clock)();
    let who = principal.key_id().or(principal.user.as_deref()).unwrap_or_default();
    let is_noted = app.config.accounts.audit_downloads && !app.noted_downloads.has(who, path, now);
    let actor = Actor::of(principal, context);
    let note = is_noted.then_some((&actor, path));
    let reserved = reserve(app, principal, &Fetched { bytes, note }).await?;
    if is_noted {
        app.noted_downloads.add(who, path, now);
    }
    Ok(reserved)
}

/// Counts the bytes that go out, and the file as under way until they are out or nobody takes them any more.
pub(in crate::routes) fn counted(app: &App, response: Response, mut reserved: Reserved) -> Response {
    let (running, metrics) = (app.metrics.download_begins(), Arc::clone(&app.metrics));
    response.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |piece| {
            let _ = &running;
            let bytes = piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
            metrics.downloaded(bytes);
            reserved.sent(bytes);
        }))
    })
}

/// An item, and one of its assets that the service delivers.
///
/// # Errors
/// `NotFound` if there is none that the scope sees.
async fn found_asset(
    app: &App,
    snapshot: &Arc<Snapshot>,
    collection: &str,
    item: &str,
    key: &str,
    scope: Scope,
) -> Result<(StoredItem, Asset), ApiError> {
    let stored = found(snapshot, collection, item, scope).await?;
    let (files, snapshot, key) = (Arc::clone(&app.files), Arc::clone(snapshot), key.to_owned());
    // An item may be large: it is read where that may take its time.
    run_blocking(move || {
        let asset = files.asset(&snapshot, &stored, &key, scope)?;
        Ok((stored, asset))
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

/// An item.
///
/// # Errors
/// `NotFound` if the scope does not see such a collection or item.
async fn found(snapshot: &Arc<Snapshot>, collection: &str, item: &str, scope: Scope) -> Result<StoredItem, ApiError> {
    let (snapshot, collection, item) = (Arc::clone(snapshot), collection.to_owned(), item.to_owned());
    run_blocking(move || {
        if snapshot.collection(&collection, scope).is_none() {
            return Err(no_collection(&collection).into());
        }
        Ok(snapshot.item(&collection, &item, scope)?.ok_or_else(|| no_item(&collection, &item))?)
    })
    .await
}
