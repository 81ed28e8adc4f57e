//! The issuer's public keys: kept for ten minutes, fetched again for a key that nobody knows at most every 30 seconds, and
//! believed for a day while the issuer does not answer.

use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nilometer_schemas::Instant;
use parking_lot::Mutex;
use serde_json::Value;

use crate::config::TokenAlgorithm;
use crate::metrics::Metrics;

/// How long a set is taken as it is, microseconds.
const FRESH_US: i64 = 10 * 60 * 1_000_000;
/// Shortest time between two attempts to fetch it.
const PAUSE_US: i64 = 30 * 1_000_000;
/// How long the last good set is believed while no other can be had.
const BELIEVED_US: i64 = 24 * 3_600 * 1_000_000;
/// Keys of a set; what comes after them is passed over.
const KEYS_MAX: usize = 32;

/// A public key of the issuer.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    id: Option<String>,
    material: Material,
    /// The one algorithm that the key says it is for.
    algorithm: Option<String>,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Material {
    /// Reads a key of RFC 7517 and 8037; `None` for other kinds, secrets above all.
    fn of(jwk: &Value) -> Option<Self> {
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
        let point = |bytes_of_one: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == bytes_of_one && y.len() == bytes_of_one).then(|| [&[4], &x[..], &y[..]].concat())
        };
        match (jwk["kty"].as_str()?, jwk["crv"].as_str()) {
            ("RSA", _) => Some(Self::Rsa { n: bytes("n")?, e: bytes("e")? }),
            ("EC", Some("P-256")) => point(32).map(Self::P256),
            ("EC", Some("P-384")) => point(48).map(Self::P384),
            ("OKP", Some("Ed25519")) => bytes("x").filter(|x| x.len() == 32).map(Self::Ed25519),
            _ => None,
        }
    }
}

impl PublicKey {
    fn of(jwk: &Value) -> Option<Self> {
        if jwk.get("use").is_some_and(|used| used != "sig") {
            return None;
        }
        let text = |name: &str| jwk[name].as_str().map(str::to_owned);
        Some(Self { id: text("kid"), material: Material::of(jwk)?, algorithm: text("alg") })
    }

    /// Whether the key made this signature with this algorithm, which must be one that the key is for.
    pub(super) fn verifies(&self, algorithm: TokenAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let named = algorithm.to_string();
        // RFC 9864 gives EdDSA on this curve a name of its own.
        let fits = |own: &String| *own == named || (named == "EdDSA" && own == "Ed25519");
        if !self.algorithm.as_ref().is_none_or(fits) {
            return false;
        }
        let with = |kind: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(kind, key).verify(message, signature).is_ok()
        };
        match (&self.material, algorithm) {
            (Material::Rsa { n, e }, TokenAlgorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            (Material::Rsa { n, e }, TokenAlgorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature).is_ok()
            }
            (Material::P256(point), TokenAlgorithm::Es256) => with(&ECDSA_P256_SHA256_FIXED, point),
            (Material::P384(point), TokenAlgorithm::Es384) => with(&ECDSA_P384_SHA384_FIXED, point),
            (Material::Ed25519(key), TokenAlgorithm::EdDsa) => with(&ED25519, key),
            _ => false,
        }
    }
}

/// Reads a set; entries that are no keys for signatures are left out.
///
/// # Errors
/// If it is no set of keys, or holds none that is of use.
fn read(text: &[u8]) -> Result<Vec<PublicKey>, String> {
    let set: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let entries = set["keys"].as_array().ok_or("there is no list of keys")?;
    let keys: Vec<PublicKey> = entries.iter().filter_map(PublicKey::of).take(KEYS_MAX).collect();
    if keys.is_empty() { Err("none of the keys is one for signatures".into()) } else { Ok(keys) }
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none of this name.
    Unknown,
    /// The issuer does not answer, and what it said before is too old.
    Unavailable,
}

#[derive(Default)]
struct State {
    keys: Arc<Vec<PublicKey>>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

/// The keys of one issuer.
#[derive(Default)]
pub(super) struct Keys {
    state: Mutex<State>,
    /// Held by the one who fetches; others wait for what comes.
    flight: tokio::sync::Mutex<()>,
    metrics: Option<Arc<Metrics>>,
}

/// Age of a moment; one in the future, of a clock set back, is as old as can be.
fn age(since: Option<Instant>, now: Instant) -> i64 {
    since.map(|since| now.0 - since.0).filter(|age| *age >= 0).unwrap_or(i64::MAX)
}

impl Keys {
    /// With none yet; each attempt to fetch them is counted.
    pub(super) fn counted(metrics: Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics), ..Self::default() }
    }

    /// Seconds since they were fetched; `None` before the first time.
    pub(super) fn age_s(&self, now: Instant) -> Option<u64> {
        let fetched = self.state.lock().fetched?;
        Some(u64::try_from(now.0 - fetched.0).unwrap_or(0) / 1_000_000)
    }

    fn count(&self, result: &'static str) {
        if let Some(metrics) = &self.metrics {
            metrics.jwks_refreshed(result);
        }
    }

    fn find(&self, id: Option<&str>) -> Option<PublicKey> {
        let keys = Arc::clone(&self.state.lock().keys);
        match id {
            Some(id) => keys.iter().find(|key| key.id.as_deref() == Some(id)).cloned(),
            // Without a name there is no choice to be made only among one.
            None => (keys.len() == 1).then(|| keys[0].clone()),
        }
    }

    fn is_due(&self, found: bool, now: Instant) -> bool {
        let state = self.state.lock();
        let wanted = !found || age(state.fetched, now) >= FRESH_US;
        wanted && age(state.tried, now) >= PAUSE_US
    }

    /// The key of a name.
    pub(super) async fn get<F: Future<Output = Result<Vec<u8>, String>>>(
        &self,
        id: Option<&str>,
        now: Instant,
        fetch: impl FnOnce() -> F,
    ) -> Result<PublicKey, NoKey> {
        let mut found = self.find(id);
        // What somebody else is fetching right now may be what is missing.
        let comes = found.is_none() && self.flight.try_lock().is_err();
        if comes || self.is_due(found.is_some(), now) {
            let _flight = self.flight.lock().await;
            // Whoever waited finds what the one before has fetched.
            if self.is_due(self.find(id).is_some(), now) {
                self.state.lock().tried = Some(now);
                match fetch().await.and_then(|text| read(&text)) {
                    Ok(keys) => {
                        let mut state = self.state.lock();
                        state.keys = Arc::new(keys);
                        state.fetched = Some(now);
                        drop(state);
                        self.count("ok");
                    }
                    Err(error) => {
                        self.count("failed");
                        tracing::warn!(%error, "the keys of the issuer cannot be fetched");
                    }
                }
            }
            found = self.find(id);
        }
        if age(self.state.lock().fetched, now) >= BELIEVED_US {
            return Err(NoKey::Unavailable);
        }
        found.ok_or(NoKey::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SECOND: i64 = 1_000_000;

    /// A set with Ed25519 keys of these names.
    fn set(names: &[&str]) -> Vec<u8> {
        let keys: Vec<Value> = names
            .iter()
            .map(|name| {
                serde_json::json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "use": "sig",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
            })
            .collect();
        serde_json::json!({"keys": keys}).to_string().into_bytes()
    }

    async fn ask(
        keys: &Keys,
        name: &str,
        second: i64,
        answer: &Result<Vec<u8>, String>,
        count: &AtomicUsize,
    ) -> Option<NoKey> {
        let fetch = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            answer.clone()
        };
        keys.get(Some(name), Instant(second * SECOND), fetch).await.err()
    }

    #[tokio::test]
    async fn keys_are_kept_fetched_again_when_unknown_and_believed_while_the_issuer_is_down() {
        let (keys, count) = (Keys::default(), AtomicUsize::new(0));
        let down = Err("down".to_owned());
        assert_eq!(ask(&keys, "a", 1_000, &Ok(set(&["a"])), &count).await, None);
        assert_eq!(ask(&keys, "a", 1_100, &down, &count).await, None);
        assert_eq!(count.load(Ordering::SeqCst), 1, "kept");
        for _ in 0..1_000 {
            assert_eq!(ask(&keys, "b", 1_101, &Ok(set(&["a"])), &count).await, Some(NoKey::Unknown));
        }
        assert_eq!(count.load(Ordering::SeqCst), 2, "a flood of unknown names costs one request");
        assert_eq!(ask(&keys, "b", 1_131, &Ok(set(&["a", "b"])), &count).await, None, "rotated within 30 seconds");
        assert_eq!(ask(&keys, "b", 1_131 + 3_600, &down, &count).await, None, "down for an hour");
        assert_eq!(ask(&keys, "c", 1_131 + 3_700, &down, &count).await, Some(NoKey::Unknown));
        assert_eq!(ask(&keys, "b", 1_131 + 86_400, &down, &count).await, Some(NoKey::Unavailable));
        assert_eq!(ask(&keys, "b", 1_131 + 86_500, &Ok(set(&["b"])), &count).await, None, "back again");
        let age = |second: i64| keys.age_s(Instant(second * SECOND));
        assert_eq!((age(1_131 + 86_512), age(0), Keys::default().age_s(Instant(9))), (Some(12), Some(0), None));
        assert_eq!(ask(&keys, "a", 1_131 + 86_501, &down, &count).await, Some(NoKey::Unknown), "taken out of use");
    }

    #[tokio::test]
    async fn many_that_come_together_cost_one_request() {
        let (keys, count) = (Arc::new(Keys::default()), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let (keys, count) = (Arc::clone(&keys), Arc::clone(&count));
            tokio::spawn(async move {
                let fetch = move || async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    Ok(set(&["a"]))
                };
                keys.get(Some("a"), Instant(SECOND), fetch).await.is_ok()
            })
        };
        let asked: Vec<_> = (0..100).map(|_| ask()).collect();
        for asked in asked {
            assert!(asked.await.expect("no panic"));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn secrets_and_keys_for_encryption_are_no_public_keys_and_sets_are_bounded() {
        assert!(read(br#"{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}"#).is_err());
        assert!(read(br#"{"keys":[{"kty":"RSA","use":"enc","kid":"a","n":"AQAB","e":"AQAB"}]}"#).is_err());
        assert!(read(b"[]").is_err() && read(b"{").is_err() && read(br#"{"keys":7}"#).is_err());
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(read(&set(&names)).expect("a set").len(), KEYS_MAX);
    }
}
