//! Water levels of DAHITI: one CSV file for each target, whose number stands in the file's name only.
//!
//! A row is a day; its time is midnight UTC. Heights are orthometric, and the file does not say of which geoid.

use serde_json::Map;

use super::input::Input;
use super::intake::Intake;
use super::levels::{self, Levels};
use super::{collections, places};
use crate::Error;

/// Whether a first line is the heading of such a file.
pub(crate) fn is_series(first_line: &str) -> bool {
    columns(first_line).is_some()
}

/// Separator and the heading's columns in their order: date, water level, error.
fn columns(heading: &str) -> Option<(char, [usize; 3])> {
    let separator = if heading.contains(';') { ';' } else { ',' };
    let names: Vec<String> =
        heading.split(separator).map(|name| name.trim().to_ascii_lowercase().replace('_', " ")).collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    let found = [find(&["date", "datetime"])?, find(&["water level"])?, find(&["error"])?];
    (names.len() == 3).then_some((separator, found))
}

/// The number at the beginning of the file's name, else the name.
fn target(input: &Input<'_>) -> String {
    let name = input.plain_name();
    let stem = name.split('.').next().unwrap_or(&name);
    let number: String = stem.chars().take_while(char::is_ascii_digit).collect();
    if number.is_empty() { stem.to_owned() } else { number }
}

pub(crate) fn read(input: &Input<'_>, intake: &mut Intake<'_>) -> Result<(), Error> {
    let Some(text) = levels::text(input, intake)? else { return Ok(()) };
    let mut lines = text.lines().enumerate();
    let heading = lines.next().and_then(|(_, line)| columns(line));
    let Some((separator, [date_at, level_at, error_at])) = heading else {
        intake.reject(input.name(), "line 1", "the heading is not date, water level and error");
        return Ok(());
    };
    let target = target(input);
    let collection = collections::DAHITI_LAKES;
    let mut levels = Levels::new(input.name(), collection, &target, intake)?;
    let mut p = Map::new();
    p.insert("keywords".into(), places::keywords([target.clone(), "DAHITI".into()]));
    p.insert("dahiti_id".into(), target.as_str().into());
    let item = places::place(collection, &target, &format!("DAHITI {target}"), None, p);
    intake.item_value(input.name(), "", &item)?;
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let record = format!("line {}", at + 1);
        let fields: Vec<&str> = line.split(separator).map(str::trim).collect();
        let &[_, _, _] = fields.as_slice() else {
            intake.reject(input.name(), record, format!("the line has {} fields, not 3", fields.len()));
            continue;
        };
        let (date, time) = fields[date_at].split_once([' ', 'T']).unwrap_or((fields[date_at], ""));
        let Some(moment) = levels::moment(date, time.trim_end_matches('Z')) else {
            intake.reject(input.name(), record, format!("{:?} is no date", fields[date_at]));
            continue;
        };
        levels.row(record, moment, "", "", 0);
        levels.put("wse", fields[level_at], &[], intake);
        levels.put("wse_u", fields[error_at], &[], intake);
    }
    levels.finish(intake)
}
