//! Water levels of the Global Reservoirs and Lakes Monitor (G-REALM): one text file for each lake and satellite orbit,
//! and one beside it with the smoothed series.
//!
//! Both give heights against a reference pass and above EGM2008. What was measured and what was smoothed are different
//! parameters, in rows of their own: those of a raw file are told apart by mission and cycle (`TOPEX_2`), those of a
//! smoothed one by `smoothed` and the processing. The feature is the number of the lake in the target database.

use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::levels::{self, Levels};
use super::{collections, places};
use crate::Error;

/// What follows the values of the first two lines.
const MARKS: [&str; 2] = [": Data Processing Version ID", ": Target database id number and name"];
/// Fill values; the heading of a file tells which column has which.
const HEIGHT_FILL: &[&str] = &["999.99", "9999.99"];
const ERROR_FILL: &[&str] = &["99.999"];
const MODE_FILL: &[&str] = &["9"];
/// Columns of a raw file after mission, cycle, date, hour and minute, with their fill values.
const RAW: [(&str, &[&str]); 11] = [
    ("height_variation", HEIGHT_FILL),
    ("height_variation_u", ERROR_FILL),
    ("backscatter", HEIGHT_FILL),
    ("wet_troposphere", &[]),
    ("ionosphere", &[]),
    ("dry_troposphere", &[]),
    ("mode_1", MODE_FILL),
    ("mode_2", MODE_FILL),
    ("ice", &[]),
    ("wse", HEIGHT_FILL),
    ("data_source", &[]),
];
/// Columns of a smoothed file after date, hour and minute.
const SMOOTHED: [(&str, &[&str]); 2] = [("height_variation_smoothed", HEIGHT_FILL), ("wse_smoothed", HEIGHT_FILL)];

/// Whether a text begins like such a file.
pub(crate) fn is_series(head: &str) -> bool {
    let mut lines = head.lines();
    MARKS.iter().all(|mark| lines.next().is_some_and(|line| line.contains(mark)))
}

/// What the lines before the values say.
#[derive(Default)]
struct Header {
    /// Processing, such as `TPJOJ.2.4`.
    processing: String,
    id: String,
    name: String,
    lon: Option<f64>,
    lat: Option<f64>,
    satellite_pass: Option<u32>,
    reference_pass: String,
    /// Metres to add to a variation to get a height above each geoid.
    conversions: Map<String, Value>,
    /// Columns announced.
    columns: usize,
}

impl Header {
    fn take(&mut self, line: &str) {
        if let Some(number) = line.strip_prefix("Column ").and_then(|rest| rest.split(':').next()) {
            self.columns = self.columns.max(number.trim().parse().unwrap_or_default());
            return;
        }
        if let Some(comment) = line.strip_prefix('c') {
            self.conversion(comment);
            return;
        }
        let Some((values, about)) = line.split_once(':') else { return };
        let values: Vec<&str> = values.split_whitespace().collect();
        let number = |at: usize| values.get(at).and_then(|text| text.parse::<f64>().ok());
        if about.contains("Processing Version") {
            self.processing = values.join(" ");
        } else if about.contains("Target database id") {
            self.id = values.first().copied().unwrap_or_default().to_owned();
            self.name = values.get(1..).unwrap_or_default().join(" ");
        } else if about.contains("target mid-point") {
            // Latitude stands before longitude.
            (self.lat, self.lon) = (number(0), number(1));
        } else if about.contains("Satellite pass") {
            self.satellite_pass = values.first().and_then(|text| text.parse().ok());
        } else if let Some(satellite) = about.trim().strip_prefix("Reference pass derived from ") {
            let satellite = satellite.trim_end_matches('#').trim();
            self.reference_pass = format!("{satellite} {}", values.join(" "));
        }
    }

    /// `EGM2008   = 1135.12 m  std  = 0.31 m` under the heading of the conversion factors; the geoid heights above it
    /// have `mean` before the sign.
    fn conversion(&mut self, comment: &str) {
        let Some((geoid, rest)) = comment.split_once('=') else { return };
        let geoid = geoid.trim();
        let is_geoid = geoid.starts_with(['E']) && !geoid.contains(' ');
        let metres = rest.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
        if let (true, Some(metres)) = (is_geoid, metres) {
            self.conversions.insert(geoid.to_owned(), metres.into());
        }
    }

    /// Rank among the versions of a processing: `2.4` before `2.10`.
    fn version_order(&self) -> i32 {
        let mut numbers = self.processing.split('.').skip(1).map(|part| part.parse::<i32>().unwrap_or_default());
        let mut next = || numbers.next().unwrap_or_default().clamp(0, 9999);
        next() * 10_000 + next()
    }

    fn item(&self) -> Value {
        let name = places::tidy(&self.name.replace('_', " "));
        let mut p = Map::new();
        let words = [name.clone(), self.name.clone(), self.id.clone(), "G-REALM".into()];
        p.insert("keywords".into(), places::keywords(words));
        p.insert("name".into(), name.as_str().into());
        p.insert("g_realm_id".into(), self.id.as_str().into());
        if let Some(pass) = self.satellite_pass {
            p.insert("satellite_pass".into(), pass.into());
        }
        if !self.conversions.is_empty() {
            p.insert("height_conversion_m".into(), self.conversions.clone().into());
        }
        let position = self.lon.zip(self.lat);
        let geometry = position.map(|(lon, lat)| json!({"type": "Point", "coordinates": [lon, lat]}));
        let title = if name.is_empty() { format!("G-REALM {}", self.id) } else { format!("{name} ({})", self.id) };
        places::place(collections::G_REALM_LAKES, &self.id, &title, geometry, p)
    }
}

pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let Some(text) = levels::text(input, intake)? else { return Ok(()) };
    let mut header = Header::default();
    let mut begin = 0;
    for (at, line) in text.lines().enumerate() {
        let is_header = line.contains(':') || line.starts_with('c') || header.columns == 0;
        if !is_header {
            break;
        }
        header.take(line);
        begin = at + 1;
    }
    let raw = match header.columns {
        16 => true,
        5 => false,
        columns => {
            let reason =
                format!("the file announces {columns} columns; 16 (as measured) and 5 (smoothed) are understood");
            intake.reject(input.name(), "", reason);
            return Ok(());
        }
    };
    if header.id.is_empty() {
        intake.reject(input.name(), "", "the file names no target");
        return Ok(());
    }
    let mut levels = Levels::new(input.name(), collections::G_REALM_LAKES, &header.id, intake)?;
    // The file as measured says what the smoothed one says, and more.
    match raw {
        true => intake.item_value(input.name(), "", &header.item())?,
        false => intake.item_if_absent(input.name(), "", &header.item())?,
    }
    let product = header.processing.split('.').next().unwrap_or_default();
    for (at, line) in text.lines().enumerate().skip(begin).filter(|(_, line)| !line.trim().is_empty()) {
        let record = format!("line {}", at + 1);
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.len() != header.columns {
            let reason = format!("the line has {} columns, not {}", fields.len(), header.columns);
            intake.reject(input.name(), record, reason);
            continue;
        }
        let (lead, rest) = fields.split_at(if raw { 2 } else { 0 });
        let (date, values) = rest.split_at(3);
        // A cycle in which nothing was measured: the format fills its line with default values.
        if date[0] == "99999999" {
            continue;
        }
        let Some(moment) = levels::moment(date[0], &format!("{:0>2}:{:0>2}", date[1], date[2])) else {
            intake.reject(input.name(), record, format!("{:?} is no date and time", date.join(" ")));
            continue;
        };
        let discriminator = if raw { lead.join("_") } else { format!("smoothed_{product}") };
        levels.row(record, moment, &discriminator, &header.processing, header.version_order());
        if let [mission, cycle] = lead {
            levels.put("mission", mission, &[], intake);
            levels.put("cycle", cycle, &[], intake);
        }
        levels.put("reference_pass", &header.reference_pass, &[], intake);
        let columns: &[(&str, &[&str])] = if raw { &RAW } else { &SMOOTHED };
        for ((parameter, fills), text) in columns.iter().zip(values) {
            levels.put(parameter, text, fills, intake);
        }
    }
    levels.finish(intake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_place_reference_and_conversion() {
        let mut header = Header::default();
        for line in [
            "TPJOJ.2.4                  : Data Processing Version ID",
            "000001 Somewhere_1         : Target database id number and name",
            " -0.690  33.560            : Latitude and longitude (degrees East) of target mid-point",
            "120      60                : Satellite pass and revolution number designation",
            "          1                : Reference pass derived from Jason-2 cycle #",
            "c     EGM2008  mean  = -17.32 m  std  = 0.52 m",
            "c     EGM2008   = 1135.12 m  std  = 0.31 m",
            "Column 5: something",
        ] {
            header.take(line);
        }
        assert_eq!((header.lon, header.lat, header.columns), (Some(33.56), Some(-0.69), 5));
        assert_eq!(header.reference_pass, "Jason-2 cycle 1");
        assert_eq!(Value::from(header.conversions.clone()), json!({"EGM2008": 1135.12}));
        assert_eq!(header.version_order(), 20_004);
        assert_eq!(header.item()["properties"]["title"], "Somewhere 1 (000001)");
    }
}
