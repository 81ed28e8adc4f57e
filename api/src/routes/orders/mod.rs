//! Orders of files: the interface that users of hydroweb.next have in their scripts (`/api/download/workflows`), baskets, and
//! the pages for both.

mod basket;
mod licences;
mod list;
mod pages;
mod workflows;
mod zip;

pub(super) use zip::saved as saved_zip;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, get, post};
use nilometer_schemas::Level;
use serde_json::{Value, json};

use super::account::{Caller, Fields};
use super::ask::Ask;
use crate::accounts::{OrderChange, Power};
use crate::links::JSON;
use crate::state::App;

/// Where orders are for programs.
pub(crate) const WORKFLOWS: &str = "/api/download/workflows";

/// The link by which whoever asks may order the files of a question; none for those without an account.
pub(super) fn link(ask: &Ask, question: Value) -> Option<Value> {
    ask.principal.require_account(Power::Order).ok()?;
    let mut search = question;
    // Of what is seen in its metadata alone, nothing can be ordered.
    let named = search["collections"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut levels = named.map(|id| ask.snapshot.level(id, ask.scope)).peekable();
    if levels.peek().is_some() && levels.all(|level| level < Level::Partial) {
        return None;
    }
    if let Some(members) = search.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "fields" | "limit" | "page" | "token"));
    }
    let mut link = ask.links.with_method("order", JSON, WORKFLOWS, "POST");
    link["body"] = json!({ "search": search });
    Some(link)
}

/// What programs send to change an order.
fn change(change: OrderChange) -> MethodRouter<App> {
    post(move |app: State<App>, path: Path<String>, caller: Caller| workflows::change(app, path, caller, change))
}

/// What forms send to do the same.
fn form(change: OrderChange) -> MethodRouter<App> {
    post(move |app: State<App>, path: Path<String>, caller: Caller, fields: Fields| {
        pages::change(app, path, caller, fields, change)
    })
}

/// All routes of this module.
pub(super) fn router() -> Router<App> {
    let one = format!("{WORKFLOWS}/{{order}}");
    Router::new()
        .route("/account/basket", get(basket::get).put(basket::put).delete(basket::delete))
        .route("/account/basket/add", get(basket::add_page).post(basket::add))
        .route("/account/basket/remove", post(basket::remove))
        .route("/account/basket/order", post(basket::order))
        .route("/account/basket/share", post(basket::share))
        .route("/account/basket/script", get(basket::own_script))
        .route("/account/baskets", get(basket::all_shared))
        .route("/baskets/{basket}", get(basket::shared).delete(basket::unshare))
        .route("/baskets/{basket}/delete", post(basket::unshare))
        .route("/baskets/{basket}/script", get(basket::shared_script))
        .route("/baskets/{basket}/take", post(basket::take))
        .route("/orders", get(pages::list))
        .route("/orders/{order}", get(pages::one))
        .route("/orders/{order}/files", get(pages::files))
        .route("/orders/{order}/script", get(pages::script))
        .route("/orders/{order}/cancel", form(OrderChange::Cancel))
        .route("/orders/{order}/pause", form(OrderChange::Pause))
        .route("/orders/{order}/resume", form(OrderChange::Resume))
        .route("/orders/{order}/rerun", form(OrderChange::Rerun))
        .route("/orders/{order}/delete", post(pages::delete))
        .route("/admin/orders", get(pages::all))
        .route("/licences/{collection}", get(licences::terms).post(licences::accept))
        .route("/account/licences", get(licences::accepted))
        .route(WORKFLOWS, get(list::get).post(workflows::submit))
        .route(&format!("{WORKFLOWS}/estimate"), post(workflows::estimate))
        .route(&one, get(workflows::get).delete(workflows::delete))
        .route(&format!("{one}/status"), get(workflows::status))
        .route(&format!("{one}/zip"), get(zip::get))
        .route(&format!("{one}/cancel"), change(OrderChange::Cancel))
        .route(&format!("{one}/pause"), change(OrderChange::Pause))
        .route(&format!("{one}/resume"), change(OrderChange::Resume))
        .route(&format!("{one}/rerun"), change(OrderChange::Rerun))
}
