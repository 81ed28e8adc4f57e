//! Orders on pages: one's own, one of them, and everybody's for those who run the service.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{Problem, Role};
use serde_json::{Value, json};

use super::basket::scripted;
use super::workflows::{changes_of, shown};
use super::zip::may_fetch;
use crate::accounts::{ListOrders, OrderChange, OrderState, Power};
use crate::html::orders as pages;
use crate::limits::{count_refusal, running_orders_limit};
use crate::orders::request::Request;
use crate::orders::{Orders, webhook_key};
use crate::problem::ApiError;
use crate::routes::account::{Caller, Fields, as_json, told};
use crate::routes::ask::whole_number;
use crate::routes::writes::no_content;
use crate::state::App;

/// Orders of a page.
const PAGE_SIZE: i64 = 50;

fn page_of(caller: &Caller, user: Option<i64>) -> Result<(ListOrders, u64), Problem> {
    let page = caller.ask.parameter("page").map(|text| whole_number("page", text)).transpose()?.unwrap_or(0);
    let skip = i64::try_from(page).unwrap_or(i64::MAX).saturating_mul(PAGE_SIZE);
    Ok((ListOrders { user, since: None, descending: true, skip, limit: PAGE_SIZE }, page))
}

/// `GET /orders`.
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["page"])?;
    let user = match caller.ask.principal.require_account(Power::Read) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    listed(&app, &caller, Some(user), None).await
}

/// `GET /admin/orders`.
pub(super) async fn all(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&["page"])?;
    if let Err(problem) = caller.ask.principal.require_keeper(Role::Operator) {
        return caller.to_sign_in(problem);
    }
    listed(&app, &caller, None, None).await
}

async fn listed(
    app: &App,
    caller: &Caller,
    user: Option<i64>,
    problem: Option<&Problem>,
) -> Result<Response, ApiError> {
    let (list, page) = page_of(caller, user)?;
    let (orders, total) = app.accounts.orders(&list).await?;
    if !caller.ask.html && problem.is_none() {
        let orders: Vec<Value> = orders
            .iter()
            .map(|(order, account)| {
                let mut value = shown(&caller.ask, order);
                value["user"] = account.as_str().into();
                value["state"] = order.state.name().into();
                value
            })
            .collect();
        return Ok(as_json(StatusCode::OK, &json!({"orders": orders, "total": total})));
    }
    let has_more = list.skip.saturating_add(list.limit) < total;
    let key = user.map(|user| webhook_key(&app.accounts, user));
    let view = pages::ListView { orders: &orders, page, has_more, of_all: user.is_none(), webhook_key: key.as_deref() };
    Ok(caller.page(problem, pages::list(&caller.ask, &view, &caller.csrf, problem)))
}

/// Whose orders somebody sees: operators everybody's.
fn seen_of(caller: &Caller) -> Result<Option<i64>, Problem> {
    let user = caller.ask.principal.require_account(Power::Read)?;
    let keeps = caller.ask.principal.require_keeper(Role::Operator).is_ok();
    Ok((!keeps).then_some(user))
}

/// `GET /orders/{id}`.
pub(super) async fn one(State(app): State<App>, Path(id): Path<String>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = match seen_of(&caller) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    one_shown(&app, &caller, &id, user, None).await
}

async fn one_shown(
    app: &App,
    caller: &Caller,
    id: &str,
    user: Option<i64>,
    problem: Option<&Problem>,
) -> Result<Response, ApiError> {
    let order = app.accounts.order(id, user).await?;
    if !caller.ask.html && problem.is_none() {
        return Ok(as_json(StatusCode::OK, &shown(&caller.ask, &order)));
    }
    let request = Request::kept(&order.request).unwrap_or_default();
    let is_own = caller.ask.principal.id == Some(order.user);
    let may_hold = caller.ask.principal.role >= Role::Operator;
    let snapshot = Arc::clone(&caller.ask.snapshot);
    let view = pages::OrderView { order: &order, request: &request, is_own, may_hold };
    Ok(caller.page(problem, pages::order(&caller.ask, &snapshot, &view, &caller.csrf, problem)))
}

/// `GET /orders/{id}/files`: what a prepared order holds.
pub(super) async fn files(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = match seen_of(&caller) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    let order = app.accounts.order(&id, user).await?;
    if order.state != OrderState::Completed {
        return Err(Problem::not_found("order-not-ready", "the files of this order are not known yet").into());
    }
    let archive = Orders::archive(&app, &order).await?;
    may_fetch(&caller.ask, &archive)?;
    if caller.ask.html {
        return Ok(caller.page(
            None,
            pages::files(&caller.ask, &order, archive.entries(), caller.ask.principal.id == Some(order.user)),
        ));
    }
    let files: Vec<Value> = archive
        .entries()
        .iter()
        .map(|entry| json!({"path": entry.path, "size": entry.size, "origin": entry.origin}))
        .collect();
    Ok(as_json(StatusCode::OK, &json!({"files": files})))
}

/// `GET /orders/{id}/script`.
pub(super) async fn script(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let user = match seen_of(&caller) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    let order = app.accounts.order(&id, user).await?;
    let request = Request::kept(&order.request)?;
    scripted(&caller.ask, &request.name, &request.selections)
}

/// `POST /orders/{id}/cancel` and the like, of forms.
pub(super) async fn change(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    fields: Fields,
    change: OrderChange,
) -> Result<Response, ApiError> {
    let user = changes_of(&caller, change)?;
    fields.only(&["back"])?;
    let limit = running_orders_limit(&app, &caller.ask.principal).await?;
    let changed = app.accounts.change_order(&caller.actor(), &id, user, change, limit).await;
    match changed.map_err(|error| count_refusal(&app, error.into())) {
        Ok(order) => {
            app.orders.tidy();
            app.orders.wake();
            if !fields.of_form {
                return Ok(as_json(StatusCode::OK, &shown(&caller.ask, &order)));
            }
            let back = if fields.get("back") == Some("all") { "/admin/orders".into() } else { format!("/orders/{id}") };
            Ok(caller.go_to(&back))
        }
        Err(error) if fields.of_form => {
            let problem = told(error)?;
            one_shown(&app, &caller, &id, user, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /orders/{id}/delete`, of forms.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let user = changes_of(&caller, OrderChange::Cancel)?;
    fields.only(&[])?;
    let deleted = app.accounts.delete_order(&caller.actor(), &id, user).await.map_err(ApiError::from);
    app.orders.tidy();
    match deleted {
        Ok(()) if fields.of_form => Ok(caller.go_to("/orders")),
        Ok(()) => Ok(no_content()),
        Err(error) if fields.of_form => {
            let problem = told(error)?;
            one_shown(&app, &caller, &id, user, Some(&problem)).await
        }
        Err(error) => Err(error),
    }
}
