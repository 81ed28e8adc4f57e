//! Who is let in how often, by a clock of the test's own.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, Uri};

use super::*;
use crate::accounts::Powers;

const SEARCH: (&Method, Option<&str>) = (&Method::GET, Some("/search"));
const TILE: (&Method, Option<&str>) = (&Method::GET, Some("/tiles/WebMercatorQuad/{zoom}/{row}/{col}"));

struct World {
    config: Config,
    limiter: Limiter,
    now_ms: Arc<AtomicU64>,
}

impl World {
    /// Two searches at once and one a second after that for an address, three for a key.
    fn new(more: &[(&str, &str)]) -> Self {
        let settings = [
            ("rates.search.address", "1:2"),
            ("rates.search.user", "1:3"),
            ("rates.tiles.address", "0.5:1"),
            ("rates.tiles.user", "0"),
        ];
        let config = Config::from_pairs(&[&settings, more].concat()).expect("valid");
        let now_ms = Arc::new(AtomicU64::new(0));
        let ticks = Arc::clone(&now_ms);
        let limiter = Limiter::new(Arc::new(move || Duration::from_millis(ticks.load(Ordering::SeqCst))));
        Self { config, limiter, now_ms }
    }

    fn context(&self, peer: &str, headers: &[(&'static str, &str)]) -> RequestContext {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        let peer = Some((peer.parse::<IpAddr>().expect("an address"), 1).into());
        RequestContext::new(&self.config, &map, &Uri::from_static("/"), peer, "id".into())
    }

    fn take(&self, asked: (&Method, Option<&str>), who: &Principal, peer: &str) -> Result<Option<Standing>, ApiError> {
        self.limiter.take(&self.config, asked, who, &self.context(peer, &[]))
    }

    /// How many searches in a row are let in; at most ten.
    fn searches(&self, who: &Principal, peer: &str) -> usize {
        (0..10).take_while(|_| self.take(SEARCH, who, peer).is_ok()).count()
    }
}

fn known(role: Role, id: i64, via: Via) -> Principal {
    Principal::new(role, Some(format!("user {id}")), Some(id), via, Powers::ALL)
}

fn key(id: i64, key: &str) -> Principal {
    known(Role::User, id, Via::Key(key.into()))
}

#[test]
fn an_address_has_its_burst_and_then_its_rate_and_the_refusal_tells_both() {
    let world = World::new(&[]);
    let visitor = Principal::visitor();
    let left = world.take(SEARCH, &visitor, "192.0.2.1").expect("let in").expect("a limit");
    assert_eq!((left.policy, left.limit, left.window_s, left.remaining, left.reset_s), ("search", 2, 2, 1, 1));
    assert!(world.take(SEARCH, &visitor, "192.0.2.1").is_ok());
    let refused = world.take(SEARCH, &visitor, "192.0.2.1").expect_err("one too many");
    let (problem, exceeded) = (refused.problem(), refused.exceeded().expect("a limit"));
    assert_eq!((problem.kind, problem.code), (Kind::TooManyRequests, "rate-limited"));
    assert_eq!((exceeded.retry_after_s, exceeded.standing.remaining, exceeded.standing.reset_s), (1, 0, 2));
    for part in ["2 searches at once", "1 a second", "possible in 1 s", "all 2 in 2 s"] {
        assert!(problem.detail.contains(part), "{part}: {}", problem.detail);
    }
    world.now_ms.store(999, Ordering::SeqCst);
    assert!(world.take(SEARCH, &visitor, "192.0.2.1").is_err());
    world.now_ms.store(1_000, Ordering::SeqCst);
    assert_eq!(world.searches(&visitor, "192.0.2.1"), 1);
    world.now_ms.store(60_000, Ordering::SeqCst);
    assert_eq!(world.searches(&visitor, "192.0.2.1"), 2, "never more than the burst");
}

#[test]
fn budgets_addresses_and_keys_do_not_touch_each_other() {
    let world = World::new(&[]);
    let visitor = Principal::visitor();
    assert_eq!(world.searches(&visitor, "192.0.2.1"), 2);
    assert!(world.take(TILE, &visitor, "192.0.2.1").is_ok(), "tiles are another budget");
    assert!(world.take(TILE, &visitor, "192.0.2.1").is_err());
    assert_eq!(world.searches(&visitor, "192.0.2.2"), 2, "another address");
    assert_eq!(world.searches(&key(1, "a"), "192.0.2.1"), 3, "a key has its own wherever it is");
    assert_eq!(world.searches(&key(1, "a"), "192.0.2.9"), 0);
    assert_eq!(world.searches(&key(1, "b"), "192.0.2.1"), 3, "another key of the account");
    assert_eq!(world.searches(&key(2, "c"), "192.0.2.1"), 3, "another account");
    assert!(world.take(TILE, &key(1, "a"), "192.0.2.1").expect("let in").is_none(), "0 is no limit");
}

#[test]
fn many_keys_are_not_many_times_as_much() {
    let world = World::new(&[]);
    let all: usize = (0..10).map(|n| world.searches(&key(1, &n.to_string()), "192.0.2.1")).sum();
    assert_eq!(all, 4 * 3);
    let refused = world.take(SEARCH, &key(1, "another"), "192.0.2.1").expect_err("the account as a whole");
    assert!(refused.problem().detail.starts_with("this account may send 12 searches"), "{}", refused.problem().detail);
    assert_eq!(world.searches(&known(Role::User, 1, Via::Session("s".into())), "192.0.2.1"), 0);
    let (session, token) = (Via::Session("s".into()), Via::Token);
    assert_eq!(world.searches(&known(Role::User, 2, session.clone()), "192.0.2.1"), 3);
    assert_eq!(world.searches(&known(Role::User, 2, Via::Session("other".into())), "192.0.2.1"), 0, "one for browsers");
    assert_eq!(world.searches(&known(Role::User, 2, token), "192.0.2.1"), 3);
}

#[test]
fn nobody_fills_the_room_for_kept_questions_alone() {
    let world = World::new(&[("quotas.kept_bytes_per_day", "86400")]);
    let keep = |who: &Principal, peer: &str, bytes: usize| {
        world.limiter.keep(&world.config, who, &world.context(peer, &[]), bytes)
    };
    let visitor = Principal::visitor();
    assert!(keep(&visitor, "192.0.2.1", 80 << 10).is_ok());
    let refused = keep(&visitor, "192.0.2.1", 10 << 10).expect_err("too much");
    assert_eq!((refused.problem().kind, refused.problem().code), (Kind::TooManyRequests, "kept-exceeded"));
    let exceeded = refused.exceeded().expect("a limit");
    assert_eq!((exceeded.standing.limit, exceeded.standing.remaining), (85, 5));
    assert!(keep(&visitor, "192.0.2.1", 5 << 10).is_ok() && keep(&visitor, "192.0.2.2", 10 << 10).is_ok());
    assert!(keep(&key(1, "a"), "192.0.2.1", 10 << 10).is_ok());
    world.now_ms.store(86_400_000, Ordering::SeqCst);
    assert!(keep(&visitor, "192.0.2.1", 80 << 10).is_ok(), "a day later");
}

#[test]
fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() {
    let world = World::new(&[]);
    let visitor = Principal::visitor();
    assert_eq!(world.searches(&visitor, "2001:db8::1"), 2);
    assert_eq!(world.searches(&visitor, "2001:db8::ffff:1"), 0);
    assert_eq!(world.searches(&visitor, "2001:db8:0:1::1"), 2);
    assert_eq!(world.searches(&visitor, "::ffff:192.0.2.1"), 2);
    assert_eq!(world.searches(&visitor, "192.0.2.1"), 0);
}

#[test]
fn operators_and_the_machine_itself_are_not_limited_unless_that_is_set() {
    let world = World::new(&[]);
    let (visitor, operator) = (Principal::visitor(), known(Role::Operator, 1, Via::Key("o".into())));
    assert_eq!((world.searches(&operator, "192.0.2.1"), world.searches(&visitor, "127.0.0.1")), (10, 10));
    let world = World::new(&[("rates.operators", "true"), ("rates.exempt", "")]);
    assert_eq!((world.searches(&operator, "192.0.2.1"), world.searches(&visitor, "127.0.0.1")), (3, 2));
}

#[test]
fn a_forwarding_header_counts_from_trusted_proxies_alone() {
    let visitor = Principal::visitor();
    let count = |world: &World, peer: &str, forwarded: &dyn Fn(usize) -> String| {
        let let_in = |n: usize| {
            let context = world.context(peer, &[("x-forwarded-for", &forwarded(n))]);
            world.limiter.take(&world.config, SEARCH, &visitor, &context).is_ok()
        };
        (0..10).take_while(|n| let_in(*n)).count()
    };
    let another = |n: usize| format!("198.51.100.{n}");
    let world = World::new(&[("trusted_proxies", "10.0.0.1")]);
    assert_eq!(count(&world, "203.0.113.5", &another), 2, "a caller who invents addresses is one address");
    assert_eq!(count(&world, "10.0.0.1", &another), 10, "a trusted proxy has many callers");
    let nearest = |_: usize| "198.51.100.200, 198.51.100.77".to_owned();
    assert_eq!(count(&world, "10.0.0.1", &nearest), 2, "of a list the last counts");
    // Neither is anybody the machine itself who only says so, nor is a proxy there that is not known.
    let loopback = |_: usize| "127.0.0.1".to_owned();
    assert_eq!(count(&world, "203.0.113.6", &loopback), 2);
    assert_eq!(count(&world, "127.0.0.1", &another), 2);
}
