//! Answers from rows made by hand.

use arrow::array::RecordBatch;
use nilometer_indexer::source::{Key, ObservationBuilder};
use nilometer_query::series::Series;
use nilometer_schemas::{Instant, ParameterType};
use serde_json::json;

use super::accept::Form;
use super::*;

const COLUMNS: [(&str, ParameterType); 9] = [
    ("time_str", ParameterType::Text),
    ("wse", ParameterType::Number),
    ("reach_q", ParameterType::Integer),
    ("rch_id_up", ParameterType::Text),
    ("pass_id", ParameterType::Integer),
    (RANGE_START, ParameterType::Text),
    (CRID, ParameterType::Text),
    ("centroid_lon", ParameterType::Number),
    ("centroid_lat", ParameterType::Number),
];

fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a moment")
}

/// One row: time of the observation (empty if there is none), start of the range, pass, version of processing.
type Pass<'a> = (&'a str, &'a str, i64, &'a str);

fn batch(passes: &[Pass<'_>]) -> RecordBatch {
    let parameters = COLUMNS.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    let mut builder = ObservationBuilder::new("c", "granule", parameters).expect("a builder");
    for (time, start, pass, crid) in passes {
        let when = if time.is_empty() { start } else { time };
        let discriminator = format!("007_{pass:03}");
        let (version, version_order) = (format!("{crid}_01"), i32::from(crid.starts_with("PG")));
        builder.row(Key {
            feature: "18180900091",
            time: at(when),
            discriminator: &discriminator,
            version: &version,
            version_order,
        });
        if !time.is_empty() {
            builder.text(0, time);
            builder.number(1, 1000.0 + *pass as f64 / 4.0);
            builder.integer(2, 1);
            builder.text(3, "71224301436, no_data");
            builder.number(7, -63.611_511_4);
            builder.number(8, 51.0);
        }
        builder.integer(4, *pass);
        builder.text(5, start);
        builder.text(6, crid);
    }
    builder.take().rows
}

const PASSES: [Pass<'_>; 3] = [
    ("2024-01-12T11:52:38Z", "2024-01-12T11:40:00Z", 9, "PGD0"),
    ("", "2024-01-21T07:38:51Z", 37, "PGD0"),
    ("2024-01-25T21:14:41Z", "2024-01-25T21:00:00Z", 112, "PGD0"),
];

fn rows(batches: Vec<RecordBatch>, start: &str, end: &str, crid: Option<&str>) -> Rows {
    let schema = batches[0].schema();
    let batches = Box::pin(stream::iter(batches.into_iter().map(Ok)));
    let series = Series { schema, columns: Vec::new(), batches };
    Rows::of(series, (at(start), at(end)), crid.map(str::to_owned)).expect("rows")
}

/// The answer with the rows of [`PASSES`].
async fn written(feature: Feature, form: Form, wrapped: bool, fields: &[&str], item: Option<Value>) -> String {
    let batch = batch(&PASSES);
    let fields: Vec<String> = fields.iter().map(|f| (*f).to_owned()).collect();
    let mut wse = Parameter::undeclared("wse", ParameterType::Number);
    wse.unit = Some("m".into());
    let columns = columns(&fields, feature, &batch.schema(), &[wse]);
    let items = item.into_iter().map(|item| ("18180900091".to_owned(), item)).collect();
    let shapes = Shapes::of(feature, &batch.schema(), items);
    let writer = Writer::new(form, wrapped, columns, shapes);
    let mut body = Vec::new();
    writer.head(3, 12.5, &mut body);
    let rows = rows(vec![batch], "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", None);
    let body = if writer.is_compact() {
        whole(rows, writer, body).await.expect("an answer")
    } else {
        streamed(rows, writer, body)
    };
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn line() -> Option<Value> {
    Some(json!({"type": "LineString", "coordinates": [[46.5, -18.25], [47, -18]]}))
}

#[tokio::test]
async fn delimited_text_has_units_after_all_columns_and_quotes_where_needed() {
    let fields = ["reach_id", "wse", "time_str", "reach_q", "rch_id_up", "pass_id", "slope", "geometry"];
    let expected = "reach_id,wse,time_str,reach_q,rch_id_up,pass_id,slope,geometry,wse_units\n\
        18180900091,1002.25,2024-01-12T11:52:38Z,1,\"71224301436, no_data\",009,-999999999999.0,\"LINESTRING (46.5 -18.25, 47 -18)\",m\n\
        18180900091,-999999999999.0,no_data,-999,no_data,037,-999999999999.0,\"LINESTRING (46.5 -18.25, 47 -18)\",m\n\
        18180900091,1028.0,2024-01-25T21:14:41Z,1,\"71224301436, no_data\",112,-999999999999.0,\"LINESTRING (46.5 -18.25, 47 -18)\",m\n";
    assert_eq!(written(Feature::Reach, Form::Csv, false, &fields, line()).await, expected);
    let wrapped = written(Feature::Reach, Form::Csv, true, &fields, line()).await;
    assert!(
        wrapped.starts_with("{\"status\":\"200 OK\",\"time\":12.5,\"hits\":3,\"results\":{\"csv\":\"reach_id,"),
        "{wrapped}"
    );
    let wrapped: Value = serde_json::from_str(&wrapped).expect("JSON");
    assert_eq!((&wrapped["results"]["csv"], &wrapped["results"]["geojson"]), (&json!(expected), &json!({})));
}

#[tokio::test]
async fn features_are_numbered_and_hold_texts_only() {
    let text = written(Feature::Reach, Form::Features, true, &["wse", "geometry", "time_str"], line()).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&answer["hits"], &answer["results"]["csv"]), (&json!(3), &json!("")));
    let features = answer["results"]["geojson"]["features"].as_array().expect("features");
    assert_eq!(features.len(), 3);
    assert_eq!(
        features[1],
        json!({
            "id": "1", "type": "Feature",
            "properties": {"wse": "-999999999999.0", "time_str": "no_data", "wse_units": "m"},
            "geometry": line(),
        })
    );
    let bare = written(Feature::Reach, Form::Features, false, &["geometry"], None).await;
    let bare: Value = serde_json::from_str(&bare).expect("JSON");
    assert_eq!(bare["features"][2], json!({"id": "2", "type": "Feature", "properties": {}, "geometry": null}));
}

#[tokio::test]
async fn a_compact_answer_is_one_feature_with_arrays() {
    let expected = json!({"type": "FeatureCollection", "features": [{
        "id": "0", "type": "Feature",
        "properties": {"wse": ["1002.25", "-999999999999.0", "1028.0"], "pass_id": ["009", "037", "112"], "wse_units": ["m", "m", "m"]},
        "geometry": line(),
    }]});
    let bare = written(Feature::Reach, Form::Compact, false, &["wse", "pass_id"], line()).await;
    assert_eq!(serde_json::from_str::<Value>(&bare).expect("JSON"), expected);
    let wrapped = written(Feature::Reach, Form::Compact, true, &["wse", "pass_id"], line()).await;
    let wrapped: Value = serde_json::from_str(&wrapped).expect("JSON");
    assert_eq!((&wrapped["results"]["geojson"], &wrapped["results"]["csv"]), (&expected, &json!("")));
}

#[tokio::test]
async fn a_lake_is_where_the_pass_saw_its_middle_or_nowhere() {
    let outline = Some(json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}));
    let text = written(Feature::PriorLake, Form::Features, false, &["wse"], outline).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let point = json!({"type": "Point", "coordinates": [-63.611511, 51.0]});
    assert_eq!(answer["features"][0]["geometry"]["coordinates"][0], point["coordinates"][0]);
    assert_eq!(answer["features"][1]["geometry"], Value::Null);
    let csv = written(Feature::PriorLake, Form::Csv, false, &["lake_id", "geometry"], None).await;
    assert_eq!(
        csv,
        "lake_id,geometry\n18180900091,POINT (-63.611511 51)\n18180900091,\n18180900091,POINT (-63.611511 51)\n"
    );
}

async fn starts(mut rows: Rows) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(row) = rows.next().await.expect("a row") {
        let column = columns(&[RANGE_START.to_owned()], Feature::Reach, &row.batch.schema(), &[]).remove(0);
        out.push(column.text(&row).into_owned());
    }
    out
}

#[tokio::test]
async fn rows_are_those_whose_range_starts_in_the_period_and_its_end_is_none_of_it() {
    let all = || vec![batch(&PASSES[..1]), batch(&PASSES[1..])];
    let check = async |start: &str, end: &str, expected: std::ops::Range<usize>| {
        let expected: Vec<&str> = PASSES[expected].iter().map(|p| p.1).collect();
        assert_eq!(starts(rows(all(), start, end, None)).await, expected, "{start} {end}");
        assert_eq!(rows(all(), start, end, None).count().await, Ok(expected.len() as u64));
    };
    check("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", 0..3).await;
    // The observation lies in the period, its range begins before.
    check("2024-01-12T11:45:00Z", "2024-02-01T00:00:00Z", 1..3).await;
    check("2024-01-12T11:40:00Z", "2024-01-25T21:00:00Z", 0..2).await;
    check("2024-01-12T11:40:00Z", "2024-01-12T11:40:00Z", 0..0).await;
}

#[tokio::test]
async fn rows_come_by_the_start_of_their_range_whatever_the_time_of_observation() {
    let mixed = [
        ("2024-01-12T11:52:38Z", "2024-01-12T11:50:00Z", 1, "PGD0"),
        ("2024-01-12T12:20:00Z", "2024-01-12T11:40:00Z", 2, "PGD0"),
        ("2024-01-12T12:30:00Z", "2024-01-12T12:00:00Z", 3, "PGD0"),
    ];
    let batches = mixed.iter().map(|pass| batch(std::slice::from_ref(pass))).collect();
    let rows = rows(batches, "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", None);
    assert_eq!(starts(rows).await, ["2024-01-12T11:40:00Z", "2024-01-12T11:50:00Z", "2024-01-12T12:00:00Z"]);
}

#[tokio::test]
async fn rows_of_many_features_come_feature_by_feature() {
    let of = |feature: &str| {
        let mut builder = ObservationBuilder::new("c", "granule", Vec::new()).expect("a builder");
        for time in ["2024-01-12T11:52:38Z", "2024-01-12T12:00:00Z"] {
            builder.row(Key { feature, time: at(time), ..Key::default() });
        }
        builder.take().rows
    };
    let mut rows = rows(vec![of("1"), of("2")], "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", None);
    let mut ids = Vec::new();
    while let Some(row) = rows.next().await.expect("a row") {
        ids.extend(rows::cell(&row, Some(0)).map(str::to_owned));
    }
    assert_eq!(ids, ["1", "1", "2", "2"]);
}

#[tokio::test]
async fn one_row_of_a_pass_is_left_when_a_version_of_processing_is_named() {
    let versions = [
        ("2024-01-12T11:52:38Z", "2024-01-12T11:40:00Z", 1, "PIC0"),
        ("2024-01-12T11:52:39Z", "2024-01-12T11:40:01Z", 1, "PGD0"),
        ("2024-01-12T11:52:40Z", "2024-01-12T11:40:02Z", 1, "PGD0"),
    ];
    let of = async |crid: &str| {
        starts(rows(vec![batch(&versions)], "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", Some(crid))).await
    };
    assert_eq!(of("PIC0").await, ["2024-01-12T11:40:00Z"]);
    assert_eq!(of("PGD0").await, ["2024-01-12T11:40:02Z"]);
    assert!(of("PGD1").await.is_empty());
}

#[tokio::test]
async fn a_compact_answer_beyond_its_limit_is_refused_and_says_what_helps() {
    let batch = batch(&PASSES);
    let fields = vec!["rch_id_up".to_owned()];
    let written = columns(&fields, Feature::Reach, &batch.schema(), &[]);
    let mut writer = Writer::new(Form::Compact, false, written, Shapes::default());
    let row = columns::Row { batch: std::sync::Arc::new(batch), index: 0 };
    let cell = "\"71224301436, no_data\",".len();
    let enough = render::COMPACT_BYTES_MAX / cell;
    for _ in 0..enough {
        writer.row(&row, &mut Vec::new()).expect("within the limit");
    }
    let problem = writer.row(&row, &mut Vec::new()).expect_err("too large");
    assert!(problem.kind == Kind::TooLarge && problem.detail.contains("compact=false"));
}

#[test]
fn only_parameters_of_the_collection_are_asked_for() {
    let known: Vec<Parameter> =
        ["wse", "sos_consensus_q"].iter().map(|n| Parameter::undeclared(n, ParameterType::Number)).collect();
    let fields: Vec<String> = ["reach_id", "swot_discharge_reanalysis", "sos_consensus_q", "width", "wse", "geometry"]
        .iter()
        .map(|f| (*f).to_owned())
        .collect();
    assert_eq!(wanted(&fields, Feature::Reach, &known), ["sos_consensus_q", "wse"]);
}
