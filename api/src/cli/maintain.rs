//! `nilometer stats`, `check`, `reindex` and `compact`: looking after a catalogue.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use nilometer_indexer::Catalog;
use nilometer_schemas::{Role, Scope};
use serde_json::json;

use super::Outcome;
use super::out::say;
use crate::config::Config;
use crate::problem::chain;
use crate::state::system_clock;

/// Memory of the index writer for bulk work, bytes: larger segments at once, fewer merges.
const BULK_MEMORY_BYTES: usize = 256 << 20;
/// Folder of the catalogue in the data directory.
const CATALOG_DIR: &str = "catalog";
/// Records between two lines of progress.
const REINDEX_STEP: u64 = 100_000;

/// Shows what a catalogue holds and how much room it takes; works beside a running server
#[derive(Args)]
#[command(after_help = "Examples:\n  nilometer stats --data water\n  nilometer stats --data water --json")]
pub(super) struct Stats {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Verifies all checksums and invariants of a catalogue, its accounts and orders; exit code 1 if anything is wrong
#[derive(Args)]
#[command(after_help = "\
One line for each finding. A damaged index is rebuilt from the log by `nilometer reindex`.

Example:
  nilometer check --data water")]
pub(super) struct Check {}

/// Builds the index anew from the log; needs the server to be stopped
#[derive(Args)]
#[command(after_help = "\
Nothing acknowledged is lost: the log holds every record, the index is derived from it.

Example:
  nilometer reindex --data water")]
pub(super) struct Reindex {}

/// Drops dead records from the log and merges segments; needs the server to be stopped
#[derive(Args)]
#[command(after_help = "\
The change feed before the compaction is gone afterwards: /changes answers 410 there.

Example:
  nilometer compact --data water")]
pub(super) struct Compact {}

/// The data directory, which must hold a catalogue: a mistyped name is not created.
fn existing(config: &Config) -> Result<&Path, String> {
    if config.data.join(CATALOG_DIR).is_dir() {
        return Ok(&config.data);
    }
    Err(format!("there is no catalogue in {}; `nilometer demo` or `nilometer ingest` makes one", config.data.display()))
}

pub(super) fn open_for_reading(config: &Config) -> Result<Arc<Catalog>, Box<dyn std::error::Error>> {
    Ok(Catalog::open_read_only(existing(config)?)?)
}

pub(super) fn stats(arguments: Stats, config: &Config) -> Outcome {
    let catalog = open_for_reading(config)?;
    let stats = catalog.stats();
    let snapshot = catalog.snapshot();
    let collections: Vec<(String, u64)> = snapshot
        .collections(Scope::of(Role::Operator))
        .into_iter()
        .map(|c| (c.collection.id.as_str().to_owned(), snapshot.collection_stats(c.collection.id.as_str()).items))
        .collect();
    if arguments.json {
        let mut value = serde_json::to_value(&stats)?;
        value["items_by_collection"] = collections.iter().map(|(id, n)| (id.clone(), json!(n))).collect();
        say!("{value}");
        return Ok(ExitCode::SUCCESS);
    }
    say!("items        {}", stats.items);
    say!("collections  {}", stats.collections);
    say!("sequence     {} (changes kept after {})", stats.sequence, stats.retained_from);
    say!("segments     {} (with {} dead items)", stats.segments, stats.deleted);
    say!("observations {} in {} collections", stats.observations, stats.series);
    say!("series       {} bytes in {} files", stats.series_bytes, stats.series_files);
    say!("log          {} bytes", stats.log_bytes);
    say!("index        {} bytes", stats.index_bytes.values().sum::<u64>());
    for (component, bytes) in &stats.index_bytes {
        say!("  {component:10} {bytes}");
    }
    say!("items by collection");
    for (id, items) in collections {
        say!("  {items:10}  {id}");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(config: &Config) -> Outcome {
    // A catalogue that cannot be opened is a finding too: accounts and orders are still looked at.
    let mut findings = Catalog::check(existing(config)?).unwrap_or_else(|error| vec![chain(&error)]);
    let runtime = super::runtime()?;
    findings.extend(runtime.block_on(crate::accounts::check(&config.data)));
    findings.extend(runtime.block_on(crate::orders::check(&config.data)));
    for finding in &findings {
        say!("{finding}");
    }
    if findings.is_empty() {
        say!("no findings in {}", config.data.display());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} findings", findings.len());
    Ok(ExitCode::FAILURE)
}

pub(super) fn reindex(config: &Config) -> Outcome {
    let dir = existing(config)?;
    let (mut done, mut told) = (0, 0);
    Catalog::reindex(dir, config.catalog_options(), system_clock(), &mut |more| {
        done += more;
        if done >= told + REINDEX_STEP {
            told = done;
            eprintln!("{done} records");
        }
    })?;
    say!("the index in {} is rebuilt", dir.display());
    Ok(ExitCode::SUCCESS)
}

pub(super) fn compact(config: &Config) -> Outcome {
    existing(config)?;
    let catalog = open_for_writing(config)?;
    let before = catalog.stats();
    catalog.compact()?;
    catalog.optimize()?;
    let after = catalog.stats();
    say!("log {} -> {} bytes, segments {} -> {}", before.log_bytes, after.log_bytes, before.segments, after.segments);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn open_for_writing(config: &Config) -> Result<Arc<Catalog>, nilometer_indexer::Error> {
    let mut options = config.catalog_options();
    // A server writes small groups, for which the index writer's tables are filled anew each time; here they are large.
    options.writer_memory_bytes = options.writer_memory_bytes.max(BULK_MEMORY_BYTES);
    Catalog::open(&config.data, options, system_clock())
}
