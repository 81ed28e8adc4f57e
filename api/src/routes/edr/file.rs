//! The observations of one feature as a file: the newest version of each, all or a part.

use std::sync::Arc;

use nilometer_indexer::Snapshot;
use nilometer_query::series::{SeriesQuery, Versions, series};
use nilometer_schemas::{CollectionId, Problem, Scope, TimeInterval};

use super::answer::{Output, Pieces, Writer};
use super::columnar::{Arrow, Parquet};
use super::csv::Csv;
use super::format::Format;
use super::table::{Distances, Table};
use crate::problem::ApiError;

/// Which part of a feature's observations; the default is all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    /// Only those of this period.
    pub(crate) period: Option<TimeInterval>,
    /// Only these parameters; empty for all.
    pub(crate) parameters: Vec<String>,
}

/// The pieces of the file, to be written one after the other; none for a feature without observations. The same
/// observations give the same bytes.
///
/// # Errors
/// As [`series`]; `Invalid` for a format that is a document and no table.
pub(crate) fn file_of(
    snapshot: &Arc<Snapshot>,
    collection: &CollectionId,
    feature: &str,
    format: Format,
    scope: Scope,
    cut: Cut,
) -> Result<Pieces, ApiError> {
    let query = SeriesQuery {
        collection: collection.clone(),
        features: Some(vec![feature.to_owned()]),
        period: cut.period,
        parameters: cut.parameters,
        versions: Versions::Latest,
        resample: None,
    };
    let series = series(snapshot, &query, scope)?;
    let table = Table::new(&series.schema, &series.columns, Distances::new(), None)?;
    let schema = Arc::clone(table.schema());
    let writer: Box<dyn Writer> = match format {
        Format::Csv => Box::new(Csv::new(schema, series.columns.len())),
        Format::Parquet => Box::new(Parquet::new(schema)),
        Format::Arrow => Box::new(Arrow::new(schema)),
        Format::CoverageJson | Format::GeoJson => {
            return Err(Problem::invalid("format", "a series as a file is a table")
                .allowed("CSV, Parquet, Arrow")
                .into());
        }
    };
    Ok(Pieces::new(series.batches, Output::new(table, writer)))
}
