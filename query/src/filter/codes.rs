//! Conditions on one property, decided once for each of its distinct values and read off codes.

use nilometer_indexer::segment::{Bits, Codes, Column, ColumnKind, Dictionary, Narrow, SegmentData};
use nilometer_schemas::{Comparison, Expr, Filter, Scalar};

use super::eval::{Item, Leaf};
use super::like::Pattern;
use super::value::{Datum, Values, all, holds, one_of, period_of_text};
use super::work::{Cost, Work};

/// Steps after which work is taken down.
const STEPS_AT_ONCE: u64 = 1 << 16;
/// Steps of finding a value among those of a dictionary.
pub(super) const FIND_STEPS: u64 = 32;
/// Steps of reading a text as a moment.
const MOMENT_STEPS: u64 = 24;

/// A test of a property's values against literals.
#[derive(Debug)]
pub(crate) enum Test {
    Compare(Comparison, Datum<'static>),
    Between(Datum<'static>, Datum<'static>),
    In(Vec<Datum<'static>>),
    Like(Pattern),
    /// Any condition that reads one property once.
    Leaf(Leaf),
}

impl Test {
    /// The property and the test of a condition that compares one property with literals.
    pub(super) fn plain(filter: &Filter) -> Option<(String, Self)> {
        let literal = |expr: &Expr| match expr {
            Expr::Literal(scalar) => Some(Datum::from(scalar)),
            _ => None,
        };
        let (value, test) = match filter {
            Filter::Compare { left, op, right } => (left, Self::Compare(*op, literal(right)?)),
            Filter::Between { value, low, high } => (value, Self::Between(literal(low)?, literal(high)?)),
            Filter::In { value, values } => (value, Self::In(values.iter().map(literal).collect::<Option<_>>()?)),
            Filter::Like { value, pattern: Expr::Literal(Scalar::Text(text)) } => {
                (value, Self::Like(Pattern::new(text)))
            }
            _ => return None,
        };
        match value {
            Expr::Property(name) => Some((name.clone(), test)),
            _ => None,
        }
    }

    /// `None` is unknown.
    pub(super) fn of(&self, stored: &Datum<'_>) -> Option<bool> {
        match self {
            Self::Compare(op, literal) => Some(holds(*op, stored.compare(literal)?)),
            Self::Between(low, high) => {
                let above = stored.compare(low).map(|o| o.is_ge());
                all([above, stored.compare(high).map(|o| o.is_le())].into_iter())
            }
            Self::In(values) => {
                // A text is read as a moment once, and not for each of many moments.
                let moment = match stored {
                    Datum::Text(text) if values.iter().any(is_moment) => {
                        period_of_text(text).map(|(at, _)| Datum::Time(at))
                    }
                    _ => None,
                };
                let is_text = matches!(stored, Datum::Text(_));
                one_of(values.iter().map(|value| {
                    let own = if is_text && is_moment(value) { moment.as_ref()? } else { stored };
                    Some(own.compare(value)?.is_eq())
                }))
            }
            Self::Like(pattern) => match stored {
                Datum::Text(text) => Some(pattern.matches(text)),
                _ => None,
            },
            Self::Leaf(leaf) => leaf.truth(&OneValue(stored)),
        }
    }

    /// What testing a value takes.
    pub(super) fn cost(&self) -> Cost {
        let fixed = |fixed| Cost { fixed, per_8_bytes: 0 };
        let moments = |value: &Datum<'_>| if is_moment(value) { MOMENT_STEPS } else { 0 };
        match self {
            Self::Compare(_, value) => fixed(1 + moments(value)),
            Self::Between(low, high) => fixed(2 + moments(low) + moments(high)),
            Self::In(values) => fixed(values.len() as u64 + values.iter().map(moments).max().unwrap_or_default()),
            Self::Like(pattern) => pattern.cost(),
            Self::Leaf(leaf) => leaf.cost,
        }
    }

    /// The moments of a list in order, for what is compared with moments; `None` for other tests.
    pub(super) fn moments(&self) -> Option<Vec<i64>> {
        let Self::In(values) = self else { return None };
        let moment = |value: &Datum<'_>| match value {
            Datum::Time(at) => Some(*at),
            Datum::Text(text) => period_of_text(text).map(|(at, _)| at),
            _ => None,
        };
        let mut moments: Vec<i64> = values.iter().filter_map(moment).collect();
        moments.sort_unstable();
        Some(moments)
    }

    /// The members of a list that may be found among the values of a column; `None` where each value must be looked at.
    fn members(&self, kind: ColumnKind) -> Option<impl Iterator<Item = &Datum<'static>>> {
        let Self::In(values) = self else { return None };
        if kind == ColumnKind::Bool || (kind == ColumnKind::Text && values.iter().any(is_moment)) {
            return None;
        }
        Some(values.iter())
    }

    /// Whether values of a column's type can be told anything of.
    fn compares(&self, kind: ColumnKind) -> bool {
        let fits = |value: &Datum<'_>| match value {
            Datum::Text(_) | Datum::Time(_) => kind == ColumnKind::Text,
            Datum::Number(_) => kind == ColumnKind::Number,
            Datum::Bool(_) => kind == ColumnKind::Bool,
        };
        match self {
            Self::Compare(_, value) => fits(value),
            Self::Between(low, high) => fits(low) || fits(high),
            Self::In(values) => values.iter().any(fits),
            Self::Like(_) => kind == ColumnKind::Text,
            Self::Leaf(_) => true,
        }
    }

    /// Codes that can pass or be unknown, from the order of the dictionary, so that not every value need be looked at.
    fn code_range(&self, dictionary: Dictionary<'_>) -> std::ops::Range<u32> {
        let all = 0..dictionary.len() as u32;
        let lower = |value: &Datum<'_>| match value {
            Datum::Text(text) if matches!(dictionary, Dictionary::Texts { .. }) => {
                Some(dictionary.lower_bound_text(text))
            }
            Datum::Number(number) if matches!(dictionary, Dictionary::Numbers(_)) => {
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
            Self::Between(low, high) => match (lower(low), lower(high)) {
                (Some(begin), Some(last)) => begin..(last + 1).min(all.end).max(begin),
                _ => all,
            },
            Self::Like(pattern) if !pattern.prefix().is_empty() && matches!(dictionary, Dictionary::Texts { .. }) => {
                let begin = dictionary.lower_bound_text(pattern.prefix());
                begin..dictionary.lower_bound_text(&format!("{}{}", pattern.prefix(), char::MAX)).max(begin)
            }
            _ => all,
        }
    }

    /// Whether the passing values of a sorted dictionary of one type form one run, after which nothing is unknown.
    fn is_one_run(&self) -> bool {
        let ordered = |value: &Datum<'_>| matches!(value, Datum::Text(_) | Datum::Number(_));
        match self {
            Self::Compare(Comparison::NotEqual, _) | Self::In(_) | Self::Leaf(_) => false,
            Self::Compare(_, value) => ordered(value),
            Self::Between(low, high) => ordered(low) && ordered(high),
            Self::Like(pattern) => !pattern.prefix().is_empty() && pattern.is_prefix_only(),
        }
    }
}

fn is_moment(value: &Datum<'_>) -> bool {
    matches!(value, Datum::Time(_))
}

/// An item of which one value is known.
struct OneValue<'v, 'a>(&'v Datum<'a>);

impl<'a> Item<'a> for OneValue<'_, 'a> {
    fn property(&self, _: usize) -> Values<Datum<'a>> {
        Values::One(self.0.clone())
    }

    fn time(&self) -> Option<(i64, i64)> {
        None
    }

    fn distance_km(&self, _: [f64; 2]) -> Option<f64> {
        None
    }
}

/// The value of a code.
pub(super) fn datum<'a>(column: &Column<'a>, code: u32) -> Datum<'a> {
    match column.kind {
        ColumnKind::Text => Datum::Text(column.dictionary.text(code).into()),
        ColumnKind::Number => Datum::Number(column.dictionary.number(code)),
        ColumnKind::Bool => Datum::Bool(column.dictionary.number(code) == 1.0),
    }
}

/// The code of a value of a column; `None` where no item has it.
fn find(column: &Column<'_>, value: &Datum<'_>) -> Option<u32> {
    let dictionary = column.dictionary;
    match (value, column.kind) {
        (Datum::Text(text), ColumnKind::Text) => dictionary.find_text(text),
        (Datum::Number(number), ColumnKind::Number) => {
            let at = dictionary.lower_bound_number(*number);
            ((at as usize) < dictionary.len() && dictionary.number(at) == *number).then_some(at)
        }
        _ => None,
    }
}

/// Which codes of a column pass a test.
#[derive(Debug)]
pub(crate) struct CodeTest<'a> {
    column: Column<'a>,
    pass: Bits,
    /// The codes of which the test is unknown, where there are any.
    vague: Option<Bits>,
    /// Smallest and largest passing code, when all between them pass.
    range: Option<(u32, u32)>,
}

impl<'a> CodeTest<'a> {
    /// Tests a column's values; `None` where nothing can be told of values of its type, and where that would take more work
    /// than is allowed.
    pub(super) fn new(column: Column<'a>, test: &Test, work: &Work) -> Option<Self> {
        if !test.compares(column.kind) {
            return None;
        }
        let values = column.dictionary.len() as u32;
        let mut pass = Bits::none(values);
        if let Some(members) = test.members(column.kind) {
            let mut codes = Vec::new();
            for member in members {
                work.step(FIND_STEPS)?;
                codes.extend(find(&column, member));
            }
            codes.sort_unstable();
            codes.dedup();
            codes.iter().for_each(|code| pass.insert(*code));
            let ends = codes.first().copied().zip(codes.last().copied());
            let range = ends.filter(|(first, last)| (last - first) as usize + 1 == codes.len());
            return Some(Self { column, pass, vague: None, range });
        }
        let mut vague: Option<Bits> = None;
        let (mut first, mut last, mut count) = (None, 0, 0u32);
        let (cost, mut steps) = (test.cost(), 0);
        for code in test.code_range(column.dictionary) {
            let value = datum(&column, code);
            steps += cost.of_bytes(value.bytes());
            if steps > STEPS_AT_ONCE {
                work.step(std::mem::take(&mut steps))?;
            }
            match test.of(&value) {
                Some(true) => {
                    pass.insert(code);
                    first = first.or(Some(code));
                    last = code;
                    count += 1;
                }
                // Beyond the passing run of an ordered test nothing passes any more.
                Some(false) if count > 0 && test.is_one_run() => break,
                Some(false) => {}
                None => vague.get_or_insert_with(|| Bits::none(values)).insert(code),
            }
        }
        work.step(steps)?;
        Some(Self { column, pass, vague, range: first.filter(|f| last - f + 1 == count).map(|f| (f, last)) })
    }

    /// The truth of one value.
    fn of(&self, code: u32) -> Option<bool> {
        let is_vague = self.vague.as_ref().is_some_and(|vague| vague.contains(code));
        (!is_vague).then(|| self.pass.contains(code))
    }

    /// The truth for a document by its values of this column.
    pub(super) fn of_doc(&self, doc: u32) -> Option<bool> {
        let mut result = None;
        self.column.for_each_code(doc, |code| result = one_of([result, self.of(code)].into_iter()));
        result
    }

    /// The documents with a passing value.
    pub(super) fn trues(&self, data: &SegmentData) -> Bits {
        let docs = data.docs();
        match (self.column.codes, self.range) {
            (Codes::Dense(codes), Some((first, last))) => {
                // Dense codes are one higher, so that 0 means no value and never lies in the range.
                let (first, width) = (first + 1, last - first);
                match codes {
                    Narrow::U8(codes) => {
                        Bits::from_fn(docs, |d| u32::from(codes[d as usize]).wrapping_sub(first) <= width)
                    }
                    Narrow::U16(codes) => {
                        Bits::from_fn(docs, |d| u32::from(codes[d as usize]).wrapping_sub(first) <= width)
                    }
                    Narrow::U32(codes) => Bits::from_fn(docs, |d| codes[d as usize].wrapping_sub(first) <= width),
                }
            }
            _ => {
                let mut bits = Bits::none(docs);
                data.for_each_pair(&self.column, |doc, code| {
                    if self.pass.contains(code) {
                        bits.insert(doc);
                    }
                });
                bits
            }
        }
    }

    /// Adds the documents with a value of which the truth is known.
    pub(super) fn add_known(&self, data: &SegmentData, bits: &mut Bits) {
        data.for_each_pair(&self.column, |doc, code| {
            if self.of(code).is_some() {
                bits.insert(doc);
            }
        });
    }
}
