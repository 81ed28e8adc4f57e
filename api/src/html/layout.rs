//! The frame of every page: head, header with navigation, footer.

use maud::{DOCTYPE, Markup, html};

use super::Language;
use super::icons::{Icon, icon};
use crate::links::{Links, with_query};
use crate::routes::ask::Ask;
use crate::routes::asset_path;

/// The part of the site that a page belongs to, marked in the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Section {
    /// None of those that the navigation names.
    #[default]
    Other,
    /// Search and map.
    Search,
    /// Collections and their items.
    Collections,
    /// The interface for programs.
    Api,
    /// The reader's account.
    Account,
}

/// Who reads a page, as its head shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader<'a> {
    /// It is not known, as on the page of a problem.
    Unknown,
    /// Somebody without an account.
    Visitor,
    /// The account of this name.
    Account(&'a str),
}

/// What is particular to one page.
#[derive(Default)]
pub(super) struct Page<'a> {
    /// Its title, without the service's name; empty for the first page.
    pub(super) title: &'a str,
    /// One sentence for search engines; may be empty.
    pub(super) description: &'a str,
    /// Where it belongs.
    pub(super) section: Section,
    /// Further elements of `head`, such as JSON-LD.
    pub(super) head: Markup,
    /// Whether it takes the whole window, as a map does: no margins; the footer stands below.
    pub(super) fills_window: bool,
    /// What stands between header and footer.
    pub(super) main: Markup,
}

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
    /// Who reads it.
    pub(super) reader: Reader<'a>,
}

/// The path of a page with the parameters of its question in each language.
fn in_both_languages<'q, I>(path: &str, pairs: impl Fn() -> I) -> [(Language, String); 2]
where
    I: Iterator<Item = (&'q str, &'q str)>,
{
    [Language::English, Language::French]
        .map(|language| (language, with_query(path, pairs().chain([("lang", language.tag())]))))
}

impl<'a> Frame<'a> {
    /// The frame of an ordinary page.
    pub(super) fn of(ask: &'a Ask) -> Self {
        let pairs = || ask.query.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        Self {
            links: &ask.links,
            language: ask.language(),
            lang: ask.lang.as_deref(),
            translations: Some(in_both_languages(&ask.path, pairs)),
            json: Some(with_query(&ask.path, pairs().chain([("f", "json")]))),
            reader: ask.principal.user.as_deref().map_or(Reader::Visitor, Reader::Account),
        }
    }

    /// The frame of the page at `path`, which may be shown at another address too: there a form was sent to, and refused.
    pub(super) fn at(ask: &'a Ask, path: &str) -> Self {
        let frame = Self::of(ask);
        if ask.path == path {
            return frame;
        }
        Self { translations: Some(in_both_languages(path, std::iter::empty)), ..frame }
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

    /// An ordinary page: a title, and what stands between header and footer.
    pub(super) fn page(&self, title: &str, main: Markup) -> String {
        self.whole(&Page { title, main, ..Page::default() })
    }

    /// A whole page.
    pub(super) fn whole(&self, page: &Page<'_>) -> String {
        let title = if page.title.is_empty() { "Nilometer".to_owned() } else { format!("{} · Nilometer", page.title) };
        html! {
            (DOCTYPE)
            html lang=(self.language.tag()) data-base=(self.links.local("")) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) }
                    @if !page.description.is_empty() { meta name="description" content=(page.description); }
                    script src=(self.asset("theme.js")) {}
                    link rel="stylesheet" href=(self.asset("portal.css"));
                    script type="module" src=(self.asset("main.js")) {}
                    link rel="icon" type="image/svg+xml" href=(self.asset("favicon.svg"));
                    @if let Some(json) = &self.json {
                        link rel="alternate" type="application/json" href=(self.links.local(json));
                    }
                    @for (language, path) in self.translations.iter().flatten() {
                        link rel="alternate" hreflang=(language.tag()) href=(self.links.absolute(path));
                    }
                    (page.head)
                }
                body {
                    a.skip href="#main" { (self.t("Skip to the content", "Aller au contenu")) }
                    (self.header(page.section))
                    main #main .full[page.fills_window] { (page.main) }
                    (self.footer())
                    div #toasts role="status" {}
                }
            }
        }
        .into_string()
    }

    /// Local address of a file that the build made, such as `main.js`.
    pub(super) fn asset(&self, role: &str) -> String {
        self.links.local(&asset_path(role))
    }

    fn header(&self, section: Section) -> Markup {
        let here = |own: Section| (own == section).then_some("page");
        html! {
            header.top {
                div {
                    a.brand href=(self.href("/")) {
                        img src=(self.asset("favicon.svg")) alt="" width="28" height="28";
                        span { "Nilometer" }
                    }
                    nav aria-label=(self.t("Main", "Principale")) {
                        a href=(self.href("/search")) aria-current=[here(Section::Search)] {
                            (self.t("Search", "Recherche"))
                        }
                        a href=(self.href("/collections")) aria-current=[here(Section::Collections)] { "Collections" }
                        a href=(self.href("/api.html")) aria-current=[here(Section::Api)] { "API" }
                    }
                    div.settings {
                        (self.account_link(section))
                        (self.language_switch())
                        button.button.bare.icon-only.theme.needs-script type="button" aria-pressed="false"
                            aria-label=(self.t("Dark theme", "Thème sombre")) title=(self.t("Dark theme", "Thème sombre")) {
                            (icon(Icon::Sun)) (icon(Icon::Moon))
                        }
                    }
                }
            }
        }
    }

    /// The way to the reader's account, or to one. On a narrow screen the drawing stands alone.
    fn account_link(&self, section: Section) -> Markup {
        let (path, text) = match self.reader {
            Reader::Account(name) => ("/account", name),
            Reader::Visitor => ("/sign-in", self.t("Sign in", "Se connecter")),
            Reader::Unknown => ("/account", self.t("Account", "Compte")),
        };
        let here = (section == Section::Account).then_some("page");
        html! {
            nav.reader aria-label=(self.t("Account", "Compte")) {
                a href=(self.href(path)) aria-current=[here] { (icon(Icon::Person)) span { (text) } }
            }
        }
    }

    fn language_switch(&self) -> Markup {
        html! {
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

    fn footer(&self) -> Markup {
        html! {
            footer.bottom {
                div.wide {
                    p {
                        (self.t(
                            "What is known about the world's surface water, in one place.",
                            "Ce que l'on sait des eaux de surface du monde, en un seul lieu.",
                        ))
                    }
                    nav aria-label=(self.t("About this service", "À propos de ce service")) {
                        @for kind in super::Legal::ALL { a href=(self.href(&kind.path())) { (kind.title(self.language)) } }
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
