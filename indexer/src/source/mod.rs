//! Sources: one module each turns files of one kind into records.
//!
//! [`recognise`] looks at the content, [`read`] streams the records of a file or directory into a [`Sink`].
//! Nothing is lost silently: whatever is not passed on as a record is reported as a [`Rejection`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod archive;
mod catalogue;
mod collections;
mod dahiti;
pub mod demo;
mod dino;
mod document;
mod g_realm;
mod hydat;
mod hydroweb;
mod hydroweb_series;
mod input;
mod intake;
mod inventory;
mod levels;
mod moment;
mod natural_earth;
mod observations;
mod places;
mod recognise;
mod repeats;
mod stac;
mod swot;
mod usgs;
mod water_quality;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use nilometer_schemas::{Collection, CollectionId, Item, Problem};

use crate::Error;
use input::Input;
use intake::Intake;

pub use inventory::Mapping;
pub use observations::{Key, ObservationBuilder, Observations};
pub use swot::{ShapefileRow, ZippedShapefile};

/// Bytes of one JSON document that is read as a whole (a collection, or a file of a static catalogue).
pub const DOCUMENT_BYTES_MAX: u64 = 64 << 20;
/// Entries of one archive.
pub const ARCHIVE_ENTRIES_MAX: usize = 1_000_000;
/// Bytes that one granule zip may inflate to; its members are held in memory while it is read.
pub const GRANULE_BYTES_MAX: u64 = 1 << 30;
/// Entries of one granule zip (real ones have 5).
pub const GRANULE_ENTRIES_MAX: usize = 64;
/// How many times larger than its compressed form an entry of a granule zip may be (real ones reach 25).
pub const INFLATION_RATIO_MAX: u64 = 200;
/// Folders within folders of one directory.
pub const DIRECTORY_DEPTH_MAX: usize = 64;

/// One record of a source.
#[derive(Clone, Debug)]
pub enum Record {
    /// A collection; stands before its items.
    Collection(Box<Collection>),
    /// An item.
    Item(Box<Item>),
    /// An item, unless there is one of its id already: what a source knows of a feature that others know better.
    ItemIfAbsent(Box<Item>),
    /// Observations of the features of one collection; the collection stands before them.
    Observations(Box<Observations>),
}

/// Something in a source that did not become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The file, or the archive and the file in it.
    pub file: String,
    /// Line, number or id within the file; empty for the file as a whole.
    pub record: String,
    /// Why.
    pub reason: String,
}

/// What takes the records of a source.
pub trait Sink {
    /// Takes a record. An error ends the reading and is handed to the caller of [`read`].
    ///
    /// # Errors
    /// Whatever made it impossible to go on.
    fn record(&mut self, record: Record) -> Result<(), Error>;
    /// Is told what did not become a record.
    fn rejected(&mut self, rejection: Rejection);
    /// Is told how many bytes of the input, as stored, were read since the last call.
    fn progress(&mut self, bytes: u64);
}

/// What a reader needs to know beside the file.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// Collection of STAC items that name none and whose parents name none.
    pub collection: Option<CollectionId>,
    /// Collections that exist already; a source never replaces their descriptions by its own.
    pub existing_collections: HashSet<String>,
    /// What stands before a product's file name in its asset's `href`.
    pub asset_base: String,
    /// How a station inventory is read, where no file beside it and no built-in mapping says so.
    pub mapping: Option<Mapping>,
}

/// What a file or directory was recognised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// One STAC item, collection or catalog, an item collection or a list of collections.
    Stac,
    /// STAC items and collections, one on each line.
    StacLines,
    /// A static STAC catalogue in a tar archive.
    StacArchive,
    /// A directory: a static STAC catalogue, granules and NDJSON files.
    Directory,
    /// A SWOT L2 HR RiverSP or LakeSP granule, zipped.
    SwotGranule,
    /// An answer of the Hydrocron API.
    HydrocronAnswer,
    /// Hydroweb virtual stations.
    HydrowebStations,
    /// Water levels of one lake or river station of Hydroweb.
    HydrowebSeries,
    /// Water levels of one lake of G-REALM.
    GRealmSeries,
    /// Water levels of one target of DAHITI.
    DahitiSeries,
    /// A station inventory with a mapping, maybe with values on its rows.
    Inventory,
    /// A table of values with a mapping.
    ValueTable,
    /// HYDAT, the archive of the Water Survey of Canada, as an SQLite database.
    Hydat,
    /// Groundwater levels, staff gauges or groundwater quality of DINOloket.
    Dino,
    /// Sites, series or annual peaks of the National Water Information System in tab-separated text (RDB).
    UsgsRdb,
    /// Series of the National Water Information System in JSON.
    UsgsJson,
    /// Results of the Water Quality Portal.
    WaterQuality,
    /// Countries, lakes or rivers of Natural Earth.
    NaturalEarth,
}

impl SourceKind {
    /// What is understood, one line each.
    pub const UNDERSTOOD: [(Self, &str); 18] = [
        (Self::Stac, "STAC JSON (item, item collection, collection, list of collections, catalog)"),
        (Self::StacLines, "STAC NDJSON (one item or collection on each line)"),
        (Self::StacArchive, "static STAC catalogue in a tar archive"),
        (Self::Directory, "directory with a static STAC catalogue, NDJSON files or SWOT granules"),
        (Self::SwotGranule, "SWOT L2 HR RiverSP or LakeSP granule (zip)"),
        (Self::HydrocronAnswer, "Hydrocron API answer (JSON, GeoJSON or CSV)"),
        (Self::HydrowebStations, "Hydroweb virtual stations (GeoJSON)"),
        (Self::HydrowebSeries, "Hydroweb water levels (CSV or text)"),
        (Self::GRealmSeries, "G-REALM water levels (text)"),
        (Self::DahitiSeries, "DAHITI water levels (CSV)"),
        (Self::Inventory, "station inventory (delimited text or Parquet with a mapping file)"),
        (Self::ValueTable, "table of observed values (delimited text or Parquet with a mapping file)"),
        (Self::Hydat, "HYDAT database of the Water Survey of Canada (SQLite, a plain file)"),
        (Self::Dino, "groundwater levels, staff gauges or groundwater quality of DINOloket (text)"),
        (Self::UsgsRdb, "USGS NWIS sites, series or annual peaks (RDB)"),
        (Self::UsgsJson, "USGS NWIS instantaneous or daily values (JSON)"),
        (Self::WaterQuality, "results of the Water Quality Portal or of USGS samples (CSV)"),
        (Self::NaturalEarth, "Natural Earth countries, lakes or rivers (GeoJSON)"),
    ];
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Self::UNDERSTOOD.iter().find(|(kind, _)| kind == self).map_or("", |(_, text)| *text);
        f.write_str(text)
    }
}

pub(crate) fn unknown(file: &str, detail: &str) -> Error {
    let understood: Vec<&str> = SourceKind::UNDERSTOOD.iter().map(|(_, text)| *text).collect();
    let understood = format!("{}; each plain, or as .gz or .zst", understood.join("; "));
    Error::Problem(
        Problem::invalid("unknown-source", format!("unknown source: {file} {detail}")).at(file).allowed(understood),
    )
}

/// Tells what a file or directory is, by its content; an inventory without a mapping is not recognised.
///
/// # Errors
/// `Invalid` with what is understood; an I/O error if it cannot be read.
pub fn recognise(path: &Path) -> Result<SourceKind, Error> {
    let options = SourceOptions::default();
    recognise::recognise(&Input::file(path), &options).map(|found| found.kind())
}

/// Bytes that [`read`] will report as progress.
///
/// # Errors
/// An I/O error if the path cannot be read.
pub fn size_bytes(path: &Path) -> Result<u64, Error> {
    catalogue::size_bytes(path, 0)
}

/// Streams the records of a file or directory into `sink`, collections before their items.
///
/// # Errors
/// `Invalid` for a source that is not understood; an I/O error; whatever the sink returned.
pub fn read(path: &Path, options: &SourceOptions, sink: &mut dyn Sink) -> Result<SourceKind, Error> {
    let mut intake = Intake::new(sink, options);
    read_input(&Input::file(path), &mut intake)
}

/// Streams the records of a file that is in memory; `name` stands in reports and hints at what it is.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(name: &str, bytes: &[u8], options: &SourceOptions, sink: &mut dyn Sink) -> Result<SourceKind, Error> {
    let mut intake = Intake::new(sink, options);
    read_input(&Input::bytes(name, bytes), &mut intake)
}

/// The least a feature of interest is, for observations that came without theirs.
pub(crate) fn bare_feature(collection: &str, id: &str) -> Result<Item, Problem> {
    Item::from_value(&places::place(collection, id, id, None, serde_json::Map::new()), None)
}

fn read_input(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<SourceKind, Error> {
    let found = recognise::recognise(input, intake.options)?;
    let kind = found.kind();
    found.read(input, intake)?;
    intake.flush_progress();
    Ok(kind)
}
