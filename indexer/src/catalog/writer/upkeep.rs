//! What the writer does beside writing: showing what is new, checkpoints, compaction, merging, closing.

use std::collections::HashSet;
use std::sync::Arc;

use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

use super::{Since, Writer};
use crate::Error;
use crate::catalog::index;
use crate::catalog::snapshot::{Newest, Snapshot};

/// Groups and records at which the index on disk is brought up to date at the latest, so that opening after a crash
/// has little to replay.
const CHECKPOINT_GROUPS: usize = 256;
const CHECKPOINT_RECORDS: usize = 10_000;

/// How often a snapshot is tried again while merges remove what it names.
const PUBLISH_TRIES: usize = 20;

impl Writer {
    /// The newest writes after a group that ends with `last` and whose newest public write is `public`.
    pub(super) fn newest(&self, last: u64, public: Option<u64>) -> Newest {
        Newest { seq: last, public_seq: public.unwrap_or(self.snapshot.newest().public_seq) }
    }

    /// Shows the newest commit. A merge that ends in between removes files before ours of a segment is opened;
    /// then the list is read again.
    pub(super) fn publish(&mut self, newest: Newest) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            self.reader.reload()?;
            let (searcher, collections) = (self.reader.searcher(), self.collections.clone());
            let (series, files) = (self.series.tables().clone(), self.log.files());
            match Snapshot::new(newest, searcher, self.fields, collections, series, files, &mut self.cache) {
                Ok(snapshot) => {
                    self.snapshot = Arc::new(snapshot);
                    return Ok(());
                }
                Err(Error::Index(TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_))))
                    if tries < PUBLISH_TRIES =>
                {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Shows segments that merges have made since the last group.
    pub(super) fn refresh(&mut self) -> Result<(), Error> {
        self.publish(self.snapshot.newest())
    }

    /// What is done when no writes are waiting: merged segments are shown, and the index on disk follows.
    pub(in crate::catalog) fn rest(&mut self) -> Result<(), Error> {
        self.tend_series()?;
        self.keep_summaries();
        self.refresh()?;
        self.checkpoint()
    }

    /// A checkpoint when enough has been written since the last.
    pub(in crate::catalog) fn checkpoint_if_due(&mut self) -> Result<(), Error> {
        self.tend_series()?;
        let Since { groups, records } = self.since_checkpoint;
        if groups >= CHECKPOINT_GROUPS || records >= CHECKPOINT_RECORDS { self.checkpoint() } else { Ok(()) }
    }

    /// Makes the index on disk that of now.
    pub(super) fn checkpoint(&mut self) -> Result<(), Error> {
        self.directory.checkpoint()?;
        self.since_checkpoint = Since::default();
        Ok(())
    }

    /// Drops dead records from the sealed files of the log.
    pub(in crate::catalog) fn compact(&mut self) -> Result<(), Error> {
        let mut live: HashSet<u64> = self.collections.values().map(|c| c.seq).collect();
        live.extend(self.series.live_records(&self.log.files())?);
        for segment in self.snapshot.segments() {
            let seqs = segment.data().seqs();
            live.extend((0..segment.data().docs()).filter(|doc| segment.is_alive(*doc)).map(|doc| seqs[doc as usize]));
        }
        // A replay from an older index would need what is dropped now.
        self.checkpoint()?;
        self.log.compact(&live)?;
        self.refresh()
    }

    /// Merges all segments into one, after the merges under way.
    pub(in crate::catalog) fn optimize(&mut self) -> Result<(), Error> {
        if let Some(writer) = self.writer.take() {
            writer.wait_merging_threads()?;
        }
        let mut writer = index::open_writer(&self.index, self.options.writer_memory_bytes)?;
        let policy = index::merge_policy();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        let ids = self.index.searchable_segment_ids()?;
        if ids.len() > 1 {
            writer.merge(&ids).wait()?;
        }
        writer.garbage_collect_files().wait()?;
        writer.set_merge_policy(policy);
        self.writer = Some(writer);
        self.refresh()?;
        self.checkpoint()
    }

    /// Waits for merges under way and leaves in the folder what the index on disk names, nothing else.
    pub(in crate::catalog) fn close(mut self) -> Result<(), Error> {
        self.series.stop();
        self.keep_summaries();
        if let Some(writer) = self.writer.take() {
            writer.wait_merging_threads()?;
        }
        self.checkpoint()?;
        Ok(self.directory.sweep()?)
    }
}
