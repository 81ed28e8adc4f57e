//! From a request to a `Search`: the parser's work, with the service's own page limits.

use std::sync::Arc;

use nilometer_query::Page;
use nilometer_query::parse::{self, Request};
use nilometer_schemas::limits::Q_CHARS_MAX;
use nilometer_schemas::{CollectionId, Dialect, Problem, Search};
use serde_json::{Value, json};

use super::ask::{Ask, no_collection};
use super::default_order;
use super::searches::load;
use crate::places;
use crate::problem::ApiError;
use crate::reading::{self, Context, Open, Reading, is_one_plain_word};
use crate::state::{App, run_blocking};

/// Parameter that asks for a sentence to be read.
const INTERPRET: &str = "interpret";

/// The question in an address. `extra` names parameters of the route that are no part of the question.
///
/// # Errors
/// The parser's.
pub(super) fn from_address(app: &App, ask: &Ask, extra: &[&str]) -> Result<Request, Problem> {
    from_pairs(app, ask.query.clone(), extra, app.config.limits.page_limit_default, Dialect::Stac)
}

/// Reads the sentence of `q` where `interpret=true` asks for it, and puts what it says in its place: place, collections,
/// period, and the words that are left. Parts that the address names already are not read. Every route that takes a
/// question begins with it.
///
/// # Errors
/// The query's.
pub(super) async fn interpret(app: &App, ask: &mut Ask) -> Result<Option<Reading>, ApiError> {
    // Words that are there twice are for the parser to refuse.
    let is_one = |name: &str| ask.query.iter().filter(|(n, _)| n == name).count() == 1;
    if ask.parameter(INTERPRET) != Some("true") || !is_one("q") {
        return Ok(None);
    }
    // What a kept question says is asked too.
    let kept = match ask.parameter("search") {
        Some(id) => load(app, id).await?,
        None => Value::Null,
    };
    let asked = |name: &str| ask.parameter(name).is_some_and(|value| !value.is_empty()) || kept.get(name).is_some();
    let open = Open {
        place: !places::PARAMETERS.iter().chain(&["place"]).any(|name| asked(name)),
        collections: !asked("collections") && !ask.path.starts_with("/collections/"),
        period: !["datetime", "from", "to"].into_iter().any(asked),
        filter: !["filter", "filter-lang"].into_iter().any(asked),
    };
    let text = ask.parameter("q").unwrap_or_default().to_owned();
    let reading = sentence(app, ask, text.clone(), open).await?;
    let is_read = |name: &str| name == INTERPRET || reading.is_some() && name == "q";
    ask.query.retain(|(name, _)| !is_read(name));
    match &reading {
        Some(reading) => {
            let read = reading.parameters();
            // Empty ones may stand there still.
            ask.query.retain(|(name, _)| !read.iter().any(|(set, _)| set == name));
            let is_ordered = ask.parameter("sortby").is_some();
            ask.query.extend(read.into_iter().map(|(name, value)| (name.to_owned(), value)));
            // Pages for people have an order of their own.
            if !ask.html && !is_ordered {
                let order = default_order::of_reading(&ask.snapshot, reading, ask.scope);
                let sortby = |keys: Vec<&str>| keys.iter().map(|key| format!("-{key}")).collect::<Vec<_>>().join(",");
                ask.query.extend(order.map(|keys| ("sortby".into(), sortby(keys))));
            }
        }
        None if is_one_plain_word(&text) => {}
        None => ask.query.push((INTERPRET.into(), "words".into())),
    }
    Ok(reading)
}

/// As [`interpret`], of a JSON body.
///
/// # Errors
/// The query's.
pub(super) async fn interpret_body(app: &App, ask: &Ask, body: &mut Value) -> Result<Option<Reading>, ApiError> {
    let Value::Object(members) = body else { return Ok(None) };
    if !matches!(members.get(INTERPRET), Some(Value::Bool(true))) {
        return Ok(None);
    }
    let text = match members.get("q") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) if list.len() == 1 => list[0].as_str().unwrap_or_default().to_owned(),
        _ => return Ok(None),
    };
    let asked = |name: &str| {
        members.get(name).is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
    };
    let open = Open {
        place: !places::PARAMETERS.into_iter().any(asked),
        collections: !asked("collections"),
        period: !asked("datetime"),
        filter: !["filter", "filter-lang"].into_iter().any(asked),
    };
    let is_ordered = asked("sortby");
    let reading = sentence(app, ask, text, open).await?;
    members.insert(INTERPRET.into(), "words".into());
    if let Some(reading) = &reading {
        members.remove("q");
        for (name, value) in reading.parameters() {
            let is_list = matches!(name, "intersectsRefs" | "collections");
            let list = || value.split(',').map(Value::from).collect::<Value>();
            members.insert(name.into(), if is_list { list() } else { value.as_str().into() });
        }
        if !is_ordered && let Some(keys) = default_order::of_reading(&ask.snapshot, reading, ask.scope) {
            let keys = keys.into_iter().map(|key| json!({ "field": key, "direction": "desc" }));
            members.insert("sortby".into(), keys.collect());
        }
    }
    Ok(reading)
}

async fn sentence(app: &App, ask: &Ask, text: String, open: Open) -> Result<Option<Reading>, ApiError> {
    if text.chars().count() > Q_CHARS_MAX {
        return Ok(None);
    }
    let (app, snapshot, scope, language) = (Arc::clone(app), Arc::clone(&ask.snapshot), ask.scope, ask.language());
    run_blocking(move || {
        let context = Context { snapshot: &snapshot, scope, language, vocabularies: &app.vocabularies };
        Ok(reading::read(context, &text, open)?)
    })
    .await
}

/// The question in pairs of names and values, with `limit_default` items a page where they name no limit.
///
/// # Errors
/// The parser's.
pub(super) fn from_pairs(
    app: &App,
    mut pairs: Vec<(String, String)>,
    extra: &[&str],
    limit_default: usize,
    dialect: Dialect,
) -> Result<Request, Problem> {
    if !pairs.iter().any(|(name, _)| name == "limit") {
        pairs.push(("limit".into(), limit_default.to_string()));
    }
    checked(app, parse::from_query(&pairs, dialect, extra)?)
}

/// The question in the query string of a page, as the body of a search: what only says how a page shows it is left out, and a
/// kept question that it names is put in its place.
///
/// # Errors
/// The parser's, and `NotFound` for a kept question that is none.
pub(super) async fn question_of(app: &App, query: &str) -> Result<Value, ApiError> {
    const SHOWN: [&str; 11] =
        ["crs", "f", "fields", "interpret", "lang", "limit", "page", "read", "sortby", "token", "unread"];
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes())
        .into_owned()
        .filter(|(name, value)| !SHOWN.contains(&name.as_str()) && !value.is_empty())
        .collect();
    let mut kept = Value::Null;
    for (_, id) in pairs.extract_if(.., |(name, _)| name == "search") {
        kept = load(app, &id).await?;
    }
    let limit = app.config.limits.page_limit_default;
    let mut whole = from_pairs(app, pairs, &[], limit, Dialect::Stac)?.canonical;
    if let Some(members) = whole.as_object_mut() {
        members.shift_remove("limit");
        if let Value::Object(kept) = kept {
            for (name, value) in kept {
                members.entry(name).or_insert(value);
            }
        }
    }
    Ok(whole)
}

/// The question in a JSON body.
///
/// # Errors
/// The parser's.
pub(super) fn from_body(app: &App, mut body: Value, extra: &[&str]) -> Result<Request, Problem> {
    if let Value::Object(members) = &mut body {
        members.entry("limit").or_insert_with(|| app.config.limits.page_limit_default.into());
    }
    checked(app, parse::from_json(&body, extra)?)
}

/// The request with no more items a page than the service gives, and its token if it is one of ours.
fn checked(app: &App, mut request: Request) -> Result<Request, Problem> {
    let search = &mut request.search;
    search.limit = search.limit.min(app.config.limits.page_limit_max);
    search.token = search.token.take().map(|token| app.accounts.open_token(&token)).transpose()?;
    Ok(request)
}

/// Seals the tokens of a page.
pub(super) fn sealed(app: &App, mut page: Page) -> Page {
    for token in [&mut page.next, &mut page.prev] {
        *token = token.take().map(|token| app.accounts.seal_token(&token));
    }
    page
}

/// The collection of an address, if it exists for whoever asks.
///
/// # Errors
/// `NotFound` when absent or hidden.
pub(super) fn visible(id: &str, ask: &Ask) -> Result<CollectionId, Problem> {
    match ask.snapshot.collection(id, ask.scope) {
        Some(stored) => Ok(stored.collection.id.clone()),
        None => Err(no_collection(id)),
    }
}

/// The question asked of one collection only.
///
/// # Errors
/// `Invalid` if the question names other collections.
pub(super) fn within(mut search: Search, collection: &CollectionId) -> Result<Search, Problem> {
    if search.collections.iter().any(|named| named != collection) {
        let detail = format!("this address asks the collection {collection:?} alone; ask /search for others");
        return Err(Problem::invalid("collections", detail).at("collections"));
    }
    search.collections = vec![collection.clone()];
    Ok(search)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_under_a_collection_asks_that_collection_alone() {
        let id = |text: &str| CollectionId::new(text).expect("an id");
        let asked = |collections: &[&str]| {
            let search = Search { collections: collections.iter().map(|c| id(c)).collect(), ..Search::default() };
            within(search, &id("a")).map(|s| s.collections).map_err(|p| p.parameter)
        };
        assert_eq!(asked(&[]), Ok(vec![id("a")]));
        assert_eq!(asked(&["a"]), Ok(vec![id("a")]));
        assert_eq!(asked(&["a", "b"]), Err(Some("collections".into())));
    }
}
