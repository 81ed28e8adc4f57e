//! Scenario files: a request, and the part of the answer that matters.
//!
//! A file in `tests/scenarios` is a JSON array of scenarios. `tests/scenarios/README.md` explains the form.

use std::path::Path;

use serde_json::{Map, Value};

use crate::http::{encode, path_of};
use crate::{Client, Response, http};

/// One scenario, as written.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The sentence it proves.
    pub name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Value>,
    expect: Value,
}

/// Reads the scenarios of a file.
///
/// # Panics
/// When the file is not what its README says: a broken scenario is a broken test.
pub fn read(path: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let all: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    all.iter().map(|value| parse(value).unwrap_or_else(|why| panic!("{}: {why}: {value}", path.display()))).collect()
}

fn parse(value: &Value) -> Result<Scenario, String> {
    let members = value.as_object().ok_or("a scenario is an object")?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let known = ["name", "get", "post", "params", "headers", "body", "expect"];
    if let Some(unknown) = members.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("unknown member {unknown:?}"));
    }
    let (method, path) = match (text("get"), text("post")) {
        (Some(path), None) => ("GET", path),
        (None, Some(path)) => ("POST", path),
        _ => return Err("a scenario has either get or post, a path".into()),
    };
    let pairs = |name: &str| -> Vec<(String, String)> {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let object = members.get(name).and_then(Value::as_object);
        object.map(|o| o.iter().map(|(k, v)| (k.clone(), plain(v))).collect()).unwrap_or_default()
    };
    let query: Vec<String> = pairs("params").iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    Ok(Scenario {
        name: text("name").ok_or("a scenario has a name")?,
        method: method.to_owned(),
        target,
        headers: pairs("headers"),
        body: members.get("body").cloned(),
        expect: members.get("expect").cloned().ok_or("a scenario has an expect")?,
    })
}

impl Scenario {
    /// Asks, and compares; the difference in words if there is one.
    ///
    /// # Errors
    /// What differs from what is expected.
    pub fn run(&self, client: &Client) -> Result<(), String> {
        let answer = self.ask(client);
        let seen = described(&answer, client);
        matches(&self.expect, &seen, "")
            .map_err(|why| format!("{}\n  {} {}\n  {why}", self.name, self.method, self.target))
    }

    fn ask(&self, client: &Client) -> Response {
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            headers.push(("accept", "application/json"));
        }
        let body = self.body.as_ref().map(Value::to_string);
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        client.send(&self.method, &self.target, &headers, body.as_deref().map(str::as_bytes))
    }
}

/// The answer as a scenario sees it: status, headers, the JSON body, and what follows from it.
fn described(answer: &Response, client: &Client) -> Value {
    let headers: Map<String, Value> = answer.headers.iter().map(|(n, v)| (n.clone(), v.as_str().into())).collect();
    let body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(answer.text()));
    let listed = |pick: fn(&Value) -> Value| -> Value {
        body["features"].as_array().map(|features| features.iter().map(pick).collect()).unwrap_or_default()
    };
    let ids = listed(|feature| feature["id"].clone());
    let collections = listed(|feature| feature["collection"].clone());
    let next = http::link(&body, "next").filter(|_| body["features"].is_array()).map(|href| {
        let links = body["links"].as_array();
        let post = links.is_some_and(|l| l.iter().any(|link| link["rel"] == "next" && link["method"] == "POST"));
        if post { Value::String("POST".into()) } else { client.get(&path_of(&href)).status.into() }
    });
    serde_json::json!({
        "status": answer.status, "headers": headers, "body": body,
        "ids": ids, "collections": collections, "next": next,
    })
}

/// Whether `seen` has all that `expected` asks for. `at` is the place, for the message.
fn matches(expected: &Value, seen: &Value, at: &str) -> Result<(), String> {
    match (expected, seen) {
        (Value::Object(rules), _) if rules.keys().any(|key| key.starts_with('$')) => {
            rules.iter().try_for_each(|(rule, value)| matches_rule(rule, value, seen, at))
        }
        (Value::Object(expected), Value::Object(seen)) => expected.iter().try_for_each(|(name, value)| {
            let rules_absent = value.get("$absent").is_some();
            match seen.get(name) {
                Some(inner) => matches(value, inner, &format!("{at}/{name}")),
                None if rules_absent => Ok(()),
                None => Err(format!("{at}/{name}: missing")),
            }
        }),
        (Value::Array(expected), Value::Array(seen)) => {
            if expected.len() != seen.len() {
                return Err(format!("{at}: {} elements, expected {}: {}", seen.len(), expected.len(), short(seen)));
            }
            let mut pairs = expected.iter().zip(seen).enumerate();
            pairs.try_for_each(|(i, (e, s))| matches(e, s, &format!("{at}/{i}")))
        }
        (Value::Number(e), Value::Number(s)) if e.as_f64() == s.as_f64() => Ok(()),
        _ if expected == seen => Ok(()),
        _ => Err(format!("{at}: {}, expected {expected}", short(seen))),
    }
}

fn matches_rule(rule: &str, value: &Value, seen: &Value, at: &str) -> Result<(), String> {
    let fail = || Err(format!("{at}: {} is not {rule} {value}", short(seen)));
    let holds = match rule {
        "$absent" => seen.is_null(),
        "$present" => !seen.is_null(),
        "$length" => seen.as_array().map(Vec::len) == value.as_u64().map(|n| n as usize),
        "$at_least" => number(seen) >= number(value),
        "$at_most" => number(seen) <= number(value),
        "$text" => seen.as_str().is_some_and(|s| value.as_str().is_some_and(|v| s.contains(v))),
        "$one_of" => value.as_array().is_some_and(|v| v.contains(seen)),
        "$each" => seen.as_array().is_some_and(|all| all.iter().all(|one| matches(value, one, at).is_ok())),
        "$has" => {
            let wanted = value.as_array().cloned().unwrap_or_default();
            let all = seen.as_array().cloned().unwrap_or_default();
            wanted.iter().all(|w| all.iter().any(|one| matches(w, one, at).is_ok()))
        }
        "$lacks" => {
            let unwanted = value.as_array().cloned().unwrap_or_default();
            let all = seen.as_array().cloned().unwrap_or_default();
            !unwanted.iter().any(|u| all.iter().any(|one| matches(u, one, at).is_ok()))
        }
        _ => return Err(format!("{at}: unknown rule {rule}")),
    };
    if holds { Ok(()) } else { fail() }
}

/// A number, or the length of a list.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_array().map(|list| list.len() as f64))
}

fn short(value: &(impl serde::Serialize + ?Sized)) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(expected: Value, seen: Value, fits: bool) {
        assert_eq!(matches(&expected, &seen, "").is_ok(), fits, "{expected} against {seen}");
    }

    #[test]
    fn an_expectation_names_only_what_matters() {
        check(json!({"a": 1}), json!({"a": 1.0, "b": 2}), true);
        check(json!({"a": 1}), json!({"b": 2}), false);
        check(json!([1, 2]), json!([1, 2]), true);
        check(json!([1, 2]), json!([1, 2, 3]), false);
        check(json!({"a": {"$absent": true}}), json!({"b": 1}), true);
        check(json!({"a": {"$absent": true}}), json!({"a": 1}), false);
        check(json!({"$has": [2]}), json!([1, 2]), true);
        check(json!({"$lacks": [2]}), json!([1, 2]), false);
        check(json!({"$at_least": 2}), json!([1, 2]), true);
        check(json!({"$at_least": 2, "$at_most": 3}), json!(4), false);
        check(json!({"$text": "nil"}), json!("juvenile"), true);
        check(json!({"$each": {"a": 1}}), json!([{"a": 1}, {"a": 2}]), false);
        check(json!({"$no_such_rule": 1}), json!(1), false);
    }
}
