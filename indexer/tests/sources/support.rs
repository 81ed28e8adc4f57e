//! A sink that keeps everything, and files made for tests.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use nilometer_indexer::Error;
use nilometer_indexer::source::{
    Observations, Record, Rejection, Sink, SourceKind, SourceOptions, read, read_bytes, recognise,
};
use nilometer_schemas::{Collection, Item, Kind, Problem};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Got {
    pub(crate) collections: Vec<Collection>,
    pub(crate) items: Vec<Item>,
    pub(crate) observations: Vec<Observations>,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) bytes: u64,
    pub(crate) known: HashSet<String>,
    pub(crate) stop_after: Option<usize>,
}

impl Sink for Got {
    fn record(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Collection(collection) => {
                self.known.insert(collection.id.as_str().to_owned());
                self.collections.push(*collection);
            }
            Record::Item(item) | Record::ItemIfAbsent(item) => {
                assert!(self.known.contains(item.collection.as_str()), "{} comes before its collection", item.id);
                self.items.push(*item);
            }
            Record::Observations(observations) => {
                assert!(
                    self.known.contains(observations.collection.as_str()),
                    "observations come before their collection"
                );
                self.observations.push(*observations);
            }
        }
        if self.stop_after == Some(self.items.len()) {
            return Err(Problem::new(Kind::StorageFull, "storage-full", "no room").into());
        }
        Ok(())
    }
    fn rejected(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }
    fn progress(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

impl Got {
    pub(crate) fn item(&self, collection: &str, id: &str) -> &Item {
        let found = self.items.iter().find(|i| i.collection.as_str() == collection && i.id.as_str() == id);
        found.unwrap_or_else(|| panic!("{collection}/{id} is not among {} items", self.items.len()))
    }
    pub(crate) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for item in &self.items {
            *counts.entry(item.collection.as_str()).or_default() += 1;
        }
        counts
    }
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.items.iter().map(|i| i.id.as_str()).collect()
    }
    pub(crate) fn collection_ids(&self) -> Vec<&str> {
        self.collections.iter().map(|c| c.id.as_str()).collect()
    }
}

pub(crate) fn read_path(path: &Path, options: &SourceOptions) -> (SourceKind, Got) {
    let mut got = Got::default();
    let kind = read(path, options, &mut got).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(recognise(path).unwrap(), kind);
    (kind, got)
}

pub(crate) fn read_text(name: &str, text: &str, options: &SourceOptions) -> (SourceKind, Got) {
    let mut got = Got::default();
    let kind = read_bytes(name, text.as_bytes(), options, &mut got).unwrap();
    (kind, got)
}

pub(crate) fn refused(name: &str, bytes: &[u8]) -> Problem {
    let mut got = Got::default();
    read_bytes(name, bytes, &SourceOptions::default(), &mut got).expect_err(name).problem()
}

pub(crate) fn stac_item(id: &str, collection: Option<&str>) -> Value {
    json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": collection, "assets": {}, "links": [],
           "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}, "properties": {"datetime": "2020-01-01T00:00:00Z"}})
}

/// The folder of real files, or a word that it is not there.
pub(crate) fn shared(test: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("NILOMETER_SHARED").map_or(beside, PathBuf::from).join("data");
    if shared.is_dir() {
        return Some(shared);
    }
    // Past what is kept back of tests that pass.
    let _ = writeln!(std::io::stderr(), "{test} skipped: shared data absent");
    None
}

pub(crate) fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) const STEM: &str = "SWOT_L2_HR_RiverSP_Reach_049_058_AU_20260419T185249_20260419T190852_PID0_01";
