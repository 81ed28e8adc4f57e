//! Pages of orders: the basket, one's orders and one of them, and everybody's for those who run the service.

use maud::{Markup, html};
use nilometer_indexer::Snapshot;
use nilometer_schemas::Problem;
use serde_json::{Map, Value, json};

use super::account::{frame, frame_at, notice, token, whole};
use super::labels::label;
use super::language::{Language, readable};
use super::layout::{Frame, Page, Section, breadcrumbs};
use super::table::{Column, table};
use super::values::bytes;
use crate::accounts::{Order, OrderState, SharedBasket};
use crate::links::{encode, item_path, with_query};
use crate::orders::request::{NOT_ASKED, OutputFormat, Request, Selection};
use crate::orders::script::Kind;
use crate::orders::{Entry, LeftOut, Terms};
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;

/// Seconds after which a page with orders that are not ready yet is loaded anew.
const REFRESH_S: u32 = 10;
/// Files of an order that are listed on its page; programs get all.
const FILES_SHOWN: usize = 1_000;
/// Characters of a condition that are shown.
const CONDITION_CHARS_MAX: usize = 200;

/// What a basket holds, as far as it is known.
pub(crate) struct EstimateView {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) unknown_sizes: u64,
    pub(crate) elsewhere: u64,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) licences: Vec<Terms>,
}

/// A basket.
pub(crate) struct BasketView<'a> {
    pub(crate) selections: &'a [Selection],
    pub(crate) estimate: Option<EstimateView>,
    /// The id of one that somebody shared; `None` for one's own.
    pub(crate) shared: Option<&'a str>,
    /// What the reader shares.
    pub(crate) sharing: &'a [SharedBasket],
    /// A link to it that was made just now.
    pub(crate) link: Option<&'a str>,
    pub(crate) csrf: &'a str,
}

/// A list of orders with the names of their accounts.
pub(crate) struct ListView<'a> {
    pub(crate) orders: &'a [(Order, String)],
    pub(crate) page: u64,
    pub(crate) has_more: bool,
    /// Whether it is everybody's.
    pub(crate) of_all: bool,
    /// The key under which messages to the reader's webhooks are signed.
    pub(crate) webhook_key: Option<&'a str>,
}

/// One order.
pub(crate) struct OrderView<'a> {
    pub(crate) order: &'a Order,
    pub(crate) request: &'a Request,
    /// Whether it is the reader's own, who alone may fetch it.
    pub(crate) is_own: bool,
    /// Whether the reader may hold it back.
    pub(crate) may_hold: bool,
}

fn head(frame: &Frame<'_>, title: &str, lead: &str, is_of_all: bool) -> Markup {
    let mut steps = vec![("Nilometer", "/".to_owned()), (frame.t("Account", "Compte"), "/account".to_owned())];
    if is_of_all {
        steps.push((frame.t("Administration", "Administration"), "/admin".to_owned()));
    }
    html! {
        (breadcrumbs(frame, &steps, title))
        header.title { h1 { (title) } @if !lead.is_empty() { p.lead { (lead) } } }
    }
}

/// A form with one button. `what` completes its label for those who do not see where it stands.
fn button(frame: &Frame<'_>, path: &str, csrf: &str, (text, what): (&str, &str), more: &Markup) -> Markup {
    html! {
        form method="post" action=(frame.href(path)) {
            (token(csrf)) (more)
            button.button.quiet.small type="submit" aria-label=(format!("{text} {what}")) { (text) }
        }
    }
}

fn format_name(language: Language, format: OutputFormat) -> &'static str {
    match format {
        OutputFormat::Original => language.of("files as they are", "fichiers tels quels"),
        OutputFormat::Geoparquet => "GeoParquet",
        OutputFormat::Geojson => "GeoJSON",
        OutputFormat::Csv => "CSV",
        OutputFormat::Parquet => "Parquet",
    }
}

/// What a selection asks: its collections, then its conditions.
fn asked(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, selection: &Selection) -> Markup {
    let own = selection.search.as_ref().and_then(Value::as_object).or(selection.filters.as_ref());
    let named = selection.named();
    let collections: Vec<String> = named.into_iter().map(|id| collection_title(ask, snapshot, id)).collect();
    html! {
        @if collections.is_empty() { (frame.t("All collections", "Toutes les collections")) } @else { (collections.join(", ")) }
        @if let Some(own) = own { (conditions(frame, own)) }
    }
}

/// Members of a search, or of a subset, that narrow something.
fn conditions(frame: &Frame<'_>, members: &Map<String, Value>) -> Markup {
    let narrows = |name: &str| name != "collections" && !NOT_ASKED.contains(&name);
    let all: Vec<_> = members.iter().filter(|(name, value)| narrows(name) && !value.is_null()).collect();
    html! {
        @if !all.is_empty() {
            ul.plain { @for (name, value) in all { li { (member(frame.language, name)) ": " code { (condition(value)) } } } }
        }
    }
}

fn member(language: Language, name: &str) -> String {
    match name {
        "bbox" => language.of("Box", "Emprise").to_owned(),
        "intersects" => language.of("Area", "Zone").to_owned(),
        "intersectsRefs" => language.of("Places", "Lieux").to_owned(),
        "datetime" => language.of("Period", "Période").to_owned(),
        "parameters" => language.of("Parameters", "Paramètres").to_owned(),
        "q" => language.of("Words", "Mots").to_owned(),
        "ids" => language.of("Items", "Éléments").to_owned(),
        "filter" | "query" => language.of("Conditions", "Conditions").to_owned(),
        other => label(language, other),
    }
}

fn condition(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    if text.chars().count() <= CONDITION_CHARS_MAX {
        return text;
    }
    format!("{}…", text.chars().take(CONDITION_CHARS_MAX).collect::<String>())
}

fn delivered(frame: &Frame<'_>, selection: &Selection) -> Markup {
    let names: Vec<&str> = selection.formats.iter().map(|format| format_name(frame.language, *format)).collect();
    let formats = if names.is_empty() {
        format_name(frame.language, OutputFormat::Original).to_owned()
    } else {
        names.join(", ")
    };
    let part = selection.subset.as_ref().and_then(|subset| serde_json::to_value(subset).ok());
    html! {
        (formats)
        @if let Some(Value::Object(part)) = part { ", " (frame.t("in part", "en partie")) (conditions(frame, &part)) }
    }
}

/// `/account/basket`, and a basket that was shared.
pub(crate) fn basket(ask: &Ask, snapshot: &Snapshot, view: &BasketView<'_>, problem: Option<&Problem>) -> String {
    let shared = view.shared.map(|id| format!("/baskets/{}", encode(id)));
    let frame = frame_at(ask, shared.as_deref().unwrap_or("/account/basket"));
    let title = match view.shared {
        Some(_) => frame.t("A shared basket", "Un panier partagé"),
        None => frame.t("Basket", "Panier"),
    };
    let lead = frame.t(
        "What you put together here is ordered at once, as one archive.",
        "Ce que vous réunissez ici est commandé en une fois, en une seule archive.",
    );
    let scripts = match view.shared {
        Some(id) => format!("/baskets/{}/script", encode(id)),
        None => "/account/basket/script".to_owned(),
    };
    let main = html! {
        div.wide.stack {
            (head(&frame, title, lead, false))
            (notice(&frame, problem))
            @if let Some(link) = view.link {
                div.notice role="status" {
                    p { (frame.t("Whoever has this link sees this basket:", "Quiconque a ce lien voit ce panier :")) }
                    p { code { (link) } }
                }
            }
            @if view.selections.is_empty() {
                p.none { (frame.t("The basket is empty.", "Le panier est vide.")) }
                p.actions { a.button href=(frame.href("/search")) { (frame.t("Search", "Rechercher")) } }
            } @else {
                (selections(&frame, ask, snapshot, view))
                @match view.shared {
                    Some(id) => (button(&frame, &format!("/baskets/{}/take", encode(id)), view.csrf,
                        (frame.t("Put into my basket", "Ajouter à mon panier"), ""), &Markup::default())),
                    None => (order_form(&frame, view)),
                }
                section {
                    h2 { (frame.t("By program", "Par programme")) }
                    p.actions {
                        a.button.quiet href=(frame.href(&format!("{scripts}?kind={}", Kind::Python.label()))) { "Python (py-hydroweb)" }
                        a.button.quiet href=(frame.href(&format!("{scripts}?kind={}", Kind::Curl.label()))) { "curl" }
                    }
                }
            }
            @if !view.sharing.is_empty() { (sharing(&frame, view)) }
        }
    };
    whole(&frame, title, main)
}

/// The links by which the reader shares baskets.
fn sharing(frame: &Frame<'_>, view: &BasketView<'_>) -> Markup {
    let title = frame.t("Baskets that you share", "Paniers que vous partagez");
    let columns = [
        Column::Text(frame.t("Link", "Lien")),
        Column::Text(frame.t("Ends", "Expire")),
        Column::Text(frame.t("Take back", "Retirer")),
    ];
    let rows = html! {
        @for basket in view.sharing {
            @let path = format!("/baskets/{}", basket.id);
            tr {
                th scope="row" { a href=(frame.href(&path)) { code { (path) } } }
                td { (readable(basket.expires)) }
                td { (button(frame, &format!("{path}/delete"), view.csrf, (frame.t("Take back", "Retirer"), &basket.id), &Markup::default())) }
            }
        }
    };
    html! { section { h2 { (title) } (table(title, &columns, &rows)) } }
}

fn selections(frame: &Frame<'_>, ask: &Ask, snapshot: &Snapshot, view: &BasketView<'_>) -> Markup {
    let columns = [
        Column::Text(frame.t("Selection", "Sélection")),
        Column::Text(frame.t("Delivered as", "Livré en")),
        Column::Text(frame.t("Take out", "Retirer")),
    ];
    let rows = html! {
        @for (at, selection) in view.selections.iter().enumerate() {
            tr {
                td { (asked(frame, ask, snapshot, selection)) }
                td { (delivered(frame, selection)) }
                td {
                    @if view.shared.is_none() {
                        @let number = html! { input type="hidden" name="selection" value=(at); };
                        (button(frame, "/account/basket/remove", view.csrf,
                            (frame.t("Take out", "Retirer"), &format!("{}", at + 1)), &number))
                    }
                }
            }
        }
    };
    table(frame.t("Selections", "Sélections"), &columns, &rows)
}

fn estimate(frame: &Frame<'_>, estimate: &EstimateView) -> Markup {
    let number = |count: u64| frame.language.number(count);
    html! {
        dl.facts {
            dt { (frame.t("Files", "Fichiers")) } dd { (number(estimate.files)) }
            dt { (frame.t("Size", "Taille")) }
            dd {
                (bytes(estimate.bytes))
                @if estimate.unknown_sizes > 0 {
                    " " (frame.t("and", "et")) " " (number(estimate.unknown_sizes)) " "
                    (frame.t("files whose size is not known before", "fichiers dont la taille n'est pas connue d'avance"))
                }
            }
            @if estimate.elsewhere > 0 {
                dt { (frame.t("Elsewhere", "Ailleurs")) }
                dd { (number(estimate.elsewhere)) " " (frame.t("files that their items only link to", "fichiers vers lesquels leurs éléments ne font que renvoyer")) }
            }
            @if !estimate.left_out.is_empty() {
                dt { (frame.t("Left out", "Écarté")) }
                dd { ul.plain { @for left in &estimate.left_out { li { (left_out(frame, left)) } } } }
            }
        }
    }
}

/// A collection that is passed over, and why.
fn left_out(frame: &Frame<'_>, left: &LeftOut) -> Markup {
    html! {
        (frame.language.number(left.items)) " " (frame.t("items of", "éléments de")) " " (left.collection) ": "
        @match &left.terms {
            Some(_) => (frame.t("the terms are not accepted yet", "les conditions ne sont pas encore acceptées")),
            None => (frame.t("the metadata alone are for you", "seules les métadonnées vous sont ouvertes")),
        }
    }
}

/// A box by which the terms of a collection are accepted with the order.
fn acceptance(frame: &Frame<'_>, terms: &Terms, required: bool) -> Markup {
    html! {
        p {
            label.chip {
                input type="checkbox" name="accept_licences" value=(terms.collection) required[required];
                (frame.t("I accept the terms of ", "J'accepte les conditions de ")) (terms.collection)
            }
            " " a href=(frame.href(&terms.path())) { (terms.licence) }
        }
    }
}

fn order_form(frame: &Frame<'_>, view: &BasketView<'_>) -> Markup {
    html! {
        section {
            h2 { (frame.t("Order", "Commander")) }
            @if let Some(known) = &view.estimate { (estimate(frame, known)) }
            form.panel method="post" action=(frame.href("/account/basket/order")) {
                (token(view.csrf))
                div.row {
                    div.field {
                        label for="name" { (frame.t("Name of the order", "Nom de la commande")) }
                        input id="name" name="name" maxlength="200" autocomplete="off";
                    }
                    div.field {
                        label for="webhook" { (frame.t("Address to which a message is posted at the end", "Adresse à laquelle un message est envoyé à la fin")) }
                        input id="webhook" name="webhook" type="url" autocomplete="off" placeholder="https://";
                    }
                }
                p { label.chip { input type="checkbox" name="mail" value="true"; (frame.t("Tell me by mail when it is ready", "Me prévenir par courrier quand elle est prête")) } }
                @for terms in view.estimate.iter().flat_map(|known| &known.licences) { (acceptance(frame, terms, true)) }
                @for terms in view.estimate.iter().flat_map(|known| known.left_out.iter().filter_map(|left| left.terms.as_ref())) {
                    (acceptance(frame, terms, false))
                }
                p.actions { button.button type="submit" { (frame.t("Order", "Commander")) } }
            }
            div.row {
                (button(frame, "/account/basket/share", view.csrf, (frame.t("Share by a link", "Partager par un lien"), ""), &Markup::default()))
                (button(frame, "/account/basket/remove", view.csrf, (frame.t("Empty the basket", "Vider le panier"), ""), &Markup::default()))
            }
        }
    }
}

pub(super) fn state_name(language: Language, state: OrderState) -> &'static str {
    let french = match state {
        OrderState::Created => "en attente",
        OrderState::Running => "en préparation",
        OrderState::Paused => "suspendue",
        OrderState::Completed => "prête",
        OrderState::Failed => "échouée",
        OrderState::Cancelled => "annulée",
        OrderState::Expired => "expirée",
    };
    language.of(state.word(), french)
}

/// State, and how far the preparation is.
fn state(frame: &Frame<'_>, order: &Order) -> Markup {
    html! {
        (state_name(frame.language, order.state))
        @if order.state == OrderState::Running {
            @let percent = order.progress.unwrap_or(0);
            " " progress max="100" value=(percent) aria-label=(frame.t("Progress", "Avancement")) { (percent) " %" }
            " " (percent) " %"
        }
    }
}

/// An element that loads a page anew while something on it is still going on, where no script does (see [`renewed`]).
fn refresh(address: Option<&str>) -> Markup {
    html! {
        @if let Some(address) = address { noscript { meta http-equiv="refresh" content={ (REFRESH_S) "; url=" (address) }; } }
    }
}

/// What the script needs that fetches such a page's main part anew.
fn renewed(address: Option<&str>) -> Option<String> {
    address.map(|address| json!({"address": address, "seconds": REFRESH_S}).to_string())
}

/// `/orders` and `/admin/orders`.
pub(crate) fn list(ask: &Ask, view: &ListView<'_>, csrf: &str, problem: Option<&Problem>) -> String {
    let path = if view.of_all { "/admin/orders" } else { "/orders" };
    let frame = frame_at(ask, path);
    let title =
        if view.of_all { frame.t("All orders", "Toutes les commandes") } else { frame.t("Orders", "Commandes") };
    let columns = [
        Column::Text(frame.t("Order", "Commande")),
        Column::Text(if view.of_all { frame.t("Account", "Compte") } else { frame.t("Ordered", "Commandée") }),
        Column::Text(frame.t("Changed", "Modifiée")),
        Column::Text(frame.t("State", "État")),
        Column::Number(frame.t("Files", "Fichiers")),
        Column::Number(frame.t("Size", "Taille")),
        Column::Text(if view.of_all { frame.t("Actions", "Actions") } else { frame.t("Fetch", "Récupérer") }),
    ];
    let rows = html! {
        @for (order, account) in view.orders {
            tr {
                th scope="row" { a href=(frame.href(&format!("/orders/{}", order.id))) { (name_of(order)) } }
                td { @if view.of_all { (account) } @else { (readable(order.created)) } }
                td { (readable(order.updated)) }
                td { (state(&frame, order)) }
                td.number { @if order.files > 0 { (frame.language.number(order.files.unsigned_abs())) } }
                td.number { @if order.bytes > 0 { (bytes(order.bytes.unsigned_abs())) } }
                td {
                    @if order.state == OrderState::Completed && !view.of_all { (fetch(&frame, order)) }
                    @if view.of_all { (holding(&frame, order, csrf, true)) }
                }
            }
        }
    };
    let is_open = view.orders.iter().any(|(order, _)| order.state.is_open());
    let own = if view.page == 0 { path.to_owned() } else { format!("{path}?page={}", view.page) };
    let renewing = is_open.then(|| frame.href(&own));
    let next = format!("{path}?page={}", view.page + 1);
    let main = html! {
        div.wide.stack data-mount=[renewing.as_ref().map(|_| "renew")] data-options=[renewed(renewing.as_deref())] {
            (head(&frame, title, "", view.of_all))
            (notice(&frame, problem))
            @if view.orders.is_empty() { p.none { (frame.t("There are no orders.", "Il n'y a pas de commandes.")) } }
            @else { (table(title, &columns, &rows)) }
            @if view.has_more {
                p.pager { a.button rel="next" href=(frame.href(&next)) { (frame.t("Older", "Plus anciennes")) } }
            }
            @if !view.of_all {
                p.actions { a.button.quiet href=(frame.href("/account/basket")) { (frame.t("Basket", "Panier")) } }
            }
            @if let Some(key) = view.webhook_key {
                details {
                    summary { (frame.t("Messages to your own server", "Messages à votre propre serveur")) }
                    p { (frame.t(
                        "They are signed: the header Nilometer-Signature holds sha256= and the HMAC-SHA-256 of the body under this key.",
                        "Ils sont signés : l'en-tête Nilometer-Signature contient sha256= et le HMAC-SHA-256 du corps avec cette clé.",
                    )) }
                    p { code { (key) } }
                }
            }
        }
    };
    let head = refresh(renewing.as_deref());
    frame.whole(&Page { title, main, head, section: Section::Account, ..Page::default() })
}

fn name_of(order: &Order) -> &str {
    if order.name.is_empty() { &order.id } else { &order.name }
}

fn fetch(frame: &Frame<'_>, order: &Order) -> Markup {
    let path = format!("{}/{}/zip", crate::routes::WORKFLOWS, order.id);
    html! { a.button.small href=(frame.links.local(&path)) { (frame.t("Fetch", "Récupérer")) " (zip, " (bytes(order.bytes.unsigned_abs())) ")" } }
}

/// What those who run the service do with an order.
fn holding(frame: &Frame<'_>, order: &Order, csrf: &str, of_all: bool) -> Markup {
    let name = name_of(order);
    let back = html! { @if of_all { input type="hidden" name="back" value="all"; } };
    let form =
        |action: &str, text: &str| button(frame, &format!("/orders/{}/{action}", order.id), csrf, (text, name), &back);
    html! {
        div.row {
            @match order.state {
                OrderState::Created | OrderState::Running => (form("pause", frame.t("Pause", "Suspendre"))),
                OrderState::Paused => (form("resume", frame.t("Resume", "Reprendre"))),
                _ => {}
            }
            @if of_all {
                @if order.state.is_open() { (form("cancel", frame.t("Cancel", "Annuler"))) }
                @else { (form("rerun", frame.t("Prepare anew", "Préparer à nouveau"))) }
            }
        }
    }
}

/// `/orders/{id}/files`.
pub(crate) fn files(ask: &Ask, order: &Order, entries: &[Entry], is_own: bool) -> String {
    let frame = frame(ask);
    let title = frame.t("Files of the order", "Fichiers de la commande");
    let own = format!("/orders/{}", order.id);
    let steps = [
        ("Nilometer", "/".to_owned()),
        (frame.t("Account", "Compte"), "/account".to_owned()),
        (frame.t("Orders", "Commandes"), "/orders".to_owned()),
        (name_of(order), own.clone()),
    ];
    let columns = [
        Column::Text(frame.t("File", "Fichier")),
        Column::Text(frame.t("Item", "Élément")),
        Column::Number(frame.t("Size", "Taille")),
    ];
    let rows = html! {
        @for entry in entries.iter().take(FILES_SHOWN) {
            tr {
                th scope="row" { code { (entry.path) } }
                td {
                    @if let Some(origin) = &entry.origin {
                        a href=(frame.href(&item_path(&origin.collection, &origin.item))) { (origin.item) }
                    }
                }
                td.number { (bytes(entry.size)) }
            }
        }
    };
    let json = with_query(&format!("{own}/files"), [("f", "json")]);
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, title))
            header.title {
                h1 { (title) }
                p.meta {
                    (frame.language.number(entries.len() as u64)) " " (frame.t("files with their documents, ", "fichiers avec leurs documents, "))
                    (bytes(entries.iter().map(|entry| entry.size).sum()))
                    @if entries.len() > FILES_SHOWN {
                        "; " (frame.t("listed here are the first ", "sont listés ici les ")) (frame.language.number(FILES_SHOWN as u64))
                        (frame.t("", " premiers"))
                    }
                }
            }
            div.row {
                @if is_own { (fetch(&frame, order)) }
                a.button.quiet.small href=(frame.links.local(&json)) { (frame.t("All of them as JSON", "Tous en JSON")) }
            }
            (table(title, &columns, &rows))
        }
    };
    whole(&frame, title, main)
}

/// `/orders/{id}`.
pub(crate) fn order(
    ask: &Ask,
    snapshot: &Snapshot,
    view: &OrderView<'_>,
    csrf: &str,
    problem: Option<&Problem>,
) -> String {
    let path = format!("/orders/{}", view.order.id);
    let frame = frame_at(ask, &path);
    let OrderView { order, request, .. } = view;
    let title = name_of(order);
    let steps = [
        ("Nilometer", "/".to_owned()),
        (frame.t("Account", "Compte"), "/account".to_owned()),
        (frame.t("Orders", "Commandes"), "/orders".to_owned()),
    ];
    let columns = [Column::Text(frame.t("Selection", "Sélection")), Column::Text(frame.t("Delivered as", "Livré en"))];
    let rows = html! {
        @for selection in &request.selections {
            tr { td { (asked(&frame, ask, snapshot, selection)) } td { (delivered(&frame, selection)) } }
        }
    };
    let form = |action: &str, text: &str| {
        button(&frame, &format!("/orders/{}/{action}", order.id), csrf, (text, title), &Markup::default())
    };
    let renewing = order.state.is_open().then(|| frame.href(&path));
    let main = html! {
        div.wide.stack data-mount=[renewing.as_ref().map(|_| "renew")] data-options=[renewed(renewing.as_deref())] {
            (breadcrumbs(&frame, &steps, title))
            header.title { h1 { (title) } p.meta { code { (order.id) } } }
            (notice(&frame, problem))
            @if let Some(message) = &order.message { div.notice role="status" { p { (message) } } }
            dl.facts {
                dt { (frame.t("State", "État")) } dd { (state(&frame, order)) }
                dt { (frame.t("Ordered", "Commandée")) } dd { (readable(order.created)) }
                dt { (frame.t("Changed", "Modifiée")) } dd { (readable(order.updated)) }
                @if order.files > 0 {
                    dt { (frame.t("Files", "Fichiers")) } dd { (frame.language.number(order.files.unsigned_abs())) }
                    dt { (frame.t("Size", "Taille")) } dd { (bytes(order.bytes.unsigned_abs())) }
                }
                @if let Some(expires) = order.expires { dt { (frame.t("Can be fetched until", "Récupérable jusqu'au")) } dd { (readable(expires)) } }
            }
            div.row {
                @if order.state == OrderState::Completed {
                    @if view.is_own { (fetch(&frame, order)) }
                    a.button.quiet.small href=(frame.href(&format!("/orders/{}/files", order.id))) { (frame.t("List of files", "Liste des fichiers")) }
                }
                @if order.state.is_open() { (form("cancel", frame.t("Cancel", "Annuler"))) }
                @else {
                    (form("rerun", frame.t("Prepare anew", "Préparer à nouveau")))
                    (form("delete", frame.t("Delete", "Supprimer")))
                }
                @if view.may_hold { (holding(&frame, order, csrf, false)) }
            }
            (table(frame.t("Selections", "Sélections"), &columns, &rows))
            section {
                h2 { (frame.t("By program", "Par programme")) }
                p.actions {
                    a.button.quiet href=(frame.href(&format!("/orders/{}/script?kind=python", order.id))) { "Python (py-hydroweb)" }
                    a.button.quiet href=(frame.href(&format!("/orders/{}/script?kind=curl", order.id))) { "curl" }
                }
            }
        }
    };
    frame.whole(&Page { title, main, head: refresh(renewing.as_deref()), section: Section::Account, ..Page::default() })
}

/// The way of a question into the basket; `question` is its parts as [`addition`] takes them.
pub(super) fn into_basket(frame: &Frame<'_>, question: &[(&str, String)]) -> Markup {
    let path = with_query("/account/basket/add", question.iter().map(|(name, value)| (*name, value.as_str())));
    html! { a.button.quiet.small href=(frame.href(&path)) rel="nofollow" { (frame.t("Order files", "Commander des fichiers")) } }
}

/// `/account/basket/add`: in which form a question's files are wanted. `question` goes on with the form.
pub(crate) fn addition(ask: &Ask, question: &[(&str, &str)], csrf: &str, problem: Option<&Problem>) -> String {
    let frame = frame(ask);
    let title = frame.t("Into the basket", "Dans le panier");
    let formats = [
        (OutputFormat::Original, "original"),
        (OutputFormat::Geoparquet, "geoparquet"),
        (OutputFormat::Geojson, "geojson"),
        (OutputFormat::Csv, "csv"),
        (OutputFormat::Parquet, "parquet"),
    ];
    let field = |name: &str, text: &str, hint: &str| {
        html! {
            div.field {
                label for=(name) { (text) }
                input id=(name) name=(name) autocomplete="off" placeholder=(hint);
            }
        }
    };
    let main = html! {
        div.narrow.stack {
            (head(&frame, title, "", false))
            (notice(&frame, problem))
            form.panel method="post" action=(frame.href("/account/basket/add")) {
                (token(csrf))
                @for (name, value) in question { input type="hidden" name=(name) value=(value); }
                fieldset {
                    legend { (frame.t("Delivered as; nothing chosen is the files as they are, and series as CSV",
                                      "Livré en ; sans choix, les fichiers tels quels et les séries en CSV")) }
                    ul.chips {
                        @for (format, label) in formats {
                            li { label.chip { input type="checkbox" name="formats" value=(label); (format_name(frame.language, format)) } }
                        }
                    }
                }
                p.hint { (frame.t("GeoParquet and GeoJSON are made of zipped shapefiles, Parquet of series, CSV of both.",
                                  "GeoParquet et GeoJSON sont tirés des shapefiles compressés, Parquet des séries, CSV des deux.")) }
                details {
                    summary { (frame.t("Only a part of each", "Seulement une partie de chacun")) }
                    (field("bbox", frame.t("Box: west, south, east, north", "Emprise : ouest, sud, est, nord"), "-5,42,8,51"))
                    (field("datetime", frame.t("Period", "Période"), "2024-01-01T00:00:00Z/2024-12-31T23:59:59Z"))
                    (field("parameters", frame.t("Parameters, with commas", "Paramètres, séparés par des virgules"), "wse,width"))
                }
                p.actions { button.button type="submit" { (frame.t("Put it into the basket", "Ajouter au panier")) } }
            }
        }
    };
    whole(&frame, title, main)
}
