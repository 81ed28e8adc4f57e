//! Tells by its content what a file is.

use std::io::Read;

use super::document::Outline;
use super::input::Input;
use super::intake::Intake;
use super::inventory::{self, Mapping};
use super::{SourceKind, archive, catalogue, hydroweb, natural_earth, stac, swot, unknown};
use crate::Error;

/// Bytes looked at to tell the kind of a file.
const HEAD_BYTES: u64 = 64 << 10;
/// Bytes of a first line, or of a document up to its first feature, that are looked at.
const FIRST_RECORD_BYTES: u64 = super::DOCUMENT_BYTES_MAX;

/// A recognised file, with what was found out on the way.
pub(crate) enum Found {
    Document,
    Lines,
    Archive,
    Directory,
    Swot,
    Hydroweb,
    NaturalEarth,
    Inventory(Box<Mapping>),
}

impl Found {
    pub(crate) fn kind(&self) -> SourceKind {
        match self {
            Self::Document => SourceKind::Stac,
            Self::Lines => SourceKind::StacLines,
            Self::Archive => SourceKind::StacArchive,
            Self::Directory => SourceKind::Directory,
            Self::Swot => SourceKind::SwotGranule,
            Self::Hydroweb => SourceKind::HydrowebStations,
            Self::NaturalEarth => SourceKind::NaturalEarth,
            Self::Inventory(_) => SourceKind::Inventory,
        }
    }

    pub(crate) fn read(&self, input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
        match self {
            Self::Document => stac::read_document(input, intake),
            Self::Lines => stac::read_lines(input, intake),
            Self::Archive => catalogue::read_archive(input, intake),
            Self::Directory => catalogue::read_directory(input, intake),
            Self::Swot => swot::read(input, intake),
            Self::Hydroweb => hydroweb::read(input, intake),
            Self::NaturalEarth => natural_earth::read(input, intake),
            Self::Inventory(mapping) => inventory::read(input, mapping, intake),
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
    match inventory::mapping_for(input, text, options)? {
        Some(mapping) => Ok(Found::Inventory(Box::new(mapping))),
        None => Err(unknown(
            input.name(),
            "is text; if it is a station inventory, put its mapping beside it as <file>.toml",
        )),
    }
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
    }
    match stac::classify(&outline) {
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
