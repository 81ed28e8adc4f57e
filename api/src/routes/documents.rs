//! `/api` and `/api.html`: the OpenAPI document for programs and for people.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::ask::{Ask, to_bytes};
use super::collections::public_ids;
use crate::html;
use crate::links::{HTML, OPENAPI};
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
    let bytes = to_bytes(&document)?;
    ask.answer(app.catalog.snapshot().seq_for(ask.scope), OPENAPI, b"", move || Ok(bytes)).await
}

/// `GET /api.html`.
pub(super) async fn openapi_page(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    page(&app, ask).await
}

async fn page(app: &App, ask: Ask) -> Result<Response, ApiError> {
    let document = document(app, &ask).await?;
    let view = ask.clone();
    ask.answer(app.catalog.snapshot().seq_for(ask.scope), HTML, b"", move || {
        Ok(html::api(&view, &document).into_bytes())
    })
    .await
}
