//! A data directory with files to order, and what tests do with orders again and again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nilometer_tests::{Client, Response, Server, collection, item, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use nilometer_tests::orders::WORKFLOWS;

/// Most time that an order of a test takes; reached only when something hangs.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(240);

/// A data directory with a store, and a key.
pub(crate) struct Shop {
    pub(crate) folder: TempDir,
    pub(crate) key: String,
    pub(crate) settings: Vec<String>,
}

impl Shop {
    pub(crate) fn new(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        prepare(&folder.path().join("data"));
        std::fs::create_dir_all(folder.path().join("store")).expect("a folder");
        let key = operator_key(&folder.path().join("data"));
        let root = format!("stores.disk.root={}", folder.path().join("store").display());
        let own = ["stores.disk.kind=directory", &root, "orders.lease_s=5"];
        let settings = own.iter().chain(settings).map(ToString::to_string).collect();
        Self { folder, key, settings }
    }

    pub(crate) fn serve(&self) -> (Server, Client) {
        let arguments: Vec<&str> = self.settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        let server = Server::start_with(&self.data(), &arguments);
        let client = server.client(&self.key);
        (server, client)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Puts `count` files of some bytes into the store, and items that have them into a collection.
    pub(crate) fn fill(&self, client: &Client, id: &str, count: usize, bytes: usize) {
        client.post("/collections", &collection(id, "public")).expect(201);
        self.fill_more(client, id, 0..count, bytes);
    }

    /// The same for a collection that is there.
    pub(crate) fn fill_more(&self, client: &Client, id: &str, numbers: std::ops::Range<usize>, bytes: usize) {
        let mut items = Vec::new();
        for number in numbers {
            std::fs::write(self.store().join(format!("{id}-{number}.bin")), content(number, bytes)).expect("written");
            let mut item = item(id, &format!("i-{number:05}"), 1.0, 2.0, "2024-01-01T00:00:00Z", json!({}));
            item["assets"] = json!({"data": {"href": format!("{id}-{number}.bin"), "roles": ["data"]}});
            items.push(item);
        }
        for some in items.chunks(2_000) {
            client.bulk(id, some).expect(200);
        }
    }
}

/// Bytes that differ from file to file.
pub(crate) fn content(number: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / 97 + number * 31) as u8 ^ (at % 97) as u8).collect()
}

pub(crate) fn submit(client: &Client, body: &Value) -> String {
    let answer = client.post(WORKFLOWS, body).expect(201).json();
    answer["workflowId"].as_str().expect("an id").to_owned()
}

pub(crate) fn all_of(id: &str) -> Value {
    json!({"search": {"collections": [id]}, "folder": "all"})
}

/// Waits until an order is no more under way.
#[track_caller]
pub(crate) fn ended(client: &Client, id: &str) -> Value {
    nilometer_tests::orders::ended(client, id, READY_WITHIN)
}

#[track_caller]
pub(crate) fn completed(client: &Client, id: &str) {
    let status = ended(client, id);
    assert_eq!(status["status"], "COMPLETED", "{status}");
}

pub(crate) fn zip_path(id: &str) -> String {
    format!("{WORKFLOWS}/{id}/zip")
}

/// What Python's own reader, which checks every CRC, finds in an archive: names with their sizes.
#[track_caller]
pub(crate) fn listed(archive: &Path) -> Vec<(String, u64)> {
    let program = "import json, sys, zipfile\narchive = zipfile.ZipFile(sys.argv[1])\nassert archive.testzip() is None\n\
                   print(json.dumps([[i.filename, i.file_size] for i in archive.infolist()]))";
    let output = Command::new("python3").args(["-c", program]).arg(archive).output().expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a list")
}

pub(crate) fn member(archive: &Path, name: &str) -> Vec<u8> {
    let program = "import sys, zipfile\nsys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    let output =
        Command::new("python3").args(["-c", program]).arg(archive).arg(name).output().expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Unpacks an archive into a folder.
#[track_caller]
pub(crate) fn unpack(archive: &Path, folder: &Path) {
    let program = "import sys, zipfile\nzipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let output =
        Command::new("python3").args(["-c", program]).arg(archive).arg(folder).output().expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn kept(folder: &Path, answer: &Response) -> PathBuf {
    let path = folder.join("fetched.zip");
    std::fs::write(&path, &answer.body).expect("written");
    path
}
