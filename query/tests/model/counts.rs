//! Counts against a scan of the items one by one.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_indexer::geometry::{centroid, h3_cells};
use nilometer_schemas::{CalendarInterval, GridKind, HistogramStep, NumberRange};

use super::*;

/// What an item's members say beside its properties.
fn values(item: &Plain, property: &str) -> Vec<Value> {
    let (start, end) = item.times().unwrap();
    match property {
        "start_datetime" => vec![json!(Instant(start).to_string())],
        "end_datetime" => vec![json!(Instant(end).to_string())],
        "ingested" => vec![json!(Instant(item.ingested).to_string())],
        name => item.values(name),
    }
}

/// The different numbers among an item's values.
fn numbers(item: &Plain, property: &str) -> Vec<f64> {
    let mut numbers: Vec<f64> = values(item, property).iter().filter_map(Value::as_f64).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}

/// The key of the calendar step of a text that is a moment or a date.
fn step_of(text: &str, interval: CalendarInterval) -> Option<String> {
    let day = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    // In UTC, without a fraction.
    let text = Instant::parse(&day)?.to_string();
    let (year, month) = (&text[..4], text[5..7].parse::<u32>().unwrap());
    Some(match interval {
        CalendarInterval::Minute => format!("{}:00Z", &text[..16]),
        CalendarInterval::Hour => format!("{}:00:00Z", &text[..13]),
        CalendarInterval::Day => format!("{}T00:00:00Z", &text[..10]),
        CalendarInterval::Week => {
            let days = Instant::parse(&format!("{}T00:00:00Z", &text[..10])).unwrap().0 / 86_400_000_000;
            // 2024-01-01 was a Monday.
            let monday = Instant::from_date(2024, 1, 1).unwrap().0 / 86_400_000_000;
            Instant((days - (days - monday).rem_euclid(7)) * 86_400_000_000).to_string()
        }
        CalendarInterval::Month => format!("{}-01T00:00:00Z", &text[..7]),
        CalendarInterval::Quarter => format!("{year}-{:02}-01T00:00:00Z", [1, 4, 7, 10][(month as usize - 1) / 3]),
        CalendarInterval::Year => format!("{year}-01-01T00:00:00Z"),
    })
}

/// All cells of a coarse grid of boxes with their names.
fn boxes(grid: GridKind, precision: u8) -> Vec<(String, Rect<f64>)> {
    let rect = |w: f64, s: f64, e: f64, n: f64| Rect::new(coord! {x: w, y: s}, coord! {x: e, y: n});
    if grid == GridKind::Geotile {
        let size = 1 << precision;
        let lat = |y: i32| match y {
            0 => 90.0,
            y if y == size => -90.0,
            y => (std::f64::consts::PI * (1.0 - 2.0 * f64::from(y) / f64::from(size))).sinh().atan().to_degrees(),
        };
        let lon = |x: i32| f64::from(x) * 360.0 / f64::from(size) - 180.0;
        let all = (0..size).flat_map(|x| (0..size).map(move |y| (x, y)));
        return all
            .map(|(x, y)| (format!("{precision}/{x}/{y}"), rect(lon(x), lat(y + 1), lon(x + 1), lat(y))))
            .collect();
    }
    // Each character halves the box five times, in turn by longitude and latitude, longitude first.
    let mut cells = vec![(String::new(), [-180.0, -90.0, 180.0, 90.0], 0)];
    for _ in 0..precision {
        let mut finer = Vec::new();
        for (name, bounds, depth) in cells {
            for (code, letter) in "0123456789bcdefghjkmnpqrstuvwxyz".chars().enumerate() {
                let mut b: [f64; 4] = bounds;
                for bit in 0..5 {
                    let axis = (depth + bit) % 2;
                    let middle = (b[axis] + b[axis + 2]) / 2.0;
                    let upper = code >> (4 - bit) & 1 == 1;
                    b[if upper { axis } else { axis + 2 }] = middle;
                }
                finer.push((format!("{name}{letter}"), b, depth + 5));
            }
        }
        cells = finer;
    }
    cells.into_iter().map(|(name, b, _)| (name, rect(b[0], b[1], b[2], b[3]))).collect()
}

/// The keys of the buckets in which an item is; `None` if it has nothing to be counted by.
fn keys(item: &Plain, kind: &AggregationKind) -> Option<BTreeSet<String>> {
    let some = |all: Vec<Option<String>>| (!all.is_empty()).then(|| all.into_iter().flatten().collect());
    match kind {
        AggregationKind::Terms { property } => {
            some(item.values(property).iter().map(|value| Some(value.to_string())).collect())
        }
        AggregationKind::Dates { property, interval } => {
            let texts: Vec<Value> = values(item, property).into_iter().filter(Value::is_string).collect();
            some(texts.iter().map(|text| Some(json!(step_of(text.as_str()?, *interval)?).to_string())).collect())
        }
        AggregationKind::Histogram { property, step: HistogramStep::Interval(width) } => {
            // All numbers and widths here have at most one decimal.
            let tenths = |number: f64| (number * 10.0).round() as i64;
            let begin = |number: f64| tenths(number).div_euclid(tenths(*width)) * tenths(*width);
            let key = |tenths: i64| if tenths % 10 == 0 { json!(tenths / 10) } else { json!(tenths as f64 / 10.0) };
            some(numbers(item, property).into_iter().map(|number| Some(key(begin(number)).to_string())).collect())
        }
        AggregationKind::Ranges { property, ranges: Some(ranges) } => {
            let place = |number: f64| {
                let holds = |r: &&NumberRange| r.from.is_none_or(|f| f <= number) && r.to.is_none_or(|t| number < t);
                ranges.iter().find(holds).map(range_key)
            };
            some(numbers(item, property).into_iter().map(place).collect())
        }
        AggregationKind::CentroidGrid { grid, precision } => {
            let (lon, lat) = centroid(item.record.geometry.as_ref()?)?;
            // Of several cells that touch the position the one to the east, and to the north; rows of tiles count southwards.
            let upper = |low: f64, at: f64, high: f64, end: f64| low <= at && (at < high || high == end);
            let inside = |rect: &Rect<f64>| {
                let (low, high) = (rect.min(), rect.max());
                upper(low.x, lon, high.x, 180.0)
                    && match grid {
                        GridKind::Geotile => upper(-high.y, -lat, -low.y, 90.0),
                        _ => upper(low.y, lat, high.y, 90.0),
                    }
            };
            let found = boxes(*grid, *precision).into_iter().find(|(_, rect)| inside(rect));
            some(vec![found.map(|(name, _)| json!(name).to_string())])
        }
        AggregationKind::GeometryGrid { grid: GridKind::Geohex, precision } => {
            let cells = h3_cells(item.record.geometry.as_ref()?, *precision, usize::MAX)?;
            some(cells.into_iter().map(|cell| Some(json!(format!("{cell:x}")).to_string())).collect())
        }
        AggregationKind::GeometryGrid { grid, precision } => {
            let geometry = item.record.geometry.as_ref()?;
            let cells = boxes(*grid, *precision).into_iter().filter(|(_, rect)| geometry.intersects(rect));
            some(cells.map(|(name, _)| Some(json!(name).to_string())).collect())
        }
        other => panic!("{other:?} has no buckets"),
    }
}

fn range_key(range: &NumberRange) -> String {
    let end = |end: Option<f64>| match end {
        None => "*".to_owned(),
        Some(end) if end.fract() == 0.0 => format!("{}", end as i64),
        Some(end) => end.to_string(),
    };
    json!(format!("{}-{}", end(range.from), end(range.to))).to_string()
}

/// A question without what a kind counts by.
fn without_own_choice(question: &Search, kind: &AggregationKind) -> Search {
    const TIMES: [&str; 3] = ["datetime", "start_datetime", "end_datetime"];
    let names: Vec<&str> = match kind {
        AggregationKind::TotalCount => return question.clone(),
        AggregationKind::CentroidGrid { .. } | AggregationKind::GeometryGrid { .. } => vec!["geometry"],
        AggregationKind::DatetimeMin | AggregationKind::DatetimeMax => TIMES.to_vec(),
        other => match other.property().unwrap() {
            name if TIMES.contains(&name) => TIMES.to_vec(),
            name => vec![name],
        },
    };
    fn parts(filter: &Filter, out: &mut Vec<Filter>) {
        match filter {
            Filter::And(all) => all.iter().for_each(|part| parts(part, out)),
            one => out.push(one.clone()),
        }
    }
    let mut all = Vec::new();
    question.filter.iter().for_each(|filter| parts(filter, &mut all));
    all.retain(|part| {
        let mut named = Vec::new();
        part.each_property(&mut |name| named.push(name.to_owned()));
        named.is_empty() || named.iter().any(|name| !names.contains(&name.as_str()))
    });
    let mut rest = Search { filter: (!all.is_empty()).then_some(Filter::And(all)), ..question.clone() };
    match names[0] {
        "collection" => rest.collections.clear(),
        "datetime" => rest.datetime = None,
        "geometry" => {
            (rest.bbox, rest.intersects, rest.intersects_refs) = (None, None, Vec::new());
        }
        _ => {}
    }
    rest
}

fn asked(question: &Search) -> Vec<Aggregation> {
    // The page size of the question serves as a source of variety.
    let pick = question.limit;
    let interval = CalendarInterval::ALL[pick % 7];
    let text = |name: &str| name.to_owned();
    let range = |from: Option<f64>, to: Option<f64>| NumberRange { from, to };
    let ranges = [
        vec![range(None, Some(0.0)), range(Some(0.5), Some(2.5)), range(Some(2.5), None)],
        vec![range(Some(3.0), Some(4.5)), range(Some(-2.0), Some(1.0))],
    ];
    let width = [0.3, 0.5, 1.0, 2.0, 2.5, 40.0][pick % 6];
    let mut kinds = vec![AggregationKind::TotalCount, AggregationKind::DatetimeMin, AggregationKind::DatetimeMax];
    for property in ["collection", "tags", "m", "absent"] {
        kinds.push(AggregationKind::Terms { property: text(property) });
        kinds.push(AggregationKind::Distinct { property: text(property) });
    }
    for property in ["datetime", "start_datetime", "end_datetime", "ingested", "day"] {
        kinds.push(AggregationKind::Dates { property: text(property), interval });
        kinds.push(AggregationKind::Distinct { property: text(property) });
    }
    for property in ["n", "m", "many"] {
        kinds.push(AggregationKind::Histogram { property: text(property), step: HistogramStep::Interval(width) });
        let ranges = Some(ranges[pick % 2].clone());
        kinds.push(AggregationKind::Ranges { property: text(property), ranges });
        kinds.push(AggregationKind::Statistics { property: text(property) });
        kinds.push(AggregationKind::Distinct { property: text(property) });
    }
    for (grid, precision) in [(GridKind::Geohash, 1), (GridKind::Geotile, (pick % 4) as u8)] {
        kinds.push(AggregationKind::CentroidGrid { grid, precision });
        kinds.push(AggregationKind::GeometryGrid { grid, precision });
    }
    kinds.push(AggregationKind::GeometryGrid { grid: GridKind::Geohex, precision: (pick % 3) as u8 });
    let aggregation = |kind: AggregationKind| Aggregation { name: format!("{kind:?}"), kind, limit: None };
    let mut asked: Vec<Aggregation> = kinds.into_iter().map(aggregation).collect();
    let limited = |a: &&Aggregation| {
        !matches!(
            a.kind,
            AggregationKind::TotalCount
                | AggregationKind::DatetimeMin
                | AggregationKind::DatetimeMax
                | AggregationKind::Ranges { .. }
                | AggregationKind::Statistics { .. }
                | AggregationKind::Distinct { .. }
        )
    };
    let cut: Vec<Aggregation> =
        asked.iter().filter(limited).map(|a| Aggregation { limit: Some(pick), ..a.clone() }).collect();
    asked.extend(cut);
    asked
}

impl World {
    /// All kinds of counts, with the whole question and with each facet's own choice left out.
    pub(super) fn check_counts(&self, question: &Search, scope: Scope) {
        let asked = asked(question);
        let snapshot = self.catalog().snapshot();
        let results = nilometer_query::aggregate(&snapshot, question, &asked, scope).unwrap();
        for (asked, result) in asked.iter().zip(&results) {
            self.check_count(question, scope, asked, result);
        }
        let results = nilometer_query::aggregate_multiselect(&snapshot, question, &asked, scope, None).unwrap();
        for (asked, result) in asked.iter().zip(&results) {
            self.check_count(&without_own_choice(question, &asked.kind), scope, asked, result);
        }
    }

    fn check_count(&self, question: &Search, scope: Scope, asked: &Aggregation, result: &AggregationResult) {
        let found: Vec<&Plain> =
            self.model.values().filter(|item| matches(&self.model, item, question, scope)).collect();
        let context = || format!("{asked:?} of {question:?}");
        match (&asked.kind, result) {
            (AggregationKind::TotalCount, AggregationResult::Count(count)) => {
                assert_eq!(*count, found.len() as u64, "{}", context());
            }
            (AggregationKind::DatetimeMin, AggregationResult::Moment(moment)) => {
                let expected = found.iter().flat_map(|item| item.values("datetime")).map(|v| v.to_string()).min();
                assert_eq!(moment.as_ref().map(|m| json!(m).to_string()), expected, "{}", context());
            }
            (AggregationKind::DatetimeMax, AggregationResult::Moment(moment)) => {
                let expected = found.iter().flat_map(|item| item.values("datetime")).map(|v| v.to_string()).max();
                assert_eq!(moment.as_ref().map(|m| json!(m).to_string()), expected, "{}", context());
            }
            (AggregationKind::Distinct { property }, AggregationResult::Count(count)) => {
                let all = found.iter().flat_map(|item| values(item, property));
                let expected: BTreeSet<String> = all
                    .map(|value| match value.as_f64() {
                        Some(number) => number.to_string(),
                        None => value.to_string(),
                    })
                    .collect();
                assert_eq!(*count, expected.len() as u64, "{}", context());
            }
            (AggregationKind::Statistics { property }, AggregationResult::Statistics(got)) => {
                let all: Vec<f64> = found.iter().flat_map(|item| numbers(item, property)).collect();
                let count = all.len() as f64;
                let sum: f64 = all.iter().sum();
                let squares: f64 = all.iter().map(|n| (n - sum / count).powi(2)).sum();
                assert_eq!(got.count, all.len() as u64, "{}", context());
                assert_eq!(got.min, all.iter().copied().min_by(f64::total_cmp), "{}", context());
                assert_eq!(got.max, all.iter().copied().max_by(f64::total_cmp), "{}", context());
                // Halves add up without rounding.
                assert_eq!(
                    (got.sum, got.avg),
                    if all.is_empty() { (None, None) } else { (Some(sum), Some(sum / count)) }
                );
                let stddev = got.stddev.unwrap_or(f64::NAN);
                assert!(all.is_empty() && got.stddev.is_none() || (stddev - (squares / count).sqrt()).abs() < 1e-12);
            }
            (kind, AggregationResult::Buckets { buckets, left, .. }) => {
                let by_item: Vec<BTreeSet<String>> = found.iter().filter_map(|item| keys(item, kind)).collect();
                let mut all: BTreeMap<String, u64> = BTreeMap::new();
                by_item.iter().flatten().for_each(|key| *all.entry(key.clone()).or_default() += 1);
                let listed: BTreeMap<String, u64> =
                    buckets.iter().filter(|b| b.frequency > 0).map(|b| (b.key.to_string(), b.frequency)).collect();
                let limit = asked.limit.unwrap_or(usize::MAX);
                assert_eq!(listed.len(), all.len().min(limit), "{}: {listed:?} of {all:?}", context());
                assert_eq!(left.buckets, all.len() - listed.len(), "{}", context());
                assert!(
                    listed.iter().all(|(key, count)| all.get(key) == Some(count)),
                    "{}: {listed:?} of {all:?}",
                    context()
                );
                let least = listed.values().min().copied().unwrap_or(u64::MAX);
                let beyond = all.iter().filter(|(key, _)| !listed.contains_key(*key));
                assert!(beyond.map(|(_, count)| *count).all(|count| count <= least), "{}", context());
                let unlisted = by_item.iter().filter(|keys| !keys.iter().any(|key| listed.contains_key(key)));
                assert_eq!(left.items, unlisted.count() as u64, "{}", context());
            }
            (_, result) => panic!("{}: {result:?}", context()),
        }
    }
}
