//! What map tiles are drawn from: how dense a search's matches lie, their exact counts by H3 cell, and the matches in a box
//! with their shapes and attributes.

use std::borrow::Cow;

use geo::{MultiPolygon, Rect};
use nilometer_indexer::Snapshot;
use nilometer_indexer::geometry::{CellGrid, FlatGeometry};
use nilometer_indexer::segment::{
    Bits, CENTROID_ZOOM, Column, ColumnKind, NO_TIME, SegmentData, TOUCHED_RESOLUTION_MAX, packed_cell, packed_cells,
};
use nilometer_schemas::{Bbox, Instant, Problem, Scope, Search};

use crate::matched;
use crate::plan::Plan;
use crate::space::PreparedGeometry;

/// How dense the matches of a search lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Density {
    /// All matching items that have a geometry.
    pub items: u64,
    /// By zoom from 0 to [`CENTROID_ZOOM`]: the items of the web-mercator tile that holds the most, each counted in the
    /// tile of its centroid. Never rises with the zoom.
    pub fullest: [u64; CENTROID_ZOOM as usize + 1],
}

/// How dense the matches of a search lie, exactly.
///
/// # Errors
/// As [`crate::search`].
pub fn density(snapshot: &Snapshot, search: &Search, scope: Scope) -> Result<Density, Problem> {
    let plan = Plan::new(snapshot, search, scope)?;
    // Most of the time goes into touching these: the narrower the better.
    let mut counts = vec![0u32; 1 << (2 * CENTROID_ZOOM)];
    let mut items = 0;
    for segment in matched(&plan) {
        let (segment, matches) = segment?;
        let data = segment.data();
        let (shapes, tiles) = (data.geometry_of_doc(), data.centroid_tiles());
        matches.for_each(|doc| {
            if let Some(tile) = tiles.get(shapes[doc as usize] as usize) {
                counts[*tile as usize] += 1;
                items += 1;
            }
        });
    }
    let mut fullest = [0; CENTROID_ZOOM as usize + 1];
    for zoom in (0..=usize::from(CENTROID_ZOOM)).rev() {
        fullest[zoom] = counts.iter().copied().max().unwrap_or(0).into();
        counts = counts.chunks(4).map(|quarters| quarters.iter().sum()).collect();
    }
    Ok(Density { items, fullest })
}

/// Exact counts by H3 cell of the items whose touched cells the segments keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellCounts {
    /// Cells and counts, by cell, ascending; cells without a match are left out.
    pub counts: Vec<(u64, u64)>,
    /// Whether there are matches besides, too wide for their cells to be kept: [`counts_in`] counts those.
    pub has_wide: bool,
}

/// Exact counts by H3 cell over the whole search: an item counts once in each cell that its geometry touches.
///
/// # Errors
/// As [`crate::search`], and `Internal` for a resolution that segments do not keep, which is for [`counts_in`].
pub fn counts(snapshot: &Snapshot, search: &Search, scope: Scope, resolution: u8) -> Result<CellCounts, Problem> {
    let plan = Plan::new(snapshot, search, scope)?;
    let mut by_cell = vec![0u64; packed_cells(resolution)];
    let mut has_wide = false;
    for segment in matched(&plan) {
        let (segment, matches) = segment?;
        let data = segment.data();
        let touched = data.touched_cells(resolution).ok_or_else(|| {
            crate::plan::internal(format!("segments keep cells of resolutions 1 to {TOUCHED_RESOLUTION_MAX}"))
        })?;
        for_each_shape(data, &matches, |shape, items| match touched.of(shape) {
            Some(cells) => cells.iter().for_each(|cell| by_cell[*cell as usize] += items),
            None => has_wide = true,
        });
    }
    let found = by_cell.into_iter().zip(0..).filter(|(count, _)| *count > 0);
    Ok(CellCounts { counts: found.map(|(count, cell)| (packed_cell(cell, resolution), count)).collect(), has_wide })
}

/// Exact counts of the cells of a grid, by cell, ascending: as [`counts`], for the cells of a region alone, of all
/// matches or, with `only_wide`, of those that [`counts`] leaves out.
///
/// # Errors
/// As [`crate::search`].
pub fn counts_in(
    snapshot: &Snapshot,
    search: &Search,
    scope: Scope,
    grid: &CellGrid,
    only_wide: bool,
) -> Result<Vec<(u64, u64)>, Problem> {
    let boxes = grid.boxes().into_iter().map(|[w, s, e, n]| Rect::new((w, s), (e, n)).to_polygon()).collect();
    let mut counts = vec![0u64; grid.indices().count()];
    if !counts.is_empty() {
        let mut plan = Plan::new(snapshot, search, scope)?;
        plan.and_place(PreparedGeometry::new(&MultiPolygon(boxes).into()));
        for segment in matched(&plan) {
            let (segment, matches) = segment?;
            let data = segment.data();
            let kept = if only_wide { data.touched_cells(grid.resolution()) } else { None };
            for_each_shape(data, &matches, |shape, items| {
                if kept.is_some_and(|kept| kept.of(shape).is_some()) {
                    return;
                }
                if let Some(flat) = data.geometry(shape) {
                    grid.touched(&flat, |at| counts[at] += items);
                }
            });
        }
    }
    Ok(grid.indices().zip(counts).filter(|(_, count)| *count > 0).collect())
}

/// Calls `f` with each distinct shape of the matches and the number of matches that have it.
pub(crate) fn for_each_shape(data: &SegmentData, matches: &Bits, mut f: impl FnMut(u32, u64)) {
    // Equal footprints stand together: most runs of documents share their shape.
    let (shapes, mut run): (&[u32], Option<(u32, u64)>) = (data.geometry_of_doc(), None);
    let known = data.geometry_count();
    matches.for_each(|doc| {
        let shape = shapes[doc as usize];
        match &mut run {
            Some((of, items)) if *of == shape => *items += 1,
            _ => {
                if let Some((of, items)) = run.filter(|(of, _)| *of < known) {
                    f(of, items);
                }
                run = Some((shape, 1));
            }
        }
    });
    if let Some((of, items)) = run.filter(|(of, _)| *of < known) {
        f(of, items);
    }
}

/// A matching item on its way to a map.
pub struct MapItem<'a> {
    /// The segment that holds it.
    pub data: &'a SegmentData,
    /// Its document there.
    pub doc: u32,
    /// Its shape.
    pub shape: u32,
}

impl<'a> MapItem<'a> {
    /// Sequence number of its write.
    pub fn seq(&self) -> u64 {
        self.data.seqs()[self.doc as usize]
    }

    /// Its exact geometry; `None` when that is damaged.
    pub fn geometry(&self) -> Option<FlatGeometry<'a>> {
        self.data.geometry(self.shape)
    }
}

/// Calls `f` with each item of the search whose geometry shares a point with the box, segment by segment.
///
/// # Errors
/// As [`crate::search`].
pub fn items_in<R>(
    snapshot: &Snapshot,
    search: &Search,
    scope: Scope,
    bbox: Bbox,
    f: impl FnOnce(&mut dyn Iterator<Item = MapItem<'_>>) -> R,
) -> Result<R, Problem> {
    let mut plan = Plan::new(snapshot, search, scope)?;
    plan.and_place(PreparedGeometry::from_bbox(bbox));
    let segments = matched(&plan).collect::<Result<Vec<_>, _>>()?;
    let mut items = segments.iter().flat_map(|(segment, matches)| {
        let data = segment.data();
        matches.iter().filter_map(move |doc| Some(MapItem { data, doc, shape: data.geometry_of(doc)? }))
    });
    Ok(f(&mut items))
}

/// A value of an item as a map carries it.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute<'a> {
    /// A text; several values of one property are a JSON array in it.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
}

/// Chosen properties of one segment, found once for many items.
pub struct Attributes<'a> {
    data: &'a SegmentData,
    columns: Vec<Vec<Column<'a>>>,
    names: &'a [String],
}

impl<'a> Attributes<'a> {
    /// Finds the columns of the named properties, latest values among them; what a segment does not have has no values.
    pub fn new(data: &'a SegmentData, names: &'a [String]) -> Self {
        let columns = names.iter().map(|name| data.columns_of(name).collect()).collect();
        Self { data, columns, names }
    }

    /// The value of the property at a place among the names.
    pub fn get(&self, doc: u32, at: usize) -> Option<Attribute<'a>> {
        let time = |micros: &[i64]| {
            let micros = micros[doc as usize];
            (micros != NO_TIME).then(|| Attribute::Text(Instant(micros).to_string().into()))
        };
        match self.names.get(at)?.as_str() {
            "datetime" => return time(self.data.datetime()),
            "start_datetime" => return time(self.data.start()),
            "end_datetime" => return time(self.data.end()),
            "ingested" => return time(self.data.ingested()),
            _ => {}
        }
        let mut values = Vec::new();
        for column in &self.columns[at] {
            column.for_each_code(doc, |code| {
                values.push(match column.kind {
                    ColumnKind::Text => Attribute::Text(column.dictionary.text(code).into()),
                    ColumnKind::Number => Attribute::Number(column.dictionary.number(code)),
                    ColumnKind::Bool => Attribute::Bool(column.dictionary.number(code) == 1.0),
                });
            });
        }
        if values.len() <= 1 {
            return values.pop();
        }
        let list: Vec<serde_json::Value> = values
            .into_iter()
            .map(|value| match value {
                Attribute::Text(text) => text.into_owned().into(),
                Attribute::Number(number) => number.into(),
                Attribute::Bool(truth) => truth.into(),
            })
            .collect();
        Some(Attribute::Text(serde_json::Value::from(list).to_string().into()))
    }
}
