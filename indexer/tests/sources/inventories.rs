//! Station inventories with a mapping of the caller's.

use nilometer_indexer::source::{Mapping, SourceKind, SourceOptions, read_bytes, recognise};
use serde_json::json;

use crate::support::*;

const MAPPING: &str = r#"
collection = "wells"
delimiter = "blank"
id = ["net", "no"]
name = "nm"
lon = "x"
lat = "y"
crs = "NAD83"
missing = ["NA"]
keywords = ["river"]
[constants]
country = "US"
[[properties]]
column = "alt"
name = "elevation_m"
type = "number"
"#;

#[test]
fn a_mapping_beside_the_file_says_how_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wells.txt");
    let rows = "\"net\" \"no\" \"nm\" \"x\" \"y\" \"river\" \"alt\"\n\
                \"A\" \"007\" \"OLD WELL\" -81.5 28.25 \"PEACE CREEK\" 12.5\n\
                \"A\" \"008\" NA NA 28 NA NA\n\
                \"A\" NA \"NO ID\" 1 2 NA NA\n\
                \"A\" \"009\" \"BAD\" east 2 NA NA\n\
                \"A\" \"010\" \"BAD\" 1 2 NA high\n";
    std::fs::write(&file, rows).unwrap();
    assert_eq!(recognise(&file).unwrap_err().problem().code, "unknown-source");
    std::fs::write(dir.path().join("wells.txt.toml"), MAPPING).unwrap();
    let (kind, got) = read_path(&file, &SourceOptions::default());
    assert_eq!((kind, got.ids()), (SourceKind::Inventory, vec!["A_007", "A_008"]));
    let p = &got.items[0].properties;
    assert_eq!(
        (&p["title"], &p["elevation_m"], &p["country"]),
        (&json!("OLD WELL (A_007)"), &json!(12.5), &json!("US"))
    );
    assert_eq!(p["keywords"], json!(["A_007", "PEACE CREEK", "US"]));
    assert!(got.items[1].geometry.is_none() && !got.items[1].properties.contains_key("elevation_m"));
    let rejected: Vec<(&str, &str)> = got.rejections.iter().map(|r| (r.record.as_str(), r.reason.as_str())).collect();
    assert_eq!(
        rejected,
        [
            ("line 4", "the row has no no, which is its id"),
            ("line 5", "x is \"east\", not a number"),
            ("line 6", "alt is \"high\", not a number"),
        ]
    );
}

#[test]
fn a_mapping_that_does_not_fit_the_file_is_refused() {
    let mapping = Mapping::parse(&MAPPING.replace("blank", ",")).unwrap();
    let options = SourceOptions { mapping: Some(mapping), ..SourceOptions::default() };
    let error = read_bytes("x.csv", b"net,no,nm,x,y\n1,2,3,4,5\n", &options, &mut Got::default()).unwrap_err();
    assert!(error.problem().detail.contains("river"), "{error}");
}
