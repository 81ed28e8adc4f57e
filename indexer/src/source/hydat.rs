//! HYDAT, the archive of the Water Survey of Canada: flows, levels, peaks and sediment, as its SQLite database.
//!
//! A daily value stands at the midnight UTC that begins its date; the archive's days are those of the station's
//! standard time, whose zone the database does not hold. Annual peaks have a zone and are moments in UTC. What shares
//! station and time is told apart by the table it comes from: `flow`, `level`, `load`, `suscon`, `peak:Q:H`, and so on.
//! Levels are metres above the datum of the station. Where that is not a local one, the parameter's name tells it, so
//! that levels against different datums are never one series.

use std::collections::BTreeMap;
use std::path::Path;

use nilometer_schemas::{Instant, ParameterType};
use serde_json::{Map, Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Row, TypeInfo, ValueRef};

use super::input::Input;
use super::intake::Intake;
use super::repeats::Repeats;
use super::{Key, ObservationBuilder, inventory, moment, places, unknown};
use crate::Error;

/// How a database begins.
pub(crate) const MARK: &[u8] = b"SQLite format 3\0";
const COLLECTION: &str = "hydat-stations";
/// Rows of a table that are fetched at once.
const PAGE_ROWS: usize = 500;
/// Datums that mean something at their station only (`ASSUMED DATUM` and its kin in `DATUM_LIST`).
const LOCAL_DATUMS: [i64; 6] = [10, 11, 12, 13, 14, 405];

/// The next rows of a table after one of them.
macro_rules! page {
    ($table:literal) => {
        concat!("SELECT rowid AS row_id, * FROM ", $table, " WHERE rowid > ? ORDER BY rowid LIMIT 500")
    };
}

/// A table with one row for each month and a column for each day.
struct Monthly {
    table: &'static str,
    page: &'static str,
    /// Column of a day's value without the number of the day, and that of its symbol.
    value: &'static str,
    symbol: Option<&'static str>,
    parameter: &'static str,
    discriminator: &'static str,
}

const MONTHLY: [Monthly; 4] = [
    Monthly {
        table: "DLY_FLOWS",
        page: page!("DLY_FLOWS"),
        value: "FLOW",
        symbol: Some("FLOW_SYMBOL"),
        parameter: "discharge",
        discriminator: "flow",
    },
    Monthly {
        table: "DLY_LEVELS",
        page: page!("DLY_LEVELS"),
        value: "LEVEL",
        symbol: Some("LEVEL_SYMBOL"),
        parameter: "water_level",
        discriminator: "level",
    },
    Monthly {
        table: "SED_DLY_LOADS",
        page: page!("SED_DLY_LOADS"),
        value: "LOAD",
        symbol: None,
        parameter: "sediment_load",
        discriminator: "load",
    },
    Monthly {
        table: "SED_DLY_SUSCON",
        page: page!("SED_DLY_SUSCON"),
        value: "SUSCON",
        symbol: Some("SUSCON_SYMBOL"),
        parameter: "suspended_sediment_concentration",
        discriminator: "suscon",
    },
];

/// An open database with the runtime that drives it.
struct Database {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Database {
    /// Opens a file to read it only; nothing is written beside it, and no other process is waited for.
    fn open(path: &Path) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(text)?;
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        let connection = runtime.block_on(options.connect()).map_err(text)?;
        Ok(Self { runtime, connection })
    }

    fn tables(&mut self) -> Result<Vec<String>, String> {
        let query = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 1000");
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection)).map_err(text)?;
        rows.iter().map(|row| row.try_get::<String, _>("name").map_err(text)).collect()
    }

    /// The rows of a table after the one with this number, at most [`PAGE_ROWS`].
    fn page(&mut self, sql: &'static str, after: i64) -> Result<Vec<SqliteRow>, String> {
        let query = sqlx::query(sql).bind(after);
        self.runtime.block_on(query.fetch_all(&mut self.connection)).map_err(text)
    }
}

fn number(row: &SqliteRow, column: &str) -> Result<Option<f64>, String> {
    let raw = row.try_get_raw(column).map_err(text)?;
    if raw.is_null() {
        return Ok(None);
    }
    match raw.type_info().name() {
        "REAL" | "INTEGER" => row.try_get_unchecked::<f64, _>(column).map(Some).map_err(text),
        other => Err(format!("{column} holds {other}, not a number")),
    }
}

fn whole(row: &SqliteRow, column: &str) -> Result<Option<i64>, String> {
    match number(row, column)? {
        None => Ok(None),
        Some(n) if n.fract() == 0.0 && n.abs() < 9e15 => Ok(Some(n as i64)),
        Some(n) => Err(format!("{column} is {n}, not a whole number")),
    }
}

fn word(row: &SqliteRow, column: &str) -> Result<Option<String>, String> {
    let raw = row.try_get_raw(column).map_err(text)?;
    if raw.is_null() {
        return Ok(None);
    }
    let value = match raw.type_info().name() {
        "TEXT" => row.try_get_unchecked::<String, _>(column).map_err(text)?,
        "INTEGER" => row.try_get_unchecked::<i64, _>(column).map_err(text)?.to_string(),
        "REAL" => row.try_get_unchecked::<f64, _>(column).map_err(text)?.to_string(),
        other => return Err(format!("{column} holds {other}, not a text")),
    };
    let value = places::tidy(&value);
    Ok((!value.is_empty()).then_some(value))
}

/// Refuses a database that is not HYDAT.
///
/// # Errors
/// `Invalid`, with the reason.
pub(crate) fn check(input: &Input<'_>) -> Result<(), Error> {
    let Some(path) = input.plain_path() else {
        return Err(unknown(input.name(), "is an SQLite database that is compressed or in memory: give a plain file"));
    };
    let tables = Database::open(path).and_then(|mut database| database.tables());
    let tables = tables.map_err(|e| unknown(input.name(), &format!("begins like SQLite and cannot be read: {e}")))?;
    let has = |table: &str| tables.iter().any(|t| t == table);
    if has("STATIONS") && MONTHLY.iter().any(|monthly| has(monthly.table)) {
        return Ok(());
    }
    Err(unknown(input.name(), "is an SQLite database without the tables of HYDAT"))
}

/// What is known of a station while its values are read.
struct Station {
    datum: Option<i64>,
}

/// The archive on its way through.
struct Archive<'a> {
    file: String,
    source: String,
    version: String,
    version_order: i32,
    stations: BTreeMap<String, Station>,
    datums: BTreeMap<i64, String>,
    /// Datums of stations that are not local ones, each of which makes a parameter.
    datum_ids: Vec<i64>,
    repeats: Repeats,
    tables: Vec<String>,
    database: &'a mut Database,
}

/// What takes a row of a table: the archive, the row, its name in reports, and where to pass it on.
type TakeRow<'t, A> = dyn FnMut(&mut A, &SqliteRow, &str, &mut Intake<'_>) -> Result<(), Fault> + 't;

/// One value with its place among the parameters of a builder.
enum Part<'a> {
    Number(&'a str, f64),
    Text(&'a str, &'a str),
}

/// Reads the archive.
pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let counter = intake.counter();
    counter.set(counter.get() + input.size_bytes()?);
    let opened = input.plain_path().ok_or("not a plain file".to_owned()).and_then(Database::open);
    let mut database = match opened {
        Ok(database) => database,
        Err(e) => {
            intake.reject(input.name(), "", e);
            return Ok(());
        }
    };
    let tables = database.tables().unwrap_or_default();
    let mut archive = Archive {
        file: input.name().to_owned(),
        source: input.file_name().to_owned(),
        version: String::new(),
        version_order: 0,
        stations: BTreeMap::new(),
        datums: BTreeMap::new(),
        datum_ids: Vec::new(),
        repeats: Repeats::default(),
        tables,
        database: &mut database,
    };
    archive.read(intake)
}

impl Archive<'_> {
    fn read(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        self.read_names(intake)?;
        // The station list that comes as text knows time zones too: where it was taken, its items stay.
        let known = intake.knows(COLLECTION);
        intake.ensure(COLLECTION, || inventory::builtin_collection(COLLECTION))?;
        self.read_stations(!known, intake)?;
        for monthly in &MONTHLY {
            self.read_monthly(monthly, intake)?;
        }
        self.read_peaks(intake)?;
        self.read_statistics(intake)?;
        self.read_samples(intake)
    }

    /// Hands each row of a table to `take`; what it cannot take is rejected with the row's number.
    fn each_row(
        &mut self,
        table: &str,
        sql: &'static str,
        intake: &mut Intake<'_>,
        take: &mut TakeRow<'_, Self>,
    ) -> Result<(), Error> {
        if !self.tables.iter().any(|t| t == table) {
            return Ok(());
        }
        let mut after = i64::MIN;
        loop {
            let rows = match self.database.page(sql, after) {
                Ok(rows) => rows,
                Err(e) => {
                    let reason = format!("the rest cannot be read: {e}");
                    intake.reject(&self.file, format!("{table} after row {after}"), reason);
                    return Ok(());
                }
            };
            for row in &rows {
                after = row.try_get_unchecked::<i64, _>("row_id").unwrap_or(i64::MAX);
                let record = format!("{table} row {after}");
                match take(self, row, &record, intake) {
                    Ok(()) => {}
                    Err(Fault::Row(reason)) => intake.reject(&self.file, record, reason),
                    Err(Fault::Stop(error)) => return Err(error),
                }
            }
            if rows.len() < PAGE_ROWS || after == i64::MAX {
                return Ok(());
            }
        }
    }

    /// The version and the names of datums.
    fn read_names(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        self.each_row("VERSION", page!("VERSION"), intake, &mut |archive, row, _, _| {
            let (version, date) = (word(row, "Version")?.unwrap_or_default(), word(row, "Date")?.unwrap_or_default());
            let day = moment::day(&date);
            archive.version_order = day.map_or(0, |day| (day.0 / 86_400_000_000) as i32);
            archive.version = places::tidy(&format!("{version} {}", date.get(..10).unwrap_or_default()));
            Ok(())
        })?;
        self.each_row("DATUM_LIST", page!("DATUM_LIST"), intake, &mut |archive, row, _, _| {
            if let (Some(id), Some(name)) = (whole(row, "DATUM_ID")?, word(row, "DATUM_EN")?) {
                archive.datums.insert(id, name);
            }
            Ok(())
        })
    }

    fn read_stations(&mut self, pass_on: bool, intake: &mut Intake<'_>) -> Result<(), Error> {
        let mut conversions: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let table = "STN_DATUM_CONVERSION";
        self.each_row(table, page!("STN_DATUM_CONVERSION"), intake, &mut |archive, row, _, _| {
            let id = word(row, "STATION_NUMBER")?.ok_or_else(|| "the row has no station".to_owned())?;
            let datum = |id: Option<i64>| id.map_or(Value::Null, |id| archive.datum_name(id).into());
            let conversion = json!({
                "from": datum(whole(row, "DATUM_ID_FROM")?),
                "to": datum(whole(row, "DATUM_ID_TO")?),
                "add_m": number(row, "CONVERSION_FACTOR")?,
            });
            conversions.entry(id).or_default().push(conversion);
            Ok(())
        })?;
        self.each_row("STATIONS", page!("STATIONS"), intake, &mut |archive, row, record, intake| {
            let id = word(row, "STATION_NUMBER")?.ok_or_else(|| "the station has no number".to_owned())?;
            let datum = whole(row, "DATUM_ID")?;
            if let Some(datum) = datum.filter(|datum| !LOCAL_DATUMS.contains(datum))
                && !archive.datum_ids.contains(&datum)
            {
                archive.datum_ids.push(datum);
            }
            if pass_on {
                let item = archive.station(&id, row, datum, conversions.remove(&id))?;
                intake.item_value(&archive.file, record, &item).map_err(Fault::Stop)?;
            }
            archive.stations.insert(id, Station { datum });
            Ok(())
        })
    }

    fn datum_name(&self, id: i64) -> String {
        self.datums.get(&id).cloned().unwrap_or_else(|| format!("datum {id}"))
    }

    /// A station in the shape that the inventory of stations has, with what this database knows beside.
    fn station(
        &self,
        id: &str,
        row: &SqliteRow,
        datum: Option<i64>,
        conversions: Option<Vec<Value>>,
    ) -> Result<Value, String> {
        let name = word(row, "STATION_NAME")?;
        let province = word(row, "PROV_TERR_STATE_LOC")?;
        let provider = "Water Survey of Canada";
        let mut p = Map::new();
        let words = [Some(id.to_owned()), province.clone(), Some("Canada".into()), Some(provider.into())];
        p.insert("keywords".into(), places::keywords(words.into_iter().flatten().chain(["river gauge".to_owned()])));
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                p.insert(key.into(), value);
            }
        };
        put("name", name.clone().map(Value::from));
        put("country", Some("Canada".into()));
        put("provider", Some(provider.into()));
        put("station_type", Some("river gauge".into()));
        put("code", Some(id.into()));
        put("province", province.map(Value::from));
        let status = word(row, "HYD_STATUS")?.map(|code| match code.as_str() {
            "A" => "active".to_owned(),
            "D" => "discontinued".to_owned(),
            other => other.to_lowercase(),
        });
        put("status", status.map(Value::from));
        put("real_time", whole(row, "REAL_TIME")?.map(|flag| (flag != 0).into()));
        put("drainage_area_km2", number(row, "DRAINAGE_AREA_GROSS")?.map(Value::from));
        put("drainage_area_effective_km2", number(row, "DRAINAGE_AREA_EFFECT")?.map(Value::from));
        put("datum", datum.map(|id| self.datum_name(id).into()));
        put("datum_conversions", conversions.map(Value::from));
        let geometry = match (number(row, "LONGITUDE")?, number(row, "LATITUDE")?) {
            (Some(lon), Some(lat)) => Some(json!({"type": "Point", "coordinates": [lon, lat]})),
            _ => None,
        };
        let title = name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"));
        Ok(places::place(COLLECTION, id, &title, geometry, p))
    }

    /// The name of a parameter at a station: levels against a datum of more than local meaning tell it.
    fn parameter(&self, base: &str, station: &str) -> String {
        let datum = self.stations.get(station).and_then(|s| s.datum);
        match datum.filter(|id| base.starts_with("water_level") && !LOCAL_DATUMS.contains(id)) {
            Some(id) => format!("{base}_datum_{id}"),
            None => base.to_owned(),
        }
    }

    /// A builder for rows of a table: these numbers, for levels once for each datum, and these texts.
    fn builder(&self, numbers: &[&str], texts: &[&str]) -> Result<Rows, Error> {
        let mut names: Vec<(String, ParameterType)> = Vec::new();
        for base in numbers {
            names.push(((*base).to_owned(), ParameterType::Number));
            if base.starts_with("water_level") {
                names.extend(self.datum_ids.iter().map(|id| (format!("{base}_datum_{id}"), ParameterType::Number)));
            }
        }
        names.extend(texts.iter().map(|name| ((*name).to_owned(), ParameterType::Text)));
        let builder = ObservationBuilder::new(COLLECTION, &self.source, names.clone())?;
        Ok(Rows { names: names.into_iter().map(|(name, _)| name).collect(), builder })
    }

    /// Writes one row; what it shares its key with is told apart by a number.
    fn row(&mut self, rows: &mut Rows, station: &str, time: Instant, discriminator: &str, parts: &[Part<'_>]) {
        let discriminator = self.repeats.told_apart(station, time, discriminator.to_owned(), &self.version);
        rows.builder.row(Key {
            feature: station,
            time,
            discriminator: &discriminator,
            version: &self.version,
            version_order: self.version_order,
        });
        for part in parts {
            match part {
                Part::Number(name, value) => rows.builder.number(rows.at(name), *value),
                Part::Text(name, value) => rows.builder.text(rows.at(name), value),
            }
        }
    }

    fn read_monthly(&mut self, monthly: &Monthly, intake: &mut Intake<'_>) -> Result<(), Error> {
        let mut rows = self.builder(&[monthly.parameter], &["symbol"])?;
        self.each_row(monthly.table, monthly.page, intake, &mut |archive, row, record, intake| {
            archive.month(monthly, row, record, &mut rows, intake)?;
            rows.pass_on_if_full(intake)
        })?;
        intake.observations(&mut rows.builder)
    }

    /// The days of a month: each day of the calendar is a row, with or without a value.
    fn month(
        &mut self,
        monthly: &Monthly,
        row: &SqliteRow,
        record: &str,
        rows: &mut Rows,
        intake: &mut Intake<'_>,
    ) -> Result<(), String> {
        let station = word(row, "STATION_NUMBER")?.ok_or("the month has no station")?;
        let (year, month) = (whole(row, "YEAR")?.unwrap_or(-1), whole(row, "MONTH")?.unwrap_or(-1));
        if Instant::from_date(year, month, 1).is_none() {
            return Err(format!("there is no month {month} in the year {year}"));
        }
        let parameter = self.parameter(monthly.parameter, &station);
        for day in 1..=31 {
            let column = format!("{}{day}", monthly.value);
            let value = number(row, &column);
            let Some(time) = Instant::from_date(year, month, day) else {
                if !matches!(value, Ok(None)) {
                    intake.reject(&self.file, record, format!("{column} has a value on a day that is not"));
                }
                continue;
            };
            let symbol = match monthly.symbol {
                Some(name) => word(row, &format!("{name}{day}"))?,
                None => None,
            };
            let mut parts = Vec::with_capacity(2);
            match value {
                Ok(Some(value)) => parts.push(Part::Number(&parameter, value)),
                Ok(None) => {}
                Err(reason) => intake.reject(&self.file, record, reason),
            }
            if let Some(symbol) = &symbol {
                parts.push(Part::Text("symbol", symbol));
            }
            self.row(rows, &station, time, monthly.discriminator, &parts);
        }
        Ok(())
    }

    /// The largest and smallest instantaneous values of each year.
    fn read_peaks(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        let bases = [
            "discharge_peak_maximum",
            "discharge_peak_minimum",
            "water_level_peak_maximum",
            "water_level_peak_minimum",
        ];
        let mut rows = self.builder(&bases, &["symbol", "time_precision"])?;
        let table = "ANNUAL_INSTANT_PEAKS";
        self.each_row(table, page!("ANNUAL_INSTANT_PEAKS"), intake, &mut |archive, row, _, intake| {
            archive.peak(row, &mut rows)?;
            rows.pass_on_if_full(intake)
        })?;
        intake.observations(&mut rows.builder)
    }

    fn peak(&mut self, row: &SqliteRow, rows: &mut Rows) -> Result<(), String> {
        let station = word(row, "STATION_NUMBER")?.ok_or("the peak has no station")?;
        let (kind, code) = (word(row, "DATA_TYPE")?.unwrap_or_default(), word(row, "PEAK_CODE")?.unwrap_or_default());
        let base = match (kind.as_str(), code.as_str()) {
            ("Q", "H") => "discharge_peak_maximum",
            ("Q", "L") => "discharge_peak_minimum",
            ("H", "H") => "water_level_peak_maximum",
            ("H", "L") => "water_level_peak_minimum",
            _ => return Err(format!("a peak of the kind {kind:?} {code:?} is not understood")),
        };
        let part = |column: &str| whole(row, column);
        let (year, month, day) = (part("YEAR")?, part("MONTH")?, part("DAY")?);
        let midnight = match (year, month, day) {
            (Some(year), Some(month), Some(day)) => Instant::from_date(year, month, day),
            _ => None,
        };
        let midnight = midnight.ok_or("the peak has no date")?;
        let zone = word(row, "TIME_ZONE")?;
        let (time, precision) = match (part("HOUR")?, &zone) {
            (Some(hour), Some(zone)) if (0..24).contains(&hour) => {
                let offset_s =
                    moment::zone_offset_s(zone).ok_or_else(|| format!("the time zone {zone:?} is not known"))?;
                let minute = part("MINUTE")?.filter(|minute| (0..60).contains(minute)).unwrap_or(0);
                (Instant(midnight.0 + (hour * 3600 + minute * 60 - offset_s) * 1_000_000), None)
            }
            _ => (midnight, Some("day")),
        };
        let parameter = self.parameter(base, &station);
        let symbol = word(row, "SYMBOL")?;
        let mut parts = Vec::new();
        parts.extend(number(row, "PEAK")?.map(|value| Part::Number(&parameter, value)));
        parts.extend(symbol.as_deref().map(|symbol| Part::Text("symbol", symbol)));
        parts.extend(precision.map(|precision| Part::Text("time_precision", precision)));
        self.row(rows, &station, time, &format!("peak:{kind}:{code}"), &parts);
        Ok(())
    }

    /// The mean of each year, and its smallest and largest daily values on the days they were.
    fn read_statistics(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        let mut names = Vec::new();
        for base in ["discharge", "water_level", "suspended_sediment_concentration", "sediment_load"] {
            names.extend(["mean", "minimum", "maximum"].map(|what| format!("{base}_annual_{what}")));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut rows = self.builder(&names, &["symbol"])?;
        self.each_row("ANNUAL_STATISTICS", page!("ANNUAL_STATISTICS"), intake, &mut |archive, row, _, intake| {
            archive.statistics(row, &mut rows)?;
            rows.pass_on_if_full(intake)
        })?;
        intake.observations(&mut rows.builder)
    }

    fn statistics(&mut self, row: &SqliteRow, rows: &mut Rows) -> Result<(), String> {
        let station = word(row, "STATION_NUMBER")?.ok_or("the year has no station")?;
        let kind = word(row, "DATA_TYPE")?.unwrap_or_default();
        let base = match kind.as_str() {
            "Q" => "discharge",
            "H" => "water_level",
            "S" => "suspended_sediment_concentration",
            "T" => "sediment_load",
            _ => return Err(format!("statistics of the kind {kind:?} are not understood")),
        };
        let year = whole(row, "YEAR")?.unwrap_or(-1);
        let begin = Instant::from_date(year, 1, 1).ok_or_else(|| format!("there is no year {year}"))?;
        let mean = number(row, "MEAN")?;
        let parameter = self.parameter(&format!("{base}_annual_mean"), &station);
        let parts: Vec<Part<'_>> = mean.iter().map(|value| Part::Number(&parameter, *value)).collect();
        self.row(rows, &station, begin, &format!("annual:{kind}:mean"), &parts);
        for (prefix, what) in [("MIN", "minimum"), ("MAX", "maximum")] {
            let Some(value) = number(row, prefix)? else { continue };
            let (month, day) = (whole(row, &format!("{prefix}_MONTH"))?, whole(row, &format!("{prefix}_DAY"))?);
            let day = month.zip(day).and_then(|(month, day)| Instant::from_date(year, month, day));
            let parameter = self.parameter(&format!("{base}_annual_{what}"), &station);
            let symbol = word(row, &format!("{prefix}_SYMBOL"))?;
            let mut parts = vec![Part::Number(&parameter, value)];
            parts.extend(symbol.as_deref().map(|symbol| Part::Text("symbol", symbol)));
            // An extreme whose day is not known stands at the begin of its year.
            self.row(rows, &station, day.unwrap_or(begin), &format!("annual:{kind}:{what}"), &parts);
        }
        Ok(())
    }

    /// Sediment samples and the sizes of their grains. Their hour is one of a clock whose zone is not told: they stand
    /// at the midnight UTC that begins their date, with that hour as text.
    fn read_samples(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        const NUMBERS: [(&str, &str); 7] = [
            ("FLOW", "sample_discharge"),
            ("TEMPERATURE", "sample_temperature"),
            ("CONCENTRATION", "sample_concentration"),
            ("DISSOLVED_SOLIDS", "sample_dissolved_solids"),
            ("SAMPLE_DEPTH", "sample_depth"),
            ("SV_DEPTH1", "sample_depth_upper"),
            ("SV_DEPTH2", "sample_depth_lower"),
        ];
        const TEXTS: [(&str, &str); 8] = [
            ("SAMPLE_REMARK_CODE", "sample_remark"),
            ("TIME_SYMBOL", "time_symbol"),
            ("FLOW_SYMBOL", "sample_discharge_symbol"),
            ("SAMPLER_TYPE", "sampler_type"),
            ("SAMPLING_VERTICAL_LOCATION", "sampling_vertical"),
            ("SAMPLING_VERTICAL_SYMBOL", "sampling_vertical_symbol"),
            ("CONCENTRATION_SYMBOL", "symbol"),
            ("STREAMBED", "streambed"),
        ];
        let texts: Vec<&str> = TEXTS.iter().map(|(_, name)| *name).chain(["time_local"]).collect();
        let mut rows = self.builder(&NUMBERS.map(|(_, name)| name), &texts)?;
        self.each_row("SED_SAMPLES", page!("SED_SAMPLES"), intake, &mut |archive, row, _, intake| {
            let (station, time, clock, kind) = sample_key(row)?;
            let mut found = Vec::new();
            for (column, name) in TEXTS {
                found.extend(word(row, column)?.map(|value| (name, value)));
            }
            let mut parts = vec![Part::Text("time_local", &clock)];
            for (column, name) in NUMBERS {
                parts.extend(number(row, column)?.map(|value| Part::Number(name, value)));
            }
            parts.extend(found.iter().map(|(name, value)| Part::Text(name, value)));
            archive.row(&mut rows, &station, time, &format!("sample:{kind}:{clock}"), &parts);
            rows.pass_on_if_full(intake)
        })?;
        intake.observations(&mut rows.builder)?;
        let mut rows = self.builder(&["particle_size", "particle_percent_finer"], &["time_local"])?;
        self.each_row("SED_SAMPLES_PSD", page!("SED_SAMPLES_PSD"), intake, &mut |archive, row, _, intake| {
            let (station, time, clock, kind) = sample_key(row)?;
            let size = number(row, "PARTICLE_SIZE")?;
            let mut parts = vec![Part::Text("time_local", &clock)];
            parts.extend(size.map(|size| Part::Number("particle_size", size)));
            parts.extend(number(row, "PERCENT")?.map(|value| Part::Number("particle_percent_finer", value)));
            let size = size.map_or_else(String::new, |size| size.to_string());
            archive.row(&mut rows, &station, time, &format!("grain:{kind}:{clock}:{size}"), &parts);
            rows.pass_on_if_full(intake)
        })?;
        intake.observations(&mut rows.builder)
    }
}

/// Station, midnight, hour on the clock of the place and kind of a sample.
fn sample_key(row: &SqliteRow) -> Result<(String, Instant, String, String), String> {
    let station = word(row, "STATION_NUMBER")?.ok_or("the sample has no station")?;
    let date = word(row, "DATE")?.unwrap_or_default();
    let time = moment::day(&date).ok_or_else(|| format!("DATE is {date:?}, not a date"))?;
    let clock = date.get(11..19).unwrap_or_default().to_owned();
    Ok((station, time, clock, word(row, "SED_DATA_TYPE")?.unwrap_or_default()))
}

/// A builder that knows its parameters by name.
struct Rows {
    names: Vec<String>,
    builder: ObservationBuilder,
}

impl Rows {
    fn at(&self, name: &str) -> usize {
        self.names.iter().position(|n| n == name).expect("the builder was made with every name that is used")
    }

    fn pass_on_if_full(&mut self, intake: &mut Intake<'_>) -> Result<(), Fault> {
        if self.builder.is_full() {
            intake.observations(&mut self.builder).map_err(Fault::Stop)?;
        }
        Ok(())
    }
}

/// Why a row was not taken.
enum Fault {
    /// It is at fault itself.
    Row(String),
    /// Nothing more can be taken.
    Stop(Error),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Row(reason)
    }
}
