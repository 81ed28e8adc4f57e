//! Request bodies before any route: size caps, gzip with a cap on growth, and patience with slow senders.

use std::io::Read;
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use nilometer_schemas::{Kind, Problem};
use tower_http::timeout::TimeoutBody;

use crate::config::Limits;
use crate::problem::ApiError;
use crate::state::run_blocking;

/// Media type of a bulk stream.
const NDJSON: &str = "application/x-ndjson";
/// The same without the prefix for unregistered types.
const NDJSON_PLAIN: &str = "application/ndjson";
/// A small body may grow by any factor: up to this many bytes there is no harm in it.
const RATIO_FREE_BYTES: usize = 64 << 10;
/// Bytes that are inflated on the async threads; more goes to those made for work.
const INFLATE_INLINE_BYTES: usize = 16 << 10;

/// Of an answer whose bytes have lengths, places and a tag of their own: it is sent as it is, never compressed on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsStored;

/// Whether the request brings the file of an asset, which is written while it comes and may be long.
pub(crate) fn is_upload(method: &Method, path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    let names = [parts.next(), parts.nth(1), parts.nth(1)];
    method == Method::PUT && names == [Some("collections"), Some("items"), Some("assets")] && parts.count() == 1
}

/// Whether the request is a bulk stream, which is read line by line and may be long.
pub(crate) fn is_bulk(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    [NDJSON, NDJSON_PLAIN].iter().any(|bulk| media_type.eq_ignore_ascii_case(bulk))
}

/// Replaces the body by one that keeps the limits: whole in memory, or a capped stream for bulk.
///
/// # Errors
/// `TooLarge`, `UnsupportedMediaType` for an unknown coding, `Invalid` for damaged gzip or a body that broke off.
pub(crate) async fn prepare(request: Request, limits: &Limits) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(parts, body));
    }
    let upload = is_upload(&parts.method, parts.uri.path());
    let bulk = is_bulk(&parts.headers) || upload;
    let gzip = is_gzip(&parts.headers)?;
    if upload && gzip {
        return Err(unknown_coding().allowed("identity: a file is stored as it comes").into());
    }
    let upload_max = usize::try_from(limits.upload_bytes).unwrap_or(usize::MAX);
    let plain_max = match (upload, bulk) {
        (true, _) => upload_max,
        (_, true) => limits.bulk_bytes,
        (..) => limits.body_bytes,
    };
    let inflated_max = plain_max.min(limits.inflated_bytes);
    let most = if gzip { inflated_max } else { plain_max };
    if content_length(&parts.headers).is_some_and(|length| length > most as u64) {
        return Err(too_large(most).into());
    }
    let patient = Body::new(TimeoutBody::new(Duration::from_secs(limits.body_idle_timeout_s), body));
    if bulk && !gzip {
        return Ok(Request::from_parts(parts, Body::new(Limited::new(patient, most))));
    }
    let mut bytes = collect(patient, most).await?;
    if gzip {
        bytes = inflate(bytes, inflated_max, limits.inflate_ratio).await?;
        parts.headers.remove(CONTENT_ENCODING);
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let codings: Vec<&str> =
        headers.get_all(CONTENT_ENCODING).iter().map(|v| v.to_str().unwrap_or("?").trim()).collect();
    match codings.as_slice() {
        [] => Ok(false),
        [one] if one.eq_ignore_ascii_case("identity") => Ok(false),
        [one] if one.eq_ignore_ascii_case("gzip") => Ok(true),
        _ => Err(unknown_coding().allowed("gzip, identity")),
    }
}

fn unknown_coding() -> Problem {
    Problem::new(Kind::UnsupportedMediaType, "content-encoding", "this coding of a body is not understood")
        .at("Content-Encoding")
}

fn too_large(most: usize) -> Problem {
    Problem::new(Kind::TooLarge, "body-size", format!("the body is larger than {most} bytes"))
        .allowed(format!("{most} bytes; long lists of items as {NDJSON}"))
}

async fn collect(body: Body, most: usize) -> Result<Bytes, ApiError> {
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(most).into()),
        Err(_) => Err(Problem::invalid("body", "the body ended before it was complete, or paused for too long").into()),
    }
}

async fn inflate(bytes: Bytes, most: usize, ratio: usize) -> Result<Bytes, ApiError> {
    if bytes.len() <= INFLATE_INLINE_BYTES {
        return inflate_now(&bytes, most, ratio).map_err(ApiError::from);
    }
    run_blocking(move || inflate_now(&bytes, most, ratio).map_err(ApiError::from)).await
}

fn inflate_now(bytes: &[u8], most: usize, ratio: usize) -> Result<Bytes, Problem> {
    let by_ratio = bytes.len().saturating_mul(ratio).max(RATIO_FREE_BYTES);
    let cap = most.min(by_ratio);
    let mut inflated = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(cap as u64 + 1);
    reader
        .read_to_end(&mut inflated)
        .map_err(|_| Problem::invalid("gzip", "the body is no intact gzip stream").at("Content-Encoding"))?;
    if inflated.len() > cap {
        return Err(if cap == most {
            too_large(most)
        } else {
            Problem::new(Kind::TooLarge, "inflate-ratio", format!("the body grows more than {ratio} times"))
        });
    }
    Ok(inflated.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn limits() -> Limits {
        crate::config::Config::default().limits
    }

    async fn check(headers: &[(&'static str, &str)], body: Vec<u8>, expected: Result<usize, &str>) {
        let mut request = Request::new(Body::from(body));
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header value"));
        }
        let found = match prepare(request, &limits()).await {
            Ok(request) => match request.into_body().collect().await {
                Ok(collected) => Ok(collected.to_bytes().len()),
                Err(_) => Err("stream"),
            },
            Err(error) => Err(error.problem().code),
        };
        assert_eq!(found, expected, "{headers:?}");
    }

    #[tokio::test]
    async fn bodies_within_the_limit_pass_and_larger_ones_do_not() {
        let most = limits().body_bytes;
        check(&[], vec![b' '; most], Ok(most)).await;
        check(&[], vec![b' '; most + 1], Err("body-size")).await;
        check(&[("content-length", "99999999")], vec![b' '; 3], Err("body-size")).await;
        check(&[("content-type", "application/x-ndjson")], vec![b' '; 3 * most], Ok(3 * most)).await;
    }

    #[tokio::test]
    async fn gzip_is_inflated_and_bombs_are_refused() {
        let noise: Vec<u8> = (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        check(&[("content-encoding", "gzip")], gzip(&noise), Ok(800_000)).await;
        check(&[("content-encoding", "gzip")], gzip(&vec![0; 60_000]), Ok(60_000)).await;
        check(&[("content-encoding", "gzip")], gzip(&vec![0; 900_000]), Err("inflate-ratio")).await;
        check(&[("content-encoding", "gzip")], gzip(&noise.repeat(2)), Err("body-size")).await;
        let bulk = [("content-encoding", "gzip"), ("content-type", "application/x-ndjson; charset=utf-8")];
        check(&bulk, gzip(&noise.repeat(5)), Ok(4_000_000)).await;
        check(&bulk, gzip(&vec![0; 64 << 20]), Err("inflate-ratio")).await;
    }

    #[test]
    fn an_upload_is_known_by_its_address() {
        let check =
            |method: Method, path: &str, expected: bool| assert_eq!(is_upload(&method, path), expected, "{path}");
        check(Method::PUT, "/collections/a/items/b/assets/c", true);
        check(Method::PUT, "/collections/a%2Fb/items/b/assets/c%2Fd", true);
        check(Method::POST, "/collections/a/items/b/assets/c", false);
        check(Method::PUT, "/collections/a/items/b", false);
        check(Method::PUT, "/collections/a/items/b/assets", false);
        check(Method::PUT, "/collections/a/items/b/assets/c/link", false);
        check(Method::PUT, "/x/collections/a/items/b/assets/c", false);
    }

    #[tokio::test]
    async fn other_codings_and_damaged_gzip_are_refused() {
        check(&[("content-encoding", "br")], vec![1, 2, 3], Err("content-encoding")).await;
        check(&[("content-encoding", "identity")], vec![1, 2, 3], Ok(3)).await;
        let mut cut = gzip(b"a body that is cut off");
        cut.truncate(cut.len() - 6);
        check(&[("content-encoding", "gzip")], cut, Err("gzip")).await;
    }
}
