//! The bytes of a range of an archive, made while they are taken.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt, stream};

use super::layout::{Layout, Part};

/// Bytes that are handed on at once; longer pieces of files are cut.
const PIECE_BYTES: usize = 256 << 10;
/// Headers and entries of the directory that are made at once; each has at most some 1 100 bytes.
const STRUCTURES_AT_ONCE: usize = 128;

/// Bytes of a file, as they come.
pub type ReadBytes = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Where the bytes of the files come from, by their place in the layout.
pub trait Contents: Send + Sync {
    /// Some bytes of a file, exactly those, or an error: the archive breaks off where a file has fewer or more.
    fn read(&self, index: usize, range: Range<u64>) -> BoxFuture<'_, io::Result<ReadBytes>>;

    /// The CRC-32 of a file whose checksum the layout does not hold, if somebody learned it meanwhile.
    fn crc(&self, index: usize) -> Option<u32>;

    /// Takes down the CRC-32 of a file that was read from its first byte to its last.
    fn learned(&self, index: usize, crc: u32);
}

/// The bytes of a range of an archive. It ends in an error where a file cannot be read or has another size than the
/// layout says: what was sent until then is a part and must not look whole.
pub fn stream(layout: Arc<Layout>, contents: Arc<dyn Contents>, range: Range<u64>) -> ReadBytes {
    let state = State { layout, contents, range, running: None };
    Box::pin(stream::try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|bytes| (bytes, state))) }))
}

/// A file under way.
struct Running {
    index: usize,
    bytes: ReadBytes,
    /// What came and was not handed on yet.
    waiting: Bytes,
    /// Bytes still to come.
    left: u64,
    /// The checksum so far, of a file that is read from its beginning to its end.
    crc: Option<crc32fast::Hasher>,
}

struct State {
    layout: Arc<Layout>,
    contents: Arc<dyn Contents>,
    /// What is still to be handed on.
    range: Range<u64>,
    running: Option<Running>,
}

fn differs(index: usize) -> io::Error {
    io::Error::other(format!("file {index} of an archive has another size than it was laid out with"))
}

impl State {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(mut running) = self.running.take() {
                let piece = running.next().await?;
                if running.left > 0 {
                    self.running = Some(running);
                } else if let Some(crc) = running.crc.take() {
                    self.contents.learned(running.index, crc.finalize());
                }
                self.range.start += piece.len() as u64;
                return Ok(Some(piece));
            }
            let Some((part, within)) = self.layout.parts(self.range.clone()).next() else { return Ok(None) };
            match part {
                Part::Data(index) => {
                    self.running = Some(Running::open(&self.layout, &*self.contents, index, within).await?);
                }
                _ => return self.structures().await.map(Some),
            }
        }
    }

    /// Headers and entries of the directory from here to the next file, as many as go into one piece.
    async fn structures(&mut self) -> io::Result<Bytes> {
        let is_structure = |(part, _): &(Part, Range<u64>)| !matches!(part, Part::Data(_));
        let parts = self.layout.parts(self.range.clone()).take_while(is_structure).take(STRUCTURES_AT_ONCE);
        let parts: Vec<(Part, Range<u64>)> = parts.collect();
        let mut out = Vec::new();
        for (part, within) in parts {
            let crc = match self.layout.needs_crc(part) {
                Some(index) => self.crc(index).await?,
                None => 0,
            };
            let bytes = self.layout.bytes(part, crc);
            let (begin, end) = (within.start as usize, within.end as usize);
            out.extend_from_slice(
                bytes.get(begin..end).ok_or_else(|| io::Error::other("a layout contradicts itself"))?,
            );
            self.range.start += within.end - within.start;
        }
        Ok(out.into())
    }

    /// The checksum of a file: remembered, or read from all of it.
    async fn crc(&mut self, index: usize) -> io::Result<u32> {
        if let Some(crc) = self.contents.crc(index) {
            return Ok(crc);
        }
        let size = self.layout.entries()[index].size;
        let mut running = Running::open(&self.layout, &*self.contents, index, 0..size).await?;
        while running.left > 0 {
            running.next().await?;
        }
        let crc = running.crc.take().map(crc32fast::Hasher::finalize).unwrap_or_default();
        self.contents.learned(index, crc);
        Ok(crc)
    }
}

impl Running {
    async fn open(layout: &Layout, contents: &dyn Contents, index: usize, within: Range<u64>) -> io::Result<Self> {
        let whole = within == (0..layout.entries()[index].size);
        let left = within.end - within.start;
        let bytes: ReadBytes = if left == 0 { Box::pin(stream::empty()) } else { contents.read(index, within).await? };
        let crc = whole.then(crc32fast::Hasher::new);
        Ok(Self { index, bytes, waiting: Bytes::new(), left, crc })
    }

    async fn next(&mut self) -> io::Result<Bytes> {
        while self.waiting.is_empty() {
            self.waiting = self.bytes.next().await.transpose()?.ok_or_else(|| differs(self.index))?;
        }
        let piece = self.waiting.split_to(self.waiting.len().min(PIECE_BYTES));
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| differs(self.index))?;
        if let Some(crc) = &mut self.crc {
            crc.update(&piece);
        }
        if self.left == 0 && (!self.waiting.is_empty() || self.bytes.next().await.is_some_and(|more| more.is_ok())) {
            return Err(differs(self.index));
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests;
