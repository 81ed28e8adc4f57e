//! From a request to a `Search`: the parser's work, with the service's own page limits.

use nilometer_query::parse::{self, Request};
use nilometer_schemas::limits::Q_CHARS_MAX;
use nilometer_schemas::{CollectionId, Dialect, Problem, Search, text};
use serde_json::Value;

use super::ask::{Ask, no_collection};
use crate::places;
use crate::reading::{self, Open, Reading};
use crate::state::App;

/// Parameter that asks for a sentence to be read.
const INTERPRET: &str = "interpret";

/// The question in an address. `extra` names parameters of the route that are no part of the question.
///
/// # Errors
/// The parser's.
pub(super) fn from_address(app: &App, ask: &Ask, extra: &[&str]) -> Result<Request, Problem> {
    let mut ask = ask.clone();
    interpret(app, &mut ask)?;
    from_pairs(app, ask.query, extra, app.config.limits.page_limit_default, Dialect::Stac)
}

/// Reads the sentence of `q` where `interpret=true` asks for it, and puts what it says in its place: place, collections,
/// period, and the words that are left. Parts that the address names already are not read.
///
/// # Errors
/// The query's.
pub(super) fn interpret(app: &App, ask: &mut Ask) -> Result<Option<Reading>, Problem> {
    let asked = |name: &str| ask.parameter(name).is_some();
    if ask.parameter(INTERPRET) != Some("true") {
        return Ok(None);
    }
    let open = Open {
        place: !places::PARAMETERS.iter().chain(&["place"]).any(|name| asked(name)),
        collections: !asked("collections") && !ask.path.starts_with("/collections/"),
        period: !["datetime", "from", "to"].into_iter().any(asked),
    };
    let text = ask.parameter("q").unwrap_or_default().to_owned();
    let reading = sentence(app, ask, &text, open)?;
    let is_read = |name: &str| name == INTERPRET || reading.is_some() && name == "q";
    ask.query.retain(|(name, _)| !is_read(name));
    match &reading {
        Some(reading) => {
            ask.query.extend(reading.parameters().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        // One word is the same either way.
        None if text::words(&text).nth(1).is_none() => {}
        None => ask.query.push((INTERPRET.into(), "words".into())),
    }
    Ok(reading)
}

/// As [`interpret`], of a JSON body.
///
/// # Errors
/// The query's.
pub(super) fn interpret_body(app: &App, ask: &Ask, body: &mut Value) -> Result<Option<Reading>, Problem> {
    let Value::Object(members) = body else { return Ok(None) };
    if !matches!(members.get(INTERPRET), Some(Value::Bool(true))) {
        return Ok(None);
    }
    let Some(Value::String(text)) = members.get("q").cloned() else { return Ok(None) };
    let asked = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
    let open = Open {
        place: !places::PARAMETERS.into_iter().any(asked),
        collections: !asked("collections"),
        period: !asked("datetime"),
    };
    let reading = sentence(app, ask, &text, open)?;
    members.insert(INTERPRET.into(), "words".into());
    if let Some(reading) = &reading {
        members.remove("q");
        for (name, value) in reading.parameters() {
            let is_list = matches!(name, "intersectsRefs" | "collections");
            let list = || value.split(',').map(Value::from).collect::<Value>();
            members.insert(name.into(), if is_list { list() } else { value.as_str().into() });
        }
    }
    Ok(reading)
}

fn sentence(app: &App, ask: &Ask, text: &str, open: Open) -> Result<Option<Reading>, Problem> {
    if text.chars().count() > Q_CHARS_MAX {
        return Ok(None);
    }
    reading::read(&app.catalog.snapshot(), ask.scope, ask.language(), text, open)
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
    parse::from_query(&pairs, dialect, extra).map(|request| clamped(app, request))
}

/// The question in a JSON body.
///
/// # Errors
/// The parser's.
pub(super) fn from_body(app: &App, mut body: Value, extra: &[&str]) -> Result<Request, Problem> {
    if let Value::Object(members) = &mut body {
        members.entry("limit").or_insert_with(|| app.config.limits.page_limit_default.into());
    }
    parse::from_json(&body, extra).map(|request| clamped(app, request))
}

fn clamped(app: &App, mut request: Request) -> Request {
    request.search.limit = request.search.limit.min(app.config.limits.page_limit_max);
    request
}

/// The collection of an address, if it exists for whoever asks.
///
/// # Errors
/// `NotFound` when absent or hidden.
pub(super) fn visible(app: &App, id: &str, ask: &Ask) -> Result<CollectionId, Problem> {
    let snapshot = app.catalog.snapshot();
    match snapshot.collection(id, ask.scope) {
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
