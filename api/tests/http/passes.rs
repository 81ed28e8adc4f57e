//! When SWOT sees a place.

use nilometer_indexer::Error;
use nilometer_indexer::orbit::{COLLECTION, planned_passes_of};
use nilometer_indexer::source::{Record, Rejection, Sink};
use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::Collection;
use serde_json::{Value, json};

use crate::world::World;

/// Collects writes.
#[derive(Default)]
struct Writes(Vec<Write>);

impl Sink for Writes {
    fn record(&mut self, record: Record) -> Result<(), Error> {
        self.0.push(match record {
            Record::Collection(c) => Write::PutCollection(c, Precondition::None),
            Record::Item(item) => Write::PutItem(item, Precondition::None),
            Record::ItemIfAbsent(item) => Write::PutItem(item, Precondition::Absent),
            Record::Observations(observations) => Write::PutObservations(observations),
        });
        Ok(())
    }
    fn rejected(&mut self, rejection: Rejection) {
        panic!("{rejection:?}");
    }
    fn progress(&mut self, _: u64) {}
}

/// The small catalogue with the last cycle flown and the first one extrapolated.
async fn world() -> World {
    let mut writes = Writes::default();
    planned_passes_of(52..=53, &mut writes).unwrap();
    World::with(writes.0).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

#[tokio::test]
async fn a_position_is_answered_with_passes_to_the_second() {
    let world = world().await;
    let answer = world.get("/swot/passes?point=1.44,43.6").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    // The service's clock stands before both cycles.
    assert_eq!((&json["previous"], &json["next"]["id"]), (&Value::Null, &json!("planned_052_085")));
    // Two passes see Toulouse in each of two cycles.
    assert_eq!((&json["numberMatched"], &json["numberReturned"]), (&json!(4), &json!(4)));
    let passes = json["passes"].as_array().unwrap();
    let numbers: Vec<_> = passes.iter().map(|p| (p["cycle"].as_u64().unwrap(), p["pass"].as_u64().unwrap())).collect();
    assert_eq!(numbers, [(52, 85), (52, 320), (53, 85), (53, 320)]);
    for pass in passes {
        let km = pass["distance_from_nadir_km"].as_f64().unwrap();
        assert!((10.0..=60.0).contains(&km), "{km}");
        assert!(text(pass, "pass_start") < text(pass, "datetime") && text(pass, "datetime") < text(pass, "pass_end"));
        assert_eq!(pass["extrapolated"], pass["cycle"] == 53);
        let item = world.get(text(pass, "href").strip_prefix(crate::world::BASE).unwrap()).await;
        assert_eq!((item.status, &item.json()["id"]), (200, &pass["id"]));
    }
    assert_eq!(passes[0]["orbit_state"], "ascending");
    assert!(text(&passes[0], "datetime").starts_with("2026-06-22T08:32"), "{}", passes[0]);
}

#[tokio::test]
async fn the_period_counts_when_the_place_is_seen_and_not_when_the_pass_begins() {
    let world = world().await;
    let all = world.get("/swot/passes?point=1.44,43.6").await.json();
    let first = &all["passes"][0];
    let between = format!("{}/{}", text(first, "pass_start"), text(first, "datetime"));
    let count = |json: Value| (json["numberMatched"].as_u64().unwrap(), json["passes"].as_array().unwrap().len());
    let within = world.get(&format!("/swot/passes?point=1.44,43.6&datetime={between}")).await;
    assert_eq!(count(within.json()), (1, 1));
    let before = format!("{}/{}", text(first, "pass_start"), "2026-06-22T08:20:00Z");
    assert_eq!(count(world.get(&format!("/swot/passes?point=1.44,43.6&datetime={before}")).await.json()), (0, 0));
    let page = world.get("/swot/passes?point=1.44,43.6&limit=3").await;
    assert_eq!(count(page.json()), (4, 3));
    let next = page.link("next").unwrap()["href"].as_str().unwrap().to_owned();
    assert_eq!(count(world.get(next.strip_prefix(crate::world::BASE).unwrap()).await.json()), (4, 1));
}

#[tokio::test]
async fn a_stored_place_and_a_box_are_answered_with_spans_and_sides() {
    let world = world().await;
    for place in ["place=places/all.aquitaine", "bbox=-2,43,1,46"] {
        let json = world.get(&format!("/swot/passes?{place}&limit=100")).await.json();
        let passes = json["passes"].as_array().unwrap();
        assert!(passes.len() >= 8 && passes.len() as u64 == json["numberMatched"], "{place}: {}", passes.len());
        for pass in passes {
            assert!(text(pass, "datetime") < text(pass, "end_datetime"));
            assert!(!pass["sides"].as_array().unwrap().is_empty());
        }
    }
    let page = world.get_with("/swot/passes?place=gauges.garonne-2", &[("accept", "text/html")]).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("planned_052_"), "{}", page.text());
    let item = world.get_with("/collections/gauges/items/garonne-2", &[("accept", "text/html")]).await;
    assert!(item.text().contains("/swot/passes?place=gauges.garonne-2"));
    assert!(world.get_with("/", &[("accept", "text/html")]).await.text().contains("/swot/passes"));
}

#[tokio::test]
async fn a_place_is_typed_as_people_write_it_and_stands_in_the_address_as_programs_do() {
    let world = world().await;
    for (query, expected) in [
        ("where=1.44%2C+43.6&from=&to=", "point=1.44%2C43.6"),
        ("where=-2;43;1;46", "bbox=-2%2C43%2C1%2C46"),
        ("where=aquitaine", "place=places%2Fall.aquitaine"),
        ("where=gauges.garonne-2", "place=gauges.garonne-2"),
        ("where=garonne+at+garonne-2", "place=gauges.garonne-2"),
        (
            "where=AQUITAINE&point=1,2&from=2026-07-01&to=2026-07-31&datetime=2020-01-01&lang=fr",
            "place=places%2Fall.aquitaine&datetime=2026-07-01T00%3A00%3A00Z%2F2026-07-31T23%3A59%3A59.999999Z&lang=fr",
        ),
        (
            "where=&place=gauges.garonne-2&from=2026-07-01",
            "place=gauges.garonne-2&datetime=2026-07-01T00%3A00%3A00Z%2F..",
        ),
    ] {
        let answer = world.page(&format!("/swot/passes?{query}")).await;
        let expected = format!("/portal/swot/passes?{expected}");
        assert_eq!((answer.status, answer.header("location")), (303, expected.as_str()), "{query}: {}", answer.text());
    }
    let page = world.page("/swot/passes?place=places/all.aquitaine").await.text();
    assert!(page.contains("value=\"Aquitaine\"") && page.contains("planned_052_"), "{page}");
    let both = world.get("/swot/passes?place=gauges.garonne-2,places/all.aquitaine&limit=100").await.json();
    let one = world.get("/swot/passes?place=places/all.aquitaine&limit=100").await.json();
    assert!(both["numberMatched"].as_u64() >= one["numberMatched"].as_u64(), "{both}");
}

#[tokio::test]
async fn what_cannot_be_a_place_or_a_date_comes_back_in_the_form_with_what_is_wrong() {
    let world = world().await;
    for (query, field, word) in [
        ("where=atlantis", "where", "atlantis"),
        ("point=1,95", "where", "no position"),
        ("place=secret.hidden-1", "where", "value=\"secret.hidden-1\""),
        ("where=aquitaine&from=yesterday", "from", "value=\"yesterday\""),
        ("where=aquitaine&from=2026-02-01&to=2026-01-01", "to", "ends before"),
        ("point=1,2&datetime=now", "from", "value=\"now\""),
    ] {
        let answer = world.page(&format!("/swot/passes?{query}")).await;
        let page = answer.text();
        assert_eq!(answer.status, 400, "{query}");
        let input = page.split("<input").find(|input| input.contains("aria-invalid=\"true\"")).unwrap_or_default();
        assert!(input.contains(&format!("id=\"{field}\"")) && input.contains("aria-describedby=\"refusal"), "{input}");
        assert!(page.contains("id=\"refusal\"") && page.contains(word), "{query}: {page}");
    }
    // Some gauges begin like this; each is offered.
    let near = world.page("/swot/passes?where=garonne+at&from=2026-07-01").await;
    assert_eq!(near.status, 400);
    assert!(near.text().contains("place=gauges.garonne-1&amp;datetime=2026-07-01"), "{}", near.text());
}

#[tokio::test]
async fn what_is_planned_stands_last_on_a_page_without_an_order_and_every_item_once() {
    let world = world().await;
    let mut path = "/search?limit=200".to_owned();
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page = world.page(&path).await.text();
        ids.extend(page.split("data-id=\"").skip(1).map(|part| part.split('"').next().unwrap().to_owned()));
        let next = page.split("rel=\"next\" href=\"/portal").nth(1).map(|part| part.split('"').next().unwrap());
        let Some(next) = next else { break };
        path = next.replace("&amp;", "&");
    }
    let matched = world.get("/search?limit=1").await.json()["numberMatched"].as_u64().unwrap();
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!((ids.len() as u64, distinct.len() as u64), (matched, matched));
    let first_planned = ids.iter().position(|id| id.starts_with("planned_")).unwrap();
    assert!(first_planned > 5 && ids[first_planned..].iter().all(|id| id.starts_with("planned_")));
    // The service's clock stands before both cycles: what comes first comes first.
    assert_eq!(ids[first_planned], "planned_052_001");
}

#[tokio::test]
async fn wrong_questions_are_told_what_is_allowed() {
    let world = world().await;
    for (query, parameter) in [
        ("", Value::Null),
        ("?point=1", json!("point")),
        ("?point=1,91", json!("point")),
        ("?point=1,2,3", json!("point")),
        ("?point=1,2&place=a.b", json!("place")),
        ("?place=nowhere.x", json!("place")),
        ("?place=secret.hidden-1", json!("place")),
        ("?bbox=1,2,3", json!("bbox")),
        ("?point=1,2&datetime=now", json!("datetime")),
        ("?point=1,2&q=x", json!("q")),
    ] {
        let answer = world.get(&format!("/swot/passes{query}")).await;
        assert_eq!((answer.status, &answer.json()["parameter"]), (400, &parameter), "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn without_the_collection_or_the_right_to_see_it_there_is_nothing() {
    let empty = World::new().await;
    assert_eq!(empty.get("/swot/passes?point=1,2").await.status, 404);
    let item = empty.get_with("/collections/gauges/items/garonne-2", &[("accept", "text/html")]).await;
    assert!(!item.text().contains("/swot/passes"));
    let mut writes = Writes::default();
    planned_passes_of(52..=52, &mut writes).unwrap();
    let hidden = json!({"id": COLLECTION, "description": "d", "nilometer:access": "hidden"});
    let hidden = Box::new(Collection::from_value(hidden).unwrap());
    writes.0.push(Write::PutCollection(hidden, Precondition::None));
    let world = World::with(writes.0).await;
    assert_eq!(world.get("/swot/passes?point=1.44,43.6").await.status, 404);
    let page = world.get_with("/swot/passes", &[("accept", "text/html")]).await;
    assert_eq!(page.status, 404);
    assert!(!world.get_with("/", &[("accept", "text/html")]).await.text().contains("/swot/passes"));
}
