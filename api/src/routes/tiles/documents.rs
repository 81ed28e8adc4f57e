//! What describes the tiles: tilesets, TileJSON, tile matrix sets.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nilometer_indexer::Snapshot;
use nilometer_tiles::{
    Asked, GRID_LAYER, ITEMS_LAYER, NOTICE_LAYER, SHAPES_PER_TILE_MAX, TILE_BYTES_MAX, ZOOM_MAX, Zooms,
};
use serde_json::{Map, Value, json};

use super::TILE_MATRIX_SET;
use super::question::{Question, REL_TILESETS, TilesAsk};
use crate::html::{self, TilesDocument as Document};
use crate::links::{CRS84, HTML, JSON, Links, MVT, WEB_MERCATOR};
use crate::problem::ApiError;
use crate::routes::ask::{Ask, to_bytes};
use crate::routes::search::with_parameter;
use crate::state::App;

/// Zoom of the finest tiles that maps ask for: a tile unit there is 60 cm, and maps enlarge from there on.
const ZOOM_OFFERED_MAX: u8 = 14;
/// The registered definition of the tile matrix set.
const MATRIX_SET_URI: &str = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad";
const REL_SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
/// Latitude of the map's upper edge, degrees.
const LATITUDE_MAX: f64 = 85.051_128_779_806_6;
/// Half the side of the map, metres (EPSG:3857).
const HALF_M: f64 = 20_037_508.342_789_244;
/// Size of a pixel in the definition of scales (OGC Two Dimensional Tile Matrix Set 2.0), metres.
const PIXEL_M: f64 = 0.000_28;
/// Pixels along a tile's side.
const PIXELS: u32 = 256;

/// `GET …/tiles`.
pub(super) async fn tilesets(State(app): State<App>, ask: TilesAsk) -> Result<Response, ApiError> {
    let question = ask.question(&app).await?;
    let view = ask.ask;
    let snapshot = Arc::clone(&view.snapshot);
    view.clone()
        .answer(snapshot.seq_for(view.scope), media_type(&view), b"", move || {
            let links = &view.links;
            let tileset = links.titled("self", JSON, &question.path("/WebMercatorQuad"), "The tileset");
            let answer = json!({
                "links": [links.link("self", JSON, &question.path("")), links.link("root", JSON, "/"), page(&view)],
                "tilesets": [summary(links, &question, vec![tileset])],
            });
            shown(&view, Document::Tilesets, &answer)
        })
        .await
}

/// What a document is written as: a page where a browser asks.
fn media_type(ask: &Ask) -> &'static str {
    if ask.html { HTML } else { JSON }
}

fn shown(ask: &Ask, document: Document, answer: &Value) -> Result<Vec<u8>, ApiError> {
    if ask.html { Ok(html::tiles(ask, document, answer).into_bytes()) } else { to_bytes(answer) }
}

/// The link to the same answer as a page.
fn page(ask: &Ask) -> Value {
    ask.links.link("alternate", HTML, &with_parameter(ask, "f", "html"))
}

/// What a list and a description of a tileset have in common.
fn summary(links: &Links, question: &Question, mut own: Vec<Value>) -> Map<String, Value> {
    own.push(links.link(REL_SCHEME, JSON, "/tileMatrixSets/WebMercatorQuad"));
    let mut tiles = json!({"rel": "item", "type": MVT, "title": "Mapbox Vector Tiles", "templated": true});
    tiles["href"] = question.template(links, ["tileMatrix", "tileRow", "tileCol"]).into();
    own.push(tiles);
    own.push(links.titled(
        "describedby",
        JSON,
        &question.path("/WebMercatorQuad/tilejson.json"),
        "TileJSON of the same tiles",
    ));
    let mut summary = Map::new();
    summary.insert("title".into(), question.title.as_str().into());
    summary.insert("dataType".into(), "vector".into());
    summary.insert("crs".into(), WEB_MERCATOR.into());
    summary.insert("tileMatrixSetURI".into(), MATRIX_SET_URI.into());
    summary.insert("links".into(), own.into());
    summary
}

/// `GET …/tiles/WebMercatorQuad`.
pub(super) async fn tileset(State(app): State<App>, ask: TilesAsk) -> Result<Response, ApiError> {
    answer(app, ask, Some(Document::Tileset), |view, question, zooms, bounds| {
        let links = &view.links;
        let own = vec![
            links.link("self", JSON, &question.path("/WebMercatorQuad")),
            links.link("root", JSON, "/"),
            links.link(REL_TILESETS, JSON, &question.path("")),
            page(view),
        ];
        let mut tileset = summary(links, question, own);
        let [west, south, east, north] = bounds;
        tileset.insert("description".into(), description(zooms).into());
        tileset.insert("mediaTypes".into(), json!([MVT]));
        tileset.insert(
            "boundingBox".into(),
            json!({"lowerLeft": [west, south], "upperRight": [east, north], "crs": CRS84}),
        );
        tileset.insert("layers".into(), layers(question, zooms));
        Value::Object(tileset)
    })
    .await
}

/// `GET …/tiles/WebMercatorQuad/tilejson.json`.
pub(super) async fn tilejson(State(app): State<App>, ask: TilesAsk) -> Result<Response, ApiError> {
    answer(app, ask, None, |view, question, zooms, bounds| {
        json!({
            "tilejson": "3.0.0",
            "name": question.title,
            "description": description(zooms),
            "scheme": "xyz",
            "tiles": [question.template(&view.links, ["z", "y", "x"])],
            "minzoom": 0,
            "maxzoom": ZOOM_OFFERED_MAX,
            "bounds": bounds,
            "vector_layers": vector_layers(question, zooms),
        })
    })
    .await
}

/// Answers with what `make` makes; `document` is what its page shows, if it has one.
async fn answer(
    app: App,
    ask: TilesAsk,
    document: Option<Document>,
    make: impl FnOnce(&Ask, &Question, Zooms, [f64; 4]) -> Value + Send + 'static,
) -> Result<Response, ApiError> {
    let question = ask.question(&app).await?;
    let view = ask.ask;
    let snapshot = Arc::clone(&view.snapshot);
    let media_type = document.map_or(JSON, |_| media_type(&view));
    view.clone()
        .answer(snapshot.seq_for(view.scope), media_type, b"", move || {
            let asked = Asked { snapshot: &snapshot, search: &question.search, scope: view.scope };
            let zooms = app.tiles.zooms(&question.key(&view, snapshot.seq_for(view.scope)), &asked)?;
            let answer = make(&view, &question, zooms, bounds(&snapshot, &question));
            match document {
                Some(document) => shown(&view, document, &answer),
                None => to_bytes(&answer),
            }
        })
        .await
}

/// What the map shows at most: a collection's extent, else the world.
fn bounds(snapshot: &Snapshot, question: &Question) -> [f64; 4] {
    let world = [-180.0, -LATITUDE_MAX, 180.0, LATITUDE_MAX];
    let known = question.collection.as_ref().and_then(|id| snapshot.collection_stats(id).bbox);
    let Some([west, south, east, north]) = known.filter(|[west, _, east, _]| west <= east) else { return world };
    [west, south.clamp(-LATITUDE_MAX, LATITUDE_MAX), east, north.clamp(-LATITUDE_MAX, LATITUDE_MAX)]
}

fn description(zooms: Zooms) -> String {
    let from = zooms.shapes_from;
    let what = if from == 0 {
        format!("Every zoom shows the shapes of the matching items in the layer {ITEMS_LAYER}.")
    } else {
        format!(
            "Zooms 0 to {from} count the matching items by H3 cell in the layer {GRID_LAYER}: an item counts once in each \
             cell it touches, and counts are exact. From zoom {from} on the layer {ITEMS_LAYER} has the items' shapes; zoom \
             {from} has both, so that a map can fade from one to the other. Shapes begin at the first zoom at which no tile \
             holds more than {SHAPES_PER_TILE_MAX} matching items, at the latest at zoom 10."
        )
    };
    format!(
        "{what} A tile has at most {TILE_BYTES_MAX} bytes: where the items need more, first all attributes but id and \
         collection are left out, then the items that are smallest on the map; the layer {NOTICE_LAYER} and the header \
         X-Nilometer-Left-Out then say how many."
    )
}

/// Names of a layer's attributes with what they hold.
fn attributes(layer: &str, question: &Question) -> Vec<(String, &'static str, &'static str)> {
    let own = |fields: &[(&str, &'static str, &'static str)]| {
        fields.iter().map(|(name, kind, text)| ((*name).to_owned(), *kind, *text)).collect::<Vec<_>>()
    };
    match layer {
        GRID_LAYER => own(&[
            ("cell", "string", "Index of the H3 cell"),
            ("count", "integer", "Matching items that touch the cell"),
        ]),
        NOTICE_LAYER => own(&[
            ("items", "integer", "Matching items that reach into the tile"),
            ("left_out", "integer", "Items of these that the tile has no room for"),
            ("attributes_left_out", "boolean", "Whether the items carry nothing but id and collection"),
        ]),
        _ => {
            let mut fields = own(&[
                ("id", "string", "Identifier of the item"),
                ("collection", "string", "Identifier of its collection"),
                ("title", "string", "Title, where the item has one"),
            ]);
            let chosen =
                question.properties.iter().filter(|name| !matches!(name.as_str(), "id" | "collection" | "title"));
            fields.extend(chosen.map(|name| (name.clone(), "", "A property of the item")));
            fields
        }
    }
}

/// The layers that there are, with their first and last zoom.
fn layer_zooms(zooms: Zooms) -> Vec<(&'static str, u8, u8)> {
    let from = zooms.shapes_from.min(ZOOM_OFFERED_MAX);
    let mut layers = Vec::new();
    if zooms.shapes_from > 0 {
        layers.push((GRID_LAYER, 0, from));
    }
    layers.push((ITEMS_LAYER, from, ZOOM_OFFERED_MAX));
    layers.push((NOTICE_LAYER, from, ZOOM_OFFERED_MAX));
    layers
}

fn vector_layers(question: &Question, zooms: Zooms) -> Value {
    let layer = |(id, minzoom, maxzoom): (&str, u8, u8)| {
        let fields: Map<String, Value> =
            attributes(id, question).into_iter().map(|(name, _, text)| (name, text.into())).collect();
        json!({"id": id, "minzoom": minzoom, "maxzoom": maxzoom, "fields": fields})
    };
    layer_zooms(zooms).into_iter().map(layer).collect()
}

fn layers(question: &Question, zooms: Zooms) -> Value {
    let layer = |(id, minzoom, maxzoom): (&str, u8, u8)| {
        let mut properties = Map::new();
        for (name, kind, text) in attributes(id, question) {
            let mut schema = json!({"description": text});
            if !kind.is_empty() {
                schema["type"] = kind.into();
            }
            properties.insert(name, schema);
        }
        let mut layer = json!({
            "id": id, "dataType": "vector", "minTileMatrix": minzoom.to_string(), "maxTileMatrix": maxzoom.to_string(),
            "propertiesSchema": {"type": "object", "properties": properties},
        });
        // Items may be points, lines or areas.
        if let Some(dimension) = [(GRID_LAYER, 2), (NOTICE_LAYER, 0)].iter().find(|(name, _)| *name == id) {
            layer["geometryDimension"] = dimension.1.into();
        }
        layer
    };
    layer_zooms(zooms).into_iter().map(layer).collect()
}

/// `GET /tileMatrixSets`.
pub(super) async fn matrix_sets(State(_): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let view = ask.clone();
    ask.answer(0, media_type(&ask), b"", move || {
        let links = &view.links;
        let own = links.link("self", JSON, "/tileMatrixSets/WebMercatorQuad");
        let answer = json!({
            "links": [links.link("self", JSON, "/tileMatrixSets"), links.link("root", JSON, "/"), page(&view)],
            "tileMatrixSets": [{
                "id": TILE_MATRIX_SET, "title": "Google Maps Compatible for the World", "uri": MATRIX_SET_URI,
                "crs": WEB_MERCATOR, "links": [own],
            }],
        });
        shown(&view, Document::MatrixSets, &answer)
    })
    .await
}

/// `GET /tileMatrixSets/WebMercatorQuad`.
pub(super) async fn matrix_set(State(_): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let view = ask.clone();
    ask.answer(0, media_type(&ask), b"", move || {
        let links = &view.links;
        let matrices: Vec<Value> = (0..=ZOOM_MAX).map(matrix).collect();
        let answer = json!({
            "id": TILE_MATRIX_SET,
            "title": "Google Maps Compatible for the World",
            "uri": MATRIX_SET_URI,
            "crs": WEB_MERCATOR,
            "orderedAxes": ["X", "Y"],
            "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
            "links": [
                links.link("self", JSON, "/tileMatrixSets/WebMercatorQuad"),
                links.link("root", JSON, "/"),
                page(&view),
            ],
            "tileMatrices": matrices,
        });
        shown(&view, Document::MatrixSet, &answer)
    })
    .await
}

fn matrix(zoom: u8) -> Value {
    let side = 1u64 << zoom;
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let cell_m = 2.0 * HALF_M / (f64::from(PIXELS) * side as f64);
    json!({
        "id": zoom.to_string(),
        "scaleDenominator": cell_m / PIXEL_M,
        "cellSize": cell_m,
        "cornerOfOrigin": "topLeft",
        "pointOfOrigin": [-HALF_M, HALF_M],
        "matrixWidth": side, "matrixHeight": side,
        "tileWidth": PIXELS, "tileHeight": PIXELS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_those_of_the_standard() {
        // Annex D.1 of OGC Two Dimensional Tile Matrix Set 2.0.
        let scale = |zoom: u8| matrix(zoom)["scaleDenominator"].as_f64().expect("a number");
        assert!((scale(0) - 559_082_264.028_717).abs() < 1e-3, "{}", scale(0));
        assert!((scale(10) - 545_978.773_465_544).abs() < 1e-5);
    }
}
