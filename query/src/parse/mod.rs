//! Requests as [`Search`]: the URL form and the JSON form, one reader behind both.
//!
//! A URL's parameters are first put into the members of the JSON body they stand for; the body is then read in one
//! place. Dates of EDR are the only difference between dialects.

mod aggregations;
mod fields;
mod members;
mod query;
mod url;
mod words;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use nilometer_schemas::{Dialect, Problem, Search};
use serde_json::{Map, Value};

pub use aggregations::{
    AggregationOption, AggregationRequest, AvailableAggregation, aggregations_from_json, aggregations_from_query,
    default_question,
};
pub(crate) use aggregations::{Extent, available};
pub use fields::{apply_collection_fields, apply_fields};
pub use url::without_empty;
pub(crate) use words::is_beside_the_name;

/// A parsed request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The question.
    pub search: Search,
    /// The same request as body of `POST /search`: an object with sorted members, in normal form, with what the caller
    /// gave and nothing else (members passed as `extra_allowed` are left out). Equal requests have equal bodies; what
    /// shall be equal for all pages of a question drops `limit` and `token` first.
    pub canonical: Value,
}

/// Reads the decoded parameters of a URL (`GET /search`, `…/items`, `/aggregate`).
///
/// `extra_allowed` names parameters that somebody else reads; all others must be known. An empty list parameter sets no
/// condition; empty values of other parameters are refused (see [`without_empty`] for those of HTML forms).
///
/// # Errors
/// `unknown-parameter`, `repeated-parameter`, and what is wrong with a value, naming its parameter.
pub fn from_query(pairs: &[(String, String)], dialect: Dialect, extra_allowed: &[&str]) -> Result<Request, Problem> {
    members::read(&url::to_body(pairs, &[], extra_allowed)?, dialect)
}

/// Reads the body of `POST /search`; `extra_allowed` names members that somebody else reads.
///
/// A member that is null is as good as absent, except `fields`, whose null the STAC validators want refused. Empty lists
/// set no condition.
///
/// # Errors
/// `unknown-parameter` for unknown members, and what is wrong with a value, naming its member.
pub fn from_json(body: &Value, extra_allowed: &[&str]) -> Result<Request, Problem> {
    let body = object(body)?;
    members::check_names(body.keys().map(String::as_str), &members::NAMES, extra_allowed)?;
    members::read(body, Dialect::Stac)
}

/// Whether a URL of a question knows a parameter.
pub fn is_parameter(name: &str) -> bool {
    members::NAMES.contains(&name) || url::URL_ONLY.contains(&name)
}

/// The members of a body.
fn object(body: &Value) -> Result<&Map<String, Value>, Problem> {
    body.as_object().ok_or_else(|| Problem::invalid("body", "the body of a search is a JSON object"))
}
