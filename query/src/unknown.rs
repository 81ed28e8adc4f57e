//! Properties that a filter names and nobody has, each with the nearest one that somebody has.

use std::collections::BTreeSet;

use nilometer_indexer::segment::{Column, ColumnKind, SegmentData};
use nilometer_indexer::{SegmentView, Snapshot};
use nilometer_schemas::limits::{NEAREST_NAME_BYTES_MAX, UNKNOWN_PROPERTIES_MAX};
use nilometer_schemas::text::edit_distance;
use nilometer_schemas::{Aggregation, CollectionId, Filter, Problem, Scope, Search};

/// What a filter may name of every item.
const OWN_MEMBERS: [&str; 7] =
    ["id", "collection", "geometry", "datetime", "start_datetime", "end_datetime", "ingested"];
/// Characters of a name that a message repeats.
const SHOWN_CHARS: usize = 80;

/// A property that no item in question has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProperty {
    /// Its name as the filter has it, without `properties.`; the end of a very long one is left out.
    pub name: String,
    /// The property closest to it by edit distance, unless all are too different.
    pub nearest: Option<String>,
}

/// What a filter names and no item of the search's collections has that the scope sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownProperties {
    /// The first few, in the order of the filter.
    pub listed: Vec<UnknownProperty>,
    /// How many there are besides.
    pub more: usize,
}

/// The properties of the search's filter that no live item has, in the collections asked for that the scope sees; only
/// from these come the names of nearest ones, so that nothing hidden can be told.
pub fn unknown_properties(snapshot: &Snapshot, search: &Search, scope: Scope) -> UnknownProperties {
    let Some(filter) = &search.filter else { return UnknownProperties::default() };
    let seen = Seen { snapshot, search, scope };
    unknown_among(filter, |name| seen.has(name), || seen.names())
}

/// The properties of a filter that are not there, where `names` are all that are.
pub(crate) fn unknown_among(
    filter: &Filter,
    is_there: impl Fn(&str) -> bool,
    names: impl FnOnce() -> BTreeSet<String>,
) -> UnknownProperties {
    let mut unknown: Vec<&str> = named(filter).into_iter().filter(|name| !is_there(name)).collect();
    let more = unknown.len().saturating_sub(UNKNOWN_PROPERTIES_MAX);
    unknown.truncate(UNKNOWN_PROPERTIES_MAX);
    let known = if unknown.is_empty() { BTreeSet::new() } else { names() };
    let told = |name: &str| UnknownProperty {
        name: name.chars().take(SHOWN_CHARS).collect(),
        nearest: nearest(name, &known).map(str::to_owned),
    };
    UnknownProperties { listed: unknown.into_iter().map(told).collect(), more }
}

/// Refuses a strict search that names what nobody has.
///
/// # Errors
/// `unknown-property`, with the nearest known one.
pub(crate) fn check(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<(), Problem> {
    if !search.strict {
        return Ok(());
    }
    refuse(&unknown_properties(snapshot, search, scope), "item", "/queryables")
}

/// Refuses what is unknown: `who` does not have it, `listed_at` tells what there is.
///
/// # Errors
/// `unknown-property`, with the nearest known one.
pub(crate) fn refuse(unknown: &UnknownProperties, who: &str, listed_at: &str) -> Result<(), Problem> {
    let Some(first) = unknown.listed.first() else { return Ok(()) };
    let told: Vec<String> = unknown.listed.iter().map(|property| property.sentence(who)).collect();
    let problem = Problem::invalid("unknown-property", told.join("; ")).at("filter");
    Err(match &first.nearest {
        Some(nearest) => problem.allowed(format!("{nearest}, and the others that {listed_at} lists")),
        None => problem.allowed(format!("the properties that {listed_at} lists")),
    })
}

/// Refuses aggregations over what no item of a collection has: under the address of a collection only those may be asked for
/// that it lists (STAC aggregation extension).
///
/// # Errors
/// `unknown-property`, with the nearest known one.
pub fn check_aggregations(
    snapshot: &Snapshot,
    collection: &CollectionId,
    aggregations: &[Aggregation],
    scope: Scope,
) -> Result<(), Problem> {
    let search = Search { collections: vec![collection.clone()], ..Search::default() };
    let seen = Seen { snapshot, search: &search, scope };
    for name in aggregations.iter().filter_map(|aggregation| aggregation.kind.property()) {
        if !OWN_MEMBERS.contains(&name) && !seen.has(name) {
            let shown = name.chars().take(SHOWN_CHARS).collect();
            let nearest = nearest(name, &seen.names()).map(str::to_owned);
            let sentence = UnknownProperty { name: shown, nearest }.sentence("item");
            return Err(Problem::invalid("unknown-property", sentence)
                .at("aggregations")
                .allowed("what /aggregations of the collection lists"));
        }
    }
    Ok(())
}

impl UnknownProperty {
    /// What is unknown to whom and what is nearest, for people.
    pub fn sentence(&self, who: &str) -> String {
        let unknown = format!("no {who} has the property {:?}", self.name);
        match &self.nearest {
            Some(nearest) => format!("{unknown}, the nearest is {nearest:?}"),
            None => unknown,
        }
    }
}

/// The properties that a filter names, each once, in order.
fn named(filter: &Filter) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut met: BTreeSet<&str> = OWN_MEMBERS.into_iter().collect();
    filter.each_property(&mut |name| {
        if met.insert(name) {
            names.push(name);
        }
    });
    names
}

/// What can be seen of the items in question.
struct Seen<'a> {
    snapshot: &'a Snapshot,
    search: &'a Search,
    scope: Scope,
}

impl Seen<'_> {
    fn has(&self, name: &str) -> bool {
        self.snapshot.segments().iter().any(|segment| {
            let data = segment.data();
            data.columns_within(name).any(|column| self.sees(segment, &column))
        })
    }

    /// All properties, with what every item has.
    fn names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = OWN_MEMBERS.into_iter().map(str::to_owned).collect();
        for segment in self.snapshot.segments() {
            for column in segment.data().columns() {
                if !names.contains(column.name) && self.sees(segment, &column) {
                    names.insert(column.name.to_owned());
                }
            }
        }
        names
    }

    /// Whether a live item of a collection in question has a value in a column.
    fn sees(&self, segment: &SegmentView, column: &Column<'_>) -> bool {
        let data: &SegmentData = segment.data();
        let Some(collections) = data.column("collection", ColumnKind::Text) else { return false };
        let in_question = |code: u32| {
            let name = collections.dictionary.text(code);
            let asked = &self.search.collections;
            (asked.is_empty() || asked.iter().any(|c| c.as_str() == name))
                && self.snapshot.collection(name, self.scope).is_some()
        };
        let codes: Vec<u32> = column.collections.iter().copied().filter(|code| in_question(*code)).collect();
        let Some(alive) = segment.alive() else { return !codes.is_empty() };
        if codes.is_empty() {
            return false;
        }
        // Deleted items keep their values until a merge; they tell nothing.
        let mut found = false;
        data.for_each_pair(column, |doc, _| {
            found =
                found || alive.contains(doc) && collections.first_code(doc).is_some_and(|code| codes.contains(&code));
        });
        found
    }
}

/// The name closest to another: about a third of the longer one differs at most. Case counts a little, so that it decides ties.
fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    if name.len() > NEAREST_NAME_BYTES_MAX {
        return None;
    }
    let folded = name.to_lowercase();
    // What follows a prefix, as cloud_cover in eo:cloud_cover, is what people remember.
    let tail = |text: &str| text.rsplit([':', '.']).next().unwrap_or_default().to_owned();
    let cost = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let whole = edit_distance(&folded, &candidate);
        let length = folded.chars().count().max(candidate.chars().count());
        if tail(&candidate) == tail(&folded) { Some(whole.min(1)) } else { (3 * whole <= length + 1).then_some(whole) }
    };
    let candidates = known.iter().filter(|known| known.len() <= NEAREST_NAME_BYTES_MAX);
    let priced = candidates.filter_map(|known| Some((cost(known)?, edit_distance(name, known), known.as_str())));
    priced.min().map(|(.., known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_close_or_none() {
        let known: BTreeSet<String> =
            ["eo:cloud_cover", "country", "county", "width_m", "name"].into_iter().map(str::to_owned).collect();
        for (name, expected) in [
            ("cloud_cover", Some("eo:cloud_cover")),
            ("eo:cloudcover", Some("eo:cloud_cover")),
            ("contry", Some("country")),
            ("Country", Some("country")),
            ("widht_m", Some("width_m")),
            ("zzzzzz", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1_000), &known), None);
    }
}
