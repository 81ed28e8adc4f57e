//! A whole result written in one of the formats of downloads: item by item, through pieces of bounded size.
//!
//! Formats of lines and text need one pass over the result. Tables need their columns first, so the result is read
//! twice, both times from one snapshot: once to learn what there is ([`schema`]), once to write it.

mod columnar;
mod columns;
mod csv;
mod features;
mod format;
mod geometry;
mod json;
mod row;
mod schema;
mod shape;

pub(crate) use features::{Take, write_features};
pub(crate) use format::{Format, attachment};
pub(crate) use shape::Shape;

use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_query::Whole;
use nilometer_schemas::{Scope, Search};
use serde_json::{Map, Value};

use crate::problem::ApiError;
use columnar::{Arrow, Parquet};
use csv::Csv;
use json::{GeoJson, Ndjson};
use schema::Schema;

/// Bytes of a piece that is handed on.
const PIECE_BYTES: usize = 256 << 10;
/// Items between two looks at whether anybody still reads, while the columns are learned.
const LOOK_ITEMS: u64 = 1_024;

/// Writes items in one format; what is ready for the reader is put at the end of `out`.
trait Writer {
    /// What stands before the first item.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError>;
    /// One item.
    fn item(&mut self, item: &StoredItem, out: &mut Vec<u8>) -> Result<(), ApiError>;
    /// What stands after the last item.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError>;
}

/// Where the pieces of a download go.
pub(crate) trait Sink {
    /// Takes a piece; `false` where nobody reads any more.
    fn send(&mut self, piece: Vec<u8>) -> bool;
    /// Whether somebody still reads.
    fn is_open(&self) -> bool;
}

/// The collections of a result as they are described in a file.
pub(crate) type Describe<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// What a download consists of, beside its items.
pub(crate) struct Order<'a> {
    /// The format.
    pub(crate) format: Format,
    /// How an item is answered.
    pub(crate) shape: Shape,
    /// Links of the document, where the format has some.
    pub(crate) links: Vec<Value>,
    /// Describes a collection.
    pub(crate) describe: Describe<'a>,
}

/// How a download ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was written.
    Complete,
    /// The reader went away.
    Abandoned,
}

/// Finds the whole result of a search. Its limit, token and page say nothing.
///
/// # Errors
/// As [`nilometer_query::search`].
pub(crate) fn find<'s>(snapshot: &'s Snapshot, search: &Search, scope: Scope) -> Result<Whole<'s>, ApiError> {
    Ok(Whole::new(snapshot, search, scope)?)
}

/// Writes a whole result.
///
/// # Errors
/// `Internal` where an item cannot be read or written. What was sent until then is a part, and must not look whole.
pub(crate) fn write(mut whole: Whole<'_>, order: Order<'_>, sink: &mut dyn Sink) -> Result<End, ApiError> {
    let Some(mut writer) = writer(&whole, order, &*sink)? else { return Ok(End::Abandoned) };
    let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
    writer.begin(&mut piece)?;
    for item in whole.by_ref() {
        writer.item(&item?, &mut piece)?;
        if piece.len() >= PIECE_BYTES {
            let full = std::mem::replace(&mut piece, Vec::with_capacity(2 * PIECE_BYTES));
            if !sink.send(full) {
                return Ok(End::Abandoned);
            }
        }
    }
    writer.finish(&mut piece)?;
    let is_read = piece.is_empty() || sink.send(piece);
    Ok(if is_read { End::Complete } else { End::Abandoned })
}

/// The writer of a format, which knows its columns where it has some; `None` where the reader went away meanwhile.
fn writer(whole: &Whole<'_>, order: Order<'_>, sink: &dyn Sink) -> Result<Option<Box<dyn Writer>>, ApiError> {
    let Order { format, mut shape, links, describe } = order;
    match format {
        Format::Ndjson => return Ok(Some(Box::new(Ndjson::new(shape)))),
        Format::GeoJson => return Ok(Some(Box::new(GeoJson::new(shape, whole.number_matched(), links)))),
        Format::Csv | Format::GeoParquet | Format::Arrow => {}
    }
    let mut schema = Schema::new(shape.is_whole());
    for (item, count) in whole.in_any_order().zip(1_u64..) {
        schema.see(&shape.row(&item?)?);
        if count.is_multiple_of(LOOK_ITEMS) && !sink.is_open() {
            return Ok(None);
        }
    }
    let collections: Map<String, Value> =
        schema.collections().filter_map(|id| Some((id.to_owned(), describe(id)?))).collect();
    let table = schema.finish();
    Ok(Some(match format {
        Format::Csv => Box::new(Csv::new(shape, table)),
        Format::Arrow => Box::new(Arrow::new(shape, table)),
        _ => Box::new(Parquet::new(shape, table, collections)),
    }))
}
