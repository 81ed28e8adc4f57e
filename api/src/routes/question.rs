//! From a request to a `Search`: the parser's work, with the service's own page limits.

use nilometer_query::parse::{self, Request};
use nilometer_schemas::{CollectionId, Dialect, Problem, Search};
use serde_json::Value;

use super::ask::{Ask, no_collection};
use crate::state::App;

/// The question in an address. `extra` names parameters of the route that are no part of the question.
///
/// # Errors
/// The parser's.
pub(super) fn from_address(app: &App, ask: &Ask, extra: &[&str]) -> Result<Request, Problem> {
    from_pairs(app, ask.query.clone(), extra, app.config.limits.page_limit_default, Dialect::Stac)
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
