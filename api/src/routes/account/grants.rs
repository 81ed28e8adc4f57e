//! `/admin/grants`: what groups may see of collections, seen by operators and kept by administrators.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{CollectionId, Level, Problem, Role, Scope};
use serde_json::{Value, json};

use super::fields::Fields;
use super::groups::changed;
use super::{Caller, as_json};
use crate::accounts::{Grant, Terms};
use crate::problem::ApiError;
use crate::routes::ask::no_collection;
use crate::routes::writes::no_content;
use crate::state::App;

/// Members of a grant.
const TERMS: [&str; 3] = ["level", "filter", "older_than"];

/// `GET /admin/grants`; people see them on the page of the groups.
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    if let Err(problem) = caller.ask.principal.require_keeper(Role::Operator) {
        return caller.to_sign_in(problem);
    }
    if caller.ask.html {
        return Ok(caller.go_to("/admin/groups"));
    }
    let grants: Vec<Value> = app.accounts.grants().await?.iter().map(Grant::to_json).collect();
    Ok(as_json(StatusCode::OK, &json!({"grants": grants})))
}

fn terms(fields: &Fields) -> Result<Terms, Problem> {
    let level = fields.text("level")?;
    let level = Level::of_name(level).ok_or_else(|| {
        let problem = Problem::invalid("grant", format!("there is no level {level:?}")).at("/level");
        problem.allowed(Level::ALL.map(Level::name).join(", "))
    })?;
    let text = |name: &str| fields.get(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Terms { level, filter: text("filter"), older_than: text("older_than") })
}

/// The collection of an id. Whoever keeps rights sees all collections, whatever they are about to hide.
fn known(app: &App, id: &str) -> Result<CollectionId, Problem> {
    let snapshot = app.catalog.snapshot();
    let stored = snapshot.collection(id, Scope::of(Role::Administrator)).ok_or_else(|| no_collection(id))?;
    Ok(stored.collection.id.clone())
}

async fn written(app: &App, caller: &Caller, group: &str, collection: &str, fields: &Fields) -> Result<(), ApiError> {
    let terms = terms(fields)?;
    let collection = known(app, collection)?;
    Ok(app.accounts.put_grant(&caller.actor(), group, &collection, &terms).await?)
}

/// `PUT /admin/groups/{group}/grants/{collection}`.
pub(super) async fn put(
    State(app): State<App>,
    Path((group, collection)): Path<(String, String)>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Administrator)?;
    fields.only(&TERMS)?;
    written(&app, &caller, &group, &collection, &fields).await?;
    Ok(no_content())
}

/// `DELETE /admin/groups/{group}/grants/{collection}`: 204 also when there was none. The collection may be gone already.
pub(super) async fn take_back(
    State(app): State<App>,
    Path((group, collection)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Administrator)?;
    app.accounts.delete_grant(&caller.actor(), &group, &collection).await?;
    Ok(no_content())
}

/// What a form of the page does, which has these members.
async fn by_form(
    app: &App,
    caller: &Caller,
    fields: &Fields,
    known: &[&str],
    act: impl Future<Output = Result<(), ApiError>>,
) -> Result<Response, ApiError> {
    caller.ask.principal.require_keeper(Role::Administrator)?;
    let done = async {
        fields.only(known)?;
        act.await
    };
    changed(app, caller, fields.of_form, done.await).await
}

/// `POST /admin/groups/{group}/grants`: the same from a form.
pub(super) async fn add(
    State(app): State<App>,
    Path(group): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let act = async { written(&app, &caller, &group, fields.text("collection")?, &fields).await };
    by_form(&app, &caller, &fields, &[&TERMS[..], &["collection"]].concat(), act).await
}

/// `POST /admin/groups/{group}/grants/remove`.
pub(super) async fn remove(
    State(app): State<App>,
    Path(group): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let act = async { Ok(app.accounts.delete_grant(&caller.actor(), &group, fields.text("collection")?).await?) };
    by_form(&app, &caller, &fields, &["collection"], act).await
}
