//! Random valid shapes for property tests, half of them on an integer lattice so that shapes touch often.

use geo::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use proptest::prelude::*;

/// A star-shaped polygon around the origin within ±8, mostly with a hole of the same form half as large.
pub(crate) fn star_with_hole() -> impl Strategy<Value = Polygon<f64>> {
    let lattice = (-4..=4i32, -4..=4i32).prop_map(|(x, y)| Coord { x: f64::from(2 * x), y: f64::from(2 * y) });
    let free = (-8.0..8.0f64, -8.0..8.0f64).prop_map(|(x, y)| Coord { x, y });
    let spokes = prop_oneof![prop::collection::vec(lattice, 4..24), prop::collection::vec(free, 4..60),];
    (spokes, prop::bool::weighted(0.7))
        .prop_filter_map("too wide a gap between spokes", |(spokes, hollow)| star(spokes, hollow))
}

fn star(mut spokes: Vec<Coord<f64>>, hollow: bool) -> Option<Polygon<f64>> {
    spokes.retain(|c| c.x != 0.0 || c.y != 0.0);
    let angle = |c: &Coord<f64>| c.y.atan2(c.x);
    spokes.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    spokes.dedup_by(|a, b| (angle(a) - angle(b)).abs() < 1e-9);
    if spokes.len() < 3 {
        return None;
    }
    spokes.push(spokes[0]);
    let turns = |pair: &[Coord<f64>]| (angle(&pair[1]) - angle(&pair[0])).rem_euclid(std::f64::consts::TAU);
    if spokes.windows(2).any(|pair| turns(pair) > 3.1) {
        return None;
    }
    let hole = LineString(spokes.iter().map(|c| *c / 2.0).collect());
    Some(Polygon::new(LineString(spokes), if hollow { vec![hole] } else { Vec::new() }))
}

/// Moves a polygon.
pub(crate) fn moved(polygon: &Polygon<f64>, dx: f64, dy: f64) -> Polygon<f64> {
    let ring = |ring: &LineString<f64>| LineString(ring.coords().map(|c| Coord { x: c.x + dx, y: c.y + dy }).collect());
    Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect())
}

fn coord() -> impl Strategy<Value = Coord<f64>> {
    prop_oneof![
        (-8..=8i32, -8..=8i32).prop_map(|(x, y)| Coord { x: f64::from(x), y: f64::from(y) }),
        (-8.0..8.0f64, -8.0..8.0f64).prop_map(|(x, y)| Coord { x, y }),
    ]
}

fn line() -> impl Strategy<Value = LineString<f64>> {
    prop::collection::vec(coord(), 2..8).prop_map(LineString)
}

/// A geometry of any type within about ±20, its polygons valid.
pub(crate) fn geometry() -> impl Strategy<Value = Geometry<f64>> {
    let polygons = || {
        (prop::collection::vec(star_with_hole(), 1..3), -2..=2i32).prop_map(|(stars, dy)| {
            // Side by side with a gap, so that members do not overlap.
            let placed = stars.iter().zip([-9.0, 9.0]).map(|(star, dx)| moved(star, dx, f64::from(dy)));
            MultiPolygon(placed.collect())
        })
    };
    let simple = prop_oneof![
        coord().prop_map(|c| Geometry::Point(Point(c))),
        prop::collection::vec(coord(), 0..6)
            .prop_map(|c| Geometry::MultiPoint(MultiPoint(c.into_iter().map(Point).collect()))),
        line().prop_map(Geometry::LineString),
        prop::collection::vec(line(), 1..3).prop_map(|lines| Geometry::MultiLineString(MultiLineString(lines))),
        star_with_hole().prop_map(Geometry::Polygon),
        (star_with_hole(), -6..=6i32, -6..=6i32).prop_map(|(star, dx, dy)| Geometry::Polygon(moved(
            &star,
            f64::from(dx),
            f64::from(dy)
        ))),
        polygons().prop_map(Geometry::MultiPolygon),
    ];
    simple.prop_recursive(1, 4, 3, |member| {
        prop::collection::vec(member, 0..3)
            .prop_map(|members| Geometry::GeometryCollection(geo::GeometryCollection(members)))
    })
}
