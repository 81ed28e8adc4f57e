//! Random searches over the demonstration's items and generated ones, with values and shapes taken from the items
//! themselves, each answered by the index and by a linear scan.
//!
//! `NILOMETER_SEARCHES` says how many, `NILOMETER_SEED` which.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/evaluator.rs"]
mod evaluator;
#[path = "common/plain.rs"]
mod plain;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use common::memory_dir;
use evaluator::Record;
use fastrand::Rng;
use geo::{BoundingRect, CoordsIter};
use nilometer_indexer::{Catalog, CatalogOptions, Clock, Outcome, Precondition, Snapshot, Write};
use nilometer_schemas::{
    Arithmetic, ArrayRelation, Bbox, Collection, CollectionId, Comparison, Direction, Expr, Filter, Function, Instant,
    Item, ItemId, Kind, Role, Scalar, Scope, Search, SortKey, SpatialRelation, TemporalRelation, TimeInterval,
};
use plain::{Plain, in_order, meets};
use serde_json::{Value, json};

/// Items of each collection of the demonstration that are taken, and generated ones.
const OF_EACH: usize = 220;
const GENERATED: usize = 1_200;
/// Points of a shape that is asked for.
const POINTS_MAX: usize = 300;
/// Pages of an answer that are followed, there and back.
const PAGES_MAX: usize = 4;

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessEqual,
    Comparison::Greater,
    Comparison::GreaterEqual,
];
const ARITHMETIC: [Arithmetic; 4] = [Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Multiply, Arithmetic::Divide];
const SPATIAL: [SpatialRelation; 8] = [
    SpatialRelation::Intersects,
    SpatialRelation::Disjoint,
    SpatialRelation::Equals,
    SpatialRelation::Touches,
    SpatialRelation::Within,
    SpatialRelation::Contains,
    SpatialRelation::Overlaps,
    SpatialRelation::Crosses,
];
const TEMPORAL: [TemporalRelation; 15] = [
    TemporalRelation::Before,
    TemporalRelation::After,
    TemporalRelation::Disjoint,
    TemporalRelation::Intersects,
    TemporalRelation::Equals,
    TemporalRelation::Starts,
    TemporalRelation::StartedBy,
    TemporalRelation::Finishes,
    TemporalRelation::FinishedBy,
    TemporalRelation::During,
    TemporalRelation::Contains,
    TemporalRelation::Overlaps,
    TemporalRelation::OverlappedBy,
    TemporalRelation::Meets,
    TemporalRelation::MetBy,
];
const ARRAYS: [ArrayRelation; 4] =
    [ArrayRelation::Equals, ArrayRelation::Contains, ArrayRelation::ContainedBy, ArrayRelation::Overlaps];

fn number_from(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The demonstration's items, so many of each collection.
fn real(rng: &mut Rng) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/demo/demo.ndjson.zst");
    let text = String::from_utf8(zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()).unwrap();
    let mut by_collection: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if value["type"] == "Feature" {
            by_collection.entry(value["collection"].as_str().unwrap().to_owned()).or_default().push(value);
        }
    }
    let mut taken = Vec::new();
    for mut items in by_collection.into_values() {
        rng.shuffle(&mut items);
        taken.extend(items.into_iter().take(OF_EACH));
    }
    taken
}

/// Passes, stations and nothing at all, with properties of every type.
fn generated(rng: &mut Rng) -> Vec<Value> {
    let day = |d: i64| Instant(d * 86_400_000_000).to_string();
    let one = |i: usize| {
        let (x, y) = (f64::from(rng.i32(-179..120)), f64::from(rng.i32(-80..70)));
        let d = f64::from(rng.i32(1..12));
        let square = |x: f64, y: f64| json!([[[x, y], [x + d, y], [x + d, y + d], [x, y + d], [x, y]]]);
        let geometry = match rng.u8(0..7) {
            0 => Value::Null,
            1 => json!({"type": "Point", "coordinates": [x, y]}),
            2 => json!({"type": "LineString", "coordinates": [[x, y], [x + d, y + d], [x + d, y]]}),
            3 => json!({"type": "MultiPolygon", "coordinates": [square(x, y), square(x + 2.0 * d, y)]}),
            4 => json!({"type": "MultiPolygon", "coordinates": [square(179.0 - d, y), square(-180.0, y)]}),
            5 => {
                json!({"type": "Polygon", "coordinates": [[[x, -78.0], [x + 1.0, -78.0], [x + 41.0, 78.0], [x + 40.0, 78.0], [x, -78.0]]]})
            }
            _ => json!({"type": "Polygon", "coordinates": square(x, y)}),
        };
        let (from, length) = (rng.i64(18_000..19_500), rng.i64(0..40));
        let mut properties = match rng.u8(0..3) {
            0 => json!({"datetime": null, "start_datetime": day(from), "end_datetime": day(from + length)}),
            _ => json!({"datetime": day(from)}),
        };
        properties["spatial:pass_id"] = json!(rng.i32(1..40));
        properties["mixed"] = match rng.u8(0..5) {
            0 => json!(rng.i32(0..4)),
            1 => json!(["a", "b", "Saône"][rng.usize(0..3)]),
            2 => json!(rng.bool()),
            3 => json!([rng.i32(0..3), rng.i32(0..3)]),
            _ => Value::Null,
        };
        properties["keywords"] =
            json!((0..rng.usize(0..4)).map(|_| ["x", "y", "z"][rng.usize(0..3)]).collect::<Vec<_>>());
        properties["seen"] = json!(day(rng.i64(18_000..19_500))[..10]);
        json!({"type": "Feature", "collection": "generated", "id": format!("g{i}"), "geometry": geometry, "properties": properties})
    };
    (0..GENERATED).map(one).collect()
}

/// The items in a catalogue with a past: some were written twice, some deleted.
fn catalogue(values: &[Value], rng: &mut Rng) -> (tempfile::TempDir, Arc<Catalog>, Vec<Plain>) {
    let dir = memory_dir();
    let ticks = std::sync::atomic::AtomicI64::new(0);
    let clock: Clock = Arc::new(move || Instant(ticks.fetch_add(1_000, std::sync::atomic::Ordering::Relaxed)));
    let catalog = Catalog::open(dir.path(), CatalogOptions::default(), clock).unwrap();
    let names: BTreeSet<&str> = values.iter().map(|v| v["collection"].as_str().unwrap()).collect();
    let collection = |id: &str| {
        let value = json!({"type": "Collection", "id": id, "description": id, "license": "other"});
        Write::PutCollection(Box::new(Collection::from_value(value).unwrap()), Precondition::None)
    };
    catalog.write(names.into_iter().map(collection).collect()).unwrap();
    let put = |value: &Value| Write::PutItem(Box::new(Item::from_value(value, None).unwrap()), Precondition::None);
    let mut plain: BTreeMap<(String, String), Plain> = BTreeMap::new();
    let mut order: Vec<&Value> = values.iter().collect();
    rng.shuffle(&mut order);
    for batch in order.chunks(500) {
        let early: Vec<Write> = batch
            .iter()
            .filter(|_| rng.u8(0..8) == 0)
            .map(|value| {
                let mut earlier = (*value).clone();
                earlier["properties"]["title"] = json!("an earlier one");
                put(&earlier)
            })
            .collect();
        catalog.write(early).unwrap();
        let outcomes = catalog.write(batch.iter().map(|value| put(value)).collect()).unwrap();
        for (value, outcome) in batch.iter().zip(outcomes) {
            assert!(!matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
            let item = Item::from_value(value, None).unwrap();
            let (collection, id) = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
            let stored = catalog.snapshot().item(&collection, &id, Scope::of(Role::Visitor)).unwrap().unwrap();
            let geometry = item.geometry.clone().filter(|g| g.coords_count() > 0);
            let key = (collection.clone(), id.clone());
            let record = Record { collection, id, geometry, properties: value["properties"].clone() };
            plain.insert(key, Plain { record, seq: stored.seq, ingested: stored.ingested.0 });
        }
    }
    let gone: Vec<(String, String)> = plain.keys().filter(|_| rng.u8(0..20) == 0).cloned().collect();
    let delete = |(collection, id): &(String, String)| {
        let (collection, id) = (CollectionId::new(collection.as_str()).unwrap(), ItemId::new(id.as_str()).unwrap());
        Write::DeleteItem(collection, id, Precondition::None)
    };
    catalog.write(gone.iter().map(delete).collect()).unwrap();
    plain.retain(|key, _| !gone.contains(key));
    (dir, catalog, plain.into_values().collect())
}

/// Makes questions of what the items hold.
struct Asker<'a> {
    rng: Rng,
    items: &'a [Plain],
    /// Names of properties with some of their values.
    values: Vec<(String, Vec<Value>)>,
}

impl<'a> Asker<'a> {
    fn new(rng: Rng, items: &'a [Plain]) -> Self {
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for item in items {
            let names = item.record.properties.as_object().unwrap().keys();
            for name in names.map(String::as_str).chain(["id", "collection"]) {
                let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
                values.entry(name.to_owned()).or_default().extend(item.values(name).into_iter().filter(plain));
            }
        }
        Self { rng, items, values: values.into_iter().filter(|(_, values)| !values.is_empty()).collect() }
    }

    fn item(&mut self) -> &'a Plain {
        &self.items[self.rng.usize(0..self.items.len())]
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(0..all.len())]
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(0..100) < percent
    }

    /// A property and one of its values.
    fn property(&mut self) -> (String, Value) {
        let (name, values) = &self.values[self.rng.usize(0..self.values.len())];
        (name.clone(), values[self.rng.usize(0..values.len())].clone())
    }

    fn scalar(&mut self, name: &str, value: &Value) -> Scalar {
        match value {
            Value::Bool(truth) => Scalar::Bool(*truth),
            Value::Number(number) => {
                let number = number.as_f64().unwrap();
                Scalar::Number(if self.chance(20) { (number + 1.0).round() } else { number })
            }
            other => {
                let text = other.as_str().unwrap();
                let moment = Instant::parse(text).filter(|_| name.ends_with("datetime") || self.rng.bool());
                moment.map_or_else(|| Scalar::Text(text.to_owned()), Scalar::Timestamp)
            }
        }
    }

    fn pattern(&mut self, text: &str) -> String {
        let chars: Vec<char> = text.chars().filter(|c| !matches!(c, '%' | '_' | '\\')).collect();
        let cut = self.rng.usize(0..=chars.len());
        let (head, tail): (String, String) = (chars[..cut].iter().collect(), chars[cut..].iter().collect());
        match self.rng.u8(0..4) {
            0 => format!("{head}%"),
            1 => format!("%{tail}"),
            2 => format!("%{}%", tail.chars().take(2).collect::<String>()),
            _ => format!("{head}_{}", tail.chars().skip(1).collect::<String>()),
        }
    }

    /// A box around where some item lies.
    fn bbox(&mut self) -> Bbox {
        let located = loop {
            if let Some(rect) = self.item().record.geometry.as_ref().and_then(|g| g.bounding_rect()) {
                break rect;
            }
        };
        let (x, y) = (located.center().x, located.center().y);
        let d = 10f64.powf(self.rng.f64() * 3.5 - 1.5);
        // As callers write numbers.
        let round = |n: f64| (n * 1e4).round() / 1e4;
        let (west, east) = (round(x - d), round(x + d));
        let turn = |lon: f64| {
            if lon > 180.0 {
                lon - 360.0
            } else if lon < -180.0 {
                lon + 360.0
            } else {
                lon
            }
        };
        let (south, north) = (round((y - d).max(-90.0)), round((y + d).min(90.0)));
        if d >= 180.0 {
            return Bbox { west: -180.0, south, east: 180.0, north };
        }
        Bbox { west: turn(west), south, east: turn(east), north }
    }

    fn shape(&mut self) -> geo::Geometry<f64> {
        loop {
            let of_item = self.item().record.geometry.as_ref();
            match self.rng.u8(0..4) {
                0 => {
                    if let Some(shape) = of_item.filter(|g| g.coords_count() <= POINTS_MAX) {
                        return shape.clone();
                    }
                }
                1 => {
                    if let Some(center) = of_item.and_then(|g| g.bounding_rect()).map(|r| r.center()) {
                        return geo::Point::from(center).into();
                    }
                }
                _ => {
                    let b = self.bbox();
                    if b.west < b.east && b.south < b.north {
                        let (sw, ne) = (geo::coord! {x: b.west, y: b.south}, geo::coord! {x: b.east, y: b.north});
                        return geo::Rect::new(sw, ne).to_polygon().into();
                    }
                }
            }
        }
    }

    fn moment(&mut self) -> Instant {
        loop {
            let (_, value) = self.property();
            if let Some(moment) = value.as_str().and_then(Instant::parse) {
                return moment;
            }
        }
    }

    fn period(&mut self) -> (Option<Instant>, Option<Instant>) {
        let (a, b) = (self.moment(), self.moment());
        let (a, b) = (a.min(b), a.max(b));
        match self.rng.u8(0..5) {
            0 => (Some(a), None),
            1 => (None, Some(b)),
            _ => (Some(a), Some(b)),
        }
    }

    fn leaf(&mut self) -> Filter {
        let (name, value) = self.property();
        let property = || Expr::property(name.as_str());
        match self.rng.u8(0..13) {
            0..4 => {
                let value = self.scalar(&name, &value);
                Filter::Compare { left: property(), op: self.one_of(&COMPARISONS), right: Expr::Literal(value) }
            }
            4 => {
                let (_, other) = self.property();
                let (low, high) = (self.scalar(&name, &value), self.scalar(&name, &other));
                Filter::Between { value: property(), low: Expr::Literal(low), high: Expr::Literal(high) }
            }
            5 => {
                let mut all = vec![Expr::Literal(self.scalar(&name, &value))];
                for _ in 0..self.rng.usize(0..3) {
                    let (_, other) = self.property();
                    all.push(Expr::Literal(self.scalar(&name, &other)));
                }
                Filter::In { value: property(), values: all }
            }
            6 => match value.as_str() {
                Some(text) if self.chance(50) => {
                    let pattern = self.pattern(text);
                    Filter::Like { value: property(), pattern: Expr::text(pattern) }
                }
                Some(text) => {
                    // The slow evaluator knows the case of letters only as far as ASCII goes.
                    let text: String = text.chars().filter(char::is_ascii).collect();
                    let pattern = self.pattern(&text).to_lowercase();
                    Filter::Like { value: Expr::Call(Function::Lower, vec![property()]), pattern: Expr::text(pattern) }
                }
                None => Filter::IsNull(property()),
            },
            7 => Filter::IsNull(if self.chance(20) { Expr::property("geometry") } else { property() }),
            8 => {
                let (other, _) = self.property();
                Filter::Compare { left: property(), op: self.one_of(&COMPARISONS), right: Expr::property(other) }
            }
            9 => {
                let (op, number) = (self.one_of(&ARITHMETIC), f64::from(self.rng.i32(-3..4)));
                let left = Expr::Arithmetic { op, left: property().into(), right: Expr::number(number).into() };
                let right = Expr::number(f64::from(self.rng.i32(-100..2_000)));
                Filter::Compare { left, op: self.one_of(&COMPARISONS), right }
            }
            10 => {
                let (relation, shape) = (self.one_of(&SPATIAL), Expr::Geometry(self.shape()));
                let own = Expr::property("geometry");
                let (left, right) = if self.rng.bool() { (own, shape) } else { (shape, own) };
                Filter::Spatial { relation, left, right }
            }
            11 => {
                let (start, end) = self.period();
                let of = |end: Option<Instant>| end.map(|end| Box::new(Expr::Literal(Scalar::Timestamp(end))));
                let left = Expr::property(if self.rng.bool() { "datetime" } else { name.as_str() });
                Filter::Temporal { relation: self.one_of(&TEMPORAL), left, right: Expr::Interval(of(start), of(end)) }
            }
            _ => {
                let mut all = vec![Expr::Literal(self.scalar(&name, &value))];
                if self.rng.bool() {
                    let (_, other) = self.property();
                    all.push(Expr::Literal(self.scalar(&name, &other)));
                }
                Filter::Array { relation: self.one_of(&ARRAYS), left: property(), right: Expr::Array(all) }
            }
        }
    }

    fn filter(&mut self, depth: usize) -> Filter {
        let many = |own: &mut Self| (0..own.rng.usize(2..4)).map(|_| own.filter(depth - 1)).collect();
        match self.rng.u8(0..10) {
            0..2 if depth > 0 => Filter::And(many(self)),
            2..5 if depth > 0 => Filter::Or(many(self)),
            5 if depth > 0 => Filter::Not(Box::new(self.filter(depth - 1))),
            _ => self.leaf(),
        }
    }

    fn sort_key(&mut self) -> SortKey {
        let own = ["datetime", "start_datetime", "end_datetime", "ingested", "id", "collection"];
        let field = if self.rng.bool() { self.one_of(&own).to_owned() } else { self.property().0 };
        SortKey { field, direction: if self.rng.bool() { Direction::Ascending } else { Direction::Descending } }
    }

    fn search(&mut self) -> Search {
        let mut search = Search { limit: self.rng.usize(1..120), ..Search::default() };
        if self.chance(25) {
            let names: BTreeSet<String> = (0..3).map(|_| self.item().record.collection.clone()).collect();
            search.collections = names.into_iter().map(|name| CollectionId::new(name).unwrap()).collect();
        }
        if self.chance(8) {
            search.ids = (0..4).map(|_| ItemId::new(self.item().record.id.as_str()).unwrap()).collect();
        }
        match self.rng.u8(0..10) {
            0..3 => search.bbox = Some(self.bbox()),
            3 => search.intersects = Some(self.shape()),
            4 => {
                let located = |item: &&Plain| {
                    item.record.geometry.as_ref().is_some_and(|g| g.coords_count() <= POINTS_MAX)
                        && !item.record.id.contains('.')
                };
                search.intersects_refs = (0..4).map(|_| self.item()).filter(located).map(Plain::reference).collect();
            }
            _ => {}
        }
        if self.chance(30) {
            let (start, end) = self.period();
            search.datetime = Some(TimeInterval { start, end });
        }
        if self.chance(75) {
            search.filter = Some(self.filter(3));
        }
        search.sortby = (0..self.rng.usize(0..3)).map(|_| self.sort_key()).collect();
        search
    }
}

fn names(page: &nilometer_query::Page) -> Vec<(String, String)> {
    page.items.iter().map(|item| (item.collection.as_str().to_owned(), item.id.as_str().to_owned())).collect()
}

/// Compares an answer with the scan; false if the service refuses the question as too much work.
fn agrees(snapshot: &Snapshot, items: &[Plain], search: &Search) -> bool {
    let scope = Scope::of(Role::Visitor);
    let ask = |token: Option<String>| nilometer_query::search(snapshot, &Search { token, ..search.clone() }, scope);
    let first = match ask(None) {
        Err(problem) if problem.code == "filter-too-large" => {
            assert_ne!(problem.kind, Kind::Internal);
            return false;
        }
        answer => answer.unwrap_or_else(|problem| panic!("{problem}: {search:?}")),
    };
    let place = |reference: &String| {
        items.iter().find(|item| item.reference() == *reference).and_then(|item| item.record.geometry.clone()).unwrap()
    };
    let places: Vec<geo::Geometry<f64>> = search.intersects_refs.iter().map(place).collect();
    let mut expected: Vec<&Plain> = items.iter().filter(|item| meets(item, search, &places)).collect();
    expected.sort_by(|a, b| in_order(a, b, &search.sortby));
    let expected: Vec<(String, String)> =
        expected.into_iter().map(|item| (item.record.collection.clone(), item.record.id.clone())).collect();
    assert_eq!(first.number_matched, expected.len() as u64, "{search:?}");
    assert_eq!(nilometer_query::count(snapshot, search, scope).unwrap(), expected.len() as u64, "{search:?}");
    let mut page = first;
    for (at, wanted) in expected.chunks(search.limit).enumerate().take(PAGES_MAX) {
        assert_eq!(names(&page), wanted, "page {at} of {search:?}");
        let is_last = (at + 1) * search.limit >= expected.len();
        assert_eq!(page.next.is_none(), is_last, "page {at} of {search:?}");
        let Some(next) = page.next else { break };
        page = ask(Some(next)).unwrap();
        let back = ask(page.prev.clone()).unwrap();
        assert_eq!(names(&back), wanted, "back to page {at} of {search:?}");
    }
    true
}

#[test]
fn random_searches_find_what_a_linear_scan_finds() {
    let (searches, seed) = (number_from("NILOMETER_SEARCHES", 250), number_from("NILOMETER_SEED", 20_260_101));
    let mut rng = Rng::with_seed(seed);
    let mut values = real(&mut rng);
    values.extend(generated(&mut rng));
    let (_dir, catalog, items) = catalogue(&values, &mut rng);
    let snapshot = catalog.snapshot();
    let mut asker = Asker::new(rng, &items);
    let refused = (0..searches).filter(|_| !agrees(&snapshot, &items, &asker.search())).count();
    println!(
        "{searches} searches over {} items agree, {refused} of them refused as too much work; seed {seed}",
        items.len()
    );
    assert!(refused as u64 * 20 <= searches, "{refused} of {searches} searches were refused");
}
