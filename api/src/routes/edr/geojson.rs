//! Series as GeoJSON, in the form of OGC API EDR: one feature for each observation, written as they come.

use arrow::array::RecordBatch;
use nilometer_query::series::SeriesColumn;
use serde_json::{Map, Value, json};

use super::answer::Writer;
use super::feature::{Feature, Lookup};
use super::parameter::listed_parameter;
use super::table::{Cell, DISTANCE_COLUMN, Rows};
use crate::links::{Links, location_path};
use crate::problem::ApiError;

/// Bytes of the largest geometry that is repeated with each observation: a lake's outline of megabytes would be written
/// hundreds of times. Larger ones are null here, and whole in `/locations`.
const GEOMETRY_BYTES_MAX: usize = 4_096;

/// Writes GeoJSON.
pub(super) struct GeoJson {
    columns: Vec<SeriesColumn>,
    lookup: Lookup,
    links: Links,
    collection: String,
    language: &'static str,
    /// Links of the whole answer.
    page_links: Vec<Value>,
    /// The feature of the last row, as the begin of an answer's feature.
    current: Option<Current>,
    written: u64,
}

struct Current {
    id: String,
    geometry: String,
    /// `label`, `edrqueryendpoint` and `feature_id`.
    properties: Map<String, Value>,
}

impl GeoJson {
    /// For an answer with these columns of values.
    pub(super) fn new(
        columns: Vec<SeriesColumn>,
        lookup: Lookup,
        links: Links,
        collection: String,
        language: &'static str,
        page_links: Vec<Value>,
    ) -> Self {
        Self { columns, lookup, links, collection, language, page_links, current: None, written: 0 }
    }

    /// Makes the feature of a row the current one.
    fn turn_to(&mut self, id: &str) -> Result<(), ApiError> {
        if self.current.as_ref().is_some_and(|current| current.id == id) {
            return Ok(());
        }
        let Feature { title, geometry, .. } = (self.lookup)(id)?;
        let geometry = geometry.to_string();
        let fits = geometry.len() <= GEOMETRY_BYTES_MAX;
        let mut properties = Map::new();
        properties.insert("feature_id".into(), id.into());
        properties.insert("label".into(), title.unwrap_or_else(|| id.to_owned()).into());
        let endpoint = self.links.absolute(&location_path(&self.collection, id));
        properties.insert("edrqueryendpoint".into(), endpoint.into());
        let geometry = if fits { geometry } else { "null".to_owned() };
        self.current = Some(Current { id: id.to_owned(), geometry, properties });
        Ok(())
    }

    /// Writes one observation.
    fn write_row(&mut self, rows: &Rows<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), ApiError> {
        self.turn_to(rows.features.value(row))?;
        let Some(current) = &self.current else { return Ok(()) };
        let mut properties = current.properties.clone();
        properties.insert("datetime".into(), rows.time(row).to_string().into());
        for (name, key) in [("discriminator", rows.discriminator(row)), ("version", rows.version(row))] {
            if let Some(key) = key.filter(|key| !key.is_empty()) {
                properties.insert(name.into(), key.into());
            }
        }
        if let Some(distance_m) = rows.distance_m(row) {
            properties.insert(DISTANCE_COLUMN.into(), distance_m.into());
        }
        let mut present = Vec::new();
        for (column, values) in self.columns.iter().zip(&rows.values) {
            let value = match values.at(row) {
                Cell::Missing => Value::Null,
                Cell::Number(number) => json!(number),
                Cell::Integer(number) => json!(number),
                Cell::Text(text) => json!(text),
            };
            if !value.is_null() {
                present.push(column.name.as_str());
            }
            properties.insert(column.name.clone(), value);
        }
        properties.insert("parameter-name".into(), json!(present));
        let (geometry, properties) = (&current.geometry, Value::Object(properties));
        let comma = if self.written > 0 { "," } else { "" };
        let feature = format!(r#"{comma}{{"type":"Feature","geometry":{geometry},"properties":{properties}}}"#);
        out.extend_from_slice(feature.as_bytes());
        self.written += 1;
        Ok(())
    }
}

impl Writer for GeoJson {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let parameters: Vec<Value> = self.columns.iter().map(|c| listed_parameter(c, self.language)).collect();
        let parameters = Value::Array(parameters);
        out.extend_from_slice(
            format!(r#"{{"type":"FeatureCollection","parameters":{parameters},"features":["#).as_bytes(),
        );
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let rows = Rows::of(batch, self.columns.len());
        for row in 0..rows.count {
            self.write_row(&rows, row, out)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let links = Value::Array(std::mem::take(&mut self.page_links));
        let count = self.written;
        out.extend_from_slice(
            format!(r#"],"numberMatched":{count},"numberReturned":{count},"links":{links}}}"#).as_bytes(),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::samples;
    use super::*;

    #[test]
    fn every_observation_is_a_feature_with_its_values_and_the_way_to_its_series() {
        let lookup: Lookup = Box::new(|id| {
            let geometry = json!({"type": "Point", "coordinates": [1.5, 2.0]});
            let large = json!({"type": "LineString", "coordinates": vec![[0.25, 0.5]; 1_000]});
            let title = (id == "a/1").then(|| "Garonne".to_owned());
            Ok(Feature { id: id.to_owned(), title, geometry: if id == "large" { large } else { geometry } })
        });
        let links = Links::new("http://h/p");
        let mut writer = GeoJson::new(
            samples::columns(),
            lookup,
            links.clone(),
            "c".into(),
            "en",
            vec![links.link("self", "x", "/y")],
        );
        let rows = [
            ("a/1", 1, "", Some(1.5), Some(0), None),
            ("a/1", 2, "total", None, None, None),
            ("large", 1, "", Some(2.0), None, Some("n")),
        ];
        let batch = samples::rows(&rows, &[("a/1", 3.5)]);
        let mut out = Vec::new();
        writer.begin(&mut out).expect("in memory");
        writer.write(&batch.slice(0, 1), &mut out).expect("in memory");
        writer.write(&batch.slice(1, 2), &mut out).expect("in memory");
        writer.finish(&mut out).expect("in memory");
        let json: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!((&json["numberReturned"], json["parameters"].as_array().map(Vec::len)), (&json!(3), Some(3)));
        let first = &json["features"][0];
        assert_eq!(first["geometry"], json!({"type": "Point", "coordinates": [1.5, 2.0]}));
        assert_eq!(
            first["properties"],
            json!({"feature_id": "a/1", "label": "Garonne", "datetime": "2024-01-01T06:00:00Z", "version": "v1",
                   "edrqueryendpoint": "http://h/p/collections/c/locations/a%2F1", "distance_m": 3.5,
                   "wse": 1.5, "quality": 0, "note": null, "parameter-name": ["wse", "quality"]})
        );
        assert_eq!(json["features"][1]["properties"]["discriminator"], "total");
        assert_eq!(
            (&json["features"][2]["geometry"], &json["features"][2]["properties"]["label"]),
            (&Value::Null, &json!("large"))
        );
    }
}
