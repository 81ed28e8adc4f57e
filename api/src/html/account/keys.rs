//! The page of the keys of one's own account.

use maud::{Markup, html};
use nilometer_schemas::Problem;

use super::{Input, frame_at, notice, token, whole};
use crate::accounts::{KeyInfo, Power};
use crate::html::language::readable;
use crate::html::layout::{Frame, breadcrumbs};
use crate::html::table::{Column, table};
use crate::links::encode;
use crate::routes::ask::Ask;

/// Days that the form of keys offers.
const EXPIRES_DAYS: [u32; 4] = [30, 90, 365, 730];

/// `/account/keys`. `key` is one that was made just now.
pub(crate) fn keys(ask: &Ask, keys: &[KeyInfo], csrf: &str, key: Option<&str>, problem: Option<&Problem>) -> String {
    let frame = frame_at(ask, "/account/keys");
    let title = frame.t("Keys for programs", "Clés pour les programmes");
    let account = (frame.t("Account", "Compte"), "/account".to_owned());
    let lead = frame.t(
        "A program sends a key as X-API-Key or as Authorization: Bearer. Give each program its own.",
        "Un programme envoie une clé par X-API-Key ou par Authorization: Bearer. Donnez à chacun la sienne.",
    );
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned()), account], title))
            header.title { h1 { (title) } p.lead { (lead) } }
            (notice(&frame, problem))
            @if let Some(key) = key { (new_key(&frame, key)) }
            @if keys.is_empty() { p.none { (frame.t("There are no keys yet.", "Il n'y a pas encore de clés.")) } }
            @else { (list(&frame, title, keys, csrf)) }
            (key_form(&frame, csrf))
        }
    };
    whole(&frame, title, main)
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

fn list(frame: &Frame<'_>, title: &str, keys: &[KeyInfo], csrf: &str) -> Markup {
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
    table(title, &columns, &rows)
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
