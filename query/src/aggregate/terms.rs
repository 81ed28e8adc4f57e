//! Items by value.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use nilometer_indexer::segment::{Column, ColumnKind};
use nilometer_schemas::{AggregationResult, Bucket, Problem};
use serde_json::Value;

use super::buckets::{Members, Part, tally};
use super::{Found, number_value};

/// A number as a key; zero has one sign.
#[derive(Clone, Copy, Debug)]
struct Number(f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A value; texts come before numbers, and these before truth values, of which true comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Term<'a> {
    Text(&'a str),
    Number(Number),
    Not(bool),
}

impl Term<'_> {
    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Number(_) => 1,
            Self::Not(_) => 2,
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(Number(number)) => number_value(number),
            Self::Not(falsehood) => (!falsehood).into(),
        }
    }
}

/// Items by value of a property, each type by falling count.
pub(super) fn terms(found: &[Found<'_>], property: &str, limit: Option<usize>) -> Result<AggregationResult, Problem> {
    let mut tally = tally(found, limit, "values", |found| Ok(found.data.columns_of(property).map(part).collect()))?;
    // Sorting is stable: equal counts stay in the order of keys. Truth values are two, in their own order.
    tally.counts.sort_by(|(a, many), (b, few)| {
        a.rank().cmp(&b.rank()).then(if a.rank() == 2 { Ordering::Equal } else { few.cmp(many) })
    });
    let data_type = match tally.counts.first() {
        None | Some((Term::Text(_), _)) => "string",
        Some((Term::Number(_), _)) => "numeric",
        Some((Term::Not(_), _)) => "boolean",
    };
    let buckets = tally.counts.into_iter().map(|(term, count)| Bucket::new(term.value(), count)).collect();
    Ok(AggregationResult::Buckets { data_type, buckets, left: tally.left, interval: None })
}

fn part(column: Column<'_>) -> Part<'_, Term<'_>> {
    let mut keys: Vec<Term<'_>> = Vec::with_capacity(column.dictionary.len());
    let mut buckets = Vec::with_capacity(column.dictionary.len());
    for code in 0..column.dictionary.len() as u32 {
        let term = match column.kind {
            ColumnKind::Text => Term::Text(column.dictionary.text(code)),
            // Both zeros are one value; they stand beside each other in the dictionary.
            ColumnKind::Number => Term::Number(Number(column.dictionary.number(code) + 0.0)),
            ColumnKind::Bool => Term::Not(column.dictionary.number(code) != 1.0),
        };
        if keys.last() != Some(&term) {
            keys.push(term);
        }
        buckets.push(keys.len() as u32 - 1);
    }
    Part { members: Members::Codes(column, buckets), keys }
}
