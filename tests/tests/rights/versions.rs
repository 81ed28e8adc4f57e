//! What a caller can tell of writes that it does not see: nothing, not even by an entity tag; and what tags, tokens and caches
//! keep apart.

use nilometer_tests::http::{link, path_of};
use nilometer_tests::{Client, Server, collection, item, nilometer, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

struct World {
    server: Server,
    operator: Client,
    root: Client,
    ana: Client,
    visitor: Client,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let data = folder.path().join("data");
        let operator = operator_key(&data);
        let key = |user: &str, role: &str| {
            let arguments = ["admin", "key", "create", "--data", "data", "--user", user, "--role", role];
            let output = nilometer(folder.path(), &arguments).success();
            output.stdout.lines().last().unwrap_or_default().trim().to_owned()
        };
        let (root, ana) = (key("root", "administrator"), key("ana", "user"));
        let server = Server::start(&data);
        let world = Self {
            operator: server.client(&operator),
            root: server.client(&root),
            ana: server.client(&ana),
            visitor: server.visitor(),
            server,
            folder,
        };
        for id in ["a", "b"] {
            world.operator.post("/collections", &collection(id, "public")).expect(201);
        }
        world
    }

    fn put(&self, collection: &str, id: &str, level: i64) {
        let item = item(collection, id, 1.0, 1.0, "2020-01-01T00:00:00Z", json!({"level": level}));
        let answer = self.operator.put(&format!("/collections/{collection}/items/{id}"), &item);
        assert!(answer.status < 300, "{}", answer.text());
    }

    fn grant(&self, group: &str, collection: &str, terms: &Value) {
        self.root.put(&format!("/admin/groups/{group}/grants/{collection}"), terms).expect(204);
    }
}

const READ: [&str; 9] = [
    "/",
    "/collections",
    "/collections/a",
    "/search",
    "/search?filter=level%20%3E%203",
    "/aggregate?aggregations=total_count",
    "/queryables",
    "/tiles/WebMercatorQuad/0/0/0",
    "/changes?since=0",
];

fn tags(client: &Client) -> Vec<String> {
    READ.iter().map(|path| client.get(path).expect(200).header("etag").unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_write_to_what_is_not_seen_changes_no_entity_tag_and_one_to_what_is_seen_changes_them() {
    let world = World::new();
    world.put("a", "seen", 9);
    world.put("a", "unseen", 1);
    world.put("b", "hidden", 1);
    world.grant("everyone", "a", &json!({"level": "partial", "filter": "level >= 5"}));
    world.grant("everyone", "b", &json!({"level": "hidden"}));
    for client in [&world.visitor, &world.ana] {
        let before = tags(client);
        world.put("a", "unseen", 2);
        world.put("b", "hidden", 2);
        world.put("b", "new", 2);
        world.operator.delete("/collections/b/items/new").expect(204);
        world.operator.delete("/collections/a/items/unseen").expect(204);
        assert_eq!(tags(client), before, "writes to what is not seen");
        world.put("a", "unseen", 1);
        assert_eq!(tags(client), before, "a new item outside the part");
        let level = client.get("/collections/a/items/seen").expect(200).json()["properties"]["level"].as_i64();
        world.put("a", "seen", level.unwrap_or_default() + 1);
        let after = tags(client);
        let same = before.iter().zip(&after).zip(READ).filter(|((a, b), _)| a == b).map(|(_, path)| path);
        assert_eq!(same.collect::<Vec<_>>(), Vec::<&str>::new(), "a write to what is seen changes every tag");
    }
    world.server.finish();
}

#[test]
fn a_tag_of_other_rights_is_none_and_a_grant_counts_at_once() {
    let world = World::new();
    world.put("a", "one", 9);
    let tag = |client: &Client| client.get("/search").expect(200).header("etag").unwrap_or_default().to_owned();
    let unchanged = |client: &Client, tag: &str| {
        client.send("GET", "/search", &[("if-none-match", tag), ("accept", "application/json")], None).status
    };
    let before = tag(&world.ana);
    assert_eq!(unchanged(&world.ana, &before), 304);
    world.grant("users", "a", &json!({"level": "metadata"}));
    assert_eq!(unchanged(&world.ana, &before), 200, "the scope is another one");
    let visitor = world.visitor.get("/search").expect(200);
    assert_eq!(visitor.header("cache-control"), Some("no-cache"), "nothing was granted to everyone");
    world.grant("everyone", "a", &json!({"level": "hidden"}));
    assert_eq!(world.visitor.get("/search").json()["numberMatched"], 0);
    assert_eq!(world.ana.get("/search").json()["numberMatched"], 1, "users see more than everyone");
    assert_eq!(world.ana.get("/search").header("cache-control"), Some("private, no-cache"));
    assert_eq!(world.operator.get("/search").json()["numberMatched"], 1, "operators see everything");
    world.root.delete("/admin/groups/everyone/grants/a").expect(204);
    assert_eq!(world.visitor.get("/search").json()["numberMatched"], 1);
    world.server.finish();
}

#[test]
fn a_page_that_goes_on_shows_nothing_that_was_hidden_meanwhile() {
    let world = World::new();
    for i in 0..6 {
        world.put("a", &format!("river{i}"), i);
    }
    for start in ["/search?limit=2&sortby=id", "/search?limit=2&q=river*"] {
        let first = world.ana.get(start).expect(200).json();
        let next = path_of(&link(&first, "next").expect("a next page"));
        world.grant("everyone", "a", &json!({"level": "partial", "filter": "level >= 5"}));
        let page = world.ana.get(&next);
        let features = page.json()["features"].as_array().cloned().unwrap_or_default();
        let below = features.iter().filter(|f| f["properties"]["level"].as_i64() < Some(5)).count();
        assert!(below == 0 && (page.status == 200 || page.status == 410), "{start}: {}", page.text());
        world.root.delete("/admin/groups/everyone/grants/a").expect(204);
    }
    world.server.finish();
}

#[test]
fn keys_count_by_their_role_and_scopes() {
    let world = World::new();
    world.operator.post("/collections", &collection("c", "hidden")).expect(201);
    world.put("c", "one", 1);
    world.grant("users", "c", &json!({"level": "full"}));
    let key = |user: &str, more: &[&str]| {
        let mut arguments = vec!["admin", "key", "create", "--data", "data", "--user", user];
        arguments.extend(more);
        let output = nilometer(world.folder.path(), &arguments).success();
        world.server.client(output.stdout.lines().last().unwrap_or_default().trim())
    };
    let status = |client: &Client| client.get("/collections/c").status;
    assert_eq!(status(&world.visitor), 404);
    assert_eq!(status(&world.ana), 200);
    assert_eq!(status(&key("ana", &["--role", "visitor"])), 404, "a visitor's key sees what visitors see");
    assert_eq!(status(&key("ana", &["--scopes", "download"])), 404, "so does one that may not read");
    assert_eq!(status(&key("tester", &["--role", "user"])), 200, "an operator's key of the role user");
    world.server.finish();
}

#[test]
fn grants_that_say_nothing_or_name_nothing_are_refused_and_those_below_administrators_may_not_make_any() {
    let world = World::new();
    let put = |group: &str, collection: &str, terms: Value| {
        world.root.put(&format!("/admin/groups/{group}/grants/{collection}"), &terms)
    };
    let code = |problem: &Value| problem["type"].as_str().unwrap_or_default().rsplit('/').next().map(str::to_owned);
    for (terms, expected, parameter) in [
        (json!({}), "required-member", "/level"),
        (json!({"level": "some"}), "grant", "/level"),
        (json!({"level": "partial"}), "grant", "/level"),
        (json!({"level": "full", "older_than": "P1D"}), "grant", "/level"),
        (json!({"level": "partial", "older_than": "P1M"}), "grant", "/older_than"),
        (json!({"level": "partial", "filter": "level >"}), "filter-syntax", "/filter"),
        (json!({"level": "full", "more": "x"}), "parameter", "/more"),
    ] {
        let problem = put("everyone", "a", terms.clone()).problem(400);
        assert_eq!((code(&problem).as_deref(), &problem["parameter"]), (Some(expected), &json!(parameter)), "{terms}");
    }
    assert_eq!(code(&put("nobody", "a", json!({"level": "full"})).problem(404)).as_deref(), Some("group-not-found"));
    let absent = put("everyone", "nowhere", json!({"level": "full"})).problem(404);
    assert_eq!(code(&absent).as_deref(), Some("collection-not-found"));
    for name in ["everyone", "users"] {
        world.root.post("/admin/groups", &json!({"name": name})).problem(400);
    }
    let path = "/admin/groups/everyone/grants/a";
    assert_eq!(code(&world.ana.put(path, &json!({"level": "full"})).problem(403)).as_deref(), Some("role-required"));
    assert_eq!(
        code(&world.operator.put(path, &json!({"level": "full"})).problem(403)).as_deref(),
        Some("role-required")
    );
    world.visitor.put(path, &json!({"level": "full"})).problem(401);

    put("everyone", "a", json!({"level": "partial", "filter": "level > 3", "older_than": "P30D"})).expect(204);
    let grants = world.operator.get("/admin/grants").expect(200).json();
    let grant = &grants["grants"][0];
    assert_eq!(
        (&grant["group"], &grant["collection"], &grant["level"], &grant["filter"], &grant["older_than"]),
        (&json!("everyone"), &json!("a"), &json!("partial"), &json!("level > 3"), &json!("P30D"))
    );
    world.root.delete(path).expect(204);
    world.root.delete(path).expect(204);
    let log = world.root.get("/admin/audit").expect(200).text();
    assert!(
        log.contains("grant.put") && log.contains("partial on a to everyone") && log.contains("grant.delete"),
        "{log}"
    );
    world.server.finish();
}

#[test]
fn the_command_line_grants_what_a_running_server_follows() {
    let world = World::new();
    world.put("a", "one", 1);
    let admin = |arguments: &[&str]| {
        let mut all = vec!["admin", "grant"];
        all.extend(arguments);
        all.splice(3..3, ["--data", "data"]);
        nilometer(world.folder.path(), &all)
    };
    // A command beside a running server sees what the server wrote some seconds ago.
    let set = ["set", "--group", "everyone", "--collection", "a", "--level", "hidden"];
    let begun = std::time::Instant::now();
    while !admin(&set).status.success() {
        assert!(begun.elapsed().as_secs() < 60, "the command sees the collection");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let begun = std::time::Instant::now();
    while world.visitor.get("/collections/a").status != 404 {
        assert!(begun.elapsed().as_secs() < 5, "the grant counts within five seconds");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(admin(&["list"]).success().stdout.contains("everyone  a  hidden"));
    admin(&["set", "--group", "everyone", "--collection", "nowhere", "--level", "full"]).failure();
    admin(&["set", "--group", "everyone", "--collection", "a", "--level", "partial"]).failure();
    admin(&["remove", "--group", "everyone", "--collection", "a"]).success();
    assert!(!admin(&["list"]).success().stdout.contains("hidden"));
    world.server.finish();
}
