//! Values of items and collections as people read them.

use maud::{Markup, html};
use nilometer_schemas::Instant;
use serde_json::Value;

use super::language::{Language, readable};

/// Characters of a nested value that a page shows.
const NESTED_CHARS_MAX: usize = 600;

/// An address that may stand in a link: web addresses only, never `javascript:` or `data:`.
pub(super) fn web_address(text: &str) -> Option<&str> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://")).then_some(text)
}

/// A property's value.
pub(super) fn value(value: &Value) -> Markup {
    match value {
        Value::Null => html! { span.none { "–" } },
        Value::Bool(truth) => html! { (truth) },
        Value::Number(number) => html! { (number) },
        Value::String(text) => string(text),
        Value::Array(list) if list.iter().all(|v| !v.is_array() && !v.is_object()) => html! {
            @for (i, entry) in list.iter().enumerate() {
                @if i > 0 { ", " }
                (self::value(entry))
            }
        },
        nested => {
            let text = nested.to_string();
            let cut: String = text.chars().take(NESTED_CHARS_MAX).collect();
            html! { code { (cut) @if cut.len() < text.len() { "…" } } }
        }
    }
}

fn string(text: &str) -> Markup {
    if let Some(address) = web_address(text) {
        return html! { a href=(address) rel="nofollow" { (text) } };
    }
    match Instant::parse(text) {
        Some(moment) => html! { time datetime=(text) { (readable(moment)) } },
        None => html! { (text) },
    }
}

/// Text with blank lines as paragraphs and single breaks as spaces; no markup is read from it.
pub(super) fn paragraphs(text: &str) -> Markup {
    html! {
        @for paragraph in text.split("\n\n").filter(|p| !p.trim().is_empty()) {
            p { (paragraph.trim()) }
        }
    }
}

/// The title of an item: `title`, else `name`, else its id.
pub(crate) fn item_title(item: &Value) -> String {
    let properties = &item["properties"];
    let named = ["title", "name"].iter().find_map(|key| properties.get(key)?.as_str());
    named.filter(|t| !t.trim().is_empty()).or(item["id"].as_str()).unwrap_or_default().to_owned()
}

/// The title of an item in a language, where it has a name of its own there, else its title.
pub(crate) fn item_title_in(item: &Value, language: Language) -> String {
    let own = item["properties"][format!("name_{}", language.tag())].as_str();
    own.filter(|name| !name.trim().is_empty()).map_or_else(|| item_title(item), str::to_owned)
}

/// The time of an item: a moment, a period, or nothing for undated places.
pub(super) fn item_time(item: &Value) -> Option<Markup> {
    let properties = &item["properties"];
    let moment = |key: &str| {
        let text = properties.get(key)?.as_str()?;
        Some((text.to_owned(), Instant::parse(text)?))
    };
    let (start, end, datetime) = (moment("start_datetime"), moment("end_datetime"), moment("datetime"));
    match (start, end, datetime) {
        (Some((a, start)), Some((b, end)), dated) => {
            // An undated place stands for all times between 1900 and 2100; that is no news to a reader.
            if dated.is_none() && start.civil().0 <= 1900 && end.civil().0 >= 2100 {
                return None;
            }
            if readable(start) == readable(end) {
                return Some(html! { time datetime=(a) { (readable(start)) } });
            }
            Some(html! {
                time datetime=(a) { (readable(start)) } " – " time datetime=(b) { (readable(end)) }
            })
        }
        (_, _, Some((text, moment))) => Some(html! { time datetime=(text) { (readable(moment)) } }),
        _ => None,
    }
}

/// Bytes as people read them: `948 B`, `1.2 MB` (powers of 1000).
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut scaled = count as f64;
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ if scaled < 10.0 => format!("{scaled:.1} {}", UNITS[unit]),
        _ => format!("{scaled:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_web_addresses_become_links() {
        for (text, linked) in [
            ("https://a.example/x", true),
            ("HTTP://a.example", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("s3://bucket/key", false),
            ("plain", false),
            ("é", false),
        ] {
            assert_eq!(value(&json!(text)).into_string().contains("href"), linked, "{text}");
        }
    }

    #[test]
    fn an_item_is_called_as_in_the_readers_language() {
        let item = json!({"id": "CHE", "properties": {"title": "Switzerland", "name_fr": "Suisse"}});
        assert_eq!(item_title_in(&item, Language::English), "Switzerland");
        assert_eq!(item_title_in(&item, Language::French), "Suisse");
        assert_eq!(item_title_in(&json!({"id": "x", "properties": {"name_fr": " "}}), Language::French), "x");
    }

    #[test]
    fn times_of_items_are_moments_periods_or_nothing() {
        let check = |properties: Value, expected: Option<&str>| {
            let got = item_time(&json!({"properties": properties})).map(|m| {
                let html = m.into_string();
                let mut text = String::new();
                let mut inside = false;
                for c in html.chars() {
                    match c {
                        '<' => inside = true,
                        '>' => inside = false,
                        c if !inside => text.push(c),
                        _ => {}
                    }
                }
                text
            });
            assert_eq!(got.as_deref(), expected, "{properties}");
        };
        check(json!({"datetime": "2024-02-29T05:12:00Z"}), Some("2024-02-29 05:12 UTC"));
        check(
            json!({"datetime": null, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-02-01T00:00:00Z"}),
            Some("2024-01-01 – 2024-02-01"),
        );
        check(
            json!({"datetime": null, "start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "2100-01-01T00:00:00Z"}),
            None,
        );
        check(json!({"datetime": null}), None);
    }

    #[test]
    fn sizes_have_two_figures() {
        for (count, expected) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (999_600, "1.0 MB"), (25_000_000, "25 MB")]
        {
            assert_eq!(bytes(count), expected);
        }
    }
}
