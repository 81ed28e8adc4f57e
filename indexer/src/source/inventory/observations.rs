//! Values of a table on their way to observations, as a mapping says.

use std::collections::HashMap;

use nilometer_schemas::{Instant, ParameterType, Problem};

use super::mapping::{Mapping, ObservationMapping, ParameterMapping};
use super::table::Cell;
use crate::Error;
use crate::source::input::Input;
use crate::source::intake::Intake;
use crate::source::moment::Written;
use crate::source::repeats::Repeats;
use crate::source::{Key, ObservationBuilder, places};

/// Rows of one table; their keys are held in memory to see which repeat (some 50 bytes each).
const ROWS_MAX: usize = 20_000_000;
/// Values of a table in long form, which is held in memory until every value has found its observation.
const LONG_VALUES_MAX: usize = 5_000_000;

/// What one cell came to.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Integer(i64),
    Text(String),
}

/// What tells an observation from others of the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OwnKey {
    feature: String,
    time: Instant,
    discriminator: String,
    version: String,
}

/// An observation put together from rows of the long form.
struct Gathered {
    key: OwnKey,
    values: Vec<(usize, Value)>,
}

/// The values of one table.
pub(super) struct Values<'a> {
    mapping: &'a ObservationMapping,
    columns: &'a HashMap<String, usize>,
    file: String,
    builder: ObservationBuilder,
    seen: Repeats,
    /// Observations of the long form, and where each key stands among them.
    gathered: Vec<Gathered>,
    places: HashMap<OwnKey, usize>,
    values: usize,
    /// Whether the table went beyond a limit, which was reported.
    ended: bool,
}

impl<'a> Values<'a> {
    pub(super) fn new(
        mapping: &Mapping,
        observations: &'a ObservationMapping,
        columns: &'a HashMap<String, usize>,
        input: &Input<'_>,
    ) -> Result<Self, Error> {
        let parameters = observations.parameters.iter().map(|p| (p.name().to_owned(), p.kind)).collect();
        let builder = ObservationBuilder::new(&mapping.collection, input.file_name(), parameters)?
            .declaring(observations.declared()?);
        Ok(Self {
            mapping: observations,
            columns,
            file: input.name().to_owned(),
            builder,
            seen: Repeats::default(),
            gathered: Vec::new(),
            places: HashMap::new(),
            values: 0,
            ended: false,
        })
    }

    /// Refuses a file whose first time has no offset, where the mapping does not say in which zone it is.
    pub(super) fn check_first(&self, cells: &[Cell]) -> Result<(), Error> {
        let Ok(Some(written)) = self.written(cells) else { return Ok(()) };
        if written.offset_s.is_none() && self.mapping.offset_s().is_none() {
            let detail = format!(
                "the times in column {:?} of {} have no offset from UTC: the mapping must say their timezone",
                self.mapping.time, self.file
            );
            return Err(Problem::invalid("timezone", detail).at(&self.file).into());
        }
        Ok(())
    }

    /// Takes one row.
    pub(super) fn take(&mut self, cells: &[Cell], record: &str, intake: &mut Intake<'_>) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        if self.seen.len() >= ROWS_MAX || self.values >= LONG_VALUES_MAX {
            self.ended = true;
            let reason = format!(
                "the table has more than {ROWS_MAX} rows, or {LONG_VALUES_MAX} in long form; the rest is not read"
            );
            intake.reject(&self.file, record, reason);
            return Ok(());
        }
        let mut key = match self.key(cells) {
            Ok(key) => key,
            Err(reason) => {
                intake.reject(&self.file, record, reason);
                return Ok(());
            }
        };
        let values = match self.values_of(cells, record, intake) {
            Ok(values) => values,
            Err(reason) => {
                intake.reject(&self.file, record, reason);
                return Ok(());
            }
        };
        if self.mapping.parameter_column.is_some() && !self.mapping.ordinal {
            self.gather(key, values, record, intake);
            return Ok(());
        }
        let count = self.seen.count(&key.feature, key.time, &key.discriminator, &key.version);
        if count > 1 {
            if !self.mapping.ordinal {
                let reason = "it repeats the feature, time and discriminator of an earlier row: \
                              name a column that tells them apart, or say ordinal = true";
                intake.reject(&self.file, record, reason);
                return Ok(());
            }
            key.discriminator = format!("{}#{count}", key.discriminator);
        }
        self.write(&key, &values);
        if self.builder.is_full() {
            intake.observations(&mut self.builder)?;
        }
        Ok(())
    }

    /// Passes on what is left.
    pub(super) fn finish(mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        for Gathered { key, values } in std::mem::take(&mut self.gathered) {
            self.write(&key, &values);
            if self.builder.is_full() {
                intake.observations(&mut self.builder)?;
            }
        }
        intake.observations(&mut self.builder)
    }

    fn write(&mut self, key: &OwnKey, values: &[(usize, Value)]) {
        self.builder.row(Key {
            feature: &key.feature,
            time: key.time,
            discriminator: &key.discriminator,
            version: &key.version,
            version_order: self.mapping.version_order,
        });
        for (parameter, value) in values {
            match value {
                Value::Number(number) => self.builder.number(*parameter, *number),
                Value::Integer(number) => self.builder.integer(*parameter, *number),
                Value::Text(text) => self.builder.text(*parameter, text),
            }
        }
    }

    /// Adds a value of the long form to its observation.
    fn gather(&mut self, key: OwnKey, values: Vec<(usize, Value)>, record: &str, intake: &mut Intake<'_>) {
        self.values += 1;
        let next = self.gathered.len();
        let at = *self.places.entry(key.clone()).or_insert(next);
        if at == next {
            self.gathered.push(Gathered { key, values });
            return;
        }
        for (parameter, value) in values {
            let gathered = &mut self.gathered[at].values;
            if gathered.iter().any(|(other, _)| *other == parameter) {
                let name = self.mapping.parameters[parameter].name();
                let reason = format!(
                    "it is a second value of {name} at the same feature, time and discriminator: \
                     name a column that tells them apart, or say ordinal = true"
                );
                intake.reject(&self.file, record, reason);
            } else {
                gathered.push((parameter, value));
            }
        }
    }

    /// The cell of a column with what stands for no value taken out.
    fn cell(&self, cells: &[Cell], column: &str) -> Cell {
        let cell = self.columns.get(column).and_then(|at| cells.get(*at)).unwrap_or(&Cell::Missing);
        match cell {
            Cell::Missing => Cell::Missing,
            Cell::Text(text) => {
                let text = places::tidy(text);
                let missing = text.is_empty() || self.mapping.missing.contains(&text);
                if missing { Cell::Missing } else { Cell::Text(text) }
            }
            other if self.mapping.missing.is_empty() => other.clone(),
            other => {
                let missing = other.text().is_none_or(|text| self.mapping.missing.contains(&text));
                if missing { Cell::Missing } else { other.clone() }
            }
        }
    }

    fn written(&self, cells: &[Cell]) -> Result<Option<Written>, String> {
        let column = &self.mapping.time;
        let text = match self.cell(cells, column) {
            Cell::Missing => return Ok(None),
            Cell::Moment(moment) => return Ok(Some(Written { clock_us: moment.0, offset_s: Some(0) })),
            Cell::Clock(clock_us) => return Ok(Some(Written { clock_us, offset_s: None })),
            other => other.text().unwrap_or_default(),
        };
        match self.mapping.time_format.read(&text) {
            Some(written) => Ok(Some(written)),
            None => Err(format!("{column} is {text:?}, not a time of the format that the mapping says")),
        }
    }

    fn key(&self, cells: &[Cell]) -> Result<OwnKey, String> {
        let mut feature = Vec::with_capacity(self.mapping.feature.len());
        for column in &self.mapping.feature {
            let text = self.cell(cells, column).text();
            feature.push(text.ok_or_else(|| format!("the row has no {column}, which tells its feature"))?);
        }
        let written =
            self.written(cells)?.ok_or_else(|| format!("the row has no {}, which is its time", self.mapping.time))?;
        let time = written.moment(self.mapping.offset_s()).ok_or("its time has no offset from UTC")?;
        let told: Vec<String> =
            self.mapping.discriminator.iter().map(|c| self.cell(cells, c).text().unwrap_or_default()).collect();
        let version = match &self.mapping.version_column {
            Some(column) => self.cell(cells, column).text().unwrap_or_default(),
            None => self.mapping.version.clone(),
        };
        Ok(OwnKey { feature: feature.join("_"), time, discriminator: told.join("/"), version })
    }

    /// The row's values. A cell that cannot be read is rejected alone; the row stays with the others.
    fn values_of(&self, cells: &[Cell], record: &str, intake: &mut Intake<'_>) -> Result<Vec<(usize, Value)>, String> {
        let mapping = self.mapping;
        let (Some(parameter_column), Some(value_column)) = (&mapping.parameter_column, &mapping.value_column) else {
            let mut values = Vec::with_capacity(mapping.parameters.len());
            for (at, parameter) in mapping.parameters.iter().enumerate() {
                match value(parameter, &parameter.column, self.cell(cells, &parameter.column)) {
                    Ok(Some(value)) => values.push((at, value)),
                    Ok(None) => {}
                    Err(reason) => intake.reject(&self.file, record, reason),
                }
            }
            return Ok(values);
        };
        let named = self.cell(cells, parameter_column).text();
        let named = named.ok_or_else(|| format!("the row has no {parameter_column}, which names its parameter"))?;
        let at = mapping.parameters.iter().position(|p| p.column == named);
        let at = at.ok_or_else(|| format!("{parameter_column} is {named:?}, which is no parameter of the mapping"))?;
        let value = value(&mapping.parameters[at], value_column, self.cell(cells, value_column))?;
        Ok(value.into_iter().map(|value| (at, value)).collect())
    }
}

/// What a cell says of a parameter.
fn value(parameter: &ParameterMapping, column: &str, cell: Cell) -> Result<Option<Value>, String> {
    let Some(text) = cell.text() else { return Ok(None) };
    let wrong = |kind: &str| format!("{column} is {text:?}, not {kind}");
    Ok(Some(match (parameter.kind, &cell) {
        (ParameterType::Text, _) => Value::Text(text),
        (ParameterType::Integer, Cell::Integer(number)) => Value::Integer(*number),
        (ParameterType::Integer, _) => {
            let exact = text.parse::<i64>().ok();
            let whole = || text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64);
            Value::Integer(exact.or_else(whole).ok_or_else(|| wrong("a whole number"))?)
        }
        (ParameterType::Number, Cell::Clock(_) | Cell::Moment(_)) => return Err(wrong("a number")),
        (ParameterType::Number, cell) => {
            let number = match cell {
                Cell::Number(number) => Some(*number),
                Cell::Integer(number) => Some(*number as f64),
                _ => text.parse::<f64>().ok(),
            };
            // Of a float column, NaN is how some writers say that there is no value.
            if matches!(cell, Cell::Number(number) if number.is_nan()) {
                return Ok(None);
            }
            let number = number.map(|number| parameter.converted(number)).filter(|number| number.is_finite());
            Value::Number(number.ok_or_else(|| wrong("a number"))?)
        }
    }))
}
