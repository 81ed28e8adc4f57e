//! The functions that filters may call, in the form of OGC API Features Part 3.

use axum::extract::State;
use axum::response::Response;
use nilometer_schemas::{Argument, FUNCTIONS, FunctionInfo};
use serde_json::{Value, json};

use super::ask::{Ask, to_bytes};
use crate::links::{HTML, JSON};
use crate::problem::ApiError;
use crate::state::App;

/// `GET /functions`.
pub(super) async fn get(State(_): State<App>, ask: Ask) -> Result<Response, ApiError> {
    ask.only(&[])?;
    let links = json!([ask.links.link("self", JSON, "/functions"), ask.links.link("root", JSON, "/")]);
    if ask.html {
        let view = ask.clone();
        return ask.answer(0, HTML, b"", move || Ok(crate::html::functions(&view).into_bytes())).await;
    }
    ask.answer(0, JSON, b"", move || to_bytes(&json!({"functions": own(), "links": links}))).await
}

/// The functions beyond those of CQL2 itself.
fn own() -> Vec<Value> {
    FUNCTIONS.iter().filter(|info| !info.function.is_of_cql2()).map(described).collect()
}

fn described(info: &FunctionInfo) -> Value {
    let argument = |argument: &Argument| json!({"title": argument.title, "type": [argument.kind.name()]});
    json!({
        "name": info.name,
        "description": info.description,
        "arguments": info.arguments.iter().map(argument).collect::<Vec<_>>(),
        "returns": [info.returns.name()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_tells_its_arguments_and_what_it_returns() {
        let all = own();
        assert!(all.iter().all(|f| f["name"] != "casei"));
        let month = all.iter().find(|f| f["name"] == "month").expect("month");
        assert_eq!(month["arguments"], json!([{"title": "moment", "type": ["datetime"]}]));
        assert_eq!(month["returns"], json!(["integer"]));
    }
}
