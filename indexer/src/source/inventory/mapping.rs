//! Mappings: how the columns of an inventory become an item's id, position and properties.
//!
//! ```toml
//! collection = "my-stations"         # id of the collection
//! delimiter = ";"                    # "," (default), ";", "tab", "|" or "blank"
//! id = ["code"]                      # columns of the id, joined by _
//! name = "label"                     # column of the name (optional)
//! lon = "x"                          # longitude and latitude, degrees
//! lat = "y"
//! crs = "CRS84"                      # CRS84 (default), WGS84, or NAD83, which is taken as it is (it differs by about a metre)
//! missing = ["NA", "-9999"]          # texts that stand for no value; the empty text always does
//! keywords = ["river", "town"]       # columns whose values are search words
//! requires = ["code", "x", "y"]      # columns by which a file is recognised (built-in mappings only)
//!
//! [constants]                        # properties that all rows share; their texts are search words
//! country = "France"
//!
//! [[properties]]
//! column = "alt"
//! name = "elevation_m"               # default: the column's name
//! type = "number"                    # text (default), lower, number, integer, boolean, list
//!
//! [[join]]                           # columns of another file in the same folder
//! file = "names.csv"
//! on = "code"
//!
//! [metadata]                         # members of the STAC Collection
//! title = "My stations"
//! ```
//!
//! A table of values, delimited text or Parquet, is read by `[observations]`. A mapping may have it beside the columns
//! of the stations, for files that hold either or both, or instead of them:
//!
//! ```toml
//! collection = "my-stations"
//! delimiter = ";"                    # of delimited text, as above
//!
//! [observations]
//! collection = "my-stations"         # if the mapping has no other members before
//! feature = ["code"]                 # columns of the station's id, joined by _
//! time = "date"                      # column of the time
//! time_format = "%d/%m/%Y %H:%M"     # rfc3339 (default; a blank may stand for the T), epoch_s, epoch_ms, or
//!                                    # %Y %m %d %H %M %S %f (fraction) %z (offset); a Parquet date or timestamp needs none
//! timezone = "+01:00"                # or "UTC"; of times and dates that are written without an offset
//! discriminator = ["sample"]         # columns that tell apart what shares station and time, joined by / (optional)
//! ordinal = true                     # rows that share all that get #2, #3, … instead of being rejected (optional)
//! version = "2"                      # version of the product, or version_column = "v" (optional)
//! version_order = 2                  # of two versions the larger is shown (optional)
//! missing = ["NA", "-999"]           # texts that stand for no value; those of the stations where this is left out
//! requires = ["code", "date"]        # columns by which a file is recognised (built-in mappings only)
//!
//! [[observations.parameters]]
//! column = "h_ft"
//! name = "water_level"               # default: the column's name
//! type = "number"                    # number (default), integer or text
//! unit = "m"                         # UCUM
//! source_unit = "[ft_i]"             # unit in the file, where it is another: value = number in the file * scale + offset
//! scale = 0.3048
//! offset = 0.0
//! datum = "NGF-IGN69"                # and standard_name, title, title_fr, description, method, period, quality,
//!                                    # uncertainty, categories, latest: as a collection declares them
//! ```
//!
//! In the long form each row holds one value: `parameter_column` says of what, as the text that stands as `column` of
//! a parameter, and `value_column` holds it. Values of one station, time and discriminator become one observation;
//! with `ordinal` each row stays one of its own.
//!
//! A date stands for the midnight that begins it in `timezone`. A number is converted only where `source_unit` says
//! from what; heights against different datums, or in different units, are different parameters.

use nilometer_schemas::observation::{PARAMETERS_MEMBER, check_name};
use nilometer_schemas::{CollectionId, Parameter, ParameterType, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::source::collections;
use crate::source::moment::{TimeFormat, parse_offset_s};

/// Bytes of a mapping file.
pub(crate) const MAPPING_BYTES_MAX: u64 = 1 << 20;

const BUILTIN: [&str; 7] = [
    include_str!("hydat.toml"),
    include_str!("camels_fr.toml"),
    include_str!("camels_us.toml"),
    include_str!("laketemps.toml"),
    include_str!("naiades.toml"),
    include_str!("ades.toml"),
    include_str!("onde.toml"),
];

/// How a station inventory is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    #[serde(default)]
    pub(crate) collection: String,
    #[serde(default)]
    pub(crate) delimiter: Delimiter,
    #[serde(default)]
    pub(crate) id: Vec<String>,
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) lon: String,
    #[serde(default)]
    pub(crate) lat: String,
    #[serde(default)]
    crs: Crs,
    #[serde(default)]
    pub(crate) missing: Vec<String>,
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    pub(crate) constants: Map<String, Value>,
    #[serde(default)]
    pub(crate) properties: Vec<Property>,
    #[serde(default)]
    pub(crate) join: Vec<Join>,
    pub(crate) observations: Option<ObservationMapping>,
    #[serde(default)]
    pub(crate) metadata: toml::Table,
}

/// How a table of values is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObservationMapping {
    collection: Option<String>,
    pub(crate) feature: Vec<String>,
    pub(crate) time: String,
    #[serde(default)]
    pub(crate) time_format: TimeFormat,
    timezone: Option<String>,
    #[serde(default)]
    pub(crate) discriminator: Vec<String>,
    #[serde(default)]
    pub(crate) ordinal: bool,
    #[serde(default)]
    pub(crate) version: String,
    pub(crate) version_column: Option<String>,
    #[serde(default)]
    pub(crate) version_order: i32,
    #[serde(default)]
    pub(crate) missing: Vec<String>,
    #[serde(default)]
    requires: Vec<String>,
    pub(crate) parameter_column: Option<String>,
    pub(crate) value_column: Option<String>,
    pub(crate) parameters: Vec<ParameterMapping>,
}

impl ObservationMapping {
    /// What the mapping declares of its parameters.
    ///
    /// # Errors
    /// `Invalid` for a declaration that a collection could not have either.
    pub(crate) fn declared(&self) -> Result<Vec<Parameter>, Problem> {
        let read = |p: &ParameterMapping| serde_json::from_value(p.declaration());
        let declared = self.parameters.iter().map(read).collect::<Result<Vec<_>, _>>();
        declared.map_err(|e| Problem::invalid("mapping", e.to_string()))
    }

    /// Seconds to add to UTC for times that are written without an offset.
    pub(crate) fn offset_s(&self) -> Option<i64> {
        self.timezone.as_deref().and_then(parse_offset_s)
    }

    /// All columns that the mapping names.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let wide = self.parameter_column.is_none();
        let parameters = self.parameters.iter().filter(move |_| wide).map(|p| &p.column);
        let optional = [&self.version_column, &self.parameter_column, &self.value_column].into_iter().flatten();
        let all = self.feature.iter().chain([&self.time]).chain(&self.discriminator).chain(optional);
        all.chain(parameters).map(String::as_str)
    }

    fn check(&self) -> Result<(), String> {
        if self.feature.is_empty() {
            return Err("feature names no column".into());
        }
        if self.parameter_column.is_some() != self.value_column.is_some() {
            return Err("parameter_column and value_column go together".into());
        }
        if !self.version.is_empty() && self.version_column.is_some() {
            return Err("version and version_column exclude each other".into());
        }
        if let Some(zone) = &self.timezone
            && self.offset_s().is_none()
        {
            return Err(format!("timezone {zone:?} is neither UTC nor an offset such as +01:00"));
        }
        if self.time_format.lacks_offset() && self.timezone.is_none() {
            return Err("times of this format have no offset: say which timezone they are in".into());
        }
        if self.parameters.is_empty() {
            return Err("there is no parameter".into());
        }
        for (at, parameter) in self.parameters.iter().enumerate() {
            parameter.check()?;
            if self.parameters[..at].iter().any(|other| other.name() == parameter.name()) {
                return Err(format!("the parameter {:?} is there twice", parameter.name()));
            }
        }
        Ok(())
    }
}

/// One column of values, or one text of the parameter column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParameterMapping {
    pub(crate) column: String,
    name: Option<String>,
    #[serde(default = "number", rename = "type")]
    pub(crate) kind: ParameterType,
    unit: Option<String>,
    source_unit: Option<String>,
    scale: Option<f64>,
    offset: Option<f64>,
    datum: Option<String>,
    standard_name: Option<String>,
    title: Option<String>,
    title_fr: Option<String>,
    description: Option<String>,
    method: Option<String>,
    period: Option<String>,
    quality: Option<String>,
    uncertainty: Option<String>,
    categories: Option<Map<String, Value>>,
    latest: Option<bool>,
}

fn number() -> ParameterType {
    ParameterType::Number
}

impl ParameterMapping {
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.column)
    }

    /// A number of the file in the parameter's unit.
    pub(crate) fn converted(&self, number: f64) -> f64 {
        if self.scale.is_none() && self.offset.is_none() {
            return number;
        }
        number * self.scale.unwrap_or(1.0) + self.offset.unwrap_or(0.0)
    }

    fn check(&self) -> Result<(), String> {
        let name = self.name();
        check_name(name)?;
        let converts = self.scale.is_some() || self.offset.is_some();
        match (&self.source_unit, &self.unit) {
            (None, _) if converts => return Err(format!("{name} has a scale or offset without source_unit")),
            (Some(_), None) => return Err(format!("{name} has a source_unit without unit")),
            (Some(from), Some(to)) if from != to && !converts => {
                return Err(format!("{name} is given in {from} and declared in {to}, without scale or offset"));
            }
            _ => {}
        }
        if converts && self.kind != ParameterType::Number {
            return Err(format!("{name} has a scale or offset and is no number"));
        }
        let finite = |factor: Option<f64>| factor.is_none_or(f64::is_finite);
        if !finite(self.scale) || !finite(self.offset) || self.scale == Some(0.0) {
            return Err(format!("{name} has a scale or offset that loses its values"));
        }
        Ok(())
    }

    /// What the collection declares of it.
    fn declaration(&self) -> Value {
        let texts = [
            ("title", &self.title),
            ("title_fr", &self.title_fr),
            ("description", &self.description),
            ("standard_name", &self.standard_name),
            ("unit", &self.unit),
            ("datum", &self.datum),
            ("method", &self.method),
            ("period", &self.period),
            ("quality", &self.quality),
            ("uncertainty", &self.uncertainty),
        ];
        let mut declared = Map::new();
        declared.insert("name".into(), self.name().into());
        declared.insert("type".into(), serde_json::to_value(self.kind).unwrap_or(Value::Null));
        for (member, text) in texts {
            if let Some(text) = text {
                declared.insert(member.into(), text.as_str().into());
            }
        }
        if let Some(categories) = &self.categories {
            declared.insert("categories".into(), categories.clone().into());
        }
        if let Some(latest) = self.latest {
            declared.insert("latest".into(), latest.into());
        }
        declared.into()
    }
}

/// What a file with certain columns holds for a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forms {
    /// Stations.
    pub(crate) stations: bool,
    /// Values.
    pub(crate) values: bool,
}

/// What stands between the columns.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) enum Delimiter {
    #[default]
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ";")]
    Semicolon,
    #[serde(rename = "tab")]
    Tab,
    #[serde(rename = "|")]
    Bar,
    #[serde(rename = "blank")]
    Blank,
}

impl Delimiter {
    /// The byte, or `None` for runs of blanks.
    pub(crate) fn byte(self) -> Option<u8> {
        match self {
            Self::Comma => Some(b','),
            Self::Semicolon => Some(b';'),
            Self::Tab => Some(b'\t'),
            Self::Bar => Some(b'|'),
            Self::Blank => None,
        }
    }
}

/// Reference systems whose numbers are taken as longitude and latitude as they stand.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Crs {
    #[default]
    #[serde(rename = "CRS84")]
    Crs84,
    #[serde(rename = "WGS84")]
    Wgs84,
    #[serde(rename = "NAD83")]
    Nad83,
}

/// One column that becomes a property.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, from = "RawProperty")]
pub(crate) struct Property {
    pub(crate) column: String,
    pub(crate) name: String,
    pub(crate) kind: PropertyType,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProperty {
    column: String,
    name: Option<String>,
    #[serde(default)]
    r#type: PropertyType,
}

impl From<RawProperty> for Property {
    fn from(raw: RawProperty) -> Self {
        Self { name: raw.name.unwrap_or_else(|| raw.column.clone()), column: raw.column, kind: raw.r#type }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PropertyType {
    #[default]
    Text,
    /// Text in lower case, for codes that a source spells in several ways.
    Lower,
    Number,
    Integer,
    Boolean,
    /// Texts separated by `,` or `;`.
    List,
}

/// Another file of the same folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Join {
    pub(crate) file: String,
    pub(crate) on: String,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// `Invalid` with the line at fault.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::invalid("mapping", format!("the mapping cannot be read: {detail}"));
        let mut mapping: Self = toml::from_str(text).map_err(|e| bad(e.to_string().trim().replace('\n', " ")))?;
        if let Some(observations) = &mut mapping.observations {
            if observations.missing.is_empty() {
                observations.missing.clone_from(&mapping.missing);
            }
            observations.check().map_err(bad)?;
            match &observations.collection {
                Some(collection) if mapping.collection.is_empty() => mapping.collection.clone_from(collection),
                Some(collection) if *collection != mapping.collection => {
                    return Err(bad("the values are of another collection than their stations".into()));
                }
                _ => {}
            }
        }
        if mapping.collection.is_empty() {
            return Err(bad("collection is missing".into()));
        }
        CollectionId::new(mapping.collection.as_str())?;
        if mapping.id.is_empty() && (mapping.observations.is_none() || mapping.has_station_columns()) {
            return Err(bad("id names no column".into()));
        }
        if !mapping.id.is_empty() && (mapping.lon.is_empty() || mapping.lat.is_empty()) {
            return Err(bad("lon and lat name no columns".into()));
        }
        if let Some(join) = mapping.join.iter().find(|j| j.file.contains(['/', '\\'])) {
            return Err(bad(format!("the joined file {:?} is not in the same folder", join.file)));
        }
        // The systems accepted so far need no conversion; matching them all makes a new one a decision.
        match mapping.crs {
            Crs::Crs84 | Crs::Wgs84 | Crs::Nad83 => Ok(mapping),
        }
    }

    /// The mappings of inventories that the program knows.
    pub(crate) fn builtin() -> Vec<Self> {
        BUILTIN.iter().map(|text| Self::parse(text).expect("the mappings are part of the program and tested")).collect()
    }

    /// Whether anything but the id is said of stations.
    fn has_station_columns(&self) -> bool {
        let positioned = !self.lon.is_empty() || !self.lat.is_empty();
        let described = !self.keywords.is_empty() || !self.properties.is_empty() || !self.constants.is_empty();
        positioned || described || self.name.is_some()
    }

    /// The names in a heading of delimited text.
    pub(crate) fn heading_names<'h>(&self, heading: &'h str) -> Vec<&'h str> {
        let delimiter = self.delimiter.byte().map_or(' ', char::from);
        heading.split(delimiter).map(|name| name.trim().trim_matches('"')).collect()
    }

    /// What a built-in mapping finds in a file with these columns.
    pub(crate) fn fits(&self, names: &[&str]) -> Forms {
        let all = |required: &[String]| {
            !required.is_empty() && required.iter().all(|column| names.contains(&column.as_str()))
        };
        let values = self.observations.as_ref().is_some_and(|o| all(&o.requires));
        Forms { stations: all(&self.requires), values }
    }

    /// What the mapping finds in a file where `known` says which columns there are.
    ///
    /// # Errors
    /// The column that is missing for either.
    pub(crate) fn forms(&self, known: &dyn Fn(&str) -> bool) -> Result<Forms, String> {
        let absent_of_stations = self.columns().find(|column| !known(column));
        let Some(observations) = &self.observations else {
            return match absent_of_stations {
                Some(absent) => Err(absent.to_owned()),
                None => Ok(Forms { stations: true, values: false }),
            };
        };
        let forms = Forms {
            stations: !self.id.is_empty() && absent_of_stations.is_none(),
            values: observations.columns().all(known),
        };
        if forms.stations || forms.values {
            return Ok(forms);
        }
        let absent = observations.columns().find(|column| !known(column)).or(absent_of_stations);
        Err(absent.unwrap_or_default().to_owned())
    }

    /// The collection with its parameters.
    pub(crate) fn describe(&self) -> Value {
        let mut body = collections::from_toml(&self.collection, self.metadata.clone());
        if let (Some(observations), Some(members)) = (&self.observations, body.as_object_mut()) {
            let declared: Vec<Value> = observations.parameters.iter().map(ParameterMapping::declaration).collect();
            members.entry(PARAMETERS_MEMBER).or_insert(declared.into());
        }
        body
    }

    /// The built-in collection of an id, for sources that bring values of the stations of an inventory.
    pub(crate) fn builtin_collection(id: &str) -> Value {
        let found = Self::builtin().into_iter().find(|mapping| mapping.collection == id);
        found.map_or_else(|| collections::builtin(id), |mapping| mapping.describe())
    }

    /// All columns that the mapping names of stations.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let properties = self.properties.iter().map(|p| &p.column);
        let joins = self.join.iter().map(|j| &j.on);
        let all = self.id.iter().chain(&self.name).chain([&self.lon, &self.lat]).chain(&self.keywords);
        all.chain(properties).chain(joins).map(String::as_str).filter(|column| !column.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_mappings_describe_their_collections_in_two_languages() {
        for mapping in Mapping::builtin() {
            let value = mapping.describe();
            let collection = nilometer_schemas::Collection::from_value(value).expect("valid");
            assert_ne!(collection.title("en"), collection.title("fr"), "{}", collection.id);
            assert_ne!(collection.description("en"), collection.description("fr"), "{}", collection.id);
            for member in ["license", "providers", "keywords", "links"] {
                assert!(collection.body.contains_key(member), "{} {member}", collection.id);
            }
            assert!(!mapping.requires.is_empty());
            let model = nilometer_schemas::ObservationModel::of(&collection.body).expect("parameters");
            for parameter in model.parameters {
                assert!(parameter.title.is_some() && parameter.title_fr.is_some(), "{}", parameter.name);
                assert_ne!(parameter.title, parameter.title_fr, "{}", parameter.name);
            }
        }
    }

    #[test]
    fn a_mapping_with_a_mistake_is_refused_with_a_reason() {
        let good = "collection = 'a'\nid = ['i']\nlon = 'x'\nlat = 'y'\n";
        assert!(Mapping::parse(good).is_ok());
        for (text, reason) in [
            (format!("{good}colour = 'red'"), "colour"),
            (format!("{good}crs = 'EPSG:2154'"), "EPSG:2154"),
            (format!("{good}delimiter = 'x'"), "unknown variant"),
            (good.replace("['i']", "[]"), "names no column"),
            (good.replace("collection = 'a'", ""), "collection"),
            (format!("{good}[[join]]\nfile = '../a'\non = 'i'"), "same folder"),
        ] {
            let problem = Mapping::parse(&text).expect_err(&text);
            assert!(problem.detail.contains(reason), "{problem}");
        }
    }
}
