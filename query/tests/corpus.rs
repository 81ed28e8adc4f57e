//! The corpus of the standard (OGC 21-065r2, abstract tests and examples) that the sources of the crate `cql2` carry, with the
//! answers that its own suite expects. It is read where `cargo fetch --manifest-path fuzz/Cargo.toml` puts it; without it
//! the tests say that they are skipped.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;
#[path = "common/evaluator.rs"]
mod evaluator;
#[path = "common/filters.rs"]
mod filters;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use evaluator::{Record, truth};
use filters::{catalogue, found};
use nilometer_indexer::geometry::normalise;
use nilometer_query::cql2::{parse_json, parse_text, to_json, to_text};
use nilometer_schemas::{Filter, Kind, geojson};
use serde_json::{Value, json};

const CRATE: &str = "cql2-0.6.0";

/// Expressions of the suite that are no CQL2, by how they begin or what they hold, each with its reason.
const EXCUSED: [(&str, &str); 7] = [
    ("in(", "IN written as a function, which the grammar does not have"),
    ("in(textfield, 'item_2'", "IN written as a function, which the grammar does not have"),
    ("like(", "LIKE written as a function, which the grammar does not have"),
    ("boolfield and", "a property alone as condition, which the grammar does not have"),
    ("boolfield or", "a property alone as condition, which the grammar does not have"),
    ("not boolfield", "a property alone as condition, which the grammar does not have"),
    ("(boolfield and", "a property alone as condition, which the grammar does not have"),
];

/// The crate's sources: `NILOMETER_CQL2_SOURCES`, or where cargo unpacks them.
fn sources() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("NILOMETER_CQL2_SOURCES") {
        return Some(given.into());
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries.flatten().map(|registry| registry.path().join(CRATE)).find(|path| path.exists())
}

/// A file of the crate; `None` is said to be skipped.
fn file(path: &str) -> Option<String> {
    let Some(sources) = sources() else {
        // Past what is kept back of tests that pass.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no sources of {CRATE}; run cargo fetch --manifest-path fuzz/Cargo.toml"
        );
        return None;
    };
    Some(std::fs::read_to_string(sources.join(path)).unwrap())
}

/// The suite's own items, their geometry within ±180 as the index keeps it. Those that reach beyond a pole have none here.
fn records(lines: &str) -> Vec<Record> {
    let record = |line: &str| {
        let mut properties: Value = serde_json::from_str(line).unwrap();
        let geometry = geojson::from_value(&properties.as_object_mut().unwrap().remove("geom").unwrap()).ok();
        properties["datetime"] = json!("2020-01-01T00:00:00Z");
        let id = properties["intfield"].to_string();
        let geometry = geometry.map(|geometry| normalise(&geometry, None).into_owned());
        Record { collection: "c".into(), id, geometry, properties }
    };
    lines.lines().filter(|line| !line.is_empty()).map(record).collect()
}

fn by_evaluator(records: &[Record], filter: &Filter) -> BTreeSet<String> {
    records.iter().filter(|r| truth(r, filter) == Some(true)).map(|r| r.id.clone()).collect()
}

/// Our name for the geometry of an item.
fn ours(expression: &str) -> String {
    expression.replace("(geom,", "(geometry,").replace(", geom)", ", geometry)")
}

fn assert_round_trips(filter: &Filter) {
    assert_eq!(parse_text(&to_text(filter)).as_ref(), Ok(filter), "{}", to_text(filter));
    assert_eq!(parse_json(&to_json(filter)).as_ref(), Ok(filter), "{}", to_json(filter));
}

#[test]
fn every_abstract_test_is_answered_as_a_slow_evaluator_does() {
    let (Some(expressions), Some(lines)) = (file("tests/ats/expressions.txt"), file("tests/cql2testdata.ndjson"))
    else {
        return;
    };
    let records = records(&lines);
    let (_dir, catalog) = catalogue(&records);
    let snapshot = catalog.snapshot();
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut answers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in expressions.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (class, expression) = line.split_once('|').unwrap();
        let parsed = parse_text(&ours(expression));
        // A latitude of 180 must not succeed (A.7.1, A.9.1).
        if expression.contains("90 180)") {
            assert_eq!(parsed.expect_err(expression).kind, Kind::Invalid, "{expression}");
        } else {
            let filter = parsed.unwrap_or_else(|problem| panic!("{expression}: {problem}"));
            assert_round_trips(&filter);
            let expected = by_evaluator(&records, &filter);
            assert_eq!(found(&snapshot, &filter), expected, "{expression}");
            answers.insert(expression.to_owned(), expected);
        }
        *passed.entry(class.to_owned()).or_default() += 1;
    }
    let all = records.len();
    let shaped = records.iter().filter(|r| r.geometry.is_some()).count();
    for (expression, count) in [
        ("intfield = intfield", all),
        ("intfield <> intfield", 0),
        ("true", all),
        ("false", 0),
        ("textfield LIKE '%'", all),
        ("textfield like ''", 0),
        ("S_INTERSECTS(geom,BBOX(-180,-90,180,90))", shaped),
        ("S_DISJOINT(geom,BBOX(-180,-90,180,90))", 0),
    ] {
        assert_eq!(answers[expression].len(), count, "{expression}");
    }
    let world = "S_INTERSECTS(geom,POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90)))";
    assert_eq!(answers[world], answers["S_INTERSECTS(geom,BBOX(-180,-90,180,90))"]);
    eprintln!("abstract tests passed: {} of 109 {passed:?}", passed.values().sum::<usize>());
    assert_eq!(passed.values().sum::<usize>(), 109);
}

#[test]
fn every_operator_finds_what_the_suite_expects() {
    let (Some(expected), Some(lines)) = (file("tests/operators_expected.txt"), file("tests/cql2testdata.ndjson"))
    else {
        return;
    };
    let records = records(&lines);
    let without_shape: BTreeSet<&str> =
        records.iter().filter(|r| r.geometry.is_none()).map(|r| r.id.as_str()).collect();
    let (_dir, catalog) = catalogue(&records);
    let snapshot = catalog.snapshot();
    let lines: Vec<&str> = expected.lines().collect();
    let (mut passed, mut excused, mut met_across, mut failed) = (0, 0, 0, Vec::new());
    for pair in lines.chunks(2) {
        let [expression, ids] = pair else { panic!("an expression and its answer") };
        let reason = EXCUSED.iter().find(|(part, _)| expression.starts_with(part) || expression.contains(part));
        let is_allowed = reason.is_none();
        let filter = match parse_text(&ours(expression)) {
            Ok(filter) => filter,
            Err(_) if !is_allowed => {
                excused += 1;
                continue;
            }
            Err(problem) => {
                failed.push(format!("{expression}: {problem}"));
                continue;
            }
        };
        let is_spatial = expression.contains("geom,");
        let wanted: BTreeSet<String> =
            ids.split_whitespace().filter(|id| !is_spatial || !without_shape.contains(id)).map(str::to_owned).collect();
        let got = found(&snapshot, &filter);
        // There, what lies beyond 180° is far from -180°; here it is the same place.
        if got == wanted {
            passed += 1;
        } else if is_spatial && got == by_evaluator(&records, &filter) {
            met_across += 1;
        } else {
            let more: Vec<_> = got.difference(&wanted).collect();
            let fewer: Vec<_> = wanted.difference(&got).collect();
            failed.push(format!("{expression}: too many {more:?}, too few {fewer:?}"));
        }
    }
    eprintln!("operators passed: {passed}, different across the antimeridian: {met_across}, no CQL2: {excused}");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((passed, met_across, excused), (145, 4, 10));
}

#[test]
fn both_forms_of_every_example_are_read_as_the_same_filter() {
    let Some(sources) = sources() else {
        file("");
        return;
    };
    let mut passed = 0;
    for entry in std::fs::read_dir(sources.join("examples/json")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Ok(text) = std::fs::read_to_string(sources.join(format!("examples/text/{name}.txt"))) else { continue };
        let value: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        match (parse_text(text.trim()), parse_json(&value)) {
            (Ok(from_text), Ok(from_json)) => {
                assert_eq!(from_text, from_json, "{name}");
                assert_round_trips(&from_text);
                passed += 1;
            }
            // Functions that are not ours, other names for the geometry, and a value that is no condition.
            (Err(a), Err(b)) => {
                assert_eq!(a.code, b.code, "{name}");
                let reason = a.code == "filter-unsupported" || a.detail.contains("named geometry");
                assert!(reason || name == "clause6_01", "{name}: {a}");
            }
            (text, json) => panic!("{name}: {text:?} {json:?}"),
        }
    }
    eprintln!("examples read alike: {passed}");
    assert!(passed >= 75, "{passed}");
}
