//! What the service tells of its own work.

use serde_json::json;

use crate::world::World;

/// The value of a metric by its whole name, labels included.
async fn value(world: &World, name: &str) -> f64 {
    let text = world.ok("/metrics").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().unwrap())
}

#[tokio::test]
async fn every_way_to_search_is_counted_once_under_its_shape() {
    let world = World::new().await;
    let saved = world.ask("/searches", &json!({"ids": ["nile-1"]})).await.json()["id"].as_str().unwrap().to_owned();
    for (path, shape, hits) in [
        ("/search", "bbox", Some(6.0)),
        ("/search?q=garonne", "text", Some(2.0)),
        ("/search?f=html&ids=nile-1", "id", Some(1.0)),
        ("/collections/gauges/items?filter=river%20=%20'Nile'", "cql2", Some(1.0)),
        (&format!("/searches/{saved}/items"), "id", Some(1.0)),
        ("/aggregate?aggregations=total_count", "facet", None),
    ] {
        let name = format!("nilometer_search_duration_seconds_count{{shape=\"{shape}\"}}");
        let before = (value(&world, &name).await, value(&world, "nilometer_search_hits_sum").await);
        world.ok(path).await;
        assert_eq!(value(&world, &name).await - before.0, 1.0, "{path}");
        assert_eq!(value(&world, "nilometer_search_hits_sum").await - before.1, hits.unwrap_or(0.0), "{path}");
    }
    world.ask("/search", &json!({"intersects": {"type": "Point", "coordinates": [31.2, 30.0]}})).await;
    assert_eq!(value(&world, "nilometer_search_duration_seconds_count{shape=\"polygon\"}").await, 1.0);
}

#[tokio::test]
async fn a_group_of_writes_is_one_fsync_and_one_commit() {
    let world = World::new().await;
    for name in ["nilometer_fsync_duration_seconds_count", "nilometer_index_commit_duration_seconds_count"] {
        assert_eq!(value(&world, name).await, 1.0, "{name}");
    }
    let records = value(&world, "nilometer_index_commit_records_sum").await;
    assert_eq!(records, 11.0, "four collections and seven items");
}
