//! Accounts through their public interface, on a database in a temporary directory.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicI64, Ordering};

use nilometer_schemas::{Access, CollectionId, Instant, Level, Role};

use super::check::check as verify;
use super::keys::{LAST_USED_STEP_US, Stored};
use super::*;

struct World {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory"), now: Arc::new(AtomicI64::new(1_000_000)) }
    }

    async fn open(&self) -> Accounts {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || Instant(now.load(Ordering::SeqCst)));
        Accounts::open(self.dir.path(), clock, Random::system()).await.expect("the accounts open")
    }

    fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

/// Changes the database behind the program's back; the accounts' cache forgets.
async fn change(accounts: &Accounts, statement: &'static str) {
    let done = sqlx::query(statement).execute(&accounts.pool).await.expect("a valid statement");
    assert!(done.rows_affected() > 0, "{statement}");
    accounts.cache.clear();
}

async fn check(accounts: &Accounts, text: &str, expected: Result<Role, Refusal>) {
    let found = accounts.authenticate(text).await.expect("the database answers");
    assert_eq!(found.map(|p| p.role), expected);
}

#[tokio::test]
async fn a_key_made_by_one_process_works_in_another_and_a_wrong_one_nowhere() {
    let world = World::new();
    let (server, admin) = (world.open().await, world.open().await);
    let key = admin.create_key("ana", Role::Operator, None).await.expect("a key");
    check(&server, &key.reveal(), Ok(Role::Operator)).await;
    let mut wrong = key.reveal();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    check(&server, &wrong, Err(Refusal::Wrong)).await;
    check(&server, &KeyText::generate(&Random::system()).expect("random").reveal(), Err(Refusal::Wrong)).await;
    for text in ["", "nil", "nil__", "nil_00_11", &format!("{}_x", key.reveal()), &key.reveal().to_uppercase()] {
        check(&server, text, Err(Refusal::Malformed)).await;
    }
}

#[tokio::test]
async fn a_user_may_hold_keys_of_different_roles() {
    let world = World::new();
    let accounts = world.open().await;
    let visitor = accounts.create_key("ana", Role::Visitor, None).await.expect("a key");
    let operator = accounts.create_key("ana", Role::Operator, None).await.expect("a key");
    check(&accounts, &visitor.reveal(), Ok(Role::Visitor)).await;
    check(&accounts, &operator.reveal(), Ok(Role::Operator)).await;
    let listed = accounts.keys().await.expect("a list");
    assert!(listed.iter().all(|k| k.user == "ana") && listed.len() == 2);
}

#[tokio::test]
async fn a_revoked_key_ends_within_five_seconds_everywhere() {
    let world = World::new();
    let (server, admin) = (world.open().await, world.open().await);
    let key = admin.create_key("ana", Role::Operator, None).await.expect("a key");
    check(&server, &key.reveal(), Ok(Role::Operator)).await;
    assert!(admin.revoke(key.id()).await.expect("revoked"));
    check(&admin, &key.reveal(), Err(Refusal::Revoked)).await;
    world.pass(5_000_000);
    check(&server, &key.reveal(), Err(Refusal::Revoked)).await;
    assert!(!admin.revoke("000000000000").await.expect("answered"));
}

#[tokio::test]
async fn a_key_ends_when_it_expires_and_stays_ended_when_the_cache_is_warm() {
    let world = World::new();
    let accounts = world.open().await;
    let key = accounts.create_key("ana", Role::Operator, Some(1)).await.expect("a key");
    world.pass(MICROS_PER_DAY - 1);
    check(&accounts, &key.reveal(), Ok(Role::Operator)).await;
    world.pass(1);
    check(&accounts, &key.reveal(), Err(Refusal::Expired)).await;
}

#[tokio::test]
async fn neither_the_database_nor_debug_output_holds_the_secret() {
    let world = World::new();
    let accounts = world.open().await;
    let key = accounts.create_key("ana", Role::Operator, None).await.expect("a key");
    for name in ["secret", FILE_NAME, "state.sqlite-wal"] {
        let mode = std::fs::metadata(world.dir.path().join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    accounts.close().await;
    let secret = key.reveal().rsplit('_').next().expect("a secret").to_owned();
    assert!(!format!("{key:?}").contains(&secret));
    let raw: Vec<u8> = (0..secret.len() / 2)
        .map(|i| u8::from_str_radix(&secret[2 * i..2 * i + 2], 16).expect("hexadecimal"))
        .collect();
    for entry in std::fs::read_dir(world.dir.path()).expect("a directory") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        for needle in [secret.as_bytes(), raw.as_slice()] {
            assert!(!bytes.windows(needle.len()).any(|w| w == needle));
        }
    }
}

#[tokio::test]
async fn another_server_secret_makes_all_keys_wrong() {
    let world = World::new();
    let key = world.open().await.create_key("ana", Role::Operator, None).await.expect("a key");
    std::fs::remove_file(world.dir.path().join("secret")).expect("removed");
    check(&world.open().await, &key.reveal(), Err(Refusal::Damaged)).await;
    std::fs::write(world.dir.path().join("secret"), "short").expect("written");
    let clock: Clock = Arc::new(|| Instant(0));
    let refused = Accounts::open(world.dir.path(), clock, Random::system()).await.err();
    assert!(matches!(refused, Some(Error::Secret(_))));
}

#[tokio::test]
async fn a_saved_question_comes_back_under_an_id_made_from_it() {
    let world = World::new();
    let accounts = world.open().await;
    let id = accounts.save_search("{\"q\":\"Nile\"}").await.expect("saved");
    assert_eq!(accounts.save_search("{\"q\":\"Nile\"}").await.expect("saved again"), id);
    assert_ne!(accounts.save_search("{\"q\":\"Niles\"}").await.expect("saved"), id);
    assert_eq!(accounts.load_search(&id).await.expect("read").as_deref(), Some("{\"q\":\"Nile\"}"));
    assert_eq!(accounts.load_search("s2").await.expect("read"), None);
    change(&accounts, "UPDATE searches SET body = replace(body, 'Niles', 'Volga') WHERE body LIKE '%Niles%'").await;
    change(&accounts, "UPDATE searches SET body = '{}' WHERE body NOT LIKE '%Volga%'").await;
    assert!(matches!(accounts.load_search(&id).await, Err(Error::Damaged(_))));
    assert_eq!(verify(world.dir.path()).await.len(), 2);
    accounts.save_search("{\"q\":\"Nile\"}").await.expect("saved anew");
    assert_eq!(accounts.load_search(&id).await.expect("read").as_deref(), Some("{\"q\":\"Nile\"}"));
}

#[tokio::test]
async fn a_key_whose_row_or_user_was_changed_never_authenticates_and_check_tells() {
    for statement in [
        "UPDATE keys SET role = 'operator'",
        "UPDATE keys SET role = NULL",
        "UPDATE keys SET expires = NULL",
        "UPDATE keys SET created = created + 1",
        "UPDATE keys SET last_used = 7",
        "UPDATE keys SET revoked = 0",
        "UPDATE keys SET hash = x'00'",
        "UPDATE keys SET mac = x''",
        "UPDATE users SET role = 'operator'",
        "UPDATE users SET name = 'eve'",
        "UPDATE users SET created = 0",
    ] {
        let world = World::new();
        let accounts = world.open().await;
        let key = accounts.create_key("ana", Role::Visitor, Some(1)).await.expect("a key");
        assert_eq!(verify(world.dir.path()).await, Vec::<String>::new());
        change(&accounts, statement).await;
        check(&accounts, &key.reveal(), Err(Refusal::Damaged)).await;
        assert_eq!(verify(world.dir.path()).await.len(), 1, "{statement}");
        assert_eq!(accounts.keys().await.expect("a list"), [], "{statement}");
    }
}

#[tokio::test]
async fn a_damaged_key_can_be_taken_back_and_its_user_can_get_a_new_one() {
    let world = World::new();
    let accounts = world.open().await;
    let old = accounts.create_key("ana", Role::Visitor, None).await.expect("a key");
    change(&accounts, "UPDATE keys SET role = 'operator'").await;
    change(&accounts, "UPDATE users SET role = 'operator'").await;
    assert!(accounts.revoke(old.id()).await.expect("answered"));
    check(&accounts, &old.reveal(), Err(Refusal::Wrong)).await;
    let new = accounts.create_key("ana", Role::Visitor, None).await.expect("a key");
    check(&accounts, &new.reveal(), Ok(Role::Visitor)).await;
    assert_eq!(verify(world.dir.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_last_use_is_noted_under_seal_but_not_over_another_process_s_change() {
    let world = World::new();
    let (server, admin) = (world.open().await, world.open().await);
    let key = admin.create_key("ana", Role::Operator, None).await.expect("a key");
    check(&server, &key.reveal(), Ok(Role::Operator)).await;
    while admin.keys().await.expect("a list")[0].last_used.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(verify(world.dir.path()).await, Vec::<String>::new());
    // A use that was read before the revocation and is noted after it.
    let stale = server.read_key(key.id()).await.expect("read");
    assert!(admin.revoke(key.id()).await.expect("revoked"));
    let Some(Stored::Whole { row, .. }) = stale else { panic!("the key is there") };
    world.pass(LAST_USED_STEP_US + 1);
    server.note_use(row, (server.clock)()).expect("due").await.expect("tried");
    check(&server, &key.reveal(), Err(Refusal::Revoked)).await;
    assert_eq!(verify(world.dir.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_user_needs_a_name() {
    let world = World::new();
    let accounts = world.open().await;
    for name in ["", "a\nb", &"x".repeat(129)] {
        let refused = accounts.create_key(name, Role::Visitor, None).await;
        assert!(matches!(refused, Err(Error::Problem(_))), "{name:?}");
    }
}

fn full() -> Terms {
    Terms { level: Level::Full, filter: None, older_than: None }
}

#[tokio::test]
async fn rights_follow_groups_and_end_with_them() {
    let world = World::new();
    let accounts = world.open().await;
    accounts.create_key("ana", Role::User, None).await.expect("a key");
    let ana = accounts.user_id("ana").await.expect("an account");
    let id = CollectionId::new("c").expect("an id");
    let level = async |role: Role, id: Option<i64>| {
        accounts.rights_of(role, id).await.expect("rights").level("c", Access::Hidden)
    };
    accounts.add_group(&Actor::command(), "red").await.expect("a group");
    accounts.put_grant(&Actor::command(), "red", &id, &full()).await.expect("granted");
    assert_eq!(level(Role::User, Some(ana)).await, Level::Hidden, "no member yet");
    accounts.set_member(&Actor::command(), "red", "ana", true).await.expect("a member");
    assert_eq!(level(Role::User, Some(ana)).await, Level::Full);
    assert_eq!(level(Role::Visitor, Some(ana)).await, Level::Hidden, "a visitor's key has no groups");
    assert_eq!(level(Role::Visitor, None).await, Level::Hidden);
    accounts.delete_group(&Actor::command(), "red").await.expect("gone");
    assert_eq!(level(Role::User, Some(ana)).await, Level::Hidden);
    assert_eq!(accounts.grants().await.expect("a list"), Vec::new(), "its grants are gone as well");
}

#[tokio::test]
async fn what_another_process_grants_counts_within_two_seconds() {
    let world = World::new();
    let (server, admin) = (world.open().await, world.open().await);
    let id = CollectionId::new("c").expect("an id");
    let level = async || server.rights_of(Role::Visitor, None).await.expect("rights").level("c", Access::Public);
    assert_eq!(level().await, Level::Full);
    let hidden = Terms { level: Level::Hidden, ..full() };
    admin.put_grant(&Actor::command(), "everyone", &id, &hidden).await.expect("granted");
    world.pass(2_000_000);
    assert_eq!(level().await, Level::Hidden);
}

#[tokio::test]
async fn a_damaged_grant_hides_its_collection_and_check_tells_of_it() {
    let world = World::new();
    let accounts = world.open().await;
    let id = CollectionId::new("c").expect("an id");
    accounts.put_grant(&Actor::command(), "users", &id, &full()).await.expect("granted");
    change(&accounts, "UPDATE grants SET level = 'metadata'").await;
    accounts.rights.forget();
    let rights = accounts.rights_of(Role::Visitor, None).await.expect("rights");
    assert_eq!(rights.level("c", Access::Public), Level::Hidden);
    assert_eq!(rights.level("d", Access::Public), Level::Full);
    accounts.close().await;
    let findings = verify(world.dir.path()).await;
    assert!(findings.iter().any(|line| line.contains("row 1 of grants")), "{findings:?}");
}
