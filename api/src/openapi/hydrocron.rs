//! The time series in the dialect of Hydrocron, with its own parameters and its own form of refusals.

use serde_json::{Value, json};

use super::Words;
use crate::links::{GEOJSON, JSON};

fn query(name: &str, required: bool, description: Words<'_>, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": required, "description": description.0,
        "x-description-fr": description.1, "schema": schema})
}

fn parameters() -> Value {
    let text = || json!({"type": "string"});
    let moment = || json!({"type": "string", "examples": ["2024-02-01T00:00:00Z"]});
    let digits = json!({"type": "string", "pattern": "^[0-9]+$", "examples": ["18180900091"]});
    json!([
        query("feature", true, ("Kind of feature", "Genre d'objet"), json!({"enum": ["Reach", "Node", "PriorLake"]})),
        query("feature_id", false, ("Identifier in SWORD or in the prior lake database; needed unless ids, bbox or \
              intersects name many features",
                  "Identifiant dans SWORD ou dans la base de référence des lacs ; nécessaire sauf si \
              ids, bbox ou intersects nomment plusieurs objets"), digits),
        {"$ref": "#/components/parameters/ids"},
        {"$ref": "#/components/parameters/bbox"},
        {"$ref": "#/components/parameters/intersects"},
        query("start_time", true, ("First start of a pass over the continent, to the second, with its zone",
            "Premier début d'un passage sur le continent, à la seconde, avec son fuseau"), moment()),
        query("end_time", true, ("End of the period, excluded", "Fin de la période, exclue"), moment()),
        query("fields", true, ("Names of fields, with commas; columns of units come by themselves",
            "Noms des champs, séparés par des virgules ; les colonnes d'unités viennent d'elles-mêmes"),
              json!({"type": "string", "examples": ["reach_id,time_str,wse"]})),
        query("output", false, ("What a JSON answer holds", "Ce que contient une réponse JSON"), json!({"enum": ["csv",
            "geojson"], "default": "geojson"})),
        query("compact", false, ("One feature with an array for each property; the default for application/geo+json",
            "Un seul objet avec un tableau par propriété ; c'est le défaut pour application/geo+json"),
              json!({"enum": ["true", "false"]})),
        query("collection_name", false, ("A collection, of version D by default",
            "Une collection, de version D par défaut"),
              json!({"type": "string", "examples": ["SWOT_L2_HR_RiverSP_2.0"]})),
        query("filename", false, ("Name of a file to save the answer in; with output=csv the file is the table itself",
            "Nom du fichier où enregistrer la réponse ; avec output=csv, le fichier est le tableau lui-même"), text()),
        query("crid", false, ("Version of processing, in place of the newest",
            "Version de traitement, à la place de la plus récente"), json!({"type": "string", "examples": ["PIC0"]})),
    ])
}

fn refusal(description: Words<'_>) -> Value {
    let schema = json!({
        "type": "object", "required": ["error"],
        "properties": {
            "error": {"type": "string", "description": "Status and text"},
            "reason": {"enum": ["unknown-feature", "no-data-in-period"], "description": "Why there are no results"},
        },
    });
    json!({"description": description.0, "x-description-fr": description.1, "content": {JSON: {"schema": schema}}})
}

/// The operations of the address.
pub(super) fn path() -> Value {
    let wrapper = json!({
        "type": "object", "required": ["status", "time", "hits", "results"],
        "properties": {
            "status": {"type": "string"},
            "time": {"type": "number", "description": "Milliseconds that it took"},
            "hits": {"type": "integer", "description": "Number of passes"},
            "results": {"type": "object", "required": ["csv", "geojson"], "properties": {
                "csv": {"type": "string"}, "geojson": {"type": "object"},
            }},
        },
    });
    json!({"get": {
        "tags": ["Series"], "operationId": "getHydrocronTimeseries",
        "summary": "A series of a SWOT reach, node or lake, as Hydrocron gives it",
            "x-summary-fr": "Une série d'un tronçon, d'un nœud ou d'un lac de SWOT, telle que la donne Hydrocron",
            "parameters": parameters(),
        "responses": {
            "200": {"description": "The passes, oldest first; all values are texts",
                "x-description-fr": "Les passages, les plus anciens d'abord ; toutes les valeurs sont des textes",
                "content": {
                JSON: {"schema": wrapper},
                "text/csv": {"schema": {"type": "string"}},
                GEOJSON: {"schema": {"type": "object"}},
            }},
            "400": refusal(("A wrong parameter, or no results", "Un paramètre erroné, ou aucun résultat")),
            "413": refusal(("A compact answer that is too large", "Une réponse compacte trop grande")),
            "415": refusal(("An Accept header that allows no form on offer",
                "Un en-tête Accept qui n'admet aucune forme proposée")),
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }})
}
