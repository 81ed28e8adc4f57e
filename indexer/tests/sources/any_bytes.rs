//! Whatever comes: every record is accepted or rejected, and nothing panics.

use nilometer_indexer::source::{SourceOptions, read_bytes};
use proptest::prelude::*;
use serde_json::json;

use crate::support::*;

/// A line of NDJSON, and whether it is a valid item.
fn line() -> impl Strategy<Value = (String, Option<bool>)> {
    prop_oneof![
        4 => "[a-z]{1,8}".prop_map(|id| (stac_item(&id, Some("a")).to_string(), Some(true))),
        1 => "[a-z]{1,8}".prop_map(|id| (stac_item(&id, None).to_string(), Some(false))),
        1 => "[^\r\n{\u{feff}\\s][^\r\n]{0,40}".prop_map(|text| (text, Some(false))),
        1 => Just((json!({"type": "Feature", "id": "x", "collection": "a", "properties": {}}).to_string(), Some(false))),
        1 => "[ \t]{0,3}".prop_map(|text| (text, None)),
    ]
}

proptest! {
    #[test]
    fn every_line_is_accepted_rejected_or_blank(lines in proptest::collection::vec(line(), 1..40), crlf: bool) {
        let text: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        let (_, got) = read_text("x.ndjson", &text.join(if crlf { "\r\n" } else { "\n" }), &SourceOptions::default());
        let count = |wanted: bool| lines.iter().filter(|(_, valid)| *valid == Some(wanted)).count();
        prop_assert_eq!((got.items.len(), got.rejections.len()), (count(true), count(false)));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(
        name in prop_oneof![Just("x.ndjson"), Just("x.json"), Just("x.csv"), Just("x.zip"), Just("x.tar.gz"), Just("x")],
        start in prop_oneof![
            Just(b"".to_vec()), Just(b"{\"type\":\"FeatureCollection\",\"features\":[".to_vec()), Just(b"PK\x03\x04".to_vec()),
            Just(vec![0x1f, 0x8b, 8]), Just(vec![0x28, 0xb5, 0x2f, 0xfd]), Just(b"code_bss,bss_id,nb_mesures_piezo\n".to_vec()),
            Just(b"PAR1".to_vec()), Just(b"SQLite format 3\0".to_vec()), Just(b"code_bss,year,yearly_mean_water_table_level\n".to_vec()),
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let bytes = [start, rest].concat();
        let mut got = Got::default();
        let _ = read_bytes(name, &bytes, &SourceOptions::default(), &mut got);
        prop_assert!(got.items.is_empty());
    }

    #[test]
    fn any_rows_of_values_are_read_or_rejected_without_a_panic(
        (name, start) in prop_oneof![
            Just(("x.csv", "code_bss,year,yearly_mean_water_table_level\n")),
            Just(("x.txt", "#\nsite_no\tdatetime\ttz_cd\t1_00060\n5s\t5d\t5s\t5n\n")),
            Just(("x.txt", "#\nsite_no\tpeak_dt\tpeak_va\tag_gage_ht\tag_dt\n5s\t5d\t5n\t5n\t5d\n")),
            Just(("x.csv", "Periode aangevraagd\nReferentie:,NAP\nLocatie,X-coordinaat\nLocatie,Filternummer,Peildatum,Stand (cm t.o.v. NAP),Opmerking\n")),
            Just(("x.txt", "LOCATIE gegevens\nNITG-nr\tX-coord\nKWALITEIT gegevens\nNITG-nr\tMonster datum\tCa (mg/l)\n")),
            Just(("x.csv", "MonitoringLocationIdentifier,ActivityIdentifier,ActivityStartDate,ActivityStartTime/Time,CharacteristicName,ResultMeasureValue\n")),
            Just(("x.json", "{\"value\":{\"timeSeries\":[")),
        ],
        rest in "([0-9a-z,\t\n\"/:.é-]|2020-01-01|1_00060){0,200}",
    ) {
        let mut got = Got::default();
        let _ = read_bytes(name, format!("{start}{rest}").as_bytes(), &SourceOptions::default(), &mut got);
    }

    #[test]
    fn any_table_and_shapes_in_a_granule_are_read_or_refused_without_a_panic(
        rows in 0u32..5, header in 60u16..80, row in 0u16..20, columns in proptest::collection::vec(any::<u8>(), 0..120),
        shapes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut dbf = vec![3u8, 0, 0, 0];
        dbf.extend(rows.to_le_bytes());
        dbf.extend(header.to_le_bytes());
        dbf.extend(row.to_le_bytes());
        dbf.resize(32, 0);
        dbf.extend(columns);
        let mut shp = 9994i32.to_be_bytes().to_vec();
        shp.resize(24, 0);
        shp.extend(((100 + shapes.len() as i32) / 2).to_be_bytes());
        shp.extend(1000i32.to_le_bytes());
        shp.extend(5i32.to_le_bytes());
        shp.resize(100, 0);
        shp.extend(shapes);
        let bytes = zip_of(&[(&format!("{STEM}.shp"), &shp), (&format!("{STEM}.dbf"), &dbf)]);
        let mut got = Got::default();
        read_bytes("g.zip", &bytes, &SourceOptions::default(), &mut got).unwrap();
        prop_assert!(got.items.len() <= 1 + rows as usize);
    }
}
