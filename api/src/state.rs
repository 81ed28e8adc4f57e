//! What all routes share, and the way from a request to the blocking catalogue.

use std::sync::Arc;

use nilometer_indexer::{Catalog, Clock, Outcome, Write};
use nilometer_schemas::{Instant, Item};
use nilometer_tiles::TileCache;
use tokio::sync::Semaphore;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::files::{Files, NotedDownloads};
use crate::held::HeldSnapshots;
use crate::limits::{Limiter, system_ticks};
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::orders::Orders;
use crate::problem::ApiError;
use crate::reading::Vocabularies;
use crate::views::Views;

/// Fills a slice, or says why it cannot.
type Fill = dyn Fn(&mut [u8]) -> Result<(), String> + Send + Sync;

/// Source of random bytes; passed in so that tests replay.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

impl Random {
    /// The operating system's.
    pub fn system() -> Self {
        Self(Arc::new(|bytes| getrandom::fill(bytes).map_err(|e| e.to_string())))
    }

    /// Any other.
    pub fn from_fn(fill: impl Fn(&mut [u8]) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Fills the slice.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn fill(&self, bytes: &mut [u8]) -> Result<(), String> {
        (self.0)(bytes)
    }
}

/// The wall clock, UTC.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 is a broken one; its records then stand at the epoch.
        Instant(since.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    })
}

/// What all routes share.
pub struct AppState {
    /// The catalogue.
    pub catalog: Arc<Catalog>,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Users, keys, saved questions.
    pub accounts: Accounts,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Drawn tiles.
    pub tiles: Arc<TileCache>,
    /// Snapshots of searches by relevance.
    pub held: HeldSnapshots,
    /// What collections are called, for reading sentences.
    pub(crate) vocabularies: Vocabularies,
    /// The catalogue as those see it whose groups were granted something.
    pub(crate) views: Views,
    /// Room for downloads of whole results.
    pub exports: Arc<Semaphore>,
    /// Files of assets.
    pub files: Arc<Files>,
    /// Downloads that stand in the audit log.
    pub(crate) noted_downloads: NotedDownloads,
    /// How often callers asked lately.
    pub(crate) limiter: Limiter,
    /// Mail.
    pub(crate) mail: Mailer,
    /// Orders of files.
    pub(crate) orders: Orders,
    /// The outside issuer of accounts, if there is one.
    pub(crate) oidc: Option<Oidc>,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
}

/// Shared state as routes hold it.
pub type App = Arc<AppState>;

impl AppState {
    /// A service over an opened catalogue.
    pub fn new(
        catalog: Arc<Catalog>,
        config: Config,
        accounts: Accounts,
        metrics: Arc<Metrics>,
        clock: Clock,
        random: Random,
    ) -> Self {
        let tiles = Arc::new(TileCache::new(config.limits.tile_cache_bytes));
        let exports = Arc::new(Semaphore::new(config.limits.exports_max));
        let files = Arc::new(Files::without_stores(&config, random.clone()));
        let mail = Mailer::new(&config, Arc::clone(&clock), random.clone());
        let orders = Orders::new(&config, random.clone());
        let oidc = Oidc::new(&config.oidc, Arc::clone(&clock), random.clone(), Arc::clone(&metrics));
        Self {
            catalog,
            config: Arc::new(config),
            accounts,
            metrics,
            tiles,
            held: HeldSnapshots::default(),
            vocabularies: Vocabularies::default(),
            views: Views::default(),
            exports,
            files,
            noted_downloads: NotedDownloads::default(),
            limiter: Limiter::new(system_ticks()),
            mail,
            orders,
            oidc,
            clock,
            random,
        }
    }

    /// The same service with these files; a new one delivers series alone.
    #[must_use]
    pub fn with_files(self, files: Files) -> Self {
        Self { files: Arc::new(files), ..self }
    }

    /// Writes to the catalogue from an async route; returns when durable and visible.
    ///
    /// # Errors
    /// As [`Catalog::write`]. Outcomes of single writes, rejections among them, are in the answer.
    pub async fn write(&self, writes: Vec<Write>) -> Result<Vec<Outcome>, ApiError> {
        let catalog = Arc::clone(&self.catalog);
        let outcomes = run_blocking(move || catalog.write(writes).map_err(ApiError::from)).await?;
        Ok(self.told(outcomes))
    }

    /// Creates all of these items or none, as [`AppState::write`] writes.
    ///
    /// # Errors
    /// As [`AppState::write`].
    pub async fn create_whole(&self, items: Vec<Item>) -> Result<Vec<Outcome>, ApiError> {
        let catalog = Arc::clone(&self.catalog);
        let outcomes = run_blocking(move || catalog.create_whole(items).map_err(ApiError::from)).await?;
        Ok(self.told(outcomes))
    }

    /// Tells the metrics.
    fn told(&self, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        for outcome in &outcomes {
            self.metrics.ingested("http", outcome);
        }
        outcomes
    }
}

/// Runs what would block on threads made for that, keeping the span for logs.
///
/// # Errors
/// As the work; a panic in it becomes an internal error.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(outcome) => outcome,
        Err(error) => Err(ApiError::internal(format!("blocking work ended: {error}"))),
    }
}
