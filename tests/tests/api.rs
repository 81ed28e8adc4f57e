//! The service as a client meets it: landing, search, paging, writes, preconditions, refusals, hidden collections.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nilometer_tests::http::{encode, link, path_of};
use nilometer_tests::{Client, Server, collection, demo_copy, item, operator_key, scenario};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server on fresh data, with an operator.
struct Service {
    server: Server,
    operator: Client,
    visitor: Client,
    _folder: TempDir,
}

fn service_on(prepare: impl FnOnce(&std::path::Path)) -> Service {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    prepare(&data);
    let key = operator_key(&data);
    let server = Server::start(&data);
    Service { operator: server.client(&key), visitor: server.visitor(), server, _folder: folder }
}

fn demo() -> Service {
    service_on(demo_copy)
}

fn empty() -> Service {
    service_on(|_| {})
}

/// A service with one public collection `c` of `n` items, one a day from 2024-01-01 on, eastward from 0°.
fn with_items(n: u32) -> Service {
    let service = empty();
    service.operator.post("/collections", &collection("c", "public")).expect(201);
    let items: Vec<Value> = (0..n)
        .map(|i| {
            let day = format!("2024-{:02}-{:02}T00:00:00Z", 1 + i / 28, 1 + i % 28);
            let name = if i % 2 == 0 { "Étang pair" } else { "odd pond" };
            let mut properties =
                json!({"rank": i, "half": f64::from(i) / 2.0, "group": format!("g{}", i % 3), "name": name});
            if i % 2 == 0 {
                properties["even"] = json!(i);
            }
            item("c", &format!("i{i}"), f64::from(i) * 0.1, 45.0, &day, properties)
        })
        .collect();
    let report = service.operator.bulk("c", &items);
    assert!(report.status < 300, "{}", report.text());
    service
}

fn is(problem: &Value, code: &str) -> bool {
    problem["type"].as_str().is_some_and(|address| address.ends_with(&format!("/problems/{code}")))
}

fn ids(page: &Value) -> Vec<String> {
    let features = page["features"].as_array().unwrap_or_else(|| panic!("no features: {page}"));
    features.iter().map(|f| f["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn every_scenario_holds_on_the_demo_data() {
    let service = demo();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).expect("scenarios").flatten().map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let (mut run, mut failures) = (0, Vec::new());
    for path in &files {
        for scenario in scenario::read(path) {
            run += 1;
            if let Err(why) = scenario.run(&service.visitor) {
                failures.push(format!("{}: {why}", path.file_name().unwrap_or_default().display()));
            }
        }
    }
    println!("{run} scenarios in {} files", files.len());
    assert!(run > 20, "the scenarios were not found");
    assert!(failures.is_empty(), "{} of {run} scenarios fail:\n{}", failures.len(), failures.join("\n"));
    service.server.finish();
}

#[test]
fn the_landing_page_leads_everywhere_and_every_link_answers() {
    let service = demo();
    let landing = service.visitor.get("/").expect(200).json();
    let conformance = service.visitor.get("/conformance").expect(200).json();
    assert_eq!(landing["conformsTo"], conformance["conformsTo"], "landing page and /conformance must agree");
    for rel in ["self", "root", "service-desc", "service-doc", "data", "conformance", "search"] {
        assert!(link(&landing, rel).is_some(), "no {rel} link");
    }
    let mut seen = BTreeSet::new();
    let mut todo = vec!["/".to_owned()];
    while let Some(target) = todo.pop() {
        if !seen.insert(target.clone()) || seen.len() > 150 {
            continue;
        }
        let answer = service.visitor.get(&target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let is_json = answer.header("content-type").is_some_and(|t| t.contains("json"));
        let Some(links) = is_json.then(|| answer.json()["links"].as_array().cloned()).flatten() else { continue };
        // `aggregate` needs to be told what to count, and values somewhere need a place; downloads of all there is take long.
        let is_followed =
            |link: &&Value| link["method"] != "POST" && link["rel"] != "aggregate" && link["rel"] != "enclosure";
        for link in links.iter().filter(is_followed) {
            let href = link["href"].as_str().expect("an href");
            if ["position", "radius", "area", "cube"].iter().any(|query| href.ends_with(&format!("/{query}"))) {
                let told = service.visitor.get(&path_of(href)).problem(400).to_string();
                assert!(told.contains("coords") || told.contains("bbox"), "{href} does not say what it needs: {told}");
                continue;
            }
            assert!(href.contains("://"), "{target}: {href} is not absolute");
            if href.starts_with(&service.server.url()) && !href.contains('{') {
                todo.push(path_of(href));
            }
        }
    }
    assert!(seen.len() > 10);
    service.server.finish();
}

#[test]
fn pages_list_every_item_once_by_get_and_post_and_in_any_order() {
    let service = with_items(53);
    let all: BTreeSet<String> = (0..53).map(|i| format!("i{i}")).collect();
    let check = |listed: Vec<Value>, what: &str| {
        assert_eq!(listed.len(), 53, "{what}");
        let ids: BTreeSet<String> = listed.iter().map(|f| f["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(ids, all, "{what}");
    };
    for order in [
        "",
        "&sortby=rank",
        "&sortby=-rank",
        "&sortby=group,-rank",
        "&sortby=even",
        "&sortby=-even",
        "&sortby=-datetime",
    ] {
        for limit in [1, 7, 53, 54] {
            let listed = service.visitor.all_pages(&format!("/search?collections=c&limit={limit}{order}"));
            check(listed, &format!("limit={limit}{order}"));
        }
    }
    check(service.visitor.all_pages("/collections/c/items?limit=10"), "items of the collection");
    check(service.visitor.all_pages("/search?limit=9&fields=id&sortby=rank"), "the sort key is left out by fields");

    let (mut listed, mut body) = (Vec::new(), json!({"collections": ["c"], "limit": 10}));
    loop {
        let page = service.visitor.post("/search", &body).expect(200).json();
        assert_eq!(page["numberMatched"], 53);
        listed.extend(page["features"].as_array().expect("features").clone());
        let Some(next) = page["links"].as_array().expect("links").iter().find(|l| l["rel"] == "next").cloned() else {
            break;
        };
        assert_eq!(next["method"], "POST");
        let merged = if next["merge"] == true { body.clone() } else { json!({}) };
        let (mut merged, more) = (merged.as_object().cloned().expect("an object"), next["body"].as_object().cloned());
        merged.extend(more.expect("a POST link has a body"));
        body = Value::Object(merged);
    }
    check(listed, "POST");
    service.server.finish();
}

#[test]
fn paging_keeps_its_place_while_others_write() {
    let service = with_items(40);
    let mut target = "/search?collections=c&limit=5&sortby=-datetime".to_owned();
    let mut seen = Vec::new();
    for page_number in 0.. {
        let page = service.visitor.get(&target).expect(200).json();
        seen.extend(ids(&page));
        // New items at both ends of the order, a replacement of i39 (seen already) and of i0 (still to come).
        let late = item("c", &format!("late{page_number}"), 1.0, 1.0, "2025-01-01T00:00:00Z", json!({"rank": 0}));
        let early = item("c", &format!("early{page_number}"), 1.0, 1.0, "2020-01-01T00:00:00Z", json!({"rank": 0}));
        service.operator.bulk("c", &[late, early]);
        for id in ["i39", "i0"] {
            let path = format!("/collections/c/items/{id}");
            let patch = json!({"properties": {"rank": 1_000 + page_number}}).to_string();
            let headers = [("content-type", "application/merge-patch+json")];
            service.operator.send("PATCH", &path, &headers, Some(patch.as_bytes())).expect(204);
        }
        service.operator.delete("/collections/c/items/i20");
        match link(&page, "next") {
            Some(href) => target = path_of(&href),
            None => break,
        }
        assert!(page_number < 30, "the pages do not end");
    }
    let once: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(once.len(), seen.len(), "an item came twice: {seen:?}");
    let unchanged = (0..40).filter(|i| ![0, 20, 39].contains(i)).map(|i| format!("i{i}"));
    for id in unchanged {
        assert!(once.contains(&id), "{id} was left out");
    }
    service.server.finish();
}

#[test]
fn counts_facets_and_pages_agree() {
    let service = with_items(60);
    for (question, expected) in [
        ("collections=c", 60),
        ("collections=c&bbox=0,44,1.05,46", 11),
        ("collections=c&datetime=2024-01-01T00:00:00Z/2024-01-10T00:00:00Z", 10),
        ("collections=c&datetime=../2024-01-10T00:00:00Z", 10),
        ("collections=c&filter=rank%3E%3D30", 30),
        ("collections=c&filter=rank%20IN%20(1,2,3)%20AND%20NOT%20group%3D'g0'", 2),
        ("collections=c&q=etang", 30),
        ("collections=c&q=ÉTANG", 30),
        ("ids=i1,i2,nowhere", 2),
    ] {
        let question = question.replace('É', "%C3%89");
        let page = service.visitor.get(&format!("/search?{question}&limit=1000")).expect(200).json();
        assert_eq!(page["numberMatched"], expected, "{question}");
        assert_eq!(page["numberReturned"], expected, "{question}");
        assert_eq!(ids(&page).len(), expected, "{question}");
        let names = "aggregations=total_count,collection_frequency";
        let facets = service.visitor.get(&format!("/aggregate?{question}&{names}")).expect(200).json();
        let named =
            |name: &str| facets["aggregations"].as_array().expect("a list").iter().find(|a| a["name"] == name).cloned();
        assert_eq!(named("total_count").expect("asked for")["value"], expected, "{question}");
        assert_eq!(
            named("collection_frequency").expect("asked for")["buckets"][0]["frequency"],
            expected,
            "{question}"
        );
    }
    service.server.finish();
}

#[test]
fn items_are_written_read_replaced_patched_and_deleted() {
    let service = empty();
    let operator = &service.operator;
    operator.post("/collections", &collection("c", "public")).expect(201);
    let mut first =
        item("c", "a/b ü", 10.0, 20.0, "2024-01-01T00:00:00Z", json!({"level": 1.50, "odd:member": {"x": [1]}}));
    first["vendor"] = json!({"kept": true});
    let created = operator.post("/collections/c/items", &first).expect(201);
    let location = path_of(created.header("location").expect("201 names the address"));
    assert_eq!(location, format!("/collections/c/items/{}", encode("a/b ü")));
    let read = service.visitor.get(&location).expect(200);
    assert_eq!(read.header("content-type"), Some("application/geo+json"));
    let body = read.json();
    assert_eq!((&body["vendor"], &body["properties"]["odd:member"]), (&json!({"kept": true}), &json!({"x": [1]})));
    assert!(body["properties"]["ingested"].is_string());

    operator.post("/collections/c/items", &first).problem(409);
    first["properties"]["level"] = json!(2);
    operator.put(&location, &first).expect(204);
    assert_eq!(service.visitor.get(&location).expect(200).json()["properties"]["level"], 2);
    let patch = json!({"properties": {"level": 3, "odd:member": null}});
    operator.json("PATCH", &location, &patch).expect(204);
    let patched = service.visitor.get(&location).expect(200).json();
    assert_eq!(patched["properties"]["level"], 3);
    assert!(patched["properties"].get("odd:member").is_none_or(Value::is_null));
    assert_eq!(patched["vendor"]["kept"], true);

    operator.delete(&location).expect(204);
    service.visitor.get(&location).problem(404);
    operator.delete(&location).expect(204);
    operator.put("/collections/c/items/new", &item("c", "new", 0.0, 0.0, "2024-01-01T00:00:00Z", json!({})));
    service.visitor.get("/collections/nowhere/items").problem(404);
    operator
        .post("/collections/nowhere/items", &item("nowhere", "x", 0.0, 0.0, "2024-01-01T00:00:00Z", json!({})))
        .problem(404);
    operator
        .post("/collections/c/items", &item("other", "x", 0.0, 0.0, "2024-01-01T00:00:00Z", json!({})))
        .problem(409);
    service.server.finish();
}

#[test]
fn the_same_content_twice_changes_nothing() {
    let service = with_items(3);
    let last = |service: &Service| service.visitor.get("/changes?since=0").expect(200).json();
    let before = last(&service);
    let stored = item(
        "c",
        "i1",
        0.1,
        45.0,
        "2024-01-02T00:00:00Z",
        json!({"rank": 1, "half": 0.5, "group": "g1", "name": "odd pond"}),
    );
    let etag = |service: &Service| service.visitor.get("/collections/c/items/i1").header("etag").map(str::to_owned);
    let tag = etag(&service);
    service.operator.put("/collections/c/items/i1", &stored).expect(204);
    service.operator.bulk("c", &[stored]);
    assert_eq!(last(&service), before);
    assert_eq!(etag(&service), tag);
    service.server.finish();
}

#[test]
fn preconditions_protect_against_lost_updates_and_etags_save_bytes() {
    let service = with_items(2);
    let target = "/collections/c/items/i1";
    let answer = service.visitor.get(target).expect(200);
    let tag = answer.header("etag").expect("an item has an etag").to_owned();
    service.visitor.send("GET", target, &[("if-none-match", &tag)], None).expect(304);

    let own = service.operator.get(target).expect(200);
    let own_tag = own.header("etag").expect("an item has an etag").to_owned();
    assert_ne!(own_tag, tag, "an operator's answer is cached apart from a visitor's");
    assert!(own.header("cache-control").is_some_and(|value| value.contains("private")));

    let changed = item("c", "i1", 5.0, 45.0, "2024-01-02T00:00:00Z", json!({"rank": 100}));
    let put = |tag: &str, header: &str, body: &Value| {
        let headers = [("content-type", "application/geo+json"), (header, tag)];
        service.operator.send("PUT", target, &headers, Some(body.to_string().as_bytes()))
    };
    put(&own_tag, "if-match", &changed).expect(204);
    put(&own_tag, "if-match", &changed).problem(412);
    put("*", "if-none-match", &changed).problem(412);
    service.operator.send("DELETE", target, &[("if-match", &own_tag)], None).problem(412);
    assert_eq!(service.visitor.get(target).expect(200).json()["properties"]["rank"], 100);

    let page = service.visitor.get("/search?collections=c");
    let tag = page.header("etag").expect("a page has an etag").to_owned();
    service
        .visitor
        .send("GET", "/search?collections=c", &[("if-none-match", &tag), ("accept", "application/json")], None)
        .expect(304);
    service.operator.delete(target).expect(204);
    service
        .visitor
        .send("GET", "/search?collections=c", &[("if-none-match", &tag), ("accept", "application/json")], None)
        .expect(200);
    service.server.finish();
}

#[test]
fn writing_needs_an_operator_and_a_wrong_key_is_refused_everywhere() {
    let service = with_items(1);
    let new = item("c", "x", 0.0, 0.0, "2024-01-01T00:00:00Z", json!({}));
    for (method, target) in [
        ("POST", "/collections"),
        ("PUT", "/collections/c"),
        ("DELETE", "/collections/c"),
        ("POST", "/collections/c/items"),
        ("PUT", "/collections/c/items/i0"),
        ("PATCH", "/collections/c/items/i0"),
        ("DELETE", "/collections/c/items/i0"),
    ] {
        let answer = service.visitor.json(method, target, &new);
        assert!(matches!(answer.status, 401 | 403), "{method} {target}: {}", answer.status);
        answer.clone().problem(answer.status);
    }
    let wrong = service.visitor.with_key("nilo_0000_not-a-key");
    for target in [
        "/",
        "/conformance",
        "/collections",
        "/collections/c",
        "/search",
        "/collections/c/items/i0",
        "/changes?since=0",
        "/aggregate",
        "/api",
    ] {
        let problem = wrong.get(target).problem(401);
        assert!(!problem.to_string().contains("not-a-key"), "a key is never shown again");
    }
    assert!(wrong.get("/search").header("www-authenticate").is_some());
    service.visitor.get("/collections/c/items/i0").expect(200);
    let log = service.server.lines().join("\n");
    assert!(!log.contains("not-a-key"), "a key is never logged");
    service.server.finish();
}

#[test]
fn wrong_media_types_methods_and_addresses_are_told_apart() {
    let service = with_items(1);
    let body = Some(b"<item/>".as_slice());
    let sent = |method: &str, target: &str, media_type: &str| {
        service.operator.send(method, target, &[("content-type", media_type)], body)
    };
    sent("POST", "/collections/c/items", "application/xml").problem(415);
    sent("POST", "/search", "text/plain").problem(415);
    sent("POST", "/collections/c/items", "application/json").problem(400);
    service.visitor.get("/no/such/address").problem(404);
    service.visitor.delete("/search").problem(405);
    assert!(service.visitor.delete("/search").header("allow").is_some());
    service.visitor.get("/search?no_such_parameter=1").problem(400);
    service.server.finish();
}

#[test]
fn a_refusal_names_the_parameter_and_what_is_allowed() {
    let service = with_items(1);
    for (question, about) in [
        ("bbox=1,2,3", "bbox"),
        ("bbox=0,10,1,5", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("datetime=1985-04-12", "datetime"),
        ("datetime=../..", "datetime"),
        ("datetime=2024-01-02T00:00:00Z/2024-01-01T00:00:00Z", "datetime"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("filter=rank%20%3E", "filter"),
        ("filter=rank%3D1&filter-lang=sql", "filter-lang"),
        ("filter=ranke%3D1&strict=true", "filter"),
        ("strict=perhaps", "strict"),
        ("intersects=%7B%22type%22%3A%22Circle%22%7D", "intersects"),
        ("token=rubbish", "token"),
        ("sortby=no_such_property", "sortby"),
        ("intersectsRefs=nowhere.nothing", "intersectsRefs"),
    ] {
        let problem = service.visitor.get(&format!("/search?{question}")).problem(400);
        let parameter = problem["parameter"].as_str().unwrap_or_default();
        assert!(parameter.contains(about), "{question}: parameter {parameter:?} in {problem}");
    }
    for limit in ["100000", "1000000"] {
        service.visitor.get(&format!("/search?limit={limit}")).expect(200);
    }
    service.server.finish();
}

#[test]
fn a_filter_on_what_nobody_has_finds_nothing_and_tells_the_nearest_name() {
    let service = with_items(3);
    let unknown = |answer: &Value| -> Vec<Value> {
        let links = answer["links"].as_array().expect("links");
        links.iter().filter(|link| link["rel"] == "related").cloned().collect()
    };
    let known = service.visitor.get("/search?filter=rank%3D1").expect(200).json();
    assert_eq!((&known["numberMatched"], unknown(&known)), (&json!(1), vec![]));
    let body = json!({"filter-lang": "cql2-text", "filter": "ranke = 1 OR month(datetim) = 7", "collections": ["c"]});
    for answer in [
        service.visitor.get("/collections/c/items?filter=ranke%20%3D%201%20OR%20month(datetim)%20%3D%207"),
        service.visitor.post("/search", &body),
    ] {
        let answer = answer.expect(200).json();
        assert_eq!(answer["numberMatched"], 0);
        let told = unknown(&answer);
        let names: Vec<(&Value, &Value)> = told.iter().map(|link| (&link["unknown"], &link["nearest"])).collect();
        assert_eq!(names, [(&json!("ranke"), &json!("rank")), (&json!("datetim"), &json!("datetime"))]);
        assert!(told[0]["href"].as_str().is_some_and(|href| href.ends_with("/collections/c/queryables")));
        assert!(
            told[0]["title"].as_str().is_some_and(|title| title.contains("\"ranke\"") && title.contains("\"rank\""))
        );
    }
    let mut strict = body;
    strict["strict"] = json!(true);
    for answer in [
        service.visitor.post("/search", &strict),
        service.visitor.get("/aggregate?aggregations=total_count&strict=true&filter=ranke%3D1"),
    ] {
        let problem = answer.problem(400);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("\"ranke\"") && detail.contains("\"rank\""), "{problem}");
    }
    service.visitor.get("/search?strict=true&filter=rank%3D1").expect(200);
    service.server.finish();
}

#[test]
fn a_collection_tells_what_its_items_have_after_every_write() {
    let service = with_items(6);
    let summaries = || service.visitor.get("/collections/c").expect(200).json()["summaries"].clone();
    let got = summaries();
    assert_eq!(got["total_items"], json!([6]));
    assert_eq!(got["group"], json!(["g0", "g1", "g2"]));
    assert_eq!(got["rank"], json!({"minimum": 0, "maximum": 5}));
    service.operator.delete("/collections/c/items/i5").expect(204);
    let more = item("c", "more", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({"group": "g9", "rank": -3.5}));
    service.operator.post("/collections/c/items", &more).expect(201);
    let got = summaries();
    assert_eq!(got["total_items"], json!([6]));
    assert_eq!(got["group"], json!(["g0", "g1", "g2", "g9"]));
    assert_eq!(got["rank"], json!({"minimum": -3.5, "maximum": 4}));
    let queryables = service.visitor.get("/collections/c/queryables").expect(200).json();
    assert_eq!(queryables["properties"]["rank"]["maximum"], json!(4.0));
    for member in ["datetime", "start_datetime", "end_datetime"] {
        assert_eq!(queryables["properties"][member]["format"], "date-time", "{member}");
    }
    // Collections are found by what is learned of them too.
    let found = |filter: &str| {
        let target = format!("/collections?filter={filter}");
        service.visitor.get(&target).expect(200).json()["numberMatched"].clone()
    };
    assert_eq!(found("A_CONTAINS(group,('g9'))"), 1);
    assert_eq!(found("A_CONTAINS(group,('g5'))"), 0);
    service.server.finish();
}

#[test]
fn the_entity_tag_of_a_collection_follows_what_its_items_have() {
    let service = with_items(6);
    let first = service.visitor.get("/collections/c").expect(200);
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = service.visitor.send("GET", "/collections/c", &[("if-none-match", &tag)], None);
    assert_eq!(again.status, 304);
    let other = item("c", "i1", 0.1, 45.0, "2024-01-02T00:00:00Z", json!({"group": "another", "rank": 1}));
    service.operator.put("/collections/c/items/i1", &other);
    let changed = service.visitor.send("GET", "/collections/c", &[("if-none-match", &tag)], None).expect(200);
    assert!(changed.text().contains("another"));
    // What was declared does not stand against what the items have, listed or not.
    let mut declared = collection("d", "public");
    declared["summaries"] = json!({"platform": ["Landsat"], "future": ["x"]});
    service.operator.post("/collections", &declared).expect(201);
    let summaries = || service.visitor.get("/collections/d").expect(200).json()["summaries"].clone();
    assert_eq!(summaries(), json!({"platform": ["Landsat"], "future": ["x"], "total_items": [0]}));
    for platform in ["a", "b", "c"] {
        let item = item("d", platform, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({"platform": platform}));
        service.operator.post("/collections/d/items", &item).expect(201);
    }
    assert_eq!(summaries(), json!({"future": ["x"], "total_items": [3]}));
    service.server.finish();
}

#[test]
fn a_period_without_a_moment_is_written_with_a_null_one() {
    let service = with_items(1);
    let mut period = item("c", "p", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({"big": 1}));
    let times = json!({"start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-02-01T00:00:00Z", "kept": 1.10});
    period["properties"] = times.clone();
    service.operator.post("/collections/c/items", &period).expect(201);
    let stored = || service.visitor.get("/collections/c/items/p").expect(200).json()["properties"].clone();
    assert_eq!(stored()["datetime"], Value::Null);
    assert!(stored().as_object().is_some_and(|p| p.contains_key("datetime")));
    let patch = json!({"properties": {"datetime": null, "start_datetime": "2023-01-01T00:00:00Z", "end_datetime": "2023-02-01T00:00:00Z"}});
    let headers = [("content-type", "application/merge-patch+json")];
    service.operator.send("PATCH", "/collections/c/items/i0", &headers, Some(patch.to_string().as_bytes()));
    let patched = service.visitor.get("/collections/c/items/i0").expect(200).json()["properties"].clone();
    assert!(
        patched.as_object().is_some_and(|p| p.contains_key("datetime")) && patched["datetime"].is_null(),
        "{patched}"
    );
    service.server.finish();
}

#[test]
fn what_says_two_things_at_once_is_refused() {
    let service = with_items(1);
    let body = br#"{"limit":1,"query":{"rank":{"gt":1,"gt":2}}}"#;
    let headers = [("content-type", "application/json")];
    let problem = service.visitor.send("POST", "/search", &headers, Some(body)).problem(400);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("\"gt\" stands twice")), "{problem}");
    let item = item("c", "crs", 2.0, 48.0, "2024-01-01T00:00:00Z", json!({})).to_string();
    let headers =
        [("content-type", "application/geo+json"), ("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/4326>")];
    let problem =
        service.operator.send("PUT", "/collections/c/items/crs", &headers, Some(item.as_bytes())).problem(400);
    assert_eq!(problem["parameter"], "Content-Crs");
    service.server.finish();
}

#[test]
fn an_object_is_there_where_it_has_values() {
    let service = with_items(2);
    let own = item("c", "o", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({"soft": {"crid": "PIA0", "n": {"deep": 3}}}));
    service.operator.post("/collections/c/items", &own).expect(201);
    let found = |filter: &str| {
        let target = format!("/search?strict=true&filter={}", encode(filter));
        ids(&service.visitor.get(&target).expect(200).json())
    };
    assert_eq!(found("soft IS NOT NULL"), ["o"]);
    assert_eq!(found("soft.crid = 'PIA0' AND soft.n.deep > 2"), ["o"]);
    assert_eq!(found("soft IS NULL").len(), 2);
    service.server.finish();
}

#[test]
fn properties_are_parameters_of_counts_and_maps_too() {
    let service = with_items(6);
    let counted = service.visitor.get("/collections/c/aggregate?aggregations=total_count&group=g1").expect(200).json();
    assert_eq!(counted["aggregations"][0]["value"], 2);
    service.visitor.get("/collections/c/tiles/WebMercatorQuad/0/0/0?group=g1").expect(200);
    service.visitor.get("/collections/c/tiles/WebMercatorQuad/0/0/0?grope=g1").problem(400);
    service.server.finish();
}

#[test]
fn a_suggested_word_leads_to_as_many_items_as_it_says() {
    let service = with_items(7);
    let answer = service.visitor.get("/suggest?q=odd%20po").expect(200).json();
    let suggestions = answer["suggestions"].as_array().expect("suggestions");
    let word = suggestions.iter().find(|s| s["type"] == "word").unwrap_or_else(|| panic!("a word: {answer}"));
    let href = word["href"].as_str().expect("an address");
    let found = service.visitor.get(&path_of(href)).expect(200).json();
    assert_eq!((&word["count"], &found["numberMatched"]), (&json!(3), &json!(3)));
    service.server.finish();
}

#[test]
fn a_filter_on_what_no_collection_has_tells_the_nearest_name() {
    let service = with_items(1);
    let answer = service.visitor.get("/collections?filter=titel%3D'c'").expect(200).json();
    assert_eq!(answer["numberMatched"], 0);
    let links = answer["links"].as_array().expect("links");
    let told = links.iter().find(|link| link["rel"] == "related").expect("a warning");
    assert_eq!((&told["unknown"], &told["nearest"]), (&json!("titel"), &json!("title")));
    assert!(told["href"].as_str().is_some_and(|href| href.ends_with("/collections-queryables")));
    let problem = service.visitor.get("/collections?strict=true&filter=titel%3D'c'").problem(400);
    assert!(is(&problem, "unknown-property"), "{problem}");
    service.visitor.get("/collections?strict=true&filter=title%3D'c'").expect(200);
    service.server.finish();
}

#[test]
fn geometries_of_a_filter_are_in_the_system_that_it_names() {
    let service = with_items(3);
    let found = |filter: &str, crs: &str| {
        let target = format!("/search?filter={}&filter-crs={}", encode(filter), encode(crs));
        ids(&service.visitor.get(&target).expect(200).json())
    };
    let crs = |name: &str| format!("http://www.opengis.net/def/crs/{name}");
    // i1 lies at 0.1, 45.
    assert_eq!(found("S_INTERSECTS(geometry,POINT(0.1 45))", &crs("OGC/1.3/CRS84")), ["i1"]);
    assert_eq!(found("S_INTERSECTS(geometry,POINT(45 0.1))", &crs("EPSG/0/4326")), ["i1"]);
    assert_eq!(found("S_INTERSECTS(geometry,BBOX(44.9,0.05,45.1,0.15))", &crs("EPSG/0/4326")), ["i1"]);
    let mercator =
        "S_INTERSECTS(geometry,POLYGON((10000 5600000,12000 5600000,12000 5630000,10000 5630000,10000 5600000)))";
    assert_eq!(found(mercator, &crs("EPSG/0/3857")), ["i1"]);
    let body = json!({"filter-crs": crs("EPSG/0/4326"), "limit": 1, "filter": {"op": "s_intersects", "args": [
        {"property": "geometry"}, {"type": "LineString", "coordinates": [[45, 0.1], [45, 0.2]]}]}});
    let page = service.visitor.post("/search", &body).expect(200).json();
    assert_eq!(page["numberMatched"], 2);
    let next = page["links"].as_array().and_then(|links| links.iter().find(|l| l["rel"] == "next")).expect("next");
    let second = service.visitor.post("/search", &next["body"]).expect(200).json();
    assert_eq!((ids(&second).len(), &second["numberMatched"]), (1, &json!(2)));
    let problem = service.visitor.get("/search?filter=rank%3D1&filter-crs=EPSG:2154").problem(400);
    assert_eq!(problem["parameter"], "filter-crs");
    service.server.finish();
}

#[test]
fn links_keep_the_form_and_the_language_asked_for() {
    let service = with_items(3);
    let href = |page: &Value, rel: &str| {
        let links = page["links"].as_array().expect("links").iter();
        links.filter(|l| l["rel"] == rel).find_map(|l| l["href"].as_str()).unwrap_or_default().to_owned()
    };
    let page = service.visitor.get("/search?limit=1&f=json&lang=fr").expect(200).json();
    let next = href(&page, "next");
    assert!(next.contains("f=json") && next.contains("lang=fr"), "{next}");
    let alternate = href(&page, "alternate");
    assert!(
        alternate.contains("f=html") && !alternate.contains("f=json") && alternate.contains("lang=fr"),
        "{alternate}"
    );
    let problem = service.visitor.get("/search?f=json&f=html").problem(400);
    assert!(is(&problem, "repeated-parameter") && problem["parameter"] == "f", "{problem}");
    service.server.finish();
}

#[test]
fn every_resource_has_a_page() {
    let service = with_items(3);
    let page = |target: &str, text: &str| {
        let answer = service.visitor.get(target).expect(200);
        assert!(answer.header("content-type").is_some_and(|t| t.starts_with("text/html")), "{target}");
        assert!(answer.text().contains(text), "{target}: {text}");
    };
    page("/changes?f=html", "/collections/c/items/i2");
    let end = service.visitor.get("/changes").expect(200).json()["until"].clone();
    page(&format!("/changes?f=html&since={end}&lang=fr"), "Rien n'a été écrit");
    page("/aggregations?f=html", "rank_histogram");
    page("/collections/c/aggregations?f=html", "/collections/c/aggregate?aggregations=group_frequency");
    page("/aggregate?aggregations=group_frequency,rank_stats,total_count&f=html", "rank_stats");
    page("/suggest?q=odd&f=html", "odd pond");
    let locations = service.visitor.get("/collections/c/locations?f=html").expect(303);
    assert!(locations.header("location").is_some_and(|to| to.ends_with("/collections/c/items")));
    service.server.finish();
}

#[test]
fn a_place_is_found_where_ids_of_collections_begin_alike() {
    let service = with_items(1);
    service.operator.post("/collections", &collection("c.i0", "public")).expect(201);
    let dotted = item("c", "i0.x", 3.0, 45.0, "2024-01-01T00:00:00Z", json!({}));
    service.operator.post("/collections/c/items", &dotted).expect(201);
    assert_eq!(ids(&service.visitor.get("/search?intersectsRefs=c.i0.x").expect(200).json()), ["i0.x"]);
    let problem = service.visitor.get("/search?intersectsRefs=c.i0.y").problem(400);
    assert!(is(&problem, "reference"), "{problem}");
    service.server.finish();
}

#[test]
fn the_functions_of_filters_are_listed_and_answered() {
    let service = with_items(3);
    let listed = service.visitor.get("/functions").expect(200).json();
    let month = listed["functions"].as_array().expect("a list").iter().find(|f| f["name"] == "month").expect("month");
    assert_eq!(month["returns"], json!(["integer"]));
    let found = service.visitor.get("/search?filter=month(datetime)%20BETWEEN%201%20AND%2012").expect(200).json();
    assert_eq!(found["numberMatched"], 3);
    service.server.finish();
}

#[test]
fn the_change_feed_tells_writes_and_deletions_in_order() {
    let service = with_items(3);
    let first = service.visitor.get("/changes?since=0").expect(200).json();
    let until = first["until"].as_u64().expect("a sequence number");
    service.operator.delete("/collections/c/items/i0").expect(204);
    service
        .operator
        .put("/collections/c/items/i1", &item("c", "i1", 9.0, 9.0, "2024-01-02T00:00:00Z", json!({"rank": 9})))
        .expect(204);
    let later = service.visitor.get(&format!("/changes?since={until}")).expect(200).json();
    let told: Vec<&Value> = later["changes"].as_array().expect("a list").iter().map(|change| &change["id"]).collect();
    assert_eq!(told, ["i0", "i1"]);
    service.visitor.get(&format!("/changes?since={}", later["until"])).expect(200);
    service.visitor.get("/changes?since=yesterday").problem(400);
    service.server.finish();
}

#[test]
fn a_whole_copy_and_the_changes_after_it_make_a_mirror() {
    let service = with_items(300);
    let headers = [("accept-encoding", "gzip")];
    let answer = service.visitor.send("GET", "/changes/snapshot", &headers, None).expect(200);
    let sequence = answer.header("nilometer-sequence").expect("where to go on").to_owned();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(answer.body.as_slice()), &mut text).expect("gzip");
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("one JSON a line")).collect();
    assert_eq!(records.iter().filter(|record| record["type"] == "Collection").count(), 1);
    assert_eq!(records.iter().filter(|record| record["type"] == "Feature").count(), 300);
    service.operator.delete("/collections/c/items/i0").expect(204);
    let later = service.visitor.get(&format!("/changes?since={sequence}")).expect(200).json();
    assert_eq!(later["changes"].as_array().map(Vec::len), Some(1));
    service.server.finish();
}

#[test]
fn a_long_question_gets_an_address_of_its_own() {
    let service = with_items(30);
    let ring: Vec<[f64; 2]> = (0..=2_000)
        .map(|i| {
            let angle = f64::from(i % 2_000) / 2_000.0 * std::f64::consts::TAU;
            [1.0 + 0.55 * angle.cos(), 45.0 + 0.5 * angle.sin()]
        })
        .collect();
    let question = json!({"collections": ["c"], "intersects": {"type": "Polygon", "coordinates": [ring]}, "limit": 4});
    let kept = service.visitor.post("/searches", &question);
    assert!(matches!(kept.status, 200 | 201), "{}", kept.text());
    let address = path_of(kept.header("location").expect("the address of the question"));
    let again = service.visitor.post("/searches", &question);
    assert_eq!(path_of(again.header("location").expect("an address")), address, "the same question, the same address");
    let direct = service.visitor.post("/search", &question).expect(200).json();
    assert_eq!(service.visitor.get(&address).expect(200).json()["search"]["collections"], json!(["c"]));
    let address = format!("{address}/items");
    let page = service.visitor.get(&address).expect(200).json();
    assert_eq!(page["numberMatched"], direct["numberMatched"]);
    assert_eq!(page["numberMatched"], 11);
    assert_eq!(service.visitor.all_pages(&format!("{address}?limit=3")).len(), 11);
    service.visitor.get("/searches/unknown").problem(404);
    service.server.finish();
}

#[test]
fn a_hidden_collection_does_not_exist_for_a_visitor() {
    let service = with_items(2);
    service.operator.post("/collections", &collection("secret", "hidden")).expect(201);
    service
        .operator
        .post(
            "/collections/secret/items",
            &item("secret", "s", 0.1, 45.0, "2024-01-01T00:00:00Z", json!({"name": "classified"})),
        )
        .expect(201);
    let absent = |target: &str| service.visitor.get(target).problem(404)["title"].clone();
    assert_eq!(absent("/collections/secret"), absent("/collections/nowhere"));
    assert_eq!(absent("/collections/secret/items"), absent("/collections/nowhere/items"));
    assert_eq!(absent("/collections/secret/items/s"), absent("/collections/c/items/nothing"));
    assert_eq!(absent("/collections/secret/queryables"), absent("/collections/nowhere/queryables"));
    for target in [
        "/collections",
        "/search",
        "/search?ids=s",
        "/search?q=classified",
        "/search?collections=secret",
        "/changes?since=0",
        "/aggregate?aggregations=collection_frequency",
        "/queryables",
        "/",
    ] {
        let answer = service.visitor.get(target);
        let text = answer.text();
        let own = target.split_once("q=").map_or("no word", |(_, word)| word);
        let text = text.replace(&format!("q={own}"), "");
        let told = text.contains("classified") || text.contains("Title of secret") || text.contains("\"secret\"");
        // The parameter that the caller sent may stand in the answer's own links.
        assert!(!told, "{target} tells of a hidden collection: {text}");
    }
    let tag = |target: &str| service.visitor.get(target).header("etag").map(str::to_owned);
    let watched = ["/", "/collections", "/search", "/queryables", "/changes?since=0", "/collections/c/items"];
    let before = watched.map(tag);
    assert!(before.iter().all(Option::is_some));
    let more = item("secret", "t", 0.1, 45.0, "2024-01-01T00:00:00Z", json!({}));
    service.operator.post("/collections/secret/items", &more).expect(201);
    assert_eq!(watched.map(tag), before, "a hidden write changed what a visitor is told");
    let public = item("c", "new", 0.1, 45.0, "2024-01-01T00:00:00Z", json!({}));
    service.operator.post("/collections/c/items", &public).expect(201);
    assert_ne!(tag("/search"), before[2]);
    service.operator.get("/collections/secret/items/s").expect(200);
    assert_eq!(service.operator.get("/search?q=classified").expect(200).json()["numberMatched"], 1);
    service.operator.put("/collections/secret", &collection("secret", "public"));
    service.visitor.get("/collections/secret/items/s").expect(200);
    service.server.finish();
}

#[test]
fn deleting_a_collection_deletes_its_items() {
    let service = with_items(5);
    service.operator.delete("/collections/c").expect(204);
    service.visitor.get("/collections/c").problem(404);
    service.visitor.get("/collections/c/items/i1").problem(404);
    assert_eq!(service.visitor.get("/search").expect(200).json()["numberMatched"], 0);
    service.operator.post("/collections", &collection("c", "public")).expect(201);
    assert_eq!(service.visitor.get("/collections/c/items").expect(200).json()["numberMatched"], 0);
    service.server.finish();
}

#[test]
fn a_bulk_stream_tells_of_each_line_that_was_refused() {
    let service = empty();
    service.operator.post("/collections", &collection("c", "public")).expect(201);
    let good = |id: &str| item("c", id, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({})).to_string();
    let stream = format!("{}\nnot json\n{}\n{{\"type\":\"Feature\"}}\n\n{}\n", good("a"), good("b"), good("c"));
    let headers = [("content-type", "application/x-ndjson")];
    let answer = service.operator.send("POST", "/collections/c/items", &headers, Some(stream.as_bytes()));
    let text = answer.text();
    assert!(answer.status < 300 && text.contains('2') && text.contains('4'), "lines 2 and 4 are told: {text}");
    assert_eq!(service.visitor.get("/collections/c/items").expect(200).json()["numberMatched"], 3);
    service.server.finish();
}

#[test]
fn answers_are_compressed_have_an_id_and_may_be_read_by_any_page() {
    let service = demo();
    let headers = [
        ("accept-encoding", "gzip"),
        ("accept", "application/json"),
        ("x-request-id", "my-id-1"),
        ("origin", "https://example.org"),
    ];
    let answer = service.visitor.send("GET", "/search?limit=50", &headers, None).expect(200);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("x-request-id"), Some("my-id-1"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(answer.body.as_slice()), &mut text).expect("gzip");
    assert_eq!(ids(&serde_json::from_str(&text).expect("JSON")).len(), 50);
    let any = service.visitor.send("GET", "/search", &[("accept-encoding", "*")], None).expect(200);
    assert_eq!(any.header("content-encoding"), Some("gzip"), "a client that takes anything may know gzip only");
    service.server.finish();
}

#[test]
fn browsers_get_pages_that_need_no_script() {
    let service = demo();
    let first = service.visitor.get("/collections").expect(200).json()["collections"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for target in [
        "/",
        "/collections",
        &format!("/collections/{first}"),
        &format!("/collections/{first}/items"),
        "/search?limit=5",
    ] {
        let answer = service.visitor.send("GET", target, &[("accept", "text/html,*/*;q=0.8")], None).expect(200);
        assert!(answer.header("content-type").is_some_and(|t| t.starts_with("text/html")), "{target}");
        let page = answer.text();
        assert!(page.contains("<title>") && page.contains("</html>"), "{target}");
        // The content security policy refuses scripts within the page; data for scripts are none.
        for script in page.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap_or_default();
            assert!(tag.contains(" src=") || tag.contains("application/"), "{target}: <script{tag}>");
        }
        assert!(page.contains("<html lang=\"en\""), "{target}: {}", &page[..page.len().min(200)]);
        service.visitor.send("GET", target, &[("accept", "text/html")], None).expect(200);
    }
    let french =
        service.visitor.send("GET", "/", &[("accept", "text/html"), ("accept-language", "fr")], None).expect(200);
    assert!(french.text().contains("<html lang=\"fr\""));
    service.server.finish();
}

#[test]
fn operators_can_watch_the_service() {
    let service = with_items(2);
    service.visitor.get("/livez").expect(200);
    service.visitor.get("/readyz").expect(200);
    service.visitor.get("/search").expect(200);
    let metrics = service.visitor.get("/metrics").expect(200).text();
    for name in ["http_requests_total", "http_request_duration_seconds", "index_docs", "index_segments", "build_info"] {
        assert!(metrics.contains(name), "no {name} in\n{metrics}");
    }
    service.server.finish();
}

#[test]
fn links_are_made_from_the_public_address_and_from_nothing_else() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    demo_copy(&data);
    let server = Server::start_with(&data, &["--public-url", "https://water.example/nilo"]);
    let forged = [("accept", "application/json"), ("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    for target in ["/", "/collections", "/search?limit=1", "/conformance"] {
        let answer = server.visitor().send("GET", target, &forged, None).expect(200);
        let text = answer.text();
        assert!(!text.contains("evil.example") && !text.contains("127.0.0.1"), "{target}: {text}");
    }
    let landing = server.visitor().get("/").expect(200).json();
    assert_eq!(
        link(&landing, "self").as_deref().map(|href| href.trim_end_matches('/')),
        Some("https://water.example/nilo")
    );
    server.finish();
}
