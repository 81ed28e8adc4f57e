//! The National Water Information System of the USGS: sites, series and annual peaks, as its services answer.
//!
//! A parameter is named by a word, the code of the quantity and that of the statistic: `discharge_00060` is
//! instantaneous, `discharge_00060_00003` a daily mean. A code stands for one unit, so that feet and metres never meet.
//! Each series of a site (its method or time series number) is told apart by the discriminator. Times with an offset
//! or the code of a zone become UTC; a daily value stands at the midnight UTC that begins its date.

mod rdb;
mod waterml;

use nilometer_schemas::observation::PARAMETERS_MEMBER;
use serde_json::{Map, Value, json};

use super::{collections, places};
pub(crate) use rdb::{RdbKind, rdb_kind, read as read_rdb};
pub(crate) use waterml::{is_series, read as read_json};

const COLLECTION: &str = "usgs-nwis";
const DESCRIPTION: &str = include_str!("collection.toml");
/// Text parameter of every series: approval and remark codes, joined by blanks.
const QUALIFIERS: &str = "qualifiers";

/// A quantity that the system measures.
struct Quantity {
    code: &'static str,
    word: &'static str,
    title: &'static str,
    title_fr: &'static str,
    standard_name: Option<&'static str>,
    /// UCUM.
    unit: &'static str,
    /// The unit as the service writes it.
    written: &'static str,
    datum: Option<&'static str>,
}

/// Quantities with a name of ours; others are known by their code. Source: the parameter code dictionary of the NWIS.
const QUANTITIES: [Quantity; 12] = [
    quantity("00010", "water_temperature", "Water temperature", "Température de l'eau", "Cel", "deg C"),
    quantity("00045", "precipitation", "Precipitation", "Précipitations", "[in_i]", "in"),
    quantity("00060", "discharge", "Discharge", "Débit", "[ft_i]3/s", "ft3/s"),
    Quantity {
        datum: Some("datum of the gauge"),
        ..quantity("00065", "gage_height", "Gauge height", "Hauteur à l'échelle", "[ft_i]", "ft")
    },
    quantity(
        "00095",
        "specific_conductance",
        "Specific conductance at 25 °C",
        "Conductivité à 25 °C",
        "uS/cm",
        "uS/cm @25C",
    ),
    quantity("00300", "dissolved_oxygen", "Dissolved oxygen", "Oxygène dissous", "mg/L", "mg/l"),
    quantity("00400", "ph", "Acidity (pH)", "Acidité (pH)", "[pH]", "std units"),
    Quantity {
        datum: Some("NGVD29"),
        ..quantity("62614", "lake_elevation", "Lake level above NGVD29", "Cote du lac (NGVD29)", "[ft_i]", "ft")
    },
    Quantity {
        datum: Some("NAVD88"),
        ..quantity("62615", "lake_elevation", "Lake level above NAVD88", "Cote du lac (NAVD88)", "[ft_i]", "ft")
    },
    Quantity {
        datum: Some("ground level"),
        ..quantity(
            "72019",
            "depth_to_water",
            "Depth to water below ground",
            "Profondeur de l'eau sous le sol",
            "[ft_i]",
            "ft",
        )
    },
    quantity(
        "80154",
        "suspended_sediment_concentration",
        "Suspended sediment concentration",
        "Concentration de sédiments en suspension",
        "mg/L",
        "mg/l",
    ),
    quantity(
        "80155",
        "suspended_sediment_load",
        "Suspended sediment load",
        "Charge solide en suspension",
        "[ston_av]/d",
        "tons/day",
    ),
];

const fn quantity(
    code: &'static str,
    word: &'static str,
    title: &'static str,
    title_fr: &'static str,
    unit: &'static str,
    written: &'static str,
) -> Quantity {
    Quantity { code, word, title, title_fr, standard_name: None, unit, written, datum: None }
}

/// Code, method, period, and words for the statistics that have a name of ours.
const STATISTICS: [(&str, &str, Option<&str>, &str, &str); 4] = [
    ("00000", "instantaneous", None, "", ""),
    ("00001", "maximum", Some("P1D"), ", daily maximum", ", maximum journalier"),
    ("00002", "minimum", Some("P1D"), ", daily minimum", ", minimum journalier"),
    ("00003", "mean", Some("P1D"), ", daily mean", ", moyenne journalière"),
];

fn known(code: &str) -> Option<&'static Quantity> {
    QUANTITIES.iter().find(|quantity| quantity.code == code)
}

/// The name of a quantity and statistic.
fn parameter_name(code: &str, statistic: &str) -> String {
    let word = known(code).map_or("parameter", |quantity| quantity.word);
    if statistic == "00000" { format!("{word}_{code}") } else { format!("{word}_{code}_{statistic}") }
}

/// A series whose quantity has no name of ours, as its file describes it.
struct Foreign {
    code: String,
    statistic: String,
    title: String,
    unit: Option<String>,
}

/// The collection with the parameters that are known, and those of a file that are not.
fn collection(foreign: &[Foreign]) -> Value {
    let table: toml::Table = toml::from_str(DESCRIPTION).expect("the table is part of the program and tested");
    let mut body = collections::from_toml(COLLECTION, table);
    let mut declared: Vec<Value> = Vec::new();
    for quantity in &QUANTITIES {
        for (code, method, period, words, words_fr) in STATISTICS {
            let mut p = Map::new();
            p.insert("name".into(), parameter_name(quantity.code, code).into());
            p.insert("title".into(), format!("{}{words}", quantity.title).into());
            p.insert("title_fr".into(), format!("{}{words_fr}", quantity.title_fr).into());
            p.insert("unit".into(), quantity.unit.into());
            p.insert("method".into(), method.into());
            p.insert("quality".into(), QUALIFIERS.into());
            let optional = [("period", period), ("datum", quantity.datum), ("standard_name", quantity.standard_name)];
            for (member, value) in optional {
                if let Some(value) = value {
                    p.insert(member.into(), value.into());
                }
            }
            declared.push(p.into());
        }
    }
    for series in foreign {
        let name = parameter_name(&series.code, &series.statistic);
        if declared.iter().any(|p| p["name"] == name) {
            continue;
        }
        let mut p = json!({"name": name, "title": series.title, "quality": QUALIFIERS, "latest": false});
        if let Some(unit) = &series.unit {
            p["description"] = format!("Unit as the service writes it: {unit}").into();
        }
        declared.push(p);
    }
    if let Some(own) = body[PARAMETERS_MEMBER].as_array_mut() {
        own.extend(declared);
    }
    body
}

/// The id of a site's item.
fn site_id(agency: &str, number: &str) -> String {
    let agency = if agency.is_empty() { "USGS" } else { agency };
    format!("{agency}-{number}")
}

/// What is known of a site.
#[derive(Default)]
struct Site {
    agency: String,
    number: String,
    name: String,
    position: Option<(f64, f64)>,
    /// Further properties.
    properties: Vec<(&'static str, Value)>,
}

impl Site {
    fn item(self) -> Value {
        let id = site_id(&self.agency, &self.number);
        let title = if self.name.is_empty() { id.clone() } else { format!("{} ({id})", self.name) };
        let mut p = Map::new();
        let words = [id.clone(), self.number.clone(), "United States".into(), "USGS".into()];
        p.insert("keywords".into(), places::keywords(words));
        if !self.name.is_empty() {
            p.insert("name".into(), self.name.into());
        }
        p.insert("country".into(), "United States".into());
        p.insert("provider".into(), "USGS".into());
        p.insert("code".into(), self.number.into());
        for (key, value) in self.properties {
            if !value.is_null() && value.as_str() != Some("") {
                p.insert(key.into(), value);
            }
        }
        let geometry = self.position.map(|(lon, lat)| json!({"type": "Point", "coordinates": [lon, lat]}));
        places::place(COLLECTION, &id, &title, geometry, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_is_described_in_two_languages_and_names_its_units() {
        let foreign = Foreign { code: "99".into(), statistic: "00003".into(), title: "X".into(), unit: None };
        let collection = nilometer_schemas::Collection::from_value(collection(&[foreign])).unwrap();
        assert_ne!(collection.description("en"), collection.description("fr"));
        let model = nilometer_schemas::ObservationModel::of(&collection.body).unwrap();
        assert_eq!(model.parameter("discharge_00060_00003").unwrap().unit.as_deref(), Some("[ft_i]3/s"));
        assert_eq!(model.parameter("lake_elevation_62615").unwrap().datum.as_deref(), Some("NAVD88"));
        assert!(model.parameter("parameter_99_00003").is_some());
    }
}
