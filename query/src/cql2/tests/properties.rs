//! Random filters are read back from both forms, and nothing random makes a reader panic.

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiPoint, MultiPolygon, Point, Polygon};
use nilometer_schemas::{
    Arithmetic, ArrayRelation, Comparison, Expr, Filter, Function, Instant, Scalar, SpatialRelation, TemporalRelation,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{build, parse_json, parse_text, to_json, to_text};

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "eo:cloud_cover", "id", "not", "a b", "a\"b", "1a", "properties.x", "é.b"])
            .prop_map(str::to_owned),
        1 => ".{1,12}".prop_filter("readers type moments and refuse geometry", |name| {
            !["datetime", "start_datetime", "end_datetime", "ingested", "created", "updated", "geometry"].contains(&name.as_str())
        }),
    ]
}

fn numbers() -> impl Strategy<Value = Scalar> {
    let float = any::<f64>().prop_filter("finite", |n| n.is_finite());
    prop_oneof![float, (-1_000i32..1_000).prop_map(f64::from)].prop_map(Scalar::Number)
}

fn moments() -> impl Strategy<Value = Scalar> {
    (-62_167_219_200_000_000i64..253_402_300_799_999_999).prop_map(|us| Scalar::Timestamp(Instant(us)))
}

fn scalars() -> impl Strategy<Value = Scalar> {
    prop_oneof![".{0,12}".prop_map(Scalar::Text), numbers(), any::<bool>().prop_map(Scalar::Bool), moments()]
}

fn coords() -> impl Strategy<Value = Coord<f64>> {
    (-180.0..180.0f64, -90.0..90.0f64).prop_map(|(x, y)| Coord { x, y })
}

fn simple_geometries() -> impl Strategy<Value = Geometry<f64>> {
    let line = || prop::collection::vec(coords(), 2..5).prop_map(LineString);
    let polygon = || {
        prop::collection::vec(coords(), 3..6).prop_map(|mut ring| {
            ring.push(ring[0]);
            Polygon::new(LineString(ring), vec![])
        })
    };
    prop_oneof![
        coords().prop_map(|c| Geometry::Point(Point(c))),
        prop::collection::vec(coords().prop_map(Point), 1..4).prop_map(|p| Geometry::MultiPoint(MultiPoint(p))),
        line().prop_map(Geometry::LineString),
        prop::collection::vec(line(), 1..3).prop_map(|l| Geometry::MultiLineString(geo::MultiLineString(l))),
        polygon().prop_map(Geometry::Polygon),
        prop::collection::vec(polygon(), 1..3).prop_map(|p| Geometry::MultiPolygon(MultiPolygon(p))),
    ]
}

fn geometries() -> impl Strategy<Value = Geometry<f64>> {
    prop_oneof![
        4 => simple_geometries(),
        1 => prop::collection::vec(simple_geometries(), 1..3)
            .prop_map(|members| Geometry::GeometryCollection(GeometryCollection(members))),
    ]
}

/// Values that are no literals, so that no reader moves them.
fn values() -> impl Strategy<Value = Expr> {
    let number = prop_oneof![names().prop_map(Expr::property), numbers().prop_map(Expr::Literal)].boxed();
    let sum = number.clone().prop_recursive(4, 12, 2, |inner| {
        let op = prop::sample::select(vec![
            Arithmetic::Add,
            Arithmetic::Subtract,
            Arithmetic::Multiply,
            Arithmetic::Divide,
            Arithmetic::IntegerDivide,
            Arithmetic::Remainder,
            Arithmetic::Power,
        ]);
        (op, inner.clone(), inner).prop_map(|(op, left, right)| Expr::Arithmetic {
            op,
            left: Box::new(left),
            right: Box::new(right),
        })
    });
    let call = (prop::sample::select(vec![Function::Casei, Function::Lower, Function::Month, Function::Abs]), number);
    prop_oneof![
        2 => sum.prop_filter("a literal", |value| !matches!(value, Expr::Literal(_))),
        1 => names().prop_map(Expr::property),
        1 => call.prop_map(|(function, argument)| Expr::Call(function, vec![argument])),
        1 => coords().prop_map(|c| Expr::Call(
            Function::DistanceKm,
            vec![Expr::property("geometry"), Expr::Geometry(Geometry::Point(Point(c)))]
        )),
    ]
}

fn periods() -> impl Strategy<Value = Expr> {
    let end = || prop_oneof![Just(None), names().prop_map(|name| Some(Box::new(Expr::property(name))))];
    let closed = (moments(), moments()).prop_map(|(a, b)| match (&a, &b) {
        (Scalar::Timestamp(start), Scalar::Timestamp(end)) if start > end => (b, a),
        _ => (a, b),
    });
    prop_oneof![
        names().prop_map(Expr::property),
        moments().prop_map(Expr::Literal),
        (end(), end()).prop_map(|(start, end)| Expr::Interval(start, end)),
        closed.prop_map(|(a, b)| Expr::Interval(Some(Box::new(Expr::Literal(a))), Some(Box::new(Expr::Literal(b))))),
    ]
}

fn arrays() -> impl Strategy<Value = Expr> {
    let members = prop_oneof![scalars().prop_map(Expr::Literal), values()];
    prop_oneof![names().prop_map(Expr::property), prop::collection::vec(members, 0..4).prop_map(Expr::Array)]
}

fn leaves() -> impl Strategy<Value = Filter> {
    let ops = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessEqual,
        Comparison::Greater,
        Comparison::GreaterEqual,
    ]);
    let bounds = prop_oneof![
        (numbers(), numbers()),
        (moments(), moments()),
        (".{0,5}".prop_map(Scalar::Text), ".{0,5}".prop_map(Scalar::Text)),
    ];
    prop_oneof![
        4 => (names(), ops.clone(), scalars()).prop_map(|(property, op, value)| Filter::compare(property, op, value)),
        3 => (values(), ops, values()).prop_map(|(left, op, right)| Filter::Compare { left, op, right }),
        2 => (names(), bounds).prop_map(|(property, (low, high))| Filter::between(property, low, high)),
        1 => (values(), names(), values())
            .prop_map(|(value, low, high)| Filter::Between { value, low: Expr::property(low), high }),
        1 => (names(), "[a-z'é_ ]{0,6}%?(\\\\%)?[A-Z]{0,3}").prop_map(|(property, pattern)| Filter::like(property, pattern)),
        1 => (values(), "[a-zé%]{0,6}").prop_map(|(value, pattern)| {
            let folded = Expr::Call(Function::Casei, vec![Expr::text(pattern)]);
            Filter::Like { value, pattern: Expr::Call(Function::Accenti, vec![folded]) }
        }),
        2 => (names(), prop::collection::vec(scalars(), 1..5)).prop_map(|(property, values)| Filter::one_of(property, values)),
        1 => (values(), prop::collection::vec(values(), 1..4)).prop_map(|(value, values)| Filter::In { value, values }),
        1 => names().prop_map(Filter::is_null),
        1 => values().prop_map(Filter::IsNull),
        1 => geometries().prop_map(Filter::intersects),
        2 => (prop::sample::select(SpatialRelation::ALL.to_vec()), geometries())
            .prop_map(|(relation, geometry)| Filter::spatial(relation, geometry)),
        2 => (prop::sample::select(TemporalRelation::ALL.to_vec()), periods(), periods())
            .prop_map(|(relation, left, right)| Filter::Temporal { relation, left, right }),
        2 => (prop::sample::select(ArrayRelation::ALL.to_vec()), arrays(), arrays())
            .prop_map(|(relation, left, right)| Filter::Array { relation, left, right }),
        1 => any::<bool>().prop_map(Filter::Const),
    ]
}

/// Trees in the readers' normal form.
fn filters() -> impl Strategy<Value = Filter> {
    leaves().prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(build::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(build::any),
            inner.prop_map(build::negate),
        ]
    })
}

/// Texts made of pieces that mean something: they reach deeper into the parser than random characters.
fn broken_texts() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "\"b\"",
        "'x'",
        "5",
        "-",
        "(",
        ")",
        ",",
        "=",
        "<>",
        "<=",
        " AND ",
        " OR ",
        " NOT ",
        " IN ",
        " IS ",
        " NULL ",
        " BETWEEN ",
        " LIKE ",
        "TRUE",
        "TIMESTAMP(",
        "DATE('2020-01-01')",
        "S_INTERSECTS(",
        "geometry",
        "POLYGON((",
        "POINT",
        "1 2",
        "EMPTY",
        "GEOMETRYCOLLECTION(",
        "BBOX(",
        "'",
        "\"",
        "1e",
        "é",
        "\u{0}",
        "properties.",
        "+",
        "Z",
        " div ",
        "^",
        "%",
        "CASEI(",
        "month(",
        "INTERVAL(",
        "'..'",
        "T_AFTER(",
        "S_WITHIN(",
        "A_EQUALS(",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..20).prop_map(|pieces| pieces.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = vec![
        "op",
        "args",
        "property",
        "and",
        "or",
        "not",
        "=",
        "between",
        "in",
        "like",
        "isNull",
        "s_intersects",
        "timestamp",
        "date",
        "bbox",
        "type",
        "Point",
        "coordinates",
        "geometry",
        "GeometryCollection",
        "geometries",
        "a",
        "function",
        "interval",
        "..",
        "+",
        "div",
        "casei",
        "t_during",
        "s_within",
        "a_overlaps",
    ];
    let word = prop::sample::select(words);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        Just(json!({"property": "a"})),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let operation = (word.clone(), prop::collection::vec(inner.clone(), 0..4));
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((word.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
            operation.prop_map(|(op, args)| json!({"op": op, "args": args})),
        ]
    })
}

proptest! {
    #[test]
    fn every_filter_is_read_back_from_its_text(filter in filters()) {
        let written = to_text(&filter);
        prop_assert_eq!(parse_text(&written), Ok(filter), "{}", written);
    }

    #[test]
    fn every_filter_is_read_back_from_its_json(filter in filters()) {
        let written = to_json(&filter).to_string();
        let value: Value = serde_json::from_str(&written).expect("written JSON");
        prop_assert_eq!(parse_json(&value), Ok(filter), "{}", written);
    }

    #[test]
    fn no_text_makes_the_reader_panic_and_what_it_accepts_round_trips(text in prop_oneof![".{0,60}", broken_texts()]) {
        if let Ok(filter) = parse_text(&text) {
            prop_assert_eq!(parse_text(&to_text(&filter)), Ok(filter.clone()));
            prop_assert_eq!(parse_json(&to_json(&filter)), Ok(filter));
        }
    }

    #[test]
    fn no_json_makes_the_reader_panic_and_what_it_accepts_round_trips(value in any_json()) {
        if let Ok(filter) = parse_json(&value) {
            prop_assert_eq!(parse_text(&to_text(&filter)), Ok(filter.clone()));
            prop_assert_eq!(parse_json(&to_json(&filter)), Ok(filter));
        }
    }
}
