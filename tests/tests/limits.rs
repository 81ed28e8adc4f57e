//! How often callers may ask and how much they may take: budgets by address and key, the daily volume under concurrent
//! downloads and over a restart, and what refusals say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use nilometer_tests::http::path_of;
use nilometer_tests::{Client, Output, Response, Server, collection, item, nilometer, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Far above what is normal, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of the file that most tests fetch.
const FILE_BYTES: usize = 1_000;
const FILE: &str = "/collections/c/items/i/assets/data";
const TILE: &str = "/tiles/WebMercatorQuad/0/0/0";

/// A server that limits the machine itself too, with a file in a store.
struct World {
    server: Option<Server>,
    settings: Vec<String>,
    operator: String,
    folder: TempDir,
}

impl World {
    fn new(settings: &[&str]) -> Self {
        Self::with(settings, FILE_BYTES as u64)
    }

    fn with(settings: &[&str], file_bytes: u64) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let disk = folder.path().join("disk");
        std::fs::create_dir_all(&disk).expect("a folder");
        let file = std::fs::File::create(disk.join("a.nc")).expect("a file");
        file.set_len(file_bytes).expect("its length");
        let operator = operator_key(&folder.path().join("data"));
        let root = format!("stores.disk.root={}", disk.display());
        let plain = ["rates.exempt=", "stores.disk.kind=directory", "stores.disk.writable=true", &root];
        let settings: Vec<String> = plain.iter().chain(settings).map(ToString::to_string).collect();
        let mut world = Self { server: None, settings, operator, folder };
        world.start();
        let operator = world.server().client(&world.operator);
        operator.post("/collections", &collection("c", "public")).expect(201);
        let mut item = item("c", "i", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
        item["assets"] = json!({"data": {"href": "a.nc"}});
        operator.put("/collections/c/items/i", &item).expect(201);
        world
    }

    fn start(&mut self) {
        let arguments: Vec<&str> = self.settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        self.server = Some(Server::start_with(&self.folder.path().join("data"), &arguments));
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn visitor(&self) -> Client {
        self.server().visitor()
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let data = self.folder.path().join("data");
        nilometer(Path::new("/"), &[arguments, &["--data", data.to_str().expect("a plain name")]].concat())
    }

    /// A new key of an account that is made if there is none.
    fn key(&self, user: &str, role: &str) -> String {
        let output = self.command(&["admin", "key", "create", "--user", user, "--role", role]).success();
        output.stdout.lines().last().expect("a key").trim().to_owned()
    }

    fn client(&self, user: &str, role: &str) -> Client {
        self.server().client(&self.key(user, role))
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.visitor().get("/metrics").expect(200).text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |number| number.parse().expect("a number"))
    }

    fn finish(mut self) {
        self.server.take().expect("it runs").finish();
    }
}

fn is(problem: &Value, code: &str) -> bool {
    problem["type"].as_str().is_some_and(|address| address.ends_with(&format!("/problems/{code}")))
}

/// Asks until it is refused; how often it was let in.
fn until_refused(client: &Client, path: &str) -> (usize, Response) {
    for let_in in 0..200 {
        let answer = client.get(path);
        if answer.status == 429 {
            return (let_in, answer);
        }
        answer.expect(200);
    }
    panic!("{path} is never refused");
}

/// What counts of today for the account of a client.
fn used(client: &Client) -> u64 {
    client.get("/account").expect(200).json()["quotas"]["download_bytes"]["used"].as_u64().expect("a number")
}

fn fetch(client: &Client, headers: &[(&str, &str)]) -> Response {
    client.send("GET", FILE, headers, None)
}

#[test]
fn one_search_too_many_is_refused_with_the_limit_and_the_way_out_and_nothing_else_is() {
    let world = World::new(&["rates.search.address=0.02:3", "rates.search.user=0.02:4"]);
    let visitor = world.visitor();
    let first = visitor.get("/search").expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"search\";q=3;w=150"));
    assert_eq!(first.header("ratelimit"), Some("\"search\";r=2;t=50"));
    assert_eq!(first.header("retry-after"), None);
    // Other roots and other routes of the same budget.
    visitor.get("/api/catalog/stac/search").expect(200);
    visitor.post("/aggregate", &json!({"aggregations": ["total_count"]})).expect(200);
    let refused = visitor.get("/search");
    assert!(refused.header("ratelimit").is_some_and(|told| told.starts_with("\"search\";r=0;t=1")), "{refused:?}");
    let seconds: u64 = refused.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=50).contains(&seconds), "{seconds}");
    let problem = refused.problem(429);
    assert!(is(&problem, "rate-limited"), "{problem}");
    assert_eq!((&problem["limit"], &problem["remaining"]), (&json!(3), &json!(0)));
    assert!(problem["reset"].as_u64().is_some_and(|reset| (100..=150).contains(&reset)), "{problem}");
    let detail = problem["detail"].as_str().expect("a text");
    for part in ["3 searches at once", "0.02 a second", "the next is possible in"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let french = [("accept", "text/html"), ("accept-language", "fr")];
    let page = visitor.send("GET", "/search", &french, None).expect(429).text();
    assert!(page.contains("Demandes trop fréquentes"), "{page}");
    let listed = visitor.get("/problems/rate-limited").expect(200).json();
    assert_eq!(listed["status"], 429);

    // Budgets are apart; a key has its own; operators have no limit.
    for path in ["/collections", TILE, "/livez", "/readyz", "/metrics"] {
        visitor.get(path).expect(200);
    }
    assert_eq!(visitor.get("/livez").header("ratelimit"), None);
    let (ana, bob) = (world.client("ana", "user"), world.client("bob", "user"));
    assert_eq!((until_refused(&ana, "/search").0, until_refused(&bob, "/search").0), (4, 4));
    let operator = world.server().client(&world.operator);
    for _ in 0..10 {
        assert_eq!(operator.get("/search").expect(200).header("ratelimit"), None);
    }
    assert!(world.metric("nilometer_http_rejected_total{reason=\"rate\"}") >= 4.0);
    world.finish();
}

#[test]
fn who_waits_as_long_as_is_said_is_let_in() {
    let world = World::new(&["rates.tiles.address=1:1"]);
    let (_, refused) = until_refused(&world.visitor(), TILE);
    let seconds: u64 = refused.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    std::thread::sleep(Duration::from_secs(seconds));
    world.visitor().get(TILE).expect(200);
    world.finish();
}

#[test]
fn an_invented_address_is_no_other_one_and_a_proxy_s_word_counts_where_it_is_trusted() {
    let settings = ["rates.search.address=0.01:2"];
    let ask = |world: &World, forwarded: &str| {
        world.visitor().send("GET", "/search", &[("x-forwarded-for", forwarded)], None).status
    };
    let world = World::new(&settings);
    let seen: Vec<u16> = (0..4).map(|n| ask(&world, &format!("198.51.100.{n}"))).collect();
    assert_eq!(seen, [200, 200, 429, 429]);
    world.finish();
    let world = World::new(&[&settings[..], &["trusted_proxies=127.0.0.1"]].concat());
    let seen: Vec<u16> = (0..4).map(|n| ask(&world, &format!("198.51.100.{n}"))).collect();
    assert_eq!(seen, [200; 4]);
    let seen: Vec<u16> = (0..3).map(|n| ask(&world, &format!("203.0.113.{n}, 198.51.100.99"))).collect();
    assert_eq!(seen, [200, 200, 429], "the proxy vouches for the last address alone");
    world.finish();
}

#[test]
fn the_machine_itself_is_not_limited_by_default_but_what_an_unknown_proxy_hands_on_is() {
    let folder = TempDir::new().expect("a temporary folder");
    let server = Server::start_with(&folder.path().join("data"), &["--set", "rates.search.address=0.01:2"]);
    for _ in 0..20 {
        assert_eq!(server.visitor().get("/search").expect(200).header("ratelimit"), None);
    }
    let forwarded = [("x-forwarded-for", "127.0.0.1")];
    let seen: Vec<u16> = (0..3).map(|_| server.visitor().send("GET", "/search", &forwarded, None).status).collect();
    assert_eq!(seen, [200, 200, 429]);
    server.finish();
}

#[test]
fn guessing_keys_is_taken_out_of_the_budget_of_the_address() {
    let world = World::new(&["rates.other.address=0.01:5"]);
    let guess =
        world.server().client("nil_000000000000_0000000000000000000000000000000000000000000000000000000000000000");
    let seen: Vec<u16> = (0..8).map(|_| guess.get("/account").status).collect();
    assert_eq!(seen, [401, 401, 401, 401, 401, 429, 429, 429]);
    assert_eq!(
        world.metric("nilometer_auth_failures_total{reason=\"wrong\"}")
            + world.metric("nilometer_auth_failures_total{reason=\"malformed\"}"),
        8.0
    );
    // Who has a right key is not in the way of who guesses from the same address.
    world.client("ana", "user").get("/account").expect(200);
    world.finish();
}

#[test]
fn what_is_sent_of_files_counts_for_the_day_over_a_restart_and_for_whoever_signed_a_link() {
    let mut world = World::new(&["quotas.download_bytes_per_day=2500"]);
    let key = world.key("ana", "user");
    let ana = world.server().client(&key);
    fetch(&ana, &[]).expect(200);
    assert_eq!(used(&ana), 1_000);
    // Neither heads nor unchanged files nor refusals count, and of a range only the range.
    let head = ana.send("HEAD", FILE, &[], None).expect(200);
    let etag = head.header("etag").expect("a tag").to_owned();
    fetch(&ana, &[("if-none-match", &etag)]).expect(304);
    fetch(&ana, &[("range", "bytes=5000-")]).problem(416);
    assert_eq!(used(&ana), 1_000);
    fetch(&ana, &[("range", "bytes=100-199")]).expect(206);
    assert_eq!(used(&ana), 1_100);
    let quotas = ana.get("/account").expect(200).json()["quotas"].clone();
    assert_eq!(quotas["download_bytes"]["limit"], 2_500);
    assert_eq!(quotas["download_bytes"]["remaining"], 1_400);
    assert!(quotas["download_bytes"]["reset"].as_str().is_some_and(|reset| reset.ends_with("T00:00:00Z")), "{quotas}");
    assert_eq!(quotas["running_orders"]["limit"], 100);

    let link = ana.post(&format!("{FILE}/link"), &json!({})).expect(201).json();
    let link = path_of(link["href"].as_str().expect("an address"));
    world.visitor().send("GET", &link, &[], None).expect(200);
    assert_eq!(used(&ana), 2_100);
    for refused in [fetch(&ana, &[]), world.visitor().send("GET", &link, &[], None)] {
        let seconds: u64 = refused.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
        assert!((1..=86_400).contains(&seconds), "{seconds}");
        let told = format!("\"volume\";r=400;t={seconds}");
        assert!(
            refused.headers.iter().any(|(name, value)| name == "ratelimit" && *value == told),
            "{:?}",
            refused.headers
        );
        let problem = refused.problem(429);
        assert!(is(&problem, "volume-exceeded"), "{problem}");
        assert_eq!(
            (&problem["limit"], &problem["remaining"], &problem["reset"]),
            (&json!(2_500), &json!(400), &json!(seconds))
        );
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains("400 left") && detail.contains("The day ends at"), "{detail}");
    }
    fetch(&ana, &[("range", "bytes=0-399")]).expect(206);
    fetch(&ana, &[("range", "bytes=0-0")]).problem(429);
    assert_eq!(world.metric("nilometer_quota_exceeded_total{quota=\"volume\"}"), 3.0);
    let operator = world.server().client(&world.operator);
    for _ in 0..4 {
        fetch(&operator, &[]).expect(200);
    }
    fetch(&world.client("bob", "user"), &[]).expect(200);

    world.server.take().expect("it runs").finish();
    world.start();
    let ana = world.server().client(&key);
    assert_eq!(used(&ana), 2_500);
    fetch(&ana, &[("range", "bytes=0-0")]).problem(429);
    world.finish();
}

#[test]
fn downloads_at_the_same_moment_do_not_go_beyond_the_volume_together() {
    const CALLERS: usize = 40;
    let world = World::new(&["quotas.download_bytes_per_day=10500", "rates.download.user=0"]);
    let ana = world.client("ana", "user");
    let barrier = Barrier::new(CALLERS);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let one = || {
            barrier.wait();
            let answer = fetch(&ana, &[]);
            assert!(answer.status != 200 || answer.body.len() == FILE_BYTES);
            answer.status
        };
        let all: Vec<_> = (0..CALLERS).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|caller| caller.join().expect("no panic")).collect()
    });
    let let_in = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert_eq!((let_in, used(&ana)), (10, 10_000));
    world.finish();
}

#[test]
fn of_a_download_that_is_given_up_what_was_sent_counts() {
    const SIZE: u64 = 256 << 20;
    let world = World::with(&[], SIZE);
    let key = world.key("ana", "user");
    let ana = world.server().client(&key);
    let mut stream = TcpStream::connect(ana.address()).expect("connected");
    stream.write_all(format!("GET {FILE} HTTP/1.1\r\nhost: a\r\nx-api-key: {key}\r\n\r\n").as_bytes()).expect("sent");
    let mut some = vec![0; 1 << 20];
    stream.read_exact(&mut some).expect("the beginning");
    assert_eq!(used(&ana), SIZE, "all of it is promised");
    drop(stream);
    let begun = Instant::now();
    while used(&ana) == SIZE {
        assert!(begun.elapsed() < PATIENCE, "what was not sent is not given back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(used(&ana) >= 1 << 19, "what was sent counts: {}", used(&ana));
    world.finish();
}

#[test]
fn an_account_may_be_given_more_or_less_and_sees_it_on_its_page() {
    let world = World::new(&["quotas.download_bytes_per_day=2500", "orders.open_per_user=2"]);
    let (ana, chief) = (world.client("ana", "user"), world.client("chief", "administrator"));
    let users = chief.get("/admin/users").expect(200).json();
    let of_ana = users["users"].as_array().expect("accounts").iter().find(|user| user["name"] == "ana").expect("ana");
    assert_eq!((&of_ana["download_bytes_per_day"], &of_ana["running_orders"]), (&Value::Null, &Value::Null));
    let path = format!("/admin/users/{}", of_ana["id"]);
    let changed = chief.json("PATCH", &path, &json!({"download_bytes_per_day": 500, "running_orders": 0})).expect(200);
    assert_eq!(changed.json()["download_bytes_per_day"], 500);
    fetch(&ana, &[]).problem(429);
    let quotas = ana.get("/account").expect(200).json()["quotas"].clone();
    assert_eq!((&quotas["download_bytes"]["limit"], &quotas["running_orders"]["limit"]), (&json!(500), &Value::Null));
    for wrong in [json!({"download_bytes_per_day": -1}), json!({"running_orders": "many"})] {
        chief.json("PATCH", &path, &wrong).problem(400);
    }
    ana.json("PATCH", &path, &json!({"download_bytes_per_day": 0})).problem(403);
    let page = |language: &str| {
        let headers = [("accept", "text/html"), ("accept-language", language)];
        ana.send("GET", "/account", &headers, None).expect(200).text()
    };
    assert!(page("en").contains("0 B of 500 B, 500 B left"), "{}", page("en"));
    assert!(page("fr").contains("0 B sur 500 B, reste 500 B"), "{}", page("fr"));
    let admin = chief.send("GET", "/admin/users", &[("accept", "text/html")], None).expect(200).text();
    assert!(admin.contains("value=\"500\""), "{admin}");
    let quota = |arguments: &[&str]| world.command(&[&["admin", "user", "quota", "--name", "ana"], arguments].concat());
    let output = quota(&["--download-bytes-per-day", "default"]).success();
    assert!(output.stdout.contains("bytes of files a day default, orders under way 0"), "{}", output.stdout);
    quota(&["--running-orders", "some"]).failure();
    fetch(&ana, &[]).expect(200);
    let log = chief.get("/admin/audit").expect(200).text();
    assert_eq!(log.matches("user.quota").count(), 2, "{log}");
    assert!(
        log.contains("ana: 500 bytes a day, 0 orders") && log.contains("ana: default bytes a day, 0 orders"),
        "{log}"
    );
    world.command(&["check"]).success();
    world.finish();
}

#[test]
fn the_audit_log_tells_who_fetched_linked_and_put_which_file() {
    let world = World::new(&[]);
    let (ana, chief) = (world.client("ana", "user"), world.client("chief", "administrator"));
    for at in 0..5 {
        fetch(&ana, &[("range", &format!("bytes={at}-{at}"))]).expect(206);
    }
    fetch(&world.visitor(), &[]).problem(401);
    ana.post(&format!("{FILE}/link"), &json!({})).expect(201);
    let put = |client: &Client| client.send("PUT", "/collections/c/items/i/assets/new", &[], Some(b"x"));
    put(&ana).problem(403);
    put(&world.server().client(&world.operator)).expect(201);
    let rows = chief.get("/admin/audit").expect(200).json();
    let rows = rows["rows"].as_array().expect("rows").clone();
    let of = |action: &str| -> Vec<(String, String, String)> {
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let all = rows.iter().filter(|row| row["action"] == action);
        all.map(|row| (text(row, "actor"), text(row, "object"), text(row, "outcome"))).collect()
    };
    let row = |who: &str, object: &str, outcome: &str| (who.to_owned(), object.to_owned(), outcome.to_owned());
    assert_eq!(of("file.download"), [row("ana", FILE, "begun")], "once, however many ranges");
    assert_eq!(of("file.link"), [row("ana", &format!("POST {FILE}/link"), "done")]);
    let new = "PUT /collections/c/items/i/assets/new";
    assert_eq!(of("file.upload"), [row("tester", new, "done"), row("ana", new, "403")]);
    world.finish();
}

#[test]
fn orders_that_are_placed_at_the_same_moment_are_no_more_than_may_be_under_way() {
    let world = World::new(&["orders.workers=0", "orders.open_per_user=5"]);
    let key = world.key("ana", "user");
    let (begin, placers) = (Barrier::new(16), 16);
    let placed: Vec<u16> = std::thread::scope(|scope| {
        let place = || {
            let client = world.server().client(&key);
            begin.wait();
            client.post("/api/download/workflows", &json!({"search": {"collections": ["c"]}})).status
        };
        let all: Vec<_> = (0..placers).map(|_| scope.spawn(place)).collect();
        all.into_iter().map(|one| one.join().expect("answered")).collect()
    });
    let of = |status: u16| placed.iter().filter(|own| **own == status).count();
    assert_eq!((of(201), of(429)), (5, placers - 5), "{placed:?}");
    world.finish();
}

#[test]
fn one_caller_cannot_fill_the_room_for_kept_questions() {
    let world = World::new(&["quotas.kept_bytes_per_day=20480"]);
    let ids: Vec<String> = (0..20).map(|n| format!("{n:0>400}")).collect();
    let question = |name: &str| json!({"q": name, "ids": ids});
    world.visitor().post("/searches", &question("nile")).expect(201);
    world.visitor().post("/searches", &question("seine")).expect(201);
    let problem = world.visitor().post("/searches", &question("rhone")).problem(429);
    assert!(is(&problem, "kept-exceeded"), "{problem}");
    world.visitor().post("/search", &question("rhone")).expect(200);
    world.client("ana", "user").post("/searches", &question("rhone")).expect(201);
    world.finish();
}

#[test]
fn browsers_are_told_to_stay_with_https_where_that_is_the_address() {
    let header = |arguments: &[&str]| {
        let folder = TempDir::new().expect("a temporary folder");
        let server = Server::start_with(&folder.path().join("data"), arguments);
        let answers = ["/", "/search", "/nothing-here"].map(|path| server.visitor().get(path));
        let told = answers.map(|answer| answer.header("strict-transport-security").map(str::to_owned));
        server.finish();
        told
    };
    assert_eq!(
        header(&["--public-url", "https://water.example"]),
        [(); 3].map(|()| Some("max-age=31536000".to_owned()))
    );
    assert_eq!(header(&["--public-url", "http://127.0.0.1:1"]), [None, None, None]);
}
