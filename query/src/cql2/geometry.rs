//! Geometries of callers: checked, flattened, counted.

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiPolygon, Point, Polygon};
use nilometer_schemas::limits::QUERY_VERTICES_MAX;
use nilometer_schemas::{Bbox, Crs, Kind, Problem, geojson};
use serde_json::Value;

/// A caller's geometry within the limits: not empty, collections not nested.
pub(crate) struct QueryGeometry {
    /// The geometry.
    pub(crate) geometry: Geometry<f64>,
    /// Number of its positions, at least 1.
    pub(crate) vertices: usize,
}

impl QueryGeometry {
    /// Takes a GeoJSON geometry.
    ///
    /// # Errors
    /// `Invalid` for what is no geometry or an empty one, `TooLarge` above the vertex limit.
    pub(crate) fn from_geojson(value: &Value) -> Result<Self, Problem> {
        let parsed = geojson::from_value(value)?;
        let mut parts = Vec::new();
        let geometry = match parsed {
            Geometry::GeometryCollection(collection) => {
                flatten(collection, &mut parts);
                Geometry::GeometryCollection(GeometryCollection(parts))
            }
            simple => simple,
        };
        let vertices = geojson::vertex_count(&geometry);
        if vertices == 0 {
            return Err(Problem::invalid("geometry", "the geometry is empty").allowed("a geometry with positions"));
        }
        if vertices > QUERY_VERTICES_MAX {
            let detail = format!("the geometry has {vertices} vertices, the limit is {QUERY_VERTICES_MAX}");
            return Err(Problem::new(Kind::TooLarge, "geometry-too-large", detail)
                .allowed(format!("at most {QUERY_VERTICES_MAX} vertices; simplify the geometry")));
        }
        Ok(Self { geometry, vertices })
    }

    /// Takes a GeoJSON geometry of which the positions are in a reference system, in the order of its axes.
    ///
    /// # Errors
    /// As [`QueryGeometry::from_geojson`], of the positions in CRS84.
    pub(crate) fn from_geojson_in(value: &Value, crs: Crs) -> Result<Self, Problem> {
        if crs == Crs::Crs84 {
            return Self::from_geojson(value);
        }
        let mut value = value.clone();
        positions_to_crs84(&mut value, crs);
        Self::from_geojson(&value)
    }

    /// The box as a geometry: a polygon, two when it crosses the antimeridian, a line or point when it has no width.
    pub(crate) fn from_bbox(bbox: Bbox) -> Self {
        let mut polygons: Vec<Polygon<f64>> = Vec::with_capacity(2);
        let boxes = bbox.split();
        if let [Bbox { west, south, east, north }] = boxes[..]
            && (west == east || south == north)
        {
            let (from, to) = (Coord { x: west, y: south }, Coord { x: east, y: north });
            return if from == to {
                Self { geometry: Geometry::Point(Point(from)), vertices: 1 }
            } else {
                Self { geometry: Geometry::LineString(LineString(vec![from, to])), vertices: 2 }
            };
        }
        for Bbox { west, south, east, north } in boxes {
            let ring = [(west, south), (east, south), (east, north), (west, north), (west, south)];
            polygons.push(Polygon::new(LineString::from(ring.to_vec()), Vec::new()));
        }
        let vertices = polygons.len() * 5;
        let geometry = match polygons.len() {
            1 => Geometry::Polygon(polygons.swap_remove(0)),
            _ => Geometry::MultiPolygon(MultiPolygon(polygons)),
        };
        Self { geometry, vertices }
    }
}

/// Turns what look like positions, and leaves the rest to be refused by the reader of GeoJSON.
fn positions_to_crs84(value: &mut Value, crs: Crs) {
    match value {
        Value::Array(numbers) if numbers.first().is_some_and(Value::is_number) => {
            if let [Some(first), Some(second)] = [0, 1].map(|axis| numbers.get(axis).and_then(Value::as_f64)) {
                let [longitude, latitude] = crs.to_crs84([first, second]);
                (numbers[0], numbers[1]) = (longitude.into(), latitude.into());
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| positions_to_crs84(member, crs)),
        Value::Object(members) => {
            let of_positions =
                members.iter_mut().filter(|(name, _)| matches!(name.as_str(), "coordinates" | "geometries"));
            of_positions.for_each(|(_, member)| positions_to_crs84(member, crs));
        }
        _ => {}
    }
}

/// Moves the non-empty simple members of a collection, and of those nested in it, to `parts`.
fn flatten(collection: GeometryCollection<f64>, parts: &mut Vec<Geometry<f64>>) {
    for member in collection.0 {
        match member {
            // Nesting is bounded where GeoJSON is read.
            Geometry::GeometryCollection(inner) => flatten(inner, parts),
            simple if geojson::vertex_count(&simple) > 0 => parts.push(simple),
            _ => {}
        }
    }
}

/// A number as JSON, without a fraction where it has none.
pub(crate) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT { Value::from(value as i64) } else { Value::from(value) }
}
