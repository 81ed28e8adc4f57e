//! `PUT …/assets/{key}`: an operator's file, which becomes the file of an asset.

use std::pin::pin;

use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::Response;
use futures_util::StreamExt;
use nilometer_indexer::{Precondition, StoredItem, Write};
use nilometer_schemas::{Item, Kind, Problem, validate_item};
use serde_json::{Map, Value, json};

use super::found;
use crate::files::{AssetLinks, Expected, Multihash, Received};
use crate::links::{JSON, item_asset_path};
use crate::problem::ApiError;
use crate::routes::ask::{Ask, to_bytes, whole_number};
use crate::routes::body::body_failure;
use crate::routes::items::PATCH_ATTEMPTS_MAX;
use crate::routes::merge_patch::merge_item;
use crate::routes::writes::{created, precondition, write_one};
use crate::state::App;

/// Parameters of an upload.
const PARAMETERS: [&str; 3] = ["store", "file:checksum", "file:size"];
/// The extension that tells size and checksum of files.
const FILE_EXTENSION: &str = "https://stac-extensions.github.io/file/v2.1.0/schema.json";
/// Bytes of an asset's key.
const KEY_BYTES_MAX: usize = 200;

/// Takes a file in and writes it into the item: `href`, `type`, `file:size` and `file:checksum`.
pub(in crate::routes) async fn put(
    State(app): State<App>,
    Path((collection, id, key)): Path<(String, String, String)>,
    ask: Ask,
    request: Request,
) -> Result<Response, ApiError> {
    ask.principal.require_operator()?;
    ask.only(&PARAMETERS)?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
        let detail = format!("the key of an asset has 1 to {KEY_BYTES_MAX} bytes and no control characters");
        return Err(Problem::invalid("asset-key", detail).into());
    }
    let stored = found(&ask.snapshot, &collection, &id, ask.scope).await?;
    precondition(&ask.headers, Some(stored.seq))?;
    let asset = asset_of(&stored, &key)?;
    let expected = expected(&app, &ask, asset.as_ref())?;
    let media_type = ask.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = request.into_body().into_data_stream().map(|piece| piece.map_err(body_failure));
    let received = app.files.receive(ask.parameter("store"), (&collection, &id, &key), &expected, pin!(body)).await?;
    let outcome = update(&app, &ask, &collection, &id, &key, media_type.as_deref(), &received).await;
    let old = match outcome {
        Ok(old) => old,
        Err(error) => {
            app.files.discard(&received.href).await;
            return Err(error);
        }
    };
    if let Some(href) = old.as_ref().and_then(|asset| asset["href"].as_str()) {
        app.files.discard(href).await;
    }
    answer(&app, &ask, &collection, &id, &key, old.is_none()).await
}

/// The stored asset of a key.
fn asset_of(item: &StoredItem, key: &str) -> Result<Option<Value>, ApiError> {
    let mut body: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
    Ok(body["assets"].get_mut(key).map(Value::take))
}

/// What the upload must be: as the request says, else as the item does whose file it is to become. What an item tells of a
/// file that came by an upload is that file's, and no promise of the next.
fn expected(app: &App, ask: &Ask, asset: Option<&Value>) -> Result<Expected, Problem> {
    let told = ask.parameter("file:checksum").map(Multihash::of_upload).transpose()?;
    let awaited = asset.filter(|asset| !app.files.is_upload(asset["href"].as_str().unwrap_or_default()));
    let stored = || awaited?["file:checksum"].as_str().and_then(Multihash::parse);
    let length = ask.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    let size = match ask.parameter("file:size") {
        Some(text) => Some(whole_number("file:size", text)?),
        None => length,
    };
    Ok(Expected { checksum: told.or_else(stored), size })
}

/// Writes the file into the item, whatever else is written there meanwhile; gives back the asset that was there before.
async fn update(
    app: &App,
    ask: &Ask,
    collection: &str,
    id: &str,
    key: &str,
    media_type: Option<&str>,
    received: &Received,
) -> Result<Option<Value>, ApiError> {
    for _ in 0..PATCH_ATTEMPTS_MAX {
        let item = found(&app.view(&ask.principal).await?, collection, id, ask.scope).await?;
        let asked = precondition(&ask.headers, Some(item.seq))?;
        let old = asset_of(&item, key)?;
        let patch = patch(&item, key, old.is_none(), media_type, received)?;
        let patched = Item::parse(&merge_item(item.text.as_str(), &patch), Some(&item.collection))?;
        validate_item(&patched, app.config.extensions)?;
        match write_one(app, Write::PutItem(Box::new(patched), Precondition::Sequence(item.seq))).await {
            Err(error) if error.problem().kind == Kind::PreconditionFailed && asked == Precondition::None => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(old),
        }
    }
    Err(Problem::new(Kind::Conflict, "busy", "the item kept changing while its file was written; try again").into())
}

/// The change of the item, as a merge patch.
fn patch(
    item: &StoredItem,
    key: &str,
    is_new: bool,
    media_type: Option<&str>,
    received: &Received,
) -> Result<Map<String, Value>, ApiError> {
    let mut asset = json!({
        "href": received.href, "file:size": received.size, "file:checksum": received.checksum.to_string(),
    });
    if let Some(media_type) = media_type {
        asset["type"] = media_type.into();
    } else if is_new {
        asset["type"] = "application/octet-stream".into();
    }
    if is_new {
        asset["roles"] = json!(["data"]);
    }
    let body: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
    let mut extensions = body["stac_extensions"].as_array().cloned().unwrap_or_default();
    let has_file =
        |extension: &Value| extension.as_str().is_some_and(|e| e.contains("stac-extensions.github.io/file/"));
    if !extensions.iter().any(has_file) {
        extensions.push(FILE_EXTENSION.into());
    }
    let mut patch = Map::new();
    patch.insert("assets".into(), json!({key: asset}));
    patch.insert("stac_extensions".into(), extensions.into());
    Ok(patch)
}

/// The asset as it is answered now: 201 with its address for a new one, 200 for one that was replaced.
async fn answer(
    app: &App,
    ask: &Ask,
    collection: &str,
    id: &str,
    key: &str,
    is_new: bool,
) -> Result<Response, ApiError> {
    let snapshot = app.view(&ask.principal).await?;
    let item = found(&snapshot, collection, id, ask.scope).await?;
    let shown = AssetLinks::new(app, ask, &snapshot).item(&item);
    let asset = asset_of(&shown, key)?.unwrap_or_default();
    let address = ask.links.absolute(&item_asset_path(collection, id, key));
    let mut response = created(&address, JSON, to_bytes(&asset)?);
    if !is_new {
        *response.status_mut() = axum::http::StatusCode::OK;
        response.headers_mut().remove(header::LOCATION);
    }
    Ok(response)
}
