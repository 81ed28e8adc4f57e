//! Queryables as parameters (OGC API Features Part 3, "Queryables as Query Parameters"): `?platform=SWOT` under a
//! collection asks for items whose property `platform` is `SWOT`.
//!
//! A parameter of the question wins over a property of its name, which `filter` and `query` reach all the same.

use std::sync::Arc;

use nilometer_query::parse::{from_json, is_parameter};
use nilometer_query::unknown_properties;
use nilometer_schemas::{CollectionId, Problem, Search};
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::crs;

/// What a page's form sends beside the question.
const FORM: [&str; 4] = ["from", "place", "search", "to"];
/// Properties that one address may name so.
const PROPERTIES_MAX: usize = 32;

/// Turns parameters that are queryables of a collection into conditions of `query`. What is neither stays, to be refused.
///
/// # Errors
/// `Invalid` for one that is given twice, or that `query` names too.
pub(super) fn read_properties(ask: &mut Ask, collection: &CollectionId) -> Result<(), Problem> {
    let is_own = |name: &str| is_parameter(name) || name == crs::CRS || ask.html && FORM.contains(&name);
    let named: Vec<String> = ask.query.iter().map(|(name, _)| name.clone()).filter(|name| !is_own(name)).collect();
    if named.is_empty() || named.len() > PROPERTIES_MAX {
        return Ok(());
    }
    let snapshot = Arc::clone(&ask.snapshot);
    let is_queryable = |name: &str| {
        if name == "geometry" {
            return false;
        }
        let named = json!({"filter": {"op": "isNull", "args": [{"property": name}]}});
        let Ok(request) = from_json(&named, &[]) else { return false };
        let search = Search { collections: vec![collection.clone()], ..request.search };
        unknown_properties(&snapshot, &search, ask.scope).listed.is_empty()
    };
    let queryables: Vec<String> = named.into_iter().filter(|name| is_queryable(name)).collect();
    if queryables.is_empty() {
        return Ok(());
    }
    let Some(mut query) = query_of(ask) else { return Ok(()) };
    for (name, value) in ask.query.iter().filter(|(name, _)| queryables.contains(name)) {
        if query.contains_key(name) {
            return Err(Problem::invalid("repeated-parameter", format!("{name} is given more than once"))
                .at(name.as_str())
                .allowed("each property once; several conditions on one stand in filter"));
        }
        query.insert(name.clone(), json!({"eq": value}));
    }
    ask.query.retain(|(name, _)| name != "query" && !queryables.contains(name));
    ask.query.push(("query".into(), Value::Object(query).to_string()));
    Ok(())
}

/// The conditions that `query` names already; `None` where it is not understood, which the parser will say.
fn query_of(ask: &Ask) -> Option<Map<String, Value>> {
    match ask.parameter("query") {
        None => Some(Map::new()),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(query)) => Some(query),
            _ => None,
        },
    }
}
