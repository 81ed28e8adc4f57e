//! Both forms of a request against tables, and against each other.

mod aggregations;
mod fields;

use std::io::Write;

use nilometer_schemas::limits::{
    AGGREGATIONS_MAX, COLLECTIONS_MAX, IDS_MAX, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, Q_CHARS_MAX, Q_TERMS_MAX, REFS_MAX,
    SORT_KEYS_MAX,
};
use nilometer_schemas::{Bbox, Comparison, Dialect, Direction, Filter, Kind, Problem, Scalar, Search, Words};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn get(list: &[(&str, &str)]) -> Result<Request, Problem> {
    from_query(&pairs(list), Dialect::Stac, &[])
}

fn post(body: Value) -> Result<Request, Problem> {
    from_json(&body, &[])
}

/// One parameter, once in each form, and the canonical member that both give.
#[track_caller]
fn check(name: &str, text: &str, value: Value, canonical: Value) -> Search {
    let from_url = get(&[(name, text)]).unwrap_or_else(|problem| panic!("{name}={text}: {problem}"));
    let from_body = post(json!({ name: value })).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    assert_eq!(from_url, from_body, "{name}={text}");
    assert_eq!(from_url.canonical, json!({ name: canonical }), "{name}={text}");
    assert_eq!(post(from_url.canonical.clone()).as_ref(), Ok(&from_url));
    from_url.search
}

#[track_caller]
fn refuse_get(name: &str, text: &str) -> Problem {
    let problem = get(&[(name, text)]).expect_err(&format!("{name}={text}"));
    assert_eq!(problem.parameter.as_deref(), Some(name), "{name}={text}: {problem}");
    assert!(matches!(problem.kind, Kind::Invalid | Kind::TooLarge), "{problem}");
    problem
}

#[track_caller]
fn refuse_post(name: &str, value: Value) -> Problem {
    let problem = post(json!({ name: value.clone() })).expect_err(&format!("{name}: {value}"));
    assert_eq!(problem.parameter.as_deref(), Some(name), "{name}: {value}: {problem}");
    assert!(matches!(problem.kind, Kind::Invalid | Kind::TooLarge), "{problem}");
    problem
}

#[test]
fn nothing_asked_is_the_default_search() {
    let expected = Request { search: Search::default(), canonical: json!({}) };
    assert_eq!(get(&[]), Ok(expected.clone()));
    assert_eq!(post(json!({})), Ok(expected.clone()));
    let empty = json!({"collections": [], "ids": [], "q": [], "sortby": [], "intersectsRefs": [], "bbox": null, "datetime": null});
    assert_eq!(post(empty), Ok(expected.clone()));
    assert_eq!(get(&[("collections", ""), ("ids", ""), ("sortby", ""), ("intersectsRefs", "")]), Ok(expected));
    assert_eq!(Search::default().limit, PAGE_LIMIT_DEFAULT);
}

#[test]
fn each_parameter_means_the_same_in_both_forms() {
    let search = check("bbox", "-5,10.5,5,20", json!([-5, 10.5, 5, 20]), json!([-5, 10.5, 5, 20]));
    assert_eq!(search.bbox, Some(Bbox { west: -5.0, south: 10.5, east: 5.0, north: 20.0 }));
    let search =
        check("bbox", "100.0, 0.0, 0.0, 105.0, 1.0, 1.0", json!([100, 0, 0, 105, 1, 1]), json!([100, 0, 105, 1]));
    assert_eq!(search.bbox.unwrap().numbers(), [100.0, 0.0, 105.0, 1.0]);
    check("bbox", "170,-10,-170,10", json!([170, -10, -170, 10]), json!([170, -10, -170, 10]));
    let search = check("collections", "a, b.c", json!(["a", "b.c"]), json!(["a", "b.c"]));
    assert_eq!(search.collections.len(), 2);
    let search = check("ids", "x,y/z", json!(["x", "y/z"]), json!(["x", "y/z"]));
    assert_eq!(search.ids[1].as_str(), "y/z");
    let day = "2020-01-01T00:00:00Z";
    check("datetime", "2020-01-01T01:00:00+01:00", json!("2020-01-01t00:00:00.000z"), json!(day));
    check("datetime", "../2020-01-01T00:00:00Z", json!("/2020-01-01T00:00:00Z"), json!("../2020-01-01T00:00:00Z"));
    check("intersectsRefs", "lakes.1,a.b.c", json!(["lakes.1", "a.b.c"]), json!(["lakes.1", "a.b.c"]));
    let search =
        check("q", "Saône, flood plain,!", json!(["Saône", "flood plain", "!"]), json!(["Saône", "flood plain", "!"]));
    let plain = Words::Phrase { words: vec!["flood".into(), "plain".into()], exact: false };
    assert_eq!(search.words, Some(Words::Any(vec![Words::Word("saone".into()), plain])));
    check("q", "a,b", json!("a,b"), json!(["a", "b"]));
    check("token", "abc", json!("abc"), json!("abc"));
    check("limit", "5", json!(5.0), json!(5));
}

#[test]
fn a_url_filter_is_text_unless_it_says_json_and_a_body_filter_json_unless_it_says_text() {
    let expected = Filter::compare("eo:cloud_cover", Comparison::LessEqual, Scalar::Number(10.0));
    let json = json!({"op": "<=", "args": [{"property": "eo:cloud_cover"}, 10]});
    let canonical = json!({"filter": json, "filter-lang": "cql2-json"});
    let text = "eo:cloud_cover <= 10";
    for request in [
        get(&[("filter", text)]),
        get(&[("filter-lang", "cql2-text"), ("filter", text), ("filter-crs", CRS84)]),
        get(&[("filter", &json.to_string()), ("filter-lang", "cql2-json")]),
        post(json!({"filter": json})),
        post(json!({"filter": json, "filter-lang": "cql2-json", "filter-crs": CRS84})),
        post(json!({"filter": text, "filter-lang": "cql2-text"})),
    ] {
        let request = request.unwrap();
        assert_eq!(request.search.filter.as_ref(), Some(&expected));
        assert_eq!(request.canonical, canonical);
    }
    refuse_get("filter", "");
    refuse_get("filter", "a =");
    refuse_get("filter-lang", "cql-text");
    refuse_get("filter-crs", "http://www.opengis.net/def/crs/EPSG/0/2154");
    refuse_post("filter", json!("a = 1"));
    assert_eq!(post(json!({"filter": json, "filter-lang": "cql2-text"})).unwrap_err().code, "invalid-parameter");
    let broken = get(&[("filter", "{\"op\":"), ("filter-lang", "cql2-json")]).unwrap_err();
    assert!(broken.detail.contains("not JSON"), "{broken}");
    let deep = "[".repeat(60_000);
    assert!(get(&[("filter", &deep), ("filter-lang", "cql2-json")]).is_err());
    let pointed = post(json!({"filter": {"op": "and", "args": [true, {"op": "x", "args": []}]}})).unwrap_err();
    assert_eq!(pointed.parameter.as_deref(), Some("/filter/args/1/op"));
}

#[test]
fn all_seven_geometry_types_are_taken_and_broken_ones_refused() {
    for geometry in [
        json!({"type": "Point", "coordinates": [100.0, 0.0]}),
        json!({"type": "LineString", "coordinates": [[100.0, 0.0], [101.0, 1.0]]}),
        json!({"type": "Polygon", "coordinates": [[[100.0, 0.0], [101.0, 0.0], [101.0, 1.0], [100.0, 1.0], [100.0, 0.0]]]}),
        json!({"type": "MultiPoint", "coordinates": [[100.0, 0.0], [101.0, 1.0]]}),
        json!({"type": "MultiLineString", "coordinates": [[[100.0, 0.0], [101.0, 1.0]]]}),
        json!({"type": "MultiPolygon", "coordinates": [[[[102.0, 2.0], [103.0, 2.0], [103.0, 3.0], [102.0, 2.0]]]]}),
        json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [100.0, 0.0]}]}),
    ] {
        check("intersects", &geometry.to_string(), geometry.clone(), geometry);
    }
    refuse_get("intersects", "POINT(1 2)");
    refuse_get("intersects", "{\"type\":\"Point\",\"coordinates\":[1,200]}");
    refuse_post("intersects", json!({"type": "MultiPoint", "coordinates": []}));
    refuse_post("intersects", json!("{}"));
    let large = json!({"type": "LineString", "coordinates": vec![[1, 1]; 10_001]});
    assert_eq!(refuse_post("intersects", large).kind, Kind::TooLarge);
    let point = json!({"type": "Point", "coordinates": [0, 0]});
    let both = post(json!({"bbox": [0, 0, 1, 1], "intersects": point})).unwrap_err();
    assert_eq!(both.code, "bbox-and-intersects");
    assert!(get(&[("bbox", "0,0,1,1"), ("intersects", &point.to_string())]).is_err());
}

#[test]
fn boxes_that_validators_expect_refused_are_refused() {
    for text in [
        "",
        "0",
        "0,0",
        "0,0,0",
        "0,0,0,1,1",
        "0,0,0,1,1,1,1",
        "[100.0, 0.0, 105.0, 1.0]",
        "100,1,105,0",
        "a,b,c,d",
        "0,0,nan,1",
    ] {
        refuse_get("bbox", text);
    }
    for value in [
        json!([]),
        json!([0, 0, 0]),
        json!([0, 0, 0, 1, 1]),
        json!([0, 0, 0, 1, 1, 1, 1]),
        json!("0,0,1,1"),
        json!([100, 1, 105, 0]),
        json!([0, 0, "1", 1]),
        json!({"west": 1}),
    ] {
        refuse_post("bbox", value);
    }
    assert!(get(&[("bbox", "0,0,1,1"), ("bbox-crs", CRS84)]).is_ok());
    let epsg = |code: u32| format!("http://www.opengis.net/def/crs/EPSG/0/{code}");
    let latitude_first = get(&[("bbox", "44,-1,-7,46,2,9"), ("bbox-crs", &epsg(4326))]).unwrap();
    assert_eq!(latitude_first, get(&[("bbox", "-1,44,2,46")]).unwrap());
    let world = "-20037508.342789244,-20048966.1,20037508.342789248,20048966.1";
    let mercator = get(&[("bbox", world), ("bbox-crs", &epsg(3857))]).unwrap().search.bbox.unwrap().numbers();
    assert!(mercator[0] == -180.0 && mercator[2] == 180.0 && (mercator[3] - 85.06).abs() < 0.001, "{mercator:?}");
    refuse_get("bbox-crs", "http://www.opengis.net/def/crs/EPSG/0/2154");
}

#[test]
fn moments_that_validators_send_are_read_or_refused_in_both_forms() {
    for text in [
        "1985-04-12T23:20:50.52Z",
        "1996-12-19T16:39:57-08:00",
        "../1985-04-12T23:20:50.52Z",
        "1985-04-12T23:20:50.52Z/",
        "1985-04-12T23:20:50.52+01:00/1986-04-12T23:20:50.52+01:00",
        "1985-04-12t23:20:50.000z",
        "2020-07-23T00:00:00.012345678Z",
    ] {
        assert!(get(&[("datetime", text)]).is_ok() && post(json!({"datetime": text})).is_ok(), "{text}");
    }
    for text in [
        "",
        "/",
        "../..",
        "/..",
        "../",
        "/1984-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
        "1985-04-12",
        "1937-01-01T12:00:27.87+0100",
        "37-01-01T12:00:27.87Z",
        "1985-12-12T23:20:50.52",
        "21985-12-12T23:20:50.52Z",
        "1985-13-12T23:20:50.52Z",
        "1985-12-32T23:20:50.52Z",
        "1985-12-01T25:20:50.52Z",
        "1985-12-01T00:60:50.52Z",
        "1985-12-01T00:06:61.52Z",
        "1985-04-12T23:20:50.Z",
        "1985-04-12T23:20:50,Z",
        "1986-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
    ] {
        refuse_get("datetime", text);
        refuse_post("datetime", json!(text));
    }
    refuse_post("datetime", json!(2020));
    let day = from_query(&pairs(&[("datetime", "2020-02-29")]), Dialect::Edr, &[]).unwrap();
    assert_eq!(day.canonical, json!({"datetime": "2020-02-29T00:00:00Z/2020-02-29T23:59:59.999999Z"}));
}

#[test]
fn limits_are_clamped_above_and_refused_below() {
    for (limit, expected) in
        [("1", 1), ("10", 10), ("10000", 10_000), ("100000", PAGE_LIMIT_MAX), ("1000000", PAGE_LIMIT_MAX)]
    {
        check("limit", limit, json!(limit.parse::<u64>().unwrap()), json!(expected));
        assert_eq!(get(&[("limit", limit)]).unwrap().search.limit, expected);
    }
    assert_eq!(get(&[("limit", &"9".repeat(40))]).unwrap().search.limit, PAGE_LIMIT_MAX);
    for text in ["", "0", "-1", "1.5", "ten", "+", "-", "0x1", "1e2", "-99999999999999999999"] {
        refuse_get("limit", text);
    }
    for value in [json!(0), json!(-1), json!(1.5), json!("10"), json!([1]), json!(true)] {
        refuse_post("limit", value);
    }
}

#[test]
fn sort_keys_take_signs_objects_and_prefixes() {
    let key = |field: &str, direction| nilometer_schemas::SortKey { field: field.into(), direction };
    let ascending = |field: &str| vec![key(field, Direction::Ascending)];
    for text in
        ["properties.datetime", "+properties.datetime", " properties.datetime", "datetime", "datetime,-datetime"]
    {
        assert_eq!(get(&[("sortby", text)]).unwrap().search.sortby, ascending("datetime"), "{text}");
    }
    let expected = vec![key("datetime", Direction::Descending), key("eo:cloud_cover", Direction::Ascending)];
    let canonical =
        json!([{"field": "datetime", "direction": "desc"}, {"field": "eo:cloud_cover", "direction": "asc"}]);
    let objects = json!([{"field": "properties.datetime", "direction": "desc"}, {"field": "eo:cloud_cover"}]);
    let search = check("sortby", "-properties.datetime,+eo:cloud_cover", objects, canonical);
    assert_eq!(search.sortby, expected);
    assert_eq!(post(json!({"sortby": ["-datetime", "eo:cloud_cover"]})).unwrap().search.sortby, expected);
    for text in ["-", "+", "a,,b", "properties.", "geometry", "-properties."] {
        refuse_get("sortby", text);
    }
    for value in [
        json!("datetime"),
        json!([5]),
        json!([{"field": "a", "direction": "up"}]),
        json!([{"direction": "asc"}]),
        json!([{"field": "", "direction": "asc"}]),
        json!([{"field": "a", "order": "asc"}]),
        json!([{"field": "a", "direction": null}]),
    ] {
        refuse_post("sortby", value);
    }
}

#[test]
fn everything_a_caller_can_grow_has_its_limit() {
    let ids = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
    for (name, most) in
        [("ids", IDS_MAX), ("collections", COLLECTIONS_MAX), ("sortby", SORT_KEYS_MAX), ("q", Q_TERMS_MAX)]
    {
        assert!(post(json!({ name: ids(most) })).is_ok(), "{name}");
        assert_eq!(refuse_post(name, json!(ids(most + 1))).kind, Kind::TooLarge, "{name}");
        assert_eq!(refuse_get(name, &ids(most + 1).join(",")).kind, Kind::TooLarge, "{name}");
    }
    assert_eq!(refuse_get("q", &"x".repeat(Q_CHARS_MAX + 1)).kind, Kind::TooLarge);
    let refs = vec!["a.b"; REFS_MAX + 1];
    assert_eq!(refuse_get("intersectsRefs", &refs.join(",")).kind, Kind::TooLarge);
    let names = vec!["total_count"; AGGREGATIONS_MAX + 1];
    assert_eq!(aggregations_from_json(&json!({"aggregations": names}), &[]).unwrap_err().kind, Kind::TooLarge);
    refuse_get("ids", &"x".repeat(513));
}

#[test]
fn a_single_text_is_a_list_of_one() {
    let request = from_json(&json!({"collections": "a", "ids": "b"}), &[]).unwrap();
    assert_eq!(request.canonical, json!({"collections": ["a"], "ids": ["b"]}));
}

#[test]
fn malformed_lists_words_and_references_are_refused() {
    for (name, value) in [
        ("ids", json!({"a": 1})),
        ("ids", json!([1])),
        ("ids", json!([""])),
        ("ids", json!(["a\n"])),
        ("collections", json!(5)),
        ("collections", json!([null])),
        ("q", json!("")),
        ("q", json!("!, -")),
        ("q", json!([1])),
        ("q", json!(5)),
        ("token", json!("")),
        ("token", json!(5)),
        ("filter-lang", json!(1)),
        ("intersectsRefs", json!("nodot")),
        ("intersectsRefs", json!(["nodot"])),
        ("intersectsRefs", json!([".a"])),
        ("intersectsRefs", json!(["a."])),
    ] {
        refuse_post(name, value);
    }
    for (name, text) in
        [("ids", "a,,b"), ("collections", ","), ("q", ""), ("q", " ,!"), ("token", ""), ("intersectsRefs", "é.,a.b")]
    {
        refuse_get(name, text);
    }
}

#[test]
fn unknown_and_repeated_parameters_are_named() {
    let unknown = get(&[("limit", "1"), ("bboxx", "1")]).unwrap_err();
    assert_eq!((unknown.code, unknown.parameter.as_deref()), ("unknown-parameter", Some("bboxx")));
    assert!(unknown.allowed.is_some_and(|allowed| allowed.contains("bbox, bbox-crs, collections")));
    assert_eq!(post(json!({"queries": {}})).unwrap_err().parameter.as_deref(), Some("queries"));
    let extra = pairs(&[("f", "html"), ("f", "json"), ("limit", "1")]);
    assert_eq!(from_query(&extra, Dialect::Stac, &["f", "lang"]).unwrap().canonical, json!({"limit": 1}));
    assert!(from_json(&json!({"lang": "fr"}), &["lang"]).is_ok());
    let twice = get(&[("ids", "a"), ("ids", "b")]).unwrap_err();
    assert_eq!((twice.code, twice.parameter.as_deref()), ("repeated-parameter", Some("ids")));
    for body in [json!(null), json!([]), json!("x")] {
        assert_eq!(post(body).unwrap_err().code, "body");
    }
}

#[test]
fn the_query_extension_is_kept_as_the_filter_it_stands_for() {
    let text = r#"{"eo:cloud_cover": {"lt": "10"}, "properties.name": {"startsWith": "R_"}}"#;
    let request = get(&[("query", text), ("filter", "a = 1")]).unwrap();
    let body =
        json!({"query": serde_json::from_str::<Value>(text).unwrap(), "filter-lang": "cql2-text", "filter": "a = 1"});
    assert_eq!(post(body).as_ref(), Ok(&request));
    let same = "a = 1 AND (eo:cloud_cover < 10 OR eo:cloud_cover < '10') AND name LIKE 'R\\_%'";
    assert_eq!(get(&[("filter", same)]).as_ref(), Ok(&request));
    assert_eq!(post(request.canonical.clone()).as_ref(), Ok(&request));
    for empty in ["{}", r#"{"a": {}}"#] {
        assert_eq!(get(&[("query", empty)]), get(&[]));
    }
}

#[test]
fn a_page_has_a_number_from_one_or_a_token() {
    let search = check("page", "3", json!(3), json!(3));
    assert_eq!(search.page.get(), 3);
    assert_eq!(post(json!({"page": "3"})), post(json!({"page": 3})));
    for bad in ["0", "-1", "x", "1.5", ""] {
        refuse_get("page", bad);
    }
    refuse_post("page", json!([1]));
    assert_eq!(get(&[("page", "2"), ("token", "t")]).unwrap_err().parameter.as_deref(), Some("page"));
}

#[test]
fn empty_inputs_of_a_form_can_be_dropped() {
    let form = pairs(&[("q", "nile"), ("bbox", ""), ("datetime", " "), ("fields", "")]);
    assert_eq!(without_empty(&form), pairs(&[("q", "nile"), ("fields", "")]));
}

#[test]
fn the_canonical_body_is_sorted_and_does_not_depend_on_order_or_form() {
    let one = get(&[("token", "t"), ("sortby", "-a"), ("limit", "2"), ("filter", "b=1"), ("bbox", "0,0,1,1")]).unwrap();
    let two = get(&[
        ("bbox", "0,0,1.0,1"),
        ("filter", "1 = properties.b"),
        ("limit", "2"),
        ("token", "t"),
        ("sortby", "-properties.a"),
    ])
    .unwrap();
    assert_eq!(one.canonical.to_string(), two.canonical.to_string());
    let names: Vec<&String> = one.canonical.as_object().unwrap().keys().collect();
    assert_eq!(names, ["bbox", "filter", "filter-lang", "limit", "sortby", "token"]);
}

/// The requests of the benchmark kit, where it is there.
#[test]
fn every_request_of_the_benchmark_workload_is_understood() {
    let shared = std::env::var_os("NILOMETER_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        std::path::PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(shared.join("kit/workload.json")) else {
        // Past what is kept back of tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: shared data absent");
        return;
    };
    let workload: Value = serde_json::from_str(&text).unwrap();
    let mut count = 0;
    for query in workload["queries"].as_array().unwrap() {
        let path = query["path"].as_str().unwrap();
        for variant in query["variants"].as_array().unwrap() {
            let result = match (query["method"].as_str().unwrap(), path) {
                ("POST", "/aggregate") => aggregations_from_json(variant, &[]).map(|asked| asked.request),
                ("POST", _) => from_json(variant, &[]),
                (_, path) => {
                    let Some(params) = variant["params"].as_object() else { continue };
                    let pairs: Vec<_> =
                        params.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
                    match path {
                        "/aggregate" => aggregations_from_query(&pairs, Dialect::Stac, &[]).map(|asked| asked.request),
                        _ => from_query(&pairs, Dialect::Stac, &[]),
                    }
                }
            };
            let request = result.unwrap_or_else(|problem| panic!("{}: {problem}", query["id"]));
            if path == "/search" {
                assert_eq!(from_json(&request.canonical, &[]).as_ref(), Ok(&request), "{}", query["id"]);
            }
            count += 1;
        }
    }
    assert!(count > 1_000, "only {count} requests");
}

proptest! {
    #[test]
    fn no_url_makes_the_reader_panic_and_what_it_accepts_has_a_stable_canonical_body(
        list in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "bbox", "collections", "datetime", "fields", "filter", "filter-lang", "ids", "intersects",
                    "intersectsRefs", "limit", "q", "sortby", "token", "x",
                ]),
                prop_oneof![
                    ".{0,30}",
                    "(-?[0-9]{1,3},){3}[0-9]{1,2}",
                    "[-+]?[a-c]{1,3}(\\.[a-c])?(,[-+]?[a-c]{1,3}){0,3}",
                    "[a-c] (=|<>|LIKE) '[a-z%]{0,3}'",
                    Just("cql2-json".to_owned()),
                    Just("2020-01-01T00:00:00Z/..".to_owned()),
                    Just(r#"{"type":"Point","coordinates":[1,2]}"#.to_owned()),
                ],
            ),
            0..5,
        ),
    ) {
        if let Ok(request) = get(&list.iter().map(|(n, v)| (*n, v.as_str())).collect::<Vec<_>>()) {
            prop_assert_eq!(post(request.canonical.clone()), Ok(request));
        }
    }
}
