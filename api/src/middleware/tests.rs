//! The layers around routes, through the router and without a socket.

use super::*;
use axum::body::Bytes;
use axum::extract::Query;
use axum::routing::{get, post};
use nilometer_indexer::{Catalog, CatalogOptions, Clock};
use nilometer_schemas::{Instant, Role};
use serde_json::Value;
use tower::ServiceExt;

use crate::accounts::Accounts;
use crate::metrics::{Metrics, WriteTimes};
use crate::state::{AppState, Random};

struct World {
    app: App,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock: Clock = Arc::new(|| Instant(1_700_000_000_000_000));
        let mut pairs = vec![("data", dir.path().to_str().expect("UTF-8"))];
        pairs.extend_from_slice(settings);
        let config = Config::from_pairs(&pairs).expect("valid settings");
        let random = Random::system();
        let accounts = Accounts::open(dir.path(), Arc::clone(&clock), random.clone()).await.expect("accounts");
        let times = WriteTimes::default();
        let options = CatalogOptions { observer: Some(Arc::new(times.clone())), ..config.catalog_options() };
        let catalog = Catalog::open(&config.data, options, Arc::clone(&clock)).expect("a catalogue");
        let metrics = Arc::new(Metrics::new(Arc::clone(&catalog), &times, std::path::Path::new("/proc/self")));
        let app = AppState::new(catalog, config, accounts, metrics, clock, random);
        Self { app: Arc::new(app), _dir: dir }
    }

    /// Sends a request to routes made for these tests.
    async fn send(&self, request: Request) -> Answer {
        Answer::of(surrounded(made_up(), Arc::clone(&self.app)), request).await
    }

    /// Sends a request to the whole service.
    async fn ask(&self, request: Request) -> Answer {
        Answer::of(router(Arc::clone(&self.app)), request).await
    }
}

fn made_up() -> Router<App> {
    #[derive(serde::Deserialize)]
    struct Number {
        n: u32,
    }
    Router::new()
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/who", get(|p: Principal| async move { format!("{:?}", p.role) }))
        .route("/base", get(|c: RequestContext| async move { c.public_url }))
        .route("/number", get(|Query(q): Query<Number>| async move { q.n.to_string() }))
        .route("/page", get(|| async { axum::response::Html("<p>page</p>".repeat(100)) }))
        .route("/items/{id}", get(|| async { "item" }))
        .route("/panic", get(|| async { panicking() }))
        .route("/never", get(std::future::pending::<()>))
        .route("/broken", get(|| async { ApiError::internal("disk sda failed") }))
        .route(
            "/taken",
            get(|| async { ApiError::from(Problem::new(Kind::Conflict, "taken", "it is taken").at("id")) }),
        )
}

fn panicking() -> &'static str {
    panic!("the secret reason")
}

struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn of(router: Router, request: Request) -> Self {
        let response = router.oneshot(request).await.expect("a router answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().expect("text"))
    }

    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), PROBLEM_JSON);
        let problem: Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().expect("a type").ends_with(&format!("/problems/{code}")), "{problem}");
        problem
    }
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    let mut builder = axum::http::Request::builder().method(method).uri(uri).header("host", "water.example");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).expect("a request")
}

fn get_of(uri: &str, headers: &[(&str, &str)]) -> Request {
    request("GET", uri, headers, Body::empty())
}

#[tokio::test]
async fn every_error_is_a_problem_that_names_its_request() {
    let world = World::new(&[]).await;
    let id = "0b1e9a52-4f9a-4d1c-9a3e-52f1d6f1b8a7";
    let headers = [("x-request-id", id)];
    let taken = world.send(get_of("/taken", &headers)).await.problem(409, "taken");
    assert_eq!(taken["type"], "http://water.example/problems/taken");
    assert_eq!(taken["instance"], format!("urn:uuid:{id}"));
    assert_eq!((&taken["parameter"], &taken["detail"]), (&"id".into(), &"it is taken".into()));
    world.send(get_of("/nothing", &headers)).await.problem(404, "no-such-address");
    let method = world.send(request("DELETE", "/items/a", &headers, Body::empty())).await;
    method.problem(405, "method");
    assert!(method.header("allow").contains("GET"));
    let number = world.send(get_of("/number?n=x", &headers)).await.problem(400, "request");
    assert!(number["detail"].as_str().expect("a detail").contains('n'));
}

#[tokio::test]
async fn a_server_error_tells_nothing_internal() {
    let world = World::new(&[]).await;
    for (uri, secret) in [("/panic", "secret reason"), ("/broken", "sda")] {
        let answer = world.send(get_of(uri, &[])).await;
        answer.problem(500, "internal");
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_browser_gets_its_errors_as_a_page() {
    let world = World::new(&[]).await;
    let answer = world.send(get_of("/nothing", &[("accept", "text/html,*/*;q=0.8")])).await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn a_request_id_is_echoed_or_made() {
    let world = World::new(&[]).await;
    let echoed = world.send(get_of("/items/a", &[("x-request-id", "job-17")])).await;
    assert_eq!(echoed.header("x-request-id"), "job-17");
    for headers in [vec![], vec![("x-request-id", "not sane")]] {
        let made = world.send(get_of("/items/a", &headers)).await;
        let id = uuid::Uuid::parse_str(made.header("x-request-id")).expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
    }
}

#[tokio::test]
async fn a_key_decides_the_role() {
    let world = World::new(&[]).await;
    let key = world.app.accounts.create_key("ana", Role::Operator, None).await.expect("a key").reveal();
    let bearer = format!("Bearer {key}");
    assert_eq!(world.send(get_of("/who", &[])).await.text(), "Visitor");
    assert_eq!(world.send(get_of("/who", &[("authorization", &bearer)])).await.text(), "Operator");
    assert_eq!(world.send(get_of("/who", &[("x-api-key", &key)])).await.text(), "Operator");
    let in_address = world.send(get_of(&format!("/who?api_key={key}"), &[])).await;
    in_address.problem(400, "key-in-address");
    assert!(!in_address.text().contains(&key));
}

#[tokio::test]
async fn a_wrong_key_is_401_at_every_address() {
    let world = World::new(&[]).await;
    let wrong = format!("nil_{}_{}", "0".repeat(12), "1".repeat(64));
    let addresses = [
        "/",
        "/conformance",
        "/api",
        "/collections",
        "/collections/a",
        "/collections/a/items",
        "/collections/a/items/b",
        "/search",
        "/aggregate",
        "/queryables",
        "/changes",
        "/searches/x",
        "/livez",
        "/readyz",
        "/metrics",
        "/nothing/here",
    ];
    for uri in addresses {
        for headers in [("authorization", format!("Bearer {wrong}")), ("x-api-key", "abc".into())] {
            let answer = world.ask(get_of(uri, &[(headers.0, &headers.1)])).await;
            answer.problem(401, "key-refused");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = world.ask(request(method, uri, &[("x-api-key", &wrong)], Body::empty())).await;
            answer.problem(401, "key-refused");
        }
    }
    let metrics = world.app.metrics.encode(None).expect("metrics");
    assert!(metrics.contains("nilometer_auth_failures_total{reason=\"wrong\"}"), "{metrics}");
    assert!(metrics.contains("nilometer_auth_failures_total{reason=\"malformed\"}"), "{metrics}");
}

#[tokio::test]
async fn bodies_and_addresses_have_limits() {
    let world = World::new(&[("limits.body_bytes", "2000"), ("limits.url_bytes", "300")]).await;
    let send = |size: usize| world.send(request("POST", "/length", &[], vec![b'x'; size]));
    assert_eq!(send(2000).await.text(), "2000");
    send(2001).await.problem(413, "body-size");
    let bulk = request("POST", "/length", &[("content-type", "application/x-ndjson")], vec![b'x'; 5000]);
    assert_eq!(world.send(bulk).await.text(), "5000");
    let long = format!("/items/{}", "a".repeat(300));
    world.send(get_of(&long, &[])).await.problem(413, "url-size");
    assert_eq!(world.send(get_of("/items/a", &[])).await.text(), "item");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let world = World::new(&[("limits.request_timeout_s", "1")]).await;
    world.send(get_of("/never", &[])).await.problem(504, "timeout");
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let world = World::new(&[]).await;
    for coding in ["gzip", "br"] {
        let answer = world.send(get_of("/page", &[("accept-encoding", coding)])).await;
        assert_eq!(answer.header("content-encoding"), coding);
        assert!(answer.body.len() < 200);
    }
    assert_eq!(world.send(get_of("/page", &[])).await.header("content-encoding"), "");
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let world = World::new(&[]).await;
    for (uri, script) in [("/page", "script-src 'self'; "), ("/items/a", ""), ("/nothing", "")] {
        let answer = world.send(get_of(uri, &[])).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with(&format!("default-src 'none'; {script}")), "{uri}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{uri}: {policy}");
        assert!(!answer.header("referrer-policy").is_empty());
    }
}

#[tokio::test]
async fn an_outside_basemap_opens_the_policy_for_its_origin_alone() {
    let world = World::new(&[("basemap_style", "https://maps.example/s/style.json")]).await;
    let policy = world.send(get_of("/page", &[])).await.header("content-security-policy").to_owned();
    for directive in ["connect-src 'self' https://maps.example;", "script-src 'self';", "style-src 'self';"] {
        assert!(policy.contains(directive), "{policy}");
    }
}

#[tokio::test]
async fn scripts_of_configured_origins_may_read() {
    let check = async |origins: &str, expected: &str| {
        let world = World::new(&[("cors_origins", origins)]).await;
        let answer = world.send(get_of("/items/a", &[("origin", "https://a.example")])).await;
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{origins}");
        let headers = [
            ("origin", "https://a.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization"),
        ];
        let preflight = world.send(request("OPTIONS", "/items/a", &headers, Body::empty())).await;
        assert_eq!(preflight.status, 200);
        assert_eq!(preflight.header("access-control-allow-origin"), expected, "{origins}");
        assert!(preflight.header("access-control-allow-headers").contains("authorization"));
    };
    check("*", "*").await;
    check("https://a.example,https://b.example", "https://a.example").await;
    check("https://b.example", "").await;
    check("", "").await;
}

#[tokio::test]
async fn the_public_prefix_is_taken_off_addresses_that_carry_it() {
    let world = World::new(&[("public_url", "https://water.example/portal")]).await;
    for uri in ["/portal/base", "/base", "/portal/base?x=1"] {
        assert_eq!(world.send(get_of(uri, &[])).await.text(), "https://water.example/portal", "{uri}");
    }
    world.send(get_of("/portalbase", &[])).await.problem(404, "no-such-address");
    let metrics = world.app.metrics.encode(None).expect("metrics");
    assert!(metrics.contains("route=\"/base\""), "{metrics}");
}

#[tokio::test]
async fn metrics_have_their_names_and_bounded_labels() {
    let world = World::new(&[]).await;
    world.send(get_of("/items/a?q=secret", &[])).await;
    world.send(get_of("/items/a", &[("x-api-key", "wrong")])).await;
    world.send(request("BREW", "/no/such", &[], Body::empty())).await;
    world.app.metrics.searched(crate::metrics::Shape::Text, Some(3), Duration::from_millis(2));
    world.app.metrics.searched(crate::metrics::Shape::Facet, None, Duration::from_millis(2));
    let collection = serde_json::json!({"type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d",
        "license": "other", "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}, "links": []});
    let collection = nilometer_schemas::Collection::from_value(collection).expect("a collection");
    let write = nilometer_indexer::Write::PutCollection(Box::new(collection), nilometer_indexer::Precondition::None);
    world.app.write(vec![write]).await.expect("written");
    world.app.metrics.ingested("http", &nilometer_indexer::Outcome::Created(1));
    let text = world.ask(get_of("/metrics", &[])).await.text().to_owned();
    for name in [
        "nilometer_http_requests_total{route=\"/items/{id}\",method=\"GET\",code=\"200\"} 1",
        "nilometer_http_requests_total{route=\"/items/{id}\",method=\"GET\",code=\"401\"} 1",
        "nilometer_http_requests_total{route=\"unmatched\",method=\"other\",code=\"404\"} 1",
        "nilometer_http_request_duration_seconds_bucket{",
        "nilometer_http_in_flight 1",
        "nilometer_search_duration_seconds_count{shape=\"text\"} 1",
        "nilometer_search_duration_seconds_count{shape=\"facet\"} 1",
        "nilometer_search_hits_sum 3",
        "nilometer_search_hits_count 1",
        "nilometer_index_segments ",
        "nilometer_index_docs 0",
        "nilometer_index_deleted_docs 0",
        "nilometer_fsync_duration_seconds_count 1",
        "nilometer_index_commit_duration_seconds_count 1",
        "nilometer_index_commit_records_sum 1",
        "nilometer_wal_bytes ",
        "nilometer_ingest_items_total{source=\"http\",result=\"created\"} 2",
        "nilometer_build_info{version=",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "process_open_fds ",
        "# EOF",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
    assert!(!text.contains("secret"));
}

#[tokio::test]
async fn health_tells_each_dependency() {
    let world = World::new(&[]).await;
    assert_eq!(world.ask(get_of("/livez", &[])).await.status, 200);
    let ready = world.ask(get_of("/readyz", &[])).await;
    let body: Value = serde_json::from_slice(&ready.body).expect("JSON");
    assert_eq!((ready.status, &body["status"]), (200, &"ok".into()));
    assert_eq!(body["dependencies"]["catalogue"]["writable"], true);
    world.app.accounts.close().await;
    let failed = world.ask(get_of("/readyz", &[])).await;
    let body: Value = serde_json::from_slice(&failed.body).expect("JSON");
    assert_eq!((failed.status, &body["dependencies"]["accounts"]["status"]), (503, &"failed".into()));
    assert_eq!(world.ask(get_of("/livez", &[])).await.status, 200);
}

#[tokio::test]
async fn a_separate_listener_takes_metrics_off_the_main_one() {
    let world = World::new(&[("metrics_listen", "127.0.0.1:0")]).await;
    world.ask(get_of("/metrics", &[])).await.problem(404, "no-such-address");
    let apart = Answer::of(operations_router(Arc::clone(&world.app)), get_of("/metrics", &[])).await;
    assert_eq!(apart.status, 200);
}
