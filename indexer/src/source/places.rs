//! Undated places: stations, reaches, lakes, countries as items without a date of their own.

use nilometer_schemas::text;
use serde_json::{Map, Value, json};

/// First moment of what has no date.
const UNDATED_START: &str = "1900-01-01T00:00:00Z";
/// Last moment of what has no date.
const UNDATED_END: &str = "2100-01-01T00:00:00Z";

/// An undated item; `properties` follow its dates and title.
pub(crate) fn place(
    collection: &str,
    id: &str,
    title: &str,
    geometry: Option<Value>,
    properties: Map<String, Value>,
) -> Value {
    let mut all = Map::new();
    all.insert("datetime".into(), Value::Null);
    all.insert("start_datetime".into(), UNDATED_START.into());
    all.insert("end_datetime".into(), UNDATED_END.into());
    all.insert("title".into(), title.into());
    all.extend(properties);
    item(collection, id, geometry, all)
}

/// An item of ours, with the members every item has.
pub(crate) fn item(collection: &str, id: &str, geometry: Option<Value>, properties: Map<String, Value>) -> Value {
    json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": id,
        "collection": collection,
        "geometry": geometry.unwrap_or(Value::Null),
        "assets": {},
        "properties": properties,
        "links": [],
    })
}

/// Runs of blanks and control characters become one blank; the ends are trimmed.
pub(crate) fn tidy(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Lower-case words joined by hyphens: a readable id.
pub(crate) fn slug(name: &str) -> String {
    text::words(name).collect::<Vec<_>>().join("-").replace('_', "-")
}

/// Keeps the first of each keyword, in order, without empty ones.
pub(crate) fn keywords(words: impl IntoIterator<Item = String>) -> Value {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        if !word.is_empty() && !kept.contains(&word) {
            kept.push(word);
        }
    }
    kept.into()
}

/// `n45.50w073.25`: a position as part of an id, to a hundredth of a degree.
pub(crate) fn position_code(lon: f64, lat: f64) -> String {
    let (ns, ew) = (if lat < 0.0 { 's' } else { 'n' }, if lon < 0.0 { 'w' } else { 'e' });
    format!("{ns}{:05.2}{ew}{:06.2}", lat.abs(), lon.abs())
}

/// `45.50°N 73.25°W`: a position as people write it.
pub(crate) fn position_text(lon: f64, lat: f64) -> String {
    let (ns, ew) = (if lat < 0.0 { 'S' } else { 'N' }, if lon < 0.0 { 'W' } else { 'E' });
    format!("{:.2}°{ns} {:.2}°{ew}", lat.abs(), lon.abs())
}

/// The text with its first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
