//! The feature of interest behind an observation, as answers show it.

use std::sync::Arc;

use geo::{Geometry, InteriorPoint};
use nilometer_indexer::Snapshot;
use nilometer_schemas::{CollectionId, Scope, geojson};
use serde_json::Value;

use crate::problem::ApiError;

/// A feature of interest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Feature {
    /// Id of its item.
    pub(super) id: String,
    /// Its title, where it has one.
    pub(super) title: Option<String>,
    /// Its GeoJSON geometry, or null.
    pub(super) geometry: Value,
}

/// Finds a feature by its id. One that is no item, or none any more, has neither title nor geometry.
pub(super) type Lookup = Box<dyn FnMut(&str) -> Result<Feature, ApiError> + Send>;

/// Finds the features of a collection in one snapshot.
pub(super) fn stored(snapshot: Arc<Snapshot>, collection: CollectionId, scope: Scope) -> Lookup {
    Box::new(move |id| {
        let mut feature = Feature { id: id.to_owned(), title: None, geometry: Value::Null };
        if let Some(item) = snapshot.item(collection.as_str(), id, scope)? {
            let mut value: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
            feature.title = label(&value);
            feature.geometry = value["geometry"].take();
        }
        Ok(feature)
    })
}

/// The name of an item for people: `title`, else `name`.
pub(super) fn label(item: &Value) -> Option<String> {
    let properties = &item["properties"];
    properties["title"].as_str().or_else(|| properties["name"].as_str()).map(str::to_owned)
}

/// A position that stands for a geometry: itself, or one inside it; `None` for none.
pub(super) fn representative(geometry: &Value) -> Option<[f64; 2]> {
    let geometry: Geometry<f64> = geojson::from_value(geometry).ok()?;
    let point = geometry.interior_point()?;
    Some([point.x(), point.y()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_position_stands_for_every_geometry_but_null() {
        assert_eq!(representative(&json!({"type": "Point", "coordinates": [1.5, 2.0, 9.0]})), Some([1.5, 2.0]));
        let square = json!({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]});
        assert_eq!(representative(&square), Some([1.0, 1.0]));
        let line = json!({"type": "LineString", "coordinates": [[0, 0], [1, 1], [2, 0]]});
        assert_eq!(representative(&line), Some([1.0, 1.0]));
        assert_eq!(representative(&Value::Null), None);
    }
}
