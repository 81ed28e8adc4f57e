//! kill -9 at random moments: what was acknowledged is there, nothing is half there, and it opens again by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_tests::http::{Connection, link, ndjson, path_of};
use nilometer_tests::ledger::{Ledger, Version, version_of, versioned_item};
use nilometer_tests::{Client, Server, collection, command, item, long, nilometer, operator_key, record, rounds, seed};
use serde_json::json;
use tempfile::TempDir;

const COLLECTION: &str = "crash";
/// Clients that write one item a request, and clients that send streams of many.
const SINGLE_CLIENTS: usize = 4;
const BULK_CLIENTS: usize = 2;
/// Longest time of writing before the kill, milliseconds.
const WRITING_MS_MAX: u64 = 700;

/// One client: its ledger, its own ids, its own randomness.
struct Writer {
    ledger: Ledger,
    prefix: String,
    random: fastrand::Rng,
    next_version: Version,
}

impl Writer {
    /// Writes until the server is gone; whatever was under way then stays pending in the ledger.
    fn run(&mut self, client: &Client, key: &str, bulk: bool, stop: &AtomicBool) {
        let Ok(mut connection) = Connection::open(client.address()) else { return };
        let bearer = format!("Bearer {key}");
        while !stop.load(Ordering::Relaxed) {
            let (method, target, media_type, body) = if bulk { self.stream() } else { self.single() };
            let headers = [("authorization", bearer.as_str()), ("content-type", media_type)];
            let answer = connection.send(method, &target, &headers, body.as_deref().map(str::as_bytes));
            match answer {
                Ok(answer) if (200..300).contains(&answer.status) => self.ledger.acknowledged(),
                Ok(answer) => panic!("{method} {target}: {} {}", answer.status, answer.text()),
                Err(_) => return,
            }
        }
    }

    fn new_version(&mut self) -> Version {
        self.next_version += 1;
        self.next_version
    }

    fn id(&mut self) -> String {
        format!("{}-{}", self.prefix, self.random.u32(0..400))
    }

    /// A put of a new version, or sometimes a delete.
    fn single(&mut self) -> (&'static str, String, &'static str, Option<String>) {
        let id = self.id();
        let target = format!("/collections/{COLLECTION}/items/{id}");
        if self.ledger.version(&id) > 0 && self.random.u8(0..6) == 0 {
            self.ledger.sending(&id, 0);
            return ("DELETE", target, "application/geo+json", None);
        }
        let version = self.new_version();
        self.ledger.sending(&id, version);
        let body = versioned_item(COLLECTION, &id, version).to_string();
        if self.ledger.version(&id) > 0 {
            return ("PUT", target, "application/geo+json", Some(body));
        }
        ("POST", format!("/collections/{COLLECTION}/items"), "application/geo+json", Some(body))
    }

    /// A stream of many new versions.
    fn stream(&mut self) -> (&'static str, String, &'static str, Option<String>) {
        let mut items = BTreeMap::new();
        for _ in 0..self.random.usize(1..120) {
            let (id, version) = (self.id(), self.new_version());
            items.insert(id.clone(), versioned_item(COLLECTION, &id, version));
        }
        for (id, item) in &items {
            self.ledger.sending(id, item["properties"]["version"].as_u64().expect("a versioned item"));
        }
        let items: Vec<_> = items.into_values().collect();
        ("POST", format!("/collections/{COLLECTION}/items"), "application/x-ndjson", Some(ndjson(&items)))
    }
}

/// What is stored, each item whole.
fn stored(client: &Client) -> BTreeMap<String, Version> {
    let mut all = BTreeMap::new();
    let target = format!("/collections/{COLLECTION}/items?limit=1000");
    let matched = client.get(&target).expect(200).json()["numberMatched"].as_u64().expect("an exact count");
    for item in client.all_pages(&target) {
        let (id, version) = version_of(&item).unwrap_or_else(|why| panic!("a partial item: {why}"));
        if let Some(other) = all.insert(id.clone(), version) {
            // Whether the index holds it twice, or only the pages do.
            let alone = client.get(&format!("/collections/{COLLECTION}/items?ids={id}")).json();
            panic!("{id} is there twice, versions {other} and {version} of {matched} items; asked for alone: {alone}");
        }
    }
    assert_eq!(all.len() as u64, matched, "numberMatched and the pages differ");
    all
}

/// The same, as a reader of the change feed sees it.
fn replayed(client: &Client) -> BTreeMap<String, Version> {
    let (mut all, mut since, mut last) = (BTreeMap::new(), 0, 0);
    loop {
        let page = client.get(&format!("/changes?since={since}&limit=5000")).expect(200).json();
        for change in page["changes"].as_array().expect("changes is a list") {
            let seq = change["sequence"].as_u64().expect("a sequence number");
            assert!(seq > last, "sequence numbers rise: {seq} after {last}");
            last = seq;
            let Some(id) = change["id"].as_str() else { continue };
            match &change["item"] {
                item if item.is_object() => {
                    all.insert(id.to_owned(), version_of(item).expect("a whole item").1);
                }
                _ => drop(all.remove(id)),
            }
        }
        let until = page["until"].as_u64().expect("until is a number");
        if !page["more"].as_bool().unwrap_or_default() {
            return all;
        }
        assert!(until > since, "the feed moves on");
        since = until;
    }
}

fn check_promises(server: &Server, data: &Path, writers: &mut [Writer]) -> Result<usize, String> {
    let visitor = server.visitor();
    let found = stored(&visitor);
    for writer in writers.iter_mut() {
        let own = format!("{}-", writer.prefix);
        let mine = found.iter().filter(|(id, _)| id.starts_with(&own)).map(|(id, v)| (id.clone(), *v)).collect();
        writer.ledger.settle(&mine)?;
    }
    let promised: usize = writers.iter().map(|writer| writer.ledger.live()).sum();
    if promised != found.len() {
        return Err(format!("{} items stored, {promised} promised", found.len()));
    }
    if replayed(&visitor) != found {
        return Err("the change feed leads to another state than the search shows".into());
    }
    let check = nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
    if !check.status.success() {
        return Err(format!("check found: {}{}", check.stdout, check.stderr));
    }
    Ok(found.len())
}

#[test]
fn whatever_was_acknowledged_survives_kill_9_at_any_moment() {
    let seed = seed();
    let rounds = rounds(20, 200);
    println!("seed {seed} ({rounds} rounds; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let key = operator_key(&data);
    let mut writers: Vec<Writer> = (0..SINGLE_CLIENTS + BULK_CLIENTS)
        .map(|i| Writer { ledger: Ledger::default(), prefix: format!("w{i}"), random: random.fork(), next_version: 0 })
        .collect();
    let mut reopened_ms = Vec::new();
    let mut items = 0;
    for round in 0..=rounds {
        let server = Server::start(&data);
        reopened_ms.push(server.ready_after.as_millis() as u64);
        if round == 0 {
            server.client(&key).post("/collections", &collection(COLLECTION, "public")).expect(201);
        }
        match check_promises(&server, &data, &mut writers) {
            Ok(found) => items = found,
            Err(why) => panic!("round {round}, seed {seed}: {why}\n{}", server.lines().join("\n")),
        }
        if round == rounds {
            server.finish();
            break;
        }
        writers = write_until_killed(server, &key, writers, random.u64(5..WRITING_MS_MAX));
    }
    report(seed, rounds, items, &writers, &mut reopened_ms);
}

fn write_until_killed(server: Server, key: &str, writers: Vec<Writer>, after_ms: u64) -> Vec<Writer> {
    let stop = Arc::new(AtomicBool::new(false));
    let client = server.visitor();
    let done = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = writers
        .into_iter()
        .enumerate()
        .map(|(i, mut writer)| {
            let (client, key, stop, done) = (client.clone(), key.to_owned(), Arc::clone(&stop), Arc::clone(&done));
            thread::spawn(move || {
                writer.run(&client, &key, i >= SINGLE_CLIENTS, &stop);
                done.lock().expect("no writer panics while it holds this").push((i, writer));
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(after_ms));
    server.kill();
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("a writer was refused a legal write");
    }
    let mut done = std::mem::take(&mut *done.lock().expect("all writers ended"));
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, writer)| writer).collect()
}

fn report(seed: u64, rounds: u32, items: usize, writers: &[Writer], reopened_ms: &mut [u64]) {
    reopened_ms.sort_unstable();
    let writes: Version = writers.iter().map(|writer| writer.next_version).sum();
    let most = reopened_ms.last().copied().unwrap_or_default();
    let half = reopened_ms[reopened_ms.len() / 2];
    record(
        "crash",
        &format!(
            "# kill -9 during writes\n\n\
             {SINGLE_CLIENTS} clients write, replace and delete single items and {BULK_CLIENTS} send NDJSON streams; the \
             server is killed after a random 5 to {WRITING_MS_MAX} ms and started again. Each time: every acknowledged \
             write is there, no item is partial or doubled, the change feed leads to the same state, `nilometer check` \
             finds nothing.\n\n\
             | rounds | writes sent | items at the end | acknowledged and lost | partial | start to ready, median | worst | seed |\n\
             | --: | --: | --: | --: | --: | --: | --: | --: |\n\
             | {rounds} | {writes} | {items} | 0 | 0 | {half} ms | {most} ms | {seed} |\n"
        ),
    );
}

/// Writes a file of items, one a line.
fn write_items(path: &Path, count: usize) {
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    for n in 0..count {
        let (lon, lat) = ((n % 3_600) as f64 / 10.0 - 180.0, (n % 1_700) as f64 / 10.0 - 85.0);
        let properties =
            json!({"n": n, "title": format!("Gauge {n} on the river {}", n % 97), "river": format!("r{}", n % 97)});
        let item = item(COLLECTION, &format!("i{n:06}"), lon, lat, "2024-01-01T00:00:00Z", properties);
        writeln!(out, "{item}").expect("written");
    }
    out.flush().expect("written");
}

/// How many items there are, each of which is one of the file's, whole and once.
fn whole_items(visitor: &Client) -> usize {
    let mut seen = BTreeSet::new();
    let mut target = format!("/search?collections={COLLECTION}&limit=10000");
    loop {
        let page = visitor.get(&target).expect(200).json();
        for item in page["features"].as_array().expect("features") {
            let (id, n) = (item["id"].as_str().expect("an id"), item["properties"]["n"].as_u64().expect("a number"));
            assert_eq!(id, format!("i{n:06}"));
            assert_eq!(item["properties"]["river"], format!("r{}", n % 97));
            assert!(seen.insert(n), "{id} is there twice");
        }
        match link(&page, "next") {
            Some(href) => target = path_of(&href),
            None => return seen.len(),
        }
    }
}

#[test]
fn an_ingest_that_is_killed_leaves_whole_items_and_goes_on_when_it_is_begun_again() {
    let seed = seed();
    let (rounds, count) = (rounds(2, 20), if long() { 60_000 } else { 8_000 });
    println!("seed {seed} ({rounds} rounds; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("items.ndjson");
    write_items(&file, count);
    let ingest = |data: &Path| {
        let mut command = command();
        command.args(["ingest", "--data"]).arg(data).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let begun = Instant::now();
    assert!(ingest(&folder.path().join("whole")).status().expect("it runs").success());
    let whole_ms = begun.elapsed().as_millis() as u64;
    let (mut reopened_ms, mut found) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let data = folder.path().join(format!("round-{round}"));
        let mut child = ingest(&data).spawn().expect("it runs");
        thread::sleep(Duration::from_millis(random.u64(whole_ms / 10..whole_ms)));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let server = Server::start(&data);
        reopened_ms.push(server.ready_after.as_millis() as u64);
        found.push(whole_items(&server.visitor()));
        server.finish();
        let check = nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
        assert!(check.status.success(), "{}{}", check.stdout, check.stderr);
        assert!(ingest(&data).status().expect("it runs").success());
        let server = Server::start(&data);
        assert_eq!(whole_items(&server.visitor()), count, "round {round}, seed {seed}");
        server.finish();
    }
    reopened_ms.sort_unstable();
    let (half, most) = (reopened_ms[reopened_ms.len() / 2], reopened_ms.last().copied().unwrap_or_default());
    let (least, greatest) = (found.iter().min().expect("a round"), found.iter().max().expect("a round"));
    record(
        "crash-ingest",
        &format!(
            "# kill -9 during an ingest\n\n\
             `nilometer ingest` of {count} items (uninterrupted {whole_ms} ms) is killed at a random moment, each time into a new data \
             directory. Then a server is started: the items that are there are whole and there once, and `nilometer check` finds \
             nothing. The same ingest begun again brings the rest.\n\n\
             | rounds | items there after the kill | partial or twice | missing in the end | start to ready, median | worst | seed |\n\
             | --: | --: | --: | --: | --: | --: | --: |\n\
             | {rounds} | {least} to {greatest} | 0 | 0 | {half} ms | {most} ms | {seed} |\n"
        ),
    );
}
