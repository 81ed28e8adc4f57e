//! Facets of which several values can be chosen: each is counted without its own choice, so that the values beside the chosen
//! ones keep their counts.
//!
//! The question is taken apart into what every facet has in common and the choices that some facet leaves out. The common part
//! is looked up once, each choice once among what that finds, and a facet's items are the intersection of the others.

use nilometer_indexer::Snapshot;
use nilometer_indexer::segment::Bits;
use nilometer_schemas::{AggregationKind, CollectionId, Filter, Problem, Scope, Search};

use super::Found;
use crate::plan::Plan;

/// The times of an item, which are one choice.
const TIMES: [&str; 3] = ["datetime", "start_datetime", "end_datetime"];

/// What can be chosen by a facet.
#[derive(Clone, Debug, PartialEq)]
enum Choice {
    /// `collections`, and conditions on `collection`.
    Collections,
    /// `datetime`, and conditions on the item's times.
    Time,
    /// `bbox`, `intersects`, `intersectsRefs`, and conditions on the geometry.
    Place,
    /// Conditions on a property.
    Property(String),
}

impl Choice {
    fn of(kind: &AggregationKind) -> Option<Self> {
        Some(match kind {
            AggregationKind::TotalCount => return None,
            AggregationKind::DatetimeMin | AggregationKind::DatetimeMax => Self::Time,
            AggregationKind::CentroidGrid { .. } | AggregationKind::GeometryGrid { .. } => Self::Place,
            AggregationKind::Dates { property, .. }
            | AggregationKind::Terms { property }
            | AggregationKind::Histogram { property, .. }
            | AggregationKind::Ranges { property, .. }
            | AggregationKind::Statistics { property }
            | AggregationKind::Distinct { property } => match property.as_str() {
                "collection" => Self::Collections,
                name if TIMES.contains(&name) => Self::Time,
                _ => Self::Property(property.clone()),
            },
        })
    }

    fn is_about(&self, name: &str) -> bool {
        match self {
            Self::Collections => name == "collection",
            Self::Time => TIMES.contains(&name),
            Self::Place => name == "geometry",
            Self::Property(property) => name == property,
        }
    }

    /// Whether a condition is about this and nothing else.
    fn has(&self, condition: &Filter) -> bool {
        let (mut any, mut only) = (false, true);
        condition.each_property(&mut |name| {
            any = true;
            only = only && self.is_about(name);
        });
        any && only
    }

    /// The part of a question that is this choice.
    fn part(&self, search: &Search, conditions: &[&Filter]) -> Search {
        let mut part =
            Search { filter: all_of(conditions.iter().copied().filter(|c| self.has(c))), ..Search::default() };
        match self {
            Self::Collections => part.collections = search.collections.clone(),
            Self::Time => part.datetime = search.datetime,
            Self::Place => {
                part.bbox = search.bbox;
                part.intersects = search.intersects.clone();
                part.intersects_refs = search.intersects_refs.clone();
            }
            Self::Property(_) => {}
        }
        part
    }

    /// Takes what is no condition out of a question; under the address of a collection the collection is no choice.
    fn drop_from(&self, search: &mut Search, within: Option<&CollectionId>) {
        match self {
            Self::Collections => search.collections = within.into_iter().cloned().collect(),
            Self::Time => search.datetime = None,
            Self::Place => (search.bbox, search.intersects, search.intersects_refs) = (None, None, Vec::new()),
            Self::Property(_) => {}
        }
    }
}

/// What all of a filter's parts joined with AND are.
fn conditions(filter: Option<&Filter>) -> Vec<&Filter> {
    match filter {
        None => Vec::new(),
        Some(Filter::And(parts)) => parts.iter().flat_map(|part| conditions(Some(part))).collect(),
        Some(one) => vec![one],
    }
}

fn all_of<'a>(conditions: impl Iterator<Item = &'a Filter>) -> Option<Filter> {
    let mut all: Vec<Filter> = conditions.cloned().collect();
    if all.len() > 1 { Some(Filter::And(all)) } else { all.pop() }
}

/// The items of a question by what each facet leaves out of it.
pub(crate) struct Choices<'a> {
    /// All conditions hold.
    whole: Vec<Found<'a>>,
    others: Vec<(Choice, Vec<Found<'a>>)>,
}

impl<'a> Choices<'a> {
    /// Looks up a question for these facets.
    ///
    /// # Errors
    /// As [`crate::search`].
    pub(crate) fn new<'k>(
        snapshot: &'a Snapshot,
        search: &Search,
        kinds: impl Iterator<Item = &'k AggregationKind>,
        scope: Scope,
        within: Option<&CollectionId>,
    ) -> Result<Self, Problem> {
        crate::unknown::check(snapshot, search, scope)?;
        let all = conditions(search.filter.as_ref());
        let mut choices: Vec<Choice> = Vec::new();
        for choice in kinds.filter_map(Choice::of) {
            let without = without(search, &all, std::slice::from_ref(&choice), within);
            if !choices.contains(&choice) && without != (Search { strict: false, ..search.clone() }) {
                choices.push(choice);
            }
        }
        let common = without(search, &all, &choices, within);
        let common = Plan::new(snapshot, &common, scope)?;
        let parts = choices.iter().map(|choice| Plan::new(snapshot, &choice.part(search, &all), scope));
        let parts: Vec<Plan<'_>> = parts.collect::<Result<_, _>>()?;
        let mut found =
            Self { whole: Vec::new(), others: choices.into_iter().map(|choice| (choice, Vec::new())).collect() };
        for segment in snapshot.segments() {
            let data = segment.data();
            let mut whole = common.matches(segment)?;
            let mut sets = Vec::with_capacity(parts.len());
            for part in &parts {
                sets.push(part.matches_among(segment, whole.clone())?);
            }
            for (at, (_, list)) in found.others.iter_mut().enumerate() {
                let mut matches = whole.clone();
                sets.iter().enumerate().filter(|(other, _)| *other != at).for_each(|(_, set)| matches.and(set));
                list.push(Found { data, matches });
            }
            sets.iter().for_each(|set: &Bits| whole.and(set));
            found.whole.push(Found { data, matches: whole });
        }
        Ok(found)
    }

    /// The items to be counted by a facet.
    pub(crate) fn of(&self, kind: &AggregationKind) -> &[Found<'a>] {
        let choice = Choice::of(kind);
        let own = self.others.iter().find(|(other, _)| Some(other) == choice.as_ref());
        own.map_or(&self.whole, |(_, found)| found)
    }
}

/// A question without some choices. It is as lenient as can be: what it names was looked at as a whole.
fn without(search: &Search, all: &[&Filter], choices: &[Choice], within: Option<&CollectionId>) -> Search {
    let mut rest = Search { strict: false, ..search.clone() };
    if all.iter().any(|condition| choices.iter().any(|choice| choice.has(condition))) {
        rest.filter = all_of(all.iter().copied().filter(|c| !choices.iter().any(|choice| choice.has(c))));
    }
    choices.iter().for_each(|choice| choice.drop_from(&mut rest, within));
    rest
}
