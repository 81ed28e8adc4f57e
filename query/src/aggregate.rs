//! Counts over a match set: by value, calendar step, grid cell. All exact.

use std::collections::{BTreeMap, HashMap};

use nilometer_indexer::SegmentView;
use nilometer_indexer::geometry::h3_cells;
use nilometer_indexer::segment::{Bits, Codes, Column, ColumnKind, NO_TIME, SegmentData};
use nilometer_schemas::limits::BUCKETS_MAX;
use nilometer_schemas::{
    Aggregation, AggregationKind, AggregationResult, Bucket, CalendarInterval, GridKind, Instant, Kind, Problem,
};
use serde_json::Value;

use crate::grid;

/// Distinct shapes whose touched cells one question may ask for; more is a 4xx that says so.
pub const TOUCHED_SHAPES_MAX: usize = 50_000;
/// Cells that one shape may touch in a grid.
pub const TOUCHED_CELLS_MAX: usize = 20_000;
/// Steps of a histogram that are counted in an array; wider spans are counted in a map.
const DENSE_STEPS_MAX: i64 = 1 << 20;
const HOUR_US: i64 = 3_600_000_000;

/// Collects one aggregation over all segments.
enum Collector {
    Count(u64),
    Min(Option<i64>),
    Max(Option<i64>),
    /// By hour or day number since 1970.
    Steps {
        interval: CalendarInterval,
        counts: HashMap<i64, u64>,
    },
    Terms {
        property: String,
        texts: HashMap<String, u64>,
        numbers: HashMap<u64, u64>,
        truths: [u64; 2],
    },
    Cells {
        grid: GridKind,
        precision: u8,
        counts: HashMap<u64, u64>,
    },
    Touched {
        resolution: u8,
        shapes: usize,
        counts: HashMap<u64, u64>,
    },
}

fn too_many(what: &str, limit: usize) -> Problem {
    Problem::new(Kind::Invalid, "too-many-buckets", format!("the answer would have more than {limit} {what}"))
        .at("aggregations")
        .allowed("a narrower search, or a coarser interval or precision")
}

impl Collector {
    fn new(kind: &AggregationKind) -> Self {
        match kind {
            AggregationKind::TotalCount => Self::Count(0),
            AggregationKind::DatetimeMin => Self::Min(None),
            AggregationKind::DatetimeMax => Self::Max(None),
            AggregationKind::DatetimeFrequency(interval) => Self::Steps { interval: *interval, counts: HashMap::new() },
            AggregationKind::Terms { property } => Self::Terms {
                property: property.clone(),
                texts: HashMap::new(),
                numbers: HashMap::new(),
                truths: [0; 2],
            },
            AggregationKind::CentroidGrid { grid, precision } => {
                Self::Cells { grid: *grid, precision: *precision, counts: HashMap::new() }
            }
            AggregationKind::GeometryGeohex { resolution } => {
                Self::Touched { resolution: *resolution, shapes: 0, counts: HashMap::new() }
            }
        }
    }

    fn add(&mut self, data: &SegmentData, matches: &Bits) -> Result<(), Problem> {
        match self {
            Self::Count(count) => *count += matches.count(),
            Self::Min(min) => {
                let times = data.datetime();
                let here = matches.iter().map(|d| times[d as usize]).filter(|t| *t != NO_TIME).min();
                *min = here.into_iter().chain(*min).min();
            }
            Self::Max(max) => {
                let times = data.datetime();
                let here = matches.iter().map(|d| times[d as usize]).filter(|t| *t != NO_TIME).max();
                *max = here.into_iter().chain(*max).max();
            }
            Self::Steps { interval, counts } => {
                let step_us = if *interval == CalendarInterval::Hour { HOUR_US } else { 24 * HOUR_US };
                count_steps(data.datetime(), matches, step_us, counts);
            }
            Self::Terms { property, texts, numbers, truths } => {
                for column in data.columns_of(property) {
                    for (code, count) in count_codes(data, &column, matches) {
                        match column.kind {
                            ColumnKind::Text => {
                                *texts.entry(column.dictionary.text(code).to_owned()).or_default() += count
                            }
                            ColumnKind::Number => {
                                *numbers.entry(column.dictionary.number(code).to_bits()).or_default() += count
                            }
                            ColumnKind::Bool => truths[usize::from(column.dictionary.number(code) == 1.0)] += count,
                        }
                    }
                }
                if texts.len() + numbers.len() > BUCKETS_MAX {
                    return Err(too_many("values", BUCKETS_MAX));
                }
            }
            Self::Cells { grid, precision, counts } => {
                let cells =
                    data.centroid_cells(*grid, *precision, |lon, lat| grid::cell_of(*grid, *precision, lon, lat));
                let mut by_ordinal = vec![0u64; cells.cells.len()];
                let shapes = data.geometry_of_doc();
                matches.for_each(|doc| {
                    if let Some(ordinal) = cells.ordinals.get(shapes[doc as usize] as usize) {
                        by_ordinal[*ordinal as usize] += 1;
                    }
                });
                let found = by_ordinal.into_iter().zip(&cells.cells).filter(|(count, _)| *count > 0);
                found.for_each(|(count, cell)| *counts.entry(*cell).or_default() += count);
                if counts.len() > BUCKETS_MAX {
                    return Err(too_many("cells", BUCKETS_MAX));
                }
            }
            Self::Touched { resolution, shapes, counts } => count_touched(data, matches, *resolution, shapes, counts)?,
        }
        Ok(())
    }

    fn finish(self) -> AggregationResult {
        match self {
            Self::Count(count) => AggregationResult::Count(count),
            Self::Min(moment) | Self::Max(moment) => AggregationResult::Moment(moment.map(|t| Instant(t).to_string())),
            Self::Steps { interval, counts } => {
                AggregationResult::Buckets { data_type: "datetime", buckets: calendar_buckets(interval, counts) }
            }
            Self::Terms { texts, numbers, truths, .. } => terms(texts, numbers, truths),
            Self::Cells { grid, precision, counts } => {
                cell_buckets(counts, |cell| grid::text_of(grid, precision, cell))
            }
            Self::Touched { resolution, counts, .. } => {
                cell_buckets(counts, |cell| grid::text_of(GridKind::Geohex, resolution, cell))
            }
        }
    }
}

/// Number of matching documents by code, codes without any left out.
fn count_codes(data: &SegmentData, column: &Column<'_>, matches: &Bits) -> Vec<(u32, u64)> {
    let mut counts = vec![0u64; column.dictionary.len() + 1];
    match column.codes {
        // Dense codes are one higher; slot 0 takes the documents without a value.
        Codes::Dense(codes) => matches.for_each(|doc| counts[codes.get(doc as usize) as usize] += 1),
        Codes::Pairs(..) => {
            data.for_each_pair(column, |doc, code| counts[code as usize + 1] += u64::from(matches.contains(doc)))
        }
    }
    counts
        .into_iter()
        .skip(1)
        .enumerate()
        .filter(|(_, count)| *count > 0)
        .map(|(code, count)| (code as u32, count))
        .collect()
}

fn count_steps(times: &[i64], matches: &Bits, step_us: i64, counts: &mut HashMap<i64, u64>) {
    let dated = || matches.iter().map(|doc| times[doc as usize]).filter(|t| *t != NO_TIME);
    let (Some(min), Some(max)) = (dated().min(), dated().max()) else { return };
    let (first, last) = (min.div_euclid(step_us), max.div_euclid(step_us));
    if last - first >= DENSE_STEPS_MAX {
        dated().for_each(|t| *counts.entry(t.div_euclid(step_us)).or_default() += 1);
        return;
    }
    let mut steps = vec![0u64; (last - first + 1) as usize];
    matches.for_each(|doc| {
        let t = times[doc as usize];
        if t != NO_TIME {
            steps[(t.div_euclid(step_us) - first) as usize] += 1;
        }
    });
    for (at, count) in steps.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        *counts.entry(first + at as i64).or_default() += count;
    }
}

fn calendar_buckets(interval: CalendarInterval, counts: HashMap<i64, u64>) -> Vec<Bucket> {
    let mut by_start: BTreeMap<Instant, u64> = BTreeMap::new();
    for (step, count) in counts {
        let start = match interval {
            CalendarInterval::Hour => Instant(step * HOUR_US),
            CalendarInterval::Day => Instant(step * 24 * HOUR_US),
            CalendarInterval::Month | CalendarInterval::Year => {
                let day = Instant(step * 24 * HOUR_US);
                let (year, month, ..) = day.civil();
                let month = if interval == CalendarInterval::Year { 1 } else { month };
                Instant::from_date(year, month, 1).unwrap_or(day)
            }
        };
        *by_start.entry(start).or_default() += count;
    }
    by_start.into_iter().map(|(start, frequency)| Bucket { key: start.to_string().into(), frequency }).collect()
}

fn terms(texts: HashMap<String, u64>, numbers: HashMap<u64, u64>, truths: [u64; 2]) -> AggregationResult {
    let data_type = if !texts.is_empty() || numbers.is_empty() && truths == [0, 0] {
        "string"
    } else if !numbers.is_empty() {
        "numeric"
    } else {
        "boolean"
    };
    let mut buckets: Vec<Bucket> =
        texts.into_iter().map(|(key, frequency)| Bucket { key: Value::String(key), frequency }).collect();
    buckets.sort_by(|a, b| b.frequency.cmp(&a.frequency).then_with(|| a.key.as_str().cmp(&b.key.as_str())));
    let mut numeric: Vec<(f64, u64)> = numbers.into_iter().map(|(bits, count)| (f64::from_bits(bits), count)).collect();
    numeric.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
    buckets.extend(numeric.into_iter().map(|(number, frequency)| Bucket { key: number_value(number), frequency }));
    let truths = [(true, truths[1]), (false, truths[0])].into_iter().filter(|t| t.1 > 0);
    buckets.extend(truths.map(|(truth, frequency)| Bucket { key: truth.into(), frequency }));
    AggregationResult::Buckets { data_type, buckets }
}

/// Whole numbers are written without a fraction.
fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { (number as i64).into() } else { number.into() }
}

fn cell_buckets(counts: HashMap<u64, u64>, text_of: impl Fn(u64) -> String) -> AggregationResult {
    let sorted: BTreeMap<u64, u64> = counts.into_iter().collect();
    let buckets = sorted.into_iter().map(|(cell, frequency)| Bucket { key: text_of(cell).into(), frequency }).collect();
    AggregationResult::Buckets { data_type: "string", buckets }
}

/// Counts each matching item once in every H3 cell that its geometry touches; a shape is covered once, however many items have it.
fn count_touched(
    data: &SegmentData,
    matches: &Bits,
    resolution: u8,
    shapes: &mut usize,
    counts: &mut HashMap<u64, u64>,
) -> Result<(), Problem> {
    let mut items: BTreeMap<u32, u64> = BTreeMap::new();
    matches.for_each(|doc| {
        if let Some(shape) = data.geometry_of(doc) {
            *items.entry(shape).or_default() += 1;
        }
    });
    *shapes += items.len();
    if *shapes > TOUCHED_SHAPES_MAX {
        let detail = format!(
            "the search matches more than {TOUCHED_SHAPES_MAX} distinct footprints, too many to cover with cells"
        );
        return Err(Problem::invalid("too-many-shapes", detail)
            .at("aggregations")
            .allowed("a narrower search, or centroid_geohex_grid_frequency"));
    }
    for (shape, count) in items {
        let Some(flat) = data.geometry(shape) else { continue };
        let cells = h3_cells(&flat.to_geometry(), resolution, TOUCHED_CELLS_MAX)
            .ok_or_else(|| too_many("cells for one item", TOUCHED_CELLS_MAX))?;
        cells.into_iter().for_each(|cell| *counts.entry(cell).or_default() += count);
        if counts.len() > BUCKETS_MAX {
            return Err(too_many("cells", BUCKETS_MAX));
        }
    }
    Ok(())
}

/// Computes the aggregations over the match sets of the segments.
pub(crate) fn aggregate<'a>(
    aggregations: &[Aggregation],
    matched: impl Iterator<Item = Result<(&'a SegmentView, Bits), Problem>>,
) -> Result<Vec<AggregationResult>, Problem> {
    let mut collectors: Vec<Collector> = aggregations.iter().map(|a| Collector::new(&a.kind)).collect();
    for segment in matched {
        let (segment, matches) = segment?;
        for collector in &mut collectors {
            collector.add(segment.data(), &matches)?;
        }
    }
    Ok(collectors.into_iter().map(Collector::finish).collect())
}
