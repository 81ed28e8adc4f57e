//! Holds the catalogue against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Crates whose problems callers hear.
const CRATES: [&str; 5] = ["schemas", "query", "indexer", "tiles", "api"];
/// Has an error format of its own.
const FOREIGN: &str = "api/src/routes/hydrocron";
/// Where kind or code is no literal: file, argument, and the code it stands for; none where the call only hands on what
/// its caller wrote.
const COMPUTED: [(&str, &str, Option<&str>); 5] = [
    ("schemas/src/problem.rs", "code", None),
    // Of items and collections, whose codes their readers use too.
    ("schemas/src/validation/mod.rs", "code", None),
    ("indexer/src/catalog/writer.rs", "code", None),
    ("api/src/middleware.rs", "\"request\"", Some("request")),
    ("api/src/routes/tiles/question.rs", "PROPERTIES", Some("properties")),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Rust files of a folder but tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && name != "tests" && !path.ends_with(FOREIGN) {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The first two arguments of a call, as far as they are simple.
fn arguments(after: &str) -> (&str, &str) {
    let end = |text: &str| text.find([',', ')']).unwrap_or(text.len());
    let first = &after[..end(after)];
    let rest = after[first.len()..].trim_start_matches(',').trim_start();
    (first.trim(), rest[..end(rest)].trim())
}

/// Codes with the kinds in which they occur; a kind that is computed is `any`.
fn used() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    for name in CRATES {
        sources(&workspace().join(name).join("src"), &mut files);
    }
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut unread = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let own = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let place = file.strip_prefix(workspace()).expect("inside").to_string_lossy().into_owned();
        for call in ["Problem::invalid(", "Problem::not_found(", "Problem::new(", "Self::new(Kind", "rejected(Kind"] {
            for (at, _) in own.match_indices(call) {
                let inside = at + call.find('(').expect("a call") + 1;
                let (first, second) = arguments(own[inside..].trim_start());
                let (kind, code) = match call {
                    "Problem::invalid(" => (Some("Invalid"), first),
                    "Problem::not_found(" => (Some("NotFound"), first),
                    _ => (first.strip_prefix("Kind::"), second),
                };
                let literal = code.strip_prefix('"').and_then(|c| c.strip_suffix('"')).filter(|_| kind.is_some());
                let computed = COMPUTED.iter().find(|(file, argument, _)| *file == place && *argument == code);
                match literal.or(computed.and_then(|(.., code)| *code)) {
                    Some(code) => {
                        used.entry(code.to_owned()).or_default().insert(kind.unwrap_or("any").to_owned());
                    }
                    None if computed.is_some() => {}
                    None => unread.push(format!("{place}: {call} {first}, {second}")),
                }
            }
        }
    }
    assert!(unread.is_empty(), "codes that are no literals; add them to COMPUTED: {unread:#?}");
    used
}

#[test]
fn every_code_of_the_sources_is_explained_in_all_kinds_in_which_it_occurs_and_no_other_is() {
    let used = used();
    assert!(used.len() > 90, "only {} codes were found", used.len());
    for (code, kinds) in &used {
        let Some(known) = ProblemType::of(code) else { panic!("{code} has no explanation in the catalogue") };
        let told: BTreeSet<String> = known.kinds.iter().map(|kind| format!("{kind:?}")).collect();
        if !kinds.contains("any") {
            assert_eq!(&told, kinds, "kinds of {code}");
        }
    }
    for known in ALL {
        assert!(used.contains_key(known.code), "{} is explained and used nowhere", known.code);
    }
}

#[test]
fn types_are_in_order_and_say_something_of_their_own_in_each_language() {
    assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
    for known in ALL {
        assert!(!known.kinds.is_empty(), "{}", known.code);
        for words in [known.english, known.french] {
            assert!(!words.0.is_empty() && !words.0.ends_with('.'), "{}", known.code);
            assert!(words.1.ends_with('.'), "{}", known.code);
        }
        assert_ne!(known.english.1, known.french.1, "{}", known.code);
    }
}
