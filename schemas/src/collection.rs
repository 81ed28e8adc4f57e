//! STAC collections as this service keeps them.

use serde_json::{Map, Value, json};

use crate::item::{box_of, foreign_links, is_version};
use crate::{CollectionId, Instant, Problem};

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

/// Brings the extent of STAC before 0.8 (`spatial` a box, `temporal` two dates) into today's form.
fn migrate_extent(extent: &mut Value) {
    if let Some(Value::Array(bbox)) = extent.get("spatial").filter(|s| s.is_array()).cloned() {
        extent["spatial"] = json!({"bbox": [bbox]});
    }
    if let Some(Value::Array(mut ends)) = extent.get("temporal").filter(|t| t.is_array()).cloned() {
        for end in &mut ends {
            if let Some(date) = end.as_str().filter(|text| text.len() == "2013-06-01".len()) {
                *end = format!("{date}T00:00:00Z").into();
            }
        }
        extent["temporal"] = json!({"interval": [ends]});
    }
}

/// Refuses an extent that no client could read: boxes of 4 or 6 numbers, periods of two moments or nulls.
fn check_extent(extent: &Value) -> Result<(), Problem> {
    let bad = |pointer: &str, detail: &str, allowed: &str| {
        Err(Problem::invalid("collection", detail).at(format!("/extent/{pointer}")).allowed(allowed))
    };
    let is_bbox =
        |bbox: &Value| bbox.as_array().is_some_and(|b| matches!(b.len(), 4 | 6) && b.iter().all(Value::is_number));
    let is_moment = |end: &Value| end.is_null() || end.as_str().is_some_and(|text| Instant::parse(text).is_some());
    let is_interval = |interval: &Value| interval.as_array().is_some_and(|i| i.len() == 2 && i.iter().all(is_moment));
    let list = |part: &str, member: &str| extent.get(part).map(|part| part.get(member).cloned().unwrap_or_default());
    if let Some(boxes) = list("spatial", "bbox")
        && !boxes.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_bbox))
    {
        return bad("spatial/bbox", "a spatial extent is a list of boxes", "[[west, south, east, north]]");
    }
    if let Some(intervals) = list("temporal", "interval")
        && !intervals.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_interval))
    {
        return bad(
            "temporal/interval",
            "a temporal extent is a list of periods",
            "[[\"2023-07-21T00:00:00Z\", null]]",
        );
    }
    Ok(())
}

/// Refuses boxes that are no boxes of the globe and periods that end before they begin. Catalogues that are loaded from files
/// have such extents, which their readers bear; whoever writes one here can mend it.
pub(crate) fn check_order(extent: &Value) -> Result<(), Problem> {
    let bad = |pointer: String, detail: String| Problem::invalid("collection", detail).at(pointer);
    let list = |part: &str, member: &str| extent[part][member].as_array().into_iter().flatten().enumerate();
    for (i, bbox) in list("spatial", "bbox") {
        let numbers: Vec<f64> = bbox.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        box_of(&numbers).map_err(|detail| bad(format!("/extent/spatial/bbox/{i}"), detail))?;
    }
    for (i, interval) in list("temporal", "interval") {
        let moment = |at: usize| interval[at].as_str().and_then(Instant::parse);
        if let (Some(start), Some(end)) = (moment(0), moment(1))
            && end < start
        {
            let pointer = format!("/extent/temporal/interval/{i}");
            return Err(bad(pointer, format!("the end {end} is before the start {start}")));
        }
    }
    Ok(())
}

impl Collection {
    /// Takes a collection from JSON. Missing `type`, `stac_version`, `license` (`other`), `description` and `links` are
    /// filled in, so that every answer is valid STAC; `extent` is completed from the data when answered.
    ///
    /// # Errors
    /// `Invalid` for what is no object, has no id, or members of the wrong type.
    pub fn from_value(value: Value) -> Result<Self, Problem> {
        let collection = Self::from_stored(value)?;
        match collection.body.get("stac_version") {
            Some(Value::String(version)) if is_version(version) => {}
            _ => {
                let problem = Problem::invalid("collection", "a collection's stac_version is a version of STAC");
                return Err(problem.at("/stac_version").allowed("such as 1.1.0"));
            }
        }
        Ok(collection)
    }

    /// Takes back what is stored, also what was written before all of [`Collection::from_value`] was asked of it: a rule
    /// that came later closes no catalogue.
    ///
    /// # Errors
    /// `Invalid` for what no version ever took.
    pub fn from_stored(value: Value) -> Result<Self, Problem> {
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
        if let Some(extent) = body.get_mut("extent").filter(|extent| !extent.is_null()) {
            migrate_extent(extent);
            check_extent(extent)?;
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
        crate::ObservationModel::of(&body)?;
        let description = body.get("title").and_then(Value::as_str).unwrap_or(id.as_str()).to_owned();
        if body.get("stac_version").is_none_or(Value::is_null) {
            body.insert("stac_version".into(), "1.1.0".into());
        }
        body.entry("description").or_insert_with(|| description.into());
        body.entry("license").or_insert_with(|| "other".into());
        let links = body.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
        let links = foreign_links(links).map_err(|at| bad(&format!("/links/{at}"), "a link is an object"))?;
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
    fn an_extent_that_no_client_could_read_is_refused() {
        for (extent, pointer) in [
            (json!({"spatial": {"bbox": [[0, 0]]}}), "/extent/spatial/bbox"),
            (json!({"spatial": {"bbox": []}}), "/extent/spatial/bbox"),
            (json!({"spatial": {}}), "/extent/spatial/bbox"),
            (json!({"temporal": {"interval": [["x", null]]}}), "/extent/temporal/interval"),
            (json!({"temporal": {"interval": [[null]]}}), "/extent/temporal/interval"),
        ] {
            let problem = Collection::from_value(json!({"id": "a", "extent": extent})).expect_err("refused");
            assert_eq!(problem.parameter.as_deref(), Some(pointer));
        }
        let good = json!({"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, "2020-01-01T00:00:00Z"]]}});
        assert!(Collection::from_value(json!({"id": "a", "extent": good})).is_ok());
        let old = json!({"spatial": [-180, -90, 180, 90], "temporal": ["2013-06-01", null]});
        let new = Collection::from_value(json!({"id": "a", "extent": old})).expect("an old form");
        let expected = json!({"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2013-06-01T00:00:00Z", null]]}});
        assert_eq!(new.body["extent"], expected);
    }

    #[test]
    fn what_makes_clients_stumble_over_all_collections_is_refused() {
        let mut written: Vec<(Value, &str)> = vec![(json!({"links": [{"rel": "via", "href": "x"}, 1]}), "/links/1")];
        for version in [json!(3), json!([]), json!("x"), json!("1.1"), json!("")] {
            written.push((json!({ "stac_version": version }), "/stac_version"));
        }
        for (mut body, pointer) in written {
            body["id"] = "a".into();
            let problem = Collection::from_value(body.clone()).expect_err(pointer);
            assert_eq!(problem.parameter.as_deref(), Some(pointer), "{body}");
            // What was written before that was refused is read all the same; of links only objects were ever stored.
            assert_eq!(Collection::from_stored(body).is_ok(), pointer != "/links/1", "{pointer}");
        }
        for version in [json!(null), json!("1.1.0"), json!("1.0.0-rc.4"), json!("0.8.0")] {
            let collection = Collection::from_value(json!({"id": "a", "stac_version": version})).expect("valid");
            assert_eq!(collection.body["stac_version"], version.as_str().unwrap_or("1.1.0"));
        }
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
