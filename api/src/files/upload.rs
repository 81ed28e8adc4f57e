//! Files that come in: written while they come, hashed and counted, and placed only when all is right. Of what is wrong
//! or breaks off nothing stays.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use nilometer_schemas::{Kind, Problem};

use super::checksum::{Algorithm, Hasher, Multihash};
use super::directory::{Part, write_failure};
use super::key::Key;
use super::location::Location;
use super::s3::Upload;
use super::{Files, StoreFiles};
use crate::problem::ApiError;
use crate::routes::ask::hex;
use crate::state::run_blocking;
use crate::zip::harmless;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;
/// Random bytes in the key of an upload: no two get one key, and what is there is never written over.
const RANDOM_BYTES: usize = 8;

/// What an upload is expected to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// Its checksum.
    pub(crate) checksum: Option<Multihash>,
    /// Its bytes.
    pub(crate) size: Option<u64>,
}

/// A file that is in its place.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The `href` of its asset.
    pub(crate) href: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// Its checksum, of the kind expected or else SHA-256.
    pub(crate) checksum: Multihash,
}

/// Where an upload is written.
enum Target {
    Part { part: Part, waiting: Vec<u8> },
    Bucket(Upload),
}

impl Files {
    /// Takes a file in, for an asset of an item.
    ///
    /// # Errors
    /// `Invalid` if there is no such store, or the file is not the expected one; `Forbidden` if the store takes no files;
    /// those of `body`, of the store.
    pub(crate) async fn receive(
        &self,
        store: Option<&str>,
        (collection, item, asset): (&str, &str, &str),
        expected: &Expected,
        mut body: impl Stream<Item = Result<Bytes, ApiError>> + Unpin,
    ) -> Result<Received, ApiError> {
        let (name, store) = self.writable(store)?;
        let mut random = [0; RANDOM_BYTES];
        self.random.fill(&mut random).map_err(ApiError::internal)?;
        let random = hex(&random);
        let parts = [harmless(collection), harmless(item), random.clone(), harmless(asset)];
        let key = Key::new(parts.join("/")).ok_or_else(|| {
            Problem::invalid("file-name", "the names of collection, item and asset are too long for a file's")
        })?;
        let mut target = match store {
            StoreFiles::Directory(directory) => {
                let directory = Arc::clone(directory);
                let part = run_blocking(move || directory.create_part(&random)).await?;
                Target::Part { part, waiting: Vec::new() }
            }
            StoreFiles::S3(bucket) => Target::Bucket(bucket.upload(&key)?),
        };
        match fill(&mut target, expected, &mut body).await {
            Ok((size, checksum)) => {
                target.finish(&key).await?;
                Ok(Received { href: Location::href_of(name, &key), size, checksum })
            }
            Err(error) => {
                target.abandon().await;
                Err(error)
            }
        }
    }

    /// Whether an upload put the file of an asset where it is.
    pub(crate) fn is_upload(&self, href: &str) -> bool {
        self.uploaded(href).is_some()
    }

    /// The store and the key of a file that an upload put there.
    fn uploaded(&self, href: &str) -> Option<(String, Key)> {
        let Location::Stored { store, key } = self.locate(href)? else { return None };
        let random = key.as_str().split('/').nth(2).unwrap_or_default();
        let is_upload = random.len() == 2 * RANDOM_BYTES && random.bytes().all(|b| b.is_ascii_hexdigit());
        (is_upload && self.stores.get(&store)?.writable).then_some((store, key))
    }

    /// Removes the file of an asset that was replaced, if an upload had put it there.
    pub(crate) async fn discard(&self, href: &str) {
        let Some((store, key)) = self.uploaded(href) else { return };
        let Some(found) = self.stores.get(&store) else { return };
        let removed = match &found.files {
            StoreFiles::Directory(directory) => {
                let (directory, key) = (Arc::clone(directory), key.clone());
                run_blocking(move || directory.remove(&key).map_err(|e| write_failure(&e))).await
            }
            StoreFiles::S3(bucket) => bucket.remove(&key).await,
        };
        if let Err(error) = removed {
            tracing::warn!(%store, %key, cause = error.cause(), "a file that nothing refers to any more could not be removed");
        }
    }

    /// The store for an upload.
    fn writable(&self, name: Option<&str>) -> Result<(&str, &StoreFiles), Problem> {
        let takes: Vec<&str> = self.stores.iter().filter(|(_, s)| s.writable).map(|(name, _)| name.as_str()).collect();
        let only = takes.first().copied().filter(|_| takes.len() == 1);
        let default = self.default_store.as_deref().filter(|name| takes.contains(name));
        let Some(name) = name.or(default).or(only) else {
            let detail = "no store takes files, or several do and none is named";
            return Err(Problem::invalid("store", detail).at("store").allowed(takes.join(", ")));
        };
        match self.stores.get_key_value(name) {
            Some((name, store)) if store.writable => Ok((name, &store.files)),
            Some(_) => {
                Err(Problem::new(Kind::Forbidden, "store-read-only", format!("the store {name:?} takes no files")))
            }
            None => Err(Problem::invalid("store", format!("there is no store {name:?}"))
                .at("store")
                .allowed(takes.join(", "))),
        }
    }
}

/// Writes all bytes and compares what came with what was expected.
async fn fill(
    target: &mut Target,
    expected: &Expected,
    body: &mut (impl Stream<Item = Result<Bytes, ApiError>> + Unpin),
) -> Result<(u64, Multihash), ApiError> {
    let algorithm = expected.checksum.as_ref().map_or(Algorithm::Sha256, |checksum| checksum.algorithm);
    let mut hasher = Some(algorithm.hasher());
    let mut size: u64 = 0;
    while let Some(piece) = body.next().await {
        let piece = piece?;
        size += piece.len() as u64;
        if expected.size.is_some_and(|expected| size > expected) {
            break;
        }
        target.write(piece, &mut hasher).await?;
    }
    if let Some(expected) = expected.size.filter(|expected| *expected != size) {
        let detail = format!("{expected} bytes were announced, and another number came; nothing was kept");
        return Err(Problem::invalid("upload-differs", detail).at("file:size").into());
    }
    target.flush(&mut hasher).await?;
    let hasher = hasher.ok_or_else(|| ApiError::internal("an upload lost its hash"))?;
    let checksum = hasher.finish();
    if expected.checksum.as_ref().is_some_and(|expected| *expected != checksum) {
        let detail = format!("the checksum of what came is {checksum}; nothing was kept");
        return Err(Problem::invalid("upload-differs", detail).at("file:checksum").into());
    }
    Ok((size, checksum))
}

impl Target {
    async fn write(&mut self, piece: Bytes, hasher: &mut Option<Hasher>) -> Result<(), ApiError> {
        match self {
            Self::Part { waiting, .. } => {
                waiting.extend_from_slice(&piece);
                if waiting.len() >= WRITE_BYTES { self.flush(hasher).await } else { Ok(()) }
            }
            Self::Bucket(upload) => {
                if let Some(hasher) = hasher {
                    hasher.update(&piece);
                }
                upload.write(piece).await
            }
        }
    }

    /// Hashes and writes what was gathered, where that may take its time.
    async fn flush(&mut self, hasher: &mut Option<Hasher>) -> Result<(), ApiError> {
        let Self::Part { part, waiting } = self else { return Ok(()) };
        let (bytes, file, hash) = (std::mem::take(waiting), Arc::clone(&part.file), hasher.take());
        *hasher = run_blocking(move || {
            let mut hash = hash;
            if let Some(hash) = &mut hash {
                hash.update(&bytes);
            }
            (&*file).write_all(&bytes).map_err(|e| write_failure(&e))?;
            Ok(hash)
        })
        .await?;
        Ok(())
    }

    async fn finish(self, key: &Key) -> Result<(), ApiError> {
        match self {
            Self::Part { part, .. } => {
                let key = key.clone();
                run_blocking(move || part.place(&key)).await
            }
            Self::Bucket(upload) => upload.finish().await,
        }
    }

    async fn abandon(self) {
        match self {
            Self::Part { part, .. } => drop(
                run_blocking(move || {
                    drop(part);
                    Ok(())
                })
                .await,
            ),
            Self::Bucket(upload) => upload.abort().await,
        }
    }
}
