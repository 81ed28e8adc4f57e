//! `ingest` of observations killed at random moments and started again: nothing is lost and nothing is doubled.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nilometer_tests::{Server, command, nilometer, record, rounds, seed};
use tempfile::TempDir;

const FILES: usize = 6;
const FEATURES: usize = 40;
const ROWS: usize = 250;
const MAPPING: &str = r#"
[observations]
collection = "crashed"
feature = ["station"]
time = "time"

[[observations.parameters]]
column = "level"
name = "level"
unit = "m"
"#;

/// Writes files of observations; each holds all stations and a stretch of time, the last one repeats some of the first
/// with other values. Gives what there is in the end, by station and time.
fn write_files(folder: &Path, random: &mut fastrand::Rng) -> BTreeMap<(String, String), String> {
    let mut expected = BTreeMap::new();
    for file in 0..FILES {
        let mut text = String::from("station,time,level\n");
        for station in 0..FEATURES {
            for row in 0..ROWS {
                let day = if file == FILES - 1 { row } else { file * ROWS + row };
                let time = format!("{}-{:02}-{:02}T06:00:00Z", 2000 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
                let (station, level) = (format!("s{station:03}"), format!("{}.5", random.u32(0..1000)));
                writeln!(text, "{station},{time},{level}").expect("a text takes more");
                expected.insert((station, time), level);
            }
        }
        fs::write(folder.join(format!("{file}.csv")), text).expect("a file can be written");
    }
    fs::write(folder.join("mapping.toml"), MAPPING).expect("a file can be written");
    expected
}

fn arguments(data: &Path, folder: &Path) -> Vec<String> {
    let path = |p: &Path| p.to_str().expect("a plain name").to_owned();
    let mut all = vec!["ingest".into(), "--data".into(), path(data)];
    all.extend(["--mapping".into(), path(&folder.join("mapping.toml"))]);
    all.extend((0..FILES).map(|file| path(&folder.join(format!("{file}.csv")))));
    all
}

/// What the service answers, by station and time; a key that comes twice fails.
fn stored(data: &Path) -> BTreeMap<(String, String), String> {
    let server = Server::start(data);
    let mut found = BTreeMap::new();
    for station in 0..FEATURES {
        let target = format!("/collections/crashed/locations/s{station:03}?f=CSV&version=all&parameter-name=level");
        let text = server.visitor().get(&target).expect(200).text();
        let mut lines = text.lines();
        let heading: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let at =
            |name: &str| heading.iter().position(|h| *h == name).unwrap_or_else(|| panic!("{name} in {heading:?}"));
        let (feature, time, level) = (at("feature_id"), at("phenomenon_time"), at("level"));
        for line in lines {
            let fields: Vec<&str> = line.split(',').collect();
            let key = (fields[feature].to_owned(), fields[time].to_owned());
            assert!(found.insert(key, fields[level].to_owned()).is_none(), "{line} comes twice");
        }
    }
    server.finish();
    found
}

#[test]
fn an_ingest_that_is_killed_and_started_again_loses_nothing_and_doubles_nothing() {
    let seed = seed();
    let rounds = rounds(5, 50);
    println!("seed {seed} ({rounds} rounds; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut kills, mut worst) = (0, Duration::ZERO);
    for round in 0..rounds {
        let folder = TempDir::new().expect("a temporary folder");
        let expected = write_files(folder.path(), &mut random);
        let data = folder.path().join("data");
        // Killed sooner and later, until a run gets through.
        for patience in 1.. {
            let mut ingest = command();
            ingest.args(arguments(&data, folder.path())).stdout(Stdio::null()).stderr(Stdio::null());
            let mut ingest = ingest.spawn().expect("the binary starts");
            let end = Instant::now() + Duration::from_millis(random.u64(5..150 * patience));
            let done = loop {
                if let Some(status) = ingest.try_wait().expect("a child can be waited for") {
                    assert!(status.success(), "round {round}, seed {seed}: the ingest ended with {status}");
                    break true;
                }
                if Instant::now() >= end {
                    ingest.kill().expect("a child can be killed");
                    ingest.wait().expect("a child can be waited for");
                    kills += 1;
                    break false;
                }
                thread::sleep(Duration::from_millis(2));
            };
            if done {
                break;
            }
            if data.join("catalog/FORMAT").exists() {
                let begun = Instant::now();
                nilometer(folder.path(), &["stats", "--data", "data"]);
                worst = worst.max(begun.elapsed());
            }
        }
        assert!(stored(&data) == expected, "round {round}, seed {seed}: the answers are not what the files say");
        nilometer(folder.path(), &["check", "--data", "data"]).success();
        let again =
            nilometer(folder.path(), &arguments(&data, folder.path()).iter().map(String::as_str).collect::<Vec<_>>());
        let again = again.success();
        assert!(
            stored(&data) == expected,
            "round {round}, seed {seed}: ingesting again changed the answers\n{}",
            again.stdout
        );
    }
    record(
        "series-crash",
        &format!(
            "# kill -9 during the ingest of observations\n\n\
             `ingest` of {FILES} files with {} rows is killed at random moments and started again until it gets through; the \
             last file takes back values of the first. Then every row is there once, with its last value, and `nilometer \
             check` finds nothing.\n\n\
             | rounds | kills | rows lost | rows doubled | seed |\n| --: | --: | --: | --: | --: |\n\
             | {rounds} | {kills} | 0 | 0 | {seed} |\n",
            FILES * FEATURES * ROWS
        ),
    );
}
