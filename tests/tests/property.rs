//! Nothing hidden shows: random catalogues with hidden collections, random questions, and a plain list as the twin.

use std::collections::BTreeMap;

use nilometer_tests::http::{encode, link, path_of};
use nilometer_tests::{Client, Server, collection, item, operator_key, record, rounds, seed};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A word that stands in everything hidden: id, title, properties. An answer to a visitor never holds it.
const MARK: &str = "zzhidden";
const QUESTIONS: usize = 25;

/// What the twin asks of an item.
type Test = Box<dyn Fn(&Known) -> bool>;

/// What the twin knows of an item.
#[derive(Clone)]
struct Known {
    collection: String,
    id: String,
    hidden: bool,
    lon: f64,
    lat: f64,
    month: u32,
    level: i64,
    word: &'static str,
}

impl Known {
    fn json(&self) -> Value {
        let mut properties = json!({"level": self.level, "title": format!("{} {}", self.word, self.id)});
        if self.hidden {
            // A value and a property that only hidden items have: neither may show in facets or queryables.
            properties["level"] = json!(self.level + 1_000_000);
            properties[format!("{MARK}_property")] = json!(MARK);
        }
        let day = format!("2024-{:02}-10T00:00:00Z", self.month);
        item(&self.collection, &self.id, self.lon, self.lat, &day, properties)
    }
}

/// A question, and the twin's answer to it.
struct Question {
    query: String,
    holds: Test,
}

fn question(random: &mut fastrand::Rng, known: &[Known]) -> Question {
    let (mut query, mut tests): (Vec<String>, Vec<Test>) = (Vec::new(), Vec::new());
    if random.bool() {
        let (w, s) = (f64::from(random.i32(-12..8)) + 0.5, f64::from(random.i32(-12..8)) + 0.5);
        let (e, n) = (w + f64::from(random.i32(1..14)), s + f64::from(random.i32(1..14)));
        query.push(format!("bbox={w},{s},{e},{n}"));
        tests.push(Box::new(move |k| (w..=e).contains(&k.lon) && (s..=n).contains(&k.lat)));
    }
    if random.u8(0..3) == 0 {
        let (a, b) = (random.u32(1..7), random.u32(7..13));
        query.push(format!("datetime=2024-{a:02}-01T00:00:00Z/2024-{b:02}-28T00:00:00Z"));
        tests.push(Box::new(move |k| (a..=b).contains(&k.month)));
    }
    if random.u8(0..3) == 0 {
        let least = random.i64(0..20);
        query.push(format!("filter={}", encode(&format!("level >= {least} AND level < 1000"))));
        tests.push(Box::new(move |k| k.level >= least));
    }
    if random.u8(0..4) == 0 {
        let word = ["river", "lake", MARK][random.usize(0..3)];
        query.push(format!("q={word}"));
        tests.push(Box::new(move |k| k.word == word));
    }
    if random.u8(0..4) == 0 {
        let chosen: Vec<Known> = (0..random.usize(1..6)).map(|_| known[random.usize(0..known.len())].clone()).collect();
        let ids: Vec<String> = chosen.iter().map(|k| k.id.clone()).collect();
        query.push(format!("ids={}", ids.join(",")));
        tests.push(Box::new(move |k| ids.contains(&k.id)));
    }
    if random.u8(0..4) == 0 {
        let chosen: Vec<String> = (0..2).map(|_| known[random.usize(0..known.len())].collection.clone()).collect();
        query.push(format!("collections={}", chosen.join(",")));
        tests.push(Box::new(move |k| chosen.contains(&k.collection)));
    }
    if random.bool() {
        let order = ["datetime", "-datetime", "level", "-level", "title", "id"][random.usize(0..6)];
        query.push(format!("sortby={order}"));
    }
    Question { query: query.join("&"), holds: Box::new(move |k| tests.iter().all(|test| test(k))) }
}

/// Asks as a visitor; an answer that holds the mark where the question did not put it is a leak.
#[track_caller]
fn ask(visitor: &Client, target: &str, seed: u64) -> Value {
    let answer = visitor.get(target);
    assert!(answer.status < 500, "seed {seed}: {target}: {} {}", answer.status, answer.text());
    let mut text = answer.text();
    // Links and details repeat the caller's own words; those words are no leak.
    let query = target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let own = query.split(['&', '=', ',']).chain(target.split(['/', '?'])).filter(|part| part.contains(MARK));
    for part in own {
        text = text.replace(part, "");
    }
    assert!(!text.contains(MARK), "seed {seed}: {target} tells of something hidden: {text}");
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

/// A property to sort by is unknown where the collections asked for hold nothing that the caller may see; to a visitor
/// a hidden collection then is as one that does not exist.
fn is_unknown_sort_field(page: &Value, question: &Question, known: &[Known]) -> bool {
    let asked = question.query.split('&').find_map(|part| part.strip_prefix("collections="));
    let asked: Vec<&str> = asked.map(|list| list.split(',').collect()).unwrap_or_default();
    let anything = known.iter().any(|k| !k.hidden && (asked.is_empty() || asked.contains(&k.collection.as_str())));
    page["status"] == 400 && page["parameter"] == "sortby" && !anything
}

fn check_question(visitor: &Client, operator: &Client, known: &[Known], question: &Question, seed: u64) {
    let matching: Vec<&Known> = known.iter().filter(|k| (question.holds)(k)).collect();
    let visible: Vec<&&Known> = matching.iter().filter(|k| !k.hidden).collect();
    let context = format!("seed {seed}: {}", question.query);

    let mut target = format!("/search?limit=7&{}", question.query);
    let mut listed = Vec::new();
    loop {
        let page = ask(visitor, &target, seed);
        if is_unknown_sort_field(&page, question, known) {
            return;
        }
        assert_eq!(page["numberMatched"], visible.len(), "{context}: {page}");
        listed.extend(page["features"].as_array().expect("features").iter().map(|f| {
            (f["collection"].as_str().expect("a collection").to_owned(), f["id"].as_str().expect("an id").to_owned())
        }));
        match link(&page, "next") {
            Some(href) => target = path_of(&href),
            None => break,
        }
    }
    listed.sort();
    let mut expected: Vec<_> = visible.iter().map(|k| (k.collection.clone(), k.id.clone())).collect();
    expected.sort();
    assert_eq!(listed, expected, "{context}");

    let names = "total_count,collection_frequency,datetime_frequency,level_frequency,level_stats,level_distinct,\
                 geometry_geotile_grid_frequency,centroid_geohex_grid_frequency";
    let facets = ask(visitor, &format!("/aggregate?aggregations={names}&{}", question.query), seed);
    let named = |name: &str| {
        let all = facets["aggregations"].as_array().unwrap_or_else(|| panic!("{context}: {facets}"));
        all.iter().find(|a| a["name"] == name).cloned().unwrap_or_else(|| panic!("{context}: no {name}"))
    };
    assert_eq!(named("total_count")["value"], visible.len(), "{context}");
    let counted = |by: fn(&Known) -> String| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        visible.iter().for_each(|k| *counts.entry(by(k)).or_default() += 1);
        counts
    };
    let buckets = |name: &str| -> BTreeMap<String, u64> {
        let all = named(name)["buckets"].as_array().cloned().unwrap_or_default();
        let plain = |key: &Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let frequency = |b: &Value| b["frequency"].as_u64().expect("a count");
        all.iter().filter(|b| frequency(b) > 0).map(|b| (plain(&b["key"]), frequency(b))).collect()
    };
    assert_eq!(buckets("collection_frequency"), counted(|k| k.collection.clone()), "{context}");
    assert_eq!(buckets("level_frequency"), counted(|k| k.level.to_string()), "{context}");
    // A point lies in one cell of a grid; one on an edge touches up to four.
    let cells = |grid: &str| buckets(&format!("{grid}_grid_frequency")).values().sum::<u64>();
    let points = visible.len() as u64;
    assert_eq!(cells("centroid_geohex"), points, "{context}");
    assert!((points..=4 * points).contains(&cells("geometry_geotile")), "{context}");
    assert_eq!(named("level_stats")["value"]["count"], visible.len(), "{context}");
    let levels: std::collections::BTreeSet<i64> = visible.iter().map(|k| k.level).collect();
    assert_eq!(named("level_distinct")["value"], levels.len(), "{context}");
    let without = ask(visitor, &format!("/aggregate?aggregations={names}&multiselect=true&{}", question.query), seed);
    assert_eq!(without["aggregations"][0]["value"], visible.len(), "{context}");
    let months = buckets("datetime_frequency").into_iter().map(|(key, n)| (key.chars().take(7).collect(), n));
    let months: BTreeMap<String, u64> = months.collect();
    assert_eq!(months, counted(|k| format!("2024-{:02}", k.month)), "{context}");

    if !question.query.contains("filter=") {
        let all = operator.get(&format!("/search?limit=1&{}", question.query)).expect(200).json();
        assert_eq!(all["numberMatched"], matching.len(), "{context}: an operator sees all");
    }
}

fn random_catalogue(random: &mut fastrand::Rng, operator: &Client, round: u32) -> Vec<Known> {
    let mut known = Vec::new();
    for c in 0..random.u32(2..5) {
        let hidden = c == 0 || random.u8(0..3) == 0;
        let id = if hidden { format!("{MARK}-{round}-{c}") } else { format!("open-{round}-{c}") };
        let mut record = collection(&id, if hidden { "hidden" } else { "public" });
        record["keywords"] = json!([if hidden { MARK } else { "open" }]);
        operator.post("/collections", &record).expect(201);
        let items: Vec<Known> = (0..random.u32(0..25))
            .map(|i| Known {
                collection: id.clone(),
                id: if hidden { format!("{MARK}-i{i}") } else { format!("i{i}") },
                hidden,
                lon: f64::from(random.i32(-10..10)),
                lat: f64::from(random.i32(-10..10)),
                month: random.u32(1..13),
                level: random.i64(0..20),
                word: if hidden { MARK } else { ["river", "lake"][random.usize(0..2)] },
            })
            .collect();
        let written: Vec<Value> = items.iter().map(Known::json).collect();
        if !written.is_empty() {
            let report = operator.bulk(&id, &written);
            assert!(report.status < 300, "{}", report.text());
        }
        known.extend(items);
    }
    known
}

fn check_other_addresses(visitor: &Client, known: &[Known], seed: u64) {
    for target in [
        "/",
        "/collections",
        "/queryables",
        "/changes?since=0&limit=10000",
        "/conformance",
        "/api",
        "/collections?q=zzhidden",
        "/suggest?q=zz",
    ] {
        ask(visitor, target, seed);
    }
    let changes = visitor.get("/changes?since=0&limit=10000").expect(200).json();
    let told = changes["changes"].as_array().expect("a list").iter().filter(|c| c["id"].is_string()).count();
    assert_eq!(told, known.iter().filter(|k| !k.hidden).count(), "seed {seed}: the change feed");
    for k in known.iter().filter(|k| k.hidden).take(3) {
        visitor.get(&format!("/collections/{}", k.collection)).problem(404);
        visitor.get(&format!("/collections/{}/items/{}", k.collection, k.id)).problem(404);
        visitor.get(&format!("/collections/{}/queryables", k.collection)).problem(404);
        let hidden = visitor.get(&format!("/search?intersectsRefs={}.{}", k.collection, k.id));
        let absent = visitor.get("/search?intersectsRefs=nowhere.nothing");
        assert_eq!((hidden.status, &hidden.json()["title"]), (absent.status, &absent.json()["title"]), "seed {seed}");
        let page = visitor.get(&format!("/search?collections={}", k.collection));
        assert_eq!(page.json()["numberMatched"], 0, "seed {seed}: a hidden collection is as an unknown one");
    }
    for html in ["/", "/collections", "/search"] {
        let page = visitor.send("GET", html, &[("accept", "text/html")], None).expect(200);
        assert!(!page.text().contains(MARK), "seed {seed}: the page {html}");
    }
}

#[test]
fn nothing_hidden_appears_in_ids_counts_facets_links_or_changes() {
    let seed = seed();
    let rounds = rounds(8, 150);
    println!("seed {seed} ({rounds} catalogues; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let key = operator_key(&data);
    let server = Server::start(&data);
    let (operator, visitor) = (server.client(&key), server.visitor());
    let mut known = Vec::new();
    for round in 0..rounds {
        known.extend(random_catalogue(&mut random, &operator, round));
        if known.is_empty() {
            continue;
        }
        for _ in 0..QUESTIONS {
            let question = question(&mut random, &known);
            check_question(&visitor, &operator, &known, &question, seed);
        }
        check_other_addresses(&visitor, &known, seed);
    }
    server.finish();
    record(
        "hidden",
        &format!(
            "# Nothing hidden is visible\n\n\
             Random catalogues of public and hidden collections. Random questions of a visitor are compared with what is known to be \
             public: ids, counts, facets, grids, links, changes. (Rights that change are in rights.md.)\n\n\
             | rounds | questions | items at the end | seen and hidden | seed |\n| --: | --: | --: | --: | --: |\n\
             | {rounds} | {} | {} | 0 | {seed} |\n",
            rounds as usize * QUESTIONS,
            known.len()
        ),
    );
}
