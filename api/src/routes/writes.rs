//! What every write shares: `If-Match` and `If-None-Match`, and the way from an outcome to a status.

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use nilometer_indexer::{Outcome, Precondition, Write};
use nilometer_schemas::{Finding, Kind, Problem};

use super::body::PATCH_TYPES;
use crate::problem::ApiError;
use crate::state::App;

/// What a patch may be (RFC 5789, 3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// Addresses that take patches.
const PATCHED: [&str; 2] = ["/collections/{collection}", "/collections/{collection}/items/{item}"];

/// Header of an answer to a write that tells what a schema of an extension does not allow, with a JSON pointer.
const WARNING: HeaderName = HeaderName::from_static("nilometer-warning");

/// Says of what takes patches which ones: to whoever reads it, asks for its methods, or sent one of another type.
pub(crate) async fn accept_patch(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let takes = path.is_some_and(|path| PATCHED.contains(&path));
    let asks = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let mut response = next.run(request).await;
    if takes && (asks || response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE) {
        response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(PATCH_TYPES));
    }
    response
}

/// The answer with the entity tag of what was written.
pub(super) fn with_etag(mut response: Response, etag: Option<String>) -> Response {
    if let Some(value) = etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The sequence number of what an outcome left stored.
pub(super) fn version_of(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Created(seq) | Outcome::Replaced(seq) | Outcome::Unchanged(seq) => Some(*seq),
        _ => None,
    }
}

/// The precondition of a write. `current` is the stored record's sequence number; the catalogue checks it once more
/// when it writes, so nobody's write between the two is lost.
///
/// # Errors
/// `PreconditionFailed` if no tag of `If-Match` names the stored record, or one of `If-None-Match` does.
pub(super) fn precondition(headers: &HeaderMap, current: Option<u64>) -> Result<Precondition, Problem> {
    let failed = |detail: &str| Problem::new(Kind::PreconditionFailed, "precondition", detail);
    let tags = |name: HeaderName| {
        let lists = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
        lists.flat_map(|list| list.split(',')).map(str::trim)
    };
    let mut none_match = tags(header::IF_NONE_MATCH);
    // Compared weakly (RFC 9110, 13.1.2). A later version has a number that nobody can name yet.
    if current.is_some() && none_match.any(|tag| tag == "*" || sequence_of(tag.trim_start_matches("W/")) == current) {
        return Err(failed("the stored version is one that If-None-Match names").at("If-None-Match"));
    }
    if headers.contains_key(header::IF_MATCH) {
        let current = current.ok_or_else(|| failed("If-Match names a version, and nothing is stored here"))?;
        for tag in tags(header::IF_MATCH) {
            if tag == "*" {
                return Ok(Precondition::Present);
            }
            if sequence_of(tag) == Some(current) {
                return Ok(Precondition::Sequence(current));
            }
        }
        return Err(failed("the stored version is another than If-Match names").at("If-Match"));
    }
    if tags(header::IF_NONE_MATCH).any(|tag| tag == "*") {
        return Ok(Precondition::Absent);
    }
    Ok(Precondition::None)
}

/// The sequence number in an item's or collection's entity tag; weak tags never match (RFC 9110, 13.1.1).
fn sequence_of(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.split('-').next()?.parse().ok()
}

/// Writes one record and waits until it is durable and visible.
///
/// # Errors
/// The catalogue's, and the problem of a rejected write.
pub(super) async fn write_one(app: &App, write: Write) -> Result<Outcome, ApiError> {
    let mut outcomes = app.write(vec![write]).await?;
    match outcomes.pop() {
        Some(Outcome::Rejected(problem)) => Err(problem.into()),
        Some(outcome) => Ok(outcome),
        None => Err(ApiError::internal("a write had no outcome")),
    }
}

/// 204 without a body.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 201 with the address of the new record and its JSON.
pub(super) fn created(location: &str, media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(value) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, value);
    }
    response
}

/// The answer with what was found odd in what was written, one header for each.
pub(super) fn with_warnings(mut response: Response, findings: &[Finding]) -> Response {
    for finding in findings {
        let text: String = finding.to_string().chars().flat_map(escaped).collect();
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// Headers are ASCII without control characters.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let plain = matches!(c, ' '..='~').then_some(c);
    plain.into_iter().chain(c.escape_default().filter(move |_| plain.is_none()))
}

/// The failure of a write whose condition the caller set with `If-Match` or `If-None-Match`: what is a conflict or an
/// absence elsewhere is a failed precondition here (RFC 9110, 13.1).
pub(super) fn of_condition(error: ApiError, condition: Precondition) -> ApiError {
    let detail = match (condition, error.problem().kind) {
        (Precondition::Absent, Kind::Conflict) => "If-None-Match asks for nothing to be stored here, and something is",
        (Precondition::Present, Kind::NotFound) => "If-Match asks for something to be stored here, and nothing is",
        _ => return error,
    };
    Problem::new(Kind::PreconditionFailed, "precondition", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_the_stored_version_or_fails() {
        let check =
            |name: &'static str, value: &'static str, current: Option<u64>, expected: Result<Precondition, Kind>| {
                let mut headers = HeaderMap::new();
                headers.insert(name, HeaderValue::from_static(value));
                assert_eq!(precondition(&headers, current).map_err(|p| p.kind), expected, "{name}: {value}");
            };
        check("if-match", "\"7-o-ab\"", Some(7), Ok(Precondition::Sequence(7)));
        check("if-match", "\"6-o-ab\", \"7-v-cd\"", Some(7), Ok(Precondition::Sequence(7)));
        check("if-match", "\"6-o-ab\"", Some(7), Err(Kind::PreconditionFailed));
        check("if-match", "W/\"7-o-ab\"", Some(7), Err(Kind::PreconditionFailed));
        check("if-match", "*", Some(7), Ok(Precondition::Present));
        check("if-match", "*", None, Err(Kind::PreconditionFailed));
        check("if-none-match", "*", None, Ok(Precondition::Absent));
        check("if-none-match", "*", Some(7), Err(Kind::PreconditionFailed));
        check("if-none-match", "\"6-o-ab\", W/\"7-v-cd\"", Some(7), Err(Kind::PreconditionFailed));
        check("if-none-match", "\"6-o-ab\"", Some(7), Ok(Precondition::None));
        check("if-none-match", "\"7-o-ab\"", None, Ok(Precondition::None));
        check("accept", "*", Some(7), Ok(Precondition::None));
    }
}
