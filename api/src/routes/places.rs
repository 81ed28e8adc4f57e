//! `/places`: stored places by their names, as they are typed.

use std::sync::Arc;

use axum::response::Response;
use nilometer_schemas::limits::{COLLECTIONS_MAX, Q_CHARS_MAX};
use nilometer_schemas::{CollectionId, Kind, Problem};
use serde_json::json;

use super::ask::{Ask, to_bytes};
use super::collection_view::collection_title;
use crate::links::JSON;
use crate::places::{self, Place};
use crate::problem::ApiError;

/// Places in an answer at most; a larger `limit` is clamped.
pub(crate) const LIMIT_MAX: usize = 20;
/// Places in an answer where the caller names no limit.
pub(crate) const LIMIT_DEFAULT: usize = 8;

/// `GET /places`.
pub(super) async fn get(ask: Ask) -> Result<Response, ApiError> {
    ask.only(&["q", "collections", "limit"])?;
    let text = ask.parameter("q").unwrap_or_default().to_owned();
    if text.chars().count() > Q_CHARS_MAX {
        let problem =
            Problem::new(Kind::TooLarge, "too-many-values", format!("a name has more than {Q_CHARS_MAX} characters"));
        return Err(problem.at("q").allowed(format!("at most {Q_CHARS_MAX} characters")).into());
    }
    let limit = ask.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let snapshot = Arc::clone(&ask.snapshot);
    let collections = match ask.parameter("collections") {
        Some(list) => named(list)?,
        None => places::collections(&snapshot, ask.scope),
    };
    let view = ask.clone();
    ask.answer(snapshot.seq_for(ask.scope), JSON, b"", move || {
        let found = places::suggest(&snapshot, &view, &text, &collections, limit)?;
        let one = |place: &Place| {
            json!({
                "references": place.references,
                "title": place.title,
                "collection": place.collection.as_str(),
                "collectionTitle": collection_title(&view, &snapshot, place.collection.as_str()),
            })
        };
        to_bytes(&json!({
            "places": found.iter().map(one).collect::<Vec<_>>(),
            "links": [
                view.links.link("self", JSON, &view.path_and_query),
                view.links.link("root", JSON, "/"),
            ],
        }))
    })
    .await
}

fn named(list: &str) -> Result<Vec<CollectionId>, Problem> {
    let ids: Vec<&str> = list.split(',').filter(|id| !id.is_empty()).collect();
    if ids.len() > COLLECTIONS_MAX {
        let detail = format!("{} collections are named, the limit is {COLLECTIONS_MAX}", ids.len());
        return Err(Problem::invalid("collections", detail).at("collections"));
    }
    ids.into_iter().map(|id| CollectionId::new(id).map_err(|problem| problem.at("collections"))).collect()
}
