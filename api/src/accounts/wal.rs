//! Verifies SQLite's write-ahead log, which holds committed rows between two checkpoints. SQLite itself passes over
//! what it cannot read there, so a flipped bit would silently lose the newest rows.
//! Source: the SQLite file format, "The Write-Ahead Log".

use std::path::Path;
use std::time::Duration;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The magic number; its lowest bit tells the byte order of the checksummed words.
const MAGIC: u32 = 0x377f_0682;
/// A server may be in the middle of a frame while we read: a finding counts when it is still there later.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// What is wrong with a write-ahead log, if anything is; one that is absent or empty is right.
pub(super) async fn check(path: &Path) -> Option<String> {
    let mut finding = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        finding = match std::fs::read(path) {
            Ok(bytes) => verify(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(error.to_string()),
        };
        finding.as_ref()?;
    }
    finding
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes[at..at + 4].try_into().expect("a slice of four bytes");
    u32::from_be_bytes(four)
}

/// The running checksum of the log.
#[derive(Clone, Copy)]
struct Checksum {
    big_endian: bool,
    sums: [u32; 2],
}

impl Checksum {
    /// Adds bytes, a multiple of eight.
    fn add(&mut self, bytes: &[u8]) {
        let read = |four: &[u8]| {
            let four = four.try_into().expect("half of a chunk of eight");
            if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        let [mut a, mut b] = self.sums;
        for pair in bytes.chunks_exact(8) {
            a = a.wrapping_add(read(&pair[..4])).wrapping_add(b);
            b = b.wrapping_add(read(&pair[4..])).wrapping_add(a);
        }
        self.sums = [a, b];
    }

    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        self.sums == [word(bytes, at), word(bytes, at + 4)]
    }
}

/// A log begins anew with other salts once all of it is in the database; what follows the last frame with the
/// header's salts is an older generation and holds nothing that is missed.
fn verify(bytes: &[u8]) -> Option<String> {
    // SQLite begins with a whole header; a shorter file holds nothing yet.
    if bytes.len() < HEADER_BYTES {
        return None;
    }
    let magic = word(bytes, 0);
    let mut sum = Checksum { big_endian: magic & 1 == 1, sums: [0, 0] };
    sum.add(&bytes[..24]);
    if magic & !1 != MAGIC || !sum.is_at(bytes, 24) {
        return Some("the header's checksum is wrong".into());
    }
    let (page_bytes, salts) = (word(bytes, 8) as usize, [word(bytes, 16), word(bytes, 20)]);
    // An unfinished frame at the end was never committed: it is left out.
    let mut frames = bytes[HEADER_BYTES..].chunks_exact(FRAME_HEADER_BYTES + page_bytes).enumerate();
    for (_, frame) in frames.by_ref() {
        let mut next = sum;
        next.add(&frame[..8]);
        next.add(&frame[FRAME_HEADER_BYTES..]);
        if salts_of(frame) != salts || !next.is_at(frame, 16) {
            // Both salts change between generations: a frame that shares one with the header belongs to this one.
            let ours = |frame: &[u8]| salts_of(frame).iter().zip(&salts).any(|(a, b)| a == b);
            let bad = ours(frame) || frames.any(|(_, later)| ours(later));
            return bad.then(|| {
                "a frame's checksum is wrong; after a power cut it may be a write that was never confirmed".into()
            });
        }
        sum = next;
    }
    None
}

fn salts_of(frame: &[u8]) -> [u32; 2] {
    [word(frame, 8), word(frame, 12)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;

    /// A log as the file format describes it, frame by frame.
    fn log(salts: [u32; 2], pages: &[u8], big_endian: bool) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
        let mut bytes = words(&[
            MAGIC | u32::from(big_endian),
            3_007_000,
            u32::try_from(PAGE).expect("small"),
            0,
            salts[0],
            salts[1],
        ]);
        let mut sum = Checksum { big_endian, sums: [0, 0] };
        sum.add(&bytes);
        bytes.extend(words(&sum.sums));
        for (number, fill) in (1..).zip(pages) {
            let (head, page) = (words(&[number, number]), [*fill; PAGE]);
            sum.add(&head);
            sum.add(&page);
            bytes.extend(head);
            bytes.extend(words(&[salts[0], salts[1], sum.sums[0], sum.sums[1]]));
            bytes.extend(page);
        }
        bytes
    }

    #[test]
    fn every_flipped_bit_of_a_log_is_found() {
        for big_endian in [false, true] {
            let good = log([7, 0x5eed], &[1, 2], big_endian);
            assert_eq!(verify(&good), None);
            for bit in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(verify(&bad).is_some(), "bit {bit}");
            }
        }
    }

    #[test]
    fn an_older_generation_and_an_unfinished_end_are_no_damage() {
        let (older, newer) = (log([7, 0x5eed], &[1, 2, 3], false), log([8, 0xf00d], &[4], false));
        let mut begun_anew = older.clone();
        begun_anew[..newer.len()].copy_from_slice(&newer);
        assert_eq!(verify(&begun_anew), None);
        begun_anew[newer.len() - 1] ^= 1;
        assert!(verify(&begun_anew).is_some());
        for end in 0..HEADER_BYTES {
            assert_eq!(verify(&older[..end]), None);
        }
        for end in HEADER_BYTES..older.len() {
            assert_eq!(verify(&older[..end]), None, "cut at {end}");
        }
    }
}
