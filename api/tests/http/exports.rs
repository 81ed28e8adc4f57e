//! Whole results as files: every format holds what the pages hold, as of one moment, and nothing hidden.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::ipc::reader::StreamReader;
use bytes::Bytes;
use http_body_util::BodyExt;
use nilometer_indexer::{Precondition, Write};
use nilometer_schemas::Item;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::world::{BASE, World, bearer, encoded, gauge};

const FORMATS: [&str; 5] = ["geojson", "ndjson", "csv", "geoparquet", "arrow"];

fn put(item: &Value) -> Write {
    Write::PutItem(Box::new(Item::from_value(item, None).unwrap()), Precondition::None)
}

/// Many items of several kinds: values missing and of mixed types, nested ones, texts that need care, and places of all
/// kinds.
fn varied(count: usize) -> Vec<Value> {
    let one = |i: usize| {
        let mut item = gauge(
            &format!("v-{i:05}"),
            (i % 360) as f64 - 180.0,
            (i % 170) as f64 - 85.0,
            &format!("20{:02}-0{}-1{}", i % 24, 1 + i % 9, i % 10),
            if i.is_multiple_of(7) { "=Rio, \"Negro\"\n" } else { "Ob" },
        );
        let properties = &mut item["properties"];
        properties["width_m"] = json!(i as f64 / 7.0);
        properties["cycle"] = json!(i);
        properties["mixed"] = if i.is_multiple_of(2) { json!(i) } else { json!(format!("text {i}")) };
        properties["nested"] = json!({"list": [i, null], "text": "x"});
        properties["created"] = json!("2024-05-01T00:00:00.25Z");
        match i % 4 {
            0 => item["geometry"] = Value::Null,
            1 => {
                properties["rare"] = json!(true);
                item["geometry"] = json!({"type": "MultiPolygon", "coordinates":
                    [[[[179.0, 0.0], [180.0, 0.0], [180.0, 1.0], [179.0, 0.0]]], [[[-180.0, 0.0], [-179.0, 0.0], [-180.0, 1.0], [-180.0, 0.0]]]]});
                item["bbox"] = json!([179.0, 0.0, -179.0, 1.0]);
            }
            2 => {
                item["assets"] =
                    json!({"data": {"href": format!("https://d.example/{i}.nc"), "roles": ["data"], "file:size": i}})
            }
            _ => {}
        }
        item
    };
    (0..count).map(one).collect()
}

async fn world(count: usize) -> World {
    World::with(varied(count).iter().map(put).collect()).await
}

/// The items of a question, page by page.
async fn paged(world: &World, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = Some(format!("{path}limit=700"));
    while let Some(path) = next {
        let page = world.ok(&path).await;
        items.extend(page.json()["features"].as_array().unwrap().iter().cloned());
        next = page.link("next").map(|link| link["href"].as_str().unwrap().to_owned());
    }
    items
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn parquet(bytes: Vec<u8>) -> (RecordBatch, BTreeMap<String, Value>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let metadata =
        metadata.into_iter().filter_map(|pair| Some((pair.key, serde_json::from_str(&pair.value?).ok()?))).collect();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    (arrow::compute::concat_batches(&schema, &batches).unwrap(), metadata)
}

fn arrow_stream(bytes: &[u8]) -> RecordBatch {
    let reader = StreamReader::try_new(bytes, None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// Rows of CSV by their header.
fn csv(bytes: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::str::from_utf8(bytes).unwrap();
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    assert!(field.is_empty() && row.is_empty() && !quoted, "the last line is whole");
    let header = rows.remove(0);
    assert!(rows.iter().all(|row: &Vec<String>| row.len() == header.len()));
    (header, rows)
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap_or_else(|| panic!("no {column}")).as_string::<i32>();
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

fn ids(batch: &RecordBatch) -> Vec<String> {
    texts(batch, "id").into_iter().flatten().collect()
}

fn ids_of(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids of a download in any format.
fn ids_in(format: &str, body: Vec<u8>) -> Vec<String> {
    match format {
        "geojson" => ids_of(serde_json::from_slice::<Value>(&body).unwrap()["features"].as_array().unwrap()),
        "ndjson" => ids_of(&lines(&body)),
        "csv" => {
            let (header, rows) = csv(&body);
            let at = header.iter().position(|name| name == "id").unwrap();
            rows.into_iter().map(|row| row[at].clone()).collect()
        }
        "geoparquet" => ids(&parquet(body).0),
        _ => ids(&arrow_stream(&body)),
    }
}

/// Values of a batch as the JSON that they were.
fn check_columns(batch: &RecordBatch, items: &[Value]) {
    let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("no {name}"));
    for (at, item) in items.iter().enumerate() {
        let (properties, id) = (&item["properties"], &item["id"]);
        let float = column("width_m").as_primitive::<Float64Type>();
        assert_eq!(float.is_valid(at).then(|| float.value(at)), properties["width_m"].as_f64(), "{id}");
        let whole = column("cycle").as_primitive::<Int64Type>();
        assert_eq!(whole.is_valid(at).then(|| whole.value(at)), properties["cycle"].as_i64(), "{id}");
        let mixed = &texts(batch, "mixed")[at..=at];
        assert_eq!(mixed[0].as_deref(), properties.get("mixed").map(Value::to_string).as_deref(), "{id}");
        let created = column("created").as_primitive::<TimestampMicrosecondType>();
        assert_eq!(created.is_valid(at), properties.get("created").is_some(), "{id}");
        assert!(created.is_null(at) || created.value(at) == 1_714_521_600_250_000, "{id}");
        let geometry = column("geometry").as_binary::<i32>();
        assert_eq!(geometry.is_valid(at), !item["geometry"].is_null(), "{id}");
        let boxes = column("bbox").as_struct();
        assert_eq!(boxes.is_valid(at), item.get("bbox").is_some(), "{id}");
        if boxes.is_valid(at) {
            let of = |part: &str| boxes.column_by_name(part).unwrap().as_primitive::<Float64Type>().value(at);
            assert!(of("xmin") <= of("xmax") && of("ymin") <= of("ymax"), "{id}");
        }
    }
    assert_eq!(column("datetime").data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
}

#[tokio::test]
async fn every_format_holds_exactly_what_the_pages_hold_in_their_order() {
    let world = world(2_600).await;
    for question in [
        "",
        "sortby=-width_m&",
        "sortby=mixed,%2Bid&",
        "q=negro&",
        "filter=cycle%20%3C%201000%20AND%20width_m%20%3E%2010&",
        "bbox=170,-10,-170,10&",
    ] {
        let items = paged(&world, &format!("/search?{question}")).await;
        assert!(items.len() > 100, "{question}");
        for format in FORMATS {
            let answer = world.ok(&format!("/search/export?{question}f={format}")).await;
            assert_eq!(ids_in(format, answer.body), ids_of(&items), "{question} {format}");
        }
    }
}

#[tokio::test]
async fn lines_and_collections_hold_the_items_unchanged() {
    let world = world(900).await;
    let items = paged(&world, "/search?").await;
    assert_eq!(lines(&world.ok("/search/export?f=ndjson").await.body), items);
    let whole = world.ok("/search/export?f=geojson").await.json();
    assert_eq!(whole["features"], json!(items));
    assert_eq!((&whole["numberMatched"], &whole["numberReturned"]), (&json!(items.len()), &json!(items.len())));
    assert_eq!(whole["type"], "FeatureCollection");
}

#[tokio::test]
async fn tables_hold_the_values_with_their_types() {
    let world = world(2_600).await;
    let items = paged(&world, "/collections/gauges/items?").await;
    let (table, metadata) = parquet(world.ok("/collections/gauges/export?f=geoparquet").await.body);
    check_columns(&table, &items);
    let geo = &metadata["geo"];
    assert_eq!((&geo["version"], &geo["primary_column"]), (&json!("1.1.0"), &json!("geometry")));
    let column = &geo["columns"]["geometry"];
    assert_eq!((&column["encoding"], &column["geometry_types"]), (&json!("WKB"), &json!(["MultiPolygon", "Point"])));
    assert_eq!(column["covering"]["bbox"]["xmin"], json!(["bbox", "xmin"]));
    assert_eq!(column["bbox"][0], -180.0);
    assert_eq!(metadata["stac-geoparquet"]["version"], "1.1.0");
    assert_eq!(metadata["stac-geoparquet"]["collections"]["gauges"]["title"], "Gauges");
    let stream = arrow_stream(&world.ok("/collections/gauges/export?f=arrow").await.body);
    check_columns(&stream, &items);
    let schema = stream.schema();
    let geometry = schema.field_with_name("geometry").unwrap();
    assert_eq!(geometry.metadata()["ARROW:extension:name"], "geoarrow.wkb");
    let names =
        |batch: &RecordBatch| -> Vec<String> { batch.schema().fields().iter().map(|f| f.name().clone()).collect() };
    assert_eq!(names(&table), names(&stream));
    for name in ["id", "collection", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets"] {
        assert!(names(&table).contains(&name.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn csv_has_a_header_text_geometries_and_no_formulas() {
    let world = world(20).await;
    let (header, rows) = csv(&world.ok("/search/export?f=csv&sortby=id&collections=gauges").await.body);
    assert_eq!(&header[..3], ["id", "collection", "geometry"]);
    assert!(!header.contains(&"links".to_owned()));
    let at = |name: &str| header.iter().position(|own| own == name).unwrap();
    let row = |id: &str| rows.iter().find(|row| row[0] == id).unwrap();
    let first = row("v-00000");
    assert_eq!((first[at("river")].as_str(), first[at("geometry")].as_str()), ("'=Rio, \"Negro\"\n", ""));
    assert_eq!(first[at("nested")], r#"{"list":[0,null],"text":"x"}"#);
    assert_eq!(row("v-00003")[at("geometry")], "POINT (-177.0 -82.0)");
    assert!(row("v-00001")[at("geometry")].starts_with("MULTIPOLYGON (((179"));
    assert_eq!((row("v-00001")[at("rare")].as_str(), row("v-00003")[at("rare")].as_str()), ("true", ""));
}

#[tokio::test]
async fn fields_choose_the_members_in_every_format() {
    let world = world(50).await;
    let query = "collections=gauges&fields=id,properties.river,properties.nested.text";
    for line in lines(&world.ok(&format!("/search/export?f=ndjson&{query}")).await.body) {
        let mut names: Vec<&String> = line.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["collection", "id", "properties", "stac_version", "type"]);
    }
    let (header, _) = csv(&world.ok(&format!("/search/export?f=csv&{query}")).await.body);
    assert_eq!(header, ["id", "collection", "stac_version", "nested", "river"]);
    for format in ["geoparquet", "arrow"] {
        let body = world.ok(&format!("/search/export?f={format}&{query}")).await.body;
        let table = if format == "arrow" { arrow_stream(&body) } else { parquet(body.clone()).0 };
        let schema = table.schema();
        let names: Vec<&String> = schema.fields().iter().map(|f| f.name()).collect();
        assert_eq!(names, ["id", "collection", "stac_version", "nested", "river"]);
        if format == "geoparquet" {
            assert!(!parquet(body).1.contains_key("geo"), "without geometries it is no GeoParquet");
        }
    }
    let whole = world.ok("/search/export?fields=-geometry,-properties.nested&collections=gauges").await.json();
    let feature = &whole["features"][0];
    assert!(feature.get("geometry").is_none() && feature["properties"].get("nested").is_none());
    assert!(feature["properties"].get("river").is_some());
}

#[tokio::test]
async fn a_question_is_asked_in_every_way_in_which_searches_are() {
    let world = world(300).await;
    let question = json!({"filter": {"op": "<", "args": [{"property": "cycle"}, 50]}, "sortby": [{"field": "cycle"}]});
    let expected: Vec<String> = (0..50).map(|i| format!("v-{i:05}")).collect();
    let post = world.ask("/search/export?f=ndjson", &question).await;
    assert_eq!(ids_of(&lines(&post.body)), expected);
    let kept = world.ask("/searches", &question).await;
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    let saved = world.ok(&format!("/searches/{id}/export?f=ndjson&fields=id")).await;
    assert_eq!(ids_of(&lines(&saved.body)), expected);
    assert!(saved.header("content-disposition").ends_with(".ndjson\""));
    let within = world.ok("/collections/gauges/export?f=ndjson&filter=cycle%3C50&sortby=cycle").await;
    assert_eq!(ids_of(&lines(&within.body)), expected);
    let sentence = world.ok("/search/export?f=ndjson&interpret=true&q=gauges%20negro").await;
    assert!(!lines(&sentence.body).is_empty());
    let accepted = world.get_with("/search/export?ids=nile-1", &[("accept", "text/csv")]).await;
    assert!(accepted.header("content-type").starts_with("text/csv"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let world = world(1).await;
    for (path, status, code) in [
        ("/search/export?limit=5", 400, "export-is-whole"),
        ("/search/export?token=x", 400, "export-is-whole"),
        ("/search/export?page=2", 400, "export-is-whole"),
        ("/collections/gauges/export?limit=5", 400, "export-is-whole"),
        ("/search/export?f=xml", 400, "format"),
        ("/search/export?f=", 400, "format"),
        ("/search/export?f=%22%00", 400, "format"),
        ("/search/export?colour=red", 400, "unknown-parameter"),
        ("/search/export?filter=(", 400, "filter-syntax"),
        ("/search/export?sortby=nothing", 400, "unknown-sort-field"),
        ("/search/export?sortby=relevance", 400, "relevance-without-words"),
        ("/search/export?intersectsRefs=a.b", 400, "reference"),
        ("/search/export?filter=none=1&strict=true", 400, "unknown-property"),
        ("/collections/gauges/export?collections=empty", 400, "collections"),
        ("/collections/nowhere/export", 404, "collection-not-found"),
        ("/searches/nowhere/export", 404, "search-not-found"),
        ("/searches/nowhere/export?q=x", 400, "parameter"),
    ] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
    assert_eq!(world.get("/search/export?f=html").await.status, 400);
    assert_eq!(world.ask("/search/export", &json!({"limit": 3})).await.code(), "export-is-whole");
    assert_eq!(world.ask("/search/export", &json!([])).await.status, 400);
    assert_eq!(world.body("POST", "/collections/gauges/export", &[], String::new()).await.status, 405);
}

#[tokio::test]
async fn a_download_has_the_headers_of_a_file_and_is_cached_like_a_page() {
    let world = world(10).await;
    for (format, media_type, ending) in [
        ("geojson", "application/geo+json", "geojson"),
        ("ndjson", "application/x-ndjson", "ndjson"),
        ("csv", "text/csv; charset=utf-8; header=present", "csv"),
        ("geoparquet", "application/vnd.apache.parquet", "parquet"),
        ("arrow", "application/vnd.apache.arrow.stream", "arrows"),
    ] {
        let path = format!("/collections/places%2Fall/export?f={format}");
        let answer = world.ok(&path).await;
        assert_eq!(answer.header("content-type"), media_type);
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"places_all.{ending}\""));
        let tag = answer.header("etag").to_owned();
        let again = world.get_with(&path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(world.ok(&path).await.body, answer.body, "the same bytes for one tag");
        let head = world.body("HEAD", &path, &[], String::new()).await;
        assert_eq!((head.status, head.header("etag"), head.body.len()), (200, tag.as_str(), 0));
        assert_eq!(head.header("content-type"), media_type);
    }
    assert_eq!(world.body("HEAD", "/search/export?sortby=nothing", &[], String::new()).await.status, 400);
    let squeezed = world.get_with("/search/export?f=ndjson", &[("accept-encoding", "gzip")]).await;
    assert_eq!(squeezed.header("content-encoding"), "gzip");
    let parquet = world.get_with("/search/export?f=geoparquet", &[("accept-encoding", "gzip")]).await;
    assert_eq!(parquet.header("content-encoding"), "", "it is compressed within");
}

#[tokio::test]
async fn nothing_hidden_is_in_a_download() {
    let world = world(5).await;
    for format in FORMATS {
        let path = format!("/search/export?f={format}");
        let visitor = world.ok(&path).await;
        assert!(!ids_in(format, visitor.body.clone()).contains(&"hidden-1".to_owned()), "{format}");
        for secret in ["secret", "Confidential", "X-77"] {
            assert!(!visitor.text().contains(secret), "{format}: {secret}");
        }
        let operator = world.get_as_operator(&path).await;
        assert!(ids_in(format, operator.body.clone()).contains(&"hidden-1".to_owned()), "{format}");
        assert_eq!(operator.header("cache-control"), "private, no-cache");
        assert_ne!(operator.header("etag"), visitor.header("etag"));
    }
    assert_eq!(world.get("/collections/secret/export").await.status, 404);
    assert!(lines(&world.ok("/search/export?f=ndjson&collections=secret").await.body).is_empty());
}

#[tokio::test]
async fn an_empty_result_is_a_whole_file() {
    let world = world(1).await;
    let path = |format: &str| format!("/collections/empty/export?f={format}");
    assert_eq!(world.ok(&path("geojson")).await.json()["numberMatched"], 0);
    assert!(world.ok(&path("ndjson")).await.body.is_empty());
    assert_eq!(csv(&world.ok(&path("csv")).await.body).1.len(), 0);
    let (table, metadata) = parquet(world.ok(&path("geoparquet")).await.body);
    assert_eq!((table.num_rows(), &metadata["geo"]["columns"]["geometry"]["geometry_types"]), (0, &json!([])));
    assert_eq!(arrow_stream(&world.ok(&path("arrow")).await.body).num_rows(), 0);
}

#[tokio::test]
async fn a_download_is_of_one_moment_whatever_is_written_meanwhile() {
    let world = world(4_000).await;
    for (round, format) in FORMATS.into_iter().enumerate() {
        let path = format!("/collections/gauges/export?f={format}");
        let items = paged(&world, "/collections/gauges/items?").await;
        let response = world.begin(&path).await;
        // The answer waits for its reader; meanwhile items are replaced, deleted and added.
        for i in 0..20 {
            let id = format!("v-{:05}", round * 500 + i);
            let path = format!("/collections/gauges/items/{id}");
            let status = if i % 2 == 0 {
                world.json("DELETE", &path, &world.operator, &Value::Null).await.status
            } else {
                let changed = gauge(&id, 0.0, 0.0, "2030-01-01", &format!("Changed-{round}"));
                world.json("PUT", &path, &world.operator, &changed).await.status
            };
            assert_eq!(status, 204);
        }
        let added = gauge(&format!("added-{round}"), 0.0, 0.0, "2031-01-01", "Added");
        let key = bearer(&world.operator);
        let headers = [("authorization", key.as_str()), ("content-type", "application/geo+json")];
        assert_eq!(world.body("POST", "/collections/gauges/items", &headers, added.to_string()).await.status, 201);
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        assert!(!String::from_utf8_lossy(&body).contains(&format!("Changed-{round}")), "{format}");
        assert_eq!(ids_in(format, body), ids_of(&items), "{format}");
        assert_ne!(ids_of(&paged(&world, "/collections/gauges/items?").await), ids_of(&items));
    }
}

/// The value of a metric by its whole name.
async fn metric(world: &World, name: &str) -> f64 {
    let text = world.ok("/metrics").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().unwrap())
}

#[tokio::test]
async fn too_many_downloads_are_asked_to_come_again_and_abandoned_ones_make_room() {
    let world = world(9_000).await;
    let most = 8;
    let mut open = Vec::new();
    for _ in 0..most {
        let response = world.begin("/search/export?f=ndjson").await;
        assert_eq!(response.status(), 200);
        open.push(response);
    }
    let refused = world.get("/search/export?f=ndjson").await;
    assert_eq!((refused.status, refused.code().as_str(), refused.header("retry-after")), (503, "exports-busy", "5"));
    assert_eq!(metric(&world, "nilometer_exports_running").await, f64::from(most));
    assert_eq!(world.ok("/search?limit=1").await.status, 200);
    drop(open);
    while metric(&world, "nilometer_exports_running").await > 0.0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let abandoned = "nilometer_exports_total{format=\"ndjson\",result=\"abandoned\"}";
    assert_eq!(metric(&world, abandoned).await, f64::from(most));
    let items = lines(&world.ok("/search/export?f=ndjson").await.body).len();
    while metric(&world, "nilometer_exports_running").await > 0.0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(metric(&world, "nilometer_exports_total{format=\"ndjson\",result=\"complete\"}").await, 1.0);
    assert_eq!(metric(&world, "nilometer_export_items_total").await, items as f64);
}

#[tokio::test]
async fn answers_and_collections_lead_to_their_downloads() {
    let world = world(30).await;
    let question = format!("filter={}", encoded("cycle < 10"));
    let kept = world.ask("/searches", &json!({"ids": ["nile-1"]})).await.json()["id"].as_str().unwrap().to_owned();
    for (path, count) in [
        (format!("/search?{question}&limit=3"), 10),
        (format!("/collections/gauges/items?{question}&limit=3&cycle=4"), 1),
        (format!("/searches/{kept}/items?limit=1"), 1),
        ("/collections/places%2Fall".to_owned(), 1),
    ] {
        let answer = world.ok(&path).await.json();
        let links: Vec<&Value> =
            answer["links"].as_array().unwrap().iter().filter(|l| l["rel"] == "enclosure").collect();
        assert_eq!(links.len(), FORMATS.len(), "{path}");
        for link in links {
            let href = link["href"].as_str().unwrap();
            assert!(href.starts_with(BASE));
            let download = world.ok(href).await;
            assert!(download.header("content-type").starts_with(link["type"].as_str().unwrap()), "{href}");
            let format = href.rsplit("f=").next().unwrap();
            assert_eq!(ids_in(format, download.body).len(), count, "{href}");
        }
    }
    let page = world.page(&format!("/search?{question}")).await.text();
    for format in FORMATS {
        assert!(
            page.contains(&format!("/portal/search/export?filter=cycle%20%3C%2010&amp;f={format}")),
            "{format}: {page}"
        );
    }
    assert!(page.contains("All results, as a file"));
    assert!(world.page("/search?lang=fr").await.text().contains("Tous les résultats, en un fichier"));
}

#[tokio::test]
async fn items_that_were_sent_over_several_lines_come_out_on_one() {
    let world = world(0).await;
    let item = serde_json::to_string_pretty(&gauge("pretty", 1.0, 2.0, "2024-01-01", "Ob")).unwrap();
    let key = bearer(&world.operator);
    let headers = [("authorization", key.as_str()), ("content-type", "application/geo+json")];
    assert_eq!(world.body("POST", "/collections/gauges/items", &headers, item.replace('\n', "\r\n")).await.status, 201);
    for path in ["/search/export?f=ndjson", "/changes/snapshot"] {
        let body = world.ok(path).await.body;
        assert!(lines(&body).iter().any(|line| line["id"] == "pretty"), "{path}");
    }
    // What came out goes in again.
    let body = world.ok("/collections/gauges/export?f=ndjson").await.text();
    let headers = [("authorization", key.as_str()), ("content-type", "application/x-ndjson")];
    let report = world.body("POST", "/collections/gauges/items", &headers, body).await.json();
    assert_eq!((&report["created"], &report["unchanged"]), (&json!(0), &json!(5)), "{report}");
}
