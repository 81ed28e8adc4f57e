//! Writes single items from many clients at once and tells how many were acknowledged a second.
//!
//! `write_load URL KEY COLLECTION CLIENTS SECONDS` prints one JSON object. Each client keeps one connection and sends its
//! next item when the last one was acknowledged, so that a write is one round trip and one durable commit.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nilometer_tests::http::Connection;
use nilometer_tests::{Client, collection, item};
use serde_json::json;

struct Load {
    address: SocketAddr,
    key: String,
    collection: String,
    clients: usize,
    lasting: Duration,
}

fn parse(arguments: &[String]) -> Option<Load> {
    let [url, key, collection, clients, seconds] = arguments else { return None };
    Some(Load {
        address: url.trim_start_matches("http://").trim_end_matches('/').parse().ok()?,
        key: key.clone(),
        collection: collection.clone(),
        clients: clients.parse().ok()?,
        lasting: Duration::from_secs(seconds.parse().ok()?),
    })
}

/// Writes until the time is over; the latency of each acknowledged write, microseconds.
fn write(load: &Load, client: usize, end: Instant) -> Result<Vec<u64>, String> {
    let mut connection = Connection::open(load.address).map_err(|e| e.to_string())?;
    let bearer = format!("Bearer {}", load.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/geo+json")];
    let target = format!("/collections/{}/items", load.collection);
    let mut random = fastrand::Rng::with_seed(client as u64);
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let id = format!("c{client}-{}", latencies.len());
        let (lon, lat) = (random.f64() * 360.0 - 180.0, random.f64() * 170.0 - 85.0);
        let properties =
            json!({"wse_m": random.f64() * 100.0, "title": format!("Reading {id}"), "quality": random.u8(0..4)});
        let body = item(&load.collection, &id, lon, lat, "2024-05-01T00:00:00Z", properties).to_string();
        let sent = Instant::now();
        let answer = connection.send("POST", &target, &headers, Some(body.as_bytes())).map_err(|e| e.to_string())?;
        if answer.status != 201 {
            return Err(format!("{}: {}", answer.status, answer.text()));
        }
        latencies.push(sent.elapsed().as_micros() as u64);
    }
    Ok(latencies)
}

fn run(load: &Load) -> Result<serde_json::Value, String> {
    let operator = Client::visitor(load.address).with_key(&load.key);
    let made = operator.post("/collections", &collection(&load.collection, "public"));
    if made.status != 201 && made.status != 409 {
        return Err(format!("the collection: {} {}", made.status, made.text()));
    }
    let begun = Instant::now();
    let end = begun + load.lasting;
    let results: Vec<Result<Vec<u64>, String>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..load.clients).map(|client| scope.spawn(move || write(load, client, end))).collect();
        clients.into_iter().map(|client| client.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    let lasted_s = begun.elapsed().as_secs_f64();
    let mut latencies = Vec::new();
    for result in results {
        latencies.extend(result?);
    }
    latencies.sort_unstable();
    let percentile_ms = |p: usize| latencies.get(latencies.len() * p / 100).map(|us| *us as f64 / 1_000.0);
    Ok(json!({
        "clients": load.clients, "seconds": lasted_s, "acknowledged": latencies.len(),
        "writes_per_s": latencies.len() as f64 / lasted_s,
        "p50_ms": percentile_ms(50), "p95_ms": percentile_ms(95), "p99_ms": percentile_ms(99),
    }))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(load) = parse(&arguments) else {
        eprintln!("usage: write_load http://127.0.0.1:PORT KEY COLLECTION CLIENTS SECONDS");
        return ExitCode::from(2);
    };
    match run(&load) {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("write_load: {why}");
            ExitCode::FAILURE
        }
    }
}
