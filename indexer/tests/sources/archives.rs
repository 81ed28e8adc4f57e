//! Zip archives that were damaged, or made to harm.

use nilometer_indexer::source::{GRANULE_ENTRIES_MAX, INFLATION_RATIO_MAX, SourceOptions, read_bytes};

use crate::support::*;

#[test]
fn a_zip_whose_names_point_out_of_it_is_refused() {
    for name in ["../../evil.shp", "/etc/evil.shp", "a/../../evil.shp", "C:evil.shp"] {
        let bytes = zip_of(&[(&format!("{STEM}.shp"), b"x"), (name, b"x")]);
        let problem = refused("slip.zip", &bytes);
        assert!(problem.detail.contains("points out of the archive"), "{name}: {problem}");
    }
}

#[test]
fn a_zip_bomb_is_refused_before_it_is_inflated() {
    let zeros = vec![0u8; 64 << 20];
    let bytes = zip_of(&[(&format!("{STEM}.shp"), &zeros), (&format!("{STEM}.dbf"), b"")]);
    assert!((bytes.len() as u64) < zeros.len() as u64 / INFLATION_RATIO_MAX, "the file is a bomb");
    let mut got = Got::default();
    read_bytes("bomb.zip", &bytes, &SourceOptions::default(), &mut got).unwrap();
    assert_eq!(got.items.len(), 0);
    assert!(got.rejections[0].reason.contains("inflates to more than"), "{:?}", got.rejections);
    let names: Vec<String> = (0..=GRANULE_ENTRIES_MAX).map(|n| format!("{n}.shp")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), b"x".as_slice())).collect();
    assert!(refused("many.zip", &zip_of(&many)).detail.contains("entries"));
}

#[test]
fn damaged_granules_are_rejected_and_never_a_panic() {
    let dbf = vec![3u8; 100];
    for (entries, reason) in [
        (vec![(".shp", b"x".as_slice())], "no .dbf"),
        (vec![(".shp", b"x".as_slice()), (".dbf", b"x")], ".dbf ends"),
        (vec![(".shp", b"x".as_slice()), (".dbf", dbf.as_slice())], ".dbf"),
        (vec![(".shp", b"x".as_slice()), (".dbf", b"x"), (".shp.xml", b"<!DOCTYPE a><a/>")], "document type"),
    ] {
        let named: Vec<(String, &[u8])> = entries.iter().map(|(end, b)| (format!("{STEM}{end}"), *b)).collect();
        let bytes = zip_of(&named.iter().map(|(n, b)| (n.as_str(), *b)).collect::<Vec<_>>());
        let mut got = Got::default();
        read_bytes("g.zip", &bytes, &SourceOptions::default(), &mut got).unwrap();
        assert_eq!(got.items.len(), 0);
        assert!(got.rejections[0].reason.contains(reason), "{:?} lacks {reason}", got.rejections[0]);
    }
    assert_eq!(refused("other.zip", &zip_of(&[("a.txt", b"x")])).code, "unknown-source");
}
