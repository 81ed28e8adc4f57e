//! Orders: estimates, what becomes of them, what they hold, and the archive itself, of selections that name what is seen, what is
//! hidden and what nobody has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nilometer_tests::{Client, Response};
use serde_json::{Value, json};

use crate::archive;
use crate::compared::{Compared, Pair};
use crate::model::{Catalogue, Level, Principal, Seen, Version};
use crate::ordered::Ordered;
use crate::questions;
use crate::target::{Target, get, page, post};
use crate::turn::Turn;

pub(crate) use nilometer_tests::orders::WORKFLOWS;
/// Most time that an order takes; reached only when something hangs.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

/// Collections whose terms each principal has accepted on the server with everything, in that order.
pub(crate) type Accepted = BTreeMap<Principal, Vec<String>>;

/// What was accepted before is accepted in a new twin too, where it is seen.
pub(crate) fn accept_again(turn: Turn<'_>, accepted: &Accepted) {
    let known = accepted.get(&turn.principal).into_iter().flatten();
    for id in known.filter(|id| turn.seen.level(id) > Level::Hidden) {
        turn.twin.client(turn.principal).post(&format!("/licences/{id}"), &json!({})).expect(200);
    }
}

/// Collections whose terms a principal has not accepted yet.
pub(crate) fn waiting<'a>(turn: Turn<'a>, accepted: &Accepted) -> Vec<&'a str> {
    let known = accepted.get(&turn.principal);
    let is_accepted = |id: &String| known.is_some_and(|own| own.contains(id));
    let asking = turn.catalogue.collections.iter().filter(|own| own.asks && !is_accepted(&own.id));
    asking.map(|own| own.id.as_str()).collect()
}

/// A body that is ordered, and what the model says of it.
struct Order {
    body: Value,
    /// A collection that is named and not seen.
    is_absent: bool,
    /// What it holds and in which folders; nothing where only the twin knows.
    ordered: Option<Ordered>,
    is_compatible: bool,
}

impl Order {
    fn folder(&self, collection: &str) -> String {
        if self.is_compatible { format!("{collection}/{collection}") } else { collection.to_owned() }
    }
}

/// Selections by collection, by search, by ids, and at random.
fn orders(random: &mut fastrand::Rng, catalogue: &Catalogue, seen: &Seen) -> Vec<Order> {
    let mut all = Vec::new();
    let ids = catalogue.collections.iter().map(|own| own.id.as_str());
    for (at, id) in ids.chain(["nowhere"]).enumerate() {
        let is_absent = seen.level(id) == Level::Hidden;
        let is_compatible = at % 2 == 0;
        let body = if is_compatible {
            json!({"workflowName": "by collection", "collections": [{"collectionId": id, "correlationId": id}]})
        } else {
            json!({"name": "by collection", "search": {"collections": [id]}})
        };
        let ordered = Some(Ordered::of_named(seen, &[id]));
        all.push(Order { body, is_absent, ordered, is_compatible });
    }
    let by_search = |search: Value, chosen: &dyn Fn(&Version) -> bool| {
        let ordered = Some(Ordered::found(seen, chosen));
        Order { body: json!({"search": search}), is_absent: false, ordered, is_compatible: false }
    };
    all.push(by_search(json!({}), &|_| true));
    all.push(by_search(json!({"filter": "level >= 7", "filter-lang": "cql2-text"}), &|version| version.level >= 7));
    // Ids that are seen and ids that are not, in one order.
    let items: Vec<(String, String)> = catalogue.items().into_keys().collect();
    let mut named: Vec<String> = (0..4).filter_map(|_| random.choice(&items)).map(|(_, id)| id.clone()).collect();
    named.push("nothing".into());
    all.push(by_search(json!({"ids": named}), &|version| named.contains(&version.id)));
    let asked = questions::body(&questions::question(random, catalogue, &items));
    let part = json!({"datetime": "2021-03-10T00:00:00Z/..", "parameters": ["wse"]});
    for body in [
        json!({"search": asked}),
        json!({"selections": [{"search": {}, "formats": ["csv", "parquet"], "subset": part, "folder": "part"}]}),
    ] {
        all.push(Order { body, is_absent: false, ordered: None, is_compatible: false });
    }
    all
}

/// Asks all of it, and takes the orders back.
pub(crate) fn ask(
    compared: &mut Compared,
    pair: &mut Pair,
    random: &mut fastrand::Rng,
    turn: Turn<'_>,
    accepted: &mut Accepted,
) {
    let Turn { catalogue, seen, principal, .. } = turn;
    if turn.is_visitor() {
        return without_account(compared, pair);
    }
    terms(compared, pair, turn, accepted.entry(principal).or_default());
    let mut placed = Vec::new();
    for order in orders(random, catalogue, seen) {
        let estimate = estimate(&order);
        compared.one(pair, &estimate);
        told(compared, pair, &order);
        let status = if order.is_absent { 404 } else { 201 };
        let submit = post("order", WORKFLOWS, order.body.clone());
        let submit = if order.ordered.is_some() { submit.with(status) } else { submit };
        let answers = place(compared, pair, &submit);
        let Some(ids) = answers else { continue };
        ended(&pair.whole, &ids[0]);
        ended(&pair.twin, &ids[1]);
        fetch(compared, pair, &order, &ids);
        placed.push(ids);
    }
    for path in [WORKFLOWS, "/orders"] {
        compared.one(pair, &get("list of orders", path).with(200));
    }
    let keys = [&pair.whole, &pair.twin].map(webhook_key);
    pair.name(&keys);
    compared.one(pair, &page("/orders").with(200));
    account(compared, pair, seen, &placed);
    for [a, b] in &placed {
        pair.whole.delete(&format!("{WORKFLOWS}/{a}")).expect(204);
        pair.twin.delete(&format!("{WORKFLOWS}/{b}")).expect(204);
    }
}

/// The key of messages about orders, which the page of orders shows: each server has its own.
fn webhook_key(client: &Client) -> String {
    let page = client.send("GET", "/orders", &[("accept", "text/html")], None).expect(200).text();
    let (_, rest) = page.split_once("<p><code>").expect("a key");
    rest.split('<').next().unwrap_or_default().to_owned()
}

fn estimate(order: &Order) -> Target {
    let target = post("estimate", format!("{WORKFLOWS}/estimate"), order.body.clone());
    match &order.ordered {
        None => target,
        Some(_) if order.is_absent => target.with(404),
        Some(ordered) if ordered.is_refused => target.with(403),
        Some(ordered) => target.with(200).counting(ordered.files.len()),
    }
}

/// The other figures of an estimate.
fn told(compared: &mut Compared, pair: &Pair, order: &Order) {
    let Some(ordered) = order.ordered.as_ref().filter(|ordered| !order.is_absent && !ordered.is_refused) else {
        return;
    };
    let told = pair.whole.post(&format!("{WORKFLOWS}/estimate"), &order.body).expect(200).json();
    let figures = [&told["bytes"], &told["unknownSizes"], &told["elsewhere"]];
    let expected = [json!(ordered.bytes()), json!(ordered.unknown_sizes()), json!(ordered.elsewhere)];
    let is_true = figures.iter().zip(&expected).all(|(told, expected)| *told == expected);
    compared.model("figures of an estimate", is_true, || format!("{told} and not {expected:?}"));
}

/// Places an order on both servers; the ids that it has there, unless it was refused.
pub(crate) fn place(compared: &mut Compared, pair: &mut Pair, target: &Target) -> Option<[String; 2]> {
    let ids = |answers: &[Response; 2]| {
        let id = |answer: &Response| Some(answer.json()["workflowId"].as_str()?.to_owned());
        Some([id(&answers[0])?, id(&answers[1])?])
    };
    let answers = pair.ask(target, [&target.path, &target.path]);
    let ids = ids(&answers);
    if let Some(ids) = &ids {
        pair.name(ids);
    }
    // Whether it is on its way already when it is answered is a matter of moments.
    let answers = answers.map(|mut answer| {
        if let Ok(mut order) = serde_json::from_slice::<Value>(&answer.body) {
            if order["status"] == "RUNNING" {
                order["status"] = json!("CREATED");
            }
            answer.body = order.to_string().into_bytes();
        }
        answer
    });
    compared.answers(pair, target, &answers);
    ids
}

/// All that is answered of an order.
fn fetch(compared: &mut Compared, pair: &Pair, order: &Order, ids: &[String; 2]) {
    let mut each = |target: &Target, path: &dyn Fn(&str) -> String| {
        let paths = [path(&ids[0]), path(&ids[1])];
        compared.each(pair, target, [&paths[0], &paths[1]])
    };
    let of = |below: &'static str| move |id: &str| format!("{WORKFLOWS}/{id}{below}");
    each(&get("order", "").with(200), &of(""));
    each(&page("").with(200), &|id| format!("/orders/{id}"));
    let kind = if order.is_compatible { "python" } else { "curl" };
    each(&get("script", "").with(200), &|id| format!("/orders/{id}/script?kind={kind}"));
    // Terms may keep back what the model counts; whether they do is compared with the twin.
    let [whole, _] = each(&get("order", "").with(200), &of("/status"));
    let message = whole.json()["message"].as_str().unwrap_or_default().to_owned();
    let terms_wait = message.starts_with("LICENCE_NOT_ACCEPTED");
    let due = |target: Target, refused: u16| match &order.ordered {
        Some(ordered) if !terms_wait => {
            target.with(if ordered.files.is_empty() || ordered.is_refused { refused } else { 200 })
        }
        _ => target,
    };
    each(&due(get("files of an order", ""), 404), &|id| format!("/orders/{id}/files"));
    let [whole, _] = each(&due(get("archive", ""), 409), &of("/zip"));
    if let (Some(ordered), 200) = (&order.ordered, whole.status) {
        holds(compared, &whole, ordered, |collection| order.folder(collection));
    }
}

/// Whether an archive holds just what the model says.
pub(crate) fn holds(compared: &mut Compared, answer: &Response, ordered: &Ordered, folder: impl Fn(&str) -> String) {
    let files: BTreeMap<String, Vec<u8>> = archive::read(&answer.body).into_iter().collect();
    let names: BTreeSet<String> = files.keys().cloned().collect();
    let expected = ordered.names(&folder);
    compared.model("names in an archive", names == expected, || format!("{names:?} and not {expected:?}"));
    for ((collection, name), (text, _)) in &ordered.files {
        let Some(text) = text else { continue };
        let file = files.get(&format!("{}/{name}", folder(collection)));
        let is_own = file.is_some_and(|file| file == text.as_bytes());
        compared.model("files in an archive", is_own, || format!("{collection}/{name} is {file:?} and not {text:?}"));
    }
}

/// Terms that are accepted before files are ordered: with them missing first, then with them accepted on both servers.
fn terms(compared: &mut Compared, pair: &mut Pair, turn: Turn<'_>, accepted: &mut Vec<String>) {
    let Turn { catalogue, seen, .. } = turn;
    let asking = catalogue.collections.iter().filter(|own| own.asks).map(|own| own.id.as_str());
    for id in asking.chain(["nowhere"]) {
        let is_seen = seen.level(id) > Level::Hidden;
        let path = format!("/licences/{id}");
        if accepted.iter().any(|known| known == id) {
            continue;
        }
        let order = post("order without accepted terms", WORKFLOWS, json!({"search": {"collections": [id]}}));
        compared.one(pair, &order.with(if is_seen { 403 } else { 404 }));
        let accept = json!({"search": {"ids": ["nothing"]}, "accept_licences": [id]});
        if let Some(ids) =
            place(compared, pair, &post("order", WORKFLOWS, accept).with(if is_seen { 201 } else { 404 }))
        {
            for (client, id) in [&pair.whole, &pair.twin].into_iter().zip(&ids) {
                ended(client, id);
                client.delete(&format!("{WORKFLOWS}/{id}")).expect(204);
            }
        }
        compared.one(pair, &post("terms", path, json!({})).there(is_seen));
        if is_seen {
            accepted.push(id.to_owned());
        }
    }
}

/// What is kept of the account: of what was accepted or ordered while more was seen, the twin knows nothing.
fn account(compared: &mut Compared, pair: &Pair, seen: &Seen, placed: &[[String; 2]]) {
    let target = get("account export", "/account/export").with(200);
    let answers = pair.ask(&target, [&target.path, &target.path]);
    let answers = answers.map(|mut answer| {
        let kept = answer.json();
        let own = |order: &&Value| placed.iter().flatten().any(|id| order["workflowId"] == id.as_str());
        let orders: Vec<&Value> = kept["orders"].as_array().into_iter().flatten().filter(own).collect();
        let known = |licence: &&Value| licence["collection"].as_str().is_some_and(|id| seen.level(id) > Level::Hidden);
        let licences: Vec<&Value> = kept["licences"].as_array().into_iter().flatten().filter(known).collect();
        answer.body =
            json!({"orders": orders, "licences": licences, "basket": kept["basket"]}).to_string().into_bytes();
        answer
    });
    compared.answers(pair, &target, &answers);
}

fn without_account(compared: &mut Compared, pair: &Pair) {
    let all = json!({"search": {}});
    for path in [WORKFLOWS.to_owned(), format!("{WORKFLOWS}/estimate")] {
        compared.one(pair, &post("refusals", path, all.clone()).with(401));
    }
    for path in
        [WORKFLOWS, "/orders", "/account/basket", "/account/export", "/account/licences", "/account/basket/script"]
    {
        compared.one(pair, &get("refusals", path).with(401));
    }
    compared.one(pair, &page("/orders").with(303));
}

/// Waits until an order is no more under way; its state and message then.
pub(crate) fn ended(client: &Client, id: &str) -> Value {
    nilometer_tests::orders::ended(client, id, ENDED_WITHIN)
}
