//! `GET /`: the STAC landing page for programs, the first page for people.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use super::conformance::CONFORMS_TO;
use super::tiles::tileset_link;
use crate::html;
use crate::links::{
    GEOJSON, HTML, JSON, NDJSON, OPENAPI, OPENAPI_3_0, REL_FUNCTIONS, REL_QUERYABLES, REL_SORTABLES, SCHEMA_JSON,
    collection_path,
};
use crate::problem::ApiError;
use crate::state::App;

/// Link relation of the tile matrix sets (OGC API Tiles).
const REL_TILING_SCHEMES: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes";
/// Most `child` links of the landing page; above this `/collections` alone lists them.
const CHILD_LINKS_MAX: usize = 100;
/// Identifier of the catalogue.
const CATALOG_ID: &str = "nilometer";

/// `GET /`.
pub(super) async fn landing(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    if ask.html {
        return ask
            .answer(snapshot.seq_for(ask.scope), HTML, b"", move || {
                Ok(html::landing(&view, &snapshot, &app.config)?.into_bytes())
            })
            .await;
    }
    ask.answer(snapshot.seq_for(ask.scope), JSON, b"", move || {
        let mut links = service_links(&view);
        let collections = snapshot.collections(view.scope);
        if collections.len() <= CHILD_LINKS_MAX {
            for stored in collections {
                let c = &stored.collection;
                let language = super::collection_view::language_of(c, &view.languages);
                links.push(view.links.titled("child", JSON, &collection_path(c.id.as_str()), c.title(&language)));
            }
        }
        let service = &app.config.service;
        let language = view.language();
        let description = language.of(&service.description_en, &service.description_fr);
        // STAC wants a description of at least one character.
        let description = if description.is_empty() { CATALOG_ID } else { description };
        to_bytes(&json!({
            "type": "Catalog",
            "stac_version": "1.1.0",
            "id": CATALOG_ID,
            "title": language.of(&service.title_en, &service.title_fr),
            "description": description,
            "conformsTo": CONFORMS_TO,
            "links": links,
        }))
    })
    .await
}

fn service_links(ask: &Ask) -> Vec<Value> {
    let links = &ask.links;
    vec![
        links.link("self", JSON, "/"),
        links.link("root", JSON, "/"),
        links.titled("alternate", HTML, "/?f=html", "This page for people"),
        links.titled("service-desc", OPENAPI, "/api", "OpenAPI document"),
        links.titled("service-desc", OPENAPI_3_0, "/api", "OpenAPI document, version 3.0"),
        links.titled("service-doc", HTML, "/api.html", "Documentation"),
        links.titled("conformance", JSON, "/conformance", "Conformance classes"),
        links.titled("data", JSON, "/collections", "Collections"),
        links.titled("children", JSON, "/children", "The collections as children of the catalogue"),
        links.with_method("search", GEOJSON, "/search", "GET"),
        links.with_method("search", GEOJSON, "/search", "POST"),
        links.link(REL_QUERYABLES, SCHEMA_JSON, "/queryables"),
        links.link(REL_SORTABLES, SCHEMA_JSON, "/sortables"),
        links.link(REL_FUNCTIONS, JSON, "/functions"),
        links.with_method("aggregate", JSON, "/aggregate", "GET"),
        links.with_method("aggregate", JSON, "/aggregate", "POST"),
        links.link("aggregations", JSON, "/aggregations"),
        tileset_link(links, "", &[]),
        links.titled(REL_TILING_SCHEMES, JSON, "/tileMatrixSets", "Tile matrix sets"),
        links.titled("changes", JSON, "/changes", "Change feed"),
        links.titled("changes-snapshot", NDJSON, "/changes/snapshot", "Everything, as newline-delimited JSON"),
    ]
}
