//! Collections that a question reaches without naming them and whose files whoever asks may not have: they are passed over and
//! told, since nobody asked for them in particular. A collection that is named is a refusal of the whole instead.

use std::collections::HashMap;

use nilometer_indexer::Snapshot;
use nilometer_schemas::{Level, Scope};
use serde_json::{Value, json};

use super::licence::{Accepted, Terms};

/// Collections that a message names.
const TOLD_MAX: usize = 3;

/// A collection that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its id.
    pub(crate) collection: String,
    /// Items that match and were passed over.
    pub(crate) items: u64,
    /// The terms that are to be accepted; `None` where the metadata alone are seen.
    pub(crate) terms: Option<Terms>,
}

impl LeftOut {
    /// For programs; `base` is the service's address.
    pub(crate) fn to_json(&self, base: &str) -> Value {
        let reason = if self.terms.is_some() { "licence-not-accepted" } else { "files-not-granted" };
        let mut value = json!({"collection": self.collection, "items": self.items, "reason": reason});
        if let Some(terms) = &self.terms {
            value["terms"] = terms.to_json(base);
        }
        value
    }

    fn text(&self, base: &str) -> String {
        let Self { collection, items, terms } = self;
        let left_out = match items {
            1 => format!("1 item of {collection:?} is left out"),
            _ => format!("{items} items of {collection:?} are left out"),
        };
        match terms {
            Some(terms) => format!("{left_out} until you accept the terms at {base}{}", terms.path()),
            None => format!("{left_out}, since you may see the metadata alone"),
        }
    }
}

/// What a message tells of what was passed over; `None` where nothing was.
pub(super) fn told(left_out: &[LeftOut], base: &str) -> Option<String> {
    let texts: Vec<String> = left_out.iter().take(TOLD_MAX).map(|left| left.text(base)).collect();
    let more = left_out.len().saturating_sub(TOLD_MAX);
    let more = if more > 0 { format!("; so are those of {more} further collections") } else { String::new() };
    (!texts.is_empty()).then(|| format!("{}{more}", texts.join("; ")))
}

/// Decides what is passed over, once for each collection.
pub(super) struct Sieve<'a> {
    snapshot: &'a Snapshot,
    scope: Scope,
    accepted: &'a Accepted,
    /// Where each collection stands among those that are passed over.
    known: HashMap<String, Option<usize>>,
    left_out: Vec<LeftOut>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, scope: Scope, accepted: &'a Accepted) -> Self {
        Self { snapshot, scope, accepted, known: HashMap::new(), left_out: Vec::new() }
    }

    /// Whether the files of an item of this collection may be had; one that is passed over is counted.
    pub(super) fn passes(&mut self, collection: &str) -> bool {
        let place = match self.known.get(collection) {
            Some(place) => *place,
            None => {
                let place = self.reason(collection).map(|terms| {
                    self.left_out.push(LeftOut { collection: collection.to_owned(), items: 0, terms });
                    self.left_out.len() - 1
                });
                self.known.insert(collection.to_owned(), place);
                place
            }
        };
        match place.and_then(|place| self.left_out.get_mut(place)) {
            Some(left) => {
                left.items += 1;
                false
            }
            None => true,
        }
    }

    /// Why a collection is passed over: the terms, or none where the metadata alone are seen.
    fn reason(&self, collection: &str) -> Option<Option<Terms>> {
        if self.snapshot.level(collection, self.scope) < Level::Partial {
            return Some(None);
        }
        let stored = self.snapshot.collection(collection, self.scope)?;
        self.accepted.lacks(&stored.collection).map(Some)
    }

    /// All that was passed over.
    pub(super) fn finish(self) -> Vec<LeftOut> {
        self.left_out
    }
}
