//! How often somebody may try: a count for each account and each network address, in memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use nilometer_schemas::{Instant, Kind, Problem};
use parking_lot::Mutex;

use super::Error;
use crate::limits::{Exceeded, Standing};

/// Time over which attempts count, microseconds.
const WINDOW_US: i64 = 15 * 60 * 1_000_000;
/// Failed sign-ins of one account within the window, wherever they come from.
const PER_ACCOUNT: u32 = 20;
/// The same from one address against one account: somebody far away does not lock an owner out so soon.
const PER_PAIR: u32 = 5;
/// Failed sign-ins, sign-ups and forgotten passwords from one address within the window.
const PER_ADDRESS: u32 = 60;
/// Counts kept; when there are more, the oldest windows go.
const ENTRIES_MAX: usize = 20_000;

/// Whose attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Account(String),
    Pair(String, Option<IpAddr>),
    Address(IpAddr),
}

impl Whose {
    fn most(&self) -> u32 {
        match self {
            Self::Account(_) => PER_ACCOUNT,
            Self::Pair(..) => PER_PAIR,
            Self::Address(_) => PER_ADDRESS,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Count {
    begun: Instant,
    attempts: u32,
}

/// An attempt that is one too many.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// Whether it is the first of its window that is: later ones tell nothing new.
    pub(super) is_first: bool,
}

/// The counts. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Throttle(Arc<Mutex<HashMap<Whose, Count>>>);

/// The network of an address: providers hand out IPv6 by blocks of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

fn all(account: &str, address: Option<IpAddr>) -> Vec<Whose> {
    let address = address.map(network);
    let mut all: Vec<Whose> = address.map(Whose::Address).into_iter().collect();
    if !account.is_empty() {
        all.extend([Whose::Pair(account.to_owned(), address), Whose::Account(account.to_owned())]);
    }
    all
}

impl Throttle {
    /// Counts an attempt before it is looked at; those who wait for each other's outcome cannot slip through together.
    ///
    /// # Errors
    /// `TooManyRequests` for one too many. Nothing tells whether the account exists.
    pub(super) fn attempt(&self, account: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Refused> {
        let mut counts = self.0.lock();
        let is_over = |count: &Count| !(0..WINDOW_US).contains(&(now.0 - count.begun.0));
        if counts.len() >= ENTRIES_MAX {
            counts.retain(|_, count| !is_over(count));
            if counts.len() >= ENTRIES_MAX {
                let mut begun: Vec<i64> = counts.values().map(|count| count.begun.0).collect();
                begun.sort_unstable();
                let middle = begun[begun.len() / 2];
                counts.retain(|_, count| count.begun.0 > middle);
            }
        }
        // The address, then the two together, then the account: what is refused by one counts for no other. So nobody is locked
        // out by who is refused already, and who is refused leaves no traces of the names that are tried.
        let refused = all(account, address).into_iter().find_map(|whose| {
            let most = whose.most();
            let count = counts.entry(whose).or_insert(Count { begun: now, attempts: 0 });
            if is_over(count) {
                *count = Count { begun: now, attempts: 0 };
            }
            count.attempts = count.attempts.saturating_add(1);
            (count.attempts > most).then(|| (count.begun.0 + WINDOW_US - now.0, most, count.attempts == most + 1))
        });
        let Some((wait_us, limit, is_first)) = refused else { return Ok(()) };
        let wait_s = wait_us.unsigned_abs().div_ceil(1_000_000);
        let detail = format!(
            "too many attempts: {PER_PAIR} for an account from here, {PER_ADDRESS} from here in all and {PER_ACCOUNT} for an \
             account from anywhere are taken in {} minutes; the next one in {wait_s} s",
            WINDOW_US / 60_000_000,
        );
        let standing = Standing {
            policy: "attempts",
            unit: None,
            limit: limit.into(),
            window_s: WINDOW_US.unsigned_abs() / 1_000_000,
            remaining: 0,
            reset_s: wait_s,
        };
        let problem = Problem::new(Kind::TooManyRequests, "too-many-attempts", detail);
        let limit = (problem, Exceeded { standing, retry_after_s: wait_s });
        Err(Refused { error: Error::Limited(Box::new(limit)), is_first })
    }

    /// Takes back what a successful attempt counted, for the account and the pair alone: an address from which many
    /// passwords are tried does not get better by knowing one.
    pub(super) fn succeeded(&self, account: &str, address: Option<IpAddr>) {
        let mut counts = self.0.lock();
        for whose in all(account, address) {
            if !matches!(whose, Whose::Address(_)) {
                counts.remove(&whose);
            } else if let Some(count) = counts.get_mut(&whose) {
                count.attempts = count.attempts.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn attempts_end_for_the_pair_then_for_the_account_and_begin_again_later() {
        let throttle = Throttle::default();
        let now = Instant(1_000);
        for _ in 0..PER_PAIR {
            assert!(throttle.attempt("ana", address("192.0.2.1"), now).is_ok());
        }
        let refused = throttle.attempt("ana", address("192.0.2.1"), now).expect_err("one too many");
        assert!(refused.is_first);
        let Error::Limited(refused) = refused.error else { panic!("{}", refused.error) };
        assert_eq!((refused.0.kind, refused.1.standing.limit), (Kind::TooManyRequests, PER_PAIR.into()));
        assert_eq!((refused.1.retry_after_s, refused.1.standing.reset_s), (15 * 60, 15 * 60));
        assert!(throttle.attempt("ana", address("192.0.2.2"), now).is_ok(), "the owner elsewhere");
        let again = throttle.attempt("ana", address("192.0.2.1"), now).expect_err("another one");
        assert!(!again.is_first);
        for host in 3..60 {
            let _ = throttle.attempt("ana", address(&format!("192.0.2.{host}")), now);
        }
        assert!(throttle.attempt("ana", address("198.51.100.1"), now).is_err(), "the account as a whole");
        assert!(throttle.attempt("bob", address("198.51.100.1"), now).is_ok());
        assert!(throttle.attempt("ana", address("192.0.2.1"), Instant(1_000 + WINDOW_US)).is_ok());
    }

    #[test]
    fn one_address_may_not_try_many_accounts_and_a_success_is_no_licence() {
        let throttle = Throttle::default();
        for n in 0..PER_ADDRESS {
            // Another host of the same block.
            let from = address(&format!("2001:db8::{n:x}"));
            assert!(throttle.attempt(&format!("user {n}"), from, Instant(0)).is_ok());
        }
        let from = address("2001:db8::ffff");
        assert!(throttle.attempt("one more", from, Instant(0)).is_err());
        throttle.succeeded("one more", from);
        assert!(throttle.attempt("and another", from, Instant(0)).is_err());
        assert!(throttle.attempt("one more", address("2001:db8:0:1::1"), Instant(0)).is_ok());
    }

    #[test]
    fn who_is_refused_locks_nobody_out_and_is_told_of_once() {
        let throttle = Throttle::default();
        let mut told = 0;
        for n in 0..200 {
            let refused = throttle.attempt("ana", address("192.0.2.1"), Instant(n)).err();
            told += usize::from(refused.is_some_and(|refused| refused.is_first));
        }
        // Once for the two together, once for the address.
        assert_eq!(told, 2);
        assert!(throttle.attempt("ana", address("192.0.2.2"), Instant(200)).is_ok(), "the owner elsewhere");
        let told = (0..100).filter(|n| {
            let refused = throttle.attempt(&format!("user {n}"), address("192.0.2.1"), Instant(300)).err();
            refused.is_none_or(|refused| refused.is_first)
        });
        assert_eq!(told.count(), 0, "names that are tried by a refused address leave nothing");
    }
}
