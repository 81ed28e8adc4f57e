//! An opened segment file: arrays by document, geometries, the tree and the property columns, without copying.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use nilometer_schemas::GridKind;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tantivy::directory::OwnedBytes;

use super::bits::Bits;
use super::column::{Codes, Column, ColumnKind, ColumnMeta, ColumnPlace};
use super::file::{SectionWriter, Sections};
use super::latest::LatestColumns;
use super::rtree::{Tree, TreePlace};
use super::touched::{MapBuilder, MapData, MapPlaces, TouchedCells};
use super::word_sets::WordSets;
use crate::geometry::FlatGeometry;

/// No document.
pub(crate) const NO_DOC: u32 = u32::MAX;
/// No geometry.
pub(crate) const NO_GEOMETRY: u32 = u32::MAX;

/// What the file's directory says beside the sections.
#[derive(Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    pub(crate) docs: u32,
    pub(crate) columns: Vec<ColumnMeta>,
}

/// Hash of an item's identity (FNV-1a, 64 bits, folded): stable, since it is part of the file.
pub(crate) fn id_hash(collection: &str, id: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in collection.bytes().chain([0]).chain(id.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^ (hash >> 32)
}

struct Places {
    seqs: Range<usize>,
    ingested: Range<usize>,
    datetime: Range<usize>,
    start: Range<usize>,
    end: Range<usize>,
    newest: Range<usize>,
    ids: Range<usize>,
    geometry_of_doc: Range<usize>,
    geometry_offsets: Range<usize>,
    geometry_bytes: Range<usize>,
    centroids: Range<usize>,
    single: Range<usize>,
    users: Range<usize>,
    user_docs: Range<usize>,
}

impl Places {
    fn find(sections: &Sections) -> Option<Self> {
        let range = |name: &str| sections.range(name);
        Some(Self {
            seqs: range("seqs")?,
            ingested: range("ingested")?,
            datetime: range("datetime")?,
            start: range("start")?,
            end: range("end")?,
            newest: range("newest")?,
            ids: range("ids")?,
            geometry_of_doc: range("geometry/of_doc")?,
            geometry_offsets: range("geometry/offsets")?,
            geometry_bytes: range("geometry/bytes")?,
            centroids: range("geometry/centroids")?,
            single: range("geometry/single")?,
            users: range("geometry/users")?,
            user_docs: range("geometry/docs")?,
        })
    }

    /// Whether the fixed arrays have one entry per document.
    fn fit(&self, docs: u32) -> bool {
        let docs = docs as usize;
        [&self.seqs, &self.ingested, &self.datetime, &self.start, &self.end].iter().all(|r| r.len() == docs * 8)
            && [&self.newest, &self.geometry_of_doc].iter().all(|r| r.len() == docs * 4)
    }
}

/// The grid cell of every geometry's centroid at one precision.
pub struct Cells {
    /// Position in `cells`, by geometry.
    pub ordinals: Vec<u32>,
    /// The distinct cells, ascending.
    pub cells: Vec<u64>,
}

/// Cells by grid and precision, computed when first asked for.
#[derive(Default)]
struct CellCache(Mutex<BTreeMap<(u8, u8), Arc<Cells>>>);

/// The file itself, opened once.
pub(crate) struct SegmentCore {
    sections: Sections,
    docs: u32,
    places: Places,
    tree: TreePlace,
    columns: Vec<ColumnPlace>,
    cells: CellCache,
    word_sets: WordSets,
    map: Option<MapPlaces>,
    /// For a file without a map, made when first asked for.
    map_made: OnceLock<Option<(Sections, MapPlaces)>>,
    max_seq: OnceLock<u64>,
}

impl SegmentCore {
    /// Opens a file; `None` when its frame is damaged or of another version. Contents are verified by `check`.
    pub(crate) fn open(bytes: OwnedBytes) -> Option<Self> {
        let (sections, meta): (Sections, SegmentMeta) = Sections::open(bytes)?;
        let places = Places::find(&sections).filter(|p| p.fit(meta.docs))?;
        let tree = TreePlace::find(&sections)?;
        let map = MapPlaces::find(&sections);
        let columns = meta.columns.into_iter().map(|m| ColumnPlace::find(m, &sections)).collect::<Option<Vec<_>>>()?;
        Some(Self {
            sections,
            docs: meta.docs,
            places,
            tree,
            columns,
            cells: CellCache::default(),
            word_sets: WordSets::default(),
            map,
            map_made: OnceLock::new(),
            max_seq: OnceLock::new(),
        })
    }

    /// Number of documents, deleted ones included.
    pub(crate) fn docs(&self) -> u32 {
        self.docs
    }

    pub(super) fn geometry_count(&self) -> u32 {
        (self.places.centroids.len() / 16) as u32
    }

    pub(super) fn geometry_bytes(&self, geometry: u32) -> &[u8] {
        let offsets: &[u64] = self.sections.at(&self.places.geometry_offsets);
        let bytes: &[u8] = self.sections.at(&self.places.geometry_bytes);
        &bytes[offsets[geometry as usize] as usize..offsets[geometry as usize + 1] as usize]
    }

    pub(super) fn centroids(&self) -> &[[f64; 2]] {
        self.sections.at(&self.places.centroids)
    }

    /// `None` cannot be: what is written can be opened.
    fn map(&self) -> Option<MapData<'_>> {
        if let Some(places) = &self.map {
            return Some(places.data(&self.sections));
        }
        let made = self.map_made.get_or_init(|| {
            let mut builder = MapBuilder::default();
            for geometry in 0..self.geometry_count() {
                builder.add(self.geometry_bytes(geometry), self.centroids()[geometry as usize], None);
            }
            let mut out = SectionWriter::default();
            builder.write(&(0..self.geometry_count()).collect::<Vec<u32>>(), &mut out);
            let (sections, ()) = Sections::open(OwnedBytes::new(out.finish(&()).ok()?))?;
            let places = MapPlaces::find(&sections)?;
            Some((sections, places))
        });
        made.as_ref().map(|(sections, places)| places.data(sections))
    }

    fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.columns.iter().map(|place| place.column(&self.sections))
    }
}

/// An opened segment file, with the latest values of the features in it as further columns.
#[derive(Clone)]
pub struct SegmentData {
    core: Arc<SegmentCore>,
    latest: Arc<LatestColumns>,
}

impl SegmentData {
    pub(crate) fn new(core: Arc<SegmentCore>, latest: Arc<LatestColumns>) -> Self {
        Self { core, latest }
    }

    /// The file without any latest values, as merges need it.
    pub(crate) fn alone(core: SegmentCore) -> Self {
        Self::new(Arc::new(core), Arc::new(LatestColumns::new(Arc::default())))
    }

    /// The same file beside other latest values.
    pub(crate) fn with_latest(&self, latest: Arc<LatestColumns>) -> Self {
        Self { core: self.core.clone(), latest }
    }

    pub(crate) fn core(&self) -> &Arc<SegmentCore> {
        &self.core
    }

    pub(crate) fn latest(&self) -> &Arc<LatestColumns> {
        &self.latest
    }

    /// Number of documents, deleted ones included.
    pub fn docs(&self) -> u32 {
        self.core.docs
    }

    /// Sequence number of each document's write.
    pub fn seqs(&self) -> &[u64] {
        self.core.sections.at(&self.core.places.seqs)
    }

    /// The newest sequence number in the segment.
    pub fn max_seq(&self) -> u64 {
        *self.core.max_seq.get_or_init(|| self.seqs().iter().copied().max().unwrap_or(0))
    }

    /// Time of each document's write, µs.
    pub fn ingested(&self) -> &[i64] {
        self.core.sections.at(&self.core.places.ingested)
    }

    /// `datetime` of each document, µs; [`super::NO_TIME`] where it is null.
    pub fn datetime(&self) -> &[i64] {
        self.core.sections.at(&self.core.places.datetime)
    }

    /// First moment of each document, µs.
    pub fn start(&self) -> &[i64] {
        self.core.sections.at(&self.core.places.start)
    }

    /// Last moment of each document, µs.
    pub fn end(&self) -> &[i64] {
        self.core.sections.at(&self.core.places.end)
    }

    /// Documents by falling `datetime`, undated last, the newest write first among equals.
    pub fn newest_first(&self) -> &[u32] {
        self.core.sections.at(&self.core.places.newest)
    }

    /// The tree over part boxes; its leaves name geometries.
    pub fn tree(&self) -> Tree<'_> {
        self.core.tree.tree(&self.core.sections)
    }

    /// Number of distinct geometries.
    pub fn geometry_count(&self) -> u32 {
        self.core.geometry_count()
    }

    /// A document's geometry.
    pub fn geometry_of(&self, doc: u32) -> Option<u32> {
        let geometry = self.geometry_of_doc()[doc as usize];
        (geometry != NO_GEOMETRY).then_some(geometry)
    }

    /// The geometry of every document; `u32::MAX` for none.
    pub fn geometry_of_doc(&self) -> &[u32] {
        self.core.sections.at(&self.core.places.geometry_of_doc)
    }

    pub(crate) fn geometry_bytes(&self, geometry: u32) -> &[u8] {
        self.core.geometry_bytes(geometry)
    }

    /// The exact shape of a geometry; `None` when it is damaged.
    pub fn geometry(&self, geometry: u32) -> Option<FlatGeometry<'_>> {
        FlatGeometry::decode(self.geometry_bytes(geometry))
    }

    /// Planar centroid of a geometry, longitude and latitude.
    pub fn centroid(&self, geometry: u32) -> [f64; 2] {
        self.core.centroids()[geometry as usize]
    }

    /// Whether a geometry has one part, so that its box being covered decides the whole.
    pub fn is_single_part(&self, geometry: u32) -> bool {
        let all: &[u8] = self.core.sections.at(&self.core.places.single);
        all[geometry as usize] == 1
    }

    /// The documents that have a geometry, ascending.
    pub fn docs_of_geometry(&self, geometry: u32) -> &[u32] {
        let users: &[u32] = self.core.sections.at(&self.core.places.users);
        let docs: &[u32] = self.core.sections.at(&self.core.places.user_docs);
        &docs[users[geometry as usize] as usize..users[geometry as usize + 1] as usize]
    }

    /// All columns, those of latest values among them.
    pub fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.core.columns().chain(self.latest.columns(self))
    }

    /// The columns that the file itself holds.
    pub(crate) fn stored_columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.core.columns()
    }

    /// The columns of latest values.
    pub(crate) fn latest_columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.latest.columns(self)
    }

    /// The columns of a property, one per type its values have.
    pub fn columns_of(&self, name: &str) -> impl Iterator<Item = Column<'_>> {
        // Latest values are only made when somebody asks for them.
        let latest = LatestColumns::has_name(name).then(|| self.latest.columns(self)).into_iter().flatten();
        let own = self.core.columns.iter().filter(move |place| place.meta.name == name);
        let own = own.map(|place| place.column(&self.core.sections));
        own.chain(latest.filter(move |column| column.name == name))
    }

    /// The columns of a property and, where it is an object, of what is in it.
    pub fn columns_within<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Column<'a>> {
        let is_within = move |own: &str| own.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let within = self.core.columns.iter().filter(move |place| is_within(&place.meta.name));
        self.columns_of(name).chain(within.map(|place| place.column(&self.core.sections)))
    }

    /// The column of a property and type.
    pub fn column(&self, name: &str, kind: ColumnKind) -> Option<Column<'_>> {
        self.columns_of(name).find(|column| column.kind == kind)
    }

    /// Calls `f` with each document and code of a column, by document.
    pub fn for_each_pair(&self, column: &Column<'_>, mut f: impl FnMut(u32, u32)) {
        match column.codes {
            Codes::Dense(codes) => {
                for doc in 0..self.core.docs {
                    let code = codes.get(doc as usize);
                    if code > 0 {
                        f(doc, code - 1);
                    }
                }
            }
            Codes::Pairs(docs, codes) => docs.iter().enumerate().for_each(|(at, doc)| f(*doc, codes.get(at))),
        }
    }

    /// The documents of an item's identity, deleted ones included (a segment may hold several writes of one item).
    pub fn find_item(&self, collection: &str, id: &str) -> Vec<u32> {
        let table: &[u32] = self.core.sections.at(&self.core.places.ids);
        let (Some(collections), Some(ids)) =
            (self.column("collection", ColumnKind::Text), self.column("id", ColumnKind::Text))
        else {
            return Vec::new();
        };
        let mask = table.len() - 1;
        let mut slot = id_hash(collection, id) as usize & mask;
        let mut found = Vec::new();
        while table[slot] != 0 {
            let doc = table[slot] - 1;
            let is = |column: &Column<'_>, text: &str| {
                column.first_code(doc).is_some_and(|code| column.dictionary.text(code) == text)
            };
            if is(&ids, id) && is(&collections, collection) {
                found.push(doc);
            }
            slot = (slot + 1) & mask;
        }
        found
    }

    /// The collection of a document.
    pub fn collection_of(&self, doc: u32) -> &str {
        self.text_of("collection", doc)
    }

    /// The id of a document.
    pub fn id_of(&self, doc: u32) -> &str {
        self.text_of("id", doc)
    }

    fn text_of(&self, name: &str, doc: u32) -> &str {
        let Some(column) = self.column(name, ColumnKind::Text) else { return "" };
        column.first_code(doc).map_or("", |code| column.dictionary.text(code))
    }

    /// The documents that words match, deleted ones among them: kept under a name that says which words, or made.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn word_set<E>(&self, name: &str, make: impl FnOnce() -> Result<Bits, E>) -> Result<Arc<Bits>, E> {
        self.core.word_sets.get(name, make)
    }

    /// The cell of every geometry's centroid, as `cell_of` (longitude, latitude) says; computed once for a grid and precision.
    pub fn centroid_cells(&self, grid: GridKind, precision: u8, cell_of: impl Fn(f64, f64) -> u64) -> Arc<Cells> {
        let key = (grid as u8, precision);
        if let Some(cells) = self.core.cells.0.lock().get(&key) {
            return cells.clone();
        }
        let of_geometry: Vec<u64> = self.core.centroids().iter().map(|c| cell_of(c[0], c[1])).collect();
        let mut cells = of_geometry.clone();
        cells.sort_unstable();
        cells.dedup();
        let ordinals = of_geometry.iter().map(|cell| cells.partition_point(|c| c < cell) as u32).collect();
        let cells = Arc::new(Cells { ordinals, cells });
        self.core.cells.0.lock().insert(key, cells.clone());
        cells
    }

    /// The H3 cells that every geometry touches; `None` but for resolutions 1 to [`super::TOUCHED_RESOLUTION_MAX`].
    pub fn touched_cells(&self, resolution: u8) -> Option<TouchedCells<'_>> {
        self.map()?.touched(resolution)
    }

    pub(super) fn map(&self) -> Option<MapData<'_>> {
        self.core.map()
    }

    /// By geometry, the web-mercator tile of its centroid at [`super::CENTROID_ZOOM`], with the bits of column and row
    /// interleaved: shifted right by two it is the tile one zoom above.
    pub fn centroid_tiles(&self) -> &[u32] {
        self.core.map().map_or(&[], |map| map.tiles())
    }
}
