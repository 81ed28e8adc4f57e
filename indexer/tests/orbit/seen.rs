//! What is seen, against distances computed another way: chords between positions on the WGS84 ellipsoid in space.

use geo::{Intersects, Point};
use nilometer_indexer::orbit::{Pass, Revolution};
use proptest::prelude::*;

type Vector = [f64; 3];

const SEMI_MAJOR_KM: f64 = 6_378.137;
const ECCENTRICITY_2: f64 = 0.006_694_379_990_14;
/// How far the bounds of the polygons may be off, as documented.
const POLYGON_KM: f64 = 2.0;

fn in_space([lon, lat]: [f64; 2]) -> Vector {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    let n = SEMI_MAJOR_KM / (1.0 - ECCENTRICITY_2 * lat.sin().powi(2)).sqrt();
    [n * lat.cos() * lon.cos(), n * lat.cos() * lon.sin(), n * (1.0 - ECCENTRICITY_2) * lat.sin()]
}

fn on_ground([x, y, z]: Vector) -> [f64; 2] {
    // For positions close to the ellipsoid; each round gains five digits.
    let p = x.hypot(y);
    let mut lat = z.atan2(p * (1.0 - ECCENTRICITY_2));
    for _ in 0..4 {
        let n = SEMI_MAJOR_KM / (1.0 - ECCENTRICITY_2 * lat.sin().powi(2)).sqrt();
        lat = (z + ECCENTRICITY_2 * n * lat.sin()).atan2(p);
    }
    [y.atan2(x).to_degrees(), lat.to_degrees()]
}

fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn length(a: Vector) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The arc over a chord, for distances up to some hundred kilometres.
fn arc(chord_km: f64) -> f64 {
    let radius = 6_371.0;
    2.0 * radius * (chord_km / (2.0 * radius)).asin()
}

fn nadir(t_s: f64) -> Vector {
    in_space(Revolution::science().nadir(t_s))
}

/// The position so many kilometres right of nadir, square to the track.
pub(crate) fn beside(t_s: f64, right_km: f64) -> [f64; 2] {
    let (from, flight) = (nadir(t_s), minus(nadir(t_s + 0.5), nadir(t_s - 0.5)));
    let [lon, lat] = Revolution::science().nadir(t_s).map(f64::to_radians);
    let up = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
    let right = cross(flight, up);
    // In the plane that stands square on the track: along the right, and down with the ellipsoid.
    let angle = right_km / 6_371.0;
    let (out, down) = (6_371.0 * angle.sin(), 6_371.0 * (1.0 - angle.cos()));
    on_ground(std::array::from_fn(|i| from[i] + right[i] / length(right) * out - up[i] * down))
}

/// Nearest distance from a dense track, and when.
fn nearest(pass: Pass, position: [f64; 2]) -> (f64, f64) {
    let (place, [begin, end]) = (in_space(position), pass.span_s());
    let distance = |t: f64| length(minus(nadir(t), place));
    let scan = |from: f64, to: f64, step: f64| {
        let count = ((to - from) / step) as u32;
        let times = (0..=count).map(|i| from + f64::from(i) * step);
        times.min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap()
    };
    let rough = scan(begin, end, 25.0);
    let fine = scan((rough - 25.0).max(begin), (rough + 25.0).min(end), 0.5);
    // Near its minimum the square of the distance is a parabola.
    let [before, at, after] = [-0.5, 0.0, 0.5].map(|dt| distance(fine + dt).powi(2));
    let t = (fine + 0.25 * (before - after) / (before - 2.0 * at + after)).clamp(begin, end);
    (arc(distance(t)), t)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_position_is_seen_exactly_when_it_lies_10_to_60_km_from_nadir(
        number in 1..=584u32, share in 0.0..1.0f64, right_km in -90.0..90.0f64
    ) {
        let pass = Pass::new(number).unwrap();
        let [begin, end] = pass.span_s();
        let position = beside(begin + share * (end - begin), right_km);
        let (distance_km, t_s) = nearest(pass, position);
        let at_an_end = t_s - begin < 1.0 || end - t_s < 1.0;
        prop_assume!(!at_an_end);
        let approach = pass.approach(position).unwrap();
        prop_assert!((approach.distance_km - distance_km).abs() < 0.01, "{approach:?} {distance_km}");
        prop_assert!((approach.t_s - t_s).abs() < 0.2, "{approach:?} {t_s}");
        let seen = pass.swath().intersects(&Point::from(position));
        let certain = [10.0, 60.0].iter().all(|bound| (distance_km - bound).abs() > POLYGON_KM);
        if certain {
            prop_assert_eq!(seen, (10.0..=60.0).contains(&distance_km), "{} km", distance_km);
        }
    }

    #[test]
    fn a_position_anywhere_is_seen_by_the_passes_that_come_near(lon in -180.0..180.0f64, lat in -80.0..80.0f64) {
        for pass in Pass::all().step_by(97) {
            let (distance_km, t_s) = nearest(pass, [lon, lat]);
            let [begin, end] = pass.span_s();
            if distance_km < 1000.0 && t_s - begin > 1.0 && end - t_s > 1.0 {
                let approach = pass.approach([lon, lat]).unwrap();
                prop_assert!((approach.distance_km - distance_km).abs() < distance_km * 0.005 + 0.01);
            }
            if distance_km > 60.0 + POLYGON_KM {
                prop_assert!(!pass.swath().intersects(&Point::new(lon, lat)));
            }
        }
    }
}

#[test]
fn vertices_of_the_polygons_lie_as_near_to_the_bounds_as_documented() {
    use geo::CoordsIter;
    let mut worst: f64 = 0.0;
    for pass in Pass::all().step_by(73) {
        for c in pass.swath().coords_iter().filter(|c| c.x.abs() < 180.0) {
            let (distance_km, _) = nearest(pass, [c.x, c.y]);
            let off = [10.0, 60.0].iter().map(|bound| (distance_km - bound).abs()).fold(f64::INFINITY, f64::min);
            worst = worst.max(off);
        }
    }
    println!("vertices are off by at most {worst:.2} km");
    assert!(worst <= POLYGON_KM, "{worst}");
}
