//! Builds the bytes of a segment file: from rows at a flush, from other segments at a merge.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::column::{ColumnBuilder, ColumnKind, Value};
use super::data::{NO_DOC, NO_GEOMETRY, SegmentData, SegmentMeta, id_hash};
use super::file::SectionWriter;
use super::row::Row;
use super::rtree::{self, PartBox};
use super::touched::{MapBuilder, MapData};

/// Distinct geometries, in order of appearance.
#[derive(Default)]
struct Geometries {
    by_hash: HashMap<u64, Vec<u32>>,
    /// Begin of each geometry in `bytes`, and the end of the last.
    offsets: Vec<usize>,
    bytes: Vec<u8>,
    centroids: Vec<[f64; 2]>,
    parts: Vec<Vec<PartBox>>,
    map: MapBuilder,
}

impl Geometries {
    fn get(&self, at: u32) -> &[u8] {
        &self.bytes[self.offsets[at as usize]..self.offsets[at as usize + 1]]
    }

    /// `elsewhere` is where another segment has the geometry.
    fn add(
        &mut self,
        geometry: &[u8],
        centroid: [f64; 2],
        parts: impl FnOnce() -> Vec<PartBox>,
        elsewhere: Option<(&MapData<'_>, u32)>,
    ) -> u32 {
        let mut hasher = DefaultHasher::new();
        geometry.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.by_hash.get(&hash).and_then(|all| all.iter().copied().find(|at| self.get(*at) == geometry));
        if let Some(at) = known {
            return at;
        }
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        let at = self.centroids.len() as u32;
        self.bytes.extend_from_slice(geometry);
        self.offsets.push(self.bytes.len());
        self.centroids.push(centroid);
        self.parts.push(parts());
        self.map.add(geometry, centroid, elsewhere);
        self.by_hash.entry(hash).or_default().push(at);
        at
    }
}

/// Collects documents in any order; [`SegmentBuilder::finish`] puts them into the segment's.
#[derive(Default)]
pub(crate) struct SegmentBuilder {
    seqs: Vec<u64>,
    ingested: Vec<i64>,
    datetime: Vec<i64>,
    start: Vec<i64>,
    end: Vec<i64>,
    geometry: Vec<u32>,
    geometries: Geometries,
    columns: BTreeMap<(String, ColumnKind), ColumnBuilder>,
}

impl SegmentBuilder {
    fn column(&mut self, name: &str, kind: ColumnKind) -> &mut ColumnBuilder {
        self.columns.entry((name.to_owned(), kind)).or_default()
    }

    /// Number of documents so far.
    pub(crate) fn len(&self) -> u32 {
        self.seqs.len() as u32
    }

    fn add_fixed(&mut self, seq: u64, ingested: i64, times: [i64; 3], geometry: u32) {
        self.seqs.push(seq);
        self.ingested.push(ingested);
        self.datetime.push(times[0]);
        self.start.push(times[1]);
        self.end.push(times[2]);
        self.geometry.push(geometry);
    }

    /// Adds one document.
    pub(crate) fn add(&mut self, row: Row) {
        let doc = self.len();
        let geometry = if row.geometry.is_empty() {
            NO_GEOMETRY
        } else {
            self.geometries.add(&row.geometry, row.centroid, || row.parts, None)
        };
        self.add_fixed(row.seq, row.ingested, [row.datetime, row.start, row.end], geometry);
        self.column("collection", ColumnKind::Text).add(doc, &Value::Text(row.collection));
        self.column("id", ColumnKind::Text).add(doc, &Value::Text(row.id));
        for (name, value) in &row.values {
            // An item's own members win over properties of the same name.
            if !matches!(name.as_str(), "collection" | "id" | "geometry") {
                self.column(name, value.kind()).add(doc, value);
            }
        }
    }

    /// Adds the documents of another segment for which `keep` says so, column by column.
    pub(crate) fn add_segment(&mut self, data: &SegmentData, keep: impl Fn(u32) -> bool) {
        let mut new_doc = vec![NO_DOC; data.docs() as usize];
        let mut parts: Vec<Vec<PartBox>> = vec![Vec::new(); data.geometry_count() as usize];
        for (part, geometry) in data.tree().leaves() {
            parts[geometry as usize].push(part);
        }
        let map = data.map();
        let mut new_geometry = vec![NO_GEOMETRY; data.geometry_count() as usize];
        for doc in (0..data.docs()).filter(|doc| keep(*doc)) {
            new_doc[doc as usize] = self.len();
            let at = doc as usize;
            let geometry = match data.geometry_of(doc) {
                None => NO_GEOMETRY,
                Some(old) => {
                    let slot = &mut new_geometry[old as usize];
                    if *slot == NO_GEOMETRY {
                        let parts = std::mem::take(&mut parts[old as usize]);
                        let known = map.as_ref().map(|map| (map, old));
                        let (bytes, centroid) = (data.geometry_bytes(old), data.centroid(old));
                        *slot = self.geometries.add(bytes, centroid, || parts, known);
                    }
                    *slot
                }
            };
            self.add_fixed(
                data.seqs()[at],
                data.ingested()[at],
                [data.datetime()[at], data.start()[at], data.end()[at]],
                geometry,
            );
        }
        for column in data.columns() {
            let target = self.column(column.name, column.kind);
            let mut codes = vec![u32::MAX; column.dictionary.len()];
            data.for_each_pair(&column, |doc, code| {
                let doc = new_doc[doc as usize];
                if doc == NO_DOC {
                    return;
                }
                let slot = &mut codes[code as usize];
                if *slot == u32::MAX {
                    *slot = match column.kind {
                        ColumnKind::Text => target.text_code(column.dictionary.text(code)),
                        ColumnKind::Number | ColumnKind::Bool => target.number_code(column.dictionary.number(code)),
                    };
                }
                target.pairs.push((doc, *slot));
            });
        }
    }

    /// Bytes held, roughly.
    pub(crate) fn mem_usage(&self) -> usize {
        let columns: usize = self.columns.values().map(ColumnBuilder::mem_usage).sum();
        self.seqs.len() * 44 + self.geometries.bytes.len() * 2 + self.geometries.map.mem_usage() + columns
    }

    /// The file's bytes. `order` lists the sequence numbers of the documents in the segment's order: each added
    /// document exactly once.
    pub(crate) fn finish(mut self, order: &[u64]) -> Result<Vec<u8>, String> {
        let docs = self.len();
        if order.len() != docs as usize {
            return Err(format!("the segment has {} documents, {docs} were added", order.len()));
        }
        let added: HashMap<u64, u32> = self.seqs.iter().zip(0..).map(|(seq, doc)| (*seq, doc)).collect();
        let mut old_of_new = Vec::with_capacity(order.len());
        let mut new_of_old = vec![NO_DOC; order.len()];
        for (new, seq) in order.iter().enumerate() {
            let old = *added.get(seq).ok_or_else(|| format!("the document of sequence {seq} was not added"))?;
            old_of_new.push(old);
            new_of_old[old as usize] = new as u32;
        }
        let mut out = SectionWriter::default();
        let permute = |values: &[i64]| old_of_new.iter().map(|old| values[*old as usize]).collect::<Vec<i64>>();
        let datetime = permute(&self.datetime);
        out.add("seqs", order);
        out.add("ingested", &permute(&self.ingested));
        out.add("start", &permute(&self.start));
        out.add("end", &permute(&self.end));
        out.add("newest", &newest_first(&datetime, order));
        out.add("datetime", &datetime);
        let geometry: Vec<u32> = old_of_new.iter().map(|old| self.geometry[*old as usize]).collect();
        write_geometries(&self.geometries, &geometry, &mut out);
        let columns = std::mem::take(&mut self.columns);
        let meta = write_columns(columns, docs, &new_of_old, &mut out);
        out.finish(&meta).map_err(|e| e.to_string())
    }
}

/// Documents by falling `datetime`, undated last; the newest write first among equals.
fn newest_first(datetime: &[i64], seqs: &[u64]) -> Vec<u32> {
    let mut docs: Vec<u32> = (0..datetime.len() as u32).collect();
    docs.sort_unstable_by_key(|doc| {
        let at = *doc as usize;
        // `NO_TIME` is the smallest of all values, so that undated documents come last.
        std::cmp::Reverse((datetime[at], seqs[at]))
    });
    docs
}

/// Writes the geometries in the order in which documents first use them, and who uses which.
fn write_geometries(all: &Geometries, geometry_of_old: &[u32], out: &mut SectionWriter) {
    let mut final_of = vec![NO_GEOMETRY; all.centroids.len()];
    let mut kept: Vec<u32> = Vec::new();
    let mut of_doc = Vec::with_capacity(geometry_of_old.len());
    for old in geometry_of_old {
        if *old == NO_GEOMETRY {
            of_doc.push(NO_GEOMETRY);
            continue;
        }
        let slot = &mut final_of[*old as usize];
        if *slot == NO_GEOMETRY {
            *slot = kept.len() as u32;
            kept.push(*old);
        }
        of_doc.push(*slot);
    }
    let (mut offsets, mut bytes, mut centroids, mut leaves) = (vec![0u64], Vec::new(), Vec::new(), Vec::new());
    for (new, old) in kept.iter().enumerate() {
        bytes.extend_from_slice(all.get(*old));
        offsets.push(bytes.len() as u64);
        centroids.extend(all.centroids[*old as usize]);
        leaves.extend(all.parts[*old as usize].iter().map(|part| (*part, new as u32)));
    }
    let mut users = vec![0u32; kept.len() + 1];
    for geometry in of_doc.iter().filter(|g| **g != NO_GEOMETRY) {
        users[*geometry as usize + 1] += 1;
    }
    for at in 1..users.len() {
        users[at] += users[at - 1];
    }
    let mut next = users.clone();
    let mut docs = vec![0u32; *users.last().unwrap_or(&0) as usize];
    for (doc, geometry) in of_doc.iter().enumerate().filter(|(_, g)| **g != NO_GEOMETRY) {
        let at = &mut next[*geometry as usize];
        docs[*at as usize] = doc as u32;
        *at += 1;
    }
    let single: Vec<u8> = kept.iter().map(|old| u8::from(all.parts[*old as usize].len() == 1)).collect();
    out.add("geometry/of_doc", &of_doc);
    out.add("geometry/offsets", &offsets);
    out.add("geometry/bytes", &bytes);
    out.add("geometry/centroids", &centroids);
    out.add("geometry/single", &single);
    out.add("geometry/users", &users);
    out.add("geometry/docs", &docs);
    rtree::write(leaves, out);
    all.map.write(&kept, out);
}

fn write_columns(
    mut columns: BTreeMap<(String, ColumnKind), ColumnBuilder>,
    docs: u32,
    new_of_old: &[u32],
    out: &mut SectionWriter,
) -> SegmentMeta {
    let place = |old: u32| new_of_old[old as usize];
    let mut metas = Vec::with_capacity(columns.len());
    let key = |name: &str| (name.to_owned(), ColumnKind::Text);
    let collections = columns.remove(&key("collection")).unwrap_or_default();
    let ids = columns.remove(&key("id")).unwrap_or_default();
    let names = collections.final_codes(docs, place);
    let table = id_table(&collections, &ids, docs, place);
    out.add("ids", &table);
    metas.push(collections.write("collection", ColumnKind::Text, docs, place, &names, out));
    metas.push(ids.write("id", ColumnKind::Text, docs, place, &names, out));
    for ((name, kind), column) in columns {
        if !column.pairs.is_empty() {
            metas.push(column.write(&name, kind, docs, place, &names, out));
        }
    }
    SegmentMeta { docs, columns: metas }
}

/// Open-addressing table from the hash of collection and id to document + 1.
fn id_table(collections: &ColumnBuilder, ids: &ColumnBuilder, docs: u32, place: impl Fn(u32) -> u32) -> Vec<u32> {
    let size = (docs as usize * 2).next_power_of_two().max(2);
    let mut table = vec![0u32; size];
    let (names, texts) = (collections.texts_by_code(), ids.texts_by_code());
    for ((old, collection), (_, id)) in collections.pairs.iter().zip(&ids.pairs) {
        let mut slot = id_hash(names[*collection as usize], texts[*id as usize]) as usize & (size - 1);
        while table[slot] != 0 {
            slot = (slot + 1) & (size - 1);
        }
        table[slot] = place(*old) + 1;
    }
    table
}
