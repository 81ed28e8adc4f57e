//! What an `Accept` header wants most, for routes with formats of their own.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The format of the media type with the highest quality (RFC 9110, 12.5.1), the first of several; `None` where the
/// header names none that there is.
pub(crate) fn best_accepted<F>(headers: &HeaderMap, of_media_type: impl Fn(&str) -> Option<F>) -> Option<F> {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best: Option<(f32, F)> = None;
    for range in accept.flat_map(|list| list.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let Some(format) = parts.next().and_then(&of_media_type) else { continue };
        let quality = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        if quality > best.as_ref().map_or(0.0, |(best, _)| *best) {
            best = Some((quality, format));
        }
    }
    best.map(|(_, format)| format)
}
