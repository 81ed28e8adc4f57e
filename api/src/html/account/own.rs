//! The page of one's own account.

use maud::{Markup, html};
use nilometer_schemas::{Instant, Problem, Role};

use super::{Input, agent, frame, notice, password, token, whole};
use crate::accounts::{KeyInfo, Power, Session, User};
use crate::html::language::{Language, readable};
use crate::html::layout::{Frame, breadcrumbs};
use crate::html::table::{Column, table};
use crate::html::values::bytes;
use crate::limits::Quotas;
use crate::links::encode;
use crate::routes::ask::Ask;

/// Days that the form of keys offers.
const EXPIRES_DAYS: [u32; 4] = [30, 90, 365, 730];

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

/// `/account`. `key` is one that was made just now; `session` the one that asks.
pub(crate) fn account(
    ask: &Ask,
    own: &Own,
    csrf: &str,
    session: Option<&str>,
    key: Option<&str>,
    problem: Option<&Problem>,
) -> String {
    let frame = frame(ask);
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
                    @if own.user.role >= Role::Operator {
                        a.button.quiet href=(frame.href("/admin/orders")) { (frame.t("All orders", "Toutes les commandes")) }
                        a.button.quiet href=(frame.href("/admin/users")) { (frame.t("Accounts", "Comptes")) }
                        a.button.quiet href=(frame.href("/admin/groups")) { (frame.t("Groups", "Groupes")) }
                    }
                    @if own.user.role >= Role::Administrator {
                        a.button.quiet href=(frame.href("/admin/audit")) { (frame.t("Audit log", "Journal d'audit")) }
                    }
                }
            }
            (notice(&frame, problem))
            @if let Some(key) = key { (new_key(&frame, key)) }
            (quotas(&frame, &own.quotas))
            (keys(&frame, &own.keys, csrf))
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

fn new_key(frame: &Frame<'_>, key: &str) -> Markup {
    html! {
        div.notice role="status" {
            h2 { (frame.t("Your new key", "Votre nouvelle clé")) }
            p { (frame.t(
                "Copy it now: it is not shown again, and nobody can find it out later.",
                "Copiez-la maintenant : elle ne sera plus affichée et personne ne pourra la retrouver.",
            )) }
            p { code #new-key { (key) } }
        }
    }
}

fn keys(frame: &Frame<'_>, keys: &[KeyInfo], csrf: &str) -> Markup {
    let title = frame.t("Keys for programs", "Clés pour les programmes");
    let columns = [
        Column::Text(frame.t("Key", "Clé")),
        Column::Text(frame.t("Scopes", "Portées")),
        Column::Text(frame.t("Made", "Créée")),
        Column::Text(frame.t("Ends", "Expire")),
        Column::Text(frame.t("Last used", "Dernière utilisation")),
        Column::Text(frame.t("Revoke", "Révoquer")),
    ];
    let rows = html! {
        @for key in keys {
            @let name = key.name.as_deref().unwrap_or(&key.id);
            tr {
                th scope="row" { (name) @if key.name.is_some() { " " code { (key.id) } } }
                td { (key.scopes.as_deref().unwrap_or(frame.t("all", "toutes"))) }
                td { (readable(key.created)) }
                td { (key.expires.map_or_else(|| frame.t("never", "jamais").to_owned(), readable)) }
                td { (key.last_used.map_or_else(|| frame.t("never", "jamais").to_owned(), readable)) }
                td {
                    @match key.revoked {
                        Some(at) => { (frame.t("revoked ", "révoquée le ")) (readable(at)) }
                        None => form method="post" action=(frame.href(&format!("/account/keys/{}/revoke", encode(&key.id)))) {
                            (token(csrf))
                            button.button.quiet.small type="submit" aria-label=(format!("{} {name}", frame.t("Revoke", "Révoquer"))) {
                                (frame.t("Revoke", "Révoquer"))
                            }
                        },
                    }
                }
            }
        }
    };
    html! {
        section #keys {
            h2 { (title) }
            p { (frame.t(
                "A program sends a key as X-API-Key or as Authorization: Bearer. Give each program its own.",
                "Un programme envoie une clé par X-API-Key ou par Authorization: Bearer. Donnez à chacun la sienne.",
            )) }
            @if !keys.is_empty() { (table(title, &columns, &rows)) }
            (key_form(frame, csrf))
        }
    }
}

fn key_form(frame: &Frame<'_>, csrf: &str) -> Markup {
    let name = Input {
        name: "name",
        label: frame.t("Name of the new key", "Nom de la nouvelle clé"),
        kind: "text",
        complete: "off",
        value: "",
        required: false,
    };
    html! {
        form.panel method="post" action=(frame.href("/account/keys")) {
            (token(csrf))
            div.row {
                (name.markup())
                div.field {
                    label for="expires_days" { (frame.t("Ends after", "Expire après")) }
                    select id="expires_days" name="expires_days" {
                        @for days in EXPIRES_DAYS {
                            option value=(days) selected[days == 365] { (days) (frame.t(" days", " jours")) }
                        }
                        option value="" { (frame.t("never", "jamais")) }
                    }
                }
            }
            fieldset {
                legend { (frame.t("What it may do; nothing chosen is everything", "Ce qu'elle peut faire ; sans choix, tout")) }
                ul.chips {
                    @for power in Power::ALL {
                        li {
                            label.chip {
                                input type="checkbox" name="scopes" value=(power.name());
                                (power_name(frame, power))
                            }
                        }
                    }
                }
            }
            p.actions { button.button type="submit" { (frame.t("Make a key", "Créer une clé")) } }
        }
    }
}

fn power_name(frame: &Frame<'_>, power: Power) -> &'static str {
    match power {
        Power::Read => frame.language.of("read", "lire"),
        Power::Download => frame.language.of("download files", "télécharger des fichiers"),
        Power::Order => frame.language.of("order", "commander"),
        Power::Write => frame.language.of("write", "écrire"),
        Power::Admin => frame.language.of("manage the account", "gérer le compte"),
    }
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
