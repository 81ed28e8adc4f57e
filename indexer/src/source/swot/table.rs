//! A zipped shapefile as rows: every column under its own name, with the shape as GeoJSON. For whoever delivers the file in
//! another format; what a granule means is read elsewhere.

use std::collections::HashSet;
use std::io::Cursor;
use std::path::Path;

use nilometer_schemas::{Instant, ParameterType, Problem, geojson};
use serde_json::{Map, Value};
use shapefile::ShapeReader;

use super::super::archive;
use super::super::input::Input;
use super::dbf::Table;
use super::values::{self, Cell};
use super::{GranuleName, bad, parameters, shape};
use crate::Error;

/// Columns with the moment of a row, as text and as seconds since 2000.
const TIME_TEXT: &str = "time_str";
const TIME_S: &str = "time";

/// A zipped shapefile, inflated in memory.
pub struct ZippedShapefile {
    stem: String,
    shp: Vec<u8>,
    dbf: Vec<u8>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapefileRow {
    /// The shape as GeoJSON; null where there is none.
    pub geometry: Value,
    /// The moment of the row, if the table has the columns of SWOT products.
    pub time: Option<Instant>,
    /// All columns in the order of the table; null for nothing and for fill values.
    pub columns: Map<String, Value>,
}

impl ZippedShapefile {
    /// Opens a zip that holds one shapefile.
    ///
    /// # Errors
    /// `Invalid` for what is no such zip, `TooLarge` above the limits of granules.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let wanted = |name: &str| [".shp", ".dbf"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        let mut members = archive::members(&Input::file(path), wanted)?;
        let mut take = |end: &str| {
            let at = members.iter().position(|(name, _)| name.to_ascii_lowercase().ends_with(end));
            at.map(|at| members.swap_remove(at)).ok_or_else(|| bad(format!("the archive holds no {end}")))
        };
        let (name, shp) = take(".shp")?;
        let (_, dbf) = take(".dbf")?;
        Ok(Self { stem: archive::stem(&name).to_owned(), shp, dbf })
    }

    /// The columns of all rows, in order, with their types.
    ///
    /// # Errors
    /// `Invalid` for a damaged table.
    pub fn columns(&self) -> Result<Vec<(String, ParameterType)>, Problem> {
        Ok(self.typed(&Table::parse(&self.dbf).map_err(bad)?))
    }

    /// Hands on every row that is not marked as deleted.
    ///
    /// # Errors
    /// `Invalid` for a damaged file, and those of `each`, which end the reading.
    pub fn rows<E: From<Problem>>(&self, each: &mut dyn FnMut(ShapefileRow) -> Result<(), E>) -> Result<(), E> {
        let table = Table::parse(&self.dbf).map_err(bad)?;
        let unreadable = |error: shapefile::Error| bad(format!("the .shp cannot be read: {error}"));
        let mut shapes = ShapeReader::new(Cursor::new(self.shp.as_slice())).map_err(unreadable)?;
        let mut shapes = shapes.iter_shapes();
        let columns = self.typed(&table);
        for index in 0..table.len() {
            let shape = shapes.next().ok_or_else(|| bad("there are fewer shapes than rows"))?.map_err(unreadable)?;
            let Some(row) = table.row(index) else { continue };
            let geometry = shape::geometry(&shape).map_err(bad)?;
            let mut values = Map::new();
            for (at, (name, kind)) in columns.iter().enumerate() {
                values.insert(name.clone(), value(&row.at(at), *kind));
            }
            let time = values::moment(
                values.get(TIME_TEXT).and_then(Value::as_str),
                values.get(TIME_S).and_then(Value::as_f64),
            );
            let geometry = geometry.as_ref().map_or(Value::Null, geojson::to_value);
            each(ShapefileRow { geometry, time, columns: values })?;
        }
        Ok(())
    }

    /// Names and types: those that the product declares, else the header's.
    fn typed(&self, table: &Table<'_>) -> Vec<(String, ParameterType)> {
        let name = GranuleName::parse(&self.stem);
        let known = name.as_ref().and_then(|name| Some(parameters::known(name.kind, &name.version()?)));
        let known = known.unwrap_or_default();
        let columns = table.columns();
        unique(
            columns.map(|(name, kind)| (name.to_owned(), known.get(name).map_or(kind, |known| known.kind))).collect(),
        )
    }
}

/// Of columns with one name, the second is called `NAME_2`: none is lost to another.
fn unique(mut columns: Vec<(String, ParameterType)>) -> Vec<(String, ParameterType)> {
    let mut taken: HashSet<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let mut seen = HashSet::new();
    for (name, _) in &mut columns {
        if !seen.insert(name.clone()) {
            let free = (2..).map(|n| format!("{name}_{n}")).find(|free| !taken.contains(free)).unwrap_or_default();
            taken.insert(free.clone());
            *name = free;
        }
    }
    columns
}

/// A cell; one that is no value of its column's type stands as the text that it is.
fn value(text: &str, kind: ParameterType) -> Value {
    match Cell::read(text, kind) {
        Ok(None) => Value::Null,
        Ok(Some(Cell::Number(number))) => number.into(),
        Ok(Some(Cell::Integer(number))) => number.into(),
        Ok(Some(Cell::Text(text))) => text.into(),
        // What writers of shapefiles make of numbers that are missing, or too wide for their column.
        Err(_) if kind != ParameterType::Text && text.bytes().all(|byte| byte == b'*') => Value::Null,
        Err(_) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_of_one_name_are_told_from_each_other() {
        let columns = ["n", "n_2", "n", "m", "n"].map(|name| (name.to_owned(), ParameterType::Text)).to_vec();
        let names: Vec<String> = unique(columns).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["n", "n_2", "n_3", "m", "n_4"]);
    }

    #[test]
    fn cells_have_the_type_of_their_column_and_fill_values_are_null() {
        for (text, kind, expected) in [
            ("1.5", ParameterType::Number, json!(1.5)),
            ("-999999999999.000", ParameterType::Number, Value::Null),
            ("7", ParameterType::Integer, json!(7)),
            ("-999", ParameterType::Integer, Value::Null),
            ("no_data", ParameterType::Text, Value::Null),
            ("Garonne", ParameterType::Text, json!("Garonne")),
            ("?", ParameterType::Number, json!("?")),
            ("****", ParameterType::Integer, Value::Null),
            ("**", ParameterType::Text, json!("**")),
        ] {
            assert_eq!(value(text, kind), expected, "{text}");
        }
    }
}
