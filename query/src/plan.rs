//! A search bound to a snapshot and a scope, and the set of matching documents of each segment.
//!
//! The scope is part of the plan: collections that it does not see are left out of the match set itself, so that
//! nothing computed from it can tell of them. Where rights of groups count, the snapshot is the view that they show, and a
//! scope is answered from its own view or not at all.

use std::collections::BTreeSet;

use nilometer_indexer::geometry::FlatGeometry;
use nilometer_indexer::segment::{Bits, Codes, ColumnKind, Narrow, SegmentData};
use nilometer_indexer::{SegmentView, Snapshot};
use nilometer_schemas::{Kind, Problem, Scope, Search, TimeInterval};

use crate::filter::{Condition, compile};
use crate::order::Token;
use crate::space::PreparedGeometry;
use crate::space_match;
use crate::words::{Forgive, WordsMatch};

/// Below this share of a segment's documents (one in …) the clauses that follow are tested document by document.
const FEW: u64 = 64;

/// See the module.
pub(crate) struct Plan<'s> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) scope: Scope,
    /// The collections asked for that the scope sees; `None` when these are all there are.
    collections: Option<BTreeSet<String>>,
    ids: Vec<String>,
    /// Places, of each of which one geometry must be met.
    places: Vec<Vec<PreparedGeometry>>,
    pub(crate) datetime: Option<TimeInterval>,
    filter: Option<Condition>,
    pub(crate) words: Option<WordsMatch>,
    /// Writes after this sequence number are not part of the answer.
    as_of: Option<u64>,
}

/// Failures of the engine itself, which are no fault of the caller.
pub(crate) fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(Kind::Internal, "internal", format!("the index could not be read: {error}"))
}

impl<'s> Plan<'s> {
    /// Binds a search.
    ///
    /// # Errors
    /// `Invalid` for references to places that do not exist, or that the scope does not see, and for properties that nobody
    /// has where the search is strict.
    pub(crate) fn new(snapshot: &'s Snapshot, search: &Search, scope: Scope) -> Result<Self, Problem> {
        Self::of_page(snapshot, search, scope, None)
    }

    /// As [`Plan::new`], of a page that goes on with others where a token says: as of the same write, with the same words
    /// taken for those that nothing had.
    pub(crate) fn of_page(
        snapshot: &'s Snapshot,
        search: &Search,
        scope: Scope,
        token: Option<&Token>,
    ) -> Result<Self, Problem> {
        if !snapshot.serves(scope) {
            return Err(internal("a scope is answered from the view of its rights alone"));
        }
        crate::unknown::check(snapshot, search, scope)?;
        let mut places = Vec::new();
        if let Some(bbox) = search.bbox {
            places.push(vec![PreparedGeometry::from_bbox(bbox)]);
        }
        if let Some(geometry) = &search.intersects {
            places.push(vec![PreparedGeometry::new(geometry)]);
        }
        if !search.intersects_refs.is_empty() {
            let refs = search.intersects_refs.iter().map(|text| referenced(snapshot, text, scope));
            places.push(refs.collect::<Result<_, _>>()?);
        }
        let forgive = match token {
            Some(token) => Forgive::As(&token.widened),
            None if search.as_written => Forgive::Nothing,
            None => Forgive::Slips,
        };
        let words = search.words.as_ref().map(|words| WordsMatch::new(snapshot, words, scope, forgive)).transpose()?;
        Ok(Self {
            snapshot,
            scope,
            collections: visible(snapshot, search, scope),
            ids: search.ids.iter().map(|id| id.as_str().to_owned()).collect(),
            places,
            datetime: search.datetime,
            filter: search.filter.as_ref().map(compile),
            words,
            as_of: token.map(|token| token.as_of),
        })
    }

    /// Adds a place that geometries must meet.
    pub(crate) fn and_place(&mut self, place: PreparedGeometry) {
        self.places.push(vec![place]);
    }

    /// The matching documents of a segment, exactly.
    pub(crate) fn matches(&self, segment: &SegmentView) -> Result<Bits, Problem> {
        let data = segment.data();
        let mut places: Vec<&Vec<PreparedGeometry>> = self.places.iter().collect();
        let bits = if !self.ids.is_empty() {
            self.docs_by_id(data)
        } else if let Some(at) = self.narrowest_place(data) {
            place_docs(data, places.remove(at))
        } else {
            segment.alive().cloned().unwrap_or_else(|| Bits::all(data.docs()))
        };
        self.narrow(segment, bits, places)
    }

    /// The documents among these that match. The plan must name no ids.
    pub(crate) fn matches_among(&self, segment: &SegmentView, bits: Bits) -> Result<Bits, Problem> {
        self.narrow(segment, bits, self.places.iter().collect())
    }

    /// Keeps of some documents those that meet all conditions but ids and the places that are not given.
    fn narrow(
        &self,
        segment: &SegmentView,
        mut bits: Bits,
        places: Vec<&Vec<PreparedGeometry>>,
    ) -> Result<Bits, Problem> {
        let data = segment.data();
        if let Some(alive) = segment.alive() {
            bits.and(alive);
        }
        if let Some(as_of) = self.as_of.filter(|as_of| data.max_seq() > *as_of) {
            bits.retain(|doc| data.seqs()[doc as usize] <= as_of);
        }
        self.restrict_collections(data, &mut bits);
        self.restrict_time(data, &mut bits);
        if let Some(words) = &self.words {
            bits.and(words.set(segment));
        }
        if let Some(filter) = &self.filter {
            let few = is_few(&bits);
            let bound = filter.bind(data, few);
            if few {
                bits.retain(|doc| bound.of(data, doc) == Some(true));
            } else {
                bound.narrow(data, &mut bits);
            }
            filter.check()?;
        }
        for any in places {
            if is_few(&bits) {
                bits.retain(|doc| any.iter().any(|place| space_match::doc(data, place, doc) == Some(true)));
            } else {
                bits.and(&place_docs(data, any));
            }
        }
        Ok(bits)
    }

    fn docs_by_id(&self, data: &SegmentData) -> Bits {
        let mut bits = Bits::none(data.docs());
        let ids = self.ids.iter();
        if let Some(collections) = self.collections.as_ref().filter(|c| c.len() <= 8) {
            for id in ids {
                collections.iter().flat_map(|c| data.find_item(c, id)).for_each(|doc| bits.insert(doc));
            }
            return bits;
        }
        let (Some(column), Some(names)) =
            (data.column("id", ColumnKind::Text), data.column("collection", ColumnKind::Text))
        else {
            return bits;
        };
        for id in ids {
            if column.dictionary.find_text(id).is_some() {
                let names = (0..names.dictionary.len() as u32).map(|code| names.dictionary.text(code));
                names.flat_map(|name| data.find_item(name, id)).for_each(|doc| bits.insert(doc));
            }
        }
        bits
    }

    /// The place with the fewest candidates, unless it holds most of the segment anyway.
    fn narrowest_place(&self, data: &SegmentData) -> Option<usize> {
        let count =
            |any: &Vec<PreparedGeometry>| any.iter().map(|place| space_match::count_at_most(data, place)).sum::<u64>();
        (0..self.places.len()).min_by_key(|at| count(&self.places[*at]))
    }

    fn restrict_collections(&self, data: &SegmentData, bits: &mut Bits) {
        let Some(wanted) = &self.collections else { return };
        let Some(column) = data.column("collection", ColumnKind::Text) else { return };
        let dictionary = column.dictionary;
        let pass: Vec<bool> = (0..dictionary.len() as u32).map(|code| wanted.contains(dictionary.text(code))).collect();
        if pass.iter().all(|p| *p) {
            return;
        }
        if !pass.iter().any(|p| *p) {
            *bits = Bits::none(data.docs());
        } else if is_few(bits) {
            bits.retain(|doc| column.first_code(doc).is_some_and(|code| pass[code as usize]));
        } else if let Codes::Dense(Narrow::U8(codes)) = column.codes {
            let mut table = [false; 256];
            pass.iter().enumerate().for_each(|(code, p)| table[code + 1] = *p);
            bits.and(&Bits::from_fn(data.docs(), |doc| table[codes[doc as usize] as usize]));
        } else {
            let mut docs = Bits::none(data.docs());
            data.for_each_pair(&column, |doc, code| {
                if pass[code as usize] {
                    docs.insert(doc);
                }
            });
            bits.and(&docs);
        }
    }

    fn restrict_time(&self, data: &SegmentData, bits: &mut Bits) {
        let Some(interval) = self.datetime else { return };
        let from = interval.start.map_or(i64::MIN, |t| t.0);
        let to = interval.end.map_or(i64::MAX, |t| t.0);
        let (start, end) = (data.start(), data.end());
        if is_few(bits) {
            bits.retain(|doc| end[doc as usize] >= from && start[doc as usize] <= to);
        } else {
            bits.and(&Bits::from_fn(data.docs(), |doc| (end[doc as usize] >= from) & (start[doc as usize] <= to)));
        }
    }
}

fn is_few(bits: &Bits) -> bool {
    bits.count() * FEW < u64::from(bits.len())
}

fn place_docs(data: &SegmentData, any: &[PreparedGeometry]) -> Bits {
    let mut all = Bits::none(data.docs());
    for place in any {
        all.or(&space_match::docs(data, place));
    }
    all
}

/// Whether live items of collections that the scope sees have values of a property in a segment. Those that are not live may
/// be hidden ones of a collection that is seen in part.
pub(crate) fn has_property(snapshot: &Snapshot, segment: &SegmentView, property: &str, scope: Scope) -> bool {
    let data = segment.data();
    let Some(names) = data.column("collection", ColumnKind::Text) else { return false };
    let is_seen = |code: u32| snapshot.collection(names.dictionary.text(code), scope).is_some();
    let mut columns = data.columns_of(property).filter(|column| column.collections.iter().any(|code| is_seen(*code)));
    let Some(alive) = segment.alive() else { return columns.next().is_some() };
    let of_seen = |doc: u32| names.first_code(doc).is_some_and(is_seen);
    columns.any(|column| {
        let mut found = false;
        data.for_each_pair(&column, |doc, _| found = found || alive.contains(doc) && of_seen(doc));
        found
    })
}

/// The collections asked for that the scope sees; `None` when nothing is asked for and everything is seen.
fn visible(snapshot: &Snapshot, search: &Search, scope: Scope) -> Option<BTreeSet<String>> {
    let seen = snapshot.collections(scope);
    let everything = snapshot.is_view() || !snapshot.hides(scope);
    if everything && search.collections.is_empty() {
        return None;
    }
    let wanted = |id: &str| search.collections.is_empty() || search.collections.iter().any(|c| c.as_str() == id);
    Some(seen.iter().map(|c| c.collection.id.as_str()).filter(|id| wanted(id)).map(str::to_owned).collect())
}

/// The geometry of a stored item named `COLLECTION.ID`, prepared.
fn referenced(snapshot: &Snapshot, text: &str, scope: Scope) -> Result<PreparedGeometry, Problem> {
    place(snapshot, text, scope).map(|geometry| PreparedGeometry::new(&geometry))
}

/// The geometry of a stored item named `COLLECTION.ID`; the longest collection id that fits and has the item wins.
///
/// # Errors
/// `Invalid` for what does not exist, has no geometry, or is not seen by the scope.
pub fn place(snapshot: &Snapshot, text: &str, scope: Scope) -> Result<geo::Geometry<f64>, Problem> {
    let unknown = |detail: String| {
        Problem::invalid("reference", detail).at("intersectsRefs").allowed("COLLECTION.ID of an item with a geometry")
    };
    let mut ends: Vec<usize> = text.match_indices('.').map(|(at, _)| at).collect();
    ends.reverse();
    let mut missing = None;
    for at in ends {
        let (collection, id) = (&text[..at], &text[at + 1..]);
        if snapshot.collection(collection, scope).is_none() {
            continue;
        }
        let Some((segment, doc)) = snapshot.find(collection, id) else {
            missing.get_or_insert_with(|| unknown(format!("there is no item {id:?} in collection {collection:?}")));
            continue;
        };
        let data = segment.data();
        let flat: Option<FlatGeometry<'_>> = data.geometry_of(doc).and_then(|g| data.geometry(g));
        let flat = flat.ok_or_else(|| unknown(format!("the item {text:?} has no geometry")))?;
        return Ok(flat.to_geometry());
    }
    Err(missing.unwrap_or_else(|| unknown(format!("{text:?} names no item"))))
}
