//! Values of items and collections as people read them.

use maud::{Markup, html};
use nilometer_indexer::orbit::COLLECTION as PLANNED;
use nilometer_schemas::Instant;
use serde_json::{Number, Value};

use super::labels::value_text;
use super::language::{Language, readable};

/// Characters of a nested value that a page shows.
const NESTED_CHARS_MAX: usize = 600;

/// An address that may stand in a link: web addresses only, never `javascript:` or `data:`.
pub(super) fn web_address(text: &str) -> Option<&str> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://")).then_some(text)
}

/// The value of the property of this name.
pub(super) fn value(language: Language, name: &str, value: &Value) -> Markup {
    match value {
        Value::Null => html! { span.none { "–" } },
        Value::Bool(true) => html! { (language.of("yes", "oui")) },
        Value::Bool(false) => html! { (language.of("no", "non")) },
        Value::Number(number) => html! { (self::number(language, number)) },
        Value::String(text) => string(value_text(language, name, text)),
        Value::Array(list) if list.iter().all(|v| !v.is_array() && !v.is_object()) => html! {
            @for (i, entry) in list.iter().enumerate() {
                @if i > 0 { ", " }
                (self::value(language, name, entry))
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

/// A number in all its figures, with the language's decimal mark.
fn number(language: Language, number: &Number) -> String {
    let text = number.to_string();
    match language {
        Language::English => text,
        Language::French => text.replace('.', ","),
    }
}

/// A text as the beginning of a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// The title of an item: `title`, else `name`, else its id.
pub(crate) fn item_title(item: &Value) -> String {
    let properties = &item["properties"];
    let named = ["title", "name"].iter().find_map(|key| properties.get(key)?.as_str());
    named.filter(|t| !t.trim().is_empty()).or(item["id"].as_str()).unwrap_or_default().to_owned()
}

/// The title of an item in a language, where it has a name of its own there or is made of known parts, else its title.
pub(crate) fn item_title_in(item: &Value, language: Language) -> String {
    let own = item["properties"][format!("name_{}", language.tag())].as_str();
    let own = own.filter(|name| !name.trim().is_empty()).map(str::to_owned);
    let made = || (language == Language::French).then(|| french_title(item)).flatten();
    own.or_else(made).unwrap_or_else(|| item_title(item))
}

/// The French title of what SWOT sees: records carry titles in English, made from their own properties.
fn french_title(item: &Value) -> Option<String> {
    let (title, properties) = (item_title(item), &item["properties"]);
    let part = |name: &str| properties[name].as_str();
    if item["collection"] == PLANNED {
        let (cycle, pass) = (properties["spatial:cycle_id"].as_u64()?, properties["spatial:pass_id"].as_u64()?);
        let direction = value_text(Language::French, "sat:orbit_state", part("sat:orbit_state")?);
        return Some(format!("SWOT, passage {pass:03} du cycle {cycle:03}, {direction} (fauchée prévue)"));
    }
    for (id, english, french) in [
        ("lake_id", "SWOT lake", "Lac SWOT"),
        ("reach_id", "SWOT reach", "Tronçon SWOT"),
        ("node_id", "SWOT node", "Nœud SWOT"),
    ] {
        let Some(id) = part(id) else { continue };
        if title == format!("{english} {id}") {
            return Some(format!("{french} {id}"));
        }
        for (english, french) in [("reach", "tronçon"), ("node", "nœud"), ("lake", "lac")] {
            if let Some(name) = title.strip_suffix(&format!(", {english} {id}")) {
                return Some(format!("{name}, {french} {id}"));
            }
        }
    }
    None
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
            assert_eq!(value(Language::English, "x", &json!(text)).into_string().contains("href"), linked, "{text}");
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
    fn what_swot_sees_has_a_french_title_made_of_its_properties() {
        let pass = json!({"id": "planned_003_012", "collection": PLANNED, "properties": {
            "title": "SWOT pass 012 of cycle 003, descending (planned swath)",
            "spatial:cycle_id": 3, "spatial:pass_id": 12, "sat:orbit_state": "descending",
        }});
        assert_eq!(
            item_title_in(&pass, Language::French),
            "SWOT, passage 012 du cycle 003, descendant (fauchée prévue)"
        );
        assert_eq!(item_title_in(&pass, Language::English), item_title(&pass));
        let reach = json!({"properties": {"title": "Tekapo River, reach 57", "reach_id": "57"}});
        assert_eq!(item_title_in(&reach, Language::French), "Tekapo River, tronçon 57");
        let lake = json!({"properties": {"title": "SWOT lake 913", "lake_id": "913"}});
        assert_eq!(item_title_in(&lake, Language::French), "Lac SWOT 913");
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
