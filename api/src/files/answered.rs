//! The assets of an item as they are answered: those that the service delivers with an address below the root that was
//! asked, and the series of a feature beside them.

use std::borrow::Cow;
use std::sync::Arc;

use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::{AddedAsset, ItemText, Level, Scope};

use super::Files;
use super::location::{Location, SERIES_FORMATS, series_key};
use crate::links::{Links, item_asset_path};
use crate::routes::ask::Ask;
use crate::routes::edr::Format;
use crate::state::App;

/// See the module.
#[derive(Clone)]
pub(crate) struct AssetLinks {
    links: Links,
    /// What there is to deliver.
    known: Option<(Arc<Files>, Arc<Snapshot>, Scope)>,
}

impl AssetLinks {
    /// As whoever asks sees them.
    pub(crate) fn new(app: &App, ask: &Ask, snapshot: &Arc<Snapshot>) -> Self {
        let known = (Arc::clone(&app.files), Arc::clone(snapshot), ask.scope);
        Self { links: ask.links.clone(), known: Some(known) }
    }

    /// Assets as they are stored.
    #[cfg(test)]
    pub(crate) fn as_stored(links: &Links) -> Self {
        Self { links: links.clone(), known: None }
    }

    /// The links of whoever asks.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Whether whoever asks may order files of a collection.
    pub(crate) fn may_order(&self, collection: &str) -> bool {
        self.known.as_ref().is_some_and(|(_, snapshot, scope)| {
            !scope.is_public() && snapshot.level(collection, *scope) >= Level::Partial
        })
    }

    /// The item's text as it is answered.
    pub(crate) fn text<'a>(&self, item: &'a StoredItem) -> Cow<'a, ItemText> {
        let (collection, id) = (item.collection.as_str(), item.id.as_str());
        let Some((files, snapshot, scope)) = &self.known else { return Cow::Borrowed(&item.text) };
        let added = if has_series(snapshot, item, *scope) { self.series(collection, id) } else { Vec::new() };
        // Most items have nothing of ours, and are not looked through.
        if added.is_empty() && !(files.delivers() && item.text.as_str().contains("\"href\"")) {
            return Cow::Borrowed(&item.text);
        }
        let address = |key: &str| self.links.absolute(&item_asset_path(collection, id, key));
        let delivered = |key: &str, href: &str| files.locate(href).map(|_| address(key));
        item.text.with_assets(delivered, &added).map_or(Cow::Borrowed(&item.text), Cow::Owned)
    }

    /// The item with this text.
    pub(crate) fn item(&self, item: &StoredItem) -> StoredItem {
        StoredItem { text: self.text(item).into_owned(), ..item.clone() }
    }

    fn series(&self, collection: &str, id: &str) -> Vec<AddedAsset> {
        let asset = |format: Format| {
            let key = series_key(id, format);
            AddedAsset {
                href: self.links.absolute(&item_asset_path(collection, id, &key)),
                key,
                stored_href: Location::href_of_series(format),
                media_type: format.media_type().to_owned(),
                title: format!("All observations, as {}", format.label()),
            }
        };
        SERIES_FORMATS.into_iter().map(asset).collect()
    }
}

/// Whether an item has observations that a scope sees.
pub(crate) fn has_series(snapshot: &Snapshot, item: &StoredItem, scope: Scope) -> bool {
    let table = snapshot.series(item.collection.as_str(), scope);
    // Where the summaries cannot be read the answer is made without; asking for the series tells why.
    table.and_then(|table| table.summaries().ok()).is_some_and(|known| known.get(item.id.as_str()).is_some())
}
