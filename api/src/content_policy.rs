//! The content security policy of every answer: what a browser may load and run for it.

use axum::http::HeaderValue;

use crate::config::Config;

/// Scripts, styles, pictures and requests are our own; nothing inline, nothing evaluated, no embedding elsewhere.
/// `data:` pictures are the map controls' icons, `blob:` pictures what the map makes of answers that it fetched itself.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; worker-src 'self'; \
                    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The map's worker is a script of ours with requests of its own.
const SCRIPT: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'";
/// Data are never rendered as a page.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// The policy of a page. An outside basemap opens the map's requests, and nothing else, for its origin.
pub(crate) fn of_page(config: &Config) -> HeaderValue {
    let outside = config.basemap_origin().unwrap_or_default();
    let policy = format!("{PAGE}; connect-src 'self' {outside}; img-src 'self' data: blob: {outside}");
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static(PAGE))
}

/// The policy of everything that is no page.
pub(crate) fn of_data(config: &Config, media_type: &str) -> HeaderValue {
    if media_type.starts_with("text/javascript") {
        let outside = config.basemap_origin().unwrap_or_default();
        let policy = format!("{SCRIPT} {outside}");
        return HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static(SCRIPT));
    }
    HeaderValue::from_static(DATA)
}
