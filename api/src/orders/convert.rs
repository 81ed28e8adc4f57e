//! Zipped shapefiles in other formats, whole or in part.

use std::io::Write;
use std::path::Path;

use nilometer_indexer::source::{ShapefileRow, ZippedShapefile};
use serde_json::Map;

use super::request::OutputFormat;
use super::subset::Part;
use crate::exports::{Format, Take, write_features};
use crate::problem::ApiError;

/// Columns that name a row, or say when it was: they are delivered with every choice of parameters.
const NAMING: [&str; 4] = ["time", "time_str", "river_name", "lake_name"];

/// Writes a zipped shapefile in a format; blocks.
///
/// # Errors
/// `Invalid` for what is no zipped shapefile, `TooLarge` for one too large, and what writing fails with.
pub(super) fn convert(
    path: &Path,
    format: OutputFormat,
    part: &Part,
    out: &mut (dyn Write + Send),
) -> Result<(), ApiError> {
    let table = ZippedShapefile::open(path)?;
    let format = match format {
        OutputFormat::Csv => Format::Csv,
        OutputFormat::Geojson => Format::GeoJson,
        _ => Format::GeoParquet,
    };
    write_features(
        format,
        &|take: Take<'_>| {
            table.rows(&mut |row: ShapefileRow| {
                if !part.has_time(row.time) || !part.has_place(&row.geometry) {
                    return Ok(());
                }
                let is_kept = |name: &str| name.ends_with("_id") || NAMING.contains(&name) || part.has_column(name);
                let columns: Map<_, _> = row.columns.into_iter().filter(|(name, _)| is_kept(name)).collect();
                take(row.geometry, columns)
            })
        },
        out,
    )
}
