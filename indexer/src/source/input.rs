//! Where bytes come from: a file or memory, plain or compressed, counted as they are read.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::Error;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Where a tar header holds its mark, and the mark.
const TAR_MARK: (usize, &[u8]) = (257, b"ustar");
const BUFFER_BYTES: usize = 128 << 10;

pub(crate) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

enum Place<'a> {
    File(PathBuf),
    Bytes(&'a [u8]),
}

/// A file to read, opened as often as needed.
pub(crate) struct Input<'a> {
    place: Place<'a>,
    name: String,
}

/// Counts what passes through.
struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

impl<'a> Input<'a> {
    pub(crate) fn file(path: &Path) -> Input<'static> {
        Input { place: Place::File(path.to_owned()), name: path.display().to_string() }
    }

    pub(crate) fn bytes(name: &str, bytes: &'a [u8]) -> Self {
        Self { place: Place::Bytes(bytes), name: name.to_owned() }
    }

    /// How the input is called in reports.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The last part of the name.
    pub(crate) fn file_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }

    /// The last part of the name in lower case, without the ending of a compression.
    pub(crate) fn plain_name(&self) -> String {
        let name = self.file_name().to_ascii_lowercase();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        plain.to_owned()
    }

    /// The directory, if this is one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) if path.is_dir() => Some(path),
            _ => None,
        }
    }

    /// Where the content stands on disk as it is, neither compressed nor in memory.
    pub(crate) fn plain_path(&self) -> Option<&Path> {
        let Place::File(path) = &self.place else { return None };
        let mut head = [0; 4];
        let stored = File::open(path).and_then(|mut file| file.read(&mut head));
        (stored.is_ok() && !head.starts_with(&GZIP) && !head.starts_with(&ZSTD)).then_some(path)
    }

    /// The file of another name in the same folder, if there is one.
    pub(crate) fn sibling(&self, name: &str) -> Option<Input<'static>> {
        let Place::File(path) = &self.place else { return None };
        let sibling = path.with_file_name(name);
        sibling.is_file().then(|| Input::file(&sibling))
    }

    /// Stored size in bytes.
    pub(crate) fn size_bytes(&self) -> Result<u64, Error> {
        match &self.place {
            Place::File(path) => Ok(std::fs::metadata(path).map_err(Error::io("read", path))?.len()),
            Place::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// The stored bytes, with random access.
    pub(crate) fn stored(&self) -> Result<Box<dyn ReadSeek + '_>, Error> {
        match &self.place {
            Place::File(path) => Ok(Box::new(BufReader::new(File::open(path).map_err(Error::io("open", path))?))),
            Place::Bytes(bytes) => Ok(Box::new(Cursor::new(*bytes))),
        }
    }

    /// The content, decompressed if it was compressed; `count` follows the stored bytes.
    pub(crate) fn content(&self, count: &Rc<Cell<u64>>) -> Result<Box<dyn BufRead + '_>, Error> {
        let counted = Counted { inner: self.stored()?, count: count.clone() };
        let mut stored = BufReader::with_capacity(BUFFER_BYTES, counted);
        let io = |e| Error::io("read", &self.name)(e);
        let head = stored.fill_buf().map_err(io)?;
        if head.starts_with(&GZIP) {
            let plain = flate2::bufread::MultiGzDecoder::new(stored);
            return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
        }
        if head.starts_with(&ZSTD) {
            let plain = zstd::stream::read::Decoder::with_buffer(stored).map_err(io)?;
            return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
        }
        Ok(Box::new(stored))
    }

    /// The first bytes of the content, at most `limit`.
    pub(crate) fn head(&self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut head = Vec::new();
        let read = self.content(&Rc::default())?.take(limit).read_to_end(&mut head);
        match read {
            // A damaged tail of a compressed file does not hinder recognising its beginning.
            Err(_) if !head.is_empty() => Ok(head),
            Err(e) => Err(Error::io("read", &self.name)(e)),
            Ok(_) => Ok(head),
        }
    }

    /// Whether the content is a tar archive, by its mark.
    pub(crate) fn is_tar(head: &[u8]) -> bool {
        let (at, mark) = TAR_MARK;
        head.get(at..at + mark.len()) == Some(mark)
    }
}
