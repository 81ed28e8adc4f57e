//! How texts become tokens: folded words, stems, and whole names.

use nilometer_schemas::text::words;
use nilometer_schemas::{FOLDED_TOKENIZER, NAME_TOKENIZER, STEM_TOKENIZERS};
use tantivy::Index;
use tantivy::tokenizer::{Language, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};

const STEM_LANGUAGES: [Language; 2] = [Language::English, Language::French];

/// Makes the tokenizers of the schema known to an index.
pub(crate) fn register(index: &Index) {
    let all = index.tokenizers();
    all.register(FOLDED_TOKENIZER, FoldedTokenizer);
    all.register(NAME_TOKENIZER, NameTokenizer);
    for (name, language) in STEM_TOKENIZERS.into_iter().zip(STEM_LANGUAGES) {
        all.register(name, TextAnalyzer::builder(FoldedTokenizer).filter(Stemmer::new(language)).build());
    }
}

/// The stems of a folded word, in the order of the fields: English, French.
pub fn stems(word: &str) -> [String; 2] {
    STEM_LANGUAGES.map(|language| {
        let mut analyzer = TextAnalyzer::builder(FoldedTokenizer).filter(Stemmer::new(language)).build();
        let mut tokens = analyzer.token_stream(word);
        if tokens.advance() { tokens.token().text.clone() } else { word.to_owned() }
    })
}

/// The one token of a whole name: its folded words with blanks between.
pub fn name_token(name: &str) -> String {
    words(name).collect::<Vec<_>>().join(" ")
}

/// Splits a text into folded words, as [`nilometer_schemas::text::words`] does. The parts between underscores, of which
/// names of products are made, are words too, at the same place.
#[derive(Clone, Default)]
struct FoldedTokenizer;

impl Tokenizer for FoldedTokenizer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let mut tokens = Vec::new();
        for (position, word) in words(text).enumerate() {
            if word.contains('_') {
                let parts = word.split('_').filter(|part| !part.is_empty() && *part != word);
                tokens.extend(parts.map(|part| (part.to_owned(), position)));
            }
            tokens.push((word, position));
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
    fn singular_and_plural_have_a_stem_in_common() {
        for (a, b) in [("lakes", "lake"), ("rivieres", "riviere"), ("debits", "debit"), ("stations", "station")] {
            let (a, b) = (stems(a), stems(b));
            assert!(a.iter().zip(&b).any(|(a, b)| a == b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn parts_of_product_names_are_words_at_the_place_of_the_whole() {
        let mut tokenizer = FoldedTokenizer;
        let mut stream = tokenizer.token_stream("SWOT_L2_HR of Léman");
        let mut tokens = Vec::new();
        while stream.advance() {
            tokens.push((stream.token().text.clone(), stream.token().position));
        }
        let expected = [("swot", 0), ("l2", 0), ("hr", 0), ("swot_l2_hr", 0), ("of", 1), ("leman", 2)];
        assert_eq!(tokens, expected.map(|(text, at)| (text.to_owned(), at)));
    }

    #[test]
    fn a_name_is_one_token_whatever_its_signs() {
        assert_eq!(name_token("Lac d'Annecy, (74)"), "lac d annecy 74");
    }
}
