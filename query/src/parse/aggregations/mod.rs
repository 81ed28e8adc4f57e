//! Requests for counts, with the names of STAC's aggregation extension v0.3 and more of their kind.

mod available;
mod names;
mod options;

use std::collections::BTreeMap;

use nilometer_schemas::limits::AGGREGATIONS_MAX;
use nilometer_schemas::{Aggregation, Dialect, Kind, Problem};
use serde_json::{Map, Value, json};

use super::members::{self, bad};
use super::{Request, object, url};
use names::{Asked, GRIDS, INTERVAL, PRECISION, allowed, parameter};
use options::Options;

pub use available::{AggregationOption, AvailableAggregation, default_question};
pub(crate) use available::{Extent, available};

const AGGREGATIONS: &str = "aggregations";
const MULTISELECT: &str = "multiselect";

/// A request for counts.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationRequest {
    /// The question.
    pub request: Request,
    /// What is to be counted.
    pub aggregations: Vec<Aggregation>,
    /// Whether each is counted without the question's own choice of what it counts by.
    pub multiselect: bool,
}

/// Reads the decoded parameters of `GET /aggregate`: those of a search, `aggregations` and their options.
///
/// Parameters about pages (`limit`, `sortby`, `token`, `fields`) are checked and change nothing: the same question
/// may be asked of every endpoint.
///
/// # Errors
/// As [`super::from_query`]; for unknown aggregations and wrong options; for none or more than the limit.
pub fn aggregations_from_query(
    pairs: &[(String, String)],
    dialect: Dialect,
    extra_allowed: &[&str],
) -> Result<AggregationRequest, Problem> {
    let asked = pairs.iter().filter(|(name, _)| name == AGGREGATIONS).flat_map(|(_, text)| text.split(','));
    let known = parameters(asked.map(str::trim));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    read(&url::to_body(pairs, &known, extra_allowed)?, dialect)
}

/// Reads the body of `POST /aggregate`.
///
/// # Errors
/// As [`aggregations_from_query`].
pub fn aggregations_from_json(body: &Value, extra_allowed: &[&str]) -> Result<AggregationRequest, Problem> {
    let body = object(body)?;
    let asked = body.get(AGGREGATIONS).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let known = parameters(asked);
    let known: Vec<&str> = members::NAMES.iter().copied().chain(known.iter().map(String::as_str)).collect();
    members::check_names(body.keys().map(String::as_str), &known, extra_allowed)?;
    read(body, Dialect::Stac)
}

/// The members that only an aggregation request has: options may be given for what is asked for, those of grids and of
/// `datetime_frequency` always.
fn parameters<'a>(asked: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut known = vec![AGGREGATIONS.to_owned(), MULTISELECT.to_owned(), parameter("datetime_frequency", INTERVAL)];
    known.extend(GRIDS.iter().map(|grid| parameter(grid.name, PRECISION)));
    for name in asked.take(AGGREGATIONS_MAX) {
        let options = Asked::of(name).map_or(&[][..], |asked| asked.options());
        known.extend(options.iter().map(|option| parameter(name, option)));
    }
    known
}

fn read(body: &Map<String, Value>, dialect: Dialect) -> Result<AggregationRequest, Problem> {
    let mut request = members::read(body, dialect)?;
    let multiselect = multiselect(body)?;
    let mut kept: BTreeMap<String, Value> = BTreeMap::new();
    let mut aggregations: Vec<Aggregation> = Vec::new();
    for name in wanted(body)? {
        if aggregations.iter().all(|earlier| earlier.name != name) {
            let mut options = Options { body, aggregation: name, kept: &mut kept };
            let asked = Asked::of(name).ok_or_else(|| unknown(name))?;
            let (kind, limit) = options.read(&asked)?;
            aggregations.push(Aggregation { name: name.to_owned(), kind, limit });
        }
    }
    options::check_unused(body, &aggregations)?;
    if multiselect {
        kept.insert(MULTISELECT.into(), true.into());
    }
    let names: Vec<&str> = aggregations.iter().map(|aggregation| aggregation.name.as_str()).collect();
    kept.insert(AGGREGATIONS.into(), json!(names));
    if let Value::Object(members) = request.canonical {
        kept.extend(members);
    }
    request.canonical = Value::Object(kept.into_iter().collect());
    Ok(AggregationRequest { request, aggregations, multiselect })
}

fn unknown(name: &str) -> Problem {
    let shown: String = name.chars().take(80).collect();
    bad(AGGREGATIONS, format!("there is no aggregation {shown:?}")).allowed(allowed())
}

/// A URL has a text.
fn multiselect(body: &Map<String, Value>) -> Result<bool, Problem> {
    match body.get(MULTISELECT) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(multiselect)) => Ok(*multiselect),
        Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
        Some(_) => Err(bad(MULTISELECT, "multiselect is true or false").allowed("true, false")),
    }
}

fn wanted(body: &Map<String, Value>) -> Result<Vec<&str>, Problem> {
    let fault = |detail: &str| bad(AGGREGATIONS, detail).allowed(allowed());
    let list = match body.get(AGGREGATIONS) {
        Some(Value::Array(list)) if !list.is_empty() => list,
        None | Some(Value::Null | Value::Array(_)) => return Err(fault("no aggregation is asked for")),
        Some(_) => return Err(fault("aggregations is an array of names")),
    };
    if list.len() > AGGREGATIONS_MAX {
        let detail = format!("{} aggregations, the limit is {AGGREGATIONS_MAX}", list.len());
        return Err(Problem::new(Kind::TooLarge, "too-many-values", detail)
            .at(AGGREGATIONS)
            .allowed(format!("at most {AGGREGATIONS_MAX}")));
    }
    let names: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    names.ok_or_else(|| fault("aggregations is an array of names"))
}
