//! What an attacker sends: every request is refused in the caller's words, soon, and the server goes on.

use std::io::Write;

use nilometer_tests::http::{Connection, encode};
use nilometer_tests::{Client, Response, Server, collection, demo_copy, item, operator_key, record, rounds, seed};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Target {
    server: Server,
    visitor: Client,
    operator: Client,
    _folder: TempDir,
}

fn target() -> Target {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    demo_copy(&data);
    let key = operator_key(&data);
    let server = Server::start(&data);
    let operator = server.client(&key);
    operator.post("/collections", &collection("h", "public")).expect(201);
    Target { visitor: server.visitor(), operator, server, _folder: folder }
}

impl Target {
    /// The server still answers, and its log has no error.
    #[track_caller]
    fn survives(mut self) {
        assert!(self.server.is_alive());
        self.visitor.get("/search?limit=1").expect(200);
        self.server.finish();
    }
}

/// Refused with a problem document that blames the caller.
#[track_caller]
fn refused(answer: Response, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    let status = answer.status;
    answer.problem(status);
}

/// Refused as a request that cannot be understood, whatever the size: what the status of every filter's limit is.
#[track_caller]
fn misunderstood(answer: Response, what: &str) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    answer.problem(400);
}

/// JSON text nested `depth` deep.
fn nested(depth: usize) -> String {
    format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn conditions_that_would_take_too_long_are_refused_and_one_of_them_is_answered() {
    let target = target();
    let text = |n: usize| format!("{n} {}", "a river that runs through a wide and long valley ".repeat(60));
    let list = |n: usize| (0..100).map(|at| at * 7 + n).collect::<Vec<_>>();
    let items: Vec<Value> = (0..500)
        .map(|n| {
            item(
                "h",
                &format!("i{n}"),
                1.0,
                2.0,
                "2024-01-01T00:00:00Z",
                json!({"told": text(n), "heard": text(n + 1), "many": list(n), "others": list(n + 1)}),
            )
        })
        .collect();
    target.operator.bulk("h", &items).expect(200);
    let many = |one: &dyn Fn(usize) -> String, count: usize| (0..count).map(one).collect::<Vec<_>>().join(" OR ");
    let found = |filter: String| {
        target.visitor.post("/search", &json!({"collections": ["h"], "filter-lang": "cql2-text", "filter": filter}))
    };
    // The first is asked of each distinct text, the second of each item.
    let conditions: [&dyn Fn(usize) -> String; 2] =
        [&|n| format!("told LIKE '%w_de {n} valley%'"), &|n| format!("LENGTH(told) + LENGTH(heard) = {n}")];
    for one in conditions {
        assert_eq!(found(one(0)).expect(200).json()["numberMatched"], 0, "{}", one(0));
        let problem = found(many(one, 150)).problem(400);
        assert!(problem["type"].as_str().is_some_and(|kind| kind.ends_with("/filter-too-large")), "{problem}");
        // Fewer items give the same condition less to do.
        let few = json!({"collections": ["h"], "ids": ["i7"], "filter-lang": "cql2-text", "filter": many(one, 150)});
        assert_eq!(target.visitor.post("/search", &few).expect(200).json()["numberMatched"], 0);
    }
    // Lists of lists are products.
    let of = |count: usize| format!("many IN ({})", vec!["others"; count].join(","));
    assert!(found(of(1)).expect(200).json()["numberMatched"].as_u64().is_some());
    found(of(200)).problem(400);
    // Moments are looked up too.
    let moments = (1..=900).map(|n| format!("TIMESTAMP('2024-01-01T00:{:02}:{:02}Z')", n / 60, n % 60));
    let moments: Vec<String> = moments.chain(["TIMESTAMP('2024-01-01T00:00:00Z')".into()]).collect();
    assert_eq!(found(format!("datetime IN ({})", moments[..900].join(","))).expect(200).json()["numberMatched"], 0);
    assert_eq!(found(format!("datetime IN ({})", moments[1..].join(","))).expect(200).json()["numberMatched"], 500);
    assert_eq!(
        found(format!("NOT datetime IN ({})", moments[..900].join(","))).expect(200).json()["numberMatched"],
        500
    );
    // A long list is looked up, however many values there are.
    let list = (0..900).map(|n| format!("'{n}'")).collect::<Vec<_>>().join(",");
    assert_eq!(found(format!("told IN ({list}) OR told LIKE '7 a river%'")).expect(200).json()["numberMatched"], 1);
    target.survives();
}

#[test]
fn deep_and_wide_filters_are_refused() {
    let target = target();
    let texts = [
        format!("{}a=1{}", "(".repeat(3_000), ")".repeat(3_000)),
        format!("{}a=1", "NOT ".repeat(1_500)),
        vec!["a=1"; 1_200].join(" AND "),
        format!("a IN ({})", vec!["1"; 2_500].join(",")),
        format!("a LIKE '{}'", "%a".repeat(500)),
        format!("a LIKE '{}'", "_".repeat(2_000)),
        format!("{}1{} = 1", "f(".repeat(1_000), ")".repeat(1_000)),
        "a = 'no end".to_owned(),
        "a = \u{0}".to_owned(),
        "a = 1; DROP TABLE items".to_owned(),
        format!("a = {}", "9".repeat(4_000)),
        "S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))".to_owned(),
        "S_INTERSECTS(geometry, POINT(1e999 NaN))".to_owned(),
    ];
    for text in texts {
        let what: String = text.chars().take(40).collect();
        let answer = target.visitor.get(&format!("/search?filter-lang=cql2-text&filter={}", encode(&text)));
        // A long address has a limit of its own.
        refused(answer, &what);
        let body = json!({"filter-lang": "cql2-text", "filter": text});
        misunderstood(target.visitor.post("/search", &body), &what);
    }
    for depth in [40, 100, 2_000, 40_000] {
        let mut filter = "{\"op\":\"=\",\"args\":[{\"property\":\"a\"},1]}".to_owned();
        filter = format!("{}{filter}{}", "{\"op\":\"not\",\"args\":[".repeat(depth), "]}".repeat(depth));
        let body = format!("{{\"filter-lang\":\"cql2-json\",\"filter\":{filter}}}");
        let answer =
            target.visitor.send("POST", "/search", &[("content-type", "application/json")], Some(body.as_bytes()));
        misunderstood(answer, &format!("{depth} nested nots"));
    }
    let wide: Vec<Value> = (0..20_000).map(|i| json!({"op": "=", "args": [{"property": "a"}, i]})).collect();
    misunderstood(target.visitor.post("/search", &json!({"filter": {"op": "or", "args": wide}})), "20 000 terms");
    let property = json!({"property": "a"});
    let points = vec![[1, 1]; 20_000];
    for filter in [
        json!({"op": "in", "args": [property, vec![1; 100_000]]}),
        json!({"op": "a_overlaps", "args": [property, vec![1; 100_000]]}),
        json!({"op": "s_within", "args": [{"property": "geometry"}, {"type": "LineString", "coordinates": points}]}),
    ] {
        misunderstood(target.visitor.post("/search", &json!({"filter": filter})), "a hundred thousand values");
    }
    for text in ["(", "NOT ", "a = 1 AND ", "CASEI(", "S_WITHIN(", "A_EQUALS((", "T_AFTER(", "1 + "] {
        let body = json!({"filter-lang": "cql2-text", "filter": text.repeat(100_000)});
        misunderstood(target.visitor.post("/search", &body), text);
    }
    target.survives();
}

#[test]
fn impossible_geometries_are_refused() {
    let target = target();
    let ring = |n: u32| -> Vec<[f64; 2]> {
        let at = |i: u32| f64::from(i % n) / f64::from(n) * std::f64::consts::TAU;
        (0..=n).map(|i| [40.0 * at(i).cos(), 40.0 * at(i).sin()]).collect()
    };
    let polygon = |ring: Value| json!({"intersects": {"type": "Polygon", "coordinates": [ring]}});
    refused(target.visitor.post("/search", &polygon(json!(ring(11_000)))), "11 000 vertices");
    refused(target.visitor.post("/search", &polygon(json!(ring(200_000)))), "a body of many megabytes");
    for coordinates in [
        json!([[0, 0], [1, 1], [0, 0]]),
        json!([[0, 0], [1, 1], [1, 0]]),
        json!([]),
        json!([[0], [1], [2], [0]]),
        json!([["a", "b"]]),
        json!(7),
    ] {
        refused(target.visitor.post("/search", &polygon(coordinates.clone())), &coordinates.to_string());
    }
    for geometry in [
        "{\"type\":\"Point\",\"coordinates\":[1e400,0]}",
        "{\"type\":\"Point\"}",
        "{\"type\":\"GeometryCollection\",\"geometries\":7}",
        "null null",
        "{",
    ] {
        let body = format!("{{\"intersects\":{geometry}}}");
        let answer =
            target.visitor.send("POST", "/search", &[("content-type", "application/json")], Some(body.as_bytes()));
        refused(answer, geometry);
    }
    let mut collection = json!({"type": "Point", "coordinates": [0, 0]});
    for _ in 0..200 {
        collection = json!({"type": "GeometryCollection", "geometries": [collection]});
    }
    refused(target.visitor.post("/search", &json!({"intersects": collection})), "a collection in a collection …");
    for bbox in ["0,0,0", "1,2,3,4,5", "NaN,0,1,1", "inf,0,1,1", "0,91,1,95", "1e309,0,1,1"] {
        refused(target.visitor.get(&format!("/search?bbox={bbox}")), bbox);
    }
    target.survives();
}

#[test]
fn broken_items_are_refused_with_a_pointer() {
    let target = target();
    let good = item("h", "a", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    let edit = |pointer: &str, value: Value| {
        let mut item = good.clone();
        *item.pointer_mut(pointer).expect("a member of the item") = value;
        item
    };
    let cases = [
        (edit("/type", json!("Item")), "/type"),
        (edit("/id", json!("")), "/id"),
        (edit("/id", json!(7)), "/id"),
        (edit("/id", json!("a".repeat(5_000))), "id"),
        (edit("/id", json!("a\u{0}b")), "id"),
        (edit("/geometry", json!("POINT(1 2)")), "/geometry"),
        (edit("/geometry/coordinates", json!([1])), "/geometry"),
        (edit("/geometry/coordinates", json!([[1, 2]])), "/geometry"),
        (edit("/bbox", json!([1, 2, 3])), "/bbox"),
        (edit("/properties", json!([])), "/properties"),
        (edit("/properties/datetime", json!("yesterday")), "/properties/datetime"),
        (edit("/properties/datetime", Value::Null), "/properties/datetime"),
        (edit("/links", json!({})), "/links"),
    ];
    for (item, pointer) in cases {
        let problem = target.operator.post("/collections/h/items", &item).problem(400);
        let named = problem["parameter"].as_str().unwrap_or_default();
        assert!(named.contains(pointer), "{pointer}: {problem}");
    }
    let texts = [
        format!("{{\"type\":\"Feature\",\"deep\":{}}}", nested(100)),
        format!("{{\"type\":\"Feature\",\"deep\":{}}}", nested(200_000)),
        good.to_string().replacen("\"id\":\"a\"", "\"id\":\"a\",\"id\":\"b\"", 1),
        good.to_string().replacen("[1.0,2.0]", "[NaN,2.0]", 1),
        "{".repeat(500_000),
        String::new(),
        "null".to_owned(),
    ];
    for text in texts {
        let headers = [("content-type", "application/geo+json")];
        let answer = target.operator.send("POST", "/collections/h/items", &headers, Some(text.as_bytes()));
        refused(answer, &text.chars().take(60).collect::<String>());
    }
    let bytes = [b"{\"type\":\"Feature\",\"id\":\"".as_slice(), &[0xff, 0xfe, 0xc0], b"\"}"].concat();
    refused(
        target.operator.send("POST", "/collections/h/items", &[("content-type", "application/geo+json")], Some(&bytes)),
        "bad UTF-8",
    );
    assert_eq!(target.visitor.get("/collections/h/items").expect(200).json()["numberMatched"], 0);
    target.survives();
}

#[test]
fn bodies_above_the_limit_and_gzip_bombs_are_refused() {
    let target = target();
    let big = vec![b' '; 3 << 20];
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        target.operator.send("POST", "/collections/h/items", headers, Some(body))
    };
    refused(post(&[("content-type", "application/geo+json")], &big), "3 MiB");
    refused(target.visitor.send("POST", "/search", &[("content-type", "application/json")], Some(&big)), "3 MiB");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..200 {
        encoder.write_all(&zeros).expect("memory takes all");
    }
    let bomb = encoder.finish().expect("memory takes all");
    for media_type in ["application/geo+json", "application/json", "application/x-ndjson"] {
        let answer = post(&[("content-type", media_type), ("content-encoding", "gzip")], &bomb);
        refused(answer, &format!("a bomb of {} bytes as {media_type}", bomb.len()));
    }
    let answer = post(&[("content-type", "application/json"), ("content-encoding", "gzip")], b"this is no gzip at all");
    refused(answer, "no gzip");
    target.survives();
}

#[test]
fn long_addresses_bad_bytes_and_broken_requests_are_refused() {
    let target = target();
    refused(target.visitor.get(&format!("/search?q={}", "a".repeat(9_000))), "a long question");
    let huge = target.visitor.try_send("GET", &format!("/search?q={}", "a".repeat(400_000)), &[], None);
    assert!(huge.is_err() || huge.is_ok_and(|answer| (400..500).contains(&answer.status)), "a huge head");
    for path in [
        "/collections/%ff%fe",
        "/collections/%00",
        "/search?q=%ff",
        "/collections/..%2f..%2fetc%2fpasswd",
        "/collections/h/items/%2e%2e%2f",
    ] {
        refused(target.visitor.get(path), path);
    }
    let address = target.visitor.address();
    for raw in [
        "GET / HTTP/9.9\r\n\r\n".as_bytes(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /search HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
    ] {
        let mut connection = Connection::open(address).expect("the server listens");
        if let Ok(answer) = connection.send_raw(raw, false) {
            assert!((400..506).contains(&answer.status) && answer.status != 500, "{}", answer.status);
        }
    }
    target.survives();
}

/// Pieces of questions that random ones are made of.
const WORDS: [&str; 34] = [
    "(",
    ")",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "BETWEEN",
    "IS",
    "NULL",
    "=",
    "<>",
    "<=",
    "'",
    "''",
    "\"",
    "%",
    "_",
    "-1",
    "1e309",
    "0.1",
    "datetime",
    "geometry",
    "TIMESTAMP('2024-01-01T00:00:00Z')",
    "DATE('2024-02-30')",
    "S_INTERSECTS",
    "POINT(0 0)",
    "BBOX(1,2,3,4)",
    ",",
    "CASEI",
    "A_CONTAINS",
    "é",
    "\u{202e}",
    "name",
];

#[test]
fn random_questions_never_break_the_server() {
    let seed = seed();
    let questions = rounds(600, 100_000);
    println!("seed {seed} ({questions} questions; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let target = target();
    let seeds = [
        json!({"bbox": [-10, 40, 10, 50], "datetime": "2023-01-01T00:00:00Z/..", "limit": 3}),
        json!({"filter": {"op": "and", "args": [{"op": "=", "args": [{"property": "name"}, "x"]}, {"op": "isNull", "args": [{"property": "y"}]}]}}),
        json!({"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, "sortby": [{"field": "datetime", "direction": "desc"}]}),
        json!({"q": "lake", "fields": {"include": ["id"], "exclude": ["links"]}, "collections": ["h"], "ids": ["a"]}),
    ];
    let mut refused = 0;
    for n in 0..questions {
        let answer = if random.bool() {
            let text: Vec<&str> = (0..random.usize(1..14)).map(|_| WORDS[random.usize(0..WORDS.len())]).collect();
            let name = ["filter", "q", "bbox", "datetime", "sortby", "ids", "intersects", "token"][random.usize(0..8)];
            target.visitor.get(&format!("/search?{name}={}", encode(&text.join(" "))))
        } else {
            let mut body = seeds[random.usize(0..seeds.len())].to_string().into_bytes();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(0..body.len());
                match random.u8(0..3) {
                    0 => body[at] = random.u8(..),
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, b"[]{},:\"019-e"[random.usize(0..12)]),
                }
            }
            let path = ["/search", "/aggregate", "/searches"][random.usize(0..3)];
            target.visitor.send("POST", path, &[("content-type", "application/json")], Some(&body))
        };
        assert!(answer.status < 500, "question {n}, seed {seed}: {} {}", answer.status, answer.text());
        if answer.status >= 400 {
            let status = answer.status;
            answer.problem(status);
            refused += 1;
        }
    }
    target.survives();
    let answered = questions - refused;
    record(
        "random-questions",
        &format!(
            "# Random questions\n\n\
             Parameters strung together from words of the query languages, and JSON bodies with bytes changed, dropped and \
             added, to `/search`, `/aggregate` and `/searches`. None may end the server, or give a 5xx; every refusal is a \
             problem.\n\n\
             | questions | answered | refused | failed | seed |\n| --: | --: | --: | --: | --: |\n\
             | {questions} | {answered} | {refused} | 0 | {seed} |\n"
        ),
    );
}
