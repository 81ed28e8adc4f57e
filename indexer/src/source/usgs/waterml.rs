//! Series in JSON: WaterML 1.1 as the services for instantaneous and daily values write it.

use std::io::{BufRead, Read};

use nilometer_schemas::{Instant, ParameterType};
use serde::Deserialize;
use serde_json::Value;

use super::{COLLECTION, Foreign, QUALIFIERS, Site, collection, known, parameter_name, site_id};
use crate::Error;
use crate::source::input::Input;
use crate::source::intake::Intake;
use crate::source::moment::TimeFormat;
use crate::source::repeats::Repeats;
use crate::source::{DOCUMENT_BYTES_MAX, Key, ObservationBuilder, places};

#[derive(Deserialize)]
struct Answer {
    value: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    time_series: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    source_info: SourceInfo,
    variable: Variable,
    #[serde(default)]
    values: Vec<Values>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceInfo {
    #[serde(default)]
    site_name: String,
    site_code: Vec<SiteCode>,
    geo_location: Option<GeoLocation>,
    #[serde(default)]
    site_property: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SiteCode {
    value: String,
    #[serde(default)]
    agency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeoLocation {
    geog_location: Option<GeogLocation>,
}

#[derive(Deserialize)]
struct GeogLocation {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable {
    variable_code: Vec<Code>,
    #[serde(default)]
    variable_name: String,
    unit: Option<Unit>,
    options: Option<Options>,
    no_data_value: Option<f64>,
}

#[derive(Deserialize)]
struct Code {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unit {
    #[serde(default)]
    unit_code: String,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    option: Vec<Choice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Choice {
    #[serde(default)]
    value: String,
    option_code: Option<String>,
}

#[derive(Deserialize)]
struct Values {
    #[serde(default)]
    method: Vec<Method>,
    #[serde(default)]
    value: Vec<Measured>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Method {
    #[serde(rename = "methodID")]
    method_id: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    #[serde(default)]
    value: Value,
    #[serde(default)]
    date_time: String,
    #[serde(default)]
    qualifiers: Value,
}

/// Whether a JSON object is an answer of these services, by what it begins with.
pub(crate) fn is_series(input: &Input<'_>) -> Result<bool, Error> {
    let head = input.head(64 << 10)?;
    let head: String = String::from_utf8_lossy(&head).split_whitespace().collect();
    Ok(head.starts_with("{\"value\":{\"timeSeries\":[")
        || (head.contains("timeSeriesResponseType") && head.contains("\"value\":{")))
}

fn whole(content: &mut dyn BufRead) -> Result<Answer, String> {
    let mut bytes = Vec::new();
    content.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(format!("it is larger than {DOCUMENT_BYTES_MAX} bytes"));
    }
    serde_json::from_slice(&bytes).map_err(|e| e.to_string())
}

impl Series {
    fn site(&self) -> Option<&SiteCode> {
        self.source_info.site_code.first().filter(|code| !code.value.is_empty())
    }

    fn code(&self) -> Option<&str> {
        self.variable.variable_code.first().map(|code| code.value.as_str()).filter(|code| !code.is_empty())
    }

    /// The code of the statistic; a word for it stands in some answers alone.
    fn statistic(&self) -> &str {
        let choice = self.variable.options.as_ref().and_then(|options| options.option.first());
        match choice {
            Some(Choice { option_code: Some(code), .. }) => code,
            Some(choice) => match choice.value.to_ascii_lowercase().as_str() {
                "maximum" => "00001",
                "minimum" => "00002",
                "mean" => "00003",
                _ => "00000",
            },
            None => "00000",
        }
    }

    fn unit(&self) -> Option<&str> {
        self.variable.unit.as_ref().map(|unit| unit.unit_code.as_str()).filter(|unit| !unit.is_empty())
    }

    /// Why the series cannot be taken; otherwise the name of its parameter.
    fn parameter(&self) -> Result<String, String> {
        self.site().ok_or("the series has no site")?;
        let code = self.code().ok_or("the series has no variable code")?;
        // Another unit under a code of ours would mix what must stay apart.
        if let (Some(quantity), Some(unit)) = (known(code), self.unit())
            && unit != quantity.written
        {
            return Err(format!("{code} is given in {unit:?}, not in {:?} as its code says", quantity.written));
        }
        Ok(parameter_name(code, self.statistic()))
    }

    fn item(&self) -> Option<Value> {
        let code = self.site()?;
        let info = &self.source_info;
        let place = info.geo_location.as_ref().and_then(|geo| geo.geog_location.as_ref());
        let property = |name: &str| {
            let found = info.site_property.iter().find(|property| property.name == name);
            found.map_or(Value::Null, |property| property.value.as_str().into())
        };
        let site = Site {
            agency: code.agency_code.clone(),
            number: code.value.clone(),
            name: places::tidy(&info.site_name),
            position: place.and_then(|place| place.longitude.zip(place.latitude)),
            properties: vec![("site_type", property("siteTypeCd")), ("hydrologic_unit", property("hucCd"))],
        };
        Some(site.item())
    }
}

/// Reads an answer. A site's item is passed on only where the collection was not there before: the site service
/// knows more of it.
pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let answer = match whole(&mut *input.content(&intake.counter())?) {
        Ok(answer) => answer,
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            return Ok(());
        }
    };
    let with_sites = !intake.knows(COLLECTION);
    let (mut names, mut foreign, mut parameters) = (Vec::<(String, ParameterType)>::new(), Vec::new(), Vec::new());
    for (at, series) in answer.value.time_series.iter().enumerate() {
        match series.parameter() {
            Ok(name) => {
                let position = names.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                    names.push((name, ParameterType::Number));
                    foreign.push(Foreign {
                        code: series.code().unwrap_or_default().to_owned(),
                        statistic: series.statistic().to_owned(),
                        title: places::tidy(&series.variable.variable_name),
                        unit: series.unit().map(str::to_owned),
                    });
                    names.len() - 1
                });
                parameters.push(Some(position));
            }
            Err(reason) => {
                intake.reject(input.name(), format!("series {}", at + 1), reason);
                parameters.push(None);
            }
        }
    }
    intake.ensure(COLLECTION, || collection(&foreign))?;
    let qualifiers = names.len();
    names.push((QUALIFIERS.to_owned(), ParameterType::Text));
    let mut rows = Rows {
        builder: ObservationBuilder::new(COLLECTION, input.file_name(), names)?,
        qualifiers,
        repeats: Repeats::default(),
    };
    let mut sites: Vec<&str> = Vec::new();
    for (at, series) in answer.value.time_series.iter().enumerate() {
        let (Some(parameter), Some(site)) = (parameters[at], series.site()) else { continue };
        let record = format!("series {}", at + 1);
        if with_sites && !sites.contains(&site.value.as_str()) {
            sites.push(&site.value);
            if let Some(item) = series.item() {
                intake.item_value(input.name(), &record, &item)?;
            }
        }
        rows.take(series, site, parameter, &record, input, intake)?;
    }
    intake.observations(&mut rows.builder)
}

struct Rows {
    builder: ObservationBuilder,
    qualifiers: usize,
    repeats: Repeats,
}

impl Rows {
    fn take(
        &mut self,
        series: &Series,
        site: &SiteCode,
        parameter: usize,
        record: &str,
        input: &Input<'_>,
        intake: &mut Intake<'_>,
    ) -> Result<(), Error> {
        let feature = site_id(&site.agency_code, &site.value);
        for values in &series.values {
            let method = values.method.first().and_then(|method| method.method_id.as_ref());
            let method = method.map_or_else(String::new, plain);
            for (at, measured) in values.value.iter().enumerate() {
                let time = match time(&measured.date_time, series.statistic()) {
                    Ok(time) => time,
                    Err(reason) => {
                        intake.reject(input.name(), format!("{record}, value {}", at + 1), reason);
                        continue;
                    }
                };
                let discriminator = self.repeats.told_apart(&feature, time, method.clone(), "");
                self.builder.row(Key { feature: &feature, time, discriminator: &discriminator, ..Key::default() });
                let text = plain(&measured.value);
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                let mut remarks = remarks(&measured.qualifiers);
                match number {
                    Some(number) if series.variable.no_data_value == Some(number) => {}
                    Some(number) => self.builder.number(parameter, number),
                    // Words such as `Ice` say why there is no value.
                    None => remarks.extend((!text.is_empty()).then_some(text)),
                }
                if !remarks.is_empty() {
                    self.builder.text(self.qualifiers, &remarks.join(" "));
                }
                if self.builder.is_full() {
                    intake.observations(&mut self.builder)?;
                }
            }
        }
        Ok(())
    }
}

/// A text without its quotes, or a number as it stands.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => places::tidy(text),
        other => other.to_string(),
    }
}

fn remarks(qualifiers: &Value) -> Vec<String> {
    match qualifiers {
        Value::Array(all) => all.iter().map(plain).filter(|text| !text.is_empty()).collect(),
        one => Some(plain(one)).filter(|text| !text.is_empty()).into_iter().collect(),
    }
}

/// The time of a value: a daily one without an offset stands for its date.
fn time(text: &str, statistic: &str) -> Result<Instant, String> {
    let written = TimeFormat::Rfc3339.read(text).ok_or_else(|| format!("dateTime is {text:?}, not a time"))?;
    let daily = statistic != "00000" && written.clock_us.rem_euclid(86_400_000_000) == 0;
    let offset_s = daily.then_some(0);
    written.moment(offset_s).ok_or_else(|| format!("dateTime is {text:?}, without an offset from UTC"))
}
