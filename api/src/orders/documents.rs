//! The documents beside the files of each folder: what lies there and where it comes from, under which terms, and how it is
//! cited. They stand in the folders of the selections, and not above them, since users' scripts expect nothing else there.

use nilometer_indexer::Snapshot;
use nilometer_schemas::Scope;
use serde_json::{Value, json};

use super::contents::{Entry, Missing, Source};
use super::licence::terms_of;
use crate::zip::Names;

/// Names of the documents.
pub(super) const MANIFEST: &str = "manifest.json";
const LICENCE: &str = "LICENCE.txt";
const CITATION: &str = "CITATION.txt";

/// A folder of an archive.
#[derive(Debug)]
pub(super) struct Folder {
    name: String,
    collections: Vec<String>,
    /// Paths of manifest, licence and citation.
    paths: [String; 3],
}

/// Keeps a place for the documents of a folder, so that no file takes their names, and notes a collection in it.
pub(super) fn reserve(folders: &mut Vec<Folder>, names: &mut Names, folder: &str, collection: &str) {
    if let Some(known) = folders.iter_mut().find(|known| known.name == folder) {
        if !known.collections.iter().any(|known| known == collection) {
            known.collections.push(collection.to_owned());
        }
        return;
    }
    let paths = [MANIFEST, LICENCE, CITATION].map(|name| names.add(folder, name));
    folders.push(Folder { name: folder.to_owned(), collections: vec![collection.to_owned()], paths });
}

impl Folder {
    /// The part of its files' paths that they have in common.
    fn begin(&self) -> &str {
        self.paths[0].rfind('/').map_or("", |at| &self.paths[0][..=at])
    }

    /// Path and text of each document. `order` tells of the order as a whole.
    pub(super) fn documents(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        order: &Value,
        entries: &[Entry],
        missing: &[Missing],
    ) -> [(&str, String); 3] {
        let own = |path: &str| path.strip_prefix(self.begin()).is_some_and(|rest| !rest.contains('/'));
        let files: Vec<Value> = entries.iter().filter(|entry| own(&entry.path)).map(file).collect();
        let of_folder = |missing: &&Missing| self.collections.contains(&missing.origin.collection);
        let missing: Vec<Value> = missing
            .iter()
            .filter(of_folder)
            .map(|missing| json!({"origin": missing.origin, "reason": missing.reason}))
            .collect();
        let mut manifest = order.clone();
        manifest["folder"] = self.begin().trim_end_matches('/').into();
        manifest["files"] = files.into();
        manifest["missing"] = missing.into();
        let manifest = serde_json::to_string_pretty(&manifest).unwrap_or_default();
        let mut licences = String::new();
        let mut citations = String::new();
        for stored in self.collections.iter().filter_map(|id| snapshot.collection(id, *scope)) {
            let body = &stored.collection.body;
            let title = stored.collection.title("en");
            let text = |member: &str| body.get(member).and_then(Value::as_str);
            let providers: Vec<&str> = body
                .get("providers")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|provider| provider["name"].as_str())
                .collect();
            let (terms, _) = terms_of(&stored.collection);
            licences.push_str(&format!("{title} ({})\nLicence: {}\n", terms.collection, terms.licence));
            if let Some(href) = &terms.href {
                licences.push_str(&format!("Text: {href}\n"));
            }
            if !providers.is_empty() {
                licences.push_str(&format!("Providers: {}\n", providers.join(", ")));
            }
            licences.push('\n');
            citations.push_str(&format!("{title} ({})\n", terms.collection));
            match (text("sci:citation"), text("sci:doi")) {
                (Some(citation), _) => citations.push_str(&format!("{citation}\n")),
                (None, None) if !providers.is_empty() => {
                    citations.push_str(&format!("{}, {title}\n", providers.join(", ")))
                }
                (None, _) => {}
            }
            if let Some(doi) = text("sci:doi") {
                citations.push_str(&format!("https://doi.org/{doi}\n"));
            }
            citations.push('\n');
        }
        let [a, b, c] = &self.paths;
        [(a.as_str(), manifest), (b.as_str(), licences), (c.as_str(), citations)]
    }
}

fn file(entry: &Entry) -> Value {
    let checksum = match &entry.source {
        Source::Asset { checksum, .. } => checksum.clone(),
        Source::Spool { .. } => None,
    };
    let mut file = json!({"path": entry.path, "size": entry.size, "origin": entry.origin});
    if let Some(checksum) = checksum {
        file["file:checksum"] = checksum.into();
    }
    if let Some(crc) = entry.crc {
        file["crc32"] = format!("{crc:08x}").into();
    }
    file
}
