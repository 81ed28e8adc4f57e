//! Files inside the binary: scripts, styles and pictures of the pages, built from `portal/`.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::Problem;

use crate::problem::ApiError;

/// A file served under a name that changes with its content.
struct Asset {
    /// Logical name, for files that pages name; empty for those that other files name.
    role: &'static str,
    /// Name with the content's hash.
    name: &'static str,
    media_type: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/portal/assets.rs"));

/// Path of the file that pages know by this logical name, such as `main.js`.
///
/// # Panics
/// If the build made no such file, as a test would show.
pub(crate) fn asset_path(role: &str) -> String {
    let asset = ASSETS.iter().find(|a| a.role == role).expect("the build makes every file that a page names");
    format!("/assets/{}", asset.name)
}

/// A coding of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Plain,
}

impl Coding {
    /// The densest coding that the caller takes.
    fn accepted(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
        let mut best = Self::Plain;
        for range in lists.flat_map(|list| list.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let refused = parts.filter_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok()).any(|q| q <= 0.0);
            match coding {
                _ if refused => {}
                "br" => return Self::Brotli,
                "gzip" => best = Self::Gzip,
                _ => {}
            }
        }
        best
    }

    /// Its name in `Content-Encoding`.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
        }
    }
}

/// `GET /assets/{name}`.
pub(super) async fn get(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|a| a.name == name);
    let asset = asset.ok_or_else(|| Problem::not_found("asset-not-found", format!("there is no file {name:?}")))?;
    let coding = Coding::accepted(&headers);
    let bytes = match coding {
        Coding::Brotli => asset.brotli,
        Coding::Gzip => asset.gzip,
        Coding::Plain => asset.plain,
    };
    // The name holds the content's hash; the coding makes other bytes of it.
    let etag = format!("\"{}.{}\"", asset.name, coding.name().unwrap_or("plain"));
    let held = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let held = held.is_some_and(|list| list.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let mut response = Response::new(if held { Body::empty() } else { Body::from(bytes) });
    if held {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(name) = coding.name() {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    Ok(response)
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub(super) async fn favicon(headers: HeaderMap) -> Result<Response, ApiError> {
    let name = asset_path("favicon.svg").trim_start_matches("/assets/").to_owned();
    let mut response = get(Path(name), headers).await?;
    // This name does not change with the content.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn asking(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header value"))])
    }

    #[tokio::test]
    async fn an_asset_is_found_by_its_hashed_name_only_and_not_sent_twice() {
        for role in ["main.js", "theme.js", "portal.css", "favicon.svg", "land.svg"] {
            let name = asset_path(role).trim_start_matches("/assets/").to_owned();
            let response = get(Path(name.clone()), HeaderMap::new()).await.expect("there");
            let etag = response.headers()[header::ETAG].to_str().expect("ASCII");
            let again = get(Path(name), asking(header::IF_NONE_MATCH, etag)).await.expect("there");
            assert_eq!((response.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
            assert!(get(Path(role.into()), HeaderMap::new()).await.is_err(), "{role}");
        }
    }

    #[tokio::test]
    async fn an_asset_comes_in_the_densest_coding_that_the_caller_takes() {
        let name = asset_path("portal.css").trim_start_matches("/assets/").to_owned();
        let mut lengths = Vec::new();
        for (accepted, coding) in
            [("br, gzip", Some("br")), ("gzip, deflate", Some("gzip")), ("gzip, br;q=0", Some("gzip")), ("", None)]
        {
            let response = get(Path(name.clone()), asking(header::ACCEPT_ENCODING, accepted)).await.expect("there");
            let got = response.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok());
            assert_eq!(got, coding, "{accepted}");
            lengths.push(response.into_body().collect().await.expect("bytes").to_bytes().len());
        }
        assert!(lengths[0] < lengths[1] && lengths[1] == lengths[2] && lengths[2] < lengths[3], "{lengths:?}");
    }
}
