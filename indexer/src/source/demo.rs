//! The demo data: made once from open sources, carried in the program, read back as any NDJSON.
//!
//! [`gather`] runs the ordinary readers over the open files, rounds positions and sorts the records, so that the same
//! input gives the same lines; [`build`] writes them. What each collection comes from stands in [`SOURCES`] and in the
//! ATTRIBUTION beside the written file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use nilometer_schemas::{Item, Problem};
use serde_json::{Map, Value};

use super::swot::compact_time;
use super::{Record, Rejection, Sink, SourceOptions, collections, places, read};
use crate::Error;

/// Open files of the shared data that the demo is made from, with the decimals that positions are rounded to
/// (5 are about one metre, 3 about a hundred, finer than these generalised outlines).
pub const SOURCES: [(&str, u8); 12] = [
    ("insitu/canada_hydat/allstations.csv", 5),
    ("insitu/france_camelsfr/camelsfr_stations.csv.gz", 5),
    ("insitu/usa_camels/camels_attributes_v2.0/camels_topo.txt", 5),
    ("insitu/france_hubeau/naiades_stations_dep21.csv.gz", 5),
    ("insitu/france_hubeau/ades_stations.csv.gz", 5),
    ("insitu/france_hubeau/onde_stations.csv.gz", 5),
    ("insitu/world_laketemps/laketemps_lakes.csv.gz", 5),
    ("basemap/natural_earth/50m/cultural/ne_50m_admin_0_countries.geojson.gz", 3),
    ("basemap/natural_earth/10m/physical/ne_10m_lakes.geojson.gz", 3),
    ("basemap/natural_earth/10m/physical/ne_10m_rivers_lake_centerlines.geojson.gz", 3),
    ("swot/hydrocron_granules/SWOT_L2_HR_RiverSP_Reach_049_058_AU_20260419T185249_20260419T190852_PID0_01.zip", 5),
    ("swot/hydrocron_granules/SWOT_L2_HR_LakeSP_Prior_018_100_GR_20240713T111741_20240713T112027_PIC0_01.zip", 5),
];
/// Names of SWOT products that projects quote, tab-separated.
const GRANULE_NAMES: &str = "swot/derived/swot_granule_names_seen.tsv";
/// The file that [`build`] writes: collections first, then items. One file, because a reader that is given items alone
/// would describe their collections itself.
pub const FILE: &str = "demo.ndjson.zst";
/// Level of compression: made once, read often.
const ZSTD_LEVEL: i32 = 19;

/// The records of the demo.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    /// One collection or item each, as they are written: collections by id, then items by collection and id.
    pub lines: Vec<String>,
    /// Items of each collection.
    pub items: BTreeMap<String, u64>,
    /// What was left out, and why.
    pub rejections: Vec<Rejection>,
}

#[derive(Default)]
struct Gathered {
    collections: BTreeMap<String, Value>,
    items: BTreeMap<(String, String), String>,
    rejections: Vec<Rejection>,
    decimals: u8,
}

impl Sink for Gathered {
    fn record(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Collection(collection) => {
                self.collections.insert(collection.id.as_str().to_owned(), Value::Object(collection.body));
            }
            Record::Item(item) => {
                let key = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
                self.items.insert(key, rounded(&item, self.decimals)?);
            }
        }
        Ok(())
    }

    fn rejected(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    fn progress(&mut self, _bytes: u64) {}
}

/// The item's JSON with its geometry rounded, and without what reading it back fills in again.
fn rounded(item: &Item, decimals: u8) -> Result<String, Error> {
    let damaged = |e: serde_json::Error| Problem::invalid("demo", format!("{}: {e}", item.id));
    let mut value: Value = serde_json::from_str(item.text.as_str()).map_err(damaged)?;
    if let Some(object) = value.as_object_mut() {
        for filled_in in ["bbox", "stac_version"] {
            object.shift_remove(filled_in);
        }
        if let Some(geometry) = object.get_mut("geometry") {
            round_geometry(geometry, decimals);
        }
        for empty in ["assets", "links"] {
            if object
                .get(empty)
                .is_some_and(|v| v.as_array().is_some_and(Vec::is_empty) || v == &Value::Object(Map::new()))
            {
                object.shift_remove(empty);
            }
        }
    }
    Ok(value.to_string())
}

/// Rounds all positions and drops those that fall together with the one before, as long as the shape stays one.
fn round_geometry(geometry: &mut Value, decimals: u8) {
    let Some(kind) = geometry.get("type").and_then(Value::as_str).map(str::to_owned) else { return };
    if let Some(coordinates) = geometry.get_mut("coordinates") {
        round(coordinates, decimals);
        match kind.as_str() {
            "LineString" => thin(coordinates, 2),
            "MultiLineString" | "Polygon" => {
                each(coordinates, |line| thin(line, if kind == "Polygon" { 4 } else { 2 }))
            }
            "MultiPolygon" => each(coordinates, |polygon| each(polygon, |ring| thin(ring, 4))),
            _ => {}
        }
    }
}

fn each(array: &mut Value, mut change: impl FnMut(&mut Value)) {
    if let Value::Array(parts) = array {
        parts.iter_mut().for_each(&mut change);
    }
}

fn round(value: &mut Value, decimals: u8) {
    match value {
        Value::Array(parts) => parts.iter_mut().for_each(|part| round(part, decimals)),
        Value::Number(number) => {
            let scale = 10f64.powi(i32::from(decimals));
            if let Some(x) = number.as_f64() {
                *value = ((x * scale).round() / scale).into();
            }
        }
        _ => {}
    }
}

fn thin(line: &mut Value, least: usize) {
    let Value::Array(positions) = line else { return };
    let mut kept = positions.clone();
    kept.dedup();
    if kept.len() >= least {
        *positions = kept;
    }
}

/// Items of the granules known by name: in orbit only, without place.
fn granule_names(text: &str, gathered: &mut Gathered) -> Result<(), Error> {
    let collection = collections::GRANULES_SEEN;
    gathered.collections.insert(collection.to_owned(), collections::builtin(collection));
    for (index, line) in text.lines().enumerate().skip(1) {
        let reject = |reason: &str| Rejection {
            file: GRANULE_NAMES.to_owned(),
            record: format!("line {}", index + 1),
            reason: reason.to_owned(),
        };
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, kind, start, end, crid, class, _] = *fields else {
            gathered.rejections.push(reject("the line has not 7 fields"));
            continue;
        };
        if class != "in-orbit" {
            gathered.rejections.push(reject("a simulation or test, not a product acquired in orbit"));
            continue;
        }
        let (Some(start), Some(end)) = (compact_time(start), compact_time(end)) else {
            gathered.rejections.push(reject("start or end is no time"));
            continue;
        };
        let mut p = Map::new();
        p.insert("datetime".into(), start.to_string().into());
        p.insert("start_datetime".into(), start.to_string().into());
        p.insert("end_datetime".into(), end.to_string().into());
        p.insert("title".into(), name.into());
        let product = kind.trim_start_matches("SWOT_");
        p.insert("keywords".into(), places::keywords(["SWOT".into(), kind.into(), product.replace('_', " ")]));
        p.insert("platform".into(), "SWOT".into());
        p.insert("instruments".into(), vec!["karin"].into());
        p.insert("swot:product".into(), kind.into());
        p.insert("swot:crid".into(), crid.into());
        if let Some((cycle, pass)) = cycle_and_pass(name) {
            p.insert("swot:cycle".into(), cycle.into());
            p.insert("swot:pass".into(), pass.into());
        }
        let item = Item::from_value(&places::item(collection, name, None, p), None)?;
        gathered.record(Record::Item(Box::new(item)))?;
    }
    Ok(())
}

/// The two numbers of three digits that follow each other in a product name.
fn cycle_and_pass(name: &str) -> Option<(u32, u32)> {
    let parts: Vec<&str> = name.split('_').collect();
    let number = |text: &str| (text.len() == 3).then(|| text.parse::<u32>().ok()).flatten();
    parts.windows(2).find_map(|pair| Some((number(pair[0])?, number(pair[1])?)))
}

/// Reads the open files under `shared`.
///
/// # Errors
/// An I/O error, or a source that is no longer understood.
pub fn gather(shared: &Path) -> Result<Demo, Error> {
    let mut gathered = Gathered::default();
    for (file, decimals) in SOURCES {
        gathered.decimals = decimals;
        read(&shared.join(file), &SourceOptions::default(), &mut gathered)?;
    }
    let names = shared.join(GRANULE_NAMES);
    let text = std::fs::read_to_string(&names).map_err(Error::io("read", names))?;
    granule_names(&text, &mut gathered)?;
    // Where the files lie is nobody's business.
    for rejection in &mut gathered.rejections {
        let prefix = format!("{}/", shared.display());
        rejection.file = rejection.file.trim_start_matches(&prefix).to_owned();
    }
    let mut demo = Demo { rejections: gathered.rejections, ..Demo::default() };
    for (collection, _) in gathered.items.keys() {
        *demo.items.entry(collection.clone()).or_default() += 1;
    }
    demo.lines.extend(gathered.collections.values().map(Value::to_string));
    demo.lines.extend(gathered.items.into_values());
    Ok(demo)
}

/// Writes the demo's file into the folder `out`; returns its bytes.
///
/// # Errors
/// An I/O error.
pub fn build(demo: &Demo, out: &Path) -> Result<u64, Error> {
    let path = out.join(FILE);
    let io = |e| Error::io("write", &path)(e);
    let file = File::create(&path).map_err(io)?;
    let mut encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL).map_err(io)?;
    encoder.include_checksum(true).map_err(io)?;
    for line in &demo.lines {
        encoder.write_all(line.as_bytes()).and_then(|()| encoder.write_all(b"\n")).map_err(io)?;
    }
    let file = encoder.finish().map_err(io)?;
    file.sync_all().map_err(io)?;
    Ok(file.metadata().map_err(io)?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rounding_drops_repeated_positions_and_never_breaks_a_ring() {
        let check = |mut geometry: Value, expected: Value| {
            round_geometry(&mut geometry, 1);
            assert_eq!(geometry, expected);
        };
        check(
            json!({"type": "LineString", "coordinates": [[0.0, 0.0], [0.01, 0.01], [1.04, 1.0]]}),
            json!({"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 1.0]]}),
        );
        check(
            json!({"type": "Polygon", "coordinates": [[[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.0]]]}),
            json!({"type": "Polygon", "coordinates": [[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]}),
        );
    }

    #[test]
    fn cycle_and_pass_are_the_neighbouring_numbers_of_three_digits() {
        assert_eq!(
            cycle_and_pass("SWOT_L2_HR_PIXC_007_106_084L_20231127T042004_20231127T042015_PIC0_03"),
            Some((7, 106))
        );
        assert_eq!(cycle_and_pass("SWOT_L2_LR_PreCalSSH"), None);
    }
}
