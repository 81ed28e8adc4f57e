//! What clients were promised: the acknowledged state of every item, and what was under way when the server died.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Version of an item; 0 means deleted or never written.
pub type Version = u64;

/// The promises made to one client, which alone writes its ids.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    acknowledged: BTreeMap<String, Version>,
    pending: BTreeMap<String, Version>,
}

impl Ledger {
    /// A write is about to be sent.
    pub fn sending(&mut self, id: &str, version: Version) {
        self.pending.insert(id.to_owned(), version);
    }

    /// The answer to all writes under way was a success.
    pub fn acknowledged(&mut self) {
        for (id, version) in std::mem::take(&mut self.pending) {
            self.acknowledged.insert(id, version);
        }
    }

    /// The answer to all writes under way was a refusal: nothing was written.
    pub fn refused(&mut self) {
        self.pending.clear();
    }

    /// Acknowledged writes so far, of items that still are there.
    pub fn live(&self) -> usize {
        self.acknowledged.values().filter(|version| **version > 0).count()
    }

    /// The acknowledged version of an item.
    pub fn version(&self, id: &str) -> Version {
        self.acknowledged.get(id).copied().unwrap_or_default()
    }

    /// All ids it ever wrote to.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.acknowledged.keys()
    }

    /// Compares with what is stored, and takes what became of the writes under way as settled.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn settle(&mut self, stored: &BTreeMap<String, Version>) -> Result<(), String> {
        let pending = std::mem::take(&mut self.pending);
        let known: BTreeSet<&String> = self.acknowledged.keys().chain(pending.keys()).collect();
        let mut settled = BTreeMap::new();
        for id in known {
            let seen = stored.get(id).copied().unwrap_or_default();
            let promised = self.version(id);
            let attempted = pending.get(id).copied();
            if seen != promised && Some(seen) != attempted {
                return Err(format!("{id}: stored {seen}, acknowledged {promised}, under way {attempted:?}"));
            }
            settled.insert(id.clone(), seen);
        }
        self.acknowledged = settled;
        Ok(())
    }
}

/// An item whose every part tells its version, so that a partial or mixed one is seen.
pub fn versioned_item(collection: &str, id: &str, version: Version) -> Value {
    let spread = version as f64;
    let (lon, lat) = ((spread * 7.31) % 170.0, (spread * 3.17) % 80.0);
    let properties = json!({
        "version": version, "title": format!("version {version} of {id}"),
        "filler": format!("{version};").repeat(20 + (version % 50) as usize),
    });
    crate::item(collection, id, lon, lat, "2024-05-01T00:00:00Z", properties)
}

/// The version of a stored item.
///
/// # Errors
/// When its parts do not belong to one version.
pub fn version_of(item: &Value) -> Result<(String, Version), String> {
    let id = item["id"].as_str().ok_or("an item without id")?;
    let collection = item["collection"].as_str().unwrap_or_default();
    let version = item["properties"]["version"].as_u64().ok_or_else(|| format!("{id} has no version: {item}"))?;
    let whole = versioned_item(collection, id, version);
    for member in ["geometry", "bbox", "type", "assets"] {
        if item[member] != whole[member] {
            return Err(format!("{id} version {version}: {member} is {}, not {}", item[member], whole[member]));
        }
    }
    for (name, value) in whole["properties"].as_object().into_iter().flatten() {
        if name != "datetime" && item["properties"][name] != *value {
            return Err(format!("{id} version {version}: property {name} differs"));
        }
    }
    Ok((id.to_owned(), version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(pairs: &[(&str, Version)]) -> BTreeMap<String, Version> {
        pairs.iter().map(|(id, version)| ((*id).to_owned(), *version)).collect()
    }

    #[test]
    fn an_acknowledged_write_must_be_there_and_one_under_way_may_be() {
        let mut ledger = Ledger::default();
        ledger.sending("a", 1);
        ledger.acknowledged();
        ledger.sending("a", 2);
        for (seen, kept) in [(1, true), (2, true), (0, false), (3, false)] {
            assert_eq!(ledger.clone().settle(&stored(&[("a", seen)])).is_ok(), kept, "stored {seen}");
        }
        ledger.refused();
        assert!(ledger.settle(&stored(&[("a", 2)])).is_err(), "a refused write is not there");
    }

    #[test]
    fn a_mixed_item_is_seen() {
        let mut item = versioned_item("c", "a", 3);
        assert_eq!(version_of(&item), Ok(("a".into(), 3)));
        item["bbox"] = versioned_item("c", "a", 4)["bbox"].clone();
        assert!(version_of(&item).is_err());
    }
}
