//! The tantivy schema of a segment. What is searched by place, time and value lives in our own segment
//! file, fed by the `row` field's payload; tantivy holds words, keys and the document order.

use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};

/// Version of the on-disk layout; an index of another version is refused and rebuilt from the log.
pub const FORMAT_VERSION: u32 = 1;
/// Name of the tokenizer that folds case and accents.
pub const FOLDED_TOKENIZER: &str = "folded";
/// Type name of the custom field that carries a document's encoded row to the segment plug-in.
pub const ROW_PAYLOAD_TYPE: &str = "nilometer_row";

/// The fields of [`index_schema`].
#[derive(Clone, Copy, Debug)]
pub struct IndexFields {
    /// Folded words with positions.
    pub words: Field,
    /// Log sequence of the document's write: unique, the term by which it is deleted, and what joins our files to
    /// tantivy's at merges.
    pub row: Field,
    /// Hilbert key of the geometry: the order of documents in a segment.
    pub hilbert: Field,
    /// Encoded row for the plug-in; not indexed by tantivy.
    pub payload: Field,
}

/// The schema and its fields.
pub fn index_schema() -> (Schema, IndexFields) {
    let mut builder = Schema::builder();
    let words = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(FOLDED_TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let fields = IndexFields {
        words: builder.add_text_field("words", words),
        row: builder.add_u64_field("row", INDEXED | FAST),
        hilbert: builder.add_u64_field("hilbert", FAST),
        payload: builder.add_custom_field("payload", ROW_PAYLOAD_TYPE, serde_json::json!({"version": FORMAT_VERSION})),
    };
    (builder.build(), fields)
}
