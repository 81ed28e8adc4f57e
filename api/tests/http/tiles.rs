//! The addresses of tiles: links, parameters that are kept, whom they answer.

use serde_json::json;

use crate::world::{BASE, World};

const TILES: &str = "tiles/WebMercatorQuad";

#[tokio::test]
async fn every_link_of_tiles_begins_with_the_public_address_and_keeps_the_question() {
    let world = World::new().await;
    let asked = "q=a%26b&datetime=2020-01-01T00:00:00Z/..&limit=3&properties=river";
    let kept = "?q=a%26b&datetime=2020-01-01T00%3A00%3A00Z%2F..&properties=river";
    for (base, at) in [("", ""), ("/collections/places%2Fall", "/collections/places%2Fall")] {
        let json = world.ok(&format!("{base}/{TILES}/tilejson.json?{asked}")).await.json();
        assert_eq!(json["tiles"], json!([format!("{BASE}{at}/{TILES}/{{z}}/{{y}}/{{x}}{kept}")]));
        let tilesets = world.ok(&format!("{base}/tiles?{asked}")).await.json();
        let links = tilesets["tilesets"][0]["links"].as_array().unwrap().clone();
        assert!(links.len() >= 4);
        for link in links {
            assert!(link["href"].as_str().unwrap().starts_with(BASE), "{link}");
        }
    }
    let basemap = world.ok("/basemap/tilejson.json").await.json();
    assert!(basemap["tiles"][0].as_str().unwrap().starts_with(&format!("{BASE}/basemap/")));
    for path in ["/", "/search?q=a", "/collections/gauges", "/collections/gauges/items"] {
        let link = world.ok(path).await.link("http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector");
        assert!(link.unwrap()["href"].as_str().unwrap().contains("/tiles"), "{path}");
    }
}

#[tokio::test]
async fn a_tile_is_told_apart_by_scope_and_a_hidden_collection_has_none() {
    let world = World::new().await;
    let tile = format!("/{TILES}/0/0/0");
    let public = world.ok(&tile).await;
    assert_eq!(public.header("content-type"), "application/vnd.mapbox-vector-tile");
    assert_eq!(public.header("cache-control"), "no-cache");
    assert!(!String::from_utf8_lossy(&public.body).contains("hidden-1"));
    let operator = world.get_as_operator(&tile).await;
    assert_eq!(operator.header("cache-control"), "private, no-cache");
    assert!(String::from_utf8_lossy(&operator.body).contains("hidden-1"));
    assert_ne!(operator.header("etag"), public.header("etag"));
    assert!(!String::from_utf8_lossy(&world.ok(&tile).await.body).contains("hidden-1"));
    let hidden = world.get(&format!("/collections/secret/{TILES}/0/0/0")).await;
    assert_eq!(hidden.status, 404);
    let empty = world.get(&format!("/collections/empty/{TILES}/0/0/0")).await;
    assert_eq!((empty.status, empty.body.len(), empty.header("content-type")), (204, 0, ""));
}
