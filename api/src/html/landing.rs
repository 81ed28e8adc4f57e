//! The first page: what this is, the question, the map of everything, what is inside.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_schemas::{Direction, Search, SortKey};

use super::Language;
use super::collections::card;
use super::form::search_form;
use super::icons::{Icon, icon};
use super::layout::{Frame, Page};
use super::results::{item_list, options, parsed};
use crate::config::Config;
use crate::links::with_query;
use crate::places::{self, Meaning};
use crate::problem::ApiError;
use crate::routes::ask::Ask;

/// Collections shown; the others are one click away.
const CARDS_MAX: usize = 9;
/// Collections that the map's address names one by one.
const COLLECTIONS_DRAWN_MAX: usize = 60;
/// Latest additions shown.
const LATEST_ITEMS: usize = 6;

/// The page.
pub(crate) fn landing(ask: &Ask, snapshot: &Snapshot, config: &Config) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let service = &config.service;
    let (title, description) = match frame.language {
        Language::English => (&service.title_en, &service.description_en),
        Language::French => (&service.title_fr, &service.description_fr),
    };
    let all = Search { limit: 1, ..Search::default() };
    let items = nilometer_query::count(snapshot, &all, ask.scope)?;
    let mut collections = snapshot.collections(ask.scope);
    collections.sort_by_key(|c| std::cmp::Reverse(snapshot.collection_stats(c.collection.id.as_str()).items));
    let mut options = options(ask, config);
    // Planned passes cover the whole world evenly: behind the words they would hide all else.
    let drawn: Vec<&str> = collections.iter().map(|c| c.collection.id.as_str()).filter(|id| *id != PLANNED).collect();
    if drawn.len() < collections.len() && drawn.len() <= COLLECTIONS_DRAWN_MAX {
        options["collections"] = drawn.join(",").into();
    }
    let latest = SortKey { field: "ingested".into(), direction: Direction::Descending };
    let latest = Search { sortby: vec![latest], limit: LATEST_ITEMS, ..Search::default() };
    let latest = parsed(&nilometer_query::search(snapshot, &latest, ask.scope)?)?;
    let main = html! {
        section.hero data-mount="overview" data-options=(options.to_string()) {
            div.backdrop {}
            div.words {
                h1 { (headline(&frame, title)) }
                p.lead { (description) }
                (search_form(&frame, ask, snapshot, None, None))
                (examples(&frame, snapshot, ask))
                p.figures {
                    strong { (frame.language.items(items)) }
                    (frame.t(" in ", " dans "))
                    strong { (collection_count(frame.language, collections.len())) }
                }
            }
        }
        div.wide.stack.loose {
            section aria-labelledby="collections-title" {
                div.heading {
                    h2 #collections-title { (frame.t("What you will find here", "Ce que vous trouverez ici")) }
                    @if collections.len() > CARDS_MAX {
                        a href=(frame.href("/collections")) {
                            (frame.t("All collections", "Toutes les collections")) " (" (collections.len()) ")"
                        }
                    }
                }
                @if collections.is_empty() { (nothing_yet(&frame)) }
                ul.cards { @for stored in collections.iter().take(CARDS_MAX) { (card(&frame, ask, snapshot, stored)) } }
            }
            @if !latest.is_empty() {
                section aria-labelledby="latest-title" {
                    h2 #latest-title { (frame.t("Latest additions", "Derniers ajouts")) }
                    (item_list(&frame, ask, snapshot, &latest, None))
                }
            }
        }
    };
    Ok(frame.whole(&Page { description, main, ..Page::default() }))
}

/// The operator's title; our own name says nothing, so a sentence stands for it.
fn headline<'a>(frame: &Frame<'_>, title: &'a str) -> &'a str
where
    'static: 'a,
{
    match title {
        "Nilometer" => frame.t("The world's surface water, on one map", "Les eaux de surface du monde, sur une carte"),
        other => other,
    }
}

/// Questions that the catalogue can answer, as links.
fn examples(frame: &Frame<'_>, snapshot: &Snapshot, ask: &Ask) -> Markup {
    let mut links: Vec<(String, String)> = Vec::new();
    for (place, english, french) in [
        ("Garonne", "Along the Garonne", "Le long de la Garonne"),
        ("Canada", "Stations in Canada", "Stations du Canada"),
        ("Lake Victoria", "Lake Victoria", "Le lac Victoria"),
    ] {
        let of_places = places::collections(snapshot, ask.scope);
        if let Ok(Meaning::One(place)) = places::meaning(snapshot, ask, place, &of_places) {
            let path = with_query("/search", [("intersectsRefs", place.references.as_str())]);
            links.push((frame.t(english, french).to_owned(), path));
        }
    }
    if snapshot.collection(PLANNED, ask.scope).is_some() {
        let text = frame.t("When does SWOT pass?", "Quand SWOT passe-t-il ?");
        links.push((text.to_owned(), "/swot/passes".to_owned()));
    }
    html! {
        @if !links.is_empty() {
            ul.chips.examples aria-label=(frame.t("For example", "Par exemple")) {
                @for (text, path) in &links {
                    li { a.chip href=(frame.href(path)) { (text) } }
                }
                li { a.chip href=(frame.href("/search")) { (icon(Icon::Map)) (frame.t("The whole map", "Toute la carte")) } }
            }
        }
    }
}

fn collection_count(language: Language, count: usize) -> String {
    match count {
        1 => "1 collection".to_owned(),
        _ => format!("{} collections", language.number(count as u64)),
    }
}

fn nothing_yet(frame: &Frame<'_>) -> Markup {
    html! {
        p.none {
            (frame.t(
                "There are no collections yet. Load some with nilometer demo or nilometer ingest.",
                "Il n'y a pas encore de collection. Chargez-en avec nilometer demo ou nilometer ingest.",
            ))
        }
    }
}
