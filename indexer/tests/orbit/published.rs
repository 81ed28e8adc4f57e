//! The orbit against what was published: the ephemeris, the polygons of the even passes, the names of products.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use geo::{Distance, Geodesic, Intersects, Point};
use nilometer_indexer::orbit::{Cycle, Pass, Revolution, Side};
use nilometer_schemas::Instant;
use shapefile::dbase::FieldValue;

use crate::seen::beside;

/// A folder of the shared data, or nothing where they are absent.
fn shared(path: &str) -> Option<PathBuf> {
    let given = std::env::var_os("NILOMETER_SHARED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    let path = root.join("data/swot").join(path);
    let there = path.exists();
    if !there {
        // Past what is kept back of tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: shared data absent");
    }
    there.then_some(path)
}

/// Rows of the ephemeris within one cycle: seconds after the start of pass 1 and nadir.
fn ephemeris() -> Option<Vec<(f64, [f64; 2])>> {
    let path = shared("orbit_swot_simulator/ephemeris_science_sept2015_ell.txt")?;
    let text = std::fs::read_to_string(path).unwrap();
    let orbit = Revolution::science();
    let numbers = |line: &str| -> Vec<f64> { line.split_whitespace().map(|n| n.parse().unwrap()).collect() };
    let first = numbers(text.lines().find(|l| !l.starts_with('#')).unwrap());
    // The file begins where the satellite crosses the equator southwards: in the middle of the pass that does so there.
    let crossings = Pass::all().filter(|p| !p.ascends()).map(|pass| {
        let [mut low, mut high] = pass.span_s();
        while high - low > 1e-6 {
            let middle = (low + high) / 2.0;
            if orbit.nadir(middle)[1] > 0.0 { low = middle } else { high = middle }
        }
        low
    });
    let away = |t: f64| metres(orbit.nadir(t), [first[1], first[2]]);
    let begin = crossings.min_by(|a, b| away(*a).total_cmp(&away(*b))).unwrap();
    let rows = text.lines().filter(|l| !l.starts_with('#')).map(numbers).filter(|row| row[0] < orbit.cycle_s());
    Some(rows.map(|row| ((begin + row[0]).rem_euclid(orbit.cycle_s()), [row[1], row[2]])).collect())
}

fn metres(a: [f64; 2], b: [f64; 2]) -> f64 {
    Geodesic.distance(Point::from(a), Point::from(b))
}

#[test]
fn one_revolution_is_the_whole_ephemeris_within_two_metres() {
    let Some(rows) = ephemeris() else { return };
    assert_eq!(rows.len(), 60_090);
    let worst = rows.iter().map(|(t, row)| metres(Revolution::science().nadir(*t), *row)).fold(0.0, f64::max);
    println!("largest deviation {worst:.2} m");
    assert!(worst < 2.0, "{worst}");
}

#[test]
fn odd_passes_see_both_sides_of_the_ephemeris_and_not_what_lies_below_it() {
    let Some(rows) = ephemeris() else { return };
    for pass in Pass::all().filter(|p| p.ascends()) {
        let (swath, [begin, end]) = (pass.swath(), pass.span_s());
        // One row in 29 keeps the test short; the rows shift against the passes, so that all parts are met.
        for (t, row) in rows.iter().filter(|(t, _)| (begin + 20.0..end - 20.0).contains(t)).step_by(29) {
            assert!(!swath.intersects(&Point::from(*row)), "pass {} at {t}", pass.number());
            for (side, sign) in [(Side::Left, -1.0), (Side::Right, 1.0)] {
                for km in [15.0, 35.0, 55.0] {
                    let place = beside(*t, sign * km);
                    assert!(swath.intersects(&Point::from(place)), "pass {} at {t}: {km} km", pass.number());
                    let approach = pass.approach(place).unwrap();
                    assert_eq!(approach.side, side);
                    assert!((approach.t_s - t).abs() < 0.1 && (approach.distance_km - km).abs() < 0.01);
                }
            }
        }
    }
}

/// The start that is given for a pass, seconds, and the positions of its shapes.
type Published = (f64, Vec<[f64; 2]>);

/// What was published, by the number of the pass.
fn shapes(zip: &str) -> Option<BTreeMap<u32, Published>> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(shared(zip)?).unwrap()).unwrap();
    let mut member = |extension: &str| {
        let name = archive.file_names().map(|n| n.unwrap().into_owned()).find(|n| n.ends_with(extension)).unwrap();
        let mut bytes = Vec::new();
        archive.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        Cursor::new(bytes)
    };
    let shapes = shapefile::ShapeReader::new(member(".shp")).unwrap();
    let table = shapefile::dbase::Reader::new(member(".dbf")).unwrap();
    let mut out: BTreeMap<u32, Published> = BTreeMap::new();
    for shape in shapefile::Reader::new(shapes, table).iter_shapes_and_records() {
        let (shape, record) = shape.unwrap();
        let text = |name: &str| match record.get(name) {
            Some(FieldValue::Character(Some(text))) => text.clone(),
            Some(FieldValue::Numeric(Some(number))) => number.to_string(),
            other => panic!("{name}: {other:?}"),
        };
        let points = match shape {
            shapefile::Shape::Polygon(p) => p.rings().iter().flat_map(|r| r.points().to_vec()).collect::<Vec<_>>(),
            shapefile::Shape::Polyline(p) => p.parts().iter().flatten().copied().collect(),
            other => panic!("{}", other.shapetype()),
        };
        let entry = out.entry(text("ID_PASS").trim().parse().unwrap()).or_default();
        entry.0 = seconds(&text("START_TIME"));
        entry.1.extend(points.iter().map(|p| [p.x, p.y]).filter(|p| p[0].abs() < 179.9999));
    }
    Some(out)
}

/// `Day 01 00:51:30` in seconds.
fn seconds(text: &str) -> f64 {
    let numbers: Vec<f64> = text.split([' ', ':']).filter_map(|part| part.parse().ok()).collect();
    ((numbers[0] - 1.0) * 24.0 + numbers[1]) * 3600.0 + numbers[2] * 60.0 + numbers[3]
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn published_nadir_lines_of_even_passes_are_ours_within_five_metres_and_begin_when_ours_do() {
    let Some(lines) = shapes("orbit_aviso/sph_science_nadir_even.zip") else { return };
    assert_eq!(lines.len(), 292);
    let mut off = Vec::new();
    for (number, (start_s, positions)) in lines {
        let pass = Pass::new(number).unwrap();
        assert!((start_s - pass.span_s()[0]).abs() <= 60.0, "pass {number}: {start_s} {}", pass.span_s()[0]);
        off.extend(positions.iter().step_by(5).filter_map(|p| pass.approach(*p)).map(|a| a.distance_km * 1000.0));
    }
    let worst = off.iter().copied().fold(0.0, f64::max);
    println!("nadir: {} positions, median {:.2} m, largest {worst:.2} m", off.len(), median(&mut off));
    assert!(worst < 5.0, "{worst}");
}

#[test]
fn published_swaths_of_even_passes_have_our_bounds() {
    let Some(polygons) = shapes("orbit_aviso/sph_science_swath_even.zip") else { return };
    assert_eq!(polygons.len(), 292);
    let mut off = Vec::new();
    for (number, (_, positions)) in polygons {
        let pass = Pass::new(number).unwrap();
        // Every seventh vertex; the corners may lie a hair beyond the ends of the pass.
        let asked: Vec<[f64; 2]> = positions.into_iter().step_by(7).collect();
        let found: Vec<f64> = asked.iter().filter_map(|p| pass.approach(*p)).map(|a| a.distance_km).collect();
        assert!(found.len() + 8 >= asked.len(), "pass {number}: {} of {}", found.len(), asked.len());
        off.extend(found.iter().map(|km| (km - 10.0).abs().min((km - 60.0).abs()) * 1000.0));
    }
    let worst = off.iter().copied().fold(0.0, f64::max);
    println!("swath: {} vertices, median {:.1} m, largest {worst:.1} m", off.len(), median(&mut off));
    assert!(worst < 200.0, "{worst}");
}

#[test]
fn products_acquired_in_orbit_begin_inside_their_predicted_pass() {
    let Some(path) = shared("derived/swot_granule_names_seen.tsv") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let (mut seen, mut earliest, mut middles) = (0, f64::INFINITY, Vec::new());
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let parts: Vec<&str> = fields[0].split('_').collect();
        let number = |text: &str| (text.len() == 3).then(|| text.parse::<u32>().ok()).flatten();
        let Some((cycle, pass)) = parts.windows(2).find_map(|w| Some((number(w[0])?, number(w[1])?))) else { continue };
        let (Some(cycle), Some(pass)) = (Cycle::of(cycle), Pass::new(pass)) else { continue };
        if fields[5] != "in-orbit" {
            continue;
        }
        let (start, end) = (compact(fields[2]), compact(fields[3]));
        let (begin, close) = cycle.period(pass);
        let after = (start.0 - begin.0) as f64 / 1e6;
        // The window is the pass and its time error.
        assert!(after >= -3.0 - cycle.time_error_s && start < close, "{}: {after}", fields[0]);
        earliest = earliest.min(after);
        seen += 1;
        let whole = (end.0 - start.0) as f64 / 1e6 > Revolution::science().pass_s() - 2.0;
        if whole {
            middles.push(((start.0 + end.0) as f64 - (begin.0 + close.0) as f64).abs() / 2e6);
        }
    }
    assert_eq!(seen, 167);
    let worst = middles.iter().copied().fold(0.0, f64::max);
    println!("earliest {earliest} s; middles of {} whole passes off by at most {worst} s", middles.len());
    assert!(middles.len() > 20 && worst <= 3.0);
}

/// `20240201T113154`
fn compact(text: &str) -> Instant {
    let [year, month, day] = [0..4, 4..6, 6..8].map(|r| &text[r]);
    let [hour, minute, second] = [9..11, 11..13, 13..15].map(|r| &text[r]);
    Instant::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).unwrap()
}
