//! OGC API Tiles: any question as vector tiles, for all items, within a collection, and of a kept question.

mod documents;
mod question;
mod tile;

use axum::Router;
use axum::routing::get;

pub(super) use tile::address;

pub(crate) use question::{PROPERTIES_MAX, REL_TILESETS, tileset_link};

use crate::state::App;

/// Identifier of the one tile matrix set.
const TILE_MATRIX_SET: &str = "WebMercatorQuad";

/// The routes.
pub(super) fn router() -> Router<App> {
    let mut router = Router::new()
        .route("/tileMatrixSets", get(documents::matrix_sets))
        .route("/tileMatrixSets/WebMercatorQuad", get(documents::matrix_set));
    for base in ["", "/collections/{collection}", "/searches/{search}"] {
        let tileset = format!("{base}/tiles/{TILE_MATRIX_SET}");
        router = router
            .route(&format!("{base}/tiles"), get(documents::tilesets))
            .route(&tileset, get(documents::tileset))
            .route(&format!("{tileset}/tilejson.json"), get(documents::tilejson))
            .route(&format!("{tileset}/{{zoom}}/{{row}}/{{col}}"), get(tile::get));
    }
    router
}
