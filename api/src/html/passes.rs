//! When SWOT sees a place: the last pass, the next one, and all as a table.

use maud::{Markup, html};
use nilometer_indexer::orbit::{COLLECTION, Side};
use nilometer_schemas::Instant;

use super::language::readable;
use super::layout::{Frame, breadcrumbs};
use crate::links::{collection_path, item_path};
use crate::routes::ask::Ask;
use crate::routes::passes::{Passes, Question, Seen};
use crate::routes::search::with_parameter;

/// The page.
pub(crate) fn passes(ask: &Ask, question: &Question, passes: Option<&Passes>, now: Instant) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("When does SWOT see this place?", "Quand SWOT voit-il ce lieu ?");
    let steps = [("Nilometer", "/".to_owned())];
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, title))
            header.title { h1 { (title) } }
            p.lead {
                (frame.t(
                    "SWOT comes back every 21 days, and sees 10 to 60 km on either side of its track. Times are computed \
                     from the published orbit; they do not say that data were acquired.",
                    "SWOT revient tous les 21 jours et voit de 10 à 60 km de part et d'autre de sa trace. Les heures sont \
                     calculées d'après l'orbite publiée ; elles ne disent pas que des données ont été acquises.",
                ))
            }
            (form(&frame, ask, question))
            @if let Some(passes) = passes { (answer(&frame, ask, passes, now)) }
            p { a href=(frame.href(&collection_path(COLLECTION))) {
                (frame.t("All planned passes", "Tous les passages prévus"))
            } }
        }
    };
    frame.page(title, main)
}

fn form(frame: &Frame<'_>, ask: &Ask, question: &Question) -> Markup {
    let (name, text) = question.place.as_ref().map_or(("point", ""), |(name, text)| (*name, text.as_str()));
    let label = match name {
        "place" => frame.t("Place: collection.id", "Lieu : collection.id"),
        "bbox" => frame.t("Box: west, south, east, north", "Cadre : ouest, sud, est, nord"),
        _ => frame.t("Position: longitude, latitude", "Position : longitude, latitude"),
    };
    html! {
        form.search role="search" action=(frame.links.local("/swot/passes")) method="get" {
            div.row {
                div.field.grow {
                    label for="where" { (label) }
                    input #where type="text" name=(name) value=(text) placeholder="1.44,43.60" autocomplete="off" required;
                }
                button.button type="submit" { (frame.t("Show passes", "Montrer les passages")) }
            }
            @if let Some(lang) = &ask.lang { input type="hidden" name="lang" value=(lang); }
        }
    }
}

fn answer(frame: &Frame<'_>, ask: &Ask, passes: &Passes, now: Instant) -> Markup {
    html! {
        section aria-labelledby="now-title" {
            h2 #now-title { (frame.t("Before and after now", "Avant et après maintenant")) " (" (readable(now)) ")" }
            (one(frame, frame.t("Last seen", "Vu en dernier"), passes.previous.as_ref()))
            (one(frame, frame.t("Next", "Prochain passage"), passes.next.as_ref()))
        }
        section aria-labelledby="all-title" {
            h2 #all-title { (frame.t("Passes", "Passages")) " (" (frame.language.number(passes.matched)) ")" }
            @if passes.page.is_empty() {
                p.none { (frame.t("SWOT does not see this place in this period.", "SWOT ne voit pas ce lieu dans cette période.")) }
            } @else {
                (table(frame, &passes.page))
            }
            @if let Some(token) = &passes.token {
                p { a rel="next" href=(frame.href(&with_parameter(ask, "token", token))) { (frame.t("Next page", "Page suivante")) } }
            }
        }
    }
}

fn one(frame: &Frame<'_>, label: &str, seen: Option<&Seen>) -> Markup {
    html! {
        p {
            strong { (label) } " "
            @match seen {
                Some(seen) => {
                    (moment(frame, seen)) ", " (frame.t("cycle", "cycle")) " " (seen.cycle.number) ", "
                    a href=(frame.href(&item_path(COLLECTION, &seen.id))) { (frame.t("pass", "passage")) " " (seen.sight.pass.number()) }
                }
                None => { (frame.t("none in the cycles that are known", "aucun dans les cycles connus")) }
            }
        }
    }
}

/// When the place is in view, and how sure that is.
fn moment(frame: &Frame<'_>, seen: &Seen) -> Markup {
    let begin = seen.begin().to_string();
    html! {
        time datetime=(begin) { (begin.get(..10).unwrap_or_default()) " " (begin.get(11..19).unwrap_or_default()) " UTC" }
        " ± " (seen.cycle.time_error_s) " s"
        @if seen.cycle.extrapolated { " " span.tag { (frame.t("extrapolated", "extrapolé")) } }
    }
}

fn table(frame: &Frame<'_>, page: &[Seen]) -> Markup {
    let side = |side: &Side| match side {
        Side::Left => frame.t("left", "gauche"),
        Side::Right => frame.t("right", "droite"),
    };
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { (frame.t("Time", "Heure")) }
                        th.number scope="col" { "Cycle" }
                        th.number scope="col" { (frame.t("Pass", "Passage")) }
                        th scope="col" { (frame.t("Direction", "Sens")) }
                        th scope="col" { (frame.t("Side", "Côté")) }
                        th.number scope="col" { (frame.t("From nadir", "Du nadir")) }
                    }
                }
                tbody {
                    @for seen in page {
                        tr {
                            td { (moment(frame, seen)) }
                            td.number { (seen.cycle.number) }
                            td.number { a href=(frame.href(&item_path(COLLECTION, &seen.id))) { (seen.sight.pass.number()) } }
                            td {
                                @if seen.sight.pass.ascends() { (frame.t("ascending", "ascendant")) }
                                @else { (frame.t("descending", "descendant")) }
                            }
                            td { (seen.sight.sides.iter().map(side).collect::<Vec<_>>().join(", ")) }
                            td.number { @if let Some(km) = seen.sight.distance_km { (format!("{km:.1} km")) } }
                        }
                    }
                }
            }
        }
    }
}
