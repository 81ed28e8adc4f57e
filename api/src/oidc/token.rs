//! Tokens: their form, signature and claims. What is not exactly as it should be is refused, without telling why.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nilometer_schemas::Instant;
use serde_json::{Map, Value};

use super::keys::PublicKey;
use crate::config::TokenAlgorithm;

/// Bytes of a token; one is looked at no further beyond.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Bytes of the name of a key, and of a subject.
const NAME_BYTES_MAX: usize = 255;
/// How far the issuer's clock may be from ours, seconds.
const LEEWAY_S: f64 = 30.0;
/// Members of a header that would let a token bring its own key.
const REFUSED_MEMBERS: [&str; 5] = ["jku", "jwk", "x5u", "x5c", "crit"];
/// Claims that ID tokens have and access tokens have not.
const ID_TOKEN_CLAIMS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// Claims that access tokens have and ID tokens have not (RFC 9068, and what issuers had before it).
const ACCESS_CLAIMS: [&str; 3] = ["scope", "scp", "client_id"];

/// What was refused, for those who run the service; callers are not told.
pub(super) type Reason = &'static str;

/// The claims of a token.
pub(super) type Claims = Map<String, Value>;

/// A token whose form is right and of which nothing is verified yet.
#[derive(Debug)]
pub(super) struct Token<'a> {
    text: &'a str,
    signature: &'a str,
    algorithm: TokenAlgorithm,
    /// Name of the key that it says it was signed with.
    pub(super) key_id: Option<String>,
    kind: String,
}

impl<'a> Token<'a> {
    /// Whether a text is meant as a token: three parts, as no key of ours has.
    pub(super) fn is_meant(text: &str) -> bool {
        text.bytes().filter(|b| *b == b'.').count() == 2
    }

    /// Reads the header.
    pub(super) fn parse(text: &'a str, allowed: &[TokenAlgorithm]) -> Result<Self, Reason> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err("too long");
        }
        let mut parts = text.split('.');
        let (Some(header), Some(_), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("not three parts");
        };
        let header = object(header).ok_or("the header is no object")?;
        if REFUSED_MEMBERS.iter().any(|name| header.contains_key(*name)) {
            return Err("the header brings a key, or more than is understood");
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(|name| name.parse().ok());
        let algorithm =
            algorithm.filter(|algorithm| allowed.contains(algorithm)).ok_or("the algorithm is not allowed")?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) if id.len() <= NAME_BYTES_MAX => Some(id.clone()),
            Some(_) => return Err("the name of the key is none"),
        };
        let kind = match header.get("typ") {
            None => String::new(),
            Some(Value::String(kind)) => kind.to_ascii_lowercase(),
            Some(_) => return Err("the type is none"),
        };
        let kind = kind.strip_prefix("application/").unwrap_or(&kind).to_owned();
        if !matches!(kind.as_str(), "" | "jwt" | "at+jwt") {
            return Err("the type is another one");
        }
        Ok(Self { text, signature, algorithm, key_id, kind })
    }

    /// The claims, once the signature is right.
    pub(super) fn verify(&self, key: &PublicKey) -> Result<Claims, Reason> {
        let message = &self.text[..self.text.len() - self.signature.len() - 1];
        let signature = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| "the signature is none")?;
        if !key.verifies(self.algorithm, message.as_bytes(), &signature) {
            return Err("the signature is wrong, or of another kind of key");
        }
        message.split_once('.').and_then(|(_, claims)| object(claims)).ok_or("the claims are no object")
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    nilometer_schemas::check_depth(text).ok()?;
    match serde_json::from_str(text).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// What claims must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) now: Instant,
}

/// Checks what access tokens and ID tokens have in common.
pub(super) fn check_claims(claims: &Claims, expected: &Expected<'_>) -> Result<(), Reason> {
    let now = expected.now.0 as f64 / 1e6;
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err("another issuer");
    }
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == expected.audience,
        Some(Value::Array(all)) => {
            all.iter().all(Value::is_string) && all.iter().any(|one| one.as_str() == Some(expected.audience))
        }
        _ => false,
    };
    // An audience that is not configured is nobody's.
    if !audience || expected.audience.is_empty() {
        return Err("made for somebody else");
    }
    let expires = claims.get("exp").and_then(moment).ok_or("no end")?;
    if expires + LEEWAY_S <= now {
        return Err("ended");
    }
    for (name, reason) in [("nbf", "not valid yet"), ("iat", "from the future")] {
        if let Some(value) = claims.get(name)
            && moment(value).is_none_or(|at| at - LEEWAY_S > now)
        {
            return Err(reason);
        }
    }
    let subject = claims.get("sub").and_then(Value::as_str);
    if !subject.is_some_and(|subject| !subject.is_empty() && subject.len() <= NAME_BYTES_MAX) {
        return Err("nobody's");
    }
    Ok(())
}

/// Seconds since 1970: a number, and nothing that could be read as one.
fn moment(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        _ => None,
    }
}

/// Refuses what an issuer made for another use than asking this service: an ID token tells a client who signed in, and
/// anybody to whom somebody ever signed in has some.
///
/// With `shared`, ID tokens of people who signed in here name the same audience, and a token must look like one for access.
pub(super) fn check_is_access_token(
    token: &Token<'_>,
    claims: &Claims,
    clients: &[String],
    shared: bool,
) -> Result<(), Reason> {
    let own_kind = claims.get("typ").and_then(Value::as_str);
    let is_access = |kind: &str| kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("at+jwt");
    if own_kind.is_some_and(|kind| !is_access(kind)) {
        return Err("no access token");
    }
    let looks_so =
        token.kind == "at+jwt" || own_kind.is_some() || ACCESS_CLAIMS.iter().any(|name| claims.contains_key(*name));
    if shared && !looks_so {
        return Err("nothing says that it is an access token");
    }
    if token.kind != "at+jwt" && ID_TOKEN_CLAIMS.iter().any(|name| claims.contains_key(*name)) {
        return Err("an ID token");
    }
    let client = ["azp", "client_id"].iter().find_map(|name| claims.get(*name)?.as_str());
    if !clients.is_empty() && !client.is_some_and(|client| clients.iter().any(|known| known == client)) {
        return Err("from another client");
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
