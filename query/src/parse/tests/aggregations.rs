//! Requests for counts.

use nilometer_schemas::{AggregationKind, CalendarInterval, Dialect, GridKind};
use serde_json::{Value, json};

use super::super::{aggregations_available, aggregations_from_json, aggregations_from_query};
use super::{get, pairs};
use crate::Queryable;

fn aggregations(body: Value) -> Vec<AggregationKind> {
    let (_, list) = aggregations_from_json(&body, &[]).unwrap_or_else(|problem| panic!("{body}: {problem}"));
    list.into_iter().map(|aggregation| aggregation.kind).collect()
}

#[test]
fn aggregation_names_say_what_is_counted() {
    let terms = |property: &str| AggregationKind::Terms { property: property.into() };
    let grid = |grid, precision| AggregationKind::CentroidGrid { grid, precision };
    for (name, kind) in [
        ("total_count", AggregationKind::TotalCount),
        ("datetime_min", AggregationKind::DatetimeMin),
        ("datetime_max", AggregationKind::DatetimeMax),
        ("datetime_frequency", AggregationKind::DatetimeFrequency(CalendarInterval::Month)),
        ("collection_frequency", terms("collection")),
        ("platform_frequency", terms("platform")),
        ("cloud_cover_frequency", terms("cloud_cover")),
        ("eo:cloud_cover_frequency", terms("eo:cloud_cover")),
        ("properties.a.b_frequency", terms("a.b")),
        ("grid:code_frequency", terms("grid:code")),
        ("centroid_geohash_grid_frequency", grid(GridKind::Geohash, 3)),
        ("centroid_geotile_grid_frequency", grid(GridKind::Geotile, 5)),
        ("centroid_geohex_grid_frequency", grid(GridKind::Geohex, 3)),
        ("geometry_geohex_grid_frequency", AggregationKind::GeometryGeohex { resolution: 3 }),
    ] {
        assert_eq!(aggregations(json!({"aggregations": [name]})), std::slice::from_ref(&kind), "{name}");
        let (_, list) = aggregations_from_query(&pairs(&[("aggregations", name)]), Dialect::Stac, &[]).unwrap();
        assert_eq!((list[0].name.as_str(), &list[0].kind), (name, &kind));
    }
    for name in [
        "",
        "count",
        "_frequency",
        "geometry_frequency",
        "grid_geohex_frequency",
        "geometry_geohash_grid_frequency",
        "properties._frequency",
        "Total_Count",
    ] {
        let problem = aggregations_from_json(&json!({"aggregations": [name]}), &[]).expect_err(name);
        assert_eq!(problem.parameter.as_deref(), Some("aggregations"));
        assert!(problem.allowed.is_some_and(|allowed| allowed.contains("geometry_geohex_grid_frequency")));
    }
}

#[test]
fn aggregation_options_are_read_in_both_forms_and_kept() {
    let body = json!({
        "aggregations": ["datetime_frequency", "centroid_geohash_grid_frequency", "datetime_frequency"],
        "datetime_frequency_interval": "year", "centroid_geohash_grid_frequency_precision": 4,
        "geometry_geohex_grid_frequency_precision": 8, "bbox": [0, 0, 1, 1], "limit": 1,
    });
    let (request, list) = aggregations_from_json(&body, &[]).unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].kind, AggregationKind::DatetimeFrequency(CalendarInterval::Year));
    assert_eq!(list[1].kind, AggregationKind::CentroidGrid { grid: GridKind::Geohash, precision: 4 });
    assert!(request.search.bbox.is_some());
    let expected = r#"{"aggregations":["datetime_frequency","centroid_geohash_grid_frequency"],"bbox":[0,0,1,1],"centroid_geohash_grid_frequency_precision":4,"datetime_frequency_interval":"year","limit":1}"#;
    assert_eq!(request.canonical.to_string(), expected);
    let url = pairs(&[
        ("aggregations", "datetime_frequency,centroid_geohash_grid_frequency"),
        ("datetime_frequency_interval", "year"),
        ("centroid_geohash_grid_frequency_precision", "4"),
        ("bbox", "0,0,1,1"),
        ("limit", "1"),
        ("f", "json"),
    ]);
    assert_eq!(aggregations_from_query(&url, Dialect::Stac, &["f"]).unwrap(), (request, list));
}

#[test]
fn wrong_aggregation_requests_are_refused_by_name() {
    for (body, parameter) in [
        (json!({}), "aggregations"),
        (json!({"aggregations": []}), "aggregations"),
        (json!({"aggregations": "total_count"}), "aggregations"),
        (json!({"aggregations": [1]}), "aggregations"),
        (
            json!({"aggregations": ["total_count"], "datetime_frequency_interval": "week"}),
            "datetime_frequency_interval",
        ),
        (
            json!({"aggregations": ["total_count"], "centroid_geohash_grid_frequency_precision": 13}),
            "centroid_geohash_grid_frequency_precision",
        ),
        (
            json!({"aggregations": ["total_count"], "centroid_geohash_grid_frequency_precision": 0}),
            "centroid_geohash_grid_frequency_precision",
        ),
        (
            json!({"aggregations": ["total_count"], "centroid_geotile_grid_frequency_precision": 30}),
            "centroid_geotile_grid_frequency_precision",
        ),
        (
            json!({"aggregations": ["total_count"], "geometry_geohex_grid_frequency_precision": 9}),
            "geometry_geohex_grid_frequency_precision",
        ),
        (json!({"aggregations": ["total_count"], "platform_frequency_precision": 1}), "platform_frequency_precision"),
        (json!({"aggregations": ["total_count"], "limit": -1}), "limit"),
    ] {
        let problem = aggregations_from_json(&body, &[]).expect_err(&body.to_string());
        assert_eq!(problem.parameter.as_deref(), Some(parameter), "{body}: {problem}");
    }
    let query = |list: &[(&str, &str)]| aggregations_from_query(&pairs(list), Dialect::Stac, &[]).unwrap_err();
    assert_eq!(query(&[("aggregations", "")]).parameter.as_deref(), Some("aggregations"));
    let name = "centroid_geohash_grid_frequency_precision";
    assert_eq!(query(&[("aggregations", "total_count"), (name, "x")]).parameter.as_deref(), Some(name));
    assert_eq!(get(&[("aggregations", "total_count")]).unwrap_err().code, "unknown-parameter");
}

#[test]
fn available_aggregations_follow_the_properties_of_the_data() {
    let property = |name: &str, types: &[&'static str]| Queryable {
        name: name.into(),
        types: types.to_vec(),
        values: None,
        range: None,
    };
    let list = aggregations_available(&[
        property("platform", &["string"]),
        property("eo:cloud_cover", &["integer", "number"]),
        property("mixed", &["number", "string"]),
        property("flag", &["boolean"]),
        property("collection", &["string"]),
        property("datetime", &["string"]),
    ]);
    let found = |name: &str| {
        list.iter().find(|entry| entry.name == name).map(|e| (e.data_type, e.frequency_distribution_data_type))
    };
    assert_eq!(found("total_count"), Some(("integer", None)));
    assert_eq!(found("datetime_min"), Some(("datetime", None)));
    assert_eq!(found("datetime_frequency"), Some(("frequency_distribution", Some("datetime"))));
    assert_eq!(found("platform_frequency"), Some(("frequency_distribution", Some("string"))));
    assert_eq!(found("eo:cloud_cover_frequency"), Some(("frequency_distribution", Some("numeric"))));
    assert_eq!(found("mixed_frequency"), Some(("frequency_distribution", Some("string"))));
    assert_eq!(found("flag_frequency"), Some(("frequency_distribution", Some("boolean"))));
    assert_eq!(list.iter().filter(|entry| entry.name == "collection_frequency").count(), 1);
    assert_eq!(list.iter().filter(|entry| entry.name == "datetime_frequency").count(), 1);
    for entry in &list {
        let body = json!({"aggregations": [entry.name]});
        assert!(aggregations_from_json(&body, &[]).is_ok(), "{} is offered and refused", entry.name);
    }
    assert_eq!(serde_json::to_value(&list[0]).unwrap(), json!({"name": "total_count", "data_type": "integer"}));
}
