//! `/admin`: what there is to look after, for those who do.

use maud::{Markup, html};
use nilometer_schemas::Role;

use super::{frame, whole};
use crate::accounts::Overview;
use crate::html::layout::{Frame, breadcrumbs};
use crate::html::orders::state_name;
use crate::routes::ask::Ask;

/// One thing to look after: where, what it is called, how many there are, and what is done there.
fn entry(frame: &Frame<'_>, path: &str, title: &str, counts: &str, lead: &str) -> Markup {
    html! {
        section {
            h2 { a href=(frame.href(path)) { (title) } }
            @if !counts.is_empty() { p.meta { (counts) } }
            p { (lead) }
        }
    }
}

/// The page. Administrators see the audit log too.
pub(crate) fn overview(ask: &Ask, overview: &Overview) -> String {
    let frame = frame(ask);
    let title = frame.t("Administration", "Administration");
    let account = (frame.t("Account", "Compte"), "/account".to_owned());
    let counted = |count: i64, english: &str, french: &str| {
        format!("{}: {}", frame.language.of(english, french), frame.language.number(count.unsigned_abs()))
    };
    let users = [
        counted(overview.accounts, "in all", "en tout"),
        counted(overview.closed, "closed", "fermés"),
        counted(overview.unconfirmed, "unconfirmed", "non confirmés"),
    ];
    let groups = [counted(overview.groups, "groups", "groupes"), counted(overview.grants, "grants", "droits accordés")];
    let orders: Vec<String> = overview
        .orders
        .iter()
        .map(|(state, count)| {
            format!("{}: {}", state_name(frame.language, *state), frame.language.number(count.unsigned_abs()))
        })
        .collect();
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned()), account], title))
            header.title {
                h1 { (title) }
                p.lead { (frame.t("What there is to look after.", "Ce dont il y a à s'occuper.")) }
            }
            (entry(&frame, "/admin/users", frame.t("Accounts", "Comptes"), &users.join(", "), frame.t(
                "Roles, quotas, closing and opening.", "Rôles, quotas, fermeture et ouverture.")))
            (entry(&frame, "/admin/groups", frame.t("Groups", "Groupes"), &groups.join(", "), frame.t(
                "Who belongs together, and what they may see.", "Qui va ensemble, et ce qu'ils peuvent voir.")))
            (entry(&frame, "/admin/orders", frame.t("All orders", "Toutes les commandes"), &orders.join(", "), frame.t(
                "Holding back, cancelling, preparing anew.", "Suspendre, annuler, préparer à nouveau.")))
            @if ask.principal.role >= Role::Administrator {
                (entry(&frame, "/admin/audit", frame.t("Audit log", "Journal d'audit"),
                    &counted(overview.audit, "entries", "entrées"),
                    frame.t("Who did what, and when.", "Qui a fait quoi, et quand.")))
            }
        }
    };
    whole(&frame, title, main)
}
