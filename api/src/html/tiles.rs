//! What describes the vector tiles, for people: tilesets, a tileset, tile matrix sets.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Frame, Page, Section, breadcrumbs};
use super::table::{Column, table};
use crate::routes::ask::Ask;

/// What a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// The tilesets of a question.
    Tilesets,
    /// One of them.
    Tileset,
    /// The ways to cut the world into tiles.
    MatrixSets,
    /// One of them.
    MatrixSet,
}

/// The page of an answer.
pub(crate) fn tiles(ask: &Ask, document: Document, answer: &Value) -> String {
    let frame = Frame::of(ask);
    let title = match document {
        Document::Tilesets => frame.t("Vector tiles", "Tuiles vectorielles"),
        Document::Tileset => frame.t("Tileset", "Jeu de tuiles"),
        Document::MatrixSets => frame.t("Tile matrix sets", "Grilles de tuiles"),
        Document::MatrixSet => frame.t("Tile matrix set", "Grille de tuiles"),
    };
    let steps = [("Nilometer", "/".to_owned()), ("API", "/api.html".to_owned())];
    let members = |name: &str| answer[name].as_array().into_iter().flatten();
    let main = html! {
        div.wide.stack.records {
            (breadcrumbs(&frame, &steps, title))
            header.title { h1 { (title) } p.lead { (lead(&frame, document)) } }
            @for set in members("tilesets").chain(members("tileMatrixSets")) {
                section { h2 { (text(set, "title")) } (facts(&frame, set)) (links(&frame, set)) }
            }
            @if matches!(document, Document::Tileset | Document::MatrixSet) { (facts(&frame, answer)) }
            @if let Some(description) = answer["description"].as_str() { div.prose { p lang="en" { (description) } } }
            @if answer["layers"].is_array() { (layers(&frame, answer)) }
            @if answer["tileMatrices"].is_array() { (matrices(&frame, answer)) }
            (links(&frame, answer))
        }
    };
    frame.whole(&Page { title, section: Section::Api, main, ..Page::default() })
}

fn lead<'a>(frame: &Frame<'a>, document: Document) -> &'a str {
    match document {
        Document::Tilesets => frame.t(
            "The items that match, as tiles for a map (OGC API Tiles, Mapbox Vector Tiles).",
            "Les éléments qui correspondent, en tuiles pour une carte (OGC API Tiles, Mapbox Vector Tiles).",
        ),
        Document::Tileset => frame.t(
            "What the tiles hold, at which zooms, and where they are.",
            "Ce que contiennent les tuiles, à quels niveaux de zoom, et où les trouver.",
        ),
        Document::MatrixSets | Document::MatrixSet => {
            frame.t("How the world is cut into tiles.", "Comment le monde est découpé en tuiles.")
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn facts(frame: &Frame<'_>, set: &Value) -> Markup {
    let known = [
        ("id", frame.t("Identifier", "Identifiant")),
        ("title", frame.t("Title", "Titre")),
        ("dataType", frame.t("Kind of data", "Type de données")),
        ("crs", frame.t("Reference system", "Système de référence")),
        ("tileMatrixSetURI", frame.t("Tile matrix set", "Grille de tuiles")),
    ];
    html! {
        dl.facts {
            @for (name, label) in known {
                @if let Some(value) = set[name].as_str() { dt { (label) } dd { code { (value) } } }
            }
        }
    }
}

fn layers(frame: &Frame<'_>, answer: &Value) -> Markup {
    let caption = frame.t("Layers", "Couches");
    let columns = [
        Column::Text(frame.t("Layer", "Couche")),
        Column::Text("Zooms"),
        Column::Text(frame.t("Attributes", "Attributs")),
    ];
    let rows = html! {
        @for layer in answer["layers"].as_array().into_iter().flatten() {
            @let attributes = layer["propertiesSchema"]["properties"].as_object();
            tr {
                th scope="row" { code { (text(layer, "id")) } }
                td { (text(layer, "minTileMatrix")) " – " (text(layer, "maxTileMatrix")) }
                td { @for (at, name) in attributes.into_iter().flatten().map(|(n, _)| n).enumerate() {
                    @if at > 0 { ", " } code { (name) }
                } }
            }
        }
    };
    html! { section { h2 { (caption) } (table(caption, &columns, &rows)) } }
}

fn matrices(frame: &Frame<'_>, answer: &Value) -> Markup {
    let caption = frame.t("Zoom levels", "Niveaux de zoom");
    let columns = [
        Column::Number("Zoom"),
        Column::Number(frame.t("Columns and rows", "Colonnes et lignes")),
        Column::Number(frame.t("Scale 1 to", "Échelle 1 pour")),
    ];
    let rows = html! {
        @for matrix in answer["tileMatrices"].as_array().into_iter().flatten() {
            tr {
                th.number scope="row" { (text(matrix, "id")) }
                td.number { (frame.language.number(matrix["matrixWidth"].as_u64().unwrap_or_default())) }
                td.number { (frame.language.number(matrix["scaleDenominator"].as_f64().unwrap_or_default().round() as u64)) }
            }
        }
    };
    html! { section { h2 { (caption) } (table(caption, &columns, &rows)) } }
}

/// Where an answer leads: what has an address, as links; addresses with parts to fill in, as text.
fn links(frame: &Frame<'_>, value: &Value) -> Markup {
    let list: Vec<&Value> = value["links"].as_array().into_iter().flatten().collect();
    let others = list.into_iter().filter(|link| !matches!(text(link, "rel"), "root" | "alternate"));
    html! {
        ul.plain aria-label=(frame.t("Addresses", "Adresses")) {
            @for link in others {
                @let (rel, href) = (text(link, "rel"), text(link, "href"));
                @let name = link["title"].as_str().unwrap_or(href);
                li {
                    @if link["templated"] == true { (name) " " code { (href) } } @else { a href=(href) { (name) } }
                    " " span.tag { (rel.rsplit('/').next().unwrap_or(rel)) }
                }
            }
        }
    }
}
