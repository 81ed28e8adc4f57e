//! The list of collections, and one collection.

use std::collections::BTreeMap;

use maud::{Markup, html};
use nilometer_indexer::{CollectionStats, Snapshot, StoredCollection};
use nilometer_query::series::parameters;
use nilometer_schemas::{
    Access, Aggregation, AggregationKind, AggregationResult, Bucket, CalendarInterval, Collection, Instant, Parameter,
    ParameterType, Search,
};
use serde_json::Value;

use super::api::queryables_table;
use super::figures::decimal;
use super::histogram;
use super::item::{licence, providers, short};
use super::jsonld;
use super::labels::value_text;
use super::language::{Language, readable};
use super::layout::{Frame, Page, Section, breadcrumbs};
use super::markdown;
use super::place::{self, Shown};
use super::results::{item_list, parsed};
use super::series::{told, unit};
use super::snippets::{Answer, snippets};
use super::table::{Column, table};
use crate::config::Config;
use crate::links::{collection_path, items_path, with_query};
use crate::problem::ApiError;
use crate::routes::CollectionPage;
use crate::routes::ask::Ask;
use crate::routes::collection_view::{collection_json, language_of};

/// Items shown on a collection's page.
const PREVIEW_ITEMS: usize = 8;
/// Characters of a description on a card.
const CARD_CHARS_MAX: usize = 180;
/// Quantities listed at once; more are folded up.
const PARAMETERS_AT_ONCE: usize = 12;
/// Years of a histogram.
const YEARS_MAX: i64 = 300;

/// One collection in a list under a heading of the second level.
pub(super) fn card(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, stored: &StoredCollection) -> Markup {
    let collection = &stored.collection;
    let id = collection.id.as_str();
    let language = language_of(collection, &ask.languages);
    let stats = snapshot.collection_stats(id);
    html! {
        li.card {
            h3 { a href=(frame.href(&collection_path(id))) { (collection.title(&language)) } }
            p { (shortened(collection.description(&language))) }
            p.meta {
                span { (frame.language.items(stats.items)) }
                @if let Some((start, end)) = stats.interval {
                    span { (start.civil().0) @if start.civil().0 != end.civil().0 { " – " (end.civil().0) } }
                }
                @if collection.access == Access::Hidden { span.tag { (frame.t("hidden", "masquée")) } }
            }
        }
    }
}

/// The first paragraph, cut at a word.
fn shortened(text: &str) -> String {
    let text = markdown::words(text);
    let first = text.split("\n\n").next().unwrap_or_default().trim();
    if first.chars().count() <= CARD_CHARS_MAX {
        return first.to_owned();
    }
    let cut: String = first.chars().take(CARD_CHARS_MAX).collect();
    let end = cut.rfind(char::is_whitespace).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end_matches([',', ';', ':', '.', ' ']))
}

/// The list.
pub(crate) fn collections(ask: &Ask, snapshot: &Snapshot, page: &CollectionPage<'_>) -> String {
    let frame = Frame::of(ask);
    let q = ask.parameter("q").unwrap_or_default();
    let main = html! {
        div.wide.stack.records {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], "Collections"))
            h1 { "Collections" }
            form.panel role="search" action=(frame.links.local("/collections")) method="get"
                aria-label=(frame.t("Find collections", "Trouver des collections")) {
                div.row {
                    div.field.grow {
                        label for="q" { (frame.t("Words in titles, descriptions and keywords", "Mots des titres, descriptions et mots-clés")) }
                        input #q type="search" name="q" value=(q) autocomplete="off";
                    }
                    @if let Some(lang) = &ask.lang { input type="hidden" name="lang" value=(lang); }
                    button.button type="submit" { (frame.t("Find", "Trouver")) }
                    @if !q.is_empty() {
                        a.button.quiet href=(frame.href("/collections")) { (frame.t("Show all", "Tout afficher")) }
                    }
                }
            }
            section aria-labelledby="found-title" {
                h2.count #found-title {
                    (frame.language.number(page.matched as u64)) " "
                    @if page.matched == 1 { "collection" } @else { "collections" }
                }
                @if page.matched == 0 {
                    p.notice { (frame.t(
                        "No collection contains all these words. Try fewer words.",
                        "Aucune collection ne contient tous ces mots. Essayez avec moins de mots.",
                    )) }
                }
                ul.cards {
                    @for stored in &page.collections { (card(&frame, ask, snapshot, stored)) }
                }
            }
            @for (token, rel, text) in [
                (&page.prev, "prev", frame.t("Collections before", "Collections précédentes")),
                (&page.next, "next", frame.t("More collections", "Autres collections")),
            ] {
              @if let Some(token) = token {
                p.pager {
                    a.button rel=(rel) href=(frame.href(&crate::routes::search::with_parameter(ask, "token", token))) {
                        (text)
                    }
                }
              }
            }
        }
    };
    let description = frame.t(
        "Collections of stations, places and satellite observations of the world's surface water.",
        "Collections de stations, de lieux et d'observations satellitaires des eaux de surface du monde.",
    );
    let head = jsonld::canonical(&frame, "/collections");
    frame.whole(&Page {
        title: "Collections",
        description,
        section: Section::Collections,
        head,
        main,
        ..Page::default()
    })
}

/// One collection.
pub(crate) fn collection(
    ask: &Ask,
    snapshot: &Snapshot,
    stored: &StoredCollection,
    config: &Config,
) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let collection = &stored.collection;
    let id = collection.id.as_str();
    let language = language_of(collection, &ask.languages);
    let title = collection.title(&language);
    let body = collection_json(ask, snapshot, stored);
    let stats = snapshot.collection_stats(id);
    let parameters = parameters(snapshot, id, ask.scope);
    let preview = Search { collections: vec![collection.id.clone()], limit: PREVIEW_ITEMS, ..Search::default() };
    let preview = parsed(&nilometer_query::search(snapshot, &preview, ask.scope)?)?;
    let queryables = nilometer_query::queryables(snapshot, Some(&collection.id), ask.scope);
    let steps = [("Nilometer", "/".to_owned()), ("Collections", "/collections".to_owned())];
    let main = html! {
        div.wide.stack.records {
            (breadcrumbs(&frame, &steps, title))
            div.split {
                div.stack {
                    header.title {
                        h1 lang=(language) { (title) }
                        p.meta { code { (id) } span { (frame.language.items(stats.items)) } }
                    }
                    div.prose lang=(language) { (markdown::foreign(collection.description(&language))) }
                    (keywords(&body))
                    p.actions {
                        a.button href=(frame.href(&with_query("/search", [("collections", id)]))) {
                            (frame.t("Search its items", "Rechercher dans ses éléments"))
                        }
                        a.button.quiet href="#access" { (frame.t("Download the data", "Télécharger les données")) }
                    }
                    (in_time(&frame, ask, snapshot, collection, &stats)?)
                }
                aside.stack {
                    @if let Some(bbox) = stats.bbox { (place::map(&frame, config, &Shown::Collection { id, bbox })) }
                    (facts(&frame, &body, &stats))
                }
            }
            @if !parameters.is_empty() { (parameter_table(&frame, &parameters)) }
            section aria-labelledby="items-title" {
                h2 #items-title { (frame.t("Newest items", "Éléments les plus récents")) }
                @if preview.is_empty() {
                    p.none { (frame.t("There are no items yet.", "Il n'y a pas encore d'éléments.")) }
                }
                (item_list(&frame, ask, snapshot, &preview, Some(id)))
            }
            (citation(&frame, &body))
            (access(&frame, id, !parameters.is_empty()))
            @if !queryables.is_empty() {
                section aria-labelledby="queryables-title" {
                    h2 #queryables-title { (frame.t("What you can filter by", "Critères de filtrage")) }
                    details {
                        summary { (queryables.len()) " " (frame.t("properties and their values", "propriétés et leurs valeurs")) }
                        (queryables_table(&frame, &queryables))
                    }
                }
            }
        }
    };
    let head = html! {
        (jsonld::canonical(&frame, &collection_path(id)))
        (jsonld::collection(&frame, &body, &parameters))
    };
    let description = short(collection.description(&language));
    let page = Page { title, description: &description, section: Section::Collections, head, main, ..Page::default() };
    Ok(frame.whole(&page))
}

fn keywords(body: &Value) -> Markup {
    let words = body["keywords"].as_array();
    html! {
        @if let Some(words) = words.filter(|w| !w.is_empty()) {
            ul.tags { @for word in words.iter().filter_map(Value::as_str) { li.tag { (word) } } }
        }
    }
}

fn facts(frame: &Frame<'_>, body: &Value, stats: &CollectionStats) -> Markup {
    let ends = body["extent"]["temporal"]["interval"][0].as_array();
    let ends: Vec<Option<Instant>> =
        ends.into_iter().flatten().map(|end| end.as_str().and_then(Instant::parse)).collect();
    html! {
        dl.facts {
            @if let [Some(start), Some(end)] = ends[..] {
                dt { (frame.t("Period", "Période")) }
                dd { time datetime=(start) { (readable(start)) } " – " time datetime=(end) { (readable(end)) } }
            }
            @if let Some([west, south, east, north]) = stats.bbox {
                dt { (frame.t("Extent", "Étendue")) }
                dd { (degrees(frame, south, 'S', 'N')) " – " (degrees(frame, north, 'S', 'N')) ", "
                     (degrees(frame, west, 'W', 'E')) " – " (degrees(frame, east, 'W', 'E')) }
            }
            dt { (frame.t("Licence", "Licence")) } dd { (licence(body)) }
            (providers(frame, body))
            @if let Some(version) = body["version"].as_str() { dt { "Version" } dd { (version) } }
        }
    }
}

fn degrees(frame: &Frame<'_>, value: f64, negative: char, positive: char) -> String {
    let letter = match (if value < 0.0 { negative } else { positive }, frame.language) {
        ('W', Language::French) => 'O',
        (letter, _) => letter,
    };
    format!("{}° {letter}", decimal(frame.language, (value.abs() * 100.0).round() / 100.0))
}

/// How much there is in each year: features with observations, else dated items.
fn in_time(
    frame: &Frame<'_>,
    ask: &Ask,
    snapshot: &Snapshot,
    collection: &Collection,
    stats: &CollectionStats,
) -> Result<Markup, ApiError> {
    let id = collection.id.as_str();
    let observed = observed_by_year(snapshot, id, ask);
    let (title, counts) = if observed.is_empty() {
        if stats.interval.is_none_or(|(first, last)| last.civil().0 - first.civil().0 > YEARS_MAX) {
            return Ok(html! {});
        }
        (frame.t("Items by year", "Éléments par année"), items_by_year(snapshot, collection, ask)?)
    } else {
        (frame.t("Features with observations, by year", "Objets avec observations, par année"), observed)
    };
    Ok(html! {
        @if !counts.is_empty() {
            section aria-labelledby="time-title" {
                h2 #time-title { (frame.t("Coverage over time", "Couverture temporelle")) }
                (histogram::by_year(frame, title, &counts))
            }
        }
    })
}

/// Features whose observations begin before a year ends and end after it begins.
fn observed_by_year(snapshot: &Snapshot, id: &str, ask: &Ask) -> BTreeMap<i64, u64> {
    let mut counts = BTreeMap::new();
    let Some(summaries) = snapshot.series(id, ask.scope).and_then(|table| table.summaries().ok()) else {
        return counts;
    };
    for (_, summary) in summaries.iter() {
        let (first, last) = (Instant(summary.first).civil().0, Instant(summary.last).civil().0);
        for year in first..=last.min(first + YEARS_MAX) {
            *counts.entry(year).or_default() += 1;
        }
    }
    counts
}

fn items_by_year(snapshot: &Snapshot, collection: &Collection, ask: &Ask) -> Result<BTreeMap<i64, u64>, ApiError> {
    let search = Search { collections: vec![collection.id.clone()], ..Search::default() };
    let kind = AggregationKind::Dates { property: "datetime".into(), interval: CalendarInterval::Year };
    let asked = [Aggregation { name: "years".into(), kind, limit: None }];
    let results = nilometer_query::aggregate(snapshot, &search, &asked, ask.scope)?;
    let Some(AggregationResult::Buckets { buckets, .. }) = results.first() else { return Ok(BTreeMap::new()) };
    let year = |bucket: &Bucket| bucket.key.as_str()?.get(..4)?.parse().ok();
    Ok(buckets.iter().filter_map(|bucket| Some((year(bucket)?, bucket.frequency))).collect())
}

fn parameter_table(frame: &Frame<'_>, parameters: &[Parameter]) -> Markup {
    let is_quantity = |p: &&Parameter| p.unit.is_some() && p.kind != ParameterType::Text;
    let (mut quantities, others): (Vec<_>, Vec<_>) = parameters.iter().partition(is_quantity);
    // What one looks for stands before what only describes it; both in the order declared.
    quantities.sort_by_key(|parameter| !parameter.keeps_latest());
    let (near, far) = quantities.split_at(quantities.len().min(PARAMETERS_AT_ONCE));
    html! {
        section #parameters aria-labelledby="parameters-title" {
            h2 #parameters-title { (frame.t("Parameters", "Paramètres")) " (" (parameters.len()) ")" }
            @if !near.is_empty() { (parameter_rows(frame, parameters, near, frame.t("Quantities", "Grandeurs"))) }
            @if !far.is_empty() {
                details {
                    summary { (frame.t("More quantities", "Autres grandeurs")) " (" (far.len()) ")" }
                    (parameter_rows(frame, parameters, far, frame.t("More quantities", "Autres grandeurs")))
                }
            }
            @if !others.is_empty() {
                details open[near.is_empty()] {
                    summary { (frame.t("Codes, quality flags, text", "Codes, qualité, textes")) " (" (others.len()) ")" }
                    (parameter_rows(frame, parameters, &others, frame.t("Codes, quality flags, text", "Codes, qualité, textes")))
                }
            }
        }
    }
}

fn parameter_rows(frame: &Frame<'_>, all: &[Parameter], parameters: &[&Parameter], caption: &str) -> Markup {
    let has_datum = parameters.iter().any(|p| p.datum.is_some());
    let has_description = parameters.iter().any(|p| p.description.is_some());
    let titles = [
        Some(frame.t("Parameter", "Paramètre")),
        Some(frame.t("Name", "Nom")),
        Some(frame.t("Unit", "Unité")),
        has_datum.then(|| frame.t("Reference", "Référence")),
        has_description.then(|| frame.t("About", "À propos")),
    ];
    let columns: Vec<Column<'_>> = titles.into_iter().flatten().map(Column::Text).collect();
    let rows = html! {
        @for parameter in parameters {
            tr {
                th scope="row" { (told(frame.language, all, parameter)) }
                td { code { (parameter.name) } }
                td.unit-cell { (parameter.unit.as_deref().map(unit).unwrap_or_default()) }
                @if has_datum {
                    td { (value_text(frame.language, "datum", parameter.datum.as_deref().unwrap_or_default())) }
                }
                @if has_description {
                    // There is one description, in the language of the plain title.
                    td lang=[parameter.title_fr.as_ref().filter(|_| frame.language == Language::French).map(|_| "en")] {
                        (parameter.description.as_deref().unwrap_or_default())
                    }
                }
            }
        }
    };
    table(caption, &columns, &rows)
}

/// A text to cite, with its DOI: that of the collection, else one made of who, what and where.
fn citation(frame: &Frame<'_>, body: &Value) -> Markup {
    let doi = jsonld::doi(body);
    let text = body["sci:citation"].as_str().map_or_else(|| made_citation(frame, body, doi.as_deref()), str::to_owned);
    html! {
        section #cite aria-labelledby="cite-title" data-mount="copy" {
            h2 #cite-title { (frame.t("How to cite", "Comment citer")) }
            p.citation #citation { (text) }
            p.actions {
                button.button.quiet.small.needs-script type="button" data-copy="citation" {
                    (frame.t("Copy the citation", "Copier la citation"))
                }
                @if let Some(doi) = &doi { a.button.quiet.small href=(doi) { "DOI: " (doi.trim_start_matches("https://doi.org/")) } }
            }
        }
    }
}

fn made_citation(frame: &Frame<'_>, body: &Value, doi: Option<&str>) -> String {
    let names: Vec<&str> =
        body["providers"].as_array().into_iter().flatten().filter_map(|p| p["name"].as_str()).collect();
    let (id, title) = (body["id"].as_str().unwrap_or_default(), body["title"].as_str().unwrap_or_default());
    let version = body["version"].as_str().map(|v| format!(", version {v}")).unwrap_or_default();
    let address = doi.map_or_else(|| frame.links.absolute(&collection_path(id)), str::to_owned);
    let who = if names.is_empty() { String::new() } else { format!("{}. ", names.join(", ")) };
    format!("{who}{title}{version}. {address}")
}

/// Where programs find the data.
fn access(frame: &Frame<'_>, id: &str, has_series: bool) -> Markup {
    let items = with_query(&items_path(id), [("f", "json")]);
    let rows: Vec<(&str, String, &str)> = [
        Some((
            frame.t("Items (OGC API Features, STAC)", "Éléments (OGC API Features, STAC)"),
            items.clone(),
            "GeoJSON",
        )),
        has_series.then(|| {
            (
                frame.t("Places with values (OGC API EDR)", "Lieux avec valeurs (OGC API EDR)"),
                format!("{}/locations", collection_path(id)),
                "GeoJSON",
            )
        }),
        Some((
            frame.t("This collection (STAC)", "Cette collection (STAC)"),
            format!("{}?f=json", collection_path(id)),
            "JSON",
        )),
        Some((
            frame.t("Queryables", "Propriétés interrogeables"),
            format!("{}/queryables?f=json", collection_path(id)),
            "JSON Schema",
        )),
    ]
    .into_iter()
    .flatten()
    .collect();
    html! {
        section #access aria-labelledby="access-title" {
            h2 #access-title { (frame.t("Data access", "Accès aux données")) }
            ul.plain {
                @for (title, path, format) in rows {
                    li { a href=(frame.links.local(&path)) rel="nofollow" { (title) } " " span.tag { (format) } }
                }
            }
            (snippets(frame, &frame.links.absolute(&items), Answer::Items))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_shows_the_first_paragraph_cut_at_a_word() {
        assert_eq!(shortened("One.\n\nTwo."), "One.");
        let long = "word ".repeat(60);
        let cut = shortened(&long);
        assert!(cut.ends_with("word…") && cut.chars().count() <= CARD_CHARS_MAX + 1, "{cut}");
        assert_eq!(shortened(&"é".repeat(300)).chars().count(), CARD_CHARS_MAX + 1);
    }
}
