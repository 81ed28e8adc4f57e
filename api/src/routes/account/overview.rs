//! `/admin`: what there is to look after, for operators and administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::Role;
use serde_json::{Map, Value, json};

use super::{Caller, as_json};
use crate::html::account as pages;
use crate::problem::ApiError;
use crate::state::App;

/// `GET /admin`.
pub(super) async fn get(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    if let Err(problem) = caller.ask.principal.require_keeper(Role::Operator) {
        return caller.to_sign_in(problem);
    }
    let overview = app.accounts.overview().await?;
    if caller.ask.html {
        return Ok(caller.page(None, pages::overview(&caller.ask, &overview)));
    }
    let orders = overview.orders.iter().map(|(state, count)| (state.name().to_owned(), Value::from(*count)));
    let mut value = json!({
        "accounts": overview.accounts, "closed": overview.closed, "unconfirmed": overview.unconfirmed,
        "groups": overview.groups, "grants": overview.grants, "orders": orders.collect::<Map<_, _>>(),
    });
    // The log is for administrators alone, and so is how long it is.
    if caller.ask.principal.role >= Role::Administrator {
        value["audit"] = overview.audit.into();
    }
    Ok(as_json(StatusCode::OK, &value))
}
