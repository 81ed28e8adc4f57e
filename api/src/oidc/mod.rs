//! Accounts of an outside issuer (OpenID Connect): tokens of programs, and sign-ins of people.
//!
//! Only what this service needs of the standard is here: discovery, the issuer's keys, access tokens as JWT, and the
//! authorization code flow with PKCE.

mod fetch;
mod keys;
mod roles;
mod sign_in;
mod token;

use std::sync::Arc;

use nilometer_indexer::Clock;
use nilometer_schemas::{Instant, Kind, Problem};
use parking_lot::Mutex;
use serde_json::Value;

pub(crate) use sign_in::{Answer, STATE_LASTS_S};

use self::fetch::Fetcher;
use self::keys::{Keys, NoKey};
use self::token::{Claims, Expected, Token};
use crate::accounts::Vouched;
use crate::config::OidcSettings;
use crate::metrics::Metrics;
use crate::state::Random;

/// How long the issuer's description is taken as it is, microseconds.
const FRESH_US: i64 = 3_600 * 1_000_000;
/// Shortest time between two attempts to fetch it.
const PAUSE_US: i64 = 10 * 1_000_000;

/// What the issuer says of itself.
#[derive(Clone, Debug, Default)]
struct Provider {
    jwks: String,
    authorization: String,
    token: String,
}

impl Provider {
    /// Reads a description.
    fn read(text: &[u8], issuer: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let said = value["issuer"].as_str().unwrap_or_default();
        if said != issuer {
            return Err(format!("it calls itself {said:?}, not {issuer:?}"));
        }
        let address = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let provider = Self {
            jwks: address("jwks_uri"),
            authorization: address("authorization_endpoint"),
            token: address("token_endpoint"),
        };
        if provider.jwks.is_empty() { Err("it names no keys".into()) } else { Ok(provider) }
    }
}

#[derive(Default)]
struct Described {
    provider: Option<Arc<Provider>>,
    fetched: Instant,
    tried: Option<Instant>,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not one of ours.
    Wrong,
    /// The issuer does not answer, so that nobody can tell.
    Unavailable,
}

/// The issuer, as this service knows it.
pub(crate) struct Oidc {
    settings: OidcSettings,
    issuer: String,
    fetcher: Fetcher,
    described: Mutex<Described>,
    keys: Keys,
    clock: Clock,
    random: Random,
}

fn unavailable() -> Problem {
    let detail = "the issuer of accounts does not answer at the moment";
    Problem::new(Kind::Unavailable, "issuer-unavailable", detail)
}

impl Oidc {
    /// The issuer of the settings, if they name one.
    pub(crate) fn new(settings: &OidcSettings, clock: Clock, random: Random, metrics: Arc<Metrics>) -> Option<Self> {
        let issuer = settings.issuer.as_ref()?.to_string();
        let fetcher = match Fetcher::new(&issuer) {
            Ok(fetcher) => fetcher,
            Err(error) => {
                tracing::error!(error, "the issuer of accounts cannot be asked");
                return None;
            }
        };
        let (described, keys) = (Mutex::default(), Keys::counted(metrics));
        Some(Self { settings: settings.clone(), issuer, fetcher, described, keys, clock, random })
    }

    /// Seconds since the issuer's keys were fetched; `None` before the first time.
    pub(crate) fn keys_age_s(&self) -> Option<u64> {
        self.keys.age_s((self.clock)())
    }

    /// Whether people may sign in there.
    pub(crate) fn offers_sign_in(&self) -> bool {
        !self.settings.client_id.is_empty()
    }

    /// Its address.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What people call the issuer.
    pub(crate) fn name(&self) -> &str {
        if !self.settings.name.is_empty() {
            return &self.settings.name;
        }
        let host = self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, rest)| rest);
        host.split('/').next().unwrap_or_default()
    }

    /// Whether a text is meant as a token of the issuer.
    pub(crate) fn is_token(&self, text: &str) -> bool {
        !self.settings.audience.is_empty() && Token::is_meant(text)
    }

    /// What the issuer says of itself; the last good word while it does not answer.
    async fn provider(&self) -> Result<Arc<Provider>, String> {
        let now = (self.clock)();
        {
            let mut described = self.described.lock();
            let fresh = (0..FRESH_US).contains(&(now.0 - described.fetched.0));
            let paused = described.tried.is_some_and(|tried| (0..PAUSE_US).contains(&(now.0 - tried.0)));
            match &described.provider {
                Some(provider) if fresh || paused => return Ok(Arc::clone(provider)),
                _ => described.tried = Some(now),
            }
        }
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let read = self.fetcher.get(&address).await.and_then(|text| Provider::read(&text, &self.issuer));
        let mut described = self.described.lock();
        match (read, &described.provider) {
            (Ok(provider), _) => {
                let provider = Arc::new(provider);
                described.provider = Some(Arc::clone(&provider));
                described.fetched = now;
                Ok(provider)
            }
            (Err(error), Some(last)) => {
                tracing::warn!(error, "the issuer of accounts does not describe itself");
                Ok(Arc::clone(last))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// The claims of a token with a right signature.
    async fn verified(&self, token: &Token<'_>) -> Result<Claims, Refused> {
        let fetch = || async {
            let provider = self.provider().await?;
            self.fetcher.get(&provider.jwks).await
        };
        let key = self.keys.get(token.key_id.as_deref(), (self.clock)(), fetch).await.map_err(|none| match none {
            NoKey::Unknown => Refused::Wrong,
            NoKey::Unavailable => Refused::Unavailable,
        })?;
        token.verify(&key).map_err(wrong)
    }

    fn expected<'a>(&'a self, audience: &'a str) -> Expected<'a> {
        Expected { issuer: &self.issuer, audience, now: (self.clock)() }
    }

    fn vouched(&self, claims: &Claims) -> Vouched {
        Vouched {
            issuer: self.issuer.clone(),
            subject: claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned(),
            name: roles::name(claims),
            role: roles::role(claims, &self.settings),
        }
    }

    /// Whoever holds an access token.
    pub(crate) async fn bearer(&self, text: &str) -> Result<Vouched, Refused> {
        let token = Token::parse(text, &self.settings.algorithms).map_err(wrong)?;
        let claims = self.verified(&token).await?;
        token::check_claims(&claims, &self.expected(&self.settings.audience)).map_err(wrong)?;
        let shared = self.settings.audience == self.settings.client_id;
        token::check_is_access_token(&token, &claims, &self.settings.clients, shared).map_err(wrong)?;
        Ok(self.vouched(&claims))
    }
}

/// The log of those who look for the reason has it; callers do not.
fn wrong(reason: token::Reason) -> Refused {
    tracing::debug!(reason, "a token is refused");
    Refused::Wrong
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong => {
                Self::new(Kind::Unauthorized, "token-refused", "this token is not valid here").at("Authorization")
            }
            Refused::Unavailable => unavailable(),
        }
    }
}
