//! What is written for an order, one piece after the other in one file, of bounded size.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use nilometer_schemas::{Kind, Problem};

use super::room::Share;
use crate::files::write_failure;
use crate::problem::ApiError;

/// Name of the file in an order's folder.
pub(super) const FILE: &str = "spool";

/// A spool that is being written.
pub(super) struct Spool {
    file: BufWriter<File>,
    offset: u64,
    bytes_max: u64,
    begun: Option<Piece>,
    share: Option<Share>,
    refused: Option<Problem>,
}

/// A piece that is being written.
struct Piece {
    offset: u64,
    crc: crc32fast::Hasher,
}

/// A piece that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) crc: u32,
}

/// The failure for more bytes than a spool may have.
pub(super) fn full(bytes_max: u64) -> Problem {
    let detail = format!("series, conversions and documents of one order have at most {bytes_max} bytes");
    Problem::new(Kind::TooLarge, "order-size", detail)
}

impl Spool {
    /// A spool in an order's folder, which is made. It takes its bytes out of a share.
    pub(super) fn create(folder: &Path, bytes_max: u64, share: Share) -> Result<Self, ApiError> {
        std::fs::create_dir_all(folder).map_err(|error| write_failure(&error))?;
        let file = File::options().read(true).write(true).create(true).truncate(true).open(folder.join(FILE));
        let spool = Self::of(file.map_err(|error| write_failure(&error))?, bytes_max);
        Ok(Self { share: Some(share), ..spool })
    }

    /// A spool in a file that is open for reading too.
    pub(super) fn of(file: File, bytes_max: u64) -> Self {
        Self { file: BufWriter::new(file), offset: 0, bytes_max, begun: None, share: None, refused: None }
    }

    /// Why something was too much for it, if it was.
    pub(super) fn refused(&self) -> Option<&Problem> {
        self.refused.as_ref()
    }

    /// Makes room for bytes.
    fn claim(&mut self, bytes: u64) -> Result<(), Problem> {
        let claimed = match &self.share {
            _ if self.offset + bytes > self.bytes_max => Err(full(self.bytes_max)),
            Some(share) => share.take(bytes),
            None => Ok(()),
        };
        claimed.inspect_err(|problem| self.refused = Some(problem.clone()))
    }

    /// Begins a piece.
    pub(super) fn begin(&mut self) {
        self.begun = Some(Piece { offset: self.offset, crc: crc32fast::Hasher::new() });
    }

    /// Ends the piece.
    pub(super) fn end(&mut self) -> Written {
        match self.begun.take() {
            Some(piece) => {
                Written { offset: piece.offset, size: self.offset - piece.offset, crc: piece.crc.finalize() }
            }
            None => Written { offset: self.offset, size: 0, crc: 0 },
        }
    }

    /// Writes bytes to the piece that was begun.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let written = self.write_all(bytes);
        match self.refused.clone() {
            Some(problem) => Err(problem.into()),
            None => written.map_err(|error| write_failure(&error)),
        }
    }

    /// Writes a whole piece.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> Result<Written, ApiError> {
        self.begin();
        self.add(bytes)?;
        Ok(self.end())
    }

    /// Makes all pieces durable; the file, to read them, and the share, of which more may be taken.
    pub(super) fn finish(self) -> Result<(File, Option<Share>), ApiError> {
        let share = self.share;
        let file = self.file.into_inner().map_err(|error| write_failure(error.error()))?;
        file.sync_all().map_err(|error| write_failure(&error))?;
        Ok((file, share))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.claim(bytes.len() as u64).map_err(|problem| io::Error::new(io::ErrorKind::FileTooLarge, problem))?;
        // All of them: what was claimed is written.
        self.file.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        if let Some(piece) = &mut self.begun {
            piece.crc.update(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

    use super::super::room::Room;
    use super::*;
    use crate::config::OrderSettings;

    #[test]
    fn pieces_lie_one_after_the_other_with_their_checksums_and_within_the_limit() {
        let dir = tempfile::tempdir().expect("a folder");
        let bounds = OrderSettings { spool_bytes_per_user: 100, spool_bytes_in_all: 100, ..Default::default() };
        let share = Arc::new(Room::new(&bounds)).share("a", 1, 1);
        let mut spool = Spool::create(&dir.path().join("a/1"), 10, share).expect("a spool");
        let first = spool.piece(b"abc").expect("written");
        spool.begin();
        spool.add(b"de").expect("written");
        spool.write_all(b"f").expect("written");
        let second = spool.end();
        assert_eq!((first.offset, first.size, second.offset, second.size), (0, 3, 3, 3));
        assert_eq!(second.crc, crc32fast::hash(b"def"));
        assert_eq!(spool.piece(b"ghijk").map_err(|e| e.problem().kind), Err(Kind::TooLarge));
        let (file, share) = spool.finish().expect("durable");
        let share = share.expect("a share");
        assert!(share.take(94).is_ok() && share.take(1).is_err(), "6 of 100 bytes were taken");
        let mut bytes = [0; 6];
        file.read_exact_at(&mut bytes, 0).expect("read");
        assert_eq!(&bytes, b"abcdef");
    }
}
