//! Random changes to filters that mean something, for a time: no panic, and what is read is read back from both written forms.
//! A second without, minutes with `NILOMETER_LONG=1` (`NILOMETER_ROUNDS` says how many); a failure names its seed, and
//! `NILOMETER_SEED` plays it again. `fuzz` holds the same for `cargo fuzz`, which is led by coverage.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::time::{Duration, Instant};

use nilometer_query::cql2::{parse_json, parse_text, to_json, to_text};
use nilometer_schemas::Filter;

/// Filters of every class, to begin with.
const SEEDS: [&str; 16] = [
    "a = 1 AND NOT (b <> 'x''y' OR c IS NOT NULL)",
    "a NOT BETWEEN -1.5e3 AND b + 2 OR TRUE",
    "\"a b\" NOT IN (1, 'x', TRUE, TIMESTAMP('2020-01-01T00:00:00Z'), DATE('2020-01-01'))",
    "ACCENTI(CASEI(name)) LIKE ACCENTI(CASEI('Sa\\_ô%'))",
    "(a + 1) * -b / 2 % c div 3 ^ 2 > d - (e - f)",
    "S_INTERSECTS(geometry, POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1)))",
    "S_WITHIN(BBOX(170,-5,-170,5), geometry) AND S_TOUCHES(geometry, MULTIPOINT(1 2,(3 4)))",
    "S_CROSSES(geometry, GEOMETRYCOLLECTION(POINT Z (1 2 3),LINESTRING(0 0,1 1)))",
    "S_EQUALS(geometry, MULTIPOLYGON(((0 0,1 0,1 1,0 0))))",
    "T_DURING(INTERVAL(a, \"b\"), INTERVAL('2020-01-01', '..'))",
    "T_METBY(datetime, INTERVAL('..', '2020-01-01T00:00:00.5+01:00'))",
    "A_CONTAINEDBY(tags, ('a', 1, b, ())) OR A_OVERLAPS((1), tags)",
    "month(datetime) IN (6, 7) AND length(upper(t)) >= abs(-2)",
    "distance_km(geometry, POINT(4.83 45.76)) < round(n)",
    "eo:cloud_cover <= 10 OR properties.datetime >= '2020-01-01'",
    "DATE('2020-02-29') > created",
];

fn assert_read_back(filter: &Filter) {
    let (text, json) = (to_text(filter), to_json(filter));
    assert_eq!(parse_text(&text).as_ref(), Ok(filter), "{text}");
    assert_eq!(parse_json(&json).as_ref(), Ok(filter), "{json}");
}

/// A piece of a text, cut between characters.
fn piece<'t>(random: &mut fastrand::Rng, text: &'t str) -> &'t str {
    let at = |random: &mut fastrand::Rng| {
        let mut at = random.usize(0..=text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (a, b) = (at(random), at(random));
    &text[a.min(b)..a.max(b)]
}

/// The text with a piece left out, repeated, moved in from elsewhere, or a character changed.
fn changed(random: &mut fastrand::Rng, text: &str, others: &[String]) -> String {
    let cut = piece(random, text);
    let begin = cut.as_ptr() as usize - text.as_ptr() as usize;
    let (head, tail) = (&text[..begin], &text[begin + cut.len()..]);
    let other = &others[random.usize(0..others.len())];
    match random.u8(0..6) {
        0 => format!("{head}{tail}"),
        1 => format!("{head}{cut}{cut}{tail}"),
        2 => format!("{head}{cut}{}{tail}", piece(random, other)),
        3 => format!("{head}{}{tail}", piece(random, other)),
        4 => format!(
            "{head}{}{cut}{tail}",
            ["(", ")", ",", " ", "'", "\"", "-", "NOT ", "\\", "é", "\u{0}"][random.usize(0..11)]
        ),
        _ => format!("{head}{}{cut}{tail}", random.char(..)),
    }
}

#[test]
fn changed_filters_are_refused_or_read_back() {
    let set = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let long = std::env::var("NILOMETER_LONG").is_ok_and(|value| value == "1");
    let time =
        if long { Duration::from_secs(60 * set("NILOMETER_ROUNDS").unwrap_or(10)) } else { Duration::from_secs(1) };
    let seed = set("NILOMETER_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut texts: Vec<String> = SEEDS.iter().map(|text| (*text).to_owned()).collect();
    let mut jsons: Vec<String> = Vec::new();
    for text in &texts {
        if let Ok(filter) = parse_text(text) {
            assert_read_back(&filter);
            jsons.push(to_json(&filter).to_string());
        }
    }
    assert!(jsons.len() >= SEEDS.len() - 1);
    let (mut tried, mut read) = (0u64, 0u64);
    let begin = Instant::now();
    while begin.elapsed() < time {
        for _ in 0..1_000 {
            tried += 1;
            let is_text = random.bool();
            let pool = if is_text { &mut texts } else { &mut jsons };
            let at = random.usize(0..pool.len());
            let new = changed(&mut random, &pool[at], pool);
            let parsed = if is_text {
                parse_text(&new).ok()
            } else {
                serde_json::from_str(&new).ok().and_then(|value| parse_json(&value).ok())
            };
            let Some(filter) = parsed else { continue };
            read += 1;
            assert_read_back(&filter);
            // What was read is changed further; the pool stays small and its texts short.
            if new.len() < 2_000 {
                if pool.len() < 2_000 {
                    pool.push(new)
                } else {
                    let at = random.usize(0..pool.len());
                    pool[at] = new
                }
            }
        }
    }
    eprintln!("tried {tried}, read {read}");
}
