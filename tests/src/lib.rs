//! Drives the built binary from outside: starts it, asks it over HTTP, stops it, reads its log.
//!
//! Nothing here links to the other crates: what a test sees is what a user sees.

pub mod http;
pub mod ledger;
pub mod orders;
mod process;
pub mod scenario;

pub use http::{Client, Response};
pub use process::{Output, Server, binary, command, copy_folder, demo_copy, files, key_of, nilometer, operator_key};

use std::io::Write;

use serde_json::{Value, json};

/// The seed of this run: `NILOMETER_SEED`, or a new one. Tests print it, so that a failure can be run again.
pub fn seed() -> u64 {
    std::env::var("NILOMETER_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..))
}

/// Whether the long runs are wanted (`NILOMETER_LONG=1`, set by `make long`).
pub fn long() -> bool {
    std::env::var_os("NILOMETER_LONG").is_some_and(|value| value == "1")
}

/// `rounds` in `make test`, `long_rounds` in `make long`; `NILOMETER_ROUNDS` overrides both.
pub fn rounds(rounds: u32, long_rounds: u32) -> u32 {
    let given = std::env::var("NILOMETER_ROUNDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(if long() { long_rounds } else { rounds })
}

/// Writes a table of results to `docs/results/NAME.md`, in long runs only.
pub fn record(name: &str, markdown: &str) {
    println!("{markdown}");
    if !long() {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results");
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(format!("{name}.md")), with_origin(markdown)));
    written.expect("docs/results can be written");
}

/// A table with the machine, the commit and the day below its heading.
fn with_origin(markdown: &str) -> String {
    let told = |program: &str, arguments: &[&str]| {
        let output =
            std::process::Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
        if text.is_empty() { "unknown".to_owned() } else { text }
    };
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (commit, day) = (told("git", &["rev-parse", "--short", "HEAD"]), told("date", &["-u", "+%F"]));
    let (heading, rest) = markdown.split_once("\n\n").unwrap_or((markdown, ""));
    format!("{heading}\n\n{cores} cores ({model}); commit {commit}; {day}.\n\n{}\n", rest.trim_end())
}

/// Says that a part of the tests was not done, and why; also where the output of tests that pass is not shown.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// A small collection for tests, public or hidden.
pub fn collection(id: &str, access: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.1.0", "id": id, "title": format!("Title of {id}"),
        "description": format!("Description of {id}"), "license": "CC0-1.0", "nilometer:access": access, "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}},
    })
}

/// A small item for tests: a point, a moment, some properties.
pub fn item(collection: &str, id: &str, lon: f64, lat: f64, datetime: &str, properties: Value) -> Value {
    let mut all = json!({"datetime": datetime});
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), properties) {
        all.extend(more);
    }
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection,
        "geometry": {"type": "Point", "coordinates": [lon, lat]}, "bbox": [lon, lat, lon, lat],
        "properties": all, "links": [], "assets": {},
    })
}
