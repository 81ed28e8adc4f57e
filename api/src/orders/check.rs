//! Verification of what is kept of orders: that everything that can be fetched is there as it was written, and nothing else.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::FOLDER;
use super::archive::CONTENTS_FILE;
use super::contents::{Contents, Entry, Source};
use super::documents::MANIFEST;
use super::spool;
use crate::accounts::{KeptOrders, kept_orders};
use crate::problem::chain;
use crate::routes::ask::hex;

/// Bytes of a spool that are read at once.
const READ_BYTES: usize = 1 << 20;

/// What is wrong with the orders of a data directory, one line a finding. Changes nothing, also beside a running server, which
/// removes the files of deleted orders within a minute.
pub(crate) async fn check(dir: &Path) -> Vec<String> {
    let said = |error: sqlx::Error| vec![format!("orders cannot be listed: {}", chain(&error))];
    let known = match kept_orders(dir).await {
        Ok(known) => known,
        Err(error) => return said(error),
    };
    let found = find(&dir.join(FOLDER), &known);
    if found.is_empty() {
        return Vec::new();
    }
    // What a server changed meanwhile is no finding.
    match kept_orders(dir).await {
        Ok(now) => found.into_iter().filter(|(id, _)| known.get(id) == now.get(id)).map(|(_, text)| text).collect(),
        Err(error) => said(error),
    }
}

/// Findings with the orders that they are of.
fn find(folder: &Path, known: &KeptOrders) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    for (id, kept) in known {
        let Some((fence, hash)) = kept else { continue };
        let own = folder.join(id).join(fence.to_string());
        if let Err(what) = check_one(&own, hash) {
            findings.push((id.clone(), format!("{}: {what}", own.display())));
        }
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if !known.contains_key(&id) {
            findings.push((id, format!("{}: there is no such order", entry.path().display())));
        }
    }
    findings.sort();
    findings
}

/// Verifies one prepared order.
fn check_one(folder: &Path, hash: &str) -> Result<(), String> {
    let said = |name: &str, error: io::Error| format!("{name} cannot be read: {error}");
    let text = std::fs::read(folder.join(CONTENTS_FILE)).map_err(|error| said(CONTENTS_FILE, error))?;
    if hex(&Sha256::digest(&text)) != hash {
        return Err(format!("{CONTENTS_FILE} was changed"));
    }
    let contents: Contents = serde_json::from_slice(&text).map_err(|error| format!("{CONTENTS_FILE}: {error}"))?;
    let is_manifest = |entry: &Entry| entry.origin.is_none() && entry.path.rsplit('/').next() == Some(MANIFEST);
    if !contents.entries.iter().any(is_manifest) {
        return Err(format!("it has no {MANIFEST}"));
    }
    let mut spool = File::open(folder.join(spool::FILE)).map_err(|error| said(spool::FILE, error))?;
    for entry in &contents.entries {
        let Source::Spool { offset } = entry.source else { continue };
        let crc = crc_of(&mut spool, offset, entry.size).map_err(|error| said(&entry.path, error))?;
        if entry.crc != Some(crc) {
            return Err(format!("{} was changed", entry.path));
        }
    }
    Ok(())
}

fn crc_of(file: &mut File, offset: u64, size: u64) -> io::Result<u32> {
    file.seek(SeekFrom::Start(offset))?;
    let mut crc = crc32fast::Hasher::new();
    let mut bytes = vec![0; READ_BYTES];
    let mut left = size;
    while left > 0 {
        let some = usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES));
        file.read_exact(&mut bytes[..some])?;
        crc.update(&bytes[..some]);
        left -= some as u64;
    }
    Ok(crc.finalize())
}
