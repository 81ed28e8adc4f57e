//! One's own account: keys, sessions, password, everything that is kept, and the end of it.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::{Kind, Problem, Role};
use serde_json::{Value, json};

use super::fields::Fields;
use super::{Caller, again, as_json, with_cookie};
use crate::accounts::{KeyInfo, NewKey, Power, Powers, Session};
use crate::browser::Cookie;
use crate::html::account::{self as pages, Own};
use crate::limits::quotas;
use crate::problem::ApiError;
use crate::routes::writes::no_content;
use crate::state::App;

/// Most days until a key ends.
const EXPIRES_DAYS_MAX: u32 = 3_650;

async fn load(app: &App, id: i64) -> Result<Own, ApiError> {
    let user = app.accounts.user(id).await?;
    Ok(Own {
        quotas: quotas(app, id, user.role).await?,
        user,
        keys: app.accounts.keys_of(id).await?,
        sessions: app.accounts.sessions_of(id, &app.config.accounts.sessions).await?,
    })
}

/// The page of the account, with a refusal on it.
async fn shown(app: &App, caller: &Caller, id: i64, problem: Option<&Problem>) -> Result<Response, ApiError> {
    let own = load(app, id).await?;
    let text = pages::account(&caller.ask, &own, &caller.csrf, caller.session(), problem);
    Ok(caller.page(problem, text))
}

/// The page of the keys, with a new one or a refusal on it.
async fn keys_shown(
    app: &App,
    caller: &Caller,
    id: i64,
    key: Option<&str>,
    problem: Option<&Problem>,
) -> Result<Response, ApiError> {
    let keys = app.accounts.keys_of(id).await?;
    Ok(caller.page(problem, pages::keys(&caller.ask, &keys, &caller.csrf, key, problem)))
}

/// `GET /account`.
pub(super) async fn get(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let id = match caller.ask.principal.require_account(Power::Read) {
        Ok(id) => id,
        Err(problem) => return caller.to_sign_in(problem),
    };
    if caller.ask.html {
        return shown(&app, &caller, id, None).await;
    }
    let own = load(&app, id).await?;
    let mut value = own.user.to_json();
    value["keys"] = own.keys.iter().map(KeyInfo::to_json).collect();
    value["sessions"] = own.sessions.iter().map(Session::to_json).collect();
    value["quotas"] = own.quotas.to_json();
    // What a script of a page of ours must send with a write; programs with a key need none.
    if !caller.csrf.is_empty() {
        value["csrf"] = Value::from(caller.csrf.as_str());
    }
    Ok(as_json(StatusCode::OK, &value))
}

/// `GET /account/keys`.
pub(super) async fn keys(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let id = match caller.ask.principal.require_account(Power::Read) {
        Ok(id) => id,
        Err(problem) => return caller.to_sign_in(problem),
    };
    if caller.ask.html {
        return keys_shown(&app, &caller, id, None, None).await;
    }
    let keys: Vec<Value> = app.accounts.keys_of(id).await?.iter().map(KeyInfo::to_json).collect();
    Ok(as_json(StatusCode::OK, &json!({"keys": keys})))
}

fn new_key(fields: &Fields) -> Result<NewKey, Problem> {
    fields.only(&["name", "expires_days", "scopes"])?;
    let days = |text: &str| {
        text.parse::<u32>().ok().filter(|days| (1..=EXPIRES_DAYS_MAX).contains(days)).ok_or_else(|| {
            Problem::invalid("number", format!("{text:?} is no number of days"))
                .at("/expires_days")
                .allowed(format!("1 to {EXPIRES_DAYS_MAX}"))
        })
    };
    let scopes = fields.all("scopes");
    if scopes.is_empty() && fields.names("scopes") && !fields.of_form {
        let detail = "a key without any scope could do nothing; leave scopes out for all of them";
        return Err(Problem::invalid("key-scope", detail)
            .at("/scopes")
            .allowed(Power::ALL.map(Power::name).join(", ")));
    }
    Ok(NewKey {
        role: None,
        expires_days: fields.get("expires_days").map(days).transpose()?,
        name: fields.get("name").map(str::to_owned),
        powers: Powers::parse(&scopes)?,
    })
}

/// `POST /account/keys`: the one answer that shows the key.
pub(super) async fn create_key(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let id = caller.ask.principal.require_keeper(Role::User)?;
    let made = async {
        let mut new = new_key(&fields)?;
        // Nobody makes a key that may more than the key that makes it.
        let own = caller.ask.principal.powers;
        let asked = new.powers;
        if Power::ALL.into_iter().any(|power| asked.include(power) && !own.include(power)) {
            if asked != Powers::ALL {
                let detail = "a key cannot make another one that may more";
                return Err(Problem::new(Kind::Forbidden, "key-scope", detail).into());
            }
            new.powers = own;
        }
        let key = app.accounts.create_own_key(&caller.actor(), id, &caller.ask.principal, &new).await?;
        Ok::<_, ApiError>((key, new))
    };
    match made.await {
        Ok((key, _)) if fields.of_form => keys_shown(&app, &caller, id, Some(&key.reveal()), None).await,
        Ok((key, new)) => {
            let value = json!({"id": key.id(), "key": key.reveal(), "name": new.name, "scopes": new.powers.names()});
            Ok(as_json(StatusCode::CREATED, &value))
        }
        Err(error) if fields.of_form => {
            let problem = super::told(error)?;
            keys_shown(&app, &caller, id, None, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}

/// `DELETE /account/keys/{key}`, and the form of the page.
pub(super) async fn revoke_key(
    State(app): State<App>,
    Path(key): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let id = caller.ask.principal.require_account(Power::Admin)?;
    if !app.accounts.revoke_as(&caller.actor(), &key, Some(id)).await? {
        return Err(Problem::not_found("key-not-found", format!("there is no key {key:?} of this account")).into());
    }
    Ok(if fields.of_form { caller.go_to("/account/keys") } else { no_content() })
}

/// `GET /account/sessions`.
pub(super) async fn sessions(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let id = caller.ask.principal.require_account(Power::Admin)?;
    let sessions = app.accounts.sessions_of(id, &app.config.accounts.sessions).await?;
    let sessions: Vec<Value> = sessions.iter().map(Session::to_json).collect();
    Ok(as_json(StatusCode::OK, &json!({"sessions": sessions})))
}

/// `DELETE /account/sessions/{session}`, and the form of the page.
pub(super) async fn end_session(
    State(app): State<App>,
    Path(session): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let id = caller.ask.principal.require_account(Power::Admin)?;
    if !app.accounts.end_session(&caller.actor(), id, &session).await? {
        return Err(Problem::not_found("session-not-found", "this account has no such session").into());
    }
    Ok(if fields.of_form { caller.go_to("/account") } else { no_content() })
}

/// `POST /account/password`.
pub(super) async fn password(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let id = caller.ask.principal.require_account(Power::Admin)?;
    let changed = async {
        fields.only(&["current", "password"])?;
        let passwords = (fields.text("current")?.to_owned(), fields.text("password")?.to_owned());
        let place = (caller.context.client, caller.session());
        Ok::<_, ApiError>(app.accounts.change_password(&caller.actor(), id, passwords, place).await?)
    };
    match changed.await {
        Ok(()) if fields.of_form => Ok(caller.go_to("/account")),
        Ok(()) => Ok(as_json(StatusCode::OK, &json!({"status": "changed"}))),
        Err(error) if fields.of_form => {
            let problem = super::told(error)?;
            shown(&app, &caller, id, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}

/// `GET /account/export`: everything that is kept of the account, as a file.
pub(super) async fn export(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let id = match caller.ask.principal.require_account(Power::Admin) {
        Ok(id) => id,
        Err(problem) => return caller.to_sign_in(problem),
    };
    let value = app.accounts.export(id, &app.config.accounts.sessions).await?;
    app.accounts.audit(&caller.actor(), "account.export", "", "done").await?;
    let mut response = as_json(StatusCode::OK, &value);
    let file = HeaderValue::from_static("attachment; filename=\"account.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, file);
    Ok(response)
}

/// `DELETE /account`, and the form of the page. `confirm` repeats the account's name, so that no slip ends an account.
pub(super) async fn delete(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let id = caller.ask.principal.require_account(Power::Admin)?;
    let deleted = async {
        fields.only(&["confirm", "password"])?;
        let user = app.accounts.user(id).await?;
        if fields.text("confirm")? != user.name {
            let problem = Problem::invalid("confirm-name", "the name of the account is written to confirm its end");
            return Err(problem.at("/confirm").allowed(user.name).into());
        }
        // A browser that somebody left open is not enough.
        if caller.session().is_some() && user.email.is_some() && user.issuers.is_empty() {
            let password = fields.text("password")?.to_owned();
            if !app.accounts.is_password(&caller.actor(), id, password, caller.context.client).await? {
                return Err(Problem::new(Kind::Forbidden, "password-wrong", "the password is wrong")
                    .at("/password")
                    .into());
            }
        }
        Ok::<_, ApiError>(app.accounts.delete_user(&caller.actor(), id).await?)
    };
    match deleted.await {
        Ok(()) => {
            app.orders.tidy();
            let response = if fields.of_form { caller.go_to("/") } else { no_content() };
            Ok(with_cookie(response, Cookie::Session, "", 0, &caller.context))
        }
        Err(error) if fields.of_form => {
            let own = load(&app, id).await?;
            again(&caller, true, error, |problem| {
                pages::account(&caller.ask, &own, &caller.csrf, caller.session(), Some(problem))
            })
        }
        Err(error) => Err(error),
    }
}
