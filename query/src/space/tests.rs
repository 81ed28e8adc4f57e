//! The predicates against the slow ones of `geo`, which are exact too.

use geo::{Coord, Geometry, Intersects, MapCoords, Point, Polygon, Rect, Relate, polygon};
use nilometer_indexer::geometry::{FlatGeometry, encode};
use nilometer_schemas::Bbox;
use proptest::prelude::*;

use super::{PreparedGeometry, samples};

fn answer(prepared: &PreparedGeometry, stored: &Geometry<f64>) -> bool {
    let bytes = encode(stored);
    prepared.intersects(&FlatGeometry::decode(&bytes).expect("own encoding"))
}

fn moved(geometry: &Geometry<f64>, dx: f64, dy: f64, scale: f64) -> Geometry<f64> {
    geometry.map_coords(|c| Coord { x: c.x * scale + dx, y: c.y * scale + dy })
}

fn bbox(west: f64, south: f64, east: f64, north: f64) -> PreparedGeometry {
    PreparedGeometry::from_bbox(Bbox { west, south, east, north })
}

fn rect(b: [f64; 4]) -> Polygon<f64> {
    Rect::new(Coord { x: b[0], y: b[1] }, Coord { x: b[2], y: b[3] }).to_polygon()
}

#[test]
fn touching_counts_and_holes_do_not() {
    let ring = Geometry::Polygon(polygon!(
        exterior: [(x: 0., y: 0.), (x: 9., y: 0.), (x: 9., y: 9.), (x: 4., y: 12.), (x: 0., y: 9.)],
        interiors: [[(x: 2., y: 2.), (x: 6., y: 2.), (x: 6., y: 6.), (x: 2., y: 6.)]],
    ));
    let prepared = PreparedGeometry::new(&ring);
    let check = |stored: Geometry<f64>, expected: bool| assert_eq!(answer(&prepared, &stored), expected, "{stored:?}");
    check(Point::new(0.0, 5.0).into(), true);
    check(Point::new(9.0, 9.0).into(), true);
    check(Point::new(4.0, 4.0).into(), false);
    check(Point::new(2.0, 4.0).into(), true);
    check(rect([9.0, 2.0, 11.0, 3.0]).into(), true);
    check(rect([9.5, 2.0, 11.0, 3.0]).into(), false);
    check(rect([3.0, 3.0, 5.0, 5.0]).into(), false);
    check(rect([3.0, 3.0, 6.0, 5.0]).into(), true);
    check(rect([-5.0, -5.0, 20.0, 20.0]).into(), true);
}

#[test]
fn a_box_over_the_antimeridian_is_two_and_has_what_lies_on_either_side() {
    let prepared = bbox(175.0, -5.0, -175.0, 5.0);
    assert_eq!(prepared.bounds(), [[175.0, -5.0, 180.0, 5.0], [-180.0, -5.0, -175.0, 5.0]]);
    assert_eq!(prepared.bounds_units()[0], [1_750_000_000, -50_000_000, 1_800_000_000, 50_000_000]);
    for (lon, expected) in [(175.0, true), (180.0, true), (-180.0, true), (-175.0, true), (-174.9, false), (0.0, false)]
    {
        assert_eq!(answer(&prepared, &Point::new(lon, 0.0).into()), expected, "{lon}");
    }
    assert!(prepared.covers_box([176.0, 0.0, 177.0, 1.0]) && prepared.misses_box([-10.0, 0.0, 10.0, 1.0]));
}

#[test]
fn a_caller_may_write_longitudes_beyond_180() {
    let prepared = PreparedGeometry::new(&Geometry::Polygon(polygon![
        (x: 175., y: 0.), (x: 180., y: -5.), (x: 185., y: 0.), (x: 180., y: 5.)
    ]));
    for (lon, expected) in [(-176.0, true), (176.0, true), (-174.0, false), (0.0, false)] {
        assert_eq!(answer(&prepared, &Point::new(lon, 0.0).into()), expected, "{lon}");
    }
}

#[test]
fn boxes_at_the_poles_have_what_lies_on_their_edge() {
    let cap = bbox(-180.0, 80.0, 180.0, 90.0);
    for (lon, lat, expected) in [(0.0, 90.0, true), (-180.0, 80.0, true), (180.0, 85.0, true), (0.0, 79.999, false)] {
        assert_eq!(answer(&cap, &Point::new(lon, lat).into()), expected, "{lon} {lat}");
    }
    assert!(cap.covers_box([-180.0, 80.0, 180.0, 90.0]));
}

#[test]
fn an_empty_geometry_meets_nothing() {
    let nothing = Geometry::MultiPoint(geo::MultiPoint(Vec::new()));
    let prepared = PreparedGeometry::new(&nothing);
    assert!(prepared.bounds().is_empty());
    assert!(prepared.misses_box([-180.0, -90.0, 180.0, 90.0]) && !prepared.covers_box([0.0, 0.0, 0.0, 0.0]));
    assert!(!answer(&prepared, &rect([-180.0, -90.0, 180.0, 90.0]).into()));
    assert!(!answer(&bbox(-180.0, -90.0, 180.0, 90.0), &nothing));
}

#[test]
fn many_parts_have_few_bounds() {
    let points: Vec<Point<f64>> = (0..500).map(|i| Point::new(f64::from(i % 25), f64::from(i / 25))).collect();
    let prepared = PreparedGeometry::new(&geo::MultiPoint(points.clone()).into());
    assert!((1..=16).contains(&prepared.bounds().len()));
    assert_eq!(prepared.vertex_count(), 500);
    for p in points {
        assert!(prepared.bounds().iter().any(|b| b[0] <= p.x() && p.x() <= b[2] && b[1] <= p.y() && p.y() <= b[3]));
    }
}

fn check_boxes(prepared: &PreparedGeometry, geometry: &Geometry<f64>, b: [f64; 4]) -> Result<(), TestCaseError> {
    let asked = rect(b);
    if prepared.covers_box(b) {
        let covers = match geometry {
            Geometry::Polygon(p) => p.relate(&asked).is_covers(),
            Geometry::MultiPolygon(m) => m.relate(&asked).is_covers(),
            // Members that lie in each other have no simple relation: at least every corner is inside.
            other => asked.exterior().coords().all(|c| other.intersects(c)),
        };
        prop_assert!(covers, "covers {b:?}");
    }
    if prepared.misses_box(b) {
        prop_assert!(!geometry.intersects(&asked), "misses {b:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_two_geometries_intersect_exactly_when_geo_says_so(
        asked in samples::geometry(), stored in samples::geometry(),
        (dx, dy) in prop_oneof![Just((0.0, 0.0)), (-12..12i32, -12..12i32).prop_map(|(x, y)| (f64::from(x), f64::from(y)))],
        scale in prop::sample::select(vec![1.0, 1.0, 0.5, 0.125, 4.0])
    ) {
        let stored = moved(&stored, dx, dy, scale);
        prop_assert_eq!(answer(&PreparedGeometry::new(&asked), &stored), asked.intersects(&stored));
    }

    #[test]
    fn a_basin_meets_footprints_exactly_when_geo_says_so(
        basin in samples::basin(), stored in prop::collection::vec((samples::geometry(), -8.0..8.0f64, -8.0..8.0f64), 20)
    ) {
        let asked = Geometry::Polygon(basin);
        let prepared = PreparedGeometry::new(&asked);
        for (shape, dx, dy) in stored {
            let stored = moved(&shape, dx, dy, 0.1);
            prop_assert_eq!(answer(&prepared, &stored), asked.intersects(&stored), "{:?}", stored);
        }
    }

    #[test]
    fn a_place_touches_what_shares_one_of_its_vertices_or_edges(basin in samples::basin(), at in any::<prop::sample::Index>()) {
        let prepared = PreparedGeometry::new(&Geometry::Polygon(basin.clone()));
        let edges: Vec<_> = geo::LinesIter::lines_iter(&basin).collect();
        let edge = edges[at.index(edges.len())];
        prop_assert!(answer(&prepared, &Geometry::Point(edge.start.into())));
        prop_assert!(answer(&prepared, &Geometry::Line(edge)));
    }

    #[test]
    fn a_line_through_a_position_on_a_cell_corner_meets_it_whatever_the_rounding(
        (x, y) in (-8..=8i32, -8..=8i32), (dx, dy) in (-99..=99i32, -99..=99i32), (before, after) in (0..4i32, 0..4i32)
    ) {
        // The outer points give a grid of 64 cells over 16 degrees.
        let points = [(-8, -8), (8, 8), (x, y)].map(|(x, y)| Point::new(f64::from(x), f64::from(y)));
        let prepared = PreparedGeometry::new(&geo::MultiPoint(points.to_vec()).into());
        let at = |steps: i32| Coord { x: f64::from(x + steps * dx), y: f64::from(y + steps * dy) };
        prop_assert!(answer(&prepared, &geo::Line::new(at(-before), at(after)).into()));
    }

    #[test]
    fn a_box_meets_geometries_exactly_when_geo_says_so(
        (west, south, width, height) in (-10..10i32, -10..10i32, 0..8i32, 0..8i32), stored in samples::geometry()
    ) {
        let b = [west, south, west + width, south + height].map(f64::from);
        let prepared = bbox(b[0], b[1], b[2], b[3]);
        let asked: Geometry<f64> = match (width, height) {
            (0, 0) => Point::new(b[0], b[1]).into(),
            (0, _) | (_, 0) => geo::Line::new(Coord { x: b[0], y: b[1] }, Coord { x: b[2], y: b[3] }).into(),
            _ => rect(b).into(),
        };
        prop_assert_eq!(answer(&prepared, &stored), asked.intersects(&stored));
        // The same box as a caller's polygon takes the same road.
        prop_assert_eq!(answer(&PreparedGeometry::new(&rect(b).into()), &stored), asked.intersects(&stored));
    }

    #[test]
    fn what_covers_or_misses_a_box_does_so_exactly(
        asked in prop_oneof![samples::basin().prop_map(Geometry::Polygon), samples::geometry()],
        boxes in prop::collection::vec((-10.0..10.0f64, -10.0..10.0f64, 0.0..2.0f64, 0.0..2.0f64), 30)
    ) {
        let prepared = PreparedGeometry::new(&asked);
        for (x, y, width, height) in boxes {
            check_boxes(&prepared, &asked, [x, y, x + width, y + height])?;
        }
    }

    #[test]
    fn bounds_contain_whatever_meets_the_geometry(asked in samples::geometry(), stored in samples::geometry()) {
        let prepared = PreparedGeometry::new(&asked);
        prop_assert!(prepared.bounds().len() <= 16);
        if !asked.intersects(&stored) {
            return Ok(());
        }
        let bounds = nilometer_indexer::geometry::bounds(&stored).expect("it meets something");
        let meets = |b: &[f64; 4]| b[0] <= bounds[2] && bounds[0] <= b[2] && b[1] <= bounds[3] && bounds[1] <= b[3];
        prop_assert!(prepared.bounds().iter().any(meets));
        prop_assert!(!prepared.misses_box(bounds));
    }

    #[test]
    fn a_box_over_the_antimeridian_answers_as_its_unwrapped_twin(
        stored in samples::geometry(), (west, east) in (172..=180i32, 180..=188i32), (south, height) in (-9..6i32, 1..4i32)
    ) {
        let stored = moved(&stored, 180.0, 0.0, 1.0);
        let [west, east, south, north] = [west, east, south, south + height].map(f64::from);
        let prepared = bbox(west, south, if east > 180.0 { east - 360.0 } else { east }, north);
        let cut = nilometer_indexer::geometry::normalise(&stored, None);
        // (Edges lie where no edge of the samples meets a corner exactly, which cutting may round away.)
        // On the antimeridian itself cut shapes answer for both sides; off it, they must agree with the shape not cut.
        let unwrapped = Geometry::Polygon(rect([west.min(179.5), south + 0.2537, east.max(180.5), north - 0.2537]));
        let plain = bbox(west.min(179.5), south + 0.2537, east.max(180.5) - 360.0, north - 0.2537);
        prop_assert_eq!(answer(&plain, &cut), unwrapped.intersects(&stored));
        prop_assert!(prepared.bounds().len() <= 2);
    }
}
