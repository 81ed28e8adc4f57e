//! STAC's query extension: conditions by property and operator, written as the CQL2 that they stand for.
//!
//! What clients send is looser than CQL2: numbers and truth values arrive as texts. A text that reads as one of them is
//! compared as what the property holds, so both comparisons are asked for; of a property one of the two is unknown, and
//! an unknown comparison decides nothing.

use nilometer_schemas::Problem;
use serde_json::{Value, json};

use super::members::bad;
use crate::cql2::is_moment;

/// The operators, for messages.
const OPERATORS: &str = "eq, neq, lt, lte, gt, gte, in, startsWith, endsWith, contains, containsAll";
/// Characters of a name that a message repeats.
const SHOWN_CHARS: usize = 80;

/// The condition in CQL2 JSON; `None` where nothing is asked.
///
/// # Errors
/// `invalid-parameter` for what is no object of objects, for unknown operators and for values that an operator cannot take.
pub(super) fn to_cql2(query: &Value) -> Result<Option<Value>, Problem> {
    let Value::Object(properties) = query else {
        return Err(bad("query", "query is an object").allowed("{PROPERTY: {OPERATOR: VALUE, …}, …}"));
    };
    let mut conditions = Vec::new();
    for (name, operators) in properties {
        let property = name.strip_prefix("properties.").unwrap_or(name);
        let Value::Object(operators) = operators else {
            return Err(fault(name, "the conditions on a property are an object").allowed("{OPERATOR: VALUE, …}"));
        };
        if property == "geometry" {
            return Err(fault(name, "places are asked for by bbox and intersects").allowed("bbox, intersects, filter"));
        }
        for (operator, value) in operators {
            conditions.push(condition(property, operator, value)?);
        }
    }
    Ok(match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(json!({"op": "and", "args": conditions})),
    })
}

fn fault(property: &str, detail: impl std::fmt::Display) -> Problem {
    let shown: String = property.chars().take(SHOWN_CHARS).collect();
    bad("query", format!("{shown:?}: {detail}"))
}

fn condition(property: &str, operator: &str, value: &Value) -> Result<Value, Problem> {
    let compared =
        |op: &str| Ok(any(readings(property, scalar(property, operator, value)?), |v| op_of(op, property, v)));
    match operator {
        "eq" => compared("="),
        "neq" => compared("<>"),
        "lt" => compared("<"),
        "lte" => compared("<="),
        "gt" => compared(">"),
        "gte" => compared(">="),
        "in" => one_of(property, list(property, operator, value)?),
        "startsWith" | "endsWith" | "contains" => like(property, operator, value),
        "containsAll" => {
            let parts = list(property, operator, value)?;
            let parts: Result<Vec<Value>, Problem> =
                parts.iter().map(|part| like(property, "contains", part)).collect();
            Ok(json!({"op": "and", "args": parts?}))
        }
        other => {
            let shown: String = other.chars().take(SHOWN_CHARS).collect();
            Err(fault(property, format!("there is no operator {shown:?}")).allowed(OPERATORS))
        }
    }
}

fn op_of(op: &str, property: &str, value: Value) -> Value {
    json!({"op": op, "args": [{"property": property}, value]})
}

/// One of several conditions.
fn any(values: Vec<Value>, condition: impl Fn(Value) -> Value) -> Value {
    let mut conditions: Vec<Value> = values.into_iter().map(condition).collect();
    match conditions.len() {
        1 => conditions.remove(0),
        _ => json!({"op": "or", "args": conditions}),
    }
}

/// All that a value may mean: itself, and the number or truth value that a text spells. Times are texts alone.
fn readings(property: &str, value: Value) -> Vec<Value> {
    let spelt = match &value {
        Value::String(text) if !is_moment(property) => spelt(text),
        _ => None,
    };
    spelt.into_iter().chain([value]).collect()
}

fn spelt(text: &str) -> Option<Value> {
    match text {
        "true" | "True" => return Some(true.into()),
        "false" | "False" => return Some(false.into()),
        _ => {}
    }
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number = text.parse::<f64>().ok().filter(|number| numeric && number.is_finite())?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

fn scalar(property: &str, operator: &str, value: &Value) -> Result<Value, Problem> {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value.clone()),
        _ => {
            Err(fault(property, format!("{operator} compares with one value")).allowed("a text, number or truth value"))
        }
    }
}

fn list<'a>(property: &str, operator: &str, value: &'a Value) -> Result<&'a Vec<Value>, Problem> {
    let list = value.as_array().filter(|list| !list.is_empty());
    list.ok_or_else(|| {
        fault(property, format!("{operator} has an array of values, at least one")).allowed("[VALUE, …]")
    })
}

/// Times are compared one by one, since a date among them stands for its whole day.
fn one_of(property: &str, values: &[Value]) -> Result<Value, Problem> {
    let values: Result<Vec<Value>, Problem> = values.iter().map(|value| scalar(property, "in", value)).collect();
    if is_moment(property) {
        return Ok(any(values?, |value| op_of("=", property, value)));
    }
    let values: Vec<Value> = values?.into_iter().flat_map(|value| readings(property, value)).collect();
    Ok(json!({"op": "in", "args": [{"property": property}, values]}))
}

fn like(property: &str, operator: &str, value: &Value) -> Result<Value, Problem> {
    let Value::String(text) = value else {
        return Err(fault(property, format!("{operator} compares with a text")).allowed("a text"));
    };
    if is_moment(property) {
        return Err(fault(property, "moments are compared, not looked into").allowed("eq, neq, lt, lte, gt, gte, in"));
    }
    let mut pattern = String::with_capacity(text.len() + 2);
    if operator != "startsWith" {
        pattern.push('%');
    }
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    if operator != "endsWith" {
        pattern.push('%');
    }
    Ok(op_of("like", property, pattern.into()))
}
