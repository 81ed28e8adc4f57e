//! Pages of accounts: signing up and in, one's own account, and those of who looks after accounts.

mod admin;
mod agent;
mod keys;
mod overview;
mod own;

pub(crate) use admin::{audit, groups, users};
pub(crate) use keys::keys;
pub(crate) use overview::overview;
pub(crate) use own::{Own, account};

use maud::{Markup, html};
use nilometer_schemas::Problem;

use super::language::Language;
use super::layout::{Frame, Page, Section, breadcrumbs};
use super::values::sentence;
use crate::browser::TOKEN_FIELD;
use crate::links::with_query;
use crate::problems::ProblemType;
use crate::routes::ask::Ask;

/// A page of this part of the site. Nothing of it has a JSON form at the same address that anybody may follow.
pub(in crate::html) fn frame(ask: &Ask) -> Frame<'_> {
    Frame { json: None, ..Frame::of(ask) }
}

/// The frame of the page at `path`, also where it answers a form that was sent elsewhere.
pub(in crate::html) fn frame_at<'a>(ask: &'a Ask, path: &str) -> Frame<'a> {
    Frame { json: None, ..Frame::at(ask, path) }
}

pub(in crate::html) fn whole(frame: &Frame<'_>, title: &str, main: Markup) -> String {
    frame.whole(&Page { title, main, section: Section::Account, ..Page::default() })
}

/// Why a form was refused.
pub(in crate::html) fn notice(frame: &Frame<'_>, problem: Option<&Problem>) -> Markup {
    let Some(problem) = problem else { return Markup::default() };
    let french = ProblemType::of(problem.code).filter(|_| frame.language == Language::French);
    html! {
        div.notice.problem #refusal role="alert" {
            @match french {
                Some(known) => p { (known.explanation(Language::French)) },
                None => p { (sentence(&problem.detail)) },
            }
        }
    }
}

/// An input with its label. `kind` is its type, `complete` what browsers may fill in.
struct Input<'a> {
    name: &'a str,
    label: &'a str,
    kind: &'a str,
    complete: &'a str,
    value: &'a str,
    required: bool,
}

impl Input<'_> {
    fn markup(&self) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                input id=(self.name) name=(self.name) type=(self.kind) autocomplete=(self.complete) value=[Some(self.value).filter(|v| !v.is_empty())]
                    required[self.required];
            }
        }
    }
}

fn email<'a>(frame: &Frame<'_>, value: &'a str) -> Input<'a> {
    let label = match frame.language {
        Language::English => "Mail address",
        Language::French => "Adresse électronique",
    };
    Input { name: "email", label, kind: "email", complete: "username", value, required: true }
}

fn password<'a>(frame: &Frame<'_>, complete: &'a str) -> Input<'a> {
    let label = match frame.language {
        Language::English => "Password",
        Language::French => "Mot de passe",
    };
    Input { name: "password", label, kind: "password", complete, value: "", required: true }
}

fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// The token that a form of a session holds.
pub(in crate::html) fn token(csrf: &str) -> Markup {
    hidden(TOKEN_FIELD, csrf)
}

fn length_hint(frame: &Frame<'_>) -> Markup {
    html! {
        p.hint { (frame.t(
            "At least 10 characters; some words that nobody would put together are good.",
            "Au moins 10 caractères ; quelques mots que personne n'assemblerait conviennent bien.",
        )) }
    }
}

/// A narrow page with one form.
fn form_page(ask: &Ask, title: &str, lead: &str, problem: Option<&Problem>, body: &Markup) -> String {
    let frame = frame(ask);
    let main = html! {
        div.narrow.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            header.title { h1 { (title) } @if !lead.is_empty() { p.lead { (lead) } } }
            (notice(&frame, problem))
            (body)
        }
    };
    whole(&frame, title, main)
}

/// `/sign-in`. `issuer` is what people call the outside issuer.
pub(crate) fn sign_in(
    ask: &Ask,
    problem: Option<&Problem>,
    address: &str,
    next: &str,
    issuer: Option<&str>,
    open: bool,
) -> String {
    let frame = frame(ask);
    let body = html! {
        @if let Some(issuer) = issuer {
            p.actions {
                a.button href=(frame.href(&with_query("/sign-in/issuer", [("next", next)]))) {
                    (frame.t("Sign in with ", "Se connecter avec ")) (issuer)
                }
            }
        }
        form.panel method="post" action=(frame.href("/sign-in")) {
            (hidden("next", next))
            (email(&frame, address).markup())
            (password(&frame, "current-password").markup())
            p.actions { button.button type="submit" { (frame.t("Sign in", "Se connecter")) } }
        }
        p.meta {
            @if open { a href=(frame.href("/sign-up")) { (frame.t("Make an account", "Créer un compte")) } }
            a href=(frame.href("/password/forgot")) { (frame.t("Password forgotten", "Mot de passe oublié")) }
        }
    };
    let title = frame.t("Sign in", "Se connecter");
    form_page(ask, title, "", problem, &body)
}

/// `/sign-up`.
pub(crate) fn sign_up(ask: &Ask, problem: Option<&Problem>, address: &str) -> String {
    let frame = frame(ask);
    let body = html! {
        form.panel method="post" action=(frame.href("/sign-up")) {
            (email(&frame, address).markup())
            (password(&frame, "new-password").markup())
            (length_hint(&frame))
            p.actions { button.button type="submit" { (frame.t("Make an account", "Créer un compte")) } }
        }
        p.meta {
            a href=(frame.href("/sign-in")) { (frame.t("I have an account", "J'ai un compte")) }
            a href=(frame.href("/pages/privacy")) { (frame.t("What is kept", "Ce qui est conservé")) }
        }
    };
    let lead = frame.t(
        "Reading needs no account. Files, orders and keys do.",
        "La lecture ne nécessite pas de compte ; les fichiers, les commandes et les clés, si.",
    );
    form_page(ask, frame.t("Make an account", "Créer un compte"), lead, problem, &body)
}

/// `/sign-up/confirm`.
pub(crate) fn confirm(ask: &Ask, problem: Option<&Problem>, link: &str) -> String {
    let frame = frame(ask);
    let body = html! {
        form.panel method="post" action=(frame.href("/sign-up/confirm")) {
            (hidden("token", link))
            (password(&frame, "current-password").markup())
            p.actions { button.button type="submit" { (frame.t("Confirm", "Confirmer")) } }
        }
    };
    let lead = frame.t("Enter the password that you chose.", "Saisissez le mot de passe que vous avez choisi.");
    form_page(ask, frame.t("Confirm your address", "Confirmez votre adresse"), lead, problem, &body)
}

/// `/password/forgot`.
pub(crate) fn forgot(ask: &Ask, problem: Option<&Problem>) -> String {
    let frame = frame(ask);
    let body = html! {
        form.panel method="post" action=(frame.href("/password/forgot")) {
            (email(&frame, "").markup())
            p.actions { button.button type="submit" { (frame.t("Send a link", "Envoyer un lien")) } }
        }
    };
    let lead = frame.t(
        "A link to choose a new password comes by mail.",
        "Un lien pour choisir un nouveau mot de passe vous parvient par courrier électronique.",
    );
    form_page(ask, frame.t("Password forgotten", "Mot de passe oublié"), lead, problem, &body)
}

/// `/password/reset`.
pub(crate) fn reset(ask: &Ask, problem: Option<&Problem>, link: &str) -> String {
    let frame = frame(ask);
    let body = html! {
        form.panel method="post" action=(frame.href("/password/reset")) {
            (hidden("token", link))
            (password(&frame, "new-password").markup())
            (length_hint(&frame))
            p.actions { button.button type="submit" { (frame.t("Set the password", "Enregistrer le mot de passe")) } }
        }
    };
    form_page(ask, frame.t("Choose a new password", "Choisissez un nouveau mot de passe"), "", problem, &body)
}

/// What a page says after a form, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A letter may be on its way.
    LookIntoMail,
    /// The new password holds.
    PasswordChanged,
}

/// A page that says something.
pub(crate) fn said(ask: &Ask, said: Said) -> String {
    let frame = frame(ask);
    let (title, text) = match said {
        Said::LookIntoMail => (
            frame.t("Look into your mail", "Consultez votre courrier"),
            frame.t(
                "If the address is right, a letter with a link is on its way. It may take some minutes.",
                "Si l'adresse est correcte, une lettre contenant un lien est en route. Cela peut prendre quelques minutes.",
            ),
        ),
        Said::PasswordChanged => (
            frame.t("The password is changed", "Le mot de passe est modifié"),
            frame.t("Sign in with it now.", "Connectez-vous avec celui-ci."),
        ),
    };
    let body = html! {
        p.actions { a.button href=(frame.href("/sign-in")) { (frame.t("Sign in", "Se connecter")) } }
    };
    form_page(ask, title, text, None, &body)
}
