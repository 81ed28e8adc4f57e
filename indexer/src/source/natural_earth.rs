//! Countries, lakes and rivers of Natural Earth, to be used as places.
//!
//! Versions differ in the case of their property names and in which of them are there; names are therefore looked up
//! without regard to case. Features carry no stable number in older versions, so ids are made from names; where a
//! name stands twice, or there is none, the position tells the features apart.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use geo::BoundingRect;
use nilometer_schemas::geojson;
use serde_json::{Map, Value};

use super::document::{Feature, each_record};
use super::input::Input;
use super::intake::Intake;
use super::{collections, places};
use crate::Error;

/// French names of countries: three-letter code, blank, name.
const COUNTRIES_FR: &str = include_str!("countries_fr.txt");
/// Properties that are copied under a name of ours: Natural Earth's, ours.
const COUNTRY_PROPERTIES: [(&str, &str); 8] = [
    ("continent", "continent"),
    ("region_un", "region"),
    ("subregion", "subregion"),
    ("sovereignt", "sovereignty"),
    ("iso_a2", "iso_a2"),
    ("pop_est", "population"),
    ("pop_year", "population_year"),
    ("type", "country_type"),
];
/// The same for lakes and rivers.
const WATER_PROPERTIES: [(&str, &str); 3] =
    [("dam_name", "dam_name"), ("scalerank", "scalerank"), ("rivernum", "rivernum")];

fn collection_of(class: &str) -> Option<&'static str> {
    match class.to_ascii_lowercase().as_str() {
        "admin-0 country" => Some(collections::COUNTRIES),
        "lake" | "reservoir" | "alkaline lake" | "lake (intermittent)" => Some(collections::LAKES),
        "river" | "lake centerline" | "river (intermittent)" | "canal" => Some(collections::RIVERS),
        _ => None,
    }
}

/// Properties of a feature by lower-case name, without what stands for "none".
struct Properties(HashMap<String, Value>);

impl Properties {
    fn of(properties: Map<String, Value>) -> Self {
        let none = |v: &Value| {
            v.is_null() || v.as_f64() == Some(-99.0) || v.as_str().is_some_and(|t| t.trim().is_empty() || t == "-99")
        };
        Self(properties.into_iter().filter(|(_, v)| !none(v)).map(|(k, v)| (k.to_lowercase(), v)).collect())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(places::tidy).filter(|t| !t.is_empty())
    }

    /// A number that is whole becomes one: the files write 2017.0.
    fn value(&self, name: &str) -> Option<Value> {
        match self.0.get(name)? {
            Value::Number(n) => match n.as_f64() {
                Some(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some((x as i64).into()),
                _ => Some(Value::Number(n.clone())),
            },
            Value::String(text) => Some(places::tidy(text).into()),
            _ => None,
        }
    }

    /// `name_xx` and `name_xxx`: names in other languages.
    fn translated(&self) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = self
            .0
            .keys()
            .filter(|k| k.strip_prefix("name_").is_some_and(|l| l.len() == 2 || l == "zht"))
            .filter_map(|k| Some((k.clone(), self.text(k)?)))
            .collect();
        names.sort();
        names
    }
}

/// Whether a feature is one of the countries, lakes or rivers.
pub(crate) fn is_place(feature: &str) -> bool {
    let Some(feature) = Feature::of(feature) else { return false };
    let properties = Properties::of(feature.properties);
    properties.0.contains_key("scalerank")
        && properties.text("featurecla").is_some_and(|class| collection_of(&class).is_some())
}

pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let content = input.content(&intake.counter())?;
    take(input.name(), content, intake)
}

pub(crate) fn take(file: &str, reader: impl Read, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut used = HashSet::new();
    each_record(file, reader, intake, &mut |intake, number, record| match place(record, &mut used) {
        Ok((collection, item)) => {
            intake.ensure(collection, || collections::builtin(collection))?;
            intake.item_value(file, &number.to_string(), &item)
        }
        Err(reason) => {
            intake.reject(file, number.to_string(), reason);
            Ok(())
        }
    })
}

fn place(text: &str, used: &mut HashSet<String>) -> Result<(&'static str, Value), String> {
    let feature = Feature::of(text).ok_or("not a GeoJSON feature")?;
    let properties = Properties::of(feature.properties);
    let class = properties.text("featurecla").unwrap_or_default();
    let collection = collection_of(&class)
        .ok_or_else(|| format!("features of the class {class:?} are neither countries, lakes nor rivers"))?;
    let name = properties.text("name").or_else(|| properties.text("name_en"));
    let called = name.clone().unwrap_or_else(|| "without a name".to_owned());
    let geometry =
        feature.geometry.ok_or_else(|| format!("the feature {called} has no geometry and cannot serve as a place"))?;
    let parsed = geojson::from_value(&geometry).map_err(|p| p.to_string())?;
    let middle = parsed.bounding_rect().ok_or("the geometry is empty")?.center();
    let (id, title, p) = if collection == collections::COUNTRIES {
        country(&properties)?
    } else {
        water(&properties, &class, name, (middle.x, middle.y), used)
    };
    Ok((collection, places::place(collection, &id, &title, Some(geometry), p)))
}

/// Three-letter codes and French names.
fn french_name(code: &str) -> Option<&'static str> {
    COUNTRIES_FR.lines().filter_map(|line| line.split_once(' ')).find(|(c, _)| *c == code).map(|(_, name)| name)
}

type Described = (String, String, Map<String, Value>);

fn country(properties: &Properties) -> Result<Described, String> {
    let own = properties.text("adm0_a3");
    let id = properties.text("iso_a3").or_else(|| own.clone()).ok_or("the country has no three-letter code")?;
    let name = properties.text("name_long").or_else(|| properties.text("name")).ok_or("the country has no name")?;
    let french = properties.text("name_fr").or_else(|| french_name(own.as_deref().unwrap_or(&id)).map(str::to_owned));
    let mut p = Map::new();
    let short = properties.text("name");
    let words = [Some(name.clone()), short, properties.text("formal_en"), french.clone(), Some(id.clone())];
    p.insert("keywords".into(), places::keywords(words.into_iter().flatten()));
    p.insert("name".into(), name.as_str().into());
    let mut names = properties.translated();
    names.retain(|(key, _)| key != "name_fr");
    if let Some(french) = french {
        names.push(("name_fr".into(), french));
    }
    names.sort();
    p.extend(names.into_iter().map(|(key, name)| (key, name.into())));
    p.insert("iso_a3".into(), id.as_str().into());
    copy(properties, &COUNTRY_PROPERTIES, &mut p);
    Ok((id, name, p))
}

fn water(
    properties: &Properties,
    class: &str,
    name: Option<String>,
    (lon, lat): (f64, f64),
    used: &mut HashSet<String>,
) -> Described {
    let noun = if class.eq_ignore_ascii_case("reservoir") { "Reservoir" } else { "Lake" };
    let noun = if collection_of(class) == Some(collections::RIVERS) { "River" } else { noun };
    let title = name.clone().unwrap_or_else(|| format!("{noun} at {}", places::position_text(lon, lat)));
    let mut id = places::slug(name.as_deref().unwrap_or(""));
    if id.is_empty() {
        id = format!("{}-{}", noun.to_lowercase(), places::position_code(lon, lat));
    } else if used.contains(&id) {
        id = format!("{id}-{}", places::position_code(lon, lat));
    }
    // Two parts of one river may share even the middle of their boxes.
    let mut ordinal = 2;
    let first = id.clone();
    while !used.insert(id.clone()) {
        id = format!("{first}-{ordinal}");
        ordinal += 1;
    }
    let alternative = properties.text("name_alt");
    let mut p = Map::new();
    let words = [name.clone(), alternative.clone(), properties.text("name_full"), Some(class.to_lowercase())];
    p.insert("keywords".into(), places::keywords(words.into_iter().flatten()));
    if let Some(name) = name {
        p.insert("name".into(), name.into());
    }
    if let Some(alternative) = alternative {
        p.insert("name_alt".into(), alternative.into());
    }
    p.extend(properties.translated().into_iter().map(|(key, name)| (key, name.into())));
    p.insert("feature_class".into(), class.to_lowercase().into());
    copy(properties, &WATER_PROPERTIES, &mut p);
    (id, title, p)
}

fn copy(properties: &Properties, names: &[(&str, &str)], to: &mut Map<String, Value>) {
    for (theirs, ours) in names {
        if let Some(value) = properties.value(theirs) {
            to.insert((*ours).to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn feature(properties: Value, geometry: Value) -> String {
        json!({"type": "Feature", "properties": properties, "geometry": geometry}).to_string()
    }

    fn line(lat: f64) -> Value {
        json!({"type": "LineString", "coordinates": [[1.0, lat], [2.0, lat]]})
    }

    #[test]
    fn a_second_river_of_the_same_name_is_told_apart_by_its_position() {
        let mut used = HashSet::new();
        let mut id = |lat| {
            let text = feature(json!({"featurecla": "River", "scalerank": 1, "name": "San Juan"}), line(lat));
            place(&text, &mut used).unwrap().1["id"].as_str().unwrap().to_owned()
        };
        assert_eq!([id(3.0), id(-4.0), id(-4.0)], ["san-juan", "san-juan-s04.00e001.50", "san-juan-s04.00e001.50-2"]);
    }

    #[test]
    fn a_country_without_an_iso_code_keeps_natural_earths_own() {
        let text = feature(
            json!({"featurecla": "Admin-0 country", "scalerank": 1, "NAME": "France", "NAME_LONG": "France", "ISO_A3": "-99", "ADM0_A3": "FRA", "POP_EST": 67106161.0}),
            json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
        );
        let (collection, item) = place(&text, &mut HashSet::new()).unwrap();
        assert_eq!((collection, &item["id"]), ("countries", &json!("FRA")));
        assert_eq!(item["properties"]["population"], json!(67106161));
    }

    #[test]
    fn a_feature_without_geometry_or_of_another_class_is_refused_with_its_name() {
        let check = |properties, geometry, reason: &str| {
            let refused = place(&feature(properties, geometry), &mut HashSet::new()).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        };
        check(json!({"featurecla": "River", "scalerank": 1, "name": "Loire"}), Value::Null, "Loire");
        check(json!({"featurecla": "Populated place", "scalerank": 1, "name": "Cairo"}), line(1.0), "Populated place");
    }

    #[test]
    fn every_french_name_has_a_code_of_three_letters_and_none_stands_twice() {
        let mut codes = HashSet::new();
        for line in COUNTRIES_FR.lines() {
            let (code, name) = line.split_once(' ').expect(line);
            assert!(code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) && !name.is_empty(), "{line}");
            assert!(codes.insert(code), "{line}");
        }
    }
}
