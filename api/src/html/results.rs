//! The page of results: the form as it was filled in, the count, the items, and facets to narrow or widen.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_query::{Page, Queryable};
use nilometer_schemas::{
    Aggregation, AggregationKind, AggregationResult, Bucket, CalendarInterval, CollectionId, Problem, Scope, Search,
};
use serde_json::Value;

use super::form::search_form;
use super::layout::{Frame, breadcrumbs};
use super::values::{item_time, item_title};
use crate::links::{collection_path, item_path, with_query};
use crate::problem::ApiError;
use crate::routes::ask::Ask;
use crate::routes::collection_view::language_of;
use crate::routes::search::{Results, with_parameter};

/// Values shown of one facet; the others are counted.
const FACET_VALUES_MAX: usize = 12;
/// Facets by property, where one collection is asked.
const PROPERTY_FACETS_MAX: usize = 4;
/// Years of a chart.
const YEARS_MAX: usize = 200;

/// Parameters that name a page and not a question.
const PAGE_PARAMETERS: [&str; 1] = ["token"];

/// A page's items as JSON values.
///
/// # Errors
/// `Internal` if a stored item is no JSON.
pub(super) fn parsed(page: &Page) -> Result<Vec<Value>, ApiError> {
    page.items.iter().map(|item| serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)).collect()
}

/// The page.
pub(crate) fn results(ask: &Ask, snapshot: &Snapshot, results: &Results) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let items = parsed(&results.page)?;
    let facets = facets(&frame, ask, snapshot, results)?;
    let collection = results.collection.as_ref().map(|id| id.as_str());
    let title = frame.t("Search", "Recherche");
    let matched = results.page.number_matched;
    let steps: Vec<(&str, String)> = match collection {
        None => vec![("Nilometer", "/".to_owned())],
        Some(id) => {
            vec![("Nilometer", "/".to_owned()), ("Collections", "/collections".to_owned()), (id, collection_path(id))]
        }
    };
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, title))
            h1.quiet { (title) }
            (search_form(&frame, ask, snapshot, collection))
            (references(&frame, ask))
            div.split.results {
                section aria-label=(frame.t("Results", "Résultats")) {
                    p.count aria-live="polite" { (matched_text(&frame, matched)) }
                    @if matched == 0 { (advice(&frame)) }
                    (item_list(&frame, ask, snapshot, &items, collection))
                    (pager(&frame, ask, results))
                }
                aside.facets aria-label=(frame.t("Narrow down", "Affiner")) { (facets) }
            }
        }
    };
    Ok(frame.page(title, main))
}

fn matched_text(frame: &Frame<'_>, matched: u64) -> String {
    let items = frame.language.items(matched);
    match matched {
        0 => frame.t("Nothing matches.", "Rien ne correspond.").to_owned(),
        1 => format!("{items} {}", frame.t("matches", "correspond")),
        _ => format!("{items} {}", frame.t("match", "correspondent")),
    }
}

fn advice(frame: &Frame<'_>) -> Markup {
    html! {
        p.none {
            (frame.t(
                "Try fewer words, a longer period or all collections. Words are whole words; accents and case do not matter.",
                "Essayez moins de mots, une période plus longue ou toutes les collections. Les mots sont entiers ; ni les accents ni la casse ne comptent.",
            ))
        }
    }
}

/// Places that the question refers to, each with a way to drop it.
fn references(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let places = ask.parameter("intersectsRefs");
    html! {
        @if let Some(places) = places {
            p.chips {
                span { (frame.t("Within", "Dans")) }
                span.tag { (places) }
                a href=(frame.href(&changed(ask, None, &[("intersectsRefs", None)]))) {
                    (frame.t("anywhere", "n'importe où"))
                }
            }
        }
    }
}

fn pager(frame: &Frame<'_>, ask: &Ask, results: &Results) -> Markup {
    let more = results.page.next.as_ref();
    let deeper = ask.parameter("token").is_some();
    html! {
        @if more.is_some() || deeper {
            nav.pager aria-label=(frame.t("Pages", "Pages")) {
                @if deeper {
                    a.button.quiet href=(frame.href(&without_page(ask))) { (frame.t("First page", "Première page")) }
                }
                @if let Some(token) = more {
                    a.button rel="next" href=(frame.href(&with_parameter(ask, "token", token))) {
                        (frame.t("Next page", "Page suivante"))
                    }
                }
            }
        }
    }
}

fn without_page(ask: &Ask) -> String {
    let kept = ask.query.iter().filter(|(n, _)| !PAGE_PARAMETERS.contains(&n.as_str()));
    with_query(&ask.path, kept.map(|(n, v)| (n.as_str(), v.as_str())))
}

/// The address of `/search` for this question with some parameters set or dropped, on its first page.
/// `collection` is the one that the path names.
fn changed(ask: &Ask, collection: Option<&str>, changes: &[(&str, Option<&str>)]) -> String {
    let is_changed = |name: &str| changes.iter().any(|(n, _)| *n == name);
    let kept = ask.query.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let kept = kept.filter(|(n, _)| !PAGE_PARAMETERS.contains(n) && !is_changed(n));
    let of_path = collection.filter(|_| !is_changed("collections")).map(|id| ("collections", id));
    let set = changes.iter().filter_map(|(n, v)| Some((*n, (*v)?)));
    with_query("/search", kept.chain(of_path).chain(set))
}

/// A list of items. Within one collection its title is not repeated with every item.
pub(super) fn item_list(
    frame: &Frame<'_>,
    ask: &Ask,
    snapshot: &Snapshot,
    items: &[Value],
    within: Option<&str>,
) -> Markup {
    if items.is_empty() {
        return html! {};
    }
    html! {
        ol.items {
            @for item in items {
                @let id = item["id"].as_str().unwrap_or_default();
                @let collection = item["collection"].as_str().unwrap_or_default();
                @let title = item_title(item);
                li {
                    a.name href=(frame.href(&item_path(collection, id))) { (title) }
                    p.meta {
                        @if within != Some(collection) { span { (collection_title(ask, snapshot, collection)) } }
                        @if let Some(time) = item_time(item) { span { (time) } }
                        @if title != id { code { (id) } }
                    }
                }
            }
        }
    }
}

/// The title of a collection in the reader's language, or its id.
pub(super) fn collection_title(ask: &Ask, snapshot: &Snapshot, id: &str) -> String {
    match snapshot.collection(id, ask.scope) {
        Some(stored) => stored.collection.title(&language_of(&stored.collection, &ask.languages)).to_owned(),
        None => id.to_owned(),
    }
}

fn count_by(snapshot: &Snapshot, search: &Search, kind: AggregationKind, scope: Scope) -> Result<Vec<Bucket>, Problem> {
    let aggregation = Aggregation { name: "facet".into(), kind };
    match nilometer_query::aggregate(snapshot, search, &[aggregation], scope)?.pop() {
        Some(AggregationResult::Buckets { buckets, .. }) => Ok(buckets),
        _ => Ok(Vec::new()),
    }
}

/// Items by year, oldest first.
///
/// # Errors
/// The query's.
pub(super) fn years(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Vec<(i64, u64)>, Problem> {
    let kind = AggregationKind::DatetimeFrequency(CalendarInterval::Year);
    let buckets = count_by(snapshot, search, kind, scope)?;
    let year = |b: &Bucket| Some((b.key.as_str()?.get(..4)?.parse::<i64>().ok()?, b.frequency));
    Ok(buckets.iter().filter_map(year).collect())
}

fn facets(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, results: &Results) -> Result<Markup, ApiError> {
    let path_collection = results.collection.as_ref().map(|id| id.as_str());
    let search = Search { token: None, ..results.search.clone() };
    let anywhere = Search { collections: Vec::new(), ..search.clone() };
    let by_collection = count_by(snapshot, &anywhere, terms("collection"), ask.scope)?;
    let by_year = years(snapshot, &search, ask.scope)?;
    let mut by_property = Vec::new();
    if let [collection] = search.collections.as_slice() {
        for queryable in facet_properties(snapshot, collection, ask.scope)? {
            let buckets = count_by(snapshot, &search, terms(&queryable.name), ask.scope)?;
            if buckets.len() > 1 {
                by_property.push((queryable.name, buckets));
            }
        }
    }
    let chosen: Vec<&str> = search.collections.iter().map(|c| c.as_str()).collect();
    Ok(html! {
        @if !by_collection.is_empty() {
            (facet(frame, frame.t("By collection", "Par collection"), &by_collection, |key| {
                let link = changed(ask, None, &[("collections", Some(key))]);
                (collection_title(ask, snapshot, key), link, chosen.contains(&key))
            }))
            @if !chosen.is_empty() {
                p { a href=(frame.href(&changed(ask, None, &[("collections", None)]))) {
                    (frame.t("All collections", "Toutes les collections"))
                } }
            }
        }
        @if by_year.len() > 1 {
            section.facet {
                h2 { (frame.t("By year", "Par année")) }
                (year_chart(frame, &question(ask, path_collection), &by_year))
            }
        }
        @for (name, buckets) in &by_property {
            (facet(frame, name, buckets, |key| {
                let filter = narrowed(ask.parameter("filter"), name, key);
                (key.to_owned(), changed(ask, path_collection, &[("filter", Some(&filter))]), false)
            }))
        }
    })
}

fn terms(property: &str) -> AggregationKind {
    AggregationKind::Terms { property: property.into() }
}

/// Text properties with few values: those by which people narrow down.
fn facet_properties(snapshot: &Snapshot, collection: &CollectionId, scope: Scope) -> Result<Vec<Queryable>, Problem> {
    let all = nilometer_query::queryables(snapshot, Some(collection), scope)?;
    let few = all
        .into_iter()
        .filter(|q| q.values.as_ref().is_some_and(|v| v.len() > 1) && q.name != "collection")
        .take(PROPERTY_FACETS_MAX)
        .collect();
    Ok(few)
}

/// A filter with one more condition, as CQL2 text.
fn narrowed(filter: Option<&str>, property: &str, value: &str) -> String {
    let condition = format!("\"{}\" = '{}'", property.replace('"', "\"\""), value.replace('\'', "''"));
    match filter {
        Some(filter) => format!("({filter}) AND {condition}"),
        None => condition,
    }
}

/// The question's parameters but its period.
fn question(ask: &Ask, collection: Option<&str>) -> Vec<(String, String)> {
    let own = ask.query.iter().filter(|(n, _)| n != "datetime" && !PAGE_PARAMETERS.contains(&n.as_str())).cloned();
    own.chain(collection.map(|id| ("collections".to_owned(), id.to_owned()))).collect()
}

/// One facet; `entry` gives a value's text, its address and whether it is chosen.
fn facet(frame: &Frame<'_>, title: &str, buckets: &[Bucket], entry: impl Fn(&str) -> (String, String, bool)) -> Markup {
    let others: u64 = buckets.iter().skip(FACET_VALUES_MAX).map(|b| b.frequency).sum();
    html! {
        section.facet {
            h2 { (title) }
            ul {
                @for bucket in buckets.iter().take(FACET_VALUES_MAX) {
                    @let key = bucket.key.as_str().map_or_else(|| bucket.key.to_string(), str::to_owned);
                    @let (text, path, chosen) = entry(&key);
                    li {
                        a href=(frame.href(&path)) aria-current=[chosen.then_some("true")] {
                            span { (text) }
                            span.number { (frame.language.number(bucket.frequency)) }
                        }
                    }
                }
                @if others > 0 {
                    li.others {
                        span { (frame.t("others", "autres")) }
                        span.number { (frame.language.number(others)) }
                    }
                }
            }
        }
    }
}

/// Bars of items by year, each a link to that year; the numbers stand in the links' names.
pub(super) fn year_chart(frame: &Frame<'_>, question: &[(String, String)], years: &[(i64, u64)]) -> Markup {
    let last = years.last().map_or(0, |(year, _)| *year);
    let shown: Vec<(i64, u64)> = years.iter().copied().filter(|(y, _)| last - y < YEARS_MAX as i64).collect();
    let (Some((first, _)), Some(most)) = (shown.first(), shown.iter().map(|(_, n)| *n).max()) else {
        return html! {};
    };
    let width = last - first + 1;
    html! {
        figure.years {
            svg viewBox=(format!("0 0 {} 40", width * 4)) preserveAspectRatio="none" role="list"
                aria-label=(frame.t("Items by year", "Éléments par année")) {
                @for (year, count) in &shown {
                    // A year with few items beside one with many still gets a visible bar.
                    @let height = (*count as f64 / most.max(1) as f64 * 38.0).max(1.5);
                    @let text = format!("{year}: {}", frame.language.items(*count));
                    @let period = format!("{year}-01-01T00:00:00Z/{year}-12-31T23:59:59.999999Z");
                    @let pairs = question.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("datetime", period.as_str())]);
                    a href=(frame.href(&with_query("/search", pairs))) role="listitem" aria-label=(text) {
                        title { (text) }
                        rect.room x=((year - first) * 4) y="0" width="4" height="40" {}
                        rect.bar x=((year - first) * 4) y=(format!("{:.1}", 40.0 - height)) width="3.4"
                            height=(format!("{height:.1}")) {}
                    }
                }
            }
            figcaption { span { (first) } span { (last) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_added_with_its_quotes_escaped() {
        assert_eq!(narrowed(None, "river", "L'Isle"), "\"river\" = 'L''Isle'");
        assert_eq!(narrowed(Some("a = 1 OR b = 2"), "x\"y", "z"), "(a = 1 OR b = 2) AND \"x\"\"y\" = 'z'");
    }
}
