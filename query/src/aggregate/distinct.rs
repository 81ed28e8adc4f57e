//! How many different values there are, exactly.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use nilometer_indexer::segment::{Column, ColumnKind, NO_TIME};

use super::statistics::{numbers, uses};
use super::{Found, times_of};

/// Different values of a property; a number, a text and a truth value are never the same.
pub(crate) fn distinct(found: &[Found<'_>], property: &str) -> u64 {
    let mut times: Vec<i64> = Vec::new();
    for found in found {
        if let Some(here) = times_of(found.data, property) {
            times.extend(found.matches.iter().map(|doc| here[doc as usize]).filter(|time| *time != NO_TIME));
        }
    }
    times.sort_unstable();
    times.dedup();
    let mut all: Vec<f64> = found.iter().flat_map(|found| numbers(found, property)).map(|(number, _)| number).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    times.len() as u64 + all.len() as u64 + texts(found, property) + truths(found, property)
}

/// Dictionaries are sorted, so merging them tells different texts apart without holding them all.
fn texts(found: &[Found<'_>], property: &str) -> u64 {
    let mut columns: Vec<_> = found
        .iter()
        .filter_map(|found| {
            let column = found.data.column(property, ColumnKind::Text)?;
            let used: Vec<bool> = uses(found, &column).into_iter().map(|count| count > 0).collect();
            Some((column, (0..used.len() as u32).filter(move |code| used[*code as usize])))
        })
        .collect();
    let mut heads = BinaryHeap::new();
    for (at, (column, codes)) in columns.iter_mut().enumerate() {
        heads.extend(codes.next().map(|code| Reverse((column.dictionary.text(code), at))));
    }
    let (mut count, mut last) = (0, None);
    while let Some(Reverse((text, at))) = heads.pop() {
        if last != Some(text) {
            count += 1;
            last = Some(text);
        }
        let (column, codes) = &mut columns[at];
        heads.extend(codes.next().map(|code| Reverse((column.dictionary.text(code), at))));
    }
    count
}

fn truths(found: &[Found<'_>], property: &str) -> u64 {
    let mut seen = [false; 2];
    for found in found {
        let Some(column) = found.data.column(property, ColumnKind::Bool) else { continue };
        let is_true = |column: &Column<'_>, code: usize| column.dictionary.number(code as u32) == 1.0;
        for (code, count) in uses(found, &column).into_iter().enumerate() {
            seen[usize::from(is_true(&column, code))] |= count > 0;
        }
    }
    seen.into_iter().filter(|seen| *seen).count() as u64
}
