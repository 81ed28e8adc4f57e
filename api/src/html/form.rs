//! The search form, and the clean address that its answer is sent to.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_query::cql2::to_text;
use nilometer_query::parse;
use nilometer_schemas::{CollectionId, Dialect, Instant, Problem};

use super::Language;
use super::icons::{Icon, icon};
use super::layout::Frame;
use super::refusal::{Choice, Refusal, blame};
use crate::links::with_query;
use crate::places::{self, Meaning, Place};
use crate::routes::ask::Ask;
use crate::routes::search::UNREAD;

/// Names of the two date inputs, which become one `datetime`.
const DATES: [&str; 2] = ["from", "to"];
/// Name of the input for a place, which becomes a reference to a stored one.
const PLACE: &str = "place";
/// STAC's query extension, which a page shows and changes as part of the filter.
const QUERY: &str = "query";
/// The form's name, for inputs that stand elsewhere on the page.
pub(super) const FORM: &str = "question";
/// The parameters of a filter.
const CONDITIONS: [&str; 2] = ["filter", "filter-lang"];
/// Parts of a question that the form's own inputs do not show but keep.
const KEPT: [&str; 9] =
    ["collections", "bbox", "intersects", "intersectsRefs", "search", "ids", "filter-lang", "limit", "lang"];

/// The address without empty parameters, with dates joined, a place resolved and conditions in one filter, if it is
/// another than the one asked for.
///
/// A browser sends every input of a form, filled in or not; the address that people keep and share should hold
/// only what they asked.
///
/// # Errors
/// A refusal for a date that is none, for conditions that are none, and for a place that nobody knows or that several are
/// called like.
pub(crate) fn clean_search_address(ask: &Ask, snapshot: &Snapshot) -> Result<Option<String>, Refusal> {
    let of_form = |name: &str| DATES.contains(&name) || name == PLACE || name == QUERY;
    let needs_cleaning = |(name, value): &(String, String)| value.is_empty() || of_form(name);
    if !ask.query.iter().any(needs_cleaning) {
        return Ok(None);
    }
    let datetime = joined_dates(ask)?;
    let filter = joined_conditions(ask)?;
    let with = |reference: Option<&str>| {
        let kept = ask.query.iter().filter(|pair| !needs_cleaning(pair)).map(|(n, v)| (n.as_str(), v.as_str()));
        let kept = kept.filter(|(name, _)| datetime.is_none() || *name != "datetime");
        // A place that is named takes the place of whatever limited the question before.
        let kept = kept.filter(|(name, _)| reference.is_none() || !places::PARAMETERS.contains(name));
        let kept = kept.filter(|(name, _)| filter.is_none() || !CONDITIONS.contains(name));
        let added = [
            datetime.as_deref().map(|d| ("datetime", d)),
            reference.map(|r| ("intersectsRefs", r)),
            filter.as_deref().map(|f| ("filter", f)),
        ];
        with_query(&ask.path, kept.chain(added.into_iter().flatten()).chain(reading(ask)))
    };
    let Some(name) = ask.parameter(PLACE) else { return Ok(Some(with(None))) };
    let place = the_place(ask, snapshot, PLACE, name, &places::collections(snapshot, ask.scope))?;
    match place {
        Ok(place) => Ok(Some(with(Some(&place.references)))),
        Err((problem, near)) => {
            let choice = |place: Place| Choice { path: with(Some(&place.references)), place };
            Err(Refusal { problem, choices: near.into_iter().map(choice).collect() })
        }
    }
}

/// The address of a question as it stands now.
pub(crate) fn address(ask: &Ask) -> String {
    with_query(&ask.path, ask.query.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(reading(ask)))
}

/// Filter and query as one filter in text; `None` without a query.
fn joined_conditions(ask: &Ask) -> Result<Option<String>, Problem> {
    if ask.parameter(QUERY).is_none() {
        return Ok(None);
    }
    let conditions = ask.query.iter().filter(|(name, _)| name == QUERY || CONDITIONS.contains(&name.as_str()));
    let conditions = parse::without_empty(&conditions.cloned().collect::<Vec<_>>());
    let search = parse::from_query(&conditions, Dialect::Stac, &[])?.search;
    Ok(search.filter.as_ref().map(to_text))
}

/// `f` and `lang` are no part of a question, but of how this reader reads it.
pub(super) fn reading(ask: &Ask) -> impl Iterator<Item = (&str, &str)> {
    let html = ask.path_and_query.contains("f=html").then_some(("f", "html"));
    html.into_iter().chain(ask.lang.as_deref().map(|l| ("lang", l)))
}

/// The place that a name means, or what to say of a name that means none or several, with those that it may mean.
///
/// # Errors
/// The query's.
pub(super) fn the_place(
    ask: &Ask,
    snapshot: &Snapshot,
    parameter: &'static str,
    name: &str,
    collections: &[CollectionId],
) -> Result<Result<Place, (Problem, Vec<Place>)>, Problem> {
    let french = ask.language() == Language::French;
    let (text, near) = match places::meaning(snapshot, ask, name, collections)? {
        Meaning::One(place) => return Ok(Ok(place)),
        Meaning::Several(near) if french => (format!("plusieurs lieux s'appellent {name:?}"), near),
        Meaning::Several(near) => (format!("several places are called {name:?}"), near),
        Meaning::Unknown(near) if french => (format!("aucun lieu enregistré ne s'appelle {name:?}"), near),
        Meaning::Unknown(near) => (format!("no stored place is called {name:?}"), near),
    };
    Ok(Err((Problem::invalid("place-unknown", text).at(parameter), near)))
}

/// The two dates of the form as one `datetime`.
///
/// # Errors
/// `Invalid` for a date that is none.
pub(super) fn joined_dates(ask: &Ask) -> Result<Option<String>, Problem> {
    let [from, to] = DATES.map(|name| ask.parameter(name));
    for (name, date) in DATES.into_iter().zip([from, to]) {
        if let Some(date) = date.filter(|date| !is_date(date)) {
            let detail = match ask.language() {
                Language::English => format!("{date:?} is not a date"),
                Language::French => format!("{date:?} n'est pas une date"),
            };
            return Err(Problem::invalid("date", detail).at(name).allowed("2024-02-29"));
        }
    }
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
        let detail = match ask.language() {
            Language::English => format!("the period begins on {from} and ends before, on {to}"),
            Language::French => format!("la période commence le {from} et finit avant, le {to}"),
        };
        return Err(Problem::invalid("date", detail).at("to"));
    }
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let start = from.map_or_else(|| "..".to_owned(), |d| format!("{d}T00:00:00Z"));
    let end = to.map_or_else(|| "..".to_owned(), |d| format!("{d}T23:59:59.999999Z"));
    Ok(Some(format!("{start}/{end}")))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && Instant::parse(&format!("{text}T00:00:00Z")).is_some()
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

/// What the two date inputs show: what was typed, else the ends of the period asked for, and of what is no period
/// all of it.
pub(super) fn shown_dates(ask: &Ask, refusal: Option<&Refusal>) -> [String; 2] {
    let datetime = ask.parameter("datetime").unwrap_or_default();
    let (from, to) = match blame(refusal, &["datetime"]) {
        Some(_) => (datetime.to_owned(), String::new()),
        None => dates(datetime),
    };
    let typed = |name: &str, other: String| ask.parameter(name).map_or(other, str::to_owned);
    [typed("from", from), typed("to", to)]
}

/// An input for a date. What is no date stays to be read and mended, which an input of that type would not allow.
pub(super) fn date_input(id: &str, value: &str, refusal: Option<&Refusal>) -> Markup {
    // A period that was not given by dates is shown in the first of them.
    let own: &[&str] = if id == "from" { &["from", "datetime"] } else { &["to"] };
    let (invalid, sentence) = blame(refusal, own).unzip();
    let kind = if value.is_empty() || is_date(value) { "date" } else { "text" };
    html! {
        input id=(id) type=(kind) name=(id) value=(value) min="1800-01-01" max="2999-12-31"
            aria-invalid=[invalid] aria-describedby=[sentence];
    }
}

/// The search form, filled in with what was asked. `collection` is the one that the page is about.
pub(super) fn search_form(
    frame: &Frame<'_>,
    ask: &Ask,
    snapshot: &Snapshot,
    collection: Option<&str>,
    refusal: Option<&Refusal>,
) -> Markup {
    let asked = |name: &str| ask.parameter(name).unwrap_or_default();
    let [from, to] = shown_dates(ask, refusal);
    let has_places = !places::collections(snapshot, ask.scope).is_empty();
    let at_fault = |name: &str| blame(refusal, &[name]).unzip();
    // What has no input of its own is kept as it is, or shown to be mended.
    let elsewhere = ["filter", "sortby"].into_iter().filter(|_| refusal.is_some());
    let (faulty, kept): (Vec<&str>, Vec<&str>) =
        KEPT.into_iter().chain(elsewhere).partition(|name| refusal.is_some_and(|r| r.parameter() == *name));
    html! {
        form.bar #(FORM) role="search" action=(frame.links.local("/search")) method="get" {
            div.input.what {
                (icon(Icon::Glass))
                label for="q" { (frame.t("What", "Quoi")) }
                @let (invalid, sentence) = at_fault("q");
                input #q type="search" name="q" value=(asked("q")) autocomplete="off" enterkeyhint="search"
                    placeholder=(frame.t("gauge, lake, SWOT…", "station, lac, SWOT…"))
                    aria-invalid=[invalid] aria-describedby=[sentence];
            }
            @if has_places {
                div.input.where data-mount=[refusal.map(|_| "places")] {
                    (icon(Icon::Pin))
                    label for="place" { (frame.t("Where", "Où")) }
                    @let (invalid, sentence) = at_fault("place");
                    input #place type="text" name=(PLACE) value=(asked(PLACE)) autocomplete="off" enterkeyhint="search"
                        spellcheck="false" placeholder=(frame.t("river, lake or country", "rivière, lac ou pays"))
                        aria-invalid=[invalid] aria-describedby=[sentence];
                }
            }
            div.dates {
                div.input.when {
                    (icon(Icon::Calendar))
                    label for="from" { (frame.t("From", "Du")) }
                    (date_input("from", &from, refusal))
                }
                div.input.when {
                    label for="to" { (frame.t("To", "Au")) }
                    (date_input("to", &to, refusal))
                }
            }
            @for name in &faulty {
                @let (invalid, sentence) = at_fault(name);
                div.input.other {
                    label for=(name) { (kept_name(frame, name)) }
                    input id=(name) type="text" name=(name) value=(asked(name)) autocomplete="off" spellcheck="false"
                        aria-invalid=[invalid] aria-describedby=[sentence];
                }
            }
            // What is typed is read as a sentence.
            input type="hidden" name="interpret" value="true";
            @if ask.parameter("interpret") == Some("words") && ask.parameter("read").is_none() {
                input type="hidden" name=(UNREAD) value=(asked("q"));
            }
            button.button type="submit" { (frame.t("Search", "Rechercher")) }
            @for name in kept {
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

/// What a part of a question is called that has no input of its own.
fn kept_name<'a>(frame: &Frame<'_>, name: &'a str) -> &'a str {
    match name {
        "bbox" => frame.t("Box: west, south, east, north", "Cadre : ouest, sud, est, nord"),
        "filter" => frame.t("Conditions (CQL2)", "Conditions (CQL2)"),
        "sortby" => frame.t("Order", "Ordre"),
        "collections" => frame.t("Collections", "Collections"),
        "intersects" => frame.t("Area (GeoJSON)", "Zone (GeoJSON)"),
        "intersectsRefs" => frame.t("Stored places", "Lieux enregistrés"),
        "ids" => frame.t("Identifiers", "Identifiants"),
        "limit" => frame.t("Items per page", "Éléments par page"),
        other => other,
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
