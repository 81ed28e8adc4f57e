//! The one place that turns a failure into a status and an `application/problem+json` body (RFC 9457).

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nilometer_schemas::{Kind, Problem};
use serde_json::{Map, Value};

use crate::context::RequestContext;
use crate::html::Language;
use crate::limits::Exceeded;
use crate::problems::path;

/// Media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Seconds after which a caller may try again when the server cannot answer now.
const RETRY_AFTER_S: &str = "5";

/// A failure on its way to the caller; `cause` is for the log alone.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    problem: Problem,
    cause: Option<String>,
    exceeded: Option<Exceeded>,
}

impl ApiError {
    /// A defect or outage of ours: the caller hears nothing of `cause`, the log does.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let problem = Problem::new(Kind::Internal, "internal", "the server failed; the request id finds it in the log");
        Self(Box::new(Inner { problem, cause: Some(cause.to_string()), exceeded: None }))
    }

    /// A limit that the request would go beyond.
    pub(crate) fn limited(problem: Problem, exceeded: Exceeded) -> Self {
        Self(Box::new(Inner { problem, cause: None, exceeded: Some(exceeded) }))
    }

    /// The limit, where it is one that comes back by itself.
    pub(crate) fn exceeded(&self) -> Option<&Exceeded> {
        self.0.exceeded.as_ref()
    }

    /// What the caller hears.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// What only the log hears.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        status(self.0.problem.kind)
    }
}

impl From<Problem> for ApiError {
    /// What went wrong within is for the log alone.
    fn from(problem: Problem) -> Self {
        if problem.kind == Kind::Internal {
            return Self::internal(problem.detail);
        }
        Self(Box::new(Inner { problem, cause: None, exceeded: None }))
    }
}

impl From<nilometer_indexer::Error> for ApiError {
    fn from(error: nilometer_indexer::Error) -> Self {
        let problem = error.problem();
        let cause =
            matches!(problem.kind, Kind::Internal | Kind::StorageFull | Kind::Unavailable).then(|| chain(&error));
        Self(Box::new(Inner { problem, cause, exceeded: None }))
    }
}

/// An error and what caused it, on one line; a cause that the text before it quotes already is not said again.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let detail = cause.to_string();
        if !text.ends_with(&detail) {
            text.push_str(": ");
            text.push_str(&detail);
        }
        next = cause.source();
    }
    text
}

/// The HTTP status of a kind (RFC 9110, RFC 4918 for 507).
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthorized => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Gone => StatusCode::GONE,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        Kind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The short name of a kind of problem.
pub fn title(kind: Kind, language: Language) -> &'static str {
    let (english, french) = match kind {
        Kind::Invalid => ("Request not understood", "Requête incomprise"),
        Kind::Unauthorized => ("Credentials missing or wrong", "Identification manquante ou erronée"),
        Kind::Forbidden => ("Not allowed", "Accès refusé"),
        Kind::NotFound => ("Not found", "Introuvable"),
        Kind::MethodNotAllowed => ("Method not allowed here", "Méthode non autorisée ici"),
        Kind::NotAcceptable => ("No acceptable representation", "Aucune forme acceptable"),
        Kind::Conflict => ("Conflict with what is stored", "Conflit avec ce qui est enregistré"),
        Kind::Gone => ("No longer kept", "N'est plus conservé"),
        Kind::PreconditionFailed => ("Precondition failed", "Condition préalable non remplie"),
        Kind::TooLarge => ("Too large", "Trop grand"),
        Kind::UnsupportedMediaType => ("Media type not supported", "Type de contenu non pris en charge"),
        Kind::RangeNotSatisfiable => ("No such bytes", "Octets inexistants"),
        Kind::TooManyRequests => ("Too many requests", "Trop de requêtes"),
        Kind::Unavailable => ("Temporarily unavailable", "Momentanément indisponible"),
        Kind::StorageFull => ("No room left", "Plus de place"),
        Kind::Timeout => ("Time limit exceeded", "Délai dépassé"),
        Kind::Internal => ("Internal error", "Erreur interne"),
    };
    match language {
        Language::English => english,
        Language::French => french,
    }
}

/// Everything that a representation of a problem shows; JSON and HTML are made from it.
#[derive(Clone, Debug)]
pub struct ProblemView {
    /// Code of the problem's type.
    pub code: &'static str,
    /// URI of the problem's type, absolute where the service's address is known.
    pub type_url: String,
    /// Whose fault it is.
    pub kind: Kind,
    /// HTTP status.
    pub status: u16,
    /// One sentence about this occurrence.
    pub detail: String,
    /// URI of this occurrence, made from the request id.
    pub instance: Option<String>,
    /// Parameter name or JSON pointer at fault.
    pub parameter: Option<String>,
    /// What would be accepted.
    pub allowed: Option<String>,
    /// Address of the service without trailing slash; empty where unknown.
    pub public_url: String,
    /// The request's `Accept-Language`, for the HTML page.
    pub accept_language: Option<String>,
    /// The request's path and query, for the HTML page.
    pub uri: axum::http::Uri,
    /// The limit that was exceeded, if it is one that comes back.
    pub(crate) exceeded: Option<Exceeded>,
}

impl ProblemView {
    /// What to show of a problem that occurred in a request.
    pub fn new(problem: &Problem, context: Option<&RequestContext>) -> Self {
        let public_url = context.map(|c| c.public_url.clone()).unwrap_or_default();
        Self {
            code: problem.code,
            type_url: format!("{public_url}{}", path(problem.code)),
            kind: problem.kind,
            status: status(problem.kind).as_u16(),
            detail: problem.detail.clone(),
            instance: context.map(RequestContext::instance),
            parameter: problem.parameter.clone(),
            allowed: problem.allowed.clone(),
            public_url,
            accept_language: context.and_then(|c| c.accept_language.clone()),
            uri: context.map(|c| c.uri.clone()).unwrap_or_default(),
            exceeded: None,
        }
    }

    /// The members of RFC 9457, `parameter` and `allowed` where there are any, and of a limit what it is, what is left, and
    /// the seconds until it is whole again.
    pub fn to_json(&self) -> String {
        let mut body = Map::new();
        body.insert("type".into(), Value::from(self.type_url.as_str()));
        body.insert("title".into(), Value::from(title(self.kind, Language::English)));
        body.insert("status".into(), Value::from(self.status));
        body.insert("detail".into(), Value::from(self.detail.as_str()));
        for (name, member) in [("instance", &self.instance), ("parameter", &self.parameter), ("allowed", &self.allowed)]
        {
            if let Some(text) = member {
                body.insert(name.into(), Value::from(text.as_str()));
            }
        }
        if let Some(Exceeded { standing, .. }) = &self.exceeded {
            body.insert("limit".into(), Value::from(standing.limit));
            body.insert("remaining".into(), Value::from(standing.remaining));
            body.insert("reset".into(), Value::from(standing.reset_s));
        }
        Value::Object(body).to_string()
    }
}

/// Answers a request with a problem: HTML for a browser, JSON for everybody else.
pub fn render(error: &ApiError, context: Option<&RequestContext>) -> Response {
    let view = ProblemView { exceeded: error.exceeded().copied(), ..ProblemView::new(error.problem(), context) };
    let html = context.is_some_and(|c| c.wants_html);
    let (media_type, body) = if html {
        ("text/html; charset=utf-8", crate::html::problem_page(&view))
    } else {
        (PROBLEM_JSON, view.to_json())
    };
    let mut response = (error.status(), body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(VARY, HeaderValue::from_static("accept"));
    match error.problem().kind {
        Kind::Unauthorized => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"nilometer\""));
        }
        Kind::Unavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        _ => {}
    }
    if let Some(exceeded) = error.exceeded() {
        exceeded.tell(headers);
    }
    response
}

impl IntoResponse for ApiError {
    /// The JSON form without request id; the middleware finds the error among the response's extensions and
    /// writes the full answer, since only there the request is known.
    fn into_response(self) -> Response {
        let mut response = render(&self, None);
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_type_status_parameter_and_what_is_allowed() {
        let problem = Problem::invalid("bbox-order", "south lies north of north").at("bbox").allowed("w,s,e,n");
        let context = RequestContext {
            request_id: "2f1e1f4c-25c5-4d5e-a2c3-6a6d3f8f4a11".into(),
            public_url: "https://water.example/portal".into(),
            wants_html: false,
            accept_language: None,
            uri: axum::http::Uri::default(),
            client: None,
            forwarded_unseen: false,
        };
        let json: Value =
            serde_json::from_str(&ProblemView::new(&problem, Some(&context)).to_json()).expect("valid JSON");
        assert_eq!(
            json,
            serde_json::json!({
                "type": "https://water.example/portal/problems/bbox-order",
                "title": "Request not understood",
                "status": 400,
                "detail": "south lies north of north",
                "instance": "urn:uuid:2f1e1f4c-25c5-4d5e-a2c3-6a6d3f8f4a11",
                "parameter": "bbox",
                "allowed": "w,s,e,n",
            })
        );
    }

    #[test]
    fn a_chain_of_causes_says_each_once() {
        let quoting = nilometer_indexer::Error::from(Problem::invalid("limit", "too much").at("limit"));
        assert_eq!(chain(&quoting), "limit: too much");
        let file = nilometer_indexer::Error::io("open", "a.log")(std::io::Error::other("no such disk"));
        assert_eq!(chain(&file), "cannot open a.log: no such disk");
    }

    #[test]
    fn an_internal_error_keeps_its_cause_from_the_caller() {
        let error = ApiError::internal("cannot read segment 17 on disk sda");
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!ProblemView::new(error.problem(), None).to_json().contains("segment"));
        assert_eq!(error.cause(), Some("cannot read segment 17 on disk sda"));
    }
}
