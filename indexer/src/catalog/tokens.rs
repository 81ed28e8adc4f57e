//! How texts become tokens: folded words, their stems, and whole names.

use nilometer_schemas::text::words;
use nilometer_schemas::{FOLDED_TOKENIZER, NAME_TOKENIZER, STEM_TOKENIZERS};
use tantivy::Index;
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};

use super::stems::{Language, Stems};

/// Makes the tokenizers of the schema known to an index.
pub(crate) fn register(index: &Index) {
    let all = index.tokenizers();
    all.register(FOLDED_TOKENIZER, FoldedTokenizer);
    all.register(NAME_TOKENIZER, NameTokenizer);
    for (name, language) in STEM_TOKENIZERS.into_iter().zip(Language::ALL) {
        all.register(name, TextAnalyzer::builder(FoldedTokenizer).filter(Stems(language)).build());
    }
}

/// Places that a word takes in a text: one for each of its parts.
fn places(word: &str) -> usize {
    parts(word).count()
}

/// The words that stand one after the other where a folded word does: its parts between underscores, or itself.
pub fn parts(word: &str) -> impl Iterator<Item = &str> {
    let nothing_else = Some(word).filter(|word| word.bytes().all(|byte| byte == b'_'));
    word.split('_').filter(|part| !part.is_empty()).chain(nothing_else)
}

/// The one token of a whole name: its folded words with blanks between.
pub fn name_token(name: &str) -> String {
    words(name).collect::<Vec<_>>().join(" ")
}

/// Splits a text into folded words, as [`nilometer_schemas::text::words`] does. The parts between underscores, of which
/// names of products are made, are words too: they follow each other, and the whole stands where the last of them does.
#[derive(Clone, Default)]
struct FoldedTokenizer;

impl Tokenizer for FoldedTokenizer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let (mut tokens, mut begin) = (Vec::new(), 0);
        for word in words(text) {
            let end = begin + places(&word);
            let own = parts(&word).filter(|part| *part != word).enumerate();
            tokens.extend(own.map(|(at, part)| (part.to_owned(), begin + at)));
            tokens.push((word, end - 1));
            begin = end;
        }
        Tokens::new(tokens)
    }
}

/// Makes one token of a text.
#[derive(Clone, Default)]
struct NameTokenizer;

impl Tokenizer for NameTokenizer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let name = name_token(text);
        Tokens::new(if name.is_empty() { Vec::new() } else { vec![(name, 0)] })
    }
}

/// Tokens with their positions.
struct Tokens {
    tokens: std::vec::IntoIter<(String, usize)>,
    token: Token,
}

impl Tokens {
    fn new(tokens: Vec<(String, usize)>) -> Self {
        Self { tokens: tokens.into_iter(), token: Token::default() }
    }
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        let Some((text, position)) = self.tokens.next() else { return false };
        self.token.text = text;
        self.token.position = position;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_product_names_follow_each_other_and_the_whole_ends_with_them() {
        let mut tokenizer = FoldedTokenizer;
        let mut stream = tokenizer.token_stream("SWOT_L2_HR of _a Léman");
        let mut tokens = Vec::new();
        while stream.advance() {
            tokens.push((stream.token().text.clone(), stream.token().position));
        }
        let expected =
            [("swot", 0), ("l2", 1), ("hr", 2), ("swot_l2_hr", 2), ("of", 3), ("a", 4), ("_a", 4), ("leman", 5)];
        assert_eq!(tokens, expected.map(|(text, at)| (text.to_owned(), at)));
        assert_eq!(parts("swot_l2_hr").collect::<Vec<_>>(), ["swot", "l2", "hr"]);
        assert_eq!(["__", "leman"].map(|word| parts(word).collect::<Vec<_>>()), [["__"], ["leman"]]);
    }

    #[test]
    fn a_name_is_one_token_whatever_its_signs() {
        assert_eq!(name_token("Lac d'Annecy, (74)"), "lac d annecy 74");
    }
}
