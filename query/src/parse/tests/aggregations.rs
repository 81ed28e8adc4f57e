//! Requests for counts.

use nilometer_schemas::{
    Aggregation, AggregationKind, CalendarInterval, Dialect, GridKind, HistogramStep, NumberRange,
};
use serde_json::{Value, json};

use super::super::{Extent, aggregations_from_json, aggregations_from_query, available, default_question};
use super::{get, pairs};
use crate::{PropertyFacts, Queryable};

fn asked(body: &Value) -> Vec<Aggregation> {
    aggregations_from_json(body, &[]).unwrap_or_else(|problem| panic!("{body}: {problem}")).aggregations
}

fn aggregations(body: Value) -> Vec<AggregationKind> {
    asked(&body).into_iter().map(|aggregation| aggregation.kind).collect()
}

fn dates(property: &str, interval: CalendarInterval) -> AggregationKind {
    AggregationKind::Dates { property: property.into(), interval }
}

#[test]
fn aggregation_names_say_what_is_counted() {
    let terms = |property: &str| AggregationKind::Terms { property: property.into() };
    let grid = |grid, precision| AggregationKind::CentroidGrid { grid, precision };
    let touched = |grid, precision| AggregationKind::GeometryGrid { grid, precision };
    for (name, kind) in [
        ("total_count", AggregationKind::TotalCount),
        ("datetime_min", AggregationKind::DatetimeMin),
        ("datetime_max", AggregationKind::DatetimeMax),
        ("datetime_frequency", dates("datetime", CalendarInterval::Month)),
        ("ingested_frequency", dates("ingested", CalendarInterval::Month)),
        ("width_m_stats", AggregationKind::Statistics { property: "width_m".into() }),
        ("properties.width_m_distinct", AggregationKind::Distinct { property: "width_m".into() }),
        ("id_distinct", AggregationKind::Distinct { property: "id".into() }),
        ("width_m_ranges", AggregationKind::Ranges { property: "width_m".into(), ranges: None }),
        (
            "width_m_histogram",
            AggregationKind::Histogram { property: "width_m".into(), step: HistogramStep::Buckets(20) },
        ),
        ("collection_frequency", terms("collection")),
        ("platform_frequency", terms("platform")),
        ("cloud_cover_frequency", terms("cloud_cover")),
        ("eo:cloud_cover_frequency", terms("eo:cloud_cover")),
        ("properties.a.b_frequency", terms("a.b")),
        ("grid:code_frequency", terms("grid:code")),
        ("centroid_geohash_grid_frequency", grid(GridKind::Geohash, 3)),
        ("centroid_geotile_grid_frequency", grid(GridKind::Geotile, 5)),
        ("centroid_geohex_grid_frequency", grid(GridKind::Geohex, 3)),
        ("geometry_geohash_grid_frequency", touched(GridKind::Geohash, 3)),
        ("geometry_geotile_grid_frequency", touched(GridKind::Geotile, 5)),
        ("geometry_geohex_grid_frequency", touched(GridKind::Geohex, 3)),
    ] {
        assert_eq!(aggregations(json!({"aggregations": [name]})), std::slice::from_ref(&kind), "{name}");
        let list = aggregations_from_query(&pairs(&[("aggregations", name)]), Dialect::Stac, &[]).unwrap().aggregations;
        assert_eq!((list[0].name.as_str(), &list[0].kind), (name, &kind));
    }
    for name in [
        "",
        "count",
        "_frequency",
        "geometry_frequency",
        "grid_geohex_frequency",
        "grid_geotile_frequency",
        "properties._frequency",
        "_histogram",
        "geometry_distinct",
        "datetime_stats",
        "ingested_histogram",
        "end_datetime_ranges",
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
    let read = aggregations_from_json(&body, &[]).unwrap();
    let (request, list) = (&read.request, &read.aggregations);
    assert_eq!((list.len(), read.multiselect), (2, false));
    assert_eq!(list[0].kind, dates("datetime", CalendarInterval::Year));
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
    assert_eq!(aggregations_from_query(&url, Dialect::Stac, &["f"]).unwrap(), read);
}

#[test]
fn options_of_properties_are_read_in_both_forms_and_kept() {
    let url = pairs(&[
        ("aggregations", "river_frequency,width_m_histogram,depth_m_histogram,width_m_ranges,opened_frequency"),
        ("river_frequency_limit", "5"),
        ("width_m_histogram_interval", "2.50"),
        ("depth_m_histogram_buckets", "7"),
        ("width_m_ranges_bounds", "../-5, 5/10.0,20/"),
        ("opened_frequency_interval", "quarter"),
        ("multiselect", "true"),
    ]);
    let read = aggregations_from_query(&url, Dialect::Stac, &[]).unwrap();
    assert!(read.multiselect);
    let range = |from, to| NumberRange { from, to };
    let expected = [
        (AggregationKind::Terms { property: "river".into() }, Some(5)),
        (AggregationKind::Histogram { property: "width_m".into(), step: HistogramStep::Interval(2.5) }, None),
        (AggregationKind::Histogram { property: "depth_m".into(), step: HistogramStep::Buckets(7) }, None),
        (
            AggregationKind::Ranges {
                property: "width_m".into(),
                ranges: Some(vec![range(None, Some(-5.0)), range(Some(5.0), Some(10.0)), range(Some(20.0), None)]),
            },
            None,
        ),
        (dates("opened", CalendarInterval::Quarter), None),
    ];
    let got: Vec<_> = read.aggregations.iter().map(|a| (a.kind.clone(), a.limit)).collect();
    assert_eq!(got, expected);
    let body = json!({
        "aggregations": ["river_frequency", "width_m_histogram", "depth_m_histogram", "width_m_ranges", "opened_frequency"],
        "river_frequency_limit": 5, "width_m_histogram_interval": 2.5, "depth_m_histogram_buckets": 7,
        "width_m_ranges_bounds": [{"to": -5}, {"from": 5, "to": 10}, "20/.."], "opened_frequency_interval": "quarter",
        "multiselect": true,
    });
    assert_eq!(aggregations_from_json(&body, &[]).unwrap(), read);
    // What is kept is a body that says the same.
    assert_eq!(aggregations_from_json(&read.request.canonical, &[]).unwrap(), read);
}

#[test]
fn wrong_aggregation_requests_are_refused_by_name() {
    for (body, parameter) in [
        (json!({}), "aggregations"),
        (json!({"aggregations": []}), "aggregations"),
        (json!({"aggregations": "total_count"}), "aggregations"),
        (json!({"aggregations": [1]}), "aggregations"),
        (
            json!({"aggregations": ["total_count"], "datetime_frequency_interval": "weeks"}),
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
        (json!({"aggregations": ["total_count"], "multiselect": 1}), "multiselect"),
        (json!({"aggregations": ["a_frequency"], "a_frequency_limit": 0}), "a_frequency_limit"),
        (json!({"aggregations": ["a_frequency"], "a_frequency_limit": 100_001}), "a_frequency_limit"),
        (json!({"aggregations": ["a_frequency"], "a_frequency_limit": 1.5}), "a_frequency_limit"),
        (json!({"aggregations": ["a_frequency"], "b_frequency_limit": 1}), "b_frequency_limit"),
        (json!({"aggregations": ["a_stats"], "a_stats_limit": 1}), "a_stats_limit"),
        (json!({"aggregations": ["a_frequency"], "a_frequency_interval": 5}), "a_frequency_interval"),
        (json!({"aggregations": ["a_histogram"], "a_histogram_interval": 0}), "a_histogram_interval"),
        (json!({"aggregations": ["a_histogram"], "a_histogram_interval": -1}), "a_histogram_interval"),
        (json!({"aggregations": ["a_histogram"], "a_histogram_interval": 1e16}), "a_histogram_interval"),
        (json!({"aggregations": ["a_histogram"], "a_histogram_interval": "NaN"}), "a_histogram_interval"),
        (
            json!({"aggregations": ["a_histogram"], "a_histogram_interval": 1, "a_histogram_buckets": 5}),
            "a_histogram_interval",
        ),
        (json!({"aggregations": ["a_histogram"], "a_histogram_buckets": 1}), "a_histogram_buckets"),
        (json!({"aggregations": ["a_histogram"], "a_histogram_buckets": 1_001}), "a_histogram_buckets"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": []}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": ["5"]}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": ["../.."]}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": ["5/5"]}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": ["1/inf"]}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": [{"from": 1, "until": 2}]}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": ["5/..", "0/6"]}), "a_ranges_bounds"),
        (json!({"aggregations": ["a_ranges"], "a_ranges_bounds": vec!["1/2"; 101]}), "a_ranges_bounds"),
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
        values: (types == ["string"]).then(Vec::new),
        range: Some((0.0, 100.0)),
        facts: PropertyFacts { items: 90, values: 90, distinct: 20, times: None },
    };
    let properties = [
        property("platform", &["string"]),
        property("eo:cloud_cover", &["number"]),
        property("mixed", &["number", "string"]),
        property("flag", &["boolean"]),
        property("collection", &["string"]),
        property("datetime", &["string"]),
    ];
    let moment = |year| nilometer_schemas::Instant::from_date(year, 1, 1).unwrap();
    let extent = Extent { items: 100, period: Some((moment(2000), moment(2020))), across_collections: false };
    let list = available(&properties, &extent);
    let found = |name: &str| {
        list.iter().find(|entry| entry.name == name).map(|e| (e.data_type, e.frequency_distribution_data_type))
    };
    assert_eq!(found("total_count"), Some(("integer", None)));
    assert_eq!(found("datetime_min"), Some(("datetime", None)));
    assert_eq!(found("datetime_frequency"), Some(("frequency_distribution", Some("datetime"))));
    assert_eq!(found("end_datetime_frequency"), Some(("frequency_distribution", Some("datetime"))));
    assert_eq!(found("platform_frequency"), Some(("frequency_distribution", Some("string"))));
    assert_eq!(found("platform_histogram"), None);
    assert_eq!(found("platform_distinct"), Some(("integer", None)));
    assert_eq!(found("eo:cloud_cover_frequency"), Some(("frequency_distribution", Some("numeric"))));
    assert_eq!(found("eo:cloud_cover_histogram"), Some(("frequency_distribution", Some("numeric"))));
    assert_eq!(found("eo:cloud_cover_stats"), Some(("statistics", None)));
    assert_eq!(found("mixed_frequency"), Some(("frequency_distribution", Some("string"))));
    assert_eq!(found("flag_frequency"), Some(("frequency_distribution", Some("boolean"))));
    for (at, entry) in list.iter().enumerate() {
        assert!(list[..at].iter().all(|earlier| earlier.name != entry.name), "{} twice", entry.name);
        // What is offered is taken, with each of its options.
        let mut body = json!({"aggregations": [entry.name]});
        assert!(aggregations_from_json(&body, &[]).is_ok(), "{} is offered and refused", entry.name);
        for option in &entry.options {
            let first = || option.values.as_ref().map(|values| json!(values[0]));
            let value = first().unwrap_or_else(|| if option.kind == "array" { json!(["../5"]) } else { json!(2) });
            body[&option.name] = option.default.clone().unwrap_or(value);
            assert!(aggregations_from_json(&body, &[]).is_ok(), "{} is offered and refused", option.name);
            body[&option.name] = Value::Null;
        }
    }
    let question = json!({
        "aggregations": ["total_count", "datetime_frequency", "platform_frequency", "eo:cloud_cover_histogram",
                         "flag_frequency"],
        "datetime_frequency_interval": "quarter", "eo:cloud_cover_histogram_interval": 10,
    });
    assert_eq!(Value::Object(default_question(&list)), question);
    assert_eq!(asked(&question).len(), 5);
    let anywhere = available(&[], &Extent { across_collections: true, ..Extent::default() });
    assert_eq!(default_question(&anywhere)["aggregations"], json!(["total_count", "collection_frequency"]));
    assert_eq!(
        serde_json::to_value(&list[0]).unwrap(),
        json!({"name": "total_count", "data_type": "integer", "default": true})
    );
}
