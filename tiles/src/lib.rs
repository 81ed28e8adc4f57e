//! Tile addressing for maps.
