//! What can be counted over some items, with its options, and which counts are a good beginning.

use nilometer_schemas::limits::{BUCKETS_MAX, HISTOGRAM_BUCKETS_MAX, RANGES_MAX};
use nilometer_schemas::{CalendarInterval, Instant};
use serde_json::{Value, json};

use super::names::{Asked, BOUNDS, BUCKETS, GRIDS, Grid, INTERVAL, LIMIT, PRECISION, TIMES, parameter};
use super::options::{BUCKETS_DEFAULT, CALENDAR_DEFAULT};
use crate::Queryable;
use crate::facets::{Facet, Suggested, calendar_interval, defaults};

/// Members of the item itself, which have aggregations of their own or none.
const OWN_MEMBERS: [&str; 5] = ["id", "collection", "geometry", "datetime", "ingested"];

/// An option of an aggregation: a parameter of `/aggregate`, a member of its body.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AggregationOption {
    /// Its name.
    pub name: String,
    /// `integer`, `number`, `string` or `array`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// All values, where there are few.
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<&'static str>>,
    /// Smallest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<usize>,
    /// Largest value; of a list, most entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<usize>,
    /// What holds where nothing is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What fits the data at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested: Option<Value>,
}

/// An aggregation that may be asked for, as `/aggregations` lists it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AvailableAggregation {
    /// Its name.
    pub name: String,
    /// `integer`, `datetime`, `statistics` or `frequency_distribution`.
    pub data_type: &'static str,
    /// Type of a distribution's keys: `string`, `numeric`, `boolean` or `datetime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_distribution_data_type: Option<&'static str>,
    /// Whether it belongs to the facets that fit the data at hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Its options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<AggregationOption>,
}

/// What is known of the items at hand beside their properties.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// How many there are.
    pub(crate) items: u64,
    /// Their period.
    pub(crate) period: Option<(Instant, Instant)>,
    /// Whether they may be of several collections.
    pub(crate) across_collections: bool,
}

impl AvailableAggregation {
    fn single(name: impl Into<String>, data_type: &'static str) -> Self {
        Self {
            name: name.into(),
            data_type,
            frequency_distribution_data_type: None,
            default: false,
            options: Vec::new(),
        }
    }

    fn distribution(name: impl Into<String>, keys: &'static str) -> Self {
        let name = name.into();
        let options = Asked::of(&name).map_or(&[][..], |asked| asked.options());
        Self {
            options: options.iter().filter_map(|option| option_of(&name, option)).collect(),
            frequency_distribution_data_type: Some(keys),
            ..Self::single(name, "frequency_distribution")
        }
    }

    fn grid(grid: &Grid) -> Self {
        let mut out = Self::distribution(grid.name, "string");
        out.options.insert(
            0,
            AggregationOption {
                minimum: Some(grid.least.into()),
                maximum: Some(grid.most.into()),
                default: Some(grid.default.into()),
                ..AggregationOption::new(grid.name, PRECISION, "integer")
            },
        );
        out
    }

    /// Marks it as fitting, perhaps with a value of an option.
    fn by_default(mut self, suggested: Option<&Suggested>) -> Self {
        self.default = true;
        if let Some(Suggested { option, value }) = suggested {
            let name = parameter(&self.name, option);
            self.options.iter_mut().filter(|option| option.name == name).for_each(|option| {
                option.suggested = Some(value.clone());
            });
        }
        self
    }
}

impl AggregationOption {
    fn new(aggregation: &str, option: &str, kind: &'static str) -> Self {
        Self {
            name: parameter(aggregation, option),
            kind,
            values: None,
            minimum: None,
            maximum: None,
            default: None,
            suggested: None,
        }
    }
}

/// What there is to say of an option; `None` for those that differ from one aggregation to the next.
fn option_of(aggregation: &str, option: &str) -> Option<AggregationOption> {
    let new = |kind| AggregationOption::new(aggregation, option, kind);
    Some(match option {
        LIMIT => AggregationOption { minimum: Some(1), maximum: Some(BUCKETS_MAX), ..new("integer") },
        BOUNDS => AggregationOption { maximum: Some(RANGES_MAX), ..new("array") },
        BUCKETS => AggregationOption {
            minimum: Some(2),
            maximum: Some(HISTOGRAM_BUCKETS_MAX),
            default: Some(BUCKETS_DEFAULT.into()),
            ..new("integer")
        },
        INTERVAL if aggregation.ends_with("_histogram") => new("number"),
        INTERVAL => {
            let is_time = TIMES.iter().any(|time| aggregation.strip_prefix(time) == Some("_frequency"));
            AggregationOption {
                values: Some(CalendarInterval::ALL.iter().map(|interval| interval.name()).collect()),
                default: is_time.then(|| CALENDAR_DEFAULT.name().into()),
                ..new("string")
            }
        }
        _ => return None,
    })
}

/// What can be counted over items with these properties, for `/aggregations`.
pub(crate) fn available(properties: &[Queryable], extent: &Extent) -> Vec<AvailableAggregation> {
    let single = |name: &str, data_type| AvailableAggregation::single(name, data_type);
    let frequency = |name: &str, keys| AvailableAggregation::distribution(name, keys);
    let mut datetime = frequency("datetime_frequency", "datetime");
    if let Some((first, last)) = extent.period {
        let interval = calendar_interval(first, last);
        datetime = datetime.by_default(Some(&Suggested { option: INTERVAL, value: interval.name().into() }));
    }
    let mut collections = frequency("collection_frequency", "string");
    if extent.across_collections {
        collections = collections.by_default(None);
    }
    let mut out = vec![
        single("total_count", "integer").by_default(None),
        single("datetime_min", "datetime"),
        single("datetime_max", "datetime"),
        datetime,
        collections,
        single("collection_distinct", "integer"),
    ];
    let others = TIMES.iter().filter(|time| **time != "datetime");
    out.extend(others.map(|time| frequency(&format!("{time}_frequency"), "datetime")));
    out.extend(TIMES.iter().map(|time| single(&format!("{time}_distinct"), "integer")));
    out.extend(GRIDS.iter().map(AvailableAggregation::grid));
    let defaults = defaults(properties, extent.items);
    for property in properties.iter().filter(|property| !OWN_MEMBERS.contains(&property.name.as_str())) {
        let facet = defaults.iter().find(|facet| facet.property == property.name);
        out.extend(of_property(property, facet));
    }
    out
}

/// What can be counted by a property, and which of it is a default.
fn of_property(property: &Queryable, facet: Option<&Facet>) -> Vec<AvailableAggregation> {
    let name = |end: &str| format!("{}_{end}", property.name);
    let is_number = property.types.iter().any(|t| matches!(*t, "number" | "integer"));
    let keys = match property.types[..] {
        _ if is_number && !property.types.contains(&"string") => "numeric",
        ["boolean"] => "boolean",
        _ => "string",
    };
    let mut out = vec![AvailableAggregation::distribution(name("frequency"), keys)];
    if is_number {
        out.push(AvailableAggregation::distribution(name("histogram"), "numeric"));
        out.push(AvailableAggregation::distribution(name("ranges"), "numeric"));
        out.push(AvailableAggregation::single(name("stats"), "statistics"));
    }
    out.push(AvailableAggregation::single(name("distinct"), "integer"));
    let mark = |entry: AvailableAggregation| match facet {
        Some(facet) if entry.name == facet.aggregation() => entry.by_default(facet.suggested.as_ref()),
        _ => entry,
    };
    out.into_iter().map(mark).collect()
}

/// The body of the question that counts by what is marked as default; for an address, lists are written with commas.
pub fn default_question(available: &[AvailableAggregation]) -> serde_json::Map<String, Value> {
    let defaults = || available.iter().filter(|aggregation| aggregation.default);
    let mut body = serde_json::Map::new();
    body.insert(super::AGGREGATIONS.into(), defaults().map(|aggregation| json!(aggregation.name)).collect());
    for option in defaults().flat_map(|aggregation| &aggregation.options) {
        if let Some(value) = &option.suggested {
            body.insert(option.name.clone(), value.clone());
        }
    }
    body
}
