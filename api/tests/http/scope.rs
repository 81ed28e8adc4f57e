//! What is hidden does not exist for visitors.

use serde_json::json;

use crate::world::World;

/// Texts that only the hidden collection holds.
const TRACES: [&str; 5] = ["secret", "hidden-1", "Confidential", "X-77", "Unpublished"];

#[tokio::test]
async fn nothing_hidden_appears_in_any_answer_to_a_visitor() {
    let world = World::new().await;
    let paths = [
        "/",
        "/api",
        "/api.html",
        "/collections",
        "/collections?q=survey",
        "/search?limit=100",
        "/search?q=borehole",
        "/search?collections=secret",
        "/search?ids=hidden-1",
        "/search?bbox=-1,43,1,45",
        "/search?filter=code%20=%20'X-77'",
        "/queryables",
        "/sortables",
        "/aggregations",
        "/changes",
        "/changes/snapshot",
        "/aggregate?aggregations=total_count,collection_frequency,code_frequency,datetime_max,datetime_frequency",
        "/aggregate?aggregations=code_frequency,code_distinct,collection_frequency,geometry_geohash_grid_frequency&multiselect=true",
    ];
    for path in paths {
        for accept in ["application/json", "text/html"] {
            let answer = world.get_with(path, &[("accept", accept)]).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let text = answer.text();
            // The question itself may be repeated; the answer may not go beyond it.
            for trace in TRACES.iter().filter(|t| !path.contains(**t)) {
                assert!(!text.contains(trace), "{path} as {accept} shows {trace}");
            }
        }
    }
    assert_eq!(world.ok("/search?collections=secret").await.json()["numberMatched"], 0);
    assert_eq!(world.ok("/search").await.json()["numberMatched"], 6);
}

#[tokio::test]
async fn a_hidden_collection_is_absent_for_visitors_and_there_for_operators() {
    let world = World::new().await;
    for path in [
        "/collections/secret",
        "/collections/secret/items",
        "/collections/secret/items/hidden-1",
        "/collections/secret/queryables",
        "/collections/secret/sortables",
        "/collections/secret/schema",
        "/collections/secret/aggregations",
        "/collections/secret/aggregate?aggregations=total_count",
    ] {
        let hidden = world.get(path).await;
        let absent = world.get(&path.replace("secret", "nowhere")).await;
        assert_eq!((hidden.status, absent.status), (404, 404), "{path}");
        assert_eq!(
            hidden.json()["detail"].to_string().replace("secret", "nowhere"),
            absent.json()["detail"].to_string()
        );
        assert_eq!(world.get_as_operator(path).await.status, 200, "{path}");
    }
    assert_eq!(world.get_as_operator("/search").await.json()["numberMatched"], 7);
}

#[tokio::test]
async fn a_question_that_refers_to_a_hidden_place_is_as_one_that_refers_to_none() {
    let world = World::new().await;
    let ask = async |reference: &str| {
        let answer = world.ask("/search", &json!({"intersectsRefs": [reference]})).await;
        (answer.status, answer.text().replace(reference, "REFERENCE"))
    };
    let (hidden, absent) = (ask("secret.hidden-1").await, ask("nowhere.hidden-1").await);
    assert_eq!(hidden.0, absent.0);
}
