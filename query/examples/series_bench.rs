//! Times series in the store, without HTTP: `series_bench DIR COLLECTION PARAMETER FEATURES.json` prints one JSON object.
//!
//! FEATURES holds a list of lists of feature ids. Each list is one question; lists of one feature are asked for their
//! rows and for their monthly means, longer ones for their monthly means, and at the end all features for theirs.
//! Wall and CPU milliseconds a question; the questions and their order are the caller's, so that a peer gets the same.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use nilometer_indexer::{Catalog, Snapshot};
use nilometer_query::series::{Method, Resample, SeriesQuery, Step, Versions, series};
use nilometer_schemas::{CollectionId, Role, Scope};
use serde_json::{Value, json};

/// Repetitions of the question about all features.
const REPETITIONS_ALL: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, collection, parameter, features] = arguments.as_slice() else {
        return Err("series_bench DIR COLLECTION PARAMETER FEATURES.json".into());
    };
    let lists: Vec<Vec<String>> = serde_json::from_slice(&std::fs::read(features)?)?;
    let snapshot = Catalog::open_read_only(Path::new(dir))?.snapshot();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let mut bench = Bench {
        snapshot,
        runtime,
        query: SeriesQuery {
            collection: CollectionId::new(collection.as_str())?,
            features: None,
            period: None,
            parameters: vec![parameter.clone()],
            versions: Versions::Latest,
            resample: None,
        },
    };
    let one: Vec<&Vec<String>> = lists.iter().filter(|l| l.len() == 1).collect();
    let many: Vec<&Vec<String>> = lists.iter().filter(|l| l.len() > 1).collect();
    // The first question opens files and summaries; it is told apart.
    let first = bench.ask(Some(one[0]), false)?;
    let report = json!({
        "first question": first,
        "series, 1 feature": bench.all(&one, false)?,
        "month means, 1 feature": bench.all(&one, true)?,
        "month means, many features": bench.all(&many, true)?,
        "month means, all features": bench.repeat(REPETITIONS_ALL)?,
    });
    println!("{report:#}");
    Ok(())
}

struct Bench {
    snapshot: Arc<Snapshot>,
    runtime: tokio::runtime::Runtime,
    query: SeriesQuery,
}

/// What one question took, milliseconds, and the rows of its answer.
struct Took {
    wall: f64,
    cpu: f64,
    rows: usize,
}

impl Bench {
    fn ask(&mut self, features: Option<&Vec<String>>, months: bool) -> Result<Value, Box<dyn std::error::Error>> {
        let took = self.took(features, months)?;
        Ok(json!({"wall_ms": took.wall, "cpu_ms": took.cpu, "rows": took.rows}))
    }

    fn took(&mut self, features: Option<&Vec<String>>, months: bool) -> Result<Took, Box<dyn std::error::Error>> {
        self.query.features = features.cloned();
        let step = Step::parse("P1M").map_err(|e| e.to_string())?;
        self.query.resample = months.then(|| Resample { step, methods: vec![Method::Mean] });
        let (wall, cpu) = (std::time::Instant::now(), cpu_ms());
        let scope = Scope::of(Role::Operator);
        let answer = series(&self.snapshot, &self.query, scope).map_err(|e| e.to_string())?;
        let mut batches = answer.batches;
        let mut rows = 0;
        self.runtime.block_on(async {
            while let Some(batch) = batches.next().await {
                rows += batch.map_err(|e| e.to_string())?.num_rows();
            }
            Ok::<_, String>(())
        })?;
        Ok(Took { wall: wall.elapsed().as_secs_f64() * 1e3, cpu: cpu_ms() - cpu, rows })
    }

    fn all(&mut self, lists: &[&Vec<String>], months: bool) -> Result<Value, Box<dyn std::error::Error>> {
        let mut took = Vec::new();
        for features in lists {
            took.push(self.took(Some(features), months)?);
        }
        Ok(summary(&took))
    }

    fn repeat(&mut self, times: usize) -> Result<Value, Box<dyn std::error::Error>> {
        let mut took = Vec::new();
        for _ in 0..times {
            took.push(self.took(None, true)?);
        }
        Ok(summary(&took))
    }
}

fn summary(took: &[Took]) -> Value {
    let mut walls: Vec<f64> = took.iter().map(|t| t.wall).collect();
    walls.sort_by(f64::total_cmp);
    let at = |share: f64| walls.get(((walls.len() as f64 - 1.0) * share).round() as usize).copied();
    let cpu = took.iter().map(|t| t.cpu).sum::<f64>() / took.len().max(1) as f64;
    json!({
        "questions": took.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "cpu_ms": cpu,
        "rows": took.iter().map(|t| t.rows).sum::<usize>(),
    })
}

/// CPU time of the process so far, all threads: clock ticks of `/proc/self/stat`, of which a second has 100 on Linux.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or_default();
    let ticks: Vec<f64> = after.split(' ').skip(11).take(2).filter_map(|t| t.parse().ok()).collect();
    ticks.iter().sum::<f64>() * 10.0
}
