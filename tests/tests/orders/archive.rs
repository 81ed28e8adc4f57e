//! What an archive holds, and how it is fetched.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nilometer_tests::{Client, Server, collection, item, record, skipped};
use serde_json::{Value, json};

use crate::shop::{Shop, WORKFLOWS, all_of, completed, content, ended, kept, listed, member, submit, zip_path};

#[test]
fn an_order_holds_its_files_and_is_fetched_whole_in_parts_and_under_conditions() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 5, 10_000);
    let estimate = client.post(&format!("{WORKFLOWS}/estimate"), &all_of("c")).expect(200).json();
    assert_eq!((&estimate["files"], &estimate["unknownSizes"]), (&json!(5), &json!(5)), "{estimate}");
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let whole = client.get(&zip_path(&id)).expect(200);
    assert_eq!(whole.header("content-disposition"), Some(format!("attachment; filename={id}.zip").as_str()));
    assert_eq!(whole.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-encoding")), (Some("bytes"), None));
    let etag = whole.header("etag").expect("a tag").to_owned();
    let head = client.send("HEAD", &zip_path(&id), &[], None).expect(200);
    assert_eq!(
        (head.header("content-length"), head.header("etag")),
        (whole.header("content-length"), Some(etag.as_str()))
    );
    // From any byte to any other, also after a restart; another state than the one that was begun is sent whole.
    let size = whole.body.len();
    server.finish();
    let (server, client) = shop.serve();
    for (first, last) in [(0, 0), (1, 20_000), (size - 900, size - 1), (10_050, 31_000)] {
        let range = format!("bytes={first}-{last}");
        let part = client.send("GET", &zip_path(&id), &[("range", &range), ("if-range", &etag)], None).expect(206);
        assert!(part.body == whole.body[first..=last], "{range}");
    }
    client.send("GET", &zip_path(&id), &[("range", "bytes=5-9"), ("if-range", "\"other\"")], None).expect(200);
    client.send("GET", &zip_path(&id), &[("if-none-match", &etag)], None).expect(304);
    client.send("GET", &zip_path(&id), &[("range", &format!("bytes={size}-"))], None).problem(416);
    let path = kept(shop.folder.path(), &whole);
    let names: BTreeSet<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
    let mut expected: BTreeSet<String> = (0..5).map(|number| format!("all/c-{number}.bin")).collect();
    expected.extend(["manifest.json", "LICENCE.txt", "CITATION.txt"].map(|name| format!("all/{name}")));
    assert_eq!(names, expected);
    assert!(member(&path, "all/c-3.bin") == content(3, 10_000));
    let manifest: Value = serde_json::from_slice(&member(&path, "all/manifest.json")).expect("JSON");
    assert_eq!(manifest["files"].as_array().map(Vec::len), Some(5), "{manifest}");
    assert_eq!(manifest["files"][0]["origin"]["collection"], "c");
    let text = |name: &str| String::from_utf8(member(&path, &format!("all/{name}.txt"))).expect("text");
    let told = client.get("/collections/c").expect(200).json();
    let title = told["title"].as_str().or(told["id"].as_str()).expect("a name");
    assert!(
        text("LICENCE").contains(&format!("Licence: {}", told["license"].as_str().expect("a licence"))),
        "{}",
        text("LICENCE")
    );
    assert!(text("CITATION").contains(title), "{}", text("CITATION"));
    // It stays what it was when it was prepared, whatever is written then.
    shop.fill_more(&client, "c", 5..7, 10_000);
    assert!(client.get(&zip_path(&id)).expect(200).body == whole.body);
    let page = client.send("GET", &format!("/orders/{id}/files"), &[("accept", "text/html")], None).expect(200).text();
    assert!(page.contains("all/c-4.bin") && !page.contains("all/c-5.bin"), "{page}");
    // Nobody else sees it, and without a key nobody sees anything.
    server.visitor().get(&zip_path(&id)).problem(401);
    let metrics = server.visitor().get("/metrics").expect(200).text();
    assert!(metrics.contains("nilometer_orders{state=\"COMPLETED\"} 1"), "{metrics}");
    server.finish();
}

#[test]
fn an_order_of_ten_thousand_files_is_whole_and_a_broken_download_goes_on() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    let count = 10_000;
    shop.fill(&client, "many", count, 100);
    let id = submit(&client, &all_of("many"));
    completed(&client, &id);
    // A client that goes away in the middle, and one that goes on from there.
    let head = client.send("HEAD", &zip_path(&id), &[], None).expect(200);
    let (size, etag) =
        (head.header("content-length").expect("a length").to_owned(), head.header("etag").expect("a tag").to_owned());
    let cut = 700_001;
    let begun = begun_and_left(&client, &shop.key, &zip_path(&id), cut);
    let rest = client.send("GET", &zip_path(&id), &[("range", &format!("bytes={cut}-")), ("if-range", &etag)], None);
    let rest = rest.expect(206);
    let archive = [begun, rest.body].concat();
    assert_eq!(archive.len().to_string(), size);
    let path = shop.folder.path().join("many.zip");
    std::fs::write(&path, &archive).expect("written");
    let members = listed(&path);
    assert_eq!(members.len(), count + 3);
    assert_eq!(members.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), count + 3);
    match Command::new("unzip").args(["-tq"]).arg(&path).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(_) => skipped("unzip is not there"),
    }
    server.finish();
}

/// The first bytes of an answer's body, whose connection is closed after them.
fn begun_and_left(client: &Client, key: &str, target: &str, bytes: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(client.address()).expect("connected");
    let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\nx-api-key: {key}\r\n\r\n", client.address());
    stream.write_all(request.as_bytes()).expect("sent");
    let mut got = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        let count = stream.read(&mut piece).expect("bytes");
        assert!(count > 0, "the answer ended");
        got.extend_from_slice(&piece[..count]);
        let body = got.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        if let Some(body) = body.filter(|body| got.len() >= body + bytes) {
            return got[body..body + bytes].to_vec();
        }
    }
}

#[test]
fn a_file_that_changed_since_breaks_the_download_off_and_the_order_says_so() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 3, 100_000);
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    std::fs::write(shop.store().join("c-1.bin"), content(9, 100_000)).expect("written");
    assert!(client.try_send("GET", &zip_path(&id), &[], None).is_err(), "a part looked whole");
    let begun = Instant::now();
    loop {
        let status = client.get(&format!("{WORKFLOWS}/{id}/status")).expect(200).json();
        if status["message"].as_str().is_some_and(|text| text.starts_with("FILE_UNAVAILABLE: all/c-1.bin")) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{status}");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Where it is the first that is needed, there is an answer to tell it by.
    let problem = client.send("GET", &zip_path(&id), &[("range", "bytes=150000-")], None).problem(410);
    assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("order-file-gone")), "{problem}");
    client.send("GET", &zip_path(&id), &[("range", "bytes=0-99999")], None).expect(206);
    // What is gone when the order is prepared is left out, and told.
    std::fs::remove_file(shop.store().join("c-1.bin")).expect("removed");
    let id = submit(&client, &all_of("c"));
    let status = ended(&client, &id);
    assert_eq!(status["status"], "COMPLETED");
    assert!(
        status["message"].as_str().is_some_and(|text| text.starts_with("INCOMPLETE: not to be had: 1 file (i-00001);")),
        "{status}"
    );
    let path = kept(shop.folder.path(), &client.get(&zip_path(&id)).expect(200));
    let manifest: Value = serde_json::from_slice(&member(&path, "all/manifest.json")).expect("JSON");
    assert_eq!(
        (manifest["files"].as_array().map(Vec::len), &manifest["missing"][0]["origin"]["item"]),
        (Some(2), &json!("i-00001"))
    );
    drop(server);
}

#[test]
fn names_never_lead_out_of_the_archive_and_none_is_lost() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    for folder in [
        "../../etc",
        "/abs",
        "C:\\Windows\\x",
        "a/../../b",
        "nul\0x",
        "..",
        ".",
        "con/aux.txt",
        "a\nb",
        "ünï/日本",
        "x".repeat(1_000).as_str(),
    ] {
        let id = submit(
            &client,
            &json!({"collections": [
            {"collectionId": "c", "correlationId": "c", "folder": folder, "filters": {"bbox": null}},
            {"collectionId": "c", "correlationId": "c_2", "folder": folder, "filters": null}]}),
        );
        completed(&client, &id);
        let path = kept(shop.folder.path(), &client.get(&zip_path(&id)).expect(200));
        let names: Vec<String> = listed(&path).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>().len(), names.len());
        assert_eq!(names.iter().filter(|name| name.ends_with(".bin")).count(), 4, "{folder:?}: {names:?}");
        for name in &names {
            let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':', '\0', '\n']);
            assert!(!name.split('/').any(odd), "{folder:?}: {name:?}");
        }
        client.delete(&format!("{WORKFLOWS}/{id}")).expect(204);
    }
    server.finish();
}

/// A server that has one file at every address, and counts how often its bytes are asked for.
fn counting_server(bytes: Vec<u8>) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut piece = [0; 4_096];
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(count) if count > 0 => head.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")).and_then(|range| {
                let (first, last) = range.split_once('-')?;
                Some((first.parse::<usize>().ok()?, last.parse::<usize>().unwrap_or(bytes.len() - 1)))
            });
            let (first, last) = range.unwrap_or((0, bytes.len() - 1));
            let (code, more) = match range {
                Some(_) => ("206 Partial Content", format!("content-range: bytes {first}-{last}/{}\r\n", bytes.len())),
                None => ("200 OK", String::new()),
            };
            let length = last + 1 - first;
            let answer = format!(
                "HTTP/1.1 {code}\r\netag: \"a\"\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
            if head.starts_with("get ") {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&bytes[first..=last]);
            }
        }
    });
    (address, count)
}

#[test]
fn a_checksum_that_was_computed_once_is_not_computed_again_for_another_range() {
    let (address, asked) = counting_server(content(1, 50_000));
    let hosts = format!("remote.hosts={address}");
    let shop = Shop::new(&[&hosts, "remote.addresses=127.0.0.1"], |_| {});
    let (server, client) = shop.serve();
    client.post("/collections", &collection("c", "public")).expect(201);
    let mut thing = item("c", "x", 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
    thing["assets"] = json!({"data": {"href": format!("http://{address}/a.bin"), "roles": ["data"]}});
    client.post("/collections/c/items", &thing).expect(201);
    let search = client.post("/searches", &json!({"collections": ["c"]})).expect(201).json();
    let zip = format!("/searches/{}/zip", search["id"].as_str().expect("an id"));
    let length =
        client.send("HEAD", &zip, &[], None).expect(200).header("content-length").expect("a length").to_owned();
    let length: usize = length.parse().expect("a number");
    let tail = || {
        let range = format!("bytes={}-", length - 400);
        client.send("GET", &zip, &[("range", &range)], None).expect(206).body
    };
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // The directory at the end holds the checksum of the file, which nobody knows yet.
    let first = tail();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(tail() == first && tail() == first);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let whole = client.get(&zip).expect(200);
    assert!(whole.body.ends_with(&first) && asked.load(Ordering::SeqCst) == 2);
    assert_eq!(listed(&kept(shop.folder.path(), &whole)).len(), 4);
    server.finish();
}

/// Downloads at a time whose memory is measured.
const READERS: u64 = 64;

/// A figure of a server's memory, as the system tells it.
fn memory_kib(server: &Server, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a figure");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Whether a member of an archive is a file, to the byte.
fn holds(archive: &Path, name: &str, file: &Path) -> bool {
    let program = "import hashlib, sys, zipfile\n\
                   of = lambda source: hashlib.file_digest(source, 'sha256').digest()\n\
                   whole = of(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2])) == of(open(sys.argv[3], 'rb'))\n\
                   sys.exit(0 if whole else 1)";
    let mut command = Command::new("python3");
    command.args(["-c", program]).arg(archive).arg(name).arg(file).status().expect("python3 can be run").success()
}

/// Processor time of a server so far.
fn processor_seconds(server: &Server) -> f64 {
    let metrics = server.visitor().get("/metrics").expect(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
    line.and_then(|value| value.parse().ok()).expect("a figure")
}

#[test]
#[ignore = "5 GiB of disk; `make long`"]
fn an_order_of_more_than_four_gibibytes_is_streamed_and_resumed_in_little_memory() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 5, 10);
    for number in 0..5_u64 {
        // Holes: the bytes are there for readers, and take no disk. Marks tell each place of each file from all others.
        let file = std::fs::File::create(shop.store().join(format!("c-{number}.bin"))).expect("a file");
        file.set_len(1 << 30).expect("a length");
        for at in (0..1 << 30).step_by((64 << 20) - 4_099) {
            file.write_all_at(&(number << 32 | at).to_be_bytes(), at).expect("a mark");
        }
    }
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let size: u64 = client
        .send("HEAD", &zip_path(&id), &[], None)
        .expect(200)
        .header("content-length")
        .and_then(|v| v.parse().ok())
        .expect("a length");
    assert!(size > 5 << 30);
    let path = shop.folder.path().join("large.zip");
    let url = format!("{}{}", server.url(), zip_path(&id));
    let key = format!("x-api-key: {}", shop.key);
    // Broken off after a while, then gone on with until it is whole.
    let curl = |limits: &[&str]| {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--fail", "--continue-at", "-", "--header", &key, "--output"])
            .arg(&path)
            .args(limits)
            .arg(&url);
        command.status().expect("curl can be run")
    };
    let broken = curl(&["--max-time", "2"]);
    assert!(!broken.success(), "the whole came within two seconds");
    let begun = std::fs::metadata(&path).expect("a part").len();
    assert!(begun > 0 && begun < size);
    let (before, started) = (processor_seconds(&server), Instant::now());
    assert!(curl(&[]).success());
    let (seconds, processor) = (started.elapsed().as_secs_f64(), processor_seconds(&server) - before);
    assert_eq!(std::fs::metadata(&path).expect("the whole").len(), size);
    assert_eq!(listed(&path).len(), 8);
    for number in 0..5 {
        let name = format!("c-{number}.bin");
        assert!(holds(&path, &format!("all/{name}"), &shop.store().join(&name)), "{name}");
    }
    let peak = memory_kib(&server, "VmHWM");
    assert!(peak < 600 << 10, "{peak} KiB");
    // Many at a time, none of whom takes more than its beginning.
    let before_many = memory_kib(&server, "VmRSS");
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut stream = TcpStream::connect(client.address()).expect("connected");
            let (address, key) = (client.address(), &shop.key);
            let request = format!("GET {} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\n\r\n", zip_path(&id));
            stream.write_all(request.as_bytes()).expect("sent");
            stream.read_exact(&mut [0; 100_000]).expect("the beginning");
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_secs(3));
    let each = memory_kib(&server, "VmRSS").saturating_sub(before_many) / READERS;
    drop(readers);
    assert!(each < 4 << 10, "{each} KiB for each download");
    let rest = (size - begun) as f64 / 1e6;
    record(
        "orders-stream",
        &format!(
            "# An order of more than 4 GiB, streamed\n\n\
             Five files of 1 GiB each in one archive with their checksums and a manifest, fetched by curl over loopback, broken off \
             after two seconds and gone on with. What the archive holds is read from its files while it is sent.\n\n\
             | archive | gone on with at | rest | MB/s | MB per CPU second of the service | peak memory of the service | memory for each of {READERS} slow readers more |\n\
             | --: | --: | --: | --: | --: | --: | --: |\n\
             | {size} bytes | {begun} | {seconds:.1} s | {:.0} | {:.0} | {} MiB | {each} KiB |",
            rest / seconds,
            rest / processor,
            peak >> 10,
        ),
    );
    server.finish();
}

#[test]
fn a_download_under_way_comes_to_its_end_when_the_service_is_told_to_end() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 3, 10_000_000);
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let size: usize = client.get(&zip_path(&id)).expect(200).body.len();
    let mut stream = TcpStream::connect(client.address()).expect("connected");
    let (address, key) = (client.address(), &shop.key);
    let request =
        format!("GET {} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n", zip_path(&id));
    stream.write_all(request.as_bytes()).expect("sent");
    let mut got = vec![0; 100_000];
    stream.read_exact(&mut got).expect("the beginning");
    server.signal("TERM");
    let begun = Instant::now();
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(address).is_err(), "nobody new is let in");
    stream.read_to_end(&mut got).expect("the rest");
    let body = got.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(got.len() - body, size);
    let mut server = server;
    while server.is_alive() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the service goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("ended {} ms after it was told", begun.elapsed().as_millis());
}

#[test]
fn sigterm_ends_the_service_in_time_and_a_long_download_goes_on_afterwards() {
    let shop = Shop::new(&["limits.shutdown_grace_s=2"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 4, 10);
    for number in 0..4 {
        let file = std::fs::File::create(shop.store().join(format!("c-{number}.bin"))).expect("a file");
        file.set_len(50 << 20).expect("a length");
    }
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let head = client.send("HEAD", &zip_path(&id), &[], None).expect(200);
    let etag = head.header("etag").expect("a tag").to_owned();
    let size: usize = head.header("content-length").and_then(|v| v.parse().ok()).expect("a length");
    let waiting: Vec<String> = (0..5).map(|_| submit(&client, &all_of("c"))).collect();
    // A reader that takes a little and then nothing any more.
    let mut stream = TcpStream::connect(client.address()).expect("connected");
    let request =
        format!("GET {} HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n", zip_path(&id), client.address(), shop.key);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut first = [0; 4_096];
    stream.read_exact(&mut first).expect("the beginning");
    let begun = Instant::now();
    server.signal("TERM");
    let mut server = server;
    while server.is_alive() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the service goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(server);
    let (server, client) = shop.serve();
    let range = format!("bytes={}-", size - 5_000);
    let part = client.send("GET", &zip_path(&id), &[("range", &range), ("if-range", &etag)], None).expect(206);
    assert_eq!(part.body.len(), 5_000);
    for id in &waiting {
        completed(&client, id);
    }
    server.finish();
}
