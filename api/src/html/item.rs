//! One item: where it lies, its properties, its files, and the ways on from it.

use maud::{Markup, html};
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_query::series::{parameters, summary};
use nilometer_schemas::Instant;
use serde_json::Value;

use super::layout::{Frame, breadcrumbs};
use super::locator;
use super::observations;
use super::results::collection_title;
use super::values::{bytes, item_time, item_title, paragraphs, value, web_address};
use crate::links::{collection_path, item_path, with_query};
use crate::problem::ApiError;
use crate::routes::ask::Ask;

/// Properties shown elsewhere on the page.
const SHOWN_ELSEWHERE: [&str; 2] = ["title", "description"];

/// The page.
pub(crate) fn item(ask: &Ask, snapshot: &Snapshot, stored: &StoredItem) -> Result<String, ApiError> {
    let frame = Frame::of(ask);
    let item: Value = serde_json::from_str(stored.text.as_str()).map_err(ApiError::internal)?;
    let (collection, id) = (stored.collection.as_str(), stored.id.as_str());
    let title = item_title(&item);
    let collection_name = collection_title(ask, snapshot, collection);
    let steps = [
        ("Nilometer", "/".to_owned()),
        ("Collections", "/collections".to_owned()),
        (collection_name.as_str(), collection_path(collection)),
    ];
    let json = frame.links.local(&format!("{}?f=json", item_path(collection, id)));
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, &title))
            header.title {
                h1 { (title) }
                p.meta {
                    span { (collection_name) }
                    @if let Some(time) = item_time(&item) { span { (time) } }
                    @if title != id { code { (id) } }
                }
            }
            div.split {
                div.stack {
                    @if let Some(text) = item["properties"]["description"].as_str() { div.prose { (paragraphs(text)) } }
                    @if let Some(summary) = summary(snapshot, collection, id, ask.scope) {
                        (observations::section(&frame, collection, id, &parameters(snapshot, collection, ask.scope), &summary))
                    }
                    (properties(&frame, stored, &item))
                    (assets(&frame, &item))
                    (links(&frame, &item))
                }
                aside.stack {
                    (locator::of_geometry(&frame, &item["geometry"]))
                    @if item["geometry"].is_null() {
                        p.none { (frame.t("This item has no geometry.", "Cet élément n'a pas de géométrie.")) }
                    }
                    p.actions {
                        a.button href=(json) { "GeoJSON" }
                        @if !item["geometry"].is_null() && collection != PLANNED && snapshot.collection(PLANNED, ask.scope).is_some() {
                            @let reference = format!("{collection}.{id}");
                            a.button.quiet href=(frame.href(&with_query("/swot/passes", [("place", reference.as_str())]))) {
                                (frame.t("When does SWOT see it?", "Quand SWOT le voit-il ?"))
                            }
                        }
                        @if is_area(&item["geometry"]) {
                            @let reference = format!("{collection}.{id}");
                            a.button.quiet href=(frame.href(&with_query("/search", [("intersectsRefs", reference.as_str())]))) {
                                (frame.t("What lies here?", "Qu'y a-t-il ici ?"))
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(frame.page(&title, main))
}

/// Whether others can lie in it.
fn is_area(geometry: &Value) -> bool {
    matches!(geometry["type"].as_str(), Some("Polygon" | "MultiPolygon"))
}

fn properties(frame: &Frame<'_>, stored: &StoredItem, item: &Value) -> Markup {
    let properties = item["properties"].as_object();
    let undated = item["properties"]["start_datetime"] == Instant::UNDATED_START.to_string()
        && item["properties"]["end_datetime"] == Instant::UNDATED_END.to_string();
    let is_time = |name: &str| matches!(name, "datetime" | "start_datetime" | "end_datetime");
    let shown = properties
        .into_iter()
        .flatten()
        .filter(|(name, _)| !SHOWN_ELSEWHERE.contains(&name.as_str()))
        .filter(|(name, _)| !undated || !is_time(name));
    html! {
        section aria-labelledby="properties-title" {
            h2 #properties-title { (frame.t("Properties", "Propriétés")) }
            div.scroll {
                table {
                    tbody {
                        @for (name, content) in shown {
                            tr { th scope="row" { (name) } td { (value(content)) } }
                        }
                        tr { th scope="row" { "ingested" } td { (value(&Value::from(stored.ingested.to_string()))) } }
                    }
                }
            }
        }
    }
}

fn assets(frame: &Frame<'_>, item: &Value) -> Markup {
    let assets = item["assets"].as_object();
    html! {
        @if let Some(assets) = assets.filter(|a| !a.is_empty()) {
            section aria-labelledby="assets-title" {
                h2 #assets-title { (frame.t("Files", "Fichiers")) }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th scope="col" { (frame.t("File", "Fichier")) }
                                th scope="col" { (frame.t("Type", "Type")) }
                                th scope="col" { (frame.t("Roles", "Rôles")) }
                                th.number scope="col" { (frame.t("Size", "Taille")) }
                            }
                        }
                        tbody {
                            @for (key, asset) in assets {
                                tr {
                                    th scope="row" { (asset_link(key, asset)) }
                                    td { (asset["type"].as_str().unwrap_or_default()) }
                                    td { (value(asset.get("roles").unwrap_or(&Value::from("")))) }
                                    td.number { (asset["file:size"].as_u64().map(bytes).unwrap_or_default()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn asset_link(key: &str, asset: &Value) -> Markup {
    let name = asset["title"].as_str().unwrap_or(key);
    let href = asset["href"].as_str().unwrap_or_default();
    html! {
        @match web_address(href) {
            Some(address) => a href=(address) { (name) },
            None => { (name) @if !href.is_empty() { " " code { (href) } } },
        }
    }
}

fn links(frame: &Frame<'_>, item: &Value) -> Markup {
    let links = item["links"].as_array();
    html! {
        @if let Some(links) = links.filter(|l| !l.is_empty()) {
            section aria-labelledby="links-title" {
                h2 #links-title { (frame.t("Links", "Liens")) }
                ul.plain {
                    @for link in links {
                        @let href = link["href"].as_str().unwrap_or_default();
                        @let rel = link["rel"].as_str().unwrap_or_default();
                        li {
                            @match web_address(href) {
                                Some(address) => a href=(address) { (link["title"].as_str().unwrap_or(href)) },
                                None => code { (href) },
                            }
                            " " span.tag { (rel) }
                        }
                    }
                }
            }
        }
    }
}
