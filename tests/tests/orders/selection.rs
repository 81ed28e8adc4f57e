//! What is delivered of a selection, and in which form.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use nilometer_tests::http::encode;
use nilometer_tests::{collection, demo_copy, item, key_of};
use serde_json::{Value, json};

use crate::shop::{Shop, WORKFLOWS, completed, ended, kept, listed, member, submit, zip_path};

#[test]
fn a_search_over_all_leaves_out_what_is_not_for_whoever_asks_and_a_name_is_refused() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    for id in ["open", "meta"] {
        shop.fill(&client, id, 2, 10);
    }
    let mut closed = collection("closed", "public");
    closed["nilometer:licence_acceptance"] = json!(true);
    client.post("/collections", &closed).expect(201);
    let mut thing = item("closed", "x", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    thing["assets"] = json!({"data": {"href": "open-0.bin"}});
    client.post("/collections/closed/items", &thing).expect(201);
    let data = shop.data();
    let data = data.to_str().expect("a plain name");
    let narrowed = ["admin", "grant", "set", "--group", "everyone", "--collection", "meta", "--level", "metadata"];
    server.finish();
    nilometer_tests::nilometer(Path::new("/"), &[&narrowed[..], &["--data", data]].concat()).success();
    let (server, _) = shop.serve();
    let ana = server.client(&key_of(&shop.data(), "ana", "user"));
    let estimate = |body: &Value| ana.post(&format!("{WORKFLOWS}/estimate"), body);

    let all = json!({"search": {}});
    let found = estimate(&all).expect(200).json();
    assert_eq!((&found["files"], &found["collections"], &found["licences"]), (&json!(2), &json!(["open"]), &json!([])));
    let left = |found: &Value| -> BTreeSet<String> {
        let left = found["leftOut"].as_array().into_iter().flatten();
        left.map(|left| format!("{} {} {}", left["items"], left["collection"], left["reason"]).replace('"', ""))
            .collect()
    };
    let both = ["2 meta files-not-granted", "1 closed licence-not-accepted"].map(str::to_owned);
    assert_eq!(left(&found), BTreeSet::from(both.clone()));
    let id = submit(&ana, &all);
    let status = ended(&ana, &id);
    let message = status["message"].as_str().unwrap_or_default();
    assert_eq!(status["status"], "COMPLETED", "{status}");
    assert!(message.starts_with("INCOMPLETE: 1 item of \"closed\" is left out"), "{message}");
    assert!(message.contains("2 items of \"meta\" are left out") && message.contains("/licences/closed"), "{message}");
    let path = kept(shop.folder.path(), &ana.get(&zip_path(&id)).expect(200));
    let manifest: Value = serde_json::from_slice(&member(&path, "open/manifest.json")).expect("JSON");
    assert_eq!(manifest["left_out"].as_array().map(Vec::len), Some(2), "{manifest}");
    assert!(listed(&path).iter().all(|(name, _)| name.starts_with("open/")));

    // Accepted with the order, the terms are no reason any more.
    let id = submit(&ana, &json!({"search": {}, "accept_licences": ["closed"]}));
    completed(&ana, &id);
    let names = listed(&kept(shop.folder.path(), &ana.get(&zip_path(&id)).expect(200)));
    assert!(names.iter().any(|(name, _)| name == "closed/open-0.bin"), "{names:?}");
    assert_eq!(left(&estimate(&all).expect(200).json()), BTreeSet::from([both[0].clone()]));
    // What is named is refused by its name, and nothing else makes up for it.
    let problem = estimate(&json!({"search": {"collections": ["open", "meta"]}})).problem(403);
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("\"meta\"")), "{problem}");
    let id = submit(&ana, &json!({"collections": [{"collectionId": "meta"}]}));
    let status = ended(&ana, &id);
    assert!(status["message"].as_str().is_some_and(|text| text.starts_with("NOT_ALLOWED: ")), "{status}");
    let id = submit(&ana, &json!({"search": {"ids": ["i-00000"], "q": "nothing of this kind"}}));
    assert!(ended(&ana, &id)["message"].as_str().is_some_and(|text| text.starts_with("EMPTY_SELECTION: ")));
    server.finish();
}

/// A zipped shapefile of three points with the columns `reach_id`, `time_str`, `wse` and `width`, the last row without a value.
fn write_shapefile(path: &Path) {
    let program = r#"
import struct, sys, zipfile
rows = [("23214400101", "2024-01-01T00:00:00Z", "   10.500", "  100.00", 1.0), ("23214400111", "2024-02-01T00:00:00Z", "   11.500", "  200.00", 2.0),
        ("23214400121", "2024-03-01T00:00:00Z", "-999999999999.000"[:9], "  300.00", 30.0)]
rows[2] = ("23214400121", "2024-03-01T00:00:00Z", " " * 9, "  300.00", 30.0)
records = b"".join(struct.pack(">2i", i + 1, 10) + struct.pack("<i2d", 1, x, 45.0) for i, (*_, x) in enumerate(rows))
head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(records)) // 2) + struct.pack("<2i8d", 1000, 1, 1, 45, 30, 45, 0, 0, 0, 0)
fields = [(b"reach_id", b"C", 11, 0), (b"time_str", b"C", 20, 0), (b"wse", b"N", 9, 3), (b"width", b"N", 8, 2)]
size = 1 + sum(f[2] for f in fields)
dbf = struct.pack("<4BIHH20x", 3, 124, 1, 1, len(rows), 33 + 32 * len(fields), size)
for name, kind, length, decimals in fields:
    dbf += name.ljust(11, b"\0") + kind + b"\0" * 4 + bytes([length, decimals]) + b"\0" * 14
dbf += b"\x0d" + b"".join((" " + a.ljust(11) + b.ljust(20) + c.rjust(9) + d.rjust(8)).encode() for a, b, c, d, _ in rows) + b"\x1a"
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("reaches.shp", head + records)
    out.writestr("reaches.dbf", dbf)
"#;
    let done = Command::new("python3").args(["-c", program]).arg(path).output().expect("python3 can be run");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn shapefiles_are_delivered_in_other_formats_whole_and_in_part() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    client.post("/collections", &collection("c", "public")).expect(201);
    write_shapefile(&shop.store().join("reaches.zip"));
    std::fs::write(shop.store().join("other.zip"), b"no zip at all").expect("written");
    for name in ["reaches", "other"] {
        let mut thing = item("c", name, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
        thing["assets"] =
            json!({"data": {"href": format!("{name}.zip"), "type": "application/zip", "roles": ["data"]}});
        client.post("/collections/c/items", &thing).expect(201);
    }
    let order = |selection: Value| {
        let id = submit(&client, &json!({"selections": [selection]}));
        let status = ended(&client, &id);
        (status, kept(shop.folder.path(), &client.get(&zip_path(&id)).expect(200)))
    };
    let search = json!({"collections": ["c"]});
    let (status, path) = order(json!({"search": search, "formats": ["original", "geojson", "csv", "geoparquet"]}));
    assert!(
        status["message"].as_str().is_some_and(|text| text.contains("not to be had: 3 files (other);")),
        "{status}"
    );
    let names: BTreeSet<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
    for name in ["reaches.zip", "reaches.geojson", "reaches.csv", "reaches.parquet", "other.zip"] {
        assert!(names.contains(&format!("c/{name}")), "{names:?}");
    }
    let features: Value = serde_json::from_slice(&member(&path, "c/reaches.geojson")).expect("GeoJSON");
    assert_eq!(features["features"].as_array().map(Vec::len), Some(3));
    let last = &features["features"][2];
    assert_eq!((&last["properties"]["wse"], &last["properties"]["reach_id"]), (&Value::Null, &json!("23214400121")));
    assert_eq!(last["geometry"], json!({"type": "Point", "coordinates": [30.0, 45.0]}));
    assert_eq!(&member(&path, "c/reaches.parquet")[..4], b"PAR1");
    let part = json!({"bbox": [0, 40, 5, 50], "datetime": "2024-01-15T00:00:00Z/..", "parameters": ["wse"]});
    let (_, path) =
        order(json!({"search": {"collections": ["c"], "ids": ["reaches"]}, "formats": ["csv"], "subset": part}));
    let text = String::from_utf8(member(&path, "c/reaches.csv")).expect("text");
    assert_eq!(text, "reach_id,time_str,wse,geometry\r\n23214400111,2024-02-01T00:00:00Z,11.5,POINT (2.0 45.0)\r\n");

    let near = json!({"type": "Polygon", "coordinates": [[[0.5, 44], [1.5, 44], [1.5, 46], [0.5, 46], [0.5, 44]]]});
    let (_, path) =
        order(json!({"search": {"collections": ["c"], "ids": ["reaches"]}, "formats": ["geojson", "geoparquet"],
        "subset": {"intersects": near, "parameters": ["width"]}}));
    let features: Value = serde_json::from_slice(&member(&path, "c/reaches.geojson")).expect("GeoJSON");
    let all = features["features"].as_array().expect("features");
    assert_eq!(all.len(), 1, "{features}");
    assert_eq!(
        (&all[0]["properties"]["width"], &all[0]["properties"]["wse"]),
        (&json!(100.0), &Value::Null),
        "{features}"
    );
    assert_eq!(&member(&path, "c/reaches.parquet")[..4], b"PAR1");

    // Dates alone are days, and of a parameter that the file does not have nothing is made up.
    let of = |part: Value| {
        order(
            json!({"search": {"collections": ["c"], "ids": ["reaches"]}, "formats": ["csv", "original"], "subset": part}),
        )
    };
    let (_, path) = of(json!({"datetime": "2024-02-01/2024-02-01", "parameters": ["wse", "unheard_of"]}));
    let text = String::from_utf8(member(&path, "c/reaches.csv")).expect("text");
    assert_eq!(text, "reach_id,time_str,wse,geometry\r\n23214400111,2024-02-01T00:00:00Z,11.5,POINT (2.0 45.0)\r\n");
    let (status, path) = of(json!({"parameters": ["unheard_of"]}));
    assert!(
        status["message"].as_str().is_some_and(|text| text.contains("not to be had: 1 file (reaches)")),
        "{status}"
    );
    let manifest: Value = serde_json::from_slice(&member(&path, "c/manifest.json")).expect("JSON");
    assert_eq!(manifest["missing"][0]["reason"], "the file has none of the parameters unheard_of");
    server.finish();
}

#[test]
fn a_selection_without_an_order_is_small() {
    let shop = Shop::new(&["orders.zip_files_max=3", "orders.zip_bytes_max=20000"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "few", 3, 100);
    shop.fill(&client, "many", 4, 100);
    shop.fill(&client, "large", 3, 10_000);
    let zip = |id: &str| {
        let kept = client.post("/searches", &json!({"collections": [id]})).expect(201).json();
        client.get(&format!("/searches/{}/zip", kept["id"].as_str().expect("an id")))
    };
    let names = listed(&kept(shop.folder.path(), &zip("few").expect(200)));
    assert_eq!(names.iter().filter(|(name, _)| name.ends_with(".bin")).count(), 3, "{names:?}");
    for (id, code, most) in [("many", "order-files", "3 files"), ("large", "order-size", "20000")] {
        let problem = zip(id).problem(413);
        assert!(problem["type"].as_str().is_some_and(|text| text.ends_with(code)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(most)), "{problem}");
    }
    server.finish();
}

#[test]
fn series_are_delivered_as_tables_whole_and_in_part() {
    let shop = Shop::new(&[], demo_copy);
    let (server, client) = shop.serve();
    let all = client.get("/collections?limit=1000").expect(200).json();
    let with_series =
        all["collections"].as_array().into_iter().flatten().find(|c| c["data_queries"]["locations"].is_object());
    let id = with_series.expect("a collection with series")["id"].as_str().expect("an id").to_owned();
    let features = client.get(&format!("/collections/{id}/locations?limit=2")).expect(200).json();
    let ids: Vec<&str> =
        features["features"].as_array().into_iter().flatten().filter_map(|f| f["id"].as_str()).collect();
    let fetched = |more: Value| {
        let mut selection = json!({"search": {"collections": [id], "ids": [ids[0]]}, "folder": "s"});
        if let (Some(all), Value::Object(more)) = (selection.as_object_mut(), more) {
            all.extend(more);
        }
        let order = submit(&client, &json!({"selections": [selection]}));
        completed(&client, &order);
        kept(shop.folder.path(), &client.get(&zip_path(&order)).expect(200))
    };
    let path = fetched(json!({"formats": ["csv", "parquet"]}));
    let names: Vec<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
    let csv = names.iter().find(|name| name.ends_with(".csv")).expect("a table").clone();
    assert!(names.iter().any(|name| name.ends_with(".parquet")), "{names:?}");
    let asset = format!("/collections/{id}/items/{}/assets/{}", encode(ids[0]), encode(&format!("{}.csv", ids[0])));
    let whole = client.get(&asset).expect(200).body;
    assert!(member(&path, &csv) == whole, "the order's series is the file of the feature");
    let text = String::from_utf8(whole).expect("text");
    let times: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    let middle = times[times.len() / 2];
    let path = fetched(json!({"subset": {"datetime": format!("{middle}/..")}}));
    let part = String::from_utf8(member(&path, &csv)).expect("text");
    assert_eq!(part.lines().count() - 1, times.iter().filter(|time| **time >= middle).count());
    // One parameter of those that there are.
    let known = client.get(&format!("/collections/{id}")).expect(200).json()["parameter_names"].clone();
    let names: Vec<&String> = known.as_object().expect("parameters").keys().collect();
    let path = fetched(json!({"subset": {"parameters": [names[0]]}}));
    let head = String::from_utf8(member(&path, &csv)).expect("text").lines().next().unwrap_or_default().to_owned();
    assert!(names.len() > 1 && head.contains(names[0].as_str()), "{head}");
    assert!(names[1..].iter().all(|name| !head.split(',').any(|column| column == name.as_str())), "{head}");
    server.finish();
}
