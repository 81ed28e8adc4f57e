//! The page of results: the form as it was filled in, the count, the items, facets, time and map.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_query::Page as ItemPage;
use nilometer_schemas::text::fold;
use serde_json::{Value, json};

use super::facets::{chips, facets};
use super::form::{FORM, search_form};
use super::icons::{Icon, icon};
use super::layout::{Frame, Page, Section};
use super::locator;
use super::places;
use super::snippets::{Answer, snippets};
use super::timeline::Timeline;
use super::values::{item_time, item_title_in};
use crate::config::Config;
use crate::links::{GEOJSON, item_path, with_query};
use crate::problem::ApiError;
use crate::routes::ask::Ask;
use crate::routes::collection_view::language_of;
use crate::routes::search::{Results, with_parameter};

/// Parameters that name a page and not a question.
const PAGE_PARAMETERS: [&str; 1] = ["token"];
/// Parameters that say how a page shows its items, and not which.
const VIEW_PARAMETERS: [&str; 3] = ["token", "limit", "sortby"];

/// A page's items as JSON values.
///
/// # Errors
/// `Internal` if a stored item is no JSON.
pub(super) fn parsed(page: &ItemPage) -> Result<Vec<Value>, ApiError> {
    page.items.iter().map(|item| serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)).collect()
}

/// The page.
pub(crate) fn results(ask: &Ask, snapshot: &Snapshot, results: &Results, config: &Config) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let items = parsed(&results.page)?;
    let collection = results.collection();
    let matched = results.page.number_matched;
    let timeline = Timeline::of(snapshot, &results.search, ask.scope)?;
    let title = match ask.parameter("q") {
        Some(q) => format!("{q} – {}", frame.t("Search", "Recherche")),
        None => frame.t("Search", "Recherche").to_owned(),
    };
    let main = html! {
        div.explore data-mount="search" data-options=(options(ask, snapshot, config).to_string()) data-view="list" {
            h1.hidden-text { (frame.t("Search", "Recherche")) }
            div.ask {
                (search_form(&frame, ask, snapshot, collection))
                div data-part="chips" { (chips(&frame, ask, snapshot, results)) }
            }
            (view_switch(&frame))
            div.columns {
                aside.facets #filters data-part="facets" tabindex="-1" aria-label=(frame.t("Filters", "Filtres")) {
                    (facets(&frame, ask, snapshot, results)?)
                }
                section.results #list data-part="results" tabindex="-1" aria-label=(frame.t("Results", "Résultats")) {
                    div.summary {
                        p.count { (matched_text(&frame, matched)) }
                        (order(&frame, ask))
                        (take(&frame, ask))
                    }
                    @if matched == 0 { (nothing(&frame, ask)) }
                    (item_list(&frame, ask, snapshot, &items, collection))
                    (pager(&frame, ask, results))
                }
                section.map-panel #map aria-label=(frame.t("Map and time", "Carte et temps")) {
                    div.map.needs-script {}
                    div data-part="timeline" {
                        @if timeline.is_worth_showing() {
                            (timeline.draw(&frame, &question(ask, collection), ask.parameter("datetime").unwrap_or_default()))
                        }
                    }
                }
            }
        }
    };
    let description = frame.t(
        "Search stations, lakes, rivers and satellite observations of the world's surface water.",
        "Cherchez stations, lacs, rivières et observations satellitaires des eaux de surface du monde.",
    );
    let page =
        Page { title: &title, description, section: Section::Search, fills_window: true, main, ..Page::default() };
    Ok(frame.whole(&page))
}

/// What the page's script must know.
pub(super) fn options(ask: &Ask, snapshot: &Snapshot, config: &Config) -> Value {
    let places: Vec<String> =
        places::collections(snapshot, ask.scope).iter().map(|id| id.as_str().to_owned()).collect();
    let basemap = config.basemap_style.as_ref().map(ToString::to_string);
    json!({ "places": places, "basemap": basemap, "lang": ask.lang })
}

/// On narrow screens one part is shown at a time.
fn view_switch(frame: &Frame<'_>) -> Markup {
    html! {
        div.view-switch.needs-script role="group" aria-label=(frame.t("View", "Vue")) {
            button.button.bare type="button" data-show="filters" aria-expanded="false" aria-controls="filters" {
                (icon(Icon::Filter)) (frame.t("Filters", "Filtres"))
            }
            button.button.bare type="button" data-show="list" aria-pressed="true" {
                (icon(Icon::List)) (frame.t("List", "Liste"))
            }
            button.button.bare type="button" data-show="map" aria-pressed="false" {
                (icon(Icon::Map)) (frame.t("Map", "Carte"))
            }
        }
    }
}

fn matched_text(frame: &Frame<'_>, matched: u64) -> String {
    match matched {
        0 => frame.t("Nothing matches", "Rien ne correspond").to_owned(),
        _ => frame.language.items(matched),
    }
}

fn order(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let asked = ask.parameter("sortby").unwrap_or_default();
    let known = [
        ("", frame.t("Newest first", "Récents d'abord")),
        ("+datetime", frame.t("Oldest first", "Anciens d'abord")),
        ("-ingested", frame.t("Latest additions", "Derniers ajouts")),
        ("+title", frame.t("By title", "Par titre")),
        ("+id", frame.t("By identifier", "Par identifiant")),
    ];
    html! {
        label.hidden-text for="sortby" { (frame.t("Order", "Ordre")) }
        select #sortby name="sortby" form=(FORM) {
            @for (value, name) in known { option value=(value) selected[asked == value] { (name) } }
            @if !known.iter().any(|(value, _)| *value == asked) { option value=(asked) selected { (asked) } }
        }
    }
}

/// The same answer as data.
fn take(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let pairs = ask.query.iter().filter(|(n, _)| !VIEW_PARAMETERS.contains(&n.as_str()));
    let pairs: Vec<(&str, &str)> = pairs.map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let alone = |kept: &str| pairs.iter().all(|(name, _)| *name == "search").then(|| kept.to_owned());
    // A kept question has an address of its own; with further conditions a script keeps the whole first.
    let path = match ask.parameter("search") {
        None => Some(with_query(&ask.path, pairs.iter().copied().chain([("f", "json"), ("limit", "10000")]))),
        Some(kept) => alone(kept).map(|kept| format!("{}/items?limit=10000", crate::links::saved_search_path(&kept))),
    };
    html! {
        details.menu {
            summary.button.quiet.small { (icon(Icon::Download)) (frame.t("Take", "Emporter")) }
            div.sheet {
                @if let Some(path) = path {
                    a.button.quiet href=(frame.links.local(&path)) type=(GEOJSON) download="nilometer.geojson" { "GeoJSON" }
                    (snippets(frame, &frame.links.absolute(&path), Answer::Items))
                }
            }
        }
    }
}

fn nothing(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let widen: Vec<(&str, &str)> = [
        ("datetime", frame.t("Any time", "Toute période")),
        ("intersectsRefs", frame.t("Anywhere", "N'importe où")),
        ("bbox", frame.t("Anywhere", "N'importe où")),
        ("q", frame.t("Any words", "Sans mots")),
    ]
    .into_iter()
    .filter(|(name, _)| ask.parameter(name).is_some())
    .collect();
    html! {
        div.empty {
            svg.waves viewBox="0 0 120 40" aria-hidden="true" {
                path d="M4 12c9 0 9-6 18-6s9 6 18 6 9-6 18-6 9 6 18 6 9-6 18-6 9 6 18 6" {}
                path d="M4 24c9 0 9-6 18-6s9 6 18 6 9-6 18-6 9 6 18 6 9-6 18-6 9 6 18 6" {}
                path d="M4 36c9 0 9-6 18-6s9 6 18 6 9-6 18-6 9 6 18 6 9-6 18-6 9 6 18 6" {}
            }
            p {
                (frame.t(
                    "No item meets all of this. Words are whole words; accents and case do not matter.",
                    "Aucun élément ne remplit tout cela. Les mots sont entiers ; ni les accents ni la casse ne comptent.",
                ))
            }
            p.actions {
                @for (name, text) in widen {
                    a.button.quiet.small href=(frame.href(&changed(ask, None, &[(name, None)]))) { (text) }
                }
                a.button.quiet.small href=(frame.href("/search")) { (frame.t("Start again", "Recommencer")) }
            }
        }
    }
}

fn pager(frame: &Frame<'_>, ask: &Ask, results: &Results) -> Markup {
    let more = results.page.next.as_ref();
    let deeper = ask.parameter("token").is_some();
    html! {
        @if more.is_some() || deeper {
            nav.pager aria-label="Pages" {
                @if deeper {
                    a.button.quiet href=(frame.href(&without_page(ask))) { (frame.t("First page", "Première page")) }
                }
                @if let Some(token) = more {
                    a.button.quiet rel="next" href=(frame.href(&with_parameter(ask, "token", token))) {
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
pub(super) fn changed(ask: &Ask, collection: Option<&str>, changes: &[(&str, Option<&str>)]) -> String {
    let is_changed = |name: &str| changes.iter().any(|(n, _)| *n == name);
    let kept = ask.query.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let kept = kept.filter(|(n, _)| !PAGE_PARAMETERS.contains(n) && !is_changed(n));
    let of_path = collection.filter(|_| !is_changed("collections")).map(|id| ("collections", id));
    let set = changes.iter().filter_map(|(n, v)| Some((*n, (*v)?)));
    with_query("/search", kept.chain(of_path).chain(set))
}

/// The question's parameters but its period.
fn question(ask: &Ask, collection: Option<&str>) -> Vec<(String, String)> {
    let own = ask.query.iter().filter(|(n, _)| n != "datetime" && !PAGE_PARAMETERS.contains(&n.as_str())).cloned();
    own.chain(collection.map(|id| ("collections".to_owned(), id.to_owned()))).collect()
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
                @let title = item_title_in(item, frame.language);
                @let bbox = locator::box_of(item).map(|b| b.map(|n| n.to_string()).join(","));
                li data-id=(id) data-collection=(collection) data-bbox=[bbox] {
                    a.name href=(frame.href(&item_path(collection, id))) { (title) }
                    p.meta {
                        @if within != Some(collection) { span { (collection_title(ask, snapshot, collection)) } }
                        @if let Some(time) = item_time(item) { span { (time) } }
                        @if !says(&title, id) { code { (id) } }
                    }
                }
            }
        }
    }
}

/// Whether a title says all that an id says.
fn says(title: &str, id: &str) -> bool {
    let plain = |text: &str| fold(text).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    plain(title).contains(&plain(id))
}

/// The title of a collection in the reader's language, or its id.
pub(super) fn collection_title(ask: &Ask, snapshot: &Snapshot, id: &str) -> String {
    match snapshot.collection(id, ask.scope) {
        Some(stored) => stored.collection.title(&language_of(&stored.collection, &ask.languages)).to_owned(),
        None => id.to_owned(),
    }
}
