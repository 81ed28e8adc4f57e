//! The tokenizer that folds case and accents, and the query that matches folded words.

use nilometer_schemas::{IndexFields, text};
use tantivy::Term;
use tantivy::query::{BooleanQuery, EmptyQuery, PhraseQuery, Query, RegexQuery, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Splits a text into folded words, as [`nilometer_schemas::text::words`] does.
#[derive(Clone, Default)]
pub(crate) struct FoldedTokenizer;

/// The words of one text.
pub(crate) struct Words {
    words: std::vec::IntoIter<String>,
    token: Token,
}

impl Tokenizer for FoldedTokenizer {
    type TokenStream<'a> = Words;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words {
        let words: Vec<String> = text::words(text).collect();
        Words { words: words.into_iter(), token: Token { position: usize::MAX, ..Token::default() } }
    }
}

impl TokenStream for Words {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.text = word;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// A query for the documents in which one of the terms stands: a word, or several as a phrase.
pub fn folded_words_query(terms: &[String], fields: &IndexFields) -> Box<dyn Query> {
    let mut any: Vec<Box<dyn Query>> = Vec::with_capacity(terms.len());
    for term in terms {
        let words: Vec<Term> = text::words(term).map(|w| Term::from_field_text(fields.words, &w)).collect();
        match words.len() {
            0 => {}
            1 => any.extend(
                words.into_iter().map(|w| Box::new(TermQuery::new(w, IndexRecordOption::Basic)) as Box<dyn Query>),
            ),
            _ => any.push(Box::new(PhraseQuery::new(words))),
        }
    }
    match any.len() {
        0 => Box::new(EmptyQuery),
        1 => any.remove(0),
        _ => Box::new(BooleanQuery::union(any)),
    }
}

/// A query for the documents in which all words of a text stand, the last of them perhaps not yet typed to its end.
///
/// # Errors
/// The engine's; words are letters, digits and underscores, of which every pattern is valid.
pub fn folded_beginning_query(text: &str, fields: &IndexFields) -> tantivy::Result<Box<dyn Query>> {
    let mut words: Vec<String> = text::words(text).collect();
    let Some(last) = words.pop() else { return Ok(Box::new(EmptyQuery)) };
    let begun: Box<dyn Query> = Box::new(RegexQuery::from_pattern(&format!("{last}.*"), fields.words)?);
    let whole = words.iter().map(|word| Term::from_field_text(fields.words, word));
    let whole = whole.map(|term| Box::new(TermQuery::new(term, IndexRecordOption::Basic)) as Box<dyn Query>);
    Ok(Box::new(BooleanQuery::intersection(whole.chain([begun]).collect())))
}
