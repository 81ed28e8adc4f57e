//! The real files of the shared data: every record of them is accounted for.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use nilometer_indexer::source::{Mapping, SourceKind, SourceOptions, read, read_bytes, recognise, size_bytes};
use nilometer_schemas::Item;
use serde_json::{Value, json};

use crate::support::*;

/// Reads a real file and checks that every record of it is accounted for.
fn real(shared: &Path, file: &str, kind: SourceKind, items: usize, rejected: usize) -> Got {
    let path = shared.join(file);
    let (found, got) = read_path(&path, &SourceOptions::default());
    assert_eq!(found, kind, "{file}");
    assert_eq!((got.items.len(), got.rejections.len()), (items, rejected), "{file}: {:?}", got.rejections.first());
    assert_eq!(got.bytes, size_bytes(&path).unwrap(), "{file}");
    let distinct: HashSet<_> = got.items.iter().map(|i| (i.collection.as_str(), i.id.as_str())).collect();
    assert_eq!(distinct.len(), got.items.len(), "{file} gives an id twice");
    got
}

fn undated(item: &Item) -> bool {
    item.datetime.is_none()
        && item.start.to_string() == "1900-01-01T00:00:00Z"
        && item.end.to_string() == "2100-01-01T00:00:00Z"
}

#[test]
fn the_real_station_inventories_give_every_station() {
    let Some(shared) = shared("station inventories") else { return };
    let inventory = |file: &str, collection: &str, items| {
        let got = real(&shared, &format!("insitu/{file}"), SourceKind::Inventory, items, 0);
        assert_eq!(got.counts(), BTreeMap::from([(collection, items)]));
        assert!(got.items.iter().all(undated));
        got
    };
    let hydat = inventory("canada_hydat/allstations.csv", "hydat-stations", 8046);
    let active = hydat.items.iter().filter(|i| i.properties.get("status") == Some(&json!("active"))).count();
    assert_eq!(active, 2888);
    assert_eq!(hydat.item("hydat-stations", "01AD003").properties["province"], "NB");
    let camels = inventory("usa_camels/camels_attributes_v2.0/camels_topo.txt", "camels-us-stations", 671);
    let fish = &camels.item("camels-us-stations", "01013500").properties;
    assert_eq!(fish["title"], "Fish River near Fort Kent, Maine (01013500)");
    assert_eq!((&fish["hydrologic_region"], &fish["catchment_area_km2"]), (&json!("01"), &json!(2252.7)));
    let french = inventory("france_camelsfr/camelsfr_stations.csv.gz", "camels-fr-stations", 14);
    assert_eq!(french.items[0].properties["former_code"], "A2732010");
    let lakes = inventory("world_laketemps/laketemps_lakes.csv.gz", "laketemps-lakes", 348);
    let chub = lakes.item("laketemps-lakes", "71");
    assert!(chub.geometry.is_none() && chub.properties["name"].as_str().unwrap().contains("Chub"));
    assert_eq!(lakes.items.iter().filter(|i| i.properties["method"] == "satellite").count(), 162);
    let kinds: HashSet<_> = lakes.items.iter().map(|i| i.properties["lake_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, HashSet::from(["lake", "reservoir"]));
    assert!(lakes.items.iter().all(|i| !i.text.as_str().contains('@')), "no addresses of people");
    let naiades = inventory("france_hubeau/naiades_stations_dep21.csv.gz", "naiades-stations", 468);
    assert_eq!(naiades.item("naiades-stations", "03000033").properties["commune"], "Billy-lès-Chanceaux");
    inventory("france_hubeau/ades_stations.csv.gz", "ades-piezometers", 16);
    inventory("france_hubeau/onde_stations.csv.gz", "onde-stations", 31);
}

#[test]
fn another_inventory_is_read_with_a_mapping_of_the_caller() {
    let Some(shared) = shared("USGS site file") else { return };
    let mapping = r#"
        collection = "usgs"
        delimiter = "blank"
        id = ["site_no"]
        name = "station_nm"
        lon = "dec_long_va"
        lat = "dec_lat_va"
        crs = "NAD83"
        missing = ["NA"]
        [[properties]]
        column = "drain_area_va"
        name = "drainage_area_mi2"
        type = "number"
    "#;
    let options = SourceOptions { mapping: Some(Mapping::parse(mapping).unwrap()), ..SourceOptions::default() };
    let mut got = Got::default();
    read(&shared.join("insitu/usa_usgs_restore2018/sitefile.csv"), &options, &mut got).unwrap();
    assert_eq!(got.items.len() + got.rejections.len(), 1382);
    assert_eq!(got.rejections, []);
    let distinct: HashSet<_> = got.ids().into_iter().collect();
    assert_eq!(distinct.len(), 1379);
    assert_eq!(got.item("usgs", "02294161").properties["drainage_area_mi2"], 204.8);
}

#[test]
fn the_real_virtual_stations_are_all_there() {
    let Some(shared) = shared("virtual stations") else { return };
    let got = real(&shared, "hydroweb/byu_vstations/vstations.json.gz", SourceKind::HydrowebStations, 12_973, 0);
    let count = |member: &str, value: &str| got.items.iter().filter(|i| i.properties[member] == value).count();
    assert_eq!((count("station_type", "river"), count("station_type", "lake")), (12_546, 427));
    assert_eq!((count("status", "operational"), count("status", "research")), (11_555, 1_418));
    assert!(got.items.iter().all(undated));
    let victoria = got.item("hydroweb-virtual-stations", "L_victoria");
    let geo::Geometry::Point(place) = victoria.geometry.as_ref().unwrap() else { panic!("a point") };
    assert!((30.0..36.0).contains(&place.x()) && (-4.0..2.0).contains(&place.y()), "longitude first: {place:?}");
}

const REACH_GRANULE: &str =
    "swot/hydrocron_granules/SWOT_L2_HR_RiverSP_Reach_049_058_AU_20260419T185249_20260419T190852_PID0_01.zip";
const LAKE_GRANULE: &str =
    "swot/hydrocron_granules/SWOT_L2_HR_LakeSP_Prior_018_100_GR_20240713T111741_20240713T112027_PIC0_01.zip";

#[test]
fn a_real_river_granule_gives_itself_and_its_reaches() {
    let Some(shared) = shared("river granule") else { return };
    let got = real(&shared, REACH_GRANULE, SourceKind::SwotGranule, 53, 0);
    assert_eq!(got.counts(), BTreeMap::from([("SWOT_L2_HR_RiverSP_D", 1), ("SWOT_L2_HR_RiverSP_reach_D", 52)]));
    let reaches: Vec<&Item> =
        got.items.iter().filter(|i| i.collection.as_str() == "SWOT_L2_HR_RiverSP_reach_D").collect();
    assert_eq!(reaches.iter().filter(|i| i.properties["observed"] == true).count(), 33);
    assert!(reaches.iter().all(|i| i.geometry.is_some() && undated(i)));
    let grey = &got.item("SWOT_L2_HR_RiverSP_reach_D", "57203000041").properties;
    assert_eq!((&grey["name"], &grey["sword_version"]), (&json!("Grey River"), &json!("17b")));
    assert_eq!((&grey["rch_id_up"], &grey["p_n_nodes"]), (&json!(["57203000051"]), &json!(52)));
    assert!(!grey.contains_key("wse") && !grey.contains_key("p_maf"), "neither measured nor fill values");
    let granule = got.item("SWOT_L2_HR_RiverSP_D", STEM);
    let p = &granule.properties;
    assert_eq!((&p["swot:cycle"], &p["swot:pass"], &p["version"]), (&json!(49), &json!(58), &json!("D")));
    assert_eq!((&p["datetime"], &p["end_datetime"]), (&json!("2026-04-19T18:52:49Z"), &json!("2026-04-19T19:08:52Z")));
    let text: Value = serde_json::from_str(granule.text.as_str()).unwrap();
    assert_eq!(text["assets"]["data"]["href"], format!("{STEM}.zip"));
    assert_eq!(text["assets"]["data"]["file:size"], 465_691);
    use geo::{BoundingRect, Intersects};
    let footprint = granule.geometry.as_ref().unwrap();
    assert!(reaches.iter().all(|r| footprint.intersects(r.geometry.as_ref().unwrap())));
    let rect = footprint.bounding_rect().unwrap();
    assert!(rect.min().y < -44.0 && rect.max().y > 10.0, "the whole pass over the continent: {rect:?}");
}

#[test]
fn a_real_lake_granule_gives_every_prior_lake_with_the_outline_where_there_is_one() {
    let Some(shared) = shared("lake granule") else { return };
    let got = real(&shared, LAKE_GRANULE, SourceKind::SwotGranule, 5390, 0);
    let lakes: Vec<&Item> =
        got.items.iter().filter(|i| i.collection.as_str() == "SWOT_L2_HR_LakeSP_prior_2.0").collect();
    assert_eq!(lakes.len(), 5389);
    assert_eq!(lakes.iter().filter(|i| i.geometry.is_some()).count(), 951);
    assert_eq!(lakes.iter().filter(|i| i.properties["observed"] == true).count(), 948);
    let bare = got.item("SWOT_L2_HR_LakeSP_prior_2.0", "9120145452");
    assert!(bare.geometry.is_none());
    assert_eq!((&bare.properties["p_lon"], &bare.properties["pld_version"]), (&json!(-49.783647), &json!("105")));
    for item in &got.items {
        assert!(!item.text.as_str().contains("-9999") && !item.text.as_str().contains("no_data"), "{}", item.id);
    }
    use geo::orient::{Direction, Orient};
    for lake in &lakes {
        let Some(geo::Geometry::Polygon(polygon)) = &lake.geometry else { continue };
        assert_eq!(polygon, &polygon.orient(Direction::Default), "{}: rings turn as RFC 7946 says", lake.id);
    }
    assert_eq!(got.counts()["SWOT_L2_HR_LakeSP_2.0"], 1);
}

#[test]
fn the_real_static_catalogue_gives_all_its_collections_and_every_stac_item() {
    let Some(shared) = shared("static catalogue") else { return };
    let file = "stac/esa_osc/open-science-catalog-metadata_b539bd3b_json.tar.gz";
    let (kind, got) = read_path(&shared.join(file), &SourceOptions::default());
    assert_eq!(kind, SourceKind::StacArchive);
    let described = got.collections.iter().filter(|c| !c.description("en").contains("came without a description"));
    assert_eq!(described.count(), 559);
    assert_eq!(got.items.len() + got.rejections.len(), 324, "{:?}", got.rejections);
    let records = got.rejections.iter().filter(|r| r.reason.contains("Records")).count();
    assert_eq!(records, 26);
    let others: Vec<_> = got.rejections.iter().filter(|r| !r.reason.contains("Records")).collect();
    assert_eq!((got.items.len(), others.len()), (298, 0), "{others:?}");
}

#[test]
fn the_real_stac_files_of_all_versions_are_read_as_they_came() {
    let Some(shared) = shared("STAC files") else { return };
    let check = |file: &str, collections: usize, items: usize, rejected: usize| {
        let (_, got) = read_path(&shared.join("stac").join(file), &SourceOptions::default());
        let counts = (got.collections.len(), got.items.len(), got.rejections.len());
        assert_eq!(counts, (collections, items, rejected), "{file}: {:?}", got.rejections);
        got
    };
    check("pystac-client/sample-item-collection.json", 1, 10, 0);
    check("pystac-client/planetary-computer-collection.json", 1, 0, 0);
    check("pystac-client/planetary-computer-root.json", 0, 0, 0);
    check("pystac-client/astraea_api.json", 0, 0, 0);
    check("rustac/crates/server/data/sentinel-2/item-collection.json", 1, 10, 0);
    check("rustac/crates/io/mocks/collections-page-1.json", 10, 0, 0);
    check("altimetry-extension/examples/sentinel3.json", 1, 1, 0);
    check("pgstac/src/pgstac/tests/testdata/collections.json", 1, 0, 0);
    check("joplin/index.geojson", 1, 30, 0);
    check("stac-spec", 5, 4, 1);
    let old = check("stac-server/stac/collectionNoChildren.json", 1, 0, 0);
    assert_eq!(old.collections[0].body["stac_version"], "0.8.0");
}

#[test]
fn the_real_reference_places_have_readable_ids_and_names() {
    let Some(shared) = shared("reference places") else { return };
    let ne = "basemap/natural_earth";
    let countries = real(
        &shared,
        &format!("{ne}/50m/cultural/ne_50m_admin_0_countries.geojson.gz"),
        SourceKind::NaturalEarth,
        241,
        0,
    );
    let germany = &countries.item("countries", "DEU").properties;
    assert_eq!((&germany["name"], &germany["name_fr"]), (&json!("Germany"), &json!("Allemagne")));
    for code in ["FRA", "NOR", "EGY"] {
        assert!(undated(countries.item("countries", code)));
    }
    assert!(countries.items.iter().all(|c| c.properties.contains_key("name_fr")));
    real(&shared, &format!("{ne}/110m/cultural/ne_110m_admin_0_countries.geojson"), SourceKind::NaturalEarth, 177, 0);
    let lakes = real(&shared, &format!("{ne}/10m/physical/ne_10m_lakes.geojson.gz"), SourceKind::NaturalEarth, 1354, 0);
    assert!(lakes.items.iter().any(|l| l.id.as_str() == "lake-victoria"));
    let baikal = real(&shared, &format!("{ne}/110m/physical/ne_110m_lakes.geojson"), SourceKind::NaturalEarth, 25, 0);
    assert_eq!(baikal.item("lakes", "lake-baikal").properties["title"], "Lake Baikal");
    let rivers = format!("{ne}/10m/physical/ne_10m_rivers_lake_centerlines.geojson.gz");
    let rivers = real(&shared, &rivers, SourceKind::NaturalEarth, 1454, 1);
    assert!(rivers.rejections[0].reason.contains("Loire has no geometry"), "{:?}", rivers.rejections);
    assert!(rivers.items.iter().any(|r| r.id.as_str() == "nile"));
    let places = shared.join(format!("{ne}/110m/physical/ne_110m_land.geojson"));
    assert_eq!(recognise(&places).unwrap_err().problem().code, "unknown-source");
}

#[test]
fn a_damaged_real_granule_is_never_a_panic() {
    let Some(shared) = shared("damaged granule") else { return };
    let whole = std::fs::read(shared.join(REACH_GRANULE)).unwrap();
    // The entries are stored, not compressed, so each flip reaches the table or the shapes (or a checksum).
    let mut state = 0x9e37_79b9_u64;
    for _ in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] ^= (state >> 20) as u8 | 1;
        }
        let mut got = Got::default();
        let read = read_bytes("g.zip", &bytes, &SourceOptions::default(), &mut got);
        assert!(read.is_err() || !got.rejections.is_empty() || got.items.len() == 53);
    }
}
