//! `POST /searches` keeps a question under an id made from its content; `/searches/{id}` shows and asks it again.

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_query::parse;
use nilometer_schemas::{Crs, Problem};
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use super::body::JsonBody;
use super::question::{from_body, interpret_body};
use super::search::answer_get;
use super::tiles::tileset_link;
use super::writes::created;
use crate::context::RequestContext;
use crate::links::{GEOJSON, JSON, saved_search_path};
use crate::problem::ApiError;
use crate::state::App;

/// Members that say which page to answer, not what is asked.
const PAGE_MEMBERS: [&str; 3] = ["limit", "page", "token"];

/// `POST /searches`. The question is checked in full, so that every kept id can be answered.
pub(super) async fn post(
    State(app): State<App>,
    context: RequestContext,
    ask: Ask,
    JsonBody(mut body): JsonBody,
) -> Result<Response, ApiError> {
    ask.only(&[])?;
    interpret_body(&app, &ask, &mut body).await?;
    let mut canonical = from_body(&app, body, &[])?.canonical;
    if let Some(members) = canonical.as_object_mut() {
        members.retain(|name, _| !PAGE_MEMBERS.contains(&name.as_str()));
    }
    let text = canonical.to_string();
    app.limiter.keep(&app.config, &ask.principal, &context, text.len())?;
    let id = app.accounts.save_search(&text).await?;
    let location = ask.links.absolute(&saved_search_path(&id));
    Ok(created(&location, JSON, to_bytes(&saved_json(&ask, &id, canonical))?))
}

/// `GET /searches/{id}`.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let question = load(&app, &id).await?;
    let view = ask.clone();
    ask.answer(0, JSON, b"", move || to_bytes(&saved_json(&view, &id, question))).await
}

fn saved_json(ask: &Ask, id: &str, question: Value) -> Value {
    let path = saved_search_path(id);
    json!({
        "id": id,
        "search": question,
        "links": [
            ask.links.link("self", JSON, &path),
            ask.links.link("root", JSON, "/"),
            ask.links.link("items", GEOJSON, &format!("{path}/items")),
            tileset_link(&ask.links, &path, &[]),
            ask.links.titled("enclosure", "application/zip", &format!("{path}/zip"), "The files of a small selection"),
        ],
    })
}

/// `GET /searches/{id}/items`: the answer, with `limit` and `token` as under `/search`.
pub(super) async fn items(State(app): State<App>, Path(id): Path<String>, mut ask: Ask) -> Result<Response, ApiError> {
    ask.only(&PAGE_MEMBERS)?;
    let question = load(&app, &id).await?;
    let mut request = parse::from_json(&question, &[])?;
    let search = &mut request.search;
    // The paging parameters alone make a whole question, so the one parser reads them.
    let paging = super::question::from_address(&app, &ask, &[])?.search;
    search.limit = paging.limit;
    search.token = paging.token;
    search.page = paging.page;
    // There is no page for people under this address yet; the JSON answer serves both.
    ask.html = false;
    answer_get(&app, ask, request, None, (Crs::Crs84, None)).await
}

/// The kept question of an id, as the body of a search.
///
/// # Errors
/// `NotFound` where none is kept.
pub(super) async fn load(app: &App, id: &str) -> Result<Value, ApiError> {
    let absent = || Problem::not_found("search-not-found", format!("no question is kept under {id:?}"));
    let text = app.accounts.load_search(id).await?.ok_or_else(absent)?;
    serde_json::from_str(&text).map_err(ApiError::internal)
}
