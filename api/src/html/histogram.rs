//! How much there is in each year: bars, and the same numbers as a table.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::layout::Frame;
use super::table::{Column, table};

/// Height and width of the drawing; a bar is one unit wide with a gap.
const HEIGHT: f64 = 60.0;
const BAR: f64 = 10.0;
const GAP: f64 = 2.0;

/// Bars for counts by year; nothing for none. Years without a count between others stay empty.
pub(super) fn by_year(frame: &Frame<'_>, title: &str, counts: &BTreeMap<i64, u64>) -> Markup {
    let (Some((first, _)), Some((last, _))) = (counts.first_key_value(), counts.last_key_value()) else {
        return html! {};
    };
    let most = counts.values().copied().max().unwrap_or(1).max(1);
    let years = last - first + 1;
    let width = years as f64 * BAR;
    // A few years make no broad bars; many share what there is.
    let pixels = (years * 40).clamp(280, 1200);
    let columns = [Column::Text(frame.t("Year", "Année")), Column::Number(frame.t("Number", "Nombre"))];
    let rows = html! {
        @for (year, count) in counts {
            tr { th scope="row" { (year) } td.number { (frame.language.number(*count)) } }
        }
    };
    html! {
        figure.histogram {
            figcaption { (title) }
            svg width=(pixels) viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
                @for (year, count) in counts {
                    @let height = (*count as f64 / most as f64 * HEIGHT).max(1.0);
                    rect.bar x=((year - first) as f64 * BAR + GAP / 2.0) y=(HEIGHT - height) width=(BAR - GAP) height=(height) {
                        title { (year) ": " (frame.language.number(*count)) }
                    }
                }
            }
            p.ends aria-hidden="true" { span { (first) } span { "max. " (frame.language.number(most)) } span { (last) } }
            details {
                summary { (frame.t("As a table", "Sous forme de tableau")) }
                div.low { (table(title, &columns, &rows)) }
            }
        }
    }
}
