//! STAC collections as this service keeps them.

use serde_json::{Map, Value};

use crate::{CollectionId, Problem};

/// Who may see a collection and everything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody.
    Public,
    /// Operators only; for all others it does not exist.
    Hidden,
}

/// Member of a collection's JSON that holds its access policy: `"public"` (default) or `"hidden"`.
pub const ACCESS_MEMBER: &str = "nilometer:access";
/// Member that holds the texts in other languages: `{"fr": {"title": …, "description": …}}`.
pub const TRANSLATIONS_MEMBER: &str = "nilometer:translations";

/// A STAC 1.1 Collection with its access policy. Unknown members stay as they came; `links` with the
/// relations of [`crate::RESERVED_RELS`] are dropped, since the service makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    /// Identifier.
    pub id: CollectionId,
    /// Who may see it.
    pub access: Access,
    /// The whole JSON object, `id`, `type` and `stac_version` included.
    pub body: Map<String, Value>,
}

impl Collection {
    /// Takes a collection from JSON. Missing `type`, `stac_version`, `license` (`other`), `description` and `links` are
    /// filled in, so that every answer is valid STAC; `extent` is completed from the data when answered.
    ///
    /// # Errors
    /// `Invalid` for what is no object, has no id, or members of the wrong type.
    pub fn from_value(value: Value) -> Result<Self, Problem> {
        let bad = |pointer: &str, detail: &str| Problem::invalid("collection", detail).at(pointer);
        let Value::Object(mut body) = value else {
            return Err(bad("", "a collection is a JSON object"));
        };
        let id = match body.get("id") {
            Some(Value::String(id)) => CollectionId::new(id.as_str()).map_err(|p| p.at("/id"))?,
            _ => return Err(bad("/id", "a collection has an id, a text")),
        };
        match body.get("type") {
            None => {
                body.insert("type".into(), "Collection".into());
            }
            Some(Value::String(t)) if t == "Collection" => {}
            Some(_) => return Err(bad("/type", "a collection's type is \"Collection\"")),
        }
        for (member, kind) in [("title", "a text"), ("description", "a text"), ("license", "a text")] {
            if body.get(member).is_some_and(|v| !v.is_string()) {
                return Err(bad(&format!("/{member}"), &format!("a collection's {member} is {kind}")));
            }
        }
        for member in ["links", "providers", "keywords", "stac_extensions"] {
            if body.get(member).is_some_and(|v| !v.is_array() && !v.is_null()) {
                return Err(bad(&format!("/{member}"), &format!("a collection's {member} is an array")));
            }
        }
        for member in ["extent", "summaries", "assets", "item_assets"] {
            if body.get(member).is_some_and(|v| !v.is_object() && !v.is_null()) {
                return Err(bad(&format!("/{member}"), &format!("a collection's {member} is an object")));
            }
        }
        let access = match body.get(ACCESS_MEMBER) {
            None => Access::Public,
            Some(Value::String(text)) if text == "public" => Access::Public,
            Some(Value::String(text)) if text == "hidden" => Access::Hidden,
            Some(_) => {
                return Err(bad(&format!("/{ACCESS_MEMBER}"), "a collection's access is public or hidden")
                    .allowed("public, hidden"));
            }
        };
        let description = body.get("title").and_then(Value::as_str).unwrap_or(id.as_str()).to_owned();
        body.entry("stac_version").or_insert_with(|| "1.1.0".into());
        body.entry("description").or_insert_with(|| description.into());
        body.entry("license").or_insert_with(|| "other".into());
        let links = crate::item::foreign_links(body.get("links"));
        body.insert("links".into(), Value::Array(links));
        Ok(Self { id, access, body })
    }

    /// The title in a language, or the title, or the id.
    pub fn title(&self, language: &str) -> &str {
        self.text("title", language).unwrap_or(self.id.as_str())
    }

    /// The description in a language, or the untranslated one.
    pub fn description(&self, language: &str) -> &str {
        self.text("description", language).unwrap_or_default()
    }

    /// A text member in a language, or untranslated.
    pub fn text(&self, member: &str, language: &str) -> Option<&str> {
        self.body
            .get(TRANSLATIONS_MEMBER)
            .and_then(|t| t.get(language)?.get(member)?.as_str())
            .or_else(|| self.body.get(member).and_then(Value::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_members_stay_and_required_ones_are_filled_in() {
        let c = Collection::from_value(
            json!({"id": "a", "x:y": [1], "links": [{"rel": "self", "href": "b"}, {"rel": "license", "href": "c"}]}),
        )
        .expect("valid");
        assert_eq!(c.access, Access::Public);
        assert_eq!(c.body["x:y"], json!([1]));
        assert_eq!(c.body["links"], json!([{"rel": "license", "href": "c"}]));
        assert_eq!(c.body["type"], "Collection");
    }

    #[test]
    fn a_translation_is_used_where_there_is_one() {
        let c = Collection::from_value(
            json!({"id": "a", "title": "Lakes", "nilometer:translations": {"fr": {"title": "Lacs"}}}),
        )
        .expect("valid");
        assert_eq!((c.title("fr"), c.title("en")), ("Lacs", "Lakes"));
    }
}
