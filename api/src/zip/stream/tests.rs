//! Archives against readers that are not ours, and ranges against the whole.

use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::zip::{Entry, Names};

/// Files whose bytes follow from their number and place, of any size without room.
struct Made {
    sizes: Vec<u64>,
    crcs: Mutex<Vec<Option<u32>>>,
    /// Bytes that were read.
    read: AtomicU64,
    /// Bytes that a file has more (or fewer) than it says.
    surplus: i64,
}

impl Made {
    fn new(sizes: &[u64]) -> Self {
        Self { sizes: sizes.to_vec(), crcs: Mutex::new(vec![None; sizes.len()]), read: AtomicU64::new(0), surplus: 0 }
    }
}

/// Bytes of a file from its number and their place; of large files mostly zeros, so that they are made quickly.
fn made(index: usize, range: Range<u64>) -> Bytes {
    if range.start > 1 << 20 {
        return Bytes::from(vec![0; (range.end - range.start) as usize]);
    }
    range.map(|at| (at.wrapping_mul(31) ^ (at >> 7) ^ index as u64) as u8).collect()
}

impl Contents for Made {
    fn read(&self, index: usize, range: Range<u64>) -> BoxFuture<'_, io::Result<ReadBytes>> {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        let end = range.end.saturating_add_signed(self.surplus);
        let pieces = stream::unfold(range.start, move |at| async move {
            let next = (at + (700 << 10)).min(end);
            (at < end).then(|| (Ok(made(index, at..next)), next))
        });
        Box::pin(async move { Ok(Box::pin(pieces) as ReadBytes) })
    }

    fn crc(&self, index: usize) -> Option<u32> {
        self.crcs.lock()[index]
    }

    fn learned(&self, index: usize, crc: u32) {
        self.crcs.lock()[index] = Some(crc);
    }
}

/// Files of these sizes; every third has a checksum beforehand.
fn laid_out(sizes: &[u64], beforehand: bool) -> (Arc<Layout>, Arc<Made>) {
    let mut names = Names::default();
    let entry = |(i, size): (usize, &u64)| Entry {
        name: names.add(&format!("folder {}", i % 3), &format!("é{i}.bin")),
        size: *size,
        crc: (beforehand && i % 3 == 0).then(|| crc32fast::hash(&made(i, 0..*size))),
        modified: time::OffsetDateTime::from_unix_timestamp(1_700_000_000 + i as i64).ok(),
    };
    let entries = sizes.iter().enumerate().map(entry).collect();
    (Arc::new(Layout::new(entries)), Arc::new(Made::new(sizes)))
}

async fn bytes(layout: &Arc<Layout>, contents: &Arc<Made>, range: Range<u64>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut pieces = stream(Arc::clone(layout), contents.clone(), range);
    while let Some(piece) = pieces.next().await {
        all.extend_from_slice(&piece.expect("a piece"));
    }
    all
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_archive_has_its_length_and_is_read_back_by_another_reader(
        sizes in prop::collection::vec(prop_oneof![0_u64..4, 0_u64..5_000, 250_000_u64..600_000], 0..12),
        cuts in prop::collection::vec(0.0..1.0_f64, 2..6),
    ) {
        let (layout, contents) = laid_out(&sizes, true);
        let whole = run(bytes(&layout, &contents, 0..layout.length()));
        prop_assert_eq!(whole.len() as u64, layout.length());
        let mut archive = ::zip::ZipArchive::new(Cursor::new(&whole)).expect("a zip");
        prop_assert_eq!(archive.len(), sizes.len());
        for (i, entry) in layout.entries().iter().enumerate() {
            let mut file = archive.by_name(&entry.name).expect("a file");
            let mut got = Vec::new();
            file.read_to_end(&mut got).expect("an intact file");
            prop_assert!(got == made(i, 0..entry.size));
        }
        // Whoever asks for a range, having read nothing before, gets the same bytes.
        for pair in cuts.windows(2) {
            let at = |share: f64| (share * whole.len() as f64) as u64;
            let (a, b) = (at(pair[0].min(pair[1])), at(pair[0].max(pair[1])));
            let (_, fresh) = laid_out(&sizes, true);
            prop_assert!(run(bytes(&layout, &fresh, a..b)) == whole[a as usize..b as usize]);
        }
    }
}

#[test]
fn unzip_and_python_find_no_fault() {
    let (layout, contents) = laid_out(&[0, 1, 70_000, 3, 300_000], true);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.zip");
    std::fs::write(&path, run(bytes(&layout, &contents, 0..layout.length()))).expect("written");
    check_with(&path, "unzip", &["-tqq"]);
    let script =
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(len(z.infolist()))";
    check_with(&path, "python3", &["-c", script]);
}

/// A program that is not installed finds no fault either.
fn check_with(path: &std::path::Path, program: &str, arguments: &[&str]) {
    match std::process::Command::new(program).args(arguments).arg(path).output() {
        Ok(output) => assert!(
            output.status.success(),
            "{program}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => println!("skipped: {program} is not installed ({error})"),
    }
}

#[test]
fn ten_thousand_files_and_more_are_read_back() {
    let sizes: Vec<u64> = (0..70_000).map(|i| i % 7).collect();
    let (layout, contents) = laid_out(&sizes, false);
    let whole = run(bytes(&layout, &contents, 0..layout.length()));
    assert_eq!(whole.len() as u64, layout.length());
    let mut archive = ::zip::ZipArchive::new(Cursor::new(&whole)).expect("a zip");
    assert_eq!(archive.len(), sizes.len());
    for i in [0, 9_999, 65_534, 65_535, 69_999] {
        let mut got = Vec::new();
        archive.by_index(i).expect("a file").read_to_end(&mut got).expect("intact");
        assert_eq!(got, made(i, 0..sizes[i]));
    }
}

/// Writes an archive to a file that holds only the pieces that are not all zeros, so that gigabytes fit everywhere; the
/// hash of its bytes from `begin` on.
fn write_sparse(path: &std::path::Path, layout: &Arc<Layout>, contents: &Arc<Made>, begin: u64) -> blake3::Hash {
    use std::os::unix::fs::FileExt;
    static ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];
    let file = std::fs::File::create(path).expect("a file");
    file.set_len(layout.length()).expect("room");
    let mut hash = blake3::Hasher::new();
    run(async {
        let mut at = 0;
        let mut pieces = stream(Arc::clone(layout), contents.clone(), 0..layout.length());
        while let Some(piece) = pieces.next().await.transpose().expect("a piece") {
            assert!(piece.len() <= PIECE_BYTES);
            let end = at + piece.len() as u64;
            if end > begin {
                hash.update(&piece[begin.saturating_sub(at) as usize..]);
            }
            if piece != ZEROS[..piece.len()] {
                file.write_all_at(&piece, at).expect("written");
            }
            at = end;
        }
        assert_eq!(at, layout.length());
    });
    hash.finalize()
}

#[test]
#[ignore = "minutes: make long"]
fn more_than_four_gibibytes_are_read_back_and_resumed() {
    let sizes = [100_000, (4 << 30) + 12_345, 5];
    let (layout, contents) = laid_out(&sizes, false);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("large.zip");
    let begin = layout.length() / 4 * 3;
    let hash = write_sparse(&path, &layout, &contents, begin);
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); i = z.infolist(); assert i[1].file_size > 1 << 32; \
                  [z.open(i[n]).read() for n in (0, 2)]";
    check_with(&path, "python3", &["-c", script]);
    check_with(&path, "unzip", &["-tqq"]);
    // Resumed in the large file by somebody who has not read its beginning.
    let (_, fresh) = laid_out(&sizes, false);
    let resumed = run(async {
        let mut hash = blake3::Hasher::new();
        let mut pieces = stream(Arc::clone(&layout), fresh, begin..layout.length());
        while let Some(piece) = pieces.next().await.transpose().expect("a piece") {
            hash.update(&piece);
        }
        hash.finalize()
    });
    assert_eq!(resumed, hash);
}

#[test]
fn the_structures_of_long_archives_are_those_that_readers_expect() {
    // Past the fields of 32 bits by offset, size, and both; laid out, but sent only around the structures.
    let sizes = [10, (4 << 30) - 1, 20, 5 << 30, 30];
    let (layout, contents) = laid_out(&sizes, false);
    for i in 0..sizes.len() {
        contents.learned(i, 7);
    }
    let directory = layout.length() - 400..layout.length();
    let tail = run(bytes(&layout, &contents, directory));
    assert_eq!(&tail[tail.len() - 22..tail.len() - 18], b"PK\x05\x06");
    assert_eq!(&tail[tail.len() - 42..tail.len() - 38], b"PK\x06\x07");
    assert_eq!(&tail[tail.len() - 98..tail.len() - 94], b"PK\x06\x06");
    assert_eq!(contents.read.load(Ordering::Relaxed), 0, "a checksum that is remembered is not read again");
}

#[test]
fn a_range_that_needs_a_checksum_reads_the_file_once() {
    let (layout, contents) = laid_out(&[1_000, 2_000], false);
    let end = layout.length() - 140..layout.length();
    run(bytes(&layout, &contents, end.clone()));
    assert_eq!(contents.read.load(Ordering::Relaxed), 3_000);
    run(bytes(&layout, &contents, end));
    assert_eq!(contents.read.load(Ordering::Relaxed), 3_000);
}

#[test]
fn a_file_of_another_size_breaks_the_archive_off() {
    for surplus in [-1, 1] {
        let (layout, contents) = laid_out(&[1_000], false);
        let contents = Arc::new(Made { surplus, ..Made::new(&contents.sizes) });
        let broken = run(async {
            let mut pieces = stream(Arc::clone(&layout), contents, 0..layout.length());
            while let Some(piece) = pieces.next().await {
                if piece.is_err() {
                    return true;
                }
            }
            false
        });
        assert!(broken, "{surplus}");
    }
}
