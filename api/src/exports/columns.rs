//! Rows as Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use nilometer_schemas::Instant;
use serde_json::Value;

use super::geometry::to_wkb;
use super::row::Row;
use super::schema::{Table, Type};

/// Name of the column of geometries.
pub(super) const GEOMETRY: &str = "geometry";
/// Name of the column of boxes.
pub(super) const BBOX: &str = "bbox";
/// Parts of a box.
pub(super) const BBOX_PARTS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];
/// Extension type of Arrow columns of well-known binary.
const GEOARROW_WKB: &str = "geoarrow.wkb";
/// Its reference system: WGS 84, longitude first.
const GEOARROW_CRS: &str = r#"{"crs":"OGC:CRS84","crs_type":"authority_code"}"#;
/// Metadata of a field that holds JSON texts.
const JSON_METADATA: (&str, &str) = ("nilometer:encoding", "json");
/// Time zone of all moments.
const UTC: &str = "UTC";

fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

impl Type {
    fn data_type(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Moment => moment(),
            Self::Unseen | Self::Text | Self::Json => DataType::Utf8,
            Self::List(inner) => DataType::List(inner.field("element")),
            Self::Object(members) => {
                DataType::Struct(members.iter().map(|(name, of)| of.field(name)).collect::<Fields>())
            }
            Self::Map(inner) => DataType::Map(entries(inner), false),
        }
    }

    fn field(&self, name: &str) -> FieldRef {
        let field = Field::new(name, self.data_type(), true);
        Arc::new(if *self == Self::Json {
            field.with_metadata([(JSON_METADATA.0.to_owned(), JSON_METADATA.1.to_owned())].into())
        } else {
            field
        })
    }

    /// The values as an array; a value of another type is null.
    fn array(&self, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
        let each = values.iter().copied();
        Ok(match self {
            Self::Bool => Arc::new(each.map(|value| value?.as_bool()).collect::<BooleanArray>()),
            Self::Int => Arc::new(each.map(|value| value?.as_i64()).collect::<Int64Array>()),
            Self::Float => Arc::new(each.map(|value| value?.as_f64()).collect::<Float64Array>()),
            Self::Moment => {
                let micros = each.map(|value| Some(Instant::parse(value?.as_str()?)?.0));
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone(UTC))
            }
            Self::Unseen | Self::Text => Arc::new(each.map(|value| value?.as_str()).collect::<StringArray>()),
            Self::Json => {
                let texts = each.map(|value| value.filter(|value| !value.is_null()).map(Value::to_string));
                Arc::new(texts.collect::<StringArray>())
            }
            Self::List(inner) => {
                let lists: Vec<Option<&Vec<Value>>> = each.map(|value| value?.as_array()).collect();
                let flat: Vec<Option<&Value>> = lists.iter().flatten().flat_map(|list| list.iter().map(Some)).collect();
                let (offsets, nulls) = layout(lists.iter().map(|list| list.map(Vec::len)));
                Arc::new(ListArray::try_new(inner.field("element"), offsets, inner.array(&flat)?, Some(nulls))?)
            }
            Self::Object(members) => {
                let objects: Vec<_> = each.map(|value| value?.as_object()).collect();
                let mut arrays = Vec::with_capacity(members.len());
                for (name, of) in members {
                    let values: Vec<Option<&Value>> = objects.iter().map(|object| (*object)?.get(name)).collect();
                    arrays.push(of.array(&values)?);
                }
                let nulls = NullBuffer::from_iter(objects.iter().map(Option::is_some));
                let fields = members.iter().map(|(name, of)| of.field(name)).collect::<Fields>();
                Arc::new(StructArray::try_new(fields, arrays, Some(nulls))?)
            }
            Self::Map(inner) => {
                let objects: Vec<_> = each.map(|value| value?.as_object()).collect();
                let pairs = || objects.iter().flatten().flat_map(|object| object.iter());
                let keys: StringArray = pairs().map(|(key, _)| Some(key.as_str())).collect();
                let values: Vec<Option<&Value>> = pairs().map(|(_, value)| Some(value)).collect();
                let (offsets, nulls) = layout(objects.iter().map(|object| object.map(|members| members.len())));
                let arrays: Vec<ArrayRef> = vec![Arc::new(keys), inner.array(&values)?];
                let whole = StructArray::try_new(pair_fields(inner), arrays, None)?;
                Arc::new(MapArray::try_new(entries(inner), offsets, whole, Some(nulls), false)?)
            }
        })
    }
}

/// Where each list begins, and which are there.
fn layout(lengths: impl Iterator<Item = Option<usize>> + Clone) -> (OffsetBuffer<i32>, NullBuffer) {
    let nulls = NullBuffer::from_iter(lengths.clone().map(|length| length.is_some()));
    (OffsetBuffer::from_lengths(lengths.map(Option::unwrap_or_default)), nulls)
}

fn pair_fields(inner: &Type) -> Fields {
    [Arc::new(Field::new("key", DataType::Utf8, false)), inner.field("value")].into_iter().collect()
}

fn entries(inner: &Type) -> FieldRef {
    Arc::new(Field::new("key_value", DataType::Struct(pair_fields(inner)), false))
}

fn bbox_fields() -> Fields {
    BBOX_PARTS.iter().map(|part| Arc::new(Field::new(*part, DataType::Float64, false))).collect()
}

/// Makes batches of a table's rows.
pub(super) struct Batches {
    table: Table,
    schema: SchemaRef,
}

impl Batches {
    /// `geoarrow` marks geometries as Arrow's readers know them.
    pub(super) fn new(table: Table, geoarrow: bool) -> Self {
        let mut fields: Vec<FieldRef> = table.columns.iter().map(|(name, of)| of.field(name)).collect();
        if table.has_geometry {
            let geometry = Field::new(GEOMETRY, DataType::Binary, true);
            let extension = [("ARROW:extension:name", GEOARROW_WKB), ("ARROW:extension:metadata", GEOARROW_CRS)];
            let extension = extension.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            fields.push(Arc::new(if geoarrow { geometry.with_metadata(extension) } else { geometry }));
        }
        if table.has_bbox {
            fields.push(Arc::new(Field::new(BBOX, DataType::Struct(bbox_fields()), true)));
        }
        Self { table, schema: Arc::new(Schema::new(fields)) }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows as a batch.
    pub(super) fn batch(&self, rows: Vec<Row>) -> Result<RecordBatch, ArrowError> {
        let count = rows.len();
        let mut geometries = Vec::with_capacity(count);
        let mut boxes: Vec<Option<[f64; 4]>> = Vec::with_capacity(count);
        let mut cells = Vec::with_capacity(count);
        for mut row in rows {
            geometries.push(row.geometry.take().and_then(|geometry| to_wkb(&geometry)));
            boxes.push(row.bbox.flatten());
            cells.push(self.table.cells(row));
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (at, (_, of)) in self.table.columns.iter().enumerate() {
            let values: Vec<Option<&Value>> = cells.iter().map(|row| row[at].as_ref()).collect();
            arrays.push(of.array(&values)?);
        }
        if self.table.has_geometry {
            arrays.push(Arc::new(BinaryArray::from_iter(geometries)));
        }
        if self.table.has_bbox {
            let part = |at: usize| -> ArrayRef {
                Arc::new(
                    boxes.iter().map(|numbers| numbers.map_or(0.0, |numbers| numbers[at])).collect::<Float64Array>(),
                )
            };
            let nulls = NullBuffer::from_iter(boxes.iter().map(Option::is_some));
            let parts = (0..BBOX_PARTS.len()).map(part).collect();
            arrays.push(Arc::new(StructArray::try_new(bbox_fields(), parts, Some(nulls))?));
        }
        // A table of which no member was asked for has rows all the same.
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}
