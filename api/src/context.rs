//! What is known of a request before any route sees it: its id, the address it was sent to, and who sent it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

use crate::config::{Config, PublicBase};
use crate::problem::ApiError;

/// Bytes of the longest request id that is taken over from the caller.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Headers that proxies add.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "via"];

/// One request's circumstances; an extractor for routes.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The caller's `X-Request-Id` if it is harmless, else a new UUID.
    pub request_id: String,
    /// Where the service is reached, without trailing slash: every link begins with it.
    pub public_url: String,
    /// Whether a browser asks.
    pub wants_html: bool,
    /// `Accept-Language` as it came.
    pub accept_language: Option<String>,
    /// Path and query as they came.
    pub uri: Uri,
    /// The caller's address, seen through trusted proxies.
    pub client: Option<IpAddr>,
    /// Whether the request says that it was forwarded, by somebody who is not trusted: the address is then a proxy's, or
    /// the caller only says so.
    pub forwarded_unseen: bool,
}

impl RequestContext {
    /// Reads a request's circumstances. `peer` is the other end of the connection, `fresh_id` the id to use
    /// when the caller brings none.
    pub fn new(config: &Config, headers: &HeaderMap, uri: &Uri, peer: Option<SocketAddr>, fresh_id: String) -> Self {
        let trusted = peer.is_some_and(|p| config.trusts(p.ip()));
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let request_id = text("x-request-id").filter(|id| harmless_id(id)).map_or(fresh_id, str::to_owned);
        Self {
            request_id,
            public_url: public_url(config, headers, uri, trusted).to_string(),
            wants_html: wants_html(text("accept"), uri.query()),
            accept_language: text("accept-language").map(str::to_owned),
            uri: uri.clone(),
            client: client(config, headers, peer),
            forwarded_unseen: !trusted && FORWARDED.iter().any(|name| headers.contains_key(*name)),
        }
    }

    /// URI of this request: a `urn:uuid:` where the id is a UUID, else a fragment.
    pub fn instance(&self) -> String {
        match uuid::Uuid::try_parse(&self.request_id) {
            Ok(id) => format!("urn:uuid:{}", id.as_hyphenated()),
            Err(_) => format!("#{}", self.request_id),
        }
    }
}

fn harmless_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= REQUEST_ID_BYTES_MAX
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Browsers name `text/html`, and no JSON before it; programs name JSON or nothing. `f=` in the address wins.
fn wants_html(accept: Option<&str>, query: Option<&str>) -> bool {
    for pair in query.unwrap_or_default().split('&') {
        if let Some(format) = pair.strip_prefix("f=") {
            return format == "html";
        }
    }
    let quality = |wanted: &[&str]| -> f32 {
        let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|t| wanted.iter().any(|w| t.eq_ignore_ascii_case(w)));
            let quality = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(1.0));
            named.then_some(quality)
        });
        ranges.fold(0.0, f32::max)
    };
    let html = quality(&["text/html"]);
    html > 0.0 && html >= quality(&["application/json", "application/geo+json"])
}

/// The last value of a forwarding header's list: the one that the nearest, trusted proxy wrote.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').map(str::trim).find(|part| !part.is_empty())
}

fn public_url(config: &Config, headers: &HeaderMap, uri: &Uri, trusted: bool) -> PublicBase {
    if let Some(base) = &config.public_url {
        return base.clone();
    }
    let fallback =
        || PublicBase::new("http", &config.listen.to_string(), "").expect("a socket address is an authority");
    let forwarded = |name: &str| if trusted { last(headers, name) } else { None };
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let authority = forwarded("x-forwarded-host")
        .or_else(|| headers.get("host").and_then(|v| v.to_str().ok()))
        .or_else(|| uri.authority().map(|a| a.as_str()));
    let prefix = forwarded("x-forwarded-prefix").unwrap_or_default();
    match authority {
        // A `Host` that is no host gives links to the listening address rather than links to nowhere.
        Some(authority) => PublicBase::new(scheme, authority, prefix).unwrap_or_else(|_| fallback()),
        None => fallback(),
    }
}

/// Walks `X-Forwarded-For` from the near end past trusted proxies to the first address that is not one.
fn client(config: &Config, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
    let mut address = peer?.ip().to_canonical();
    let lists: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
    for hop in lists.iter().rev().flat_map(|list| list.rsplit(',')) {
        if !config.trusts(address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(next) => address = next.to_canonical(),
            Err(_) => break,
        }
    }
    Some(address)
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let context = parts.extensions.get::<Arc<RequestContext>>();
        context.map(|c| RequestContext::clone(c)).ok_or_else(|| ApiError::internal("the request has no context"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(settings: &[(&str, &str)], peer: &str, headers: &[(&'static str, &str)]) -> RequestContext {
        let config = Config::from_pairs(settings).expect("valid settings");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header value"));
        }
        let uri = Uri::from_static("/search?limit=1");
        RequestContext::new(&config, &map, &uri, Some(peer.parse().expect("a socket address")), "fresh".into())
    }

    #[test]
    fn forwarding_headers_count_only_from_trusted_proxies() {
        let headers = [
            ("host", "inner:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "water.example"),
            ("x-forwarded-prefix", "/portal"),
            ("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2"),
        ];
        let check = |settings: &[(&str, &str)], url: &str, client: &str| {
            let c = context(settings, "10.0.0.1:5000", &headers);
            assert_eq!((c.public_url.as_str(), c.client), (url, Some(client.parse().expect("an address"))));
        };
        check(&[], "http://inner:8080", "10.0.0.1");
        check(&[("trusted_proxies", "192.0.2.0/24")], "http://inner:8080", "10.0.0.1");
        check(&[("trusted_proxies", "10.0.0.0/8")], "https://water.example/portal", "198.51.100.7");
        check(&[("public_url", "https://fixed.example/p/")], "https://fixed.example/p", "10.0.0.1");
    }

    #[test]
    fn a_host_that_is_no_host_never_reaches_a_link() {
        for host in ["evil.example/path", "a\"><script>", "user@host", ""] {
            assert_eq!(context(&[], "10.0.0.1:1", &[("host", host)]).public_url, "http://127.0.0.1:8080", "{host}");
        }
    }

    #[test]
    fn a_request_id_is_taken_over_only_if_harmless() {
        let check = |id: &str, expected: &str| {
            assert_eq!(context(&[], "10.0.0.1:1", &[("x-request-id", id)]).request_id, expected);
        };
        check("job-17.a_b", "job-17.a_b");
        check("two words", "fresh");
        check("{\"a\":1}", "fresh");
        check(&"x".repeat(129), "fresh");
    }

    #[test]
    fn a_browser_is_known_by_its_accept_header_and_overruled_by_f() {
        let browser = Some("text/html,application/xhtml+xml,*/*;q=0.8");
        assert!(wants_html(browser, None));
        assert!(!wants_html(browser, Some("limit=1&f=json")));
        assert!(wants_html(None, Some("f=html")));
        assert!(!wants_html(Some("*/*"), None));
        assert!(!wants_html(Some("application/json, text/html;q=0.1"), None));
        assert!(!wants_html(Some("text/html;q=0"), None));
        assert!(wants_html(Some("application/json;q=0.5, Text/HTML;q=0.9"), None));
        assert!(!wants_html(None, None));
    }
}
