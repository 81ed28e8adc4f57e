//! Requests for counts, with the names of STAC's aggregation extension v0.3.

use nilometer_schemas::limits::AGGREGATIONS_MAX;
use nilometer_schemas::{Aggregation, AggregationKind, CalendarInterval, Dialect, GridKind, Kind, Problem};
use serde_json::{Map, Value, json};

use super::members::{self, bad};
use super::{Request, object, url};
use crate::Queryable;

/// Steps of `datetime_frequency`.
const INTERVALS: [(&str, CalendarInterval); 4] = [
    ("hour", CalendarInterval::Hour),
    ("day", CalendarInterval::Day),
    ("month", CalendarInterval::Month),
    ("year", CalendarInterval::Year),
];
const INTERVAL: &str = "datetime_frequency_interval";

/// Members of the item itself, which have aggregations of their own or none.
const OWN_MEMBERS: [&str; 5] = ["id", "collection", "geometry", "datetime", "ingested"];

/// A count of items by cell of a grid.
struct Grid {
    name: &'static str,
    precision_name: &'static str,
    default: u8,
    least: u8,
    most: u8,
    kind: fn(u8) -> AggregationKind,
}

const GRIDS: [Grid; 4] = [
    Grid {
        name: "centroid_geohash_grid_frequency",
        precision_name: "centroid_geohash_grid_frequency_precision",
        default: 3,
        least: 1,
        most: 12,
        kind: |precision| AggregationKind::CentroidGrid { grid: GridKind::Geohash, precision },
    },
    Grid {
        name: "centroid_geotile_grid_frequency",
        precision_name: "centroid_geotile_grid_frequency_precision",
        default: 5,
        least: 0,
        most: 29,
        kind: |precision| AggregationKind::CentroidGrid { grid: GridKind::Geotile, precision },
    },
    Grid {
        name: "centroid_geohex_grid_frequency",
        precision_name: "centroid_geohex_grid_frequency_precision",
        default: 3,
        least: 0,
        most: 15,
        kind: |precision| AggregationKind::CentroidGrid { grid: GridKind::Geohex, precision },
    },
    Grid {
        name: "geometry_geohex_grid_frequency",
        precision_name: "geometry_geohex_grid_frequency_precision",
        default: 3,
        least: 0,
        most: 8,
        kind: |resolution| AggregationKind::GeometryGeohex { resolution },
    },
];

/// An aggregation that may be asked for, as `/aggregations` lists it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AvailableAggregation {
    /// Its name.
    pub name: String,
    /// `integer`, `datetime` or `frequency_distribution`.
    pub data_type: &'static str,
    /// Type of a distribution's keys: `string`, `numeric`, `boolean` or `datetime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_distribution_data_type: Option<&'static str>,
}

/// Reads the decoded parameters of `GET /aggregate`: those of a search, `aggregations` and their options.
///
/// Parameters about pages (`limit`, `sortby`, `token`, `fields`) are checked and change nothing: the same question
/// may be asked of every endpoint.
///
/// # Errors
/// As [`super::from_query`]; for unknown aggregations, steps and precisions; for none or more than the limit.
pub fn aggregations_from_query(
    pairs: &[(String, String)],
    dialect: Dialect,
    extra_allowed: &[&str],
) -> Result<(Request, Vec<Aggregation>), Problem> {
    read(&url::to_body(pairs, &names(), extra_allowed)?, dialect)
}

/// Reads the body of `POST /aggregate`.
///
/// # Errors
/// As [`aggregations_from_query`].
pub fn aggregations_from_json(body: &Value, extra_allowed: &[&str]) -> Result<(Request, Vec<Aggregation>), Problem> {
    let body = object(body)?;
    let known: Vec<&str> = members::NAMES.iter().copied().chain(names()).collect();
    members::check_names(body.keys().map(String::as_str), &known, extra_allowed)?;
    read(body, Dialect::Stac)
}

/// The members that only an aggregation request has.
fn names() -> Vec<&'static str> {
    let mut names = vec!["aggregations", INTERVAL];
    names.extend(GRIDS.iter().map(|grid| grid.precision_name));
    names
}

fn read(body: &Map<String, Value>, dialect: Dialect) -> Result<(Request, Vec<Aggregation>), Problem> {
    let mut request = members::read(body, dialect)?;
    let options = Options { interval: interval(body)?, precisions: precisions(body)? };
    let mut aggregations: Vec<Aggregation> = Vec::new();
    for name in wanted(body)? {
        if aggregations.iter().all(|earlier| earlier.name != name) {
            aggregations.push(Aggregation { name: name.to_owned(), kind: kind(name, &options)? });
        }
    }
    request.canonical = canonical(request.canonical, &aggregations);
    Ok((request, aggregations))
}

fn wanted(body: &Map<String, Value>) -> Result<Vec<&str>, Problem> {
    let fault = |detail: &str| bad("aggregations", detail).allowed(allowed_names());
    let list = match body.get("aggregations") {
        Some(Value::Array(list)) if !list.is_empty() => list,
        None | Some(Value::Null | Value::Array(_)) => return Err(fault("no aggregation is asked for")),
        Some(_) => return Err(fault("aggregations is an array of names")),
    };
    if list.len() > AGGREGATIONS_MAX {
        let detail = format!("{} aggregations, the limit is {AGGREGATIONS_MAX}", list.len());
        return Err(Problem::new(Kind::TooLarge, "too-many-values", detail)
            .at("aggregations")
            .allowed(format!("at most {AGGREGATIONS_MAX}")));
    }
    let names: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    names.ok_or_else(|| fault("aggregations is an array of names"))
}

struct Options {
    interval: CalendarInterval,
    precisions: [u8; GRIDS.len()],
}

fn interval(body: &Map<String, Value>) -> Result<CalendarInterval, Problem> {
    let value = match body.get(INTERVAL) {
        None | Some(Value::Null) => return Ok(CalendarInterval::Month),
        Some(value) => value,
    };
    let found = INTERVALS.iter().find(|(name, _)| value == name);
    found
        .map(|(_, interval)| *interval)
        .ok_or_else(|| bad(INTERVAL, format!("{INTERVAL} is a calendar step in UTC")).allowed("hour, day, month, year"))
}

fn precisions(body: &Map<String, Value>) -> Result<[u8; GRIDS.len()], Problem> {
    let mut out = [0; GRIDS.len()];
    for (slot, grid) in out.iter_mut().zip(&GRIDS) {
        *slot = match body.get(grid.precision_name) {
            None | Some(Value::Null) => grid.default,
            Some(value) => {
                let number = value.as_u64().and_then(|n| u8::try_from(n).ok());
                number.filter(|n| (grid.least..=grid.most).contains(n)).ok_or_else(|| {
                    let range = format!("{} to {}", grid.least, grid.most);
                    bad(grid.precision_name, format!("this precision is a whole number, {range}")).allowed(range)
                })?
            }
        };
    }
    Ok(out)
}

fn allowed_names() -> String {
    let grids: Vec<&str> = GRIDS.iter().map(|grid| grid.name).collect();
    let plain = "total_count, datetime_min, datetime_max, datetime_frequency, collection_frequency, PROPERTY_frequency";
    format!("{plain}, {}", grids.join(", "))
}

fn kind(name: &str, options: &Options) -> Result<AggregationKind, Problem> {
    for (grid, precision) in GRIDS.iter().zip(options.precisions) {
        if grid.name == name {
            return Ok((grid.kind)(precision));
        }
    }
    match name {
        "total_count" => return Ok(AggregationKind::TotalCount),
        "datetime_min" => return Ok(AggregationKind::DatetimeMin),
        "datetime_max" => return Ok(AggregationKind::DatetimeMax),
        "datetime_frequency" => return Ok(AggregationKind::DatetimeFrequency(options.interval)),
        _ => {}
    }
    let property = name.strip_suffix("_frequency").map(|name| name.strip_prefix("properties.").unwrap_or(name));
    match property {
        Some(property) if !property.is_empty() && property != "geometry" && !is_foreign_grid(property) => {
            Ok(AggregationKind::Terms { property: property.to_owned() })
        }
        _ => {
            let shown: String = name.chars().take(80).collect();
            Err(bad("aggregations", format!("there is no aggregation {shown:?}")).allowed(allowed_names()))
        }
    }
}

/// Grids that other servers offer: read as property names they would silently count nothing.
fn is_foreign_grid(property: &str) -> bool {
    ["geohash", "geotile", "geohex"]
        .iter()
        .any(|cells| property.strip_prefix("grid_") == Some(cells) || property.ends_with(&format!("{cells}_grid")))
}

/// The search's canonical body with the aggregations and the options they use, members sorted.
fn canonical(search: Value, aggregations: &[Aggregation]) -> Value {
    let mut members: std::collections::BTreeMap<String, Value> = match search {
        Value::Object(members) => members.into_iter().collect(),
        _ => Default::default(),
    };
    let names: Vec<&str> = aggregations.iter().map(|aggregation| aggregation.name.as_str()).collect();
    members.insert("aggregations".into(), json!(names));
    for aggregation in aggregations {
        let precision = match aggregation.kind {
            AggregationKind::DatetimeFrequency(interval) => {
                let step = INTERVALS.iter().find(|(_, known)| *known == interval).map(|(name, _)| *name);
                members.insert(INTERVAL.into(), json!(step));
                continue;
            }
            AggregationKind::CentroidGrid { precision, .. } => precision,
            AggregationKind::GeometryGeohex { resolution } => resolution,
            _ => continue,
        };
        members.insert(format!("{}_precision", aggregation.name), json!(precision));
    }
    Value::Object(members.into_iter().collect())
}

/// What can be counted over items with these properties, for `/aggregations`.
pub fn aggregations_available(properties: &[Queryable]) -> Vec<AvailableAggregation> {
    let single = |name: &str, data_type| AvailableAggregation {
        name: name.to_owned(),
        data_type,
        frequency_distribution_data_type: None,
    };
    let frequency = |name: String, keys| AvailableAggregation {
        name,
        data_type: "frequency_distribution",
        frequency_distribution_data_type: Some(keys),
    };
    let mut out = vec![
        single("total_count", "integer"),
        single("datetime_min", "datetime"),
        single("datetime_max", "datetime"),
        frequency("datetime_frequency".into(), "datetime"),
        frequency("collection_frequency".into(), "string"),
    ];
    out.extend(GRIDS.iter().map(|grid| frequency(grid.name.into(), "string")));
    for property in properties.iter().filter(|property| !OWN_MEMBERS.contains(&property.name.as_str())) {
        let keys = match property.types[..] {
            ["number" | "integer", ..] if !property.types.contains(&"string") => "numeric",
            ["boolean"] => "boolean",
            _ => "string",
        };
        out.push(frequency(format!("{}_frequency", property.name), keys));
    }
    out
}
