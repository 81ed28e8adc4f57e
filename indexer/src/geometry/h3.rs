//! The H3 cells that a geometry touches.

use std::collections::{HashMap, HashSet};

use geo::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use h3o::{CellIndex, LatLng, Resolution};

use super::bands::{Bands, rings_of};
use super::boxes::grow;
use super::cut::{HalfPlane, cut_polygon};
use super::flat::{FlatGeometry, PartKind};
use super::planar::{Position, boxes_touch, segment_touches_box};
use super::simple::simple_members;

/// How far from a shape's first position a touched cell is sought. Edges of cells are arcs on the globe and straight here, so the
/// cell that H3 gives for a position may be a neighbour of the one whose outline holds it.
const SEED_RINGS_MAX: u32 = 3;
/// Cells that a [`CellFinder`] remembers, about 10 MB.
const KNOWN_MAX: usize = 20_000;
/// Wider than any crack that rounding leaves between the outlines of neighbouring cells.
const CRACK_DEGREES_MAX: f64 = 1e-6;

/// The H3 cells (resolution 0 to 15) that share a point with the geometry, sorted.
///
/// A cell is the closed polygon of its H3 boundary vertices joined by straight lines in longitude and latitude, as
/// [`h3_boundary`] gives it. Each simple part is connected, so the cells it touches are found from one of them by
/// neighbours. A geometry within ±180 degrees that is not empty touches at least one cell.
///
/// `None` if there are more than `max_cells`, if the resolution is above 15, or if positions are not finite.
pub fn h3_cells(geometry: &Geometry<f64>, resolution: u8, max_cells: usize) -> Option<Vec<u64>> {
    CellFinder::default().cells(geometry, resolution, max_cells)
}

/// Finds the cells of many shapes, with what it learned of the cells it met before: shapes that follow each other are often near.
#[derive(Default)]
pub struct CellFinder {
    known: HashMap<CellIndex, Known>,
}

/// What is known of a cell.
struct Known {
    centre: Position,
    outline: Outline,
    /// The cell itself among them; empty until somebody goes on from here.
    neighbours: Vec<CellIndex>,
}

impl Known {
    fn of(cell: CellIndex) -> Self {
        let centre = LatLng::from(cell);
        Self { centre: [centre.lng(), centre.lat()], outline: Outline::of(cell), neighbours: Vec::new() }
    }

    fn is_touched_by(&self, shape: &Bands) -> bool {
        // The centre lies in the outline and costs less: enough for the cells inside a large shape.
        shape.contains(self.centre) || self.outline.is_touched_by(shape)
    }
}

impl CellFinder {
    /// As [`h3_cells`].
    pub fn cells(&mut self, geometry: &Geometry<f64>, resolution: u8, max_cells: usize) -> Option<Vec<u64>> {
        let resolution = Resolution::try_from(resolution).ok()?;
        let mut cells = HashSet::new();
        for (rings, is_area) in simple_members(geometry).iter().flat_map(rings_of) {
            let Some(shape) = Bands::new(&rings, is_area) else { continue };
            self.spread(&shape, rings[0][0], resolution, max_cells, &mut cells)?;
        }
        let mut sorted: Vec<u64> = cells.into_iter().map(u64::from).collect();
        sorted.sort_unstable();
        Some(sorted)
    }

    fn known(&mut self, cell: CellIndex) -> &mut Known {
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
        }
        self.known.entry(cell).or_insert_with(|| Known::of(cell))
    }

    /// The cell and those around it.
    fn neighbours(&mut self, cell: CellIndex) -> Vec<CellIndex> {
        let known = self.known(cell);
        if known.neighbours.is_empty() {
            known.neighbours = cell.grid_disk(1);
        }
        known.neighbours.clone()
    }

    /// Adds the cells that one connected shape touches.
    fn spread(
        &mut self,
        shape: &Bands,
        first: Position,
        resolution: Resolution,
        max_cells: usize,
        cells: &mut HashSet<CellIndex>,
    ) -> Option<()> {
        let seed = LatLng::new(first[1], first[0]).ok()?.to_cell(resolution);
        let known = self.known(seed);
        if known.outline.encloses(shape.bounds()) {
            cells.insert(seed);
            return (cells.len() <= max_cells).then_some(());
        }
        let mut seen = HashSet::from([seed]);
        let mut waiting = Vec::new();
        if known.outline.is_touched_by(shape) {
            waiting.push(seed);
        } else {
            for k in 1..=SEED_RINGS_MAX {
                let ring: Vec<CellIndex> = seed.grid_disk(k);
                for cell in ring {
                    if seen.insert(cell) && self.known(cell).outline.is_touched_by(shape) {
                        waiting.push(cell);
                    }
                }
                if !waiting.is_empty() {
                    break;
                }
            }
            if waiting.is_empty() {
                // A position in the crack that rounding leaves between outlines.
                cells.insert(seed);
            }
        }
        let mut found = 0;
        while let Some(cell) = waiting.pop() {
            cells.insert(cell);
            found += 1;
            if cells.len() > max_cells || found > max_cells {
                return None;
            }
            for neighbour in self.neighbours(cell) {
                if seen.insert(neighbour) && self.known(neighbour).is_touched_by(shape) {
                    waiting.push(neighbour);
                }
            }
        }
        (cells.len() <= max_cells).then_some(())
    }
}

/// All H3 cells of one resolution that share a point with a region, prepared to tell of many shapes which of these cells they
/// touch. Of a shape that reaches far beyond the region only the cells of the region are looked at.
pub struct CellGrid {
    resolution: u8,
    /// Ascending by index.
    cells: Vec<GridCell>,
    bounds: [f64; 4],
    /// Positions in `cells` by bucket, rows from the south; each bucket lists the cells whose bounds meet it.
    buckets: Vec<Vec<u32>>,
    columns: usize,
    rows: usize,
}

struct GridCell {
    index: u64,
    known: Known,
}

impl CellGrid {
    /// The cells that share a point with `region`, which lies within ±180 degrees.
    ///
    /// `None` if there are more than `max_cells` or the resolution is above 15.
    pub fn over(region: &Geometry<f64>, resolution: u8, max_cells: usize) -> Option<Self> {
        let mut cells = Vec::new();
        let mut finder = CellFinder::default();
        for index in finder.cells(region, resolution, max_cells)? {
            let cell = CellIndex::try_from(index).ok()?;
            cells.push(GridCell { index, known: finder.known.remove(&cell).unwrap_or_else(|| Known::of(cell)) });
        }
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for (_, b) in cells.iter().flat_map(|cell| &cell.known.outline.pieces) {
            grow(&mut bounds, [b[0], b[1]]);
            grow(&mut bounds, [b[2], b[3]]);
        }
        // About one cell to a bucket.
        let side = (cells.len() as f64).sqrt().ceil().max(1.0) as usize;
        let mut grid =
            Self { resolution, cells, bounds, buckets: vec![Vec::new(); side * side], columns: side, rows: side };
        for at in 0..grid.cells.len() {
            let pieces: Vec<[f64; 4]> = grid.cells[at].known.outline.pieces.iter().map(|(_, b)| *b).collect();
            for piece in pieces {
                for bucket in grid.buckets_of(piece).collect::<Vec<_>>() {
                    if grid.buckets[bucket].last() != Some(&(at as u32)) {
                        grid.buckets[bucket].push(at as u32);
                    }
                }
            }
        }
        Some(grid)
    }

    /// The cells' resolution.
    pub fn resolution(&self) -> u8 {
        self.resolution
    }

    /// At most two boxes (west, south, east, north; degrees) around all cells: one in each half of the globe, so that
    /// cells at the antimeridian do not span the map.
    pub fn boxes(&self) -> Vec<[f64; 4]> {
        let mut halves: [Option<[f64; 4]>; 2] = [None; 2];
        for (_, b) in self.cells.iter().flat_map(|cell| &cell.known.outline.pieces) {
            let half = &mut halves[usize::from(b[0] + b[2] > 0.0)];
            let around = half.get_or_insert(*b);
            grow(around, [b[0], b[1]]);
            grow(around, [b[2], b[3]]);
        }
        halves.into_iter().flatten().collect()
    }

    /// The cells' indices, ascending.
    pub fn indices(&self) -> impl Iterator<Item = u64> + '_ {
        self.cells.iter().map(|cell| cell.index)
    }

    fn buckets_of(&self, bounds: [f64; 4]) -> impl Iterator<Item = usize> + use<> {
        let place = |v: f64, low: f64, high: f64, count: usize| {
            (((v - low) / (high - low) * count as f64).max(0.0) as usize).min(count - 1)
        };
        let [w, s, e, n] = self.bounds;
        let (from, to) = (place(bounds[0], w, e, self.columns), place(bounds[2], w, e, self.columns));
        let (low, high) = (place(bounds[1], s, n, self.rows), place(bounds[3], s, n, self.rows));
        let columns = self.columns;
        (low..=high).flat_map(move |row| (from..=to).map(move |column| row * columns + column))
    }

    /// Calls `f` once with the position (as in [`CellGrid::indices`]) of each cell that the shape touches, in no order.
    ///
    /// A cell is touched exactly if [`h3_cells`] of the shape lists it.
    pub fn touched(&self, shape: &FlatGeometry<'_>, mut f: impl FnMut(usize)) {
        let mut found: Vec<u32> = Vec::new();
        for part in shape.parts() {
            let rings = part.rings();
            match part.kind() {
                PartKind::Points => rings.flatten().for_each(|point| self.find(&[vec![*point]], false, &mut found)),
                PartKind::Line => rings.for_each(|line| self.find(&[line.to_vec()], false, &mut found)),
                PartKind::Polygon => self.find(&rings.map(<[Position]>::to_vec).collect::<Vec<_>>(), true, &mut found),
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().for_each(|at| f(at as usize));
    }

    /// Adds the cells that one simple member touches.
    fn find(&self, rings: &[Vec<Position>], is_area: bool, found: &mut Vec<u32>) {
        let Some(bands) = Bands::new(rings, is_area) else { return };
        if boxes_touch(bands.bounds(), self.bounds) {
            let mut near: Vec<u32> =
                self.buckets_of(bands.bounds()).flat_map(|bucket| self.buckets[bucket].iter().copied()).collect();
            near.sort_unstable();
            near.dedup();
            let before = found.len();
            found.extend(near.into_iter().filter(|at| self.cells[*at as usize].known.is_touched_by(&bands)));
            if found.len() == before {
                self.add_from_crack(&bands, rings[0][0], found);
            }
        }
    }

    /// A member that lies in the crack which rounding leaves between outlines is given to a cell by [`h3_cells`] alone.
    fn add_from_crack(&self, shape: &Bands, first: Position, found: &mut Vec<u32>) {
        let [w, s, e, n] = shape.bounds();
        if e - w > CRACK_DEGREES_MAX || n - s > CRACK_DEGREES_MAX {
            return;
        }
        let mut cells = HashSet::new();
        let Ok(resolution) = Resolution::try_from(self.resolution) else { return };
        if CellFinder::default().spread(shape, first, resolution, usize::MAX, &mut cells).is_some() {
            let places = cells.into_iter().filter_map(|c| self.cells.binary_search_by_key(&c.into(), |g| g.index).ok());
            found.extend(places.map(|at| at as u32));
        }
    }
}

/// A cell's outline in longitude and latitude.
///
/// One polygon, or two for a cell cut by the antimeridian, within ±180. A cell with a pole inside reaches along it from
/// -180 to 180. `None` if `cell` is no H3 cell.
pub fn h3_boundary(cell: u64) -> Option<MultiPolygon<f64>> {
    let outline = Outline::of(CellIndex::try_from(cell).ok()?);
    let polygon = |(ring, _): (Vec<Position>, [f64; 4])| {
        Polygon::new(LineString(ring.into_iter().map(|[x, y]| Coord { x, y }).collect()), Vec::new())
    };
    Some(MultiPolygon(outline.pieces.into_iter().map(polygon).collect()))
}

/// Closed rings within ±180 degrees, each with its bounds.
struct Outline {
    pieces: Vec<(Vec<Position>, [f64; 4])>,
}

impl Outline {
    fn of(cell: CellIndex) -> Self {
        let mut ring: Vec<Position> = cell.boundary().iter().map(|v| [v.lng(), v.lat()]).collect();
        ring.push(ring[0]);
        let crosses = ring.windows(2).any(|edge| (edge[1][0] - edge[0][0]).abs() > 180.0);
        if !crosses {
            return Self { pieces: vec![with_bounds(ring)] };
        }
        // The arc between neighbouring vertices is the short way around.
        for i in 1..ring.len() {
            let turns = ((ring[i][0] - ring[i - 1][0]) / 360.0).round();
            ring[i][0] -= 360.0 * turns;
        }
        let turn = ring[ring.len() - 1][0] - ring[0][0];
        if turn.abs() > 180.0 {
            ring.pop();
            return Self { pieces: vec![with_bounds(polar(ring, turn))] };
        }
        let last = ring.len() - 1;
        ring[last] = ring[0];
        Self { pieces: cut(ring) }
    }

    /// Whether a box lies wholly inside, away from the outline.
    fn encloses(&self, bounds: [f64; 4]) -> bool {
        let corner = [bounds[0], bounds[1]];
        self.pieces.iter().any(|(ring, _)| {
            super::planar::in_rings(corner, std::iter::once(&ring[..]))
                && !ring.windows(2).any(|edge| segment_touches_box(edge[0], edge[1], bounds))
        })
    }

    fn is_touched_by(&self, shape: &Bands) -> bool {
        self.pieces.iter().any(|(ring, bounds)| shape.touches(ring, *bounds))
    }
}

fn with_bounds(ring: Vec<Position>) -> (Vec<Position>, [f64; 4]) {
    let mut bounds = [ring[0][0], ring[0][1], ring[0][0], ring[0][1]];
    ring.iter().for_each(|&p| grow(&mut bounds, p));
    (ring, bounds)
}

/// The ring around a pole, open and unwrapped over 360 degrees, closed along the pole.
fn polar(mut ring: Vec<Position>, turn: f64) -> Vec<Position> {
    if turn < 0.0 {
        ring.reverse();
    }
    for p in &mut ring {
        p[0] = (p[0] + 180.0).rem_euclid(360.0) - 180.0;
    }
    // Begin with the westernmost vertex; longitudes ascend from there.
    let west = (0..ring.len()).min_by(|&i, &j| ring[i][0].total_cmp(&ring[j][0])).unwrap_or(0);
    ring.rotate_left(west);
    let (first, last) = (ring[0], ring[ring.len() - 1]);
    let share = (180.0 - last[0]) / (first[0] + 360.0 - last[0]);
    let at_edge = last[1] + share * (first[1] - last[1]);
    let pole = if first[1] > 0.0 { 90.0 } else { -90.0 };
    ring.insert(0, [-180.0, at_edge]);
    ring.extend([[180.0, at_edge], [180.0, pole], [-180.0, pole], [-180.0, at_edge]]);
    ring
}

/// The pieces of an unwrapped ring that crosses ±180.
fn cut(ring: Vec<Position>) -> Vec<(Vec<Position>, [f64; 4])> {
    let polygon = Polygon::new(LineString(ring.into_iter().map(|[x, y]| Coord { x, y }).collect()), Vec::new());
    let mut pieces = Vec::new();
    for shift in [-360.0, 0.0, 360.0] {
        for piece in cut_polygon(&polygon, HalfPlane::East(shift - 180.0)) {
            for piece in cut_polygon(&piece, HalfPlane::West(shift + 180.0)) {
                pieces.push(with_bounds(piece.exterior().coords().map(|c| [c.x - shift, c.y]).collect()));
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use geo::{BoundingRect, Intersects, MapCoords, Point, Rect};
    use proptest::prelude::*;

    use super::super::{normalise, samples};
    use super::*;

    static CELLS: LazyLock<Vec<(u64, MultiPolygon<f64>)>> = LazyLock::new(|| {
        let cells = CellIndex::base_cells().flat_map(|base| base.children(Resolution::Two));
        cells.map(u64::from).map(|cell| (cell, h3_boundary(cell).expect("a cell"))).collect()
    });

    fn brute(geometry: &Geometry<f64>) -> Vec<u64> {
        let bounds = geometry.bounding_rect().map(|r| r.to_polygon());
        let near = |cell: &MultiPolygon<f64>| bounds.as_ref().is_some_and(|b| cell.intersects(b));
        let mut found: Vec<u64> =
            CELLS.iter().filter(|(_, cell)| near(cell) && cell.intersects(geometry)).map(|(id, _)| *id).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn outlines_cover_the_map_once() {
        let area: f64 = CELLS.iter().map(|(_, cell)| geo::Area::unsigned_area(cell)).sum();
        assert!((area - 360.0 * 180.0).abs() < 1e-6, "{area}");
        let polar = CELLS.iter().filter(|(_, cell)| cell.bounding_rect().is_some_and(|r| r.width() == 360.0));
        assert!(polar.count() >= 2);
    }

    #[test]
    fn a_small_shape_has_its_one_cell_and_the_limit_is_kept() {
        let station = Geometry::Point(Point::new(1.44, 43.6));
        let cell = LatLng::new(43.6, 1.44).expect("a position").to_cell(Resolution::Five);
        assert_eq!(h3_cells(&station, 5, 1), Some(vec![u64::from(cell)]));
        assert_eq!(h3_cells(&station, 5, 0), None);
        assert_eq!(h3_cells(&station, 16, 10), None);
        let country = Rect::new(Coord { x: 0.0, y: 40.0 }, Coord { x: 8.0, y: 48.0 }).to_polygon();
        assert_eq!(h3_cells(&country.clone().into(), 5, 1000), None);
        assert!(h3_cells(&country.into(), 5, 10_000).is_some_and(|cells| cells.len() > 1000));
        assert_eq!(h3_cells(&Geometry::MultiPoint(geo::MultiPoint(Vec::new())), 5, 10), Some(Vec::new()));
    }

    #[test]
    fn a_box_over_the_pole_and_the_antimeridian_has_all_its_cells() {
        for (west, south, east, north) in [(-180.0, 80.0, 180.0, 90.0), (170.0, -90.0, 190.0, -60.0)] {
            let rect = Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north });
            let shape = normalise(&rect.to_polygon().into(), None).into_owned();
            assert_eq!(h3_cells(&shape, 2, 10_000), Some(brute(&shape)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn a_grid_over_a_region_tells_the_region_s_part_of_the_cells(
            shape in samples::geometry(), size in 0.01..3.0f64, (west, south) in (-180.0..140.0f64, -80.0..50.0f64),
            lon in prop_oneof![Just(180.0), Just(-180.0), -180.0..180.0f64], lat in prop_oneof![Just(80.0), -60.0..60.0f64]
        ) {
            let region = Rect::new(Coord { x: west, y: south }, Coord { x: west + 40.0, y: south + 30.0 }).to_polygon();
            let grid = CellGrid::over(&region.into(), 2, 10_000).expect("few cells");
            let place = |c: Coord<f64>| Coord { x: lon + c.x * size, y: (lat + c.y * size).clamp(-90.0, 90.0) };
            let shape = normalise(&shape.map_coords(place), None).into_owned();
            let bytes = super::super::encode(&shape);
            let mut found: Vec<u64> = Vec::new();
            let cells: Vec<u64> = grid.indices().collect();
            grid.touched(&FlatGeometry::decode(&bytes).expect("own bytes"), |at| found.push(cells[at]));
            let all = h3_cells(&shape, 2, 100_000).expect("below the limit");
            let expected: Vec<u64> = all.into_iter().filter(|cell| cells.binary_search(cell).is_ok()).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn the_cells_are_those_that_a_search_of_all_cells_finds(
            shape in samples::geometry(), size in 0.01..1.5f64,
            lon in prop_oneof![Just(180.0), Just(-180.0), -180.0..180.0f64], lat in prop_oneof![Just(80.0), Just(-80.0), -60.0..60.0f64]
        ) {
            let place = |c: Coord<f64>| Coord { x: lon + c.x * size, y: (lat + c.y * size).clamp(-90.0, 90.0) };
            let shape = normalise(&shape.map_coords(place), None).into_owned();
            prop_assert_eq!(h3_cells(&shape, 2, 100_000).expect("below the limit"), brute(&shape));
        }
    }
}
