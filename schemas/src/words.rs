//! What words the texts of an item must have.

/// A condition on words. All texts in it are folded: lower case, without accents.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Words {
    /// This word, or another form of it: singular and plural, in English and French.
    Word(String),
    /// A word that begins so.
    Prefix(String),
    /// These words, one right after the other. `exact` ones stand there in this very form; others in any form.
    Phrase {
        /// At least one.
        words: Vec<String>,
        /// Whether other forms do not count.
        exact: bool,
    },
    /// One of these.
    Any(Vec<Words>),
    /// Several conditions together. With nothing required, whatever is not excluded matches.
    Group {
        /// All of these.
        required: Vec<Words>,
        /// These only bring an item forward.
        optional: Vec<Words>,
        /// None of these.
        excluded: Vec<Words>,
    },
}

impl Words {
    /// All of several words, in any order and form.
    pub fn all(words: impl IntoIterator<Item = String>) -> Self {
        let mut required: Vec<Self> = words.into_iter().map(Self::Word).collect();
        match required.len() {
            1 => required.remove(0),
            _ => Self::Group { required, optional: Vec::new(), excluded: Vec::new() },
        }
    }

    /// The single conditions in it.
    pub fn leaves(&self) -> usize {
        match self {
            Self::Word(_) | Self::Prefix(_) => 1,
            Self::Phrase { words, .. } => words.len(),
            Self::Any(any) => any.iter().map(Self::leaves).sum(),
            Self::Group { required, optional, excluded } => {
                [required, optional, excluded].into_iter().flatten().map(Self::leaves).sum()
            }
        }
    }
}
