//! Measured numbers and moments as people read them. What a program needs stands beside them in the markup, whole.

use nilometer_schemas::Instant;

use super::language::Language;

/// Figures shown of a measured number; more say nothing to a reader.
const FIGURES: usize = 7;
/// Numbers from here on, and below its inverse, are written with an exponent.
const PLAIN_MAX: f64 = 1e9;
const PLAIN_MIN: f64 = 1e-5;

/// A finite number with at most seven figures, in the language's way: `131.25`, `131,25`, `119,000`.
pub(super) fn decimal(language: Language, number: f64) -> String {
    let size = number.abs();
    let rounded = format!("{number:.*e}", FIGURES - 1);
    let rounded: f64 = rounded.parse().unwrap_or(number);
    let text = if number == 0.0 || (PLAIN_MIN..PLAIN_MAX).contains(&size) {
        format!("{}", rounded.abs())
    } else {
        format!("{:e}", rounded.abs())
    };
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), |whole| language.number(whole));
    let point = language.of(".", ",");
    let sign = if rounded < 0.0 { "−" } else { "" };
    fraction.map_or_else(|| format!("{sign}{whole}"), |fraction| format!("{sign}{whole}{point}{fraction}"))
}

/// A moment to the second where it has some: `2024-02-29`, `2024-02-29 05:12`, `2024-02-29 05:12:41`. All are UTC.
pub(super) fn precise(moment: Instant) -> String {
    let text = moment.to_string();
    let (day, time) = text.split_at(10);
    let time = time.trim_start_matches('T').trim_end_matches('Z');
    let time = time.strip_suffix(":00").unwrap_or(time);
    if time == "00:00" { day.to_owned() } else { format!("{day} {time}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_figures_and_the_language_s_signs() {
        for (number, english, french) in [
            (0.0, "0", "0"),
            (131.25, "131.25", "131,25"),
            (442.450_012_207_031, "442.45", "442,45"),
            (4_741.643_835_616, "4,741.644", "4\u{202f}741,644"),
            (119_000.0, "119,000", "119\u{202f}000"),
            (-0.5, "−0.5", "−0,5"),
            (2.5e12, "2.5e12", "2,5e12"),
            (1.25e-7, "1.25e-7", "1,25e-7"),
        ] {
            assert_eq!(
                (decimal(Language::English, number).as_str(), decimal(Language::French, number).as_str()),
                (english, french)
            );
        }
    }

    #[test]
    fn moments_are_as_long_as_they_need() {
        for (text, expected) in [
            ("2024-02-29T00:00:00Z", "2024-02-29"),
            ("2024-02-29T05:12:00Z", "2024-02-29 05:12"),
            ("2024-02-29T05:12:41Z", "2024-02-29 05:12:41"),
            ("2024-02-29T00:00:41Z", "2024-02-29 00:00:41"),
        ] {
            assert_eq!(precise(Instant::parse(text).expect("a moment")), expected);
        }
    }
}
