//! The options of an aggregation: members `NAME_OPTION` of the body.

use std::collections::BTreeMap;

use nilometer_schemas::limits::{BUCKETS_MAX, HISTOGRAM_BUCKETS_MAX, HISTOGRAM_INTERVAL_MAX, RANGES_MAX};
use nilometer_schemas::{Aggregation, AggregationKind, CalendarInterval, HistogramStep, Kind, NumberRange, Problem};
use serde_json::{Map, Value};

use super::super::members::bad;
use super::names::{Asked, BOUNDS, BUCKETS, GRIDS, Grid, INTERVAL, LIMIT, PRECISION, TIMES, parameter};
use crate::cql2::number;

/// Steps of a histogram where the caller says nothing of them.
pub(super) const BUCKETS_DEFAULT: usize = 20;
/// Calendar step where the caller names none.
pub(super) const CALENDAR_DEFAULT: CalendarInterval = CalendarInterval::Month;

/// The options of one aggregation, and where those that are used are kept in normal form.
pub(super) struct Options<'a> {
    pub(super) body: &'a Map<String, Value>,
    pub(super) aggregation: &'a str,
    pub(super) kept: &'a mut BTreeMap<String, Value>,
}

impl<'a> Options<'a> {
    /// What an aggregation computes with its options, and how many buckets it may have.
    pub(super) fn read(&mut self, asked: &Asked<'_>) -> Result<(AggregationKind, Option<usize>), Problem> {
        let kind = match asked {
            Asked::TotalCount => AggregationKind::TotalCount,
            Asked::DatetimeMin => AggregationKind::DatetimeMin,
            Asked::DatetimeMax => AggregationKind::DatetimeMax,
            Asked::Grid(grid) => grid.kind(self.precision(grid)?),
            Asked::Frequency(property) => self.frequency(property)?,
            Asked::Histogram(property) => {
                AggregationKind::Histogram { property: (*property).to_owned(), step: self.step()? }
            }
            Asked::Ranges(property) => {
                AggregationKind::Ranges { property: (*property).to_owned(), ranges: self.ranges()? }
            }
            Asked::Statistics(property) => AggregationKind::Statistics { property: (*property).to_owned() },
            Asked::Distinct(property) => AggregationKind::Distinct { property: (*property).to_owned() },
        };
        let limit = if asked.options().contains(&LIMIT) { self.whole(LIMIT, 1, BUCKETS_MAX)? } else { None };
        Ok((kind, limit))
    }

    /// An option's parameter and its value, if it is given.
    fn get(&self, option: &str) -> (String, Option<&'a Value>) {
        let name = parameter(self.aggregation, option);
        let value = self.body.get(&name).filter(|value| !value.is_null());
        (name, value)
    }

    /// A whole number between two others.
    fn whole(&mut self, option: &str, least: usize, most: usize) -> Result<Option<usize>, Problem> {
        let (name, Some(value)) = self.get(option) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let range = format!("{least} to {most}");
            bad(&name, format!("{name} is a whole number, {range}")).allowed(range)
        })?;
        self.kept.insert(name, number.into());
        Ok(Some(number))
    }

    fn precision(&mut self, grid: &Grid) -> Result<u8, Problem> {
        let precision = self.whole(PRECISION, grid.least.into(), grid.most.into())?;
        let precision = precision.and_then(|precision| u8::try_from(precision).ok()).unwrap_or(grid.default);
        self.kept.insert(parameter(self.aggregation, PRECISION), precision.into());
        Ok(precision)
    }

    /// By calendar step where it is a time or a step is given, else by value.
    fn frequency(&mut self, property: &str) -> Result<AggregationKind, Problem> {
        let (name, value) = self.get(INTERVAL);
        let interval = match value {
            None if TIMES.contains(&property) => CALENDAR_DEFAULT,
            None => return Ok(AggregationKind::Terms { property: property.to_owned() }),
            Some(value) => calendar_step(&name, value)?,
        };
        self.kept.insert(name, interval.name().into());
        Ok(AggregationKind::Dates { property: property.to_owned(), interval })
    }

    fn step(&mut self) -> Result<HistogramStep, Problem> {
        let buckets = self.whole(BUCKETS, 2, HISTOGRAM_BUCKETS_MAX)?;
        let (name, Some(value)) = self.get(INTERVAL) else {
            return Ok(HistogramStep::Buckets(buckets.unwrap_or(BUCKETS_DEFAULT)));
        };
        if buckets.is_some() {
            return Err(bad(&name, "the width of a step and the number of steps exclude each other")
                .allowed(format!("either this or {}", parameter(self.aggregation, BUCKETS))));
        }
        // A URL has a text.
        let width = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        let least = HISTOGRAM_INTERVAL_MAX.recip();
        let width = width.filter(|width| (least..=HISTOGRAM_INTERVAL_MAX).contains(width)).ok_or_else(|| {
            let range = format!("{least:e} to {HISTOGRAM_INTERVAL_MAX:e}");
            bad(&name, format!("{name} is a number, {range}")).allowed(range)
        })?;
        self.kept.insert(name, number(width));
        Ok(HistogramStep::Interval(width))
    }

    fn ranges(&mut self) -> Result<Option<Vec<NumberRange>>, Problem> {
        let (name, Some(value)) = self.get(BOUNDS) else { return Ok(None) };
        let form = "ranges as FROM/TO, from included, to excluded, .. for an open end: ../5,5/10,10/..";
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            return Err(bad(&name, format!("{name} is a list of ranges")).allowed(form));
        };
        if list.len() > RANGES_MAX {
            let detail = format!("{} ranges, the limit is {RANGES_MAX}", list.len());
            let allowed = format!("at most {RANGES_MAX}");
            return Err(Problem::new(Kind::TooLarge, "too-many-values", detail).at(&name).allowed(allowed));
        }
        let mut ranges = Vec::with_capacity(list.len());
        for value in list {
            let range = range(value).ok_or_else(|| {
                let shown: String = value.to_string().chars().take(80).collect();
                bad(&name, format!("{shown} is no range")).allowed(form)
            })?;
            ranges.push(range);
        }
        check_apart(&name, &ranges)?;
        self.kept.insert(name, ranges.iter().map(written).collect());
        Ok(Some(ranges))
    }
}

fn calendar_step(name: &str, value: &Value) -> Result<CalendarInterval, Problem> {
    value.as_str().and_then(CalendarInterval::of_name).ok_or_else(|| {
        let names: Vec<&str> = CalendarInterval::ALL.iter().map(|interval| interval.name()).collect();
        bad(name, format!("{name} is a calendar step in UTC")).allowed(names.join(", "))
    })
}

/// `5/10`, or `{"from": 5, "to": 10}`; an end that is open is `..`, null or left out.
fn range(value: &Value) -> Option<NumberRange> {
    let end = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_f64().map(Some),
    };
    let (from, to) = match value {
        Value::String(text) => {
            let (from, to) = text.split_once('/')?;
            let end = |text: &str| match text.trim() {
                ".." | "" => Some(None),
                text => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Some),
            };
            (end(from)?, end(to)?)
        }
        Value::Object(members) if members.keys().all(|name| name == "from" || name == "to") => {
            (end(members.get("from"))?, end(members.get("to"))?)
        }
        _ => return None,
    };
    let is_some = match (from, to) {
        (Some(from), Some(to)) => from < to,
        (from, to) => from.or(to).is_some(),
    };
    is_some.then_some(NumberRange { from, to })
}

/// Ranges that share numbers would count an item twice.
fn check_apart(name: &str, ranges: &[NumberRange]) -> Result<(), Problem> {
    let low = |range: &NumberRange| range.from.unwrap_or(f64::NEG_INFINITY);
    let mut sorted = ranges.to_vec();
    sorted.sort_by(|a, b| low(a).total_cmp(&low(b)));
    for pair in sorted.windows(2) {
        if pair[0].to.is_none_or(|to| to > low(&pair[1])) {
            let detail = format!("the ranges {} and {} overlap", text(&pair[0]), text(&pair[1]));
            return Err(bad(name, detail).allowed("ranges that share no number; the end of a range is not part of it"));
        }
    }
    Ok(())
}

fn text(range: &NumberRange) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "..".to_owned(), |end| number(end).to_string());
    format!("{}/{}", end(range.from), end(range.to))
}

fn written(range: &NumberRange) -> Value {
    text(range).into()
}

/// Options of grids and of `datetime_frequency` that are given without being used are checked all the same.
pub(super) fn check_unused(body: &Map<String, Value>, used: &[Aggregation]) -> Result<(), Problem> {
    let is_used = |name: &str| used.iter().any(|aggregation| aggregation.name == name);
    let mut kept = BTreeMap::new();
    for grid in GRIDS.iter().filter(|grid| !is_used(grid.name)) {
        Options { body, aggregation: grid.name, kept: &mut kept }.precision(grid)?;
    }
    Options { body, aggregation: "datetime_frequency", kept: &mut kept }.frequency("datetime")?;
    Ok(())
}
