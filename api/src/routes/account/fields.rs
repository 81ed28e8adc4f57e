//! What a form or a small JSON object says, read alike.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::Method;
use http_body_util::{BodyExt, Limited};
use nilometer_schemas::{Kind, Problem};
use serde_json::Value;

use crate::browser::{TOKEN_FIELD, is_form};
use crate::problem::ApiError;
use crate::routes::body::{parse, read_text, require_json};
use crate::state::App;

/// Bytes of a body.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Names and values, those of a form's token left out.
#[derive(Debug, Default)]
pub(in crate::routes) struct Fields {
    pairs: Vec<(String, String)>,
    /// Whether a form of a page sent them, so that a page answers.
    pub(in crate::routes) of_form: bool,
}

impl FromRequest<App> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> Result<Self, ApiError> {
        if is_form(request.headers()) {
            let (mut parts, body) = request.into_parts();
            // The extractor reads forms of other methods than POST off the address.
            parts.method = Method::POST;
            let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
            let body = body.map_err(|_| Problem::new(Kind::TooLarge, "body-size", "the form is too large"))?;
            let request = Request::from_parts(parts, Body::from(body.to_bytes()));
            let form = axum::Form::<Vec<(String, String)>>::from_request(request, &()).await;
            let axum::Form(mut pairs) = form.map_err(|error| Problem::invalid("body", error.to_string()))?;
            pairs.retain(|(name, _)| name != TOKEN_FIELD);
            return Ok(Self { pairs, of_form: true });
        }
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let text = read_text(body, BODY_BYTES_MAX).await?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let Value::Object(members) = parse(&text)? else {
            return Err(Problem::invalid("body", "the body is no JSON object").into());
        };
        let mut pairs = Vec::new();
        for (name, value) in members {
            match value {
                Value::Null => {}
                Value::Array(entries) => {
                    let texts = entries.iter().map(|entry| entry.as_str());
                    let texts: Option<Vec<&str>> = texts.collect();
                    let texts =
                        texts.ok_or_else(|| Problem::invalid("body", "a list holds texts").at(format!("/{name}")))?;
                    if texts.is_empty() {
                        pairs.push((name.clone(), String::new()));
                    }
                    pairs.extend(texts.into_iter().map(|text| (name.clone(), text.to_owned())));
                }
                Value::String(text) => pairs.push((name, text)),
                Value::Object(_) => {
                    return Err(Problem::invalid("body", "there is no object here").at(format!("/{name}")).into());
                }
                other => pairs.push((name, other.to_string())),
            }
        }
        Ok(Self { pairs, of_form: false })
    }
}

impl Fields {
    /// Refuses names that the route does not know.
    pub(in crate::routes) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(Problem::invalid("parameter", format!("there is no member {name:?} here"))
                .at(format!("/{name}"))
                .allowed(known.join(", "))),
        }
    }

    /// Whether a name is there, be its value empty.
    pub(in crate::routes) fn names(&self, name: &str) -> bool {
        self.pairs.iter().any(|(own, _)| own == name)
    }

    /// A value that may be missing or empty.
    pub(in crate::routes) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(in crate::routes) fn text(&self, name: &str) -> Result<&str, Problem> {
        self.get(name)
            .ok_or_else(|| Problem::invalid("required-member", format!("{name} is missing")).at(format!("/{name}")))
    }

    /// All values of a name, with commas.
    pub(in crate::routes) fn all(&self, name: &str) -> String {
        let values = self.pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(",")
    }

    /// A yes or no.
    pub(in crate::routes) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "on" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(Problem::invalid("invalid-parameter", format!("{other:?} is neither true nor false"))
                .at(format!("/{name}"))
                .allowed("true, false")),
        }
    }
}
