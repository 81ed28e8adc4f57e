//! Descriptions of the collections that the sources make themselves, in English and French.

use serde_json::{Value, json};

use super::swot::{self, Kind};

pub(crate) const GRANULES_SEEN: &str = "swot-granules-seen";
pub(crate) const HYDROWEB_STATIONS: &str = "hydroweb-virtual-stations";
pub(crate) const HYDROWEB_LAKES: &str = "hydroweb-lakes";
pub(crate) const HYDROWEB_RIVERS: &str = "hydroweb-rivers";
pub(crate) const G_REALM_LAKES: &str = "g-realm-lakes";
pub(crate) const DAHITI_LAKES: &str = "dahiti-lakes";
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
    of_version(id, builtin(kind.product()), version)
}

/// Id of the collection of the features of one kind and version, as Hydrocron calls it.
pub(crate) fn swot_features_id(kind: Kind, version: &str) -> String {
    format!("SWOT_L2_HR_{}_{}_{version}", kind.product(), kind.part())
}

/// The collection of reaches, nodes or prior lakes of one version, with their observations.
pub(crate) fn swot_features(kind: Kind, version: &str) -> Value {
    let id = swot_features_id(kind, version);
    let mut body = of_version(&id, builtin(&format!("{}_{}", kind.product(), kind.part())), version);
    body["nilometer:observation_key"] = "pass".into();
    body["nilometer:parameters"] = swot::declared(kind, version).into();
    body
}

/// A collection that is told apart from its sisters by the version of the product.
fn of_version(id: &str, mut body: Value, version: &str) -> Value {
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
        for id in [GRANULES_SEEN, HYDROWEB_STATIONS, COUNTRIES, LAKES, RIVERS] {
            check(builtin(id));
        }
        for id in [HYDROWEB_LAKES, HYDROWEB_RIVERS, G_REALM_LAKES, DAHITI_LAKES] {
            let body = builtin(id);
            assert!(!body["nilometer:parameters"].as_array().unwrap().is_empty());
            check(body);
        }
        for kind in [Kind::Reach, Kind::Node, Kind::PriorLake] {
            check(swot_features(kind, "2.0"));
            check(swot_features(kind, "D"));
        }
        check(swot_granules("SWOT_L2_HR_RiverSP_D", Kind::Reach, "D"));
        check(swot_granules("SWOT_L2_HR_LakeSP_2.0", Kind::PriorLake, "2.0"));
    }
}
