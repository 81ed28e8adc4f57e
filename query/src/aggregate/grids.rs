//! Items by cell of a grid: of the centroid, and of each cell that their geometry touches.

use std::collections::HashMap;

use nilometer_indexer::geometry::{BoxGrid, h3_cells};
use nilometer_indexer::segment::packed_cell;
use nilometer_schemas::{AggregationResult, Bucket, GridKind, Problem};

use super::buckets::{Members, Part, Tally, tally};
use super::{Found, too_many};
use crate::grid;
use crate::tile::for_each_shape;

/// Distinct shapes whose touched cells one question may ask for; more is a 4xx that says so. Shapes within one cell, and
/// those whose cells segments keep, cost nothing and do not count.
pub const TOUCHED_SHAPES_MAX: usize = 50_000;
/// Cells that one shape may touch in a grid.
pub const TOUCHED_CELLS_MAX: usize = 20_000;

fn result(tally: Tally<u64>, grid: GridKind, precision: u8) -> AggregationResult {
    let bucket = |(cell, count)| Bucket::new(grid::text_of(grid, precision, cell), count);
    let buckets = tally.counts.into_iter().map(bucket).collect();
    AggregationResult::Buckets { data_type: "string", buckets, left: tally.left, interval: None }
}

/// Items by the cell of their centroid.
pub(super) fn centroids(
    found: &[Found<'_>],
    grid: GridKind,
    precision: u8,
    limit: Option<usize>,
) -> Result<AggregationResult, Problem> {
    let of_position = grid::Cells::new(grid, precision);
    let tally = tally(found, limit, "cells", |found| {
        let cells = found.data.centroid_cells(grid, precision, |lon, lat| of_position.at(lon, lat));
        let ranges = (0..cells.ordinals.len() as u32).map(|shape| (shape, shape + 1)).collect();
        let members = Members::Shapes { ranges, buckets: cells.ordinals.clone() };
        Ok(vec![Part { members, keys: cells.cells.clone() }])
    })?;
    Ok(result(tally, grid, precision))
}

/// Items by each cell that their geometry touches; a shape is covered once, however many items have it.
pub(super) fn touched(
    found: &[Found<'_>],
    grid: GridKind,
    precision: u8,
    limit: Option<usize>,
) -> Result<AggregationResult, Problem> {
    let boxes = grid::boxes(grid, precision);
    let mut walked = 0;
    let tally = tally(found, limit, "cells", |found| {
        let cover = Cover { grid, precision, boxes: boxes.as_ref(), walked: &mut walked };
        Ok(vec![cover.part(found)?])
    })?;
    Ok(result(tally, grid, precision))
}

/// The covering of a segment's matching shapes.
struct Cover<'a> {
    grid: GridKind,
    precision: u8,
    /// Where cells are boxes in longitude and latitude.
    boxes: Option<&'a BoxGrid>,
    /// Shapes that had to be walked along, over all segments.
    walked: &'a mut usize,
}

impl Cover<'_> {
    fn part<'a>(mut self, found: &'a Found<'_>) -> Result<Part<'a, u64>, Problem> {
        let mut ranges = vec![(0, 0); found.data.geometry_count() as usize];
        let (mut buckets, mut keys, mut numbers) = (Vec::new(), Vec::new(), HashMap::new());
        let mut problem = None;
        for_each_shape(found.data, &found.matches, |shape, _| {
            // A shape may come again, in another run of documents.
            if problem.is_some() || ranges[shape as usize] != (0, 0) {
                return;
            }
            match self.cells(found, shape) {
                Ok(cells) => {
                    let begin = buckets.len() as u32;
                    buckets.extend(cells.into_iter().map(|cell| {
                        *numbers.entry(cell).or_insert_with(|| {
                            keys.push(cell);
                            keys.len() as u32 - 1
                        })
                    }));
                    ranges[shape as usize] = (begin, buckets.len() as u32);
                }
                Err(found) => problem = Some(found),
            }
        });
        match problem {
            Some(problem) => Err(problem),
            None => Ok(Part { members: Members::Shapes { ranges, buckets }, keys }),
        }
    }

    fn cells(&mut self, found: &Found<'_>, shape: u32) -> Result<Vec<u64>, Problem> {
        let Some(flat) = found.data.geometry(shape) else { return Ok(Vec::new()) };
        let cells = match self.boxes {
            Some(boxes) => {
                let (grid, precision) = (self.grid, self.precision);
                let pack = |(column, row)| grid::pack(grid, precision, column, row);
                if let Some(cell) = boxes.only_cell(flat.bounds()) {
                    return Ok(vec![pack(cell)]);
                }
                self.walk()?;
                boxes.touched(&flat, TOUCHED_CELLS_MAX).map(|cells| cells.into_iter().map(pack).collect())
            }
            None => {
                let kept = found.data.touched_cells(self.precision).and_then(|kept| kept.of(shape));
                if let Some(kept) = kept {
                    return Ok(kept.iter().map(|cell| packed_cell(*cell, self.precision)).collect());
                }
                self.walk()?;
                h3_cells(&flat.to_geometry(), self.precision, TOUCHED_CELLS_MAX)
            }
        };
        cells.ok_or_else(|| too_many("cells for one item", TOUCHED_CELLS_MAX))
    }

    /// Counts a shape against the limit.
    fn walk(&mut self) -> Result<(), Problem> {
        *self.walked += 1;
        if *self.walked > TOUCHED_SHAPES_MAX {
            let detail = format!(
                "the search matches more than {TOUCHED_SHAPES_MAX} distinct footprints, too many to cover with cells"
            );
            return Err(Problem::invalid("too-many-shapes", detail)
                .at("aggregations")
                .allowed("a narrower search, a coarser precision, or a grid of centroids"));
        }
        Ok(())
    }
}
