//! What every route needs to know of a request: who asks, in which form and language, with which parameters.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use nilometer_indexer::Snapshot;
use nilometer_schemas::{Kind, Problem, Scope};
use sha2::{Digest, Sha256};

use crate::accounts::Principal;
use crate::context::RequestContext;
use crate::html::Language;
use crate::links::{HTML, Links, with_query};
use crate::problem::ApiError;
use crate::state::{App, run_blocking};

/// Hexadecimal digits of a hash in an entity tag.
const ETAG_HASH_DIGITS: usize = 24;
/// What a cached answer depends on besides its address.
const VARY: &str = "accept, accept-language, authorization, x-api-key, cookie";

/// One request, as a route sees it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// Who asks.
    pub(crate) principal: Principal,
    /// The part of the catalogue that exists for whoever asks.
    pub(crate) scope: Scope,
    /// That part, as it was when the request came. What a request writes is in later ones.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Makes the links of the answer.
    pub(crate) links: Links,
    /// Whether a browser asks for a page.
    pub(crate) html: bool,
    /// Languages wanted, best first, as primary subtags (`fr`).
    pub(crate) languages: Vec<String>,
    /// The language of `lang=`, to be kept in links.
    pub(crate) lang: Option<String>,
    /// The form of `f=`, to be kept in links.
    pub(crate) format: Option<String>,
    /// The parameters but `f` and `lang`, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// Path and query as they came.
    pub(crate) path_and_query: String,
    /// The path as it came.
    pub(crate) path: String,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
    /// Whether it is `GET` or `HEAD`: of these alone `If-None-Match` asks for 304 (RFC 9110, 13.1.2).
    pub(crate) reads: bool,
}

impl FromRequestParts<App> for Ask {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (ask, format) = Self::with_format(parts, app).await?;
        if let Some(format) = format.filter(|f| !matches!(f.as_str(), "json" | "html")) {
            let problem = Problem::invalid("format", format!("there is no format {format:?}"));
            return Err(problem.at("f").allowed("json, html").into());
        }
        Ok(ask)
    }
}

impl Ask {
    /// Reads a request and its `f`, for routes with formats of their own.
    ///
    /// # Errors
    /// `Invalid` for a query string that is none.
    pub(crate) async fn with_format(parts: &mut Parts, app: &App) -> Result<(Self, Option<String>), ApiError> {
        let context = RequestContext::from_request_parts(parts, app).await?;
        let principal = Principal::from_request_parts(parts, app).await?;
        let Query(mut query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::invalid("query", "the query string is not name=value pairs joined by &"))?;
        let format = take(&mut query, "f")?;
        let lang = take(&mut query, "lang")?.filter(|l| !l.is_empty()).map(|l| primary_subtag(&l));
        let mut languages = accepted(context.accept_language.as_deref().unwrap_or_default());
        if let Some(lang) = &lang {
            languages.insert(0, lang.clone());
        }
        let ask = Self {
            scope: principal.scope(),
            snapshot: app.view(&principal).await?,
            principal,
            links: Links::new(&context.public_url),
            html: context.wants_html,
            languages,
            lang,
            format: format.clone(),
            query,
            path_and_query: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            path: parts.uri.path().to_owned(),
            headers: parts.headers.clone(),
            reads: matches!(parts.method, Method::GET | Method::HEAD),
        };
        Ok((ask, format))
    }

    /// The language of pages.
    pub(crate) fn language(&self) -> Language {
        Language::choose(&self.languages)
    }

    /// The value of a parameter, if it is there and not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The parameters, for links to the same in another way: those of `but` are left out. Of programs also `f` and `lang`, which
    /// pages add to all their links.
    pub(crate) fn kept<'a>(&'a self, but: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let own = self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form = [("f", &self.format), ("lang", &self.lang)];
        let form = form.into_iter().filter(|_| !self.html).filter_map(|(name, value)| Some((name, value.as_deref()?)));
        own.chain(form).filter(|(name, _)| !but.contains(name))
    }

    /// How many entries an answer may have: `default` where no `limit` is named, at most `max`.
    ///
    /// # Errors
    /// `Invalid` for what is no whole number, and for none at all.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let Some((_, text)) = self.query.iter().find(|(name, _)| name == "limit") else { return Ok(default) };
        match usize::try_from(whole_number("limit", text)?).unwrap_or(max) {
            0 => Err(Problem::invalid("limit", "an answer has at least 1 entry")
                .at("limit")
                .allowed(format!("1 to {max}"))),
            limit => Ok(limit.min(max)),
        }
    }

    /// Sends a browser on to a page of ours, in the language that was chosen.
    pub(super) fn go_to(&self, path: &str) -> Response {
        let local = self.links.local(path);
        match &self.lang {
            Some(lang) if !path.contains("lang=") => {
                see_other(&format!("{local}{}lang={lang}", if path.contains('?') { "&" } else { "?" }))
            }
            _ => see_other(&local),
        }
    }

    /// Sends a browser's reader whom nobody knows yet to sign in, and back to here. `None` for all others: programs are refused.
    pub(super) fn to_sign_in(&self) -> Option<Response> {
        let reads = self.reads && self.html && self.principal.is_anonymous();
        reads.then(|| self.go_to(&with_query("/sign-in", [("next", self.path_and_query.as_str())])))
    }

    /// Refuses parameters that the route does not know, as OGC API Features asks.
    ///
    /// # Errors
    /// `Invalid` naming the first unknown parameter and the known ones.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(Problem::invalid("parameter", format!("there is no parameter {name:?} here"))
                .at(name.as_str())
                .allowed([known, &["f", "lang"]].concat().join(", "))),
        }
    }

    /// A strong entity tag: the version of what is answered, the scope, and a hash of everything else that
    /// shapes the bytes.
    pub(crate) fn etag(&self, version: u64, media_type: &str, body: &[u8]) -> String {
        self.etag_at(&self.path_and_query, version, media_type, body)
    }

    /// The entity tag that [`Ask::etag`] makes of a request for another address.
    pub(crate) fn etag_at(&self, path_and_query: &str, version: u64, media_type: &str, body: &[u8]) -> String {
        let mut hash = Sha256::new();
        let (address, languages) = (self.links.absolute(""), self.languages.join(","));
        // The head of a page names whose it is.
        let reader = self.principal.user.as_deref().filter(|_| media_type == HTML).unwrap_or_default();
        let parts: [&[u8]; 7] = [
            reader.as_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes(),
            address.as_bytes(),
            path_and_query.as_bytes(),
            media_type.as_bytes(),
            languages.as_bytes(),
            body,
        ];
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hex(&hash.finalize());
        format!("\"{version}-{}-{}\"", self.scope.tag(), &digest[..ETAG_HASH_DIGITS])
    }

    /// The answer 304, if the caller holds these bytes already.
    pub(crate) fn not_modified(&self, etag: &str) -> Option<Response> {
        if !self.reads {
            return None;
        }
        let held = self.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let known = held.flat_map(|list| list.split(',')).map(str::trim);
        // Weak comparison: intermediaries that compress may have weakened our tag (RFC 9110, 13.1.2).
        known.into_iter().any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag).then(|| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            self.cache_headers(response.headers_mut(), etag);
            response
        })
    }

    /// An answer 200 with its cache headers.
    pub(crate) fn respond(&self, media_type: &str, etag: &str, body: Vec<u8>) -> Response {
        self.respond_with(media_type, etag, Body::from(body))
    }

    /// As [`Ask::respond`], with a body that may be still under way.
    pub(crate) fn respond_with(&self, media_type: &str, etag: &str, body: Body) -> Response {
        let mut response = Response::new(body);
        self.cache_headers(response.headers_mut(), etag);
        let content_type = if media_type == HTML { "text/html; charset=utf-8" } else { media_type };
        if let Ok(value) = HeaderValue::from_str(content_type) {
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        if media_type == HTML {
            let language = HeaderValue::from_static(self.language().tag());
            response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
        }
        response
    }

    fn cache_headers(&self, headers: &mut HeaderMap, etag: &str) {
        if let Ok(value) = HeaderValue::from_str(etag) {
            headers.insert(header::ETAG, value);
        }
        let cache = if self.scope.is_public() { "no-cache" } else { "private, no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::VARY, HeaderValue::from_static(VARY));
    }

    /// Answers 304, or runs `make` off the asynchronous threads and answers with its bytes. `version` is the
    /// sequence number of what is answered, `body` the request's body where it shapes the answer.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) async fn answer<F>(
        &self,
        version: u64,
        media_type: &'static str,
        body: &[u8],
        make: F,
    ) -> Result<Response, ApiError>
    where
        F: FnOnce() -> Result<Vec<u8>, ApiError> + Send + 'static,
    {
        let etag = self.etag(version, media_type, body);
        if let Some(response) = self.not_modified(&etag) {
            return Ok(response);
        }
        let bytes = run_blocking(make).await?;
        Ok(self.respond(media_type, &etag, bytes))
    }
}

/// The way to another address, kept by nobody.
pub(super) fn see_other(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// JSON as bytes.
///
/// # Errors
/// `Internal`; our own values always serialise.
pub(crate) fn to_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(ApiError::internal)
}

/// The failure for a collection that is absent or hidden.
pub(crate) fn no_collection(id: &str) -> Problem {
    Problem::not_found("collection-not-found", format!("there is no collection {id:?}"))
}

/// The failure for an item that is absent or hidden.
pub(crate) fn no_item(collection: &str, id: &str) -> Problem {
    Problem::not_found("item-not-found", format!("there is no item {id:?} in collection {collection:?}"))
}

/// Reads a whole number of a parameter.
///
/// # Errors
/// `Invalid` for what is no whole number, or negative.
pub(crate) fn whole_number(name: &'static str, text: &str) -> Result<u64, Problem> {
    text.parse::<u64>().map_err(|_| {
        Problem::new(Kind::Invalid, "number", format!("{text:?} is not a whole number from 0 on")).at(name)
    })
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Takes a parameter out.
///
/// # Errors
/// `Invalid` for two values of it that differ.
fn take(query: &mut Vec<(String, String)>, name: &str) -> Result<Option<String>, Problem> {
    let mut taken: Option<String> = None;
    for (_, value) in query.extract_if(.., |(n, _)| n == name) {
        if taken.as_ref().is_some_and(|taken| *taken != value) {
            return Err(Problem::invalid("repeated-parameter", format!("{name} is given more than once"))
                .at(name)
                .allowed("one value"));
        }
        taken = Some(value);
    }
    Ok(taken)
}

fn primary_subtag(tag: &str) -> String {
    let first = tag.split(['-', '_']).next().unwrap_or_default();
    first.chars().filter(char::is_ascii_alphabetic).take(8).collect::<String>().to_ascii_lowercase()
}

/// The languages of an `Accept-Language` header, best first, without repetition (RFC 9110, 12.5.4).
fn accepted(header: &str) -> Vec<String> {
    let mut weighted: Vec<(String, f32)> = Vec::new();
    for range in header.split(',').take(16) {
        let mut parts = range.split(';');
        let language = primary_subtag(parts.next().unwrap_or_default().trim());
        let quality = parts.find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        if !language.is_empty() && quality > 0.0 && !weighted.iter().any(|(l, _)| *l == language) {
            weighted.push((language, quality));
        }
    }
    weighted.sort_by(|a, b| b.1.total_cmp(&a.1));
    weighted.into_iter().map(|(language, _)| language).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_ranked_by_quality_and_reduced_to_primary_subtags() {
        let check = |header: &str, expected: &[&str]| assert_eq!(accepted(header), expected, "{header}");
        check("", &[]);
        check("fr-CA,fr;q=0.9,en;q=0.8", &["fr", "en"]);
        check("en;q=0.5, de;q=0.7, fr;q=0", &["de", "en"]);
        check("*, es", &["es"]);
    }

    #[test]
    fn a_parameter_is_taken_out_with_all_its_repetitions_unless_they_differ() {
        let query =
            |f: [&str; 2]| vec![("f".to_owned(), f[0].to_owned()), ("q".into(), "a".into()), ("f".into(), f[1].into())];
        let mut same = query(["json", "json"]);
        assert_eq!(take(&mut same, "f"), Ok(Some("json".to_owned())));
        assert_eq!(same, [("q".to_owned(), "a".to_owned())]);
        assert_eq!(take(&mut query(["json", "html"]), "f").map_err(|p| p.parameter), Err(Some("f".into())));
    }
}
