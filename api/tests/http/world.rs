//! A service with a small catalogue, and requests to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use nilometer_api::accounts::Accounts;
use nilometer_api::config::Config;
use nilometer_api::metrics::{Metrics, WriteTimes};
use nilometer_api::state::{AppState, Random};
use nilometer_indexer::{Catalog, CatalogOptions, Clock, Outcome, Precondition, Write};
use nilometer_schemas::{Collection, Instant, Item, Role};
use serde_json::{Value, json};
use tower::ServiceExt;

/// Where the service stands for its callers.
pub(crate) const BASE: &str = "https://water.example/portal";

pub(crate) struct World {
    router: Router,
    pub(crate) operator: String,
    pub(crate) reader: String,
    /// The time, µs.
    now: Arc<AtomicI64>,
    _dir: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// The link of a relation.
    pub(crate) fn link(&self, rel: &str) -> Option<Value> {
        self.json()["links"].as_array().unwrap().iter().find(|l| l["rel"] == rel).cloned()
    }

    /// Ids of a page's items, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let json = self.json();
        let features = json["features"].as_array().unwrap_or_else(|| panic!("no features: {json}"));
        features.iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn gauge(id: &str, lon: f64, lat: f64, day: &str, river: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "gauges",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"datetime": format!("{day}T06:30:00Z"), "title": format!("{river} at {id}"), "river": river,
                       "width_m": lon.abs() * 10.0},
        "assets": {},
    })
}

fn collections() -> Vec<Value> {
    vec![
        json!({"id": "gauges", "title": "Gauges", "description": "River gauges.", "license": "CC-BY-4.0",
               "keywords": ["discharge"],
               "providers": [{"name": "River office", "url": "https://office.example"}],
               "nilometer:translations": {"fr": {"title": "Stations", "description": "Stations de rivière."}}}),
        json!({"id": "places/all", "title": "Places", "description": "Countries & lakes.", "keywords": ["place"]}),
        json!({"id": "empty", "description": "Nothing yet."}),
        json!({"id": "secret", "title": "Unpublished survey", "description": "d", "nilometer:access": "hidden"}),
    ]
}

fn items() -> Vec<Value> {
    let mut items = vec![
        gauge("garonne-1", -0.5, 44.8, "2020-01-10", "Garonne"),
        gauge("garonne-2", 1.4, 43.6, "2021-03-10", "Garonne"),
        gauge("nile-1", 31.2, 30.0, "2022-06-01", "Nile"),
        gauge("fiji/1", 179.5, -17.0, "2022-07-01", "Rewa"),
        gauge("l'isle <b>", 0.7, 45.2, "2023-01-01", "L'Isle"),
    ];
    items.push(json!({
        "type": "Feature", "id": "aquitaine", "collection": "places/all",
        "geometry": {"type": "Polygon", "coordinates": [[[-2, 43], [1, 43], [1, 46], [-2, 46], [-2, 43]]]},
        "properties": {"datetime": null, "start_datetime": "1900-01-01T00:00:00Z",
                       "end_datetime": "2100-01-01T00:00:00Z", "name": "Aquitaine"},
        "assets": {"map": {"href": "https://files.example/a.png", "type": "image/png", "roles": ["data"],
                           "file:size": 2048}, "raw": {"href": "javascript:alert(1)"}},
        "links": [{"rel": "via", "href": "https://source.example"}],
    }));
    items.push(json!({
        "type": "Feature", "id": "hidden-1", "collection": "secret",
        "geometry": {"type": "Point", "coordinates": [0.0, 44.0]},
        "properties": {"datetime": "2031-05-05T00:00:00Z", "title": "Confidential borehole", "code": "X-77"},
    }));
    items
}

impl World {
    /// A service whose catalogue holds [`collections`] and [`items`].
    pub(crate) async fn new() -> Self {
        Self::with(Vec::new()).await
    }

    /// As [`World::new`], and these writes after it.
    pub(crate) async fn with(more: Vec<Write>) -> Self {
        let world = Self::empty().await;
        let writes = collections()
            .into_iter()
            .map(|c| Write::PutCollection(Box::new(Collection::from_value(c).unwrap()), Precondition::None))
            .chain(
                items()
                    .iter()
                    .map(|i| Write::PutItem(Box::new(Item::from_value(i, None).unwrap()), Precondition::None)),
            )
            .collect();
        for outcome in world.1.write(writes).unwrap() {
            assert!(matches!(outcome, Outcome::Created(_)), "{outcome:?}");
        }
        world.1.write(more).unwrap();
        world.0
    }

    async fn empty() -> (Self, Arc<Catalog>) {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let clock: Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || Instant(now.load(Ordering::Relaxed)))
        };
        let data = dir.path().to_str().unwrap();
        let config = Config::from_pairs(&[("data", data), ("public_url", BASE)]).unwrap();
        let random = Random::system();
        let accounts = Accounts::open(dir.path(), Arc::clone(&clock), random.clone()).await.unwrap();
        let operator = accounts.create_key("operator", Role::Operator, None).await.unwrap().reveal();
        let reader = accounts.create_key("reader", Role::Visitor, None).await.unwrap().reveal();
        let times = WriteTimes::default();
        let options = CatalogOptions { observer: Some(Arc::new(times.clone())), ..config.catalog_options() };
        let catalog = Catalog::open(&config.data, options, Arc::clone(&clock)).unwrap();
        let metrics = Arc::new(Metrics::new(Arc::clone(&catalog), &times, std::path::Path::new("/proc/self")));
        let state = AppState::new(Arc::clone(&catalog), config, accounts, metrics, clock, random);
        let router = nilometer_api::router(Arc::new(state));
        (Self { router, operator, reader, now, _dir: dir }, catalog)
    }

    /// Lets minutes go by.
    pub(crate) fn wait_minutes(&self, minutes: i64) {
        self.now.fetch_add(minutes * 60_000_000, Ordering::Relaxed);
    }

    /// An answer whose body is not read yet.
    pub(crate) async fn begin(&self, path: &str) -> axum::response::Response {
        self.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// `GET` with headers. The path may be a full link of an answer.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let path = path.strip_prefix(BASE).unwrap_or(path);
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// `GET` that must succeed.
    pub(crate) async fn ok(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// `GET` as an operator.
    pub(crate) async fn get_as_operator(&self, path: &str) -> Answer {
        self.get_with(path, &[("authorization", &format!("Bearer {}", self.operator))]).await
    }

    /// A page as a browser asks for it.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        self.get_with(path, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await
    }

    /// A request with a JSON body; `key` is an API key, or empty.
    pub(crate) async fn json(&self, method: &str, path: &str, key: &str, body: &Value) -> Answer {
        self.body(
            method,
            path,
            &[("authorization", &bearer(key)), ("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    /// `POST` of a question.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, "", body).await
    }

    /// A request with headers, of which empty ones are left out, and any body.
    pub(crate) async fn body(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let path = path.strip_prefix(BASE).unwrap_or(path);
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

/// A text as value of a parameter.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The `Authorization` of a key, or nothing.
pub(crate) fn bearer(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("Bearer {key}") }
}
