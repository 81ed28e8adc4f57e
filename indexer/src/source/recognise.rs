//! Tells by its content what a file is.

use std::io::Read;

use super::document::Outline;
use super::input::Input;
use super::intake::Intake;
use super::inventory::{self, Mapped};
use super::swot::hydrocron;
use super::{
    SourceKind, archive, catalogue, dahiti, dino, g_realm, hydat, hydroweb, hydroweb_series, natural_earth, stac, swot,
    unknown, usgs, water_quality,
};
use crate::Error;

/// Bytes looked at to tell the kind of a file.
pub(super) const HEAD_BYTES: u64 = 64 << 10;
/// Bytes of a first line, or of a document up to its first feature, that are looked at.
const FIRST_RECORD_BYTES: u64 = super::DOCUMENT_BYTES_MAX;

/// A recognised file, with what was found out on the way.
pub(crate) enum Found {
    Document,
    Lines,
    Archive,
    Directory,
    Swot,
    Hydrocron,
    Hydroweb,
    HydrowebSeries,
    GRealm,
    Dahiti,
    NaturalEarth,
    Hydat,
    Dino,
    UsgsRdb(usgs::RdbKind),
    UsgsJson,
    WaterQuality,
    Inventory(Box<Mapped>),
}

impl Found {
    pub(crate) fn kind(&self) -> SourceKind {
        match self {
            Self::Document => SourceKind::Stac,
            Self::Lines => SourceKind::StacLines,
            Self::Archive => SourceKind::StacArchive,
            Self::Directory => SourceKind::Directory,
            Self::Swot => SourceKind::SwotGranule,
            Self::Hydrocron => SourceKind::HydrocronAnswer,
            Self::Hydroweb => SourceKind::HydrowebStations,
            Self::HydrowebSeries => SourceKind::HydrowebSeries,
            Self::GRealm => SourceKind::GRealmSeries,
            Self::Dahiti => SourceKind::DahitiSeries,
            Self::NaturalEarth => SourceKind::NaturalEarth,
            Self::Hydat => SourceKind::Hydat,
            Self::Dino => SourceKind::Dino,
            Self::UsgsRdb(_) => SourceKind::UsgsRdb,
            Self::UsgsJson => SourceKind::UsgsJson,
            Self::WaterQuality => SourceKind::WaterQuality,
            Self::Inventory(mapped) if mapped.stations => SourceKind::Inventory,
            Self::Inventory(_) => SourceKind::ValueTable,
        }
    }

    pub(crate) fn read(&self, input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
        match self {
            Self::Document => stac::read_document(input, intake),
            Self::Lines => stac::read_lines(input, intake),
            Self::Archive => catalogue::read_archive(input, intake),
            Self::Directory => catalogue::read_directory(input, intake),
            Self::Swot => swot::read(input, intake),
            Self::Hydrocron => hydrocron::read(input, intake),
            Self::Hydroweb => hydroweb::read(input, intake),
            Self::HydrowebSeries => hydroweb_series::read(input, intake),
            Self::GRealm => g_realm::read(input, intake),
            Self::Dahiti => dahiti::read(input, intake),
            Self::NaturalEarth => natural_earth::read(input, intake),
            Self::Hydat => hydat::read(input, intake),
            Self::Dino => dino::read(input, intake),
            Self::UsgsRdb(kind) => usgs::read_rdb(input, *kind, intake),
            Self::UsgsJson => usgs::read_json(input, intake),
            Self::WaterQuality => water_quality::read(input, intake),
            Self::Inventory(mapped) => inventory::read(input, mapped, intake),
        }
    }
}

pub(crate) fn recognise(input: &Input<'_>, options: &super::SourceOptions) -> Result<Found, Error> {
    if input.directory().is_some() {
        return Ok(Found::Directory);
    }
    let head = input.head(HEAD_BYTES)?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return recognise_zip(input);
    }
    if Input::is_tar(&head) {
        return Ok(Found::Archive);
    }
    if head.starts_with(inventory::PARQUET_MARK) {
        return match inventory::parquet_mapping_for(input, options)? {
            Some(mapped) => Ok(Found::Inventory(Box::new(mapped))),
            None => Err(unknown(input.name(), "is Parquet; put its mapping beside it as <file>.toml")),
        };
    }
    if head.starts_with(hydat::MARK) {
        hydat::check(input)?;
        return Ok(Found::Hydat);
    }
    let text = String::from_utf8_lossy(&head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let name = input.plain_name();
    if name.ends_with(".ndjson") || name.ends_with(".jsonl") {
        return Ok(Found::Lines);
    }
    if text.starts_with('{') {
        return recognise_json(input);
    }
    if text.is_empty() {
        return Err(unknown(input.name(), "is empty"));
    }
    if head.contains(&0) {
        return Err(unknown(input.name(), "is binary, of no kind that is understood"));
    }
    if !inventory::is_mapped(input, options)
        && let Some(found) = recognise_text(input, text)?
    {
        return Ok(found);
    }
    match inventory::mapping_for(input, text, options)? {
        Some(mapped) => Ok(Found::Inventory(Box::new(mapped))),
        None => Err(unknown(
            input.name(),
            "is text; if it is a station inventory or a table of values, put its mapping beside it as <file>.toml",
        )),
    }
}

/// Tells what series a text begins like.
pub(crate) fn recognise_series(head: &str) -> Option<Found> {
    let first_line = head.lines().next().unwrap_or_default();
    if hydrocron::is_text(head) {
        Some(Found::Hydrocron)
    } else if hydroweb_series::is_series(head) {
        Some(Found::HydrowebSeries)
    } else if g_realm::is_series(head) {
        Some(Found::GRealm)
    } else if dahiti::is_series(first_line) {
        Some(Found::Dahiti)
    } else {
        None
    }
}

/// Whether the head of a text file is that of a service whose form is fixed; also of one that is known and refused.
pub(crate) fn is_text_source(input: &Input<'_>, head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    if text.trim_start().starts_with('{') {
        return usgs::is_series(input).unwrap_or(false);
    }
    !matches!(recognise_text(input, &text), Ok(None))
}

/// Text of services whose form is fixed; a mapping of the caller's comes first.
fn recognise_text(input: &Input<'_>, text: &str) -> Result<Option<Found>, Error> {
    if let Some(found) = recognise_series(text) {
        return Ok(Some(found));
    }
    if dino::is_dino(text) {
        return Ok(Some(Found::Dino));
    }
    if let Some(kind) = usgs::rdb_kind(text) {
        return match kind {
            Ok(kind) => Ok(Some(Found::UsgsRdb(kind))),
            Err(detail) => Err(unknown(input.name(), detail)),
        };
    }
    Ok(water_quality::is_results(text).then_some(Found::WaterQuality))
}

fn recognise_zip(input: &Input<'_>) -> Result<Found, Error> {
    let names = archive::names(input)?;
    if names.iter().any(|name| swot::GranuleName::parse(archive::stem(name)).is_some()) {
        return Ok(Found::Swot);
    }
    Err(unknown(input.name(), "is a zip without a SWOT L2 HR RiverSP or LakeSP granule"))
}

fn recognise_json(input: &Input<'_>) -> Result<Found, Error> {
    if holds_lines(input)? {
        return Ok(Found::Lines);
    }
    let count = std::rc::Rc::default();
    let outline = Outline::peek(input.content(&count)?.take(FIRST_RECORD_BYTES))
        .map_err(|e| unknown(input.name(), &format!("begins like JSON and is none: {e}")))?;
    if let Some(first) = &outline.first {
        if hydroweb::is_station(first.get()) {
            return Ok(Found::Hydroweb);
        }
        if natural_earth::is_place(first.get()) {
            return Ok(Found::NaturalEarth);
        }
        if hydrocron::is_feature(first.get()) {
            return Ok(Found::Hydrocron);
        }
    }
    if hydrocron::is_wrapper(&outline) {
        return Ok(Found::Hydrocron);
    }
    match stac::classify(&outline) {
        stac::Document::Other if usgs::is_series(input)? => Ok(Found::UsgsJson),
        stac::Document::Other => Err(unknown(input.name(), "is JSON, of no kind that is understood")),
        stac::Document::Items if !outline.has("stac_version") && !first_is_stac(&outline) => {
            Err(unknown(input.name(), "is a GeoJSON FeatureCollection whose features are no STAC items"))
        }
        _ => Ok(Found::Document),
    }
}

/// Whether the first feature is a STAC item; so is the absent one of an empty collection.
fn first_is_stac(outline: &Outline) -> bool {
    outline.first.as_ref().is_none_or(|first| Outline::of(first.get()).is_ok_and(|o| o.is_stac()))
}

/// Whether a text is a JSON object on its first line and goes on after it.
fn holds_lines(input: &Input<'_>) -> Result<bool, Error> {
    let count = std::rc::Rc::default();
    let mut content = input.content(&count)?;
    let mut first = Vec::new();
    let io = |e| Error::io("read", input.name())(e);
    while first.iter().all(u8::is_ascii_whitespace) {
        first.clear();
        let limit = nilometer_schemas::limits::ITEM_BYTES_MAX as u64;
        let read = std::io::BufRead::read_until(&mut (&mut content).take(limit), b'\n', &mut first).map_err(io)?;
        if read == 0 {
            return Ok(false);
        }
    }
    let Ok(first) = std::str::from_utf8(&first) else { return Ok(false) };
    if Outline::of(first.trim_start_matches('\u{feff}')).is_err() {
        return Ok(false);
    }
    let mut rest = [0; 4096];
    loop {
        match content.read(&mut rest).map_err(io)? {
            0 => return Ok(false),
            n if rest[..n].iter().any(|b| !b.is_ascii_whitespace()) => return Ok(true),
            _ => {}
        }
    }
}
