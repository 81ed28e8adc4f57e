//! Series as CoverageJSON (OGC 21-069r2): one Coverage if there is one, else a CoverageCollection, written coverage by
//! coverage.
//!
//! A time axis is strictly increasing, so rows of one feature that share a time go into coverages of their own.

use std::fmt::Write as _;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use geo::Geometry;
use nilometer_query::series::SeriesColumn;
use nilometer_schemas::limits::COVERAGE_ROWS_MAX;
use nilometer_schemas::{Kind, ParameterType, Problem, geojson};
use serde_json::{Map, Value, json};

use super::answer::Writer;
use super::feature::{Feature, Lookup, representative};
use super::parameter::{coverage_parameter, data_type};
use super::table::{Cell, Cells, Rows};
use crate::links::CRS84;
use crate::problem::ApiError;

/// Member of a coverage that says whose values it holds.
const FEATURE_MEMBER: &str = "nilometer:feature";

/// Writes CoverageJSON.
pub(super) struct CoverageJson {
    columns: Vec<SeriesColumn>,
    collection: String,
    lookup: Lookup,
    /// The rows of the feature under way.
    held: Vec<RecordBatch>,
    held_rows: usize,
    /// The first coverage, while it may be the only one.
    first: Option<Coverage>,
    /// Whether a collection was begun.
    many: bool,
}

/// One coverage, without its parameters.
struct Coverage {
    /// The members after `type` and before `parameters`.
    text: String,
    /// Columns that have a range.
    columns: Vec<usize>,
}

impl CoverageJson {
    /// For an answer with these columns of values.
    pub(super) fn new(columns: Vec<SeriesColumn>, collection: String, lookup: Lookup) -> Self {
        Self { columns, collection, lookup, held: Vec::new(), held_rows: 0, first: None, many: false }
    }

    fn parameters(&self, wanted: impl Fn(usize) -> bool) -> Value {
        let columns = self.columns.iter().enumerate().filter(|(at, _)| wanted(*at));
        Value::Object(columns.map(|(_, column)| (column.name.clone(), coverage_parameter(column))).collect())
    }

    fn hold(&mut self, rows: RecordBatch) -> Result<(), ApiError> {
        self.held_rows += rows.num_rows();
        if self.held_rows > COVERAGE_ROWS_MAX {
            let detail =
                format!("a feature has more than {COVERAGE_ROWS_MAX} observations, which are too many for a coverage");
            return Err(Problem::new(Kind::TooLarge, "coverage-size", detail)
                .at("f")
                .allowed("a shorter datetime, a resample step, or f=CSV, Parquet or Arrow")
                .into());
        }
        self.held.push(rows);
        Ok(())
    }

    /// Makes the coverages of the feature under way.
    fn close_feature(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Some(first) = self.held.first() else { return Ok(()) };
        let batch = concat_batches(&first.schema(), &self.held).map_err(ApiError::internal)?;
        self.held.clear();
        self.held_rows = 0;
        let rows = Rows::of(&batch, self.columns.len());
        let feature = (self.lookup)(rows.features.value(0))?;
        let place = Place::of(&feature.geometry);
        for layer in layers(&rows) {
            let coverage = self.coverage(&feature, &place, &rows, &layer);
            self.add(coverage, out);
        }
        Ok(())
    }

    fn add(&mut self, coverage: Coverage, out: &mut Vec<u8>) {
        if !self.many {
            let Some(first) = self.first.take() else {
                self.first = Some(coverage);
                return;
            };
            self.many = true;
            let parameters = self.parameters(|_| true);
            let head =
                format!(r#"{{"type":"CoverageCollection","parameters":{parameters},"coverages":[{{{}}}"#, first.text);
            out.extend_from_slice(head.as_bytes());
        }
        out.extend_from_slice(format!(",{{{}}}", coverage.text).as_bytes());
    }

    fn coverage(&self, feature: &Feature, place: &Place, rows: &Rows<'_>, layer: &[usize]) -> Coverage {
        let own = self.feature_member(feature, place, rows, layer);
        let mut text = format!(r#""type":"Coverage","{FEATURE_MEMBER}":{own}"#);
        for (name, key) in
            [("discriminator", same(rows, layer, Rows::discriminator)), ("version", same(rows, layer, Rows::version))]
        {
            if let Some(key) = key.filter(|key| !key.is_empty()) {
                let _ = write!(text, r#","nilometer:{name}":{}"#, Value::from(key));
            }
        }
        let times: Vec<String> = layer.iter().map(|row| rows.time(*row).to_string()).collect();
        let _ = write!(text, r#","domain":{}"#, place.domain(&times));
        text.push_str(r#","ranges":{"#);
        let mut columns = Vec::new();
        for (at, (column, cells)) in self.columns.iter().zip(&rows.values).enumerate() {
            // A range that is missing as a whole is left out.
            if layer.iter().all(|row| cells.at(*row) == Cell::Missing) {
                continue;
            }
            if !columns.is_empty() {
                text.push(',');
            }
            columns.push(at);
            let _ = write!(text, "{}:", Value::from(column.name.as_str()));
            range(*cells, layer, place, &mut text);
        }
        text.push('}');
        Coverage { text, columns }
    }

    fn feature_member(&self, feature: &Feature, place: &Place, rows: &Rows<'_>, layer: &[usize]) -> Value {
        let mut out = Map::new();
        out.insert("collection".into(), self.collection.as_str().into());
        out.insert("id".into(), feature.id.as_str().into());
        if let Some(title) = &feature.title {
            out.insert("title".into(), title.as_str().into());
        }
        if let Some(distance_m) = layer.first().and_then(|row| rows.distance_m(*row)) {
            out.insert("distance_m".into(), distance_m.into());
        }
        if let Place::Within(kind, _) = place {
            // The position of the domain stands for a shape that no domain type has.
            out.insert("geometry_type".into(), kind.as_str().into());
        }
        Value::Object(out)
    }
}

impl Writer for CoverageJson {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), ApiError> {
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let rows = Rows::of(batch, self.columns.len());
        let mut begin = 0;
        while begin < rows.count {
            let id = rows.features.value(begin);
            let end = (begin..rows.count).find(|row| rows.features.value(*row) != id).unwrap_or(rows.count);
            let goes_on =
                self.held.first().is_some_and(|held| Rows::of(held, self.columns.len()).features.value(0) == id);
            if !goes_on {
                self.close_feature(out)?;
            }
            self.hold(batch.slice(begin, end - begin))?;
            begin = end;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        self.close_feature(out)?;
        if self.many {
            out.extend_from_slice(b"]}");
        } else if let Some(only) = self.first.take() {
            let parameters = self.parameters(|at| only.columns.contains(&at));
            out.extend_from_slice(format!(r#"{{{},"parameters":{parameters}}}"#, only.text).as_bytes());
        }
        Ok(())
    }
}

/// What tells rows of one time apart: discriminator and version.
type LayerKey<'a> = (Option<&'a str>, Option<&'a str>);

/// The rows of a feature as layers in each of which the times are strictly increasing; every row is in one.
///
/// What shares a time differs in discriminator and version: where these recur (fractions of a sample, versions of a
/// product), each gets its layer. Where each row has its own (a pass), a row goes into the first layer that has room.
fn layers(rows: &Rows<'_>) -> Vec<Vec<usize>> {
    let increasing = |layer: &[usize]| layer.windows(2).all(|pair| rows.time(pair[0]) < rows.time(pair[1]));
    let all: Vec<usize> = (0..rows.count).collect();
    if increasing(&all) {
        return vec![all];
    }
    let most = all.chunk_by(|a, b| rows.time(*a) == rows.time(*b)).map(<[usize]>::len).max().unwrap_or(1);
    let mut by_key: Vec<(LayerKey<'_>, Vec<usize>)> = Vec::new();
    for row in &all {
        let key = (rows.discriminator(*row), rows.version(*row));
        match by_key.iter().position(|(other, _)| *other == key) {
            Some(at) => by_key[at].1.push(*row),
            None if by_key.len() == most => break,
            None => by_key.push((key, vec![*row])),
        }
    }
    let complete = by_key.iter().map(|(_, layer)| layer.len()).sum::<usize>() == rows.count;
    if complete && by_key.iter().all(|(_, layer)| increasing(layer)) {
        return by_key.into_iter().map(|(_, layer)| layer).collect();
    }
    let mut layers: Vec<Vec<usize>> = Vec::new();
    for row in all {
        let room = |layer: &&mut Vec<usize>| layer.last().is_none_or(|last| rows.time(*last) < rows.time(row));
        match layers.iter_mut().find(room) {
            Some(layer) => layer.push(row),
            None => layers.push(vec![row]),
        }
    }
    layers
}

/// A key that all rows of a layer share.
fn same<'a>(rows: &Rows<'a>, layer: &[usize], key: impl Fn(&Rows<'a>, usize) -> Option<&'a str>) -> Option<&'a str> {
    let first = key(rows, *layer.first()?)?;
    layer.iter().all(|row| key(rows, *row) == Some(first)).then_some(first)
}

/// Where a coverage lies.
enum Place {
    /// At a point.
    Point([f64; 2]),
    /// In an area; the coordinates of its rings.
    Polygon(Value),
    /// At a position that stands for a shape of this type.
    Within(String, [f64; 2]),
    /// Nowhere that is known.
    Nowhere,
}

impl Place {
    fn of(geometry: &Value) -> Self {
        // Heights are dropped on the way.
        let rings = |area: Geometry<f64>| geojson::to_value(&area)["coordinates"].take();
        match geojson::from_value(geometry) {
            Ok(Geometry::Point(point)) => Self::Point([point.x(), point.y()]),
            Ok(area @ Geometry::Polygon(_)) => Self::Polygon(rings(area)),
            Ok(Geometry::MultiPolygon(mut areas)) if areas.0.len() == 1 => {
                Self::Polygon(rings(areas.0.remove(0).into()))
            }
            Ok(_) => match representative(geometry) {
                Some(position) => Self::Within(geometry["type"].as_str().unwrap_or_default().to_owned(), position),
                None => Self::Nowhere,
            },
            Err(_) => Self::Nowhere,
        }
    }

    fn domain(&self, times: &[String]) -> Value {
        let t = json!({"values": times});
        let (kind, axes) = match self {
            Self::Point([x, y]) | Self::Within(_, [x, y]) => {
                (Some("PointSeries"), json!({"x": {"values": [x]}, "y": {"values": [y]}, "t": t}))
            }
            Self::Polygon(rings) => {
                let composite = json!({"dataType": "polygon", "coordinates": ["x", "y"], "values": [rings]});
                (Some("PolygonSeries"), json!({"composite": composite, "t": t}))
            }
            Self::Nowhere => (None, json!({"t": t})),
        };
        let mut referencing =
            vec![json!({"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}})];
        if kind.is_some() {
            referencing.insert(0, json!({"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}}));
        }
        let mut domain = json!({"type": "Domain", "axes": axes, "referencing": referencing});
        if let Some(kind) = kind {
            domain["domainType"] = kind.into();
        }
        domain
    }

    /// Names of the axes of ranges; all but `t` have one value. Time comes first, as leaflet-coverage wants it.
    fn axes(&self) -> &'static [&'static str] {
        match self {
            Self::Point(_) | Self::Within(..) => &["t", "y", "x"],
            Self::Polygon(_) => &["t", "composite"],
            Self::Nowhere => &["t"],
        }
    }
}

/// An array of one column's values.
fn range(cells: Cells<'_>, layer: &[usize], place: &Place, out: &mut String) {
    let axes = place.axes();
    let shape: Vec<usize> = axes.iter().map(|axis| if *axis == "t" { layer.len() } else { 1 }).collect();
    let head = json!({"axisNames": axes, "shape": shape});
    let kind = data_type(match cells {
        Cells::Numbers(_) => ParameterType::Number,
        Cells::Integers(_) => ParameterType::Integer,
        Cells::Texts(_) => ParameterType::Text,
    });
    let _ = write!(
        out,
        r#"{{"type":"NdArray","dataType":"{kind}","axisNames":{},"shape":{},"values":["#,
        head["axisNames"], head["shape"]
    );
    for (at, row) in layer.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let _ = match cells.at(*row) {
            Cell::Missing => write!(out, "null"),
            Cell::Number(number) => write!(out, "{}", Value::from(number)),
            Cell::Integer(number) => write!(out, "{number}"),
            Cell::Text(text) => write!(out, "{}", Value::from(text)),
        };
    }
    out.push_str("]}");
}

#[cfg(test)]
mod tests {
    use super::super::table::samples::{self, Row};
    use super::*;

    fn lookup() -> Lookup {
        Box::new(|id| {
            let ring = json!([[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]);
            let geometry = match id {
                "lake" => json!({"type": "Polygon", "coordinates": [ring]}),
                "lakes" => json!({"type": "MultiPolygon", "coordinates": [[ring], [[[5, 5], [6, 5], [6, 6], [5, 5]]]]}),
                "reach" => json!({"type": "LineString", "coordinates": [[0, 0], [1, 1], [2, 0]]}),
                "nowhere" => Value::Null,
                _ => json!({"type": "Point", "coordinates": [1.5, 2.0]}),
            };
            Ok(Feature { id: id.to_owned(), title: Some(id.to_uppercase()), geometry })
        })
    }

    /// Written in batches of two rows.
    fn written(rows: &[Row<'_>], distances: &[(&str, f64)]) -> Value {
        let mut writer = CoverageJson::new(samples::columns(), "c".into(), lookup());
        let batch = samples::rows(rows, distances);
        let mut out = Vec::new();
        writer.begin(&mut out).expect("in memory");
        for begin in (0..batch.num_rows()).step_by(2) {
            writer.write(&batch.slice(begin, 2.min(batch.num_rows() - begin)), &mut out).expect("in memory");
        }
        writer.finish(&mut out).expect("in memory");
        serde_json::from_slice(&out).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out)))
    }

    #[test]
    fn one_feature_is_one_coverage_whose_missing_ranges_are_left_out() {
        let rows = [
            ("a", 1, "", Some(5.0), Some(0), None),
            ("a", 2, "", Some(f64::NAN), Some(1), None),
            ("a", 3, "", None, None, None),
        ];
        let json = written(&rows, &[("a", 120.5)]);
        assert_eq!(json["type"], "Coverage");
        assert_eq!(json[FEATURE_MEMBER], json!({"collection": "c", "id": "a", "title": "A", "distance_m": 120.5}));
        assert_eq!(json["domain"]["domainType"], "PointSeries");
        assert_eq!(json["domain"]["axes"]["x"]["values"], json!([1.5]));
        let times = json!(["2024-01-01T06:00:00Z", "2024-01-02T06:00:00Z", "2024-01-03T06:00:00Z"]);
        assert_eq!(json["domain"]["axes"]["t"]["values"], times);
        let wse = json!({"type": "NdArray", "dataType": "float", "axisNames": ["t", "y", "x"], "shape": [3, 1, 1],
                         "values": [5.0, null, null]});
        assert_eq!(json["ranges"]["wse"], wse);
        assert_eq!(
            (&json["ranges"]["quality"]["dataType"], &json["ranges"]["quality"]["values"]),
            (&json!("integer"), &json!([0, 1, null]))
        );
        assert!(json["ranges"].get("note").is_none() && json["parameters"].get("note").is_none());
        assert_eq!(json["nilometer:version"], "v1");
    }

    #[test]
    fn several_features_are_a_collection_with_the_parameters_of_all() {
        let rows = [
            ("a", 1, "", Some(5.0), None, None),
            ("a", 2, "", Some(6.0), None, None),
            ("a", 3, "", Some(7.0), None, None),
            ("b", 1, "", None, None, Some("dry")),
            ("lake", 1, "", Some(1.0), None, None),
            ("lakes", 1, "", Some(1.0), None, None),
            ("nowhere", 1, "", Some(1.0), None, None),
            ("reach", 1, "", Some(1.0), None, None),
        ];
        let json = written(&rows, &[]);
        assert_eq!(
            (&json["type"], json["parameters"].as_object().map(Map::len)),
            (&json!("CoverageCollection"), Some(3))
        );
        let coverages = json["coverages"].as_array().expect("coverages");
        assert_eq!(coverages.len(), 6);
        assert_eq!(coverages[0]["ranges"]["wse"]["values"], json!([5.0, 6.0, 7.0]));
        assert_eq!(coverages[1]["ranges"]["note"]["dataType"], "string");
        let kinds: Vec<&Value> = coverages.iter().map(|c| &c["domain"]["domainType"]).collect();
        let point = json!("PointSeries");
        assert_eq!(kinds, [&point, &point, &json!("PolygonSeries"), &point, &Value::Null, &point]);
        let rings = &coverages[2]["domain"]["axes"]["composite"]["values"][0];
        assert_eq!(rings, &json!([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]));
        assert_eq!(coverages[3][FEATURE_MEMBER]["geometry_type"], "MultiPolygon");
        assert_eq!(coverages[5]["domain"]["axes"]["y"]["values"], json!([1.0]));
    }

    #[test]
    fn rows_that_share_a_time_become_coverages_of_their_own_and_none_is_lost() {
        let recurring = [
            ("a", 1, "dissolved", Some(1.0), None, None),
            ("a", 1, "total", Some(2.0), None, None),
            ("a", 2, "total", Some(3.0), None, None),
        ];
        let json = written(&recurring, &[]);
        let coverages = json["coverages"].as_array().expect("coverages");
        let found: Vec<_> =
            coverages.iter().map(|c| (&c["nilometer:discriminator"], &c["ranges"]["wse"]["values"])).collect();
        assert_eq!(found, [(&json!("dissolved"), &json!([1.0])), (&json!("total"), &json!([2.0, 3.0]))]);

        let singular = [
            ("a", 1, "p1", Some(1.0), None, None),
            ("a", 2, "p2", Some(2.0), None, None),
            ("a", 2, "p3", Some(3.0), None, None),
            ("a", 3, "p4", Some(4.0), None, None),
        ];
        let json = written(&singular, &[]);
        let values: Vec<_> =
            json["coverages"].as_array().expect("coverages").iter().map(|c| &c["ranges"]["wse"]["values"]).collect();
        assert_eq!(values, [&json!([1.0, 2.0, 4.0]), &json!([3.0])]);
    }
}
