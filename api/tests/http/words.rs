//! Words: the signs of `q`, the order by relevance, words that were mistyped, sentences, and suggestions.

use std::collections::BTreeSet;

use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::{Collection, Item};
use serde_json::{Value, json};

use crate::world::{Answer, World, bearer};

fn put(item: Value) -> Write {
    Write::PutItem(Box::new(Item::from_value(&item, None).unwrap()), Precondition::None)
}

fn lake(id: &str, title: &str, more: &str) -> Value {
    json!({
        "type": "Feature", "id": id, "collection": "lakes",
        "geometry": {"type": "Polygon", "coordinates": [[[6, 46], [7, 46], [7, 46.5], [6, 46.5], [6, 46]]]},
        "properties": {"datetime": "2020-05-01T00:00:00Z", "title": title, "description": more},
    })
}

/// A text as part of an address.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~,".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The last part of a problem's type.
fn code(answer: &Answer) -> String {
    let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
    kind.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Lakes whose texts differ in where their words stand.
async fn world() -> World {
    let lakes = json!({
        "id": "lakes", "title": "Lakes of the Alps", "description": "d", "keywords": ["lake", "place", "SWOT"],
        "nilometer:parameters": [{"name": "wse", "title": "Water surface elevation", "title_fr": "Niveau d'eau", "unit": "m"}],
    });
    World::with(vec![
        Write::PutCollection(Box::new(Collection::from_value(lakes).unwrap()), Precondition::None),
        put(lake("leman", "Lac Léman", "The largest one, by Geneva.")),
        put(lake("annecy", "Lac d'Annecy", "Less known than the Lac Léman; its levels are read daily.")),
        put(lake("bourget", "Lac du Bourget", "Reservoirs and rivières feed it.")),
        put(lake("morat", "Murtensee", "Lac Léman and others are larger; the Lac de Morat.")),
    ])
    .await
}

async fn ids(world: &World, path: &str) -> BTreeSet<String> {
    world.ok(path).await.ids().into_iter().collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn the_signs_of_a_term_say_what_must_and_what_must_not_stand_there() {
    let world = world().await;
    for (q, expected) in [
        ("leman", &["leman", "annecy", "morat"][..]),
        ("lac leman", &["leman", "annecy", "morat"]),
        ("leman lac", &[]),
        ("\"lac leman\" -morat", &["leman", "annecy"]),
        ("lac AND known", &["annecy"]),
        ("+lac -leman", &["bourget"]),
        ("bourget,annecy", &["bourget", "annecy"]),
        ("lac (geneva OR feed)", &["leman", "bourget"]),
        ("ann*", &["annecy"]),
        // Other forms of a word in both languages; a quoted word stands as it is.
        ("level,riviere", &["annecy", "bourget"]),
        ("reservoir", &["bourget"]),
        ("\"reservoir\"", &[]),
        // An id is a word.
        ("morat", &["morat"]),
    ] {
        let path = format!("/search?collections=lakes&q={}", encoded(q));
        assert_eq!(ids(&world, &path).await, set(expected), "{q}");
        let terms: Vec<&str> = if q.contains('(') { vec![q] } else { q.split(',').collect() };
        let asked = world.ask("/search", &json!({"collections": ["lakes"], "q": terms})).await;
        assert_eq!(asked.ids().into_iter().collect::<BTreeSet<_>>(), set(expected), "{q} as a body");
    }
    let deep = format!("/search?q={}", encoded(&format!("{}a*{}", "(".repeat(40), ")".repeat(40))));
    let refused = world.get(&deep).await;
    assert_eq!((refused.status, &refused.json()["parameter"]), (400, &json!("q")));
}

#[tokio::test]
async fn the_best_match_comes_first_unless_another_order_is_asked_for() {
    let world = world().await;
    assert_eq!(world.ok("/search?q=lac%20leman").await.ids()[0], "leman");
    assert_eq!(world.ok("/search?q=lac%20leman&sortby=id").await.ids(), ["annecy", "leman", "morat"]);
    let last = world.ok("/search?q=lac%20leman&sortby=%2Brelevance").await.ids();
    assert_eq!(last.last().map(String::as_str), Some("leman"));
    let refused = world.get("/search?sortby=-relevance").await;
    assert_eq!((refused.status, code(&refused).as_str()), (400, "relevance-without-words"));
}

#[tokio::test]
async fn pages_by_relevance_hold_their_snapshot_for_ten_minutes() {
    let world = world().await;
    let whole = world.ok("/search?q=lac%20leman").await.ids();
    let next = |answer: &Answer| answer.link("next").unwrap()["href"].as_str().unwrap().to_owned();
    let mut page = world.ok("/search?q=lac%20leman&limit=1").await;
    let second = next(&page);
    let mut pages = page.ids();
    for n in 0..2 {
        // What is written meanwhile changes every score, and is no part of the run.
        let title = "Lac Léman ".repeat(n + 2);
        let more = lake(&format!("new-{n}"), &title, "Lac Léman");
        let path = "/collections/lakes/items";
        assert_eq!(world.json("POST", path, &world.operator, &more).await.status, 201);
        world.wait_minutes(6);
        page = world.ok(&next(&page)).await;
        pages.extend(page.ids());
    }
    assert_eq!(pages, whole);
    assert!(page.link("next").is_none());
    world.wait_minutes(11);
    let gone = world.get(&second).await;
    assert_eq!((gone.status, code(&gone).as_str()), (410, "page-expired"));
}

#[tokio::test]
async fn a_page_that_somebody_has_already_leads_on_as_long_as_a_new_one() {
    let world = world().await;
    let path = "/search?q=lac%20leman&limit=1";
    let first = world.ok(path).await;
    let next = first.link("next").unwrap()["href"].as_str().unwrap().to_owned();
    world.wait_minutes(6);
    let tag = first.header("etag").to_owned();
    assert_eq!(world.get_with(path, &[("if-none-match", &tag)]).await.status, 304);
    world.wait_minutes(6);
    assert_eq!(world.get(&next).await.status, 200);
}

#[tokio::test]
async fn pages_lead_back_to_those_before() {
    let world = world().await;
    let href = |answer: &Answer, rel: &str| answer.link(rel).map(|link| link["href"].as_str().unwrap().to_owned());
    for path in ["/search?q=lac%20leman&limit=1", "/search?collections=lakes&sortby=id&limit=1", "/collections?limit=1"]
    {
        let first = world.ok(path).await;
        assert_eq!(href(&first, "prev"), None, "{path}");
        let second = world.ok(&href(&first, "next").unwrap()).await;
        let back = world.ok(&href(&second, "prev").unwrap()).await;
        let content = |answer: &Answer| {
            let json = answer.json();
            [json["features"].clone(), json["collections"].clone()]
        };
        assert_eq!(content(&back), content(&first), "{path}");
        assert_eq!(href(&back, "prev"), None, "{path}");
        assert_eq!(content(&world.ok(&href(&back, "next").unwrap()).await), content(&second), "{path}");
    }
    let body = json!({"collections": ["lakes"], "sortby": [{"field": "id", "direction": "asc"}], "limit": 1});
    let first = world.ask("/search", &body).await;
    let second = world.ask("/search", &first.link("next").unwrap()["body"]).await;
    assert_eq!(world.ask("/search", &second.link("prev").unwrap()["body"]).await.ids(), first.ids());
    // Pages by number lead back as well.
    let third = world.ok("/search?collections=lakes&sortby=id&limit=1&page=3").await;
    assert_eq!(world.ok(&href(&third, "prev").unwrap()).await.ids(), second.ids());
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let world = world().await;
    for path in ["/search?sortby=id&limit=1", "/collections?limit=1", "/collections/lakes/items?limit=1"] {
        let next = world.ok(path).await.link("next").unwrap()["href"].as_str().unwrap().to_owned();
        let (before, token) = next.split_once("token=").unwrap();
        for at in [0, token.len() / 2, token.len() - 1] {
            let other = if token[at..].starts_with('A') { "B" } else { "A" };
            let changed = format!("{before}token={}{other}{}", &token[..at], &token[at + 1..]);
            let refused = world.get(&changed).await;
            assert_eq!((refused.status, &refused.json()["parameter"]), (400, &json!("token")), "{changed}");
        }
    }
}

#[tokio::test]
async fn hidden_items_do_not_bear_on_the_order() {
    let plain = |id: &str| json!({"id": id, "description": "d"});
    let own = |id: &str, access: &str| {
        let mut collection = plain(id);
        collection["nilometer:access"] = access.into();
        Write::PutCollection(Box::new(Collection::from_value(collection).unwrap()), Precondition::None)
    };
    let item = |collection: &str, id: &str, word: &str| {
        put(json!({"type": "Feature", "id": id, "collection": collection, "geometry": null,
                   "properties": {"datetime": "2020-05-01T00:00:00Z", "description": word}}))
    };
    let mut writes = vec![own("open", "public"), own("closed", "hidden")];
    writes.extend(["a1", "a2", "a3"].map(|id| item("open", id, "alder")));
    writes.push(item("open", "b1", "birch"));
    // The rarer word weighs more. With these it would be the other one.
    writes.extend((0..20).map(|n| item("closed", &format!("c{n}"), "birch")));
    let world = World::with(writes).await;
    assert_eq!(world.ok("/search?collections=open&q=alder,birch").await.ids()[0], "b1");
}

#[tokio::test]
async fn a_run_with_words_taken_for_others_keeps_them_whatever_is_written() {
    let world = world().await;
    for path in ["/search?q=lemann&limit=1", "/search?q=lemann&limit=1&sortby=id"] {
        let mut page = world.ok(path).await;
        let mut pages = page.ids();
        let id = format!("exact-{}", path.len());
        let exact = lake(&id, "Lemann", "Written as nobody else does.");
        assert_eq!(world.json("POST", "/collections/lakes/items", &world.operator, &exact).await.status, 201);
        while let Some(link) = page.link("next") {
            page = world.ok(link["href"].as_str().unwrap()).await;
            pages.extend(page.ids());
        }
        pages.sort_unstable();
        assert_eq!(pages, ["annecy", "leman", "morat"], "{path}");
        let gone = world.json("DELETE", &format!("/collections/lakes/items/{id}"), &world.operator, &json!(null)).await;
        assert!(gone.status < 300, "{}", gone.text());
    }
}

#[tokio::test]
async fn names_of_products_are_found_whole_and_by_their_parts() {
    let named = |id: &str, title: &str| {
        let mut item = lake(id, title, "");
        item["id"] = id.into();
        put(item)
    };
    let lakes = json!({"id": "lakes", "description": "d"});
    let world = World::with(vec![
        Write::PutCollection(Box::new(Collection::from_value(lakes).unwrap()), Precondition::None),
        named("planned_026_113", "A pass"),
        named("planned_026_114", "Another pass"),
        named("x1", "SWOT_L2_HR_LakeSP granule of today"),
        named("x2", "L2 of SWOT"),
    ])
    .await;
    for (q, expected) in [
        ("planned_026_113", &["planned_026_113"][..]),
        ("planned", &["planned_026_113", "planned_026_114"]),
        ("swot l2", &["x1"]),
        ("hr lakesp granule", &["x1"]),
        ("swot_l2_hr_lakesp granule", &["x1"]),
        ("l2 swot", &[]),
        ("+l2 +swot", &["x1", "x2"]),
        ("planned_026_*", &["planned_026_113", "planned_026_114"]),
    ] {
        assert_eq!(ids(&world, &format!("/search?q={}", encoded(q))).await, set(expected), "{q}");
    }
    let long = format!("/search?q={}*", "p".repeat(400));
    assert_eq!(world.ok(&long).await.json()["numberMatched"], 0);
    assert_eq!(world.get(&format!("/search?q={}", encoded("⑴*"))).await.status, 200);
}

#[tokio::test]
async fn a_page_by_relevance_shows_nothing_that_was_hidden_since() {
    let world = world().await;
    let next = world.ok("/search?q=lac%20leman&limit=1").await.link("next").unwrap();
    let hidden = json!({"id": "lakes", "description": "d", "nilometer:access": "hidden"});
    let key = bearer(&world.operator);
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let put = world.body("PUT", "/collections/lakes", &headers, hidden.to_string()).await;
    assert!(put.status < 300, "{}", put.text());
    assert_eq!(world.get(next["href"].as_str().unwrap()).await.status, 410);
}

#[tokio::test]
async fn typing_errors_are_forgiven_only_where_nothing_has_the_words_and_it_is_said() {
    let world = world().await;
    let told = |answer: &Answer| {
        let links = answer.json()["links"].as_array().unwrap().clone();
        links.into_iter().find(|link| link["word"].is_string())
    };
    let slip = world.ok("/search?q=annnecy").await;
    assert_eq!(slip.ids(), ["annecy"]);
    let link = told(&slip).unwrap();
    assert_eq!((&link["word"], &link["taken"]), (&json!("annnecy"), &json!(["annecy"])));
    world.ok(link["href"].as_str().unwrap()).await;
    assert!(told(&world.ok("/search?q=annecy").await).is_none());
    // Each part may be mistyped; a quoted one is meant as it stands, and so are short words and numbers.
    assert_eq!(world.ok("/search?q=du%20bourgte").await.ids(), ["bourget"]);
    for q in ["%22annnecy%22", "lca", "annnec*"] {
        assert_eq!(world.ok(&format!("/search?q={q}")).await.json()["numberMatched"], 0, "{q}");
    }
    // Facets and tiles count the same items.
    let counted = world.ok("/aggregate?aggregations=total_count&q=annnecy").await.json();
    assert_eq!(counted["aggregations"][0]["value"], 1);
    assert!(counted["links"].as_array().unwrap().iter().any(|link| link["word"] == "annnecy"), "{counted}");
    // What is hidden is no word for a visitor, neither as it stands nor as what was meant.
    for q in ["borehole", "boreholee"] {
        let answer = world.ok(&format!("/search?q={q}")).await;
        assert_eq!(answer.json()["numberMatched"], 0, "{q}");
        assert!(!answer.text().replace(&format!("q={q}"), "").contains("borehole"), "{}", answer.text());
        assert_eq!(world.get_as_operator(&format!("/search?q={q}")).await.ids(), ["hidden-1"]);
    }
}

#[tokio::test]
async fn a_sentence_is_read_as_place_collections_period_and_words() {
    let world = world().await;
    let reading = |answer: Answer| answer.json()["nilometer:reading"].clone();
    let read = async |q: &str| reading(world.ok(&format!("/search?interpret=true&q={}", encoded(q))).await);
    let lakes = read("niveau lac léman 2019-2021").await;
    assert_eq!(lakes["place"]["intersectsRefs"], json!(["lakes.leman"]), "{lakes}");
    assert_eq!(lakes["collections"], json!({"text": ["niveau"], "collections": ["lakes"]}));
    assert_eq!(lakes["period"]["datetime"], "2019-01-01T00:00:00Z/2021-12-31T23:59:59.999999Z");
    assert_eq!(lakes["words"], "");
    let words = read("gauges garonne since 2021").await;
    assert_eq!((&words["words"], &words["collections"]["collections"]), (&json!("garonne"), &json!(["gauges"])));
    let found = world.ok("/search?interpret=true&q=gauges%20garonne%20since%202021").await;
    assert_eq!(found.ids(), ["garonne-2"]);
    // A name is a name, whatever it is made of; so are signs.
    for q in ["lac léman", "lac d'annecy", "garonne", "\"lakes\" 2020", "lac* 2020"] {
        assert!(read(q).await.is_null(), "{q}");
    }
    // What the question says already is not read.
    let set = world.ok("/search?interpret=true&datetime=../2000-01-01T00:00:00Z&q=gauges%202021").await;
    assert_eq!(set.json()["numberMatched"], 0);
    // The same in a body, and for counts.
    let body = json!({"q": "gauges garonne since 2021", "interpret": true});
    let asked = world.ask("/search", &body).await;
    assert_eq!(asked.ids(), ["garonne-2"]);
    assert_eq!(reading(asked)["words"], "garonne");
    let counted =
        world.ok("/aggregate?aggregations=total_count&interpret=true&q=gauges%20garonne%20since%202021").await;
    assert_eq!(counted.json()["aggregations"][0]["value"], 1);
    // Without it words are what STAC says: a run of words.
    assert_eq!(world.ok("/search?q=garonne%20at%20garonne").await.json()["numberMatched"], 2);
    assert_eq!(world.ok("/search?q=2%20garonne").await.json()["numberMatched"], 0);
    assert_eq!(world.ok("/search?q=2%20garonne&interpret=words").await.ids(), ["garonne-2"]);
    assert_eq!(world.get("/search?q=a&interpret=maybe").await.status, 400);
}

#[tokio::test]
async fn a_sentence_knows_collections_by_what_they_are_called_now() {
    let world = world().await;
    let told = async |q: &str| {
        let answer = world.ok(&format!("/search?interpret=true&q={}", encoded(q))).await.json();
        answer["nilometer:reading"]["collections"]["collections"].clone()
    };
    assert_eq!(told("gauges 2021").await, json!(["gauges"]));
    let renamed = json!({"id": "gauges", "title": "Weirs", "description": "d", "license": "CC-BY-4.0"});
    assert!(world.json("PUT", "/collections/gauges", &world.operator, &renamed).await.status < 300);
    assert_eq!(told("weirs 2021").await, json!(["gauges"]));
}

#[tokio::test]
async fn a_place_is_found_by_all_its_names_and_the_one_that_was_typed_leads() {
    let world = world().await;
    let mut nyasa = lake("malawi", "Lake Malawi", "d");
    nyasa["properties"]["name_alt"] = json!("Lake Nyasa");
    let buoy = json!({"type": "Feature", "id": "buoy", "collection": "gauges", "geometry": null,
        "properties": {"datetime": "2024-01-01T00:00:00Z", "title": "Buoy of Lake Malawi"}});
    for item in [&nyasa, &buoy] {
        let path = format!("/collections/{}/items", item["collection"].as_str().unwrap());
        assert_eq!(world.json("POST", &path, &world.operator, item).await.status, 201);
    }
    let found = world.ok("/search?interpret=true&q=Lake%20Nyasa").await;
    assert_eq!(found.ids(), ["malawi", "buoy"]);
    assert_eq!(found.json()["nilometer:reading"]["names"], json!(["Lake Malawi"]));
    // Nothing is read into words that nobody asked to be read.
    assert_eq!(world.ok("/search?q=Lake%20Nyasa").await.ids(), ["malawi"]);
    assert_eq!(world.ok("/search?interpret=words&q=Lake%20Nyasa").await.ids(), ["malawi"]);
}

#[tokio::test]
async fn a_page_puts_what_it_read_into_the_address_and_offers_the_words() {
    let world = world().await;
    let form = world.page("/search?q=gauges+garonne+since+2021&interpret=true&place=&from=&to=").await;
    assert_eq!(form.status, 303);
    let to = form.header("location").to_owned();
    for part in ["q=garonne", "collections=gauges", "datetime=2021-01-01", "read=gauges%20garonne%20since%202021"] {
        assert!(to.contains(part), "{part} is not in {to}");
    }
    let page = world.page(&to.replace("/portal", "")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("was read as the filters above"), "{}", page.text());
    assert!(page.text().contains("interpret=words"));
    // The same question for programs.
    assert_eq!(world.get(&format!("{}&f=json", to.replace("/portal", ""))).await.ids(), ["garonne-2"]);
    // Words that were asked for instead stay words, until they are changed.
    let words = world.page("/search?q=gauges+garonne+since+2021&interpret=words").await.text();
    assert!(words.contains("name=\"unread\""), "{words}");
    let again = "/search?q=gauges+garonne+since+2021&interpret=true&unread=gauges+garonne+since+2021&sortby=id&place=";
    let kept = world.page(again).await;
    assert_eq!(kept.status, 303);
    let to = kept.header("location");
    assert!(to.contains("interpret=words") && !to.contains("unread") && !to.contains("datetime"), "{to}");
    let other = world.page(&again.replace("q=gauges", "q=all+gauges")).await;
    assert!(other.header("location").contains("datetime=2021"), "{}", other.header("location"));
    // A kept question is asked together with the sentence.
    let kept = world.ask("/searches", &json!({"collections": ["lakes"]})).await.json()["id"].clone();
    let both = format!("/search?search={}&q=gauges+2020&interpret=true", kept.as_str().unwrap());
    let to = world.page(&both).await.header("location").to_owned();
    assert!(to.contains("datetime=2020") && !to.contains("collections="), "{to}");
    let plain = world.page("/search?q=garonne&interpret=true&place=&from=&to=").await;
    assert!(plain.header("location").ends_with("/search?q=garonne"), "{}", plain.header("location"));
    let typo = world.page("/search?q=annnecy").await.text();
    assert!(typo.contains("No item has the word “annnecy”"), "{typo}");
}

#[tokio::test]
async fn suggestions_tell_what_they_would_do() {
    let world = world().await;
    let suggest = async |q: &str| world.ok(&format!("/suggest?q={}", encoded(q))).await.json()["suggestions"].clone();
    let of = |all: &Value, kind: &str| -> Vec<Value> {
        all.as_array().unwrap().iter().filter(|s| s["type"] == kind).cloned().collect()
    };
    let lac = suggest("lac lem").await;
    let place = &of(&lac, "place")[0];
    assert_eq!((&place["title"], &place["search"]), (&json!("Lac Léman"), &json!({"intersectsRefs": ["lakes.leman"]})));
    assert!(place["href"].as_str().unwrap().ends_with("/search?intersectsRefs=lakes.leman"));
    let gauges = suggest("gau").await;
    assert_eq!(of(&gauges, "collection")[0]["search"], json!({"collections": ["gauges"]}));
    let garonne = suggest("garon").await;
    let word = &of(&garonne, "word")[0];
    assert_eq!(
        (&word["title"], &word["count"], &word["search"]),
        (&json!("garonne"), &json!(2), &json!({"q": "garonne"}))
    );
    let items = suggest("garonne at").await;
    let stations: Vec<Value> =
        items.as_array().unwrap().iter().filter(|s| s["collection"] == "gauges").cloned().collect();
    assert_eq!(stations.len(), 2, "{items}");
    assert!(stations[0]["page"]["href"].as_str().unwrap().contains("/collections/gauges/items/garonne-"));
    let sentence = suggest("gauges garonne 2021").await;
    assert_eq!(sentence[0]["type"], "reading");
    assert_eq!(sentence[0]["search"]["collections"], json!(["gauges"]));
    // Every address that is suggested answers.
    for all in [&lac, &gauges, &garonne, &items, &sentence] {
        for suggestion in all.as_array().unwrap() {
            world.ok(suggestion["href"].as_str().unwrap()).await;
        }
    }
    for q in ["", " ", "!", "conf", "confidential", "bore", "x"] {
        let all = suggest(q).await;
        assert!(!all.to_string().to_lowercase().contains("bore"), "{q}: {all}");
    }
    // Characters of several bytes part words too.
    for q in ["lac–garon", "été garon", "Le\u{301}m", "lac\u{3000}garon", "—", "\u{301}"] {
        suggest(q).await;
    }
    for refused in [&format!("q={}", "a".repeat(2000)), "q=a&limit=", "q=a&limit=0", "q=a&limit=x", "q=a&nope=1"] {
        assert_eq!(world.get(&format!("/suggest?{refused}")).await.status, 400, "{refused}");
    }
    assert_eq!(world.ok("/suggest?q=garon&limit=1").await.json()["suggestions"].as_array().unwrap().len(), 1);
}
