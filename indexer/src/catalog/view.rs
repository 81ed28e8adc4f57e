//! What rights of groups show of a snapshot: a snapshot of its own, in which nothing else is.
//!
//! Hidden collections are not among its collections, items outside a part are not among its live documents, and tables of
//! observations have the rows of visible features alone. So whatever is read or counted from it, by whichever way, is as if
//! the catalogue held nothing more. Making one costs a set of documents for each segment; what did not change is
//! taken over from the view before.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use nilometer_schemas::{Level, Rights};

use super::snapshot::{Newest, SegmentView, Snapshot, Views};
use crate::Error;
use crate::segment::{Bits, LatestColumns, SegmentData};
use crate::series::SeriesTables;

/// How much is seen of each collection that is seen at all, by id.
pub type Levels = BTreeMap<String, Level>;

/// What a view knows of how it was made.
pub(crate) struct View {
    pub(crate) rights: Arc<Rights>,
    levels: Levels,
    /// The segments of the whole, and those of their documents, dead ones too, that the rights show.
    base: Vec<(Arc<SegmentView>, Arc<Bits>)>,
    /// The tables of the whole of which a part is shown.
    tables: SeriesTables,
    /// Differs when what is shown differs.
    mark: u64,
}

impl View {
    /// Whether the newest version of an item before a write was shown: as far as segments still hold it, and by the rights
    /// of today. What was merged away counts as not shown.
    pub(crate) fn was_shown(&self, collection: &str, id: &str, before: u64) -> bool {
        let versions = self.base.iter().flat_map(|(segment, shown)| {
            let data = segment.data();
            data.find_item(collection, id).into_iter().map(move |doc| (data.seqs()[doc as usize], shown.contains(doc)))
        });
        versions.filter(|(seq, _)| *seq < before).max().is_some_and(|(_, shown)| shown)
    }

    pub(crate) fn level(&self, collection: &str) -> Level {
        self.levels.get(collection).copied().unwrap_or(Level::Hidden)
    }
}

/// A number that tells a sequence number from others where sums of them are compared (SplitMix64's last steps).
fn mixed(seq: u64) -> u64 {
    let a = (seq ^ (seq >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

impl Snapshot {
    /// What rights show of each collection of this snapshot.
    pub fn levels(&self, rights: &Rights) -> Levels {
        let collections = self.all_collections().iter();
        let levels = collections.map(|(id, stored)| (id.clone(), rights.level(id, stored.collection.access)));
        levels.filter(|(_, level)| *level > Level::Hidden).collect()
    }

    /// The view that rights show of this whole snapshot.
    ///
    /// `shown` names the documents of a segment, dead ones too, that the rights show; `by_latest` tells that it looks at
    /// latest values. `last` is an earlier view of the same rights, from which is taken what did not change.
    ///
    /// # Errors
    /// Those of `shown`, and `Io` or `Damaged` when observations cannot be read.
    pub fn view<E: From<Error>>(
        &self,
        rights: &Arc<Rights>,
        by_latest: bool,
        last: Option<&Self>,
        mut shown: impl FnMut(&SegmentView) -> Result<Bits, E>,
    ) -> Result<Self, E> {
        let levels = self.levels(rights);
        let before = last.and_then(|last| last.view.as_ref().map(|view| (last, view)));
        let before = before.filter(|(_, view)| view.rights.id() == rights.id());
        let same = before.filter(|(_, view)| view.levels == levels);
        let mut base = Vec::with_capacity(self.segments().len());
        for segment in self.segments() {
            let known = same.and_then(|(_, view)| {
                let is_same =
                    |known: &SegmentView| !by_latest && Arc::ptr_eq(known.data().core(), segment.data().core());
                view.base.iter().find(|(known, _)| Arc::ptr_eq(known, segment) || is_same(known))
            });
            let bits = match known {
                Some((_, bits)) => bits.clone(),
                None => Arc::new(shown(segment)?),
            };
            base.push((segment.clone(), bits));
        }
        let alive: Vec<Option<Arc<Bits>>> = base.iter().map(|(segment, bits)| alive(segment, bits)).collect();
        let (series, tables) = self.series_shown(&levels, &base, same)?;
        let mut segments = Vec::with_capacity(base.len());
        for ((segment, bits), alive) in base.iter().zip(alive) {
            let known = same.and_then(|(last, view)| {
                let at =
                    view.base.iter().position(|(of, known)| Arc::ptr_eq(of, segment) && Arc::ptr_eq(known, bits))?;
                last.segments().get(at).filter(|_| Arc::ptr_eq(last.all_series(), &series))
            });
            segments.push(match known {
                Some(known) => known.clone(),
                None => self.segment_shown(segment, alive, &series, last),
            });
        }
        let collections = self.all_collections().iter().filter(|(id, _)| levels.contains_key(*id));
        let collections = Arc::new(collections.map(|(id, stored)| (id.clone(), stored.clone())).collect());
        let mut view = self.like(Views { segments, properties: Arc::default() }, collections, series);
        let mark = view.mark();
        let version = before.filter(|(_, view)| view.mark == mark).map_or(self.seq(), |(last, _)| last.seq());
        view.newest = Newest::at(version);
        let mut hasher = DefaultHasher::new();
        (self.number(), rights.id()).hash(&mut hasher);
        view.number = hasher.finish();
        view.view = Some(View { rights: rights.clone(), levels, base, tables, mark });
        Ok(view)
    }

    /// A segment with fewer live documents, or other latest values.
    fn segment_shown(
        &self,
        segment: &Arc<SegmentView>,
        alive: Option<Arc<Bits>>,
        series: &Arc<SeriesTables>,
        last: Option<&Self>,
    ) -> Arc<SegmentView> {
        let same_series = Arc::ptr_eq(series, self.all_series());
        if same_series && alive.is_none() {
            return segment.clone();
        }
        let mut all = last.into_iter().flat_map(Self::segments);
        let before = all.find(|known| Arc::ptr_eq(known.data().core(), segment.data().core()));
        // What a view before made of this file's latest values serves as long as the tables are the same.
        let made = before.filter(|_| last.is_some_and(|last| Arc::ptr_eq(last.all_series(), series)));
        let latest = match made {
            _ if same_series => segment.data().latest().clone(),
            Some(made) => made.data().latest().clone(),
            None => Arc::new(LatestColumns::new(series.clone())),
        };
        // And what was counted of stored properties, as long as the same items are live.
        let like = match alive {
            None => Some(&**segment),
            Some(_) => before.map(|known| &**known).filter(|known| known.alive == alive),
        };
        Arc::new(segment.showing(alive, segment.data().with_latest(latest), like))
    }

    /// The tables of observations that are shown, and those of the whole of which it is a part.
    fn series_shown(
        &self,
        levels: &Levels,
        base: &[(Arc<SegmentView>, Arc<Bits>)],
        last: Option<(&Self, &View)>,
    ) -> Result<(Arc<SeriesTables>, SeriesTables), Error> {
        let (mut shown, mut parts) = (SeriesTables::new(), SeriesTables::new());
        for (id, table) in self.all_series().iter() {
            match levels.get(id) {
                Some(Level::Full) => {
                    shown.insert(id.clone(), table.clone());
                }
                Some(Level::Partial) => {
                    let features = table.observed(features(id, base))?;
                    let known = last.and_then(|(last, view)| {
                        let same = view.tables.get(id).is_some_and(|known| Arc::ptr_eq(known, table));
                        last.all_series().get(id).filter(|known| same && known.is_of(&features))
                    });
                    let part = match known {
                        Some(known) => Some(known.clone()),
                        None => table.of_features(features)?.map(Arc::new),
                    };
                    parts.insert(id.clone(), table.clone());
                    // Without rows it is as if there were no table.
                    part.and_then(|part| shown.insert(id.clone(), part));
                }
                _ => {}
            }
        }
        let same = |other: &SeriesTables| {
            other.len() == shown.len()
                && shown.iter().all(|(id, table)| other.get(id).is_some_and(|other| Arc::ptr_eq(other, table)))
        };
        if same(self.all_series()) {
            return Ok((self.all_series().clone(), parts));
        }
        let known = last.map(|(last, _)| last.all_series()).filter(|known| same(known));
        Ok((known.cloned().unwrap_or_else(|| Arc::new(shown)), parts))
    }

    /// A number for what is shown, whatever segments it lies in.
    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (id, stored) in self.all_collections().iter() {
            (id, stored.seq).hash(&mut hasher);
        }
        let mut items = 0u64;
        for segment in self.segments() {
            let seqs = segment.data().seqs();
            let live = (0..seqs.len() as u32).filter(|doc| segment.is_alive(*doc));
            live.for_each(|doc| items = items.wrapping_add(mixed(seqs[doc as usize])));
        }
        items.hash(&mut hasher);
        for (id, table) in self.all_series().iter() {
            id.hash(&mut hasher);
            table.file_names().for_each(|name| name.hash(&mut hasher));
        }
        hasher.finish()
    }
}

/// The live documents among those that are shown; `None` where these are all that the segment says are live.
fn alive(segment: &SegmentView, shown: &Bits) -> Option<Arc<Bits>> {
    let mut bits = shown.clone();
    if let Some(alive) = segment.alive() {
        bits.and(alive);
    }
    (bits.count() < u64::from(segment.live())).then(|| Arc::new(bits))
}

/// Ids of the items of a collection that are shown, ascending.
fn features(collection: &str, base: &[(Arc<SegmentView>, Arc<Bits>)]) -> Vec<String> {
    let mut ids = Vec::new();
    for (segment, shown) in base {
        let data = segment.data();
        shown.for_each(|doc| {
            if segment.is_alive(doc) && data.collection_of(doc) == collection {
                ids.push(data.id_of(doc).to_owned());
            }
        });
    }
    ids.sort_unstable();
    ids
}

impl SegmentView {
    /// The same segment with these live documents; `None` for those that it has. `like` is one of the same file and live
    /// documents.
    fn showing(&self, alive: Option<Arc<Bits>>, data: SegmentData, like: Option<&Self>) -> Self {
        Self {
            ord: self.ord,
            reader: self.reader.clone(),
            data,
            alive: alive.or_else(|| self.alive.clone()),
            stats: like.map_or_else(Arc::default, |like| like.stats.clone()),
            properties: like.map_or_else(Arc::default, |like| like.properties.clone()),
            latest_properties: OnceLock::new(),
        }
    }
}
