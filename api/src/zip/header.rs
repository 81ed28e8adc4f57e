//! The bytes of a zip's own structures (APPNOTE 6.3.10, 4.3).

use super::layout::Entry;

/// A value that a field of 32 bits does not hold: the real one stands in the ZIP64 extra field.
const IN_EXTRA_32: u32 = u32::MAX;
/// The same of 16 bits.
const IN_EXTRA_16: u16 = u16::MAX;
/// Version needed: 2.0 for folders in names, 4.5 for ZIP64.
const VERSION_PLAIN: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Names are UTF-8 (4.4.4, bit 11).
const FLAG_UTF8: u16 = 1 << 11;
/// Checksum and sizes follow the file (bit 3).
const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Made on Unix, by a program that knows version 4.5.
const MADE_BY: u16 = 3 << 8 | VERSION_ZIP64;
/// A file that everybody may read.
const ATTRIBUTES: u32 = 0o100_644 << 16;
const ZIP64_EXTRA: u16 = 1;

/// Bytes of a local header without name and extra field.
const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: u64 = 46;
const END_BYTES: u64 = 22;
const ZIP64_END_BYTES: u64 = 56;
const ZIP64_LOCATOR_BYTES: u64 = 20;

/// Little-endian fields, one after the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A number in a field of 32 bits.
fn short(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(IN_EXTRA_32)
}

fn is_long(value: u64) -> bool {
    value >= u64::from(IN_EXTRA_32)
}

/// The length of a name is a field of 16 bits; longer ones are never made.
fn name_length(entry: &Entry) -> u16 {
    u16::try_from(entry.name.len()).unwrap_or(u16::MAX)
}

fn flags(entry: &Entry) -> u16 {
    FLAG_UTF8 | if entry.crc.is_none() { FLAG_DESCRIPTOR } else { 0 }
}

/// Date and time as DOS has them, two seconds apart, from 1980 to 2107 (4.4.6).
fn dos_time(entry: &Entry) -> (u16, u16) {
    let moment = entry.modified.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let Some(years) = u16::try_from(moment.year() - 1980).ok().filter(|years| *years < 128) else {
        return (0, 1 << 5 | 1);
    };
    let part = |value: u8, shift: u16| u16::from(value) << shift;
    let clock = part(moment.hour(), 11) | part(moment.minute(), 5) | part(moment.second() / 2, 0);
    (clock, years << 9 | part(u8::from(moment.month()), 5) | part(moment.day(), 0))
}

/// Bytes of the header before a file.
pub(super) fn local_length(entry: &Entry) -> u64 {
    let extra = if is_long(entry.size) { 20 } else { 0 };
    LOCAL_BYTES + u64::from(name_length(entry)) + extra
}

/// The header before a file.
pub(super) fn local(entry: &Entry) -> Vec<u8> {
    let long = is_long(entry.size);
    // With a descriptor the fields are zero here, and the extra field only says that the descriptor has 64 bits (4.5.3).
    let size = if entry.crc.is_some() { entry.size } else { 0 };
    let (clock, date) = dos_time(entry);
    let mut out = Fields::default();
    out.u32(0x0403_4b50).u16(if long { VERSION_ZIP64 } else { VERSION_PLAIN }).u16(flags(entry)).u16(0);
    out.u16(clock).u16(date).u32(entry.crc.unwrap_or(0));
    let shown = if long { IN_EXTRA_32 } else { short(size) };
    out.u32(shown).u32(shown).u16(name_length(entry)).u16(if long { 20 } else { 0 });
    out.bytes(entry.name.as_bytes());
    if long {
        out.u16(ZIP64_EXTRA).u16(16).u64(size).u64(size);
    }
    out.0
}

/// Bytes of what follows a file.
pub(super) fn descriptor_length(entry: &Entry) -> u64 {
    match (entry.crc, is_long(entry.size)) {
        (Some(_), _) => 0,
        (None, true) => 24,
        (None, false) => 16,
    }
}

/// What follows a file whose checksum was not known before it.
pub(super) fn descriptor(entry: &Entry, crc: u32) -> Vec<u8> {
    let mut out = Fields::default();
    out.u32(0x0807_4b50).u32(crc);
    if is_long(entry.size) {
        out.u64(entry.size).u64(entry.size);
    } else {
        out.u32(short(entry.size)).u32(short(entry.size));
    }
    out.0
}

fn central_extra(entry: &Entry, offset: u64) -> u16 {
    let longs = 2 * u16::from(is_long(entry.size)) + u16::from(is_long(offset));
    if longs == 0 { 0 } else { 4 + 8 * longs }
}

/// Bytes of a file's entry in the directory.
pub(super) fn central_length(entry: &Entry, offset: u64) -> u64 {
    CENTRAL_BYTES + u64::from(name_length(entry)) + u64::from(central_extra(entry, offset))
}

/// A file's entry in the directory; its header stands at `offset`.
pub(super) fn central(entry: &Entry, offset: u64, crc: u32) -> Vec<u8> {
    let extra = central_extra(entry, offset);
    let (clock, date) = dos_time(entry);
    let mut out = Fields::default();
    out.u32(0x0201_4b50).u16(MADE_BY).u16(if extra > 0 { VERSION_ZIP64 } else { VERSION_PLAIN });
    out.u16(flags(entry)).u16(0).u16(clock).u16(date).u32(crc);
    out.u32(short(entry.size)).u32(short(entry.size)).u16(name_length(entry)).u16(extra);
    out.u16(0).u16(0).u16(0).u32(ATTRIBUTES).u32(short(offset));
    out.bytes(entry.name.as_bytes());
    if extra > 0 {
        out.u16(ZIP64_EXTRA).u16(extra - 4);
        if is_long(entry.size) {
            out.u64(entry.size).u64(entry.size);
        }
        if is_long(offset) {
            out.u64(offset);
        }
    }
    out.0
}

/// Where the directory lies, and how much is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directory {
    pub(super) count: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Directory {
    fn is_long(&self) -> bool {
        self.count >= u64::from(IN_EXTRA_16) || is_long(self.offset) || is_long(self.length)
    }

    /// Bytes of the archive's end.
    pub(super) fn end_length(&self) -> u64 {
        END_BYTES + if self.is_long() { ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES } else { 0 }
    }

    /// The archive's end.
    pub(super) fn end(&self) -> Vec<u8> {
        let mut out = Fields::default();
        if self.is_long() {
            out.u32(0x0606_4b50).u64(ZIP64_END_BYTES - 12).u16(MADE_BY).u16(VERSION_ZIP64).u32(0).u32(0);
            out.u64(self.count).u64(self.count).u64(self.length).u64(self.offset);
            out.u32(0x0706_4b50).u32(0).u64(self.offset + self.length).u32(1);
        }
        let count = u16::try_from(self.count).unwrap_or(IN_EXTRA_16);
        out.u32(0x0605_4b50).u16(0).u16(0).u16(count).u16(count);
        out.u32(short(self.length)).u32(short(self.offset)).u16(0);
        out.0
    }
}
