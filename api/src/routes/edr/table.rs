//! The rows of an answer: the same columns in every format, with what is known of each in its metadata.
//!
//! `feature_id`, `phenomenon_time`, then `discriminator` and `version` where single observations are asked for, then
//! `distance_m` where a position is, then the values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use nilometer_query::series::{Method, SeriesColumn};
use nilometer_schemas::Instant;
use nilometer_schemas::observation::{DISCRIMINATOR_COLUMN, FEATURE_COLUMN, TIME_COLUMN, VERSION_COLUMN, time_type};

use super::times::Times;
use crate::problem::ApiError;

/// How far the feature lies from the position asked for, metres.
pub(super) const DISTANCE_COLUMN: &str = "distance_m";
/// Columns before the values that are taken over as they are.
const KEY_COLUMNS: [&str; 4] = [FEATURE_COLUMN, TIME_COLUMN, DISCRIMINATOR_COLUMN, VERSION_COLUMN];

/// Distances of features by id, metres; empty where no position was asked for.
pub(super) type Distances = HashMap<String, f64>;

/// Where an answer's columns come from.
enum Source {
    Column(usize),
    Distance,
}

/// Makes the rows of an answer from those of a series.
pub(super) struct Table {
    schema: SchemaRef,
    sources: Vec<Source>,
    distances: Distances,
    times: Option<Times>,
}

impl Table {
    /// For a series of these columns. `times` picks among the rows where one period does not say all.
    ///
    /// # Errors
    /// `Internal` if the series lacks one of its own columns.
    pub(super) fn new(
        series: &Schema,
        columns: &[SeriesColumn],
        distances: Distances,
        times: Option<Times>,
    ) -> Result<Self, ApiError> {
        let (mut fields, mut sources) = (Vec::new(), Vec::new());
        for name in KEY_COLUMNS {
            if let Ok(at) = series.index_of(name) {
                let kind = if name == TIME_COLUMN { time_type() } else { DataType::Utf8 };
                fields.push(Field::new(name, kind, false));
                sources.push(Source::Column(at));
            }
        }
        if !distances.is_empty() {
            let metadata = HashMap::from([("unit".to_owned(), "m".to_owned())]);
            fields.push(Field::new(DISTANCE_COLUMN, DataType::Float64, true).with_metadata(metadata));
            sources.push(Source::Distance);
        }
        for column in columns {
            let at = series.index_of(&column.name).map_err(ApiError::internal)?;
            let kind = plain(series.field(at).data_type());
            fields.push(Field::new(&column.name, kind, true).with_metadata(metadata(column)));
            sources.push(Source::Column(at));
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), sources, distances, times })
    }

    /// The columns of an answer.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows of an answer from a batch of the series.
    ///
    /// # Errors
    /// `Internal` if a batch is not what its schema said.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<RecordBatch, ApiError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.sources.len());
        for (field, source) in self.schema.fields().iter().zip(&self.sources) {
            let column = match source {
                Source::Column(at) => cast(batch.column(*at), field.data_type()).map_err(ApiError::internal)?,
                Source::Distance => Arc::new(self.distances_of(columns[0].as_string())),
            };
            columns.push(column);
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(ApiError::internal)?;
        let Some(times) = self.times.as_ref().filter(|times| !times.is_one_period()) else { return Ok(rows) };
        let moments = rows.column(1).as_primitive::<TimestampMicrosecondType>();
        let wanted: BooleanArray = moments.values().iter().map(|us| Some(times.contains(Instant(*us)))).collect();
        filter_record_batch(&rows, &wanted).map_err(ApiError::internal)
    }

    fn distances_of(&self, features: &StringArray) -> Float64Array {
        features.iter().map(|id| self.distances.get(id?).copied()).collect()
    }
}

/// The type of a column of values in an answer: one that every format has.
fn plain(kind: &DataType) -> DataType {
    match kind {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        kind if kind.is_integer() => DataType::Int64,
        _ => DataType::Utf8,
    }
}

/// What is known of a column, by names that say themselves.
fn metadata(column: &SeriesColumn) -> HashMap<String, String> {
    let parameter = &column.parameter;
    let unit = if counts(column) { Some("1") } else { parameter.unit.as_deref() };
    // What a number of values does not take over.
    let own = |text: &'_ Option<String>| text.clone().filter(|_| !counts(column));
    let (standard_name, datum) = (own(&parameter.standard_name), own(&parameter.datum));
    let known = [
        ("title", parameter.title.as_deref()),
        ("description", parameter.description.as_deref()),
        ("standard_name", standard_name.as_deref()),
        ("unit", unit),
        ("datum", datum.as_deref()),
        ("method", column.method.map(Method::as_str).or(parameter.method.as_deref())),
        ("period", parameter.period.as_deref()),
        ("quality", parameter.quality.as_deref()),
        ("uncertainty", parameter.uncertainty.as_deref()),
        ("parameter", column.method.is_some().then_some(parameter.name.as_str())),
    ];
    known.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.to_owned()))).collect()
}

/// Whether a column says how many values there are.
pub(super) fn counts(column: &SeriesColumn) -> bool {
    column.method == Some(Method::Count)
}

/// The cells of one column of values.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    Numbers(&'a Float64Array),
    Integers(&'a Int64Array),
    Texts(&'a StringArray),
}

/// One cell; numbers are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Number(f64),
    Integer(i64),
    Text(&'a str),
}

impl<'a> Cells<'a> {
    fn of(column: &'a ArrayRef) -> Self {
        match column.data_type() {
            DataType::Float64 => Self::Numbers(column.as_primitive::<Float64Type>()),
            DataType::Int64 => Self::Integers(column.as_primitive::<Int64Type>()),
            _ => Self::Texts(column.as_string()),
        }
    }

    /// The cell of a row.
    pub(super) fn at(self, row: usize) -> Cell<'a> {
        match self {
            Self::Numbers(cells) if cells.is_valid(row) && cells.value(row).is_finite() => {
                Cell::Number(cells.value(row))
            }
            Self::Integers(cells) if cells.is_valid(row) => Cell::Integer(cells.value(row)),
            Self::Texts(cells) if cells.is_valid(row) => Cell::Text(cells.value(row)),
            _ => Cell::Missing,
        }
    }
}

/// The columns of a batch of an answer.
pub(super) struct Rows<'a> {
    pub(super) count: usize,
    pub(super) features: &'a StringArray,
    times: &'a TimestampMicrosecondArray,
    discriminators: Option<&'a StringArray>,
    versions: Option<&'a StringArray>,
    distances: Option<&'a Float64Array>,
    /// Values, in the order of the answer's columns.
    pub(super) values: Vec<Cells<'a>>,
}

impl<'a> Rows<'a> {
    /// Reads a batch that [`Table::rows`] made, with so many columns of values.
    pub(super) fn of(batch: &'a RecordBatch, values: usize) -> Self {
        let named = |name: &str| batch.column_by_name(name);
        let first = batch.num_columns() - values;
        let distances =
            named(DISTANCE_COLUMN).filter(|_| batch.schema_ref().index_of(DISTANCE_COLUMN).is_ok_and(|at| at < first));
        Self {
            count: batch.num_rows(),
            features: batch.column(0).as_string(),
            times: batch.column(1).as_primitive(),
            discriminators: named(DISCRIMINATOR_COLUMN).map(|column| column.as_string()),
            versions: named(VERSION_COLUMN).map(|column| column.as_string()),
            distances: distances.map(|column| column.as_primitive()),
            values: batch.columns()[first..].iter().map(Cells::of).collect(),
        }
    }

    /// When.
    pub(super) fn time(&self, row: usize) -> Instant {
        Instant(self.times.value(row))
    }

    /// The discriminator, if the answer has them; perhaps empty.
    pub(super) fn discriminator(&self, row: usize) -> Option<&'a str> {
        Some(self.discriminators?.value(row))
    }

    /// The version, if the answer has them; perhaps empty.
    pub(super) fn version(&self, row: usize) -> Option<&'a str> {
        Some(self.versions?.value(row))
    }

    /// The distance of the row's feature, if the answer has them.
    pub(super) fn distance_m(&self, row: usize) -> Option<f64> {
        self.distances.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Rows made by hand.

    use super::*;
    use nilometer_schemas::Parameter;
    use nilometer_schemas::observation::observation_schema;
    use serde_json::json;

    /// A row: feature, day of January 2024, discriminator, wse, quality, note.
    pub(in super::super) type Row<'a> = (&'a str, u32, &'a str, Option<f64>, Option<i64>, Option<&'a str>);

    /// Columns `wse` (m above EGM2008), `quality` (codes) and `note` (text).
    pub(in super::super) fn columns() -> Vec<SeriesColumn> {
        let parameters = json!([
            {"name": "wse", "title": "Water surface elevation", "title_fr": "Hauteur d'eau", "unit": "m", "datum": "EGM2008",
             "standard_name": "water_surface_height_above_reference_datum", "quality": "quality"},
            {"name": "quality", "type": "integer", "categories": {"0": "good", "1": "suspect"}},
            {"name": "note", "type": "text"},
        ]);
        let parameters: Vec<Parameter> = serde_json::from_value(parameters).expect("parameters");
        parameters.into_iter().map(|p| SeriesColumn { name: p.name.clone(), parameter: p, method: None }).collect()
    }

    /// A batch as a series has them.
    pub(in super::super) fn batch(rows: &[Row<'_>]) -> RecordBatch {
        let columns = columns();
        let schema = observation_schema(columns.iter().map(|c| (c.name.as_str(), c.parameter.kind)));
        let texts =
            |f: &dyn Fn(&Row<'_>) -> String| Arc::new(StringArray::from_iter_values(rows.iter().map(f))) as ArrayRef;
        let start = Instant::parse("2024-01-01T06:00:00Z").expect("a moment").0;
        let day = |r: &Row<'_>| start + (i64::from(r.1) - 1) * 86_400_000_000;
        let times = || {
            let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(day));
            Arc::new(times.with_timezone("UTC")) as ArrayRef
        };
        let arrays = vec![
            texts(&|r| r.0.to_owned()),
            times(),
            texts(&|r| r.2.to_owned()),
            texts(&|_| "v1".to_owned()),
            Arc::new(arrow::array::Int32Array::from(vec![1; rows.len()])),
            texts(&|_| "by hand".to_owned()),
            times(),
            Arc::new(rows.iter().map(|r| r.3).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|r| r.4).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|r| r.5).collect::<StringArray>()),
        ];
        RecordBatch::try_new(schema, arrays).expect("columns of one length")
    }

    /// The rows of an answer.
    pub(in super::super) fn rows(rows: &[Row<'_>], distances: &[(&str, f64)]) -> RecordBatch {
        let batch = batch(rows);
        let distances = distances.iter().map(|(id, m)| ((*id).to_owned(), *m)).collect();
        let table = Table::new(batch.schema_ref(), &columns(), distances, None).expect("a table");
        table.rows(&batch).expect("rows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_keys_then_the_distance_then_the_values_with_their_metadata() {
        let rows = samples::rows(
            &[("a", 1, "", Some(1.5), Some(0), None), ("b", 2, "x", None, None, Some("n"))],
            &[("a", 12.5)],
        );
        let names: Vec<&str> = rows.schema_ref().fields().iter().map(|f| f.name().as_str()).collect();
        let expected =
            ["feature_id", "phenomenon_time", "discriminator", "version", "distance_m", "wse", "quality", "note"];
        assert_eq!(names, expected);
        let wse = rows.schema_ref().field(5).metadata();
        assert_eq!((wse["unit"].as_str(), wse["datum"].as_str(), wse["quality"].as_str()), ("m", "EGM2008", "quality"));
        let read = Rows::of(&rows, 3);
        assert_eq!((read.distance_m(0), read.distance_m(1)), (Some(12.5), None));
        assert_eq!((read.values[0].at(0), read.values[0].at(1)), (Cell::Number(1.5), Cell::Missing));
        assert_eq!((read.values[1].at(0), read.values[2].at(1)), (Cell::Integer(0), Cell::Text("n")));
    }

    #[test]
    fn a_list_of_times_picks_rows() {
        let batch = samples::batch(&[
            ("a", 1, "", Some(1.0), None, None),
            ("a", 2, "", None, None, None),
            ("a", 3, "", None, None, None),
        ]);
        let times = Times::parse("2024-01-01,2024-01-03").expect("times");
        let table =
            Table::new(batch.schema_ref(), &samples::columns(), Distances::new(), Some(times)).expect("a table");
        let rows = table.rows(&batch).expect("rows");
        assert_eq!(rows.num_rows(), 2);
        assert_eq!(Rows::of(&rows, 3).time(1).to_string(), "2024-01-03T06:00:00Z");
    }
}
