//! Zip archives from elsewhere, opened with suspicion.
//!
//! Nothing is ever written to disk; names that point out of the archive are refused all the same, because such an
//! archive was made to harm. Sizes are limited by what is really inflated, not by what the archive claims.

use std::io::Read;

use nilometer_schemas::{Kind, Problem};
use zip::ZipArchive;

use super::input::{Input, ReadSeek};
use super::{GRANULE_BYTES_MAX, GRANULE_ENTRIES_MAX, INFLATION_RATIO_MAX};
use crate::Error;

/// Below this size an entry may be as compressible as it likes.
const RATIO_FREE_BYTES: u64 = 1 << 20;

fn damaged(input: &Input<'_>, detail: impl std::fmt::Display) -> Error {
    Error::Problem(Problem::invalid("zip", format!("{}: {detail}", input.name())).at(input.name()))
}

fn too_large(input: &Input<'_>, detail: impl std::fmt::Display) -> Error {
    let problem = Problem::new(Kind::TooLarge, "zip-size", format!("{}: {detail}", input.name()));
    Error::Problem(problem.at(input.name()))
}

type Zip<'a> = ZipArchive<Box<dyn ReadSeek + 'a>>;

fn open<'a>(input: &'a Input<'_>) -> Result<Zip<'a>, Error> {
    let zip = ZipArchive::new(input.stored()?).map_err(|e| damaged(input, format!("not a zip archive: {e}")))?;
    if zip.len() > GRANULE_ENTRIES_MAX {
        let detail = format!("the archive has {} entries, the limit is {GRANULE_ENTRIES_MAX}", zip.len());
        return Err(too_large(input, detail));
    }
    Ok(zip)
}

/// Whether an entry's name stays inside the archive.
fn is_safe(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    !name.is_empty()
        && !name.starts_with('/')
        && !drive
        && !name.contains('\\')
        && !name.contains('\0')
        && name.split('/').all(|part| part != "..")
}

fn entry_names(input: &Input<'_>, zip: &mut Zip<'_>) -> Result<Vec<String>, Error> {
    let mut names = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|e| damaged(input, e))?;
        let raw = entry.name_raw();
        let name = std::str::from_utf8(raw).map_err(|_| damaged(input, "an entry's name is not UTF-8"))?;
        if !is_safe(name) {
            return Err(damaged(input, format!("the entry {name:?} points out of the archive")));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Names of the entries, each checked.
pub(crate) fn names(input: &Input<'_>) -> Result<Vec<String>, Error> {
    entry_names(input, &mut open(input)?)
}

/// An entry's name without folders and endings.
pub(crate) fn stem(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split('.').next().unwrap_or(last)
}

/// Inflates the entries whose names `wanted` accepts: name and content.
///
/// # Errors
/// `Invalid` for a damaged archive or an unsafe name, `TooLarge` above a limit.
pub(crate) fn members(input: &Input<'_>, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut zip = open(input)?;
    let names = entry_names(input, &mut zip)?;
    let mut members = Vec::new();
    let mut left = GRANULE_BYTES_MAX;
    for (index, name) in names.into_iter().enumerate().filter(|(_, name)| wanted(name)) {
        let entry = zip.by_index(index).map_err(|e| damaged(input, format!("{name}: {e}")))?;
        if entry.is_symlink() {
            return Err(damaged(input, format!("{name} is a symbolic link")));
        }
        let ratio_limit = entry.compressed_size().saturating_mul(INFLATION_RATIO_MAX).max(RATIO_FREE_BYTES);
        let limit = left.min(ratio_limit);
        let mut content = Vec::new();
        entry.take(limit + 1).read_to_end(&mut content).map_err(|e| damaged(input, format!("{name}: {e}")))?;
        let size = content.len() as u64;
        if size > ratio_limit {
            return Err(too_large(input, format!("{name} inflates to more than {INFLATION_RATIO_MAX} times its size")));
        }
        if size > left {
            return Err(too_large(input, format!("the archive inflates to more than {GRANULE_BYTES_MAX} bytes")));
        }
        left -= size;
        members.push((name, content));
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_point_out_of_the_archive_are_not_safe() {
        for (name, safe) in [
            ("a.shp", true),
            ("folder/a.shp", true),
            ("a..b.shp", true),
            ("../a.shp", false),
            ("folder/../../a.shp", false),
            ("/etc/a.shp", false),
            ("C:a.shp", false),
            ("..\\a.shp", false),
            ("", false),
        ] {
            assert_eq!(is_safe(name), safe, "{name:?}");
        }
    }
}
