//! Water levels of Hydroweb: one file for each lake or river station, in the forms it was published in.
//!
//! - CSV of a lake, whose name stands in the file's name only (`hydroprd_L_victoria.csv`);
//! - text with `#KEY:: value` lines, then blank-separated rows: a station on a river;
//! - text with `lake=…;…` or `station=…;…` on its first line, then rows separated by `;`: a lake, or a river station of
//!   the first years.
//!
//! A feature has the name of its station among the virtual stations (`L_victoria`), in a collection of its own: the
//! list of stations has places without values, and a file of values may come without place. The heights of two files
//! may refer to two geoids, so each row names the one of its file.

use std::collections::HashMap;

use nilometer_schemas::Instant;
use serde_json::{Map, Value, json};

use super::input::Input;
use super::intake::Intake;
use super::levels::{self, Levels, UNNAMED_GEOID};
use super::{collections, places};
use crate::Error;

const PREFIX: &str = "hydroprd_";
/// Beginning of the heading of a lake's CSV, in lower case.
const CSV_HEADING: &str = "decimal year,date,time,height";
const FILL: &[&str] = &["9999.999"];
/// The first form of river files has a fill value of its own.
const OLD_RIVER_FILL: &[&str] = &["9999.999", "999.999"];
/// Columns of a `#KEY::` file after date and time. Source: its own description of the columns.
const RIVER: [&str; 14] = [
    "wse",
    "wse_u",
    "lon",
    "lat",
    "ellipsoidal_height",
    "geoid_height",
    "distance",
    "satellite",
    "orbit",
    "track",
    "cycle",
    "retracker",
    "gdr_version",
    "samples",
];
/// Columns after date and time of lakes, and of river stations in the first form.
const LAKE: [&str; 5] = ["wse", "wse_u", "area", "volume", "flag"];
const OLD_RIVER: [&str; 5] = ["wse", "wse_u", "samples", "cycle", "flag"];

/// The forms of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Csv,
    Keys,
    Lake,
    OldRiver,
}

fn form(head: &str) -> Option<Form> {
    let first = head.lines().next()?.trim();
    let has = |members: [&str; 2]| members.iter().all(|member| first.contains(member));
    if first.to_ascii_lowercase().starts_with(CSV_HEADING) {
        Some(Form::Csv)
    } else if first.starts_with('#') && ["#REFERENCE LONGITUDE::", "#GEOID MODEL::"].iter().all(|k| head.contains(k)) {
        Some(Form::Keys)
    } else if first.starts_with("lake=") && has([";lat=", ";lon="]) {
        Some(Form::Lake)
    } else if first.starts_with("station=") && has([";lat=", ";lon="]) {
        Some(Form::OldRiver)
    } else {
        None
    }
}

/// Whether a text begins like a series of Hydroweb.
pub(crate) fn is_series(head: &str) -> bool {
    form(head).is_some()
}

/// What a file says before its rows.
#[derive(Default)]
struct Header {
    members: HashMap<String, String>,
    /// Said in a comment: `surface of reference: GGMO2C; …`.
    reference: Option<String>,
}

impl Header {
    fn of(form: Form, text: &str) -> Self {
        let mut header = Self::default();
        let mut member = |key: &str, value: &str| {
            let (key, value) = (key.trim().to_ascii_lowercase(), places::tidy(value));
            if !matches!(value.as_str(), "" | "NA") {
                header.members.entry(key).or_insert(value);
            }
        };
        match form {
            Form::Csv => {}
            Form::Keys => {
                for line in text.lines().map_while(|line| line.strip_prefix('#')) {
                    if let Some((key, value)) = line.split_once("::") {
                        member(key, value);
                    }
                }
            }
            Form::Lake | Form::OldRiver => {
                for part in text.lines().next().unwrap_or_default().split(';') {
                    if let Some((key, value)) = part.split_once('=') {
                        member(key, value);
                    }
                }
                let said =
                    |line: &str| Some(places::tidy(line.split_once("surface of reference:")?.1.split(';').next()?));
                let comments = text.lines().filter(|line| line.trim_start().starts_with('#'));
                header.reference = comments.filter_map(said).find(|said| !said.is_empty());
            }
        }
        header
    }

    fn get(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.members.get(*key)).map(String::as_str)
    }

    fn datum(&self) -> &str {
        self.get(&["geoid model", "ref"]).or(self.reference.as_deref()).unwrap_or(UNNAMED_GEOID)
    }

    /// Name of the station: from the file's name as Hydroweb gives it, else from the header.
    fn station(&self, form: Form, input: &Input<'_>) -> Option<String> {
        let stem = input.file_name().split('.').next().unwrap_or_default();
        if let Some(name) = stem.strip_prefix(PREFIX).filter(|name| !name.is_empty()) {
            let name = name.strip_suffix("_exp").or_else(|| name.strip_suffix("_res")).unwrap_or(name);
            return Some(name.to_owned());
        }
        match form {
            Form::Csv => None,
            Form::Keys => self.get(&["id"]).map(str::to_owned),
            Form::Lake => self.get(&["lake"]).map(|name| format!("L_{name}")),
            Form::OldRiver => self.get(&["station"]).map(|name| format!("R_{name}")),
        }
    }

    fn position(&self) -> Option<Value> {
        let number = |keys: &[&str]| self.get(keys)?.parse::<f64>().ok();
        let (lon, lat) = (number(&["reference longitude", "lon"])?, number(&["reference latitude", "lat"])?);
        Some(json!({"type": "Point", "coordinates": [lon, lat]}))
    }

    fn item(&self, collection: &str, station: &str) -> Value {
        let mut p = Map::new();
        let members = [
            ("river", self.get(&["river"])),
            ("lake", self.get(&["lake"])),
            ("basin", self.get(&["basin"])),
            ("country", self.get(&["country"])),
            ("hydroweb_id", self.get(&["id"])),
            ("status", self.get(&["status", "type"])),
            ("missions", self.get(&["mission(s)-track(s)"])),
            ("product_version", self.get(&["product version"])),
        ];
        let water = self.get(&["lake"]).or(self.get(&["river"])).or(station.strip_prefix("L_"));
        let words = [Some(station), water, self.get(&["basin"]), self.get(&["country"]), Some("Hydroweb")];
        p.insert("keywords".into(), places::keywords(words.into_iter().flatten().map(str::to_owned)));
        p.insert("name".into(), station.into());
        for (member, value) in members {
            if let Some(value) = value {
                p.insert(member.into(), value.into());
            }
        }
        let title = match water {
            Some(water) => format!("{} ({station})", places::capitalised(&water.to_lowercase().replace('_', " "))),
            None => station.to_owned(),
        };
        places::place(collection, station, &title, self.position(), p)
    }
}

pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let Some(text) = levels::text(input, intake)? else { return Ok(()) };
    let Some(form) = form(&text) else {
        intake.reject(input.name(), "", "no series of Hydroweb");
        return Ok(());
    };
    let header = Header::of(form, &text);
    let Some(station) = header.station(form, input) else {
        intake.reject(input.name(), "", format!("neither the file nor its name ({PREFIX}L_…) names the station"));
        return Ok(());
    };
    let collection = match form {
        Form::Csv | Form::Lake => collections::HYDROWEB_LAKES,
        Form::Keys | Form::OldRiver => collections::HYDROWEB_RIVERS,
    };
    let mut levels = Levels::new(input.name(), collection, &station, intake)?;
    intake.item_value(input.name(), "", &header.item(collection, &station))?;
    for (at, line) in text.lines().enumerate() {
        let is_heading = at == 0 && form != Form::Keys;
        if is_heading || line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let record = format!("line {}", at + 1);
        match row(form, line) {
            Ok(row) => {
                levels.row(record, row.time, "", "", 0);
                levels.put("datum", header.datum(), &[], intake);
                if let Some(year) = row.decimal_year {
                    levels.put("decimal_year", year, &[], intake);
                }
                for (parameter, text, fills) in row.values {
                    levels.put(parameter, text, fills, intake);
                }
            }
            Err(reason) => intake.reject(input.name(), record, reason),
        }
    }
    levels.finish(intake)
}

struct Row<'a> {
    time: Instant,
    decimal_year: Option<&'a str>,
    /// Parameter, text, and the texts that are fill values.
    values: Vec<(&'static str, &'a str, &'static [&'static str])>,
}

fn row(form: Form, line: &str) -> Result<Row<'_>, String> {
    let mut fields: Vec<&str> = match form {
        Form::Csv => line.split(',').map(str::trim).collect(),
        // A colon stands between what the series gives and what it was made from.
        Form::Keys => line.split_whitespace().filter(|field| *field != ":").collect(),
        Form::Lake | Form::OldRiver => line.split(';').map(str::trim).collect(),
    };
    let decimal_year = (form != Form::Keys && !fields.is_empty()).then(|| fields.remove(0));
    // Some files have date and time in one column.
    if let Some((date, time)) = fields.first().and_then(|field| field.split_once(' ')) {
        fields.splice(..1, [date, time.trim()]);
    }
    if form != Form::Csv {
        // Rows end in a separator.
        while fields.len() > 2 && fields.last().is_some_and(|field| field.is_empty()) {
            fields.pop();
        }
    }
    let (&[date, time], texts) = fields.split_first_chunk().ok_or("the line has neither date nor time")?;
    let time = levels::moment(date, time).ok_or_else(|| format!("{date:?}, {time:?} is no date and time"))?;
    let (columns, fills): (&[&'static str], &'static [&'static str]) = match form {
        Form::Csv => (&LAKE[..4], FILL),
        Form::Keys => (&RIVER, FILL),
        Form::Lake => (&LAKE, FILL),
        Form::OldRiver => (&OLD_RIVER, OLD_RIVER_FILL),
    };
    if texts.is_empty() || texts.len() > columns.len() {
        return Err(format!("the line has {} values, at most {} are understood", texts.len(), columns.len()));
    }
    let values = columns.iter().zip(texts).map(|(column, text)| (*column, *text, fills)).collect();
    Ok(Row { time, decimal_year, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_told_apart_by_their_beginning() {
        for (head, expected) in [
            ("Decimal year,Date,Time,Height,Standard deviation,Area,Volume\n", Some(Form::Csv)),
            ("#BASIN:: X\n#REFERENCE LONGITUDE:: 1\n#GEOID MODEL:: EGM2008\n", Some(Form::Keys)),
            ("lake=x;country=Y;basin=Z;lat=1;lon=2;date=2020/01/01\n", Some(Form::Lake)),
            ("station=x_1;river=X;basin=X;lat=1;lon=2;ref=GGM02C\n", Some(Form::OldRiver)),
            ("# a comment\n", None),
            ("lake=x\n", None),
            ("", None),
        ] {
            assert_eq!(form(head), expected, "{head:?}");
        }
    }

    #[test]
    fn a_row_has_its_values_under_their_names() {
        let check = |form, line, count: usize| {
            let row = row(form, line).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!((row.time.to_string().as_str(), row.values.len()), ("2008-06-11T16:59:00Z", count), "{line}");
            assert_eq!((row.values[0].0, row.values[0].1), ("wse", "75.611"));
        };
        check(Form::Csv, "2008.5331,2008/06/11,16:59,75.611,1.426,9999.999,9999.999", 4);
        check(Form::Keys, "2008-06-11 16:59 75.611 0.15 : 1.5 2.5 90.1 14.5 0.3 ENVISAT ENV 0123 10 ICE-1 GDR", 13);
        check(Form::Lake, "2008.5331 ; 2008/06/11 ; 16:59 ;    75.611 ;    1.426 ;  ;  ; ", 2);
        check(Form::Lake, "2008.5331;2008/06/11 16:59;75.611;1.426;10.5;0.25;1", 5);
        check(Form::OldRiver, "2008.5331 ; 2008/06/11 ; 16:59 ;    75.611 ;    1.426 ;    0 ;  ; ", 3);
        for line in ["", "2008.5", "2008.5;2008/06/11", "2008.5;2008/06/11;25:00;1", "2008.5;2008/06/11;16:59"] {
            assert!(row(Form::Lake, line).is_err(), "{line:?}");
        }
    }
}
