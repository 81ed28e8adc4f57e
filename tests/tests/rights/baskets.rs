//! Baskets: one's own, made from searches, and one that somebody shares who sees everything.

use nilometer_tests::http::{encode, path_of};
use nilometer_tests::{Client, collection};
use serde_json::{Value, json};

use crate::compared::{Compared, Pair};
use crate::model::Level;
use crate::orders::{WORKFLOWS, ended, place};
use crate::target::{Target, get, page, post};
use crate::turn::Turn;

const BASKET: &str = "/account/basket";

pub(crate) fn ask(compared: &mut Compared, pair: &mut Pair, turn: Turn<'_>) {
    if !turn.is_visitor() {
        own(compared, pair, turn);
    }
    // Last, since the twin has other collections from then on.
    shared(compared, pair, turn);
}

/// A basket of all that is seen, and additions that are not.
fn own(compared: &mut Compared, pair: &mut Pair, turn: Turn<'_>) {
    let Turn { catalogue, seen, .. } = turn;
    let put = |selections: Value| Target { method: "PUT", ..post("basket", BASKET, json!({"selections": selections})) };
    let of = |id: &str| json!({"search": {"collections": [id]}, "folder": id});
    let known = catalogue.collections.iter().map(|own| own.id.as_str());
    for id in known.clone().chain(["nowhere"]) {
        compared.one(pair, &put(json!([{"search": {}}, of(id)])).of(id, seen));
        let query = encode("q=amber");
        compared.one(pair, &page(format!("{BASKET}/add?query={query}&collection={id}")));
        let fields = json!({"query": "filter=level%3E3", "collection": id});
        compared.one(pair, &post("basket", format!("{BASKET}/add"), fields).of(id, seen));
    }
    let granted = known.filter(|id| seen.level(id) >= Level::Partial);
    let selections: Vec<Value> =
        granted.map(of).chain([json!({"search": {"filter": "level >= 3", "filter-lang": "cql2-text"}})]).collect();
    compared.one(pair, &put(json!(selections)).with(200));
    looked_at(compared, pair, BASKET);
    let share = post("shared basket", format!("{BASKET}/share"), json!({})).with(201);
    let answers = pair.ask(&share, [&share.path, &share.path]);
    let ids = [0, 1].map(|at: usize| answers[at].json()["id"].as_str().expect("an id").to_owned());
    pair.name(&ids);
    compared.answers(pair, &share, &answers);
    compared.one(pair, &get("shared basket", "/account/baskets").with(200));
    compared.one(pair, &page(BASKET).with(200));
    let unshare = Target { method: "DELETE", ..get("shared basket", "") }.with(204);
    let paths = ids.each_ref().map(|id| format!("/baskets/{id}"));
    compared.each(pair, &unshare, [&paths[0], &paths[1]]);
    compared.one(pair, &post("basket", format!("{BASKET}/remove"), json!({"selection": "0"})).with(200));
    ordered(compared, pair, true);
    compared.one(pair, &get("basket", BASKET).with(200));
    for client in [&pair.whole, &pair.twin] {
        client.delete(BASKET).expect(204);
    }
}

/// A basket that names every collection, opened by whoever has the link. In the twin the collections that are not seen are made
/// for it, under other titles and without items.
fn shared(compared: &mut Compared, pair: &mut Pair, turn: Turn<'_>) {
    let Turn { catalogue, seen, whole, twin, .. } = turn;
    for own in catalogue.collections.iter().filter(|own| seen.level(&own.id) == Level::Hidden) {
        let mut other = collection(&own.id, "hidden");
        other["title"] = json!("Another title");
        twin.administrator().post("/collections", &other).expect(201);
    }
    let named = catalogue.collections.iter().map(|own| json!({"search": {"collections": [own.id]}}));
    let all: Vec<Value> = named.chain([json!({"search": {}})]).collect();
    let high = json!([{"search": {"filter": "level >= 3", "filter-lang": "cql2-text"}}]);
    for (selections, is_named) in [(json!(all), true), (high, false)] {
        let share = |client: &Client| {
            client.put(BASKET, &json!({"selections": selections})).expect(200);
            let shared = client.post(&format!("{BASKET}/share"), &json!({})).expect(201).json();
            path_of(shared["href"].as_str().expect("an address")).replace("/baskets/", "")
        };
        let ids = [share(whole.administrator()), share(twin.administrator())];
        pair.name(&ids);
        let paths = |below: &str| [0, 1].map(|at: usize| format!("/baskets/{}{below}", ids[at]));
        for (target, below) in [
            (get("shared basket", "").with(200), ""),
            (page("").with(200), ""),
            (get("script", "").with(200), "/script?kind=python"),
            (get("script", "").with(200), "/script?kind=curl"),
        ] {
            let [a, b] = paths(below);
            compared.each(pair, &target, [&a, &b]);
        }
        let [a, b] = paths("/take");
        let take = post("shared basket", "", json!({}));
        compared.each(pair, &take.with(if turn.is_visitor() { 401 } else { 200 }), [&a, &b]);
        if !turn.is_visitor() {
            looked_at(compared, pair, BASKET);
            ordered(compared, pair, is_named);
            for client in [&pair.whole, &pair.twin] {
                client.delete(BASKET).expect(204);
            }
        }
    }
}

/// What becomes of a basket that is ordered.
fn ordered(compared: &mut Compared, pair: &mut Pair, is_named: bool) {
    let order = post("order of a basket", format!("{BASKET}/order"), json!({"name": "basket"}));
    // Where no collection is named there is none that is absent, or whose terms wait.
    let order = if is_named { order } else { order.with(201) };
    let Some(ids) = place(compared, pair, &order) else { return };
    for (client, id) in [&pair.whole, &pair.twin].into_iter().zip(&ids) {
        ended(client, id);
    }
    for below in ["", "/zip"] {
        let paths = [0, 1].map(|at: usize| format!("{WORKFLOWS}/{}{below}", ids[at]));
        compared.each(pair, &get("order of a basket", ""), [&paths[0], &paths[1]]);
    }
    for (client, id) in [&pair.whole, &pair.twin].into_iter().zip(&ids) {
        client.delete(&format!("{WORKFLOWS}/{id}")).expect(204);
    }
}

/// All forms of a basket.
fn looked_at(compared: &mut Compared, pair: &Pair, path: &str) {
    compared.one(pair, &get("basket", path).with(200));
    compared.one(pair, &page(path).with(200));
    for kind in ["python", "curl"] {
        compared.one(pair, &get("script", format!("{path}/script?kind={kind}")).with(200));
    }
}
