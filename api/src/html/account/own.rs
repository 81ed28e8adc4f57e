//! The page of one's own account.

use maud::{Markup, html};
use nilometer_schemas::{Instant, Problem, Role};

use super::{Input, agent, frame_at, notice, password, token, whole};
use crate::accounts::{KeyInfo, Session, User};
use crate::html::language::{Language, readable};
use crate::html::layout::{Frame, breadcrumbs};
use crate::html::table::{Column, table};
use crate::html::values::bytes;
use crate::limits::Quotas;
use crate::routes::ask::Ask;

/// What is known of an account.
pub(crate) struct Own {
    pub(crate) user: User,
    pub(crate) keys: Vec<KeyInfo>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) quotas: Quotas,
}

/// The name of a role for people.
pub(super) fn role_name(language: Language, role: Role) -> &'static str {
    match role {
        Role::Visitor => language.of("visitor", "visiteur"),
        Role::User => language.of("user", "utilisateur"),
        Role::Operator => language.of("operator", "opérateur"),
        Role::Administrator => language.of("administrator", "administrateur"),
    }
}

/// `/account`. `session` is the one that asks.
pub(crate) fn account(ask: &Ask, own: &Own, csrf: &str, session: Option<&str>, problem: Option<&Problem>) -> String {
    let frame = frame_at(ask, "/account");
    let title = frame.t("Account", "Compte");
    let main = html! {
        div.wide.stack.loose {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            header.title {
                h1 { (title) }
                (facts(&frame, &own.user))
                div.actions {
                    @if session.is_some() {
                        form method="post" action=(frame.href("/sign-out")) {
                            (token(csrf))
                            button.button.quiet type="submit" { (frame.t("Sign out", "Se déconnecter")) }
                        }
                    }
                    a.button.quiet href=(frame.href("/orders")) { (frame.t("Orders", "Commandes")) }
                    a.button.quiet href=(frame.href("/account/basket")) { (frame.t("Basket", "Panier")) }
                    a.button.quiet href=(frame.href("/account/keys")) { (frame.t("Keys", "Clés")) }
                    a.button.quiet href=(frame.href("/account/licences")) { (frame.t("Licences", "Licences")) }
                    @if own.user.role >= Role::Operator {
                        a.button.quiet href=(frame.href("/admin")) { (frame.t("Administration", "Administration")) }
                    }
                }
            }
            (notice(&frame, problem))
            (quotas(&frame, &own.quotas))
            (sessions(&frame, &own.sessions, csrf, session))
            @if own.user.email.is_some() { (change_password(&frame, csrf)) }
            (data(&frame, own, csrf, session.is_some()))
        }
    };
    whole(&frame, title, main)
}

fn facts(frame: &Frame<'_>, user: &User) -> Markup {
    html! {
        dl.facts {
            dt { (frame.t("Name", "Nom")) } dd { (user.name) }
            dt { (frame.t("Role", "Rôle")) } dd { (role_name(frame.language, user.role)) }
            @if let Some(email) = user.email.as_ref().filter(|email| **email != user.name) {
                dt { (frame.t("Mail address", "Adresse électronique")) } dd { (email) }
            }
            @if !user.groups.is_empty() { dt { (frame.t("Groups", "Groupes")) } dd { (user.groups.join(", ")) } }
            @for issuer in &user.issuers { dt { (frame.t("Signs in at", "Se connecte auprès de")) } dd { (issuer) } }
        }
    }
}

fn quotas(frame: &Frame<'_>, quotas: &Quotas) -> Markup {
    let unlimited = frame.t("no limit", "sans limite");
    html! {
        section #quotas {
            h2 { (frame.t("Quotas", "Quotas")) }
            dl.facts {
                dt { (frame.t("Files fetched today", "Fichiers téléchargés aujourd'hui")) }
                dd {
                    @match quotas.download_limit.zip(quotas.download_remaining()) {
                        Some((limit, remaining)) => {
                            @let (used, limit, remaining) = (bytes(quotas.download_used), bytes(limit), bytes(remaining));
                            (match frame.language {
                                Language::English => format!("{used} of {limit}, {remaining} left"),
                                Language::French => format!("{used} sur {limit}, reste {remaining}"),
                            })
                        }
                        None => (unlimited),
                    }
                }
                @if quotas.download_limit.is_some() {
                    dt { (frame.t("The day ends", "La journée se termine")) }
                    dd { time datetime=(quotas.download_reset.to_string()) { (readable_minute(quotas.download_reset)) } }
                }
                dt { (frame.t("Orders under way at a time", "Commandes simultanées")) }
                dd { (quotas.order_limit.map_or_else(|| unlimited.to_owned(), |limit| frame.language.number(limit))) }
            }
        }
    }
}

/// A moment with its minute, midnight too.
fn readable_minute(moment: Instant) -> String {
    let text = moment.to_string();
    format!("{} {} UTC", &text[..10], text.get(11..16).unwrap_or_default())
}

fn sessions(frame: &Frame<'_>, sessions: &[Session], csrf: &str, own: Option<&str>) -> Markup {
    let title = frame.t("Sessions", "Sessions");
    let columns = [
        Column::Text(frame.t("Browser", "Navigateur")),
        Column::Text(frame.t("Begun", "Ouverte")),
        Column::Text(frame.t("Last seen", "Vue pour la dernière fois")),
        Column::Text(frame.t("End", "Fermer")),
    ];
    let rows = html! {
        @for session in sessions {
            tr {
                th scope="row" title=(session.browser) {
                    (if session.browser.is_empty() { frame.t("unknown", "inconnu").to_owned() } else { agent::short(&session.browser) })
                    @if own == Some(session.id.as_str()) { " " span.tag { (frame.t("this one", "celle-ci")) } }
                }
                td { (readable(session.created)) }
                td { (readable(session.seen)) }
                td {
                    form method="post" action=(frame.href(&format!("/account/sessions/{}/end", session.id))) {
                        (token(csrf))
                        button.button.quiet.small type="submit"
                            aria-label=(format!("{} {}", frame.t("End the session of", "Fermer la session du"), readable(session.created))) {
                            (frame.t("End", "Fermer"))
                        }
                    }
                }
            }
        }
    };
    html! {
        section {
            h2 { (title) }
            @if sessions.is_empty() { p.none { (frame.t("No browser is signed in.", "Aucun navigateur n'est connecté.")) } }
            @else { (table(title, &columns, &rows)) }
        }
    }
}

fn change_password(frame: &Frame<'_>, csrf: &str) -> Markup {
    let current = Input {
        name: "current",
        label: frame.t("Present password", "Mot de passe actuel"),
        kind: "password",
        complete: "current-password",
        value: "",
        required: true,
    };
    let new = Input { label: frame.t("New password", "Nouveau mot de passe"), ..password(frame, "new-password") };
    html! {
        section {
            h2 { (frame.t("Password", "Mot de passe")) }
            form.panel method="post" action=(frame.href("/account/password")) {
                (token(csrf))
                div.row { (current.markup()) (new.markup()) }
                p.actions { button.button type="submit" { (frame.t("Change the password", "Modifier le mot de passe")) } }
                p.hint { (frame.t("All other sessions end.", "Toutes les autres sessions sont fermées.")) }
            }
        }
    }
}

fn data(frame: &Frame<'_>, own: &Own, csrf: &str, by_session: bool) -> Markup {
    let confirm = Input {
        name: "confirm",
        label: frame.t("Name of the account, to confirm", "Nom du compte, pour confirmer"),
        kind: "text",
        complete: "off",
        value: "",
        required: true,
    };
    let needs_password = by_session && own.user.email.is_some() && own.user.issuers.is_empty();
    html! {
        section {
            h2 { (frame.t("Your data", "Vos données")) }
            p.actions {
                a.button.quiet href=(frame.href("/account/export")) {
                    (frame.t("Take everything out as JSON", "Tout emporter en JSON"))
                }
            }
            details {
                summary { (frame.t("Delete the account", "Supprimer le compte")) }
                form.panel method="post" action=(frame.href("/account/delete")) {
                    (token(csrf))
                    p { (frame.t(
                        "Keys, sessions and memberships end at once and cannot be brought back.",
                        "Les clés, les sessions et les appartenances prennent fin aussitôt et sont irrécupérables.",
                    )) }
                    div.row {
                        (confirm.markup())
                        @if needs_password {
                            div.field {
                                label for="delete-password" { (frame.t("Password", "Mot de passe")) }
                                input id="delete-password" name="password" type="password" autocomplete="current-password" required;
                            }
                        }
                    }
                    p.actions { button.button.quiet type="submit" { (frame.t("Delete the account", "Supprimer le compte")) } }
                }
            }
        }
    }
}
