//! Queryables, sortables and item schemas: JSON Schemas made from the data.

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use nilometer_query::Queryable;
use nilometer_schemas::{CollectionId, IN_PERIOD};
use serde_json::{Map, Value, json};

use super::ask::{Ask, to_bytes};
use super::collection_view::searched_body;
use super::question::visible;
use crate::html;
use crate::links::{HTML, SCHEMA_JSON};
use crate::problem::ApiError;

/// Dialect of the schemas.
const JSON_SCHEMA: &str = "https://json-schema.org/draft/2019-09/schema";

/// Which of the three documents is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Document {
    Queryables,
    Sortables,
    Schema,
    /// Of the collections themselves.
    Collections,
}

/// `GET /queryables`.
pub(super) async fn queryables(ask: Ask) -> Result<Response, ApiError> {
    answer(ask, None, Document::Queryables).await
}

/// `GET /collections/{id}/queryables`.
pub(super) async fn collection_queryables(id: Path<String>, ask: Ask) -> Result<Response, ApiError> {
    answer(ask, Some(id.0), Document::Queryables).await
}

/// `GET /sortables`.
pub(super) async fn sortables(ask: Ask) -> Result<Response, ApiError> {
    answer(ask, None, Document::Sortables).await
}

/// `GET /collections/{id}/sortables`.
pub(super) async fn collection_sortables(id: Path<String>, ask: Ask) -> Result<Response, ApiError> {
    answer(ask, Some(id.0), Document::Sortables).await
}

/// `GET /collections/{id}/schema`.
pub(super) async fn schema(id: Path<String>, ask: Ask) -> Result<Response, ApiError> {
    answer(ask, Some(id.0), Document::Schema).await
}

/// `GET /collections-queryables`: what a search for collections may name. The address is not below `/collections`, where
/// it would be that of a collection.
pub(super) async fn of_collections(ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { SCHEMA_JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, b"", move || {
        let stored = snapshot.collections(view.scope);
        let bodies: Vec<Map<String, Value>> =
            stored.iter().map(|stored| searched_body(&snapshot, stored, view.scope)).collect();
        let found = nilometer_query::collection_queryables(&bodies.iter().collect::<Vec<_>>());
        if view.html {
            return Ok(html::queryables(&view, None, &found).into_bytes());
        }
        let url = view.links.absolute(&view.path);
        to_bytes(&document_json(Document::Collections, &url, None, &found))
    })
    .await
}

async fn answer(ask: Ask, collection: Option<String>, document: Document) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let collection = collection.map(|id| visible(&id, &ask)).transpose()?;
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { SCHEMA_JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, b"", move || {
        let found = nilometer_query::queryables(&snapshot, collection.as_ref(), view.scope);
        let collection = collection.as_ref().map(CollectionId::as_str);
        if view.html {
            return Ok(html::queryables(&view, collection, &found).into_bytes());
        }
        let url = view.links.absolute(&view.path);
        to_bytes(&document_json(document, &url, collection, &found))
    })
    .await
}

fn document_json(document: Document, url: &str, collection: Option<&str>, found: &[Queryable]) -> Value {
    let of = collection.map_or_else(|| "all collections".to_owned(), |id| format!("the collection {id}"));
    let (title, description) = match document {
        Document::Queryables => (format!("Queryables of {of}"), "Properties that filters may name"),
        Document::Sortables => (format!("Sortables of {of}"), "Properties that sortby may name"),
        Document::Schema => (format!("Items of {of}"), "Members of an item, with the properties seen in the data"),
        Document::Collections => {
            ("Queryables of the collections themselves".to_owned(), "Members that filters of /collections may name")
        }
    };
    let mut properties = Map::new();
    for queryable in found {
        properties.insert(queryable.name.clone(), property_schema(queryable));
    }
    for (name, schema) in own_members(document) {
        properties.insert(name.into(), schema);
    }
    if document == Document::Schema {
        properties = item_members(properties, collection);
    }
    json!({
        "$schema": JSON_SCHEMA,
        "$id": url,
        "type": "object",
        "title": title,
        "description": description,
        "properties": properties,
        "additionalProperties": true,
    })
}

/// Members of every item that filters and sort keys may name beside its properties.
fn own_members(document: Document) -> Vec<(&'static str, Value)> {
    let moment = |title: &str| json!({"title": title, "type": "string", "format": "date-time"});
    if document == Document::Collections {
        return vec![
            ("id", json!({"title": "Identifier of the collection", "type": "string"})),
            ("datetime", moment("A moment of the collection's period")),
            ("start_datetime", moment("Begin of the collection's period")),
            ("end_datetime", moment("End of the collection's period")),
            ("geometry", json!({"title": "Extent of the collection in space", "format": "geometry-any"})),
        ];
    }
    let mut members = vec![
        ("datetime", moment("Time of the item")),
        ("start_datetime", moment("Begin of the item's period, or its time")),
        ("end_datetime", moment("End of the item's period, or its time")),
        ("ingested", moment("When the item was written")),
    ];
    if document != Document::Schema {
        members.push(("id", json!({"title": "Identifier of the item", "type": "string"})));
        members.push(("collection", json!({"title": "Identifier of the collection", "type": "string"})));
    }
    if document == Document::Sortables {
        members.push((
            IN_PERIOD,
            json!({"title": "Whether there are observations in the period asked for", "type": "integer"}),
        ));
    }
    if document == Document::Queryables {
        members.push(("geometry", json!({"title": "Geometry of the item", "format": "geometry-any"})));
    }
    members
}

fn item_members(properties: Map<String, Value>, collection: Option<&str>) -> Map<String, Value> {
    let collection = match collection {
        Some(id) => json!({"type": "string", "const": id}),
        None => json!({"type": "string"}),
    };
    let members = json!({
        "type": {"type": "string", "const": "Feature"},
        "id": {"type": "string", "x-ogc-role": "id"},
        "collection": collection,
        "geometry": {"format": "geometry-any", "x-ogc-role": "primary-geometry"},
        "properties": {"type": "object", "properties": properties, "additionalProperties": true},
        "assets": {"type": "object"},
        "links": {"type": "array"},
    });
    members.as_object().cloned().unwrap_or_default()
}

fn property_schema(queryable: &Queryable) -> Value {
    let mut schema = Map::new();
    schema.insert("title".into(), queryable.name.as_str().into());
    match queryable.types.as_slice() {
        [] => {}
        [one] => {
            schema.insert("type".into(), (*one).into());
        }
        several => {
            schema.insert("type".into(), several.into());
        }
    }
    // The values listed are texts only; with other types about, an enum would exclude what the data hold.
    if let (Some(values), ["string"]) = (&queryable.values, queryable.types.as_slice()) {
        schema.insert("enum".into(), values.as_slice().into());
    }
    if let Some((low, high)) = queryable.range {
        schema.insert("minimum".into(), low.into());
        schema.insert("maximum".into(), high.into());
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use nilometer_query::PropertyFacts;

    use super::*;

    fn found() -> Vec<Queryable> {
        let queryable = |name: &str, types: &[&'static str], values: Option<&[&str]>, range| Queryable {
            name: name.into(),
            types: types.to_vec(),
            values: values.map(|v| v.iter().map(ToString::to_string).collect()),
            range,
            facts: PropertyFacts::default(),
        };
        vec![
            queryable("platform", &["string"], Some(&["swot", "s6a"]), None),
            queryable("swot:pass", &["integer"], None, Some((1.0, 584.0))),
            queryable("mixed", &["string", "number"], Some(&["a"]), Some((0.5, 2.0))),
        ]
    }

    #[test]
    fn queryables_are_a_json_schema_with_types_values_and_ranges_of_the_data() {
        let got = document_json(Document::Queryables, "http://h/queryables", None, &found());
        assert_eq!((&got["$schema"], &got["$id"]), (&json!(JSON_SCHEMA), &json!("http://h/queryables")));
        assert_eq!((&got["type"], &got["additionalProperties"]), (&json!("object"), &json!(true)));
        let properties = &got["properties"];
        assert_eq!(properties["platform"], json!({"title": "platform", "type": "string", "enum": ["swot", "s6a"]}));
        assert_eq!(properties["swot:pass"]["maximum"], json!(584.0));
        assert_eq!(
            properties["mixed"],
            json!({"title": "mixed", "type": ["string", "number"], "minimum": 0.5, "maximum": 2.0})
        );
        for member in ["id", "collection", "geometry", "datetime", "ingested"] {
            assert!(properties.get(member).is_some(), "{member}");
        }
    }

    #[test]
    fn nobody_can_sort_by_geometry() {
        let got = document_json(Document::Sortables, "http://h/sortables", None, &found());
        assert!(got["properties"].get("geometry").is_none());
        assert!(got["properties"].get("id").is_some());
    }

    #[test]
    fn the_schema_of_items_nests_the_properties() {
        let got = document_json(Document::Schema, "http://h/s", Some("c"), &found());
        assert_eq!(got["properties"]["collection"]["const"], "c");
        assert_eq!(got["properties"]["properties"]["properties"]["platform"]["type"], "string");
    }
}
