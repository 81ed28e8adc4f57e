//! Zip archives, read from the directory at their end as unzipping programs do (APPNOTE 6.3.10, 4.3.12 and 4.3.16); files are
//! stored and not compressed, and there are few of them.

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const FILE: &[u8] = b"PK\x03\x04";
/// Bytes before the name of an entry of the directory, and before that of a file.
const ENTRY_BYTES: usize = 46;
const FILE_BYTES: usize = 30;

fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    bytes[at..at + length].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// Names and bytes of all files, by name.
pub(crate) fn read(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let end = archive.windows(END.len()).rposition(|window| window == END).expect("an end");
    let (count, mut at) = (number(archive, end + 10, 2), number(archive, end + 16, 4));
    let mut files = Vec::new();
    for _ in 0..count {
        let entry = &archive[at..];
        assert!(entry.starts_with(ENTRY), "an entry of the directory");
        assert_eq!(number(entry, 10, 2), 0, "stored, not compressed");
        let (size, name) = (number(entry, 24, 4), number(entry, 28, 2));
        let file = &archive[number(entry, 42, 4)..];
        assert!(file.starts_with(FILE), "a file");
        let begin = FILE_BYTES + number(file, 26, 2) + number(file, 28, 2);
        let text = String::from_utf8_lossy(&entry[ENTRY_BYTES..ENTRY_BYTES + name]).into_owned();
        files.push((text, file[begin..begin + size].to_vec()));
        at += ENTRY_BYTES + name + number(entry, 30, 2) + number(entry, 32, 2);
    }
    files.sort();
    files
}
