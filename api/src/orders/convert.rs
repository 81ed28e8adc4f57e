//! Zipped shapefiles in other formats, whole or in part.

use std::io::Write;
use std::path::Path;

use nilometer_indexer::source::{ShapefileRow, ZippedShapefile};
use nilometer_schemas::Problem;
use serde_json::Map;

use super::request::OutputFormat;
use super::subset::Part;
use crate::exports::{Format, Take, write_features};
use crate::problem::ApiError;

/// Columns that name a row, or say when it was: they are delivered with every choice of parameters.
const NAMING: [&str; 4] = ["time", "time_str", "river_name", "lake_name"];

/// Where the service keeps what it reads is nothing for those who ordered it.
fn without_path(error: ApiError, path: &Path) -> ApiError {
    let mut problem = error.problem().clone();
    problem.detail = problem.detail.replace(&format!("{}: ", path.display()), "");
    problem.into()
}

/// Writes a zipped shapefile in a format; blocks.
///
/// # Errors
/// `Invalid` for what is no zipped shapefile, `NotFound` for one without any of the parameters, `TooLarge` for a file too large,
/// and what writing fails with.
pub(super) fn convert(
    path: &Path,
    format: OutputFormat,
    part: &Part,
    out: &mut (dyn Write + Send),
) -> Result<(), ApiError> {
    let table = ZippedShapefile::open(path).map_err(|error| without_path(error.into(), path))?;
    let format = match format {
        OutputFormat::Csv => Format::Csv,
        OutputFormat::Geojson => Format::GeoJson,
        _ => Format::GeoParquet,
    };
    let mut columns = table.columns()?;
    if !columns.iter().any(|(name, _)| part.has_column(name)) {
        let detail = format!("the file has none of the parameters {}", part.parameters.join(", "));
        return Err(Problem::not_found("order-empty", detail).into());
    }
    let is_kept = |name: &str| name.ends_with("_id") || NAMING.contains(&name) || part.has_column(name);
    columns.retain(|(name, _)| is_kept(name));
    write_features(
        format,
        &columns,
        &|take: Take<'_>| {
            table.rows(&mut |row: ShapefileRow| {
                if !part.has_time(row.time) || !part.has_place(&row.geometry) {
                    return Ok(());
                }
                let columns: Map<_, _> = row.columns.into_iter().filter(|(name, _)| is_kept(name)).collect();
                take(row.geometry, columns)
            })
        },
        out,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_without_where_it_lies() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("broken.zip");
        std::fs::write(&path, "no archive").expect("written");
        let error = convert(&path, OutputFormat::Csv, &Part::default(), &mut Vec::new()).expect_err("refused");
        let detail = &error.problem().detail;
        assert!(!detail.contains("broken") && !detail.contains('/'), "{detail}");
    }
}
