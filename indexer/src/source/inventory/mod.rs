//! Station inventories: delimited text, one station on each row, read as a mapping says.

mod mapping;

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::rc::Rc;

use nilometer_schemas::Problem;
use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::{SourceOptions, collections, places};
use crate::Error;
pub use mapping::Mapping;
use mapping::{Delimiter, Property, PropertyType};

/// Rows of a table that is joined to an inventory; it is held in memory.
const JOIN_ROWS_MAX: usize = 1_000_000;

/// The mapping of an inventory: the caller's, the one beside the file, or a built-in one that fits the heading.
///
/// # Errors
/// `Invalid` if the mapping beside the file cannot be understood.
pub(crate) fn mapping_for(input: &Input<'_>, head: &str, options: &SourceOptions) -> Result<Option<Mapping>, Error> {
    if let Some(mapping) = &options.mapping {
        return Ok(Some(mapping.clone()));
    }
    if let Some(beside) = input.sibling(&format!("{}.toml", input.file_name())) {
        let bytes = beside.head(mapping::MAPPING_BYTES_MAX)?;
        let text = String::from_utf8_lossy(&bytes);
        let parsed = Mapping::parse(&text).map_err(|p| p.at(beside.name()))?;
        return Ok(Some(parsed));
    }
    let heading = head.lines().next().unwrap_or_default();
    Ok(Mapping::builtin().into_iter().find(|mapping| mapping.fits(heading)))
}

/// Rows of delimited text, one at a time.
struct Table<'a> {
    columns: HashMap<String, usize>,
    rows: Rows<'a>,
    line: u64,
}

enum Rows<'a> {
    Csv(Box<csv::Reader<Box<dyn BufRead + 'a>>>),
    /// Blank-separated with quotes, which the csv crate does not know.
    Blanks(Box<dyn BufRead + 'a>),
}

/// Longest line of blank-separated text.
const LINE_BYTES_MAX: u64 = 1 << 20;

impl<'a> Table<'a> {
    fn open(content: Box<dyn BufRead + 'a>, delimiter: Delimiter) -> Result<Self, String> {
        let rows = match delimiter.byte() {
            Some(byte) => Rows::Csv(Box::new(
                csv::ReaderBuilder::new().delimiter(byte).has_headers(false).flexible(true).from_reader(content),
            )),
            None => Rows::Blanks(content),
        };
        let mut table = Self { columns: HashMap::new(), rows, line: 0 };
        let heading = table.next_fields()?.ok_or("the file has no heading")?;
        for (index, name) in heading.into_iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}').trim().to_owned();
            table.columns.entry(name).or_insert(index);
        }
        Ok(table)
    }

    fn next_fields(&mut self) -> Result<Option<Vec<String>>, String> {
        match &mut self.rows {
            Rows::Csv(reader) => {
                let mut record = csv::ByteRecord::new();
                let more = reader.read_byte_record(&mut record).map_err(|e| e.to_string())?;
                self.line = record.position().map_or(self.line + 1, csv::Position::line);
                let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
                Ok(more.then(|| record.iter().map(text).collect()))
            }
            Rows::Blanks(reader) => loop {
                let mut line = Vec::new();
                let read = reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
                self.line += 1;
                if read == 0 {
                    return Ok(None);
                }
                let fields = split_blanks(&String::from_utf8_lossy(&line));
                if !fields.is_empty() {
                    return Ok(Some(fields));
                }
            },
        }
    }
}

/// Fields between blanks; a field in double quotes may hold blanks, a doubled quote stands for itself.
fn split_blanks(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut field = String::new();
        if first == '"' {
            while let Some(c) = chars.next() {
                if c != '"' {
                    field.push(c);
                } else if chars.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    break;
                }
            }
        } else {
            field.push(first);
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                field.push(c);
            }
        }
        fields.push(field);
    }
    fields
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

/// Reads an inventory.
pub(crate) fn read(input: &Input<'_>, mapping: &Mapping, intake: &mut Intake<'_>) -> Result<(), Error> {
    let bad = |detail: String| Error::Problem(Problem::invalid("inventory", detail).at(input.name()));
    let mut joined = Vec::new();
    for join in &mapping.join {
        joined.push(Joined::open(input, join, mapping.delimiter)?);
    }
    let content = input.content(&intake.counter())?;
    let mut table = Table::open(content, mapping.delimiter).map_err(|e| bad(format!("{}: {e}", input.name())))?;
    let known =
        |column: &str| table.columns.contains_key(column) || joined.iter().any(|j| j.columns.contains_key(column));
    if let Some(absent) = mapping.columns().find(|column| !known(column)) {
        return Err(bad(format!("the mapping names the column {absent:?}, which {} has not", input.name())));
    }
    let collection = mapping.collection.as_str();
    intake.ensure(collection, || collections::from_toml(collection, mapping.metadata.clone()))?;
    loop {
        let fields = match table.next_fields() {
            Ok(Some(fields)) => fields,
            Ok(None) => return Ok(()),
            Err(e) => {
                intake.reject(
                    input.name(),
                    format!("after line {}", table.line),
                    format!("the rest cannot be read: {e}"),
                );
                return Ok(());
            }
        };
        let record = format!("line {}", table.line);
        let row = Row {
            mapping,
            columns: &table.columns,
            fields: &fields,
            joined: joined
                .iter()
                .zip(&mapping.join)
                .filter_map(|(joined, join)| {
                    let key = fields.get(*table.columns.get(&join.on)?)?;
                    Some((&joined.columns, joined.rows.get(key)?.as_slice()))
                })
                .collect(),
        };
        match station(&row) {
            Ok(item) => intake.item_value(input.name(), &record, &item)?,
            Err(reason) => intake.reject(input.name(), record, reason),
        }
    }
}

fn station(row: &Row<'_>) -> Result<Value, String> {
    let mapping = row.mapping;
    let mut parts = Vec::with_capacity(mapping.id.len());
    for column in &mapping.id {
        parts.push(row.get(column).ok_or_else(|| format!("the row has no {column}, which is its id"))?);
    }
    let id = parts.join("_");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_separated_fields_may_be_quoted() {
        let check = |line: &str, expected: &[&str]| assert_eq!(split_blanks(line), expected, "{line}");
        check("a b  c\n", &["a", "b", "c"]);
        check(r#""02293694" "PEACE CREEK" 28.5 NA"#, &["02293694", "PEACE CREEK", "28.5", "NA"]);
        check(r#""say ""x""" """#, &[r#"say "x""#, ""]);
        check("", &[]);
    }
}
