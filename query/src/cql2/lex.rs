//! CQL2 text as tokens.

use super::build;
use nilometer_schemas::Problem;

/// Words with a meaning of their own: a property of such a name is written in double quotes.
const KEYWORDS: [&str; 10] = ["AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "LIKE", "TRUE", "FALSE"];
/// Signs, longest first.
const SYMBOLS: [&str; 15] = ["<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-", "*", "/", "%", "^"];
/// Characters of a token that a message repeats.
const SHOWN_CHARS: usize = 40;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A bare word: keyword, function or property.
    Word(String),
    /// A name in double quotes.
    Quoted(String),
    /// A text literal.
    Text(String),
    /// A number without sign.
    Number(f64),
    /// One of [`SYMBOLS`].
    Symbol(&'static str),
    /// After the last token.
    End,
}

/// A token and the byte where it begins.
pub(super) struct Located {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// Whether a word may not be a bare property name.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

fn continues_name(c: char) -> bool {
    begins_name(c) || c.is_numeric() || c == '.' || ('\u{300}'..='\u{36f}').contains(&c)
}

/// Whether a property name needs no quotes.
pub(super) fn is_bare_name(name: &str) -> bool {
    name.starts_with(begins_name) && name.chars().all(continues_name) && !is_keyword(name)
}

/// A syntax problem at a byte of the text; the message counts characters from 1.
pub(super) fn syntax(text: &str, at: usize, detail: &str) -> Problem {
    let character = text.get(..at).map_or(0, |before| before.chars().count()) + 1;
    Problem::invalid("filter-syntax", format!("at character {character}: {detail}")).at("filter")
}

/// A token as messages show it.
pub(super) fn shown(token: &Token) -> String {
    let cut = |text: &str| match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    };
    match token {
        Token::Word(word) => cut(word),
        Token::Quoted(name) => format!("\"{}\"", cut(name)),
        Token::Text(text) => format!("'{}'", cut(text)),
        Token::Number(number) => number.to_string(),
        Token::Symbol(symbol) => format!("'{symbol}'"),
        Token::End => "the end".to_owned(),
    }
}

/// All tokens of a text, closed by [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Located>, Problem> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = next_token(text, at, c)?;
        out.push(Located { token, at });
        at += length;
    }
    out.push(Located { token: Token::End, at: text.len() });
    Ok(out)
}

/// The token that begins at byte `at` with character `c`, and its length in bytes.
fn next_token(text: &str, at: usize, c: char) -> Result<(Token, usize), Problem> {
    let rest = &text[at..];
    let number_follows = c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit()));
    if number_follows {
        return number(text, at);
    }
    if begins_name(c) {
        let length = rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
        return Ok((Token::Word(rest[..length].to_owned()), length));
    }
    if c == '\'' || c == '"' {
        let Some((inner, length)) = quoted(rest, c) else {
            return Err(syntax(text, at, &format!("the quote {c} is not closed; inside a text it is doubled")));
        };
        return Ok((if c == '"' { Token::Quoted(inner) } else { Token::Text(inner) }, length));
    }
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let detail = match c {
        '!' => "'!' has no meaning; \"not equal\" is <>".to_owned(),
        '{' => "'{' has no meaning in cql2-text; JSON filters need filter-lang=cql2-json".to_owned(),
        c => format!("the character {c:?} has no meaning"),
    };
    Err(syntax(text, at, &detail).allowed(build::SUPPORTED))
}

/// What stands between quotes, doubled quotes undone, and the length with quotes. `None` when not closed.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            inner.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            inner.push(quote);
        } else {
            return Some((inner, at + 1));
        }
    }
    None
}

/// A number without sign: digits, fraction, exponent.
fn number(text: &str, at: usize) -> Result<(Token, usize), Problem> {
    let rest = &text.as_bytes()[at..];
    let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut length = digits(0);
    if rest.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(rest.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits((length + 1 + sign).min(rest.len()));
        if exponent == 0 {
            return Err(syntax(text, at, "the number's exponent has no digits"));
        }
        length += 1 + sign + exponent;
    }
    if text[at + length..].starts_with(continues_name) {
        return Err(syntax(text, at, "a number runs into a name; names that begin with a digit need double quotes"));
    }
    match text[at..at + length].parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), length)),
        _ => Err(syntax(text, at, "the number is too large")),
    }
}
