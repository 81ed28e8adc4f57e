//! The columns of a result, learned from its items: which there are, and of which types.
//!
//! A column has the type that all its values have; whole and other numbers together are numbers. Where values are of
//! different types the column holds them as JSON texts, so that a table never fails on what a catalogue may hold.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_schemas::{Instant, ParameterType};
use serde_json::{Map, Value, json};

use super::geometry;
use super::row::{Row, column_name};

/// Column of properties beyond [`MEMBERS_MAX`], as one JSON text.
const OTHERS: &str = "nilometer:others";
/// Members of objects that have a place of their own in the columns, the columns themselves among them.
const MEMBERS_MAX: usize = 2_000;
/// Members of one object that have; one with more has keys that are data, such as dates.
const OBJECT_MEMBERS_MAX: usize = 256;
/// Nesting of objects and lists within a column.
const NESTING_MAX: usize = 8;
/// Collections that are described in a file.
const COLLECTIONS_MAX: usize = 1_000;
/// Properties that are moments in every STAC item (common metadata), and ours.
const MOMENTS: [&str; 6] = ["created", "updated", "published", "unpublished", "expires", "ingested"];
/// Columns that stand first, in this order.
const FIRST: [&str; 7] =
    ["id", "collection", "stac_version", "stac_extensions", "datetime", "start_datetime", "end_datetime"];
/// Columns that stand last.
const LAST: [&str; 2] = ["assets", "links"];

/// The type of a column, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Type {
    /// Nothing but nulls so far.
    #[default]
    Unseen,
    Bool,
    Int,
    Float,
    Text,
    /// A moment, RFC 3339.
    Moment,
    /// JSON texts.
    Json,
    List(Box<Type>),
    Object(BTreeMap<String, Type>),
    /// An object whose keys are data.
    Map(Box<Type>),
}

/// What remains to be given out of [`MEMBERS_MAX`].
struct Room(usize);

impl Type {
    fn object(members: &[&str]) -> Self {
        Self::Object(members.iter().map(|name| ((*name).to_owned(), Self::Text)).collect())
    }

    /// Widens the type to hold a value too.
    fn see(&mut self, value: &Value, is_moment: bool, depth: usize, room: &mut Room) {
        match (&mut *self, value) {
            (_, Value::Null) | (Self::Json, _) => {}
            (Self::Unseen, value) => {
                *self = Self::begun(value, is_moment, depth);
                if matches!(self, Self::List(_) | Self::Object(_)) {
                    self.see(value, is_moment, depth, room);
                }
            }
            (Self::Bool, Value::Bool(_)) | (Self::Text, Value::String(_)) | (Self::Float, Value::Number(_)) => {}
            (Self::Moment, Value::String(text)) => {
                if Instant::parse(text).is_none() {
                    *self = Self::Text;
                }
            }
            (Self::Int, Value::Number(number)) => {
                if number.as_i64().is_none() {
                    *self = Self::Float;
                }
            }
            (Self::List(inner), Value::Array(values)) => {
                values.iter().for_each(|value| inner.see(value, is_moment, depth + 1, room));
            }
            (Self::Object(members), Value::Object(object)) => {
                if !see_members(members, object, depth, room) {
                    *self = Self::Json;
                }
            }
            _ => *self = Self::Json,
        }
    }

    fn begun(value: &Value, is_moment: bool, depth: usize) -> Self {
        match value {
            Value::Null => Self::Unseen,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.as_i64().is_some() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::String(text) if is_moment && Instant::parse(text).is_some() => Self::Moment,
            Value::String(_) => Self::Text,
            Value::Array(_) | Value::Object(_) if depth >= NESTING_MAX => Self::Json,
            Value::Array(_) => Self::List(Box::default()),
            Value::Object(_) => Self::Object(BTreeMap::new()),
        }
    }

    /// The type of a value of this name for good: what is of no type is what its name says, or text; and an object that never has a member is JSON, since tables
    /// have no columns without parts.
    fn finished(self, name: &str) -> Self {
        match self {
            Self::Unseen if is_moment(name) => Self::Moment,
            Self::Unseen => Self::Text,
            Self::List(inner) => Self::List(Box::new(inner.finished(name))),
            Self::Map(inner) => Self::Map(Box::new(inner.finished(name))),
            Self::Object(members) if members.is_empty() => Self::Json,
            Self::Object(mut members) => {
                members.iter_mut().for_each(|(name, inner)| *inner = std::mem::take(inner).finished(name));
                Self::Object(members)
            }
            other => other,
        }
    }
}

/// Widens the members of an object; `false` where they have become too many.
fn see_members(
    members: &mut BTreeMap<String, Type>,
    object: &Map<String, Value>,
    depth: usize,
    room: &mut Room,
) -> bool {
    for (name, value) in object {
        let is_moment = is_moment(name);
        if let Some(known) = members.get_mut(name) {
            known.see(value, is_moment, depth + 1, room);
            continue;
        }
        if members.len() == OBJECT_MEMBERS_MAX || room.0 == 0 {
            return false;
        }
        room.0 -= 1;
        members.entry(name.clone()).or_default().see(value, is_moment, depth + 1, room);
    }
    true
}

fn is_moment(name: &str) -> bool {
    name.ends_with("datetime") || MOMENTS.contains(&name)
}

/// What was learned so far.
pub(super) struct Schema {
    columns: BTreeMap<String, Type>,
    room: Room,
    has_others: bool,
    has_geometry: bool,
    has_bbox: bool,
    /// One asset of any key, for when the keys are too many.
    asset: Type,
    geometry_types: BTreeSet<String>,
    bounds: Option<[f64; 4]>,
    collections: BTreeSet<String>,
}

impl Schema {
    /// `is_whole` where items have all members: the columns that the specification asks for are there then, whatever
    /// the items have.
    pub(super) fn new(is_whole: bool) -> Self {
        let text = || Type::List(Box::new(Type::Text));
        let columns = [
            ("id", Type::Text),
            ("collection", Type::Text),
            ("stac_version", Type::Text),
            ("stac_extensions", text()),
            ("datetime", Type::Unseen),
            ("links", Type::List(Box::new(Type::object(&["href", "rel", "title", "type"])))),
            ("assets", Type::Object(BTreeMap::new())),
        ];
        let columns = columns.into_iter().filter(|_| is_whole).map(|(name, of)| (name.to_owned(), of)).collect();
        Self {
            columns,
            room: Room(MEMBERS_MAX),
            has_others: false,
            has_geometry: is_whole,
            has_bbox: is_whole,
            asset: Type::object(&["href"]),
            geometry_types: BTreeSet::new(),
            bounds: None,
            collections: BTreeSet::new(),
        }
    }

    /// Of features that are no items, with these columns at least.
    pub(super) fn of_features(columns: &[(String, ParameterType)]) -> Self {
        let mut schema = Self::new(false);
        (schema.has_geometry, schema.has_bbox) = (true, true);
        for (name, of) in columns {
            let of = match of {
                ParameterType::Number => Type::Float,
                ParameterType::Integer => Type::Int,
                ParameterType::Text => Type::Text,
            };
            schema.room.0 = schema.room.0.saturating_sub(1);
            schema.columns.insert(column_name(name.clone()), of);
        }
        schema
    }

    /// Learns from a row.
    pub(super) fn see(&mut self, row: &Row) {
        self.has_geometry |= row.geometry.is_some();
        self.has_bbox |= row.bbox.is_some();
        if let Some(of) = row.geometry.as_ref().and_then(geometry::type_of) {
            self.geometry_types.insert(of);
        }
        if let (Some(Some([w, s, e, n])), Some(_)) = (row.bbox, &row.geometry) {
            let [west, south, east, north] = self.bounds.unwrap_or([w, s, e, n]);
            self.bounds = Some([west.min(w), south.min(s), east.max(e), north.max(n)]);
        }
        if let Some(Value::String(id)) = row.cells.get("collection")
            && self.collections.len() < COLLECTIONS_MAX
            && !self.collections.contains(id)
        {
            self.collections.insert(id.clone());
        }
        for (name, value) in &row.cells {
            self.see_cell(name, value);
        }
    }

    fn see_cell(&mut self, name: &str, value: &Value) {
        if name == OTHERS {
            self.has_others = true;
            return;
        }
        if let (true, Value::Object(assets)) = (name == "assets", value) {
            assets.values().for_each(|asset| self.asset.see(asset, false, 1, &mut self.room));
        }
        if let Some(known) = self.columns.get_mut(name) {
            known.see(value, is_moment(name), 0, &mut self.room);
        } else if self.room.0 == 0 {
            self.has_others = true;
        } else {
            self.room.0 -= 1;
            let column = self.columns.entry(name.to_owned()).or_default();
            column.see(value, is_moment(name), 0, &mut self.room);
        }
    }

    /// The collections of the items.
    pub(super) fn collections(&self) -> impl Iterator<Item = &str> {
        self.collections.iter().map(String::as_str)
    }

    /// The columns for good.
    pub(super) fn finish(mut self) -> Table {
        if let Some(assets) = self.columns.get_mut("assets") {
            let is_plain = matches!(assets, Type::Object(members) if !members.is_empty());
            if !is_plain {
                *assets = Type::Map(Box::new(self.asset));
            }
        }
        let mut columns: Vec<(String, Type)> = Vec::with_capacity(self.columns.len() + 1);
        for name in FIRST {
            columns.extend(self.columns.remove_entry(name));
        }
        let last: Vec<(String, Type)> = LAST.iter().filter_map(|name| self.columns.remove_entry(*name)).collect();
        columns.extend(self.columns);
        columns.extend(last);
        for (name, of) in &mut columns {
            *of = std::mem::take(of).finished(name);
        }
        if self.has_others {
            columns.push((OTHERS.to_owned(), Type::Json));
        }
        Table {
            columns,
            has_others: self.has_others,
            has_geometry: self.has_geometry,
            has_bbox: self.has_bbox,
            geometry_types: self.geometry_types,
            bounds: self.bounds,
        }
    }
}

/// The columns of a table.
pub(super) struct Table {
    /// All but geometry and box, in order.
    pub(super) columns: Vec<(String, Type)>,
    /// Whether the last one is [`OTHERS`].
    has_others: bool,
    pub(super) has_geometry: bool,
    pub(super) has_bbox: bool,
    /// Types of the geometries as GeoParquet names them.
    pub(super) geometry_types: BTreeSet<String>,
    /// The box around all geometries.
    pub(super) bounds: Option<[f64; 4]>,
}

impl Table {
    /// A row's value of each column. What has no column of its own is put together in the last one.
    pub(super) fn cells(&self, mut row: Row) -> Vec<Option<Value>> {
        let own = self.columns.len() - usize::from(self.has_others);
        let mut cell = |name: &String| row.cells.remove(name).filter(|value| !value.is_null());
        let mut cells: Vec<Option<Value>> =
            self.columns.iter().enumerate().map(|(at, (name, _))| if at < own { cell(name) } else { None }).collect();
        if let (true, Some(last)) = (self.has_others, cells.last_mut()) {
            *last = (!row.cells.is_empty()).then(|| json!(row.cells));
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(items: &[Value]) -> Table {
        let mut schema = Schema::new(false);
        items.iter().for_each(|item| schema.see(&Row::new(item.clone())));
        schema.finish()
    }

    /// The type of a property with these values.
    fn type_of(name: &str, values: &[Value]) -> Type {
        let items: Vec<Value> = values.iter().map(|value| json!({"properties": {name: value}})).collect();
        table(&items).columns.into_iter().find(|(found, _)| found == name).expect("a column").1
    }

    #[test]
    fn a_column_has_the_type_that_holds_all_its_values() {
        let list = |of: Type| Type::List(Box::new(of));
        let object = |members: &[(&str, Type)]| {
            Type::Object(members.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect())
        };
        for (values, expected) in [
            (vec![json!(null)], Type::Text),
            (vec![json!(1), json!(null), json!(-7)], Type::Int),
            (vec![json!(1), json!(0.5)], Type::Float),
            (vec![json!(u64::MAX)], Type::Float),
            (vec![json!(true), json!(1)], Type::Json),
            (vec![json!("a"), json!(1)], Type::Json),
            (vec![json!([]), json!([1]), json!([0.5, null])], list(Type::Float)),
            (vec![json!([]), json!(null)], list(Type::Text)),
            (vec![json!([1]), json!(1)], Type::Json),
            (vec![json!({"a": 1}), json!({"b": "x"})], object(&[("a", Type::Int), ("b", Type::Text)])),
            (vec![json!({})], Type::Json),
            (vec![json!([{"a": 1}, {"a": "x"}])], list(object(&[("a", Type::Json)]))),
        ] {
            assert_eq!(type_of("p", &values), expected, "{values:?}");
        }
    }

    #[test]
    fn only_columns_of_moments_become_moments_and_only_if_all_are() {
        let moment = json!("2024-01-01T00:00:00Z");
        for name in ["datetime", "start_datetime", "sat:anx_datetime", "created", "ingested"] {
            assert_eq!(type_of(name, std::slice::from_ref(&moment)), Type::Moment, "{name}");
            assert_eq!(type_of(name, &[moment.clone(), json!("never")]), Type::Text, "{name}");
            assert_eq!(type_of(name, &[Value::Null]), Type::Moment, "{name}");
        }
        assert_eq!(type_of("time_str", &[moment]), Type::Text);
    }

    #[test]
    fn objects_whose_keys_are_data_are_texts_and_assets_a_map() {
        let wide = |begin: usize| -> Value {
            json!((begin..begin + 300).map(|i| (format!("k{i}"), json!({"href": "x"}))).collect::<Map<_, _>>())
        };
        assert_eq!(type_of("p", &[wide(0)]), Type::Json);
        let table = table(&[json!({"assets": wide(0)}), json!({"assets": wide(300)})]);
        assert_eq!(table.columns, [("assets".to_owned(), Type::Map(Box::new(Type::object(&["href"]))))]);
    }

    #[test]
    fn properties_beyond_all_room_share_one_column() {
        let properties: Map<String, Value> = (0..MEMBERS_MAX + 5).map(|i| (format!("p{i:05}"), json!(i))).collect();
        let item = json!({"properties": properties});
        let table = table(std::slice::from_ref(&item));
        assert_eq!(table.columns.len(), MEMBERS_MAX + 1);
        let cells = table.cells(Row::new(item));
        assert_eq!(cells[0], Some(json!(0)));
        assert_eq!(
            cells[MEMBERS_MAX],
            Some(json!({"p02000": 2000, "p02001": 2001, "p02002": 2002, "p02003": 2003, "p02004": 2004}))
        );
    }

    #[test]
    fn deep_nesting_ends_in_a_text() {
        let mut value = json!(1);
        (0..40).for_each(|_| value = json!([value]));
        let mut of = type_of("p", &[value]);
        let mut depth = 0;
        while let Type::List(inner) = of {
            of = *inner;
            depth += 1;
        }
        assert_eq!((depth, of), (NESTING_MAX, Type::Json));
    }
}
