//! Orders as programs place and follow them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Client;

/// Address of all orders.
pub const WORKFLOWS: &str = "/api/download/workflows";

/// Waits until an order is no more under way; its state and message then. Fails after `within`, which only a hang takes.
#[track_caller]
pub fn ended(client: &Client, id: &str, within: Duration) -> Value {
    let begun = Instant::now();
    loop {
        let status = client.get(&format!("{WORKFLOWS}/{id}/status")).expect(200).json();
        if !matches!(status["status"].as_str(), Some("CREATED" | "RUNNING")) {
            return status;
        }
        assert!(begun.elapsed() < within, "{status}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
