//! The layer `grid`: H3 cells with the number of items that touch each.

use geo::MultiPolygon;
use nilometer_indexer::geometry::FlatGeometry;
use nilometer_indexer::geometry::{encode, h3_boundary};

use crate::draw::draw;
use crate::frame::Frame;
use crate::mvt::{Geometry, Layer, Value};

/// Name of the layer.
pub const GRID_LAYER: &str = "grid";

/// Draws the cells that reach into the frame; counts are by cell.
pub(crate) fn grid_layer<'c>(counts: impl IntoIterator<Item = &'c (u64, u64)>, frame: &Frame) -> Layer {
    let mut layer = Layer::new(GRID_LAYER);
    for (cell, count) in counts {
        let Some(outline) = h3_boundary(*cell) else { continue };
        let bytes = encode(&MultiPolygon(outline.0).into());
        let drawn = FlatGeometry::decode(&bytes).and_then(|shape| draw(&shape, frame));
        let name = format!("{cell:x}");
        // Of a cell that only just reaches into the frame nothing is left but a point.
        let areas = drawn.into_iter().flat_map(|drawn| drawn.geometries);
        for geometry in areas.filter(|geometry| matches!(geometry, Geometry::Polygons(_))) {
            layer.add(None, &geometry, &[("cell", Value::Text(&name)), ("count", Value::Count(*count))]);
        }
    }
    layer
}
