//! Where every byte of an archive lies.

use std::ops::Range;

use time::OffsetDateTime;

use super::header::{self, Directory};

/// A file to be archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the archive, made by [`super::Names`].
    pub name: String,
    /// Its bytes, to the byte.
    pub size: u64,
    /// Its CRC-32, where it is known when the archive is laid out. Every layout of one archive must say the same here.
    pub crc: Option<u32>,
    /// When it was changed last, in UTC.
    pub modified: Option<OffsetDateTime>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Layout {
    entries: Vec<Entry>,
    /// Where the header of each file stands; one more for the end of the last.
    offsets: Vec<u64>,
    directory: Directory,
}

/// A part of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The header before a file.
    Local(usize),
    /// The file.
    Data(usize),
    /// What follows it.
    Descriptor(usize),
    /// Its entry in the directory, and where its header stands.
    Central(usize),
    /// The end.
    End,
}

impl Layout {
    /// An archive of these files, in this order.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut offsets = Vec::with_capacity(entries.len() + 1);
        let mut at: u64 = 0;
        offsets.push(0);
        for entry in &entries {
            at += header::local_length(entry) + entry.size + header::descriptor_length(entry);
            offsets.push(at);
        }
        let length = entries.iter().zip(&offsets).map(|(entry, offset)| header::central_length(entry, *offset)).sum();
        let directory = Directory { count: entries.len() as u64, offset: at, length };
        Self { entries, offsets, directory }
    }

    /// Bytes of the whole archive.
    pub fn length(&self) -> u64 {
        self.directory.offset + self.directory.length + self.directory.end_length()
    }

    /// The files.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The parts that some bytes of a range belong to, in order, each with the bytes of it that do.
    pub(super) fn parts(&self, range: Range<u64>) -> impl Iterator<Item = (Part, Range<u64>)> + use<'_> {
        let files = 0..self.entries.len();
        // Files before the range are passed over at once: there may be ten thousands of them, and terabytes.
        let first = self.offsets.partition_point(|offset| *offset <= range.start).saturating_sub(1).min(files.end);
        let of_file = move |i: usize| {
            let entry = &self.entries[i];
            [
                (Part::Local(i), header::local_length(entry)),
                (Part::Data(i), entry.size),
                (Part::Descriptor(i), header::descriptor_length(entry)),
            ]
        };
        let central = move |i: usize| (Part::Central(i), header::central_length(&self.entries[i], self.offsets[i]));
        let end = std::iter::once((Part::End, self.directory.end_length()));
        let all = (first..files.end).flat_map(of_file).chain(files.map(central)).chain(end);
        let mut at = self.offsets[first];
        all.filter_map(move |(part, length)| {
            let begin = at;
            at += length;
            let within = range.start.max(begin)..range.end.min(at);
            (within.start < within.end).then(|| (part, within.start - begin..within.end - begin))
        })
    }

    /// The first file of which a range holds bytes.
    pub fn first_data(&self, range: Range<u64>) -> Option<usize> {
        // A range within the directory at the end holds none, and is not looked through.
        let range = range.start..range.end.min(self.directory.offset);
        self.parts(range).find_map(|(part, _)| match part {
            Part::Data(i) => Some(i),
            _ => None,
        })
    }

    /// The file whose checksum a part holds beyond what was known when the archive was laid out.
    pub(super) fn needs_crc(&self, part: Part) -> Option<usize> {
        match part {
            Part::Descriptor(i) | Part::Central(i) => self.entries[i].crc.is_none().then_some(i),
            Part::Local(_) | Part::Data(_) | Part::End => None,
        }
    }

    /// The bytes of a part that is no file. `crc` is that of its file, if [`Layout::needs_crc`] asks for one.
    pub(super) fn bytes(&self, part: Part, crc: u32) -> Vec<u8> {
        let crc = |i: usize| self.entries[i].crc.unwrap_or(crc);
        match part {
            Part::Local(i) => header::local(&self.entries[i]),
            Part::Data(_) => Vec::new(),
            Part::Descriptor(i) => header::descriptor(&self.entries[i], crc(i)),
            Part::Central(i) => header::central(&self.entries[i], self.offsets[i], crc(i)),
            Part::End => self.directory.end(),
        }
    }
}
