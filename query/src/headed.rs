//! Names that begin with the words of a search: the river's own gauges, and not those that stand near it.

use std::collections::BTreeSet;

use nilometer_schemas::{Words, text};

use crate::parse::is_beside_the_name;

/// Words of a name that are looked at.
const LOOKED_AT: usize = 4;

/// The words that names may begin with, folded; what a name may have or not is none of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headed(BTreeSet<String>);

impl Headed {
    /// By any word of a condition that must be met.
    pub(crate) fn by(words: &Words) -> Self {
        let mut own = Self::default();
        own.add(words);
        own
    }

    fn add(&mut self, words: &Words) {
        match words {
            Words::Word(word) => self.add_word(word),
            Words::Phrase { words, .. } => words.iter().for_each(|word| self.add_word(word)),
            Words::Prefix(_) => {}
            Words::Any(any) => any.iter().for_each(|words| self.add(words)),
            Words::Group { required, .. } => required.iter().for_each(|words| self.add(words)),
        }
    }

    fn add_word(&mut self, word: &str) {
        if !is_beside_the_name(word) {
            self.0.insert(word.to_owned());
        }
    }

    /// Whether a name begins with one of the words, after articles and words for the kind of water.
    pub(crate) fn is_true_of(&self, name: &str) -> bool {
        let first = text::words(name).take(LOOKED_AT).find(|word| !is_beside_the_name(word));
        first.is_some_and(|word| self.0.contains(&word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_what_it_is_the_name_of() {
        let group = |words: &[&str]| Words::all(words.iter().map(|word| (*word).to_owned()));
        for (words, name, expected) in [
            (&["saone"][..], "SAONE A AUXONNE", true),
            (&["saone"], "EAU DE LA SAONE A PONCEY", false),
            (&["seine"], "La Seine à Courceau", true),
            (&["seine"], "CRISSEY-SUR-SEINE", false),
            (&["riviere", "outaouais"], "OUTAOUAIS (RIVIERE DES) A HULL", true),
            (&["riviere", "outaouais"], "R. des Outaouais", true),
            (&["riviere", "outaouais"], "DUMOINE (RIVIERE) EN AMONT DES OUTAOUAIS", false),
            (&["lake", "victoria"], "LAKE WINNIPEG AT VICTORIA BEACH", false),
            (&["lake", "victoria"], "", false),
        ] {
            assert_eq!(Headed::by(&group(words)).is_true_of(name), expected, "{name}");
        }
    }
}
