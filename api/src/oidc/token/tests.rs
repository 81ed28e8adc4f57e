//! A corpus of tokens that must not pass, beside those that must.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use proptest::prelude::*;
use serde_json::json;

use super::super::keys::Keys;
use super::*;

const ALLOWED: [TokenAlgorithm; 3] = [TokenAlgorithm::Rs256, TokenAlgorithm::Es256, TokenAlgorithm::EdDsa];
const ISSUER: &str = "https://id.example/realms/water";
const AUDIENCE: &str = "nilometer";
const NOW_S: i64 = 1_800_000_000;

/// An issuer with one key of each kind.
pub(crate) struct Issuer {
    edwards: Ed25519KeyPair,
    p256: EcdsaKeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let p256 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self {
            edwards: Ed25519KeyPair::from_pkcs8(edwards.as_ref()).expect("a key"),
            p256: EcdsaKeyPair::from_pkcs8(algorithm, p256.as_ref()).expect("a key"),
        }
    }

    pub(crate) fn set(&self) -> Vec<u8> {
        let point = self.p256.public_key().as_ref();
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "alg": "EdDSA",
                "x": URL_SAFE_NO_PAD.encode(self.edwards.public_key().as_ref())},
            {"kty": "EC", "crv": "P-256", "kid": "ec",
                "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])},
        ]})
        .to_string()
        .into_bytes()
    }

    /// A token with this header and these claims, signed with the key that its `kid` names.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = if header["kid"] == "ec" {
            self.p256.sign(&SystemRandom::new(), message.as_bytes()).expect("signed").as_ref().to_vec()
        } else {
            self.edwards.sign(message.as_bytes()).as_ref().to_vec()
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": "ed"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "exp": NOW_S + 300, "iat": NOW_S, "azp": "portal"})
}

/// With one member changed; null takes it out.
fn with(mut value: Value, name: &str, to: Value) -> Value {
    let members = value.as_object_mut().expect("an object");
    if to.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), to)
    };
    value
}

async fn judge(issuer: &Issuer, text: &str, clients: &[String]) -> Result<Claims, Reason> {
    let token = Token::parse(text, &ALLOWED)?;
    let fetch = || async { Ok(issuer.set()) };
    let key = Keys::default().get(token.key_id.as_deref(), Instant(1), fetch).await.map_err(|_| "no such key")?;
    let claims = token.verify(&key)?;
    let now = Instant(NOW_S * 1_000_000);
    check_claims(&claims, &Expected { issuer: ISSUER, audience: AUDIENCE, now })?;
    check_is_access_token(&token, &claims, clients, false)?;
    Ok(claims)
}

#[tokio::test]
async fn whole_tokens_pass() {
    let issuer = Issuer::new();
    for (header, claims) in [
        (header(), claims()),
        (json!({"alg": "ES256", "kid": "ec"}), claims()),
        (with(header(), "typ", json!("at+jwt")), with(claims(), "nonce", json!("kept from the request"))),
        (with(header(), "typ", json!("application/at+JWT")), claims()),
        (header(), with(claims(), "aud", json!(["account", AUDIENCE]))),
        (header(), with(claims(), "exp", json!(NOW_S - 20))),
        (header(), with(claims(), "nbf", json!(NOW_S + 20))),
        (header(), with(claims(), "exp", json!(NOW_S as f64 + 0.5))),
        (header(), with(claims(), "typ", json!("Bearer"))),
    ] {
        let token = issuer.sign(&header, &claims);
        assert!(judge(&issuer, &token, &[]).await.is_ok(), "{header} {claims}");
    }
}

#[tokio::test]
async fn headers_that_lie_are_refused() {
    let issuer = Issuer::new();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", json!("PS256")),
        ("alg", json!(["EdDSA"])),
        ("alg", Value::Null),
        ("kid", json!("../../dev/null")),
        ("kid", json!("ed' OR '1'='1")),
        ("kid", json!("x".repeat(300))),
        ("kid", json!(7)),
        ("kid", json!({"$ne": ""})),
        ("kid", Value::Null),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("logout+jwt")),
        ("typ", json!(1)),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AAAA"])),
        ("jwk", json!({"kty": "OKP"})),
        ("crit", json!(["b64"])),
    ] {
        let token = issuer.sign(&with(header(), name, value.clone()), &claims());
        assert!(judge(&issuer, &token, &[]).await.is_err(), "{name}: {value}");
    }
}

#[tokio::test]
async fn claims_that_do_not_fit_are_refused() {
    let issuer = Issuer::new();
    for (name, value) in [
        ("exp", json!(NOW_S - 31)),
        ("exp", Value::Null),
        ("exp", json!((NOW_S + 300).to_string())),
        ("exp", json!([NOW_S + 300])),
        ("exp", json!({"valueOf": NOW_S + 300})),
        ("exp", json!(true)),
        ("exp", json!(-1)),
        ("nbf", json!(NOW_S + 31)),
        ("nbf", json!("never")),
        ("iat", json!(NOW_S + 3_600)),
        ("iss", json!("https://id.example/realms/wate")),
        ("iss", json!([ISSUER])),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!(["another", "nilometer-staging"])),
        ("aud", json!([AUDIENCE, 7])),
        ("aud", json!({"nilometer": true})),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("x".repeat(300))),
        ("sub", Value::Null),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
    ] {
        let token = issuer.sign(&header(), &with(claims(), name, value.clone()));
        assert!(judge(&issuer, &token, &[]).await.is_err(), "{name}: {value}");
    }
    let token = issuer.sign(&header(), &claims());
    assert!(judge(&issuer, &token, &["portal".into()]).await.is_ok());
    assert!(judge(&issuer, &token, &["another".into()]).await.is_err());
}

#[test]
fn where_id_tokens_name_the_same_audience_a_token_must_look_like_one_for_access() {
    let issuer = Issuer::new();
    let check = |header: Value, claims: Value, passes: bool| {
        let text = issuer.sign(&header, &claims);
        let token = Token::parse(&text, &ALLOWED).expect("a token");
        let Value::Object(members) = claims else { panic!("an object") };
        assert_eq!(check_is_access_token(&token, &members, &[], true).is_ok(), passes, "{header} {members:?}");
    };
    check(header(), claims(), false);
    check(header(), with(claims(), "typ", json!("ID")), false);
    check(header(), with(claims(), "typ", json!("Bearer")), true);
    check(header(), with(claims(), "scope", json!("openid")), true);
    check(with(header(), "typ", json!("at+jwt")), claims(), true);
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret_and_foreign_keys_sign_nothing() {
    use hmac::{Hmac, KeyInit, Mac};
    let issuer = Issuer::new();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&with(header(), "alg", json!("HS256"))), part(&claims()));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(issuer.edwards.public_key().as_ref()).expect("any length");
    mac.update(message.as_bytes());
    let confused = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    assert!(judge(&issuer, &confused, &[]).await.is_err());
    let foreign = Issuer::new().sign(&header(), &claims());
    assert!(judge(&issuer, &foreign, &[]).await.is_err());
}

#[tokio::test]
async fn what_is_no_token_costs_next_to_nothing() {
    let issuer = Issuer::new();
    let huge = format!("{}.{}.{}", "A".repeat(1 << 20), "B".repeat(1 << 10), "C");
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(10_000));
    for text in ["", "..", "a.b.c", "....", &huge, &format!("{deep}.{deep}.a"), "e30.e30.", "e30.e30.e30"] {
        let begun = std::time::Instant::now();
        assert!(judge(&issuer, text, &[]).await.is_err());
        assert!(begun.elapsed() < std::time::Duration::from_millis(50), "{} bytes", text.len());
    }
}

proptest! {
    #[test]
    fn no_changed_character_passes(at in 0..400_usize, to in "[A-Za-z0-9_.-]") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let issuer = Issuer::new();
            let token = issuer.sign(&header(), &claims());
            let at = at % token.len();
            let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
            // The last character of a part may hold bits that stand for nothing; a strict decoder refuses them too.
            assert!(changed == token || judge(&issuer, &changed, &[]).await.is_err());
        });
    }
}
