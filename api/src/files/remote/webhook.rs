//! Messages to addresses that users named: posted to public servers by https, or, where the configuration names servers for messages,
//! to these alone. They are others than those whose files are handed on: who may be asked for files need not be told of orders.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use nilometer_schemas::Problem;
use parking_lot::Mutex;
use reqwest::Client;
use reqwest::redirect::Policy;
use url::{Host, Url};

use super::CONNECT_WITHIN;
use super::address::{Guard, system_lookup};
use crate::config::{HostPattern, WebhookConfig};
use crate::problem::chain;
use crate::state::Random;

/// Time in which a message must have been answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// Times that a message is sent at most.
const ATTEMPTS_MAX: u32 = 3;
/// Pause before the second attempt, milliseconds; before the third it is four times as long, and both by chance longer.
const PAUSE_MS: u64 = 500;

/// See the module.
pub(crate) struct Webhooks {
    guard: Guard,
    config: WebhookConfig,
    random: Random,
    /// Made when the first message is sent.
    client: Mutex<Option<Client>>,
}

impl Webhooks {
    pub(crate) fn new(config: &WebhookConfig, random: Random) -> Self {
        let guard = Guard::new(&config.addresses, system_lookup());
        Self { guard, config: config.clone(), random, client: Mutex::default() }
    }

    /// Reads an address to which messages may be sent. What its name means is checked again when it is asked.
    ///
    /// # Errors
    /// `Invalid` for another scheme, credentials, an address of an inner network, a server that the configuration does not name
    /// where it names some, and plain http where it names none.
    pub(crate) fn check(&self, address: &str) -> Result<Url, Problem> {
        let refused = |detail: &str| Problem::invalid("webhook", detail.to_owned()).at("/notify/webhook");
        let url = Url::parse(address).map_err(|_| refused("the webhook is no address"))?;
        let host = url.host_str().unwrap_or_default();
        let named = &self.config.hosts;
        let is_named = named.iter().any(|pattern| pattern.matches(host, url.port_or_known_default()));
        match url.scheme() {
            "http" | "https" if !named.is_empty() && !is_named => {
                return Err(refused("messages are not sent to this server").allowed(joined(named)));
            }
            "https" => {}
            "http" if is_named => {}
            _ => return Err(refused("a webhook is asked by https").allowed("https://host/path")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the address of a webhook holds no credentials"));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(refused("the address of a webhook names a host")),
        };
        match literal {
            Some(address) if !self.guard.allows(address) => {
                Err(refused("the webhook is an address of an inner network"))
            }
            _ => Ok(url),
        }
    }

    /// Sends a message as JSON, some times where it is not taken.
    ///
    /// # Errors
    /// Why it was not taken.
    pub(crate) async fn post(&self, address: &str, headers: HeaderMap, body: String) -> Result<(), String> {
        let url = self.check(address).map_err(|problem| problem.to_string())?;
        let client = self.client()?;
        let mut attempt = 0;
        loop {
            let request = client.post(url.clone()).headers(headers.clone()).body(body.clone());
            let outcome = match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(()),
                // Neither a redirect nor a refusal gets better by asking again.
                Ok(response) if !is_passing(response.status()) => {
                    return Err(format!("answered {}", response.status()));
                }
                Ok(response) => format!("answered {}", response.status()),
                Err(error) => chain(&error),
            };
            attempt += 1;
            if attempt == ATTEMPTS_MAX {
                return Err(outcome);
            }
            let mut byte = [128];
            // Without randomness the pause is an even one, which does no harm.
            let _ = self.random.fill(&mut byte);
            let pause = PAUSE_MS << (2 * (attempt - 1));
            tokio::time::sleep(Duration::from_millis(pause + pause * u64::from(byte[0]) / 256)).await;
        }
    }

    fn client(&self) -> Result<Client, String> {
        let mut kept = self.client.lock();
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("nilometer/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWERED_WITHIN)
            .dns_resolver(Arc::new(self.guard.clone()))
            .build()
            .map_err(|error| chain(&error))?;
        *kept = Some(client.clone());
        Ok(client)
    }
}

fn joined(hosts: &[HostPattern]) -> String {
    hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500..=599)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_public_servers_or_to_those_that_are_named() {
        let webhooks = |hosts: &[&str], addresses: &[&str]| {
            let hosts = hosts.iter().map(|host| host.parse().expect("a host")).collect();
            let addresses = addresses.iter().map(|block| block.parse().expect("a block")).collect();
            Webhooks::new(&WebhookConfig { hosts, addresses }, Random::system())
        };
        let check = |webhooks: &Webhooks, address: &str| webhooks.check(address).map(drop).map_err(|p| p.code);
        let (any, named) = (webhooks(&[], &[]), webhooks(&["hook.internal:8080", "*.example"], &[]));
        for fine in ["https://hook.example/a?b=c", "https://193.49.1.1/"] {
            assert_eq!(check(&any, fine), Ok(()), "{fine}");
        }
        for (address, expected) in [
            ("http://hook.internal:8080/x", Ok(())),
            ("https://hook.example/a?b=c", Ok(())),
            ("https://hook.internal/x", Err("webhook")),
            ("https://193.49.1.1/", Err("webhook")),
        ] {
            assert_eq!(check(&named, address), expected, "{address}");
        }
        // Addresses of inner networks are allowed apart, whatever is named.
        assert_eq!(check(&webhooks(&["127.0.0.1"], &[]), "http://127.0.0.1/"), Err("webhook"));
        assert_eq!(check(&webhooks(&["127.0.0.1"], &["127.0.0.0/8"]), "http://127.0.0.1/"), Ok(()));
        assert_eq!(check(&webhooks(&[], &["10.0.0.0/8"]), "https://10.0.0.1/"), Ok(()));
        for wrong in [
            "",
            "hook.example",
            "http://hook.example/",
            "ftp://hook.example/",
            "https://user:secret@hook.example/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://[::ffff:10.0.0.1]/",
        ] {
            assert_eq!(check(&any, wrong), Err("webhook"), "{wrong}");
        }
    }
}
