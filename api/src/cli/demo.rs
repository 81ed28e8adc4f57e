//! `nilometer demo`: fills a directory from data inside the binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use nilometer_indexer::Error;
use nilometer_indexer::orbit::{fingerprint, planned_passes};
use nilometer_indexer::source::{SourceOptions, demo, read_bytes};
use nilometer_schemas::{Role, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Outcome;
use super::ingest::{Ingest, Report};
use super::maintain::open_for_reading;
use super::out::say;
use crate::config::Config;
use crate::routes::ask::hex;

/// `(name, bytes)` of each file of the folder `demo`, collections first.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));
/// Tells in the data directory which demonstration data were loaded.
const MARKER: &str = "demo.json";

/// Fills the data directory with demonstration data that the program carries, and exits
#[derive(Args)]
#[command(after_help = "\
Stations, places and satellite granules from open sources, and all planned passes of SWOT, which are computed; see
ATTRIBUTION.md. A second run changes nothing.

Example:
  nilometer demo --data water && nilometer serve --data water")]
pub(super) struct Arguments {}

pub(super) fn run(_: Arguments, config: &Config) -> Outcome {
    let marker = config.data.join(MARKER);
    let content = content_hash();
    if in_place(config, &marker, &content) {
        say!("the demonstration data are in place already");
        return Ok(ExitCode::SUCCESS);
    }
    let mut ingest = Ingest::open(config, None)?;
    let total: u64 = FILES.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    ingest.expect_bytes(total);
    for (name, bytes) in FILES {
        let options = SourceOptions { existing_collections: ingest.existing_collections(), ..SourceOptions::default() };
        if name.ends_with(".parquet") {
            ingest.source(name, |sink| demo::read_observations(name, bytes, sink))?;
        } else {
            ingest.source(name, |sink| read_bytes(name, bytes, &options, sink))?;
        }
    }
    ingest.source("planned passes", |sink| planned_passes(sink).map(|()| "computed from the science orbit of SWOT"))?;
    let report = ingest.finish()?;
    report.print();
    if report.rejected > 0 {
        // What the program carries is right, or the program is wrong.
        return Ok(ExitCode::FAILURE);
    }
    remember(&marker, &content, &report)?;
    Ok(ExitCode::SUCCESS)
}

/// Changes whenever a run would load something else.
fn content_hash() -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in FILES {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.update(fingerprint());
    hex(&hash.finalize())
}

/// Whether these very data were loaded, and none of their collections has lost items since.
fn in_place(config: &Config, marker: &Path, content: &str) -> bool {
    let Some(known) = std::fs::read(marker).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok()) else {
        return false;
    };
    let Ok(catalog) = open_for_reading(config) else { return false };
    let snapshot = catalog.snapshot();
    let present = |id: &str, items: &Value| {
        let there = snapshot.collection(id, Scope::of(Role::Operator)).is_some();
        there && items.as_u64().is_some_and(|items| snapshot.collection_stats(id).items >= items)
    };
    known["content"] == content
        && known["items"].as_object().is_some_and(|all| all.iter().all(|(id, items)| present(id, items)))
}

/// Writes the marker under another name first, so that it is whole or absent.
fn remember(marker: &Path, content: &str, report: &Report) -> Result<(), Error> {
    let items: BTreeMap<&str, u64> = report.accepted_by_collection();
    let text = json!({"content": content, "items": items}).to_string();
    let new = PathBuf::from(format!("{}.new", marker.display()));
    std::fs::write(&new, text).map_err(Error::io("write", &new))?;
    std::fs::rename(&new, marker).map_err(Error::io("rename", &new))
}
