//! `/collections/{id}/locations`: the features with observations that match a question, as EDR's GeoJSON.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_indexer::{Snapshot, StoredItem};
use nilometer_query::series::{Summary, parameters, summary};
use nilometer_query::{Page, features};
use nilometer_schemas::{CollectionId, Dialect, Direction, Parameter, Problem, SortKey};
use serde_json::{Map, Value, json};

use super::ask::EdrAsk;
use super::feature::label;
use super::parameter::named_parameter;
use super::query::CONDITIONS;
use super::request::{check_crs, check_once, names};
use crate::links::{GEOJSON, JSON, collection_path, items_path, location_path};
use crate::problem::ApiError;
use crate::routes::ask::{Ask, no_collection, to_bytes};
use crate::routes::question::{from_pairs, sealed, within};
use crate::routes::search::{see_other, with_parameter};
use crate::state::{App, run_blocking};

/// Parameters of the question beside the conditions; the period is that of the observations.
const PAGE: [&str; 5] = ["datetime", "sortby", "limit", "token", "collections"];
/// Parameters of EDR that are no part of the question.
const OTHERS: [&str; 4] = ["parameter-name", "parameter_names", "crs", "z"];

/// `GET /collections/{id}/locations`.
pub(super) async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    EdrAsk { ask, f }: EdrAsk,
) -> Result<Response, ApiError> {
    if ask.html && f.as_deref().is_none_or(|f| f == "html") {
        // For people the features are the items, whose pages show their values.
        return Ok(see_other(&ask.links.local(&items_path(&id))));
    }
    check_format(f.as_deref())?;
    ask.only(&[&CONDITIONS[..], &PAGE, &OTHERS].concat())?;
    check_once(&ask)?;
    check_crs(&ask)?;
    let snapshot = Arc::clone(&ask.snapshot);
    let stored = snapshot.collection(&id, ask.scope).ok_or_else(|| no_collection(&id))?;
    let collection = stored.collection.id.clone();
    let limit_default = app.config.limits.page_limit_default;
    let pairs = ask.query.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str())).cloned().collect();
    let mut search = within(from_pairs(&app, pairs, &[], limit_default, Dialect::Edr)?.search, &collection)?;
    if search.sortby.is_empty() {
        // Pages by relevance would expire.
        search.sortby = vec![SortKey { field: "datetime".into(), direction: Direction::Descending }];
    }
    let etag = ask.etag(snapshot.seq_for(ask.scope), GEOJSON, b"");
    if let Some(response) = ask.not_modified(&etag) {
        return Ok(response);
    }
    let view = ask.clone();
    let body = run_blocking(move || {
        let known = parameters(&snapshot, collection.as_str(), view.scope);
        let wanted = names(&view, &known)?;
        let shown = |p: &&Parameter| wanted.is_empty() || wanted.contains(&p.name.as_str());
        let shown: Vec<&Parameter> = known.iter().filter(shown).collect();
        let page = sealed(&app, features(&snapshot, &search, view.scope)?);
        to_bytes(&feature_collection(&view, &snapshot, &collection, &shown, &page)?)
    })
    .await?;
    Ok(ask.respond(GEOJSON, &etag, body))
}

/// Locations have one form.
fn check_format(f: Option<&str>) -> Result<(), Problem> {
    let known = |f: &str| ["geojson", "json", GEOJSON].iter().any(|known| known.eq_ignore_ascii_case(f));
    match f.filter(|f| !known(f)) {
        None => Ok(()),
        Some(f) => {
            Err(Problem::invalid("format", format!("locations have no format {f:?}")).at("f").allowed("GeoJSON"))
        }
    }
}

fn feature_collection(
    ask: &Ask,
    snapshot: &Arc<Snapshot>,
    collection: &CollectionId,
    shown: &[&Parameter],
    page: &Page,
) -> Result<Value, ApiError> {
    let id = collection.as_str();
    let mut links = vec![
        ask.links.link("self", GEOJSON, &ask.path_and_query),
        ask.links.link("root", JSON, "/"),
        ask.links.link("parent", JSON, &collection_path(id)),
        ask.links.link("collection", JSON, &collection_path(id)),
        ask.links.link("items", GEOJSON, &items_path(id)),
    ];
    for (rel, token) in [("prev", &page.prev), ("next", &page.next)] {
        links.extend(token.iter().map(|t| ask.links.link(rel, GEOJSON, &with_parameter(ask, "token", t))));
    }
    let mut locations = Vec::with_capacity(page.items.len());
    for item in &page.items {
        let known = summary(snapshot, id, item.id.as_str(), ask.scope);
        locations.push(location(ask, item, known.as_ref(), shown)?);
    }
    let language = ask.language().tag();
    Ok(json!({
        "type": "FeatureCollection",
        "parameters": shown.iter().map(|p| named_parameter(p, language)).collect::<Vec<_>>(),
        "numberMatched": page.number_matched,
        "numberReturned": page.items.len(),
        "features": locations,
        "links": links,
    }))
}

/// One location, with the interval and the parameters for which there are data.
fn location(ask: &Ask, item: &StoredItem, known: Option<&Summary>, shown: &[&Parameter]) -> Result<Value, ApiError> {
    let mut value: Value = serde_json::from_str(item.text.as_str()).map_err(ApiError::internal)?;
    let id = item.id.as_str();
    let mut properties = Map::new();
    properties.insert("label".into(), label(&value).unwrap_or_else(|| id.to_owned()).into());
    if let Some(known) = known {
        let (first, last) = known.span;
        properties.insert("datetime".into(), format!("{first}/{last}").into());
        properties.insert("nilometer:observations".into(), known.count.into());
    }
    let present: Vec<&str> = shown.iter().filter(|p| has_values(p, known)).map(|p| p.name.as_str()).collect();
    properties.insert("parameter-name".into(), json!(present));
    let endpoint = ask.links.absolute(&location_path(item.collection.as_str(), id));
    properties.insert("edrqueryendpoint".into(), endpoint.into());
    Ok(json!({"type": "Feature", "id": id, "geometry": value["geometry"].take(), "properties": properties}))
}

/// Whether a feature has values of a parameter; of those whose latest value is not kept this cannot be told, and they
/// count as present.
fn has_values(parameter: &Parameter, known: Option<&Summary>) -> bool {
    let latest = known.and_then(|known| known.latest.iter().find(|latest| latest.parameter == parameter.name));
    latest.map_or(!parameter.keeps_latest(), |latest| latest.count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_query::series::Latest;
    use nilometer_schemas::{Instant, ParameterType};

    #[test]
    fn a_location_lists_the_parameters_that_have_values_or_may_have() {
        let known: Vec<Parameter> =
            serde_json::from_value(json!([{"name": "wse", "unit": "m"}, {"name": "q", "unit": "m3/s"},
            {"name": "note", "type": "text"}]))
            .expect("parameters");
        let span = (Instant(0), Instant(1));
        let latest = |name: &str, count| Latest { parameter: name.into(), count, span, value: 1.0 };
        let summary = Summary { count: 3, span, latest: vec![latest("wse", 3), latest("q", 0)] };
        let present = |summary: Option<&Summary>| -> Vec<&str> {
            known.iter().filter(|p| has_values(p, summary)).map(|p| p.name.as_str()).collect()
        };
        assert_eq!(present(Some(&summary)), ["wse", "note"]);
        assert_eq!(present(None), ["note"]);
        assert!(Parameter::undeclared("x", ParameterType::Number).unit.is_none());
    }

    #[test]
    fn locations_are_geojson_and_nothing_else() {
        for f in [None, Some("GeoJSON"), Some("json"), Some("application/geo+json")] {
            assert!(check_format(f).is_ok());
        }
        assert!(check_format(Some("CSV")).is_err());
    }
}
