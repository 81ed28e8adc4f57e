//! Static catalogues: every item and collection in the JSON files of a directory or a tar archive.
//!
//! Two passes, so that collections come before their items and an item without `collection` can be given the
//! nearest collection its links lead up to. Links to files that are not here are nothing special.

use std::collections::HashMap;
use std::fs::FileType;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nilometer_schemas::CollectionId;
use serde_json::Value;

use super::document::Outline;
use super::input::Input;
use super::intake::Intake;
use super::stac::{self, Document};
use super::swot::hydrocron;
use super::{ARCHIVE_ENTRIES_MAX, DIRECTORY_DEPTH_MAX, hydroweb, natural_earth, recognise, usgs};
use crate::Error;

/// Links followed upwards from an item to a collection.
const PARENTS_MAX: usize = 32;

/// Where the collections are, and what stands above each catalog, by path.
#[derive(Default)]
struct Tree {
    collections: HashMap<String, CollectionId>,
    above: HashMap<String, String>,
}

impl Tree {
    /// The nearest collection above a document.
    fn parent(&self, path: &str, outline: &Outline) -> Option<CollectionId> {
        let mut at = link(outline, path, "collection").filter(|p| self.collections.contains_key(p));
        if at.is_none() {
            at = link(outline, path, "parent");
        }
        for _ in 0..PARENTS_MAX {
            let here = at?;
            if let Some(id) = self.collections.get(&here) {
                return Some(id.clone());
            }
            at = self.above.get(&here).cloned();
        }
        None
    }

    fn note(&mut self, path: &str, outline: &Outline) {
        match stac::classify(outline) {
            Document::Collection => {
                if let Some(id) = outline.id.clone().and_then(|id| CollectionId::new(id).ok()) {
                    self.collections.insert(path.to_owned(), id);
                }
            }
            Document::Catalog => {
                if let Some(above) = link(outline, path, "parent") {
                    self.above.insert(path.to_owned(), above);
                }
            }
            _ => {}
        }
    }
}

/// The path that a relative link of a relation leads to.
fn link(outline: &Outline, path: &str, rel: &str) -> Option<String> {
    let of_rel = |link: &&Value| link.get("rel").and_then(Value::as_str) == Some(rel);
    let href = outline.links.iter().find(of_rel)?.get("href")?.as_str()?;
    if href.contains("://") || href.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in href.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// First pass: collections.
fn take_collections(intake: &mut Intake<'_>, tree: &mut Tree, file: &str, path: &str, text: &str) -> Result<(), Error> {
    let Ok(outline) = Outline::of(text) else { return Ok(()) };
    tree.note(path, &outline);
    match stac::classify(&outline) {
        Document::Collection => stac::take_record(intake, file, "", text, None),
        Document::Collections => stac::take_array(intake, file, text.as_bytes(), None),
        _ => Ok(()),
    }
}

/// Second pass: items, and a word on every file that is neither.
fn take_items(intake: &mut Intake<'_>, tree: &Tree, file: &str, path: &str, text: &str) -> Result<(), Error> {
    let outline = match Outline::of(text) {
        Ok(outline) => outline,
        Err(e) => {
            intake.reject(file, "", format!("not a JSON object: {e}"));
            return Ok(());
        }
    };
    let parent = tree.parent(path, &outline);
    match stac::classify(&outline) {
        Document::Collection | Document::Collections | Document::Catalog => Ok(()),
        Document::Item => stac::take_record(intake, file, "", text, parent.as_ref()),
        Document::Items => match &outline.first {
            Some(first) if hydroweb::is_station(first.get()) => hydroweb::take(file, text.as_bytes(), intake),
            Some(first) if natural_earth::is_place(first.get()) => natural_earth::take(file, text.as_bytes(), intake),
            Some(first) if hydrocron::is_feature(first.get()) => hydrocron::take(file, text, intake),
            _ => stac::take_array(intake, file, text.as_bytes(), parent.as_ref()),
        },
        Document::Other if hydrocron::is_wrapper(&outline) => hydrocron::take(file, text, intake),
        Document::Other if usgs::is_series(&Input::bytes(file, text.as_bytes()))? => {
            usgs::read_json(&Input::bytes(file, text.as_bytes()), intake)
        }
        Document::Other => {
            intake.reject(file, "", "neither a STAC item, collection nor catalog");
            Ok(())
        }
    }
}

fn is_json(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".json") || name.ends_with(".geojson")
}

/// Whether a file of a directory may be a source of its own, by its name.
fn may_be_source(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    [".ndjson", ".jsonl", ".zip", ".csv", ".tsv", ".parquet", ".sqlite3", ".tar", ".tgz"]
        .iter()
        .any(|end| plain.ends_with(end))
        || (plain != name && is_json(plain))
}

/// Whether a text file is a source. Most text files of a folder explain it, so those are told by their content.
fn is_series(input: &Input<'_>) -> bool {
    let head = || input.head(recognise::HEAD_BYTES).ok();
    input.plain_name().ends_with(".txt") && head().is_some_and(|head| recognise::is_text_source(input, &head))
}

/// Reads a static catalogue from a tar archive.
pub(crate) fn read_archive(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut tree = Tree::default();
    each_entry(input, intake, false, &mut |intake, file, path, text| match text {
        Ok(text) => take_collections(intake, &mut tree, file, path, &text),
        Err(_) => Ok(()),
    })?;
    each_entry(input, intake, true, &mut |intake, file, path, text| match text {
        Ok(text) => take_items(intake, &tree, file, path, &text),
        Err(reason) => {
            intake.reject(file, "", reason);
            Ok(())
        }
    })
}

type TakeEntry<'a> = dyn FnMut(&mut Intake<'_>, &str, &str, Result<String, String>) -> Result<(), Error> + 'a;

/// Hands over each JSON file of an archive; damage is reported once, in the `last` pass.
fn each_entry(input: &Input<'_>, intake: &mut Intake<'_>, last: bool, take: &mut TakeEntry<'_>) -> Result<(), Error> {
    let count = if last { intake.counter() } else { Rc::default() };
    let mut archive = tar::Archive::new(input.content(&count)?);
    let entries = archive.entries().map_err(Error::io("read", input.name()))?;
    for (index, entry) in entries.enumerate() {
        let mut entry = match entry {
            Ok(entry) if index < ARCHIVE_ENTRIES_MAX => entry,
            Ok(_) => {
                if last {
                    intake.reject(input.name(), "", format!("the archive has more than {ARCHIVE_ENTRIES_MAX} entries"));
                }
                return Ok(());
            }
            Err(e) => {
                if last {
                    intake.reject(
                        input.name(),
                        format!("after entry {index}"),
                        format!("the rest cannot be read: {e}"),
                    );
                }
                return Ok(());
            }
        };
        let path = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        if entry.header().entry_type().is_file() && is_json(&path) {
            let file = format!("{}:{path}", input.name());
            let text = stac::whole(entry.by_ref());
            take(intake, &file, &path, text)?;
        }
    }
    Ok(())
}

/// Reads what a directory holds: its JSON files as one static catalogue, then its other sources.
pub(crate) fn read_directory(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let Some(root) = input.directory() else { return Ok(()) };
    let mut tree = Tree::default();
    each_file(root, 0, &mut |path| {
        let Some(relative) = json_path(root, path) else { return Ok(()) };
        match stac::whole(Input::file(path).content(&Rc::default())?) {
            Ok(text) => take_collections(intake, &mut tree, &path.display().to_string(), &relative, &text),
            Err(_) => Ok(()),
        }
    })?;
    each_file(root, 0, &mut |path| {
        let input = Input::file(path);
        if let Some(relative) = json_path(root, path) {
            return match stac::whole(input.content(&intake.counter())?) {
                Ok(text) => take_items(intake, &tree, input.name(), &relative, &text),
                Err(reason) => {
                    intake.reject(input.name(), "", reason);
                    Ok(())
                }
            };
        }
        if !may_be_source(input.file_name()) && !is_series(&input) {
            return Ok(());
        }
        match recognise::recognise(&input, intake.options) {
            Ok(found) => found.read(&input, intake),
            Err(Error::Problem(problem)) => {
                intake.reject(input.name(), "", problem.detail);
                Ok(())
            }
            Err(error) => Err(error),
        }
    })
}

fn json_path(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    is_json(&relative).then_some(relative)
}

/// Visits the files of a directory in the order of their names. Symbolic links are not followed: they could lead
/// in circles or out of the directory.
fn each_file(dir: &Path, depth: usize, visit: &mut dyn FnMut(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let mut entries: Vec<(PathBuf, FileType)> = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let file_type = entry.file_type().map_err(Error::io("read", entry.path()))?;
        entries.push((entry.path(), file_type));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, file_type) in entries {
        if file_type.is_dir() && depth < DIRECTORY_DEPTH_MAX {
            each_file(&path, depth + 1, visit)?;
        } else if file_type.is_file() {
            visit(&path)?;
        }
    }
    Ok(())
}

/// Bytes of the files that are read from a path.
pub(crate) fn size_bytes(path: &Path, depth: usize) -> Result<u64, Error> {
    let input = Input::file(path);
    if input.directory().is_none() {
        return input.size_bytes();
    }
    let mut sum = 0;
    each_file(path, depth, &mut |file| {
        let input = Input::file(file);
        if is_json(input.file_name()) || may_be_source(input.file_name()) || is_series(&input) {
            sum += input.size_bytes()?;
        }
        Ok(())
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_resolved_from_the_folder_of_its_document() {
        let check = |href: &str, expected: Option<&str>| {
            let text = format!(r#"{{"links":[{{"rel":"parent","href":"{href}"}}]}}"#);
            let outline = Outline::of(&text).unwrap();
            assert_eq!(link(&outline, "a/b/item.json", "parent").as_deref(), expected, "{href}");
        };
        check("../collection.json", Some("a/collection.json"));
        check("./collection.json", Some("a/b/collection.json"));
        check("../../catalog.json", Some("catalog.json"));
        check("../../../catalog.json", None);
        check("https://example.org/collection.json", None);
    }

    #[test]
    fn only_data_files_of_a_directory_are_tried() {
        for (name, expected) in
            [("a.zip", true), ("a.ndjson.zst", true), ("a.json.gz", true), ("a.tif", false), ("README.md", false)]
        {
            assert_eq!(may_be_source(name), expected, "{name}");
        }
    }
}
