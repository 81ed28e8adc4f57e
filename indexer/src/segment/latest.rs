//! The latest values of the features in a segment, as property columns like any other: made from the side table of each
//! series when somebody asks for them, never stored, so that a new observation writes no segment anew.

use std::sync::{Arc, OnceLock};

use nilometer_schemas::Instant;
use tantivy::directory::OwnedBytes;

use super::column::{Column, ColumnBuilder, ColumnKind, ColumnMeta, ColumnPlace, Value};
use super::data::SegmentData;
use super::file::{SectionWriter, Sections};
use crate::series::{FeatureSummary, SeriesTables, Summaries};

/// What the names of latest values begin with: `latest:wse`, `latest:wse:time`, `latest:wse:count`.
pub const LATEST_PREFIX: &str = "latest:";
/// What the names of a feature's observations as a whole begin with: `observations:count`, `:first`, `:last`.
pub const OBSERVATIONS_PREFIX: &str = "observations:";

type Made = Option<(Sections, Vec<ColumnPlace>)>;

/// See the module.
pub(crate) struct LatestColumns {
    series: Arc<SeriesTables>,
    made: OnceLock<Made>,
}

impl LatestColumns {
    pub(crate) fn new(series: Arc<SeriesTables>) -> Self {
        Self { series, made: OnceLock::new() }
    }

    /// Whether a property can be one of these.
    pub(crate) fn has_name(name: &str) -> bool {
        name.starts_with(LATEST_PREFIX) || name.starts_with(OBSERVATIONS_PREFIX)
    }

    /// The columns for a segment.
    pub(crate) fn columns<'a>(&'a self, data: &'a SegmentData) -> impl Iterator<Item = Column<'a>> {
        let made = if self.series.is_empty() { None } else { self.made.get_or_init(|| self.make(data)).as_ref() };
        made.into_iter().flat_map(|(sections, places)| places.iter().map(|place| place.column(sections)))
    }

    /// `None` where no feature of the segment has observations.
    fn make(&self, data: &SegmentData) -> Made {
        let collections = data.column("collection", ColumnKind::Text)?;
        let mut of_doc = vec![0; data.docs() as usize];
        data.for_each_pair(&collections, |doc, code| of_doc[doc as usize] = code);
        let mut columns = Columns::default();
        for code in 0..collections.dictionary.len() as u32 {
            let Some(table) = self.series.get(collections.dictionary.text(code)) else { continue };
            let summaries = match table.summaries() {
                Ok(summaries) => summaries,
                Err(error) => {
                    tracing::error!(%error, collection = table.collection(), "the latest values cannot be read");
                    continue;
                }
            };
            for doc in (0..data.docs()).filter(|doc| of_doc[*doc as usize] == code) {
                if let Some(summary) = summaries.get(data.id_of(doc)) {
                    columns.add(doc, summary, &summaries);
                }
            }
        }
        columns.finish(data.docs(), &of_doc)
    }
}

/// The columns being made, by name.
#[derive(Default)]
struct Columns(Vec<(String, ColumnKind, ColumnBuilder)>);

impl Columns {
    fn put(&mut self, name: &str, doc: u32, value: &Value) {
        let kind = value.kind();
        let at = self.0.iter().position(|(n, k, _)| n == name && *k == kind).unwrap_or_else(|| {
            self.0.push((name.to_owned(), kind, ColumnBuilder::default()));
            self.0.len() - 1
        });
        self.0[at].2.add(doc, value);
    }

    fn add(&mut self, doc: u32, summary: &FeatureSummary, summaries: &Summaries) {
        let time = |micros: i64| Value::Text(Instant(micros).to_string());
        self.put("observations:count", doc, &Value::Number(summary.count as f64));
        self.put("observations:first", doc, &time(summary.first));
        self.put("observations:last", doc, &time(summary.last));
        for (name, latest) in summaries.parameters().iter().zip(&summary.latest).filter(|(_, l)| l.count > 0) {
            self.put(&format!("{LATEST_PREFIX}{name}"), doc, &Value::Number(latest.value));
            self.put(&format!("{LATEST_PREFIX}{name}:time"), doc, &time(latest.last));
            self.put(&format!("{LATEST_PREFIX}{name}:first"), doc, &time(latest.first));
            self.put(&format!("{LATEST_PREFIX}{name}:count"), doc, &Value::Number(latest.count as f64));
        }
    }

    fn finish(self, docs: u32, collection_of: &[u32]) -> Made {
        if self.0.is_empty() {
            return None;
        }
        let mut out = SectionWriter::default();
        let metas: Vec<ColumnMeta> = self
            .0
            .into_iter()
            .map(|(name, kind, builder)| builder.write(&name, kind, docs, |doc| doc, collection_of, &mut out))
            .collect();
        let bytes = out.finish(&metas).ok()?;
        let (sections, metas): (Sections, Vec<ColumnMeta>) = Sections::open(OwnedBytes::new(bytes))?;
        let places = metas.into_iter().map(|meta| ColumnPlace::find(meta, &sections)).collect::<Option<Vec<_>>>()?;
        Some((sections, places))
    }
}
