#![allow(clippy::unwrap_used)]

use geo::{LineString, MultiPolygon, Polygon, Validation};
use proptest::prelude::*;

use super::*;

fn ring(points: &[[i32; 2]]) -> Ring {
    points.iter().map(|[x, y]| IntPoint { x: *x, y: *y }).collect()
}

fn as_geo(polygons: &[Vec<Ring>]) -> MultiPolygon<f64> {
    let line = |ring: &Ring| ring.iter().map(|p| (f64::from(p.x), f64::from(p.y))).collect::<LineString<f64>>();
    let polygon = |rings: &Vec<Ring>| Polygon::new(line(&rings[0]), rings[1..].iter().map(line).collect());
    MultiPolygon(polygons.iter().map(polygon).collect())
}

#[test]
fn a_hole_that_meets_two_exteriors_in_a_corner_lies_in_the_one_around_it() {
    let contours = [
        ring(&[[0, 0], [0, 7], [13, 11], [16, 1], [17, 13], [8, 5], [18, 0]]),
        ring(&[[11, 23], [23, 4], [2, 8], [18, 8], [5, 5], [20, 7], [21, 1], [9, 11]]),
    ];
    let polygons = as_geo(&polygons(&contours, |_| true));
    assert!(polygons.is_valid(), "{:?} {polygons:?}", polygons.check_validation());
    assert_eq!(polygons.iter().map(|polygon| polygon.interiors().len()).max(), Some(3));
}

/// Times that rings wind around the middle of the unit square whose lower left corner this is.
fn winding([x, y]: [i32; 2], rings: &[Ring]) -> i32 {
    let mut winding = 0;
    for ring in rings {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            // Edges go along the axes.
            if a.x == b.x && a.x <= x && (a.y <= y) != (b.y <= y) {
                winding += (b.y - a.y).signum();
            }
        }
    }
    winding
}

/// Rings whose edges go along the axes of a small grid, so that many of them meet.
fn steps() -> impl Strategy<Value = Ring> {
    prop::collection::vec([0..8i32, 0..8i32], 2..10).prop_map(|corners| {
        let next = corners.iter().cycle().skip(1);
        let points: Vec<[i32; 2]> = corners.iter().zip(next).flat_map(|(a, b)| [*a, [b[0], a[1]]]).collect();
        ring(&points)
    })
}

/// Rings on a small grid; where edges cross beside its points they are moved to them.
fn jagged() -> impl Strategy<Value = Ring> {
    prop::collection::vec([0..12i32, 0..12i32], 3..12).prop_map(|points| ring(&points))
}

proptest! {
    #[test]
    fn polygons_cover_what_the_contours_wind_around(contours in prop::collection::vec(steps(), 1..4)) {
        let polygons = polygons(&contours, |_| true);
        prop_assert!(as_geo(&polygons).is_valid(), "{:?} {polygons:?}", as_geo(&polygons).check_validation());
        let rings: Vec<Ring> = polygons.iter().flatten().cloned().collect();
        for (x, y) in (0..8).flat_map(|x| (0..8).map(move |y| (x, y))) {
            let inside = i32::from(winding([x, y], &contours) != 0);
            prop_assert_eq!(winding([x, y], &rings).abs(), inside, "{}, {}", x, y);
            let around = |rings: &&Vec<Ring>| winding([x, y], rings) != 0;
            prop_assert_eq!(i32::try_from(polygons.iter().filter(around).count()).unwrap(), inside);
        }
    }

    #[test]
    fn polygons_are_valid_however_contours_meet(contours in prop::collection::vec(jagged(), 1..4)) {
        let polygons = polygons(&contours, |_| true);
        prop_assert!(as_geo(&polygons).is_valid(), "{:?} {polygons:?}", as_geo(&polygons).check_validation());
        for rings in &polygons {
            prop_assert!(rings.iter().enumerate().all(|(at, ring)| (twice_area(ring) > 0) == (at == 0)));
        }
    }
}
