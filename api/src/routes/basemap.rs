//! `/basemap`: the map beneath the data, from public-domain data built into the program
//! (`api/basemap/ATTRIBUTION.md`).

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::Problem;
use nilometer_tiles::pmtiles::{Archive, gunzip};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ask::{Ask, hex, to_bytes};
use super::tiles::address;
use crate::links::{JSON, MVT};
use crate::problem::ApiError;
use crate::state::App;

static BYTES: &[u8] = include_bytes!("../../basemap/basemap.pmtiles");
/// Hexadecimal digits of the archive's hash in addresses and entity tags.
const VERSION_DIGITS: usize = 12;
/// What a map that shows the tiles says of them.
const ATTRIBUTION: (&str, &str) = (
    "Made with <a href=\"https://www.naturalearthdata.com/\">Natural Earth</a>",
    "Fait avec <a href=\"https://www.naturalearthdata.com/\">Natural Earth</a>",
);
/// For an address that names the archive's version: its bytes never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

struct Basemap {
    archive: Archive,
    version: String,
}

static BASEMAP: LazyLock<Option<Basemap>> = LazyLock::new(|| {
    let version = hex(&Sha256::digest(BYTES))[..VERSION_DIGITS].to_owned();
    Some(Basemap { archive: Archive::open(BYTES)?, version })
});

fn basemap() -> Result<&'static Basemap, ApiError> {
    BASEMAP.as_ref().ok_or_else(|| ApiError::internal("the basemap built into the program cannot be opened"))
}

/// `GET /basemap/tilejson.json`.
pub(super) async fn tilejson(State(_): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let basemap = basemap()?;
    let (first, last) = basemap.archive.zooms();
    let path = format!("/basemap/WebMercatorQuad/{{z}}/{{y}}/{{x}}?v={}", basemap.version);
    let document = json!({
        "tilejson": "3.0.0",
        "name": "Basemap",
        "description": "Land, lakes, rivers, borders and names; borders are de facto, as Natural Earth takes them.",
        "attribution": ask.language().of(ATTRIBUTION.0, ATTRIBUTION.1),
        "scheme": "xyz",
        "tiles": [ask.links.absolute(&path)],
        "minzoom": first,
        "maxzoom": last,
        "bounds": [-180.0, -85.051_129, 180.0, 85.051_129],
        "vector_layers": layers(first, last),
    });
    ask.answer(0, JSON, basemap.version.as_bytes(), move || to_bytes(&document)).await
}

fn layers(first: u8, last: u8) -> Value {
    let (name, rank) = (("name", "Name"), ("rank", "0 for what matters most"));
    let french = ("name_fr", "Name in French, where it is known");
    let layer = |id: &str, fields: &[(&str, &str)]| {
        let fields: serde_json::Map<String, Value> =
            fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
        json!({"id": id, "minzoom": first, "maxzoom": last, "fields": fields})
    };
    json!([
        layer("land", &[]),
        layer("lakes", &[name, rank]),
        layer("rivers", &[name, rank]),
        layer("borders", &[]),
        layer("countries", &[name, french, rank]),
        layer("places", &[name, rank, ("capital", "true for capitals of countries")]),
    ])
}

/// `GET /basemap/WebMercatorQuad/{zoom}/{row}/{col}`.
pub(super) async fn tile(
    State(_): State<App>,
    Path((zoom, row, col)): Path<(String, String, String)>,
    ask: Ask,
) -> Result<Response, ApiError> {
    ask.only(&["v"])?;
    let basemap = basemap()?;
    let address = address(&zoom, &row, &col)?;
    let last = basemap.archive.zooms().1;
    if address.zoom() > last {
        let detail = format!("the basemap has no zoom {zoom}");
        return Err(Problem::not_found("tile", detail).allowed(format!("zoom 0 to {last}")).into());
    }
    let packed = basemap.archive.tile(address);
    let gzip = accepts_gzip(&ask.headers);
    let form = if gzip { "-gz" } else { "" };
    let etag = format!("\"basemap-{}-{zoom}-{row}-{col}{form}\"", basemap.version);
    let forever = ask.parameter("v") == Some(basemap.version.as_str());
    if let Some(mut response) = ask.not_modified(&etag) {
        cache(response.headers_mut(), forever);
        return Ok(response);
    }
    let body = match packed {
        None => Vec::new(),
        Some(packed) if gzip => packed.to_vec(),
        Some(packed) => gunzip(packed).ok_or_else(|| ApiError::internal("a tile of the basemap is damaged"))?,
    };
    let mut response = ask.respond_with(MVT, &etag, Body::from(body));
    let headers = response.headers_mut();
    cache(headers, forever);
    if packed.is_none() {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NO_CONTENT;
    } else if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// The basemap is the same for everybody: only its version and its encoding matter.
fn cache(headers: &mut HeaderMap, forever: bool) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(if forever { FOREVER } else { "no-cache" }));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
}

/// Whether gzip is among the encodings that the caller takes (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let refused = parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_listed_and_not_refused() {
        let check = |value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).expect("a header"));
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        };
        check("gzip, deflate, br", true);
        check("br;q=1.0, GZIP;q=0.5", true);
        check("*", true);
        check("identity", false);
        check("gzip;q=0, br", false);
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
