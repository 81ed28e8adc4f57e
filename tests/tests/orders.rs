//! Orders over HTTP: what they hold, how they are fetched, and that none is lost or delivered twice when the server dies at any
//! moment.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nilometer_tests::http::{encode, path_of};
use nilometer_tests::{Client, Response, Server, collection, demo_copy, item, key_of, operator_key, rounds, seed};
use serde_json::{Value, json};
use tempfile::TempDir;

const WORKFLOWS: &str = "/api/download/workflows";
/// Most time that an order of a test takes; reached only when something hangs.
const READY_WITHIN: Duration = Duration::from_secs(240);

/// A data directory with a store, and a key.
struct Shop {
    folder: TempDir,
    key: String,
    settings: Vec<String>,
}

impl Shop {
    fn new(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        prepare(&folder.path().join("data"));
        std::fs::create_dir_all(folder.path().join("store")).expect("a folder");
        let key = operator_key(&folder.path().join("data"));
        let root = format!("stores.disk.root={}", folder.path().join("store").display());
        let own = ["stores.disk.kind=directory", &root, "orders.lease_s=5"];
        let settings = own.iter().chain(settings).map(ToString::to_string).collect();
        Self { folder, key, settings }
    }

    fn serve(&self) -> (Server, Client) {
        let arguments: Vec<&str> = self.settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        let server = Server::start_with(&self.data(), &arguments);
        let client = server.client(&self.key);
        (server, client)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Puts `count` files of some bytes into the store, and items that have them into a collection.
    fn fill(&self, client: &Client, id: &str, count: usize, bytes: usize) {
        client.post("/collections", &collection(id, "public")).expect(201);
        let mut items = Vec::new();
        for number in 0..count {
            std::fs::write(self.store().join(format!("{id}-{number}.bin")), content(number, bytes)).expect("written");
            let mut item = item(id, &format!("i-{number:05}"), 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
            item["assets"] = json!({"data": {"href": format!("{id}-{number}.bin"), "roles": ["data"]}});
            items.push(item);
        }
        for some in items.chunks(2_000) {
            client.bulk(id, some).expect(200);
        }
    }
}

/// Bytes that differ from file to file.
fn content(number: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / 97 + number * 31) as u8 ^ (at % 97) as u8).collect()
}

fn submit(client: &Client, body: &Value) -> String {
    let answer = client.post(WORKFLOWS, body).expect(201).json();
    answer["workflowId"].as_str().expect("an id").to_owned()
}

fn all_of(id: &str) -> Value {
    json!({"search": {"collections": [id]}, "folder": "all"})
}

#[track_caller]
fn ended(client: &Client, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let status = client.get(&format!("{WORKFLOWS}/{id}/status")).expect(200).json();
        if !matches!(status["status"].as_str(), Some("CREATED" | "RUNNING")) {
            return status;
        }
        assert!(begun.elapsed() < READY_WITHIN, "{status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
fn completed(client: &Client, id: &str) {
    let status = ended(client, id);
    assert_eq!(status["status"], "COMPLETED", "{status}");
}

fn zip_path(id: &str) -> String {
    format!("{WORKFLOWS}/{id}/zip")
}

/// What Python's own reader, which checks every CRC, finds in an archive: names with their sizes.
#[track_caller]
fn listed(archive: &Path) -> Vec<(String, u64)> {
    let program = "import json, sys, zipfile\narchive = zipfile.ZipFile(sys.argv[1])\nassert archive.testzip() is None\n\
                   print(json.dumps([[i.filename, i.file_size] for i in archive.infolist()]))";
    let output = Command::new("python3").args(["-c", program]).arg(archive).output().expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a list")
}

fn member(archive: &Path, name: &str) -> Vec<u8> {
    let program = "import sys, zipfile\nsys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    let output =
        Command::new("python3").args(["-c", program]).arg(archive).arg(name).output().expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn kept(folder: &Path, answer: &Response) -> PathBuf {
    let path = folder.join("fetched.zip");
    std::fs::write(&path, &answer.body).expect("written");
    path
}

#[test]
fn an_order_holds_its_files_and_is_fetched_whole_in_parts_and_under_conditions() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 5, 10_000);
    let estimate = client.post(&format!("{WORKFLOWS}/estimate"), &all_of("c")).expect(200).json();
    assert_eq!((&estimate["files"], &estimate["unknownSizes"]), (&json!(5), &json!(5)), "{estimate}");
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let whole = client.get(&zip_path(&id)).expect(200);
    assert_eq!(whole.header("content-disposition"), Some(format!("attachment; filename={id}.zip").as_str()));
    assert_eq!(whole.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-encoding")), (Some("bytes"), None));
    let etag = whole.header("etag").expect("a tag").to_owned();
    let head = client.send("HEAD", &zip_path(&id), &[], None).expect(200);
    assert_eq!(
        (head.header("content-length"), head.header("etag")),
        (whole.header("content-length"), Some(etag.as_str()))
    );
    // From any byte to any other, also after a restart; another state than the one that was begun is sent whole.
    let size = whole.body.len();
    server.finish();
    let (server, client) = shop.serve();
    for (first, last) in [(0, 0), (1, 20_000), (size - 900, size - 1), (10_050, 31_000)] {
        let range = format!("bytes={first}-{last}");
        let part = client.send("GET", &zip_path(&id), &[("range", &range), ("if-range", &etag)], None).expect(206);
        assert!(part.body == whole.body[first..=last], "{range}");
    }
    client.send("GET", &zip_path(&id), &[("range", "bytes=5-9"), ("if-range", "\"other\"")], None).expect(200);
    client.send("GET", &zip_path(&id), &[("if-none-match", &etag)], None).expect(304);
    client.send("GET", &zip_path(&id), &[("range", &format!("bytes={size}-"))], None).problem(416);
    let path = kept(shop.folder.path(), &whole);
    let names: BTreeSet<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
    let mut expected: BTreeSet<String> = (0..5).map(|number| format!("all/c-{number}.bin")).collect();
    expected.extend(["manifest.json", "LICENCE.txt", "CITATION.txt"].map(|name| format!("all/{name}")));
    assert_eq!(names, expected);
    assert!(member(&path, "all/c-3.bin") == content(3, 10_000));
    let manifest: Value = serde_json::from_slice(&member(&path, "all/manifest.json")).expect("JSON");
    assert_eq!(manifest["files"].as_array().map(Vec::len), Some(5), "{manifest}");
    assert_eq!(manifest["files"][0]["origin"]["collection"], "c");
    // Nobody else sees it, and without a key nobody sees anything.
    server.visitor().get(&zip_path(&id)).problem(401);
    let metrics = server.visitor().get("/metrics").expect(200).text();
    assert!(metrics.contains("nilometer_orders{state=\"COMPLETED\"} 1"), "{metrics}");
    server.finish();
}

#[test]
fn an_order_of_ten_thousand_files_is_whole_and_a_broken_download_goes_on() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    let count = 10_000;
    shop.fill(&client, "many", count, 100);
    let id = submit(&client, &all_of("many"));
    completed(&client, &id);
    // A client that goes away in the middle, and one that goes on from there.
    let head = client.send("HEAD", &zip_path(&id), &[], None).expect(200);
    let (size, etag) =
        (head.header("content-length").expect("a length").to_owned(), head.header("etag").expect("a tag").to_owned());
    let cut = 700_001;
    let begun = begun_and_left(&client, &shop.key, &zip_path(&id), cut);
    let rest = client.send("GET", &zip_path(&id), &[("range", &format!("bytes={cut}-")), ("if-range", &etag)], None);
    let rest = rest.expect(206);
    let archive = [begun, rest.body].concat();
    assert_eq!(archive.len().to_string(), size);
    let path = shop.folder.path().join("many.zip");
    std::fs::write(&path, &archive).expect("written");
    let members = listed(&path);
    assert_eq!(members.len(), count + 3);
    assert_eq!(members.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), count + 3);
    let unzip = Command::new("unzip").args(["-tq"]).arg(&path).output();
    if let Ok(output) = unzip {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    server.finish();
}

/// The first bytes of an answer's body, whose connection is closed after them.
fn begun_and_left(client: &Client, key: &str, target: &str, bytes: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(client.address()).expect("connected");
    let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\nx-api-key: {key}\r\n\r\n", client.address());
    stream.write_all(request.as_bytes()).expect("sent");
    let mut got = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        let count = stream.read(&mut piece).expect("bytes");
        assert!(count > 0, "the answer ended");
        got.extend_from_slice(&piece[..count]);
        let body = got.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        if let Some(body) = body.filter(|body| got.len() >= body + bytes) {
            return got[body..body + bytes].to_vec();
        }
    }
}

#[test]
fn a_file_that_changed_since_breaks_the_download_off_and_the_order_says_so() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 3, 100_000);
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    std::fs::write(shop.store().join("c-1.bin"), content(9, 100_000)).expect("written");
    assert!(client.try_send("GET", &zip_path(&id), &[], None).is_err(), "a part looked whole");
    let begun = Instant::now();
    loop {
        let status = client.get(&format!("{WORKFLOWS}/{id}/status")).expect(200).json();
        if status["message"].as_str().is_some_and(|text| text.starts_with("FILE_UNAVAILABLE: all/c-1.bin")) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{status}");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Where it is the first that is needed, there is an answer to tell it by.
    let problem = client.send("GET", &zip_path(&id), &[("range", "bytes=150000-")], None).problem(410);
    assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("order-file-gone")), "{problem}");
    client.send("GET", &zip_path(&id), &[("range", "bytes=0-99999")], None).expect(206);
    // What is gone when the order is prepared is left out, and told.
    std::fs::remove_file(shop.store().join("c-1.bin")).expect("removed");
    let id = submit(&client, &all_of("c"));
    let status = ended(&client, &id);
    assert_eq!(status["status"], "COMPLETED");
    assert!(status["message"].as_str().is_some_and(|text| text.starts_with("INCOMPLETE: 1 files")), "{status}");
    let path = kept(shop.folder.path(), &client.get(&zip_path(&id)).expect(200));
    let manifest: Value = serde_json::from_slice(&member(&path, "all/manifest.json")).expect("JSON");
    assert_eq!(
        (manifest["files"].as_array().map(Vec::len), &manifest["missing"][0]["origin"]["item"]),
        (Some(2), &json!("i-00001"))
    );
    drop(server);
}

#[test]
fn names_never_lead_out_of_the_archive_and_none_is_lost() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    for folder in [
        "../../etc",
        "/abs",
        "C:\\Windows\\x",
        "a/../../b",
        "nul\0x",
        "..",
        ".",
        "con/aux.txt",
        "a\nb",
        "ünï/日本",
        "x".repeat(1_000).as_str(),
    ] {
        let id = submit(
            &client,
            &json!({"collections": [
            {"collectionId": "c", "correlationId": "c", "folder": folder, "filters": {"bbox": null}},
            {"collectionId": "c", "correlationId": "c_2", "folder": folder, "filters": null}]}),
        );
        completed(&client, &id);
        let path = kept(shop.folder.path(), &client.get(&zip_path(&id)).expect(200));
        let names: Vec<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>().len(), names.len());
        assert_eq!(names.iter().filter(|name| name.ends_with(".bin")).count(), 4, "{folder:?}: {names:?}");
        for name in &names {
            let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':', '\0', '\n']);
            assert!(!name.split('/').any(odd), "{folder:?}: {name:?}");
        }
        client.delete(&format!("{WORKFLOWS}/{id}")).expect(204);
    }
    server.finish();
}

#[test]
fn orders_are_cancelled_held_back_rerun_and_deleted_by_those_who_may() {
    let shop = Shop::new(&["orders.workers=0", "orders.open_per_user=3"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let id = submit(&client, &all_of("c"));
    let path = |action: &str| format!("{WORKFLOWS}/{id}/{action}");
    client.delete(&format!("{WORKFLOWS}/{id}")).problem(409);
    client.get(&path("zip")).problem(409);
    assert_eq!(
        client.post(&path("pause"), &json!({})).expect(200).json()["status"],
        "CREATED",
        "a state that clients know"
    );
    assert!(client.get(&path("status")).json()["message"].as_str().is_some_and(|text| text.starts_with("PAUSED: ")));
    client.post(&path("resume"), &json!({})).expect(200);
    assert_eq!(client.post(&path("cancel"), &json!({})).expect(200).json()["status"], "CANCELLED");
    client.post(&path("cancel"), &json!({})).problem(409);
    client.post(&path("rerun"), &json!({})).expect(200);
    let others = [submit(&client, &all_of("c")), submit(&client, &all_of("c")), submit(&client, &all_of("c"))];
    // Others than operators may have so many under way.
    let user = server.client(&key_of(&shop.data(), "ana", "user"));
    for _ in 0..3 {
        submit(&user, &all_of("c"));
    }
    user.post(WORKFLOWS, &all_of("c")).problem(429);
    for other in &others {
        client.post(&format!("{WORKFLOWS}/{other}/cancel"), &json!({})).expect(200);
        client.delete(&format!("{WORKFLOWS}/{other}")).expect(204);
        client.get(&format!("{WORKFLOWS}/{other}/status")).problem(404);
    }
    let audit = client.get("/admin/audit");
    assert_ne!(audit.status, 200, "operators do not read it");
    for wrong in [
        json!({}),
        json!({"collections": []}),
        json!({"search": {"bbox": [1, 2]}}),
        json!({"search": {}, "notify": {"webhook": "http://127.0.0.1/"}}),
    ] {
        client.post(WORKFLOWS, &wrong).problem(400);
    }
    client.post(WORKFLOWS, &all_of("nowhere")).problem(404);
    // Held back until there are workers; then it is prepared.
    server.finish();
    let shop = Shop {
        settings: shop.settings.iter().filter(|set| !set.starts_with("orders.workers")).cloned().collect(),
        ..shop
    };
    let (server, client) = shop.serve();
    completed(&client, &id);
    server.finish();
}

#[test]
fn a_basket_is_kept_shared_ordered_and_its_terms_accepted() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let mut closed = collection("closed", "public");
    closed["nilometer:licence_acceptance"] = json!(true);
    client.post("/collections", &closed).expect(201);
    let mut thing = item("closed", "x", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    thing["assets"] = json!({"data": {"href": "c-0.bin"}});
    client.post("/collections/closed/items", &thing).expect(201);
    let kept_search = client.post("/searches", &json!({"collections": ["c"]})).expect(201).json();
    let basket = json!({"selections": [{"search": kept_search["id"]}, {"search": {"collections": ["closed"]}}]});
    let shown = client.put("/account/basket", &basket).expect(200).json();
    assert_eq!(shown["selections"][0]["search"]["collections"], json!(["c"]), "{shown}");
    let shared = client.post("/account/basket/share", &json!({})).expect(201).json();
    let href = path_of(shared["href"].as_str().expect("a link"));
    assert_eq!(server.visitor().get(&href).expect(200).json()["selections"], shown["selections"]);
    let other = server.client(&key_of(&shop.data(), "ana", "user"));
    other.delete(&href).problem(404);
    assert_eq!(client.get("/account/export").expect(200).json()["shared_baskets"][0]["id"], shared["id"]);
    assert!(server.visitor().send("GET", &href, &[("accept", "text/html")], None).expect(200).text().contains("curl"));
    let problem = client.post("/account/basket/order", &json!({"name": "mine"})).problem(403);
    assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("licence-not-accepted")), "{problem}");
    assert_eq!(client.get("/account/licences").json()["open"][0]["collection"], "closed");
    let terms = client.get("/licences/closed").expect(200).json();
    assert_eq!((&terms["required"], &terms["accepted"]), (&json!(true), &Value::Null));
    client.post("/licences/closed", &json!({"terms": "other"})).problem(409);
    let order = client
        .post("/account/basket/order", &json!({"name": "mine", "accept_licences": ["closed"]}))
        .expect(201)
        .json();
    assert!(client.get("/licences/closed").json()["accepted"].is_string());
    let licences = client.get("/account/licences").json();
    let first = &licences["licences"][0];
    assert_eq!(
        (&first["collection"], &first["current"], &licences["open"]),
        (&json!("closed"), &json!(true), &json!([]))
    );
    assert_eq!(client.get("/account/basket").json()["selections"], json!([]), "an ordered basket is empty");
    let id = order["workflowId"].as_str().expect("an id");
    completed(&client, id);
    let names: BTreeSet<String> = listed(&kept(shop.folder.path(), &client.get(&zip_path(id)).expect(200)))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains("c/c-0.bin") && names.contains("closed/c-0.bin") && names.contains("closed/LICENCE.txt"),
        "{names:?}"
    );
    // Small selections without an order, in ranges too.
    let zip = format!(
        "{}/zip",
        path_of(&format!("{}/searches/{}", server.url(), kept_search["id"].as_str().expect("an id")))
    );
    let whole = client.get(&zip).expect(200);
    let part =
        client.send("GET", &zip, &[("range", "bytes=10-99"), ("if-range", whole.header("etag").expect("a tag"))], None);
    assert!(part.expect(206).body == whole.body[10..100]);
    server.visitor().get(&zip).problem(401);
    // Whoever may order finds the link; what is written back does not keep it.
    let found = client.get("/search?collections=c").expect(200).json();
    let link =
        |document: &Value| document["links"].as_array().into_iter().flatten().find(|l| l["rel"] == "order").cloned();
    assert_eq!(link(&found).expect("a link")["body"]["search"]["collections"], json!(["c"]));
    let of_item = client.get("/collections/c/items/i-00000").expect(200).json();
    submit(&client, &link(&of_item).expect("a link")["body"]);
    client.put("/collections/c/items/i-00000", &of_item).expect(204);
    assert_eq!(link(&server.visitor().get("/collections/c/items/i-00000").json()), None);
    for page in [
        "/orders",
        &format!("/orders/{id}"),
        "/account/basket",
        "/admin/orders",
        "/licences/closed",
        "/account/licences",
        "/account/basket/add?query=collections%3Dc",
    ] {
        for lang in ["en", "fr"] {
            let address = format!("{page}{}lang={lang}", if page.contains('?') { "&" } else { "?" });
            let answer = client.send("GET", &address, &[("accept", "text/html")], None).expect(200);
            assert!(answer.text().contains(&format!("<html lang=\"{lang}\"")), "{address}");
        }
    }
    server.finish();
}

#[test]
fn what_is_not_needed_any_more_is_swept_and_a_new_run_is_not() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let [again, gone, idle] = [(); 3].map(|()| submit(&client, &all_of("c")));
    for id in [&again, &gone, &idle] {
        completed(&client, id);
    }
    client.delete(&format!("{WORKFLOWS}/{gone}")).expect(204);
    client.post(&format!("{WORKFLOWS}/{again}/rerun"), &json!({})).expect(200);
    completed(&client, &again);
    server.finish();
    // The first thing that a service does is to sweep.
    let (server, client) = shop.serve();
    let states = |id: &str| {
        let states = std::fs::read_dir(shop.data().join("orders").join(id)).into_iter().flatten().flatten();
        states.filter_map(|state| state.file_name().to_string_lossy().parse::<i64>().ok()).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    while states(&again).len() > 1 || !states(&gone).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?} {:?}", states(&again), states(&gone));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((states(&again), states(&idle)), (vec![3], vec![1]));
    for id in [&again, &idle] {
        client.get(&zip_path(id)).expect(200);
    }
    server.finish();
}

#[test]
fn a_search_over_all_leaves_out_what_is_not_for_whoever_asks_and_a_name_is_refused() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    for id in ["open", "meta"] {
        shop.fill(&client, id, 2, 10);
    }
    let mut closed = collection("closed", "public");
    closed["nilometer:licence_acceptance"] = json!(true);
    client.post("/collections", &closed).expect(201);
    let mut thing = item("closed", "x", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    thing["assets"] = json!({"data": {"href": "open-0.bin"}});
    client.post("/collections/closed/items", &thing).expect(201);
    let data = shop.data();
    let data = data.to_str().expect("a plain name");
    let narrowed = ["admin", "grant", "set", "--group", "everyone", "--collection", "meta", "--level", "metadata"];
    server.finish();
    nilometer_tests::nilometer(Path::new("/"), &[&narrowed[..], &["--data", data]].concat()).success();
    let (server, _) = shop.serve();
    let ana = server.client(&key_of(&shop.data(), "ana", "user"));
    let estimate = |body: &Value| ana.post(&format!("{WORKFLOWS}/estimate"), body);

    let all = json!({"search": {}});
    let found = estimate(&all).expect(200).json();
    assert_eq!((&found["files"], &found["collections"], &found["licences"]), (&json!(2), &json!(["open"]), &json!([])));
    let left = |found: &Value| -> BTreeSet<String> {
        let left = found["leftOut"].as_array().into_iter().flatten();
        left.map(|left| format!("{} {} {}", left["items"], left["collection"], left["reason"]).replace('"', ""))
            .collect()
    };
    let both = ["2 meta files-not-granted", "1 closed licence-not-accepted"].map(str::to_owned);
    assert_eq!(left(&found), BTreeSet::from(both.clone()));
    let id = submit(&ana, &all);
    let status = ended(&ana, &id);
    let message = status["message"].as_str().unwrap_or_default();
    assert_eq!(status["status"], "COMPLETED", "{status}");
    assert!(message.starts_with("INCOMPLETE: 0 files") && message.contains("2 items of \"meta\""), "{message}");
    assert!(message.contains("1 items of \"closed\"") && message.contains("/licences/closed"), "{message}");
    let path = kept(shop.folder.path(), &ana.get(&zip_path(&id)).expect(200));
    let manifest: Value = serde_json::from_slice(&member(&path, "open/manifest.json")).expect("JSON");
    assert_eq!(manifest["left_out"].as_array().map(Vec::len), Some(2), "{manifest}");
    assert!(listed(&path).iter().all(|(name, _)| name.starts_with("open/")));

    // Accepted with the order, the terms are no reason any more.
    let id = submit(&ana, &json!({"search": {}, "accept_licences": ["closed"]}));
    completed(&ana, &id);
    let names = listed(&kept(shop.folder.path(), &ana.get(&zip_path(&id)).expect(200)));
    assert!(names.iter().any(|(name, _)| name == "closed/open-0.bin"), "{names:?}");
    assert_eq!(left(&estimate(&all).expect(200).json()), BTreeSet::from([both[0].clone()]));
    // What is named is refused by its name, and nothing else makes up for it.
    let problem = estimate(&json!({"search": {"collections": ["open", "meta"]}})).problem(403);
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("\"meta\"")), "{problem}");
    let id = submit(&ana, &json!({"collections": [{"collectionId": "meta"}]}));
    let status = ended(&ana, &id);
    assert!(status["message"].as_str().is_some_and(|text| text.starts_with("NOT_ALLOWED: ")), "{status}");
    let id = submit(&ana, &json!({"search": {"ids": ["i-00000"], "q": "nothing of this kind"}}));
    assert!(ended(&ana, &id)["message"].as_str().is_some_and(|text| text.starts_with("EMPTY_SELECTION: ")));
    server.finish();
}

#[test]
fn what_is_written_for_orders_is_bounded_for_each_account_and_in_all() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1_000, 1);
    let first = submit(&client, &all_of("c"));
    completed(&client, &first);
    server.finish();
    let folder = shop.data().join("orders").join(&first).join("1");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let bytes: u64 = files.map(|file| file.metadata().expect("a file").len()).sum();
    assert!(bytes > 200_000, "{bytes}");
    let serve = |bound: &str, most: u64| {
        let settings = [&shop.settings[..], &[format!("orders.{bound}={most}")]].concat();
        let arguments: Vec<&str> = settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        let server = Server::start_with(&shop.data(), &arguments);
        let client = server.client(&shop.key);
        (server, client)
    };
    // What lay there counts: there is room for a second one and a half.
    let (server, client) = serve("spool_bytes_per_user", bytes * 5 / 2);
    let second = submit(&client, &all_of("c"));
    completed(&client, &second);
    let third = submit(&client, &all_of("c"));
    let status = ended(&client, &third);
    assert!(status["message"].as_str().is_some_and(|text| text.starts_with("WHOLE_QUOTA_EXCEEDED: ")), "{status}");
    let other = server.client(&key_of(&shop.data(), "ana", "user"));
    completed(&other, &submit(&other, &all_of("c")));
    server.finish();
    let (server, client) = serve("spool_bytes_per_user", bytes * 2 + 10_000);
    let problem = client.post(WORKFLOWS, &all_of("c")).problem(409);
    assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("orders-room")), "{problem}");
    // Deleting makes room, soon.
    client.delete(&format!("{WORKFLOWS}/{first}")).expect(204);
    let begun = Instant::now();
    while client.post(WORKFLOWS, &all_of("c")).status != 201 {
        assert!(begun.elapsed() < Duration::from_secs(20), "no room came back");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.finish();
    let (server, client) = serve("spool_bytes_in_all", bytes * 2);
    client.post(WORKFLOWS, &all_of("c")).problem(507);
    // Its log tells those who run it that there is no room.
    drop(server);
}

#[test]
fn shared_baskets_are_their_owner_s_and_changes_at_the_same_moment_all_take_effect() {
    let shop = Shop::new(&["orders.shared_per_user=2", "orders.shared_bytes=1024"], |_| {});
    let (server, client) = shop.serve();
    let key = key_of(&shop.data(), "ana", "user");
    let ana = server.client(&key);
    let basket = |words: &str| json!({"selections": [{"search": {"q": words}}]});
    let share = |client: &Client, words: &str| {
        client.put("/account/basket", &basket(words)).expect(200);
        client.post("/account/basket/share", &json!({}))
    };
    let first = share(&ana, "a").expect(201).json();
    assert_eq!(share(&ana, "a").expect(201).json()["id"], first["id"], "the same basket has one link");
    let second = share(&ana, "b").expect(201).json();
    let problem = share(&ana, "c").problem(409);
    assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("baskets-full")), "{problem}");
    let listed = ana.get("/account/baskets").expect(200).json();
    assert_eq!(listed["baskets"].as_array().map(Vec::len), Some(2), "{listed}");
    let href = path_of(first["href"].as_str().expect("a link"));
    server.visitor().get(&href).expect(200);
    server.visitor().delete(&href).problem(401);
    client.delete(&href).problem(404);
    ana.delete(&href).expect(204);
    server.visitor().get(&href).problem(404);
    share(&ana, "c").expect(201);

    // Put in at once by several, everything is in it.
    ana.delete("/account/basket").expect(204);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (server, key) = (&server, &key);
            scope.spawn(move || {
                let more = json!({"query": format!("q=water{number}")});
                server.client(key).post("/account/basket/add", &more).expect(200);
            });
        }
    });
    let held = ana.get("/account/basket").expect(200).json();
    assert_eq!(held["selections"].as_array().map(Vec::len), Some(8), "{held}");
    // What an account shared goes with it.
    ana.send("DELETE", "/account", &[("content-type", "application/json")], Some(b"{\"confirm\": \"ana\"}"))
        .expect(204);
    server.visitor().get(&path_of(second["href"].as_str().expect("a link"))).problem(404);
    share(&client, &"x".repeat(1_000)).problem(507);
    // Its log tells those who run it that there is no room.
    drop(server);
}

#[test]
fn the_program_with_curl_goes_on_with_its_order_and_tells_refusals() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 5_000);
    client.put("/account/basket", &json!({"selections": [{"search": {"collections": ["c"]}}]})).expect(200);
    let text = client.get("/account/basket/script?kind=curl").expect(200).text();
    let folder = shop.folder.path().join("downloads");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("order.sh"), &text).expect("written");
    let run = |key: &str| {
        let mut command = Command::new("sh");
        command.arg("order.sh").current_dir(&folder).env("HYDROWEB_API_KEY", key);
        let output = command.output().expect("sh can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let orders = || client.get(&format!("{WORKFLOWS}?unpaged=true")).expect(200).json()["totalElements"].clone();
    let (done, _, said) = run("nil_wrong");
    assert!(!done && said.contains("refused (401): "), "{said}");
    assert_eq!(orders(), 0);
    let (done, told, said) = run(&shop.key);
    assert!(done, "{told}{said}");
    let archive = folder.join(told.lines().last().expect("a name"));
    assert_eq!(listed(&archive).len(), 5);
    // Once more: the same order, and nothing is fetched twice; a part goes on from where it is.
    assert!(run(&shop.key).0);
    let whole = std::fs::read(&archive).expect("read");
    std::fs::rename(&archive, archive.with_extension("zip.part")).expect("moved");
    let part = std::fs::File::options().write(true).open(archive.with_extension("zip.part")).expect("a file");
    part.set_len(3_000).expect("cut");
    assert!(run(&shop.key).0);
    assert!(std::fs::read(&archive).expect("read") == whole);
    assert_eq!(orders(), 1);
    // What is refused or failed is told, and the next run orders anew.
    let id = archive.file_stem().expect("a name").to_string_lossy().into_owned();
    std::fs::remove_file(&archive).expect("removed");
    client.delete(&format!("{WORKFLOWS}/{id}")).expect(204);
    let (done, _, said) = run(&shop.key);
    assert!(!done && said.contains("refused (404): ") && said.contains("there is no order"), "{said}");
    let mut closed = collection("c", "public");
    closed["nilometer:licence_acceptance"] = json!(true);
    client.put("/collections/c", &closed).expect(204);
    let (done, _, said) = run(&shop.key);
    assert!(!done && said.contains("refused (403): ") && said.contains("/licences/c"), "{said}");
    assert_eq!(orders(), 0);
    server.finish();
}

/// A server that has one file at every address, and counts how often its bytes are asked for.
fn counting_server(bytes: Vec<u8>) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut piece = [0; 4_096];
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(count) if count > 0 => head.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")).and_then(|range| {
                let (first, last) = range.split_once('-')?;
                Some((first.parse::<usize>().ok()?, last.parse::<usize>().unwrap_or(bytes.len() - 1)))
            });
            let (first, last) = range.unwrap_or((0, bytes.len() - 1));
            let (code, more) = match range {
                Some(_) => ("206 Partial Content", format!("content-range: bytes {first}-{last}/{}\r\n", bytes.len())),
                None => ("200 OK", String::new()),
            };
            let length = last + 1 - first;
            let answer = format!(
                "HTTP/1.1 {code}\r\netag: \"a\"\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
            if head.starts_with("get ") {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&bytes[first..=last]);
            }
        }
    });
    (address, count)
}

#[test]
fn a_checksum_that_was_computed_once_is_not_computed_again_for_another_range() {
    let (address, asked) = counting_server(content(1, 50_000));
    let hosts = format!("remote.hosts={address}");
    let shop = Shop::new(&[&hosts, "remote.addresses=127.0.0.1"], |_| {});
    let (server, client) = shop.serve();
    client.post("/collections", &collection("c", "public")).expect(201);
    let mut thing = item("c", "x", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    thing["assets"] = json!({"data": {"href": format!("http://{address}/a.bin"), "roles": ["data"]}});
    client.post("/collections/c/items", &thing).expect(201);
    let search = client.post("/searches", &json!({"collections": ["c"]})).expect(201).json();
    let zip = format!("/searches/{}/zip", search["id"].as_str().expect("an id"));
    let length =
        client.send("HEAD", &zip, &[], None).expect(200).header("content-length").expect("a length").to_owned();
    let length: usize = length.parse().expect("a number");
    let tail = || {
        let range = format!("bytes={}-", length - 400);
        client.send("GET", &zip, &[("range", &range)], None).expect(206).body
    };
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // The directory at the end holds the checksum of the file, which nobody knows yet.
    let first = tail();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(tail() == first && tail() == first);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let whole = client.get(&zip).expect(200);
    assert!(whole.body.ends_with(&first) && asked.load(Ordering::SeqCst) == 2);
    assert_eq!(listed(&kept(shop.folder.path(), &whole)).len(), 4);
    server.finish();
}

#[test]
fn check_finds_what_was_changed_of_orders_and_folders_without_one() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let data = shop.data();
    let check = || {
        let output =
            nilometer_tests::nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
        output.stdout
    };
    assert!(check().starts_with("no findings"), "beside the server: {}", check());
    server.finish();
    assert!(check().starts_with("no findings"), "{}", check());
    let folder = data.join("orders").join(&id).join("1");
    for name in ["contents.json", "spool"] {
        let path = folder.join(name);
        let right = std::fs::read(&path).expect("a file");
        let mut wrong = right.clone();
        let middle = wrong.len() / 2;
        wrong[middle] ^= 1;
        std::fs::write(&path, &wrong).expect("written");
        assert!(check().contains("was changed"), "{name}: {}", check());
        std::fs::remove_file(&path).expect("removed");
        assert!(check().contains(&format!("{name} cannot be read")), "{}", check());
        std::fs::write(&path, &right).expect("written");
    }
    let stray = data.join("orders").join("5f0c");
    std::fs::create_dir(&stray).expect("a folder");
    assert!(check().contains("there is no such order"), "{}", check());
    std::fs::remove_dir(&stray).expect("removed");
    assert!(check().starts_with("no findings"), "{}", check());
}

#[test]
fn whoever_opens_an_order_without_being_signed_in_is_led_there_and_back() {
    let shop = Shop::new(&["orders.workers=0"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1, 10);
    let id = submit(&client, &all_of("c"));
    for path in ["", "/files", "/script?kind=curl"] {
        let path = format!("/orders/{id}{path}");
        let sent = server.visitor().send("GET", &path, &[("accept", "text/html")], None).expect(303);
        let to = sent.header("location").expect("a way").to_owned();
        assert_eq!(to, format!("/sign-in?next={}", encode(&path)), "{path}");
        server.visitor().get(&path).problem(401);
    }
    server.finish();
}

#[test]
fn a_key_for_ordering_orders_and_one_for_fetching_fetches() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1, 10);
    let key = |scopes: Value| {
        let made = client.post("/account/keys", &json!({"scopes": scopes})).expect(201).json();
        server.client(made["key"].as_str().expect("a key"))
    };
    let (orders, fetches) = (key(json!(["read", "order"])), key(json!(["read", "download"])));
    orders.post(&format!("{WORKFLOWS}/estimate"), &all_of("c")).expect(200);
    let id = submit(&orders, &all_of("c"));
    completed(&orders, &id);
    orders.get(&zip_path(&id)).problem(403);
    fetches.post(WORKFLOWS, &all_of("c")).problem(403);
    fetches.get(&zip_path(&id)).expect(200);
    server.finish();
}

/// A zipped shapefile of three points with the columns `reach_id`, `time_str`, `wse` and `width`, the last row without a value.
fn write_shapefile(path: &Path) {
    let program = r#"
import struct, sys, zipfile
rows = [("23214400101", "2024-01-01T00:00:00Z", "   10.500", "  100.00", 1.0), ("23214400111", "2024-02-01T00:00:00Z", "   11.500", "  200.00", 2.0),
        ("23214400121", "2024-03-01T00:00:00Z", "-999999999999.000"[:9], "  300.00", 30.0)]
rows[2] = ("23214400121", "2024-03-01T00:00:00Z", " " * 9, "  300.00", 30.0)
records = b"".join(struct.pack(">2i", i + 1, 10) + struct.pack("<i2d", 1, x, 45.0) for i, (*_, x) in enumerate(rows))
head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(records)) // 2) + struct.pack("<2i8d", 1000, 1, 1, 45, 30, 45, 0, 0, 0, 0)
fields = [(b"reach_id", b"C", 11, 0), (b"time_str", b"C", 20, 0), (b"wse", b"N", 9, 3), (b"width", b"N", 8, 2)]
size = 1 + sum(f[2] for f in fields)
dbf = struct.pack("<4BIHH20x", 3, 124, 1, 1, len(rows), 33 + 32 * len(fields), size)
for name, kind, length, decimals in fields:
    dbf += name.ljust(11, b"\0") + kind + b"\0" * 4 + bytes([length, decimals]) + b"\0" * 14
dbf += b"\x0d" + b"".join((" " + a.ljust(11) + b.ljust(20) + c.rjust(9) + d.rjust(8)).encode() for a, b, c, d, _ in rows) + b"\x1a"
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("reaches.shp", head + records)
    out.writestr("reaches.dbf", dbf)
"#;
    let done = Command::new("python3").args(["-c", program]).arg(path).output().expect("python3 can be run");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn shapefiles_are_delivered_in_other_formats_whole_and_in_part() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    client.post("/collections", &collection("c", "public")).expect(201);
    write_shapefile(&shop.store().join("reaches.zip"));
    std::fs::write(shop.store().join("other.zip"), b"no zip at all").expect("written");
    for name in ["reaches", "other"] {
        let mut thing = item("c", name, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
        thing["assets"] =
            json!({"data": {"href": format!("{name}.zip"), "type": "application/zip", "roles": ["data"]}});
        client.post("/collections/c/items", &thing).expect(201);
    }
    let order = |selection: Value| {
        let id = submit(&client, &json!({"selections": [selection]}));
        let status = ended(&client, &id);
        (status, kept(shop.folder.path(), &client.get(&zip_path(&id)).expect(200)))
    };
    let search = json!({"collections": ["c"]});
    let (status, path) = order(json!({"search": search, "formats": ["original", "geojson", "csv", "geoparquet"]}));
    assert!(status["message"].as_str().is_some_and(|text| text.contains("3 files are not to be had")), "{status}");
    let names: BTreeSet<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
    for name in ["reaches.zip", "reaches.geojson", "reaches.csv", "reaches.parquet", "other.zip"] {
        assert!(names.contains(&format!("c/{name}")), "{names:?}");
    }
    let features: Value = serde_json::from_slice(&member(&path, "c/reaches.geojson")).expect("GeoJSON");
    assert_eq!(features["features"].as_array().map(Vec::len), Some(3));
    let last = &features["features"][2];
    assert_eq!((&last["properties"]["wse"], &last["properties"]["reach_id"]), (&Value::Null, &json!("23214400121")));
    assert_eq!(last["geometry"], json!({"type": "Point", "coordinates": [30.0, 45.0]}));
    assert_eq!(&member(&path, "c/reaches.parquet")[..4], b"PAR1");
    let part = json!({"bbox": [0, 40, 5, 50], "datetime": "2024-01-15T00:00:00Z/..", "parameters": ["wse"]});
    let (_, path) =
        order(json!({"search": {"collections": ["c"], "ids": ["reaches"]}, "formats": ["csv"], "subset": part}));
    let text = String::from_utf8(member(&path, "c/reaches.csv")).expect("text");
    assert_eq!(text, "reach_id,time_str,wse,geometry\r\n23214400111,2024-02-01T00:00:00Z,11.5,POINT (2.0 45.0)\r\n");
    server.finish();
}

#[test]
fn series_are_delivered_as_tables_whole_and_in_part() {
    let shop = Shop::new(&[], demo_copy);
    let (server, client) = shop.serve();
    let all = client.get("/collections?limit=1000").expect(200).json();
    let with_series =
        all["collections"].as_array().into_iter().flatten().find(|c| c["data_queries"]["locations"].is_object());
    let id = with_series.expect("a collection with series")["id"].as_str().expect("an id").to_owned();
    let features = client.get(&format!("/collections/{id}/locations?limit=2")).expect(200).json();
    let ids: Vec<&str> =
        features["features"].as_array().into_iter().flatten().filter_map(|f| f["id"].as_str()).collect();
    let fetched = |more: Value| {
        let mut selection = json!({"search": {"collections": [id], "ids": [ids[0]]}, "folder": "s"});
        if let (Some(all), Value::Object(more)) = (selection.as_object_mut(), more) {
            all.extend(more);
        }
        let order = submit(&client, &json!({"selections": [selection]}));
        completed(&client, &order);
        kept(shop.folder.path(), &client.get(&zip_path(&order)).expect(200))
    };
    let path = fetched(json!({"formats": ["csv", "parquet"]}));
    let names: Vec<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
    let csv = names.iter().find(|name| name.ends_with(".csv")).expect("a table").clone();
    assert!(names.iter().any(|name| name.ends_with(".parquet")), "{names:?}");
    let asset = format!("/collections/{id}/items/{}/assets/{}", encode(ids[0]), encode(&format!("{}.csv", ids[0])));
    let whole = client.get(&asset).expect(200).body;
    assert!(member(&path, &csv) == whole, "the order's series is the file of the feature");
    let text = String::from_utf8(whole).expect("text");
    let times: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    let middle = times[times.len() / 2];
    let path = fetched(json!({"subset": {"datetime": format!("{middle}/..")}}));
    let part = String::from_utf8(member(&path, &csv)).expect("text");
    assert_eq!(part.lines().count() - 1, times.iter().filter(|time| **time >= middle).count());
    server.finish();
}

/// Kills the server at random moments while it prepares orders: each is delivered, whole, and only once.
fn kill_while_orders_are_prepared(orders: usize, kills: u32) {
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = Shop::new(&["orders.workers=4", "orders.running_per_user=4", "orders.open_per_user=1000"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 400, 200);
    let ids: Vec<String> = (0..orders).map(|_| submit(&client, &all_of("c"))).collect();
    let mut running = (server, client);
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(random.u64(20..600)));
        running.0.kill();
        running = shop.serve();
    }
    let (server, client) = running;
    let mut archives = BTreeSet::new();
    for id in &ids {
        completed(&client, id);
        let answer = client.get(&zip_path(id)).expect(200);
        let path = kept(shop.folder.path(), &answer);
        assert_eq!(listed(&path).len(), 403);
        archives.insert(id.clone());
        let states = std::fs::read_dir(shop.data().join("orders").join(id)).expect("a folder").count();
        assert!(states >= 1, "what was prepared is there");
    }
    assert_eq!(archives.len(), orders);
    let listed = client.get(&format!("{WORKFLOWS}?unpaged=true")).expect(200).json();
    assert_eq!(listed["totalElements"], orders);
    // What killed workers left goes by itself, and nothing in the database is damaged.
    server.finish();
    let data = shop.data();
    let check = nilometer_tests::nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
    check.success();
}

#[test]
fn no_order_is_lost_when_the_server_is_killed_while_it_prepares_them() {
    kill_while_orders_are_prepared(10, rounds(8, 8));
}

#[test]
#[ignore = "minutes; `make long`"]
fn of_fifty_orders_none_is_lost_when_workers_are_killed_fifty_times() {
    kill_while_orders_are_prepared(50, rounds(50, 50));
}

#[test]
#[ignore = "5 GiB of disk; `make long`"]
fn an_order_of_more_than_four_gibibytes_is_streamed_and_resumed_in_little_memory() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 5, 10);
    for number in 0..5 {
        // Holes: the bytes are there for readers, and take no disk.
        let file = std::fs::File::create(shop.store().join(format!("c-{number}.bin"))).expect("a file");
        file.set_len(1 << 30).expect("a length");
    }
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let size: u64 = client
        .send("HEAD", &zip_path(&id), &[], None)
        .expect(200)
        .header("content-length")
        .and_then(|v| v.parse().ok())
        .expect("a length");
    assert!(size > 5 << 30);
    let path = shop.folder.path().join("large.zip");
    let url = format!("{}{}", server.url(), zip_path(&id));
    let key = format!("x-api-key: {}", shop.key);
    // Broken off after a while, then gone on with until it is whole.
    let curl = |limits: &[&str]| {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--fail", "--continue-at", "-", "--header", &key, "--output"])
            .arg(&path)
            .args(limits)
            .arg(&url);
        command.status().expect("curl can be run")
    };
    let broken = curl(&["--max-time", "2"]);
    assert!(!broken.success(), "the whole came within two seconds");
    let begun = std::fs::metadata(&path).expect("a part").len();
    assert!(begun > 0 && begun < size);
    assert!(curl(&[]).success());
    assert_eq!(std::fs::metadata(&path).expect("the whole").len(), size);
    assert_eq!(listed(&path).len(), 8);
    let metrics = server.visitor().get("/metrics").expect(200).text();
    let resident = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_resident_memory_bytes "))
        .and_then(|v| v.parse::<u64>().ok());
    assert!(resident.expect("a figure") < 600 << 20, "{resident:?}");
    server.finish();
}

#[test]
fn sigterm_ends_the_service_in_time_and_a_long_download_goes_on_afterwards() {
    let shop = Shop::new(&["limits.shutdown_grace_s=2"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 4, 10);
    for number in 0..4 {
        let file = std::fs::File::create(shop.store().join(format!("c-{number}.bin"))).expect("a file");
        file.set_len(50 << 20).expect("a length");
    }
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let head = client.send("HEAD", &zip_path(&id), &[], None).expect(200);
    let etag = head.header("etag").expect("a tag").to_owned();
    let size: usize = head.header("content-length").and_then(|v| v.parse().ok()).expect("a length");
    let waiting: Vec<String> = (0..5).map(|_| submit(&client, &all_of("c"))).collect();
    // A reader that takes a little and then nothing any more.
    let mut stream = TcpStream::connect(client.address()).expect("connected");
    let request =
        format!("GET {} HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n", zip_path(&id), client.address(), shop.key);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut first = [0; 4_096];
    stream.read_exact(&mut first).expect("the beginning");
    let begun = Instant::now();
    server.signal("TERM");
    let mut server = server;
    while server.is_alive() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the service goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(server);
    let (server, client) = shop.serve();
    let range = format!("bytes={}-", size - 5_000);
    let part = client.send("GET", &zip_path(&id), &[("range", &range), ("if-range", &etag)], None).expect(206);
    assert_eq!(part.body.len(), 5_000);
    for id in &waiting {
        completed(&client, id);
    }
    server.finish();
}

#[test]
fn the_end_of_an_order_is_told_by_a_signed_message() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let hosts = format!("webhooks.hosts=127.0.0.1:{}", address.port());
    let shop = Shop::new(&[&hosts, "webhooks.addresses=127.0.0.1"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1, 10);
    let body = json!({"search": {"collections": ["c"]}, "name": "mine", "notify": {"webhook": format!("http://{address}/hook")}});
    let id = submit(&client, &body);
    let (mut stream, _) = listener.accept().expect("a message");
    let mut got = Vec::new();
    let mut piece = [0; 4_096];
    let message: Value = loop {
        let count = stream.read(&mut piece).expect("bytes");
        got.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(message) = serde_json::from_str(body)
        {
            break message;
        }
        assert!(count > 0, "{text}");
    };
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").expect("answered");
    assert_eq!((message["workflowId"].as_str(), message["status"].as_str()), (Some(id.as_str()), Some("COMPLETED")));
    let head = String::from_utf8_lossy(&got).to_lowercase();
    let signature =
        head.lines().find_map(|line| line.strip_prefix("nilometer-signature: sha256=")).expect("a signature");
    assert_eq!(signature.len(), 64);
    server.finish();
}

#[test]
fn a_message_goes_only_where_the_service_sends_messages() {
    let with = |address: &str| json!({"search": {"collections": ["c"]}, "notify": {"webhook": address}});
    // Whose files are handed on is not therefore told of orders.
    let shop = Shop::new(&["remote.hosts=127.0.0.1:9,files.example", "remote.addresses=127.0.0.1"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1, 10);
    for refused in
        ["http://127.0.0.1:9/hook", "http://files.example/hook", "https://127.0.0.1:9/hook", "https://[::1]/"]
    {
        client.post(WORKFLOWS, &with(refused)).problem(400);
    }
    server.finish();
    let shop =
        Shop { settings: [&shop.settings[..], &["webhooks.hosts=hook.example,127.0.0.1".into()]].concat(), ..shop };
    let (server, client) = shop.serve();
    for refused in ["https://other.example/hook", "http://127.0.0.1/hook"] {
        client.post(WORKFLOWS, &with(refused)).problem(400);
    }
    server.finish();
}

#[test]
fn the_end_of_an_order_is_told_by_mail_and_nobody_sees_the_orders_of_another() {
    let shop = Shop::new(&[], |_| {});
    let data = shop.data();
    let data = data.to_str().expect("a plain name");
    let run = |arguments: &[&str]| {
        nilometer_tests::nilometer(Path::new("/"), &[arguments, &["--data", data]].concat()).success()
    };
    run(&["admin", "user", "add", "--name", "ana", "--email", "ana@water.example", "--role", "user"]);
    let made = run(&["admin", "key", "create", "--user", "ana", "--role", "user"]).stdout;
    let key = made.lines().last().unwrap_or_default().trim().to_owned();
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1, 10);
    let ana = server.client(&key);
    let id = submit(&ana, &json!({"search": {"collections": ["c"]}, "name": "crue", "notify": {"mail": true}}));
    completed(&ana, &id);
    let begun = Instant::now();
    let letter = loop {
        let letters = std::fs::read_dir(shop.data().join("mail")).into_iter().flatten().flatten();
        let whole = letters.filter(|entry| entry.path().extension().is_some_and(|end| end == "eml"));
        let texts: Vec<String> = whole.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect();
        if let Some(letter) = texts.into_iter().find(|text| text.contains(&format!("/orders/{id}"))) {
            break letter;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no letter");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(letter.contains("To: ana@water.example"), "{letter}");
    // Somebody else's order is none, also for an operator who is not its owner; only the lists for operators have it.
    client.get(&format!("{WORKFLOWS}/{id}/status")).problem(404);
    client.get(&zip_path(&id)).problem(404);
    let all = client.get("/admin/orders").expect(200).json();
    assert_eq!(all["orders"][0]["user"], "ana", "{all}");
    ana.get("/admin/orders").problem(403);
    ana.post(&format!("{WORKFLOWS}/{id}/pause"), &json!({})).problem(403);
    let kept = ana.get("/account/export").expect(200).json();
    assert_eq!(kept["orders"][0]["workflowId"], id.as_str());
    server.finish();
}
