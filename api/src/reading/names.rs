//! What one thing may be called: a lake is one in either language, before or behind its name, and a place has names in several
//! languages.

use std::collections::BTreeSet;

use nilometer_indexer::Snapshot;
use nilometer_schemas::text::words;
use nilometer_schemas::{Problem, Scope};

use crate::places;

const LAKES: [&str; 4] = ["lac", "lake", "lago", "laguna"];
const RIVERS: [&str; 4] = ["riviere", "fleuve", "river", "rio"];
const SMALL: [&str; 7] = ["d", "de", "du", "des", "la", "le", "l"];
/// Other names of a place that are looked for.
const OTHERS_MAX: usize = 4;
/// Places of different names that another name may be of: that of more is one of a group, as Great Lakes is.
const BEARERS_MAX: usize = 2;

/// What a place may be called in the data that somebody calls so, folded.
pub(super) fn called(run: &str) -> Vec<String> {
    let mut names = vec![run.to_owned()];
    for kinds in [LAKES, RIVERS] {
        let words: Vec<&str> = run.split(' ').collect();
        let bare: Vec<&str> = match words.as_slice() {
            [kind, rest @ ..] if kinds.contains(kind) => {
                rest.iter().copied().skip_while(|w| SMALL.contains(w)).collect()
            }
            [rest @ .., kind] if kinds.contains(kind) => rest.to_vec(),
            _ => continue,
        };
        if bare.is_empty() {
            continue;
        }
        let bare = bare.join(" ");
        names.extend(kinds.iter().flat_map(|kind| [format!("{kind} {bare}"), format!("{bare} {kind}")]));
        // Lakes are seldom called without saying so, and rivers mostly are.
        names.extend((kinds == RIVERS).then_some(bare));
    }
    names
}

/// Whether a kind of water is part of a longer name that some item bears: `Okanagan Lake`, `rivière Chaudière`.
///
/// # Errors
/// The query's.
pub(super) fn is_borne(snapshot: &Snapshot, scope: Scope, run: &str) -> Result<bool, Problem> {
    // A bare name would be that of anything.
    let ways = called(run).into_iter().filter(|name| name.contains(' '));
    let runs: Vec<Vec<String>> = ways.map(|name| words(&name).collect()).collect();
    Ok(nilometer_query::count_named(snapshot, &runs, &[], 1, scope)? > 0)
}

/// The other names of the places that are called so, as they are written; none that only says the same.
///
/// # Errors
/// The query's.
pub(super) fn others(snapshot: &Snapshot, scope: Scope, run: &str) -> Result<Vec<String>, Problem> {
    let collections = places::collections(snapshot, scope);
    let mut ways = called(run);
    if ways.len() == 1 {
        // Somebody may leave out what a name has: Léman is Lac Léman.
        ways.extend(LAKES.iter().map(|kind| format!("{kind} {run}")));
    }
    let mut known: BTreeSet<String> = ways.iter().cloned().collect();
    let mut others = Vec::new();
    for way in &ways {
        for name in places::names(snapshot, scope, way, &collections)? {
            let folded = words(&name).collect::<Vec<_>>().join(" ");
            // What holds all that was typed finds nothing more.
            let is_longer = words(run).all(|word| folded.split(' ').any(|own| own == word));
            if is_longer || folded.is_empty() || others.len() == OTHERS_MAX || !known.insert(folded.clone()) {
                continue;
            }
            if places::titles(snapshot, scope, &folded, &collections)?.len() <= BEARERS_MAX {
                others.push(name);
            }
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lakes_and_rivers_are_called_so_in_both_languages() {
        let has = |run: &str, name: &str| called(run).iter().any(|own| own == name);
        assert!(has("lac de constance", "lake constance") && has("okanagan lake", "lac okanagan"));
        assert!(has("riviere waitaki", "waitaki river") && has("fraser river", "fraser"));
        assert!(!has("lake victoria", "victoria"));
        assert_eq!(called("garonne"), ["garonne"]);
    }
}
