//! Power cuts, by model: the process is frozen at a random moment, the directory is copied, and in the copy all that no
//! fsync vouched for is taken away, cut short or filled with rubbish. The copy must open and keep every promise.
//!
//! What is vouched for: log bytes up to the size they had when the last write was acknowledged, every index file that
//! `meta.json` names, and, once `meta.json` is another than at that acknowledgement, the whole log: a commit of the index
//! begins after the log's fsync. What is not: log bytes after that, and index files that `meta.json` does not name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nilometer_tests::ledger::{Version, version_of, versioned_item};
use nilometer_tests::{Client, Server, collection, copy_folder, files, nilometer, operator_key, record, rounds, seed};
use tempfile::TempDir;

const COLLECTION: &str = "power";

fn log_sizes(data: &Path) -> BTreeMap<PathBuf, u64> {
    let folder = data.join("catalog/log");
    let size = |path: PathBuf| Some((path.strip_prefix(data).ok()?.to_owned(), fs::metadata(&path).ok()?.len()));
    files(&folder).into_iter().filter_map(size).collect()
}

fn meta(data: &Path) -> Vec<u8> {
    fs::read(data.join("catalog/index/meta.json")).unwrap_or_default()
}

/// Acknowledged versions, the index's list of segments, and the sizes of the log files at that moment.
#[derive(Clone, Default)]
struct Promise {
    versions: BTreeMap<String, Version>,
    log: BTreeMap<PathBuf, u64>,
    meta: Vec<u8>,
    under_way: Option<(String, Version)>,
}

/// Writes one item after the other and tells each promise; ends when nobody listens or the server is gone.
fn write_and_tell(client: &Client, data: &Path, mut random: fastrand::Rng, tell: &mpsc::Sender<Promise>) {
    let mut promise = Promise::default();
    for version in 1.. {
        let id = format!("i{}", random.u32(0..50));
        promise.under_way = Some((id.clone(), version));
        if tell.send(promise.clone()).is_err() {
            return;
        }
        let item = versioned_item(COLLECTION, &id, version);
        let body = item.to_string();
        let headers = [("content-type", "application/geo+json")];
        let (method, target) = match promise.versions.contains_key(&id) {
            true => ("PUT", format!("/collections/{COLLECTION}/items/{id}")),
            false => ("POST", format!("/collections/{COLLECTION}/items")),
        };
        match client.try_send(method, &target, &headers, Some(body.as_bytes())) {
            Ok(answer) if answer.status < 300 => {}
            _ => return,
        }
        promise.versions.insert(id, version);
        promise.log = log_sizes(data);
        promise.meta = meta(data);
        promise.under_way = None;
        if tell.send(promise.clone()).is_err() {
            return;
        }
    }
}

/// Takes away from the copy what nothing vouched for. Returns what was done, for the message of a failure.
fn cut(copy: &Path, promise: &Promise, random: &mut fastrand::Rng) -> Vec<String> {
    let mut done = Vec::new();
    let committed = meta(copy) != promise.meta;
    for (name, size) in log_sizes(copy).into_iter().filter(|_| !committed) {
        let vouched = promise.log.get(&name).copied().unwrap_or_default();
        if size <= vouched {
            continue;
        }
        let path = copy.join(&name);
        let mut bytes = fs::read(&path).expect("a log file can be read");
        match random.u8(0..3) {
            0 => bytes.truncate(random.u64(vouched..=size) as usize),
            1 => bytes[vouched as usize..].fill(0),
            _ => random.fill(&mut bytes[vouched as usize..]),
        }
        done.push(format!("{}: {size} bytes, {vouched} vouched for, {} kept", name.display(), bytes.len()));
        fs::write(&path, bytes).expect("a log file can be written");
    }
    let index = copy.join("catalog/index");
    let meta = fs::read_to_string(index.join("meta.json")).unwrap_or_default().replace('-', "");
    for path in files(&index) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let segment = name.split('.').next().unwrap_or_default().to_owned();
        let is_segment = segment.len() == 32 && segment.bytes().all(|b| b.is_ascii_hexdigit());
        if is_segment && !meta.contains(&segment) && random.bool() {
            let length = fs::metadata(&path).map(|m| m.len()).unwrap_or_default();
            let kept = random.u64(0..=length);
            done.push(format!("index/{name}: {kept} of {length} bytes kept"));
            let file = fs::OpenOptions::new().write(true).open(&path).expect("an index file can be opened");
            file.set_len(kept).expect("an index file can be cut");
        }
    }
    done
}

fn check_copy(copy: &Path, promise: &Promise) -> Result<(), String> {
    let server = Server::start(copy);
    let mut found = BTreeMap::new();
    for item in server.visitor().all_pages(&format!("/collections/{COLLECTION}/items?limit=1000")) {
        let (id, version) = version_of(&item)?;
        found.insert(id, version);
    }
    let ids: Vec<&String> = promise.versions.keys().chain(found.keys()).collect();
    for id in ids {
        let (promised, seen) = (promise.versions.get(id), found.get(id));
        let attempted = promise.under_way.as_ref().filter(|(under_way, _)| under_way == id).map(|(_, v)| v);
        if seen != promised && (attempted.is_none() || seen != attempted) {
            return Err(format!("{id}: stored {seen:?}, acknowledged {promised:?}, under way {attempted:?}"));
        }
    }
    server.finish();
    let check = nilometer(Path::new("/"), &["check", "--data", copy.to_str().expect("a plain name")]);
    if check.status.success() { Ok(()) } else { Err(format!("check found: {}{}", check.stdout, check.stderr)) }
}

#[test]
fn whatever_was_acknowledged_survives_a_power_cut() {
    let seed = seed();
    let cuts = rounds(12, 300);
    println!("seed {seed} ({cuts} cuts; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let key = operator_key(&data);
    let server = Server::start(&data);
    let client = server.client(&key);
    client.post("/collections", &collection(COLLECTION, "public")).expect(201);
    let (tell, hear) = mpsc::channel();
    let writer = {
        let (client, data, random) = (client.clone(), data.clone(), random.fork());
        thread::spawn(move || write_and_tell(&client, &data, random, &tell))
    };
    let mut torn = 0;
    for round in 0..cuts {
        thread::sleep(Duration::from_millis(random.u64(1..250)));
        server.signal("STOP");
        // What the client heard before the freeze is promised; what it hears later was not yet answered.
        thread::sleep(Duration::from_millis(20));
        let promise = hear.try_iter().last().unwrap_or_default();
        let copy = folder.path().join(format!("copy-{round}"));
        copy_folder(&data, &copy).expect("the directory can be copied");
        server.signal("CONT");
        if promise.versions.is_empty() {
            continue;
        }
        let done = cut(&copy, &promise, &mut random);
        torn += usize::from(!done.is_empty());
        println!("cut {round}: {}", done.join("; "));
        if let Err(why) = check_copy(&copy, &promise) {
            panic!("cut {round}, seed {seed}: {why}\n{}", done.join("\n"));
        }
        fs::remove_dir_all(&copy).expect("a copy can be removed");
    }
    drop(hear);
    writer.join().expect("the writer ends");
    server.finish();
    record(
        "power-cut",
        &format!(
            "# Power cuts, by model\n\n\
             A client writes single items; at a random moment the process is frozen, its directory copied, and in the \
             copy everything that no fsync vouched for is cut short, zeroed or filled with rubbish. Each copy opens, \
             holds every acknowledged write whole, and `nilometer check` finds nothing.\n\n\
             | cuts | of these with something to tear | acknowledged and lost | seed |\n\
             | --: | --: | --: | --: |\n\
             | {cuts} | {torn} | 0 | {seed} |\n"
        ),
    );
}
