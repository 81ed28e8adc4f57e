//! Periods as people write them: years, months and days, from, to and between, in English and French.

use std::ops::Range;

use nilometer_schemas::{Dialect, Instant, TimeInterval};

use super::Token;

/// Years that are taken for such; other numbers are words.
const YEARS: Range<u32> = 1800..2101;
/// Folded names of the months; `mar` may be something else.
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
/// Units and names that make another quantity, or a number of something, of what might be a year.
const UNITS: [&str; 15] =
    ["m", "km", "cm", "mm", "ft", "m2", "km2", "m3", "km3", "hm3", "ha", "hpa", "mw", "items", "habitants"];
const COUNTED: [&str; 13] = [
    "altitude",
    "elevation",
    "station",
    "no",
    "n",
    "number",
    "numero",
    "code",
    "id",
    "cycle",
    "pass",
    "passe",
    "orbit",
];
/// Words between the two ends of a period.
const JOINING: [&str; 9] = ["to", "until", "till", "through", "and", "a", "au", "et", "jusqu"];

/// A span of time: its first and its last day, month or year.
struct Span {
    from: String,
    to: String,
    /// Tokens that tell it.
    tokens: usize,
}

/// How a span limits time.
#[derive(Clone, Copy)]
enum Limit {
    Within,
    Since,
    Until,
    Before,
    After,
}

impl Span {
    /// All of it. Where its ends are the wrong way round they are turned.
    fn whole(&self) -> Option<TimeInterval> {
        let parse = |from: &str, to: &str| TimeInterval::parse(&format!("{from}/{to}"), Dialect::Edr).ok();
        parse(&self.from, &self.to).or_else(|| parse(&self.to, &self.from))
    }

    fn limits(&self, how: Limit) -> Option<TimeInterval> {
        let whole = self.whole()?;
        let (start, end) = (whole.start?, whole.end?);
        Some(match how {
            Limit::Within => whole,
            Limit::Since => TimeInterval { start: Some(start), end: None },
            Limit::Until => TimeInterval { start: None, end: Some(end) },
            Limit::Before => TimeInterval { start: None, end: Some(Instant(start.0 - 1)) },
            Limit::After => TimeInterval { start: Some(Instant(end.0 + 1)), end: None },
        })
    }
}

/// The first period in a text, and the tokens that tell it.
pub(super) fn find(tokens: &[Token<'_>]) -> Option<(TimeInterval, Range<usize>)> {
    (0..tokens.len()).find_map(|at| {
        let (marks, span, how) = Reader { tokens }.period(at)?;
        Some((span.limits(how)?, at..at + marks + span.tokens))
    })
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    tokens: &'a [Token<'a>],
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    /// What stands between a word and the next.
    fn gap(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.gap)
    }

    /// A period that begins here: words before the span, the span, and how it limits time.
    fn period(&self, at: usize) -> Option<(usize, Span, Limit)> {
        let open = |marks: usize, how: Limit| Some((marks, self.span(at + marks)?, how));
        match self.word(at) {
            "since" | "depuis" => open(1, Limit::Since),
            "after" | "apres" => open(1, Limit::After),
            "before" | "avant" => open(1, Limit::Before),
            "until" | "till" => open(1, Limit::Until),
            "a" if self.word(at + 1) == "partir" => open(3, Limit::Since),
            "jusqu" | "jusque" => open(2, Limit::Until),
            "between" | "entre" | "from" | "de" | "du" | "d" => match self.range(at + 1) {
                Some(span) => Some((1, span, Limit::Within)),
                None if self.word(at) == "from" => open(1, Limit::Since),
                None => None,
            },
            "in" | "en" => open(1, Limit::Within),
            _ => {
                let span = self.range(at).or_else(|| self.span(at))?;
                Some((0, span, Limit::Within))
            }
        }
    }

    /// Two spans with what joins them between.
    fn range(&self, at: usize) -> Option<Span> {
        if let Some(span) = self.short_range(at) {
            return Some(span);
        }
        let first = self.span(at)?;
        let begin = self.behind_joint(at + first.tokens)?;
        let last = self.span(begin)?;
        Some(Span { from: first.from, to: last.to, tokens: begin + last.tokens - at })
    }

    /// Where the second end of a period begins, if what stands here joins it to a first end before.
    fn behind_joint(&self, at: usize) -> Option<usize> {
        let dashed = self.gap(at - 1).contains(['-', '–', '—', '/']);
        let joined = JOINING.contains(&self.word(at));
        match (dashed, joined) {
            (true, _) => Some(at),
            (false, true) => Some(at + 1),
            _ => None,
        }
    }

    /// Two ends of which the first leaves out what both have in common: 3 to 5 May 2023, avril à juin 2023, 2020-21.
    fn short_range(&self, at: usize) -> Option<Span> {
        if let (Some(first), "-" | "–" | "/") = (self.year(at), self.gap(at)) {
            let last = two_digits(self.word(at + 1), 99).filter(|last| *last > &first[2..] && *last > "12")?;
            let alone = !matches!(self.gap(at + 1), "-" | "/");
            return alone.then(|| Span { to: format!("{}{last}", &first[..2]), from: first, tokens: 2 });
        }
        let begin = self.behind_joint(at + 1)?;
        let last = self.span(begin)?;
        let (month, tokens) = (last.from.get(..7)?, begin + last.tokens - at);
        if let Some(day) = day(self.word(at)).filter(|_| last.to.len() == 10) {
            return Some(Span { from: format!("{month}-{day:02}"), to: last.to, tokens });
        }
        let first = self::month(self.word(at)).filter(|_| last.to.len() == 7)?;
        Some(Span { from: format!("{}-{first:02}", &last.to[..4]), to: last.to, tokens })
    }

    fn span(&self, at: usize) -> Option<Span> {
        let word = |at: usize| self.word(at);
        let dash = |at: usize| self.gap(at) == "-";
        let one = |text: String, tokens: usize| Some(Span { from: text.clone(), to: text, tokens });
        if let Some(year) = self.year(at) {
            let month = two_digits(word(at + 1), 12).filter(|_| dash(at));
            let day = two_digits(word(at + 2), 31).filter(|_| dash(at + 1) && month.is_some());
            return match (month, day) {
                (Some(month), Some(day)) => one(format!("{year}-{month}-{day}"), 3),
                (Some(month), None) => one(format!("{year}-{month}"), 2),
                _ => one(year, 1),
            };
        }
        // 05/2023, and 12/05/2023 as it is written in French.
        if self.gap(at) == "/" {
            if let (Some(month), Some(year)) = (two_digits(word(at), 12), self.year(at + 1)) {
                return one(format!("{year}-{month}"), 2);
            }
            let (day, month) = (two_digits(word(at), 31), two_digits(word(at + 1), 12));
            if let (Some(day), Some(month), "/", Some(year)) = (day, month, self.gap(at + 1), self.year(at + 2)) {
                return one(format!("{year}-{month}-{day}"), 3);
            }
        }
        if let (Some((_, from, to)), Some(year)) =
            (SEASONS.iter().find(|(names, ..)| names.contains(&word(at))), self.year(at + 1))
        {
            return Some(Span { from: format!("{year}-{from}"), to: format!("{year}-{to}"), tokens: 2 });
        }
        if let (Some(month), Some(year)) = (month(word(at)), self.year(at + 1)) {
            return one(format!("{year}-{month:02}"), 2);
        }
        // 12 May 2023, 1er mai 2023, May 12, 2023.
        if let (Some(day), Some(month), Some(year)) = (day(word(at)), month(word(at + 1)), self.year(at + 2)) {
            return one(format!("{year}-{month:02}-{day:02}"), 3);
        }
        if let (Some(month), Some(day), Some(year)) = (month(word(at)), day(word(at + 1)), self.year(at + 2)) {
            return one(format!("{year}-{month:02}-{day:02}"), 3);
        }
        None
    }

    /// A year, if the number is not that of something else.
    fn year(&self, at: usize) -> Option<String> {
        let word = self.word(at);
        let is_year = word.len() == 4 && word.parse::<u32>().is_ok_and(|year| YEARS.contains(&year));
        let is_counted = at > 0 && COUNTED.contains(&self.word(at - 1)) || UNITS.contains(&self.word(at + 1));
        (is_year && !is_counted).then(|| word.to_owned())
    }
}

fn two_digits(word: &str, most: u32) -> Option<&str> {
    (word.len() == 2 && word.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n))).then_some(word)
}

/// Number of a month, from 1.
fn month(word: &str) -> Option<usize> {
    MONTHS.iter().position(|names| names.contains(&word)).map(|at| at + 1)
}

fn day(word: &str) -> Option<u32> {
    let digits = word.strip_suffix("er").or_else(|| word.strip_suffix("st")).or_else(|| word.strip_suffix("nd"));
    let digits = digits.or_else(|| word.strip_suffix("rd")).or_else(|| word.strip_suffix("th")).unwrap_or(word);
    digits.parse::<u32>().ok().filter(|day| (1..32).contains(day))
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
            ("2020-21 Seine", "2020/2021", "2020-21"),
            ("2020-12", "2020-12/2020-12", "2020-12"),
            ("2023 to 2020", "2020/2023", "2023 to 2020"),
            ("from 2020 to 2023", "2020/2023", "from 2020 to 2023"),
            ("entre 2020 et mai 2021", "2020/2021-05", "entre 2020 et mai 2021"),
            ("du 3 au 5 mai 2023 à Lyon", "2023-05-03/2023-05-05", "du 3 au 5 mai 2023"),
            ("3-5 May 2023", "2023-05-03/2023-05-05", "3-5 May 2023"),
            ("d'avril à juin 2023", "2023-04/2023-06", "d'avril à juin 2023"),
            ("niveau depuis 2015 Seine", "2015/..", "depuis 2015"),
            ("since May 2023", "2023-05/..", "since May 2023"),
            ("à partir de 2010", "2010/..", "à partir de 2010"),
            ("jusqu'en 1999", "../1999", "jusqu'en 1999"),
            ("until 1999", "../1999", "until 1999"),
            ("before 2000-06-30", "../2000-06-29", "before 2000-06-30"),
            ("avant 2000", "../1999", "avant 2000"),
            ("after 2000", "2001/..", "after 2000"),
            ("le 1er mai 2023", "2023-05-01/2023-05-01", "1er mai 2023"),
            ("May 12, 2023", "2023-05-12/2023-05-12", "May 12, 2023"),
            ("12/05/2023", "2023-05-12/2023-05-12", "12/05/2023"),
            ("été 2022 à Lyon", "2022-06/2022-08", "été 2022"),
            ("05/2023", "2023-05/2023-05", "05/2023"),
            ("2023-05-12", "2023-05-12/2023-05-12", "2023-05-12"),
        ] {
            let all = tokens(text);
            let (found, at) = find(&all).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(Some(found), TimeInterval::parse(expected, Dialect::Edr).ok(), "{text}");
            assert_eq!(&text[all[at.start].begin..all[at.end - 1].end], told);
        }
        for text in
            ["station 12345", "station 2024", "1.5 m", "altitude 1850", "1850 m", "R1234", "2500", "mars", "may", ""]
        {
            assert!(find(&tokens(text)).is_none(), "{text}");
        }
    }
}
