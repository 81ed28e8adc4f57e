//! Both readers against tables and against hostile input.

mod classes;
mod properties;

use geo::{Geometry, GeometryCollection, LineString, MultiPoint, MultiPolygon, Point, Polygon};
use nilometer_schemas::limits::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, IN_LIST_MAX, QUERY_VERTICES_MAX};
use nilometer_schemas::{Comparison, Expr, Filter, Instant, Kind, Scalar};
use serde_json::{Value, json};

use super::{parse_json, parse_text, to_json, to_text};

fn text(value: &str) -> Scalar {
    Scalar::Text(value.into())
}

fn moment(value: &str) -> Scalar {
    Scalar::Timestamp(Instant::parse(value).unwrap())
}

fn compare(property: &str, op: Comparison, value: Scalar) -> Filter {
    Filter::compare(property, op, value)
}

fn equal(property: &str, value: Scalar) -> Filter {
    compare(property, Comparison::Equal, value)
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn null(property: &str) -> Filter {
    Filter::is_null(property)
}

#[track_caller]
fn check(input: &str, expected: Filter) {
    assert_eq!(parse_text(input).unwrap_or_else(|problem| panic!("{input}: {problem}")), expected, "{input}");
    assert_round_trips(&expected);
}

#[track_caller]
fn check_json(input: Value, expected: Filter) {
    assert_eq!(parse_json(&input).unwrap_or_else(|problem| panic!("{input}: {problem}")), expected, "{input}");
    assert_round_trips(&expected);
}

#[track_caller]
fn assert_round_trips(filter: &Filter) {
    let written = to_text(filter);
    assert_eq!(parse_text(&written).as_ref(), Ok(filter), "{written}");
    let written = to_json(filter);
    assert_eq!(parse_json(&written).as_ref(), Ok(filter), "{written}");
}

#[track_caller]
fn refuse(input: &str, code: &str, words: &str) {
    let problem = parse_text(input).expect_err(input);
    assert_eq!(problem.code, code, "{input}: {problem}");
    assert!(problem.detail.contains(words), "{input}: {problem}");
}

#[track_caller]
fn refuse_json(input: Value, code: &str, pointer: &str) {
    let problem = parse_json(&input).expect_err(&input.to_string());
    assert_eq!((problem.code, problem.parameter.as_deref()), (code, Some(pointer)), "{input}: {problem}");
}

#[test]
fn comparisons_read_their_operator_and_literal() {
    check("a = 1", equal("a", Scalar::Number(1.0)));
    check("a<>-1.5e3", compare("a", Comparison::NotEqual, Scalar::Number(-1500.0)));
    check("a < +.5", compare("a", Comparison::Less, Scalar::Number(0.5)));
    check("a<=1e5", compare("a", Comparison::LessEqual, Scalar::Number(100_000.0)));
    check("a >\r\n\t2.", compare("a", Comparison::Greater, Scalar::Number(2.0)));
    check("a >= 1E-2", compare("a", Comparison::GreaterEqual, Scalar::Number(0.01)));
    check("a = TRUE", equal("a", Scalar::Bool(true)));
    check("a = 'O''Brien'", equal("a", text("O'Brien")));
    check("a = ''", equal("a", text("")));
    check("a = 'Rhône \\ \"x\"'", equal("a", text("Rhône \\ \"x\"")));
    check("a = tImEsTaMp('2020-01-02T03:04:05.25+01:00')", equal("a", moment("2020-01-02T02:04:05.25Z")));
}

#[test]
fn a_literal_on_the_left_changes_sides() {
    check("5 < a", compare("a", Comparison::Greater, Scalar::Number(5.0)));
    check("5 >= a", compare("a", Comparison::LessEqual, Scalar::Number(5.0)));
    check("'x' = a", equal("a", text("x")));
    check("false <> a", compare("a", Comparison::NotEqual, Scalar::Bool(false)));
    check("DATE('2020-02-29') > datetime", compare("datetime", Comparison::Less, moment("2020-02-29T00:00:00Z")));
    check_json(
        json!({"op": "<=", "args": [5, {"property": "a"}]}),
        compare("a", Comparison::GreaterEqual, Scalar::Number(5.0)),
    );
}

#[test]
fn names_may_begin_like_keywords_and_hold_colons_dots_and_quotes() {
    let one = || Scalar::Number(1.0);
    for name in
        ["null_count", "true_color", "notes", "android", "order", "inland", "is_open", "liked", "date", "timestamp"]
    {
        check(&format!("{name} = 1"), equal(name, one()));
    }
    check("eo:cloud_cover = 1", equal("eo:cloud_cover", one()));
    check("swot:pass.x_1 = 1", equal("swot:pass.x_1", one()));
    check("débit = 1", equal("débit", one()));
    check("\"a-b\" = 1", equal("a-b", one()));
    check("\"say \"\"hi\"\"\" = 1", equal("say \"hi\"", one()));
    check("\"and\" = 1", equal("and", one()));
    check("properties.a = 1", equal("a", one()));
    check("\"properties.a b\" = 1", equal("a b", one()));
    check("properties.properties.a = 1", equal("properties.a", one()));
    check_json(json!({"op": "=", "args": [{"property": "properties.a"}, 1]}), equal("a", one()));
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    let (a, b, c) = (|| null("a"), || null("b"), || null("c"));
    check("a IS NULL OR b IS NULL AND c IS NULL", Filter::Or(vec![a(), Filter::And(vec![b(), c()])]));
    check("(a IS NULL or b IS NULL) and c is null", Filter::And(vec![Filter::Or(vec![a(), b()]), c()]));
    check("NOT a IS NULL AND b IS NULL", Filter::And(vec![not(a()), b()]));
    check("NOT (a IS NULL AND b IS NULL)", not(Filter::And(vec![a(), b()])));
    check("a IS NULL AND (b IS NULL AND c IS NULL)", Filter::And(vec![a(), b(), c()]));
    check("NOT NOT a IS NULL", a());
    check("NOT (NOT (NOT a IS NULL))", not(a()));
    check("TRUE OR NOT FALSE", Filter::Or(vec![Filter::Const(true), not(Filter::Const(false))]));
    check("((((a IS NULL))))", a());
}

#[test]
fn between_in_like_and_null_have_their_negations() {
    let between = Filter::between("a", Scalar::Number(-5.0), Scalar::Number(2.0));
    check("a BETWEEN -5 AND 2", between.clone());
    check("a NOT BETWEEN -5 AND 2 ", not(between.clone()));
    let and_more = Filter::And(vec![between, equal("b", Scalar::Number(3.0))]);
    check("a BETWEEN -5 AND 2 AND b = 3", and_more);
    let list = Filter::one_of("a", vec![text("x"), Scalar::Number(1.0), Scalar::Bool(true)]);
    check("a IN ('x', 1,true)", list.clone());
    check("a not\n in ('x',1,TRUE)", not(list));
    let like = Filter::like("a", "S\\_W%_");
    check("a LIKE 'S\\_W%_'", like.clone());
    check("a NOT    LIKE 'S\\_W%_'", not(like));
    check("a IS NULL", null("a"));
    check("a IS NOT NULL", not(null("a")));
}

#[test]
fn a_date_is_its_whole_day() {
    let (first, last) = (|| moment("2020-02-29T00:00:00Z"), || moment("2020-02-29T23:59:59.999999Z"));
    let day = || Filter::between("a", first(), last());
    check("a = DATE('2020-02-29')", day());
    check(
        "a <> DATE('2020-02-29')",
        Filter::Or(vec![compare("a", Comparison::Less, first()), compare("a", Comparison::Greater, last())]),
    );
    check("a < DATE('2020-02-29')", compare("a", Comparison::Less, first()));
    check("a >= DATE('2020-02-29')", compare("a", Comparison::GreaterEqual, first()));
    check("a <= DATE('2020-02-29')", compare("a", Comparison::LessEqual, last()));
    check("a > DATE('2020-02-29')", compare("a", Comparison::Greater, last()));
    check(
        "a BETWEEN DATE('2020-02-28') AND DATE('2020-02-29')",
        Filter::between("a", moment("2020-02-28T00:00:00Z"), last()),
    );
    check("a IN ('x', DATE('2020-02-29'))", Filter::Or(vec![Filter::one_of("a", vec![text("x")]), day()]));
    check_json(json!({"op": "=", "args": [{"property": "a"}, {"date": "2020-02-29"}]}), day());
}

#[test]
fn text_compared_with_a_time_of_stac_is_a_moment() {
    let expected = |name| compare(name, Comparison::GreaterEqual, moment("2020-01-01T00:00:00Z"));
    for name in ["datetime", "start_datetime", "end_datetime", "ingested", "created", "updated"] {
        check(&format!("{name} >= '2020-01-01T00:00:00Z'"), expected(name));
        check_json(json!({"op": ">=", "args": [{"property": name}, "2020-01-01T01:00:00+01:00"]}), expected(name));
    }
    check("properties.datetime >= '2020-01-01'", expected("datetime"));
    check("created = 'spring'", equal("created", text("spring")));
    check("mission = '2020-01-01T00:00:00Z'", equal("mission", text("2020-01-01T00:00:00Z")));
    refuse("datetime > 'yesterday'", "filter-value", "moment");
    refuse("datetime IN (5)", "filter-value", "moment");
}

#[test]
fn s_intersects_takes_well_known_text_and_boxes_in_either_order() {
    let point = || Filter::intersects(Geometry::Point(Point::new(1.5, -2.0)));
    check("S_INTERSECTS(geometry, POINT(1.5 -2))", point());
    check("s_intersects(\"geometry\",point z (1.5 -2 100.5))", point());
    check("S_INTERSECTS(properties.geometry, POINT(15e-1 -2))", point());
    check("S_INTERSECTS(POINT(1.5 -2), geometry)", point());
    let line = || LineString::from(vec![(0.0, 0.0), (1.0, 1.0)]);
    check("S_INTERSECTS(geometry,LINESTRING(0 0,1 1))", Filter::intersects(Geometry::LineString(line())));
    let points =
        || Filter::intersects(Geometry::MultiPoint(MultiPoint(vec![Point::new(1.0, 2.0), Point::new(3.0, 4.0)])));
    check("S_INTERSECTS(geometry,MULTIPOINT(1 2,3 4))", points());
    check("S_INTERSECTS(geometry,MULTIPOINT((1 2),(3 4)))", points());
    let square =
        || Polygon::new(LineString::from(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)]), vec![]);
    check("S_INTERSECTS(geometry,POLYGON((0 0,4 0,4 4,0 4,0 0)))", Filter::intersects(Geometry::Polygon(square())));
    check("S_INTERSECTS(geometry,BBOX(0,0,4,4))", Filter::intersects(Geometry::Polygon(square())));
    check("S_INTERSECTS(BBOX(0,0,-5,4,4,5), geometry)", Filter::intersects(Geometry::Polygon(square())));
    let holed = Polygon::new(
        square().exterior().clone(),
        vec![LineString::from(vec![(1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 1.0)])],
    );
    check(
        "S_INTERSECTS(geometry,MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))))",
        Filter::intersects(Geometry::MultiPolygon(MultiPolygon(vec![holed]))),
    );
    check(
        "S_INTERSECTS(geometry,MULTILINESTRING((0 0,1 1)))",
        Filter::intersects(Geometry::MultiLineString(geo::MultiLineString(vec![line()]))),
    );
    check(
        "S_INTERSECTS(geometry,GEOMETRYCOLLECTION(POINT(1.5 -2),LINESTRING(0 0,1 1)))",
        Filter::intersects(Geometry::GeometryCollection(GeometryCollection(vec![
            Geometry::Point(Point::new(1.5, -2.0)),
            Geometry::LineString(line()),
        ]))),
    );
}

#[test]
fn a_box_over_the_antimeridian_becomes_two_and_one_without_width_a_line_or_point() {
    let Ok(Filter::Spatial { right: Expr::Geometry(Geometry::MultiPolygon(two)), .. }) =
        parse_text("S_INTERSECTS(geometry,BBOX(170,0,-170,5))")
    else {
        panic!("two polygons");
    };
    let edges: Vec<(f64, f64)> = two.0.iter().map(|p| (p.exterior().0[0].x, p.exterior().0[1].x)).collect();
    assert_eq!(edges, [(170.0, 180.0), (-180.0, -170.0)]);
    check("S_INTERSECTS(geometry,BBOX(1,2,1,2))", Filter::intersects(Geometry::Point(Point::new(1.0, 2.0))));
    check(
        "S_INTERSECTS(geometry,BBOX(1,2,1,3))",
        Filter::intersects(Geometry::LineString(LineString::from(vec![(1.0, 2.0), (1.0, 3.0)]))),
    );
}

#[test]
fn json_operators_read_like_their_text_forms() {
    let p = || json!({"property": "a"});
    let same: [(Value, &str); 17] = [
        (json!({"op": "=", "args": [p(), "x"]}), "a = 'x'"),
        (json!({"op": "<>", "args": [p(), true]}), "a <> TRUE"),
        (json!({"op": "<", "args": [p(), 1.5]}), "a < 1.5"),
        (
            json!({"op": ">=", "args": [p(), {"timestamp": "2020-01-01T00:00:00Z"}]}),
            "a >= TIMESTAMP('2020-01-01T00:00:00Z')",
        ),
        (json!({"op": "between", "args": [p(), 0, 50]}), "a BETWEEN 0 AND 50"),
        (json!({"op": "between", "args": [p(), [0, 50]]}), "a BETWEEN 0 AND 50"),
        (json!({"op": "in", "args": [p(), ["x", "y"]]}), "a IN ('x','y')"),
        (json!({"op": "like", "args": [p(), "x%"]}), "a LIKE 'x%'"),
        (json!({"op": "isNull", "args": [p()]}), "a IS NULL"),
        (json!({"op": "not", "args": [{"op": "isNull", "args": [p()]}]}), "a IS NOT NULL"),
        (json!({"op": "and", "args": [true, false, {"op": "=", "args": [p(), 1]}]}), "TRUE AND FALSE AND a = 1"),
        (json!({"op": "and", "args": [{"op": "=", "args": [p(), 1]}]}), "a = 1"),
        (json!({"op": "or", "args": [true, {"op": "or", "args": [false, true]}]}), "TRUE OR FALSE OR TRUE"),
        (json!({"op": "AND", "args": [true, {"op": "or", "args": [false, true]}]}), "TRUE AND (FALSE OR TRUE)"),
        (
            json!({"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [1, 2, 3]}]}),
            "S_INTERSECTS(geometry, POINT(1 2))",
        ),
        (
            json!({"op": "intersects", "args": [{"type": "Point", "coordinates": [1, 2]}, {"property": "geometry"}]}),
            "S_INTERSECTS(geometry, POINT(1 2))",
        ),
        (
            json!({"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [0, 1, 2, 3]}]}),
            "S_INTERSECTS(geometry, BBOX(0,1,2,3))",
        ),
    ];
    for (input, twin) in same {
        check_json(input, parse_text(twin).expect(twin));
    }
}

#[test]
fn canonical_forms_are_stable() {
    for (input, canonical) in [
        ("( a=1 ) and not(b IN('x'))", "a = 1 AND b NOT IN ('x')"),
        ("NOT (a = 1 OR b > 2.50)", "NOT (a = 1 OR b > 2.5)"),
        ("1e21 < \"a\"", "a > 1e21"),
        ("\"a b\" LIKE 'O''B%'", "\"a b\" LIKE 'O''B%'"),
        ("S_INTERSECTS(geometry,POINT(1.0 2.25))", "S_INTERSECTS(geometry,POINT(1 2.25))"),
    ] {
        assert_eq!(to_text(&parse_text(input).expect(input)), canonical);
    }
    let json = to_json(&parse_text("a = 1 AND geometry IS NOT NULL").expect("valid"));
    let expected = r#"{"op":"and","args":[{"op":"=","args":[{"property":"a"},1]},{"op":"not","args":[{"op":"isNull","args":[{"property":"geometry"}]}]}]}"#;
    assert_eq!(json.to_string(), expected);
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    for (input, name) in [
        ("avg(a) > 5", "avg"),
        ("S_WITHIN(geometry, Buffer(geometry, 10, 'm'))", "Buffer"),
        ("a LIKE upperCase('x%')", "upperCase"),
        ("S_INTERSECTS(geometry, POINT M (1 2 3))", "measures"),
    ] {
        refuse(input, "filter-unsupported", name);
    }
    let p = || json!({"property": "a"});
    for (input, pointer) in [
        (json!({"op": "t_later", "args": [p(), {"timestamp": "2020-01-01T00:00:00Z"}]}), "/filter/op"),
        (json!({"op": "=", "args": [{"op": "avg", "args": [p()]}, 1]}), "/filter/args/0/op"),
        (json!({"op": "=", "args": [p(), {"unit": "m"}]}), "/filter/args/1"),
        (json!({"function": {"name": "f"}}), "/filter"),
    ] {
        refuse_json(input, "filter-unsupported", pointer);
    }
    let problem = parse_json(&json!({"op": "a_shares", "args": []})).unwrap_err();
    assert!(problem.detail.contains("a_shares") && problem.allowed.is_some_and(|a| a.contains("S_INTERSECTS")));
    let problem = parse_text("avg(a) > 5").unwrap_err();
    assert!(problem.allowed.is_some_and(|a| a.contains("distance_km")));
}

#[test]
fn syntax_errors_tell_where_and_what_was_expected() {
    for (input, words) in [
        ("", "at character 1: expected a condition, found the end"),
        ("a", "at character 2: expected a comparison"),
        ("a = ", "at character 5: expected a value, found the end"),
        ("é = 'x' b", "at character 9: expected AND, OR or the end of the filter, found b"),
        ("(a = 1", "at character 7: expected ')', found the end"),
        ("a = 1)", "at character 6: expected AND, OR or the end"),
        ("a = 'x", "at character 5: the quote ' is not closed"),
        ("\"a = 1", "at character 1: the quote \" is not closed"),
        ("a != 1", "\"not equal\" is <>"),
        ("a = NULL", "IS NULL"),
        ("a IN (NULL)", "IS NULL"),
        ("a IS 5", "expected NULL or NOT NULL"),
        ("a NOT = 5", "expected IN, LIKE or BETWEEN"),
        ("a IN 'x'", "expected '(', found 'x'"),
        ("a IN ()", "expected a value"),
        ("a IN ('x' 'y')", "expected ',' or ')'"),
        ("a BETWEEN 1, 2", "expected AND and the upper bound"),
        ("a LIKE 5", "expected a pattern"),
        ("a AND b = 1", "expected a comparison"),
        ("AND a = 1", "expected a condition, found AND"),
        ("= 1", "expected a condition"),
        ("a = 1 OR", "expected a condition, found the end"),
        ("a = 1e", "exponent"),
        ("a = 1e999", "too large"),
        ("a = 1x", "runs into a name"),
        ("{\"op\":\"=\"}", "filter-lang=cql2-json"),
        ("S_INTERSECTS(geometry)", "expected ','"),
        ("S_INTERSECTS(geometry, POINT(1))", "expected a number, found ')'"),
    ] {
        refuse(input, "filter-syntax", words);
    }
    let p = || json!({"property": "a"});
    for (input, pointer) in [
        (json!(null), "/filter"),
        (json!("a = 1"), "/filter"),
        (json!({}), "/filter"),
        (json!({"op": "="}), "/filter/args"),
        (json!({"op": "=", "args": [p()]}), "/filter/args"),
        (json!({"op": "and", "args": []}), "/filter/args"),
        (json!({"op": "and", "args": [true, 5]}), "/filter/args/1"),
        (json!({"op": "not", "args": [{"op": "in", "args": [p(), ["x", null]]}]}), "/filter/args/0/args/1/1"),
        (json!({"op": "=", "args": [p(), null]}), "/filter/args/1"),
        (json!({"op": "=", "args": [{"property": 5}, 1]}), "/filter/args/0"),
        (json!({"op": "like", "args": [p(), 5]}), "/filter/args/1"),
        (json!({"op": "in", "args": [p(), "x"]}), "/filter/args/1"),
        (json!({"op": "between", "args": [p(), 1]}), "/filter/args"),
        (json!({"op": "=", "args": [p(), 1], "extra": 1}), "/filter"),
    ] {
        refuse_json(input, "filter-syntax", pointer);
    }
}

#[test]
fn senseless_values_are_refused() {
    for input in [
        "a > TIMESTAMP('2020-01-01')",
        "a > TIMESTAMP('0000-01-01T00:00:00+01:00')",
        "a > DATE('2020-02-30')",
        "a > DATE('2020-02')",
        "a > DATE('../2020-01')",
        "a BETWEEN 1 AND 'x'",
        "a LIKE 'x\\'",
        "\"\" = 1",
        "properties. = 1",
        "geometry = 'x'",
        "S_INTERSECTS(footprint, POINT(1 2))",
        "S_INTERSECTS(geometry, 'x')",
        "S_INTERSECTS(geometry, POINT EMPTY)",
        "S_INTERSECTS(geometry, GEOMETRYCOLLECTION EMPTY)",
        "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 2))))",
    ] {
        refuse(input, "filter-value", "");
    }
    for (input, words) in [
        ("S_INTERSECTS(geometry, POINT(1 91))", "latitude"),
        ("S_INTERSECTS(geometry, LINESTRING(1 1))", "at least 2"),
        ("S_INTERSECTS(geometry, POLYGON((0 0,1 0,1 1,0 1)))", "not closed"),
    ] {
        refuse(input, "geometry", words);
    }
    refuse("S_INTERSECTS(geometry, BBOX(0,5,1,4))", "bbox", "south");
    refuse("S_INTERSECTS(geometry, BBOX(0,5,1))", "bbox", "4 or 6");
    let empty = json!({"type": "MultiPoint", "coordinates": []});
    refuse_json(json!({"op": "s_intersects", "args": [{"property": "geometry"}, empty]}), "geometry", "/filter/args/1");
}

#[test]
fn nested_geometry_collections_of_json_are_flattened() {
    let inner = json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]});
    let outer = json!({"type": "GeometryCollection", "geometries": [inner, {"type": "MultiPoint", "coordinates": []}]});
    let point = Geometry::Point(Point::new(1.0, 2.0));
    check_json(
        json!({"op": "s_intersects", "args": [{"property": "geometry"}, outer]}),
        Filter::intersects(Geometry::GeometryCollection(GeometryCollection(vec![point]))),
    );
}

/// A tree of this many levels that no normal form shortens.
fn nested(levels: usize) -> Filter {
    let mut filter = null("a");
    for level in 1..levels {
        filter = if level % 2 == 1 { Filter::And(vec![Filter::Const(true), filter]) } else { not(filter) };
    }
    filter
}

#[test]
fn the_depth_limit_is_exact_in_both_forms() {
    assert_round_trips(&nested(FILTER_DEPTH_MAX));
    let deeper = nested(FILTER_DEPTH_MAX + 1);
    for problem in [parse_text(&to_text(&deeper)).unwrap_err(), parse_json(&to_json(&deeper)).unwrap_err()] {
        assert_eq!((problem.kind, problem.code), (Kind::Invalid, "filter-too-large"));
    }
}

#[test]
fn a_flat_chain_of_hundreds_is_one_node() {
    let parts: Vec<String> = (0..450).map(|n| format!("a = {n}")).collect();
    for word in [" AND ", " OR "] {
        let filter = parse_text(&parts.join(word)).expect("flat");
        let (Filter::And(children) | Filter::Or(children)) = &filter else { panic!("one node") };
        assert_eq!(children.len(), 450);
        assert_round_trips(&filter);
    }
}

#[test]
fn hostile_texts_are_refused() {
    let in_list = |n: usize| format!("a IN ({})", vec!["1"; n].join(","));
    assert!(parse_text(&in_list(IN_LIST_MAX)).is_ok());
    let line = |n: usize| format!("S_INTERSECTS(geometry,LINESTRING({}))", vec!["1 1"; n].join(","));
    assert!(parse_text(&line(QUERY_VERTICES_MAX)).is_ok());
    for hostile in [
        "(".repeat(100_000),
        "(".repeat(60_000),
        "NOT ".repeat(100_000),
        "NOT ".repeat(15_000),
        "NOT(".repeat(15_000),
        format!("{}a = 1{}", "(".repeat(1_000), ")".repeat(1_000)),
        vec!["TRUE"; FILTER_NODES_MAX + 1].join(" AND "),
        vec!["a = 1"; 5_000].join(" OR "),
        in_list(IN_LIST_MAX + 1),
        format!("a = '{}'", "x".repeat(100_000)),
        format!("a LIKE '{}'", "x".repeat(257)),
        format!("a LIKE '{}'", "%".repeat(9)),
        line(QUERY_VERTICES_MAX + 1),
        format!("a IN ({})", vec!["DATE('2020-01-01')"; 500].join(",")),
        format!("{} AND {}", line(6_000), line(6_000)),
    ] {
        let problem = parse_text(&hostile).expect_err("hostile");
        assert_eq!((problem.kind, problem.code), (Kind::Invalid, "filter-too-large"), "{}: {problem}", &hostile[..20]);
    }
    let problem = parse_text(&format!("S_INTERSECTS(geometry,{}", "GEOMETRYCOLLECTION(".repeat(3_000))).unwrap_err();
    assert_eq!(problem.code, "filter-value");
}

#[test]
fn hostile_json_is_refused() {
    let mut deep = json!(true);
    for _ in 0..100 {
        deep = json!({"op": "not", "args": [deep]});
    }
    let p = || json!({"property": "a"});
    for hostile in [
        deep,
        json!({"op": "and", "args": vec![true; 100_000]}),
        json!({"op": "in", "args": [p(), vec![1; 100_000]]}),
        json!({"op": "in", "args": [p(), vec![1; IN_LIST_MAX + 1]]}),
        json!({"op": "=", "args": [p(), "x".repeat(100_000)]}),
        json!({"op": "=", "args": [{"property": "x".repeat(100_000)}, 1]}),
        json!({"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "LineString", "coordinates": vec![[1, 1]; QUERY_VERTICES_MAX + 1]}]}),
    ] {
        let problem = parse_json(&hostile).expect_err("hostile");
        assert_eq!((problem.kind, problem.code), (Kind::Invalid, "filter-too-large"), "{problem}");
    }
}
