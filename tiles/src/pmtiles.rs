//! Archives of tiles in one file: PMTiles, version 3 of the specification, with gzipped vector tiles.
//!
//! What is written here, any reader of PMTiles reads; what is read here is an archive that lies in memory whole, such as one
//! that was built into the program.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::address::TileAddress;

const MAGIC: &[u8; 8] = b"PMTiles\x03";
const HEADER_BYTES: usize = 127;
const GZIP: u8 = 2;
const MVT: u8 = 1;
/// Most entries of the root directory, which must lie in the first 16 KiB; with more the root leads to leaves.
const ROOT_ENTRIES_MAX: usize = 1_500;
/// Entries of a leaf directory.
const LEAF_ENTRIES: usize = 2_048;

/// Number of a tile along the Hilbert curve of its zoom, after all tiles of coarser zooms.
fn tile_id(address: TileAddress) -> u64 {
    let size = 1u64 << address.zoom();
    let before = (size * size - 1) / 3;
    let (mut x, mut y) = (u64::from(address.col()), u64::from(address.row()));
    let (mut id, mut half) = (0, size / 2);
    while half > 0 {
        let (right, low) = (u64::from(x & half > 0), u64::from(y & half > 0));
        id += half * half * ((3 * right) ^ low);
        if low == 0 {
            if right == 1 {
                (x, y) = (size - 1 - x, size - 1 - y);
            }
            (x, y) = (y, x);
        }
        half /= 2;
    }
    before + id
}

/// A run of tiles with the same bytes, or (with no run) a leaf directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: u64,
    run: u64,
    offset: u64,
    length: u64,
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn directory(entries: &[Entry]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    varint(entries.len() as u64, &mut out);
    let mut last = 0;
    for entry in entries {
        varint(entry.id - last, &mut out);
        last = entry.id;
    }
    entries.iter().for_each(|entry| varint(entry.run, &mut out));
    entries.iter().for_each(|entry| varint(entry.length, &mut out));
    let mut end = None;
    for entry in entries {
        // 0 says: where the one before ends.
        varint(if end == Some(entry.offset) { 0 } else { entry.offset + 1 }, &mut out);
        end = Some(entry.offset + entry.length);
    }
    gzip(&out)
}

fn read_directory(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut inflated = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut inflated).ok()?;
    let mut bytes = &inflated[..];
    let count = usize::try_from(read_varint(&mut bytes)?).ok().filter(|count| *count <= inflated.len())?;
    let mut entries = vec![Entry { id: 0, run: 0, offset: 0, length: 0 }; count];
    let mut last = 0u64;
    for entry in &mut entries {
        last = last.checked_add(read_varint(&mut bytes)?)?;
        entry.id = last;
    }
    for entry in &mut entries {
        entry.run = read_varint(&mut bytes)?;
    }
    for entry in &mut entries {
        entry.length = read_varint(&mut bytes)?;
    }
    let mut end = 0u64;
    for entry in &mut entries {
        entry.offset = match read_varint(&mut bytes)? {
            0 => end,
            offset => offset - 1,
        };
        end = entry.offset.checked_add(entry.length)?;
    }
    Some(entries)
}

/// The bytes of an archive of vector tiles (uncompressed here, gzipped there; empty ones are left out). `metadata` is a JSON
/// object. The archive says that it covers the whole map.
///
/// # Errors
/// None in practice: compressing into memory does not fail.
pub fn write_archive(tiles: &BTreeMap<(u8, u32, u32), Vec<u8>>, metadata: &str) -> std::io::Result<Vec<u8>> {
    let mut by_id = BTreeMap::new();
    for ((zoom, row, col), bytes) in tiles.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        if let Ok(address) = TileAddress::new(*zoom, *row, *col) {
            by_id.insert(tile_id(address), bytes);
        }
    }
    let (mut data, mut places, mut entries) = (Vec::new(), HashMap::new(), Vec::<Entry>::new());
    for (id, bytes) in &by_id {
        let (offset, length) = match places.get(bytes) {
            Some(place) => *place,
            None => {
                let packed = gzip(bytes)?;
                let place = (data.len() as u64, packed.len() as u64);
                data.extend_from_slice(&packed);
                places.insert(*bytes, place);
                place
            }
        };
        match entries.last_mut().filter(|last| last.offset == offset && last.id + last.run == *id) {
            Some(last) => last.run += 1,
            None => entries.push(Entry { id: *id, run: 1, offset, length }),
        }
    }
    let (mut root, mut leaves) = (entries.clone(), Vec::new());
    if entries.len() > ROOT_ENTRIES_MAX {
        root.clear();
        for chunk in entries.chunks(LEAF_ENTRIES) {
            let leaf = directory(chunk)?;
            root.push(Entry { id: chunk[0].id, run: 0, offset: leaves.len() as u64, length: leaf.len() as u64 });
            leaves.extend_from_slice(&leaf);
        }
    }
    let (root, metadata) = (directory(&root)?, gzip(metadata.as_bytes())?);
    let mut out = MAGIC.to_vec();
    let mut offset = HEADER_BYTES as u64;
    for length in [root.len(), metadata.len(), leaves.len(), data.len()] {
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&(length as u64).to_le_bytes());
        offset += length as u64;
    }
    for count in [by_id.len(), entries.len(), places.len()] {
        out.extend_from_slice(&(count as u64).to_le_bytes());
    }
    let zooms = tiles.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|((zoom, ..), _)| *zoom);
    let (first, last) = (zooms.clone().min().unwrap_or(0), zooms.max().unwrap_or(0));
    // Clustered means tiles in the order of their numbers, which they are.
    out.extend_from_slice(&[1, GZIP, GZIP, MVT, first, last]);
    for degrees in [-180.0, -85.051_129, 180.0, 85.051_129] {
        out.extend_from_slice(&((degrees * 1e7) as i32).to_le_bytes());
    }
    out.push(first);
    out.extend_from_slice(&[0; 8]);
    debug_assert_eq!(out.len(), HEADER_BYTES);
    for part in [&root, &metadata, &leaves, &data] {
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// An opened archive.
pub struct Archive {
    bytes: &'static [u8],
    data_offset: usize,
    /// All runs of tiles, by number.
    entries: Vec<Entry>,
    metadata: String,
    zooms: (u8, u8),
}

impl Archive {
    /// Opens an archive of gzipped vector tiles; `None` for anything else.
    pub fn open(bytes: &'static [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER_BYTES).filter(|header| header.starts_with(MAGIC))?;
        let number = |at: usize| {
            let number = u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?);
            usize::try_from(number).ok()
        };
        let part = |at: usize| {
            let begin = number(at)?;
            bytes.get(begin..begin.checked_add(number(at + 8)?)?)
        };
        if header[97..100] != [GZIP, GZIP, MVT] {
            return None;
        }
        let leaves = part(24 + 16)?;
        let mut entries = Vec::new();
        for entry in read_directory(part(8)?)? {
            if entry.run > 0 {
                entries.push(entry);
                continue;
            }
            let begin = usize::try_from(entry.offset).ok()?;
            entries
                .extend(read_directory(leaves.get(begin..begin.checked_add(usize::try_from(entry.length).ok()?)?)?)?);
        }
        let mut metadata = String::new();
        GzDecoder::new(part(24)?).read_to_string(&mut metadata).ok()?;
        part(56)?;
        Some(Self { bytes, data_offset: number(56)?, entries, metadata, zooms: (header[100], header[101]) })
    }

    /// First and last zoom.
    pub fn zooms(&self) -> (u8, u8) {
        self.zooms
    }

    /// The JSON object that describes the archive.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The gzipped bytes of a tile; `None` where there is nothing.
    pub fn tile(&self, address: TileAddress) -> Option<&'static [u8]> {
        let id = tile_id(address);
        let at = self.entries.partition_point(|entry| entry.id <= id).checked_sub(1)?;
        let entry = self.entries.get(at).filter(|entry| id - entry.id < entry.run)?;
        let begin = self.data_offset.checked_add(usize::try_from(entry.offset).ok()?)?;
        self.bytes.get(begin..begin.checked_add(usize::try_from(entry.length).ok()?)?)
    }
}

/// The bytes that were gzipped; `None` for anything else.
pub fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tiles_are_numbered_as_in_the_specification() {
        for ((zoom, col, row), id) in [
            ((0, 0, 0), 0),
            ((1, 0, 0), 1),
            ((1, 0, 1), 2),
            ((1, 1, 1), 3),
            ((1, 1, 0), 4),
            ((2, 0, 0), 5),
            ((12, 3423, 1763), 19_078_479),
        ] {
            assert_eq!(tile_id(TileAddress::new(zoom, row, col).unwrap()), id, "{zoom}/{col}/{row}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_through_leaves_too() {
        for zoom in [2u8, 7] {
            let size = 1u32 << zoom;
            let mut tiles = BTreeMap::new();
            for (row, col) in (0..size).flat_map(|row| (0..size).map(move |col| (row, col))) {
                // Some are empty, some are equal, and so many differ that there are leaves.
                let text = if col % 5 == 0 {
                    String::new()
                } else if row % 7 == 0 {
                    "sea".into()
                } else {
                    format!("{row}/{col}")
                };
                tiles.insert((zoom, row, col), text.into_bytes());
            }
            let bytes: &'static [u8] = write_archive(&tiles, r#"{"name":"test"}"#).unwrap().leak();
            let archive = Archive::open(bytes).unwrap();
            assert_eq!((archive.zooms(), archive.metadata()), ((zoom, zoom), r#"{"name":"test"}"#));
            for ((zoom, row, col), expected) in &tiles {
                let found = archive.tile(TileAddress::new(*zoom, *row, *col).unwrap());
                assert_eq!(found.map(|tile| gunzip(tile).unwrap()).unwrap_or_default(), *expected);
            }
            assert_eq!(archive.tile(TileAddress::new(zoom + 1, 0, 1).unwrap()), None);
        }
        assert!(Archive::open(b"PMTiles\x03").is_none() && Archive::open(&[0; 200]).is_none());
    }
}
