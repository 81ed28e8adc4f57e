//! What an account may take: bytes of files a day, and orders under way at a time.

use nilometer_schemas::{Instant, Kind, Problem, Role};
use serde_json::{Value, json};

use super::{Exceeded, Standing};
use crate::accounts::{Accounts, Actor, Principal, Quota, Taken};
use crate::config::QuotaSettings;
use crate::problem::ApiError;
use crate::state::App;

const DAY_S: u64 = 86_400;
const MICROS_PER_S: i64 = 1_000_000;
/// Name of the policy of orders under way.
const ORDERS: &str = "orders";
/// Seconds after which an order that was one too many may be tried again: orders take minutes.
const ORDER_RETRY_S: u64 = 60;

/// An account's own limit before that of all; operators have none unless they were given one. 0 is no limit.
fn limit(own: Option<u64>, of_all: u64, role: Role) -> Option<u64> {
    let of_role = if role >= Role::Operator { 0 } else { of_all };
    Some(own.unwrap_or(of_role)).filter(|limit| *limit > 0)
}

fn download_limit(quota: &Quota, settings: &QuotaSettings, role: Role) -> Option<u64> {
    limit(quota.download_bytes, settings.download_bytes_per_day, role)
}

fn order_limit(quota: &Quota, settings: &QuotaSettings, role: Role) -> Option<u64> {
    limit(quota.running_orders.map(u64::from), u64::from(settings.running_orders), role)
}

/// What somebody is about to fetch.
pub(crate) struct Fetched<'a> {
    /// Bytes that the answer will have.
    pub(crate) bytes: u64,
    /// Who fetches it and its address, if that is to be noted.
    pub(crate) note: Option<(&'a Actor, &'a str)>,
}

/// Bytes that count as taken until it is known how many were sent; what was not is given back when it is dropped.
#[derive(Default)]
pub(crate) struct Reserved(Option<Counted>);

struct Counted {
    accounts: Accounts,
    account: i64,
    day: i64,
    unsent: u64,
}

impl Reserved {
    /// So many bytes went out.
    pub(crate) fn sent(&mut self, bytes: u64) {
        if let Some(counted) = &mut self.0 {
            counted.unsent = counted.unsent.saturating_sub(bytes);
        }
    }

    /// All of them are as good as sent: somebody else sends them.
    pub(crate) fn all_sent(mut self) {
        self.0 = None;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let Some(Counted { accounts, account, day, unsent }) = self.0.take().filter(|counted| counted.unsent > 0)
        else {
            return;
        };
        // Beside the connection, which has ended. Without a runtime the process ends, and the bytes stay counted.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = accounts.give_back(account, day, unsent).await {
                    tracing::warn!(error = crate::problem::chain(&error), "bytes that were not sent stay counted");
                }
            });
        }
    }
}

/// Takes bytes of the daily volume of whoever fetches a file, before the first of them is sent, and notes who does.
///
/// # Errors
/// `TooManyRequests` for more than what is left of the day.
pub(crate) async fn reserve(app: &App, principal: &Principal, fetched: &Fetched<'_>) -> Result<Reserved, ApiError> {
    let Some(id) = principal.id else { return Ok(Reserved::default()) };
    let quota = app.accounts.quota(id).await?;
    let limit = download_limit(&quota, &app.config.quotas, principal.role);
    match (app.accounts.begin_download(id, fetched.bytes, limit, fetched.note).await?, limit) {
        (Some(Taken::On(day)), _) => {
            Ok(Reserved(Some(Counted { accounts: app.accounts.clone(), account: id, day, unsent: fetched.bytes })))
        }
        (Some(Taken::TooMuch { used }), Some(limit)) => {
            app.metrics.quota_exceeded("volume");
            Err(volume_exceeded(limit, used, fetched.bytes, (app.clock)(), app.accounts.day_ends()))
        }
        _ => Ok(Reserved::default()),
    }
}

fn volume_exceeded(limit: u64, used: u64, wanted: u64, now: Instant, reset: Instant) -> ApiError {
    let remaining = limit.saturating_sub(used);
    let reset_s = u64::try_from((reset.0 - now.0).max(0)).unwrap_or(0).div_ceil(MICROS_PER_S.unsigned_abs()).max(1);
    let detail = format!(
        "this account may fetch {limit} bytes of files a day, of which {used} are used and {remaining} left; \
         this answer has {wanted}. The day ends at {reset}, in {reset_s} s"
    );
    let problem = Problem::new(Kind::TooManyRequests, "volume-exceeded", detail)
        .allowed(format!("at most {remaining} bytes before {reset}"));
    let unit = Some("content-bytes");
    let standing = Standing { policy: "volume", unit, limit, window_s: DAY_S, remaining, reset_s };
    ApiError::limited(problem, Exceeded { standing, retry_after_s: reset_s })
}

/// Orders that somebody may have under way at a time; `None` is as many as they like. They are counted in the transaction that
/// adds one, which refuses with [`orders_exceeded`] where they are as many already.
///
/// # Errors
/// If the database of accounts fails.
pub(crate) async fn running_orders_limit(app: &App, principal: &Principal) -> Result<Option<u64>, ApiError> {
    let Some(id) = principal.id else { return Ok(None) };
    let quota = app.accounts.quota(id).await?;
    Ok(order_limit(&quota, &app.config.quotas, principal.role))
}

/// The refusal of an order for somebody who has `running` under way and may have `limit`.
pub(crate) fn orders_exceeded(limit: u64, running: u64) -> (Problem, Exceeded) {
    let detail = format!(
        "this account may have {limit} orders under way at a time and has {running}; the next is possible when one of \
         them is done or cancelled"
    );
    let problem = Problem::new(Kind::TooManyRequests, "orders-exceeded", detail)
        .allowed(format!("{limit} orders under way at a time"));
    // Nobody knows when an order ends; the fields want some number.
    let standing = Standing {
        policy: ORDERS,
        unit: Some("orders"),
        limit,
        window_s: ORDER_RETRY_S,
        remaining: limit.saturating_sub(running),
        reset_s: ORDER_RETRY_S,
    };
    (problem, Exceeded { standing, retry_after_s: ORDER_RETRY_S })
}

/// Counts a refusal of an order for the metrics, and hands it on.
pub(crate) fn count_refusal(app: &App, error: ApiError) -> ApiError {
    if error.exceeded().is_some_and(|exceeded| exceeded.standing.policy == ORDERS) {
        app.metrics.quota_exceeded(ORDERS);
    }
    error
}

/// An account's limits and what is used of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quotas {
    /// Bytes of files a day; `None` is no limit.
    pub(crate) download_limit: Option<u64>,
    /// Bytes that count today.
    pub(crate) download_used: u64,
    /// When the day ends.
    pub(crate) download_reset: Instant,
    /// Orders under way at a time; `None` is no limit.
    pub(crate) order_limit: Option<u64>,
}

impl Quotas {
    /// Bytes that are left of today; `None` where there is no limit.
    pub(crate) fn download_remaining(&self) -> Option<u64> {
        self.download_limit.map(|limit| limit.saturating_sub(self.download_used))
    }

    /// For programs; null is no limit.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "download_bytes": {
                "limit": self.download_limit, "used": self.download_used, "remaining": self.download_remaining(),
                "reset": self.download_reset.to_string(),
            },
            "running_orders": {"limit": self.order_limit},
        })
    }
}

/// The limits of an account of this role.
///
/// # Errors
/// If the database of accounts fails.
pub(crate) async fn quotas(app: &App, id: i64, role: Role) -> Result<Quotas, ApiError> {
    let (quota, settings) = (app.accounts.quota(id).await?, &app.config.quotas);
    Ok(Quotas {
        download_limit: download_limit(&quota, settings, role),
        download_used: app.accounts.volume_today(id).await?,
        download_reset: app.accounts.day_ends(),
        order_limit: order_limit(&quota, settings, role),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_s_own_limit_counts_before_that_of_its_role() {
        for (own, role, expected) in [
            (None, Role::User, Some(100)),
            (None, Role::Operator, None),
            (None, Role::Administrator, None),
            (Some(7), Role::User, Some(7)),
            (Some(0), Role::User, None),
            (Some(7), Role::Operator, Some(7)),
        ] {
            assert_eq!(limit(own, 100, role), expected, "{own:?} {role:?}");
        }
        assert_eq!(limit(None, 0, Role::User), None, "no limit for all");
    }

    #[test]
    fn a_refusal_says_what_is_left_and_until_when() {
        let error = volume_exceeded(100, 80, 30, Instant(86_399_500_000), Instant(86_400_000_000));
        let exceeded = error.exceeded().expect("a limit");
        assert_eq!((exceeded.standing.remaining, exceeded.standing.reset_s, exceeded.retry_after_s), (20, 1, 1));
        let detail = &error.problem().detail;
        assert!(detail.contains("80 are used and 20 left") && detail.contains("1970-01-02T00:00:00Z"), "{detail}");
    }
}
