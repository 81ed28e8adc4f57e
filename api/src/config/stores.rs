//! Named stores of files: each is a section of its own, `[stores.NAME]`, with the same few settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::identity::SecretText;
use super::load::Origin;

/// What the names of these settings begin with.
pub(super) const SECTION: &str = "stores.";
/// What is shown in place of a secret.
const HIDDEN: &str = "(hidden)";

/// A bucket that speaks the protocol of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// Where it is asked: `https://host[:port]`.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// What stands before every key; empty, or without slash at either end.
    pub prefix: String,
    /// Who asks.
    pub access_key: String,
    /// Proves it.
    pub secret_key: SecretText,
    /// Whether callers are sent to the bucket itself, with an address signed for some minutes.
    pub presign: bool,
}

/// Where the files of a store lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// Below a folder.
    Directory {
        /// The folder.
        root: PathBuf,
    },
    /// In a bucket.
    S3(S3Config),
}

/// One store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Where its files lie.
    pub place: StorePlace,
    /// Whether operators may put files there.
    pub writable: bool,
}

/// A setting that every store may have.
pub struct StoreKey {
    /// Name below `stores.NAME.`.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    is_secret: bool,
}

const fn key(name: &'static str, doc: &'static str) -> StoreKey {
    StoreKey { name, doc, is_secret: false }
}

/// All settings of a store.
pub const STORE_KEYS: &[StoreKey] = &[
    key("kind", "directory or s3"),
    key("writable", "whether operators may put files there: true or false (default)"),
    key("root", "of a directory: the folder below which all its files lie; links that lead out of it are not followed"),
    key("endpoint", "of s3: where it is asked, such as https://s3.example:9000"),
    key("bucket", "of s3: the bucket"),
    key("region", "of s3: the region (default us-east-1)"),
    key("prefix", "of s3: what stands before every key (default none)"),
    key("access_key", "of s3: the id of the access key"),
    StoreKey { name: "secret_key", doc: "of s3: the secret of the access key; never shown", is_secret: true },
    key("secret_key_file", "of s3: a file that holds the secret, in place of secret_key"),
    key(
        "presign",
        "of s3: whether downloads are sent on to the bucket with an address signed for 15 minutes: true or false (default)",
    ),
];

/// The settings of stores as they were given, by store and setting.
#[derive(Clone, Default)]
pub(super) struct StoreSettings(BTreeMap<(String, &'static str), (String, Origin)>);

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rows()).finish()
    }
}

impl StoreSettings {
    /// Takes a setting `NAME.SETTING`.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub(super) fn set(&mut self, origin: Origin, name: &str, value: &str) -> Result<(), String> {
        let known = || STORE_KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ");
        let (store, setting) = name.rsplit_once('.').ok_or("a store's setting is stores.NAME.SETTING")?;
        if !is_name(store) {
            return Err(format!("{store:?} is no name of a store: letters a to z, digits and hyphens"));
        }
        let key = STORE_KEYS.iter().find(|key| key.name == setting);
        let key = key.ok_or_else(|| format!("a store has no setting {setting:?}; it has {}", known()))?;
        self.0.insert((store.to_owned(), key.name), (value.to_owned(), origin));
        Ok(())
    }

    /// The name of the setting that an environment variable sets, `STORES_NAME_SETTING` after the prefix. A hyphen in a
    /// store's name is an underscore there.
    pub(super) fn of_variable(rest: &str) -> Option<String> {
        let rest = rest.strip_prefix("STORES_")?.to_ascii_lowercase();
        // The longest fitting setting: `secret_key_file` ends as no other does, but `a_kind` could be read twice.
        let fits = STORE_KEYS.iter().filter_map(|key| Some((rest.strip_suffix(key.name)?.strip_suffix('_')?, key)));
        let (store, key) = fits.max_by_key(|(_, key)| key.name.len())?;
        Some(format!("{SECTION}{}.{}", store.replace('_', "-"), key.name))
    }

    /// Name, shown value and origin of each.
    pub(super) fn rows(&self) -> impl Iterator<Item = (String, String, &Origin)> {
        self.0.iter().map(|((store, setting), (value, origin))| {
            let secret = STORE_KEYS.iter().any(|key| key.name == *setting && key.is_secret);
            let shown = if secret { HIDDEN.to_owned() } else { value.clone() };
            (format!("{SECTION}{store}.{setting}"), shown, origin)
        })
    }

    /// The stores that the settings describe.
    ///
    /// # Errors
    /// The first setting that is missing or does not fit, with its whole name.
    pub(super) fn stores(&self) -> Result<BTreeMap<String, StoreConfig>, (String, String)> {
        let names: std::collections::BTreeSet<&str> = self.0.keys().map(|(store, _)| store.as_str()).collect();
        let store = |name: &&str| {
            let given = Given { settings: &self.0, store: name };
            Ok(((*name).to_owned(), given.store()?))
        };
        names.iter().map(store).collect()
    }
}

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// The settings of one store.
struct Given<'a> {
    settings: &'a BTreeMap<(String, &'static str), (String, Origin)>,
    store: &'a str,
}

impl Given<'_> {
    fn named(&self, setting: &str) -> String {
        format!("{SECTION}{}.{setting}", self.store)
    }

    fn get(&self, setting: &'static str) -> Option<&str> {
        let found = self.settings.get(&(self.store.to_owned(), setting));
        found.map(|(value, _)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn need(&self, setting: &'static str) -> Result<&str, (String, String)> {
        self.get(setting).ok_or_else(|| (self.named(setting), "is missing".to_owned()))
    }

    fn flag(&self, setting: &'static str) -> Result<bool, (String, String)> {
        match self.get(setting) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err((self.named(setting), format!("{other:?} is neither true nor false"))),
        }
    }

    fn store(&self) -> Result<StoreConfig, (String, String)> {
        let place = match self.need("kind")? {
            "directory" => StorePlace::Directory { root: PathBuf::from(self.need("root")?) },
            "s3" => StorePlace::S3(self.s3()?),
            other => return Err((self.named("kind"), format!("{other:?} is neither directory nor s3"))),
        };
        Ok(StoreConfig { place, writable: self.flag("writable")? })
    }

    fn s3(&self) -> Result<S3Config, (String, String)> {
        let endpoint = self.need("endpoint")?.trim_end_matches('/');
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err((self.named("endpoint"), format!("{endpoint:?} is no address such as https://s3.example")));
        }
        let prefix = self.get("prefix").unwrap_or_default().trim_matches('/');
        if prefix.split('/').any(|part| part == "." || part == "..") {
            return Err((self.named("prefix"), format!("{prefix:?} is no beginning of keys")));
        }
        Ok(S3Config {
            endpoint: endpoint.to_owned(),
            bucket: self.need("bucket")?.to_owned(),
            region: self.get("region").unwrap_or("us-east-1").to_owned(),
            prefix: prefix.to_owned(),
            access_key: self.need("access_key")?.to_owned(),
            secret_key: self.secret()?,
            presign: self.flag("presign")?,
        })
    }

    fn secret(&self) -> Result<SecretText, (String, String)> {
        let Some(path) = self.get("secret_key_file") else {
            return self.need("secret_key").map(SecretText::new);
        };
        if self.get("secret_key").is_some() {
            return Err((self.named("secret_key_file"), "is given beside secret_key".to_owned()));
        }
        let text =
            std::fs::read_to_string(path).map_err(|e| (self.named("secret_key_file"), format!("{path}: {e}")))?;
        Ok(SecretText::new(text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(list: &[(&str, &str)]) -> Result<StoreSettings, String> {
        let mut settings = StoreSettings::default();
        for (name, value) in list {
            settings.set(Origin::Flag, name, value)?;
        }
        Ok(settings)
    }

    const S3: [(&str, &str); 5] = [
        ("b.kind", "s3"),
        ("b.endpoint", "http://127.0.0.1:9/"),
        ("b.bucket", "files"),
        ("b.access_key", "me"),
        ("b.secret_key", "do-not-tell"),
    ];

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let settings = settings(&S3).expect("settings");
        let stores = settings.stores().expect("a store");
        let StorePlace::S3(s3) = &stores["b"].place else { panic!("a bucket") };
        assert_eq!((s3.secret_key.reveal(), s3.endpoint.as_str()), ("do-not-tell", "http://127.0.0.1:9"));
        let shown: Vec<String> = settings.rows().map(|(name, value, _)| format!("{name}={value}")).collect();
        assert!(shown.contains(&"stores.b.secret_key=(hidden)".to_owned()), "{shown:?}");
        assert!(!format!("{shown:?} {stores:?}").contains("do-not-tell"));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for missing in &S3 {
            let rest: Vec<_> = S3.iter().filter(|pair| *pair != missing).copied().collect();
            let (name, _) = settings(&rest).expect("settings").stores().expect_err("incomplete");
            assert_eq!(name, format!("stores.{}", missing.0));
        }
        let refused =
            |pairs: &[(&str, &str)]| settings(pairs).and_then(|s| s.stores().map_err(|(_, why)| why)).is_err();
        assert!(refused(&[("a.kind", "ftp")]));
        assert!(refused(&[("a.kind", "directory")]));
        assert!(refused(&[("A.kind", "directory")]));
        assert!(refused(&[("a.colour", "blue")]));
        assert!(refused(&[("a.kind", "directory"), ("a.root", "/x"), ("a.writable", "yes")]));
        assert!(!refused(&[("a.kind", "directory"), ("a.root", "/x"), ("a.writable", "true")]));
    }

    #[test]
    fn variables_name_stores_and_their_settings() {
        let check = |rest: &str, expected: Option<&str>| {
            assert_eq!(StoreSettings::of_variable(rest).as_deref(), expected, "{rest}");
        };
        check("STORES_ARCHIVE_KIND", Some("stores.archive.kind"));
        check("STORES_COLD_STORE_SECRET_KEY", Some("stores.cold-store.secret_key"));
        check("STORES_A_SECRET_KEY_FILE", Some("stores.a.secret_key_file"));
        check("STORES_A_COLOUR", None);
        check("LISTEN", None);
    }
}
