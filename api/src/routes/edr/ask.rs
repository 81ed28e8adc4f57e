//! A request to OGC API EDR: as any other, with formats of its own.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::problem::ApiError;
use crate::routes::ask::Ask;
use crate::state::App;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct EdrAsk {
    /// The request.
    pub(super) ask: Ask,
    /// Its `f`, not looked at yet.
    pub(super) f: Option<String>,
}

impl FromRequestParts<App> for EdrAsk {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (ask, f) = Ask::with_format(parts, app).await?;
        Ok(Self { ask, f })
    }
}
