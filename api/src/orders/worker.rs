//! Workers: each takes the next order, prepares it under a lease that it renews, and says how that ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as Moment};

use nilometer_schemas::Instant;
use tokio::task::{JoinHandle, JoinSet};

use super::Orders;
use super::code::{Failure, UNEXPECTED_ERROR};
use super::notify::tell_all;
use super::prepare::{Prepared, Progress, prepare};
use crate::accounts::{Ended, Error, Lease, Order, OrderState};
use crate::problem::{ApiError, chain};
use crate::state::{App, run_blocking};

/// Times that an order is tried.
const ATTEMPTS_MAX: i64 = 3;
/// Pause before the second attempt, seconds; before the third it is four times as long.
const PAUSE_S: i64 = 5;
/// Time between two looks at the queue where nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two signs of life, which also tell the progress and find out whether the order was taken back.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// Time between two rounds of removing what has ended.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Ends a task when it is dropped: what nobody waits for any more shall not go on.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What comes before the first request: what was under way when the process before ended may be taken up at once, and what lies on
/// the disk is counted.
pub(crate) async fn begin(app: &App) {
    if let Err(error) = app.accounts.release_orders().await {
        tracing::error!(error = chain(&error), "orders of the run before wait until their leases end");
    }
    if let Err(error) = restore_room(app).await {
        tracing::error!(problem = %error.problem(), cause = error.cause(), "what lies there of orders was not counted");
    }
}

/// Works until it is dropped.
pub(crate) async fn run(app: App) {
    let mut tasks = JoinSet::new();
    for _ in 0..app.config.orders.workers {
        tasks.spawn(work(Arc::clone(&app)));
    }
    tasks.spawn(keep_house(Arc::clone(&app)));
    tasks.spawn(tell_ends(Arc::clone(&app)));
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            // A worker never ends by itself; one that did is a defect, and its work goes on.
            tracing::error!(%error, "a worker of orders ended");
            tasks.spawn(work(Arc::clone(&app)));
        }
    }
}

async fn restore_room(app: &App) -> Result<(), ApiError> {
    let known = app.accounts.order_files().await?;
    let (folder, room) = (app.orders.folder.clone(), Arc::clone(&app.orders.room));
    run_blocking(move || {
        room.restore(&folder, &known);
        Ok(())
    })
    .await
}

fn lease(app: &App) -> Lease {
    let settings = &app.config.orders;
    Lease { seconds: i64::from(settings.lease_s), per_user_max: i64::from(settings.running_per_user) }
}

async fn work(app: App) {
    loop {
        let woken = app.orders.wake.notified();
        match app.accounts.take_order(lease(&app)).await {
            Ok(Some(order)) => {
                let id = order.id.clone();
                if let Err(error) = one(&app, order).await {
                    tracing::error!(order.id = %id, error = chain(&error), "the state of an order was not kept");
                }
                app.orders.ended.notify_one();
            }
            Ok(None) => {
                let _ = tokio::time::timeout(LOOK_EVERY, woken).await;
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "the queue of orders was not read");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// Prepares one order, unless it is taken back meanwhile.
async fn one(app: &App, order: Order) -> Result<(), Error> {
    let begun = Moment::now();
    let (id, fence) = (order.id.clone(), order.fence);
    let folder = app.orders.folder_of(&id, fence);
    let progress = Arc::new(Progress::default());
    let is_last = order.attempts + 1 >= ATTEMPTS_MAX;
    let created = order.created;
    let attempt = order.attempts;
    let work = prepare(Arc::clone(app), order, folder.clone(), Arc::clone(&progress), is_last);
    let mut task = Task(tokio::spawn(work));
    let outcome = loop {
        tokio::select! {
            outcome = &mut task.0 => break outcome,
            () = tokio::time::sleep(SIGN_EVERY) => {
                if !app.accounts.renew_order(&id, fence, lease(app), progress.percent()).await? {
                    tracing::info!(order.id = %id, "an order was taken back while it was prepared");
                    remove(app, folder, (&id, fence)).await;
                    return Ok(());
                }
            }
        }
    };
    let outcome = outcome.unwrap_or_else(|error| {
        tracing::error!(order.id = %id, %error, "the preparation of an order ended");
        let message = format!("{UNEXPECTED_ERROR}: the server failed while it prepared this order");
        Err(Failure { message, is_passing: true })
    });
    let is_kept = outcome.is_ok();
    let ended = match outcome {
        Ok(Prepared { files, bytes, contents, message }) => {
            let days = i64::from(app.config.orders.keep_days);
            let expires = Instant((app.clock)().0 + days * 86_400 * 1_000_000);
            Ended::Completed { files, bytes, contents, expires, message }
        }
        Err(Failure { message, is_passing: false }) => Ended::Failed(message),
        Err(Failure { message, is_passing: true }) => {
            let retry = Instant((app.clock)().0 + (PAUSE_S << (2 * attempt)) * 1_000_000);
            Ended::Again { retry, attempts_max: ATTEMPTS_MAX, message }
        }
    };
    let now = app.accounts.end_order(&id, fence, ended).await?;
    if !is_kept || now.is_none() {
        remove(app, folder, (&id, fence)).await;
    }
    if let Some(now) = now {
        let waited_s = ((app.clock)().0 - created.0).max(0) / 1_000_000;
        tracing::info!(order.id = %id, state = now.state.name(), took_s = begun.elapsed().as_secs_f64(), waited_s, "an order was worked on");
        if matches!(now.state, OrderState::Completed | OrderState::Failed) {
            app.metrics.order_ended(Duration::from_secs(waited_s.unsigned_abs()));
        }
    }
    Ok(())
}

/// Removes what a run wrote, and gives its room back.
async fn remove(app: &App, folder: PathBuf, (id, fence): (&str, i64)) {
    let removed = run_blocking(move || match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ApiError::internal(error)),
        _ => Ok(()),
    });
    if let Err(error) = removed.await {
        tracing::warn!(cause = error.cause(), "the files of an order were not removed");
        return;
    }
    app.orders.room.leave(id, fence);
}

/// Tells of ends, beside the work: a server that does not answer keeps nobody else waiting.
async fn tell_ends(app: App) {
    loop {
        tell_all(&app).await;
        let _ = tokio::time::timeout(SWEEP_EVERY, app.orders.ended.notified()).await;
    }
}

/// Lets orders expire, removes files that nobody needs, and tells metrics.
async fn keep_house(app: App) {
    let mut swept: Option<Moment> = None;
    loop {
        match app.accounts.queue_figures().await {
            Ok(figures) => app.metrics.orders(&figures),
            Err(error) => tracing::warn!(error = chain(&error), "orders were not counted"),
        }
        let is_untidy = app.orders.is_untidy.swap(false, Ordering::Relaxed);
        if is_untidy || swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            swept = Some(Moment::now());
            if let Err(error) = sweep(&app).await {
                tracing::warn!(problem = %error.problem(), cause = error.cause(), "what has ended of orders was not removed");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn sweep(app: &App) -> Result<(), ApiError> {
    app.accounts.expire_orders(app.config.orders.history_days).await?;
    // The folders are listed before the rows: one that a worker makes in between is not looked at.
    let before: Vec<String> = {
        let folder = app.orders.folder.clone();
        run_blocking(move || {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            Ok(entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        })
        .await?
    };
    let known = app.accounts.order_files().await?;
    let is_needed = |id: &str, fence| known.get(id).is_some_and(|order| order.are_needed && order.fence == fence);
    app.orders.open.lock().retain(|(id, fence)| is_needed(id, *fence));
    let (folder, room) = (app.orders.folder.clone(), Arc::clone(&app.orders.room));
    run_blocking(move || Orders::sweep(&folder, &room, &before, &known).map_err(ApiError::internal)).await
}
