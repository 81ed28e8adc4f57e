//! `/problems` and `/problems/{code}`: what the `type` of a problem (RFC 9457) leads to.

use axum::extract::{Path, State};
use axum::response::Response;
use nilometer_schemas::Problem;
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use crate::html::{self, Language};
use crate::links::{HTML, JSON, Links};
use crate::problem::{ApiError, status};
use crate::problems::{ALL, ProblemType, path};
use crate::state::App;

/// `GET /problems`.
pub(super) async fn list(State(_): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let view = ask.clone();
    if ask.html {
        return ask.answer(0, HTML, b"", move || Ok(html::problem_types(&view).into_bytes())).await;
    }
    let types: Vec<Value> = ALL.iter().map(|known| as_json(known, &ask.links, ask.language())).collect();
    ask.answer(0, JSON, b"", move || to_bytes(&json!({"problems": types}))).await
}

/// `GET /problems/{code}`.
pub(super) async fn get(State(_): State<App>, Path(code): Path<String>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let Some(known) = ProblemType::of(&code) else {
        let detail = format!("there is no type of problem {code:?}");
        return Err(Problem::not_found("problem-not-found", detail).into());
    };
    let view = ask.clone();
    if ask.html {
        return ask.answer(0, HTML, b"", move || Ok(html::problem_type(&view, known).into_bytes())).await;
    }
    let body = as_json(known, &ask.links, ask.language());
    ask.answer(0, JSON, b"", move || to_bytes(&body)).await
}

/// A type in words of a language. `status` is the usual one.
fn as_json(known: &ProblemType, links: &Links, language: Language) -> Value {
    json!({
        "type": links.absolute(&path(known.code)),
        "title": known.title(language),
        "status": known.kinds.first().map(|kind| status(*kind).as_u16()),
        "explanation": known.explanation(language),
    })
}
