//! Records against JSON Schema: what STAC 1.1 asks of every item and collection, and what the extensions that a record
//! names ask of their fields. Nothing is fetched: the schemas are here.
//!
//! They are our own. STAC's core is one schema; of an extension only the forms of its fields are checked, the same in
//! all its versions, which seldom change them.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::collection::check_order;
use crate::{Collection, Item, Problem};

/// Schemas of items and collections, by the names of their definitions.
const STAC: &str = include_str!("stac.json");
/// Schemas of the fields of extensions, by the extensions' names.
const EXTENSIONS: &str = include_str!("extensions.json");
/// The address of an extension's schema is this, its name, `/vVERSION/schema.json`.
const EXTENSION_BASE: &str = "https://stac-extensions.github.io/";
/// Findings that are told of one record.
const FINDINGS_MAX: usize = 16;
/// Characters of a finding's text.
const TEXT_CHARS_MAX: usize = 300;

/// What is done with a field that an extension's schema does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionCheck {
    /// It is not looked at.
    Off,
    /// It is told.
    Warn,
    /// The record is refused.
    Strict,
}

impl std::str::FromStr for ExtensionCheck {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "warn" => Ok(Self::Warn),
            "strict" => Ok(Self::Strict),
            other => Err(format!("{other:?} is neither off, warn nor strict")),
        }
    }
}

impl std::fmt::Display for ExtensionCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Strict => "strict",
        })
    }
}

/// What a schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer into the record.
    pub pointer: String,
    /// What is wrong there.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.pointer, self.text)
    }
}

struct Extension {
    name: String,
    item: Validator,
    collection: Validator,
}

struct Schemas {
    item: Validator,
    collection: Validator,
    extensions: Vec<Extension>,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let stac: Value = serde_json::from_str(STAC).expect("a test reads the schemas");
    let core = |name: &str| {
        let mut schema = stac.clone();
        schema["$ref"] = format!("#/definitions/{name}").into();
        compiled(&schema)
    };
    let known: Map<String, Value> = serde_json::from_str(EXTENSIONS).expect("a test reads the schemas");
    let extensions = known.into_iter().map(|(name, fields)| {
        let fields = json!({ "properties": fields });
        let assets = json!({"additionalProperties": fields});
        Extension {
            name,
            item: compiled(&json!({"properties": {"properties": fields, "assets": assets}})),
            // A collection's fields of extensions stand at its top, those of its items in lists among the summaries.
            collection: compiled(&json!({"allOf": [fields, {"properties": {"assets": assets}}]})),
        }
    });
    Schemas { item: core("item"), collection: core("collection"), extensions: extensions.collect() }
});

fn compiled(schema: &Value) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
    options.build(schema).expect("a test compiles the schemas")
}

/// Checks an item. What is returned is worth telling and no reason to refuse it.
///
/// # Errors
/// `Invalid` with the first finding's pointer, for what STAC does not allow, and under [`ExtensionCheck::Strict`] for what an
/// extension does not allow.
pub fn validate_item(item: &Item, check: ExtensionCheck) -> Result<Vec<Finding>, Problem> {
    let value = Value::Object(item.members_but_geometry()?);
    if item.geometry.is_none() && item.bbox.is_some() {
        return Err(Problem::invalid("item", "an item whose geometry is null has no bbox").at("/bbox"));
    }
    validate(&value, &SCHEMAS.item, |extension| &extension.item, check, "item")
}

/// Checks a collection, as [`validate_item`] an item.
///
/// # Errors
/// As [`validate_item`].
pub fn validate_collection(collection: &Collection, check: ExtensionCheck) -> Result<Vec<Finding>, Problem> {
    if let Some(extent) = collection.body.get("extent") {
        check_order(extent)?;
    }
    let value = Value::Object(collection.body.clone());
    validate(&value, &SCHEMAS.collection, |extension| &extension.collection, check, "collection")
}

fn validate(
    value: &Value,
    core: &Validator,
    of: impl Fn(&Extension) -> &Validator,
    check: ExtensionCheck,
    code: &'static str,
) -> Result<Vec<Finding>, Problem> {
    let violations = findings(core, value);
    if !violations.is_empty() {
        return Err(refusal(code, &violations));
    }
    let mut told = Vec::new();
    if check == ExtensionCheck::Off {
        return Ok(told);
    }
    for address in value.get("stac_extensions").and_then(Value::as_array).into_iter().flatten() {
        let name = address.as_str().and_then(|a| a.strip_prefix(EXTENSION_BASE)?.split('/').next());
        let known = name.and_then(|name| SCHEMAS.extensions.iter().find(|extension| extension.name == name));
        if let Some(extension) = known {
            told.extend(findings(of(extension), value));
        }
    }
    told.truncate(FINDINGS_MAX);
    if check == ExtensionCheck::Strict && !told.is_empty() {
        return Err(refusal(code, &told));
    }
    Ok(told)
}

fn findings(validator: &Validator, value: &Value) -> Vec<Finding> {
    let errors = validator.iter_errors(value).take(FINDINGS_MAX);
    let finding = |error: jsonschema::ValidationError<'_>| Finding {
        pointer: error.instance_path().to_string(),
        text: error.to_string().chars().take(TEXT_CHARS_MAX).collect(),
    };
    errors.map(finding).collect()
}

fn refusal(code: &'static str, findings: &[Finding]) -> Problem {
    let told: Vec<String> = findings.iter().map(Finding::to_string).collect();
    let problem = Problem::invalid(code, told.join("; "));
    match findings.first() {
        Some(first) => problem.at(first.pointer.as_str()),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(changes: Value) -> Item {
        let mut value = json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "a", "collection": "c", "bbox": [1, 2, 1, 2],
            "geometry": {"type": "Point", "coordinates": [1, 2]},
            "stac_extensions": ["https://stac-extensions.github.io/eo/v2.0.0/schema.json", "https://e.example/own.json"],
            "properties": {"datetime": "2024-01-01T00:00:00Z"}, "assets": {"data": {"href": "a.nc"}}, "links": [],
        });
        for (pointer, change) in changes.as_object().into_iter().flatten() {
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            value.pointer_mut(parent).expect("a parent")[name] = change.clone();
        }
        Item::from_value(&value, None).expect("an item")
    }

    #[test]
    fn what_stac_does_not_allow_is_refused_where_it_stands() {
        for (pointer, change, at) in [
            ("/properties/created", json!("2024-01-01"), "/properties/created"),
            ("/properties/updated", json!("2024-01-01T00:00:00+02:00"), "/properties/updated"),
            ("/properties/gsd", json!(0), "/properties/gsd"),
            ("/properties/title", json!(1), "/properties/title"),
            ("/properties/instruments", json!("KaRIn"), "/properties/instruments"),
            ("/properties/license", json!("CC BY 4"), "/properties/license"),
            ("/properties/providers", json!([{"name": ""}]), "/properties/providers/0/name"),
            ("/properties/providers", json!([{"name": "a", "roles": ["owner"]}]), "/properties/providers/0/roles/0"),
            ("/assets/data", json!({"href": ""}), "/assets/data/href"),
            ("/assets/data", json!({"href": "a", "roles": "data"}), "/assets/data/roles"),
            ("/assets/data", json!({"href": "a", "bands": [{"gsd": -1}]}), "/assets/data/bands/0/gsd"),
            ("/links", json!([{"rel": "via"}]), "/links/0"),
            ("/stac_extensions", json!(["not an address"]), "/stac_extensions/0"),
            ("/stac_version", json!("2.0.0"), "/stac_version"),
            ("/properties/bands", json!([]), "/properties/bands"),
            ("/geometry", json!(null), "/bbox"),
            ("/geometry", json!({"type": "GeometryCollection", "geometries": [], "coordinates": []}), "/geometry"),
            (
                "/geometry",
                json!({"type": "GeometryCollection", "geometries": [
                    {"type": "GeometryCollection", "geometries": [], "coordinates": []}]}),
                "/geometry",
            ),
        ] {
            for check in [ExtensionCheck::Off, ExtensionCheck::Warn, ExtensionCheck::Strict] {
                let problem = validate_item(&item(json!({ pointer: change })), check).expect_err(pointer);
                assert_eq!(problem.parameter.as_deref(), Some(at), "{problem}");
            }
        }
    }

    #[test]
    fn what_is_stac_in_an_older_version_or_with_bands_of_assets_too_is_taken() {
        for (pointer, change) in [
            ("/stac_version", json!("1.0.0")),
            ("/stac_version", json!("0.9.0")),
            ("/stac_version", json!("1.1.0-beta.1")),
            (
                "/geometry",
                json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}),
            ),
        ] {
            assert_eq!(
                validate_item(&item(json!({ pointer: change })), ExtensionCheck::Off),
                Ok(Vec::new()),
                "{pointer}"
            );
        }
        let bands = json!({"/properties/bands": [], "/assets/data": {"href": "a", "bands": []}});
        assert_eq!(validate_item(&item(bands), ExtensionCheck::Off), Ok(Vec::new()));
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_however_deep() {
        for (text, pointer) in [
            (r#""assets":{"a":{"href":"x","href":"y"}}"#, "/assets"),
            (r#""assets":{"a":{"href":"x"},"a":{"href":"y"}}"#, "/assets"),
            (r#""assets":{},"own":[{"a":1.50,"b":{"c":1,"c":2}}]"#, "/own"),
            (r#""assets":{},"geometry":{"type":"Point","coordinates":[1,2],"own":1,"own":2}"#, "/geometry"),
        ] {
            let geometry = if text.contains("geometry") { "" } else { r#""geometry":null,"# };
            let text = format!(
                r#"{{"type":"Feature","id":"a","collection":"c",{geometry}{text},"properties":{{"datetime":"2020-01-01T00:00:00Z"}}}}"#
            );
            let item = Item::parse(&text, None).expect("read");
            let problem = validate_item(&item, ExtensionCheck::Off).expect_err(&text);
            assert_eq!(problem.parameter.as_deref(), Some(pointer), "{problem}");
            assert!(problem.detail.contains("stands twice"), "{problem}");
        }
    }

    #[test]
    fn what_an_extension_does_not_allow_is_told_or_refused_or_let_be() {
        let odd =
            item(json!({"/properties/eo:cloud_cover": "3.14", "/assets/data": {"href": "a", "eo:snow_cover": 101}}));
        let told = validate_item(&odd, ExtensionCheck::Warn).expect("told only");
        let pointers: Vec<&str> = told.iter().map(|finding| finding.pointer.as_str()).collect();
        assert_eq!(pointers, ["/properties/eo:cloud_cover", "/assets/data/eo:snow_cover"]);
        assert_eq!(validate_item(&odd, ExtensionCheck::Off), Ok(Vec::new()));
        let problem = validate_item(&odd, ExtensionCheck::Strict).expect_err("refused");
        assert_eq!(problem.parameter.as_deref(), Some("/properties/eo:cloud_cover"));
        // An extension that the item does not name asks nothing of it.
        let unnamed = item(json!({"/properties/view:off_nadir": "much"}));
        assert_eq!(validate_item(&unnamed, ExtensionCheck::Strict), Ok(Vec::new()));
    }

    #[test]
    fn collections_are_checked_likewise() {
        let collection = |changes: Value| {
            let mut value = json!({"id": "c", "license": "other",
                "stac_extensions": ["https://stac-extensions.github.io/scientific/v1.0.0/schema.json"]});
            value.as_object_mut().expect("an object").extend(changes.as_object().cloned().unwrap_or_default());
            Collection::from_value(value).expect("a collection")
        };
        let check = |changes: Value, check: ExtensionCheck| validate_collection(&collection(changes), check);
        let summaries = json!({"platform": ["swot"], "gsd": {"minimum": 1, "maximum": 2}, "wse": {"mean": 1.5},
            "datetime": {"minimum": "2020-01-01T00:00:00Z", "maximum": "2021-01-01T00:00:00Z"},
            "own:code": {"type": "string", "pattern": "^a"}});
        assert_eq!(
            check(json!({"summaries": summaries, "stac_version": "1.0.0"}), ExtensionCheck::Strict),
            Ok(Vec::new())
        );
        for (changes, at) in [
            (json!({"summaries": {"platform": "swot"}}), "/summaries/platform"),
            (json!({"summaries": {"platform": {"minimum": 1}}}), "/summaries/platform"),
            (json!({"summaries": {"platform": {"maximum": 1}}}), "/summaries/platform"),
            (json!({"summaries": {"platform": {"minimum": 1, "maximum": null}}}), "/summaries/platform/maximum"),
            (json!({"summaries": {"platform": {}}}), "/summaries/platform"),
            (json!({"extent": {"spatial": {"bbox": [[0, 5, 1, 1]]}}}), "/extent/spatial/bbox/0"),
            (json!({"extent": {"spatial": {"bbox": [[0, 0, 1, 1], [0, -100, 0, 1, 1, 2]]}}}), "/extent/spatial/bbox/1"),
            (
                json!({"extent": {"temporal": {"interval": [["2021-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]]}}}),
                "/extent/temporal/interval/0",
            ),
            (json!({"stac_version": "0.8.0"}), "/stac_version"),
            (json!({"stac_version": "2.0.0"}), "/stac_version"),
            (json!({"license": "my licence"}), "/license"),
            (json!({"item_assets": {"data": {"href": "a", "type": "b"}}}), "/item_assets/data/href"),
            (json!({"assets": {"a": {}}}), "/assets/a"),
        ] {
            let problem = check(changes, ExtensionCheck::Off).expect_err(at);
            assert_eq!(problem.parameter.as_deref(), Some(at), "{problem}");
        }
        let told = check(json!({"sci:doi": "doi:10.1/x"}), ExtensionCheck::Warn).expect("told only");
        assert_eq!(told[0].pointer, "/sci:doi");
    }
}
