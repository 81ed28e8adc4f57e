//! The narrow gate between sources and the sink: every record is checked here and every refusal reported.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use nilometer_schemas::{Collection, CollectionId, Item, Problem};
use serde_json::{Value, json};

use super::{ObservationBuilder, Record, Rejection, Sink, SourceOptions};
use crate::Error;

/// Bytes between two reports of progress.
const PROGRESS_BYTES: u64 = 256 << 10;

/// Items remembered as given.
const GIVEN_MAX: usize = 4_000_000;

fn hash(collection: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (collection, id).hash(&mut hasher);
    hasher.finish()
}

pub(crate) struct Intake<'a> {
    sink: &'a mut dyn Sink,
    pub(crate) options: &'a SourceOptions,
    /// Collections passed on so far.
    seen: HashSet<String>,
    /// Hashes of items that better sources gave; see [`Intake::give`].
    given: HashSet<u64>,
    count: Rc<Cell<u64>>,
    reported: u64,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(sink: &'a mut dyn Sink, options: &'a SourceOptions) -> Self {
        Self { sink, options, seen: HashSet::new(), given: HashSet::new(), count: Rc::default(), reported: 0 }
    }

    /// The counter that inputs advance; what it gained is reported as progress.
    pub(crate) fn counter(&self) -> Rc<Cell<u64>> {
        self.count.clone()
    }

    pub(crate) fn flush_progress(&mut self) {
        let gained = self.count.get() - self.reported;
        if gained > 0 {
            self.reported += gained;
            self.sink.progress(gained);
        }
    }

    fn progress(&mut self) {
        if self.count.get() - self.reported >= PROGRESS_BYTES {
            self.flush_progress();
        }
    }

    pub(crate) fn reject(&mut self, file: &str, record: impl Into<String>, reason: impl Into<String>) {
        self.progress();
        self.sink.rejected(Rejection { file: file.to_owned(), record: record.into(), reason: reason.into() });
    }

    /// Passes a collection on, or reports why not.
    pub(crate) fn collection(&mut self, file: &str, record: &str, value: Value) -> Result<(), Error> {
        match Collection::from_value(value) {
            Ok(collection) => {
                self.seen.insert(collection.id.as_str().to_owned());
                self.sink.record(Record::Collection(Box::new(collection)))?;
            }
            Err(problem) => self.reject(file, record, problem.to_string()),
        }
        self.progress();
        Ok(())
    }

    /// Whether a collection exists or was passed on before.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.seen.contains(id) || self.options.existing_collections.contains(id)
    }

    /// Makes sure that a collection of ours exists before its items, without replacing one that does.
    pub(crate) fn ensure(&mut self, id: &str, describe: impl FnOnce() -> Value) -> Result<(), Error> {
        if self.knows(id) {
            return Ok(());
        }
        self.collection(id, id, describe())
    }

    /// Remembers that an item came from the source that knows most about it, for as long as this reading lasts.
    pub(crate) fn give(&mut self, collection: &str, id: &str) {
        if self.given.len() < GIVEN_MAX {
            self.given.insert(hash(collection, id));
        }
    }

    /// Whether an item was remembered by [`Intake::give`].
    pub(crate) fn is_given(&self, collection: &str, id: &str) -> bool {
        self.given.contains(&hash(collection, id))
    }

    /// Passes an item on, or reports why not. `collection` is used where the text names none.
    pub(crate) fn item(
        &mut self,
        file: &str,
        record: &str,
        text: &str,
        collection: Option<&CollectionId>,
    ) -> Result<(), Error> {
        let parsed = Item::parse(text, collection);
        self.parsed(file, record, parsed, Record::Item)
    }

    /// As [`Intake::item`], for a JSON value that names its collection.
    pub(crate) fn item_value(&mut self, file: &str, record: &str, value: &Value) -> Result<(), Error> {
        let parsed = Item::from_value(value, None);
        self.parsed(file, record, parsed, Record::Item)
    }

    /// As [`Intake::item_value`], for an item that takes no other's place.
    pub(crate) fn item_if_absent(&mut self, file: &str, record: &str, value: &Value) -> Result<(), Error> {
        let parsed = Item::from_value(value, None);
        self.parsed(file, record, parsed, Record::ItemIfAbsent)
    }

    /// Passes the rows that a builder holds on; the collection was passed on, or exists, before.
    pub(crate) fn observations(&mut self, builder: &mut ObservationBuilder) -> Result<(), Error> {
        if !builder.is_empty() {
            self.sink.record(Record::Observations(Box::new(builder.take())))?;
        }
        self.progress();
        Ok(())
    }

    /// As [`Intake::observations`], for a source that tells some of the columns only: the others stay as they are stored.
    pub(crate) fn told_observations(&mut self, builder: &mut ObservationBuilder) -> Result<(), Error> {
        if !builder.is_empty() {
            self.sink.record(Record::Observations(Box::new(builder.take_told())))?;
        }
        self.progress();
        Ok(())
    }

    fn parsed(
        &mut self,
        file: &str,
        record: &str,
        parsed: Result<Item, Problem>,
        as_record: impl FnOnce(Box<Item>) -> Record,
    ) -> Result<(), Error> {
        match parsed {
            Ok(item) => {
                let id = item.collection.as_str();
                if !self.seen.contains(id) && !self.options.existing_collections.contains(id) {
                    self.collection(file, record, undescribed(id))?;
                }
                self.sink.record(as_record(Box::new(item)))?;
            }
            Err(problem) => self.reject(file, record, problem.to_string()),
        }
        self.progress();
        Ok(())
    }
}

/// The least a collection is, for items that came without theirs.
fn undescribed(id: &str) -> Value {
    json!({
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": id,
        "description": format!("Items of {id}; their collection came without a description."),
        "license": "other",
    })
}
