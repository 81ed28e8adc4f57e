//! Station inventories and tables of values: delimited text or Parquet, read as a mapping says.

mod mapping;
mod observations;
mod parquet;
mod table;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use nilometer_schemas::Problem;
use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::{SourceOptions, places};
use crate::Error;
pub use mapping::Mapping;
use mapping::{Delimiter, Property, PropertyType};
use observations::Values;
pub(crate) use parquet::MARK as PARQUET_MARK;
use table::{AnyTable, Table};

/// Rows of a table that is joined to an inventory; it is held in memory.
const JOIN_ROWS_MAX: usize = 1_000_000;

/// A file with the mapping it is read by.
pub(crate) struct Mapped {
    mapping: Mapping,
    /// Whether the file is Parquet.
    parquet: bool,
    /// Whether the file holds stations, as far as can be told from its columns.
    pub(crate) stations: bool,
}

/// The mapping of delimited text: the caller's, the one beside the file, or a built-in one that fits the heading.
///
/// # Errors
/// `Invalid` if the mapping beside the file cannot be understood.
pub(crate) fn mapping_for(input: &Input<'_>, head: &str, options: &SourceOptions) -> Result<Option<Mapped>, Error> {
    let heading = head.lines().next().unwrap_or_default();
    if let Some(mapping) = given(input, options)? {
        let names = mapping.heading_names(heading);
        let forms = mapping.forms(&|column| names.contains(&column));
        return Ok(Some(Mapped { parquet: false, stations: forms.map_or(true, |f| f.stations), mapping }));
    }
    let fitting = Mapping::builtin().into_iter().find_map(|mapping| {
        let forms = mapping.fits(&mapping.heading_names(heading));
        (forms.stations || forms.values).then_some(Mapped { mapping, parquet: false, stations: forms.stations })
    });
    Ok(fitting)
}

/// As [`mapping_for`], for Parquet.
///
/// # Errors
/// Also `Invalid` if the file is damaged.
pub(crate) fn parquet_mapping_for(input: &Input<'_>, options: &SourceOptions) -> Result<Option<Mapped>, Error> {
    let names = parquet::column_names(input)
        .map_err(|e| super::unknown(input.name(), &format!("begins like Parquet and cannot be read: {e}")))?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(mapping) = given(input, options)? {
        let forms = mapping.forms(&|column| names.contains(&column));
        return Ok(Some(Mapped { parquet: true, stations: forms.map_or(true, |f| f.stations), mapping }));
    }
    let fitting = Mapping::builtin().into_iter().find_map(|mapping| {
        let forms = mapping.fits(&names);
        (forms.stations || forms.values).then_some(Mapped { mapping, parquet: true, stations: forms.stations })
    });
    Ok(fitting)
}

/// Whether a mapping is given, by the caller or beside the file.
pub(crate) fn is_mapped(input: &Input<'_>, options: &SourceOptions) -> bool {
    options.mapping.is_some() || input.sibling(&format!("{}.toml", input.file_name())).is_some()
}

/// The mapping of the caller's, or the one beside the file.
fn given(input: &Input<'_>, options: &SourceOptions) -> Result<Option<Mapping>, Error> {
    if let Some(mapping) = &options.mapping {
        return Ok(Some(mapping.clone()));
    }
    let Some(beside) = input.sibling(&format!("{}.toml", input.file_name())) else { return Ok(None) };
    let bytes = beside.head(mapping::MAPPING_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let parsed = Mapping::parse(&text).map_err(|p| p.at(beside.name()))?;
    Ok(Some(parsed))
}

/// The collection of an inventory that the program knows, with its parameters.
pub(crate) fn builtin_collection(id: &str) -> Value {
    Mapping::builtin_collection(id)
}

/// Rows of another file beside the inventory, by key.
struct Joined {
    columns: HashMap<String, usize>,
    rows: HashMap<String, Vec<String>>,
}

impl Joined {
    fn open(input: &Input<'_>, join: &mapping::Join, delimiter: Delimiter) -> Result<Self, Error> {
        let bad = |detail: String| Error::Problem(Problem::invalid("mapping", detail).at(input.name()));
        let Some(beside) = input.sibling(&join.file) else {
            return Err(bad(format!("the mapping joins {}, which is not beside {}", join.file, input.name())));
        };
        let content = beside.content(&Rc::default())?;
        let mut table = Table::open(content, delimiter).map_err(|e| bad(format!("{}: {e}", join.file)))?;
        let key =
            *table.columns.get(&join.on).ok_or_else(|| bad(format!("{} has no column {}", join.file, join.on)))?;
        let mut rows = HashMap::new();
        while let Some(fields) = table.next_fields().map_err(|e| bad(format!("{}: {e}", join.file)))? {
            if rows.len() == JOIN_ROWS_MAX {
                return Err(bad(format!("{} has more than {JOIN_ROWS_MAX} rows", join.file)));
            }
            if let Some(value) = fields.get(key).cloned() {
                rows.insert(value, fields);
            }
        }
        Ok(Self { columns: table.columns, rows })
    }
}

/// One row with what is joined to it.
struct Row<'a> {
    mapping: &'a Mapping,
    columns: &'a HashMap<String, usize>,
    fields: &'a [String],
    joined: Vec<(&'a HashMap<String, usize>, &'a [String])>,
}

impl Row<'_> {
    fn get(&self, column: &str) -> Option<String> {
        let tables = std::iter::once((self.columns, self.fields)).chain(self.joined.iter().copied());
        for (columns, fields) in tables {
            if let Some(field) = columns.get(column).and_then(|index| fields.get(*index)) {
                let text = places::tidy(field);
                return (!text.is_empty() && !self.mapping.missing.contains(&text)).then_some(text);
            }
        }
        None
    }

    fn number(&self, column: &str) -> Result<Option<f64>, String> {
        let Some(text) = self.get(column) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(format!("{column} is {text:?}, not a number")),
        }
    }

    /// The geometry; `None` where both coordinates are missing.
    fn geometry(&self) -> Result<Option<Value>, String> {
        match (self.number(&self.mapping.lon)?, self.number(&self.mapping.lat)?) {
            (Some(lon), Some(lat)) => Ok(Some(json!({"type": "Point", "coordinates": [lon, lat]}))),
            // Half a position is none; the half stays readable among the properties if the mapping names it.
            _ => Ok(None),
        }
    }

    fn typed(&self, property: &Property) -> Result<Option<Value>, String> {
        let Some(text) = self.get(&property.column) else { return Ok(None) };
        let wrong = |kind: &str| format!("{} is {text:?}, not {kind}", property.column);
        Ok(Some(match property.kind {
            PropertyType::Text => text.into(),
            PropertyType::Number => {
                self.number(&property.column)?.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
            }
            PropertyType::Integer => {
                let number = self.number(&property.column)?.filter(|n| n.fract() == 0.0 && n.abs() < 9e15);
                (number.ok_or_else(|| wrong("a whole number"))? as i64).into()
            }
            PropertyType::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "1" => true.into(),
                "false" | "f" | "no" | "0" => false.into(),
                _ => return Err(wrong("true or false")),
            },
            PropertyType::List => {
                let parts: Vec<String> = text.split([',', ';']).map(places::tidy).filter(|p| !p.is_empty()).collect();
                parts.into()
            }
            PropertyType::Lower => text.to_lowercase().into(),
        }))
    }
}

/// Reads a file as its mapping says.
pub(crate) fn read(input: &Input<'_>, mapped: &Mapped, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mapping = &mapped.mapping;
    let bad = |detail: String| Error::Problem(Problem::invalid("inventory", detail).at(input.name()));
    let mut joined = Vec::new();
    for join in &mapping.join {
        joined.push(Joined::open(input, join, mapping.delimiter)?);
    }
    let cannot = |e: String| bad(format!("{}: {e}", input.name()));
    let mut table = if mapped.parquet {
        let counter = intake.counter();
        counter.set(counter.get() + input.size_bytes()?);
        let observed = mapping.observations.iter().flat_map(|o| o.columns());
        let names: Vec<&str> = mapping.columns().chain(observed).collect();
        AnyTable::Parquet(Box::new(parquet::ParquetRows::open(input, &names).map_err(cannot)?))
    } else {
        AnyTable::Text(Table::open(input.content(&intake.counter())?, mapping.delimiter).map_err(cannot)?)
    };
    let columns = table.columns().clone();
    let known = |column: &str| columns.contains_key(column) || joined.iter().any(|j| j.columns.contains_key(column));
    let forms = mapping
        .forms(&known)
        .map_err(|absent| bad(format!("the mapping names the column {absent:?}, which {} has not", input.name())))?;
    let mut values = match &mapping.observations {
        Some(observations) if forms.values => Some(Values::new(mapping, observations, &columns, input)?),
        _ => None,
    };
    let mut stations = forms.stations.then(HashSet::new);
    let mut described = false;
    loop {
        let row = match table.next_row() {
            Ok(row) => row,
            Err(e) => {
                let after = format!("after {}", table.record());
                intake.reject(input.name(), after, format!("the rest cannot be read: {e}"));
                None
            }
        };
        // The first row may show that the file cannot be read at all, which should leave no collection behind.
        if let (false, Some(cells), Some(values)) = (described, &row, &values) {
            values.check_first(cells)?;
        }
        if !std::mem::replace(&mut described, true) {
            intake.ensure(mapping.collection.as_str(), || mapping.describe())?;
        }
        let Some(cells) = row else { break };
        let record = table.record();
        if let Some(reason) = table.misfit(&cells) {
            intake.reject(input.name(), record, reason);
            continue;
        }
        if let Some(stations) = &mut stations {
            let fields: Vec<String> = cells.iter().map(|cell| cell.text().unwrap_or_default()).collect();
            let row = Row {
                mapping,
                columns: &columns,
                fields: &fields,
                joined: matches(&joined, mapping, &columns, &fields),
            };
            take_station(&row, values.is_some(), stations, input, &record, intake)?;
        }
        if let Some(values) = &mut values {
            values.take(&cells, &record, intake)?;
        }
    }
    match values {
        Some(values) => values.finish(intake),
        None => Ok(()),
    }
}

/// Rows of the joined tables that belong to a row.
fn matches<'a>(
    joined: &'a [Joined],
    mapping: &Mapping,
    columns: &HashMap<String, usize>,
    fields: &[String],
) -> Vec<(&'a HashMap<String, usize>, &'a [String])> {
    let found = joined.iter().zip(&mapping.join).filter_map(|(joined, join)| {
        let key = fields.get(*columns.get(&join.on)?)?;
        Some((&joined.columns, joined.rows.get(key)?.as_slice()))
    });
    found.collect()
}

/// Passes the station of a row on. In a table of values, where a station stands on many rows, the first one counts.
fn take_station(
    row: &Row<'_>,
    with_values: bool,
    seen: &mut HashSet<String>,
    input: &Input<'_>,
    record: &str,
    intake: &mut Intake<'_>,
) -> Result<(), Error> {
    let id = station_id(row);
    if with_values
        && let Ok(id) = &id
        && !seen.insert(id.clone())
    {
        return Ok(());
    }
    match id.and_then(|id| station(row, id)) {
        Ok(item) => intake.item_value(input.name(), record, &item),
        Err(reason) => {
            intake.reject(input.name(), record, reason);
            Ok(())
        }
    }
}

fn station_id(row: &Row<'_>) -> Result<String, String> {
    let mut parts = Vec::with_capacity(row.mapping.id.len());
    for column in &row.mapping.id {
        parts.push(row.get(column).ok_or_else(|| format!("the row has no {column}, which is its id"))?);
    }
    Ok(parts.join("_"))
}

fn station(row: &Row<'_>, id: String) -> Result<Value, String> {
    let mapping = row.mapping;
    let name = mapping.name.as_deref().and_then(|column| row.get(column));
    let title = match &name {
        Some(name) => format!("{name} ({id})"),
        None => id.clone(),
    };
    let geometry = row.geometry()?;
    let mut p = Map::new();
    let constants = mapping.constants.values().filter_map(|v| v.as_str().map(str::to_owned));
    let words = std::iter::once(id.clone())
        .chain(mapping.keywords.iter().filter_map(|column| row.get(column)))
        .chain(constants);
    p.insert("keywords".into(), places::keywords(words));
    if let Some(name) = name {
        p.insert("name".into(), name.into());
    }
    for (key, value) in &mapping.constants {
        p.insert(key.clone(), value.clone());
    }
    for property in &mapping.properties {
        if let Some(value) = row.typed(property)? {
            p.insert(property.name.clone(), value);
        }
    }
    Ok(places::place(&mapping.collection, &id, &title, geometry, p))
}
