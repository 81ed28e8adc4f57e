//! Answers without what two servers can never have in common: addresses, sequence numbers, moments of writing, tokens.

use nilometer_tests::Response;
use serde_json::Value;

use crate::tiles;

/// Members that follow the clock or the log.
const OWN: [&str; 7] = ["ingested", "created", "updated", "instance", "nilometer:access", "sequence", "until"];
/// Headers that do.
const HEADERS: [&str; 7] =
    ["etag", "date", "content-length", "x-request-id", "last-modified", "nilometer-sequence", "content-disposition"];

/// An answer that can be compared.
#[derive(Debug, PartialEq)]
pub(crate) struct Normal {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    Json(Value),
    Text(Vec<String>),
    Tile(Vec<tiles::Layer>),
    Nothing,
}

pub(crate) fn normal(answer: &Response, base: &str) -> Normal {
    let media_type = answer.header("content-type").unwrap_or_default().to_owned();
    let mut headers: Vec<(String, String)> =
        answer.headers.iter().filter(|(name, _)| !HEADERS.contains(&name.as_str())).cloned().collect();
    headers.iter_mut().for_each(|(_, value)| *value = plain(value, base));
    headers.sort();
    let body = if answer.body.is_empty() {
        Body::Nothing
    } else if media_type.contains("vector-tile") {
        Body::Tile(tiles::decode(&answer.body))
    } else if let Ok(mut value) = serde_json::from_slice::<Value>(&answer.body) {
        clean(&mut value, base);
        Body::Json(value)
    } else if let Some(lines) = json_lines(&answer.body) {
        let mut lines = Value::Array(lines);
        clean(&mut lines, base);
        Body::Json(lines)
    } else {
        let text = plain(&answer.text(), base);
        Body::Text(text.split('\n').map(cut_moments).collect())
    };
    Normal { status: answer.status, headers, body }
}

/// The documents of newline-delimited JSON.
fn json_lines(body: &[u8]) -> Option<Vec<Value>> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}

/// What is written down only where it differs: the first difference, for messages.
pub(crate) fn difference(a: &Normal, b: &Normal) -> String {
    if a.status != b.status || a.headers != b.headers {
        return format!("{} {:?}\n{} {:?}\n{:?}\n{:?}", a.status, a.headers, b.status, b.headers, a.body, b.body);
    }
    match (&a.body, &b.body) {
        (Body::Json(a), Body::Json(b)) => in_json(a, b, String::new()),
        (Body::Text(a), Body::Text(b)) => {
            let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
            let (a, b) = (a.get(at).map_or("", String::as_str), b.get(at).map_or("", String::as_str));
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count().saturating_sub(60);
            let from = |line: &str| line.chars().skip(same).take(400).collect::<String>();
            format!("line {at}:\n{:?}\n{:?}", from(a), from(b))
        }
        (a, b) => format!("{a:?}\n{b:?}"),
    }
}

fn in_json(a: &Value, b: &Value, at: String) -> String {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for name in x.keys().chain(y.keys()) {
                if x.get(name) != y.get(name) {
                    let null = Value::Null;
                    return in_json(x.get(name).unwrap_or(&null), y.get(name).unwrap_or(&null), format!("{at}/{name}"));
                }
            }
            "nothing".into()
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let n = x.iter().zip(y).position(|(x, y)| x != y).unwrap_or_default();
            in_json(&x[n], &y[n], format!("{at}/{n}"))
        }
        _ => format!("{at}: {a}\n     {b}"),
    }
}

fn clean(value: &mut Value, base: &str) {
    match value {
        Value::Object(members) => {
            // The names of queryables are members too, and every item has these.
            // Hydrocron tells how long it took.
            members.retain(|name, value| !(OWN.contains(&name.as_str()) || name == "time" && value.is_number()));
            members.values_mut().for_each(|value| clean(value, base));
        }
        Value::Array(all) => {
            // The twin knows of nothing that may be seen and not ordered.
            all.retain(|value| value["rel"] != "order");
            all.iter_mut().for_each(|value| clean(value, base));
        }
        Value::String(text) => *text = plain(text, base),
        _ => {}
    }
}

/// Without the server's address and what is sealed.
fn plain(text: &str, base: &str) -> String {
    let mut rest = text.replace(base, "http://server").replace("<span class=\"tag\">hidden</span>", "");
    for mark in ["token=", "token%3D", "since=", "changes up to sequence ", "urn:uuid:"] {
        let mut done = String::new();
        let mut left = rest.as_str();
        while let Some(at) = left.find(mark) {
            let (before, after) = left.split_at(at + mark.len());
            done.push_str(before);
            left = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.~%=".contains(c));
        }
        done.push_str(left);
        rest = done;
    }
    rest
}

/// A line of a page or table without moments of this year: those are of writing, whereas those of items are long ago or far
/// ahead.
fn cut_moments(line: &str) -> String {
    let mut done = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("202") {
        let (before, after) = rest.split_at(at);
        done.push_str(before);
        let year = &after[..after.len().min(4)];
        let is_moment = after.as_bytes().get(4) == Some(&b'-') && !["2020", "2021"].contains(&year);
        if is_moment {
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || "-T:.Z ".contains(c));
            done.push('~');
        } else {
            done.push_str(&after[..3]);
            rest = &after[3..];
        }
    }
    done.push_str(rest);
    done
}
