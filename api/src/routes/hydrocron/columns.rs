//! The columns of an answer: where each one's values come from, and their texts.
//!
//! Every value is a text, as in the files that the dialect was made for: floats as Python writes them, missing values
//! as the fill values of the product.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use nilometer_schemas::observation::{FEATURE_COLUMN, INGESTED_COLUMN};
use nilometer_schemas::{Instant, Parameter, ParameterType};

use super::fields::Feature;

/// A missing float, and any value of a column that the data have not.
pub(super) const FLOAT_FILL: &str = "-999999999999.0";
/// A missing whole number.
const INTEGER_FILL: &str = "-999";
/// A missing text.
const TEXT_FILL: &str = "no_data";
/// Field whose values are shapes.
pub(super) const GEOMETRY: &str = "geometry";
/// Fields that the product writes with three digits.
const THREE_DIGITS: [&str; 2] = ["cycle_id", "pass_id"];
/// What the unit `s` of a time counts from.
const TIME_UNIT: &str = "seconds since 2000-01-01 00:00:00.000";

/// Names of fields that are read from another column where the data have none of that name.
fn other_name(field: &str, feature: Feature) -> Option<&'static str> {
    match field {
        "swot_discharge_reanalysis" => Some("sos_consensus_q"),
        "ingest_time" => Some(INGESTED_COLUMN),
        id if id == feature.id_field() => Some(FEATURE_COLUMN),
        _ => None,
    }
}

/// One row of a batch.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The batch.
    pub(super) batch: Arc<RecordBatch>,
    /// Position in it.
    pub(super) index: usize,
}

/// One requested field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its position in the batches, if the data have it.
    at: Option<usize>,
    /// Whether its values are whole numbers, as declared.
    is_whole: bool,
    /// Its unit in the spelling of the dialect, if it has one.
    pub(super) unit: Option<String>,
}

impl Column {
    /// Whether its values are shapes.
    pub(super) fn is_geometry(&self) -> bool {
        self.name == GEOMETRY
    }

    /// The value of a row.
    pub(super) fn text<'a>(&self, row: &'a Row) -> Cow<'a, str> {
        match self.at {
            None => Cow::Borrowed(if self.is_whole { INTEGER_FILL } else { FLOAT_FILL }),
            Some(at) => text(row.batch.column(at), row.index, THREE_DIGITS.contains(&self.name.as_str())),
        }
    }
}

/// The columns of an answer, for batches of this schema; `known` tells the units.
pub(super) fn columns(fields: &[String], feature: Feature, schema: &SchemaRef, known: &[Parameter]) -> Vec<Column> {
    let at = |name: &str| schema.index_of(name).ok();
    let column = |field: &String| {
        let at = at(field).or_else(|| at(other_name(field, feature)?));
        let parameter = known.iter().find(|p| p.name == *field);
        let unit = parameter.and_then(|p| p.unit.as_deref()).map(|unit| spelling(field, unit));
        let is_whole = parameter.is_some_and(|p| p.kind == ParameterType::Integer);
        Column { name: field.clone(), at, is_whole, unit }
    };
    fields.iter().map(column).collect()
}

/// Names of the parameters to ask for, of those that the collection has.
pub(super) fn wanted(fields: &[String], feature: Feature, known: &[Parameter]) -> Vec<String> {
    let has = |name: &str| known.iter().any(|p| p.name == name);
    let mut out: Vec<String> = Vec::new();
    for field in fields {
        let name = if has(field) { Some(field.as_str()) } else { other_name(field, feature).filter(|n| has(n)) };
        if let Some(name) = name.filter(|name| !out.iter().any(|o| o == name)) {
            out.push(name.to_owned());
        }
    }
    out
}

/// A UCUM unit as the product's files spell it.
fn spelling(field: &str, unit: &str) -> String {
    let name = field.strip_suffix("_u").unwrap_or(field);
    match unit {
        "m2" | "km2" | "km3" => format!("{}^{}", &unit[..unit.len() - 1], &unit[unit.len() - 1..]),
        "m3/s" => "m^3/s".to_owned(),
        "deg" if name.ends_with("lat") => "degrees_north".to_owned(),
        "deg" if name.ends_with("lon") => "degrees_east".to_owned(),
        "deg" => "degrees".to_owned(),
        "s" if matches!(field, "time" | "time_tai") => TIME_UNIT.to_owned(),
        other => other.to_owned(),
    }
}

fn text(column: &ArrayRef, index: usize, three_digits: bool) -> Cow<'_, str> {
    let null = column.is_null(index);
    match column.data_type() {
        DataType::Int64 if null => Cow::Borrowed(INTEGER_FILL),
        DataType::Int64 => {
            let value = column.as_primitive::<Int64Type>().value(index);
            Cow::Owned(if three_digits { format!("{value:03}") } else { value.to_string() })
        }
        DataType::Utf8 if null => Cow::Borrowed(TEXT_FILL),
        DataType::Utf8 => Cow::Borrowed(column.as_string::<i32>().value(index)),
        DataType::Utf8View if null => Cow::Borrowed(TEXT_FILL),
        DataType::Utf8View => Cow::Borrowed(column.as_string_view().value(index)),
        DataType::Float64 if !null => Cow::Owned(float(column.as_primitive::<Float64Type>().value(index))),
        DataType::Timestamp(TimeUnit::Microsecond, _) if null => Cow::Borrowed(TEXT_FILL),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(index);
            Cow::Owned(Instant(micros - micros.rem_euclid(1_000_000)).to_string())
        }
        _ => Cow::Borrowed(FLOAT_FILL),
    }
}

/// A float as Python's `str` writes it: the shortest digits that are read back as the same number, with an exponent
/// of at least two digits below 1e-4 and from 1e16 on.
pub(super) fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let Some((digits, exponent)) = text.split_once('e') else { return text };
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let mut text = value.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let check = |value: f64, expected: &str| assert_eq!(float(value), expected);
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(1065.3532, "1065.3532");
        check(0.0026479936, "0.0026479936");
        check(-999999999999.0, "-999999999999.0");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(2.496966e-05, "2.496966e-05");
        check(-4.8555e-6, "-4.8555e-06");
        check(9999999999999998.0, "9999999999999998.0");
        check(1e16, "1e+16");
        check(1.5e300, "1.5e+300");
        check(5e-324, "5e-324");
        check(0.1 + 0.2, "0.30000000000000004");
    }

    #[test]
    fn units_are_spelled_as_the_product_spells_them() {
        let check = |field: &str, unit: &str, expected: &str| assert_eq!(spelling(field, unit), expected, "{field}");
        check("wse", "m", "m");
        check("slope", "m/m", "m/m");
        check("area_total", "km2", "km^2");
        check("area_total", "m2", "m^2");
        check("ds1_l", "km3", "km^3");
        check("dschg_c_u", "m3/s", "m^3/s");
        check("lat", "deg", "degrees_north");
        check("lon_u", "deg", "degrees_east");
        check("p_lon", "deg", "degrees_east");
        check("flow_angle", "deg", "degrees");
        check("time_tai", "s", "seconds since 2000-01-01 00:00:00.000");
        check("dark_frac", "1", "1");
    }
}
