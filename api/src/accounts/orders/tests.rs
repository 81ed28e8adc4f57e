//! The queue against a plain list of orders, and what a worker that was thought dead can still do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use nilometer_indexer::Clock;
use nilometer_schemas::Instant;

use super::*;
use crate::accounts::{Actor, Ended, Lease, NewOrder, NewUser, OrderChange};
use crate::state::Random;

const LEASE: Lease = Lease { seconds: 60, per_user_max: 2 };
const SECOND: i64 = 1_000_000;

struct World {
    _dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    accounts: Accounts,
    users: Vec<Principal>,
}

impl World {
    async fn new(users: usize) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Arc::new(AtomicI64::new(1_700_000_000 * SECOND));
        let clock: Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || Instant(now.load(Ordering::SeqCst)))
        };
        let accounts = Accounts::open(dir.path(), clock, Random::system()).await.expect("accounts");
        let mut principals = Vec::new();
        for number in 0..users {
            let name = format!("user {number}");
            let new = NewUser { name: name.clone(), role: Role::User, email: None, password: None };
            let (id, _) = accounts.add_user(&Actor::command(), new).await.expect("an account");
            let via = Via::Key("key".into());
            principals.push(Principal::new(Role::User, Some(name), Some(id), via, Powers::ALL));
        }
        Self { _dir: dir, now, accounts, users: principals }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * SECOND, Ordering::SeqCst);
    }

    async fn place(&self, user: usize) -> Order {
        let new = NewOrder { name: String::new(), request: "{}".into(), refused: None, untold: false };
        let placed = self.accounts.place_order(&Actor::default(), &self.users[user], new, None).await;
        placed.expect("an order")
    }

    async fn take(&self) -> Option<Order> {
        self.accounts.take_order(LEASE).await.expect("answered")
    }

    async fn end(&self, order: &Order, ended: Ended) -> bool {
        self.accounts.end_order(&order.id, order.fence, ended).await.expect("answered").is_some()
    }
}

fn done() -> Ended {
    Ended::Completed { files: 1, bytes: 2, contents: "ab".into(), expires: Instant(i64::MAX), message: None }
}

#[tokio::test]
async fn nobody_waits_for_somebody_else_s_many_orders() {
    let world = World::new(2).await;
    for _ in 0..5 {
        world.place(0).await;
        world.pass(1);
    }
    let late = world.place(1).await;
    let mut taken = Vec::new();
    while let Some(order) = world.take().await {
        taken.push(order.user);
        world.pass(1);
    }
    let [first, second] = [world.users[0].id, world.users[1].id].map(|id| id.expect("an account"));
    assert_eq!(taken, [first, second, first], "by turns, and no more than two of one user at a time");
    assert_eq!(world.accounts.order(&late.id, None).await.expect("there").state, OrderState::Running);
}

#[tokio::test]
async fn a_worker_that_was_thought_dead_changes_nothing_any_more() {
    let world = World::new(1).await;
    let id = world.place(0).await.id;
    let first = world.take().await.expect("an order");
    assert!(world.take().await.is_none(), "leased");
    world.pass(LEASE.seconds);
    let second = world.take().await.expect("taken up again");
    assert!(second.id == id && second.fence > first.fence);
    let renewed = |order: Order| {
        let accounts = world.accounts.clone();
        async move { accounts.renew_order(&order.id, order.fence, LEASE, 50).await.expect("answered") }
    };
    assert!(!renewed(first.clone()).await && renewed(second.clone()).await);
    assert!(!world.end(&first, done()).await && world.end(&second, done()).await);
    assert!(!world.end(&second, Ended::Failed("X: twice".into())).await);
    let order = world.accounts.order(&id, None).await.expect("there");
    assert_eq!((order.state, order.progress, order.message), (OrderState::Completed, Some(100), None));
    // A change by people takes an order from its worker as well; what ended with the process is taken up at once.
    let id = world.place(0).await.id;
    let third = world.take().await.expect("an order");
    world.accounts.change_order(&Actor::default(), &id, None, OrderChange::Cancel, None).await.expect("cancelled");
    assert!(!world.end(&third, done()).await);
    world.place(0).await;
    world.take().await.expect("an order");
    world.accounts.release_orders().await.expect("released");
    assert!(world.take().await.is_some());
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_after_a_while_and_the_last_one_is_the_end() {
    let world = World::new(1).await;
    let id = world.place(0).await.id;
    for attempt in 1..=3 {
        let order = world.take().await.expect("an order");
        let retry = Instant(world.now.load(Ordering::SeqCst) + 5 * SECOND);
        let again = Ended::Again { retry, attempts_max: 3, message: "X: later".into() };
        assert!(world.end(&order, again).await);
        assert!(world.take().await.is_none(), "not at once");
        let order = world.accounts.order(&id, None).await.expect("there");
        let expected = if attempt == 3 { OrderState::Failed } else { OrderState::Created };
        assert_eq!((order.state, order.attempts), (expected, attempt));
        world.pass(5);
    }
    assert!(world.take().await.is_none());
    world.accounts.change_order(&Actor::default(), &id, None, OrderChange::Rerun, None).await.expect("once more");
    assert!(world.take().await.is_some());
}

#[tokio::test]
async fn what_ends_expires_and_is_forgotten_in_time() {
    let world = World::new(1).await;
    let id = world.place(0).await.id;
    let order = world.take().await.expect("an order");
    let expires = Instant(world.now.load(Ordering::SeqCst) + 100 * SECOND);
    let ended = Ended::Completed { files: 1, bytes: 2, contents: "ab".into(), expires, message: None };
    assert!(world.end(&order, ended).await);
    let state = async || world.accounts.order(&id, None).await.map(|order| order.state).ok();
    world.pass(99);
    world.accounts.expire_orders(1).await.expect("expired");
    assert_eq!(state().await, Some(OrderState::Completed));
    let needed = async || world.accounts.order_files().await.expect("a list").values().filter(|f| f.are_needed).count();
    assert_eq!(needed().await, 1);
    world.pass(1);
    world.accounts.expire_orders(1).await.expect("expired");
    assert_eq!(state().await, Some(OrderState::Expired));
    assert_eq!(needed().await, 0);
    world.pass(86_401);
    world.accounts.expire_orders(1).await.expect("forgotten");
    assert_eq!(state().await, None);
}

/// An order as a plain list has it.
#[derive(Clone, Debug)]
struct Plain {
    id: String,
    user: i64,
    created: i64,
    lease: Option<i64>,
    open: bool,
}

#[tokio::test]
async fn the_queue_gives_out_what_a_plain_list_would() {
    let mut random = numbers_from(7);
    let world = World::new(4).await;
    let mut plain: Vec<Plain> = Vec::new();
    let mut last: std::collections::BTreeMap<i64, i64> = std::collections::BTreeMap::new();
    let mut held: Vec<Order> = Vec::new();
    for _ in 0..300 {
        let now = world.now.load(Ordering::SeqCst);
        match random() % 8 {
            0..3 => {
                let order = world.place((random() % 4) as usize).await;
                plain.push(Plain { id: order.id, user: order.user, created: now, lease: None, open: true });
            }
            3..6 => {
                let busy = |user: i64| plain.iter().filter(|p| p.user == user && p.open && p.lease > Some(now)).count();
                let free = plain.iter().filter(|p| p.open && p.lease <= Some(now) && busy(p.user) < 2);
                let turn =
                    |p: &&Plain| (busy(p.user), last.get(&p.user).copied().unwrap_or(0), p.created, p.id.clone());
                let expected = free.min_by_key(turn).map(|p| p.id.clone());
                let taken = world.take().await;
                assert_eq!(taken.as_ref().map(|order| order.id.clone()), expected);
                if let Some(order) = taken {
                    let own = plain.iter_mut().find(|p| p.id == order.id).expect("placed");
                    own.lease = Some(now + LEASE.seconds * SECOND);
                    last.insert(own.user, now);
                    held.push(order);
                }
            }
            6 if !held.is_empty() => {
                let order = held.swap_remove((random() as usize) % held.len());
                let was_ended = world.end(&order, done()).await;
                let own = plain.iter_mut().find(|p| p.id == order.id).expect("placed");
                // A lapsed lease that nobody else took is still its holder's.
                assert!(was_ended || held.iter().any(|other| other.id == order.id) || !own.open);
                own.open &= !was_ended;
            }
            _ => world.pass(i64::try_from(random() % 50).unwrap_or(0)),
        }
        world.pass(1);
    }
}

/// Numbers that follow from a seed (xorshift).
fn numbers_from(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}
