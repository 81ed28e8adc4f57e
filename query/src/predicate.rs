//! A filter bound to one segment: each comparison is decided once per distinct value, then read off codes.
//!
//! CQL2's three-valued logic is kept by asking for the documents of which a condition is true, or false;
//! of the rest it is unknown.

use nilometer_indexer::segment::{Bits, Codes, Column, ColumnKind, Dictionary, NO_TIME, Narrow, SegmentData};
use nilometer_schemas::{Comparison, Filter, Instant, Scalar};

use crate::like::Pattern;
use crate::space::PreparedGeometry;
use crate::space_match;

/// A filter whose geometries are prepared once for all segments.
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// A test of one property's values.
    Property(String, Test),
    IsNull(String),
    Intersects(Box<PreparedGeometry>),
    Const(bool),
}

/// A test of a value.
pub(crate) enum Test {
    Compare(Comparison, Scalar),
    Between(Scalar, Scalar),
    In(Vec<Scalar>),
    Like(Pattern),
}

impl Condition {
    pub(crate) fn of(filter: &Filter) -> Self {
        let all = |filters: &[Filter]| filters.iter().map(Self::of).collect();
        match filter {
            Filter::And(filters) => Self::And(all(filters)),
            Filter::Or(filters) => Self::Or(all(filters)),
            Filter::Not(filter) => Self::Not(Box::new(Self::of(filter))),
            Filter::Compare { property, op, value } => {
                Self::Property(property.clone(), Test::Compare(*op, value.clone()))
            }
            Filter::Between { property, low, high } => {
                Self::Property(property.clone(), Test::Between(low.clone(), high.clone()))
            }
            Filter::In { property, values } => Self::Property(property.clone(), Test::In(values.clone())),
            Filter::Like { property, pattern } => Self::Property(property.clone(), Test::Like(Pattern::new(pattern))),
            Filter::IsNull { property } => Self::IsNull(property.clone()),
            Filter::Intersects(geometry) => Self::Intersects(Box::new(PreparedGeometry::new(geometry))),
            Filter::Const(truth) => Self::Const(*truth),
        }
    }
}

fn holds(op: Comparison, ordering: std::cmp::Ordering) -> bool {
    match op {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterEqual => ordering.is_ge(),
    }
}

/// A value as it stands in a column or an array of times.
#[derive(Clone, Copy)]
enum Stored<'a> {
    Text(&'a str),
    Number(f64),
    Bool(bool),
    Time(i64),
}

/// Order of a stored value and a literal; `None` where their types do not compare.
fn compare(stored: Stored<'_>, literal: &Scalar) -> Option<std::cmp::Ordering> {
    match (stored, literal) {
        (Stored::Text(a), Scalar::Text(b)) => Some(a.cmp(b.as_str())),
        (Stored::Text(a), Scalar::Timestamp(b)) => Instant::parse(a).map(|a| a.cmp(b)),
        (Stored::Number(a), Scalar::Number(b)) => a.partial_cmp(b),
        (Stored::Bool(a), Scalar::Bool(b)) => Some(a.cmp(b)),
        (Stored::Time(a), Scalar::Timestamp(b)) => Some(a.cmp(&b.0)),
        (Stored::Time(a), Scalar::Text(b)) => Instant::parse(b).map(|b| a.cmp(&b.0)),
        _ => None,
    }
}

impl Test {
    /// `None` is unknown.
    fn of(&self, stored: Stored<'_>) -> Option<bool> {
        match self {
            Self::Compare(op, literal) => Some(holds(*op, compare(stored, literal)?)),
            Self::Between(low, high) => Some(compare(stored, low)?.is_ge() && compare(stored, high)?.is_le()),
            Self::In(values) => {
                let mut known = None;
                for value in values {
                    match compare(stored, value) {
                        Some(ordering) if ordering.is_eq() => return Some(true),
                        Some(_) => known = Some(false),
                        None => {}
                    }
                }
                known
            }
            Self::Like(pattern) => match stored {
                Stored::Text(text) => Some(pattern.matches(text)),
                _ => None,
            },
        }
    }

    /// Codes that can pass at all, from the order of the dictionary, so that not every value need be looked at.
    fn code_range(&self, dictionary: Dictionary<'_>) -> std::ops::Range<u32> {
        let all = 0..dictionary.len() as u32;
        let lower = |value: &Scalar| match value {
            Scalar::Text(text) if matches!(dictionary, Dictionary::Texts { .. }) => {
                Some(dictionary.lower_bound_text(text))
            }
            Scalar::Number(number) if matches!(dictionary, Dictionary::Numbers(_)) => {
                Some(dictionary.lower_bound_number(*number))
            }
            _ => None,
        };
        match self {
            Self::Compare(Comparison::Equal, value) => lower(value).map_or(all.clone(), |at| at..(at + 1).min(all.end)),
            Self::Compare(Comparison::Less | Comparison::LessEqual, value) => {
                lower(value).map_or(all.clone(), |at| 0..(at + 1).min(all.end))
            }
            Self::Compare(Comparison::Greater | Comparison::GreaterEqual, value) => {
                lower(value).map_or(all.clone(), |at| at..all.end)
            }
            Self::Between(low, high) => {
                let begin = lower(low).unwrap_or(0);
                begin..lower(high).map_or(all.end, |at| (at + 1).min(all.end)).max(begin)
            }
            Self::Like(pattern) if !pattern.prefix().is_empty() && matches!(dictionary, Dictionary::Texts { .. }) => {
                let begin = dictionary.lower_bound_text(pattern.prefix());
                begin..dictionary.lower_bound_text(&format!("{}{}", pattern.prefix(), char::MAX)).max(begin)
            }
            _ => all,
        }
    }
}

/// Which codes of a column pass a test.
struct CodeTest {
    pass: Vec<bool>,
    /// Smallest and largest passing code, when all between them pass.
    range: Option<(u32, u32)>,
    /// Whether the values are of a type that the test compares.
    known: bool,
}

fn code_test(column: &Column<'_>, test: &Test) -> CodeTest {
    let stored = |code: u32| match column.kind {
        ColumnKind::Text => Stored::Text(column.dictionary.text(code)),
        ColumnKind::Number => Stored::Number(column.dictionary.number(code)),
        ColumnKind::Bool => Stored::Bool(column.dictionary.number(code) == 1.0),
    };
    let mut pass = vec![false; column.dictionary.len()];
    let (mut first, mut last, mut count) = (None, 0, 0u32);
    for code in test.code_range(column.dictionary) {
        match test.of(stored(code)) {
            Some(true) => {
                pass[code as usize] = true;
                first = first.or(Some(code));
                last = code;
                count += 1;
            }
            // Beyond the passing run of an ordered test nothing passes any more.
            Some(false) if count > 0 && test.is_one_run() => break,
            _ => {}
        }
    }
    let known = !pass.is_empty() && test.of(stored(0)).is_some()
        || count > 0
        || column.kind == ColumnKind::Text && test.reads_texts();
    CodeTest { pass, range: first.filter(|f| last - f + 1 == count).map(|f| (f, last)), known }
}

impl Test {
    /// Whether the passing values of a sorted dictionary of one type form one run.
    fn is_one_run(&self) -> bool {
        let ordered = |value: &Scalar| matches!(value, Scalar::Text(_) | Scalar::Number(_));
        match self {
            Self::Compare(Comparison::NotEqual, _) | Self::In(_) => false,
            Self::Compare(_, value) => ordered(value),
            Self::Between(low, high) => ordered(low) && ordered(high),
            Self::Like(pattern) => !pattern.prefix().is_empty() && pattern.is_prefix_only(),
        }
    }

    /// Whether the test compares moments with texts, some of which may be no moments.
    fn reads_texts(&self) -> bool {
        let time = |value: &Scalar| matches!(value, Scalar::Timestamp(_));
        match self {
            Self::Compare(_, value) => time(value),
            Self::Between(low, high) => time(low) && time(high),
            Self::In(values) => values.iter().any(time),
            Self::Like(_) => false,
        }
    }
}

/// The documents with a code for which `pass` says so.
fn docs_with(data: &SegmentData, column: &Column<'_>, test: &CodeTest) -> Bits {
    let docs = data.docs();
    match (column.codes, test.range) {
        (Codes::Dense(codes), Some((first, last))) => {
            // Dense codes are one higher, so that 0 means no value and never lies in the range.
            let (first, width) = (first + 1, last - first);
            match codes {
                Narrow::U8(codes) => Bits::from_fn(docs, |d| u32::from(codes[d as usize]).wrapping_sub(first) <= width),
                Narrow::U16(codes) => {
                    Bits::from_fn(docs, |d| u32::from(codes[d as usize]).wrapping_sub(first) <= width)
                }
                Narrow::U32(codes) => Bits::from_fn(docs, |d| codes[d as usize].wrapping_sub(first) <= width),
            }
        }
        _ => {
            let mut bits = Bits::none(docs);
            data.for_each_pair(column, |doc, code| {
                if test.pass[code as usize] {
                    bits.insert(doc);
                }
            });
            bits
        }
    }
}

fn docs_with_any(data: &SegmentData, column: &Column<'_>) -> Bits {
    let mut bits = Bits::none(data.docs());
    data.for_each_pair(column, |doc, _| bits.insert(doc));
    bits
}

/// An array of times that answers for a property name.
fn times<'a>(data: &'a SegmentData, property: &str) -> Option<&'a [i64]> {
    match property {
        "datetime" => Some(data.datetime()),
        "start_datetime" => Some(data.start()),
        "end_datetime" => Some(data.end()),
        "ingested" => Some(data.ingested()),
        _ => None,
    }
}

/// A condition bound to a segment.
pub(crate) enum Bound<'a> {
    And(Vec<Bound<'a>>),
    Or(Vec<Bound<'a>>),
    Not(Box<Bound<'a>>),
    /// A property's columns of the types that the test compares.
    Columns(Vec<(Column<'a>, CodeTestBox)>),
    Times(&'a [i64], &'a Test),
    NoColumns(Vec<Column<'a>>),
    NoTime(&'a [i64]),
    NoGeometry,
    Intersects(&'a PreparedGeometry),
    Const(bool),
}

/// Hides the test's layout.
pub(crate) struct CodeTestBox(CodeTest);

impl<'a> Bound<'a> {
    pub(crate) fn new(condition: &'a Condition, data: &'a SegmentData) -> Self {
        match condition {
            Condition::And(all) => Self::And(all.iter().map(|c| Self::new(c, data)).collect()),
            Condition::Or(any) => Self::Or(any.iter().map(|c| Self::new(c, data)).collect()),
            Condition::Not(inner) => Self::Not(Box::new(Self::new(inner, data))),
            Condition::Property(property, test) => match times(data, property) {
                Some(times) => Self::Times(times, test),
                None => {
                    let tested = data.columns_of(property).map(|column| (column, code_test(&column, test)));
                    Self::Columns(tested.filter(|(_, test)| test.known).map(|(c, t)| (c, CodeTestBox(t))).collect())
                }
            },
            Condition::IsNull(property) if property == "geometry" => Self::NoGeometry,
            Condition::IsNull(property) => match times(data, property) {
                Some(times) => Self::NoTime(times),
                None => Self::NoColumns(data.columns_of(property).collect()),
            },
            Condition::Intersects(geometry) => Self::Intersects(geometry),
            Condition::Const(truth) => Self::Const(*truth),
        }
    }

    /// The documents for which the condition is true.
    pub(crate) fn trues(&self, data: &SegmentData) -> Bits {
        let docs = data.docs();
        match self {
            Self::And(all) => intersection(docs, all.iter().map(|b| b.trues(data))),
            Self::Or(any) => union(docs, any.iter().map(|b| b.trues(data))),
            Self::Not(inner) => inner.falses(data),
            Self::Columns(columns) => {
                union(docs, columns.iter().map(|(column, test)| docs_with(data, column, &test.0)))
            }
            Self::Times(times, test) => Bits::from_fn(docs, |d| time_test(times[d as usize], test) == Some(true)),
            Self::NoColumns(columns) => {
                let mut bits = union(docs, columns.iter().map(|c| docs_with_any(data, c)));
                bits.invert();
                bits
            }
            Self::NoTime(times) => Bits::from_fn(docs, |d| times[d as usize] == NO_TIME),
            Self::NoGeometry => Bits::from_fn(docs, |d| data.geometry_of(d).is_none()),
            Self::Intersects(geometry) => space_match::docs(data, geometry),
            Self::Const(truth) => {
                if *truth {
                    Bits::all(docs)
                } else {
                    Bits::none(docs)
                }
            }
        }
    }

    /// The documents for which the condition is false.
    fn falses(&self, data: &SegmentData) -> Bits {
        let docs = data.docs();
        match self {
            Self::And(all) => union(docs, all.iter().map(|b| b.falses(data))),
            Self::Or(any) => intersection(docs, any.iter().map(|b| b.falses(data))),
            Self::Not(inner) => inner.trues(data),
            Self::Columns(columns) => {
                let mut bits = union(docs, columns.iter().map(|(column, _)| docs_with_any(data, column)));
                bits.and_not(&self.trues(data));
                bits
            }
            Self::Times(times, test) => Bits::from_fn(docs, |d| time_test(times[d as usize], test) == Some(false)),
            Self::Intersects(_) => {
                let mut bits = Bits::from_fn(docs, |d| data.geometry_of(d).is_some());
                bits.and_not(&self.trues(data));
                bits
            }
            Self::NoColumns(_) | Self::NoTime(_) | Self::NoGeometry | Self::Const(_) => {
                let mut bits = self.trues(data);
                bits.invert();
                bits
            }
        }
    }

    /// Whether the condition is true of one document; `None` is unknown.
    pub(crate) fn of(&self, data: &SegmentData, doc: u32) -> Option<bool> {
        match self {
            Self::And(all) => {
                let mut result = Some(true);
                for bound in all {
                    match bound.of(data, doc) {
                        Some(false) => return Some(false),
                        None => result = None,
                        Some(true) => {}
                    }
                }
                result
            }
            Self::Or(any) => {
                let mut result = Some(false);
                for bound in any {
                    match bound.of(data, doc) {
                        Some(true) => return Some(true),
                        None => result = None,
                        Some(false) => {}
                    }
                }
                result
            }
            Self::Not(inner) => inner.of(data, doc).map(|truth| !truth),
            Self::Columns(columns) => {
                let mut result = None;
                for (column, test) in columns {
                    column.for_each_code(doc, |code| {
                        result = Some(result == Some(true) || test.0.pass[code as usize]);
                    });
                }
                result
            }
            Self::Times(times, test) => time_test(times[doc as usize], test),
            Self::NoColumns(columns) => Some(columns.iter().all(|c| c.first_code(doc).is_none())),
            Self::NoTime(times) => Some(times[doc as usize] == NO_TIME),
            Self::NoGeometry => Some(data.geometry_of(doc).is_none()),
            Self::Intersects(geometry) => space_match::doc(data, geometry, doc),
            Self::Const(truth) => Some(*truth),
        }
    }
}

fn time_test(time: i64, test: &Test) -> Option<bool> {
    if time == NO_TIME { None } else { test.of(Stored::Time(time)) }
}

fn union(docs: u32, sets: impl Iterator<Item = Bits>) -> Bits {
    let mut all = Bits::none(docs);
    for set in sets {
        all.or(&set);
    }
    all
}

fn intersection(docs: u32, sets: impl Iterator<Item = Bits>) -> Bits {
    let mut all = Bits::all(docs);
    for set in sets {
        all.and(&set);
    }
    all
}
