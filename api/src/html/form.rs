//! The search form, and the clean address that its answer is sent to.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_schemas::{Instant, Problem};

use super::layout::Frame;
use crate::links::with_query;
use crate::routes::ask::Ask;
use crate::routes::collection_view::language_of;

/// Names of the two date inputs, which become one `datetime`.
const DATES: [&str; 2] = ["from", "to"];

/// The address without empty parameters and with dates joined, if it is another than the one asked for.
///
/// A browser sends every input of a form, filled in or not; the address that people keep and share should hold
/// only what they asked.
///
/// # Errors
/// `Invalid` for a date that is none.
pub(crate) fn clean_search_address(ask: &Ask) -> Result<Option<String>, Problem> {
    let needs_cleaning = |(name, value): &(String, String)| value.is_empty() || DATES.contains(&name.as_str());
    if !ask.query.iter().any(needs_cleaning) {
        return Ok(None);
    }
    let [from, to] = DATES.map(|name| ask.parameter(name));
    for (name, date) in DATES.into_iter().zip([from, to]) {
        if let Some(date) = date
            && (date.len() != 10 || Instant::parse(&format!("{date}T00:00:00Z")).is_none())
        {
            return Err(Problem::invalid("date", format!("{date:?} is not a date")).at(name).allowed("2024-02-29"));
        }
    }
    let datetime = match (from, to) {
        (None, None) => None,
        (from, to) => {
            let start = from.map_or_else(|| "..".to_owned(), |d| format!("{d}T00:00:00Z"));
            let end = to.map_or_else(|| "..".to_owned(), |d| format!("{d}T23:59:59.999999Z"));
            Some(format!("{start}/{end}"))
        }
    };
    let kept = ask.query.iter().filter(|pair| !needs_cleaning(pair)).map(|(n, v)| (n.as_str(), v.as_str()));
    let kept = kept.filter(|(name, _)| datetime.is_none() || *name != "datetime");
    let added = datetime.as_deref().map(|d| ("datetime", d));
    // `f` and `lang` are no part of the question, but of how this reader reads it.
    let html = ask.path_and_query.contains("f=html").then_some(("f", "html"));
    let lang = ask.lang.as_deref().map(|l| ("lang", l));
    Ok(Some(with_query(&ask.path, kept.chain(added).chain(html).chain(lang))))
}

/// The two dates of a `datetime` parameter, empty where open.
fn dates(datetime: &str) -> (String, String) {
    let day = |end: &str| if end.len() >= 20 { end[..10].to_owned() } else { String::new() };
    if !datetime.is_ascii() {
        return (String::new(), String::new());
    }
    match datetime.split_once('/') {
        Some((start, end)) => (day(start), day(end)),
        None => (day(datetime), day(datetime)),
    }
}

/// The search form, filled in with what was asked. `collection` is chosen where the address names it.
pub(super) fn search_form(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, collection: Option<&str>) -> Markup {
    let asked = |name: &str| ask.parameter(name).unwrap_or_default();
    let (from, to) = dates(asked("datetime"));
    let chosen = collection.unwrap_or_else(|| asked("collections"));
    let advanced = !asked("filter").is_empty() || !asked("bbox").is_empty() || !asked("sortby").is_empty();
    html! {
        form.search role="search" action=(frame.links.local("/search")) method="get" {
            div.row {
                div.field.grow {
                    label for="q" { (frame.t("Words", "Mots")) }
                    input #q type="search" name="q" value=(asked("q")) autocomplete="off"
                        placeholder=(frame.t("Garonne, Lake Victoria, gauge…", "Garonne, lac Victoria, station…"));
                }
                button.button type="submit" { (frame.t("Search", "Rechercher")) }
            }
            div.row {
                div.field.grow {
                    label for="collections" { "Collection" }
                    select #collections name="collections" {
                        option value="" { (frame.t("All collections", "Toutes les collections")) }
                        // Several at once, which only an address can ask for, stay as they are.
                        @if chosen.contains(',') {
                            option value=(chosen) selected { (chosen) }
                        }
                        @for stored in snapshot.collections(ask.scope) {
                            @let c = &stored.collection;
                            option value=(c.id.as_str()) selected[c.id.as_str() == chosen] {
                                (c.title(&language_of(c, &ask.languages)))
                            }
                        }
                    }
                }
                div.field {
                    label for="from" { (frame.t("From", "Du")) }
                    input #from type="date" name="from" value=(from);
                }
                div.field {
                    label for="to" { (frame.t("To", "Au")) }
                    input #to type="date" name="to" value=(to);
                }
            }
            details open[advanced] {
                summary { (frame.t("Place, conditions and order", "Lieu, conditions et ordre")) }
                div.row {
                    div.field.grow {
                        label for="bbox" { (frame.t("Box: west, south, east, north", "Cadre : ouest, sud, est, nord")) }
                        input #bbox type="text" name="bbox" value=(asked("bbox")) inputmode="decimal"
                            placeholder="-1.5,42.5,3.5,45.2" autocomplete="off";
                    }
                    div.field {
                        label for="sortby" { (frame.t("Order", "Ordre")) }
                        select #sortby name="sortby" {
                            @for (value, name) in [
                                ("", frame.t("Newest first", "Plus récents d'abord")),
                                ("+datetime", frame.t("Oldest first", "Plus anciens d'abord")),
                                ("-ingested", frame.t("Latest additions first", "Derniers ajouts d'abord")),
                                ("+id", frame.t("By identifier", "Par identifiant")),
                            ] {
                                option value=(value) selected[asked("sortby") == value] { (name) }
                            }
                        }
                    }
                }
                div.field {
                    label for="filter" { (frame.t("Conditions (CQL2)", "Conditions (CQL2)")) }
                    input.code #filter type="text" name="filter" value=(asked("filter")) autocomplete="off"
                        spellcheck="false" placeholder="river_name = 'Garonne' AND width_m > 100";
                }
            }
            @for name in ["intersectsRefs", "intersects", "ids", "filter-lang", "limit", "lang"] {
                @let value = if name == "lang" { ask.lang.as_deref().unwrap_or_default() } else { asked(name) };
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
