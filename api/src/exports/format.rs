//! The formats of downloads: their labels, their media types, and which one a request wants.

use axum::http::{HeaderMap, HeaderValue};
use nilometer_schemas::Problem;

use crate::links::{GEOJSON, NDJSON};
use crate::routes::edr::{ARROW, CSV, PARQUET};
use crate::routes::negotiate::best_accepted;

/// Characters of a file's name that come from an id.
const STEM_CHARS_MAX: usize = 100;

/// A format of a whole result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One FeatureCollection, the default.
    GeoJson,
    /// One item a line.
    Ndjson,
    /// One row for each item, nested values as JSON, the geometry as WKT.
    Csv,
    /// stac-geoparquet 1.1 on GeoParquet 1.1.
    GeoParquet,
    /// A stream of Arrow batches with the same columns.
    Arrow,
}

impl Format {
    /// All of them, the default first.
    pub(crate) const ALL: [Self; 5] = [Self::GeoJson, Self::Ndjson, Self::Csv, Self::GeoParquet, Self::Arrow];

    /// The label in `f=`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::GeoJson => "geojson",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::GeoParquet => "geoparquet",
            Self::Arrow => "arrow",
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GeoJson => "GeoJSON",
            Self::Ndjson => "NDJSON",
            Self::Csv => "CSV",
            Self::GeoParquet => "GeoParquet",
            Self::Arrow => "Arrow",
        }
    }

    /// The media type of answers.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::GeoJson => GEOJSON,
            Self::Ndjson => NDJSON,
            Self::Csv => CSV,
            Self::GeoParquet => PARQUET,
            Self::Arrow => ARROW,
        }
    }

    /// The media type with its parameters.
    pub(crate) fn content_type(self) -> &'static str {
        if self == Self::Csv { "text/csv; charset=utf-8; header=present" } else { self.media_type() }
    }

    /// The ending of file names.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::GeoJson => "geojson",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::GeoParquet => "parquet",
            Self::Arrow => "arrows",
        }
    }

    fn of_media_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| text.eq_ignore_ascii_case(format.media_type()))
    }

    /// The format of a label in any case, or of a media type; `json` and `parquet` are other names of two.
    ///
    /// # Errors
    /// `Invalid` with the labels.
    pub(crate) fn of_label(text: &str) -> Result<Self, Problem> {
        let is = |label: &str| text.eq_ignore_ascii_case(label);
        let labelled = Self::ALL.into_iter().find(|format| is(format.label()));
        let other = || match text {
            _ if is("json") => Some(Self::GeoJson),
            _ if is("parquet") => Some(Self::GeoParquet),
            _ => Self::of_media_type(text),
        };
        labelled.or_else(other).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            let labels = Self::ALL.map(Self::label).join(", ");
            Problem::invalid("format", format!("there is no format {shown:?}")).at("f").allowed(labels)
        })
    }

    /// The format that `f=` or else the `Accept` header wants; a header that names none of them gets the default.
    ///
    /// # Errors
    /// `Invalid` for an unknown `f`.
    pub(crate) fn wanted(f: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        match f {
            Some(f) => Self::of_label(f),
            None => Ok(best_accepted(headers, Self::of_media_type).unwrap_or(Self::GeoJson)),
        }
    }
}

/// `Content-Disposition` with a name for what browsers keep as a file.
pub(crate) fn attachment(stem: &str, extension: &str) -> Option<HeaderValue> {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let name: String = stem.chars().take(STEM_CHARS_MAX).map(harmless).collect();
    HeaderValue::from_str(&format!("attachment; filename=\"{name}.{extension}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_named_by_label_or_media_type_and_has_a_default() {
        for format in Format::ALL {
            for name in [format.label().to_uppercase(), format.media_type().to_owned()] {
                assert_eq!(Format::wanted(Some(&name), &HeaderMap::new()), Ok(format), "{name}");
            }
            let mut headers = HeaderMap::new();
            headers.insert("accept", format!("text/html, {};q=0.5", format.media_type()).parse().expect("a header"));
            assert_eq!(Format::wanted(None, &headers), Ok(format));
        }
        assert_eq!(Format::of_label("json"), Ok(Format::GeoJson));
        assert_eq!(Format::of_label("parquet"), Ok(Format::GeoParquet));
        assert_eq!(Format::wanted(None, &HeaderMap::new()), Ok(Format::GeoJson));
        let refused = Format::of_label("html").map_err(|problem| problem.allowed);
        assert_eq!(refused, Err(Some("geojson, ndjson, csv, geoparquet, arrow".into())));
    }

    #[test]
    fn names_of_files_are_harmless() {
        let name = attachment("a/b\"é", "csv").expect("a header");
        assert_eq!(name, "attachment; filename=\"a_b__.csv\"");
    }
}
