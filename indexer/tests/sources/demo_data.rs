//! The demo data that the program carries.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use nilometer_indexer::source::{SourceKind, SourceOptions, demo, read_bytes};

use crate::support::*;

fn demo_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/demo")
}

#[test]
fn the_demo_files_hold_only_valid_records_and_stay_small() {
    let bytes = std::fs::read(demo_dir().join(demo::FILE)).unwrap();
    let mut got = Got::default();
    assert_eq!(read_bytes(demo::FILE, &bytes, &SourceOptions::default(), &mut got).unwrap(), SourceKind::StacLines);
    assert_eq!(got.rejections, []);
    let observations = std::fs::read_dir(demo_dir().join(demo::OBSERVATIONS)).unwrap();
    let observations: u64 = observations.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes.len() as u64 + observations < 12_000_000, "{} and {observations} bytes", bytes.len());
    assert!(got.items.len() > 17_000, "{}", got.items.len());
    let attribution = std::fs::read_to_string(demo_dir().join("ATTRIBUTION.md")).unwrap();
    let mut described: HashMap<&str, usize> = HashMap::new();
    for collection in &got.collections {
        *described.entry(collection.id.as_str()).or_default() += 1;
        assert!(attribution.contains(&format!("`{}`", collection.id)), "{} has no attribution", collection.id);
        assert_ne!(collection.title("fr"), collection.title("en"), "{}", collection.id);
        assert!(collection.body.contains_key("license") && collection.body.contains_key("providers"));
    }
    assert!(described.values().all(|count| *count == 1), "each collection is described once: {described:?}");
    assert!(got.items.iter().all(|item| described.contains_key(item.collection.as_str())));
    assert!(!described.contains_key("hydroweb-virtual-stations"), "not openly licensed");
}

#[test]
fn the_demo_is_what_the_converter_makes_of_the_open_files() {
    let Some(shared) = shared("demo") else { return };
    let made = demo::gather(&shared).unwrap();
    assert_eq!((made.items["hydat-stations"], made.items["swot-granules-seen"]), (8046, 170));
    let why = "14 names of simulations, a river without geometry, a lake year without lake, three wells without levels";
    assert_eq!(made.rejections.len(), 19, "{why}");
    assert_eq!((made.observations["camels-fr-stations"].num_rows(), made.observations.len()), (102_270, 13));
    for (collection, rows) in &made.observations {
        let mut kept = Got { known: [collection.clone()].into(), ..Got::default() };
        let path = demo_dir().join(demo::OBSERVATIONS).join(format!("{collection}.parquet"));
        let bytes = std::fs::read(&path).unwrap().leak();
        demo::read_observations(&format!("observations/{collection}.parquet"), bytes, &mut kept).unwrap();
        let parts: Vec<_> = kept.observations.into_iter().map(|o| o.rows).collect();
        let kept = arrow::compute::concat_batches(&parts[0].schema(), &parts).unwrap();
        assert!(kept.columns() == rows.columns(), "{collection}: run the example build_demo again");
    }
    let kept = zstd::decode_all(std::fs::File::open(demo_dir().join(demo::FILE)).unwrap()).unwrap();
    let kept = String::from_utf8(kept).unwrap();
    assert!(kept.lines().eq(made.lines.iter()), "run the example build_demo again");
}

#[test]
fn the_demo_file_holds_its_lines_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let demo = demo::Demo { lines: vec!["{\"a\":1}".into(), "{\"b\":2}".into()], ..demo::Demo::default() };
    let bytes = demo::build(&demo, dir.path()).unwrap();
    let written = std::fs::read(dir.path().join(demo::FILE)).unwrap();
    assert_eq!(
        (bytes, zstd::decode_all(written.as_slice()).unwrap()),
        (written.len() as u64, b"{\"a\":1}\n{\"b\":2}\n".to_vec())
    );
}
