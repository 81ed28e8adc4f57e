//! `/pages/{name}`: legal notice, accessibility statement, privacy note.

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_schemas::Problem;

use super::ask::Ask;
use crate::html::{self, Legal};
use crate::links::HTML;
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// `GET /pages/{name}`.
pub(super) async fn get(State(app): State<App>, Path(name): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let Some(kind) = Legal::ALL.into_iter().find(|kind| kind.name() == name) else {
        let names: Vec<&str> = Legal::ALL.into_iter().map(Legal::name).collect();
        let detail = format!("there is no page {name:?}");
        return Err(Problem::not_found("page-not-found", detail).allowed(names.join(", ")).into());
    };
    let view = ask.clone();
    let bytes = run_blocking(move || Ok(html::legal(&view, kind, &app.config)?.into_bytes())).await?;
    // A text may be edited while the service runs, so the tag is made from the page itself.
    let etag = ask.etag(0, HTML, &bytes);
    Ok(ask.not_modified(&etag).unwrap_or_else(|| ask.respond(HTML, &etag, bytes)))
}
