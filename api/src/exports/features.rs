//! Features that are no items, such as the rows of a shapefile, as GeoJSON, CSV or GeoParquet.
//!
//! They are read twice where the format is a table: once to learn its columns, once to write it.

use std::io::{self, Write};

use nilometer_schemas::{ParameterType, Problem};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use super::Format;
use super::columnar::geo;
use super::columns::{Batches, GEOMETRY};
use super::csv::{cell, field};
use super::geometry::to_wkt;
use super::row::{Row, column_name};
use super::schema::Schema;
use crate::problem::ApiError;

/// Rows of a batch.
const BATCH_ROWS: usize = 2_048;
/// Rows of a row group at most.
const ROW_GROUP_ROWS: usize = 100_000;

/// Takes a feature: its geometry and properties.
pub(crate) type Take<'a> = &'a mut dyn FnMut(Value, Map<String, Value>) -> Result<(), ApiError>;
/// Hands on all features, the same ones each time.
pub(crate) type Features<'a> = &'a dyn Fn(Take<'_>) -> Result<(), ApiError>;

fn failure(error: io::Error) -> ApiError {
    match error.downcast::<Problem>() {
        Ok(problem) => problem.into(),
        Err(error) => crate::files::write_failure(&error),
    }
}

/// Writes all features. `columns` are those of all of them, whatever each has: parts of one table, and tables of one kind, have
/// the same ones so.
///
/// # Errors
/// Those of `features`, and `StorageFull` or `Internal` where they cannot be written.
pub(crate) fn write_features(
    format: Format,
    columns: &[(String, ParameterType)],
    features: Features<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ApiError> {
    match format {
        Format::GeoJson | Format::Ndjson => geojson(features, out),
        Format::Csv => csv(columns, features, out),
        Format::GeoParquet | Format::Arrow => geoparquet(columns, features, out),
    }
}

fn geojson(features: Features<'_>, out: &mut (dyn Write + Send)) -> Result<(), ApiError> {
    out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[").map_err(failure)?;
    let mut is_first = true;
    features(&mut |geometry, properties| {
        out.write_all(if is_first { b"\n" } else { b",\n" }).map_err(failure)?;
        is_first = false;
        let feature = json!({"type": "Feature", "geometry": geometry, "properties": properties});
        out.write_all(feature.to_string().as_bytes()).map_err(failure)
    })?;
    out.write_all(b"\n]}\n").map_err(failure)
}

fn row(geometry: Value, properties: Map<String, Value>) -> Row {
    // A box of null is one to be made of the geometry.
    Row::new(json!({"geometry": geometry, "bbox": null, "properties": properties}))
}

fn csv(
    columns: &[(String, ParameterType)],
    features: Features<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ApiError> {
    let names = || columns.iter().map(|(name, _)| name);
    // Its own column is the last one.
    let own = |name: &String| if name == GEOMETRY { field(&column_name(name.clone())) } else { field(name) };
    let header: Vec<String> = names().map(own).chain([GEOMETRY.to_owned()]).collect();
    out.write_all(format!("{}\r\n", header.join(",")).as_bytes()).map_err(failure)?;
    features(&mut |geometry, properties| {
        let mut cells: Vec<String> = names().map(|name| properties.get(name).map(cell).unwrap_or_default()).collect();
        cells.push(to_wkt(&geometry).map(|text| field(&text)).unwrap_or_default());
        out.write_all(format!("{}\r\n", cells.join(",")).as_bytes()).map_err(failure)
    })
}

fn geoparquet(
    columns: &[(String, ParameterType)],
    features: Features<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ApiError> {
    let mut schema = Schema::of_features(columns);
    features(&mut |geometry, properties| {
        schema.see(&row(geometry, properties));
        Ok(())
    })?;
    let table = schema.finish();
    let metadata = table.has_geometry.then(|| vec![KeyValue::new("geo".to_owned(), geo(&table).to_string())]);
    let batches = Batches::new(table, false);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(metadata)
        .build();
    let mut writer =
        ArrowWriter::try_new(out, batches.schema().clone(), Some(properties)).map_err(ApiError::internal)?;
    let mut rows = Vec::with_capacity(BATCH_ROWS);
    features(&mut |geometry, properties| {
        rows.push(row(geometry, properties));
        if rows.len() == BATCH_ROWS {
            let batch = batches.batch(std::mem::take(&mut rows)).map_err(ApiError::internal)?;
            writer.write(&batch).map_err(ApiError::internal)?;
        }
        Ok(())
    })?;
    if !rows.is_empty() {
        let batch = batches.batch(rows).map_err(ApiError::internal)?;
        writer.write(&batch).map_err(ApiError::internal)?;
    }
    writer.close().map_err(ApiError::internal)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn two(take: Take<'_>) -> Result<(), ApiError> {
        for (x, name) in [(1.0, "a"), (2.0, "=b")] {
            let properties = json!({"reach_id": name, "wse": x, "note": null});
            let Value::Object(properties) = properties else { continue };
            take(json!({"type": "Point", "coordinates": [x, 5.0]}), properties)?;
        }
        Ok(())
    }

    fn written(format: Format, features: Features<'_>) -> Vec<u8> {
        let columns =
            [("reach_id", ParameterType::Text), ("wse", ParameterType::Number), ("note", ParameterType::Integer)]
                .map(|(name, of)| (name.to_owned(), of));
        let mut out = Vec::new();
        write_features(format, &columns, features, &mut out).expect("written");
        out
    }

    #[test]
    fn features_are_written_in_every_format_and_without_any_too() {
        let text = String::from_utf8(written(Format::Csv, &two)).expect("text");
        assert_eq!(text, "reach_id,wse,note,geometry\r\na,1.0,,POINT (1.0 5.0)\r\n'=b,2.0,,POINT (2.0 5.0)\r\n");
        let value: Value = serde_json::from_slice(&written(Format::GeoJson, &two)).expect("JSON");
        assert_eq!(value["features"][1]["properties"]["reach_id"], "=b");
        let bytes = bytes::Bytes::from(written(Format::GeoParquet, &two));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet");
        assert_eq!(reader.metadata().file_metadata().num_rows(), 2);
        let keys = reader.metadata().file_metadata().key_value_metadata().expect("metadata").clone();
        assert!(keys.iter().any(|key| key.key == "geo"));
        // Without any row the columns and their types are the same.
        let empty =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written(Format::GeoParquet, &|_| Ok(()))));
        let empty = empty.expect("Parquet");
        assert_eq!(empty.schema().fields(), reader.schema().fields());
        let keys = empty.metadata().file_metadata().key_value_metadata().expect("metadata").clone();
        assert!(keys.iter().any(|key| key.key == "geo"));
        let text = String::from_utf8(written(Format::Csv, &|_| Ok(()))).expect("text");
        assert_eq!(text, "reach_id,wse,note,geometry\r\n");
        let value: Value = serde_json::from_slice(&written(Format::GeoJson, &|_| Ok(()))).expect("JSON");
        assert_eq!(value["features"], json!([]));
    }

    #[test]
    fn columns_with_the_names_of_members_are_told_from_them() {
        let columns = ["type", "geometry", "bbox", "id"].map(|name| (name.to_owned(), ParameterType::Text));
        let one = |take: Take<'_>| {
            let properties = json!({"type": "gauge", "geometry": "flat", "bbox": "none", "id": "a"});
            let Value::Object(properties) = properties else { return Ok(()) };
            take(json!({"type": "Point", "coordinates": [1.0, 5.0]}), properties)
        };
        let written = |format: Format| {
            let mut out = Vec::new();
            write_features(format, &columns, &one, &mut out).expect("written");
            out
        };
        let text = String::from_utf8(written(Format::Csv)).expect("text");
        assert_eq!(text, "type,properties.geometry,bbox,id,geometry\r\ngauge,flat,none,a,POINT (1.0 5.0)\r\n");
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written(Format::GeoParquet)));
        let reader = reader.expect("Parquet");
        let mut names: Vec<&str> = reader.schema().fields().iter().map(|field| field.name().as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["bbox", "geometry", "properties.bbox", "properties.geometry", "properties.id", "properties.type"]
        );
    }
}
