//! OGC API EDR: values at locations, near positions, in areas and boxes.

use nilometer_indexer::source::{Key, ObservationBuilder};
use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::{Collection, Instant, Item, ParameterType};
use serde_json::{Value, json};

use crate::world::{Answer, BASE, World};

/// Features of the collection `levels`: id, longitude, latitude, and the values of days from 1 January 2024 on.
const LEVELS: [(&str, f64, f64, &[f64]); 5] = [
    ("up", 0.0, 44.0, &[1.0, 2.0, 3.5]),
    ("down", 0.05, 44.0, &[0.5]),
    ("fiji", 179.95, -17.0, &[7.0, f64::NAN]),
    ("rotuma", -179.95, -17.0, &[8.0]),
    ("dry", 0.001, 44.0, &[]),
];

fn item(id: &str, geometry: &Value) -> Write {
    let item = json!({"type": "Feature", "id": id, "collection": "levels", "geometry": geometry,
                      "properties": {"datetime": "2024-01-01T00:00:00Z", "title": format!("Level {id}")}});
    Write::PutItem(Box::new(Item::from_value(&item, None).unwrap()), Precondition::None)
}

/// A collection with parameters, its features and their observations.
fn levels() -> Vec<Write> {
    let collection = json!({"id": "levels", "title": "Levels", "description": "Levels of a test.",
        "nilometer:parameters": [
            {"name": "wse", "title": "Water surface elevation", "title_fr": "Cote", "unit": "m", "datum": "EGM2008",
             "standard_name": "water_surface_height_above_reference_datum"},
            {"name": "quality", "type": "integer", "categories": {"0": "good", "1": "suspect"}},
            {"name": "note", "type": "text"}]});
    let collection = Collection::from_value(collection).unwrap();
    let mut writes = vec![Write::PutCollection(Box::new(collection), Precondition::None)];
    let ring = json!([[[10.0, 50.0], [10.2, 50.0], [10.2, 50.2], [10.0, 50.2], [10.0, 50.0]]]);
    writes.push(item("lake", &json!({"type": "Polygon", "coordinates": ring})));
    for (id, lon, lat, _) in LEVELS {
        writes.push(item(id, &json!({"type": "Point", "coordinates": [lon, lat]})));
    }
    let columns = vec![
        ("wse".to_owned(), ParameterType::Number),
        ("quality".to_owned(), ParameterType::Integer),
        ("note".to_owned(), ParameterType::Text),
    ];
    let mut builder = ObservationBuilder::new("levels", "by hand", columns).unwrap();
    let start = Instant::parse("2024-01-01T06:00:00Z").unwrap().0;
    let time = |day: usize| Instant(start + day as i64 * 86_400_000_000);
    for (id, _, _, values) in LEVELS {
        for (day, value) in values.iter().enumerate() {
            builder.row(Key { feature: id, time: time(day), version: "v1", version_order: 1, ..Key::default() });
            builder.number(0, *value);
            builder.integer(1, i64::from(day > 1));
        }
    }
    for discriminator in ["east", "west"] {
        builder.row(Key { feature: "lake", time: time(0), discriminator, version: "v1", version_order: 1 });
        builder.number(0, 100.25);
        builder.text(2, "wind, \"strong\"");
    }
    writes.push(Write::PutObservations(Box::new(builder.take())));
    writes
}

async fn world() -> World {
    World::with(levels()).await
}

/// The ids in a CSV answer, each once, in order.
fn csv_ids(answer: &Answer) -> Vec<String> {
    let mut ids: Vec<String> = answer.text().lines().skip(1).map(|l| l.split(',').next().unwrap().to_owned()).collect();
    ids.dedup();
    ids
}

#[tokio::test]
async fn wrong_questions_are_told_what_is_allowed() {
    let world = World::new().await;
    for (query, parameter) in [
        ("position", "coords"),
        ("position?coords=", "coords"),
        ("position?coords=POINT()", "coords"),
        ("position?coords=POLYGON((0 0,1 0,1 1,0 0))", "coords"),
        ("position?coords=POINT(0 0)&within=5", "within-units"),
        ("position?coords=POINT(0 0)&within=5&within-units=ell", "within-units"),
        ("radius?coords=POINT(0 0)", "within"),
        ("area?coords=POLYGON()", "coords"),
        ("area?coords=POINT(0 0)", "coords"),
        ("area?coords=POLYGON((0 0,1 0,1 1,0 0))&intersects={\"type\":\"Point\",\"coordinates\":[0,0]}", "intersects"),
        ("cube", "bbox"),
        ("cube?bbox=1,2,3", "bbox"),
        ("cube?bbox=0,0,1,1&crs=EPSG:2154", "crs"),
        ("cube?bbox=0,0,1,1&f=netcdf", "f"),
        ("cube?bbox=0,0,1,1&datetime=yesterday", "datetime"),
        ("cube?bbox=0,0,1,1&datetime=2024&datetime=2025", "datetime"),
        ("cube?bbox=0,0,1,1&parameter-name=nonsense", "parameter-name"),
        ("cube?bbox=0,0,1,1&resample=P5D", "resample"),
        ("cube?bbox=0,0,1,1&method=mean", "resample"),
        ("cube?bbox=0,0,1,1&resample=P1M&method=mode", "method"),
        ("cube?bbox=0,0,1,1&resample=P1M&datetime=2024,2026", "datetime"),
        ("cube?bbox=0,0,1,1&limit=0", "limit"),
        ("cube?bbox=0,0,1,1&filter=(", "filter"),
        ("cube?bbox=0,0,1,1&nonsense=1", "nonsense"),
        ("locations?f=csv", "f"),
        ("locations?crs=EPSG:3857", "crs"),
        ("locations?collections=empty", "collections"),
        ("locations/garonne-1?coords=POINT(0 0)", "coords"),
    ] {
        let path = format!("/collections/gauges/{}", query.replace(' ', "%20").replace('"', "%22"));
        let path = path.replace('{', "%7B").replace('}', "%7D").replace('[', "%5B").replace(']', "%5D");
        let answer = world.get(&path).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"), "{query}");
        assert_eq!(answer.json()["parameter"], parameter, "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn hostile_geometries_are_refused() {
    let world = World::new().await;
    for coords in [
        "GEOMETRYCOLLECTION(".repeat(100),
        "POLYGON(".to_owned() + &"(".repeat(500),
        format!("MULTIPOINT({})", vec!["1%202"; 200].join(",")),
    ] {
        for query in ["area", "position"] {
            let status = world.get(&format!("/collections/gauges/{query}?coords={coords}")).await.status;
            assert!((400..500).contains(&status), "{query} {coords}: {status}");
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_has_no_values_is_empty() {
    let world = World::new().await;
    for path in [
        "nowhere/locations",
        "nowhere/cube?bbox=0,0,1,1",
        "secret/locations",
        "secret/locations/hidden-1",
        "gauges/locations/nobody",
        "gauges/locations/garonne-1,nobody",
    ] {
        assert_eq!(world.get(&format!("/collections/{path}")).await.status, 404, "{path}");
    }
    for query in [
        "locations/garonne-1",
        "locations/garonne-1,nile-1",
        "position?coords=POINT(-0.5%2044.8)",
        "area?coords=POLYGON((-1%2044,-1%2045,0%2045,0%2044,-1%2044))",
        "cube?bbox=-1,44,0,45&f=CSV",
    ] {
        let answer = world.get(&format!("/collections/gauges/{query}")).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{query}: {}", answer.text());
    }
    let locations = world.ok("/collections/gauges/locations").await;
    assert_eq!(locations.header("content-type"), "application/geo+json");
    let json = locations.json();
    assert_eq!((&json["numberMatched"], &json["features"], &json["parameters"]), (&json!(0), &json!([]), &json!([])));
    assert_eq!(locations.link("self").unwrap()["href"], format!("{BASE}/collections/gauges/locations"));
}

#[tokio::test]
async fn every_collection_says_how_it_is_queried() {
    let world = World::new().await;
    for collection in world.ok("/collections").await.json()["collections"].as_array().unwrap() {
        assert_eq!(collection["data_queries"]["items"]["link"]["rel"], "data");
        assert!(collection["crs"].as_array().unwrap().contains(&json!("CRS84")));
        assert!(collection["parameter_names"].is_object() && collection["extent"]["spatial"]["crs"].is_string());
    }
    let conformance = world.ok("/conformance").await.json();
    let edr = "http://www.opengis.net/spec/ogcapi-edr-1/1.2/conf/core";
    assert!(conformance["conformsTo"].as_array().unwrap().contains(&json!(edr)));
    let api = world.ok("/api").await.json();
    for query in ["locations", "locations/{locationId}", "position", "radius", "area", "cube"] {
        assert!(api["paths"][format!("/collections/{{collectionId}}/{query}")]["get"].is_object(), "{query}");
    }
}

#[tokio::test]
async fn a_collection_with_observations_names_its_queries_and_parameters() {
    let world = world().await;
    let answer = world.ok("/collections/levels").await;
    let json = answer.json();
    for query in ["locations", "position", "radius", "area", "cube", "items"] {
        let link = &json["data_queries"][query]["link"];
        assert_eq!(link["href"], format!("{BASE}/collections/levels/{query}"));
        assert_eq!(link["variables"]["query_type"], query);
    }
    assert_eq!(json["parameter_names"]["wse"]["unit"]["symbol"]["value"], "m");
    assert_eq!(json["parameter_names"]["wse"]["nilometer:datum"], "EGM2008");
    assert!(answer.link("data").is_some());
    let french = world.ok("/collections/levels?lang=fr").await.json();
    assert_eq!(french["parameter_names"]["wse"]["label"], "Water surface elevation");
}

#[tokio::test]
async fn locations_are_the_features_with_observations_page_by_page() {
    let world = world().await;
    let mut path = Some("/collections/levels/locations?sortby=id&limit=2".to_owned());
    let mut ids = Vec::new();
    while let Some(next) = path {
        let page = world.ok(&next).await;
        assert_eq!(page.json()["numberMatched"], 5);
        ids.extend(page.ids());
        path = page.link("next").map(|l| l["href"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids, ["down", "fiji", "lake", "rotuma", "up"]);
    let near = world.ok("/collections/levels/locations?bbox=-1,43,1,45&q=level").await.json();
    assert_eq!(near["numberMatched"], 2);
    let up = world.ok("/collections/levels/locations?ids=up").await.json();
    let properties = &up["features"][0]["properties"];
    assert_eq!(properties["datetime"], "2024-01-01T06:00:00Z/2024-01-03T06:00:00Z");
    assert_eq!(
        (&properties["label"], &properties["edrqueryendpoint"]),
        (&json!("Level up"), &json!(format!("{BASE}/collections/levels/locations/up")))
    );
    assert!(properties["parameter-name"].as_array().unwrap().contains(&json!("wse")));
    let late = world.ok("/collections/levels/locations?datetime=2024-01-03/..").await;
    assert_eq!(late.ids(), ["up"]);
}

#[tokio::test]
async fn a_series_is_the_same_in_every_format() {
    let world = world().await;
    let csv = world.ok("/collections/levels/locations/up?f=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(
        csv.text(),
        "feature_id,phenomenon_time,discriminator,version,wse,quality,note\n\
         up,2024-01-01T06:00:00Z,,v1,1,0,\n\
         up,2024-01-02T06:00:00Z,,v1,2,0,\n\
         up,2024-01-03T06:00:00Z,,v1,3.5,1,\n"
    );
    let coverage = world.ok("/collections/levels/locations/up").await;
    assert_eq!(coverage.header("content-type"), "application/vnd.cov+json");
    let json = coverage.json();
    assert_eq!((&json["type"], &json["domain"]["domainType"]), (&json!("Coverage"), &json!("PointSeries")));
    assert_eq!(json["ranges"]["wse"]["values"], json!([1.0, 2.0, 3.5]));
    assert_eq!(json["nilometer:feature"], json!({"collection": "levels", "id": "up", "title": "Level up"}));
    let geojson = world.ok("/collections/levels/locations/up?f=geojson").await.json();
    let values: Vec<&Value> = geojson["features"].as_array().unwrap().iter().map(|f| &f["properties"]["wse"]).collect();
    assert_eq!(values, [&json!(1.0), &json!(2.0), &json!(3.5)]);
    let parquet =
        world.get_with("/collections/levels/locations/up", &[("accept", "application/vnd.apache.parquet")]).await;
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
    let arrow = world.ok("/collections/levels/locations/up?f=Arrow").await;
    let batches = arrow::ipc::reader::StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    assert_eq!(batches.map(|b| b.unwrap().num_rows()).sum::<usize>(), 3);
}

#[tokio::test]
async fn several_features_and_rows_of_one_time_are_a_collection_of_coverages() {
    let world = world().await;
    let json = world.ok("/collections/levels/locations/up,lake").await.json();
    assert_eq!(json["type"], "CoverageCollection");
    let found: Vec<_> = json["coverages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            (
                c["nilometer:feature"]["id"].as_str().unwrap(),
                c["nilometer:discriminator"].as_str(),
                c["domain"]["domainType"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [("lake", Some("east"), "PolygonSeries"), ("lake", Some("west"), "PolygonSeries"), ("up", None, "PointSeries")]
    );
}

#[tokio::test]
async fn a_position_is_answered_by_the_nearest_feature_with_its_distance() {
    let world = world().await;
    let json = world.ok("/collections/levels/position?coords=POINT(0.001%2044)").await.json();
    assert_eq!(json["nilometer:feature"]["id"], "up");
    let metres = json["nilometer:feature"]["distance_m"].as_f64().unwrap();
    assert!((metres - 80.0).abs() < 0.5, "{metres}");
    let far = "/collections/levels/position?coords=POINT(2%2044)";
    assert_eq!(world.get(far).await.status, 204);
    let wide = world.ok(&format!("{far}&within=200&within-units=km&f=csv")).await;
    assert_eq!(csv_ids(&wide), ["down"]);
    assert!(wide.text().starts_with("feature_id,phenomenon_time,discriminator,version,distance_m,"));
    let beyond =
        world.ok("/collections/levels/position?coords=POINT(-179.99%20-17)&within=20&within-units=km&f=csv").await;
    assert_eq!(csv_ids(&beyond), ["rotuma"]);
    let inside = world.ok("/collections/levels/position?coords=POINT(10.1%2050.1)").await.json();
    assert_eq!(inside["coverages"][0]["nilometer:feature"]["distance_m"], 0.0);
}

#[tokio::test]
async fn places_find_features_across_the_antimeridian_and_with_other_conditions() {
    let world = world().await;
    let ids = async |query: &str| csv_ids(&world.ok(&format!("/collections/levels/{query}&f=csv")).await);
    assert_eq!(ids("radius?coords=POINT(180%20-17)&within=10&within-units=km").await, ["fiji", "rotuma"]);
    assert_eq!(ids("cube?bbox=179,-18,-179,-16").await, ["fiji", "rotuma"]);
    assert_eq!(
        ids("area?coords=POLYGON((179%20-18,179%20-16,181%20-16,181%20-18,179%20-18))").await,
        ["fiji", "rotuma"]
    );
    assert_eq!(ids("cube?bbox=179,-18,-179,-16&ids=fiji,up").await, ["fiji"]);
    assert_eq!(ids("cube?bbox=-180,-90,180,90&filter=title='Level%20up'").await, ["up"]);
    assert_eq!(ids("cube?bbox=-180,-90,180,90&datetime=2024-01-02,2024-01-03").await, ["fiji", "up"]);
    assert_eq!(ids("cube?bbox=-180,-90,180,90&datetime=2024-01-03/..").await, ["up"]);
}

#[tokio::test]
async fn statistics_come_with_their_counts_in_every_format() {
    let world = world().await;
    let query = "/collections/levels/locations/up?resample=P1M&method=mean,max&parameter-name=wse";
    let csv = world.ok(&format!("{query}&f=csv")).await.text();
    let header = csv.lines().next().unwrap();
    for column in ["mean_wse_P1M", "max_wse_P1M", "count_wse_P1M"] {
        assert!(header.contains(column), "{header}");
    }
    assert!(!header.contains("discriminator") && csv.contains("up,2024-01-01T00:00:00Z,"), "{csv}");
    let json = world.ok(query).await.json();
    assert_eq!(json["ranges"]["max_wse_P1M"]["values"], json!([3.5]));
    assert_eq!(
        (&json["ranges"]["count_wse_P1M"]["values"], &json["ranges"]["count_wse_P1M"]["dataType"]),
        (&json!([3]), &json!("integer"))
    );
    let all = world.ok("/collections/levels/locations/up?resample=P1D&f=csv").await.text();
    assert!(
        all.starts_with("feature_id,phenomenon_time,mean_wse_P1D,count_wse_P1D\n") || all.contains("count_wse_P1D"),
        "{all}"
    );
}

#[tokio::test]
async fn an_unchanged_series_is_not_sent_again_and_a_scoped_one_is_private() {
    let world = world().await;
    let path = "/collections/levels/locations/up?f=csv";
    let first = world.ok(path).await;
    assert_eq!(first.header("cache-control"), "no-cache");
    let again = world.get_with(path, &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = world.get_with(&path.replace("csv", "arrow"), &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(other.status, 200);
    let operator = world.get_as_operator(path).await;
    assert_eq!((operator.status, operator.header("cache-control")), (200, "private, no-cache"));
    assert_ne!(operator.header("etag"), first.header("etag"));
}

#[tokio::test]
async fn the_page_of_a_feature_shows_its_latest_values() {
    let world = world().await;
    let page = world.page("/collections/levels/items/up").await.text();
    for text in ["3 observations", "Water surface elevation", "EGM2008", "value=\"3.5\"", "/locations/up?f=CSV"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!world.page("/collections/levels/items/dry").await.text().contains("latest-title"));
}
