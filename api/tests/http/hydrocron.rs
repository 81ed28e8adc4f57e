//! Series of SWOT features in the dialect of Hydrocron.

use nilometer_indexer::source::{Key, ObservationBuilder};
use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::{Collection, Instant, Item, ParameterType};
use serde_json::{Value, json};

use crate::world::{Answer, World};

const REACH: &str =
    "feature=Reach&feature_id=18180900091&start_time=2024-01-12T00:00:00Z&end_time=2024-02-03T00:00:00Z";
const FIELDS: &str = "fields=reach_id,time_str,wse,pass_id,geometry";

async fn ask(world: &World, query: &str, accept: &str) -> Answer {
    let path = format!("/hydrocron/v1/timeseries?{query}");
    let headers = [("accept", accept)];
    world.get_with(&path, if accept.is_empty() { &[] } else { &headers }).await
}

async fn refused(world: &World, query: &str, accept: &str, status: u16, text: &str) {
    let answer = ask(world, query, accept).await;
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{query}");
    assert_eq!(answer.header("access-control-allow-origin"), "*", "{query}");
    assert_eq!(answer.json()["error"], format!("{status}: {text}"), "{query}");
}

#[tokio::test]
async fn refusals_have_the_texts_and_the_form_of_the_dialect() {
    let world = World::new().await;
    let check = async |query: &str, text: &str| refused(&world, query, "", 400, text).await;
    check("", "This required parameter is missing: 'feature'").await;
    check("feature=Reach", "This required parameter is missing: 'feature_id'").await;
    check(REACH, "This required parameter is missing: 'fields'").await;
    let river = format!("{REACH}&{FIELDS}&feature=River");
    check(&river, "feature parameter should be Reach, Node, or PriorLake, not: River").await;
    let letters = format!("{REACH}&{FIELDS}&feature_id=7122ff4");
    check(&letters, "feature_id cannot contain letters: 7122ff4").await;
    let format =
        "start_time and end_time parameters must conform to format: YYYY-MM-DDTHH:MM:SSZ or YYYY-MM-DDTHH:MM:SS-00:00";
    check(&format!("{REACH}&{FIELDS}&end_time=2024-02-03T00:00:00+00:00"), format).await;
    check(&format!("{REACH}&fields=nothing"), "fields parameter should contain valid SWOT fields").await;
    let other = format!("{REACH}&{FIELDS}&collection_name=SWOT_L2_HR_RiverSP_node_D");
    check(&other, "Sub-collection 'SWOT_L2_HR_RiverSP_node_D' is not valid for feature type 'Reach'.").await;
    let answer = world.get("/hydrocron/v1/timeseries").await;
    assert_eq!(answer.text(), "{\"error\" : \"400: This required parameter is missing: 'feature'\"}");
}

#[tokio::test]
async fn the_accept_header_decides_with_output_and_may_be_refused() {
    let world = World::new().await;
    let query = format!("{REACH}&{FIELDS}");
    refused(
        &world,
        &query,
        "application/xml",
        415,
        "Unsupported media type in Accept request header: application/xml. Hydrocron only supports the following media \
         types: ['application/json', 'text/csv', 'application/geo+json']",
    )
    .await;
    refused(
        &world,
        &format!("{query}&output=csv"),
        "text/csv",
        400,
        "Invalid combination of Accept header (text/csv) and output request parameter (csv). Remove output request \
         parameter when requesting application/geo+json or text/csv",
    )
    .await;
    // The header is looked at after the parameters, and before the collection.
    refused(&world, REACH, "application/xml", 400, "This required parameter is missing: 'fields'").await;
    let other = format!("{query}&collection_name=SWOT_L2_HR_RiverSP_node_D");
    assert_eq!(ask(&world, &other, "application/xml").await.status, 415);
}

#[tokio::test]
async fn without_data_the_text_is_one_and_the_reason_tells_more() {
    let world = World::new().await;
    let answer = ask(&world, &format!("{REACH}&{FIELDS}"), "").await;
    assert_eq!(answer.status, 400);
    let expected = json!({
        "error": "400: Results with the specified Feature ID 18180900091 were not found", "reason": "unknown-feature",
    });
    assert_eq!(answer.json(), expected);
    let lake = format!("{REACH}&fields=time_str&collection_name=SWOT_L2_HR_LakeSP_D");
    assert_eq!(ask(&world, &lake, "text/csv").await.json(), expected);
}

#[tokio::test]
async fn scripts_of_any_site_may_ask_and_a_monitor_is_answered() {
    let world = World::new().await;
    let options = world.body("OPTIONS", "/hydrocron/v1/timeseries", &[], String::new()).await;
    assert_eq!(options.status, 200);
    assert_eq!(options.header("access-control-allow-origin"), "*");
    assert_eq!(options.header("access-control-allow-methods"), "*");
    assert_eq!(
        options.header("access-control-allow-headers"),
        "Content-Type,X-Amz-Date,Authorization,X-Api-Key,x-hydrocron-key"
    );
    let refused = world.body("POST", "/hydrocron/v1/timeseries", &[], String::new()).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, "*"));
    let monitor = world.get_with("/hydrocron/v1/timeseries", &[("user-agent", "Elastic-Heartbeat/8")]).await;
    assert_eq!((monitor.status, monitor.text().as_str()), (200, "{}"));
}

/// One pass: time of the observation (empty if there is none), start of its range, number, version of processing.
type Pass<'a> = (&'a str, &'a str, i64, &'a str);

const PASSES: [Pass<'_>; 4] = [
    ("2024-01-12T11:52:38Z", "2024-01-12T11:40:00Z", 9, "PIC0"),
    ("2024-01-12T11:52:38Z", "2024-01-12T11:40:00Z", 9, "PGD0"),
    ("", "2024-01-21T07:38:51Z", 37, "PGD0"),
    ("2024-01-25T21:14:41Z", "2024-01-25T21:00:00Z", 112, "PGD0"),
];

fn instant(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn collection(id: &str, access: Option<&str>) -> Write {
    let mut value = json!({
        "id": id, "description": "d", "nilometer:observation_key": "pass",
        "nilometer:parameters": [{"name": "wse", "unit": "m"}, {"name": "area_total", "unit": "m2"}],
    });
    if let Some(access) = access {
        value["nilometer:access"] = access.into();
    }
    Write::PutCollection(Box::new(Collection::from_value(value).unwrap()), Precondition::None)
}

fn reach(collection: &str, id: &str) -> Write {
    let item = json!({
        "type": "Feature", "id": id, "collection": collection,
        "geometry": {"type": "LineString", "coordinates": [[46.5, -18.25], [47, -18]]},
        "properties": {"datetime": "2024-01-12T11:52:38Z"},
    });
    Write::PutItem(Box::new(Item::from_value(&item, None).unwrap()), Precondition::None)
}

fn observations(collection: &str, passes: &[Pass<'_>]) -> Write {
    let parameters = [
        ("time_str", ParameterType::Text),
        ("wse", ParameterType::Number),
        ("area_total", ParameterType::Number),
        ("pass_id", ParameterType::Integer),
        ("range_start_time", ParameterType::Text),
        ("crid", ParameterType::Text),
    ];
    let parameters = parameters.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    let mut builder = ObservationBuilder::new(collection, "granule", parameters).unwrap();
    for (time, start, pass, crid) in passes {
        builder.row(Key {
            feature: "18180900091",
            time: instant(if time.is_empty() { start } else { time }),
            discriminator: &format!("009_{pass:03}"),
            version: &format!("{crid}_01"),
            version_order: i32::from(*crid == "PGD0"),
        });
        if !time.is_empty() {
            builder.text(0, time);
            builder.number(1, 1000.0 + *pass as f64 / 4.0);
        }
        builder.integer(3, *pass);
        builder.text(4, start);
        builder.text(5, crid);
    }
    Write::PutObservations(Box::new(builder.take()))
}

async fn world_with_data(access: Option<&str>) -> World {
    let id = "SWOT_L2_HR_RiverSP_reach_D";
    World::with(vec![
        collection(id, access),
        reach(id, "18180900091"),
        reach(id, "18180900101"),
        observations(id, &PASSES),
    ])
    .await
}

#[tokio::test]
async fn a_series_comes_in_every_form() {
    let world = world_with_data(None).await;
    let query = format!("{REACH}&{FIELDS}");
    let csv = "reach_id,time_str,wse,pass_id,geometry,wse_units\n\
        18180900091,2024-01-12T11:52:38Z,1002.25,009,\"LINESTRING (46.5 -18.25, 47 -18)\",m\n\
        18180900091,no_data,-999999999999.0,037,\"LINESTRING (46.5 -18.25, 47 -18)\",m\n\
        18180900091,2024-01-25T21:14:41Z,1028.0,112,\"LINESTRING (46.5 -18.25, 47 -18)\",m\n";
    let bare = ask(&world, &query, "text/csv").await;
    assert_eq!((bare.status, bare.header("content-type"), bare.text().as_str()), (200, "text/csv", csv));
    let wrapped = ask(&world, &format!("{query}&output=csv"), "").await.json();
    let expected = json!({"status": "200 OK", "time": 0.0, "hits": 3, "results": {"csv": csv, "geojson": {}}});
    assert_eq!(wrapped, expected);
    let features = ask(&world, &query, "application/json").await.json();
    assert_eq!((&features["hits"], &features["results"]["csv"]), (&json!(3), &json!("")));
    let geometry = json!({"type": "LineString", "coordinates": [[46.5, -18.25], [47, -18]]});
    assert_eq!(
        features["results"]["geojson"]["features"][1],
        json!({"id": "1", "type": "Feature", "geometry": geometry, "properties": {
            "reach_id": "18180900091", "time_str": "no_data", "wse": "-999999999999.0", "pass_id": "037", "wse_units": "m",
        }})
    );
    let geojson = ask(&world, &format!("{query}&compact=false"), "application/geo+json").await;
    assert_eq!(geojson.header("content-type"), "application/geo+json");
    assert_eq!(geojson.json(), features["results"]["geojson"]);
    let compact = ask(&world, &query, "application/geo+json").await.json();
    assert_eq!(compact["features"][0]["properties"]["wse"], json!(["1002.25", "-999999999999.0", "1028.0"]));
    assert_eq!(compact["features"].as_array().map(Vec::len), Some(1));
    let file = ask(&world, &format!("{query}&output=csv&filename=reach.csv"), "").await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"reach.csv\"");
    assert_eq!(file.text(), csv);
}

#[tokio::test]
async fn the_period_is_that_of_the_range_and_offsets_are_turned_into_utc() {
    let world = world_with_data(None).await;
    let passes = async |start: &str, end: &str| {
        let query = format!("{REACH}&fields=pass_id&start_time={start}&end_time={end}");
        let answer = ask(&world, &query, "application/geo+json").await;
        match answer.json()["features"][0]["properties"]["pass_id"].clone() {
            Value::Null => answer.json()["reason"].clone(),
            passes => passes,
        }
    };
    assert_eq!(passes("2024-01-12T11:40:00Z", "2024-01-21T07:38:51Z").await, json!(["009"]));
    assert_eq!(passes("2024-01-12T13:40:00%2b02:00", "2024-01-21T09:38:52%2b0200").await, json!(["009", "037"]));
    assert_eq!(passes("2024-01-12T11:40:01Z", "2024-01-21T07:38:51Z").await, json!("no-data-in-period"));
    assert_eq!(passes("2024-01-12T11:40:00Z", "2024-01-12T11:40:00Z").await, json!("no-data-in-period"));
    let other = ask(&world, &format!("{REACH}&{FIELDS}&feature_id=18180900101"), "").await.json();
    assert_eq!(other["reason"], "no-data-in-period");
    let unknown = ask(&world, &format!("{REACH}&{FIELDS}&feature_id=99999999999"), "").await.json();
    assert_eq!(unknown["reason"], "unknown-feature");
}

#[tokio::test]
async fn an_older_version_of_processing_is_answered_on_request() {
    let world = world_with_data(None).await;
    let query = format!("{REACH}&fields=time_str,crid");
    let csv = ask(&world, &format!("{query}&crid=PIC0"), "text/csv").await.text();
    assert_eq!(csv, "time_str,crid\n2024-01-12T11:52:38Z,PIC0\n");
    let newest = ask(&world, &query, "text/csv").await.text();
    assert_eq!(newest.matches("PGD0").count(), 3, "{newest}");
    assert_eq!(ask(&world, &format!("{query}&crid=PXX0"), "").await.status, 400);
}

#[tokio::test]
async fn many_features_are_asked_for_at_once() {
    let world = world_with_data(None).await;
    let ask = async |which: &str, start: &str| {
        let period = format!("start_time={start}&end_time=2024-02-03T00:00:00Z");
        world.get(&format!("/hydrocron/v1/timeseries?feature=Reach&{period}&{FIELDS}&{which}")).await
    };
    for which in ["bbox=46,-19,48,-17", "ids=18180900091,18180900101"] {
        assert_eq!(ask(which, "2024-01-12T00:00:00Z").await.json()["hits"], 3, "{which}");
        assert_eq!(ask(which, "2024-01-31T00:00:00Z").await.json()["reason"], "no-data-in-period", "{which}");
    }
    let elsewhere = ask("bbox=0,0,1,1", "2024-01-12T00:00:00Z").await;
    assert_eq!((elsewhere.status, &elsewhere.json()["reason"]), (400, &json!("unknown-feature")));
}

#[tokio::test]
async fn a_hidden_collection_is_one_without_data() {
    let world = world_with_data(Some("hidden")).await;
    let path = format!("/hydrocron/v1/timeseries?{REACH}&{FIELDS}");
    let visitor = world.get(&path).await;
    assert_eq!((visitor.status, &visitor.json()["reason"]), (400, &json!("unknown-feature")));
    let operator = world.get_as_operator(&path).await;
    assert_eq!((operator.status, operator.header("cache-control")), (200, "private, no-cache"));
}
