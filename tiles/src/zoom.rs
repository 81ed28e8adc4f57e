//! What a zoom shows: counts by cell far out, shapes close in, decided for a whole search and not tile by tile, so that
//! neighbouring tiles always show the same kind of thing.

use nilometer_indexer::segment::CENTROID_ZOOM;
use nilometer_query::tile::Density;

/// Items in a tile up to which the tile shows their shapes.
pub const SHAPES_PER_TILE_MAX: u64 = 2_000;
/// H3 resolution of the grid by zoom: cells of 10 to 30 pixels where a tile is 512 pixels wide.
const RESOLUTIONS: [u8; CENTROID_ZOOM as usize + 1] = [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8];

/// The zooms of a search's grid and shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zooms {
    /// First zoom with shapes: the first at which no tile holds more than [`SHAPES_PER_TILE_MAX`] matching items (each
    /// counted in the tile of its centroid), and at the latest [`CENTROID_ZOOM`].
    pub shapes_from: u8,
}

impl Zooms {
    /// The zooms for matches of this density.
    pub fn of(density: &Density) -> Self {
        let first = density.fullest.iter().position(|items| *items <= SHAPES_PER_TILE_MAX);
        Self { shapes_from: first.map_or(CENTROID_ZOOM, |zoom| zoom as u8) }
    }

    /// Resolution of the grid at a zoom. The last zoom with a grid is the first with shapes, so that a map can fade from
    /// one to the other while it passes that zoom; a search whose shapes show at zoom 0 has no grid at all.
    pub fn grid_resolution(self, zoom: u8) -> Option<u8> {
        let has_grid = self.shapes_from > 0 && zoom <= self.shapes_from;
        RESOLUTIONS.get(usize::from(zoom)).copied().filter(|_| has_grid)
    }

    /// Whether a zoom shows shapes.
    pub fn has_shapes(self, zoom: u8) -> bool {
        zoom >= self.shapes_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_begin_where_no_tile_is_too_full_and_the_grid_ends_there() {
        let check = |fullest: [u64; 11], from: u8| {
            let zooms = Zooms::of(&Density { items: fullest[0], fullest });
            assert_eq!(zooms.shapes_from, from, "{fullest:?}");
            for zoom in 0..=24 {
                assert_eq!(zooms.has_shapes(zoom), zoom >= from);
                assert_eq!(zooms.grid_resolution(zoom).is_some(), from > 0 && zoom <= from, "{zoom}");
            }
        };
        check([0; 11], 0);
        check([2_000, 900, 900, 500, 1, 1, 1, 1, 1, 1, 1], 0);
        check([90_000, 50_000, 2_001, 2_000, 30, 1, 1, 1, 1, 1, 1], 3);
        check([90_000; 11], 10);
    }
}
