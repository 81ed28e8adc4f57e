//! One item: reading, creating, replacing, changing, deleting.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header;
use axum::response::Response;
use nilometer_indexer::{Outcome, Precondition, Snapshot, StoredItem, Write};
use nilometer_query::series::{SeriesQuery, Versions, summary};
use nilometer_schemas::{CollectionId, Crs, ExtensionCheck, Item, ItemId, Kind, Problem, validate_item};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::ask::{Ask, no_item, to_bytes};
use super::body::{JsonText, MergePatch, parse};
use super::bulk;
use super::crs;
use super::edr::gather;
use super::merge_patch::{RawMembers, merge_item};
use super::question::visible;
use super::writes::{created, no_content, of_condition, precondition, version_of, with_etag, with_warnings, write_one};
use crate::body::is_bulk;
use crate::files::{AssetLinks, has_series};
use crate::html;
use crate::links::{GEOJSON, HTML, ItemLinks, JSON, item_path};
use crate::problem::ApiError;
use crate::routes::WORKFLOWS;
use crate::state::{App, run_blocking};

/// Times a patch is tried anew when another write came between reading and writing.
/// Of those who patch one item at once, one gets through each time.
pub(super) const PATCH_ATTEMPTS_MAX: usize = 64;

/// `GET /collections/{id}/items/{item}`.
pub(super) async fn get(
    State(app): State<App>,
    Path((collection, id)): Path<(String, String)>,
    ask: Ask,
) -> Result<Response, ApiError> {
    ask.only(if ask.html { &html::SERIES_PARAMETERS } else { &[crs::CRS] })?;
    let crs = crs::asked(&ask)?;
    let snapshot = Arc::clone(&ask.snapshot);
    let (view, reader) = (ask.clone(), snapshot.clone());
    let item = run_blocking(move || {
        Ok(reader.item(&collection, &id, view.scope)?.ok_or_else(|| no_item(&collection, &id))?)
    })
    .await?;
    if ask.html {
        let view = ask.clone();
        // A page also shows the collection, so it lives as long as the snapshot.
        let seq = snapshot.seq_for(ask.scope);
        if let Some(unchanged) = ask.not_modified(&ask.etag(seq, HTML, app.files.tag().as_bytes())) {
            return Ok(unchanged);
        }
        let series = series_of(&ask, &snapshot, &item).await?;
        let item = AssetLinks::new(&app, &ask, &snapshot).item(&item);
        let tag = app.files.tag().as_bytes().to_vec();
        let make = move || Ok(html::item(&view, &snapshot, &item, series.as_ref(), &app.config)?.into_bytes());
        return ask.answer(seq, HTML, &tag, make).await;
    }
    let assets = AssetLinks::new(&app, &ask, &snapshot);
    let variant = variant(&app, &ask, &snapshot, &item);
    let answer = ask.answer(item.seq, GEOJSON, &variant, move || item_json_in(&assets, &item, crs)).await?;
    Ok(crs::named(answer, crs))
}

/// What shapes an item's answer beside its version: observations add assets to it, stores change their addresses.
fn variant(app: &App, ask: &Ask, snapshot: &Snapshot, item: &StoredItem) -> Vec<u8> {
    let series = if has_series(snapshot, item, ask.scope) { "series" } else { "" };
    format!("{series}{}", app.files.tag()).into_bytes()
}

/// An item's answer in a reference system.
fn item_json_in(assets: &AssetLinks, item: &StoredItem, crs: Crs) -> Result<Vec<u8>, ApiError> {
    let bytes = item_json(assets, item);
    if crs == Crs::Crs84 {
        return Ok(bytes);
    }
    let mut value: Value = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
    crs::transform(&mut value, crs);
    to_bytes(&value)
}

/// What the page of a feature shows of its observations; `None` for an item that has none.
async fn series_of(ask: &Ask, snapshot: &Arc<Snapshot>, item: &StoredItem) -> Result<Option<html::Series>, ApiError> {
    let Some(summary) = summary(snapshot, item.collection.as_str(), item.id.as_str(), ask.scope) else {
        return Ok(None);
    };
    let body: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
    let (collection, id) = (&item.collection, item.id.as_str());
    let view =
        html::SeriesView::read(ask, snapshot, collection, id, html::item_title_in(&body, ask.language()), summary)?;
    let Some(view) = view else { return Ok(None) };
    let listing = gather(snapshot, &view.query()?, ask.scope, view.chosen(), html::SERIES_ROWS_MAX).await?;
    if listing.rows.is_empty() {
        check_version(ask, snapshot, &view).await?;
    }
    Ok(Some(html::Series { view, listing }))
}

/// Refuses a version that no observation of the feature has, whenever it was made.
async fn check_version(ask: &Ask, snapshot: &Snapshot, view: &html::SeriesView) -> Result<(), ApiError> {
    let Some(query) = view.query_of_version() else { return Ok(()) };
    if !gather(snapshot, &query, ask.scope, &[], 1).await?.rows.is_empty() {
        return Ok(());
    }
    let all = SeriesQuery { versions: Versions::All, ..query };
    let all = gather(snapshot, &all, ask.scope, &[], html::SERIES_ROWS_MAX).await?;
    let known: BTreeSet<&str> = all.rows.iter().map(|row| row.version.as_str()).filter(|v| !v.is_empty()).collect();
    Err(view.no_such_version(&known.into_iter().collect::<Vec<_>>()).into())
}

/// An item's answer.
pub(super) fn item_json(assets: &AssetLinks, item: &StoredItem) -> Vec<u8> {
    let mut out = Vec::with_capacity(item.text.as_str().len() + 1_024);
    let mut own = ItemLinks::alone(assets.links()).of(item.collection.as_str(), item.id.as_str());
    let text = assets.text(item);
    // Assets that the service delivers have their stored address beside the answered one.
    if assets.may_order(item.collection.as_str()) && text.as_str().contains("\"nilometer:href\"") {
        let mut link = assets.links().with_method("order", JSON, WORKFLOWS, "POST");
        link["body"] = json!({"search": {"collections": [item.collection.as_str()], "ids": [item.id.as_str()]}});
        own.push(',');
        own.push_str(&link.to_string());
    }
    text.render(item.ingested, &own, &mut out);
    out
}

/// `POST /collections/{id}/items`: one item, a FeatureCollection, or newline-delimited items.
pub(super) async fn post(
    State(app): State<App>,
    Path(collection): Path<String>,
    ask: Ask,
    request: Request,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    crs::check_body(&ask)?;
    let collection = visible(&collection, &ask)?;
    if is_bulk(request.headers()) {
        return bulk::ingest(&app, collection, bulk::Method::of(&ask)?, request.into_body()).await;
    }
    ask.only(&[])?;
    let JsonText(text) = JsonText::from_request(request, &app).await?;
    if is_feature_collection(&text)? {
        return create_many(&app, &ask, collection, text).await;
    }
    let item = Item::parse(&text, Some(&collection))?;
    let warnings = validate_item(&item, app.config.extensions)?;
    let id = item.id.clone();
    write_one(&app, Write::PutItem(Box::new(item), Precondition::Absent)).await?;
    Ok(with_warnings(answer_created(&app, &ask, collection, id).await?, &warnings))
}

async fn answer_created(app: &App, ask: &Ask, collection: CollectionId, id: ItemId) -> Result<Response, ApiError> {
    let path = item_path(collection.as_str(), id.as_str());
    let (app, view, snapshot) = (app.clone(), ask.clone(), app.view(&ask.principal).await?);
    let (body, etag) = run_blocking(move || {
        let stored = snapshot.item(collection.as_str(), id.as_str(), view.scope)?;
        // Deleted again by another caller in between: it was created all the same.
        let Some(item) = stored else { return Ok((b"{}".to_vec(), None)) };
        let variant = variant(&app, &view, &snapshot, &item);
        let etag = view.etag_at(&item_path(collection.as_str(), id.as_str()), item.seq, GEOJSON, &variant);
        Ok((item_json(&AssetLinks::new(&app, &view, &snapshot), &item), Some(etag)))
    })
    .await?;
    Ok(with_etag(created(&ask.links.absolute(&path), GEOJSON, body), etag))
}

/// Whether a body is a FeatureCollection; its features are left unread.
fn is_feature_collection(text: &str) -> Result<bool, Problem> {
    match serde_json::from_str::<RawMembers<'_>>(text) {
        Ok(members) => Ok(members.0.iter().any(|(name, raw)| name == "type" && raw.get() == "\"FeatureCollection\"")),
        // What is no object is no item either, whose reader says so.
        Err(_) => parse(text).map(|_| false),
    }
}

/// Creates all items of a FeatureCollection, or none if one is invalid, stands twice or exists already.
async fn create_many(app: &App, ask: &Ask, collection: CollectionId, text: String) -> Result<Response, ApiError> {
    let extensions = app.config.extensions;
    let (items, mut report) = run_blocking(move || Ok(read_features(&text, &collection, extensions)?)).await?;
    let outcomes = app.create_whole(items).await?;
    let refused = outcomes.iter().position(|outcome| matches!(outcome, Outcome::Rejected(_)));
    if let Some((at, Outcome::Rejected(problem))) = refused.map(|at| (at, &outcomes[at])) {
        let detail = format!("{}; nothing was written", problem.detail);
        let problem = Problem { detail, ..problem.clone() };
        return Err(problem.at(format!("/features/{at}/id")).into());
    }
    for (i, outcome) in outcomes.into_iter().enumerate() {
        report.count(i + 1, None, outcome);
    }
    let mut response = created(&ask.links.absolute(&ask.path), JSON, to_bytes(&report.to_json())?);
    response.headers_mut().remove(header::LOCATION);
    Ok(response)
}

/// The items of a FeatureCollection, each from its own text, and a report of what is odd in them.
fn read_features(
    text: &str,
    collection: &CollectionId,
    extensions: ExtensionCheck,
) -> Result<(Vec<Item>, bulk::Report), Problem> {
    let RawMembers(members) =
        serde_json::from_str(text).map_err(|e| Problem::invalid("json", format!("the body is not JSON: {e}")))?;
    let features = members.iter().find(|(name, _)| name == "features").map(|(_, raw)| raw.get()).unwrap_or_default();
    let Ok(features) = serde_json::from_str::<Vec<&RawValue>>(features) else {
        return Err(Problem::invalid("item", "a FeatureCollection has features").at("/features"));
    };
    let mut items = Vec::with_capacity(features.len());
    let mut ids = BTreeSet::new();
    let mut report = bulk::Report::default();
    for (i, feature) in features.iter().enumerate() {
        let item = Item::parse(feature.get(), Some(collection)).map_err(|p| under_feature(p, i))?;
        let warnings = validate_item(&item, extensions).map_err(|p| under_feature(p, i))?;
        report.warn(i + 1, item.id.as_str(), &warnings);
        if !ids.insert(item.id.as_str().to_owned()) {
            let detail = format!("the item {:?} stands twice; nothing was written", item.id.as_str());
            return Err(Problem::new(Kind::Conflict, "exists", detail).at(format!("/features/{i}/id")));
        }
        items.push(item);
    }
    Ok((items, report))
}

fn under_feature(mut problem: Problem, index: usize) -> Problem {
    problem.parameter = Some(format!("/features/{index}{}", problem.parameter.unwrap_or_default()));
    problem
}

/// `PUT /collections/{id}/items/{item}`: creates or replaces.
pub(super) async fn put(
    State(app): State<App>,
    Path((collection, id)): Path<(String, String)>,
    ask: Ask,
    JsonText(text): JsonText,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    crs::check_body(&ask)?;
    let collection = visible(&collection, &ask)?;
    let item = Item::parse(&text, Some(&collection))?;
    if item.id.as_str() != id {
        let detail = format!("the item's id is {:?}, the address names {id:?}", item.id.as_str());
        return Err(Problem::new(Kind::Conflict, "id-differs", detail).at("/id").into());
    }
    let warnings = validate_item(&item, app.config.extensions)?;
    let current = stored(&app, &ask, collection.as_str(), &id).await?.map(|item| item.seq);
    let precondition = precondition(&ask.headers, current)?;
    let id = item.id.clone();
    let write = Write::PutItem(Box::new(item), precondition);
    let answer = match write_one(&app, write).await.map_err(|e| of_condition(e, precondition))? {
        Outcome::Created(_) => answer_created(&app, &ask, collection, id).await?,
        outcome => written(&app, &ask, &outcome),
    };
    Ok(with_warnings(answer, &warnings))
}

/// 204 with the entity tag of the version that a write to the item's own address left.
fn written(app: &App, ask: &Ask, outcome: &Outcome) -> Response {
    with_etag(no_content(), version_of(outcome).map(|seq| ask.etag(seq, GEOJSON, app.files.tag().as_bytes())))
}

/// `PATCH /collections/{id}/items/{item}`: JSON merge patch.
pub(super) async fn patch(
    State(app): State<App>,
    Path((collection, id)): Path<(String, String)>,
    ask: Ask,
    MergePatch(mut patch): MergePatch,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    crs::check_body(&ask)?;
    let collection = visible(&collection, &ask)?;
    // The box belongs to the old geometry: without a new one of the caller it follows from the new geometry.
    if patch.contains_key("geometry") && !patch.contains_key("bbox") {
        patch.insert("bbox".into(), Value::Null);
    }
    for member in ["id", "collection"] {
        let named = if member == "id" { id.as_str() } else { collection.as_str() };
        if patch.get(member).is_some_and(|v| v != named) {
            let detail = format!("an item's {member} cannot be changed");
            return Err(Problem::new(Kind::Conflict, "identity", detail).at(format!("/{member}")).into());
        }
    }
    for _ in 0..PATCH_ATTEMPTS_MAX {
        let item = stored(&app, &ask, collection.as_str(), &id).await?;
        let item = item.ok_or_else(|| no_item(collection.as_str(), &id))?;
        let asked = precondition(&ask.headers, Some(item.seq))?;
        let patched = Item::parse(&merge_item(item.text.as_str(), &patch), Some(&collection))?;
        let warnings = validate_item(&patched, app.config.extensions)?;
        let write = Write::PutItem(Box::new(patched), Precondition::Sequence(item.seq));
        match write_one(&app, write).await {
            Err(error) if error.problem().kind == Kind::PreconditionFailed && asked == Precondition::None => {}
            Err(error) => return Err(error),
            Ok(outcome) => return Ok(with_warnings(written(&app, &ask, &outcome), &warnings)),
        }
    }
    Err(Problem::new(Kind::Conflict, "busy", "the item kept changing while it was patched; try again").into())
}

/// `DELETE /collections/{id}/items/{item}`: 204 also when there was none.
pub(super) async fn delete(
    State(app): State<App>,
    Path((collection, id)): Path<(String, String)>,
    ask: Ask,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    let collection = visible(&collection, &ask)?;
    let current = stored(&app, &ask, collection.as_str(), &id).await?.map(|item| item.seq);
    let precondition = precondition(&ask.headers, current)?;
    let write = Write::DeleteItem(collection, ItemId::new(id)?, precondition);
    write_one(&app, write).await.map_err(|e| of_condition(e, precondition))?;
    Ok(no_content())
}

async fn stored(app: &App, ask: &Ask, collection: &str, id: &str) -> Result<Option<StoredItem>, ApiError> {
    let (snapshot, scope) = (app.view(&ask.principal).await?, ask.scope);
    let (collection, id) = (collection.to_owned(), id.to_owned());
    run_blocking(move || Ok(snapshot.item(&collection, &id, scope)?)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_in_a_feature_points_into_the_collection() {
        let problem = under_feature(Problem::invalid("item", "x").at("/properties/datetime"), 3);
        assert_eq!(problem.parameter.as_deref(), Some("/features/3/properties/datetime"));
        assert_eq!(under_feature(Problem::invalid("item", "x"), 0).parameter.as_deref(), Some("/features/0"));
    }
}
