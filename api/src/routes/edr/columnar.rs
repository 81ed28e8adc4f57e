//! Series as Parquet and as a stream of Arrow batches, both written piece by piece.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::answer::Writer;
use crate::problem::ApiError;

/// Rows of one row group, which is held in memory until it is whole.
const ROW_GROUP_ROWS: usize = 100_000;

/// Writes Parquet, one row group at a time.
pub(super) struct Parquet {
    schema: SchemaRef,
    /// From the beginning on.
    writer: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    /// For an answer with these columns.
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self { schema, writer: None }
    }

    fn writer(&mut self) -> Result<&mut ArrowWriter<Vec<u8>>, ApiError> {
        self.writer.as_mut().ok_or_else(|| ApiError::internal("a Parquet file was not begun"))
    }
}

impl Writer for Parquet {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&self.schema), Some(properties));
        self.writer = Some(writer.map_err(ApiError::internal)?);
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let writer = self.writer()?;
        writer.write(batch).map_err(ApiError::internal)?;
        // The writer counts its bytes itself, so that those already written may be taken away.
        out.append(writer.inner_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let writer = self.writer()?;
        writer.finish().map_err(ApiError::internal)?;
        out.append(writer.inner_mut());
        Ok(())
    }
}

/// Writes Arrow's stream format.
pub(super) struct Arrow {
    schema: SchemaRef,
    /// From the beginning on.
    writer: Option<StreamWriter<Vec<u8>>>,
}

impl Arrow {
    /// For an answer with these columns.
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self { schema, writer: None }
    }

    fn writer(&mut self) -> Result<&mut StreamWriter<Vec<u8>>, ApiError> {
        self.writer.as_mut().ok_or_else(|| ApiError::internal("an Arrow stream was not begun"))
    }
}

impl Writer for Arrow {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        self.writer = Some(StreamWriter::try_new(Vec::new(), &self.schema).map_err(ApiError::internal)?);
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let writer = self.writer()?;
        writer.write(batch).map_err(ApiError::internal)?;
        out.append(writer.get_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let writer = self.writer()?;
        writer.finish().map_err(ApiError::internal)?;
        out.append(writer.get_mut());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::samples;
    use super::*;
    use arrow::ipc::reader::StreamReader;
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    /// All bytes, each batch taken out as soon as it was written.
    fn written(mut writer: impl Writer, batches: &[RecordBatch]) -> Vec<u8> {
        let mut all = Vec::new();
        let mut piece = Vec::new();
        writer.begin(&mut piece).expect("in memory");
        for batch in batches {
            writer.write(batch, &mut piece).expect("in memory");
            all.append(&mut piece);
        }
        writer.finish(&mut piece).expect("in memory");
        all.append(&mut piece);
        all
    }

    fn batches() -> Vec<RecordBatch> {
        let day =
            |i: u32| ("a", i, "", Some(f64::from(i) / 7.0), Some(i64::from(i)), i.is_multiple_of(2).then_some("even"));
        (0..40).map(|b| samples::rows(&(0..4_000).map(|i| day(b * 4_000 + i)).collect::<Vec<_>>(), &[])).collect()
    }

    #[test]
    fn what_was_written_in_pieces_is_read_back_whole_with_its_metadata() {
        let batches = batches();
        let schema = batches[0].schema();
        let all = arrow::compute::concat_batches(&schema, &batches).expect("one batch");
        let bytes = written(Parquet::new(Arc::clone(&schema)), &batches);
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).expect("a Parquet file");
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let wse = reader.schema().field_with_name("wse").expect("a column").clone();
        assert_eq!((wse.metadata()["unit"].as_str(), wse.metadata()["datum"].as_str()), ("m", "EGM2008"));
        let read: Vec<RecordBatch> = reader.build().expect("a reader").map(|b| b.expect("a batch")).collect();
        assert_eq!(arrow::compute::concat_batches(&schema, &read).expect("one batch"), all);

        let bytes = written(Arrow::new(Arc::clone(&schema)), &batches);
        let reader = StreamReader::try_new(bytes.as_slice(), None).expect("a stream");
        assert_eq!(reader.schema(), schema);
        let read: Vec<RecordBatch> = reader.map(|b| b.expect("a batch")).collect();
        assert_eq!(read, batches);
    }
}
