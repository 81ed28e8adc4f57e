//! What browsers send by themselves: a session's cookie, and where a request comes from.
//!
//! A cookie counts only for requests that pages of this service make, or that follow a link to it. A write by cookie must
//! show the token that the pages hold besides.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;
use nilometer_schemas::{Kind, Problem};

use crate::accounts::Accounts;
use crate::config::{AccountSettings, PlainHttp, is_safe};
use crate::context::RequestContext;
use crate::problem::ApiError;

/// Header in which scripts send the token of a session's pages.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// Input in which forms send it.
pub(crate) const TOKEN_FIELD: &str = "csrf";
/// What browsers tell of where a request comes from (Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Addresses where POST asks and changes nothing, or enters with a password or a mailed link: a cookie gives nothing there, so
/// that no token is needed.
const WITHOUT_TOKEN: [&str; 10] = [
    "/search",
    "/search/export",
    "/searches",
    "/aggregate",
    "/collections/{collection}/aggregate",
    "/sign-in",
    "/sign-up",
    "/sign-up/confirm",
    "/password/forgot",
    "/password/reset",
];

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Of a session.
    Session,
    /// Of a sign-in at an outside issuer that is under way.
    SignIn,
}

impl Cookie {
    /// Its name. With TLS the prefix makes browsers refuse it from anywhere but this very host; without, they would refuse
    /// the prefix.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, true) => "__Host-nilometer",
            (Self::Session, false) => "nilometer",
            (Self::SignIn, true) => "__Host-nilometer-sign-in",
            (Self::SignIn, false) => "nilometer-sign-in",
        }
    }

    /// Its value in a request. One that stands there twice is none: another site may have set the other.
    pub(crate) fn read<'a>(self, headers: &'a HeaderMap, context: &RequestContext) -> Option<&'a str> {
        let name = self.name(is_secure(context));
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (own, value) = pair.trim().split_once('=')?;
            (own == name).then_some(value)
        });
        let value = values.next()?;
        values.next().is_none().then_some(value).filter(|value| !value.is_empty())
    }

    /// The header that sets it; an empty value takes it away.
    pub(crate) fn set(self, value: &str, context: &RequestContext, lasts_s: i64) -> HeaderValue {
        let secure = is_secure(context);
        let lasts_s = if value.is_empty() { 0 } else { lasts_s };
        let tail = if secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{tail}", self.name(secure));
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

fn is_secure(context: &RequestContext) -> bool {
    context.public_url.starts_with("https://")
}

/// Refuses passwords and cookies where they can be read on the way.
///
/// # Errors
/// `Forbidden` without TLS, but on the machine itself or where the settings allow it.
pub(crate) fn require_private(settings: &AccountSettings, context: &RequestContext) -> Result<(), Problem> {
    if settings.plain_http == PlainHttp::Anywhere || is_safe(&context.public_url) {
        return Ok(());
    }
    let detail = "signing in needs https here: without it, anybody on the way could read the password";
    Err(Problem::new(Kind::Forbidden, "https-required", detail))
}

/// Where a request comes from, as its browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A page of this service, an address that somebody typed, or no browser.
    Here,
    /// A link elsewhere that somebody followed.
    Link,
    /// A script, form or picture of another site.
    Elsewhere,
}

impl Origin {
    /// Reads it off a request.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, context: &RequestContext) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match text(&SITE) {
            Some("same-origin" | "none") => Self::Here,
            Some(_) if reads && text(&MODE) == Some("navigate") => Self::Link,
            Some(_) => Self::Elsewhere,
            // Without TLS, and from older browsers, there is only the origin of writes and of scripts' requests.
            None => match headers.get(ORIGIN) {
                None => Self::Here,
                Some(origin) if origin.to_str().is_ok_and(|origin| is_own(origin, headers, context)) => Self::Here,
                Some(_) => Self::Elsewhere,
            },
        }
    }
}

/// Whether an origin is this service's, under its public address or under the host that was asked.
fn is_own(origin: &str, headers: &HeaderMap, context: &RequestContext) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let public = context.public_url.split_once("://").unwrap_or_default();
    let public = (public.0, public.1.split('/').next().unwrap_or_default());
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    (scheme, authority) == public || (!asked.is_empty() && authority.eq_ignore_ascii_case(asked))
}

/// The failure of a write that another site may have caused.
pub(crate) fn foreign() -> Problem {
    let detail = "this write does not come from a page of this service; load the page anew and try again";
    Problem::new(Kind::Forbidden, "csrf", detail).at("X-CSRF-Token")
}

/// Whether a request of this method, to this route, changes something by its cookie.
pub(crate) fn changes(method: &Method, route: Option<&str>) -> bool {
    let harmless = *method == Method::POST && route.is_some_and(|route| WITHOUT_TOKEN.contains(&route));
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !harmless
}

/// Lets a write by cookie through that shows its session's token, in a header or in a form.
///
/// # Errors
/// `Forbidden` without it, or with another one.
pub(crate) async fn require_token(accounts: &Accounts, session: &str, request: Request) -> Result<Request, ApiError> {
    let (parts, body) = request.into_parts();
    let shown = parts.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
    if shown.is_some_and(|token| accounts.is_csrf_token(session, token)) {
        return Ok(Request::from_parts(parts, body));
    }
    if !is_form(&parts.headers) {
        return Err(foreign().into());
    }
    // Whole in memory already: bodies were capped and read before.
    let bytes = body.collect().await.map_err(ApiError::internal)?.to_bytes();
    let pairs = bytes.split(|b| *b == b'&').filter_map(|pair| std::str::from_utf8(pair).ok());
    let shown = pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == TOKEN_FIELD);
    if shown.is_some_and(|(_, token)| accounts.is_csrf_token(session, token)) {
        return Ok(Request::from_parts(parts, Body::from(bytes)));
    }
    Err(foreign().into())
}

/// Whether a body is a form's.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A path of this service to go on to after a sign-in, if that is what the text is: nothing that leads elsewhere.
pub(crate) fn local_path(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    (plain && text.starts_with('/') && !text.starts_with("//")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn context(url: &str) -> RequestContext {
        let config = Config::from_pairs(&[("public_url", url)]).expect("valid");
        RequestContext::new(&config, &HeaderMap::new(), &axum::http::Uri::from_static("/"), None, "id".into())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a value"));
        }
        map
    }

    #[test]
    fn only_this_service_and_followed_links_count() {
        let check = |method: Method, pairs: &[(&'static str, &str)], expected: Origin| {
            let found = Origin::of(&method, &headers(pairs), &context("https://water.example/p"));
            assert_eq!(found, expected, "{method} {pairs:?}");
        };
        check(Method::POST, &[("sec-fetch-site", "same-origin")], Origin::Here);
        check(Method::GET, &[("sec-fetch-site", "none")], Origin::Here);
        check(Method::GET, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], Origin::Link);
        check(Method::POST, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], Origin::Elsewhere);
        check(Method::GET, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")], Origin::Elsewhere);
        check(Method::GET, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")], Origin::Elsewhere);
        check(Method::POST, &[("origin", "https://water.example")], Origin::Here);
        check(Method::POST, &[("origin", "http://inner:8080"), ("host", "inner:8080")], Origin::Here);
        check(Method::POST, &[("origin", "http://water.example")], Origin::Elsewhere);
        check(Method::POST, &[("origin", "https://water.example.evil.example")], Origin::Elsewhere);
        check(Method::POST, &[("origin", "null")], Origin::Elsewhere);
        check(Method::POST, &[], Origin::Here);
    }

    #[test]
    fn cookies_are_bound_to_the_host_where_there_is_tls() {
        let (tls, plain) = (context("https://water.example"), context("http://127.0.0.1:1"));
        assert_eq!(
            Cookie::Session.set("t", &tls, 60),
            "__Host-nilometer=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(Cookie::Session.set("", &plain, 60), "nilometer=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        let sent = headers(&[("cookie", "a=b; nilometer=no; __Host-nilometer=yes")]);
        assert_eq!(Cookie::Session.read(&sent, &tls), Some("yes"));
        let twice = headers(&[("cookie", "__Host-nilometer=one"), ("cookie", "__Host-nilometer=two")]);
        assert_eq!(Cookie::Session.read(&twice, &tls), None);
    }

    #[test]
    fn a_way_on_leads_nowhere_else() {
        for (text, local) in [
            ("/account", true),
            ("/search?q=a&b=%20", true),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("", false),
            ("/a b", false),
            ("/a\nb", false),
        ] {
            assert_eq!(local_path(text).is_some(), local, "{text:?}");
        }
    }

    #[test]
    fn asking_by_post_changes_nothing() {
        assert!(!changes(&Method::POST, Some("/search")) && !changes(&Method::GET, Some("/account")));
        assert!(changes(&Method::POST, Some("/collections")) && changes(&Method::POST, None));
        assert!(changes(&Method::DELETE, Some("/search")));
    }

    #[test]
    fn passwords_travel_over_tls_or_not_at_all() {
        let settings = Config::default().accounts;
        for (url, allowed) in [("https://a.example", true), ("http://localhost:1", true), ("http://a.example", false)] {
            assert_eq!(require_private(&settings, &context(url)).is_ok(), allowed, "{url}");
        }
    }
}
