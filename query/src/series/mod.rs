//! Series: the observations of features, as they are or as statistics of calendar steps.
//!
//! A [`SeriesQuery`] is bound to a snapshot and a scope by [`series`], which answers with a stream of batches, ordered
//! by feature and time, that holds a few thousand rows at a time whatever the answer's size. Dropping the stream ends
//! the work.

mod answer;
mod chunk;
mod step;

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use nilometer_indexer::Snapshot;
use nilometer_schemas::{
    CollectionId, Instant, Kind, ObservationKey, ObservationModel, Parameter, ParameterType, Problem, Scope,
    TimeInterval,
};

pub use step::{Method, Step, StepUnit};

/// Which versions of an observation are answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// The newest of each.
    #[default]
    Latest,
    /// All, one row each.
    All,
    /// Those of one version only.
    Only(String),
}

/// Statistics of calendar steps in place of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resample {
    /// The step, in UTC.
    pub step: Step,
    /// The statistics, at least one; each becomes a column of each parameter.
    pub methods: Vec<Method>,
}

/// Whose observations, of when, which parameters, how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    /// The collection.
    pub collection: CollectionId,
    /// Ids of features, in any order; `None` for all that have observations.
    pub features: Option<Vec<String>>,
    /// Both ends included.
    pub period: Option<TimeInterval>,
    /// Names of parameters in the order wanted; empty for all.
    pub parameters: Vec<String>,
    /// Which versions.
    pub versions: Versions,
    /// Statistics in place of values.
    pub resample: Option<Resample>,
}

/// One column of values in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesColumn {
    /// Name in the answer: the parameter's, or `mean_discharge_P1D` for a statistic.
    pub name: String,
    /// The parameter behind it.
    pub parameter: Parameter,
    /// The statistic, if it is one.
    pub method: Option<Method>,
}

impl SeriesColumn {
    fn plain(parameter: Parameter) -> Self {
        Self { name: parameter.name.clone(), parameter, method: None }
    }
}

/// Batches of an answer.
pub type BatchStream = Pin<Box<dyn futures_util::Stream<Item = Result<RecordBatch, Problem>> + Send>>;

/// The answer to a [`SeriesQuery`].
pub struct Series {
    /// Columns of every batch: `feature_id`, `phenomenon_time`, then, where no statistics are asked for,
    /// `discriminator`, `version`, `version_order`, `source` and `ingested`, then [`Series::columns`]. With statistics,
    /// `phenomenon_time` is the begin of the step, and each parameter has a column `count_NAME_STEP` (whole numbers)
    /// that says how many values the others rest on. Steps without any value are left out.
    pub schema: SchemaRef,
    /// The columns of values, in order.
    pub columns: Vec<SeriesColumn>,
    /// Rows by feature, time and discriminator.
    pub batches: BatchStream,
}

/// What is known at once of a feature's observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Number of observations, the newest version of each.
    pub count: u64,
    /// Times of the first and the last.
    pub span: (Instant, Instant),
    /// By parameter that keeps its latest value: number of values, and the last with its time.
    pub latest: Vec<Latest>,
}

/// The latest value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// Name of the parameter.
    pub parameter: String,
    /// Number of values that are not null.
    pub count: u64,
    /// Times of the first and the last of them.
    pub span: (Instant, Instant),
    /// The last value.
    pub value: f64,
}

/// Answers a query.
///
/// # Errors
/// `NotFound` for a collection that the scope does not see; `Invalid` for a parameter that the collection has not, or
/// a statistic of texts.
pub fn series(snapshot: &Snapshot, query: &SeriesQuery, scope: Scope) -> Result<Series, Problem> {
    let id = query.collection.as_str();
    if snapshot.collection(id, scope).is_none() {
        return Err(Problem::new(Kind::NotFound, "collection-not-found", format!("there is no collection {id:?}")));
    }
    let known = parameters(snapshot, id, scope);
    let wanted = wanted(&known, &query.parameters, id)?;
    let Some(table) = snapshot.series(id, scope) else {
        let schema = answer::raw_schema(&wanted);
        let columns = wanted.into_iter().map(SeriesColumn::plain).collect();
        return Ok(Series { schema, columns, batches: Box::pin(futures_util::stream::empty()) });
    };
    match &query.resample {
        None => Ok(answer::raw(table, query, wanted)),
        Some(resample) => answer::resampled(table, query, wanted, resample),
    }
}

/// The parameters that a query names, in its order; all of them if it names none.
fn wanted(known: &[Parameter], names: &[String], collection: &str) -> Result<Vec<Parameter>, Problem> {
    if names.is_empty() {
        return Ok(known.to_vec());
    }
    let mut wanted: Vec<Parameter> = Vec::with_capacity(names.len());
    for name in names {
        let Some(parameter) = known.iter().find(|p| p.name == *name) else {
            let all: Vec<&str> = known.iter().map(|p| p.name.as_str()).collect();
            let detail = format!("the collection {collection:?} has no parameter {name:?}");
            return Err(Problem::invalid("parameter-name", detail).at("parameter-name").allowed(all.join(", ")));
        };
        if !wanted.iter().any(|w| w.name == *name) {
            wanted.push(parameter.clone());
        }
    }
    Ok(wanted)
}

/// The parameters of a collection's observations: those declared that have values, then those of its table that are
/// not declared; empty for a collection without observations, or one that the scope does not see.
pub fn parameters(snapshot: &Snapshot, collection: &str, scope: Scope) -> Vec<Parameter> {
    let Some(table) = snapshot.series(collection, scope) else { return Vec::new() };
    let present: Vec<(&str, ParameterType)> = table.parameters().collect();
    let declared = table.model().parameters.iter();
    // The column's type counts: it is what answers hold.
    let declared = declared.filter_map(|p| {
        let (_, kind) = present.iter().find(|(name, _)| *name == p.name)?;
        Some(Parameter { kind: *kind, ..p.clone() })
    });
    let undeclared = present.iter().filter(|(name, _)| table.model().parameter(name).is_none());
    declared.chain(undeclared.map(|(name, kind)| Parameter::undeclared(name, *kind))).collect()
}

/// The parameters that a collection declares, whether they have values or not, then those of its table that it does
/// not declare; empty for a collection that the scope does not see.
pub fn declared(snapshot: &Snapshot, collection: &str, scope: Scope) -> Vec<Parameter> {
    let Some(stored) = snapshot.collection(collection, scope) else { return Vec::new() };
    let mut declared = ObservationModel::of_collection(&stored.collection).parameters;
    for known in parameters(snapshot, collection, scope) {
        if !declared.iter().any(|p| p.name == known.name) {
            declared.push(known);
        }
    }
    declared
}

/// What is known at once of a feature's observations; `None` if there are none, or the scope does not see them.
pub fn summary(snapshot: &Snapshot, collection: &str, feature: &str, scope: Scope) -> Option<Summary> {
    let summaries = snapshot.series(collection, scope)?.summaries().ok()?;
    let known = summaries.get(feature)?;
    let latest = summaries.parameters().iter().zip(&known.latest).filter(|(_, l)| l.count > 0).map(|(name, l)| {
        Latest { parameter: name.clone(), count: l.count, span: (Instant(l.first), Instant(l.last)), value: l.value }
    });
    Some(Summary { count: known.count, span: (Instant(known.first), Instant(known.last)), latest: latest.collect() })
}

/// Those of some features that may have a value of one of these parameters, in the same order. Features known to have
/// none are left out, except where a pass that saw nothing is an observation too.
pub fn with_values(
    snapshot: &Snapshot,
    collection: &str,
    features: Vec<String>,
    parameters: &[String],
    scope: Scope,
) -> Vec<String> {
    let Some(table) = snapshot.series(collection, scope) else { return features };
    let Ok(summaries) = table.summaries() else { return features };
    let kept = summaries.parameters();
    let at: Option<Vec<usize>> = parameters.iter().map(|name| kept.iter().position(|k| k == name)).collect();
    let Some(at) = at.filter(|at| !at.is_empty() && table.model().key == ObservationKey::Time) else { return features };
    let has = |id: &String| summaries.get(id).is_some_and(|known| at.iter().any(|at| known.latest[*at].count > 0));
    features.into_iter().filter(has).collect()
}
