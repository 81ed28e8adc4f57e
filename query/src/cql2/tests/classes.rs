//! What each class of the standard adds, in both forms.

use geo::{Geometry, LineString, Point};
use nilometer_schemas::{Arithmetic, ArrayRelation, Expr, Function, SpatialRelation, TemporalRelation};

use super::*;

fn p(name: &str) -> Expr {
    Expr::property(name)
}

fn n(number: f64) -> Expr {
    Expr::number(number)
}

fn op(op: Arithmetic, left: Expr, right: Expr) -> Expr {
    Expr::Arithmetic { op, left: Box::new(left), right: Box::new(right) }
}

fn call(function: Function, argument: Expr) -> Expr {
    Expr::Call(function, vec![argument])
}

fn same(left: Expr, right: Expr) -> Filter {
    Filter::Compare { left, op: Comparison::Equal, right }
}

#[test]
fn properties_compare_with_properties() {
    check("a = b", same(p("a"), p("b")));
    check("a BETWEEN b AND c", Filter::Between { value: p("a"), low: p("b"), high: p("c") });
    check("a IN (b, 1)", Filter::In { value: p("a"), values: vec![p("b"), n(1.0)] });
    check("1 = 1", same(n(1.0), n(1.0)));
    check_json(json!({"op": "=", "args": [{"property": "a"}, {"property": "b"}]}), same(p("a"), p("b")));
}

#[test]
fn arithmetic_binds_as_in_school() {
    use Arithmetic::{Add, Divide, IntegerDivide, Multiply, Power, Remainder, Subtract};
    check("a = b + c * d", same(p("a"), op(Add, p("b"), op(Multiply, p("c"), p("d")))));
    check("a = (b + c) * d", same(p("a"), op(Multiply, op(Add, p("b"), p("c")), p("d"))));
    check("a = b - c - d", same(p("a"), op(Subtract, op(Subtract, p("b"), p("c")), p("d"))));
    check("a = b - (c - d)", same(p("a"), op(Subtract, p("b"), op(Subtract, p("c"), p("d")))));
    check(
        "a = b / c DIV d % e",
        same(p("a"), op(Remainder, op(IntegerDivide, op(Divide, p("b"), p("c")), p("d")), p("e"))),
    );
    check("a = 2 ^ b * 3", same(p("a"), op(Multiply, op(Power, n(2.0), p("b")), n(3.0))));
    check("a = (b ^ c) ^ d", same(p("a"), op(Power, op(Power, p("b"), p("c")), p("d"))));
    check("a = -b", same(p("a"), op(Multiply, n(-1.0), p("b"))));
    check("a = - -2", same(p("a"), n(2.0)));
    check("a-1 = -2", same(op(Subtract, p("a"), n(1.0)), n(-2.0)));
    check(
        "(a + 1) * 2 > 3 AND ((b) = (4))",
        Filter::And(vec![
            Filter::Compare {
                left: op(Multiply, op(Add, p("a"), n(1.0)), n(2.0)),
                op: Comparison::Greater,
                right: n(3.0),
            },
            same(p("b"), n(4.0)),
        ]),
    );
    check("5 < a + 1", Filter::Compare { left: op(Add, p("a"), n(1.0)), op: Comparison::Greater, right: n(5.0) });
    check("div = div div 2", same(p("div"), op(IntegerDivide, p("div"), n(2.0))));
    check_json(
        json!({"op": "=", "args": [{"property": "a"}, {"op": "^", "args": [{"property": "b"}, 2]}]}),
        same(p("a"), op(Power, p("b"), n(2.0))),
    );
    refuse("a = b ^ c ^ d", "filter-syntax", "brackets");
    refuse("a + 'x' = 1", "filter-value", "numbers");
    refuse("(a = 1) + 2 = 3", "filter-syntax", "not a condition");
    refuse("geometry + 1 = 2", "filter-value", "S_INTERSECTS");
}

#[test]
fn case_and_accents_are_left_out_of_comparisons_by_functions() {
    check("CASEI(a) = casei('X')", same(call(Function::Casei, p("a")), call(Function::Casei, Expr::text("X"))));
    check(
        "ACCENTI(CASEI(a)) LIKE accenti(casei('É%'))",
        Filter::Like {
            value: call(Function::Accenti, call(Function::Casei, p("a"))),
            pattern: call(Function::Accenti, call(Function::Casei, Expr::text("É%"))),
        },
    );
    check(
        "CASEI(a) IN (CASEI('x'),CASEI('y'))",
        Filter::In {
            value: call(Function::Casei, p("a")),
            values: vec![call(Function::Casei, Expr::text("x")), call(Function::Casei, Expr::text("y"))],
        },
    );
    check_json(
        json!({"op": "like", "args": [{"property": "a"}, {"op": "casei", "args": ["x%"]}]}),
        Filter::Like { value: p("a"), pattern: call(Function::Casei, Expr::text("x%")) },
    );
    refuse("a LIKE lower('x')", "filter-value", "CASEI");
    refuse("a LIKE b", "filter-syntax", "pattern");
}

#[test]
fn functions_have_the_arguments_of_their_table() {
    check("month(datetime) = 7", same(call(Function::Month, p("datetime")), n(7.0)));
    check(
        "LENGTH(a) > abs(b)",
        Filter::Compare {
            left: call(Function::Length, p("a")),
            op: Comparison::Greater,
            right: call(Function::Abs, p("b")),
        },
    );
    let point = Expr::Geometry(Geometry::Point(Point::new(1.0, 2.0)));
    check(
        "distance_km(geometry, POINT(1 2)) <= 5",
        Filter::Compare {
            left: Expr::Call(Function::DistanceKm, vec![p("geometry"), point]),
            op: Comparison::LessEqual,
            right: n(5.0),
        },
    );
    check_json(
        json!({"op": ">", "args": [{"op": "year", "args": [{"property": "datetime"}]}, 2020]}),
        Filter::Compare { left: call(Function::Year, p("datetime")), op: Comparison::Greater, right: n(2020.0) },
    );
    refuse("month(datetime, 1) = 7", "filter-syntax", "')'");
    refuse("month() = 7", "filter-syntax", "a value");
    refuse("distance_km(geometry, geometry) < 1", "filter-value", "from a point");
    refuse("distance_km(a, POINT(1 2)) < 1", "filter-value", "no geometry");
    refuse("lower(geometry) = 'x'", "filter-value", "S_INTERSECTS");
    refuse_json(json!({"op": "=", "args": [{"op": "month", "args": []}, 1]}), "filter-value", "/filter/args/0/args");
}

#[test]
fn spatial_relations_have_the_items_geometry_first() {
    let line = || Geometry::LineString(LineString::from(vec![(0.0, 0.0), (1.0, 1.0)]));
    for (text, relation) in [
        ("S_EQUALS(geometry,LINESTRING(0 0,1 1))", SpatialRelation::Equals),
        ("S_DISJOINT(geometry,LINESTRING(0 0,1 1))", SpatialRelation::Disjoint),
        ("S_TOUCHES(LINESTRING(0 0,1 1),geometry)", SpatialRelation::Touches),
        ("S_WITHIN(geometry,LINESTRING(0 0,1 1))", SpatialRelation::Within),
        ("S_WITHIN(LINESTRING(0 0,1 1),geometry)", SpatialRelation::Contains),
        ("S_CONTAINS(LINESTRING(0 0,1 1),geometry)", SpatialRelation::Within),
        ("S_OVERLAPS(geometry,LINESTRING(0 0,1 1))", SpatialRelation::Overlaps),
        ("s_crosses(geometry,LINESTRING(0 0,1 1))", SpatialRelation::Crosses),
    ] {
        check(text, Filter::spatial(relation, line()));
    }
    let literals = Filter::Spatial {
        relation: SpatialRelation::Crosses,
        left: Expr::Geometry(line()),
        right: Expr::Geometry(Geometry::Point(Point::new(1.0, 1.0))),
    };
    check("S_CROSSES(LINESTRING(0 0,1 1),POINT(1 1))", literals.clone());
    check_json(
        json!({"op": "s_crosses", "args": [{"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
            {"type": "Point", "coordinates": [1, 1]}]}),
        literals,
    );
    refuse("S_WITHIN(geometry, 5)", "filter-value", "geometries");
    refuse("POINT(1 2) = a", "filter-value", "S_INTERSECTS");
}

#[test]
fn temporal_relations_take_moments_dates_and_intervals() {
    let at = |text: &str| Expr::Literal(moment(text));
    let between = |a: Expr, b: Expr| Expr::Interval(Some(Box::new(a)), Some(Box::new(b)));
    let of = |relation, left, right| Filter::Temporal { relation, left, right };
    for relation in TemporalRelation::ALL {
        let text = format!("{}(a,TIMESTAMP('2020-01-01T00:00:00Z'))", relation.operator().to_uppercase());
        check(&text, of(relation, p("a"), at("2020-01-01T00:00:00Z")));
    }
    let day = || between(at("2020-02-29T00:00:00Z"), at("2020-02-29T23:59:59.999999Z"));
    check("T_AFTER(a, DATE('2020-02-29'))", of(TemporalRelation::After, p("a"), day()));
    check("T_AFTER(a, '2020-02-29')", of(TemporalRelation::After, p("a"), day()));
    check(
        "T_DURING(INTERVAL(a, b), INTERVAL('2020-02-29', '2020-02-29'))",
        of(TemporalRelation::During, between(p("a"), p("b")), day()),
    );
    check(
        "T_STARTS(a, INTERVAL('..', DATE('2020-02-29')))",
        of(TemporalRelation::Starts, p("a"), Expr::Interval(None, Some(Box::new(at("2020-02-29T23:59:59.999999Z"))))),
    );
    check_json(
        json!({"op": "t_metBy", "args": [{"interval": ["2020-02-29", ".."]}, {"interval": [{"property": "a"}, "2020-02-29"]}]}),
        of(
            TemporalRelation::MetBy,
            Expr::Interval(Some(Box::new(at("2020-02-29T00:00:00Z"))), None),
            between(p("a"), at("2020-02-29T23:59:59.999999Z")),
        ),
    );
    refuse("T_AFTER(a, INTERVAL('2021-01-01', '2020-01-01'))", "filter-value", "before it begins");
    refuse("T_AFTER(a, INTERVAL('2021', '..'))", "filter-value", "no end of an interval");
    refuse("T_AFTER(a, 5)", "filter-value", "moments and periods");
    refuse("T_AFTER(geometry, DATE('2020-01-01'))", "filter-value", "moments and periods");
    refuse("a = INTERVAL('..', '..')", "filter-value", "temporal functions");
    let interval = json!({"op": "t_after", "args": [{"property": "a"}, {"interval": [5, ".."]}]});
    refuse_json(interval, "filter-syntax", "/filter/args/1/interval/0");
}

#[test]
fn array_relations_take_properties_and_arrays() {
    let of = |relation, left, right| Filter::Array { relation, left, right };
    let list = || Expr::Array(vec![Expr::text("a"), Expr::Literal(Scalar::Bool(true)), n(1.0), p("b")]);
    check("A_EQUALS(a, ('a', TRUE, 1.0, \"b\"))", of(ArrayRelation::Equals, p("a"), list()));
    check("a_overlaps(x, ('a'))", of(ArrayRelation::Overlaps, p("x"), Expr::Array(vec![Expr::text("a")])));
    check("A_CONTAINS(('a'), x)", of(ArrayRelation::Contains, Expr::Array(vec![Expr::text("a")]), p("x")));
    check("A_CONTAINEDBY(x, ())", of(ArrayRelation::ContainedBy, p("x"), Expr::Array(vec![])));
    check_json(
        json!({"op": "a_containedBy", "args": [{"property": "x"}, [{"date": "2020-02-29"}]]}),
        of(ArrayRelation::ContainedBy, p("x"), Expr::Array(vec![Expr::Literal(moment("2020-02-29T00:00:00Z"))])),
    );
    refuse("A_EQUALS(a, 'x')", "filter-value", "arrays");
    refuse_json(json!({"op": "=", "args": [{"property": "a"}, ["x"]]}), "filter-value", "/filter/args");
}

#[test]
fn a_hundred_thousand_of_anything_is_refused_without_a_crash() {
    let many = |text: &str| text.repeat(100_000);
    let within = |text: &str, most: usize| text.repeat(most / text.len());
    for text in [
        many("("),
        many("NOT "),
        many("a = 1 AND "),
        many("-"),
        within("(", 60_000),
        within("NOT ", 60_000),
        within("NOT(", 60_000),
        within("a=1 AND ", 60_000) + "a=1",
        within("CASEI(", 60_000),
        within("S_INTERSECTS(", 60_000),
        within("T_AFTER(", 60_000),
        within("A_EQUALS((", 60_000),
        within("INTERVAL(", 60_000),
        format!("a = 1{}", within("+1", 60_000)),
        format!("a = {}1", within("1*", 60_000)),
        format!("a LIKE {}", within("CASEI(", 60_000)),
        format!("A_OVERLAPS(a, ({}))", vec!["1"; 20_000].join(",")),
        format!("S_EQUALS(geometry, MULTIPOINT({}))", vec!["1 1"; 12_000].join(",")),
    ] {
        let problem = parse_text(&text).unwrap_err();
        assert_eq!(problem.kind, Kind::Invalid, "{problem}");
    }
    let signs = format!("a = {}1", within("-", 60_000));
    assert_eq!(parse_text(&signs), Ok(same(p("a"), n(1.0))));
    let mut sum = json!(1);
    for _ in 0..1_000 {
        sum = json!({"op": "+", "args": [sum, 1]});
    }
    let problem = parse_json(&json!({"op": "=", "args": [{"property": "a"}, sum]})).unwrap_err();
    assert_eq!((problem.kind, problem.code), (Kind::Invalid, "filter-too-large"));
}
