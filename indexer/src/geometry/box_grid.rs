//! Grids whose cells are boxes in longitude and latitude (geohash, map tiles), and the cells that a shape touches.
//!
//! Cells are closed, so a cell is touched exactly if a search with its box finds the shape. The outline is walked along row by
//! row and decided with exact predicates; a cell that it leaves alone has one answer for all of its positions.

use super::flat::{FlatGeometry, FlatPart, PartKind};
use super::planar::{Position, Ray, ray, segment_touches_box};

/// Degrees by which the search for the cells of an edge is wider than what rounded arithmetic says.
const MARGIN_DEGREES: f64 = 1e-11;

/// Cells one after the other along a coordinate, by number from the smallest coordinate.
pub struct Axis {
    cells: u32,
    edge: Box<dyn Fn(u32) -> f64>,
    near: Box<dyn Fn(f64) -> u32>,
}

impl Axis {
    /// So many cells, at least one. `edge` gives where a cell begins, and of the number of cells where the last ends, rising;
    /// `near` a cell at or beside a coordinate.
    pub fn new(cells: u32, edge: impl Fn(u32) -> f64 + 'static, near: impl Fn(f64) -> u32 + 'static) -> Self {
        Self { cells, edge: Box::new(edge), near: Box::new(near) }
    }

    /// The first and last cell that share a coordinate with a closed span; `None` beyond the axis.
    fn range(&self, from: f64, to: f64) -> Option<(u32, u32)> {
        let edge = &self.edge;
        if to < edge(0) || from > edge(self.cells) {
            return None;
        }
        let mut first = (self.near)(from).min(self.cells - 1);
        while first > 0 && edge(first) >= from {
            first -= 1;
        }
        while first + 1 < self.cells && edge(first + 1) < from {
            first += 1;
        }
        let mut last = (self.near)(to).min(self.cells - 1);
        while last + 1 < self.cells && edge(last + 1) <= to {
            last += 1;
        }
        while last > 0 && edge(last) > to {
            last -= 1;
        }
        Some((first, last))
    }
}

/// A grid of boxes.
pub struct BoxGrid {
    columns: Axis,
    rows: Axis,
}

/// What one part of a shape does in one row of the grid.
#[derive(Default)]
struct Row {
    /// Columns of cells that an edge touches.
    columns: Vec<u32>,
    /// Edges that reach the row.
    edges: Vec<(Position, Position)>,
}

impl BoxGrid {
    /// A grid of these columns and rows.
    pub fn new(columns: Axis, rows: Axis) -> Self {
        Self { columns, rows }
    }

    /// West, south, east, north of a cell.
    pub fn bounds(&self, (column, row): (u32, u32)) -> [f64; 4] {
        let (x, y) = (&self.columns.edge, &self.rows.edge);
        [x(column), y(row), x(column + 1), y(row + 1)]
    }

    /// The first and last column, and the first and last row, of the cells that touch a position; one cell away from edges.
    /// `None` beyond the grid.
    pub fn touching(&self, lon: f64, lat: f64) -> Option<[(u32, u32); 2]> {
        self.columns.range(lon, lon).zip(self.rows.range(lat, lat)).map(Into::into)
    }

    /// The column and row of the one cell that holds a box and touches it alone, if there is one.
    pub fn only_cell(&self, [w, s, e, n]: [f64; 4]) -> Option<(u32, u32)> {
        let (first, last) = self.columns.range(w, e)?;
        let (low, high) = self.rows.range(s, n)?;
        let [west, south, east, north] = self.bounds((first, low));
        let holds = west <= w && south <= s && east >= e && north >= n;
        (first == last && low == high && holds).then_some((first, low))
    }

    /// Columns and rows of the cells that share a point with a shape, sorted; `None` if there are more than `most`.
    pub fn touched(&self, shape: &FlatGeometry<'_>, most: usize) -> Option<Vec<(u32, u32)>> {
        let mut cells = Vec::new();
        for part in shape.parts() {
            match part.kind() {
                PartKind::Points => {
                    part.rings().flatten().for_each(|&[x, y]| {
                        let Some((columns, rows)) = self.columns.range(x, x).zip(self.rows.range(y, y)) else { return };
                        cells.extend((columns.0..=columns.1).flat_map(|c| (rows.0..=rows.1).map(move |r| (c, r))));
                    });
                }
                PartKind::Line | PartKind::Polygon => self.add_edges(&part, most, &mut cells)?,
            }
            // What many parts touch together is held once.
            if cells.len() > most {
                cells.sort_unstable();
                cells.dedup();
                if cells.len() > most {
                    return None;
                }
            }
        }
        cells.sort_unstable();
        cells.dedup();
        Some(cells)
    }

    /// Adds the cells that a line touches, or a polygon with its area.
    fn add_edges(&self, part: &FlatPart<'_>, most: usize, cells: &mut Vec<(u32, u32)>) -> Option<()> {
        let positions = || part.rings().flatten();
        let span = |axis: usize| {
            let each = || positions().map(move |p| p[axis]);
            (each().fold(f64::INFINITY, f64::min), each().fold(f64::NEG_INFINITY, f64::max))
        };
        let (x, y) = (span(0), span(1));
        let Some((columns, (low, high))) = self.columns.range(x.0, x.1).zip(self.rows.range(y.0, y.1)) else {
            return Some(());
        };
        // What is connected touches a cell in each row that it reaches.
        if (high - low) as usize >= most {
            return None;
        }
        let mut rows: Vec<Row> = (low..=high).map(|_| Row::default()).collect();
        let mut held = 0;
        for ring in part.rings() {
            let single = [ring[0], ring[0]];
            for edge in if ring.len() == 1 { &single[..] } else { ring }.windows(2) {
                self.walk(edge[0], edge[1], low, most, &mut rows, &mut held)?;
            }
        }
        let is_area = part.kind() == PartKind::Polygon;
        for (at, mut row) in (low..).zip(rows) {
            row.columns.sort_unstable();
            row.columns.dedup();
            let begin = cells.len();
            cells.extend(row.columns.iter().map(|column| (*column, at)));
            if is_area {
                self.add_inside(&row, at, columns, begin.saturating_add(most), cells)?;
            }
        }
        Some(())
    }

    /// Notes the cells that an edge touches. Rows count from `low`.
    fn walk(&self, a: Position, b: Position, low: u32, most: usize, rows: &mut [Row], held: &mut usize) -> Option<()> {
        let (x_min, x_max) = (a[0].min(b[0]), a[0].max(b[0]));
        let (y_min, y_max) = (a[1].min(b[1]), a[1].max(b[1]));
        let Some((first, last)) = self.rows.range(y_min, y_max) else { return Some(()) };
        let x_per_y = (b[0] - a[0]) / (b[1] - a[1]);
        for at in first..=last {
            let row = &mut rows[(at - low) as usize];
            row.edges.push((a, b));
            // A level edge reaches two rows only where it lies between them.
            let (x_low, x_high) = if first == last || x_min == x_max || y_min == y_max {
                (x_min, x_max)
            } else {
                let x_at = |y: f64| (a[0] + (y.clamp(y_min, y_max) - a[1]) * x_per_y).clamp(x_min, x_max);
                let (south, north) = ((self.rows.edge)(at), (self.rows.edge)(at + 1));
                let (one, other) = (x_at(south - MARGIN_DEGREES), x_at(north + MARGIN_DEGREES));
                (one.min(other) - MARGIN_DEGREES, one.max(other) + MARGIN_DEGREES)
            };
            let Some((from, to)) = self.columns.range(x_low, x_high) else { continue };
            // The margin adds a column on either side.
            if (to - from) as usize > most.saturating_add(2) {
                return None;
            }
            for column in from..=to {
                if row.columns.last() != Some(&column) && segment_touches_box(a, b, self.bounds((column, at))) {
                    row.columns.push(column);
                    *held += 1;
                }
            }
        }
        // Neighbouring edges touch the same cells: only too many different ones are too many.
        if *held > most.saturating_mul(4) {
            for row in rows.iter_mut() {
                row.columns.sort_unstable();
                row.columns.dedup();
            }
            *held = rows.iter().map(|row| row.columns.len()).sum();
            if *held > most {
                return None;
            }
        }
        Some(())
    }

    /// Adds the cells of a row that lie in a polygon without touching its edges.
    fn add_inside(
        &self,
        row: &Row,
        at: u32,
        (first, last): (u32, u32),
        most: usize,
        cells: &mut Vec<(u32, u32)>,
    ) -> Option<()> {
        let y = ((self.rows.edge)(at) + (self.rows.edge)(at + 1)) / 2.0;
        // No edge lies between neighbouring cells without edges: one position tells of the run. The runs at the ends
        // matter where the polygon goes on beyond the grid.
        let mut begin = first;
        for end in row.columns.iter().copied().chain([last + 1]) {
            if end > begin {
                let x = ((self.columns.edge)(begin) + (self.columns.edge)(begin + 1)) / 2.0;
                let crossed = row.edges.iter().filter(|(a, b)| ray([x, y], *a, *b) != Ray::Miss).count();
                if crossed % 2 == 1 {
                    if cells.len() + (end - begin) as usize > most {
                        return None;
                    }
                    cells.extend((begin..end).map(|column| (column, at)));
                }
            }
            begin = end + 1;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use geo::{Geometry, Intersects, Rect};
    use proptest::prelude::*;

    use super::super::flat::encode;
    use super::super::samples::geometry;
    use super::*;

    /// A grid over ±180 and ±90 whose rows grow towards the poles.
    fn grid(columns: u32, rows: u32) -> BoxGrid {
        let width = 360.0 / f64::from(columns);
        let edge = move |row: u32| {
            let share = 2.0 * f64::from(row) / f64::from(rows) - 1.0;
            90.0 * share * (0.5 + share.abs() / 2.0)
        };
        BoxGrid::new(
            Axis::new(columns, move |c| -180.0 + f64::from(c) * width, move |x| ((x + 180.0) / width) as u32),
            // A poor guess is enough.
            Axis::new(rows, edge, |_| 0),
        )
    }

    fn touched(grid: &BoxGrid, geometry: &Geometry<f64>, most: usize) -> Option<Vec<(u32, u32)>> {
        let bytes = encode(geometry);
        grid.touched(&FlatGeometry::decode(&bytes).expect("own encoding"), most)
    }

    proptest! {
        #[test]
        fn touched_cells_are_those_whose_boxes_meet_the_shape(shape in geometry(), columns in 1u32..80, rows in 1u32..40) {
            let grid = grid(columns, rows);
            let mut expected = Vec::new();
            for column in 0..columns {
                for row in 0..rows {
                    let [w, s, e, n] = grid.bounds((column, row));
                    if Rect::new((w, s), (e, n)).intersects(&shape) {
                        expected.push((column, row));
                    }
                }
            }
            if !expected.is_empty() {
                prop_assert_eq!(touched(&grid, &shape, expected.len() - 1), None);
            }
            prop_assert_eq!(touched(&grid, &shape, expected.len()), Some(expected.clone()));
            prop_assert_eq!(touched(&grid, &shape, usize::MAX), Some(expected));
        }
    }

    #[test]
    fn what_lies_on_an_edge_touches_both_sides_and_what_goes_beyond_the_grid_is_cut() {
        let grid = grid(4, 2);
        let point: Geometry<f64> = geo::Point::new(0.0, 10.0).into();
        assert_eq!(touched(&grid, &point, 9), Some(vec![(1, 1), (2, 1)]));
        assert_eq!(grid.only_cell([1.0, 1.0, 2.0, 2.0]), Some((2, 1)));
        assert_eq!(grid.only_cell([0.0, 1.0, 2.0, 2.0]), None);
        assert_eq!(grid.only_cell([100.0, 1.0, 190.0, 2.0]), None);
        let between: Geometry<f64> = geo::LineString::from(vec![(-5.0, 0.0), (95.0, 0.0)]).into();
        let both_rows = [1, 2, 3].into_iter().flat_map(|column| [(column, 0), (column, 1)]).collect();
        assert_eq!(touched(&grid, &between, 9), Some(both_rows));
        let around: Geometry<f64> = Rect::new((-400.0, 1.0), (400.0, 80.0)).to_polygon().into();
        assert_eq!(touched(&grid, &around, 9), Some(vec![(0, 1), (1, 1), (2, 1), (3, 1)]));
    }
}
