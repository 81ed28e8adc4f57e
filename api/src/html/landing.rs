//! The first page: what this is, the search form, the collections and what came last.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_schemas::{Direction, Search, SortKey};

use super::Language;
use super::collections::card;
use super::form::search_form;
use super::layout::Frame;
use super::results::{item_list, parsed, year_chart, years};
use crate::config::Service;
use crate::problem::ApiError;
use crate::routes::ask::Ask;

/// Collections shown; the others are one click away.
const CARDS_MAX: usize = 12;
/// Latest additions shown.
const LATEST_ITEMS: usize = 6;

/// The page.
pub(crate) fn landing(ask: &Ask, snapshot: &Snapshot, service: &Service) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let (title, description) = match frame.language {
        Language::English => (&service.title_en, &service.description_en),
        Language::French => (&service.title_fr, &service.description_fr),
    };
    let all = Search { limit: 1, ..Search::default() };
    let items = nilometer_query::count(snapshot, &all, ask.scope)?;
    let collections = snapshot.collections(ask.scope);
    let shown = collections.iter().take(CARDS_MAX);
    let latest = SortKey { field: "ingested".into(), direction: Direction::Descending };
    let latest = Search { sortby: vec![latest], limit: LATEST_ITEMS, ..Search::default() };
    let latest = parsed(&nilometer_query::search(snapshot, &latest, ask.scope)?)?;
    let by_year = years(snapshot, &all, ask.scope)?;
    let main = html! {
        section.hero {
            div.wide {
                h1 { (title) }
                p.lead { (description) }
                (search_form(&frame, ask, snapshot, None))
                p.figures {
                    strong { (frame.language.items(items)) }
                    (frame.t(" in ", " dans "))
                    strong { (collection_count(frame.language, collections.len())) }
                }
            }
        }
        div.wide.stack {
            section aria-labelledby="collections-title" {
                h2 #collections-title { "Collections" }
                @if collections.is_empty() { (nothing_yet(&frame)) }
                ul.cards {
                    @for stored in shown { (card(&frame, ask, snapshot, stored)) }
                }
                @if collections.len() > CARDS_MAX {
                    p { a href=(frame.href("/collections")) {
                        (frame.t("All collections", "Toutes les collections")) " (" (collections.len()) ")"
                    } }
                }
            }
            @if snapshot.collection(PLANNED, ask.scope).is_some() {
                p { a href=(frame.href("/swot/passes")) {
                    (frame.t("When does SWOT see a place?", "Quand SWOT voit-il un lieu ?"))
                } }
            }
            @if by_year.len() > 1 {
                section aria-labelledby="years-title" {
                    h2 #years-title { (frame.t("Items by year", "Éléments par année")) }
                    (year_chart(&frame, &[], &by_year))
                }
            }
            @if !latest.is_empty() {
                section aria-labelledby="latest-title" {
                    h2 #latest-title { (frame.t("Latest additions", "Derniers ajouts")) }
                    (item_list(&frame, ask, snapshot, &latest, None))
                }
            }
        }
    };
    Ok(frame.page("", main))
}

fn collection_count(language: Language, count: usize) -> String {
    match (language, count) {
        (Language::English | Language::French, 1) => "1 collection".to_owned(),
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
