//! Files inside the binary: the style sheet and pictures of the pages.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::Problem;
use sha2::{Digest, Sha256};

use super::ask::hex;
use crate::problem::ApiError;

/// Hexadecimal digits of the content hash in an asset's name.
const HASH_DIGITS: usize = 12;

/// A file served under a name that changes with its content.
struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: [Asset; 3] = [
    Asset {
        stem: "nilometer",
        extension: "css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/nilometer.css"),
    },
    Asset {
        stem: "favicon",
        extension: "svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/favicon.svg"),
    },
    Asset {
        stem: "land",
        extension: "svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/land.svg"),
    },
];

static HASHES: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|a| hex(&Sha256::digest(a.bytes))[..HASH_DIGITS].to_owned()).collect());

fn path(index: usize) -> String {
    let asset = &ASSETS[index];
    format!("/assets/{}-{}.{}", asset.stem, HASHES[index], asset.extension)
}

/// Path of the style sheet.
pub(crate) fn style_path() -> String {
    path(0)
}

/// Path of the icon.
pub(crate) fn icon_path() -> String {
    path(1)
}

/// Path of the outline of the continents.
pub(crate) fn land_path() -> String {
    path(2)
}

/// `GET /assets/{name}`.
pub(super) async fn get(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let found = (0..ASSETS.len()).find(|index| path(*index).strip_prefix("/assets/") == Some(name.as_str()));
    let index = found.ok_or_else(|| Problem::not_found("asset-not-found", format!("there is no file {name:?}")))?;
    let asset = &ASSETS[index];
    let etag = format!("\"{}\"", HASHES[index]);
    let held = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let held = held.is_some_and(|list| list.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let mut response = Response::new(if held { Body::empty() } else { Body::from(asset.bytes) });
    if held {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    Ok(response)
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub(super) async fn favicon(headers: HeaderMap) -> Result<Response, ApiError> {
    let name = icon_path().trim_start_matches("/assets/").to_owned();
    let mut response = get(Path(name), headers).await?;
    // This name does not change with the content.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_asset_is_found_by_its_hashed_name_only_and_not_sent_twice() {
        for path in [style_path(), icon_path(), land_path()] {
            let name = path.trim_start_matches("/assets/").to_owned();
            let response = get(Path(name.clone()), HeaderMap::new()).await.expect("there");
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, response.headers()[header::ETAG].clone());
            let again = get(Path(name), headers).await.expect("there");
            assert_eq!((response.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        }
        assert!(get(Path("nilometer.css".into()), HeaderMap::new()).await.is_err());
    }
}
