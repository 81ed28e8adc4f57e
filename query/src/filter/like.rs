//! `LIKE` patterns: `%` any text, `_` one character, `\` escapes the next; matching takes no memory and no recursion.

use memchr::memmem::Finder;

use super::work::Cost;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Char(char),
    One,
    Any,
}

/// A parsed pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    tokens: Vec<Token>,
    prefix: String,
    /// Without any `_`, what there is to look for.
    texts: Option<Texts>,
}

/// Texts that follow each other.
#[derive(Clone, Debug)]
struct Texts {
    first: String,
    between: Vec<Finder<'static>>,
    /// `None` where the first is all there is.
    last: Option<String>,
}

impl Texts {
    fn of(tokens: &[Token]) -> Option<Self> {
        let mut texts = vec![String::new()];
        for token in tokens {
            match (token, texts.last_mut()) {
                (Token::Char(c), Some(text)) => text.push(*c),
                (Token::Any, _) => texts.push(String::new()),
                _ => return None,
            }
        }
        let last = if texts.len() > 1 { texts.pop() } else { None };
        let first = texts.remove(0);
        Some(Self { first, between: texts.iter().map(|text| Finder::new(text).into_owned()).collect(), last })
    }

    fn matches(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.first.as_str()) else { return false };
        let Some(last) = &self.last else { return rest.is_empty() };
        let Some(rest) = rest.strip_suffix(last.as_str()) else { return false };
        let mut rest = rest.as_bytes();
        self.between.iter().all(|finder| match finder.find(rest) {
            Some(at) => {
                rest = &rest[at + finder.needle().len()..];
                true
            }
            None => false,
        })
    }
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => tokens.push(Token::Char(chars.next().unwrap_or('\\'))),
                '%' if tokens.last() == Some(&Token::Any) => {}
                '%' => tokens.push(Token::Any),
                '_' => tokens.push(Token::One),
                c => tokens.push(Token::Char(c)),
            }
        }
        let prefix = tokens.iter().map_while(|t| if let Token::Char(c) = t { Some(*c) } else { None }).collect();
        let texts = Texts::of(&tokens);
        Self { tokens, prefix, texts }
    }

    /// The literal text that every match begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the pattern is its prefix and then anything.
    pub(crate) fn is_prefix_only(&self) -> bool {
        self.tokens.last() == Some(&Token::Any) && self.tokens.len() == self.prefix.chars().count() + 1
    }

    /// What matching a text takes.
    pub(super) fn cost(&self) -> Cost {
        match self.texts {
            Some(_) => {
                Cost { fixed: 8 + 4 * self.tokens.iter().filter(|t| **t == Token::Any).count() as u64, per_8_bytes: 1 }
            }
            None => Cost { fixed: 16, per_8_bytes: 8 + 4 * self.tokens.len() as u64 },
        }
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match &self.texts {
            Some(texts) => texts.matches(text),
            None => self.matches_by_tokens(text),
        }
    }

    /// Backtracks to the last `%` only, so the time is at most text times pattern.
    fn matches_by_tokens(&self, text: &str) -> bool {
        let (mut rest, mut token) = (text.chars(), 0);
        let mut retry: Option<(std::str::Chars<'_>, usize)> = None;
        loop {
            let mut next = rest.clone();
            let Some(found) = next.next() else { break };
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    token += 1;
                    retry = Some((rest.clone(), token));
                }
                Some(Token::One) => (rest, token) = (next, token + 1),
                Some(Token::Char(c)) if *c == found => (rest, token) = (next, token + 1),
                _ => {
                    let Some((begin, after)) = &mut retry else { return false };
                    begin.next();
                    (rest, token) = (begin.clone(), *after);
                }
            }
        }
        self.tokens[token..].iter().all(|t| *t == Token::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by recursion.
    fn slow(pattern: &[Token], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [Token::Any, rest @ ..] => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
            [Token::One, rest @ ..] => !text.is_empty() && slow(rest, &text[1..]),
            [Token::Char(c), rest @ ..] => text.first() == Some(c) && slow(rest, &text[1..]),
        }
    }

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, text, expected) in [
            ("Yan%", "Yangtze", true),
            ("%banks%", "the banks of", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
            ("", "", true),
            ("%", "", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn matching_is_that_of_the_definition(pattern in "[aé%_]{0,8}", text in "[aé]{0,8}") {
            let chars: Vec<char> = text.chars().collect();
            let parsed = Pattern::new(&pattern);
            let expected = slow(&parsed.tokens, &chars);
            prop_assert_eq!(parsed.matches(&text), expected);
            prop_assert_eq!(parsed.matches_by_tokens(&text), expected);
        }
    }
}
