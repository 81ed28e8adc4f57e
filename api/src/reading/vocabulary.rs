//! What collections are called and what they are about: the words by which a sentence names them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use nilometer_indexer::{Snapshot, StoredCollection, stems};
use nilometer_schemas::text::{fold, words};
use nilometer_schemas::{CollectionId, ObservationModel, Scope, TRANSLATIONS_MEMBER};
use parking_lot::Mutex;
use serde_json::{Map, Value};

/// Words for what is measured, each with words that stand in the names of such parameters. Names of parameters are
/// known by themselves; these are what people say instead.
const MEASURED: [(&[&str], &[&str]); 9] = [
    (
        &["level", "niveau", "hauteur", "cote", "stage", "height"],
        &["level", "height", "elevation", "niveau", "hauteur", "cote"],
    ),
    (&["discharge", "debit", "flow", "streamflow", "ecoulement"], &["discharge", "debit", "streamflow"]),
    (&["temperature", "temperatures"], &["temperature"]),
    (&["rain", "rainfall", "pluie", "precipitation"], &["precipitation"]),
    (&["volume", "storage", "stockage"], &["storage", "volume"]),
    (&["area", "surface", "superficie"], &["area", "surface"]),
    (&["slope", "pente"], &["slope", "pente"]),
    (&["width", "largeur"], &["width", "largeur"]),
    (&["nitrate", "nitrates"], &["nitrate", "nitrates"]),
];

/// Words for kinds of things, each with keywords of collections of them.
const KINDS: [(&[&str], &[&str]); 3] = [
    (&["station", "gauge", "jauge", "limnimetre"], &["gauge", "station", "staff gauge", "observation point"]),
    (
        &[
            "groundwater",
            "nappe",
            "nappe phreatique",
            "eaux souterraines",
            "well",
            "forage",
            "puits",
            "piezometer",
            "piezometre",
        ],
        &["groundwater", "piezometer"],
    ),
    (&["reservoir", "retenue", "barrage", "dam"], &["reservoir"]),
];

/// Kinds of waters: a collection whose title begins with one holds such waters, and not what is measured at them.
const WATERS: [&str; 6] = ["lake", "lac", "river", "riviere", "fleuve", "reservoir"];
/// Words that end what the begin of a title names; before any other word it is but a part of it, as in river reaches.
const JOINING: [&str; 14] =
    ["of", "with", "in", "by", "observed", "aux", "de", "d", "du", "des", "en", "par", "observes", "observees"];
/// Vocabularies that are kept: of few scopes, and of the collections before a change while some still ask them.
const KEPT_MAX: usize = 4;

/// The vocabularies that were made, each for the collections that a scope sees as long as these are the same.
#[derive(Default)]
pub(crate) struct Vocabularies {
    /// Last made last.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    scope: Scope,
    /// Held, so that no other collection takes the place of one of them in memory.
    collections: Vec<Arc<StoredCollection>>,
    vocabulary: Arc<Vocabulary>,
}

impl Vocabularies {
    /// The vocabulary of the collections that a scope sees.
    pub(super) fn of(&self, snapshot: &Snapshot, scope: Scope) -> Arc<Vocabulary> {
        let collections = snapshot.collections(scope);
        let is_same = |kept: &&Kept| {
            kept.scope == scope
                && kept.collections.len() == collections.len()
                && kept.collections.iter().zip(&collections).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some(kept) = self.kept.lock().iter().find(is_same) {
            return Arc::clone(&kept.vocabulary);
        }
        // Made without the lock: others need not wait.
        let vocabulary = Arc::new(Vocabulary::of(&collections));
        let collections = collections.into_iter().cloned().collect();
        let mut kept = self.kept.lock();
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Kept { scope, collections, vocabulary: Arc::clone(&vocabulary) });
        vocabulary
    }
}

/// The names of collections and of their parameters.
pub(super) struct Vocabulary {
    /// What a run of stems names: collections whose title or id it is, or one of several things that the title names.
    titles: BTreeMap<String, BTreeSet<CollectionId>>,
    /// What a run of stems names: collections.
    names: BTreeMap<String, BTreeSet<CollectionId>>,
    /// The same of what is measured in them.
    parameters: BTreeMap<String, BTreeSet<CollectionId>>,
}

impl Vocabulary {
    fn of(collections: &[&Arc<StoredCollection>]) -> Self {
        let mut own = Self { titles: BTreeMap::new(), names: BTreeMap::new(), parameters: BTreeMap::new() };
        for stored in collections {
            let collection = &stored.collection;
            let id = &collection.id;
            own.name(id.as_str(), id);
            own.title(id.as_str(), id);
            own.members(&collection.body, id);
            let translations = collection.body.get(TRANSLATIONS_MEMBER).and_then(Value::as_object);
            for translation in translations.into_iter().flat_map(Map::values).filter_map(Value::as_object) {
                own.members(translation, id);
            }
            let model = ObservationModel::of_collection(collection);
            let is_about_another = |name: &str| {
                model
                    .parameters
                    .iter()
                    .any(|p| [&p.quality, &p.uncertainty].into_iter().flatten().any(|own| own == name))
            };
            // What has no unit, or only tells how good something else is, is nothing that people look for.
            for parameter in model.parameters.iter().filter(|p| p.unit.is_some() && !is_about_another(&p.name)) {
                let titles = [&parameter.title, &parameter.title_fr].into_iter().flatten().map(String::as_str);
                for title in titles.chain([parameter.name.as_str()]) {
                    own.parameters.entry(key(title)).or_default().insert(id.clone());
                    let told: Vec<String> = words(title).collect();
                    for (said, standing) in MEASURED {
                        if told.iter().any(|word| standing.contains(&word.as_str())) {
                            for word in said {
                                own.parameters.entry(key(word)).or_default().insert(id.clone());
                            }
                        }
                    }
                }
            }
        }
        own
    }

    fn members(&mut self, members: &Map<String, Value>, id: &CollectionId) {
        let keywords = members.get("keywords").and_then(Value::as_array).into_iter().flatten();
        for name in members.get("title").into_iter().chain(keywords).filter_map(Value::as_str) {
            self.name(name, id);
        }
        if let Some(title) = members.get("title").and_then(Value::as_str) {
            self.title(title, id);
            // Behind these signs stands where, from whom or which.
            let title = title.split([',', '(']).next().unwrap_or(title);
            for part in title.split(" and ").flat_map(|part| part.split(" et ")) {
                self.title(part, id);
                waters(part).iter().for_each(|water| self.title(water, id));
            }
        }
    }

    fn title(&mut self, title: &str, id: &CollectionId) {
        self.titles.entry(key(title)).or_default().insert(id.clone());
    }

    fn name(&mut self, name: &str, id: &CollectionId) {
        self.names.entry(key(name)).or_default().insert(id.clone());
        let folded = fold(name);
        for (said, keywords) in KINDS {
            if keywords.contains(&folded.as_str()) {
                for word in said {
                    self.names.entry(key(word)).or_default().insert(id.clone());
                }
            }
        }
    }

    /// The collections that are called so.
    pub(super) fn titled(&self, run: &str) -> Option<&BTreeSet<CollectionId>> {
        self.titles.get(&key(run))
    }

    /// The collections that a run of folded words names.
    pub(super) fn collections(&self, run: &str) -> Option<&BTreeSet<CollectionId>> {
        self.names.get(&key(run))
    }

    /// The collections in which what a run of folded words names is measured.
    pub(super) fn measuring(&self, run: &str) -> Option<&BTreeSet<CollectionId>> {
        self.parameters.get(&key(run))
    }
}

/// The kind of waters that a title begins with, if that is what it is the title of.
fn waters(title: &str) -> Option<String> {
    let mut words = words(title);
    let first = words.next().filter(|word| WATERS.contains(&word.strip_suffix('s').unwrap_or(word)))?;
    words.next().is_none_or(|word| JOINING.contains(&word.as_str())).then_some(first)
}

/// The stems of a text's words: singular and plural are one.
fn key(text: &str) -> String {
    // One language is enough to take both sides alike; French also takes English plurals back, but none behind these vowels.
    let plural = |word: &str| ["us", "is", "os", "as"].iter().any(|end| word.len() > 4 && word.ends_with(end));
    let one = |word: String| if plural(&word) { word[..word.len() - 1].to_owned() } else { word };
    let stem = |word: String| stems(&word).map_or(word, |[_, french]| french);
    words(text).map(|word| stem(one(word))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_and_plural_are_one() {
        for (one, many) in [("prévu", "prévus"), ("lac", "lacs"), ("gauge", "gauges"), ("rivière", "rivières")] {
            assert_eq!(key(one), key(many), "{one}");
        }
        assert_ne!(key("lac"), key("lake"));
    }

    #[test]
    fn a_title_begins_with_the_waters_it_is_of() {
        for (title, expected) in [
            ("Lakes with summer surface temperatures", Some("lakes")),
            ("Lacs observés par SWOT", Some("lacs")),
            ("Rivers", Some("rivers")),
            ("River reaches observed by SWOT", None),
            ("Stream gauges of CAMELS", None),
        ] {
            assert_eq!(waters(title).as_deref(), expected, "{title}");
        }
    }
}
