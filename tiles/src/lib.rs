//! The map: a search as vector tiles, with exact counts by H3 cell far out and true shapes close in.

mod address;
mod cache;
mod clip;
mod draw;
mod frame;
mod grid;
mod items;
mod rings;
mod tile;
mod zoom;

pub mod mvt;
pub mod pmtiles;

pub use address::{TileAddress, ZOOM_MAX};
pub use cache::{Found, SearchKey, TileCache};
pub use draw::{part_for_tile, shape_in_tile};
pub use frame::BUFFER;
pub use grid::GRID_LAYER;
pub use items::ITEMS_LAYER;
pub use mvt::EXTENT;
pub use tile::{Asked, NOTICE_LAYER, TILE_BYTES_MAX, Tile};
pub use zoom::{SHAPES_PER_TILE_MAX, Zooms};
