//! Answers without what two servers can never have in common: addresses, sequence numbers, moments of writing, tokens.

use nilometer_tests::Response;
use serde_json::Value;

use crate::{archive, tiles};

/// Members that follow the clock or the log.
const OWN: [&str; 15] = [
    "ingested",
    "created",
    "updated",
    "instance",
    "nilometer:access",
    "sequence",
    "until",
    "ordered",
    "lastUpdate",
    "expires",
    "started",
    "accepted",
    "progress",
    "attempts",
    "token",
];
/// Headers that do.
const HEADERS: [&str; 7] =
    ["etag", "date", "content-length", "x-request-id", "last-modified", "nilometer-sequence", "content-disposition"];

/// What a server calls by names of its own, the nth of one as the nth of the other.
pub(crate) type Names = Vec<String>;

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
    /// Names and contents of the files of an archive.
    Archive(Vec<(String, Body)>),
    Nothing,
}

pub(crate) fn normal(answer: &Response, base: &str, names: &[String]) -> Normal {
    let media_type = answer.header("content-type").unwrap_or_default().to_owned();
    let mut headers: Vec<(String, String)> =
        answer.headers.iter().filter(|(name, _)| !HEADERS.contains(&name.as_str())).cloned().collect();
    let own = Own { base, names };
    headers.iter_mut().for_each(|(_, value)| *value = own.plain(value));
    headers.sort();
    let body = if answer.status == 200 && media_type.contains("application/zip") {
        let files = archive::read(&answer.body);
        Body::Archive(files.into_iter().map(|(name, file)| (name, own.body("", &file))).collect())
    } else {
        own.body(&media_type, &answer.body)
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
        (Body::Archive(a), Body::Archive(b)) => {
            let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
            format!("file {at} of the archive:\n{:?}\n{:?}", a.get(at), b.get(at))
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

/// What is a server's own.
struct Own<'a> {
    base: &'a str,
    names: &'a [String],
}

impl Own<'_> {
    fn body(&self, media_type: &str, body: &[u8]) -> Body {
        if body.is_empty() {
            return Body::Nothing;
        }
        if media_type.contains("vector-tile") {
            return Body::Tile(tiles::decode(body));
        }
        if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
            self.clean(&mut value);
            return Body::Json(value);
        }
        if let Some(lines) = json_lines(body) {
            let mut lines = Value::Array(lines);
            self.clean(&mut lines);
            return Body::Json(lines);
        }
        let text = self.plain(&String::from_utf8_lossy(body));
        Body::Text(text.split('\n').map(cut_moments).collect())
    }

    fn clean(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                // The names of queryables are members too, and every item has these.
                // Hydrocron tells how long it took.
                members.retain(|name, value| !(OWN.contains(&name.as_str()) || name == "time" && value.is_number()));
                // The length of an archive depends on the moment that its manifest tells.
                let is_order = members.contains_key("workflowId");
                let is_document = members.contains_key("path") && members.get("origin").is_some_and(Value::is_null);
                members.retain(|name, _| !(is_order && name == "bytes" || is_document && name == "size"));
                members.values_mut().for_each(|value| self.clean(value));
            }
            Value::Array(all) => all.iter_mut().for_each(|value| self.clean(value)),
            Value::String(text) => *text = self.plain(text),
            _ => {}
        }
    }

    /// Without the server's address, its own names and what is sealed.
    fn plain(&self, text: &str) -> String {
        let mut rest = text.replace(self.base, "http://server").replace("<span class=\"tag\">hidden</span>", "");
        for (at, name) in self.names.iter().enumerate() {
            rest = rest.replace(name, &format!("name-{at}"));
        }
        for mark in [
            "token=",
            "token%3D",
            "since=",
            "changes up to sequence ",
            "urn:uuid:",
            "signature=",
            "expires=",
            "keyid=",
            // A program names what it keeps by its text, which has the server's address.
            "kept='order-",
        ] {
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
