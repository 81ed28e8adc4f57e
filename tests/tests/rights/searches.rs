//! Kept questions: their pages, tables, tiles and archives, of questions that a principal keeps and of such that somebody keeps
//! who sees everything.

use nilometer_tests::Client;
use serde_json::{Value, json};

use crate::compared::{Compared, Pair};
use crate::model::Seen;
use crate::ordered::Ordered;
use crate::orders;
use crate::questions;
use crate::target::{Target, get, post};
use crate::turn::Turn;
use crate::twin::Service;

pub(crate) fn ask(compared: &mut Compared, pair: &Pair, random: &mut fastrand::Rng, turn: Turn<'_>) {
    let Turn { catalogue, seen, .. } = turn;
    let items: Vec<(String, String)> = catalogue.items().into_keys().collect();
    let everything = json!({});
    let mut asked = questions::body(&questions::question(random, catalogue, &items));
    // A filter that no property meets is refused when it is kept, by those who see the properties and by those who do not.
    if asked["strict"] == true {
        asked["strict"] = json!(false);
    }
    for question in [&everything, &asked] {
        compared.one(pair, &post("kept question", "/searches", question.clone()).with(201));
    }
    let collection = &catalogue.collections[random.usize(0..catalogue.collections.len())].id;
    let named = json!({"collections": [collection]});
    let [administrator, other] = [turn.whole, turn.twin].map(Service::administrator);
    let ids = [everything, asked, named.clone()].map(|question| {
        let ids = [kept(administrator, &question), kept(other, &question)];
        assert_eq!(ids[0], ids[1], "an id is made from the question");
        ids[0].clone()
    });
    for (at, id) in ids.iter().enumerate() {
        for target in of(id, at == 0, seen) {
            compared.one(pair, &target);
        }
    }
    let ordered = Ordered::of_named(seen, &[collection]);
    let zip = get("archive of a question", format!("/searches/{}/zip", ids[2]));
    let [whole, _] = compared.each(pair, &zip, [&zip.path, &zip.path]);
    if whole.status == 200 {
        orders::holds(compared, &whole, &ordered, str::to_owned);
    }
    let is_refused = turn.is_visitor() || ordered.is_refused || ordered.files.is_empty();
    // Terms of others than the reaches may wait.
    let may_wait = catalogue.collections.iter().any(|own| own.id == *collection && own.asks);
    let is_right = if is_refused { whole.status != 200 } else { whole.status == 200 || may_wait };
    compared.model("archive of a question", is_right, || format!("{named}: {}\n{ordered:?}", whole.status));
}

fn kept(client: &Client, question: &Value) -> String {
    let kept = client.post("/searches", question).expect(201).json();
    kept["id"].as_str().expect("an id").to_owned()
}

fn of(id: &str, is_everything: bool, seen: &Seen) -> Vec<Target> {
    let path = format!("/searches/{id}");
    let due = |target: Target| if is_everything { target.with(200) } else { target };
    let shown = seen.catalogue.items().len();
    let items = due(get("items of a kept question", format!("{path}/items?limit=9")));
    let tile = get("tile of a kept question", format!("{path}/tiles/WebMercatorQuad/0/0/0?properties=kind,level"));
    vec![
        get("kept question", path.clone()).with(200),
        if is_everything { items.counting(shown) } else { items },
        due(get("download of a kept question", format!("{path}/export?f=csv"))),
        get("tiles of a kept question", format!("{path}/tiles")).with(200),
        due(get("tiles of a kept question", format!("{path}/tiles/WebMercatorQuad"))),
        due(get("tiles of a kept question", format!("{path}/tiles/WebMercatorQuad/tilejson.json"))),
        if is_everything { tile.with(if shown == 0 { 204 } else { 200 }) } else { tile },
    ]
}
