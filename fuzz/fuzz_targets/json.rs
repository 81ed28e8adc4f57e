//! CQL2 JSON: nothing makes the reader panic, and what it accepts is read back from both of its written forms.

#![no_main]

#[path = "../../query/src/cql2/mod.rs"]
#[allow(dead_code, unused_imports)]
mod cql2;

use cql2::{parse_json, parse_text, to_json, to_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice(bytes) else { return };
    if let Ok(filter) = parse_json(&value) {
        assert_eq!(parse_text(&to_text(&filter)).as_ref(), Ok(&filter));
        assert_eq!(parse_json(&to_json(&filter)).as_ref(), Ok(&filter));
    }
});
