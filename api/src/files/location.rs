//! Where the file of an asset lies, read from the `href` that the stored item has.

use url::Url;

use super::key::Key;
use crate::routes::edr::Format;

/// Scheme of addresses within our own stores: `store://NAME/KEY`.
const STORE_SCHEME: &str = "store://";
/// Scheme of assets that are made of a feature's observations; such an address is shown and never stored.
const SERIES_SCHEME: &str = "series:";

/// Formats in which a feature's series is an asset, in the order in which they are shown.
pub(super) const SERIES_FORMATS: [Format; 2] = [Format::Csv, Format::Parquet];

/// See the module. A series is no address of a stored asset: it is where the key of an asset leads that nobody stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Location {
    /// In one of our stores.
    Stored {
        /// Its name.
        store: String,
        /// The file.
        key: Key,
    },
    /// On another server that may be asked.
    Remote(Url),
    /// Nowhere: written of the feature's observations when it is asked for.
    Series(Format),
}

impl Location {
    /// Reads an `href`. `default_store` is where relative ones lie. `None` for what is not delivered by us: an address
    /// with another scheme, of no store that `is_store` knows or on no server that `is_remote` allows, or no key.
    pub(super) fn parse(
        href: &str,
        default_store: Option<&str>,
        is_store: impl Fn(&str) -> bool,
        is_remote: impl Fn(&Url) -> bool,
    ) -> Option<Self> {
        if let Some(rest) = href.strip_prefix(STORE_SCHEME) {
            let (store, path) = rest.split_once('/')?;
            let key = Key::decode(path).filter(|_| is_plain(path))?;
            return is_store(store).then(|| Self::Stored { store: store.to_owned(), key });
        }
        if href.starts_with("http://") || href.starts_with("https://") {
            return Url::parse(href).ok().filter(is_remote).map(Self::Remote);
        }
        // Another scheme, such as `s3:` or `file:`; a colon after the first slash belongs to a name.
        let first = href.split('/').next().unwrap_or_default();
        if first.contains(':') || !is_plain(href) {
            return None;
        }
        let key = Key::decode(href.strip_prefix("./").unwrap_or(href))?;
        Some(Self::Stored { store: default_store?.to_owned(), key })
    }

    /// The `href` of a file in a store.
    pub(super) fn href_of(store: &str, key: &Key) -> String {
        format!("{STORE_SCHEME}{store}/{}", key.encoded())
    }

    /// The `href` of a series.
    pub(super) fn href_of_series(format: Format) -> String {
        format!("{SERIES_SCHEME}{}", format.extension())
    }

    /// The name under which the file is kept by whoever downloads it.
    pub(crate) fn file_name(&self, item: &str) -> String {
        match self {
            Self::Stored { key, .. } => key.file_name().to_owned(),
            Self::Remote(url) => {
                let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
                Key::decode(last).map_or_else(|| last.to_owned(), |key| key.file_name().to_owned())
            }
            Self::Series(format) => series_key(item, *format),
        }
    }
}

/// The key of the asset that holds a feature's series, which is the name of its file.
pub(super) fn series_key(item: &str, format: Format) -> String {
    format!("{item}.{}", format.extension())
}

/// The format of the series that an answered asset is; `None` for assets that are stored.
pub(crate) fn series_format(asset: &serde_json::Value) -> Option<Format> {
    let label = asset["nilometer:href"].as_str()?.strip_prefix(SERIES_SCHEME)?;
    SERIES_FORMATS.into_iter().find(|format| format.extension() == label)
}

/// Whether a path has no query and no fragment, which files have not.
fn is_plain(path: &str) -> bool {
    !path.contains(['?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(href: &str) -> Option<Location> {
        Location::parse(href, Some("disk"), |store| store == "cold", |url| url.host_str() == Some("data.example"))
    }

    #[test]
    fn an_address_leads_into_a_store_to_a_known_server_or_nowhere() {
        let stored = |store: &str, key: &str| {
            Some(Location::Stored { store: store.to_owned(), key: Key::new(key.to_owned()).expect("a key") })
        };
        assert_eq!(parse("store://cold/a/b%20c.nc"), stored("cold", "a/b c.nc"));
        assert_eq!(parse("SWOT_x.zip"), stored("disk", "SWOT_x.zip"));
        assert_eq!(parse("./2024/x:y.zip"), stored("disk", "2024/x:y.zip"));
        assert!(matches!(parse("https://data.example/a.nc?x=1"), Some(Location::Remote(_))));
        for href in [
            "",
            "store://other/a",
            "store://cold/../a",
            "store://cold",
            "store://cold/a?b",
            "https://evil.example/a",
            "http:a",
            "file:///etc/passwd",
            "/etc/passwd",
            "../a",
            "a?b",
            "s3://bucket/a",
            "javascript:alert(1)",
            "series:csv",
            "C:/x",
        ] {
            assert_eq!(parse(href), None, "{href}");
        }
        assert_eq!(Location::parse("a.zip", None, |_| true, |_| true), None);
    }

    #[test]
    fn a_file_keeps_its_name() {
        let check = |href: &str, name: &str| assert_eq!(parse(href).expect(href).file_name("R_X@1"), name);
        check("store://cold/a/b%20c.nc", "b c.nc");
        check("https://data.example/a/b.nc?x=1", "b.nc");
        assert_eq!(Location::Series(Format::Parquet).file_name("R_X@1"), "R_X@1.parquet");
    }
}
