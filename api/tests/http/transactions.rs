//! Writing over HTTP.

use serde_json::{Value, json};

use crate::world::{World, bearer, gauge};

const ITEMS: &str = "/collections/gauges/items";

#[tokio::test]
async fn an_item_is_created_replaced_patched_and_deleted_as_the_validators_do_it() {
    let world = World::new().await;
    let key = world.operator.clone();
    let path = format!("{ITEMS}/new%2F1");
    let mut item = json!({
        "type": "Feature", "stac_version": "1.0.0", "id": "new/1",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.0.0/schema.json"],
        "geometry": {"type": "Point", "coordinates": [1, 2]}, "bbox": [1, 2, 1, 2],
        "properties": {"datetime": "2024-01-01T00:00:00Z", "eo:cloud_cover": 1.50, "other": "kept"},
        "assets": {},
    });
    assert_eq!(world.json("DELETE", &path, &key, &Value::Null).await.status, 204);
    let created = world.json("POST", ITEMS, &key, &item).await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert!(created.header("location").ends_with("/collections/gauges/items/new%2F1"));
    assert_eq!(created.json()["stac_version"], "1.0.0");
    assert_eq!(world.json("POST", ITEMS, &key, &item).await.status, 409);

    item["properties"]["eo:cloud_cover"] = json!("3.14");
    let replaced = world.json("PUT", &path, &key, &item).await;
    assert_eq!((replaced.status, replaced.header("content-type"), replaced.body.len()), (204, "", 0));
    assert_eq!(world.ok(&path).await.json()["properties"]["eo:cloud_cover"], "3.14");

    let patched = world.json("PATCH", &path, &key, &json!({"properties": {"eo:cloud_cover": "12.4", "more": 1}})).await;
    assert_eq!((patched.status, patched.header("content-type")), (204, ""));
    let properties = world.ok(&path).await.json()["properties"].clone();
    assert_eq!(
        (&properties["eo:cloud_cover"], &properties["other"], &properties["more"]),
        (&json!("12.4"), &json!("kept"), &json!(1))
    );

    assert_eq!(world.json("DELETE", &path, &key, &Value::Null).await.status, 204);
    assert_eq!(world.get(&path).await.status, 404);
    assert_eq!(world.json("PATCH", &path, &key, &json!({"properties": {}})).await.status, 404);
    assert_eq!(world.json("PUT", &path, &key, &item).await.status, 201);
}

#[tokio::test]
async fn writing_needs_an_operators_key() {
    let world = World::new().await;
    let item = gauge("x", 0.0, 0.0, "2024-01-01", "X");
    let path = format!("{ITEMS}/garonne-1");
    for (key, status) in [("", 401), (world.reader.as_str(), 403), ("nlm_wrong", 401)] {
        for (method, path, body) in [
            ("POST", ITEMS, item.clone()),
            ("PUT", path.as_str(), item.clone()),
            ("PATCH", path.as_str(), json!({})),
            ("DELETE", path.as_str(), json!({})),
            ("POST", "/collections", json!({"id": "c"})),
            ("PUT", "/collections/gauges", json!({"id": "gauges"})),
            ("PATCH", "/collections/gauges", json!({})),
            ("DELETE", "/collections/gauges", json!({})),
        ] {
            let answer = world.json(method, path, key, &body).await;
            assert_eq!(answer.status, status, "{method} {path} with {key:?}: {}", answer.text());
        }
    }
    assert_eq!(world.ok("/search?limit=1").await.json()["numberMatched"], 6);
}

#[tokio::test]
async fn a_stale_version_is_not_overwritten() {
    let world = World::new().await;
    let path = format!("{ITEMS}/garonne-1");
    let etag = world.ok(&path).await.header("etag").to_owned();
    let put = async |tag: &str, river: &str| {
        let authorization = bearer(&world.operator);
        let headers = [("authorization", authorization.as_str()), ("if-match", tag)];
        let body = gauge("garonne-1", -0.5, 44.8, "2020-01-10", river).to_string();
        world.body("PUT", &path, &headers, body).await.status
    };
    assert_eq!(put(&etag, "Garumna").await, 204);
    assert_eq!(put(&etag, "Garona").await, 412);
    assert_eq!(world.ok(&path).await.json()["properties"]["river"], "Garumna");
    // The tag of another scope names the same version.
    let etag = world.get_as_operator(&path).await.header("etag").to_owned();
    assert_eq!(put(&etag, "Garona").await, 204);
    let absent = [("authorization", &*bearer(&world.operator)), ("if-none-match", "*")];
    let body = gauge("garonne-1", 0.0, 0.0, "2020-01-10", "X").to_string();
    assert_eq!(world.body("PUT", &path, &absent, body).await.status, 412);
}

#[tokio::test]
async fn items_that_contradict_their_address_or_themselves_are_refused_with_a_pointer() {
    let world = World::new().await;
    let key = world.operator.clone();
    let mut item = gauge("x", 0.0, 0.0, "2024-01-01", "X");
    let check = async |method: &str, path: &str, item: &Value, status: u16, parameter: &str| {
        let answer = world.json(method, path, &key, item).await;
        assert_eq!((answer.status, &answer.json()["parameter"]), (status, &json!(parameter)), "{}", answer.text());
    };
    check("PUT", &format!("{ITEMS}/y"), &item, 409, "/id").await;
    check("POST", "/collections/places%2Fall/items", &item, 409, "/collection").await;
    check("PATCH", &format!("{ITEMS}/garonne-1"), &json!({"id": "z"}), 409, "/id").await;
    item["geometry"]["coordinates"] = json!([0, 99]);
    check("POST", ITEMS, &item, 400, "/geometry").await;
    let many = json!({"type": "FeatureCollection", "features": [gauge("ok", 0.0, 0.0, "2024-01-01", "X"), item]});
    check("POST", ITEMS, &many, 400, "/features/1/geometry").await;
    assert_eq!(world.get(&format!("{ITEMS}/ok")).await.status, 404);
    assert_eq!(world.json("POST", "/collections/none/items", &key, &item).await.status, 404);
    let text = [("authorization", &*bearer(&key)), ("content-type", "text/plain")];
    assert_eq!(world.body("POST", ITEMS, &text, "{}".into()).await.status, 415);
}

#[tokio::test]
async fn a_feature_collection_is_created_whole_or_not_at_all() {
    let world = World::new().await;
    let key = world.operator.clone();
    let features = |ids: &[&str]| {
        let features: Vec<Value> = ids.iter().map(|id| gauge(id, 1.0, 1.0, "2024-01-01", "X")).collect();
        json!({"type": "FeatureCollection", "features": features})
    };
    let created = world.json("POST", ITEMS, &key, &features(&["a", "b"])).await;
    assert_eq!((created.status, &created.json()["created"]), (201, &json!(2)), "{}", created.text());
    let refused = world.json("POST", ITEMS, &key, &features(&["c", "b"])).await;
    assert_eq!(refused.status, 409);
    assert_eq!(world.get(&format!("{ITEMS}/c")).await.status, 404);
    let refused = world.json("POST", ITEMS, &key, &features(&["d", "e", "d"])).await;
    assert_eq!((refused.status, &refused.json()["parameter"]), (409, &json!("/features/2/id")));
    assert_eq!(world.get(&format!("{ITEMS}/d")).await.status, 404);
}

#[tokio::test]
async fn a_patched_geometry_brings_its_own_box() {
    let world = World::new().await;
    let path = format!("{ITEMS}/garonne-1");
    let moved = json!({"geometry": {"type": "Point", "coordinates": [3.0, 4.0]}});
    assert_eq!(world.json("PATCH", &path, &world.operator, &moved).await.status, 204);
    assert_eq!(world.ok(&path).await.json()["bbox"], json!([3.0, 4.0, 3.0, 4.0]));
    let given = json!({"geometry": {"type": "Point", "coordinates": [5.0, 6.0]}, "bbox": [4.0, 5.0, 6.0, 7.0]});
    assert_eq!(world.json("PATCH", &path, &world.operator, &given).await.status, 204);
    assert_eq!(world.ok(&path).await.json()["bbox"], json!([4.0, 5.0, 6.0, 7.0]));
    assert_eq!(world.json("PATCH", &path, &world.operator, &json!({"geometry": null})).await.status, 204);
    let nowhere = world.ok(&path).await.json();
    assert!(nowhere["geometry"].is_null() && nowhere.get("bbox").is_none(), "{nowhere}");
}

#[tokio::test]
async fn patches_of_one_item_at_the_same_time_all_take_effect() {
    let world = World::new().await;
    let path = format!("{ITEMS}/garonne-1");
    let patches: Vec<Value> = (0..24).map(|i| json!({"properties": {format!("p{i}"): i}})).collect();
    let answers = patches.iter().map(|patch| world.json("PATCH", &path, &world.operator, patch));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    let stored = world.ok(&path).await.json();
    assert!((0..24).all(|i| stored["properties"][format!("p{i}")] == i), "{stored}");
}

#[tokio::test]
async fn a_bulk_stream_reports_every_line_that_was_not_stored() {
    let world = World::new().await;
    let bad = json!({"type": "Feature", "id": "bad", "geometry": null, "properties": {}});
    let unchanged = gauge("garonne-1", -0.5, 44.8, "2020-01-10", "Garonne");
    let replaced = gauge("garonne-2", 1.4, 43.6, "2021-03-11", "Garonne");
    let new = gauge("new", 1.0, 1.0, "2024-01-01", "X");
    let body = format!("{unchanged}\n{replaced}\n\nnot json\n{bad}\n{new}");
    let authorization = bearer(&world.operator);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-ndjson")];
    let answer = world.body("POST", ITEMS, &headers, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((count("received"), count("created"), count("replaced"), count("unchanged")), (5, 1, 1, 1), "{report}");
    assert_eq!(count("rejectedCount"), 2);
    let rejected = report["rejected"].as_array().unwrap();
    assert_eq!((&rejected[0]["line"], &rejected[0]["id"]), (&json!(4), &Value::Null));
    assert_eq!((&rejected[1]["line"], &rejected[1]["id"]), (&json!(5), &json!("bad")));
    assert!(rejected[1]["reason"].as_str().unwrap().contains("/properties/datetime"));
    assert_eq!(world.ok(&format!("{ITEMS}/new")).await.json()["properties"]["river"], "X");
}

#[tokio::test]
async fn a_stream_may_be_told_to_insert_only() {
    let world = World::new().await;
    let taken = gauge("garonne-1", 9.0, 9.0, "2020-01-10", "Other");
    let body = format!("{taken}\n{}", gauge("new", 1.0, 1.0, "2024-01-01", "X"));
    let authorization = bearer(&world.operator);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-ndjson")];
    let post = async |query: &str| world.body("POST", &format!("{ITEMS}{query}"), &headers, body.clone()).await;
    let report = post("?method=insert").await.json();
    assert_eq!((&report["created"], &report["replaced"], &report["rejectedCount"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!((&report["rejected"][0]["line"], &report["rejected"][0]["code"]), (&json!(1), &json!("exists")));
    assert_eq!(world.ok(&format!("{ITEMS}/garonne-1")).await.json()["properties"]["river"], "Garonne");
    let report = post("?method=upsert").await.json();
    assert_eq!(
        (&report["replaced"], &report["unchanged"], &report["rejectedCount"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(post("?method=replace").await.status, 400);
    assert_eq!(post("?how=insert").await.status, 400);
}

#[tokio::test]
async fn what_stac_does_not_allow_is_refused_and_what_an_extension_does_not_allow_is_told() {
    let world = World::new().await;
    let key = world.operator.clone();
    let mut item = gauge("odd", 1.0, 1.0, "2024-01-01", "X");
    item["stac_extensions"] = json!(["https://stac-extensions.github.io/eo/v2.0.0/schema.json"]);
    item["properties"]["eo:cloud_cover"] = json!("3.14 é");
    let path = format!("{ITEMS}/odd");
    for (method, address, body, status) in [
        ("POST", ITEMS, item.clone(), 201),
        ("PUT", &path, item.clone(), 204),
        ("PATCH", &path, json!({"properties": {"x": 1}}), 204),
    ] {
        let answer = world.json(method, address, &key, &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let warning = answer.header("nilometer-warning");
        assert!(
            warning.starts_with("/properties/eo:cloud_cover: ") && warning.contains("\\u{e9}"),
            "{method}: {warning}"
        );
    }
    item["properties"]["eo:cloud_cover"] = json!(3.5);
    assert_eq!(world.json("PUT", &path, &key, &item).await.header("nilometer-warning"), "");

    item["properties"]["gsd"] = json!(-1);
    for (method, address, body) in [
        ("POST", ITEMS, item.clone()),
        ("PUT", &path, item.clone()),
        ("PATCH", &path, json!({"properties": {"gsd": 0}})),
    ] {
        let answer = world.json(method, address, &key, &body).await;
        assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!("/properties/gsd")), "{method}");
    }
    let many = json!({"type": "FeatureCollection", "features": [item]});
    let answer = world.json("POST", ITEMS, &key, &many).await;
    assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!("/features/0/properties/gsd")));

    item["properties"]["gsd"] = json!(1);
    item["properties"]["eo:cloud_cover"] = json!(101);
    let authorization = bearer(&key);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-ndjson")];
    let report = world.body("POST", ITEMS, &headers, item.to_string()).await.json();
    assert_eq!((&report["replaced"], &report["warnedCount"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["warned"][0]["pointer"], "/properties/eo:cloud_cover");

    let odd = json!({"id": "odd", "providers": [{"roles": ["host"]}]});
    let refused = world.json("POST", "/collections", &key, &odd).await;
    assert_eq!((refused.status, &refused.json()["parameter"]), (400, &json!("/providers/0")), "{}", refused.text());
}

#[tokio::test]
async fn numbers_keep_their_digits_through_a_patch() {
    let world = World::new().await;
    let text = r#"{"type":"Feature","id":"n","geometry":null,"properties":{"datetime":"2024-01-01T00:00:00Z","v":1.10,"big":12345678901234567890123}}"#;
    let authorization = bearer(&world.operator);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/geo+json")];
    assert_eq!(world.body("POST", ITEMS, &headers, text.into()).await.status, 201);
    let path = format!("{ITEMS}/n");
    assert_eq!(world.json("PATCH", &path, &world.operator, &json!({"properties": {"x": 1}})).await.status, 204);
    let stored = world.ok(&path).await.text();
    assert!(stored.contains("\"v\":1.10,\"big\":12345678901234567890123,\"x\":1"), "{stored}");
}

#[tokio::test]
async fn collections_are_created_replaced_patched_and_deleted_with_their_items() {
    let world = World::new().await;
    let key = world.operator.clone();
    let lakes = json!({"id": "lakes", "description": "Lakes", "x:own": {"kept": 1.0}});
    let created = world.json("POST", "/collections", &key, &lakes).await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert!(created.header("location").ends_with("/collections/lakes"));
    assert_eq!(world.json("POST", "/collections", &key, &lakes).await.status, 409);
    assert_eq!(world.json("PUT", "/collections/lakes", &key, &json!({"id": "other"})).await.status, 409);
    assert_eq!(world.json("PATCH", "/collections/lakes", &key, &json!({"title": "Lacs"})).await.status, 204);
    let stored = world.ok("/collections/lakes").await.json();
    assert_eq!((&stored["title"], &stored["x:own"]), (&json!("Lacs"), &json!({"kept": 1.0})));
    // What was answered can be sent back without collecting the service's own links.
    assert_eq!(world.json("PUT", "/collections/lakes", &key, &stored).await.status, 204);
    assert_eq!(world.ok("/collections/lakes").await.json()["links"], stored["links"]);

    assert_eq!(world.json("DELETE", "/collections/gauges", &key, &Value::Null).await.status, 204);
    assert_eq!(world.get("/collections/gauges").await.status, 404);
    assert_eq!(world.ok("/search").await.ids(), ["aquitaine"]);
    assert_eq!(world.json("DELETE", "/collections/gauges", &key, &Value::Null).await.status, 204);
}

#[tokio::test]
async fn feature_collections_sent_at_once_are_created_whole_or_not_at_all() {
    let world = World::new().await;
    let features = |n: usize| {
        let ids = (0..50).map(|i| if i == 25 { "shared".to_owned() } else { format!("w{n}-{i}") });
        let features: Vec<Value> = ids.map(|id| gauge(&id, 1.0, 1.0, "2024-01-01", "X")).collect();
        json!({"type": "FeatureCollection", "features": features})
    };
    let bodies: Vec<Value> = (0..8).map(features).collect();
    let answers = bodies.iter().map(|body| world.json("POST", ITEMS, &world.operator, body));
    let answers = futures_util::future::join_all(answers).await;
    for (n, answer) in answers.iter().enumerate() {
        let created = answer.status == 201;
        let found = world.get(&format!("{ITEMS}/w{n}-0")).await.status;
        assert_eq!(found, if created { 200 } else { 404 }, "{}", answer.text());
        if created {
            let report = answer.json();
            assert_eq!((&report["created"], &report["rejectedCount"]), (&json!(50), &json!(0)), "{report}");
        } else {
            let parameter = answer.json()["parameter"].clone();
            assert_eq!((answer.status, parameter), (409, json!("/features/25/id")), "{}", answer.text());
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
}

#[tokio::test]
async fn patches_of_one_collection_at_the_same_time_all_take_effect() {
    let world = World::new().await;
    let patches: Vec<Value> = (0..12).map(|i| json!({format!("own:p{i}"): i})).collect();
    let answers = patches.iter().map(|patch| world.json("PATCH", "/collections/gauges", &world.operator, patch));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    let stored = world.ok("/collections/gauges").await.json();
    assert!((0..12).all(|i| stored[format!("own:p{i}")] == i), "{stored}");
}

#[tokio::test]
async fn collections_that_clients_could_not_read_are_refused() {
    let world = World::new().await;
    let check = async |changes: Value, status: u16, parameter: &str| {
        let mut body = json!({"id": "bad", "type": "Collection", "description": "d", "license": "other"});
        body.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap());
        let answer = world.json("PUT", "/collections/bad", &world.operator, &body).await;
        assert_eq!(answer.status, status, "{changes}: {}", answer.text());
        if status == 400 {
            assert_eq!(answer.json()["parameter"], parameter, "{changes}");
        }
    };
    for version in [json!(3), json!([]), json!("x"), json!("2.0.0")] {
        check(json!({ "stac_version": version }), 400, "/stac_version").await;
    }
    check(json!({"summaries": {"platform": {"minimum": 1}}}), 400, "/summaries/platform").await;
    check(json!({"extent": {"spatial": {"bbox": [[0, 5, 1, 1]]}}}), 400, "/extent/spatial/bbox/0").await;
    check(json!({"extent": {"spatial": {"bbox": [[0, -100, 1, 1]]}}}), 400, "/extent/spatial/bbox/0").await;
    let backwards = json!([["2021-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]]);
    check(json!({"extent": {"temporal": {"interval": backwards}}}), 400, "/extent/temporal/interval/0").await;
    assert_eq!(world.get("/collections/bad").await.status, 404);
    check(json!({ "stac_version": null }), 201, "").await;
    assert_eq!(world.ok("/collections/bad").await.json()["stac_version"], "1.1.0");
}

#[tokio::test]
async fn patches_of_other_kinds_are_refused_with_those_that_are_taken() {
    let world = World::new().await;
    let authorization = bearer(&world.operator);
    let item = format!("{ITEMS}/garonne-1");
    for path in [item.as_str(), "/collections/gauges"] {
        for body in ["{}", "[]", r#"{"title":"patched"}"#] {
            let headers = [("authorization", &*authorization), ("content-type", "application/json-patch+json")];
            let answer = world.body("PATCH", path, &headers, body.into()).await;
            assert_eq!((answer.status, answer.code().as_str()), (415, "media-type"), "{}", answer.text());
            assert_eq!(answer.header("accept-patch"), "application/merge-patch+json, application/json");
        }
        for media_type in ["application/merge-patch+json", "application/json; charset=utf-8", ""] {
            let headers = [("authorization", &*authorization), ("content-type", media_type)];
            assert_eq!(world.body("PATCH", path, &headers, "{}".into()).await.status, 204, "{media_type}");
            assert_eq!(world.body("PATCH", path, &headers, "[]".into()).await.code(), "patch");
        }
        assert!(world.ok(path).await.header("accept-patch").contains("merge-patch"));
        assert!(world.body("OPTIONS", path, &[], String::new()).await.header("accept-patch").contains("merge-patch"));
    }
    assert_eq!(world.ok("/search").await.header("accept-patch"), "");
}

#[tokio::test]
async fn a_patched_geometry_of_another_type_leaves_nothing_of_the_old_one() {
    let world = World::new().await;
    let path = format!("{ITEMS}/garonne-1");
    let parts = json!([{"type": "Point", "coordinates": [1.0, 2.0]}, {"type": "Point", "coordinates": [3.0, 4.0]}]);
    let geometry = json!({"type": "GeometryCollection", "geometries": parts});
    let patch = json!({ "geometry": geometry });
    assert_eq!(world.json("PATCH", &path, &world.operator, &patch).await.status, 204);
    let stored = world.ok(&path).await.json();
    assert_eq!((&stored["geometry"], &stored["bbox"]), (&geometry, &json!([1.0, 2.0, 3.0, 4.0])));
}

#[tokio::test]
async fn tags_that_must_not_match_stop_a_write_and_every_write_tells_its_tag() {
    let world = World::new().await;
    let authorization = bearer(&world.operator);
    let item = (format!("{ITEMS}/garonne-1"), gauge("garonne-1", 0.0, 0.0, "2020-01-10", "X"));
    let collection = ("/collections/gauges".to_owned(), json!({"id": "gauges", "description": "d"}));
    for (path, body) in [item, collection] {
        let tag_of = async || world.get_as_operator(&path).await.header("etag").to_owned();
        let send = async |method: &str, name: &str, tag: &str, body: &Value| {
            let headers = [("authorization", &*authorization), (name, tag)];
            world.body(method, &path, &headers, body.to_string()).await
        };
        let tag = tag_of().await;
        for held in ["*".to_owned(), tag.clone(), format!("\"999-o-x\", W/{tag}")] {
            for (method, body) in [("PUT", &body), ("PATCH", &json!({"title": "t"})), ("DELETE", &Value::Null)] {
                let answer = send(method, "if-none-match", &held, body).await;
                assert_eq!((answer.status, answer.code().as_str()), (412, "precondition"), "{method} {path} {held}");
            }
        }
        assert_eq!(tag_of().await, tag, "nothing was written");
        let put = send("PUT", "if-none-match", "\"999-o-x\"", &body).await;
        assert_eq!((put.status, put.header("etag")), (204, tag_of().await.as_str()));
        let patched = send("PATCH", "if-match", put.header("etag"), &json!({"title": "t"})).await;
        assert_eq!((patched.status, patched.header("etag")), (204, tag_of().await.as_str()));
        assert_eq!(send("PUT", "if-match", put.header("etag"), &body).await.status, 412);
    }
    for (path, address, body) in [
        (ITEMS, format!("{ITEMS}/new%2F1"), gauge("new/1", 0.0, 0.0, "2020-01-10", "X")),
        ("/collections", "/collections/new".to_owned(), json!({"id": "new", "description": "d"})),
    ] {
        let created = world.json("POST", path, &world.operator, &body).await;
        let tag = world.get_as_operator(&address).await.header("etag").to_owned();
        assert_eq!((created.status, created.header("etag")), (201, tag.as_str()));
    }
}

#[tokio::test]
async fn a_question_in_a_body_is_answered_whatever_the_caller_holds() {
    let world = World::new().await;
    let first = world.body("POST", "/search", &[], "{}".into()).await;
    for tag in ["*", first.header("etag")] {
        let again = world.body("POST", "/search", &[("if-none-match", tag)], "{}".into()).await;
        assert_eq!((again.status, again.body.len()), (200, first.body.len()), "{tag}");
    }
    let got = world.ok("/search").await;
    assert_eq!(world.get_with("/search", &[("if-none-match", got.header("etag"))]).await.status, 304);
}

#[tokio::test]
async fn a_box_made_for_a_shape_at_the_antimeridian_leads_over_it() {
    let world = World::new().await;
    let ring = |w: f64, e: f64| json!([[[w, -5.0], [e, -5.0], [e, 5.0], [w, 5.0], [w, -5.0]]]);
    for (id, geometry) in [
        ("split", json!({"type": "MultiPolygon", "coordinates": [ring(175.0, 180.0), ring(-180.0, -175.0)]})),
        ("beyond", json!({"type": "Polygon", "coordinates": ring(175.0, 185.0)})),
    ] {
        let mut item = gauge(id, 0.0, 0.0, "2024-01-01", "X");
        item["geometry"] = geometry;
        assert_eq!(world.json("POST", ITEMS, &world.operator, &item).await.status, 201);
        assert_eq!(world.ok(&format!("{ITEMS}/{id}")).await.json()["bbox"], json!([175.0, -5.0, -175.0, 5.0]), "{id}");
        item["bbox"] = json!([-180.0, -5.0, 180.0, 5.0]);
        assert_eq!(world.json("PUT", &format!("{ITEMS}/{id}"), &world.operator, &item).await.status, 204);
        assert_eq!(world.ok(&format!("{ITEMS}/{id}")).await.json()["bbox"], item["bbox"], "{id}");
    }
}

#[tokio::test]
async fn a_stream_reports_its_lines_in_order_across_batches() {
    let world = World::new().await;
    let taken = gauge("garonne-1", 9.0, 9.0, "2020-01-10", "Other");
    let mut lines = Vec::new();
    for i in 0..5_200 {
        lines.push(match i % 100 {
            7 => "not json".to_owned(),
            8 => taken.to_string(),
            _ => gauge(&format!("s{i}"), 1.0, 1.0, "2024-01-01", "X").to_string(),
        });
    }
    let authorization = bearer(&world.operator);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-ndjson")];
    let report = world.body("POST", &format!("{ITEMS}?method=insert"), &headers, lines.join("\n")).await.json();
    let rejected: Vec<u64> =
        report["rejected"].as_array().unwrap().iter().map(|r| r["line"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (0..5_200).filter(|i| matches!(i % 100, 7 | 8)).map(|i| i + 1).collect();
    assert_eq!(rejected, expected);
    assert_eq!((&report["received"], &report["created"]), (&json!(5_200), &json!(5_096)));
}
