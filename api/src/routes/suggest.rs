//! `/suggest`: what somebody may mean who types, as they type.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nilometer_schemas::Problem;
use nilometer_schemas::limits::Q_CHARS_MAX;
use serde_json::{Map, Value, json};

use super::ask::{Ask, to_bytes};
use super::collection_view::collection_title;
use crate::html;
use crate::links::{HTML, JSON, item_path, with_query};
use crate::problem::ApiError;
use crate::state::App;
use crate::suggest::{Suggestion, suggest};

/// Suggestions in an answer at most; a larger `limit` is clamped.
pub(crate) const LIMIT_MAX: usize = 20;
/// Suggestions in an answer where the caller names no limit.
pub(crate) const LIMIT_DEFAULT: usize = 12;
/// Parameters of a search whose values are lists.
const LISTS: [&str; 3] = ["collections", "ids", "intersectsRefs"];

/// `GET /suggest`.
pub(super) async fn get(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&["q", "limit"])?;
    let text = ask.parameter("q").unwrap_or_default().to_owned();
    let chars = text.chars().count();
    if chars > Q_CHARS_MAX {
        let problem = Problem::invalid("text-size", format!("the text has {chars} characters")).at("q");
        return Err(problem.allowed(format!("at most {Q_CHARS_MAX} characters")).into());
    }
    let limit = ask.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, b"", move || {
        let one = |suggestion: Suggestion| {
            let collection = suggestion.collection.as_ref().map(|id| id.as_str());
            let pairs = suggestion.sets.iter().map(|(name, value)| (*name, value.as_str()));
            json!({
                "type": suggestion.kind.name(),
                "title": suggestion.title,
                "collection": collection,
                "collectionTitle": collection.map(|id| collection_title(&view, &snapshot, id)),
                "count": suggestion.count,
                "search": members(&suggestion.sets),
                "reading": suggestion.reading.as_ref().map(crate::reading::Reading::to_json),
                "href": view.links.absolute(&with_query("/search", pairs)),
                "page": page(&suggestion).map(|path| view.links.link("alternate", HTML, &path)),
            })
        };
        let found = suggest(&snapshot, &app.vocabularies, &view, &text, limit)?;
        if view.html {
            return Ok(html::suggestions(&view, &snapshot, &text, &found).into_bytes());
        }
        to_bytes(&json!({
            "suggestions": found.into_iter().map(one).collect::<Vec<_>>(),
            "links": [
                view.links.link("self", JSON, &view.path_and_query),
                view.links.link("root", JSON, "/"),
            ],
        }))
    })
    .await
}

/// The parameters as members of a search's body.
fn members(sets: &[(&'static str, String)]) -> Map<String, Value> {
    let value = |name: &str, text: &str| {
        if LISTS.contains(&name) { text.split(',').map(Value::from).collect() } else { Value::from(text) }
    };
    sets.iter().map(|(name, text)| ((*name).to_owned(), value(name, text))).collect()
}

/// The page of the one thing that a suggestion names.
fn page(suggestion: &Suggestion) -> Option<String> {
    let [("collections", collection), ("ids", id)] = suggestion.sets.as_slice() else { return None };
    (!id.contains(',')).then(|| item_path(collection, id))
}
