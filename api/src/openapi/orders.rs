//! The paths of orders and baskets in the OpenAPI document.

use serde_json::{Map, Value, json};

use super::{Words, parameter_ref, schema_ref};
use crate::links::JSON;
use crate::routes::WORKFLOWS;

const TAG: &str = "Orders";

/// Adds orders, baskets and terms.
pub(super) fn add_paths(paths: &mut Map<String, Value>) {
    let order = [parameter_ref("orderId")];
    let one = format!("{WORKFLOWS}/{{orderId}}");
    let of = |action: &str| format!("{one}/{action}");
    let mut add = |path: String, value: Value| {
        paths.insert(path, value);
    };
    let list = ["orderSort", "orderSince", "unpaged", "orderPage", "orderSize"].map(parameter_ref);
    let mut listed = operation("listOrders", ("Orders of the account", "Commandes du compte"), None);
    listed["parameters"] = json!(list);
    let mut submitted = operation("submitOrder", ("Places an order", "Passe une commande"), Some(true));
    submitted["responses"] = responses("201");
    add(WORKFLOWS.into(), json!({"get": listed, "post": submitted}));
    let estimate = operation(
        "estimateOrder",
        ("Files and bytes of an order that is not placed", "Fichiers et octets d'une commande non passée"),
        Some(true),
    );
    add(format!("{WORKFLOWS}/estimate"), json!({"post": estimate}));
    let get = operation("getOrder", ("An order", "Une commande"), None);
    let mut delete = operation(
        "deleteOrder",
        ("Deletes an order that is not open", "Supprime une commande qui n'est pas en cours"),
        None,
    );
    delete["responses"] = json!({"204": done(), "default": problem()});
    add(one.clone(), json!({"parameters": order, "get": get, "delete": delete}));
    let status = operation("getOrderStatus", ("How far an order is", "L'avancement d'une commande"), None);
    add(of("status"), json!({"parameters": order, "get": status}));
    let mut zip = operation("getOrderZip", ("The archive, whole or in part", "L'archive, entière ou en partie"), None);
    zip["parameters"] = json!(["rangeHeader", "ifRange"].map(parameter_ref));
    zip["responses"] = archive();
    add(of("zip"), json!({"parameters": order, "get": zip}));
    for (action, id, words) in [
        ("cancel", "cancelOrder", ("Takes an order back", "Annule une commande")),
        ("pause", "pauseOrder", ("Holds an order back", "Suspend une commande")),
        ("resume", "resumeOrder", ("Lets an order go on", "Reprend une commande")),
        ("rerun", "rerunOrder", ("Prepares an order anew", "Prépare une commande à nouveau")),
    ] {
        add(of(action), json!({"parameters": order, "post": operation(id, words, Some(false))}));
    }
    let mut saved =
        operation("getSearchZip", ("The files of a small selection", "Les fichiers d'une petite sélection"), None);
    saved["responses"] = archive();
    add("/searches/{searchId}/zip".into(), json!({"parameters": [parameter_ref("searchId")], "get": saved}));
    let basket = operation("getBasket", ("The basket of the account", "Le panier du compte"), None);
    let put = operation("putBasket", ("Keeps a basket", "Enregistre un panier"), Some(true));
    let mut empty = operation("deleteBasket", ("Empties the basket", "Vide le panier"), None);
    empty["responses"] = json!({"204": done(), "default": problem()});
    add("/account/basket".into(), json!({"get": basket, "put": put, "delete": empty}));
    let mut share = operation("shareBasket", ("A link to the basket", "Un lien vers le panier"), Some(false));
    share["responses"] = responses("201");
    add("/account/basket/share".into(), json!({"post": share}));
    let shared =
        operation("listSharedBaskets", ("Baskets that the account shares", "Paniers que le compte partage"), None);
    add("/account/baskets".into(), json!({"get": shared}));
    let mut read = operation("getSharedBasket", ("A basket that was shared", "Un panier partagé"), None);
    // Whoever has the link may.
    read["security"] = json!([{}, {"bearer": []}, {"apiKey": []}]);
    let mut unshare = operation("deleteSharedBasket", ("Takes a shared basket back", "Retire un panier partagé"), None);
    unshare["responses"] = json!({"204": done(), "default": problem()});
    let basket = [parameter_ref("basketId")];
    add("/baskets/{basketId}".into(), json!({"parameters": basket, "get": read, "delete": unshare}));
    let mut ordered = operation("orderBasket", ("Orders the basket", "Commande le panier"), Some(false));
    ordered["responses"] = responses("201");
    add("/account/basket/order".into(), json!({"post": ordered}));
    let licences =
        operation("listLicences", ("Terms that the account accepted", "Conditions acceptées par le compte"), None);
    add("/account/licences".into(), json!({"get": licences}));
    let mut terms = operation("getTerms", ("The terms of a collection", "Les conditions d'une collection"), None);
    // Anybody may read them.
    terms["security"] = json!([{}, {"bearer": []}, {"apiKey": []}]);
    let accept = operation(
        "acceptTerms",
        ("Accepts the terms of a collection", "Accepte les conditions d'une collection"),
        Some(false),
    );
    add(
        "/licences/{collectionId}".into(),
        json!({"parameters": [parameter_ref("collectionId")], "get": terms, "post": accept}),
    );
}

/// An operation that is answered with JSON. `body`: whether it needs one.
fn operation(id: &str, words: Words<'_>, body: Option<bool>) -> Value {
    let mut value = json!({
        "tags": [TAG], "operationId": id, "summary": words.0, "x-summary-fr": words.1,
        "security": [{"bearer": []}, {"apiKey": []}], "responses": responses("200"),
    });
    if let Some(required) = body {
        value["requestBody"] = json!({"required": required, "content": {JSON: {"schema": schema_ref("Object")}}});
    }
    value
}

fn problem() -> Value {
    json!({"$ref": "#/components/responses/Problem"})
}

fn done() -> Value {
    json!({"description": "Done", "x-description-fr": "Fait"})
}

fn responses(code: &str) -> Value {
    let content = json!({JSON: {"schema": schema_ref("Object")}});
    json!({
        code: {"description": "The answer", "x-description-fr": "La réponse", "content": content},
        "default": problem(),
    })
}

fn archive() -> Value {
    let content = json!({"application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}}});
    json!({
        "200": {"description": "The archive", "x-description-fr": "L'archive", "content": content},
        "206": {"description": "The bytes asked for", "x-description-fr": "Les octets demandés", "content": content},
        "304": {"description": "Unchanged since the entity tag that the caller holds",
            "x-description-fr": "Inchangé depuis l'étiquette (ETag) que détient l'appelant"},
        "416": problem(), "default": problem(),
    })
}
