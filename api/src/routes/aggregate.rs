//! `/aggregate` and `/aggregations`: the question answered with counts (STAC aggregation extension v0.3).

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_query::parse::{Request, aggregations_available, aggregations_from_json, aggregations_from_query};
use nilometer_schemas::{Aggregation, AggregationResult, CollectionId, Dialect};
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use super::body::JsonBody;
use super::question::{interpret, interpret_body, visible, within};
use super::search::{warnings, widened_link};
use crate::links::{JSON, collection_path};
use crate::metrics::Shape;
use crate::problem::ApiError;
use crate::state::App;

/// `GET /aggregate`.
pub(super) async fn get(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    answer_get(&app, ask, None).await
}

/// `GET /collections/{id}/aggregate`.
pub(super) async fn get_in(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    let collection = visible(&app, &id, &ask)?;
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
    let collection = visible(&app, &id, &ask)?;
    answer_post(&app, ask, body, Some(collection)).await
}

async fn answer_get(app: &App, mut ask: Ask, collection: Option<CollectionId>) -> Result<Response, ApiError> {
    interpret(app, &mut ask).await?;
    let (request, aggregations) = aggregations_from_query(&ask.query, Dialect::Stac, &[])?;
    answer(app, ask, request, aggregations, collection, b"").await
}

async fn answer_post(
    app: &App,
    ask: Ask,
    mut body: Value,
    collection: Option<CollectionId>,
) -> Result<Response, ApiError> {
    ask.only(&[])?;
    interpret_body(app, &ask, &mut body).await?;
    let (request, aggregations) = aggregations_from_json(&body, &[])?;
    let canonical = request.canonical.to_string();
    answer(app, ask, request, aggregations, collection, canonical.as_bytes()).await
}

async fn answer(
    app: &App,
    ask: Ask,
    request: Request,
    aggregations: Vec<Aggregation>,
    collection: Option<CollectionId>,
    body: &[u8],
) -> Result<Response, ApiError> {
    let mut search = request.search;
    if let Some(collection) = &collection {
        search = within(search, collection)?;
    }
    let snapshot = app.catalog.snapshot();
    let (view, metrics) = (ask.clone(), Arc::clone(&app.metrics));
    ask.answer(snapshot.seq_for(ask.scope), JSON, body, move || {
        let begin = Instant::now();
        let results = nilometer_query::aggregate(&snapshot, &search, &aggregations, view.scope)?;
        metrics.searched(Shape::Facet, None, begin.elapsed());
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
        AggregationResult::Buckets { data_type, buckets } => {
            let buckets: Vec<Value> = buckets
                .iter()
                .map(|b| json!({"key": b.key, "data_type": data_type, "frequency": b.frequency}))
                .collect();
            // Every item with a value is in a bucket, or the answer is a problem: there is no overflow.
            json!({"name": name, "data_type": "frequency_distribution", "overflow": 0, "buckets": buckets})
        }
    }
}

/// `GET /aggregations`.
pub(super) async fn list(State(app): State<App>, ask: Ask) -> Result<Response, ApiError> {
    answer_list(&app, ask, None).await
}

/// `GET /collections/{id}/aggregations`.
pub(super) async fn list_in(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    let collection = visible(&app, &id, &ask)?;
    answer_list(&app, ask, Some(collection)).await
}

async fn answer_list(app: &App, ask: Ask, collection: Option<CollectionId>) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let snapshot = app.catalog.snapshot();
    let view = ask.clone();
    ask.answer(snapshot.seq_for(ask.scope), JSON, b"", move || {
        let mut links = vec![view.links.link("self", JSON, &view.path), view.links.link("root", JSON, "/")];
        if let Some(id) = &collection {
            links.push(view.links.link("collection", JSON, &collection_path(id.as_str())));
        }
        let properties = nilometer_query::queryables(&snapshot, collection.as_ref(), view.scope)?;
        let aggregations = aggregations_available(&properties);
        to_bytes(&json!({"type": "AggregationCollection", "aggregations": aggregations, "links": links}))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::{AggregationKind, Bucket};

    #[test]
    fn results_take_the_extensions_form() {
        let check = |result: AggregationResult, expected: Value| {
            let asked = Aggregation { name: "n".into(), kind: AggregationKind::TotalCount };
            assert_eq!(aggregation_json(&asked, &result), expected);
        };
        check(AggregationResult::Count(3), json!({"name": "n", "data_type": "integer", "value": 3}));
        check(AggregationResult::Moment(None), json!({"name": "n", "data_type": "datetime", "value": null}));
        check(
            AggregationResult::Buckets {
                data_type: "string",
                buckets: vec![Bucket { key: json!("swot"), frequency: 2 }],
            },
            json!({"name": "n", "data_type": "frequency_distribution", "overflow": 0,
                   "buckets": [{"key": "swot", "data_type": "string", "frequency": 2}]}),
        );
    }
}
