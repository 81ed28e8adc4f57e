//! The parameters that the collections of reaches, nodes and prior lakes declare, from one table for all versions.

use std::collections::HashMap;

use nilometer_schemas::ParameterType;
use serde_json::{Map, Value, json};

use super::Kind;

/// Lists of parameters; which of them hold for a kind tells [`declared`].
const TABLE: &str = include_str!("parameters.toml");

/// What a collection of this kind and product version declares in `nilometer:parameters`.
pub(crate) fn declared(kind: Kind, version: &str) -> Vec<Value> {
    let table: Map<String, Value> = toml::from_str(TABLE).expect("the table is part of the program and tested");
    let list = |name: &str| table.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (lists, quality): (&[&str], &str) = match kind {
        Kind::Reach => (&["reach", "river", "shared"], "reach_q"),
        Kind::Node => (&["node", "river", "shared"], "node_q"),
        _ => (&["lake", "shared"], "quality_f"),
    };
    let mut all: Vec<Value> = lists.iter().flat_map(|name| list(name)).collect();
    if kind == Kind::Reach {
        all.extend(list("discharge").iter().flat_map(discharge));
    }
    // Versions after D are taken to be like it until they are known.
    let like = if version == "2.0" { "2.0" } else { "D" };
    all.retain_mut(|parameter| {
        let Some(parameter) = parameter.as_object_mut() else { return false };
        let only = parameter.shift_remove("only");
        if parameter.get("quality").and_then(Value::as_str) == Some("{quality}") {
            parameter.insert("quality".into(), quality.into());
        }
        parameter.entry("latest").or_insert(false.into());
        only.is_none_or(|version| version == like)
    });
    all
}

/// The parameters of one algorithm and of its variant that gauges constrain.
fn discharge(algorithm: &Value) -> Vec<Value> {
    let text = |member: &str| algorithm[member].as_str().unwrap_or_default();
    let (code, name) = (text("code"), text("name"));
    let constrained =
        (format!("g{code}"), format!("{name} constrained by gauges"), format!("{name} contraint par des stations"));
    let mut all = Vec::new();
    for (code, name, name_fr) in [(code.to_owned(), name.to_owned(), name.to_owned()), constrained] {
        all.push(json!({
            "name": format!("dschg_{code}"),
            "title": format!("Discharge, {name}"),
            "title_fr": format!("Débit, {name_fr}"),
            "standard_name": "water_volume_transport_in_river_channel",
            "unit": "m3/s",
            "method": "instantaneous",
            "uncertainty": format!("dschg_{code}_u"),
            "quality": format!("dschg_{code}_q"),
            "latest": matches!(code.as_str(), "c" | "gc"),
        }));
        all.push(json!({"name": format!("dschg_{code}_u"), "unit": "m3/s"}));
        all.push(json!({"name": format!("dschg_{code}sf"), "unit": "1"}));
        all.push(json!({
            "name": format!("dschg_{code}_q"),
            "type": "integer",
            "categories": {"0": "valid", "1": "questionable", "2": "invalid"},
        }));
    }
    all
}

/// Type and unit of a declared parameter.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) kind: ParameterType,
    pub(crate) unit: Option<String>,
}

/// The declared parameters by name.
pub(crate) fn known(kind: Kind, version: &str) -> HashMap<String, Known> {
    let mut known = HashMap::new();
    for parameter in declared(kind, version) {
        let Some(name) = parameter["name"].as_str() else { continue };
        let kind = match parameter["type"].as_str() {
            Some("integer") => ParameterType::Integer,
            Some("text") => ParameterType::Text,
            _ => ParameterType::Number,
        };
        known.insert(name.to_owned(), Known { kind, unit: parameter["unit"].as_str().map(str::to_owned) });
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::ObservationModel;

    #[test]
    fn what_is_declared_is_valid_and_names_only_what_there_is() {
        for (kind, version, count) in [
            (Kind::Reach, "2.0", 145),
            (Kind::Reach, "D", 137),
            (Kind::Node, "2.0", 63),
            (Kind::Node, "D", 67),
            (Kind::PriorLake, "2.0", 63),
            (Kind::PriorLake, "D", 64),
        ] {
            let mut body = Map::new();
            body.insert("nilometer:parameters".into(), declared(kind, version).into());
            let model = ObservationModel::of(&body).unwrap_or_else(|e| panic!("{kind:?} {version}: {e}"));
            for parameter in &model.parameters {
                for other in [&parameter.quality, &parameter.uncertainty].into_iter().flatten() {
                    assert!(model.parameter(other).is_some(), "{} names {other}", parameter.name);
                }
            }
            assert_eq!(model.parameter("wse").unwrap().datum.as_deref(), Some("EGM2008"));
            assert!(model.parameters.iter().filter(|p| p.keeps_latest()).count() <= 12);
            assert_eq!(model.parameters.len(), count, "{kind:?} {version}");
        }
    }
}
