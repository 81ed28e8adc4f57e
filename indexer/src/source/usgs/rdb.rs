//! RDB: comments with `#`, names, a line of formats such as `15s`, then rows, all separated by tabs.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use nilometer_schemas::{Instant, ParameterType};
use serde_json::Value;

use super::{COLLECTION, Foreign, QUALIFIERS, Site, collection, parameter_name, site_id};
use crate::Error;
use crate::source::input::Input;
use crate::source::intake::Intake;
use crate::source::repeats::Repeats;
use crate::source::{Key, ObservationBuilder, moment, places};

/// Longest line.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Series in one file.
const SERIES_MAX: usize = 1000;

/// What a file of this form holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RdbKind {
    /// Sites.
    Sites,
    /// Daily or instantaneous values.
    Series,
    /// Annual peaks.
    Peaks,
}

/// Tells what a text of this form holds; `None` if it is of another form, an error if nothing that is understood.
pub(crate) fn rdb_kind(head: &str) -> Option<Result<RdbKind, &'static str>> {
    if !head.starts_with('#') {
        return None;
    }
    let mut lines = head.lines().filter(|line| !line.starts_with('#'));
    let (names, formats) = (lines.next()?, lines.next()?);
    let names: Vec<&str> = names.split('\t').collect();
    if names.len() < 2 || !is_formats(formats) {
        return None;
    }
    let has = |name: &str| names.contains(&name);
    Some(match () {
        () if has("site_no") && has("dec_lat_va") => Ok(RdbKind::Sites),
        () if has("site_no") && has("peak_dt") => Ok(RdbKind::Peaks),
        () if has("site_no") && has("datetime") => Ok(RdbKind::Series),
        () if has("INDEP") => Err("is a rating curve of the USGS, which holds no observations"),
        () if has("month_nu") => Err("is a table of USGS statistics, whose values belong to no date"),
        () => Err("is RDB without sites, series or annual peaks"),
    })
}

/// Whether each field is a width and a letter.
fn is_formats(line: &str) -> bool {
    let format = |field: &str| {
        let letter = field.trim_start_matches(|c: char| c.is_ascii_digit());
        letter.len() < field.len() && matches!(letter, "s" | "n" | "d" | "S" | "N" | "D")
    };
    line.trim_end().split('\t').all(format)
}

struct Table<'a> {
    names: Vec<String>,
    columns: HashMap<String, usize>,
    content: Box<dyn BufRead + 'a>,
    line: u64,
    fields: Vec<String>,
}

impl<'a> Table<'a> {
    fn open(content: Box<dyn BufRead + 'a>) -> Result<Self, String> {
        let mut table = Self { names: Vec::new(), columns: HashMap::new(), content, line: 0, fields: Vec::new() };
        if !table.next()? {
            return Err("it has no heading".into());
        }
        table.names = std::mem::take(&mut table.fields);
        table.columns = table.names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        Ok(table)
    }

    /// Goes to the next line that is neither a comment nor blank nor one of formats.
    fn next(&mut self) -> Result<bool, String> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.content).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            if read.map_err(|e| e.to_string())? == 0 {
                return Ok(false);
            }
            self.line += 1;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.starts_with('#') || line.trim().is_empty() || is_formats(line) {
                continue;
            }
            self.fields = line.split('\t').map(places::tidy).collect();
            return Ok(true);
        }
    }

    fn get(&self, column: &str) -> &str {
        self.columns.get(column).map_or("", |at| self.field(*at))
    }

    fn field(&self, at: usize) -> &str {
        self.fields.get(at).map_or("", String::as_str)
    }

    fn feature(&self) -> Result<String, String> {
        match self.get("site_no") {
            "" => Err("the row has no site_no".into()),
            number => Ok(site_id(self.get("agency_cd"), number)),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Reads a file of this form.
pub(crate) fn read(input: &Input<'_>, kind: RdbKind, intake: &mut Intake<'_>) -> Result<(), Error> {
    let mut table = match Table::open(input.content(&intake.counter())?) {
        Ok(table) => table,
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            return Ok(());
        }
    };
    let mut rows = Rows::new(input, kind, &table)?;
    intake.ensure(COLLECTION, || collection(&rows.foreign))?;
    loop {
        match table.next() {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                intake.reject(
                    input.name(),
                    format!("after line {}", table.line),
                    format!("the rest cannot be read: {e}"),
                );
                break;
            }
        }
        let record = format!("line {}", table.line);
        let taken = match kind {
            RdbKind::Sites => match site(&table) {
                Ok(item) => {
                    intake.item_value(input.name(), &record, &item)?;
                    Ok(())
                }
                Err(reason) => Err(reason),
            },
            RdbKind::Series => rows.series(&table),
            RdbKind::Peaks => rows.peak(&table, &record, input, intake),
        };
        if let Err(reason) = taken {
            intake.reject(input.name(), record, reason);
        }
        if rows.builder.is_full() {
            intake.observations(&mut rows.builder)?;
        }
    }
    intake.observations(&mut rows.builder)
}

fn site(table: &Table<'_>) -> Result<Value, String> {
    table.feature()?;
    let text = |column: &str| Value::from(table.get(column));
    let position = number(table.get("dec_long_va")).zip(number(table.get("dec_lat_va")));
    let altitude = number(table.get("alt_va"));
    let properties = vec![
        ("agency", text("agency_cd")),
        ("site_type", text("site_tp_cd")),
        ("horizontal_datum", text("dec_coord_datum_cd")),
        ("position_accuracy_code", text("coord_acy_cd")),
        // The site file gives altitudes in feet.
        ("elevation_ft", altitude.map_or(Value::Null, Value::from)),
        ("elevation_accuracy_ft", number(table.get("alt_acy_va")).map_or(Value::Null, Value::from)),
        ("elevation_datum", text("alt_datum_cd")),
        ("hydrologic_unit", text("huc_cd")),
    ];
    let site = Site {
        agency: table.get("agency_cd").to_owned(),
        number: table.get("site_no").to_owned(),
        name: table.get("station_nm").to_owned(),
        position,
        properties,
    };
    Ok(site.item())
}

/// One column of values.
struct Series {
    column: usize,
    codes: Option<usize>,
    /// Number of the time series.
    number: String,
    statistic: String,
    parameter: usize,
}

/// `69512_00060`, `69512_00060_00003`: number, code and statistic; `None` for other names.
fn series_name(name: &str) -> Option<(&str, &str, &str)> {
    let mut parts = name.split('_');
    let (number, code, statistic) = (parts.next()?, parts.next()?, parts.next().unwrap_or("00000"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let good = digits(number) && digits(code) && code.len() == 5 && digits(statistic) && statistic.len() == 5;
    (good && parts.next().is_none()).then_some((number, code, statistic))
}

/// Names and types of what annual peaks have.
const PEAK_PARAMETERS: [(&str, ParameterType); 7] = [
    ("annual_peak_discharge", ParameterType::Number),
    ("annual_peak_discharge_codes", ParameterType::Text),
    ("annual_peak_gage_height", ParameterType::Number),
    ("annual_peak_gage_height_codes", ParameterType::Text),
    ("annual_maximum_gage_height", ParameterType::Number),
    ("time_local", ParameterType::Text),
    ("highest_since", ParameterType::Text),
];

struct Rows {
    builder: ObservationBuilder,
    series: Vec<Series>,
    foreign: Vec<Foreign>,
    qualifiers: usize,
    repeats: Repeats,
}

impl Rows {
    fn new(input: &Input<'_>, kind: RdbKind, table: &Table<'_>) -> Result<Self, Error> {
        let mut names: Vec<(String, ParameterType)> = Vec::new();
        let (mut series, mut foreign) = (Vec::new(), Vec::new());
        if kind == RdbKind::Series {
            for (column, name) in table.names.iter().enumerate() {
                let Some((number, code, statistic)) = series_name(name) else { continue };
                if series.len() == SERIES_MAX {
                    break;
                }
                let parameter = parameter_name(code, statistic);
                let at = names.iter().position(|(known, _)| *known == parameter).unwrap_or_else(|| {
                    names.push((parameter, ParameterType::Number));
                    foreign.push(Foreign {
                        code: code.to_owned(),
                        statistic: statistic.to_owned(),
                        title: format!("Parameter {code}"),
                        unit: None,
                    });
                    names.len() - 1
                });
                series.push(Series {
                    column,
                    codes: table.columns.get(&format!("{name}_cd")).copied(),
                    number: number.to_owned(),
                    statistic: statistic.to_owned(),
                    parameter: at,
                });
            }
        }
        if kind == RdbKind::Peaks {
            names.extend(PEAK_PARAMETERS.map(|(name, kind)| (name.to_owned(), kind)));
        }
        let qualifiers = names.len();
        names.push((QUALIFIERS.to_owned(), ParameterType::Text));
        let builder = ObservationBuilder::new(COLLECTION, input.file_name(), names)?;
        Ok(Self { builder, series, foreign, qualifiers, repeats: Repeats::default() })
    }

    fn series(&mut self, table: &Table<'_>) -> Result<(), String> {
        let feature = table.feature()?;
        let written = table.get("datetime");
        let zone = table.get("tz_cd");
        for series in &self.series {
            let (value, codes) = (table.field(series.column), series.codes.map_or("", |at| table.field(at)));
            // A blank stands where another series of the file has a time that this one has not.
            if value.is_empty() && codes.is_empty() {
                continue;
            }
            let time = time(written, zone, &series.statistic)?;
            let discriminator = self.repeats.told_apart(&feature, time, series.number.clone(), "");
            self.builder.row(Key { feature: &feature, time, discriminator: &discriminator, ..Key::default() });
            match number(value) {
                Some(value) => {
                    self.builder.number(series.parameter, value);
                    if !codes.is_empty() {
                        self.builder.text(self.qualifiers, codes);
                    }
                }
                // Words such as `Ice` or `Eqp` say why there is no value.
                None => self.builder.text(self.qualifiers, &places::tidy(&format!("{codes} {value}"))),
            }
        }
        Ok(())
    }

    fn peak(
        &mut self,
        table: &Table<'_>,
        record: &str,
        input: &Input<'_>,
        intake: &mut Intake<'_>,
    ) -> Result<(), String> {
        let feature = table.feature()?;
        let day = |column: &str| {
            let date = table.get(column);
            moment::day(date).ok_or_else(|| format!("{column} is {date:?}, not a day"))
        };
        let time = day("peak_dt")?;
        self.begin(&feature, time, "peak");
        for (at, column) in [(0, "peak_va"), (2, "gage_ht")] {
            let text = table.get(column);
            match number(text) {
                Some(value) => self.builder.number(at, value),
                None if text.is_empty() => {}
                None => intake.reject(input.name(), record, format!("{column} is {text:?}, not a number")),
            }
        }
        for (at, column) in [(1, "peak_cd"), (3, "gage_ht_cd"), (5, "peak_tm"), (6, "year_last_pk")] {
            if !table.get(column).is_empty() {
                self.builder.text(at, table.get(column));
            }
        }
        let height = table.get("ag_gage_ht");
        if height.is_empty() {
            return Ok(());
        }
        let time = day("ag_dt")?;
        let height = number(height).ok_or_else(|| format!("ag_gage_ht is {height:?}, not a number"))?;
        self.begin(&feature, time, "maximum gage height");
        self.builder.number(4, height);
        for (at, column) in [(3, "ag_gage_ht_cd"), (5, "ag_tm")] {
            if !table.get(column).is_empty() {
                self.builder.text(at, table.get(column));
            }
        }
        Ok(())
    }

    fn begin(&mut self, feature: &str, time: Instant, what: &str) {
        let discriminator = self.repeats.told_apart(feature, time, what.to_owned(), "");
        self.builder.row(Key { feature, time, discriminator: &discriminator, ..Key::default() });
    }
}

/// The time of a value: a date alone is a day, a time needs its zone.
fn time(written: &str, zone: &str, statistic: &str) -> Result<Instant, String> {
    let wrong = || format!("datetime is {written:?}, not a time");
    if written.len() == 10 {
        return moment::day(written).ok_or_else(wrong);
    }
    let format = moment::TimeFormat::Rfc3339;
    let full = if written.len() == 16 { format!("{written}:00") } else { written.to_owned() };
    let read = format.read(&full).ok_or_else(wrong)?;
    if statistic != "00000" && read.offset_s.is_none() && zone.is_empty() && full.ends_with("00:00:00") {
        return Ok(Instant(read.clock_us));
    }
    let offset_s = moment::zone_offset_s(zone);
    read.moment(offset_s).ok_or_else(|| format!("the time zone of {written:?} is {zone:?}, whose offset is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_series_hold_their_codes() {
        assert_eq!(series_name("69512_00060"), Some(("69512", "00060", "00000")));
        assert_eq!(series_name("69512_00060_00003"), Some(("69512", "00060", "00003")));
        for name in ["69512_00060_cd", "site_no", "1_2", "1_00060_00003_x", "datetime"] {
            assert_eq!(series_name(name), None, "{name}");
        }
    }

    #[test]
    fn times_need_a_zone_unless_they_are_days() {
        assert_eq!(time("2020-02-14", "", "00003").unwrap().to_string(), "2020-02-14T00:00:00Z");
        assert_eq!(time("2020-02-14 23:15", "EST", "00000").unwrap().to_string(), "2020-02-15T04:15:00Z");
        assert!(time("2020-02-14 23:15", "", "00000").is_err());
        assert!(time("2020-02-14 23:15", "XYZ", "00000").is_err());
        assert!(time("soon", "EST", "00000").is_err());
    }
}
