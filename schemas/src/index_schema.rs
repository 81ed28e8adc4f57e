//! The tantivy schema of a segment. What is searched by place, time and value lives in our own segment
//! file, fed by the `row` field's payload; tantivy holds words, keys and the document order.

use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};

/// Version of the on-disk layout; an index of another version is refused and rebuilt from the log.
pub const FORMAT_VERSION: u32 = 5;
/// Name of the tokenizer that folds case and accents.
pub const FOLDED_TOKENIZER: &str = "folded";
/// Name of the tokenizer that makes one token of a whole text, folded.
pub const NAME_TOKENIZER: &str = "name";
/// Names of the tokenizers that fold words and take them back to their stems.
pub const STEM_TOKENIZERS: [&str; 2] = ["folded_en", "folded_fr"];
/// Type name of the custom field that carries a document's encoded row to the segment plug-in.
pub const ROW_PAYLOAD_TYPE: &str = "nilometer_row";

/// The fields of [`index_schema`].
#[derive(Clone, Copy, Debug)]
pub struct IndexFields {
    /// Folded words of all texts and of the id, with positions.
    pub words: Field,
    /// Folded words of the names and of the id, with positions.
    pub title: Field,
    /// Names and the id, each one folded token.
    pub names: Field,
    /// Stems of all words that have forms, taken for English and for French ones, with positions.
    pub stems: [Field; 2],
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
    let text = |tokenizer: &str, option| {
        let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option);
        TextOptions::default().set_indexing_options(indexing)
    };
    let positions = IndexRecordOption::WithFreqsAndPositions;
    let [english, french] = STEM_TOKENIZERS.map(|name| text(name, positions));
    let fields = IndexFields {
        words: builder.add_text_field("words", text(FOLDED_TOKENIZER, positions)),
        title: builder.add_text_field("title", text(FOLDED_TOKENIZER, positions)),
        names: builder.add_text_field("names", text(NAME_TOKENIZER, IndexRecordOption::Basic)),
        stems: [builder.add_text_field("stems_en", english), builder.add_text_field("stems_fr", french)],
        row: builder.add_u64_field("row", INDEXED | FAST),
        hilbert: builder.add_u64_field("hilbert", FAST),
        payload: builder.add_custom_field("payload", ROW_PAYLOAD_TYPE, serde_json::json!({"version": FORMAT_VERSION})),
    };
    (builder.build(), fields)
}
