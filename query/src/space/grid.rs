//! A grid over a geometry: cells wholly inside, wholly outside, or with the edges that touch them.
//!
//! Cells are defined by the rounded arithmetic of [`Grid::column`] and [`Grid::row`], which is monotone. An edge is listed in
//! every cell that it may reach, with a margin above all rounding errors: so two edges that meet share a cell, and a cell with
//! no edge has one answer for all of its positions. Everything else is decided by exact predicates.

use nilometer_indexer::geometry::planar::{Position, Ray, boxes_touch, in_box, in_rings, ray, segments_touch};
use nilometer_indexer::geometry::{FlatGeometry, FlatPart, PartKind};

use super::boxes;
use super::edges::{Edge, Edges};

/// Cells an axis, by number of edges: about as many edges in a boundary cell as can be tested in the time of a look-up.
const CELLS_BY_EDGES: [(usize, usize); 3] = [(2_000, 64), (20_000, 128), (usize::MAX, 256)];
/// Margin of an edge, as a share of a cell and in degrees: above the rounding of positions and crossings within ±540.
const MARGIN_CELLS: f64 = 1e-6;
const MARGIN_DEGREES: f64 = 1e-11;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Outside,
    Inside,
    /// To be decided exactly.
    Boundary,
}

/// Lists of edge indices, one for each cell or row, end to end.
#[derive(Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Lists {
    fn of(&self, i: usize) -> &[u32] {
        &self.edges[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    fn is_empty(&self, i: usize) -> bool {
        self.starts[i] == self.starts[i + 1]
    }

    /// Collects (list, edge) entries that `each` gives, the same twice in the same order.
    fn collect(count: usize, each: impl Fn(&mut dyn FnMut(usize, u32))) -> Self {
        let mut starts = vec![0u32; count + 1];
        each(&mut |list, _| starts[list + 1] += 1);
        for i in 0..count {
            starts[i + 1] += starts[i];
        }
        let mut edges = vec![0; starts[count] as usize];
        let mut next = starts.clone();
        each(&mut |list, edge| {
            edges[next[list] as usize] = edge;
            next[list] += 1;
        });
        Self { starts, edges }
    }
}

/// A geometry's grid.
#[derive(Debug)]
pub(super) struct Grid {
    bounds: [f64; 4],
    /// Cells an axis.
    cells: usize,
    cell_degrees: [f64; 2],
    cells_per_degree: [f64; 2],
    margin: [f64; 2],
    edges: Vec<Edge>,
    states: Vec<Cell>,
    /// Boundary cells south-west of each cell corner.
    boundary_sums: Vec<u32>,
    /// Edges that may reach a cell.
    by_cell: Lists,
    /// Edges of polygons that reach a row, polygon by polygon.
    by_row: Lists,
    /// One position of each part, by longitude.
    anchors: Vec<Position>,
}

impl Grid {
    pub(super) fn new(edges: Edges, bounds: [f64; 4]) -> Self {
        let Edges { list, mut anchors, .. } = edges;
        anchors.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let cells = CELLS_BY_EDGES.iter().find(|(most, _)| list.len() <= *most).map_or(64, |(_, cells)| *cells);
        let extent = [bounds[2] - bounds[0], bounds[3] - bounds[1]];
        let cell_degrees = extent.map(|e| e / cells as f64);
        let per_degree = |e: f64| Some(cells as f64 / e).filter(|v| v.is_finite()).unwrap_or(0.0);
        let mut grid = Self {
            bounds,
            cells,
            cell_degrees,
            cells_per_degree: extent.map(per_degree),
            margin: cell_degrees.map(|d| d * MARGIN_CELLS + MARGIN_DEGREES),
            edges: list,
            states: Vec::new(),
            boundary_sums: Vec::new(),
            by_cell: Lists::default(),
            by_row: Lists::default(),
            anchors,
        };
        grid.by_cell = Lists::collect(cells * cells, |add| {
            for (i, edge) in grid.edges.iter().enumerate() {
                grid.walk(edge.a, edge.b, |row, columns| {
                    columns.for_each(|column| add(row * cells + column, i as u32));
                    false
                });
            }
        });
        grid.by_row = Lists::collect(cells, |add| {
            for (i, edge) in grid.edges.iter().enumerate().filter(|(_, edge)| edge.polygon.is_some()) {
                let (a, b) = (grid.row(edge.a[1]), grid.row(edge.b[1]));
                (a.min(b)..=a.max(b)).for_each(|row| add(row, i as u32));
            }
        });
        grid.states = grid.classify();
        grid.boundary_sums = grid.sums();
        grid
    }

    /// Column of a longitude, clamped.
    fn column(&self, x: f64) -> usize {
        (((x - self.bounds[0]) * self.cells_per_degree[0]) as usize).min(self.cells - 1)
    }

    /// Row of a latitude, clamped.
    fn row(&self, y: f64) -> usize {
        (((y - self.bounds[1]) * self.cells_per_degree[1]) as usize).min(self.cells - 1)
    }

    /// Visits, row by row, the columns that an edge may reach, until `visit` says true.
    fn walk(
        &self,
        a: Position,
        b: Position,
        mut visit: impl FnMut(usize, std::ops::RangeInclusive<usize>) -> bool,
    ) -> bool {
        let ([west, south, east, north], [margin_x, margin_y]) = (self.bounds, self.margin);
        let (x_min, x_max) = (a[0].min(b[0]), a[0].max(b[0]));
        let (y_min, y_max) = (a[1].min(b[1]), a[1].max(b[1]));
        if x_min > east || x_max < west || y_min > north || y_max < south {
            return false;
        }
        let rows = self.row(y_min - margin_y)..=self.row(y_max + margin_y);
        if rows.start() == rows.end() || x_min == x_max || y_min == y_max {
            let columns = self.column(x_min - margin_x)..=self.column(x_max + margin_x);
            return rows.into_iter().any(|row| visit(row, columns.clone()));
        }
        let x_per_y = (b[0] - a[0]) / (b[1] - a[1]);
        for row in rows {
            let low = south + row as f64 * self.cell_degrees[1] - margin_y;
            let high = low + self.cell_degrees[1] + 2.0 * margin_y;
            let x_at = |y: f64| (a[0] + (y.clamp(y_min, y_max) - a[1]) * x_per_y).clamp(x_min, x_max);
            let (first, second) = (x_at(low), x_at(high));
            let (x_low, x_high) = (first.min(second) - margin_x, first.max(second) + margin_x);
            if x_low <= east && x_high >= west && visit(row, self.column(x_low)..=self.column(x_high)) {
                return true;
            }
        }
        false
    }

    fn classify(&self) -> Vec<Cell> {
        let n = self.cells;
        let mut states = vec![Cell::Boundary; n * n];
        for row in 0..n {
            let mut known = None;
            for column in 0..n {
                let cell = row * n + column;
                if !self.by_cell.is_empty(cell) {
                    known = None;
                    continue;
                }
                // No edge lies between neighbouring cells without edges: one test serves the run.
                known = known.or_else(|| self.state_of_centre(row, column));
                states[cell] = known.unwrap_or(Cell::Boundary);
            }
        }
        states
    }

    /// `None` where rounding puts the centre into another cell (a grid of some 1e-13 degrees).
    fn state_of_centre(&self, row: usize, column: usize) -> Option<Cell> {
        let x = self.bounds[0] + (column as f64 + 0.5) * self.cell_degrees[0];
        let y = self.bounds[1] + (row as f64 + 0.5) * self.cell_degrees[1];
        if self.column(x) != column || self.row(y) != row {
            return None;
        }
        Some(if self.contains([x, y]) { Cell::Inside } else { Cell::Outside })
    }

    fn sums(&self) -> Vec<u32> {
        let n = self.cells;
        let mut sums = vec![0; (n + 1) * (n + 1)];
        for row in 0..n {
            let mut in_row = 0;
            for column in 0..n {
                in_row += u32::from(self.states[row * n + column] == Cell::Boundary);
                sums[(row + 1) * (n + 1) + column + 1] = sums[row * (n + 1) + column + 1] + in_row;
            }
        }
        sums
    }

    /// What all of a box's cells are, `Boundary` if they differ. The box must touch the bounds.
    fn state_of_box(&self, [w, s, e, n]: [f64; 4]) -> Cell {
        let (left, right, low, high) = (self.column(w), self.column(e) + 1, self.row(s), self.row(n) + 1);
        let at = |row: usize, column: usize| self.boundary_sums[row * (self.cells + 1) + column];
        // In u32 arithmetic modulo 2^32 the order does not matter.
        let boundary =
            at(high, right).wrapping_add(at(low, left)).wrapping_sub(at(low, right)).wrapping_sub(at(high, left));
        if boundary > 0 { Cell::Boundary } else { self.states[low * self.cells + left] }
    }

    pub(super) fn covers_box(&self, asked: [f64; 4]) -> bool {
        boxes::contains(self.bounds, asked) && self.state_of_box(asked) == Cell::Inside
    }

    pub(super) fn misses_box(&self, asked: [f64; 4]) -> bool {
        !boxes_touch(self.bounds, asked) || self.state_of_box(asked) == Cell::Outside
    }

    fn state_at(&self, p: Position) -> Cell {
        if !in_box(p, self.bounds) {
            return Cell::Outside;
        }
        self.states[self.row(p[1]) * self.cells + self.column(p[0])]
    }

    /// Whether a position lies in the closed area of a polygon.
    fn contains(&self, p: Position) -> bool {
        if !in_box(p, self.bounds) {
            return false;
        }
        let mut polygon = None;
        let mut inside = false;
        for &i in self.by_row.of(self.row(p[1])) {
            let edge = &self.edges[i as usize];
            if edge.polygon != polygon {
                if inside {
                    return true;
                }
                polygon = edge.polygon;
            }
            match ray(p, edge.a, edge.b) {
                Ray::Miss => {}
                Ray::Cross => inside = !inside,
                Ray::On => return true,
            }
        }
        inside
    }

    /// Whether a position lies on an edge.
    pub(super) fn has_on_edge(&self, p: Position) -> bool {
        // Every edge that reaches a cell is listed there.
        let listed = |p: Position| self.by_cell.of(self.row(p[1]) * self.cells + self.column(p[0]));
        in_box(p, self.bounds)
            && listed(p).iter().any(|&i| {
                let edge = &self.edges[i as usize];
                segments_touch(p, p, edge.a, edge.b)
            })
    }

    /// Whether a segment meets an edge.
    fn meets(&self, a: Position, b: Position) -> bool {
        self.walk(a, b, |row, columns| {
            let first = row * self.cells;
            let near = &self.by_cell.starts[first + columns.start()..=first + columns.end() + 1];
            // The cells of a row follow each other in the lists.
            self.by_cell.edges[near[0] as usize..near[near.len() - 1] as usize].iter().any(|&i| {
                let edge = &self.edges[i as usize];
                segments_touch(a, b, edge.a, edge.b)
            })
        })
    }

    /// Whether a position lies in an area or on an edge.
    fn touches_position(&self, p: Position) -> bool {
        match self.state_at(p) {
            Cell::Outside => false,
            Cell::Inside => true,
            Cell::Boundary => self.contains(p) || self.meets(p, p),
        }
    }

    pub(super) fn intersects(&self, stored: &FlatGeometry<'_>) -> bool {
        let bounds = stored.bounds();
        if !boxes_touch(self.bounds, bounds) {
            return false;
        }
        match self.state_of_box(bounds) {
            Cell::Outside => return false,
            Cell::Inside if boxes::contains(self.bounds, bounds) => return true,
            _ => {}
        }
        stored.parts().any(|part| match part.kind() {
            PartKind::Points => part.rings().flatten().any(|&p| self.touches_position(p)),
            PartKind::Line => self.touches_edges(&part),
            PartKind::Polygon => self.touches_edges(&part) || self.has_anchor_in(&part, bounds),
        })
    }

    /// Whether an edge of a line or polygon meets an edge or lies in an area.
    fn touches_edges(&self, part: &FlatPart<'_>) -> bool {
        if part.rings().flatten().any(|&p| self.state_at(p) == Cell::Inside) {
            return true;
        }
        let meets = |ring: &[Position]| match ring {
            [only] => self.meets(*only, *only),
            ring => ring.windows(2).any(|edge| self.meets(edge[0], edge[1])),
        };
        if part.rings().any(meets) {
            return true;
        }
        // No edges meet, so the whole first ring is inside or outside.
        part.rings()
            .next()
            .and_then(<[Position]>::first)
            .is_some_and(|&p| self.state_at(p) != Cell::Outside && self.contains(p))
    }

    /// Whether a part of the caller's geometry, meeting no edge of a stored polygon, lies within it.
    fn has_anchor_in(&self, part: &FlatPart<'_>, bounds: [f64; 4]) -> bool {
        let from = self.anchors.partition_point(|p| p[0] < bounds[0]);
        let near = self.anchors[from..].iter().take_while(|p| p[0] <= bounds[2]);
        near.filter(|p| p[1] >= bounds[1] && p[1] <= bounds[3]).any(|&p| in_rings(p, part.rings()))
    }
}
