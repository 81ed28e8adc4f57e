//! Signed links: an address that gives one file to whoever has it, until it ends or the key of whoever made it does.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nilometer_schemas::{Instant, Kind, Problem};
use serde_json::{Value, json};

use super::found_asset;
use crate::accounts::{LinkTerms, Principal};
use crate::files::may_download;
use crate::links::{item_asset_path, with_query};
use crate::orders::require_licence;
use crate::problem::ApiError;
use crate::routes::ask::Ask;
use crate::routes::body::JsonBody;
use crate::state::App;

/// Parameters of a signed link.
pub(super) const PARAMETERS: [&str; 4] = ["expires", "user", "keyid", "signature"];
/// Seconds that a link holds where the caller does not say.
const LIFETIME_DEFAULT_S: u64 = 3_600;
/// The method that is signed; who may GET may ask for the HEAD as well.
const METHOD: &str = "GET";

/// `POST …/assets/{key}/link`: a link that holds for `lifetime_s` seconds.
pub(in crate::routes) async fn post(
    State(app): State<App>,
    Path((collection, item, key)): Path<(String, String, String)>,
    ask: Ask,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let lifetime_s = lifetime(&body, app.config.limits.link_lifetime_s)?;
    let (stored, _) = found_asset(&app, &ask.snapshot, &collection, &item, &key, ask.scope).await?;
    may_download(&ask.principal, ask.snapshot.level(&collection, ask.scope), &stored.collection)?;
    let seen = (&*ask.snapshot, ask.scope);
    require_licence(&app.accounts, ask.principal.id, seen, &stored.collection, &ask.links).await?;
    let (Some(user), Some(key_id)) = (&ask.principal.user, ask.principal.key_id()) else {
        return Err(Problem::new(Kind::Unauthorized, "key-required", "a link is signed for the holder of a key").into());
    };
    let path = item_asset_path(&collection, &item, &key);
    let expires = seconds((app.clock)()).saturating_add_unsigned(lifetime_s);
    let terms = LinkTerms { method: METHOD, path: &path, expires, user, key_id };
    let seal = app.accounts.seal_link(&terms);
    let expires_text = expires.to_string();
    let pairs = [expires_text.as_str(), user, key_id, &seal];
    let href = ask.links.absolute(&with_query(&path, PARAMETERS.into_iter().zip(pairs)));
    let until = Instant(expires.saturating_mul(1_000_000)).to_string();
    let mut response = (StatusCode::CREATED, axum::Json(json!({"href": href, "expires": until}))).into_response();
    let headers = response.headers_mut();
    headers.insert(axum::http::header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn lifetime(body: &Value, most: u64) -> Result<u64, Problem> {
    let wrong =
        |detail: String| Problem::invalid("lifetime", detail).at("/lifetime_s").allowed(format!("1 to {most} seconds"));
    let Value::Object(members) = body else { return Err(wrong("a link is asked for with an object".into())) };
    if let Some(name) = members.keys().find(|name| *name != "lifetime_s") {
        return Err(Problem::invalid("parameter", format!("a link has no member {name:?}"))
            .at(format!("/{name}"))
            .allowed("lifetime_s"));
    }
    match members.get("lifetime_s") {
        None => Ok(LIFETIME_DEFAULT_S.min(most)),
        Some(value) => match value.as_u64() {
            Some(seconds) if (1..=most).contains(&seconds) => Ok(seconds),
            _ => Err(wrong(format!("{value} is no lifetime of a link"))),
        },
    }
}

/// On whose behalf a file is asked for: the holder of the key that a link was signed with, or whoever asks.
///
/// # Errors
/// `Forbidden` for a link that ended or was changed, and for one whose key ended.
pub(super) async fn principal(app: &App, ask: &Ask, path: &str) -> Result<Principal, ApiError> {
    if !ask.query.iter().any(|(name, _)| PARAMETERS.contains(&name.as_str())) {
        return Ok(ask.principal.clone());
    }
    let refused = |detail: &str| ApiError::from(Problem::new(Kind::Forbidden, "link-refused", detail));
    let value = |name: &str| ask.parameter(name).unwrap_or_default();
    let expires: i64 = value("expires").parse().map_err(|_| refused("this link was changed"))?;
    // Each parameter once: of two, the one that counts might not be the one that was signed.
    let terms = LinkTerms { method: METHOD, path, expires, user: value("user"), key_id: value("keyid") };
    if ask.query.len() != PARAMETERS.len() || !app.accounts.is_link_seal(&terms, value("signature")) {
        return Err(refused("this link was changed"));
    }
    if seconds((app.clock)()) >= expires {
        return Err(refused("this link has ended"));
    }
    match app.accounts.holder(terms.key_id).await? {
        Ok(holder) if holder.user.as_deref() == Some(terms.user) => Ok(holder),
        _ => Err(refused("the key that this link was made with has ended")),
    }
}

fn seconds(moment: Instant) -> i64 {
    moment.0.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_of_seconds_within_the_limit() {
        let check = |body: Value, expected: Option<u64>| assert_eq!(lifetime(&body, 86_400).ok(), expected, "{body}");
        check(json!({}), Some(3_600));
        check(json!({"lifetime_s": 60}), Some(60));
        for wrong in [
            json!({"lifetime_s": 0}),
            json!({"lifetime_s": 86_401}),
            json!({"lifetime_s": "60"}),
            json!([]),
            json!({"x": 1}),
        ] {
            check(wrong, None);
        }
        assert_eq!(lifetime(&json!({}), 60).ok(), Some(60));
    }
}
