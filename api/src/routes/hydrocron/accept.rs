//! Which form an answer takes: the `Accept` header, `output`, `compact` and `filename` together.

use axum::http::StatusCode;

use super::refusal::Refusal;
use super::request::{Output, Request, Which};
use crate::links::{GEOJSON, JSON};

/// Media type of delimited text.
pub(super) const CSV: &str = "text/csv";
/// What can be answered, best first.
const OFFERED: [&str; 3] = [JSON, CSV, GEOJSON];
/// Ranges of an `Accept` header that are looked at.
const RANGES_MAX: usize = 32;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A header line, then a line for each row.
    Csv,
    /// A GeoJSON feature for each row.
    Features,
    /// One GeoJSON feature, with an array for each property.
    Compact,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// How rows are written.
    pub(super) form: Form,
    /// Whether they stand in a JSON object that tells their number.
    pub(super) wrapped: bool,
    /// The media type.
    pub(super) media_type: &'static str,
}

/// The form that a request asks for; `accept` is the header as it came, empty if there is none.
///
/// # Errors
/// A header that allows nothing of what is offered (415), or allows a bare body only and comes with `output` (400).
pub(super) fn shape(accept: &str, request: &Request) -> Result<Shape, Refusal> {
    let Some(media_type) = negotiated(accept) else {
        let offered = OFFERED.map(|t| format!("'{t}'")).join(", ");
        let text = format!(
            "Unsupported media type in Accept request header: {accept}. Hydrocron only supports the following media \
             types: [{offered}]"
        );
        return Err(Refusal { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, text, reason: None });
    };
    let features = |compact: bool| if compact { Form::Compact } else { Form::Features };
    let bare = |form: Form, media_type| Shape { form, wrapped: false, media_type };
    match (media_type, request.output) {
        (JSON, Some(Output::Csv)) if request.filename.is_some() => {
            // A file to be saved is the text itself: nobody wants to unwrap it first.
            Ok(bare(Form::Csv, CSV))
        }
        (JSON, output) => {
            let compact = request.compact.unwrap_or(false);
            let form = if output == Some(Output::Csv) { Form::Csv } else { features(compact) };
            Ok(Shape { form, wrapped: true, media_type })
        }
        (_, Some(output)) => Err(Refusal::invalid(format!(
            "Invalid combination of Accept header ({accept}) and output request parameter ({}). Remove output request \
             parameter when requesting application/geo+json or text/csv",
            output.name()
        ))),
        (GEOJSON, None) => {
            // Arrays of many features' values under the shape of the first one are nobody's default.
            let one = matches!(request.which, Which::One(_));
            Ok(bare(features(request.compact.unwrap_or(one)), media_type))
        }
        (_, None) => Ok(bare(Form::Csv, media_type)),
    }
}

/// One range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f32,
}

impl Range<'_> {
    /// How exactly it names a media type; `None` if not at all.
    fn precision(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (k, "*") if same(k, kind) => Some(1),
            (k, s) if same(k, kind) && same(s, subtype) => Some(2),
            _ => None,
        }
    }
}

/// The best media type on offer (RFC 9110, 12.5.1): by quality, then by how exactly and how early the header names
/// it, then in our own order.
fn negotiated(accept: &str) -> Option<&'static str> {
    if accept.trim().is_empty() {
        return Some(OFFERED[0]);
    }
    let ranges: Vec<Range<'_>> = accept.split(',').take(RANGES_MAX).filter_map(range).collect();
    let mut best: Option<(f32, u8, std::cmp::Reverse<usize>, &'static str)> = None;
    for media_type in OFFERED {
        // The most exact range decides on the quality of a media type.
        let matching = ranges.iter().enumerate().filter_map(|(at, r)| Some((r.precision(media_type)?, at, r.quality)));
        let Some((precision, at, quality)) = matching.max_by_key(|(p, at, _)| (*p, std::cmp::Reverse(*at))) else {
            continue;
        };
        let rank = (quality, precision, std::cmp::Reverse(at), media_type);
        let better = best.is_none_or(|b| (rank.0, rank.1, rank.2) > (b.0, b.1, b.2));
        if quality > 0.0 && better {
            best = Some(rank);
        }
    }
    best.map(|(_, _, _, media_type)| media_type)
}

fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let quality = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
    Some(Range { kind, subtype, quality: quality.map_or(1.0, |q| q.parse().unwrap_or(0.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(extra: &[(&str, &str)]) -> Request {
        let good = [
            ("feature", "Reach"),
            ("feature_id", "1"),
            ("start_time", "2024-02-02T00:00:00Z"),
            ("end_time", "2024-03-20T00:00:00Z"),
            ("fields", "wse"),
        ];
        let pairs: Vec<(String, String)> =
            good.iter().chain(extra).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Request::read(&pairs).expect("good")
    }

    #[test]
    fn the_header_is_matched_with_qualities_and_wildcards() {
        let check = |accept: &str, expected: Option<&str>| assert_eq!(negotiated(accept), expected, "{accept}");
        check("", Some(JSON));
        check("*/*", Some(JSON));
        check("application/*", Some(JSON));
        check("text/*", Some(CSV));
        check("application/geo+json", Some(GEOJSON));
        check("Text/CSV; charset=utf-8", Some(CSV));
        check("text/csv;q=0.5, application/geo+json;q=0.9", Some(GEOJSON));
        check("text/csv, application/json", Some(CSV));
        check("text/csv;q=0.8, */*;q=0.1", Some(CSV));
        check("*/*, application/json;q=0", Some(CSV));
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(JSON));
        check("application/xml", None);
        check("application/json;q=0", None);
        check("csv", None);
    }

    #[test]
    fn header_output_and_compact_make_the_form() {
        let check = |accept: &str, extra: &[(&str, &str)], form: Form, wrapped: bool, media_type: &str| {
            let shape = shape(accept, &request(extra)).expect("a form");
            assert_eq!(
                (shape.form, shape.wrapped, shape.media_type),
                (form, wrapped, media_type),
                "{accept} {extra:?}"
            );
        };
        check("", &[], Form::Features, true, JSON);
        check("", &[("output", "geojson"), ("compact", "false")], Form::Features, true, JSON);
        check(JSON, &[("compact", "true")], Form::Compact, true, JSON);
        check(JSON, &[("compact", "true"), ("output", "csv")], Form::Csv, true, JSON);
        check(GEOJSON, &[], Form::Compact, false, GEOJSON);
        check(GEOJSON, &[("compact", "false")], Form::Features, false, GEOJSON);
        check(CSV, &[("compact", "true")], Form::Csv, false, CSV);
        check("*/*", &[("output", "csv"), ("filename", "a.csv")], Form::Csv, false, CSV);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_the_words_of_the_dialect() {
        let refused = |accept: &str, extra: &[(&str, &str)]| shape(accept, &request(extra)).expect_err("refused");
        let unknown = refused("application/xml", &[]);
        assert_eq!(unknown.status.as_u16(), 415);
        assert_eq!(
            unknown.text,
            "Unsupported media type in Accept request header: application/xml. Hydrocron only supports the following \
             media types: ['application/json', 'text/csv', 'application/geo+json']"
        );
        assert_eq!(
            refused("text/csv", &[("output", "csv")]).text,
            "Invalid combination of Accept header (text/csv) and output request parameter (csv). Remove output request \
             parameter when requesting application/geo+json or text/csv"
        );
        assert!(refused(GEOJSON, &[("output", "geojson")]).text.contains("(application/geo+json)"));
    }
}
