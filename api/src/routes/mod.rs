//! The addresses of the STAC API, OGC API Features and the pages, and who answers them.

mod account;
mod aggregate;
mod assets;
mod basemap;
mod body;
mod browse;
mod bulk;
mod changes;
mod conformance;
mod crs;
mod default_order;
mod documents;
mod feature_page;
mod files;
mod functions;
mod items;
mod landing;
mod legal;
mod merge_patch;
mod orders;
mod problems;
mod property_parameters;
mod queryables;
mod question;
mod searches;
mod sitemap;
mod writes;

pub(crate) mod ask;
pub(crate) mod collection_view;
pub(crate) mod collections;
pub(crate) mod edr;
pub(crate) mod export;
pub(crate) mod hydrocron;
pub(crate) mod negotiate;
pub(crate) mod passes;
pub(crate) mod places;
pub(crate) mod search;
pub(crate) mod suggest;
pub(crate) mod tiles;

pub(crate) use account::{DEFAULT_QUOTA, mail_base};
pub(crate) use assets::asset_path;
pub(crate) use collections::CollectionPage;
pub(crate) use orders::WORKFLOWS;
pub(crate) use writes::accept_patch;

use axum::Router;
use axum::routing::get;

use crate::state::App;

/// All routes of this module.
pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(landing::landing))
        .route("/conformance", get(conformance::conformance))
        .route("/api", get(documents::openapi))
        .route("/api.html", get(documents::openapi_page))
        .route("/children", get(collections::children))
        .route("/collections", get(collections::list).post(collections::post))
        .route("/collections-queryables", get(queryables::of_collections))
        .route(
            "/collections/{collection}",
            get(collections::get).put(collections::put).patch(collections::patch).delete(collections::delete),
        )
        .route("/collections/{collection}/items", get(search::get_items).post(items::post))
        .route(
            "/collections/{collection}/items/{item}",
            get(items::get).put(items::put).patch(items::patch).delete(items::delete),
        )
        .route("/collections/{collection}/catalog", get(browse::get))
        .route("/collections/{collection}/export", get(export::get_in))
        .route("/collections/{collection}/queryables", get(queryables::collection_queryables))
        .route("/collections/{collection}/sortables", get(queryables::collection_sortables))
        .route("/collections/{collection}/schema", get(queryables::schema))
        .route("/collections/{collection}/aggregate", get(aggregate::get_in).post(aggregate::post_in))
        .route("/collections/{collection}/aggregations", get(aggregate::list_in))
        .route("/search", get(search::get).post(search::post))
        .route("/search/export", get(export::get).post(export::post))
        .route("/aggregate", get(aggregate::get).post(aggregate::post))
        .route("/aggregations", get(aggregate::list))
        .route("/queryables", get(queryables::queryables))
        .route("/functions", get(functions::get))
        .route("/sortables", get(queryables::sortables))
        .route("/searches", axum::routing::post(searches::post))
        .route("/searches/{search}", get(searches::get))
        .route("/searches/{search}/items", get(searches::items))
        .route("/searches/{search}/export", get(export::get_saved))
        .route("/searches/{search}/zip", get(orders::saved_zip))
        .route("/places", get(places::get))
        .route("/suggest", get(suggest::get))
        .route("/swot/passes", get(passes::get))
        .route(hydrocron::PATH, get(hydrocron::get))
        .route("/changes", get(changes::get))
        .route("/changes/snapshot", get(changes::snapshot))
        .route("/assets/{name}", get(assets::get))
        .route("/pages/{name}", get(legal::get))
        .route("/problems", get(problems::list))
        .route("/problems/{code}", get(problems::get))
        .route("/robots.txt", get(sitemap::robots))
        .route("/sitemap.xml", get(sitemap::sitemap))
        .route("/sitemap/pages.xml", get(sitemap::pages))
        .route("/sitemap/{collection}/{file}", get(sitemap::items))
        .route("/basemap/tilejson.json", get(basemap::tilejson))
        .route("/basemap/WebMercatorQuad/{zoom}/{row}/{col}", get(basemap::tile))
        .route("/favicon.ico", get(assets::favicon))
        .merge(account::router())
        .merge(edr::router())
        .merge(files::router())
        .merge(orders::router())
        .merge(tiles::router())
}
