//! Brings defaults, file, environment and flags together and remembers where each value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::stores::{SECTION, StoreSettings};
use super::{Config, FILE_NAME, KEYS, VARIABLE_PREFIX, key};
use crate::similar::nearest;

/// Variable that names the settings file.
const FILE_VARIABLE: &str = "NILOMETER_CONFIG";
/// Variables with the prefix that are no settings: the file's name, and those that steer the test suite.
const OTHER_VARIABLES: [&str; 7] = [
    FILE_VARIABLE,
    "NILOMETER_BIN",
    "NILOMETER_LONG",
    "NILOMETER_ROUNDS",
    "NILOMETER_SEARCHES",
    "NILOMETER_SEED",
    "NILOMETER_SHARED",
];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The settings file is no TOML.
    #[error("the settings file {path} is no TOML")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A name that is no setting.
    #[error("{origin}: there is no setting {name:?}{}", suggestion.as_ref().map(|s| format!("; did you mean {s:?}?")).unwrap_or_default())]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// The name.
        name: String,
        /// The nearest name.
        suggestion: Option<String>,
    },
    /// A value that does not fit.
    #[error("{origin}: {name}: {reason}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The setting.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Settings that contradict each other.
    #[error("the settings do not fit together: {0}")]
    Contradiction(String),
}

/// Everything settings are taken from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// The process's environment; other programs' variables are passed over.
    pub environment: Vec<(String, String)>,
    /// Settings given on the command line, by name.
    pub flags: Vec<(String, String)>,
}

/// A configuration and where each value came from.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    origins: Vec<Origin>,
    stores: StoreSettings,
}

/// One layer of settings.
type Layer = Vec<(Origin, String, String)>;

impl Sources {
    /// Reads all sources.
    ///
    /// The file is `--config`, else `NILOMETER_CONFIG`, else `nilometer.toml` in the data directory that flags,
    /// environment or default name; only the last may be missing.
    ///
    /// # Errors
    /// The first unreadable file, unknown name or unfit value.
    pub fn load(&self) -> Result<Effective, Error> {
        let environment = self.environment_layer()?;
        let flags: Layer = self.flags.iter().map(|(name, value)| (Origin::Flag, name.clone(), value.clone())).collect();
        let data = flags.iter().chain(&environment).find(|(_, name, _)| name == "data").map(|(_, _, v)| v.as_str());
        let file = match self.named_file() {
            Some(path) => file_layer(&path)?,
            None => {
                let default = key("data").map_or("", |k| k.default);
                let path = Path::new(data.unwrap_or(default)).join(FILE_NAME);
                if path.is_file() { file_layer(&path)? } else { Layer::new() }
            }
        };
        let mut effective = Effective {
            config: Config::default(),
            origins: vec![Origin::Default; KEYS.len()],
            stores: StoreSettings::default(),
        };
        for (origin, name, value) in file.into_iter().chain(environment).chain(flags) {
            match name.strip_prefix(SECTION) {
                Some(rest) => effective.set_store(origin, rest, &value)?,
                None => effective.set(origin, &name, &value)?,
            }
        }
        let stores = effective.stores.stores();
        effective.config.stores = stores.map_err(|(name, reason)| Error::Contradiction(format!("{name} {reason}")))?;
        effective.config.validate().map_err(Error::Contradiction)?;
        Ok(effective)
    }

    fn named_file(&self) -> Option<PathBuf> {
        let variable = self.environment.iter().find(|(name, _)| name == FILE_VARIABLE);
        self.file.clone().or_else(|| variable.map(|(_, path)| PathBuf::from(path)))
    }

    fn environment_layer(&self) -> Result<Layer, Error> {
        let mut layer = Layer::new();
        for (variable, value) in &self.environment {
            if !variable.starts_with(VARIABLE_PREFIX) || OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let origin = Origin::Environment(variable.clone());
            if let Some(name) = StoreSettings::of_variable(&variable[VARIABLE_PREFIX.len()..]) {
                layer.push((origin, name, value.clone()));
                continue;
            }
            match KEYS.iter().find(|k| k.variable() == *variable) {
                Some(key) => layer.push((origin, key.name.to_owned(), value.clone())),
                None => {
                    let variables: Vec<String> = KEYS.iter().map(super::Key::variable).collect();
                    let suggestion = nearest(variable, variables.iter().map(String::as_str)).map(str::to_owned);
                    return Err(Error::Unknown { origin, name: variable.clone(), suggestion });
                }
            }
        }
        Ok(layer)
    }
}

fn file_layer(path: &Path) -> Result<Layer, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let table: toml::Table =
        text.parse().map_err(|source| Error::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let mut layer = Layer::new();
    flatten(&Origin::File(path.to_owned()), "", table, &mut layer)?;
    Ok(layer)
}

/// Turns nested tables into dotted names.
fn flatten(origin: &Origin, prefix: &str, table: toml::Table, layer: &mut Layer) -> Result<(), Error> {
    for (name, value) in table {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(origin, &name, inner, layer)?,
            toml::Value::Array(values) => {
                let parts: Vec<String> = values.into_iter().map(scalar).collect();
                layer.push((origin.clone(), name, parts.join(",")));
            }
            other => layer.push((origin.clone(), name, scalar(other))),
        }
    }
    Ok(())
}

fn scalar(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}

impl Effective {
    fn set(&mut self, origin: Origin, name: &str, value: &str) -> Result<(), Error> {
        let Some(index) = KEYS.iter().position(|k| k.name == name) else {
            let suggestion = nearest(name, KEYS.iter().map(|k| k.name)).map(str::to_owned);
            return Err(Error::Unknown { origin, name: name.to_owned(), suggestion });
        };
        let outcome = KEYS[index].set(&mut self.config, value);
        outcome.map_err(|reason| Error::Value { origin: origin.clone(), name: name.to_owned(), reason })?;
        self.origins[index] = origin;
        Ok(())
    }

    fn set_store(&mut self, origin: Origin, name: &str, value: &str) -> Result<(), Error> {
        let outcome = self.stores.set(origin.clone(), name, value);
        outcome.map_err(|reason| Error::Value { origin, name: format!("{SECTION}{name}"), reason })
    }

    /// Where the value of a setting came from.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        KEYS.iter().position(|k| k.name == name).map(|index| &self.origins[index])
    }

    /// Each setting's name, value and origin, in the table's order.
    pub fn rows(&self) -> impl Iterator<Item = (&'static super::Key, String, &Origin)> {
        KEYS.iter().zip(&self.origins).map(|(key, origin)| (key, key.get(&self.config), origin))
    }

    /// Name, value and origin of each setting of a store; secrets are hidden.
    pub fn store_rows(&self) -> impl Iterator<Item = (String, String, &Origin)> {
        self.stores.rows()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Effective, Error> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("settings.toml");
        std::fs::write(&path, file).expect("the file is written");
        Sources { file: Some(path), environment: pairs(environment), flags: pairs(flags) }.load()
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file_which_beats_defaults() {
        let file = "[limits]\nbody_bytes = 2000\nurl_bytes = 2_000\nrequest_timeout_s = 7\n";
        let environment = [("NILOMETER_LIMITS_BODY_BYTES", "3000"), ("NILOMETER_LIMITS_URL_BYTES", "3000")];
        let effective = load(file, &environment, &[("limits.body_bytes", "4000")]).expect("valid");
        let limits = &effective.config.limits;
        assert_eq!(
            (limits.body_bytes, limits.url_bytes, limits.request_timeout_s, limits.header_read_timeout_s),
            (4000, 3000, 7, 10)
        );
        let origin = |name: &str| effective.origin(name).cloned();
        assert_eq!(origin("limits.body_bytes"), Some(Origin::Flag));
        assert_eq!(origin("limits.url_bytes"), Some(Origin::Environment("NILOMETER_LIMITS_URL_BYTES".into())));
        assert!(matches!(origin("limits.request_timeout_s"), Some(Origin::File(_))));
        assert_eq!(origin("limits.header_read_timeout_s"), Some(Origin::Default));
    }

    #[test]
    fn every_key_can_be_set_by_file_environment_and_flag_to_what_it_shows() {
        for key in KEYS {
            let value = key.get(&Config::default());
            assert_eq!(value, key.default, "{} shows its default", key.name);
            load("", &[(&key.variable(), &value)], &[]).expect(key.name);
            load("", &[], &[(key.name, &value)]).expect(key.name);
            let (section, leaf) = key.name.split_once('.').unwrap_or(("", key.name));
            let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
            load(&format!("{header}{leaf} = {:?}", value), &[], &[]).expect(key.name);
            assert!(!key.doc.is_empty());
        }
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest_one() {
        let check = |file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)], words: &[&str]| {
            let message = load(file, environment, flags).expect_err("refused").to_string();
            for word in words {
                assert!(message.contains(word), "{message}");
            }
        };
        check("lisen = '127.0.0.1:1'", &[], &[], &["\"lisen\"", "\"listen\"", "settings.toml"]);
        check("[limit]\nbody_bytes = 5000", &[], &[], &["limit.body_bytes", "limits.body_bytes"]);
        check("", &[("NILOMETER_LISTEM", "x")], &[], &["NILOMETER_LISTEM", "NILOMETER_LISTEN"]);
        check("", &[], &[("zebra", "x")], &["zebra"]);
        assert!(load("", &[("PATH", "/bin"), ("NILOMETER_SHARED", "x")], &[]).is_ok());
    }

    #[test]
    fn unfit_values_are_refused_with_name_origin_and_reason() {
        let check = |name: &str, value: &str, word: &str| {
            let message = load("", &[], &[(name, value)]).expect_err(value).to_string();
            assert!(message.contains(name) && message.contains(word), "{message}");
        };
        check("listen", "nowhere", "nowhere");
        check("limits.body_bytes", "-1", "-1");
        check("limits.body_bytes", "99999999", "outside");
        check("trusted_proxies", "10.0.0.0/8,proxy", "proxy");
        check("public_url", "water.example", "water.example");
        check("log.format", "xml", "json");
        check("log.level", "info,=,", "target=level");
        check("log.level", "loud", "loud");
        check("cors_origins", "water.example", "origin");
    }

    #[test]
    fn contradictions_and_broken_files_are_refused() {
        let limits = [("limits.page_limit_default", "50"), ("limits.page_limit_max", "20")];
        assert!(matches!(load("", &[], &limits), Err(Error::Contradiction(_))));
        assert!(matches!(load("listen = ", &[], &[]), Err(Error::Toml { .. })));
        let missing = Sources { file: Some("no/such/file.toml".into()), ..Sources::default() };
        assert!(matches!(missing.load(), Err(Error::Read { .. })));
    }

    #[test]
    fn stores_are_sections_of_their_own_and_may_be_completed_by_the_environment() {
        let file = "default_store = 'cold'\n[stores.cold]\nkind = 's3'\nendpoint = 'https://s3.example'\nbucket = 'b'\n\
                    access_key = 'me'\n[stores.disk]\nkind = 'directory'\nroot = '/srv/files'\nwritable = true\n";
        let effective = load(file, &[("NILOMETER_STORES_COLD_SECRET_KEY", "planted")], &[]).expect("valid");
        assert_eq!(effective.config.stores.keys().collect::<Vec<_>>(), ["cold", "disk"]);
        assert!(effective.config.stores["disk"].writable);
        assert!(!format!("{effective:?}").contains("planted"));
        let missing = load(file, &[], &[]).expect_err("no secret").to_string();
        assert!(missing.contains("stores.cold.secret_key"), "{missing}");
        let nowhere = load("default_store = 'x'", &[], &[]).expect_err("no such store").to_string();
        assert!(nowhere.contains("stores.x"), "{nowhere}");
    }

    #[test]
    fn the_file_in_the_data_directory_is_found() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join(FILE_NAME), "trusted_proxies = ['10.0.0.0/8', '::1']").expect("written");
        let flags = pairs(&[("data", dir.path().to_str().expect("UTF-8"))]);
        let effective = Sources { flags, ..Sources::default() }.load().expect("valid");
        assert_eq!(effective.config.trusted_proxies.len(), 2);
    }
}
