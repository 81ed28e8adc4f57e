//! Stems: the forms of a word that count as the word itself.

use std::cell::RefCell;
use std::collections::HashMap;

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

/// The stems of a folded word, in the order of the fields: English, French. None of what has no forms: codes and names of
/// products (`swot_l2_hr`) are only ever written as they are, and are in no field of stems. Numbers are, as their own stems:
/// they stand beside words that have forms.
pub fn stems(word: &str) -> Option<[String; 2]> {
    has_forms(word).then(|| KNOWN.with_borrow_mut(|known| known.stems(word).clone()))
}

/// Whether it is a word of a language, or a number.
fn has_forms(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) || word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Words whose stems are kept: texts of one kind are written with a few thousand.
const KNOWN_MAX: usize = 1 << 16;

/// Stemmers, and what they made of the words so far, which costs less to look up than to find again.
struct Known {
    stemmers: [Stemmer; 2],
    stems: HashMap<String, [String; 2]>,
}

impl Known {
    fn stems(&mut self, word: &str) -> &[String; 2] {
        if !self.stems.contains_key(word) {
            if self.stems.len() == KNOWN_MAX {
                self.stems.clear();
            }
            let stems = std::array::from_fn(|at| Language::ALL[at].stem(&self.stemmers[at], word));
            self.stems.insert(word.to_owned(), stems);
        }
        &self.stems[word]
    }
}

thread_local! {
    static KNOWN: RefCell<Known> =
        RefCell::new(Known { stemmers: Language::ALL.map(Language::stemmer), stems: HashMap::new() });
}

/// Puts the stem of each token into its place; tokens without forms go.
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
        StemStream { language: self.language, inner: self.inner.token_stream(text) }
    }
}

/// See [`Stems`].
pub(crate) struct StemStream<S> {
    language: Language,
    inner: S,
}

impl<S: TokenStream> TokenStream for StemStream<S> {
    fn advance(&mut self) -> bool {
        while self.inner.advance() {
            let token = self.inner.token_mut();
            if has_forms(&token.text) {
                KNOWN.with_borrow_mut(|known| token.text.clone_from(&known.stems(&token.text)[self.language as usize]));
                return true;
            }
        }
        false
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
        let of = |word| stems(word).expect("a word of letters");
        of(a).iter().zip(&of(b)).any(|(a, b)| a == b)
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
    fn codes_and_names_of_products_have_no_forms_and_numbers_one() {
        for word in ["planned_026_113", "v1720000", "l2", "_a"] {
            assert_eq!(stems(word), None, "{word}");
        }
        assert_eq!(stems("2024"), Some(["2024", "2024"].map(str::to_owned)));
    }
}
