//! The languages of the pages, and how they write numbers and times.

use nilometer_schemas::Instant;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

impl Language {
    /// The first wanted language that the pages have, else English.
    pub fn choose(wanted: &[String]) -> Self {
        wanted.iter().find_map(|tag| Self::from_tag(tag)).unwrap_or(Self::English)
    }

    /// The language of a primary subtag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::English),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    /// The language of an `Accept-Language` header, by order of mention.
    pub fn from_header(header: &str) -> Self {
        let tag = |range: &str| range.trim().chars().take_while(char::is_ascii_alphabetic).collect::<String>();
        header.split(',').find_map(|range| Self::from_tag(&tag(range).to_ascii_lowercase())).unwrap_or(Self::English)
    }

    /// The tag of `lang` attributes and `Content-Language`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// One of two texts.
    pub(crate) fn of<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }

    /// A whole number with its thousands apart: `12,345` or `12 345` with narrow no-break spaces.
    pub(crate) fn number(self, number: u64) -> String {
        let separator = match self {
            Self::English => ',',
            Self::French => '\u{202f}',
        };
        let digits = number.to_string();
        let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(separator);
            }
            out.push(digit);
        }
        out
    }

    /// A count of items.
    pub(crate) fn items(self, count: u64) -> String {
        let number = self.number(count);
        match (self, count) {
            (Self::English, 1) => format!("{number} item"),
            (Self::English, _) => format!("{number} items"),
            (Self::French, 0 | 1) => format!("{number} élément"),
            (Self::French, _) => format!("{number} éléments"),
        }
    }
}

/// The day and, unless it is midnight, the minute of a moment: `2024-02-29` or `2024-02-29 05:12 UTC`.
pub(crate) fn readable(moment: Instant) -> String {
    let text = moment.to_string();
    let (day, time) = text.split_at(10);
    if time.starts_with("T00:00:00") {
        return day.to_owned();
    }
    format!("{day} {} UTC", &time[1..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, english, french) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1\u{202f}000"),
            (1_234_567, "1,234,567", "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(Language::English.number(number), english);
            assert_eq!(Language::French.number(number), french);
        }
    }

    #[test]
    fn a_header_chooses_the_first_known_language() {
        for (header, expected) in [
            ("fr-CA,en;q=0.8", Language::French),
            ("de, FR;q=0.5", Language::French),
            ("", Language::English),
            ("french", Language::English),
        ] {
            assert_eq!(Language::from_header(header), expected, "{header}");
        }
    }

    #[test]
    fn a_moment_is_read_to_the_minute_and_midnight_to_the_day() {
        let check = |text: &str, expected: &str| {
            assert_eq!(readable(Instant::parse(text).expect("a moment")), expected);
        };
        check("2024-02-29T05:12:59Z", "2024-02-29 05:12 UTC");
        check("2024-02-29T00:00:00Z", "2024-02-29");
    }
}
