//! The writer's part with observations: committing them, the records that vouch for commits, and items for their features.

use std::sync::Arc;

use nilometer_schemas::observation::PARAMETERS_MEMBER;
use nilometer_schemas::{Collection, Instant, Kind, ObservationModel, Parameter, Problem};
use serde_json::Value;

use super::{Group, Writer, collection_text, delete_record, hash_of, rejected};
use crate::Error;
use crate::catalog::log::{self, LogRecord, RecordKind};
use crate::catalog::observations::undeclared;
use crate::catalog::types::{Outcome, Precondition, StoredCollection};
use crate::segment::Row;
use crate::series;
use crate::source::Observations;

impl Writer {
    /// Commits observations to their table; the record that vouches for the commit goes to the log with the group.
    pub(super) fn put_observations(
        &mut self,
        observations: Observations,
        prepared: Option<series::Prepared>,
        (seq, time): (u64, Instant),
        group: &mut Group,
    ) -> Result<Outcome, Error> {
        let id = observations.collection.as_str();
        let Some(stored) = self.collections.get(id).cloned() else {
            self.series.discard(id, prepared);
            return Ok(rejected(Kind::NotFound, "collection-not-found", format!("there is no collection {id:?}")));
        };
        if group.forgotten.contains(id) {
            self.series.discard(id, prepared);
            let detail = format!("collection {id:?} was deleted at the same moment: send its observations again");
            return Ok(rejected(Kind::Conflict, "collection-deleted", detail));
        }
        let stored = match undeclared(&observations, &ObservationModel::of_collection(&stored.collection)) {
            Err(problem) => {
                self.series.discard(id, prepared);
                return Ok(Outcome::Rejected(problem));
            }
            Ok(missing) if missing.is_empty() => stored,
            Ok(missing) => self.declare(&stored.collection, &missing, (seq, time), group)?,
        };
        let seq = self.log.next_seq() + group.records.len() as u64;
        let put = match self.series.put(&observations, &stored.collection, prepared, (seq, time)) {
            Ok(put) => put,
            Err(Error::Problem(problem)) => return Ok(Outcome::Rejected(problem)),
            Err(error) => return Err(error),
        };
        if let Some(body) = put.record {
            group.records.push(self.observation_record(id, body, (seq, time)));
            self.items_for(id, &put.features, time, group)?;
        }
        Ok(put.outcome)
    }

    /// Adds parameters to what a collection declares.
    fn declare(
        &mut self,
        collection: &Collection,
        parameters: &[Parameter],
        (seq, time): (u64, Instant),
        group: &mut Group,
    ) -> Result<Arc<StoredCollection>, Error> {
        let mut body = collection.body.clone();
        let declared = body.entry(PARAMETERS_MEMBER).or_insert_with(|| Value::Array(Vec::new()));
        for parameter in parameters {
            let value = serde_json::to_value(parameter).map_err(|e| Problem::invalid("parameter", e.to_string()))?;
            declared.as_array_mut().into_iter().for_each(|all| all.push(value.clone()));
        }
        let collection = Collection::from_stored(Value::Object(body))?;
        let (id, hash) = (collection.id.as_str().to_owned(), hash_of(&collection_text(&collection)));
        self.put_collection(collection, Precondition::None, hash, (seq, time), group)?;
        self.collections.get(&id).cloned().ok_or_else(|| self.bad_record(seq, "the collection is gone"))
    }

    fn observation_record(&self, collection: &str, body: String, (seq, time): (u64, Instant)) -> LogRecord {
        let flags = self.flags_of(collection);
        LogRecord { body, ..delete_record(RecordKind::PutObservations, (seq, time), flags, collection, "") }
    }

    /// Gives every feature that has observations and no item a bare one, so that it can be found.
    fn items_for(
        &mut self,
        collection: &str,
        features: &[String],
        time: Instant,
        group: &mut Group,
    ) -> Result<(), Error> {
        for feature in features {
            let key = (collection.to_owned(), feature.clone());
            let known = match group.items.get(&key) {
                Some(touched) => touched.is_some(),
                None => self.snapshot.find(collection, feature).is_some() && !group.forgotten.contains(collection),
            };
            if known {
                continue;
            }
            let item = Box::new(crate::source::bare_feature(collection, feature)?);
            let seq = self.log.next_seq() + group.records.len() as u64;
            let (hash, row) = (hash_of(item.text.as_str()), Row::of(&item, seq, time));
            self.put_item(item, Precondition::Absent, hash, row, group)?;
        }
        Ok(())
    }

    /// Opens the tables of all collections, and brings forward what was committed to them and never recorded.
    pub(super) fn open_series(&mut self) -> Result<(), Error> {
        let (time, mut group) = ((self.clock)(), Group::default());
        self.series.open(&self.collections, &self.log.files(), time)?;
        self.roll_forward(time, &mut group)?;
        let Group { records, changes, .. } = group;
        if let Some(last) = records.last().map(|r| r.seq) {
            self.log.append(&records)?;
            self.index_changes(changes, last)?;
            let public = log::newest_public(&records);
            return self.publish(self.newest(last, public));
        }
        self.refresh()
    }

    /// Records what was committed to tables and not recorded: after a crash between the two, or a failed group.
    pub(super) fn roll_forward(&mut self, time: Instant, group: &mut Group) -> Result<(), Error> {
        for (collection, stored) in self.collections.clone().iter() {
            if !self.series.is_ahead(collection) {
                continue;
            }
            let Some((body, features)) = self.series.bring_forward(collection, &stored.collection)? else { continue };
            let seq = self.log.next_seq() + group.records.len() as u64;
            self.series.recorded(collection, seq);
            group.records.push(self.observation_record(collection, body, (seq, time)));
            self.items_for(collection, &features, time, group)?;
        }
        Ok(())
    }

    /// Looks after the tables: takes in what was merged, begins to merge what is worth it, writes checkpoints.
    pub(super) fn tend_series(&mut self) -> Result<(), Error> {
        let time = (self.clock)();
        let bodies = self.series.tend(self.log.next_seq(), time)?;
        if bodies.is_empty() {
            return Ok(());
        }
        self.record_bodies(bodies, time)
    }

    /// Appends records of tables that hold the same observations as before, in other files.
    fn record_bodies(&mut self, bodies: Vec<(String, String)>, time: Instant) -> Result<(), Error> {
        let mut records = Vec::new();
        for (collection, body) in bodies {
            let seq = self.log.next_seq() + records.len() as u64;
            self.series.recorded(&collection, seq);
            records.push(self.observation_record(&collection, body, (seq, time)));
        }
        let Some(last) = records.last().map(|r| r.seq) else { return Ok(()) };
        self.log.append(&records)?;
        self.index_changes(Vec::new(), last)?;
        let public = log::newest_public(&records);
        self.publish(self.newest(last, public))
    }

    /// Merges what can be merged in every table, and waits.
    pub(in crate::catalog) fn merge_series(&mut self) -> Result<(), Error> {
        loop {
            let time = (self.clock)();
            let bodies = self.series.merge_all(self.log.next_seq(), time)?;
            if bodies.is_empty() {
                return Ok(());
            }
            self.record_bodies(bodies, time)?;
        }
    }

    pub(super) fn keep_summaries(&self) {
        if let Err(error) = self.series.keep_summaries() {
            tracing::warn!(%error, "the latest values are not kept; they are made anew when needed");
        }
    }
}
