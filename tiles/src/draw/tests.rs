#![allow(clippy::unwrap_used)]

use geo::{Area, BooleanOps, Intersects, MultiPolygon, Validation};
use nilometer_indexer::geometry::{encode, normalise};
use proptest::prelude::*;

use super::*;
use crate::frame::BUFFER;
use crate::mvt::{EXTENT, Geometry};

fn frame(zoom: u8, row: u32, col: u32) -> Frame {
    Frame::of(TileAddress::new(zoom, row, col).unwrap())
}

fn drawn(shape: &geo::Geometry<f64>, frame: &Frame) -> Vec<Geometry> {
    let bytes = encode(&normalise(shape, None));
    draw(&FlatGeometry::decode(&bytes).unwrap(), frame).map_or_else(Vec::new, |drawn| drawn.geometries)
}

fn polygon(ring: &[[f64; 2]]) -> geo::Geometry<f64> {
    Polygon::new(LineString::from(ring.to_vec()), Vec::new()).into()
}

/// Rings as drawn, exteriors and holes told by their turn, which is checked.
fn areas(geometries: &[Geometry]) -> MultiPolygon<f64> {
    let mut out = Vec::new();
    for geometry in geometries {
        let Geometry::Polygons(polygons) = geometry else { continue };
        for rings in polygons {
            let mut made = rings.iter().enumerate().map(|(at, ring)| {
                let points: Vec<IntPoint> = ring.iter().map(|p| IntPoint { x: p[0], y: p[1] }).collect();
                assert_eq!(twice_area(&points) > 0, at == 0, "exteriors have a positive area, holes a negative one");
                LineString::from(ring.iter().map(|p| (f64::from(p[0]), f64::from(p[1]))).collect::<Vec<_>>())
            });
            out.push(Polygon::new(made.next().unwrap(), made.collect()));
        }
    }
    MultiPolygon(out)
}

#[test]
fn a_square_in_the_tile_is_drawn_where_it_lies() {
    let frame = frame(0, 0, 0);
    let [shape] = &drawn(&polygon(&[[0., 0.], [90., 0.], [90., 45.], [0., 45.], [0., 0.]]), &frame)[..] else {
        panic!()
    };
    let north = frame.project([0.0, 45.0])[1].round() as i32;
    let Geometry::Polygons(polygons) = shape else { panic!() };
    let mut ring = polygons[0][0].clone();
    ring.sort_unstable();
    let mut expected = vec![[2048, north], [2048, 2048], [3072, north], [3072, 2048]];
    expected.sort_unstable();
    assert_eq!(ring, expected);
}

#[test]
fn what_is_smaller_than_a_pixel_is_a_point_and_what_lies_elsewhere_is_nothing() {
    let lake = polygon(&[[8., 46.], [8.01, 46.], [8.01, 46.01], [8., 46.01], [8., 46.]]);
    let reach: geo::Geometry<f64> = LineString::from(vec![[8., 46.], [8.0001, 46.0001]]).into();
    for shape in [&lake, &reach] {
        let geometries = drawn(shape, &frame(0, 0, 0));
        assert!(matches!(&geometries[..], [Geometry::Points(points)] if points.len() == 1), "{geometries:?}");
        assert!(drawn(shape, &frame(2, 0, 0)).is_empty());
    }
    assert!(matches!(drawn(&lake, &frame(12, 1457, 2139))[..], [Geometry::Polygons(_)]));
}

#[test]
fn a_shape_around_a_tile_that_it_does_not_reach_is_nothing_there() {
    let here = frame(6, 31, 30);
    let [west, south, east, north] = here.bounds;
    let (middle, beyond) = ((west + east) / 2.0, east + 1.0);
    // A notch, and a hole, in which the tile lies.
    let notch = [
        [middle, north + 2.],
        [beyond, north + 2.],
        [beyond, south - 2.],
        [middle, south - 2.],
        [beyond - 0.5, south - 1.],
    ];
    let notch: Vec<[f64; 2]> = notch.into_iter().chain([[beyond - 0.5, north + 1.], [middle, north + 2.]]).collect();
    let around =
        |by: f64| geo::Rect::new((west - by, south - by), (east + by, north + by)).to_polygon().exterior().clone();
    let hole = Polygon::new(around(2.0), vec![around(1.0)]);
    for shape in [polygon(&notch), hole.into()] {
        assert!(drawn(&shape, &here).is_empty());
    }
}

#[test]
fn a_shape_across_the_antimeridian_is_whole_on_both_sides() {
    let shape = polygon(&[[170., -10.], [190., -10.], [190., 10.], [170., 10.], [170., -10.]]);
    for col in [0, 7] {
        let all = areas(&[drawn(&shape, &frame(3, 3, col)), drawn(&shape, &frame(3, 4, col))].concat());
        // One piece a tile, its edge at the frame and not at the antimeridian.
        assert_eq!(all.0.len(), 2);
        let beyond = f64::from(BUFFER);
        let edge = if col == 0 { -beyond } else { f64::from(EXTENT) + beyond };
        assert!(all.0.iter().all(|p| p.exterior().coords().any(|c| c.x == edge)), "{all:?}");
    }
}

#[test]
fn a_long_slanted_edge_follows_the_straight_line_in_degrees() {
    let line: geo::Geometry<f64> = LineString::from(vec![[0., 10.], [40., 60.]]).into();
    let frame = frame(3, 2, 4);
    let [Geometry::Lines(lines)] = &drawn(&line, &frame)[..] else { panic!() };
    for step in 1..200 {
        let share = f64::from(step) / 200.0;
        let [x, y] = frame.project([share * 40.0, 10.0 + share * 50.0]);
        if !(0.0..4096.0).contains(&x) || !(0.0..4096.0).contains(&y) {
            continue;
        }
        let point = |p: Point| p.map(f64::from);
        let near =
            lines.iter().flat_map(|line| line.windows(2)).any(|w| distance2([x, y], point(w[0]), point(w[1])) < 36.0);
        assert!(near, "({x}, {y}) lies beside the line");
    }
}

/// Rings that cross themselves, have spikes, or go far beyond a tile.
fn ring() -> impl Strategy<Value = Vec<[f64; 2]>> {
    prop::collection::vec((-12.0..12.0f64, -12.0..12.0f64), 3..24).prop_map(|points| {
        let mut ring: Vec<[f64; 2]> = points.into_iter().map(|(x, y)| [x, y]).collect();
        ring.push(ring[0]);
        ring
    })
}

/// Rings that do not cross themselves: stars around a middle.
fn star() -> impl Strategy<Value = Vec<[f64; 2]>> {
    (-8.0..8.0f64, -8.0..8.0f64, prop::collection::vec(0.2..9.0f64, 3..40)).prop_map(|(x, y, radii)| {
        let n = radii.len() as f64;
        let point = |(at, radius): (usize, &f64)| {
            let angle = at as f64 / n * std::f64::consts::TAU;
            [x + radius * angle.cos(), y + radius * angle.sin()]
        };
        let mut ring: Vec<[f64; 2]> = radii.iter().enumerate().map(point).collect();
        ring.push(ring[0]);
        ring
    })
}

proptest! {
    #[test]
    fn whatever_the_rings_polygons_are_valid_and_turn_the_right_way(
        rings in prop::collection::vec(ring(), 1..4), zoom in 0..9u8, (x, y) in (-9.0..9.0f64, -9.0..9.0f64)
    ) {
        let shape: geo::Geometry<f64> =
            Polygon::new(LineString::from(rings[0].clone()), rings[1..].iter().map(|r| LineString::from(r.clone())).collect()).into();
        let size = f64::from(zoom).exp2();
        let [px, py] = frame(0, 0, 0).project([x, y]);
        let frame = frame(zoom, (py / 4096.0 * size) as u32, (px / 4096.0 * size) as u32);
        let geometries = drawn(&shape, &frame);
        let areas = areas(&geometries);
        prop_assert!(areas.is_valid(), "{:?} {areas:?}", areas.check_validation());
        let frame_units = f64::from(BUFFER);
        for c in areas.0.iter().flat_map(|p| p.exterior().coords()) {
            prop_assert!((-frame_units..=4096.0 + frame_units).contains(&c.x) && (-frame_units..=4096.0 + frame_units).contains(&c.y));
        }
    }

    #[test]
    fn neighbouring_tiles_together_show_the_shape_to_a_pixel(star in star(), zoom in 4..7u8) {
        let shape = polygon(&star);
        let size = 1u32 << zoom;
        let world = frame(0, 0, 0);
        let mut pieces: Option<MultiPolygon<f64>> = None;
        for row in 0..size {
            for col in 0..size {
                let here = frame(zoom, row, col);
                let bounds = here.bounds;
                if bounds[2] < -18.0 || bounds[0] > 18.0 || bounds[3] < -18.0 || bounds[1] > 18.0 {
                    continue;
                }
                // In the units of this zoom over the whole map.
                let place = |c: Coord<f64>| Coord { x: c.x + f64::from(col) * 4096.0, y: c.y + f64::from(row) * 4096.0 };
                let piece = geo::MapCoords::map_coords(&areas(&drawn(&shape, &here)), place);
                pieces = Some(pieces.map_or_else(|| piece.clone(), |all| all.union(&piece)));
            }
        }
        let scale = f64::from(size);
        let whole: Vec<[f64; 2]> = projected(&star, 0.0, &world).iter().map(|p| p.map(|v| v * scale)).collect();
        let whole = MultiPolygon(vec![Polygon::new(LineString::from(whole), Vec::new())]);
        let differs = pieces.map_or(whole.unsigned_area(), |pieces| pieces.xor(&whole).unsigned_area());
        let outline: f64 = whole.0[0].exterior().lines().map(|l| (l.dx().powi(2) + l.dy().powi(2)).sqrt()).sum();
        prop_assert!(differs <= outline * 8.0 + 64.0, "{differs} of {}", whole.unsigned_area());
    }

    #[test]
    fn a_shape_is_drawn_exactly_where_it_reaches_into_the_frame(star in star(), zoom in 2..7u8, (x, y) in (-9.0..9.0f64, -9.0..9.0f64)) {
        let shape = polygon(&star);
        let size = f64::from(zoom).exp2();
        let [px, py] = frame(0, 0, 0).project([x, y]);
        let here = frame(zoom, (py / 4096.0 * size) as u32, (px / 4096.0 * size) as u32);
        let [w, s, e, n] = here.bounds;
        // Off by a rounding error the two may differ.
        let clearly = |by: f64| geo::Rect::new((w + by, s + by), (e - by, n - by));
        if shape.intersects(&clearly(1e-9)) {
            prop_assert!(!drawn(&shape, &here).is_empty());
        } else if !shape.intersects(&clearly(-1e-9)) {
            prop_assert!(drawn(&shape, &here).is_empty());
        }
    }
}
