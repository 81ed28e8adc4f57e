//! `/admin/users`: accounts, for those who look after them. Operators see them; administrators change them.

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use nilometer_schemas::{Problem, Role};
use serde_json::{Value, json};

use super::fields::Fields;
use super::{Caller, as_json};
use crate::accounts::{NewUser, QuotaChange, USERS_MAX, User};
use crate::html::account as pages;
use crate::problem::ApiError;
use crate::routes::ask::whole_number;
use crate::routes::writes::no_content;
use crate::state::App;

/// What stands for the limit that all have.
pub(crate) const DEFAULT: &str = "default";

/// The page of all accounts, with a link for a new one or a refusal on it.
async fn shown(
    app: &App,
    caller: &Caller,
    link: Option<&str>,
    problem: Option<&Problem>,
) -> Result<Response, ApiError> {
    let after = caller.ask.parameter("after").and_then(|text| text.parse().ok()).unwrap_or(0);
    let users = app.accounts.users(after).await?;
    let next = users.last().filter(|_| users.len() == USERS_MAX).map(|user| user.id);
    let text = pages::users(&caller.ask, &users, next, &caller.csrf, link, problem);
    Ok(caller.page(problem, text))
}

/// `GET /admin/users`.
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["after"])?;
    if let Err(problem) = caller.ask.principal.require_keeper(Role::Operator) {
        return caller.to_sign_in(problem);
    }
    let after = caller.ask.parameter("after").map(|text| whole_number("after", text)).transpose()?.unwrap_or(0);
    if caller.ask.html {
        return shown(&app, &caller, None, None).await;
    }
    let users = app.accounts.users(i64::try_from(after).unwrap_or(i64::MAX)).await?;
    let mut value = json!({"users": users.iter().map(User::to_json).collect::<Vec<Value>>()});
    if let Some(last) = users.last().filter(|_| users.len() == USERS_MAX) {
        value["next"] = caller.ask.links.absolute(&format!("/admin/users?after={}", last.id)).into();
    }
    Ok(as_json(StatusCode::OK, &value))
}

/// `GET /admin/users/{user}`.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    caller.ask.principal.require_keeper(Role::Operator)?;
    if caller.ask.html {
        return Ok(caller.go_to("/admin/users"));
    }
    Ok(as_json(StatusCode::OK, &app.accounts.user(number(&id)?).await?.to_json()))
}

/// The number of an account in an address.
fn number(text: &str) -> Result<i64, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("user-not-found", format!("accounts have numbers, and {text:?} is none")))
}

fn role(fields: &Fields) -> Result<Option<Role>, Problem> {
    let Some(name) = fields.get("role") else { return Ok(None) };
    Role::of_name(name).map(Some).ok_or_else(|| {
        let problem = Problem::invalid("role", format!("there is no role {name:?}")).at("/role");
        problem.allowed(Role::ALL.map(Role::name).join(", "))
    })
}

/// `POST /admin/users`. Without a password, the answer holds a link with which one is set.
pub(super) async fn create(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Administrator)?;
    let made = async {
        fields.only(&["name", "email", "role", "password"])?;
        let new = NewUser {
            name: fields.text("name")?.to_owned(),
            role: role(&fields)?.unwrap_or(Role::User),
            email: fields.get("email").map(str::to_owned),
            password: fields.get("password").map(str::to_owned),
        };
        let (id, token) = app.accounts.add_user(&caller.actor(), new).await?;
        let link = token.map(|token| caller.ask.links.absolute(&format!("/password/reset?token={token}")));
        Ok::<_, ApiError>((id, link))
    };
    match made.await {
        Ok((_, link)) if fields.of_form => shown(&app, &caller, link.as_deref(), None).await,
        Ok((id, link)) => {
            let mut value = app.accounts.user(id).await?.to_json();
            value["password_link"] = link.into();
            Ok(as_json(StatusCode::CREATED, &value))
        }
        Err(error) if fields.of_form => {
            let problem = super::told(error)?;
            shown(&app, &caller, None, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}

/// A limit of one's own: a number, or `default` for what all have.
fn own_limit(fields: &Fields, name: &str, most: u64) -> Result<Option<Option<u64>>, Problem> {
    let Some(text) = fields.get(name) else { return Ok(None) };
    if text == DEFAULT {
        return Ok(Some(None));
    }
    let number = text.parse::<u64>().ok().filter(|number| *number <= most).ok_or_else(|| {
        Problem::invalid("number", format!("{text:?} is neither a number nor \"{DEFAULT}\""))
            .at(format!("/{name}"))
            .allowed(format!("0 (no limit) to {most}, or \"{DEFAULT}\""))
    })?;
    Ok(Some(Some(number)))
}

fn quota(fields: &Fields) -> Result<QuotaChange, Problem> {
    let orders = own_limit(fields, "running_orders", u64::from(u32::MAX))?;
    Ok(QuotaChange {
        download_bytes: own_limit(fields, "download_bytes_per_day", i64::MAX.unsigned_abs())?,
        running_orders: orders.map(|own| own.and_then(|number| u32::try_from(number).ok())),
    })
}

/// `PATCH /admin/users/{user}`, and the form of the page.
pub(super) async fn change(
    State(app): State<App>,
    Path(id): Path<String>,
    method: Method,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Administrator)?;
    let id = number(&id)?;
    let changed = async {
        fields.only(&["role", "disabled", "download_bytes_per_day", "running_orders"])?;
        let (role, disabled, quota) = (role(&fields)?, fields.flag("disabled")?, quota(&fields)?);
        app.accounts.change_user(&caller.actor(), id, role, disabled).await?;
        app.accounts.set_quota(&caller.actor(), id, quota).await?;
        Ok::<_, ApiError>(())
    };
    match changed.await {
        Ok(()) if fields.of_form && method == Method::POST => Ok(caller.go_to("/admin/users")),
        Ok(()) => Ok(as_json(StatusCode::OK, &app.accounts.user(id).await?.to_json())),
        Err(error) if fields.of_form => {
            let problem = super::told(error)?;
            shown(&app, &caller, None, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}

/// `DELETE /admin/users/{user}`, and the form of the page.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Administrator)?;
    match app.accounts.delete_user(&caller.actor(), number(&id)?).await.map_err(ApiError::from) {
        Ok(()) => {
            app.orders.tidy();
            if fields.of_form { Ok(caller.go_to("/admin/users")) } else { Ok(no_content()) }
        }
        Err(error) if fields.of_form => {
            let problem = super::told(error)?;
            shown(&app, &caller, None, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}
