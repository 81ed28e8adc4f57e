//! The search form, and the clean address that its answer is sent to.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_schemas::{Instant, Problem};

use super::icons::{Icon, icon};
use super::layout::Frame;
use super::places;
use crate::links::with_query;
use crate::routes::ask::Ask;

/// Names of the two date inputs, which become one `datetime`.
const DATES: [&str; 2] = ["from", "to"];
/// Name of the input for a place, which becomes a reference to a stored one.
const PLACE: &str = "place";
/// The form's name, for inputs that stand elsewhere on the page.
pub(super) const FORM: &str = "question";
/// Parts of a question that the form's own inputs do not show but keep.
const KEPT: [&str; 9] =
    ["collections", "bbox", "intersects", "intersectsRefs", "search", "ids", "filter-lang", "limit", "lang"];

/// The address without empty parameters, with dates joined and a place resolved, if it is another than the one
/// asked for.
///
/// A browser sends every input of a form, filled in or not; the address that people keep and share should hold
/// only what they asked.
///
/// # Errors
/// `Invalid` for a date that is none and for a place that nobody knows.
pub(crate) fn clean_search_address(ask: &Ask, snapshot: &Snapshot) -> Result<Option<String>, Problem> {
    let of_form = |name: &str| DATES.contains(&name) || name == PLACE;
    let needs_cleaning = |(name, value): &(String, String)| value.is_empty() || of_form(name);
    if !ask.query.iter().any(needs_cleaning) {
        return Ok(None);
    }
    let datetime = joined_dates(ask)?;
    let reference = match ask.parameter(PLACE) {
        Some(name) => Some(places::resolve(snapshot, ask, name)?),
        None => None,
    };
    let kept = ask.query.iter().filter(|pair| !needs_cleaning(pair)).map(|(n, v)| (n.as_str(), v.as_str()));
    let kept = kept.filter(|(name, _)| datetime.is_none() || *name != "datetime");
    // A place that is named takes the place of whatever limited the question before.
    let kept = kept.filter(|(name, _)| reference.is_none() || !places::PARAMETERS.contains(name));
    let added = [datetime.as_deref().map(|d| ("datetime", d)), reference.as_deref().map(|r| ("intersectsRefs", r))];
    // `f` and `lang` are no part of the question, but of how this reader reads it.
    let html = ask.path_and_query.contains("f=html").then_some(("f", "html"));
    let lang = ask.lang.as_deref().map(|l| ("lang", l));
    Ok(Some(with_query(&ask.path, kept.chain(added.into_iter().flatten()).chain(html).chain(lang))))
}

/// The two dates of the form as one `datetime`.
fn joined_dates(ask: &Ask) -> Result<Option<String>, Problem> {
    let [from, to] = DATES.map(|name| ask.parameter(name));
    for (name, date) in DATES.into_iter().zip([from, to]) {
        if let Some(date) = date
            && (date.len() != 10 || Instant::parse(&format!("{date}T00:00:00Z")).is_none())
        {
            return Err(Problem::invalid("date", format!("{date:?} is not a date")).at(name).allowed("2024-02-29"));
        }
    }
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let start = from.map_or_else(|| "..".to_owned(), |d| format!("{d}T00:00:00Z"));
    let end = to.map_or_else(|| "..".to_owned(), |d| format!("{d}T23:59:59.999999Z"));
    Ok(Some(format!("{start}/{end}")))
}

/// The two dates of a `datetime` parameter, empty where open.
pub(super) fn dates(datetime: &str) -> (String, String) {
    let day = |end: &str| if end.len() >= 20 { end[..10].to_owned() } else { String::new() };
    if !datetime.is_ascii() {
        return (String::new(), String::new());
    }
    match datetime.split_once('/') {
        Some((start, end)) => (day(start), day(end)),
        None => (day(datetime), day(datetime)),
    }
}

/// The search form, filled in with what was asked. `collection` is the one that the page is about.
pub(super) fn search_form(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, collection: Option<&str>) -> Markup {
    let asked = |name: &str| ask.parameter(name).unwrap_or_default();
    let (from, to) = dates(asked("datetime"));
    let has_places = !places::collections(snapshot, ask.scope).is_empty();
    html! {
        form.bar #(FORM) role="search" action=(frame.links.local("/search")) method="get" {
            div.input.what {
                (icon(Icon::Glass))
                label for="q" { (frame.t("What", "Quoi")) }
                input #q type="search" name="q" value=(asked("q")) autocomplete="off" enterkeyhint="search"
                    placeholder=(frame.t("gauge, lake, SWOT…", "station, lac, SWOT…"));
            }
            @if has_places {
                div.input.where {
                    (icon(Icon::Pin))
                    label for="place" { (frame.t("Where", "Où")) }
                    input #place type="text" name=(PLACE) autocomplete="off" enterkeyhint="search" spellcheck="false"
                        placeholder=(frame.t("river, lake or country", "rivière, lac ou pays"));
                }
            }
            div.dates {
                div.input.when {
                    (icon(Icon::Calendar))
                    label for="from" { (frame.t("From", "Du")) }
                    input #from type="date" name="from" value=(from) min="1800-01-01" max="2999-12-31";
                }
                div.input.when {
                    label for="to" { (frame.t("To", "Au")) }
                    input #to type="date" name="to" value=(to) min="1800-01-01" max="2999-12-31";
                }
            }
            button.button type="submit" { (frame.t("Search", "Rechercher")) }
            @for name in KEPT {
                @let value = match (name, collection) {
                    ("lang", _) => ask.lang.as_deref().unwrap_or_default(),
                    ("collections", Some(id)) => id,
                    _ => asked(name),
                };
                @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datetime_fills_the_two_date_inputs() {
        let check = |datetime: &str, from: &str, to: &str| {
            assert_eq!(dates(datetime), (from.to_owned(), to.to_owned()), "{datetime}");
        };
        check("2024-01-01T00:00:00Z/2024-02-01T00:00:00Z", "2024-01-01", "2024-02-01");
        check("../2024-02-01T00:00:00Z", "", "2024-02-01");
        check("2024-01-01T00:00:00Z", "2024-01-01", "2024-01-01");
        check("", "", "");
        check("é/2024", "", "");
    }
}
