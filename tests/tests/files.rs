//! The files of items over HTTP: downloads whole and in part, signed links, uploads, series, other servers, and what
//! must not be reached.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nilometer_tests::http::{encode, path_of};
use nilometer_tests::{Client, Response, Server, collection, demo_copy, files, item, nilometer, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server with a store that takes files (`disk`), one that does not (`old`), and an operator.
struct Service {
    server: Server,
    operator: Client,
    visitor: Client,
    key: String,
    folder: TempDir,
}

impl Service {
    /// The settings are given as `--set`.
    fn start(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let data = folder.path().join("data");
        prepare(&data);
        for store in ["disk", "old"] {
            std::fs::create_dir_all(folder.path().join(store)).expect("a folder");
        }
        let key = operator_key(&data);
        let place = |store: &str| format!("stores.{store}.root={}", folder.path().join(store).display());
        let mut sets = vec![place("disk"), place("old")];
        let plain = [
            "stores.disk.kind=directory",
            "stores.old.kind=directory",
            "stores.disk.writable=true",
            "default_store=disk",
        ];
        sets.extend(plain.iter().chain(settings).map(ToString::to_string));
        let arguments: Vec<&str> = sets.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        let server = Server::start_with(&data, &arguments);
        let (operator, visitor) = (server.client(&key), server.visitor());
        Self { operator, visitor, server, key, folder }
    }

    fn with_collection(settings: &[&str]) -> Self {
        let service = Self::start(settings, |_| {});
        service.operator.post("/collections", &collection("c", "public")).expect(201);
        service
    }

    fn disk(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Creates or replaces an item with these assets.
    #[track_caller]
    fn put(&self, id: &str, assets: Value) -> Response {
        let mut item = item("c", id, 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
        item["assets"] = assets;
        let answer = self.operator.put(&format!("/collections/c/items/{}", encode(id)), &item);
        assert!(answer.status < 300, "{}", answer.text());
        answer
    }

    /// Downloads an asset as the operator.
    fn download(&self, id: &str, key: &str, headers: &[(&str, &str)]) -> Response {
        self.operator.send("GET", &asset_path(id, key), headers, None)
    }
}

fn asset_path(id: &str, key: &str) -> String {
    format!("/collections/c/items/{}/assets/{}", encode(id), encode(key))
}

fn sha256(bytes: &[u8]) -> String {
    use std::process::{Command, Stdio};
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sha256sum");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("written");
    let output = child.wait_with_output().expect("sha256sum");
    format!("1220{}", &String::from_utf8_lossy(&output.stdout)[..64])
}

/// Bytes that compress well, and repeat nowhere within a few hundred.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 251) as u8 ^ (i % 251) as u8).collect()
}

#[test]
fn a_file_is_downloaded_whole_in_part_and_under_conditions() {
    let service = Service::with_collection(&[]);
    let bytes = content(300_000);
    std::fs::create_dir(service.disk().join("2024")).expect("a folder");
    std::fs::write(service.disk().join("2024/a b.nc"), &bytes).expect("written");
    let checksum = sha256(&bytes);
    let asset = json!({"href": "2024/a%20b.nc", "type": "application/netcdf", "file:size": bytes.len(), "file:checksum": checksum});
    service.put("i1", json!({"data": asset}));

    let whole = service.download("i1", "data", &[("accept-encoding", "gzip, br")]).expect(200);
    assert!(whole.body == bytes);
    let has = |answer: &Response, name: &str, value: &str| assert_eq!(answer.header(name), Some(value), "{name}");
    has(&whole, "content-type", "application/netcdf");
    has(&whole, "content-length", "300000");
    has(&whole, "accept-ranges", "bytes");
    has(&whole, "content-disposition", "attachment; filename=\"a b.nc\"");
    assert_eq!(whole.header("content-encoding"), None);
    assert!(whole.header("repr-digest").is_some_and(|digest| digest.starts_with("sha-256=:")));
    let etag = whole.header("etag").expect("a tag").to_owned();
    let modified = whole.header("last-modified").expect("a date").to_owned();

    let head = service.operator.send("HEAD", &asset_path("i1", "data"), &[], None).expect(200);
    for name in ["content-length", "etag", "content-type", "content-disposition", "repr-digest"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }

    let part =
        |range: &str, more: &[(&str, &str)]| service.download("i1", "data", &[&[("range", range)], more].concat());
    let some = part("bytes=100-299", &[]).expect(206);
    assert!(some.body == bytes[100..300]);
    has(&some, "content-range", "bytes 100-299/300000");
    assert!(part("bytes=-5", &[("accept-encoding", "gzip")]).expect(206).body == bytes[299_995..]);
    assert!(part("bytes=299990-", &[("if-range", &etag)]).expect(206).body == bytes[299_990..]);
    assert!(part("bytes=0-0", &[("if-range", &modified)]).expect(206).body == bytes[..1]);
    assert!(part("bytes=0-0", &[("if-range", "\"other\"")]).expect(200).body == bytes);
    assert!(part("lines=0-0", &[]).expect(200).body == bytes);

    let several = part("bytes=0-9, 500-509, -3", &[]).expect(206);
    let kind = several.header("content-type").expect("a type").to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("parts");
    assert_eq!(several.header("content-length").map(str::to_owned), Some(several.body.len().to_string()));
    let expected: Vec<u8> = [(0_usize, 10_usize), (500, 510), (299_997, 300_000)]
        .iter()
        .flat_map(|(a, b)| {
            let head = format!(
                "\r\n--{boundary}\r\ncontent-type: application/netcdf\r\ncontent-range: bytes {a}-{}/300000\r\n\r\n",
                b - 1
            );
            [head.into_bytes(), bytes[*a..*b].to_vec()].concat()
        })
        .chain(format!("\r\n--{boundary}--\r\n").into_bytes())
        .collect();
    assert!(several.body == expected);

    for range in ["bytes=300000-", "bytes=0-299999,0-1"] {
        let refused = part(range, &[]);
        has(&refused, "content-range", "bytes */300000");
        refused.problem(416);
    }
    let many = (0..1_000).map(|i| format!("{i}-{i}")).collect::<Vec<_>>().join(",");
    part(&format!("bytes={many}"), &[]).problem(416);

    let conditional = |name: &str, value: &str| service.download("i1", "data", &[(name, value)]);
    conditional("if-none-match", &etag).expect(304);
    conditional("if-modified-since", &modified).expect(304);
    conditional("if-match", "\"other\"").problem(412);
    conditional("if-match", &etag).expect(200);

    // Another state of the file has another tag: nothing of the two is ever joined.
    std::fs::write(service.disk().join("2024/a b.nc"), content(300_000)).expect("written");
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(service.disk().join("2024/a b.nc"), content(300_000)).expect("written");
    assert_eq!(part("bytes=0-0", &[("if-range", &etag)]).status, 200);
    service.server.finish();
}

#[test]
fn files_are_answered_below_the_root_that_was_asked_and_the_stored_item_stays() {
    let service = Service::with_collection(&[]);
    std::fs::write(service.disk().join("a.nc"), "abc").expect("written");
    let assets = json!({
        "a/b": {"href": "a.nc", "title": "A", "own": 1.0},
        "web": {"href": "https://data.example/x.nc"},
        "cold": {"href": "store://old/x.nc"},
        "none": {"href": "store://nowhere/x.nc"},
    });
    service.put("i/1", assets.clone());
    let url = service.server.url();
    for root in ["", "/api/v1/rs-catalog/stac", "/api/catalog/stac"] {
        let one = service.visitor.get(&format!("{root}/collections/c/items/i%2F1")).expect(200).json();
        let page = service.visitor.get(&format!("{root}/search?collections=c")).expect(200).json();
        let posted = service.visitor.post(&format!("{root}/search"), &json!({"collections": ["c"]})).expect(200).json();
        let exported = service.visitor.get(&format!("{root}/collections/c/export?f=ndjson")).expect(200);
        let exported: Value = serde_json::from_str(exported.text().trim()).expect("a line");
        for found in [&one, &page["features"][0], &posted["features"][0], &exported] {
            let href = |key: &str| found["assets"][key]["href"].as_str().unwrap_or_default().to_owned();
            assert_eq!(href("a/b"), format!("{url}{root}/collections/c/items/i%2F1/assets/a%2Fb"));
            assert_eq!(href("cold"), format!("{url}{root}/collections/c/items/i%2F1/assets/cold"));
            assert_eq!(
                (href("web").as_str(), href("none").as_str()),
                ("https://data.example/x.nc", "store://nowhere/x.nc")
            );
            assert_eq!(found["assets"]["a/b"]["title"], "A");
        }
        let file = service.operator.get(&path_of(one["assets"]["a/b"]["href"].as_str().expect("an address")));
        assert_eq!(file.expect(200).text(), "abc");
    }
    // Written back as it was answered, in each of the ways in which items are written, it is stored as it was.
    let stored = || -> Value {
        let changes = service.operator.get("/changes?since=0&limit=10000").expect(200).json();
        let all = changes["changes"].as_array().cloned().unwrap_or_default();
        let last = all.iter().rev().find(|change| change["id"] == "i/1").cloned().expect("a change");
        last["item"].get("assets").or_else(|| last["body"].get("assets")).cloned().unwrap_or(last)
    };
    let before = stored();
    assert!(!before.to_string().contains("/assets/"), "{before}");
    let answered = service.visitor.get("/api/catalog/stac/collections/c/items/i%2F1").expect(200).json();
    for round in 0..3 {
        let mut changed = answered.clone();
        changed["properties"]["round"] = round.into();
        let answer = match round {
            0 => service.operator.put("/collections/c/items/i%2F1", &changed),
            1 => service.operator.json(
                "PATCH",
                "/collections/c/items/i%2F1",
                &json!({"assets": changed["assets"], "properties": {"round": 1}}),
            ),
            _ => service.operator.bulk("c", &[changed]),
        };
        assert!(answer.status < 300, "{}", answer.text());
        assert_eq!(stored(), before, "round {round}");
    }
    service.visitor.get(&asset_path("i/1", "web")).problem(404);
    service.visitor.get(&asset_path("i/1", "nothing")).problem(404);
    service.visitor.get(&asset_path("i/2", "web")).problem(404);
    service.visitor.get(&asset_path("i/1", "a/b")).problem(401);
    // A person is shown where to sign in, and comes back to the file.
    let shown = service.visitor.send("GET", &asset_path("i/1", "a/b"), &[("accept", "text/html")], None);
    assert_eq!(shown.status, 303);
    let to = shown.header("location").expect("an address");
    assert!(to.contains("/sign-in?next=") && to.contains("assets"), "{to}");
    service.download("i/1", "cold", &[]).problem(404);
    service.server.finish();
}

#[test]
fn nothing_outside_a_store_is_reached() {
    let service = Service::with_collection(&[]);
    let secret = service.folder.path().join("secret");
    std::fs::write(&secret, "do not tell").expect("written");
    std::fs::create_dir(service.disk().join("in")).expect("a folder");
    symlink("../secret", service.disk().join("link")).expect("a link");
    symlink(service.folder.path(), service.disk().join("up")).expect("a link");
    symlink("/etc/passwd", service.disk().join("passwd")).expect("a link");
    let absolute = secret.display().to_string();
    let mut hrefs: Vec<String> = [
        "../secret",
        "in/../../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        "..%252fsecret",
        "....//secret",
        "..\\secret",
        "..%5csecret",
        "in/..\\..\\secret",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "store://disk/../secret",
        "store://disk//etc/passwd",
        "store://disk/%2e%2e/secret",
        "store://disk/in/%2e%2e/%2e%2e/secret",
        "store://disk/..%00/secret",
        "secret%00.nc",
        "link",
        "store://disk/link",
        "up/secret",
        "up/data/secret",
        "passwd",
        ".",
        "./..",
        "in",
        "in/",
        "store://",
        "store://disk",
        "store://disk/",
        "store:///x",
        "STORE://disk/x",
        "a\u{0}b",
        "%",
        "%zz",
        "%c0%ae%c0%ae/secret",
        "..;/secret",
        "in/%2e",
        "\u{ff0e}\u{ff0e}/secret",
        "C:\\secret",
        "data:text/plain,x",
        "javascript:alert(1)",
        "~/.ssh/id_rsa",
        "http://127.0.0.1/secret",
        "http://[::1]/",
        "//127.0.0.1/x",
        "/proc/self/environ",
        "/dev/stdin",
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    hrefs.extend([
        absolute.clone(),
        format!("file://{absolute}"),
        format!("store://disk/{absolute}"),
        "../".repeat(40) + "etc/passwd",
    ]);
    service.put("i1", json!({}));
    let mut stored = 0;
    for (i, href) in hrefs.iter().enumerate() {
        let mut item = item("c", "i1", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
        item["assets"] = json!({format!("k{i}"): {"href": href}});
        let written = service.operator.put("/collections/c/items/i1", &item);
        if written.status == 400 {
            // No address at all: it does not get in.
            continue;
        }
        assert!(written.status < 300, "{href}: {}", written.text());
        stored += 1;
        for (name, value) in [("accept", "*/*"), ("range", "bytes=0-4")] {
            let answer = service.download("i1", &format!("k{i}"), &[(name, value)]);
            assert!(!answer.text().contains("do not tell") && !answer.text().contains("root:"), "{href}");
            answer.problem(404);
        }
    }
    assert!(stored > 20, "only {stored} addresses got in");
    // What an address says is a key of an item, never a path.
    for key in ["..%2f..%2fsecret", "%2e%2e", "..", "%00", "k0%2f..%2f..%2fsecret"] {
        let answer = service.operator.send("GET", &format!("/collections/c/items/i1/assets/{key}"), &[], None);
        assert!((400..500).contains(&answer.status), "{key}: {}", answer.status);
    }
    // Neither does an upload leave its store.
    for key in ["..%2f..%2fup", "%2e%2e", "a%5cb", "con", "%2fetc%2fx", "x%3a", ".upload-1", "a%0ab"] {
        let path = format!("/collections/c/items/i1/assets/{key}");
        let answer = service.operator.send("PUT", &path, &[], Some(b"up"));
        assert!(answer.status < 500, "{key}: {}", answer.text());
        if answer.status == 201 {
            assert_eq!(service.operator.send("GET", &path, &[], None).expect(200).text(), "up");
        }
    }
    let outside = ["up", "x", "etc"].map(|name| service.folder.path().join(name));
    assert!(outside.iter().all(|path| !path.exists()));
    service.server.finish();
}

#[test]
fn a_signed_link_gives_its_file_until_it_ends() {
    let service = Service::with_collection(&[]);
    service.operator.post("/collections", &collection("h", "hidden")).expect(201);
    std::fs::write(service.disk().join("a.nc"), "abc").expect("written");
    service.put("i1", json!({"data": {"href": "a.nc"}, "other": {"href": "a.nc"}}));
    let mut hidden = item("h", "i1", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    hidden["assets"] = json!({"data": {"href": "a.nc"}});
    service.operator.put("/collections/h/items/i1", &hidden).expect(201);
    let link = |path: &str, lifetime_s: u64| -> String {
        let made =
            service.operator.post(&format!("{path}/link"), &json!({"lifetime_s": lifetime_s})).expect(201).json();
        assert!(made["expires"].as_str().is_some_and(|text| text.ends_with('Z')));
        path_of(made["href"].as_str().expect("an address"))
    };
    let path = asset_path("i1", "data");
    let signed = link(&path, 60);
    let get = |target: &str| service.visitor.send("GET", target, &[], None);
    assert_eq!(get(&signed).expect(200).text(), "abc");
    assert_eq!(service.visitor.send("GET", &signed, &[("range", "bytes=1-1")], None).expect(206).text(), "b");
    service.visitor.send("HEAD", &signed, &[], None).expect(200);
    assert_eq!(get(&format!("/api/catalog/stac{signed}")).expect(200).text(), "abc");

    let (_, query) = signed.split_once('?').expect("a query");
    for target in [
        format!("{}?{query}", asset_path("i1", "other")),
        signed.replace("user=tester", "user=other"),
        signed.replace("expires=", "expires=1"),
        signed.replace("keyid=", "keyid=0"),
        format!("{signed}0"),
        signed[..signed.len() - 2].to_owned(),
        format!("{signed}&user=tester"),
        format!("{path}?expires=99999999999"),
        format!("{path}?{}", query.split_once("&signature").expect("a signature").0),
        signed.replace("signature=", "signature=é").replace('é', "%C3%A9"),
    ] {
        get(&target).problem(403);
    }
    let put = service.visitor.send("PUT", &signed, &[], Some(b"x"));
    assert!(matches!(put.status, 400 | 401), "{}", put.status);
    service.visitor.post(&format!("{path}/link"), &json!({})).problem(401);
    for wrong in
        [json!({"lifetime_s": 0}), json!({"lifetime_s": 86_401}), json!({"lifetime_s": -1}), json!([]), json!({"x": 1})]
    {
        service.operator.post(&format!("{path}/link"), &wrong).problem(400);
    }

    // What is hidden stays so, but for whom a link to it was made by somebody who sees it.
    let of_hidden = "/collections/h/items/i1/assets/data";
    service.visitor.get(of_hidden).problem(404);
    service.visitor.post(&format!("{of_hidden}/link"), &json!({})).problem(404);
    assert_eq!(get(&link(of_hidden, 60)).expect(200).text(), "abc");

    let short = link(&path, 1);
    std::thread::sleep(Duration::from_millis(2_300));
    get(&short).problem(403);
    let data = service.folder.path().join("data");
    let id = service.key.split('_').nth(1).expect("a key");
    nilometer(Path::new("/"), &["admin", "key", "revoke", "--data", data.to_str().expect("a path"), id]).success();
    let begun = Instant::now();
    while get(&signed).status != 403 {
        assert!(begun.elapsed() < Duration::from_secs(5), "the link of a revoked key still holds");
        std::thread::sleep(Duration::from_millis(100));
    }
    service.server.finish();
}

#[test]
fn a_file_under_terms_is_given_to_those_who_accepted_them_and_to_whom_they_gave_a_link() {
    let service = Service::with_collection(&[]);
    let mut closed = collection("closed", "public");
    closed["nilometer:licence_acceptance"] = json!(true);
    closed["license"] = "other".into();
    service.operator.post("/collections", &closed).expect(201);
    std::fs::write(service.disk().join("a.nc"), "abc").expect("written");
    let mut thing = item("closed", "i1", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    thing["assets"] = json!({"data": {"href": "a.nc"}});
    service.operator.put("/collections/closed/items/i1", &thing).expect(201);
    let path = "/collections/closed/items/i1/assets/data";
    let refused = |answer: Response| {
        let problem = answer.problem(403);
        assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("licence-not-accepted")), "{problem}");
        let page = format!("{}/licences/closed", service.server.url());
        assert!(problem.to_string().contains(&page), "{problem}");
    };
    service.visitor.get(path).problem(401);
    refused(service.operator.get(path));
    refused(service.operator.post(&format!("{path}/link"), &json!({})));
    service.operator.post("/licences/closed", &json!({})).expect(200);
    assert_eq!(service.operator.get(path).expect(200).text(), "abc");
    let link = service.operator.post(&format!("{path}/link"), &json!({})).expect(201).json();
    let link = path_of(link["href"].as_str().expect("an address"));
    assert_eq!(service.visitor.get(&link).expect(200).text(), "abc");
    // Other terms are accepted anew, also by whoever made a link.
    closed["license"] = "CC-BY-4.0".into();
    service.operator.put("/collections/closed", &closed).expect(204);
    refused(service.operator.get(path));
    refused(service.visitor.get(&link));
    service.server.finish();
}

#[test]
fn an_upload_is_verified_and_placed_whole_or_not_at_all() {
    let service = Service::with_collection(&["limits.upload_bytes=5000000"]);
    service.put("i1", json!({"old": {"href": "https://data.example/x", "title": "kept"}}));
    let bytes = content(3_000_000);
    let (right, wrong) = (sha256(&bytes), sha256(b"another"));
    let path = asset_path("i1", "data.nc");
    let netcdf = [("content-type", "application/netcdf")];
    let send = |target: &str, body: &[u8]| service.operator.send("PUT", target, &netcdf, Some(body));
    let kept = || files(&service.disk());

    send(&format!("{path}?file:checksum={wrong}"), &bytes).problem(400);
    send(&format!("{path}?file:checksum=1220"), &bytes).problem(400);
    send(&format!("{path}?file:size=7"), &bytes).problem(400);
    send(&format!("{path}?store=nowhere"), &bytes).problem(400);
    send(&format!("{path}?store=old"), &bytes).problem(403);
    send(&format!("{path}?colour=blue"), &bytes).problem(400);
    send(&asset_path("nobody", "data.nc"), &bytes).problem(404);
    service.visitor.send("PUT", &path, &netcdf, Some(&bytes)).problem(401);
    service.operator.send("PUT", &path, &[("if-match", "\"1-o-x\"")], Some(&bytes)).problem(412);
    service.operator.send("PUT", &path, &[("content-encoding", "gzip")], Some(&bytes)).problem(415);
    let too_large = service.operator.send("PUT", &path, &[], Some(&content(5_000_001)));
    too_large.problem(413);
    // A body that ends before its announced length.
    let short = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\nabc",
        service.key
    );
    let mut stream = std::net::TcpStream::connect(service.operator.address()).expect("a connection");
    stream.write_all(short.as_bytes()).expect("sent");
    drop(stream);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(kept(), Vec::<PathBuf>::new());

    let made = send(&format!("{path}?file:checksum={right}&file:size={}", bytes.len()), &bytes).expect(201);
    let asset = made.json();
    assert_eq!((&asset["file:size"], &asset["file:checksum"]), (&json!(bytes.len()), &json!(right)));
    assert_eq!((&asset["type"], &asset["roles"]), (&json!("application/netcdf"), &json!(["data"])));
    assert_eq!(asset["href"], json!(format!("{}{path}", service.server.url())));
    let item = service.visitor.get("/collections/c/items/i1").expect(200).json();
    assert_eq!(item["assets"]["old"]["title"], "kept");
    assert!(item["stac_extensions"].to_string().contains("/file/"));
    let file = service.download("i1", "data.nc", &[]).expect(200);
    assert!(file.body == bytes);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"data.nc\""));
    assert_eq!(kept().len(), 1);

    // What the item tells of the file that was uploaded is no promise of the next one.
    send(&format!("{path}?file:checksum={right}"), b"another").problem(400);
    assert!(service.download("i1", "data.nc", &[]).body == bytes);
    for body in ["another", "and one more"] {
        let asset = send(&path, body.as_bytes()).expect(200).json();
        assert_eq!(asset["file:checksum"], sha256(body.as_bytes()));
        assert_eq!(service.download("i1", "data.nc", &[]).expect(200).text(), body);
        assert_eq!(kept().len(), 1, "the file that was replaced is gone");
    }

    // An item that tells the checksum of a file that is still to come is kept to its word.
    service.put("i2", json!({"late": {"href": "https://data.example/late", "file:checksum": wrong}}));
    let late = asset_path("i2", "late");
    send(&late, b"something else").problem(400);
    send(&late, b"another").expect(200);

    let empty = send(&asset_path("i1", "empty"), b"").expect(201).json();
    assert_eq!(empty["file:size"], 0);
    assert_eq!(service.download("i1", "empty", &[]).expect(200).body, b"");
    for (algorithm, digest) in [
        (
            "1340",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("1e20", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ] {
        let path = asset_path("i1", algorithm);
        let answer = send(&format!("{path}?file:checksum={algorithm}{digest}"), b"abc").expect(201);
        assert_eq!(answer.json()["file:checksum"], format!("{algorithm}{digest}"));
    }
    service.server.finish();
}

#[test]
fn a_damaged_file_is_never_taken_for_a_whole_one() {
    let service = Service::with_collection(&[]);
    let bytes = content(500_000);
    let mut damaged = bytes.clone();
    damaged[250_000] ^= 1;
    std::fs::write(service.disk().join("damaged"), &damaged).expect("written");
    std::fs::write(service.disk().join("short"), &bytes[..10]).expect("written");
    let told = json!({"file:size": bytes.len(), "file:checksum": sha256(&bytes)});
    let asset = |href: &str| {
        let mut asset = told.clone();
        asset["href"] = href.into();
        asset
    };
    service.put("i1", json!({"damaged": asset("damaged"), "short": asset("short")}));
    let broken = service.operator.try_send("GET", &asset_path("i1", "damaged"), &[], None);
    assert!(broken.is_err(), "the connection is broken off before the last byte");
    service.download("i1", "short", &[]).problem(503);
}

#[test]
fn a_feature_with_observations_has_its_series_as_files() {
    let service = Service::start(&[], demo_copy);
    let (collection, id) = ("camels-fr-stations", "H010002001");
    let path = format!("/collections/{collection}/items/{id}");
    let item = service.visitor.get(&path).expect(200).json();
    let url = service.server.url();
    let mut tags = Vec::new();
    for (ending, media_type, label) in
        [("csv", "text/csv", "CSV"), ("parquet", "application/vnd.apache.parquet", "Parquet")]
    {
        let key = format!("{id}.{ending}");
        let asset = &item["assets"][&key];
        assert_eq!((&asset["href"], &asset["type"]), (&json!(format!("{url}{path}/assets/{key}")), &json!(media_type)));
        let target = format!("{path}/assets/{key}");
        service.visitor.get(&target).problem(401);
        let head = service.operator.send("HEAD", &target, &[("accept-encoding", "gzip")], None).expect(200);
        let whole = service.operator.send("GET", &target, &[("accept-encoding", "gzip")], None).expect(200);
        assert_eq!(head.header("content-length").map(str::to_owned), Some(whole.body.len().to_string()));
        assert_eq!(
            whole.header("content-disposition").map(str::to_owned),
            Some(format!("attachment; filename=\"{key}\""))
        );
        let edr = service.visitor.get(&format!("/collections/{collection}/locations/{id}?f={label}")).expect(200);
        assert!(whole.body == edr.body, "the same as OGC API EDR gives");
        let half = whole.body.len() / 2;
        let etag = whole.header("etag").expect("a tag").to_owned();
        let range = format!("bytes={half}-");
        let rest = service.operator.send("GET", &target, &[("range", &range), ("if-range", &etag)], None).expect(206);
        assert!(rest.body == whole.body[half..]);
        tags.push(etag);
    }
    // Written back, the item keeps none of them.
    let before = service.visitor.get(&path).expect(200);
    let mut answered = before.json();
    answered["properties"]["note"] = "written back".into();
    let written = service.operator.put(&path, &answered).expect(204);
    let tag = written.header("etag").expect("a tag");
    let sequence: u64 = tag[1..].split('-').next().and_then(|text| text.parse().ok()).expect("a sequence number");
    let change = service.operator.get(&format!("/changes?since={}", sequence - 1)).expect(200).json();
    assert_eq!(change["changes"][0]["item"]["assets"], json!({}), "{change}");
    let none = service.visitor.get("/collections/lakes/items?limit=1").expect(200).json();
    assert!(none["features"][0]["assets"].as_object().is_some_and(serde_json::Map::is_empty));
    service.operator.get("/collections/lakes/items/x/assets/x.csv").problem(404);

    // Another process writes the same bytes, so that a download goes on where it was.
    let data = service.folder.path().join("data");
    service.server.finish();
    let again = Server::start(&data);
    let client = again.client(&service.key);
    for (ending, tag) in ["csv", "parquet"].iter().zip(&tags) {
        let head = client.send("HEAD", &format!("{path}/assets/{id}.{ending}"), &[], None).expect(200);
        assert_eq!(head.header("etag"), Some(tag.as_str()));
    }
    again.finish();
}

/// A server that gives each request what `answer` makes of its head, and counts connections.
fn stub(at: &str, answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(at).expect("an address");
    let address = listener.local_addr().expect("an address");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let Ok(mut stream) = stream else { continue };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            drop(stream.write_all(&answer(&String::from_utf8_lossy(&head))));
        }
    });
    (address, connections)
}

#[test]
fn other_servers_are_asked_only_where_that_is_allowed() {
    let (inner, inner_connections) = stub("127.0.0.2:0", |_| Vec::new());
    let inner_port = inner.port();
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let notes = Arc::clone(&seen);
    let (open, _) = stub("127.0.0.1:0", move |head| {
        notes.lock().expect("a lock").push_str(head);
        let path = head.split(' ').nth(1).unwrap_or_default();
        let to = |target: String| {
            format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        };
        match path {
            "/loopback" => to(format!("http://127.0.0.2:{inner_port}/x")).into_bytes(),
            "/mapped" => to(format!("http://[::ffff:127.0.0.2]:{inner_port}/x")).into_bytes(),
            "/metadata" => to("http://169.254.169.254/latest/meta-data/".into()).into_bytes(),
            "/here" => to("/a.nc".into()).into_bytes(),
            _ => {
                let body = if head.starts_with("HEAD") { "" } else { "abc" };
                format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\netag: \"1\"\r\nconnection: close\r\n\r\n{body}")
                    .into_bytes()
            }
        }
    });
    let hosts = format!(
        "remote.hosts={open},127.0.0.2:{inner_port},[::ffff:127.0.0.2]:{inner_port},169.254.169.254,localhost:{inner_port}"
    );
    let service = Service::with_collection(&[&hosts, "remote.addresses=127.0.0.1"]);
    let hrefs = [
        ("file", format!("http://{open}/a.nc")),
        ("here", format!("http://{open}/here")),
        ("loopback", format!("http://{open}/loopback")),
        ("mapped", format!("http://{open}/mapped")),
        ("metadata", format!("http://{open}/metadata")),
        ("direct", format!("http://127.0.0.2:{inner_port}/x")),
        ("direct-metadata", "http://169.254.169.254/latest/".to_owned()),
        ("elsewhere", format!("http://127.0.0.3:{inner_port}/x")),
        ("credentials", format!("http://a:b@{open}/a.nc")),
    ];
    let assets: serde_json::Map<String, Value> =
        hrefs.iter().map(|(key, href)| ((*key).to_owned(), json!({"href": href}))).collect();
    service.put("i1", assets.into());
    let cookie = [("cookie", "session=1"), ("x-forwarded-for", "1.2.3.4")];
    assert_eq!(service.download("i1", "file", &cookie).expect(200).text(), "abc");
    assert_eq!(service.download("i1", "file", &[("range", "bytes=1-1")]).expect(206).text(), "b");
    assert_eq!(service.download("i1", "here", &[]).expect(200).text(), "abc");
    for key in ["loopback", "mapped", "metadata", "direct", "direct-metadata", "credentials"] {
        service.download("i1", key, &[]).problem(503);
    }
    service.download("i1", "elsewhere", &[]).problem(404);
    assert_eq!(inner_connections.load(Ordering::SeqCst), 0);
    let seen = seen.lock().expect("a lock").to_ascii_lowercase();
    for name in ["authorization", "cookie", "x-api-key", "x-forwarded-for", &service.key] {
        assert!(!seen.contains(name), "{name}");
    }
    let item = service.visitor.get("/collections/c/items/i1").expect(200).json();
    assert_eq!(item["assets"]["elsewhere"]["href"], hrefs[7].1.as_str());
}

#[test]
fn a_name_that_leads_inward_is_not_asked_although_it_is_listed() {
    let (inner, connections) = stub("127.0.0.1:0", |_| Vec::new());
    let host = format!("localhost:{}", inner.port());
    let service = Service::with_collection(&[&format!("remote.hosts={host}")]);
    service.put("i1", json!({"file": {"href": format!("https://{host}/a.nc")}}));
    service.download("i1", "file", &[]).problem(503);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[test]
fn the_secret_of_a_store_is_nowhere_shown() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let settings = "[stores.b]\nkind = 's3'\nendpoint = 'http://127.0.0.1:9'\nbucket = 'b'\naccess_key = 'me'\nsecret_key = 'planted-canary'\n";
    std::fs::write(data.join("nilometer.toml"), settings).expect("written");
    let data = data.to_str().expect("a path");
    for arguments in
        [&["config", "--data", data][..], &["config", "--data", data, "--json"], &["config", "--data", data, "--docs"]]
    {
        let output = nilometer(Path::new("/"), arguments).success();
        assert!(!format!("{}{}", output.stdout, output.stderr).contains("canary"), "{arguments:?}");
        assert!(output.stdout.contains("secret_key"), "{arguments:?}");
    }
    let key = operator_key(Path::new(data));
    let server = Server::start_with(Path::new(data), &["--log-level", "trace"]);
    server.client(&key).post("/collections", &collection("c", "public")).expect(201);
    let mut item = item("c", "i", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    item["assets"] = json!({"a": {"href": "store://b/x"}});
    server.client(&key).put("/collections/c/items/i", &item).expect(201);
    server.client(&key).get("/collections/c/items/i/assets/a").problem(503);
    let lines = server.lines().join("\n");
    assert!(!lines.contains("canary"), "{lines}");
}
