//! What the readers of water levels in text files share: texts, moments, numbers with fill values, rows.

use std::collections::HashMap;

use nilometer_schemas::{Instant, ParameterType};

use super::input::Input;
use super::intake::Intake;
use super::observations::{Key, ObservationBuilder};
use super::{collections, stac};
use crate::Error;

/// Said of heights whose source names no geoid.
pub(crate) const UNNAMED_GEOID: &str = "orthometric, geoid not named in the source";

/// The whole text of a file, or a word on why not.
pub(crate) fn text(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<Option<String>, Error> {
    match stac::whole(input.content(&intake.counter())?) {
        Ok(text) => Ok(Some(text)),
        Err(reason) => {
            intake.reject(input.name(), "", reason);
            Ok(None)
        }
    }
}

/// A moment in UTC from a date (`yyyy-mm-dd`, `yyyy/mm/dd` or `yyyymmdd`) and a time (`hh:mm`, `hh:mm:ss`, or empty
/// for midnight).
pub(crate) fn moment(date: &str, time: &str) -> Option<Instant> {
    let plain = |from: usize, to: usize| date.get(from..to);
    let day = match date.len() {
        8 => format!("{}-{}-{}", plain(0, 4)?, plain(4, 6)?, plain(6, 8)?),
        10 => date.replace('/', "-"),
        _ => return None,
    };
    let time = match time.len() {
        0 => "00:00:00".to_owned(),
        4 | 5 => format!("{time:0>5}:00"),
        _ => time.to_owned(),
    };
    Instant::parse(&format!("{day}T{time}Z"))
}

/// A number; `None` for nothing, `NA` and the fill values, which are compared as texts.
///
/// # Errors
/// A reason, for what is no number.
pub(crate) fn number(text: &str, fills: &[&str]) -> Result<Option<f64>, String> {
    let text = text.trim();
    if matches!(text, "" | "NA" | "N/A") || fills.contains(&text) {
        return Ok(None);
    }
    let number = text.parse::<f64>().ok().filter(|x| x.is_finite());
    number.map(Some).ok_or_else(|| format!("{text:?} is no number"))
}

/// Observations of one feature on their way, with the parameters that the collection declares.
pub(crate) struct Levels<'a> {
    file: &'a str,
    feature: &'a str,
    builder: ObservationBuilder,
    parameters: HashMap<String, (usize, ParameterType)>,
    seen: HashMap<(Instant, String), u32>,
    record: String,
}

impl<'a> Levels<'a> {
    /// Prepares for the rows of a feature of one of our own collections, which is passed on first.
    ///
    /// # Errors
    /// What the sink returned.
    pub(crate) fn new(
        file: &'a str,
        collection: &'static str,
        feature: &'a str,
        intake: &mut Intake<'_>,
    ) -> Result<Self, Error> {
        let body = collections::builtin(collection);
        let mut list = Vec::new();
        for parameter in body["nilometer:parameters"].as_array().into_iter().flatten() {
            let Some(name) = parameter["name"].as_str() else { continue };
            let kind = match parameter["type"].as_str() {
                Some("integer") => ParameterType::Integer,
                Some("text") => ParameterType::Text,
                _ => ParameterType::Number,
            };
            list.push((name.to_owned(), kind));
        }
        intake.ensure(collection, || body)?;
        let parameters = list.iter().enumerate().map(|(at, (name, kind))| (name.clone(), (at, *kind))).collect();
        let source = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let builder = ObservationBuilder::new(collection, source, list)?;
        Ok(Self { file, feature, builder, parameters, seen: HashMap::new(), record: String::new() })
    }

    /// Begins a row. A second one of the same moment and discriminator is told apart by its number.
    pub(crate) fn row(
        &mut self,
        record: String,
        time: Instant,
        discriminator: &str,
        version: &str,
        version_order: i32,
    ) {
        let ordinal = self.seen.entry((time, discriminator.to_owned())).or_default();
        *ordinal += 1;
        let discriminator = match (*ordinal, discriminator) {
            (1, discriminator) => discriminator.to_owned(),
            (ordinal, "") => ordinal.to_string(),
            (ordinal, discriminator) => format!("{discriminator}_{ordinal}"),
        };
        self.builder.row(Key { feature: self.feature, time, discriminator: &discriminator, version, version_order });
        self.record = record;
    }

    /// Sets a value of the row from a text; what cannot be read is reported and left out.
    ///
    /// # Panics
    /// When the collection does not declare the parameter: a mistake of the source's author.
    pub(crate) fn put(&mut self, parameter: &str, text: &str, fills: &[&str], intake: &mut Intake<'_>) {
        let (at, kind) = self.parameters[parameter];
        let text = text.trim();
        let reason = match (kind, number(text, fills)) {
            (ParameterType::Text, _) if text.is_empty() || fills.contains(&text) => return,
            (ParameterType::Text, _) => return self.builder.text(at, text),
            (_, Ok(None)) => return,
            (ParameterType::Number, Ok(Some(x))) => return self.builder.number(at, x),
            (ParameterType::Integer, Ok(Some(x))) if x.fract() == 0.0 && x.abs() < 9e15 => {
                return self.builder.integer(at, x as i64);
            }
            (ParameterType::Integer, Ok(Some(_))) => format!("{text:?} is no whole number"),
            (_, Err(reason)) => reason,
        };
        intake.reject(self.file, self.record.as_str(), format!("{parameter}: {reason}; left out"));
    }

    /// Passes the rows on; a file without any is reported.
    pub(crate) fn finish(mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        if self.builder.is_empty() {
            intake.reject(self.file, "", "the series has no rows");
        }
        intake.observations(&mut self.builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_of_all_spellings_are_moments_in_utc() {
        for (date, time, expected) in [
            ("1992/09/28", "04:56", Some("1992-09-28T04:56:00Z")),
            ("1992-09-27", "", Some("1992-09-27T00:00:00Z")),
            ("19920927", "19:36", Some("1992-09-27T19:36:00Z")),
            ("2008-01-15", "12:30:45", Some("2008-01-15T12:30:45Z")),
            ("2008-01-15", "2:30", Some("2008-01-15T02:30:00Z")),
            ("99999999", "99:99", None),
            ("1992/09", "04:56", None),
            ("1992-02-30", "", None),
            ("", "", None),
        ] {
            assert_eq!(moment(date, time), expected.and_then(Instant::parse), "{date} {time}");
        }
    }

    #[test]
    fn fill_values_are_no_numbers_and_rubbish_is_refused() {
        assert_eq!(number(" 1135.32 ", &["9999.999"]), Ok(Some(1135.32)));
        assert_eq!(number("9999.999", &["9999.999"]), Ok(None));
        assert_eq!(number("NA", &[]), Ok(None));
        assert!(number("NaN", &[]).is_err() && number("1.2.3", &[]).is_err());
    }
}
