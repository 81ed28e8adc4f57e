//! Zip archives that are never whole anywhere: their bytes are made while they are sent, from any byte to any other.
//!
//! [`Layout`] knows from names and sizes alone where every byte of the archive lies, so its length is known before the
//! first byte is; [`stream`] gives the bytes of a range, with a few buffers' memory. Files are stored, not compressed:
//! what is delivered here is compressed within, and only so its length is known. An archive of more than 4 GiB or 65 534
//! files is ZIP64 (APPNOTE 6.3.10, 4.3.14, 4.5.3), a smaller one is plain, so that old readers read it.
//!
//! **Checksums.** A zip holds the CRC-32 of each file. One that is known when the archive is laid out stands before the
//! file; one that is not follows it (a data descriptor, 4.3.9), and all stand again in the directory at the end. Whether
//! a descriptor is there belongs to the layout and must stay so for every range of one archive, also after the checksum
//! became known. A range that needs the checksum of a file whose bytes it does not send asks [`Contents::crc`] first and
//! reads that file once if nobody knows it; [`Contents::learned`] is told each checksum, so that it is read once only.

mod header;
mod layout;
mod name;
mod stream;

pub use layout::{Entry, Layout};
pub use name::{Names, harmless};
pub use stream::{Contents, ReadBytes, stream};
