//! The formats of series: their labels, their media types, and which one a request wants.

use axum::http::HeaderMap;
use nilometer_schemas::Problem;

use crate::links::GEOJSON;
use crate::routes::negotiate::best_accepted;

/// Media type of CoverageJSON (OGC 19-086r9).
pub(crate) const COVERAGE_JSON: &str = "application/vnd.cov+json";
/// The same, as others name it.
const COVERAGE_JSON_ELSEWHERE: &str = "application/prs.coverage+json";
/// Media type of CSV (RFC 4180).
pub(crate) const CSV: &str = "text/csv";
/// Media type of Parquet.
pub(crate) const PARQUET: &str = "application/vnd.apache.parquet";
/// Media type of a stream of Arrow batches.
pub(crate) const ARROW: &str = "application/vnd.apache.arrow.stream";

/// A format of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// CoverageJSON (OGC 21-069r2), the default.
    CoverageJson,
    /// GeoJSON, one feature for each observation.
    GeoJson,
    /// CSV, one row for each observation.
    Csv,
    /// Parquet.
    Parquet,
    /// A stream of Arrow batches.
    Arrow,
}

impl Format {
    /// All of them, the default first.
    pub(crate) const ALL: [Self; 5] = [Self::CoverageJson, Self::GeoJson, Self::Csv, Self::Parquet, Self::Arrow];

    /// The label in `output_formats` and `f=`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::CoverageJson => "CoverageJSON",
            Self::GeoJson => "GeoJSON",
            Self::Csv => "CSV",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
        }
    }

    /// The media type of answers.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::CoverageJson => COVERAGE_JSON,
            Self::GeoJson => GEOJSON,
            Self::Csv => CSV,
            Self::Parquet => PARQUET,
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
            Self::CoverageJson => "covjson",
            Self::GeoJson => "geojson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrows",
        }
    }

    /// All labels, for `output_formats`.
    pub(crate) fn labels() -> Vec<&'static str> {
        Self::ALL.iter().map(|format| format.label()).collect()
    }

    fn of_media_type(text: &str) -> Option<Self> {
        let is = |media_type: &str| text.eq_ignore_ascii_case(media_type);
        if is(COVERAGE_JSON_ELSEWHERE) {
            return Some(Self::CoverageJson);
        }
        Self::ALL.into_iter().find(|format| is(format.media_type()))
    }

    /// The format of `f=`: a label in any case, or a media type; `json` is the default's other name.
    ///
    /// # Errors
    /// `Invalid` with the labels.
    fn of_parameter(text: &str) -> Result<Self, Problem> {
        if text.eq_ignore_ascii_case("json") {
            return Ok(Self::CoverageJson);
        }
        let labelled = Self::ALL.into_iter().find(|format| format.label().eq_ignore_ascii_case(text));
        labelled.or_else(|| Self::of_media_type(text)).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Problem::invalid("format", format!("there is no format {shown:?}"))
                .at("f")
                .allowed(Self::labels().join(", "))
        })
    }

    /// The format that `f=` or else the `Accept` header wants. A header that names none of them gets the default, as
    /// browsers and programs that accept anything expect.
    ///
    /// # Errors
    /// `Invalid` for an unknown `f`.
    pub(super) fn wanted(f: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        if let Some(f) = f {
            return Self::of_parameter(f);
        }
        Ok(best_accepted(headers, Self::of_media_type).unwrap_or(Self::CoverageJson))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::ACCEPT;

    fn wanted(f: Option<&str>, accept: &str) -> Result<Format, Option<String>> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, accept.parse().expect("a header"));
        }
        Format::wanted(f, &headers).map_err(|problem| problem.allowed)
    }

    #[test]
    fn labels_are_read_in_any_case_and_media_types_too() {
        for format in Format::ALL {
            assert_eq!(wanted(Some(&format.label().to_uppercase()), ""), Ok(format));
            assert_eq!(wanted(Some(format.media_type()), ""), Ok(format));
            assert_eq!(wanted(None, format.media_type()), Ok(format));
        }
        assert_eq!(wanted(Some("netcdf"), ""), Err(Some("CoverageJSON, GeoJSON, CSV, Parquet, Arrow".into())));
    }

    #[test]
    fn the_accept_header_decides_by_quality_and_the_parameter_over_it() {
        for (accept, format) in [
            ("", Format::CoverageJson),
            ("*/*", Format::CoverageJson),
            ("text/html,application/xhtml+xml", Format::CoverageJson),
            ("application/prs.coverage+json", Format::CoverageJson),
            ("text/csv;q=0.5, application/geo+json", Format::GeoJson),
            ("TEXT/CSV; q=0.5, application/geo+json;q=0", Format::Csv),
        ] {
            assert_eq!(wanted(None, accept), Ok(format), "{accept}");
        }
        assert_eq!(wanted(Some("Parquet"), "text/csv"), Ok(Format::Parquet));
    }
}
