//! Pages about the interface itself: the OpenAPI document, conformance classes, queryables, functions.

use maud::{Markup, html};
use nilometer_query::Queryable;
use nilometer_schemas::{FUNCTIONS, FunctionInfo};
use serde_json::Value;

use super::language::Language;
use super::layout::{Frame, breadcrumbs};
use super::table::{Column, table};
use super::values::web_address;
use crate::links::collection_path;
use crate::routes::ask::Ask;

/// Methods in the order in which they are listed.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The OpenAPI document for people.
pub(crate) fn api(ask: &Ask, document: &Value) -> String {
    let frame = Frame::of(ask);
    let tags = document["tags"].as_array();
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], "API"))
            header.title {
                h1 { "API" }
                @let (text, lang) = told(&frame, &document["info"], "description");
                p.lead lang=[lang] { (text) }
                p.actions {
                    a.button href=(frame.links.local("/api?f=json")) { "OpenAPI 3.1" }
                    a.button.quiet href=(frame.href("/problems")) { (frame.t("Problem types", "Types de problèmes")) }
                }
            }
            p {
                (frame.t("Addresses begin with ", "Les adresses commencent par "))
                code { (document["servers"][0]["url"].as_str().unwrap_or_default()) }
                ". "
                (frame.t("Reading needs no key; writing needs an operator's key.",
                         "La lecture ne nécessite pas de clé ; l'écriture nécessite celle d'un opérateur."))
            }
            @for tag in tags.into_iter().flatten() {
                @let name = tag["name"].as_str().unwrap_or_default();
                section {
                    @let (title, lang) = told(&frame, tag, "name");
                    h2 lang=[lang] { (title) }
                    @let (text, lang) = told(&frame, tag, "description");
                    p.meta lang=[lang] { (text) }
                    @for (path, method, operation) in operations(document, name) {
                        (operation_entry(&frame, document, path, method, operation))
                    }
                }
            }
        }
    };
    frame.page("API", main)
}

/// The operations of a tag; concrete paths of collections only repeat the templated ones.
fn operations<'a>(document: &'a Value, tag: &str) -> Vec<(&'a str, &'static str, &'a Value)> {
    let mut found = Vec::new();
    let paths = document["paths"].as_object();
    for (path, operations) in paths.into_iter().flatten() {
        if path.starts_with("/collections/") && !path.starts_with("/collections/{") {
            continue;
        }
        for method in METHODS {
            if let Some(operation) = operations.get(method).filter(|o| o["tags"][0] == tag) {
                found.push((path.as_str(), method, operation));
            }
        }
    }
    found
}

fn operation_entry(frame: &Frame<'_>, document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let parameters: Vec<&Value> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| resolved(document, parameter))
        .collect();
    let responses = operation["responses"].as_object();
    html! {
        details.operation {
            summary {
                span.method { (method.to_uppercase()) } " "
                code { (path) } " "
                @let (text, lang) = told(frame, operation, "summary");
                span lang=[lang] { (text) }
            }
            @if !parameters.is_empty() { (parameters_table(frame, &format!("{} {path}", method.to_uppercase()), &parameters)) }
            ul.plain {
                @for (status, response) in responses.into_iter().flatten() {
                    @let response = resolved(document, response);
                    li {
                        @let (text, lang) = told(frame, response, "description");
                        code { (status) } " " span lang=[lang] { (text) }
                        @if let Some(content) = response["content"].as_object() {
                            @for media_type in content.keys() { " " span.tag { (media_type) } }
                        }
                    }
                }
            }
        }
    }
}

fn parameters_table(frame: &Frame<'_>, operation: &str, parameters: &[&Value]) -> Markup {
    let columns = [
        Column::Text(frame.t("Parameter", "Paramètre")),
        Column::Text(frame.t("Meaning", "Sens")),
        Column::Text(frame.t("Default", "Défaut")),
        Column::Text(frame.t("Limits", "Limites")),
    ];
    let rows = html! {
        @for parameter in parameters {
            @let schema = &parameter["schema"];
            tr {
                th scope="row" { code { (parameter["name"].as_str().unwrap_or_default()) } }
                @let (text, lang) = told(frame, parameter, "description");
                td lang=[lang] { (text) }
                td { (plain(&schema["default"])) }
                td { (limits(schema)) }
            }
        }
    };
    table(&format!("{}{operation}", frame.t("Parameters of ", "Paramètres de ")), &columns, &rows)
}

/// A text of the document in the page's language; where there is none but the English one, that it is English.
fn told<'a>(frame: &Frame<'_>, value: &'a Value, member: &str) -> (&'a str, Option<&'static str>) {
    let english = value[member].as_str().unwrap_or_default();
    if frame.language == Language::English {
        return (english, None);
    }
    match value[format!("x-{member}-fr")].as_str() {
        Some(french) => (french, None),
        None => (english, Some("en")),
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|r| document.pointer(r.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn limits(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(plain).collect::<Vec<_>>().join(", ");
    }
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => String::new(),
        (low, high) => format!("{} – {}", plain(low), plain(high)),
    }
}

/// The conformance classes.
pub(crate) fn conformance(ask: &Ask, classes: &[&str]) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Conformance", "Conformité");
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            h1 { (title) }
            p.lead {
                (frame.t("The conformance classes of the standards that this service implements.",
                         "Les classes de conformité des standards que ce service met en œuvre."))
            }
            ul.plain {
                @for class in classes {
                    li { @if let Some(address) = web_address(class) { a href=(address) { (class) } } }
                }
            }
        }
    };
    frame.page(title, main)
}

/// The functions that filters may call.
pub(crate) fn functions(ask: &Ask) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Filter functions", "Fonctions de filtrage");
    // The table's sentences are English.
    let lang = (frame.language == Language::French).then_some("en");
    let columns = [
        Column::Text(frame.t("Function", "Fonction")),
        Column::Text(frame.t("Value", "Valeur")),
        Column::Text(frame.t("Meaning", "Sens")),
    ];
    let rows = html! {
        @for info in FUNCTIONS {
            tr {
                th scope="row" { code { (call_of(info)) } }
                td { (info.returns.name()) }
                td lang=[lang] { (info.description) }
            }
        }
    };
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            h1 { (title) }
            (table(title, &columns, &rows))
        }
    };
    frame.page(title, main)
}

/// A function with its arguments, as `distance_km(geometry, point)`.
fn call_of(info: &FunctionInfo) -> String {
    let titles: Vec<&str> = info.arguments.iter().map(|argument| argument.title).collect();
    format!("{}({})", info.name, titles.join(", "))
}

/// The queryables of a collection, or of all.
pub(crate) fn queryables(ask: &Ask, collection: Option<&str>, found: &[Queryable]) -> String {
    let frame = Frame::of(ask);
    let title = frame.t("Properties", "Propriétés");
    let mut steps = vec![("Nilometer", "/".to_owned())];
    if let Some(id) = collection {
        steps.push(("Collections", "/collections".to_owned()));
        steps.push((id, collection_path(id)));
    }
    let main = html! {
        div.wide.stack {
            (breadcrumbs(&frame, &steps, title))
            h1 { (title) }
            (queryables_table(&frame, found))
        }
    };
    frame.page(title, main)
}

/// A table of properties with what the data hold.
pub(super) fn queryables_table(frame: &Frame<'_>, queryables: &[Queryable]) -> Markup {
    let columns = [
        Column::Text(frame.t("Property", "Propriété")),
        Column::Text(frame.t("Type", "Type")),
        Column::Text(frame.t("In the data", "Dans les données")),
    ];
    let rows = html! {
        @for queryable in queryables {
            tr {
                th scope="row" { code { (queryable.name) } }
                td { (queryable.types.join(", ")) }
                td { (contents(queryable)) }
            }
        }
    };
    table(frame.t("Properties in the data", "Propriétés dans les données"), &columns, &rows)
}

/// The values of a property, or the range of its numbers.
fn contents(queryable: &Queryable) -> String {
    match (&queryable.values, queryable.range) {
        (Some(values), _) => values.join(", "),
        (None, Some((low, high))) if low == high => format!("{low}"),
        (None, Some((low, high))) => format!("{low} … {high}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn concrete_paths_are_not_listed_again() {
        let operation = json!({"get": {"tags": ["Items"]}});
        let document =
            json!({"paths": {"/collections/{collectionId}/items": operation, "/collections/swot/items": operation}});
        let found: Vec<&str> = operations(&document, "Items").into_iter().map(|(path, _, _)| path).collect();
        assert_eq!(found, ["/collections/{collectionId}/items"]);
    }

    #[test]
    fn limits_are_a_range_or_a_list() {
        assert_eq!(limits(&json!({"minimum": 1, "maximum": 10})), "1 – 10");
        assert_eq!(limits(&json!({"enum": ["a", "b"]})), "a, b");
        assert_eq!(limits(&json!({"type": "string"})), "");
    }
}
