//! Stems: the forms of a word that count as the word itself.

use std::cell::RefCell;

use frostem::{Algorithm, Stemmer};
use tantivy::tokenizer::{Token, TokenFilter, TokenStream, Tokenizer};

/// Shorter stems say too little: the river Ob has nothing to do with the observations that titles shorten to "obs".
const STEM_CHARS_MIN: usize = 3;

/// Endings of French verbs, folded. Texts on water hold names where a stemmer for French sees verbs: without their endings
/// the river Lena would be the town of Lens, and Amazonas the whole Amazon.
const VERBAL: [&str; 12] = ["a", "ai", "aient", "ais", "ait", "ames", "ant", "as", "asse", "at", "ates", "era"];

/// The languages of stems, in the order of the fields.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    English,
    French,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::French];

    fn stemmer(self) -> Stemmer {
        Stemmer::new(match self {
            Self::English => Algorithm::English,
            Self::French => Algorithm::French,
        })
    }

    /// The stem of a folded word; the word itself where what is taken off is no ending of a noun or an adjective.
    fn stem(self, stemmer: &Stemmer, word: &str) -> String {
        let stem = stemmer.stem(word);
        let is_short = stem.chars().count() < STEM_CHARS_MIN;
        let is_verb = matches!(self, Self::French) && VERBAL.contains(&ending(word, &stem));
        if is_short || is_verb { word.to_owned() } else { stem.into_owned() }
    }
}

/// What a word has behind its stem.
fn ending<'a>(word: &'a str, stem: &str) -> &'a str {
    let same = word.char_indices().zip(stem.chars()).take_while(|((_, a), b)| a == b);
    let end = same.last().map_or(0, |((at, c), _)| at + c.len_utf8());
    &word[end..]
}

/// The stems of a folded word, in the order of the fields: English, French. A word with underscores is one word here, as
/// the whole is among its parts in the index.
pub fn stems(word: &str) -> [String; 2] {
    STEMMERS.with_borrow(|stemmers| std::array::from_fn(|i| Language::ALL[i].stem(&stemmers[i], word)))
}

thread_local! {
    static STEMMERS: RefCell<[Stemmer; 2]> = RefCell::new(Language::ALL.map(Language::stemmer));
}

/// Puts the stem of each token into its place.
#[derive(Clone)]
pub(crate) struct Stems(pub(crate) Language);

impl TokenFilter for Stems {
    type Tokenizer<T: Tokenizer> = Stemmed<T>;

    fn transform<T: Tokenizer>(self, inner: T) -> Stemmed<T> {
        Stemmed { language: self.0, inner }
    }
}

/// See [`Stems`].
#[derive(Clone)]
pub(crate) struct Stemmed<T> {
    language: Language,
    inner: T,
}

impl<T: Tokenizer> Tokenizer for Stemmed<T> {
    type TokenStream<'a> = StemStream<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        StemStream { language: self.language, stemmer: self.language.stemmer(), inner: self.inner.token_stream(text) }
    }
}

/// See [`Stems`].
pub(crate) struct StemStream<S> {
    language: Language,
    stemmer: Stemmer,
    inner: S,
}

impl<S: TokenStream> TokenStream for StemStream<S> {
    fn advance(&mut self) -> bool {
        if !self.inner.advance() {
            return false;
        }
        let token = self.inner.token_mut();
        token.text = self.language.stem(&self.stemmer, &token.text);
        true
    }

    fn token(&self) -> &Token {
        self.inner.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.inner.token_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn have_one_in_common(a: &str, b: &str) -> bool {
        stems(a).iter().zip(&stems(b)).any(|(a, b)| a == b)
    }

    #[test]
    fn singular_and_plural_have_a_stem_in_common() {
        for (a, b) in [
            ("lakes", "lake"),
            ("rivieres", "riviere"),
            ("debits", "debit"),
            ("stations", "station"),
            ("lacs", "lac"),
            ("niveaux", "niveau"),
            ("gauges", "gauging"),
            ("hydrologique", "hydrologie"),
        ] {
            assert!(have_one_in_common(a, b), "{a} {b}");
        }
    }

    #[test]
    fn names_are_not_taken_for_forms_of_other_words() {
        for (a, b) in
            [("ob", "obs"), ("amazonas", "amazon"), ("amazonas", "amazone"), ("lena", "lens"), ("volga", "volgue")]
        {
            assert!(!have_one_in_common(a, b), "{a} {b}");
        }
    }

    #[test]
    fn the_stem_of_a_word_with_underscores_is_of_the_whole() {
        assert!(stems("planned_026_113").iter().all(|stem| stem.starts_with("planned_026_11")));
        assert_ne!(stems("planned_026_113"), stems("planned_026_114"));
    }
}
