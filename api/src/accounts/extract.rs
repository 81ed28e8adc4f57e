//! Finds the credential in a request and hands the principal to routes.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use nilometer_schemas::Problem;

use super::Principal;
use crate::problem::ApiError;

/// Header that carries a key beside `Authorization`.
const KEY_HEADER: &str = "x-api-key";
/// Query parameters that look like credentials; addresses end up in logs and histories, so keys there are refused.
const REFUSED_PARAMETERS: [&str; 8] =
    ["api_key", "apikey", "api-key", "x-api-key", "key", "access_token", "auth_token", "authorization"];

/// What a request says of who sends it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    /// Nothing.
    None,
    /// A key, still to be looked up.
    Key(&'a str),
    /// Something that is no key.
    Malformed,
}

/// Finds the credential.
///
/// # Errors
/// `Invalid` for a key in the address.
pub(crate) fn credential<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<Credential<'a>, Problem> {
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if REFUSED_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) || value.starts_with("nil_") {
            return Err(Problem::invalid(
                "key-in-address",
                "an API key in an address would be logged; send it in a header",
            )
            .at(if REFUSED_PARAMETERS.contains(&name) { name } else { "query" })
            .allowed("Authorization: Bearer KEY, X-API-Key: KEY"));
        }
    }
    let mut found = Credential::None;
    for value in headers.get_all(AUTHORIZATION) {
        let text = value.to_str().ok().and_then(|v| v.split_once(' '));
        let next = match text {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Credential::Key(key.trim()),
            _ => Credential::Malformed,
        };
        found = joined(found, next);
    }
    for value in headers.get_all(KEY_HEADER) {
        let next = value.to_str().map_or(Credential::Malformed, |key| Credential::Key(key.trim()));
        found = joined(found, next);
    }
    Ok(found)
}

/// Two different credentials in one request are none: the one looked at might not be the one meant.
fn joined<'a>(a: Credential<'a>, b: Credential<'a>) -> Credential<'a> {
    match (a, b) {
        (Credential::None, b) => b,
        (Credential::Key(x), Credential::Key(y)) if x == y => Credential::Key(x),
        _ => Credential::Malformed,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    /// The middleware has looked the key up already, for unknown addresses too.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let principal = parts.extensions.get::<Principal>().cloned();
        principal.ok_or_else(|| ApiError::internal("the request was not authenticated"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: Credential<'_>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header value"));
        }
        assert_eq!(credential(&map, &Uri::from_static("/search?limit=1")), Ok(expected));
    }

    #[test]
    fn a_key_comes_in_either_header() {
        check(&[], Credential::None);
        check(&[("authorization", "Bearer abc")], Credential::Key("abc"));
        check(&[("authorization", "bearer  abc ")], Credential::Key("abc"));
        check(&[("x-api-key", "abc")], Credential::Key("abc"));
        check(&[("x-api-key", "abc"), ("authorization", "Bearer abc")], Credential::Key("abc"));
    }

    #[test]
    fn other_schemes_and_contradicting_headers_are_malformed() {
        check(&[("authorization", "Basic abc")], Credential::Malformed);
        check(&[("authorization", "abc")], Credential::Malformed);
        check(&[("x-api-key", "a"), ("authorization", "Bearer b")], Credential::Malformed);
        check(&[("x-api-key", "a"), ("x-api-key", "b")], Credential::Malformed);
    }

    #[test]
    fn a_key_in_an_address_is_refused() {
        for address in ["/search?api_key=a", "/search?limit=1&KEY=a", "/?access_token=x", "/search?q=nil_0_1"] {
            let uri: Uri = address.parse().expect("an address");
            let problem = credential(&HeaderMap::new(), &uri).expect_err(address);
            assert_eq!(problem.code, "key-in-address");
        }
    }
}
