//! The table of all settings: one row drives parsing, the environment's names, `nilometer config` and its help.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::values::{bounded, directives, joined, list, optional, parsed, shown};
use super::{Config, LogFormat, SecretText};

/// One setting.
pub struct Key {
    /// Name in the TOML file, dotted: `limits.body_bytes`.
    pub name: &'static str,
    /// Default as text.
    pub default: &'static str,
    /// What it does, with its unit.
    pub doc: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
    get: fn(&Config) -> String,
}

impl Key {
    /// Name of the environment variable.
    pub fn variable(&self) -> String {
        format!("{}{}", super::VARIABLE_PREFIX, self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// Reads a text into the configuration.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        (self.set)(config, text)
    }

    /// The value in force, as text.
    pub fn get(&self, config: &Config) -> String {
        (self.get)(config)
    }
}

/// A row for a number within bounds.
macro_rules! number {
    ($name:literal, $default:literal, $($field:ident).+, $least:expr, $most:expr, $doc:literal) => {
        Key {
            name: $name,
            default: $default,
            doc: $doc,
            set: |c, text| bounded(text, $least, $most).map(|v| c.$($field).+ = v),
            get: |c| c.$($field).+.to_string(),
        }
    };
}

/// A row for a text that may be anything.
macro_rules! text {
    ($name:literal, $default:literal, $($field:ident).+, $doc:literal) => {
        Key {
            name: $name,
            default: $default,
            doc: $doc,
            set: |c, text| {
                c.$($field).+ = text.to_owned();
                Ok(())
            },
            get: |c| c.$($field).+.clone(),
        }
    };
}

/// A row for a value that is read and shown by its type.
macro_rules! parsed {
    ($name:literal, $default:literal, $($field:ident).+, $doc:literal) => {
        Key {
            name: $name,
            default: $default,
            doc: $doc,
            set: |c, text| parsed(text).map(|v| c.$($field).+ = v),
            get: |c| c.$($field).+.to_string(),
        }
    };
}

/// All settings, in the order in which they are shown.
pub const KEYS: &[Key] = &[
    Key {
        name: "data",
        default: "nilometer-data",
        doc: "directory of the catalogue and the accounts",
        set: |c, text| {
            if text.is_empty() {
                return Err("a directory has a name".into());
            }
            c.data = PathBuf::from(text);
            Ok(())
        },
        get: |c| c.data.display().to_string(),
    },
    Key {
        name: "listen",
        default: "127.0.0.1:8080",
        doc: "address and port to listen on; port 0 takes a free one",
        set: |c, text| parsed::<SocketAddr>(text).map(|v| c.listen = v),
        get: |c| c.listen.to_string(),
    },
    Key {
        name: "metrics_listen",
        default: "",
        doc: "separate address and port for /metrics, /livez and /readyz; empty serves them on `listen`",
        set: |c, text| optional::<SocketAddr>(text).map(|v| c.metrics_listen = v),
        get: |c| shown(&c.metrics_listen),
    },
    Key {
        name: "public_url",
        default: "",
        doc: "scheme://host[:port][/prefix] that every link begins with; empty takes it from each request",
        set: |c, text| optional(text).map(|v| c.public_url = v),
        get: |c| shown(&c.public_url),
    },
    Key {
        name: "trusted_proxies",
        default: "",
        doc: "addresses and blocks whose X-Forwarded-* headers count, such as 10.0.0.0/8,::1",
        set: |c, text| list(text).map(|v| c.trusted_proxies = v),
        get: |c| joined(&c.trusted_proxies),
    },
    Key {
        name: "cors_origins",
        default: "*",
        doc: "origins whose scripts may read answers; * for all, empty for none",
        set: |c, text| {
            let origins: Vec<String> = list(text)?;
            for origin in &origins {
                let plain = axum::http::HeaderValue::from_str(origin).is_ok();
                if origin != "*" && (!plain || !origin.contains("://") || origin.ends_with('/')) {
                    return Err(format!("{origin:?} is no origin such as https://water.example"));
                }
            }
            c.cors_origins = origins;
            Ok(())
        },
        get: |c| joined(&c.cors_origins),
    },
    Key {
        name: "log.format",
        default: "pretty",
        doc: "json (one object a line) or pretty",
        set: |c, text| text.parse::<LogFormat>().map(|v| c.log.format = v),
        get: |c| c.log.format.to_string(),
    },
    Key {
        name: "log.level",
        default: "info",
        doc: "error, warn, info, debug, trace, or directives such as info,nilometer_api=debug",
        set: |c, text| {
            directives(text)?;
            c.log.level = text.to_owned();
            Ok(())
        },
        get: |c| c.log.level.clone(),
    },
    text!("service.title_en", "Nilometer", service.title_en, "title of the landing page in English"),
    text!("service.title_fr", "Nilometer", service.title_fr, "title of the landing page in French"),
    text!(
        "service.description_en",
        "Stations, places and satellite observations of the world's surface water: search, map and download.",
        service.description_en,
        "description of the landing page in English"
    ),
    text!(
        "service.description_fr",
        "Stations, lieux et observations satellitaires des eaux de surface du monde : chercher, cartographier, télécharger.",
        service.description_fr,
        "description of the landing page in French"
    ),
    text!("service.contact", "", service.contact, "mail address or web address of the people who run the service"),
    Key {
        name: "basemap_style",
        default: "",
        doc: "address of an outside MapLibre style for the portal's map; its tiles and fonts must come from the same origin; empty shows our own basemap",
        set: |c, text| optional(text).map(|v| c.basemap_style = v),
        get: |c| shown(&c.basemap_style),
    },
    Key {
        name: "pages",
        default: "",
        doc: "folder with legal.en.md, accessibility.en.md, privacy.en.md and the same with .fr.md, each of which replaces the built-in text",
        set: |c, text| {
            c.pages = (!text.is_empty()).then(|| PathBuf::from(text));
            Ok(())
        },
        get: |c| c.pages.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default(),
    },
    Key {
        name: "extensions",
        default: "warn",
        doc: "what happens to records whose fields the schemas of their STAC extensions do not allow: off, warn or strict (refused)",
        set: |c, text| parsed(text).map(|v| c.extensions = v),
        get: |c| c.extensions.to_string(),
    },
    number!(
        "limits.page_limit_default",
        "100",
        limits.page_limit_default,
        1,
        nilometer_schemas::limits::PAGE_LIMIT_MAX,
        "items on a page when the caller names no limit"
    ),
    number!(
        "limits.page_limit_max",
        "10000",
        limits.page_limit_max,
        1,
        nilometer_schemas::limits::PAGE_LIMIT_MAX,
        "most items on a page; a larger limit is clamped"
    ),
    number!("limits.url_bytes", "8192", limits.url_bytes, 256, 32_768, "most bytes of an address with its query"),
    number!(
        "limits.body_bytes",
        "1048576",
        limits.body_bytes,
        1024,
        nilometer_schemas::limits::BODY_BYTES_MAX,
        "most bytes of a request body, inflated"
    ),
    number!(
        "limits.bulk_bytes",
        "1073741824",
        limits.bulk_bytes,
        1024,
        1 << 40,
        "most bytes of a bulk stream (application/x-ndjson)"
    ),
    number!(
        "limits.bulk_line_bytes",
        "1048576",
        limits.bulk_line_bytes,
        1024,
        nilometer_schemas::limits::BODY_BYTES_MAX,
        "most bytes of one line of a bulk stream"
    ),
    number!(
        "limits.inflated_bytes",
        "33554432",
        limits.inflated_bytes,
        1024,
        1 << 30,
        "most bytes that a gzip request body may grow to"
    ),
    number!("limits.inflate_ratio", "100", limits.inflate_ratio, 1, 1000, "most times a gzip body may grow"),
    number!("limits.request_timeout_s", "30", limits.request_timeout_s, 1, 3600, "seconds until a request is given up"),
    number!(
        "limits.header_read_timeout_s",
        "10",
        limits.header_read_timeout_s,
        1,
        3600,
        "seconds in which a client must have sent its request's head"
    ),
    number!(
        "limits.body_idle_timeout_s",
        "20",
        limits.body_idle_timeout_s,
        1,
        3600,
        "seconds a client may pause while sending a body or taking an answer"
    ),
    number!(
        "limits.tile_cache_bytes",
        "67108864",
        limits.tile_cache_bytes,
        0,
        64 << 30,
        "bytes of drawn map tiles kept in memory; 0 keeps none"
    ),
    number!(
        "limits.exports_max",
        "8",
        limits.exports_max,
        1,
        256,
        "downloads of whole results at a time; a further one is asked to come again"
    ),
    number!(
        "limits.upload_bytes",
        "68719476736",
        limits.upload_bytes,
        1024,
        1 << 44,
        "most bytes of one uploaded file"
    ),
    number!(
        "limits.spool_bytes",
        "1073741824",
        limits.spool_bytes,
        0,
        1 << 44,
        "bytes of series written as files that are kept on disk, in cache/ of the data directory, for those who come again"
    ),
    number!(
        "limits.link_lifetime_s",
        "86400",
        limits.link_lifetime_s,
        1,
        31_536_000,
        "most seconds that a signed link to a file may hold"
    ),
    number!("limits.connections_max", "10000", limits.connections_max, 1, 1_000_000, "open connections; more wait"),
    number!(
        "limits.shutdown_grace_s",
        "20",
        limits.shutdown_grace_s,
        0,
        3600,
        "seconds that running requests get after SIGTERM"
    ),
    number!(
        "writer.memory_bytes",
        "33554432",
        writer.memory_bytes,
        16 << 20,
        64 << 30,
        "memory of the index writer before it flushes a segment, bytes"
    ),
    number!(
        "writer.group_items_max",
        "50000",
        writer.group_items_max,
        1,
        10_000_000,
        "most items written in one group commit"
    ),
    number!(
        "writer.log_file_bytes",
        "268435456",
        writer.log_file_bytes,
        1 << 20,
        1 << 31,
        "bytes of one log file before the next is begun; places in a file are kept in 32 bits"
    ),
    text!(
        "default_store",
        "",
        default_store,
        "the store (of [stores.NAME]) of assets with a relative address, and of uploads that name none; empty for the only one"
    ),
    Key {
        name: "remote.hosts",
        default: "",
        doc: "other servers whose files are handed on: host, host:port or *.domain, such as data.example,*.archive.example:8443; empty for none",
        set: |c, text| list(text).map(|v| c.remote.hosts = v),
        get: |c| joined(&c.remote.hosts),
    },
    Key {
        name: "remote.addresses",
        default: "",
        doc: "private addresses and blocks at which remote.hosts may stand all the same, such as 10.1.2.0/24; empty for public ones only",
        set: |c, text| list(text).map(|v| c.remote.addresses = v),
        get: |c| joined(&c.remote.addresses),
    },
    number!(
        "remote.bytes_max",
        "107374182400",
        remote.bytes_max,
        1024,
        1 << 44,
        "most bytes of a file of another server"
    ),
    number!(
        "remote.idle_timeout_s",
        "20",
        remote.idle_timeout_s,
        1,
        3600,
        "seconds that another server may pause before it is asked again"
    ),
    number!(
        "remote.duration_s_max",
        "3600",
        remote.duration_s_max,
        1,
        86_400,
        "most seconds that a file of another server may take"
    ),
    Key {
        name: "webhooks.hosts",
        default: "",
        doc: "servers to which messages of orders may be posted, in the form of remote.hosts; by http too where they are named. Empty for every public one, by https",
        set: |c, text| list(text).map(|v| c.webhooks.hosts = v),
        get: |c| joined(&c.webhooks.hosts),
    },
    Key {
        name: "webhooks.addresses",
        default: "",
        doc: "private addresses and blocks at which servers of messages may stand all the same, such as 10.1.2.0/24; empty for public ones only",
        set: |c, text| list(text).map(|v| c.webhooks.addresses = v),
        get: |c| joined(&c.webhooks.addresses),
    },
    number!(
        "log.days",
        "30",
        log.days,
        0,
        36_500,
        "days for which whoever collects the log lines keeps them, as the privacy page says; the service writes lines and keeps none"
    ),
    parsed!(
        "accounts.sign_up",
        "open",
        accounts.sign_up,
        "open: anybody may make an account; closed: administrators alone do"
    ),
    number!(
        "accounts.session_idle_h",
        "12",
        accounts.sessions.idle_h,
        1,
        8_760,
        "hours without a request after which a sign-in ends"
    ),
    number!(
        "accounts.session_h",
        "168",
        accounts.sessions.absolute_h,
        1,
        8_760,
        "hours after which every sign-in ends"
    ),
    parsed!(
        "accounts.plain_http",
        "loopback",
        accounts.plain_http,
        "where people may sign in without TLS: loopback (on this machine), or anywhere, where passwords can be read on the way"
    ),
    number!("accounts.audit_days", "365", accounts.audit_days, 1, 36_500, "days that the audit log keeps"),
    number!("orders.workers", "2", orders.workers, 0, 64, "orders that are prepared at a time; 0 prepares none"),
    number!(
        "orders.running_per_user",
        "2",
        orders.running_per_user,
        1,
        64,
        "orders of one account that are prepared at a time; more wait"
    ),
    number!(
        "orders.open_per_user",
        "100",
        quotas.running_orders,
        0,
        10_000,
        "orders that an account may have under way (waiting, being prepared, on hold), unless it was given another number; 0 for no limit. Operators have none"
    ),
    number!("orders.files_max", "100000", orders.files_max, 1, 10000000, "most files of one order"),
    number!("orders.bytes_max", "1099511627776", orders.bytes_max, 1, 1 << 60, "most bytes of the files of one order"),
    number!(
        "orders.spool_bytes",
        "10737418240",
        orders.spool_bytes,
        1024,
        1 << 50,
        "most bytes of what is written for one order: series, conversions, documents"
    ),
    number!(
        "orders.spool_bytes_per_user",
        "21474836480",
        orders.spool_bytes_per_user,
        1024,
        1 << 50,
        "most bytes of the same for all orders of one account together, until they are deleted or end"
    ),
    number!(
        "orders.spool_bytes_in_all",
        "107374182400",
        orders.spool_bytes_in_all,
        1024,
        1 << 50,
        "most bytes of the same for all orders together"
    ),
    number!(
        "orders.lease_s",
        "60",
        orders.lease_s,
        5,
        3600,
        "seconds after which a worker that does not answer is thought dead, and its order taken up again"
    ),
    number!("orders.keep_days", "7", orders.keep_days, 1, 3650, "days for which a prepared order can be fetched"),
    number!(
        "orders.history_days",
        "90",
        orders.history_days,
        1,
        36500,
        "days for which an order that has ended is remembered"
    ),
    number!(
        "orders.shared_per_user",
        "100",
        orders.shared_per_user,
        0,
        10_000,
        "baskets that one account shares by links at a time"
    ),
    number!(
        "orders.shared_bytes",
        "268435456",
        orders.shared_bytes,
        1024,
        1 << 40,
        "bytes of all shared baskets together"
    ),
    number!("orders.shared_days", "90", orders.shared_days, 1, 36500, "days until the link to a shared basket ends"),
    number!(
        "orders.zip_files_max",
        "200",
        orders.zip_files_max,
        1,
        100000,
        "most files of a selection that is fetched as a zip without an order"
    ),
    number!("orders.zip_bytes_max", "2147483648", orders.zip_bytes_max, 1024, 1 << 44, "most bytes of the same"),
    parsed!(
        "accounts.audit_downloads",
        "true",
        accounts.audit_downloads,
        "whether the audit log holds who fetched which file, once an hour for each key and file: true or false"
    ),
    parsed!(
        "mail.sender",
        "file",
        mail.sender,
        "how mail leaves: file (as files in `mail` of the data directory) or command"
    ),
    text!(
        "mail.command",
        "",
        mail.command,
        "program with its arguments that takes a whole message on its standard input, such as /usr/sbin/sendmail -t -i"
    ),
    text!("mail.from", "nilometer@localhost", mail.from, "mail address that mail is from"),
    number!("mail.days", "30", mail.days, 1, 3650, "days that letters in files are kept"),
    Key {
        name: "oidc.issuer",
        default: "",
        doc: "address of an OpenID Connect issuer whose accounts and tokens count; empty for none",
        set: |c, text| optional(text).map(|v| c.oidc.issuer = v),
        get: |c| shown(&c.oidc.issuer),
    },
    text!("oidc.name", "", oidc.name, "what people call the issuer; empty shows its host"),
    text!("oidc.client_id", "", oidc.client_id, "what the issuer calls this service; empty offers no sign-in there"),
    Key {
        name: "oidc.client_secret",
        default: "",
        doc: "secret of this service at the issuer; empty for a public client. Never shown",
        set: |c, text| {
            c.oidc.client_secret = SecretText::new(text);
            Ok(())
        },
        get: |c| c.oidc.client_secret.shown(),
    },
    Key {
        name: "oidc.client_secret_file",
        default: "",
        doc: "file that holds the same",
        set: |c, text| {
            c.oidc.client_secret_file = (!text.is_empty()).then(|| PathBuf::from(text));
            Ok(())
        },
        get: |c| c.oidc.client_secret_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
    },
    text!(
        "oidc.audience",
        "",
        oidc.audience,
        "what the `aud` of access tokens must name; empty takes no tokens of programs"
    ),
    Key {
        name: "oidc.clients",
        default: "",
        doc: "clients (`azp`, `client_id`) whose access tokens count; empty for all of the issuer",
        set: |c, text| list(text).map(|v| c.oidc.clients = v),
        get: |c| joined(&c.oidc.clients),
    },
    Key {
        name: "oidc.algorithms",
        default: "RS256,ES256,EdDSA",
        doc: "signatures that tokens may have",
        set: |c, text| list(text).map(|v| c.oidc.algorithms = v),
        get: |c| joined(&c.oidc.algorithms),
    },
    Key {
        name: "oidc.scopes",
        default: "openid,profile,email",
        doc: "scopes that are asked for at a sign-in",
        set: |c, text| list(text).map(|v| c.oidc.scopes = v),
        get: |c| joined(&c.oidc.scopes),
    },
    Key {
        name: "oidc.roles",
        default: "nilometer-administrator=administrator,nilometer-operator=operator",
        doc: "the issuer's roles and groups and what they mean here; who has none of them is a user",
        set: |c, text| list(text).map(|v| c.oidc.roles = v),
        get: |c| joined(&c.oidc.roles),
    },
    text!("oidc.groups_claim", "groups", oidc.groups_claim, "claim with names of groups, which count as roles do"),
    parsed!(
        "rates.search.address",
        "50:1000",
        rates.search.address,
        "pages of items, counts and suggestions of one network address without credentials, RATE:BURST: so many a second and so many at once; 0 for no limit"
    ),
    parsed!(
        "rates.search.user",
        "50:1000",
        rates.search.user,
        "the same of one key, of the browsers of an account, or of its tokens; all of an account together may ask four times as often"
    ),
    parsed!(
        "rates.tiles.address",
        "200:4000",
        rates.tiles.address,
        "map tiles of one network address without credentials, RATE:BURST: so many a second and so many at once; 0 for no limit"
    ),
    parsed!(
        "rates.tiles.user",
        "200:4000",
        rates.tiles.user,
        "the same of one key, of the browsers of an account, or of its tokens; all of an account together may ask four times as often"
    ),
    parsed!(
        "rates.series.address",
        "20:400",
        rates.series.address,
        "requests for observations of one network address without credentials, RATE:BURST: so many a second and so many at once; 0 for no limit"
    ),
    parsed!(
        "rates.series.user",
        "20:400",
        rates.series.user,
        "the same of one key, of the browsers of an account, or of its tokens; all of an account together may ask four times as often"
    ),
    parsed!(
        "rates.download.address",
        "50:500",
        rates.download.address,
        "files and whole results of one network address without credentials, RATE:BURST: so many a second and so many at once; 0 for no limit"
    ),
    parsed!(
        "rates.download.user",
        "100:1000",
        rates.download.user,
        "the same of one key, of the browsers of an account, or of its tokens; all of an account together may ask four times as often"
    ),
    parsed!(
        "rates.write.address",
        "5:100",
        rates.write.address,
        "requests that change something of one network address without credentials, RATE:BURST: so many a second and so many at once; 0 for no limit"
    ),
    parsed!(
        "rates.write.user",
        "50:1000",
        rates.write.user,
        "the same of one key, of the browsers of an account, or of its tokens; all of an account together may ask four times as often"
    ),
    parsed!(
        "rates.other.address",
        "100:2000",
        rates.other.address,
        "all other requests of one network address without credentials, RATE:BURST: so many a second and so many at once; 0 for no limit"
    ),
    parsed!(
        "rates.other.user",
        "100:2000",
        rates.other.user,
        "the same of one key, of the browsers of an account, or of its tokens; all of an account together may ask four times as often"
    ),
    parsed!(
        "rates.operators",
        "false",
        rates.operators,
        "whether operators and administrators are limited as users are: true or false"
    ),
    Key {
        name: "rates.exempt",
        default: "127.0.0.0/8,::1/128",
        doc: "network addresses and blocks that are not limited, unless their requests were forwarded by a proxy that is not trusted; 0.0.0.0/0,::/0 leaves limiting to a gateway",
        set: |c, text| list(text).map(|v| c.rates.exempt = v),
        get: |c| joined(&c.rates.exempt),
    },
    number!(
        "quotas.download_bytes_per_day",
        "107374182400",
        quotas.download_bytes_per_day,
        0,
        1 << 50,
        "bytes of files that an account may fetch from midnight to midnight, UTC, unless it was given another number; 0 for no limit. Operators have none"
    ),
    number!(
        "quotas.kept_bytes_per_day",
        "16777216",
        quotas.kept_bytes_per_day,
        0,
        1 << 29,
        "bytes of questions (POST /searches) that one network address or account may have kept a day; 0 for no limit"
    ),
];

/// The row of a name.
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}
