//! Where a table lies, and how its Parquet files are laid out: rows by feature and time, small pages with an index
//! over features and times, so that one feature's rows are a few pages.

use std::path::{Path, PathBuf};

use nilometer_schemas::observation::{FEATURE_COLUMN, INGESTED_COLUMN, OWN_COLUMNS, TIME_COLUMN, VERSION_ORDER_COLUMN};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use arrow::datatypes::{DataType, Schema};

/// Rows of one page: what is decoded at least to read one row.
pub const PAGE_ROWS: usize = 2_048;
/// Rows of one row group.
pub const ROW_GROUP_ROWS: usize = 128 << 10;
/// Longest folder name made of a collection's id; longer ones end in a hash.
const FOLDER_BYTES_MAX: usize = 160;

/// The folder of all tables below a data folder.
pub(crate) fn root(data_dir: &Path) -> PathBuf {
    data_dir.join("series")
}

/// The folder of a collection's table below a data folder.
pub(crate) fn dir_of(data_dir: &Path, collection: &str) -> PathBuf {
    root(data_dir).join(folder(collection))
}

/// The name of a collection's folder: its id where that is a plain name, else percent-encoded.
pub(crate) fn folder(collection: &str) -> String {
    let mut name = String::with_capacity(collection.len());
    for (at, byte) in collection.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || (at > 0 && matches!(byte, b'.' | b'_'));
        if plain {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > FOLDER_BYTES_MAX {
        let hash = blake3::hash(collection.as_bytes()).to_hex();
        name.truncate(FOLDER_BYTES_MAX - 33);
        name = format!("{name}~{}", &hash[..32]);
    }
    name
}

/// How the files of a table are written.
pub(crate) fn writer_properties(schema: &Schema) -> WriterProperties {
    let level = ZstdLevel::try_new(1).expect("1 is a level of zstd");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        // A cut feature id in the index would make its page look wider than it is.
        .set_column_index_truncate_length(None)
        .set_statistics_truncate_length(None)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in [FEATURE_COLUMN, TIME_COLUMN] {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::Page);
    }
    for column in [TIME_COLUMN, INGESTED_COLUMN, VERSION_ORDER_COLUMN] {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(column), false)
            .set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
    }
    for field in schema.fields().iter().filter(|f| !OWN_COLUMNS.contains(&f.name().as_str())) {
        let path = ColumnPath::from(field.name().as_str());
        let encoding = match field.data_type() {
            DataType::Float64 => Encoding::BYTE_STREAM_SPLIT,
            DataType::Int64 => Encoding::DELTA_BINARY_PACKED,
            // Texts repeat: the dictionary is on by default.
            _ => continue,
        };
        properties = properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding);
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_has_a_folder_of_its_own_that_is_no_other_place() {
        let long = "x".repeat(500);
        let names =
            ["lakes", "SWOT_L2_HR_RiverSP_reach_2.0", "_delta_log", ".x", "a/b", "../a", "é", &long, &long[1..]];
        let folders: std::collections::BTreeSet<String> = names.iter().map(|name| folder(name)).collect();
        assert_eq!(folders.len(), names.len());
        for folder in &folders {
            assert!(!folder.starts_with(['.', '_']) && !folder.contains('/') && folder.len() < 255, "{folder}");
        }
        assert_eq!(folder("SWOT_L2_HR_RiverSP_reach_2.0"), "SWOT_L2_HR_RiverSP_reach_2.0");
    }
}
