//! URL parameters as the members of the JSON body that they stand for.

use nilometer_schemas::limits::FILTER_BYTES_MAX;
use nilometer_schemas::{Bbox, Crs, Problem};
use serde_json::{Map, Value, json};

use super::members::{self, bad};
use crate::cql2::number;

/// The one coordinate system of `filter`.
/// Parameters that a URL knows beside the members of a body.
pub(super) const URL_ONLY: [&str; 1] = ["bbox-crs"];

/// Parameters without those whose value is empty: a form of an HTML page sends all its inputs, filled or not.
/// `fields=` stays, since it asks for the default members.
pub fn without_empty(pairs: &[(String, String)]) -> Vec<(String, String)> {
    pairs.iter().filter(|(name, value)| !value.trim().is_empty() || name == "fields").cloned().collect()
}

/// The body for these parameters; `more` are further members that are read, `extra_allowed` are skipped.
pub(super) fn to_body(
    pairs: &[(String, String)],
    more: &[&str],
    extra_allowed: &[&str],
) -> Result<Map<String, Value>, Problem> {
    let known: Vec<&str> = members::NAMES.iter().chain(&URL_ONLY).chain(more).copied().collect();
    members::check_names(pairs.iter().map(|(name, _)| name.as_str()), &known, extra_allowed)?;
    let bbox_crs = pairs.iter().find(|(name, _)| name == "bbox-crs").map(|(name, text)| Crs::parse(name, text));
    let bbox_crs = bbox_crs.transpose()?.unwrap_or_default();
    let mut body = Map::new();
    for (name, text) in pairs.iter().filter(|(name, _)| !extra_allowed.contains(&name.as_str())) {
        if body.contains_key(name) {
            return Err(Problem::invalid("repeated-parameter", format!("{name} is given more than once"))
                .at(name)
                .allowed("each parameter once; lists are separated by commas"));
        }
        let value = if name == "bbox" { bbox(text, bbox_crs)? } else { member(name, text)? };
        body.insert(name.clone(), value);
    }
    body.remove("bbox-crs");
    read_filter_text(&mut body)?;
    Ok(body)
}

fn bbox(text: &str, crs: Crs) -> Result<Value, Problem> {
    Ok(Bbox::parse_in(text, crs)?.numbers().into_iter().map(number).collect())
}

fn member(name: &str, text: &str) -> Result<Value, Problem> {
    Ok(match name {
        "intersects" | "query" => json_text(name, text)?,
        "ids" | "collections" | "intersectsRefs" | "sortby" | "aggregations" => list(text),
        "limit" => integer(name, text)?,
        // Options of aggregations, whose names begin with that of the aggregation.
        name if ["_precision", "_limit", "_buckets"].iter().any(|end| name.ends_with(end)) => integer(name, text)?,
        name if name.ends_with("_bounds") => list(text),
        "fields" => fields(text),
        _ => Value::from(text),
    })
}

/// A comma-separated list; empty for an empty text.
fn list(text: &str) -> Value {
    if text.trim().is_empty() { json!([]) } else { text.split(',').map(|part| Value::from(part.trim())).collect() }
}

/// A whole number; what is beyond the range of 64 bits is the largest of them.
fn integer(name: &str, text: &str) -> Result<Value, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad(name, format!("{text:?} is not a whole number")).allowed("a whole number"));
    }
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(Value::from(text.parse::<i64>().unwrap_or(beyond)))
}

/// `a,-b,+c`; an unencoded `+` arrives as a blank. Without any included field there is no `include` at all: then
/// everything that is not excluded is answered.
fn fields(text: &str) -> Value {
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.strip_prefix('-') {
            Some(name) => exclude.push(name.trim()),
            None => include.push(part.strip_prefix('+').unwrap_or(part).trim()),
        }
    }
    match (include.is_empty(), exclude.is_empty()) {
        (true, true) => json!({}),
        (true, false) => json!({"exclude": exclude}),
        (false, _) => json!({"include": include, "exclude": exclude}),
    }
}

/// A JSON filter arrives as text; the default language of a URL is text.
fn read_filter_text(body: &mut Map<String, Value>) -> Result<(), Problem> {
    let language = body.entry("filter-lang").or_insert_with(|| "cql2-text".into());
    if *language == "cql2-json"
        && let Some(Value::String(text)) = body.get("filter")
    {
        if text.len() > FILTER_BYTES_MAX {
            let detail = format!("the filter has more than {FILTER_BYTES_MAX} bytes");
            return Err(Problem::invalid("filter-too-large", detail)
                .at("filter")
                .allowed(format!("at most {FILTER_BYTES_MAX} bytes")));
        }
        let value = json_text("filter", text)?;
        body.insert("filter".into(), value);
    }
    Ok(())
}

/// JSON within a parameter; its nesting is bounded by the JSON reader (128 levels).
fn json_text(name: &str, text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| bad(name, format!("not JSON: {error}")).allowed("a JSON object"))
}
