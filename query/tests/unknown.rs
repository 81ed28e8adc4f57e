//! What an answer tells of properties that nobody has, and to whom.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::memory_dir;
use nilometer_indexer::{Catalog, CatalogOptions, Clock, Precondition, Write};
use nilometer_query::cql2::parse_text;
use nilometer_query::unknown_properties;
use nilometer_schemas::{Collection, CollectionId, Instant, Item, ItemId, Role, Scope, Search};
use serde_json::{Value, json};

fn collection(id: &str, access: &str) -> Write {
    let value =
        json!({"type": "Collection", "id": id, "description": id, "license": "other", "nilometer:access": access});
    Write::PutCollection(Box::new(Collection::from_value(value).unwrap()), Precondition::None)
}

fn item(collection: &str, id: &str, mut properties: Value) -> Write {
    properties["datetime"] = json!("2020-01-01T00:00:00Z");
    let value = json!({"type": "Feature", "id": id, "geometry": null, "properties": properties});
    let item = Item::from_value(&value, Some(&CollectionId::new(collection).unwrap())).unwrap();
    Write::PutItem(Box::new(item), Precondition::None)
}

fn told(catalog: &Catalog, filter: &str, collections: &[&str], role: Role) -> Vec<(String, Option<String>)> {
    let search = Search {
        filter: Some(parse_text(filter).unwrap()),
        collections: collections.iter().map(|c| CollectionId::new(*c).unwrap()).collect(),
        ..Search::default()
    };
    let unknown = unknown_properties(&catalog.snapshot(), &search, Scope::of(role));
    unknown.listed.into_iter().map(|property| (property.name, property.nearest)).collect()
}

#[test]
fn names_come_only_from_live_items_that_the_caller_may_see_in_the_collections_asked_for() {
    let dir = memory_dir();
    let clock: Clock = Arc::new(|| Instant(0));
    let catalog = Catalog::open(dir.path(), CatalogOptions::default(), clock).unwrap();
    catalog.write(vec![collection("a", "public"), collection("b", "public"), collection("secret", "hidden")]).unwrap();
    catalog
        .write(vec![
            item("a", "1", json!({"depth_m": 1, "country": "FR"})),
            item("b", "1", json!({"width_m": 1})),
            item("secret", "1", json!({"discharge_m3": 1})),
        ])
        .unwrap();
    let some = |name: &str, nearest: Option<&str>| vec![(name.to_owned(), nearest.map(str::to_owned))];
    let none = Vec::<(String, Option<String>)>::new();
    assert_eq!(told(&catalog, "depth_m = 1", &[], Role::Visitor), none);
    assert_eq!(told(&catalog, "depht_m = 1", &[], Role::Visitor), some("depht_m", Some("depth_m")));
    // What another collection has is unknown in this one, and no help for it.
    assert_eq!(told(&catalog, "width_m = 1", &["a"], Role::Visitor), some("width_m", None));
    assert_eq!(told(&catalog, "width_m = 1", &["a", "b"], Role::Visitor), none);
    // What is hidden is unknown, and told to nobody else.
    assert_eq!(told(&catalog, "discharge_m3 = 1", &[], Role::Visitor), some("discharge_m3", None));
    assert_eq!(told(&catalog, "discharge_m = 1", &["secret"], Role::Visitor), some("discharge_m", None));
    assert_eq!(told(&catalog, "discharge_m = 1", &[], Role::Operator), some("discharge_m", Some("discharge_m3")));
    // What every item has needs no value.
    let own = "id = 'x' OR geometry IS NULL OR T_AFTER(start_datetime, ingested) OR end_datetime = datetime";
    assert_eq!(told(&catalog, own, &["b"], Role::Visitor), none);
    // A deleted item tells nothing, merged away or not.
    let (a, one) = (CollectionId::new("a").unwrap(), ItemId::new("1").unwrap());
    catalog.write(vec![Write::DeleteItem(a, one, Precondition::None)]).unwrap();
    assert_eq!(told(&catalog, "depth_m = 1", &[], Role::Visitor), some("depth_m", None));
    let strict = Search { filter: Some(parse_text("depth_m = 1").unwrap()), strict: true, ..Search::default() };
    let problem = nilometer_query::count(&catalog.snapshot(), &strict, Scope::of(Role::Visitor)).unwrap_err();
    assert_eq!((problem.code, problem.parameter.as_deref()), ("unknown-property", Some("filter")));
}
