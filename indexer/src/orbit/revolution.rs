//! The repeating ground track: where the satellite's nadir is at any moment of a cycle.
//!
//! Every revolution of the published ephemeris is the first one turned by 271/292 of a circle, to half a metre over all
//! 60 481 rows, so that one revolution is all that is kept (`revolution.csv`, made by `examples/build_orbit.rs`).

use std::sync::LazyLock;

use super::{PASSES, REVOLUTIONS};

/// One revolution in equal steps, and how it is turned.
pub(super) const TABLE: &str = include_str!("revolution.csv");
/// Whole turns of the continuous longitude in one cycle, as seen from the turning Earth.
const TURNS: f64 = 271.0;
/// Values that one interpolation uses; with fewer than eight the turning points lose metres.
const NEIGHBOURS: isize = 8;

static REVOLUTION: LazyLock<Revolution> =
    LazyLock::new(|| Revolution::parse(TABLE).expect("the table is part of the program and tested"));

/// The orbit of one revolution, from southernmost to southernmost point.
#[derive(Debug)]
pub struct Revolution {
    /// Nodal period of the reference orbit, seconds.
    period_s: f64,
    /// Longitude where pass 1 begins, degrees.
    start_lon: f64,
    /// Longitude after the start (continuous) and latitude, degrees.
    steps: Vec<[f64; 2]>,
}

impl Revolution {
    /// The science orbit.
    pub fn science() -> &'static Self {
        &REVOLUTION
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut period_s, mut start_lon, mut steps) = (None, None, Vec::new());
        for line in text.lines() {
            let (first, second) = line.split_once(',')?;
            match first {
                "# period_s" => period_s = second.parse().ok(),
                "# start_lon" => start_lon = second.parse().ok(),
                _ if first.starts_with('#') => {}
                _ => steps.push([first.parse().ok()?, second.parse().ok()?]),
            }
        }
        Some(Self { period_s: period_s?, start_lon: start_lon?, steps })
    }

    /// Seconds that the 584 passes of the reference orbit take.
    pub fn cycle_s(&self) -> f64 {
        self.period_s * f64::from(REVOLUTIONS)
    }

    /// Seconds of one pass: half a revolution, from one extreme latitude to the other.
    pub fn pass_s(&self) -> f64 {
        self.cycle_s() / f64::from(PASSES)
    }

    /// Nadir `t_s` seconds after the start of pass 1: longitude (continuous along the track, not within ±180) and
    /// latitude, degrees.
    pub fn nadir(&self, t_s: f64) -> [f64; 2] {
        let at = t_s / self.period_s * self.steps.len() as f64;
        let first = at.floor() as isize - NEIGHBOURS / 2 + 1;
        let mut sum = [0.0; 2];
        for j in first..first + NEIGHBOURS {
            let mut weight = 1.0;
            for k in (first..first + NEIGHBOURS).filter(|k| *k != j) {
                weight *= (at - k as f64) / (j - k) as f64;
            }
            let [lon, lat] = self.step(j);
            sum[0] += weight * lon;
            sum[1] += weight * lat;
        }
        [self.start_lon + sum[0], sum[1]]
    }

    /// A step of the endless track.
    fn step(&self, index: isize) -> [f64; 2] {
        let steps = self.steps.len() as isize;
        let [lon, lat] = self.steps[index.rem_euclid(steps) as usize];
        [lon + index.div_euclid(steps) as f64 * TURNS * 360.0 / f64::from(REVOLUTIONS), lat]
    }
}
