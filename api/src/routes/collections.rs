//! `/collections` and `/collections/{id}`: reading and writing collections.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use nilometer_indexer::{Outcome, Precondition, Snapshot, StoredCollection, Write};
use nilometer_query::series::parameters;
use nilometer_schemas::{Collection, CollectionId, Kind, Problem, text};
use serde_json::{Map, Value, json};

use super::ask::{Ask, hex, no_collection, to_bytes, whole_number};
use super::body::{JsonBody, JsonText, parse};
use super::collection_view::{collection_json, language_of};
use super::merge_patch::merge;
use super::search::with_parameter;
use super::writes::{created, no_content, of_condition, precondition, write_one};
use crate::html;
use crate::links::{HTML, JSON, collection_path};
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// Collections on a page where the caller names no limit: all of most catalogues, since some clients read one page.
const LIMIT_DEFAULT: usize = 1_000;
/// Most collections on a page; a larger `limit` is clamped.
const LIMIT_MAX: usize = 10_000;

/// One page of collections.
pub(crate) struct CollectionPage<'a> {
    /// The collections, by id.
    pub(crate) collections: Vec<&'a StoredCollection>,
    /// All that match.
    pub(crate) matched: usize,
    /// Token of the next page.
    pub(crate) next: Option<String>,
}

/// `GET /collections`.
pub(super) async fn list(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&["limit", "token", "q"])?;
    let limit = match ask.parameter("limit") {
        Some(text) => match usize::try_from(whole_number("limit", text)?).unwrap_or(LIMIT_MAX) {
            0 => return Err(Problem::invalid("limit", "a page holds at least 1 collection").at("limit").into()),
            limit => limit.min(LIMIT_MAX),
        },
        None => LIMIT_DEFAULT,
    };
    let after = ask.parameter("token").map(read_token).transpose()?;
    let snapshot = app.catalog.snapshot();
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, b"", move || {
        let page = page(&view, &snapshot, after.as_deref(), limit);
        if view.html {
            return Ok(html::collections(&view, &snapshot, &page).into_bytes());
        }
        let mut links = vec![
            view.links.link("self", JSON, &view.path_and_query),
            view.links.link("root", JSON, "/"),
            view.links.link("alternate", HTML, &with_parameter(&view, "f", "html")),
        ];
        if let Some(token) = &page.next {
            links.push(view.links.link("next", JSON, &with_parameter(&view, "token", token)));
        }
        let collections: Vec<Value> =
            page.collections.iter().map(|stored| collection_json(&view, &snapshot, stored)).collect();
        to_bytes(&json!({
            "collections": collections,
            "links": links,
            "numberMatched": page.matched,
            "numberReturned": page.collections.len(),
        }))
    })
    .await
}

fn page<'a>(ask: &Ask, snapshot: &'a Snapshot, after: Option<&str>, limit: usize) -> CollectionPage<'a> {
    let words: Vec<String> = text::words(ask.parameter("q").unwrap_or_default()).collect();
    let matching: Vec<&StoredCollection> = snapshot
        .collections(ask.scope)
        .into_iter()
        .map(AsRef::as_ref)
        .filter(|stored| has_words(&stored.collection, &words))
        .collect();
    let matched = matching.len();
    let mut collections: Vec<&StoredCollection> = matching
        .into_iter()
        .filter(|stored| after.is_none_or(|after| stored.collection.id.as_str() > after))
        .take(limit + 1)
        .collect();
    let more = collections.len() > limit;
    collections.truncate(limit);
    let last = if more { collections.last() } else { None };
    CollectionPage { matched, next: last.map(|stored| hex(stored.collection.id.as_str().as_bytes())), collections }
}

/// Whether each word begins a word of the collection's id, title, description or keywords, in any language.
fn has_words(collection: &Collection, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut texts = vec![collection.id.as_str()];
    let translations = collection.body.get(nilometer_schemas::TRANSLATIONS_MEMBER).and_then(Value::as_object);
    let translated = translations.into_iter().flat_map(|t| t.values()).filter_map(Value::as_object);
    for body in std::iter::once(&collection.body).chain(translated) {
        for member in ["title", "description", "keywords"] {
            match body.get(member) {
                Some(Value::String(text)) => texts.push(text),
                Some(Value::Array(list)) => texts.extend(list.iter().filter_map(Value::as_str)),
                _ => {}
            }
        }
    }
    let found: Vec<String> = texts.into_iter().flat_map(text::words).collect();
    words.iter().all(|word| found.iter().any(|f| f.starts_with(word.as_str())))
}

/// The id after which a page begins.
fn read_token(token: &str) -> Result<String, Problem> {
    let bad = || Problem::invalid("token", "the token is not one of this service's").at("token");
    if !token.len().is_multiple_of(2) || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad());
    }
    let mut bytes = Vec::with_capacity(token.len() / 2);
    for i in (0..token.len()).step_by(2) {
        bytes.push(u8::from_str_radix(&token[i..i + 2], 16).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// `GET /collections/{id}`.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = app.catalog.snapshot();
    let stored = snapshot.collection(&id, ask.scope).ok_or_else(|| no_collection(&id))?.clone();
    let view = ask.clone();
    if ask.html {
        return ask
            .answer(snapshot.seq_for(ask.scope), HTML, b"", move || {
                Ok(html::collection(&view, &snapshot, &stored, &app.config)?.into_bytes())
            })
            .await;
    }
    // The tag begins with the record's own version, so that `If-Match` works; extent and parameters change
    // with the data.
    let data = format!("{:?} {:?}", snapshot.collection_stats(&id), parameters(&snapshot, &id, ask.scope));
    let language = language_of(&stored.collection, &ask.languages);
    let mut response = ask
        .answer(stored.seq, JSON, data.as_bytes(), move || to_bytes(&collection_json(&view, &snapshot, &stored)))
        .await?;
    if let Ok(value) = HeaderValue::from_str(&language) {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, value);
    }
    Ok(response)
}

/// `POST /collections`.
pub(super) async fn post(State(app): State<App>, ask: Ask, JsonBody(body): JsonBody) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    let collection = Collection::from_value(body)?;
    let id = collection.id.clone();
    write_one(&app, Write::PutCollection(Box::new(collection), Precondition::Absent)).await?;
    answer_created(&app, &ask, &id)
}

fn answer_created(app: &App, ask: &Ask, id: &CollectionId) -> Result<Response, ApiError> {
    let snapshot = app.catalog.snapshot();
    // Deleted again by another caller in between: it was created all the same.
    let body = match snapshot.collection(id.as_str(), ask.scope) {
        Some(stored) => to_bytes(&collection_json(ask, &snapshot, stored))?,
        None => b"{}".to_vec(),
    };
    Ok(created(&ask.links.absolute(&collection_path(id.as_str())), JSON, body))
}

/// `PUT /collections/{id}`: creates or replaces.
pub(super) async fn put(
    State(app): State<App>,
    Path(id): Path<String>,
    ask: Ask,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    let collection = Collection::from_value(body)?;
    if collection.id.as_str() != id {
        let detail = format!("the collection's id is {:?}, the address names {id:?}", collection.id.as_str());
        return Err(Problem::new(Kind::Conflict, "id-differs", detail).at("/id").into());
    }
    let precondition = precondition(&ask.headers, version(&app, &ask, &id))?;
    let id = collection.id.clone();
    let write = Write::PutCollection(Box::new(collection), precondition);
    match write_one(&app, write).await.map_err(|e| of_condition(e, precondition))? {
        Outcome::Created(_) => answer_created(&app, &ask, &id),
        _ => Ok(no_content()),
    }
}

/// `PATCH /collections/{id}`: JSON merge patch.
pub(super) async fn patch(
    State(app): State<App>,
    Path(id): Path<String>,
    ask: Ask,
    JsonText(text): JsonText,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    let Value::Object(patch) = parse(&text)? else {
        return Err(Problem::invalid("patch", "a merge patch of a collection is a JSON object").into());
    };
    if patch.get("id").is_some_and(|v| *v != id.as_str()) {
        let detail = "a collection's id cannot be changed";
        return Err(Problem::new(Kind::Conflict, "identity", detail).at("/id").into());
    }
    let snapshot = app.catalog.snapshot();
    let stored = snapshot.collection(&id, ask.scope).ok_or_else(|| no_collection(&id))?;
    precondition(&ask.headers, Some(stored.seq))?;
    let patched = patched(&stored.collection.body, &patch)?;
    let write = Write::PutCollection(Box::new(patched), Precondition::Sequence(stored.seq));
    write_one(&app, write).await?;
    Ok(no_content())
}

fn patched(body: &Map<String, Value>, patch: &Map<String, Value>) -> Result<Collection, ApiError> {
    let target = serde_json::to_string(body).map_err(ApiError::internal)?;
    Ok(Collection::from_value(parse(&merge(&target, patch))?)?)
}

/// `DELETE /collections/{id}`, with its items: 204 also when there was none.
pub(super) async fn delete(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    let precondition = precondition(&ask.headers, version(&app, &ask, &id))?;
    write_one(&app, Write::DeleteCollection(CollectionId::new(id)?, precondition)).await?;
    Ok(no_content())
}

fn version(app: &App, ask: &Ask, id: &str) -> Option<u64> {
    app.catalog.snapshot().collection(id, ask.scope).map(|stored| stored.seq)
}

/// All ids that a visitor may see, by id, at most `limit`.
pub(super) async fn public_ids(app: &App, limit: usize) -> Result<Vec<String>, ApiError> {
    let snapshot = app.catalog.snapshot();
    run_blocking(move || {
        let scope = nilometer_schemas::Scope::of(nilometer_schemas::Role::Visitor);
        let collections = snapshot.collections(scope);
        Ok(collections.iter().take(limit).map(|stored| stored.collection.id.as_str().to_owned()).collect())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_anything_else_is_refused() {
        for id in ["a", "é/ü", "SWOT_L2_HR_RIVERSP_REACH"] {
            assert_eq!(read_token(&hex(id.as_bytes())).as_deref(), Ok(id));
        }
        for token in ["a", "zz", "é", "ff", "+1"] {
            assert_eq!(read_token(token).map_err(|p| p.kind), Err(Kind::Invalid), "{token}");
        }
    }

    #[test]
    fn words_are_found_by_their_beginning_in_every_language_without_accents() {
        let lakes = Collection::from_value(json!({"id": "LAKES_OPE", "title": "Lakes", "keywords": ["Altimetry"],
            "nilometer:translations": {"fr": {"title": "Hauteurs des réservoirs"}}}))
        .expect("a collection");
        let check = |question: &str, found: bool| {
            let words: Vec<String> = text::words(question).collect();
            assert_eq!(has_words(&lakes, &words), found, "{question}");
        };
        check("", true);
        check("lake", true);
        check("RESERVOIR altim", true);
        check("lakes_ope", true);
        check("lake river", false);
        check("akes", false);
    }
}
