//! The metadata XML of a granule: corners of the swath and the version of the prior database.

use std::collections::HashMap;

use geo::Coord;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements that are read; all others, the descriptions of the columns above all, are passed over.
const WANTED: [&str; 10] = [
    "left_first_longitude",
    "left_first_latitude",
    "left_last_longitude",
    "left_last_latitude",
    "right_first_longitude",
    "right_first_latitude",
    "right_last_longitude",
    "right_last_latitude",
    "xref_prior_river_db_files",
    "xref_prior_lake_db_file",
];

/// What is taken from the metadata.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    corners: Vec<[f64; 2]>,
    /// Version of the river database (`16`, `17b`) or of the lake database (`105`).
    pub(crate) prior_version: Option<String>,
}

impl Metadata {
    /// Reads the XML. Document type declarations are refused: they serve attacks, never metadata.
    pub(crate) fn parse(xml: &[u8]) -> Result<Self, String> {
        let xml = std::str::from_utf8(xml).map_err(|_| "the XML is not UTF-8")?;
        let mut reader = Reader::from_str(xml);
        let mut texts: HashMap<&'static str, String> = HashMap::new();
        let mut current: Option<&'static str> = None;
        loop {
            match reader.read_event().map_err(|e| format!("not XML: {e}"))? {
                Event::DocType(_) => return Err("the XML has a document type declaration, which is refused".into()),
                Event::Start(start) => {
                    current = WANTED.iter().find(|name| ***name == *start.local_name().as_ref()).copied();
                }
                Event::End(_) => current = None,
                Event::Text(text) => {
                    if let Some(name) = current {
                        let text = text.trim().to_owned();
                        texts.entry(name).or_insert(text);
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let number = |name: &str| texts.get(name)?.parse::<f64>().ok();
        let corner = |side: &str| Some([number(&format!("{side}_longitude"))?, number(&format!("{side}_latitude"))?]);
        let corners = ["left_first", "left_last", "right_last", "right_first"].into_iter().filter_map(corner);
        let river = texts.get("xref_prior_river_db_files").and_then(|files| database_version(files, "v2"));
        let lake = texts.get("xref_prior_lake_db_file").and_then(|file| database_version(file, "v"));
        Ok(Self {
            corners: corners.filter(|c| c[0].abs() <= 360.0 && c[1].abs() <= 90.0).collect(),
            prior_version: river.or(lake),
        })
    }

    /// Corners of the swath, degrees.
    pub(crate) fn corners(&self) -> impl Iterator<Item = Coord<f64>> + '_ {
        self.corners.iter().map(|[x, y]| Coord { x: *x, y: *y })
    }
}

/// The version at the end of the first file's name: `…_v217b.nc, …` is `17b` after the prefix `v2`, which SWORD's
/// files put before their own version.
fn database_version(files: &str, prefix: &str) -> Option<String> {
    let first = files.split(',').next()?.trim();
    let version = first.rsplit('_').next()?.split('.').next()?.strip_prefix(prefix)?;
    let known = version.starts_with(|c: char| c.is_ascii_digit()) && version.bytes().all(|b| b.is_ascii_alphanumeric());
    known.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_prior_database_is_in_its_file_name() {
        let check = |files: &str, prefix: &str, expected: Option<&str>| {
            assert_eq!(database_version(files, prefix).as_deref(), expected, "{files}");
        };
        check(
            "SWOT_RiverDatabase_Nom_058_137L_20200101T000000_21000101T000000_20250326T114000_v217b.nc, x",
            "v2",
            Some("17b"),
        );
        check(
            "SWOT_LakeDatabase_Nom_100_20000101T000000_20991231T235959_20231017T000000_v105.sqlite",
            "v",
            Some("105"),
        );
        check("unknown.nc", "v", None);
    }

    #[test]
    fn a_document_type_declaration_is_refused() {
        let xml = br#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#;
        assert!(Metadata::parse(xml).unwrap_err().contains("document type"));
    }

    #[test]
    fn corners_need_both_numbers() {
        let xml = br#"<a><left_first_longitude>1.5</left_first_longitude><left_first_latitude>2</left_first_latitude>
            <right_first_longitude>3</right_first_longitude></a>"#;
        assert_eq!(Metadata::parse(xml).unwrap().corners, [[1.5, 2.0]]);
    }
}
