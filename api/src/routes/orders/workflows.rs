//! Placing orders and looking after them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::{Problem, Role};
use serde_json::{Value, json};

use super::WORKFLOWS;
use crate::accounts::{NewOrder, Order, OrderChange, OrderState, Power, Principal};
use crate::limits::{count_refusal, running_orders_limit};
use crate::orders::request::Request;
use crate::orders::{Accepted, Asking, Gathered, Terms, gather, needed_licences, not_accepted, terms_of};
use crate::problem::ApiError;
use crate::routes::account::{Caller, as_json};
use crate::routes::ask::{Ask, no_collection};
use crate::routes::body::JsonBody;
use crate::routes::question::interpret_body;
use crate::routes::searches::load;
use crate::routes::writes::no_content;
use crate::state::{App, run_blocking};

/// Reads a body: kept questions that it names are put in their place, sentences read, and every selection looked at.
///
/// # Errors
/// As [`Request::read`] and [`Request::check`].
pub(super) async fn read(app: &App, ask: &Ask, body: Value) -> Result<Request, ApiError> {
    let mut request = Request::read(body)?;
    for selection in &mut request.selections {
        let Some(search) = &mut selection.search else { continue };
        if let Some(id) = search.as_str() {
            *search = load(app, id).await?;
        }
        interpret_body(app, ask, search).await?;
    }
    request.base = ask.links.absolute("");
    if let Some(address) = &request.notify.webhook {
        app.orders.check_webhook(address)?;
    }
    let (snapshot, scope) = (Arc::clone(&ask.snapshot), ask.scope);
    run_blocking(move || {
        request.check(&snapshot, &scope)?;
        Ok(request)
    })
    .await
}

/// What somebody asks for who may order.
async fn asked(app: &App, ask: &Ask, body: Value) -> Result<Request, ApiError> {
    ask.only(&[])?;
    ask.principal.require_account(Power::Order)?;
    read(app, ask, body).await
}

/// Places an order that was read.
///
/// # Errors
/// `Forbidden` for terms that were not accepted, `TooManyRequests` for too many open orders, `Conflict` and `StorageFull` where
/// there is no room for what would be written.
pub(super) async fn place(app: &App, caller: &Caller, request: Request) -> Result<Order, ApiError> {
    let principal = &caller.ask.principal;
    let user = principal.require_account(Power::Order)?;
    let snapshot = Arc::clone(&caller.ask.snapshot);
    for id in &request.accepted {
        let stored =
            snapshot.collection(id, caller.ask.scope).ok_or_else(|| no_collection(id).at("/accept_licences"))?;
        let (terms, _) = terms_of(&stored.collection);
        let told = (terms.hash.as_str(), terms.licence.as_str());
        app.accounts.accept_licence(&caller.actor(), user, id, told).await?;
    }
    // Only collections that are named are looked at here; of a search over all, the worker finds those that it needs.
    let named = named_collections(&request);
    let needed = needed_licences(&app.accounts, Some(user), &snapshot, &caller.ask.scope, &named).await?;
    let refused = match needed.first() {
        Some(terms) if !request.is_compatible => return Err(not_accepted(terms).into()),
        // Their clients show no body of a refusal: they hear of it by the order's message.
        Some(terms) => Some(format!(
            "LICENCE_NOT_ACCEPTED: accept the terms of {:?} at {}{} and order again",
            terms.collection,
            request.base,
            terms.path()
        )),
        None => None,
    };
    if !request.is_compatible {
        // Of theirs the worker finds out, and tells by the message.
        app.orders.check_room(user)?;
    }
    let new = NewOrder {
        name: request.name.clone(),
        untold: !request.notify.is_none(),
        request: serde_json::to_string(&request).map_err(ApiError::internal)?,
        refused,
    };
    let limit = running_orders_limit(app, principal).await?;
    let placed = app.accounts.place_order(&caller.actor(), principal, new, limit).await;
    let order = placed.map_err(|error| count_refusal(app, error.into()))?;
    app.orders.wake();
    Ok(order)
}

fn named_collections(request: &Request) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for selection in &request.selections {
        named.extend(selection.named().into_iter().map(str::to_owned));
    }
    named.sort_unstable();
    named.dedup();
    named
}

/// `POST /api/download/workflows`.
pub(super) async fn submit(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = asked(&app, &caller.ask, body).await?;
    let order = place(&app, &caller, request).await?;
    let mut response = as_json(StatusCode::CREATED, &shown(&caller.ask, &order));
    if let Ok(location) = HeaderValue::from_str(&caller.ask.links.absolute(&path_of(&order.id))) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn path_of(id: &str) -> String {
    format!("{WORKFLOWS}/{id}")
}

/// An order with its links.
pub(super) fn shown(ask: &Ask, order: &Order) -> Value {
    let mut value = order.to_json();
    let path = path_of(&order.id);
    let mut links = vec![ask.links.link("self", crate::links::JSON, &path)];
    links.push(ask.links.link("alternate", crate::links::HTML, &format!("/orders/{}", order.id)));
    if order.state == OrderState::Completed {
        links.push(ask.links.link("enclosure", "application/zip", &format!("{path}/zip")));
    }
    value["links"] = links.into();
    value
}

/// `GET /api/download/workflows/{id}`.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = caller.ask.principal.require_account(Power::Read)?;
    let order = app.accounts.order(&id, Some(user)).await?;
    Ok(as_json(StatusCode::OK, &shown(&caller.ask, &order)))
}

/// Whose orders somebody may look at, with a key for reading or for ordering.
///
/// # Errors
/// `Unauthorized` and `Forbidden`.
pub(super) fn reader(principal: &Principal) -> Result<i64, Problem> {
    principal.require_account(Power::Order).or_else(|_| principal.require_account(Power::Read))
}

/// `GET /api/download/workflows/{id}/status`.
pub(super) async fn status(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let user = reader(&caller.ask.principal)?;
    let order = app.accounts.order(&id, Some(user)).await?;
    let value = json!({
        "workflowId": order.id, "status": order.state.status(), "progress": order.progress, "message": order.message,
    });
    Ok(as_json(StatusCode::OK, &value))
}

/// `DELETE /api/download/workflows/{id}`.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    app.accounts.delete_order(&caller.actor(), &id, Some(user)).await?;
    app.orders.tidy();
    Ok(no_content())
}

/// Whose orders somebody may change: operators everybody's, and what operators alone do nobody else.
///
/// # Errors
/// `Unauthorized` and `Forbidden`.
pub(super) fn changes_of(caller: &Caller, change: OrderChange) -> Result<Option<i64>, Problem> {
    let principal = &caller.ask.principal;
    let user = principal.require_account(Power::Order)?;
    if principal.require_keeper(Role::Operator).is_ok() {
        return Ok(None);
    }
    match change {
        OrderChange::Cancel | OrderChange::Rerun => Ok(Some(user)),
        OrderChange::Pause | OrderChange::Resume => principal.require_keeper(Role::Operator).map(|_| None),
    }
}

/// `POST /api/download/workflows/{id}/cancel` and the like.
pub(super) async fn change(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    change: OrderChange,
) -> Result<Response, ApiError> {
    let user = changes_of(&caller, change)?;
    let limit = running_orders_limit(&app, &caller.ask.principal).await?;
    let changed = app.accounts.change_order(&caller.actor(), &id, user, change, limit).await;
    let order = changed.map_err(|error| count_refusal(&app, error.into()))?;
    app.orders.tidy();
    app.orders.wake();
    Ok(as_json(StatusCode::OK, &shown(&caller.ask, &order)))
}

/// What an order would hold.
pub(super) struct Estimate {
    pub(super) gathered: Gathered,
    pub(super) licences: Vec<Terms>,
}

/// Looks what an order would hold; nothing is kept.
///
/// # Errors
/// As the order.
pub(super) async fn estimated(app: &App, ask: &Ask, request: &Request) -> Result<Estimate, ApiError> {
    let (files, snapshot, scope) = (Arc::clone(&app.files), Arc::clone(&ask.snapshot), ask.scope);
    let (request, files_max) = (request.clone(), app.config.orders.files_max);
    let accepted = Accepted::of(&app.accounts, ask.principal.id).await?;
    let (gathered, snapshot) = run_blocking(move || {
        let (files, request, accepted) = (&*files, &request, &accepted);
        let gathered = gather(&Asking { files, snapshot: &snapshot, request, scope, accepted, files_max })?;
        Ok((gathered, snapshot))
    })
    .await?;
    let licences = needed_licences(&app.accounts, ask.principal.id, &snapshot, &scope, &gathered.collections).await?;
    Ok(Estimate { gathered, licences })
}

/// `POST /api/download/workflows/estimate`.
pub(super) async fn estimate(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = asked(&app, &caller.ask, body).await?;
    let Estimate { gathered, licences } = estimated(&app, &caller.ask, &request).await?;
    let base = caller.ask.links.absolute("");
    let value = json!({
        "files": gathered.candidates.len(),
        "bytes": gathered.bytes(),
        "unknownSizes": gathered.unknown_sizes(),
        "elsewhere": gathered.elsewhere,
        "leftOut": gathered.left_out.iter().map(|left| left.to_json(&base)).collect::<Vec<_>>(),
        "collections": gathered.collections,
        "licences": licences.iter().map(|terms| terms.to_json(&base)).collect::<Vec<_>>(),
        "limits": {"files": app.config.orders.files_max, "bytes": app.config.orders.bytes_max},
    });
    Ok(as_json(StatusCode::OK, &value))
}
