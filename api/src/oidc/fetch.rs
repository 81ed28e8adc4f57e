//! Asking the issuer: short answers, soon, from the address that was asked, and from nowhere else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::{SecretText, is_safe};
use crate::links::encode;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Time for a whole answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Asks the issuer.
#[derive(Clone)]
pub(super) struct Fetcher(reqwest::Client);

impl Fetcher {
    /// A client for an issuer at this address.
    ///
    /// # Errors
    /// If the system has no certificates to trust.
    pub(super) fn new(issuer: &str) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .user_agent(concat!("nilometer/", env!("CARGO_PKG_VERSION")));
        if issuer.starts_with("http://") {
            // An issuer on this machine is not reached through a proxy.
            builder = builder.no_proxy();
        }
        builder.build().map(Self).map_err(|error| crate::problem::chain(&error))
    }

    /// The JSON at an address.
    pub(super) async fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        self.send(self.0.get(checked(address)?).header("accept", "application/json")).await
    }

    /// The JSON answer to a form. `client` is sent as RFC 6749, 2.3.1 wants it.
    pub(super) async fn post(
        &self,
        address: &str,
        form: &[(&str, &str)],
        client: Option<(&str, &SecretText)>,
    ) -> Result<Vec<u8>, String> {
        let body = form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let body = body.collect::<Vec<_>>().join("&");
        let mut request = self.0.post(checked(address)?).header("accept", "application/json");
        request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        if let Some((id, secret)) = client {
            let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret.reveal())));
            request = request.header("authorization", format!("Basic {pair}"));
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, String> {
        let told = |error: reqwest::Error| crate::problem::chain(&error.without_url());
        let mut response = request.send().await.map_err(told)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("the answer has more than {ANSWER_BYTES_MAX} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(format!("the answer is {status}"));
        }
        Ok(bytes)
    }
}

/// Addresses that an issuer names are held to the same rule as its own.
fn checked(address: &str) -> Result<&str, String> {
    if is_safe(address) { Ok(address) } else { Err(format!("{address:?} is not reached over TLS")) }
}
