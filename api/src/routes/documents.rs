//! `/api` and `/api.html`: the OpenAPI document for programs and for people.

use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use serde_json::Value;

use super::ask::{Ask, to_bytes};
use super::collections::public_ids;
use crate::html;
use crate::links::{HTML, OPENAPI, OPENAPI_3_0};
use crate::openapi;
use crate::problem::ApiError;
use crate::state::App;

/// Collections that get paths of their own in the document, as test suites of OGC API Features want.
const CONCRETE_PATHS_MAX: usize = 100;

async fn document(app: &App, ask: &Ask) -> Result<Value, ApiError> {
    // Hidden collections stay out for everybody: the document describes the service, not what one key sees.
    let ids = public_ids(app, CONCRETE_PATHS_MAX).await?;
    Ok(openapi::document(&ask.links, &app.config, &ids))
}

/// `GET /api`.
pub(super) async fn openapi(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    if ask.html {
        return page(&app, ask).await;
    }
    let document = document(&app, &ask).await?;
    let (media_type, document) =
        if wants_3_0(&ask) { (OPENAPI_3_0, openapi::from_3_1(document)) } else { (OPENAPI, document) };
    let bytes = to_bytes(&document)?;
    ask.answer(ask.snapshot.seq_for(ask.scope), media_type, b"", move || Ok(bytes)).await
}

/// Whether the first OpenAPI version that the caller names is 3.0.
fn wants_3_0(ask: &Ask) -> bool {
    let accept = ask.headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut versions = accept.flat_map(|list| list.split(',')).filter_map(|range| {
        let range = range.trim().to_ascii_lowercase();
        let (media_type, parameters) = range.split_once(';')?;
        let version = parameters.split(';').find_map(|p| p.trim().strip_prefix("version="))?;
        media_type.contains("openapi").then(|| version.trim_matches('"').starts_with("3.0"))
    });
    versions.next() == Some(true)
}

/// `GET /api.html`.
pub(super) async fn openapi_page(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    page(&app, ask).await
}

async fn page(app: &App, ask: Ask) -> Result<Response, ApiError> {
    let document = document(app, &ask).await?;
    let view = ask.clone();
    ask.answer(ask.snapshot.seq_for(ask.scope), HTML, b"", move || Ok(html::api(&view, &document).into_bytes())).await
}
