//! One consistent view of the catalogue: the segments of one commit, their live documents, and the collections.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, OnceLock};

use nilometer_schemas::{Access, CollectionId, IndexFields, Instant, ItemId, ItemText, Level, Scope};
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::{Opstamp, Searcher};

use super::changes;
use super::log::{self, LogFiles, LogRecord};
use super::stats::{self, PropertiesByCollection, StatsByCollection};
use super::types::{Changes, CollectionStats, StoredCollection, StoredItem};
use super::view::View;
use crate::Error;
use crate::segment::{self, Bits, LatestColumns, Properties, SegmentCore, SegmentData, add_properties};
use crate::series::{SeriesTable, SeriesTables};

/// One segment in a snapshot.
pub struct SegmentView {
    pub(super) ord: u32,
    pub(super) reader: SegmentReader,
    pub(super) data: SegmentData,
    pub(super) alive: Option<Arc<Bits>>,
    pub(super) stats: Arc<OnceLock<StatsByCollection>>,
    /// Of what the segment's file holds; that of latest values follows their series.
    pub(super) properties: Arc<OnceLock<PropertiesByCollection>>,
    pub(super) latest_properties: OnceLock<PropertiesByCollection>,
}

impl SegmentView {
    /// Position in [`Snapshot::segments`].
    pub fn ord(&self) -> u32 {
        self.ord
    }

    /// tantivy's view, for words.
    pub fn reader(&self) -> &SegmentReader {
        &self.reader
    }

    /// Our file.
    pub fn data(&self) -> &SegmentData {
        &self.data
    }

    /// The documents that are neither deleted nor replaced; `None` when all are.
    pub fn alive(&self) -> Option<&Bits> {
        self.alive.as_deref()
    }

    /// Whether a document is live.
    pub fn is_alive(&self, doc: u32) -> bool {
        self.alive.as_ref().is_none_or(|alive| alive.contains(doc))
    }

    /// Number of live documents.
    pub fn live(&self) -> u32 {
        self.alive.as_ref().map_or(self.data.docs(), |alive| u32::try_from(alive.count()).unwrap_or(u32::MAX))
    }

    pub(crate) fn stats(&self) -> &StatsByCollection {
        self.stats.get_or_init(|| stats::collect(&self.data, |doc| self.is_alive(doc)))
    }

    /// What the live items of each collection have of each property: stored ones, latest values.
    fn properties(&self) -> [&PropertiesByCollection; 2] {
        let is_alive = |doc| self.is_alive(doc);
        [
            self.properties.get_or_init(|| stats::properties(&self.data, self.data.stored_columns(), is_alive)),
            self.latest_properties.get_or_init(|| stats::properties(&self.data, self.data.latest_columns(), is_alive)),
        ]
    }
}

/// The segments of a snapshot, and what their items have altogether, which is looked up when first asked for.
#[derive(Clone, Default)]
pub(super) struct Views {
    pub(super) segments: Vec<Arc<SegmentView>>,
    pub(super) properties: Arc<OnceLock<PropertiesByCollection>>,
}

/// Opened segment files and live sets, kept from one snapshot to the next.
#[derive(Default)]
pub(crate) struct SegmentCache {
    views: HashMap<(SegmentId, Option<Opstamp>), Arc<SegmentView>>,
    data: HashMap<SegmentId, Arc<SegmentCore>>,
    /// The series that the views show the latest values of.
    series: Arc<SeriesTables>,
    /// The newest snapshot's.
    last: Views,
    /// Number of the newest snapshot.
    number: u64,
    /// With the moment of the opening, in µs, names are made of the numbers: other runs give others, and they do not tell how
    /// much was written meanwhile. Without it the numbers themselves are the names.
    opened: Option<i64>,
}

impl SegmentCache {
    /// A cache whose snapshots have the numbers after `number`.
    pub(crate) fn numbered_from(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// A cache whose snapshots have names that most likely no other run gives.
    pub(crate) fn opened_at(moment: Instant) -> Self {
        Self { opened: Some(moment.0), ..Self::default() }
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.opened.map_or(self.number, |opened| {
            BuildHasherDefault::<DefaultHasher>::default().hash_one((opened, self.number))
        })
    }

    fn view(
        &self,
        ord: u32,
        reader: &SegmentReader,
        opstamp: Option<Opstamp>,
        series: &Arc<SeriesTables>,
    ) -> Result<Arc<SegmentView>, Error> {
        let id = reader.segment_id();
        let same_series = Arc::ptr_eq(&self.series, series);
        let known = self.views.get(&(id, opstamp)).filter(|v| v.ord == ord);
        if let Some(view) = known.filter(|_| same_series) {
            return Ok(view.clone());
        }
        let latest = || Arc::new(LatestColumns::new(series.clone()));
        if let Some(view) = known {
            let data = view.data.with_latest(latest());
            return Ok(Arc::new(SegmentView {
                ord,
                reader: reader.clone(),
                data,
                alive: view.alive.clone(),
                stats: view.stats.clone(),
                properties: view.properties.clone(),
                latest_properties: OnceLock::new(),
            }));
        }
        let core = match self.data.get(&id) {
            Some(core) => core.clone(),
            None => Arc::new(segment::open_data(reader)?),
        };
        let alive =
            reader.alive_bitset().map(|alive| Arc::new(Bits::from_fn(reader.max_doc(), |doc| alive.is_alive(doc))));
        // What was made for another live set of the segment serves this one too.
        let made = self.views.iter().find(|((of, _), _)| same_series && *of == id);
        let latest = made.map_or_else(latest, |(_, view)| view.data.latest().clone());
        let data = SegmentData::new(core, latest);
        Ok(Arc::new(SegmentView {
            ord,
            reader: reader.clone(),
            data,
            alive,
            stats: Arc::default(),
            properties: Arc::default(),
            latest_properties: OnceLock::new(),
        }))
    }

    fn views(&mut self, searcher: &Searcher, series: &Arc<SeriesTables>) -> Result<Views, Error> {
        let mut views = Vec::new();
        let mut next = Self {
            series: series.clone(),
            number: self.number,
            opened: self.opened,
            last: self.last.clone(),
            ..Self::default()
        };
        for (ord, reader) in searcher.segment_readers().iter().enumerate() {
            let opstamp = searcher.generation().segments().get(&reader.segment_id()).copied().flatten();
            let view = self.view(ord as u32, reader, opstamp, series)?;
            next.views.insert((reader.segment_id(), opstamp), view.clone());
            next.data.insert(reader.segment_id(), view.data.core().clone());
            views.push(view);
        }
        let is_last = views.len() == next.last.segments.len()
            && views.iter().zip(&next.last.segments).all(|(view, last)| Arc::ptr_eq(view, last));
        if !is_last {
            next.last = Views { segments: views, properties: Arc::default() };
        }
        *self = next;
        Ok(self.last.clone())
    }
}

/// The collections of a catalogue, by id.
pub(crate) type Collections = BTreeMap<String, Arc<StoredCollection>>;

/// The newest writes of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    /// Sequence number of the newest write.
    pub(crate) seq: u64,
    /// That of the newest write which everybody may know of. At opening it is the newest of all, since only the writes that
    /// follow are told apart; so it never goes back.
    pub(crate) public_seq: u64,
}

impl Newest {
    /// A view of which nothing more is known than its newest write.
    pub(crate) fn at(seq: u64) -> Self {
        Self { seq, public_seq: seq }
    }
}

/// See the module. A request holds one from start to end.
pub struct Snapshot {
    /// See [`Snapshot::number`].
    pub(super) number: u64,
    pub(super) newest: Newest,
    /// Of what is a view of another snapshot.
    pub(super) view: Option<View>,
    searcher: Searcher,
    fields: IndexFields,
    views: Views,
    collections: Arc<Collections>,
    series: Arc<SeriesTables>,
    log: LogFiles,
}

impl Snapshot {
    pub(crate) fn new(
        newest: Newest,
        searcher: Searcher,
        fields: IndexFields,
        collections: Arc<Collections>,
        series: Arc<SeriesTables>,
        log: LogFiles,
        cache: &mut SegmentCache,
    ) -> Result<Self, Error> {
        let views = cache.views(&searcher, &series)?;
        Ok(Self { number: cache.next_number(), newest, view: None, searcher, fields, views, collections, series, log })
    }

    /// The same moment with other content.
    pub(super) fn like(&self, views: Views, collections: Arc<Collections>, series: Arc<SeriesTables>) -> Self {
        Self {
            number: self.number,
            newest: self.newest,
            view: None,
            searcher: self.searcher.clone(),
            fields: self.fields,
            views,
            collections,
            series,
            log: self.log.clone(),
        }
    }

    /// Whether a scope may be answered from it: from the whole where nothing was granted to its groups or kept from them, else
    /// from the view of its rights. To other scopes it shows nothing at all.
    pub fn serves(&self, scope: Scope) -> bool {
        self.view.as_ref().and_then(|view| view.rights.id()) == scope.rights()
    }

    /// Whether it is a view: then everything in it is seen, and what is not seen is not in it.
    pub fn is_view(&self) -> bool {
        self.view.is_some()
    }

    /// Whether there are collections that the scope does not see.
    pub fn hides(&self, scope: Scope) -> bool {
        self.is_view() || self.collections.values().any(|stored| !self.shows(stored, scope))
    }

    fn shows(&self, stored: &StoredCollection, scope: Scope) -> bool {
        self.serves(scope) && (self.is_view() || scope.sees_collection(&stored.collection))
    }

    /// The access policy of a collection that is there.
    pub fn access(&self, id: &str) -> Option<Access> {
        self.collections.get(id).map(|stored| stored.collection.access)
    }

    /// How much the scope sees of a collection.
    pub fn level(&self, id: &str, scope: Scope) -> Level {
        match (&self.view, self.collection(id, scope)) {
            (_, None) => Level::Hidden,
            (None, Some(_)) => Level::Full,
            (Some(view), Some(_)) => view.level(id),
        }
    }

    /// A number that no other snapshot of this process has, and most likely none of another.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Sequence number of the newest write in it.
    pub fn seq(&self) -> u64 {
        self.newest.seq
    }

    /// Sequence number of the newest write that a scope may know of: its version of the view. Writes to what it does not see
    /// leave it unchanged.
    pub fn seq_for(&self, scope: Scope) -> u64 {
        if self.is_view() || scope.sees(Access::Hidden) { self.newest.seq } else { self.newest.public_seq }
    }

    pub(crate) fn newest(&self) -> Newest {
        self.newest
    }

    /// The segments.
    pub fn segments(&self) -> &[Arc<SegmentView>] {
        &self.views.segments
    }

    /// tantivy's view of the whole, for words.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The fields of tantivy's schema.
    pub fn fields(&self) -> &IndexFields {
        &self.fields
    }

    pub(crate) fn all_collections(&self) -> &Arc<Collections> {
        &self.collections
    }

    pub(crate) fn log(&self) -> &LogFiles {
        &self.log
    }

    /// A collection the scope may see.
    pub fn collection(&self, id: &str, scope: Scope) -> Option<&Arc<StoredCollection>> {
        self.collections.get(id).filter(|stored| self.shows(stored, scope))
    }

    /// The observations of a collection the scope may see; `None` where there are none.
    pub fn series(&self, collection: &str, scope: Scope) -> Option<&Arc<SeriesTable>> {
        self.collection(collection, scope)?;
        self.series.get(collection)
    }

    pub(crate) fn all_series(&self) -> &Arc<SeriesTables> {
        &self.series
    }

    /// The collections the scope may see, by id.
    pub fn collections(&self, scope: Scope) -> Vec<&Arc<StoredCollection>> {
        self.collections.values().filter(|stored| self.shows(stored, scope)).collect()
    }

    /// Changes after `since`, oldest first, as far as the scope may see.
    ///
    /// # Errors
    /// A `Gone` problem before the retained part.
    pub fn changes(&self, since: u64, limit: usize, scope: Scope) -> Result<Changes, Error> {
        changes::read(self, since, limit, scope)
    }

    /// What a collection holds, from the data. The first call after a write to a segment looks at all of it.
    pub fn collection_stats(&self, id: &str) -> CollectionStats {
        let mut all = CollectionStats::default();
        for segment in self.segments() {
            if let Some(part) = segment.stats().get(id) {
                stats::add(&mut all, part);
            }
        }
        all
    }

    /// What the live items of a collection have of each property; `None` where there are no items. The first call after a
    /// write looks at the segments that changed.
    pub fn properties(&self, collection: &str) -> Option<&Properties> {
        let all = self.views.properties.get_or_init(|| {
            let mut all = PropertiesByCollection::new();
            for part in self.segments().iter().flat_map(|segment| segment.properties()) {
                for (collection, properties) in part {
                    add_properties(all.entry(collection.clone()).or_default(), properties);
                }
            }
            all
        });
        all.get(collection)
    }

    /// Looks up what the collections hold, so that no reader has to wait for it.
    pub(crate) fn prepare(&self) {
        if self.views.properties.get().is_none() {
            for segment in self.segments() {
                segment.stats();
            }
            self.properties("");
        }
    }

    /// The live document of an identity, as segment and document.
    pub fn find(&self, collection: &str, id: &str) -> Option<(&SegmentView, u32)> {
        self.segments().iter().find_map(|segment| {
            let doc = segment.data().find_item(collection, id).into_iter().find(|doc| segment.is_alive(*doc))?;
            Some((&**segment, doc))
        })
    }

    pub(crate) fn record(&self, seq: u64) -> Result<LogRecord, Error> {
        log::read_record(&self.log, seq)?.ok_or_else(|| Error::Damaged {
            path: "log".into(),
            detail: format!("the record of sequence {seq} is missing"),
        })
    }

    /// The item written with a sequence number that the index names.
    ///
    /// # Errors
    /// `Damaged` or `Io` when its record cannot be read.
    pub fn item_by_seq(&self, seq: u64) -> Result<StoredItem, Error> {
        stored_item(self.record(seq)?)
    }

    /// An item the scope may see.
    ///
    /// # Errors
    /// As [`Snapshot::item_by_seq`].
    pub fn item(&self, collection: &str, id: &str, scope: Scope) -> Result<Option<StoredItem>, Error> {
        if self.collection(collection, scope).is_none() {
            return Ok(None);
        }
        let Some((segment, doc)) = self.find(collection, id) else { return Ok(None) };
        self.item_by_seq(segment.data().seqs()[doc as usize]).map(Some)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("number", &self.number).field("view", &self.is_view()).finish_non_exhaustive()
    }
}

fn stored_item(record: LogRecord) -> Result<StoredItem, Error> {
    Ok(StoredItem {
        seq: record.seq,
        ingested: Instant(record.time.0),
        collection: CollectionId::new(record.collection)?,
        id: ItemId::new(record.id)?,
        text: ItemText::from_parts(record.body, record.properties_end as usize)?,
    })
}
