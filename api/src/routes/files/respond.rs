//! A file as an answer: conditions, ranges, and what the headers say of it (RFC 9110, RFC 6266, RFC 9530).

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use nilometer_schemas::{Kind, Problem};

use super::range::Wanted;
use crate::body::AsStored;
use crate::files::{ByteStream, Facts, Multihash, Readable};
use crate::http_date;
use crate::links::encode;
use crate::problem::ApiError;
use crate::routes::ask::hex;

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const DIGEST: HeaderName = HeaderName::from_static("digest");
/// A file that a browser opens in spite of all may do nothing there.
const POLICY: &str = "default-src 'none'; sandbox";

/// What is answered beside the file's own facts.
pub(in crate::routes) struct Shown<'a> {
    /// Name under which it is kept.
    pub(in crate::routes) name: &'a str,
    /// Media type.
    pub(in crate::routes) media_type: &'a str,
    /// Whether only the head is asked for.
    pub(in crate::routes) head: bool,
}

/// Answers a request for a file.
///
/// # Errors
/// `PreconditionFailed` if `If-Match` names another state of the file.
pub(in crate::routes) fn respond(
    file: &dyn Readable,
    request: &HeaderMap,
    shown: &Shown<'_>,
) -> Result<Response, ApiError> {
    let facts = file.facts();
    if let Some(response) = unchanged(facts, request)? {
        return Ok(response);
    }
    let response = match wanted(facts, request) {
        Wanted::Unsatisfiable => unsatisfiable(facts),
        Wanted::Whole => {
            let body = || file.read_whole();
            answer(StatusCode::OK, facts, shown, shown.media_type, facts.size, body)?
        }
        Wanted::Parts(parts) => match parts.as_slice() {
            [range] => {
                let length = range.end - range.start;
                let body = || file.read(range.clone());
                let mut response = answer(StatusCode::PARTIAL_CONTENT, facts, shown, shown.media_type, length, body)?;
                set(&mut response, header::CONTENT_RANGE, &content_range(range, facts.size));
                response
            }
            parts => several(file, parts, shown)?,
        },
    };
    Ok(response)
}

/// The first byte of a file that an answer to a request would have, where it would have any.
pub(in crate::routes) fn first_byte(facts: &Facts, request: &HeaderMap) -> Option<u64> {
    match wanted(facts, request) {
        Wanted::Whole => Some(0),
        Wanted::Parts(parts) => parts.first().map(|range| range.start),
        Wanted::Unsatisfiable => None,
    }
}

/// What a request asks for of a file, if the file is the one that the caller has a part of.
fn wanted(facts: &Facts, request: &HeaderMap) -> Wanted {
    let range = text(request, &header::RANGE).filter(|_| is_same(facts, text(request, &header::IF_RANGE)));
    Wanted::read(range, facts.size)
}

/// Whether a client has this very file, by the tag or the date that `If-Range` names (13.1.5).
fn is_same(facts: &Facts, if_range: Option<&str>) -> bool {
    match if_range {
        None => true,
        Some(tag) if tag.starts_with('"') => tag == facts.etag,
        Some(date) => facts.modified.and_then(http_date::write).is_some_and(|modified| modified == date),
    }
}

/// 304 or a failure, where the request's conditions say so (13.2.2).
fn unchanged(facts: &Facts, request: &HeaderMap) -> Result<Option<Response>, Problem> {
    let tags = |name: HeaderName| {
        let lists = request.get_all(name).iter().filter_map(|value| value.to_str().ok());
        lists.flat_map(|list| list.split(',')).map(str::trim)
    };
    let is_weak = facts.etag.starts_with("W/");
    let fails = !tags(header::IF_MATCH).any(|tag| tag == "*" || (!is_weak && tag == facts.etag));
    if request.contains_key(header::IF_MATCH) && fails {
        let detail = "the file is another than If-Match names";
        return Err(Problem::new(Kind::PreconditionFailed, "precondition", detail).at("If-Match"));
    }
    let plain = |tag: &str| tag.trim_start_matches("W/").to_owned();
    let is_held = if request.contains_key(header::IF_NONE_MATCH) {
        tags(header::IF_NONE_MATCH).any(|tag| tag == "*" || plain(tag) == plain(&facts.etag))
    } else {
        let since = text(request, &header::IF_MODIFIED_SINCE).and_then(http_date::parse);
        since.zip(facts.modified).is_some_and(|(since, modified)| modified <= since)
    };
    Ok(is_held.then(|| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        validators(&mut response, facts);
        response
    }))
}

/// An answer with bytes of the file, read only where they are sent.
fn answer(
    status: StatusCode,
    facts: &Facts,
    shown: &Shown<'_>,
    content_type: &str,
    length: u64,
    body: impl FnOnce() -> ByteStream,
) -> Result<Response, ApiError> {
    let mut response = Response::new(if shown.head { Body::empty() } else { Body::from_stream(body()) });
    *response.status_mut() = status;
    validators(&mut response, facts);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if HeaderValue::from_str(content_type).is_ok() {
        set(&mut response, header::CONTENT_TYPE, content_type);
    } else {
        set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    }
    set(&mut response, header::CONTENT_DISPOSITION, &disposition(shown.name));
    if let Some((name, hash)) = facts.checksum.as_ref().and_then(Multihash::registered) {
        let hash = STANDARD.encode(hash);
        set(&mut response, REPR_DIGEST, &format!("{name}=:{hash}:"));
        set(&mut response, DIGEST, &format!("{name}={hash}"));
    }
    // Compression would change length, places and tag.
    response.extensions_mut().insert(AsStored);
    Ok(response)
}

/// Tag, date, and that only its receiver may keep the answer.
fn validators(response: &mut Response, facts: &Facts) {
    set(response, header::ETAG, &facts.etag);
    if let Some(modified) = facts.modified.and_then(http_date::write) {
        set(response, header::LAST_MODIFIED, &modified);
    }
    set(response, header::CACHE_CONTROL, "private, no-cache");
    set(response, header::VARY, "authorization, x-api-key");
}

/// Several ranges as one multipart body (15.3.7.2).
fn several(file: &dyn Readable, parts: &[Range<u64>], shown: &Shown<'_>) -> Result<Response, ApiError> {
    let facts = file.facts();
    let boundary = boundary_of(facts, parts);
    let head = |range: &Range<u64>| {
        let content_range = content_range(range, facts.size);
        format!("\r\n--{boundary}\r\ncontent-type: {}\r\ncontent-range: {content_range}\r\n\r\n", shown.media_type)
    };
    let end = format!("\r\n--{boundary}--\r\n");
    let lengths = parts.iter().map(|range| head(range).len() as u64 + (range.end - range.start));
    let length = lengths.sum::<u64>() + end.len() as u64;
    let ready = |text: String| -> ByteStream { Box::pin(stream::once(async { Ok(Bytes::from(text)) })) };
    let body = || -> ByteStream {
        // A part is read when the one before it has gone out.
        let pieces = parts.iter().flat_map(|range| [ready(head(range)), file.read(range.clone())]);
        let pieces: Vec<ByteStream> = pieces.chain([ready(end)]).collect();
        Box::pin(stream::iter(pieces).flatten())
    };
    answer(
        StatusCode::PARTIAL_CONTENT,
        facts,
        shown,
        &format!("multipart/byteranges; boundary={boundary}"),
        length,
        body,
    )
}

/// A line that no file holds by chance, and the same for the same question.
fn boundary_of(facts: &Facts, parts: &[Range<u64>]) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(facts.etag.as_bytes());
    hash.update(format!("{parts:?}").as_bytes());
    hex(&hash.finalize().as_bytes()[..16])
}

fn unsatisfiable(facts: &Facts) -> Response {
    let detail =
        format!("the file has {} bytes, none of those asked for, or fewer than all ranges together", facts.size);
    let problem = Problem::new(Kind::RangeNotSatisfiable, "range", detail).at("Range");
    let mut response = ApiError::from(problem).into_response();
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", facts.size));
    response
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

/// The file's name for old and new clients: plain characters, and all of them where they differ (RFC 6266, 4.3).
fn disposition(name: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | '/') || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let ascii = if ascii.is_empty() { "file".to_owned() } else { ascii };
    if ascii == name {
        return format!("attachment; filename=\"{ascii}\"");
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", encode(name))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Sets a header whose value is made of plain characters.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_to_old_and_new_clients() {
        assert_eq!(disposition("a b.zip"), "attachment; filename=\"a b.zip\"");
        assert_eq!(
            disposition("é\"/x\r\n.csv"),
            "attachment; filename=\"___x__.csv\"; filename*=UTF-8''%C3%A9%22%2Fx%0D%0A.csv"
        );
        assert_eq!(disposition(""), "attachment; filename=\"file\"; filename*=UTF-8''");
    }

    #[test]
    fn conditions_are_decided_in_the_order_of_the_standard() {
        let modified = http_date::parse("Sun, 06 Nov 1994 08:49:37 GMT");
        let facts = Facts { size: 1, etag: "\"a\"".into(), modified, checksum: None };
        let check = |headers: &[(HeaderName, &'static str)], expected: Result<bool, Kind>| {
            let request: HeaderMap =
                headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
            let got = unchanged(&facts, &request).map(|response| response.is_some()).map_err(|problem| problem.kind);
            assert_eq!(got, expected, "{headers:?}");
        };
        let (later, earlier) = ("Mon, 07 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT");
        check(&[], Ok(false));
        check(&[(header::IF_MATCH, "\"b\", \"a\"")], Ok(false));
        check(&[(header::IF_MATCH, "\"b\"")], Err(Kind::PreconditionFailed));
        check(&[(header::IF_MATCH, "W/\"a\"")], Err(Kind::PreconditionFailed));
        check(&[(header::IF_NONE_MATCH, "W/\"a\"")], Ok(true));
        check(&[(header::IF_NONE_MATCH, "*")], Ok(true));
        check(&[(header::IF_NONE_MATCH, "\"b\""), (header::IF_MODIFIED_SINCE, later)], Ok(false));
        check(&[(header::IF_MODIFIED_SINCE, later)], Ok(true));
        check(&[(header::IF_MODIFIED_SINCE, earlier)], Ok(false));
        assert!(is_same(&facts, None) && is_same(&facts, Some("\"a\"")));
        assert!(is_same(&facts, Some("Sun, 06 Nov 1994 08:49:37 GMT")));
        assert!(!is_same(&facts, Some("\"b\"")) && !is_same(&facts, Some(later)) && !is_same(&facts, Some("W/\"a\"")));
    }
}
