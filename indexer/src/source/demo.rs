//! The demo data: made once from open sources, carried in the program, read back as NDJSON and Parquet.
//!
//! [`gather`] runs the ordinary readers over the open files, rounds positions and sorts the records, so that the same
//! input gives the same lines and rows; [`build`] writes them. What each collection comes from stands in [`SOURCES`] and in the
//! ATTRIBUTION beside the written file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take, take_record_batch};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use nilometer_schemas::{CollectionId, Item, Problem};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};

use super::swot::compact_time;
use super::{Observations, Record, Rejection, Sink, SourceOptions, collections, places, read};
use crate::Error;
use crate::series::{ORDER, align, order_of};

/// Open files of the shared data, and folders of them, that the demo is made from, with the decimals that positions are rounded to
/// (5 are about one metre, 3 about a hundred, finer than these generalised outlines).
pub const SOURCES: [(&str, u8); 26] = [
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
    ("insitu/france_camelsfr/camelsfr_daily.parquet", 5),
    ("insitu/world_laketemps/laketemps_values.parquet", 5),
    ("insitu/france_hubeau/naiades_nitrates_dep21.parquet", 5),
    ("insitu/france_hubeau/ades_yearly_mean_water_table_level.csv.gz", 5),
    ("insitu/canada_hydat/tinyhydat.sqlite3", 5),
    ("insitu/netherlands_dino_groundwater/2019-Dino-test/Grondwaterstanden_Put", 5),
    ("insitu/netherlands_dino_groundwater/2019-Dino-test/Grondwatersamenstellingen_Put", 5),
    ("insitu/netherlands_dino_groundwater/2019-Dino-test/Peilschaal", 5),
    ("insitu/netherlands_dino_groundwater/2024-Dino-test/DINO_Grondwaterstanden", 5),
    ("insitu/usa_usgs_dataretrieval/waterservices_dv.txt", 5),
    ("insitu/usa_usgs_dataretrieval/waterservices_iv.txt", 5),
    ("swot/hydrocron_api/fixtures/ops/reach", 5),
    ("swot/hydrocron_api/fixtures/ops/node", 5),
    ("swot/hydrocron_api/fixtures/ops/priorlake", 5),
];
/// Names of SWOT products that projects quote, tab-separated.
const GRANULE_NAMES: &str = "swot/derived/swot_granule_names_seen.tsv";
/// The file that [`build`] writes: collections first, then items. One file, because a reader that is given items alone
/// would describe their collections itself.
pub const FILE: &str = "demo.ndjson.zst";
/// Folder of the files with observations, one for each collection, named by it.
pub const OBSERVATIONS: &str = "observations";
/// Level of compression: made once, read often.
const ZSTD_LEVEL: i32 = 19;
/// Rows passed on at a time.
const ROWS_AT_ONCE: usize = 100_000;

/// The records of the demo.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    /// One collection or item each, as they are written: collections by id, then items by collection and id.
    pub lines: Vec<String>,
    /// Items of each collection.
    pub items: BTreeMap<String, u64>,
    /// Observations of each collection, ordered.
    pub observations: BTreeMap<String, RecordBatch>,
    /// What was left out, and why.
    pub rejections: Vec<Rejection>,
}

#[derive(Default)]
struct Gathered {
    collections: BTreeMap<String, Value>,
    items: BTreeMap<(String, String), String>,
    observations: Vec<Observations>,
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
            Record::ItemIfAbsent(item) => {
                let key = (item.collection.as_str().to_owned(), item.id.as_str().to_owned());
                if !self.items.contains_key(&key) {
                    self.items.insert(key, rounded(&item, self.decimals)?);
                }
            }
            Record::Observations(observations) => self.observations.push(*observations),
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

/// A file, or the files of a folder by name.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::io("list", path))? {
        files.push(entry.map_err(Error::io("list", path))?.path());
    }
    files.sort();
    Ok(files)
}

/// Reads the open files under `shared`.
///
/// # Errors
/// An I/O error, or a source that is no longer understood.
pub fn gather(shared: &Path) -> Result<Demo, Error> {
    let mut gathered = Gathered::default();
    for (file, decimals) in SOURCES {
        gathered.decimals = decimals;
        for path in files_of(&shared.join(file))? {
            let existing_collections = gathered.collections.keys().cloned().collect();
            read(&path, &SourceOptions { existing_collections, ..SourceOptions::default() }, &mut gathered)?;
        }
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
    let mut by_collection: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    for part in gathered.observations {
        by_collection.entry(part.collection.as_str().to_owned()).or_default().push(part.rows);
    }
    for (collection, parts) in by_collection {
        let rows = together(&parts).map_err(|e| Problem::invalid("demo", format!("{collection}: {e}")))?;
        demo.observations.insert(collection, rows);
    }
    Ok(demo)
}

/// Batches as one, with the columns of all of them, in the order that tables have.
fn together(parts: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<Arc<Field>> = Vec::new();
    for field in parts.iter().flat_map(|part| part.schema().fields().iter().cloned().collect::<Vec<_>>()) {
        if !fields.iter().any(|known| known.name() == field.name()) {
            fields.push(field);
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let parts = parts.iter().map(|part| align(part, &schema)).collect::<Result<Vec<_>, _>>()?;
    let rows = concat_batches(&schema, &parts)?;
    let ordinals: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows.num_rows() as i64));
    let rows = take_record_batch(&rows, &order_of(&rows, &[ordinals])?)?;
    one_of_each_key(&rows)
}

/// Ordered rows of which those of one key are one: files tell different columns of one observation. Of two values of
/// a column the later one counts.
fn one_of_each_key(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let keys = ORDER.map(|name| rows[name].slice(0, rows.num_rows()));
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let keys = RowConverter::new(fields)?.convert_columns(&keys)?;
    let ends: Vec<usize> =
        (0..rows.num_rows()).filter(|row| row + 1 == rows.num_rows() || keys.row(*row) != keys.row(row + 1)).collect();
    let columns = rows.columns().iter().map(|column| {
        let mut begin = 0;
        let chosen = ends.iter().map(|end| {
            let row = (begin..=*end).rev().find(|row| column.is_valid(*row)).unwrap_or(*end);
            begin = end + 1;
            row as u64
        });
        take(column, &UInt64Array::from_iter_values(chosen), None)
    });
    RecordBatch::try_new(rows.schema(), columns.collect::<Result<_, _>>()?)
}

/// Passes on the observations of a file that [`build`] wrote.
///
/// # Errors
/// `Invalid` for a file of another kind; whatever the sink returned.
pub fn read_observations(name: &str, bytes: &'static [u8], sink: &mut dyn Sink) -> Result<&'static str, Error> {
    let bad = |e: &dyn std::fmt::Display| Problem::invalid("demo", format!("{name}: {e}"));
    let collection = name.rsplit('/').next().and_then(|n| n.strip_suffix(".parquet")).unwrap_or_default();
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from_static(bytes)).map_err(|e| bad(&e))?;
    for rows in reader.with_batch_size(ROWS_AT_ONCE).build().map_err(|e| bad(&e))? {
        let rows = rows.map_err(|e| bad(&e))?;
        sink.record(Record::Observations(Box::new(Observations {
            collection: CollectionId::new(collection)?,
            rows,
            declared: Vec::new(),
        })))?;
    }
    sink.progress(bytes.len() as u64);
    Ok("observations")
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
    let mut bytes = file.metadata().map_err(io)?.len();
    let folder = out.join(OBSERVATIONS);
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    for (collection, rows) in &demo.observations {
        bytes += write_observations(&folder.join(format!("{collection}.parquet")), rows)?;
    }
    Ok(bytes)
}

fn write_observations(path: &Path, rows: &RecordBatch) -> Result<u64, Error> {
    let failed = |e: parquet::errors::ParquetError| Error::io("write", path)(std::io::Error::other(e));
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(failed)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).map_err(failed)?;
    writer.write(rows).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(path.metadata().map_err(Error::io("read", path))?.len())
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
