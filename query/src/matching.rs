//! Which documents words match, without how well: what a set of documents or a count needs.
//!
//! Every word of a name, an id or another text is in the field of all words, and its stem, if it has forms, in the fields of
//! stems. So the fields of names, which only tell how well a document fits, are not read, nor that of all words where stems
//! are. Terms are tantivy's; what is required and excluded is the algebra of their sets.

use std::sync::Arc;

use nilometer_indexer::segment::Bits;
use nilometer_indexer::{SegmentView, Snapshot};
use nilometer_schemas::{IndexFields, Problem, Words};
use tantivy::postings::SegmentPostings;
use tantivy::query::{EnableScoring, Query};
use tantivy::schema::IndexRecordOption;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocSet};

use crate::plan::internal;
use crate::words::{run, runs_of_forms};

/// The documents of a segment that the query with scores matches, deleted ones among them.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub(crate) fn matching(snapshot: &Snapshot, segment: &SegmentView, words: &Words) -> Result<Bits, Problem> {
    let terms = Terms { snapshot, segment };
    let kept = match words {
        Words::Word(word) => terms.of_forms(std::slice::from_ref(word))?,
        Words::Phrase { words, exact: false } => terms.of_forms(words)?,
        Words::Phrase { words, exact: true } => terms.of_exact(words)?,
        Words::Prefix(begin) => terms.of_begun(begin)?,
        Words::Any(any) => {
            let mut bits = Bits::none(segment.data().docs());
            for words in any {
                bits.or(&matching(snapshot, segment, words)?);
            }
            return Ok(bits);
        }
        // Optional words only make a document fit better.
        Words::Group { required, excluded, .. } => {
            let mut bits = Bits::all(segment.data().docs());
            for words in required {
                bits.and(&matching(snapshot, segment, words)?);
                if bits.count() == 0 {
                    return Ok(bits);
                }
            }
            for words in excluded {
                bits.and_not(&matching(snapshot, segment, words)?);
            }
            return Ok(bits);
        }
    };
    Ok(Bits::clone(&kept))
}

/// Where terms are looked up.
struct Terms<'a> {
    snapshot: &'a Snapshot,
    segment: &'a SegmentView,
}

impl Terms<'_> {
    fn fields(&self) -> &IndexFields {
        self.snapshot.fields()
    }

    /// Words in any of their forms, one after the other; as they are where one of them has none.
    fn of_forms(&self, words: &[String]) -> Result<Arc<Bits>, Problem> {
        let Some(forms) = runs_of_forms(words, self.fields()) else { return self.of_exact(words) };
        self.segment.data().word_set(&format!("forms {}", words.join(" ")), || self.of(forms))
    }

    /// Words as they are, one after the other.
    fn of_exact(&self, words: &[String]) -> Result<Arc<Bits>, Problem> {
        let name = format!("exactly {}", words.join(" "));
        self.segment.data().word_set(&name, || self.of([run(self.fields().words, words)]))
    }

    /// What any of some queries matches.
    fn of(&self, queries: impl IntoIterator<Item = Box<dyn Query>>) -> Result<Bits, Problem> {
        let mut bits = Bits::none(self.segment.data().docs());
        for query in queries {
            let scoring = EnableScoring::disabled_from_searcher(self.snapshot.searcher());
            let weight = query.weight(scoring).map_err(internal)?;
            let insert = &mut |docs: &[u32]| docs.iter().for_each(|doc| bits.insert(*doc));
            weight.for_each_no_score(self.segment.reader(), insert).map_err(internal)?;
        }
        Ok(bits)
    }

    /// Words that begin so.
    fn of_begun(&self, begin: &str) -> Result<Arc<Bits>, Problem> {
        self.segment.data().word_set(&format!("begun {begin}"), || {
            let inverted = self.segment.reader().inverted_index(self.fields().words).map_err(internal)?;
            let mut bits = Bits::none(self.segment.data().docs());
            let mut from = begin.as_bytes().to_vec();
            'on: loop {
                let mut terms = inverted.terms().range().ge(&from).into_stream().map_err(internal)?;
                while terms.advance() {
                    let word = terms.key();
                    if !word.starts_with(begin.as_bytes()) {
                        break 'on;
                    }
                    if let Some(next) = behind_products(begin, word) {
                        from = next;
                        continue 'on;
                    }
                    let postings = inverted.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic);
                    insert_all(&mut bits, postings.map_err(internal)?);
                }
                break;
            }
            Ok(bits)
        })
    }
}

/// Where the words go on behind names of products (`swot_l2_hr …`) that begin with a text, if this is one. Ids are such
/// names, millions of them, and their parts are words of the same documents: the first part begins with the text too.
pub(crate) fn behind_products(begin: &str, word: &[u8]) -> Option<Vec<u8>> {
    const BEHIND: u8 = b'_' + 1;
    if begin.contains('_') {
        return None;
    }
    let at = word.iter().position(|byte| *byte == b'_')?;
    Some([&word[..at], &[BEHIND]].concat())
}

fn insert_all(bits: &mut Bits, mut postings: SegmentPostings) {
    let mut docs = [0; COLLECT_BLOCK_BUFFER_LEN];
    loop {
        let count = postings.fill_buffer(&mut docs);
        docs[..count].iter().for_each(|doc| bits.insert(*doc));
        if count < COLLECT_BLOCK_BUFFER_LEN {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_products_are_passed_over_where_their_first_part_is_a_word_too() {
        let behind =
            |begin, word: &str| behind_products(begin, word.as_bytes()).map(|b| String::from_utf8(b).expect("ASCII"));
        assert_eq!(behind("sw", "swot_l2_hr"), Some("swot`".to_owned()));
        assert!("swot_zzz" < "swot`" && "swot`" < "swots");
        assert_eq!(behind("sw", "swot"), None);
        assert_eq!(behind("swot_l", "swot_l2_hr"), None);
    }
}
