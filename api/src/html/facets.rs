//! What narrows a question down: counts by collection and by property, and the question's own parts as chips.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_schemas::{
    Aggregation, AggregationKind, AggregationResult, Bucket, CollectionId, Problem, Scope, Search,
};

use super::conditions::Conditions;
use super::form::{FORM, dates};
use super::icons::{Icon, icon};
use super::labels::{is_facet, label, value_text};
use super::layout::Frame;
use super::results::changed;
use crate::places;
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;
use crate::routes::search::Results;

/// Values of one facet that stand open; the others unfold.
const VALUES_OPEN: usize = 7;
/// Values of one facet that are listed at all; the others are counted.
const VALUES_MAX: usize = 60;
/// Facets by property.
const PROPERTIES_MAX: usize = 6;
/// Items that must share the commonest value of a property.
const SHARED_BY_MIN: u64 = 2;
/// Collections that have a chip each; more have one in common.
const COLLECTIONS_MAX: usize = 6;
/// Places of a question that are named one by one.
const REFERENCES_MAX: usize = 20;

/// Items by the values of something, most first.
///
/// # Errors
/// The query's.
pub(super) fn count_by(
    snapshot: &Snapshot,
    search: &Search,
    kind: AggregationKind,
    scope: Scope,
) -> Result<Vec<Bucket>, Problem> {
    let aggregation = Aggregation { name: "facet".into(), kind, limit: None };
    Ok(nilometer_query::aggregate(snapshot, search, &[aggregation], scope)?.pop().map(buckets).unwrap_or_default())
}

fn buckets(result: AggregationResult) -> Vec<Bucket> {
    match result {
        AggregationResult::Buckets { buckets, .. } => buckets,
        _ => Vec::new(),
    }
}

fn terms(property: &str) -> AggregationKind {
    AggregationKind::Terms { property: property.into() }
}

/// One value of a facet.
struct Entry {
    text: String,
    count: u64,
    href: String,
    chosen: bool,
}

/// All facets of a question. The counts of each follow every other part of the question but not its own choice, so
/// that a second value can be chosen beside the first.
///
/// # Errors
/// The query's.
pub(super) fn facets(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, results: &Results) -> Result<Markup, Problem> {
    let search = Search { token: None, ..results.search.clone() };
    let conditions = Conditions::of(search.filter.as_ref());
    let names = properties(snapshot, &search.collections, ask.scope);
    let asked: Vec<Aggregation> = std::iter::once("collection")
        .chain(names.iter().map(String::as_str))
        .map(|name| Aggregation { name: name.to_owned(), kind: terms(name), limit: None })
        .collect();
    let counted = nilometer_query::aggregate_multiselect(snapshot, &search, &asked, ask.scope, None)?;
    let mut counted = counted.into_iter().map(buckets);
    let collections = by_collection(ask, snapshot, &search, &counted.next().unwrap_or_default());
    let mut lists = vec![(frame.t("Collection", "Collection").to_owned(), collections)];
    for (name, buckets) in names.into_iter().zip(counted) {
        let chosen = conditions.chosen(&name);
        // What differs from item to item narrows nothing down.
        if chosen.is_empty() && buckets.iter().map(|b| b.frequency).max().unwrap_or(0) < SHARED_BY_MIN {
            continue;
        }
        let entry = |bucket: &Bucket| {
            let text = bucket.key.as_str()?;
            let filter = conditions.toggled(&name, text).text();
            let changes = [("filter", filter.as_deref()), ("filter-lang", None)];
            let href = changed(ask, results.collection(), &changes);
            let chosen = chosen.iter().any(|c| c == text);
            let text = value_text(frame.language, &name, text).to_owned();
            Some(Entry { chosen, text, count: bucket.frequency, href })
        };
        let entries: Vec<Entry> = buckets.iter().filter_map(entry).collect();
        if entries.len() > 1 || entries.iter().any(|e| e.chosen) {
            lists.push((label(frame.language, &name), entries));
        }
    }
    Ok(html! {
        @for (title, entries) in &lists { (facet(frame, title, entries)) }
        details.facet.conditions open[ask.parameter("filter").is_some()] {
            summary { h2 { (frame.t("More conditions", "Autres conditions")) } }
            label for="filter" { (frame.t("In CQL2", "En CQL2")) }
            textarea.code #filter name="filter" form=(FORM) rows="3" spellcheck="false" autocomplete="off"
                placeholder="width_m > 100 AND country = 'France'" { (ask.parameter("filter").unwrap_or_default()) }
            button.button.quiet.small type="submit" form=(FORM) { (frame.t("Apply", "Appliquer")) }
        }
        button.button.show-results.needs-script type="button" data-show="list" {
            (frame.t("Show", "Afficher")) " " (frame.language.items(results.page.number_matched))
        }
    })
}

fn by_collection(ask: &Ask, snapshot: &Snapshot, search: &Search, buckets: &[Bucket]) -> Vec<Entry> {
    let chosen: Vec<&str> = search.collections.iter().map(CollectionId::as_str).collect();
    let entry = |id: &str, count: u64| {
        let is_chosen = chosen.contains(&id);
        let others = chosen.iter().copied().filter(|c| *c != id);
        let list: Vec<&str> = if is_chosen { others.collect() } else { others.chain([id]).collect() };
        let list = (!list.is_empty()).then(|| list.join(","));
        let href = changed(ask, None, &[("collections", list.as_deref())]);
        Entry { text: collection_title(ask, snapshot, id), count, href, chosen: is_chosen }
    };
    let mut entries: Vec<Entry> = buckets.iter().filter_map(|b| Some(entry(b.key.as_str()?, b.frequency))).collect();
    // What is chosen and has nothing stays visible, or nobody could take it away here.
    for id in &chosen {
        if !buckets.iter().any(|b| b.key == *id) {
            entries.push(entry(id, 0));
        }
    }
    entries
}

/// The properties by whose values all asked collections are narrowed down, as their data declare them.
fn properties(snapshot: &Snapshot, collections: &[CollectionId], scope: Scope) -> Vec<String> {
    // Latest values change by the hour; charts are for them.
    let lasting = |name: &String| {
        is_facet(name) && name != "keywords" && !name.starts_with("latest:") && !name.starts_with("observations:")
    };
    let mut common: Option<Vec<String>> = None;
    for collection in collections {
        let own = nilometer_query::facet_properties(snapshot, collection, scope);
        common = Some(match common {
            None => own.into_iter().filter(lasting).collect(),
            Some(names) => names.into_iter().filter(|name| own.contains(name)).collect(),
        });
    }
    let mut names = common.unwrap_or_default();
    names.truncate(PROPERTIES_MAX);
    names
}

fn facet(frame: &Frame<'_>, title: &str, entries: &[Entry]) -> Markup {
    let (open, folded) = entries.split_at(entries.len().min(VALUES_OPEN));
    let listed = &folded[..folded.len().min(VALUES_MAX - VALUES_OPEN)];
    let others: u64 = folded.iter().skip(listed.len()).map(|e| e.count).sum();
    html! {
        @if !entries.is_empty() {
            section.facet aria-label=(title) {
                h2 { (title) }
                (values(frame, open))
                @if !folded.is_empty() {
                    details open[listed.iter().any(|e| e.chosen)] {
                        summary { (folded.len()) " " (frame.t("more", if folded.len() == 1 { "autre" } else { "autres" })) }
                        (values(frame, listed))
                        @if others > 0 {
                            p.hint {
                                (frame.t("Beyond these: ", "Au-delà : ")) span.number { (frame.language.number(others)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn values(frame: &Frame<'_>, entries: &[Entry]) -> Markup {
    html! {
        ul {
            @for entry in entries {
                li {
                    a href=(frame.href(&entry.href)) rel="nofollow" aria-current=[entry.chosen.then_some("true")] {
                        span { (entry.text) }
                        " "
                        span.number { (frame.language.number(entry.count)) }
                    }
                }
            }
        }
    }
}

/// The parts of the question, each a link that drops it.
pub(super) fn chips(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, results: &Results) -> Markup {
    let search = &results.search;
    let own = results.collection();
    let mut chips: Vec<(String, String)> = Vec::new();
    if let Some(q) = ask.parameter("q") {
        chips.push((frame.t("“#”", "« # »").replace('#', q), changed(ask, own, &[("q", None)])));
    }
    let few = search.collections.len() <= COLLECTIONS_MAX;
    if !few {
        // Many, as a sentence may name, are one part of the question.
        let text = format!("{} collections", search.collections.len());
        chips.push((text, changed(ask, None, &[("collections", None)])));
    }
    for collection in search.collections.iter().filter(|_| few) {
        let others: Vec<&str> = search.collections.iter().map(CollectionId::as_str).collect();
        let others: Vec<&str> = others.into_iter().filter(|c| *c != collection.as_str()).collect();
        let others = (!others.is_empty()).then(|| others.join(","));
        let href = changed(ask, None, &[("collections", others.as_deref())]);
        chips.push((collection_title(ask, snapshot, collection.as_str()), href));
    }
    for reference in search.intersects_refs.iter().take(REFERENCES_MAX) {
        let others: Vec<&str> = search.intersects_refs.iter().filter(|r| *r != reference).map(String::as_str).collect();
        let others = (!others.is_empty()).then(|| others.join(","));
        let href = changed(ask, own, &[("intersectsRefs", others.as_deref())]);
        let title = places::title(snapshot, ask.scope, frame.language, reference);
        chips.push((format!("{} {title}", frame.t("in", "dans :")), href));
    }
    if ask.parameter("bbox").is_some() {
        let text = frame.t("in the box", "dans le cadre").to_owned();
        chips.push((text, changed(ask, own, &[("bbox", None)])));
    }
    if search.intersects.is_some() {
        let text = frame.t("in the drawn area", "dans la zone dessinée").to_owned();
        chips.push((text, changed(ask, own, &[("intersects", None), ("search", None)])));
    }
    if let Some(datetime) = ask.parameter("datetime") {
        chips.push((period(frame, datetime), changed(ask, own, &[("datetime", None)])));
    }
    for (text, others) in Conditions::of(search.filter.as_ref()).each_without(
        |name| format!("{}{}", label(frame.language, name), frame.t(":", " :")),
        |name, text| value_text(frame.language, name, text).to_owned(),
    ) {
        let filter = others.text();
        let changes = [("filter", filter.as_deref()), ("filter-lang", None)];
        chips.push((text, changed(ask, own, &changes)));
    }
    if !search.ids.is_empty() {
        let text = format!("{} {}", search.ids.len(), frame.t("identifiers", "identifiants"));
        chips.push((text, changed(ask, own, &[("ids", None)])));
    }
    html! {
        @if !chips.is_empty() {
            ul.chips.active aria-label=(frame.t("Active filters", "Filtres actifs")) {
                @for (text, href) in &chips {
                    li {
                        a.chip.active href=(frame.href(href)) rel="nofollow" title=(text)
                            aria-label=(format!("{} {text}", frame.t("Remove:", "Retirer :"))) {
                            span { (text) } (icon(Icon::Cross))
                        }
                    }
                }
                @if chips.len() > 1 {
                    li { a.chip.clear href=(frame.href("/search")) { (frame.t("Clear all", "Tout effacer")) } }
                }
            }
        }
    }
}

fn period(frame: &Frame<'_>, datetime: &str) -> String {
    match dates(datetime) {
        (from, to) if from.is_empty() && to.is_empty() => datetime.to_owned(),
        (from, to) if to.is_empty() => format!("{} {from}", frame.t("from", "depuis le")),
        (from, to) if from.is_empty() => format!("{} {to}", frame.t("until", "jusqu'au")),
        (from, to) if from == to => from,
        (from, to) => format!("{from} – {to}"),
    }
}
