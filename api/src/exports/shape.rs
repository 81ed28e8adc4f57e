//! How an item is answered: with the links of the service, where there is one, and the members that were asked for.

use nilometer_indexer::StoredItem;
use nilometer_query::parse::apply_fields;
use nilometer_schemas::Fields;
use serde_json::Value;

use super::row::Row;
use crate::files::AssetLinks;
use crate::links::ItemLinks;
use crate::problem::ApiError;

/// See the module.
pub(crate) struct Shape {
    links: Option<(ItemLinks, AssetLinks)>,
    fields: Option<Fields>,
    /// The text at hand, kept for its room.
    text: Vec<u8>,
}

impl Shape {
    /// `assets`, and so all links, as seen by whoever reads; `None` outside the service.
    pub(crate) fn new(assets: Option<AssetLinks>, fields: Option<Fields>) -> Self {
        Self { links: assets.map(|assets| (ItemLinks::new(assets.links()), assets)), fields, text: Vec::new() }
    }

    /// Whether items are answered with all members.
    pub(super) fn is_whole(&self) -> bool {
        self.fields.is_none()
    }

    /// Appends an item's JSON.
    pub(super) fn json(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError> {
        if self.fields.is_none() {
            self.render(item, out);
            return Ok(());
        }
        let value = self.value(item)?;
        serde_json::to_writer(out, &value).map_err(ApiError::internal)
    }

    /// An item as a row of a table.
    pub(super) fn row(&mut self, item: &StoredItem) -> Result<Row, ApiError> {
        Ok(Row::new(self.value(item)?))
    }

    fn value(&mut self, item: &StoredItem) -> Result<Value, ApiError> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        self.render(item, &mut text);
        let value: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
        self.text = text;
        Ok(match &self.fields {
            Some(fields) => apply_fields(value, fields),
            None => value,
        })
    }

    fn render(&mut self, item: &StoredItem, out: &mut Vec<u8>) {
        match &mut self.links {
            Some((links, assets)) => {
                let own = links.of(item.collection.as_str(), item.id.as_str());
                assets.text(item).render(item.ingested, &own, out);
            }
            None => item.text.render(item.ingested, "", out),
        }
    }
}
