//! STAC documents and NDJSON: items, item collections, collections, lists of collections.
//!
//! Records stay as they came, whatever their STAC version; catalogs carry no record and are passed over.

use std::io::{BufRead, Read};

use nilometer_schemas::CollectionId;
use nilometer_schemas::limits::ITEM_BYTES_MAX;
use serde_json::Value;

use super::DOCUMENT_BYTES_MAX;
use super::document::{Outline, each_record};
use super::input::Input;
use super::intake::Intake;
use crate::Error;

/// What a STAC document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Item,
    Items,
    Collection,
    Collections,
    Catalog,
    Other,
}

/// Classifies a document by its members; those before STAC 1.0 had no `type`.
pub(crate) fn classify(outline: &Outline) -> Document {
    match outline.kind.as_deref() {
        Some("Feature") => Document::Item,
        Some("FeatureCollection") => Document::Items,
        Some("Collection") => Document::Collection,
        Some("Catalog") => Document::Catalog,
        Some(_) => Document::Other,
        None if outline.has("features") => Document::Items,
        None if outline.has("collections") => Document::Collections,
        None if !outline.has("id") || !outline.has("links") => Document::Other,
        None if outline.has("extent") => Document::Collection,
        None if outline.has("stac_version") || outline.has("conformsTo") => Document::Catalog,
        None => Document::Other,
    }
}

/// Why a Feature is no STAC item.
fn foreign(outline: &Outline) -> &'static str {
    if outline.has("conformsTo") {
        "an OGC API Records record, not a STAC item: it has no stac_version, assets or collection"
    } else {
        "a GeoJSON feature, not a STAC item: it has no stac_version, assets or collection"
    }
}

/// Passes on one record given as text: a collection or an item. `parent` is the collection its folder or links name.
pub(crate) fn take_record(
    intake: &mut Intake<'_>,
    file: &str,
    number: &str,
    text: &str,
    parent: Option<&CollectionId>,
) -> Result<(), Error> {
    let outline = match Outline::of(text) {
        Ok(outline) => outline,
        Err(e) => {
            intake.reject(file, number, format!("not a JSON object: {e}"));
            return Ok(());
        }
    };
    let record = match &outline.id {
        Some(id) if number.is_empty() => id.clone(),
        Some(id) => format!("{number} ({id})"),
        None => number.to_owned(),
    };
    match classify(&outline) {
        Document::Item => {
            let own = outline.collection.is_some();
            let fallback = if own { None } else { parent.or(intake.options.collection.as_ref()).cloned() };
            if !outline.is_stac() && fallback.is_none() {
                intake.reject(file, record, foreign(&outline));
                return Ok(());
            }
            if !own && fallback.is_none() {
                let reason = "the item names no collection, and no parent of it is a collection; name one for it";
                intake.reject(file, record, reason);
                return Ok(());
            }
            intake.item(file, &record, text, fallback.as_ref())
        }
        Document::Collection => match check_and_parse(text) {
            Ok(value) => intake.collection(file, &record, value),
            Err(reason) => {
                intake.reject(file, record, reason);
                Ok(())
            }
        },
        Document::Catalog => Ok(()),
        Document::Items | Document::Collections | Document::Other => {
            intake.reject(file, record, "neither a STAC item nor a STAC collection");
            Ok(())
        }
    }
}

fn check_and_parse(text: &str) -> Result<Value, String> {
    nilometer_schemas::check_depth(text).map_err(|p| p.to_string())?;
    serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))
}

/// Streams the features or collections of a document.
pub(crate) fn take_array(
    intake: &mut Intake<'_>,
    file: &str,
    reader: impl Read,
    parent: Option<&CollectionId>,
) -> Result<(), Error> {
    each_record(file, reader, intake, &mut |intake, number, record| {
        take_record(intake, file, &number.to_string(), record, parent)
    })
}

/// Reads a STAC document of its own.
pub(crate) fn read_document(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let outline = Outline::peek(input.content(&std::rc::Rc::default())?);
    let document = outline.as_ref().map_or(Document::Other, classify);
    let content = input.content(&intake.counter())?;
    if matches!(document, Document::Items | Document::Collections) {
        return take_array(intake, input.name(), content, None);
    }
    match whole(content) {
        Ok(text) => take_record(intake, input.name(), "", &text, None),
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            Ok(())
        }
    }
}

/// A document's whole text.
pub(crate) fn whole(reader: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    reader.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(format!("the document is larger than {DOCUMENT_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the text is not UTF-8".to_owned())?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// Reads one record from each line; blank lines do not count.
pub(crate) fn read_lines(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut content = input.content(&intake.counter())?;
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let record = format!("line {number}");
        // One byte beyond the limit (and the line's end) tells a line that is too long.
        let read = (&mut content).take(ITEM_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line);
        match read {
            Err(e) => {
                intake.reject(input.name(), record, format!("the rest cannot be read: {e}"));
                break;
            }
            Ok(0) => break,
            Ok(_) => {}
        }
        let ended = line.last() == Some(&b'\n');
        if !ended && line.len() > ITEM_BYTES_MAX {
            intake.reject(input.name(), record, format!("the line is longer than {ITEM_BYTES_MAX} bytes"));
            if let Err(e) = content.skip_until(b'\n') {
                intake.reject(input.name(), format!("after line {number}"), format!("the rest cannot be read: {e}"));
                break;
            }
            continue;
        }
        match std::str::from_utf8(&line) {
            Err(_) => intake.reject(input.name(), record, "the text is not UTF-8"),
            Ok(text) => {
                let text = text.trim_start_matches('\u{feff}').trim();
                if !text.is_empty() {
                    take_record(intake, input.name(), &record, text, None)?;
                }
            }
        }
    }
    Ok(())
}
