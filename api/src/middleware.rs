//! What happens to every request around its route: id, address, log, metrics, problems, credentials, limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use nilometer_schemas::{Kind, Problem};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tracing::Instrument;

use crate::accounts::{Actor, Credential, Powers, Principal, Refusal, Via, credential};
use crate::body::{AsStored, is_upload};
use crate::browser::{self, Cookie};
use crate::config::Config;
use crate::content_policy;
use crate::context::RequestContext;
use crate::limits::Standing;
use crate::links::OTHER_ROOTS;
use crate::oidc::Oidc;
use crate::problem::{ApiError, PROBLEM_JSON, render};
use crate::routes::edr::PARQUET;
use crate::state::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a browser may remember that a cross-origin request is allowed.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3600);
/// Bytes of a plain-text error that are taken over into a problem's detail.
const DETAIL_BYTES_MAX: usize = 2_000;
/// Browsers come back by https alone, for a year. Names below this one are not ours to decide about.
const HTTPS_ONLY: &str = "max-age=31536000";
/// Writes that the audit log holds, by route; what becomes of single items stands in the change feed.
const NOTED: [(&str, &str); 5] = [
    ("/collections", "collection.write"),
    ("/collections/{collection}", "collection.write"),
    ("/collections/{collection}/items/{item}", ITEM_DELETE),
    ("/collections/{collection}/items/{item}/assets/{key}", "file.upload"),
    ("/collections/{collection}/items/{item}/assets/{key}/link", "file.link"),
];
/// Of writes of single items, those that leave nothing to look at.
const ITEM_DELETE: &str = "item.delete";
/// Route label of requests that no route matched.
const UNMATCHED: &str = "unmatched";

/// The whole service: all routes and everything around them.
pub fn router(app: App) -> Router {
    let mut routes = crate::routes::router();
    if app.config.metrics_listen.is_none() {
        routes = routes.merge(crate::operations::routes());
    }
    surrounded(routes, app)
}

/// Metrics and health alone, for a listener of their own.
pub(crate) fn operations_router(app: App) -> Router {
    surrounded(crate::operations::routes(), app)
}

/// Puts the common layers around routes; the first named is the outermost.
fn surrounded(routes: Router<App>, app: App) -> Router {
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .layer(axum::middleware::from_fn(crate::routes::hydrocron::cross_origin))
        .layer(axum::middleware::from_fn(crate::routes::accept_patch))
        .layer(cors(&app.config))
        .map_request(any_coding_is_gzip)
        .layer(CompressionLayer::new().compress_when(is_worth_compressing()))
        .layer(axum::middleware::from_fn(finish))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(&app), limit_time))
        .layer(from_fn_with_state(Arc::clone(&app), admit))
        .layer(from_fn_with_state(Arc::clone(&app), note_writes))
        .layer(DefaultBodyLimit::disable());
    let inner =
        routes.fallback(nowhere).method_not_allowed_fallback(wrong_method).with_state(Arc::clone(&app)).layer(layers);
    // Routes are matched before a router's own layers run; the prefix must be gone by then.
    Router::new().fallback_service(
        ServiceBuilder::new().map_request(move |request| without_prefix(&app.config, request)).service(inner),
    )
}

/// All that shrinks: Parquet is compressed within, files are sent as they are.
fn is_worth_compressing() -> impl Predicate {
    let as_stored =
        |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| extensions.get::<AsStored>().is_none();
    DefaultPredicate::new().and(NotForContentType::const_new(PARQUET)).and(as_stored)
}

/// `Accept-Encoding: *` allows every coding and promises none: gzip is what every client can read.
fn any_coding_is_gzip(mut request: Request) -> Request {
    if request.headers().get(ACCEPT_ENCODING).is_some_and(|coding| coding == "*") {
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

/// The other root under which a request came; empty for the service's own.
#[derive(Clone, Copy)]
struct Root(&'static str);

/// Takes the public prefix off an address, for proxies that pass it on, and then another root of the service.
fn without_prefix(config: &Config, mut request: Request) -> Request {
    let prefix = config.public_url.as_ref().map_or("", |base| base.prefix());
    let path = request.uri().path();
    let own = below(path, prefix).unwrap_or(path);
    let root = OTHER_ROOTS.into_iter().find(|root| below(own, root).is_some()).unwrap_or_default();
    let own = below(own, root).unwrap_or(own);
    if own.len() < path.len() {
        let own = if own.is_empty() { "/" } else { own };
        let stripped = match request.uri().query() {
            Some(query) => format!("{own}?{query}"),
            None => own.to_owned(),
        };
        if let Ok(uri) = stripped.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request.extensions_mut().insert(Root(root));
    request
}

/// What follows a path's beginning of whole segments.
fn below<'a>(path: &'a str, beginning: &str) -> Option<&'a str> {
    path.strip_prefix(beginning).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Gives the request its id and context, logs and counts the answer, and sets the headers that all answers have.
async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let in_flight = app.metrics.begin();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0);
    let mut context = RequestContext::new(&app.config, request.headers(), request.uri(), peer, fresh_id(&app));
    if let Some(Root(root)) = request.extensions().get() {
        context.public_url.push_str(root);
    }
    let context = Arc::new(context);
    request.extensions_mut().insert(Arc::clone(&context));
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = %context.request_id);
    let mut response = next.run(request).instrument(span.clone()).await;
    drop(in_flight);
    let took = begin.elapsed();
    let status = response.status();
    app.metrics.answered(route, &method, status.as_u16(), took);
    span.in_scope(|| log(&response, route, &method, status, took));
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    set_security_headers(&app.config, &mut response);
    response.map(|body| app.metrics.counted(body))
}

/// A random UUID; all zeros should the system have no randomness, since an id is no reason to refuse a request.
fn fresh_id(app: &App) -> String {
    let mut bytes = [0; 16];
    if let Err(error) = app.random.fill(&mut bytes) {
        tracing::error!(%error, "no random bytes for a request id");
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// One line a request; for a server error with its cause. Addresses are left out: their queries may hold anything.
fn log(response: &Response, route: &str, method: &Method, status: StatusCode, took: Duration) {
    let dur_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    let cause = response.extensions().get::<ApiError>().and_then(ApiError::cause);
    let status = status.as_u16();
    match cause {
        Some(cause) => tracing::error!(%method, route, status, dur_ms, err = cause, "request failed"),
        None if status >= 500 => tracing::error!(%method, route, status, dur_ms, "request failed"),
        None => tracing::info!(%method, route, status, dur_ms, "request"),
    }
}

fn set_security_headers(config: &Config, response: &mut Response) {
    let unchanged = response.status() == StatusCode::NOT_MODIFIED;
    let media_type = media_type(response);
    let page = media_type.starts_with("text/html");
    let policy = if page { content_policy::of_page(config) } else { content_policy::of_data(config, media_type) };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if config.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
    }
    // What is unchanged keeps the policy it came with: a browser would take one of data over for the stored page.
    if !unchanged {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    if page {
        let features = HeaderValue::from_static("camera=(), geolocation=(), microphone=()");
        headers.insert(HeaderName::from_static("permissions-policy"), features);
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    }
}

fn media_type(response: &Response) -> &str {
    response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Reading from anywhere without credentials; keys travel in headers that scripts must name. Cookies count for nothing in
/// requests of other origins.
fn cors(config: &Config) -> CorsLayer {
    let origins = if config.cors_origins.iter().any(|o| o == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(config.cors_origins.iter().filter_map(|o| HeaderValue::from_str(o).ok()))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            ["authorization", "x-api-key", "content-type", "accept", "if-match", "if-none-match", "x-request-id"]
                .map(HeaderName::from_static),
        )
        .expose_headers(Any)
        .max_age(PREFLIGHT_AGE)
}

/// Turns every error into a problem that knows its request: our own errors, and what extractors refused in plain text.
async fn finish(request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Arc<RequestContext>>().cloned();
    let head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    let status = response.status();
    let ours = response.extensions().get::<ApiError>().cloned();
    let (parts, body) = response.into_parts();
    let error = match ours {
        Some(error) => error,
        None if (status.is_client_error() || status.is_server_error()) && !structured(&parts.headers) => {
            foreign(status, body).await
        }
        None => return Response::from_parts(parts, body),
    };
    let mut finished = render(&error, context.as_deref());
    if head {
        *finished.body_mut() = Body::empty();
    }
    // What the route said beyond the body stays, such as `Allow`.
    for (name, value) in &parts.headers {
        if ![CONTENT_TYPE, axum::http::header::CONTENT_LENGTH, VARY].contains(name)
            && !finished.headers().contains_key(name)
        {
            finished.headers_mut().append(name.clone(), value.clone());
        }
    }
    *finished.extensions_mut() = parts.extensions;
    finished.extensions_mut().insert(error);
    finished
}

/// Whether an error answer has a form of its own: JSON of a compatible interface, a page, a problem.
fn structured(headers: &axum::http::HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    media_type.starts_with(PROBLEM_JSON)
        || media_type.starts_with("application/json")
        || media_type.starts_with("text/html")
}

/// A problem from a bare status and, for the caller's own mistakes, its text.
async fn foreign(status: StatusCode, body: Body) -> ApiError {
    let kind = match status.as_u16() {
        401 => Kind::Unauthorized,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        405 => Kind::MethodNotAllowed,
        406 => Kind::NotAcceptable,
        409 => Kind::Conflict,
        410 => Kind::Gone,
        412 => Kind::PreconditionFailed,
        413 | 414 => Kind::TooLarge,
        415 => Kind::UnsupportedMediaType,
        416 => Kind::RangeNotSatisfiable,
        429 => Kind::TooManyRequests,
        503 => Kind::Unavailable,
        504 => Kind::Timeout,
        507 => Kind::StorageFull,
        code if code < 500 => Kind::Invalid,
        _ => Kind::Internal,
    };
    let text = match body.collect().await {
        Ok(collected) => String::from_utf8_lossy(&collected.to_bytes()).into_owned(),
        Err(_) => String::new(),
    };
    if kind == Kind::Internal {
        return ApiError::internal(text);
    }
    let mut cut = text.len().min(DETAIL_BYTES_MAX);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let detail = if text.is_empty() { status.canonical_reason().unwrap_or("refused") } else { &text[..cut] };
    Problem::new(kind, "request", detail).into()
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    ApiError::internal(format!("panic: {text}")).into_response()
}

/// Gives a request up after its time; bulk streams and files are bounded by pauses and size instead.
async fn limit_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_written = request.method() == Method::POST && request.uri().path().ends_with("/items");
    if (is_written && crate::body::is_bulk(request.headers())) || is_upload(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    let seconds = app.config.limits.request_timeout_s;
    match tokio::time::timeout(Duration::from_secs(seconds), next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            app.metrics.timed_out();
            let detail = format!("the request took longer than {seconds} seconds");
            ApiError::from(Problem::new(Kind::Timeout, "timeout", detail)).into_response()
        }
    }
}

/// Lets a request in: address short enough, credential right, not one too many, body within limits. The answer tells what
/// is left of the request's budget.
async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    match admitted(&app, request).await {
        Ok((request, standing)) => {
            let mut response = next.run(request).await;
            if let Some(standing) = standing {
                standing.tell(response.headers_mut());
            }
            response
        }
        Err(error) => {
            match error.problem().kind {
                Kind::TooLarge => app.metrics.rejected("limit"),
                Kind::TooManyRequests => app.metrics.rejected("rate"),
                _ => {}
            }
            error.into_response()
        }
    }
}

async fn admitted(app: &App, mut request: Request) -> Result<(Request, Option<Standing>), ApiError> {
    let limits = &app.config.limits;
    let length = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    if length > limits.url_bytes {
        let detail = format!("the address has {length} bytes, the limit is {}", limits.url_bytes);
        return Err(Problem::new(Kind::TooLarge, "url-size", detail)
            .allowed("POST /search with the question as body, or POST /searches to give it an id")
            .into());
    }
    let context = request.extensions().get::<Arc<RequestContext>>().cloned();
    let context = context.ok_or_else(|| ApiError::internal("the request has no context"))?;
    let shown = (credential(request.headers(), request.uri()), counting_cookie(&request, &context));
    let principal = principal(app, shown, &context).await;
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let asked = (request.method(), route);
    let visitor = Principal::visitor();
    // Wrong credentials are nobody's: they are taken out of the budget of their address.
    let standing = app.limiter.take(&app.config, asked, principal.as_ref().unwrap_or(&visitor), &context)?;
    let principal = principal?;
    let session = match &principal.via {
        Via::Session(id) => Some(id.clone()),
        _ => None,
    };
    request.extensions_mut().insert(principal);
    let request = crate::body::prepare(request, limits).await?;
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let request = match session.filter(|_| browser::changes(request.method(), route)) {
        Some(session) => browser::require_token(&app.accounts, &session, request).await?,
        None => request,
    };
    Ok((request, standing))
}

/// Who sent a request, by key, token or cookie.
async fn principal(
    app: &App,
    (shown, cookie): (Result<Credential<'_>, Problem>, Result<Option<String>, Problem>),
    context: &RequestContext,
) -> Result<Principal, ApiError> {
    match shown? {
        Credential::None => match cookie? {
            Some(token) => {
                let times = &app.config.accounts.sessions;
                match app.accounts.session(&token, times).await? {
                    Some(principal) => Ok(principal),
                    None => Ok(app.accounts.visitor().await?),
                }
            }
            None => Ok(app.accounts.visitor().await?),
        },
        Credential::Malformed => Err(refused(app, Refusal::Malformed)),
        Credential::Key(text) => match app.oidc.as_ref().filter(|oidc| oidc.is_token(text)) {
            Some(oidc) => of_token(app, oidc, text, context).await,
            None => app.accounts.authenticate(text).await?.map_err(|refusal| refused(app, refusal)),
        },
    }
}

fn refused(app: &App, refusal: Refusal) -> ApiError {
    app.metrics.auth_failed(refusal);
    Problem::new(Kind::Unauthorized, "key-refused", "this API key is not valid").at("Authorization").into()
}

/// The cookie of a session, where it counts. One whose session is over makes a visitor.
fn counting_cookie(request: &Request, context: &RequestContext) -> Result<Option<String>, Problem> {
    let Some(token) = Cookie::Session.read(request.headers(), context) else { return Ok(None) };
    if browser::Origin::of(request.method(), request.headers(), context) != browser::Origin::Elsewhere {
        return Ok(Some(token.to_owned()));
    }
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if browser::changes(request.method(), route) { Err(browser::foreign()) } else { Ok(None) }
}

/// Whoever a token of the outside issuer belongs to.
async fn of_token(app: &App, oidc: &Oidc, text: &str, context: &RequestContext) -> Result<Principal, ApiError> {
    let vouched = oidc.bearer(text).await.map_err(|refused| {
        app.metrics.auth_failed(Refusal::Token);
        Problem::from(refused)
    })?;
    let actor = Actor::of(&Principal::visitor(), context);
    let account = app.accounts.vouched(&actor, &vouched, false).await?;
    if account.closed {
        return Err(refused(app, Refusal::Disabled));
    }
    let (id, user) = (Some(account.id), Some(account.name));
    Ok(app.accounts.with_rights(Principal::new(vouched.role, user, id, Via::Token, Powers::ALL)).await?)
}

/// Notes writes of collections, files and links to files in the audit log, with their outcome.
async fn note_writes(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let noted = NOTED.iter().find(|(own, _)| route == Some(own)).filter(|(_, action)| {
        browser::changes(request.method(), route) && (*action != ITEM_DELETE || request.method() == Method::DELETE)
    });
    let context = request.extensions().get::<Arc<RequestContext>>().cloned();
    let principal = request.extensions().get::<Principal>().cloned();
    let Some(((context, principal), (_, action))) = context.zip(principal).zip(noted) else {
        return next.run(request).await;
    };
    let object = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    let outcome = if status.is_success() { "done".to_owned() } else { status.as_u16().to_string() };
    let actor = Actor::of(&principal, &context);
    // Refusals of those without credentials are no acts; anybody could fill the log with them. Nor are items that are not deleted.
    if !principal.is_anonymous()
        && (*action != ITEM_DELETE || status.is_success())
        && let Err(error) = app.accounts.audit(&actor, action, &object, &outcome).await
    {
        tracing::error!(error = crate::problem::chain(&error), object, "a write is missing in the audit log");
    }
    response
}

async fn nowhere() -> ApiError {
    Problem::not_found("no-such-address", "nothing is at this address").into()
}

async fn wrong_method(method: Method) -> ApiError {
    Problem::new(Kind::MethodNotAllowed, "method", format!("{method} does not exist at this address")).into()
}

#[cfg(test)]
mod tests;
