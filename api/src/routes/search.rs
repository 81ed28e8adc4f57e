//! `/search` and `/collections/{id}/items`: the question answered with a page of items.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_indexer::Snapshot;
use nilometer_query::parse::Request;
use nilometer_query::{Page, UnknownProperties, Widened};
use nilometer_schemas::{CollectionId, Crs, Dialect, Kind, Problem, Scope, Search};
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::body::JsonBody;
use super::crs;
use super::default_order;
use super::export;
use super::feature_page::feature_collection;
use super::orders;
use super::property_parameters::read_properties;
use super::question::{from_address, from_body, from_pairs, interpret, interpret_body, sealed, visible, within};
use super::searches::load;
use super::tiles::tileset_link;
use crate::files::AssetLinks;
use crate::html::{self, Refusal};
use crate::links::{GEOJSON, HTML, JSON, SCHEMA_JSON, collection_path, with_query};
use crate::metrics::Shape;
use crate::problem::ApiError;
use crate::reading::Reading;
use crate::state::App;

/// Items on a page for people where they name no limit.
const HTML_LIMIT_DEFAULT: usize = 20;
/// Items on a page for people at most: a larger `limit` is clamped, as for programs.
const HTML_LIMIT_MAX: usize = 200;

/// `GET /search`.
pub(super) async fn get(State(app): State<App>, mut ask: Ask) -> Result<Response, ApiError> {
    if ask.html {
        return search_page(&app, ask, None).await;
    }
    let reading = interpret(&app, &mut ask).await?;
    let question = from_address(&app, &ask, &[])?;
    answer_get(&app, ask, question, None, (Crs::Crs84, reading)).await
}

/// `GET /collections/{id}/items`.
pub(super) async fn get_items(
    State(app): State<App>,
    Path(id): Path<String>,
    mut ask: Ask,
) -> Result<Response, ApiError> {
    let collection = visible(&id, &ask)?;
    read_properties(&mut ask, &collection)?;
    if ask.html {
        return search_page(&app, ask, Some(collection)).await;
    }
    let reading = interpret(&app, &mut ask).await?;
    let crs = crs::asked(&ask)?;
    let Request { search, mut canonical } = from_address(&app, &ask, &[crs::CRS])?;
    canonical["collections"] = json!([collection.as_str()]);
    let question = Request { search: within(search, &collection)?, canonical };
    Ok(crs::named(answer_get(&app, ask, question, Some(collection), (crs, reading)).await?, crs))
}

/// `POST /search`.
pub(super) async fn post(State(app): State<App>, ask: Ask, JsonBody(mut body): JsonBody) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let reading = interpret_body(&app, &ask, &mut body).await?.map(|reading| reading.to_json());
    let request = from_body(&app, body, &[])?;
    let snapshot = snapshot_of(&app, &request.search, &ask)?;
    let (read, variant) = (reading.as_ref().unwrap_or(&Value::Null), variant(&request.search, &snapshot));
    let canonical = format!("{}{read}{variant}{}", request.canonical, app.files.tag());
    let (view, app) = (ask.clone(), Arc::clone(&app));
    ask.answer(snapshot.seq_for(ask.scope), GEOJSON, canonical.as_bytes(), move || {
        let Request { search, canonical } = request;
        let page = page_of(&app, &snapshot, &search, view.scope)?;
        let mut links = vec![view.links.link("self", GEOJSON, "/search"), view.links.link("root", JSON, "/")];
        links.extend(warnings(&view, &snapshot, &search));
        links.extend(page.widened.iter().map(|word| widened_link(&view, word)));
        links.extend(orders::link(&view, canonical.clone()));
        for (rel, token) in [("prev", &page.prev), ("next", &page.next)] {
            let Some(token) = token else { continue };
            let mut other: Map<String, Value> = canonical.as_object().cloned().unwrap_or_default();
            other.remove("page");
            other.insert("limit".into(), search.limit.into());
            other.insert("token".into(), token.as_str().into());
            links.push(view.links.page_of_post(rel, GEOJSON, "/search", other));
        }
        let assets = AssetLinks::new(&app, &view, &snapshot);
        feature_collection(&page, search.fields.as_ref(), Crs::Crs84, &assets, &links, reading.as_ref())
    })
    .await
}

/// Answers a question that came in an address; the next page is the same address with a token.
pub(super) async fn answer_get(
    app: &App,
    ask: Ask,
    question: Request,
    collection: Option<CollectionId>,
    (crs, reading): (Crs, Option<Reading>),
) -> Result<Response, ApiError> {
    let Request { search, canonical } = question;
    let snapshot = snapshot_of(app, &search, &ask)?;
    let reading = reading.map(|reading| reading.to_json());
    let read = reading.as_ref().map(Value::to_string).unwrap_or_default();
    let read = read + &variant(&search, &snapshot) + app.files.tag();
    let (view, app) = (ask.clone(), Arc::clone(app));
    ask.answer(snapshot.seq_for(ask.scope), GEOJSON, read.as_bytes(), move || {
        let page = page_of(&app, &snapshot, &search, view.scope)?;
        let mut links = vec![
            view.links.link("self", GEOJSON, &view.path_and_query),
            view.links.link("root", JSON, "/"),
            view.links.link("alternate", HTML, &with_parameter(&view, "f", "html")),
        ];
        let base = collection.as_ref().map(|id| collection_path(id.as_str())).unwrap_or_default();
        if view.path.ends_with("/search") || collection.is_some() {
            links.push(tileset_link(&view.links, &base, &view.query));
        }
        if let Some(collection) = &collection {
            links.push(view.links.link("parent", JSON, &collection_path(collection.as_str())));
            links.push(view.links.link("collection", JSON, &collection_path(collection.as_str())));
        }
        links.extend(export::links(&view));
        links.extend(orders::link(&view, canonical));
        links.extend(warnings(&view, &snapshot, &search));
        links.extend(page.widened.iter().map(|word| widened_link(&view, word)));
        for (rel, token) in [("prev", &page.prev), ("next", &page.next)] {
            links.extend(token.iter().map(|t| view.links.with_method(rel, GEOJSON, &page_at(&view, t), "GET")));
        }
        let assets = AssetLinks::new(&app, &view, &snapshot);
        feature_collection(&page, search.fields.as_ref(), crs, &assets, &links, reading.as_ref())
    })
    .await
}

/// Links that tell which properties of the filter no item in question has, and which known ones are nearest: each leads
/// to the queryables and has the two names as members of its own.
pub(super) fn warnings(ask: &Ask, snapshot: &Snapshot, search: &Search) -> Vec<Value> {
    let unknown = nilometer_query::unknown_properties(snapshot, search, ask.scope);
    let base = match search.collections.as_slice() {
        [one] if snapshot.collection(one.as_str(), ask.scope).is_some() => collection_path(one.as_str()),
        _ => String::new(),
    };
    unknown_links(ask, &unknown, "item", &format!("{base}/queryables"))
}

/// A link for each unknown property to where the known ones are.
pub(super) fn unknown_links(ask: &Ask, unknown: &UnknownProperties, who: &str, path: &str) -> Vec<Value> {
    let mut links = Vec::with_capacity(unknown.listed.len());
    for property in &unknown.listed {
        let mut title = property.sentence(who);
        if unknown.more > 0 {
            title.push_str(&format!("; {} more of the filter's properties are unknown", unknown.more));
        }
        let mut link = ask.links.titled("related", SCHEMA_JSON, path, &title);
        link["unknown"] = property.name.as_str().into();
        if let Some(nearest) = &property.nearest {
            link["nearest"] = nearest.as_str().into();
        }
        links.push(link);
    }
    links
}

/// A link that tells of a word that no item has and of those taken besides; it leads to what may have been meant.
pub(super) fn widened_link(ask: &Ask, widened: &Widened) -> Value {
    let Widened { word, taken } = widened;
    let title = format!("no item has the word {word:?}; taken for it: {}", taken.join(", "));
    let mut link = ask.links.titled("related", JSON, &with_query("/suggest", [("q", word.as_str())]), &title);
    link["word"] = word.as_str().into();
    link["taken"] = taken.as_slice().into();
    link
}

/// The snapshot that answers a question: the newest, or for a further page by relevance that of the first.
fn snapshot_of(app: &App, search: &Search, ask: &Ask) -> Result<Arc<Snapshot>, Problem> {
    let newest = Arc::clone(&ask.snapshot);
    let held = nilometer_query::held_snapshot(search)?;
    let held = held.and_then(|number| app.held.get(number, &newest, ask.scope, (app.clock)()));
    let snapshot = held.unwrap_or(newest);
    if nilometer_query::is_by_relevance(search) {
        // Whoever has this page already, and is told so, may go on from it as well.
        app.held.keep(&snapshot, (app.clock)());
    }
    Ok(snapshot)
}

/// What tells answers of one question apart beside the newest write: an order by relevance is of one snapshot.
fn variant(search: &Search, snapshot: &Snapshot) -> String {
    if nilometer_query::is_by_relevance(search) { snapshot.number().to_string() } else { String::new() }
}

/// The page that answers a question; the metrics are told.
fn page_of(app: &App, snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Page, ApiError> {
    let begin = Instant::now();
    let page = nilometer_query::search(snapshot, search, scope)?;
    app.metrics.searched(Shape::of(search), Some(page.number_matched), begin.elapsed());
    Ok(sealed(app, page))
}

/// The request's path with its parameters and one of them set.
pub(crate) fn with_parameter(ask: &Ask, name: &str, value: &str) -> String {
    with_query(&ask.path, ask.kept(&[name]).chain([(name, value)]))
}

/// The request's path with the token of another page, which takes the place of a page's number.
fn page_at(ask: &Ask, token: &str) -> String {
    with_query(&ask.path, ask.kept(&["page", "token"]).chain([("token", token)]))
}

/// What a page of results shows.
pub(crate) struct Results {
    /// The question; its collections include the address's.
    pub(crate) search: Search,
    /// The collection of the address.
    pub(crate) collection: Option<CollectionId>,
    /// The items.
    pub(crate) page: Page,
}

impl Results {
    /// Id of the collection of the address.
    pub(crate) fn collection(&self) -> Option<&str> {
        self.collection.as_ref().map(CollectionId::as_str)
    }
}

/// Parameter of the form with the words that are not to be read as a sentence.
pub(crate) const UNREAD: &str = "unread";
/// Parameter of a page that names a kept question; the page asks it together with the other parameters.
const KEPT: &str = "search";

async fn search_page(app: &App, mut ask: Ask, collection: Option<CollectionId>) -> Result<Response, ApiError> {
    let snapshot = Arc::clone(&ask.snapshot);
    let sentence = ask.parameter("q").unwrap_or_default().to_owned();
    let is_sentence = ask.parameter("interpret") == Some("true");
    keep_unread(&mut ask);
    if interpret(app, &mut ask).await?.is_some() {
        ask.query.retain(|(name, _)| name != "read");
        ask.query.push(("read".into(), sentence));
    }
    match html::clean_search_address(&ask, &snapshot) {
        // What was read stands in the address, where each part can be taken away.
        Ok(None) if is_sentence => return Ok(see_other(&ask.links.local(&html::address(&ask)))),
        Ok(None) => {}
        Ok(Some(clean)) => return Ok(see_other(&ask.links.local(&clean))),
        Err(refusal) => return refused(&ask, &snapshot, collection.as_ref(), refusal),
    }
    match answer_page(app, &ask, &snapshot, collection.clone()).await {
        Err(error) if error.problem().kind == Kind::Invalid => {
            refused(&ask, &snapshot, collection.as_ref(), error.problem().clone().into())
        }
        answer => answer,
    }
}

/// Leaves words as words that somebody asked not to be read, as long as they are the same.
fn keep_unread(ask: &mut Ask) {
    let is_unread = ask.parameter(UNREAD).is_some_and(|text| ask.parameter("q") == Some(text));
    ask.query.retain(|(name, _)| name != UNREAD);
    if is_unread {
        for (_, value) in ask.query.iter_mut().filter(|(name, _)| name == "interpret") {
            *value = "words".into();
        }
    }
}

/// The form again, with what is wrong.
fn refused(
    ask: &Ask,
    snapshot: &Snapshot,
    collection: Option<&CollectionId>,
    refusal: Refusal,
) -> Result<Response, ApiError> {
    if refusal.problem.kind != Kind::Invalid {
        return Err(refusal.problem.into());
    }
    let page = html::refused_search(ask, snapshot, collection.map(CollectionId::as_str), &refusal);
    Ok(bad_request(ask, page))
}

/// A page that says what was not understood.
pub(super) fn bad_request(ask: &Ask, page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(ask.language().tag()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-language"));
    response
}

async fn answer_page(
    app: &App,
    ask: &Ask,
    snapshot: &Arc<Snapshot>,
    collection: Option<CollectionId>,
) -> Result<Response, ApiError> {
    let mut search = page_question(app, ask).await?;
    if search.page.get() > 1 {
        // Their order may be made of several searches, through which tokens alone lead.
        let detail = "pages for people follow each other by their links, not by number";
        return Err(Problem::invalid("invalid-parameter", detail).at("page").allowed("1").into());
    }
    search.fields = None;
    search.limit = search.limit.min(HTML_LIMIT_MAX);
    if let Some(collection) = &collection {
        search = within(search, collection)?;
    }
    let has_default_order = search.sortby.is_empty() && search.words.is_none();
    if search.sortby.is_empty() {
        search.sortby = default_order::with_words(&search);
    }
    let snapshot = if has_default_order { snapshot.clone() } else { snapshot_of(app, &search, &ask)? };
    let now = default_order::hour((app.clock)());
    let (view, app) = (ask.clone(), Arc::clone(app));
    // What is to come depends on the clock.
    let hour = if has_default_order { now.to_string() } else { variant(&search, &snapshot) };
    ask.answer(snapshot.seq_for(ask.scope), HTML, hour.as_bytes(), move || {
        let page = if has_default_order {
            let begin = Instant::now();
            let page = default_order::page(&snapshot, &search, now, view.scope)?;
            app.metrics.searched(Shape::of(&search), Some(page.number_matched), begin.elapsed());
            sealed(&app, page)
        } else {
            page_of(&app, &snapshot, &search, view.scope)?
        };
        Ok(html::results(&view, &snapshot, &Results { search, collection, page }, &app.config)?.into_bytes())
    })
    .await
}

/// The question of a page: its parameters, and for those that it lacks the members of the kept question it names.
async fn page_question(app: &App, ask: &Ask) -> Result<Search, ApiError> {
    let request = from_pairs(app, ask.query.clone(), &[KEPT, crs::CRS], HTML_LIMIT_DEFAULT, Dialect::Stac)?;
    let Some(id) = ask.parameter(KEPT) else { return Ok(request.search) };
    let (mut whole, kept) = (request.canonical, load(app, id).await?);
    if let (Some(members), Value::Object(kept)) = (whole.as_object_mut(), kept) {
        for (name, value) in kept {
            members.entry(name).or_insert(value);
        }
    }
    Ok(from_body(app, whole, &[])?.search)
}

pub(super) fn see_other(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}
