//! `/collections` and `/collections/{id}`: reading and writing collections.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use nilometer_indexer::{Outcome, Precondition, Snapshot, StoredCollection, Write};
use nilometer_query::UnknownProperties;
use nilometer_query::parse::{apply_collection_fields, from_query, without_empty};
use nilometer_query::series::parameters;
use nilometer_schemas::{
    Collection, CollectionId, Dialect, Kind, Problem, Scope, Search, Words, text, validate_collection,
};
use serde_json::{Map, Value, json};

use super::ask::{Ask, no_collection, to_bytes};
use super::body::{JsonBody, MergePatch, parse};
use super::collection_view::{collection_json, language_of, searched_body};
use super::items::PATCH_ATTEMPTS_MAX;
use super::merge_patch::merge;
use super::search::{see_other, unknown_links, with_parameter};
use super::writes::{created, no_content, of_condition, precondition, version_of, with_etag, with_warnings, write_one};
use crate::html;
use crate::links::{HTML, JSON, REL_QUERYABLES, SCHEMA_JSON, collection_path};
use crate::problem::ApiError;
use crate::state::App;

/// Most collections on a page, and their number where the caller names no limit, since some clients read one page only.
/// A larger `limit` is clamped.
pub(crate) const LIMIT_MAX: usize = 10_000;

/// One page of collections.
pub(crate) struct CollectionPage<'a> {
    /// The collections, by id.
    pub(crate) collections: Vec<&'a StoredCollection>,
    /// All that match.
    pub(crate) matched: usize,
    /// Token of the next page.
    pub(crate) next: Option<String>,
    /// Token of the page before.
    pub(crate) prev: Option<String>,
    /// What the filter names and no collection has.
    pub(crate) unknown: UnknownProperties,
}

/// What collections may be asked for by.
const QUESTION: [&str; 13] = [
    "bbox",
    "bbox-crs",
    "datetime",
    "fields",
    "filter",
    "filter-crs",
    "filter-lang",
    "limit",
    "q",
    "query",
    "sortby",
    "strict",
    "token",
];

/// `GET /collections`.
pub(super) async fn list(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    let search = question(&app, &ask)?;
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, b"", move || {
        let page = page(&app, &view, &snapshot, &search)?;
        if view.html {
            return Ok(html::collections(&view, &snapshot, &page).into_bytes());
        }
        let mut links = vec![
            view.links.link("self", JSON, &view.path_and_query),
            view.links.link("root", JSON, "/"),
            view.links.link("alternate", HTML, &with_parameter(&view, "f", "html")),
            view.links.link(REL_QUERYABLES, SCHEMA_JSON, "/collections-queryables"),
        ];
        links.extend(unknown_links(&view, &page.unknown, "collection", "/collections-queryables"));
        for (rel, token) in [("prev", &page.prev), ("next", &page.next)] {
            let link = |t: &String| view.links.with_method(rel, JSON, &with_parameter(&view, "token", t), "GET");
            links.extend(token.iter().map(link));
        }
        let answered = |stored: &StoredCollection| {
            let collection = collection_json(&view, &snapshot, stored);
            match &search.fields {
                Some(fields) => apply_collection_fields(collection, fields),
                None => collection,
            }
        };
        let collections: Vec<Value> = page.collections.iter().map(|stored| answered(stored)).collect();
        to_bytes(&json!({
            "collections": collections,
            "links": links,
            "numberMatched": page.matched,
            "numberReturned": page.collections.len(),
        }))
    })
    .await
}

/// `GET /children`: what the catalogue's `child` links lead to, and the collections beyond those that it has room for.
pub(super) async fn children(ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    if ask.html {
        return Ok(see_other(&ask.links.local("/collections")));
    }
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    ask.answer(snapshot.seq_for(ask.scope), JSON, b"", move || {
        let stored = snapshot.collections(view.scope);
        let children: Vec<Value> = stored.iter().map(|stored| collection_json(&view, &snapshot, stored)).collect();
        let links = [view.links.link("self", JSON, &view.path_and_query), view.links.link("root", JSON, "/")];
        to_bytes(&json!({"children": children, "links": links}))
    })
    .await
}

/// The search for collections in an address.
///
/// # Errors
/// The parser's.
fn question(app: &App, ask: &Ask) -> Result<Search, Problem> {
    ask.only(&QUESTION)?;
    let mut pairs = without_empty(&ask.query);
    if !pairs.iter().any(|(name, _)| name == "limit") {
        pairs.push(("limit".into(), LIMIT_MAX.to_string()));
    }
    let mut search = from_query(&pairs, Dialect::Stac, &[])?.search;
    search.token = search.token.map(|token| app.accounts.open_token(&token)).transpose()?;
    Ok(search)
}

fn page<'a>(app: &App, ask: &Ask, snapshot: &'a Snapshot, search: &Search) -> Result<CollectionPage<'a>, Problem> {
    let with_words: Vec<&StoredCollection> = snapshot
        .collections(ask.scope)
        .into_iter()
        .map(AsRef::as_ref)
        .filter(|stored| search.words.as_ref().is_none_or(|words| has_words(&told_words(&stored.collection), words)))
        .collect();
    let bodies: Vec<Map<String, Value>> =
        with_words.iter().map(|stored| searched_body(snapshot, stored, ask.scope)).collect();
    let found = nilometer_query::collections(&bodies.iter().collect::<Vec<_>>(), search)?;
    let collections = found.places.iter().map(|at| with_words[*at]).collect();
    let seal = |token: Option<String>| token.map(|token| app.accounts.seal_token(&token));
    Ok(CollectionPage {
        collections,
        matched: found.number_matched,
        next: seal(found.next),
        prev: seal(found.prev),
        unknown: found.unknown,
    })
}

/// The folded words of the collection's id, title, description and keywords, in any language, text by text.
fn told_words(collection: &Collection) -> Vec<Vec<String>> {
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
    texts.into_iter().map(|text| text::words(text).collect()).collect()
}

/// Letters from which on a word may be cut short without saying so.
const BEGUN_MIN: usize = 4;

/// Whether texts have the words, in any form. There are few collections, so words may be cut short and need not stand together,
/// unless they are quoted.
fn has_words(texts: &[Vec<String>], words: &Words) -> bool {
    let begins = |word: &String| texts.iter().flatten().any(|own| own.starts_with(word.as_str()));
    let has = |word: &String| has_form(texts, word) || word.chars().count() >= BEGUN_MIN && begins(word);
    match words {
        Words::Word(word) => has(word),
        Words::Prefix(word) => begins(word),
        Words::Phrase { words, exact: false } => words.iter().all(has),
        Words::Phrase { words, exact: true } => {
            texts.iter().any(|own| own.windows(words.len()).any(|run| run == words))
        }
        Words::Any(any) => any.iter().any(|words| has_words(texts, words)),
        Words::Group { required, excluded, .. } => {
            required.iter().all(|words| has_words(texts, words))
                // What is not wanted was not cut short.
                && !excluded.iter().any(|words| match words {
                    Words::Word(word) => has_form(texts, word),
                    words => has_words(texts, words),
                })
        }
    }
}

/// Whether texts have a word or another form of it.
fn has_form(texts: &[Vec<String>], word: &str) -> bool {
    let of = |word: &str| nilometer_indexer::stems(word);
    let stems = of(word);
    let is_form = |own: &String| stems.iter().zip(of(own)).any(|(a, b)| a.iter().zip(&b).any(|(a, b)| a == b));
    texts.iter().flatten().any(|own| own == word || is_form(own))
}

/// `GET /collections/{id}`.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = Arc::clone(&ask.snapshot);
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
    let data = data_of(&snapshot, &id, ask.scope);
    let language = language_of(&stored.collection, &ask.languages);
    let mut response = ask
        .answer(stored.seq, JSON, data.as_bytes(), move || to_bytes(&collection_json(&view, &snapshot, &stored)))
        .await?;
    if let Ok(value) = HeaderValue::from_str(&language) {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, value);
    }
    Ok(response)
}

/// What an answer with a collection tells of its data.
fn data_of(snapshot: &Snapshot, id: &str, scope: Scope) -> String {
    let stats = snapshot.collection_stats(id);
    let summaries = nilometer_query::summaries(snapshot, id);
    format!("{stats:?} {:?} {}", parameters(snapshot, id, scope), Value::Object(summaries))
}

/// 204 with the entity tag of the version that a write to the collection's own address left.
async fn written(app: &App, ask: &Ask, id: &str, outcome: &Outcome) -> Result<Response, ApiError> {
    let data = data_of(&*app.view(&ask.principal).await?, id, ask.scope);
    Ok(with_etag(no_content(), version_of(outcome).map(|seq| ask.etag(seq, JSON, data.as_bytes()))))
}

/// `POST /collections`.
pub(super) async fn post(State(app): State<App>, ask: Ask, JsonBody(body): JsonBody) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    ask.only(&[])?;
    let collection = Collection::from_value(body)?;
    let warnings = validate_collection(&collection, app.config.extensions)?;
    let id = collection.id.clone();
    write_one(&app, Write::PutCollection(Box::new(collection), Precondition::Absent)).await?;
    Ok(with_warnings(answer_created(&app, &ask, &id).await?, &warnings))
}

async fn answer_created(app: &App, ask: &Ask, id: &CollectionId) -> Result<Response, ApiError> {
    let snapshot = app.view(&ask.principal).await?;
    // Deleted again by another caller in between: it was created all the same.
    let path = collection_path(id.as_str());
    let (body, etag) = match snapshot.collection(id.as_str(), ask.scope) {
        Some(stored) => {
            let data = data_of(&snapshot, id.as_str(), ask.scope);
            let etag = ask.etag_at(&path, stored.seq, JSON, data.as_bytes());
            (to_bytes(&collection_json(ask, &snapshot, stored))?, Some(etag))
        }
        None => (b"{}".to_vec(), None),
    };
    Ok(with_etag(created(&ask.links.absolute(&path), JSON, body), etag))
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
    let warnings = validate_collection(&collection, app.config.extensions)?;
    let precondition = precondition(&ask.headers, version(&ask, &id))?;
    let id = collection.id.clone();
    let write = Write::PutCollection(Box::new(collection), precondition);
    let answer = match write_one(&app, write).await.map_err(|e| of_condition(e, precondition))? {
        Outcome::Created(_) => answer_created(&app, &ask, &id).await?,
        outcome => written(&app, &ask, id.as_str(), &outcome).await?,
    };
    Ok(with_warnings(answer, &warnings))
}

/// `PATCH /collections/{id}`: JSON merge patch.
pub(super) async fn patch(
    State(app): State<App>,
    Path(id): Path<String>,
    ask: Ask,
    MergePatch(patch): MergePatch,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    if patch.get("id").is_some_and(|v| *v != id.as_str()) {
        let detail = "a collection's id cannot be changed";
        return Err(Problem::new(Kind::Conflict, "identity", detail).at("/id").into());
    }
    for _ in 0..PATCH_ATTEMPTS_MAX {
        let snapshot = app.view(&ask.principal).await?;
        let stored = snapshot.collection(&id, ask.scope).ok_or_else(|| no_collection(&id))?;
        let asked = precondition(&ask.headers, Some(stored.seq))?;
        let patched = patched(&stored.collection.body, &patch)?;
        let warnings = validate_collection(&patched, app.config.extensions)?;
        let write = Write::PutCollection(Box::new(patched), Precondition::Sequence(stored.seq));
        match write_one(&app, write).await {
            Err(error) if error.problem().kind == Kind::PreconditionFailed && asked == Precondition::None => {}
            Err(error) => return Err(error),
            Ok(outcome) => return Ok(with_warnings(written(&app, &ask, &id, &outcome).await?, &warnings)),
        }
    }
    Err(Problem::new(Kind::Conflict, "busy", "the collection kept changing while it was patched; try again").into())
}

fn patched(body: &Map<String, Value>, patch: &Map<String, Value>) -> Result<Collection, ApiError> {
    let target = serde_json::to_string(body).map_err(ApiError::internal)?;
    Ok(Collection::from_value(parse(&merge(&target, patch))?)?)
}

/// `DELETE /collections/{id}`, with its items: 204 also when there was none.
pub(super) async fn delete(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    let precondition = precondition(&ask.headers, version(&ask, &id))?;
    let write = Write::DeleteCollection(CollectionId::new(id)?, precondition);
    write_one(&app, write).await.map_err(|e| of_condition(e, precondition))?;
    Ok(no_content())
}

fn version(ask: &Ask, id: &str) -> Option<u64> {
    ask.snapshot.collection(id, ask.scope).map(|stored| stored.seq)
}

/// All ids that a visitor may see, by id, at most `limit`.
pub(super) async fn public_ids(app: &App, limit: usize) -> Result<Vec<String>, ApiError> {
    let visitor = app.accounts.visitor().await?;
    let snapshot = app.view(&visitor).await?;
    let collections = snapshot.collections(visitor.scope());
    Ok(collections.iter().take(limit).map(|stored| stored.collection.id.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_their_beginning_in_every_language_without_accents() {
        let lakes = Collection::from_value(json!({"id": "LAKES_OPE", "title": "Lakes", "keywords": ["Altimetry"],
            "nilometer:translations": {"fr": {"title": "Hauteurs des réservoirs"}}}))
        .expect("a collection");
        let check = |question: &str, found: bool| {
            let words = Words::all(text::words(question));
            assert_eq!(has_words(&told_words(&lakes), &words), found, "{question}");
        };
        check("lake", true);
        check("RESERVOIR altim", true);
        check("lakes_ope", true);
        check("lake river", false);
        check("akes", false);
        // Other forms, but no beginnings of few letters.
        check("laking", true);
        check("la", false);
        let without = Words::Group {
            required: vec![Words::all(["lakes".to_owned()])],
            optional: vec![],
            excluded: vec![Words::Word("la".into())],
        };
        assert!(has_words(&told_words(&lakes), &without));
    }
}
