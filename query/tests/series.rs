//! Series against a plain map: random batches, versions, merges, crashes and reopenings, then every way of asking,
//! each answered by the store and by a slow reading of the map.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/copy.rs"]
mod copy;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use common::memory_dir;
use copy::copy_folder;
use futures_util::StreamExt;
use nilometer_indexer::source::{Key, ObservationBuilder};
use nilometer_indexer::{Catalog, CatalogOptions, Clock, Outcome, Precondition, Write};
use nilometer_query::series::{Method, Resample, SeriesQuery, Step, Versions, parameters, series, summary};
use nilometer_schemas::{
    Collection, CollectionId, Comparison, Filter, Instant, ItemId, ParameterType, Role, Scalar, Scope, Search,
    TimeInterval,
};
use proptest::prelude::*;
use serde_json::json;

const HOUR: i64 = 3_600_000_000;
const COLLECTIONS: [(&str, &str); 2] = [("gauges", "time"), ("reaches", "pass")];
const PARAMETERS: [(&str, ParameterType); 3] =
    [("wse", ParameterType::Number), ("quality", ParameterType::Integer), ("note", ParameterType::Text)];

fn operator() -> Scope {
    Scope::of(Role::Operator)
}

/// A value of one of the parameters; whole numbers, so that sums do not depend on their order.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Integer(i64),
    Text(String),
}

/// Feature, hour, discriminator, version.
type RowKey = (String, i64, String, String);
type Values = BTreeMap<usize, Option<Value>>;

/// Feature, hour, discriminator, version, and a value for each column.
type BatchRow = (u8, i64, u8, u8, Vec<Option<i8>>);

#[derive(Clone, Debug)]
struct Batch {
    collection: usize,
    /// The parameters that the batch has columns of.
    columns: Vec<usize>,
    rows: Vec<BatchRow>,
}

#[derive(Clone, Debug)]
enum Action {
    Put(Batch),
    DeleteCollection(usize),
    Compact,
    Reopen,
    Crash,
    Reindex,
}

fn batch() -> impl Strategy<Value = Batch> {
    let columns = prop::sample::subsequence(vec![0, 1, 2], 1..=3);
    (0..COLLECTIONS.len(), columns).prop_flat_map(|(collection, columns)| {
        let values = prop::collection::vec(prop::option::of(any::<i8>()), columns.len());
        let row = (0u8..5, 0i64..60, 0u8..3, 0u8..3, values);
        prop::collection::vec(row, 1..30).prop_map(move |rows| Batch { collection, columns: columns.clone(), rows })
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        16 => batch().prop_map(Action::Put),
        1 => (0..COLLECTIONS.len()).prop_map(Action::DeleteCollection),
        1 => Just(Action::Compact),
        1 => Just(Action::Reopen),
        1 => Just(Action::Crash),
        1 => Just(Action::Reindex),
    ]
}

/// What a feature's hour, discriminator and version are in the store. Hours lie days apart, so that steps have few rows.
fn key_of(batch: &Batch, row: &BatchRow) -> RowKey {
    let pass = COLLECTIONS[batch.collection].1 == "pass";
    // A pass is known by its discriminator, and a later version moves its time a little.
    let (hour, discriminator) = if pass {
        (row.1 / 4 * 4, format!("{:03}", row.1 / 4))
    } else {
        (row.1, ["", "a", "b"][row.2 as usize].into())
    };
    (format!("f{}", row.0), hour, discriminator, ["", "v1", "v2"][row.3 as usize].into())
}

fn time_of(collection: usize, key: &RowKey) -> i64 {
    let moved = if COLLECTIONS[collection].1 == "pass" { key.3.len() as i64 * 60_000_000 } else { 0 };
    key.1 * 31 * HOUR + moved
}

fn value_of(parameter: usize, value: i8) -> Value {
    match PARAMETERS[parameter].1 {
        ParameterType::Number => Value::Number(f64::from(value)),
        ParameterType::Integer => Value::Integer(i64::from(value)),
        ParameterType::Text => Value::Text(value.to_string()),
    }
}

fn observations(batch: &Batch) -> Write {
    let parameters = batch.columns.iter().map(|at| (PARAMETERS[*at].0.to_owned(), PARAMETERS[*at].1)).collect();
    let mut builder = ObservationBuilder::new(COLLECTIONS[batch.collection].0, "test", parameters).unwrap();
    for row in &batch.rows {
        let key = key_of(batch, row);
        let version_order = i32::from(row.3);
        builder.row(Key {
            feature: &key.0,
            time: Instant(time_of(batch.collection, &key)),
            discriminator: &key.2,
            version: &key.3,
            version_order,
        });
        for (column, value) in row.4.iter().enumerate() {
            match value.map(|v| value_of(batch.columns[column], v)) {
                Some(Value::Number(v)) => builder.number(column, v),
                Some(Value::Integer(v)) => builder.integer(column, v),
                Some(Value::Text(v)) => builder.text(column, &v),
                None => {}
            }
        }
    }
    Write::PutObservations(Box::new(builder.take()))
}

fn collection((id, key): (&str, &str)) -> Write {
    let value = json!({"type": "Collection", "id": id, "description": id, "license": "other",
        "nilometer:observation_key": key,
        "nilometer:parameters": [{"name": "wse", "unit": "m"}, {"name": "quality", "type": "integer", "latest": true}]});
    Write::PutCollection(Box::new(Collection::from_value(value).unwrap()), Precondition::None)
}

fn clock() -> Clock {
    let now = Arc::new(AtomicI64::new(1_000));
    Arc::new(move || Instant(now.fetch_add(1_000, Ordering::Relaxed)))
}

fn options() -> CatalogOptions {
    CatalogOptions { writer_memory_bytes: 15_000_000, log_file_bytes: 4_000, ..CatalogOptions::default() }
}

struct World {
    dir: tempfile::TempDir,
    catalog: Option<Arc<Catalog>>,
    clock: Clock,
    /// By collection, all versions.
    model: Vec<BTreeMap<RowKey, Values>>,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let (dir, clock) = (memory_dir(), clock());
        let catalog = Catalog::open(dir.path(), options(), clock.clone()).unwrap();
        catalog.write(COLLECTIONS.map(collection).into()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        Self { dir, catalog: Some(catalog), clock, model: vec![BTreeMap::new(); COLLECTIONS.len()], runtime }
    }

    fn catalog(&self) -> &Arc<Catalog> {
        self.catalog.as_ref().unwrap()
    }

    fn put(&mut self, batch: &Batch) {
        let outcome = self.catalog().write(vec![observations(batch)]).unwrap().remove(0);
        let model = &mut self.model[batch.collection];
        let (mut added, mut replaced, mut unchanged) = (0, 0, 0);
        // Of rows with one key the last counts.
        let mut given: BTreeMap<RowKey, Values> = BTreeMap::new();
        for row in &batch.rows {
            let values: Values =
                batch.columns.iter().zip(&row.4).map(|(at, v)| (*at, v.map(|v| value_of(*at, v)))).collect();
            match given.insert(key_of(batch, row), values.clone()) {
                Some(before) if before == values => unchanged += 1,
                Some(_) => replaced += 1,
                None => {}
            }
        }
        for (key, values) in given {
            match model.get_mut(&key) {
                None => {
                    added += 1;
                    model.insert(key, values);
                }
                Some(known) => {
                    let same = values.iter().all(|(at, v)| known.get(at).cloned().flatten() == *v);
                    if same {
                        unchanged += 1
                    } else {
                        replaced += 1
                    }
                    known.extend(values);
                }
            }
        }
        assert_eq!(outcome, Outcome::Observed { added, replaced, unchanged });
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Put(batch) => self.put(batch),
            Action::DeleteCollection(at) => {
                let id = CollectionId::new(COLLECTIONS[*at].0).unwrap();
                let writes = vec![Write::DeleteCollection(id, Precondition::None), collection(COLLECTIONS[*at])];
                self.catalog().write(writes).unwrap();
                self.model[*at].clear();
            }
            Action::Compact => self.catalog().compact().unwrap(),
            Action::Reopen => {
                self.catalog = None;
                self.catalog = Some(Catalog::open(self.dir.path(), options(), self.clock.clone()).unwrap());
            }
            Action::Crash => {
                let image = memory_dir();
                copy_folder(self.dir.path(), image.path()).unwrap();
                self.catalog = None;
                self.dir = image;
                self.catalog = Some(Catalog::open(self.dir.path(), options(), self.clock.clone()).unwrap());
            }
            Action::Reindex => {
                self.catalog = None;
                Catalog::reindex(self.dir.path(), options(), self.clock.clone(), &mut |_| ()).unwrap();
                self.catalog = Some(Catalog::open(self.dir.path(), options(), self.clock.clone()).unwrap());
            }
        }
    }

    fn ask(&self, query: &SeriesQuery) -> RecordBatch {
        let snapshot = self.catalog().snapshot();
        let answer = series(&snapshot, query, operator()).unwrap();
        let batches: Vec<RecordBatch> = self.runtime.block_on(answer.batches.map(|b| b.unwrap()).collect());
        arrow::compute::concat_batches(&answer.schema, &batches).unwrap()
    }

    /// The rows of a collection that a query means, by the slow way.
    fn expected(&self, at: usize, query: &SeriesQuery) -> Vec<(RowKey, Values)> {
        let pass = COLLECTIONS[at].1 == "pass";
        let mut newest: HashMap<(String, i64, String), RowKey> = HashMap::new();
        for key in self.model[at].keys() {
            let observation = (key.0.clone(), if pass { 0 } else { key.1 }, key.2.clone());
            let held = newest.entry(observation).or_insert_with(|| key.clone());
            if key.3 > held.3 {
                *held = key.clone();
            }
        }
        let newest: BTreeSet<RowKey> = newest.into_values().collect();
        let within = |time: i64| {
            query.period.is_none_or(|p| p.start.is_none_or(|s| time >= s.0) && p.end.is_none_or(|e| time <= e.0))
        };
        let mut rows: Vec<(RowKey, Values)> = self.model[at]
            .iter()
            .filter(|(key, _)| query.features.as_ref().is_none_or(|f| f.contains(&key.0)))
            .filter(|(key, _)| within(time_of(at, key)))
            .filter(|(key, _)| match &query.versions {
                Versions::Latest => newest.contains(*key),
                Versions::All => true,
                Versions::Only(version) => key.3 == *version,
            })
            .map(|(key, values)| (key.clone(), values.clone()))
            .collect();
        rows.sort_by_key(|(key, _)| (key.0.clone(), time_of(at, key), key.2.clone(), key.3.clone()));
        rows
    }

    fn check_rows(&self, at: usize, query: &SeriesQuery) {
        let answer = self.ask(query);
        let expected = self.expected(at, query);
        let keys: Vec<(RowKey, i64)> =
            (0..answer.num_rows()).map(|row| (key_at(&answer, row), time_at(&answer, row))).collect();
        let wanted: Vec<(RowKey, i64)> = expected
            .iter()
            .map(|(key, _)| ((key.0.clone(), time_of(at, key), key.2.clone(), key.3.clone()), time_of(at, key)))
            .collect();
        assert_eq!(keys, wanted, "{query:?}");
        for (row, (key, values)) in expected.iter().enumerate() {
            for (parameter, (name, _)) in PARAMETERS.iter().enumerate() {
                let Some(column) = answer.column_by_name(name) else { continue };
                let found = column.is_valid(row).then(|| match PARAMETERS[parameter].1 {
                    ParameterType::Number => Value::Number(column.as_primitive::<Float64Type>().value(row)),
                    ParameterType::Integer => Value::Integer(column.as_primitive::<Int64Type>().value(row)),
                    ParameterType::Text => Value::Text(column.as_string::<i32>().value(row).to_owned()),
                });
                assert_eq!(found, values.get(&parameter).cloned().flatten(), "{name} of {key:?}");
            }
        }
    }

    fn check_statistics(&self, at: usize, query: &SeriesQuery, step: &str) {
        let parsed = Step::parse(step).unwrap();
        let query = SeriesQuery {
            resample: Some(Resample { step: parsed, methods: Method::ALL.to_vec() }),
            parameters: vec!["wse".into(), "quality".into()],
            ..query.clone()
        };
        let known: Vec<String> =
            parameters(&self.catalog().snapshot(), COLLECTIONS[at].0, operator()).into_iter().map(|p| p.name).collect();
        let query =
            SeriesQuery { parameters: query.parameters.into_iter().filter(|p| known.contains(p)).collect(), ..query };
        if query.parameters.is_empty() {
            return;
        }
        let answer = self.ask(&query);
        let mut groups: BTreeMap<(String, i64), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
        for (key, values) in self.expected(at, &query) {
            let group = groups.entry((key.0.clone(), slow_begin(time_of(at, &key), step))).or_default();
            for (parameter, value) in values {
                let value = match value {
                    Some(Value::Number(v)) => v,
                    Some(Value::Integer(v)) => v as f64,
                    _ => continue,
                };
                group.entry(PARAMETERS[parameter].0.to_owned()).or_default().push(value);
            }
        }
        groups.retain(|_, group| query.parameters.iter().any(|p| group.contains_key(p)));
        assert_eq!(answer.num_rows(), groups.len(), "{query:?}");
        for (row, ((feature, begin), group)) in groups.iter().enumerate() {
            let ids = answer["feature_id"].as_string::<i32>();
            assert_eq!((ids.value(row), time_at(&answer, row)), (feature.as_str(), *begin));
            for parameter in &query.parameters {
                let values = group.get(parameter).cloned().unwrap_or_default();
                for method in Method::ALL {
                    let column = &answer[format!("{}_{parameter}_{step}", method.as_str()).as_str()];
                    let found = column.is_valid(row).then(|| match column.data_type() {
                        arrow::datatypes::DataType::Float64 => column.as_primitive::<Float64Type>().value(row),
                        _ => column.as_primitive::<Int64Type>().value(row) as f64,
                    });
                    assert_eq!(found, slow(method, &values), "{} of {parameter} {feature} {begin}", method.as_str());
                }
            }
        }
    }

    fn check_summaries(&self, at: usize) {
        let id = COLLECTIONS[at].0;
        let snapshot = self.catalog().snapshot();
        for feature in (0..5).map(|f| format!("f{f}")) {
            let rows = self.expected(at, &all(at, Some(vec![feature.clone()])));
            let known = summary(&snapshot, id, &feature, operator());
            assert_eq!(known.as_ref().map_or(0, |s| s.count), rows.len() as u64, "{id} {feature}");
            let Some(known) = known else { continue };
            assert_eq!(known.span.0.0, time_of(at, &rows[0].0));
            assert_eq!(known.span.1.0, time_of(at, &rows[rows.len() - 1].0));
            for (parameter, (name, _)) in PARAMETERS.iter().enumerate().take(2) {
                let values: Vec<(i64, f64)> = rows
                    .iter()
                    .filter_map(|(key, values)| match values.get(&parameter).cloned().flatten()? {
                        Value::Number(v) => Some((time_of(at, key), v)),
                        Value::Integer(v) => Some((time_of(at, key), v as f64)),
                        Value::Text(_) => None,
                    })
                    .collect();
                let latest = known.latest.iter().find(|l| l.parameter == *name);
                assert_eq!(latest.map_or(0, |l| l.count), values.len() as u64, "{id} {feature} {name}");
                if let Some(latest) = latest {
                    let (first, last) = (values[0], values[values.len() - 1]);
                    let found = (latest.span.0.0, latest.span.1.0, latest.value);
                    assert_eq!(found, (first.0, last.0, last.1), "{id} {feature} {name}");
                }
            }
            // Every feature with observations is an item, and its latest value can be searched for.
            assert!(snapshot.item(id, &feature, operator()).unwrap().is_some(), "{id} {feature}");
        }
        let at_least = |limit: f64| {
            let filter = Filter::compare("latest:wse", Comparison::GreaterEqual, Scalar::Number(limit));
            let search =
                Search { collections: vec![CollectionId::new(id).unwrap()], filter: Some(filter), ..Search::default() };
            nilometer_query::search(&snapshot, &search, operator())
                .unwrap()
                .items
                .into_iter()
                .map(|i| i.id)
                .collect::<BTreeSet<ItemId>>()
        };
        let expected: BTreeSet<ItemId> = (0..5)
            .map(|f| format!("f{f}"))
            .filter(|f| {
                let latest = summary(&snapshot, id, f, operator());
                latest.is_some_and(|s| s.latest.iter().any(|l| l.parameter == "wse" && l.value >= 3.0))
            })
            .map(|f| ItemId::new(f).unwrap())
            .collect();
        assert_eq!(at_least(3.0), expected);
    }

    fn check(&self) {
        for at in 0..COLLECTIONS.len() {
            for features in [None, Some(vec!["f1".to_owned()]), Some(vec!["f3".into(), "f0".into(), "none".into()])] {
                for versions in [Versions::Latest, Versions::All, Versions::Only("v1".into())] {
                    for period in [None, Some((5, 31)), Some((12, 12))] {
                        let period = period.map(|(from, to)| TimeInterval {
                            start: Some(Instant(from * 31 * HOUR)),
                            end: Some(Instant(to * 31 * HOUR)),
                        });
                        let query = SeriesQuery { versions: versions.clone(), period, ..all(at, features.clone()) };
                        self.check_rows(at, &query);
                    }
                }
                for step in ["P1D", "P1W", "P1M", "P1Y"] {
                    self.check_statistics(at, &all(at, features.clone()), step);
                }
            }
            self.check_summaries(at);
        }
    }
}

fn all(at: usize, features: Option<Vec<String>>) -> SeriesQuery {
    SeriesQuery {
        collection: CollectionId::new(COLLECTIONS[at].0).unwrap(),
        features,
        period: None,
        parameters: Vec::new(),
        versions: Versions::Latest,
        resample: None,
    }
}

fn key_at(rows: &RecordBatch, row: usize) -> RowKey {
    let text = |name: &str| rows[name].as_string::<i32>().value(row).to_owned();
    (text("feature_id"), time_at(rows, row), text("discriminator"), text("version"))
}

fn time_at(rows: &RecordBatch, row: usize) -> i64 {
    rows["phenomenon_time"].as_primitive::<TimestampMicrosecondType>().value(row)
}

/// The begin of a step by way of the calendar's text.
fn slow_begin(time: i64, step: &str) -> i64 {
    let day = time.div_euclid(24 * HOUR);
    match step {
        "P1D" => day * 24 * HOUR,
        // 1970-01-01 was a Thursday.
        "P1W" => (day - (day + 3).rem_euclid(7)) * 24 * HOUR,
        _ => {
            let text = Instant(time).to_string();
            let begin = if step == "P1M" { format!("{}-01", &text[..7]) } else { format!("{}-01-01", &text[..4]) };
            Instant::parse(&format!("{begin}T00:00:00Z")).unwrap().0
        }
    }
}

fn slow(method: Method, values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 {
        return (method == Method::Count).then_some(0.0);
    }
    Some(match method {
        Method::Mean => values.iter().sum::<f64>() / n as f64,
        Method::Min => sorted[0],
        Method::Max => sorted[n - 1],
        Method::Median => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
        Method::Sum => values.iter().sum(),
        Method::Count => n as f64,
        Method::First => values[0],
        Method::Last => values[n - 1],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_way_of_asking_agrees_with_a_plain_map(actions in prop::collection::vec(action(), 1..24)) {
        let mut world = World::new();
        for (at, action) in actions.iter().enumerate() {
            world.act(action);
            if at % 6 == 5 {
                world.check();
            }
        }
        world.check();
        let dir = world.dir.path().to_owned();
        world.catalog = None;
        prop_assert_eq!(Catalog::check(&dir).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn many_small_batches_are_merged_and_stay_what_they_were() {
    let mut world = World::new();
    for hour in 0..40 {
        let rows = (0..5).map(|feature| (feature, hour, 0, 0, vec![Some((hour + i64::from(feature)) as i8)])).collect();
        world.put(&Batch { collection: 0, columns: vec![0], rows });
    }
    let files = |world: &World| world.catalog().snapshot().series("gauges", operator()).unwrap().files();
    world.catalog().compact().unwrap();
    assert!(files(&world) < 8, "{} files", files(&world));
    world.check();
    world.act(&Action::Reopen);
    world.check();
}

#[test]
fn a_collection_that_is_hidden_has_no_series_for_visitors() {
    let mut world = World::new();
    world.put(&Batch { collection: 0, columns: vec![0], rows: vec![(0, 0, 0, 0, vec![Some(1)])] });
    let Write::PutCollection(mut hidden, when) = collection(COLLECTIONS[0]) else { unreachable!() };
    hidden.access = nilometer_schemas::Access::Hidden;
    hidden.body.insert("nilometer:access".into(), "hidden".into());
    world.catalog().write(vec![Write::PutCollection(hidden, when)]).unwrap();
    let snapshot = world.catalog().snapshot();
    let visitor = Scope::of(Role::Visitor);
    assert!(series(&snapshot, &all(0, None), visitor).is_err());
    assert!(parameters(&snapshot, "gauges", visitor).is_empty());
    assert_eq!(summary(&snapshot, "gauges", "f0", visitor), None);
    assert!(summary(&snapshot, "gauges", "f0", operator()).is_some());
}

#[test]
fn what_cannot_be_stored_is_refused_and_changes_nothing() {
    let world = World::new();
    let put = |parameters: Vec<(&str, ParameterType)>, feature: &str, fill: &dyn Fn(&mut ObservationBuilder)| {
        let parameters = parameters.into_iter().map(|(n, k)| (n.to_owned(), k)).collect();
        let mut builder = ObservationBuilder::new("gauges", "test", parameters).unwrap();
        builder.row(Key { feature, ..Key::default() });
        fill(&mut builder);
        world.catalog().write(vec![Write::PutObservations(Box::new(builder.take()))]).unwrap().remove(0)
    };
    let before = world.catalog().snapshot().seq();
    assert!(matches!(put(vec![("wse", ParameterType::Text)], "a", &|b| b.text(0, "high")), Outcome::Rejected(_)));
    assert!(matches!(put(vec![("quality", ParameterType::Number)], "a", &|b| b.number(0, 0.5)), Outcome::Rejected(_)));
    assert!(matches!(put(vec![("wse", ParameterType::Number)], "", &|b| b.number(0, 0.5)), Outcome::Rejected(_)));
    assert_eq!(world.catalog().snapshot().seq(), before);
    let whole = put(vec![("quality", ParameterType::Number)], "a", &|b| b.number(0, 2.0));
    assert_eq!(whole, Outcome::Observed { added: 1, replaced: 0, unchanged: 0 });
}
