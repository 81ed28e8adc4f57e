//! Answers of the Hydrocron API: rows of reaches, nodes and lakes, as its users keep them in files.
//!
//! An answer is a JSON wrapper with `results.csv` or `results.geojson`, a bare FeatureCollection (one feature for each
//! pass, or one whose members are arrays), CSV, CSV as a JSON string, or an array of database items. Every value is a
//! text. The rows go to the collections that granules fill, as far as an answer tells which.
//!
//! What tells a row apart is the pass, if the answer names it (`cycle_id` and `pass_id`, or `granuleUR`). Else it is
//! the time itself, `20240202T083734Z`: then the row cannot be known to be of the same pass as a row of a granule.
//! Two answers with different fields of one pass are the same row, of which the one read last counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use csv::StringRecord;
use nilometer_schemas::{Instant, ParameterType};
use serde_json::{Map, Value, json};

use super::super::document::{Feature, Outline};
use super::super::input::Input;
use super::super::intake::Intake;
use super::super::observations::{Key, ObservationBuilder};
use super::super::{collections, places, stac};
use super::parameters::{self, Known};
use super::values::{Cell, discriminator, moment};
use super::{GranuleName, Kind, name};
use crate::Error;

/// Members of the JSON wrapper.
const WRAPPER: [&str; 3] = ["status", "hits", "results"];
/// Columns that name a feature, the most telling first: nodes and lakes have a `reach_id` too.
const IDS: [(&str, Kind); 3] = [("lake_id", Kind::PriorLake), ("node_id", Kind::Node), ("reach_id", Kind::Reach)];
/// Columns of which a row has at least one.
const TIMES: [&str; 3] = ["time_str", "range_start_time", "time"];
/// End of the name of a column that tells the unit of another.
const UNITS: &str = "_units";
/// Position that Hydrocron makes up for lakes without one, degrees to a millionth.
const MADE_UP: [f64; 2] = [-20.455_824, -25.566_242];

/// Whether a first feature is one of an answer.
pub(crate) fn is_feature(feature: &str) -> bool {
    let is_stac = Outline::of(feature).is_ok_and(|outline| outline.is_stac());
    !is_stac && Feature::of(feature).is_some_and(|f| is_row(|column| f.properties.contains_key(column)))
}

/// Whether a JSON object is the wrapper of an answer.
pub(crate) fn is_wrapper(outline: &Outline) -> bool {
    WRAPPER.iter().all(|member| outline.has(member))
}

/// Whether the beginning of a text is one of CSV, of CSV as a JSON string, or of an array of database items.
pub(crate) fn is_text(head: &str) -> bool {
    if head.starts_with('[') {
        let has = |column: &str| head.contains(&format!("\"{column}\""));
        return is_row(has) && has("range_start_time") && head.contains("_units\"");
    }
    let heading = head.trim_start_matches('"').split(['\n', '\\']).next().unwrap_or_default();
    let columns: Vec<&str> = heading.trim_end().split(',').collect();
    is_row(|column| columns.contains(&column))
}

fn is_row(has: impl Fn(&str) -> bool) -> bool {
    IDS.iter().any(|(id, _)| has(id)) && TIMES.iter().any(|time| has(time))
}

/// One row of an answer.
struct Raw {
    /// Where in the file.
    record: String,
    fields: Vec<(String, String)>,
    geometry: Option<Value>,
}

impl Raw {
    /// A field that has a value.
    fn text(&self, field: &str) -> Option<&str> {
        let (_, text) = self.fields.iter().find(|(name, _)| name == field)?;
        match Cell::read(text, ParameterType::Text) {
            Ok(Some(Cell::Text(text))) => Some(text),
            _ => None,
        }
    }

    fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, _)| name == field)
    }
}

pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    match stac::whole(input.content(&intake.counter())?) {
        Ok(text) => take(input.name(), &text, intake),
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            Ok(())
        }
    }
}

/// Takes the rows of an answer; `file` hints at the version where nothing else tells it.
pub(crate) fn take(file: &str, text: &str, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut rows = Vec::new();
    if let Err(reason) = rows_of(text, file, intake, &mut rows) {
        intake.reject(file, "", reason);
    }
    let mut groups: BTreeMap<(u8, String), (Kind, Vec<Raw>)> = BTreeMap::new();
    for row in rows {
        match place_of(&row, file) {
            Ok((kind, version)) => {
                groups.entry((kind as u8, version)).or_insert_with(|| (kind, Vec::new())).1.push(row);
            }
            Err(reason) => intake.reject(file, row.record, reason),
        }
    }
    for ((_, version), (kind, rows)) in groups {
        take_group(file, kind, &version, &rows, intake)?;
    }
    Ok(())
}

/// Gathers the rows of an answer of any form.
///
/// # Errors
/// A reason, if the rest of the text is nothing that is understood; rows gathered before stay.
fn rows_of(text: &str, file: &str, intake: &mut Intake<'_>, rows: &mut Vec<Raw>) -> Result<(), String> {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[', '"']) {
        return rows_of_csv(text, rows);
    }
    nilometer_schemas::check_depth(text).map_err(|problem| problem.detail)?;
    let value = serde_json::from_str::<Value>(text).map_err(|e| format!("not JSON: {e}"))?;
    match &value {
        Value::String(csv) => rows_of_csv(csv, rows),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let record = format!("item {}", at + 1);
                match item.as_object() {
                    Some(item) => rows.push(row_of(record, item, None)),
                    None => intake.reject(file, record, "not an object"),
                }
            }
            Ok(())
        }
        Value::Object(object) => match object.get("results") {
            Some(results) => {
                let csv = results.get("csv").and_then(Value::as_str).unwrap_or_default();
                rows_of_csv(csv, rows)?;
                rows_of_features(&results["geojson"], file, intake, rows)
            }
            None => rows_of_features(&value, file, intake, rows),
        },
        _ => Err("neither an answer nor rows of one".into()),
    }
}

fn rows_of_csv(csv: &str, rows: &mut Vec<Raw>) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv.as_bytes());
    let headings = reader.headers().map_err(|e| format!("not CSV: {e}"))?.clone();
    for record in reader.records() {
        let record = record.map_err(|e| format!("the rest cannot be read: {e}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != headings.len() {
            return Err(format!("line {line} has {} fields, the heading {}", record.len(), headings.len()));
        }
        let field = |at: usize| (headings[at].trim().to_owned(), record[at].to_owned());
        let fields: Vec<_> = (0..record.len()).map(field).collect();
        rows.push(row_of_fields(format!("line {line}"), fields, &record, &headings));
    }
    Ok(())
}

fn row_of_fields(
    record: String,
    mut fields: Vec<(String, String)>,
    texts: &StringRecord,
    headings: &StringRecord,
) -> Raw {
    let at = headings.iter().position(|heading| heading.trim() == "geometry");
    let geometry = at.and_then(|at| texts.get(at)).and_then(geometry_of_wkt);
    fields.retain(|(name, _)| name != "geometry");
    Raw { record, fields, geometry }
}

fn rows_of_features(
    collection: &Value,
    file: &str,
    intake: &mut Intake<'_>,
    rows: &mut Vec<Raw>,
) -> Result<(), String> {
    let Some(features) = collection.get("features") else { return Ok(()) };
    let features = features.as_array().ok_or("`features` is no array")?;
    for (at, feature) in features.iter().enumerate() {
        let record = format!("feature {}", at + 1);
        let geometry = feature.get("geometry").filter(|g| !g.is_null()).cloned();
        match feature.get("properties").and_then(Value::as_object) {
            Some(properties) if properties.values().any(Value::is_array) => {
                if let Err(reason) = rows_of_compact(&record, properties, geometry.as_ref(), rows) {
                    intake.reject(file, record, reason);
                }
            }
            Some(properties) => rows.push(row_of(record, properties, geometry)),
            None => intake.reject(file, record, "the feature has no properties"),
        }
    }
    Ok(())
}

/// The rows of a feature whose members are arrays of one length.
fn rows_of_compact(
    record: &str,
    properties: &Map<String, Value>,
    geometry: Option<&Value>,
    rows: &mut Vec<Raw>,
) -> Result<(), String> {
    let mut length = None;
    for (name, values) in properties {
        let values = values.as_array().ok_or_else(|| format!("{name} is no array, others are"))?;
        if *length.get_or_insert(values.len()) != values.len() {
            return Err(format!("{name} has {} values, others {}", values.len(), length.unwrap_or_default()));
        }
    }
    for at in 0..length.unwrap_or_default() {
        let one: Map<String, Value> = properties.iter().map(|(name, all)| (name.clone(), all[at].clone())).collect();
        rows.push(row_of(format!("{record}, value {}", at + 1), &one, geometry.cloned()));
    }
    Ok(())
}

fn row_of(record: String, members: &Map<String, Value>, geometry: Option<Value>) -> Raw {
    let mut fields = Vec::new();
    let mut geometry = geometry;
    for (name, value) in members {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if name == "geometry" {
            geometry = geometry.or_else(|| geometry_of_wkt(&text));
        } else {
            fields.push((name.clone(), text));
        }
    }
    Raw { record, fields, geometry }
}

/// A point or line in well-known text.
fn geometry_of_wkt(text: &str) -> Option<Value> {
    let (kind, rest) = text.trim().split_once('(')?;
    let inner = rest.strip_suffix(')')?;
    let mut positions = Vec::new();
    for position in inner.split(',') {
        let numbers: Vec<f64> = position.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        positions.push(numbers.get(..2).map(<[f64]>::to_vec)?);
    }
    match kind.trim().to_ascii_uppercase().as_str() {
        "POINT" => Some(json!({"type": "Point", "coordinates": positions.first()?})),
        "LINESTRING" => Some(json!({"type": "LineString", "coordinates": positions})),
        _ => None,
    }
}

/// What a row is of, and the product version it belongs to.
///
/// # Errors
/// A reason, if the row does not tell.
fn place_of(row: &Raw, file: &str) -> Result<(Kind, String), String> {
    let found = IDS.iter().find(|(id, _)| row.has(id)).map(|(_, kind)| *kind);
    let kind = found.ok_or("the row has none of lake_id, node_id and reach_id")?;
    Ok((kind, version_of(row, kind, file)?))
}

/// The product version: from the collection's name, else from the processing, else from the prior database, else from
/// fields that only one version has, else from the name of the file (`reach_d_basic.csv`, `reach_basic.csv`).
fn version_of(row: &Raw, kind: Kind, file: &str) -> Result<String, String> {
    let named = row.text("collection_shortname").and_then(|name| name.rsplit_once('_')).map(|(_, version)| version);
    let named = named.filter(|version| version.len() == 1 || version.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(version) = named.or_else(|| row.text("collection_version")) {
        let known = version == "2.0" || matches!(version.as_bytes(), [b'D'..=b'Z']);
        return known
            .then(|| version.to_owned())
            .ok_or_else(|| format!("the row is of version {version:?} of the product, which is withdrawn or unknown"));
    }
    let granule = row.text("granuleUR").and_then(|ur| GranuleName::parse(ur.split('.').next()?)?.version());
    if let Some(version) = granule.or_else(|| row.text("crid").and_then(name::version)) {
        return Ok(version);
    }
    // Recorded answers of version D say 7b where 17b is meant.
    let river = row.text("sword_version").and_then(|version| match version {
        "15" | "16" => Some("2.0"),
        "17" | "17a" | "17b" | "7b" => Some("D"),
        _ => None,
    });
    let lake = row.text("PLD_version").and_then(|version| match version.as_bytes() {
        [b'1', _, _] => Some("2.0"),
        [b'2', _, _] => Some("D"),
        _ => None,
    });
    if let Some(version) = river.or(lake) {
        return Ok(version.to_owned());
    }
    let [old, new] = ["2.0", "D"].map(|version| parameters::known(kind, version));
    let only = |these: &HashMap<String, Known>, others: &HashMap<String, Known>| {
        row.fields.iter().any(|(name, _)| these.contains_key(name) && !others.contains_key(name))
    };
    match (only(&old, &new), only(&new, &old)) {
        (true, false) => return Ok("2.0".into()),
        (false, true) => return Ok("D".into()),
        _ => {}
    }
    let hint = file.rsplit(['/', '\\']).next().and_then(hint);
    hint.map(str::to_owned).ok_or_else(|| {
        "nothing tells the version of the product: ask for collection_shortname, crid, sword_version or PLD_version"
            .into()
    })
}

/// The version that a file's name tells: kind, `d` for version D, what.
fn hint(file: &str) -> Option<&'static str> {
    let stem = file.split('.').next()?;
    let mut parts = stem.split('_');
    if !matches!(parts.next()?, "reach" | "node" | "lake") {
        return None;
    }
    match (parts.next()?, parts.next()) {
        ("d", Some("basic" | "comprehensive" | "discharge")) => Some("D"),
        ("basic" | "comprehensive" | "discharge", None) => Some("2.0"),
        _ => None,
    }
}

/// Takes the rows of one collection.
fn take_group(file: &str, kind: Kind, version: &str, rows: &[Raw], intake: &mut Intake<'_>) -> Result<(), Error> {
    let collection = collections::swot_features_id(kind, version);
    let known = parameters::known(kind, version);
    let mut columns: Vec<(String, ParameterType)> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for (name, _) in rows.iter().flat_map(|row| &row.fields) {
        let is_unit = name.strip_suffix(UNITS).is_some();
        if !is_unit && !at.contains_key(name.as_str()) {
            at.insert(name, columns.len());
            columns.push((name.clone(), known.get(name).map_or(ParameterType::Text, |known| known.kind)));
        }
    }
    let centroid = (kind == Kind::PriorLake && !at.contains_key("centroid_lon") && !at.contains_key("centroid_lat"))
        .then(|| {
            ["centroid_lon", "centroid_lat"].map(|name| {
                columns.push((name.to_owned(), ParameterType::Number));
                columns.len() - 1
            })
        });
    let source = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let mut builder = match ObservationBuilder::new(&collection, source, columns) {
        Ok(builder) => builder,
        Err(problem) => {
            intake.reject(file, "", problem.detail);
            return Ok(());
        }
    };
    intake.ensure(&collection, || collections::swot_features(kind, version))?;
    let mut given = HashSet::new();
    let mut seen: HashMap<(String, String, Instant), u32> = HashMap::new();
    for row in rows {
        let Some(identity) = identity(row, kind) else {
            let reason = "the row has no id, or neither a time nor the start of its pass";
            intake.reject(file, row.record.as_str(), reason);
            continue;
        };
        let mut discriminator = identity.discriminator.clone();
        let ordinal = seen.entry((identity.feature.clone(), discriminator.clone(), identity.time)).or_default();
        *ordinal += 1;
        if *ordinal > 1 {
            discriminator.push_str(&format!("_{ordinal}"));
        }
        builder.row(Key {
            feature: &identity.feature,
            time: identity.time,
            discriminator: &discriminator,
            version: &identity.version,
            version_order: identity.version_order,
        });
        put(file, row, &known, &at, &mut builder, intake);
        let geometry = row.geometry.as_ref().filter(|geometry| !is_made_up(geometry));
        if let (Some(parameters), Some([lon, lat])) = (centroid, geometry.and_then(point)) {
            builder.number(parameters[0], lon);
            builder.number(parameters[1], lat);
        }
        if let Some(geometry) = geometry
            && given.insert(identity.feature.clone())
            && !intake.is_given(&collection, &identity.feature)
        {
            let item = item(&collection, kind, row, &identity.feature, geometry);
            intake.item_if_absent(file, &row.record, &item)?;
        }
    }
    intake.told_observations(&mut builder)
}

/// What tells a row from others.
struct Identity {
    feature: String,
    time: Instant,
    discriminator: String,
    version: String,
    version_order: i32,
}

fn identity(row: &Raw, kind: Kind) -> Option<Identity> {
    let (id, _) = IDS.iter().find(|(_, of)| *of == kind)?;
    let feature = row.text(id)?.to_owned();
    let granule = row.text("granuleUR").and_then(|ur| GranuleName::parse(ur.split('.').next()?));
    let seconds = row.fields.iter().find(|(name, _)| name == "time").and_then(|(_, text)| {
        match Cell::read(text, ParameterType::Number) {
            Ok(Some(Cell::Number(seconds))) => Some(seconds),
            _ => None,
        }
    });
    let start = row.text("range_start_time").and_then(Instant::parse);
    let observed = moment(row.text("time_str"), seconds);
    let time = observed.or(start).or(granule.as_ref().map(|granule| granule.start))?;
    let number = |field: &str| row.text(field)?.parse::<u32>().ok().filter(|number| *number < 1000);
    let pass = number("cycle_id").zip(number("pass_id"));
    let pass = pass.or(granule.as_ref().map(|granule| (granule.cycle, granule.pass)));
    let continent = row.text("continent_id").or(granule.as_ref().map(|granule| granule.continent)).unwrap_or_default();
    let discriminator = match pass {
        Some((cycle, pass)) => discriminator(&feature, cycle, pass, continent, 1),
        None => time.to_string().replace(['-', ':'], ""),
    };
    let crid = row.text("crid").or(granule.as_ref().map(|granule| granule.crid)).unwrap_or_default();
    let counter = granule.as_ref().map_or("", |granule| granule.counter);
    let version = if counter.is_empty() { crid.to_owned() } else { format!("{crid}_{counter}") };
    Some(Identity { feature, time, discriminator, version, version_order: name::version_order(crid, counter) })
}

/// Sets the values of a row. One whose unit is not the declared one, or that cannot be read, is reported and left out.
fn put(
    file: &str,
    row: &Raw,
    known: &HashMap<String, Known>,
    at: &HashMap<&str, usize>,
    builder: &mut ObservationBuilder,
    intake: &mut Intake<'_>,
) {
    let mut set = HashSet::new();
    for (name, text) in &row.fields {
        let Some(parameter) = at.get(name.as_str()) else { continue };
        let declared = known.get(name);
        let unit = row.text(&format!("{name}{UNITS}"));
        let expected = declared.and_then(|declared| declared.unit.as_deref());
        let reason = match (unit, expected) {
            (Some(unit), Some(expected)) if !is_unit(unit, expected) => {
                Some(format!("is in {unit:?}, not in {expected:?}"))
            }
            _ if !set.insert(name) => Some("stands twice in the row".to_owned()),
            _ => match Cell::read(text, declared.map_or(ParameterType::Text, |declared| declared.kind)) {
                Ok(value) => {
                    if let Some(value) = value {
                        value.put(builder, *parameter);
                    }
                    None
                }
                Err(reason) => Some(reason),
            },
        };
        if let Some(reason) = reason {
            intake.reject(file, row.record.as_str(), format!("{name}: {reason}; left out"));
        }
    }
}

/// Whether a unit as Hydrocron writes it is the one in UCUM.
fn is_unit(unit: &str, ucum: &str) -> bool {
    match unit {
        "degrees_north" | "degrees_east" | "degrees" => ucum == "deg",
        "TBD" => true,
        _ if unit.starts_with("seconds since 2000-01-01") => ucum == "s",
        _ => unit.replace('^', "") == ucum,
    }
}

fn point(geometry: &Value) -> Option<[f64; 2]> {
    if geometry["type"] != "Point" {
        return None;
    }
    Some([geometry["coordinates"][0].as_f64()?, geometry["coordinates"][1].as_f64()?])
}

fn is_made_up(geometry: &Value) -> bool {
    let near = |p: [f64; 2]| (p[0] - MADE_UP[0]).abs() < 2e-6 && (p[1] - MADE_UP[1]).abs() < 2e-6;
    point(geometry).is_some_and(near)
}

/// The feature of a row, as far as an answer tells: a granule tells more.
fn item(collection: &str, kind: Kind, row: &Raw, id: &str, geometry: &Value) -> Value {
    let (noun, id_member, name) = match kind {
        Kind::Node => ("node", "node_id", row.text("river_name")),
        Kind::Reach => ("reach", "reach_id", row.text("river_name")),
        _ => ("lake", "lake_id", row.text("lake_name")),
    };
    let name = name.map(|name| places::tidy(name.split(';').next().unwrap_or(name)));
    let title = match &name {
        Some(name) => format!("{name}, {noun} {id}"),
        None => format!("SWOT {noun} {id}"),
    };
    let mut p = Map::new();
    let words = name.clone().into_iter().chain([id.to_owned(), "SWOT".into()]);
    p.insert("keywords".into(), places::keywords(words));
    p.insert(id_member.into(), id.into());
    if let Some(name) = name {
        p.insert("name".into(), name.into());
    }
    if let Some(version) = row.text("sword_version").or(row.text("PLD_version")) {
        p.insert(kind.prior_version_member().into(), version.into());
    }
    places::place(collection, id, &title, Some(geometry.clone()), p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_compared_across_their_spellings() {
        for (unit, ucum, expected) in [
            ("m", "m", true),
            ("m^3/s", "m3/s", true),
            ("km^2", "km2", true),
            ("degrees_north", "deg", true),
            ("seconds since 2000-01-01 00:00:00.000", "s", true),
            ("ft", "m", false),
            ("m^2", "km2", false),
        ] {
            assert_eq!(is_unit(unit, ucum), expected, "{unit} {ucum}");
        }
    }

    #[test]
    fn points_and_lines_are_read_from_text() {
        let check = |text: &str, expected: Option<Value>| assert_eq!(geometry_of_wkt(text), expected, "{text}");
        check("POINT (1.5 2)", Some(json!({"type": "Point", "coordinates": [1.5, 2.0]})));
        check("LINESTRING (1 2, 3 4)", Some(json!({"type": "LineString", "coordinates": [[1.0, 2.0], [3.0, 4.0]]})));
        check("POLYGON ((0 0, 1 1))", None);
        check("POINT (1)", None);
        check("no_data", None);
    }
}
