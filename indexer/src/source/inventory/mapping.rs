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

use nilometer_schemas::{CollectionId, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};

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
    pub(crate) collection: String,
    #[serde(default)]
    pub(crate) delimiter: Delimiter,
    pub(crate) id: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) lon: String,
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
    #[serde(default)]
    pub(crate) metadata: toml::Table,
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
        let mapping: Self = toml::from_str(text).map_err(|e| bad(e.to_string().trim().replace('\n', " ")))?;
        CollectionId::new(mapping.collection.as_str())?;
        if mapping.id.is_empty() {
            return Err(bad("id names no column".into()));
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

    /// Whether a file with this heading is the inventory that a built-in mapping is for.
    pub(crate) fn fits(&self, heading: &str) -> bool {
        let delimiter = self.delimiter.byte().map_or(' ', char::from);
        let names: Vec<&str> = heading.split(delimiter).map(|name| name.trim().trim_matches('"')).collect();
        !self.requires.is_empty() && self.requires.iter().all(|column| names.contains(&column.as_str()))
    }

    /// All columns that the mapping names.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let properties = self.properties.iter().map(|p| &p.column);
        let joins = self.join.iter().map(|j| &j.on);
        let all = self.id.iter().chain(&self.name).chain([&self.lon, &self.lat]).chain(&self.keywords);
        all.chain(properties).chain(joins).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_mappings_describe_their_collections_in_two_languages() {
        for mapping in Mapping::builtin() {
            let value = super::super::collections::from_toml(&mapping.collection, mapping.metadata.clone());
            let collection = nilometer_schemas::Collection::from_value(value).expect("valid");
            assert_ne!(collection.title("en"), collection.title("fr"), "{}", collection.id);
            assert_ne!(collection.description("en"), collection.description("fr"), "{}", collection.id);
            for member in ["license", "providers", "keywords", "links"] {
                assert!(collection.body.contains_key(member), "{} {member}", collection.id);
            }
            assert!(!mapping.requires.is_empty());
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
