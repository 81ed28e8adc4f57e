//! The page of results: the form as it was filled in, the count, the items, facets, time and map.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_query::series::summary;
use nilometer_query::{Page as ItemPage, Widened};
use nilometer_schemas::text::fold;
use serde_json::{Value, json};

use super::Language;
use super::facets::{chips, facets};
use super::form::{FORM, search_form};
use super::icons::{Icon, icon};
use super::labels::label;
use super::layout::{Frame, Page, Section};
use super::locator;
use super::orders::into_basket;
use super::refusal::{self, Refusal};
use super::series::date;
use super::snippets::{Answer, snippets};
use super::timeline::Timeline;
use super::values::{item_time, item_title_in};
use crate::config::Config;
use crate::exports::Format;
use crate::links::{item_path, saved_search_path, with_query};
use crate::places;
use crate::problem::ApiError;
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;
use crate::routes::export::path_of;
use crate::routes::search::{Results, with_parameter};

/// Parameters that name a page and not a question.
const PAGE_PARAMETERS: [&str; 1] = ["token"];
/// Parameters that say how a page shows its items, and not which.
const VIEW_PARAMETERS: [&str; 4] = ["token", "limit", "sortby", "read"];

/// A page's items as JSON values.
///
/// # Errors
/// `Internal` if a stored item is no JSON.
pub(super) fn parsed(page: &ItemPage) -> Result<Vec<Value>, ApiError> {
    page.items.iter().map(|item| serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)).collect()
}

/// The page.
pub(crate) fn results(ask: &Ask, snapshot: &Snapshot, results: &Results, config: &Config) -> Result<String, ApiError> {
    let own = Frame::of(ask);
    // A page of the order that programs do not have is no page of theirs.
    let frame = Frame { json: Some(with_parameter(&first_page(ask), "f", "json")), ..own };
    let items = parsed(&results.page)?;
    let collection = results.collection();
    let matched = results.page.number_matched;
    let timeline = Timeline::of(snapshot, &results.search, ask.scope)?;
    let title = match ask.parameter("q") {
        Some(q) => format!("{q} – {}", frame.t("Search", "Recherche")),
        None => frame.t("Search", "Recherche").to_owned(),
    };
    let main = html! {
        div.explore data-mount="search" data-options=(options(ask, config).to_string()) data-view="list" {
            h1.hidden-text { (frame.t("Search", "Recherche")) }
            div.ask {
                (search_form(&frame, ask, snapshot, collection, None))
                div data-part="chips" { (chips(&frame, ask, snapshot, results)) }
            }
            (view_switch(&frame))
            div.columns {
                aside.facets #filters data-part="facets" tabindex="-1" aria-label=(frame.t("Filters", "Filtres")) {
                    (facets(&frame, ask, snapshot, results)?)
                }
                section.results #list data-part="results" tabindex="-1" aria-label=(frame.t("Results", "Résultats")) {
                    a.to-filters href="#filters" { (icon(Icon::Filter)) (frame.t("Filters", "Filtres")) }
                    div.summary {
                        p.count { (matched_text(&frame, matched)) }
                        (into_basket(&frame, &basket_of(ask, collection)))
                        (take(&frame, ask))
                        (order(&frame, ask))
                    }
                    (read_note(&frame, ask))
                    (widened_note(&frame, &results.page.widened))
                    @if matched == 0 { (nothing(&frame, ask)) }
                    (item_list(&frame, ask, snapshot, &items, collection))
                    (pager(&frame, ask, results))
                }
                section.map-panel #map aria-label=(frame.t("Map and time", "Carte et temps")) {
                    div.map.needs-script {}
                    p.map-note.needs-script data-part="map-note" { (map_note(&frame, matched, items.len()).unwrap_or_default()) }
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

/// The page of a question that was not understood: what is wrong, and the form to mend it.
pub(crate) fn refused_search(ask: &Ask, snapshot: &Snapshot, collection: Option<&str>, refusal: &Refusal) -> String {
    let frame = Frame { json: None, ..Frame::of(ask) };
    let title = frame.t("Search", "Recherche");
    let kind = |place: &places::Place| collection_title(ask, snapshot, place.collection.as_str());
    let main = html! {
        div.wide.stack {
            h1 { (title) }
            (refusal::notice(&frame, refusal, kind))
            (search_form(&frame, ask, snapshot, collection, Some(refusal)))
            p.actions { a.button.quiet href=(frame.href("/search")) { (frame.t("Start over", "Recommencer")) } }
        }
    };
    frame.whole(&Page { title, section: Section::Search, main, ..Page::default() })
}

/// The question as the basket takes it.
fn basket_of(ask: &Ask, collection: Option<&str>) -> Vec<(&'static str, String)> {
    let pairs = ask.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let query = with_query("", pairs.filter(|(name, _)| !VIEW_PARAMETERS.contains(name)));
    let collection = collection.map(|id| ("collection", id.to_owned()));
    [("query", query.trim_start_matches('?').to_owned())].into_iter().chain(collection).collect()
}

/// What the page's script must know.
pub(super) fn options(ask: &Ask, config: &Config) -> Value {
    let basemap = config.basemap_style.as_ref().map(ToString::to_string);
    json!({ "planned": PLANNED, "basemap": basemap, "lang": ask.lang })
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
        0 => frame.t("No results", "Aucun résultat").to_owned(),
        _ => frame.language.items(matched),
    }
}

/// What the question was read from, and the way back to the words.
fn read_note(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let sentence = ask.parameter("read").unwrap_or_default();
    html! {
        @if !sentence.is_empty() {
            p.note role="note" {
                (frame.t("“#” was read as the filters above.", "« # » a été lu comme les filtres ci-dessus.").replace('#', sentence))
                " "
                a href=(frame.href(&with_query("/search", [("q", sentence), ("interpret", "words")]))) rel="nofollow" {
                    (frame.t("Search for the words instead", "Chercher plutôt les mots"))
                }
            }
        }
    }
}

/// Which words were taken for others that no item has.
fn widened_note(frame: &Frame<'_>, widened: &[Widened]) -> Markup {
    html! {
        @for Widened { word, taken } in widened {
            p.note role="status" {
                (frame.t("No item has the word “#”. Shown instead: ", "Aucun élément n'a le mot « # ». Affiché à la place : ").replace('#', word))
                strong { (taken.join(", ")) }
            }
        }
    }
}

/// What map and list have in common: the map shows all items, the list a page of them.
fn map_note(frame: &Frame<'_>, matched: u64, listed: usize) -> Option<String> {
    if matched <= listed as u64 {
        return None;
    }
    let (all, listed) = (frame.language.items(matched), frame.language.number(listed as u64));
    Some(match frame.language {
        Language::English => format!("{all} are on the map, {listed} of them on this page of the list."),
        Language::French => format!("{all} sur la carte, dont {listed} sur cette page de la liste."),
    })
}

/// The question of a page, on its first page.
fn first_page(ask: &Ask) -> Ask {
    let query = ask.query.iter().filter(|(n, _)| !PAGE_PARAMETERS.contains(&n.as_str())).cloned().collect();
    Ask { query, ..ask.clone() }
}

/// Orders that are offered: value in the address, English, French. The first is a page's own.
const ORDERS: [(&str, &str, &str); 8] = [
    ("", "Observed first, planned last", "Observé d'abord, prévu à la fin"),
    ("-datetime", "Newest date first", "Dates récentes d'abord"),
    ("+datetime", "Oldest date first", "Dates anciennes d'abord"),
    ("-ingested", "Latest additions", "Derniers ajouts"),
    ("+title", "By title, A to Z", "Par titre, de A à Z"),
    ("-title", "By title, Z to A", "Par titre, de Z à A"),
    ("+id", "By identifier, A to Z", "Par identifiant, de A à Z"),
    ("-id", "By identifier, Z to A", "Par identifiant, de Z à A"),
];

/// The own order of a page that answers a search for words.
const BEST: (&str, &str) = ("Best match first", "Les plus pertinents d'abord");

/// An order in words, whatever it is: `-area_km2,+title` is told property by property.
fn order_name(language: Language, sortby: &str) -> String {
    let one = |key: &str| {
        let (field, is_down) = match key.strip_prefix('-') {
            Some(field) => (field, true),
            None => (key.trim_start_matches(['+', ' ']), false),
        };
        let field = field.strip_prefix("properties.").unwrap_or(field);
        let signed = format!("{}{field}", if is_down { '-' } else { '+' });
        if let Some((_, english, french)) = ORDERS.iter().find(|(value, ..)| *value == signed) {
            return language.of(english, french).to_owned();
        }
        let name = match field {
            "collection" => "Collection".to_owned(),
            "ingested" => language.of("Date added", "Date d'ajout").to_owned(),
            "start_datetime" => language.of("Start", "Début").to_owned(),
            "end_datetime" => language.of("End", "Fin").to_owned(),
            other => label(language, other),
        };
        let how = match is_down {
            true => language.of("descending", "décroissant"),
            false => language.of("ascending", "croissant"),
        };
        format!("{name}, {how}")
    };
    sortby.split(',').map(one).collect::<Vec<_>>().join("; ")
}

fn order(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let has_words = ask.parameter("q").is_some();
    let asked = ask.parameter("sortby").unwrap_or_default();
    // In an address a plus may have become a space, and is what no sign means.
    let signed = match asked.trim_start() {
        "" => String::new(),
        text if text.starts_with(['+', '-']) => text.to_owned(),
        text => format!("+{text}"),
    };
    let is_known = ORDERS.iter().any(|(value, ..)| *value == signed);
    let hint = frame.t(
        "What has values comes first, the newest leading; then what has a date, newest first; then the rest by title. \
         What is to come and planned passes stand last.",
        "Ce qui a des valeurs vient d'abord, les plus récentes en tête ; puis ce qui a une date, les plus récentes \
         d'abord ; puis le reste par titre. Ce qui est à venir et les passages prévus viennent en dernier.",
    );
    html! {
        div.order {
            label for="sortby" { (frame.t("Order", "Ordre")) }
            select #sortby name="sortby" form=(FORM) title=[(signed.is_empty() && !has_words).then_some(hint)] {
                @for (value, english, french) in ORDERS {
                    @let (english, french) = if value.is_empty() && has_words { BEST } else { (english, french) };
                    option value=(value) selected[signed == value] { (frame.t(english, french)) }
                }
                @if !is_known { option value=(asked) selected { (order_name(frame.language, asked)) } }
            }
        }
    }
}

/// The whole result as a file, in each format. A kept question has an address of its own; with further conditions a script
/// keeps the whole first.
fn take(frame: &Frame<'_>, ask: &Ask) -> Markup {
    let pairs = ask.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let asked: Vec<(&str, &str)> = pairs.clone().filter(|(name, _)| !VIEW_PARAMETERS.contains(name)).collect();
    let order = pairs.filter(|(name, _)| *name == "sortby");
    let whole = match ask.parameter("search") {
        None => path_of(&ask.path).map(|path| (path, asked.iter().copied().chain(order).collect())),
        Some(kept) if asked.len() == 1 => Some((format!("{}/export", saved_search_path(kept)), Vec::new())),
        Some(_) => None,
    };
    let address = |format: Format| {
        let (path, pairs) = whole.as_ref()?;
        Some(with_query(path, pairs.iter().copied().chain([("f", format.label())])))
    };
    html! {
        details.menu {
            summary.button.quiet.small { (icon(Icon::Download)) (frame.t("Download", "Télécharger")) }
            div.sheet {
                p #formats { (frame.t("All results, as a file", "Tous les résultats, en un fichier")) }
                div.formats role="group" aria-labelledby="formats" {
                    @for format in Format::ALL {
                        @if let Some(address) = address(format) {
                            a.button.quiet.small href=(frame.links.local(&address)) type=(format.media_type()) download rel="nofollow" {
                                (format.name())
                            }
                        }
                    }
                }
                @if let Some(address) = address(Format::GeoJson) {
                    (snippets(frame, &frame.links.absolute(&address), Answer::Items))
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
        ("q", frame.t("Without these words", "Sans ces mots")),
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
                    "No item meets all these conditions. A word may be cut short with a star: garon*.",
                    "Aucun élément ne remplit toutes ces conditions. Un mot peut être abrégé par une étoile : garon*.",
                ))
            }
            p.actions {
                @for (name, text) in widen {
                    a.button.quiet.small href=(frame.href(&changed(ask, None, &[(name, None)]))) { (text) }
                }
                a.button.quiet.small href=(frame.href("/search")) { (frame.t("Start over", "Recommencer")) }
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
                @if let Some(token) = &results.page.prev {
                    a.button.quiet rel="prev" href=(frame.href(&with_parameter(ask, "token", token))) {
                        (frame.t("Previous page", "Page précédente"))
                    }
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
    // What a question was read from is of no use once a part of it was changed.
    let is_changed = |name: &str| name == "read" || changes.iter().any(|(n, _)| *n == name);
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
                @let last = summary(snapshot, collection, id, ask.scope).map(|known| known.span.1);
                @let bbox = locator::box_of(item).map(|b| b.map(|n| n.to_string()).join(","));
                li data-id=(id) data-collection=(collection) data-bbox=[bbox] {
                    a.name href=(frame.href(&item_path(collection, id))) { (title) }
                    p.meta {
                        @if within != Some(collection) { span { (collection_title(ask, snapshot, collection)) } }
                        @if let Some(time) = item_time(item) { span { (time) } }
                        @if let Some(last) = last {
                            span { (frame.t("values until ", "valeurs jusqu'au ")) time datetime=(last) { (date(last)) } }
                        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_a_name_in_both_languages() {
        for (sortby, english, french) in [
            ("-title", "By title, Z to A", "Par titre, de Z à A"),
            ("+title", "By title, A to Z", "Par titre, de A à Z"),
            ("title", "By title, A to Z", "Par titre, de A à Z"),
            (
                "-properties.area_km2,+id",
                "Area (km²), descending; By identifier, A to Z",
                "Aire (km²), décroissant; Par identifiant, de A à Z",
            ),
            ("+start_datetime", "Start, ascending", "Début, croissant"),
        ] {
            assert_eq!(order_name(Language::English, sortby), english);
            assert_eq!(order_name(Language::French, sortby), french);
        }
    }
}
