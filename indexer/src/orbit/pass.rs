//! One pass: half a revolution, and how near it comes to a place.

use geo::{Bearing, Distance, Geodesic, Point};

use super::{PASSES, Revolution};

/// Seconds between the positions among which the nearest is looked for; the swath is far narrower than the distance
/// flown in that time, so that no approach is missed.
const SEARCH_STEP_S: f64 = 25.0;
/// Half the time over which the direction of flight is taken, seconds.
const HEADING_S: f64 = 0.5;
/// Approaches are found to this many seconds, about a metre of the track.
const APPROACH_S: f64 = 1e-4;

/// A pass of the repeating orbit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pass(u32);

/// Side of the track, seen along the flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Left of the flight.
    Left,
    /// Right of the flight.
    Right,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// `left` or `right`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// Where a pass is nearest to a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Approach {
    /// Seconds of the reference orbit after the start of the cycle.
    pub t_s: f64,
    /// Geodesic distance from nadir on the WGS84 ellipsoid, kilometres.
    pub distance_km: f64,
    /// The side on which the position lies.
    pub side: Side,
}

impl Pass {
    /// A pass by its number, from 1 to 584.
    pub fn new(number: u32) -> Option<Self> {
        (1..=PASSES).contains(&number).then_some(Self(number))
    }

    /// All passes of a cycle, in the order of flight.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=PASSES).map(Self)
    }

    /// Its number within the cycle.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Whether it goes north: odd passes do.
    pub fn ascends(self) -> bool {
        self.0 % 2 == 1
    }

    /// `ascending` or `descending`.
    pub fn direction(self) -> &'static str {
        if self.ascends() { "ascending" } else { "descending" }
    }

    /// Begin and end in seconds of the reference orbit after the start of the cycle.
    pub fn span_s(self) -> [f64; 2] {
        let pass_s = Revolution::science().pass_s();
        [f64::from(self.0 - 1) * pass_s, f64::from(self.0) * pass_s]
    }

    /// Where the pass is nearest to a position (longitude, latitude), or `None` where its nearest point is one of its ends:
    /// such a position lies beside another pass.
    pub fn approach(self, position: [f64; 2]) -> Option<Approach> {
        let [begin, end] = self.span_s();
        let place = Point::new(position[0], position[1]);
        let distance = |t: f64| Geodesic.distance(nadir(t), place);
        let steps = ((end - begin) / SEARCH_STEP_S).ceil() as u32;
        let time = |step: u32| begin + (end - begin) * f64::from(step) / f64::from(steps);
        let nearest = (0..=steps).min_by(|a, b| chord(time(*a), position).total_cmp(&chord(time(*b), position)))?;
        let (mut low, mut high) = (time(nearest) - SEARCH_STEP_S, time(nearest) + SEARCH_STEP_S);
        while high - low > APPROACH_S {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if distance(a) < distance(b) { high = b } else { low = a }
        }
        let t_s = (low + high) / 2.0;
        if !(begin..=end).contains(&t_s) {
            return None;
        }
        let to_place = Geodesic.bearing(nadir(t_s), place);
        let turn = (to_place - heading(t_s) + 540.0).rem_euclid(360.0) - 180.0;
        let side = if turn < 0.0 { Side::Left } else { Side::Right };
        Some(Approach { t_s, distance_km: distance(t_s) / 1000.0, side })
    }
}

/// Nadir as a point.
pub(super) fn nadir(t_s: f64) -> Point<f64> {
    let [lon, lat] = Revolution::science().nadir(t_s);
    Point::new(lon, lat)
}

/// Direction of the ground track, degrees clockwise from north.
pub(super) fn heading(t_s: f64) -> f64 {
    Geodesic.bearing(nadir(t_s - HEADING_S), nadir(t_s + HEADING_S))
}

/// A measure that grows with the distance of nadir: the squared chord on the unit sphere.
fn chord(t_s: f64, position: [f64; 2]) -> f64 {
    let on_sphere = |[lon, lat]: [f64; 2]| {
        let (lon, lat) = (lon.to_radians(), lat.to_radians());
        [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
    };
    let (a, b) = (on_sphere(Revolution::science().nadir(t_s)), on_sphere(position));
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum()
}
