//! CQL2 filters: the text form and the JSON form, read into one [`Filter`] and written back from it.
//!
//! Read is all of OGC 21-065r2. The readers also put a filter into one normal form, so that equal questions look alike:
//!
//! - a chain of `AND` (or of `OR`) is one node, and `NOT NOT x` is `x`;
//! - a literal on the left of a comparison moves to the right, a literal on the left of a spatial relation too;
//! - a date stands for its whole day, and becomes the bounds of that day (in arrays and functions, its first moment);
//! - the minus of what is no number is a multiplication by -1;
//! - text that is a moment or a date counts as one where the property is a time of STAC (`datetime`, `created` …);
//! - property names lose the prefix `properties.`;
//! - boxes become polygons (two when they cross the antimeridian), heights are dropped.
//!
//! Nothing recurses deeper than `FILTER_DEPTH_MAX`, whatever a caller sends.

mod build;
mod geometry;
mod json;
mod lex;
mod text;
mod wkt;
mod write;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use nilometer_schemas::{Crs, Filter, Kind, Problem};
use serde_json::Value;

pub(crate) use build::is_moment;
pub(crate) use geometry::{QueryGeometry, number};

/// Reads CQL2 text.
///
/// # Errors
/// `filter-syntax` with the position and what was expected, `filter-unsupported` for parts of CQL2 that are not offered,
/// `filter-value` for literals that make no sense, `filter-too-large` beyond a limit.
pub fn parse_text(text: &str) -> Result<Filter, Problem> {
    parse_text_in(text, Crs::Crs84)
}

/// Reads CQL2 text whose geometries are in this system; the filter's are in CRS84.
///
/// # Errors
/// As [`parse_text`].
pub fn parse_text_in(text: &str, crs: Crs) -> Result<Filter, Problem> {
    text::parse(text, crs)
}

/// Reads a geometry in well-known text, as filters hold them: longitude first, heights dropped, never empty.
///
/// # Errors
/// As [`parse_text`]; the problem's parameter is `coords`, as in OGC API EDR.
pub fn parse_wkt(text: &str) -> Result<geo::Geometry<f64>, Problem> {
    let parsed = text::parse_wkt(text).map_err(|problem| {
        let kind = if problem.code == "filter-too-large" { Kind::TooLarge } else { problem.kind };
        Problem { code: "coords", kind, ..problem }.at("coords")
    })?;
    Ok(parsed.geometry)
}

/// Reads CQL2 JSON.
///
/// # Errors
/// As [`parse_text`]; the problem's parameter is a JSON pointer that begins with `/filter`.
pub fn parse_json(value: &Value) -> Result<Filter, Problem> {
    parse_json_in(value, Crs::Crs84)
}

/// Reads CQL2 JSON whose geometries are in this system; the filter's are in CRS84.
///
/// # Errors
/// As [`parse_json`].
pub fn parse_json_in(value: &Value, crs: Crs) -> Result<Filter, Problem> {
    json::parse(value, crs)
}

/// CQL2 text of a filter; [`parse_text`] reads the same filter back.
pub fn to_text(filter: &Filter) -> String {
    write::to_text(filter)
}

/// CQL2 JSON of a filter; [`parse_json`] reads the same filter back.
pub fn to_json(filter: &Filter) -> Value {
    write::to_json(filter)
}
