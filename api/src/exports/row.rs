//! An item as a row: its properties beside its members, the geometry and box apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::geometry;

/// Members of every item, which are columns of every table.
pub(super) const MEMBERS: [&str; 9] =
    ["type", "stac_version", "stac_extensions", "id", "collection", "geometry", "bbox", "links", "assets"];

/// See the module.
pub(super) struct Row {
    /// The geometry; `None` where it was not asked for.
    pub(super) geometry: Option<Value>,
    /// West, south, east, north; `None` where it was not asked for.
    pub(super) bbox: Option<Option<[f64; 4]>>,
    /// The other values by the names of their columns.
    pub(super) cells: BTreeMap<String, Value>,
}

impl Row {
    /// Of an item's JSON.
    ///
    /// A property with the name of a member becomes `properties.NAME`, a member of the sender's own with the name of a
    /// property `item.NAME`, so that nothing is lost. `type`, which is the same for all items, is left out.
    pub(super) fn new(item: Value) -> Self {
        let Value::Object(mut members) = item else {
            return Self { geometry: None, bbox: None, cells: BTreeMap::new() };
        };
        members.shift_remove("type");
        let geometry = members.shift_remove("geometry").map(geometry::tabled);
        let bbox = members.shift_remove("bbox").map(|own| bbox(geometry.as_ref(), &own));
        let mut cells = BTreeMap::new();
        if let Some(Value::Object(properties)) = members.shift_remove("properties") {
            for (name, value) in properties {
                cells.insert(column_name(name), value);
            }
        }
        add_members(members, &mut cells);
        Self { geometry, bbox, cells }
    }
}

/// The column of a property.
pub(super) fn column_name(name: String) -> String {
    if MEMBERS.contains(&name.as_str()) { format!("properties.{name}") } else { name }
}

fn add_members(members: Map<String, Value>, cells: &mut BTreeMap<String, Value>) {
    for (name, value) in members {
        let name = if cells.contains_key(&name) { format!("item.{name}") } else { name };
        cells.insert(name, value);
    }
}

/// The box around a geometry, or without one the item's own. In a table it is what readers choose rows by, so it holds
/// the geometry as the table has it, and one that crosses the antimeridian goes all around.
fn bbox(geometry: Option<&Value>, own: &Value) -> Option<[f64; 4]> {
    if let Some(bounds) = geometry.and_then(geometry::bounds) {
        return Some(bounds);
    }
    let numbers: Vec<f64> = own.as_array()?.iter().filter_map(Value::as_f64).collect();
    let [west, south, east, north] = match numbers.as_slice() {
        [west, south, east, north] | [west, south, _, east, north, _] => [*west, *south, *east, *north],
        _ => return None,
    };
    Some(if west > east { [-180.0, south, 180.0, north] } else { [west, south, east, north] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_member_and_no_property_is_lost_to_another_of_its_name() {
        let row = Row::new(json!({
            "type": "Feature", "id": "a", "owner": 1, "geometry": {"type": "Point", "coordinates": [1, 2]}, "bbox": [9, 9, 9, 9],
            "properties": {"type": "gauge", "id": "own", "owner": 2, "datetime": null},
        }));
        let cells = json!(row.cells);
        assert_eq!(
            cells,
            json!({"id": "a", "owner": 2, "item.owner": 1, "properties.type": "gauge", "properties.id": "own", "datetime": null})
        );
        assert_eq!(row.bbox, Some(Some([1.0, 2.0, 1.0, 2.0])), "the box is that of the geometry");
    }

    #[test]
    fn a_geometry_lies_within_its_table_or_is_none() {
        let row = |geometry: Value| {
            Row::new(json!({"type": "Feature", "id": "a", "geometry": geometry, "bbox": null, "properties": {}}))
        };
        let empty = row(json!({"type": "MultiPoint", "coordinates": []}));
        assert_eq!((empty.geometry, empty.bbox), (Some(Value::Null), Some(None)));
        let beyond = row(json!({"type": "Point", "coordinates": [200.0, 2.0, 7.0]}));
        assert_eq!(beyond.bbox, Some(Some([-160.0, 2.0, -160.0, 2.0])));
        let plain = json!({"type": "Point", "coordinates": [1.0, 2.0, 7.0]});
        assert_eq!(row(plain.clone()).geometry, Some(plain));
    }

    #[test]
    fn a_box_without_geometry_is_the_items_own_and_never_back_to_front() {
        let check = |own: Value, expected| assert_eq!(bbox(Some(&Value::Null), &own), expected, "{own}");
        check(json!([1, 2, 3, 4]), Some([1.0, 2.0, 3.0, 4.0]));
        check(json!([1, 2, 0, 3, 4, 9]), Some([1.0, 2.0, 3.0, 4.0]));
        check(json!([170, -1, -170, 1]), Some([-180.0, -1.0, 180.0, 1.0]));
        check(Value::Null, None);
        check(json!([1, 2]), None);
    }
}
