//! Pages for those who look after accounts.

use maud::{Markup, html};
use nilometer_schemas::{Level, Problem, Role};

use super::own::role_name;
use super::{Input, frame, frame_at, notice, token, whole};
use crate::accounts::{AuditRow, BuiltIn, Grant, Group, User};
use crate::html::language::{Language, readable};
use crate::html::layout::{Frame, breadcrumbs};
use crate::html::table::{Column, table};
use crate::links::encode;
use crate::routes::DEFAULT_QUOTA;
use crate::routes::ask::Ask;

fn head(frame: &Frame<'_>, title: &str, lead: &str) -> Markup {
    let account = (frame.t("Account", "Compte"), "/account".to_owned());
    let administration = (frame.t("Administration", "Administration"), "/admin".to_owned());
    html! {
        (breadcrumbs(frame, &[("Nilometer", "/".to_owned()), account, administration], title))
        header.title { h1 { (title) } p.lead { (lead) } }
    }
}

fn role_choice(frame: &Frame<'_>, id: &str, label: &str, chosen: Role) -> Markup {
    html! {
        select id=(id) name="role" aria-label=(label) {
            @for role in Role::ALL { option value=(role.name()) selected[role == chosen] { (role_name(frame.language, role)) } }
        }
    }
}

/// `/admin/users`. `link` sets the password of an account that was made just now.
pub(crate) fn users(
    ask: &Ask,
    users: &[User],
    next: Option<i64>,
    csrf: &str,
    link: Option<&str>,
    problem: Option<&Problem>,
) -> String {
    let frame = frame_at(ask, "/admin/users");
    let title = frame.t("Accounts", "Comptes");
    let may_change = ask.principal.role >= Role::Administrator;
    let columns = [
        Column::Text(frame.t("Name", "Nom")),
        Column::Text(frame.t("Signs in with", "Se connecte avec")),
        Column::Text(frame.t("Groups", "Groupes")),
        Column::Text(frame.t("Made", "Créé")),
        Column::Text(frame.t("Role", "Rôle")),
        Column::Text(frame.t("State", "État")),
        Column::Text(frame.t("Quotas", "Quotas")),
    ];
    let rows = html! { @for user in users { (user_row(&frame, user, csrf, may_change)) } };
    let main = html! {
        div.wide.stack {
            (head(&frame, title, frame.t("Who has an account here, and what each may do.",
                                         "Qui a un compte ici, et ce que chacun peut faire.")))
            (notice(&frame, problem))
            @if let Some(link) = link {
                div.notice role="status" {
                    p { (frame.t("Pass this link on; it sets the password, once, within an hour:",
                                 "Transmettez ce lien ; il fixe le mot de passe, une fois, dans l'heure :")) }
                    p { code { (link) } }
                }
            }
            (table(title, &columns, &rows))
            @if let Some(next) = next {
                p.pager { a.button rel="next" href=(frame.href(&format!("/admin/users?after={next}"))) { (frame.t("More", "Suite")) } }
            }
            @if may_change { (new_user(&frame, csrf)) }
        }
    };
    whole(&frame, title, main)
}

fn user_row(frame: &Frame<'_>, user: &User, csrf: &str, may_change: bool) -> Markup {
    let path = format!("/admin/users/{}", user.id);
    let state = match (user.disabled, user.email.is_some() && !user.confirmed) {
        (Some(_), _) => frame.t("closed", "fermé"),
        (None, true) => frame.t("unconfirmed", "non confirmé"),
        (None, false) => frame.t("open", "ouvert"),
    };
    html! {
        tr {
            th scope="row" { (user.name) }
            td {
                @if let Some(email) = &user.email { (email) " " }
                @for issuer in &user.issuers { (issuer) " " }
            }
            td { (user.groups.join(", ")) }
            td { (readable(user.created)) }
            td {
                @if may_change {
                    form.row method="post" action=(frame.href(&path)) {
                        (token(csrf))
                        (role_choice(frame, &format!("role-{}", user.id), &format!("{} {}", frame.t("Role of", "Rôle de"), user.name), user.role))
                        button.button.quiet.small type="submit" aria-label=(format!("{} {}", frame.t("Set the role of", "Fixer le rôle de"), user.name)) {
                            (frame.t("Set", "Fixer"))
                        }
                    }
                } @else { (role_name(frame.language, user.role)) }
            }
            td {
                (state)
                @if may_change {
                    @let closing = user.disabled.is_none();
                    @let word = if closing { frame.t("Close", "Fermer") } else { frame.t("Open", "Ouvrir") };
                    form method="post" action=(frame.href(&path)) {
                        (token(csrf))
                        input type="hidden" name="disabled" value=(closing);
                        button.button.quiet.small type="submit" aria-label=(format!("{word} {}", user.name)) { (word) }
                    }
                    details {
                        summary { (frame.t("Delete", "Supprimer")) }
                        form method="post" action=(frame.href(&format!("{path}/delete"))) {
                            (token(csrf))
                            button.button.quiet.small type="submit" aria-label=(format!("{} {}", frame.t("Delete", "Supprimer"), user.name)) {
                                (frame.t("Delete for good", "Supprimer définitivement"))
                            }
                        }
                    }
                }
            }
            td { (quota_cell(frame, user, csrf, may_change)) }
        }
    }
}

/// What an account may take otherwise than all do, and the form that changes it.
fn quota_cell(frame: &Frame<'_>, user: &User, csrf: &str, may_change: bool) -> Markup {
    let (volume, orders) = (user.quota.download_bytes, user.quota.running_orders.map(u64::from));
    let shown = |value: Option<u64>| value.map_or_else(|| DEFAULT_QUOTA.to_owned(), |value| value.to_string());
    let fields = [
        ("download_bytes_per_day", frame.t("Bytes of files a day", "Octets de fichiers par jour"), volume),
        ("running_orders", frame.t("Orders under way", "Commandes simultanées"), orders),
    ];
    let own = volume.is_some() || orders.is_some();
    html! {
        (if own { frame.t("own", "propres") } else { frame.t("as for all", "comme pour tous") })
        @if may_change {
            details {
                summary { (frame.t("Change", "Modifier")) }
                form.stack method="post" action=(frame.href(&format!("/admin/users/{}", user.id))) {
                    (token(csrf))
                    @for (name, label, value) in fields {
                        div.field {
                            label for=(format!("{name}-{}", user.id)) { (label) }
                            input id=(format!("{name}-{}", user.id)) name=(name) value=(shown(value)) pattern="[0-9]+|default" autocomplete="off" required;
                        }
                    }
                    p.hint { (frame.t("A number, 0 for no limit, or default.", "Un nombre, 0 pour sans limite, ou default.")) }
                    button.button.quiet.small type="submit" aria-label=(format!("{} {}", frame.t("Set the quotas of", "Fixer les quotas de"), user.name)) {
                        (frame.t("Set", "Fixer"))
                    }
                }
            }
        } @else if own {
            dl.facts { @for (_, label, value) in fields { dt { (label) } dd { (shown(value)) } } }
        }
    }
}

fn new_user(frame: &Frame<'_>, csrf: &str) -> Markup {
    let name =
        Input { name: "name", label: frame.t("Name", "Nom"), kind: "text", complete: "off", value: "", required: true };
    let email = Input {
        name: "email",
        label: frame.t("Mail address", "Adresse électronique"),
        kind: "email",
        complete: "off",
        value: "",
        required: false,
    };
    html! {
        section {
            h2 { (frame.t("New account", "Nouveau compte")) }
            form.panel method="post" action=(frame.href("/admin/users")) {
                (token(csrf))
                div.row {
                    (name.markup())
                    (email.markup())
                    div.field {
                        label for="role" { (frame.t("Role", "Rôle")) }
                        (role_choice(frame, "role", frame.t("Role", "Rôle"), Role::User))
                    }
                }
                p.actions { button.button type="submit" { (frame.t("Make the account", "Créer le compte")) } }
                p.hint { (frame.t("With an address, a link to set a password is shown.",
                                  "Avec une adresse, un lien pour fixer un mot de passe est affiché.")) }
            }
        }
    }
}

/// `/admin/groups`.
pub(crate) fn groups(ask: &Ask, groups: &[Group], grants: &[Grant], csrf: &str, problem: Option<&Problem>) -> String {
    let frame = frame_at(ask, "/admin/groups");
    let title = frame.t("Groups", "Groupes");
    let may_change = ask.principal.role >= Role::Administrator;
    let main = html! {
        div.wide.stack {
            (head(&frame, title, frame.t("Accounts that belong together, and what they may see.",
                                         "Des comptes qui vont ensemble, et ce qu'ils peuvent voir.")))
            (notice(&frame, problem))
            @if groups.is_empty() { p.none { (frame.t("There are no groups yet.", "Il n'y a pas encore de groupes.")) } }
            @for group in groups { (group_section(&frame, group, &Granted { grants, csrf, may_change })) }
            form.panel method="post" action=(frame.href("/admin/groups")) {
                (token(csrf))
                div.row {
                    div.field {
                        label for="name" { (frame.t("Name of a new group", "Nom d'un nouveau groupe")) }
                        input id="name" name="name" required maxlength="64" autocomplete="off";
                    }
                    button.button type="submit" { (frame.t("Make the group", "Créer le groupe")) }
                }
            }
            @for group in BuiltIn::ALL { (built_in_section(&frame, group, &Granted { grants, csrf, may_change })) }
        }
    };
    whole(&frame, title, main)
}

fn group_section(frame: &Frame<'_>, group: &Group, granted: &Granted<'_>) -> Markup {
    let csrf = granted.csrf;
    let path = format!("/admin/groups/{}", encode(&group.name));
    html! {
        section.stack aria-label=(group.name) {
            h2 { (group.name) }
            @if group.members.is_empty() { p.none { (frame.t("Nobody is in it yet.", "Personne n'y est encore.")) } }
            @else {
                ul.plain {
                    @for member in &group.members {
                        li {
                            form.row method="post" action=(frame.href(&format!("{path}/members/remove"))) {
                                (token(csrf))
                                input type="hidden" name="user" value=(member);
                                span { (member) }
                                button.button.quiet.small type="submit" aria-label=(format!("{} {member} ({})", frame.t("Take out", "Retirer"), group.name)) {
                                    (frame.t("Take out", "Retirer"))
                                }
                            }
                        }
                    }
                }
            }
            div.row {
                form.row method="post" action=(frame.href(&format!("{path}/members"))) {
                    (token(csrf))
                    div.field {
                        label for=(format!("member-{}", group.name)) { (frame.t("Name of an account", "Nom d'un compte")) }
                        input id=(format!("member-{}", group.name)) name="user" required autocomplete="off";
                    }
                    button.button.quiet type="submit" aria-label=(format!("{} ({})", frame.t("Take in", "Ajouter"), group.name)) {
                        (frame.t("Take in", "Ajouter"))
                    }
                }
                form method="post" action=(frame.href(&format!("{path}/delete"))) {
                    (token(csrf))
                    button.button.bare type="submit" aria-label=(format!("{} {}", frame.t("Delete the group", "Supprimer le groupe"), group.name)) {
                        (frame.t("Delete the group", "Supprimer le groupe"))
                    }
                }
            }
            (granted.markup(frame, &group.name))
        }
    }
}

/// Groups that nobody is taken into.
fn built_in_section(frame: &Frame<'_>, group: BuiltIn, granted: &Granted<'_>) -> Markup {
    let who = match group {
        BuiltIn::Everyone => frame.t(
            "Any caller. What is granted here takes the place of a collection's own access policy.",
            "Tout appelant. Ce qui est accordé ici remplace la politique d'accès propre à la collection.",
        ),
        BuiltIn::Users => frame.t("Whoever has an account.", "Quiconque a un compte."),
    };
    html! {
        section aria-label=(group.name()) {
            h2 { (group.name()) }
            p.hint { (who) }
            (granted.markup(frame, group.name()))
        }
    }
}

/// A level in the words of a page.
fn level_name(frame: &Frame<'_>, level: Level) -> &'static str {
    let (english, french) = match level {
        Level::Hidden => ("nothing", "rien"),
        Level::Metadata => ("the metadata", "les métadonnées"),
        Level::Partial => ("a part", "une partie"),
        Level::Full => ("everything", "tout"),
    };
    match frame.language {
        Language::English => english,
        Language::French => french,
    }
}

/// What was granted, and the forms that change it.
struct Granted<'a> {
    grants: &'a [Grant],
    csrf: &'a str,
    may_change: bool,
}

impl Granted<'_> {
    /// The grants of one group.
    fn markup(&self, frame: &Frame<'_>, group: &str) -> Markup {
        let path = format!("/admin/groups/{}/grants", encode(group));
        let own: Vec<&Grant> = self.grants.iter().filter(|grant| grant.group == group).collect();
        html! {
            @if !own.is_empty() {
                ul.plain {
                    @for grant in own {
                        li {
                            @if self.may_change {
                                form.row method="post" action=(frame.href(&format!("{path}/remove"))) {
                                    (token(self.csrf))
                                    input type="hidden" name="collection" value=(grant.collection);
                                    (grant_text(frame, grant))
                                    button.button.quiet.small type="submit" aria-label=(format!("{} {} ({group})", frame.t("Take back", "Retirer"), grant.collection)) {
                                        (frame.t("Take back", "Retirer"))
                                    }
                                }
                            } @else { (grant_text(frame, grant)) }
                        }
                    }
                }
            }
            @if self.may_change { (self.form(frame, group, &path)) }
        }
    }

    fn form(&self, frame: &Frame<'_>, group: &str, path: &str) -> Markup {
        let id = |name: &str| format!("{name}-{group}");
        html! {
            form.row method="post" action=(frame.href(path)) {
                (token(self.csrf))
                div.field {
                    label for=(id("collection")) { (frame.t("Collection", "Collection")) }
                    input id=(id("collection")) name="collection" required autocomplete="off";
                }
                div.field {
                    label for=(id("level")) { (frame.t("May see", "Peut voir")) }
                    select id=(id("level")) name="level" {
                        @for level in Level::ALL.into_iter().rev() { option value=(level.name()) { (level_name(frame, level)) } }
                    }
                }
                div.field {
                    label for=(id("filter")) { (frame.t("Part: condition (CQL2)", "Partie : condition (CQL2)")) }
                    input id=(id("filter")) name="filter" autocomplete="off" spellcheck="false";
                }
                div.field {
                    label for=(id("older-than")) { (frame.t("Part: older than (P30D)", "Partie : plus ancien que (P30D)")) }
                    input id=(id("older-than")) name="older_than" autocomplete="off" spellcheck="false";
                }
                button.button.quiet type="submit" aria-label=(format!("{} ({group})", frame.t("Grant", "Accorder"))) {
                    (frame.t("Grant", "Accorder"))
                }
            }
        }
    }
}

fn grant_text(frame: &Frame<'_>, grant: &Grant) -> Markup {
    html! {
        span {
            code { (grant.collection) } ": " (level_name(frame, grant.terms.level))
            @if let Some(filter) = &grant.terms.filter { " " code { (filter) } }
            @if let Some(older) = &grant.terms.older_than { " " (frame.t("older than", "plus ancien que")) " " code { (older) } }
        }
    }
}

/// `/admin/audit`; `older` is the path of the page before it.
pub(crate) fn audit(ask: &Ask, rows: &[AuditRow], older: Option<&str>, days: u32) -> String {
    let frame = frame(ask);
    let title = frame.t("Audit log", "Journal d'audit");
    let columns = [
        Column::Number(frame.t("Number", "Numéro")),
        Column::Text(frame.t("Time", "Heure")),
        Column::Text(frame.t("Who", "Qui")),
        Column::Text(frame.t("What", "Quoi")),
        Column::Text(frame.t("To what", "Sur quoi")),
        Column::Text(frame.t("Outcome", "Issue")),
        Column::Text(frame.t("Address", "Adresse")),
    ];
    let entries = html! {
        @for row in rows {
            tr {
                td.number { (row.seq) }
                td { (readable(row.at)) }
                td { (row.actor) @if let Some(key) = &row.key_id { " " code { (key) } } }
                td { code { (row.action) } }
                td { (row.object) }
                td { (row.outcome) }
                td { (row.address.as_deref().unwrap_or_default()) }
            }
        }
    };
    let lead = match frame.language {
        crate::html::Language::English => format!("Who did what to accounts and rights; kept for {days} days."),
        crate::html::Language::French => format!("Qui a fait quoi aux comptes et aux droits ; conservé {days} jours."),
    };
    let main = html! {
        div.wide.stack {
            (head(&frame, title, &lead))
            (table(title, &columns, &entries))
            @if let Some(older) = older {
                p.pager { a.button rel="next" href=(frame.href(older)) { (frame.t("Older", "Plus anciens")) } }
            }
        }
    };
    whole(&frame, title, main)
}
