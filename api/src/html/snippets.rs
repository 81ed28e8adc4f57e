//! The same question for programs: short texts in Python, R and for curl that fetch exactly what is on the screen.
//!
//! Any page may show them for an address of the interface. In the texts the address stands in an element with
//! `data-url`, so that a script that changes the question changes them too.

use maud::{Markup, html};

use super::layout::Frame;

/// What the address answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Series as CSV.
    Series,
    /// A page of items as GeoJSON.
    Items,
}

/// A text before the address and after it.
struct Snippet {
    id: &'static str,
    name: &'static str,
    before: &'static str,
    after: &'static str,
}

const SERIES: [Snippet; 3] = [
    Snippet {
        id: "python",
        name: "Python",
        before: "import pandas as pd\n\nurl = \"",
        after: "\"\nseries = pd.read_csv(url, parse_dates=[\"phenomenon_time\"])\nprint(series.describe())\n",
    },
    Snippet {
        id: "r",
        name: "R",
        before: "library(readr)\n\nurl <- \"",
        after: "\"\nseries <- read_csv(url)\nsummary(series)\n",
    },
    Snippet { id: "curl", name: "curl", before: "curl --fail --compressed --output series.csv \\\n  '", after: "'\n" },
];

const ITEMS: [Snippet; 3] = [
    Snippet {
        id: "python",
        name: "Python",
        before: "import geopandas as gpd\n\nurl = \"",
        after: "\"\nitems = gpd.read_file(url)\nprint(items.head())\n",
    },
    Snippet {
        id: "r",
        name: "R",
        before: "library(sf)\n\nurl <- \"",
        after: "\"\nitems <- st_read(url)\nprint(items)\n",
    },
    Snippet {
        id: "curl",
        name: "curl",
        before: "curl --fail --compressed --output items.geojson \\\n  '",
        after: "'\n",
    },
];

/// The texts for an absolute address, folded up.
pub(super) fn snippets(frame: &Frame<'_>, url: &str, answer: Answer) -> Markup {
    let texts = match answer {
        Answer::Series => &SERIES,
        Answer::Items => &ITEMS,
    };
    html! {
        details.snippets #code data-mount="copy" {
            summary { (frame.t("Code for this view: Python, R, curl", "Code pour cette vue : Python, R, curl")) }
            @for snippet in texts {
                div.snippet {
                    div.snippet-head {
                        h3 { (snippet.name) }
                        button.button.quiet.small.needs-script type="button" data-copy={ "snippet-" (snippet.id) }
                            aria-label=(frame.t("Copy the code for ", "Copier le code pour ").to_owned() + snippet.name) {
                            (frame.t("Copy", "Copier"))
                        }
                    }
                    pre tabindex="0" role="region" aria-label=(snippet.name) {
                        code id={ "snippet-" (snippet.id) } { (snippet.before) span data-url { (url) } (snippet.after) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::Language;
    use crate::links::Links;

    #[test]
    fn every_text_holds_the_address_as_it_is_and_a_button_of_its_own() {
        let links = Links::new("http://h/p");
        let frame = Frame {
            links: &links,
            language: Language::French,
            lang: None,
            translations: None,
            json: None,
            reader: super::super::layout::Reader::Unknown,
        };
        let page = snippets(&frame, "http://h/p/x?f=CSV&a=b", Answer::Series).into_string();
        assert_eq!(page.matches("http://h/p/x?f=CSV&amp;a=b").count(), 3);
        for id in ["python", "r", "curl"] {
            assert!(page.contains(&format!("data-copy=\"snippet-{id}\"")), "{id}: {page}");
        }
        assert!(page.contains("Copier le code pour R"));
    }
}
