//! OGC API EDR: the values of features, at named locations, near positions, in areas and boxes.
//!
//! Every query takes the other conditions of the question as well: the features are found by the search, the values by
//! the series. What is HTTP lies in `answer`, what a request says in `request`, `query`, `place`, `times` and `format`;
//! `csv`, `geojson`, `coverage` and `columnar` write rows. `file` writes all of one feature for whoever keeps files.

mod answer;
mod ask;
mod columnar;
mod coverage;
mod csv;
mod feature;
mod file;
mod format;
mod geojson;
mod listing;
mod locations;
mod metadata;
mod parameter;
mod place;
mod query;
mod request;
mod table;
mod times;

pub(crate) use csv::text as csv_text;
pub(crate) use file::{Cut, file_of};
pub(crate) use format::{ARROW, CSV, Format, PARQUET};
pub(crate) use listing::{Listed, Listing, gather};
pub(crate) use metadata::{QUERIES, data_links, describe, steps};
pub(crate) use parameter::statistic;
pub(crate) use place::{TOLERANCE_M, units};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;

use answer::answer;
use ask::EdrAsk;
use query::Query;

use crate::problem::ApiError;
use crate::state::App;

/// The routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/collections/{collection}/locations", get(locations::list))
        .route("/collections/{collection}/locations/{locations}", get(at_locations))
        .route("/collections/{collection}/position", get(position))
        .route("/collections/{collection}/radius", get(radius))
        .route("/collections/{collection}/area", get(area))
        .route("/collections/{collection}/cube", get(cube))
}

/// `GET /collections/{id}/locations/{id1,id2}`.
async fn at_locations(
    State(app): State<App>,
    Path((id, locations)): Path<(String, String)>,
    edr: EdrAsk,
) -> Result<Response, ApiError> {
    answer(app, edr, id, Query::Locations(locations)).await
}

/// `GET /collections/{id}/position`: the nearest feature with observations within a tolerance.
async fn position(State(app): State<App>, Path(id): Path<String>, edr: EdrAsk) -> Result<Response, ApiError> {
    answer(app, edr, id, Query::Position).await
}

/// `GET /collections/{id}/radius`: all features within a distance.
async fn radius(State(app): State<App>, Path(id): Path<String>, edr: EdrAsk) -> Result<Response, ApiError> {
    answer(app, edr, id, Query::Radius).await
}

/// `GET /collections/{id}/area`: all features that meet an area.
async fn area(State(app): State<App>, Path(id): Path<String>, edr: EdrAsk) -> Result<Response, ApiError> {
    answer(app, edr, id, Query::Area).await
}

/// `GET /collections/{id}/cube`: all features that meet a box.
async fn cube(State(app): State<App>, Path(id): Path<String>, edr: EdrAsk) -> Result<Response, ApiError> {
    answer(app, edr, id, Query::Cube).await
}
