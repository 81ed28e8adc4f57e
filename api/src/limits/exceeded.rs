//! A limit as an answer tells it: the fields `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers), `Retry-After`, and members of the problem.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What a limit allows, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Name of the policy.
    pub(crate) policy: &'static str,
    /// What is counted, where it is something else than requests.
    pub(crate) unit: Option<&'static str>,
    /// The most.
    pub(crate) limit: u64,
    /// Seconds in which all of it comes back.
    pub(crate) window_s: u64,
    /// What is left.
    pub(crate) remaining: u64,
    /// Seconds until all of it is there again.
    pub(crate) reset_s: u64,
}

impl Standing {
    /// Adds the two fields; an answer may have those of several policies.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Self { policy, limit, window_s, remaining, reset_s, .. } = self;
        let unit = self.unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
        for (name, text) in [
            (POLICY, format!("\"{policy}\";q={limit};w={window_s}{unit}")),
            (LIMIT, format!("\"{policy}\";r={remaining};t={reset_s}")),
        ] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.append(name, value);
            }
        }
    }
}

/// A limit that a request would go beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The limit.
    pub(crate) standing: Standing,
    /// Seconds until the same request may be let in.
    pub(crate) retry_after_s: u64,
}

impl Exceeded {
    /// Adds the fields of a refusal.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(RETRY_AFTER, HeaderValue::from(self.retry_after_s));
        self.standing.tell(headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_lists_of_strings_with_parameters() {
        let standing = Standing { policy: "search", unit: None, limit: 100, window_s: 20, remaining: 7, reset_s: 19 };
        let volume = Standing { policy: "volume", unit: Some("content-bytes"), window_s: 86_400, ..standing };
        let mut headers = HeaderMap::new();
        Exceeded { standing, retry_after_s: 3 }.tell(&mut headers);
        volume.tell(&mut headers);
        let all = |name: &str| -> Vec<&str> { headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect() };
        let policies = ["\"search\";q=100;w=20", "\"volume\";q=100;w=86400;qu=\"content-bytes\""];
        assert_eq!(all("ratelimit-policy"), policies);
        assert_eq!(all("ratelimit"), ["\"search\";r=7;t=19", "\"volume\";r=7;t=19"]);
        assert_eq!(all("retry-after"), ["3"]);
    }
}
