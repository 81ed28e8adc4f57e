//! The points of the chart as a table, newest first, a page of them.

use maud::{Markup, html};
use nilometer_query::series::{Method, SeriesColumn};

use super::view::{Change, ROWS_ON_PAGE, View};
use super::{Series, heading, href, rows_of_page, said};
use crate::html::figures::{decimal, precise};
use crate::html::language::Language;
use crate::html::layout::Frame;
use crate::routes::edr::Listed;

/// The table with its caption and the way to further pages.
pub(super) fn table(frame: &Frame<'_>, series: &Series) -> Markup {
    let Series { view, listing } = series;
    let count = listing.rows.len();
    let shown = rows_of_page(view, count);
    let with_discriminator = listing.rows.iter().any(|row| !row.discriminator.is_empty());
    let with_version = listing.rows.iter().any(|row| !row.version.is_empty());
    html! {
        details.values #values open {
            summary { (frame.t("Values as a table", "Valeurs sous forme de tableau")) }
            div.scroll tabindex="0" role="region" aria-labelledby="values-caption" {
                table.series data-count=(count) {
                    caption #values-caption {
                        strong { (view.title) } ", " (said(frame, series)) ". "
                        (rows_said(frame, shown.start, shown.end, count))
                    }
                    thead {
                        tr {
                            th scope="col" { (if view.step.is_some() { frame.t("Step begins (UTC)", "Début du pas (UTC)") } else { frame.t("Time (UTC)", "Heure (UTC)") }) }
                            @for column in &listing.columns {
                                th scope="col" .number[is_number(column)] data-column=(column.name) { (heading(frame.language, view, &column.parameter, column.method)) }
                            }
                            @if with_discriminator { th scope="col" { (frame.t("Sample or pass", "Échantillon ou passage")) } }
                            @if with_version { th scope="col" { "Version" } }
                        }
                    }
                    tbody {
                        @for row in listing.rows.iter().rev().skip(shown.start).take(shown.len()) {
                            tr {
                                th scope="row" { time datetime=(row.time) { (precise(row.time)) } }
                                @for (column, value) in listing.columns.iter().zip(&row.values) {
                                    (cell(frame.language, column, value))
                                }
                                @if with_discriminator { td { (row.discriminator) } }
                                @if with_version { td { (row.version) } }
                            }
                        }
                    }
                }
            }
            (pager(frame, view, count))
        }
    }
}

fn rows_said(frame: &Frame<'_>, begin: usize, end: usize, count: usize) -> String {
    let number = |n: usize| frame.language.number(n as u64);
    let (from, to, all) = (number((begin + 1).min(count)), number(end), number(count));
    match frame.language {
        Language::English => format!("Rows {from} to {to} of {all}, newest first."),
        Language::French => format!("Lignes {from} à {to} sur {all}, les plus récentes d'abord."),
    }
}

fn is_number(column: &SeriesColumn) -> bool {
    column.parameter.categories.is_none() || column.method.is_some()
}

fn cell(language: Language, column: &SeriesColumn, value: &Listed) -> Markup {
    let meaning = |code: &str| {
        let categories = column.parameter.categories.as_ref().filter(|_| column.method.is_none());
        categories.and_then(|categories| categories.get(code)?.as_str().map(str::to_owned))
    };
    match value {
        Listed::Missing => html! { td.number { span.none title=(language.of("missing", "manquante")) { "–" } } },
        Listed::Number(number) => html! { td.number { data value=(number) { (decimal(language, *number)) } } },
        Listed::Integer(number) => match meaning(&number.to_string()) {
            Some(text) => html! { td { data value=(number) { (text) } } },
            // Quantities are grouped as people write them; codes and numbers of passes are not.
            None if column.method == Some(Method::Count) || column.parameter.unit.is_some() => {
                html! { td.number { data value=(number) { (decimal(language, *number as f64)) } } }
            }
            None => html! { td.number { data value=(number) { (number) } } },
        },
        Listed::Text(text) => match meaning(text) {
            Some(said) => html! { td { data value=(text) { (said) } } },
            None => html! { td { (text) } },
        },
    }
}

fn pager(frame: &Frame<'_>, view: &View, count: usize) -> Markup {
    let pages = count.div_ceil(ROWS_ON_PAGE).max(1);
    html! {
        @if pages > 1 {
            nav.pager aria-label=(frame.t("Pages of the table", "Pages du tableau")) {
                @if view.page.min(pages) > 1 {
                    a #newer .button.quiet.small rel="prev" href=(href(frame, view, Change::Page(view.page.min(pages) - 1))) {
                        (frame.t("Newer rows", "Lignes plus récentes"))
                    }
                }
                span.hint { (frame.t("Page", "Page")) " " (view.page.min(pages)) " / " (pages) }
                @if view.page < pages {
                    a #older .button.quiet.small rel="next" href=(href(frame, view, Change::Page(view.page + 1))) {
                        (frame.t("Older rows", "Lignes plus anciennes"))
                    }
                }
            }
        }
    }
}
