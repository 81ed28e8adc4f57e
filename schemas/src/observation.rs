//! Observations: what each collection with values says of its parameters, and the columns that hold them.
//!
//! An observation is one row: the feature it belongs to, when, what tells it apart from others of the same moment, the
//! version of the product it comes from, and one column for each parameter. A null is a value that is missing.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::{Map, Value};

use crate::{Collection, Problem};

/// Id of the feature of interest: an item of the same collection. Text, never null.
pub const FEATURE_COLUMN: &str = "feature_id";
/// When: the moment of the observation, or the start of the pass where the product has none. µs UTC, never null.
pub const TIME_COLUMN: &str = "phenomenon_time";
/// Tells apart what shares feature and time (fraction, sample, cycle and pass). Text, empty if nothing does.
pub const DISCRIMINATOR_COLUMN: &str = "discriminator";
/// Version of the product (a CRID and counter, a revision); empty where the source has none.
pub const VERSION_COLUMN: &str = "version";
/// Which of two versions replaces the other in answers: the larger one.
pub const VERSION_ORDER_COLUMN: &str = "version_order";
/// File or product that the row was read from.
pub const SOURCE_COLUMN: &str = "source";
/// When the row was written, µs UTC.
pub const INGESTED_COLUMN: &str = "ingested";
/// Columns that every table has; no parameter may have one of these names.
pub const OWN_COLUMNS: [&str; 7] = [
    FEATURE_COLUMN,
    TIME_COLUMN,
    DISCRIMINATOR_COLUMN,
    VERSION_COLUMN,
    VERSION_ORDER_COLUMN,
    SOURCE_COLUMN,
    INGESTED_COLUMN,
];

/// Member of a collection's JSON that declares its parameters: an array of objects, see [`Parameter`].
pub const PARAMETERS_MEMBER: &str = "nilometer:parameters";
/// Member of a collection's JSON that says which rows are versions of one observation: `"time"` (default) or `"pass"`.
pub const OBSERVATION_KEY_MEMBER: &str = "nilometer:observation_key";

/// Type of a parameter's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// 64-bit floats.
    Number,
    /// 64-bit whole numbers.
    Integer,
    /// Texts.
    Text,
}

impl ParameterType {
    /// The Arrow type of the column.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Number => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Text => DataType::Utf8,
        }
    }

    /// The type of an Arrow column, if it can be a parameter's.
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Float64 => Some(Self::Number),
            DataType::Int64 => Some(Self::Integer),
            DataType::Utf8 => Some(Self::Text),
            _ => None,
        }
    }
}

/// Which rows of a feature are versions of one observation, of which answers show the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObservationKey {
    /// Those of one time and discriminator.
    #[default]
    Time,
    /// Those of one discriminator, which names the pass: a later version may move the time by some seconds, or
    /// observe what an earlier one had missed.
    Pass,
}

/// One parameter of a collection, as declared in [`PARAMETERS_MEMBER`]. Only `name` is required there; `type` is
/// `number` if absent.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Column and query key, such as `wse`.
    pub name: String,
    /// Type of the values.
    #[serde(default = "Parameter::number", rename = "type")]
    pub kind: ParameterType,
    /// Short name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The same in French.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_fr: Option<String>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name in the CF standard name table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_name: Option<String>,
    /// Unit, in UCUM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What heights refer to, such as `EGM2008`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datum: Option<String>,
    /// How a value stands for its period: `instantaneous`, `mean`, `sum`, `maximum`, `minimum`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// That period, ISO 8601, such as `P1D`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Parameter that tells the quality of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Parameter that holds the standard uncertainty of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<String>,
    /// Meanings of codes: `{"0": "good", …}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Map<String, Value>>,
    /// Whether the latest value is kept at hand for searching; by default that of numbers with a unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<bool>,
}

impl Parameter {
    fn number() -> ParameterType {
        ParameterType::Number
    }

    /// A parameter of which nothing but name and type is known.
    pub fn undeclared(name: &str, kind: ParameterType) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            title: None,
            title_fr: None,
            description: None,
            standard_name: None,
            unit: None,
            datum: None,
            method: None,
            period: None,
            quality: None,
            uncertainty: None,
            categories: None,
            latest: None,
        }
    }

    /// Whether the latest value is kept at hand for searching.
    pub fn keeps_latest(&self) -> bool {
        self.latest.unwrap_or(self.kind == ParameterType::Number && self.unit.is_some())
    }
}

/// What a collection declares of its observations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservationModel {
    /// The parameters, in the order declared.
    pub parameters: Vec<Parameter>,
    /// Which rows are versions of one observation.
    pub key: ObservationKey,
}

impl ObservationModel {
    /// Reads what a collection declares; both members are optional.
    ///
    /// # Errors
    /// `Invalid` for a parameter without name, of an unknown type or member, named twice or like a column of ours.
    pub fn of(collection: &Map<String, Value>) -> Result<Self, Problem> {
        let bad = |pointer: String, detail: String| Problem::invalid("collection", detail).at(pointer);
        let mut parameters: Vec<Parameter> = Vec::new();
        if let Some(declared) = collection.get(PARAMETERS_MEMBER) {
            let list = declared
                .as_array()
                .ok_or_else(|| bad(format!("/{PARAMETERS_MEMBER}"), "parameters are an array".into()))?;
            for (at, value) in list.iter().enumerate() {
                let pointer = format!("/{PARAMETERS_MEMBER}/{at}");
                let parameter: Parameter =
                    serde_json::from_value(value.clone()).map_err(|e| bad(pointer.clone(), e.to_string()))?;
                check_name(&parameter.name).map_err(|detail| bad(format!("{pointer}/name"), detail))?;
                if parameters.iter().any(|p| p.name == parameter.name) {
                    return Err(bad(pointer, format!("the parameter {:?} is declared twice", parameter.name)));
                }
                parameters.push(parameter);
            }
        }
        let key = match collection.get(OBSERVATION_KEY_MEMBER).map(Value::as_str) {
            None => ObservationKey::Time,
            Some(Some("time")) => ObservationKey::Time,
            Some(Some("pass")) => ObservationKey::Pass,
            Some(_) => {
                let detail = "an observation is known by its time or its pass".to_owned();
                return Err(bad(format!("/{OBSERVATION_KEY_MEMBER}"), detail).allowed("time, pass"));
            }
        };
        Ok(Self { parameters, key })
    }

    /// As [`ObservationModel::of`], for a collection that was checked when it was taken.
    pub fn of_collection(collection: &Collection) -> Self {
        Self::of(&collection.body).unwrap_or_default()
    }

    /// A declared parameter.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }
}

/// Whether a text can name a parameter.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
        return Err(format!("{name:?} cannot name a parameter: use letters, digits, _, -, . and :"));
    }
    if OWN_COLUMNS.contains(&name) {
        return Err(format!("{name:?} is the name of a column that every table has"));
    }
    Ok(())
}

/// The Arrow type of times: microseconds, UTC.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The columns of a table with these parameters: our own first, then the parameters.
pub fn observation_schema<'a>(parameters: impl IntoIterator<Item = (&'a str, ParameterType)>) -> SchemaRef {
    let mut fields = vec![
        Field::new(FEATURE_COLUMN, DataType::Utf8, false),
        Field::new(TIME_COLUMN, time_type(), false),
        Field::new(DISCRIMINATOR_COLUMN, DataType::Utf8, false),
        Field::new(VERSION_COLUMN, DataType::Utf8, false),
        Field::new(VERSION_ORDER_COLUMN, DataType::Int32, false),
        Field::new(SOURCE_COLUMN, DataType::Utf8, false),
        Field::new(INGESTED_COLUMN, time_type(), false),
    ];
    fields.extend(parameters.into_iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)));
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(value: Value) -> Result<ObservationModel, Problem> {
        ObservationModel::of(value.as_object().expect("an object"))
    }

    #[test]
    fn a_declaration_is_read_with_its_defaults() {
        let declared = json!({"nilometer:parameters": [{"name": "wse", "unit": "m", "datum": "EGM2008"}, {"name": "q", "type": "integer"}]});
        let model = model(declared).expect("valid");
        assert_eq!(model.key, ObservationKey::Time);
        assert!(model.parameter("wse").expect("declared").keeps_latest());
        assert!(!model.parameter("q").expect("declared").keeps_latest());
    }

    #[test]
    fn what_cannot_be_a_parameter_is_refused_with_its_place() {
        for (parameters, pointer) in [
            (json!({}), "/nilometer:parameters"),
            (json!([{"title": "x"}]), "/nilometer:parameters/0"),
            (json!([{"name": "a"}, {"name": "a"}]), "/nilometer:parameters/1"),
            (json!([{"name": "feature_id"}]), "/nilometer:parameters/0/name"),
            (json!([{"name": "a b"}]), "/nilometer:parameters/0/name"),
            (json!([{"name": "a", "type": "date"}]), "/nilometer:parameters/0"),
        ] {
            let problem = model(json!({"nilometer:parameters": parameters})).expect_err("refused");
            assert_eq!(problem.parameter.as_deref(), Some(pointer));
        }
        assert!(model(json!({"nilometer:observation_key": "day"})).is_err());
    }
}
