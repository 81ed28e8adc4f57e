//! Which documents words match, without how well: what a set of documents or a count needs.
//!
//! Every word of a name, an id or another text is in the field of all words, and its stem in the fields of stems. So the
//! fields of names, which only tell how well a document fits, are not read, nor that of all words where stems are. Terms are
//! tantivy's; what is required and excluded is the algebra of their sets.

use nilometer_indexer::segment::Bits;
use nilometer_indexer::{SegmentView, Snapshot, stems};
use nilometer_schemas::{Problem, Words};
use tantivy::query::{EnableScoring, Query};

use crate::plan::internal;
use crate::words::{begun, run};

/// The documents of a segment that the query with scores matches, deleted ones among them.
///
/// # Errors
/// `Internal` when the index cannot be read.
pub(crate) fn matching(snapshot: &Snapshot, segment: &SegmentView, words: &Words) -> Result<Bits, Problem> {
    let leaf = Leaf { snapshot, segment };
    match words {
        Words::Word(word) => leaf.of_forms(std::slice::from_ref(word)),
        Words::Phrase { words, exact: false } => leaf.of_forms(words),
        Words::Phrase { words, exact: true } => leaf.of([run(snapshot.fields().words, words, words)]),
        Words::Prefix(begin) => leaf.of([begun(snapshot.fields().words, begin)]),
        Words::Any(any) => {
            let mut bits = leaf.none();
            for words in any {
                bits.or(&matching(snapshot, segment, words)?);
            }
            Ok(bits)
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
            Ok(bits)
        }
    }
}

/// Where terms are looked up.
struct Leaf<'a> {
    snapshot: &'a Snapshot,
    segment: &'a SegmentView,
}

impl Leaf<'_> {
    fn none(&self) -> Bits {
        Bits::none(self.segment.data().docs())
    }

    /// Words in any of their forms, one after the other.
    fn of_forms(&self, words: &[String]) -> Result<Bits, Problem> {
        let of_words: Vec<[String; 2]> = words.iter().map(|word| stems(word)).collect();
        self.of(self.snapshot.fields().stems.into_iter().enumerate().map(|(at, field)| {
            let stems: Vec<String> = of_words.iter().map(|stems| stems[at].clone()).collect();
            run(field, &stems, words)
        }))
    }

    /// What any of some queries matches.
    fn of(&self, queries: impl IntoIterator<Item = Box<dyn Query>>) -> Result<Bits, Problem> {
        let mut bits = self.none();
        for query in queries {
            let scoring = EnableScoring::disabled_from_searcher(self.snapshot.searcher());
            let weight = query.weight(scoring).map_err(internal)?;
            let insert = &mut |docs: &[u32]| docs.iter().for_each(|doc| bits.insert(*doc));
            weight.for_each_no_score(self.segment.reader(), insert).map_err(internal)?;
        }
        Ok(bits)
    }
}
