//! Makes the orbit files of the program from open files: `build_orbit EPHEMERIS CYCLES OUT`.
//!
//! The science orbit repeats itself: each of its 292 revolutions is the first one turned by the same angle, within half
//! a metre. One revolution in equal steps, its period and its first longitude therefore hold the whole ephemeris.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Seconds between rows of the ephemeris.
const EPHEMERIS_STEP_S: f64 = 30.0;
/// Equal steps of the revolution that is written.
const STEPS: u32 = 240;
/// The revolution of the file, counted from its first southernmost point, with which pass 1 begins: the file begins in
/// the middle of a cycle as the mission counts its passes.
const FIRST_REVOLUTION: f64 = 126.0;
/// Turns of the continuous longitude in a cycle.
const TURNS: f64 = 271.0;
/// Revolutions of a cycle.
const REVOLUTIONS: f64 = 292.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ephemeris, cycles, out] = arguments.as_slice() else {
        eprintln!("usage: build_orbit EPHEMERIS CYCLES OUT");
        return ExitCode::from(2);
    };
    match run(Path::new(ephemeris), Path::new(cycles), Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot build the orbit: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(ephemeris: &Path, cycles: &Path, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let track = Track::parse(&std::fs::read_to_string(ephemeris)?).ok_or("the ephemeris is no table of numbers")?;
    std::fs::write(out.join("revolution.csv"), track.revolution().ok_or("the ephemeris is too short")?)?;
    let starts: BTreeMap<u32, String> =
        serde_json::from_str::<BTreeMap<String, String>>(&std::fs::read_to_string(cycles)?)?
            .into_iter()
            .map(|(cycle, start)| cycle.parse().map(|cycle| (cycle, start)))
            .collect::<Result<_, _>>()?;
    let mut text = String::from("# cycle,start (UTC)\n");
    for (cycle, start) in starts {
        writeln!(text, "{cycle},{start}Z")?;
    }
    std::fs::write(out.join("cycles.csv"), text)?;
    Ok(())
}

/// Longitudes (continuous) and latitudes of the ephemeris, degrees.
struct Track {
    lon: Vec<f64>,
    lat: Vec<f64>,
}

impl Track {
    fn parse(text: &str) -> Option<Self> {
        let (mut lon, mut lat): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let numbers: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
            let [_, x, y, _] = *numbers else { return None };
            let before = lon.last().copied().unwrap_or(x);
            lon.push(before + (x - before + 180.0).rem_euclid(360.0) - 180.0);
            lat.push(y);
        }
        Some(Self { lon, lat })
    }

    /// The revolution from the first southernmost point on, with the period that fits the whole file best.
    fn revolution(&self) -> Option<String> {
        let descending: Vec<f64> = (0..self.lat.len() - 1)
            .filter(|i| self.lat[*i] >= 0.0 && self.lat[i + 1] < 0.0)
            .map(|i| zero(|x| lagrange(&self.lat, x), i as f64, i as f64 + 1.0))
            .collect();
        let turns = descending.len() - 1;
        let period = (descending.last()? - descending[0]) / turns as f64;
        let first = (1..300).find(|i| self.lat[*i] < self.lat[i - 1] && self.lat[*i] < self.lat[i + 1])? as f64;
        let slope = |x: f64| lagrange(&self.lat, x + 0.01) - lagrange(&self.lat, x - 0.01);
        let south = zero(slope, first - 1.0, first + 1.0);
        let begin = lagrange(&self.lon, south);
        let start_lon = begin + FIRST_REVOLUTION * TURNS * 360.0 / REVOLUTIONS;
        let mut text = String::new();
        writeln!(text, "# period_s,{:.6}", period * EPHEMERIS_STEP_S).ok()?;
        writeln!(text, "# cycle_s,{:.3}", period * EPHEMERIS_STEP_S * REVOLUTIONS).ok()?;
        writeln!(text, "# start_lon,{:.6}", (start_lon + 180.0).rem_euclid(360.0) - 180.0).ok()?;
        writeln!(text, "# longitude after the start, latitude (degrees)").ok()?;
        for step in 0..STEPS {
            let x = south + period * f64::from(step) / f64::from(STEPS);
            writeln!(text, "{:.6},{:.6}", lagrange(&self.lon, x) - begin, lagrange(&self.lat, x)).ok()?;
        }
        Some(text)
    }
}

/// Where a function changes sign between two places.
fn zero(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let sign = f(low) >= 0.0;
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if (f(middle) >= 0.0) == sign { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The polynomial through the eight values around `x`.
fn lagrange(values: &[f64], x: f64) -> f64 {
    let first = (x.floor() as usize).saturating_sub(3).min(values.len() - 8);
    (first..first + 8)
        .map(|j| {
            let others = (first..first + 8).filter(|k| *k != j);
            values[j] * others.map(|k| (x - k as f64) / (j as f64 - k as f64)).product::<f64>()
        })
        .sum()
}
