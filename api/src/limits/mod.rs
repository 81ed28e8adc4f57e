//! How often callers may ask, and how much accounts may take.
//!
//! Every request takes a token of a bucket: of its network address, or of its key and account, in the budget of its
//! route ([`budget`]). Files take of an account's daily volume besides, and orders of those that it may have under way
//! ([`quota`]). Buckets are in memory, of one process; volumes are in the database of accounts.

mod bucket;
mod budget;
mod exceeded;
mod quota;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use nilometer_schemas::{Kind, Problem, Role};

pub use exceeded::{Exceeded, Standing};
pub(crate) use quota::{Fetched, Quotas, Reserved, quotas, reserve};
pub(crate) use quota::{count_refusal, orders_exceeded, running_orders_limit};

use self::bucket::{Buckets, Level, Terms};
use self::budget::Budget;
use crate::accounts::{Principal, Via};
use crate::config::{Config, Rate};
use crate::context::RequestContext;
use crate::problem::ApiError;

/// All credentials of an account together may ask as often as so many of them.
const CREDENTIALS_OF_ACCOUNT: u32 = 4;
const SECOND_NS: u64 = 1_000_000_000;

/// Time since some moment, by a clock that never goes back.
pub(crate) type Ticks = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The system's.
pub(crate) fn system_ticks() -> Ticks {
    let begun = Instant::now();
    Arc::new(move || begun.elapsed())
}

/// Whose bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// Of an address, or of an IPv6 network of 64 bits, which one customer has.
    Address(IpAddr),
    /// Of a key.
    Key(String),
    /// Of the browsers of an account.
    Browsers(i64),
    /// Of the tokens of an account.
    Tokens(i64),
    /// Of an account.
    Account(i64),
}

impl Whose {
    fn named(&self) -> &'static str {
        match self {
            Self::Address(_) => "this network address",
            Self::Key(_) => "this key",
            Self::Browsers(_) => "this account's browsers",
            Self::Tokens(_) => "this account's tokens",
            Self::Account(_) => "this account",
        }
    }
}

/// The network of an address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// The buckets of all callers.
pub(crate) struct Limiter {
    buckets: Buckets<(Budget, Whose)>,
    ticks: Ticks,
}

impl Limiter {
    /// With all buckets full.
    pub(crate) fn new(ticks: Ticks) -> Self {
        Self { buckets: Buckets::default(), ticks }
    }

    /// Takes a request out of its budget; what is left, where there is a limit.
    ///
    /// # Errors
    /// `TooManyRequests` for one too many.
    pub(crate) fn take(
        &self,
        config: &Config,
        (method, route): (&Method, Option<&str>),
        principal: &Principal,
        context: &RequestContext,
    ) -> Result<Option<Standing>, ApiError> {
        let Some(budget) = Budget::of(method, route) else { return Ok(None) };
        let wanted = wanted(config, budget, principal, context);
        if wanted.is_empty() {
            return Ok(None);
        }
        let keys: Vec<_> = wanted.iter().map(|(whose, rate)| ((budget, whose.clone()), terms(*rate))).collect();
        match self.buckets.take(&keys, 1, self.now_ns()) {
            Ok(levels) => {
                let tightest = keys.iter().zip(&levels).min_by_key(|(_, level)| level.remaining);
                Ok(tightest.map(|((_, terms), level)| standing(budget, *terms, level)))
            }
            Err((number, level)) => Err(refusal(budget, &wanted[number], &level)),
        }
    }

    /// Takes a question of so many bytes out of what a caller may have kept: the room for all of them is one, and nobody
    /// shall fill it alone.
    ///
    /// # Errors
    /// `TooManyRequests` for more than is left of the day.
    pub(crate) fn keep(
        &self,
        config: &Config,
        principal: &Principal,
        context: &RequestContext,
        bytes: usize,
    ) -> Result<(), ApiError> {
        let wanted = wanted(config, Budget::Kept, principal, context);
        let keys: Vec<_> = wanted.iter().map(|(whose, rate)| ((Budget::Kept, whose.clone()), terms(*rate))).collect();
        let Err((number, level)) = self.buckets.take(&keys, bytes.div_ceil(1024) as u64, self.now_ns()) else {
            return Ok(());
        };
        let (whose, rate) = &wanted[number];
        let standing = standing(Budget::Kept, terms(*rate), &level);
        let retry_after_s = level.next_in_ns.div_ceil(SECOND_NS).max(1);
        let detail = format!(
            "{} may have {} KiB of questions kept a day, of which {} are left; there is room for this one in {retry_after_s} s",
            whose.named(),
            standing.limit,
            standing.remaining
        );
        let problem = Problem::new(Kind::TooManyRequests, "kept-exceeded", detail)
            .allowed("POST /search, which asks without keeping the question");
        Err(ApiError::limited(problem, Exceeded { standing, retry_after_s }))
    }

    fn now_ns(&self) -> u64 {
        u64::try_from((self.ticks)().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The buckets that a request is taken of, with their rates; none where nothing is limited.
fn wanted(config: &Config, budget: Budget, principal: &Principal, context: &RequestContext) -> Vec<(Whose, Rate)> {
    // Without a connection there is no caller elsewhere.
    let Some(client) = context.client else { return Vec::new() };
    let exempt = config.rates.exempt.iter().any(|block| block.contains(client));
    if (exempt && !context.forwarded_unseen) || (principal.role >= Role::Operator && !config.rates.operators) {
        return Vec::new();
    }
    let rates = budget.rates(config);
    let all = match (&principal.via, principal.id) {
        (Via::Key(key), Some(id)) => vec![(Whose::Key(key.clone()), rates.user), account(id, rates.user)],
        (Via::Session(_), Some(id)) => vec![(Whose::Browsers(id), rates.user), account(id, rates.user)],
        (Via::Token, Some(id)) => vec![(Whose::Tokens(id), rates.user), account(id, rates.user)],
        _ => vec![(Whose::Address(network(client)), rates.address)],
    };
    all.into_iter().filter(|(_, rate)| *rate != Rate::Unlimited).collect()
}

fn account(id: i64, rate: Rate) -> (Whose, Rate) {
    let together = match rate {
        Rate::Unlimited => Rate::Unlimited,
        Rate::Limited { per_second, burst } => Rate::Limited {
            per_second: per_second * f64::from(CREDENTIALS_OF_ACCOUNT),
            burst: burst.saturating_mul(CREDENTIALS_OF_ACCOUNT),
        },
    };
    (Whose::Account(id), together)
}

fn terms(rate: Rate) -> Terms {
    match rate {
        // Left out before; a bucket that nobody empties all the same.
        Rate::Unlimited => Terms::new(f64::from(u32::MAX), u32::MAX),
        Rate::Limited { per_second, burst } => Terms::new(per_second, burst),
    }
}

fn standing(budget: Budget, terms: Terms, level: &Level) -> Standing {
    Standing {
        policy: budget.name(),
        unit: None,
        limit: terms.burst,
        window_s: terms.whole_ns().div_ceil(SECOND_NS),
        remaining: level.remaining,
        reset_s: level.full_in_ns.div_ceil(SECOND_NS),
    }
}

fn refusal(budget: Budget, (whose, rate): &(Whose, Rate), level: &Level) -> ApiError {
    let (per_second, burst) = match rate {
        Rate::Unlimited => (f64::INFINITY, u32::MAX),
        Rate::Limited { per_second, burst } => (*per_second, *burst),
    };
    let standing = standing(budget, terms(*rate), level);
    let retry_after_s = level.next_in_ns.div_ceil(SECOND_NS).max(1);
    let (named, counted, reset_s) = (whose.named(), budget.counted(), standing.reset_s);
    let detail = format!(
        "{named} may send {burst} {counted} at once and {per_second} a second after that, and has used them up; \
         the next is possible in {retry_after_s} s, all {burst} in {reset_s} s"
    );
    let mut problem = Problem::new(Kind::TooManyRequests, "rate-limited", detail);
    if matches!(whose, Whose::Address(_)) {
        problem = problem.allowed("to come back then, or to send a key, which has a budget of its own");
    }
    ApiError::limited(problem, Exceeded { standing, retry_after_s })
}

#[cfg(test)]
mod tests;
