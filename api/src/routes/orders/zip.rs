//! The archive of an order, and of a small selection without one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use nilometer_schemas::{CollectionId, Kind, Level, Problem};
use serde_json::json;

use crate::accounts::{OrderState, Power};
use crate::files::{Readable, may_download};
use crate::orders::request::Request;
use crate::orders::{Archive, Orders, small};
use crate::problem::ApiError;
use crate::routes::account::Caller;
use crate::routes::ask::{Ask, no_collection};
use crate::routes::export::busy;
use crate::routes::files::{Shown, begin, counted, first_byte, length, respond};
use crate::routes::searches::load;
use crate::state::App;

const ZIP: &str = "application/zip";

/// `GET` and `HEAD /api/download/workflows/{id}/zip`.
pub(super) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    method: Method,
    caller: Caller,
) -> Result<Response, ApiError> {
    let principal = &caller.ask.principal;
    let user = principal.require_account(Power::Download)?;
    let order = app.accounts.order(&id, Some(user)).await?;
    match order.state {
        OrderState::Completed => {}
        OrderState::Expired => {
            let detail = "the time in which this order could be fetched is over; order it anew";
            return Err(Problem::new(Kind::Gone, "order-expired", detail).into());
        }
        state => {
            let detail = format!("the order is {}, and only a COMPLETED one can be fetched", state.status());
            return Err(Problem::new(Kind::Conflict, "order-state", detail).into());
        }
    }
    let archive = Orders::archive(&app, &order).await?;
    may_fetch(&caller.ask, &archive)?;
    answer(&app, &archive, &caller, &order.id, method == Method::HEAD).await
}

/// Rights that ended since the order was placed end the fetching too: of collections, and of items where a part is seen.
///
/// # Errors
/// `NotFound` and `Forbidden`, for the whole of the order.
pub(super) fn may_fetch(ask: &Ask, archive: &Archive) -> Result<(), Problem> {
    for id in archive.collections() {
        if ask.snapshot.collection(id, ask.scope).is_none() {
            return Err(no_collection(id));
        }
        may_download(&ask.principal, ask.snapshot.level(id, ask.scope), &CollectionId::new(id.clone())?)?;
    }
    let is_part = |id: &str| ask.snapshot.level(id, ask.scope) == Level::Partial;
    let parts: Vec<&str> = archive.collections().iter().map(String::as_str).filter(|id| is_part(id)).collect();
    let of_parts = archive.entries().iter().filter_map(|entry| entry.origin.as_ref());
    let mut of_parts = of_parts.filter(|origin| parts.contains(&origin.collection.as_str()));
    if of_parts.any(|origin| ask.snapshot.find(&origin.collection, &origin.item).is_none()) {
        let detail = "this order holds items that you do not see any more; order what you see now";
        return Err(Problem::new(Kind::Forbidden, "files-not-granted", detail));
    }
    Ok(())
}

/// The archive as `NAME.zip`.
async fn answer(app: &App, archive: &Archive, caller: &Caller, name: &str, head: bool) -> Result<Response, ApiError> {
    let ask = &caller.ask;
    let file = format!("{name}.zip");
    let mut response = respond(archive, &ask.headers, &Shown { name: &file, media_type: ZIP, head })?;
    if response.status().is_success() {
        // Clients of hydroweb.next take everything up to the last `.zip` for the name, quotes among it.
        if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename={file}")) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
    }
    let has_bytes = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    if head || !has_bytes {
        return Ok(response);
    }
    // A file that is not there any more is told while there is still somebody to tell: a body can only break off.
    if let Some(byte) = first_byte(archive.facts(), &ask.headers) {
        archive.check_first(byte).await?;
    }
    let reserved = begin(app, &ask.principal, &caller.context, &ask.path, length(&response)).await?;
    Ok(counted(app, response, reserved))
}

/// `GET /searches/{id}/zip`: the files of a small selection at once.
pub(in crate::routes) async fn saved(
    State(app): State<App>,
    Path(id): Path<String>,
    method: Method,
    caller: Caller,
) -> Result<Response, ApiError> {
    let ask = &caller.ask;
    ask.only(&[])?;
    ask.principal.require_account(Power::Download)?;
    let request = Request::read(json!({"search": load(&app, &id).await?}))?;
    let room = Arc::clone(&app.exports).try_acquire_owned().map_err(|_| busy(&app))?;
    let archive = small(&app, &ask.principal, &request).await?;
    let response = answer(&app, &archive, &caller, &id, method == Method::HEAD).await?;
    // What was written for it stays on the disk as long as somebody reads it, and is bounded by the number of readers.
    Ok(response.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            let _ = &room;
        }))
    }))
}
