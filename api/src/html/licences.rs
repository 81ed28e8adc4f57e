//! Pages of terms: those of a collection, and those that an account has accepted or is to accept.

use maud::{Markup, html};
use nilometer_schemas::Instant;

use super::account::{frame, token, whole};
use super::language::readable;
use super::layout::{Frame, breadcrumbs};
use super::table::{Column, table};
use super::values::web_address;
use crate::accounts::Acceptance;
use crate::links::{encode, with_query};
use crate::orders::Terms;
use crate::routes::ask::Ask;

/// The terms of a collection.
pub(crate) struct TermsView<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) title: &'a str,
    pub(crate) must: bool,
    pub(crate) accepted: Option<Instant>,
}

/// What an account has accepted, and what it is to accept.
pub(crate) struct LicencesView<'a> {
    /// Acceptances, newest first, with whether these are still the terms.
    pub(crate) accepted: &'a [(Acceptance, bool)],
    /// Terms with the titles of their collections.
    pub(crate) open: &'a [(Terms, String)],
}

fn head(frame: &Frame<'_>, title: &str, lead: &str) -> Markup {
    let account = (frame.t("Account", "Compte"), "/account".to_owned());
    html! {
        (breadcrumbs(frame, &[("Nilometer", "/".to_owned()), account], title))
        header.title { h1 { (title) } p.lead { (lead) } }
    }
}

/// The name of a licence, which leads to its text where that is known.
fn licence(terms: &Terms) -> Markup {
    html! {
        @match terms.href.as_deref().and_then(web_address) {
            Some(address) => a href=(address) { (terms.licence) },
            None => (terms.licence),
        }
    }
}

/// `/account/licences`.
pub(crate) fn licences(ask: &Ask, view: &LicencesView<'_>) -> String {
    let frame = frame(ask);
    let title = frame.t("Licences", "Licences");
    let lead = frame.t(
        "Some collections ask that their terms be accepted before files are ordered or fetched.",
        "Certaines collections demandent que leurs conditions soient acceptées avant de commander ou de télécharger des fichiers.",
    );
    let main = html! {
        div.wide.stack {
            (head(&frame, title, lead))
            (open(&frame, view))
            (accepted(&frame, view))
        }
    };
    whole(&frame, title, main)
}

fn open(frame: &Frame<'_>, view: &LicencesView<'_>) -> Markup {
    let title = frame.t("To be accepted", "À accepter");
    let columns = [Column::Text(frame.t("Collection", "Collection")), Column::Text(frame.t("Terms", "Conditions"))];
    let rows = html! {
        @for (terms, of) in view.open {
            tr { th scope="row" { a href=(frame.href(&terms.path())) { (of) } } td { (licence(terms)) } }
        }
    };
    html! {
        section {
            h2 { (title) }
            @if view.open.is_empty() { p.none { (frame.t("Nothing is left to accept.", "Il ne reste rien à accepter.")) } }
            @else { (table(title, &columns, &rows)) }
        }
    }
}

fn accepted(frame: &Frame<'_>, view: &LicencesView<'_>) -> Markup {
    let title = frame.t("Accepted", "Acceptées");
    let columns = [
        Column::Text(frame.t("Collection", "Collection")),
        Column::Text(frame.t("Terms", "Conditions")),
        Column::Text(frame.t("When", "Quand")),
        Column::Text(frame.t("In force", "En vigueur")),
    ];
    let rows = html! {
        @for (acceptance, is_current) in view.accepted {
            tr {
                th scope="row" { a href=(frame.href(&format!("/licences/{}", encode(&acceptance.collection)))) { (acceptance.collection) } }
                td { (acceptance.licence) }
                td { (readable(acceptance.accepted)) }
                td { (if *is_current { frame.t("yes", "oui") } else { frame.t("no, the terms have changed", "non, les conditions ont changé") }) }
            }
        }
    };
    html! {
        section {
            h2 { (title) }
            @if view.accepted.is_empty() { p.none { (frame.t("Nothing was accepted yet.", "Rien n'a encore été accepté.")) } }
            @else { (table(title, &columns, &rows)) }
        }
    }
}

/// `/licences/{collection}`.
pub(crate) fn terms(ask: &Ask, view: &TermsView<'_>, csrf: &str) -> String {
    let frame = frame(ask);
    let title = frame.t("Terms of use", "Conditions d'utilisation");
    let TermsView { terms, .. } = view;
    let main = html! {
        div.narrow.stack {
            (head(&frame, title, view.title))
            dl.facts {
                dt { "Licence" }
                dd { (licence(terms)) }
                @if let Some(at) = view.accepted { dt { (frame.t("You accepted them", "Vous les avez acceptées le")) } dd { (readable(at)) } }
            }
            @if !view.must {
                p { (frame.t("Nothing has to be accepted before files are ordered or fetched.", "Rien n'est à accepter avant de commander ou de télécharger des fichiers.")) }
            } @else if view.accepted.is_none() {
                @if csrf.is_empty() {
                    p.actions { a.button href=(frame.href(&with_query("/sign-in", [("next", terms.path().as_str())]))) { (frame.t("Sign in to accept them", "Se connecter pour les accepter")) } }
                } @else {
                    form.panel method="post" action=(frame.href(&terms.path())) {
                        (token(csrf))
                        input type="hidden" name="terms" value=(terms.hash);
                        p.actions { button.button type="submit" { (frame.t("I accept these terms", "J'accepte ces conditions")) } }
                    }
                }
            }
        }
    };
    whole(&frame, title, main)
}
