//! Random valid shapes for property tests: on an integer lattice, where shapes often touch, and free.

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use proptest::prelude::*;

/// A star around a centre: spokes by angle, a hole of the same form half as large.
fn star(mut spokes: Vec<Coord<f64>>, hollow: bool, centre: Coord<f64>) -> Option<Polygon<f64>> {
    let angle = |c: &Coord<f64>| c.y.atan2(c.x);
    spokes.retain(|c| c.x != 0.0 || c.y != 0.0);
    spokes.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    spokes.dedup_by(|a, b| (angle(a) - angle(b)).abs() < 1e-9);
    spokes.push(*spokes.first()?);
    let turn = |pair: &[Coord<f64>]| (angle(&pair[1]) - angle(&pair[0])).rem_euclid(std::f64::consts::TAU);
    if spokes.len() < 4 || spokes.windows(2).any(|pair| turn(pair) > 3.1) {
        return None;
    }
    let ring = |scale: f64| LineString(spokes.iter().map(|c| *c * scale + centre).collect());
    Some(Polygon::new(ring(1.0), if hollow { vec![ring(0.5)] } else { Vec::new() }))
}

fn lattice(most: i32) -> impl Strategy<Value = Coord<f64>> {
    (-most..=most, -most..=most).prop_map(|(x, y)| Coord { x: f64::from(x), y: f64::from(y) })
}

fn position() -> impl Strategy<Value = Coord<f64>> {
    prop_oneof![lattice(8), (-8.0..8.0f64, -8.0..8.0f64).prop_map(|(x, y)| Coord { x, y })]
}

/// A polygon within about ±16.
pub(super) fn polygon() -> impl Strategy<Value = Polygon<f64>> {
    let spokes = prop_oneof![
        prop::collection::vec(lattice(4).prop_map(|c| c * 2.0), 4..20),
        prop::collection::vec(
            (0.0..6.3f64, 2.0..8.0f64).prop_map(|(angle, r)| Coord { x: r * angle.cos(), y: r * angle.sin() }),
            4..80
        ),
    ];
    (spokes, prop::bool::weighted(0.6), lattice(8))
        .prop_filter_map("too wide a gap between spokes", |(spokes, hollow, centre)| star(spokes, hollow, centre))
}

/// A polygon of hundreds of vertices around the origin, as a basin has.
pub(super) fn basin() -> impl Strategy<Value = Polygon<f64>> {
    (prop::collection::vec(3.0..8.0f64, 100..900), any::<bool>()).prop_filter_map("no star", |(radii, hollow)| {
        let step = std::f64::consts::TAU / radii.len() as f64;
        let spoke = |(i, r): (usize, &f64)| {
            let (sin, cos) = (i as f64 * step).sin_cos();
            Coord { x: r * cos, y: r * sin }
        };
        star(radii.iter().enumerate().map(spoke).collect(), hollow, Coord { x: 0.0, y: 0.0 })
    })
}

/// A rectangle on the lattice.
pub(super) fn quad() -> impl Strategy<Value = Polygon<f64>> {
    (lattice(8), 1..5i32, 1..5i32).prop_map(|(c, width, height)| {
        geo::Rect::new(c, c + Coord { x: f64::from(width), y: f64::from(height) }).to_polygon()
    })
}

fn line() -> impl Strategy<Value = LineString<f64>> {
    prop::collection::vec(position(), 2..7).prop_map(LineString)
}

/// Any geometry; polygons of a multi-polygon lie apart.
pub(super) fn geometry() -> impl Strategy<Value = Geometry<f64>> {
    let apart = (quad(), quad()).prop_map(|(a, b)| {
        let away = LineString(b.exterior().coords().map(|c| Coord { x: c.x + 20.0, y: c.y }).collect());
        Geometry::MultiPolygon(MultiPolygon(vec![a, Polygon::new(away, Vec::new())]))
    });
    let simple = prop_oneof![
        2 => position().prop_map(|c| Geometry::Point(Point(c))),
        1 => prop::collection::vec(position(), 0..5)
            .prop_map(|c| Geometry::MultiPoint(MultiPoint(c.into_iter().map(Point).collect()))),
        2 => line().prop_map(Geometry::LineString),
        1 => prop::collection::vec(line(), 1..3).prop_map(|l| Geometry::MultiLineString(MultiLineString(l))),
        4 => polygon().prop_map(Geometry::Polygon),
        2 => quad().prop_map(Geometry::Polygon),
        1 => apart,
    ];
    simple.prop_recursive(1, 3, 3, |member| {
        prop::collection::vec(member, 0..3).prop_map(|m| Geometry::GeometryCollection(GeometryCollection(m)))
    })
}
