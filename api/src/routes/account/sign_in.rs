//! Signing in, here or at the outside issuer, and out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{Kind, Problem};
use serde_json::json;

use super::fields::Fields;
use super::{Caller, again, as_json, see_other, told, with_cookie};
use crate::accounts::{Actor, Principal, email_of};
use crate::browser::{Cookie, local_path, require_private};
use crate::html::account as pages;
use crate::oidc::{Answer, Oidc, STATE_LASTS_S};
use crate::problem::ApiError;
use crate::state::App;

/// Where the issuer sends browsers back to.
const CALLBACK: &str = "/sign-in/callback";

fn form(app: &App, caller: &Caller, problem: Option<&Problem>, email: &str, next: &str) -> String {
    let issuer = app.oidc.as_ref().filter(|oidc| oidc.offers_sign_in()).map(Oidc::name);
    let open = app.config.accounts.sign_up == crate::config::SignUp::Open;
    pages::sign_in(&caller.ask, problem, email, next, issuer, open)
}

fn next_of(text: Option<&str>) -> &str {
    text.and_then(local_path).unwrap_or("/account")
}

/// `GET /sign-in`.
pub(super) async fn page(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["next"])?;
    let next = next_of(caller.ask.parameter("next"));
    Ok(caller.page(None, form(&app, &caller, None, "", next)))
}

/// `POST /sign-in`.
pub(super) async fn post(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let next = next_of(fields.get("next")).to_owned();
    let known = async {
        caller.require_here()?;
        require_private(&app.config.accounts, &caller.context)?;
        fields.only(&["email", "password", "next"])?;
        let (email, password) = (email_of(fields.text("email")?)?, fields.text("password")?.to_owned());
        Ok::<_, ApiError>(app.accounts.sign_in(&caller.actor(), &email, password, caller.context.client).await?)
    };
    match known.await {
        Ok(user) => begin(&app, &caller, user, fields.of_form, &next).await,
        Err(error) => {
            match error.problem().kind {
                Kind::Unauthorized => app.metrics.sign_in_failed("password"),
                Kind::TooManyRequests => app.metrics.sign_in_failed("attempts"),
                _ => {}
            }
            let email = fields.get("email").unwrap_or_default();
            again(&caller, fields.of_form, error, |problem| form(&app, &caller, Some(problem), email, &next))
        }
    }
}

/// Begins a session; the one that the browser had ends.
pub(super) async fn begin(
    app: &App,
    caller: &Caller,
    user: i64,
    of_form: bool,
    next: &str,
) -> Result<Response, ApiError> {
    let old = Cookie::Session.read(&caller.ask.headers, &caller.context);
    let token = app.accounts.begin_session(user, caller.browser(), old).await?;
    let times = &app.config.accounts.sessions;
    let response = if of_form {
        caller.go_to(next)
    } else {
        let principal = app.accounts.session(&token, times).await?;
        let principal = principal.ok_or_else(|| ApiError::internal("a session ended as it began"))?;
        let csrf = match &principal.via {
            crate::accounts::Via::Session(id) => app.accounts.csrf_token(id),
            _ => String::new(),
        };
        as_json(StatusCode::OK, &json!({"user": principal.user, "role": principal.role.name(), "csrf": csrf}))
    };
    let lasts_s = i64::from(times.absolute_h) * 3_600;
    Ok(with_cookie(response, Cookie::Session, &token, lasts_s, &caller.context))
}

/// `POST /sign-out`.
pub(super) async fn out(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    if let (Some(user), Some(session)) = (caller.ask.principal.id, caller.session()) {
        app.accounts.end_session(&caller.actor(), user, session).await?;
    }
    let response =
        if fields.of_form { caller.go_to("/") } else { as_json(StatusCode::OK, &json!({"status": "signed out"})) };
    Ok(with_cookie(response, Cookie::Session, "", 0, &caller.context))
}

fn issuer(app: &App) -> Result<&Oidc, Problem> {
    app.oidc
        .as_ref()
        .filter(|oidc| oidc.offers_sign_in())
        .ok_or_else(|| Problem::not_found("no-issuer", "this service knows no outside issuer to sign in at"))
}

/// `GET /sign-in/issuer`: sends a browser to the outside issuer.
pub(super) async fn to_issuer(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["next"])?;
    require_private(&app.config.accounts, &caller.context)?;
    let next = next_of(caller.ask.parameter("next"));
    let redirect = caller.ask.links.absolute(CALLBACK);
    let started = issuer(&app)?.start(&app.accounts, &redirect, next).await?;
    Ok(with_cookie(see_other(&started.location), Cookie::SignIn, &started.cookie, STATE_LASTS_S, &caller.context))
}

/// `GET /sign-in/callback`: a browser comes back.
pub(super) async fn from_issuer(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let finished = match finish(&app, &caller).await {
        Ok((user, next)) => begin(&app, &caller, user, true, &next).await?,
        Err(error) => {
            let problem = told(error)?;
            let text = form(&app, &caller, Some(&problem), "", "/account");
            caller.page(Some(&problem), text)
        }
    };
    // What was remembered serves once.
    Ok(with_cookie(finished, Cookie::SignIn, "", 0, &caller.context))
}

async fn finish(app: &App, caller: &Caller) -> Result<(i64, String), ApiError> {
    let oidc = issuer(app)?;
    let text = |name: &str| caller.ask.parameter(name).map(str::to_owned);
    let answer = Answer { code: text("code"), state: text("state"), error: text("error"), issuer: text("iss") };
    let cookie = Cookie::SignIn.read(&caller.ask.headers, &caller.context).unwrap_or_default();
    let redirect = caller.ask.links.absolute(CALLBACK);
    let actor = Actor::of(&Principal::visitor(), &caller.context);
    let (vouched, next) = match oidc.finish(&app.accounts, &redirect, cookie, &answer).await {
        Ok(vouched) => vouched,
        // An issuer that does not answer refuses nobody.
        Err(error) if matches!(error.problem().kind, Kind::Internal | Kind::Unavailable) => return Err(error),
        Err(error) => {
            app.accounts.note_refused_answer(&actor, oidc.issuer(), caller.context.client).await?;
            return Err(error);
        }
    };
    let account = app.accounts.vouched(&actor, &vouched, true).await?;
    let outcome = if account.closed { "refused" } else { "done" };
    app.accounts.audit(&actor.named(&account.name), "session.sign-in", &vouched.issuer, outcome).await?;
    if account.closed {
        let detail = "this account was closed by the administrators of this service";
        return Err(Problem::new(Kind::Forbidden, "account-closed", detail).into());
    }
    Ok((account.id, next))
}
