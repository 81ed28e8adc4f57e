//! The frame of tables: each scrolls by itself where the page is narrow, by keyboard too, and has a name.

use maud::{Markup, Render, html};

/// Heading of a column.
pub(super) enum Column<'a> {
    Text(&'a str),
    /// Of numbers, which stand to the right.
    Number(&'a str),
}

use Column::{Number, Text};

impl Render for Column<'_> {
    fn render(&self) -> Markup {
        match self {
            Text(title) => html! { th scope="col" { (title) } },
            Number(title) => html! { th.number scope="col" { (title) } },
        }
    }
}

/// A table. `name` tells what it holds, to those who do not see it, and is there once on a page; `rows` are its `tr`.
pub(super) fn table(name: &str, columns: &[Column<'_>], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) {
            table {
                caption.hidden-text { (name) }
                thead { tr { @for column in columns { (column) } } }
                tbody { (rows) }
            }
        }
    }
}
