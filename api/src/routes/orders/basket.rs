//! The basket of an account: kept, shared by a link, turned into an order, and into programs that order the same.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use nilometer_schemas::{Kind, Problem};
use serde_json::{Value, json};

use super::workflows::{Estimate, estimated, place, read};
use crate::accounts::{Error, Power, SharedBasket, SharingTerms};
use crate::html::orders::{self as pages, BasketView};
use crate::orders::request::{SELECTIONS_MAX, Selection};
use crate::orders::script::{Kind as ScriptKind, script};
use crate::problem::ApiError;
use crate::routes::account::{Caller, Fields, as_json, told};
use crate::routes::ask::Ask;
use crate::routes::body::JsonBody;
use crate::routes::question::question_of;
use crate::routes::writes::no_content;
use crate::state::App;

/// Bytes of a basket.
const BASKET_BYTES_MAX: usize = 512 << 10;

/// The selections of an account's basket.
async fn load(app: &App, user: i64) -> Result<Vec<Selection>, ApiError> {
    Ok(selections_of(app.accounts.basket(user).await?.as_deref())?)
}

/// The selections of a basket's text.
fn selections_of(text: Option<&str>) -> Result<Vec<Selection>, Error> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let read =
        serde_json::from_str::<Value>(text).and_then(|mut body| serde_json::from_value(body["selections"].take()));
    read.map_err(|error| Error::Damaged(format!("a basket ({error})")))
}

/// The text of a basket; none of an empty one.
fn text_of(selections: &[Selection]) -> Result<Option<String>, Problem> {
    if selections.is_empty() {
        return Ok(None);
    }
    let text = body_of(selections).to_string();
    if selections.len() > SELECTIONS_MAX || text.len() > BASKET_BYTES_MAX {
        let detail = format!("a basket has at most {SELECTIONS_MAX} selections and {BASKET_BYTES_MAX} bytes");
        return Err(Problem::new(Kind::TooLarge, "order-size", detail));
    }
    Ok(Some(text))
}

/// Changes an account's basket, while nobody else does; what it holds afterwards.
async fn changed(
    app: &App,
    user: i64,
    change: impl FnOnce(&mut Vec<Selection>) -> Result<(), Problem> + Send,
) -> Result<Vec<Selection>, ApiError> {
    let mut kept = Vec::new();
    let made = |text: Option<String>| {
        let mut selections = selections_of(text.as_deref())?;
        change(&mut selections)?;
        let text = text_of(&selections)?;
        kept = selections;
        Ok(text)
    };
    app.accounts.change_basket(user, made).await?;
    Ok(kept)
}

/// Puts further selections into a basket; what is there already is there once.
fn join(selections: &mut Vec<Selection>, more: Vec<Selection>) {
    for selection in more {
        if !selections.contains(&selection) {
            selections.push(selection);
        }
    }
}

fn body_of(selections: &[Selection]) -> Value {
    json!({"selections": selections})
}

fn basket_json(ask: &Ask, selections: &[Selection]) -> Value {
    let mut value = body_of(selections);
    let link = |rel: &str, kind: &str, path: &str| ask.links.link(rel, kind, path);
    let mut links = vec![link("self", crate::links::JSON, "/account/basket")];
    for kind in ScriptKind::ALL {
        let path = format!("/account/basket/script?kind={}", kind.label());
        links.push(link("related", kind.file().1, &path));
    }
    value["links"] = links.into();
    value
}

/// The page of a basket, with an estimate of what it holds.
async fn shown(app: &App, caller: &Caller, selections: &[Selection], view: View<'_>) -> Result<Response, ApiError> {
    let mut problem = view.problem.cloned();
    let estimate = match selections.is_empty() {
        true => None,
        false => {
            let outcome = async {
                let request = read(app, &caller.ask, body_of(selections)).await?;
                estimated(app, &caller.ask, &request).await
            };
            match outcome.await {
                Ok(estimate) => Some(estimate),
                Err(error) => {
                    let found = told(error)?;
                    problem = problem.or(Some(found));
                    None
                }
            }
        }
    };
    let estimate = estimate.map(|Estimate { gathered, licences }| pages::EstimateView {
        files: gathered.candidates.len() as u64,
        bytes: gathered.bytes(),
        unknown_sizes: gathered.unknown_sizes() as u64,
        elsewhere: gathered.elsewhere,
        left_out: gathered.left_out,
        licences,
    });
    let snapshot = Arc::clone(&caller.ask.snapshot);
    let sharing = match caller.ask.principal.id {
        Some(user) => app.accounts.shared_baskets_of(user).await?,
        None => Vec::new(),
    };
    let (csrf, sharing) = (caller.csrf.as_str(), sharing.as_slice());
    let basket = BasketView { selections, estimate, shared: None, sharing, link: view.link, csrf };
    let text = pages::basket(&caller.ask, &snapshot, &basket, problem.as_ref());
    Ok(caller.page(view.problem, text))
}

/// What a page of a basket shows beside it.
#[derive(Default)]
struct View<'a> {
    problem: Option<&'a Problem>,
    /// A link that was made just now.
    link: Option<&'a str>,
}

/// `GET /account/basket`.
pub(super) async fn get(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = match caller.ask.principal.require_account(Power::Order) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    let selections = load(&app, user).await?;
    if caller.ask.html {
        return shown(&app, &caller, &selections, View::default()).await;
    }
    Ok(as_json(StatusCode::OK, &basket_json(&caller.ask, &selections)))
}

/// `PUT /account/basket`: the body of an order.
pub(super) async fn put(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = caller.ask.principal.require_account(Power::Order)?;
    let selections = match body["selections"].as_array() {
        Some(list) if list.is_empty() => Vec::new(),
        _ => read(&app, &caller.ask, body).await?.selections,
    };
    let replaced = move |basket: &mut Vec<Selection>| {
        *basket = selections;
        Ok(())
    };
    let selections = changed(&app, user, replaced).await?;
    Ok(as_json(StatusCode::OK, &basket_json(&caller.ask, &selections)))
}

/// `DELETE /account/basket`.
pub(super) async fn delete(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    app.accounts.change_basket(user, |_| Ok(None)).await?;
    Ok(no_content())
}

/// Parts of a question that a page hands on: an address's query string, and the collection and item of the page.
const QUESTION: [&str; 3] = ["query", "collection", "ids"];

/// `GET /account/basket/add`: the page on which it is said how the files of a question are wanted.
pub(super) async fn add_page(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&QUESTION)?;
    if let Err(problem) = caller.ask.principal.require_account(Power::Order) {
        return caller.to_sign_in(problem);
    }
    let question: Vec<(&str, &str)> =
        caller.ask.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // What is no question is refused before anything is asked about it.
    question_of(&app, caller.ask.parameter("query").unwrap_or_default()).await?;
    Ok(caller.page(None, pages::addition(&caller.ask, &question, &caller.csrf, None)))
}

/// The selection of the page's form.
async fn added(app: &App, caller: &Caller, fields: &Fields) -> Result<Vec<Selection>, ApiError> {
    fields.only(&["query", "collection", "ids", "formats", "bbox", "datetime", "parameters"])?;
    let mut search = question_of(app, fields.get("query").unwrap_or_default()).await?;
    for (member, name) in [("collections", "collection"), ("ids", "ids")] {
        if let Some(value) = fields.get(name) {
            search[member] = json!([value]);
        }
    }
    let list =
        |text: String| text.split(',').map(str::trim).filter(|e| !e.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut subset = serde_json::Map::new();
    if let Some(text) = fields.get("bbox") {
        let numbers: Vec<f64> = list(text.to_owned()).iter().filter_map(|number| number.parse().ok()).collect();
        subset.insert("bbox".into(), json!(numbers));
    }
    if let Some(period) = fields.get("datetime") {
        subset.insert("datetime".into(), period.into());
    }
    let parameters = list(fields.all("parameters"));
    if !parameters.is_empty() {
        subset.insert("parameters".into(), json!(parameters));
    }
    let mut selection = json!({"search": search, "formats": list(fields.all("formats"))});
    if !subset.is_empty() {
        selection["subset"] = subset.into();
    }
    Ok(read(app, &caller.ask, json!({"selections": [selection]})).await?.selections)
}

/// `POST /account/basket/add`: the question of a page, with formats and subset.
pub(super) async fn add(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    let outcome = async {
        let more = added(&app, &caller, &fields).await?;
        let joined = |basket: &mut Vec<Selection>| {
            join(basket, more);
            Ok(())
        };
        changed(&app, user, joined).await
    };
    match outcome.await {
        Ok(_) if fields.of_form => Ok(caller.go_to("/account/basket")),
        Ok(selections) => Ok(as_json(StatusCode::OK, &basket_json(&caller.ask, &selections))),
        Err(error) if fields.of_form => {
            let problem = told(error)?;
            let question: Vec<(&str, &str)> =
                QUESTION.into_iter().filter_map(|name| Some((name, fields.get(name)?))).collect();
            Ok(caller.page(Some(&problem), pages::addition(&caller.ask, &question, &caller.csrf, Some(&problem))))
        }
        Err(error) => Err(error),
    }
}

/// `POST /account/basket/remove`: takes the selection of a number (from 0) out, or all without one.
pub(super) async fn remove(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    fields.only(&["selection"])?;
    let number = fields.get("selection").map(str::parse::<usize>);
    let removed = |basket: &mut Vec<Selection>| {
        match number {
            None => basket.clear(),
            Some(Ok(at)) if at < basket.len() => drop(basket.remove(at)),
            Some(_) => {
                let detail = "the basket has no selection of this number";
                return Err(Problem::invalid("number", detail).at("/selection"));
            }
        }
        Ok(())
    };
    let selections = changed(&app, user, removed).await?;
    Ok(if fields.of_form {
        caller.go_to("/account/basket")
    } else {
        as_json(StatusCode::OK, &basket_json(&caller.ask, &selections))
    })
}

/// `POST /account/basket/order`: orders the basket, which is empty afterwards but for what was put into it meanwhile.
pub(super) async fn order(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    let selections = load(&app, user).await?;
    let placed = async {
        fields.only(&["name", "mail", "webhook", "accept_licences"])?;
        let accepted = fields.all("accept_licences");
        let accepted: Vec<&str> = accepted.split(',').filter(|id| !id.is_empty()).collect();
        let body = json!({
            "name": fields.get("name"), "selections": selections, "accept_licences": accepted,
            "notify": {"mail": fields.flag("mail")?.unwrap_or(false), "webhook": fields.get("webhook")},
        });
        let request = read(&app, &caller.ask, body).await?;
        let order = place(&app, &caller, request).await?;
        let emptied = |basket: &mut Vec<Selection>| {
            basket.retain(|selection| !selections.contains(selection));
            Ok(())
        };
        changed(&app, user, emptied).await?;
        Ok::<_, ApiError>(order)
    };
    match placed.await {
        Ok(order) if fields.of_form => Ok(caller.go_to(&format!("/orders/{}", order.id))),
        Ok(order) => Ok(as_json(StatusCode::CREATED, &super::workflows::shown(&caller.ask, &order))),
        Err(error) if fields.of_form => {
            let problem = told(error)?;
            shown(&app, &caller, &selections, View { problem: Some(&problem), ..View::default() }).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /account/basket/share`: a link that shows the basket to whoever has it.
pub(super) async fn share(State(app): State<App>, caller: Caller, fields: Fields) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    fields.only(&[])?;
    let selections = load(&app, user).await?;
    if selections.is_empty() {
        return Err(Problem::invalid("order", "an empty basket is not shared").at("/selections").into());
    }
    let settings = &app.config.orders;
    let terms = SharingTerms {
        per_user: settings.shared_per_user,
        bytes_in_all: settings.shared_bytes,
        days: settings.shared_days,
    };
    let text = body_of(&selections).to_string();
    match app.accounts.share_basket(&caller.actor(), user, &text, &terms).await.map_err(ApiError::from) {
        Ok(basket) if fields.of_form => {
            let href = caller.ask.links.absolute(&path_of(&basket));
            shown(&app, &caller, &selections, View { link: Some(&href), ..View::default() }).await
        }
        Ok(basket) => Ok(as_json(StatusCode::CREATED, &shared_json(&caller.ask, &basket))),
        Err(error) if fields.of_form => {
            let problem = told(error)?;
            shown(&app, &caller, &selections, View { problem: Some(&problem), ..View::default() }).await
        }
        Err(error) => Err(error),
    }
}

fn path_of(basket: &SharedBasket) -> String {
    format!("/baskets/{}", basket.id)
}

/// A shared basket for its owner.
fn shared_json(ask: &Ask, basket: &SharedBasket) -> Value {
    let mut value = basket.to_json();
    value["href"] = ask.links.absolute(&path_of(basket)).into();
    value
}

/// `GET /account/baskets`: what the account shares. People see it on the page of the basket.
pub(super) async fn all_shared(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let user = match caller.ask.principal.require_account(Power::Order) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    if caller.ask.html {
        return Ok(caller.go_to("/account/basket"));
    }
    let baskets = app.accounts.shared_baskets_of(user).await?;
    let baskets: Vec<Value> = baskets.iter().map(|basket| shared_json(&caller.ask, basket)).collect();
    Ok(as_json(StatusCode::OK, &json!({"baskets": baskets})))
}

/// `DELETE /baskets/{id}`, and the form of the page: its owner takes a shared basket back.
pub(super) async fn unshare(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    fields.only(&[])?;
    app.accounts.unshare_basket(&caller.actor(), user, &id).await?;
    Ok(if fields.of_form { caller.go_to("/account/basket") } else { no_content() })
}

/// `GET /baskets/{id}`.
pub(super) async fn shared(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.ask.only(&[])?;
    let selections = shared_selections(&app, &id).await?;
    if caller.ask.html {
        // What it holds is for those who may fetch it; whoever has the link may read it.
        let snapshot = Arc::clone(&caller.ask.snapshot);
        let basket = BasketView {
            selections: &selections,
            estimate: None,
            shared: Some(&id),
            sharing: &[],
            link: None,
            csrf: &caller.csrf,
        };
        return Ok(caller.page(None, pages::basket(&caller.ask, &snapshot, &basket, None)));
    }
    Ok(as_json(StatusCode::OK, &body_of(&selections)))
}

async fn shared_selections(app: &App, id: &str) -> Result<Vec<Selection>, ApiError> {
    Ok(selections_of(Some(&app.accounts.shared_basket(id).await?.body))?)
}

/// `POST /baskets/{id}/take`: makes a shared basket one's own, beside what is in it already.
pub(super) async fn take(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, ApiError> {
    let user = caller.ask.principal.require_account(Power::Order)?;
    fields.only(&[])?;
    let more = shared_selections(&app, &id).await?;
    let joined = |basket: &mut Vec<Selection>| {
        join(basket, more);
        Ok(())
    };
    let selections = changed(&app, user, joined).await?;
    Ok(if fields.of_form {
        caller.go_to("/account/basket")
    } else {
        as_json(StatusCode::OK, &basket_json(&caller.ask, &selections))
    })
}

/// `GET /account/basket/script`.
pub(super) async fn own_script(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let user = match caller.ask.principal.require_account(Power::Order) {
        Ok(user) => user,
        Err(problem) => return caller.to_sign_in(problem),
    };
    scripted(&caller.ask, "", &load(&app, user).await?)
}

/// `GET /baskets/{id}/script`.
pub(super) async fn shared_script(
    State(app): State<App>,
    Path(id): Path<String>,
    ask: Ask,
) -> Result<Response, ApiError> {
    scripted(&ask, "", &shared_selections(&app, &id).await?)
}

/// A program that orders selections, as a file.
pub(super) fn scripted(ask: &Ask, name: &str, selections: &[Selection]) -> Result<Response, ApiError> {
    ask.only(&["kind"])?;
    let label = ask.parameter("kind").unwrap_or(ScriptKind::Python.label());
    let kind = ScriptKind::of_label(label).ok_or_else(|| {
        let problem = Problem::invalid("format", format!("there is no program for {label:?}")).at("kind");
        problem.allowed(ScriptKind::ALL.map(ScriptKind::label).join(", "))
    })?;
    if selections.is_empty() {
        return Err(Problem::invalid("order", "there is nothing to order").at("/selections").into());
    }
    let (file, media_type) = kind.file();
    let text = script(kind, &ask.links.absolute(""), name, selections);
    let mut response = as_json(StatusCode::OK, &Value::Null);
    *response.body_mut() = text.into();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
