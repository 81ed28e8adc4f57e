//! What programs ask, for people who look at it: the change feed, what can be counted and was, suggestions.

use maud::{Markup, html};
use nilometer_indexer::{ChangeKind, Changes, Snapshot};
use nilometer_query::parse::AvailableAggregation;
use nilometer_schemas::{Aggregation, AggregationResult};

use super::language::readable;
use super::layout::{Frame, breadcrumbs};
use super::table::{Column, table};
use crate::links::{collection_path, item_path, with_query};
use crate::routes::ask::Ask;
use crate::routes::collection_view::collection_title;
use crate::suggest::Suggestion;

/// A page of the change feed; `next` is the path of the page after it.
pub(crate) fn changes(ask: &Ask, changes: &Changes, next: &str) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Changes", "Modifications");
    let columns = [
        Column::Number(frame.t("Sequence", "Séquence")),
        Column::Text(frame.t("Time", "Heure")),
        Column::Text(frame.t("What", "Quoi")),
        Column::Text("Collection"),
        Column::Text(frame.t("Item", "Élément")),
    ];
    let what = |kind| match kind {
        ChangeKind::PutCollection => frame.t("collection written", "collection écrite"),
        ChangeKind::PutItem => frame.t("item written", "élément écrit"),
        ChangeKind::DeleteCollection => frame.t("collection deleted", "collection supprimée"),
        ChangeKind::DeleteItem => frame.t("item deleted", "élément supprimé"),
    };
    let rows = html! {
        @for change in &changes.changes {
            @let is_there = matches!(change.kind, ChangeKind::PutCollection | ChangeKind::PutItem);
            tr {
                td.number { (change.seq) }
                td { (readable(change.time)) }
                td { (what(change.kind)) }
                td { a href=(frame.href(&collection_path(&change.collection))) { (change.collection) } }
                td {
                    @match &change.id {
                        Some(id) if is_there => { a href=(frame.href(&item_path(&change.collection, id))) { (id) } }
                        Some(id) => { (id) }
                        None => {}
                    }
                }
            }
        }
    };
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            header.title {
                h1 { (title) }
                p.lead { (frame.t(
                    "Everything that was written and deleted, in order, to keep a copy up to date.",
                    "Tout ce qui a été écrit et supprimé, dans l'ordre, pour tenir une copie à jour.",
                )) }
            }
            @if changes.changes.is_empty() {
                p.notice { (frame.t("Nothing was written since.", "Rien n'a été écrit depuis.")) }
            } @else {
                (table(title, &columns, &rows))
            }
            p.pager {
                a.button rel="next" href=(frame.href(next)) {
                    @if changes.more { (frame.t("Later changes", "Modifications suivantes")) }
                    @else { (frame.t("Look for newer changes", "Chercher des modifications plus récentes")) }
                }
            }
        }
    };
    frame.page(title, main)
}

/// What can be counted over the items of a collection, or of all.
pub(crate) fn aggregations(ask: &Ask, collection: Option<&str>, available: &[AvailableAggregation]) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Counts", "Décomptes");
    let mut steps = vec![("Nilometer", "/".to_owned())];
    if let Some(id) = collection {
        steps.push(("Collections", "/collections".to_owned()));
        steps.push((id, collection_path(id)));
    }
    let base = collection.map(collection_path).unwrap_or_default();
    let columns = [
        Column::Text(frame.t("Name", "Nom")),
        Column::Text(frame.t("Gives", "Donne")),
        Column::Text(frame.t("By default", "Par défaut")),
        Column::Text("Options"),
    ];
    let rows = html! {
        @for aggregation in available {
            @let options: Vec<(&str, String)> = aggregation.options.iter()
                .filter_map(|option| Some((option.name.as_str(), plain(option.suggested.as_ref()?)))).collect();
            @let counted = [("aggregations", aggregation.name.as_str())].into_iter()
                .chain(options.iter().map(|(name, value)| (*name, value.as_str())));
            tr {
                th scope="row" {
                    a href=(frame.links.local(&with_query(&format!("{base}/aggregate"), counted))) { code { (aggregation.name) } }
                }
                td { (aggregation.frequency_distribution_data_type.unwrap_or(aggregation.data_type)) }
                td { @if aggregation.default { (frame.t("yes", "oui")) } }
                td { @for option in &aggregation.options { code { (option.name) } " " } }
            }
        }
    };
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, title))
            header.title {
                h1 { (title) }
                p.lead { (frame.t(
                    "What can be counted over the items of a search; each name leads to the count over all of them.",
                    "Ce que l'on peut compter sur les éléments d'une recherche ; chaque nom mène au décompte sur tous.",
                )) }
            }
            (table(title, &columns, &rows))
        }
    };
    frame.page(title, main)
}

/// Counts as tables.
pub(crate) fn counted(
    ask: &Ask,
    collection: Option<&str>,
    asked: &[Aggregation],
    results: &[AggregationResult],
) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Counts", "Décomptes");
    let base = collection.map(collection_path).unwrap_or_default();
    let steps = [("Nilometer", "/".to_owned()), (title, format!("{base}/aggregations"))];
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, frame.t("Answer", "Réponse")))
            h1 { (title) }
            @for (aggregation, result) in asked.iter().zip(results) {
                section { h2 { code { (aggregation.name) } } (one_count(&frame, &aggregation.name, result)) }
            }
        }
    };
    frame.page(title, main)
}

fn one_count(frame: &Frame<'_>, name: &str, result: &AggregationResult) -> Markup {
    match result {
        AggregationResult::Count(count) => html! { p.number { (frame.language.number(*count)) } },
        AggregationResult::Moment(moment) => html! { p { (moment.as_deref().unwrap_or("–")) } },
        AggregationResult::Statistics(statistics) => {
            let statistics = serde_json::to_value(statistics).unwrap_or_default();
            let columns =
                [Column::Text(frame.t("Statistic", "Statistique")), Column::Number(frame.t("Value", "Valeur"))];
            let rows = html! {
                @for (name, value) in statistics.as_object().into_iter().flatten() {
                    tr { th scope="row" { (name) } td.number { (plain(value)) } }
                }
            };
            table(name, &columns, &rows)
        }
        AggregationResult::Buckets { buckets, left, .. } => {
            let columns = [Column::Text(frame.t("Value", "Valeur")), Column::Number(frame.t("Items", "Éléments"))];
            let rows = html! {
                @for bucket in buckets {
                    tr {
                        th scope="row" { (plain(&bucket.key)) }
                        td.number { (frame.language.number(bucket.frequency)) }
                    }
                }
            };
            html! {
                (table(name, &columns, &rows))
                @if left.buckets > 0 {
                    p.hint { (frame.t("Values beyond these: ", "Autres valeurs : ")) (frame.language.number(left.buckets as u64)) }
                }
            }
        }
    }
}

/// What may be meant by a text, with links to what is found.
pub(crate) fn suggestions(ask: &Ask, snapshot: &Snapshot, text: &str, found: &[Suggestion]) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Suggestions", "Suggestions");
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            h1 { (title) " " (frame.t("“#”", "« # »").replace('#', text)) }
            @if found.is_empty() {
                p.notice { (frame.t("Nothing begins so.", "Rien ne commence ainsi.")) }
            }
            ul.plain {
                @for suggestion in found {
                    @let pairs = suggestion.sets.iter().map(|(name, value)| (*name, value.as_str()));
                    li {
                        a href=(frame.href(&with_query("/search", pairs))) { (suggestion.title) }
                        @if let Some(collection) = &suggestion.collection {
                            " " span.meta { (collection_title(ask, snapshot, collection.as_str())) }
                        }
                        @if let Some(count) = suggestion.count { " " span.meta { (frame.language.items(count)) } }
                    }
                }
            }
        }
    };
    frame.page(title, main)
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
