//! Who does what with orders, and who is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use nilometer_tests::http::{encode, path_of};
use nilometer_tests::key_of;
use serde_json::{Value, json};

use crate::shop::{Shop, WORKFLOWS, all_of, completed, submit, zip_path};

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
    // The limit is told for a further one, and for an old one that is asked for anew.
    let theirs = user.get(&format!("{WORKFLOWS}?unpaged=true")).expect(200).json()["content"][0]["workflowId"].clone();
    let theirs = theirs.as_str().expect("an order");
    user.post(&format!("{WORKFLOWS}/{theirs}/cancel"), &json!({})).expect(200);
    submit(&user, &all_of("c"));
    for refused in [user.post(WORKFLOWS, &all_of("c")), user.post(&format!("{WORKFLOWS}/{theirs}/rerun"), &json!({}))] {
        assert!(refused.header("retry-after").and_then(|text| text.parse::<u64>().ok()) > Some(0));
        assert!(refused.header("ratelimit").is_some_and(|text| text.contains("\"orders\";r=0")));
        let problem = refused.problem(429);
        assert_eq!((&problem["limit"], &problem["remaining"]), (&json!(3), &json!(0)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("3 orders under way")), "{problem}");
    }
    let metrics = server.visitor().get("/metrics").expect(200).text();
    assert!(metrics.contains("nilometer_quota_exceeded_total{quota=\"orders\"} 2"), "{metrics}");
    for other in &others {
        client.post(&format!("{WORKFLOWS}/{other}/cancel"), &json!({})).expect(200);
        client.delete(&format!("{WORKFLOWS}/{other}")).expect(204);
        client.get(&format!("{WORKFLOWS}/{other}/status")).problem(404);
    }
    let audit = client.get("/admin/audit");
    assert_ne!(audit.status, 200, "operators do not read it");
    let admin = server.client(&key_of(&shop.data(), "root", "administrator"));
    let log = admin.get("/admin/audit?limit=1000").expect(200).json();
    for action in ["submit", "cancel", "pause", "resume", "rerun", "delete"] {
        let action = format!("order.{action}");
        let is_noted = |row: &Value| row["action"] == action && row["actor"] == "tester" && row["outcome"] == "done";
        assert!(log["rows"].as_array().is_some_and(|rows| rows.iter().any(is_noted)), "{action}: {log}");
    }
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
fn with_an_account_go_its_orders_and_their_files() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let ana = server.client(&key_of(&shop.data(), "ana", "user"));
    let id = submit(&ana, &all_of("c"));
    completed(&ana, &id);
    ana.put("/account/basket", &json!({"selections": [{"search": {"collections": ["c"]}}]})).expect(200);
    let shared = ana.post("/account/basket/share", &json!({})).expect(201).json();
    let shared = path_of(shared["href"].as_str().expect("a link"));
    let folder = shop.data().join("orders").join(&id);
    assert!(folder.exists());
    ana.delete("/account").problem(400);
    ana.send("DELETE", "/account", &[("content-type", "application/json")], Some(br#"{"confirm": "ana"}"#)).expect(204);
    let begun = Instant::now();
    while folder.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the files of an order of nobody are still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    ana.get("/account").problem(401);
    client.get(&shared).problem(404);
    assert_eq!(client.get("/admin/orders").expect(200).json()["orders"], json!([]));
    server.finish();
    let data = shop.data();
    let check = nilometer_tests::nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
    assert!(check.stdout.starts_with("no findings"), "{}", check.stdout);
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
    // A server that is busy is told again.
    let mut messages = Vec::new();
    for answer in ["503 Service Unavailable", "500 Internal Server Error", "204 No Content"] {
        let (mut stream, _) = listener.accept().expect("a message");
        messages.push(message_of(&mut stream));
        let answer = format!("HTTP/1.1 {answer}\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("answered");
    }
    let (head, message) = &messages[2];
    assert!(messages.iter().all(|(_, own)| own == message));
    assert_eq!((message["workflowId"].as_str(), message["status"].as_str()), (Some(id.as_str()), Some("COMPLETED")));
    let signature =
        head.lines().find_map(|line| line.strip_prefix("nilometer-signature: sha256=")).expect("a signature");
    assert_eq!(signature.len(), 64);
    server.finish();
}

/// The head, in small letters, and the body of a request.
fn message_of(stream: &mut TcpStream) -> (String, Value) {
    let (mut got, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut piece).expect("bytes");
        got.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(message) = serde_json::from_str(body)
        {
            return (head.to_lowercase(), message);
        }
        assert!(count > 0, "{text}");
    }
}

#[test]
fn a_name_that_leads_inward_is_told_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
    let shop = Shop::new(&[&format!("webhooks.hosts={host}")], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1, 10);
    let body = json!({"search": {"collections": ["c"]}, "notify": {"webhook": format!("https://{host}/hook")}});
    completed(&client, &submit(&client, &body));
    let begun = Instant::now();
    while !server.lines().iter().any(|line| line.contains("a webhook did not take its message")) {
        assert!(begun.elapsed() < Duration::from_secs(40), "nothing was tried");
        std::thread::sleep(Duration::from_millis(50));
    }
    listener.set_nonblocking(true).expect("no waiting");
    assert!(listener.accept().is_err(), "somebody came");
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
