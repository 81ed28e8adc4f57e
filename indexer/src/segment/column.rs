//! Property columns: a sorted dictionary of the distinct values, and the code of each document's value.
//!
//! A predicate is decided once per distinct value; sorting and counting work on codes. One property may have
//! a column for each type its values have, so that mixed types stay apart.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::file::{SectionWriter, Sections};

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ColumnKind {
    /// UTF-8 texts, ordered by code point.
    Text,
    /// 64-bit floats.
    Number,
    /// Truth values, stored as 0 and 1.
    Bool,
}

/// A column's entry in the segment's directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ColumnMeta {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    /// Whether some document has several values.
    pub(crate) multi: bool,
    /// Bytes of one code.
    width: u8,
    /// One code per document (0 = no value, else code + 1), or pairs of document and code.
    dense: bool,
    /// Number of distinct values.
    distinct: u32,
    /// Codes of the collections that have values here.
    pub(crate) collections: Vec<u32>,
}

/// A value on its way into a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(f64),
    Bool(bool),
}

impl Value {
    pub(crate) fn kind(&self) -> ColumnKind {
        match self {
            Self::Text(_) => ColumnKind::Text,
            Self::Number(_) => ColumnKind::Number,
            Self::Bool(_) => ColumnKind::Bool,
        }
    }
}

/// Collects one column: values get provisional codes in order of appearance.
#[derive(Default)]
pub(crate) struct ColumnBuilder {
    texts: HashMap<Box<str>, u32>,
    numbers: HashMap<u64, u32>,
    /// Document and provisional code.
    pub(crate) pairs: Vec<(u32, u32)>,
    bytes: usize,
}

impl ColumnBuilder {
    pub(crate) fn text_code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.texts.get(text) {
            return *code;
        }
        let code = self.texts.len() as u32;
        self.bytes += text.len() + 32;
        self.texts.insert(text.into(), code);
        code
    }

    pub(crate) fn number_code(&mut self, number: f64) -> u32 {
        // -0.0 and 0.0 are one value.
        let bits = (number + 0.0).to_bits();
        let code = self.numbers.len() as u32;
        *self.numbers.entry(bits).or_insert(code)
    }

    pub(crate) fn add(&mut self, doc: u32, value: &Value) {
        let code = match value {
            Value::Text(text) => self.text_code(text),
            Value::Number(number) => self.number_code(*number),
            Value::Bool(truth) => self.number_code(f64::from(u8::from(*truth))),
        };
        self.pairs.push((doc, code));
    }

    pub(crate) fn mem_usage(&self) -> usize {
        self.bytes + self.numbers.len() * 24 + self.pairs.len() * 8
    }

    /// The texts by provisional code.
    pub(crate) fn texts_by_code(&self) -> Vec<&str> {
        let mut texts = vec![""; self.texts.len()];
        for (text, code) in &self.texts {
            texts[*code as usize] = text;
        }
        texts
    }

    /// The final code of each final document, for a text column with one value in every document.
    pub(crate) fn final_codes(&self, docs: u32, doc_of: impl Fn(u32) -> u32) -> Vec<u32> {
        let texts = self.texts_by_code();
        let mut order: Vec<u32> = (0..texts.len() as u32).collect();
        order.sort_unstable_by_key(|code| texts[*code as usize]);
        let mut rank = vec![0; texts.len()];
        for (at, code) in order.iter().enumerate() {
            rank[*code as usize] = at as u32;
        }
        let mut codes = vec![0; docs as usize];
        for (doc, code) in &self.pairs {
            codes[doc_of(*doc) as usize] = rank[*code as usize];
        }
        codes
    }

    /// Writes the column. `doc_of` turns the documents of `pairs` into final ones; `collection_of` gives a final
    /// document's collection code.
    pub(crate) fn write(
        self,
        name: &str,
        kind: ColumnKind,
        docs: u32,
        doc_of: impl Fn(u32) -> u32,
        collection_of: &[u32],
        out: &mut SectionWriter,
    ) -> ColumnMeta {
        let prefix = prefix(name, kind);
        let final_code = self.write_dictionary(&prefix, kind, out);
        let distinct = final_code.len() as u32;
        let mut pairs: Vec<(u32, u32)> =
            self.pairs.iter().map(|(doc, code)| (doc_of(*doc), final_code[*code as usize])).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let multi = pairs.windows(2).any(|w| w[0].0 == w[1].0);
        let mut collections: Vec<u32> = Vec::new();
        for (doc, _) in &pairs {
            let collection = collection_of.get(*doc as usize).copied().unwrap_or(0);
            if let Err(at) = collections.binary_search(&collection) {
                collections.insert(at, collection);
            }
        }
        let width: u8 = if distinct < u32::from(u8::MAX) {
            1
        } else if distinct < u32::from(u16::MAX) {
            2
        } else {
            4
        };
        let dense_bytes = docs as usize * width as usize;
        let dense = !multi && dense_bytes <= pairs.len() * (4 + width as usize) * 3 / 2;
        if dense {
            let mut codes = vec![0; docs as usize];
            for (doc, code) in &pairs {
                codes[*doc as usize] = code + 1;
            }
            write_codes(&format!("{prefix}/codes"), width, &codes, out);
        } else {
            out.add(format!("{prefix}/docs"), &pairs.iter().map(|p| p.0).collect::<Vec<_>>());
            write_codes(&format!("{prefix}/codes"), width, &pairs.iter().map(|p| p.1).collect::<Vec<_>>(), out);
        }
        ColumnMeta { name: name.to_owned(), kind, multi, width, dense, distinct, collections }
    }

    /// Writes the sorted dictionary and returns the final code of each provisional one.
    fn write_dictionary(&self, prefix: &str, kind: ColumnKind, out: &mut SectionWriter) -> Vec<u32> {
        let mut final_code = vec![0; self.texts.len().max(self.numbers.len())];
        if kind == ColumnKind::Text {
            let mut sorted: Vec<(&str, u32)> = self.texts.iter().map(|(t, c)| (&**t, *c)).collect();
            sorted.sort_unstable();
            let mut offsets = Vec::with_capacity(sorted.len() + 1);
            let mut bytes = Vec::with_capacity(self.bytes);
            for (code, (text, provisional)) in sorted.into_iter().enumerate() {
                final_code[provisional as usize] = code as u32;
                offsets.push(bytes.len() as u32);
                bytes.extend_from_slice(text.as_bytes());
            }
            offsets.push(bytes.len() as u32);
            out.add(format!("{prefix}/offsets"), &offsets);
            out.add(format!("{prefix}/texts"), &bytes);
        } else {
            let mut sorted: Vec<(f64, u32)> = self.numbers.iter().map(|(b, c)| (f64::from_bits(*b), *c)).collect();
            sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            for (code, (_, provisional)) in sorted.iter().enumerate() {
                final_code[*provisional as usize] = code as u32;
            }
            out.add(format!("{prefix}/numbers"), &sorted.iter().map(|s| s.0).collect::<Vec<_>>());
        }
        final_code
    }
}

fn write_codes(name: &str, width: u8, codes: &[u32], out: &mut SectionWriter) {
    match width {
        1 => out.add(name, &codes.iter().map(|c| *c as u8).collect::<Vec<_>>()),
        2 => out.add(name, &codes.iter().map(|c| *c as u16).collect::<Vec<_>>()),
        _ => out.add(name, codes),
    }
}

fn prefix(name: &str, kind: ColumnKind) -> String {
    let kind = match kind {
        ColumnKind::Text => "t",
        ColumnKind::Number => "n",
        ColumnKind::Bool => "b",
    };
    format!("column/{kind}/{name}")
}

/// Where a column's sections lie.
#[derive(Clone, Debug)]
pub(crate) struct ColumnPlace {
    pub(crate) meta: ColumnMeta,
    docs: Option<Range<usize>>,
    codes: Range<usize>,
    offsets: Range<usize>,
    values: Range<usize>,
}

impl ColumnPlace {
    pub(crate) fn find(meta: ColumnMeta, sections: &Sections) -> Option<Self> {
        let prefix = prefix(&meta.name, meta.kind);
        let section = |part: &str| sections.range(&format!("{prefix}/{part}"));
        let text = meta.kind == ColumnKind::Text;
        Some(Self {
            docs: if meta.dense { None } else { Some(section("docs")?) },
            codes: section("codes")?,
            offsets: if text { section("offsets")? } else { 0..0 },
            values: section(if text { "texts" } else { "numbers" })?,
            meta,
        })
    }

    pub(crate) fn column<'a>(&'a self, sections: &'a Sections) -> Column<'a> {
        let codes = match self.meta.width {
            1 => Narrow::U8(sections.at(&self.codes)),
            2 => Narrow::U16(sections.at(&self.codes)),
            _ => Narrow::U32(sections.at(&self.codes)),
        };
        let codes = match &self.docs {
            None => Codes::Dense(codes),
            Some(docs) => Codes::Pairs(sections.at(docs), codes),
        };
        let dictionary = match self.meta.kind {
            ColumnKind::Text => {
                Dictionary::Texts { offsets: sections.at(&self.offsets), bytes: sections.at(&self.values) }
            }
            ColumnKind::Number | ColumnKind::Bool => Dictionary::Numbers(sections.at(&self.values)),
        };
        Column {
            name: &self.meta.name,
            kind: self.meta.kind,
            multi: self.meta.multi,
            collections: &self.meta.collections,
            codes,
            dictionary,
        }
    }
}

/// Codes in the narrowest array that holds them.
#[derive(Clone, Copy, Debug)]
pub enum Narrow<'a> {
    /// One byte each.
    U8(&'a [u8]),
    /// Two bytes each.
    U16(&'a [u16]),
    /// Four bytes each.
    U32(&'a [u32]),
}

impl Narrow<'_> {
    /// The code at a place.
    pub fn get(self, at: usize) -> u32 {
        match self {
            Self::U8(codes) => u32::from(codes[at]),
            Self::U16(codes) => u32::from(codes[at]),
            Self::U32(codes) => codes[at],
        }
    }

    /// Number of codes.
    pub fn len(self) -> usize {
        match self {
            Self::U8(codes) => codes.len(),
            Self::U16(codes) => codes.len(),
            Self::U32(codes) => codes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Which document has which code.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// By document: 0 = no value, else code + 1.
    Dense(Narrow<'a>),
    /// Documents, ascending and repeated when they have several values, and their codes.
    Pairs(&'a [u32], Narrow<'a>),
}

/// The distinct values, ascending.
#[derive(Clone, Copy, Debug)]
pub enum Dictionary<'a> {
    /// Texts: `offsets` has one entry more than there are texts.
    Texts {
        /// Begin of each text, and the end of the last.
        offsets: &'a [u32],
        /// All texts.
        bytes: &'a [u8],
    },
    /// Numbers.
    Numbers(&'a [f64]),
}

impl<'a> Dictionary<'a> {
    /// Number of distinct values.
    pub fn len(self) -> usize {
        match self {
            Self::Texts { offsets, .. } => offsets.len().saturating_sub(1),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The text of a code; empty for numbers.
    pub fn text(self, code: u32) -> &'a str {
        match self {
            Self::Texts { offsets, bytes } => {
                let (begin, end) = (offsets[code as usize] as usize, offsets[code as usize + 1] as usize);
                std::str::from_utf8(&bytes[begin..end]).unwrap_or_default()
            }
            Self::Numbers(_) => "",
        }
    }

    /// The number of a code; NaN for texts.
    pub fn number(self, code: u32) -> f64 {
        match self {
            Self::Numbers(numbers) => numbers[code as usize],
            Self::Texts { .. } => f64::NAN,
        }
    }

    /// First code whose text is not below `text`.
    pub fn lower_bound_text(self, text: &str) -> u32 {
        let (mut low, mut high) = (0, self.len() as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.text(middle) < text { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// First code whose number is not below `number`.
    pub fn lower_bound_number(self, number: f64) -> u32 {
        match self {
            Self::Numbers(numbers) => numbers.partition_point(|n| *n < number) as u32,
            Self::Texts { .. } => 0,
        }
    }

    /// The code of a text, if it is there.
    pub fn find_text(self, text: &str) -> Option<u32> {
        let code = self.lower_bound_text(text);
        ((code as usize) < self.len() && self.text(code) == text).then_some(code)
    }
}

/// One property of one type in one segment.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Property name.
    pub name: &'a str,
    /// Type.
    pub kind: ColumnKind,
    /// Whether some document has several values.
    pub multi: bool,
    /// Codes (of the `collection` column) of the collections with values here.
    pub collections: &'a [u32],
    /// The codes.
    pub codes: Codes<'a>,
    /// The values.
    pub dictionary: Dictionary<'a>,
}

impl Column<'_> {
    /// Calls `f` with each code of a document, ascending.
    pub fn for_each_code(&self, doc: u32, mut f: impl FnMut(u32)) {
        match self.codes {
            Codes::Dense(codes) => {
                let code = codes.get(doc as usize);
                if code > 0 {
                    f(code - 1);
                }
            }
            Codes::Pairs(docs, codes) => {
                let mut at = docs.partition_point(|d| *d < doc);
                while at < docs.len() && docs[at] == doc {
                    f(codes.get(at));
                    at += 1;
                }
            }
        }
    }

    /// The smallest code of a document.
    pub fn first_code(&self, doc: u32) -> Option<u32> {
        let mut first = None;
        self.for_each_code(doc, |code| first = first.or(Some(code)));
        first
    }
}
