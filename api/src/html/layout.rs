//! The frame of every page: head, header with navigation, footer.

use maud::{DOCTYPE, Markup, html};

use super::Language;
use crate::links::{Links, with_query};
use crate::routes::ask::Ask;
use crate::routes::{icon_path, style_path};

/// What the frame needs to know of a request.
pub(super) struct Frame<'a> {
    /// Makes local links.
    pub(super) links: &'a Links,
    /// Language of the page.
    pub(super) language: Language,
    /// Language chosen in the address, kept in local links.
    pub(super) lang: Option<&'a str>,
    /// Path of this page in each language, for the switch; `None` where there is no switch.
    pub(super) translations: Option<[(Language, String); 2]>,
    /// Path of the same answer as JSON.
    pub(super) json: Option<String>,
}

impl<'a> Frame<'a> {
    /// The frame of an ordinary page.
    pub(super) fn of(ask: &'a Ask) -> Self {
        let pairs = || ask.query.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let in_language =
            |language: Language| (language, with_query(&ask.path, pairs().chain([("lang", language.tag())])));
        Self {
            links: &ask.links,
            language: ask.language(),
            lang: ask.lang.as_deref(),
            translations: Some([in_language(Language::English), in_language(Language::French)]),
            json: Some(with_query(&ask.path, pairs().chain([("f", "json")]))),
        }
    }

    /// A local link that keeps the chosen language.
    pub(super) fn href(&self, path: &str) -> String {
        let local = self.links.local(path);
        match self.lang {
            None => local,
            Some(lang) if local.contains('?') => format!("{local}&lang={lang}"),
            Some(lang) => format!("{local}?lang={lang}"),
        }
    }

    /// One of two texts.
    pub(super) fn t<'t>(&self, english: &'t str, french: &'t str) -> &'t str {
        self.language.of(english, french)
    }

    /// A whole page.
    pub(super) fn page(&self, title: &str, main: Markup) -> String {
        let full_title = if title.is_empty() { "Nilometer".to_owned() } else { format!("{title} · Nilometer") };
        html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (full_title) }
                    link rel="stylesheet" href=(self.links.local(&style_path()));
                    link rel="icon" type="image/svg+xml" href=(self.links.local(&icon_path()));
                    @if let Some(json) = &self.json {
                        link rel="alternate" type="application/json" href=(self.links.local(json));
                    }
                    @for (language, path) in self.translations.iter().flatten() {
                        link rel="alternate" hreflang=(language.tag()) href=(self.links.absolute(path));
                    }
                }
                body {
                    a.skip href="#main" { (self.t("Skip to the content", "Aller au contenu")) }
                    (self.header())
                    main id="main" { (main) }
                    (self.footer())
                }
            }
        }
        .into_string()
    }

    fn header(&self) -> Markup {
        html! {
            header.top {
                div.wide {
                    a.brand href=(self.href("/")) {
                        img src=(self.links.local(&icon_path())) alt="" width="28" height="28";
                        span { "Nilometer" }
                    }
                    nav aria-label=(self.t("Main", "Principale")) {
                        a href=(self.href("/search")) { (self.t("Search", "Recherche")) }
                        a href=(self.href("/collections")) { "Collections" }
                        a href=(self.href("/api.html")) { "API" }
                    }
                    @if let Some(translations) = &self.translations {
                        nav.languages aria-label=(self.t("Language", "Langue")) {
                            @for (language, path) in translations {
                                @let name = match language {
                                    Language::English => "English",
                                    Language::French => "Français",
                                };
                                a href=(self.links.local(path)) lang=(language.tag()) hreflang=(language.tag())
                                    aria-current=[(*language == self.language).then_some("true")] { (name) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer.bottom {
                div.wide {
                    p {
                        (self.t(
                            "Nilometer tells what is known about the world's surface water.",
                            "Nilometer dit ce que l'on sait des eaux de surface du monde.",
                        ))
                    }
                    nav aria-label=(self.t("For programs", "Pour les programmes")) {
                        @if let Some(json) = &self.json {
                            a href=(self.links.local(json)) { (self.t("This page as JSON", "Cette page en JSON")) }
                        }
                        a href=(self.href("/conformance?f=html")) { (self.t("Conformance", "Conformité")) }
                        a href=(self.links.local("/api?f=json")) { "OpenAPI" }
                    }
                }
            }
        }
    }
}

/// The way from the first page to this one.
pub(super) fn breadcrumbs(frame: &Frame<'_>, steps: &[(&str, String)], here: &str) -> Markup {
    html! {
        nav.crumbs aria-label=(frame.t("Breadcrumb", "Fil d'Ariane")) {
            ol {
                @for (text, path) in steps {
                    li { a href=(frame.href(path)) { (text) } }
                }
                li aria-current="page" { (here) }
            }
        }
    }
}
