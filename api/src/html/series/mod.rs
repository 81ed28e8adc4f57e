//! The series of a feature: latest values, a chart, the same points as a table, and the ways to take them.
//!
//! All is made from one [`View`], and stands in the page as it comes: a script draws the chart and fetches the page
//! anew where the view changes, in place.

mod plot;
mod table;
mod view;

pub(crate) use view::{PARAMETERS, ROWS_MAX, View};

use maud::{Markup, html};
use nilometer_query::series::{Method, Step, Versions};
use nilometer_schemas::{Instant, Parameter};

use super::figures::decimal;
use super::icons::{Icon, icon};
use super::labels::value_text;
use super::language::{Language, readable};
use super::layout::Frame;
use super::snippets::{Answer, snippets};
use crate::links::{item_path, with_query};
use crate::routes::edr::{Format, Listing};
pub(super) use view::date;
use view::{CHOSEN_MAX, Change, Move, ROWS_ON_PAGE};

/// Formats that a page offers, best known first.
const OFFERED: [Format; 4] = [Format::Csv, Format::Parquet, Format::CoverageJson, Format::GeoJson];
/// Parameters offered at once; more are folded up.
const OFFERED_AT_ONCE: usize = 8;
/// Latest values shown large.
const LARGE_MAX: usize = 4;
const DAY_US: i64 = 86_400_000_000;

/// A view with its rows.
pub(crate) struct Series {
    /// What is shown.
    pub(crate) view: View,
    /// The rows.
    pub(crate) listing: Listing,
}

/// The latest values, large: those of the view first, then others.
pub(super) fn latest(frame: &Frame<'_>, view: &View) -> Markup {
    let all = &view.summary.latest;
    let chosen = view.chosen.iter().filter_map(|name| all.iter().find(|latest| latest.parameter == *name));
    let others = all.iter().filter(|latest| !view.chosen.contains(&latest.parameter));
    let shown: Vec<_> = chosen.chain(others).take(LARGE_MAX).collect();
    html! {
        @if !shown.is_empty() {
            section.latest aria-labelledby="latest-title" {
                h2 #latest-title .hidden-text { (frame.t("Latest values", "Dernières valeurs")) }
                dl {
                    @for value in shown {
                        @let parameter = view.parameter(&value.parameter);
                        div {
                            dt { (name(frame.language, parameter, &value.parameter)) }
                            dd {
                                data.figure value=(value.value) { (decimal(frame.language, value.value)) }
                                " " span.unit { (unit(parameter.and_then(|p| p.unit.as_deref()).unwrap_or_default())) }
                            }
                            @if let Some(datum) = parameter.and_then(|p| p.datum.as_deref()) {
                                dd.note { (frame.t("above ", "référence : ")) (value_text(frame.language, "datum", datum)) }
                            }
                            dd.note { time datetime=(value.span.1) { (readable(value.span.1)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The whole section.
pub(super) fn section(frame: &Frame<'_>, series: &Series) -> Markup {
    let Series { view, listing } = series;
    let api = frame.links.absolute(&view.api_path(Format::Csv));
    html! {
        section #series aria-labelledby="series-title" data-mount="series" {
            h2 #series-title { (frame.t("Time series", "Série temporelle")) }
            div #view {
                (form(frame, series))
                (periods(frame, view))
                p #said .count role="status" { (said(frame, series)) }
                @if listing.is_cut {
                    p.notice { (too_many(frame)) }
                } @else if listing.rows.is_empty() {
                    p.notice { (frame.t(
                        "There are no values in this period. Choose another one above.",
                        "Il n'y a aucune valeur dans cette période. Choisissez-en une autre ci-dessus.",
                    )) }
                } @else {
                    (plot::figure(frame, series))
                    (table::table(frame, series))
                }
                (downloads(frame, view))
                (snippets(frame, &api, Answer::Series))
            }
        }
    }
}

fn too_many(frame: &Frame<'_>) -> String {
    let number = frame.language.number(ROWS_MAX as u64);
    match frame.language {
        Language::English => {
            format!(
                "There are more than {number} rows: choose a shorter period or a time step. The files below contain them all."
            )
        }
        Language::French => format!(
            "Il y a plus de {number} lignes : choisissez une période plus courte ou un pas de temps. Les fichiers ci-dessous les contiennent toutes."
        ),
    }
}

/// One sentence: how many rows, of when, made how.
fn said(frame: &Frame<'_>, Series { view, listing }: &Series) -> String {
    let (begin, end) = view.period();
    let count = frame.language.number(listing.rows.len() as u64);
    let plural = listing.rows.len() != 1;
    let more = if listing.is_cut { frame.t("more than ", "plus de ") } else { "" };
    let period = format!("{} – {}", date(begin), date(end));
    match view.step {
        None => {
            let rows = match (frame.language, plural) {
                (Language::English, true) => "observations",
                (Language::English, false) => "observation",
                (Language::French, true) => "observations",
                (Language::French, false) => "observation",
            };
            format!("{more}{count} {rows}, {period}")
        }
        Some(step) => {
            let name = step_name(frame.language, step);
            let methods = view.methods.iter().map(|m| method_name(frame.language, *m)).collect::<Vec<_>>().join(", ");
            let automatic = if view.step_name().is_empty() {
                frame.t(
                    " (step chosen to fit; all values can be shown)",
                    " (pas choisi pour la lisibilité ; toutes les valeurs peuvent être affichées)",
                )
            } else {
                ""
            };
            let steps = frame.t(if plural { "steps" } else { "step" }, "pas");
            format!("{more}{count} {steps}: {name}; {methods}; {period}{automatic}")
        }
    }
}

fn form(frame: &Frame<'_>, Series { view, listing }: &Series) -> Markup {
    let action = frame.links.local(&item_path(view.collection.as_str(), &view.feature));
    let (first, last) = view.span();
    let has_versions = view.versions != Versions::Latest || listing.rows.iter().any(|row| !row.version.is_empty());
    html! {
        form.panel.view-form #view-form action={ (action) "#series" } method="get"
            aria-label=(frame.t("Display options", "Options d'affichage")) {
            (parameters(frame, view))
            div.row {
                div.field {
                    label for="from" { (frame.t("From (UTC)", "Du (UTC)")) }
                    input #from type="date" name="from" value=[view.from.map(date)] min=(date(first)) max=(date(last));
                }
                div.field {
                    label for="to" { (frame.t("To (UTC)", "Au (UTC)")) }
                    input #to type="date" name="to" value=[view.to.map(date)] min=(date(first)) max=(date(last));
                }
                div.field {
                    label for="resample" { (frame.t("Time step", "Pas de temps")) }
                    select #resample name="resample" {
                        @for (value, english, french) in STEPS {
                            option value=(value) selected[view.step_name() == value] { (frame.t(english, french)) }
                        }
                        @if !STEPS.iter().any(|(value, ..)| *value == view.step_name()) {
                            option value=(view.step_name()) selected { (view.step_name()) }
                        }
                    }
                }
                div.field {
                    label for="method" { (frame.t("Statistic per step", "Statistique par pas")) }
                    select #method name="method" {
                        @for (value, english, french) in METHODS {
                            option value=(value) selected[view.method_names() == value] { (frame.t(english, french)) }
                        }
                        @if !METHODS.iter().any(|(value, ..)| *value == view.method_names()) {
                            option value=(view.method_names()) selected { (view.method_names()) }
                        }
                    }
                }
                @if has_versions {
                    div.field {
                        label for="version" { (frame.t("Versions", "Versions")) }
                        select #version name="version" {
                            option value="" selected[view.versions == Versions::Latest] { (frame.t("newest of each", "la plus récente")) }
                            option value="all" selected[view.versions == Versions::All] { (frame.t("all", "toutes")) }
                            @if let Versions::Only(name) = &view.versions { option value=(name) selected { (name) } }
                        }
                    }
                }
                @if let Some(lang) = frame.lang { input type="hidden" name="lang" value=(lang); }
                button.button type="submit" { (frame.t("Show", "Afficher")) }
            }
        }
    }
}

/// Value in the address, English, French.
const STEPS: [(&str, &str, &str); 7] = [
    ("", "automatic", "automatique"),
    ("none", "every value", "toutes les valeurs"),
    ("PT1H", "hour", "heure"),
    ("P1D", "day", "jour"),
    ("P1W", "week", "semaine"),
    ("P1M", "month", "mois"),
    ("P1Y", "year", "année"),
];

/// Value in the address, English, French.
const METHODS: [(&str, &str, &str); 8] = [
    ("mean,min,max", "mean with range", "moyenne et étendue"),
    ("mean", "mean", "moyenne"),
    ("median", "median", "médiane"),
    ("min", "minimum", "minimum"),
    ("max", "maximum", "maximum"),
    ("sum", "sum", "somme"),
    ("first", "first value", "première valeur"),
    ("last", "last value", "dernière valeur"),
];

fn parameters(frame: &Frame<'_>, view: &View) -> Markup {
    // In the order chosen, so that the form sends the same order again; one that this feature lacks is there too, or
    // nobody could take it away.
    let first: Vec<&Parameter> = view.chosen.iter().filter_map(|name| view.parameter(name)).collect();
    let others: Vec<&Parameter> = view.offered().filter(|parameter| !view.chosen.contains(&parameter.name)).collect();
    // What this feature is known to have stands before what it may have.
    let (known, unknown): (Vec<_>, Vec<_>) = others.into_iter().partition(|parameter| parameter.keeps_latest());
    let room = OFFERED_AT_ONCE.saturating_sub(first.len()).min(known.len());
    let (near, rest) = known.split_at(room);
    let far: Vec<&Parameter> = rest.iter().copied().chain(unknown).collect();
    html! {
        fieldset.choices {
            legend { (frame.t("Parameters", "Paramètres")) " " span.hint { (frame.t("up to ", "jusqu'à ")) (CHOSEN_MAX) } }
            ul.plain { @for parameter in first.iter().chain(near) { (choice(frame, view, parameter)) } }
            @if !far.is_empty() {
                details #others {
                    summary { (frame.t("Others", "Autres")) " (" (far.len()) ")" }
                    ul.plain { @for parameter in &far { (choice(frame, view, parameter)) } }
                }
            }
        }
    }
}

fn choice(frame: &Frame<'_>, view: &View, parameter: &Parameter) -> Markup {
    let count = view.summary.latest.iter().find(|latest| latest.parameter == parameter.name).map(|l| l.count);
    let about = parameter.description.as_deref();
    let about = about.filter(|_| frame.language == Language::English || parameter.title_fr.is_none());
    html! {
        li {
            label.choice title=[about] {
                input type="checkbox" name="parameter-name" value=(parameter.name) checked[view.chosen.contains(&parameter.name)];
                span {
                    (told(frame.language, &view.known, parameter))
                    @if let Some(own) = parameter.unit.as_deref() { " " span.hint { (unit(own)) } }
                    @if let Some(count) = count {
                        " " span.hint { "(" (values(frame.language, count)) ")" }
                    }
                }
            }
        }
    }
}

/// A number of values.
fn values(language: Language, count: u64) -> String {
    let number = language.number(count);
    // French counts nothing and one alike.
    let is_one = count == 1 || (count == 0 && language == Language::French);
    let word = if is_one { language.of("value", "valeur") } else { language.of("values", "valeurs") };
    format!("{number} {word}")
}

/// What a chart shows: quantities with their units, the feature, the period and, of steps, their statistics.
fn subject(frame: &Frame<'_>, view: &View) -> String {
    let quantity = |parameter: &Parameter| heading(frame.language, view, parameter, None);
    let quantities: Vec<String> = view.chosen.iter().filter_map(|name| view.parameter(name)).map(quantity).collect();
    let (begin, end) = view.period();
    let step = view.step.map(|step| {
        let methods = view.methods.iter().map(|m| method_name(frame.language, *m)).collect::<Vec<_>>().join(", ");
        format!(", {} {} ({methods})", frame.t("by", "par"), step_name(frame.language, step))
    });
    format!("{}, {}, {} – {}{}", quantities.join("; "), view.title, date(begin), date(end), step.unwrap_or_default())
}

/// Links to other periods: round ones, and a step in each direction.
fn periods(frame: &Frame<'_>, view: &View) -> Markup {
    let (first, last) = view.span();
    let back = |days: i64| Instant((last.0.div_euclid(DAY_US) - days) * DAY_US);
    let named: Vec<(&str, &str, i64)> = [
        ("Last 30 days", "30 derniers jours", 29),
        ("Last year", "Dernière année", 364),
        ("Last 5 years", "5 dernières années", 1825),
        ("Last 20 years", "20 dernières années", 7304),
    ]
    .into_iter()
    .filter(|(.., days)| back(*days) > first)
    .collect();
    let whole = view.from.is_none() && view.to.is_none();
    let is_now = |days: i64| view.from == Some(back(days)) && view.to.is_none();
    let moves = [
        ("zoom-in", Move::In, "Zoom in", "Zoom avant", "+"),
        ("zoom-out", Move::Out, "Zoom out", "Zoom arrière", "−"),
        ("earlier", Move::Earlier, "Earlier", "Plus tôt", "←"),
        ("later", Move::Later, "Later", "Plus tard", "→"),
    ];
    html! {
        nav.periods aria-label=(frame.t("Period", "Période")) {
            ul.chips {
                li {
                    a #whole .chip.active[whole] href=(href(frame, view, Change::Period(None, None))) aria-current=[whole.then_some("true")] {
                        (frame.t("Whole period", "Toute la période"))
                    }
                }
                @for (english, french, days) in named {
                    li {
                        a.chip.active[is_now(days)] id={ "last-" (days) } href=(href(frame, view, Change::Period(Some(back(days)), None)))
                            aria-current=[is_now(days).then_some("true")] { (frame.t(english, french)) }
                    }
                }
            }
            ul.chips.moves {
                @for (id, how, english, french, sign) in moves {
                    li {
                        a.button.quiet.small id=(id) href=(href(frame, view, view.moved(how))) title=(frame.t(english, french)) {
                            span aria-hidden="true" { (sign) } span.hidden-text { (frame.t(english, french)) }
                        }
                    }
                }
            }
        }
    }
}

fn downloads(frame: &Frame<'_>, view: &View) -> Markup {
    html! {
        section.downloads aria-labelledby="downloads-title" {
            h3 #downloads-title { (frame.t("Download these data", "Télécharger ces données")) }
            p.hint { (frame.t("Exactly what is shown, all rows.", "Exactement ce qui est affiché, toutes les lignes.")) }
            p.actions {
                @for format in OFFERED {
                    a.button.quiet href=(frame.links.local(&view.api_path(format))) download rel="nofollow" {
                        (icon(Icon::Download)) (format.label())
                    }
                }
            }
        }
    }
}

/// The address of this page with something changed.
fn href(frame: &Frame<'_>, view: &View, change: Change) -> String {
    let path = item_path(view.collection.as_str(), &view.feature);
    let pairs = view.pairs(change);
    let address = with_query(&path, pairs.iter().map(|(name, value)| (*name, value.as_str())));
    format!("{}#series", frame.href(&address))
}

/// The parameter's title in the page's language, as far as it has one.
pub(super) fn name<'a>(language: Language, parameter: Option<&'a Parameter>, name: &'a str) -> &'a str {
    let title = parameter.and_then(|p| p.title.as_deref()).unwrap_or(name);
    let titre = parameter.and_then(|p| p.title_fr.as_deref()).unwrap_or(title);
    language.of(title, titre)
}

/// As [`name`]; an uncertainty without a title is named after what it is the uncertainty of.
pub(super) fn told(language: Language, known: &[Parameter], parameter: &Parameter) -> String {
    let owner = known.iter().find(|p| p.uncertainty.as_ref() == Some(&parameter.name));
    match owner.filter(|_| parameter.title.is_none()) {
        Some(owner) => {
            format!("{}, {}", name(language, Some(owner), &owner.name), language.of("uncertainty", "incertitude"))
        }
        None => name(language, Some(parameter), &parameter.name).to_owned(),
    }
}

fn step_name(language: Language, step: Step) -> String {
    let text = step.to_string();
    let known = STEPS.iter().find(|(value, ..)| *value == text);
    known.map_or(text, |(_, english, french)| language.of(english, french).to_owned())
}

fn method_name(language: Language, method: Method) -> &'static str {
    let (english, french) = crate::routes::edr::statistic(method);
    language.of(english, french)
}

/// A unit as people write it; one that is not known stays in UCUM.
pub(super) fn unit(ucum: &str) -> &str {
    match ucum {
        "1" => "",
        "Cel" => "°C",
        "deg" => "°",
        "m2" => "m²",
        "km2" => "km²",
        "km3" => "km³",
        "m3/s" => "m³/s",
        "W/m2" => "W/m²",
        "[ft_i]" => "ft",
        "[ft_i]3/s" => "ft³/s",
        "[in_i]" => "in",
        "[degF]" => "°F",
        other => other,
    }
}

/// What stands over a column of numbers: `Water surface elevation (m, EGM2008)`.
fn heading(language: Language, view: &View, parameter: &Parameter, method: Option<Method>) -> String {
    let title = told(language, &view.known, parameter);
    if method == Some(Method::Count) {
        return format!("{title}, {}", method_name(language, Method::Count));
    }
    let what = method.map(|method| format!(", {}", method_name(language, method))).unwrap_or_default();
    let own = parameter.unit.as_deref().map(unit).filter(|unit| !unit.is_empty());
    let datum = parameter.datum.as_deref().map(|datum| value_text(language, "datum", datum));
    let notes: Vec<&str> = own.into_iter().chain(datum).collect();
    if notes.is_empty() { format!("{title}{what}") } else { format!("{title}{what} ({})", notes.join(", ")) }
}

/// A page of the table: the rows it shows, newest first, as positions in all.
fn rows_of_page(view: &View, count: usize) -> std::ops::Range<usize> {
    // Beyond the last page stands the last page.
    let last = count.saturating_sub(1) / ROWS_ON_PAGE;
    let begin = (view.page - 1).min(last) * ROWS_ON_PAGE;
    begin..(begin + ROWS_ON_PAGE).min(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_one_value() {
        for (count, english, french) in
            [(0, "0 values", "0 valeur"), (1, "1 value", "1 valeur"), (2, "2 values", "2 valeurs")]
        {
            assert_eq!(values(Language::English, count), english);
            assert_eq!(values(Language::French, count), french);
        }
    }
}
