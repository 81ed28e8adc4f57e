//! Periods as people write them: years, months and days, from, to and between, in English and French.

use std::ops::Range;

use nilometer_schemas::{Dialect, TimeInterval};

use super::Token;

/// Years that are taken for such; other numbers are words.
const YEARS: Range<u32> = 1800..2101;
/// Folded names of the months, by their beginnings; `mar` begins March and mars.
const MONTHS: [&[&str]; 12] = [
    &["january", "janvier", "jan", "janv"],
    &["february", "fevrier", "feb", "fev", "fevr"],
    &["march", "mars"],
    &["april", "avril", "apr", "avr"],
    &["may", "mai"],
    &["june", "juin", "jun"],
    &["july", "juillet", "jul", "juil"],
    &["august", "aout", "aug"],
    &["september", "septembre", "sep", "sept"],
    &["october", "octobre", "oct"],
    &["november", "novembre", "nov"],
    &["december", "decembre", "dec"],
];
/// Seasons of the north, as their months.
const SEASONS: [(&[&str], &str, &str); 3] = [
    (&["spring", "printemps"], "03", "05"),
    (&["summer", "ete"], "06", "08"),
    (&["autumn", "fall", "automne"], "09", "11"),
];

/// A span of time: its first and its last day, month or year.
struct Span {
    from: String,
    to: String,
    /// Tokens that tell it.
    tokens: usize,
}

/// The first period in a text, and the tokens that tell it.
pub(super) fn find(tokens: &[Token<'_>]) -> Option<(TimeInterval, Range<usize>)> {
    (0..tokens.len()).find_map(|at| {
        let (text, length) = period(tokens, at)?;
        Some((TimeInterval::parse(&text, Dialect::Edr).ok()?, at..at + length))
    })
}

fn period(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.word.as_str());
    let open = |marks: usize, since: bool| {
        let span = span(tokens, at + marks)?;
        let text = if since { format!("{}/..", span.from) } else { format!("../{}", span.to) };
        Some((text, marks + span.tokens))
    };
    match word(at) {
        "since" | "depuis" | "after" | "apres" => open(1, true),
        "until" | "before" | "avant" => open(1, false),
        "a" if word(at + 1) == "partir" => open(3, true),
        "jusqu" | "jusque" => open(2, false),
        "between" | "entre" | "from" | "de" | "du" => {
            let (text, length) = range(tokens, at + 1).or_else(|| match word(at) {
                "from" => open(1, true).map(|(text, length)| (text, length - 1)),
                _ => None,
            })?;
            Some((text, length + 1))
        }
        "in" | "en" => {
            let span = span(tokens, at + 1)?;
            Some((format!("{}/{}", span.from, span.to), span.tokens + 1))
        }
        _ => range(tokens, at).or_else(|| {
            let span = span(tokens, at)?;
            Some((format!("{}/{}", span.from, span.to), span.tokens))
        }),
    }
}

/// Two spans with what joins them between.
fn range(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let first = span(tokens, at)?;
    let behind = at + first.tokens;
    let dashed = tokens[behind - 1].gap.contains(['-', '–', '—', '/']);
    let joined = matches!(tokens.get(behind)?.word.as_str(), "to" | "until" | "and" | "a" | "au" | "et" | "jusqu");
    let begin = if joined && !dashed { behind + 1 } else { behind };
    if !dashed && !joined {
        return None;
    }
    let last = span(tokens, begin)?;
    Some((format!("{}/{}", first.from, last.to), begin + last.tokens - at))
}

fn span(tokens: &[Token<'_>], at: usize) -> Option<Span> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.word.as_str());
    let dash = |at: usize| tokens.get(at).is_some_and(|token| token.gap == "-");
    let one = |text: String, tokens: usize| Some(Span { from: text.clone(), to: text, tokens });
    if let Some(year) = year(word(at)) {
        let month = two_digits(word(at + 1), 12).filter(|_| dash(at));
        let day = two_digits(word(at + 2), 31).filter(|_| dash(at + 1) && month.is_some());
        return match (month, day) {
            (Some(month), Some(day)) => one(format!("{year}-{month}-{day}"), 3),
            (Some(month), None) => one(format!("{year}-{month}"), 2),
            _ => one(year, 1),
        };
    }
    if let (Some(month), true, Some(year)) =
        (two_digits(word(at), 12), tokens.get(at).is_some_and(|t| t.gap == "/"), year(word(at + 1)))
    {
        return one(format!("{year}-{month}"), 2);
    }
    if let (Some((_, from, to)), Some(year)) =
        (SEASONS.iter().find(|(names, ..)| names.contains(&word(at))), year(word(at + 1)))
    {
        return Some(Span { from: format!("{year}-{from}"), to: format!("{year}-{to}"), tokens: 2 });
    }
    if let (Some(month), Some(year)) = (month(word(at)), year(word(at + 1))) {
        return one(format!("{year}-{month:02}"), 2);
    }
    // 12 May 2023, 1er mai 2023, May 12, 2023.
    let day = |text: &str| text.trim_end_matches("er").parse::<u32>().ok().filter(|day| (1..32).contains(day));
    if let (Some(day), Some(month), Some(year)) = (day(word(at)), month(word(at + 1)), year(word(at + 2))) {
        return one(format!("{year}-{month:02}-{day:02}"), 3);
    }
    if let (Some(month), Some(day), Some(year)) = (month(word(at)), day(word(at + 1)), year(word(at + 2))) {
        return one(format!("{year}-{month:02}-{day:02}"), 3);
    }
    None
}

fn year(word: &str) -> Option<String> {
    let is_year = word.len() == 4 && word.parse::<u32>().is_ok_and(|year| YEARS.contains(&year));
    is_year.then(|| word.to_owned())
}

fn two_digits(word: &str, most: u32) -> Option<&str> {
    (word.len() == 2 && word.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n))).then_some(word)
}

/// Number of a month, from 1.
fn month(word: &str) -> Option<usize> {
    MONTHS.iter().position(|names| names.contains(&word)).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    #[test]
    fn periods_are_found_as_people_write_them() {
        for (text, expected, told) in [
            ("Garonne SWOT 2024", "2024/2024", "2024"),
            ("lac Léman niveau 2020-2023", "2020/2023", "2020-2023"),
            ("from 2020 to 2023", "2020/2023", "from 2020 to 2023"),
            ("entre 2020 et mai 2021", "2020/2021-05", "entre 2020 et mai 2021"),
            ("niveau depuis 2015 Seine", "2015/..", "depuis 2015"),
            ("since May 2023", "2023-05/..", "since May 2023"),
            ("à partir de 2010", "2010/..", "à partir de 2010"),
            ("jusqu'en 1999", "../1999", "jusqu'en 1999"),
            ("before 2000-06-30", "../2000-06-30", "before 2000-06-30"),
            ("le 1er mai 2023", "2023-05-01/2023-05-01", "1er mai 2023"),
            ("May 12, 2023", "2023-05-12/2023-05-12", "May 12, 2023"),
            ("été 2022 à Lyon", "2022-06/2022-08", "été 2022"),
            ("05/2023", "2023-05/2023-05", "05/2023"),
            ("2023-05-12", "2023-05-12/2023-05-12", "2023-05-12"),
        ] {
            let all = tokens(text);
            let (found, at) = find(&all).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(Some(found), TimeInterval::parse(expected, Dialect::Edr).ok(), "{text}");
            assert_eq!(&text[all[at.start].begin..all[at.end - 1].end], told);
        }
        for text in ["station 12345", "1.5 m", "R1234", "2500", "mars", "may", ""] {
            assert!(find(&tokens(text)).is_none(), "{text}");
        }
    }
}
