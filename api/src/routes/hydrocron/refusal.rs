//! Refusals in this dialect's own form: `{"error" : "400: …"}`, with the status in the text as well.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nilometer_schemas::Kind;
use serde_json::Value;

use super::request::Which;
use crate::links::JSON;
use crate::problem::ApiError;

/// Why there are no results; clients of the dialect know one text for all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The collection has no such feature, or there is no such collection for whoever asks.
    UnknownFeature,
    /// The feature is known, and has nothing in the period.
    NoDataInPeriod,
}

impl Reason {
    /// The value of the member `reason`.
    fn name(self) -> &'static str {
        match self {
            Self::UnknownFeature => "unknown-feature",
            Self::NoDataInPeriod => "no-data-in-period",
        }
    }
}

/// A request that is not answered, by the caller's own doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status; it begins the text too.
    pub(super) status: StatusCode,
    /// What is wrong, without the status.
    pub(super) text: String,
    /// For programs, where the text does not tell.
    pub(super) reason: Option<Reason>,
}

impl Refusal {
    /// A request that cannot be understood.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into(), reason: None }
    }

    /// No results.
    pub(super) fn not_found(which: &Which, reason: Reason) -> Self {
        let text = match which {
            Which::One(id) => format!("Results with the specified Feature ID {id} were not found"),
            Which::Many(_) => "Results with the specified ids, bbox and intersects were not found".to_owned(),
        };
        Self { reason: Some(reason), ..Self::invalid(text) }
    }

    /// The body.
    pub(super) fn body(&self) -> String {
        let error = Value::from(format!("{}: {}", self.status.as_u16(), self.text));
        match self.reason {
            None => format!("{{\"error\" : {error}}}"),
            Some(reason) => format!("{{\"error\" : {error}, \"reason\": \"{}\"}}", reason.name()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// All that keeps a request from its answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller's own doing.
    Refused(Refusal),
    /// Ours: a problem as everywhere else, with the cause in the log.
    Failed(ApiError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ApiError> for Failure {
    /// What the query refuses is the caller's own doing too.
    fn from(error: ApiError) -> Self {
        match error.problem().kind {
            Kind::Invalid | Kind::TooLarge => {
                let text = error.problem().to_string();
                Self::Refused(Refusal { status: error.status(), text, reason: None })
            }
            _ => Self::Failed(error),
        }
    }
}

impl From<nilometer_schemas::Problem> for Failure {
    fn from(problem: nilometer_schemas::Problem) -> Self {
        ApiError::from(problem).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Failed(error) => error.into_response(),
        }
    }
}
