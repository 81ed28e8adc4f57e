//! When SWOT sees a place: the last pass, the next one, and all as a table.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_indexer::orbit::{COLLECTION, Side};
use nilometer_schemas::{Instant, Problem, geojson};
use serde_json::json;

use super::figures::decimal;
use super::form::{date_input, joined_dates, reading, shown_dates, the_place};
use super::jsonld;
use super::language::readable;
use super::layout::{Frame, Page, breadcrumbs};
use super::place::{self, Shown};
use super::refusal::{self, Choice, Refusal, blame};
use super::table::{Column, table};
use crate::config::Config;
use crate::links::{collection_path, encode, item_path, with_query};
use crate::places::{self, Meaning, Place};
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;
use crate::routes::passes::{Passes, Question, Seen};
use crate::routes::search::with_parameter;

/// Path of the page.
const PATH: &str = "/swot/passes";

/// Name of the input for a place of any kind: a name, a position, a box.
const WHERE: &str = "where";
/// Parameters that the form's inputs become.
const OF_FORM: [&str; 3] = [WHERE, "from", "to"];
/// Parameters that a newly named place or period replaces.
const PLACES: [&str; 3] = ["point", "place", "bbox"];

/// What the page shows.
pub(crate) struct PassesView<'a> {
    /// What was asked, as far as it was understood.
    pub(crate) question: Option<&'a Question>,
    /// The answer, if a place was named.
    pub(crate) passes: Option<&'a Passes>,
    /// What was not understood.
    pub(crate) refusal: Option<&'a Refusal>,
}

/// The address that programs ask for what the form says, if it is another than the one asked for: a place by name,
/// position or box becomes `place`, `point` or `bbox`, two dates become `datetime`.
///
/// # Errors
/// A refusal for a date that is none, and for a place that nobody knows or that several are called like.
pub(crate) fn clean_passes_address(ask: &Ask, snapshot: &Snapshot) -> Result<Option<String>, Refusal> {
    let needs_cleaning = |(name, value): &(String, String)| value.is_empty() || OF_FORM.contains(&name.as_str());
    if !ask.query.iter().any(needs_cleaning) {
        return Ok(None);
    }
    let datetime = joined_dates(ask)?;
    let has_dates = ask.query.iter().any(|(name, _)| name == "from" || name == "to");
    let text = ask.parameter(WHERE);
    let with = |place: Option<(&str, &str)>| {
        let kept = ask.query.iter().filter(|pair| !needs_cleaning(pair)).map(|(n, v)| (n.as_str(), v.as_str()));
        let kept = kept.filter(|(name, _)| *name != "token" && !(has_dates && *name == "datetime"));
        let kept = kept.filter(|(name, _)| text.is_none() || !PLACES.contains(name));
        let dated = datetime.as_deref().map(|d| ("datetime", d));
        with_query(PATH, place.into_iter().chain(kept).chain(dated).chain(reading(ask)))
    };
    let Some(text) = text else { return Ok(Some(with(None))) };
    if let Some((name, numbers)) = numbers(text) {
        return Ok(Some(with(Some((name, &numbers)))));
    }
    let collections = places::named_collections(snapshot, ask.scope);
    match the_place(ask, snapshot, WHERE, text, &collections)? {
        Ok(place) => Ok(Some(with(Some(("place", &place.references))))),
        Err((problem, near)) => {
            let choice = |place: Place| Choice { path: with(Some(("place", &place.references))), place };
            Err(Refusal { problem, choices: near.into_iter().map(choice).collect() })
        }
    }
}

/// A position or a box, if a text is one: two, four or six numbers with commas, semicolons or blanks between.
fn numbers(text: &str) -> Option<(&'static str, String)> {
    let parts = text.split([',', ';', ' ', '\u{a0}', '\t']).filter(|part| !part.is_empty());
    let numbers: Vec<&str> = parts.map(|part| part.parse::<f64>().is_ok().then_some(part)).collect::<Option<_>>()?;
    match numbers.len() {
        2 => Some(("point", numbers.join(","))),
        4 | 6 => Some(("bbox", numbers.join(","))),
        _ => None,
    }
}

/// The page.
///
/// # Errors
/// The query's.
pub(crate) fn passes(
    ask: &Ask,
    snapshot: &Snapshot,
    view: &PassesView<'_>,
    now: Instant,
    config: &Config,
) -> Result<String, Problem> {
    let own = Frame::of(ask);
    // The JSON has no period of its own where none is named, and no form.
    let shown_from = view.question.and_then(|question| question.shown_from);
    let json = match (&own.json, shown_from) {
        _ if view.passes.is_none() => None,
        (Some(path), Some(from)) => Some(format!("{path}&datetime={}", encode(&open(from)))),
        (json, _) => json.clone(),
    };
    let frame = Frame { json, ..own };
    let shape = view.passes.map(|passes| geojson::to_value(&passes.place));
    let title = frame.t("When does SWOT see this place?", "Quand SWOT voit-il ce lieu ?");
    let steps = [("Nilometer", "/".to_owned())];
    let named = named(ask, snapshot, view)?;
    let kind = |place: &Place| collection_title(ask, snapshot, place.collection.as_str());
    let main = html! {
        div.wide.stack.records {
            (breadcrumbs(&frame, &steps, title))
            div.split {
                div.stack {
                    header.title { h1 { (title) } }
                    p.lead {
                        (frame.t(
                            "SWOT comes back every 21 days, and sees 10 to 60 km on either side of its track. Times are \
                             computed from the published orbit; they do not say that data were acquired.",
                            "SWOT revient tous les 21 jours et voit de 10 à 60 km de part et d'autre de sa trace. Les \
                             heures sont calculées d'après l'orbite publiée ; elles ne disent pas que des données ont été acquises.",
                        ))
                    }
                    @if let Some(refusal) = view.refusal { (refusal::notice(&frame, refusal, kind)) }
                    (form(&frame, ask, snapshot, view, &named))
                }
                aside.stack {
                    (place::map(&frame, config, &Shown::Asked { geometry: shape.as_ref(), input: WHERE }))
                    p { a href=(frame.href(&collection_path(COLLECTION))) {
                        (frame.t("All planned passes", "Tous les passages prévus"))
                    } }
                }
            }
            @if let (Some(question), Some(passes)) = (view.question, view.passes) {
                (answer(&frame, ask, question, passes, &named.title, now))
            }
        }
    };
    let description = frame.t(
        "Past and coming passes of the SWOT satellite over any place, with their times.",
        "Passages du satellite SWOT, passés et à venir, au-dessus de n'importe quel lieu, avec leurs heures.",
    );
    let head = jsonld::canonical(&frame, PATH);
    Ok(frame.whole(&Page { title, description, head, main, ..Page::default() }))
}

/// The place asked for, as people read it and as the form takes it again.
#[derive(Default)]
struct Named {
    title: String,
    typed: String,
}

fn named(ask: &Ask, snapshot: &Snapshot, view: &PassesView<'_>) -> Result<Named, Problem> {
    let typed =
        || PLACES.into_iter().chain([WHERE]).find_map(|name| ask.parameter(name)).unwrap_or_default().to_owned();
    let Some((name, text)) = view.question.and_then(|question| question.place.as_ref()) else {
        return Ok(Named { title: String::new(), typed: typed() });
    };
    if *name != "place" {
        return Ok(Named { title: text.clone(), typed: text.clone() });
    }
    let title = places::title(snapshot, ask.scope, ask.language(), text.split(',').next().unwrap_or_default());
    // The name stands in the form if it means this place again.
    let collections = places::named_collections(snapshot, ask.scope);
    let again =
        matches!(places::meaning(snapshot, ask, &title, &collections)?, Meaning::One(p) if p.references == *text);
    Ok(Named { typed: if again { title.clone() } else { text.clone() }, title })
}

fn form(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, view: &PassesView<'_>, named: &Named) -> Markup {
    let [from, to] = shown_dates(ask, view.refusal);
    let (invalid, sentence) = blame(view.refusal, &[WHERE, "place", "point", "bbox"]).unzip();
    let described = [sentence, Some("where-hint")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let collections = places::named_collections(snapshot, ask.scope);
    let collections: Vec<&str> = collections.iter().map(|id| id.as_str()).collect();
    let options = json!({ "collections": collections.join(","), "submits": true });
    html! {
        form.panel role="search" action=(frame.links.local(PATH)) method="get"
            aria-label=(frame.t("Place and period", "Lieu et période")) {
            div.row {
                div.field.grow.where data-mount="places" data-options=(options.to_string()) {
                    label for=(WHERE) { (frame.t("Place", "Lieu")) }
                    input id=(WHERE) type="text" name=(WHERE) value=(named.typed) autocomplete="off" spellcheck="false" required
                        placeholder=(frame.t("name, position or box", "nom, position ou cadre"))
                        aria-invalid=[invalid] aria-describedby=(described);
                }
                div.field {
                    label for="from" { (frame.t("From (UTC)", "Du (UTC)")) }
                    (date_input("from", &from, view.refusal))
                }
                div.field {
                    label for="to" { (frame.t("To (UTC)", "Au (UTC)")) }
                    (date_input("to", &to, view.refusal))
                }
                button.button type="submit" { (frame.t("Show passes", "Afficher les passages")) }
            }
            p #where-hint .hint {
                (frame.t("A lake, river, reach, country or gauge by name; a position as longitude, latitude: ",
                         "Un lac, une rivière, un tronçon, un pays ou une station par son nom ; une position, longitude puis latitude : "))
                code { "1.44, 43.60" }
                (frame.t("; a box as west, south, east, north: ", " ; un cadre, ouest, sud, est, nord : "))
                code { "37, 11.5, 37.6, 12.3" } "."
            }
            @if let Some(limit) = ask.parameter("limit") { input type="hidden" name="limit" value=(limit); }
            @if let Some(lang) = &ask.lang { input type="hidden" name="lang" value=(lang); }
        }
    }
}

fn answer(frame: &Frame<'_>, ask: &Ask, question: &Question, passes: &Passes, title: &str, now: Instant) -> Markup {
    html! {
        section aria-labelledby="now-title" {
            h2 #now-title { (title) (frame.t(": before and after now", " : avant et après maintenant")) }
            p.hint { (frame.t("It is now ", "Il est ")) time datetime=(now) { (readable(now)) } "." }
            ul.sightings {
                (one(frame, frame.t("Last seen", "Vu pour la dernière fois"), passes.previous.as_ref(), false))
                (one(frame, frame.t("Next pass", "Prochain passage"), passes.next.as_ref(), true))
            }
        }
        section aria-labelledby="all-title" {
            h2 #all-title { (frame.t("Passes", "Passages")) " (" (frame.language.number(passes.matched)) ")" }
            (periods(frame, question, now))
            @if passes.page.is_empty() {
                p.notice { (frame.t("SWOT does not see this place in this period.", "SWOT ne voit pas ce lieu pendant cette période.")) }
            } @else {
                (passes_table(frame, &passes.page, now))
            }
            @if let Some(token) = &passes.token {
                p.pager {
                    a.button.quiet rel="next" href=(frame.href(&next_page(ask, question, token))) { (frame.t("Later passes", "Passages suivants")) }
                }
            }
        }
    }
}

/// The path of the next page: the same period, said in full.
fn next_page(ask: &Ask, question: &Question, token: &str) -> String {
    let path = with_parameter(ask, "token", token);
    question.shown_from.map_or(path.clone(), |from| format!("{path}&datetime={}", encode(&open(from))))
}

/// `START/..`.
fn open(from: Instant) -> String {
    format!("{from}/..")
}

/// Links to periods before and after now.
fn periods(frame: &Frame<'_>, question: &Question, now: Instant) -> Markup {
    let Some((name, text)) = &question.place else { return html! {} };
    let second = Instant(now.0.div_euclid(1_000_000) * 1_000_000);
    let named = [
        (None, frame.t("From three weeks ago", "Depuis trois semaines")),
        (Some(open(second)), frame.t("Upcoming", "À venir")),
        (Some(format!("../{second}")), frame.t("Past", "Passés")),
    ];
    html! {
        nav aria-label=(frame.t("Period", "Période")) {
            ul.chips {
                @for (period, label) in named {
                    @let pairs = [Some((*name, text.as_str())), period.as_deref().map(|p| ("datetime", p))];
                    @let active = period.is_none() && question.shown_from.is_some();
                    li { a.chip.active[active] aria-current=[active.then_some("true")]
                        href=(frame.href(&with_query(PATH, pairs.into_iter().flatten()))) { (label) } }
                }
            }
        }
    }
}

fn one(frame: &Frame<'_>, label: &str, seen: Option<&Seen>, is_next: bool) -> Markup {
    html! {
        li.sighting.next[is_next] {
            h3 { (label) }
            @match seen {
                Some(seen) => {
                    p.figure { (moment(seen)) }
                    p {
                        (frame.t("Cycle", "Cycle")) " " (seen.cycle.number) ", "
                        a href=(frame.href(&item_path(COLLECTION, &seen.id))) { (frame.t("pass", "passage")) " " (seen.sight.pass.number()) }
                        ", " (direction(frame, seen))
                    }
                    p.note { (exactness(frame, seen)) }
                }
                None => p { (frame.t("None in the known cycles.", "Aucun dans les cycles connus.")) },
            }
        }
    }
}

/// When the place comes into view.
fn moment(seen: &Seen) -> Markup {
    let begin = seen.begin().to_string();
    html! {
        time datetime=(begin) { (begin.get(..10).unwrap_or_default()) " " (begin.get(11..16).unwrap_or_default()) " UTC" }
    }
}

/// How sure the time is.
fn exactness(frame: &Frame<'_>, seen: &Seen) -> Markup {
    html! {
        "± " (seen.cycle.time_error_s) " s"
        @if seen.cycle.extrapolated { " " span.tag { (frame.t("extrapolated", "extrapolé")) } }
    }
}

fn direction(frame: &Frame<'_>, seen: &Seen) -> &'static str {
    let (english, french) =
        if seen.sight.pass.ascends() { ("ascending", "ascendant") } else { ("descending", "descendant") };
    frame.language.of(english, french)
}

fn passes_table(frame: &Frame<'_>, page: &[Seen], now: Instant) -> Markup {
    let has_distance = page.iter().any(|seen| seen.sight.distance_km.is_some());
    let side = |side: &Side| match side {
        Side::Left => frame.t("left", "gauche"),
        Side::Right => frame.t("right", "droite"),
    };
    let columns = [
        Some(Column::Text(frame.t("Time (UTC)", "Heure (UTC)"))),
        Some(Column::Text(frame.t("Accuracy", "Précision"))),
        Some(Column::Number("Cycle")),
        Some(Column::Number(frame.t("Pass", "Passage"))),
        Some(Column::Text(frame.t("Direction", "Sens"))),
        Some(Column::Text(frame.t("Side of the track", "Côté de la trace"))),
        has_distance.then(|| Column::Number(frame.t("From the track", "Distance à la trace"))),
    ];
    let columns: Vec<Column<'_>> = columns.into_iter().flatten().collect();
    let rows = html! {
        @for seen in page {
            tr.past[seen.end() < now] {
                th scope="row" { (moment(seen)) }
                td { (exactness(frame, seen)) }
                td.number { (seen.cycle.number) }
                td.number { a href=(frame.href(&item_path(COLLECTION, &seen.id))) { (seen.sight.pass.number()) } }
                td { (direction(frame, seen)) }
                td { (seen.sight.sides.iter().map(side).collect::<Vec<_>>().join(", ")) }
                @if let Some(km) = seen.sight.distance_km {
                    td.number { (decimal(frame.language, (km * 10.0).round() / 10.0)) " km" }
                }
            }
        }
    };
    table(frame.t("Passes, oldest first", "Passages, les plus anciens d'abord"), &columns, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_a_position_or_a_box_and_all_else_is_a_name() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let got = numbers(text);
            assert_eq!(got.as_ref().map(|(name, text)| (*name, text.as_str())), expected, "{text}");
        };
        check("1.44,43.60", Some(("point", "1.44,43.60")));
        check(" 1.44 ; -43.6 ", Some(("point", "1.44,-43.6")));
        check("37, 11.5, 37.6, 12.3", Some(("bbox", "37,11.5,37.6,12.3")));
        check("57206000511", None);
        check("1,2,3", None);
        check("Lake Tana", None);
        check("", None);
    }
}
