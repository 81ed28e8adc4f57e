//! Searching collections, and the children of the catalogue.

use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::Collection;
use serde_json::{Value, json};

use crate::world::{World, encoded};

fn collection(body: Value) -> Write {
    Write::PutCollection(Box::new(Collection::from_value(body).unwrap()), Precondition::None)
}

/// Beside the collections of all tests: `gauges` (in Europe, Africa and Fiji), `places/all` (in France), `empty` (anywhere).
async fn world() -> World {
    World::with(vec![
        collection(json!({"id": "nile", "title": "The Nile", "license": "CC0-1.0", "keywords": ["river", "Égypte"],
            "summaries": {"platform": ["swot", "s6a"], "gsd": {"minimum": 10, "maximum": 100}}, "made:year": 2021,
            "extent": {"spatial": {"bbox": [[25, -5, 40, 32], [29, 22, 34, 32], [25, -5, 40, 10]]},
                       "temporal": {"interval": [["2010-01-01T00:00:00Z", "2015-12-31T00:00:00Z"]]}}})),
        collection(json!({"id": "pacific", "title": "Atolls", "license": "CC0-1.0", "made:year": 2019,
            "summaries": {"platform": ["s6a"]},
            "extent": {"spatial": {"bbox": [[170, -30, -160, 10]]},
                       "temporal": {"interval": [["2018-01-01T00:00:00Z", null]]}}})),
    ])
    .await
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["collections"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn collections_are_found_by_place_period_words_and_conditions() {
    let world = world().await;
    for (question, expected) in [
        ("", &["empty", "gauges", "nile", "pacific", "places/all"][..]),
        ("bbox=30,24,31,25", &["empty", "gauges", "nile"]),
        // Between its parts, though within the box around them.
        ("bbox=36,15,37,16", &["empty", "gauges"]),
        ("bbox=-179,-10,-178,-9", &["empty", "pacific"]),
        ("bbox=170,-20,-170,-10", &["empty", "gauges", "pacific"]),
        ("datetime=2012-06-01T00:00:00Z", &["empty", "nile", "places/all"]),
        ("datetime=2030-01-01T00:00:00Z/..", &["empty", "pacific", "places/all"]),
        ("q=egypte", &["nile"]),
        ("q=atoll,discharge", &["gauges", "pacific"]),
        ("q=nile%20river", &["nile"]),
        ("q=nile%20atolls", &[]),
        ("filter=license='CC0-1.0'", &["nile", "pacific"]),
        ("filter=platform='swot'", &["nile"]),
        ("filter=summaries.gsd.minimum<20", &["nile"]),
        ("filter=NOT made:year=2019", &["nile"]),
        ("filter=made:year IS NULL AND title LIKE 'Ga%'", &["gauges"]),
        ("filter=S_INTERSECTS(geometry,POINT(31 30)) AND license='CC0-1.0'", &["nile"]),
        ("filter=S_WITHIN(geometry,BBOX(20,-10,45,40)) OR id='empty'", &["empty", "nile"]),
        ("filter=T_AFTER(datetime,TIMESTAMP('2016-01-01T00:00:00Z')) AND made:year>0", &["pacific"]),
        ("filter=start_datetime<TIMESTAMP('2011-01-01T00:00:00Z') AND id<>'places/all'", &["nile"]),
        ("filter=A_CONTAINS(platform,('s6a','swot'))", &["nile"]),
        ("filter=none='such'", &[]),
        ("query={\"made:year\":{\"gte\":\"2020\"}}", &["nile"]),
        ("bbox=30,24,31,25&datetime=2012-06-01T00:00:00Z&filter=license='CC0-1.0'&q=nile", &["nile"]),
        ("sortby=-made:year", &["nile", "pacific", "empty", "gauges", "places/all"]),
        ("sortby=license,-id", &["gauges", "pacific", "nile", "places/all", "empty"]),
        ("sortby=start_datetime&filter=made:year>0", &["nile", "pacific"]),
    ] {
        let pairs: Vec<String> = question
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| format!("{name}={}", encoded(&value.replace("%20", " "))))
            .collect();
        let path = format!("/collections?{}", pairs.join("&"));
        let answer = world.ok(&path).await.json();
        assert_eq!(ids(&answer), expected, "{question}");
        assert_eq!(
            (&answer["numberMatched"], &answer["numberReturned"]),
            (&json!(expected.len()), &json!(expected.len()))
        );
        // Page by page the same, each once.
        let mut paged = Vec::new();
        let mut next = Some(format!("{path}&limit=1"));
        while let Some(path) = next {
            let page = world.ok(&path).await;
            assert_eq!(page.json()["numberMatched"], expected.len(), "{path}");
            paged.extend(ids(&page.json()).into_iter().map(str::to_owned));
            next = page.link("next").map(|l| l["href"].as_str().unwrap().to_owned());
        }
        assert_eq!(paged, expected, "{question}");
    }
}

#[tokio::test]
async fn a_search_for_collections_that_makes_no_sense_is_refused() {
    let world = world().await;
    for question in [
        "bbox=1,2,3",
        "datetime=yesterday",
        "filter=(",
        "sortby=nothing",
        "limit=0",
        "token=zz",
        "ids=nile",
        "sortby=-id&token=eyJhIjowfQ",
        "query=[]",
    ] {
        assert_eq!(world.get(&format!("/collections?{question}")).await.status, 400, "{question}");
    }
    let first = world.ok("/collections?limit=1&sortby=license").await;
    let token = first.link("next").unwrap()["href"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    assert_eq!(world.get(&format!("/collections?limit=1&token={token}")).await.status, 400);
}

#[tokio::test]
async fn hidden_collections_are_found_by_operators_alone() {
    let world = world().await;
    for question in ["q=survey", "filter=title%20LIKE%20'Unp%25'"] {
        let path = format!("/collections?{question}");
        assert_eq!(ids(&world.ok(&path).await.json()), [""; 0], "{question}");
        assert_eq!(ids(&world.get_as_operator(&path).await.json()), ["secret"], "{question}");
    }
}

#[tokio::test]
async fn the_children_are_what_the_child_links_lead_to() {
    let world = world().await;
    let landing = world.ok("/").await;
    let link = landing.link("children").unwrap();
    let children = world.ok(link["href"].as_str().unwrap()).await;
    assert_eq!(children.link("self").unwrap()["href"], link["href"]);
    let mut linked = Vec::new();
    for child in landing.json()["links"].as_array().unwrap().iter().filter(|l| l["rel"] == "child") {
        linked.push(world.ok(child["href"].as_str().unwrap()).await.json());
    }
    assert_eq!(children.json()["children"], Value::Array(linked));
}

#[tokio::test]
async fn every_item_is_reached_once_by_child_and_item_links_alone() {
    let more = (0..1_500).map(|i| {
        let item = crate::world::gauge(&format!("many-{i}"), 1.0, 2.0, "2024-01-01", "X");
        Write::PutItem(Box::new(nilometer_schemas::Item::from_value(&item, None).unwrap()), Precondition::None)
    });
    let world = World::with(more.collect()).await;
    let (mut to_visit, mut items, mut catalogs) = (vec!["/".to_owned()], Vec::new(), 0);
    while let Some(path) = to_visit.pop() {
        let catalog = world.ok(&path).await.json();
        catalogs += 1;
        for link in catalog["links"].as_array().unwrap() {
            let href = link["href"].as_str().unwrap().to_owned();
            match link["rel"].as_str().unwrap() {
                "child" => to_visit.push(href),
                "item" => items.push(href),
                _ => {}
            }
        }
    }
    // The landing page, three collections with a catalogue each, and one of them with a second one.
    assert_eq!(catalogs, 1 + 3 + 3 + 1);
    let distinct: std::collections::BTreeSet<&String> = items.iter().collect();
    assert_eq!((items.len(), distinct.len()), (1_506, 1_506));
    for href in items.iter().step_by(250) {
        assert_eq!(world.ok(href).await.json()["type"], "Feature");
    }
    assert_eq!(world.get("/collections/secret/catalog").await.status, 404);
    for (path, page) in
        [("/children", "/portal/collections"), ("/collections/gauges/catalog", "/portal/collections/gauges/items")]
    {
        let answer = world.page(path).await;
        assert_eq!((answer.status, answer.header("location")), (303, page));
    }
}
