//! `q` as a condition on words.
//!
//! A term is a word, or several that stand one after the other; commas separate terms, one of which must match. That is
//! all that STAC's free text knows. A term with one of the signs `"…"`, `+`, `-`, `*`, `( )`, `OR`, `AND` or `NOT` in it says
//! more: there, words need not stand together. Signs that make no sense are taken for blanks, as people expect of a search field.

use nilometer_schemas::limits::Q_DEPTH_MAX;
use nilometer_schemas::{Problem, Words, text};

use super::members::bad;

/// Ways to write one name that are looked for.
const WAYS_MAX: usize = 8;

/// One sign of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sign {
    /// Words between blanks, several where other characters than blanks part them.
    Chunk(Vec<String>),
    /// The same, the last of them only begun.
    Begun(Vec<String>),
    Quoted(Vec<String>),
    Plus,
    Minus,
    Or,
    And,
    Open,
    Close,
}

/// The terms of a text: commas outside quotation marks and parentheses part them.
pub(super) fn terms(text: &str) -> Vec<&str> {
    let (mut terms, mut begin, mut depth, mut quoted) = (Vec::new(), 0, 0_usize, false);
    // A mark that is never closed is none.
    let closes = text.matches('"').count().is_multiple_of(2);
    let balanced = text.matches('(').count() == text.matches(')').count();
    for (at, c) in text.char_indices() {
        match c {
            '"' if closes => quoted = !quoted,
            '(' if balanced && !quoted => depth += 1,
            ')' if balanced && !quoted => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !quoted => {
                terms.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[begin..]);
    terms
}

/// The condition that one of the terms sets; `None` where there is no word in them.
///
/// # Errors
/// `Invalid` for parentheses nested beyond the limit.
pub(super) fn read(terms: &[&str]) -> Result<Option<Words>, Problem> {
    let mut any = Vec::new();
    for term in terms {
        any.extend(of_term(term)?);
    }
    Ok(either(any))
}

/// The condition that a person sets who types these words: all of them, and commas are blanks. The signs are as elsewhere.
///
/// # Errors
/// As [`read`].
pub(super) fn read_together(text: &str) -> Result<Option<Words>, Problem> {
    let signs = signs(&text.replace(',', " "));
    // Several names of one thing are each read as a name.
    if signs.contains(&Sign::Or) && signs.iter().all(|sign| matches!(sign, Sign::Or | Sign::Chunk(_))) {
        let names = signs.split(|sign| *sign == Sign::Or).map(together);
        let names: Vec<Words> = names.filter(|words| !words.is_empty()).map(name).collect();
        // What was typed comes before what is called otherwise.
        let first: Vec<Words> = names.first().cloned().into_iter().collect();
        let any = either(names);
        return Ok(any.map(|any| Words::Group { required: vec![any], optional: first, excluded: Vec::new() }));
    }
    let words: Option<Vec<Vec<String>>> =
        signs.iter().map(|sign| if let Sign::Chunk(words) = sign { Some(words.clone()) } else { None }).collect();
    match words.map(|chunks| chunks.concat()) {
        Some(words) if words.is_empty() => Ok(None),
        Some(words) => Ok(Some(name(words))),
        None => Parser { signs: &signs, at: 0 }.alternatives(0),
    }
}

/// Words that mean the same: what kinds of waters are called in English and in French, since names are kept in one of the two
/// and asked for in the other, and what is written short.
const SAME: [(&str, &str); 12] = [
    ("lake", "lac"),
    ("lake", "lago"),
    ("lake", "hu"),
    ("lac", "lago"),
    ("lac", "hu"),
    ("river", "riviere"),
    ("river", "fleuve"),
    ("river", "r"),
    ("riviere", "r"),
    ("sea", "mer"),
    ("saint", "st"),
    ("sainte", "ste"),
];
/// Words for kinds of waters.
const WATERS: [&str; 10] = ["lake", "lac", "lago", "hu", "river", "riviere", "fleuve", "r", "sea", "mer"];
/// Words that a name may have or not: `la Seine` is the Seine.
const SMALL: [&str; 18] =
    ["a", "au", "aux", "d", "de", "des", "du", "et", "l", "la", "le", "les", "of", "on", "sur", "the", "and", "en"];

/// Whether a folded word is one that names may have or not, or says only what kind of water they name.
pub(crate) fn is_beside_the_name(word: &str) -> bool {
    SMALL.contains(&word) || WATERS.contains(&word)
}

/// Several words of a person, who may write another language than the data: `lac Victoria` is Lake Victoria.
fn of_person(words: Vec<String>) -> Words {
    let same = |word: &String| {
        let others = SAME.iter().filter_map(|(a, b)| match word.as_str() {
            w if w == *a => Some((*b).to_owned()),
            w if w == *b => Some((*a).to_owned()),
            _ => None,
        });
        [word.clone()].into_iter().chain(others).collect::<Vec<_>>()
    };
    // The whole as it may be written in a name, which is more than its words.
    let mut ways: Vec<Vec<String>> = vec![Vec::new()];
    for word in &words {
        let on = |way: &Vec<String>| {
            let with = |word: &String| [way.clone(), vec![word.clone()]].concat();
            same(word).iter().map(with).collect::<Vec<_>>()
        };
        let longer: Vec<Vec<String>> = ways.iter().flat_map(on).collect();
        ways = if longer.len() <= WAYS_MAX {
            longer
        } else {
            ways.into_iter().map(|way| [way, vec![word.clone()]].concat()).collect()
        };
    }
    let optional = ways.into_iter().filter_map(|words| phrase(words, false)).collect();
    let is_small = |word: &&String| SMALL.contains(&word.as_str());
    let needed: Vec<&String> = words.iter().filter(|word| !is_small(word)).collect();
    let needed = if needed.is_empty() { words.iter().collect() } else { needed };
    let required = needed.into_iter().map(|word| {
        let mut any: Vec<Words> = same(word).into_iter().map(Words::Word).collect();
        // The name of a product may be cut short.
        any.extend(word.contains('_').then(|| Words::Prefix(word.clone())));
        if any.len() == 1 { any.remove(0) } else { Words::Any(any) }
    });
    Words::Group { required: required.collect(), optional, excluded: Vec::new() }
}

/// One or several words of a person. One word alone is the same with and without interpretation, but a product's name may be
/// cut short.
fn name(words: Vec<String>) -> Words {
    match words.as_slice() {
        [one] if !one.contains('_') => Words::all(words),
        _ => of_person(words),
    }
}

/// The words of signs that are nothing else.
fn together(signs: &[Sign]) -> Vec<String> {
    signs.iter().flat_map(|sign| if let Sign::Chunk(words) = sign { words.clone() } else { Vec::new() }).collect()
}

fn either(mut any: Vec<Words>) -> Option<Words> {
    if any.len() > 1 { Some(Words::Any(any)) } else { any.pop() }
}

fn of_term(term: &str) -> Result<Option<Words>, Problem> {
    let signs = signs(term);
    let plain: Option<Vec<String>> = signs
        .iter()
        .map(|sign| if let Sign::Chunk(words) = sign { Some(words.clone()) } else { None })
        .collect::<Option<Vec<_>>>()
        .map(|chunks| chunks.concat());
    match plain {
        Some(words) => Ok(phrase(words, false)),
        None => Parser { signs: &signs, at: 0 }.alternatives(0),
    }
}

fn phrase(mut words: Vec<String>, exact: bool) -> Option<Words> {
    match words.len() {
        0 => None,
        1 if !exact => words.pop().map(Words::Word),
        _ => Some(Words::Phrase { words, exact }),
    }
}

fn signs(term: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut rest = term.trim_start();
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        let touches = behind.chars().next().is_some_and(|c| !c.is_whitespace());
        let sign = match first {
            '(' => Some(Sign::Open),
            ')' => Some(Sign::Close),
            '|' => Some(Sign::Or),
            '&' => Some(Sign::And),
            '+' if touches => Some(Sign::Plus),
            '-' if touches => Some(Sign::Minus),
            _ => None,
        };
        if let Some(sign) = sign {
            signs.push(sign);
            rest = behind.trim_start();
            continue;
        }
        if first == '"' {
            let (quoted, after) = behind.split_once('"').unwrap_or(("", behind));
            let words: Vec<String> = text::words(quoted).collect();
            signs.extend((!words.is_empty()).then_some(Sign::Quoted(words)));
            rest = after.trim_start();
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')')).unwrap_or(rest.len());
        signs.extend(chunk(&rest[..end]));
        rest = rest[end..].trim_start();
    }
    signs
}

fn chunk(chunk: &str) -> Option<Sign> {
    match chunk {
        "OR" => return Some(Sign::Or),
        "AND" => return Some(Sign::And),
        "NOT" => return Some(Sign::Minus),
        _ => {}
    }
    let words: Vec<String> = text::words(chunk).collect();
    let begun = chunk.ends_with('*');
    (!words.is_empty()).then_some(if begun { Sign::Begun(words) } else { Sign::Chunk(words) })
}

struct Parser<'a> {
    signs: &'a [Sign],
    at: usize,
}

impl Parser<'_> {
    fn take(&mut self, sign: &Sign) -> bool {
        let found = self.signs.get(self.at) == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self, depth: usize) -> Result<Option<Words>, Problem> {
        if depth > Q_DEPTH_MAX {
            let allowed = format!("at most {Q_DEPTH_MAX} within each other");
            return Err(bad("q", "too many parentheses within each other").allowed(allowed));
        }
        let mut any = Vec::new();
        loop {
            any.extend(self.together(depth)?);
            if self.take(&Sign::Or) {
                continue;
            }
            // Within parentheses their end is the caller's; outside it is a slip.
            if depth == 0 && self.take(&Sign::Close) {
                continue;
            }
            if depth > 0 || self.at >= self.signs.len() {
                return Ok(either(any));
            }
        }
    }

    /// Conditions that hold together. Where one is marked as required, those without a mark only bring items forward.
    fn together(&mut self, depth: usize) -> Result<Option<Words>, Problem> {
        let (mut plain, mut required, mut excluded, mut all) = (Vec::new(), Vec::new(), Vec::new(), false);
        loop {
            if self.take(&Sign::And) {
                all = true;
                continue;
            }
            let into = if self.take(&Sign::Plus) {
                &mut required
            } else if self.take(&Sign::Minus) {
                &mut excluded
            } else {
                &mut plain
            };
            match self.signs.get(self.at) {
                None | Some(Sign::Or | Sign::Close) => break,
                Some(Sign::Plus | Sign::Minus | Sign::And) => {}
                Some(Sign::Open) => {
                    self.at += 1;
                    into.extend(self.alternatives(depth + 1)?);
                    self.take(&Sign::Close);
                }
                Some(Sign::Chunk(words)) => {
                    self.at += 1;
                    into.extend(phrase(words.clone(), false));
                }
                Some(Sign::Quoted(words)) => {
                    self.at += 1;
                    into.extend(phrase(words.clone(), true));
                }
                Some(Sign::Begun(words)) => {
                    self.at += 1;
                    let (last, whole) = words.split_last().expect("a chunk has words");
                    let whole = whole.iter().cloned().map(Words::Word);
                    into.extend(whole.chain([Words::Prefix(last.clone())]));
                }
            }
        }
        let optional = if required.is_empty() || all { Vec::new() } else { std::mem::take(&mut plain) };
        required.extend(plain);
        Ok(match (required.len(), optional.is_empty() && excluded.is_empty()) {
            (0, true) => None,
            (1, true) => required.pop(),
            _ => Some(Words::Group { required, optional, excluded }),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Words> {
        read(&terms(text)).unwrap()
    }

    fn word(text: &str) -> Words {
        Words::Word(text.into())
    }

    fn run(words: &[&str], exact: bool) -> Words {
        Words::Phrase { words: words.iter().map(|w| (*w).to_owned()).collect(), exact }
    }

    fn group(required: &[&Words], optional: &[&Words], excluded: &[&Words]) -> Words {
        let [required, optional, excluded] =
            [required, optional, excluded].map(|part| part.iter().map(|words| (*words).clone()).collect());
        Words::Group { required, optional, excluded }
    }

    #[test]
    fn terms_of_stac_are_words_and_runs_of_words() {
        assert_eq!(of("EO"), Some(word("eo")));
        assert_eq!(
            of("EO,Earth Observation"),
            Some(Words::Any(vec![word("eo"), run(&["earth", "observation"], false)]))
        );
        assert_eq!(of("Fontaine-de-Vaucluse"), Some(run(&["fontaine", "de", "vaucluse"], false)));
        assert_eq!(of(" , ,;"), None);
    }

    #[test]
    fn signs_say_more() {
        let (lac, leman, geneva) = (word("lac"), word("leman"), word("geneva"));
        assert_eq!(of("\"Lac Léman\""), Some(run(&["lac", "leman"], true)));
        assert_eq!(of("lac OR leman"), Some(Words::Any(vec![lac.clone(), leman.clone()])));
        assert_eq!(of("lac AND leman"), Some(group(&[&lac, &leman], &[], &[])));
        assert_eq!(of("lac -leman"), Some(group(&[&lac], &[], &[&leman])));
        assert_eq!(of("lac NOT leman"), of("lac -leman"));
        assert_eq!(of("lac +leman"), Some(group(&[&leman], &[&lac], &[])));
        assert_eq!(of("-lac"), Some(group(&[], &[], &[&lac])));
        assert_eq!(of("lac lem*"), Some(group(&[&lac, &Words::Prefix("lem".into())], &[], &[])));
        let either = Words::Any(vec![leman.clone(), geneva.clone()]);
        assert_eq!(of("lac (leman | geneva)"), Some(group(&[&lac, &either], &[], &[])));
        assert_eq!(of("(lac, leman), geneva"), Some(Words::Any(vec![group(&[&lac, &leman], &[], &[]), geneva])));
    }

    #[test]
    fn signs_without_sense_are_blanks() {
        assert_eq!(of("lac \"leman"), Some(run(&["lac", "leman"], false)));
        assert_eq!(of("OR lac OR"), Some(word("lac")));
        assert_eq!(of(") lac ("), Some(word("lac")));
        assert_eq!(of("lac - leman"), Some(run(&["lac", "leman"], false)));
        assert_eq!(of("+ - * ( )"), None);
    }

    #[test]
    fn a_person_means_all_words_and_kinds_of_waters_in_both_languages() {
        let of = |text: &str| read_together(text).unwrap();
        assert_eq!(of("Léman"), Some(word("leman")));
        let name = |words: &[&str]| run(words, false);
        let together = name(&["seine", "paris"]);
        assert_eq!(of("Seine, Paris"), Some(group(&[&word("seine"), &word("paris")], &[&together], &[])));
        // Small words are part of a name, but need not be.
        assert_eq!(of("la Seine"), Some(group(&[&word("seine")], &[&name(&["la", "seine"])], &[])));
        let lake = Words::Any(vec![word("lac"), word("lake"), word("lago"), word("hu")]);
        let product = Words::Any(vec![word("swot_l2"), Words::Prefix("swot_l2".into())]);
        assert_eq!(of("SWOT_L2"), Some(group(&[&product], &[&word("swot_l2")], &[])));
        assert_eq!(of("lac"), Some(word("lac")));
        let names = ["lac", "lake", "lago", "hu"].map(|kind| name(&[kind, "victoria"]));
        assert_eq!(
            of("lac Victoria"),
            Some(group(&[&lake, &word("victoria")], &[&names[0], &names[1], &names[2], &names[3]], &[]))
        );
        let names = ["lac Victoria", "Nyanza"].map(|name| of(name).unwrap());
        let any = Words::Any(names.to_vec());
        assert_eq!(of("lac Victoria OR Nyanza"), Some(group(&[&any], &[&names[0]], &[])));
        assert_eq!(of("lac -Victoria"), Some(group(&[&word("lac")], &[], &[&word("victoria")])));
        assert_eq!(of(","), None);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |n: usize| format!("{}a b*{}", "(".repeat(n), ")".repeat(n));
        assert!(read(&[&deep(Q_DEPTH_MAX)]).is_ok());
        assert!(read(&[&deep(Q_DEPTH_MAX + 1)]).is_err());
        assert!(read(&[&deep(100_000)]).is_err());
    }
}
