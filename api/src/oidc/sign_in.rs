//! The way of a person to the issuer and back: authorization code flow with PKCE (RFC 7636), `state` and `nonce`.
//!
//! What this service must remember meanwhile stands in a sealed cookie of the browser that began, so that nobody can end
//! in one browser what was begun in another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nilometer_schemas::{Kind, Problem};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::token::{self, Token};
use super::{Oidc, roles, unavailable};
use crate::accounts::{Accounts, Vouched};
use crate::links::with_query;
use crate::problem::ApiError;

/// Time in which somebody must come back, seconds.
pub(crate) const STATE_LASTS_S: i64 = 600;
/// What the seal of the cookie is for.
const SEAL: &str = "oidc state";

/// A sign-in that was begun.
pub(crate) struct Started {
    /// Where the browser goes.
    pub(crate) location: String,
    /// What it keeps meanwhile.
    pub(crate) cookie: String,
}

/// What the browser comes back with.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    /// RFC 9207.
    pub(crate) issuer: Option<String>,
}

fn refused(detail: &str) -> Problem {
    Problem::new(Kind::Unauthorized, "issuer-sign-in", detail)
}

impl Oidc {
    fn random_text(&self) -> Result<String, ApiError> {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes).map_err(ApiError::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Begins a sign-in that comes back to `redirect` and goes on to `next` then.
    ///
    /// # Errors
    /// `Unavailable` while the issuer does not answer.
    pub(crate) async fn start(&self, accounts: &Accounts, redirect: &str, next: &str) -> Result<Started, ApiError> {
        let provider = self.provider().await.map_err(|error| {
            tracing::warn!(error, "the issuer of accounts does not describe itself");
            unavailable()
        })?;
        let [state, nonce, verifier] = [self.random_text()?, self.random_text()?, self.random_text()?];
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let scope = self.settings.scopes.join(" ");
        let location = with_query(
            &provider.authorization,
            [
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("redirect_uri", redirect),
                ("scope", &scope),
                ("state", &state),
                ("nonce", &nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        );
        let ends = (self.clock)().0 / 1_000_000 + STATE_LASTS_S;
        let memory = serde_json::json!([ends, state, nonce, verifier, next]).to_string();
        let memory = URL_SAFE_NO_PAD.encode(memory);
        let cookie = format!("{memory}.{}", accounts.seal_text(SEAL, &memory));
        Ok(Started { location, cookie })
    }

    /// Ends a sign-in: who came back, and where they wanted to go.
    ///
    /// # Errors
    /// `Unauthorized` for an answer that does not belong to what this browser began, or that the issuer does not stand by.
    pub(crate) async fn finish(
        &self,
        accounts: &Accounts,
        redirect: &str,
        cookie: &str,
        answer: &Answer,
    ) -> Result<(Vouched, String), ApiError> {
        let [state, nonce, verifier, next] = self.memory(accounts, cookie)?;
        let same = |given: &Option<String>, own: &str| {
            given.as_ref().is_some_and(|given| bool::from(given.as_bytes().ct_eq(own.as_bytes())))
        };
        if !same(&answer.state, &state) {
            return Err(refused("this answer of the issuer belongs to another sign-in").into());
        }
        if answer.issuer.as_ref().is_some_and(|issuer| *issuer != self.issuer) {
            return Err(refused("this answer comes from another issuer").into());
        }
        let code = match (&answer.error, &answer.code) {
            (None, Some(code)) => code,
            _ => return Err(refused("the issuer did not sign you in").into()),
        };
        let tokens = self.exchange(redirect, code, &verifier).await?;
        let text = tokens["id_token"].as_str().unwrap_or_default();
        let failed = |_| refused("the issuer's answer is not one for this service");
        let token = Token::parse(text, &self.settings.algorithms).map_err(failed)?;
        let claims = self.verified(&token).await.map_err(Problem::from)?;
        token::check_claims(&claims, &self.expected(&self.settings.client_id)).map_err(failed)?;
        let own_nonce = claims.get("nonce").and_then(Value::as_str).map(str::to_owned);
        if !same(&own_nonce, &nonce) {
            return Err(failed("").into());
        }
        let many = claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
        let azp = claims.get("azp").and_then(Value::as_str);
        if (many || azp.is_some()) && azp != Some(self.settings.client_id.as_str()) {
            return Err(failed("").into());
        }
        let mut vouched = self.vouched(&claims);
        // Keycloak tells roles in the access token alone.
        if let Some(role) = self.role_of_access_token(tokens["access_token"].as_str(), &vouched.subject).await {
            vouched.role = vouched.role.max(role);
        }
        Ok((vouched, next))
    }

    async fn role_of_access_token(&self, text: Option<&str>, subject: &str) -> Option<nilometer_schemas::Role> {
        let token = Token::parse(text?, &self.settings.algorithms).ok()?;
        let claims = self.verified(&token).await.ok()?;
        // It came from the issuer just now, over TLS, for this client: its audience may be another service.
        let own = claims.get("sub").and_then(Value::as_str) == Some(subject)
            && claims.get("iss").and_then(Value::as_str) == Some(self.issuer.as_str());
        own.then(|| roles::role(&claims, &self.settings))
    }

    /// What the cookie holds, if it is ours and not too old.
    fn memory(&self, accounts: &Accounts, cookie: &str) -> Result<[String; 4], ApiError> {
        let gone = || refused("this sign-in was not begun in this browser, or too long ago");
        let (memory, seal) = cookie.split_once('.').ok_or_else(gone)?;
        if !accounts.is_text_seal(SEAL, memory, seal) {
            return Err(gone().into());
        }
        let bytes = URL_SAFE_NO_PAD.decode(memory).map_err(|_| gone())?;
        let (ends, state, nonce, verifier, next): (i64, String, String, String, String) =
            serde_json::from_slice(&bytes).map_err(|_| gone())?;
        if ends <= (self.clock)().0 / 1_000_000 {
            return Err(gone().into());
        }
        Ok([state, nonce, verifier, next])
    }

    async fn exchange(&self, redirect: &str, code: &str, verifier: &str) -> Result<Value, ApiError> {
        let provider = self.provider().await.map_err(|_| unavailable())?;
        let secret = self.settings.secret().map_err(ApiError::internal)?;
        let id = self.settings.client_id.as_str();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        let client = (!secret.reveal().is_empty()).then_some((id, &secret));
        if client.is_none() {
            form.push(("client_id", id));
        }
        let answer = self.fetcher.post(&provider.token, &form, client).await.map_err(|error| {
            tracing::warn!(error, "the issuer gave no tokens for a code");
            refused("the issuer did not stand by its answer")
        })?;
        serde_json::from_slice(&answer).map_err(|_| refused("the issuer did not stand by its answer").into())
    }
}
