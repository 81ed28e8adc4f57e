//! `nilometer demo`: fills a directory from data inside the binary.

use std::process::ExitCode;

use clap::Args;
use nilometer_indexer::source::{SourceOptions, read_bytes};

use super::Outcome;
use super::ingest::Ingest;
use crate::config::Config;

/// `(name, bytes)` of each file of the folder `demo`, collections first.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

/// Fills the data directory with demonstration data that the program carries, and exits
#[derive(Args)]
#[command(after_help = "\
Stations, places and satellite granules from open sources; see ATTRIBUTION.md. A second run changes nothing.

Example:
  nilometer demo --data water && nilometer serve --data water")]
pub(super) struct Arguments {}

pub(super) fn run(_: Arguments, config: &Config) -> Outcome {
    let mut ingest = Ingest::open(config, None)?;
    let total: u64 = FILES.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    ingest.expect_bytes(total);
    for (name, bytes) in FILES {
        let options = SourceOptions { existing_collections: ingest.existing_collections(), ..SourceOptions::default() };
        ingest.source(name, |sink| read_bytes(name, bytes, &options, sink))?;
    }
    let report = ingest.finish()?;
    report.print();
    // What the program carries is right, or the program is wrong.
    Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
