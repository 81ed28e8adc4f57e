//! What an order holds, by rules written a second time: of each item its file in the store and its series, if these are granted.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Level, Seen, Version};

/// Documents of each folder of an archive.
const DOCUMENTS: [&str; 3] = ["CITATION.txt", "LICENCE.txt", "manifest.json"];

/// The files of some items.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    /// By collection and name: the text where that is known, and the bytes where the item tells them.
    pub(crate) files: BTreeMap<(String, String), (Option<String>, Option<usize>)>,
    /// Files that the service does not hand on.
    pub(crate) elsewhere: usize,
    /// Whether of one of the items the metadata are seen alone: then nothing is ordered.
    pub(crate) is_refused: bool,
}

impl Ordered {
    /// Of collections that are named.
    pub(crate) fn of_named(seen: &Seen, collections: &[impl AsRef<str>]) -> Self {
        Self::of(seen, |version| collections.iter().any(|id| id.as_ref() == version.collection))
    }

    /// Of a search that names no collections: those of which the metadata are seen alone are left out.
    pub(crate) fn found(seen: &Seen, chosen: impl Fn(&Version) -> bool) -> Self {
        Self::of(seen, |version| seen.level(&version.collection) >= Level::Partial && chosen(version))
    }

    fn of(seen: &Seen, chosen: impl Fn(&Version) -> bool) -> Self {
        let mut ordered = Self::default();
        for version in seen.catalogue.items().values().filter(|version| chosen(version)) {
            ordered.elsewhere += 1;
            ordered.is_refused |= seen.level(&version.collection) < Level::Partial;
            let name = |file: String| (version.collection.clone(), file);
            if version.stored {
                let file = version.file().rsplit('/').next().unwrap_or_default().to_owned();
                ordered.files.insert(name(file), (Some(version.text()), version.told_bytes()));
            }
            if !seen.days(&version.collection, &version.id).is_empty() {
                ordered.files.insert(name(format!("{}.csv", version.id)), (None, None));
            }
        }
        ordered
    }

    pub(crate) fn bytes(&self) -> usize {
        self.files.values().filter_map(|(_, bytes)| *bytes).sum()
    }

    pub(crate) fn unknown_sizes(&self) -> usize {
        self.files.values().filter(|(_, bytes)| bytes.is_none()).count()
    }

    pub(crate) fn collections(&self) -> BTreeSet<&str> {
        self.files.keys().map(|(collection, _)| collection.as_str()).collect()
    }

    /// The names in an archive whose files lie in a folder for each collection, with the documents of the folders.
    pub(crate) fn names(&self, folder: impl Fn(&str) -> String) -> BTreeSet<String> {
        let files = self.files.keys().map(|(collection, name)| format!("{}/{name}", folder(collection)));
        let documents = |collection: &str| DOCUMENTS.map(|name| format!("{}/{name}", folder(collection)));
        files.chain(self.collections().into_iter().flat_map(documents)).collect()
    }
}
