//! The map of one thing: a small drawing that is there at once, and over it a map to move in where scripts are on.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::layout::Frame;
use super::locator;
use crate::config::Config;

/// What a map shows.
pub(super) enum Shown<'a> {
    /// An item, at the path of its GeoJSON.
    Item { item: &'a Value, path: String },
    /// All items of a collection within a box.
    Collection { id: &'a str, bbox: [f64; 4] },
    /// A position or shape that a form asks for, or none yet; pointing at the map fills the input of this id.
    Asked { geometry: Option<&'a Value>, input: &'static str },
}

/// The map.
pub(super) fn map(frame: &Frame<'_>, config: &Config, shown: &Shown<'_>) -> Markup {
    let (drawing, bbox) = match shown {
        Shown::Item { item, .. } => (locator::of_geometry(frame, &item["geometry"]), locator::box_of(item)),
        Shown::Collection { bbox, .. } => (locator::of_box(frame, *bbox), Some(*bbox)),
        Shown::Asked { geometry: Some(geometry), .. } => {
            (locator::of_geometry(frame, geometry), locator::box_of(&json!({ "geometry": geometry })))
        }
        Shown::Asked { geometry: None, .. } => (html! {}, None),
    };
    let mut options = json!({
        "label": frame.t("Map", "Carte"),
        "basemap": config.basemap_style.as_ref().map(ToString::to_string),
        "bbox": bbox,
        "item": null,
        "geometry": null,
        "collection": null,
        "pick": null,
    });
    match shown {
        Shown::Item { path, .. } => options["item"] = path.as_str().into(),
        Shown::Collection { id, .. } => options["collection"] = (*id).into(),
        Shown::Asked { geometry, input } => {
            options["geometry"] = geometry.cloned().unwrap_or_default();
            options["pick"] = (*input).into();
        }
    }
    let empty = matches!(shown, Shown::Asked { geometry: None, .. });
    html! {
        div.place.needs-script[empty] data-mount="place" data-options=(options.to_string()) { (drawing) }
        @if let Shown::Asked { .. } = shown {
            p.hint.needs-script { (frame.t("Click or tap the map to choose a position.", "Cliquez sur la carte ou touchez-la pour choisir une position.")) }
        }
    }
}
