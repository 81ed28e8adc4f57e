//! Results of the Water Quality Portal and of the USGS samples service: one result on each row of delimited text.
//!
//! A parameter is a characteristic in one unit: `nitrate_mg_l` and `nitrate_mg_l_as_n` are two. Each row is an
//! observation of its own, told apart by its activity and its result. Times have the code of a zone and become UTC; a
//! result without an hour stands at the midnight UTC that begins its date, and says so.

use std::collections::HashMap;

use nilometer_schemas::{Instant, ParameterType};
use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::moment::{self, TimeFormat};
use super::repeats::Repeats;
use super::{Key, ObservationBuilder, collections, places};
use crate::Error;

const COLLECTION: &str = "water-quality-portal";
const DESCRIPTION: &str = include_str!("collection.toml");
/// Characteristics in one file, each in each of its units.
const PARAMETERS_MAX: usize = 2000;

/// Columns of one of the two layouts.
struct Layout {
    location: &'static str,
    activity: &'static str,
    date: &'static str,
    time: &'static str,
    zone: &'static str,
    characteristic: &'static str,
    value: &'static str,
    unit: &'static str,
    result: &'static str,
    /// Columns that become text parameters.
    texts: [(&'static str, &'static str); TEXTS],
}

const TEXTS: usize = 6;

const LAYOUTS: [Layout; 2] = [
    Layout {
        location: "MonitoringLocationIdentifier",
        activity: "ActivityIdentifier",
        date: "ActivityStartDate",
        time: "ActivityStartTime/Time",
        zone: "ActivityStartTime/TimeZoneCode",
        characteristic: "CharacteristicName",
        value: "ResultMeasureValue",
        unit: "ResultMeasure/MeasureUnitCode",
        result: "ResultIdentifier",
        texts: [
            ("ResultSampleFractionText", "fraction"),
            ("ResultDetectionConditionText", "detection_condition"),
            ("ResultStatusIdentifier", "status"),
            ("MeasureQualifierCode", "qualifiers"),
            ("USGSPCode", "usgs_parameter_code"),
            ("ActivityMediaName", "medium"),
        ],
    },
    Layout {
        location: "Location_Identifier",
        activity: "Activity_ActivityIdentifier",
        date: "Activity_StartDate",
        time: "Activity_StartTime",
        zone: "Activity_StartTimeZone",
        characteristic: "Result_Characteristic",
        value: "Result_Measure",
        unit: "Result_MeasureUnit",
        result: "Result_MeasureIdentifier",
        texts: [
            ("Result_SampleFraction", "fraction"),
            ("Result_ResultDetectionCondition", "detection_condition"),
            ("Result_MeasureStatusIdentifier", "status"),
            ("Result_MeasureQualifierCode", "qualifiers"),
            ("USGSpcode", "usgs_parameter_code"),
            ("Activity_Media", "medium"),
        ],
    },
];

/// Text parameters beside those of a layout: what is no number, and how well the time is known.
const OTHER_TEXTS: [&str; 2] = ["value_text", "time_precision"];

fn layout(names: &[&str]) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| {
        let needed = [layout.location, layout.activity, layout.date, layout.time, layout.characteristic, layout.value];
        needed.iter().all(|column| names.contains(column))
    })
}

/// Whether a text is a table of results, by its heading.
pub(crate) fn is_results(head: &str) -> bool {
    let names: Vec<&str> = head.lines().next().unwrap_or_default().split(',').map(|n| n.trim_matches('"')).collect();
    layout(&names).is_some()
}

/// A text as part of a parameter's name.
fn slug(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// The parameter of a characteristic in a unit; names longer than a column's may be are cut, which loses no value.
fn parameter_name(characteristic: &str, unit: &str) -> String {
    let unit = match unit {
        "%" => "percent".to_owned(),
        unit => slug(unit),
    };
    let mut name = slug(characteristic);
    name.truncate(100 - unit.len().min(40));
    match (name.is_empty(), unit.is_empty()) {
        (true, _) => "unnamed".into(),
        (false, true) => name,
        (false, false) => format!("{name}_{unit}").chars().take(120).collect(),
    }
}

/// UCUM for the units that need another spelling.
fn ucum(unit: &str) -> &str {
    match unit {
        "mg/l" | "mg/L" => "mg/L",
        "ug/l" | "ug/L" => "ug/L",
        "deg C" => "Cel",
        "deg F" => "[degF]",
        "ft3/sec" | "cfs" => "[ft_i]3/s",
        "m3/sec" => "m3/s",
        "ft" => "[ft_i]",
        "standard units" | "std units" => "[pH]",
        "mmHg" => "mm[Hg]",
        "tons/day" => "[ston_av]/d",
        "MPN/100mL" | "MPN/100ml" => "/dL{MPN}",
        other => other,
    }
}

/// Whether the unit is one that we can write in UCUM.
fn has_ucum(unit: &str) -> bool {
    matches!(unit, "m" | "cm" | "%" | "uS/cm" | "NTU") || ucum(unit) != unit || matches!(unit, "mg/L" | "ug/L")
}

/// What a file has of one parameter.
struct Found {
    name: String,
    characteristic: String,
    unit: String,
}

fn collection(found: &[Found]) -> Value {
    let table: toml::Table = toml::from_str(DESCRIPTION).expect("the table is part of the program and tested");
    let mut body = collections::from_toml(COLLECTION, table);
    if let Some(declared) = body[nilometer_schemas::observation::PARAMETERS_MEMBER].as_array_mut() {
        for Found { name, characteristic, unit } in found {
            let mut p = json!({"name": name, "title": characteristic, "method": "instantaneous", "latest": false});
            if has_ucum(unit) {
                p["unit"] = ucum(unit).into();
            } else if !unit.is_empty() {
                p["description"] = format!("Unit as the source writes it: {unit}").into();
            }
            declared.push(p);
        }
    }
    body
}

/// One pass over the rows of a file.
struct Table<'a> {
    columns: HashMap<String, usize>,
    reader: csv::Reader<Box<dyn std::io::BufRead + 'a>>,
    record: csv::ByteRecord,
}

impl<'a> Table<'a> {
    fn open(content: Box<dyn std::io::BufRead + 'a>) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content);
        let heading = reader.byte_headers().map_err(|e| e.to_string())?.clone();
        let name = |field: &[u8]| String::from_utf8_lossy(field).trim_start_matches('\u{feff}').trim().to_owned();
        let columns = heading.iter().enumerate().map(|(at, field)| (name(field), at)).collect();
        Ok(Self { columns, reader, record: csv::ByteRecord::new() })
    }

    fn next(&mut self) -> Result<bool, String> {
        self.reader.read_byte_record(&mut self.record).map_err(|e| e.to_string())
    }

    fn line(&self) -> String {
        format!("line {}", self.record.position().map_or(0, csv::Position::line))
    }

    fn get(&self, column: &str) -> String {
        let field = self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default();
        places::tidy(&String::from_utf8_lossy(field))
    }
}

/// Reads a file, twice: which parameters it has, then its rows.
pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let (found, layout) = match parameters(input)? {
        Ok(known) => known,
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            return Ok(());
        }
    };
    intake.ensure(COLLECTION, || collection(&found))?;
    let mut names: Vec<(String, ParameterType)> = Vec::new();
    names.extend(found.iter().map(|found| (found.name.clone(), ParameterType::Number)));
    let texts = layout.texts.iter().map(|(_, name)| *name).chain(OTHER_TEXTS);
    names.extend(texts.map(|name| (name.to_owned(), ParameterType::Text)));
    let positions = found.iter().enumerate().map(|(at, found)| (found.name.clone(), at)).collect();
    let mut rows = Rows {
        builder: ObservationBuilder::new(COLLECTION, input.file_name(), names)?,
        layout,
        positions,
        repeats: Repeats::default(),
    };
    let mut table = match Table::open(input.content(&intake.counter())?) {
        Ok(table) => table,
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            return Ok(());
        }
    };
    let mut sites: Vec<String> = Vec::new();
    loop {
        match table.next() {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                intake.reject(input.name(), format!("after {}", table.line()), format!("the rest cannot be read: {e}"));
                break;
            }
        }
        let record = table.line();
        if let Some(item) = site(&table, &mut sites) {
            intake.item_value(input.name(), &record, &item)?;
        }
        if let Err(reason) = rows.take(&table) {
            intake.reject(input.name(), record, reason);
        }
        if rows.builder.is_full() {
            intake.observations(&mut rows.builder)?;
        }
    }
    intake.observations(&mut rows.builder)
}

/// The parameters of a file and its layout; damage at its end is reported by the second pass.
#[allow(clippy::type_complexity)]
fn parameters(input: &Input<'_>) -> Result<Result<(Vec<Found>, &'static Layout), String>, Error> {
    let mut table = match Table::open(input.content(&std::rc::Rc::default())?) {
        Ok(table) => table,
        Err(reason) => return Ok(Err(reason)),
    };
    let names: Vec<&str> = table.columns.keys().map(String::as_str).collect();
    let Some(layout) = layout(&names) else { return Ok(Err("it has not the columns of results".into())) };
    let mut found: Vec<Found> = Vec::new();
    while let Ok(true) = table.next() {
        let (characteristic, unit) = (table.get(layout.characteristic), table.get(layout.unit));
        let name = parameter_name(&characteristic, &unit);
        if found.iter().any(|other| other.name == name) {
            continue;
        }
        if found.len() == PARAMETERS_MAX {
            return Ok(Err(format!("it has more than {PARAMETERS_MAX} characteristics and units")));
        }
        found.push(Found { name, characteristic, unit });
    }
    Ok(Ok((found, layout)))
}

/// The item of a row's location, once, where the layout describes it.
fn site(table: &Table<'_>, seen: &mut Vec<String>) -> Option<Value> {
    let id = table.get("Location_Identifier");
    if id.is_empty() || seen.contains(&id) {
        return None;
    }
    seen.push(id.clone());
    let name = table.get("Location_Name");
    let mut p = Map::new();
    let words = [id.clone(), table.get("Location_State"), table.get("Location_CountryName")];
    p.insert("keywords".into(), places::keywords(words));
    let texts = [
        ("name", "Location_Name"),
        ("site_type", "Location_Type"),
        ("country", "Location_CountryName"),
        ("state", "Location_State"),
        ("county", "Location_CountyName"),
        ("provider", "Org_FormalName"),
        ("horizontal_datum", "Location_HorzCoordReferenceSystemDatum"),
    ];
    p.insert("code".into(), id.clone().into());
    for (name, column) in texts {
        let text = table.get(column);
        if !text.is_empty() {
            p.insert(name.into(), text.into());
        }
    }
    let number = |column: &str| table.get(column).parse::<f64>().ok().filter(|number| number.is_finite());
    let position = number("Location_Longitude").zip(number("Location_Latitude"));
    let geometry = position.map(|(lon, lat)| json!({"type": "Point", "coordinates": [lon, lat]}));
    let title = if name.is_empty() { id.clone() } else { format!("{name} ({id})") };
    Some(places::place(COLLECTION, &id, &title, geometry, p))
}

struct Rows {
    builder: ObservationBuilder,
    layout: &'static Layout,
    positions: HashMap<String, usize>,
    repeats: Repeats,
}

impl Rows {
    fn take(&mut self, table: &Table<'_>) -> Result<(), String> {
        let layout = self.layout;
        let feature = table.get(layout.location);
        if feature.is_empty() {
            return Err(format!("the row has no {}", layout.location));
        }
        let (time, precise) = time(&table.get(layout.date), &table.get(layout.time), &table.get(layout.zone))?;
        let name = parameter_name(&table.get(layout.characteristic), &table.get(layout.unit));
        let parameter = self.positions.get(&name).copied().ok_or("its characteristic was not there before")?;
        let told = [layout.activity, layout.result].map(|column| table.get(column));
        // Results without an id of their own differ by what they are of.
        let told = if told[1].is_empty() { format!("{}/{name}", told[0]) } else { told.join("/") };
        let discriminator = self.repeats.told_apart(&feature, time, told, "");
        self.builder.row(Key { feature: &feature, time, discriminator: &discriminator, ..Key::default() });
        let first_text = self.positions.len();
        let value = table.get(layout.value);
        match value.parse::<f64>() {
            Ok(number) if number.is_finite() => self.builder.number(parameter, number),
            _ if value.is_empty() => {}
            _ => self.builder.text(first_text + TEXTS, &value),
        }
        for (at, (column, _)) in layout.texts.iter().enumerate() {
            let text = table.get(column);
            if !text.is_empty() {
                self.builder.text(first_text + at, &text);
            }
        }
        if !precise {
            self.builder.text(first_text + TEXTS + 1, "day");
        }
        Ok(())
    }
}

/// The moment of a sample, and whether its hour is known.
fn time(date: &str, clock: &str, zone: &str) -> Result<(Instant, bool), String> {
    if clock.is_empty() {
        let day = moment::day(date).filter(|_| date.len() == 10);
        return day.map(|day| (day, false)).ok_or_else(|| format!("the date is {date:?}, not a day"));
    }
    let written = TimeFormat::Rfc3339.read(&format!("{date}T{clock}"));
    let written = written.ok_or_else(|| format!("the time is {date:?} {clock:?}"))?;
    let offset_s = moment::zone_offset_s(zone);
    let moment = written.moment(offset_s);
    moment.map(|moment| (moment, true)).ok_or_else(|| format!("the time zone {zone:?} is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_is_described_in_two_languages() {
        let found = Found { name: "nitrate_mg_l".into(), characteristic: "Nitrate".into(), unit: "mg/l".into() };
        let collection = nilometer_schemas::Collection::from_value(collection(&[found])).unwrap();
        assert_ne!(collection.description("en"), collection.description("fr"));
        let model = nilometer_schemas::ObservationModel::of(&collection.body).unwrap();
        assert_eq!(model.parameter("nitrate_mg_l").unwrap().unit.as_deref(), Some("mg/L"));
        for (_, name) in LAYOUTS.iter().flat_map(|layout| layout.texts) {
            assert!(model.parameter(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_characteristic_has_one_parameter_for_each_unit() {
        assert_eq!(parameter_name("Acidity, (H+)", "mg/L"), "acidity_h_mg_l");
        assert_eq!(parameter_name("Dissolved oxygen saturation", "%"), "dissolved_oxygen_saturation_percent");
        assert_eq!(parameter_name("Ammonia and ammonium", ""), "ammonia_and_ammonium");
        let long = parameter_name(&"x".repeat(300), &"y".repeat(300));
        assert!(nilometer_schemas::observation::check_name(&long).is_ok());
    }
}
