//! What maps need of every geometry of a segment: the coarse H3 cells it touches, and the web-mercator tile its centroid
//! lies in. Computed when a segment is written, copied when segments are merged.

use std::f64::consts::PI;
use std::ops::Range;

use geo::{Area, BoundingRect, Geometry};

use super::file::{SectionWriter, Sections};
use crate::geometry::{CellFinder, FlatGeometry};

/// Finest H3 resolution whose touched cells are kept for the geometries of a segment. The coarsest is 1.
pub const TOUCHED_RESOLUTION_MAX: u8 = 4;
/// Zoom of the tiles that centroids are sorted into.
pub const CENTROID_ZOOM: u8 = 10;
/// Cells of one geometry that are kept; a wider one is looked at when a map asks, region by region.
const CELLS_KEPT_MAX: usize = 256;
/// Area of a cell of resolution 0 in square degrees at the equator, roughly; each finer resolution has a seventh of it.
const CELL_AREA: f64 = 350.0;
/// Stands alone in the list of a geometry with more cells.
const WIDE: u32 = u32::MAX;

/// The H3 cells that every geometry of a segment touches at one resolution.
#[derive(Clone, Copy)]
pub struct TouchedCells<'a> {
    /// Begin of each geometry's cells, and the end of the last.
    offsets: &'a [u32],
    cells: &'a [u32],
}

impl<'a> TouchedCells<'a> {
    /// The cells that a geometry touches, as [`packed_cell`]s; `None` for a geometry that touches too many to be kept.
    pub fn of(self, geometry: u32) -> Option<&'a [u32]> {
        let at = geometry as usize;
        let cells = &self.cells[self.offsets[at] as usize..self.offsets[at + 1] as usize];
        (cells != [WIDE]).then_some(cells)
    }
}

/// Number of packed cells of a resolution, those that no cell has included.
pub fn packed_cells(resolution: u8) -> usize {
    122 << (3 * u32::from(resolution))
}

/// An H3 index without what its resolution says already: base cell, then one digit of three bits for each resolution.
fn packed(index: u64, resolution: u8) -> u32 {
    let digits = 3 * u32::from(resolution);
    (index >> (45 - digits) & ((1 << (7 + digits)) - 1)) as u32
}

/// The H3 index of a packed cell.
pub fn packed_cell(packed: u32, resolution: u8) -> u64 {
    let digits = 3 * u32::from(resolution);
    let unused = (1u64 << (45 - digits)) - 1;
    1 << 59 | u64::from(resolution) << 52 | u64::from(packed) << (45 - digits) | unused
}

/// A geometry whose cells are looked for.
struct Shape {
    geometry: Option<Geometry<f64>>,
    /// Square degrees at the equator, roughly.
    area: f64,
}

impl Shape {
    fn of(bytes: &[u8]) -> Self {
        let geometry = FlatGeometry::decode(bytes).map(|flat| flat.to_geometry());
        let area = geometry.as_ref().map_or(0.0, |geometry| {
            let middle = geometry.bounding_rect().map_or(0.0, |bounds| bounds.center().y);
            geometry.unsigned_area() * middle.to_radians().cos()
        });
        Self { geometry, area }
    }

    /// `None` for too many, which is not looked into where the area tells: whether the cells of a geometry are kept
    /// changes no answer.
    fn cells(&self, resolution: u8, finder: &mut CellFinder) -> Option<Vec<u64>> {
        let cell = CELL_AREA / 7f64.powi(i32::from(resolution));
        if self.area / cell > CELLS_KEPT_MAX as f64 {
            return None;
        }
        finder.cells(self.geometry.as_ref()?, resolution, CELLS_KEPT_MAX)
    }
}

/// Cells of one resolution on their way into a file.
#[derive(Default)]
struct Lists {
    offsets: Vec<u32>,
    cells: Vec<u32>,
}

/// Cells and tiles of the geometries of a segment on their way into a file.
#[derive(Default)]
pub(super) struct MapBuilder {
    lists: [Lists; TOUCHED_RESOLUTION_MAX as usize],
    tiles: Vec<u32>,
    finder: CellFinder,
}

impl MapBuilder {
    /// Adds the next geometry; `known` if a file has it already.
    pub(super) fn add(&mut self, geometry: &[u8], centroid: [f64; 2], known: Option<(&MapData<'_>, u32)>) {
        let Self { lists, tiles, finder } = self;
        let mut shape = None;
        for (list, resolution) in lists.iter_mut().zip(1..) {
            if list.offsets.is_empty() {
                list.offsets.push(0);
            }
            match known.and_then(|(data, at)| Some(data.touched(resolution)?.of(at))) {
                Some(cells) => list.cells.extend_from_slice(cells.unwrap_or(&[WIDE])),
                None => {
                    let shape = shape.get_or_insert_with(|| Shape::of(geometry));
                    match shape.cells(resolution, finder) {
                        Some(cells) => list.cells.extend(cells.iter().map(|cell| packed(*cell, resolution))),
                        None => list.cells.push(WIDE),
                    }
                }
            }
            list.offsets.push(list.cells.len() as u32);
        }
        tiles.push(tile_key(centroid));
    }

    /// Bytes held, roughly.
    pub(super) fn mem_usage(&self) -> usize {
        let lists = self.lists.iter().map(|list| list.offsets.len() + list.cells.len());
        4 * (lists.sum::<usize>() + self.tiles.len())
    }

    /// Writes the geometries named by the order in which they were added, in the order named.
    pub(super) fn write(&self, order: &[u32], out: &mut SectionWriter) {
        for (list, resolution) in self.lists.iter().zip(1..) {
            let (mut offsets, mut cells) = (vec![0], Vec::with_capacity(list.cells.len()));
            for at in order {
                let at = *at as usize;
                cells.extend_from_slice(&list.cells[list.offsets[at] as usize..list.offsets[at + 1] as usize]);
                offsets.push(cells.len() as u32);
            }
            let [offsets_name, cells_name] = names(resolution);
            out.add(offsets_name, &offsets);
            out.add(cells_name, &cells);
        }
        out.add(TILES, &order.iter().map(|at| self.tiles[*at as usize]).collect::<Vec<u32>>());
    }
}

const TILES: &str = "geometry/tiles";

fn names(resolution: u8) -> [String; 2] {
    ["offsets", "cells"].map(|part| format!("geometry/h3/{resolution}/{part}"))
}

/// Where the sections lie.
pub(super) struct MapPlaces {
    lists: Vec<[Range<usize>; 2]>,
    tiles: Range<usize>,
}

impl MapPlaces {
    pub(super) fn find(sections: &Sections) -> Option<Self> {
        let mut lists = Vec::new();
        for resolution in 1..=TOUCHED_RESOLUTION_MAX {
            let [offsets, cells] = names(resolution);
            lists.push([sections.range(&offsets)?, sections.range(&cells)?]);
        }
        Some(Self { lists, tiles: sections.range(TILES)? })
    }

    pub(super) fn data<'a>(&'a self, sections: &'a Sections) -> MapData<'a> {
        MapData { places: self, sections }
    }
}

/// Cells and tiles of the geometries of an opened file.
pub(super) struct MapData<'a> {
    places: &'a MapPlaces,
    sections: &'a Sections,
}

impl<'a> MapData<'a> {
    /// `None` for a resolution that is not kept.
    pub(super) fn touched(&self, resolution: u8) -> Option<TouchedCells<'a>> {
        let [offsets, cells] = self.places.lists.get(usize::from(resolution).checked_sub(1)?)?;
        Some(TouchedCells { offsets: self.sections.at(offsets), cells: self.sections.at(cells) })
    }

    pub(super) fn tiles(&self) -> &'a [u32] {
        self.sections.at(&self.places.tiles)
    }
}

/// The tile of a position at [`CENTROID_ZOOM`], its column's and row's bits interleaved: shifted right by two it is the
/// tile's parent. Latitudes beyond the square are put into its first and last row.
fn tile_key([lon, lat]: [f64; 2]) -> u32 {
    let size = f64::from(1u32 << CENTROID_ZOOM);
    let sin = lat.to_radians().sin().clamp(-0.999_999_999_9, 0.999_999_999_9);
    let y = 0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * PI);
    let place = |share: f64| (share * size).floor().clamp(0.0, size - 1.0) as u32;
    spread_bits(place((lon + 180.0) / 360.0)) | spread_bits(place(y)) << 1
}

/// The lowest 16 bits at the even places.
fn spread_bits(value: u32) -> u32 {
    let mut v = value & 0xffff;
    v = (v | v << 8) & 0x00ff_00ff;
    v = (v | v << 4) & 0x0f0f_0f0f;
    v = (v | v << 2) & 0x3333_3333;
    (v | v << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tile_of_a_position_holds_the_bits_of_its_column_and_row() {
        assert_eq!(tile_key([-180.0, 89.0]), 0);
        assert_eq!(tile_key([180.0, -90.0]), (1 << 20) - 1);
        // Just east and south of the middle: column 512, row 512.
        assert_eq!(tile_key([0.001, -0.001]), 0b11 << 18);
        assert_eq!(tile_key([0.001, 0.001]) >> 18, 0b01);
    }

    #[test]
    fn every_cell_survives_packing() {
        for resolution in 0..=TOUCHED_RESOLUTION_MAX {
            let level = h3o::Resolution::try_from(resolution).expect("a resolution");
            for cell in h3o::CellIndex::base_cells().flat_map(|base| base.children(level)) {
                let index = u64::from(cell);
                let packed = packed(index, resolution);
                assert!((packed as usize) < packed_cells(resolution) && packed != WIDE);
                assert_eq!(packed_cell(packed, resolution), index);
            }
        }
    }
}
