//! The terms of collections: each is accepted on a page of its own, and an account sees what it has accepted and is to accept.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use nilometer_schemas::{Kind, Problem};
use serde_json::{Value, json};

use crate::accounts::{Acceptance, Power};
use crate::html::licences as pages;
use crate::orders::{Accepted, Terms, terms_of};
use crate::problem::ApiError;
use crate::routes::account::{Caller, Fields, as_json};
use crate::routes::ask::no_collection;
use crate::state::App;

/// `GET /licences/{collection}`.
pub(super) async fn terms(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let snapshot = Arc::clone(&caller.ask.snapshot);
    let stored = snapshot.collection(&id, caller.ask.scope).ok_or_else(|| no_collection(&id))?;
    let (terms, must) = terms_of(&stored.collection);
    let accepted = Accepted::of(&app.accounts, caller.ask.principal.id).await?.when(&terms);
    if !caller.ask.html {
        let mut value = terms.to_json(&caller.ask.links.absolute(""));
        value["required"] = must.into();
        value["accepted"] = accepted.map(|at| at.to_string()).into();
        return Ok(as_json(StatusCode::OK, &value));
    }
    let title = stored.collection.title(caller.ask.language().tag()).to_owned();
    let view = pages::TermsView { terms: &terms, title: &title, must, accepted };
    Ok(caller.page(None, pages::terms(&caller.ask, &view, &caller.csrf)))
}

/// `POST /licences/{collection}`: accepts the terms. `terms` is their hash, so that nobody accepts others than were read.
pub(super) async fn accept(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    fields.only(&["terms"])?;
    let snapshot = Arc::clone(&caller.ask.snapshot);
    let stored = snapshot.collection(&id, caller.ask.scope).ok_or_else(|| no_collection(&id))?;
    let (terms, _) = terms_of(&stored.collection);
    if fields.get("terms").is_some_and(|hash| hash != terms.hash) {
        let detail = "the terms have changed since they were shown; read them again";
        return Err(Problem::new(Kind::Conflict, "licence-changed", detail).at("/terms").into());
    }
    app.accounts.accept_licence(&caller.actor(), user, &id, (&terms.hash, &terms.licence)).await?;
    if fields.of_form {
        return Ok(caller.go_to(&terms.path()));
    }
    Ok(as_json(StatusCode::OK, &terms.to_json(&caller.ask.links.absolute(""))))
}

/// `GET /account/licences`: what the account has accepted, and what of the collections that it sees it is to accept.
pub(super) async fn accepted(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = match caller.ask.principal.require_account(Power::Read) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    let (snapshot, scope) = (Arc::clone(&caller.ask.snapshot), caller.ask.scope);
    let accepted = Accepted::of(&app.accounts, Some(user)).await?;
    let tag = caller.ask.language().tag();
    let stored = snapshot.collections(scope);
    let mut open: Vec<(Terms, String)> = stored
        .iter()
        .filter_map(|stored| Some((accepted.lacks(&stored.collection)?, stored.collection.title(tag).to_owned())))
        .collect();
    open.sort_by(|a, b| a.1.cmp(&b.1));
    let is_current = |acceptance: &Acceptance| {
        let stored = snapshot.collection(&acceptance.collection, scope);
        stored.is_some_and(|stored| terms_of(&stored.collection).0.hash == acceptance.terms)
    };
    let all = accepted.all().iter().map(|acceptance| (acceptance.clone(), is_current(acceptance)));
    let all: Vec<(Acceptance, bool)> = all.collect();
    if caller.ask.html {
        let view = pages::LicencesView { accepted: &all, open: &open };
        return Ok(caller.page(None, pages::licences(&caller.ask, &view)));
    }
    let base = caller.ask.links.absolute("");
    let all = all.iter().map(|(acceptance, is_current)| {
        let mut value = acceptance.to_json();
        value["current"] = (*is_current).into();
        value
    });
    let (all, open): (Vec<Value>, Vec<Value>) =
        (all.collect(), open.iter().map(|(terms, _)| terms.to_json(&base)).collect());
    Ok(as_json(StatusCode::OK, &json!({"licences": all, "open": open})))
}
