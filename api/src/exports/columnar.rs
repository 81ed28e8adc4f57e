//! Items as stac-geoparquet 1.1 (on GeoParquet 1.1) and as a stream of Arrow batches with the same columns.
//!
//! Both hold in memory what is not written yet: the rows of a batch, and of Parquet a row group, compressed.

use std::sync::Arc;

use arrow::ipc::writer::StreamWriter;
use nilometer_indexer::StoredItem;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use super::columns::{BBOX, BBOX_PARTS, Batches, GEOMETRY};
use super::row::Row;
use super::schema::Table;
use super::{Shape, Writer};
use crate::problem::ApiError;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 2_048;
/// Bytes of items of a batch, beyond which it is written whatever its rows.
const BATCH_BYTES: usize = 4 << 20;
/// Rows of a row group at most.
const ROW_GROUP_ROWS: usize = 100_000;
/// Bytes of a row group, beyond which it is written.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// Version of GeoParquet.
const GEOPARQUET: &str = "1.1.0";
/// Version of the stac-geoparquet specification.
const STAC_GEOPARQUET: &str = "1.1.0";

/// Rows until they make a batch.
struct Pending {
    shape: Shape,
    batches: Batches,
    rows: Vec<Row>,
    bytes: usize,
}

impl Pending {
    fn new(shape: Shape, batches: Batches) -> Self {
        Self { shape, batches, rows: Vec::new(), bytes: 0 }
    }

    /// Adds an item; the rows are taken as soon as they are enough.
    fn add(&mut self, item: &StoredItem) -> Result<Option<arrow::array::RecordBatch>, ApiError> {
        self.rows.push(self.shape.row(item)?);
        self.bytes += item.text.as_str().len();
        if self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.take() } else { Ok(None) }
    }

    fn take(&mut self) -> Result<Option<arrow::array::RecordBatch>, ApiError> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        self.batches.batch(rows).map(Some).map_err(ApiError::internal)
    }
}

/// Writes Parquet.
pub(super) struct Parquet {
    pending: Pending,
    metadata: Vec<KeyValue>,
    /// From the beginning on.
    writer: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    /// With descriptions of the items' collections.
    pub(super) fn new(shape: Shape, table: Table, collections: Map<String, Value>) -> Self {
        let key = |name: &str, value: Value| KeyValue::new(name.to_owned(), value.to_string());
        let mut metadata =
            vec![key("stac-geoparquet", json!({"version": STAC_GEOPARQUET, "collections": collections}))];
        if table.has_geometry {
            metadata.push(key("geo", geo(&table)));
        }
        Self { pending: Pending::new(shape, Batches::new(table, false)), metadata, writer: None }
    }

    fn writer(&mut self) -> Result<&mut ArrowWriter<Vec<u8>>, ApiError> {
        self.writer.as_mut().ok_or_else(|| ApiError::internal("a Parquet file was not begun"))
    }
}

/// GeoParquet's metadata. The reference system is its default, CRS84. The box around all is left out where there are
/// heights, which it would have to hold as well.
pub(super) fn geo(table: &Table) -> Value {
    let mut column = json!({"encoding": "WKB", "geometry_types": table.geometry_types});
    let has_heights = table.geometry_types.iter().any(|of| of.ends_with(" Z"));
    if let Some(bounds) = table.bounds.filter(|_| !has_heights) {
        column["bbox"] = json!(bounds);
    }
    // Readers choose rows by it, and there is nothing to choose by where no row has one.
    if table.has_bbox && table.bounds.is_some() {
        let parts: Map<String, Value> =
            BBOX_PARTS.iter().map(|part| ((*part).to_owned(), json!([BBOX, part]))).collect();
        column["covering"] = json!({"bbox": parts});
    }
    json!({"version": GEOPARQUET, "primary_column": GEOMETRY, "columns": {GEOMETRY: column}})
}

impl Writer for Parquet {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_key_value_metadata(Some(std::mem::take(&mut self.metadata)))
            .build();
        let schema = Arc::clone(self.pending.batches.schema());
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(ApiError::internal)?;
        out.append(writer.inner_mut());
        self.writer = Some(writer);
        Ok(())
    }

    fn item(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Some(batch) = self.pending.add(item)? else { return Ok(()) };
        let writer = self.writer()?;
        writer.write(&batch).map_err(ApiError::internal)?;
        if writer.in_progress_size() >= ROW_GROUP_BYTES {
            writer.flush().map_err(ApiError::internal)?;
        }
        // The writer counts its bytes itself, so that those already written may be taken away.
        out.append(writer.inner_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let last = self.pending.take()?;
        let writer = self.writer()?;
        if let Some(batch) = last {
            writer.write(&batch).map_err(ApiError::internal)?;
        }
        writer.finish().map_err(ApiError::internal)?;
        out.append(writer.inner_mut());
        Ok(())
    }
}

/// Writes Arrow's stream format.
pub(super) struct Arrow {
    pending: Pending,
    /// From the beginning on.
    writer: Option<StreamWriter<Vec<u8>>>,
}

impl Arrow {
    pub(super) fn new(shape: Shape, table: Table) -> Self {
        Self { pending: Pending::new(shape, Batches::new(table, true)), writer: None }
    }

    fn writer(&mut self) -> Result<&mut StreamWriter<Vec<u8>>, ApiError> {
        self.writer.as_mut().ok_or_else(|| ApiError::internal("an Arrow stream was not begun"))
    }
}

impl Writer for Arrow {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let schema = self.pending.batches.schema();
        let mut writer = StreamWriter::try_new(Vec::new(), schema).map_err(ApiError::internal)?;
        out.append(writer.get_mut());
        self.writer = Some(writer);
        Ok(())
    }

    fn item(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Some(batch) = self.pending.add(item)? else { return Ok(()) };
        let writer = self.writer()?;
        writer.write(&batch).map_err(ApiError::internal)?;
        out.append(writer.get_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let last = self.pending.take()?;
        let writer = self.writer()?;
        if let Some(batch) = last {
            writer.write(&batch).map_err(ApiError::internal)?;
        }
        writer.finish().map_err(ApiError::internal)?;
        out.append(writer.get_mut());
        Ok(())
    }
}
