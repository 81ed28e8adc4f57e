//! Request bodies: JSON texts of bounded size and depth.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use nilometer_schemas::{Distinct, Kind, Problem, check_depth};
use serde_json::{Map, Value};

use crate::links::NDJSON;
use crate::problem::ApiError;
use crate::state::App;

/// A JSON body as text, so that numbers keep their digits.
pub(super) struct JsonText(pub(super) String);

/// A JSON body as a value.
#[derive(Debug)]
pub(super) struct JsonBody(pub(super) Value);

impl FromRequest<App> for JsonText {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        read_text(request.into_body(), app.config.limits.body_bytes).await.map(Self)
    }
}

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let JsonText(text) = JsonText::from_request(request, app).await?;
        parse(&text).map(Self).map_err(ApiError::from)
    }
}

/// Media types of a patch.
pub(super) const PATCH_TYPES: &str = "application/merge-patch+json, application/json";

/// A JSON merge patch (RFC 7396) of a record.
pub(super) struct MergePatch(pub(super) Map<String, Value>);

impl FromRequest<App> for MergePatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        require_patch(request.headers())?;
        match parse(&read_text(request.into_body(), app.config.limits.body_bytes).await?)? {
            Value::Object(patch) => Ok(Self(patch)),
            _ => Err(Problem::invalid("patch", "a merge patch of a record is a JSON object").into()),
        }
    }
}

/// Reads a whole body of at most `bytes_max` bytes as UTF-8 JSON text of bounded depth.
pub(super) async fn read_text(body: Body, bytes_max: usize) -> Result<String, ApiError> {
    let bytes = match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Problem::new(
                Kind::TooLarge,
                "body-size",
                format!("the body is larger than {bytes_max} bytes; send items as {NDJSON}, one a line"),
            )
            .into());
        }
        Err(error) => match error.downcast::<axum::Error>() {
            Ok(error) => return Err(body_failure(*error)),
            Err(error) => return Err(Problem::invalid("body", format!("the body ended early: {error}")).into()),
        },
    };
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| Problem::invalid("body", "the body is not UTF-8"))?;
    check_depth(&text)?;
    Ok(text)
}

/// A body that could not be read: a limit that an outer layer enforces, or a broken connection.
pub(super) fn body_failure(error: axum::Error) -> ApiError {
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(e) = cause {
        if e.is::<LengthLimitError>() {
            return Problem::new(Kind::TooLarge, "body-size", "the body is larger than the service takes").into();
        }
        cause = e.source();
    }
    Problem::invalid("body", "the body ended before it was complete").into()
}

/// Parses JSON text whose objects name each member once.
///
/// # Errors
/// `Invalid` with line and column.
pub(super) fn parse(text: &str) -> Result<Value, Problem> {
    let read: Result<Distinct, _> = serde_json::from_str(text);
    read.map(|Distinct(value)| value).map_err(|e| Problem::invalid("json", format!("the body is not JSON: {e}")))
}

/// The media type of a body, lower case, without parameters; empty when the request names none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses bodies that call themselves something else than JSON; a body that names no type is read as JSON.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = media_type(headers);
    if media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "media-type", format!("the body is {media_type}, not JSON"))
        .at("Content-Type")
        .allowed("application/json, application/geo+json"))
}

/// Refuses patches of other kinds, such as JSON Patch, whose body would be taken for a merge patch; one that names no
/// type is read as such.
fn require_patch(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = media_type(headers);
    if media_type.is_empty() || PATCH_TYPES.split(", ").any(|known| known == media_type) {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "media-type", format!("the patch is {media_type}"))
        .at("Content-Type")
        .allowed(PATCH_TYPES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn json_and_its_relatives_are_taken_and_other_types_refused() {
        let check = |content_type: Option<&'static str>, taken: bool| {
            let mut headers = HeaderMap::new();
            if let Some(text) = content_type {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(text));
            }
            assert_eq!(require_json(&headers).is_ok(), taken, "{content_type:?}");
        };
        check(None, true);
        check(Some("application/json; charset=utf-8"), true);
        check(Some("application/geo+json"), true);
        check(Some("application/merge-patch+json"), true);
        check(Some("text/html"), false);
        check(Some("application/x-www-form-urlencoded"), false);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_or_too_deep_is_refused() {
        let large = "1".repeat(101);
        let error = read_text(Body::from(large), 100).await.expect_err("too large");
        assert_eq!(error.problem().kind, Kind::TooLarge);
        let error = read_text(Body::from("[".repeat(10_000)), 10_000).await.expect_err("too deep");
        assert_eq!(error.problem().code, "json-depth");
        assert_eq!(read_text(Body::from("{}"), 2).await.expect("fine"), "{}");
    }
}
