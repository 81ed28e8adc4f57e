//! Reading and writing the values of settings.

use std::str::FromStr;

pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|e| format!("{text:?}: {e}"))
}

pub(super) fn optional<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Option<T>, String> {
    if text.trim().is_empty() { Ok(None) } else { parsed(text).map(Some) }
}

pub(super) fn list<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(parsed).collect()
}

pub(super) fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

pub(super) fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

/// Checks log directives: a level, or `target=level` parts. A bare word that is no level would silently be taken as
/// a target, so that a mistyped level switched the log off.
pub(super) fn directives(text: &str) -> Result<(), String> {
    for part in text.split(',').map(str::trim) {
        let (target, level) = part.split_once('=').unwrap_or(("all", part));
        if target.is_empty() || tracing_subscriber::filter::LevelFilter::from_str(level).is_err() || level.is_empty() {
            return Err(format!("{part:?} is neither error, warn, info, debug, trace, off nor target=level"));
        }
    }
    tracing_subscriber::filter::Targets::from_str(text).map(drop).map_err(|e| format!("{text:?}: {e}"))
}

/// A number within bounds.
pub(super) fn bounded<T: FromStr<Err: std::fmt::Display> + PartialOrd + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let value: T = parsed(&text.replace('_', ""))?;
    if value < least || value > most {
        return Err(format!("{value} is outside {least}..{most}"));
    }
    Ok(value)
}
