//! `nilometer serve`: the service until SIGTERM.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Args;
use nilometer_indexer::{Catalog, CatalogOptions};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Outcome;
use crate::accounts::Accounts;
use crate::config::Config;
use crate::files::Files;
use crate::metrics::{Metrics, WriteTimes};
use crate::server::{ServerOptions, serve, termination};
use crate::state::{App, AppState, Random, system_clock};

/// The process's directory in the proc file system.
const PROC_DIR: &str = "/proc/self";
/// Time between two rounds of removing what has ended.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(3_600);
/// How long abandoned work on blocking threads may delay the end of the process.
const ABANDON_AFTER: Duration = Duration::from_secs(1);

/// Serves a data directory over HTTP until SIGTERM or SIGINT
#[derive(Args)]
#[command(after_help = "\
The address is printed once the service is ready. An empty directory is served as an empty catalogue.

Examples:
  nilometer serve --data water
  nilometer serve --data water --listen 0.0.0.0:8080 --public-url https://water.example/portal
  nilometer serve --data water --listen 127.0.0.1:0 --log-format json
  nilometer serve --data water --metrics-listen 127.0.0.1:9100 --set trusted_proxies=10.0.0.0/8")]
pub(super) struct Arguments {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Separate address and port for /metrics, /livez and /readyz
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<String>,
    /// What every link begins with: scheme://host[:port][/prefix]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl Arguments {
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        let named =
            [("listen", &self.listen), ("metrics_listen", &self.metrics_listen), ("public_url", &self.public_url)];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }
}

pub(super) fn run(config: Config) -> Outcome {
    let runtime = super::runtime()?;
    let outcome = runtime.block_on(until_terminated(config));
    // Threads that run on past the grace period must not keep the process alive.
    runtime.shutdown_timeout(ABANDON_AFTER);
    outcome
}

async fn until_terminated(mut config: Config) -> Outcome {
    let terminated = termination()?;
    let listener = bind(config.listen).await?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    config.listen = listener.local_addr()?;
    let app = open(config).await?;
    announce(&app, metrics_listener.as_ref());
    if app.accounts.administrators().await? == 0 {
        tracing::info!("there is no administrator yet; `nilometer admin user add --role administrator` makes one");
    }

    crate::orders::begin(&app).await;
    let options = ServerOptions::from(&app.config.limits);
    let (end, ended) = watch::channel(false);
    let main = tokio::spawn(serve(listener, crate::router(Arc::clone(&app)), options, signalled(ended.clone())));
    let metrics = metrics_listener.map(|listener| {
        let router: Router = crate::middleware::operations_router(Arc::clone(&app));
        tokio::spawn(serve(listener, router, options, signalled(ended)))
    });
    let cleaning = tokio::spawn(clean_up(Arc::clone(&app)));
    let working = tokio::spawn(crate::orders::run_workers(Arc::clone(&app)));
    terminated.await;
    cleaning.abort();
    // What is prepared now is taken up again by the next process.
    working.abort();
    tracing::info!("stopping");
    end.send_replace(true);
    let finished = main.await?;
    if let Some(metrics) = metrics {
        metrics.await?;
    }
    if !finished {
        tracing::warn!("requests were abandoned at the end of the grace period");
    }
    app.accounts.close().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Removes what has ended from the accounts, and old letters, now and every hour.
async fn clean_up(app: App) {
    let settings = &app.config.accounts;
    loop {
        if let Err(error) = app.mail.clean_up(app.config.mail.days).await {
            tracing::warn!(cause = error.cause(), "old letters were not removed");
        }
        if let Err(error) = app.accounts.clean_up(&settings.sessions, settings.audit_days).await {
            tracing::warn!(error = crate::problem::chain(&error), "what has ended was not removed from the accounts");
        }
        tokio::time::sleep(CLEAN_UP_EVERY).await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

async fn open(config: Config) -> Result<App, Box<dyn std::error::Error>> {
    let clock = system_clock();
    let random = Random::system();
    let accounts = Accounts::open(&config.data, Arc::clone(&clock), random.clone()).await?;
    let times = WriteTimes::default();
    let options = CatalogOptions { observer: Some(Arc::new(times.clone())), ..config.catalog_options() };
    let (dir, of_catalog) = (config.data.clone(), Arc::clone(&clock));
    let catalog = tokio::task::spawn_blocking(move || Catalog::open(&dir, options, of_catalog)).await??;
    let metrics = Arc::new(Metrics::new(Arc::clone(&catalog), &times, Path::new(PROC_DIR)));
    let files = Files::open(&config, random.clone())?;
    Ok(Arc::new(AppState::new(catalog, config, accounts, metrics, clock, random).with_files(files)))
}

fn announce(app: &App, metrics: Option<&TcpListener>) {
    let address = app.config.listen;
    eprintln!("listening on http://{address}");
    tracing::info!(%address, data = %app.config.data.display(), "listening");
    if let Some(address) = metrics.and_then(|listener| listener.local_addr().ok()) {
        tracing::info!(%address, "listening for metrics");
    }
    if let Some(reason) = app.catalog.read_only_reason() {
        tracing::warn!(%reason, "the catalogue takes no writes");
    }
}

async fn signalled(mut end: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end as well.
    let _ = end.wait_for(|ended| *ended).await;
}
