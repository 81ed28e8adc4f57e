//! Values while a filter is evaluated, and how they compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use nilometer_schemas::{Comparison, Instant, Scalar};

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Datum<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Bool(bool),
    /// A moment, µs.
    Time(i64),
}

impl From<&Scalar> for Datum<'static> {
    fn from(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(text.clone().into()),
            Scalar::Number(number) => Self::Number(*number),
            Scalar::Bool(truth) => Self::Bool(*truth),
            Scalar::Timestamp(moment) => Self::Time(moment.0),
        }
    }
}

/// First and last moment that a text names: a moment, or a date, which is its whole day.
pub(super) fn period_of_text(text: &str) -> Option<(i64, i64)> {
    let moment = Instant::parse(text).map(|moment| (moment.0, moment.0));
    moment.or_else(|| Instant::parse_day(text).map(|(first, last)| (first.0, last.0)))
}

impl Datum<'_> {
    /// The order of two values; `None` where their types do not compare. Text that is a moment or a date compares with
    /// moments, a date by its first moment.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Time(b)) => Some(period_of_text(a)?.0.cmp(b)),
            (Self::Time(a), Self::Text(b)) => Some(a.cmp(&period_of_text(b)?.0)),
            _ => None,
        }
    }

    /// Bytes of a text.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 0,
        }
    }

    /// First and last moment of a moment or date.
    pub(super) fn period(&self) -> Option<(i64, i64)> {
        match self {
            Self::Time(moment) => Some((*moment, *moment)),
            Self::Text(text) => period_of_text(text),
            _ => None,
        }
    }
}

/// Whether an order satisfies a comparison.
pub(super) fn holds(op: Comparison, ordering: Ordering) -> bool {
    match op {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterEqual => ordering.is_ge(),
    }
}

/// The values that an expression has for one item.
#[derive(Debug)]
pub(super) enum Values<T> {
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> Values<T> {
    pub(super) fn of(value: Option<T>) -> Self {
        value.map_or(Self::None, Self::One)
    }

    pub(super) fn of_list(mut list: Vec<T>) -> Self {
        match list.len() {
            0 => Self::None,
            1 => Self::of(list.pop()),
            _ => Self::Many(list),
        }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// What `f` makes of each.
    pub(super) fn map<U>(self, mut f: impl FnMut(T) -> Option<U>) -> Values<U> {
        match self {
            Self::None => Values::None,
            Self::One(value) => Values::of(f(value)),
            Self::Many(values) => Values::of_list(values.into_iter().filter_map(f).collect()),
        }
    }

    /// What `f` makes of each pair. Two operands with several values each have no result: their number would know no bound.
    pub(super) fn zip<U>(self, other: Self, mut f: impl FnMut(&T, &T) -> Option<U>) -> Values<U> {
        match (self, other) {
            (left, Self::One(b)) => left.map(|a| f(&a, &b)),
            (Self::One(a), right) => right.map(|b| f(&a, &b)),
            _ => Values::None,
        }
    }
}

/// True if one is true, false if all that are known are false, unknown if none is known.
pub(super) fn one_of(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = None;
    for result in results {
        match result {
            Some(true) => return Some(true),
            Some(false) => known = Some(false),
            None => {}
        }
    }
    known
}

/// All, in three-valued logic: false if one is false, true if all are true, else unknown.
pub(super) fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(truths.map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
}

/// Any, in three-valued logic: true if one is true, false if all are false, else unknown.
pub(super) fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for truth in truths {
        match truth {
            Some(true) => return Some(true),
            None => result = None,
            Some(false) => {}
        }
    }
    result
}
