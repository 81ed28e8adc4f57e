//! The index against a plain `Vec`: random writes, deletes, merges and reopenings, then random questions, each
//! answered by the index and by a linear scan with `geo`'s exact predicates.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/copy.rs"]
mod copy;
#[path = "common/evaluator.rs"]
mod evaluator;
#[path = "common/plain.rs"]
mod plain;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::memory_dir;
use copy::copy_folder;
use evaluator::Record;
use geo::{CoordsIter, Intersects, Rect, coord};
use nilometer_indexer::geometry::{CellGrid, h3_cells};
use nilometer_indexer::{Catalog, CatalogOptions, Clock, Outcome, Precondition, Write};
use nilometer_query::{Page, Whole, tile};
use nilometer_schemas::{
    Aggregation, AggregationKind, AggregationResult, Bbox, Collection, CollectionId, Comparison, Direction, Filter,
    Instant, Item, ItemId, Role, Scalar, Scope, Search, SortKey, TimeInterval, Words, geojson, text,
};
use plain::{Plain, in_order, meets};
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "model/counts.rs"]
mod counts;
#[path = "model/properties.rs"]
mod model_properties;

const COLLECTIONS: [&str; 4] = ["rivers", "lakes", "lakes.small", "secret"];
const WORDS: [&str; 5] = ["Saône", "Rhône", "lac", "Lac d'Annecy", "débit"];

#[derive(Clone, Debug)]
enum Step {
    Put(usize, u8, Value, Value),
    Delete(usize, u8),
    DeleteCollection(usize),
    Merge,
    Compact,
    Reopen,
    /// The process ends here: what goes on is what the files held at this moment.
    Crash,
}

fn position() -> impl Strategy<Value = (f64, f64)> {
    // A coarse grid, so that things touch; the antimeridian and the poles are on it.
    let lon = prop_oneof![
        (-36i32..=36).prop_map(|x| f64::from(x) * 5.0),
        Just(180.0),
        Just(-180.0),
        Just(179.5),
        Just(-179.5)
    ];
    let lat = prop_oneof![(-18i32..=18).prop_map(|y| f64::from(y) * 5.0), Just(90.0), Just(-90.0), Just(0.25)];
    (lon, lat)
}

fn boxed(w: f64, s: f64, e: f64, n: f64) -> Value {
    json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]])
}

fn geometry() -> impl Strategy<Value = Value> {
    let size = prop_oneof![Just(0.5), Just(5.0), Just(40.0)];
    let boxes = (position(), size).prop_map(|((x, y), d)| {
        let (e, n) = ((x + d).min(180.0), (y + d).min(90.0));
        let (w, s) = (e - d, n - d);
        boxed(w, s, e, n)
    });
    let boxes = boxes.boxed();
    prop_oneof![
        1 => Just(Value::Null),
        1 => Just(json!({"type": "MultiPoint", "coordinates": []})),
        3 => position().prop_map(|(x, y)| json!({"type": "Point", "coordinates": [x, y]})),
        4 => boxes.clone().prop_map(|b| json!({"type": "Polygon", "coordinates": b})),
        2 => prop::collection::vec(position(), 2..5).prop_map(|p| json!({"type": "LineString", "coordinates": p})),
        2 => prop::collection::vec(boxes, 2..4).prop_map(|b| json!({"type": "GeometryCollection",
            "geometries": b.into_iter().map(|b| json!({"type": "Polygon", "coordinates": b})).collect::<Vec<_>>()})),
        // A pass: a thin slanted band, as swaths are, which fills little of its box.
        1 => (-160i32..100).prop_map(|x| { let x = f64::from(x); json!({"type": "MultiPolygon", "coordinates": [
            [[[x, -78.0], [x + 1.0, -78.0], [x + 61.0, 78.0], [x + 60.0, 78.0], [x, -78.0]]],
            [[[x + 2.0, -78.0], [x + 3.0, -78.0], [x + 63.0, 78.0], [x + 62.0, 78.0], [x + 2.0, -78.0]]]]}) }),
    ]
}

fn moment(day: i64) -> String {
    Instant(day * 86_400_000_000).to_string()
}

fn properties() -> impl Strategy<Value = Value> {
    let times = prop_oneof![
        (0i64..30).prop_map(|d| json!({"datetime": moment(d)})),
        (0i64..30, 0i64..10)
            .prop_map(|(d, n)| json!({"datetime": null, "start_datetime": moment(d), "end_datetime": moment(d + n)})),
    ];
    let n = prop_oneof![
        Just(Value::Null),
        (-3i32..6).prop_map(|n| json!(n)),
        (-3i32..6).prop_map(|n| json!(f64::from(n) + 0.5))
    ];
    let m = prop_oneof![
        Just(Value::Null),
        (0i32..3).prop_map(|n| json!(n)),
        "[ab]{1,2}".prop_map(|t| json!(t)),
        any::<bool>().prop_map(|b| json!(b))
    ];
    let tags = prop::collection::vec("[xyz]", 0..3);
    let many = prop::collection::vec((-6i32..12).prop_map(|n| json!(f64::from(n) / 2.0)), 0..4);
    let day = prop_oneof![
        Just(Value::Null),
        (1i32..29).prop_map(|d| json!(format!("2024-02-{d:02}"))),
        (0i64..300).prop_map(|d| json!(moment(d))),
        Just(json!("soon"))
    ];
    let title = prop::sample::subsequence(WORDS.to_vec(), 0..3);
    (times, n, m, tags, title, many, day).prop_map(|(mut p, n, m, tags, title, many, day)| {
        p["n"] = n;
        p["m"] = m;
        p["tags"] = json!(tags);
        p["title"] = json!(title.join(" / "));
        p["many"] = json!(many);
        p["day"] = day;
        p
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (0..COLLECTIONS.len(), 0u8..12, geometry(), properties()).prop_map(|(c, i, g, p)| Step::Put(c, i, g, p)),
        5 => (0..COLLECTIONS.len(), 0u8..12).prop_map(|(c, i)| Step::Delete(c, i)),
        1 => (0..COLLECTIONS.len()).prop_map(Step::DeleteCollection),
        1 => Just(Step::Merge),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

fn scalar() -> impl Strategy<Value = (String, Scalar)> {
    prop_oneof![
        (-3i32..6).prop_map(|n| ("n".to_owned(), Scalar::Number(f64::from(n)))),
        (0i32..3).prop_map(|n| ("m".to_owned(), Scalar::Number(f64::from(n)))),
        "[ab]{1,2}".prop_map(|t| ("m".to_owned(), Scalar::Text(t))),
        any::<bool>().prop_map(|b| ("m".to_owned(), Scalar::Bool(b))),
        "[xyz]".prop_map(|t| ("tags".to_owned(), Scalar::Text(t))),
        (0i64..30).prop_map(|d| ("datetime".to_owned(), Scalar::Timestamp(Instant(d * 86_400_000_000)))),
        (0..12u8).prop_map(|i| ("id".to_owned(), Scalar::Text(format!("i{i}")))),
        Just(("collection".to_owned(), Scalar::Text("lakes".to_owned()))),
        Just(("absent".to_owned(), Scalar::Number(1.0))),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let op = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessEqual,
        Comparison::Greater,
        Comparison::GreaterEqual,
    ]);
    let leaf = prop_oneof![
        6 => (scalar(), op).prop_map(|((property, value), op)| Filter::compare(property, op, value)),
        1 => (-3i32..3, 0i32..4).prop_map(|(a, d)| Filter::between("n", Scalar::Number(f64::from(a)), Scalar::Number(f64::from(a + d)))),
        1 => prop::collection::vec("[ab]{1,2}", 1..3).prop_map(|v| Filter::one_of("m", v.into_iter().map(Scalar::Text))),
        1 => "[ab%_]{1,3}".prop_map(|pattern| Filter::like("m", pattern)),
        1 => prop::sample::select(vec!["n", "m", "tags", "datetime", "geometry", "absent"]).prop_map(Filter::is_null),
        1 => geometry().prop_filter("a geometry", |g| !g.is_null()).prop_map(|g| Filter::intersects(geojson::from_value(&g).unwrap())),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

fn question() -> impl Strategy<Value = Search> {
    let bbox = (position(), position()).prop_map(|((w, a), (e, b))| Bbox {
        west: w,
        east: e,
        south: a.min(b),
        north: a.max(b),
    });
    let place = prop_oneof![
        3 => Just((None, None)),
        3 => bbox.prop_map(|b| (Some(b), None)),
        2 => geometry().prop_filter("a geometry", |g| !g.is_null()).prop_map(|g| (None, Some(geojson::from_value(&g).unwrap()))),
    ];
    let datetime =
        prop::option::of((prop::option::of(0i64..30), prop::option::of(0i64..15)).prop_map(|(a, d)| TimeInterval {
            start: a.map(|a| Instant(a * 86_400_000_000)),
            end: d.map(|d| Instant((a.unwrap_or(0) + d) * 86_400_000_000)),
        }));
    let sort = prop::collection::vec(
        (prop::sample::select(vec!["n", "m", "datetime", "id", "collection", "tags", "ingested"]), any::<bool>()),
        0..3,
    );
    (
        prop::option::weighted(0.3, prop::sample::subsequence(COLLECTIONS.to_vec(), 1..3)),
        prop::option::weighted(0.2, prop::collection::vec(0u8..12, 1..4)),
        place,
        datetime,
        prop::option::weighted(0.5, filter()),
        prop::option::weighted(0.3, words()),
        sort,
        1usize..7,
        prop::option::weighted(0.15, (0..COLLECTIONS.len(), 0u8..12)),
    )
        .prop_map(|(collections, ids, (bbox, intersects), datetime, filter, words, sort, limit, reference)| {
            Search {
                collections: collections
                    .unwrap_or_default()
                    .into_iter()
                    .map(|c| CollectionId::new(c).unwrap())
                    .collect(),
                ids: ids.unwrap_or_default().into_iter().map(|i| ItemId::new(format!("i{i}")).unwrap()).collect(),
                bbox,
                intersects,
                intersects_refs: reference.map(|(c, i)| format!("{}.i{i}", COLLECTIONS[c])).into_iter().collect(),
                datetime,
                filter,
                // An order of its own: that by relevance has tests of its own.
                sortby: sort
                    .into_iter()
                    .chain(words.iter().map(|_| ("datetime", false)))
                    .map(|(f, up)| SortKey {
                        field: f.into(),
                        direction: if up { Direction::Ascending } else { Direction::Descending },
                    })
                    .collect(),
                words,
                limit,
                ..Search::default()
            }
        })
}

/// Conditions on words that have no other forms, and that no slip of the hand turns into each other.
fn words() -> impl Strategy<Value = Words> {
    let word = || prop::sample::select(vec!["saone", "lac", "d", "annecy", "debit", "nil", "de", "la"]);
    let texts = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let leaf = prop_oneof![
        4 => word().prop_map(|w| Words::Word(w.into())),
        1 => prop::sample::select(vec!["sa", "annec", "d", "z"]).prop_map(|w| Words::Prefix(w.into())),
        1 => (prop::collection::vec(word(), 2..4), any::<bool>())
            .prop_map(move |(words, exact)| Words::Phrase { words: texts(words), exact }),
        1 => Just(Words::Phrase { words: vec!["lac".into(), "d".into(), "annecy".into()], exact: true }),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let some = |range| prop::collection::vec(inner.clone(), range);
        prop_oneof![
            some(1..3).prop_map(Words::Any),
            (some(0..3), some(0..2), some(0..2)).prop_map(|(required, optional, excluded)| Words::Group {
                required,
                optional,
                excluded
            }),
        ]
    })
}

type Model = BTreeMap<(String, String), Plain>;

fn has_words(item: &Plain, words: &Words) -> bool {
    // The id is a text of its own: no run of words goes from one into the other.
    let title: Vec<String> = text::words(item.record.properties["title"].as_str().unwrap()).collect();
    let texts = [title, vec![item.record.id.clone()]];
    match words {
        Words::Word(word) => texts.iter().any(|t| t.contains(word)),
        Words::Prefix(begin) => texts.iter().flatten().any(|w| w.starts_with(begin)),
        Words::Phrase { words, .. } => texts.iter().any(|t| t.windows(words.len()).any(|w| w == words)),
        Words::Any(any) => any.iter().any(|words| has_words(item, words)),
        Words::Group { required, excluded, .. } => {
            required.iter().all(|words| has_words(item, words)) && !excluded.iter().any(|words| has_words(item, words))
        }
    }
}

fn matches(model: &Model, item: &Plain, search: &Search, scope: Scope) -> bool {
    let hidden = item.record.collection == "secret" && !scope.may_write();
    let named = |r: &String| model.values().find(|p| p.reference() == *r).and_then(|p| p.record.geometry.clone());
    let places: Vec<geo::Geometry<f64>> = search.intersects_refs.iter().filter_map(named).collect();
    !hidden && meets(item, search, &places) && search.words.as_ref().is_none_or(|words| has_words(item, words))
}

fn clock() -> Clock {
    let now = Arc::new(AtomicI64::new(1_000));
    Arc::new(move || Instant(now.fetch_add(1_000, Ordering::Relaxed)))
}

fn options() -> CatalogOptions {
    CatalogOptions { writer_memory_bytes: 15_000_000, group_items_max: 100, log_file_bytes: 4_000, observer: None }
}

fn collection(id: &str) -> Write {
    collection_with(id, if id == "secret" { "hidden" } else { "public" })
}

fn collection_with(id: &str, access: &str) -> Write {
    let value =
        json!({"type": "Collection", "id": id, "description": id, "license": "other", "nilometer:access": access});
    Write::PutCollection(Box::new(Collection::from_value(value).unwrap()), Precondition::None)
}

/// The files as a crash would leave them at one moment: copied again when a checkpoint came in between.
fn crash_image(from: &Path) -> tempfile::TempDir {
    let meta = || std::fs::read(from.join("catalog/index/meta.json")).unwrap();
    loop {
        let (before, to) = (meta(), memory_dir());
        if copy_folder(from, to.path()).is_ok() && meta() == before {
            return to;
        }
    }
}

struct World {
    dir: tempfile::TempDir,
    catalog: Option<Arc<Catalog>>,
    model: Model,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let (dir, clock) = (memory_dir(), clock());
        let catalog = Catalog::open(dir.path(), options(), clock.clone()).unwrap();
        catalog.write(COLLECTIONS.iter().map(|c| collection(c)).collect()).unwrap();
        Self { dir, catalog: Some(catalog), model: Model::new(), clock }
    }

    fn catalog(&self) -> &Arc<Catalog> {
        self.catalog.as_ref().unwrap()
    }

    fn write(&mut self, writes: Vec<(Write, Option<Plain>)>) {
        let (writes, plains): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
        let keys: Vec<_> = writes.iter().map(|w| format!("{w:?}")).collect();
        let outcomes = self.catalog().write(writes.clone()).unwrap();
        for (((write, plain), outcome), key) in writes.into_iter().zip(plains).zip(outcomes).zip(keys) {
            match (write, outcome) {
                (Write::PutItem(..), Outcome::Created(seq) | Outcome::Replaced(seq)) => {
                    let mut plain = plain.unwrap();
                    plain.seq = seq;
                    plain.ingested = self.catalog().snapshot().item_by_seq(seq).map_or(0, |i| i.ingested.0);
                    self.model.insert((plain.record.collection.clone(), plain.record.id.clone()), plain);
                }
                (Write::PutItem(..), Outcome::Unchanged(seq)) => {
                    let plain = plain.unwrap();
                    let stored = &self.model[&(plain.record.collection.clone(), plain.record.id.clone())];
                    assert_eq!((&stored.record.properties, stored.seq), (&plain.record.properties, seq), "{key}");
                }
                (Write::DeleteItem(c, i, _), outcome) => {
                    let was = self.model.remove(&(c.as_str().into(), i.as_str().into())).is_some();
                    assert_eq!(was, matches!(outcome, Outcome::Deleted(_)), "{key}");
                }
                (Write::DeleteCollection(c, _), outcome) => {
                    assert!(matches!(outcome, Outcome::Deleted(_)), "{key}");
                    self.model.retain(|(collection, _), _| collection != c.as_str());
                }
                (Write::PutCollection(..), outcome) => assert!(!matches!(outcome, Outcome::Rejected(_)), "{key}"),
                (_, outcome) => panic!("{key}: {outcome:?}"),
            }
        }
    }

    fn run(&mut self, steps: Vec<Step>) {
        let mut pending = Vec::new();
        for step in steps {
            match step {
                Step::Put(c, i, geometry, properties) => {
                    let (collection, id) = (COLLECTIONS[c].to_owned(), format!("i{i}"));
                    let value = json!({"type": "Feature", "id": id, "collection": collection, "geometry": geometry, "properties": properties});
                    let item = Item::from_value(&value, None).unwrap();
                    let geometry = item.geometry.clone().filter(|g| g.coords_count() > 0);
                    let plain = Plain { record: Record { collection, id, geometry, properties }, seq: 0, ingested: 0 };
                    pending.push((Write::PutItem(Box::new(item), Precondition::None), Some(plain)));
                }
                Step::Delete(c, i) => {
                    let write = Write::DeleteItem(
                        CollectionId::new(COLLECTIONS[c]).unwrap(),
                        ItemId::new(format!("i{i}")).unwrap(),
                        Precondition::None,
                    );
                    pending.push((write, None));
                }
                Step::DeleteCollection(c) => {
                    pending.push((
                        Write::DeleteCollection(CollectionId::new(COLLECTIONS[c]).unwrap(), Precondition::None),
                        None,
                    ));
                    pending.push((collection(COLLECTIONS[c]), None));
                }
                Step::Merge => self.catalog().optimize().unwrap(),
                Step::Compact => self.catalog().compact().unwrap(),
                Step::Crash => {
                    self.write(std::mem::take(&mut pending));
                    let after = crash_image(self.dir.path());
                    self.catalog = None;
                    self.dir = after;
                    self.catalog = Some(Catalog::open(self.dir.path(), options(), self.clock.clone()).unwrap());
                }
                Step::Reopen => {
                    self.write(std::mem::take(&mut pending));
                    self.catalog = None;
                    self.catalog = Some(Catalog::open(self.dir.path(), options(), self.clock.clone()).unwrap());
                }
            }
            if pending.len() >= 6 {
                self.write(std::mem::take(&mut pending));
            }
        }
        self.write(pending);
    }

    fn check(&self, question: &Search, scope: Scope) {
        let snapshot = self.catalog().snapshot();
        let unknown = question.intersects_refs.iter().any(|r| {
            let place = self.model.values().find(|p| p.reference() == *r);
            place.is_none_or(|p| p.record.geometry.is_none() || p.record.collection == "secret" && !scope.may_write())
        });
        if unknown {
            assert!(nilometer_query::search(&snapshot, question, scope).is_err());
            return;
        }
        let lacking = |key: &SortKey| {
            let has =
                |p: &Plain| (p.record.collection != "secret" || scope.may_write()) && !p.values(&key.field).is_empty();
            !matches!(key.field.as_str(), "datetime" | "ingested") && !self.model.values().any(has)
        };
        if question.sortby.iter().any(lacking) {
            // Unknown to all live items; a deleted one may still have it in a segment.
            if let Err(problem) = nilometer_query::search(&snapshot, question, scope) {
                assert_eq!(problem.code, "unknown-sort-field");
                return;
            }
        }
        let mut expected: Vec<&Plain> =
            self.model.values().filter(|item| matches(&self.model, item, question, scope)).collect();
        expected.sort_by(|a, b| in_order(a, b, &question.sortby));
        let expected: Vec<(String, String)> =
            expected.iter().map(|p| (p.record.collection.clone(), p.record.id.clone())).collect();
        let ask = |token: Option<String>| {
            let page = nilometer_query::search(&snapshot, &Search { token, ..question.clone() }, scope).unwrap();
            assert_eq!(page.number_matched, expected.len() as u64, "{question:?}");
            assert!(page.items.len() <= question.limit);
            page
        };
        let names = |page: &Page| -> Vec<(String, String)> {
            page.items.iter().map(|i| (i.collection.as_str().to_owned(), i.id.as_str().to_owned())).collect()
        };
        let mut pages = vec![ask(None)];
        while let Some(token) = pages[pages.len() - 1].next.clone() {
            pages.push(ask(Some(token)));
        }
        let got: Vec<(String, String)> = pages.iter().flat_map(names).collect();
        assert_eq!(got, expected, "{question:?}");
        // The same pages lead back, and on from there.
        let mut back = pages.pop().unwrap();
        while let Some(before) = pages.pop() {
            back = ask(Some(back.prev.expect("a page before")));
            assert_eq!(names(&back), names(&before), "{question:?}");
            assert!(back.next.is_some());
        }
        assert_eq!(back.prev, None);
        let key_of =
            |item: nilometer_indexer::StoredItem| (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
        let mut whole = Whole::looking_ahead(&snapshot, question, scope, question.limit as u64).unwrap();
        assert_eq!(whole.number_matched(), expected.len() as u64, "{question:?}");
        let unordered: BTreeSet<(String, String)> = whole.in_any_order().map(|item| key_of(item.unwrap())).collect();
        assert_eq!(unordered, expected.iter().cloned().collect(), "{question:?}");
        let got: Vec<(String, String)> = whole.by_ref().map(|item| key_of(item.unwrap())).collect();
        assert_eq!(got, expected, "the whole result of {question:?}");
        assert!(whole.next().is_none());
        assert_eq!(nilometer_query::count(&snapshot, question, scope).unwrap(), expected.len() as u64);
        self.check_counts(question, scope);
    }

    /// What tiles are drawn from, against every item's own cells and shape.
    fn check_map(&self, question: &Search, scope: Scope, (zoom, row, col): (u8, i32, i32)) {
        let snapshot = self.catalog().snapshot();
        let Ok(density) = tile::density(&snapshot, question, scope) else { return };
        let found: Vec<(&Plain, &geo::Geometry<f64>)> = self
            .model
            .values()
            .filter(|item| matches(&self.model, item, question, scope))
            .filter_map(|item| Some((item, item.record.geometry.as_ref().filter(|g| g.coords_count() > 0)?)))
            .collect();
        assert_eq!((density.items, density.fullest[0]), (found.len() as u64, found.len() as u64));
        let mut by_tile: HashMap<(i64, i64), u64> = HashMap::new();
        let size = f64::from(zoom).exp2();
        for (_, geometry) in &found {
            let (lon, lat) = nilometer_indexer::geometry::centroid(geometry).unwrap();
            let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0;
            let place = |share: f64| (share * size).floor().clamp(0.0, size - 1.0) as i64;
            *by_tile.entry((place((lon + 180.0) / 360.0), place(y))).or_default() += 1;
        }
        assert_eq!(density.fullest[usize::from(zoom)], by_tile.into_values().max().unwrap_or(0), "zoom {zoom}");

        let resolution = 1 + zoom % 2;
        let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, geometry) in &found {
            let cells = h3_cells(geometry, resolution, usize::MAX).unwrap();
            cells.into_iter().for_each(|cell| *expected.entry(cell).or_default() += 1);
        }
        let rect = Rect::new(
            coord! {x: f64::from(col) * 45.0 - 180.0, y: f64::from(row) * 30.0 - 90.0},
            coord! {x: f64::from(col) * 45.0 - 135.0, y: f64::from(row) * 30.0 - 60.0},
        );
        let grid = CellGrid::over(&rect.to_polygon().into(), resolution, usize::MAX).unwrap();
        let cells: BTreeSet<u64> = grid.indices().collect();
        let in_region = |counts: &BTreeMap<u64, u64>| -> BTreeMap<u64, u64> {
            counts.iter().filter(|(cell, _)| cells.contains(cell)).map(|(cell, count)| (*cell, *count)).collect()
        };
        let whole: BTreeMap<u64, u64> =
            tile::counts_in(&snapshot, question, scope, &grid, false).unwrap().into_iter().collect();
        assert_eq!(whole, in_region(&expected), "{question:?}");
        let kept = tile::counts(&snapshot, question, scope, resolution).unwrap();
        let mut sum: BTreeMap<u64, u64> = kept.counts.into_iter().collect();
        for (cell, count) in tile::counts_in(&snapshot, question, scope, &grid, true).unwrap() {
            assert!(kept.has_wide);
            *sum.entry(cell).or_default() += count;
        }
        assert_eq!(in_region(&sum), in_region(&expected), "{question:?}");
        assert!(kept.has_wide || sum == expected);

        let asked = Bbox { west: rect.min().x, south: rect.min().y, east: rect.max().x, north: rect.max().y };
        let expected: BTreeSet<u64> =
            found.iter().filter(|(_, g)| g.intersects(&rect)).map(|(item, _)| item.seq).collect();
        let seqs = |items: &mut dyn Iterator<Item = tile::MapItem<'_>>| items.map(|item| item.seq()).collect();
        let mut got: Vec<u64> = tile::items_in(&snapshot, question, scope, asked, seqs).unwrap();
        got.sort_unstable();
        assert_eq!(got, expected.into_iter().collect::<Vec<_>>(), "{question:?}");
    }
}

proptest! {
    // Each case writes real files; `PROPTEST_CASES` asks for more of them.
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(16), max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_as_a_linear_scan_does_under_any_history(
        steps in prop::collection::vec(step(), 10..80),
        questions in prop::collection::vec(question(), 40),
        addresses in prop::collection::vec((0u8..=10, 0..6i32, 0..8i32), 4),
    ) {
        let mut world = World::new();
        for part in steps.chunks(12) {
            world.run(part.to_vec());
            world.check_properties(Scope::of(Role::Visitor));
            world.check_properties(Scope::of(Role::Operator));
        }
        for question in &questions {
            world.check(question, Scope::of(Role::Visitor));
            world.check(question, Scope::of(Role::Operator));
        }
        for (question, address) in questions.iter().zip(addresses) {
            world.check_map(question, Scope::of(Role::Visitor), address);
            world.check_map(question, Scope::of(Role::Operator), address);
        }
        world.catalog = None;
        prop_assert_eq!(Catalog::check(world.dir.path()).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_run_of_pages_holds_every_unchanged_item_once_while_others_are_written() {
    let mut world = World::new();
    let put = |i: u8, day: i64| Step::Put(0, i, Value::Null, json!({"datetime": moment(day), "title": ""}));
    world.run((0..12).map(|i| put(i, i64::from(i))).collect());
    let scope = Scope::of(Role::Visitor);
    let mut question = Search { limit: 3, ..Search::default() };
    let mut seen = Vec::new();
    for round in 0.. {
        let page = nilometer_query::search(&world.catalog().snapshot(), &question, scope).unwrap();
        seen.extend(page.items.iter().map(|i| i.id.as_str().to_owned()));
        // A new item sorts first and one seen already changes: neither may move the others.
        world.run(vec![
            Step::Put(1, round, Value::Null, json!({"datetime": moment(40), "title": ""})),
            put(11, 20 + i64::from(round)),
        ]);
        question.token = page.next;
        if question.token.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..12).rev().map(|i| format!("i{i}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn changes_tell_a_mirror_all_it_may_know_and_end_at_the_horizon() {
    let mut world = World::new();
    let put = |c: usize, i: u8, day: i64| {
        Step::Put(c, i, Value::Null, json!({"datetime": moment(day), "title": "x".repeat(200)}))
    };
    world.run(vec![put(0, 1, 1), put(3, 1, 1), put(0, 2, 1), Step::Delete(0, 1), Step::Delete(3, 1), put(0, 2, 2)]);
    let feed = |since: u64, role: Role| world.catalog().changes(since, 100, Scope::of(role)).unwrap();
    let all: Vec<String> = feed(0, Role::Visitor)
        .changes
        .iter()
        .map(|c| format!("{:?} {} {}", c.kind, c.collection, c.id.clone().unwrap_or_default()))
        .collect();
    assert_eq!(
        all,
        [
            "PutCollection rivers ",
            "PutCollection lakes ",
            "PutCollection lakes.small ",
            "DeleteItem rivers i1",
            "PutItem rivers i2",
        ]
    );
    assert_eq!(feed(0, Role::Operator).changes.len(), 10);
    let until = feed(0, Role::Visitor).until;
    assert!(feed(until, Role::Visitor).changes.is_empty());
    for day in 3..40 {
        world.run(vec![put(0, 2, day)]);
    }
    world.catalog().compact().unwrap();
    let retained = world.catalog().stats().retained_from;
    assert!(retained > 0);
    let problem = world.catalog().changes(retained - 1, 10, Scope::of(Role::Visitor)).unwrap_err().problem();
    assert_eq!(problem.kind, nilometer_schemas::Kind::Gone);
    assert!(world.catalog().changes(retained, 10, Scope::of(Role::Visitor)).is_ok());
}

#[test]
fn a_collection_that_takes_the_id_of_a_hidden_one_tells_nothing_of_it() {
    let mut world = World::new();
    let put = |c: usize, i: u8| Step::Put(c, i, Value::Null, json!({"datetime": moment(1), "title": ""}));
    let feed = |world: &World| -> Vec<String> {
        let page = world.catalog().changes(0, 100, Scope::of(Role::Visitor)).unwrap();
        page.changes
            .into_iter()
            .filter(|c| c.collection == "secret")
            .map(|c| format!("{:?} {}", c.kind, c.id.unwrap_or_default()))
            .collect()
    };
    world.run(vec![put(3, 1), put(3, 2), Step::Delete(3, 2)]);
    assert_eq!(feed(&world), [""; 0]);
    // Shown from now on: what is there is told, what was deleted before is not.
    world.catalog().write(vec![collection_with("secret", "public")]).unwrap();
    assert_eq!(feed(&world), ["PutCollection ", "PutItem i1"]);
    world.run(vec![put(3, 3)]);
    // Hidden again, then gone: nothing written before comes back.
    world.catalog().write(vec![collection_with("secret", "hidden")]).unwrap();
    assert_eq!(feed(&world), ["DeleteCollection "]);
    let secret = CollectionId::new("secret").unwrap();
    world.catalog().write(vec![Write::DeleteCollection(secret.clone(), Precondition::None)]).unwrap();
    assert_eq!(feed(&world), ["DeleteCollection "]);
    world.catalog().write(vec![collection_with("secret", "hidden")]).unwrap();
    world.run(vec![put(3, 4)]);
    world
        .catalog()
        .write(vec![Write::DeleteCollection(secret, Precondition::None), collection_with("secret", "public")])
        .unwrap();
    assert_eq!(feed(&world), ["DeleteCollection ", "PutCollection "]);
}

/// What a visitor's mirror holds: for each collection its items and their sequence numbers.
type Mirror = BTreeMap<String, BTreeMap<String, u64>>;

fn follow(mirror: &mut Mirror, since: u64, catalog: &Catalog) -> u64 {
    use nilometer_indexer::ChangeKind;
    let page = catalog.changes(since, 10_000, Scope::of(Role::Visitor)).unwrap();
    for change in page.changes {
        let id = change.id.unwrap_or_default();
        match change.kind {
            ChangeKind::PutCollection => drop(mirror.entry(change.collection).or_default()),
            ChangeKind::DeleteCollection => drop(mirror.remove(&change.collection)),
            ChangeKind::PutItem => drop(mirror.entry(change.collection).or_default().insert(id, change.seq)),
            ChangeKind::DeleteItem => drop(mirror.get_mut(&change.collection).and_then(|items| items.remove(&id))),
        }
    }
    page.until
}

fn seen_by_a_visitor(catalog: &Catalog) -> Mirror {
    let (snapshot, scope) = (catalog.snapshot(), Scope::of(Role::Visitor));
    let mut seen: Mirror =
        snapshot.collections(scope).iter().map(|c| (c.collection.id.as_str().to_owned(), BTreeMap::new())).collect();
    let all = Search { limit: 10_000, ..Search::default() };
    for item in nilometer_query::search(&snapshot, &all, scope).unwrap().items {
        seen.get_mut(item.collection.as_str()).unwrap().insert(item.id.as_str().to_owned(), item.seq);
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mirror_that_follows_the_changes_holds_what_a_visitor_sees(
        steps in prop::collection::vec((0u8..8, 0..COLLECTIONS.len(), 0u8..5, any::<bool>()), 1..60),
    ) {
        let world = World::new();
        let catalog = world.catalog();
        let (mut mirror, mut since) = (Mirror::new(), 0);
        for (n, (step, c, i, hide)) in steps.into_iter().enumerate() {
            let name = CollectionId::new(COLLECTIONS[c]).unwrap();
            let write = match step {
                0 => collection_with(COLLECTIONS[c], if hide { "hidden" } else { "public" }),
                1 if hide => Write::DeleteCollection(name, Precondition::None),
                2 => Write::DeleteItem(name, ItemId::new(format!("i{i}")).unwrap(), Precondition::None),
                3 => {
                    since = follow(&mut mirror, since, catalog);
                    prop_assert_eq!(&mirror, &seen_by_a_visitor(catalog));
                    continue;
                }
                _ => {
                    let properties = json!({"datetime": moment(n as i64), "title": ""});
                    let value = json!({"type": "Feature", "id": format!("i{i}"), "geometry": null, "properties": properties});
                    Write::PutItem(Box::new(Item::from_value(&value, Some(&name)).unwrap()), Precondition::None)
                }
            };
            catalog.write(vec![write]).unwrap();
        }
        follow(&mut mirror, since, catalog);
        prop_assert_eq!(&mirror, &seen_by_a_visitor(catalog));
        let mut anew = Mirror::new();
        follow(&mut anew, 0, catalog);
        prop_assert_eq!(&anew, &seen_by_a_visitor(catalog));
    }
}
