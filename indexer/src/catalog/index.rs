//! The tantivy index beside the log: opening it, what a commit records, and turning items into documents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use nilometer_schemas::{FORMAT_VERSION, IndexFields, Item, index_schema};
use serde::{Deserialize, Serialize};
use tantivy::indexer::{LogMergePolicy, MergePolicy};
use tantivy::{Index, IndexBuilder, IndexSettings, IndexSortByField, IndexWriter, Order, TantivyDocument};

use super::directory::CheckpointDirectory;
use super::tokens;
use crate::Error;
use crate::segment::{self, Row};

/// What a commit says of itself, in the payload of `meta.json`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct CommitPayload {
    /// Version of the on-disk layout.
    pub(crate) format: u32,
    /// Every write up to this sequence number is in the index.
    pub(crate) seq: u64,
    /// Sequence number of each collection's record in the log.
    pub(crate) collections: BTreeMap<String, u64>,
    /// Sequence number of the newest record of each collection's observations.
    #[serde(default)]
    pub(crate) series: BTreeMap<String, u64>,
}

impl CommitPayload {
    pub(crate) fn empty() -> Self {
        Self { format: FORMAT_VERSION, seq: 0, collections: BTreeMap::new(), series: BTreeMap::new() }
    }
}

/// Name of the file that tells the layout's version, in `catalog/`.
const FORMAT_FILE: &str = "FORMAT";

/// The folders of a catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
}

impl Layout {
    /// The catalogue below a data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self { root: data.join("catalog") }
    }

    /// The data folder around it.
    pub(crate) fn data(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("writer.lock")
    }

    fn format(&self) -> PathBuf {
        self.root.join(FORMAT_FILE)
    }

    /// The version line that the files have, to the letter; `None` in an empty folder.
    pub(crate) fn version(&self) -> Result<Option<String>, Error> {
        match std::fs::read_to_string(self.format()) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", self.format())(e)),
        }
    }

    /// Marks the folder with our version, whatever it had: for an index that is built anew. The log's own version
    /// stands in its files.
    pub(crate) fn reset_version(&self) -> Result<(), Error> {
        match std::fs::remove_file(self.format()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", self.format())(e)),
            _ => self.check_version(true),
        }
    }

    /// Refuses files of another version; marks an empty folder with ours.
    pub(crate) fn check_version(&self, create: bool) -> Result<(), Error> {
        let ours = format!("nilometer catalog {FORMAT_VERSION}\n");
        match self.version()? {
            Some(found) if found == ours => Ok(()),
            Some(found) => {
                let found = format!("{:?}", found.trim_end_matches('\n'));
                Err(Error::Format { path: self.root.clone(), found, expected: FORMAT_VERSION })
            }
            None if create => {
                let part = self.format().with_extension("part");
                let write = || {
                    let mut file = File::create(&part)?;
                    file.write_all(ours.as_bytes())?;
                    file.sync_all()?;
                    std::fs::rename(&part, self.format())
                };
                write().map_err(Error::io("write", self.format()))?;
                super::log::sync_dir(&self.root)
            }
            None => Err(Error::Damaged { path: self.root.clone(), detail: "there is no catalogue in it".into() }),
        }
    }
}

/// An opened index.
pub(crate) struct OpenIndex {
    pub(crate) index: Index,
    pub(crate) fields: IndexFields,
    pub(crate) directory: CheckpointDirectory,
}

/// Opens the index; for writing, an empty one is created where there is none, and the leavings of a crash removed.
pub(crate) fn open_index(dir: &Path, write: bool) -> Result<OpenIndex, Error> {
    let (schema, fields) = index_schema();
    let directory = if write { CheckpointDirectory::open_for_writing(dir)? } else { CheckpointDirectory::open(dir)? };
    let exists = Index::exists(&directory).map_err(tantivy::TantivyError::from)?;
    let index = if exists {
        let mut index = Index::open(directory.clone())?;
        index.register_plugin(segment::plugin(fields));
        index
    } else if write {
        let settings = IndexSettings {
            sort_by_field: Some(IndexSortByField { field: "hilbert".into(), order: Order::Asc }),
            ..IndexSettings::default()
        };
        let builder = IndexBuilder::default().schema(schema.clone()).settings(settings);
        let index = builder.register_plugin(segment::plugin(fields)).open_or_create(directory.clone())?;
        directory.checkpoint()?;
        index
    } else {
        return Err(Error::Damaged { path: dir.to_owned(), detail: "there is no index in it".into() });
    };
    if index.schema() != schema {
        return Err(Error::Format { path: dir.to_owned(), found: "another schema".into(), expected: FORMAT_VERSION });
    }
    tokens::register(&index);
    Ok(OpenIndex { index, fields, directory })
}

/// What the newest commit says; empty before the first.
pub(crate) fn load_payload(index: &Index, dir: &Path) -> Result<CommitPayload, Error> {
    let Some(payload) = index.load_metas()?.payload else { return Ok(CommitPayload::empty()) };
    let payload: CommitPayload = serde_json::from_str(&payload)
        .map_err(|e| Error::Damaged { path: dir.to_owned(), detail: format!("the commit's payload: {e}") })?;
    if payload.format != FORMAT_VERSION {
        return Err(Error::Format {
            path: dir.to_owned(),
            found: payload.format.to_string(),
            expected: FORMAT_VERSION,
        });
    }
    Ok(payload)
}

/// A writer with our merge policy.
pub(crate) fn open_writer(index: &Index, memory_bytes: usize) -> Result<IndexWriter, Error> {
    let writer: IndexWriter = index.writer_with_num_threads(1, memory_bytes.max(15_000_000))?;
    // A new writer counts on from the number of the last commit, and gives that number to its first operation too. A
    // merge that begins before the next commit then takes a first delete for one that the commit has done already: it
    // skips the segments whose deletes are of that commit, and the deleted document is back. An empty run takes the number.
    writer.run([])?;
    writer.set_merge_policy(merge_policy());
    Ok(writer)
}

/// Merges eight segments of a size; a segment with three in ten documents deleted is rewritten.
pub(crate) fn merge_policy() -> Box<dyn MergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(8);
    policy.set_max_docs_before_merge(4_000_000);
    policy.set_del_docs_ratio_before_merge(0.3);
    Box::new(policy)
}

/// The document of an item, with its row for the plug-in.
pub(crate) fn document(item: &Item, row: &Row, fields: &IndexFields) -> TantivyDocument {
    let mut doc = TantivyDocument::new();
    doc.add_u64(fields.row, row.seq);
    doc.add_u64(fields.hilbert, row.hilbert());
    let id = item.id.as_str();
    for name in item.names().chain([id]) {
        doc.add_text(fields.title, name);
        doc.add_text(fields.names, name);
    }
    for text in item.names().chain(item.described()).chain([id]) {
        doc.add_text(fields.words, text);
        fields.stems.iter().for_each(|stems| doc.add_text(*stems, text));
    }
    doc.add_custom(fields.payload, &row.encode());
    doc
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn add(writer: &IndexWriter, seq: u64, fields: &IndexFields) {
        let text = format!(
            r#"{{"type":"Feature","stac_version":"1.1.0","id":"i{seq}","collection":"c","geometry":null,
                "properties":{{"datetime":"2024-05-01T00:00:00Z"}},"links":[],"assets":{{}}}}"#
        );
        let item = Item::parse(&text, None).unwrap();
        let row = Row::of(&item, seq, nilometer_schemas::Instant(0));
        writer.add_document(document(&item, &row, fields)).unwrap();
    }

    /// A crash can leave an index whose next merge is due, with deletes of its last commit in one of the segments.
    #[test]
    fn the_first_delete_of_a_new_writer_survives_a_merge_under_way() {
        let dir = tempfile::tempdir().unwrap();
        let OpenIndex { index, fields, .. } = open_index(dir.path(), true).unwrap();
        let delete = |writer: &IndexWriter, seq| writer.delete_term(tantivy::Term::from_field_u64(fields.row, seq));
        let mut writer = open_writer(&index, 0).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        for segment in [0..20, 20..26] {
            segment.for_each(|seq| add(&writer, seq, &fields));
            writer.commit().unwrap();
        }
        // Half of the small segment goes with the last commit, so that a merge is due.
        (20..23).for_each(|seq| assert!(delete(&writer, seq) > 0));
        writer.commit().unwrap();
        drop(writer);
        let mut writer = open_writer(&index, 0).unwrap();
        delete(&writer, 23);
        add(&writer, 26, &fields);
        writer.commit().unwrap();
        writer.wait_merging_threads().unwrap();
        let searcher = index.reader().unwrap().searcher();
        assert_eq!(searcher.num_docs(), 20 + 2 + 1, "live documents");
        assert_eq!(searcher.segment_readers().len(), 2, "the two old segments were merged");
    }

    #[test]
    fn every_flipped_bit_of_the_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::of(dir.path());
        std::fs::create_dir_all(&layout.root).unwrap();
        layout.check_version(true).unwrap();
        let good = std::fs::read(layout.format()).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(layout.format(), bad).unwrap();
            assert!(layout.check_version(false).is_err() && layout.check_version(true).is_err(), "bit {bit}");
        }
        std::fs::write(layout.format(), good).unwrap();
        layout.check_version(false).unwrap();
    }
}
