//! A filter evaluated on one JSON document, for the few things that no segment holds.

use std::collections::BTreeMap;

use nilometer_indexer::geometry::{FlatGeometry, encode, normalise};
use nilometer_schemas::Instant;
use serde_json::{Map, Value};

use super::Condition;
use super::eval::Item;
use super::spatial;
use super::value::{self, Datum, Values};

/// Nesting of objects whose members have dotted names.
const NESTING_MAX: usize = 3;

/// What a filter reads of a document.
#[derive(Debug, Default)]
pub(crate) struct Document {
    values: BTreeMap<String, Vec<Datum<'static>>>,
    /// First and last moment.
    period: Option<(i64, i64)>,
    /// Flat geometry; empty without one.
    geometry: Vec<u8>,
}

impl Document {
    /// The values of an object's members, those of nested objects by dotted names.
    pub(crate) fn new(members: &Map<String, Value>) -> Self {
        let mut document = Self::default();
        members.iter().for_each(|(name, value)| document.collect(name, value, 0));
        document
    }

    fn collect(&mut self, name: &str, value: &Value, depth: usize) {
        match value {
            Value::Object(members) if depth < NESTING_MAX => {
                members.iter().for_each(|(member, value)| self.collect(&format!("{name}.{member}"), value, depth + 1));
            }
            Value::Array(values) => values.iter().for_each(|value| self.add(name, value)),
            value => self.add(name, value),
        }
    }

    /// Adds a value of a property; what is no text, number or truth value is left out.
    pub(crate) fn add(&mut self, name: &str, value: &Value) {
        let datum = match value {
            Value::String(text) => Datum::Text(text.clone().into()),
            Value::Bool(truth) => Datum::Bool(*truth),
            Value::Number(number) => Datum::Number(number.as_f64().unwrap_or(f64::NAN)),
            _ => return,
        };
        self.values.entry(name.to_owned()).or_default().push(datum);
    }

    /// Sets the period, of which either end may be open, with `start_datetime` and `end_datetime`.
    pub(crate) fn set_period(&mut self, start: Option<Instant>, end: Option<Instant>) {
        self.period = Some((start.map_or(i64::MIN, |t| t.0), end.map_or(i64::MAX, |t| t.0)));
        for (name, end) in [("start_datetime", start), ("end_datetime", end)] {
            self.values.insert(name.to_owned(), end.map(|t| Datum::Time(t.0)).into_iter().collect());
        }
    }

    pub(crate) fn set_geometry(&mut self, geometry: &geo::Geometry<f64>) {
        self.geometry = encode(&normalise(geometry, None));
    }

    pub(crate) fn period(&self) -> Option<(i64, i64)> {
        self.period
    }

    pub(crate) fn geometry(&self) -> Option<FlatGeometry<'_>> {
        if self.geometry.is_empty() { None } else { FlatGeometry::decode(&self.geometry) }
    }

    /// All properties with their values, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &[Datum<'static>])> {
        self.values.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The values of a property.
    pub(crate) fn values(&self, name: &str) -> &[Datum<'static>] {
        self.values.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether it has a value, or an object with values.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_within = |own: &str| own.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.values.iter().any(|(own, values)| is_within(own) && !values.is_empty())
    }
}

/// A document with the names that a leaf reads.
struct Named<'d> {
    document: &'d Document,
    names: &'d [String],
}

impl<'d> Item<'d> for Named<'d> {
    fn property(&self, at: usize) -> Values<Datum<'d>> {
        Values::of_list(self.document.values(&self.names[at]).to_vec())
    }

    fn time(&self) -> Option<(i64, i64)> {
        self.document.period
    }

    fn distance_km(&self, position: [f64; 2]) -> Option<f64> {
        spatial::distance_of(&self.document.geometry()?, position)
    }
}

impl Condition {
    /// Whether the condition is true of a document; `None` is unknown.
    pub(crate) fn of_document(&self, document: &Document) -> Option<bool> {
        match self {
            Self::And(all) => value::all(all.iter().map(|c| c.of_document(document))),
            Self::Or(any) => value::any(any.iter().map(|c| c.of_document(document))),
            Self::Not(inner) => inner.of_document(document).map(|truth| !truth),
            Self::Property(name, test, _) => value::one_of(document.values(name).iter().map(|value| test.of(value))),
            Self::IsNull(name) if name == "geometry" => Some(document.geometry.is_empty()),
            Self::IsNull(name) => Some(!document.has(name)),
            Self::Intersects(geometry) => document.geometry().map(|flat| geometry.intersects(&flat)),
            Self::Relation(relation) => relation.of_flat(&document.geometry()?),
            Self::Around(around) => around.of_flat(&document.geometry()?),
            Self::WithGeometry(truth) => document.geometry().map(|_| *truth),
            Self::Each(leaf, _) => leaf.truth(&Named { document, names: &leaf.names }),
            Self::Const(truth) => *truth,
        }
    }
}
