//! All metrics of the service, in one place; base units, labels of bounded values only.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::body::Body;
use nilometer_indexer::{Catalog, Observer, Outcome, Snapshot};
use nilometer_schemas::{Level, Scope};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::accounts::{OrderState, QueueFigures, Refusal};
use crate::counted::Counted;

/// Prefix of all names but `process_*`, which tools know without one.
const PREFIX: &str = "nilometer";
/// Media type of [`Metrics::encode`]'s text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Collections with a series of their own.
const COLLECTIONS_MAX: usize = 500;
/// Upper bounds of latency buckets, seconds.
const LATENCY_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of the buckets of fsyncs, seconds: from a good disk's to those that alarm.
const FSYNC_S: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
/// Upper bounds of the buckets of downloads, seconds.
const EXPORT_S: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0];
/// Upper bounds of the buckets of orders, seconds.
const ORDER_S: [f64; 8] = [1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 86_400.0];
/// Upper bounds of hit counts.
const HITS: [f64; 8] = [0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];
/// Clock ticks per second in `/proc` (USER_HZ, 100 on every Linux architecture in use).
const TICKS_PER_SECOND: f64 = 100.0;

/// The path by which a search is answered, as metrics tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// By ids.
    Id,
    /// By a box, or by nothing narrower.
    Bbox,
    /// By a geometry.
    Polygon,
    /// By words.
    Text,
    /// By a filter.
    Cql2,
    /// Counts by value.
    Facet,
}

impl Shape {
    fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Bbox => "bbox",
            Self::Polygon => "polygon",
            Self::Text => "text",
            Self::Cql2 => "cql2",
            Self::Facet => "facet",
        }
    }

    /// The most telling part of a search.
    pub fn of(search: &nilometer_schemas::Search) -> Self {
        if search.words.is_some() {
            Self::Text
        } else if search.intersects.is_some() || !search.intersects_refs.is_empty() {
            Self::Polygon
        } else if search.filter.is_some() {
            Self::Cql2
        } else if !search.ids.is_empty() {
            Self::Id
        } else {
            Self::Bbox
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    code: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct QuotaLabel {
    quota: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ShapeLabel {
    shape: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct IngestLabels {
    source: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CollectionLabel {
    collection: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ComponentLabel {
    component: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CacheLabel {
    cache: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ZoomLabel {
    zoom_band: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ExportLabels {
    format: &'static str,
    result: &'static str,
}

type Latency<L> = Family<L, Histogram, fn() -> Histogram>;

fn latency() -> Histogram {
    Histogram::new(LATENCY_S)
}

/// How long the catalogue's writes take: made before the catalogue, which is given it as its observer.
#[derive(Clone, Debug)]
pub struct WriteTimes {
    fsync: Histogram,
    commit: Histogram,
    commit_records: Histogram,
    last: Arc<Mutex<Option<Instant>>>,
}

impl Default for WriteTimes {
    fn default() -> Self {
        Self {
            fsync: Histogram::new(FSYNC_S),
            commit: latency(),
            commit_records: Histogram::new(HITS),
            last: Arc::default(),
        }
    }
}

impl Observer for WriteTimes {
    fn fsync(&self, took: Duration) {
        self.fsync.observe(took.as_secs_f64());
    }

    fn commit(&self, took: Duration, records: usize) {
        self.commit.observe(took.as_secs_f64());
        self.commit_records.observe(bucketed(records as u64));
        *self.last.lock() = Some(Instant::now());
    }
}

/// The metrics. Cheap to record from any thread.
pub struct Metrics {
    registry: Registry,
    public: Arc<Mutex<Option<Public>>>,
    requests: Family<RequestLabels, Counter>,
    request_duration: Latency<RouteLabels>,
    in_flight: Gauge,
    response_bytes: Counter,
    rejected: Family<Reason, Counter>,
    search_duration: Latency<ShapeLabel>,
    search_hits: Histogram,
    search_timeouts: Counter,
    tile_duration: Latency<ZoomLabel>,
    cache_hits: Family<CacheLabel, Counter>,
    cache_misses: Family<CacheLabel, Counter>,
    cache_bytes: Family<CacheLabel, Gauge<u64, AtomicU64>>,
    exports: Family<ExportLabels, Counter>,
    exports_running: Gauge,
    export_items: Counter,
    export_duration: Histogram,
    download_active: Gauge,
    download_bytes: Counter,
    orders: Family<StateLabel, Gauge>,
    order_queue_age: Gauge,
    order_duration: Histogram,
    ingest_items: Family<IngestLabels, Counter>,
    auth_failures: Family<Reason, Counter>,
    quota_exceeded: Family<QuotaLabel, Counter>,
    jwks_refresh: Family<ResultLabel, Counter>,
    /// Without labels; empty until keys were fetched.
    jwks_age: Family<Vec<(String, String)>, Gauge<u64, AtomicU64>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Registers all metrics. `times` is what the catalogue was opened with; `proc_dir` is the process's directory in
    /// the proc file system (`/proc/self`).
    pub fn new(catalog: Arc<Catalog>, times: &WriteTimes, proc_dir: &Path) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process { dir: proc_dir.to_owned() }));
        let metrics = Self {
            requests: Family::default(),
            request_duration: Family::new_with_constructor(latency),
            in_flight: Gauge::default(),
            response_bytes: Counter::default(),
            rejected: Family::default(),
            search_duration: Family::new_with_constructor(latency),
            search_hits: Histogram::new(HITS),
            search_timeouts: Counter::default(),
            tile_duration: Family::new_with_constructor(latency),
            cache_hits: Family::default(),
            cache_misses: Family::default(),
            cache_bytes: Family::default(),
            exports: Family::default(),
            exports_running: Gauge::default(),
            export_items: Counter::default(),
            export_duration: Histogram::new(EXPORT_S),
            download_active: Gauge::default(),
            download_bytes: Counter::default(),
            orders: Family::default(),
            order_queue_age: Gauge::default(),
            order_duration: Histogram::new(ORDER_S),
            ingest_items: Family::default(),
            auth_failures: Family::default(),
            public: Arc::default(),
            quota_exceeded: Family::default(),
            jwks_refresh: Family::default(),
            jwks_age: Family::default(),
            registry: Registry::default(),
        };
        let own = registry.sub_registry_with_prefix(PREFIX);
        own.register(
            "build",
            "Version of the running program",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        own.register("http_requests", "Requests answered", metrics.requests.clone());
        own.register(
            "http_request_duration_seconds",
            "Time until an answer's head was ready",
            metrics.request_duration.clone(),
        );
        own.register("http_in_flight", "Requests being answered", metrics.in_flight.clone());
        own.register("http_response_bytes", "Bytes of answers' bodies that went out", metrics.response_bytes.clone());
        own.register("http_rejected", "Requests refused by a limit or for their credentials", metrics.rejected.clone());
        own.register("search_duration_seconds", "Time of a search", metrics.search_duration.clone());
        own.register("search_hits", "Items that a search matched", metrics.search_hits.clone());
        own.register("search_timeouts", "Requests given up at their deadline", metrics.search_timeouts.clone());
        own.register("tile_duration_seconds", "Time of a tile, kept or drawn", metrics.tile_duration.clone());
        own.register("cache_hits", "Answers that a cache held", metrics.cache_hits.clone());
        own.register("cache_misses", "Answers that a cache did not hold", metrics.cache_misses.clone());
        own.register("cache_bytes", "Bytes that a cache holds", metrics.cache_bytes.clone());
        own.register(
            "fsync_duration_seconds",
            "Time until the log was on the disk, once a group of writes",
            times.fsync.clone(),
        );
        own.register(
            "index_commit_duration_seconds",
            "Time until a group of writes was durable and visible, from its turn on",
            times.commit.clone(),
        );
        own.register("index_commit_records", "Records in a group of writes", times.commit_records.clone());
        own.register("exports", "Downloads of whole results by what became of them", metrics.exports.clone());
        own.register("exports_running", "Downloads under way", metrics.exports_running.clone());
        own.register("export_items", "Items of complete downloads", metrics.export_items.clone());
        own.register(
            "export_duration_seconds",
            "Time of complete downloads, slow readers included",
            metrics.export_duration.clone(),
        );
        own.register("download_active", "Files of items under way", metrics.download_active.clone());
        own.register("download_bytes", "Bytes of items' files that went out", metrics.download_bytes.clone());
        own.register("orders", "Orders of files by state", metrics.orders.clone());
        own.register(
            "order_queue_age_seconds",
            "Age of the oldest order that waits for its turn",
            metrics.order_queue_age.clone(),
        );
        own.register(
            "order_duration_seconds",
            "Time from the placing of an order until it was ready or given up",
            metrics.order_duration.clone(),
        );
        own.register("ingest_items", "Writes by what became of them", metrics.ingest_items.clone());
        own.register("auth_failures", "Refused credentials", metrics.auth_failures.clone());
        own.register("quota_exceeded", "Requests for more than an account may take", metrics.quota_exceeded.clone());
        own.register("jwks_refresh", "Attempts to fetch the issuer's keys", metrics.jwks_refresh.clone());
        own.register("jwks_age_seconds", "Time since the issuer's keys were fetched", metrics.jwks_age.clone());
        own.register_collector(Box::new(Index {
            catalog,
            public: Arc::clone(&metrics.public),
            last_commit: Arc::clone(&times.last),
        }));
        Self { registry, ..metrics }
    }

    /// A request has begun; the answer counts it out when dropped.
    #[must_use]
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// An answer's body, whose bytes are counted as they go out.
    pub(crate) fn counted(&self, body: Body) -> Body {
        Body::new(Counted::new(body, self.response_bytes.clone()))
    }

    /// A request was answered. `route` is the matched template, never an address.
    pub fn answered(&self, route: &str, method: &axum::http::Method, code: u16, took: Duration) {
        let (route, method) = (route.to_owned(), method_label(method));
        self.request_duration.get_or_create(&RouteLabels { route: route.clone(), method }).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { route, method, code }).inc();
    }

    /// A request was refused by a limit of size (`limit`) or of rate (`rate`), for its credentials (`auth`), or since too
    /// many downloads are under way (`exports`).
    pub fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&Reason { reason }).inc();
    }

    /// A search was answered; `hits` where its matches were counted.
    pub fn searched(&self, shape: Shape, hits: Option<u64>, took: Duration) {
        self.search_duration.get_or_create(&ShapeLabel { shape: shape.as_str() }).observe(took.as_secs_f64());
        if let Some(hits) = hits {
            self.search_hits.observe(bucketed(hits));
        }
    }

    /// A tile was answered; `hit` if the cache held it, which now holds so many bytes.
    pub fn tile(&self, zoom: u8, hit: bool, cache_bytes: u64, took: Duration) {
        let zoom_band = match zoom {
            0..=2 => "0-2",
            3..=5 => "3-5",
            6..=8 => "6-8",
            9..=11 => "9-11",
            _ => "12-",
        };
        self.tile_duration.get_or_create(&ZoomLabel { zoom_band }).observe(took.as_secs_f64());
        let cache = CacheLabel { cache: "tiles" };
        let counter = if hit { &self.cache_hits } else { &self.cache_misses };
        counter.get_or_create(&cache).inc();
        self.cache_bytes.get_or_create(&cache).set(cache_bytes);
    }

    /// A download has begun; it counts as under way until the answer is dropped.
    #[must_use]
    pub fn export_begins(&self) -> InFlight {
        self.exports_running.inc();
        InFlight(self.exports_running.clone())
    }

    /// A download of so many items has ended: `complete`, `abandoned` by its reader, or `failed`.
    pub fn exported(&self, format: &'static str, result: &'static str, items: u64, took: Duration) {
        self.exports.get_or_create(&ExportLabels { format, result }).inc();
        if result == "complete" {
            self.export_items.inc_by(items);
            self.export_duration.observe(took.as_secs_f64());
        }
    }

    /// A file has begun to go out; it counts as under way until its answer is dropped.
    #[must_use]
    pub fn download_begins(&self) -> InFlight {
        self.download_active.inc();
        InFlight(self.download_active.clone())
    }

    /// So many bytes of a file went out.
    pub fn downloaded(&self, bytes: u64) {
        self.download_bytes.inc_by(bytes);
    }

    /// How the queue of orders is.
    pub(crate) fn orders(&self, figures: &QueueFigures) {
        for state in OrderState::ALL {
            let count = figures.states.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
            self.orders.get_or_create(&StateLabel { state: state.name() }).set(count);
        }
        self.order_queue_age.set(figures.oldest_s);
    }

    /// An order was ready, or given up, so long after it was placed.
    pub(crate) fn order_ended(&self, took: Duration) {
        self.order_duration.observe(took.as_secs_f64());
    }

    /// A request ran into its deadline.
    pub fn timed_out(&self) {
        self.search_timeouts.inc();
    }

    /// One write and what became of it; `source` is `http`, `bulk` or the like.
    pub fn ingested(&self, source: &'static str, outcome: &Outcome) {
        let result = match outcome {
            Outcome::Created(_) => "created",
            Outcome::Replaced(_) => "replaced",
            Outcome::Unchanged(_) => "unchanged",
            Outcome::Deleted(_) => "deleted",
            Outcome::Absent => "absent",
            Outcome::Observed { .. } => "observed",
            Outcome::Rejected(_) => "rejected",
            Outcome::Withheld => "withheld",
        };
        self.ingest_items.get_or_create(&IngestLabels { source, result }).inc();
    }

    /// A credential was refused.
    pub fn auth_failed(&self, refusal: Refusal) {
        self.auth_failures.get_or_create(&Reason { reason: refusal.as_str() }).inc();
        self.rejected("auth");
    }

    /// A sign-in was refused: a wrong `password`, or too many `attempts`.
    pub fn sign_in_failed(&self, reason: &'static str) {
        self.auth_failures.get_or_create(&Reason { reason }).inc();
        self.rejected("auth");
    }

    /// Somebody wanted more than a quota: `volume` or `orders`.
    pub fn quota_exceeded(&self, quota: &'static str) {
        self.quota_exceeded.get_or_create(&QuotaLabel { quota }).inc();
    }

    /// The issuer's keys were asked for: `ok` or `failed`.
    pub fn jwks_refreshed(&self, result: &'static str) {
        self.jwks_refresh.get_or_create(&ResultLabel { result }).inc();
    }

    /// The issuer's keys are so old.
    pub fn jwks_age(&self, seconds: u64) {
        self.jwks_age.get_or_create(&Vec::new()).set(seconds);
    }

    /// All metrics as OpenMetrics text; those of the catalogue as visitors see it, where that is known.
    ///
    /// # Errors
    /// If a metric cannot be written, which would be a defect.
    pub(crate) fn encode(&self, public: Option<Public>) -> Result<String, fmt::Error> {
        *self.public.lock() = public;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts something out of the gauge of what is under way when dropped.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A count as histograms take it.
#[expect(clippy::cast_precision_loss, reason = "a bucket needs no 53 bits")]
fn bucketed(count: u64) -> f64 {
    count as f64
}

/// Anybody can invent methods; labels stay bounded.
fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    metric.encode(encoder.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Gauge)?)
}

/// Figures of the catalogue, taken when asked for.
struct Index {
    catalog: Arc<Catalog>,
    public: Arc<Mutex<Option<Public>>>,
    last_commit: Arc<Mutex<Option<Instant>>>,
}

/// What visitors see: whoever scrapes may not be more.
#[derive(Clone)]
pub(crate) struct Public {
    /// Their view.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Their scope.
    pub(crate) scope: Scope,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index")
    }
}

impl Collector for Index {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.catalog.stats();
        // Whoever reads these is told of what everybody may see only.
        let Some(Public { snapshot, scope: visitor }) = self.public.lock().clone() else { return Ok(()) };
        let visible: Vec<String> =
            snapshot.collections(visitor).iter().map(|c| c.collection.id.as_str().to_owned()).collect();
        let docs = visible.iter().map(|id| snapshot.collection_stats(id).items).sum();
        // Tables tell what they hold as a whole only.
        let whole = |id: &&String| snapshot.level(id, visitor) == Level::Full;
        let tables = || visible.iter().filter(whole).filter_map(|id| snapshot.series(id, visitor));
        let e = &mut encoder;
        gauge(e, "index_segments", "Segments", stats.segments as u64)?;
        gauge(e, "index_docs", "Live items of public collections", docs)?;
        gauge(e, "index_deleted_docs", "Dead items that still take room", stats.deleted)?;
        gauge(e, "wal_bytes", "Bytes of the log", stats.log_bytes)?;
        let rows = tables().map(|table| table.rows()).sum();
        gauge(e, "series_rows", "Observations of collections that are public in full, all versions", rows)?;
        let bytes = tables().map(|table| table.bytes()).sum();
        gauge(e, "series_bytes", "Bytes of their files", bytes)?;
        if let Some(last) = *self.last_commit.lock() {
            gauge(e, "index_commit_age_seconds", "Time since the last group of writes", last.elapsed().as_secs())?;
        }
        gauge(e, "index_sequence", "Newest sequence number", stats.sequence)?;
        let writable = u64::from(self.catalog.read_only_reason().is_none());
        gauge(e, "index_writable", "1 if the catalogue takes writes", writable)?;
        let bytes: Family<ComponentLabel, Gauge<u64, AtomicU64>> = Family::default();
        for (component, size) in stats.index_bytes {
            bytes.get_or_create(&ComponentLabel { component }).set(size);
        }
        encode_family(e, "index_bytes", "Bytes of the index by component", &bytes)?;
        let items: Family<CollectionLabel, Gauge<u64, AtomicU64>> = Family::default();
        // Hidden collections have no series: whoever scrapes may not be an operator.
        for stored in snapshot.collections(visitor).into_iter().take(COLLECTIONS_MAX) {
            let id = stored.collection.id.as_str();
            let count = snapshot.collection_stats(id).items;
            items.get_or_create(&CollectionLabel { collection: id.to_owned() }).set(count);
        }
        encode_family(e, "collection_items", "Live items of a public collection", &items)
    }
}

fn encode_family<L>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    family: &Family<L, Gauge<u64, AtomicU64>>,
) -> fmt::Result
where
    L: Clone + std::hash::Hash + Eq + EncodeLabelSet,
{
    family.encode(encoder.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Gauge)?)
}

/// Figures of the process, read from the proc file system; what it does not tell is left out.
#[derive(Debug)]
struct Process {
    dir: PathBuf,
}

impl Process {
    /// Resident memory in bytes (`VmRSS` of `status`, given in kB).
    fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(self.dir.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
    }

    /// User and system time in seconds (fields 14 and 15 of `stat`, counted after the name's closing bracket).
    fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(self.dir.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some((user + system) / TICKS_PER_SECOND)
    }

    fn open_fds(&self) -> Option<u64> {
        std::fs::read_dir(self.dir.join("fd")).ok().map(|entries| entries.count() as u64)
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(bytes) = self.resident_bytes() {
            gauge(&mut encoder, "process_resident_memory_bytes", "Resident memory", bytes)?;
        }
        if let Some(count) = self.open_fds() {
            gauge(&mut encoder, "process_open_fds", "Open file descriptors", count)?;
        }
        if let Some(seconds) = self.cpu_seconds() {
            let kind = prometheus_client::metrics::MetricType::Counter;
            let help = "User and system time";
            let descriptor = encoder.encode_descriptor("process_cpu_seconds", help, None, kind)?;
            ConstCounter::new(seconds).encode(descriptor)?;
        }
        Ok(())
    }
}
