//! Descriptions of the collections that the sources make themselves, in English and French.

use serde_json::{Value, json};

use super::swot::Kind;

pub(crate) const REACHES: &str = "swot-reaches";
pub(crate) const NODES: &str = "swot-nodes";
pub(crate) const PRIOR_LAKES: &str = "swot-prior-lakes";
pub(crate) const GRANULES_SEEN: &str = "swot-granules-seen";
pub(crate) const HYDROWEB_STATIONS: &str = "hydroweb-virtual-stations";
pub(crate) const COUNTRIES: &str = "countries";
pub(crate) const LAKES: &str = "lakes";
pub(crate) const RIVERS: &str = "rivers";

/// One table for each collection, named by its id.
const BUILTIN: &str = include_str!("collections.toml");

/// A collection's members from a TOML table: the JSON they stand for, with `id` and `type`.
pub(crate) fn from_toml(id: &str, table: toml::Table) -> Value {
    let mut body = json!({"type": "Collection", "stac_version": "1.1.0", "id": id});
    if let (Some(body), Ok(Value::Object(members))) = (body.as_object_mut(), serde_json::to_value(table)) {
        body.extend(members);
    }
    body
}

/// A collection of ours. Items of an unknown id get a collection with nothing but the id.
pub(crate) fn builtin(id: &str) -> Value {
    let all: toml::Table = toml::from_str(BUILTIN).expect("the table is part of the program and tested");
    let table = all.get(id).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    from_toml(id, table)
}

/// The collection of the granules of one product and version.
pub(crate) fn swot_granules(id: &str, kind: Kind, version: &str) -> Value {
    let product = kind.product();
    let mut body = builtin(product);
    let of_version =
        |text: &Value, word: &str| Value::String(format!("{} ({word} {version})", text.as_str().unwrap_or(id)));
    body["id"] = id.into();
    body["version"] = version.into();
    body["title"] = of_version(&body["title"], "version");
    let french = &body["nilometer:translations"]["fr"]["title"];
    body["nilometer:translations"]["fr"]["title"] = of_version(french, "version");
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::Collection;

    #[test]
    fn every_collection_of_ours_is_described_in_two_languages_with_licence_and_provider() {
        let check = |value: Value| {
            let collection = Collection::from_value(value).expect("valid");
            for language in ["en", "fr"] {
                assert!(collection.title(language) != collection.id.as_str(), "{}", collection.id);
                assert!(collection.description(language).len() > 40, "{}", collection.id);
            }
            assert_ne!(collection.title("en"), collection.title("fr"));
            assert_ne!(collection.description("en"), collection.description("fr"));
            assert!(collection.body["license"].is_string());
            assert!(!collection.body["providers"].as_array().unwrap().is_empty());
            assert!(!collection.body["keywords"].as_array().unwrap().is_empty());
            let licence = |l: &Value| l["rel"] == "license";
            assert!(collection.body["links"].as_array().unwrap().iter().any(licence), "{}", collection.id);
        };
        for id in [REACHES, NODES, PRIOR_LAKES, GRANULES_SEEN, HYDROWEB_STATIONS, COUNTRIES, LAKES, RIVERS] {
            check(builtin(id));
        }
        check(swot_granules("SWOT_L2_HR_RiverSP_D", Kind::Reach, "D"));
        check(swot_granules("SWOT_L2_HR_LakeSP_2.0", Kind::PriorLake, "2.0"));
    }
}
