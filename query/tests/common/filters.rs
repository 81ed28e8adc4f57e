//! A catalogue to filter, and what a filter finds in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use nilometer_indexer::{Catalog, CatalogOptions, Clock, Outcome, Precondition, Snapshot, Write};
use nilometer_schemas::{Collection, CollectionId, Filter, Instant, Item, ItemId, Role, Scope, Search, geojson};
use serde_json::{Value, json};

use crate::common::memory_dir;
use crate::evaluator::Record;

/// A catalogue of these items in one collection; a second write of some of them leaves old documents behind.
pub(crate) fn catalogue(records: &[Record]) -> (tempfile::TempDir, Arc<Catalog>) {
    let dir = memory_dir();
    let clock: Clock = Arc::new(|| Instant(0));
    let catalog = Catalog::open(dir.path(), CatalogOptions::default(), clock).unwrap();
    let collection = json!({"type": "Collection", "id": "c", "description": "c", "license": "other"});
    let put = |record: &Record| {
        let geometry = record.geometry.as_ref().map_or(Value::Null, geojson::to_value);
        let item = json!({"type": "Feature", "id": record.id, "geometry": geometry, "properties": record.properties});
        let item = Item::from_value(&item, Some(&CollectionId::new("c").unwrap())).unwrap();
        Write::PutItem(Box::new(item), Precondition::None)
    };
    let collection = Write::PutCollection(Box::new(Collection::from_value(collection).unwrap()), Precondition::None);
    catalog.write(vec![collection]).unwrap();
    for half in records.chunks(records.len().div_ceil(2).max(1)) {
        for outcome in catalog.write(half.iter().map(put).collect()).unwrap() {
            assert!(!matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
        }
    }
    (dir, catalog)
}

/// Ids of the matching items.
pub(crate) fn found(snapshot: &Snapshot, filter: &Filter) -> BTreeSet<String> {
    found_of(snapshot, filter, &[])
}

/// Ids of the matching items among these; none means all.
pub(crate) fn found_of(snapshot: &Snapshot, filter: &Filter, ids: &[&str]) -> BTreeSet<String> {
    let ids = ids.iter().map(|id| ItemId::new(*id).unwrap()).collect();
    let search = Search { filter: Some(filter.clone()), ids, limit: 10_000, ..Search::default() };
    let scope = Scope::of(Role::Visitor);
    let page = nilometer_query::search(snapshot, &search, scope).unwrap();
    assert_eq!(nilometer_query::count(snapshot, &search, scope).unwrap(), page.items.len() as u64);
    page.items.iter().map(|item| item.id.as_str().to_owned()).collect()
}
