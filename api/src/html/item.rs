//! One item: what it is, where it lies, its series, its files, where it comes from, and the ways on from it.

use maud::{Markup, html};
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::{Instant, TRANSLATIONS_MEMBER};
use serde_json::Value;

use super::jsonld;
use super::labels::{is_technical, label};
use super::language::Language;
use super::layout::{Frame, Page, Section, breadcrumbs};
use super::markdown;
use super::orders::into_basket;
use super::place::{self, Shown};
use super::series::{self, Series};
use super::table::{Column, table};
use super::values::{bytes, item_time, item_title_in, value, web_address};
use crate::config::Config;
use crate::files::series_format;
use crate::links::{collection_path, item_path, with_query};
use crate::problem::ApiError;
use crate::routes::ask::{Ask, no_collection};
use crate::routes::collection_view::collection_json;

/// Properties shown elsewhere on the page.
const SHOWN_ELSEWHERE: [&str; 3] = ["title", "description", "keywords"];
/// Characters of the description for search engines.
const SUMMARY_CHARS_MAX: usize = 160;

/// The page. `series` is there for a feature that has observations.
pub(crate) fn item(
    ask: &Ask,
    snapshot: &Snapshot,
    stored: &StoredItem,
    series: Option<&Series>,
    config: &Config,
) -> Result<String, ApiError> {
    let item: Value = serde_json::from_str(stored.text.as_str()).map_err(ApiError::internal)?;
    let (collection, id) = (stored.collection.as_str(), stored.id.as_str());
    let own = snapshot.collection(collection, ask.scope).ok_or_else(|| no_collection(collection))?;
    // Items say their texts once; where the collection's own are translated into French, theirs are not French.
    let translated = own.collection.body.get(TRANSLATIONS_MEMBER).is_some_and(|t| t.get("fr").is_some());
    let english = (translated && ask.language() == Language::French).then_some("en");
    let own = collection_json(ask, snapshot, own);
    let path = item_path(collection, id);
    let frame = Frame { json: Some(format!("{path}?f=json")), ..Frame::of(ask) };
    let title = item_title_in(&item, frame.language);
    let collection_title = own["title"].as_str().unwrap_or(collection);
    let steps = [
        ("Nilometer", "/".to_owned()),
        ("Collections", "/collections".to_owned()),
        (collection_title, collection_path(collection)),
    ];
    let description = item["properties"]["description"].as_str();
    let has_files = item["assets"].as_object().is_some_and(|assets| !assets.is_empty());
    let main = html! {
        div.wide.stack.records {
            (breadcrumbs(&frame, &steps, &title))
            div.split {
                div.stack {
                    header.title {
                        h1 { (title) }
                        p.meta {
                            a href=(frame.href(&collection_path(collection))) { (collection_title) }
                            @if let Some(time) = item_time(&item) { span { (time) } }
                            @if title != id { code { (id) } }
                        }
                    }
                    @if let Some(series) = series { (series::latest(&frame, &series.view)) }
                    @if let Some(text) = description { div.prose lang=[english] { (markdown::foreign(text)) } }
                    @if series.is_none() { (properties(&frame, &item)) (assets(&frame, &item)) (links(&frame, &item)) }
                }
                aside.stack {
                    @if item["geometry"].is_null() {
                        p.none { (frame.t("This item has no geometry.", "Cet élément n'a pas de géométrie.")) }
                    } @else {
                        (place::map(&frame, config, &Shown::Item { item: &item, path: format!("{path}?f=json") }))
                    }
                    (actions(&frame, ask, snapshot, (collection, id), &item["geometry"], has_files))
                    @if series.is_none() { (provenance(&frame, stored, &item, &own)) }
                }
            }
            @if let Some(series) = series {
                (series::section(&frame, series))
                div.pair {
                    div.stack { (properties(&frame, &item)) (assets(&frame, &item)) }
                    div.stack { (provenance(&frame, stored, &item, &own)) (links(&frame, &item)) }
                }
            }
        }
    };
    let summary = short(description.unwrap_or(&format!("{title}, {collection_title}")));
    let head = html! {
        (jsonld::canonical(&frame, &path))
        (data_for_machines(&frame, &item, &own, series))
    };
    Ok(frame.whole(&Page {
        title: &title,
        description: &summary,
        section: Section::Collections,
        head,
        main,
        ..Page::default()
    }))
}

fn data_for_machines(frame: &Frame<'_>, item: &Value, own: &Value, series: Option<&Series>) -> Markup {
    let Some(Series { view, .. }) = series else { return jsonld::item(frame, item, own, &[], None) };
    let summary = &view.summary;
    let period = format!("{}/{}", summary.span.0, summary.span.1);
    let measured: Vec<_> = summary.latest.iter().filter_map(|latest| view.parameter(&latest.parameter)).collect();
    jsonld::item(frame, item, own, &measured, Some(&period))
}

/// The first words of a text.
pub(super) fn short(text: &str) -> String {
    let text = markdown::words(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SUMMARY_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SUMMARY_CHARS_MAX).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

fn actions(
    frame: &Frame<'_>,
    ask: &Ask,
    snapshot: &Snapshot,
    (collection, id): (&str, &str),
    geometry: &Value,
    has_files: bool,
) -> Markup {
    let reference = format!("{collection}.{id}");
    let to = |path: &str, name: &str| frame.href(&with_query(path, [(name, reference.as_str())]));
    let json = frame.links.local(&format!("{}?f=json", item_path(collection, id)));
    html! {
        p.actions {
            @if !geometry.is_null() && collection != PLANNED && snapshot.collection(PLANNED, ask.scope).is_some() {
                a.button.quiet href=(to("/swot/passes", "place")) {
                    (frame.t("When does SWOT see it?", "Quand SWOT le voit-il ?"))
                }
            }
            @if is_area(geometry) {
                a.button.quiet href=(to("/search", "intersectsRefs")) { (frame.t("What is here?", "Qu'y a-t-il ici ?")) }
            }
            a.button.quiet href=(json) { "GeoJSON" }
            @if has_files { (into_basket(frame, &[("collection", collection.to_owned()), ("ids", id.to_owned())])) }
        }
    }
}

/// Whether others can lie in it.
fn is_area(geometry: &Value) -> bool {
    matches!(geometry["type"].as_str(), Some("Polygon" | "MultiPolygon"))
}

fn properties(frame: &Frame<'_>, item: &Value) -> Markup {
    let properties = item["properties"].as_object();
    let undated = item["properties"]["start_datetime"] == Instant::UNDATED_START.to_string()
        && item["properties"]["end_datetime"] == Instant::UNDATED_END.to_string();
    let is_time = |name: &str| matches!(name, "datetime" | "start_datetime" | "end_datetime");
    let shown = properties
        .into_iter()
        .flatten()
        .filter(|(name, content)| !SHOWN_ELSEWHERE.contains(&name.as_str()) && !content.is_null())
        .filter(|(name, _)| !undated || !is_time(name));
    let (technical, plain): (Vec<_>, Vec<_>) = shown.partition(|(name, _)| is_technical(name));
    let caption = format!("{}{}", frame.t("Properties of ", "Propriétés de "), item_title_in(item, frame.language));
    let table = |properties: &[(&String, &Value)], caption: &str| {
        html! {
            div.scroll {
                table.properties {
                    caption.hidden-text { (caption) }
                    tbody {
                        @for (name, content) in properties {
                            tr {
                                th scope="row" title=(name) { (label(frame.language, name)) }
                                td { (value(frame.language, name, content)) }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="properties-title" {
            h2 #properties-title { (frame.t("Properties", "Propriétés")) }
            (table(&plain, &caption))
            @if !technical.is_empty() {
                details {
                    summary { (frame.t("Technical", "Technique")) }
                    (table(&technical, frame.t("Technical properties", "Propriétés techniques")))
                }
            }
        }
    }
}

fn assets(frame: &Frame<'_>, item: &Value) -> Markup {
    let assets = item["assets"].as_object().filter(|assets| !assets.is_empty());
    let name = format!("{}{}", frame.t("Files of ", "Fichiers de "), item_title_in(item, frame.language));
    let columns = [
        Column::Text(frame.t("File", "Fichier")),
        Column::Text(frame.t("Type", "Type")),
        Column::Text(frame.t("Roles", "Rôles")),
        Column::Number(frame.t("Size", "Taille")),
    ];
    let rows = html! {
        @for (key, asset) in assets.into_iter().flatten() {
            tr {
                th scope="row" { (asset_link(frame, key, asset)) }
                td { (asset["type"].as_str().unwrap_or_default()) }
                td { (value(frame.language, "roles", asset.get("roles").unwrap_or(&Value::from("")))) }
                td.number { (asset["file:size"].as_u64().map(bytes).unwrap_or_default()) }
            }
        }
    };
    html! {
        @if assets.is_some() {
            section aria-labelledby="assets-title" {
                h2 #assets-title { (frame.t("Files", "Fichiers")) }
                (table(&name, &columns, &rows))
            }
        }
    }
}

fn asset_link(frame: &Frame<'_>, key: &str, asset: &Value) -> Markup {
    let title = asset["title"].as_str().unwrap_or(key);
    // What the service itself makes has its name in both languages.
    let name = match series_format(asset) {
        Some(format) => {
            &format!("{}{}", frame.t("All observations, as ", "Toutes les observations, en "), format.label())
        }
        None => title,
    };
    let href = asset["href"].as_str().unwrap_or_default();
    html! {
        @match web_address(href) {
            Some(address) => a href=(address) rel="nofollow" { (name) },
            None => { (name) @if !href.is_empty() { " " code { (href) } } },
        }
    }
}

/// Where the record comes from, under which terms, and since when it is here.
fn provenance(frame: &Frame<'_>, stored: &StoredItem, item: &Value, own: &Value) -> Markup {
    html! {
        section aria-labelledby="provenance-title" {
            h2 #provenance-title { (frame.t("Where it comes from", "Provenance")) }
            dl.facts {
                (providers(frame, own))
                dt { (frame.t("Licence", "Licence")) }
                dd { (licence(own)) }
                @if let Some(doi) = jsonld::doi(own) {
                    dt { (frame.t("How to cite", "Comment citer")) }
                    dd { a href=(doi) { (doi.trim_start_matches("https://doi.org/")) } }
                }
                @for name in ["created", "updated"] {
                    @if let Some(moment) = item["properties"].get(name).filter(|v| v.is_string()) {
                        dt { (label(frame.language, name)) }
                        dd { (value(frame.language, name, moment)) }
                    }
                }
                dt { (frame.t("Added", "Ajouté le")) }
                dd { (value(frame.language, "ingested", &Value::from(stored.ingested.to_string()))) }
            }
        }
    }
}

/// The terms of a collection, from its JSON answer.
pub(super) fn licence(collection: &Value) -> Markup {
    let links = collection["links"].as_array();
    let link = links.into_iter().flatten().find(|l| l["rel"] == "license");
    let address = link.and_then(|l| web_address(l["href"].as_str()?));
    let name = link.and_then(|l| l["title"].as_str()).or(collection["license"].as_str()).unwrap_or("other");
    html! {
        @match address {
            Some(address) => a href=(address) { (name) },
            None => (name),
        }
    }
}

/// Who makes and hosts a collection, from its JSON answer, as entries of a list of facts.
pub(super) fn providers(frame: &Frame<'_>, collection: &Value) -> Markup {
    let list = collection["providers"].as_array();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_cut_between_words() {
        assert_eq!(short("two\n words"), "two words");
        let cut = short(&"word ".repeat(80));
        assert!(cut.ends_with("word…") && cut.chars().count() <= SUMMARY_CHARS_MAX + 1, "{cut}");
    }
}
