//! The planned swath of a pass: two strips, with the gap below the satellite left open.
//!
//! The edges of a polygon are straight in longitude and latitude, the bounds of the swath are not. Vertices are set
//! where the bounds bend, and moved by half of what they bend, so that the polygon is off by at most 2 km on either
//! side with 196 vertices or fewer.

use std::sync::LazyLock;

use geo::{Coord, Destination, Geodesic, Geometry, LineString, MultiPolygon, Polygon};

use super::pass::{heading, nadir};
use super::{Pass, Side};
use crate::geometry::normalise;

/// Distance of the inner bounds from nadir, kilometres.
pub const SWATH_NEAR_KM: f64 = 10.0;
/// Distance of the outer bounds from nadir, kilometres.
pub const SWATH_FAR_KM: f64 = 60.0;
/// The four bounds of the swath from left to right, kilometres right of nadir.
const BOUNDS_KM: [f64; 4] = [-SWATH_FAR_KM, -SWATH_NEAR_KM, SWATH_NEAR_KM, SWATH_FAR_KM];
/// How far a bound may bend away from an edge before the vertices are moved, kilometres.
const BEND_MAX_KM: f64 = 3.9;
/// Seconds between the moments at which bends are looked at.
const STEP_S: f64 = 5.0;
/// Decimals of a degree that are kept: 0.05 km, far below what the polygon may be off.
const SCALE: f64 = 1000.0;
/// Kilometres in a degree of latitude, roughly.
const KM_PER_DEGREE: f64 = 111.2;

/// Vertices of passes in one direction; all of them are alike but for a turn about the Earth's axis.
struct Outline {
    /// Seconds after the begin of the pass.
    t_s: Vec<f64>,
    /// What each vertex of each bound is moved to the right, kilometres.
    moved_km: Vec<[f64; 4]>,
}

static ASCENDING: LazyLock<Outline> = LazyLock::new(|| Outline::of(Pass::new(1).expect("there is a pass 1")));
static DESCENDING: LazyLock<Outline> = LazyLock::new(|| Outline::of(Pass::new(2).expect("there is a pass 2")));

/// The position so many kilometres right of nadir, its longitude continuous with nadir's.
fn beside(t_s: f64, right_km: f64) -> [f64; 2] {
    let from = nadir(t_s);
    let to = Geodesic.destination(from, heading(t_s) + 90.0, right_km * 1000.0);
    [from.x() + (to.x() - from.x() + 180.0).rem_euclid(360.0) - 180.0, to.y()]
}

impl Outline {
    fn of(pass: Pass) -> Self {
        let [begin, end] = pass.span_s();
        let steps = ((end - begin) / STEP_S).ceil() as usize;
        let time = |step: usize| (end - begin) * step as f64 / steps as f64;
        let bounds: Vec<[[f64; 2]; 4]> =
            (0..=steps).map(|step| BOUNDS_KM.map(|km| beside(begin + time(step), km))).collect();
        let mut kept = vec![0];
        let mut bends = Vec::new();
        while *kept.last().expect("it begins with one") < steps {
            let from = *kept.last().expect("it begins with one");
            let fits = |to: usize| bend(&bounds[from..=to]).iter().all(|km| km.abs() <= BEND_MAX_KM);
            let mut to = from + 1;
            while to < steps && fits(to + 1) {
                to += 1;
            }
            bends.push(bend(&bounds[from..=to]));
            kept.push(to);
        }
        let none = [0.0; 4];
        let moved_km = (0..kept.len()).map(|i| {
            let (before, after) = (i.checked_sub(1).map_or(none, |i| bends[i]), bends.get(i).copied().unwrap_or(none));
            std::array::from_fn(|bound| (before[bound] + after[bound]) / 4.0)
        });
        Self { moved_km: moved_km.collect(), t_s: kept.iter().map(|step| time(*step)).collect() }
    }
}

/// The farthest that each bound lies right of the straight edge between its first and last position, kilometres.
fn bend(bounds: &[[[f64; 2]; 4]]) -> [f64; 4] {
    let (first, last) = (bounds[0], bounds[bounds.len() - 1]);
    std::array::from_fn(|bound| {
        let (a, b) = (first[bound], last[bound]);
        let mut farthest: f64 = 0.0;
        for position in bounds {
            let [x, y] = position[bound];
            // Plane coordinates about the position itself: the edge is near it.
            let scale = y.to_radians().cos() * KM_PER_DEGREE;
            let (along, to) = (
                [(b[0] - a[0]) * scale, (b[1] - a[1]) * KM_PER_DEGREE],
                [(x - a[0]) * scale, (y - a[1]) * KM_PER_DEGREE],
            );
            let right = (to[0] * along[1] - to[1] * along[0]) / along[0].hypot(along[1]);
            if right.abs() > farthest.abs() {
                farthest = right;
            }
        }
        farthest
    })
}

impl Pass {
    /// The planned swath within ±180 degrees, positions rounded to a thousandth of a degree: a multi-polygon of two
    /// strips, or more where the antimeridian cuts them.
    pub fn swath(self) -> Geometry<f64> {
        let outline: &Outline = if self.ascends() { &ASCENDING } else { &DESCENDING };
        let begin = self.span_s()[0];
        let bound = |bound: usize| -> Vec<Coord<f64>> {
            let vertices = outline.t_s.iter().zip(&outline.moved_km);
            vertices.map(|(t, moved)| Coord::from(beside(begin + t, BOUNDS_KM[bound] + moved[bound]))).collect()
        };
        let strips = [(0, 1), (3, 2)].map(|(outer, inner)| strip(bound(outer), bound(inner)));
        rounded(strips.into())
    }

    /// The piece of one strip that is under the instrument between two moments (seconds of the reference orbit after
    /// the start of the cycle), as one straight-edged quadrangle within ±180 degrees. Moments are to lie close together.
    pub fn piece(self, side: Side, from_s: f64, to_s: f64) -> Geometry<f64> {
        let sign = if side == Side::Left { -1.0 } else { 1.0 };
        let bound = |km: f64| vec![beside(from_s, sign * km).into(), beside(to_s, sign * km).into()];
        let piece = Geometry::Polygon(strip(bound(SWATH_FAR_KM), bound(SWATH_NEAR_KM)));
        let west = piece_west(&piece);
        let turned = (west + 180.0).rem_euclid(360.0) - 180.0 - west;
        normalise(&turn(piece, turned), None).into_owned()
    }
}

/// A ring along one bound and back along the other.
fn strip(outer: Vec<Coord<f64>>, inner: Vec<Coord<f64>>) -> Polygon<f64> {
    Polygon::new(outer.into_iter().chain(inner.into_iter().rev()).collect(), Vec::new())
}

fn piece_west(geometry: &Geometry<f64>) -> f64 {
    crate::geometry::bounds(geometry).map_or(0.0, |b| b[0])
}

fn turn(geometry: Geometry<f64>, degrees: f64) -> Geometry<f64> {
    use geo::MapCoords;
    geometry.map_coords(|c| Coord { x: c.x + degrees, y: c.y })
}

/// Strips brought within ±180 degrees and rounded; what is nothing after that is dropped.
fn rounded(strips: Vec<Polygon<f64>>) -> Geometry<f64> {
    let whole = Geometry::MultiPolygon(MultiPolygon(strips));
    let west = piece_west(&whole);
    let turned = turn(whole, -((west + 180.0) / 360.0).floor() * 360.0);
    let round = |x: f64| (x * SCALE).round() / SCALE;
    let mut kept = Vec::new();
    if let Geometry::MultiPolygon(parts) = normalise(&turned, None).as_ref() {
        for part in parts {
            let ring = part.exterior().coords().map(|c| Coord { x: round(c.x), y: round(c.y) }).collect();
            let ring = tidy(ring);
            if ring.len() >= 4 {
                kept.push(Polygon::new(LineString(ring), Vec::new()));
            }
        }
    }
    Geometry::MultiPolygon(MultiPolygon(kept))
}

/// The ring without repeated positions and without those that lie on the antimeridian between two others that do: rounding
/// may have brought them there, and the ring would run back over itself.
fn tidy(mut ring: Vec<Coord<f64>>) -> Vec<Coord<f64>> {
    ring.pop();
    ring.dedup();
    let cut = |c: Coord<f64>| c.x.abs() == 180.0;
    let n = ring.len();
    let between = |i: usize| cut(ring[(i + n - 1) % n]) && cut(ring[i]) && cut(ring[(i + 1) % n]);
    let mut kept: Vec<Coord<f64>> = (0..n).filter(|i| !between(*i)).map(|i| ring[i]).collect();
    kept.extend(kept.first().copied());
    kept
}
