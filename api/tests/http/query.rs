//! STAC's query extension, and pages asked for by their number.

use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::Item;
use serde_json::{Value, json};

use crate::world::{BASE, World};

fn granule(id: &str, times: [Option<&str>; 3], more: Value) -> Write {
    let mut properties = more;
    for (name, time) in ["datetime", "start_datetime", "end_datetime"].into_iter().zip(times) {
        if time.is_some() || name == "datetime" {
            properties[name] = json!(time);
        }
    }
    let item = json!({"type": "Feature", "id": id, "collection": "empty", "geometry": null, "properties": properties});
    Write::PutItem(Box::new(Item::from_value(&item, None).unwrap()), Precondition::None)
}

async fn granules() -> World {
    World::with(vec![
        granule(
            "a",
            [Some("2024-01-10T06:00:00Z"), None, None],
            json!({"cycle": 9, "version": "012", "latest": true, "name": "50%_of\\it", "instruments": ["KaRIn", "Poseidon"],
                   "created": "2024-02-01T00:00:00Z"}),
        ),
        granule(
            "b",
            [None, Some("2024-01-01T00:00:00Z"), Some("2024-03-31T00:00:00Z")],
            json!({"cycle": 10, "version": "011", "latest": false, "name": "R_DANUBE_KM2098", "instruments": ["KaRIn"],
                   "processing:software": {"crid": "PIA0"}, "created": "2024-04-01T12:00:00+02:00"}),
        ),
        granule(
            "c",
            [Some("2024-05-01T00:00:00Z"), None, None],
            json!({"cycle": 100.5, "version": "10", "name": "r_danube"}),
        ),
    ])
    .await
}

/// The query finds these items of the collection, by GET and POST, for all items and within the collection.
async fn finds(world: &World, query: Value, expected: &str) {
    let text = crate::world::encoded(&query.to_string());
    let post = json!({"collections": ["empty"], "query": query, "sortby": [{"field": "id"}]});
    for answer in [
        world.ask("/search", &post).await,
        world.get(&format!("/search?collections=empty&sortby=id&query={text}")).await,
        world.get(&format!("/collections/empty/items?sortby=id&query={text}")).await,
    ] {
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(answer.ids().concat(), expected, "{query}");
        assert_eq!(answer.json()["numberMatched"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn every_operator_finds_what_it_says() {
    let world = granules().await;
    for (query, expected) in [
        (json!({"cycle": {"eq": 10}}), "b"),
        (json!({"cycle": {"neq": 10}}), "ac"),
        (json!({"cycle": {"lt": 10}}), "a"),
        (json!({"cycle": {"lte": 10}}), "ab"),
        (json!({"cycle": {"gt": 10}}), "c"),
        (json!({"cycle": {"gte": 10, "lt": 100.5}}), "b"),
        (json!({"cycle": {"in": [9, 100.5, 7]}}), "ac"),
        (json!({"name": {"startsWith": "R_"}}), "b"),
        (json!({"name": {"endsWith": "KM2098"}}), "b"),
        (json!({"name": {"contains": "anube"}}), "c"),
        (json!({"name": {"contains": "%_o"}}), "a"),
        (json!({"name": {"endsWith": "\\it"}}), "a"),
        (json!({"instruments": {"containsAll": ["Ka", "Pos"]}}), "a"),
        (json!({"instruments": {"eq": "KaRIn"}}), "ab"),
        (json!({"processing:software.crid": {"eq": "PIA0"}}), "b"),
        (json!({"properties.cycle": {"eq": 9}, "version": {"eq": "012"}}), "a"),
        (json!({"id": {"in": ["a", "c"]}}), "ac"),
        (json!({"cycle": {}}), "abc"),
        (json!({}), "abc"),
    ] {
        finds(&world, query, expected).await;
    }
}

#[tokio::test]
async fn texts_are_compared_as_what_the_property_holds() {
    let world = granules().await;
    for (query, expected) in [
        (json!({"cycle": {"eq": "10"}}), "b"),
        (json!({"cycle": {"neq": "10"}}), "ac"),
        (json!({"cycle": {"gt": "9.5"}}), "bc"),
        (json!({"cycle": {"lte": "1e1"}}), "ab"),
        (json!({"cycle": {"in": ["9", "100.5"]}}), "ac"),
        (json!({"version": {"eq": "10"}}), "c"),
        (json!({"version": {"eq": "012"}}), "a"),
        (json!({"version": {"neq": "012"}}), "bc"),
        (json!({"version": {"eq": "12"}}), ""),
        (json!({"latest": {"eq": "True"}}), "a"),
        (json!({"latest": {"eq": "false"}}), "b"),
        (json!({"latest": {"eq": true}}), "a"),
    ] {
        finds(&world, query, expected).await;
    }
}

#[tokio::test]
async fn times_are_instants_and_an_item_with_a_datetime_alone_is_a_period_of_one() {
    let world = granules().await;
    for (query, expected) in [
        (
            json!({"end_datetime": {"gte": "2024-01-20T00:00:00.000Z"}, "start_datetime": {"lte": "2024-12-31T00:00:00.000Z"}}),
            "bc",
        ),
        (
            json!({"end_datetime": {"gte": "1990-01-01T00:00:00.000Z"}, "start_datetime": {"lte": "2024-01-10T07:00:00+01:00"}}),
            "ab",
        ),
        (json!({"start_datetime": {"eq": "2024-01-10T06:00:00Z"}}), "a"),
        (json!({"start_datetime": {"eq": "2024-01-10"}}), "a"),
        (json!({"start_datetime": {"in": ["2024-01-10", "2024-05-01T00:00:00Z"]}}), "ac"),
        (json!({"datetime": {"gt": "2024-01-10"}}), "c"),
        (json!({"datetime": {"neq": "2024-05-01T00:00:00Z"}}), "a"),
        (json!({"created": {"lt": "2024-04-01T11:00:00Z"}}), "ab"),
        (json!({"created": {"gte": "2024-04-01T10:00:00Z"}}), "b"),
        (json!({"updated": {"gte": "2024-04-01T10:00:00Z"}}), ""),
    ] {
        finds(&world, query, expected).await;
    }
}

#[tokio::test]
async fn a_query_narrows_whatever_else_is_asked_and_unknown_properties_match_nothing() {
    let world = granules().await;
    finds(&world, json!({"no:such": {"eq": 1}}), "").await;
    finds(&world, json!({"no:such": {"neq": "x"}}), "").await;
    let body = json!({"collections": ["empty", "gauges"], "ids": ["a", "b", "c"], "datetime": "2024-01-01T00:00:00Z/..",
        "filter": {"op": "<", "args": [{"property": "cycle"}, 100]}, "query": {"version": {"neq": "011"}}});
    let answer = world.ask("/search", &body).await;
    assert_eq!((answer.status, answer.ids().concat()), (200, "a".to_owned()), "{}", answer.text());
    let warned = world.ask("/search", &json!({"query": {"cycl": {"eq": 1}}})).await;
    assert_eq!(warned.link("related").unwrap()["nearest"], "cycle");
    let strict = world.ask("/search", &json!({"strict": true, "query": {"cycl": {"eq": 1}}})).await;
    assert_eq!((strict.status, strict.code()), (400, "unknown-property".to_owned()));
    let text = crate::world::encoded(r#"{"cycle":{"gt":9}}"#);
    let counted = world.ok(&format!("/collections/empty/aggregate?aggregations=total_count&query={text}")).await;
    assert_eq!(counted.json()["aggregations"][0]["value"], 2);
    let page = world.page(&format!("/collections/empty/items?query={text}&filter=cycle%20%3C%20100")).await;
    assert_eq!(page.status, 303, "{}", page.text());
    let clean = page.header("location").to_owned();
    assert!(!clean.contains("query="), "{clean}");
    assert!(world.page(clean.strip_prefix("/portal").unwrap()).await.text().contains("R_DANUBE_KM2098"));
}

#[tokio::test]
async fn what_is_no_query_is_refused_with_what_is_allowed() {
    let world = granules().await;
    for query in [
        json!([]),
        json!("cycle"),
        json!({"cycle": 10}),
        json!({"cycle": {"equals": 10}}),
        json!({"name": {"matchType": "KEYWORD"}}),
        json!({"cycle": {"eq": null}}),
        json!({"cycle": {"in": []}}),
        json!({"cycle": {"in": "9,10"}}),
        json!({"name": {"startsWith": 1}}),
        json!({"name": {"containsAll": [[]]}}),
        json!({"geometry": {"eq": "POINT(0 0)"}}),
        json!({"datetime": {"gte": "yesterday"}}),
        json!({"datetime": {"startsWith": "2024"}}),
        json!({"name": {"contains": "x".repeat(1_000)}}),
    ] {
        let answer = world.ask("/search", &json!({ "query": query })).await;
        assert_eq!(
            (answer.status, answer.json()["parameter"].as_str()),
            (400, Some("query")),
            "{query}: {}",
            answer.text()
        );
    }
    let many: serde_json::Map<String, Value> = (0..2_000).map(|i| (format!("p{i}"), json!({"eq": i}))).collect();
    assert_eq!(world.ask("/search", &json!({ "query": many })).await.status, 400);
    assert_eq!(world.get("/search?query=%7B").await.status, 400);
}

#[tokio::test]
async fn pages_by_number_hold_each_item_once_and_their_next_links_lead_on() {
    let world = granules().await;
    let sortby = json!([{"field": "properties.start_datetime", "direction": "asc"}]);
    let page = |page: Value| json!({"collections": ["gauges", "empty"], "sortby": sortby, "limit": 3, "page": page});
    let all = world.ask("/search", &json!({"collections": ["gauges", "empty"], "sortby": sortby})).await.ids();
    let mut seen = Vec::new();
    for number in 1..=4 {
        let answer = world.ask("/search", &page(json!(number.to_string()))).await;
        assert_eq!(answer.ids(), world.ask("/search", &page(json!(number))).await.ids());
        let get =
            world.ok(&format!("/search?collections=gauges,empty&sortby=start_datetime&limit=3&page={number}")).await;
        assert_eq!((answer.ids(), answer.link("next").is_some()), (get.ids(), get.link("next").is_some()));
        assert_eq!(answer.json()["numberMatched"], 8);
        seen.extend(answer.ids());
        if let Some(next) = answer.link("next") {
            assert!(next["body"].get("page").is_none(), "{next}");
            let following = world.ask("/search", &next["body"]).await.ids();
            assert_eq!(following, all.iter().skip(number * 3).take(3).cloned().collect::<Vec<_>>());
            let by_get = world.ok(get.link("next").unwrap()["href"].as_str().unwrap()).await.ids();
            assert_eq!(by_get, following);
        }
    }
    assert_eq!(seen, all);
    for (bad, code) in
        [(json!(0), "invalid-parameter"), (json!("x"), "invalid-parameter"), (json!(1e9 as u64), "page-too-far")]
    {
        let answer = world.ask("/search", &page(bad.clone())).await;
        assert_eq!((answer.status, answer.code()), (400, code.to_owned()), "{bad}");
    }
    assert_eq!(world.get("/search?page=2&token=x").await.status, 400);
}

#[tokio::test]
async fn the_other_roots_answer_alike_with_links_below_themselves() {
    let world = granules().await;
    for root in ["/api/v1/rs-catalog/stac", "/api/catalog/stac"] {
        for path in [
            "",
            "/",
            "/conformance",
            "/api",
            "/collections",
            "/collections/gauges",
            "/collections/gauges/items?limit=2",
            "/collections/gauges/items/nile-1",
            "/collections/gauges/queryables",
            "/search?limit=2",
            "/aggregate?aggregations=total_count",
        ] {
            let own = if path.is_empty() { "/" } else { path };
            let expected = world.ok(own).await;
            let answer = world.ok(&format!("{root}{path}")).await;
            let text = answer.text().replace(&format!("{BASE}{root}"), BASE);
            assert_eq!(text, expected.text(), "{root}{path}");
            assert_ne!(answer.header("etag"), expected.header("etag"), "{root}{path}");
        }
        let found =
            world.ask(&format!("{root}/search"), &json!({"collections": ["gauges"], "limit": 2, "page": "1"})).await;
        assert_eq!(found.link("next").unwrap()["href"], format!("{BASE}{root}/search"));
        assert_eq!(found.json()["features"][0]["links"][1]["href"], format!("{BASE}{root}/"));
        for header in ["X-API-Key", "X-Api-Key", "x-api-key"] {
            let refused = world.get_with(&format!("{root}/search"), &[(header, "wrong")]).await;
            assert_eq!(refused.status, 401, "{header}");
            assert_eq!(world.get_with(&format!("{root}/search"), &[(header, &world.reader)]).await.status, 200);
        }
        let problem = world.get(&format!("{root}/nowhere")).await;
        assert_eq!((problem.status, problem.header("content-type")), (404, "application/problem+json"));
    }
    assert_eq!(world.get("/api/catalog/stacks/search").await.status, 404);
}
