//! `/livez`, `/readyz` and `/metrics`: for supervisors, on a listener of their own if configured.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::metrics::{MEDIA_TYPE, Public};
use crate::oidc::Oidc;
use crate::problem::{ApiError, chain};
use crate::state::{App, run_blocking};

/// The three addresses.
pub fn routes() -> Router<App> {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The process answers; nothing else is asked.
async fn live() -> Response {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// Each dependency by itself. A catalogue that only reads is degraded, not dead: readers still get answers, so
/// the service stays ready; without accounts no key can be checked, so it is not.
async fn ready(State(app): State<App>) -> Response {
    let catalog = std::sync::Arc::clone(&app.catalog);
    let seen = run_blocking(move || Ok(catalog.read_only_reason())).await;
    let (catalogue, readable, degraded) = match seen {
        Ok(None) => (json!({"status": "ok", "writable": true}), true, false),
        Ok(Some(reason)) => {
            tracing::debug!(%reason, "the catalogue is read-only");
            let told = "the catalogue takes no writes; the log says why";
            (json!({"status": "degraded", "writable": false, "reason": told}), true, true)
        }
        Err(error) => {
            tracing::error!(cause = error.cause(), "the catalogue does not answer");
            (json!({"status": "failed"}), false, false)
        }
    };
    let (accounts, reachable) = match app.accounts.ping().await {
        Ok(()) => (json!({"status": "ok"}), true),
        Err(error) => {
            tracing::error!(cause = chain(&error), "the accounts do not answer");
            (json!({"status": "failed"}), false)
        }
    };
    let (status, word) = match (readable && reachable, degraded) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        (true, true) => (StatusCode::OK, "degraded"),
        (true, false) => (StatusCode::OK, "ok"),
    };
    answer(status, &json!({"status": word, "dependencies": {"catalogue": catalogue, "accounts": accounts}}))
}

async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    if let Some(age_s) = app.oidc.as_ref().and_then(Oidc::keys_age_s) {
        app.metrics.jwks_age(age_s);
    }
    let visitor = app.accounts.visitor().await?;
    let public = Public { snapshot: app.view(&visitor).await?, scope: visitor.scope() };
    let text = run_blocking(move || app.metrics.encode(Some(public)).map_err(ApiError::internal)).await?;
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}
