//! Which members of an item are answered (STAC API, Fields extension).

use nilometer_schemas::{Fields, Problem};
use serde_json::{Map, Value, json};

use super::members::bad;

/// Answered when the caller names nothing: the least that is a valid item.
const DEFAULT: [&str; 11] = [
    "type",
    "stac_version",
    "id",
    "collection",
    "geometry",
    "bbox",
    "links",
    "assets",
    "properties.datetime",
    "properties.start_datetime",
    "properties.end_datetime",
];
/// Answered with whatever is included, so that clients know what they hold.
const ALWAYS: [&str; 4] = ["type", "stac_version", "id", "collection"];
/// Of a collection, answered when the caller names nothing: the least that is a valid one, and its title.
const COLLECTION_DEFAULT: [&str; 8] =
    ["type", "stac_version", "id", "title", "description", "license", "extent", "links"];
/// Of a collection, answered with whatever is included.
const COLLECTION_ALWAYS: [&str; 3] = ["type", "stac_version", "id"];
/// Named members, each way.
const FIELDS_MAX: usize = 256;

/// Reads `{"include": […], "exclude": […]}`.
///
/// `include` absent with something excluded means all other members; `include` empty or null means the default set.
pub(super) fn read(value: &Value) -> Result<Fields, Problem> {
    let fault = |detail: &str| bad("fields", detail).allowed("{\"include\": [NAME, …], \"exclude\": [NAME, …]}");
    let Value::Object(members) = value else {
        return Err(fault("fields is an object"));
    };
    if members.keys().any(|name| name != "include" && name != "exclude") {
        return Err(fault("fields has include and exclude only"));
    }
    let names = |member: &str| -> Result<Vec<String>, Problem> {
        let list = match members.get(member) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= FIELDS_MAX => list,
            Some(Value::Array(_)) => return Err(fault("fields names more than 256 members")),
            Some(_) => return Err(fault("include and exclude are arrays of texts")),
        };
        let mut names = Vec::with_capacity(list.len());
        for name in list {
            match name.as_str().map(|name| name.strip_prefix('+').unwrap_or(name)) {
                None => return Err(fault("include and exclude are arrays of texts")),
                Some("") => return Err(fault("the name of a field is empty")),
                Some(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    };
    let (mut include, exclude) = (names("include")?, names("exclude")?);
    if include.is_empty() && !exclude.is_empty() && members.contains_key("include") {
        let gone = |name: &str| exclude.iter().any(|path| path == name || is_below(name, path));
        include = DEFAULT.iter().filter(|name| !gone(name)).map(|name| (*name).to_owned()).collect();
    }
    Ok(Fields { include, exclude })
}

/// The JSON form that [`read`] reads back.
pub(super) fn to_value(fields: &Fields) -> Value {
    let mut value = Map::new();
    if !fields.exclude.is_empty() {
        value.insert("exclude".into(), json!(fields.exclude));
    }
    if !fields.include.is_empty() {
        value.insert("include".into(), json!(fields.include));
    }
    Value::Object(value)
}

/// The members of an item that were asked for. What is no object is given back as it is.
///
/// Nothing named: the default set. Only exclusions: everything else. Inclusions: these, and type, version, id and
/// collection unless excluded. Where both name a member, the longer path decides, and on a tie it is included.
/// A member named without being there is no fault.
pub fn apply_fields(item: Value, fields: &Fields) -> Value {
    apply(item, fields, &DEFAULT, &ALWAYS)
}

/// As [`apply_fields`], of a collection: nothing named gives what a STAC collection must have.
pub fn apply_collection_fields(collection: Value, fields: &Fields) -> Value {
    apply(collection, fields, &COLLECTION_DEFAULT, &COLLECTION_ALWAYS)
}

fn apply(document: Value, fields: &Fields, default: &[&'static str], always: &[&'static str]) -> Value {
    let Value::Object(members) = document else { return document };
    let mut include: Vec<&str> = fields.include.iter().map(String::as_str).collect();
    let exclude: Vec<&str> = fields.exclude.iter().map(String::as_str).collect();
    if include.is_empty() && exclude.is_empty() {
        include.extend(default);
    } else if !include.is_empty() {
        include.extend(always.iter().filter(|name| !exclude.contains(name)));
    }
    let all = include.is_empty();
    Value::Object(prune(members, "", all, &Paths { include, exclude }))
}

struct Paths<'a> {
    include: Vec<&'a str>,
    exclude: Vec<&'a str>,
}

/// Whether `path` leads to something inside `parent`.
fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

/// The members of an object that stay; `inherited` tells of those that no path names.
fn prune(members: Map<String, Value>, parent: &str, inherited: bool, paths: &Paths<'_>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in members {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        let stays = if paths.include.contains(&path.as_str()) {
            true
        } else if paths.exclude.contains(&path.as_str()) {
            false
        } else {
            inherited
        };
        let divided = paths.include.iter().chain(&paths.exclude).any(|deeper| is_below(deeper, &path));
        match value {
            Value::Object(inner) if divided => {
                let inner = prune(inner, &path, stays, paths);
                if stays || !inner.is_empty() {
                    kept.insert(name, Value::Object(inner));
                }
            }
            value if stays => {
                kept.insert(name, value);
            }
            _ => {}
        }
    }
    kept
}
