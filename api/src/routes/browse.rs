//! `/collections/{id}/catalog`: every item of a collection reached through `child` and `item` links alone (STAC API's
//! browseable class), for readers that know catalogues and no searches. Each catalogue leads to the next.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_schemas::Search;
use serde_json::json;

use super::ask::{Ask, to_bytes};
use super::question::visible;
use super::search::see_other;
use crate::links::{GEOJSON, JSON, collection_path, item_path, items_path, with_query};
use crate::problem::ApiError;
use crate::state::App;

/// Items that one catalogue links to.
const ITEMS_MAX: usize = 1_000;

/// The path of a collection's first catalogue of items.
pub(super) fn catalog_path(collection: &str) -> String {
    format!("{}/catalog", collection_path(collection))
}

/// `GET /collections/{id}/catalog`.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&["token"])?;
    let collection = visible(&id, &ask)?;
    let token = ask.parameter("token").map(|token| app.accounts.open_token(token)).transpose()?;
    if ask.html {
        return Ok(see_other(&ask.links.local(&items_path(&id))));
    }
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    ask.answer(snapshot.seq_for(ask.scope), JSON, b"", move || {
        let name = format!("{collection}.items{}", token.as_ref().map(|t| format!(".{t}")).unwrap_or_default());
        let search = Search { collections: vec![collection], limit: ITEMS_MAX, token, ..Search::default() };
        let page = nilometer_query::search(&snapshot, &search, view.scope)?;
        let mut links = vec![
            view.links.link("self", JSON, &view.path_and_query),
            view.links.link("root", JSON, "/"),
            view.links.link("parent", JSON, &collection_path(&id)),
        ];
        for item in &page.items {
            links.push(view.links.titled("item", GEOJSON, &item_path(&id, item.id.as_str()), item.id.as_str()));
        }
        if let Some(token) = &page.next {
            let token = app.accounts.seal_token(token);
            let path = with_query(&catalog_path(&id), [("token", token.as_str())]);
            links.push(view.links.titled("child", JSON, &path, "Further items"));
        }
        to_bytes(&json!({
            "type": "Catalog", "stac_version": "1.1.0", "id": name, "links": links,
            "description": format!("Links to items of the collection {id}; there are {} of them", page.number_matched),
        }))
    })
    .await
}
