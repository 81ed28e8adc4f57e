//! `/admin/groups`: groups and who belongs to them, kept by operators.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{Problem, Role};
use serde_json::{Value, json};

use super::fields::Fields;
use super::{Caller, as_json};
use crate::accounts::Group;
use crate::html::account as pages;
use crate::problem::ApiError;
use crate::routes::writes::no_content;
use crate::state::App;

async fn shown(app: &App, caller: &Caller, problem: Option<&Problem>) -> Result<Response, ApiError> {
    let (groups, grants) = (app.accounts.groups().await?, app.accounts.grants().await?);
    Ok(caller.page(problem, pages::groups(&caller.ask, &groups, &grants, &caller.csrf, problem)))
}

/// `GET /admin/groups`.
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    if let Err(problem) = caller.ask.principal.require_keeper(Role::Operator) {
        return caller.to_sign_in(problem);
    }
    if caller.ask.html {
        return shown(&app, &caller, None).await;
    }
    let groups: Vec<Value> = app.accounts.groups().await?.iter().map(Group::to_json).collect();
    Ok(as_json(StatusCode::OK, &json!({"groups": groups})))
}

/// What a change answers: the page again for forms, nothing more for programs.
pub(super) async fn changed(
    app: &App,
    caller: &Caller,
    of_form: bool,
    done: Result<(), ApiError>,
) -> Result<Response, ApiError> {
    match done {
        Ok(()) if of_form => Ok(caller.go_to("/admin/groups")),
        Ok(()) => Ok(no_content()),
        Err(error) if of_form => {
            let problem = super::told(error)?;
            shown(app, caller, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /admin/groups`.
pub(super) async fn create(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Operator)?;
    let made = async {
        fields.only(&["name"])?;
        Ok::<_, ApiError>(app.accounts.add_group(&caller.actor(), fields.text("name")?).await?)
    };
    match made.await {
        Ok(()) if !fields.of_form => {
            Ok(as_json(StatusCode::CREATED, &json!({"name": fields.get("name"), "members": []})))
        }
        done => changed(&app, &caller, fields.of_form, done).await,
    }
}

/// `DELETE /admin/groups/{group}`, and the form of the page.
pub(super) async fn delete(
    State(app): State<App>,
    Path(group): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Operator)?;
    let done = app.accounts.delete_group(&caller.actor(), &group).await.map_err(ApiError::from);
    changed(&app, &caller, fields.of_form, done).await
}

async fn set(app: &App, caller: &Caller, group: &str, fields: &Fields, member: bool) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Operator)?;
    let done = async {
        fields.only(&["user"])?;
        Ok::<_, ApiError>(app.accounts.set_member(&caller.actor(), group, fields.text("user")?, member).await?)
    };
    changed(app, caller, fields.of_form, done.await).await
}

/// `POST /admin/groups/{group}/members`.
pub(super) async fn add(
    State(app): State<App>,
    Path(group): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    set(&app, &caller, &group, &fields, true).await
}

/// `POST /admin/groups/{group}/members/remove`.
pub(super) async fn remove(
    State(app): State<App>,
    Path(group): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    set(&app, &caller, &group, &fields, false).await
}

/// `PUT /admin/groups/{group}/members/{user}`.
pub(super) async fn put(
    State(app): State<App>,
    Path((group, user)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Operator)?;
    app.accounts.set_member(&caller.actor(), &group, &user, true).await?;
    Ok(no_content())
}

/// `DELETE /admin/groups/{group}/members/{user}`.
pub(super) async fn take_out(
    State(app): State<App>,
    Path((group, user)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Operator)?;
    app.accounts.set_member(&caller.actor(), &group, &user, false).await?;
    Ok(no_content())
}
