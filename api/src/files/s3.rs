//! Files in a bucket. What fails on the way is asked for again at most three times, from the byte that was reached, and
//! only of the same state of the file. Of each answer it is looked at which bytes of which state it holds: stores, and caches
//! before them, are known that send others than were asked for.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use nilometer_schemas::{Kind, Problem};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload,
    RetryConfig,
};
use time::OffsetDateTime;

use super::file::{ByteStream, Facts, File, Place, tag_of};
use super::key::Key;
use super::{Error, no_file};
use crate::config::S3Config;
use crate::problem::{ApiError, chain};
use crate::state::Random;

/// Times that a request is sent anew.
const RETRIES_MAX: usize = 3;
/// Pause before a request is sent anew, half or one and a half times as long by chance; before the next it is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// Time in which a connection is made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Time in which an answer begins, or its next bytes come.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long an address holds that leads callers to the bucket itself.
pub(super) const PRESIGNED_FOR: Duration = Duration::from_secs(15 * 60);
/// Bytes of a part of an upload; a bucket takes 10 000 parts of one file.
const PART_BYTES: usize = 16 << 20;

/// See the module.
pub(super) struct S3 {
    bucket: Arc<AmazonS3>,
    /// The same for reading, which is repeated here.
    reader: Arc<AmazonS3>,
    random: Random,
    prefix: String,
    /// Whether callers are sent to the bucket itself.
    pub(super) presign: bool,
}

impl S3 {
    /// A bucket; it is not asked yet.
    pub(super) fn open(name: &str, config: &S3Config, random: Random) -> Result<Self, Error> {
        // A whole file takes as long as it takes; pauses are what is bounded.
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_WITHIN)
            .with_allow_http(config.endpoint.starts_with("http://"));
        let bucket = |max_retries| {
            let backoff = BackoffConfig { init_backoff: PAUSE, ..BackoffConfig::default() };
            let bucket = AmazonS3Builder::new()
                .with_endpoint(&config.endpoint)
                .with_bucket_name(&config.bucket)
                .with_region(&config.region)
                .with_access_key_id(&config.access_key)
                .with_secret_access_key(config.secret_key.reveal())
                .with_client_options(client.clone())
                .with_retry(RetryConfig { backoff, max_retries, retry_timeout: Duration::from_secs(180) })
                .build();
            bucket.map(Arc::new).map_err(|source| Error::Bucket { store: name.to_owned(), source: Box::new(source) })
        };
        let (bucket, reader) = (bucket(RETRIES_MAX)?, bucket(0)?);
        Ok(Self { bucket, reader, random, prefix: config.prefix.clone(), presign: config.presign })
    }

    fn path(&self, key: &Key) -> Result<Path, ApiError> {
        let text = if self.prefix.is_empty() { key.to_string() } else { format!("{}/{key}", self.prefix) };
        Path::parse(text).map_err(|_| no_file().into())
    }

    /// Looks a file up.
    ///
    /// # Errors
    /// `NotFound`, or `Unavailable` where the bucket does not answer or refuses us.
    pub(super) async fn open_file(&self, key: &Key) -> Result<File, ApiError> {
        let path = self.path(key)?;
        let found = in_time(self.bucket.head(&path)).await?;
        let tag = found.e_tag.clone();
        let modified = OffsetDateTime::from_unix_timestamp(found.last_modified.timestamp()).ok();
        let seconds = found.last_modified.timestamp().to_le_bytes();
        let parts: [&[u8]; 3] = [tag.as_deref().unwrap_or_default().as_bytes(), &found.size.to_le_bytes(), &seconds];
        let etag = tag_of(&parts, tag.is_none());
        let facts = Facts { size: found.size, etag, modified, checksum: None };
        let state = (found.size, found.last_modified.timestamp());
        let file = S3File { bucket: Arc::clone(&self.reader), random: self.random.clone(), path, tag, state };
        Ok(File { facts, place: Place::S3(file) })
    }

    /// An address at the bucket that gives the file to anybody for some minutes.
    pub(super) async fn presigned(&self, key: &Key) -> Result<String, ApiError> {
        let path = self.path(key)?;
        Ok(in_time(self.bucket.signed_url(Method::GET, &path, PRESIGNED_FOR)).await?.to_string())
    }

    /// Begins an upload.
    pub(super) fn upload(&self, key: &Key) -> Result<Upload, ApiError> {
        let path = self.path(key)?;
        Ok(Upload { bucket: Arc::clone(&self.bucket), path, waiting: Vec::new(), parts: None })
    }

    /// Removes a file that an upload replaced.
    pub(super) async fn remove(&self, key: &Key) -> Result<(), ApiError> {
        let path = self.path(key)?;
        in_time(self.bucket.delete(&path)).await
    }
}

/// A file in a bucket.
#[derive(Clone)]
pub(super) struct S3File {
    bucket: Arc<AmazonS3>,
    random: Random,
    path: Path,
    /// Its entity tag in the bucket: another state of the file is never read as this one.
    tag: Option<String>,
    /// Its bytes, and when it was changed last, seconds since 1970.
    state: (u64, i64),
}

impl S3File {
    /// The bytes of a range, or an error.
    pub(super) fn read(&self, range: Range<u64>) -> ByteStream {
        let reading = Reading { file: self.clone(), rest: range, bytes: None, repeated: 0 };
        Box::pin(stream::try_unfold(reading, Reading::next))
    }

    async fn open(&self, range: &Range<u64>) -> Result<ByteStream, Broken> {
        let options = GetOptions {
            if_match: self.tag.clone(),
            range: Some(GetRange::Bounded(range.clone())),
            ..GetOptions::default()
        };
        let found = tokio::time::timeout(ANSWER_WITHIN, self.bucket.get_opts(&self.path, options)).await;
        let found = match found {
            Err(_) => return Err(Broken::Once(silent())),
            Ok(Err(error @ object_store::Error::Generic { .. })) => return Err(Broken::Once(io::Error::other(error))),
            Ok(Err(error)) => return Err(Broken::ForGood(io::Error::other(error))),
            Ok(Ok(found)) => found,
        };
        // Without tags, size and moment tell states apart as well as they can.
        let is_same = match &self.tag {
            Some(_) => found.meta.e_tag == self.tag,
            None => (found.meta.size, found.meta.last_modified.timestamp()) == self.state,
        };
        if found.range != *range || !is_same {
            return Err(Broken::ForGood(io::Error::other("a store sent another range or state than was asked for")));
        }
        Ok(Box::pin(found.into_stream().map(|piece| piece.map_err(io::Error::other))))
    }
}

/// Why nothing more comes.
enum Broken {
    /// It may come when it is asked for again.
    Once(io::Error),
    ForGood(io::Error),
}

/// A range that is being read.
struct Reading {
    file: S3File,
    /// What is still to come.
    rest: Range<u64>,
    /// The answer that it comes from.
    bytes: Option<ByteStream>,
    /// How often it was asked for again.
    repeated: usize,
}

impl Reading {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while !self.rest.is_empty() {
            match self.piece().await {
                Ok(piece) => {
                    self.rest.start += piece.len() as u64;
                    return Ok(Some((piece, self)));
                }
                Err(Broken::Once(_)) if self.repeated < RETRIES_MAX => {
                    self.bytes = None;
                    tokio::time::sleep(self.pause()).await;
                    self.repeated += 1;
                }
                Err(Broken::Once(error) | Broken::ForGood(error)) => {
                    tracing::warn!(%error, "a store gives no more of a file");
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// How long is waited before the next attempt. Many that broke off together do not come back together.
    fn pause(&self) -> Duration {
        let mut byte = [128];
        // Without randomness the pause is an even one, which does no harm.
        let _ = self.file.random.fill(&mut byte);
        PAUSE.mul_f64((0.5 + f64::from(byte[0]) / 256.0) * f64::from(1_u32 << self.repeated.min(8)))
    }

    async fn piece(&mut self) -> Result<Bytes, Broken> {
        let bytes = match &mut self.bytes {
            Some(bytes) => bytes,
            none => none.insert(self.file.open(&self.rest).await?),
        };
        let left = self.rest.end - self.rest.start;
        match tokio::time::timeout(ANSWER_WITHIN, bytes.next()).await {
            Ok(Some(Ok(piece))) if piece.len() as u64 <= left => Ok(piece),
            Ok(Some(Ok(_))) => Err(Broken::ForGood(io::Error::other("a store sent more bytes than it said"))),
            Ok(Some(Err(error))) => Err(Broken::Once(error)),
            Ok(None) => Err(Broken::Once(io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(_) => Err(Broken::Once(silent())),
        }
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "a store pauses for too long")
}

/// An upload under way, of which nobody sees anything before its end.
pub(super) struct Upload {
    bucket: Arc<AmazonS3>,
    path: Path,
    /// Less than a part.
    waiting: Vec<u8>,
    /// From the second part on.
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    /// Takes bytes.
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), ApiError> {
        while !bytes.is_empty() {
            let taken = bytes.split_to(bytes.len().min(PART_BYTES - self.waiting.len()));
            self.waiting.extend_from_slice(&taken);
            if self.waiting.len() == PART_BYTES {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), ApiError> {
        let payload = PutPayload::from(std::mem::take(&mut self.waiting));
        let parts = match &mut self.parts {
            Some(parts) => parts,
            empty => empty.insert(self.bucket.put_multipart(&self.path).await.map_err(failure)?),
        };
        parts.put_part(payload).await.map_err(failure)
    }

    /// Makes the file visible, whole.
    pub(super) async fn finish(mut self) -> Result<(), ApiError> {
        if self.parts.is_none() {
            let payload = PutPayload::from(std::mem::take(&mut self.waiting));
            return self.bucket.put(&self.path, payload).await.map(drop).map_err(failure);
        }
        if !self.waiting.is_empty() {
            self.send_part().await?;
        }
        match &mut self.parts {
            Some(parts) => parts.complete().await.map(drop).map_err(failure),
            None => Ok(()),
        }
    }

    /// Throws away what was sent.
    pub(super) async fn abort(self) {
        if let Some(mut parts) = self.parts
            && let Err(error) = parts.abort().await
        {
            tracing::warn!(%error, "an abandoned upload could not be removed");
        }
    }
}

async fn in_time<T>(work: impl Future<Output = object_store::Result<T>>) -> Result<T, ApiError> {
    // Four attempts and the pauses between them.
    match tokio::time::timeout(ANSWER_WITHIN, work).await {
        Ok(outcome) => outcome.map_err(failure),
        Err(_) => Err(unavailable("no answer in time")),
    }
}

fn failure(error: object_store::Error) -> ApiError {
    match error {
        object_store::Error::NotFound { .. } => no_file().into(),
        other => unavailable(&chain(&other)),
    }
}

fn unavailable(cause: &str) -> ApiError {
    tracing::warn!(cause, "a store does not give a file");
    Problem::new(Kind::Unavailable, "store-unavailable", "the store of this file does not answer as it should").into()
}
