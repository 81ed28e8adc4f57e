//! Verification of a catalogue: checksums of all files, and that log and index say the same.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use tantivy::index::SegmentId;

use super::index::{self, Layout, OpenIndex};
use super::log::{self, LogFiles, RecordKind};
use super::snapshot::{Newest, SegmentCache, Snapshot};
use super::{observations, writer};
use crate::Error;
use crate::series;

/// More than any footer has.
const FOOTER_BYTES_MAX: u64 = 1024;

/// How often a check is made anew because a running writer changed the index under it.
const TRIES: usize = 8;

/// One line a finding; empty when all is well.
///
/// A running writer removes files that its newest index no longer names. So what is found counts only if the index is still
/// the one that was looked at.
pub(super) fn run(layout: &Layout) -> Result<Vec<String>, Error> {
    let list = layout.index().join(super::directory::META);
    let mut findings = Vec::new();
    for _ in 0..TRIES {
        let before = std::fs::read(&list).ok();
        findings = check(layout)?;
        if findings.is_empty() || std::fs::read(&list).ok() == before {
            break;
        }
    }
    Ok(findings)
}

fn check(layout: &Layout) -> Result<Vec<String>, Error> {
    layout.check_version(false)?;
    let mut findings = log::verify(&layout.log())?;
    if !findings.is_empty() {
        return Ok(findings);
    }
    match check_index(layout, &mut findings) {
        Ok(()) => {}
        Err(error) => findings.push(error.to_string()),
    }
    Ok(findings)
}

fn check_index(layout: &Layout, findings: &mut Vec<String>) -> Result<(), Error> {
    let OpenIndex { index, fields, .. } = index::open_index(&layout.index(), false)?;
    for path in index.validate_checksum()? {
        findings.push(format!("{}: its checksum is wrong", layout.index().join(path).display()));
    }
    check_footers(layout, &index.searchable_segment_ids()?, findings)?;
    if !findings.is_empty() {
        return Ok(());
    }
    let payload = index::load_payload(&index, &layout.index())?;
    let (files, _) = log::open_files(&layout.log(), (payload.seq > 0).then_some(payload.seq))?;
    let reader = index.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual).try_into()?;
    let collections = std::sync::Arc::new(writer::load_collections(&payload, &files)?);
    let tables = observations::load(layout.data(), &payload, &collections, &files)?;
    for (collection, table) in tables.iter() {
        let newest = payload.series.get(collection).copied().unwrap_or(0);
        findings.extend(series::verify(table, &observations::sums(&files, collection, newest)?));
    }
    let searcher = tantivy::IndexReader::searcher(&reader);
    let mut cache = SegmentCache::default();
    let snapshot =
        Snapshot::new(Newest::at(payload.seq), searcher, fields, collections, tables, files.clone(), &mut cache)?;
    compare(&snapshot, &expected(&files, payload.seq)?, findings);
    Ok(())
}

/// tantivy's checksum covers a file's body but not the footer behind it: JSON of version and checksum, the length of
/// that, and a magic number (`directory/footer.rs` of tantivy 0.27). The footer must be as this version writes it; segments
/// of another tantivy are of another [`nilometer_schemas::FORMAT_VERSION`].
fn check_footers(layout: &Layout, segments: &[SegmentId], findings: &mut Vec<String>) -> Result<(), Error> {
    let dir = layout.index();
    let live: HashSet<String> = segments.iter().map(SegmentId::uuid_string).collect();
    for entry in std::fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
        let path = entry.map_err(Error::io("list", &dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if live.contains(name.split('.').next().unwrap_or_default()) && !has_whole_footer(&path)? {
            findings.push(format!("{}: its footer is damaged", path.display()));
        }
    }
    Ok(())
}

fn has_whole_footer(path: &Path) -> Result<bool, Error> {
    let mut tail = Vec::new();
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let length = file.metadata().map_err(Error::io("measure", path))?.len();
    let read =
        file.seek(SeekFrom::Start(length.saturating_sub(FOOTER_BYTES_MAX))).and_then(|_| file.read_to_end(&mut tail));
    read.map_err(Error::io("read", path))?;
    let Some((rest, ends)) = tail.split_last_chunk::<8>() else { return Ok(false) };
    let footer_bytes = u32::from_le_bytes([ends[0], ends[1], ends[2], ends[3]]) as usize;
    let Some(begin) = rest.len().checked_sub(footer_bytes) else { return Ok(false) };
    let Ok(footer) = serde_json::from_slice::<serde_json::Value>(&rest[begin..]) else { return Ok(false) };
    let whole = serde_json::json!({"version": tantivy::version(), "crc": footer["crc"]});
    Ok(rest[begin..] == *whole.to_string().as_bytes())
}

/// The live items that the log tells up to a sequence number: identity to sequence.
fn expected(files: &LogFiles, until: u64) -> Result<HashMap<(String, String), u64>, Error> {
    let mut live = HashMap::new();
    for seq in log::seqs_after(files, 0, usize::MAX).into_iter().take_while(|seq| *seq <= until) {
        let Some(record) = log::read_record(files, seq)? else { continue };
        match record.kind {
            RecordKind::PutItem => {
                live.insert((record.collection, record.id), seq);
            }
            RecordKind::DeleteItem => {
                live.remove(&(record.collection, record.id));
            }
            RecordKind::DeleteCollection => live.retain(|(collection, _), _| *collection != record.collection),
            RecordKind::PutCollection | RecordKind::PutObservations => {}
        }
    }
    Ok(live)
}

fn compare(snapshot: &Snapshot, expected: &HashMap<(String, String), u64>, findings: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for segment in snapshot.segments() {
        let data = segment.data();
        for doc in (0..data.docs()).filter(|doc| segment.is_alive(*doc)) {
            let key = (data.collection_of(doc).to_owned(), data.id_of(doc).to_owned());
            let seq = data.seqs()[doc as usize];
            if expected.get(&key) != Some(&seq) {
                findings.push(format!(
                    "the index holds item {:?} of {:?} as of sequence {seq}, the log does not",
                    key.1, key.0
                ));
            }
            if !seen.insert(key.clone()) {
                findings.push(format!("the index holds item {:?} of {:?} twice", key.1, key.0));
            }
        }
    }
    for key in expected.keys().filter(|key| !seen.contains(*key)) {
        findings.push(format!("the index lacks item {:?} of {:?}", key.1, key.0));
    }
}
