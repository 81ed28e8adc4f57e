//! The rows of a granule as observations: every column of the table under its own name, observed or not, and what the
//! granule's name and metadata add to each row.

use std::collections::HashMap;

use geo::{Centroid, Geometry};
use nilometer_schemas::{Instant, ParameterType, Problem};

use super::super::input::Input;
use super::super::intake::Intake;
use super::super::observations::{Key, ObservationBuilder};
use super::dbf::{Row, Table};
use super::metadata::Metadata;
use super::{GranuleName, Kind, bad, parameters};
use crate::Error;

/// 2000-01-01T00:00:00Z, from which the products count seconds; s since 1970.
const EPOCH_S: f64 = 946_684_800.0;
/// Centroids are given to a millionth of a degree, a tenth of a metre.
const CENTROID_SCALE: f64 = 1e6;

/// A value as a table or an answer writes it.
#[derive(Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Number(f64),
    Integer(i64),
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// Reads a text as a value of a type; `None` for nothing and for a fill value.
    ///
    /// # Errors
    /// A reason, for a text that is no value of the type.
    pub(crate) fn read(text: &'a str, kind: ParameterType) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text.is_empty() || is_fill_of(text, kind) {
            return Ok(None);
        }
        let number = || text.parse::<f64>().ok().filter(|x| x.is_finite());
        let read = match kind {
            ParameterType::Text => Some(Self::Text(text)),
            ParameterType::Number => number().map(Self::Number),
            ParameterType::Integer => {
                // `3.0` is what some writers make of a whole number.
                let whole = || number().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64);
                text.parse().ok().or_else(whole).map(Self::Integer)
            }
        };
        let what = match kind {
            ParameterType::Integer => "whole number",
            _ => "number",
        };
        read.map(Some).ok_or_else(|| format!("{text:?} is no {what}"))
    }

    /// Sets the row's value.
    pub(crate) fn put(&self, builder: &mut ObservationBuilder, parameter: usize) {
        match self {
            Self::Number(x) => builder.number(parameter, *x),
            Self::Integer(x) => builder.integer(parameter, *x),
            Self::Text(x) => builder.text(parameter, x),
        }
    }
}

/// Whether a text stands for "no value" in a column of a type.
///
/// Only whole numbers know -999 and -99999999: a distance of -999 metres is a value.
fn is_fill_of(text: &str, kind: ParameterType) -> bool {
    let whole = match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    match kind {
        ParameterType::Number => whole == "-999999999999",
        ParameterType::Integer => matches!(whole, "-999999999999" | "-99999999" | "-999"),
        // Lists of ids are filled up with `no_data`.
        ParameterType::Text => {
            let parts = || text.split([',', ';']).map(str::trim);
            whole == "-999999999999" || parts().all(|part| matches!(part, "no_data" | ""))
        }
    }
}

/// The moment of an observation from its text, or from its seconds since 2000.
pub(crate) fn moment(time_str: Option<&str>, seconds: Option<f64>) -> Option<Instant> {
    let from_text = time_str.and_then(Instant::parse);
    let at = |s: f64| Instant(((s + EPOCH_S) * 1e6).round() as i64);
    // Beyond a hundred years it is no time of this satellite.
    from_text.or_else(|| seconds.filter(|s| (0.0..3.2e9).contains(s)).map(at))
}

/// What tells the rows of a feature apart: cycle and pass, then the continent of the granule where it is not the
/// feature's own (a lake at a border stands in both), then which row of the granule it is if it has several.
pub(crate) fn discriminator(feature: &str, cycle: u32, pass: u32, continent: &str, ordinal: u32) -> String {
    let mut text = format!("{cycle:03}_{pass:03}");
    if !continent.is_empty() && home(feature).is_some_and(|home| home != continent) {
        text.push('_');
        text.push_str(continent);
    }
    if ordinal > 1 {
        text.push_str(&format!("_{ordinal}"));
    }
    text
}

/// The continent that the first digit of an id names. Source: the basin codes of SWORD and of the lake database.
fn home(feature: &str) -> Option<&'static str> {
    Some(match feature.as_bytes().first()? {
        b'1' => "AF",
        b'2' => "EU",
        b'3' => "SI",
        b'4' => "AS",
        b'5' => "AU",
        b'6' => "SA",
        b'7' => "NA",
        b'8' => "AR",
        b'9' => "GR",
        _ => return None,
    })
}

/// Rows of one granule on their way.
pub(crate) struct Values<'a> {
    name: &'a GranuleName<'a>,
    builder: ObservationBuilder,
    /// Name and type of each column of the table; the builder's first parameters.
    columns: Vec<(String, ParameterType)>,
    /// What every row has, with its parameter.
    same: Vec<(usize, Same)>,
    /// Parameters of the centroid, where the kind has them.
    centroid: Option<[usize; 2]>,
    version: String,
    version_order: i32,
    seen: HashMap<String, u32>,
}

enum Same {
    Integer(i64),
    Text(String),
}

impl<'a> Values<'a> {
    /// Prepares for the rows of a table.
    ///
    /// A column has the type that is declared for it, else the one of the table's header.
    ///
    /// # Errors
    /// `Invalid` with the code `granule` for a column whose name cannot be a parameter's.
    pub(crate) fn new(
        collection: &str,
        name: &'a GranuleName<'a>,
        version: &str,
        metadata: &Metadata,
        table: &Table<'_>,
    ) -> Result<Self, Problem> {
        let known = parameters::known(name.kind, version);
        let columns: Vec<(String, ParameterType)> = table
            .columns()
            .map(|(column, kind)| (column.to_owned(), known.get(column).map_or(kind, |known| known.kind)))
            .collect();
        let mut all = columns.clone();
        let mut add = |parameter: &str, kind| {
            let is_new = columns.iter().all(|(column, _)| column != parameter);
            is_new.then(|| {
                all.push((parameter.to_owned(), kind));
                all.len() - 1
            })
        };
        let text = |text: &str| Some(Same::Text(text.to_owned()));
        let prior = if name.kind == Kind::PriorLake { "PLD_version" } else { "sword_version" };
        let tail = [
            ("cycle_id", Some(Same::Integer(name.cycle.into()))),
            ("pass_id", Some(Same::Integer(name.pass.into()))),
            ("continent_id", text(name.continent)),
            ("range_start_time", text(&name.start.to_string())),
            ("range_end_time", text(&name.end.to_string())),
            ("crid", text(name.crid)),
            ("granuleUR", text(&format!("{}.zip", name.text))),
            ("collection_shortname", text(&format!("{}_{version}", name.short_name()))),
            ("collection_version", text(version)),
            (prior, metadata.prior_version.clone().map(Same::Text)),
        ];
        let mut same = Vec::new();
        for (parameter, value) in tail {
            let kind = match value {
                Some(Same::Integer(_)) => ParameterType::Integer,
                _ => ParameterType::Text,
            };
            if let (Some(at), Some(value)) = (add(parameter, kind), value) {
                same.push((at, value));
            }
        }
        let mut centroid = None;
        if name.kind == Kind::PriorLake {
            let (lon, lat) = (add("centroid_lon", ParameterType::Number), add("centroid_lat", ParameterType::Number));
            centroid = lon.zip(lat).map(|(lon, lat)| [lon, lat]);
        }
        let builder = ObservationBuilder::new(collection, name.text, all).map_err(|problem| bad(problem.detail))?;
        Ok(Self {
            name,
            builder,
            columns,
            same,
            centroid,
            version: format!("{}_{}", name.crid, name.counter),
            version_order: super::name::version_order(name.crid, name.counter),
            seen: HashMap::new(),
        })
    }

    /// Takes a row of a feature. A value that cannot be read is reported and left out.
    pub(crate) fn take(
        &mut self,
        input: &Input<'_>,
        record: &str,
        feature: &str,
        row: &Row<'_>,
        geometry: Option<&Geometry<f64>>,
        intake: &mut Intake<'_>,
    ) -> Result<(), Error> {
        let ordinal = self.seen.entry(feature.to_owned()).or_default();
        *ordinal += 1;
        let name = self.name;
        let discriminator = discriminator(feature, name.cycle, name.pass, name.continent, *ordinal);
        let seconds = row.number("time").and_then(|time| time.as_f64());
        self.builder.row(Key {
            feature,
            time: moment(row.text("time_str").as_deref(), seconds).unwrap_or(name.start),
            discriminator: &discriminator,
            version: &self.version,
            version_order: self.version_order,
        });
        for (at, (column, kind)) in self.columns.iter().enumerate() {
            let text = row.at(at);
            match Cell::read(&text, *kind) {
                Ok(None) => {}
                Ok(Some(value)) => value.put(&mut self.builder, at),
                Err(reason) => intake.reject(input.name(), record, format!("{column}: {reason}; left out")),
            }
        }
        for (at, value) in &self.same {
            match value {
                Same::Integer(x) => self.builder.integer(*at, *x),
                Same::Text(x) => self.builder.text(*at, x),
            }
        }
        if let (Some([lon, lat]), Some(centre)) = (self.centroid, geometry.and_then(Centroid::centroid)) {
            self.builder.number(lon, (centre.x() * CENTROID_SCALE).round() / CENTROID_SCALE);
            self.builder.number(lat, (centre.y() * CENTROID_SCALE).round() / CENTROID_SCALE);
        }
        if self.builder.is_full() { intake.observations(&mut self.builder) } else { Ok(()) }
    }

    /// Passes the last rows on.
    pub(crate) fn finish(mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        intake.observations(&mut self.builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_its_type_and_fill_values_are_nothing() {
        use ParameterType::{Integer, Number, Text};
        let check =
            |text, kind, expected: Option<Cell<'_>>| assert_eq!(Cell::read(text, kind), Ok(expected), "{text:?}");
        check("-999999999999.000", Number, None);
        check("-999999999999", Integer, None);
        check("-999", Integer, None);
        check("-99999999", Integer, None);
        check("-999.000", Number, Some(Cell::Number(-999.0)));
        check(" 7 ", Integer, Some(Cell::Integer(7)));
        check("7.0", Integer, Some(Cell::Integer(7)));
        check("no_data", Text, None);
        check("no_data, no_data", Text, None);
        check("57, no_data", Text, Some(Cell::Text("57, no_data")));
        for (text, kind) in [("7.5", Integer), ("****", Number), ("NaN", Number), ("1e400", Number)] {
            assert!(Cell::read(text, kind).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_discriminator_names_the_pass_and_what_else_is_needed() {
        for (feature, continent, ordinal, expected) in [
            ("57203000041", "AU", 1, "049_058"),
            ("57203000041", "AU", 2, "049_058_2"),
            ("57203000041", "AS", 1, "049_058_AS"),
            ("57203000041", "", 1, "049_058"),
            ("x", "AS", 1, "049_058"),
        ] {
            assert_eq!(discriminator(feature, 49, 58, continent, ordinal), expected);
        }
    }

    #[test]
    fn a_moment_comes_from_the_text_or_from_the_seconds() {
        let expected = Instant::parse("2024-07-13T11:18:24Z");
        assert_eq!(moment(Some("2024-07-13T11:18:24Z"), Some(0.0)), expected);
        assert_eq!(moment(Some("no"), Some(774_184_704.0)), expected);
        assert_eq!(moment(None, Some(f64::NAN)), None);
        assert_eq!(moment(None, None), None);
    }
}
