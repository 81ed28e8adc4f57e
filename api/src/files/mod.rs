//! The files of assets: where they lie, what is known of them, their bytes, and how they come in.
//!
//! An item says by the `href` of an asset where its file lies ([`location`]): in a store of ours, a folder
//! ([`directory`]) or a bucket ([`s3`]), on another server ([`remote`]), or nowhere, since it is written of a feature's
//! observations when it is asked for ([`series`]). What is HTTP of a download lies with its route.

mod answered;
mod checksum;
mod directory;
mod file;
mod key;
mod location;
mod noted;
mod remote;
mod rights;
mod s3;
mod series;
mod upload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_schemas::{Problem, Scope};
use serde_json::Value;
use url::Url;

pub(crate) use self::answered::{AssetLinks, has_series};
pub(crate) use self::checksum::Multihash;
pub(crate) use self::directory::write_failure;
pub(crate) use self::file::{ByteStream, Facts, File, Readable, local as local_bytes};
pub(crate) use self::location::{Location, series_format};
pub(crate) use self::noted::NotedDownloads;
pub(crate) use self::remote::Webhooks;
pub(crate) use self::rights::{are_granted, may_download};
pub(crate) use self::upload::{Expected, Received};

use self::directory::Directory;
use self::location::{SERIES_FORMATS, series_key};
use self::remote::Remote;
use self::s3::S3;
use self::series::SeriesFiles;
use crate::config::{Config, StorePlace};
use crate::problem::ApiError;
use crate::state::{Random, run_blocking};

/// Why the files cannot be served at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder of a store cannot be opened.
    #[error("cannot open the folder {root} of a store")]
    Directory {
        /// The folder.
        root: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The settings of a bucket are none.
    #[error("cannot use the bucket of the store {store}")]
    Bucket {
        /// The store.
        store: String,
        /// Why.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The client for other servers cannot be made.
    #[error("cannot ask other servers")]
    Client {
        /// Why.
        #[source]
        source: Box<reqwest::Error>,
    },
}

/// The files of one store.
enum StoreFiles {
    Directory(Arc<Directory>),
    S3(Arc<S3>),
}

struct Store {
    files: StoreFiles,
    writable: bool,
}

/// See the module.
pub struct Files {
    stores: BTreeMap<String, Store>,
    default_store: Option<String>,
    remote: Option<Arc<Remote>>,
    series: SeriesFiles,
    random: Random,
    tag: String,
}

impl Files {
    /// With the stores and servers that the configuration names.
    ///
    /// # Errors
    /// If the folder of a store is not there, or settings do not do.
    pub fn open(config: &Config, random: Random) -> Result<Self, Error> {
        let mut files = Self::without_stores(config, random.clone());
        for (name, store) in &config.stores {
            let opened = match &store.place {
                StorePlace::Directory { root } => {
                    StoreFiles::Directory(Arc::new(Directory::open(root, store.writable)?))
                }
                StorePlace::S3(bucket) => StoreFiles::S3(Arc::new(S3::open(name, bucket, random.clone())?)),
            };
            files.stores.insert(name.clone(), Store { files: opened, writable: store.writable });
        }
        let only = config.stores.keys().next().filter(|_| config.stores.len() == 1);
        files.default_store = Some(&config.default_store).filter(|name| !name.is_empty()).or(only).cloned();
        if !config.remote.hosts.is_empty() {
            files.remote = Some(Arc::new(Remote::new(&config.remote, random)?));
        }
        files.tag = format!("{:?} {:?} {:?}", files.stores.keys(), files.default_store, config.remote.hosts);
        Ok(files)
    }

    /// With the series of features alone.
    pub fn without_stores(config: &Config, random: Random) -> Self {
        Self {
            stores: BTreeMap::new(),
            default_store: None,
            remote: None,
            series: SeriesFiles::new(&config.data, config.limits.spool_bytes),
            random,
            tag: String::new(),
        }
    }

    /// Whether any stored asset may be delivered.
    fn delivers(&self) -> bool {
        !self.stores.is_empty() || self.remote.is_some()
    }

    /// What of the configuration shows in answers, for their entity tags; empty where nothing does.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Where a stored asset lies; `None` for what the service does not deliver.
    pub(crate) fn locate(&self, href: &str) -> Option<Location> {
        let is_store = |name: &str| self.stores.contains_key(name);
        let is_remote = |url: &Url| self.remote.as_ref().is_some_and(|remote| remote.knows(url));
        Location::parse(href, self.default_store.as_deref(), is_store, is_remote)
    }

    /// Finds an asset of an item: what is stored of it, or that it is the series of a feature.
    ///
    /// # Errors
    /// `NotFound` for no such asset, and for one that the service does not deliver.
    pub(crate) fn asset(
        &self,
        snapshot: &Snapshot,
        item: &StoredItem,
        key: &str,
        scope: Scope,
    ) -> Result<Asset, ApiError> {
        let body: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
        if let Some(stored) = body["assets"].get(key) {
            let href = stored["href"].as_str().unwrap_or_default();
            let location = self.locate(href).ok_or_else(|| {
                let problem = Problem::not_found("file-elsewhere", "this file is not here; its item says where it is");
                if href.starts_with("https://") { problem.allowed(href) } else { problem }
            })?;
            let media_type = stored["type"].as_str().map(str::to_owned);
            let checksum = stored["file:checksum"].as_str().and_then(Multihash::parse);
            return Ok(Asset { location, media_type, size: stored["file:size"].as_u64(), checksum });
        }
        let format = SERIES_FORMATS.into_iter().find(|format| series_key(item.id.as_str(), *format) == key);
        match format.filter(|_| has_series(snapshot, item, scope)) {
            Some(format) => Ok(Asset {
                location: Location::Series(format),
                media_type: Some(format.content_type().to_owned()),
                size: None,
                checksum: None,
            }),
            None => Err(no_asset(item, key).into()),
        }
    }

    /// Finds the file of an asset.
    ///
    /// # Errors
    /// `NotFound` if it is not there; `Unavailable` if its store or server does not answer, or the file is not the one
    /// that the item describes.
    pub(crate) async fn open_file(
        &self,
        snapshot: &Arc<Snapshot>,
        item: &StoredItem,
        asset: &Asset,
        scope: Scope,
    ) -> Result<File, ApiError> {
        if let Location::Series(format) = &asset.location {
            let file = self.series.open_file(snapshot, item, *format, scope).await?;
            return file.described(asset.size, asset.checksum.clone());
        }
        self.open_location(&asset.location, asset.size, asset.checksum.clone()).await
    }

    /// Finds the file of an address that a stored asset has; `size` and `checksum` are what its item tells of it.
    ///
    /// # Errors
    /// As [`Files::open_file`].
    pub(crate) async fn open_href(
        &self,
        href: &str,
        size: Option<u64>,
        checksum: Option<Multihash>,
    ) -> Result<File, ApiError> {
        let location = self.locate(href).ok_or_else(no_file)?;
        self.open_location(&location, size, checksum).await
    }

    async fn open_location(
        &self,
        location: &Location,
        size: Option<u64>,
        checksum: Option<Multihash>,
    ) -> Result<File, ApiError> {
        let file = match location {
            Location::Stored { store, key } => match self.stores.get(store).map(|store| &store.files) {
                Some(StoreFiles::Directory(directory)) => {
                    let (directory, key) = (Arc::clone(directory), key.clone());
                    run_blocking(move || directory.open_file(&key)).await?
                }
                Some(StoreFiles::S3(bucket)) => bucket.open_file(key).await?,
                None => return Err(no_file().into()),
            },
            Location::Remote(url) => match &self.remote {
                Some(remote) => remote.open_file(url).await?,
                None => return Err(no_file().into()),
            },
            // Written of a feature's observations, which an address does not name.
            Location::Series(_) => return Err(no_file().into()),
        };
        file.described(size, checksum)
    }

    /// An address at a bucket that gives the file to whoever has it, for some minutes; `None` for files that callers
    /// get from us.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(crate) async fn presigned(&self, location: &Location) -> Result<Option<String>, ApiError> {
        let Location::Stored { store, key } = location else { return Ok(None) };
        match self.stores.get(store).map(|store| &store.files) {
            Some(StoreFiles::S3(bucket)) if bucket.presign => bucket.presigned(key).await.map(Some),
            _ => Ok(None),
        }
    }
}

/// An asset that the service delivers.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    /// Where its file lies.
    pub(crate) location: Location,
    /// Its media type, if the item tells one.
    pub(crate) media_type: Option<String>,
    /// Its bytes, if the item tells.
    pub(crate) size: Option<u64>,
    /// Its checksum, if the item tells one that can be verified.
    checksum: Option<Multihash>,
}

/// The failure for an asset that an item does not have.
fn no_asset(item: &StoredItem, key: &str) -> Problem {
    let detail = format!("the item {:?} of {:?} has no asset {key:?}", item.id.as_str(), item.collection.as_str());
    Problem::not_found("item-asset-not-found", detail)
}

/// The failure for a file that is not where its item says.
fn no_file() -> Problem {
    Problem::not_found("file-not-found", "the file of this asset is not where its item says")
}
