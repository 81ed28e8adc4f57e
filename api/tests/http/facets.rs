//! Counts: every kind, in both forms, within what the caller may see.

use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::{Collection, Item};
use serde_json::{Value, json};

use crate::world::{BASE, World};

/// Lakes in a row: number, country, area, what is known of them.
fn lakes() -> Vec<Write> {
    let mut writes = Vec::new();
    let mut collection = |id: &str, access: &str| {
        let record =
            json!({"type": "Collection", "id": id, "description": id, "license": "other", "nilometer:access": access});
        writes.push(Write::PutCollection(Box::new(Collection::from_value(record).unwrap()), Precondition::None));
    };
    collection("ponds", "public");
    collection("hidden-ponds", "hidden");
    let countries = ["France", "France", "Spain", "Spain", "Spain", "Italy"];
    for (i, country) in countries.into_iter().enumerate() {
        let (west, size) = (i as f64 * 10.0, 1.0 + i as f64 * 3.0);
        let ring = json!([[west, 40.0], [west + size, 40.0], [west + size, 41.0], [west, 41.0], [west, 40.0]]);
        for collection in ["ponds", "hidden-ponds"] {
            let item = json!({
                "type": "Feature", "id": format!("p{i}"), "collection": collection,
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {
                    "datetime": format!("20{}-0{}-15T12:00:00Z", 20 + i, i + 1), "country": country,
                    "area_km2": 2.5 * i as f64, "uses": if i < 3 { json!(["bath", "fish"]) } else { json!(["fish"]) },
                    "surveyed": format!("202{}-02-01", i / 2),
                },
            });
            writes.push(Write::PutItem(Box::new(Item::from_value(&item, None).unwrap()), Precondition::None));
        }
    }
    writes
}

async fn world() -> World {
    World::with(lakes()).await
}

/// The one answer to a question by address; the same in a body gives the same.
async fn count(world: &World, query: &str, body: Value) -> Value {
    let by_get = world.ok(&format!("/collections/ponds/aggregate?{query}")).await.json();
    let by_post = world.ask("/collections/ponds/aggregate", &body).await.json();
    assert_eq!(by_get["aggregations"], by_post["aggregations"], "{query}");
    by_get["aggregations"][0].clone()
}

fn frequencies(aggregation: &Value) -> Vec<(String, u64)> {
    let key = |key: &Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    let buckets = aggregation["buckets"].as_array().unwrap_or_else(|| panic!("no buckets: {aggregation}"));
    buckets.iter().map(|bucket| (key(&bucket["key"]), bucket["frequency"].as_u64().unwrap())).collect()
}

fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect()
}

#[tokio::test]
async fn a_cut_list_says_how_many_items_and_buckets_are_left() {
    let world = world().await;
    let body = json!({"aggregations": ["country_frequency"], "country_frequency_limit": 1});
    let cut = count(&world, "aggregations=country_frequency&country_frequency_limit=1", body).await;
    assert_eq!(frequencies(&cut), pairs(&[("Spain", 3)]));
    assert_eq!((&cut["overflow"], &cut["buckets_left"]), (&json!(3), &json!(2)));
    // Items with several values are left only if none of these is listed.
    let body = json!({"aggregations": ["uses_frequency"], "uses_frequency_limit": 1});
    let cut = count(&world, "aggregations=uses_frequency&uses_frequency_limit=1", body).await;
    assert_eq!((frequencies(&cut), &cut["overflow"]), (pairs(&[("fish", 6)]), &json!(0)));
    assert_eq!(cut["buckets_left"], 1);
}

#[tokio::test]
async fn numbers_are_counted_by_steps_and_ranges_and_summed_up() {
    let world = world().await;
    let body = json!({"aggregations": ["area_km2_histogram"], "area_km2_histogram_interval": 5});
    let steps = count(&world, "aggregations=area_km2_histogram&area_km2_histogram_interval=5", body).await;
    assert_eq!(frequencies(&steps), pairs(&[("0", 2), ("5", 2), ("10", 2)]));
    assert_eq!((&steps["buckets"][1]["from"], &steps["buckets"][1]["to"]), (&json!(5), &json!(10)));
    assert_eq!((&steps["interval"], &steps["buckets"][0]["data_type"]), (&json!(5), &json!("numeric")));
    let body = json!({"aggregations": ["area_km2_histogram"], "area_km2_histogram_buckets": 2});
    let steps = count(&world, "aggregations=area_km2_histogram&area_km2_histogram_buckets=2", body).await;
    assert_eq!((frequencies(&steps), &steps["interval"]), (pairs(&[("0", 4), ("10", 2)]), &json!(10)));
    let body = json!({"aggregations": ["area_km2_ranges"], "area_km2_ranges_bounds": [{"to": 2.5}, {"from": 5, "to": 7.5}, {"from": 50}]});
    let ranges = count(&world, "aggregations=area_km2_ranges&area_km2_ranges_bounds=../2.5,5/7.5,50/..", body).await;
    assert_eq!(frequencies(&ranges), pairs(&[("*-2.5", 1), ("5-7.5", 1), ("50-*", 0)]));
    assert_eq!((&ranges["overflow"], &ranges["buckets"][2].get("to")), (&json!(4), &None));
    let made = count(&world, "aggregations=area_km2_ranges", json!({"aggregations": ["area_km2_ranges"]})).await;
    assert_eq!(frequencies(&made), pairs(&[("*-5", 2), ("5-10", 2), ("10-*", 2)]));
    let stats = count(&world, "aggregations=area_km2_stats", json!({"aggregations": ["area_km2_stats"]})).await;
    assert_eq!(stats["data_type"], "statistics");
    let value = &stats["value"];
    assert_eq!((&value["count"], &value["min"], &value["max"]), (&json!(6), &json!(0.0), &json!(12.5)));
    assert_eq!((&value["sum"], &value["avg"]), (&json!(37.5), &json!(6.25)));
    // Squares of 1.25, 3.75 and 6.25 on either side of the mean.
    assert_eq!(value["stddev"], json!((109.375f64 / 6.0).sqrt()));
    let distinct = count(&world, "aggregations=country_distinct", json!({"aggregations": ["country_distinct"]})).await;
    assert_eq!(distinct, json!({"name": "country_distinct", "data_type": "integer", "value": 3}));
}

#[tokio::test]
async fn dates_are_counted_by_the_calendar_step_asked_for() {
    let world = world().await;
    let body = json!({"aggregations": ["datetime_frequency"], "datetime_frequency_interval": "quarter"});
    let quarters = count(&world, "aggregations=datetime_frequency&datetime_frequency_interval=quarter", body).await;
    assert_eq!((quarters["buckets"].as_array().unwrap().len(), &quarters["interval"]), (6, &json!("quarter")));
    assert_eq!(quarters["buckets"][3]["key"], "2023-04-01T00:00:00Z");
    let body = json!({"aggregations": ["datetime_frequency"], "datetime_frequency_interval": "week"});
    let weeks = count(&world, "aggregations=datetime_frequency&datetime_frequency_interval=week", body).await;
    assert_eq!(weeks["buckets"][0]["key"], "2020-01-13T00:00:00Z");
    let body = json!({"aggregations": ["surveyed_frequency"], "surveyed_frequency_interval": "year"});
    let years = count(&world, "aggregations=surveyed_frequency&surveyed_frequency_interval=year", body).await;
    assert_eq!(frequencies(&years)[2], ("2022-01-01T00:00:00Z".to_owned(), 2));
    assert_eq!(years["buckets"][0]["data_type"], "datetime");
}

#[tokio::test]
async fn a_cell_holds_the_items_that_a_search_with_its_box_finds() {
    let world = world().await;
    for (name, precision, cell, bbox) in [
        ("geometry_geotile_grid_frequency", 4, "4/9/6", "22.5,40.97989806962013,45,55.77657301866769"),
        ("geometry_geohash_grid_frequency", 2, "sr", "11.25,39.375,22.5,45"),
    ] {
        let query = format!("aggregations={name}&{name}_precision={precision}");
        let mut body = json!({"aggregations": [name]});
        body[format!("{name}_precision")] = precision.into();
        let cells = count(&world, &query, body).await;
        let found = world.ok(&format!("/search?collections=ponds&bbox={bbox}")).await.json()["numberMatched"].clone();
        let counted = frequencies(&cells).into_iter().find(|(key, _)| key == cell).map(|(_, count)| json!(count));
        assert_eq!(counted, Some(found), "{cell} of {cells}");
        // Shapes reach beyond the cell of their centroid.
        let centroids = name.replace("geometry", "centroid");
        let centroids = world.ok(&format!("/collections/ponds/aggregate?aggregations={centroids}")).await.json();
        assert_eq!(frequencies(&centroids["aggregations"][0]).iter().map(|(_, count)| count).sum::<u64>(), 6);
        assert!(frequencies(&cells).iter().map(|(_, count)| count).sum::<u64>() > 6);
    }
}

#[tokio::test]
async fn each_facet_is_counted_without_its_own_choice() {
    let world = world().await;
    let question = "filter=country%20=%20'France'%20AND%20area_km2%20%3C%2010&datetime=2020-01-01T00:00:00Z/2022-12-31T00:00:00Z\
                    &bbox=0,40,25,41";
    let names = "total_count,country_frequency,area_km2_stats,datetime_frequency,collection_frequency,\
                 centroid_geohex_grid_frequency";
    let options = "datetime_frequency_interval=year&centroid_geohex_grid_frequency_precision=0";
    let ask = async |base: &str, more: &str| {
        let path = format!("{base}/aggregate?aggregations={names}&{options}&{question}{more}");
        world.ok(&path).await.json()["aggregations"].as_array().unwrap().clone()
    };
    let narrow = ask("", "&collections=ponds").await;
    assert_eq!(narrow[0]["value"], 2);
    assert_eq!(frequencies(&narrow[1]), pairs(&[("France", 2)]));
    let wide = ask("", "&collections=ponds&multiselect=true").await;
    assert_eq!(wide[0]["value"], 2);
    assert_eq!(frequencies(&wide[1]), pairs(&[("France", 2), ("Spain", 1)]));
    assert_eq!(wide[2]["value"]["count"], 2);
    assert_eq!(frequencies(&wide[3]).len(), 2);
    assert_eq!(frequencies(&wide[4]), pairs(&[("ponds", 2)]));
    assert_eq!(wide[5]["overflow"], 0);
    // Under the address of a collection that one is no choice.
    assert_eq!(ask("/collections/ponds", "&multiselect=true").await, wide);
    let body = json!({"aggregations": ["country_frequency"], "multiselect": true, "collections": ["ponds"],
        "filter": {"op": "=", "args": [{"property": "country"}, "France"]}});
    let all = world.ask("/aggregate", &body).await.json()["aggregations"][0].clone();
    assert_eq!(frequencies(&all), pairs(&[("Spain", 3), ("France", 2), ("Italy", 1)]));
}

#[tokio::test]
async fn hidden_items_count_in_no_facet() {
    let world = world().await;
    let names = [
        "total_count",
        "collection_frequency",
        "country_frequency",
        "country_distinct",
        "area_km2_histogram",
        "area_km2_stats",
        "datetime_frequency",
        "geometry_geohash_grid_frequency",
    ];
    let question = "collections=ponds,hidden-ponds&filter=country%20=%20'Spain'";
    for name in names {
        for more in ["", "&multiselect=true"] {
            let path = |collections: &str| format!("/aggregate?aggregations={name}&{collections}{more}");
            let visitor = world.ok(&path(question)).await.json()["aggregations"].clone();
            let alone = world.ok(&path(&question.replace(",hidden-ponds", ""))).await.json()["aggregations"].clone();
            let operator = world.get_as_operator(&path(question)).await.json()["aggregations"].clone();
            let others = name == "collection_frequency" && !more.is_empty();
            assert!(others || visitor == alone, "{name}{more}: {visitor} and {alone}");
            assert!(!visitor.to_string().contains("hidden"), "{name}{more}: {visitor}");
            assert!(operator != visitor || name.ends_with("distinct"), "{name}{more}: {operator}");
        }
    }
    // An item that only a hidden collection has does not make its property known.
    let facets = world.ok("/aggregations").await.text();
    assert!(facets.contains("country_frequency") && !facets.contains("code_frequency"));
}

#[tokio::test]
async fn a_collection_declares_the_facets_that_fit_its_data() {
    let world = world().await;
    let answer = world.ok("/collections/ponds/aggregations").await.json();
    let all = answer["aggregations"].as_array().unwrap();
    let defaults: Vec<&str> =
        all.iter().filter(|a| a["default"] == true).map(|a| a["name"].as_str().unwrap()).collect();
    let expected = [
        "total_count",
        "datetime_frequency",
        "area_km2_histogram",
        "country_frequency",
        "surveyed_frequency",
        "uses_frequency",
    ];
    assert_eq!(defaults, expected);
    let suggested = |aggregation: &str, option: &str| {
        let aggregation = all.iter().find(|a| a["name"] == aggregation).unwrap();
        let options = aggregation["options"].as_array().unwrap();
        options.iter().find(|o| o["name"] == option).unwrap()["suggested"].clone()
    };
    assert_eq!(suggested("area_km2_histogram", "area_km2_histogram_interval"), 1);
    assert_eq!(suggested("datetime_frequency", "datetime_frequency_interval"), "month");
    let link = answer["links"].as_array().unwrap().iter().find(|l| l["rel"] == "aggregate").unwrap();
    let href = link["href"].as_str().unwrap();
    let counted = world.ok(href.strip_prefix(BASE).unwrap()).await.json();
    assert_eq!(counted["aggregations"].as_array().unwrap().len(), expected.len());
    let french = world.ok("/collections/ponds/aggregations?lang=fr").await.text();
    assert!(french.contains("Décomptes par défaut"));
}

#[tokio::test]
async fn what_cannot_be_counted_is_refused_with_the_place_and_the_limit() {
    let world = world().await;
    for (path, code, parameter) in [
        ("/collections/ponds/aggregate?aggregations=depth_m_frequency", "unknown-property", "aggregations"),
        ("/aggregate?aggregations=datetime_stats", "invalid-parameter", "aggregations"),
        ("/aggregate?aggregations=a_histogram&a_histogram_interval=0", "invalid-parameter", "a_histogram_interval"),
        ("/aggregate?aggregations=a_ranges&a_ranges_bounds=0/5,4/9", "invalid-parameter", "a_ranges_bounds"),
        ("/aggregate?aggregations=a_frequency&a_frequency_limit=x", "invalid-parameter", "a_frequency_limit"),
        ("/aggregate?aggregations=a_frequency&b_frequency_limit=1", "unknown-parameter", "b_frequency_limit"),
        ("/aggregate?aggregations=total_count&multiselect=perhaps", "invalid-parameter", "multiselect"),
        (
            "/aggregate?aggregations=geometry_geotile_grid_frequency&geometry_geotile_grid_frequency_precision=20&collections=ponds",
            "too-many-buckets",
            "aggregations",
        ),
        (
            "/aggregate?aggregations=area_km2_histogram&area_km2_histogram_interval=1e-15&collections=ponds",
            "too-many-buckets",
            "aggregations",
        ),
    ] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{path}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["parameter"], parameter, "{path}");
        assert!(problem["allowed"].is_string(), "{path}: {problem}");
    }
    // At the root any property may be counted.
    let nothing =
        world.ok("/aggregate?aggregations=depth_m_frequency,depth_m_stats,depth_m_histogram,depth_m_ranges").await;
    let nothing = nothing.json()["aggregations"].clone();
    assert_eq!((&nothing[0]["buckets"], &nothing[1]["value"]["count"]), (&json!([]), &json!(0)));
    assert_eq!((&nothing[2]["buckets"], &nothing[3]["buckets"]), (&json!([]), &json!([])));
}
