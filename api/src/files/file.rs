//! A file that was found: what is known of it, and its bytes from any one to any other.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use nilometer_schemas::{Kind, Problem};
use time::OffsetDateTime;

use super::checksum::Multihash;
use super::remote::RemoteFile;
use super::s3::S3File;
use crate::problem::ApiError;
use crate::routes::ask::hex;

/// Bytes that are read of a local file at once.
const READ_BYTES: u64 = 128 << 10;
/// Bytes of a hash in an entity tag.
const TAG_BYTES: usize = 12;

/// Bytes as they come; an error is an end before the end.
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What is known of a file beforehand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    /// Its bytes.
    pub(crate) size: u64,
    /// Its entity tag, quoted; weak where a change might go unnoticed.
    pub(crate) etag: String,
    /// When it was changed last.
    pub(crate) modified: Option<OffsetDateTime>,
    /// Its checksum, where one is known.
    pub(crate) checksum: Option<Multihash>,
}

/// An entity tag from what tells one state of a file from another. The tag itself tells nothing of where the file lies.
pub(super) fn tag_of(parts: &[&[u8]], is_weak: bool) -> String {
    let mut hash = blake3::Hasher::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digits = hex(&hash.finalize().as_bytes()[..TAG_BYTES]);
    if is_weak { format!("W/\"{digits}\"") } else { format!("\"{digits}\"") }
}

/// What can be sent whole and in parts.
pub(crate) trait Readable {
    /// What is known of it.
    fn facts(&self) -> &Facts;
    /// Some bytes: exactly these, or an error.
    fn read(&self, range: Range<u64>) -> ByteStream;
    /// All bytes, with as much verification as there is.
    fn read_whole(&self) -> ByteStream;
}

impl Readable for File {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&self, range: Range<u64>) -> ByteStream {
        Self::read(self, range)
    }

    fn read_whole(&self) -> ByteStream {
        self.read_verified()
    }
}

/// See the module.
pub(crate) struct File {
    /// What is known of it.
    pub(crate) facts: Facts,
    pub(super) place: Place,
}

/// Where the bytes come from.
pub(super) enum Place {
    Local(Arc<fs::File>),
    S3(S3File),
    Remote(RemoteFile),
}

impl File {
    /// The bytes of a range that lies within the file. The stream gives exactly these or ends in an error: never fewer,
    /// and never those of another state of the file.
    pub(crate) fn read(&self, range: Range<u64>) -> ByteStream {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Box::pin(stream::empty());
        }
        let bytes = match &self.place {
            Place::Local(file) => local(Arc::clone(file), range),
            Place::S3(file) => file.read(range),
            Place::Remote(file) => file.read(range),
        };
        exactly(bytes, length)
    }

    /// All bytes; the last of them are held back until the checksum, where one is known, is found to be right.
    pub(crate) fn read_verified(&self) -> ByteStream {
        let bytes = self.read(0..self.facts.size);
        match &self.facts.checksum {
            Some(expected) => verified(bytes, expected.clone()),
            None => bytes,
        }
    }

    /// Refuses a file that is not the one an item describes.
    ///
    /// # Errors
    /// `Unavailable` if the sizes differ.
    pub(super) fn described(mut self, size: Option<u64>, checksum: Option<Multihash>) -> Result<Self, ApiError> {
        if size.is_some_and(|size| size != self.facts.size) {
            let detail = "the stored file has another size than its item says";
            return Err(Problem::new(Kind::Unavailable, "file-differs", detail).into());
        }
        self.facts.checksum = checksum.or(self.facts.checksum);
        Ok(self)
    }
}

/// A file of this machine. It is read at places, so that many may read one handle.
pub(crate) fn local(file: Arc<fs::File>, range: Range<u64>) -> ByteStream {
    Box::pin(stream::try_unfold((file, range), |(file, range)| async move {
        let length = READ_BYTES.min(range.end.saturating_sub(range.start));
        if length == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, range.start).map(|()| (bytes, file))
        });
        let (bytes, file) = read.await.map_err(io::Error::other)??;
        Ok(Some((Bytes::from(bytes), (file, range.start + length..range.end))))
    }))
}

/// Passes on so many bytes, and an error if fewer or more come.
fn exactly(bytes: ByteStream, length: u64) -> ByteStream {
    let wrong = || io::Error::other("a file gave another number of bytes than it has");
    Box::pin(stream::try_unfold((bytes, length), move |(mut bytes, left)| async move {
        match bytes.next().await.transpose()? {
            None if left == 0 => Ok(None),
            None => Err(wrong()),
            Some(piece) => match left.checked_sub(piece.len() as u64) {
                Some(left) => Ok(Some((piece, (bytes, left)))),
                None => Err(wrong()),
            },
        }
    }))
}

/// Passes on all bytes with the last piece held back until the checksum of all is known.
fn verified(bytes: ByteStream, expected: Multihash) -> ByteStream {
    let state = (bytes, Some(expected.algorithm.hasher()), None::<Bytes>);
    Box::pin(stream::try_unfold((state, expected), |((mut bytes, mut hasher, mut held), expected)| async move {
        while let Some(hash) = &mut hasher {
            match bytes.next().await.transpose()? {
                Some(piece) => {
                    hash.update(&piece);
                    if let Some(ready) = held.replace(piece) {
                        return Ok(Some((ready, ((bytes, hasher, held), expected))));
                    }
                }
                None if hasher.take().map(|hash| hash.finish()).as_ref() == Some(&expected) => {}
                None => {
                    tracing::error!(
                        "a stored file has another checksum than its item says; its download was broken off"
                    );
                    return Err(io::Error::other("a file has another checksum than its item says"));
                }
            }
        }
        Ok(held.take().map(|last| (last, ((bytes, hasher, None), expected))))
    }))
}

#[cfg(test)]
mod tests {
    use super::super::checksum::Algorithm;
    use super::*;

    fn pieces(list: &[&'static str]) -> ByteStream {
        let list: Vec<io::Result<Bytes>> = list.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect();
        Box::pin(stream::iter(list))
    }

    async fn gathered(mut bytes: ByteStream) -> (String, bool) {
        let mut all = Vec::new();
        while let Some(piece) = bytes.next().await {
            match piece {
                Ok(piece) => all.extend_from_slice(&piece),
                Err(_) => return (String::from_utf8(all).expect("text"), false),
            }
        }
        (String::from_utf8(all).expect("text"), true)
    }

    #[tokio::test]
    async fn a_stream_of_another_length_ends_in_an_error() {
        assert_eq!(gathered(exactly(pieces(&["ab", "c"]), 3)).await, ("abc".into(), true));
        assert!(!gathered(exactly(pieces(&["ab"]), 3)).await.1);
        assert!(!gathered(exactly(pieces(&["ab", "cd"]), 3)).await.1);
    }

    #[tokio::test]
    async fn the_last_piece_comes_only_with_the_right_checksum() {
        let hash = |text: &str| {
            let mut hasher = Algorithm::Sha256.hasher();
            hasher.update(text.as_bytes());
            hasher.finish()
        };
        assert_eq!(gathered(verified(pieces(&["ab", "c"]), hash("abc"))).await, ("abc".into(), true));
        assert_eq!(gathered(verified(pieces(&["ab", "c"]), hash("abd"))).await, ("ab".into(), false));
        assert_eq!(gathered(verified(pieces(&[]), hash(""))).await, (String::new(), true));
        assert_eq!(gathered(verified(pieces(&[]), hash("x"))).await, (String::new(), false));
    }

    #[tokio::test]
    async fn a_local_file_is_read_from_any_byte_to_any_other() {
        use std::io::Write;
        let mut file = tempfile::tempfile().expect("a file");
        let content: Vec<u8> = (0..400_000_u32).map(|i| (i / 7) as u8).collect();
        file.write_all(&content).expect("written");
        let file = Arc::new(file);
        for range in [0..400_000, 1..2, 131_071..300_001, 399_999..400_000] {
            let mut all = Vec::new();
            let mut bytes = local(Arc::clone(&file), range.clone());
            while let Some(piece) = bytes.next().await {
                all.extend_from_slice(&piece.expect("a piece"));
            }
            assert!(all == content[range.start as usize..range.end as usize]);
        }
        assert!(!gathered(local(file, 399_999..400_001)).await.1);
    }
}
