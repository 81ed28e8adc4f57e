//! The bytes of a remote file: asked for from where the last answer broke off, and only of the same state of the file.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use futures_util::stream;
use reqwest::Response;
use url::Url;

use super::{Failure, Head, RETRIES_MAX, Remote, content_range};
use crate::files::file::ByteStream;

/// A file of another server.
pub(crate) struct RemoteFile {
    remote: Arc<Remote>,
    url: Url,
    head: Head,
}

impl RemoteFile {
    pub(super) fn new(remote: Arc<Remote>, url: Url, head: Head) -> Self {
        Self { remote, url, head }
    }

    pub(in crate::files) fn read(&self, range: Range<u64>) -> ByteStream {
        let transfer = Transfer {
            remote: Arc::clone(&self.remote),
            url: self.url.clone(),
            head: self.head.clone(),
            left: range,
            running: None,
            retries: 0,
            begin: Instant::now(),
        };
        Box::pin(stream::try_unfold(transfer, |mut transfer| async move {
            Ok(transfer.next().await?.map(|bytes| (bytes, transfer)))
        }))
    }
}

/// A file under way.
struct Transfer {
    remote: Arc<Remote>,
    url: Url,
    head: Head,
    /// What is still to come.
    left: Range<u64>,
    running: Option<Running>,
    retries: u32,
    begin: Instant,
}

/// An answer, and how many of its bytes come before those that are wanted.
struct Running {
    response: Response,
    skip: u64,
}

impl Transfer {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.left.start < self.left.end {
            if self.begin.elapsed() > Duration::from_secs(self.remote.config.duration_s_max) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "a file of another server takes too long"));
            }
            match self.attempt().await {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.left.start += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Err(failure) if failure.is_passing() && self.retries < RETRIES_MAX => {
                    tracing::debug!(?failure, "a file of another server is asked for again");
                    self.running = None;
                    self.remote.pause(self.retries).await;
                    self.retries += 1;
                }
                Err(failure) => {
                    tracing::warn!(?failure, "a file of another server broke off");
                    return Err(io::Error::other("a file of another server broke off"));
                }
            }
        }
        Ok(None)
    }

    /// The next bytes that are wanted; perhaps none.
    async fn attempt(&mut self) -> Result<Bytes, Failure> {
        let running = match &mut self.running {
            Some(running) => running,
            empty => empty.insert(ask(&self.remote, &self.url, &self.head, &self.left).await?),
        };
        let chunk = running.response.chunk().await.map_err(|e| Failure::of(&e))?;
        let mut chunk = chunk.ok_or_else(|| Failure::Unavailable("an answer ended early".into()))?;
        let skipped = running.skip.min(chunk.len() as u64);
        running.skip -= skipped;
        let _ = chunk.split_to(skipped as usize);
        let wanted = self.left.end - self.left.start;
        chunk.truncate(usize::try_from(wanted).unwrap_or(usize::MAX).min(chunk.len()));
        Ok(chunk)
    }
}

/// Asks for bytes of a file, and checks that they are of the file that was looked up.
async fn ask(remote: &Remote, url: &Url, head: &Head, left: &Range<u64>) -> Result<Running, Failure> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Failure::Useless("a tag that is none".into()));
    let whole = *left == (0..head.size);
    if !whole {
        headers.insert(header::RANGE, value(&format!("bytes={}-{}", left.start, left.end - 1))?);
    }
    if let Some(tag) = head.tag.as_deref().filter(|tag| !tag.starts_with("W/")) {
        headers.insert(header::IF_MATCH, value(tag)?);
    }
    let response = remote.send(Method::GET, url, headers).await?;
    let skip = match response.status() {
        StatusCode::OK => {
            if response.content_length().is_some_and(|length| length != head.size) {
                return Err(Failure::Changed);
            }
            left.start
        }
        StatusCode::PARTIAL_CONTENT => match content_range(response.headers()) {
            Some((first, total)) if first == left.start && total == head.size => 0,
            Some((_, total)) if total != head.size => return Err(Failure::Changed),
            _ => return Err(Failure::Useless("other bytes than were asked for".into())),
        },
        StatusCode::RANGE_NOT_SATISFIABLE => return Err(Failure::Changed),
        status => return Err(Failure::of_status(status)),
    };
    let now = Head::of(response.headers(), head.size)?;
    // A server that does not keep to If-Match still tells by its tag or date that the file is another one.
    if now.tag != head.tag || now.modified != head.modified {
        return Err(Failure::Changed);
    }
    Ok(Running { response, skip })
}
