//! `LIKE` patterns: `%` any text, `_` one character, `\` escapes the next; matching takes linear memory and no recursion.

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
        Self { tokens, prefix }
    }

    /// The literal text that every match begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the pattern is its prefix and then anything.
    pub(crate) fn is_prefix_only(&self) -> bool {
        self.tokens.last() == Some(&Token::Any) && self.tokens.len() == self.prefix.chars().count() + 1
    }

    /// Whether the whole text matches. Backtracks to the last `%` only, so the time is at most text times pattern.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut token) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    retry = Some((at, token + 1));
                    token += 1;
                }
                Some(Token::One) => (at, token) = (at + 1, token + 1),
                Some(Token::Char(c)) if *c == text[at] => (at, token) = (at + 1, token + 1),
                _ => {
                    let Some((begin, after)) = retry else { return false };
                    retry = Some((begin + 1, after));
                    (at, token) = (begin + 1, after);
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
        fn matching_is_that_of_the_definition(pattern in "[ab%_]{0,8}", text in "[ab]{0,8}") {
            let chars: Vec<char> = text.chars().collect();
            let parsed = Pattern::new(&pattern);
            prop_assert_eq!(parsed.matches(&text), slow(&parsed.tokens, &chars));
        }
    }
}
