//! What a query of OGC API EDR asks for beside the place: times, parameters, versions, statistics, the format, and the
//! other conditions of the question.

use std::collections::BTreeSet;

use nilometer_indexer::Snapshot;
use nilometer_query::series::{Method, Resample, SeriesQuery, Step, Versions, parameters};
use nilometer_schemas::{CollectionId, Dialect, Parameter, ParameterType, Problem, Search};

use super::ask::EdrAsk;
use super::format::Format;
use super::query::CONDITIONS;
use super::times::Times;
use crate::links::CRS84;
use crate::routes::ask::{Ask, whole_number};
use crate::routes::question::{from_pairs, within};
use crate::state::App;

/// Parameters that say which values. OWSLib writes `parameter_names`.
const WHICH: [&str; 9] =
    ["datetime", "parameter-name", "parameter_names", "crs", "limit", "z", "version", "resample", "method"];
/// Names of the one reference system.
const CRS_NAMES: [&str; 5] = [CRS84, "https://www.opengis.net/def/crs/OGC/1.3/CRS84", "CRS84", "CRS:84", "OGC:CRS84"];

/// What is asked for, but for the place.
pub(super) struct Values {
    /// The form of the answer.
    pub(super) format: Format,
    /// The series, without its features.
    pub(super) query: SeriesQuery,
    /// The times, of which the query's period is the hull.
    pub(super) times: Option<Times>,
    /// Which features.
    pub(super) search: Search,
    /// Whether the collection has no observations at all.
    pub(super) is_empty: bool,
}

impl Values {
    /// Reads a request; `others` names further parameters of the query.
    ///
    /// # Errors
    /// `Invalid` naming the parameter and what is allowed.
    pub(super) fn read(
        app: &App,
        snapshot: &Snapshot,
        edr: &EdrAsk,
        collection: &CollectionId,
        others: &[&str],
    ) -> Result<Self, Problem> {
        let ask = &edr.ask;
        ask.only(&[&WHICH[..], others].concat())?;
        check_once(ask)?;
        check_crs(ask)?;
        // Accepted since the standard has them; the answer is whole, and has no heights to choose from.
        if let Some(limit) = ask.parameter("limit") {
            check_limit(limit)?;
        }
        let format = Format::wanted(edr.f.as_deref(), &ask.headers)?;
        let known = parameters(snapshot, collection.as_str(), ask.scope);
        let times = ask.parameter("datetime").map(Times::parse).transpose()?;
        let resample = resample(ask)?;
        if resample.is_some() && times.as_ref().is_some_and(|times| !times.is_one_period()) {
            let detail = "statistics are those of one period, not of a list of moments";
            return Err(Problem::invalid("datetime", detail).at("datetime").allowed("a moment, or START/END"));
        }
        let wanted = wanted(ask, &known, resample.is_some())?;
        Ok(Self {
            format,
            search: conditions(app, ask, collection)?,
            query: SeriesQuery {
                collection: collection.clone(),
                features: None,
                period: times.as_ref().map(Times::hull),
                parameters: wanted,
                versions: versions(ask),
                resample,
            },
            times,
            is_empty: known.is_empty(),
        })
    }
}

/// Refuses a parameter that is given twice: which of them would count?
pub(super) fn check_once(ask: &Ask) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    match ask.query.iter().find(|(name, _)| !seen.insert(name.as_str())) {
        None => Ok(()),
        Some((name, _)) => Err(Problem::invalid("repeated-parameter", format!("{name} is given more than once"))
            .at(name.as_str())
            .allowed("each parameter once; lists are separated by commas")),
    }
}

/// Refuses all reference systems but one.
pub(super) fn check_crs(ask: &Ask) -> Result<(), Problem> {
    match ask.parameter("crs").filter(|crs| !CRS_NAMES.iter().any(|name| name.eq_ignore_ascii_case(crs))) {
        None => Ok(()),
        Some(crs) => Err(Problem::invalid("crs", format!("positions are not offered in {crs:?}"))
            .at("crs")
            .allowed(CRS_NAMES.join(", "))),
    }
}

fn check_limit(text: &str) -> Result<(), Problem> {
    match whole_number("limit", text)? {
        0 => Err(Problem::invalid("limit", "limit is a whole number from 1 on").at("limit").allowed("1 and more")),
        _ => Ok(()),
    }
}

/// The names in `parameter-name`, each once, in the order given.
///
/// # Errors
/// `Invalid` for one that the collection has not.
pub(super) fn names<'a>(ask: &'a Ask, known: &[Parameter]) -> Result<Vec<&'a str>, Problem> {
    let text = ask.parameter("parameter-name").or_else(|| ask.parameter("parameter_names")).unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !known.iter().any(|parameter| parameter.name == name) {
            let all: Vec<&str> = known.iter().map(|parameter| parameter.name.as_str()).collect();
            let detail = format!("the collection has no parameter {name:?}");
            return Err(Problem::invalid("parameter-name", detail).at("parameter-name").allowed(all.join(", ")));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The parameters of the series; empty for all. Statistics without names are those of quantities, since texts and codes
/// have none that mean anything.
fn wanted(ask: &Ask, known: &[Parameter], statistics: bool) -> Result<Vec<String>, Problem> {
    let named = names(ask, known)?;
    if !named.is_empty() || !statistics {
        return Ok(named.into_iter().map(str::to_owned).collect());
    }
    let is_quantity = |p: &&Parameter| p.kind != ParameterType::Text && p.categories.is_none();
    let quantities: Vec<String> = known.iter().filter(is_quantity).map(|p| p.name.clone()).collect();
    if quantities.is_empty() && !known.is_empty() {
        return Err(Problem::invalid("resample", "the collection has no parameter that statistics can be made of")
            .at("resample"));
    }
    Ok(quantities)
}

fn versions(ask: &Ask) -> Versions {
    match ask.parameter("version") {
        None | Some("latest") => Versions::Latest,
        Some("all") => Versions::All,
        Some(name) => Versions::Only(name.to_owned()),
    }
}

/// `resample` and `method`; the mean if no method is named.
fn resample(ask: &Ask) -> Result<Option<Resample>, Problem> {
    let Some(step) = ask.parameter("resample") else {
        return match ask.parameter("method") {
            None => Ok(None),
            Some(_) => Err(Problem::invalid("resample", "method is the statistic of a step: resample is missing")
                .at("resample")
                .allowed("a step such as P1M")),
        };
    };
    let step = Step::parse(step).map_err(|problem| problem.at("resample"))?;
    let mut methods: Vec<Method> = Vec::new();
    for name in ask.parameter("method").unwrap_or(Method::Mean.as_str()).split(',') {
        let method = Method::parse(name.trim()).map_err(|problem| problem.at("method"))?;
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(Some(Resample { step, methods }))
}

/// The question without its time and page, asked of one collection.
fn conditions(app: &App, ask: &Ask, collection: &CollectionId) -> Result<Search, Problem> {
    let given = ask.query.iter().filter(|(name, value)| CONDITIONS.contains(&name.as_str()) && !value.is_empty());
    within(from_pairs(app, given.cloned().collect(), &[], 1, Dialect::Edr)?.search, collection)
}
