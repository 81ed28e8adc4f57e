//! A full disk and flipped bits: a clean error, a way back, and no damage that goes unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nilometer_tests::{
    Server, binary, collection, demo_copy, files, item, nilometer, operator_key, record, rounds, seed, skipped,
};
use serde_json::json;
use tempfile::TempDir;

/// Size of the small disk, and of the ballast that is thrown out to make room.
const DISK_MIB: usize = 64;
const BALLAST_MIB: usize = 24;

fn can_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// A server on a disk of its own; the disk exists only for that process and is gone with it.
fn server_on_small_disk(folder: &Path, prepared: &Path) -> Server {
    let script = format!(
        "set -e; mount -t tmpfs -o size={DISK_MIB}m tmpfs \"$1\"; cp -a \"$2\" \"$1/data\"; \
         head -c {} /dev/zero > \"$1/ballast\"; exec \"$3\" serve --data \"$1/data\" --listen 127.0.0.1:0",
        BALLAST_MIB << 20
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.args([folder, prepared, binary()]);
    command.env("NILOMETER_WRITER_MEMORY_BYTES", (16 << 20).to_string());
    Server::start_command(command)
}

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_takes_writes_again_when_there_is_room() {
    if !can_mount() {
        skipped("this machine lets nobody mount a small disk (user namespaces are off)");
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let prepared = folder.path().join("prepared");
    let key = operator_key(&prepared);
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder can be made");
    let mut server = server_on_small_disk(&disk, &prepared);
    let (operator, visitor) = (server.client(&key), server.visitor());
    operator.post("/collections", &collection("full", "public")).expect(201);

    // Text that no compression makes small, another one in each item.
    let mut random = fastrand::Rng::with_seed(7);
    let mut written = BTreeSet::new();
    let mut refused = None;
    for n in 0..2_000 {
        let id = format!("i{n}");
        let filler: String = (0..96_000).map(|_| random.alphanumeric()).collect();
        let item = item("full", &id, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({"filler": filler}));
        let answer = operator.post("/collections/full/items", &item);
        if answer.status == 201 {
            written.insert(id);
        } else {
            refused = Some((answer, item));
            break;
        }
    }
    let (answer, item) = refused.expect("a small disk fills up");
    answer.problem(507);
    let count = |what: &str| {
        let page = visitor.get("/collections/full/items?limit=1").expect(200).json();
        assert_eq!(page["numberMatched"], written.len(), "{what}");
    };
    assert!(server.is_alive());
    count("a refused item is not there, all others are");
    visitor.get("/collections/full/items/i0").expect(200);

    let seen_by_server = format!("/proc/{}/root{}/ballast", server.pid(), disk.display());
    fs::remove_file(&seen_by_server).expect("the ballast can be thrown out");
    let mut again = operator.post("/collections/full/items", &item);
    for _ in 0..50 {
        if again.status == 201 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
        again = operator.post("/collections/full/items", &item);
    }
    again.expect(201);
    written.insert(item["id"].as_str().expect("an id").to_owned());

    let copy = folder.path().join("copy");
    let inside = PathBuf::from(format!("/proc/{}/root{}/data", server.pid(), disk.display()));
    server.signal("STOP");
    nilometer_tests::copy_folder(&inside, &copy).expect("the small disk can be copied");
    server.kill();
    let reopened = Server::start(&copy);
    let found: BTreeSet<String> = reopened
        .visitor()
        .all_pages("/collections/full/items?limit=50&fields=id")
        .iter()
        .map(|feature| feature["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(found, written);
    reopened.finish();
    nilometer(Path::new("/"), &["check", "--data", copy.to_str().expect("a plain name")]).success();
}

/// What a file of the data is: its folder and its ending, the table left out.
fn kind(path: &Path, data: &Path) -> String {
    let inner = path.strip_prefix(data).unwrap_or(path);
    let mut folders: Vec<String> =
        inner.parent().into_iter().flatten().map(|part| part.to_string_lossy().into_owned()).collect();
    if folders.first().is_some_and(|first| first == "series") {
        folders[1] = "*".into();
    }
    let name = inner.file_name().unwrap_or_default().to_string_lossy();
    let is_numbered = name.bytes().filter(u8::is_ascii_digit).count() > 8;
    let ending = inner.extension().map(|e| format!("*.{}", e.to_string_lossy()));
    folders.push(if is_numbered { ending.unwrap_or_else(|| "*".into()) } else { name.into_owned() });
    folders.join("/")
}

#[test]
fn check_finds_a_flipped_bit_in_every_kind_of_file() {
    let seed = seed();
    let flips = rounds(2, 100);
    println!("seed {seed} ({flips} flips in each kind of file; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    demo_copy(&data);
    let key = operator_key(&data);
    // A delete and a replacement, so that tombstones and dead documents are among the files.
    let server = Server::start(&data);
    let operator = server.client(&key);
    operator.post("/collections", &collection("flips", "public")).expect(201);
    for n in 0..20 {
        let id = format!("i{n}");
        operator
            .post("/collections/flips/items", &item("flips", &id, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({})))
            .expect(201);
    }
    operator.delete("/collections/flips/items/i3").expect(204);
    server.finish();

    let argument = data.to_str().expect("a plain name").to_owned();
    let check = || nilometer(Path::new("/"), &["check", "--data", &argument]);
    check().success();
    let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let folders = ["catalog", "series"].iter().flat_map(|folder| files(&data.join(folder)));
    for path in folders.chain([data.join("secret")]) {
        if fs::metadata(&path).is_ok_and(|m| m.len() > 0) {
            kinds.entry(kind(&path, &data)).or_default().push(path);
        }
    }
    println!("kinds of files: {:?}", kinds.keys().collect::<Vec<_>>());
    for expected in ["catalog/log/*.log", "catalog/index/*.nil", "series/*/*.parquet", "series/*/_delta_log/*.json"] {
        assert!(kinds.contains_key(expected), "{expected}");
    }
    let mut unseen = Vec::new();
    for (kind, paths) in &kinds {
        for _ in 0..flips {
            let path = &paths[random.usize(0..paths.len())];
            let before = fs::read(path).expect("a file can be read");
            let mut bytes = before.clone();
            let bit = random.usize(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, bytes).expect("a file can be written");
            let output = check();
            fs::write(path, before).expect("a file can be written back");
            if output.status.success() {
                unseen.push(format!("{kind}: bit {bit} of {} bytes", fs::metadata(path).map_or(0, |m| m.len())));
            } else {
                output.failure();
            }
        }
    }
    assert!(unseen.is_empty(), "seed {seed}: flips that check did not see:\n{}", unseen.join("\n"));
    check().success();
    let rows: String = kinds.keys().map(|kind| format!("| {kind} | {flips} | 0 |\n")).collect();
    record(
        "bit-flips",
        &format!(
            "# Bit flips\n\n\
             One bit of one file is flipped at a time; `nilometer check` must find it (seed {seed}).\n\n\
             | kind of file | flips | not found |\n| --- | --: | --: |\n{rows}\n\
             Of `state.sqlite` a flip is found or changes nothing that anybody reads: most of its pages are room to spare \
             (`accounts::flips`)."
        ),
    );
}

#[test]
fn a_missing_or_cut_file_is_refused_or_mended_but_never_a_panic() {
    let seed = seed();
    println!("seed {seed} (run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().expect("a temporary folder");
    let whole = folder.path().join("whole");
    demo_copy(&whole);
    for round in 0..rounds(6, 200) {
        let data = folder.path().join(format!("copy-{round}"));
        nilometer_tests::copy_folder(&whole, &data).expect("the demo can be copied");
        let all = files(&data.join("catalog"));
        let victim = &all[random.usize(0..all.len())];
        let length = fs::metadata(victim).expect("a file has a length").len();
        if random.bool() {
            fs::remove_file(victim).expect("a file can be removed");
        } else {
            let file = fs::OpenOptions::new().write(true).open(victim).expect("a file can be opened");
            file.set_len(random.u64(0..=length)).expect("a file can be cut");
        }
        for command in ["check", "stats"] {
            let output = nilometer(Path::new("/"), &[command, "--data", data.to_str().expect("a plain name")]);
            let code = output.status.code();
            let panicked = output.stderr.contains("panicked at") || code.is_none() || code == Some(101);
            assert!(!panicked, "{command} after {} was cut or removed: {}", victim.display(), output.stderr);
        }
        fs::remove_dir_all(&data).expect("a copy can be removed");
    }
}

/// What a server asked of the system, in the order in which it was done, while items were written to it; `None` where calls cannot be
/// traced.
fn traced(folder: &Path) -> Option<Vec<String>> {
    let data = folder.join("data");
    let key = operator_key(&data);
    let log = folder.join("calls");
    let strace = || {
        let mut command = Command::new("strace");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    if !strace().args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        return None;
    }
    let mut server = Command::new("strace");
    // The server stays our child (-D), and descriptors are told by their paths (-y).
    server.args(["-D", "-f", "-y", "-s", "32", "-e", "signal=none"]);
    server.args(["-e", "trace=fsync,fdatasync,rename,renameat,renameat2,sendto,write,writev,sendmsg", "-o"]).arg(&log);
    server.arg(binary()).args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let server = Server::start_command(server);
    let client = server.client(&key);
    client.post("/collections", &collection("c", "public")).expect(201);
    for n in 0..5 {
        let item = item("c", &format!("i{n}"), f64::from(n), 2.0, "2024-01-01T00:00:00Z", json!({}));
        client.post("/collections/c/items", &item).expect(201);
    }
    server.finish();
    // A call during which another thread made one stands on two lines: it is done with the second.
    let text = fs::read_to_string(&log).expect("the calls");
    let mut begun = BTreeMap::new();
    let mut done = Vec::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or(("", line));
        if let Some(begin) = call.strip_suffix("<unfinished ...>") {
            begun.insert(thread.to_owned(), begin.to_owned());
        } else if call.contains(" resumed>") {
            done.push(begun.remove(thread).unwrap_or_default());
        } else {
            done.push(call.to_owned());
        }
    }
    Some(done)
}

#[test]
fn nothing_is_acknowledged_before_the_log_is_on_the_disk_and_a_checkpoint_is_there_with_its_folder() {
    let folder = TempDir::new().expect("a temporary folder");
    let Some(calls) = traced(folder.path()) else {
        skipped("system calls cannot be traced (strace)");
        return;
    };
    let is_synced = |call: &str, what: &str| {
        (call.trim_start().starts_with("fsync(") || call.trim_start().starts_with("fdatasync(")) && call.contains(what)
    };
    // Each answer of a write comes after a sync of the log that came after the answer before.
    let (mut answers, mut is_log_synced) = (0, false);
    for call in &calls {
        is_log_synced |= is_synced(call, "/catalog/log/");
        if call.contains("HTTP/1.1 201") {
            assert!(is_log_synced, "acknowledged before the log was synced: {call}");
            (answers, is_log_synced) = (answers + 1, false);
        }
    }
    assert_eq!(answers, 6, "answers of writes:\n{}", calls.join("\n"));
    // After a checkpoint's rename its folder is synced, before the next one.
    let is_checkpoint = |call: &str| call.contains("rename") && call.contains("/catalog/index/meta.json");
    let checkpoints: Vec<usize> = (0..calls.len()).filter(|at| is_checkpoint(&calls[*at])).collect();
    assert!(!checkpoints.is_empty(), "no checkpoint:\n{}", calls.join("\n"));
    for (n, at) in checkpoints.iter().enumerate() {
        let end = checkpoints.get(n + 1).copied().unwrap_or(calls.len());
        let is_kept = calls[*at..end].iter().any(|call| is_synced(call, "/catalog/index>"));
        assert!(is_kept, "the folder was not synced after {}", calls[*at]);
    }
}
