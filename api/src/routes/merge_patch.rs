//! JSON merge patch (RFC 7396) on JSON text: what the patch does not touch keeps its text, digits of numbers included.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Members of a JSON object in order, values as text.
pub(super) struct RawMembers<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for RawMembers<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = RawMembers<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &RawValue>()? {
                    members.push(member);
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The target with the patch applied. A target that is no object is replaced, as the RFC says.
pub(super) fn merge(target: &str, patch: &Map<String, Value>) -> String {
    merge_with(target, patch, |_, _| false)
}

/// As [`merge`], of an item: a geometry with a type is a new one, in which nothing of the old one's kind is left, and one
/// that is taken away is null, since every item has the member.
pub(super) fn merge_item(target: &str, patch: &Map<String, Value>) -> String {
    merge_with(target, patch, |name, value| name == "geometry" && (value.is_null() || value.get("type").is_some()))
}

/// Merges; of members of the target that `replaces` tells by name and patch, nothing stays.
fn merge_with(target: &str, patch: &Map<String, Value>, replaces: impl Fn(&str, &Value) -> bool) -> String {
    let members = serde_json::from_str::<RawMembers<'_>>(target).map(|m| m.0).unwrap_or_default();
    let mut out: Vec<(String, String)> = Vec::with_capacity(members.len() + patch.len());
    for (name, value) in members {
        match patch.get(&name) {
            None => out.push((name, value.get().to_owned())),
            Some(Value::Object(inner)) if replaces(&name, &patch[&name]) => out.push((name, merge("{}", inner))),
            Some(other) if replaces(&name, other) => out.push((name, other.to_string())),
            Some(Value::Null) => {}
            Some(Value::Object(inner)) => out.push((name, merge(value.get(), inner))),
            Some(other) => out.push((name, other.to_string())),
        }
    }
    let present: HashSet<String> = out.iter().map(|(name, _)| name.clone()).collect();
    for (name, value) in patch {
        let absent = !present.contains(name);
        match value {
            Value::Null => {}
            Value::Object(inner) if absent => out.push((name.clone(), merge("{}", inner))),
            other if absent => out.push((name.clone(), other.to_string())),
            _ => {}
        }
    }
    let parts: Vec<String> = out.into_iter().map(|(n, v)| format!("{}:{v}", Value::from(n))).collect();
    format!("{{{}}}", parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_rfc_7396_come_out_as_printed_there() {
        let check = |target: &str, patch: Value, expected: Value| {
            let Value::Object(patch) = patch else { panic!("an object patch") };
            let got: Value = serde_json::from_str(&merge(target, &patch)).expect("JSON");
            assert_eq!(got, expected, "{target}");
        };
        check(r#"{"a":"b"}"#, json!({"a": "c"}), json!({"a": "c"}));
        check(r#"{"a":"b"}"#, json!({"b": "c"}), json!({"a": "b", "b": "c"}));
        check(r#"{"a":"b"}"#, json!({"a": null}), json!({}));
        check(r#"{"a":"b","b":"c"}"#, json!({"a": null}), json!({"b": "c"}));
        check(r#"{"a":["b"]}"#, json!({"a": "c"}), json!({"a": "c"}));
        check(r#"{"a":"c"}"#, json!({"a": ["b"]}), json!({"a": ["b"]}));
        check(r#"{"a":{"b":"c"}}"#, json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}));
        check(r#"{"a":[{"b":"c"}]}"#, json!({"a": [1]}), json!({"a": [1]}));
        check(r#"{"e":null}"#, json!({"a": 1}), json!({"e": null, "a": 1}));
        check("[1,2]", json!({"a": "b", "c": null}), json!({"a": "b"}));
        check("{}", json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}));
    }

    #[test]
    fn a_geometry_of_another_type_takes_the_place_of_the_old_one() {
        let check = |patch: Value, expected: &str| {
            let patch = patch.as_object().cloned().expect("an object");
            assert_eq!(merge_item(r#"{"geometry":{"type":"Point","coordinates":[1,2]},"a":1}"#, &patch), expected);
        };
        check(
            json!({"geometry": {"type": "GeometryCollection", "geometries": [], "own": null}}),
            r#"{"geometry":{"type":"GeometryCollection","geometries":[]},"a":1}"#,
        );
        check(
            json!({"geometry": {"coordinates": [3, 4]}}),
            r#"{"geometry":{"type":"Point","coordinates":[3,4]},"a":1}"#,
        );
        check(json!({"geometry": null}), r#"{"geometry":null,"a":1}"#);
    }

    #[test]
    fn untouched_numbers_keep_their_digits() {
        let patch = json!({"b": {"d": 2}}).as_object().cloned().expect("an object");
        let got = merge(r#"{"a":1.10,"b":{"c":12345678901234567890123,"d":1}}"#, &patch);
        assert_eq!(got, r#"{"a":1.10,"b":{"c":12345678901234567890123,"d":2}}"#);
    }
}
