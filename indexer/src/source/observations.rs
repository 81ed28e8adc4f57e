//! Observations on their way from a source: rows of one collection, gathered in columns.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayBuilder as _, ArrayRef, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use nilometer_schemas::observation::{OWN_COLUMNS, check_name, observation_schema};
use nilometer_schemas::{CollectionId, Instant, Parameter, ParameterType, Problem};

/// Rows after which a builder is worth emptying: see [`ObservationBuilder::is_full`].
const ROWS_FULL: usize = 100_000;

/// Observations of one collection.
#[derive(Clone, Debug)]
pub struct Observations {
    /// The collection, whose items are the features.
    pub collection: CollectionId,
    /// Rows with the columns of [`observation_schema`], in any order. Keys need not be unique: of rows that are the
    /// same in feature, time, discriminator and version the last one counts.
    pub rows: RecordBatch,
    /// What the source declares of its parameters. Where the collection declares another unit or datum, the rows are
    /// refused; parameters that it does not declare yet are added to it. Empty where the source says nothing.
    pub declared: Vec<Parameter>,
}

enum Values {
    Number(Float64Builder),
    Integer(Int64Builder),
    Text(StringBuilder),
}

/// What tells one observation from others; see [`nilometer_schemas::observation`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Key<'a> {
    /// The feature's item id.
    pub feature: &'a str,
    /// When.
    pub time: Instant,
    /// Tells apart what shares feature and time; empty if nothing does.
    pub discriminator: &'a str,
    /// Version of the product, or empty.
    pub version: &'a str,
    /// The larger one replaces the smaller in answers.
    pub version_order: i32,
}

/// Gathers observations row by row: [`ObservationBuilder::row`], then a value for each parameter that has one.
pub struct ObservationBuilder {
    collection: CollectionId,
    source: String,
    parameters: Vec<(String, ParameterType)>,
    features: StringBuilder,
    times: TimestampMicrosecondBuilder,
    discriminators: StringBuilder,
    versions: StringBuilder,
    orders: Int32Builder,
    values: Vec<Values>,
    declared: Vec<Parameter>,
    rows: usize,
}

impl ObservationBuilder {
    /// A builder for rows with these parameters, read from a file or product of this name.
    ///
    /// # Errors
    /// `Invalid` for a collection's id or a parameter's name that cannot be one, or two parameters of one name.
    pub fn new(collection: &str, source: &str, parameters: Vec<(String, ParameterType)>) -> Result<Self, Problem> {
        for (at, (name, _)) in parameters.iter().enumerate() {
            check_name(name).map_err(|detail| Problem::invalid("parameter", detail))?;
            if parameters[..at].iter().any(|(other, _)| other == name) {
                return Err(Problem::invalid("parameter", format!("there are two parameters {name:?}")));
            }
        }
        let values = parameters
            .iter()
            .map(|(_, kind)| match kind {
                ParameterType::Number => Values::Number(Float64Builder::new()),
                ParameterType::Integer => Values::Integer(Int64Builder::new()),
                ParameterType::Text => Values::Text(StringBuilder::new()),
            })
            .collect();
        Ok(Self {
            collection: CollectionId::new(collection)?,
            source: source.to_owned(),
            parameters,
            features: StringBuilder::new(),
            times: TimestampMicrosecondBuilder::new(),
            discriminators: StringBuilder::new(),
            versions: StringBuilder::new(),
            orders: Int32Builder::new(),
            values,
            declared: Vec::new(),
            rows: 0,
        })
    }

    /// Says what the source declares of its parameters.
    pub fn declaring(self, declared: Vec<Parameter>) -> Self {
        Self { declared, ..self }
    }

    /// Begins a row; what is not set before the next one is null.
    pub fn row(&mut self, key: Key<'_>) {
        self.fill();
        self.features.append_value(key.feature);
        self.times.append_value(key.time.0);
        self.discriminators.append_value(key.discriminator);
        self.versions.append_value(key.version);
        self.orders.append_value(key.version_order);
        self.rows += 1;
    }

    /// Gives the row just ended a null for every parameter that was not set.
    fn fill(&mut self) {
        for values in &mut self.values {
            match values {
                Values::Number(b) => (b.len()..self.rows).for_each(|_| b.append_null()),
                Values::Integer(b) => (b.len()..self.rows).for_each(|_| b.append_null()),
                Values::Text(b) => (b.len()..self.rows).for_each(|_| b.append_null()),
            }
        }
    }

    /// Sets the row's value of a parameter, by position, whose type is number. At most once a row; values that are
    /// not finite are left out.
    ///
    /// # Panics
    /// When the parameter is of another type: a mistake of the source's author.
    pub fn number(&mut self, parameter: usize, value: f64) {
        match &mut self.values[parameter] {
            Values::Number(b) if value.is_finite() => b.append_value(value),
            Values::Number(_) => {}
            _ => panic!("parameter {parameter} is no number"),
        }
    }

    /// As [`ObservationBuilder::number`], for whole numbers.
    ///
    /// # Panics
    /// As there.
    pub fn integer(&mut self, parameter: usize, value: i64) {
        match &mut self.values[parameter] {
            Values::Integer(b) => b.append_value(value),
            _ => panic!("parameter {parameter} is no whole number"),
        }
    }

    /// As [`ObservationBuilder::number`], for texts.
    ///
    /// # Panics
    /// As there.
    pub fn text(&mut self, parameter: usize, value: &str) {
        match &mut self.values[parameter] {
            Values::Text(b) => b.append_value(value),
            _ => panic!("parameter {parameter} is no text"),
        }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether there are so many that they should be passed on.
    pub fn is_full(&self) -> bool {
        self.rows >= ROWS_FULL
    }

    /// Takes the rows out; the builder is empty afterwards and can go on.
    pub fn take(&mut self) -> Observations {
        self.fill();
        let rows = std::mem::take(&mut self.rows);
        let same = |text: &str| {
            let mut builder = StringBuilder::new();
            (0..rows).for_each(|_| builder.append_value(text));
            Arc::new(builder.finish()) as ArrayRef
        };
        let utc = |mut b: TimestampMicrosecondBuilder| Arc::new(b.finish().with_timezone("UTC")) as ArrayRef;
        let mut ingested = TimestampMicrosecondBuilder::new();
        // The writer sets it.
        ingested.append_slice(&vec![0; rows]);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.features.finish()),
            utc(std::mem::take(&mut self.times)),
            Arc::new(self.discriminators.finish()),
            Arc::new(self.versions.finish()),
            Arc::new(self.orders.finish()),
            same(&self.source),
            utc(ingested),
        ];
        for values in &mut self.values {
            columns.push(match values {
                Values::Number(b) => Arc::new(b.finish()),
                Values::Integer(b) => Arc::new(b.finish()),
                Values::Text(b) => Arc::new(b.finish()),
            });
        }
        let schema = observation_schema(self.parameters.iter().map(|(name, kind)| (name.as_str(), *kind)));
        let rows = RecordBatch::try_new(schema, columns).expect("every column has one entry for each row");
        Observations { collection: self.collection.clone(), rows, declared: self.declared.clone() }
    }

    /// As [`ObservationBuilder::take`], without the parameters of which no row has a value: the source does not tell
    /// them, so that they leave alone what is stored.
    pub fn take_told(&mut self) -> Observations {
        let all = self.take();
        let schema = all.rows.schema();
        let told = |at: &usize| {
            let is_own = OWN_COLUMNS.contains(&schema.field(*at).name().as_str());
            is_own || all.rows.column(*at).null_count() < all.rows.num_rows()
        };
        let told: Vec<usize> = (0..schema.fields().len()).filter(told).collect();
        let rows = all.rows.project(&told).expect("the places are those of its own columns");
        Observations { rows, ..all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::Float64Type;

    #[test]
    fn what_is_not_set_is_null_and_a_builder_goes_on_after_it_was_emptied() {
        let parameters =
            vec![("wse".to_owned(), ParameterType::Number), ("quality".to_owned(), ParameterType::Integer)];
        let mut builder = ObservationBuilder::new("gauges", "a.csv", parameters).unwrap();
        builder.row(Key { feature: "a", time: Instant(1), ..Key::default() });
        builder.number(0, 1.5);
        builder.row(Key { feature: "a", time: Instant(2), ..Key::default() });
        builder.integer(1, 7);
        builder.row(Key { feature: "b", time: Instant(2), ..Key::default() });
        builder.number(0, f64::NAN);
        let first = builder.take().rows;
        assert_eq!(first.num_rows(), 3);
        let wse = first["wse"].as_primitive::<Float64Type>();
        assert_eq!((wse.value(0), wse.null_count()), (1.5, 2));
        assert_eq!(first["quality"].null_count(), 2);
        assert!(builder.is_empty());
        builder.row(Key { feature: "c", time: Instant(3), ..Key::default() });
        assert_eq!(builder.take().rows.num_rows(), 1);
    }

    #[test]
    fn names_that_cannot_be_parameters_are_refused() {
        for names in [&["a", "a"][..], &["feature_id"], &[""]] {
            let parameters = names.iter().map(|n| ((*n).to_owned(), ParameterType::Text)).collect();
            assert!(ObservationBuilder::new("c", "s", parameters).is_err());
        }
    }
}
