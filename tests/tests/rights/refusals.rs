//! What nobody but operators may do: refused in the same words whether there is what it names or not.

use serde_json::json;

use crate::model::{Catalogue, Principal};
use crate::target::{Target, get, post};

/// Documents of those who run the service.
const FOR_OPERATORS: [&str; 6] =
    ["/admin/users", "/admin/groups", "/admin/grants", "/admin/orders", "/admin/audit", "/admin/users/1"];

/// For ids that are there, seen or not, and for ids that nobody has.
pub(crate) fn ask(random: &mut fastrand::Rng, catalogue: &Catalogue, principal: Principal, all: &mut Vec<Target>) {
    let refused = if principal == Principal::Visitor { 401 } else { 403 };
    let items: Vec<(String, String)> = catalogue.items().into_keys().collect();
    let known = random.choice(&catalogue.collections).map(|own| (own.id.clone(), "nothing".to_owned()));
    let known = random.choice(items).into_iter().chain(known);
    for (collection, id) in known.chain([("nowhere".into(), "nothing".into())]) {
        let item = format!("/collections/{collection}/items/{id}");
        let write = |method: &'static str, path: &str| {
            Target { method, ..post("refusals", path, json!({"properties": {"level": 1}})) }.with(refused)
        };
        all.push(write("PATCH", &format!("/collections/{collection}")));
        all.push(write("PUT", &item));
        all.push(write("PATCH", &item));
        all.push(Target { method: "DELETE", ..get("refusals", item.clone()) }.with(refused));
        all.push(write("PUT", &format!("{item}/assets/own")));
        let grant = post("refusals", format!("/admin/groups/red/grants/{collection}"), json!({"level": "full"}));
        all.push(Target { method: "PUT", ..grant }.with(refused));
    }
    all.extend(FOR_OPERATORS.map(|path| get("refusals", path).with(refused)));
}
