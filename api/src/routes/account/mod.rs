//! The addresses of accounts: signing up and in, one's own account, and those who look after accounts.
//!
//! Each takes a form of a page, and answers with a page, or JSON, and answers with JSON. Nothing of it is kept by caches.

mod audit;
mod fields;
mod grants;
mod groups;
mod letters;
mod overview;
mod own;
mod sign_in;
mod sign_up;
mod users;

pub(super) use fields::Fields;
pub(crate) use letters::base as mail_base;
pub(crate) use users::DEFAULT as DEFAULT_QUOTA;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use nilometer_schemas::Problem;
use serde_json::Value;

use super::ask::{Ask, see_other};
use crate::accounts::{Actor, Via};
use crate::body::AsStored;
use crate::browser::{self, Cookie};
use crate::context::RequestContext;
use crate::links::JSON;
use crate::problem::{ApiError, status};
use crate::state::App;

/// All routes of this module.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/sign-up", get(sign_up::page).post(sign_up::post))
        .route("/sign-up/confirm", get(sign_up::confirm_page).post(sign_up::confirm))
        .route("/password/forgot", get(sign_up::forgot_page).post(sign_up::forgot))
        .route("/password/reset", get(sign_up::reset_page).post(sign_up::reset))
        .route("/sign-in", get(sign_in::page).post(sign_in::post))
        .route("/sign-in/issuer", get(sign_in::to_issuer))
        .route("/sign-in/callback", get(sign_in::from_issuer))
        .route("/sign-out", post(sign_in::out))
        .route("/account", get(own::get).delete(own::delete))
        .route("/account/delete", post(own::delete))
        .route("/account/export", get(own::export))
        .route("/account/password", post(own::password))
        .route("/account/keys", get(own::keys).post(own::create_key))
        .route("/account/keys/{key}", axum::routing::delete(own::revoke_key))
        .route("/account/keys/{key}/revoke", post(own::revoke_key))
        .route("/account/sessions", get(own::sessions))
        .route("/account/sessions/{session}", axum::routing::delete(own::end_session))
        .route("/account/sessions/{session}/end", post(own::end_session))
        .route("/admin", get(overview::get))
        .route("/admin/users", get(users::list).post(users::create))
        .route("/admin/users/{user}", get(users::get).patch(users::change).post(users::change).delete(users::delete))
        .route("/admin/users/{user}/delete", post(users::delete))
        .route("/admin/groups", get(groups::list).post(groups::create))
        .route("/admin/groups/{group}", axum::routing::delete(groups::delete))
        .route("/admin/groups/{group}/delete", post(groups::delete))
        .route("/admin/groups/{group}/members", post(groups::add))
        .route("/admin/groups/{group}/members/remove", post(groups::remove))
        .route("/admin/groups/{group}/members/{user}", axum::routing::put(groups::put).delete(groups::take_out))
        .route("/admin/grants", get(grants::list))
        .route("/admin/groups/{group}/grants", post(grants::add))
        .route("/admin/groups/{group}/grants/remove", post(grants::remove))
        .route("/admin/groups/{group}/grants/{collection}", axum::routing::put(grants::put).delete(grants::take_back))
        .route("/admin/audit", get(audit::get))
}

/// Who asks, with all that pages and the audit log need to know.
pub(in crate::routes) struct Caller {
    pub(in crate::routes) ask: Ask,
    pub(in crate::routes) context: RequestContext,
    /// Token of the session's forms; empty without one.
    pub(in crate::routes) csrf: String,
    from: browser::Origin,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let ask = Ask::from_request_parts(parts, app).await?;
        let context = RequestContext::from_request_parts(parts, app).await?;
        let csrf = match &ask.principal.via {
            Via::Session(id) => app.accounts.csrf_token(id),
            _ => String::new(),
        };
        let from = browser::Origin::of(&parts.method, &parts.headers, &context);
        Ok(Self { ask, context, csrf, from })
    }
}

impl Caller {
    pub(in crate::routes) fn actor(&self) -> Actor {
        Actor::of(&self.ask.principal, &self.context)
    }

    /// Id of the session, if that is how they came.
    pub(in crate::routes) fn session(&self) -> Option<&str> {
        match &self.ask.principal.via {
            Via::Session(id) => Some(id),
            _ => None,
        }
    }

    /// Refuses forms that another site sent with nobody signed in, who then would be signed in as somebody else.
    fn require_here(&self) -> Result<(), Problem> {
        if self.from == browser::Origin::Elsewhere { Err(browser::foreign()) } else { Ok(()) }
    }

    /// What the browser calls itself.
    fn browser(&self) -> &str {
        self.ask.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
    }

    /// A page; of a refusal with its status.
    pub(in crate::routes) fn page(&self, problem: Option<&Problem>, text: String) -> Response {
        let code = problem.map_or(StatusCode::OK, |problem| status(problem.kind));
        let mut response = answer(code, "text/html; charset=utf-8", text.into_bytes());
        let language = HeaderValue::from_static(self.ask.language().tag());
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
        response
    }

    /// Sends a browser on to a page of ours.
    pub(in crate::routes) fn go_to(&self, path: &str) -> Response {
        self.ask.go_to(path)
    }

    /// Those who are not signed in are sent to sign in, and back to where they were; programs are refused.
    pub(in crate::routes) fn to_sign_in(&self, problem: Problem) -> Result<Response, ApiError> {
        self.ask.to_sign_in().ok_or_else(|| problem.into())
    }
}

fn answer(code: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A page that holds a session's token is not compressed: its length would tell of the token to whoever watches the line
    // and chooses what stands beside it (BREACH).
    response.extensions_mut().insert(AsStored);
    response
}

pub(in crate::routes) fn as_json(code: StatusCode, value: &Value) -> Response {
    answer(code, JSON, value.to_string().into_bytes())
}

/// The answer with a cookie set, or taken away.
fn with_cookie(
    mut response: Response,
    cookie: Cookie,
    value: &str,
    lasts_s: i64,
    context: &RequestContext,
) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie.set(value, context, lasts_s));
    response
}

/// What a refusal of a form is: the caller's fault is told on the form, everything else as everywhere.
pub(in crate::routes) fn told(error: ApiError) -> Result<Problem, ApiError> {
    if error.cause().is_some() { Err(error) } else { Ok(error.problem().clone()) }
}

/// The form's own page again where a form was refused; a problem for programs.
fn again(
    caller: &Caller,
    of_form: bool,
    error: ApiError,
    page: impl FnOnce(&Problem) -> String,
) -> Result<Response, ApiError> {
    if !of_form {
        return Err(error);
    }
    let problem = told(error)?;
    let text = page(&problem);
    Ok(caller.page(Some(&problem), text))
}
