//! Positions in other reference systems (OGC API Features Part 2), and the OpenAPI document in version 3.0.

use serde_json::{Value, json};

use crate::world::{World, encoded};

const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
const EPSG_4326: &str = "http://www.opengis.net/def/crs/EPSG/0/4326";
const EPSG_3857: &str = "http://www.opengis.net/def/crs/EPSG/0/3857";

fn near(value: &Value, expected: [f64; 2]) -> bool {
    let numbers: Vec<f64> = value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    numbers.len() == 2 && (0..2).all(|i| (numbers[i] - expected[i]).abs() < 0.01)
}

#[tokio::test]
async fn items_are_answered_in_the_system_that_is_asked_for() {
    let world = World::new().await;
    for (crs, expected) in [
        ("", [31.2, 30.0]),
        (CRS84, [31.2, 30.0]),
        (EPSG_4326, [30.0, 31.2]),
        (EPSG_3857, [3_473_168.11, 3_503_549.84]),
    ] {
        let query = if crs.is_empty() { String::new() } else { format!("?crs={}", encoded(crs)) };
        let told = format!("<{}>", if crs.is_empty() { CRS84 } else { crs });
        let item = world.ok(&format!("/collections/gauges/items/nile-1{query}")).await;
        assert_eq!(item.header("content-crs"), told);
        assert!(near(&item.json()["geometry"]["coordinates"], expected), "{crs}: {}", item.text());
        let page = world.ok(&format!("/collections/gauges/items?ids=nile-1{}", query.replace('?', "&"))).await;
        assert_eq!(page.header("content-crs"), told);
        let feature = page.json()["features"][0].clone();
        assert!(near(&feature["geometry"]["coordinates"], expected), "{crs}: {}", page.text());
        let bbox = feature["bbox"].as_array().unwrap();
        assert!(near(&json!(bbox[..2]), expected) && near(&json!(bbox[2..]), expected), "{crs}: {bbox:?}");
    }
    let first = world.ok(&format!("/collections/gauges/items?limit=2&crs={}", encoded(EPSG_4326))).await;
    let second = world.ok(first.link("next").unwrap()["href"].as_str().unwrap()).await;
    assert_eq!(second.header("content-crs"), format!("<{EPSG_4326}>"));
    let picked =
        world.ok(&format!("/collections/gauges/items?ids=nile-1&fields=geometry&crs={}", encoded(EPSG_4326))).await;
    assert!(near(&picked.json()["features"][0]["geometry"]["coordinates"], [30.0, 31.2]));
}

#[tokio::test]
async fn boxes_are_read_in_the_system_that_is_named() {
    let world = World::new().await;
    for (crs, bbox) in
        [(CRS84, "31,29,32,31"), (EPSG_4326, "29,31,31,32"), (EPSG_3857, "3450906,3376476,3562224,3632749")]
    {
        for path in ["/collections/gauges/items", "/search"] {
            let answer = world.ok(&format!("{path}?bbox={bbox}&bbox-crs={}", encoded(crs))).await;
            assert_eq!(answer.ids(), ["nile-1"], "{path} {crs}");
        }
    }
    assert_eq!(world.ok("/collections/gauges/items?bbox=29,31,31,32").await.ids(), [""; 0]);
}

#[tokio::test]
async fn unknown_systems_are_refused_and_known_ones_listed() {
    let world = World::new().await;
    for query in ["crs=EPSG:2154", "crs=", "bbox=0,0,1,1&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/2154"] {
        let answer = world.get(&format!("/collections/gauges/items?{query}")).await;
        assert_eq!((answer.status, answer.code()), (400, "crs".to_owned()), "{query}: {}", answer.text());
        assert!(answer.json()["allowed"].as_str().unwrap().contains(EPSG_3857));
    }
    assert_eq!(world.get("/collections/gauges/items/nile-1?crs=x").await.status, 400);
    assert_eq!(world.get(&format!("/search?crs={}", encoded(CRS84))).await.status, 400);
    let collection = world.ok("/collections/gauges").await.json();
    for crs in [CRS84, EPSG_4326, EPSG_3857] {
        assert!(collection["crs"].as_array().unwrap().contains(&json!(crs)), "{crs}");
    }
    assert_eq!(collection["storageCrs"], CRS84);
}

#[tokio::test]
async fn the_openapi_document_comes_in_the_version_that_is_accepted() {
    let world = World::new().await;
    let of = async |accept: &str| {
        let answer = world.get_with("/api", &[("accept", accept)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        (answer.header("content-type").to_owned(), answer.json()["openapi"].as_str().unwrap().to_owned())
    };
    let kind = "application/vnd.oai.openapi+json;version=";
    for (accept, version, openapi) in [
        (&*format!("{kind}3.0"), "3.0", "3.0.3"),
        ("application/vnd.oai.openapi+json; version=\"3.0\"", "3.0", "3.0.3"),
        (&*format!("{kind}3.1"), "3.1", "3.1.0"),
        (&*format!("{kind}3.1, {kind}3.0"), "3.1", "3.1.0"),
        ("application/json", "3.1", "3.1.0"),
        ("*/*", "3.1", "3.1.0"),
    ] {
        assert_eq!(of(accept).await, (format!("{kind}{version}"), openapi.to_owned()), "{accept}");
    }
}
