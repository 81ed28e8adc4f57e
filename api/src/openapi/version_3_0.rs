//! The OpenAPI 3.1 document as one of 3.0, for clients that know no other.
//!
//! They differ in schemas: 3.0 has one type each with `nullable`, no `const`, one `example`, and bytes
//! as a format.

use serde_json::{Map, Value, json};

/// The document in 3.0.
pub(crate) fn from_3_1(mut document: Value) -> Value {
    document["openapi"] = "3.0.3".into();
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        license.remove("identifier");
        license.insert("url".into(), "https://www.apache.org/licenses/LICENSE-2.0".into());
    }
    convert(&mut document, false);
    document
}

/// Converts what is below a value; the members of `properties` are names of the caller's, not keywords.
fn convert(value: &mut Value, names: bool) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|member| convert(member, false)),
        Value::Object(members) => {
            if !names {
                convert_keywords(members);
            }
            members.iter_mut().for_each(|(name, member)| convert(member, !names && name == "properties"));
        }
        _ => {}
    }
}

fn convert_keywords(schema: &mut Map<String, Value>) {
    if let Some(constant) = schema.remove("const") {
        schema.insert("enum".into(), json!([constant]));
    }
    if let Some(Value::Array(examples)) = schema.get("examples") {
        let first = examples.first().cloned();
        schema.remove("examples");
        if let Some(first) = first {
            schema.insert("example".into(), first);
        }
    }
    // What is no JSON is a text of bytes.
    if schema.remove("contentMediaType").is_some() {
        schema.insert("format".into(), "binary".into());
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        let before = alternatives.len();
        alternatives.retain(|alternative| alternative["type"] != "null");
        if alternatives.len() < before {
            schema.insert("nullable".into(), true.into());
        }
    }
    if let Some(Value::Array(types)) = schema.get("type").cloned() {
        schema.remove("type");
        if types.iter().any(|t| t == "null") {
            schema.insert("nullable".into(), true.into());
        }
        let mut types: Vec<Value> = types.into_iter().filter(|t| t != "null").collect();
        if types.len() == 1 {
            schema.insert("type".into(), types.remove(0));
        } else {
            let items = schema.remove("items");
            let alternative = |kind: Value| match (&items, kind == "array") {
                (Some(items), true) => json!({"type": kind, "items": items}),
                (None, true) => json!({"type": kind, "items": {}}),
                _ => json!({"type": kind}),
            };
            schema.insert("anyOf".into(), types.into_iter().map(alternative).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_said_in_the_older_words() {
        let got = from_3_1(json!({
            "openapi": "3.1.0", "info": {"license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "components": {"schemas": {"A": {"type": "object", "properties": {
                "const": {"const": "x"}, "type": {"type": ["string", "null"]}, "either": {"type": ["string", "array"], "items": {"type": "number"}},
                "maybe": {"anyOf": [{"$ref": "#/a"}, {"type": "null"}]}, "file": {"type": "string", "contentMediaType": "text/csv"},
                "some": {"type": "string", "examples": ["fr", "en"]}, "list": {"type": ["array", "null"], "items": {"type": "string"}},
            }}}},
        }));
        assert_eq!((&got["openapi"], got["info"]["license"].get("identifier")), (&json!("3.0.3"), None));
        assert_eq!(
            got["components"]["schemas"]["A"]["properties"],
            json!({
                "const": {"enum": ["x"]}, "type": {"nullable": true, "type": "string"},
                "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]},
                "maybe": {"anyOf": [{"$ref": "#/a"}], "nullable": true}, "file": {"type": "string", "format": "binary"},
                "some": {"type": "string", "example": "fr"},
                "list": {"items": {"type": "string"}, "nullable": true, "type": "array"},
            })
        );
    }
}
