//! The list of collections, and one collection.

use maud::{Markup, html};
use nilometer_indexer::{Snapshot, StoredCollection};
use nilometer_schemas::{Access, Collection, Search};
use serde_json::Value;

use super::api::queryables_table;
use super::form::search_form;
use super::language::readable;
use super::layout::{Frame, breadcrumbs};
use super::locator;
use super::results::{item_list, parsed};
use super::values::{paragraphs, web_address};
use crate::links::{collection_path, items_path, with_query};
use crate::problem::ApiError;
use crate::routes::CollectionPage;
use crate::routes::ask::Ask;
use crate::routes::collection_view::language_of;

/// Items shown on a collection's page.
const PREVIEW_ITEMS: usize = 8;
/// Characters of a description on a card.
const CARD_CHARS_MAX: usize = 180;

/// One collection in a list.
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
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], "Collections"))
            h1 { "Collections" }
            form.search role="search" action=(frame.links.local("/collections")) method="get" {
                div.row {
                    div.field.grow {
                        label for="q" { (frame.t("Words in titles, descriptions and keywords", "Mots des titres, descriptions et mots-clés")) }
                        input #q type="search" name="q" value=(q) autocomplete="off";
                    }
                    @if let Some(lang) = &ask.lang { input type="hidden" name="lang" value=(lang); }
                    button.button type="submit" { (frame.t("Find", "Trouver")) }
                }
            }
            p.count aria-live="polite" {
                (frame.language.number(page.matched as u64)) " "
                @if page.matched == 1 { "collection" } @else { "collections" }
            }
            ul.cards {
                @for stored in &page.collections { (card(&frame, ask, snapshot, stored)) }
            }
            @if let Some(token) = &page.next {
                p.pager {
                    a.button href=(frame.href(&crate::routes::search::with_parameter(ask, "token", token))) {
                        (frame.t("More collections", "Autres collections"))
                    }
                }
            }
        }
    };
    frame.page("Collections", main)
}

/// One collection.
pub(crate) fn collection(ask: &Ask, snapshot: &Snapshot, stored: &StoredCollection) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let collection = &stored.collection;
    let id = collection.id.as_str();
    let language = language_of(collection, &ask.languages);
    let title = collection.title(&language);
    let stats = snapshot.collection_stats(id);
    let preview = Search { collections: vec![collection.id.clone()], limit: PREVIEW_ITEMS, ..Search::default() };
    let preview = parsed(&nilometer_query::search(snapshot, &preview, ask.scope)?)?;
    let queryables = nilometer_query::queryables(snapshot, Some(&collection.id), ask.scope)?;
    let steps = [("Nilometer", "/".to_owned()), ("Collections", "/collections".to_owned())];
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, title))
            header.title {
                h1 lang=(language) { (title) }
                p.meta { code { (id) } span { (frame.language.items(stats.items)) } }
            }
            div.split {
                div.stack {
                    div.prose lang=(language) { (paragraphs(collection.description(&language))) }
                    (keywords(collection))
                    p.actions {
                        a.button href=(frame.href(&with_query("/search", [("collections", id)]))) {
                            (frame.t("Search its items", "Chercher ses éléments"))
                        }
                        a.button.quiet href=(frame.links.local(&format!("{}?f=json", items_path(id)))) { "GeoJSON" }
                    }
                }
                aside.stack {
                    @if let Some(bbox) = stats.bbox { (locator::of_box(&frame, bbox)) }
                    dl.facts {
                        @if let Some((start, end)) = stats.interval {
                            dt { (frame.t("Period", "Période")) }
                            dd { time datetime=(start) { (readable(start)) } " – " time datetime=(end) { (readable(end)) } }
                        }
                        dt { (frame.t("Licence", "Licence")) } dd { (licence(collection)) }
                        (providers(&frame, collection))
                    }
                }
            }
            section aria-labelledby="items-title" {
                h2 #items-title { (frame.t("Newest items", "Éléments les plus récents")) }
                @if preview.is_empty() {
                    p.none { (frame.t("There are no items yet.", "Il n'y a pas encore d'éléments.")) }
                }
                (item_list(&frame, ask, snapshot, &preview, Some(id)))
            }
            section aria-labelledby="search-title" {
                h2 #search-title { (frame.t("Search in this collection", "Chercher dans cette collection")) }
                (search_form(&frame, ask, snapshot, Some(id)))
            }
            @if !queryables.is_empty() {
                section aria-labelledby="queryables-title" {
                    h2 #queryables-title { (frame.t("Properties", "Propriétés")) }
                    (queryables_table(&frame, &queryables))
                }
            }
        }
    };
    Ok(frame.page(title, main))
}

fn keywords(collection: &Collection) -> Markup {
    let words = collection.body.get("keywords").and_then(Value::as_array);
    html! {
        @if let Some(words) = words.filter(|w| !w.is_empty()) {
            ul.tags { @for word in words.iter().filter_map(Value::as_str) { li.tag { (word) } } }
        }
    }
}

fn licence(collection: &Collection) -> Markup {
    let name = collection.text("license", "").unwrap_or("other");
    let links = collection.body.get("links").and_then(Value::as_array);
    let link = links.into_iter().flatten().find(|l| l["rel"] == "license");
    let address = link.and_then(|l| web_address(l["href"].as_str()?));
    html! {
        @match address {
            Some(address) => a href=(address) { (name) },
            None => (name),
        }
    }
}

fn providers(frame: &Frame<'_>, collection: &Collection) -> Markup {
    let list = collection.body.get("providers").and_then(Value::as_array);
    html! {
        @if let Some(list) = list.filter(|l| !l.is_empty()) {
            dt { (frame.t("Providers", "Fournisseurs")) }
            @for provider in list {
                @let name = provider["name"].as_str().unwrap_or_default();
                dd {
                    @match provider["url"].as_str().and_then(web_address) {
                        Some(address) => a href=(address) { (name) },
                        None => (name),
                    }
                }
            }
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
