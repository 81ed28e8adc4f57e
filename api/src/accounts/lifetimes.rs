//! What lasts how long, what a changed audit log shows, and rows of the first version of the database.

use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, Ordering};

use nilometer_schemas::{Instant, Role};
use proptest::prop_assert;
use proptest::test_runner::TestRunner;
use sqlx::migrate::Migrator;

use super::check::check as verify;
use super::rows::{KeyRow, Sealed, UserRow};
use super::secret::Secret;
use super::*;

const HOUR: i64 = 3_600_000_000;
const TIMES: SessionTimes = SessionTimes { idle_h: 12, absolute_h: 48 };
const EMAIL: &str = "ana@water.example";
const PASSWORD: &str = "crue de janvier 1910";

struct World {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    accounts: Accounts,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let clock: Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || Instant(now.load(Ordering::SeqCst)))
        };
        let accounts = Accounts::open(dir.path(), clock, Random::system()).await.expect("accounts");
        Self { dir, now, accounts }
    }

    fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }

    async fn link(&self) -> String {
        let posted = self.accounts.sign_up(&Actor::default(), EMAIL, PASSWORD.into(), None).await.expect("signed up");
        match posted {
            Posted::Confirm(token) => token,
            Posted::Exists | Posted::Taken => panic!("the address has an account"),
        }
    }

    async fn confirm(&self, token: &str) -> Result<i64, Error> {
        self.accounts.confirm(&Actor::default(), token, PASSWORD.into(), None).await
    }

    async fn is_clean(&self) -> bool {
        verify(self.dir.path()).await.is_empty()
    }
}

#[tokio::test]
async fn a_link_lasts_a_day_and_an_unconfirmed_account_a_week() {
    let world = World::new().await;
    let token = world.link().await;
    world.pass(24 * HOUR);
    assert!(world.confirm(&token).await.is_err());
    let token = world.link().await;
    world.pass(24 * HOUR - 1);
    let user = world.confirm(&token).await.expect("in time");
    world.pass(30 * 24 * HOUR);
    world.accounts.clean_up(&TIMES, 365).await.expect("cleaned up");
    assert!(world.accounts.user(user).await.is_ok(), "confirmed accounts stay");
    world.accounts.delete_user(&Actor::default(), user).await.expect("deleted");
    world.link().await;
    world.pass(7 * 24 * HOUR + 1);
    world.accounts.clean_up(&TIMES, 365).await.expect("cleaned up");
    assert!(world.accounts.user_id(EMAIL).await.is_err(), "unconfirmed ones go");
    assert!(world.is_clean().await);
}

#[tokio::test]
async fn a_session_ends_when_it_rests_and_when_it_is_old() {
    let world = World::new().await;
    let user = world.confirm(&world.link().await).await.expect("confirmed");
    let accounts = &world.accounts;
    let token = accounts.begin_session(user, "Mozilla/5.0", None).await.expect("a session");
    let is_open = async |token: &str| accounts.session(token, &TIMES).await.expect("answered").is_some();
    for _ in 0..4 {
        world.pass(11 * HOUR);
        assert!(is_open(&token).await);
        // Noted beside the request.
        while accounts.sessions_of(user, &TIMES).await.expect("a list")[0].seen.0 != world.now.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
    world.pass(4 * HOUR);
    assert!(!is_open(&token).await, "old, though it was used");
    let token = accounts.begin_session(user, "Mozilla/5.0", None).await.expect("a session");
    world.pass(12 * HOUR);
    assert!(!is_open(&token).await, "at rest");
    assert!(!is_open("").await && !is_open(&"0".repeat(64)).await);
    let other = accounts.begin_session(user, "", Some(&token)).await.expect("a session");
    assert_ne!(accounts.csrf_token(&token), accounts.csrf_token(&other));
    for _ in 0..30 {
        accounts.begin_session(user, "", None).await.expect("a session");
    }
    assert_eq!(accounts.sessions_of(user, &TIMES).await.expect("a list").len(), 20, "a bounded number");
    world.pass(48 * HOUR);
    accounts.clean_up(&TIMES, 365).await.expect("cleaned up");
    let left = sqlx::query("SELECT * FROM sessions").fetch_all(&accounts.pool).await.expect("rows");
    assert!(left.is_empty());
    assert!(world.is_clean().await);
}

#[tokio::test]
async fn the_audit_log_is_cut_at_its_old_end_and_stays_whole() {
    let world = World::new().await;
    for day in 0..10 {
        world.accounts.audit(&Actor::command(), "test.act", &day.to_string(), "done").await.expect("noted");
        world.pass(24 * HOUR);
    }
    assert_eq!(world.accounts.cut_audit(4).await.expect("cut"), 6);
    assert!(world.is_clean().await);
    let rows = world.accounts.audit_rows(None, 100).await.expect("rows");
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [10, 9, 8, 7]);
    assert_eq!(world.accounts.cut_audit(1).await.expect("cut"), 3);
    world.accounts.audit(&Actor::command(), "test.act", "one more", "done").await.expect("noted");
    assert!(world.is_clean().await);
}

#[tokio::test]
async fn every_change_of_the_audit_log_shows() {
    for statement in [
        "UPDATE audit SET actor = 'eve' WHERE seq = 2",
        "UPDATE audit SET at = at + 1 WHERE seq = 3",
        "UPDATE audit SET outcome = 'refused' WHERE seq = 5",
        "UPDATE audit SET key_id = '' WHERE seq = 1",
        "UPDATE audit SET mac = x'00' WHERE seq = 4",
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 5",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT 6, at, actor, key_id, action, object, outcome, address, request, mac FROM audit WHERE seq = 5",
        "UPDATE audit_ends SET newest = 4",
        "UPDATE audit_ends SET cut = 1",
        "DELETE FROM audit_ends",
    ] {
        let world = World::new().await;
        for act in 0..5 {
            world.accounts.audit(&Actor::command(), "test.act", &act.to_string(), "done").await.expect("noted");
        }
        assert!(world.is_clean().await);
        sqlx::query(statement).execute(&world.accounts.pool).await.expect("a statement");
        assert!(!world.is_clean().await, "{statement}");
        // The service goes on, and the change goes on showing.
        let noted = world.accounts.audit(&Actor::command(), "test.act", "later", "done").await;
        assert!(noted.is_ok() || statement.starts_with("INSERT"), "{statement}: {noted:?}");
        assert!(!world.is_clean().await, "{statement}, and a later act");
    }
}

#[tokio::test]
async fn rows_of_the_first_version_keep_their_seals() {
    let dir = tempfile::tempdir().expect("a folder");
    let secret = Secret::open(dir.path(), &Random::system()).expect("a secret");
    let options = SqliteConnectOptions::new()
        .filename(dir.path().join(FILE_NAME))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .page_size(u32::from(PAGE_BYTES));
    let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a database");
    let first = Migrator { migrations: Cow::Owned(vec![MIGRATIONS.migrations[0].clone()]), ..Migrator::DEFAULT };
    first.run(&pool).await.expect("the first version");
    let (created, key) = (Instant(5), KeyText::generate(&Random::system()).expect("random"));
    let user = UserRow { id: 1, name: "ana".into(), role: Role::Operator, created, disabled: None };
    let query = sqlx::query("INSERT INTO users (id, name, role, created, mac) VALUES (1, 'ana', 'operator', 5, ?)");
    query.bind(user.mac(&secret)).execute(&pool).await.expect("a user");
    let row = KeyRow {
        id: key.id().to_owned(),
        user: 1,
        hash: secret.hash(&key),
        role: Some(Role::Operator),
        created,
        expires: None,
        revoked: None,
        last_used: None,
        name: None,
        scopes: None,
    };
    let query = sqlx::query("INSERT INTO keys (id, user, hash, role, created, mac) VALUES (?, 1, ?, 'operator', 5, ?)");
    let query = query.bind(&row.id).bind(&row.hash).bind(row.mac(&secret));
    query.execute(&pool).await.expect("a key");
    pool.close().await;
    let clock: Clock = Arc::new(|| Instant(10));
    let accounts = Accounts::open(dir.path(), clock, Random::system()).await.expect("the accounts open");
    let principal = accounts.authenticate(&key.reveal()).await.expect("answered").expect("the key works");
    assert_eq!((principal.role, principal.user.as_deref()), (Role::Operator, Some("ana")));
    assert_eq!(verify(dir.path()).await, Vec::<String>::new());
    accounts.change_user(&Actor::command(), 1, Some(Role::Administrator), None).await.expect("changed");
    assert_eq!(verify(dir.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_issuer_s_subject_is_one_account_and_takes_nobody_s_name() {
    let world = World::new().await;
    world.confirm(&world.link().await).await.expect("confirmed");
    let who = |subject: &str, role: Role| Vouched {
        issuer: "https://id.example".into(),
        subject: subject.into(),
        name: EMAIL.into(),
        role,
    };
    let actor = Actor::default();
    let seen = async |subject: &str, role, signs_in| {
        world.accounts.vouched(&actor, &who(subject, role), signs_in).await.expect("an account")
    };
    let (one, two) = (seen("1", Role::User, true).await, seen("2", Role::User, true).await);
    assert_eq!((one.name.as_str(), two.name.as_str()), ("ana@water.example (2)", "ana@water.example (3)"));
    assert_ne!(one.id, two.id);
    assert_eq!(seen("1", Role::Operator, true).await.id, one.id);
    let role = async || world.accounts.user(one.id).await.expect("there").role;
    assert_eq!(role().await, Role::Operator);
    seen("1", Role::User, false).await;
    assert_eq!(role().await, Role::Operator, "a program's token changes nothing");
    world.accounts.change_user(&actor, one.id, None, Some(true)).await.expect("closed");
    assert!(seen("1", Role::Operator, true).await.closed);
    assert!(world.is_clean().await);
}

/// A text given out under a seal comes back under it, and no other text or kind does.
#[tokio::test]
async fn seals_tell_texts_and_their_kinds_apart() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let mut runner = TestRunner::default();
    let run = runner.run(&(".{0,40}", ".{0,40}", "[a-z]{1,8}"), |(text, other, kind)| {
        let seal = accounts.seal_text(&kind, &text);
        prop_assert!(accounts.is_text_seal(&kind, &text, &seal));
        prop_assert!(other == text || !accounts.is_text_seal(&kind, &other, &seal));
        let another = [kind.as_str(), "x"].concat();
        prop_assert!(!accounts.is_text_seal(&another, &text, &seal));
        prop_assert!(!accounts.is_text_seal(&kind, &text, &seal[1..]));
        Ok(())
    });
    run.expect("seals hold");
}
