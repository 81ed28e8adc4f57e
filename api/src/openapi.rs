//! The OpenAPI 3.1 document of the service.
//!
//! Each collection that everybody sees has concrete paths beside the templated ones, since test suites of
//! OGC API Features look for them, and `limit` names its maximum, since clients take their page size from it.

mod edr;
mod hydrocron;
mod parameters;
mod schemas;
mod tiles;

use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::links::{GEOJSON, HTML, JSON, Links, NDJSON, OPENAPI, SCHEMA_JSON, encode};

/// One answer of an operation: description, media type and schema.
type Content<'a> = (&'a str, &'a str, &'a str);

/// The document as seen under one address, with concrete paths for these collections.
pub fn document(links: &Links, config: &Config, collections: &[String]) -> Value {
    let mut paths = Map::new();
    general_paths(&mut paths);
    collection_paths(&mut paths, "{collectionId}", None);
    edr::add_paths(&mut paths, "{collectionId}", &[parameter_ref("collectionId")], &str::to_owned);
    tiles::add_paths(&mut paths);
    tiles::add_basemap(&mut paths);
    for (i, id) in collections.iter().enumerate() {
        collection_paths(&mut paths, &encode(id), Some((i, id)));
    }
    let service = &config.service;
    let mut info = json!({
        "title": if service.title_en.is_empty() { "Nilometer" } else { &service.title_en },
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Finds satellite, in-situ and model data of the world's surface water. A STAC API, an OGC API \
                        Features, an OGC API EDR and an OGC API Tiles service; its main answers are also pages for people.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    if let Some(contact) = contact(&service.contact) {
        info["contact"] = contact;
    }
    json!({
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": links.absolute("")}],
        "tags": [
            {"name": "Capabilities", "description": "What the service is and can do"},
            {"name": "Collections", "description": "Sets of items"},
            {"name": "Items", "description": "Granules, stations, reaches, lakes, places"},
            {"name": "Search", "description": "The question and its answers"},
            {"name": "Map", "description": "Matching items as vector tiles (OGC API Tiles)"},
            {"name": "Series", "description": "Observations of one feature"},
            {"name": "Values", "description": "Observations and their statistics (OGC API EDR)"},
            {"name": "Changes", "description": "What was written and deleted"},
        ],
        "paths": paths,
        "components": {
            "parameters": parameters::all(config.limits.page_limit_default, config.limits.page_limit_max),
            "schemas": schemas::all(),
            "responses": {"Problem": {
                "description": "A problem (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"apiKey": []}],
    })
}

fn contact(text: &str) -> Option<Value> {
    match text {
        "" => None,
        mail if mail.contains('@') && !mail.contains(':') => Some(json!({"email": mail})),
        url => Some(json!({"url": url})),
    }
}

/// A reading operation with one JSON answer, and a page for people where `html` says so.
fn read(tag: &str, id: &str, summary: &str, content: Content<'_>, html: bool, parameters: &[&str]) -> Value {
    let (description, media_type, schema) = content;
    let mut media = Map::new();
    media.insert(media_type.into(), json!({"schema": schema_ref(schema)}));
    let mut references: Vec<Value> = parameters.iter().map(|name| parameter_ref(name)).collect();
    if html {
        media.insert(HTML.into(), json!({"schema": {"type": "string"}}));
        references.extend([parameter_ref("f"), parameter_ref("lang")]);
    }
    json!({
        "tags": [tag], "operationId": id, "summary": summary, "parameters": references,
        "responses": {
            "200": {"description": description, "content": media},
            "304": {"description": "Unchanged since the entity tag that the caller holds"},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}

/// A question in a body.
fn ask(tag: &str, id: &str, summary: &str, body: &str, content: Content<'_>, status: &str) -> Value {
    let (description, media_type, schema) = content;
    json!({
        "tags": [tag], "operationId": id, "summary": summary,
        "requestBody": {"required": true, "content": {JSON: {"schema": schema_ref(body)}}},
        "responses": {
            status: {"description": description, "content": {media_type: {"schema": schema_ref(schema)}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}

/// A write; `answers` are status, description and, where there is a body, its media type and schema.
fn write(tag: &str, id: &str, summary: &str, body: Option<Value>, answers: &[(&str, Content<'_>)]) -> Value {
    let mut responses = Map::new();
    for (status, (description, media_type, schema)) in answers {
        let mut answer = json!({"description": description});
        if !media_type.is_empty() {
            answer["content"] = json!({*media_type: {"schema": schema_ref(schema)}});
        }
        if *status == "201" {
            answer["headers"] = json!({"Location": {"schema": {"type": "string", "format": "uri"}}});
        }
        responses.insert((*status).into(), answer);
    }
    responses.insert("default".into(), json!({"$ref": "#/components/responses/Problem"}));
    let mut operation = json!({
        "tags": [tag], "operationId": id, "summary": summary,
        "security": [{"bearer": []}, {"apiKey": []}],
        "responses": responses,
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

fn body(media: &[(&str, &str)]) -> Option<Value> {
    let content: Map<String, Value> =
        media.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema_ref(schema)}))).collect();
    Some(json!({"required": true, "content": content}))
}

fn schema_ref(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn parameter_ref(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// The question's parameters.
const QUESTION: [&str; 14] = [
    "bbox",
    "datetime",
    "limit",
    "ids",
    "collections",
    "intersects",
    "intersectsRefs",
    "q",
    "filter",
    "filter-lang",
    "filter-crs",
    "sortby",
    "fields",
    "token",
];

/// The question's parameters where the path names the collection.
fn question_within() -> Vec<&'static str> {
    QUESTION.into_iter().filter(|name| *name != "collections").collect()
}

/// What is counted, and how finely.
const COUNTING: [&str; 6] = [
    "aggregations",
    "datetime_frequency_interval",
    "centroid_geohash_grid_frequency_precision",
    "centroid_geotile_grid_frequency_precision",
    "centroid_geohex_grid_frequency_precision",
    "geometry_geohex_grid_frequency_precision",
];

/// The parameters of an aggregation: the question without its page.
fn aggregation_parameters(within: bool) -> Vec<&'static str> {
    let page = ["limit", "sortby", "fields", "token"];
    let question = if within { question_within() } else { QUESTION.to_vec() };
    let mut names: Vec<&str> = question.into_iter().filter(|name| !page.contains(name)).collect();
    names.extend(COUNTING);
    names
}

fn general_paths(paths: &mut Map<String, Value>) {
    const CAN: &str = "Capabilities";
    let mut add = |path: &str, operations: Value| {
        paths.insert(path.into(), operations);
    };
    add(
        "/",
        json!({"get": read(CAN, "getLandingPage", "Landing page", ("Links to everything", JSON, "Catalog"), true, &[])}),
    );
    add(
        "/conformance",
        json!({"get": read(CAN, "getConformance", "Conformance classes", ("The classes", JSON, "Conformance"), true, &[])}),
    );
    add("/api", json!({"get": read(CAN, "getApi", "This document", ("OpenAPI 3.1", OPENAPI, "Object"), true, &[])}));
    add(
        "/collections",
        json!({
            "get": read("Collections", "getCollections", "Collections", ("The collections", JSON, "Collections"), true,
                        &["collectionsLimit", "collectionsToken", "collectionsQ"]),
            "post": write("Collections", "createCollection", "Creates a collection", body(&[(JSON, "Object")]),
                          &[("201", ("Created", JSON, "Collection"))]),
        }),
    );
    add(
        "/search",
        json!({
            "get": read("Search", "getSearch", "Items that match", ("A page of items", GEOJSON, "ItemCollection"), true, &QUESTION),
            "post": ask("Search", "postSearch", "Items that match a long question", "Search",
                        ("A page of items", GEOJSON, "ItemCollection"), "200"),
        }),
    );
    add(
        "/aggregate",
        json!({
            "get": read("Search", "getAggregate", "Counts of items that match", ("The counts", JSON, "AggregationCollection"),
                        false, &aggregation_parameters(false)),
            "post": ask("Search", "postAggregate", "Counts of items that match a long question", "AggregateSearch",
                        ("The counts", JSON, "AggregationCollection"), "200"),
        }),
    );
    add(
        "/aggregations",
        json!({"get": read("Search", "getAggregations", "What can be counted",
        ("Names of aggregations", JSON, "AggregationCollection"), false, &[])}),
    );
    add(
        "/queryables",
        json!({"get": read("Search", "getQueryables", "Properties that filters may name",
        ("A JSON Schema", SCHEMA_JSON, "Object"), true, &[])}),
    );
    add(
        "/sortables",
        json!({"get": read("Search", "getSortables", "Properties that sortby may name",
        ("A JSON Schema", SCHEMA_JSON, "Object"), true, &[])}),
    );
    add(
        "/searches",
        json!({"post": ask("Search", "saveSearch", "Keeps a question under an id", "Search",
        ("Kept", JSON, "SavedSearch"), "201")}),
    );
    let saved = parameter_ref("searchId");
    add(
        "/searches/{searchId}",
        json!({"parameters": [saved], "get": read("Search", "getSavedSearch", "A kept question",
        ("The question", JSON, "SavedSearch"), false, &[])}),
    );
    add(
        "/searches/{searchId}/items",
        json!({"parameters": [saved], "get": read("Search", "getSavedSearchItems",
        "The answer to a kept question", ("A page of items", GEOJSON, "ItemCollection"), false, &["limit", "token"])}),
    );
    add(
        "/swot/passes",
        json!({"get": read("Search", "getSwotPasses", "When SWOT sees a place: the last pass, the next one, and all",
        ("The passes, oldest first", JSON, "SwotPasses"), true, &["point", "place", "bbox", "datetime", "limit", "token"])}),
    );
    add("/hydrocron/v1/timeseries", hydrocron::path());
    add(
        "/changes",
        json!({"get": read("Changes", "getChanges", "What changed after a sequence number",
        ("Changes, oldest first", JSON, "Changes"), false, &["since", "changesLimit"])}),
    );
    add(
        "/changes/snapshot",
        json!({"get": read("Changes", "getChangesSnapshot", "Everything, to begin a mirror with",
        ("Collections, then items, one a line", NDJSON, "Text"), false, &[])}),
    );
}

/// Paths of one collection: `id` is the segment, `concrete` tells its number and id where it is a real one.
fn collection_paths(paths: &mut Map<String, Value>, id: &str, concrete: Option<(usize, &str)>) {
    let name = |operation: &str| match concrete {
        None => operation.to_owned(),
        Some((number, _)) => format!("{operation}_{number}"),
    };
    let path = format!("/collections/{id}");
    let own: Vec<Value> = if concrete.is_none() { vec![parameter_ref("collectionId")] } else { Vec::new() };
    let with_item: Vec<Value> = own.iter().cloned().chain([parameter_ref("itemId")]).collect();
    let of = concrete.map_or_else(|| "a collection".to_owned(), |(_, id)| id.to_owned());
    let (cs, is, se) = ("Collections", "Items", "Search");
    let mut add = |tail: &str, parameters: &[Value], mut operations: Value| {
        if !parameters.is_empty() {
            operations["parameters"] = parameters.into();
        }
        paths.insert(format!("{path}{tail}"), operations);
    };
    let mut collection = json!({"get": read(cs, &name("getCollection"), &format!("Description of {of}"),
        ("The collection", JSON, "Collection"), true, &[])});
    let mut items = json!({"get": read(is, &name("getItems"), &format!("Items of {of}"),
        ("A page of items", GEOJSON, "ItemCollection"), true, &question_within())});
    let mut item = json!({"get": read(is, &name("getItem"), &format!("An item of {of}"),
        ("The item", GEOJSON, "Item"), true, &[])});
    if concrete.is_none() {
        add_writes(&mut collection, &mut items, &mut item);
    }
    add("", &own, collection);
    add("/items", &own, items);
    add("/items/{itemId}", &with_item, item);
    for (tail, operation, summary) in [
        ("/queryables", "getCollectionQueryables", "Properties that filters may name"),
        ("/sortables", "getCollectionSortables", "Properties that sortby may name"),
        ("/schema", "getCollectionSchema", "JSON Schema of the items"),
    ] {
        let content = ("A JSON Schema", SCHEMA_JSON, "Object");
        add(tail, &own, json!({"get": read(se, &name(operation), summary, content, true, &[])}));
    }
    if concrete.is_some() {
        return;
    }
    add(
        "/aggregate",
        &own,
        json!({
            "get": read(se, "getCollectionAggregate", "Counts of matching items", ("The counts", JSON, "AggregationCollection"),
                        false, &aggregation_parameters(true)),
            "post": ask(se, "postCollectionAggregate", "Counts of items that match a long question", "AggregateSearch",
                        ("The counts", JSON, "AggregationCollection"), "200"),
        }),
    );
    add(
        "/aggregations",
        &own,
        json!({"get": read(se, "getCollectionAggregations", "What can be counted",
        ("Names of aggregations", JSON, "AggregationCollection"), false, &[])}),
    );
}

/// Writing operations; concrete paths leave them out, since they would only say the same again.
fn add_writes(collection: &mut Value, items: &mut Value, item: &mut Value) {
    let (cs, is) = ("Collections", "Items");
    let done: (&str, Content<'_>) = ("204", ("Done", "", ""));
    let as_json: &[(&str, &str)] = &[(JSON, "Object")];
    let as_feature: &[(&str, &str)] = &[(JSON, "NewItem"), (GEOJSON, "NewItem")];
    let patch: &[(&str, &str)] = &[("application/merge-patch+json", "Object"), (JSON, "Object")];
    collection["put"] = write(
        cs,
        "putCollection",
        "Creates or replaces a collection",
        body(as_json),
        &[("201", ("Created", JSON, "Collection")), done],
    );
    collection["patch"] = write(cs, "patchCollection", "Changes a collection (JSON merge patch)", body(patch), &[done]);
    collection["delete"] = write(cs, "deleteCollection", "Deletes a collection with its items", None, &[done]);
    items["post"] = write(
        is,
        "postItems",
        "Creates an item or all items of a FeatureCollection; newline-delimited items are created or replaced one by one",
        body(&[(JSON, "NewItem"), (GEOJSON, "NewItem"), (NDJSON, "Text")]),
        &[("200", ("Report of a newline-delimited stream", JSON, "BulkReport")), ("201", ("Created", GEOJSON, "Item"))],
    );
    item["put"] = write(
        is,
        "putItem",
        "Creates or replaces an item",
        body(as_feature),
        &[("201", ("Created", GEOJSON, "Item")), done],
    );
    item["patch"] = write(is, "patchItem", "Changes an item (JSON merge patch)", body(patch), &[done]);
    item["delete"] = write(is, "deleteItem", "Deletes an item", None, &[done]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn sample() -> Value {
        document(&Links::new("http://h/p"), &Config::default(), &["a b/c".to_owned(), "swot".to_owned()])
    }

    fn references(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if name == "$ref" => out.push(text.clone()),
                        other => references(other, out),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|v| references(v, out)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = sample();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn operations_have_unique_ids_and_path_parameters_are_declared() {
        let document = sample();
        let mut ids = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let declared = operations["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(path.matches('{').count(), declared, "{path}");
            for (_, operation) in operations.as_object().expect("operations").iter().filter(|(m, _)| *m != "parameters")
            {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(ids.insert(id.to_owned()), "{id} stands twice");
            }
        }
    }

    #[test]
    fn collections_have_concrete_paths_with_encoded_ids() {
        let document = sample();
        for path in ["/collections/{collectionId}/items", "/collections/a%20b%2Fc/items", "/collections/swot/items"] {
            assert!(document["paths"].get(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_page_limit_and_the_form_of_a_bbox_are_published() {
        let document = sample();
        let parameters = &document["components"]["parameters"];
        assert_eq!(parameters["limit"]["schema"]["maximum"], Config::default().limits.page_limit_max);
        let bbox = &parameters["bbox"]["schema"];
        assert_eq!((&bbox["type"], &bbox["minItems"], &bbox["maxItems"]), (&json!("array"), &json!(4), &json!(6)));
        assert_eq!(bbox["items"], json!({"type": "number"}));
    }
}
