//! The paths of OGC API Tiles in the OpenAPI document.

use serde_json::{Map, Value, json};

use super::{QUESTION, parameter_ref, read, schema_ref};
use crate::links::{JSON, MVT};

/// Parameters of a page, which tiles have no use for.
const PAGE: [&str; 5] = ["limit", "token", "page", "sortby", "fields"];

/// Adds the tiles that stand under a path; `own` are the parameters of that path, `name` makes an operation's id, and
/// `asks` are the parameters of the question that may be asked there.
fn add_under(paths: &mut Map<String, Value>, base: &str, own: &[Value], name: &dyn Fn(&str) -> String, asks: &[&str]) {
    let parameters: Vec<&str> =
        asks.iter().copied().filter(|name| !PAGE.contains(name)).chain(["properties"]).collect();
    let mut add = |tail: &str, more: &[&str], operation: Value| {
        let mut operations = json!({"get": operation});
        let all: Vec<Value> = own.iter().cloned().chain(more.iter().map(|name| parameter_ref(name))).collect();
        if !all.is_empty() {
            operations["parameters"] = all.into();
        }
        paths.insert(format!("{base}/tiles{tail}"), operations);
    };
    for (tail, operation, summary, content) in [
        (
            "",
            "getTilesets",
            ("Tilesets of the matching items", "Jeux de tuiles des éléments qui correspondent"),
            (("The tilesets", "Les jeux de tuiles"), JSON, "Tilesets"),
        ),
        (
            "/WebMercatorQuad",
            "getTileset",
            ("Description of the tiles", "Description des tuiles"),
            (("The tileset", "Le jeu de tuiles"), JSON, "Tileset"),
        ),
        (
            "/WebMercatorQuad/tilejson.json",
            "getTileJson",
            ("Description of the tiles, as TileJSON 3.0", "Description des tuiles, en TileJSON 3.0"),
            (("TileJSON", "TileJSON"), JSON, "Object"),
        ),
    ] {
        let has_page = !tail.ends_with("tilejson.json");
        add(tail, &[], read("Map", &name(operation), summary, content, has_page, &parameters));
    }
    let references: Vec<Value> = parameters.iter().map(|name| parameter_ref(name)).collect();
    let tile = json!({
        "tags": ["Map"], "operationId": name("getTile"), "summary": "One vector tile of the matching items",
            "x-summary-fr": "Une tuile vectorielle des éléments qui correspondent",
        "parameters": references,
        "responses": {
            "200": {
                "description": "Layers grid (counts by H3 cell), items (shapes) and notice (what had no room)",
                    "x-description-fr": "Couches grid (décomptes par cellule H3)
                    , items (formes) et notice (ce qui n'a pas trouvé place)",
                "headers": {"X-Nilometer-Left-Out": {
                    "description": "Number of items that had no room in the tile; absent where none was left out",
                    "schema": {"type": "integer", "minimum": 1},
                }},
                "content": {MVT: {"schema": {"type": "string", "contentMediaType": MVT}}},
            },
            "204": {"description": "Nothing matches in the tile",
                "x-description-fr": "Rien ne correspond dans la tuile"},
            "304": {"description": "Unchanged since the entity tag that the caller holds",
                "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    });
    add("/WebMercatorQuad/{tileMatrix}/{tileRow}/{tileCol}", &["tileMatrix", "tileRow", "tileCol"], tile);
}

/// Adds the tiles of all items, of a collection and of a kept question, and the tile matrix sets.
pub(super) fn add_paths(paths: &mut Map<String, Value>) {
    add_under(paths, "", &[], &str::to_owned, &QUESTION);
    let within = super::question_within();
    add_under(
        paths,
        "/collections/{collectionId}",
        &[parameter_ref("collectionId")],
        &|operation| operation.replacen("get", "getCollection", 1),
        &within,
    );
    add_under(
        paths,
        "/searches/{searchId}",
        &[parameter_ref("searchId")],
        &|operation| operation.replacen("get", "getSavedSearch", 1),
        &[],
    );
    for (path, operation, summary) in [
        ("/tileMatrixSets", "getTileMatrixSets", ("Tile matrix sets", "Grilles de tuiles")),
        (
            "/tileMatrixSets/WebMercatorQuad",
            "getTileMatrixSet",
            ("Definition of the tile matrix set", "Définition de la grille de tuiles"),
        ),
    ] {
        paths
            .insert(path.into(), json!({"get": read("Map", operation, summary, (summary, JSON, "Object"), true, &[])}));
    }
}

/// Adds the map beneath the data.
pub(super) fn add_basemap(paths: &mut Map<String, Value>) {
    let tilejson = (("TileJSON", "TileJSON"), JSON, "Object");
    paths.insert(
        "/basemap/tilejson.json".into(),
        json!({"get": read("Map", "getBasemap",
            ("Description of the basemap, as TileJSON 3.0",
            "Description du fond de carte, en TileJSON 3.0"), tilejson, false, &[])}),
    );
    let place = ["tileMatrix", "tileRow", "tileCol"].map(parameter_ref);
    let version = json!({"name": "v", "in": "query", "required": false, "schema": {"type": "string"},
        "description": "Version from the TileJSON: the answer may then be kept for ever",
            "x-description-fr": "Version lue dans le TileJSON : la réponse peut alors être gardée indéfiniment"});
    paths.insert(
        "/basemap/WebMercatorQuad/{tileMatrix}/{tileRow}/{tileCol}".into(),
        json!({
            "parameters": place,
            "get": {
                "tags": ["Map"], "operationId": "getBasemapTile",
                "summary": "One vector tile of land, lakes, rivers, borders and names",
                    "x-summary-fr": "Une tuile vectorielle des terres, lacs, rivières, frontières et noms",
                "parameters": [version],
                "responses": {
                    "200": {"description": "The tile",
                        "x-description-fr": "La tuile", "content": {MVT: {"schema": {"type": "string",
                        "contentMediaType": MVT}}}},
                    "204": {"description": "There is nothing but sea", "x-description-fr": "Il n'y a que la mer"},
                    "304": {"description": "Unchanged since the entity tag that the caller holds",
                        "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
                    "default": {"$ref": "#/components/responses/Problem"},
                },
            },
        }),
    );
}

/// The schemas of the answers.
pub(super) fn schemas() -> Value {
    let summary = json!({
        "title": {"type": "string"}, "dataType": {"const": "vector"}, "crs": {"type": "string"},
        "tileMatrixSetURI": {"type": "string"}, "links": schema_ref("Links"),
    });
    json!({
        "Tilesets": {
            "type": "object", "required": ["tilesets"],
            "properties": {
                "links": schema_ref("Links"),
                "tilesets": {"type": "array", "items": {
                    "type": "object", "required": ["dataType", "crs", "links"], "properties": summary,
                }},
            },
        },
        "Tileset": {
            "type": "object", "required": ["dataType", "crs", "links", "layers"],
            "properties": {
                "title": {"type": "string"}, "description": {"type": "string"}, "dataType": {"const": "vector"},
                "crs": {"type": "string"}, "tileMatrixSetURI": {"type": "string"}, "links": schema_ref("Links"),
                "layers": {"type": "array", "items": {"type": "object", "required": ["id", "dataType"]}},
            },
        },
    })
}
