//! Which passes of SWOT see a place, and when in the cycle.

use std::sync::LazyLock;

use geo::Geometry;
use nilometer_indexer::geometry::{FlatGeometry, encode};
use nilometer_indexer::orbit::{Pass, Revolution, SWATH_FAR_KM, SWATH_NEAR_KM, Side};

use crate::space::PreparedGeometry;

/// Pieces into which a pass is cut, of 6 seconds and 42 km each: within one the swath is straight to 0.1 km, near the
/// turning points too, where it bends most.
const PIECES: u32 = 512;
/// Times that a piece is halved to find the moment when the swath reaches a place: 6 s become 0.2 s.
const HALVINGS: u32 = 5;
/// How far, in degrees of latitude, the swath reaches from nadir: 60 km are 0.54.
const REACH_DEGREES: f64 = 0.6;
/// Radius of the Earth for rough distances, kilometres.
const RADIUS_KM: f64 = 6_371.0;
/// A nadir sample lies within this distance of whatever its piece or the one before sees, kilometres.
const NEAR_KM: f64 = 150.0;

/// One pass over a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// The pass.
    pub pass: Pass,
    /// First and last moment at which the place, or a part of it, is abeam of the satellite within the swath, in seconds
    /// of the reference orbit after the start of the cycle. For a position both are the closest approach.
    pub span_s: [f64; 2],
    /// Distance of a position from nadir at the closest approach, kilometres; `None` for places with an extent.
    pub distance_km: Option<f64>,
    /// Sides of the swath, seen along the flight, in which the place lies.
    pub sides: Vec<Side>,
}

/// A moment of a cycle, and nadir then.
struct Sample {
    t_s: f64,
    /// Longitude within ±180, latitude.
    position: [f64; 2],
    on_sphere: [f64; 3],
}

/// Nadir where the pieces of all passes meet, in the order of flight.
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let orbit = Revolution::science();
    let count = Pass::all().count() as u32 * PIECES;
    let sample = |i: u32| {
        let t_s = orbit.cycle_s() * f64::from(i) / f64::from(count);
        let [lon, lat] = orbit.nadir(t_s);
        let position = [(lon + 180.0).rem_euclid(360.0) - 180.0, lat];
        Sample { t_s, position, on_sphere: on_sphere(position) }
    };
    (0..=count).map(sample).collect()
});

fn on_sphere([lon, lat]: [f64; 2]) -> [f64; 3] {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

/// The samples of one pass, both ends included.
fn samples(pass: Pass) -> &'static [Sample] {
    let first = ((pass.number() - 1) * PIECES) as usize;
    &SAMPLES[first..=first + PIECES as usize]
}

/// The passes of a cycle whose swath, 10 to 60 km on either side of nadir, shares a point with a place (CRS84).
///
/// Exact to metres for a position, to 0.1 km for a place with an extent; the polygons of the stored passes are coarser.
pub fn sights(place: &Geometry<f64>) -> Vec<Sight> {
    if let Geometry::Point(point) = place {
        let position = [point.x(), point.y()];
        return Pass::all().filter_map(|pass| sight_of_position(pass, position)).collect();
    }
    let prepared = PreparedGeometry::new(place);
    Pass::all().filter_map(|pass| sight_of_place(pass, &prepared)).collect()
}

fn sight_of_position(pass: Pass, position: [f64; 2]) -> Option<Sight> {
    let at = on_sphere(position);
    let near = (NEAR_KM / RADIUS_KM).cos();
    let is_near = |s: &Sample| (0..3).map(|i| s.on_sphere[i] * at[i]).sum::<f64>() > near;
    if !samples(pass).iter().any(is_near) {
        return None;
    }
    let approach = pass.approach(position)?;
    let seen = (SWATH_NEAR_KM..=SWATH_FAR_KM).contains(&approach.distance_km);
    seen.then(|| Sight {
        pass,
        span_s: [approach.t_s; 2],
        distance_km: Some(approach.distance_km),
        sides: vec![approach.side],
    })
}

fn sight_of_place(pass: Pass, place: &PreparedGeometry) -> Option<Sight> {
    let near: Vec<[f64; 2]> = samples(pass)
        .windows(2)
        .filter(|pair| comes_near(&pair[0], &pair[1], place))
        .map(|pair| [pair[0].t_s, pair[1].t_s])
        .collect();
    let (mut span_s, mut sides) = ([f64::INFINITY, f64::NEG_INFINITY], Vec::new());
    for side in Side::BOTH {
        let touches = |[from, to]: [f64; 2]| touches(pass, side, from, to, place);
        let Some(first) = near.iter().copied().find(|piece| touches(*piece)) else { continue };
        let last = near.iter().copied().rfind(|piece| touches(*piece)).unwrap_or(first);
        span_s[0] = span_s[0].min(edge(first, touches));
        // The last moment is the first one of the same piece flown backwards.
        let backwards = |[from, to]: [f64; 2]| touches([-to, -from]);
        span_s[1] = span_s[1].max(-edge([-last[1], -last[0]], backwards));
        sides.push(side);
    }
    (!sides.is_empty()).then_some(Sight { pass, span_s, distance_km: None, sides })
}

/// The begin of the touching part of a piece that touches, to a fraction of a second.
fn edge([mut from, mut to]: [f64; 2], touches: impl Fn([f64; 2]) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(from, to);
        if touches([from, middle]) { to = middle } else { from = middle }
    }
    from
}

/// Whether a box around the swath between two samples may share a point with the place.
fn comes_near(a: &Sample, b: &Sample, place: &PreparedGeometry) -> bool {
    let ([x, y], [to_x, to_y]) = (a.position, b.position);
    let to_x = x + (to_x - x + 180.0).rem_euclid(360.0) - 180.0;
    let (south, north) = (y.min(to_y) - REACH_DEGREES, y.max(to_y) + REACH_DEGREES);
    // The swath stays below 78.3 degrees, so that the cosine is never small.
    let reach = REACH_DEGREES / south.abs().max(north.abs()).to_radians().cos();
    let (west, east) = (x.min(to_x) - reach, x.max(to_x) + reach);
    [-360.0, 0.0, 360.0].iter().any(|shift| {
        let on_map = west + shift <= 180.0 && east + shift >= -180.0;
        on_map && !place.misses_box([west + shift, south, east + shift, north])
    })
}

fn touches(pass: Pass, side: Side, from_s: f64, to_s: f64, place: &PreparedGeometry) -> bool {
    let bytes = encode(&pass.piece(side, from_s, to_s));
    FlatGeometry::decode(&bytes).is_some_and(|piece| place.intersects(&piece))
}

#[cfg(test)]
mod tests {
    use geo::{Coord, Point, Rect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_new_zealand_granule_of_pass_58_lies_in_a_swath_of_pass_58() {
        // A reach near the Waikato's mouth would do as well: the middle of the granule's footprint.
        let seen = sights(&Geometry::Rect(Rect::new(Coord { x: 172.0, y: -44.0 }, Coord { x: 176.0, y: -38.0 })));
        assert!(seen.iter().any(|s| s.pass.number() == 58), "{:?}", seen.iter().map(|s| s.pass).collect::<Vec<_>>());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_tiny_box_is_seen_when_its_middle_is(lon in -180.0..179.9f64, lat in -78.0..78.0f64) {
            let tiny = 1e-4;
            let corner = Coord { x: lon, y: lat };
            let area = Geometry::Rect(Rect::new(corner, corner + Coord { x: tiny, y: tiny }));
            let of_area = sights(&area);
            for point in sights(&Geometry::Point(Point::new(lon + tiny / 2.0, lat + tiny / 2.0))) {
                let km = point.distance_km.unwrap_or_default();
                // Away from the bounds, where the pieces' straight edges may differ from the swath.
                if (10.3..59.7).contains(&km) {
                    let same = of_area.iter().find(|s| s.pass == point.pass);
                    prop_assert!(same.is_some(), "{point:?}");
                    if let Some(same) = same {
                        prop_assert_eq!(&same.sides, &point.sides);
                        prop_assert!((same.span_s[0] - point.span_s[0]).abs() < 1.0, "{same:?} {point:?}");
                        prop_assert!((same.span_s[1] - point.span_s[0]).abs() < 1.0, "{same:?} {point:?}");
                    }
                }
            }
        }
    }
}
