//! Baskets, shared ones among them, and programs that order the same.

use std::collections::BTreeSet;
use std::process::Command;

use nilometer_tests::http::path_of;
use nilometer_tests::{Client, collection, item, key_of};
use serde_json::{Value, json};

use crate::shop::{Shop, WORKFLOWS, completed, kept, listed, submit, zip_path};

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
