//! Hooks our segment file into tantivy's flush and merge.

use std::any::Any;
use std::io::Write as _;
use std::sync::Arc;

use nilometer_schemas::IndexFields;
use tantivy::columnar::{ColumnarReader, DynamicColumn};
use tantivy::directory::TerminatingWrite as _;
use tantivy::index::{Segment, SegmentComponent, SegmentReader};
use tantivy::indexer::DocIdMapping;
use tantivy::plugin::{PluginMergeContext, PluginWriter, PluginWriterContext, SegmentPlugin};
use tantivy::schema::document::ErasedDocument;
use tantivy::schema::{Schema, Value as _};
use tantivy::{DocId, TantivyDocument, TantivyError};

use super::build::SegmentBuilder;
use super::data::{SegmentCore, SegmentData};
use super::row::Row;

/// Extension of our file in a segment.
pub const EXTENSION: &str = "nil";

fn component() -> SegmentComponent {
    SegmentComponent::Custom(EXTENSION.to_owned())
}

fn internal(detail: impl Into<String>) -> TantivyError {
    TantivyError::InternalError(detail.into())
}

/// Opens our file of a segment.
pub(crate) fn open_data(reader: &SegmentReader) -> tantivy::Result<SegmentCore> {
    let bytes = reader.open_read(component())?.read_bytes().map_err(TantivyError::from)?;
    let data = SegmentCore::open(bytes)
        .ok_or_else(|| internal(format!("the segment file of {} is damaged", reader.segment_id())))?;
    if data.docs() != reader.max_doc() {
        return Err(internal(format!(
            "the segment file of {} has {} documents, not {}",
            reader.segment_id(),
            data.docs(),
            reader.max_doc()
        )));
    }
    Ok(data)
}

/// The plug-in.
pub(crate) struct NilPlugin {
    pub(crate) fields: IndexFields,
}

impl SegmentPlugin for NilPlugin {
    fn extensions(&self) -> &[&str] {
        &[EXTENSION]
    }

    fn create_writer(&self, _: &PluginWriterContext<'_>) -> tantivy::Result<Box<dyn PluginWriter>> {
        Ok(Box::new(NilWriter { fields: self.fields, builder: SegmentBuilder::default() }))
    }

    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        let mut builder = SegmentBuilder::default();
        for reader in context.readers {
            let data = SegmentData::alone(open_data(reader)?);
            builder.add_segment(&data, |doc| !reader.is_deleted(doc));
        }
        write_file(context.target_segment, builder)
    }
}

/// Sequence numbers in the order of a segment whose built-in files are written: its `row` column. The permutation
/// itself is not accessible outside tantivy.
fn row_order(segment: &Segment, docs: u32) -> tantivy::Result<Vec<u64>> {
    let columns = ColumnarReader::open(segment.open_read(SegmentComponent::FastFields)?)?;
    let handle = columns.read_columns("row")?.into_iter().next().ok_or_else(|| internal("the segment has no rows"))?;
    let DynamicColumn::U64(rows) = handle.open()? else { return Err(internal("the rows are no u64")) };
    Ok((0..docs).filter_map(|doc| rows.first(doc)).collect())
}

fn write_file(segment: &Segment, builder: SegmentBuilder) -> tantivy::Result<()> {
    let order = if builder.len() == 0 { Vec::new() } else { row_order(segment, builder.len())? };
    let bytes = builder.finish(&order).map_err(internal)?;
    let mut write = segment.open_write(component())?;
    write.write_all(&bytes)?;
    write.terminate()?;
    Ok(())
}

struct NilWriter {
    fields: IndexFields,
    builder: SegmentBuilder,
}

impl PluginWriter for NilWriter {
    fn add_document(&mut self, _: DocId, doc: &dyn ErasedDocument, _: &Schema) -> tantivy::Result<()> {
        let doc =
            doc.as_any().downcast_ref::<TantivyDocument>().ok_or_else(|| internal("a document of an unknown kind"))?;
        let payload = doc.get_first(self.fields.payload);
        let row =
            payload.and_then(|v| Row::decode(v.as_custom()?)).ok_or_else(|| internal("a document without its row"))?;
        self.builder.add(row);
        Ok(())
    }

    fn serialize(self: Box<Self>, segment: &Segment, _: Option<&DocIdMapping>) -> tantivy::Result<()> {
        write_file(segment, self.builder)
    }

    fn mem_usage(&self) -> usize {
        self.builder.mem_usage()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// The plug-in, as tantivy takes it.
pub(crate) fn plugin(fields: IndexFields) -> Arc<dyn SegmentPlugin> {
    Arc::new(NilPlugin { fields })
}
