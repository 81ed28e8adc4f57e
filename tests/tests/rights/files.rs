//! Files: a part of what is granted, and of what is taken back.

use std::fs;

use nilometer_tests::http::path_of;
use nilometer_tests::{Server, collection, item, nilometer, operator_key};
use serde_json::json;
use tempfile::TempDir;

#[test]
fn a_file_is_given_where_more_than_the_metadata_is_granted() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let disk = folder.path().join("disk");
    fs::create_dir_all(&disk).expect("a folder");
    fs::write(disk.join("one.txt"), "water").expect("a file");
    let operator = operator_key(&data);
    let key = |user: &str, role: &str| {
        let arguments = ["admin", "key", "create", "--data", "data", "--user", user, "--role", role];
        let output = nilometer(folder.path(), &arguments).success();
        output.stdout.lines().last().unwrap_or_default().trim().to_owned()
    };
    let (root, ana) = (key("root", "administrator"), key("ana", "user"));
    let root_of_store = format!("stores.disk.root={}", disk.display());
    let sets = ["--set", "stores.disk.kind=directory", "--set", &root_of_store, "--set", "default_store=disk"];
    let server = Server::start_with(&data, &sets);
    let (operator, root, ana, visitor) =
        (server.client(&operator), server.client(&root), server.client(&ana), server.visitor());
    operator.post("/collections", &collection("a", "public")).expect(201);
    for (id, level) in [("one", 9), ("two", 1)] {
        let mut item = item("a", id, 1.0, 1.0, "2020-01-01T00:00:00Z", json!({"level": level}));
        item["assets"] = json!({"data": {"href": "one.txt", "type": "text/plain"}});
        operator.post("/collections/a/items", &item).expect(201);
    }
    let file = |id: &str| format!("/collections/a/items/{id}/assets/data");
    assert_eq!(ana.get(&file("one")).expect(200).text(), "water");
    let link = ana.post(&format!("{}/link", file("one")), &json!({})).expect(201).json();
    let link = path_of(link["href"].as_str().expect("an address"));
    assert_eq!(visitor.get(&link).expect(200).text(), "water");

    let grant = |terms| root.put("/admin/groups/everyone/grants/a", &terms).expect(204);
    let code =
        |problem: serde_json::Value| problem["type"].as_str().unwrap_or_default().rsplit('/').next().map(str::to_owned);
    grant(json!({"level": "metadata"}));
    assert_eq!(ana.get("/search").json()["numberMatched"], 2);
    assert_eq!(code(ana.get(&file("one")).problem(403)).as_deref(), Some("files-not-granted"));
    assert_eq!(
        code(ana.post(&format!("{}/link", file("one")), &json!({})).problem(403)).as_deref(),
        Some("files-not-granted")
    );
    assert_eq!(
        code(visitor.get(&link).problem(403)).as_deref(),
        Some("files-not-granted"),
        "a link is worth what its holder may"
    );
    assert_eq!(code(visitor.get(&file("one")).problem(401)).as_deref(), Some("key-required"));
    assert_eq!(operator.get(&file("one")).expect(200).text(), "water");

    grant(json!({"level": "partial", "filter": "level >= 5"}));
    assert_eq!(ana.get(&file("one")).expect(200).text(), "water");
    assert_eq!(visitor.get(&link).expect(200).text(), "water");
    let (unseen, absent) = (ana.get(&file("two")).problem(404), ana.get(&file("none")).problem(404));
    assert_eq!(
        unseen["detail"].as_str().map(|d| d.replace("two", "none")),
        absent["detail"].as_str().map(str::to_owned)
    );

    grant(json!({"level": "hidden"}));
    assert_eq!(code(ana.get(&file("one")).problem(404)).as_deref(), Some("collection-not-found"));
    assert_eq!(code(visitor.get(&link).problem(404)).as_deref(), Some("collection-not-found"));
    server.finish();
}
