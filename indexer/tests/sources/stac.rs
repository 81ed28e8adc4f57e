//! STAC documents, NDJSON and static catalogues, and what is not understood at all.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;

use nilometer_indexer::Error;
use nilometer_indexer::source::{SourceKind, SourceOptions, read_bytes, recognise, size_bytes};
use nilometer_schemas::CollectionId;
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn each_line_of_ndjson_is_a_record_or_a_rejection_with_its_number() {
    let lines = [
        json!({"type": "Collection", "id": "a", "description": "A"}).to_string(),
        stac_item("one", Some("a")).to_string(),
        String::new(),
        "{\"type\":".to_owned(),
        stac_item("two", None).to_string(),
        json!({"type": "Feature", "geometry": null, "properties": {}}).to_string(),
        stac_item("three", Some("b")).to_string(),
        "x".repeat(17 << 20),
        stac_item("four", Some("b")).to_string(),
    ];
    let (kind, got) = read_text("x.ndjson", &lines.join("\n"), &SourceOptions::default());
    assert_eq!(kind, SourceKind::StacLines);
    assert_eq!(got.ids(), ["one", "three", "four"]);
    assert_eq!(got.collection_ids(), ["a", "b"]);
    assert_eq!(got.collections[1].body["license"], "other");
    let records: Vec<&str> = got.rejections.iter().map(|r| r.record.as_str()).collect();
    assert_eq!(records, ["line 4", "line 5 (two)", "line 6", "line 8"]);
    assert!(got.rejections[1].reason.contains("names no collection"), "{:?}", got.rejections[1]);
    assert!(got.rejections[3].reason.contains("longer than"), "{:?}", got.rejections[3]);
}

#[test]
fn compressed_ndjson_gives_the_same_records() {
    let plain: String = (0..500).map(|n| format!("{}\n", stac_item(&format!("i{n}"), Some("a")))).collect();
    let (_, expected) = read_text("x.ndjson", &plain, &SourceOptions::default());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain.as_bytes()).unwrap();
    for (name, bytes) in [
        ("x.ndjson.gz", gzip.finish().unwrap()),
        ("x.ndjson.zst", zstd::encode_all(plain.as_bytes(), 3).unwrap()),
        ("named-otherwise", zstd::encode_all(plain.as_bytes(), 3).unwrap()),
    ] {
        let mut got = Got::default();
        let kind = read_bytes(name, &bytes, &SourceOptions::default(), &mut got).unwrap();
        assert_eq!((kind, got.ids()), (SourceKind::StacLines, expected.ids()), "{name}");
        assert_eq!(got.bytes, bytes.len() as u64, "progress covers the stored bytes of {name}");
    }
}

#[test]
fn a_cut_compressed_file_gives_its_beginning_and_says_that_the_rest_is_missing() {
    let plain: String = (0..2000).map(|n| format!("{}\n", stac_item(&format!("i{n}"), Some("a")))).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(plain.as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    let mut got = Got::default();
    read_bytes("x.ndjson.gz", &whole[..whole.len() / 2], &SourceOptions::default(), &mut got).unwrap();
    assert!(got.items.len() > 500 && got.items.len() < 1500, "{}", got.items.len());
    assert!(got.rejections.last().unwrap().reason.contains("the rest cannot be read"));
}

#[test]
fn an_item_collection_keeps_valid_items_around_an_invalid_one() {
    let mut broken = stac_item("b", Some("a"));
    broken["geometry"]["coordinates"] = json!([1.0, 200.0]);
    let text = json!({"type": "FeatureCollection", "features": [stac_item("a", Some("a")), broken, stac_item("c", Some("a"))]});
    let (kind, got) = read_text("x.json", &text.to_string(), &SourceOptions::default());
    assert_eq!((kind, got.ids()), (SourceKind::Stac, vec!["a", "c"]));
    assert_eq!(got.rejections[0].record, "2 (b)");
    assert!(got.rejections[0].reason.contains("/geometry"), "{:?}", got.rejections[0]);
}

#[test]
fn an_item_without_collection_goes_where_the_caller_says() {
    let options = SourceOptions { collection: Some(CollectionId::new("mine").unwrap()), ..SourceOptions::default() };
    let (_, got) = read_text("x.json", &stac_item("a", None).to_string(), &options);
    assert_eq!(got.items[0].collection.as_str(), "mine");
    let (_, got) = read_text("x.json", &stac_item("a", Some("own")).to_string(), &options);
    assert_eq!(got.items[0].collection.as_str(), "own");
}

#[test]
fn a_collection_that_exists_is_not_described_anew() {
    let options = SourceOptions { existing_collections: HashSet::from(["a".to_owned()]), ..SourceOptions::default() };
    let mut got = Got { known: HashSet::from(["a".to_owned()]), ..Got::default() };
    read_bytes("x.json", stac_item("i", Some("a")).to_string().as_bytes(), &options, &mut got).unwrap();
    assert_eq!((got.collections.len(), got.items.len()), (0, 1));
}

#[test]
fn what_the_sink_says_ends_the_reading() {
    let text: String = (0..10).map(|n| format!("{}\n", stac_item(&format!("i{n}"), Some("a")))).collect();
    for text in [text.clone(), json!({"type": "FeatureCollection", "features": text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).collect::<Vec<_>>()}).to_string()] {
        let mut got = Got { stop_after: Some(3), ..Got::default() };
        let error = read_bytes("x.json", text.as_bytes(), &SourceOptions::default(), &mut got).unwrap_err();
        assert_eq!((error.problem().code, got.items.len()), ("storage-full", 3));
    }
}

/// A small static catalogue: catalog > collection > catalog > item without a collection of its own.
fn catalogue() -> Vec<(&'static str, Value)> {
    vec![
        ("a/first.json", {
            let mut item = stac_item("first", None);
            item["links"] = json!([{"rel": "parent", "href": "../sub/catalog.json"}]);
            item
        }),
        (
            "catalog.json",
            json!({"type": "Catalog", "id": "root", "stac_version": "1.0.0", "description": "r", "links": [{"rel": "child", "href": "./z/collection.json"}, {"rel": "item", "href": "./not-here.json"}]}),
        ),
        ("lost/orphan.json", stac_item("orphan", None)),
        (
            "records/record.json",
            json!({"type": "Feature", "id": "r", "conformsTo": ["ogcapi-records-1"], "geometry": null, "properties": {}}),
        ),
        (
            "sub/catalog.json",
            json!({"type": "Catalog", "id": "sub", "stac_version": "1.0.0", "description": "s", "links": [{"rel": "parent", "href": "../z/collection.json"}]}),
        ),
        (
            "z/collection.json",
            json!({"type": "Collection", "id": "z", "stac_version": "1.0.0", "description": "z", "license": "other", "extent": {}, "links": []}),
        ),
        ("z/second.json", {
            let mut item = stac_item("second", None);
            item["links"] = json!([{"rel": "collection", "href": "collection.json"}]);
            item
        }),
    ]
}

fn check_catalogue(got: &Got) {
    assert_eq!(got.collection_ids(), ["z"]);
    assert_eq!(got.counts(), BTreeMap::from([("z", 2)]));
    let reasons: Vec<&str> = got.rejections.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("names no collection") && reasons[1].contains("Records"), "{reasons:?}");
}

#[test]
fn a_static_catalogue_in_a_directory_gives_items_the_collection_above_them() {
    let dir = tempfile::tempdir().unwrap();
    for (path, value) in catalogue() {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.to_string()).unwrap();
    }
    std::fs::write(dir.path().join("README.md"), "not data").unwrap();
    let (kind, got) = read_path(dir.path(), &SourceOptions::default());
    assert_eq!(kind, SourceKind::Directory);
    check_catalogue(&got);
    assert_eq!(got.bytes, size_bytes(dir.path()).unwrap());
}

#[test]
fn a_static_catalogue_in_a_tar_archive_reads_the_same() {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (path, value) in catalogue() {
        let text = value.to_string();
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("./{path}"), text.as_bytes()).unwrap();
    }
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    let mut got = Got::default();
    let kind = read_bytes("c.tar.gz", &bytes, &SourceOptions::default(), &mut got).unwrap();
    assert_eq!(kind, SourceKind::StacArchive);
    check_catalogue(&got);
    assert_eq!(got.rejections[0].file, "c.tar.gz:lost/orphan.json");
}

#[test]
fn an_unknown_source_is_refused_with_what_is_understood() {
    for (name, bytes) in [
        ("notes.txt", b"just a few words\n".as_slice()),
        ("empty.json", b""),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0"),
        ("x.json", br#"{"hello": "world"}"#),
        (
            "x.geojson",
            br#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"a":1}}]}"#,
        ),
        ("broken.json", b"{\"type\": \"Feat"),
    ] {
        let problem = refused(name, bytes);
        assert_eq!(problem.code, "unknown-source", "{problem}");
        assert!(problem.detail.contains(name), "{problem}");
        assert!(problem.allowed.unwrap().contains("STAC NDJSON"));
    }
    assert!(matches!(recognise(Path::new("/does/not/exist")), Err(Error::Io { .. })));
}

#[test]
fn a_directory_holds_other_sources_beside_a_catalogue() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    put("a.ndjson", &stac_item("line", Some("a")).to_string());
    put(
        "places.geojson",
        &json!({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"featurecla": "Lake", "scalerank": 0, "name": "Tana"},
         "geometry": {"type": "Polygon", "coordinates": [[[37.0, 11.9], [37.4, 11.9], [37.4, 12.2], [37.0, 11.9]]]}}]})
        .to_string(),
    );
    put("stations.json", &json!({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [33.0, -1.0]},
         "properties": {"name": "L_victoria", "river": "", "lake": "victoria", "basin": "Nile", "status": "operational"}}]}).to_string());
    put("broken.zip", "PK\u{3}\u{4} no more than that");
    put("table.csv", "a,b\n1,2\n");
    put("image.png", "no data");
    let (_, got) = read_path(dir.path(), &SourceOptions::default());
    assert_eq!(got.counts(), BTreeMap::from([("a", 1), ("hydroweb-virtual-stations", 1), ("lakes", 1)]));
    let refused: Vec<&str> = got.rejections.iter().map(|r| r.file.rsplit('/').next().unwrap()).collect();
    assert_eq!(refused, ["broken.zip", "table.csv"]);
    assert_eq!(got.item("hydroweb-virtual-stations", "L_victoria").properties["title"], "Victoria (L_victoria)");
}
