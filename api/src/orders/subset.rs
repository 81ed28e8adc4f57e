//! Which part of each file is delivered: by place, period and parameters.

use geo::{Geometry, Intersects, Rect};
use nilometer_query::parse;
use nilometer_schemas::{Bbox, Dialect, Instant, Problem, TimeInterval, geojson};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Names of parameters at most.
const PARAMETERS_MAX: usize = 200;

/// A subset as it is asked for. `bbox` and `intersects` are those of a search, `datetime` may be a date, a month or a year too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subset {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bbox: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intersects: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    datetime: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<String>,
}

/// A subset, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Rows whose geometry shares a point with one of these; `None` for all.
    area: Option<Vec<Geometry<f64>>>,
    /// Rows of this period.
    pub(super) period: Option<TimeInterval>,
    /// Columns beside those that name the row; empty for all.
    pub(super) parameters: Vec<String>,
}

impl Subset {
    /// # Errors
    /// `Invalid` for what is no box, geometry or period, and for too many parameters.
    pub(super) fn read(&self) -> Result<Part, Problem> {
        let under = |problem: Problem| {
            let name = problem.parameter.clone().unwrap_or_default();
            problem.at(format!("subset/{}", name.trim_start_matches('/')))
        };
        if self.parameters.len() > PARAMETERS_MAX {
            let detail = format!("a subset names at most {PARAMETERS_MAX} parameters");
            return Err(Problem::invalid("order", detail).at("subset/parameters"));
        }
        let period = self.datetime.as_deref().map(|text| TimeInterval::parse(text, Dialect::Edr));
        let period = period.transpose().map_err(under)?;
        let body = json!({"bbox": self.bbox, "intersects": self.intersects});
        let Value::Object(mut members) = body else { return Ok(Part::default()) };
        members.retain(|_, value| !value.is_null());
        let search = parse::from_json(&Value::Object(members), &[]).map_err(under)?.search;
        let area = match (search.intersects, search.bbox) {
            (Some(geometry), _) => Some(vec![geometry]),
            (None, Some(bbox)) => Some(bbox.split().into_iter().map(rect).collect()),
            (None, None) => None,
        };
        Ok(Part { area, period, parameters: self.parameters.clone() })
    }
}

fn rect(bbox: Bbox) -> Geometry<f64> {
    let [west, south, east, north] = bbox.numbers();
    Rect::new((west, south), (east, north)).to_polygon().into()
}

impl Part {
    /// Whether a row with this geometry, as GeoJSON, is delivered; one without geometry only where no place is asked for.
    pub(super) fn has_place(&self, geometry: &Value) -> bool {
        let Some(area) = &self.area else { return true };
        let read = geojson::from_value(geometry).ok();
        read.is_some_and(|geometry| area.iter().any(|part| part.intersects(&geometry)))
    }

    /// Whether a row of this moment is delivered; one without only where no period is asked for.
    pub(super) fn has_time(&self, moment: Option<Instant>) -> bool {
        self.period.is_none_or(|period| moment.is_some_and(|moment| period.overlaps(moment, moment)))
    }

    /// Whether a column is delivered.
    pub(super) fn has_column(&self, name: &str) -> bool {
        self.parameters.is_empty() || self.parameters.iter().any(|own| own == name)
    }
}
