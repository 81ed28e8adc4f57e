//! Queryables as parameters, of items and of collections, and members of collections by `fields`.

use std::collections::BTreeSet;

use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::{Collection, Item};
use serde_json::{Value, json};

use crate::world::{World, bearer, encoded, gauge};

async fn world() -> World {
    let mut items = Vec::new();
    for (id, more) in [
        (
            "a",
            json!({"platform": "SWOT", "cycle": 9, "latest": true, "limit": "small", "instruments": ["KaRIn", "Poseidon"]}),
        ),
        ("b", json!({"platform": "S6A", "cycle": 10, "latest": false, "version": "012", "instruments": ["Poseidon"]})),
        ("c", json!({"platform": "SWOT", "cycle": 10.5, "place": "Toulouse", "nested": {"crid": "PIA0"}})),
    ] {
        let mut item = gauge(id, 0.0, 0.0, "2024-01-01", "Ob");
        item["collection"] = json!("empty");
        for (name, value) in more.as_object().unwrap() {
            item["properties"][name] = value.clone();
        }
        items.push(Write::PutItem(Box::new(Item::from_value(&item, None).unwrap()), Precondition::None));
    }
    World::with(items).await
}

#[tokio::test]
async fn every_queryable_with_simple_values_is_a_parameter_that_finds_its_value() {
    let world = world().await;
    for (question, expected) in [
        ("platform=SWOT", "ac"),
        ("platform=swot", ""),
        ("cycle=10", "b"),
        ("cycle=10.5", "c"),
        ("latest=true", "a"),
        ("version=012", "b"),
        ("platform=SWOT&cycle=9", "a"),
        ("platform=SWOT&filter=cycle>9", "c"),
        ("platform=SWOT&query={\"cycle\":{\"lt\":10}}", "a"),
        ("instruments=Poseidon", "ab"),
        ("place=Toulouse", "c"),
        ("nested.crid=PIA0", "c"),
        ("id=b", "b"),
        ("collection=empty", "abc"),
        ("river=Ob", "abc"),
        ("platform=", ""),
    ] {
        let pairs: Vec<String> = question
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let answer = world.get(&format!("/collections/empty/items?sortby=id&{}", pairs.join("&"))).await;
        assert_eq!(answer.status, 200, "{question}: {}", answer.text());
        assert_eq!(answer.ids().concat(), expected, "{question}");
        let export = world.ok(&format!("/collections/empty/export?sortby=id&{}", pairs.join("&"))).await;
        assert_eq!(export.ids().concat(), expected, "{question}");
    }
}

#[tokio::test]
async fn every_queryable_of_the_document_is_taken_as_a_parameter() {
    let world = world().await;
    let queryables = world.ok("/collections/empty/queryables").await.json();
    let mut tried = 0;
    for (name, schema) in queryables["properties"].as_object().unwrap() {
        if schema["format"] == "geometry-any" {
            continue;
        }
        let value = match schema["type"].as_str() {
            Some("integer" | "number") => "10",
            Some("boolean") => "true",
            _ if schema["format"] == "date-time" => "2024-01-01T06:30:00Z",
            _ => "x",
        };
        let own = nilometer_query::parse::is_parameter(name) && name != "datetime";
        let answer = world.get(&format!("/collections/empty/items?{}={}", encoded(name), encoded(value))).await;
        assert!(own || answer.status == 200, "{name}: {}", answer.text());
        tried += 1;
    }
    assert!(tried > 10);
}

#[tokio::test]
async fn what_is_no_queryable_is_refused_and_pages_go_on() {
    let world = world().await;
    for (question, code) in [
        ("colour=red", "unknown-parameter"),
        ("geometry=x", "unknown-parameter"),
        ("platform=SWOT&colour=red", "unknown-parameter"),
        ("platform=SWOT&platform=S6A", "repeated-parameter"),
        ("platform=SWOT&query=%7B%22platform%22%3A%7B%22eq%22%3A%22S6A%22%7D%7D", "repeated-parameter"),
        ("platform=SWOT&query=%5B%5D", "unknown-parameter"),
        ("limit=small", "invalid-parameter"),
    ] {
        let answer = world.get(&format!("/collections/empty/items?{question}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{question}");
    }
    // A property of another collection is none of this one.
    assert_eq!(world.get("/collections/gauges/items?platform=SWOT").await.code(), "unknown-parameter");
    let first = world.ok("/collections/empty/items?platform=SWOT&sortby=id&limit=1").await;
    assert_eq!((first.ids().concat().as_str(), &first.json()["numberMatched"]), ("a", &json!(2)));
    let second = world.ok(first.link("next").unwrap()["href"].as_str().unwrap()).await;
    assert_eq!((second.ids().concat().as_str(), second.link("next")), ("c", None));
    let page = world.page("/collections/empty/items?platform=SWOT").await;
    let (status, location) = (page.status, page.header("location").to_owned());
    let shown = if status == 303 { world.page(location.trim_start_matches("/portal")).await } else { page };
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert!(shown.text().contains("2 items"), "{}", shown.text());
}

#[tokio::test]
async fn queryables_are_those_of_the_data_at_every_moment() {
    let world = world().await;
    let names = async || -> BTreeSet<String> {
        let queryables = world.ok("/collections/empty/queryables").await.json();
        queryables["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let before = names().await;
    assert!(before.contains("version") && !before.contains("mission"));
    let mut item = gauge("d", 0.0, 0.0, "2024-01-01", "Ob");
    item["collection"] = json!("empty");
    item["properties"]["mission"] = json!("altimetry");
    let key = bearer(&world.operator);
    let headers = [("authorization", key.as_str()), ("content-type", "application/geo+json")];
    assert_eq!(world.body("POST", "/collections/empty/items", &headers, item.to_string()).await.status, 201);
    assert_eq!(world.ok("/collections/empty/items?mission=altimetry").await.ids(), ["d"]);
    for id in ["b", "d"] {
        let path = format!("/collections/empty/items/{id}");
        assert_eq!(world.json("DELETE", &path, &world.operator, &Value::Null).await.status, 204);
    }
    let after = names().await;
    assert!(!after.contains("version") && !after.contains("mission"), "{after:?}");
    assert_eq!(world.get("/collections/empty/items?mission=altimetry").await.status, 400);
}

#[tokio::test]
async fn what_collections_can_be_searched_by_is_told_from_the_data() {
    let swot = json!({"id": "swot", "title": "SWOT", "license": "CC0-1.0", "keywords": ["lake"], "made:year": 2023, "open": true,
        "summaries": {"platform": ["swot"], "gsd": {"minimum": 10, "maximum": 100.5}}});
    let world =
        World::with(vec![Write::PutCollection(Box::new(Collection::from_value(swot).unwrap()), Precondition::None)])
            .await;
    let link = world.ok("/collections").await.link("http://www.opengis.net/def/rel/ogc/1.0/queryables").unwrap();
    assert_eq!(link["type"], "application/schema+json");
    let answer = world.ok(link["href"].as_str().unwrap()).await;
    assert_eq!(answer.header("content-type"), "application/schema+json");
    let document = answer.json();
    assert_eq!(document["$id"], link["href"]);
    let properties = &document["properties"];
    assert_eq!(
        properties["made:year"],
        json!({"title": "made:year", "type": "integer", "minimum": 2023.0, "maximum": 2023.0})
    );
    assert_eq!(properties["open"]["type"], "boolean");
    assert_eq!(
        (&properties["platform"], &properties["summaries.platform"]["enum"]),
        (&json!({"title": "platform", "type": "string", "enum": ["swot"]}), &json!(["swot"]))
    );
    assert_eq!(properties["gsd.maximum"]["type"], "number");
    assert_eq!(properties["geometry"]["format"], "geometry-any");
    assert!(properties.get("links").is_none() && properties.get("extent.spatial.bbox").is_none());
    // Whatever it names can be asked for.
    for (name, schema) in properties.as_object().unwrap().iter().filter(|(_, schema)| schema.get("enum").is_some()) {
        let value = schema["enum"][0].as_str().unwrap().replace('\'', "''");
        let filter = encoded(&format!("\"{name}\" = '{value}'"));
        assert!(
            world.ok(&format!("/collections?filter={filter}")).await.json()["numberMatched"].as_u64() > Some(0),
            "{name}"
        );
    }
    assert!(!answer.text().contains("Unpublished"));
    assert!(world.get_as_operator("/collections-queryables").await.text().contains("Unpublished"));
    assert_eq!(world.page("/collections-queryables").await.status, 200);
    assert_eq!(world.get("/collections-queryables?x=1").await.status, 400);
}

#[tokio::test]
async fn fields_choose_the_members_of_collections() {
    let world = world().await;
    let members = async |fields: &str| -> Vec<String> {
        let answer = world.ok(&format!("/collections?filter=id='gauges'&fields={fields}")).await.json();
        let mut names: Vec<String> = answer["collections"][0].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(members("title").await, ["id", "stac_version", "title", "type"]);
    assert_eq!(members("title,-stac_version").await, ["id", "title", "type"]);
    assert_eq!(members("").await, ["description", "extent", "id", "license", "links", "stac_version", "title", "type"]);
    let all = members("-links,-extent.temporal").await;
    assert!(!all.contains(&"links".to_owned()) && all.contains(&"keywords".to_owned()));
    let nested = world.ok("/collections?filter=id='gauges'&fields=extent.spatial").await.json();
    let extent = &nested["collections"][0]["extent"];
    assert!(extent.get("spatial").is_some() && extent.get("temporal").is_none());
    // Pages go on though the key they are sorted by is not answered.
    let first = world.ok("/collections?fields=id&sortby=-title&limit=1").await;
    let second = world.ok(first.link("next").unwrap()["href"].as_str().unwrap()).await;
    assert_ne!(first.json()["collections"][0]["id"], second.json()["collections"][0]["id"]);
    assert!(second.json()["collections"][0].get("title").is_none());
    assert_eq!(world.page("/collections?fields=id").await.status, 200);
}
