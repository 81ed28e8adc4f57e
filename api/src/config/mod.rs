//! One typed configuration: defaults < TOML file < environment < flags; unknown keys are refused.

mod identity;
mod keys;
mod load;
mod network;
mod rates;
mod stores;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use nilometer_indexer::CatalogOptions;
use nilometer_schemas::ExtensionCheck;

pub use identity::{
    AccountSettings, MailSender, MailSettings, OidcSettings, PlainHttp, RoleMapping, SecretText, SignUp, TokenAlgorithm,
};
pub(crate) use identity::{is_loopback, is_safe};
pub use keys::{KEYS, Key, key};
pub use load::{Effective, Error, Origin, Sources};
pub use network::{Cidr, HostPattern, PublicBase, WebAddress};
pub use rates::{QuotaSettings, Rate, RateSettings, Rates};
pub use stores::{S3Config, STORE_KEYS, StoreConfig, StoreKey, StorePlace};

/// Environment variables of the service begin with it.
pub const VARIABLE_PREFIX: &str = "NILOMETER_";
/// Name of the settings file looked for in the data directory.
pub const FILE_NAME: &str = "nilometer.toml";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            other => Err(format!("{other:?} is neither json nor pretty")),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        })
    }
}

/// Logging.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// Level or directives.
    pub level: String,
    /// Days for which those who collect the lines keep them, as the privacy page says.
    pub days: u32,
}

/// What the landing page says of the service.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Service {
    /// Title in English.
    pub title_en: String,
    /// Title in French.
    pub title_fr: String,
    /// Description in English.
    pub description_en: String,
    /// Description in French.
    pub description_fr: String,
    /// Mail or web address of those who run it; may be empty.
    pub contact: String,
}

/// Every number a caller can grow that an operator may tune.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Limits {
    /// Items on a page when the caller names no limit.
    pub page_limit_default: usize,
    /// Most items on a page; more is clamped.
    pub page_limit_max: usize,
    /// Bytes of an address with its query.
    pub url_bytes: usize,
    /// Bytes of a request body, inflated.
    pub body_bytes: usize,
    /// Bytes of a bulk stream.
    pub bulk_bytes: usize,
    /// Bytes of one line of a bulk stream.
    pub bulk_line_bytes: usize,
    /// Bytes that a gzip request body may grow to.
    pub inflated_bytes: usize,
    /// Times a gzip body may grow.
    pub inflate_ratio: usize,
    /// Seconds until a request is given up.
    pub request_timeout_s: u64,
    /// Seconds in which a request's head must have come.
    pub header_read_timeout_s: u64,
    /// Seconds a client may pause within a body or an answer.
    pub body_idle_timeout_s: u64,
    /// Bytes of drawn tiles that are kept in memory.
    pub tile_cache_bytes: u64,
    /// Downloads of whole results at a time.
    pub exports_max: usize,
    /// Bytes of one uploaded file.
    pub upload_bytes: u64,
    /// Bytes of written series that are kept on disk for those who come again.
    pub spool_bytes: u64,
    /// Seconds that a signed link may hold.
    pub link_lifetime_s: u64,
    /// Open connections; more wait.
    pub connections_max: usize,
    /// Seconds that running requests get after SIGTERM.
    pub shutdown_grace_s: u64,
}

/// What is fetched from other servers on behalf of callers.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RemoteConfig {
    /// Whose files are handed on; empty for none.
    pub hosts: Vec<HostPattern>,
    /// Addresses of the inner network that may be asked all the same.
    pub addresses: Vec<Cidr>,
    /// Bytes of one file.
    pub bytes_max: u64,
    /// Seconds that a server may pause.
    pub idle_timeout_s: u64,
    /// Seconds that one file may take.
    pub duration_s_max: u64,
}

/// Servers to which messages of orders are posted.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct WebhookConfig {
    /// Those alone; empty for every public one, by https.
    pub hosts: Vec<HostPattern>,
    /// Addresses of the inner network at which they may stand all the same.
    pub addresses: Vec<Cidr>,
}

/// Orders of files.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct OrderSettings {
    /// Orders that are prepared at a time.
    pub workers: usize,
    /// Of one account, orders that are prepared at a time; more wait.
    pub running_per_user: u32,
    /// Files of one order.
    pub files_max: usize,
    /// Bytes of the files of one order.
    pub bytes_max: u64,
    /// Bytes of what is written for one order: series, conversions, documents.
    pub spool_bytes: u64,
    /// Bytes of the same for all orders of one account.
    pub spool_bytes_per_user: u64,
    /// Bytes of the same for all orders there are.
    pub spool_bytes_in_all: u64,
    /// Seconds after which a worker that does not answer is thought dead.
    pub lease_s: u32,
    /// Days for which a prepared order can be fetched.
    pub keep_days: u32,
    /// Days for which an order that has ended is remembered.
    pub history_days: u32,
    /// Baskets that one account shares by links.
    pub shared_per_user: u32,
    /// Bytes of all shared baskets.
    pub shared_bytes: u64,
    /// Days until such a link ends.
    pub shared_days: u32,
    /// Files of a selection that is fetched without an order.
    pub zip_files_max: usize,
    /// Bytes of the same.
    pub zip_bytes_max: u64,
}

/// How the catalogue writes.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Writer {
    /// Memory before a segment is flushed, bytes.
    pub memory_bytes: usize,
    /// Items of one group commit.
    pub group_items_max: usize,
    /// Bytes of one log file.
    pub log_file_bytes: u64,
}

/// All settings; [`KEYS`] describes each.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Directory of the catalogue and the accounts.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to serve metrics and health, if apart.
    pub metrics_listen: Option<SocketAddr>,
    /// What every link begins with, if fixed.
    pub public_url: Option<PublicBase>,
    /// Whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<Cidr>,
    /// Origins whose scripts may read answers.
    pub cors_origins: Vec<String>,
    /// Logging.
    pub log: Log,
    /// The landing page's words.
    pub service: Service,
    /// Style of an outside basemap that the portal's map shows instead of our own.
    pub basemap_style: Option<WebAddress>,
    /// Folder of texts that replace the legal notice, the accessibility statement and the privacy note.
    pub pages: Option<PathBuf>,
    /// What is done with fields that the schemas of named extensions do not allow.
    pub extensions: ExtensionCheck,
    /// Limits.
    pub limits: Limits,
    /// The catalogue's writer.
    pub writer: Writer,
    /// Stores of files, by name.
    pub stores: BTreeMap<String, StoreConfig>,
    /// The store of assets with a relative address, and of uploads that name none.
    pub default_store: String,
    /// Files of other servers.
    pub remote: RemoteConfig,
    /// Servers of messages.
    pub webhooks: WebhookConfig,
    /// Accounts of our own.
    pub accounts: AccountSettings,
    /// Orders of files.
    pub orders: OrderSettings,
    /// Mail.
    pub mail: MailSettings,
    /// An outside issuer.
    pub oidc: OidcSettings,
    /// How often callers may ask.
    pub rates: RateSettings,
    /// What accounts may take.
    pub quotas: QuotaSettings,
}

impl Default for Config {
    fn default() -> Self {
        let mut config = Self {
            data: PathBuf::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics_listen: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            log: Log { format: LogFormat::Pretty, level: String::new(), days: 0 },
            service: Service::default(),
            pages: None,
            basemap_style: None,
            extensions: ExtensionCheck::Warn,
            limits: Limits::default(),
            writer: Writer::default(),
            stores: BTreeMap::new(),
            default_store: String::new(),
            remote: RemoteConfig::default(),
            webhooks: WebhookConfig::default(),
            accounts: AccountSettings::default(),
            orders: OrderSettings::default(),
            mail: MailSettings::default(),
            oidc: OidcSettings::default(),
            rates: RateSettings::default(),
            quotas: QuotaSettings::default(),
        };
        for key in KEYS {
            key.set(&mut config, key.default).expect("the table's defaults are valid, as a test proves");
        }
        config
    }
}

impl Config {
    /// Defaults with some settings changed.
    ///
    /// # Errors
    /// As [`Sources::load`].
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Result<Self, Error> {
        let flags = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Sources { flags, ..Sources::default() }.load().map(|effective| effective.config)
    }

    /// Whether links begin with `https`, so that nobody has to reach the service otherwise.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|base| base.to_string().starts_with("https://"))
    }

    /// Whether the address is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|block| block.contains(address))
    }

    /// Origin of an outside basemap, which pages may ask.
    pub fn basemap_origin(&self) -> Option<String> {
        self.basemap_style.as_ref().map(WebAddress::origin)
    }

    /// How the catalogue is opened.
    pub fn catalog_options(&self) -> CatalogOptions {
        CatalogOptions {
            writer_memory_bytes: self.writer.memory_bytes,
            group_items_max: self.writer.group_items_max,
            log_file_bytes: self.writer.log_file_bytes,
            observer: None,
        }
    }

    /// What no single key can say.
    fn validate(&self) -> Result<(), String> {
        if self.limits.page_limit_default > self.limits.page_limit_max {
            return Err("limits.page_limit_default is above limits.page_limit_max".into());
        }
        if !self.default_store.is_empty() && !self.stores.contains_key(&self.default_store) {
            return Err(format!("default_store is {:?}, and there is no [stores.{0}]", self.default_store));
        }
        if self.metrics_listen.is_some_and(|m| m == self.listen && m.port() != 0) {
            return Err("metrics_listen is the same address as listen: leave it empty to share one".into());
        }
        if self.mail.sender == MailSender::Command && self.mail.command.trim().is_empty() {
            return Err("mail.sender = command needs mail.command".into());
        }
        if self.accounts.sessions.idle_h > self.accounts.sessions.absolute_h {
            return Err("accounts.session_idle_h is above accounts.session_h".into());
        }
        self.oidc.validate()
    }
}
