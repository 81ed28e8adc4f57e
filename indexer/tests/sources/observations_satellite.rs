//! Values of satellite sources: SWOT granules, answers of Hydrocron, series of Hydroweb, G-REALM and DAHITI.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use nilometer_indexer::source::{SourceKind, SourceOptions, read_bytes, size_bytes};
use nilometer_schemas::{Instant, ObservationKey, ObservationModel};
use serde_json::json;

use crate::support::*;

const REACHES: &str =
    "swot/hydrocron_granules/SWOT_L2_HR_RiverSP_Reach_049_058_AU_20260419T185249_20260419T190852_PID0_01.zip";
const LAKES: &str =
    "swot/hydrocron_granules/SWOT_L2_HR_LakeSP_Prior_018_100_GR_20240713T111741_20240713T112027_PIC0_01.zip";
const NILE: &str = "hydroweb/nile_lakes_altimetry";

/// All rows of a collection.
fn rows(got: &Got, collection: &str) -> RecordBatch {
    let batches: Vec<&RecordBatch> =
        got.observations.iter().filter(|o| o.collection.as_str() == collection).map(|o| &o.rows).collect();
    assert!(!batches.is_empty(), "{collection} has no observations");
    concat_batches(&batches[0].schema(), batches).unwrap()
}

fn text<'a>(rows: &'a RecordBatch, column: &str, row: usize) -> Option<&'a str> {
    let column = rows.column_by_name(column)?.as_string::<i32>();
    column.is_valid(row).then(|| column.value(row))
}

fn number(rows: &RecordBatch, column: &str, row: usize) -> Option<f64> {
    let column = rows.column_by_name(column)?.as_primitive::<Float64Type>();
    column.is_valid(row).then(|| column.value(row))
}

fn integer(rows: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    let column = rows.column_by_name(column)?.as_primitive::<Int64Type>();
    column.is_valid(row).then(|| column.value(row))
}

fn time(rows: &RecordBatch, row: usize) -> String {
    Instant(rows["phenomenon_time"].as_primitive::<TimestampMicrosecondType>().value(row)).to_string()
}

fn valid(rows: &RecordBatch, column: &str) -> usize {
    rows.column_by_name(column).map_or(0, |column| column.len() - column.null_count())
}

/// The row of a feature, which has one only.
fn row_of(rows: &RecordBatch, feature: &str) -> usize {
    let ids = rows["feature_id"].as_string::<i32>();
    let found: Vec<usize> = (0..ids.len()).filter(|at| ids.value(*at) == feature).collect();
    assert_eq!(found.len(), 1, "{feature}");
    found[0]
}

/// Every row has a key of its own, and every column the type that the collection declares for it.
fn check_rows(got: &Got, collection: &str) -> RecordBatch {
    let rows = rows(got, collection);
    let mut keys = HashSet::new();
    for row in 0..rows.num_rows() {
        let key = (text(&rows, "feature_id", row), time(&rows, row), text(&rows, "discriminator", row));
        assert!(keys.insert(key.clone()), "{collection}: {key:?} stands twice");
    }
    let described = got.collections.iter().find(|c| c.id.as_str() == collection).expect(collection);
    let model = ObservationModel::of(&described.body).unwrap();
    assert!(!model.parameters.is_empty());
    for field in rows.schema().fields().iter().skip(7) {
        let declared = model.parameter(field.name()).unwrap_or_else(|| panic!("{} is not declared", field.name()));
        assert_eq!(field.data_type(), &declared.kind.data_type(), "{}", field.name());
    }
    rows
}

fn real(shared: &Path, file: &str, kind: SourceKind, rejected: usize) -> Got {
    let path = shared.join(file);
    let (found, got) = read_path(&path, &SourceOptions::default());
    assert_eq!((found, got.rejections.len()), (kind, rejected), "{file}: {:?}", got.rejections.first());
    assert_eq!(got.bytes, size_bytes(&path).unwrap(), "{file}");
    got
}

#[test]
fn every_reach_of_a_granule_is_a_row_with_all_its_columns() {
    let Some(shared) = shared("reach values") else { return };
    let got = real(&shared, REACHES, SourceKind::SwotGranule, 0);
    let collection = "SWOT_L2_HR_RiverSP_reach_D";
    let rows = check_rows(&got, collection);
    assert_eq!((rows.num_rows(), rows.num_columns()), (52, 7 + 126 + 10));
    assert_eq!((valid(&rows, "wse"), valid(&rows, "time"), valid(&rows, "reach_q")), (33, 34, 52));
    assert_eq!((valid(&rows, "dschg_c"), valid(&rows, "p_maf"), valid(&rows, "n_good_nod")), (0, 0, 34));
    assert!((0..52).all(|row| text(&rows, "discriminator", row) == Some("049_058")));
    let grey = row_of(&rows, "57203000041");
    assert_eq!(number(&rows, "wse", grey).zip(number(&rows, "wse_u", grey)), Some((7.6096, 0.35875)));
    assert_eq!(number(&rows, "slope", grey), Some(0.001_355_458_06));
    assert_eq!(text(&rows, "version", grey), Some("PID0_01"));
    assert_eq!((integer(&rows, "cycle_id", grey), integer(&rows, "pass_id", grey)), (Some(49), Some(58)));
    for (column, value) in [
        ("sword_version", "17b"),
        ("crid", "PID0"),
        ("continent_id", "AU"),
        ("range_start_time", "2026-04-19T18:52:49Z"),
        ("range_end_time", "2026-04-19T19:08:52Z"),
        ("collection_shortname", "SWOT_L2_HR_RiverSP_D"),
        ("collection_version", "D"),
        ("granuleUR", &format!("{STEM}.zip")),
    ] {
        assert_eq!(text(&rows, column, grey), Some(value));
    }
    let orders = rows["version_order"].as_primitive::<Int32Type>();
    assert!(orders.value(0) > 0 && orders.iter().all(|order| order == Some(orders.value(0))));
    let unobserved: Vec<usize> = (0..52).filter(|row| text(&rows, "time_str", *row).is_none()).collect();
    assert_eq!(unobserved.len(), 18);
    assert!(unobserved.iter().all(|row| time(&rows, *row) == "2026-04-19T18:52:49Z"));
    assert!(
        (0..52).filter_map(|row| Some((row, text(&rows, "time_str", row)?))).all(|(row, at)| time(&rows, row) == at)
    );
    let described = got.collections.iter().find(|c| c.id.as_str() == collection).unwrap();
    let model = ObservationModel::of(&described.body).unwrap();
    assert_eq!(model.key, ObservationKey::Pass);
}

#[test]
fn every_prior_lake_of_a_granule_is_a_row_observed_or_not() {
    let Some(shared) = shared("lake values") else { return };
    let got = real(&shared, LAKES, SourceKind::SwotGranule, 0);
    let rows = check_rows(&got, "SWOT_L2_HR_LakeSP_prior_2.0");
    assert_eq!((rows.num_rows(), rows.num_columns()), (5389, 7 + 50 + 12));
    assert_eq!((valid(&rows, "wse"), valid(&rows, "area_total"), valid(&rows, "quality_f")), (948, 951, 951));
    assert_eq!((valid(&rows, "ice_clim_f"), valid(&rows, "p_res_id"), valid(&rows, "ds1_l")), (5389, 0, 0));
    assert_eq!((valid(&rows, "centroid_lon"), valid(&rows, "centroid_lat")), (951, 951));
    let bare = row_of(&rows, "9120145452");
    assert_eq!((number(&rows, "wse", bare), number(&rows, "p_lon", bare)), (None, Some(-49.783647)));
    assert_eq!(
        (time(&rows, bare).as_str(), text(&rows, "discriminator", bare)),
        ("2024-07-13T11:17:41Z", Some("018_100"))
    );
    assert_eq!(text(&rows, "PLD_version", bare), Some("105"));
    for row in 0..rows.num_rows() {
        let Some((lon, lat)) = number(&rows, "centroid_lon", row).zip(number(&rows, "centroid_lat", row)) else {
            continue;
        };
        let (p_lon, p_lat) = (number(&rows, "p_lon", row).unwrap(), number(&rows, "p_lat", row).unwrap());
        assert!((lon - p_lon).abs() < 0.5 && (lat - p_lat).abs() < 0.5, "row {row} lies elsewhere");
    }
}

/// Collections, rows, items and rejections of each recorded answer.
#[test]
fn recorded_answers_of_hydrocron_go_to_the_collections_of_the_granules() {
    let Some(shared) = shared("Hydrocron answers") else { return };
    let [reach_2, reach_d] = ["2.0", "D"].map(|version| format!("SWOT_L2_HR_RiverSP_reach_{version}"));
    let [node_2, node_d] = ["2.0", "D"].map(|version| format!("SWOT_L2_HR_RiverSP_node_{version}"));
    let [lake_2, lake_d] = ["2.0", "D"].map(|version| format!("SWOT_L2_HR_LakeSP_prior_{version}"));
    let check = |file: &str, collection: &str, count: usize, items: usize, wse: usize| {
        let got = real(&shared, &format!("swot/hydrocron_api/{file}"), SourceKind::HydrocronAnswer, 0);
        assert_eq!(got.items.len(), items, "{file}");
        let rows = check_rows(&got, collection);
        assert_eq!((got.observations.len(), rows.num_rows(), valid(&rows, "wse")), (1, count, wse), "{file}");
        rows
    };
    for (file, collection, count, items) in [
        ("ops/reach/reach_basic.csv", &reach_2, 5, 0),
        ("ops/reach/reach_basic.geojson", &reach_2, 5, 1),
        ("ops/reach/reach_comprehensive.geojson", &reach_2, 5, 1),
        ("ops/reach/reach_discharge.csv", &reach_2, 5, 0),
        ("ops/reach/reach_d_basic.csv", &reach_d, 3, 0),
        ("ops/reach/reach_d_basic.geojson", &reach_d, 3, 1),
        ("ops/reach/reach_d_comprehensive.geojson", &reach_d, 3, 1),
        ("ops/reach/reach_d_discharge.csv", &reach_d, 3, 0),
        ("ops/node/node_basic.csv", &node_2, 5, 0),
        ("ops/node/node_basic.geojson", &node_2, 5, 1),
        ("ops/node/node_comprehensive.geojson", &node_2, 5, 1),
        ("ops/node/node_d_basic.csv", &node_d, 4, 0),
        ("ops/node/node_d_basic.geojson", &node_d, 4, 1),
        ("ops/node/node_d_comprehensive.geojson", &node_d, 4, 1),
        ("ops/priorlake/lake_d_basic.csv", &lake_d, 4, 0),
        ("ops/priorlake/lake_d_basic.geojson", &lake_d, 4, 1),
        ("ops/priorlake/lake_d_comprehensive.geojson", &lake_d, 4, 1),
        ("uat/reach/reach_basic.csv", &reach_2, 4, 0),
        ("uat/reach/reach_basic.geojson", &reach_2, 4, 1),
        ("uat/reach/reach_comprehensive.geojson", &reach_2, 4, 1),
        ("uat/reach/reach_discharge.csv", &reach_2, 4, 0),
        ("uat/reach/reach_sos_discharge.csv", &reach_2, 4, 0),
    ] {
        check(&format!("fixtures/{file}"), collection, count, items, count);
    }
    let sos = check("fixtures/uat/reach/reach_sos_discharge.csv", &reach_2, 4, 0, 4);
    assert_eq!((valid(&sos, "sos_consensus_q"), valid(&sos, "sos_momma_q")), (3, 1));
    assert_eq!(number(&sos, "sos_consensus_q", 0), Some(1_078.191_388_056_997_3));
    assert_eq!(text(&sos, "discriminator", 0), Some("20240202T083734Z"));
    let lake = check("fixtures/ops/priorlake/lake_d_comprehensive.geojson", &lake_d, 4, 1, 4);
    assert_eq!((integer(&lake, "qual_f_b", 0), text(&lake, "version", 0)), (Some(1035), Some("PGD0")));
    assert_eq!(number(&lake, "centroid_lon", 0).zip(number(&lake, "centroid_lat", 0)), Some((-63.611511, 51.731921)));
    for file in ["csv.csv", "geojson.json", "geojson_compact.json"] {
        let rows = check(&format!("test_data/api_query_results_{file}"), &reach_2, 1, 1, 1);
        assert_eq!((number(&rows, "wse", 0), text(&rows, "sword_version", 0)), (Some(286.2983), Some("15")));
        assert_eq!(text(&rows, "collection_shortname", 0), None);
    }
    let bare = check("test_data/api_query_results_geojson_lakes.json", &lake_2, 1, 0, 0);
    assert_eq!(number(&bare, "centroid_lon", 0), None, "the made-up place is none");
    assert_eq!(time(&bare, 0), "2024-07-13T11:17:41Z");
    let items = check("test_data/api_query_results_items_lake.json", &lake_2, 2, 0, 0);
    assert_eq!((text(&items, "discriminator", 1), text(&items, "version", 1)), (Some("018_100"), Some("PIC0_01")));
    for kind in ["reach", "node"] {
        let file = format!("swot/hydrocron_api/test_data/api_query_results_items_{kind}.json");
        let got = real(&shared, &file, SourceKind::HydrocronAnswer, 3);
        assert!(got.items.is_empty() && got.observations.is_empty());
        assert!(got.rejections[0].reason.contains("version \"1.0\""), "{:?}", got.rejections[0]);
    }
}

#[test]
fn an_answer_never_replaces_the_lake_of_a_granule_read_with_it() {
    let Some(shared) = shared("granule and answer") else { return };
    let dir = tempfile::tempdir().unwrap();
    let granule = Path::new(LAKES).file_name().unwrap();
    std::fs::copy(shared.join(LAKES), dir.path().join("a.zip")).unwrap();
    let answer = json!({"type": "FeatureCollection", "features": [{"type": "Feature", "id": "0",
        "geometry": {"type": "Point", "coordinates": [-49.78, 68.0]},
        "properties": {"lake_id": "9120145452", "time_str": "2024-07-13T11:18:24Z", "wse": "12.5", "crid": "PIC0",
                       "granuleUR": granule.to_str(), "wse_units": "m"}}]});
    std::fs::write(dir.path().join("b.json.gz"), gzip(answer.to_string().as_bytes())).unwrap();
    let (_, got) = read_path(dir.path(), &SourceOptions::default());
    assert_eq!(got.rejections, []);
    let lakes: Vec<_> = got.items.iter().filter(|item| item.id.as_str() == "9120145452").collect();
    assert_eq!(lakes.len(), 1);
    assert!(lakes[0].properties.contains_key("p_ref_area"));
    assert_eq!(got.observations.len(), 2);
    assert_eq!(text(&got.observations[1].rows, "discriminator", 0), Some("018_100"), "the same pass");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_three_services_give_lake_victoria_each_with_its_own_datum() {
    let Some(shared) = shared("Nile lakes") else { return };
    let series = |file: &str, kind, collection: &str, count: usize| {
        let got = real(&shared, &format!("{NILE}/{file}"), kind, 0);
        assert_eq!(got.counts(), BTreeMap::from([(collection, 1)]), "{file}");
        let rows = check_rows(&got, collection);
        assert_eq!(rows.num_rows(), count, "{file}");
        let described = got.collections[0].body.clone();
        let datum = ObservationModel::of(&described).unwrap().parameter("wse").unwrap().datum.clone();
        (rows, datum.unwrap(), got)
    };
    let (hydroweb, datum, got) = series("hydroprd_L_victoria.csv", SourceKind::HydrowebSeries, "hydroweb-lakes", 988);
    assert_eq!(datum, "orthometric, geoid not named in the source");
    assert_eq!(got.items[0].id.as_str(), "L_victoria");
    assert_eq!((valid(&hydroweb, "wse"), valid(&hydroweb, "area"), valid(&hydroweb, "volume")), (988, 0, 0));
    assert_eq!((time(&hydroweb, 0).as_str(), number(&hydroweb, "wse", 0)), ("1992-09-28T04:56:00Z", Some(1135.32)));
    assert_eq!((number(&hydroweb, "wse_u", 987), time(&hydroweb, 987).as_str()), (Some(0.02), "2022-06-12T07:50:00Z"));
    let (dahiti, datum, got) = series("2_water_level_altimetry.csv", SourceKind::DahitiSeries, "dahiti-lakes", 1061);
    assert_eq!((datum.as_str(), got.items[0].id.as_str()), ("orthometric (not named in the file)", "2"));
    assert_eq!((time(&dahiti, 0).as_str(), number(&dahiti, "wse", 0)), ("1992-09-27T00:00:00Z", Some(1135.0)));
    let (raw, datum, got) = series("lake000314.10d.2.txt", SourceKind::GRealmSeries, "g-realm-lakes", 1136);
    assert_eq!((datum.as_str(), got.items[0].id.as_str()), ("EGM2008", "000314"));
    assert_eq!(got.items[0].properties["height_conversion_m"]["EGM2008"], 1135.12);
    let geo::Geometry::Point(place) = got.items[0].geometry.as_ref().unwrap() else { panic!("a point") };
    assert_eq!((place.x(), place.y()), (33.56, -0.69));
    assert_eq!((valid(&raw, "wse"), valid(&raw, "height_variation"), valid(&raw, "wse_smoothed")), (1123, 1123, 0));
    assert_eq!((number(&raw, "wse", 1), number(&raw, "height_variation", 1)), (Some(1135.57), Some(0.46)));
    assert_eq!((text(&raw, "discriminator", 1), text(&raw, "ionosphere", 1)), (Some("TOPEX_2"), Some("DOR")));
    assert_eq!(text(&raw, "reference_pass", 1), Some("Jason-2 cycle 1"));
    // The 16 cycles without a measurement have no date either: they are no rows, and no failures.
    let (smooth, _, _) = series("lake000314.10d.2.smooth.txt", SourceKind::GRealmSeries, "g-realm-lakes", 1136);
    assert_eq!((valid(&smooth, "wse_smoothed"), valid(&smooth, "wse")), (1123, 0));
    for (file, valid_count, count) in [("lake001597.27b.2.txt", 11, 48), ("lake101296.27b.2.txt", 35, 48)] {
        let (rows, _, _) = series(file, SourceKind::GRealmSeries, "g-realm-lakes", count);
        assert_eq!((valid(&rows, "wse"), valid(&rows, "mode_1")), (valid_count, 0), "{file}");
        let file = file.replace(".2.txt", ".2.smooth.txt");
        series(&file, SourceKind::GRealmSeries, "g-realm-lakes", count);
    }
}

#[test]
fn a_folder_of_series_is_read_whole_and_its_explanations_are_passed_over() {
    let Some(shared) = shared("folder of series") else { return };
    let (kind, got) = read_path(&shared.join(NILE), &SourceOptions::default());
    assert_eq!(kind, SourceKind::Directory);
    assert_eq!(got.bytes, size_bytes(&shared.join(NILE)).unwrap());
    let collections: BTreeSet<_> = got.observations.iter().map(|o| o.collection.as_str()).collect();
    assert_eq!(collections, BTreeSet::from(["dahiti-lakes", "g-realm-lakes", "hydroweb-lakes"]));
    assert_eq!(got.observations.len(), 8);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("README.txt"), "what lies here").unwrap();
    let (_, got) = read_path(dir.path(), &SourceOptions::default());
    assert_eq!((got.rejections, got.bytes), (vec![], 0));
}

/// Numbers made up for this test.
#[test]
fn the_text_forms_of_hydroweb_are_read_with_the_geoid_they_name() {
    let river = "#BASIN:: X BASIN\n#RIVER:: SOME RIVER\n#ID:: 0000000000001\n#TRIBUTARY OF:: NA\n\
        #REFERENCE LONGITUDE:: 2.5\n#REFERENCE LATITUDE:: 12.25\n#GEOID MODEL:: EGM2008\n#STATUS:: VALIDATED\n\
        ################################\n#COL 1 : DATE(YYYY-MM-DD)\n\
        2020-01-02 03:04 101.25 0.10 : 2.51 12.26 125.50 24.25 0.5 S3A S3A 0123 45 OCOG NTC 12\n\
        2020-01-29 03:04 9999.999 9999.999 : 2.51 12.26 9999.999 24.25 0.5 S3A S3A 0123 46 OCOG NTC 0\n\
        2020-02-30 03:04 101.25 0.10\n";
    let (kind, got) = read_text("hydroprd_R_X-BASIN_SOME-RIVER_KM0010_exp.txt", river, &SourceOptions::default());
    assert_eq!((kind, got.rejections.len()), (SourceKind::HydrowebSeries, 1), "{:?}", got.rejections);
    assert_eq!(got.rejections[0].record, "line 13");
    let item = got.item("hydroweb-rivers", "R_X-BASIN_SOME-RIVER_KM0010");
    assert_eq!((&item.properties["river"], &item.properties["status"]), (&json!("SOME RIVER"), &json!("VALIDATED")));
    let geo::Geometry::Point(place) = item.geometry.as_ref().unwrap() else { panic!("a point") };
    assert_eq!((place.x(), place.y()), (2.5, 12.25));
    let rows = check_rows(&got, "hydroweb-rivers");
    assert_eq!((rows.num_rows(), valid(&rows, "wse"), valid(&rows, "ellipsoidal_height")), (2, 1, 1));
    assert_eq!((text(&rows, "datum", 0), text(&rows, "track", 0)), (Some("EGM2008"), Some("0123")));
    assert_eq!((number(&rows, "wse", 0), integer(&rows, "samples", 0)), (Some(101.25), Some(12)));
    let lake = "lake=some;country=Somewhere;basin=Some;lat= 5.5;lon= 10.25;date=2020/01/01;type=operational\n\
        # surface of reference: GGMO2C; high resolution\n\
        2020.001;2020/01/01;02:35;  341.28;0.01;;;\n2020.1 ; 2020/02/06 02:35 ; 341.30 ; 0.02 ; 12.5 ; 0.25 ; 1\n\
        2020.2;2020/03/14;02:35;x;0.01\n";
    let (_, got) = read_text("some.txt", lake, &SourceOptions::default());
    assert!(got.rejections.len() == 1 && got.rejections[0].reason.starts_with("wse"), "{:?}", got.rejections);
    assert!(got.item("hydroweb-lakes", "L_some").geometry.is_some());
    let rows = check_rows(&got, "hydroweb-lakes");
    assert_eq!((rows.num_rows(), number(&rows, "volume", 1), integer(&rows, "flag", 1)), (3, Some(0.25), Some(1)));
    assert_eq!((text(&rows, "datum", 0), number(&rows, "wse", 2)), (Some("GGMO2C"), None));
    let old = "station=x_JA2_0053_01;river=X;basin=X;lat=26.5;lon=93.5;ref=GGM02C;date=2011/11/15\n#\n\
        2008.5331 ; 2008/06/11 ; 16:59 ;    75.611 ;    1.426 ;    0 ;  ; \n2008.6;2008/07/11;16:59;999.999;1;2;3;\n";
    let (_, got) = read_text("x.txt", old, &SourceOptions::default());
    let rows = check_rows(&got, "hydroweb-rivers");
    assert_eq!((rows.num_rows(), valid(&rows, "wse"), text(&rows, "cycle", 1)), (2, 1, Some("3")));
    assert_eq!(got.item("hydroweb-rivers", "R_x_JA2_0053_01").properties["river"], "X");
}

#[test]
fn hostile_answers_and_series_are_rejected_with_their_place() {
    let check = |name: &str, text: &str, record: &str, reason: &str| {
        let (_, got) = read_text(name, text, &SourceOptions::default());
        let found = got.rejections.iter().any(|r| r.record == record && r.reason.contains(reason));
        assert!(found, "{name}: {:?} lack {record:?} {reason:?}", got.rejections);
        got
    };
    check("x.csv", "reach_id,time_str,wse\n1,2024-01-01T00:00:00Z,1\n", "line 2", "nothing tells the version");
    check("x.csv", "reach_id,time_str,crid\n1,no_data,PIC0\n", "line 2", "neither a time");
    check("x.csv", "reach_id,time_str,crid\n1\n", "", "line 2 has 1 fields");
    check("x.csv", "reach_id,time_str,crid,wse\n1,2024-01-01T00:00:00Z,PIC0,abc\n", "line 2", "wse: \"abc\"");
    let feet = "reach_id,time_str,crid,wse,wse_units\n1,2024-01-01T00:00:00Z,PIC0,3,ft\n";
    let got = check("x.csv", feet, "line 2", "wse: is in \"ft\"");
    assert_eq!(valid(&rows(&got, "SWOT_L2_HR_RiverSP_reach_2.0"), "wse"), 0);
    check("x.csv", "reach_id,time_str,crid,crid\n1,2024-01-01T00:00:00Z,PIC0,PIC0\n", "line 2", "stands twice");
    check("x.json", r#"{"status": "200 OK", "hits": 1, "results": {"geojson": {"features": 7}}}"#, "", "no array");
    let uneven = r#"{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null,
        "properties": {"reach_id": ["1"], "time_str": ["a", "b"]}}]}"#;
    check("x.json", uneven, "feature 1", "time_str has 2 values");
    check("x.csv", "Decimal year,Date,Time,Height\n2000,2000/01/01,00:00,1\n", "", "names the station");
    check("hydroprd_L_x.csv", "Decimal year,Date,Time,Height\n2000,2000/13/01,00:00,1\n", "line 2", "is no date");
    check("1_x.csv", "date,water level,error\n2000-01-01,1\n", "line 2", "2 fields");
    check("1_x.csv", "date,water level,error\n", "", "no rows");
    let header = "S3B.2.1 : Data Processing Version ID\n000001 X : Target database id number and name\n";
    check("x.txt", header, "", "announces 0 columns");
    let smooth = format!("{header}Column 5: last\n20200101 99 99 1 1\n20200101 1 1 1\n");
    check("x.txt", &smooth, "line 4", "no date and time");
    check("x.txt", &smooth, "line 5", "4 columns");
    let mut got = Got::default();
    let nested = format!("{{\"status\": 1, \"hits\": 1, \"results\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
    let read = read_bytes("x.json", nested.as_bytes(), &SourceOptions::default(), &mut got);
    assert!(read.is_err() || !got.rejections.is_empty());
}

/// A table with columns (name, kind, length, decimals) and rows, each already padded.
fn dbf(columns: &[(&str, u8, u8, u8)], rows: &[String]) -> Vec<u8> {
    let row_bytes = 1 + columns.iter().map(|column| u16::from(column.2)).sum::<u16>();
    let mut bytes = vec![3, 0, 0, 0];
    bytes.extend((rows.len() as u32).to_le_bytes());
    bytes.extend((33 + 32 * columns.len() as u16).to_le_bytes());
    bytes.extend(row_bytes.to_le_bytes());
    bytes.resize(32, 0);
    for (name, kind, length, decimals) in columns {
        let mut field = [0u8; 32];
        field[..name.len()].copy_from_slice(name.as_bytes());
        (field[11], field[16], field[17]) = (*kind, *length, *decimals);
        bytes.extend(field);
    }
    bytes.push(0x0d);
    rows.iter().for_each(|row| bytes.extend(row.as_bytes()));
    bytes
}

/// That many null shapes.
fn null_shapes(count: i32) -> Vec<u8> {
    let mut shp = 9994i32.to_be_bytes().to_vec();
    shp.resize(24, 0);
    shp.extend((50 + 6 * count).to_be_bytes());
    shp.extend(1000i32.to_le_bytes());
    shp.resize(100, 0);
    for number in 1..=count {
        shp.extend(number.to_be_bytes());
        shp.extend(2i32.to_be_bytes());
        shp.extend(0i32.to_le_bytes());
    }
    shp
}

/// Numbers made up for this test.
#[test]
fn rows_of_one_node_are_told_apart_and_unreadable_values_are_left_out_with_a_word() {
    let stem = "SWOT_L2_HR_RiverSP_Node_049_058_AU_20260419T185249_20260419T190852_PGD1_02";
    let columns = [
        ("node_id", b'C', 14, 0),
        ("time", b'N', 14, 3),
        ("wse", b'N', 13, 4),
        ("node_q", b'N', 4, 0),
        ("new", b'N', 6, 1),
    ];
    let row = |id: &str, time: &str, wse: &str, q: &str| format!(" {id:<14}{time:>14}{wse:>13}{q:>4}{:>6}", "-999.0");
    let rows_made = [
        row("57203000040011", "829940896.250", "7.6096", "0"),
        row("57203000040011", "829940896.250", "7.7", "1"),
        row("41000000010011", "-999999999999", "-999999999999", "-999"),
        row("57203000040021", "829940897.000", "********", "0"),
        row("", "829940897.000", "1.0", "0"),
    ];
    let bytes =
        zip_of(&[(&format!("{stem}.shp"), &null_shapes(5)), (&format!("{stem}.dbf"), &dbf(&columns, &rows_made))]);
    let mut got = Got::default();
    read_bytes("node.zip", &bytes, &SourceOptions::default(), &mut got).unwrap();
    let reasons: Vec<_> = got.rejections.iter().map(|r| (r.record.as_str(), r.reason.as_str())).collect();
    assert_eq!(reasons, [("row 4", "wse: \"********\" is no number; left out"), ("row 5", "the row has no node_id")]);
    let rows = rows(&got, "SWOT_L2_HR_RiverSP_node_D");
    let discriminators: Vec<_> = (0..4).map(|row| text(&rows, "discriminator", row).unwrap()).collect();
    assert_eq!(discriminators, ["049_058", "049_058_2", "049_058_AU", "049_058"]);
    assert_eq!(
        (time(&rows, 0).as_str(), time(&rows, 2).as_str()),
        ("2026-04-19T19:08:16.250Z", "2026-04-19T18:52:49Z")
    );
    assert_eq!((valid(&rows, "wse"), valid(&rows, "node_q"), number(&rows, "new", 0)), (2, 3, Some(-999.0)));
    assert_eq!(text(&rows, "version", 0), Some("PGD1_02"));
}
