//! The commands, run as a user runs them, from a folder that is not the data's.

use std::fs;
use std::path::{Path, PathBuf};

use nilometer_tests::{Client, Server, collection, demo_copy, item, long, nilometer, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder to stand in, and the path of data that does not lie in it.
fn place() -> (TempDir, PathBuf, PathBuf) {
    let root = TempDir::new().expect("a temporary folder");
    let (here, data) = (root.path().join("some where"), root.path().join("data"));
    fs::create_dir(&here).expect("a folder can be made");
    (root, here, data)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

#[test]
fn the_demo_fills_a_folder_and_a_second_run_changes_nothing() {
    let (_root, here, data) = place();
    nilometer(&here, &["demo", "--data", text(&data)]).success();
    let stats = |data: &Path| -> Value {
        let output = nilometer(&here, &["stats", "--data", text(data), "--json"]).success();
        serde_json::from_str(&output.stdout).expect("stats --json prints JSON")
    };
    let first = stats(&data);
    assert!(first["items"].as_u64().is_some_and(|n| n > 100), "{first}");
    nilometer(&here, &["demo", "--data", text(&data)]).success();
    let second = stats(&data);
    assert_eq!((&second["sequence"], &second["items"]), (&first["sequence"], &first["items"]));
    nilometer(&here, &["check", "--data", text(&data)]).success();
    let searched = nilometer(&here, &["search", "--data", text(&data), "--limit", "3"]).success();
    assert!(!searched.stdout.trim().is_empty());
}

#[test]
fn files_are_ingested_with_a_report_and_found_by_search() {
    let (_root, here, data) = place();
    let good: Vec<Value> =
        (0..3).map(|i| item("c", &format!("i{i}"), 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}))).collect();
    let broken = r#"{"type":"Feature","id":"broken","collection":"c","geometry":7,"properties":{"datetime":"2024-01-01T00:00:00Z"}}"#;
    let lines: String = good.iter().map(|g| format!("{g}\n")).collect();
    fs::write(here.join("items.ndjson"), format!("{lines}{broken}\n")).expect("a file can be written");
    fs::write(here.join("collection.json"), collection("c", "public").to_string()).expect("a file can be written");
    let ingest = |paths: &[&str]| {
        let mut arguments = vec!["ingest", "--data", text(&data)];
        arguments.extend_from_slice(paths);
        nilometer(&here, &arguments)
    };
    let first = ingest(&["collection.json", "items.ndjson"]);
    let report = format!("{}{}", first.stdout, first.stderr);
    assert!(report.contains("items.ndjson") && report.contains("broken"), "the rejected record is named: {report}");
    let again = ingest(&["items.ndjson"]);
    let report = format!("{}{}", again.stdout, again.stderr);
    assert!(report.contains("unchanged"), "{report}");
    let found = nilometer(&here, &["search", "--data", text(&data), "--collections", "c"]).success();
    for id in ["i0", "i1", "i2"] {
        assert!(found.stdout.contains(id), "{}", found.stdout);
    }
    nilometer(&here, &["ingest", "--data", text(&data), "no such file"]).failure();
}

#[test]
fn what_was_compacted_away_is_gone_from_the_feed_which_says_where_to_begin_anew() {
    let (_root, here, data) = place();
    let key = operator_key(&data);
    let server = Server::start(&data);
    let client = server.client(&key);
    client.post("/collections", &collection("c", "public")).expect(201);
    for n in 0..5 {
        let item = item("c", &format!("i{n}"), f64::from(n), 2.0, "2024-01-01T00:00:00Z", json!({}));
        client.post("/collections/c/items", &item).expect(201);
    }
    client.delete("/collections/c/items/i1").expect(204);
    client.get("/changes?since=0").expect(200);
    server.finish();
    nilometer(&here, &["compact", "--data", text(&data)]).success();
    let server = Server::start(&data);
    let gone = server.visitor().get("/changes?since=0").problem(410);
    assert!(gone["type"].as_str().is_some_and(|text| text.ends_with("/changes-gone")), "{gone}");
    let told = gone.to_string();
    assert!(told.contains("/changes/snapshot"), "where a whole copy is had: {told}");
    let newest = server.visitor().get("/changes?since=7").expect(200).json();
    assert_eq!(newest["changes"], json!([]), "{newest}");
    assert_eq!(server.visitor().get("/search?collections=c").expect(200).json()["numberMatched"], 4);
    server.finish();
    nilometer(&here, &["check", "--data", text(&data)]).success();
}

#[test]
fn keys_are_created_beside_a_running_server_and_work_at_once() {
    let (_root, here, data) = place();
    demo_copy(&data);
    let server = Server::start(&data);
    let create = |arguments: &[&str]| {
        let mut all = vec!["admin", "key", "create", "--data", text(&data)];
        all.extend_from_slice(arguments);
        nilometer(&here, &all)
    };
    let last_line = |text: &str| text.lines().last().unwrap_or_default().trim().to_owned();
    let operator = last_line(&create(&["--user", "ada", "--role", "operator"]).success().stdout);
    let visitor = last_line(&create(&["--user", "bob"]).success().stdout);
    assert_ne!(operator, visitor);
    server.client(&operator).post("/collections", &collection("made", "public")).expect(201);
    let refused = server.client(&visitor).post("/collections", &collection("more", "public"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    server.client(&visitor).get("/search?limit=1").expect(200);
    server.client(&format!("{operator}x")).get("/search?limit=1").problem(401);
    for file in ["state.sqlite", "state.sqlite-wal"] {
        let bytes = fs::read(data.join(file)).unwrap_or_default();
        assert!(!contains(&bytes, operator.as_bytes()), "{file} holds a key as it is");
    }
    create(&["--user", "ada", "--role", "emperor"]).failure();
    server.finish();
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_effective_configuration_is_printed_with_the_origin_of_each_value() {
    let (_root, here, data) = place();
    let file = here.join("nilometer.toml");
    fs::write(&file, "listen = \"127.0.0.1:4321\"\n[limits]\npage_limit_default = 17\n")
        .expect("a file can be written");
    let output = nilometer(&here, &["config", "--config", text(&file), "--data", text(&data)]).success();
    for part in ["127.0.0.1:4321", "page_limit_default", "17", "nilometer.toml", "default", "page_limit_max"] {
        assert!(output.stdout.contains(part), "no {part:?} in {}", output.stdout);
    }
    fs::write(&file, "listne = \"127.0.0.1:4321\"\n").expect("a file can be written");
    let refused = nilometer(&here, &["config", "--config", text(&file)]).failure();
    assert!(refused.stderr.contains("listne") && refused.stderr.contains("listen"), "{}", refused.stderr);
}

#[test]
fn help_teaches_and_mistakes_are_answered_with_the_way_out() {
    let (_root, here, _) = place();
    for command in ["demo", "serve", "ingest", "search", "stats", "check", "config", "admin", "reindex"] {
        let help = nilometer(&here, &[command, "--help"]).success().stdout;
        assert!(help.len() > 200, "{command} --help teaches nothing: {help}");
        assert!(nilometer(&here, &["--help"]).success().stdout.contains(command));
    }
    assert!(nilometer(&here, &["--version"]).success().stdout.starts_with("nilometer "));
    let mistaken = nilometer(&here, &["serv"]).failure();
    assert!(mistaken.stderr.contains("serve"), "{}", mistaken.stderr);
    for arguments in [
        ["stats", "--data", "no/such/folder"],
        ["check", "--data", "no/such/folder"],
        ["search", "--data", "no/such/folder"],
    ] {
        let output = nilometer(&here, &arguments).failure();
        assert!(output.stderr.contains("no/such/folder"), "{}", output.stderr);
        assert!(!here.join("no").exists(), "{} makes no folder", arguments[0]);
    }
}

/// A catalogue with what a log can hold: two collections, items written, written again and deleted.
fn some_history(data: &Path) {
    let key = operator_key(data);
    let server = Server::start(data);
    let operator = server.client(&key);
    for name in ["lakes", "gone"] {
        operator.post("/collections", &collection(name, "public")).expect(201);
        for n in 0..40_u32 {
            let (id, at) = (format!("i{n}"), f64::from(n));
            operator
                .post(
                    &format!("/collections/{name}/items"),
                    &item(name, &id, at, at, "2024-01-01T00:00:00Z", json!({"title": format!("Lac {n}"), "n": n})),
                )
                .expect(201);
        }
    }
    for n in 0..10_u32 {
        let target = format!("/collections/lakes/items/i{n}");
        operator
            .put(&target, &item("lakes", &format!("i{n}"), 7.0, 7.0, "2025-01-01T00:00:00Z", json!({})))
            .expect(204);
        operator.delete(&format!("/collections/lakes/items/i{}", n + 20)).expect(204);
    }
    operator.delete("/collections/gone").expect(204);
    server.finish();
}

#[test]
fn the_index_is_rebuilt_from_the_log() {
    let (_root, here, data) = place();
    // The demo has series too, and takes its time.
    if long() {
        demo_copy(&data)
    } else {
        some_history(&data)
    }
    let items = |client: &Client| -> Vec<Value> {
        let mut all = client.all_pages("/search?limit=500&sortby=id");
        // Addresses name the server's port, which another run has another of.
        all.iter_mut().for_each(|item| drop(item.as_object_mut().map(|item| item.remove("links"))));
        all
    };
    let server = Server::start(&data);
    let before = items(&server.visitor());
    assert!(before.len() >= 30, "{}", before.len());
    server.finish();
    fs::remove_dir_all(data.join("catalog/index")).expect("the index can be removed");
    nilometer(&here, &["reindex", "--data", text(&data)]).success();
    nilometer(&here, &["check", "--data", text(&data)]).success();
    let server = Server::start(&data);
    assert_eq!(items(&server.visitor()), before);
    let words = server.visitor().get("/search?q=lac").expect(200).json();
    assert!(words["numberMatched"].as_u64() > Some(0), "{words}");
    server.finish();
}

#[test]
fn two_writers_never_share_a_folder() {
    let (_root, here, data) = place();
    demo_copy(&data);
    let server = Server::start(&data);
    let second = nilometer(&here, &["serve", "--data", text(&data), "--listen", "127.0.0.1:0"]).failure();
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    nilometer(&here, &["stats", "--data", text(&data)]).success();
    nilometer(&here, &["search", "--data", text(&data), "--limit", "1"]).success();
    server.finish();
}

#[test]
fn a_port_in_use_is_told_in_words() {
    let (_root, here, data) = place();
    demo_copy(&data);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("a bound socket has an address").to_string();
    let output = nilometer(&here, &["serve", "--data", text(&data), "--listen", &address]).failure();
    assert!(output.stderr.contains(&address), "{}", output.stderr);
}
