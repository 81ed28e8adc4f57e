//! When SWOT sees a place: the last pass, the next one, and all as a table.

use maud::{Markup, html};
use nilometer_indexer::orbit::{COLLECTION, Side};
use nilometer_schemas::{Instant, geojson};

use super::figures::decimal;
use super::jsonld;
use super::language::readable;
use super::layout::{Frame, Page, breadcrumbs};
use super::place::{self, Shown};
use crate::config::Config;
use crate::links::{collection_path, encode, item_path, with_query};
use crate::routes::ask::Ask;
use crate::routes::passes::{Passes, Question, Seen};
use crate::routes::search::with_parameter;

/// Path of the page.
const PATH: &str = "/swot/passes";

/// The page. `shape` is the place asked for as GeoJSON.
pub(crate) fn passes(ask: &Ask, question: &Question, passes: Option<&Passes>, now: Instant, config: &Config) -> String {
    let own = Frame::of(ask);
    // The JSON has no period of its own where none is named.
    let json = own
        .json
        .clone()
        .zip(question.shown_from)
        .map(|(path, from)| format!("{path}&datetime={}", encode(&open(from))));
    let frame = Frame { json: json.or(own.json.clone()), ..own };
    let shape = passes.map(|passes| geojson::to_value(&passes.place));
    let title = frame.t("When does SWOT see this place?", "Quand SWOT voit-il ce lieu ?");
    let steps = [("Nilometer", "/".to_owned())];
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
                    (form(&frame, ask, question))
                }
                aside.stack {
                    (place::map(&frame, config, &Shown::Asked { geometry: shape.as_ref(), input: "where" }))
                    p { a href=(frame.href(&collection_path(COLLECTION))) {
                        (frame.t("All planned passes", "Tous les passages prévus"))
                    } }
                }
            }
            @if let Some(passes) = passes { (answer(&frame, ask, question, passes, now)) }
        }
    };
    let description = frame.t(
        "Past and coming passes of the SWOT satellite over any place, with their times.",
        "Passages du satellite SWOT, passés et à venir, au-dessus de n'importe quel lieu, avec leurs heures.",
    );
    let head = jsonld::canonical(&frame, PATH);
    frame.whole(&Page { title, description, head, main, ..Page::default() })
}

/// Ways to name a place: parameter, English and French label, example.
const WAYS: [(&str, &str, &str, &str); 3] = [
    ("point", "Position: longitude, latitude", "Position : longitude, latitude", "1.44,43.60"),
    ("place", "Place: collection.id", "Lieu : collection.id", "countries.FRA"),
    ("bbox", "Box: west, south, east, north", "Cadre : ouest, sud, est, nord", "37,11.5,37.6,12.3"),
];

fn form(frame: &Frame<'_>, ask: &Ask, question: &Question) -> Markup {
    let (name, text) = question.place.as_ref().map_or(("point", ""), |(name, text)| (*name, text.as_str()));
    let (_, english, french, example) = WAYS.iter().find(|way| way.0 == name).unwrap_or(&WAYS[0]);
    let others = WAYS.iter().filter(|way| way.0 != name);
    let datetime = ask.parameter("datetime").unwrap_or_default();
    html! {
        form.panel role="search" action=(frame.links.local(PATH)) method="get"
            aria-label=(frame.t("Place and period", "Lieu et période")) {
            div.row {
                div.field.grow {
                    label for="where" { (frame.t(english, french)) }
                    input #where type="text" name=(name) value=(text) placeholder=(example) autocomplete="off" required
                        aria-describedby="where-hint";
                }
                div.field {
                    label for="datetime" { (frame.t("Period (UTC)", "Période (UTC)")) }
                    input #datetime type="text" name="datetime" value=(datetime) placeholder="2026-01-01T00:00:00Z/.." autocomplete="off";
                }
                button.button type="submit" { (frame.t("Show passes", "Montrer les passages")) }
            }
            p #where-hint .hint {
                @if name == "place" { (frame.t("A collection and an id, such as ", "Une collection et un identifiant, par exemple ")) }
                @else { (frame.t("Numbers in degrees, such as ", "Nombres en degrés, par exemple ")) }
                code { (example) } ". " (frame.t("Or: ", "Ou : "))
                @for (way, english, french, example) in others {
                    a href=(frame.href(&with_query(PATH, [(*way, *example)]))) {
                        (frame.t(english, french))
                    }
                    " "
                }
            }
            @if let Some(lang) = &ask.lang { input type="hidden" name="lang" value=(lang); }
        }
    }
}

fn answer(frame: &Frame<'_>, ask: &Ask, question: &Question, passes: &Passes, now: Instant) -> Markup {
    html! {
        section aria-labelledby="now-title" {
            h2 #now-title { (frame.t("Before and after now", "Avant et après maintenant")) }
            p.hint { (frame.t("Now is ", "Il est ")) time datetime=(now) { (readable(now)) } "." }
            ul.sightings {
                (one(frame, frame.t("Last seen", "Vu en dernier"), passes.previous.as_ref(), false))
                (one(frame, frame.t("Next pass", "Prochain passage"), passes.next.as_ref(), true))
            }
        }
        section aria-labelledby="all-title" {
            h2 #all-title { (frame.t("Passes", "Passages")) " (" (frame.language.number(passes.matched)) ")" }
            (periods(frame, question, now))
            @if passes.page.is_empty() {
                p.notice { (frame.t("SWOT does not see this place in this period.", "SWOT ne voit pas ce lieu dans cette période.")) }
            } @else {
                (table(frame, &passes.page, now))
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
        (None, frame.t("From three weeks back on", "Depuis trois semaines")),
        (Some(open(second)), frame.t("To come", "À venir")),
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
                None => p { (frame.t("None in the cycles that are known.", "Aucun dans les cycles connus.")) },
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

fn table(frame: &Frame<'_>, page: &[Seen], now: Instant) -> Markup {
    let has_distance = page.iter().any(|seen| seen.sight.distance_km.is_some());
    let side = |side: &Side| match side {
        Side::Left => frame.t("left", "gauche"),
        Side::Right => frame.t("right", "droite"),
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(frame.t("Table of passes", "Tableau des passages")) {
            table {
                caption.hidden-text { (frame.t("Passes, oldest first", "Passages, les plus anciens d'abord")) }
                thead {
                    tr {
                        th scope="col" { (frame.t("Time (UTC)", "Heure (UTC)")) }
                        th scope="col" { (frame.t("Exact to", "Exacte à")) }
                        th.number scope="col" { "Cycle" }
                        th.number scope="col" { (frame.t("Pass", "Passage")) }
                        th scope="col" { (frame.t("Direction", "Sens")) }
                        th scope="col" { (frame.t("Side of the track", "Côté de la trace")) }
                        @if has_distance { th.number scope="col" { (frame.t("From the track", "Distance à la trace")) } }
                    }
                }
                tbody {
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
                }
            }
        }
    }
}
