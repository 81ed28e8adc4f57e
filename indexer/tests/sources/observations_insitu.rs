//! Values measured on the ground: every one of the real files is an observation or a rejection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use nilometer_indexer::source::{Mapping, SourceKind, SourceOptions, read, read_bytes, size_bytes};
use nilometer_schemas::{Instant, ObservationModel};
use serde_json::{Value, json};

use crate::support::*;

/// One observation as the sink got it.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    collection: String,
    feature: String,
    time: String,
    discriminator: String,
    version: String,
    order: i32,
    values: BTreeMap<String, Value>,
}

impl Row {
    fn of<'a>(rows: &'a [Row], feature: &str, time: &str, discriminator: &str) -> &'a Row {
        let same = |r: &&Row| r.feature == feature && r.time == time && r.discriminator == discriminator;
        let found: Vec<&Row> = rows.iter().filter(same).collect();
        assert_eq!(found.len(), 1, "{feature} {time} {discriminator:?}");
        found[0]
    }
}

fn rows(got: &Got) -> Vec<Row> {
    let mut all = Vec::new();
    for observations in &got.observations {
        let batch = &observations.rows;
        let text = |name: &str, at: usize| batch[name].as_string::<i32>().value(at).to_owned();
        for at in 0..batch.num_rows() {
            let mut values = BTreeMap::new();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()).skip(7) {
                if column.is_valid(at) {
                    let value = match column.data_type() {
                        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(at)),
                        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(at)),
                        _ => json!(column.as_string::<i32>().value(at)),
                    };
                    values.insert(field.name().clone(), value);
                }
            }
            let time = batch["phenomenon_time"].as_primitive::<TimestampMicrosecondType>().value(at);
            let order = batch["version_order"].as_primitive::<arrow::datatypes::Int32Type>().value(at);
            all.push(Row {
                collection: observations.collection.as_str().to_owned(),
                feature: text("feature_id", at),
                time: Instant(time).to_string(),
                discriminator: text("discriminator", at),
                version: text("version", at),
                order,
                values,
            });
        }
    }
    all
}

/// Reads a real file and checks what holds for all of them: keys are unique, and declared parameters have a unit.
fn real(shared: &Path, file: &str, kind: SourceKind) -> (Got, Vec<Row>) {
    let path = shared.join("insitu").join(file);
    let (found, got) = read_path(&path, &SourceOptions::default());
    assert_eq!(found, kind, "{file}");
    assert_eq!(got.bytes, size_bytes(&path).unwrap(), "{file}");
    let rows = rows(&got);
    let keys: BTreeSet<_> = rows.iter().map(|r| (&r.feature, &r.time, &r.discriminator, &r.version)).collect();
    assert_eq!(keys.len(), rows.len(), "{file} gives a key twice");
    for collection in &got.collections {
        ObservationModel::of(&collection.body).unwrap();
    }
    (got, rows)
}

fn count(rows: &[Row], parameter: &str) -> usize {
    rows.iter().filter(|r| r.values.contains_key(parameter)).count()
}

#[test]
fn the_daily_values_of_camels_fr_are_all_there() {
    let Some(shared) = shared("CAMELS-FR") else { return };
    let (got, rows) = real(&shared, "france_camelsfr/camelsfr_daily.parquet", SourceKind::ValueTable);
    assert_eq!((rows.len(), got.rejections.len(), got.items.len()), (102_270, 0, 0));
    assert_eq!((count(&rows, "discharge"), count(&rows, "precipitation")), (102_270 - 512, 102_270));
    assert_eq!(got.collection_ids(), ["camels-fr-stations"]);
    let first = Row::of(&rows, "A273011002", "1999-01-01T00:00:00Z", "");
    let expected = json!({"precipitation": 0.0, "air_temperature": -0.1, "potential_evapotranspiration": 0.2,
                          "discharge": 5470, "specific_discharge": 2.109});
    assert_eq!(json!(first.values), sorted(expected));
    let model = ObservationModel::of_collection(&got.collections[0]);
    let discharge = model.parameter("discharge").unwrap();
    assert_eq!((discharge.unit.as_deref(), discharge.period.as_deref()), (Some("L/s"), Some("P1D")));
}

fn sorted(value: Value) -> Value {
    let map: BTreeMap<String, Value> = value.as_object().unwrap().clone().into_iter().collect();
    json!(map)
}

#[test]
fn the_yearly_values_of_lakes_come_together_by_lake_and_year() {
    let Some(shared) = shared("lake temperatures") else { return };
    let (got, rows) = real(&shared, "world_laketemps/laketemps_values.parquet", SourceKind::ValueTable);
    let values: usize = rows.iter().map(|r| r.values.len()).sum();
    assert_eq!((values, got.rejections.len()), (227_875, 1));
    assert!(got.rejections[0].reason.contains("siteID"), "{:?}", got.rejections);
    assert_eq!(count(&rows, "lake_temperature_summer_in_situ"), 3256);
    assert_eq!(count(&rows, "lake_temperature_summer_satellite"), 3280);
    let row = Row::of(&rows, "1", "1985-01-01T00:00:00Z", "");
    assert_eq!(row.values["air_temperature_mean_summer_ncep"], 20.6);
}

#[test]
fn nitrates_are_apart_by_unit_and_none_is_lost_where_samples_share_their_day() {
    let Some(shared) = shared("nitrates") else { return };
    let (got, rows) = real(&shared, "france_hubeau/naiades_nitrates_dep21.parquet", SourceKind::ValueTable);
    assert_eq!((rows.len(), got.rejections.len()), (13_314, 0));
    let counts = ["nitrate", "nitrate_unspecified", "nitrate_as_co3"].map(|p| count(&rows, p));
    assert_eq!(counts, [13_261, 33, 20]);
    let stations: BTreeSet<&str> = rows.iter().map(|r| r.feature.as_str()).collect();
    assert_eq!(stations.len(), 329);
    // The issue counts each result but the first of its station, day and fraction.
    assert!(rows.iter().any(|r| r.discriminator.contains("#2")));
    let row = &rows[0];
    assert_eq!((row.feature.as_str(), row.time.as_str()), ("06011000", "2000-01-11T00:00:00Z"));
    assert_eq!(row.values["nitrate"], 13.0);
}

#[test]
fn yearly_means_of_the_water_table_name_their_datum() {
    let Some(shared) = shared("ADES") else { return };
    let file = "france_hubeau/ades_yearly_mean_water_table_level.csv.gz";
    let (got, rows) = real(&shared, file, SourceKind::ValueTable);
    assert_eq!((rows.len(), got.rejections.len()), (74, 0));
    let row = Row::of(&rows, "05896X0053/P", "2015-01-01T00:00:00Z", "");
    assert_eq!(row.values["water_table_level"], 141.4454467485919);
    let model = ObservationModel::of_collection(&got.collections[0]);
    assert!(model.parameter("water_table_level").unwrap().datum.as_deref().unwrap().starts_with("NGF"));
}

#[test]
fn every_value_of_hydat_is_there_with_its_symbol_and_datum() {
    let Some(shared) = shared("HYDAT") else { return };
    let (got, rows) = real(&shared, "canada_hydat/tinyhydat.sqlite3", SourceKind::Hydat);
    assert_eq!(got.rejections, []);
    assert_eq!((got.items.len(), got.collection_ids()), (5, vec!["hydat-stations"]));
    let kinds = |prefix: &str| rows.iter().filter(|r| r.discriminator.starts_with(prefix)).count();
    assert_eq!((kinds("peak:"), kinds("sample:"), kinds("grain:")), (416, 1308, 2000));
    let row = Row::of(&rows, "05AA008", "2012-01-01T00:00:00Z", "level");
    assert_eq!(row.values["water_level"], 1.281000018119812);
    // Arrow Reservoir refers to the geodetic datum of Canada, not to a local one.
    assert!(rows.iter().all(|r| r.feature != "08NE102" || !r.values.contains_key("water_level")));
    assert!(rows.iter().any(|r| r.feature == "08NE102" && r.values.contains_key("water_level_datum_35")));
    // 2012-04-24 19:00 in the standard time of the mountains.
    let peak = Row::of(&rows, "05AA008", "2012-04-25T02:00:00Z", "peak:H:H");
    assert_eq!(peak.values["water_level_peak_maximum"], 2.1480000019073486);
    assert_eq!(peak.version, "1.0 2022-07-21");
    let station = got.item("hydat-stations", "05AA008");
    assert_eq!(
        (&station.properties["status"], &station.properties["datum"]),
        (&json!("active"), &json!("ASSUMED DATUM"))
    );
    let list = SourceOptions { existing_collections: ["hydat-stations".to_owned()].into(), ..SourceOptions::default() };
    let mut again = Got { known: list.existing_collections.clone(), ..Got::default() };
    read(&shared.join("insitu/canada_hydat/tinyhydat.sqlite3"), &list, &mut again).unwrap();
    assert!(again.items.is_empty(), "stations of the list stay as they are");
    let beside = std::fs::read_dir(shared.join("insitu/canada_hydat")).unwrap().count();
    assert_eq!(beside, 3, "nothing is written beside the database");
}

#[test]
fn two_exports_of_a_dutch_filter_are_one_series_of_which_the_one_to_nap_is_shown() {
    let Some(shared) = shared("DINO") else { return };
    let folder = "netherlands_dino_groundwater/2019-Dino-test/Grondwaterstanden_Put";
    let (nap_got, nap) = real(&shared, &format!("{folder}/B33F0080001_1.csv"), SourceKind::Dino);
    let (_, mv) = real(&shared, &format!("{folder}/B33F0080001_0.csv"), SourceKind::Dino);
    assert_eq!((nap.len(), mv.len()), (3988, 3988));
    let keys = |rows: &[Row]| -> BTreeSet<(String, String, String)> {
        rows.iter().map(|r| (r.feature.clone(), r.time.clone(), r.discriminator.clone())).collect()
    };
    assert_eq!(keys(&nap), keys(&mv));
    assert!(nap[0].order > mv[0].order && nap[0].version == "2015-10-05 NAP" && mv[0].version == "2015-10-05 MV");
    let first = Row::of(&nap, "B33F0080_001", "1972-11-28T00:00:00Z", "");
    assert_eq!(json!(first.values), json!({"depth_below_mp": 141.0, "depth_below_mv": 109.0, "head_nap": 576.0}));
    let item = nap_got.item("dino-stations", "B33F0080_001");
    assert_eq!(item.properties["history"].as_array().unwrap().len(), 4);
    assert!(item.properties["position_source"].as_str().unwrap().contains("EPSG:28992"));
}

#[test]
fn every_file_of_dino_is_read_and_only_wells_without_levels_are_rejected() {
    let Some(shared) = shared("DINO folder") else { return };
    let root = shared.join("insitu/netherlands_dino_groundwater");
    let (mut rows_total, mut files, mut features) = (0, 0, BTreeSet::new());
    let mut rejected = Vec::new();
    for folder in [
        "2019-Dino-test/Grondwaterstanden_Put",
        "2019-Dino-test/Peilschaal",
        "2019-Dino-test/Grondwatersamenstellingen_Put",
        "2024-Dino-test/DINO_Grondwaterstanden",
    ] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let (kind, got) = read_path(&path, &SourceOptions::default());
            assert_eq!(kind, SourceKind::Dino, "{}", path.display());
            let rows = rows(&got);
            rows_total += rows.len();
            files += 1;
            features.extend(rows.iter().map(|r| r.feature.clone()));
            features.extend(got.items.iter().map(|i| i.id.as_str().to_owned()));
            rejected.extend(got.rejections);
        }
    }
    assert_eq!(files, 54);
    // 27 filters, of which 2 have no levels and are not named in their files, 4 gauges, 3 wells.
    assert_eq!(features.len(), 25 + 4 + 3, "{features:?}");
    assert_eq!(rejected.len(), 3, "{rejected:?}");
    assert_eq!(rows_total, 51_990);
}

#[test]
fn groundwater_quality_and_staff_gauges_have_their_own_parameters() {
    let Some(shared) = shared("DINO quality") else { return };
    let folder = "netherlands_dino_groundwater/2019-Dino-test";
    let (got, rows) = real(&shared, &format!("{folder}/Grondwatersamenstellingen_Put/B52C0057.txt"), SourceKind::Dino);
    let row = Row::of(&rows, "B52C0057", "1960-03-09T00:00:00Z", "C1960-03-1015");
    assert_eq!(
        (&row.values["ca_mg_l"], &row.values["ph"], &row.values["sample_top_mv_cm"]),
        (&json!(12.5), &json!(6.3), &json!(2867.0))
    );
    assert_eq!((rows.len(), got.items.len(), got.rejections.len()), (1, 1, 0));
    let (got, rows) = real(&shared, &format!("{folder}/Peilschaal/P58A0001.csv"), SourceKind::Dino);
    assert_eq!((rows.len(), got.items.len(), got.rejections.len()), (775, 1, 0));
    let row = Row::of(&rows, "P58A0001", "1963-06-14T00:00:00Z", "");
    assert_eq!(json!(row.values), json!({"water_level_nap": 2751.0}));
}

#[test]
fn answers_of_the_usgs_keep_units_qualifiers_and_time_zones() {
    let Some(shared) = shared("USGS") else { return };
    let folder = "usa_usgs_dataretrieval";
    let (got, rows) = real(&shared, &format!("{folder}/waterservices_dv.txt"), SourceKind::UsgsJson);
    assert_eq!((rows.len(), got.items.len(), got.rejections.len()), (4, 2, 0));
    let row = Row::of(&rows, "USGS-01491000", "2020-02-14T00:00:00Z", "68077");
    assert_eq!(json!(row.values), json!({"discharge_00060_00003": 466.0, "qualifiers": "P"}));
    let (got, rows) = real(&shared, &format!("{folder}/waterservices_iv.txt"), SourceKind::UsgsJson);
    assert_eq!((rows.len(), got.items.len(), got.rejections.len()), (20, 2, 0));
    let row = Row::of(&rows, "USGS-01491000", "2019-02-14T05:15:00Z", "69513");
    assert_eq!(json!(row.values), json!({"gage_height_00065": 6.48, "qualifiers": "A"}));
    let model = ObservationModel::of_collection(&got.collections[0]);
    assert_eq!(model.parameter("gage_height_00065").unwrap().unit.as_deref(), Some("[ft_i]"));
    let (got, _) = real(&shared, &format!("{folder}/nwis_sites.txt"), SourceKind::UsgsRdb);
    assert_eq!((got.items.len(), got.rejections.len()), (206, 0));
    let (got, _) = real(&shared, &format!("{folder}/waterservices_site.txt"), SourceKind::UsgsRdb);
    let site = &got.item("usgs-nwis", "USGS-01645000").properties;
    assert_eq!((&site["elevation_ft"], &site["elevation_datum"]), (&json!(213.31), &json!("NAVD88")));
    let (got, rows) = real(&shared, &format!("{folder}/waterservices_peaks.txt"), SourceKind::UsgsRdb);
    assert_eq!((rows.len(), got.rejections.len()), (20, 0));
    let row = Row::of(&rows, "USGS-01594440", "2001-06-08T00:00:00Z", "peak");
    let expected = json!({"annual_peak_discharge": 3800.0, "annual_peak_discharge_codes": "5",
                          "annual_peak_gage_height": 12.05, "time_local": "06:30"});
    assert_eq!(json!(row.values), expected);
    for (file, reason) in [("ratings", "rating curve"), ("stats", "no date")] {
        let path = shared.join(format!("insitu/{folder}/waterservices_{file}.txt"));
        let error = read(&path, &SourceOptions::default(), &mut Got::default()).unwrap_err();
        assert!(error.problem().detail.contains(reason), "{error}");
    }
}

#[test]
fn a_series_in_rdb_is_told_apart_by_its_number_and_keeps_words_for_no_value() {
    let text = "# comment\nagency_cd\tsite_no\tdatetime\ttz_cd\t69512_00060\t69512_00060_cd\t7_00065\t7_00065_cd\n\
                5s\t15s\t20d\t6s\t14n\t10s\t14n\t10s\n\
                USGS\t01491000\t2019-02-14 23:15\tEST\t974\tA\tIce\tP\n\
                USGS\t01491000\t2019-02-14 23:30\tXXX\t974\tA\t\t\n";
    let (kind, got) = read_text("x.txt", text, &SourceOptions::default());
    let rows = rows(&got);
    assert_eq!((kind, rows.len(), got.rejections.len()), (SourceKind::UsgsRdb, 2, 1));
    let row = Row::of(&rows, "USGS-01491000", "2019-02-15T04:15:00Z", "69512");
    assert_eq!(json!(row.values), json!({"discharge_00060": 974.0, "qualifiers": "A"}));
    let row = Row::of(&rows, "USGS-01491000", "2019-02-15T04:15:00Z", "7");
    assert_eq!(json!(row.values), json!({"qualifiers": "P Ice"}));
    assert!(got.rejections[0].reason.contains("XXX"));
}

#[test]
fn a_unit_that_is_not_that_of_its_code_is_rejected() {
    let text = r#"{"value":{"timeSeries":[{"sourceInfo":{"siteCode":[{"value":"1"}]},"variable":{"variableCode":[{"value":"00060"}],"unit":{"unitCode":"m3/s"}},"values":[]}]}}"#;
    let (kind, got) = read_text("x.json", text, &SourceOptions::default());
    assert_eq!((kind, got.rejections.len()), (SourceKind::UsgsJson, 1));
    assert!(got.rejections[0].reason.contains("m3/s"));
}

#[test]
fn results_of_water_samples_are_apart_by_characteristic_and_unit() {
    let Some(shared) = shared("water quality") else { return };
    let folder = "usa_usgs_dataretrieval";
    let (got, rows) = real(&shared, &format!("{folder}/samples_results.txt"), SourceKind::WaterQuality);
    assert_eq!((rows.len(), got.items.len(), got.rejections.len()), (67, 1, 0));
    assert_eq!(count(&rows, "stream_flow_instantaneous_ft3_sec"), 3);
    assert_eq!(count(&rows, "stream_flow_instantaneous_m3_sec"), 3);
    assert_eq!(count(&rows, "detection_condition"), 4);
    // 08:50 in the summer time of the centre.
    assert!(rows.iter().any(|r| r.time == "2023-08-22T13:50:00Z"));
    for file in ["wqp_results.txt", "wqp3_results.txt"] {
        let (got, rows) = real(&shared, &format!("{folder}/{file}"), SourceKind::WaterQuality);
        assert_eq!((rows.len(), got.rejections.len(), count(&rows, "specific_conductance_us_cm")), (5, 0, 5), "{file}");
    }
}

const SWOT_PAIRS: &str = r#"
collection = "lake-pairs"
id = ["usgs_site_no"]
lon = "usgs_long"
lat = "usgs_lat"
crs = "NAD83"
[observations]
feature = ["usgs_site_no"]
time = "dateTime"
discriminator = ["swot_lake_id", "swot_datetime"]
ordinal = true
[[observations.parameters]]
column = "swot_wse"
name = "wse"
unit = "m"
datum = "EGM2008"
[[observations.parameters]]
column = "usgs_X_62615_00000"
name = "lake_elevation"
unit = "[ft_i]"
datum = "NAVD88"
[[observations.parameters]]
column = "swot_quality_f"
name = "quality"
type = "integer"
"#;

#[test]
fn a_mapping_of_the_caller_keeps_feet_and_metres_apart() {
    let Some(shared) = shared("SWOT and gauges") else { return };
    let options = SourceOptions { mapping: Some(Mapping::parse(SWOT_PAIRS).unwrap()), ..SourceOptions::default() };
    let mut got = Got::default();
    let path = shared.join("swot/podaac_tutorials/usgs_swot_merged_example.csv");
    assert_eq!(read(&path, &options, &mut got).unwrap(), SourceKind::Inventory);
    let rows = rows(&got);
    assert_eq!((rows.len(), got.items.len(), got.rejections.len()), (425, 78, 0));
    let row = Row::of(&rows, "10382000", "2024-01-25T09:30:00Z", "7730010462/2024-01-25 09:32:17.380000+00:00");
    assert_eq!(json!(row.values), json!({"lake_elevation": 4251.07, "quality": 0, "wse": 1294.975}));
    let model = ObservationModel::of_collection(&got.collections[0]);
    let units = ["wse", "lake_elevation"].map(|name| model.parameter(name).unwrap().unit.clone().unwrap());
    assert_eq!(units, ["m", "[ft_i]"]);
}

const LEVELS: &str = r#"
delimiter = ";"
[observations]
collection = "wells"
feature = ["code"]
time = "date"
time_format = "%d/%m/%Y %H:%M"
timezone = "+01:00"
missing = ["-999"]
[[observations.parameters]]
column = "h"
name = "level"
unit = "m"
source_unit = "[ft_i]"
scale = 0.3048
"#;

fn with_mapping(mapping: &str, text: &str) -> Result<(SourceKind, Got), nilometer_indexer::Error> {
    let options = SourceOptions { mapping: Some(Mapping::parse(mapping)?), ..SourceOptions::default() };
    let mut got = Got::default();
    let kind = read_bytes("x.csv", text.as_bytes(), &options, &mut got)?;
    Ok((kind, got))
}

#[test]
fn values_are_converted_as_declared_and_what_cannot_be_read_is_rejected() {
    let text = "code;date;h\na;01/03/2024 00:30;10\na;01/03/2024 01:30;-999\na;01/03/2024 02:30;high\n\
                ;01/03/2024 00:30;1\na;tomorrow;1\na;01/03/2024 00:30;11\n";
    let (kind, got) = with_mapping(LEVELS, text).unwrap();
    let rows = rows(&got);
    assert_eq!((kind, rows.len()), (SourceKind::ValueTable, 3));
    assert_eq!(json!(Row::of(&rows, "a", "2024-02-29T23:30:00Z", "").values), json!({"level": 3.048}));
    assert_eq!(json!(Row::of(&rows, "a", "2024-03-01T00:30:00Z", "").values), json!({}));
    let reasons: Vec<(&str, &str)> = got.rejections.iter().map(|r| (r.record.as_str(), &r.reason[..12])).collect();
    assert_eq!(
        reasons,
        [
            ("line 4", "h is \"high\","),
            ("line 5", "the row has "),
            ("line 6", "date is \"tom"),
            ("line 7", "it repeats t")
        ]
    );
}

#[test]
fn times_without_an_offset_need_a_time_zone() {
    let mapping = LEVELS.replace("timezone = \"+01:00\"\n", "");
    let problem = Mapping::parse(&mapping).unwrap_err();
    assert!(problem.detail.contains("timezone"), "{problem}");
    let mapping = mapping.replace("%d/%m/%Y %H:%M", "rfc3339");
    let error = with_mapping(&mapping, "code;date;h\na;2024-03-01T00:30:00;1\n").err().unwrap();
    assert_eq!(error.problem().code, "timezone");
    let (_, got) = with_mapping(&mapping, "code;date;h\na;2024-03-01T00:30:00-01:00;1\n").unwrap();
    assert_eq!(rows(&got)[0].time, "2024-03-01T01:30:00Z");
}

#[test]
fn a_mapping_of_values_with_a_mistake_is_refused_with_a_reason() {
    for (from, to, reason) in [
        ("source_unit = \"[ft_i]\"\n", "", "without source_unit"),
        ("scale = 0.3048\n", "", "without scale"),
        ("scale = 0.3048", "scale = 0.0", "loses"),
        ("unit = \"m\"\n", "", "without unit"),
        ("name = \"level\"", "name = \"feature_id\"", "feature_id"),
        ("feature = [\"code\"]", "feature = []", "feature"),
        ("missing = [", "mising = [", "mising"),
        ("+01:00", "CET", "CET"),
        ("delimiter = \";\"", "collection = \"others\"", "another collection"),
        ("delimiter = \";\"", "lon = \"x\"", "id names no column"),
        ("missing", "value_column = \"v\"\nmissing", "go together"),
    ] {
        let mapping = LEVELS.replace(from, to);
        let problem = Mapping::parse(&mapping).expect_err(reason);
        assert!(problem.detail.contains(reason), "{problem}");
    }
}

#[test]
fn hostile_tables_and_databases_are_refused_and_never_a_panic() {
    let Some(shared) = shared("hostile files") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut state = 0x9e37_79b9_u64;
    for (file, name) in
        [("france_hubeau/naiades_nitrates_dep21.parquet", "a.parquet"), ("canada_hydat/tinyhydat.sqlite3", "a.sqlite3")]
    {
        let whole = std::fs::read(shared.join("insitu").join(file)).unwrap();
        let path = dir.path().join(name);
        for cut in [4, 16, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut got = Got::default();
            let read = read(&path, &SourceOptions::default(), &mut got);
            assert!(read.is_err() || !got.rejections.is_empty() || name == "a.sqlite3", "{name} cut at {cut}");
        }
        for _ in 0..15 {
            let mut bytes = whole.clone();
            for _ in 0..20 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len();
                bytes[at] ^= (state >> 20) as u8 | 1;
            }
            std::fs::write(&path, &bytes).unwrap();
            let _ = read(&path, &SourceOptions::default(), &mut Got::default());
        }
    }
    let problem = refused("a.sqlite3", b"SQLite format 3\0rest");
    assert!(problem.detail.contains("plain file"), "{problem}");
    let problem = refused("a.parquet", b"PAR1PAR1");
    assert_eq!(problem.code, "unknown-source");
}
