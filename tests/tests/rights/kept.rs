//! Orders that were ready before items or rights changed: what is not seen any more is not given, and prepared anew they hold what
//! is seen now.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::compared::Compared;
use crate::model::{Level, Principal};
use crate::ordered::Ordered;
use crate::orders::{self, Accepted, WORKFLOWS, ended, holds};
use crate::turn::Turn;

/// One order of each principal.
pub(crate) type Kept = BTreeMap<Principal, Order>;

pub(crate) struct Order {
    id: String,
    /// Collections that it names.
    named: Vec<String>,
    /// Collection and item of each file.
    files: Vec<(String, String)>,
}

/// Orders all whose files are granted, to be looked at when that has changed.
pub(crate) fn place(turn: Turn<'_>, accepted: &Accepted) -> Option<Order> {
    let Turn { catalogue, seen, principal, .. } = turn;
    principal.name()?;
    let client = &turn.whole.client(principal);
    let is_ready = |id: &str| {
        let ordered = Ordered::of_named(seen, &[id]);
        seen.level(id) >= Level::Partial && !ordered.files.is_empty()
    };
    let waiting = orders::waiting(turn, accepted);
    let named = catalogue.collections.iter().map(|own| &own.id);
    let named: Vec<String> = named.filter(|id| is_ready(id) && !waiting.contains(&id.as_str())).cloned().collect();
    if named.is_empty() {
        return None;
    }
    let selections: Vec<Value> = named.iter().map(|id| json!({"search": {"collections": [id]}})).collect();
    let placed = client.post(WORKFLOWS, &json!({"selections": selections})).expect(201).json();
    let id = placed["workflowId"].as_str().expect("an id").to_owned();
    let state = ended(client, &id);
    assert_eq!(state["status"], "COMPLETED", "{state}");
    let held = client.get(&format!("/orders/{id}/files")).expect(200).json();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let files = held["files"].as_array().into_iter().flatten();
    let files = files.filter_map(|file| Some((text(&file["origin"]["collection"])?, text(&file["origin"]["item"])?)));
    let files = files.collect();
    Some(Order { id, named, files })
}

/// Looks at an order under other rights, has it prepared anew, and takes it back.
pub(crate) fn look_at(compared: &mut Compared, turn: Turn<'_>, order: &Order) {
    let (client, seen) = (&turn.whole.client(turn.principal), turn.seen);
    let shown = seen.catalogue.items();
    let is_granted = |file: &(String, String)| match seen.level(&file.0) {
        Level::Hidden | Level::Metadata => false,
        Level::Partial => shown.contains_key(file),
        Level::Full => true,
    };
    let is_granted = order.files.iter().all(is_granted);
    let (zip, list) = (format!("{WORKFLOWS}/{}/zip", order.id), format!("/orders/{}/files", order.id));
    for path in [&zip, &list] {
        let answer = client.get(path);
        let kind = if is_granted {
            "order kept while rights changed"
        } else {
            "order whose files are not all granted any more"
        };
        let told = order.files.iter().any(|(_, item)| answer.text().contains(&format!("{item}.csv")));
        let is_right = if is_granted { answer.status == 200 } else { matches!(answer.status, 403 | 404) && !told };
        compared.model(kind, is_right, || format!("{path}: {}, {:?}", answer.status, order.files));
    }
    client.post(&format!("{WORKFLOWS}/{}/rerun", order.id), &json!({})).expect(200);
    let state = ended(client, &order.id);
    let today = Ordered::of_named(seen, &order.named);
    let is_refused = today.is_refused || order.named.iter().any(|id| seen.level(id) == Level::Hidden);
    let expected = if is_refused || today.files.is_empty() { "FAILED" } else { "COMPLETED" };
    compared.model("order prepared anew", state["status"] == expected, || format!("{state} and not {expected}"));
    let answer = client.get(&zip);
    if expected == "COMPLETED" && answer.status == 200 {
        holds(compared, &answer, &today, str::to_owned);
        let told = client.get(&format!("{WORKFLOWS}/{}", order.id)).expect(200).json();
        compared.model("order prepared anew", told["files"] == today.files.len(), || told.to_string());
    } else {
        compared.model("order prepared anew", matches!(answer.status, 403 | 404 | 409), || answer.text());
    }
    client.delete(&format!("{WORKFLOWS}/{}", order.id)).expect(204);
}
