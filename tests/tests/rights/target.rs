//! A request that is sent to both servers, and what the model says of its answer.

use serde_json::Value;

use crate::model::{Level, Seen};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What it is counted as.
    pub(crate) kind: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) html: bool,
    /// The status that the model says; none where it leaves that to the twin.
    pub(crate) status: Option<u16>,
    /// How much there is of what is asked for: features that match, or rows of values.
    pub(crate) count: Option<usize>,
}

pub(crate) fn get(kind: &'static str, path: impl Into<String>) -> Target {
    Target { kind, method: "GET", path: path.into(), body: None, html: false, status: None, count: None }
}

pub(crate) fn page(path: impl Into<String>) -> Target {
    Target { html: true, ..get("web page", path) }
}

pub(crate) fn post(kind: &'static str, path: impl Into<String>, body: Value) -> Target {
    Target { method: "POST", body: Some(body), ..get(kind, path) }
}

impl Target {
    pub(crate) fn with(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// It is there, or it is as if it never was.
    pub(crate) fn there(self, is_there: bool) -> Self {
        self.with(if is_there { 200 } else { 404 })
    }

    /// A collection or what belongs to it.
    pub(crate) fn of(self, collection: &str, seen: &Seen) -> Self {
        self.there(seen.level(collection) > Level::Hidden)
    }

    pub(crate) fn counting(self, count: usize) -> Self {
        Self { count: Some(count), ..self }
    }
}
