//! Random filters of every kind on random items, against a slow evaluator.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/evaluator.rs"]
mod evaluator;
#[path = "common/filters.rs"]
mod filters;

use std::collections::BTreeSet;

use evaluator::{Record, truth};
use filters::{catalogue, found, found_of};
use nilometer_query::cql2::to_text;
use nilometer_schemas::{
    Arithmetic, ArrayRelation, Comparison, Expr, Filter, Function, Instant, Scalar, SpatialRelation, TemporalRelation,
    geojson,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000_000;

fn moment(days: i64) -> String {
    Instant(days * DAY).to_string()
}

fn corner() -> impl Strategy<Value = (f64, f64)> {
    (-4i32..=4, -4i32..=4).prop_map(|(x, y)| (f64::from(x) * 2.0, f64::from(y) * 2.0))
}

fn geometry() -> impl Strategy<Value = Value> {
    let boxed = (corner(), prop::sample::select(vec![1.0, 2.0, 4.0, 8.0])).prop_map(
        |((x, y), d)| json!({"type": "Polygon", "coordinates": [[[x, y], [x + d, y], [x + d, y + d], [x, y + d], [x, y]]]}),
    );
    let line = prop::collection::btree_set((-4i32..=4, -4i32..=4), 2..5).prop_map(|points| {
        json!({"type": "LineString", "coordinates": points.into_iter().map(|(x, y)| json!([x * 2, y * 2])).collect::<Vec<_>>()})
    });
    let points = prop::collection::btree_set((-4i32..=4, -4i32..=4), 1..4).prop_map(|points| {
        json!({"type": "MultiPoint", "coordinates": points.into_iter().map(|(x, y)| json!([x * 2, y * 2])).collect::<Vec<_>>()})
    });
    let triangle = (corner(), 1i32..4, 1i32..4).prop_map(|((x, y), w, h)| {
        let (w, h) = (f64::from(w), f64::from(h));
        json!({"type": "Polygon", "coordinates": [[[x, y], [x + w, y], [x, y + h], [x, y]]]})
    });
    prop_oneof![
        4 => boxed,
        2 => triangle,
        2 => line,
        1 => points,
        2 => corner().prop_map(|(x, y)| json!({"type": "Point", "coordinates": [x, y]})),
    ]
}

const TEXTS: [&str; 6] = ["Saône", "saone", "SAÔNE", "été", "Ete", "x"];

fn record() -> impl Strategy<Value = (Option<Value>, Value)> {
    let times = prop_oneof![
        (0i64..40).prop_map(|d| json!({"datetime": moment(d)})),
        (0i64..40, 0i64..10)
            .prop_map(|(d, n)| json!({"datetime": null, "start_datetime": moment(d), "end_datetime": moment(d + n)})),
    ];
    let number = || {
        prop_oneof![
            Just(Value::Null),
            (-3i32..4).prop_map(|n| json!(n)),
            (-3i32..4).prop_map(|n| json!(f64::from(n) + 0.5))
        ]
    };
    let text = prop_oneof![Just(Value::Null), prop::sample::select(TEXTS.to_vec()).prop_map(|t| json!(t))];
    let day = prop_oneof![
        Just(Value::Null),
        (0i64..40).prop_map(|d| json!(moment(d))),
        (0i64..40).prop_map(|d| json!(&moment(d)[..10])),
        Just(json!("no day")),
    ];
    let many = prop::collection::vec(-1i32..4, 0..4).prop_map(|v| json!(v));
    let mixed = prop_oneof![
        number(),
        any::<bool>().prop_map(|b| json!(b)),
        prop::collection::vec("[ab]", 0..3).prop_map(|v| json!(v)),
    ];
    (prop::option::weighted(0.85, geometry()), times, (number(), number()), text, (day.clone(), day), (many, mixed))
        .prop_map(|(geometry, mut p, (n, m), text, (from, to), (many, mixed))| {
            for (name, value) in
                [("n", n), ("m", m), ("t", text), ("from", from), ("to", to), ("many", many), ("mixed", mixed)]
            {
                p[name] = value;
            }
            (geometry, p)
        })
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(), 66..90).prop_map(|all| {
        let plain = |(i, (geometry, properties)): (usize, (Option<Value>, Value))| Record {
            collection: "c".into(),
            id: format!("i{i}"),
            geometry: geometry.map(|g| geojson::from_value(&g).unwrap()),
            properties,
        };
        all.into_iter().enumerate().map(plain).collect()
    })
}

fn name() -> impl Strategy<Value = Expr> {
    let names = vec!["n", "m", "t", "from", "to", "many", "mixed", "id", "datetime", "start_datetime", "absent"];
    prop::sample::select(names).prop_map(Expr::property)
}

fn literal() -> impl Strategy<Value = Expr> {
    prop_oneof![
        3 => (-3i32..5).prop_map(|n| Expr::number(f64::from(n) / 2.0)),
        2 => prop::sample::select(TEXTS.to_vec()).prop_map(Expr::text),
        1 => "[ab]".prop_map(Expr::text),
        1 => any::<bool>().prop_map(|b| Expr::Literal(Scalar::Bool(b))),
        2 => (0i64..40).prop_map(|d| Expr::Literal(Scalar::Timestamp(Instant(d * DAY)))),
    ]
}

fn value() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![3 => name(), 2 => literal()];
    leaf.prop_recursive(3, 8, 2, |inner| {
        use Arithmetic::{Add, Divide, IntegerDivide, Multiply, Power, Remainder, Subtract};
        use Function::{Abs, Accenti, Casei, Ceil, Day, Floor, Hour, Length, Lower, Month, Round, Upper, Year};
        let op = prop::sample::select(vec![Add, Subtract, Multiply, Divide, IntegerDivide, Remainder, Power]);
        let functions = vec![Abs, Accenti, Casei, Ceil, Day, Floor, Hour, Length, Lower, Month, Round, Upper, Year];
        prop_oneof![
            (op, inner.clone(), inner.clone()).prop_map(|(op, left, right)| Expr::Arithmetic {
                op,
                left: Box::new(left),
                right: Box::new(right)
            }),
            (prop::sample::select(functions), inner).prop_map(|(f, argument)| Expr::Call(f, vec![argument])),
        ]
    })
}

fn period() -> impl Strategy<Value = Expr> {
    let at = || (0i64..40).prop_map(|d| Expr::Literal(Scalar::Timestamp(Instant(d * DAY))));
    let time = || {
        let names = vec!["datetime", "start_datetime", "end_datetime", "from", "to", "n", "absent"];
        prop::sample::select(names).prop_map(Expr::property)
    };
    let end = || prop_oneof![Just(None), at().prop_map(|e| Some(Box::new(e))), time().prop_map(|e| Some(Box::new(e)))];
    prop_oneof![at(), time(), (end(), end()).prop_map(|(a, b)| Expr::Interval(a, b))]
}

fn set() -> impl Strategy<Value = Expr> {
    prop_oneof![
        2 => name(),
        1 => Just(Expr::property("many")),
        3 => prop::collection::vec((-1i32..4).prop_map(|n| Expr::number(f64::from(n))), 0..4).prop_map(Expr::Array),
        1 => prop::collection::vec(prop_oneof![literal(), name()], 0..4).prop_map(Expr::Array),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    let op = || prop::sample::select(vec![Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual]);
    let place = || geometry().prop_map(|g| Expr::Geometry(geojson::from_value(&g).unwrap()));
    let shape = || prop_oneof![1 => Just(Expr::property("geometry")), 4 => place()];
    let folded = |pattern: String, function: Option<Function>| {
        let plain = Expr::text(pattern);
        function.map_or(plain.clone(), |f| Expr::Call(f, vec![plain]))
    };
    let function = prop::sample::select(vec![None, Some(Function::Casei), Some(Function::Accenti)]);
    let leaf = prop_oneof![
        3 => (value(), op(), value()).prop_map(|(left, op, right)| Filter::Compare { left, op, right }),
        3 => (name(), op(), literal()).prop_map(|(left, op, right)| Filter::Compare { left, op, right }),
        2 => (value(), value(), value()).prop_map(|(value, low, high)| Filter::Between { value, low, high }),
        2 => (value(), prop::collection::vec(prop_oneof![3 => literal(), 1 => value()], 1..4))
            .prop_map(|(value, values)| Filter::In { value, values }),
        2 => (value(), "[Ssaôoné%_]{1,4}", function).prop_map(move |(value, p, f)| Filter::Like { value, pattern: folded(p, f) }),
        1 => value().prop_map(Filter::IsNull),
        1 => Just(Filter::is_null("geometry")),
        4 => (prop::sample::select(SpatialRelation::ALL.to_vec()), Just(Expr::property("geometry")), shape())
            .prop_map(|(relation, left, right)| Filter::Spatial { relation, left, right }),
        1 => (prop::sample::select(SpatialRelation::ALL.to_vec()), shape(), shape())
            .prop_map(|(relation, left, right)| Filter::Spatial { relation, left, right }),
        5 => (prop::sample::select(TemporalRelation::ALL.to_vec()), period(), period())
            .prop_map(|(relation, left, right)| Filter::Temporal { relation, left, right }),
        4 => (prop::sample::select(ArrayRelation::ALL.to_vec()), set(), set())
            .prop_map(|(relation, left, right)| Filter::Array { relation, left, right }),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(12), max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_filter_finds_what_a_slow_evaluator_finds(
        records in records(), filters in prop::collection::vec(filter(), 100),
    ) {
        let (_dir, catalog) = catalogue(&records);
        let snapshot = catalog.snapshot();
        for filter in &filters {
            let expected = |filter: &Filter| -> BTreeSet<String> {
                records.iter().filter(|r| truth(r, filter) == Some(true)).map(|r| r.id.clone()).collect()
            };
            prop_assert_eq!(found(&snapshot, filter), expected(filter), "{}", to_text(filter));
            // One item alone is tested by itself, where many are by sets.
            let alone = found_of(&snapshot, filter, &["i7"]);
            prop_assert_eq!(alone.contains("i7"), expected(filter).contains("i7"), "i7: {}", to_text(filter));
            let opposite = Filter::Not(Box::new(filter.clone()));
            prop_assert_eq!(found(&snapshot, &opposite), expected(&opposite), "{}", to_text(&opposite));
        }
    }
}
