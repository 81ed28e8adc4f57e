//! `nilometer search`: the question of `GET /search`, asked of the files.

use std::io::{ErrorKind, StdoutLock, Write as _};
use std::process::ExitCode;

use clap::Args;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_query::Page;
use nilometer_query::parse;
use nilometer_schemas::{Dialect, Instant, Role, Scope, Search};
use serde_json::Value;

use super::Outcome;
use super::out::say;
use crate::config::Config;
use crate::exports::{self, Format, Order, Shape, Sink};
use crate::problem::ApiError;

/// Searches a catalogue with the parameters of GET /search; works beside a running server
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  nilometer search --data water --q Nile
  nilometer search --data water --bbox -10,35,5,45 --datetime 2024-01-01T00:00:00Z/.. --limit 5
  nilometer search --data water --collections stations --filter \"country = 'FR' AND area_km2 > 100\" --sortby -area_km2
  nilometer search --data water --ids A1,A2 --json > found.geojson
  nilometer search --data water --collections stations --format geoparquet > stations.parquet"
)]
pub(super) struct Arguments {
    /// Box: west,south,east,north in degrees; west > east crosses the antimeridian
    #[arg(long, allow_hyphen_values = true)]
    bbox: Option<String>,
    /// Moment or period in RFC 3339: 2024-01-01T00:00:00Z, A/B, A/.. or ../B
    #[arg(long)]
    datetime: Option<String>,
    /// Collection ids, separated by commas
    #[arg(long)]
    collections: Option<String>,
    /// Item ids, separated by commas
    #[arg(long)]
    ids: Option<String>,
    /// GeoJSON geometry to share a point with
    #[arg(long)]
    intersects: Option<String>,
    /// Stored places to share a point with: COLLECTION.ID, separated by commas
    #[arg(long)]
    intersects_refs: Option<String>,
    /// Condition in CQL2
    #[arg(long)]
    filter: Option<String>,
    /// Language of the condition: cql2-text or cql2-json
    #[arg(long, requires = "filter")]
    filter_lang: Option<String>,
    /// Words
    #[arg(long)]
    q: Option<String>,
    /// Order: property, or -property for largest first, separated by commas
    #[arg(long, allow_hyphen_values = true)]
    sortby: Option<String>,
    /// Most items to print
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Where to go on: what the run before printed as next token
    #[arg(long)]
    token: Option<String>,
    /// Print a GeoJSON FeatureCollection
    #[arg(long)]
    json: bool,
    /// Write all items that match, in this format: geojson, ndjson, csv, geoparquet or arrow
    #[arg(long, value_parser = format, conflicts_with_all = ["json", "limit", "token"])]
    format: Option<Format>,
}

fn format(text: &str) -> Result<Format, String> {
    Format::of_label(text).map_err(|problem| problem.to_string())
}

impl Arguments {
    fn pairs(&self) -> Vec<(String, String)> {
        let named = [
            ("bbox", &self.bbox),
            ("datetime", &self.datetime),
            ("collections", &self.collections),
            ("ids", &self.ids),
            ("intersects", &self.intersects),
            ("intersectsRefs", &self.intersects_refs),
            ("filter", &self.filter),
            ("filter-lang", &self.filter_lang),
            ("q", &self.q),
            ("sortby", &self.sortby),
            ("token", &self.token),
        ];
        let mut pairs: Vec<(String, String)> =
            named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
        pairs.push(("limit".into(), self.limit.to_string()));
        pairs
    }
}

/// Whoever can read the files sees everything in them, so the scope is an operator's.
pub(super) fn run(arguments: Arguments, config: &Config) -> Outcome {
    let catalog = super::maintain::open_for_reading(config)?;
    let search = parse::from_query(&arguments.pairs(), Dialect::Stac, &[])?.search;
    if let Some(format) = arguments.format {
        return write_all(&catalog.snapshot(), &search, format);
    }
    let page = nilometer_query::search(&catalog.snapshot(), &search, Scope::of(Role::Operator))?;
    if arguments.json {
        say!("{}", feature_collection(&page));
        return Ok(ExitCode::SUCCESS);
    }
    for item in &page.items {
        say!("{}", line(item));
    }
    for word in &page.widened {
        say!("no item has the word {:?}; taken for it: {}", word.word, word.taken.join(", "));
    }
    say!("{} of {} items", page.items.len(), page.number_matched);
    if let Some(token) = &page.next {
        say!("next: --token {token}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the whole result to the standard output. A reader that has enough ends it.
fn write_all(snapshot: &Snapshot, search: &Search, format: Format) -> Outcome {
    let scope = Scope::of(Role::Operator);
    let describe = |id: &str| {
        let stored = snapshot.collection(id, scope)?;
        Some(Value::Object(stored.collection.body.clone()))
    };
    let order = Order { format, shape: Shape::new(None, None), links: Vec::new(), describe: &describe };
    let mut out = Output { out: std::io::stdout().lock(), failure: None };
    let found = exports::find(snapshot, search, scope).map_err(told)?;
    exports::write(found, order, &mut out).map_err(told)?;
    match out.failure {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What is said of a failure at the terminal, where there is no log beside.
fn told(error: ApiError) -> Box<dyn std::error::Error> {
    error.cause().map_or_else(|| error.problem().clone().into(), Into::into)
}

struct Output {
    out: StdoutLock<'static>,
    failure: Option<std::io::Error>,
}

impl Sink for Output {
    fn send(&mut self, piece: Vec<u8>) -> bool {
        self.failure = self.out.write_all(&piece).and_then(|()| self.out.flush()).err();
        self.is_open()
    }

    fn is_open(&self) -> bool {
        self.failure.is_none()
    }
}

fn feature_collection(page: &Page) -> String {
    let mut out = b"{\"type\":\"FeatureCollection\",\"features\":[".to_vec();
    for (i, item) in page.items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item.text.render(item.ingested, "", &mut out);
    }
    let tail = format!("],\"numberMatched\":{},\"numberReturned\":{}}}", page.number_matched, page.items.len());
    out.extend_from_slice(tail.as_bytes());
    String::from_utf8(out).expect("items are texts")
}

/// Collection, id, time and name of an item.
fn line(item: &StoredItem) -> String {
    let value: Value = serde_json::from_str(item.text.as_str()).unwrap_or_default();
    let property = |name: &str| value["properties"][name].as_str().unwrap_or_default().to_owned();
    // The start that stands for no date at all is none to show.
    let dated = |time: &String| !time.is_empty() && *time != Instant::UNDATED_START.to_string();
    let time = [property("datetime"), property("start_datetime")].into_iter().find(dated);
    let name = [property("title"), property("name")].into_iter().find(|t| !t.is_empty());
    let (time, name) = (time.unwrap_or_else(|| "-".into()), name.unwrap_or_default());
    format!("{}  {}  {time}  {name}", item.collection.as_str(), item.id.as_str()).trim_end().to_owned()
}
