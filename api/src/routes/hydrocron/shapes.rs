//! Where the rows of an answer are: the stored shape of the feature, or a point from the row's own columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use nilometer_schemas::observation::FEATURE_COLUMN;
use serde_json::Value;

use super::columns::Row;
use super::fields::Feature;
use super::rows::cell;

/// Decimals of a position that is made from columns: a decimetre, as the dialect has it.
const POINT_DECIMALS: f64 = 1e6;

/// Columns that hold a position, longitude first, best first.
pub(super) fn position_columns(feature: Feature) -> &'static [[&'static str; 2]] {
    match feature {
        Feature::Reach => &[],
        Feature::Node => &[["lon", "lat"]],
        Feature::PriorLake => &[["centroid_lon", "centroid_lat"], ["p_lon", "p_lat"]],
    }
}

/// The shapes of an answer's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    /// GeoJSON and WKT of the stored shapes, by feature.
    stored: HashMap<String, (String, String)>,
    /// Position of the feature's id.
    id: Option<usize>,
    /// Positions of longitude and latitude in the batches, best first.
    positions: Vec<[usize; 2]>,
}

impl Shapes {
    /// The shapes for batches of this schema; `items` are the GeoJSON geometries of the stored features.
    ///
    /// A lake is where each pass saw its middle; its stored outline is never an answer. A node is where the river
    /// database has it: the columns `lat` and `lon` wander along the river with the pixels that a pass saw.
    pub(super) fn of(feature: Feature, schema: &SchemaRef, items: Vec<(String, Value)>) -> Self {
        let at = |name: &str| schema.index_of(name).ok();
        let fits = |value: &Value| match feature {
            Feature::Reach => matches!(value["type"].as_str(), Some("LineString" | "MultiLineString")),
            Feature::Node => value["type"] == "Point",
            Feature::PriorLake => false,
        };
        let items = items.into_iter().filter(|(_, value)| fits(value));
        let stored = items.filter_map(|(id, value)| Some((id, (value.to_string(), wkt(&value)?)))).collect();
        let positions = position_columns(feature).iter().filter_map(|[lon, lat]| Some([at(lon)?, at(lat)?])).collect();
        Self { stored, id: at(FEATURE_COLUMN), positions }
    }

    /// A row's shape as GeoJSON; `null` if none is known.
    pub(super) fn geojson(&self, row: &Row) -> Cow<'_, str> {
        match (self.stored(row), self.point(row)) {
            (Some((json, _)), _) => Cow::Borrowed(json),
            (None, Some([lon, lat])) => Cow::Owned(format!("{{\"type\":\"Point\",\"coordinates\":[{lon},{lat}]}}")),
            (None, None) => Cow::Borrowed("null"),
        }
    }

    /// A row's shape as WKT; empty if none is known.
    pub(super) fn wkt(&self, row: &Row) -> Cow<'_, str> {
        match (self.stored(row), self.point(row)) {
            (Some((_, wkt)), _) => Cow::Borrowed(wkt),
            (None, Some([lon, lat])) => Cow::Owned(format!("POINT ({lon} {lat})")),
            (None, None) => Cow::Borrowed(""),
        }
    }

    fn stored(&self, row: &Row) -> Option<&(String, String)> {
        self.stored.get(cell(row, self.id)?)
    }

    fn point(&self, row: &Row) -> Option<[f64; 2]> {
        self.positions.iter().find_map(|[lon, lat]| Some([number(row, *lon)?, number(row, *lat)?]))
    }
}

fn number(row: &Row, at: usize) -> Option<f64> {
    let column = row.batch.column(at);
    if column.data_type() != &DataType::Float64 || column.is_null(row.index) {
        return None;
    }
    let value = column.as_primitive::<Float64Type>().value(row.index);
    Some((value * POINT_DECIMALS).round() / POINT_DECIMALS)
}

/// WKT of a point, a line, or lines.
fn wkt(geometry: &Value) -> Option<String> {
    let coordinates = &geometry["coordinates"];
    match geometry["type"].as_str()? {
        "Point" => Some(format!("POINT ({})", position(coordinates)?)),
        "LineString" => Some(format!("LINESTRING {}", line(coordinates)?)),
        "MultiLineString" => {
            let lines: Option<Vec<String>> = coordinates.as_array()?.iter().map(line).collect();
            Some(format!("MULTILINESTRING ({})", lines?.join(", ")))
        }
        _ => None,
    }
}

fn line(positions: &Value) -> Option<String> {
    let mut out = String::from("(");
    for (at, value) in positions.as_array()?.iter().enumerate() {
        let between = if at == 0 { "" } else { ", " };
        let _ = write!(out, "{between}{}", position(value)?);
    }
    out.push(')');
    Some(out)
}

fn position(value: &Value) -> Option<String> {
    let [lon, lat, ..] = value.as_array()?.as_slice() else { return None };
    Some(format!("{} {}", lon.as_f64()?, lat.as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_shapes_are_written_as_wkt_without_needless_digits() {
        let check = |kind: &str, coordinates: Value, expected: Option<&str>| {
            let geometry = json!({"type": kind, "coordinates": coordinates});
            assert_eq!(wkt(&geometry).as_deref(), expected);
        };
        check("Point", json!([102.543408, 3.40867]), Some("POINT (102.543408 3.40867)"));
        check("Point", json!([102.0, 3, 5]), Some("POINT (102 3)"));
        check("LineString", json!([[1.5, 2], [3, 4.25]]), Some("LINESTRING (1.5 2, 3 4.25)"));
        check(
            "MultiLineString",
            json!([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
            Some("MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))"),
        );
        check("Polygon", json!([]), None);
    }
}
