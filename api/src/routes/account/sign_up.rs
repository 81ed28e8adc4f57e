//! Signing up, confirming an address, and a new password for one that was forgotten.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{Kind, Problem};
use serde_json::json;

use super::fields::Fields;
use super::sign_in::begin;
use super::{Caller, again, as_json, letters};
use crate::accounts::{Posted, email_of};
use crate::browser::require_private;
use crate::config::SignUp;
use crate::html::account::{self as pages, Said};
use crate::problem::ApiError;
use crate::state::App;

fn require_open(app: &App) -> Result<(), Problem> {
    if app.config.accounts.sign_up == SignUp::Open {
        return Ok(());
    }
    let detail = "accounts are made by the administrators of this service alone";
    Err(Problem::new(Kind::Forbidden, "sign-up-closed", detail))
}

/// `GET /sign-up`.
pub(super) async fn page(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    require_open(&app)?;
    Ok(caller.page(None, pages::sign_up(&caller.ask, None, "")))
}

/// `POST /sign-up`. The answer is the same whether or not the address has an account.
pub(super) async fn post(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let email = fields.get("email").unwrap_or_default().to_owned();
    match signed_up(&app, &caller, &fields).await {
        Ok(()) if fields.of_form => Ok(caller.page(None, pages::said(&caller.ask, Said::LookIntoMail))),
        Ok(()) => {
            let told = "a letter is on its way to this address";
            Ok(as_json(StatusCode::ACCEPTED, &json!({"status": "confirm", "detail": told})))
        }
        Err(error) => {
            again(&caller, fields.of_form, error, |problem| pages::sign_up(&caller.ask, Some(problem), &email))
        }
    }
}

async fn signed_up(app: &App, caller: &Caller, fields: &Fields) -> Result<(), ApiError> {
    caller.require_here()?;
    require_open(app)?;
    require_private(&app.config.accounts, &caller.context)?;
    fields.only(&["email", "password"])?;
    let (links, language) = (letters::base(app)?, caller.ask.language());
    let email = email_of(fields.text("email")?)?;
    let password = fields.text("password")?.to_owned();
    let posted = app.accounts.sign_up(&caller.actor(), &email, password, caller.context.client).await?;
    let letter = match posted {
        Posted::Confirm(token) => letters::confirm(&links, language, &email, &token),
        Posted::Exists => letters::exists(&links, language, &email),
        Posted::Taken => letters::taken(language, &email),
    };
    app.mail.send(letter).await
}

/// `GET /sign-up/confirm`: asks for the password. Nothing happens by opening a link, since programs that look for
/// viruses open links too.
pub(super) async fn confirm_page(State(_): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["token"])?;
    let token = caller.ask.parameter("token").unwrap_or_default();
    Ok(caller.page(None, pages::confirm(&caller.ask, None, token)))
}

/// `POST /sign-up/confirm`.
pub(super) async fn confirm(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let token = fields.get("token").unwrap_or_default().to_owned();
    let confirmed = async {
        caller.require_here()?;
        require_private(&app.config.accounts, &caller.context)?;
        fields.only(&["token", "password"])?;
        let (token, password) = (fields.text("token")?, fields.text("password")?.to_owned());
        Ok(app.accounts.confirm(&caller.actor(), token, password, caller.context.client).await?)
    };
    match confirmed.await {
        Ok(user) => begin(&app, &caller, user, fields.of_form, "/account").await,
        Err(error) => {
            again(&caller, fields.of_form, error, |problem| pages::confirm(&caller.ask, Some(problem), &token))
        }
    }
}

/// `GET /password/forgot`.
pub(super) async fn forgot_page(State(_): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    Ok(caller.page(None, pages::forgot(&caller.ask, None)))
}

/// `POST /password/forgot`. The answer is the same, and comes as soon, whether or not the address has an account: the letter is
/// written after it.
pub(super) async fn forgot(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let asked = async {
        caller.require_here()?;
        fields.only(&["email"])?;
        let links = letters::base(&app)?;
        let email = email_of(fields.text("email")?)?;
        app.accounts.attempt_link(&caller.actor(), "password.forgot", &email, caller.context.client).await?;
        Ok::<_, ApiError>((links, email))
    };
    let (links, email) = match asked.await {
        Ok(asked) => asked,
        Err(error) => {
            return again(&caller, fields.of_form, error, |problem| pages::forgot(&caller.ask, Some(problem)));
        }
    };
    let (actor, language, later) = (caller.actor(), caller.ask.language(), app.clone());
    tokio::spawn(async move {
        let sent = async {
            match later.accounts.forgot(&actor, &email).await? {
                Some(token) => later.mail.send(letters::reset(&links, language, &email, &token)).await,
                None => Ok(()),
            }
        };
        if let Err(error) = sent.await {
            tracing::error!(cause = error.cause(), "a letter for a new password was not sent");
        }
    });
    if fields.of_form {
        return Ok(caller.page(None, pages::said(&caller.ask, Said::LookIntoMail)));
    }
    let told = "if the address has an account, a letter is on its way";
    Ok(as_json(StatusCode::ACCEPTED, &json!({"status": "sent", "detail": told})))
}

/// `GET /password/reset`.
pub(super) async fn reset_page(State(_): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["token"])?;
    let token = caller.ask.parameter("token").unwrap_or_default();
    Ok(caller.page(None, pages::reset(&caller.ask, None, token)))
}

/// `POST /password/reset`.
pub(super) async fn reset(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let token = fields.get("token").unwrap_or_default().to_owned();
    let changed = async {
        caller.require_here()?;
        require_private(&app.config.accounts, &caller.context)?;
        fields.only(&["token", "password"])?;
        let (token, password) = (fields.text("token")?, fields.text("password")?.to_owned());
        Ok::<_, ApiError>(app.accounts.reset_password(&caller.actor(), token, password).await?)
    };
    match changed.await {
        Ok(_) if fields.of_form => Ok(caller.page(None, pages::said(&caller.ask, Said::PasswordChanged))),
        Ok(_) => Ok(as_json(StatusCode::OK, &json!({"status": "changed"}))),
        Err(error) => again(&caller, fields.of_form, error, |problem| pages::reset(&caller.ask, Some(problem), &token)),
    }
}
