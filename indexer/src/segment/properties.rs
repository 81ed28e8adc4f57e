//! What documents have of each property: types, values where they are few, ranges, times. What several segments say is added
//! up, so that a segment is looked at once.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_schemas::Instant;

use super::bits::Bits;
use super::column::{Column, ColumnKind};
use super::data::SegmentData;

/// Different values of a property up to which they are listed.
pub const VALUES_MAX: usize = 50;
/// Columns of every document that are no properties.
const IDENTITY: [&str; 2] = ["id", "collection"];

/// By name of the property.
pub type Properties = BTreeMap<String, PropertyUse>;

/// Different values: all of them where they are few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distinct<T: Ord> {
    /// The values, up to [`VALUES_MAX`].
    pub listed: Option<BTreeSet<T>>,
    /// How many there are; where they are not listed and in several segments, at most so many.
    pub count: u64,
}

impl<T: Ord> Default for Distinct<T> {
    fn default() -> Self {
        Self { listed: Some(BTreeSet::new()), count: 0 }
    }
}

impl<T: Ord + Clone> Distinct<T> {
    fn of(values: impl ExactSizeIterator<Item = T>) -> Self {
        let count = values.len() as u64;
        Self { listed: (values.len() <= VALUES_MAX).then(|| values.collect()), count }
    }

    /// Notes one more value, of values that come in any order.
    pub fn insert(&mut self, value: T) {
        self.add(&Self { listed: Some(BTreeSet::from([value])), count: 1 });
    }

    fn add(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.listed, &other.listed) {
            mine.extend(theirs.iter().cloned());
            if mine.len() <= VALUES_MAX {
                self.count = mine.len() as u64;
                return;
            }
        }
        self.listed = None;
        self.count += other.count;
    }
}

/// What some documents have of a property.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyUse {
    /// Documents that have it; one with values of several types counts once for each.
    pub items: u64,
    /// All values of all documents.
    pub values: u64,
    /// The truths among the values.
    pub truths: Distinct<bool>,
    /// The texts.
    pub texts: Distinct<String>,
    /// The numbers, as bits.
    pub numbers: Distinct<u64>,
    /// Least and greatest number.
    pub range: Option<(f64, f64)>,
    /// Whether a number has a fraction.
    pub has_fractions: bool,
    /// First and last moment, if there are texts and all of them are moments or dates.
    pub times: Option<(Instant, Instant)>,
    /// Whether a text is no moment.
    pub untimely: bool,
}

impl PropertyUse {
    /// How many different values there are; see [`Distinct::count`].
    pub fn distinct(&self) -> u64 {
        self.truths.count + self.texts.count + self.numbers.count
    }

    /// Notes a number.
    pub fn insert_number(&mut self, number: f64) {
        self.numbers.insert(number.to_bits());
        self.see_range(number, number);
        self.has_fractions |= number.fract() != 0.0;
    }

    fn see_range(&mut self, low: f64, high: f64) {
        self.range = Some(self.range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
    }

    fn see_times(&mut self, first: Instant, last: Instant) {
        self.times = Some(self.times.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }

    /// Adds what other documents have of the property.
    pub fn add(&mut self, other: &Self) {
        self.items += other.items;
        self.values += other.values;
        self.truths.add(&other.truths);
        self.texts.add(&other.texts);
        self.numbers.add(&other.numbers);
        if let Some((low, high)) = other.range {
            self.see_range(low, high);
        }
        self.has_fractions |= other.has_fractions;
        if let Some((first, last)) = other.times {
            self.see_times(first, last);
        }
        self.untimely |= other.untimely;
        if self.untimely {
            self.times = None;
        }
    }

    /// What a column's values of these codes are.
    fn look_at(&mut self, column: &Column<'_>, used: &Bits) {
        let codes = || used.iter();
        let count = used.count();
        match column.kind {
            ColumnKind::Bool => codes().for_each(|code| self.truths.insert(column.dictionary.number(code) != 0.0)),
            ColumnKind::Text => {
                let texts: Vec<u32> = if count <= VALUES_MAX as u64 { codes().collect() } else { Vec::new() };
                self.texts.add(&match texts.is_empty() {
                    true => Distinct { listed: None, count },
                    false => Distinct::of(texts.iter().map(|code| column.dictionary.text(*code).to_owned())),
                });
                for code in codes() {
                    let Some(moment) = Instant::of_text(column.dictionary.text(code)) else {
                        (self.untimely, self.times) = (true, None);
                        break;
                    };
                    self.see_times(moment, moment);
                }
            }
            ColumnKind::Number => {
                let numbers: Vec<f64> = codes().map(|code| column.dictionary.number(code)).collect();
                self.numbers.add(&Distinct::of(numbers.iter().map(|number| number.to_bits())));
                self.has_fractions |= numbers.iter().any(|number| number.fract() != 0.0);
                if let (Some(low), Some(high)) = (numbers.first(), numbers.last()) {
                    self.see_range(*low, *high);
                }
            }
        }
    }
}

/// Adds what other documents have.
pub fn add_properties(all: &mut Properties, part: &Properties) {
    for (name, property) in part {
        match all.get_mut(name) {
            Some(known) => known.add(property),
            None => {
                all.insert(name.clone(), property.clone());
            }
        }
    }
}

/// What a column's codes of one group of documents are.
struct Codes {
    used: Bits,
    values: u64,
    items: u64,
    last: Option<u32>,
}

/// What the documents of each of several groups have of the properties in these columns, by group; `group_of` says which
/// group a document is in, if any.
pub(crate) fn properties<'a>(
    data: &SegmentData,
    columns: impl Iterator<Item = Column<'a>>,
    groups: usize,
    group_of: impl Fn(u32) -> Option<u32>,
) -> Vec<Properties> {
    let mut all = vec![Properties::new(); groups];
    for column in columns.filter(|column| !IDENTITY.contains(&column.name)) {
        let mut by_group: Vec<Option<Codes>> = (0..groups).map(|_| None).collect();
        data.for_each_pair(&column, |doc, code| {
            let Some(group) = group_of(doc) else { return };
            let codes = by_group[group as usize].get_or_insert_with(|| Codes {
                used: Bits::none(column.dictionary.len() as u32),
                values: 0,
                items: 0,
                last: None,
            });
            codes.used.insert(code);
            codes.values += 1;
            codes.items += u64::from(codes.last.replace(doc) != Some(doc));
        });
        for (group, codes) in by_group.into_iter().enumerate() {
            if let Some(codes) = codes {
                let property = all[group].entry(column.name.to_owned()).or_default();
                property.items += codes.items;
                property.values += codes.values;
                property.look_at(&column, &codes.used);
            }
        }
    }
    all
}
