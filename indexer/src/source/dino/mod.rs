//! DINOloket, the data of the Dutch subsurface: groundwater levels of filters, staff gauges, groundwater quality.
//!
//! A file holds one filter, gauge or well. Levels are centimetres against NAP, ground level (MV) or measuring point
//! (MP), each a parameter of its own; against MV and MP they are depths, positive downwards. A level stands at the
//! midnight UTC that begins its date; the hour that some exports give has no zone and is kept as text.
//!
//! Two exports of one filter, one that refers to NAP and one to MV, are the same observations: the reference and the
//! day of the export are the version, and the export to NAP, which holds every column, comes before the other.

mod rd;

use std::collections::HashMap;
use std::io::Read;

use nilometer_schemas::{Instant, ParameterType};
use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::moment::TimeFormat;
use super::repeats::Repeats;
use super::{DOCUMENT_BYTES_MAX, Key, ObservationBuilder, collections, places};
use crate::Error;

const COLLECTION: &str = "dino-stations";
const DESCRIPTION: &str = include_str!("collection.toml");
/// What stands at the begin of a file on water quality.
const QUALITY_MARK: &str = "LOCATIE gegevens";
/// What a file says of a well without levels.
const NO_LEVELS: &str = "geen standen opgenomen";
/// By how much an export to NAP comes before any other, in days of its version order.
const NAP_FIRST: i32 = 1_000_000;

/// Whether a text is of this kind, by its head.
pub(crate) fn is_dino(head: &str) -> bool {
    let beginning: String = head.chars().take(500).collect();
    beginning.starts_with(QUALITY_MARK)
        || (beginning.contains("Periode aangevraagd") && beginning.contains("Referentie"))
}

fn collection() -> Value {
    let table: toml::Table = toml::from_str(DESCRIPTION).expect("the table is part of the program and tested");
    collections::from_toml(COLLECTION, table)
}

/// Reads a file.
pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let read = input.content(&intake.counter())?.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes);
    let problem = match read {
        Err(e) => Some(e.to_string()),
        Ok(_) if bytes.len() as u64 > DOCUMENT_BYTES_MAX => {
            Some(format!("it is larger than {DOCUMENT_BYTES_MAX} bytes"))
        }
        Ok(_) => None,
    };
    if let Some(problem) = problem {
        intake.reject(input.name(), "", problem);
        return Ok(());
    }
    intake.ensure(COLLECTION, collection)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    if text.starts_with(QUALITY_MARK) {
        return read_quality(input, text, intake);
    }
    read_levels(input, text, intake)
}

/// Fields of a line. Only exports that quote every field know quotes; in the others a quote is a character.
fn fields(line: &str) -> Vec<String> {
    let line = line.trim_end_matches(['\r', '\n']);
    if !line.starts_with('"') {
        return line.split(',').map(places::tidy).collect();
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().map(places::tidy).collect(),
        _ => Vec::new(),
    }
}

/// A heading without what differs between exports: lower-case letters and digits.
fn plain(heading: &str) -> String {
    heading.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase()
}

/// What a heading of an export means to us; both dialects of the levels, and that of the gauges.
fn meaning(heading: &str) -> Option<&'static str> {
    Some(match plain(heading).as_str() {
        "locatie" => "location",
        "filternummer" => "filter",
        "externeaanduiding" => "external",
        "xcoordinaat" => "x",
        "ycoordinaat" => "y",
        "maaiveldcmtovnap" | "maaiveldnap" => "ground_level_nap_cm",
        "datummaaiveldgemeten" => "ground_level_measured",
        "geschat" => "ground_level_estimated",
        "meetpuntcmtovnap" | "meetpuntnap" => "measuring_point_nap_cm",
        "meetpuntcmtovmv" => "measuring_point_mv_cm",
        "bovenkantfiltercmtovnap" | "bovenkantfilter" => "filter_top_nap_cm",
        "onderkantfiltercmtovnap" | "onderkantfilter" => "filter_bottom_nap_cm",
        "startdatum" => "from",
        "einddatum" => "to",
        "peildatum" | "peildatumtijd" => "time",
        "standcmtovmp" => "mp",
        "standcmtovmv" | "standmv" => "mv",
        "standcmtovnap" => "nap",
        "bijzonderheid" => "remark",
        "opmerking" => "note",
        _ => return None,
    })
}

/// `dd-mm-yyyy` or `yyyy/mm/dd`, with what follows.
fn date(text: &str) -> Option<(Instant, &str)> {
    for format in ["%d-%m-%Y", "%Y/%m/%d", "%d/%m/%Y"] {
        let format = TimeFormat::try_from(format.to_owned()).ok()?;
        if let Some(written) = text.get(..10).and_then(|date| format.read(date)) {
            return Some((Instant(written.clock_us), text[10..].trim()));
        }
    }
    None
}

/// `yyyy-mm-dd` of a date in one of the forms above; another text as it is.
fn iso(text: &str) -> String {
    date(text).map_or_else(|| text.to_owned(), |(day, _)| day.to_string()[..10].to_owned())
}

/// The columns of a table by their meaning.
type Columns = HashMap<&'static str, usize>;

fn columns(heading: &[String]) -> Columns {
    let mut columns = Columns::new();
    for (at, name) in heading.iter().enumerate() {
        if let Some(meaning) = meaning(name) {
            columns.entry(meaning).or_insert(at);
        }
    }
    columns
}

fn get<'f>(columns: &Columns, fields: &'f [String], meaning: &str) -> &'f str {
    columns.get(meaning).and_then(|at| fields.get(*at)).map_or("", String::as_str)
}

/// What the head of an export says of all its levels.
#[derive(Default)]
struct Export {
    day: Option<Instant>,
    reference: String,
}

impl Export {
    fn note(&mut self, line: &str) {
        let line: String = line.chars().filter(|c| !matches!(c, '"' | ',')).collect();
        if let Some(text) = line.strip_prefix("Datum:") {
            self.day = date(text.trim()).map(|(day, _)| day);
        } else if let Some(text) = line.strip_prefix("Referentie:") {
            self.reference = if text.contains("NAP") { "NAP".into() } else { places::tidy(text) };
        }
    }

    fn version(&self) -> (String, i32) {
        let days = self.day.map_or(0, |day| (day.0 / 86_400_000_000) as i32);
        let day = self.day.map_or_else(String::new, |day| day.to_string()[..10].to_owned());
        let (reference, first) = if self.reference == "NAP" { ("NAP", NAP_FIRST) } else { ("MV", 0) };
        (places::tidy(&format!("{day} {reference}")), days + first)
    }
}

const LEVELS: [(&str, &str); 4] =
    [("mp", "depth_below_mp"), ("mv", "depth_below_mv"), ("nap", "head_nap"), ("nap", "water_level_nap")];

fn read_levels(input: &Input<'_>, text: &str, intake: &mut Intake<'_>) -> Result<(), Error> {
    let texts = ["remark", "note", "time_local"];
    let numbers = LEVELS.map(|(_, name)| (name.to_owned(), ParameterType::Number));
    let names = numbers.into_iter().chain(texts.map(|name| (name.to_owned(), ParameterType::Text))).collect();
    let mut builder = ObservationBuilder::new(COLLECTION, input.file_name(), names)?;
    let (mut export, mut repeats) = (Export::default(), Repeats::default());
    let (mut wells, mut well_columns): (Vec<(u64, Vec<String>)>, Columns) = (Vec::new(), Columns::new());
    let mut series: Option<Columns> = None;
    let mut features: Vec<String> = Vec::new();
    for (line_number, line) in (1u64..).zip(text.lines()) {
        let record = format!("line {line_number}");
        if line.contains(NO_LEVELS) {
            intake.reject(input.name(), record, "the file says that its well has no levels, and not which well it is");
            continue;
        }
        let fields = fields(line);
        if fields.iter().all(String::is_empty) {
            continue;
        }
        if plain(&fields[0]) == "locatie" {
            let found = columns(&fields);
            if found.contains_key("time") {
                series = Some(found);
            } else {
                well_columns = found;
            }
            continue;
        }
        match &series {
            None if well_columns.is_empty() => export.note(line),
            None => wells.push((line_number, fields)),
            Some(columns) => {
                let filter = get(columns, &fields, "filter");
                let feature = feature(get(columns, &fields, "location"), filter);
                if !features.contains(&feature) {
                    features.push(feature.clone());
                    let own = wells.iter().filter(|(_, f)| of_feature(&well_columns, f, &feature));
                    let own: Vec<&Vec<String>> = own.map(|(_, fields)| fields).collect();
                    let item = station(&feature, &well_columns, &own);
                    // The export that refers to NAP says more of the well.
                    match export.reference.as_str() {
                        "NAP" => intake.item_value(input.name(), &record, &item)?,
                        _ => intake.item_if_absent(input.name(), &record, &item)?,
                    }
                }
                let (version, version_order) = export.version();
                let row = Row { columns, fields: &fields, feature: &feature, version: &version, version_order };
                if let Err(reason) = row.take(&mut builder, &mut repeats, input, &record, intake) {
                    intake.reject(input.name(), record, reason);
                }
                if builder.is_full() {
                    intake.observations(&mut builder)?;
                }
            }
        }
    }
    for (line_number, fields) in &wells {
        let feature = feature(get(&well_columns, fields, "location"), get(&well_columns, fields, "filter"));
        if !features.contains(&feature) {
            features.push(feature.clone());
            let item = station(&feature, &well_columns, &[fields]);
            intake.item_if_absent(input.name(), &format!("line {line_number}"), &item)?;
        }
    }
    if features.is_empty() && series.is_none() && !text.contains(NO_LEVELS) {
        intake.reject(input.name(), "", "there is no table of levels in it");
    }
    intake.observations(&mut builder)
}

/// A filter by its location and number, a gauge by its location.
fn feature(location: &str, filter: &str) -> String {
    if filter.is_empty() { location.to_owned() } else { format!("{location}_{filter}") }
}

fn of_feature(columns: &Columns, fields: &[String], wanted: &str) -> bool {
    feature(get(columns, fields, "location"), get(columns, fields, "filter")) == wanted
}

/// One line of a series.
struct Row<'a> {
    columns: &'a Columns,
    fields: &'a [String],
    feature: &'a str,
    version: &'a str,
    version_order: i32,
}

impl Row<'_> {
    fn take(
        &self,
        builder: &mut ObservationBuilder,
        repeats: &mut Repeats,
        input: &Input<'_>,
        record: &str,
        intake: &mut Intake<'_>,
    ) -> Result<(), String> {
        if self.feature.is_empty() {
            return Err("the row has no location".into());
        }
        let written = get(self.columns, self.fields, "time");
        let (time, clock) = date(written).ok_or_else(|| format!("{written:?} is not a date"))?;
        let discriminator = repeats.told_apart(self.feature, time, String::new(), self.version);
        builder.row(Key {
            feature: self.feature,
            time,
            discriminator: &discriminator,
            version: self.version,
            version_order: self.version_order,
        });
        let gauge = !self.columns.contains_key("filter");
        for (at, (meaning, name)) in LEVELS.iter().enumerate() {
            // Levels against NAP are those of groundwater or of a gauge.
            if *meaning == "nap" && gauge != (*name == "water_level_nap") {
                continue;
            }
            let text = get(self.columns, self.fields, meaning);
            match text.parse::<f64>() {
                Ok(value) if value.is_finite() => builder.number(at, value),
                _ if text.is_empty() => {}
                _ => intake.reject(input.name(), record, format!("{text:?} is not a level")),
            }
        }
        let remark = get(self.columns, self.fields, "remark");
        if !remark.is_empty() {
            builder.text(LEVELS.len(), remark);
        }
        if let Some(note) = self.note() {
            builder.text(LEVELS.len() + 1, &note);
        }
        if !clock.is_empty() && clock != "00:00:00" {
            builder.text(LEVELS.len() + 2, clock);
        }
        Ok(())
    }

    /// The last column is free text, which may hold commas.
    fn note(&self) -> Option<String> {
        let at = *self.columns.get("note")?;
        let rest = self.fields.get(at..)?.join(", ");
        let note = rest.trim_end_matches([',', ' ']);
        (!note.is_empty()).then(|| note.to_owned())
    }
}

/// The item of a filter or gauge from the lines of its history, the last of which is the present state.
fn station(id: &str, columns: &Columns, lines: &[&Vec<String>]) -> Value {
    let gauge = !id.contains('_');
    let mut p = Map::new();
    let kind = if gauge { "staff gauge" } else { "groundwater filter" };
    let last = lines.last().map(|fields| fields.as_slice()).unwrap_or_default();
    let external = get(columns, last, "external").to_owned();
    let words = [id.to_owned(), external.clone(), "Netherlands".into(), "TNO".into(), kind.into()];
    p.insert("keywords".into(), places::keywords(words));
    p.insert("country".into(), "Netherlands".into());
    p.insert("provider".into(), "TNO Geological Survey of the Netherlands".into());
    p.insert("station_type".into(), kind.into());
    p.insert("code".into(), id.into());
    if !external.is_empty() {
        p.insert("external_code".into(), external.into());
    }
    let numbers = [
        "ground_level_nap_cm",
        "measuring_point_nap_cm",
        "measuring_point_mv_cm",
        "filter_top_nap_cm",
        "filter_bottom_nap_cm",
    ];
    let state = |fields: &[String]| {
        let mut state = Map::new();
        for name in numbers {
            if let Ok(value) = get(columns, fields, name).parse::<f64>() {
                state.insert(name.into(), value.into());
            }
        }
        for name in ["from", "to", "ground_level_measured"] {
            let text = get(columns, fields, name);
            if !text.is_empty() {
                state.insert(name.into(), iso(text).into());
            }
        }
        state
    };
    p.extend(state(last));
    if lines.len() > 1 {
        p.insert("history".into(), lines.iter().map(|fields| Value::from(state(fields))).collect());
    }
    let geometry = position(get(columns, last, "x"), get(columns, last, "y"), &mut p);
    places::place(COLLECTION, id, id, geometry, p)
}

/// The position from Dutch coordinates, which stay among the properties with a word on the conversion.
fn position(x: &str, y: &str, p: &mut Map<String, Value>) -> Option<Value> {
    let (x, y) = (x.parse::<f64>().ok()?, y.parse::<f64>().ok()?);
    p.insert("rd_x_m".into(), x.into());
    p.insert("rd_y_m".into(), y.into());
    let (lon, lat) = rd::to_wgs84(x, y)?;
    p.insert("position_source".into(), rd::STATEMENT.into());
    Some(json!({"type": "Point", "coordinates": [lon, lat]}))
}

/// `Ca (mg/l)`: the substance as part of a name, the unit in it, and the unit.
fn substance(heading: &str) -> Option<(String, &str)> {
    let (name, unit) = heading.strip_suffix(')')?.rsplit_once(" (")?;
    let slug = |text: &str| {
        let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("_").to_ascii_lowercase()
    };
    let name = if unit == "-" { slug(name) } else { format!("{}_{}", slug(name), slug(unit)) };
    (!name.is_empty()).then_some((name, unit))
}

/// Texts of a sample, by heading.
const SAMPLE_TEXTS: [(&str, &str); 3] =
    [("Monster apparatuur", "sampler"), ("Mengmonster", "mixed_sample"), ("Analyse datum", "analysis_date")];
/// Depths of a sample, by heading.
const SAMPLE_NUMBERS: [(&str, &str); 2] =
    [("Bovenkant monster (cm tov MV)", "sample_top_mv_cm"), ("Onderkant monster (cm tov MV)", "sample_bottom_mv_cm")];

/// A file on groundwater quality: a table of the well, then one of its samples.
fn read_quality(input: &Input<'_>, text: &str, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut lines = (1u64..).zip(text.lines()).map(|(number, line)| {
        (number, line.trim_end_matches('\r').split('\t').map(places::tidy).collect::<Vec<String>>())
    });
    let mut heading: Vec<String> = Vec::new();
    let mut samples: Option<Samples> = None;
    for (number, fields) in &mut lines {
        let record = format!("line {number}");
        if fields.iter().all(String::is_empty) || fields[0].ends_with("gegevens") || fields[0].contains("gegevens ") {
            heading.clear();
        } else if heading.is_empty() {
            heading = fields;
            if heading.iter().any(|name| name == "Monster datum") {
                samples = Some(Samples::new(input, &heading, intake)?);
            }
        } else if let Some(samples) = &mut samples {
            if let Err(reason) = samples.take(&fields, input, &record, intake) {
                intake.reject(input.name(), record, reason);
            }
        } else {
            intake.item_value(input.name(), &record, &well(&heading, &fields))?;
        }
    }
    match samples {
        Some(mut samples) => intake.observations(&mut samples.builder),
        None => {
            intake.reject(input.name(), "", "there is no table of samples in it");
            Ok(())
        }
    }
}

fn well(heading: &[String], fields: &[String]) -> Value {
    let get = |name: &str| {
        let at = heading.iter().position(|other| other == name);
        at.and_then(|at| fields.get(at)).map_or("", String::as_str)
    };
    let id = get("NITG-nr");
    let mut p = Map::new();
    let words = [id.to_owned(), get("OLGA-nr").to_owned(), "Netherlands".into(), "TNO".into(), "well".into()];
    p.insert("keywords".into(), places::keywords(words));
    p.insert("country".into(), "Netherlands".into());
    p.insert("provider".into(), "TNO Geological Survey of the Netherlands".into());
    p.insert("station_type".into(), "groundwater quality well".into());
    p.insert("code".into(), id.into());
    for (column, name) in [("OLGA-nr", "external_code"), ("Kaartblad", "map_sheet")] {
        if !get(column).is_empty() {
            p.insert(name.into(), get(column).into());
        }
    }
    if let Ok(height) = get("Maaiveldhoogte (m tov NAP)").parse::<f64>() {
        p.insert("ground_level_nap_m".into(), height.into());
    }
    let dutch = get("Coordinaat systeem") == "Rijksdriehoeksmeting";
    let geometry = if dutch { position(get("X-coord"), get("Y-coord"), &mut p) } else { None };
    places::place(COLLECTION, id, id, geometry, p)
}

/// What a column of the samples becomes.
enum Column {
    Number(usize),
    Text(usize),
    None,
}

struct Samples {
    columns: Vec<Column>,
    heading: Vec<String>,
    builder: ObservationBuilder,
    repeats: Repeats,
}

impl Samples {
    fn new(input: &Input<'_>, heading: &[String], intake: &mut Intake<'_>) -> Result<Self, Error> {
        let mut names: Vec<(String, ParameterType)> = Vec::new();
        let mut columns = Vec::new();
        for title in heading {
            let known = |table: &[(&str, &str)]| {
                table.iter().find(|(heading, _)| heading == title).map(|(_, name)| (*name).to_owned())
            };
            let (name, kind) = if let Some(name) = known(&SAMPLE_NUMBERS) {
                (name, ParameterType::Number)
            } else if let Some(name) = known(&SAMPLE_TEXTS) {
                (name, ParameterType::Text)
            } else if let Some((name, _)) = substance(title) {
                (name, ParameterType::Number)
            } else {
                columns.push(Column::None);
                continue;
            };
            if names.iter().any(|(other, _)| *other == name) {
                intake.reject(input.name(), title.as_str(), format!("it is a second column of {name}"));
                columns.push(Column::None);
                continue;
            }
            let at = names.len();
            columns.push(if kind == ParameterType::Text { Column::Text(at) } else { Column::Number(at) });
            names.push((name, kind));
        }
        let builder = ObservationBuilder::new(COLLECTION, input.file_name(), names)?;
        Ok(Self { columns, heading: heading.to_vec(), builder, repeats: Repeats::default() })
    }

    fn take(
        &mut self,
        fields: &[String],
        input: &Input<'_>,
        record: &str,
        intake: &mut Intake<'_>,
    ) -> Result<(), String> {
        let get = |name: &str| {
            let at = self.heading.iter().position(|other| other == name);
            at.and_then(|at| fields.get(at)).map_or("", String::as_str)
        };
        let (feature, written, sample) = (get("NITG-nr"), get("Monster datum"), get("Monster-nr"));
        if feature.is_empty() {
            return Err("the sample has no well".into());
        }
        let (time, _) = date(written).ok_or_else(|| format!("Monster datum is {written:?}, not a date"))?;
        let discriminator = self.repeats.told_apart(feature, time, sample.to_owned(), "");
        self.builder.row(Key { feature, time, discriminator: &discriminator, ..Key::default() });
        for (at, column) in self.columns.iter().enumerate() {
            let text = fields.get(at).map_or("", String::as_str);
            match column {
                _ if text.is_empty() => {}
                Column::None => {}
                Column::Text(to) => self.builder.text(*to, &iso(text)),
                Column::Number(to) => match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => self.builder.number(*to, value),
                    _ => {
                        let reason = format!("{} is {text:?}, not a number", self.heading[at]);
                        intake.reject(input.name(), record, reason);
                    }
                },
            }
        }
        if self.builder.is_full() {
            return intake.observations(&mut self.builder).map_err(|e| e.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_is_described_in_two_languages_and_every_level_names_its_datum() {
        let collection = nilometer_schemas::Collection::from_value(collection()).unwrap();
        assert_ne!(collection.description("en"), collection.description("fr"));
        let model = nilometer_schemas::ObservationModel::of(&collection.body).unwrap();
        for (_, name) in LEVELS {
            let parameter = model.parameter(name).unwrap();
            assert_eq!(parameter.unit.as_deref(), Some("cm"));
            assert!(parameter.datum.is_some(), "{name}");
        }
    }

    #[test]
    fn the_unit_of_a_substance_is_part_of_its_name() {
        assert_eq!(substance("CO3-- (mg/l)"), Some(("co3_mg_l".into(), "mg/l")));
        assert_eq!(substance("pH (-)"), Some(("ph".into(), "-")));
        assert_eq!(substance("Monster-nr"), None);
    }

    #[test]
    fn dates_are_read_in_the_forms_of_both_exports() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let read = date(text).map(|(day, rest)| (day.to_string(), rest.to_owned()));
            assert_eq!(read, expected.map(|(d, r)| (format!("{d}T00:00:00Z"), r.to_owned())), "{text}");
        };
        check("28-04-1976", Some(("1976-04-28", "")));
        check("1972/11/28 08:00:00", Some(("1972-11-28", "08:00:00")));
        check("31-04-1976", None);
        check("é", None);
    }
}
