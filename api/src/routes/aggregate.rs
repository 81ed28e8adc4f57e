//! `/aggregate` and `/aggregations`: the question answered with counts (STAC aggregation extension v0.3).

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_query::parse::{
    AggregationRequest, AvailableAggregation, aggregations_from_json, aggregations_from_query, default_question,
};
use nilometer_schemas::{Aggregation, AggregationResult, Bucket, CollectionId, Dialect};
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use super::body::JsonBody;
use super::property_parameters::read_properties;
use super::question::{interpret, interpret_body, visible, within};
use super::search::{warnings, widened_link, with_parameter};
use crate::html;
use crate::links::{HTML, JSON, collection_path, with_query};
use crate::metrics::Shape;
use crate::problem::ApiError;
use crate::state::App;

/// `GET /aggregate`.
pub(super) async fn get(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    answer_get(&app, ask, None).await
}

/// `GET /collections/{id}/aggregate`.
pub(super) async fn get_in(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    let collection = visible(&id, &ask)?;
    answer_get(&app, ask, Some(collection)).await
}

/// `POST /aggregate`.
pub(super) async fn post(State(app): State<App>, ask: Ask, JsonBody(body): JsonBody) -> Result<Response, ApiError> {
    answer_post(&app, ask, body, None).await
}

/// `POST /collections/{id}/aggregate`.
pub(super) async fn post_in(
    State(app): State<App>,
    Path(id): Path<String>,
    ask: Ask,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let collection = visible(&id, &ask)?;
    answer_post(&app, ask, body, Some(collection)).await
}

async fn answer_get(app: &App, mut ask: Ask, collection: Option<CollectionId>) -> Result<Response, ApiError> {
    interpret(app, &mut ask).await?;
    if let Some(collection) = &collection {
        read_properties(&mut ask, collection)?;
    }
    let request = aggregations_from_query(&ask.query, Dialect::Stac, &[])?;
    answer(app, ask, request, collection, b"").await
}

async fn answer_post(
    app: &App,
    ask: Ask,
    mut body: Value,
    collection: Option<CollectionId>,
) -> Result<Response, ApiError> {
    ask.only(&[])?;
    interpret_body(app, &ask, &mut body).await?;
    let request = aggregations_from_json(&body, &[])?;
    let canonical = request.request.canonical.to_string();
    answer(app, ask, request, collection, canonical.as_bytes()).await
}

async fn answer(
    app: &App,
    ask: Ask,
    request: AggregationRequest,
    collection: Option<CollectionId>,
    body: &[u8],
) -> Result<Response, ApiError> {
    let AggregationRequest { request, aggregations, multiselect } = request;
    let mut search = request.search;
    if let Some(collection) = &collection {
        search = within(search, collection)?;
    }
    let snapshot = Arc::clone(&ask.snapshot);
    let (view, metrics) = (ask.clone(), Arc::clone(&app.metrics));
    let media_type = if ask.html { HTML } else { JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, body, move || {
        let begin = Instant::now();
        if let Some(collection) = &collection {
            nilometer_query::check_aggregations(&snapshot, collection, &aggregations, view.scope)?;
        }
        let results = if multiselect {
            let within = collection.as_ref();
            nilometer_query::aggregate_multiselect(&snapshot, &search, &aggregations, view.scope, within)?
        } else {
            nilometer_query::aggregate(&snapshot, &search, &aggregations, view.scope)?
        };
        metrics.searched(Shape::Facet, None, begin.elapsed());
        if view.html {
            let collection = collection.as_ref().map(CollectionId::as_str);
            return Ok(html::counted(&view, collection, &aggregations, &results).into_bytes());
        }
        let entries: Vec<Value> = aggregations.iter().zip(&results).map(|(a, r)| aggregation_json(a, r)).collect();
        let mut links = vec![view.links.link("self", JSON, &view.path_and_query), view.links.link("root", JSON, "/")];
        if let Some(collection) = &collection {
            links.push(view.links.link("collection", JSON, &collection_path(collection.as_str())));
        }
        links.extend(warnings(&view, &snapshot, &search));
        links.extend(nilometer_query::widened(&snapshot, &search, view.scope)?.iter().map(|w| widened_link(&view, w)));
        to_bytes(&json!({"type": "AggregationCollection", "aggregations": entries, "links": links}))
    })
    .await
}

fn aggregation_json(aggregation: &Aggregation, result: &AggregationResult) -> Value {
    let name = &aggregation.name;
    match result {
        AggregationResult::Count(count) => json!({"name": name, "data_type": "integer", "value": count}),
        AggregationResult::Moment(moment) => json!({"name": name, "data_type": "datetime", "value": moment}),
        AggregationResult::Statistics(statistics) => {
            json!({"name": name, "data_type": "statistics", "value": statistics})
        }
        AggregationResult::Buckets { data_type, buckets, left, interval } => {
            let bucket = |bucket: &Bucket| {
                let mut json = json!({"key": bucket.key, "data_type": data_type, "frequency": bucket.frequency});
                for (end, value) in [("from", &bucket.from), ("to", &bucket.to)] {
                    if let Some(value) = value {
                        json[end] = value.clone();
                    }
                }
                json
            };
            let buckets: Vec<Value> = buckets.iter().map(bucket).collect();
            let mut json = json!({"name": name, "data_type": "frequency_distribution", "overflow": left.items,
                "buckets_left": left.buckets, "buckets": buckets});
            if let Some(interval) = interval {
                json["interval"] = interval.clone();
            }
            json
        }
    }
}

/// `GET /aggregations`.
pub(super) async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer_list(ask, None).await
}

/// `GET /collections/{id}/aggregations`.
pub(super) async fn list_in(Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    let collection = visible(&id, &ask)?;
    answer_list(ask, Some(collection)).await
}

async fn answer_list(ask: Ask, collection: Option<CollectionId>) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = Arc::clone(&ask.snapshot);
    let view = ask.clone();
    let media_type = if ask.html { HTML } else { JSON };
    ask.answer(snapshot.seq_for(ask.scope), media_type, b"", move || {
        let aggregations = nilometer_query::aggregations(&snapshot, collection.as_ref(), view.scope);
        if view.html {
            let collection = collection.as_ref().map(CollectionId::as_str);
            return Ok(html::aggregations(&view, collection, &aggregations).into_bytes());
        }
        let mut links = vec![
            view.links.link("self", JSON, &view.path),
            view.links.link("root", JSON, "/"),
            view.links.link("alternate", HTML, &with_parameter(&view, "f", "html")),
        ];
        if let Some(id) = &collection {
            links.push(view.links.link("collection", JSON, &collection_path(id.as_str())));
        }
        links.push(default_link(&view, collection.as_ref(), &aggregations));
        to_bytes(&json!({"type": "AggregationCollection", "aggregations": aggregations, "links": links}))
    })
    .await
}

/// The counts that are defaults, with the options that fit.
fn default_link(ask: &Ask, collection: Option<&CollectionId>, available: &[AvailableAggregation]) -> Value {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let question: Vec<(String, String)> =
        default_question(available).iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let base = collection.map(|collection| collection_path(collection.as_str())).unwrap_or_default();
    let pairs = question.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let title = ask.language().of("Counts by default", "Décomptes par défaut");
    ask.links.titled("aggregate", JSON, &with_query(&format!("{base}/aggregate"), pairs), title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::{AggregationKind, Left, Statistics};

    #[test]
    fn results_take_the_extensions_form() {
        let check = |result: AggregationResult, expected: Value| {
            let asked = Aggregation { name: "n".into(), kind: AggregationKind::TotalCount, limit: None };
            assert_eq!(aggregation_json(&asked, &result), expected);
        };
        check(AggregationResult::Count(3), json!({"name": "n", "data_type": "integer", "value": 3}));
        check(AggregationResult::Moment(None), json!({"name": "n", "data_type": "datetime", "value": null}));
        check(
            AggregationResult::Statistics(Statistics { count: 1, min: Some(2.0), ..Statistics::default() }),
            json!({"name": "n", "data_type": "statistics", "value":
                {"count": 1, "min": 2.0, "max": null, "sum": null, "avg": null, "stddev": null}}),
        );
        let range = Bucket { to: Some(json!(5)), ..Bucket::new("*-5", 2) };
        check(
            AggregationResult::Buckets {
                data_type: "numeric",
                buckets: vec![range],
                left: Left { items: 7, buckets: 3 },
                interval: Some(json!(5)),
            },
            json!({"name": "n", "data_type": "frequency_distribution", "overflow": 7, "buckets_left": 3, "interval": 5,
                   "buckets": [{"key": "*-5", "data_type": "numeric", "frequency": 2, "to": 5}]}),
        );
    }
}
