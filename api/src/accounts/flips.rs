//! Flipped bits in the files of the accounts: `check` finds one, or it changes nothing that anybody reads.

use std::path::{Path, PathBuf};

use nilometer_schemas::{Instant, Role};
use sha2::{Digest, Sha256};

use super::searches::search_id;
use super::*;

/// A copy of a data directory in which bits are flipped.
struct Copy {
    dir: tempfile::TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
    /// Everything that the accounts tell.
    told: Vec<String>,
    keys: Vec<String>,
}

/// The same bytes in every run, so that a failure replays.
fn replayed() -> Random {
    let drawn = std::sync::atomic::AtomicU64::new(0);
    Random::from_fn(move |bytes| {
        for byte in bytes {
            let n = drawn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            *byte = Sha256::digest(n.to_le_bytes())[0];
        }
        Ok(())
    })
}

/// All rows with all columns, and what becomes of each key.
async fn tell(dir: &Path, keys: &[String]) -> Result<Vec<String>, Error> {
    let clock: Clock = Arc::new(|| Instant(7));
    let accounts = Accounts::open(dir, clock, Random::system()).await?;
    let mut told = Vec::new();
    for query in [
        "SELECT concat_ws(',', quote(id), quote(name), quote(role), quote(created), \
                          quote(disabled), quote(mac)) FROM users",
        "SELECT concat_ws(',', quote(id), quote(account), quote(hash), quote(role), quote(created), quote(expires), \
                          quote(revoked), quote(last_used), quote(name), quote(scopes), quote(mac)) FROM keys ORDER BY id",
        "SELECT concat_ws(',', quote(id), quote(body)) FROM searches ORDER BY id",
        "SELECT concat_ws(',', quote(seq), quote(at), quote(actor), quote(key_id), quote(action), quote(object), \
                          quote(outcome), quote(address), quote(request), quote(mac)) FROM audit ORDER BY seq",
        "SELECT concat_ws(',', quote(cut), quote(cut_mac), quote(newest), quote(newest_mac)) FROM audit_ends",
    ] {
        let rows = sqlx::query_scalar::<_, String>(query).fetch_all(&accounts.pool).await;
        told.extend(rows.map_err(failed("read all rows"))?);
    }
    for key in keys {
        told.push(format!("{:?}", accounts.authenticate(key).await?));
    }
    told.push(format!("{:?}", accounts.load_search(&search_id("{\"q\":\"Nile\"}")).await?));
    // Noted uses would change the files while the next flip is being made.
    accounts.close().await;
    Ok(told)
}

/// Whether every byte has its turn, as in `make long`.
fn is_long() -> bool {
    std::env::var("NILOMETER_LONG").is_ok_and(|value| value == "1")
}

enum Flip {
    Found,
    Harmless,
    Unseen(String),
}

impl Copy {
    /// Accounts with a few rows. With `open` they are copied as a process that was killed leaves them, so that the
    /// write-ahead log holds all rows.
    async fn new(open: bool) -> Self {
        let (source, dir) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let clock: Clock = Arc::new(|| Instant(7));
        let accounts = Accounts::open(source.path(), clock, replayed()).await.expect("the accounts open");
        let mut keys = Vec::new();
        for (user, role) in [("ana", Role::Operator), ("ana", Role::Visitor), ("bob", Role::Visitor)] {
            keys.push(accounts.create_key(user, role, Some(30)).await.expect("a key"));
        }
        // What follows is so long that it fills pages of its own.
        let long = format!("{{\"q\":\"{}\"}}", "water ".repeat(1_000));
        for body in ["{\"q\":\"Nile\"}", long.as_str()] {
            accounts.save_search(body).await.expect("saved");
        }
        accounts.revoke(keys[2].id()).await.expect("revoked");
        if !open {
            accounts.close().await;
        }
        let mut files = Vec::new();
        for name in [FILE_NAME, "state.sqlite-wal", "secret"] {
            if let Ok(bytes) = std::fs::read(source.path().join(name)) {
                files.push((dir.path().join(name), bytes));
            }
        }
        let mut copy = Self { dir, files, told: Vec::new(), keys: keys.iter().map(KeyText::reveal).collect() };
        copy.write();
        assert_eq!(check(copy.dir.path()).await, Vec::<String>::new());
        copy.told = tell(copy.dir.path(), &copy.keys).await.expect("readable");
        // Users, keys, searches, acts with both ends of the log, what becomes of each key, and one question.
        let acts = copy.told.len() - (2 + 3 + 2 + 1 + 3 + 1);
        assert!(acts >= 4, "{:?}", copy.told);
        copy
    }

    /// Writes the files as they were, and no others.
    fn write(&self) {
        for entry in std::fs::read_dir(self.dir.path()).expect("a directory") {
            std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
        }
        for (path, bytes) in &self.files {
            std::fs::write(path, bytes).expect("written");
        }
    }

    /// Flips one bit. One that `check` does not find must change nothing that is told.
    async fn flip(&self, file: usize, bit: usize) -> Flip {
        let (path, bytes) = &self.files[file];
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(path, flipped).expect("written");
        let found = !check(self.dir.path()).await.is_empty();
        let flip = match found {
            true => Flip::Found,
            false => match tell(self.dir.path(), &self.keys).await {
                Ok(told) if told == self.told => Flip::Harmless,
                other => Flip::Unseen(format!("bit {} of byte {}: {other:?}", bit % 8, bit / 8)),
            },
        };
        self.write();
        flip
    }

    fn number_of(&self, name: &str) -> usize {
        let named = |(path, _): &(PathBuf, Vec<u8>)| path.file_name().is_some_and(|n| n == name);
        self.files.iter().position(named).expect("the file is there")
    }

    /// Flips a bit in every `step`th byte that is not zero, which holds content, and in some of the others, which are
    /// mostly room to spare. With `NILOMETER_LONG=1` every byte with content gets its turn.
    async fn flip_densely(&self, name: &str, step: usize) {
        let step = if is_long() { 1 } else { step };
        let file = self.number_of(name);
        let bytes = &self.files[file].1;
        let (content, spare): (Vec<usize>, Vec<usize>) = (0..bytes.len()).partition(|at| bytes[*at] != 0);
        let sample = content.into_iter().step_by(step).chain(spare.into_iter().step_by(40 * step));
        let (mut found, mut harmless, mut unseen) = (0, 0, Vec::new());
        for at in sample {
            match self.flip(file, at * 8 + at % 8).await {
                Flip::Found => found += 1,
                Flip::Harmless => harmless += 1,
                Flip::Unseen(what) => unseen.push(what),
            }
        }
        println!("{name}: {found} flips were found, {harmless} harmless");
        assert!(unseen.is_empty(), "{name}: flips that check did not see:\n{}", unseen.join("\n"));
        assert!(found > 0);
    }
}

#[tokio::test]
async fn a_flipped_bit_of_the_database_is_found_or_harmless() {
    Copy::new(false).await.flip_densely(FILE_NAME, 181).await;
}

#[tokio::test]
async fn a_flipped_bit_of_what_a_killed_process_left_is_found_or_harmless() {
    let copy = Copy::new(true).await;
    copy.flip_densely("state.sqlite-wal", 3_001).await;
    copy.flip_densely(FILE_NAME, 1).await;
}

#[tokio::test]
async fn a_flipped_bit_of_the_secret_is_found() {
    let copy = Copy::new(false).await;
    let file = copy.number_of("secret");
    for bit in (0..copy.files[file].1.len() * 8).step_by(if is_long() { 1 } else { 5 }) {
        assert!(matches!(copy.flip(file, bit).await, Flip::Found), "bit {bit}");
    }
}

#[tokio::test]
async fn check_leaves_the_files_as_they_are() {
    for open in [false, true] {
        let copy = Copy::new(open).await;
        copy.write();
        check(copy.dir.path()).await;
        for (path, bytes) in &copy.files {
            assert!(std::fs::read(path).expect("a file") == *bytes, "{}", path.display());
        }
        if !open {
            let count = std::fs::read_dir(copy.dir.path()).expect("a directory").count();
            assert_eq!(count, copy.files.len(), "no file is left behind");
        }
    }
}
