//! What can be filtered and sorted by, learned from the live items that a scope may see.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_indexer::segment::{Bits, ColumnKind, SegmentData};
use nilometer_schemas::Problem;

/// Distinct texts up to which a property's values are listed.
const VALUES_MAX: usize = 50;

/// A property that can be filtered by.
#[derive(Clone, Debug, PartialEq)]
pub struct Queryable {
    /// Name without `properties.`.
    pub name: String,
    /// JSON types seen in the data: `string`, `number`, `integer`, `boolean`.
    pub types: Vec<&'static str>,
    /// All values of a text property, when there are few.
    pub values: Option<Vec<String>>,
    /// Smallest and largest value of a numeric property.
    pub range: Option<(f64, f64)>,
}

#[derive(Default)]
struct Seen {
    types: BTreeSet<&'static str>,
    values: BTreeSet<String>,
    many: bool,
    range: Option<(f64, f64)>,
}

fn look(data: &SegmentData, docs: &Bits, seen: &mut BTreeMap<String, Seen>) {
    for column in data.columns() {
        if matches!(column.name, "id" | "collection") {
            continue;
        }
        let mut used = vec![false; column.dictionary.len()];
        let mut any = false;
        data.for_each_pair(&column, |doc, code| {
            if docs.contains(doc) {
                used[code as usize] = true;
                any = true;
            }
        });
        if !any {
            continue;
        }
        let entry = seen.entry(column.name.to_owned()).or_default();
        let used = used.iter().enumerate().filter(|(_, used)| **used).map(|(code, _)| code as u32);
        match column.kind {
            ColumnKind::Bool => {
                entry.types.insert("boolean");
            }
            ColumnKind::Text => {
                entry.types.insert("string");
                for code in used {
                    if entry.values.len() == VALUES_MAX && !entry.values.contains(column.dictionary.text(code)) {
                        entry.many = true;
                        break;
                    }
                    entry.values.insert(column.dictionary.text(code).to_owned());
                }
            }
            ColumnKind::Number => {
                let numbers: Vec<f64> = used.map(|code| column.dictionary.number(code)).collect();
                let whole = numbers.iter().all(|n| n.fract() == 0.0);
                entry.types.insert(if whole { "integer" } else { "number" });
                let (low, high) = (numbers[0], numbers[numbers.len() - 1]);
                entry.range = Some(entry.range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
            }
        }
    }
}

/// The properties of the documents in the match sets.
pub(crate) fn collect<'a>(
    matched: impl Iterator<Item = Result<(&'a nilometer_indexer::SegmentView, Bits), Problem>>,
) -> Result<Vec<Queryable>, Problem> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for segment in matched {
        let (segment, docs) = segment?;
        look(segment.data(), &docs, &mut seen);
    }
    let queryable = |(name, seen): (String, Seen)| {
        let mut types: Vec<&'static str> = seen.types.iter().copied().collect();
        // Every integer is a number: a property seen as both is a number.
        if types.contains(&"number") {
            types.retain(|t| *t != "integer");
        }
        let listed = !seen.many && types == ["string"];
        Queryable { name, types, values: listed.then(|| seen.values.into_iter().collect()), range: seen.range }
    };
    Ok(seen.into_iter().map(queryable).collect())
}
