//! Rectangles against stored geometries.

use nilometer_indexer::geometry::planar::{Position, boxes_touch, in_box, in_rings, segment_touches_box};
use nilometer_indexer::geometry::{FlatGeometry, FlatPart, PartKind};

/// Whether the closed box `outer` contains `inner`.
pub(super) fn contains(outer: [f64; 4], inner: [f64; 4]) -> bool {
    outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3]
}

/// Whether a closed box and a stored geometry share a point.
pub(super) fn touches(asked: [f64; 4], stored: &FlatGeometry<'_>) -> bool {
    let bounds = stored.bounds();
    boxes_touch(asked, bounds) && (contains(asked, bounds) || stored.parts().any(|part| touches_part(asked, &part)))
}

fn touches_part(asked: [f64; 4], part: &FlatPart<'_>) -> bool {
    let meets = |ring: &[Position]| match ring {
        [only] => in_box(*only, asked),
        ring => ring.windows(2).any(|edge| segment_touches_box(edge[0], edge[1], asked)),
    };
    match part.kind() {
        PartKind::Points => part.rings().flatten().any(|&p| in_box(p, asked)),
        PartKind::Line => part.rings().any(meets),
        // A box that meets no edge lies wholly inside or outside: one corner tells.
        PartKind::Polygon => part.rings().any(meets) || in_rings([asked[0], asked[1]], part.rings()),
    }
}

/// The boxes of a geometry that consists of at most `most` rectangles along the axes.
pub(super) fn rectangles(geometry: &FlatGeometry<'_>, most: usize) -> Option<Vec<[f64; 4]>> {
    let mut boxes = Vec::new();
    for part in geometry.parts() {
        let mut rings = part.rings();
        let (Some(exterior), None) = (rings.next(), rings.next()) else { return None };
        if part.kind() != PartKind::Polygon || boxes.len() == most {
            return None;
        }
        boxes.push(rectangle(exterior)?);
    }
    Some(boxes)
}

fn rectangle(ring: &[Position]) -> Option<[f64; 4]> {
    let &[a, b, c, d, last] = ring else { return None };
    let turns = |i: usize, j: usize| a[i] == b[i] && b[j] == c[j] && c[i] == d[i] && d[j] == a[j];
    let is_rectangle = last == a && (turns(0, 1) || turns(1, 0));
    is_rectangle.then(|| [a[0].min(c[0]), a[1].min(c[1]), a[0].max(c[0]), a[1].max(c[1])])
}
