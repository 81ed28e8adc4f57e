//! STAC API and OGC API Features: what validators and clients look at.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{BASE, World};

#[tokio::test]
async fn the_landing_page_links_to_everything_and_conforms_as_conformance_says() {
    let world = World::new().await;
    let landing = world.ok("/").await;
    let json = landing.json();
    assert_eq!(landing.header("content-type"), "application/json");
    assert_eq!((&json["type"], &json["stac_version"]), (&json!("Catalog"), &json!("1.1.0")));
    assert_eq!(json["conformsTo"], world.ok("/conformance").await.json()["conformsTo"]);
    let links = json["links"].as_array().unwrap();
    let search: Vec<&Value> = links.iter().filter(|l| l["rel"] == "search").collect();
    assert_eq!(search.len(), 2);
    assert_eq!((&search[0]["href"], &search[0]["method"]), (&search[1]["href"], &json!("GET")));
    assert!(search.iter().all(|l| l["type"] == "application/geo+json"));
    for link in links.iter().filter(|l| l["method"] != "POST") {
        let (href, kind) = (link["href"].as_str().unwrap(), link["type"].as_str().unwrap());
        assert!(href.starts_with(BASE), "{href}");
        if href.ends_with("/aggregate") {
            continue; // without aggregations there is nothing to answer
        }
        let target = world.get_with(href, &[("accept", kind)]).await;
        assert_eq!(target.status, 200, "{href}: {}", target.text());
        assert!(target.header("content-type").starts_with(kind), "{href}: {}", target.header("content-type"));
    }
    let children: Vec<&str> =
        links.iter().filter(|l| l["rel"] == "child").map(|l| l["title"].as_str().unwrap()).collect();
    assert_eq!(children, ["empty", "Gauges", "Places"]);
}

#[tokio::test]
async fn self_links_equal_the_address_asked_and_the_family_links_are_there() {
    let world = World::new().await;
    for (path, rels) in [
        ("/collections", &["root"][..]),
        ("/collections?limit=2", &["root", "next"]),
        ("/collections/gauges", &["root", "parent", "items"]),
        ("/collections/places%2Fall", &["root", "parent", "items"]),
        ("/collections/gauges/items", &["root", "collection"]),
        ("/collections/gauges/items?limit=2&bbox=-10,40,10,50", &["root", "next"]),
        ("/collections/gauges/items/fiji%2F1", &["root", "parent", "collection"]),
        ("/search?q=garonne", &["root"]),
        ("/aggregate?aggregations=total_count", &["root"]),
    ] {
        let answer = world.ok(path).await;
        assert_eq!(answer.link("self").unwrap()["href"], format!("{BASE}{path}"), "{path}");
        for rel in rels {
            let href = answer.link(rel).unwrap_or_else(|| panic!("{path} lacks {rel}"))["href"].clone();
            world.ok(href.as_str().unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_collection_has_its_extent_from_the_data_and_its_texts_in_the_readers_language() {
    let world = World::new().await;
    let gauges = world.ok("/collections/gauges").await;
    let json = gauges.json();
    assert_eq!(json["title"], "Gauges");
    assert_eq!(json["extent"]["temporal"]["interval"], json!([["2020-01-10T06:30:00Z", "2023-01-01T06:30:00Z"]]));
    let bbox = json["extent"]["spatial"]["bbox"][0].as_array().unwrap().clone();
    assert_eq!((bbox.len(), &bbox[1], &bbox[3]), (4, &json!(-17.0), &json!(45.2)));
    for path in ["/collections/gauges?lang=fr", "/collections/gauges"] {
        let french = world.get_with(path, &[("accept-language", "fr-FR,en;q=0.5")]).await;
        assert_eq!(french.header("content-language"), "fr");
        let json = french.json();
        assert_eq!((&json["title"], &json["language"]["code"]), (&json!("Stations"), &json!("fr")));
    }
    let empty = world.ok("/collections/empty").await.json();
    assert_eq!(empty["extent"]["spatial"]["bbox"], json!([[-180.0, -90.0, 180.0, 90.0]]));
    assert_eq!(empty["extent"]["temporal"]["interval"], json!([[null, null]]));
}

#[tokio::test]
async fn collections_are_paged_by_id_and_found_by_words() {
    let world = World::new().await;
    let mut seen = Vec::new();
    let mut next = Some("/collections?limit=1".to_owned());
    while let Some(path) = next {
        let page = world.ok(&path).await;
        assert_eq!(page.json()["numberMatched"], 3);
        seen.push(page.json()["collections"][0]["id"].as_str().unwrap().to_owned());
        next = page.link("next").map(|l| l["href"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["empty", "gauges", "places/all"]);
    assert_eq!(world.ok("/collections?q=riviere").await.json()["collections"][0]["id"], "gauges");
    assert_eq!(world.get("/collections?limit=0").await.status, 400);
    assert_eq!(world.get("/collections?token=zz").await.status, 400);
}

/// A question by GET and by POST gives these ids, in any order, and this count.
async fn finds(world: &World, query: &str, body: Value, expected: &[&str]) {
    let get = world.ok(&format!("/search?{query}")).await;
    let post = world.ask("/search", &body).await;
    assert_eq!(post.status, 200, "{body}: {}", post.text());
    let expected: BTreeSet<String> = expected.iter().map(|id| (*id).to_owned()).collect();
    for answer in [get, post] {
        assert_eq!(answer.header("content-type"), "application/geo+json");
        assert_eq!(answer.ids().into_iter().collect::<BTreeSet<_>>(), expected, "{query}");
        let json = answer.json();
        assert_eq!((&json["numberMatched"], &json["numberReturned"]), (&json!(expected.len()), &json!(expected.len())));
    }
}

#[tokio::test]
async fn the_same_question_by_get_and_post_has_the_same_answer() {
    let world = World::new().await;
    finds(
        &world,
        "collections=gauges&q=garonne",
        json!({"collections": ["gauges"], "q": ["garonne"]}),
        &["garonne-1", "garonne-2"],
    )
    .await;
    finds(&world, "bbox=170,-30,-170,0", json!({"bbox": [170, -30, -170, 0]}), &["fiji/1"]).await;
    finds(
        &world,
        "ids=nile-1,garonne-1&bbox=30,20,40,40",
        json!({"ids": ["nile-1", "garonne-1"], "bbox": [30, 20, 40, 40]}),
        &["nile-1"],
    )
    .await;
    finds(
        &world,
        "datetime=2022-01-01T00:00:00Z/2022-06-30T00:00:00Z&collections=gauges",
        json!({"datetime": "2022-01-01T00:00:00Z/2022-06-30T00:00:00Z", "collections": ["gauges"]}),
        &["nile-1"],
    )
    .await;
    finds(
        &world,
        "filter=river%3D'Nile'",
        json!({"filter": {"op": "=", "args": [{"property": "river"}, "Nile"]}}),
        &["nile-1"],
    )
    .await;
    finds(
        &world,
        "intersectsRefs=places/all.aquitaine&collections=gauges",
        json!({"intersectsRefs": ["places/all.aquitaine"], "collections": ["gauges"]}),
        &["garonne-1", "l'isle <b>"],
    )
    .await;
    finds(
        &world,
        "filter=no_such_property%20=%201",
        json!({"filter": {"op": "=", "args": [{"property": "no_such_property"}, 1]}}),
        &[],
    )
    .await;
}

#[tokio::test]
async fn pages_of_one_item_visit_every_item_once_by_get_and_by_post() {
    let world = World::new().await;
    let all: BTreeSet<String> = world.ok("/search?limit=100").await.ids().into_iter().collect();
    for start in ["/search?limit=1", "/search?limit=1&sortby=%2Bproperties.river&fields=id"] {
        let mut seen = Vec::new();
        let mut next = Some(start.to_owned());
        while let Some(path) = next {
            let page = world.ok(&path).await;
            seen.extend(page.ids());
            assert_eq!(page.json()["numberMatched"], all.len());
            next = page.link("next").map(|l| l["href"].as_str().unwrap().to_owned());
            assert_ne!(next.as_deref(), Some(path.as_str()));
        }
        assert_eq!(seen.len(), all.len(), "{start}: {seen:?}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
    }
    let mut body = json!({"limit": 2, "sortby": [{"field": "id", "direction": "desc"}]});
    let mut seen = Vec::new();
    loop {
        let page = world.ask("/search", &body).await;
        seen.extend(page.ids());
        let Some(next) = page.link("next") else { break };
        assert_eq!(
            (&next["method"], &next["merge"], &next["href"]),
            (&json!("POST"), &json!(false), &json!(format!("{BASE}/search")))
        );
        body = next["body"].clone();
    }
    let mut sorted: Vec<String> = all.into_iter().collect();
    sorted.reverse();
    assert_eq!(seen, sorted);
}

#[tokio::test]
async fn what_validators_send_is_answered_or_refused_as_they_expect() {
    let world = World::new().await;
    for (query, status) in [
        ("datetime=1985-04-12T23:20:50.52Z", 200),
        ("datetime=../1985-04-12T23:20:50Z", 200),
        ("datetime=1985-04-12t23:20:50z", 200),
        ("datetime=/", 400),
        ("datetime=../..", 400),
        ("datetime=1985-04-12", 400),
        ("datetime=", 400),
        ("bbox=0,0,1,1", 200),
        ("bbox=0,0,-5,1,1,5", 200),
        ("bbox=[0,0,1,1]", 400),
        ("bbox=0,0,1", 400),
        ("bbox=0,5,1,1", 400),
        ("limit=1", 200),
        ("limit=10000", 200),
        ("limit=1000000", 200),
        ("limit=-1", 400),
        ("limit=a", 400),
        ("ids=garonne-1,nile-1", 200),
        ("sortby=-properties.datetime", 200),
        ("filter-lang=cql2-text&filter=eo:cloud_cover%20%3C=%2010", 200),
        ("filter=collection%20=%20'gauges'", 200),
        ("filter=datetime%20%3E%20TIMESTAMP('2021-04-08T04:39:23Z')", 200),
        ("filter=mission%20IS%20NULL", 200),
        ("filter=(", 400),
        ("token=nonsense", 400),
        ("no_such_parameter=1", 400),
        ("f=xml", 400),
    ] {
        let answer = world.get(&format!("/search?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
    }
    // The items of a collection are STAC's and OGC API's both: there STAC's dates are in force, and EDR's elsewhere.
    for (date, status) in [("2022-06-01", 400), ("2022-06-01T00:00:00Z", 200)] {
        let items = world.get(&format!("/collections/gauges/items?datetime={date}")).await;
        assert_eq!(items.status, status, "{date}: {}", items.text());
    }
    let square = json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]});
    for (body, status) in [
        (json!({"bbox": "0,0,1,1"}), 400),
        (json!({"bbox": [0, 0, 1, 1], "intersects": square}), 400),
        (json!({"intersects": square}), 200),
        (json!({"fields": {}}), 200),
        (json!({"fields": {"include": null, "exclude": []}}), 200),
        (json!({"fields": null}), 400),
        (json!({"limit": 1_000_000}), 200),
        (json!({"filter-lang": "cql2-json", "filter": {"op": "between", "args": [{"property": "p"}, [0, 50]]}}), 200),
        (json!([]), 400),
    ] {
        let answer = world.ask("/search", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
}

#[tokio::test]
async fn picked_fields_alone_are_answered() {
    let world = World::new().await;
    let feature =
        world.ok("/search?ids=nile-1&fields=-properties,%2Bproperties.river").await.json()["features"][0].clone();
    assert_eq!(feature["properties"], json!({"river": "Nile"}));
    let default = world.ask("/search", &json!({"ids": ["nile-1"], "fields": {}})).await.json()["features"][0].clone();
    for member in ["type", "stac_version", "id", "geometry", "bbox", "links", "assets"] {
        assert!(default.get(member).is_some(), "{member}");
    }
    assert!(default["properties"].get("river").is_none());
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_twice_and_a_write_changes_it() {
    let world = World::new().await;
    for path in [
        "/",
        "/collections",
        "/collections/gauges",
        "/collections/gauges/items/nile-1",
        "/search?q=nile",
        "/queryables",
    ] {
        let first = world.ok(path).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"'), "{path}: {etag}");
        let again = world.get_with(path, &[("if-none-match", &etag)]).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, etag.as_str()), "{path}");
        let page = world.page(path).await;
        assert_ne!(page.header("etag"), etag, "{path}");
        assert!(first.header("vary").contains("accept-language"), "{path}");
        assert_eq!(first.header("cache-control"), "no-cache");
        let other = world.get_as_operator(path).await;
        assert_ne!(other.header("etag"), etag, "{path}");
        assert!(other.header("cache-control").starts_with("private"), "{path}");
    }
    let before = world.ok("/search?q=nile").await.header("etag").to_owned();
    let item = crate::world::gauge("nile-2", 32.0, 25.0, "2024-01-01", "Nile");
    assert_eq!(world.json("POST", "/collections/gauges/items", &world.operator, &item).await.status, 201);
    assert_eq!(world.get_with("/search?q=nile", &[("if-none-match", &before)]).await.status, 200);
}

#[tokio::test]
async fn queryables_and_sortables_are_schemas_of_the_data_under_their_own_address() {
    let world = World::new().await;
    for path in ["/queryables", "/collections/gauges/queryables", "/sortables", "/collections/gauges/schema"] {
        let answer = world.get_with(path, &[("accept", "application/schema+json")]).await;
        assert_eq!(answer.header("content-type"), "application/schema+json", "{path}");
        let json = answer.json();
        assert_eq!((&json["$id"], &json["type"]), (&json!(format!("{BASE}{path}")), &json!("object")));
        assert_eq!(json["$schema"], "https://json-schema.org/draft/2019-09/schema");
    }
    let properties = world.ok("/collections/gauges/queryables").await.json()["properties"].clone();
    assert_eq!(properties["river"]["enum"], json!(["Garonne", "L'Isle", "Nile", "Rewa"]));
    assert_eq!(properties["width_m"]["maximum"], json!(1795.0));
    assert_eq!(properties["datetime"]["format"], "date-time");
    assert!(properties["ingested"].is_object() && properties["geometry"].is_object());
    assert_eq!(world.get("/collections/none/queryables").await.status, 404);
}

#[tokio::test]
async fn aggregations_count_what_the_question_finds() {
    let world = World::new().await;
    let by_get = world
        .ok("/aggregate?collections=gauges&aggregations=total_count,river_frequency,datetime_max&q=garonne")
        .await
        .json();
    let body = json!({"collections": ["gauges"], "aggregations": ["total_count", "river_frequency", "datetime_max"], "q": ["garonne"]});
    let by_post = world.ask("/aggregate", &body).await.json();
    assert_eq!(by_get["type"], "AggregationCollection");
    assert_eq!(by_get["aggregations"], by_post["aggregations"]);
    assert_eq!(
        by_get["aggregations"],
        json!([
            {"name": "total_count", "data_type": "integer", "value": 2},
            {"name": "river_frequency", "data_type": "frequency_distribution", "overflow": 0, "buckets_left": 0,
             "buckets": [{"key": "Garonne", "data_type": "string", "frequency": 2}]},
            {"name": "datetime_max", "data_type": "datetime", "value": "2021-03-10T06:30:00Z"},
        ])
    );
    let within = world.ok("/collections/gauges/aggregate?aggregations=total_count").await.json();
    assert_eq!(within["aggregations"][0]["value"], 5);
    let names = world.ok("/collections/gauges/aggregations").await.json();
    assert!(names["aggregations"].as_array().unwrap().iter().any(|a| a["name"] == "river_frequency"));
    assert_eq!(world.get("/aggregate?aggregations=nonsense").await.status, 400);
    assert_eq!(world.get("/collections/none/aggregate?aggregations=total_count").await.status, 404);
}

#[tokio::test]
async fn a_kept_question_has_one_id_and_is_answered_page_by_page() {
    let world = World::new().await;
    let body = json!({"q": ["garonne", "nile"], "collections": ["gauges"], "limit": 7});
    let kept = world.ask("/searches", &body).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let location = kept.header("location").to_owned();
    let again = world.ask("/searches", &json!({"collections": ["gauges"], "q": ["garonne", "nile"]})).await;
    assert_eq!(again.header("location"), location);
    let question = world.ok(&location).await.json()["search"].clone();
    assert_eq!((question["collections"].clone(), question.get("limit")), (json!(["gauges"]), None));
    let first = world.ok(&format!("{location}/items?limit=2")).await;
    assert_eq!((first.ids().len(), &first.json()["numberMatched"]), (2, &json!(3)));
    let second = world.ok(first.link("next").unwrap()["href"].as_str().unwrap()).await;
    assert_eq!((second.ids().len(), second.link("next")), (1, None));
    assert_eq!(world.get("/searches/0123").await.status, 404);
    assert_eq!(world.ask("/searches", &json!({"bbox": [1]})).await.status, 400);
}

#[tokio::test]
async fn the_change_feed_follows_writes_and_deletes_and_the_copy_holds_everything_visible() {
    let world = World::new().await;
    let feed = world.ok("/changes").await.json();
    let until = feed["until"].as_u64().unwrap();
    assert_eq!(feed["changes"].as_array().unwrap().len(), 3 + 6);
    assert_eq!(feed["more"], false);
    world.json("DELETE", "/collections/gauges/items/nile-1", &world.operator, &Value::Null).await;
    let later = world.ok(&format!("/changes?since={until}")).await.json();
    let change = &later["changes"][0];
    assert_eq!(
        (&change["operation"], &change["kind"], &change["id"]),
        (&json!("delete"), &json!("item"), &json!("nile-1"))
    );
    let small = world.ok("/changes?limit=2").await;
    assert_eq!(small.json()["more"], true);
    let next = small.link("next").unwrap()["href"].as_str().unwrap().to_owned();
    assert!(
        world.ok(&next).await.json()["changes"][0]["sequence"].as_u64()
            > small.json()["changes"][1]["sequence"].as_u64()
    );

    let copy = world.ok("/changes/snapshot").await;
    assert_eq!(copy.header("nilometer-sequence"), later["until"].to_string());
    let lines: Vec<Value> = copy.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let types: Vec<&str> = lines.iter().map(|l| l["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["Collection", "Collection", "Collection", "Feature", "Feature", "Feature", "Feature", "Feature"]
    );
    assert_eq!(world.get("/changes?since=x").await.status, 400);
}

#[tokio::test]
async fn the_openapi_document_has_its_media_type_and_a_path_for_each_public_collection() {
    let world = World::new().await;
    let answer = world.get_with("/api", &[("accept", "application/vnd.oai.openapi+json;version=3.1")]).await;
    assert_eq!(answer.header("content-type"), "application/vnd.oai.openapi+json;version=3.1");
    let paths = answer.json()["paths"].clone();
    assert!(paths.get("/collections/places%2Fall/items").is_some() && paths.get("/collections/gauges").is_some());
    assert!(paths.get("/collections/secret").is_none());
    assert_eq!(answer.json()["servers"][0]["url"], BASE);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_in_json() {
    let world = World::new().await;
    for path in ["/collections/none", "/collections/none/items", "/collections/gauges/items/none", "/searches/none"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{path}");
    }
}
