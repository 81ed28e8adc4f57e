//! Files of other servers, handed on by reference and kept nowhere.
//!
//! Only servers that the configuration names are asked, at public addresses, by http or https, and every redirect is
//! checked anew. Nothing of the caller's request goes with ours: no credential, no header, no address.

mod address;
mod transfer;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, header};
use nilometer_schemas::{Kind, Problem};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use url::{Host, Url};

use self::address::{Guard, system_lookup};
pub(super) use self::transfer::RemoteFile;
pub(crate) use self::webhook::Webhooks;
use super::file::{Facts, File, Place, tag_of};
use super::{Error, no_file};
use crate::config::RemoteConfig;
use crate::http_date;
use crate::problem::{ApiError, chain};
use crate::state::Random;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// Times that a request is sent anew, for one file.
const RETRIES_MAX: u32 = 3;
/// Pause before the first of them, milliseconds; each further one is twice as long, and all by chance longer or shorter.
const PAUSE_MS: u64 = 200;
/// Time in which a connection is made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why a server was not asked, or gave nothing.
#[derive(Debug)]
enum Failure {
    /// We may not ask there.
    Refused(String),
    /// There is no such file.
    Absent,
    /// The file changed meanwhile.
    Changed,
    /// The server failed; asking again may help.
    Unavailable(String),
    /// The server answered with what is of no use; asking again does not help.
    Useless(String),
}

impl Failure {
    fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let cause = match failure {
            Failure::Absent => return no_file().into(),
            Failure::Refused(cause) | Failure::Unavailable(cause) | Failure::Useless(cause) => cause,
            Failure::Changed => "the file changed".to_owned(),
        };
        tracing::warn!(%cause, "a file of another server is not to be had");
        let detail = "the server that has this file does not give it to us";
        Problem::new(Kind::Unavailable, "remote-unavailable", detail).into()
    }
}

/// See the module.
pub(super) struct Remote {
    client: Client,
    guard: Guard,
    config: RemoteConfig,
    random: Random,
}

impl Remote {
    /// A client that has asked nobody yet.
    pub(super) fn new(config: &RemoteConfig, random: Random) -> Result<Self, Error> {
        let guard = Guard::new(&config.addresses, system_lookup());
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("nilometer/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(Duration::from_secs(config.idle_timeout_s))
            .dns_resolver(Arc::new(guard.clone()))
            .build()
            .map_err(|source| Error::Client { source: Box::new(source) })?;
        Ok(Self { client, guard, config: config.clone(), random })
    }

    /// Whether the configuration names this address's server.
    pub(super) fn knows(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        self.config.hosts.iter().any(|pattern| pattern.matches(host, url.port_or_known_default()))
    }

    /// Refuses an address that must not be asked. Names are checked again by what they mean, when they are resolved.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        let refused = |why: &str| Err(Failure::Refused(format!("{why}: {}", url.host_str().unwrap_or_default())));
        if !matches!(url.scheme(), "http" | "https") {
            return refused("neither http nor https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("an address with credentials");
        }
        if !self.knows(url) {
            return refused("no server that remote.hosts names");
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return refused("an address without host"),
        };
        match literal {
            Some(address) if !self.guard.allows(address) => refused("an address of an inner network"),
            _ => Ok(()),
        }
    }

    /// Sends a request, following redirects that may be followed.
    async fn send(&self, method: Method, url: &Url, headers: HeaderMap) -> Result<Response, Failure> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.check(&url)?;
            let sent = self.client.request(method.clone(), url.clone()).headers(headers.clone()).send().await;
            let response = sent.map_err(|e| Failure::of(&e))?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| Failure::Useless("a redirect to nowhere".into()))?;
        }
        Err(Failure::Useless(format!("more than {REDIRECTS_MAX} redirects")))
    }

    /// Waits before the `attempt`-th repetition: longer each time, and not at the same moment as others.
    async fn pause(&self, attempt: u32) {
        let mut byte = [128];
        // Without randomness the pause is an even one, which does no harm.
        let _ = self.random.fill(&mut byte);
        let whole = PAUSE_MS << attempt.min(8);
        tokio::time::sleep(Duration::from_millis(whole / 2 + whole * u64::from(byte[0]) / 256)).await;
    }

    /// Looks a file up.
    ///
    /// # Errors
    /// `NotFound`; `TooLarge`; `Unavailable` where the server must not be asked, does not answer or does not tell how
    /// long the file is.
    pub(super) async fn open_file(self: &Arc<Self>, url: &Url) -> Result<File, ApiError> {
        let mut attempt = 0;
        let head = loop {
            match self.head(url).await {
                Err(failure) if failure.is_passing() && attempt < RETRIES_MAX => {
                    self.pause(attempt).await;
                    attempt += 1;
                }
                outcome => break outcome?,
            }
        };
        if head.size > self.config.bytes_max {
            let detail = format!("the file has {} bytes, the limit is {}", head.size, self.config.bytes_max);
            return Err(Problem::new(Kind::TooLarge, "remote-size", detail).into());
        }
        let tag = head.tag.as_deref().filter(|tag| !tag.starts_with("W/"));
        let of_change = [tag, head.modified.as_deref()].map(|text| text.unwrap_or_default().as_bytes());
        let parts: [&[u8]; 4] = [url.as_str().as_bytes(), &head.size.to_le_bytes(), of_change[0], of_change[1]];
        let facts = Facts {
            size: head.size,
            etag: tag_of(&parts, tag.is_none() && head.modified.is_none()),
            modified: head.modified.as_deref().and_then(http_date::parse),
            checksum: None,
        };
        let file = RemoteFile::new(Arc::clone(self), url.clone(), head);
        Ok(File { facts, place: Place::Remote(file) })
    }

    /// Asks how long a file is; where HEAD does not tell, with a GET of its first byte.
    async fn head(&self, url: &Url) -> Result<Head, Failure> {
        let response = self.send(Method::HEAD, url, HeaderMap::new()).await?;
        let status = response.status();
        if status == StatusCode::OK
            && let Some(size) = number(response.headers(), header::CONTENT_LENGTH)
        {
            return Head::of(response.headers(), size);
        }
        if !matches!(status.as_u16(), 200 | 400 | 403 | 405 | 501) {
            return Err(Failure::of_status(status));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, header::HeaderValue::from_static("bytes=0-0"));
        let response = self.send(Method::GET, url, headers).await?;
        let total = match response.status() {
            StatusCode::PARTIAL_CONTENT => content_range(response.headers()).map(|(_, total)| total),
            StatusCode::OK => number(response.headers(), header::CONTENT_LENGTH),
            status => return Err(Failure::of_status(status)),
        };
        let size = total.ok_or_else(|| Failure::Useless("a file of unknown length".into()))?;
        Head::of(response.headers(), size)
    }
}

/// What a server tells of a file.
#[derive(Clone, Debug)]
struct Head {
    size: u64,
    tag: Option<String>,
    modified: Option<String>,
}

impl Head {
    fn of(headers: &HeaderMap, size: u64) -> Result<Self, Failure> {
        // Bytes that somebody coded have other lengths and places than the file's.
        if text(headers, header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(Failure::Useless("a file in a coding that nobody asked for".into()));
        }
        let owned = |name| text(headers, name).map(str::to_owned);
        Ok(Self { size, tag: owned(header::ETAG), modified: owned(header::LAST_MODIFIED) })
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// First byte and whole length of `Content-Range: bytes FIRST-LAST/LENGTH`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, total) = text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

impl Failure {
    fn of(error: &reqwest::Error) -> Self {
        let cause = chain(error);
        // What the guard refused is inside, as text of the deepest cause.
        if cause.contains(&address::Forbidden.to_string()) { Self::Refused(cause) } else { Self::Unavailable(cause) }
    }

    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 | 410 => Self::Absent,
            412 => Self::Changed,
            408 | 425 | 429 | 500..=599 => Self::Unavailable(format!("the server answers {status}")),
            _ => Self::Useless(format!("the server answers {status}")),
        }
    }
}

#[cfg(test)]
mod tests;
